package law

import (
	"slices"
	"testing"
	"testing/fstest"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/vocab"
)

const toyTerms = `
terms:
  - {id: thing.connects, type: bool, title: Connects, source: toy}
  - {id: thing.date, type: date, title: Date, source: toy}
  - {id: thing.kind, type: text, values: [red, blue], title: Kind, source: toy}
  - {id: lock.list_whole, type: bool, title: Whole, source: toy}
  - {id: lock.strong, "on": lock, type: bool, fold: all, title: Strong, source: toy}
  - {id: lock.exempt, "on": lock, type: bool, title: Exempt, source: toy}
  - {id: thing.odd, type: bool, title: Odd, source: toy}
`

const toyRegime = `
id: toy
title: Toy law
jurisdiction: Nowhere
versions:
  - {id: "2020", from: 2020-01-01, title: First, cite: Toy 1}
  - {id: "2022", from: 2022-01-01, title: Second, cite: Toy 2}
scope:
  territories: [N, S]
  start: A
  steps:
    - {id: A, title: Connects?, when: thing.connects, "yes": B, "no": OUT, cite: s.1, confidence: R}
    - {id: B, title: Excepted in S?, when: 'territory == "S" && thing.kind == "blue"', "yes": EXC, "no": IN, cite: s.2, confidence: R, from: 2022-01-01}
  outcomes:
    - {id: IN, verdict: PASS, title: In}
    - {id: OUT, verdict: NOT APPLICABLE, title: Out}
    - {id: EXC, verdict: NOT APPLICABLE, title: Excepted}
requirements:
  - id: locks
    title: Locks
    cite: s.3
    confidence: R
    for_each: lock
    complete: lock.list_whole
    where: '!lock.exempt'
    all:
      - {id: L1, title: Strong, cite: s.3(1), confidence: R, holds: lock.strong}
  - id: date
    title: Date
    cite: s.4
    confidence: R
    unsettled:
      - {when: thing.odd, question: what of odd things, settled_by: a court}
    holds: thing.date >= add_years(as_at, 1)
`

func toy(t *testing.T) *Law {
	t.Helper()
	v, err := vocab.Load(fstest.MapFS{"t.yaml": {Data: []byte(toyTerms)}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := Load(fstest.MapFS{"toy.yaml": {Data: []byte(toyRegime)}}, v)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

type said struct {
	subject assay.Subject
	term    assay.TermID
	value   assay.Value
}

func TestJudgeToy(t *testing.T) {
	l := toy(t)
	connects := said{"product", "thing.connects", assay.Bool(true)}
	later := said{"product", "thing.date", assay.Day(assay.MustDate("2030-01-01"))}
	notOdd := said{"product", "thing.odd", assay.Bool(false)}
	strong := said{"lock/a", "lock.strong", assay.Bool(true)}
	plain := said{"lock/a", "lock.exempt", assay.Bool(false)}
	whole := said{"product", "lock.list_whole", assay.Bool(true)}
	tests := []struct {
		name  string
		asAt  string
		facts []said
		want  map[string]assay.Verdict
		total assay.Verdict
	}{
		{"nothing-known", "2023-01-01", nil, map[string]assay.Verdict{"locks": assay.Inconclusive, "date": assay.Inconclusive}, assay.Inconclusive},
		{"before-commencement", "2019-12-31", []said{connects}, nil, assay.NotApplicable},
		{"out", "2023-01-01", []said{{"product", "thing.connects", assay.Bool(false)}}, nil, assay.NotApplicable},
		{"all-good", "2023-01-01", []said{connects, later, notOdd, strong, plain, whole}, map[string]assay.Verdict{"locks": assay.Pass, "date": assay.Pass}, assay.Pass},
		{"list-not-whole", "2023-01-01", []said{connects, later, notOdd, strong, plain}, map[string]assay.Verdict{"locks": assay.Inconclusive, "date": assay.Pass}, assay.Inconclusive},
		{"weak-lock-fails-though-list-not-whole", "2023-01-01", []said{connects, later, notOdd, plain, {"lock/a", "lock.strong", assay.Bool(false)}}, map[string]assay.Verdict{"locks": assay.Fail, "date": assay.Pass}, assay.Fail},
		{"exempt-unknown", "2023-01-01", []said{connects, later, notOdd, whole, {"lock/a", "lock.strong", assay.Bool(false)}}, map[string]assay.Verdict{"locks": assay.Inconclusive, "date": assay.Pass}, assay.Inconclusive},
		{"odd-is-unsettled", "2023-01-01", []said{connects, later, {"product", "thing.odd", assay.Bool(true)}, strong, plain, whole}, map[string]assay.Verdict{"locks": assay.Pass, "date": assay.Inconclusive}, assay.Inconclusive},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := toyFacts(t, l, tt.facts)
			a, err := l.Judge(f, assay.MustDate(tt.asAt), "toy")
			if err != nil {
				t.Fatal(err)
			}
			if a.Verdict != tt.total {
				t.Errorf("verdict %v, want %v", a.Verdict, tt.total)
			}
			got := map[string]assay.Verdict{}
			for _, r := range a.Regimes[0].Requirements {
				got[r.ID] = r.Verdict
			}
			for id, want := range tt.want {
				if got[id] != want {
					t.Errorf("%s: %v, want %v", id, got[id], want)
				}
			}
			b, err := l.NewBulk("toy")
			if err != nil {
				t.Fatal(err)
			}
			if v := b.Judge(f, assay.MustDate(tt.asAt), nil); v != a.Verdict {
				t.Errorf("bulk %v, judge %v", v, a.Verdict)
			}
		})
	}
}

func toyFacts(t *testing.T, l *Law, facts []said) *vocab.Facts {
	t.Helper()
	f := vocab.NewFacts(l.Vocabulary())
	for i, s := range facts {
		term := l.Vocabulary().Term(s.term)
		if term == nil {
			t.Fatalf("no term %s", s.term)
		}
		f.Put(s.subject, term, vocab.Fact{Value: s.value, Basis: vocab.OnDeclared, Because: []assay.ObservationID{assay.ObservationID(rune('a' + i))}})
	}
	return f
}

func TestWantedAndBecause(t *testing.T) {
	l := toy(t)
	f := toyFacts(t, l, []said{{"product", "thing.connects", assay.Bool(true)}, {"lock/a", "lock.exempt", assay.Bool(false)}})
	a, err := l.Judge(f, assay.MustDate("2023-01-01"), "toy")
	if err != nil {
		t.Fatal(err)
	}
	r := a.Regimes[0].Requirements[0]
	if r.Open != OpenEvidence || len(r.Wanted) == 0 {
		t.Fatalf("open %q, wanted %v", r.Open, r.Wanted)
	}
	want := map[Wanted]bool{{"product", "lock.list_whole"}: true, {"lock/a", "lock.strong"}: true, {"product", "lock.exempt"}: true, {"product", "lock.strong"}: true}
	for _, w := range r.Wanted {
		if !want[w] {
			t.Errorf("wanted %v unexpectedly", w)
		}
		delete(want, w)
	}
	for w := range want {
		t.Errorf("%v is not wanted, but should be", w)
	}
	// Territory S depends on the kind; N does not, so the product is in scope there.
	if s := a.Regimes[0].Scope; s.Verdict != assay.Pass || s.Outcome != "IN" {
		t.Errorf("scope %v %s", s.Verdict, s.Outcome)
	}
}

// A point of law is open only once the facts raise it; until then it is the
// facts that are wanted.
func TestUnsettledPointNotYetRaised(t *testing.T) {
	l := toy(t)
	for _, tt := range []struct {
		name   string
		odd    []said
		open   Open
		points int
	}{
		{"not-known-whether-it-arises", nil, OpenEvidence, 0},
		{"arises", []said{{"product", "thing.odd", assay.Bool(true)}}, OpenLaw, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := toyFacts(t, l, append(tt.odd, said{"product", "thing.connects", assay.Bool(true)}, said{"product", "thing.date", assay.Day(assay.MustDate("2030-01-01"))}))
			a, err := l.Judge(f, assay.MustDate("2023-01-01"), "toy")
			if err != nil {
				t.Fatal(err)
			}
			r := a.Regimes[0].Requirements[1]
			if r.Verdict != assay.Inconclusive || r.Open != tt.open || len(r.Unsettled) != tt.points {
				t.Errorf("%v, open %q, %d points; want INCONCLUSIVE, %q, %d", r.Verdict, r.Open, len(r.Unsettled), tt.open, tt.points)
			}
		})
	}
}

// Whether the list is whole is asked only where it could decide.
func TestWantsTheListOnlyWhereItMatters(t *testing.T) {
	l := toy(t)
	whole := Wanted{"product", "lock.list_whole"}
	connects := said{"product", "thing.connects", assay.Bool(true)}
	tests := []struct {
		name  string
		facts []said
		want  bool
	}{
		{"no-part-named", nil, false},
		{"part-named", []said{{"lock/a", "lock.exempt", assay.Bool(false)}}, true},
		{"the-rest-is-settled", []said{{"lock/a", "lock.exempt", assay.Bool(false)}, {"product", "lock.exempt", assay.Bool(true)}}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, err := l.Judge(toyFacts(t, l, append(tt.facts, connects)), assay.MustDate("2023-01-01"), "toy")
			if err != nil {
				t.Fatal(err)
			}
			r := a.Regimes[0].Requirements[0]
			if got := slices.Contains(r.Wanted, whole); got != tt.want || r.Verdict != assay.Inconclusive {
				t.Errorf("%v, list wanted %v; want INCONCLUSIVE, %v", r.Verdict, got, tt.want)
			}
		})
	}
}

func TestWantedText(t *testing.T) {
	for _, w := range []Wanted{{"product", "thing.odd"}, {"lock/a", "lock.strong"}, {"lock/a:b", "lock.strong"}} {
		text, err := w.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var back Wanted
		if err := back.UnmarshalText(text); err != nil || back != w {
			t.Errorf("%v became %s and then %v, %v", w, text, back, err)
		}
	}
}
