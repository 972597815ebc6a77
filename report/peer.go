package report

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/assay-psti/assay/peer"
)

// Calls is what one session came to in which a device called servers that were played
// for it.
type Calls struct {
	Record   *peer.Record   `json:"record"`
	Findings []peer.Finding `json:"findings"`
	Kept     string         `json:"kept,omitempty"` // the evidence file that was written
}

// Finding reports whether the device was seen to do what it must not.
func (c *Calls) Finding() bool {
	for i := range c.Findings {
		if f := &c.Findings[i]; f.Untrusted == peer.Yes || f.Wrong == peer.Yes || len(f.Outdated) > 0 {
			return true
		}
	}
	for i := range c.Record.Connections {
		if x := &c.Record.Connections[i]; x.Outcome == peer.Clear && x.Heard != nil && x.Heard.Secret != "" {
			return true
		}
	}
	return false
}

// Peer writes what a device accepted of the servers it calls, for a terminal.
func Peer(out io.Writer, c *Calls, opt TextOptions) error {
	if opt.Width <= 0 {
		opt.Width = 100
	}
	t := &text{TextOptions: opt}
	r := c.Record
	head := strings.Join(r.Device, ", ")
	if name := strings.TrimSpace(r.Make + " " + r.Model); name != "" {
		head += " (" + name + ")"
	}
	if r.Unit != "" {
		head = "unit " + r.Unit + ", " + head
	}
	var at []string
	for _, a := range r.Listen {
		at = append(at, a.String())
	}
	t.line(0, "%s, heard at %s for %s: %d connections.", head, strings.Join(at, ", "), r.Ended.Sub(r.Started).Round(time.Second), len(r.Connections))
	t.line(0, "Set-up, as declared: %s.", strings.TrimSuffix(r.Setup, "."))
	t.b.WriteString("\nServers that it calls\n")
	if len(c.Findings) == 0 {
		t.line(2, "None was called under TLS, so nothing is known of what it accepts.")
	}
	words := map[peer.Answer]string{peer.Yes: "ACCEPTED", peer.No: "refused", peer.Unknown: "not known"}
	var rows [][]string
	for i := range c.Findings {
		f := &c.Findings[i]
		rows = append(rows, []string{f.Name, strings.Trim(strings.ReplaceAll(fmt.Sprint(f.Ports), " ", ","), "[]"), fmt.Sprint(len(f.Clients)), words[f.Untrusted], words[f.Wrong]})
	}
	t.table([]string{"server", "port", "clients", "untrusted", "for something else"}, rows)
	for i := range c.Findings {
		t.server(&c.Findings[i])
	}
	t.inClear(r)
	t.b.WriteByte('\n')
	for _, o := range r.Others {
		t.line(0, "Not the device, closed unheard and not judged: %s (%d times).", strings.TrimSpace(o.From.String()+" "+o.MAC), o.Count)
	}
	for _, x := range r.Cut {
		t.line(0, "! Not whole: %s.", x)
	}
	t.line(0, "Not looked at: names that were not asked for while it listened, protocols that turn to TLS later, DTLS, QUIC.")
	if c.Kept != "" {
		t.line(0, "Kept as %s.", c.Kept)
	}
	_, err := io.WriteString(out, t.b.String())
	return err
}

// server tells what was seen of one server.
func (t *text) server(f *peer.Finding) {
	mark := "  "
	if f.Untrusted == peer.Yes || f.Wrong == peer.Yes {
		mark = "! "
	}
	t.line(2, "%s%s", mark, f.Name)
	for _, w := range f.Why {
		t.line(6, "%s", w)
	}
	if f.Secret != "" {
		t.line(4, "! it gave its log-in to a server that it should have refused (%s)", f.Secret)
	}
	for _, o := range f.Outdated {
		t.line(4, "! it ended a handshake with %s (connection %d)", o.What, o.At)
	}
	for _, w := range f.Wanted {
		t.line(6, "wanted: %s", w)
	}
}

// maxClearLines bounds the connections in clear that are told.
const maxClearLines = 20

// inClear tells what the device sent without encryption.
func (t *text) inClear(r *peer.Record) {
	n, shown := 0, 0
	for i := range r.Connections {
		x := &r.Connections[i]
		if x.Outcome != peer.Clear || x.Heard == nil {
			continue
		}
		if n++; shown >= maxClearLines {
			continue
		}
		if shown++; shown == 1 {
			t.b.WriteString("\nWithout encryption\n")
		}
		mark := "  "
		if x.Heard.Secret != "" {
			mark = "! "
		}
		t.line(2, "%s%s port %d: %s", mark, cmp.Or(x.Name, x.To.Addr().String()), x.To.Port(), x.Heard.Words())
	}
	if n > shown {
		t.line(2, "  and %d more", n-shown)
	}
	if len(r.ClearAfter()) > 0 {
		t.line(2, "  Some came after it had refused a certificate: it may fall back to clear text.")
	}
}
