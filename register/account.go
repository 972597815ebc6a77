package register

import (
	"time"

	"github.com/assay-psti/assay"
)

// Account is a person who signs in, by passkey or by their company's sign-in.
// There are no passwords.
type Account struct {
	ID       AccountID `json:"id"`
	Name     string    `json:"name"`
	Email    string    `json:"email"`    // lower case; unique
	Operator bool      `json:"operator"` // runs the register
	Handle   []byte    `json:"-"`        // 32 random bytes by which passkeys know the account
	Created  time.Time `json:"created"`
	Locked   time.Time `json:"locked,omitzero"` // an operator closed it; it cannot sign in
}

// Member is an account in an organisation.
type Member struct {
	Org     OrgID     `json:"org"`
	OrgName string    `json:"org_name"`
	OrgKind OrgKind   `json:"org_kind"`
	Account AccountID `json:"account"`
	Name    string    `json:"name"`
	Email   string    `json:"email"`
	Role    Role      `json:"role"`
	Since   time.Time `json:"since"`
}

// Credential is a passkey. Data is what the library that checks it wants back; the
// register does not look inside.
type Credential struct {
	ID       []byte    `json:"id"` // the credential's own; at most 1023 bytes
	Account  AccountID `json:"account"`
	Name     string    `json:"name"` // "Ada's phone"
	Data     []byte    `json:"-"`
	Created  time.Time `json:"created"`
	LastUsed time.Time `json:"last_used,omitzero"`
}

// Identity is a sign-in at somebody else's OpenID Connect provider.
type Identity struct {
	Issuer  string    `json:"issuer"`
	Subject string    `json:"subject"`
	Account AccountID `json:"account"`
	Email   string    `json:"email"`
	Created time.Time `json:"created"`
}

// Token lets a program act for an organisation. Its secret is shown once; kept is
// the SHA-256 of it.
type Token struct {
	ID       TokenID      `json:"id"`
	Org      OrgID        `json:"org"`
	Account  AccountID    `json:"account"` // who made it; it can never do more than they can
	Name     string       `json:"name"`
	Scopes   []TokenScope `json:"scopes"`
	Hash     []byte       `json:"-"`
	Created  time.Time    `json:"created"`
	Expires  time.Time    `json:"expires"`
	LastUsed time.Time    `json:"last_used,omitzero"`
	Revoked  time.Time    `json:"revoked,omitzero"`
}

// LinkKind is what a one-time link is for.
type LinkKind string

// The kinds of link.
const (
	LinkSetup   LinkKind = "setup"   // makes the first operator
	LinkInvite  LinkKind = "invite"  // makes a member
	LinkRecover LinkKind = "recover" // adds a passkey to an account that lost its own
)

// Link is a one-time link. Its secret is in the address that was sent; kept is the
// SHA-256 of it.
type Link struct {
	Hash    []byte    `json:"-"`
	Kind    LinkKind  `json:"kind"`
	Org     OrgID     `json:"org,omitempty"`
	OrgName string    `json:"org_name,omitempty"`
	Role    Role      `json:"role,omitempty"`
	Email   string    `json:"email,omitempty"`
	Account AccountID `json:"account,omitempty"` // whose recovery it is, or who invites
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
	Used    time.Time `json:"used,omitzero"`
}

// TargetKind is what a subscription follows.
type TargetKind string

// The kinds of target.
const (
	FollowProduct  TargetKind = "product"      // by its id
	FollowMaker    TargetKind = "manufacturer" // by the organisation's slug
	FollowCategory TargetKind = "category"     // by its words
)

// Target is what a subscription or a feed follows. The zero value is everything.
type Target struct {
	Kind TargetKind `json:"kind"`
	Key  string     `json:"key"`
}

// Subscription sends mail when something changes. It counts once the address was
// confirmed by a link sent to it, and ends by one click.
type Subscription struct {
	ID        int64     `json:"id"`
	Email     string    `json:"email"`
	Target    Target    `json:"target"`
	Created   time.Time `json:"created"`
	Confirmed time.Time `json:"confirmed,omitzero"`
}

// Mail is a letter that waits to be sent. Text is plain; addresses in it stand alone
// on their lines.
type Mail struct {
	To      string `json:"to"`
	Subject string `json:"subject"`
	Text    string `json:"text"`
	StopURL string `json:"stop_url,omitempty"` // one click ends the subscription (RFC 8058)
}

// Event is one row of the audit trail: who did what, when, from where. Rows are
// only ever added.
type Event struct {
	ID      int64          `json:"id"`
	At      time.Time      `json:"at"`
	Account AccountID      `json:"account,omitempty"`
	Token   TokenID        `json:"token,omitempty"`
	Org     OrgID          `json:"org,omitempty"`
	Action  string         `json:"action"`  // "entry.published", "member.role"
	Subject string         `json:"subject"` // the id of what it was done to
	From    string         `json:"from,omitempty"`
	Detail  map[string]any `json:"detail,omitempty"` // never a secret
}

// Tally is a count of public entries by one thing.
type Tally struct {
	Key   string `json:"key"`
	Count int    `json:"count"`
}

// AssessmentClaim is what a laboratory's signed assessment says.
type AssessmentClaim struct {
	Product    string          `json:"product"` // the ID of the entry
	Version    int             `json:"version"` // that was looked at
	Laboratory string          `json:"laboratory"`
	Units      string          `json:"units,omitempty"` // which units were tested
	AsAt       assay.Date      `json:"as_at"`
	Regimes    []RegimeVerdict `json:"regimes"`
	Note       string          `json:"note,omitempty"`
	Report     assay.Digest    `json:"report,omitempty"` // of the full report, kept by the laboratory
}

// RegimeVerdict is a verdict under one body of law.
type RegimeVerdict struct {
	Regime  assay.RegimeID `json:"regime"`
	Version string         `json:"version"`
	Verdict assay.Verdict  `json:"verdict"`
	RestsOn string         `json:"rests_on,omitempty"`
}
