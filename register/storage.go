package register

import (
	"context"
	"encoding/json"
	"time"

	"github.com/assay-psti/assay"
)

// Store keeps the register. Errors are of the root package's kinds where they mean
// something to a caller: not found, conflict.
type Store interface {
	// Read runs f on one state of the store.
	Read(ctx context.Context, f func(Reader) error) error
	// Look runs f, each of whose calls reads one state, not all the same. For one call
	// it costs less than Read.
	Look(ctx context.Context, f func(Reader) error) error
	// Write runs f as one transaction: all of it is kept, for good, or none. f may be
	// run again after a conflict with another process, and must not do anything else.
	Write(ctx context.Context, f func(Writer) error) error
}

// Reader reads one state of the store. A product that the scope does not see is not
// found, by whatever way.
type Reader interface {
	EntryReader
	AccessReader
	LogReader
	WatchReader
	Setting(ctx context.Context, name string) (string, error)
	Events(ctx context.Context, f EventFilter) ([]Event, error)
	Subscriptions(ctx context.Context, targets []Target, after int64, n int) ([]Subscription, error)
	Subscription(ctx context.Context, id int64) (Subscription, error)
	// SubscriptionTo is an address's subscription to something.
	SubscriptionTo(ctx context.Context, email string, t Target) (Subscription, error)
	// Unconfirmed is how many subscriptions an address was asked to confirm since a time,
	// and did not.
	Unconfirmed(ctx context.Context, email string, since time.Time) (int, error)
}

// EntryReader reads what is published, and the drafts that the scope sees.
type EntryReader interface {
	Search(ctx context.Context, s Scope, q Query) (Results, error)
	// Words are the most used words of makes, names and categories of public entries.
	Words(ctx context.Context, n int) ([]string, error)
	Entry(ctx context.Context, s Scope, id ProductID) (Entry, error)
	// Page is a product whole, and what a page shows beside it.
	Page(ctx context.Context, s Scope, q PageQuery) (Page, error)
	// EntriesByGTIN gives at most a few entries for each number that anybody claims.
	EntriesByGTIN(ctx context.Context, s Scope, numbers []GTIN) (map[GTIN][]Entry, error)
	Similar(ctx context.Context, s Scope, e Entry, n int) ([]Entry, error)
	// Version is one version; number 0 is the newest that the scope sees.
	Version(ctx context.Context, s Scope, id ProductID, number int) (Version, error)
	// Document is a signed statement or assessment by digest, as it came.
	Document(ctx context.Context, s Scope, id ProductID, d assay.Digest) ([]byte, error)
	// Export gives public entries with their newest version, by id after the given one.
	Export(ctx context.Context, s Scope, after ProductID, n int) ([]Exported, error)
	// Changes are leaves of the log, by index from since on; or, newest first, before.
	Changes(ctx context.Context, s Scope, f ChangeFilter) ([]Change, error)
	Assessments(ctx context.Context, s Scope, id ProductID) ([]Assessment, error)
	// BarcodePromises are what the scope's own public entries promised for the whole
	// product, by barcode: of each number the two products with the longest period.
	BarcodePromises(ctx context.Context, s Scope, numbers []GTIN) ([]BarcodePromise, error)
	// Pending is how many leaves of a product the log does not have yet; the scope must
	// be its organisation's.
	Pending(ctx context.Context, s Scope, id ProductID) (int, error)
	// Promised are, by component, the latest ends of support that any version of the
	// product published, in the log or not; that of the statements under StatementPeriod.
	Promised(ctx context.Context, id ProductID) (map[string]assay.Date, error)
	Tallies(ctx context.Context, dimension string, n int) ([]Tally, error)
	Draft(ctx context.Context, s Scope, id ProductID) (Draft, error)
	Drafts(ctx context.Context, s Scope, after ProductID, n int) ([]Draft, error)
	// Own are the entries of the scope's organisation, of whatever status.
	Own(ctx context.Context, s Scope, f OwnFilter) ([]Entry, error)
	// OwnByName is the organisation's entry of that make and name, whatever the case.
	OwnByName(ctx context.Context, s Scope, maker, name string) (Entry, error)
	OwnCounts(ctx context.Context, s Scope, today assay.Date) (OwnCounts, error)
	Labels(ctx context.Context, s Scope, until assay.Date, n int) ([]Lapsing, error)
}

// AccessReader reads who may do what.
type AccessReader interface {
	Org(ctx context.Context, id OrgID) (Organisation, error)
	OrgBySlug(ctx context.Context, slug string) (Organisation, error)
	// OrgByName is an organisation of a name that looks like the given one: see NameKey.
	OrgByName(ctx context.Context, name string) (Organisation, error)
	Orgs(ctx context.Context, after OrgID, n int) ([]Organisation, error)
	Keys(ctx context.Context, id OrgID) ([]Key, error)
	// KeyElsewhere reports that another organisation has a key, revoked or not.
	KeyElsewhere(ctx context.Context, than OrgID, key assay.Digest) (bool, error)
	Account(ctx context.Context, id AccountID) (Account, error)
	AccountByEmail(ctx context.Context, email string) (Account, error)
	AccountByHandle(ctx context.Context, handle []byte) (Account, error)
	Accounts(ctx context.Context, after AccountID, n int) ([]Account, error)
	// CountWaysIn counts passkeys and identities, of all accounts.
	CountWaysIn(ctx context.Context) (int, error)
	// Stranded are the operators' accounts that have no way to sign in.
	Stranded(ctx context.Context) ([]Account, error)
	Members(ctx context.Context, org OrgID) ([]Member, error)
	Memberships(ctx context.Context, a AccountID) ([]Member, error)
	Credentials(ctx context.Context, a AccountID) ([]Credential, error)
	Credential(ctx context.Context, id []byte) (Credential, error)
	Identities(ctx context.Context, a AccountID) ([]Identity, error)
	Identity(ctx context.Context, issuer, subject string) (Identity, error)
	Token(ctx context.Context, id TokenID) (Token, error)
	Tokens(ctx context.Context, org OrgID) ([]Token, error)
	Link(ctx context.Context, hash []byte) (Link, error)
	// CountLinks counts links of the given one's kind, organisation and account, where it
	// names them, made since its time.
	CountLinks(ctx context.Context, like Link) (int, error)
}

// LogReader reads how far the log has got.
type LogReader interface {
	// Outbox gives leaves that the log does not have, the oldest first.
	Outbox(ctx context.Context, n int) ([]Outgoing, error)
	// Integrated is how many leaves of the log the store has taken note of, from the
	// first without a gap.
	Integrated(ctx context.Context) (uint64, error)
	// LeafHashes are the hashes of leaves by index, in [from, from+n).
	LeafHashes(ctx context.Context, from uint64, n int) (map[uint64]assay.Digest, error)
	// LeafIndex is where in the log a leaf is, by its hash.
	LeafIndex(ctx context.Context, leaf assay.Digest) (index uint64, known bool, err error)
	OutboxState(ctx context.Context) (pending int, oldest time.Time, err error)
}

// Writer writes within one transaction, and reads what it wrote.
type Writer interface {
	Reader
	EntryWriter
	AccessWriter
	LogWriter
	WatchWriter
	// Lock keeps other transactions out that lock the same name, until this one ends.
	Lock(ctx context.Context, name string) error
	PutSetting(ctx context.Context, name, value string) error
	AddEvent(ctx context.Context, e Event) error
	AddEvents(ctx context.Context, events []Event) error
	AddSubscription(ctx context.Context, s Subscription) (Subscription, error)
	// TouchSubscription takes note that an address was asked again.
	TouchSubscription(ctx context.Context, id int64, at time.Time) error
	ConfirmSubscription(ctx context.Context, id int64, at time.Time) error
	RemoveSubscription(ctx context.Context, id int64) error
	// Enqueue hands work to the background, which starts it after the transaction.
	Enqueue(ctx context.Context, w Work) error
}

// EntryWriter writes entries.
type EntryWriter interface {
	SaveDraft(ctx context.Context, d Draft) error
	DeleteDraft(ctx context.Context, id ProductID) error
	// Latest locks a product and gives its newest version, in the log or not; number
	// 0 where there is none yet.
	Latest(ctx context.Context, id ProductID) (Version, error)
	// Standing locks the organisation's products of some names, and tells what there is
	// of each that it has.
	Standing(ctx context.Context, s Scope, names []ProductName) (map[ProductName]Standing, error)
	// AddVersions keeps versions with their records, statements and leaves, in their order;
	// no product may be there twice. Without a
	// document the statement is one that was kept before.
	AddVersions(ctx context.Context, versions []NewVersion) error
	AddAssessment(ctx context.Context, a Assessment, record, document, leaf []byte) (Assessment, error)
}

// AccessWriter writes who may do what.
type AccessWriter interface {
	AddOrg(ctx context.Context, o Organisation) error
	UpdateOrg(ctx context.Context, o Organisation) error
	AddKey(ctx context.Context, org OrgID, k Key) error
	RevokeKey(ctx context.Context, org OrgID, k assay.Digest, at time.Time) error
	AddAccount(ctx context.Context, a Account) error
	UpdateAccount(ctx context.Context, a Account) error
	SetMember(ctx context.Context, m Member) error
	RemoveMember(ctx context.Context, org OrgID, a AccountID) error
	AddCredential(ctx context.Context, c Credential) error
	UpdateCredential(ctx context.Context, c Credential) error
	RemoveCredential(ctx context.Context, a AccountID, id []byte) error
	AddIdentity(ctx context.Context, i Identity) error
	RemoveIdentity(ctx context.Context, a AccountID, issuer, subject string) error
	AddToken(ctx context.Context, t Token) error
	TouchToken(ctx context.Context, id TokenID, at time.Time) error
	RevokeToken(ctx context.Context, org OrgID, id TokenID, at time.Time) error
	AddLink(ctx context.Context, l Link) error
	// UseLink marks a link as used; one that was used before is a conflict.
	UseLink(ctx context.Context, hash []byte, at time.Time) error
	EndSessions(ctx context.Context, a AccountID) error
}

// LogWriter takes note of what the log has.
type LogWriter interface {
	// TakeLease makes holder the only one to move leaves until the given time; false
	// where somebody else is.
	TakeLease(ctx context.Context, name, holder string, now, until time.Time) (bool, error)
	DropLease(ctx context.Context, name, holder string) error
	// Integrate takes note that leaves are in the log, by their bytes, from index on,
	// and makes public what they stand for. A leaf that it has under a lower index is
	// passed over; one that it does not know is counted. Where another process was
	// first to take note from that index on, the error is ErrRaced.
	Integrate(ctx context.Context, from uint64, leaves [][]byte) (Integration, error)
}

// WatchReader reads what is known of the pages that public entries name.
type WatchReader interface {
	Watched(ctx context.Context, ids []ProductID) ([]WatchedPage, error)
	// DueHosts are hosts with pages due, in order, after the given one; and the one to go
	// on after, "" for the beginning.
	DueHosts(ctx context.Context, after string, now time.Time, n int) (hosts []string, last string, err error)
	// DuePages are a host's pages that are due, those of one address together.
	DuePages(ctx context.Context, host string, now time.Time, n int) ([]WatchedPage, error)
	// Troubles are pages of an organisation with which something is wrong; untold is
	// only those of which it was not told.
	Troubles(ctx context.Context, org OrgID, untold bool, n int) ([]PageTrouble, error)
}

// WatchWriter keeps what is known of them.
type WatchWriter interface {
	// Watch makes the pages of some products those given.
	Watch(ctx context.Context, ids []ProductID, pages []WatchedPage) error
	// KeepPage keeps what was seen of a page, where it is still of the same version.
	KeepPage(ctx context.Context, p WatchedPage) error
	ToldTroubles(ctx context.Context, org OrgID, at time.Time) error
}

// Integration is what taking note of leaves came to.
type Integration struct {
	Public  int      // leaves whose entries became public
	Again   int      // leaves that the store had under a lower index
	Unknown []uint64 // indexes of leaves that the store knows nothing of
}

// ProductName is a make and a name as they compare: an organisation has one product of
// each.
type ProductName struct{ Make, Name string }

func (f *Facts) productName() ProductName { return ProductName{NameKey(f.Make), NameKey(f.Name)} }

// BarcodePromise is how long an entry promised to support what bears a barcode.
type BarcodePromise struct {
	GTIN       GTIN
	Product    ProductID
	Make, Name string
	End        assay.Date
}

// Standing is what there is of a product before its next version.
type Standing struct {
	Entry    Entry
	Latest   Version               // in the log or not; number 0 for none
	Promised map[string]assay.Date // as Promised gives it
}

// NewVersion is a version to be kept.
type NewVersion struct {
	Sealed
	Document []byte                // the signed statement; nil for one that was kept before
	Promised map[string]assay.Date // by the versions before
}

// Exported is an entry with its newest public version, as exports write it.
type Exported struct {
	Entry   Entry   `json:"entry"`
	Version Version `json:"version"`
}

// ChangeFilter says which changes. Exactly one direction: from Since on, the oldest
// first; or, with Newest, from before Before (0: the end) backwards.
type ChangeFilter struct {
	Target Target
	Since  uint64
	Newest bool
	Before uint64
	Limit  int
}

// EventFilter says which events, newest first.
type EventFilter struct {
	Org     OrgID     // none: all, for an operator
	Account AccountID // none: all
	Subject string    // none: all
	Before  int64     // id; 0: from the newest
	Limit   int
}

// OwnFilter says which of an organisation's entries.
type OwnFilter struct {
	Text           string     // part of a name or model; none: all
	Status         Status     // none: all
	EndsBy         assay.Date // only what has an end of support up to this day
	EndsFrom       assay.Date // and from this day on
	After          ProductID  // where the page before ended
	OrderBySupport bool       // soonest end first (one page only), else by id
	Limit          int
}

// OwnCounts are figures of an organisation's entries.
type OwnCounts struct {
	Published int `json:"published"`
	Withdrawn int `json:"withdrawn"`
	Drafts    int `json:"drafts"`
	Pending   int `json:"pending"`   // leaves that the log does not have yet
	Ended     int `json:"ended"`     // support is over
	EndsSoon  int `json:"ends_soon"` // within a year
}

// Lapsing is a label with its last day.
type Lapsing struct {
	Entry Entry `json:"entry"`
	Label Label `json:"label"`
}

// WorkKind is a kind of background work.
type WorkKind string

// The kinds of work.
const (
	WorkMail  WorkKind = "mail"  // payload: Mail
	WorkAlert WorkKind = "alert" // payload: Alert
	WorkTidy  WorkKind = "tidy"  // no payload: ends what has expired
	WorkPages WorkKind = "pages" // payload: Looked, or none
)

// Work is something to be done in the background, once it is committed.
type Work struct {
	Kind    WorkKind
	Payload json.RawMessage
}
