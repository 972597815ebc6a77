package bench

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/dossier"
)

// DefaultEdition is the one that UK law names.
const DefaultEdition = "V2.1.1"

// EditionOf is the edition of EN 303 645 for which a dossier says that it is tested:
// in product.yaml, else in ixit.yaml, else DefaultEdition.
func EditionOf(d *dossier.Dossier) (string, error) {
	for _, id := range d.Product.Laws {
		if name, ok := strings.CutPrefix(string(id), "en303645@"); ok {
			return name, nil
		}
	}
	x, err := d.IXIT()
	if err != nil || x == nil {
		return DefaultEdition, err
	}
	return x.Edition, nil
}

// ReadSheets reads a form from a file, by the ending of its name: .csv or .xlsx.
func ReadSheets(name string, data []byte) ([]*Sheet, error) {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".csv":
		s, err := ReadCSV(name, bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		return []*Sheet{s}, nil
	case ".xlsx":
		return ReadXLSX(name, data)
	}
	return nil, &assay.Problem{Kind: assay.ErrUnsupported, Where: name, What: "is neither .csv nor .xlsx", Do: "name the file with one of these endings"}
}

// TakeICS keeps what a form of the ICS answers, all or nothing: how many rows it has,
// and how many answers of it are new.
func (r *Recorder) TakeICS(sheets []*Sheet) (rows, kept int, err error) {
	if len(sheets) != 1 {
		return 0, 0, sheetProblem("ICS", fmt.Sprintf("comes as %d sheets", len(sheets)), "give the form alone")
	}
	all, err := ReadICS(sheets[0])
	if err != nil {
		return 0, 0, err
	}
	if strings.TrimSpace(r.By) == "" {
		return 0, 0, &assay.Problem{Kind: assay.ErrInvalid, What: "a form needs somebody who gives it", Do: "say --by \"Name, function\" or set ASSAY_BY"}
	}
	p, err := r.Plan()
	if err != nil {
		return 0, 0, err
	}
	answers, err := p.Answers(all, r.By, r.Now())
	if err != nil {
		return 0, 0, err
	}
	return len(all), len(answers), r.Dossier.Answer(answers...)
}

// TakeIXIT takes from tables what the supplier declares, and keeps what was found. It
// gives the IXIT as it stands, and how many entries the tables declare.
func (r *Recorder) TakeIXIT(sheets []*Sheet) (x *dossier.IXIT, tables, entries int, err error) {
	in, err := r.Test.ReadIXIT(sheets...)
	if err != nil {
		return nil, 0, 0, err
	}
	old, err := r.Dossier.IXIT()
	if err != nil {
		return nil, 0, 0, err
	}
	if old != nil && (old.TestSpecification != in.TestSpecification || old.Edition != in.Edition) {
		return nil, 0, 0, &assay.Problem{Kind: assay.ErrConflict, Where: "ixit.yaml", What: fmt.Sprintf("is for TS 103 701 %s, not %s", old.TestSpecification, in.TestSpecification), Do: "move it out of the dossier first"}
	}
	x = Merge(old, in)
	if err := r.Test.CheckIXIT(x); err != nil {
		return nil, 0, 0, err
	}
	for _, t := range in.Tables {
		for _, e := range t.Entries {
			if e.Declared() {
				entries++
			}
		}
	}
	return x, len(in.Tables), entries, r.Dossier.WriteIXIT(x)
}

// PrefillIXIT writes what tools observed into the column of what was found, and says
// into how many fields. What is declared stays as it was.
func (r *Recorder) PrefillIXIT() (int, error) {
	old, err := r.Dossier.IXIT()
	if err != nil {
		return 0, err
	}
	if old != nil {
		if err := r.Test.CheckIXIT(old); err != nil {
			return 0, err
		}
	}
	x, found := r.Test.Prefill(old, r.Dossier.Observations())
	return found, r.Dossier.WriteIXIT(x)
}

// SignIXIT records that the supplier stands by what is declared as it stands; by is
// who signs there, name and function.
func (r *Recorder) SignIXIT(by string) (*dossier.IXITSignature, error) {
	x, err := r.Dossier.IXIT()
	if err != nil {
		return nil, err
	}
	declared := func(t dossier.IXITTable) bool {
		return t.Empty != "" || slices.ContainsFunc(t.Entries, func(e dossier.IXITEntry) bool { return e.Declared() })
	}
	if x == nil || !slices.ContainsFunc(x.Tables, declared) {
		return nil, &assay.Problem{Kind: assay.ErrNotFound, Where: "ixit.yaml", What: "is not there, or declares nothing", Do: "export the tables, have them filled, and import them"}
	}
	if err := checkText(by); err != nil {
		return nil, refuse("IXIT", err.Error(), "name who signs in one line")
	}
	if err := r.Test.Sign(x, by, r.Now()); err != nil {
		return nil, err
	}
	return x.Signed, r.Dossier.WriteIXIT(x)
}
