package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

func names(entries []register.Entry) []string {
	out := []string{}
	for _, e := range entries {
		out = append(out, e.Name)
	}
	return out
}

func TestSearch(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		for i, p := range []struct{ name, maker, model, category, gtin, end string }{
			{"Kettle One", "Acme", "KT-2000/B", "kettle", "5012345678900", "2030-01-01"},
			{"Kettle Two", "Acme", "KT-3000", "kettle", "", "2033-01-01"},
			{"Café Maker", "Brühwerk", "BW 77", "coffee machine", "", "2031-01-01"},
			{"Doorbell", "Sehen", "SD2000", "camera", "036000291452", "2029-01-01"},
		} {
			f := facts(p.name)
			f.Make, f.Models, f.Category = p.maker, []string{p.model}, p.category
			if p.gtin != "" {
				f.GTINs = []register.GTIN{register.GTIN(p.gtin)}
			}
			h.now = h.now.AddDate(0, 0, i)
			r := h.publish(t, f, p.end)
			if p.name == "Kettle Two" {
				h.settle(t)
				if _, err := h.s.Withdraw(t.Context(), h.maker, r.Product, "recalled"); err != nil {
					t.Fatal(err)
				}
			}
		}
		h.settle(t)
		for _, row := range []struct {
			name    string
			q       register.Query
			want    []string
			instead string
		}{
			{"all-newest-first", register.Query{}, []string{"Doorbell", "Café Maker", "Kettle One"}, ""},
			{"all-by-support", register.Query{Order: register.BySupport}, []string{"Café Maker", "Kettle One", "Doorbell"}, ""},
			{"withdrawn-too", register.Query{Text: "kettle", Withdrawn: true}, []string{"Kettle Two", "Kettle One"}, ""},
			{"word", register.Query{Text: "KETTLE"}, []string{"Kettle One"}, ""},
			{"beginning-of-word", register.Query{Text: "acme kett"}, []string{"Kettle One"}, ""},
			{"accents-left-out", register.Query{Text: "bruhwerk cafe"}, []string{"Café Maker"}, ""},
			{"model", register.Query{Text: "KT-2000/B"}, []string{"Kettle One"}, ""},
			{"model-run-together", register.Query{Text: "kt2000b"}, []string{"Kettle One"}, ""},
			{"model-other-signs", register.Query{Text: "kt 2000 b"}, []string{"Kettle One"}, ""},
			{"part-of-model", register.Query{Text: "d200"}, []string{"Doorbell"}, ""},
			{"barcode", register.Query{Text: "5012345678900"}, []string{"Kettle One"}, ""},
			{"barcode-upc", register.Query{Text: "0 36000 29145 2"}, []string{"Doorbell"}, ""},
			{"misspelt", register.Query{Text: "ketle"}, []string{"Kettle One"}, "kettle"},
			{"misspelt-make", register.Query{Text: "brühwrek"}, []string{"Café Maker"}, "bruhwerk"},
			{"nothing-like-it", register.Query{Text: "submarine"}, []string{}, ""},
			{"category", register.Query{Category: "Kettle"}, []string{"Kettle One"}, ""},
			{"make", register.Query{Make: "ACME"}, []string{"Kettle One"}, ""},
			{"supported-on", register.Query{SupportedOn: assay.MustDate("2030-06-01")}, []string{"Café Maker"}, ""},
			{"text-and-filter", register.Query{Text: "maker", Category: "kettle"}, []string{}, ""},
			{"signs", register.Query{Text: `"*' OR 1=1 --`}, []string{}, ""},
			{"only-signs", register.Query{Text: `"*'`}, []string{}, ""},
			{"percent", register.Query{Text: "%"}, []string{}, ""},
			{"organisation", register.Query{Org: "acme-ltd"}, []string{"Doorbell", "Café Maker", "Kettle One"}, ""},
			{"organisation-unknown", register.Query{Org: "nobody"}, []string{}, ""},
		} {
			got, err := h.s.Search(t.Context(), register.Public, row.q)
			if err != nil {
				t.Errorf("%s: %v", row.name, err)
				continue
			}
			if d := cmp.Diff(names(got.Entries), row.want); d != "" || got.Instead != row.instead || got.Count != len(row.want) {
				t.Errorf("%s: count %d, instead %q: %s", row.name, got.Count, got.Instead, d)
			}
		}
		if _, err := h.s.Search(t.Context(), register.Public, register.Query{Cursor: "x"}); !errors.Is(err, assay.ErrInvalid) {
			t.Errorf("bad cursor: got %v, want invalid", err)
		}
	})
}

// Going through pages gives each entry once, in every order.
func TestPages(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		var want []string
		for i := range 23 {
			f := facts(fmt.Sprintf("Lamp %02d", i))
			f.Models = []string{fmt.Sprintf("L%d", 100+i%3)}
			h.publish(t, f, fmt.Sprintf("20%d-01-01", 30+i%5))
			want = append(want, f.Name)
		}
		h.settle(t)
		for _, q := range []register.Query{{}, {Order: register.BySupport}, {Text: "lamp"}, {Text: "lamp", Order: register.BySupport}, {Text: "lamp", Order: register.ByNewest}, {Text: "L101 lamp"}, {Category: "kettle"}, {Make: "acme"}, {Org: "acme-ltd"}} {
			for _, limit := range []int{1, 4, 7, 50} {
				var got []string
				for q.Limit, q.Cursor = limit, ""; ; {
					r, err := h.s.Search(t.Context(), register.Public, q)
					if err != nil {
						t.Fatal(err)
					}
					if len(r.Entries) > limit || r.Count < len(r.Entries) {
						t.Fatalf("%+v: %d entries, count %d", q, len(r.Entries), r.Count)
					}
					got = append(got, names(r.Entries)...)
					if q.Cursor = r.Next; q.Cursor == "" {
						break
					}
				}
				slices.Sort(got)
				expect := want
				if q.Text == "L101 lamp" {
					expect = slices.DeleteFunc(slices.Clone(want), func(n string) bool { return (n[5]-'0')*10+(n[6]-'0') >= 23 || (int(n[5]-'0')*10+int(n[6]-'0'))%3 != 1 })
				}
				if d := cmp.Diff(got, expect); d != "" {
					t.Errorf("%+v, %d a page: %s", q, limit, d)
				}
			}
		}
	})
}

func TestLookupSimilarFeed(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		other, otherKey := h.organisation(t, "Other Ltd", register.Manufacturer)
		f := facts("K2")
		f.GTINs = []register.GTIN{"5012345678900"}
		a := h.publish(t, f, "2031-12-31")
		g := facts("K9")
		g.GTINs = f.GTINs
		if _, err := h.s.Publish(t.Context(), other, &register.Bundle{Format: 1, Facts: g, Statement: signed(t, otherKey, g, assay.MustDate("2035-01-01"))}); err != nil {
			t.Fatal(err)
		}
		h.settle(t)
		matches, err := h.s.Lookup(t.Context(), register.Public, []string{"5012345678900", "036000291452", "nonsense", "5012345678900"})
		if err != nil {
			t.Fatal(err)
		}
		if got := names(matches[0].Entries); !slices.Equal(got, []string{"K2", "K9"}) || len(matches[1].Entries) != 0 || matches[2].Fault == "" || len(matches[3].Entries) != 2 {
			t.Errorf("matches: %+v", matches)
		}
		if _, err := h.s.Lookup(t.Context(), register.Public, make([]string, register.MaxLookup+1)); !errors.Is(err, assay.ErrInvalid) {
			t.Errorf("too many: got %v, want invalid", err)
		}
		similar, err := h.s.Similar(t.Context(), register.Public, a.Product, 5)
		if err != nil || !slices.Equal(names(similar), []string{"K9"}) {
			t.Errorf("similar: %v, %v", names(similar), err)
		}
		if _, err := h.s.ExtendSupport(t.Context(), h.maker, a.Product, []register.Extension{{Component: register.WholeProduct, End: assay.MustDate("2033-01-01")}}, "longer"); err != nil {
			t.Fatal(err)
		}
		h.settle(t)
		feed := func(f register.ChangeFilter) string {
			t.Helper()
			changes, err := h.s.Feed(t.Context(), register.Public, f)
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			for _, c := range changes {
				fmt.Fprintf(&b, "%d %s %s;", c.Leaf, c.Kind, c.Entry.Name)
			}
			return b.String()
		}
		for _, row := range []struct {
			f    register.ChangeFilter
			want string
		}{
			{register.ChangeFilter{}, "0 published K2;1 published K9;2 extended K2;"},
			{register.ChangeFilter{Since: 1}, "1 published K9;2 extended K2;"},
			{register.ChangeFilter{Newest: true, Before: 2}, "1 published K9;0 published K2;"},
			{register.ChangeFilter{Target: register.Target{Kind: register.FollowMaker, Key: "acme-ltd"}}, "0 published K2;2 extended K2;"},
			{register.ChangeFilter{Target: register.Target{Kind: register.FollowProduct, Key: string(a.Product)}, Newest: true}, "2 extended K2;0 published K2;"},
			{register.ChangeFilter{Target: register.Target{Kind: register.FollowCategory, Key: "Kettle"}, Limit: 1}, "0 published K2;"},
			{register.ChangeFilter{Since: 1 << 63}, ""},
		} {
			if got := feed(row.f); got != row.want {
				t.Errorf("%+v: got %s, want %s", row.f, got, row.want)
			}
		}
		maker, err := h.s.Manufacturer(t.Context(), register.Public, "other-ltd", register.Query{})
		if err != nil || maker.Org.Products != 1 || len(maker.Keys) != 1 || !slices.Equal(names(maker.Results.Entries), []string{"K9"}) {
			t.Errorf("manufacturer: %+v, %v", maker, err)
		}
		n := 0
		for x, err := range h.s.Export(t.Context()) {
			if err != nil || x.Version.Facts.Name != x.Entry.Name || x.Version.Leaf == nil {
				t.Errorf("export: %+v, %v", x, err)
			}
			n++
		}
		if total, err := h.s.Total(t.Context()); n != 2 || total != 2 || err != nil {
			t.Errorf("exported %d, total %d, %v; want 2", n, total, err)
		}
	})
}

// secretName is in every draft and every version that is not in the log yet, and in
// nothing else.
const secretName = "Unannounced"

// Whatever a stranger reads, it never shows a draft, nor what the log does not have.
func TestNobodySeesDrafts(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		other, _ := h.organisation(t, "Other Ltd", register.Manufacturer)
		lab, _ := h.organisation(t, "Lab Ltd", register.Laboratory)
		token := func(v register.Viewer, scopes ...register.TokenScope) register.Viewer {
			secret, _, err := h.s.NewToken(t.Context(), v, "test", scopes, 1e15)
			if err != nil {
				t.Fatal(err)
			}
			out, err := h.s.Authenticate(t.Context(), secret, "")
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		strangers := []register.Viewer{register.Public, other, lab, h.op, token(other, register.TokenScopes()...), token(h.maker, register.ScopePublish)}
		var ids []string
		var docs []assay.Digest
		var open []register.Receipt
		for i := range 40 {
			open = append(open, h.publish(t, facts(fmt.Sprintf("Open %d", i)), "2031-01-01"))
		}
		h.settle(t) // and never again, so that what follows is not public
		n := 0
		rapid.Check(t, func(rt *rapid.T) {
			n++
			f := facts(fmt.Sprintf("%s %d", secretName, n))
			f.Make, f.Category, f.Models, f.GTINs = secretName, secretName, []string{secretName}, []register.GTIN{"036000291452"}
			r := open[n%len(open)]
			switch rapid.IntRange(0, 3).Draw(rt, "what") {
			case 0: // a draft of a new product
				d, err := h.s.SaveDraft(t.Context(), h.maker, register.Draft{Facts: f, Note: secretName})
				if err != nil {
					rt.Fatal(err)
				}
				ids = append(ids, string(d.Product), d.Slug)
			case 1: // a draft of the next version
				before, err := h.s.Draft(t.Context(), h.maker, r.Product)
				if err != nil && !errors.Is(err, assay.ErrNotFound) {
					rt.Fatal(err)
				}
				if _, err := h.s.SaveDraft(t.Context(), h.maker, register.Draft{Product: r.Product, Facts: f, Revision: before.Revision}); err != nil {
					rt.Fatal(err)
				}
				ids = append(ids, string(r.Product), r.Slug)
			case 2: // a version that the log does not have
				doc := signed(t, h.key, f, assay.MustDate("2032-01-01"))
				if _, err := h.s.Publish(t.Context(), h.maker, &register.Bundle{Format: 1, Product: r.Product, Facts: f, Statement: doc, Note: secretName}); err != nil {
					rt.Fatal(err)
				}
				ids, docs = append(ids, string(r.Product), r.Slug), append(docs, register.DigestOf(doc))
			case 3: // a product that the log does not have
				doc := signed(t, h.key, f, assay.MustDate("2032-01-01"))
				r, err := h.s.Publish(t.Context(), h.maker, &register.Bundle{Format: 1, Facts: f, Statement: doc, Note: secretName})
				if err != nil {
					rt.Fatal(err)
				}
				ids, docs = append(ids, string(r.Product), r.Slug), append(docs, register.DigestOf(doc))
			}
			if len(ids) == 0 {
				return
			}
			id := rapid.SampledFrom(ids).Draw(rt, "id")
			i := rapid.IntRange(0, len(strangers)-1).Draw(rt, "stranger")
			for way, text := range h.everyWay(t, strangers[i], id, docs) {
				if strings.Contains(strings.ToLower(text), strings.ToLower(secretName)) {
					rt.Fatalf("viewer %d sees a draft by %s: %s", i, way, text)
				}
			}
		})
		// the maker sees them, so the test looks where something is to be seen
		seen := 0
		for _, text := range h.everyWay(t, h.maker, ids[0], docs) {
			if strings.Contains(text, secretName) {
				seen++
			}
		}
		if seen < 3 {
			t.Errorf("its own maker sees the draft in %d ways", seen)
		}
	})
}

// everyWay is all that a viewer reads about an id and in general, as text.
func (h *house) everyWay(t *testing.T, v register.Viewer, id string, docs []assay.Digest) map[string]string {
	ctx := t.Context()
	out := map[string]string{}
	put := func(way string, x any, err error) {
		if err == nil {
			data, err := json.Marshal(x)
			if err != nil {
				t.Fatal(err)
			}
			out[way] = string(data)
		} else if !errors.Is(err, assay.ErrNotFound) && !errors.Is(err, assay.ErrRefused) && !errors.Is(err, assay.ErrInvalid) {
			t.Fatalf("%s: %v", way, err)
		}
	}
	for _, q := range []register.Query{{Text: secretName}, {Text: secretName[:6]}, {Text: "036000291452"}, {Category: secretName}, {Make: secretName}, {Withdrawn: true}, {Order: register.BySupport}, {Org: "acme-ltd"}} {
		r, err := h.s.Search(ctx, v, q)
		put("search", r.Entries, err)
		if q.Category == secretName && r.Count > 0 {
			t.Errorf("a count tells of drafts: %+v", r)
		}
	}
	full, err := h.s.Product(ctx, v, id)
	put("product", full, err)
	page, err := h.s.Page(ctx, v, register.PageQuery{Product: id, Signed: true, Similar: 10})
	put("page", []any{page, string(page.Record), string(page.Statement)}, err)
	for n := range 3 {
		x, err := h.s.ProductVersion(ctx, v, id, n+1)
		put("version", x, err)
		record, doc, err := h.s.Record(ctx, v, full.Entry.ID, n)
		put("record", string(record)+string(doc), err)
		a, b, err := h.s.Record(ctx, v, register.ProductID(id), n+1)
		put("record by id", string(a)+string(b), err)
	}
	for _, d := range docs {
		doc, err := h.s.Document(ctx, v, register.ProductID(id), d)
		if v.Org != h.maker.Org && err == nil {
			t.Errorf("a document that the log does not have: %s", doc)
		}
	}
	m, err := h.s.Lookup(ctx, v, []string{"036000291452"})
	if len(m) == 1 {
		put("lookup", m[0].Entries, err)
	}
	s, err := h.s.Similar(ctx, v, register.ProductID(id), 10)
	put("similar", s, err)
	c, err := h.s.Compare(ctx, v, []string{id})
	put("compare", c, err)
	maker, err := h.s.Manufacturer(ctx, v, "acme-ltd", register.Query{})
	put("manufacturer", maker, err)
	feed, err := h.s.Feed(ctx, v, register.ChangeFilter{Newest: true})
	put("feed", feed, err)
	feed, err = h.s.Feed(ctx, v, register.ChangeFilter{Target: register.Target{Kind: register.FollowProduct, Key: id}})
	put("feed of product", feed, err)
	for _, f := range []func() ([]register.Tally, error){func() ([]register.Tally, error) { return h.s.Categories(ctx, 100) }, func() ([]register.Tally, error) { return h.s.Makes(ctx, 100) }} {
		x, err := f()
		put("tallies", x, err)
	}
	exported := ""
	for x, err := range h.s.Export(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(x)
		if err != nil {
			t.Fatal(err)
		}
		exported += string(data)
	}
	put("export", exported, nil)
	d, err := h.s.Draft(ctx, v, register.ProductID(id))
	put("draft", d, err)
	ds, err := h.s.Drafts(ctx, v, "", 100)
	put("drafts", ds, err)
	p, faults, err := h.s.Preview(ctx, v, register.ProductID(id))
	put("preview", []any{p, faults}, err)
	own, err := h.s.OwnEntries(ctx, v, register.OwnFilter{})
	put("own", own, err)
	dash, err := h.s.Dashboard(ctx, v)
	put("dashboard", dash, err)
	events, err := h.s.Audit(ctx, v, register.EventFilter{})
	if v.Operator { // sees who did what, and no content
		put("audit", events, err)
	}
	sub := h.s.Subscribe(ctx, "x@example.org", register.Target{Kind: register.FollowCategory, Key: secretName})
	if !errors.Is(sub, assay.ErrNotFound) {
		t.Errorf("a category of drafts can be followed: %v", sub)
	}
	state, err := h.s.LogState(ctx)
	put("log", state, err)
	for _, leaf := range h.log.leaves {
		out["leaves"] += string(leaf)
	}
	return out
}

// Whatever a stranger sends, the answer is one of the kinds that say what is wrong
// with it, never an error of our own.
func TestHostileReads(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.publish(t, facts("K2"), "2031-01-01")
		h.settle(t)
		text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"\x00", "a\x00b", "\xff\xfe", "'", `"`, `\`, "%", "_", "acme'--", "9999,1", ",", "-1,-1", strings.Repeat("é", 90), "AND OR NOT NEAR(", "*", "kettle*", "a:b", "{x}"}))
		rapid.Check(t, func(rt *rapid.T) {
			ctx, s, draw := t.Context(), h.s, func() string { return text.Draw(rt, "text") }
			v := rapid.SampledFrom([]register.Viewer{register.Public, h.maker, h.op}).Draw(rt, "viewer")
			var err error
			way := rapid.IntRange(0, 13).Draw(rt, "way")
			switch way {
			case 0:
				_, err = s.Search(ctx, v, register.Query{Text: draw(), Limit: rapid.IntRange(-1, 200).Draw(rt, "limit")})
			case 1:
				_, err = s.Search(ctx, v, register.Query{Text: "k2", Cursor: draw(), Order: register.Order(rapid.SampledFrom([]string{"", "newest", "support", "x"}).Draw(rt, "order"))})
			case 2:
				_, err = s.Search(ctx, v, register.Query{Category: draw(), Make: draw(), Org: draw()})
			case 3:
				_, err = s.Page(ctx, v, register.PageQuery{Product: draw(), Number: rapid.Int().Draw(rt, "number"), Signed: rapid.Bool().Draw(rt, "signed"), Similar: rapid.IntRange(-1, 200).Draw(rt, "similar")})
			case 4:
				_, _, err = s.Record(ctx, v, register.ProductID(draw()), rapid.Int().Draw(rt, "n"))
			case 5:
				_, err = s.Document(ctx, v, register.ProductID(draw()), assay.Digest(draw()))
			case 6:
				_, err = s.Lookup(ctx, v, []string{draw(), draw()})
			case 7:
				_, err = s.Manufacturer(ctx, v, draw(), register.Query{})
			case 8:
				_, err = s.Feed(ctx, v, register.ChangeFilter{Target: register.Target{Kind: register.TargetKind(rapid.SampledFrom([]string{"", "product", "manufacturer", "category", "x"}).Draw(rt, "kind")), Key: draw()}, Since: rapid.Uint64().Draw(rt, "since"), Newest: rapid.Bool().Draw(rt, "newest"), Before: rapid.Uint64().Draw(rt, "before")})
			case 9:
				err = s.Subscribe(ctx, draw(), register.Target{Kind: register.FollowProduct, Key: draw()})
			case 10:
				_, err = s.Authenticate(ctx, "assay_"+draw()+"_"+draw(), "")
			case 11:
				_, err = s.OwnEntries(ctx, v, register.OwnFilter{Text: draw(), After: register.ProductID(draw()), Limit: rapid.Int().Draw(rt, "limit")})
			case 12:
				_, err = s.ConfirmSubscription(ctx, draw())
			case 13:
				_, err = s.Link(ctx, draw())
			}
			for _, kind := range []error{nil, assay.ErrNotFound, assay.ErrInvalid, assay.ErrRefused, assay.ErrConflict} {
				if errors.Is(err, kind) {
					return
				}
			}
			rt.Fatalf("way %d: %v", way, err)
		})
	})
}
