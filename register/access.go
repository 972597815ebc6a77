package register

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/sign"
)

// How long what is handed out lasts.
const (
	SetupLinkLife  = 24 * time.Hour
	InviteLife     = 7 * 24 * time.Hour
	RecoveryLife   = time.Hour
	MaxTokenLife   = 400 * 24 * time.Hour
	maxMembers     = 1000
	maxTokens      = 200
	maxKeys        = 50
	maxCredentials = 20
	maxInvites     = 200 // of an organisation within a day
	maxRecoveries  = 3   // letters to one account within RecoveryLife
)

// SetupLink makes the one-time link with which the first operator signs up, as its
// secret; "" where anybody can sign in already. An account without a passkey or an
// identity does not count: whoever lost the first link's session before a passkey was
// made is let in again, by whoever runs the machine.
func (s *Service) SetupLink(ctx context.Context) (secret string, err error) {
	err = s.Store.Write(ctx, func(w Writer) error {
		if err := w.Lock(ctx, "setup"); err != nil {
			return err
		}
		n, err := w.CountWaysIn(ctx)
		if err != nil || n > 0 {
			secret = ""
			return err
		}
		var hash []byte
		if secret, hash, err = s.newSecret(); err != nil {
			return err
		}
		now := s.now()
		return w.AddLink(ctx, Link{Hash: hash, Kind: LinkSetup, Created: now, Expires: now.Add(SetupLinkLife)})
	})
	return secret, err
}

// Link looks at a one-time link without using it.
func (s *Service) Link(ctx context.Context, secret string) (l Link, err error) {
	err = s.Store.Read(ctx, func(r Reader) error {
		l, err = s.link(ctx, r, secret)
		return err
	})
	return l, err
}

func (s *Service) link(ctx context.Context, r Reader, secret string) (Link, error) {
	l, err := r.Link(ctx, hashSecret(secret))
	switch {
	case errors.Is(err, assay.ErrNotFound):
		return l, fmt.Errorf("link: %w: it is not known", assay.ErrNotFound)
	case err != nil:
		return l, err
	case !l.Used.IsZero():
		return l, fmt.Errorf("link: %w: it was used already", assay.ErrRefused)
	case !s.now().Before(l.Expires):
		return l, fmt.Errorf("link: %w: it has expired; ask for another", assay.ErrRefused)
	}
	if l.Kind == LinkSetup {
		n, err := r.CountWaysIn(ctx)
		if err != nil {
			return l, err
		}
		if n > 0 {
			return l, fmt.Errorf("link: %w: the register is set up already", assay.ErrRefused)
		}
	}
	return l, nil
}

// Person is who takes up a link.
type Person struct {
	Name  string
	Email string
}

func (p *Person) check() error {
	p.Name, p.Email = strings.TrimSpace(p.Name), strings.ToLower(strings.TrimSpace(p.Email))
	if p.Name == "" || len(p.Name) > MaxLine || !line(p.Name) {
		return Faults{{Field: "name", What: "is not there, or no plain line", Do: "write your name"}}
	}
	if !Email(p.Email) {
		return Faults{{Field: "email", What: "is not an address to write to", Do: "write it as name@example.org"}}
	}
	return nil
}

// TakeUpLink uses a setup or an invitation link: it makes the account, or takes the
// one of a signed-in viewer for an invitation, and the membership. The first passkey
// or identity is to be added at once, in the same session.
func (s *Service) TakeUpLink(ctx context.Context, v Viewer, secret string, p Person) (a Account, err error) {
	if !v.SignedIn() {
		if err := p.check(); err != nil {
			return Account{}, err
		}
	}
	err = s.Store.Write(ctx, func(w Writer) error {
		if err := w.Lock(ctx, "setup"); err != nil { // two links make one first operator
			return err
		}
		l, err := s.link(ctx, w, secret)
		if err != nil {
			return err
		}
		if l.Kind == LinkInvite {
			if err := stillOwner(ctx, w, l); err != nil {
				return err
			}
		}
		switch {
		case l.Kind == LinkRecover:
			return fmt.Errorf("link: %w: it is for an account that there is", assay.ErrInvalid)
		case v.SignedIn() && l.Kind == LinkInvite:
			if a, err = w.Account(ctx, v.Account); err != nil {
				return err
			}
		default:
			if l.Kind == LinkInvite && p.Email != l.Email {
				return Faults{{Field: "email", What: "is not the address that was invited", Do: "use that, or ask to be invited by this one", kind: assay.ErrRefused}}
			}
			if l.Kind == LinkSetup {
				a, err = s.firstOperator(ctx, w, p)
			} else {
				a, err = s.newAccount(ctx, w, p, false)
			}
			if err != nil {
				return err
			}
		}
		now := s.now()
		if err := w.UseLink(ctx, l.Hash, now); err != nil {
			return err
		}
		if l.Kind == LinkInvite {
			if err := w.SetMember(ctx, Member{Org: l.Org, Account: a.ID, Role: l.Role, Since: now}); err != nil {
				return err
			}
		}
		e := s.event(v, "link."+string(l.Kind), string(a.ID), nil)
		e.Account, e.Org = a.ID, l.Org
		return w.AddEvent(ctx, e)
	})
	return a, err
}

// stillOwner refuses an invitation of somebody who may invite no more: who was removed
// does not come back by a link that they kept.
func stillOwner(ctx context.Context, r Reader, l Link) error {
	members, err := r.Members(ctx, l.Org)
	if err != nil {
		return err
	}
	by, err := r.Account(ctx, l.Account)
	if err != nil && !errors.Is(err, assay.ErrNotFound) {
		return err
	}
	if err == nil && by.Locked.IsZero() && slices.ContainsFunc(members, func(m Member) bool { return m.Account == l.Account && m.Role == RoleOwner }) {
		return nil
	}
	return fmt.Errorf("link: %w: who made it may invite nobody any more; ask an owner for another", assay.ErrRefused)
}

// firstOperator is the account of whoever takes up a set-up link. Whoever took one up
// before, and never made a passkey, is an operator no longer: of links that went astray
// only the last counts. With the same address it is the same account.
func (s *Service) firstOperator(ctx context.Context, w Writer, p Person) (a Account, err error) {
	before, err := w.Stranded(ctx)
	if err != nil {
		return a, err
	}
	for _, old := range before {
		if err := w.EndSessions(ctx, old.ID); err != nil {
			return a, err
		}
		if old.Email == p.Email && old.Locked.IsZero() {
			old.Name = p.Name
			a = old
		} else {
			old.Operator, old.Locked = false, s.now()
		}
		if err := w.UpdateAccount(ctx, old); err != nil {
			return a, err
		}
	}
	if a.ID != "" {
		return a, nil
	}
	return s.newAccount(ctx, w, p, true)
}

func (s *Service) newAccount(ctx context.Context, w Writer, p Person, operator bool) (Account, error) {
	if _, err := w.AccountByEmail(ctx, p.Email); err == nil {
		return Account{}, Faults{{Field: "email", What: "has an account already", Do: "sign in with it", kind: assay.ErrConflict}}
	} else if !errors.Is(err, assay.ErrNotFound) {
		return Account{}, err
	}
	id, err := s.newID("a")
	if err != nil {
		return Account{}, err
	}
	handle, err := s.random(32)
	if err != nil {
		return Account{}, err
	}
	a := Account{ID: AccountID(id), Name: p.Name, Email: p.Email, Operator: operator, Handle: handle, Created: s.now()}
	return a, w.AddAccount(ctx, a)
}

// SignIn is the viewer that an account is, acting for one of its organisations: the
// given one, or its first. The caller has checked passkey, identity or session.
func (s *Service) SignIn(ctx context.Context, id AccountID, org OrgID, from string) (v Viewer, err error) {
	err = s.Store.Read(ctx, func(r Reader) error {
		v, err = viewer(ctx, r, id, org)
		v.From = from
		return err
	})
	return v, err
}

func viewer(ctx context.Context, r Reader, id AccountID, org OrgID) (Viewer, error) {
	a, err := r.Account(ctx, id)
	if err != nil {
		return Viewer{}, err
	}
	if !a.Locked.IsZero() {
		return Viewer{}, fmt.Errorf("account: %w: it was closed by an operator", assay.ErrRefused)
	}
	v := Viewer{Account: a.ID, Name: a.Name, Operator: a.Operator}
	members, err := r.Memberships(ctx, id)
	if err != nil {
		return Viewer{}, err
	}
	for _, m := range members {
		if m.Org == org || org == "" {
			v.Org, v.OrgKind, v.Role = m.Org, m.OrgKind, m.Role
			return v, nil
		}
	}
	if org != "" && !a.Operator {
		return Viewer{}, fmt.Errorf("organisation %s: %w: you are no member of it", org, assay.ErrRefused)
	}
	return v, nil
}

// tokenPrefix begins a token, so that one that leaked is found for what it is.
const tokenPrefix = "assay_"

// Authenticate is the viewer that a token stands for.
func (s *Service) Authenticate(ctx context.Context, token, from string) (Viewer, error) {
	unknown := fmt.Errorf("token: %w: it is not known, has expired or was revoked", assay.ErrRefused)
	id, secret, ok := strings.Cut(strings.TrimPrefix(token, tokenPrefix), "_")
	if !ok || !strings.HasPrefix(token, tokenPrefix) || len(token) > MaxLine {
		return Viewer{}, unknown
	}
	var v Viewer
	var touch bool
	err := s.Store.Read(ctx, func(r Reader) error {
		t, err := r.Token(ctx, TokenID(id))
		if errors.Is(err, assay.ErrNotFound) {
			return unknown
		}
		if err != nil {
			return err
		}
		now := s.now()
		if subtle.ConstantTimeCompare(t.Hash, hashSecret(secret)) != 1 || !t.Revoked.IsZero() || !now.Before(t.Expires) {
			return unknown
		}
		if v, err = viewer(ctx, r, t.Account, t.Org); err != nil {
			return err
		}
		if v.Org != t.Org { // no member any more
			return unknown
		}
		v.Token, v.Scopes, v.From, v.Operator = t.ID, t.Scopes, from, false
		touch = now.Sub(t.LastUsed) > time.Minute
		return nil
	})
	if err != nil || !touch {
		return v, err
	}
	return v, s.Store.Write(ctx, func(w Writer) error { return w.TouchToken(ctx, v.Token, s.now()) })
}

// NewToken makes a token for the viewer's organisation. The secret is shown once.
func (s *Service) NewToken(ctx context.Context, v Viewer, name string, scopes []TokenScope, life time.Duration) (secret string, t Token, err error) {
	if err := v.must(ManageTokens); err != nil {
		return "", Token{}, err
	}
	name = strings.TrimSpace(name)
	var f Faults
	if name == "" || len(name) > MaxLine || !line(name) {
		f.add("name", "is not there, or no plain line", "say what the token is for")
	}
	if len(scopes) == 0 || len(scopes) > len(TokenScopes()) || slices.ContainsFunc(scopes, func(x TokenScope) bool { return !slices.Contains(TokenScopes(), x) }) {
		f.add("scopes", "are none, or not known", "choose what the token may do")
	}
	if life <= 0 || life > MaxTokenLife {
		f.add("expires", "is not within 400 days", "choose an earlier day")
	}
	if err := f.err(); err != nil {
		return "", Token{}, err
	}
	id, err := s.newID("t")
	if err != nil {
		return "", Token{}, err
	}
	part, hash, err := s.newSecret()
	if err != nil {
		return "", Token{}, err
	}
	now := s.now()
	t = Token{ID: TokenID(id), Org: v.Org, Account: v.Account, Name: name, Scopes: scopes, Hash: hash, Created: now, Expires: now.Add(life)}
	err = s.Store.Write(ctx, func(w Writer) error {
		if err := w.Lock(ctx, "org:"+string(v.Org)); err != nil {
			return err
		}
		have, err := w.Tokens(ctx, v.Org)
		if err != nil {
			return err
		}
		if len(have) >= maxTokens {
			return fmt.Errorf("token: %w: the organisation has %d", assay.ErrRefused, len(have))
		}
		if err := w.AddToken(ctx, t); err != nil {
			return err
		}
		if err := s.noticeOwners(ctx, w, v, "A token, by which programs act, was made for"); err != nil {
			return err
		}
		return w.AddEvent(ctx, s.event(v, "token.made", id, map[string]any{"scopes": scopes}))
	})
	return tokenPrefix + id + "_" + part, t, err
}

// Tokens are the organisation's tokens.
func (s *Service) Tokens(ctx context.Context, v Viewer) (tokens []Token, err error) {
	if err := v.must(ManageTokens); err != nil {
		return nil, err
	}
	err = s.Store.Read(ctx, func(r Reader) error {
		tokens, err = r.Tokens(ctx, v.Org)
		return err
	})
	return tokens, err
}

// RevokeToken ends a token of the organisation.
func (s *Service) RevokeToken(ctx context.Context, v Viewer, id TokenID) error {
	if err := v.must(ManageTokens); err != nil {
		return err
	}
	return s.Store.Write(ctx, func(w Writer) error {
		if err := w.RevokeToken(ctx, v.Org, id, s.now()); err != nil {
			return err
		}
		return w.AddEvent(ctx, s.event(v, "token.revoked", string(id), nil))
	})
}

// CreateOrganisation makes an organisation of which the viewer is the owner. An
// operator may name another owner by inviting them afterwards.
func (s *Service) CreateOrganisation(ctx context.Context, v Viewer, o Organisation) (Organisation, error) {
	if !v.SignedIn() || v.Token != "" {
		return Organisation{}, fmt.Errorf("organisation: %w: sign in first", assay.ErrRefused)
	}
	if err := o.check(); err != nil {
		return Organisation{}, err
	}
	id, err := s.newID("o")
	if err != nil {
		return Organisation{}, err
	}
	o.ID, o.Created, o.Products = OrgID(id), s.now(), 0
	err = s.Store.Write(ctx, func(w Writer) error {
		o.Slug = Slug(o.Name)
		if err := s.nameFree(ctx, w, o); err != nil {
			return err
		}
		mine, err := w.Memberships(ctx, v.Account)
		if err != nil {
			return err
		}
		if len(mine) >= maxMemberships && !v.Operator {
			return fmt.Errorf("organisation: %w: you are a member of %d", assay.ErrRefused, len(mine))
		}
		switch _, err := w.OrgBySlug(ctx, o.Slug); {
		case err == nil || o.Slug == "":
			o.Slug = strings.TrimPrefix(o.Slug+"-"+id[1:6], "-")
		case !errors.Is(err, assay.ErrNotFound):
			return err
		}
		if err := w.AddOrg(ctx, o); err != nil {
			return err
		}
		if err := w.SetMember(ctx, Member{Org: o.ID, Account: v.Account, Role: RoleOwner, Since: o.Created}); err != nil {
			return err
		}
		e := s.event(v, "organisation.made", id, map[string]any{"name": o.Name})
		e.Org = o.ID
		return w.AddEvent(ctx, e)
	})
	return o, err
}

// nameFree refuses a name that another organisation has, or that looks like it: who
// publishes an entry is told by it.
func (s *Service) nameFree(ctx context.Context, w Writer, o Organisation) error {
	key := NameKey(o.Name)
	if err := w.Lock(ctx, "org name:"+key); err != nil {
		return err
	}
	other, err := w.OrgByName(ctx, o.Name)
	switch {
	case errors.Is(err, assay.ErrNotFound) || err == nil && other.ID == o.ID:
		return nil
	case err != nil:
		return err
	}
	return Faults{{Field: "name", What: "is another organisation's here, or looks like it", Do: "add what tells you apart, such as the country; where somebody took your name, tell who runs the register", kind: assay.ErrConflict}}
}

// maxMemberships bounds the organisations that one person makes.
const maxMemberships = 50

func (o *Organisation) check() error {
	var f Faults
	o.Name, o.Address, o.Site = strings.TrimSpace(o.Name), strings.TrimSpace(o.Address), strings.TrimSpace(o.Site)
	if o.Name == "" || len(o.Name) > MaxLine || !line(o.Name) {
		f.add("name", "is not there, or no plain line", "write the name in full")
	}
	if len(o.Address) > MaxText || !plain(o.Address) {
		f.add("address", "is too long, or no plain text", "")
	}
	if u, err := url.Parse(o.Site); o.Site != "" && (err != nil || u.Scheme != "https" || !WebAddress(o.Site)) {
		f.add("site", "is not the address of a page", "write it whole, beginning with https://")
	}
	if !slices.Contains([]OrgKind{Manufacturer, Importer, Representative, Laboratory}, o.Kind) {
		f.add("kind", "is not known", "choose one")
	}
	return f.err()
}

// UpdateOrganisation changes name, address and site of the viewer's organisation.
// Kind and slug stay.
func (s *Service) UpdateOrganisation(ctx context.Context, v Viewer, o Organisation) (now Organisation, err error) {
	if err := v.must(EditOrg); err != nil {
		return Organisation{}, err
	}
	err = s.Store.Write(ctx, func(w Writer) error {
		if now, err = w.Org(ctx, v.Org); err != nil {
			return err
		}
		now.Name, now.Address, now.Site = o.Name, o.Address, o.Site
		if err := now.check(); err != nil {
			return err
		}
		if err := s.nameFree(ctx, w, now); err != nil {
			return err
		}
		if err := w.UpdateOrg(ctx, now); err != nil {
			return err
		}
		return w.AddEvent(ctx, s.event(v, "organisation.changed", string(v.Org), map[string]any{"name": now.Name}))
	})
	return now, err
}

// Organisation is the viewer's own.
func (s *Service) Organisation(ctx context.Context, v Viewer) (o Organisation, keys []Key, err error) {
	if v.Org == "" {
		return o, nil, fmt.Errorf("organisation: %w: none is chosen", assay.ErrNotFound)
	}
	err = s.Store.Read(ctx, func(r Reader) error {
		if o, err = r.Org(ctx, v.Org); err != nil {
			return err
		}
		keys, err = r.Keys(ctx, v.Org)
		return err
	})
	return o, keys, err
}

// AddKey adds a public key with which the organisation signs.
func (s *Service) AddKey(ctx context.Context, v Viewer, name string, pem []byte) (k Key, err error) {
	if err := v.must(ManageKeys); err != nil {
		return Key{}, err
	}
	p, err := sign.ParsePublicKey(pem)
	if err != nil {
		return Key{}, Faults{{Field: "key", What: err.Error(), Do: "give the file that ends in .pub"}}
	}
	name = strings.TrimSpace(name)
	if len(name) > MaxLine || !line(name) {
		return Key{}, Faults{{Field: "name", What: "is too long, or no plain line"}}
	}
	k = Key{ID: p.ID(), PEM: string(p.PEM()), Name: name, Added: s.now(), AddedBy: v.Account}
	return k, s.Store.Write(ctx, func(w Writer) error {
		if err := w.Lock(ctx, "org:"+string(v.Org)); err != nil {
			return err
		}
		// A key that is another's would make their signed statements ours to publish, with
		// our own address for reports beside their signature.
		if err := w.Lock(ctx, "key:"+string(k.ID)); err != nil {
			return err
		}
		if taken, err := w.KeyElsewhere(ctx, v.Org, k.ID); err != nil {
			return err
		} else if taken {
			return Faults{{Field: "key", What: "is another organisation's", Do: "sign with a key of your own; where it is yours, make another, and tell who runs the register", kind: assay.ErrConflict}}
		}
		have, err := w.Keys(ctx, v.Org)
		if err != nil {
			return err
		}
		if len(have) >= maxKeys {
			return fmt.Errorf("key: %w: the organisation has %d", assay.ErrRefused, len(have))
		}
		if err := w.AddKey(ctx, v.Org, k); err != nil {
			return err
		}
		if err := s.noticeOwners(ctx, w, v, "A key, with which statements are signed, was added for"); err != nil {
			return err
		}
		return w.AddEvent(ctx, s.event(v, "key.added", string(k.ID), nil))
	})
}

// RevokeKey says that nothing more that a key signs is to be trusted. It cannot be
// taken back.
func (s *Service) RevokeKey(ctx context.Context, v Viewer, id assay.Digest) error {
	if err := v.must(ManageKeys); err != nil {
		return err
	}
	return s.Store.Write(ctx, func(w Writer) error {
		if err := w.RevokeKey(ctx, v.Org, id, s.now()); err != nil {
			return err
		}
		return w.AddEvent(ctx, s.event(v, "key.revoked", string(id), nil))
	})
}
