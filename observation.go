package assay

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Subject is what an observation speaks of: the product, or a part of it written
// kind/name, such as "password/admin-web" or "interface/telnet".
type Subject string

// Product is the product as a whole.
const Product Subject = "product"

var subjectForm = regexp.MustCompile(`^[a-z]+/[A-Za-z0-9][A-Za-z0-9._:@+-]{0,127}$`)

// Part makes the subject for one part of a product.
func Part(kind, name string) (Subject, error) {
	s := Subject(kind + "/" + name)
	if !subjectForm.MatchString(string(s)) {
		return "", fmt.Errorf("part %q: %w: want kind/name of letters, digits and . _ : @ + -", s, ErrInvalid)
	}
	return s, nil
}

// ParseSubject reads "product" or kind/name.
func ParseSubject(s string) (Subject, error) {
	if s == string(Product) {
		return Product, nil
	}
	kind, name, _ := strings.Cut(s, "/")
	return Part(kind, name)
}

// Kind is "product", or the kind of part: "password", "interface", "component".
func (s Subject) Kind() string {
	kind, _, _ := strings.Cut(string(s), "/")
	return kind
}

// Name is the part's own name; "" for the product.
func (s Subject) Name() string {
	_, name, _ := strings.Cut(string(s), "/")
	return name
}

// Source tells what was seen from what was said. The two are kept apart always.
type Source string

// The two sources.
const (
	Observed Source = "observed" // a check or a tester looked
	Declared Source = "declared" // the manufacturer or another person said so
)

// ObservationID names an observation by what it says: the same observation made
// again has the same ID.
type ObservationID string

// Reference points at the place in a piece of evidence where a person can look.
type Reference struct {
	Digest Digest `json:"digest,omitempty"` // of the evidence as received
	Name   string `json:"name,omitempty"`   // the file's name in the dossier
	Place  string `json:"place,omitempty"`  // "etc/shadow line 1, offset 0", "rows 1-5000", "page 2"
}

// Observation says one thing about one subject. Observations are appended, never
// edited: what was said in error is withdrawn by another.
type Observation struct {
	ID       ObservationID `json:"id"`
	Subject  Subject       `json:"subject,omitempty"`
	Term     TermID        `json:"term,omitempty"`
	Value    Value         `json:"value"`
	Source   Source        `json:"source,omitempty"`
	By       string        `json:"by"` // the check's name, or the person who declared it
	At       time.Time     `json:"at"` // when it was made, UTC
	Evidence []Reference   `json:"evidence,omitempty"`
	Note     string        `json:"note,omitempty"` // why, in one or two sentences

	// Withdraws names an earlier observation that no longer stands. Such an
	// observation has no subject, term or value of its own.
	Withdraws ObservationID `json:"withdraws,omitempty"`
}

// Identify sets the ID from what the observation says. When it was made is not
// part of what it says, save for a withdrawal.
func (o *Observation) Identify() {
	c := *o
	c.ID = ""
	if c.Withdraws == "" {
		c.At = time.Time{}
	}
	data, err := json.Marshal(c)
	if err != nil {
		panic(err) // every field has a total encoding
	}
	sum := sha256.Sum256(data)
	o.ID = ObservationID("o-" + hex.EncodeToString(sum[:8]))
}
