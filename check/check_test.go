package check_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/evidence"
)

const doc = "title of a check\n\nIt looks.\n"

func run(context.Context, *check.Pass) (any, error) { return nil, nil }

func good(name string) *check.Check {
	return &check.Check{Name: name, Doc: doc, Observes: []assay.TermID{"a.b"}, Run: run}
}

func TestValidate(t *testing.T) {
	one := good("one")
	two := good("two")
	two.Requires = []*check.Check{one}
	if err := check.Validate([]*check.Check{two, one}); err != nil {
		t.Errorf("good checks: %v", err)
	}
	circle := good("circle")
	other := good("other")
	circle.Requires, other.Requires = []*check.Check{other}, []*check.Check{circle}
	rows := []struct {
		name   string
		checks []*check.Check
		want   string
	}{
		{"circle", []*check.Check{circle}, "in a circle: circle, other, circle"},
		{"same-name", []*check.Check{one, good("one")}, "two checks have this name"},
		{"name", []*check.Check{good("One")}, "want a name"},
		{"nil", []*check.Check{nil}, "nil"},
		{"no-doc", []*check.Check{{Name: "a", Run: run, Observes: one.Observes}}, "documentation that begins with a title"},
		{"title-alone", []*check.Check{{Name: "a", Doc: "title\n", Run: run, Observes: one.Observes}}, "says more than the title"},
		{"no-run", []*check.Check{{Name: "a", Doc: doc, Observes: one.Observes}}, "does not run"},
		{"of-no-use", []*check.Check{{Name: "a", Doc: doc, Run: run}}, "neither observes"},
		{"term", []*check.Check{{Name: "a", Doc: doc, Run: run, Observes: []assay.TermID{"x"}}}, `term "x"`},
		{"term-twice", []*check.Check{{Name: "a", Doc: doc, Run: run, Observes: []assay.TermID{"a.b", "a.b"}}}, "stands twice"},
		{"kind", []*check.Check{{Name: "a", Doc: doc, Run: run, Observes: one.Observes, Needs: []evidence.Kind{"x"}}}, "no kind of evidence"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			if err := check.Validate(row.checks); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want %q", err, row.want)
			}
		})
	}
}

var cited = []assay.Reference{{Digest: assay.Digest("sha256:" + strings.Repeat("0", 64)), Name: "firmware/a", Place: "line 1"}}

func TestReport(t *testing.T) {
	at := time.Unix(1e9, 0).UTC()
	p := check.NewPass(good("one"), check.Input{At: at})
	o := assay.Observation{Subject: assay.Product, Term: "a.b", Value: assay.Bool(true), Evidence: cited, Note: " why ",
		Source: assay.Declared, By: "somebody", ID: "o-1", At: time.Unix(1, 0)}
	later := o
	later.Subject = "password/z"
	for _, x := range []assay.Observation{later, o, o} { // twice the same is once
		if err := p.Report(x); err != nil {
			t.Fatal(err)
		}
	}
	p.Remark("one\nline")
	r, err := p.End()
	if err != nil || len(r.Observations) != 2 || !r.Whole || r.Remarks[0] != "one?line" {
		t.Fatalf("got %+v, %v", r, err)
	}
	got := r.Observations[1]
	if r.Observations[0].Subject != "password/z" || got.Source != assay.Observed || got.By != "one" || got.At != at || got.Note != "why" {
		t.Errorf("got %+v", r.Observations)
	}
	id := got.ID
	if got.Identify(); got.ID != id {
		t.Errorf("got id %s, want %s", id, got.ID)
	}
	if err := p.Report(o); !errors.Is(err, assay.ErrRefused) {
		t.Errorf("after the end: got %v, want refused", err)
	}
}

func TestReportRefuses(t *testing.T) {
	for name, change := range map[string]func(*assay.Observation){
		"undeclared":  func(o *assay.Observation) { o.Term = "a.c" },
		"no-evidence": func(o *assay.Observation) { o.Evidence = nil },
		"no-digest":   func(o *assay.Observation) { o.Evidence = []assay.Reference{{Name: "firmware/a"}} },
		"no-value":    func(o *assay.Observation) { o.Value = assay.Value{} },
		"subject":     func(o *assay.Observation) { o.Subject = "password" },
		"control":     func(o *assay.Observation) { o.Note = "\x1b[2J" },
		"turned":      func(o *assay.Observation) { o.Note = "a\u202eb" },
		"utf8":        func(o *assay.Observation) { o.Value = assay.Text("\xff") },
	} {
		p := check.NewPass(good("one"), check.Input{})
		o := assay.Observation{Subject: assay.Product, Term: "a.b", Value: assay.Bool(true), Evidence: cited}
		if err := p.Report(o); err != nil {
			t.Fatal(err)
		}
		change(&o)
		if err := p.Report(o); !errors.Is(err, assay.ErrRefused) {
			t.Errorf("%s: got %v, want refused", name, err)
		}
		if r, err := p.End(); err == nil || len(r.Observations) != 0 {
			t.Errorf("%s: a refused observation did not fail the pass: %+v", name, r)
		}
	}
}

func TestEvidenceOfOtherKindsIsOutOfReach(t *testing.T) {
	f := &evidence.Folder{}
	c := good("one")
	c.Needs = []evidence.Kind{evidence.Pages}
	p := check.NewPass(c, check.Input{Evidence: f})
	if _, err := p.Open(evidence.Item{Kind: evidence.Firmware, Name: "firmware/a"}); !errors.Is(err, assay.ErrRefused) {
		t.Errorf("got %v, want refused", err)
	}
	if got := p.Items(evidence.Firmware); got != nil {
		t.Errorf("got %v", got)
	}
}

func TestResultOf(t *testing.T) {
	one := good("one")
	one.Result = reflect.TypeFor[[]int]()
	p := check.NewPass(good("two"), check.Input{Results: map[*check.Check]any{one: []int{3}}})
	if got := check.ResultOf[[]int](p, one); got[0] != 3 {
		t.Errorf("got %v", got)
	}
	for name, f := range map[string]func(){
		"type":         func() { check.ResultOf[string](p, one) },
		"not-required": func() { check.ResultOf[string](p, good("x")) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: want a panic", name)
				}
			}()
			f()
		}()
	}
}

func TestDoc(t *testing.T) {
	const source = "// Package x is a check.\n//\n// # What it says\n//\n// It looks.\n//\n//   - # at this\n//\n// # How\n//\n// So.\npackage x\n\n// # Other\n"
	const want = "What it says\n\nIt looks.\n\n  - # at this\n\n# How\n\nSo.\n"
	c := &check.Check{Doc: check.Doc(source)}
	if c.Doc != want || c.Title() != "What it says" {
		t.Errorf("got %q, title %q", c.Doc, c.Title())
	}
	if got := check.Doc("// Package x has no heading.\npackage x\n"); strings.TrimSpace(got) != "" {
		t.Errorf("got %q", got)
	}
}
