package logins

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/check/records"
	"github.com/assay-psti/assay/device"
	"github.com/assay-psti/assay/evidence"
)

//go:embed doc.go
var source string

// Check states which passwords let one into a unit.
var Check = &check.Check{
	Name: "logins",
	Doc:  check.Doc(source),
	Observes: []assay.TermID{
		"password.used", "password.component_category", "password.excluded_kind", "password.usable_outside_factory_default",
		"password.set_by_user", "password.unique_per_product", "password.blank_accepted", "password.published_default", "password.guessable", "password.change_effective", "password.weak_new_refused",
	},
	Needs:    []evidence.Kind{evidence.Device},
	Requires: []*check.Check{records.Check},
	Run:      run,
}

func run(ctx context.Context, pass *check.Pass) (any, error) {
	all := check.ResultOf[*records.Records](pass, records.Check)
	all.Partial(pass)
	r := reporter{pass: pass}
	for i := range all.All {
		for j := range all.All[i].Ways {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			r.way(&all.All[i], &all.All[i].Ways[j])
		}
	}
	return nil, r.err
}

type reporter struct {
	pass *check.Pass
	err  error
}

func (r *reporter) say(s assay.Subject, term assay.TermID, v assay.Value, note string, at ...assay.Reference) {
	err := r.pass.Report(assay.Observation{Subject: s, Term: term, Value: v, Evidence: at, Note: check.Printable(note)})
	r.err = cmp.Or(r.err, err)
}

// asks are ways in that ask people for a password.
var asks = map[string]bool{"basic": true, "digest": true, "form": true}

// way states what one way in shows.
func (r *reporter) way(rec *records.Record, w *device.Way) {
	at := rec.Way(w)
	where := fmt.Sprintf("%s at %s port %d", w.Protocol, w.Network, w.Port)
	if asks[w.Method] && w.Where != "" && w.Where != "/" {
		where += " " + w.Where
	}
	if w.Control == device.Refused && (asks[w.Method] || w.Protocol == "telnet") {
		r.say(assay.Product, "password.used", assay.Bool(true), where+" asks for a password", at)
	}
	if a := w.AcceptedDefault(); a != nil {
		r.published(rec, w, a, where, at)
	} else if n := w.RefusedDefaults(); n > 0 {
		r.pass.Remark(fmt.Sprintf("%s: %s: %d of %d published defaults were tried and refused; this says nothing of other values", rec.Evidence.Name, where, n, w.Offered))
	}
	if a := w.AcceptedUnit(); a != nil {
		s := r.subject("unit-"+w.Protocol, w.Port, a.User)
		r.found(s, where+" accepts the password that is printed for the unit", at)
		r.say(s, "password.excluded_kind", assay.Text("none"), "people type it", at)
		if rec.State == device.AfterSetup && a.Outcome == device.Accepted {
			r.say(s, "password.usable_outside_factory_default", assay.Bool(true), where+" accepts the password that is printed for the unit, after set-up", at)
		}
	}
	if w.AcceptedSet() != nil {
		r.say(assay.Product, "password.used", assay.Bool(true), where+" accepts the password that was set", at)
	}
	if w.Any {
		r.pass.Remark(fmt.Sprintf("%s: %s accepts any password, so it is as good as open", rec.Evidence.Name, where))
	}
	if w.Stopped != "" {
		r.pass.Remark(fmt.Sprintf("%s: %s: %s", rec.Evidence.Name, where, w.Stopped))
	}
	if w.Changed != nil {
		r.changed(rec, w, where, at)
	}
}

// changed states what became of log-ins after a person changed a password, and tried
// to set a weak one.
func (r *reporter) changed(rec *records.Record, w *device.Way, where string, at assay.Reference) {
	c, s := w.Changed, r.subject(w.Protocol, w.Port, w.Changed.User)
	remark := func(format string, args ...any) {
		r.pass.Remark(fmt.Sprintf("%s: %s %s", rec.Evidence.Name, where, fmt.Sprintf(format, args...)))
	}
	if c.Control != device.Refused {
		remark("did not refuse a random password, so nothing follows from the change")
		return
	}
	switch {
	case c.Old == device.Accepted && c.New == device.Accepted:
		r.say(s, "password.change_effective", assay.Bool(false), where+" accepts the new password and still the old one, and refuses random ones", at)
	case c.Old == device.Accepted: // perhaps nobody changed it
		remark("accepts the old password and not the new one, so the change was not made or not taken")
		return
	case c.Held() && c.Simple == device.Yes:
		r.say(s, "password.change_effective", assay.Bool(true), where+" accepts the new password and refuses the old one and random ones; the person who changed it says that it was simple, as the instructions describe it", at)
	case c.Held() && c.Simple == device.No:
		r.say(s, "password.change_effective", assay.Bool(false), where+" took a new password, and the person who changed it says that it was not simple, as the instructions describe it", at)
	case c.Held():
		remark("accepts the new password and refuses the old one; whether the change was simple nobody said")
	}
	switch {
	case c.TookWeak():
		r.say(s, "password.weak_new_refused", assay.Bool(false), fmt.Sprintf("%s accepts %s, which a person set as a new password to try it, and refuses random ones", where, c.WeakValue), at)
	case c.RefusedWeak():
		r.say(s, "password.weak_new_refused", assay.Bool(true), fmt.Sprintf("the device would not set %s as a new password, and %s goes on to accept the one before; other weak values were not tried", c.WeakValue, where), at)
	case c.Weak != device.Untried:
		remark("does not show whether a weak new password is refused: the person says %s to whether it was taken, a log-in with it is %s, and one with the password before %s", cmp.Or(string(c.Taken), "nothing"), c.Weak, cmp.Or(string(c.Still), "was not tried"))
	}
}

// found states that a password of the product was found.
func (r *reporter) found(s assay.Subject, note string, at assay.Reference) {
	r.say(assay.Product, "password.used", assay.Bool(true), note, at)
	r.say(s, "password.component_category", assay.Text("preinstalled"), note, at)
}

// published states what follows from a published default that was accepted.
func (r *reporter) published(rec *records.Record, w *device.Way, a *device.Attempt, where string, at assay.Reference) {
	community := w.Method == "community"
	s := r.subject(w.Protocol, w.Port, a.User)
	listed := fmt.Sprintf("%s accepts a default password that is published in %s, and refuses random ones", where, a.Source)
	if a.User != "" {
		listed = fmt.Sprintf("%s accepts for user %s a default password that is published in %s, and refuses random ones", where, a.User, a.Source)
	}
	if community {
		listed = fmt.Sprintf("%s answers to a community that is published as a default in %s, and not to random ones", where, a.Source)
	}
	r.say(s, "password.component_category", assay.Text("preinstalled"), listed, at)
	if !community { // what a community is in law, a person decides
		r.say(assay.Product, "password.used", assay.Bool(true), listed, at)
		r.say(s, "password.excluded_kind", assay.Text("none"), "people type it", at)
	}
	if a.Blank {
		r.say(s, "password.blank_accepted", assay.Bool(true), listed+"; the value is empty", at)
	} else {
		r.say(s, "password.published_default", assay.Bool(true), listed, at)
		r.say(s, "password.guessable", assay.Bool(true), listed, at)
	}
	switch rec.State {
	case device.BeforeSetup:
		r.say(s, "password.unique_per_product", assay.Bool(false), listed+", on a unit as it left the factory", at)
		r.pass.Remark(fmt.Sprintf("%s: %s: whether the default still works after set-up was not looked at; set the unit up as its instructions say and run again with --state after-setup", rec.Evidence.Name, where))
	case device.AfterSetup:
		if a.Outcome == device.Renew {
			r.pass.Remark(fmt.Sprintf("%s: %s: after the default it asks for a new password, so whether the unit had left its factory state is not known; go through its set-up to the end and run again", rec.Evidence.Name, where))
			return
		}
		r.say(s, "password.usable_outside_factory_default", assay.Bool(true), listed+", on a unit that was set up", at)
		if !a.Other {
			r.pass.Remark(fmt.Sprintf("%s: %s: whether somebody chose the default value at set-up is not known; give the password that was set and run again", rec.Evidence.Name, where))
			return
		}
		note := listed + ", on a unit that was set up with another password"
		r.say(s, "password.set_by_user", assay.Bool(false), note, at)
		r.say(s, "password.unique_per_product", assay.Bool(false), note, at)
	default:
		r.pass.Remark(fmt.Sprintf("%s: %s: nobody said whether the unit was set up; say it with --state", rec.Evidence.Name, where))
	}
}

// subject is a password of the product at a way in.
func (r *reporter) subject(protocol string, port int, user string) assay.Subject {
	name := fmt.Sprintf("%s-%d", protocol, port)
	if user = plain(user); user != "" {
		name += "-" + user
	}
	s, err := assay.Part("password", name)
	r.err = cmp.Or(r.err, err)
	return s
}

// plain makes a user name fit for a subject.
func plain(user string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '.' || c == '-' {
			return c
		}
		return '_'
	}, user[:min(len(user), 40)])
}
