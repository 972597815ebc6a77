package device

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Guessing is what a series of wrong log-ins at one way in came to.
type Guessing struct {
	Tries  int             `json:"tries"` // wrong log-ins that were refused
	Took   []time.Duration `json:"took"`  // of each, nanoseconds, the waits between not counted
	Limit  string          `json:"limit"` // "locked", "slower" or "none seen"
	Note   string          `json:"note"`
	Median time.Duration   `json:"median"`

	// After is what became of a password that had been accepted before, tried once more
	// after them. Empty: none was known, so that a lock-out that is not told cannot be excluded.
	After Outcome `json:"after,omitempty"`
}

// What a series of wrong log-ins showed.
const (
	LimitLocked = "locked"
	LimitSlower = "slower"
	LimitNone   = "none seen"
)

// guess makes wrong log-ins with one user until a limit shows or the number that
// was agreed is reached.
func (l *logins) guess(ctx context.Context, t *trial, user string) *Guessing {
	g := &Guessing{Limit: LimitNone, Took: []time.Duration{}}
	for range l.guesses {
		began := l.s.o.Clock.Now()
		o, reason := t.d.try(ctx, "guessing", &credential{user, l.s.random()})
		took := l.s.o.Clock.Now().Sub(began)
		if ctx.Err() != nil {
			g.Note = "stopped"
			break
		}
		if o == Unclear && reason == "refused" {
			g.Limit, g.Note = "unclear", fmt.Sprintf("after %d more wrong log-ins it no longer takes connections: a limit, or it fell over", g.Tries)
			break
		}
		if o == Locked {
			g.Limit, g.Note = LimitLocked, fmt.Sprintf("after %d more wrong log-ins: %s", g.Tries, reason)
			break
		}
		if o != Refused {
			g.Limit, g.Note = "unclear", reason
			break
		}
		g.Tries++
		g.Took = append(g.Took, took)
		if slower(g.Took) {
			g.Limit, g.Note = LimitSlower, fmt.Sprintf("the wait grew to %s", took.Round(100*time.Millisecond))
			break
		}
	}
	if len(g.Took) > 0 {
		sorted := slices.Sorted(slices.Values(g.Took))
		g.Median = sorted[len(sorted)/2]
	}
	if g.Limit == LimitNone && g.Note == "" && g.Tries > 0 && t.good != nil {
		if err := l.s.o.Clock.Sleep(ctx, l.s.limits.Pace); err != nil {
			g.Note = "stopped"
			return g
		}
		o, reason := t.d.try(ctx, "log-in with the password that was accepted before", t.good)
		g.After = o
		switch {
		case ctx.Err() != nil:
			g.After, g.Note = Untried, "stopped"
		case o == Refused || o == Locked:
			g.Limit, g.Note = LimitLocked, fmt.Sprintf("after %d more wrong log-ins the right password is no longer accepted: %s", g.Tries, reason)
		case !o.in():
			g.Limit, g.Note = "unclear", "after the wrong log-ins the right password was neither accepted nor refused: "+reason
		}
	}
	if g.Limit == LimitNone && g.Note == "" {
		g.Note = fmt.Sprintf("neither a delay that grows nor a lock-out in %d wrong log-ins", g.Tries)
	}
	return g
}

// slower reports a wait that grows: the last three answers each took at least two
// seconds, and four times as long as the first three did.
func slower(took []time.Duration) bool {
	n := len(took)
	if n < 6 {
		return false
	}
	early := max(slices.Max(took[:3]), time.Millisecond)
	return slices.Min(took[n-3:]) >= max(2*time.Second, 4*early)
}
