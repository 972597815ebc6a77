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
	Observes: []assay.TermID{"peer.untrusted_certificate_accepted", "peer.wrong_certificate_accepted", "device.weak_cryptography", "device.secret_sent_in_clear"},
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
)

func run(ctx context.Context, pass *check.Pass) (any, error) {
	all := check.ResultOf[*records.Records](pass, records.Check)
	all.PartialCalls(pass)
	r := reporter{pass: pass}
	for i := range all.Calls {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		r.of(&all.Calls[i])
	}
	return nil, r.err
}

type reporter struct {
	pass *check.Pass
	rec  *records.Call
	err  error
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
func (r *reporter) of(rec *records.Call) {
	r.rec = rec
	found := rec.Findings()
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
	subject, err := assay.Part("peer", f.Name)
	if err != nil {
		r.err = cmp.Or(r.err, err)
		return
	}
	note := fmt.Sprintf("the unit calls %s (port %s); ", f.Name, strings.Trim(strings.ReplaceAll(fmt.Sprint(f.Ports), " ", ", "), "[]"))
	for _, x := range []struct {
		term   assay.TermID
		answer peer.Answer
		cases  []peer.Case
	}{
		{"peer.untrusted_certificate_accepted", f.Untrusted, peer.UntrustedCases()},
		{"peer.wrong_certificate_accepted", f.Wrong, peer.WrongCases()},
	} {
		switch x.answer {
		case peer.Yes:
			at, why := r.rec.Accepted(f.Name, x.cases)
			r.say(subject, x.term, true, note+why, at...)
		case peer.No:
			r.say(subject, x.term, false, note+"each of its "+fmt.Sprint(f.Callers)+" clients refused a certificate "+words(x.cases), r.rec.Refused(f.Name, x.cases)...)
		}
	}
	if f.Untrusted != peer.Yes && f.Wrong != peer.Yes && len(f.Wanted) > 0 {
		r.remark("%s: not all is known of what it accepts: %s", f.Name, strings.Join(f.Wanted, "; "))
	}
	for _, o := range f.Outdated[:min(len(f.Outdated), maxOutdated)] {
		r.say(assay.Product, "device.weak_cryptography", true, note+"it ended a handshake with "+o.What, o.At)
	}
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
