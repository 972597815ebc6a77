package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/capture"
)

// Capture is what captures show of devices.
type Capture struct {
	Verdict  string           `json:"verdict"` // FAIL is never the law's: something is held against a device
	Meaning  string           `json:"meaning"`
	Files    []capture.File   `json:"files"`
	Devices  []CapturedDevice `json:"devices,omitempty"`
	Hosts    []*capture.Host  `json:"hosts,omitempty"`    // where no device was named: all
	Suspects []string         `json:"suspects,omitempty"` // of these, those that could be a device under test
	Bounds   []capture.Tally  `json:"bounds,omitempty"`
	Kept     []string         `json:"kept,omitempty"` // files in the dossier: the captures, and the record of this reading
}

// CapturedDevice is one device in captures.
type CapturedDevice struct {
	Unit string `json:"unit,omitempty"` // its name in the dossier
	*capture.Device
}

// Judge says in one word what the captures show.
func (c *Capture) Judge() {
	held, wanted, absent := 0, 0, 0
	for _, d := range c.Devices {
		for i := range d.Findings {
			if d.Findings[i].Held() {
				held++
			}
		}
		wanted += len(d.Wanted)
		if !d.Found() {
			absent++
		}
	}
	problem := slices.ContainsFunc(c.Files, func(f capture.File) bool { return f.Problem != "" })
	switch {
	case held > 0:
		c.Verdict, c.Meaning = assay.Fail.String(), fmt.Sprintf("%s the device that ETSI EN 303 645 does not allow, or not without good reason.", count(held, "thing was seen of", "things were seen of"))
	case len(c.Devices) == 0:
		c.Verdict, c.Meaning = assay.Inconclusive.String(), "No device was named: give its address with --device, so that it can be told from phones and routers."
	case absent == len(c.Devices):
		c.Verdict, c.Meaning = assay.Inconclusive.String(), "The device is not in what was read."
	case wanted > 0 || problem || len(c.Bounds) > 0:
		c.Verdict, c.Meaning = assay.Inconclusive.String(), "Too little to conclude from: nothing was seen that can be held against the device, and more is wanted."
	default:
		c.Verdict, c.Meaning = NoFinding, "Nothing was seen that can be held against the device. That is no pass: a capture shows what happened while it ran."
	}
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// CaptureText writes what captures show for a terminal: what matters first, then
// what the device offers, whom it speaks to, how that was protected, which names it
// asked for, and what is wanted.
func CaptureText(out io.Writer, c *Capture, opt FirmwareOptions) error {
	if opt.Width <= 0 {
		opt.Width = 100
	}
	t := &text{TextOptions: opt.TextOptions}
	w := captureText{firmwareText{text: t, all: opt.All}}
	w.write(c)
	_, err := io.WriteString(out, t.b.String())
	return err
}

type captureText struct{ firmwareText }

func (w *captureText) write(c *Capture) {
	w.state(c.Verdict, c.Meaning)
	w.b.WriteByte('\n')
	for _, f := range c.Files {
		w.file(&f)
	}
	for _, b := range c.Bounds {
		w.line(2, "bound: %s (%d times)", b.What, b.Count)
	}
	for _, d := range c.Devices {
		w.device(&d)
	}
	if len(c.Devices) == 0 {
		w.hosts(c)
	}
	for _, name := range c.Kept {
		w.line(0, "Kept as %s.", name)
	}
	w.b.WriteByte('\n')
	w.line(0, "%s", Disclaimer)
}

func (w *captureText) file(f *capture.File) {
	format := f.Format
	if f.Compression != "" {
		format += ", " + f.Compression
	}
	span := "no times"
	if !f.First.IsZero() {
		span = fmt.Sprintf("%s from %s", f.Last.Sub(f.First).Round(1e6), f.First.Format("2006-01-02 15:04:05Z"))
	}
	w.line(0, "%s: %s, %s; %s, %d bytes, %s", f.Name, format, strings.Join(f.Links, ", "), count(int(f.Packets), "packet", "packets"), f.Bytes, span)
	if f.Cut > 0 {
		w.line(2, "of %d packets the end was not recorded", f.Cut)
	}
	for _, u := range f.Unread {
		w.line(2, "not read: %d %s", u.Count, u.What)
	}
	if f.Problem != "" {
		w.line(2, "damaged: %s", f.Problem)
	}
}

func (w *captureText) device(d *CapturedDevice) {
	w.b.WriteByte('\n')
	name := strings.Join(d.Asked, ", ")
	if d.Unit != "" {
		name = "unit " + d.Unit + " (" + name + ")"
	}
	w.line(0, "Device %s: %s, %d bytes of payload", name, count(int(d.Packets), "packet", "packets"), d.Bytes)
	for _, h := range d.Hosts {
		w.line(2, "%s", hostLine(h))
		for _, x := range h.Details[:w.most(len(h.Details), 8)] {
			w.line(4, "%s: %s", x.What, x.Value)
		}
	}
	for _, n := range d.Notes {
		w.line(2, "%s", n)
	}
	var against, other []capture.Finding
	for _, f := range d.Findings {
		if f.Held() {
			against = append(against, f)
		} else {
			other = append(other, f)
		}
	}
	section(&w.firmwareText, "Held against it", against, w.finding)
	section(&w.firmwareText, "Worth a look", other, w.finding)
	var offers, contacts []*capture.Talk
	for _, k := range d.Talks {
		if k.Serves && k.Answered {
			offers = append(offers, k)
		} else if !k.Serves {
			contacts = append(contacts, k)
		}
	}
	section(&w.firmwareText, "It offers", offers, w.talk)
	section(&w.firmwareText, "It speaks to", contacts, w.talk)
	section(&w.firmwareText, "Names it asked for", d.Lookups, func(l *capture.Lookup) {
		w.line(2, "%s by %s at %s, %s", l.Name, l.How, l.Server.IP, count(int(l.Count), "time", "times"))
	})
	if r := d.Rest; r != nil {
		section(&w.firmwareText, fmt.Sprintf("While nobody on its network spoke to it (%s in all, in stretches of %s)", r.Quiet, r.Width), r.Spoken, func(s string) { w.line(2, "%s", s) })
	}
	section(&w.firmwareText, "Wanted, to conclude more", d.Wanted, func(s string) { w.line(2, "%s", s) })
}

func (w *captureText) most(n, bound int) int {
	if w.all {
		return n
	}
	return min(n, bound)
}

func (w *captureText) finding(f capture.Finding) {
	var at []string
	for _, m := range f.At {
		at = append(at, m.File+" "+m.String())
	}
	shown := ""
	if f.Credential != nil && f.Credential.Shown != "" {
		shown = " [" + f.Credential.Shown + "]"
	}
	w.line(2, "%s%s (%s)", f.Text, shown, strings.Join(at, ", "))
}

func (w *captureText) talk(k *capture.Talk) {
	who := k.Peer().String()
	words := []string{strings.ToUpper(k.Transport)}
	if k.Port != 0 {
		words[0] += fmt.Sprintf(" %d", k.Port)
	}
	what := k.Protocol
	switch {
	case k.Protection == capture.Unknown && k.Protocol == "unknown":
		what = "not understood"
	case k.Protection == capture.Unknown:
		what += ", protection not known"
	case k.Protection != "":
		what += ", " + string(k.Protection)
	case k.Refused:
		what = "refused"
	case !k.Answered && !k.Group:
		what = "no answer"
	default:
		what = "nothing was said"
	}
	out, in := k.Bytes[0], k.Bytes[1]
	if k.Serves {
		out, in = in, out
	}
	words = append(words, what, count(int(k.Flows), "connection", "connections"), fmt.Sprintf("%d bytes out, %d in", out, in))
	if !k.Begun && k.Transport == "tcp" {
		words = append(words, "begun before the capture")
	}
	w.line(2, "%s: %s", who, strings.Join(words, ", "))
	for _, s := range k.TLS[:w.most(len(k.TLS), 3)] {
		w.line(4, "%s", tlsLine(s))
	}
	for _, x := range k.Details[:w.most(len(k.Details), 4)] {
		if x.What != "message" {
			w.line(4, "%s %s: %s", x.From, x.What, x.Value)
		}
	}
}

func tlsLine(s *capture.TLS) string {
	var words []string
	switch {
	case s.Version != "":
		words = append(words, s.Version, s.Suite)
	case len(s.Offered) > 0:
		words = append(words, "offers "+strings.Join(s.Offered, ", ")+"; no answer seen")
	}
	if s.SNI != "" {
		words = append(words, "to "+s.SNI)
		if s.Hidden != "" {
			words = append(words, s.Hidden)
		}
	}
	if s.Protocol != "" {
		words = append(words, "for "+s.Protocol)
	} else if len(s.ALPN) > 0 {
		words = append(words, "offers "+strings.Join(s.ALPN, ", "))
	}
	if len(s.Chain) > 0 {
		words = append(words, fmt.Sprintf("certificate %s, %s, until %s", s.Chain[0].Subject, s.Chain[0].Key, s.Chain[0].NotAfter.Format("2006-01-02")))
	}
	if s.Mutual {
		words = append(words, "the server asks for a certificate too")
	}
	words = append(words, s.Alerts...)
	if s.JA4 != "" {
		words = append(words, "JA4 "+s.JA4)
	}
	if !s.Complete && s.Version != "" {
		words = append(words, "not seen to its end")
	}
	return strings.Join(words, "; ")
}

func hostLine(h *capture.Host) string {
	words := []string{h.MAC}
	for _, a := range h.Addresses {
		if h.Forwards && a.How == "seen" {
			continue
		}
		how := ""
		if a.How != "seen" {
			how = " (" + a.How + ")"
		}
		words = append(words, a.IP.String()+how)
	}
	for _, n := range h.Names {
		words = append(words, n.Name+" ("+n.How+")")
	}
	if h.Forwards {
		words = append(words, "passes on what others send")
	}
	return strings.TrimSpace(strings.Join(words, " "))
}

// hosts lists who is in a capture where no device was named.
func (w *captureText) hosts(c *Capture) {
	suspect := map[string]bool{}
	for _, s := range c.Suspects {
		suspect[s] = true
	}
	var could, others []*capture.Host
	for _, h := range c.Hosts {
		if h.MAC != "" && suspect[h.MAC] || h.MAC == "" && len(h.Addresses) > 0 && suspect[h.Addresses[0].IP.String()] {
			could = append(could, h)
		} else {
			others = append(others, h)
		}
	}
	each := func(h *capture.Host) {
		w.line(2, "%s: %s sent, %d bytes", hostLine(h), count(int(h.Packets), "packet", "packets"), h.Bytes)
		for _, x := range h.Details[:w.most(len(h.Details), 4)] {
			w.line(4, "%s: %s", x.What, x.Value)
		}
	}
	section(&w.firmwareText, "Hosts that could be the device", could, each)
	section(&w.firmwareText, "Other hosts", others, each)
}
