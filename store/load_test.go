package store_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/internal/sample"
	"github.com/assay-psti/assay/register"
	"github.com/assay-psti/assay/store"
)

// load fills a database with made-up products.
func load(t testing.TB, db *store.DB, n int, log register.Log) {
	t.Helper()
	if err := sample.Fill(t.Context(), db, log, n); err != nil {
		t.Fatal(err)
	}
}

// fullLog is a log that takes nothing more.
type fullLog struct {
	register.Log
	err error
}

func (l fullLog) AppendAll(context.Context, [][]byte) ([]int64, error) { return nil, l.err }

func TestLoad(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, address(t, engine))
			const n = 2400
			load(t, h.db, n, h.log)
			if total, err := h.s.Total(t.Context()); err != nil || total != n {
				t.Errorf("total: got %d, %v, want %d", total, err, n)
			}
			if a := h.agree(t); a.Known != n {
				t.Errorf("leaves: got %d, want %d", a.Known, n)
			}
			for _, i := range []int{0, n / 2, n - 1} {
				p := sample.At(i)
				for _, q := range []string{p.Facts.Models[0], p.Facts.Name, p.Facts.GTINs[0].Short()} {
					r, err := h.s.Search(t.Context(), register.Public, register.Query{Text: q})
					if err != nil || len(r.Entries) == 0 || r.Entries[0].ID != p.ID {
						t.Errorf("%s: %+v, %v", q, r, err)
					}
				}
				full, err := h.s.Product(t.Context(), register.Public, string(p.ID))
				if err != nil || full.Version.Facts.Name != p.Facts.Name || len(full.History) != 1 {
					t.Errorf("product: %+v, %v", full, err)
				}
			}
			// More than are counted, and fewer; words that come together often, seldom and never; in each order, and twice.
			few, many := 0, 0
			for _, text := range []string{"light bulb", "bulb light", "baby monitor", "smart", "smart plug", "camera smart", "pro camera camera", "robot lite", "light lite", "home hub egg", sample.Make(3) + " camera", "door robot"} {
				var want, got []register.ProductID
				for i := n - 1; i >= 0; i-- {
					p := sample.At(i)
					has := register.Words(p.Facts.Make + " " + p.Facts.Name + " " + p.Facts.Category)
					if !slices.ContainsFunc(register.Terms(text), func(w string) bool { return !slices.Contains(has, w) }) {
						want = append(want, p.ID)
					}
				}
				r, err := h.s.Search(t.Context(), register.Public, register.Query{Text: text, Limit: 30})
				if err != nil || r.Count != min(len(want), register.MaxCount) || r.More != (len(want) > register.MaxCount) {
					t.Errorf("%s: got %d, more %v, %v, want of %d", text, r.Count, r.More, err, len(want))
				}
				for _, e := range r.Entries {
					got = append(got, e.ID)
				}
				if d := cmp.Diff(got, want[:min(30, len(want))]); d != "" {
					t.Errorf("%s: %s", text, d)
				}
				if len(want) > register.MaxCount {
					many++
				} else if len(want) > 0 {
					few++
				}
			}
			if many < 3 || few < 5 {
				t.Errorf("%d texts with many entries and %d with few: too few of them to see", many, few)
			}
			h.publish(t, facts("K2"), "2031-12-31")
			h.settle(t)
			h.agree(t)
		})
	}
}

// What Load drops is there again, and guards what it did before; what was not loaded
// to its end is not taken for a register.
func TestLoadLeavesAllAsItWas(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, address(t, engine))
			before := h.db.Definitions(t.Context(), t)
			if len(before) < 20 {
				t.Fatalf("definitions: %q", before)
			}
			load(t, h.db, 130, h.log)
			if d := cmp.Diff(before, h.db.Definitions(t.Context(), t)); d != "" {
				t.Errorf("definitions before and after: %s", d)
			}
			h.agree(t)
			if err := sample.Fill(t.Context(), h.db, h.log, 1); !errors.Is(err, assay.ErrConflict) {
				t.Errorf("load again: got %v, want a conflict", err)
			}
			if err := h.db.Raw(t.Context(), `insert into gtin (gtin, product) select gtin, product from gtin limit 1`); err == nil {
				t.Error("a barcode is there twice")
			}
			if err := h.db.Raw(t.Context(), `insert into gtin (gtin, product) values ('1', 'nobody')`); err == nil {
				t.Error("a barcode of no product")
			}
		})
		t.Run(engine+"/cut off", func(t *testing.T) {
			t.Parallel()
			where := address(t, engine)
			db, err := store.Open(t.Context(), where, store.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			full := errors.New("the disk is full")
			if err := sample.Fill(t.Context(), db, fullLog{err: full}, 30); !errors.Is(err, full) {
				t.Errorf("load: got %v, want %v", err, full)
			}
			if again, err := store.Open(t.Context(), where, store.Options{}); !errors.Is(err, assay.ErrInvalid) {
				t.Errorf("open: got %v, want an error that says it was cut off", err)
				again.Close()
			}
		})
	}
}
