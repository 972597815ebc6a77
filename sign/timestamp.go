package sign

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	_ "crypto/sha1" // of the older form of RFC 3161's reference to the certificate
	"crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/digitorus/pkcs7"
	"github.com/digitorus/timestamp"

	"github.com/assay-psti/assay"
)

// Timestamp is what an authority attests: that something existed at a time.
type Timestamp struct {
	Time      time.Time // UTC
	Authority string    // the name in the authority's certificate
	Serial    *big.Int
	// Trusted says that the authority's certificate leads to one of the roots that
	// were given. Without it anybody can have made the time-stamp.
	Trusted bool
}

const (
	maxTokenBytes  = 64 << 10
	timestampLimit = 30 * time.Second
)

// SignatureToStamp is what a time-stamp of the envelope is over.
func (e *Envelope) SignatureToStamp() []byte {
	if len(e.Signatures) != 1 {
		return nil
	}
	return e.Signatures[0].Sig
}

// RequestTimestamp asks an authority for a token over a message (RFC 3161). Only
// the message's SHA-256 leaves this machine. Redirects are not followed.
func RequestTimestamp(ctx context.Context, authority string, message []byte) ([]byte, error) {
	fail := func(kind error, what string, err error) ([]byte, error) {
		return nil, &assay.Problem{Kind: kind, Where: authority, What: what, Err: err, Do: "try again, or issue it without a time-stamp"}
	}
	if u, err := url.Parse(authority); err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return fail(assay.ErrInvalid, "is not the address of a time-stamp authority", nil)
	}
	nonce, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(message)
	query, err := (&timestamp.Request{HashAlgorithm: crypto.SHA256, HashedMessage: sum[:], Certificates: true, Nonce: nonce}).Marshal()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, timestampLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, authority, bytes.NewReader(query))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/timestamp-query")
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return fail(assay.ErrNotFound, "no answer from the time-stamp authority", err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxTokenBytes+1))
	switch {
	case err != nil:
		return fail(assay.ErrNotFound, "no answer from the time-stamp authority", err)
	case resp.StatusCode != http.StatusOK:
		return fail(assay.ErrNotFound, "the time-stamp authority answers "+resp.Status, nil)
	case len(data) > maxTokenBytes:
		return fail(assay.ErrInvalid, fmt.Sprintf("the time-stamp authority answers more than %d bytes", maxTokenBytes), nil)
	}
	var stamp *timestamp.Timestamp
	if err := guard(func() (err error) { stamp, err = timestamp.ParseResponse(data); return err }); err != nil {
		return fail(assay.ErrInvalid, "the time-stamp authority gives no token", err)
	}
	if stamp.Nonce == nil || stamp.Nonce.Cmp(nonce) != 0 {
		return fail(assay.ErrRefused, "the token is not an answer to this request", nil)
	}
	if _, err := VerifyTimestamp(stamp.RawToken, message, nil); err != nil {
		return fail(assay.ErrInvalid, "the token does not hold", err)
	}
	return stamp.RawToken, nil
}

// Object identifiers of RFC 5652, RFC 5035 and RFC 3161.
var (
	oidContentType          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidTSTInfo              = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	oidSigningCertificate   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 12}
	oidSigningCertificateV2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
	oidSHA256               = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidSHA384               = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}
	oidSHA512               = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}
)

// VerifyTimestamp checks that a token is a time-stamp over the message: its one
// signature, the certificate that it names, that certificate's purpose and its
// validity at the time stated. With roots, the certificate must lead to one.
func VerifyTimestamp(token, message []byte, roots *x509.CertPool) (*Timestamp, error) {
	var stamp *Timestamp
	err := guard(func() (err error) { stamp, err = verifyTimestamp(token, message, roots); return err })
	if err != nil {
		return nil, fmt.Errorf("time-stamp: %w: %w", assay.ErrRefused, err)
	}
	return stamp, nil
}

func verifyTimestamp(token, message []byte, roots *x509.CertPool) (*Timestamp, error) {
	if len(token) > maxTokenBytes {
		return nil, fmt.Errorf("more than %d bytes", maxTokenBytes)
	}
	p7, err := pkcs7.Parse(token)
	if err != nil {
		return nil, err
	}
	certificate := p7.GetOnlySigner()
	if certificate == nil {
		return nil, errors.New("it does not hold the certificate of its one signer")
	}
	if err := p7.Verify(); err != nil {
		return nil, err
	}
	var kind asn1.ObjectIdentifier
	if err := p7.UnmarshalSignedAttribute(oidContentType, &kind); err != nil || !kind.Equal(oidTSTInfo) {
		return nil, errors.New("what is signed is not a time-stamp")
	}
	if err := namesCertificate(p7, certificate); err != nil {
		return nil, err
	}
	if !slices.Contains(certificate.ExtKeyUsage, x509.ExtKeyUsageTimeStamping) {
		return nil, errors.New("its certificate is not for time-stamping")
	}
	info, err := timestamp.Parse(token)
	if err != nil {
		return nil, err
	}
	switch info.HashAlgorithm {
	case crypto.SHA256, crypto.SHA384, crypto.SHA512:
	default:
		return nil, errors.New("its hash is not SHA-2")
	}
	h := info.HashAlgorithm.New()
	h.Write(message)
	if !bytes.Equal(h.Sum(nil), info.HashedMessage) {
		return nil, errors.New("it is of something else")
	}
	at := info.Time.UTC()
	if at.Before(certificate.NotBefore) || at.After(certificate.NotAfter) {
		return nil, fmt.Errorf("its certificate was not valid at %s", at.Format(time.RFC3339))
	}
	if roots != nil {
		between := x509.NewCertPool()
		for _, c := range p7.Certificates {
			between.AddCert(c)
		}
		if _, err := certificate.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: at,
			KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}}); err != nil {
			return nil, err
		}
	}
	return &Timestamp{Time: at, Authority: certificate.Subject.String(), Serial: info.SerialNumber, Trusted: roots != nil}, nil
}

// namesCertificate holds that the signed attributes name the certificate by its
// hash (RFC 3161 section 2.4.1, RFC 5816): a signature that fits is not enough.
func namesCertificate(p7 *pkcs7.PKCS7, c *x509.Certificate) error {
	var v2 struct {
		Certs []struct {
			HashAlgorithm pkix.AlgorithmIdentifier `asn1:"optional"`
			CertHash      []byte
			IssuerSerial  asn1.RawValue `asn1:"optional"`
		}
		Policies asn1.RawValue `asn1:"optional"`
	}
	var v1 struct {
		Certs []struct {
			CertHash     []byte
			IssuerSerial asn1.RawValue `asn1:"optional"`
		}
		Policies asn1.RawValue `asn1:"optional"`
	}
	var hash crypto.Hash
	var want []byte
	switch {
	case p7.UnmarshalSignedAttribute(oidSigningCertificateV2, &v2) == nil && len(v2.Certs) > 0:
		want = v2.Certs[0].CertHash
		switch oid := v2.Certs[0].HashAlgorithm.Algorithm; {
		case oid == nil || oid.Equal(oidSHA256):
			hash = crypto.SHA256
		case oid.Equal(oidSHA384):
			hash = crypto.SHA384
		case oid.Equal(oidSHA512):
			hash = crypto.SHA512
		default:
			return errors.New("it names its certificate by an unknown hash")
		}
	case p7.UnmarshalSignedAttribute(oidSigningCertificate, &v1) == nil && len(v1.Certs) > 0:
		hash, want = crypto.SHA1, v1.Certs[0].CertHash
	default:
		return errors.New("it does not name its certificate")
	}
	h := hash.New()
	h.Write(c.Raw)
	if !bytes.Equal(h.Sum(nil), want) {
		return errors.New("it names another certificate than the one it holds")
	}
	return nil
}

// guard turns a panic of a parser of hostile bytes into an error.
func guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("it cannot be parsed: %v", p)
		}
	}()
	return f()
}
