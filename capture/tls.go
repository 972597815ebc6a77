package capture

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	_ "embed"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/assay-psti/assay/internal/ja4"
)

// TLS is what was seen of TLS or DTLS, or of TLS within QUIC, on one or more
// connections that were alike.
type TLS struct {
	Offered   []string      `json:"offered,omitempty"` // versions, newest first
	Version   string        `json:"version,omitempty"` // negotiated; "" where no answer was seen
	Suite     string        `json:"suite,omitempty"`   // negotiated
	Weak      []string      `json:"weak,omitempty"`    // what of the negotiated is outdated, and why
	Notes     []string      `json:"notes,omitempty"`   // what is worth knowing and is not outdated by itself
	WeakOffer []string      `json:"weak_offered,omitempty"`
	SNI       string        `json:"sni,omitempty"`
	Hidden    string        `json:"name_hidden,omitempty"` // why the name may not be that of the server (RFC 9849)
	ALPN      []string      `json:"alpn,omitempty"`        // offered
	Protocol  string        `json:"protocol,omitempty"`    // chosen by ALPN, where it can be read
	JA4       string        `json:"ja4,omitempty"`
	Chain     []Certificate `json:"certificates,omitempty"` // as the server sent them, up to TLS 1.2
	Mutual    bool          `json:"client_certificate_asked,omitempty"`
	Complete  bool          `json:"complete"` // the handshake ended well, as far as it can be seen
	Alerts    []string      `json:"alerts,omitempty"`
	At        Mark          `json:"at"`
	Count     int64         `json:"count"`

	suite uint16
	ja3   string
}

// Certificate is what a certificate that was sent says.
type Certificate struct {
	Subject    string    `json:"subject"`
	Issuer     string    `json:"issuer"`
	NotBefore  time.Time `json:"not_before"`
	NotAfter   time.Time `json:"not_after"`
	Key        string    `json:"key"`
	Signature  string    `json:"signature"`
	SelfSigned bool      `json:"self_signed"`
	SHA256     string    `json:"sha256"`
}

// suiteText holds the numbers and names of cipher suites as IANA registers them, one a line.
//
//go:embed suites.txt
var suiteText string

var suiteNames = sync.OnceValue(func() map[uint16]string {
	names := map[uint16]string{}
	for line := range strings.Lines(suiteText) {
		id, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		if n, err := strconv.ParseUint(id, 16, 16); err == nil {
			names[uint16(n)] = name
		}
	}
	return names
})

// suiteName is the registered name of a cipher suite.
func suiteName(id uint16) string {
	if n := suiteNames()[id]; n != "" {
		return n
	}
	return fmt.Sprintf("suite 0x%04x", id)
}

// suiteWeakness says why a suite is outdated; "" where it is not, or is not known.
func suiteWeakness(id uint16) string {
	n := suiteNames()[id] + "_"
	switch {
	case n == "_":
		return ""
	case strings.Contains(n, "_WITH_NULL_") || id == 0:
		return "no encryption at all"
	case strings.Contains(n, "_anon_"):
		return "nobody is authenticated"
	case strings.Contains(n, "_EXPORT"):
		return "export-grade key"
	case strings.Contains(n, "_RC4_"):
		return "RC4"
	case strings.Contains(n, "_DES_"), strings.Contains(n, "_DES40_"), strings.Contains(n, "_RC2_"):
		return "DES or RC2"
	case strings.Contains(n, "_3DES_"):
		return "3DES"
	}
	return ""
}

// suiteNote says what a suite lacks that is not yet outdated.
func suiteNote(id uint16) string {
	n := suiteNames()[id]
	switch {
	case strings.HasPrefix(n, "TLS_PSK_"):
		return "pre-shared key without forward secrecy: who gets the key reads what was recorded"
	case strings.HasPrefix(n, "TLS_RSA_WITH") || strings.HasPrefix(n, "TLS_RSA_PSK") || strings.HasPrefix(n, "TLS_ECDH_") || strings.HasPrefix(n, "TLS_DH_"):
		return "no forward secrecy: who gets the server's key reads what was recorded"
	}
	return ""
}

func versionName(v uint16) string {
	switch v {
	case 0x0300:
		return "SSL 3.0"
	case 0x0301:
		return "TLS 1.0"
	case 0x0302:
		return "TLS 1.1"
	case 0x0303:
		return "TLS 1.2"
	case 0x0304:
		return "TLS 1.3"
	case 0xfeff, 0x0100:
		return "DTLS 1.0"
	case 0xfefd:
		return "DTLS 1.2"
	case 0xfefc:
		return "DTLS 1.3"
	}
	if v>>8 == 0x7f {
		return fmt.Sprintf("TLS 1.3 draft %d", v&0xff)
	}
	return fmt.Sprintf("version 0x%04x", v)
}

// outdatedVersion reports whether a version was withdrawn by RFC 7568 or RFC 8996.
func outdatedVersion(name string) bool {
	return name == "SSL 3.0" || name == "TLS 1.0" || name == "TLS 1.1" || name == "DTLS 1.0"
}

// hello is a ClientHello.
type hello struct {
	version  uint16
	versions []int // of the extension
	suites   []int
	exts     []int
	groups   []int
	points   []int
	sigs     []int
	sni      string
	hasSNI   bool
	ech      bool // an encrypted hello goes with it, or what looks like one
	alpn     []string
}

func readList(c cursor, width int) (out []int) {
	for len(c.b) >= width && len(out) < 512 {
		if width == 1 {
			out = append(out, c.u8())
		} else {
			out = append(out, c.u16())
		}
	}
	return out
}

// readHello reads the body of a ClientHello.
func readHello(b []byte, dtls bool) (*hello, bool) {
	c := cursor{b: b}
	h := &hello{version: uint16(c.u16())}
	c.take(32)
	c.take(c.u8()) // session
	if dtls {
		c.take(c.u8()) // cookie
	}
	h.suites = readList(c.sub(c.u16()), 2)
	c.take(c.u8()) // compression
	if c.bad || len(h.suites) == 0 {
		return nil, false
	}
	if len(c.b) == 0 {
		return h, true
	}
	exts := c.sub(c.u16())
	for len(exts.b) >= 4 && len(h.exts) < 256 {
		kind := exts.u16()
		x := exts.sub(exts.u16())
		h.exts = append(h.exts, kind)
		switch kind {
		case 0:
			h.hasSNI = true
			list := x.sub(x.u16())
			if list.u8() == 0 {
				h.sni = printable(list.text())
			}
		case 10:
			h.groups = readList(x.sub(x.u16()), 2)
		case 11:
			h.points = readList(x.sub(x.u8()), 1)
		case 13:
			h.sigs = readList(x.sub(x.u16()), 2)
		case 16:
			list := x.sub(x.u16())
			for len(list.b) > 0 && len(h.alpn) < 32 {
				if p := list.take(list.u8()); p != nil {
					h.alpn = append(h.alpn, string(p))
				}
			}
		case 0xfe0d:
			h.ech = true
		case 43:
			h.versions = readList(x.sub(x.u8()), 2)
		}
	}
	return h, !c.bad
}

// fill puts what a ClientHello offers into the session.
func (h *hello) fill(s *TLS, transport byte) {
	s.SNI, s.ALPN = h.sni, nil
	if h.ech && h.sni != "" {
		s.Hidden = "the name may be that of a front: an encrypted hello goes with it, or bytes that look like one"
	}
	for _, p := range h.alpn {
		if p = printable(p); !strings.HasPrefix(p, "??") && len(s.ALPN) < 8 {
			s.ALPN = append(s.ALPN, p)
		}
	}
	s.Offered = nil
	for _, v := range h.versions {
		if !ja4.Grease(v) {
			s.Offered = append(s.Offered, versionName(uint16(v)))
		}
	}
	if len(s.Offered) == 0 {
		s.Offered = []string{"up to " + versionName(h.version)}
	}
	s.WeakOffer = nil
	for _, id := range h.suites {
		if w := suiteWeakness(uint16(id)); w != "" && len(s.WeakOffer) < 16 {
			s.WeakOffer = append(s.WeakOffer, suiteName(uint16(id)))
		}
	}
	s.JA4, s.ja3 = h.ja4(transport), h.ja3()
}

// ja4 is the fingerprint of that name.
func (h *hello) ja4(transport byte) string {
	f := ja4.Hello{Transport: transport, Version: int(h.version), Versions: h.versions, Suites: h.suites, Extensions: h.exts, Signatures: h.sigs, Name: h.hasSNI, ALPN: h.alpn}
	return f.String()
}

// ja3 is the older fingerprint before it is hashed. It is not told, since its order
// is what browsers shuffle; tests hold our reading against others' by it.
func (h *hello) ja3() string {
	list := func(v []int) string {
		var out []string
		for _, x := range v {
			if !ja4.Grease(x) {
				out = append(out, strconv.Itoa(x))
			}
		}
		return strings.Join(out, "-")
	}
	return fmt.Sprintf("%d,%s,%s,%s,%s", h.version, list(h.suites), list(h.exts), list(h.groups), list(h.points))
}

// readServerHello fills in what was negotiated. retry is set for what only asks
// the client to begin again.
func readServerHello(b []byte, s *TLS) (retry, ok bool) {
	c := cursor{b: b}
	version := uint16(c.u16())
	random := c.take(32)
	c.take(c.u8())
	suite := uint16(c.u16())
	c.u8()
	if c.bad {
		return false, false
	}
	if len(c.b) > 0 {
		exts := c.sub(c.u16())
		for len(exts.b) >= 4 {
			kind := exts.u16()
			x := exts.sub(exts.u16())
			switch {
			case kind == 43 && len(x.b) == 2:
				version = uint16(x.u16())
			case kind == 16:
				list := x.sub(x.u16())
				s.Protocol = printable(string(list.take(list.u8())))
			}
		}
	}
	if bytes.Equal(random, helloRetry) {
		return true, true
	}
	s.Version, s.Suite, s.suite = versionName(version), suiteName(suite), suite
	if outdatedVersion(s.Version) {
		s.Weak = append(s.Weak, s.Version+" was withdrawn")
	}
	if w := suiteWeakness(suite); w != "" {
		s.Weak = append(s.Weak, s.Suite+": "+w)
	}
	if n := suiteNote(suite); n != "" {
		s.Notes = append(s.Notes, n)
	}
	return false, true
}

// helloRetry is the random value by which TLS 1.3 marks a HelloRetryRequest (RFC 8446, 4.1.3).
var helloRetry, _ = hex.DecodeString("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")

// maxChain bounds the certificates of one message that are read.
const maxChain = 6

// readCertificates reads the message of that name as it is up to TLS 1.2.
func readCertificates(b []byte, s *TLS) {
	c := cursor{b: b}
	list := c.sub(c.u24())
	for len(list.b) > 3 && len(s.Chain) < maxChain {
		der := list.take(list.u24())
		if der == nil {
			return
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			s.Notes = append(s.Notes, "a certificate that cannot be read")
			continue
		}
		sum := sha256.Sum256(der)
		out := Certificate{
			Subject: printable(cert.Subject.String()), Issuer: printable(cert.Issuer.String()), NotBefore: cert.NotBefore.UTC(), NotAfter: cert.NotAfter.UTC(),
			Signature: cert.SignatureAlgorithm.String(), Key: keyName(cert), SHA256: hex.EncodeToString(sum[:]),
		}
		out.SelfSigned = bytes.Equal(cert.RawSubject, cert.RawIssuer) && selfSigned(cert)
		if len(s.Chain) == 0 {
			s.weigh(cert, out)
		}
		s.Chain = append(s.Chain, out)
	}
}

// selfSigned checks the signature with the certificate's own key; one of an
// algorithm that Go no longer checks is taken at its word.
func selfSigned(c *x509.Certificate) bool {
	err := c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature)
	var insecure x509.InsecureAlgorithmError
	if err == nil {
		return true
	}
	return errorAs(err, &insecure)
}

// weigh says what is outdated about the server's own certificate.
func (s *TLS) weigh(cert *x509.Certificate, c Certificate) {
	switch cert.SignatureAlgorithm {
	case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
		if c.SelfSigned { // nobody relies on that signature
			s.Notes = append(s.Notes, "its self-signed certificate uses "+c.Signature)
		} else {
			s.Weak = append(s.Weak, "certificate signed with "+c.Signature)
		}
	}
	if n := rsaBits(cert); n > 0 && n < 2048 {
		s.Weak = append(s.Weak, fmt.Sprintf("certificate with an RSA key of %d bits", n))
	}
	if c.SelfSigned {
		s.Notes = append(s.Notes, "self-signed certificate")
	}
}

// addTLS adds a session to those before, where none is alike.
func addTLS(all []*TLS, s *TLS) []*TLS {
	for _, o := range all {
		if o.alike(s) {
			o.Count += s.Count
			return all
		}
	}
	if len(all) >= maxDetails {
		return all
	}
	return append(all, s)
}

// size is about how many bytes a session takes.
func (s *TLS) size() int { return 700 + 600*len(s.Chain) }

func (s *TLS) alike(o *TLS) bool {
	return s.Version == o.Version && s.suite == o.suite && s.SNI == o.SNI && s.JA4 == o.JA4 && s.Complete == o.Complete && s.Protocol == o.Protocol &&
		s.Mutual == o.Mutual && slices.Equal(s.Alerts, o.Alerts) && slices.Equal(s.Weak, o.Weak) && slices.EqualFunc(s.Chain, o.Chain, func(a, b Certificate) bool { return a.SHA256 == b.SHA256 })
}
