package store_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

func TestPublish(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		f := facts("K2 Kettle")
		f.Models, f.GTINs = []string{"KT-2000/B"}, []register.GTIN{"5012345678900"}
		r := h.publish(t, f, "2031-12-31")
		if !r.Pending || r.Version != 1 {
			t.Fatalf("receipt: %+v", r)
		}
		if _, err := h.s.Product(t.Context(), register.Public, r.Slug); !errors.Is(err, assay.ErrNotFound) {
			t.Fatalf("before the log has it: got %v, want not found", err)
		}
		mine, err := h.s.Product(t.Context(), h.maker, string(r.Product))
		if err != nil || *mine.Pending != 1 || mine.Version.Leaf != nil {
			t.Fatalf("the maker's own: %+v, %v", mine, err)
		}
		h.settle(t)
		full, err := h.s.Product(t.Context(), register.Public, r.Slug)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := full.Entry.SupportEnd.String(), "2031-12-31"; got != want {
			t.Errorf("support: got %s, want %s", got, want)
		}
		if full.Pending != nil || full.Version.Leaf == nil || *full.Version.Leaf != 0 || len(full.Version.Claims) != 3 || full.Version.Claims[0].By != "Ada Example, head of compliance, Acme Ltd" {
			t.Errorf("page: %+v", full)
		}
		record, doc, err := h.s.Record(t.Context(), register.Public, r.Product, 0)
		if err != nil || register.DigestOf(record) != r.Record || register.DigestOf(doc) != full.Version.Digest {
			t.Errorf("record: %v", err)
		}
		if !strings.Contains(string(h.log.leaves[0]), strings.TrimPrefix(string(r.Record), "sha256:")) {
			t.Errorf("the leaf does not name the record: %s", h.log.leaves[0])
		}
		h.agree(t)
	})
}

// What is sent twice, byte by byte, is published once.
func TestPublishTwice(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		b := h.bundle(t, facts("K2"), "2031-12-31")
		first, err := h.s.Publish(t.Context(), h.maker, b)
		if err != nil {
			t.Fatal(err)
		}
		h.settle(t)
		second, err := h.s.Publish(t.Context(), h.maker, b)
		if err != nil {
			t.Fatal(err)
		}
		if second.Version != 1 || second.Pending || len(second.Notes) != 1 || second.Product != first.Product {
			t.Errorf("second: %+v", second)
		}
		if a := h.agree(t); a.Leaves != 1 {
			t.Errorf("leaves: got %d, want 1", a.Leaves)
		}
	})
}

func TestNeverShorter(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		f := facts("K2")
		f.Support = []register.SupportPeriod{{Component: register.WholeProduct, End: assay.MustDate("2031-12-31")}, {Component: "app", Title: "The app", End: assay.MustDate("2033-06-30")}}
		r := h.publish(t, f, "2031-12-31")
		extend := func(component, end string) error {
			_, err := h.s.ExtendSupport(t.Context(), h.maker, r.Product, []register.Extension{{Component: component, End: assay.MustDate(end)}}, "")
			return err
		}
		publish := func(change func(*register.Facts), stated string) error {
			g := f
			g.Support = append([]register.SupportPeriod(nil), f.Support...)
			change(&g)
			_, err := h.s.Publish(t.Context(), h.maker, h.bundle(t, g, stated))
			return err
		}
		refused := func(name string, err error) {
			t.Helper()
			if !errors.Is(err, assay.ErrRefused) || !strings.Contains(err.Error(), "SI 2023/1007 Sch.1 para 3(6)") {
				t.Errorf("%s: got %v, want refused with its cite", name, err)
			}
		}
		refused("shorter by extension", extend(register.WholeProduct, "2031-12-30"))
		refused("shorter part by extension", extend("app", "2033-06-29"))
		if err := extend(register.WholeProduct, "2031-12-31"); !errors.Is(err, assay.ErrConflict) {
			t.Errorf("the same day: got %v, want a conflict", err)
		}
		if err := extend("cloud", "2040-01-01"); !errors.Is(err, assay.ErrInvalid) {
			t.Errorf("unknown part: got %v, want invalid", err)
		}
		if err := extend(register.WholeProduct, "2032-12-31"); err != nil {
			t.Fatal(err)
		}
		// the versions are not in the log yet, and count all the same
		refused("back to the day before the extension", publish(func(*register.Facts) {}, "2031-12-31"))
		refused("a part left out", publish(func(g *register.Facts) {
			g.Support = []register.SupportPeriod{{Component: register.WholeProduct, End: assay.MustDate("2033-01-01")}}
		}, "2031-12-31"))
		refused("a statement with a shorter period", publish(func(g *register.Facts) { g.Support[0].End = assay.MustDate("2033-01-01") }, "2031-12-30"))
		refused("less than the statement", publish(func(g *register.Facts) { g.Support[0].End = assay.MustDate("2033-01-01") }, "2034-01-01"))
		h.settle(t)
		if _, err := h.s.Withdraw(t.Context(), h.maker, r.Product, "sold no more"); err != nil {
			t.Fatal(err)
		}
		h.settle(t)
		refused("after withdrawal", publish(func(*register.Facts) {}, "2031-12-31"))
		if err := publish(func(g *register.Facts) { g.Support[0].End = assay.MustDate("2032-12-31") }, "2031-12-31"); err != nil {
			t.Errorf("as extended: %v", err)
		}
		h.settle(t)
		full, err := h.s.Product(t.Context(), register.Public, r.Slug)
		if err != nil || full.Entry.Status != register.Published || full.Entry.SupportEnd.String() != "2032-12-31" || full.Entry.Version != 4 {
			t.Errorf("in the end: %+v, %v", full.Entry, err)
		}
		var kinds []register.Kind
		for _, c := range full.History {
			kinds = append(kinds, c.Kind)
		}
		if d := cmp.Diff(kinds, []register.Kind{register.KindRevised, register.KindWithdrawn, register.KindExtended, register.KindPublished}); d != "" {
			t.Errorf("history: %s", d)
		}
		h.agree(t)
	})
}

func TestRefusals(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		other, otherKey := h.organisation(t, "Other Ltd", register.Manufacturer)
		lab, _ := h.organisation(t, "Lab Ltd", register.Laboratory)
		reader := h.member(t, h.maker, register.RoleReader)
		r := h.publish(t, facts("K2"), "2031-12-31")
		h.settle(t)
		f := facts("K3")
		good := h.bundle(t, f, "2031-12-31")
		changed := *good
		changed.Statement = []byte(strings.Replace(string(good.Statement), "payloadType", "payloadtype", 1))
		foreign := *good
		foreign.Statement = signed(t, otherKey, f, assay.MustDate("2031-12-31"))
		otherModel := *good
		otherModel.Facts.Models = []string{"K4"}
		otherName := *good
		otherName.Facts.Name = "K4"
		noContact := *good
		noContact.Facts.Contact = register.Contact{}
		script := *good
		script.Facts.Contact.URL = "javascript:alert(1)"
		bidi := *good
		bidi.Facts.Description = "safe \u202etxt"
		theirs := *good
		theirs.Product = r.Product
		for _, row := range []struct {
			name   string
			viewer register.Viewer
			bundle register.Bundle
			want   error
		}{
			{"public", register.Public, *good, assay.ErrRefused},
			{"reader", reader, *good, assay.ErrRefused},
			{"laboratory", lab, *good, assay.ErrRefused},
			{"changed", h.maker, changed, assay.ErrRefused},
			{"foreign-key", h.maker, foreign, assay.ErrRefused},
			{"key-of-another", other, *good, assay.ErrRefused},
			{"model-not-signed", h.maker, otherModel, assay.ErrInvalid},
			{"name-not-signed", h.maker, otherName, assay.ErrInvalid},
			{"no-contact", h.maker, noContact, assay.ErrRefused},
			{"script", h.maker, script, assay.ErrInvalid},
			{"bidi", h.maker, bidi, assay.ErrInvalid},
			{"none", h.maker, register.Bundle{}, assay.ErrRefused},
		} {
			t.Run(row.name, func(t *testing.T) {
				if _, err := h.s.Publish(t.Context(), row.viewer, &row.bundle); !errors.Is(err, row.want) {
					t.Errorf("got %v, want %v", err, row.want)
				}
			})
		}
		hostile := facts("K3")
		hostile.Models = []string{"K3", "safe \u202etxt"}
		unshown := *good
		unshown.Statement = signed(t, h.key, hostile, assay.MustDate("2031-12-31"))
		if _, err := h.s.Publish(t.Context(), h.maker, &unshown); !errors.Is(err, assay.ErrInvalid) {
			t.Errorf("a statement that cannot be shown: got %v, want invalid", err)
		}
		theirs.Facts, theirs.Statement = f, signed(t, otherKey, f, assay.MustDate("2031-12-31"))
		if _, err := h.s.Publish(t.Context(), other, &theirs); !errors.Is(err, assay.ErrRefused) {
			t.Errorf("into another's entry: got %v, want refused", err)
		}
		if _, err := h.s.Withdraw(t.Context(), other, r.Product, "theirs"); !errors.Is(err, assay.ErrRefused) {
			t.Errorf("withdraw another's: got %v, want refused", err)
		}
		if err := h.s.RevokeKey(t.Context(), h.maker, h.key.Public().ID()); err != nil {
			t.Fatal(err)
		}
		if _, err := h.s.Publish(t.Context(), h.maker, good); !errors.Is(err, assay.ErrRefused) {
			t.Errorf("revoked key: got %v, want refused", err)
		}
		h.settle(t)
		if a := h.agree(t); a.Leaves != 1 {
			t.Errorf("leaves: got %d, want 1", a.Leaves)
		}
	})
}
