package main

import (
	"slices"
	"testing"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/report"
)

// What a check would have stated is withheld where it, or one that it requires,
// could not read the evidence; not where there was none.
func TestShortfall(t *testing.T) {
	for name, row := range map[string]struct {
		outcome report.Outcome
		want    bool
	}{
		"ran-whole":       {report.Outcome{Check: "reporting", Outcome: "ran", Whole: true}, false},
		"ran-in-part":     {report.Outcome{Check: "reporting", Outcome: "ran"}, true},
		"failed":          {report.Outcome{Check: "reporting", Outcome: "failed"}, true},
		"no-evidence":     {report.Outcome{Check: "reporting", Outcome: "skipped", Reason: "no pages in the dossier"}, false},
		"required-failed": {report.Outcome{Check: "reporting", Outcome: "skipped", Reason: "requires pages, which failed"}, true},
		"required-none":   {report.Outcome{Check: "reporting", Outcome: "skipped", Reason: "requires pages, which was skipped"}, false},
	} {
		_, unread := shortfall([]report.Outcome{row.outcome})
		if got := slices.Contains(unread, assay.TermID("reporting.contact_published")); got != row.want {
			t.Errorf("%s: withheld is %t, want %t", name, got, row.want)
		}
	}
}
