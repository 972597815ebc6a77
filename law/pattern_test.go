package law_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/law"
	"github.com/assay-psti/assay/vocab"
)

// pattern is what is said in one fact pattern: "term" (of the product) or
// "kind/name term" to a value. A date is written as text; nil means not said.
type pattern map[string]any

// with is the pattern with what changes says in place of, or besides, its own.
func (p pattern) with(changes pattern) pattern {
	q := maps.Clone(p)
	maps.Copy(q, changes)
	return q
}

// facts folds the pattern, as declared observations, over the shipped vocabulary.
func (p pattern) facts(t testing.TB) *vocab.Facts {
	t.Helper()
	var observations []assay.Observation
	for _, key := range slices.Sorted(maps.Keys(p)) {
		if p[key] == nil {
			continue
		}
		subject, term, found := strings.Cut(key, " ")
		if !found {
			subject, term = string(assay.Product), key
		}
		x := p[key]
		if words, ok := x.([]string); ok {
			list := make([]any, len(words))
			for i, w := range words {
				list[i] = w
			}
			x = list
		}
		value, err := assay.ValueOf(x)
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		o := assay.Observation{Subject: assay.Subject(subject), Term: assay.TermID(term), Value: value,
			Source: assay.Declared, By: "test", At: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
		o.Identify()
		observations = append(observations, o)
	}
	f, err := vocab.Standard().FoldAll(nil, observations)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// judge is the verdict of one regime on the pattern; it also holds the bulk
// judge to the same verdict.
func (p pattern) judge(t testing.TB, regime, asAt string) law.RegimeVerdict {
	t.Helper()
	f := p.facts(t)
	a, err := law.Standard().Judge(f, assay.MustDate(asAt), regime)
	if err != nil {
		t.Fatal(err)
	}
	b, err := law.Standard().NewBulk(regime)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := b.Judge(f, assay.MustDate(asAt), nil), a.Verdict; got != want {
		t.Errorf("bulk verdict %v, want %v", got, want)
	}
	return a.Regimes[0]
}

// names writes wanted terms as "term" or "kind/name term", in order.
func names(wanted []law.Wanted) []string {
	all := []string{}
	for _, w := range wanted {
		if w.Subject == assay.Product {
			all = append(all, string(w.Term))
		} else {
			all = append(all, fmt.Sprintf("%s %s", w.Subject, w.Term))
		}
	}
	slices.Sort(all)
	return all
}
