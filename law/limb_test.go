package law_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/law"
)

// Short words for the verdicts that the tables below expect.
const (
	pass = assay.Pass
	fail = assay.Fail
	open = assay.Inconclusive
	none = assay.NotApplicable
)

// limbCase is one fact pattern and what a limb or requirement of uk-psti comes to.
type limbCase struct {
	name    string
	base    pattern
	with    pattern       // on top of base
	asAt    string        // empty: 2026-06-01
	limb    string        // by ID
	of      assay.Subject // the part whose limb is meant; empty: the first that stands in the tree
	want    assay.Verdict
	waits   law.Open // of an open verdict
	wanted  []string // of an open verdict, all of it; nil: not looked at
	because string   // the citation that says so
}

const usualDay = "2026-06-01"

func runLimbs(t *testing.T, cases []limbCase) {
	t.Helper()
	seen := map[string]bool{}
	for _, tt := range cases {
		if seen[tt.name] {
			t.Errorf("two cases are named %s", tt.name)
		}
		seen[tt.name] = true
		t.Run(tt.name, func(t *testing.T) {
			asAt := tt.asAt
			if asAt == "" {
				asAt = usualDay
			}
			v := pattern{}.with(tt.base).with(tt.with).judge(t, "uk-psti", asAt)
			r := findLimb(v.Requirements, tt.limb, tt.of)
			if r == nil {
				t.Fatalf("no limb %s of %q was judged", tt.limb, tt.of)
			}
			if r.Verdict != tt.want {
				t.Errorf("%s is %v, want %v (%s)", tt.limb, r.Verdict, tt.want, tt.because)
			}
			if tt.want == open && r.Open != tt.waits {
				t.Errorf("%s waits for %q, want %q", tt.limb, r.Open, tt.waits)
			}
			if tt.waits == law.OpenLaw && len(r.Unsettled) == 0 {
				t.Errorf("%s is open by law without a question", tt.limb)
			}
			if tt.wanted != nil {
				if d := cmp.Diff(names(r.Wanted), tt.wanted); d != "" {
					t.Errorf("%s wants (-got +want):\n%s", tt.limb, d)
				}
			}
		})
	}
}

func findLimb(results []*law.Result, id string, of assay.Subject) *law.Result {
	for _, r := range results {
		if r.ID == id && (of == "" || r.Subject == of) {
			return r
		}
		if r.Gate != nil {
			if found := findLimb([]*law.Result{r.Gate}, id, of); found != nil {
				return found
			}
		}
		if found := findLimb(r.Limbs, id, of); found != nil {
			return found
		}
	}
	return nil
}
