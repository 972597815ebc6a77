package device

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Log-ins of SNMPv3. An agent tells anybody whether it knows a user name, so only names
// that it knows are tried with passwords.

// maxNames bounds how many user names an agent is asked for.
const maxNames = 24

// agent is an SNMPv3 agent at a port.
type agent struct {
	s    *Session
	v    *Service
	at   engine
	last int64 // the session's clock when at.time was told, in seconds
}

// ask sends one GET and reads the answer; nil where none came.
func (g *agent) ask(ctx context.Context, probe string, u usmUser) (*usmAnswer, string) {
	var salt [12]byte
	if _, err := io.ReadFull(g.s.o.Rand, salt[:]); err != nil {
		return nil, "no randomness"
	}
	e := g.at
	if e.time > 0 || e.boots > 0 {
		e.time += g.s.o.Clock.Now().Unix() - g.last
	}
	b, err := usmGet(binary.BigEndian.Uint32(salt[8:]), e, u, binary.BigEndian.Uint64(salt[:8]))
	if err != nil {
		return nil, err.Error()
	}
	got, closed, err := g.s.datagram(ctx, probe, g.v.Port, b, false)
	switch {
	case err != nil:
		return nil, why(err)
	case closed:
		return nil, "refused"
	case len(got) == 0:
		return nil, "no answer"
	}
	a, err := parseUSM(got, &u)
	if err != nil {
		return nil, err.Error()
	}
	return a, ""
}

// told takes over the engine's time.
func (g *agent) told(e engine) {
	g.at.boots, g.at.time, g.last = e.boots, e.time, g.s.o.Clock.Now().Unix()
}

// usmAgent asks for the engine; nil where none answers.
func (s *Session) usmAgent(ctx context.Context, v *Service) *agent {
	b, _, err := s.datagram(ctx, "snmpv3 engine", v.Port, snmpDiscover(), false)
	if err != nil || !isSNMPv3(b) {
		return nil
	}
	a, err := parseUSM(b, &usmUser{})
	if err != nil || len(a.engine.id) < 5 { // RFC 3411 5, SnmpEngineID
		return nil
	}
	g := &agent{s: s, v: v, at: a.engine}
	g.told(a.engine)
	return g
}

// snmpDoors are the ways into an SNMP agent: by community, and by user.
func (s *Session) snmpDoors(ctx context.Context, v *Service, published []Default) []*door {
	d := &door{way: v.way("community"), alone: true}
	d.way.Open, d.way.OpenWhy = No, "a community is asked for"
	d.try = func(ctx context.Context, probe string, c *credential) (Outcome, string) {
		return s.snmpLogin(ctx, v, probe, c)
	}
	g := s.usmAgent(ctx, v)
	if g == nil {
		return []*door{d}
	}
	v.Details = append(v.Details, "SNMPv3 engine "+hex.EncodeToString(g.at.id))
	return []*door{d, g.door(ctx, published)}
}

// door looks which users the agent knows, and whether one needs no password.
func (g *agent) door(ctx context.Context, published []Default) *door {
	d := &door{way: g.v.way("usm")}
	d.way.Where = "engine " + hex.EncodeToString(g.at.id)
	a, reason := g.ask(ctx, "snmpv3 random user", usmUser{name: g.s.random()})
	switch {
	case a == nil:
		d.way.OpenWhy, d.way.Stopped = reason, "users are not told apart: "+reason
		return d
	case a.report == 0 && a.status == 0:
		d.way.Any, d.way.Open, d.way.OpenWhy = true, Yes, "it answers to any user name without a password"
		return d
	case a.report != usmUnknownUser:
		d.way.OpenWhy = fmt.Sprintf("it answers to a random user name by report %d and status %d", a.report, a.status)
		d.way.Stopped = "users are not told apart"
		return d
	}
	known := map[string]bool{}
	names := agentNames(published)
	for _, name := range names {
		a, reason := g.ask(ctx, "snmpv3 user without a password", usmUser{name: name})
		switch {
		case a == nil:
			d.way.OpenWhy, d.way.Stopped = reason, "users were not looked for to the end: "+reason
			return d
		case a.report == usmUnknownUser:
		case a.report == 0 && a.status == 0:
			d.way.Open, d.way.OpenWhy = Yes, "the user "+printable([]byte(name), 32)+" gets answers without a password"
			if len(a.texts) > 0 {
				d.way.OpenWhy += ": " + a.texts[0]
			}
		default:
			known[name] = true
		}
	}
	told := slices.Sorted(func(yield func(string) bool) {
		for n := range known {
			if !yield(n) {
				return
			}
		}
	})
	if d.way.Open != Yes {
		d.way.OpenWhy = fmt.Sprintf("%d user names were looked for, and none gets in without a password", len(names))
	}
	if len(told) > 0 {
		d.way.OpenWhy += "; it knows the user " + strings.Join(told, ", ")
		g.v.Asks = cmp.Or(map[bool]Answer{true: Yes}[d.way.Open != Yes], g.v.Asks)
	}
	d.fits = func(x Default) bool { return known[x.User] && x.Password != "" }
	d.try = g.login
	return d
}

// agentNames are the user names that are looked for: those published for SNMPv3 first,
// then those that are tried most.
func agentNames(published []Default) []string {
	rank := func(x Default) int {
		at := slices.IndexFunc(favourites, func(f [2]string) bool { return f[0] == x.User })
		switch {
		case x.Agent:
			return -1
		case at < 0:
			return len(favourites)
		}
		return at
	}
	published = slices.Clone(published)
	slices.SortStableFunc(published, func(a, b Default) int { return rank(a) - rank(b) })
	var names []string
	for _, x := range published {
		if x.User != "" && !x.Community && !slices.Contains(names, x.User) && len(x.User) <= 32 && len(names) < maxNames {
			names = append(names, x.User)
		}
	}
	return names
}

// login asks with a user and a password, by one protocol of authentication after the
// other: an agent says of each whether the digest was right. Where it wants encryption
// too, the same password is tried for that.
func (g *agent) login(ctx context.Context, probe string, c *credential) (Outcome, string) {
	if c.password == "" || len(c.user) > 32 {
		return Refused, "SNMPv3 has no empty passwords"
	}
	for i := range usmHashes {
		h := &usmHashes[i]
		u := usmUser{name: c.user, hash: h, key: h.key(c.password, g.at.id)}
		a, reason := g.ask(ctx, probe, u)
		if a != nil && a.report == usmNotInTime && a.authentic {
			g.told(a.engine)
			a, reason = g.ask(ctx, probe, u)
		}
		switch {
		case a == nil:
			return Unclear, reason
		case a.report == usmUnknownUser:
			return Refused, "there is no such user"
		case a.report == usmUnsupportedLevel:
			return Refused, "this user has no password"
		case a.report == usmWrongDigest && !a.authentic:
			continue
		case !a.authentic:
			return Unclear, fmt.Sprintf("an answer that is not authentic came (report %d, status %d)", a.report, a.status)
		case a.report == 0 && a.status == 0:
			return Accepted, "an answer came that is authentic under this password, by " + h.name
		case a.report == 0 && a.status == snmpNoAccess:
			return g.private(ctx, probe, u)
		default:
			return Unclear, fmt.Sprintf("the password is right, by %s, and nothing was had (report %d, status %d)", h.name, a.report, a.status)
		}
	}
	return Refused, "wrong digest"
}

// private asks once more, encrypted with the key of the same password.
func (g *agent) private(ctx context.Context, probe string, u usmUser) (Outcome, string) {
	u.pass = u.key
	for _, u.priv = range []string{"AES", "DES"} {
		if a, _ := g.ask(ctx, probe, u); a != nil && a.authentic && a.report == 0 && a.status == 0 {
			return Accepted, "an answer came that is authentic and encrypted under this password, by " + u.hash.name + " and " + u.priv
		}
	}
	return Unclear, "the password authenticates by " + u.hash.name + ", and encryption is wanted with another"
}
