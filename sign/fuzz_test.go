package sign_test

import (
	"bytes"
	"testing"

	"github.com/assay-psti/assay/sign"
)

func FuzzParseEnvelope(f *testing.F) {
	for _, a := range algorithms {
		f.Add(stamped(f, a, nil))
		f.Add(stamped(f, a, func([]byte) []byte { return []byte{0x30, 0x80, 0, 0} }))
	}
	f.Add([]byte(`{"payloadType":"x","payload":"","signatures":[{}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := sign.ParseEnvelope(data)
		if err != nil {
			return
		}
		again, err := e.Encode()
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("what is read is not what is written: %v", err)
		}
		e.Verify()
		e.Statement()
		if e.Timestamp != nil {
			if _, err := sign.VerifyTimestamp(e.Timestamp.Token, e.SignatureToStamp(), nil); err == nil {
				t.Log("a token that holds")
			}
		}
	})
}

func FuzzParseKey(f *testing.F) {
	for _, a := range algorithms {
		k := newKey(f, a)
		private, err := k.PEM()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(private)
		f.Add(k.Public().PEM())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if k, err := sign.ParseKey(data); err == nil {
			e, err := sign.Seal("text/plain", data, k)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := e.Verify(k.Public()); err != nil {
				t.Fatal(err)
			}
		}
		if p, err := sign.ParsePublicKey(data); err == nil {
			if again, err := sign.ParsePublicKey(p.PEM()); err != nil || again.ID() != p.ID() {
				t.Fatalf("a public key does not survive writing: %v", err)
			}
		}
	})
}

func FuzzVerifyTimestamp(f *testing.F) {
	f.Add([]byte{0x30, 0x80, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02, 0xa0, 0x80}, []byte("m"))
	f.Add(token(f), []byte("signature"))
	f.Fuzz(func(t *testing.T, data, message []byte) {
		if s, err := sign.VerifyTimestamp(data, message, nil); err == nil && !bytes.Equal(message, []byte("signature")) {
			t.Fatalf("a time-stamp of something else holds: %v", s)
		}
	})
}
