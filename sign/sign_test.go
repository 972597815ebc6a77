package sign_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/digitorus/timestamp"
	"github.com/google/go-cmp/cmp"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"pgregory.net/rapid"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/sign"
)

var algorithms = []sign.Algorithm{sign.Ed25519, sign.ECDSAP256}

func newKey(t testing.TB, a sign.Algorithm) *sign.Key {
	t.Helper()
	k, err := sign.Generate(a)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestKeyFilesRoundTrip(t *testing.T) {
	for _, a := range algorithms {
		t.Run(string(a), func(t *testing.T) {
			k := newKey(t, a)
			name := filepath.Join(t.TempDir(), "key.pem")
			if err := sign.WriteKeyFiles(name, k); err != nil {
				t.Fatal(err)
			}
			if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
				t.Fatalf("private key: %v %v", info.Mode(), err)
			}
			again, err := sign.ReadKeyFile(name)
			if err != nil {
				t.Fatal(err)
			}
			public, err := sign.ReadPublicKeyFile(name + ".pub")
			if err != nil {
				t.Fatal(err)
			}
			if again.Public().ID() != k.Public().ID() || public.ID() != k.Public().ID() || public.Algorithm() != a {
				t.Errorf("got %s and %s, want %s", again.Public().ID(), public.ID(), k.Public().ID())
			}
			if err := sign.WriteKeyFiles(name, newKey(t, a)); !errors.Is(err, assay.ErrConflict) {
				t.Errorf("a key was replaced: %v", err)
			}
		})
	}
}

func TestKeyOpenToOthersIsRefused(t *testing.T) {
	name := filepath.Join(t.TempDir(), "key.pem")
	if err := sign.WriteKeyFiles(name, newKey(t, sign.Ed25519)); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []os.FileMode{0o644, 0o640, 0o604, 0o602} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
		_, err := sign.ReadKeyFile(name)
		if !errors.Is(err, assay.ErrRefused) || strings.Contains(err.Error(), "\n") {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
}

func TestKeysThatDoNotFit(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good, err := newKey(t, sign.Ed25519).PEM()
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, key any) []byte {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	}
	for name, row := range map[string]struct {
		data []byte
		want error
	}{
		"empty":      {nil, assay.ErrInvalid},
		"no-pem":     {[]byte("hello"), assay.ErrInvalid},
		"rsa":        {block("PRIVATE KEY", rsaKey), assay.ErrUnsupported},
		"p384":       {block("PRIVATE KEY", p384), assay.ErrUnsupported},
		"old-form":   {block("EC PRIVATE KEY", p384), assay.ErrUnsupported},
		"encrypted":  {block("ENCRYPTED PRIVATE KEY", p384), assay.ErrUnsupported},
		"public":     {newKey(t, sign.Ed25519).Public().PEM(), assay.ErrInvalid},
		"two-blocks": {append(append([]byte{}, good...), good...), assay.ErrInvalid},
		"too-large":  {append(good, strings.Repeat("\n", 20<<10)...), assay.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := sign.ParseKey(row.data); !errors.Is(err, row.want) {
				t.Errorf("got %v, want %v", err, row.want)
			}
		})
	}
}

func TestSealedPayloadVerifies(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		a := rapid.SampledFrom(algorithms).Draw(r, "algorithm")
		payload := rapid.SliceOf(rapid.Byte()).Draw(r, "payload")
		kind := "application/" + rapid.StringMatching("[a-z.+]{1,20}").Draw(r, "type")
		k, err := sign.Generate(a)
		if err != nil {
			r.Fatal(err)
		}
		e, err := sign.Seal(kind, payload, k)
		if err != nil {
			r.Fatal(err)
		}
		data, err := e.Encode()
		if err != nil {
			r.Fatal(err)
		}
		again, err := sign.ParseEnvelope(data)
		if err != nil {
			r.Fatal(err)
		}
		if p, err := again.Verify(k.Public()); err != nil || p.ID() != k.Public().ID() {
			r.Fatalf("verify: %v", err)
		}
		again.PayloadType += "x"
		if _, err := again.Verify(); err == nil {
			r.Fatal("another type verifies")
		}
	})
}

func TestOtherKeyIsRefused(t *testing.T) {
	e, err := sign.Seal("text/plain", []byte("hello"), newKey(t, sign.Ed25519))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Verify(newKey(t, sign.Ed25519).Public()); !errors.Is(err, assay.ErrRefused) {
		t.Errorf("got %v", err)
	}
}

// stamped is an envelope with a time-stamp, as it stands in a file.
func stamped(t testing.TB, a sign.Algorithm, token func(message []byte) []byte) []byte {
	t.Helper()
	k := newKey(t, a)
	e, err := sign.SealStatement([]sign.Resource{sign.NewResource("a.html", "sha256:"+assay.Digest(strings.Repeat("0", 64)))}, "https://example.org/x", map[string]string{"a": "b"}, k)
	if err != nil {
		t.Fatal(err)
	}
	if token != nil {
		if err := e.Stamp(token(e.SignatureToStamp()), k); err != nil {
			t.Fatal(err)
		}
	}
	data, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestEveryByteCounts(t *testing.T) {
	tsa := newAuthority(t, x509.ExtKeyUsageTimeStamping)
	for _, a := range algorithms {
		data := stamped(t, a, func(message []byte) []byte {
			token, err := sign.RequestTimestamp(t.Context(), tsa.URL, message)
			if err != nil {
				t.Fatal(err)
			}
			return token
		})
		e, err := sign.ParseEnvelope(data)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Verify(); err != nil {
			t.Fatal(err)
		}
		stamp, err := sign.VerifyTimestamp(e.Timestamp.Token, e.SignatureToStamp(), tsa.roots())
		if err != nil || !stamp.Time.Equal(stampTime) || !stamp.Trusted {
			t.Fatalf("time-stamp: %v %v", stamp, err)
		}
		for i := range data {
			changed := append([]byte{}, data...)
			changed[i] ^= []byte{1, 0x20}[i%2]
			e, err := sign.ParseEnvelope(changed)
			if err != nil {
				continue
			}
			if _, err := e.Verify(); err == nil {
				t.Fatalf("%s: byte %d (%q for %q) was changed and the envelope still verifies", a, i, changed[i], data[i])
			}
		}
		for _, changed := range [][]byte{append([]byte(" "), data...), append(append([]byte{}, data...), '\n'), data[:len(data)-1]} {
			if _, err := sign.ParseEnvelope(changed); err == nil {
				t.Error("white space was added or taken away and the envelope is still read")
			}
		}
	}
}

// dsseVerifier is how the reference library is given a key.
type dsseVerifier struct {
	key *ecdsa.PublicKey
	id  assay.Digest
}

func (v dsseVerifier) Verify(_ context.Context, data, sig []byte) error {
	sum := sha256.Sum256(data)
	if !ecdsa.VerifyASN1(v.key, sum[:], sig) {
		return errors.New("does not verify")
	}
	return nil
}
func (v dsseVerifier) KeyID() (string, error)   { return string(v.id), nil }
func (v dsseVerifier) Public() crypto.PublicKey { return v.key }

func TestReferenceLibraryReadsOurEnvelope(t *testing.T) {
	k := newKey(t, sign.ECDSAP256)
	e, err := sign.SealStatement(nil, "https://example.org/x", 1, k)
	if err != nil {
		t.Fatal(err)
	}
	data, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var theirs dsse.Envelope
	if err := json.Unmarshal(data, &theirs); err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(k.Public().PEM())
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	v, err := dsse.NewEnvelopeVerifier(dsseVerifier{key.(*ecdsa.PublicKey), k.Public().ID()})
	if err != nil {
		t.Fatal(err)
	}
	if accepted, err := v.Verify(t.Context(), &theirs); err != nil || len(accepted) != 1 {
		t.Errorf("got %v %v", accepted, err)
	}
}

func TestTimestampRefusals(t *testing.T) {
	message := []byte("signature")
	for name, row := range map[string]struct {
		usage x509.ExtKeyUsage
		bend  func(*authority)
		want  string
	}{
		"wrong-purpose": {x509.ExtKeyUsageServerAuth, func(*authority) {}, "not for time-stamping"},
		"other-message": {x509.ExtKeyUsageTimeStamping, func(a *authority) {
			a.mend = func(s *timestamp.Timestamp) { sum := sha256.Sum256([]byte("x")); s.HashedMessage = sum[:] }
		}, "of something else"},
		"other-nonce": {x509.ExtKeyUsageTimeStamping, func(a *authority) {
			a.mend = func(s *timestamp.Timestamp) { s.Nonce = big.NewInt(1) }
		}, "not an answer to this request"},
		"no-certificate": {x509.ExtKeyUsageTimeStamping, func(a *authority) {
			a.mend = func(s *timestamp.Timestamp) { s.AddTSACertificate = false }
		}, "certificate of its one signer"},
		"expired": {x509.ExtKeyUsageTimeStamping, func(a *authority) {
			a.mend = func(s *timestamp.Timestamp) { s.Time = stampTime.AddDate(9, 0, 0) }
		}, "was not valid at"},
		"status":  {x509.ExtKeyUsageTimeStamping, func(a *authority) { a.status = 503 }, "answers 503"},
		"huge":    {x509.ExtKeyUsageTimeStamping, func(a *authority) { a.body = make([]byte, 1<<20) }, "answers more than"},
		"garbage": {x509.ExtKeyUsageTimeStamping, func(a *authority) { a.body = []byte("hello") }, "gives no token"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAuthority(t, row.usage)
			row.bend(a)
			_, err := sign.RequestTimestamp(t.Context(), a.URL, message)
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want %q", err, row.want)
			}
		})
	}
}

func TestTimestampOfUnknownAuthorityIsNotTrusted(t *testing.T) {
	a, b := newAuthority(t, x509.ExtKeyUsageTimeStamping), newAuthority(t, x509.ExtKeyUsageTimeStamping)
	token, err := sign.RequestTimestamp(t.Context(), a.URL, []byte("signature"))
	if err != nil {
		t.Fatal(err)
	}
	if s, err := sign.VerifyTimestamp(token, []byte("signature"), nil); err != nil || s.Trusted {
		t.Errorf("without roots: %v %v", s, err)
	}
	if _, err := sign.VerifyTimestamp(token, []byte("signature"), b.roots()); !errors.Is(err, assay.ErrRefused) {
		t.Errorf("with another's root: %v", err)
	}
	if _, err := sign.VerifyTimestamp(token, []byte("signaturf"), nil); !errors.Is(err, assay.ErrRefused) {
		t.Errorf("of another message: %v", err)
	}
}

func TestStatementRoundTrip(t *testing.T) {
	want := []sign.Resource{sign.NewResource("a.html", "sha256:"+assay.Digest(strings.Repeat("ab", 32)))}
	e, err := sign.SealStatement(want, "https://example.org/x", map[string]int{"n": 1}, newKey(t, sign.Ed25519))
	if err != nil {
		t.Fatal(err)
	}
	s, err := e.Statement()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s.Subject, want); diff != "" {
		t.Error(diff)
	}
	if got := string(s.Predicate); got != `{"n":1}` {
		t.Errorf("got %s", got)
	}
	e.PayloadType = "text/plain"
	if _, err := e.Statement(); !errors.Is(err, assay.ErrUnsupported) {
		t.Errorf("another type: %v", err)
	}
}
