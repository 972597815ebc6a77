package traffic

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/capture"
	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/evidence"
	"github.com/assay-psti/assay/password"
)

//go:embed doc.go
var source string

// Check reads captures for what units of the product say.
var Check = &check.Check{
	Name: "traffic",
	Doc:  check.Doc(source),
	Observes: []assay.TermID{
		"device.secret_sent_in_clear", "device.secret_sent_in_clear_remotely", "device.weak_cryptography",
		"interface.protocol", "interface.unauthenticated",
		"password.used", "password.published_default", "password.blank_accepted",
		"update.protocol", "peer.called",
	},
	Needs: []evidence.Kind{evidence.Captures},
	Run:   run,
}

// Bounds of what is told of one unit in one capture.
const (
	maxStated   = 200
	maxSame     = 5 // sightings of the same
	maxRemarked = 25
	maxSuspects = 8
)

func run(ctx context.Context, pass *check.Pass) (any, error) {
	product := pass.Product()
	items, kept, err := readings(pass, pass.Items(evidence.Captures))
	if err != nil {
		return nil, err
	}
	read := 0
	var failed error
	for i, item := range items {
		pass.Progress(int64(i), int64(len(items)), item.Base())
		if item.Folder {
			pass.Partial(item.Name + " is a folder, not a capture: put each capture into the folder of captures by itself")
			continue
		}
		units := unitsOf(item, product.Units, kept)
		r, err := readItem(ctx, pass, item, units)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", item.Name, err))
			pass.Partial(fmt.Sprintf("%s could not be read: %v", item.Name, err))
			continue
		}
		read++
		if len(units) == 0 {
			nameless(pass, item, r)
			continue
		}
		for _, u := range units {
			if err := look(pass, item, r, u, product); err != nil {
				return nil, err
			}
		}
	}
	if read == 0 && failed != nil {
		return nil, failed
	}
	return nil, nil
}

// addresses are those by which a unit is known.
func addresses(u check.Unit) []string {
	var all []string
	if u.MAC != "" {
		all = append(all, u.MAC)
	}
	return append(all, u.Addresses...)
}

func readItem(ctx context.Context, pass *check.Pass, item evidence.Item, units []namedUnit) (*capture.Result, error) {
	f, err := pass.Open(item)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	o := capture.Options{Progress: func(n int64) { pass.Progress(n, item.Size, item.Base()) }}
	for _, u := range units {
		o.Devices = append(o.Devices, addresses(u.Unit)...)
	}
	r, err := capture.Read(ctx, item.Base(), f, o)
	if err != nil {
		return nil, err
	}
	for _, file := range r.Files {
		if file.Problem != "" {
			pass.Partial(fmt.Sprintf("%s: %s", item.Name, file.Problem))
		}
	}
	for _, b := range r.Bounds {
		pass.Partial(fmt.Sprintf("%s: %s (%d times)", item.Name, b.What, b.Count))
	}
	return r, nil
}

// nameless says what is wanted where no unit is named, and who could be one.
func nameless(pass *check.Pass, item evidence.Item, r *capture.Result) {
	var list []string
	suspects := r.Suspects()
	for _, h := range suspects[:min(len(suspects), maxSuspects)] {
		words := []string{h.MAC}
		for _, a := range h.Addresses[:min(len(h.Addresses), 2)] {
			words = append(words, a.IP.String())
		}
		for _, n := range h.Names[:min(len(h.Names), 1)] {
			words = append(words, n.Name)
		}
		list = append(list, strings.Join(strings.Fields(strings.Join(words, " ")), " "))
	}
	text := item.Name + " was not judged: product.yaml names no unit that was tested, so that nobody can tell it from phones and routers; list the units under units: with mac: or addresses:, or read it with assay capture --device --dossier"
	if len(list) > 0 {
		text += "; hosts that could be one: " + strings.Join(list, ", ")
	}
	if len(suspects) > maxSuspects {
		text += fmt.Sprintf(" and %d more", len(suspects)-maxSuspects)
	}
	pass.Partial(text)
}

// unit is one unit in one capture.
type unit struct {
	pass    *check.Pass
	item    evidence.Item
	product check.Product
	id      string
	device  *capture.Device
	said    []assay.Reference // by whom the unit is known, besides product.yaml

	stated, remarked int
	done             map[string]int // times that the same was stated
	err              error
}

func look(pass *check.Pass, item evidence.Item, r *capture.Result, u namedUnit, product check.Product) error {
	d, err := r.Device(addresses(u.Unit)...)
	if err != nil {
		return fmt.Errorf("unit %s: %w", u.ID, err)
	}
	x := &unit{pass: pass, item: item, product: product, id: u.ID, device: d, said: u.said, done: map[string]int{}}
	if !d.Found() {
		x.remark("the unit is not in this capture: nothing is observed")
		return nil
	}
	for _, n := range d.Notes {
		x.remark(n)
	}
	for _, k := range d.Talks {
		if k.Offered() {
			x.service(k)
		}
	}
	for i := range d.Findings {
		x.finding(&d.Findings[i])
	}
	x.servers()
	for _, w := range d.Wanted {
		x.remark("wanted: " + w)
	}
	if x.remarked > maxRemarked {
		pass.Remark(fmt.Sprintf("%s, unit %s: %d more remarks; assay capture shows all", item.Name, u.ID, x.remarked-maxRemarked))
	}
	return x.err
}

// say states an observation; of what is the same, the first sightings alone.
func (x *unit) say(subject assay.Subject, term assay.TermID, value assay.Value, note string, at ...capture.Mark) {
	key := fmt.Sprintf("%s %s %s", subject, term, value)
	most := maxSame
	if term == "interface.protocol" || term == "password.used" || term == "peer.called" {
		most = 1 // one sighting is as good as many
	}
	if x.err != nil || x.done[key] >= most || x.stated >= maxStated {
		return
	}
	x.done[key]++
	x.stated++
	o := assay.Observation{Subject: subject, Term: term, Value: value, Note: check.Printable(fmt.Sprintf("unit %s: %s", x.id, note))}
	for _, m := range at {
		o.Evidence = append(o.Evidence, x.item.Reference(m.String()))
	}
	o.Evidence = append(o.Evidence, x.said...)
	x.err = x.pass.Report(o)
}

func (x *unit) remark(text string) {
	if x.remarked++; x.remarked <= maxRemarked {
		x.pass.Remark(fmt.Sprintf("%s, unit %s: %s", x.item.Name, x.id, text))
	}
}

var unfit = regexp.MustCompile(`[^A-Za-z0-9._+-]+`)

// part makes the subject of a part; what does not fit into a name is left out.
func part(kind string, words ...string) assay.Subject {
	name := strings.Trim(unfit.ReplaceAllString(strings.Join(words, "-"), "_"), "._-+")
	s, err := assay.Part(kind, name[:min(len(name), 100)])
	if err != nil {
		s = assay.Subject(kind + "/unnamed")
	}
	return s
}

// on is the interface of a talk: that of product.yaml, where it lists one on the port.
func (x *unit) on(k *capture.Talk) (s assay.Subject, listed *check.Interface) {
	for i, n := range x.product.Interfaces {
		if n.Port == int(k.Port) {
			return assay.Subject("interface/" + n.ID), &x.product.Interfaces[i]
		}
	}
	return part("interface", k.Protocol, fmt.Sprint(k.Port)), nil
}

// service states what a unit offers.
func (x *unit) service(k *capture.Talk) {
	if k.Protocol == "none" || k.Protocol == "unknown" || k.Protocol == "text" {
		x.remark(fmt.Sprintf("it takes connections on %s %d, of a protocol that is not known (%s)", strings.ToUpper(k.Transport), k.Port, k.At))
		return
	}
	subject, listed := x.on(k)
	if listed == nil && len(x.product.Interfaces) > 0 {
		x.remark(fmt.Sprintf("it offers %s on %s %d, which product.yaml does not list (%s)", k.Protocol, strings.ToUpper(k.Transport), k.Port, k.At))
	}
	if listed != nil && listed.Takes(k.Protocol) {
		return // that is what is declared
	}
	x.say(subject, "interface.protocol", assay.Text(k.Protocol), fmt.Sprintf("it answered %s on %s %d", k.Peer().IP, strings.ToUpper(k.Transport), k.Port), k.At)
}

// servers states which servers the unit calls under TLS, by the names that it asks for:
// how it takes their certificates no capture shows.
func (x *unit) servers() {
	for _, k := range x.device.Talks {
		if k.Serves || k.Group {
			continue
		}
		for _, s := range k.TLS {
			if s.SNI == "" || s.Hidden != "" {
				continue
			}
			if x.stated >= maxStated {
				x.pass.Partial(fmt.Sprintf("%s, unit %s: it calls more servers than are told of one capture", x.item.Name, x.id))
				return
			}
			x.say(check.Server(s.SNI), "peer.called", assay.Bool(true), fmt.Sprintf("it calls %s on %s %d", s.SNI, strings.ToUpper(k.Transport), k.Port), s.At)
		}
	}
}

// finding states or remarks one thing that matters.
func (x *unit) finding(f *capture.Finding) {
	if !f.Held() {
		switch f.Kind {
		case capture.ClearText: // what is sent so may be of no worth: the talks show it
		default:
			x.remark(fmt.Sprintf("%s (%s)", f.Text, f.At[0]))
		}
		return
	}
	yes := assay.Bool(true)
	switch f.Kind {
	case capture.SecretInClear:
		x.secret(f)
	case capture.Outdated:
		x.say(assay.Product, "device.weak_cryptography", yes, f.Text, f.At...)
	case capture.OpenAccess:
		subject, _ := x.on(f.Talk)
		x.say(subject, "interface.unauthenticated", yes, f.Text, f.At...)
	case capture.PlainUpdate:
		x.say(part("update", "seen", f.Object.How, f.Talk.Peer().IP.String()), "update.protocol", assay.Text(f.Object.How), f.Text, f.At...)
	}
}

func (x *unit) secret(f *capture.Finding) {
	yes, c := assay.Bool(true), f.Credential
	at := f.At
	if c.Answer.Packet > 0 {
		at = append(slices.Clone(at), c.Answer)
	}
	blank := c.Secret == "" // which is no secret
	if !blank {
		x.say(assay.Product, "device.secret_sent_in_clear", yes, f.Text, at...)
	}
	if f.Remote && !blank {
		x.say(assay.Product, "device.secret_sent_in_clear_remotely", yes, f.Text, at...)
	}
	if c.Accepted != capture.Accepted {
		return
	}
	if !blank {
		x.say(assay.Product, "device.weak_cryptography", yes, "a log-in in clear was accepted: "+f.Text, at...)
	}
	if !f.Talk.Serves || c.Kind == "token" {
		return
	}
	x.say(assay.Product, "password.used", yes, f.Text, at...)
	subject := part("password", "capture", f.Talk.Protocol, c.User)
	if blank {
		x.say(subject, "password.blank_accepted", yes, "a blank password was accepted: "+f.Text, at...)
		return
	}
	if d, ok := password.IsDefault(c.User, c.Secret.Reveal()); ok {
		x.say(subject, "password.published_default", yes, "the value that was accepted is published as a default by "+d.Source+"; who set it, the capture does not show: "+f.Text, at...)
	}
}
