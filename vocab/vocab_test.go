package vocab_test

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/vocab"
)

const words = `terms:
  - {id: x.agree, type: bool, title: t, source: s}
  - {id: x.any, type: bool, fold: any, title: t, source: s}
  - {id: x.all, type: bool, fold: all, title: t, source: s}
  - {id: x.latest, type: bool, fold: latest, title: t, source: s}
  - {id: x.union, type: set, fold: union, title: t, source: s}
  - {id: x.smallest, type: int, fold: smallest, title: t, source: s}
  - {id: x.largest, type: date, fold: largest, title: t, source: s}
  - {id: x.complete, type: bool, lists: password, title: t, source: s}
  - {id: p.preset, "on": password, type: bool, title: t, source: s}
  - {id: p.chosen, "on": password, type: bool, doubted_by: [p.preset], title: t, source: s}
  - {id: p.kind, "on": password, type: text, values: [a, b], title: t, source: s}
`

func load(t *testing.T, text string) *vocab.Vocabulary {
	t.Helper()
	v, err := vocab.Load(fstest.MapFS{"x.yaml": {Data: []byte(text)}})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// said is one observation, made on the day of the month given.
func said(source assay.Source, s assay.Subject, term assay.TermID, v assay.Value, day int) assay.Observation {
	o := assay.Observation{Subject: s, Term: term, Value: v, Source: source, By: "test " + string(rune('a'+day)), At: time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC)}
	o.Identify()
	return o
}

func TestFold(t *testing.T) {
	yes, no, open := assay.Bool(true), assay.Bool(false), assay.Value{}
	day := func(s string) assay.Value { return assay.Day(assay.MustDate(s)) }
	type say struct {
		source assay.Source
		value  assay.Value
		day    int
	}
	const see, word = assay.Observed, assay.Declared
	for _, tt := range []struct {
		name    string
		term    assay.TermID
		said    []say
		want    assay.Value
		basis   vocab.Basis
		against int
	}{
		{"nobody-spoke", "x.agree", nil, open, vocab.OnNothing, 0},
		{"declared-alone", "x.agree", []say{{word, yes, 1}}, yes, vocab.OnDeclared, 0},
		{"observed-alone", "x.agree", []say{{see, no, 1}}, no, vocab.OnObserved, 0},
		{"both-agree", "x.agree", []say{{word, yes, 1}, {see, yes, 2}}, yes, vocab.OnBoth, 0},
		{"observed-beats-a-later-word", "x.agree", []say{{see, no, 1}, {word, yes, 9}}, no, vocab.OnObserved, 1},
		{"later-answer-replaces", "x.agree", []say{{word, yes, 1}, {word, no, 2}}, no, vocab.OnDeclared, 0},
		{"later-answer-replaces-in-any", "x.any", []say{{word, yes, 1}, {word, no, 2}}, no, vocab.OnDeclared, 0},
		{"two-answers-of-one-moment", "x.agree", []say{{word, yes, 1}, {word, no, 1}}, open, vocab.OnNothing, 1},
		{"observations-contradict", "x.agree", []say{{see, yes, 1}, {see, no, 2}}, open, vocab.OnNothing, 1},
		{"contradiction-is-not-settled-by-a-word", "x.agree", []say{{see, yes, 1}, {see, no, 2}, {word, yes, 3}}, open, vocab.OnNothing, 1},
		{"one-sighting", "x.any", []say{{see, no, 1}, {see, yes, 2}, {see, no, 3}}, yes, vocab.OnObserved, 2},
		{"no-sighting", "x.any", []say{{see, no, 1}, {see, no, 2}}, no, vocab.OnObserved, 0},
		{"one-counter-example", "x.all", []say{{see, yes, 1}, {see, no, 2}, {see, yes, 3}}, no, vocab.OnObserved, 2},
		{"newest-stands", "x.latest", []say{{see, yes, 1}, {see, no, 2}}, no, vocab.OnObserved, 0},
		{"newest-of-one-moment-contradict", "x.latest", []say{{see, yes, 2}, {see, no, 2}}, open, vocab.OnNothing, 1},
		{"sets-are-joined", "x.union", []say{{see, assay.Set("a"), 1}, {see, assay.Set("b"), 2}}, assay.Set("a", "b"), vocab.OnObserved, 0},
		{"least", "x.smallest", []say{{see, assay.Int(7), 1}, {see, assay.Int(3), 2}}, assay.Int(3), vocab.OnObserved, 1},
		{"latest-date", "x.largest", []say{{see, day("2026-01-01"), 1}, {see, day("2025-01-01"), 2}}, day("2026-01-01"), vocab.OnObserved, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := load(t, words)
			var all []assay.Observation
			for _, s := range tt.said {
				o := said(s.source, assay.Product, tt.term, s.value, s.day)
				o.Note = s.value.String() // two of one moment differ
				o.Identify()
				all = append(all, o)
			}
			f, err := v.FoldAll(nil, all)
			if err != nil {
				t.Fatal(err)
			}
			got := f.Fact(assay.Product, v.Term(tt.term))
			if !got.Value.Equal(tt.want) || got.Known() != (tt.want.Type() != assay.NoType) {
				t.Errorf("value %v, want %v", got.Value, tt.want)
			}
			if got.Basis != tt.basis || len(got.Against) != tt.against {
				t.Errorf("rests on %v with %d against, want %v with %d", got.Basis, len(got.Against), tt.basis, tt.against)
			}
		})
	}
}

// What was withdrawn does not count, until it is said again.
func TestStanding(t *testing.T) {
	v := load(t, words)
	o := said(assay.Observed, assay.Product, "x.agree", assay.Bool(true), 1)
	gone := assay.Observation{Withdraws: o.ID, Source: assay.Observed, By: "test"}
	gone.Identify()
	for _, tt := range []struct {
		name string
		all  []assay.Observation
		want bool
	}{
		{"said", []assay.Observation{o}, true},
		{"withdrawn", []assay.Observation{o, gone}, false},
		{"said-again", []assay.Observation{o, gone, o}, true},
		{"withdrawn-before-it-was-said", []assay.Observation{gone, o}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, err := v.FoldAll(nil, tt.all)
			if err != nil {
				t.Fatal(err)
			}
			if got := f.Fact(assay.Product, v.Term("x.agree")).Known(); got != tt.want {
				t.Errorf("known %v, want %v", got, tt.want)
			}
		})
	}
}

// What is said again counts as newest: a page that said yes, then no, and says yes
// again, says yes.
func TestSaidAgainIsNewest(t *testing.T) {
	v := load(t, words)
	yes := said(assay.Observed, assay.Product, "x.latest", assay.Bool(true), 1)
	no := said(assay.Observed, assay.Product, "x.latest", assay.Bool(false), 2)
	again := yes
	again.At = again.At.AddDate(0, 0, 2)
	for _, tt := range []struct {
		name string
		all  []assay.Observation
		want bool
	}{
		{"newest", []assay.Observation{yes, no}, false},
		{"again", []assay.Observation{yes, no, again}, true},
		{"read-in-another-order", []assay.Observation{again, no, yes}, true},
	} {
		f, err := v.FoldAll(nil, tt.all)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Fact(assay.Product, v.Term("x.latest")); !got.Known() || got.Value.Bool() != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got.Value, tt.want)
		}
	}
}

// What is said of the product stands for a part of which nothing else is known.
func TestProductStandsForParts(t *testing.T) {
	v := load(t, words)
	kind := v.Term("p.kind")
	f, err := v.FoldAll([]assay.Subject{"password/named"}, []assay.Observation{
		said(assay.Declared, assay.Product, "p.kind", assay.Text("a"), 1),
		said(assay.Observed, "password/seen", "p.kind", assay.Text("b"), 2),
	})
	if err != nil {
		t.Fatal(err)
	}
	for s, want := range map[assay.Subject]string{"password/named": "a", "password/seen": "b", "password/other": "a"} {
		if got := f.Fact(s, kind).Value.Text(); got != want {
			t.Errorf("%s: %q, want %q", s, got, want)
		}
	}
	if got := len(f.Parts("password")); got != 2 {
		t.Errorf("%d parts, want 2", got)
	}
}

// A word about all of the product is not relied on while evidence on it cannot be
// read, nor the word that all parts are named of which such evidence would speak.
func TestWithhold(t *testing.T) {
	v := load(t, words)
	all := []assay.Observation{
		said(assay.Declared, assay.Product, "p.kind", assay.Text("a"), 1),
		said(assay.Declared, "password/x", "p.kind", assay.Text("b"), 1),
		said(assay.Declared, assay.Product, "x.complete", assay.Bool(true), 1),
		said(assay.Declared, assay.Product, "x.agree", assay.Bool(true), 1),
		said(assay.Observed, assay.Product, "x.any", assay.Bool(true), 1),
	}
	for _, tt := range []struct {
		name   string
		unread []assay.TermID
		want   map[assay.TermID]bool // of the product: known
	}{
		{"nothing", nil, map[assay.TermID]bool{"p.kind": true, "x.complete": true, "x.agree": true, "x.any": true}},
		{"of-a-part", []assay.TermID{"p.kind"}, map[assay.TermID]bool{"p.kind": false, "x.complete": false, "x.agree": true, "x.any": true}},
		{"of-the-product", []assay.TermID{"x.agree", "x.any", "x.nobody"}, map[assay.TermID]bool{"p.kind": true, "x.complete": true, "x.agree": false, "x.any": true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, err := v.FoldAll(nil, all)
			if err != nil {
				t.Fatal(err)
			}
			f.Withhold(tt.unread)
			for id, want := range tt.want {
				if got := f.Fact(assay.Product, v.Term(id)); got.Known() != want {
					t.Errorf("%s: known %v, want %v", id, got.Known(), want)
				}
			}
			if got := f.Fact("password/x", v.Term("p.kind")).Value.Text(); got != "b" {
				t.Errorf("of the part itself %q, want b", got)
			}
		})
	}
}

// A mere word of yes does not stand against what was observed of the same part.
func TestDoubt(t *testing.T) {
	v := load(t, words)
	const x = assay.Subject("password/x")
	yes, no := assay.Bool(true), assay.Bool(false)
	for _, tt := range []struct {
		name string
		all  []assay.Observation
		want bool // p.chosen of x is known
	}{
		{"a-word-alone", []assay.Observation{said(assay.Declared, x, "p.chosen", yes, 1)}, true},
		{"against-what-was-seen", []assay.Observation{said(assay.Declared, x, "p.chosen", yes, 1), said(assay.Observed, x, "p.preset", yes, 1)}, false},
		{"of-all-against-what-was-seen", []assay.Observation{said(assay.Declared, assay.Product, "p.chosen", yes, 1), said(assay.Observed, x, "p.preset", yes, 1)}, false},
		{"seen-of-another", []assay.Observation{said(assay.Declared, x, "p.chosen", yes, 1), said(assay.Observed, "password/y", "p.preset", yes, 1)}, true},
		{"seen-not-to-be", []assay.Observation{said(assay.Declared, x, "p.chosen", yes, 1), said(assay.Observed, x, "p.preset", no, 1)}, true},
		{"word-against-word", []assay.Observation{said(assay.Declared, x, "p.chosen", yes, 1), said(assay.Declared, x, "p.preset", yes, 1)}, true},
		{"both-seen", []assay.Observation{said(assay.Observed, x, "p.chosen", yes, 1), said(assay.Observed, x, "p.preset", yes, 1)}, true},
		{"a-word-of-no", []assay.Observation{said(assay.Declared, x, "p.chosen", no, 1), said(assay.Observed, x, "p.preset", yes, 1)}, true},
	} {
		f, err := v.FoldAll(nil, tt.all)
		if err != nil {
			t.Fatal(err)
		}
		got := f.Fact(x, v.Term("p.chosen"))
		if got.Known() != tt.want || got.Conflict == tt.want {
			t.Errorf("%s: known %v, conflict %v, want known %v", tt.name, got.Known(), got.Conflict, tt.want)
		}
	}
}

func TestFoldRefuses(t *testing.T) {
	v := load(t, words)
	for name, o := range map[string]assay.Observation{
		"no-such-term":  said(assay.Observed, assay.Product, "x.nobody", assay.Bool(true), 1),
		"wrong-type":    said(assay.Observed, assay.Product, "x.agree", assay.Int(1), 1),
		"wrong-word":    said(assay.Observed, "password/x", "p.kind", assay.Text("c"), 1),
		"wrong-subject": said(assay.Observed, "label/x", "p.kind", assay.Text("a"), 1),
	} {
		if _, err := v.FoldAll(nil, []assay.Observation{o}); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"unknown-key":       "terms:\n  - {id: x.y, type: bool, title: t, source: s, colour: red}\n",
		"twice":             "terms:\n  - {id: x.y, type: bool, title: t, source: s}\n  - {id: x.y, type: bool, title: t, source: s}\n",
		"no-source":         "terms:\n  - {id: x.y, type: bool, title: t}\n",
		"no-title":          "terms:\n  - {id: x.y, type: bool, source: s}\n",
		"bad-id":            "terms:\n  - {id: X, type: bool, title: t, source: s}\n",
		"bad-type":          "terms:\n  - {id: x.y, type: colour, title: t, source: s}\n",
		"fold-does-not-fit": "terms:\n  - {id: x.y, type: text, fold: any, title: t, source: s}\n",
		"values-of-a-bool":  "terms:\n  - {id: x.y, type: bool, values: [a], title: t, source: s}\n",
		"lists-of-a-part":   "terms:\n  - {id: x.y, \"on\": password, type: bool, lists: password, title: t, source: s}\n",
		"doubted-by-nobody": "terms:\n  - {id: x.y, type: bool, doubted_by: [x.z], title: t, source: s}\n",
		"lists-of-a-text":   "terms:\n  - {id: x.y, type: text, lists: password, title: t, source: s}\n",
	} {
		if _, err := vocab.Load(fstest.MapFS{"x.yaml": {Data: []byte(text)}}); err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Every term that says that a list is whole names a kind that terms are said of.
func TestListsNameKinds(t *testing.T) {
	v := vocab.Standard()
	kinds := map[string]bool{}
	for _, k := range v.Kinds() {
		kinds[k] = true
	}
	n := 0
	for _, term := range v.Terms() {
		if term.Lists != "" {
			n++
			if !kinds[term.Lists] {
				t.Errorf("%s lists %q, of which nothing is said", term.ID, term.Lists)
			}
		} else if strings.HasSuffix(string(term.ID), "_complete") {
			t.Errorf("%s does not say what it lists", term.ID)
		}
	}
	if n == 0 {
		t.Error("no term lists anything")
	}
}
