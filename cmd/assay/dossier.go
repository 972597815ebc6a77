package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/bench"
	"github.com/assay-psti/assay/dossier"
	"github.com/assay-psti/assay/law"
	"github.com/assay-psti/assay/vocab"
)

// defaultLaw is judged by where neither the command nor the dossier says.
const defaultLaw = "uk-psti"

// openDossier opens a dossier with open, dossier.Open or dossier.Load, and tells
// the user its notices. An answer of a day to come is an error: it would outrank
// every answer given until then. A day of grace covers time zones.
func openDossier(ctx context.Context, env *environment, dir string, open func(context.Context, string) (*dossier.Dossier, error)) (*dossier.Dossier, error) {
	d, err := open(ctx, dir)
	if err != nil {
		return nil, err
	}
	for _, n := range d.Notices {
		fmt.Fprintln(env.errOut, "assay: "+n)
	}
	limit := env.now().Add(24 * time.Hour)
	for i := range d.Declared {
		if o := &d.Declared[i]; o.At.After(limit) {
			place := d.Place(o)
			d.Close()
			return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: place, What: fmt.Sprintf("%s is said on %s, a day to come", o.Term, assay.DateOf(o.At)), Do: "give the day on which it was said"}
		}
	}
	return d, nil
}

// laws are the regimes to judge by: those of the command, else of the dossier.
func laws(named []string, d *dossier.Dossier) []string {
	if len(named) > 0 {
		return named
	}
	if len(d.Product.Laws) == 0 {
		return []string{defaultLaw}
	}
	names := make([]string, len(d.Product.Laws))
	for i, id := range d.Product.Laws {
		names[i] = string(id)
	}
	return names
}

// fold makes facts of what stands in the dossier. An observation that the
// vocabulary refuses is an error that names its place.
func fold(d *dossier.Dossier) (*vocab.Facts, error) {
	facts, _, err := foldBench(d)
	return facts, err
}

// foldBench is fold with the observations that a signed IXIT adds. A verdict that was
// given at the bench counts as long as what it rests on does.
func foldBench(d *dossier.Dossier) (*vocab.Facts, []assay.Observation, error) {
	facts, err := foldAll(d)
	if err != nil {
		return nil, nil, err
	}
	in, err := bench.InputOf(d)
	if err != nil {
		return nil, nil, err
	}
	if in.IXIT == nil && !slices.ContainsFunc(d.Observed, bench.Made) {
		return facts, nil, nil
	}
	said, err := bench.Hold(law.Standard(), facts, in)
	return facts, said, err
}

func foldAll(d *dossier.Dossier) (*vocab.Facts, error) {
	v := law.Standard().Vocabulary()
	all := d.Observations()
	for i := range all {
		o := &all[i]
		if o.Withdraws != "" {
			continue
		}
		t := v.Term(o.Term)
		switch {
		case t == nil:
			return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: d.Place(o), What: fmt.Sprintf("there is no term %q", o.Term), Do: "see assay law terms for those there are"}
		case !t.FitsSubject(o.Subject):
			return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: d.Place(o), What: fmt.Sprintf("%s is said of a %s, not of %s", t.ID, t.On, o.Subject), Do: "give it the subject product or " + t.On + "/NAME"}
		}
		if _, err := t.Check(o.Value); err != nil {
			return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: d.Place(o), What: fmt.Sprintf("%q is not a value of %s", o.Value, t.ID), Do: "give it " + kindOfAnswer(t)}
		}
	}
	return v.FoldAll(d.Parts(), all)
}
