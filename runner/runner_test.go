package runner_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/evidence"
	"github.com/assay-psti/assay/runner"
)

const doc = "title of a check\n\nIt looks.\n"

var cited = []assay.Reference{{Digest: assay.Digest("sha256:" + strings.Repeat("0", 64)), Name: "firmware/a", Place: "line 1"}}

func say(p *check.Pass, v assay.Value) {
	_ = p.Report(assay.Observation{Subject: assay.Product, Term: "a.b", Value: v, Evidence: cited})
}

type runFunc = func(context.Context, *check.Pass) (any, error)

func make1(name string, f runFunc, requires ...*check.Check) *check.Check {
	return &check.Check{Name: name, Doc: doc, Observes: []assay.TermID{"a.b"}, Run: f, Requires: requires}
}

func speaks(v assay.Value) runFunc {
	return func(_ context.Context, p *check.Pass) (any, error) { say(p, v); return nil, nil }
}

func clock() time.Time { return time.Unix(1e9, 5).In(time.FixedZone("x", 3600)) }

func run(t *testing.T, in runner.Input, o runner.Options) *runner.Result {
	t.Helper()
	o.Now = clock
	r, err := runner.Run(t.Context(), in, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func states(r *runner.Result) string {
	var out []string
	for _, o := range r.Outcomes {
		s := o.Check + ": " + string(o.State)
		if o.Reason != "" {
			s += ": " + o.Reason
		}
		out = append(out, s)
	}
	return strings.Join(out, "\n")
}

func TestOutcomes(t *testing.T) {
	var log bytes.Buffer
	panics := make1("panics", func(_ context.Context, p *check.Pass) (any, error) { say(p, assay.Bool(true)); panic("oh") })
	fails := make1("fails", func(_ context.Context, p *check.Pass) (any, error) {
		say(p, assay.Bool(true))
		return nil, errors.New("image is cut\nshort")
	})
	ignores := make1("ignores", func(_ context.Context, p *check.Pass) (any, error) {
		_ = p.Report(assay.Observation{Subject: assay.Product, Term: "a.undeclared", Value: assay.Bool(true), Evidence: cited})
		say(p, assay.Bool(true))
		return nil, nil
	})
	wrong := make1("wrong", func(context.Context, *check.Pass) (any, error) { return 3, nil })
	needs := make1("needs", speaks(assay.Bool(true)))
	needs.Needs = []evidence.Kind{evidence.Firmware}
	after := make1("after", speaks(assay.Bool(true)), panics)
	third := make1("third", speaks(assay.Bool(true)), after)
	r := run(t, runner.Input{Checks: []*check.Check{third, fails, ignores, wrong, needs, make1("fine", speaks(assay.Bool(false)))}},
		runner.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	want := strings.Join([]string{
		"after: skipped: requires panics, which failed",
		"fails: failed: image is cut?short",
		"fine: ran",
		"ignores: failed: check ignores, term a.undeclared, subject product: the check has not declared this term: refused",
		"needs: skipped: no firmware in the dossier",
		"panics: failed: the check itself is faulty and broke off; the log has the details",
		"third: skipped: requires after, which was skipped",
		"wrong: failed: it returned int, not <nil>: internal error",
	}, "\n")
	if diff := cmp.Diff(want, states(r)); diff != "" {
		t.Error(diff)
	}
	if len(r.Observations) != 1 || r.Observations[0].By != "fine" {
		t.Errorf("only what ran may speak, got %+v", r.Observations)
	}
	if !strings.Contains(log.String(), "panic=oh") || !strings.Contains(log.String(), "runner_test.go") {
		t.Errorf("the log has no stack: %s", log.String())
	}
}

func TestFaultyChecks(t *testing.T) {
	_, err := runner.Run(t.Context(), runner.Input{Checks: []*check.Check{make1("A", speaks(assay.Bool(true)))}}, runner.Options{})
	if !errors.Is(err, assay.ErrInternal) {
		t.Errorf("got %v, want internal", err)
	}
}

// A check that does not heed its deadline is left behind and cannot speak.
func TestTimeout(t *testing.T) {
	heeds := make1("heeds", func(ctx context.Context, p *check.Pass) (any, error) {
		say(p, assay.Bool(true))
		<-ctx.Done()
		return nil, nil // and does not even say so
	})
	hold := make(chan struct{})
	defer close(hold)
	deaf := make1("deaf", func(_ context.Context, p *check.Pass) (any, error) { <-hold; say(p, assay.Bool(true)); return nil, nil })
	r := run(t, runner.Input{Checks: []*check.Check{heeds, deaf}}, runner.Options{Timeout: 20 * time.Millisecond, Jobs: 1})
	want := "deaf: failed: it took longer than 20ms\nheeds: failed: it took longer than 20ms"
	if got := states(r); got != want || len(r.Observations) != 0 {
		t.Errorf("got %s, %v, want %s", got, r.Observations, want)
	}
}

func TestStopped(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	c := make1("one", func(ctx context.Context, p *check.Pass) (any, error) { stop(); <-ctx.Done(); return nil, ctx.Err() })
	if _, err := runner.Run(ctx, runner.Input{Checks: []*check.Check{c}}, runner.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want canceled", err)
	}
}

func TestResultsAndJobs(t *testing.T) {
	for jobs := 1; jobs <= 4; jobs++ {
		var now, most atomic.Int64
		count := func(f runFunc) runFunc {
			return func(ctx context.Context, p *check.Pass) (any, error) {
				n := now.Add(1)
				defer now.Add(-1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				return f(ctx, p)
			}
		}
		ints := reflect.TypeFor[int]()
		base := make1("base", count(func(context.Context, *check.Pass) (any, error) { return 1, nil }))
		base.Result = ints
		layer := []*check.Check{base}
		for i := range 30 {
			last := layer[len(layer)-1]
			c := make1(fmt.Sprintf("c%d", i), nil, last, base)
			c.Run = count(func(_ context.Context, p *check.Pass) (any, error) {
				n := check.ResultOf[int](p, last) + check.ResultOf[int](p, base)
				say(p, assay.Int(int64(n)))
				return n, nil
			})
			c.Result = ints
			layer = append(layer, c)
		}
		// The last is given first: waiting must hold no slot.
		r := run(t, runner.Input{Checks: []*check.Check{layer[30], layer[7]}}, runner.Options{Jobs: jobs})
		if len(r.Outcomes) != 31 || len(r.Observations) != 30 {
			t.Fatalf("jobs %d: got %d outcomes, %d observations", jobs, len(r.Outcomes), len(r.Observations))
		}
		if most.Load() > int64(jobs) {
			t.Errorf("jobs %d: %d ran at a time", jobs, most.Load())
		}
	}
}

// The same input gives the same bytes, however many run at a time.
func TestSameBytes(t *testing.T) {
	var checks []*check.Check
	for i := range 12 {
		checks = append(checks, make1(fmt.Sprintf("c%d", i), func(_ context.Context, p *check.Pass) (any, error) {
			for j := range 20 {
				s, _ := assay.Part("password", fmt.Sprint((j*7+i)%20))
				_ = p.Report(assay.Observation{Subject: s, Term: "a.b", Value: assay.Int(int64(j)), Evidence: cited})
				p.Progress(int64(j), 20, "looking")
			}
			p.Remark("done")
			return nil, nil
		}))
	}
	stream := func(jobs int, in []*check.Check) string {
		var b strings.Builder
		progress := 0
		run(t, runner.Input{Checks: in}, runner.Options{Jobs: jobs, Emit: func(m runner.Message) {
			if m.Kind == runner.InProgress {
				progress++
				return
			}
			line, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			b.Write(append(line, '\n'))
		}})
		if progress == 0 {
			t.Error("no progress was told")
		}
		return b.String()
	}
	first := stream(1, checks)
	reversed := append([]*check.Check{}, checks...)
	for i, j := 0, len(reversed)-1; i < j; i, j = i+1, j-1 {
		reversed[i], reversed[j] = reversed[j], reversed[i]
	}
	for jobs := 2; jobs < 6; jobs++ {
		if diff := cmp.Diff(first, stream(jobs, reversed)); diff != "" {
			t.Fatal(diff)
		}
	}
	lines := strings.Split(strings.TrimSpace(first), "\n")
	if n := len(lines); n != 1+12+240+1 || !strings.HasPrefix(lines[0], `{"message":"start","version":"1","checks":["c0","c1","c10"`) ||
		lines[n-1] != `{"message":"end","tally":{"ran":12,"skipped":0,"failed":0,"observations":240,"withdrawn":0}}` {
		t.Errorf("got %d lines, first %s, last %s", n, lines[0], lines[n-1])
	}
	if !strings.Contains(lines[2], "2001-09-09T01:46:40.000000005Z") {
		t.Errorf("not the clock's time in UTC: %s", lines[2])
	}
}

func TestWithdrawals(t *testing.T) {
	type mode int
	const (
		whole mode = iota
		partial
		failing
		lacking
	)
	var say1 []int64
	var how mode
	c := make1("one", func(_ context.Context, p *check.Pass) (any, error) {
		for _, n := range say1 {
			say(p, assay.Int(n))
		}
		switch how {
		case partial:
			p.Partial("a part could not be read")
		case failing:
			return nil, errors.New("no")
		}
		return nil, nil
	})
	other := assay.Observation{Subject: assay.Product, Term: "a.b", Value: assay.Int(1), Source: assay.Observed, By: "other", Evidence: cited}
	other.Identify()
	said := assay.Observation{Subject: assay.Product, Term: "a.b", Value: assay.Int(1), Source: assay.Declared, By: "one"}
	said.Identify()
	history := []assay.Observation{other, said}
	step := func(m mode, values ...int64) *runner.Result {
		say1, how = values, m
		cc := *c
		if m == lacking {
			cc.Needs = []evidence.Kind{evidence.Firmware}
		}
		r := run(t, runner.Input{Checks: []*check.Check{&cc}, Earlier: history}, runner.Options{})
		history = append(append(history, r.Observations...), r.Withdrawals...)
		return r
	}
	rows := []struct {
		how    mode
		values []int64
		want   int
	}{
		{whole, []int64{1, 2}, 0},
		{failing, nil, 0},
		{lacking, nil, 0},
		{partial, []int64{3}, 0},
		{whole, []int64{2}, 2}, // 1 and 3
		{whole, []int64{2}, 0}, // once is enough
		{whole, []int64{1, 2}, 0},
		{whole, nil, 2},
	}
	for i, row := range rows {
		if got := step(row.how, row.values...).Withdrawals; len(got) != row.want {
			t.Fatalf("step %d: got %d withdrawals, want %d", i, len(got), row.want)
		}
	}
}

// After any history of whole runs, what stands is what the last run said.
func TestWithdrawalsLeaveTheLastRun(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var history []assay.Observation
		var last []int64
		for range rapid.IntRange(1, 5).Draw(t, "runs") {
			last = rapid.SliceOfNDistinct(rapid.Int64Range(0, 4), 0, 5, rapid.ID).Draw(t, "values")
			c := make1("one", func(_ context.Context, p *check.Pass) (any, error) {
				for _, n := range last {
					say(p, assay.Int(n))
				}
				return nil, nil
			})
			r, err := runner.Run(context.Background(), runner.Input{Checks: []*check.Check{c}, Earlier: history}, runner.Options{Now: clock})
			if err != nil {
				t.Fatal(err)
			}
			history = append(append(history, r.Observations...), r.Withdrawals...)
		}
		stands := map[assay.ObservationID]int64{}
		for _, o := range history {
			if o.Withdraws != "" {
				delete(stands, o.Withdraws)
			} else {
				stands[o.ID] = o.Value.Int()
			}
		}
		if len(stands) != len(last) {
			t.Fatalf("got %v, want %v", stands, last)
		}
		for _, n := range last {
			found := false
			for _, m := range stands {
				found = found || m == n
			}
			if !found {
				t.Fatalf("got %v, want %v", stands, last)
			}
		}
	})
}

// A check reads the dossier's evidence through its pass.
func TestEvidence(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "firmware"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "firmware", "a.img"), []byte("abc"), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := evidence.Open(t.Context(), dir, evidence.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c := make1("one", func(_ context.Context, p *check.Pass) (any, error) {
		item := p.Items(evidence.Firmware)[0]
		r, err := p.Open(item)
		if err != nil {
			return nil, err
		}
		defer r.Close()
		b := make([]byte, 3)
		if _, err := r.ReadAt(b, 0); err != nil {
			return nil, err
		}
		return nil, p.Report(assay.Observation{Subject: assay.Product, Term: "a.b", Value: assay.Text(string(b)), Evidence: []assay.Reference{item.Reference("offset 0")}})
	})
	c.Needs = []evidence.Kind{evidence.Firmware}
	r := run(t, runner.Input{Checks: []*check.Check{c}, Evidence: f}, runner.Options{})
	if len(r.Observations) != 1 || r.Observations[0].Value.Text() != "abc" || r.Observations[0].Evidence[0].Name != "firmware/a.img" {
		t.Errorf("got %s, %+v", states(r), r.Observations)
	}
}
