package law_test

import (
	"fmt"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/law"
)

const (
	v2 = "V2.1.1"
	v3 = "V3.1.3"
	en = "en303645@"
)

func edition(t testing.TB, name string) *law.Catalogue {
	t.Helper()
	r, err := law.Standard().Regime(en + name)
	if err != nil {
		t.Fatal(err)
	}
	if r.Catalogue() == nil {
		t.Fatalf("%s has no catalogue", r.Name())
	}
	return r.Catalogue()
}

func TestCatalogueCounts(t *testing.T) {
	for _, tt := range []struct {
		edition, test               string
		whole, shall, should, cases int
	}{
		{v2, "V1.1.1", 68, 33, 35, 109},
		{v3, "V2.1.1", 78, 36, 42, 132},
	} {
		c := edition(t, tt.edition)
		shall, cases := 0, 0
		ids := map[string]bool{}
		for _, p := range c.Provisions {
			if ids[p.ID] {
				t.Errorf("%s: %s stands twice", tt.edition, p.ID)
			}
			ids[p.ID] = true
			if p.Mandatory() {
				shall++
			}
			cases += len(p.Group.Cases)
			if p.Group.Version != tt.test {
				t.Errorf("%s %s is tested by %s, want %s", tt.edition, p.ID, p.Group.Version, tt.test)
			}
		}
		got := []int{len(c.Provisions), shall, len(c.Provisions) - shall, cases}
		if diff := gocmp.Diff(got, []int{tt.whole, tt.shall, tt.should, tt.cases}); diff != "" {
			t.Errorf("%s: provisions, shall, should, cases (-got +want):\n%s", tt.edition, diff)
		}
		if len(c.IXIT) != 29 {
			t.Errorf("%s: %d IXIT tables, want 29", tt.edition, len(c.IXIT))
		}
		r, _ := law.Standard().Regime(en + tt.edition)
		if got, want := len(r.Requirements), tt.whole+1; got != want {
			t.Errorf("%s: %d requirements, want %d: the form and each provision", tt.edition, got, want)
		}
	}
}

// TestConditionsCanBeAnswered: every condition is said in terms that a person can
// answer, and the same words of both editions are the same term.
func TestConditionsCanBeAnswered(t *testing.T) {
	used := map[string]bool{}
	for _, name := range []string{v2, v3} {
		c := edition(t, name)
		for _, p := range c.Provisions {
			for _, k := range p.Conditions {
				used[name+" "+k.ID] = true
			}
		}
		for _, k := range c.Conditions {
			if !used[name+" "+k.ID] {
				t.Errorf("%s: no provision depends on %s %s", name, k.Kind, k.ID)
			}
			for _, word := range strings.FieldsFunc(k.Holds, func(r rune) bool { return strings.ContainsRune("!|& ()", r) }) {
				term := law.Standard().Vocabulary().Term(assay.TermID(word))
				switch {
				case term == nil:
					t.Errorf("%s condition %s: no term %q", name, k.ID, word)
				case term.Question == "" || term.Help == "" || term.On != "product" || term.Type != assay.BoolType:
					t.Errorf("%s condition %s: %s cannot be answered yes or no of the product", name, k.ID, word)
				}
			}
		}
	}
	if got, want := len(used), 13+5+27; got != want {
		t.Errorf("%d conditions and features, want %d", got, want)
	}
}

// TestFormHasItsTerms: each row and case has a term of its own with the answers
// that the specification knows.
func TestFormHasItsTerms(t *testing.T) {
	v := law.Standard().Vocabulary()
	seen := map[assay.TermID]string{}
	want := func(id assay.TermID, owner string, values ...string) {
		t.Helper()
		term := v.Term(id)
		if term == nil {
			t.Errorf("%s: no term %s", owner, id)
			return
		}
		if was := seen[id]; was != "" {
			t.Errorf("%s has the term of %s", owner, was)
		}
		seen[id] = owner
		if diff := gocmp.Diff(term.Values, values); diff != "" || term.Question == "" || term.Help == "" {
			t.Errorf("%s: %s: question %q, values (-got +want):\n%s", owner, id, term.Question, diff)
		}
	}
	for _, name := range []string{v2, v3} {
		for _, p := range edition(t, name).Provisions {
			for _, c := range p.Group.Cases {
				want(c.Term, name+" case "+c.ID, "PASS", "FAIL", "INCONCLUSIVE")
			}
			if p.ID == "4-1" {
				if p.Support != "" {
					t.Error("4-1 has no row in Table B.1 of V2.1.1, but an answer is asked")
				}
				continue
			}
			want(p.Support, name+" row "+p.ID, "Y", "N", "NA")
			if p.Status != "M" {
				want(p.Reason, name+" detail "+p.ID)
			}
		}
	}
}

// TestBeforeItsTime: an edition judges nothing before it was there, in both ways of
// judging.
func TestBeforeItsTime(t *testing.T) {
	for _, tt := range []struct {
		edition, date string
		want          assay.Verdict
	}{
		{v2, "2020-06-18", none}, {v2, "2020-06-19", pass}, {v3, "2024-08-31", none}, {v3, "2024-09-01", pass},
	} {
		if got := good(t, tt.edition).judge(t, en+tt.edition, tt.date).Verdict; got != tt.want {
			t.Errorf("%s on %s: %v, want %v", tt.edition, tt.date, got, tt.want)
		}
	}
}

// TestStandardRoute: the provisions that the UK regulations name are decided by
// facts alone, with neither form nor cases.
func TestStandardRoute(t *testing.T) {
	base := pattern{"password.used": true, "password.inventory_complete": true, "password/admin password.excluded_kind": "none",
		"password/admin password.component_category": "hardware", "password/admin password.usable_outside_factory_default": true,
		"password/admin password.blank_accepted": false, "password/admin password.unique_per_product": true, "password/admin password.set_by_user": false,
		"password/admin password.incremental_counter": false, "password/admin password.derived_from_public": false,
		"password/admin password.published_default": false, "password/admin password.derived_from_identifier": false,
		"password/admin password.guessable": false}
	for _, tt := range []struct {
		name  string
		facts pattern
		limb  string
		want  assay.Verdict
	}{
		{"unique", base, "para1-standard-5.1-1", pass},
		{"generated", base, "para1-standard-5.1-2", pass},
		{"universal", base.with(pattern{"password/admin password.unique_per_product": false}), "para1-standard-5.1-1", fail},
		{"counter", base.with(pattern{"password/admin password.incremental_counter": true}), "para1-standard-5.1-2", fail},
		{"set-by-user", base.with(pattern{"password/admin password.set_by_user": true}), "para1-standard-5.1-2", none},
		{"unknown", pattern{"password.used": true}, "para1-standard-5.1-2", open},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := map[string]assay.Verdict{}
			b, err := law.Standard().NewBulk("uk-psti")
			if err != nil {
				t.Fatal(err)
			}
			b.Judge(tt.facts.facts(t), assay.MustDate("2026-01-01"), func(id string, _ assay.Subject, v assay.Verdict) { got[id] = v })
			if v, judged := got[tt.limb]; !judged || v != tt.want {
				t.Errorf("%v (judged: %v), want %v", v, judged, tt.want)
			}
		})
	}
}

// TestStandardListing: the law as shown lists every provision with its words.
func TestStandardListing(t *testing.T) {
	for _, name := range []string{v2, v3} {
		r, err := law.Standard().Regime(en + name)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]law.Item{}
		for _, it := range r.At(assay.MustDate("2026-01-01")) {
			if it.Title == "" || it.Cite == "" || it.Text == "" {
				t.Errorf("%s %s: title %q, cite %q, text %q", name, it.ID, it.Title, it.Cite, it.Text)
			}
			got[it.ID] = it
		}
		for _, p := range edition(t, name).Provisions {
			it := got[p.ID]
			if it.Title != p.Name || it.Cite != assay.Cite(fmt.Sprintf("EN 303 645 %s %s", name, p.ID)) {
				t.Errorf("%s: listed as %q, %q", p.ID, it.Title, it.Cite)
			}
		}
	}
}
