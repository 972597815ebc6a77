package tlog

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/assay-psti/assay"
)

// LeafVersion is the version of the common form of leaves.
const LeafVersion = 1

// Leaf is the common form of a leaf: one line of JSON, without a line's end, with its
// fields in this order:
//
//	{"v":1,"kind":"published","product":"K2","sha256":"9f86...","at":"2026-11-22T17:50:00Z"}
//
// A writer may add fields after these; a reader that knows only these passes over
// the others. A leaf is public and for ever. It therefore names documents by digest
// and holds no name, address or other word about a person, and nothing that is not
// yet public: for that, the digest is taken over the document and a random salt.
type Leaf struct {
	Version int    `json:"v"`
	Kind    string `json:"kind"`    // what happened: "published", "changed", "withdrawn", ...
	Product string `json:"product"` // the product's id in the register
	SHA256  string `json:"sha256"`  // of the document, 64 lower-case hexadecimal digits
	At      string `json:"at"`      // when, RFC 3339 in UTC, by the writer's clock
}

// Withdrawn is the kind of a leaf that takes back what its digest names.
const Withdrawn = "withdrawn"

// Encode writes the leaf in its one form.
func (l Leaf) Encode() ([]byte, error) {
	if err := l.valid(); err != nil {
		return nil, err
	}
	b, err := encodeJSON(l)
	if err == nil && len(b) > MaxLeafBytes {
		err = fmt.Errorf("leaf of %d bytes: %w: at most %d", len(b), assay.ErrInvalid, MaxLeafBytes)
	}
	return b, err
}

func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// ParseLeaf reads the common form, and passes over fields that it does not know. A
// field that stands there twice, whatever its case, makes it another form: what one
// reader takes from the first and another from the second cannot be evidence.
func ParseLeaf(data []byte) (Leaf, error) {
	var l Leaf
	bad := func(what string) (Leaf, error) {
		return Leaf{}, &assay.Problem{Kind: assay.ErrInvalid, What: "the leaf is not of the common form: " + what}
	}
	if len(data) > MaxLeafBytes {
		return bad("it is too long")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return bad("it is no JSON object")
	}
	known := map[string]any{"v": &l.Version, "kind": &l.Kind, "product": &l.Product, "sha256": &l.SHA256, "at": &l.At}
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		folded := strings.ToLower(strings.ToUpper(name)) // as encoding/json folds
		if err != nil || !ok || seen[folded] {
			return bad("a field is broken, or there twice")
		}
		seen[folded] = true
		if target := known[name]; target != nil {
			err = d.Decode(target)
		} else {
			var skipped json.RawMessage
			err = d.Decode(&skipped)
		}
		if err != nil {
			return bad(fmt.Sprintf("field %.30q", name))
		}
	}
	if _, err := d.Token(); err != nil || d.InputOffset() != int64(len(data)) {
		return bad("it is not one whole JSON object")
	}
	for name := range known {
		if !seen[name] {
			return bad("it lacks " + name)
		}
	}
	return l, l.valid()
}

func (l Leaf) valid() error {
	bad := func(what string) error {
		return &assay.Problem{Kind: assay.ErrInvalid, What: "the leaf is not of the common form: " + what}
	}
	if l.Version != LeafVersion {
		return bad(fmt.Sprintf("version %d, not %d", l.Version, LeafVersion))
	}
	if l.Kind == "" || l.Product == "" {
		return bad("kind and product must say something")
	}
	if b, err := hex.DecodeString(l.SHA256); err != nil || hex.EncodeToString(b) != l.SHA256 || len(b) != 32 {
		return bad("sha256 is no digest of 64 lower-case hexadecimal digits")
	}
	if _, err := time.Parse(time.RFC3339, l.At); err != nil || !strings.HasSuffix(l.At, "Z") {
		return bad("at is no time in UTC")
	}
	return nil
}
