package password

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestBadFamilies(t *testing.T) {
	for _, f := range badFamilies() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			us, pws := batchOf(f, 1, f.from)
			o := Options{}
			if strings.Contains(f.name, "clock") {
				o.SeedFrom, o.SeedTo = time.Unix(1699000000, 0), time.Unix(1701000000, 0)
			}
			r := auditText(t, csvOf(us, pws), o)
			if r.Verdict != Fail {
				t.Errorf("got %s, want FAIL: %s", r.Verdict, why(r))
			}
		})
	}
}

func TestLawfulFamilies(t *testing.T) {
	for _, f := range lawfulFamilies() {
		for _, n := range []int{300} {
			t.Run(f.name, func(t *testing.T) {
				t.Parallel()
				us, pws := batchOf(f, uint64(n), n)
				r := auditText(t, csvOf(us, pws), Options{Published: []string{"admin"}, Declared: &Declared{Mechanism: MechanismRandom, Construction: "CSPRNG"}})
				want := Pass
				if n < entropyRows {
					want = Inconclusive
				}
				if r.Verdict != want {
					t.Errorf("got %s, want %s: %s", r.Verdict, want, why(r))
				}
			})
		}
	}
}

// TestSearchBeside ends the search with the error of what runs beside it, and with its own when that is done well.
func TestSearchBeside(t *testing.T) {
	us, pws := batchOf(lawfulFamilies()[0], 5, 300)
	text := csvOf(us, pws)
	broken := errors.New("no room")
	if err := finderOf(t, text, &Options{}).searchBeside(t.Context(), func(context.Context) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := finderOf(t, text, &Options{}).searchBeside(ctx, func(context.Context) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was cancelled", err)
	}
}
