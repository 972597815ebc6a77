package page

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// fortyModels is a page with a table of forty models, each with its own end date.
func fortyModels() string {
	var b strings.Builder
	b.WriteString(`<h1>Security support</h1><table><tr><th>Model</th><th>Name</th><th>On sale from</th><th>Security updates until</th></tr>`)
	for i := range 40 {
		fmt.Fprintf(&b, "<tr><td>AL-%d0-UK</td><td>Alder %d</td><td>2023-01-%02d</td><td>20%d-%02d-28</td></tr>", i+10, i, i%28+1, 27+i/12, i%12+1)
	}
	b.WriteString(`</table><p>Last updated: 5 March 2026.</p>`)
	return b.String()
}

func TestFortyModels(t *testing.T) {
	d := readString(t, "https://alder.example/support.html", fortyModels())
	if len(d.Support) != 40 {
		t.Fatalf("got %d entries, want 40", len(d.Support))
	}
	for i := range 40 {
		want := fmt.Sprintf("20%d-%02d-28", 27+i/12, i%12+1)
		for _, p := range []Product{{Models: []string{fmt.Sprintf("AL-%d0-UK", i+10)}}, {Brand: "Alder", Names: []string{fmt.Sprintf("Alder %d", i)}}, {Models: []string{fmt.Sprintf("al%d0uk", i+10)}}} {
			got := SupportFor(d, p)
			if got.Match != MatchListed || got.EndDate() != want || len(got.Entries) != 1 {
				t.Errorf("%+v: got %s %q with %d entries, want %s %q", p, got.Match, got.EndDate(), len(got.Entries), MatchListed, want)
			} else if e := got.Entries[0]; !strings.Contains(d.Quote(e.Span), want) || d.Quote(e.EndAt) != want {
				t.Errorf("%+v: the row is %q, the date stands at %q", p, d.Quote(e.Span), d.Quote(e.EndAt))
			}
		}
	}
	for _, p := range []Product{{Models: []string{"AL-990-UK"}}, {Names: []string{"Alder 41"}}, {}} {
		if got := SupportFor(d, p); got.Match != MatchNone || got.EndDate() != "" {
			t.Errorf("%+v: got %s %q, want none", p, got.Match, got.EndDate())
		}
	}
	// A number without its market, or with another, may be another product.
	for _, m := range []string{"AL-100", "AL-100-UK-2"} {
		if got := SupportFor(d, Product{Models: []string{m}}); got.Match != MatchVariant {
			t.Errorf("%s: got %s, want %s", m, got.Match, MatchVariant)
		}
	}
	if got := SupportFor(readString(t, "a.txt", "We like updates."), Product{Models: []string{"X"}}); got.Match != MatchNothing {
		t.Errorf("a page without periods: got %s", got.Match)
	}
}

func TestMatchScope(t *testing.T) {
	for _, c := range []struct {
		scope, name string
		want        Match
	}{
		{"X100", "X100", MatchListed},
		{"X100", "x-100", MatchListed},
		{"X1000", "X100", MatchVariant},
		{"X100", "X100B", MatchVariant},
		{"X10, X20 and X30", "X20", MatchListed},
		{"X10/X20", "X20", MatchListed},
		{"X10/20", "X20", MatchListed},
		{"X100A/B", "X100B", MatchListed},
		{"DS-2CD20xx", "DS-2CD2043", MatchPattern},
		{"DS-2CD20xx", "DS-2CD2143", MatchNone},
		{"DS-2CD20XX", "DS-2CD2043", MatchPattern},
		{"DS-2CD20xx", "DS-2CD2043G2-I", MatchVariant},
		{"AB##", "AB12", MatchPattern},
		{"AB##", "ABCD", MatchNone},
		{"AB*", "AB12-UK", MatchPattern},
		{"all models of the V series", "V70", MatchSeries},
		{"V-Series", "V70", MatchSeries},
		{"V series", "VX70", MatchNone},
		{"the series Nova", "Nova 3", MatchSeries},
		{"all models except X7", "X7", MatchExcluded},
		{"all models except X7", "X8", MatchNone},
		{"PlayBox 5", "PlayBox 5", MatchListed},
		{"PlayBox 5 Pro", "PlayBox 5", MatchVariant},
		{"PlayBox 5", "PlayBox 5 Pro", MatchNone},
		{"Tern Home Hub (THH-2, THH-3)", "THH-3", MatchListed},
		{"LUX", "LUX", MatchListed},
		{"box", "b0x", MatchNone},
		{"", "X1", MatchNone},
		{"X1", "", MatchNone},
	} {
		if got := matchScope(c.scope, c.name, ""); got != c.want {
			t.Errorf("%q in %q: got %s, want %s", c.name, c.scope, got, c.want)
		}
	}
}

// TestListedIsFound lists a random model among others and finds it; a model that is not in the list is not listed.
func TestListedIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		model := rapid.StringMatching(`[A-Z]{2,3}-[1-9][0-9]{2,3}`)
		list := rapid.SliceOfNDistinct(model, 1, 12, rapid.ID).Draw(t, "list")
		sep := rapid.SampledFrom([]string{", ", "; ", " | ", "\n", " and "}).Draw(t, "separator")
		scope := strings.Join(list, sep)
		one := rapid.SampledFrom(list).Draw(t, "one")
		if got := matchScope(scope, one, ""); got != MatchListed {
			t.Fatalf("%s in %q: got %s", one, scope, got)
		}
		other := model.Filter(func(s string) bool { return !strings.Contains(scope, s) }).Draw(t, "other")
		if got := matchScope(scope, other, ""); got == MatchListed || got == MatchPattern {
			t.Fatalf("%s in %q: got %s", other, scope, got)
		}
	})
}
