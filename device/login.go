package device

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// credential is a user name and a password; nil is none at all.
type credential struct {
	user, password string
}

// secrets are the forms in which the password may stand in what is sent.
func (c *credential) secrets() []string {
	if c == nil || c.password == "" {
		return nil
	}
	return []string{
		c.password, url.QueryEscape(c.password),
		base64.StdEncoding.EncodeToString([]byte(c.user + ":" + c.password)),
	}
}

// Default is a published default password.
type Default struct {
	User, Password string
	Source         string // where it is published
	Date           string // the day it was looked up there
	Community      bool   // an SNMP community, which has no user
}

// Secret is a password of this unit, which no record holds.
type Secret struct {
	Users    []string // to try it with; none: admin and root
	Password string
}

func (s *Secret) users() []string {
	if len(s.Users) > 0 {
		return s.Users
	}
	return []string{"admin", "root"}
}

// door is a way in as it is tried.
type door struct {
	way Way
	// try makes one log-in. nil where the way takes no passwords that can be tried.
	try func(ctx context.Context, probe string, c *credential) (Outcome, string)
	// vague: what looks like acceptance of a random password may be a refusal that was not understood.
	vague bool
	// alone: there is no user name.
	alone bool
}

// logins is what the ways in are tried with.
type logins struct {
	s         *Session
	published []Default
	unit, set *Secret
	hints     []string // make and model
	guesses   int
	guessPort int
}

// maxDoors bounds how many ways in are tried at the same time: a device may count
// failures over all of them.
const maxDoors = 4

// enter tries every door and gives the ways in, in order.
func (l *logins) enter(ctx context.Context, doors []*door) []Way {
	slots := make(chan struct{}, maxDoors)
	var group sync.WaitGroup
	for _, d := range doors {
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			l.s.progress("log-ins: %s at port %d", d.way.Protocol, d.way.Port)
			l.one(ctx, d)
		})
	}
	group.Wait()
	out := []Way{}
	for _, d := range doors {
		out = append(out, d.way)
	}
	slices.SortStableFunc(out, func(a, b Way) int {
		return cmp.Or(strings.Compare(a.Network, b.Network), a.Port-b.Port, strings.Compare(a.Method, b.Method))
	})
	return out
}

// trial is the log-ins at one door.
type trial struct {
	l       *logins
	d       *door
	n       int
	first   time.Duration // of the first attempt that was refused
	unclear int
}

var errStop = errors.New("no more log-ins are tried here")

// attempt makes one log-in, at the pace that was agreed. errStop ends the trial;
// why it ends stands in the way.
func (t *trial) attempt(ctx context.Context, probe string, c *credential) (Outcome, string, error) {
	if t.n++; t.n > 1 {
		if err := t.l.s.o.Clock.Sleep(ctx, t.l.s.limits.Pace); err != nil {
			return Untried, "", t.stop("the session was stopped")
		}
	}
	began := t.l.s.o.Clock.Now()
	o, reason := t.d.try(ctx, probe, c)
	took := t.l.s.o.Clock.Now().Sub(began)
	switch {
	case ctx.Err() != nil:
		return o, reason, t.stop("the session was stopped")
	case o == Locked:
		return o, reason, t.stop("signs of a lock-out: " + reason)
	case o == Unclear && reason == "refused":
		return Locked, "it no longer takes connections", t.stop("signs of a lock-out: it no longer takes connections")
	case o == Unclear:
		if t.unclear++; t.unclear >= 2 {
			return o, reason, t.stop("what came back tells neither yes nor no: " + reason)
		}
	case o == Refused:
		t.unclear = 0
		if t.first == 0 {
			t.first = max(took, time.Millisecond)
		} else if took > 4*time.Second && took > 5*t.first {
			return o, reason, t.stop("it became slower after failures")
		}
	}
	return o, reason, nil
}

func (t *trial) stop(why string) error {
	t.d.way.Stopped = cmp.Or(t.d.way.Stopped, why)
	return errStop
}

// one tries one door: a random password first, then the unit's own, then the
// published ones, and a random one again before a published one counts.
func (l *logins) one(ctx context.Context, d *door) {
	candidates := l.candidates(d)
	d.way.Offered = len(candidates)
	if d.try == nil || d.way.Open == Yes && d.way.Method == "none" {
		return
	}
	t := &trial{l: l, d: d}
	user := "admin"
	if d.alone {
		user = ""
	} else if len(candidates) > 0 && candidates[0].User != "" {
		user = candidates[0].User
	}
	o, reason, err := t.attempt(ctx, "log-in with a random password", &credential{user, l.s.random()})
	d.way.Control = o
	switch {
	case o.in() && d.vague:
		d.way.Control = Unclear
		d.way.Stopped = "a random password is not refused in words that are understood, so nothing else could be told from it"
		return
	case o.in():
		d.way.Control = Accepted
		d.way.Any, d.way.Open, d.way.OpenWhy = true, Yes, "it accepts any password: a random one was accepted"
		return
	case o != Refused:
		d.way.Stopped = cmp.Or(d.way.Stopped, "a random password was neither accepted nor refused: "+reason)
		return
	case err != nil:
		return
	}
	if l.secret(ctx, t, l.unit, &d.way.Unit, "log-in with the unit's own password") != nil || l.secret(ctx, t, l.set, &d.way.Set, "log-in with the password that was set") != nil {
		return
	}
	if l.defaults(ctx, t, candidates) != nil {
		return
	}
	if l.guesses > 0 && (l.guessPort == 0 || l.guessPort == d.way.Port) {
		d.way.Guessing = l.guess(ctx, t, user)
	}
}

// secret tries a password of this unit.
func (l *logins) secret(ctx context.Context, t *trial, secret *Secret, into *[]Attempt, probe string) error {
	if secret == nil || t.d.way.Method == "community" { // a person's password is no community
		return nil
	}
	users := secret.users()
	if t.d.alone {
		users = []string{""}
	}
	for _, user := range users {
		c := &credential{user, secret.Password}
		o, reason, err := t.attempt(ctx, probe, c)
		a := Attempt{User: user, Blank: c.password == "", Secret: l.s.digest(c.password), Outcome: o, Why: reason}
		if o.in() {
			o, reason, err = t.again(ctx, c, o, reason)
			a.Outcome, a.Why = o, reason
		}
		*into = append(*into, a)
		if err != nil {
			return err
		}
		if o.in() {
			return nil
		}
	}
	return nil
}

// defaults tries published defaults until one is accepted.
func (l *logins) defaults(ctx context.Context, t *trial, candidates []Default) error {
	tried := candidates[:min(len(candidates), l.s.limits.Tries)]
	if len(tried) == 0 {
		return nil
	}
	for _, d := range tried {
		c := &credential{d.User, d.Password}
		o, reason, err := t.attempt(ctx, "log-in with a published default", c)
		a := Attempt{User: d.User, Password: d.Password, Blank: d.Password == "", Source: d.Source, Date: d.Date, Outcome: o, Why: reason}
		a.Other = l.set != nil && l.set.Password != d.Password
		if o.in() {
			o, reason, err = t.again(ctx, c, o, reason)
			a.Outcome, a.Why = o, reason
		}
		t.d.way.Tried = append(t.d.way.Tried, a)
		if err != nil || o.in() {
			return err
		}
	}
	return nil
}

// again tries a password once more after one was accepted: had the way in opened for
// another reason, it would be accepted too. The other is random and of the same form,
// so that what stumbles at a short or a plain password does so again.
func (t *trial) again(ctx context.Context, c *credential, o Outcome, reason string) (Outcome, string, error) {
	other, probe := &credential{c.user, t.l.s.alike(c.password)}, "log-in with a random password of the same form"
	if t.d.vague && c.password == "" { // a form may ask to be filled in: so it would for anybody
		if t.d.alone {
			return Unclear, "nothing tells an empty password from an empty form", nil
		}
		other, probe = &credential{t.l.s.random(), ""}, "log-in of a random user with an empty password"
	}
	control, _, err := t.attempt(ctx, probe, other)
	switch {
	case control == Refused:
		return o, reason, err
	case control.in() && t.d.vague:
		return Unclear, "it looked accepted, and so did a random one of the same form: the page is a complaint about the form, or for everybody", err
	case control.in():
		t.d.way.Control = Unclear
		return Unclear, "a random password for the same user was accepted too, after one had been refused", t.stop("random passwords are sometimes accepted and sometimes refused")
	default:
		return Unclear, "it was accepted, but no random password could be tried against it", cmp.Or(err, t.stop("a random password was neither accepted nor refused"))
	}
}

// favourites are the pairs that malware and lists try first, most common first:
// Antonakakis et al., Understanding the Mirai Botnet, USENIX Security 2017, table
// 5. Only what the given list holds too is ever tried.
var favourites = [][2]string{{"admin", "admin"}, {"admin", ""}, {"root", "root"}, {"admin", "1234"}, {"admin", "password"}, {"admin", "12345"}, {"root", ""}, {"user", "user"},
	{"admin", "123456"}, {"root", "admin"}, {"root", "12345"}, {"guest", "guest"}, {"root", "1234"}, {"admin", "888888"}, {"support", "support"}}

// candidates are the published defaults in the order in which they are tried: of
// this make first, then those tried most, then the others as they stand.
func (l *logins) candidates(d *door) []Default {
	rank := func(x Default) int {
		source := strings.ToLower(x.Source)
		for _, h := range l.hints {
			if len(h) >= 2 && strings.Contains(source, ": "+strings.ToLower(h)) {
				return -1
			}
		}
		if i := slices.Index(favourites, [2]string{x.User, x.Password}); i >= 0 {
			return i
		}
		return len(favourites)
	}
	var out []Default
	for _, x := range l.published {
		switch {
		case x.Community != (d.way.Method == "community"):
		case d.alone && !x.Community && x.User != "", !d.alone && x.User == "" && !x.Community:
		default:
			out = append(out, x)
		}
	}
	slices.SortStableFunc(out, func(a, b Default) int { return rank(a) - rank(b) })
	return out
}

// lockWords in an answer speak of a lock-out.
var lockWords = []string{"too many", "locked", "temporarily", "try again later", "try again in", "blocked", "rate limit", "maximum number of"}

func speaksOfLock(text []byte) bool {
	low := strings.ToLower(string(text[:min(len(text), 8192)]))
	return slices.ContainsFunc(lockWords, func(w string) bool { return strings.Contains(low, w) })
}

func status(n int) string { return fmt.Sprintf("status %d", n) }
