package rootfs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"slices"
	"testing"
	"testing/iotest"
	"time"
)

// code is what a program looks like: neither text nor random.
func code(n int, seed uint64) []byte {
	rnd := mathrand.New(mathrand.NewPCG(seed, 2))
	out := make([]byte, n)
	for i := range out {
		x := rnd.Uint32()
		out[i] = byte(x) & byte(x>>8)
		if rnd.IntN(50) == 0 {
			out[i] = 0x30
		}
	}
	return out
}

type identity struct{ pkcs8, own, cert []byte }

func makeIdentity(t *testing.T, rsaBits int, subject string) identity {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var x identity
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{Organization: []string{subject}}, NotAfter: time.Unix(2e9, 0)}
	if rsaBits > 0 {
		k, err := rsa.GenerateKey(rand.Reader, rsaBits)
		check(err)
		x.own = x509.MarshalPKCS1PrivateKey(k)
		x.pkcs8, err = x509.MarshalPKCS8PrivateKey(k)
		check(err)
		x.cert, err = x509.CreateCertificate(rand.Reader, tmpl, tmpl, &k.PublicKey, k)
		check(err)
		return x
	}
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	x.own, err = x509.MarshalECPrivateKey(k)
	check(err)
	x.pkcs8, err = x509.MarshalPKCS8PrivateKey(k)
	check(err)
	x.cert, err = x509.CreateCertificate(rand.Reader, tmpl, tmpl, &k.PublicKey, k)
	check(err)
	return x
}

func TestReadProgram(t *testing.T) {
	big, small, lib := makeIdentity(t, 2048, "Lamp"), makeIdentity(t, 0, "Plug"), makeIdentity(t, 0, "wolfSSL")
	pemKey := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: big.own})
	image := code(70_000, 1)
	want := map[int64]string{}
	put := func(what string, data []byte) {
		want[int64(len(image))] = what
		image = append(append(image, data...), code(5001, uint64(len(image)))...)
	}
	put("pkcs1 RSA 2048", append(bytes.Clone(pemKey), 0))
	put("sec1 ECDSA 256", small.own)
	put("pkcs8 ECDSA 256", small.pkcs8)
	put("pkcs8 RSA 2048", big.pkcs8)
	put("certificate O=Plug", small.cert)
	put("certificate O=Lamp", big.cert)
	put("github", []byte("\x00ghp_q7Zt4Vb2Lk9Xw3Rm8Ns1Pd6Fg5Hj0CyTeUaB\x00"))
	image = append(image, code(9<<20, 3)...) // the next window
	put("sec1 ECDSA 256", makeIdentity(t, 0, "x").own)
	image = append(append(image, lib.own...), lib.cert...)
	at := int64(len(image))
	image = append(image, "\x00mqtt://lamp:b7Kq2xWz@broker.lamp.io/\x00"...)

	got, err := ReadProgram(t.Context(), bytes.NewReader(image))
	if err != nil {
		t.Fatal(err)
	}
	have := map[int64]string{}
	for _, s := range got.Secrets {
		words := s.Format
		if s.Bits > 0 {
			words += fmt.Sprintf(" %s %d", s.Algorithm, s.Bits)
		}
		have[s.Place.Offset] = words
	}
	for _, c := range got.Certificates {
		have[c.Place.Offset] = "certificate " + c.Subject
		if c.Key == nil {
			t.Errorf("%s: its key is not found", c.Subject)
		}
	}
	for off, what := range want {
		if what == "github" {
			off++
		}
		if have[off] != what {
			t.Errorf("at 0x%x: got %q, want %q", off, have[off], what)
		}
		delete(have, off)
	}
	if len(have) > 0 {
		t.Errorf("found and not planted: %v", have)
	}
	if n := got.Passed["a test key of a cryptographic library"]; n != 2 {
		t.Errorf("left out: got %d, want the library's key and certificate", n)
	}
	if i := slices.IndexFunc(got.Credentials, func(c Credential) bool {
		return c.User == "lamp" && c.Secret == "b7Kq2xWz" && c.Place.Offset == at+1
	}); i < 0 {
		t.Errorf("credentials: got %+v", got.Credentials)
	}
}

func TestReadProgramFindsNothingInCode(t *testing.T) {
	got, err := ReadProgram(t.Context(), bytes.NewReader(code(4<<20, 77)))
	if err != nil || len(got.Secrets)+len(got.Certificates)+len(got.Credentials) > 0 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestReadProgramThatFails(t *testing.T) {
	got, err := ReadProgram(t.Context(), iotest.ErrReader(errors.New("medium error")))
	if err != nil || len(got.Unread) != 1 {
		t.Errorf("got %+v, %v, want one unread part", got, err)
	}
}

func FuzzReadProgram(f *testing.F) {
	f.Add([]byte("\x30\x82\x01\x00\x02\x01\x00\x02\x01\x05 -----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----"))
	f.Add([]byte("\x30\x77\x02\x01\x01\x04\x20aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xa0\x0a\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"))
	f.Add([]byte("a=1\x00b=2\x00admin_password=1234\x00d=4\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := ReadProgram(t.Context(), bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range got.Secrets {
			if s.Place.Offset < 0 || s.Place.Offset >= int64(len(data)) {
				t.Fatalf("at %d of %d", s.Place.Offset, len(data))
			}
		}
	})
}
