package vocab

import (
	"fmt"
	"slices"

	"github.com/assay-psti/assay"
)

// FoldAll folds observations into facts. parts are the parts that the dossier
// names, whether or not anything was observed of them. Observations are taken in
// the order in which they were made; one that was withdrawn does not count,
// unless it was made again later.
//
// An observation in a term that the vocabulary lacks, of the wrong type, or
// about the wrong kind of subject is an error.
func (v *Vocabulary) FoldAll(parts []assay.Subject, observations []assay.Observation) (*Facts, error) {
	f := NewFacts(v)
	for _, s := range parts {
		f.AddPart(s)
	}
	type key struct {
		subject assay.Subject
		term    assay.TermID
	}
	groups := map[key][]*assay.Observation{}
	var order []key
	for _, o := range Standing(observations) {
		t := v.Term(o.Term)
		if t == nil {
			return nil, fmt.Errorf("observation %s: term %q: %w: the vocabulary has no such term", o.ID, o.Term, assay.ErrInvalid)
		}
		if !t.FitsSubject(o.Subject) {
			return nil, fmt.Errorf("observation %s: term %s is said of a %s, not of %s: %w", o.ID, t.ID, t.On, o.Subject, assay.ErrInvalid)
		}
		value, err := t.Check(o.Value)
		if err != nil {
			return nil, fmt.Errorf("observation %s: %w", o.ID, err)
		}
		o.Value = value
		k := key{o.Subject, o.Term}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], &o)
	}
	for _, k := range order {
		t := v.Term(k.term)
		f.Put(k.subject, t, t.fold(groups[k]))
	}
	f.doubt()
	return f, nil
}

// doubt makes unknown each mere word of yes that something observed speaks against.
// The word and what was observed are both kept.
func (f *Facts) doubt() {
	for i := range f.vocabulary.terms {
		t := &f.vocabulary.terms[i]
		if len(t.Doubted) == 0 {
			continue
		}
		f.doubtOf(assay.Product, t)
		for _, p := range f.parts[t.On] {
			f.doubtOf(p.Subject, t)
		}
	}
}

func (f *Facts) doubtOf(s assay.Subject, t *Term) {
	said := f.Fact(s, t)
	if said.Basis != OnDeclared || !said.Value.Bool() {
		return
	}
	doubted := Fact{Because: said.Because, Conflict: true}
	for _, id := range t.Doubted {
		if seen := f.Fact(s, f.vocabulary.Term(id)); seen.Basis&OnObserved != 0 && seen.Value.Bool() {
			doubted.Against = append(doubted.Against, seen.Because...)
		}
	}
	if len(doubted.Against) > 0 {
		f.Put(s, t, doubted)
	}
}

// Standing is the observations that still stand, in the order in which they were
// last made.
func Standing(observations []assay.Observation) []assay.Observation {
	at := map[assay.ObservationID]int{} // where it stands in kept
	kept := make([]assay.Observation, 0, len(observations))
	gone := make([]bool, 0, len(observations))
	for _, o := range observations {
		if o.Withdraws != "" {
			if i, ok := at[o.Withdraws]; ok {
				gone[i] = true
				delete(at, o.Withdraws)
			}
			continue
		}
		if i, ok := at[o.ID]; ok { // said before, still stands
			if !o.At.After(kept[i].At) {
				continue
			}
			gone[i] = true // said again: after what was said in between
		}
		at[o.ID] = len(kept)
		kept = append(kept, o)
		gone = append(gone, false)
	}
	i := 0
	return slices.DeleteFunc(kept, func(assay.Observation) bool {
		i++
		return gone[i-1]
	})
}

// fold makes one fact of observations of one term about one subject.
func (t *Term) fold(observations []*assay.Observation) Fact {
	var observed, declared []*assay.Observation
	for _, o := range observations {
		if o.Source == assay.Observed {
			observed = append(observed, o)
		} else {
			declared = append(declared, o)
		}
	}
	if len(declared) > 0 {
		declared = newest(declared) // a person's later answer replaces the earlier
	}
	seen, said := t.foldOne(observed), t.foldOne(declared)
	seen.Basis, said.Basis = OnObserved, OnDeclared
	switch {
	case len(observed) == 0:
		if said.Conflict {
			said.Basis = OnNothing
		}
		return said
	case seen.Conflict:
		seen.Basis = OnNothing
		seen.Because = append(seen.Because, said.Because...)
		return seen
	case len(declared) == 0:
		return seen
	case said.Known() && said.Value.Equal(seen.Value):
		seen.Basis = OnBoth
		seen.Because = append(seen.Because, said.Because...)
	default:
		seen.Against = append(seen.Against, said.Because...)
	}
	seen.Against = append(seen.Against, said.Against...)
	return seen
}

// foldOne folds observations of equal standing.
func (t *Term) foldOne(observations []*assay.Observation) Fact {
	if len(observations) == 0 {
		return Fact{}
	}
	if t.Fold == Latest {
		observations = newest(observations)
	}
	best := observations[0].Value
	for _, o := range observations[1:] {
		switch {
		case t.Fold == AnyTrue && o.Value.Bool(),
			t.Fold == AllTrue && !o.Value.Bool(),
			t.Fold == Smallest && o.Value.Int() < best.Int(),
			t.Fold == Largest && o.Value.Int() > best.Int():
			best = o.Value
		case t.Fold == Union:
			best = assay.Set(slices.Concat(best.Set(), o.Value.Set())...)
		}
	}
	fact := Fact{Value: best}
	for _, o := range observations {
		if t.Fold == Union || o.Value.Equal(best) {
			fact.Because = append(fact.Because, o.ID)
		} else {
			fact.Against = append(fact.Against, o.ID)
		}
	}
	if len(fact.Against) > 0 && (t.Fold == Agree || t.Fold == Latest) {
		fact.Value = assay.Value{}
		fact.Conflict = true
	}
	return fact
}

// newest keeps the observations made last; several made at the same moment stay.
func newest(observations []*assay.Observation) []*assay.Observation {
	last := observations[0].At
	for _, o := range observations {
		if o.At.After(last) {
			last = o.At
		}
	}
	return slices.DeleteFunc(slices.Clone(observations), func(o *assay.Observation) bool { return o.At.Before(last) })
}
