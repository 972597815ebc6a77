package device

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"
)

// TLS is what a service's encryption offers.
type TLS struct {
	Versions []string `json:"versions"` // accepted: "SSL 3.0", "TLS 1.0" to "TLS 1.3"
	Suites   []string `json:"suites,omitempty"`
	Weak     []string `json:"weak,omitempty"` // of what was accepted, what is outdated, in words
	// Whole says that every version was tried; a service that stops answering leaves it false.
	Whole bool `json:"whole"`

	Certificate *Certificate `json:"certificate,omitempty"`
	Key         string       `json:"key,omitempty"` // SHA-256 of the public key
	WantsClient bool         `json:"wants_client,omitempty"`
	PSK         bool         `json:"psk,omitempty"` // it wants a key shared beforehand
}

// Certificate is the one that a service shows.
type Certificate struct {
	Digest     string    `json:"digest"` // SHA-256 of the certificate
	Subject    string    `json:"subject"`
	Issuer     string    `json:"issuer"`
	Names      []string  `json:"names,omitempty"`
	From       time.Time `json:"from"`
	Until      time.Time `json:"until"`
	KeyKind    string    `json:"key_kind"` // "RSA", "ECDSA", "Ed25519"
	KeyBits    int       `json:"key_bits"`
	Signature  string    `json:"signature"` // "SHA256-RSA"
	SelfSigned bool      `json:"self_signed"`
}

var versionNames = map[uint16]string{0x0300: "SSL 3.0", tls.VersionTLS10: "TLS 1.0", tls.VersionTLS11: "TLS 1.1", tls.VersionTLS12: "TLS 1.2", tls.VersionTLS13: "TLS 1.3"}

// tlsConfig accepts whatever a device offers: what is looked at is the device, not
// whether to trust it.
func tlsConfig() *tls.Config {
	var suites []uint16
	for _, s := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		suites = append(suites, s.ID)
	}
	return &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, CipherSuites: suites} //nolint:gosec // a test of what is offered
}

// tlsTime bounds one handshake.
const tlsTime = 6 * time.Second

// startTLS makes a handshake with the best that both know.
func (s *Session) startTLS(ctx context.Context, c *conn) (*tls.Conn, error) {
	c.mu.Lock()
	c.inside, c.x.TLS = true, true
	c.mu.Unlock()
	t := tls.Client(c, tlsConfig())
	c.within(tlsTime)
	if err := t.HandshakeContext(ctx); err != nil {
		c.end(err)
		return nil, err
	}
	return t, nil
}

// lookTLS tells what versions and suites the service accepts, and what it shows.
// It makes one handshake for each version, and one more for each weak kind of
// suite, and never goes through all suites one by one.
func (s *Session) lookTLS(ctx context.Context, port int) (*TLS, error) {
	out := &TLS{Whole: true}
	silent := 0
	for _, version := range []uint16{tls.VersionTLS13, tls.VersionTLS12, tls.VersionTLS11, tls.VersionTLS10, 0x0300} {
		hello, err := s.hello(ctx, port, version, nil)
		switch {
		case errors.Is(err, ErrBudget):
			return nil, err
		case err != nil:
			out.Whole = false
			if silent++; silent == 2 && len(out.Versions) == 0 {
				return nil, nil // what says nothing to two hellos does not speak TLS
			}
			continue
		case hello == nil || hello.version != version:
			continue
		}
		out.add(hello)
		if version == tls.VersionTLS12 || version == tls.VersionTLS10 && !slices.Contains(out.Versions, "TLS 1.2") {
			s.weakSuites(ctx, port, version, out)
		}
	}
	if len(out.Versions) == 0 {
		return nil, nil
	}
	s.certificate(ctx, port, out)
	out.judge()
	return out, nil
}

func (t *TLS) add(h *serverHello) {
	if v := versionNames[h.version]; !slices.Contains(t.Versions, v) {
		t.Versions = append(t.Versions, v)
	}
	if name := suiteName(h.suite); !slices.Contains(t.Suites, name) {
		t.Suites = append(t.Suites, name)
	}
	t.PSK = t.PSK || pskSuites[h.suite]
}

// weakSuites tries each kind of weak suite by itself.
func (s *Session) weakSuites(ctx context.Context, port int, version uint16, out *TLS) {
	for _, kind := range weakKinds {
		h, err := s.hello(ctx, port, version, kind.suites)
		if err != nil {
			out.Whole = false
			return
		}
		if h != nil && slices.Contains(kind.suites, h.suite) {
			out.add(h)
			out.Weak = append(out.Weak, "it accepts "+kind.name+" ("+suiteName(h.suite)+")")
		}
	}
}

// certificate makes one whole handshake to see the certificate.
func (s *Session) certificate(ctx context.Context, port int, out *TLS) {
	c, err := s.dial(ctx, "tls certificate", "tcp", port)
	if err != nil {
		return
	}
	defer c.Close()
	c.mu.Lock()
	c.inside, c.x.TLS = true, true
	c.mu.Unlock()
	config := tlsConfig()
	config.VerifyPeerCertificate = func(raw [][]byte, _ [][]*x509.Certificate) error {
		if len(raw) > 0 {
			out.Certificate, out.Key = readCertificate(raw[0])
		}
		return nil
	}
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		out.WantsClient = true
		return &tls.Certificate{}, nil
	}
	c.within(tlsTime)
	t := tls.Client(c, config)
	if err := t.HandshakeContext(ctx); err != nil {
		c.end(err)
	}
}

func readCertificate(raw []byte) (*Certificate, string) {
	sum := sha256.Sum256(raw)
	out := &Certificate{Digest: hex.EncodeToString(sum[:]), KeyKind: "unknown"}
	x, err := x509.ParseCertificate(raw)
	if err != nil {
		out.Subject = "cannot be read: " + printable([]byte(err.Error()), 100)
		return out, ""
	}
	out.Subject, out.Issuer = printable([]byte(x.Subject.String()), 200), printable([]byte(x.Issuer.String()), 200)
	for _, n := range x.DNSNames[:min(len(x.DNSNames), 20)] {
		out.Names = append(out.Names, printable([]byte(n), 100))
	}
	for _, n := range x.IPAddresses[:min(len(x.IPAddresses), 20)] {
		out.Names = append(out.Names, n.String())
	}
	out.From, out.Until, out.Signature = x.NotBefore.UTC(), x.NotAfter.UTC(), x.SignatureAlgorithm.String()
	out.SelfSigned = x.CheckSignature(x.SignatureAlgorithm, x.RawTBSCertificate, x.Signature) == nil || string(x.RawIssuer) == string(x.RawSubject)
	switch key := x.PublicKey.(type) {
	case *rsa.PublicKey:
		out.KeyKind, out.KeyBits = "RSA", key.N.BitLen()
	case *ecdsa.PublicKey:
		out.KeyKind, out.KeyBits = "ECDSA", key.Curve.Params().BitSize
	case ed25519.PublicKey:
		out.KeyKind, out.KeyBits = "Ed25519", 256
	}
	key := sha256.Sum256(x.RawSubjectPublicKeyInfo)
	return out, hex.EncodeToString(key[:])
}

// judge says in words what of it is outdated. RFC 7568 (SSL 3.0), RFC 8996 (TLS
// 1.0 and 1.1), RFC 9155 (MD5 and SHA-1 signatures), NIST SP 800-131A (RSA below
// 2048 bits).
func (t *TLS) judge() {
	for _, old := range []string{"SSL 3.0", "TLS 1.0", "TLS 1.1"} {
		if slices.Contains(t.Versions, old) {
			t.Weak = append(t.Weak, "it accepts "+old)
		}
	}
	c := t.Certificate
	if c == nil {
		return
	}
	switch c.Signature {
	case x509.MD5WithRSA.String(), x509.MD2WithRSA.String(), x509.SHA1WithRSA.String(), x509.ECDSAWithSHA1.String(), x509.DSAWithSHA1.String():
		t.Weak = append(t.Weak, "its certificate is signed with "+c.Signature)
	}
	if c.KeyKind == "RSA" && c.KeyBits < 2048 {
		t.Weak = append(t.Weak, fmt.Sprintf("its RSA key has %d bits", c.KeyBits))
	}
	if c.KeyKind == "ECDSA" && c.KeyBits < 224 {
		t.Weak = append(t.Weak, fmt.Sprintf("its ECDSA key has %d bits", c.KeyBits))
	}
}

// Expired reports whether the certificate does not hold at a moment.
func (c *Certificate) Expired(at time.Time) bool { return at.After(c.Until) || at.Before(c.From) }

func suiteName(id uint16) string {
	return cmp.Or(otherSuites[id], tls.CipherSuiteName(id))
}
