package password

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestUnevenCharactersAreNoCopies gives passwords that begin with a day and a month, so that some of their digits are
// mostly the same, as are some of the identifiers. Where both are, they agree in most rows, and nothing follows from that.
func TestUnevenCharactersAreNoCopies(t *testing.T) {
	seeds := 100
	if testing.Short() {
		seeds = 30
	}
	f := family{name: "day, month and random", make: func(r *rand.Rand) func(unit) string {
		return func(unit) string { return fmt.Sprintf("%02d%02d", 1+r.IntN(28), 1+r.IntN(12)) + drawn(r, safe32, 8) }
	}}
	for seed := range seeds {
		for _, n := range []int{12, 30, 49} {
			us, pws := batchOf(f, uint64(seed), n)
			fd := finderOf(t, csvOf(us, pws), &Options{})
			for _, v := range fd.views {
				fd.copies(v)
			}
			for _, r := range fd.recipes {
				t.Errorf("seed %d: %s: %d of %d rows, chance %.1g", seed, r.Words, r.Rows, r.Of, r.Chance)
			}
		}
	}
}
