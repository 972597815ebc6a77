package register

import (
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/statement"
)

// Status is where a product stands in the register.
type Status string

// The statuses. A draft is seen by its organisation alone.
const (
	Unpublished Status = "draft"     // nothing of it is public
	Published   Status = "published" // it has a version in the log
	Withdrawn   Status = "withdrawn" // by its organisation, with a reason; all versions stay public
)

// Entry is a product as lists show it: what is public of it now, in few words.
type Entry struct {
	ID         ProductID  `json:"id"`
	Slug       string     `json:"slug"` // in addresses: "acme-k2-kettle-4f7k"; never changes
	Org        OrgID      `json:"org"`
	OrgSlug    string     `json:"org_slug"`
	OrgName    string     `json:"org_name"`
	Status     Status     `json:"status"`
	Name       string     `json:"name"`
	Make       string     `json:"make"`
	Models     []string   `json:"models"`
	Category   string     `json:"category"`
	SupportEnd assay.Date `json:"support_end,omitzero"` // earliest of its parts; none: no end is stated
	Version    int        `json:"version"`              // the newest public one; 0 for a draft
	Changed    time.Time  `json:"changed"`              // when that one was published
	Leaf       uint64     `json:"leaf"`                 // index of its newest leaf in the log; of no meaning for a draft
}

// Facts are what a manufacturer says of a product beside the signed statement.
type Facts struct {
	Name        string          `json:"name"`
	Make        string          `json:"make"`
	Models      []string        `json:"models"`
	Category    string          `json:"category"`
	Description string          `json:"description,omitempty"`
	GTINs       []GTIN          `json:"gtins,omitempty"`
	Support     []SupportPeriod `json:"support,omitempty"` // none: the statement's period, for the whole product
	Contact     Contact         `json:"contact"`
	Passwords   Passwords       `json:"passwords"`
	Pages       Pages           `json:"pages,omitzero"`
	Labels      []Label         `json:"labels,omitempty"`
}

// WholeProduct is the component that stands for the product as a whole.
const WholeProduct = "product"

// StatementPeriod stands, among the promised ends, for what the statements promised.
// No component has such an id.
const StatementPeriod = "(statement)"

// SupportPeriod is until when security updates are provided for the product or a
// part of it, as published now (SI 2023/1007 Sch.1 para 3).
type SupportPeriod struct {
	Component string     `json:"component"` // WholeProduct, or the id of a part: "app-ios"
	Title     string     `json:"title,omitempty"`
	From      assay.Date `json:"from,omitzero"`
	End       assay.Date `json:"end,omitzero"` // last day; none only where the statement says of nobody's promise
}

// Contact is how anybody reports a security issue (SI 2023/1007 Sch.1 para 2).
type Contact struct {
	URL       string `json:"url,omitempty"`       // of the page that says how
	Email     string `json:"email,omitempty"`     // to write to
	Phone     string `json:"phone,omitempty"`     // as it is to be dialled
	Policy    string `json:"policy,omitempty"`    // address of the disclosure policy
	Ack       string `json:"ack,omitempty"`       // when receipt is acknowledged, in the maker's words
	Updates   string `json:"updates,omitempty"`   // when the reporter hears of progress, in the maker's words
	Languages string `json:"languages,omitempty"` // "en, cy"
}

// PasswordKind is what a manufacturer declares of a product's passwords (SI
// 2023/1007 Sch.1 para 1).
type PasswordKind string

// The declarations.
const (
	PasswordUnique     PasswordKind = "unique"     // unique per product
	PasswordByUser     PasswordKind = "user_set"   // defined by the user of the product
	PasswordBoth       PasswordKind = "both"       // some the one, some the other
	PasswordNone       PasswordKind = "none"       // there are none
	PasswordByLabel    PasswordKind = "label"      // taken to comply by a label (Sch.2)
	PasswordUndeclared PasswordKind = "undeclared" // nothing is declared beside the statement
)

// Passwords is the declaration, with a note in plain words.
type Passwords struct {
	Kind PasswordKind `json:"kind"`
	Note string       `json:"note,omitempty"`
}

// Pages are the manufacturer's own public pages.
type Pages struct {
	Product   string `json:"product,omitempty"`
	Security  string `json:"security,omitempty"`
	Support   string `json:"support,omitempty"`
	Statement string `json:"statement,omitempty"`
}

// Label is a conformance label on which the manufacturer relies.
type Label struct {
	Scheme  string     `json:"scheme"`
	Level   string     `json:"level,omitempty"`
	Number  string     `json:"number,omitempty"`
	Expires assay.Date `json:"expires,omitzero"` // last day; none where it does not expire
}

// Kind is what happened to an entry; each is a leaf of the log.
type Kind string

// The kinds of version and of other leaves.
const (
	KindPublished Kind = "published" // the first version
	KindRevised   Kind = "revised"   // a further version: another batch, a correction
	KindExtended  Kind = "extended"  // the support period made longer, by the same statement
	KindWithdrawn Kind = "withdrawn"
	KindAssessed  Kind = "assessed" // a laboratory attached an assessment
)

// Version is one public version of an entry. It never changes once it is written,
// but for Leaf, which is filled in when the log has it.
type Version struct {
	Product   ProductID          `json:"product"`
	Number    int                `json:"number"` // from 1
	Kind      Kind               `json:"kind"`
	Facts     Facts              `json:"facts"`
	Digest    assay.Digest       `json:"statement"` // of the signed statement's bytes
	SignedBy  assay.Digest       `json:"signed_by"` // the key
	Content   *statement.Content `json:"content"`   // what the signed statement says
	Claims    []Claim            `json:"claims"`    // who says that which law is met
	Changes   []FieldChange      `json:"changes,omitempty"`
	Note      string             `json:"note,omitempty"` // the publisher's, for all to read; the reason of a withdrawal
	Published time.Time          `json:"published"`
	Org       OrgID              `json:"org"`
	By        AccountID          `json:"-"`
	// Leaf is the index of the version's leaf in the log; nil while it is not there
	// yet, and then only the organisation sees the version.
	Leaf *uint64 `json:"leaf,omitempty"`
	// Record is the SHA-256 of the record, which the leaf holds.
	Record assay.Digest `json:"record"`
}

// Claim is one law or requirement, who says that it is met, and on what that rests.
type Claim struct {
	Regime      assay.RegimeID  `json:"regime"`
	LawVersion  string          `json:"law_version"`
	Requirement string          `json:"requirement"`
	Title       string          `json:"title"`
	Cite        assay.Cite      `json:"cite"`
	Basis       statement.Basis `json:"basis"`
	RestsOn     string          `json:"rests_on,omitempty"`
	By          string          `json:"by"`             // "Ada Example, head of compliance, Acme Ltd"
	ByKind      string          `json:"by_kind"`        // "manufacturer" or "laboratory"
	On          assay.Date      `json:"on"`             // the day of the statement or assessment
	Verdict     assay.Verdict   `json:"verdict"`        // of the claim: PASS, or NOT APPLICABLE
	Open        []string        `json:"open,omitempty"` // points that somebody took responsibility for
}

// FieldChange is what one version changed against the one before.
type FieldChange struct {
	Field string `json:"field"` // "support end", "contact", "models"
	Old   string `json:"old,omitempty"`
	New   string `json:"new,omitempty"`
}

// Change is one leaf of an entry's history, as feeds and pages show it.
type Change struct {
	Leaf    uint64        `json:"leaf"`
	Kind    Kind          `json:"kind"`
	At      time.Time     `json:"at"`
	Entry   Entry         `json:"entry"` // as it is now
	Version int           `json:"version,omitempty"`
	Fields  []FieldChange `json:"fields,omitempty"`
	Note    string        `json:"note,omitempty"`
}

// Withdrawal is why and when an organisation took an entry back.
type Withdrawal struct {
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
	Leaf   *uint64   `json:"leaf,omitempty"`
}

// Assessment is a laboratory's signed verdict on a product.
type Assessment struct {
	ID       int64           `json:"id"`
	Product  ProductID       `json:"product"`
	Org      OrgID           `json:"org"` // the laboratory
	OrgName  string          `json:"org_name"`
	Digest   assay.Digest    `json:"digest"` // of the signed bytes
	SignedBy assay.Digest    `json:"signed_by"`
	Says     AssessmentClaim `json:"says"`
	At       time.Time       `json:"at"`
	Leaf     *uint64         `json:"leaf,omitempty"`
}

// Full is a product whole: what its page shows.
type Full struct {
	Entry       Entry        `json:"entry"`
	Version     Version      `json:"version"` // the newest that the viewer may see
	Org         Organisation `json:"organisation"`
	History     []Change     `json:"history"` // newest first, at most MaxPage; Versions has the rest
	Assessments []Assessment `json:"assessments,omitempty"`
	Withdrawal  *Withdrawal  `json:"withdrawal,omitempty"`
	// Pages are the maker's own pages, as they were last seen, in the order of the
	// entry; nil where the register does not look at pages.
	Pages []SeenPage `json:"pages,omitempty"`
	// Pending is how many versions wait for the log; it is nil for who may not know.
	Pending *int `json:"pending,omitempty"`
}

// PageQuery says which product is wanted, and what beside it.
type PageQuery struct {
	Product string // its id or its slug
	Number  int    // of the version; 0 is the newest that the scope sees
	Signed  bool   // the record, the signed statement and the keys of the organisation as well
	Similar int    // how many similar products
	Watched bool   // what was seen of its pages
}

// Page is a product whole, and what a page shows beside it.
type Page struct {
	Full
	Record    []byte // of the version, as the log names it
	Statement []byte // that was signed, as it came; none where it was not asked for
	Keys      []Key  // of the organisation, all that it ever had
	Similar   []Entry
	Watched   []WatchedPage // every page of it that is looked at
}

// Headline is the day that a buyer needs: the earliest end among the parts. It is
// zero where a part has no stated end.
func (f *Facts) Headline() assay.Date {
	var end assay.Date
	for i, s := range f.Support {
		if s.End.Zero() {
			return assay.Date{}
		}
		if i == 0 || s.End.Before(end) {
			end = s.End
		}
	}
	return end
}
