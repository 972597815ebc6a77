package law

import (
	"testing"
	"testing/fstest"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/vocab"
)

// FuzzLoad holds that no regime file, however wrong, makes the program panic, and
// that one which loads can be judged by.
func FuzzLoad(f *testing.F) {
	f.Add(toyRegime)
	f.Add("id: x\ntitle: t\njurisdiction: j\nversions: [{id: a, from: 2020-01-01}]\nrequirements: [{id: r, title: t, cite: c, confidence: R, holds: 'thing.date < as_at ? thing.odd : !thing.odd'}]")
	f.Add("scope: {start: A, steps: [{id: A, title: t, when: thing.odd, \"yes\": A, \"no\": A, cite: c, confidence: R}]}")
	v, err := vocab.Load(fstest.MapFS{"t.yaml": {Data: []byte(toyTerms)}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data string) {
		if len(data) > 1<<14 {
			return
		}
		l, err := Load(fstest.MapFS{"a.yaml": {Data: []byte(data)}}, v)
		if err != nil {
			return
		}
		facts := vocab.NewFacts(v)
		for _, r := range l.Regimes() {
			a, err := l.Judge(facts, assay.MustDate("2023-01-01"), r.Name())
			if err != nil {
				t.Fatal(err)
			}
			if a.Verdict == assay.Pass && len(r.Requirements) > 0 && len(r.Terms()) > 0 && len(a.Regimes[0].Requirements) > 0 {
				for _, q := range a.Regimes[0].Requirements {
					if q.Verdict == assay.Pass && len(q.Facts) > 0 {
						t.Errorf("%s passes on no facts at all", q.ID)
					}
				}
			}
		}
	})
}

// FuzzExpr holds the compiler of expressions to never panic.
func FuzzExpr(f *testing.F) {
	for _, s := range []string{"thing.odd", "!thing.odd && thing.date >= add_years(as_at, 1)", `thing.kind in ["red", "blue"]`, `date("2024-02-30") < as_at`, "thing.odd ? true : false", "1 + 2 == 3", "[1].all(x, x > 0)", "thing", "\"a\" + \"b\" == \"ab\""} {
		f.Add(s)
	}
	v, err := vocab.Load(fstest.MapFS{"t.yaml": {Data: []byte(toyTerms)}})
	if err != nil {
		f.Fatal(err)
	}
	c, err := newCompiler(v)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, source string) {
		if len(source) > 1<<12 {
			return
		}
		l := linker{compiler: c}
		e := &Expr{Source: source, file: "a.yaml", line: 1}
		if err := l.boolean(e); err != nil || e.code == nil {
			return
		}
		s := situation{facts: vocab.NewFacts(v), asAt: assay.Day(assay.MustDate("2023-01-01")), territory: assay.Text("N")}
		truth, m := e.code.eval(&s)
		if truth != unknown && m.because != 0 {
			t.Errorf("%q is %v because of facts that nobody stated", source, truth)
		}
		e.code.trace(&s)
	})
}
