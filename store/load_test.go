package store_test

import (
	"context"
	"errors"
	"iter"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/internal/sample"
	"github.com/assay-psti/assay/register"
	"github.com/assay-psti/assay/sign"
	"github.com/assay-psti/assay/statement"
	"github.com/assay-psti/assay/store"
)

// load fills a database with made-up products.
func load(t testing.TB, db *store.DB, n int, log register.Log) {
	t.Helper()
	if err := tryLoad(t, db, n, log.AppendAll); err != nil {
		t.Fatal(err)
	}
}

func tryLoad(t testing.TB, db *store.DB, n int, appendAll func(context.Context, [][]byte) ([]int64, error)) error {
	t.Helper()
	key, err := sign.Generate(sign.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	orgs := make([]register.Organisation, sample.Organisations)
	contents := make([]*statement.Content, len(orgs))
	digests := make([]assay.Digest, len(orgs))
	docs := map[assay.Digest][]byte{}
	for i := range orgs {
		orgs[i] = sample.Organisation(i)
		doc, err := signedBytes(key, register.Facts{Name: "Range of " + sample.Make(i), Make: sample.Make(i)}, assay.MustDate("2026-06-30"))
		if err != nil {
			t.Fatal(err)
		}
		e, err := sign.ParseEnvelope(doc)
		if err != nil {
			t.Fatal(err)
		}
		contents[i], digests[i] = contentOf(t, e), register.DigestOf(doc)
		docs[digests[i]] = doc
	}
	return db.Load(t.Context(), orgs, docs, sealedSamples(t, n, orgs, contents, digests, key.Public().ID()), appendAll)
}

// sealedSamples are made on a processor of their own.
func sealedSamples(t testing.TB, n int, orgs []register.Organisation, contents []*statement.Content, digests []assay.Digest, key assay.Digest) iter.Seq[register.Sealed] {
	return func(yield func(register.Sealed) bool) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		made := make(chan []register.Sealed, 8)
		go func() {
			defer close(made)
			for from := 0; from < n; from += 500 {
				var batch []register.Sealed
				for i := from; i < min(n, from+500); i++ {
					p := sample.At(i)
					e := register.Entry{ID: p.ID, Slug: register.Slug(p.Facts.Make, p.Facts.Name) + "-" + string(p.ID[1:6]), Org: orgs[p.Org].ID}
					s, err := register.Seal(orgs[p.Org], e, register.Version{}, register.Version{Kind: register.KindPublished, Facts: p.Facts, Digest: digests[p.Org], SignedBy: key, Content: contents[p.Org], Published: p.Published})
					if err != nil {
						panic(err)
					}
					batch = append(batch, s)
				}
				select {
				case made <- batch:
				case <-ctx.Done():
					return
				}
			}
		}()
		for batch := range made {
			for _, s := range batch {
				if !yield(s) {
					return
				}
			}
		}
	}
}

func TestLoad(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, address(t, engine))
			const n = 3000
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
			if err := tryLoad(t, h.db, 1, h.log.AppendAll); !errors.Is(err, assay.ErrConflict) {
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
			if err := tryLoad(t, db, 30, func(context.Context, [][]byte) ([]int64, error) { return nil, full }); !errors.Is(err, full) {
				t.Errorf("load: got %v, want %v", err, full)
			}
			if again, err := store.Open(t.Context(), where, store.Options{}); !errors.Is(err, assay.ErrInvalid) {
				t.Errorf("open: got %v, want an error that says it was cut off", err)
				again.Close()
			}
		})
	}
}
