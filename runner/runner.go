// Package runner runs checks: each in its turn after those it requires, a bounded
// number at a time, and turns what they do into one stream of messages.
//
// A check that panics, takes too long or returns an error has failed; nothing it
// reported counts, and those that require it are skipped. The runner does not
// know what any check looks for, and says nothing of law.
package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/check"
)

// Options say how checks are run. The zero value is of use.
type Options struct {
	Jobs    int              // checks that run at the same time; 0 means 2
	Timeout time.Duration    // of each check; 0 means 10 minutes
	Now     func() time.Time // nil means time.Now; asked once
	Log     *slog.Logger     // nil means that nothing is logged
	Emit    func(Message)    // receives the stream, one message at a time; nil means nobody listens
}

// Input is what the checks are run on.
type Input struct {
	Checks   []*check.Check
	Evidence check.Evidence
	Parts    []assay.Subject     // that the dossier names
	Product  check.Product       // that the dossier is about
	Earlier  []assay.Observation // made before, in order, withdrawals and all
}

// Result is what came of a run. Observations then Withdrawals is the order in
// which they are to be written: should only the first part be kept, old and new
// contradict each other, and nothing passes that should not.
type Result struct {
	Outcomes     []CheckOutcome      // by name
	Observations []assay.Observation // in the order of check.Sort
	Withdrawals  []assay.Observation // of what no longer stands
	Results      map[string]any      // what each check that ran returned, by its name; nothing for those that return nothing
}

// node is one check in a run.
type node struct {
	check   *check.Check
	done    chan struct{} // closed when the fields below are set
	outcome CheckOutcome
	result  any
	made    []assay.Observation
}

// Run runs the checks and all that they require. Its error is a mistake in how
// the checks are made, or the context's; what befalls one check is its outcome.
func Run(ctx context.Context, in Input, o Options) (*Result, error) {
	if err := check.Validate(in.Checks); err != nil {
		return nil, fmt.Errorf("%w: %w", assay.ErrInternal, err)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	r := run{in: in, at: o.Now().UTC().Round(0), log: o.Log, emit: o.Emit,
		timeout: cmp.Or(o.Timeout, 10*time.Minute), slots: make(chan struct{}, max(cmp.Or(o.Jobs, 2), 1))}
	nodes := r.plan()
	r.send(Message{Kind: Start, Version: StreamVersion, Checks: names(nodes)})

	var wg sync.WaitGroup
	for _, n := range nodes {
		wg.Go(func() { r.walk(ctx, n) })
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return r.finish(nodes), nil
}

type run struct {
	in      Input
	at      time.Time
	log     *slog.Logger
	timeout time.Duration
	slots   chan struct{}
	nodes   map[*check.Check]*node

	mu   sync.Mutex // guards emit: one message at a time, and none of progress after the end
	emit func(Message)
	over bool
}

// plan makes a node of each check and of all that these require, by name.
func (r *run) plan() []*node {
	r.nodes = map[*check.Check]*node{}
	var nodes []*node
	var add func(c *check.Check)
	add = func(c *check.Check) {
		if r.nodes[c] != nil {
			return
		}
		n := &node{check: c, done: make(chan struct{})}
		r.nodes[c] = n
		nodes = append(nodes, n)
		for _, q := range c.Requires {
			add(q)
		}
	}
	for _, c := range r.in.Checks {
		add(c)
	}
	slices.SortFunc(nodes, func(a, b *node) int { return strings.Compare(a.check.Name, b.check.Name) })
	return nodes
}

func names(nodes []*node) []string {
	out := make([]string, len(nodes))
	for i, n := range nodes {
		out[i] = n.check.Name
	}
	return out
}

// walk waits for what the check requires, then for a slot, then runs it. While it
// waits it holds no slot, so that one slot is enough for any graph.
func (r *run) walk(ctx context.Context, n *node) {
	defer close(n.done)
	n.outcome = CheckOutcome{Check: n.check.Name, Title: n.check.Title()}
	results := map[*check.Check]any{}
	for _, c := range n.check.Requires {
		q := r.nodes[c]
		<-q.done
		if q.outcome.State != Ran && n.outcome.State == "" {
			n.outcome.State, n.outcome.Reason = Skipped, fmt.Sprintf("requires %s, which %s", c.Name, was(q.outcome.State))
		}
		results[c] = q.result
	}
	if n.outcome.State == "" {
		if kind := r.lacking(n.check); kind != "" {
			n.outcome.State, n.outcome.Reason = Skipped, "no "+kind+" in the dossier"
		}
	}
	if n.outcome.State != "" {
		return
	}
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		n.outcome.State, n.outcome.Reason = Skipped, "the run was stopped"
		return
	}
	r.progress(n.check, 0, 0, "begins")
	r.apply(ctx, n, results)
	r.progress(n.check, 0, 0, "ends")
}

func was(s State) string {
	if s == Skipped {
		return "was skipped"
	}
	return string(s)
}

func (r *run) lacking(c *check.Check) string {
	for _, k := range c.Needs {
		if r.in.Evidence == nil || len(r.in.Evidence.Of(k)) == 0 {
			return string(k)
		}
	}
	var kinds []string
	for _, k := range c.NeedsAny {
		if r.in.Evidence != nil && len(r.in.Evidence.Of(k)) > 0 {
			return ""
		}
		kinds = append(kinds, string(k))
	}
	return strings.Join(kinds, " or ")
}

// ended is how a check's function came back.
type ended struct {
	result any
	err    error
}

var errPanic = errors.New("the check itself is faulty and broke off; the log has the details")

// apply runs one pass. A check that does not heed its deadline is left behind: it
// can report no more, and its slot is given on.
func (r *run) apply(ctx context.Context, n *node, results map[*check.Check]any) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	pass := check.NewPass(n.check, check.Input{Evidence: r.in.Evidence, Parts: r.in.Parts, Product: r.in.Product, At: r.at, Results: results,
		Progress: func(done, total int64, what string) { r.progress(n.check, done, total, what) }})
	back := make(chan ended, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				r.log.Error("check panicked", "check", n.check.Name, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
				back <- ended{err: errPanic}
			}
		}()
		result, err := n.check.Run(ctx, pass)
		back <- ended{result, err}
	}()
	var e ended
	select {
	case e = <-back:
	case <-ctx.Done():
		select {
		case e = <-back:
		case <-time.After(grace):
			e.err = ctx.Err()
		}
	}
	if e.err == nil {
		e.err = ctx.Err() // a check cut short may not have noticed
	}
	report, refused := pass.End()
	n.outcome.Remarks = report.Remarks
	if err := cmp.Or(e.err, refused, returned(n.check, e.result)); err != nil {
		n.outcome.State, n.outcome.Reason = Failed, r.reason(err)
		return
	}
	n.result, n.made = e.result, report.Observations
	n.outcome.State, n.outcome.Whole, n.outcome.Observations = Ran, report.Whole, len(report.Observations)
}

// grace is how long a check may take to notice that its time is over.
const grace = 2 * time.Second

func (r *run) reason(err error) string {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("it took longer than %s", r.timeout)
	case errors.Is(err, context.Canceled):
		return "the run was stopped"
	}
	return check.Printable(err.Error())
}

// returned reports whether a check returned what it says it returns.
func returned(c *check.Check, result any) error {
	if got := reflect.TypeOf(result); got != c.Result {
		return fmt.Errorf("it returned %v, not %v: %w", got, c.Result, assay.ErrInternal)
	}
	return nil
}

func (r *run) send(m Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.emit != nil && !(r.over && m.Kind == InProgress) {
		r.emit(m)
	}
}

func (r *run) progress(c *check.Check, done, total int64, what string) {
	r.send(Message{Kind: InProgress, Check: c.Name, Done: done, Total: total, What: check.Printable(what)})
}

// finish puts all in order and sends it.
func (r *run) finish(nodes []*node) *Result {
	r.mu.Lock()
	r.over = true // what a check left behind says is no longer of interest
	r.mu.Unlock()
	out := Result{Results: map[string]any{}}
	var tally Tally
	for _, n := range nodes {
		out.Outcomes = append(out.Outcomes, n.outcome)
		switch n.outcome.State {
		case Ran:
			tally.Ran++
		case Skipped:
			tally.Skipped++
		default:
			tally.Failed++
		}
		if n.result != nil {
			out.Results[n.check.Name] = n.result
		}
		outcome := n.outcome
		r.send(Message{Kind: Outcome, Check: n.check.Name, Outcome: &outcome})
		for _, o := range n.made {
			out.Observations = append(out.Observations, o)
			r.send(Message{Kind: Observation, Check: n.check.Name, Observation: &o})
		}
	}
	out.Withdrawals = withdraw(r.in.Earlier, out.Outcomes, out.Observations, r.at)
	for _, o := range out.Withdrawals {
		r.send(Message{Kind: Observation, Check: o.By, Observation: &o})
	}
	tally.Observations, tally.Withdrawn = len(out.Observations), len(out.Withdrawals)
	r.send(Message{Kind: End, Tally: &tally})
	return &out
}

// withdraw makes withdrawals of what a check said earlier, and no longer says
// though it ran and looked at all there was. What was said by a check that was
// skipped, failed or saw a part only stays as it is.
func withdraw(earlier []assay.Observation, outcomes []CheckOutcome, now []assay.Observation, at time.Time) []assay.Observation {
	whole := map[string]bool{}
	for _, o := range outcomes {
		whole[o.Check] = o.State == Ran && o.Whole
	}
	said := map[assay.ObservationID]bool{}
	for i := range now {
		said[now[i].ID] = true
	}
	stands := map[assay.ObservationID]string{} // who said it
	for i := range earlier {
		if o := &earlier[i]; o.Withdraws != "" {
			delete(stands, o.Withdraws)
		} else if o.Source == assay.Observed || len(o.Evidence) > 0 {
			stands[o.ID] = o.By
		}
	}
	var out []assay.Observation
	for id, by := range stands {
		if whole[by] && !said[id] {
			o := assay.Observation{Withdraws: id, Source: assay.Observed, By: by, At: at, Note: "the check ran again on the evidence as it is now and no longer observes this"}
			o.Identify()
			out = append(out, o)
		}
	}
	slices.SortFunc(out, func(a, b assay.Observation) int {
		return cmp.Or(strings.Compare(a.By, b.By), strings.Compare(string(a.Withdraws), string(b.Withdraws)))
	})
	return out
}
