package device

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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
	Agent          bool   // a user of SNMPv3
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
	// fits reports whether a published default can be one of this way in; nil: any.
	fits func(Default) bool
	// scripted: a script may take part in the log-in, so that what is refused may be what the script did not do.
	scripted bool
	// doubt says why what came last may be no acceptance, though it looks like one; nil where nothing of the kind can be.
	doubt func() string
}

// web reports a way in by web pages, which share accounts and what counts failures.
func (d *door) web() bool {
	return d.way.Protocol == "http" || d.way.Protocol == "https" || d.way.Protocol == "onvif"
}

// logins is what the ways in are tried with.
type logins struct {
	s         *Session
	published []Default
	unit, set *Secret
	hints     []string // make and model
	guesses   int
	guessPort int
	locked    atomic.Bool // a web log-in showed signs of a lock-out
}

// maxDoors bounds how many ways in are tried at the same time: a device may count
// failures over all of them.
const maxDoors = 4

// enter tries every door and gives the ways in, in order.
func (l *logins) enter(ctx context.Context, doors []*door) []Way {
	slots := make(chan struct{}, maxDoors)
	var group sync.WaitGroup
	for _, row := range inRows(doors) {
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			for _, d := range row {
				l.s.progress("log-ins: %s at port %d", d.way.Protocol, d.way.Port)
				l.one(ctx, d)
			}
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

// inRows puts doors that are tried one after the other together: those of one port.
func inRows(doors []*door) [][]*door {
	var rows [][]*door
	at := map[string]int{}
	for _, d := range doors {
		key := fmt.Sprintf("%s/%d", d.way.Network, d.way.Port)
		i, ok := at[key]
		if !ok {
			i = len(rows)
			at[key], rows = i, append(rows, nil)
		}
		rows[i] = append(rows[i], d)
	}
	return rows
}

// trial is the log-ins at one door.
type trial struct {
	l       *logins
	d       *door
	n       int
	first   time.Duration // of the first attempt that was refused
	unclear int
	refusal string      // how a random password was refused
	good    *credential // one that was accepted
}

var errStop = errors.New("no more log-ins are tried here")

// attempt makes one log-in, at the pace that was agreed. errStop ends the trial;
// why it ends stands in the way.
func (t *trial) attempt(ctx context.Context, probe string, c *credential) (Outcome, string, error) {
	if t.d.web() && t.l.locked.Load() {
		return Untried, "", t.stop("another web log-in of the device showed signs of a lock-out")
	}
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
		t.l.locked.Store(t.l.locked.Load() || t.d.web())
		return o, reason, t.stop("signs of a lock-out: " + reason)
	case o == Unclear && reason == "refused":
		t.l.locked.Store(t.l.locked.Load() || t.d.web())
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
	defer t.unscripted()
	user := "admin"
	if d.alone {
		user = ""
	} else if len(candidates) > 0 && candidates[0].User != "" {
		user = candidates[0].User
	}
	o, reason, err := t.attempt(ctx, "log-in with a random password", &credential{user, l.s.random()})
	d.way.Control, t.refusal = o, reason
	doubt := ""
	if o.in() && d.doubt != nil {
		doubt = d.doubt()
	}
	switch {
	case doubt != "":
		d.way.Control = Unclear
		d.way.Stopped = "what came to a random password may be a refusal or not: " + doubt
		return
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
	if l.defaults(ctx, t, candidates) != nil || t.silentLock(ctx) != nil {
		return
	}
	if l.guesses > 0 && (l.guessPort == 0 || l.guessPort == d.way.Port) {
		if t.good != nil {
			user = t.good.user
		}
		d.way.Guessing = l.guess(ctx, t, user)
	}
}

// silentLock asks, after published defaults were refused, whether a password that was
// accepted before still is: a device that locks without saying so refuses the right
// one too, and its refusals tell nothing.
func (t *trial) silentLock(ctx context.Context) error {
	if t.good == nil || t.d.way.RefusedDefaults() == 0 || t.d.way.AcceptedDefault() != nil {
		return nil
	}
	o, _, err := t.attempt(ctx, "log-in with the password that was accepted before", t.good)
	if o.in() {
		return err
	}
	unclear(t.d.way.Tried, "refused, and then the right password was not accepted either")
	return t.stop("signs of a lock-out: a password that was accepted before no longer is")
}

// unclear takes back refusals from which nothing follows.
func unclear(attempts []Attempt, why string) {
	for i := range attempts {
		if attempts[i].Outcome == Refused {
			attempts[i].Outcome, attempts[i].Why = Unclear, why
		}
	}
}

// unscripted takes refusals back where a script may have to take part in the log-in:
// they may be for what it did not do. An acceptance shows that it need not.
func (t *trial) unscripted() {
	w := &t.d.way
	if !t.d.scripted || t.good != nil || w.Control != Refused {
		return
	}
	const reason = "a script may take part in this log-in"
	w.Control = Unclear
	for _, a := range [][]Attempt{w.Unit, w.Set, w.Tried} {
		unclear(a, reason)
	}
	w.Stopped = cmp.Or(w.Stopped, reason+", and it was not run: what was refused may be what it did not do, so try the log-in by hand")
}

// secret tries a password of this unit.
func (l *logins) secret(ctx context.Context, t *trial, secret *Secret, into *[]Attempt, probe string) error {
	// A person's password is no community; and what SNMPv3 sends would let others guess at it in the transcript.
	if secret == nil || t.d.way.Method == "community" || t.d.way.Method == "usm" {
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
		if o.in() {
			t.good = c
			return err
		}
		if err != nil {
			return err
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
		switch {
		case o.in():
			o, reason, err = t.again(ctx, c, o, reason)
			a.Outcome, a.Why = o, reason
		case o == Refused && t.d.vague && reason != t.refusal:
			a.Outcome, a.Why = Unclear, reason+", and to a random password it said: "+t.refusal
		}
		if o.in() {
			t.good = c
		}
		t.d.way.Tried = append(t.d.way.Tried, a)
		if err != nil || o.in() {
			return err
		}
	}
	return nil
}

// again tries others after a password was accepted: had the way in opened for another
// reason, they would be accepted too. They are random and of the same form, so that
// what stumbles at a short or a plain password does so again. Where acceptance is read
// from a page, two of them have to be refused, and then the password accepted twice more:
// a page that comes after every so many failures, whoever fails, does not do that.
func (t *trial) again(ctx context.Context, c *credential, o Outcome, reason string) (Outcome, string, error) {
	probe, times := "log-in with a random password of the same form", 1
	if t.d.vague {
		times = 2
	}
	for range times {
		other := &credential{c.user, t.l.s.alike(c.password)}
		if t.d.vague && c.password == "" { // a form may ask to be filled in: so it would for anybody
			if t.d.alone {
				return Unclear, "nothing tells an empty password from an empty form", nil
			}
			other, probe = &credential{t.l.s.random(), ""}, "log-in of a random user with an empty password"
		}
		control, said, err := t.attempt(ctx, probe, other)
		switch {
		case control == Refused && err == nil:
		case control == Refused && !t.d.vague:
			return o, reason, err
		case control == Refused:
			return Unclear, "it was accepted, and the session ended before that could be confirmed", err
		case control.in() && t.d.vague:
			return Unclear, "it looked accepted, and so did a random one of the same form: the page is a complaint about the form, or for everybody", err
		case control.in():
			t.d.way.Control = Unclear
			return Unclear, "a random password for the same user was accepted too, after one had been refused", t.stop("random passwords are sometimes accepted and sometimes refused")
		default:
			return Unclear, "it was accepted, but no random password could be tried against it", cmp.Or(err, t.stop("a random password was neither accepted nor refused: "+said))
		}
	}
	if !t.d.vague {
		return o, reason, nil
	}
	for n := range 2 {
		switch more, said, err := t.attempt(ctx, "log-in with the accepted password once more", c); {
		case !more.in():
			return Unclear, "it looked accepted, and when it was tried once more it did not: " + said, err
		case err != nil || n == 1:
			return o, reason, err
		}
	}
	return o, reason, nil
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
		if x.Agent {
			return -1
		}
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
		case x.Community != (d.way.Method == "community"), x.Agent && d.way.Method != "usm":
		case d.fits != nil && !d.fits(x):
		case d.alone && !x.Community && x.User != "", !d.alone && x.User == "" && !x.Community:
		default:
			out = append(out, x)
		}
	}
	slices.SortStableFunc(out, func(a, b Default) int { return rank(a) - rank(b) })
	return out
}

// lockWords in an answer speak of a lock-out, beside lockPhrases.
var lockWords = []string{"locked", "blocked", "rate limit", "bloqué", "bloquead", "bloccat", "geblokkeerd", "заблок"}

func speaksOfLock(text []byte) bool {
	low := bytes.ToLower(text[:min(len(text), 8192)])
	return lockPhrases.Match(low) || slices.ContainsFunc(lockWords, func(w string) bool { return bytes.Contains(low, []byte(w)) })
}

func status(n int) string { return fmt.Sprintf("status %d", n) }
