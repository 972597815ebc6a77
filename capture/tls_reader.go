package capture

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
)

// Bounds of a handshake.
const (
	maxHandshake = 64 << 10 // bytes of one side before encryption begins
	maxRecord    = 16<<10 + 2048
)

// tlsReader reads records until encryption has begun on both sides.
type tlsReader struct {
	s       *TLS
	hs      [2][]byte // handshake messages that are not whole yet
	secured [2]bool   // encrypted from here on
	data    [2]bool   // sent what only one side with keys can
	hello   bool
	records int
}

// looksTLS reports whether bytes begin as a TLS record does.
func looksTLS(b []byte) (yes, short bool) {
	if len(b) == 0 {
		return false, true
	}
	if b[0] < 20 || b[0] > 24 || len(b) > 1 && b[1] != 3 || len(b) > 2 && b[2] > 4 {
		return false, false
	}
	if len(b) < 5 {
		return false, true
	}
	n := int(b[3])<<8 | int(b[4])
	if n == 0 || n > maxRecord || b[0] == 22 && len(b) > 5 && !slices.Contains([]byte{0, 1, 2, 4, 11, 12, 13, 14, 16, 22}, b[5]) && n < 16 {
		return false, false
	}
	return true, false
}

func newTLS(f *flow) *tlsReader {
	f.label, f.guard = "tls", Unknown
	return &tlsReader{}
}

// session is made when there is something to say of it.
func (r *tlsReader) session(t *tracker, f *flow) *TLS {
	if r.s == nil {
		r.s = &TLS{At: t.mark(), Count: 1}
		if x := f.need(); t.note(f, r.s.size()) {
			x.TLS = append(x.TLS, r.s)
		}
	}
	return r.s
}

func (r *tlsReader) gap(t *tracker, f *flow, from side) {
	if !r.hello { // nothing was read that could go on
		f.label, f.guard = "", ""
	}
	t.stop(f)
}

func (r *tlsReader) read(t *tracker, f *flow, from side, b []byte) int {
	if len(b) < 5 {
		return 0
	}
	kind, n := b[0], int(b[3])<<8|int(b[4])
	if yes, _ := looksTLS(b[:5]); !yes {
		t.stop(f)
		return len(b)
	}
	r.records++
	if kind == 23 {
		f.guard = Encrypted
		// Of TLS 1.3 an alert looks like data; it is shorter than the end of a handshake.
		r.data[from] = r.data[from] || n >= 40 || r.s == nil || r.s.Version != "TLS 1.3"
		if r.data[0] && r.data[1] {
			if r.s != nil && (r.s.Version == "TLS 1.3" || r.s.Version != "" && r.secured[0] && r.secured[1]) {
				r.s.Complete = true
			}
			t.stop(f)
			return len(b)
		}
		if len(b) < 5+n {
			return 0
		}
		return 5 + n
	}
	if len(b) < 5+n {
		return 0
	}
	body := b[5 : 5+n]
	switch kind {
	case 20:
		r.secured[from] = true
		if r.s != nil && r.s.Version != "" && r.s.Version != "TLS 1.3" && r.secured[0] && r.secured[1] {
			f.guard = r.strength()
		}
	case 21:
		if !r.secured[from] {
			r.alert(t, f, from, uint16(b[1])<<8|uint16(b[2]), body)
		}
	case 22:
		if r.secured[from] {
			r.finished(t, f, from)
			break
		}
		r.messages(t, f, from, body)
	}
	return 5 + n
}

// strength is what the negotiated suite is worth.
func (r *tlsReader) strength() Protection {
	if r.s.Version != "" && suiteWeakness(r.s.suite) == "no encryption at all" {
		return Clear
	}
	return Encrypted
}

// finished is an encrypted handshake message after both sides changed to encryption: the end of the handshake.
func (r *tlsReader) finished(t *tracker, f *flow, from side) {
	r.data[from] = true
	if r.s != nil && r.secured[0] && r.secured[1] && r.data[0] && r.data[1] {
		r.s.Complete = r.s.Version != ""
		f.guard = r.strength()
		t.stop(f)
	}
}

func (r *tlsReader) alert(t *tracker, f *flow, from side, version uint16, body []byte) {
	text := versionName(version) + " alert, encrypted"
	if len(body) == 2 {
		text = fmt.Sprintf("%s alert: %s", versionName(version), alertName(body[1]))
	}
	who := "server"
	if from == f.client {
		who = "client"
	}
	s := r.session(t, f)
	if text = who + ": " + text; !slices.Contains(s.Alerts, text) && len(s.Alerts) < 8 {
		s.Alerts = append(s.Alerts, text)
	}
}

func alertName(n byte) string {
	names := map[byte]string{0: "close notify", 10: "unexpected message", 20: "bad record MAC", 40: "handshake failure", 42: "bad certificate", 43: "unsupported certificate",
		44: "certificate revoked", 45: "certificate expired", 46: "certificate unknown", 47: "illegal parameter", 48: "unknown certificate authority", 49: "access denied", 50: "decode error",
		51: "decrypt error", 70: "protocol version", 71: "insufficient security", 80: "internal error", 86: "inappropriate fallback", 90: "user cancelled", 109: "missing extension",
		112: "unrecognised name", 115: "unknown PSK identity", 116: "certificate required", 120: "no application protocol"}
	if s := names[n]; s != "" {
		return s
	}
	return fmt.Sprintf("number %d", n)
}

// messages reads the handshake messages of a record.
func (r *tlsReader) messages(t *tracker, f *flow, from side, b []byte) {
	if len(r.hs[from])+len(b) > maxHandshake {
		t.bite("TLS handshakes were read in part only, to keep memory bounded")
		t.stop(f)
		return
	}
	if len(r.hs[from]) > 0 {
		b = append(r.hs[from], b...)
	}
	for len(b) >= 4 {
		n := int(b[1])<<16 | int(b[2])<<8 | int(b[3])
		if len(b) < 4+n {
			break
		}
		r.message(t, f, from, b[0], b[4:4+n])
		b = b[4+n:]
	}
	if f.done {
		return
	}
	if !t.keep(f, len(b)-len(r.hs[from])) {
		t.bite("TLS handshakes were read in part only, to keep memory bounded")
		t.stop(f)
		return
	}
	r.hs[from] = slices.Clone(b)
}

func (r *tlsReader) message(t *tracker, f *flow, from side, kind byte, b []byte) {
	switch kind {
	case 1:
		h, ok := readHello(b, false)
		if !ok {
			return
		}
		if f.client != from && !r.hello {
			f.client = from
		}
		r.hello = true
		f.guard = Encrypted
		s := r.session(t, f)
		h.fill(s, 't')
		if s.SNI != "" {
			t.hosts.name(f.end(from.other()).Addr(), s.SNI, "sni")
		}
	case 2:
		r.hello = true
		f.guard = Encrypted
		s := r.session(t, f)
		retry, ok := readServerHello(b, s)
		if !ok {
			t.stop(f)
			return
		}
		if !retry && s.Version == "TLS 1.3" {
			r.secured[from] = true
		}
	case 11:
		if s := r.session(t, f); from != f.client {
			readCertificates(b, s)
		}
	case 13:
		r.session(t, f).Mutual = true
	}
}

func keyName(c *x509.Certificate) string {
	switch k := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", k.N.BitLen())
	case *ecdsa.PublicKey:
		return "ECDSA " + k.Curve.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return c.PublicKeyAlgorithm.String()
}

func rsaBits(c *x509.Certificate) int {
	if k, ok := c.PublicKey.(*rsa.PublicKey); ok {
		return k.N.BitLen()
	}
	return 0
}

func errorAs(err error, insecure *x509.InsecureAlgorithmError) bool { return errors.As(err, insecure) }
