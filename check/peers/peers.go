package peers

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/check/records"
	"github.com/assay-psti/assay/evidence"
	"github.com/assay-psti/assay/peer"
)

//go:embed doc.go
var source string

// Check states whether a unit checks whom it speaks to.
var Check = &check.Check{
	Name:     "peers",
	Doc:      check.Doc(source),
	Observes: []assay.TermID{"peer.called", "peer.untrusted_certificate_accepted", "peer.wrong_certificate_accepted", "device.weak_cryptography", "device.secret_sent_in_clear"},
	Needs:    []evidence.Kind{evidence.Device},
	Requires: []*check.Check{records.Check},
	Run:      run,
}

// Bounds of what is told of one record.
const (
	maxCited    = 5   // connections for one observation
	maxOutdated = 20  // handshakes
	maxServers  = 200 // names
	maxClear    = 20
	maxSetup    = 120 // letters of how traffic was led
)

func run(ctx context.Context, pass *check.Pass) (any, error) {
	all := check.ResultOf[*records.Records](pass, records.Check)
	all.PartialCalls(pass)
	r := reporter{pass: pass, clients: map[string]map[string]answers{}}
	found := make([][]peer.Finding, len(all.Calls))
	for i := range all.Calls {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		found[i] = all.Calls[i].Findings()
		r.gather(found[i])
	}
	for i := range all.Calls {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		r.of(&all.Calls[i], found[i])
	}
	return nil, r.err
}

// answers are what is known of one client at one server.
type answers struct{ untrusted, wrong peer.Answer }

// gather notes what each client was seen to do, in whichever record: a no in one says
// nothing of a client that called in another.
func (r *reporter) gather(found []peer.Finding) {
	known := func(have, more peer.Answer) peer.Answer { // of one client: what was seen once is seen
		if have == peer.Yes || more == peer.Yes {
			return peer.Yes
		}
		if have == peer.No || more == peer.No {
			return peer.No
		}
		return peer.Unknown
	}
	for i := range found {
		name := found[i].Name
		if r.clients[name] == nil {
			r.clients[name] = map[string]answers{}
		}
		for _, c := range found[i].Clients {
			have := r.clients[name][c.Key]
			r.clients[name][c.Key] = answers{known(have.untrusted, c.Untrusted), known(have.wrong, c.Wrong)}
		}
	}
}

// allRefuse reports that no client that ever called a server is left of which it is not
// known that it refuses.
func (r *reporter) allRefuse(name string, of func(answers) peer.Answer) bool {
	for _, a := range r.clients[name] {
		if of(a) != peer.No {
			return false
		}
	}
	return true
}

type reporter struct {
	pass    *check.Pass
	clients map[string]map[string]answers // by server and client, over all records
	rec     *records.Call
	err     error
}

// say states something that connections, by number from 1, show.
func (r *reporter) say(s assay.Subject, term assay.TermID, v bool, note string, at ...int) {
	o := assay.Observation{Subject: s, Term: term, Value: assay.Bool(v), Note: check.Printable(note)}
	for _, n := range at[:min(len(at), maxCited)] {
		o.Evidence = append(o.Evidence, r.rec.Evidence.Reference(fmt.Sprintf("connection %d", n)))
	}
	r.err = cmp.Or(r.err, r.pass.Report(o))
}

func (r *reporter) remark(format string, args ...any) {
	r.pass.Remark(check.Printable(r.rec.Evidence.Name + ": " + fmt.Sprintf(format, args...)))
}

// of states what one record shows.
func (r *reporter) of(rec *records.Call, found []peer.Finding) {
	r.rec = rec
	if len(found) == 0 {
		r.remark("the unit made no TLS connection in this session, so nothing is known of what it accepts (set-up: %s)", rec.Setup)
	}
	for i := range found[:min(len(found), maxServers)] {
		r.server(&found[i])
	}
	if len(found) > maxServers {
		r.pass.Partial(fmt.Sprintf("%s: %d servers more than are told of one session", rec.Evidence.Name, len(found)-maxServers))
	}
	r.clear()
	if n := len(rec.Others); n > 0 {
		r.remark("hosts that are not the unit called too (%d); they were closed unheard and are not judged", n)
	}
}

// server states what is known of one server that the unit calls.
func (r *reporter) server(f *peer.Finding) {
	subject := check.Server(f.Name)
	called := fmt.Sprintf("the unit calls %s (port %s; led there, as declared: %s)", f.Name, strings.Trim(strings.ReplaceAll(fmt.Sprint(f.Ports), " ", ", "), "[]"), cut(r.rec.Setup, maxSetup))
	note := called + "; "
	r.say(subject, "peer.called", true, called, f.At[0]) // so that it is asked what it does there, where that was not seen
	for _, x := range []struct {
		term   assay.TermID
		answer peer.Answer
		cases  []peer.Case
		of     func(answers) peer.Answer
	}{
		{"peer.untrusted_certificate_accepted", f.Untrusted, peer.UntrustedCases(), func(a answers) peer.Answer { return a.untrusted }},
		{"peer.wrong_certificate_accepted", f.Wrong, peer.WrongCases(), func(a answers) peer.Answer { return a.wrong }},
	} {
		switch {
		case x.answer == peer.Yes:
			at, why := r.rec.Accepted(f.Name, x.cases)
			r.say(subject, x.term, true, note+why, at...)
		case x.answer == peer.No && r.allRefuse(f.Name, x.of):
			r.say(subject, x.term, false, note+fmt.Sprintf("each client that called (%d) refused a certificate %s", len(f.Clients), words(x.cases)), r.rec.Refused(f.Name, x.cases)...)
		case x.answer == peer.No:
			r.remark("%s: what called here refused a certificate %s; in another record a client of the unit was not seen to", f.Name, words(x.cases))
		}
	}
	if f.Untrusted != peer.Yes && f.Wrong != peer.Yes && len(f.Wanted) > 0 {
		r.remark("%s: not all is known of what it accepts: %s", f.Name, strings.Join(f.Wanted, "; "))
	}
	for _, o := range f.Outdated[:min(len(f.Outdated), maxOutdated)] {
		r.say(assay.Product, "device.weak_cryptography", true, note+"it ended a handshake with "+o.What, o.At)
	}
}

// cut shortens a text for a note.
func cut(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "..."
	}
	return s
}

func words(cases []peer.Case) string {
	var out []string
	for _, c := range cases {
		out = append(out, c.Words())
	}
	return strings.Join(out, ", ")
}

// clear states what the unit said without encryption.
func (r *reporter) clear() {
	told := 0
	for i := range r.rec.Connections {
		x := &r.rec.Connections[i]
		if x.Outcome != peer.Clear || x.Heard == nil || told >= maxClear {
			continue
		}
		told++
		what := fmt.Sprintf("the unit calls %s port %d without encryption: %s", x.Server(), x.To.Port(), x.Heard.Words())
		if x.Heard.Secret != "" {
			r.say(assay.Product, "device.secret_sent_in_clear", true, what, i+1)
		} else {
			r.remark("connection %d: %s", i+1, what)
		}
	}
	if n := len(r.rec.ClearAfter()); n > 0 {
		r.remark("after the unit had refused a certificate it called in clear (%d times): it may fall back to clear text", n)
	}
}
