package opa

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/law"
	"github.com/assay-psti/assay/vocab"
)

var asAt = assay.MustDate("2026-11-22")

// kinds of parts and how many of each a product of the benchmark has.
var kinds = map[string]int{"password": 2, "component": 2, "label": 1, "consignment": 1, "statement": 1, "invitation": 1}

// product makes facts of which all are known, the same for both.
func product(r *rand.Rand) (*vocab.Facts, map[string]any) {
	v := law.Standard().Vocabulary()
	facts := vocab.NewFacts(v)
	input := map[string]any{}
	parts := map[string]any{}
	state := func(s assay.Subject, t *vocab.Term, into map[string]any) {
		samples := t.Samples(asAt)
		value := samples[r.IntN(len(samples))]
		switch t.ID {
		case "product.tangible", "product.internet_capable", "password.used", "password.inventory_complete", "component.inventory_complete",
			"label.list_complete", "statement.list_complete", "support.invitations_complete", "invitation.list_complete":
			value = assay.Bool(true)
		}
		facts.Put(s, t, vocab.Fact{Value: value, Basis: vocab.OnDeclared, Because: []assay.ObservationID{"o-1"}})
		if value.Type() == assay.DateType {
			into[string(t.ID)] = value.Int()
		} else {
			into[string(t.ID)] = value.Any()
		}
	}
	terms := v.Terms()
	for i := range terms {
		if kinds[terms[i].On] == 0 {
			state(assay.Product, &terms[i], input)
		}
	}
	// Labels are held against the supply of the product as a whole.
	facts.Put(assay.Product, v.Term("supply.continuing"), vocab.Fact{Value: assay.Bool(true), Basis: vocab.OnDeclared, Because: []assay.ObservationID{"o-1"}})
	input["supply.continuing"] = true
	for _, kind := range v.Kinds() {
		var list []any
		for n := range kinds[kind] {
			s := assay.Subject(kind + "/p" + string(rune('1'+n)))
			own := map[string]any{}
			for i := range terms {
				if terms[i].On == kind {
					state(s, &terms[i], own)
				}
			}
			list = append(list, own)
		}
		if list != nil {
			parts[kind] = list
		}
	}
	return facts, map[string]any{"product": input, "parts": parts}
}

func prepare(tb testing.TB) rego.PreparedEvalQuery {
	tb.Helper()
	r, err := law.Standard().Regime("uk-psti")
	if err != nil {
		tb.Fatal(err)
	}
	policy, err := Policy(r, asAt)
	if err != nil {
		tb.Fatal(err)
	}
	q, err := rego.New(rego.Query("data.regime.result"), rego.Module("regime.rego", policy)).PrepareForEval(tb.Context())
	if err != nil {
		tb.Fatalf("%v\n%s", err, policy)
	}
	return q
}

func evalOPA(tb testing.TB, q rego.PreparedEvalQuery, input ast.Value) map[string]any {
	rs, err := q.Eval(tb.Context(), rego.EvalParsedInput(input))
	if err != nil || len(rs) != 1 {
		tb.Fatalf("opa: %v, %d results", err, len(rs))
	}
	return rs[0].Expressions[0].Value.(map[string]any)
}

func TestBothAgree(t *testing.T) {
	q := prepare(t)
	r := rand.New(rand.NewPCG(1, 2))
	seen := map[assay.Verdict]int{}
	for range 300 {
		facts, input := product(r)
		v, err := ast.InterfaceToValue(input)
		if err != nil {
			t.Fatal(err)
		}
		got := evalOPA(t, q, v)
		a, err := law.Standard().Judge(facts, asAt, "uk-psti")
		if err != nil {
			t.Fatal(err)
		}
		regime := a.Regimes[0]
		if got["scope"] != regime.Scope.Verdict.String() {
			t.Fatalf("scope: opa %v, assay %v", got["scope"], regime.Scope.Verdict)
		}
		want := got["requirements"].(map[string]any)
		for _, q := range regime.Requirements {
			seen[q.Verdict]++
			if want[q.ID] != q.Verdict.String() {
				t.Fatalf("%s: opa %v, assay %v", q.ID, want[q.ID], q.Verdict)
			}
		}
	}
	t.Logf("verdicts compared: %v", seen)
}

// BenchmarkLaw judges one product by the whole of uk-psti: assay with the verdict
// of every limb, assay with the whole explanation, and OPA with the verdict of
// every requirement. The ratio is OPA's time over assay's in the same run.
func BenchmarkLaw(b *testing.B) {
	q := prepare(b)
	r := rand.New(rand.NewPCG(1, 2))
	type pair struct {
		facts *vocab.Facts
		input ast.Value
	}
	var pairs []pair
	for len(pairs) < 64 {
		facts, input := product(r)
		a, err := law.Standard().Judge(facts, asAt, "uk-psti")
		if err != nil {
			b.Fatal(err)
		}
		if a.Regimes[0].Scope.Verdict == assay.NotApplicable {
			continue // nearly free, and not what is measured
		}
		v, err := ast.InterfaceToValue(input)
		if err != nil {
			b.Fatal(err)
		}
		pairs = append(pairs, pair{facts, v})
	}
	bulk, err := law.Standard().NewBulk("uk-psti")
	if err != nil {
		b.Fatal(err)
	}
	limbs := 0
	perOp := func(b *testing.B) float64 { return float64(b.Elapsed().Nanoseconds()) / float64(b.N) }
	var ours, explained float64
	b.Run("assay", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			bulk.Judge(pairs[i%len(pairs)].facts, asAt, func(string, assay.Subject, assay.Verdict) { limbs++ })
		}
		ours = perOp(b)
	})
	b.Run("assay-explained", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if _, err := law.Standard().Judge(pairs[i%len(pairs)].facts, asAt, "uk-psti"); err != nil {
				b.Fatal(err)
			}
		}
		explained = perOp(b)
	})
	b.Run("opa", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			evalOPA(b, q, pairs[i%len(pairs)].input)
		}
		b.ReportMetric(perOp(b)/ours, "times-assay")
		b.ReportMetric(perOp(b)/explained, "times-explained")
	})
}

// BenchmarkMillion judges a million products on all cores.
func BenchmarkMillion(b *testing.B) {
	const products = 1_000_000
	for b.Loop() {
		start := time.Now()
		var wg sync.WaitGroup
		workers := runtime.GOMAXPROCS(0)
		for w := range workers {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(uint64(w), 3))
				bulk, err := law.Standard().NewBulk("uk-psti")
				if err != nil {
					panic(err)
				}
				// Each worker goes round a set of its own that no cache holds whole.
				var set []*vocab.Facts
				for range 500 {
					f, _ := product(r)
					set = append(set, f)
				}
				for i := range products / workers {
					bulk.Judge(set[i%len(set)], asAt, nil)
				}
			})
		}
		wg.Wait()
		b.ReportMetric(time.Since(start).Seconds(), "s/million")
	}
}
