package law_test

import (
	"strings"
	"testing"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/law"
)

// What is shown of the law hides no condition of it: every term that a verdict can
// turn on stands in it. That a list of parts is whole is a matter of evidence.
func TestShowHidesNothing(t *testing.T) {
	r, err := law.Standard().Regime("uk-psti")
	if err != nil {
		t.Fatal(err)
	}
	var shown strings.Builder
	for _, day := range []string{"2025-04-05", usualDay} { // before and after what went out of the law
		for _, it := range r.At(assay.MustDate(day)) {
			shown.WriteString(it.Text + "\n")
		}
	}
	for _, id := range r.Terms() {
		if term := law.Standard().Vocabulary().Term(id); term.Lists == "" && !strings.Contains(shown.String(), string(id)) {
			t.Errorf("%s is nowhere in what is shown", id)
		}
	}
	for _, want := range []string{"applies only if any of", "where password.excluded_kind", "the law is unsettled if ", "not if password.blank_accepted"} {
		if !strings.Contains(shown.String(), want) {
			t.Errorf("%q is nowhere in what is shown", want)
		}
	}
}
