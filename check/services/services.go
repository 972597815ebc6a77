package services

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/check/records"
	"github.com/assay-psti/assay/device"
	"github.com/assay-psti/assay/evidence"
)

//go:embed doc.go
var source string

// Check states what a unit offers over the network.
var Check = &check.Check{
	Name: "services",
	Doc:  check.Doc(source),
	Observes: []assay.TermID{
		"interface.protocol", "interface.declared", "interface.enabled_at_boot", "interface.unauthenticated", "interface.guessing_unlimited",
		"device.undeclared_interface", "device.debug_service_open", "device.weak_cryptography",
		"en.network_authentication", "en.user_authentication", "firmware.hardcoded_secret",
	},
	Needs:    []evidence.Kind{evidence.Device},
	Requires: []*check.Check{records.Check},
	Run:      run,
}

// enoughGuesses is from how many wrong log-ins on it is said that nothing limits
// them.
const enoughGuesses = 101

func run(ctx context.Context, pass *check.Pass) (any, error) {
	all := check.ResultOf[*records.Records](pass, records.Check)
	all.Partial(pass)
	r := reporter{pass: pass, named: pass.Product().Interfaces}
	for i := range all.All {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		r.of(&all.All[i])
	}
	r.units(all.All)
	if len(all.All) > 0 && len(r.named) == 0 {
		pass.Remark("the dossier names no interfaces, so whether what was found is declared cannot be said; list them in product.yaml")
	}
	return nil, r.err
}

type reporter struct {
	pass  *check.Pass
	named []check.Interface // by the dossier
	err   error
}

func (r *reporter) say(s assay.Subject, term assay.TermID, v assay.Value, note string, at ...assay.Reference) {
	err := r.pass.Report(assay.Observation{Subject: s, Term: term, Value: v, Evidence: at, Note: check.Printable(note)})
	r.err = cmp.Or(r.err, err)
}

// of states what one record shows.
func (r *reporter) of(rec *records.Record) {
	for i := range rec.Services {
		v := &rec.Services[i]
		at := rec.At(fmt.Sprintf("%s/%d of %s", v.Network, v.Port, rec.Address))
		subject, known := r.subject(rec, v)
		what := strings.Join(strings.Fields(fmt.Sprintf("%s %s %s answers at %s port %d", v.Protocol, v.Product, v.Version, v.Network, v.Port)), " ")
		if v.Protocol != "unknown" {
			r.say(subject, "interface.protocol", assay.Text(v.Protocol), what, at)
		}
		switch {
		case len(r.named) == 0:
		case known == device.Yes:
			r.say(subject, "interface.declared", assay.Bool(true), what+", and the dossier names it", at)
		case known == device.No:
			r.say(subject, "interface.declared", assay.Bool(false), what+", and the dossier does not name it", at)
			r.say(assay.Product, "device.undeclared_interface", assay.Bool(true), what+", and the dossier does not name it", at)
		default:
			r.pass.Remark(fmt.Sprintf("%s: %s, and which interface of the dossier that is cannot be told: it names the port under another protocol, or the protocol without a port, and there are several", rec.Evidence.Name, what))
		}
		if rec.State == device.BeforeSetup {
			r.say(subject, "interface.enabled_at_boot", assay.Bool(true), what+" on a unit as it left the factory", at)
		}
		if v.Asks == device.Yes && people[v.Protocol] {
			r.say(assay.Product, "en.network_authentication", assay.Bool(true), what+" and asks for a log-in", at)
			r.say(assay.Product, "en.user_authentication", assay.Bool(true), what+" and asks for a log-in", at)
		}
		if v.Protocol == "adb" && v.Asks == device.No {
			r.say(assay.Product, "device.debug_service_open", assay.Bool(true), "the Android debug bridge lets in without a key", at)
		}
		if v.TLS != nil && len(v.TLS.Weak) > 0 {
			r.say(assay.Product, "device.weak_cryptography", assay.Bool(true), what+": "+strings.Join(v.TLS.Weak, "; "), at)
		}
		for j := range rec.Ways {
			w := &rec.Ways[j]
			if w.Network != v.Network || w.Port != v.Port {
				continue
			}
			if v.Asks != device.Yes && people[w.Protocol] && w.Control == device.Refused { // on another page than the first
				r.say(assay.Product, "en.network_authentication", assay.Bool(true), what+" and refuses a password that is not right", rec.Way(w))
				r.say(assay.Product, "en.user_authentication", assay.Bool(true), what+" and refuses a password that is not right", rec.Way(w))
			}
			r.way(rec, subject, w)
		}
	}
}

// people are protocols by which people log in.
var people = map[string]bool{"http": true, "https": true, "ssh": true, "telnet": true, "ftp": true, "rtsp": true, "rtsps": true, "onvif": true}

// oneDoor are protocols in which there is nothing beside the log-in that was tried.
var oneDoor = map[string]bool{"ssh": true, "telnet": true, "ftp": true, "mqtt": true, "mqtts": true}

// way states what one way in shows of its interface.
func (r *reporter) way(rec *records.Record, subject assay.Subject, w *device.Way) {
	at := rec.Way(w)
	switch {
	case w.Open == device.Yes:
		r.say(subject, "interface.unauthenticated", assay.Bool(true), w.OpenWhy, at)
	case w.Open == device.No && oneDoor[w.Protocol] && (w.Control == device.Refused || w.Protocol == "ssh"):
		r.say(subject, "interface.unauthenticated", assay.Bool(false), "it asks for a log-in", at)
	}
	if note := inClear(w); note != "" {
		r.say(assay.Product, "device.weak_cryptography", assay.Bool(true), fmt.Sprintf("%s at %s port %d %s", w.Protocol, w.Network, w.Port, note), at)
	}
	g := w.Guessing
	switch {
	case g == nil:
	case g.Limit == device.LimitLocked || g.Limit == device.LimitSlower:
		r.say(subject, "interface.guessing_unlimited", assay.Bool(false), g.Note, at)
	case g.Limit == device.LimitNone && g.Tries >= enoughGuesses && g.After != device.Accepted && g.After != device.Renew:
		r.pass.Remark(fmt.Sprintf("%s: %s port %d: %s; a lock-out that the device does not tell would look the same, so give the right password too (--unit-password or --set-password) and run again: it is tried after them", rec.Evidence.Name, w.Protocol, w.Port, g.Note))
	case g.Limit == device.LimitNone && g.Tries >= enoughGuesses:
		r.say(subject, "interface.guessing_unlimited", assay.Bool(true), g.Note, at)
	case g.Limit == device.LimitNone:
		r.pass.Remark(fmt.Sprintf("%s: %s port %d: %s, which is too few to say that nothing limits them; from %d on it is said", rec.Evidence.Name, w.Protocol, w.Port, g.Note, enoughGuesses))
	default:
		r.pass.Remark(fmt.Sprintf("%s: %s port %d: the test of guessing tells nothing: %s", rec.Evidence.Name, w.Protocol, w.Port, g.Note))
	}
}

// inClear says how a way in takes passwords without encryption; empty where it does
// not, or that was not seen.
func inClear(w *device.Way) string {
	if w.Encrypted {
		return ""
	}
	taken := w.AcceptedDefault() != nil || w.AcceptedUnit() != nil || w.AcceptedSet() != nil
	switch {
	case w.Method == "digest" || w.Method == "wsse" || w.Method == "none" || w.Method == "community" || w.Method == "usm":
		return ""
	case taken:
		return "accepted a password that was sent without encryption"
	case w.Control == device.Refused && (w.Method == "basic" || w.Method == "form" || w.Protocol == "telnet"):
		return "asks for a password and takes it without encryption"
	}
	return ""
}

// units states what two units share.
func (r *reporter) units(all []records.Record) {
	for i := range all {
		for j := i + 1; j < len(all); j++ {
			for _, s := range device.Compare(all[i].Record, all[j].Record) {
				if s.What == device.SharedHostKey || s.What == device.SharedTLSKey {
					r.say(assay.Product, "firmware.hardcoded_secret", assay.Bool(true), "two units have the same "+s.What+" ("+s.At+"): "+s.Note,
						all[i].At(fmt.Sprintf("tcp/%d of %s", s.A, all[i].Address)), all[j].At(fmt.Sprintf("tcp/%d of %s", s.B, all[j].Address)))
				}
			}
		}
	}
}

// subject is the interface that a service belongs to, by its name in the dossier
// where that names it, and whether it does.
//
// An interface that the dossier names without a port is the one service of its
// protocol at a port that the dossier does not name; where there are several,
// which of them is meant is not known.
func (r *reporter) subject(rec *records.Record, v *device.Service) (assay.Subject, device.Answer) {
	known := device.No
	for _, n := range r.named {
		switch {
		case n.Port == v.Port && (n.Takes(v.Protocol) || n.Protocol == "" || v.Protocol == "unknown"):
			return assay.Subject("interface/" + n.ID), device.Yes
		case n.Port == v.Port:
			known = device.Unknown
		}
	}
	for _, n := range r.named {
		if n.Port != 0 || n.Protocol == "" || !check.SameProtocol(n.Protocol, v.Protocol) || known == device.Unknown {
			continue
		}
		if r.portless(rec, n.Protocol) == 1 {
			return assay.Subject("interface/" + n.ID), device.Yes
		}
		known = device.Unknown
	}
	name := fmt.Sprintf("%s-%d", v.Protocol, v.Port)
	if v.Protocol == "unknown" || v.Protocol == "tls" {
		name = fmt.Sprintf("%s-%d", v.Network, v.Port)
	}
	s, err := assay.Part("interface", name)
	r.err = cmp.Or(r.err, err)
	return s, known
}

// portless counts the services of a protocol at ports that the dossier does not name.
func (r *reporter) portless(rec *records.Record, protocol string) int {
	count := 0
	for i := range rec.Services {
		v := &rec.Services[i]
		if check.SameProtocol(v.Protocol, protocol) && !slices.ContainsFunc(r.named, func(n check.Interface) bool { return n.Port == v.Port }) {
			count++
		}
	}
	return count
}
