package peer

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Answer is yes, no or unknown.
type Answer string

// The answers.
const (
	Yes     Answer = "yes"
	No      Answer = "no"
	Unknown Answer = "unknown"
)

// Finding is what a record shows of one server that the device calls.
type Finding struct {
	Name  string `json:"name"` // as the device asks for it; an address where it asks for none
	Named bool   `json:"named"`
	Ports []int  `json:"ports"`
	// Clients are those of the device that called it, told apart by what they offer.
	Clients []Client `json:"clients"`

	// Untrusted: it went on with a certificate that nobody signed whom it could trust.
	// No, where each client of the device that calls this name was seen to refuse both
	// kinds.
	Untrusted Answer `json:"untrusted_accepted"`
	// Wrong: it went on with a certificate for another name, for another use, not valid
	// at the time, or signed by one that may sign none. No, where each client refused all
	// of these, and took one of the same authority in which nothing was wrong.
	Wrong Answer `json:"wrong_accepted"`

	Why    []string `json:"why"`              // what was seen, one line a case
	Wanted []string `json:"wanted,omitempty"` // what would let more be said
	Secret string   `json:"secret,omitempty"` // the log-in that it sent to a server that it should have refused
	At     []int    `json:"at"`               // connections in the record, from 1, that show a yes; where there is none, all

	Outdated []Outdated `json:"outdated,omitempty"`
}

// Outdated is a withdrawn version or suite with which a handshake was ended.
type Outdated struct {
	What string `json:"what"`
	At   int    `json:"at"` // the connection in the record, from 1
}

// Client is what one client of the device was seen to do at one server.
type Client struct {
	Key       string `json:"key"` // the same for the same client in another record
	Untrusted Answer `json:"untrusted_accepted"`
	Wrong     Answer `json:"wrong_accepted"`
}

var (
	untrustedCases = []Case{SelfSigned, UnknownCA}
	wrongCases     = []Case{WrongName, Expired, NotYetValid, WrongUse, NoAuthority}
)

// Findings is what the record shows, by name.
func (r *Record) Findings() []Finding {
	byName := map[string][]int{}
	for i := range r.Connections {
		if x := &r.Connections[i]; x.Case != "" {
			byName[x.Server()] = append(byName[x.Server()], i)
		}
	}
	out := []Finding{}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		out = append(out, r.finding(name, byName[name]))
	}
	return out
}

// Server is what the device called: the name that it asked for, else the address.
func (x *Connection) Server() string { return cmp.Or(x.Name, x.To.Addr().WithZone("").String()) }

func (r *Record) finding(name string, at []int) Finding {
	f := Finding{Name: name, Named: true, Untrusted: No, Wrong: No}
	callers := map[string][]int{}
	var accepted []int
	for _, i := range at {
		x := &r.Connections[i]
		f.Named = f.Named && x.Name != "" // a client may give an address for a name
		callers[x.Caller] = append(callers[x.Caller], i)
		if p := int(x.To.Port()); !slices.Contains(f.Ports, p) {
			f.Ports = append(f.Ports, p)
		}
		for _, what := range x.outdated() {
			f.Outdated = append(f.Outdated, Outdated{what, i + 1})
		}
		if x.Outcome == Accepted && x.Case != Control {
			accepted = append(accepted, i)
			if x.Heard != nil {
				f.Secret = cmp.Or(f.Secret, x.Heard.Secret)
			}
		}
	}
	slices.Sort(f.Ports)
	for _, key := range slices.Sorted(maps.Keys(callers)) {
		c := r.caller(callers[key])
		if !f.Named && (c.untrusted == No || c.wrong == No) {
			c.wanted = append(c.wanted, "it asks for no name, so that no certificate could be made right in all else: say which name it means (--unnamed)")
			c.untrusted, c.wrong = doubted(c.untrusted), doubted(c.wrong)
		}
		f.Clients = append(f.Clients, Client{key, c.untrusted, c.wrong})
		f.Untrusted, f.Wrong = worse(f.Untrusted, c.untrusted), worse(f.Wrong, c.wrong)
		for _, w := range c.wanted {
			if !slices.Contains(f.Wanted, w) {
				f.Wanted = append(f.Wanted, w)
			}
		}
	}
	f.Why = r.why(at)
	if len(accepted) == 0 {
		accepted = at
	}
	for _, i := range accepted {
		f.At = append(f.At, i+1)
	}
	return f
}

// doubted is an answer that may not be no.
func doubted(a Answer) Answer {
	if a == No {
		return Unknown
	}
	return a
}

// worse joins what two clients show: one that accepts is enough, and no is said only
// where all refuse.
func worse(a, b Answer) Answer {
	switch {
	case a == Yes || b == Yes:
		return Yes
	case a == No && b == No:
		return No
	}
	return Unknown
}

// callerFinding is what one client of the device shows.
type callerFinding struct {
	untrusted, wrong Answer
	wanted           []string
}

// caller judges one client by its connections.
func (r *Record) caller(at []int) callerFinding {
	var all []*Connection
	for _, i := range at {
		all = append(all, &r.Connections[i])
	}
	c := callerFinding{Unknown, Unknown, nil}
	control, spoke := controlOf(all)
	had := func(cases ...Case) Answer { // Yes: it accepted one; No: it refused each
		out := No
		for _, k := range cases {
			out = worse(out, taken(all, k, control, spoke))
		}
		return out
	}
	if c.untrusted = had(untrustedCases...); control == No {
		c.untrusted = doubted(c.untrusted)
	}
	c.wrong = had(wrongCases...)
	if control != Yes {
		c.wrong = doubted(c.wrong)
	}
	if taken(all, Laboratory, control, spoke) == Yes {
		c.wrong = Yes
	}
	c.want(all, control)
	return c
}

// controlOf says whether the client took the certificate that it must take: yes, no
// where it ever refused it, unknown where it was not shown any; and whether it sent
// something then.
func controlOf(all []*Connection) (Answer, bool) {
	out, spoke := Unknown, false
	for _, x := range all {
		if x.Case != Control || x.Offer != Best {
			continue
		}
		switch x.Outcome {
		case Accepted:
			spoke = spoke || x.Heard != nil
			if out == Unknown {
				out = Yes
			}
		case Refused, Broke, Left:
			out = No
		}
	}
	return out, spoke
}

// taken says whether a client went on with a case: yes, once is enough, whatever else
// was offered; no where it refused it and never did anything else with it; else
// unknown. What was offered beside must be the best for a refusal to count: else it may
// be the reason.
func taken(all []*Connection, k Case, control Answer, spoke bool) Answer {
	refused, doubtful := false, false
	for _, x := range all {
		if x.Case != k {
			continue
		}
		switch {
		case x.Outcome == Accepted:
			return Yes
		case x.Offer != Best:
		case x.refusal(control, spoke):
			refused = true
		case x.Finished: // it may have taken it, and had nothing to say
			doubtful = true
		}
	}
	if refused && !doubtful {
		return No
	}
	return Unknown
}

// refusal reports that the certificate was the reason: the device said so; or, under
// the same conditions, it went on with one in which nothing was wrong.
func (x *Connection) refusal(control Answer, spoke bool) bool {
	switch x.Outcome {
	case Refused:
		return control == Yes || slices.Contains(untrustedAlerts, x.Alert)
	case Broke:
		return control == Yes
	case Left: // a client that has nothing to say closes likewise
		return control == Yes && spoke
	}
	return false
}

// want says what would let more be said of a client.
func (c *callerFinding) want(all []*Connection, control Answer) {
	add := func(text string) { c.wanted = append(c.wanted, text) }
	if control == No {
		add("it refused also the certificate that it must accept: it knows its server's certificate by heart, or does not trust the authority, or the set-up is broken")
		return
	}
	unseen := func(cases []Case) (out []string) {
		for _, k := range cases {
			if !slices.ContainsFunc(all, func(x *Connection) bool { return x.Case == k && x.Offer == Best && x.Shown }) {
				out = append(out, string(k))
			}
		}
		return out
	}
	if list := unseen(untrustedCases); len(list) > 0 && c.untrusted == Unknown {
		add("it was not shown each certificate (" + strings.Join(list, ", ") + "): let it call more often")
	} else if c.untrusted == Unknown {
		add("it broke off without saying that the certificate is the reason: make it trust an authority (--ca), and see that it goes on then")
	}
	switch list := unseen(wrongCases); {
	case c.wrong != Unknown:
	case control == Unknown:
		add("names, dates and uses in certificates can be tried only where the device trusts an authority of the laboratory (--ca)")
	case len(list) > 0:
		add("it was not shown each certificate (" + strings.Join(list, ", ") + "): let it call more often")
	default:
		add("how it takes some certificates is not clear: let it call more often")
	}
}

// outdated says what of an ended handshake was withdrawn: versions by RFC 8996, RC4 by
// RFC 7465; 3DES is not to be used after 2023 (NIST SP 800-131A).
func (x *Connection) outdated() (out []string) {
	if !x.Finished {
		return nil
	}
	if x.Version == "TLS 1.0" || x.Version == "TLS 1.1" {
		out = append(out, x.Version)
	}
	for _, name := range weakSuites {
		if strings.Contains(x.Suite, "_"+name+"_") && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// why tells what was seen, case by case.
func (r *Record) why(at []int) []string {
	type line struct {
		Case
		Offer
	}
	var order []line
	lines := map[line]map[string]int{}
	for _, i := range at {
		x := &r.Connections[i]
		k := line{x.Case, x.Offer}
		if lines[k] == nil {
			order = append(order, k)
			lines[k] = map[string]int{}
		}
		lines[k][fmt.Sprintf("%s: %s", x.Outcome, x.Why)]++
	}
	var out []string
	for _, k := range order {
		var parts []string
		for _, text := range slices.Sorted(maps.Keys(lines[k])) {
			if n := lines[k][text]; n > 1 {
				text = fmt.Sprintf("%s (%d times)", text, n)
			}
			parts = append(parts, text)
		}
		offer := ""
		if k.Offer != Best {
			offer = ", " + string(k.Offer) + " only"
		}
		out = append(out, fmt.Sprintf("a certificate %s%s: %s", k.Case.Words(), offer, strings.Join(parts[:min(len(parts), 5)], "; ")))
	}
	return out
}

// UntrustedCases are the certificates that nobody signed whom a device could trust.
func UntrustedCases() []Case { return slices.Clone(untrustedCases) }

// WrongCases are those that an authority signed which the device trusts, and that are
// not for the server it calls, or not for now.
func WrongCases() []Case { return slices.Clone(wrongCases) }

// Accepted are the connections, by number from 1, in which the device went on with one
// of the cases at a server, and in words with which, and what it did. The laboratory's
// own certificate is one for another name.
func (r *Record) Accepted(server string, cases []Case) (at []int, why string) {
	var parts []string
	for i := range r.Connections {
		x := &r.Connections[i]
		k := x.Case
		if k == Laboratory {
			k = WrongName
		}
		if x.Outcome != Accepted || x.Server() != server || !slices.Contains(cases, k) {
			continue
		}
		at = append(at, i+1)
		if text := "it went on with a certificate " + x.Case.Words() + ": " + x.Why; !slices.Contains(parts, text) && len(parts) < len(cases) {
			parts = append(parts, text)
		}
	}
	return at, strings.Join(parts, "; ")
}

// Refused are the connections, by number from 1, in which the device did not go on with
// one of the cases at a server, one for each case and client.
func (r *Record) Refused(server string, cases []Case) (at []int) {
	seen := map[string]bool{}
	for i := range r.Connections {
		x := &r.Connections[i]
		key := string(x.Case) + " " + x.Caller
		if (x.Outcome == Refused || x.Outcome == Broke || x.Outcome == Left) && x.Server() == server && slices.Contains(cases, x.Case) && !seen[key] {
			seen[key] = true
			at = append(at, i+1)
		}
	}
	return at
}

// ClearAfter are the connections in clear, by number from 1, that the device made after
// it had refused a certificate: it may have fallen back.
func (r *Record) ClearAfter() (out []int) {
	refused := false
	for i := range r.Connections {
		switch x := &r.Connections[i]; x.Outcome {
		case Refused, Broke:
			refused = true
		case Clear:
			if refused {
				out = append(out, i+1)
			}
		}
	}
	return out
}
