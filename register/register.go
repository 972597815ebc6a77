// Package register is the public register of products: who says that a product
// meets the law, until when it is supported, how to report a problem with it, and
// every change of that since.
//
// A manufacturer publishes a version of an entry: a signed statement of compliance
// and what a buyer needs to know. The register checks what can be checked, keeps
// the signed bytes as they came, and puts a leaf for each version into a log that
// only grows. An entry is public once its leaf is in the log, and not before: so
// there is no page that the log does not know of. Nothing published is ever
// dropped; it is marked.
//
// Who may see what is decided in one place, Visible; every read goes through it.
// Who may do what is one table, in viewer.go. The package holds the rules and no
// SQL: the storage it needs is the interface Store, which package store provides.
// It knows nothing of its own pages, of cookies or of mail servers. The pages of makers
// that entries name it looks at again, by packages fetch and page, and says what was
// seen; that changes no entry.
package register

import (
	"time"

	"github.com/assay-psti/assay"
)

// Identifiers. Each is made by the register, except the days and digests that
// others give. They are safe in addresses.
type (
	// OrgID names an organisation for good: "o" and 13 letters and digits.
	OrgID string
	// AccountID names a person's account for good: "a" and 13 letters and digits.
	AccountID string
	// ProductID names a product for good, in addresses, labels and the log: "p" and
	// 13 letters and digits.
	ProductID string
	// TokenID names an API token, without its secret: "t" and 13 letters and digits.
	TokenID string
)

// OrgKind is what an organisation is in the field.
type OrgKind string

// The kinds of organisation.
const (
	Manufacturer   OrgKind = "manufacturer"
	Importer       OrgKind = "importer"
	Representative OrgKind = "authorised representative"
	Laboratory     OrgKind = "laboratory"
)

// Organisation is who publishes entries or assessments. Name, slug, kind and site
// are public once it has published something.
type Organisation struct {
	ID      OrgID     `json:"id"`
	Slug    string    `json:"slug"` // in addresses; never changes
	Name    string    `json:"name"`
	Kind    OrgKind   `json:"kind"`
	Address string    `json:"address,omitempty"` // postal; as the organisation gives it
	Site    string    `json:"site,omitempty"`    // https address; not checked
	Created time.Time `json:"created"`
	// Products is how many public entries it has.
	Products int `json:"products"`
}

// Key is a public key with which an organisation signs statements or assessments.
// A statement counts only when a key of its organisation signed it.
type Key struct {
	ID      assay.Digest `json:"id"`  // SHA-256 of its SubjectPublicKeyInfo
	PEM     string       `json:"pem"` // public key
	Name    string       `json:"name,omitempty"`
	Added   time.Time    `json:"added"`
	AddedBy AccountID    `json:"-"`
	// Revoked is when the organisation said that the key is to be trusted no more;
	// zero where it did not. What was published before stays, and says so.
	Revoked time.Time `json:"revoked,omitzero"`
}

// Bounds of what the register takes. They are generous for people and finite for
// everybody else.
const (
	MaxBundleBytes    = 12 << 20  // a bundle as sent
	MaxStatementBytes = 4 << 20   // a signed statement
	MaxText           = 2000      // a note, a reason, a description, in bytes
	MaxLine           = 200       // a name, a make, a model, in bytes
	MaxURL            = 1000      // an address, in bytes
	MaxModels         = 500       // of one product
	MaxGTINs          = 500       // of one product
	MaxComponents     = 200       // with a support period of their own
	MaxLookup         = 10_000    // GTINs asked for at once
	MaxPage           = 100       // rows of one page of results
	MaxImportRows     = 100_000   // of one file
	MaxImportBytes    = 256 << 20 // of one file
	MaxQueryBytes     = 200       // of what is searched for
	MaxTerms          = 8         // words of it that count; the rest is left out
)
