package register

import (
	"fmt"
	"slices"

	"github.com/assay-psti/assay"
)

// Viewer is who asks. The zero value, Public, is anybody: no account, no rights.
// Only the register makes other viewers, from an account or a token.
type Viewer struct {
	Account  AccountID
	Name     string // of the account, for pages
	Org      OrgID  // the one organisation that they act for now; none: for themselves
	OrgKind  OrgKind
	Role     Role         // in that organisation
	Operator bool         // runs the register
	Token    TokenID      // of the token that was used; none: a person signed in
	Scopes   []TokenScope // what the token may; of no meaning without one
	From     string       // network address, for the audit trail
}

// Public is anybody who has not said who they are.
var Public = Viewer{}

// SignedIn reports that somebody is known to ask.
func (v Viewer) SignedIn() bool { return v.Account != "" }

// Role is what a member may do in an organisation.
type Role string

// The roles; each may do all that the next may.
const (
	RoleOwner  Role = "owner"  // members, keys, tokens, and all below
	RoleEditor Role = "editor" // drafts, publishing, withdrawing; tests at the bench
	RoleReader Role = "reader" // sees drafts and the dashboard
)

// Roles are all roles, the mightiest first.
func Roles() []Role { return []Role{RoleOwner, RoleEditor, RoleReader} }

// TokenScope is one thing that a token may be used for.
type TokenScope string

// The scopes.
const (
	ScopeRead    TokenScope = "read"    // drafts, dashboard
	ScopeDraft   TokenScope = "draft"   // save drafts, import
	ScopePublish TokenScope = "publish" // publish, extend, withdraw
	ScopeAssess  TokenScope = "assess"  // attach assessments
)

// TokenScopes are all scopes.
func TokenScopes() []TokenScope {
	return []TokenScope{ScopeRead, ScopeDraft, ScopePublish, ScopeAssess}
}

// Action is something that needs a right.
type Action string

// The actions.
const (
	SeeDrafts     Action = "see drafts"
	EditDrafts    Action = "edit drafts"
	PublishEntry  Action = "publish"
	AttachVerdict Action = "attach an assessment"
	SeeTests      Action = "see the laboratory's tests"
	RunTests      Action = "test at the bench"
	DeleteTests   Action = "delete a test"
	ManageMembers Action = "manage members"
	ManageKeys    Action = "manage keys"
	ManageTokens  Action = "manage tokens"
	EditOrg       Action = "change the organisation"
	SeeAudit      Action = "see the audit trail"
	Operate       Action = "operate the register"
)

// right says who may do an action: from which role on, by tokens of which scope
// ("" is by no token), in organisations of which kinds (none is all).
type right struct {
	role  Role
	scope TokenScope
	kinds []OrgKind
}

var rights = map[Action]right{
	SeeDrafts:     {RoleReader, ScopeRead, nil},
	EditDrafts:    {RoleEditor, ScopeDraft, []OrgKind{Manufacturer, Importer, Representative}},
	PublishEntry:  {RoleEditor, ScopePublish, []OrgKind{Manufacturer, Importer, Representative}},
	AttachVerdict: {RoleEditor, ScopeAssess, []OrgKind{Laboratory}},
	SeeTests:      {RoleReader, "", []OrgKind{Laboratory}},
	RunTests:      {RoleEditor, "", []OrgKind{Laboratory}},
	DeleteTests:   {RoleOwner, "", []OrgKind{Laboratory}},
	ManageMembers: {RoleOwner, "", nil},
	ManageKeys:    {RoleOwner, "", nil},
	ManageTokens:  {RoleOwner, "", nil},
	EditOrg:       {RoleOwner, "", nil},
	SeeAudit:      {RoleOwner, "", nil},
}

// May reports whether the viewer may do the action in the organisation for which
// they act. An operator has no right in anybody's organisation by being one.
func (v Viewer) May(a Action) bool {
	if !v.SignedIn() {
		return false
	}
	if a == Operate {
		return v.Operator && v.Token == ""
	}
	r, known := rights[a]
	if !known || v.Org == "" || !v.Role.atLeast(r.role) {
		return false
	}
	if v.Token != "" && (r.scope == "" || !slices.Contains(v.Scopes, r.scope)) {
		return false
	}
	return len(r.kinds) == 0 || slices.Contains(r.kinds, v.OrgKind)
}

func (r Role) atLeast(want Role) bool {
	have, need := slices.Index(Roles(), r), slices.Index(Roles(), want)
	return have >= 0 && need >= 0 && have <= need
}

// must is May as an error.
func (v Viewer) must(a Action) error {
	if v.May(a) {
		return nil
	}
	switch {
	case !v.SignedIn():
		return fmt.Errorf("%s: %w: sign in first", a, assay.ErrRefused)
	case v.Token != "":
		return fmt.Errorf("%s: %w: the token is not for that", a, assay.ErrRefused)
	case v.Org == "":
		return fmt.Errorf("%s: %w: no organisation is chosen", a, assay.ErrRefused)
	}
	return fmt.Errorf("%s: %w: the role %q in this organisation is not for that", a, assay.ErrRefused, v.Role)
}

// Scope is which products a viewer sees. It is made by Visible alone, and every
// read of the store wants one. The zero value is what is public.
type Scope struct {
	org OrgID
}

// Visible is the one rule of who sees what: everybody sees what is in the log;
// whoever may see the drafts of an organisation sees besides all that is its own.
func Visible(v Viewer) Scope {
	if v.May(SeeDrafts) {
		return Scope{v.Org}
	}
	return Scope{}
}

// own is what whoever may do an action sees for doing it: their organisation's own.
func own(v Viewer, a Action) (Scope, error) {
	if err := v.must(a); err != nil {
		return Scope{}, err
	}
	return Scope{v.Org}, nil
}

// Org is the organisation of which drafts, too, are seen; "" for none.
func (s Scope) Org() OrgID { return s.org }
