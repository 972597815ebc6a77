package law

import "github.com/assay-psti/assay"

const overallTS103701 = "ts103701"

func parseStandard(name string, data []byte) ([]*Regime, error) { return nil, assay.ErrUnsupported }

func (r *Regime) overall103701(j *judge) assay.Verdict { return assay.Inconclusive }
