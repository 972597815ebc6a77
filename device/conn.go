package device

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// Exchange is one connection or datagram with what went over it.
type Exchange struct {
	At       time.Time     `json:"at"`
	Probe    string        `json:"probe"` // what it was for: "banner", "http", "log-in basic"
	Network  string        `json:"network"`
	Port     int           `json:"port"`
	TLS      bool          `json:"tls,omitempty"` // the texts are what went inside TLS
	Sent     int           `json:"sent"`          // bytes
	Received int           `json:"received"`
	Said     string        `json:"said,omitempty"`     // what was sent, printable, bounded, without secrets
	Answered string        `json:"answered,omitempty"` // what came back, likewise
	Took     time.Duration `json:"took"`               // nanoseconds
	End      string        `json:"end,omitempty"`      // why it ended, where it did not just close
}

// Bounds of what is kept and taken in.
const (
	maxKept      = 1500     // bytes of each direction in the transcript
	keptSlack    = 500      // more, so that a secret at the edge is known whole
	maxExchanges = 3000     // in the transcript
	maxReceived  = 64 << 10 // bytes taken from one connection
)

// errMuch ends a connection whose other side does not stop talking.
var errMuch = errors.New("the device sent more than is read of it")

// conn is a connection to the device that keeps account.
type conn struct {
	net.Conn
	s    *Session
	ctx  context.Context // of the probe; ends the connection
	most int             // bytes that are read at most

	mu      sync.Mutex // guards the fields below
	x       Exchange
	said    []byte
	heard   []byte
	secrets []string
	inside  bool // TLS lies above: the texts come from there
	closed  bool
}

// hide keeps a text out of the transcript.
func (c *conn) hide(secrets ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range secrets {
		if s != "" && !slices.Contains(c.secrets, s) {
			c.secrets = append(c.secrets, s)
		}
	}
}

// within sets how long all of what follows may take.
func (c *conn) within(d time.Duration) {
	at := time.Now().Add(d) // net measures deadlines by this clock
	if by, ok := c.ctx.Deadline(); ok && by.Before(at) {
		at = by
	}
	_ = c.SetDeadline(at) // an error shows at the next read
}

func (c *conn) Write(b []byte) (int, error) {
	if c.RemoteAddr().Network() == "udp" {
		if err := c.s.take(c.ctx, true); err != nil {
			return 0, err
		}
	}
	n, err := c.Conn.Write(b)
	c.s.spent(n, 0)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.x.Sent += n
	if !c.inside {
		c.said = keep(c.said, b[:n])
	}
	return n, err
}

func (c *conn) Read(b []byte) (int, error) {
	c.mu.Lock()
	left := c.most - c.x.Received
	c.mu.Unlock()
	if left <= 0 {
		c.end(errMuch)
		return 0, errMuch
	}
	if len(b) > left && c.RemoteAddr().Network() != "udp" {
		b = b[:left]
	}
	n, err := c.Conn.Read(b)
	c.s.spent(0, n)
	c.mu.Lock()
	c.x.Received += n
	if !c.inside {
		c.heard = keep(c.heard, b[:n])
	}
	c.mu.Unlock()
	if err != nil && !errors.Is(err, io.EOF) {
		c.end(err)
	}
	return n, err
}

func keep(have, more []byte) []byte {
	room := maxKept + keptSlack - len(have)
	return append(have, more[:max(0, min(room, len(more)))]...)
}

// end notes why the connection ended; the first reason counts.
func (c *conn) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.x.End = cmp.Or(c.x.End, why(err))
}

// Close closes the connection and writes it into the transcript.
func (c *conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	err := c.Conn.Close()
	c.x.Took = c.s.o.Clock.Now().Sub(c.x.At)
	c.x.Said, c.x.Answered = c.show(c.said), c.show(c.heard)
	c.s.keep(c.x)
	return err
}

// turn writes what went over the connection so far into the transcript, and begins
// another exchange on it.
func (c *conn) turn(probe string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.s.o.Clock.Now()
	c.x.Took = now.Sub(c.x.At)
	c.x.Said, c.x.Answered = c.show(c.said), c.show(c.heard)
	c.s.keep(c.x)
	c.x = Exchange{At: now.UTC(), Probe: probe, Network: c.x.Network, Port: c.x.Port, TLS: c.x.TLS}
	c.said, c.heard = nil, nil
}

// keep adds an exchange to the transcript.
func (s *Session) keep(x Exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.transcript) >= maxExchanges {
		s.unkept++
		return
	}
	s.transcript = append(s.transcript, x)
}

// show makes text of bytes: secrets by their digest, other bytes escaped.
func (c *conn) show(b []byte) string {
	text := string(b)
	hidden := slices.Clone(c.secrets)
	slices.SortFunc(hidden, func(a, b string) int { return len(b) - len(a) }) // the longer first: one may lie in another
	for i, secret := range hidden {
		text = strings.ReplaceAll(text, secret, fmt.Sprintf("\x00%d\x00", i))
	}
	text = printable([]byte(text), maxKept)
	for i, secret := range hidden {
		text = strings.ReplaceAll(text, fmt.Sprintf(`\x00%d\x00`, i), "<"+c.s.digest(secret)+">")
	}
	return text
}

// printable escapes what a screen or a file could take amiss, and cuts.
func printable(b []byte, most int) string {
	cut := len(b) > most
	if cut {
		b = b[:most]
	}
	var out strings.Builder
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		switch {
		case r == '\n':
			out.WriteString("\\n")
		case r == '\r':
			out.WriteString("\\r")
		case r == '\t':
			out.WriteString("\\t")
		case r == utf8.RuneError && n <= 1, r < 0x20, r == 0x7f:
			fmt.Fprintf(&out, "\\x%02x", b[0])
		case r >= 0x80 && r < 0xa0, r >= 0x200b && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0xfeff:
			fmt.Fprintf(&out, "\\u%04x", r)
		default:
			out.Write(b[:n])
		}
		b = b[max(1, n):]
	}
	if cut {
		out.WriteString("...")
	}
	return out.String()
}

// line is the first line of what a device says, for a table.
func line(b []byte, most int) string {
	text := strings.TrimSpace(string(b))
	if i := strings.IndexAny(text, "\r\n"); i >= 0 {
		text = text[:i]
	}
	return printable([]byte(text), most)
}

// why says in a few words what ended a connection.
func why(err error) string {
	var timeout net.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "closed by the device"
	case isReset(err):
		return "reset by the device"
	case isRefused(err):
		return "refused"
	default:
		return printable([]byte(err.Error()), 200)
	}
}

// drip is how long an answer may come in pieces, however many: a tarpit sends one
// byte after another without end.
const drip = 2 * time.Second

// readSome reads until the quiet time has passed since the last byte, the limit is
// reached, it has come in pieces for too long, or the device closes.
func (c *conn) readSome(r io.Reader, first, quiet time.Duration, limit int) []byte {
	var got []byte
	buf := make([]byte, 4096)
	wait, until := first, time.Now().Add(first+drip)
	for len(got) < limit && wait > 0 {
		c.within(wait)
		n, err := r.Read(buf)
		got = append(got, buf[:n]...)
		if err != nil || c.ctx.Err() != nil {
			break
		}
		wait = min(quiet, time.Until(until))
	}
	return got[:min(len(got), limit)]
}
