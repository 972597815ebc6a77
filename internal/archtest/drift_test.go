package archtest

import (
	"testing"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/bench"
	"github.com/assay-psti/assay/check/all"
	"github.com/assay-psti/assay/dossier"
	"github.com/assay-psti/assay/law"
)

// TestTermsAreUsedAndCanBeKnown holds vocabulary, law and checks together: what
// the law asks can be observed or asked, and what is observed or asked matters.
func TestTermsAreUsedAndCanBeKnown(t *testing.T) {
	l := law.Standard()
	known := map[assay.TermID]string{}
	for _, id := range dossier.Declares() {
		known[id] = "product.yaml"
	}
	for _, c := range all.Checks() {
		for _, id := range c.Observes {
			if l.Vocabulary().Term(id) == nil {
				t.Errorf("check %s observes %s, which the vocabulary lacks", c.Name, id)
			}
			known[id] = c.Name
		}
	}
	for _, id := range bench.Observes() {
		if l.Vocabulary().Term(id) == nil {
			t.Errorf("the bench keeps %s, which the vocabulary lacks", id)
		}
		known[id] = "bench"
	}
	used := map[assay.TermID]bool{}
	for _, r := range l.Regimes() {
		for _, id := range r.Terms() {
			used[id] = true
		}
	}
	for _, term := range l.Vocabulary().Terms() {
		if used[term.ID] && term.Question == "" && known[term.ID] == "" {
			t.Errorf("the law asks for %s, which nobody can observe or answer", term.ID)
		}
		if !used[term.ID] && term.Question != "" {
			t.Errorf("%s has a question, but no law wants it", term.ID)
		}
		if !used[term.ID] && known[term.ID] == "" {
			t.Errorf("%s is neither wanted by law nor observed", term.ID)
		}
	}
}
