package law

import (
	"testing"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"pgregory.net/rapid"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/vocab"
)

// Extra expressions hold what the law does not (yet) write: every operator, and
// every way in which an unknown can meet one.
var extraExpressions = []string{
	`password.used ? reporting.english : reporting.charged`,
	`!(password.used && reporting.english) || reporting.charged == reporting.clear`,
	`(password.used || reporting.english) != (reporting.charged && reporting.clear)`,
	`support.end < statement.issued || support.end >= add_days(statement.issued, 30)`,
	`support.end > add_years(as_at, 5) && statement.issued <= add_years(date("2024-02-29"), 1)`,
	`support.end_form != "open" && support.end_form in ["date", "month"]`,
	`"hardware" in support.covers && !("associated" in support.covers)`,
	`"hardware" in ["hardware", "required"] && password.used`,
	`account.uid == 0 || account.uid > 1000 && account.uid != 65534`,
	`territory == "GB" || password.used`,
	`password.used && true || false`,
	`(password.used ? support.end : statement.issued) > as_at`,
}

// share is how many fact patterns it takes to meet every expression once.
const share = 10

// Our evaluator gives each expression of each regime the truth value that the CEL
// library gives it over the same facts, of which some are unknown.
func TestEvaluatorAgreesWithCEL(t *testing.T) {
	l := Standard()
	c, err := newCompiler(l.vocabulary)
	if err != nil {
		t.Fatal(err)
	}
	type pair struct {
		expr    *Expr
		program cel.Program
	}
	var pairs []pair
	seen := map[string]bool{}
	add := func(e *Expr) {
		if e.Empty() || seen[e.Source] {
			return
		}
		seen[e.Source] = true
		ast, issues := c.env.Compile(e.Source)
		if issues.Err() != nil {
			t.Fatalf("%s: %v", e.Source, issues.Err())
		}
		program, err := c.env.Program(ast, cel.EvalOptions(cel.OptPartialEval))
		if err != nil {
			t.Fatalf("%s: %v", e.Source, err)
		}
		pairs = append(pairs, pair{e, program})
	}
	for _, r := range l.regimes {
		r.eachExpr(add)
	}
	law := len(pairs)
	for _, source := range extraExpressions {
		e := &Expr{Source: source}
		if err := c.compile(e, cel.BoolType); err != nil {
			t.Fatal(err)
		}
		add(e)
	}
	count := map[truth]int{}
	rapid.Check(t, func(t *rapid.T) {
		asAt := assay.DateOfDays(int64(rapid.IntRange(19000, 22500).Draw(t, "as at")))
		s := situation{asAt: assay.Day(asAt), territory: assay.Text(rapid.SampledFrom([]string{"GB", "NI"}).Draw(t, "territory"))}
		density := rapid.SampledFrom([]int{20, 60, 95, 100}).Draw(t, "density")
		for range 20 { // fact patterns a draw
			seed := rapid.Uint64().Draw(t, "facts")
			some := make([]*Expr, 0, len(pairs)/share+1) // each pattern meets a share of the expressions
			for i := int(seed % share); i < len(pairs); i += share {
				some = append(some, pairs[i].expr)
			}
			s.facts = seededFacts(l.vocabulary, some, seed, density)
			for i := int(seed % share); i < len(pairs); i += share {
				p := pairs[i]
				vars := map[string]any{"as_at": asAt.Time(), "territory": s.territory.Text()}
				var missing []*cel.AttributePatternType
				for _, term := range p.expr.terms {
					if f := s.facts.Of(nil, term); f.Known() {
						vars[string(term.ID)] = celValue(f.Value)
					} else {
						missing = append(missing, cel.AttributePattern(string(term.ID)))
					}
				}
				partial, err := cel.PartialVars(vars, missing...)
				if err != nil {
					t.Fatal(err)
				}
				out, _, err := p.program.Eval(partial)
				if err != nil {
					t.Fatalf("%s: %v", p.expr.Source, err)
				}
				got, m := p.expr.code.eval(&s)
				if want := celTruth(t, out); got != want {
					t.Errorf("%s over %v: %v, the library says %v", p.expr.Source, vars, got, want)
				}
				if (got == unknown) != (m.wanted != 0) {
					t.Errorf("%s over %v: %v, and wants %b", p.expr.Source, vars, got, m.wanted)
				}
				count[got]++
			}
		}
	})
	for _, v := range []truth{unknown, isFalse, isTrue} {
		if count[v] == 0 {
			t.Errorf("no expression came out %v", v)
		}
	}
	t.Logf("%d expressions of the law and %d others; %d evaluations unknown, %d false, %d true",
		law, len(pairs)-law, count[unknown], count[isFalse], count[isTrue])
}

func celTruth(t *rapid.T, v ref.Val) truth {
	if types.IsUnknown(v) {
		return unknown
	}
	b, ok := v.(types.Bool)
	if !ok {
		t.Fatalf("the library gives a %v", v.Type())
	}
	return truthOf(bool(b))
}

func celValue(v assay.Value) any {
	if v.Type() == assay.DateType {
		return v.Date().Time()
	}
	return v.Any()
}

// seededFacts makes facts about the product in the terms of the expressions,
// density of a hundred of them known.
func seededFacts(v *vocab.Vocabulary, of []*Expr, seed uint64, density int) *vocab.Facts {
	facts := vocab.NewFacts(v)
	seed |= 1                 // it must not be nought
	next := func(n int) int { // xorshift; the library's own draws would be slow here
		seed ^= seed << 13
		seed ^= seed >> 7
		seed ^= seed << 17
		return int(seed % uint64(n))
	}
	said := map[*vocab.Term]bool{}
	var terms []*vocab.Term
	for _, e := range of {
		for _, term := range e.terms {
			if !said[term] {
				said[term] = true
				terms = append(terms, term)
			}
		}
	}
	for _, term := range terms {
		if next(100) >= density {
			continue
		}
		words := term.Values
		if len(words) == 0 {
			words = []string{"one", "two"}
		}
		var value assay.Value
		switch term.Type {
		case assay.BoolType:
			value = assay.Bool(next(2) == 0)
		case assay.IntType:
			value = assay.Int([]int64{0, 1, 1000, 1001, 65534}[next(5)])
		case assay.DateType:
			value = assay.Day(assay.DateOfDays(19000 + int64(next(3500))))
		case assay.TextType:
			value = assay.Text(words[next(len(words))])
		default:
			var some []string
			for _, w := range words {
				if next(2) == 0 {
					some = append(some, w)
				}
			}
			value = assay.Set(some...)
		}
		facts.Put(assay.Product, term, vocab.Fact{Value: value, Basis: vocab.OnObserved, Because: []assay.ObservationID{"o"}})
	}
	return facts
}
