package peer

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/assay-psti/assay/internal/ja4"
)

// Bounds of one connection.
const (
	maxReceived = 256 << 10              // bytes taken from it; crypto/tls bounds its messages itself
	maxHeard    = 4 << 10                // of what is sent after the handshake or in clear
	quiet       = 300 * time.Millisecond // after which no more of it is waited for
	maxOffered  = 16                     // words of a kind that are noted of what is offered
)

// counted is a connection that keeps account and has a bound.
type counted struct {
	net.Conn
	first         []byte // read before, to be read again
	read, written int
	records       recordReader
}

var errMuch = errors.New("it sent more than is read of it")

func (c *counted) Read(b []byte) (int, error) {
	if len(c.first) > 0 {
		n := copy(b, c.first)
		c.first = c.first[n:]
		return n, nil
	}
	if c.read >= maxReceived {
		return 0, errMuch
	}
	n, err := c.Conn.Read(b[:min(len(b), maxReceived-c.read)])
	c.read += n
	c.records.add(b[:n])
	return n, err
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.written += n
	return n, err
}

// within sets how long what follows may take; net measures by the machine's clock.
func (c *counted) within(d time.Duration) {
	_ = c.SetDeadline(time.Now().Add(d)) // an error shows at the next read
}

// hear takes one connection of the device from beginning to end.
func (s *Server) hear(conn *net.TCPConn) (Connection, net.Conn) {
	began := s.o.Now()
	x := Connection{At: began.UTC(), From: addrOf(conn.RemoteAddr()), To: addrOf(conn.LocalAddr())}
	if to, ok := originalDestination(conn); ok {
		x.To = to
	}
	c := &counted{Conn: conn}
	c.within(s.limits.Handshake)
	first := make([]byte, 1)
	switch n, err := io.ReadFull(c, first); {
	case n == 0:
		x.Outcome, x.Why = Silent, why(err)
	case first[0] != recordHandshake:
		s.clear(c, first, &x)
	default:
		c.first = first
		s.encrypted(c, &x)
	}
	_ = conn.Close() // whatever it was, it is over
	x.Received = c.read
	x.Took = s.o.Now().Sub(began).Round(time.Millisecond).String()
	return x, conn
}

// recordHandshake is the first byte of a TLS connection (RFC 8446, 5.1).
const recordHandshake = 22

// clear hears what begins without TLS.
func (s *Server) clear(c *counted, first []byte, x *Connection) {
	x.Outcome, x.Why = Clear, "what it sent first is no TLS"
	got := s.some(c, c, first)
	h := hear(got)
	h.Digest = s.digest(got)
	x.Heard = &h
}

// some reads on until it is quiet, the bound is reached or the other side ends.
func (s *Server) some(c *counted, r io.Reader, got []byte) []byte {
	until := time.Now().Add(s.limits.Handshake) // one that drips is not waited on for ever
	buf := make([]byte, 1024)
	for len(got) < maxHeard && time.Now().Before(until) {
		c.within(quiet)
		n, err := r.Read(buf)
		got = append(got, buf[:n]...)
		if err != nil {
			break
		}
	}
	return got[:min(len(got), maxHeard)]
}

// encrypted makes a handshake, and sees how the device takes the certificate.
func (s *Server) encrypted(c *counted, x *Connection) {
	shown := -1 // bytes sent, once the certificate is among them

	server := tls.Server(c, &tls.Config{ //nolint:gosec // the one that counts is made for the hello
		MinVersion: tls.VersionTLS10,
		GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			o := s.offered(h, x)
			st := s.plan.next(o)
			x.Case, x.Offer = st.Case, st.Offer
			return st.config(func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
				made, err := s.certificate(h, x)
				if err == nil {
					shown = c.written + len(made.Certificate[0])
				}
				return made, err
			}, protocols(h.SupportedProtos)), nil
		},
	})
	err := server.HandshakeContext(context.Background()) // the deadline of the connection bounds it
	x.Shown = shown >= 0 && c.written >= shown
	if err != nil {
		x.end(err, c.records.alert)
		return
	}
	x.Finished = true
	state := server.ConnectionState()
	x.Version, x.Suite = tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite)
	c.within(s.limits.Hold)
	buf := make([]byte, 1024)
	n, err := server.Read(buf)
	switch {
	case n > 0:
		got := s.some(c, server, buf[:n])
		h := hear(got)
		h.Digest = s.digest(got)
		x.Heard, x.Outcome, x.Why = &h, Accepted, "it ended the handshake and sent "+h.Words()
	case errors.Is(err, os.ErrDeadlineExceeded):
		x.Outcome, x.Why = Accepted, fmt.Sprintf("it ended the handshake and kept the connection open for %s", s.limits.Hold)
	default:
		x.end(err, 0)
	}
	if x.Outcome == Accepted && x.Case == SelfSigned {
		s.plan.wentOn(x.Caller)
	}
}

// certificate is that of the case, with a key of a kind that the client knows.
func (s *Server) certificate(h *tls.ClientHelloInfo, x *Connection) (*tls.Certificate, error) {
	name := x.Server()
	made, err := s.forge.certificate(x.Case, name, rsaKey)
	if err != nil || h.SupportsCertificate(made) == nil || x.Case == Laboratory {
		return made, err
	}
	other, err := s.forge.certificate(x.Case, name, ecdsaKey)
	if err != nil || h.SupportsCertificate(other) == nil {
		return other, err
	}
	return made, nil
}

// offered writes down what a hello offers, and says what can be shown.
func (s *Server) offered(h *tls.ClientHelloInfo, x *Connection) *opening {
	o := &opening{}
	switch name := strings.ToLower(strings.TrimSuffix(h.ServerName, ".")); {
	case PlainName(name):
		x.Name = name
	case h.ServerName == "" && s.o.Unnamed != "":
		x.Name, x.Declared = s.o.Unnamed, true
	}
	f := ja4.Hello{Transport: 't', Name: h.ServerName != "", ALPN: h.SupportedProtos}
	for _, v := range h.SupportedVersions {
		f.Versions = append(f.Versions, int(v))
		if !ja4.Grease(int(v)) && len(x.Versions) < maxOffered {
			x.Versions = append(x.Versions, tls.VersionName(v))
		}
		o.tls10 = o.tls10 || v == tls.VersionTLS10
		o.tls11 = o.tls11 || v == tls.VersionTLS11
	}
	for _, id := range h.CipherSuites {
		f.Suites = append(f.Suites, int(id))
		if weakSuites[id] != "" && len(x.Weak) < maxOffered {
			x.Weak = append(x.Weak, tls.CipherSuiteName(id))
		}
	}
	o.weak = len(x.Weak) > 0 && slices.ContainsFunc(h.SupportedVersions, func(v uint16) bool { return v <= tls.VersionTLS12 })
	for _, sig := range h.SignatureSchemes {
		f.Signatures = append(f.Signatures, int(sig))
	}
	for _, e := range h.Extensions {
		f.Extensions = append(f.Extensions, int(e))
	}
	for _, p := range h.SupportedProtos[:min(len(h.SupportedProtos), maxOffered)] {
		x.ALPN = append(x.ALPN, printable(p, 40))
	}
	x.JA4 = f.String()
	// A caller is told by what it offers every time: not by what follows from an earlier
	// connection, nor by the length of the message.
	f.Extensions = slices.DeleteFunc(f.Extensions, func(e int) bool { return slices.Contains(passing, e) })
	x.Caller = fmt.Sprintf("%s %d %s", x.Server(), x.To.Port(), f.String())
	o.key = x.Caller
	o.covered = x.Name == "" || s.forge.covers(x.Name)
	return o
}

// passing are extensions that come and go with what went before: padding, session
// ticket, pre-shared key, early data, cookie.
var passing = []int{21, 35, 41, 42, 44}

// protocols is what to choose of the protocols that are offered: HTTP/1.1 where it is
// among them, since it is the easier to tell; else the first.
func protocols(offered []string) []string {
	switch {
	case len(offered) == 0:
		return nil
	case slices.Contains(offered, "http/1.1"):
		return []string{"http/1.1"}
	}
	return offered[:1]
}

// PlainName reports a name of a host as they are written.
func PlainName(s string) bool {
	return s != "" && len(s) <= 253 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789.-_") == "" && s[0] != '.' && s[0] != '-'
}

// Alerts by which a client says that the certificate is the reason (RFC 8446, 6.2), and
// those of them that a certificate of nobody known may give.
var (
	certificateAlerts = []int{42, 43, 44, 45, 46, 48}
	untrustedAlerts   = []int{42, 46, 48}
)

// end says how a connection ended that did not go on. inClear is an alert that was
// sent without encryption, whether or not crypto/tls takes it so.
func (x *Connection) end(err error, inClear int) {
	x.Alert = cmp.Or(alertOf(err), inClear)
	x.Why = why(err)
	if x.Alert != 0 {
		x.Why = "it said: " + strings.TrimPrefix(tls.AlertError(x.Alert).Error(), "tls: ")
	}
	switch {
	case !x.Shown:
		x.Outcome = NoShow
	case slices.Contains(certificateAlerts, x.Alert):
		x.Outcome = Refused
	case x.Alert == 0 && errors.Is(err, os.ErrDeadlineExceeded):
		x.Outcome = Stalled
	case x.Alert != 0 || ended(err):
		x.Outcome = Broke
		if x.Finished {
			x.Outcome = Left
		}
	default: // what it sent cannot be understood
		x.Outcome = Stalled
	}
}

// alertOf is the number of the alert that the other side sent; 0 is none. The type
// that holds it in crypto/tls is not exported; it is a byte.
func alertOf(err error) int {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" || op.Err == nil {
		return 0
	}
	if v := reflect.ValueOf(op.Err); v.Kind() == reflect.Uint8 {
		return int(v.Uint())
	}
	return 0
}

// recordReader walks the records of a connection, to find an alert that is sent in
// clear. Clients that are built with OpenSSL send theirs so in TLS 1.3 when they refuse
// a certificate: they have then the keys for reading and not yet those for writing.
type recordReader struct {
	head  [7]byte // of a record: kind, version, length; and the two bytes of an alert
	have  int     // bytes of it
	skip  int     // bytes left of a record that is no alert
	alert int     // that was found: the last, save that the other side is closing
}

const (
	recordAlert  = 21 // RFC 8446, 5.1
	alertLength  = 2  // of one in clear; one that is encrypted is longer
	recordHeader = 5
)

func (r *recordReader) add(b []byte) {
	for len(b) > 0 {
		if r.skip > 0 {
			n := min(r.skip, len(b))
			r.skip -= n
			b = b[n:]
			continue
		}
		r.head[r.have] = b[0]
		r.have++
		b = b[1:]
		if r.have < recordHeader {
			continue
		}
		length := int(r.head[3])<<8 | int(r.head[4])
		switch {
		case r.head[0] != recordAlert || length != alertLength:
			r.skip, r.have = length, 0
		case r.have == recordHeader+alertLength:
			if r.head[6] != 0 { // 0 says that it closes
				r.alert = int(r.head[6])
			}
			r.have = 0
		}
	}
}

// ended reports that the other side closed or reset the connection.
func ended(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// why says in a few words what ended a connection.
func why(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "nothing more came in time"
	case ended(err):
		return "it closed the connection"
	}
	return printable(err.Error(), 200)
}

// Words says what was sent.
func (h *Heard) Words() string {
	out := "an " + h.Kind
	if h.Kind == kindBytes || h.Kind == kindText {
		out = fmt.Sprintf("%d bytes (%s)", h.Bytes, h.Kind)
	}
	if h.Line != "" {
		out += " " + h.Line
	}
	if h.Secret != "" {
		out += " with a log-in (" + h.Secret + ")"
	}
	return out
}

// String is a line for a person who watches.
func (x *Connection) String() string {
	who := x.Server()
	at := x.To.Port()
	if x.Case == "" {
		return fmt.Sprintf("%s port %d: %s", who, at, cmp.Or(x.Why, string(x.Outcome)))
	}
	offer := ""
	if x.Offer != Best {
		offer = ", " + string(x.Offer) + " only"
	}
	return fmt.Sprintf("%s port %d: shown a certificate %s%s: %s (%s)", who, at, x.Case.Words(), offer, x.Outcome, x.Why)
}
