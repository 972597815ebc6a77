package sign_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/digitorus/timestamp"

	"github.com/assay-psti/assay/sign"
)

// authority is a time-stamp authority on loopback, with ways to misbehave.
type authority struct {
	*httptest.Server
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	mend        func(*timestamp.Timestamp)
	status      int
	body        []byte
}

var stampTime = time.Date(2026, 3, 2, 10, 15, 0, 0, time.UTC)

func newAuthority(t testing.TB, usage x509.ExtKeyUsage) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "Example Time-Stamping", Organization: []string{"Example"}},
		NotBefore: stampTime.AddDate(-1, 0, 0), NotAfter: stampTime.AddDate(5, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{usage}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{key: key, status: http.StatusOK}
	if a.certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query, _ := io.ReadAll(r.Body)
		answer, err := a.answer(query)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/timestamp-reply")
		w.WriteHeader(a.status)
		w.Write(answer)
	}))
	t.Cleanup(a.Close)
	return a
}

func (a *authority) answer(query []byte) ([]byte, error) {
	if a.body != nil {
		return a.body, nil
	}
	req, err := timestamp.ParseRequest(query)
	if err != nil {
		return nil, err
	}
	stamp := &timestamp.Timestamp{
		HashAlgorithm: req.HashAlgorithm, HashedMessage: req.HashedMessage, Time: stampTime, Nonce: req.Nonce,
		Policy: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 32473, 1}, AddTSACertificate: true,
	}
	if a.mend != nil {
		a.mend(stamp)
	}
	return stamp.CreateResponseWithOpts(a.certificate, a.key, crypto.SHA256)
}

func (a *authority) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// token is a time-stamp over "signature".
func token(t testing.TB) []byte {
	t.Helper()
	a := newAuthority(t, x509.ExtKeyUsageTimeStamping)
	data, err := sign.RequestTimestamp(t.Context(), a.URL, []byte("signature"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}
