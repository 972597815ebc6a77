package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/assay-psti/assay/device"
)

// Bench is what one run at the bench came to: a record for each unit, and what the
// units share.
type Bench struct {
	Devices []*device.Record `json:"devices"`
	Shared  []device.Shared  `json:"shared"`
	Batch   *BatchMatch      `json:"batch,omitempty"`
	Kept    []string         `json:"kept,omitempty"` // evidence files that were written
}

// BatchMatch is where the unit's own password stands in a list of a batch.
type BatchMatch struct {
	File string `json:"file"`
	Rows int64  `json:"rows"`
	Same int64  `json:"same"` // rows that hold the unit's own password
}

// Finding reports whether anything was found that lets strangers in, or that units
// must not share.
func (b *Bench) Finding() bool {
	if len(b.Shared) > 0 || b.Batch != nil && b.Batch.Same > 1 {
		return true
	}
	for _, r := range b.Devices {
		for i := range r.Ways {
			w := &r.Ways[i]
			if w.AcceptedDefault() != nil || w.Stranger() {
				return true
			}
		}
	}
	return false
}

// Device writes what a run at the bench saw, for a terminal.
func Device(out io.Writer, b *Bench, opt TextOptions) error {
	if opt.Width <= 0 {
		opt.Width = 100
	}
	t := &text{TextOptions: opt}
	for i, r := range b.Devices {
		if i > 0 {
			t.b.WriteByte('\n')
		}
		t.device(r)
	}
	if len(b.Devices) > 1 {
		t.b.WriteString("\nShared between the units\n")
		if len(b.Shared) == 0 {
			t.line(2, "Nothing that was compared: SSH host keys, TLS keys, certificates, accepted default passwords.")
		}
		for _, s := range b.Shared {
			t.line(2, "! %s: %s (%s)", s.What, s.Note, s.At)
		}
	}
	if m := b.Batch; m != nil {
		t.b.WriteByte('\n')
		switch {
		case m.Same == 0:
			t.line(0, "The unit's own password is in none of the %d rows of %s.", m.Rows, m.File)
		case m.Same == 1:
			t.line(0, "The unit's own password is in one of the %d rows of %s.", m.Rows, m.File)
		default:
			t.line(0, "! The unit's own password is in %d of the %d rows of %s: it is not this unit's alone.", m.Same, m.Rows, m.File)
		}
	}
	for _, k := range b.Kept {
		t.line(0, "Kept as %s.", k)
	}
	_, err := io.WriteString(out, t.b.String())
	return err
}

func (t *text) device(r *device.Record) {
	head := r.Address.String()
	if name := strings.TrimSpace(r.Make + " " + r.Model); name != "" {
		head += " (" + name + ")"
	}
	if r.Unit != "" {
		head = "unit " + r.Unit + " at " + head
	}
	state := map[device.State]string{device.BeforeSetup: "as it left the factory", device.AfterSetup: "set up"}[r.State]
	t.line(0, "%s, %s. %s, %d connections, %d datagrams.", head, cmp.Or(state, "whether it was set up was not said"),
		r.Ended.Sub(r.Started).Round(100*time.Millisecond), r.Used.Connections, r.Used.Datagrams)
	t.b.WriteString("\nServices\n")
	rows := [][]string{}
	for i := range r.Services {
		v := &r.Services[i]
		rows = append(rows, []string{fmt.Sprintf("%s/%d", v.Network, v.Port), v.Protocol, strings.TrimSpace(v.Product + " " + v.Version), encryption(v), logIn(v)})
	}
	if len(rows) == 0 {
		t.line(2, "None answered.")
	}
	t.table([]string{"port", "protocol", "product", "encryption", "log-in"}, rows)
	for i := range r.Services {
		t.service(&r.Services[i])
	}
	if len(r.Ways) > 0 {
		t.b.WriteString("\nWays in\n")
	}
	tried := map[string]bool{}
	for i := range r.Ways {
		t.way(&r.Ways[i])
		for _, a := range r.Ways[i].Tried {
			tried[pair(&a)] = true
		}
	}
	if len(tried) > 0 {
		t.b.WriteByte('\n')
		names := sortedTrue(tried)
		t.line(0, "Published defaults that were tried, at most %d at each way in: %s.", r.Limits.Tries, strings.Join(names, ", "))
	}
	t.b.WriteByte('\n')
	t.line(0, "TCP ports tried: %s (%d open, %d closed, %d silent). UDP ports asked: %d, those that known protocols use and others at which services hint (%d open).",
		shorten(r.TCP.Tried), len(r.TCP.Open), r.TCP.Closed, r.TCP.Silent, len(r.UDP.Open)+r.UDP.Closed+r.UDP.Silent, len(r.UDP.Open))
	for _, c := range r.Cut {
		t.line(0, "! Not whole: %s.", c)
	}
	t.line(0, "Not looked at: radios, physical ports, IPv6 unless that was the address, UDP services at other ports.")
}

// service tells what the table has no room for.
func (t *text) service(v *device.Service) {
	var say []string
	say = append(say, v.Details...)
	if c := v.TLS; c != nil {
		say = append(say, "accepts "+strings.Join(c.Versions, ", "))
		for _, w := range c.Weak {
			say = append(say, "! "+w)
		}
		if x := c.Certificate; x != nil {
			self := ""
			if x.SelfSigned {
				self = "self-signed, "
			}
			say = append(say, fmt.Sprintf("certificate %s (%s%s %d bits, %s, until %s)", x.Subject, self, x.KeyKind, x.KeyBits, x.Signature, x.Until.Format(time.DateOnly)))
		}
	}
	if len(say) > 0 {
		t.line(2, "%s/%d: %s", v.Network, v.Port, strings.Join(say, "; "))
	}
}

func encryption(v *device.Service) string {
	switch {
	case v.TLS != nil && len(v.TLS.Versions) > 0:
		return v.TLS.Versions[0]
	case v.Encrypted():
		return "yes"
	}
	return "none"
}

func logIn(v *device.Service) string {
	return map[device.Answer]string{device.Yes: "asked", device.No: "not asked", device.Unknown: "not known"}[v.Asks]
}

// way tells what became of one way in.
func (t *text) way(w *device.Way) {
	at := fmt.Sprintf("%s/%d %s", w.Network, w.Port, w.Protocol)
	if w.Method != "none" && w.Method != "password" {
		at += " " + w.Method
	}
	if w.Where != "" && w.Where != "/" && (w.Protocol == "http" || w.Protocol == "https") {
		at += " " + w.Where
	}
	var say []string
	mark := "  "
	switch {
	case w.Stranger():
		mark = "! "
		say = append(say, "OPEN: "+w.OpenWhy)
	case w.Open == device.Yes:
		say = append(say, w.OpenWhy)
	}
	if a := w.AcceptedDefault(); a != nil {
		mark = "! "
		say = append(say, fmt.Sprintf("DEFAULT ACCEPTED: %s, published in %s; random ones are refused%s", pair(a), a.Source, map[bool]string{true: "; then it asks for a new password"}[a.Outcome == device.Renew]))
	} else if n := w.RefusedDefaults(); n > 0 {
		say = append(say, fmt.Sprintf("%d of %d published defaults were tried and refused", n, w.Offered))
	}
	for _, x := range []struct {
		what string
		all  []device.Attempt
	}{{"the unit's own password", w.Unit}, {"the password that was set", w.Set}} {
		for _, a := range x.all {
			say = append(say, fmt.Sprintf("%s as %s: %s", x.what, cmp.Or(a.User, "(no user)"), a.Outcome))
		}
	}
	if g := w.Guessing; g != nil {
		say = append(say, "guessing: "+g.Note)
	}
	if c := w.Changed; c != nil {
		say = append(say, fmt.Sprintf("after the change: old %s, new %s, random %s", cmp.Or(c.Old, "not tried"), cmp.Or(c.New, "not tried"), c.Control))
		if c.Weak != "" {
			say = append(say, fmt.Sprintf("a weak one, %s: %s", c.WeakValue, c.Weak))
		}
	}
	if w.Stopped != "" {
		say = append(say, w.Stopped)
	}
	if len(say) == 0 {
		say = append(say, cmp.Or(w.OpenWhy, "nothing was learnt"))
	} else if w.Open == device.Unknown && w.OpenWhy != "" && w.AcceptedDefault() == nil {
		say = append(say, w.OpenWhy)
	}
	t.line(2, "%s%s: %s", mark, at, strings.Join(say, "; "))
}

// shorten cuts a list of ports that is longer than a person reads.
func shorten(ports string) string {
	if len(ports) <= 60 {
		return ports
	}
	cut := strings.LastIndexByte(ports[:60], ',')
	return ports[:max(cut, 1)] + " and more"
}

// pair names a published default.
func pair(a *device.Attempt) string {
	word := a.Password
	if a.Blank {
		word = "(blank)"
	}
	if a.User == "" {
		return word
	}
	return a.User + "/" + word
}

func sortedTrue(m map[string]bool) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// table writes columns under their headings.
func (t *text) table(head []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	width := make([]int, len(head))
	for _, row := range append([][]string{head}, rows...) {
		for i, cell := range row {
			width[i] = min(40, max(width[i], len([]rune(cell))))
		}
	}
	for _, row := range append([][]string{head}, rows...) {
		var b strings.Builder
		for i, cell := range row {
			fmt.Fprintf(&b, "%-*s  ", width[i], cell)
		}
		t.b.WriteString("  " + strings.TrimRight(b.String(), " ") + "\n")
	}
}
