package dossier

import (
	"testing"
	"time"

	"github.com/assay-psti/assay"
)

// What stands is not written again, unless something else was said in between: then
// it is news that it is so again.
func TestFreshWritesWhatIsSoAgain(t *testing.T) {
	say := func(v bool, day int) assay.Observation {
		o := assay.Observation{Subject: assay.Product, Term: "x.y", Value: assay.Bool(v), Source: assay.Observed, By: "test", At: time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC)}
		o.Identify()
		return o
	}
	for _, tt := range []struct {
		name    string
		earlier []assay.Observation
		now     []assay.Observation
		want    int
	}{
		{"new", nil, []assay.Observation{say(true, 1)}, 1},
		{"still-so", []assay.Observation{say(true, 1)}, []assay.Observation{say(true, 2)}, 0},
		{"so-again", []assay.Observation{say(true, 1), say(false, 2)}, []assay.Observation{say(true, 3)}, 1},
		{"so-again-already-written", []assay.Observation{say(true, 1), say(false, 2), say(true, 3)}, []assay.Observation{say(true, 4)}, 0},
		{"both-at-once-still-so", []assay.Observation{say(true, 1), say(false, 1)}, []assay.Observation{say(true, 2), say(false, 2)}, 0},
	} {
		kept, _, err := fresh(tt.earlier, tt.now)
		if err != nil {
			t.Fatal(err)
		}
		if len(kept) != tt.want {
			t.Errorf("%s: %d written, want %d", tt.name, len(kept), tt.want)
		}
	}
}
