package sign

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/assay-psti/assay"
)

// Envelope is a payload with its signature, as DSSE 1.0 writes it, and fields that
// other readers of DSSE pass over: the public key and the time-stamp. It has one
// signature and one way to be written, so that a change of any byte shows.
type Envelope struct {
	PayloadType string      `json:"payloadType"`
	Payload     []byte      `json:"payload"`
	Signatures  []Signature `json:"signatures"`
	Timestamp   *Token      `json:"timestamp,omitempty"`
}

// Signature is a signature over the payload and its type.
type Signature struct {
	KeyID assay.Digest `json:"keyid"`
	Sig   []byte       `json:"sig"`
	// PublicKey is the SubjectPublicKeyInfo of the key. It lets anybody see that
	// nothing was changed; whose key it is, it cannot say.
	PublicKey []byte `json:"public_key"`
}

// Token is an RFC 3161 time-stamp token over the signature. A token has parts that
// its authority does not sign, so the key signs it once more as a whole.
type Token struct {
	Token []byte `json:"token"` // DER
	Sig   []byte `json:"sig"`   // by the envelope's key
}

const (
	tokenType        = "application/timestamp-token"
	maxEnvelopeBytes = 8 << 20
)

// Seal signs a payload.
func Seal(payloadType string, payload []byte, k *Key) (*Envelope, error) {
	sig, err := k.sign(preAuthentication(payloadType, payload))
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return &Envelope{PayloadType: payloadType, Payload: payload, Signatures: []Signature{{k.public.ID(), sig, k.public.der}}}, nil
}

// preAuthentication is what is signed: the type and the payload, each with its
// length before it, so that neither can run into the other (DSSE 1.0, PAE).
func preAuthentication(payloadType string, payload []byte) []byte {
	b := []byte("DSSEv1 ")
	b = strconv.AppendInt(b, int64(len(payloadType)), 10)
	b = append(append(append(b, ' '), payloadType...), ' ')
	b = strconv.AppendInt(b, int64(len(payload)), 10)
	return append(append(b, ' '), payload...)
}

// Stamp adds a time-stamp token over the signature, from the key that signed.
func (e *Envelope) Stamp(token []byte, k *Key) error {
	if len(e.Signatures) != 1 || e.Signatures[0].KeyID != k.public.ID() {
		return fmt.Errorf("time-stamp: %w: the key is not the one that signed", assay.ErrInvalid)
	}
	sig, err := k.sign(preAuthentication(tokenType, token))
	if err != nil {
		return fmt.Errorf("sign time-stamp: %w", err)
	}
	e.Timestamp = &Token{token, sig}
	return nil
}

// Verify checks the signature, and the key's signature over the time-stamp where
// there is one. With keys given, one of them must have signed; without, the key is
// the envelope's own, which shows that nothing was changed but not who signed. What
// the time-stamp says is for VerifyTimestamp.
func (e *Envelope) Verify(trusted ...PublicKey) (PublicKey, error) {
	bad := func(what string) (PublicKey, error) {
		return PublicKey{}, fmt.Errorf("signature: %w: %s", assay.ErrRefused, what)
	}
	if len(e.Signatures) != 1 {
		return bad("there must be exactly one")
	}
	s := e.Signatures[0]
	p, err := parsePublicDER(s.PublicKey)
	if err != nil {
		return bad("its public key cannot be read: " + err.Error())
	}
	if p.ID() != s.KeyID {
		return bad("its public key is not the one that it names")
	}
	known := len(trusted) == 0
	for _, t := range trusted {
		known = known || t.ID() == p.ID()
	}
	if !known {
		return bad("it is by the key " + string(p.ID()) + ", not by the key given")
	}
	if !p.verify(preAuthentication(e.PayloadType, e.Payload), s.Sig) {
		return bad("it does not fit what is signed")
	}
	if e.Timestamp != nil && !p.verify(preAuthentication(tokenType, e.Timestamp.Token), e.Timestamp.Sig) {
		return bad("the time-stamp was changed after signing")
	}
	return p, nil
}

// Encode writes the envelope in its one form.
func (e *Envelope) Encode() ([]byte, error) {
	data, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return nil, err
	}
	if len(data) >= maxEnvelopeBytes {
		return nil, fmt.Errorf("envelope of %d bytes: %w: more than can be read again", len(data), assay.ErrInvalid)
	}
	return append(data, '\n'), nil
}

// ParseEnvelope reads what Encode wrote. A file that says the same in another way
// was changed, and is an error of kind assay.ErrRefused.
func ParseEnvelope(data []byte) (*Envelope, error) {
	if len(data) > maxEnvelopeBytes {
		return nil, fmt.Errorf("envelope of more than %d bytes: %w", maxEnvelopeBytes, assay.ErrInvalid)
	}
	var e Envelope
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&e); err != nil {
		return nil, fmt.Errorf("envelope: %w: %w", assay.ErrInvalid, err)
	}
	if e.PayloadType == "" || len(e.Signatures) == 0 {
		return nil, fmt.Errorf("envelope: %w: it holds no signed payload", assay.ErrInvalid)
	}
	again, err := e.Encode()
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(again, data) {
		return nil, fmt.Errorf("envelope: %w: it is not as it was written when it was signed", assay.ErrRefused)
	}
	return &e, nil
}
