package register

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/assay-psti/assay"
)

// Bundle is what is sent to publish a version: the signed statement, and what the
// register needs beside it. `assay publish DIR` makes it from a dossier.
type Bundle struct {
	Format int `json:"assay_bundle"` // 1
	// Product is the entry of which this is a new version; none: the organisation's
	// entry with the same make and name, or else a new one.
	Product   ProductID `json:"product,omitempty"`
	Facts     Facts     `json:"facts"`
	Statement []byte    `json:"statement"`      // the signed statement's bytes as they are, in base64
	Note      string    `json:"note,omitempty"` // for all to read
}

// BundleFormat is the newest form of a bundle.
const BundleFormat = 1

// ParseBundle reads a bundle. It bounds it and refuses what it does not know;
// whether it may be published is decided by Publish.
func ParseBundle(r io.Reader) (*Bundle, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxBundleBytes+1))
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	if len(data) > MaxBundleBytes {
		return nil, fmt.Errorf("bundle: %w: more than %d bytes", assay.ErrInvalid, MaxBundleBytes)
	}
	var form struct {
		Format *int `json:"assay_bundle"`
	}
	// The format first: a form of which this program knows nothing may hold anything.
	if json.Unmarshal(data, &form) == nil && form.Format != nil && *form.Format != BundleFormat {
		return nil, fmt.Errorf("bundle of format %d: %w: want %d", *form.Format, assay.ErrUnsupported, BundleFormat)
	}
	var b Bundle
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&b); err != nil {
		return nil, fmt.Errorf("bundle: %w: %w", assay.ErrInvalid, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("bundle: %w: something follows it", assay.ErrInvalid)
	}
	if b.Format != BundleFormat { // it says none
		return nil, fmt.Errorf("bundle: %w: it does not say \"assay_bundle\": %d", assay.ErrInvalid, BundleFormat)
	}
	return &b, nil
}

// Draft is a version that is not published yet. It may be unfinished.
type Draft struct {
	Product   ProductID `json:"product"`
	Org       OrgID     `json:"org"`
	Slug      string    `json:"slug,omitempty"` // of a product that has a public version
	Facts     Facts     `json:"facts"`
	Statement []byte    `json:"statement,omitempty"`
	Note      string    `json:"note,omitempty"`
	Updated   time.Time `json:"updated"`
	By        AccountID `json:"by"`
	// Revision counts savings; saving wants the one that was read, so that two people
	// do not write over each other.
	Revision int `json:"revision"`
}

// Fault is one thing that stands in the way of publishing.
type Fault struct {
	Field string     `json:"field"` // "facts.contact.email", "statement"
	What  string     `json:"what"`
	Do    string     `json:"do,omitempty"`
	Cite  assay.Cite `json:"cite,omitempty"`
	kind  error
}

// Faults are all that stands in the way of publishing, as one error.
type Faults []Fault

// Error says the first, and how many there are.
func (f Faults) Error() string {
	if len(f) == 0 {
		return "nothing stands in the way"
	}
	var b strings.Builder
	b.WriteString(f[0].Field + ": " + f[0].What)
	if f[0].Cite != "" {
		b.WriteString(" (" + string(f[0].Cite) + ")")
	}
	if f[0].Do != "" {
		b.WriteString("; " + f[0].Do)
	}
	if len(f) > 1 {
		fmt.Fprintf(&b, "; and %d more", len(f)-1)
	}
	return b.String()
}

// Unwrap gives the kind: refused where a rule stands in the way, else invalid.
func (f Faults) Unwrap() error {
	for _, x := range f {
		if x.kind != nil {
			return x.kind
		}
	}
	return assay.ErrInvalid
}

func (f *Faults) add(field, what, do string) {
	*f = append(*f, Fault{Field: field, What: what, Do: do})
}

func (f *Faults) refuse(field, what, do string, cite assay.Cite) {
	*f = append(*f, Fault{field, what, do, cite, assay.ErrRefused})
}

func (f Faults) err() error {
	if len(f) == 0 {
		return nil
	}
	return f
}
