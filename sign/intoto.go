package sign

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/assay-psti/assay"
)

// StatementType and PayloadType are the names of the in-toto Attestation Framework,
// Statement layer, v1.
const (
	StatementType = "https://in-toto.io/Statement/v1"
	PayloadType   = "application/vnd.in-toto+json"
)

// Statement says something about files that it names by digest.
type Statement struct {
	Type          string          `json:"_type"`
	Subject       []Resource      `json:"subject"`
	PredicateType string          `json:"predicateType"`
	Predicate     json.RawMessage `json:"predicate"`
}

// Resource names a file by digest.
type Resource struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"` // by algorithm: "sha256" to hexadecimal digits
}

// NewResource names a file with its digest.
func NewResource(name string, d assay.Digest) Resource {
	return Resource{name, map[string]string{"sha256": strings.TrimPrefix(string(d), "sha256:")}}
}

// SHA256 is the digest; "" when there is none of that kind.
func (r *Resource) SHA256() assay.Digest {
	if hex := r.Digest["sha256"]; len(hex) == 64 {
		return assay.Digest("sha256:" + hex)
	}
	return ""
}

// SealStatement signs a predicate about files.
func SealStatement(subject []Resource, predicateType string, predicate any, k *Key) (*Envelope, error) {
	raw, err := json.Marshal(predicate)
	if err != nil {
		return nil, err
	}
	payload, err := json.Marshal(Statement{StatementType, subject, predicateType, raw})
	if err != nil {
		return nil, err
	}
	return Seal(PayloadType, payload, k)
}

// Statement reads the payload as an in-toto Statement. It does not check the
// signature.
func (e *Envelope) Statement() (*Statement, error) {
	if e.PayloadType != PayloadType {
		return nil, fmt.Errorf("payload of type %.60q: %w: want %s", e.PayloadType, assay.ErrUnsupported, PayloadType)
	}
	var s Statement
	dec := json.NewDecoder(bytes.NewReader(e.Payload))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return nil, fmt.Errorf("payload: %w: %w", assay.ErrInvalid, err)
	}
	if s.Type != StatementType {
		return nil, fmt.Errorf("statement of type %.60q: %w: want %s", s.Type, assay.ErrUnsupported, StatementType)
	}
	return &s, nil
}
