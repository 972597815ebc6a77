package rootfs

import (
	"bytes"
	"crypto/dsa" //lint:ignore SA1019 old devices have such keys
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"path"
	"strings"
	"time"
)

// Certificate is an X.509 certificate in a file, other than the public authorities of a trust store.
type Certificate struct {
	Subject string `json:"subject"`
	Issuer  string `json:"issuer"`
	// NotBefore and NotAfter are in UTC.
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	CA        bool      `json:"ca,omitempty"`
	// SelfSigned says that subject and issuer are the same.
	SelfSigned bool   `json:"self_signed,omitempty"`
	Algorithm  string `json:"algorithm"`
	Bits       int    `json:"bits,omitempty"`
	// Signature is how it is signed: SHA256-RSA, SHA1-RSA.
	Signature string `json:"signature"`
	// PublicKey is the SHA-256 of the SubjectPublicKeyInfo, hex.
	PublicKey string `json:"public_key"`
	Place     Place  `json:"place"`
	// Key is where its private key lies in the same tree: both together are an identity that every unit shares.
	Key *Place `json:"key,omitempty"`
}

// trustStore reports whether a file is a list of public authorities.
func trustStore(name string) bool {
	p := "/" + strings.ToLower(name)
	base := path.Base(p)
	return strings.Contains(p, "/ssl/certs/") || strings.Contains(p, "/ca-certificates") || strings.Contains(p, "/cacerts") || strings.Contains(p, "/pki/ca-trust/") ||
		strings.HasPrefix(base, "ca-bundle") || strings.HasPrefix(base, "ca-certificates") || strings.HasPrefix(base, "cacert") || strings.HasPrefix(base, "ca_certs") || base == "cert.pem" || strings.Contains(base, "rootca")
}

// short reports whether the key of a certificate is shorter than any public authority's has been since 2014: such a one
// in a trust store was put there by somebody else.
func short(cert *x509.Certificate) bool {
	k, ok := cert.PublicKey.(*rsa.PublicKey)
	return ok && k.N.BitLen() < 2048
}

func (r *ContentReader) certificate(c chunk, at int, der []byte, text bool) {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return // what is no certificate by its structure is none
	}
	switch {
	case documentation(c.name):
		r.pass("an example in a documentation or a test")
		return
	case cert.IsCA && !short(cert) && (trustStore(c.name) || bytes.Count(c.data, []byte("-----BEGIN CERTIFICATE")) > 8):
		r.pass("a certificate of a trust store")
		return
	case r.known(c, at) != "":
		r.pass(r.known(c, at))
		return
	}
	out := Certificate{Subject: printable(cert.Subject.String(), 300), Issuer: printable(cert.Issuer.String(), 300), NotBefore: cert.NotBefore.UTC(), NotAfter: cert.NotAfter.UTC(),
		CA: cert.IsCA, SelfSigned: string(cert.RawSubject) == string(cert.RawIssuer), Signature: cert.SignatureAlgorithm.String(), Place: c.at(at, text)}
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	out.PublicKey = hex.EncodeToString(sum[:])
	switch k := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		out.Algorithm, out.Bits = "RSA", k.N.BitLen()
	case *ecdsa.PublicKey:
		out.Algorithm, out.Bits = "ECDSA", k.Curve.Params().BitSize
	case ed25519.PublicKey:
		out.Algorithm, out.Bits = "Ed25519", 256
	case *dsa.PublicKey:
		out.Algorithm, out.Bits = "DSA", k.P.BitLen()
	default:
		out.Algorithm = cert.PublicKeyAlgorithm.String()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.out.Certificates) < maxFindings {
		r.out.Certificates = append(r.out.Certificates, out)
	}
}
