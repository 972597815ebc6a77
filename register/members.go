package register

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/assay-psti/assay"
)

// Members are the members of the viewer's organisation.
func (s *Service) Members(ctx context.Context, v Viewer) (members []Member, err error) {
	if v.Org == "" || v.Token != "" {
		return nil, fmt.Errorf("members: %w: sign in as a member first", assay.ErrRefused)
	}
	err = s.Store.Read(ctx, func(r Reader) error {
		members, err = r.Members(ctx, v.Org)
		return err
	})
	return members, err
}

// Memberships are the viewer's own, in every organisation.
func (s *Service) Memberships(ctx context.Context, v Viewer) (members []Member, err error) {
	if !v.SignedIn() {
		return nil, fmt.Errorf("organisations: %w: sign in first", assay.ErrRefused)
	}
	err = s.Store.Read(ctx, func(r Reader) error {
		members, err = r.Memberships(ctx, v.Account)
		return err
	})
	return members, err
}

// Invite sends a link by which the owner of an address becomes a member. The link's
// secret is returned too, for whoever has no mail.
func (s *Service) Invite(ctx context.Context, v Viewer, email string, role Role) (secret string, err error) {
	if err := v.must(ManageMembers); err != nil {
		return "", err
	}
	email = strings.ToLower(strings.TrimSpace(email))
	var f Faults
	if !Email(email) {
		f.add("email", "is not an address to write to", "write it as name@example.org")
	}
	if !slices.Contains(Roles(), role) {
		f.add("role", "is not known", "choose one")
	}
	if err := f.err(); err != nil {
		return "", err
	}
	err = s.Store.Write(ctx, func(w Writer) error {
		members, err := w.Members(ctx, v.Org)
		if err != nil {
			return err
		}
		if len(members) >= maxMembers {
			return fmt.Errorf("member: %w: the organisation has %d", assay.ErrRefused, len(members))
		}
		if slices.ContainsFunc(members, func(m Member) bool { return m.Email == email }) {
			return Faults{{Field: "email", What: "is a member's already", kind: assay.ErrConflict}}
		}
		sent, err := w.CountLinks(ctx, Link{Kind: LinkInvite, Org: v.Org, Created: s.now().Add(-24 * time.Hour)})
		if err != nil {
			return err
		}
		if sent >= maxInvites {
			return fmt.Errorf("invitation: %w: %d were sent within a day", assay.ErrRefused, sent)
		}
		org, err := w.Org(ctx, v.Org)
		if err != nil {
			return err
		}
		var hash []byte
		if secret, hash, err = s.newSecret(); err != nil {
			return err
		}
		now := s.now()
		if err := w.AddLink(ctx, Link{Hash: hash, Kind: LinkInvite, Org: v.Org, Role: role, Email: email, Account: v.Account, Created: now, Expires: now.Add(InviteLife)}); err != nil {
			return err
		}
		text := fmt.Sprintf("%s asks you to join %s in the product register, as %s.\n\nTake it up within seven days:\n\n%s\n\nIf you do not know of this, do nothing.\n", v.Name, org.Name, role, s.BaseURL+"/invitation/"+secret)
		if err := enqueueMail(ctx, w, Mail{To: email, Subject: "Join " + org.Name + " in the product register", Text: text}); err != nil {
			return err
		}
		return w.AddEvent(ctx, s.event(v, "member.invited", email, map[string]any{"role": role}))
	})
	return secret, err
}

// SetRole changes what a member may do. An organisation keeps one owner at least.
func (s *Service) SetRole(ctx context.Context, v Viewer, a AccountID, role Role) error {
	if !slices.Contains(Roles(), role) {
		return Faults{{Field: "role", What: "is not known", Do: "choose one"}}
	}
	return s.changeMember(ctx, v, a, "member.role", map[string]any{"role": role}, func(w Writer, m Member) error {
		m.Role = role
		return w.SetMember(ctx, m)
	}, role == RoleOwner)
}

// RemoveMember ends a membership; members may end their own. Tokens that the person
// made for the organisation stop working with it.
func (s *Service) RemoveMember(ctx context.Context, v Viewer, a AccountID) error {
	return s.changeMember(ctx, v, a, "member.removed", nil, func(w Writer, m Member) error {
		return w.RemoveMember(ctx, v.Org, a)
	}, false)
}

func (s *Service) changeMember(ctx context.Context, v Viewer, a AccountID, action string, detail map[string]any, change func(Writer, Member) error, staysOwner bool) error {
	leaving := a == v.Account && v.Org != "" && v.Token == "" && action == "member.removed"
	if err := v.must(ManageMembers); err != nil && !leaving {
		return err
	}
	return s.Store.Write(ctx, func(w Writer) error {
		if err := w.Lock(ctx, "org:"+string(v.Org)); err != nil {
			return err
		}
		members, err := w.Members(ctx, v.Org)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(members, func(m Member) bool { return m.Account == a })
		if i < 0 {
			return fmt.Errorf("member %s: %w", a, assay.ErrNotFound)
		}
		owners := 0
		for _, m := range members {
			if m.Role == RoleOwner {
				owners++
			}
		}
		if members[i].Role == RoleOwner && !staysOwner && owners == 1 {
			return fmt.Errorf("member %s: %w: an organisation keeps one owner; make another first", a, assay.ErrRefused)
		}
		if err := change(w, members[i]); err != nil {
			return err
		}
		return w.AddEvent(ctx, s.event(v, action, string(a), detail))
	})
}

// Account is the viewer's own.
func (s *Service) Account(ctx context.Context, v Viewer) (Account, error) {
	return s.AccountByID(ctx, v.Account)
}

// AccountByID, AccountByEmail and AccountByHandle find an account for signing in;
// what they find is not for pages of others.
func (s *Service) AccountByID(ctx context.Context, id AccountID) (a Account, err error) {
	err = s.Store.Look(ctx, func(r Reader) error { a, err = r.Account(ctx, id); return err })
	return a, err
}

// AccountByEmail finds an account by its address, whatever the case.
func (s *Service) AccountByEmail(ctx context.Context, email string) (a Account, err error) {
	err = s.Store.Read(ctx, func(r Reader) error {
		a, err = r.AccountByEmail(ctx, strings.ToLower(strings.TrimSpace(email)))
		return err
	})
	return a, err
}

// AccountByHandle finds an account by the handle that its passkeys hold.
func (s *Service) AccountByHandle(ctx context.Context, handle []byte) (a Account, err error) {
	err = s.Store.Look(ctx, func(r Reader) error { a, err = r.AccountByHandle(ctx, handle); return err })
	return a, err
}

// Credentials are the passkeys of an account.
func (s *Service) Credentials(ctx context.Context, id AccountID) (c []Credential, err error) {
	err = s.Store.Look(ctx, func(r Reader) error { c, err = r.Credentials(ctx, id); return err })
	return c, err
}

// Credential finds a passkey by its id.
func (s *Service) Credential(ctx context.Context, id []byte) (c Credential, err error) {
	err = s.Store.Look(ctx, func(r Reader) error { c, err = r.Credential(ctx, id); return err })
	return c, err
}

// AddCredential adds a passkey that was just made in this viewer's session.
func (s *Service) AddCredential(ctx context.Context, v Viewer, c Credential) error {
	if !v.SignedIn() || v.Token != "" {
		return fmt.Errorf("passkey: %w: sign in first", assay.ErrRefused)
	}
	if len(c.ID) == 0 || len(c.ID) > 1023 || len(c.Data) == 0 || len(c.Data) > 64<<10 || len(c.Name) > MaxLine || !line(c.Name) {
		return fmt.Errorf("passkey: %w", assay.ErrInvalid)
	}
	c.Account, c.Created = v.Account, s.now()
	return s.Store.Write(ctx, func(w Writer) error {
		if err := mayAddWayIn(ctx, w, v.Account); err != nil {
			return err
		}
		have, err := w.Credentials(ctx, v.Account)
		if err != nil {
			return err
		}
		if len(have) >= maxCredentials {
			return fmt.Errorf("passkey: %w: the account has %d", assay.ErrRefused, len(have))
		}
		if err := w.AddCredential(ctx, c); err != nil {
			return err
		}
		if err := s.noticeAccount(ctx, w, v, noticePasskey); err != nil {
			return err
		}
		return w.AddEvent(ctx, s.event(v, "passkey.added", string(v.Account), map[string]any{"name": c.Name}))
	})
}

// UseCredential takes note that a passkey was used, and of what the library that
// checks it wants to remember.
func (s *Service) UseCredential(ctx context.Context, id, data []byte, from string) error {
	return s.Store.Write(ctx, func(w Writer) error {
		c, err := w.Credential(ctx, id)
		if err != nil {
			return err
		}
		c.Data, c.LastUsed = data, s.now()
		if err := w.UpdateCredential(ctx, c); err != nil {
			return err
		}
		return w.AddEvent(ctx, Event{At: c.LastUsed, Account: c.Account, Action: "account.signed-in", Subject: string(c.Account), From: from, Detail: map[string]any{"by": "passkey"}})
	})
}

// RemoveCredential removes one of the viewer's passkeys; not the last way to sign in.
func (s *Service) RemoveCredential(ctx context.Context, v Viewer, id []byte) error {
	return s.removeWayIn(ctx, v, "passkey.removed", func(w Writer) error { return w.RemoveCredential(ctx, v.Account, id) })
}

// Identities are the sign-ins of an account at OpenID Connect providers.
func (s *Service) Identities(ctx context.Context, v Viewer) (i []Identity, err error) {
	err = s.Store.Look(ctx, func(r Reader) error { i, err = r.Identities(ctx, v.Account); return err })
	return i, err
}

// SignInByIdentity is the account that an identity belongs to. The caller has checked
// it with its provider.
func (s *Service) SignInByIdentity(ctx context.Context, issuer, subject, from string) (id AccountID, err error) {
	err = s.Store.Write(ctx, func(w Writer) error {
		i, err := w.Identity(ctx, issuer, subject)
		if err != nil {
			return err
		}
		id = i.Account
		return w.AddEvent(ctx, Event{At: s.now(), Account: id, Action: "account.signed-in", Subject: string(id), From: from, Detail: map[string]any{"by": "identity", "issuer": issuer}})
	})
	return id, err
}

// mayAddWayIn refuses a way to sign in to an account that was closed meanwhile. It
// takes turns with set-up links, all of which the first way in ends.
func mayAddWayIn(ctx context.Context, w Writer, id AccountID) error {
	if err := w.Lock(ctx, "setup"); err != nil {
		return err
	}
	a, err := w.Account(ctx, id)
	if err == nil && !a.Locked.IsZero() {
		err = fmt.Errorf("account: %w: it was closed", assay.ErrRefused)
	}
	return err
}

// AddIdentity links an identity, checked by its provider, to the viewer's account.
func (s *Service) AddIdentity(ctx context.Context, v Viewer, i Identity) error {
	if !v.SignedIn() || v.Token != "" {
		return fmt.Errorf("identity: %w: sign in first", assay.ErrRefused)
	}
	if i.Issuer == "" || i.Subject == "" || len(i.Issuer) > MaxURL || len(i.Subject) > 255 || len(i.Email) > 254 {
		return fmt.Errorf("identity: %w", assay.ErrInvalid)
	}
	i.Account, i.Created = v.Account, s.now()
	return s.Store.Write(ctx, func(w Writer) error {
		if err := mayAddWayIn(ctx, w, v.Account); err != nil {
			return err
		}
		if err := w.AddIdentity(ctx, i); err != nil {
			return err
		}
		if err := s.noticeAccount(ctx, w, v, noticeIdentity); err != nil {
			return err
		}
		return w.AddEvent(ctx, s.event(v, "identity.added", string(v.Account), map[string]any{"issuer": i.Issuer}))
	})
}

// RemoveIdentity removes one of the viewer's identities; not the last way to sign in.
func (s *Service) RemoveIdentity(ctx context.Context, v Viewer, issuer, subject string) error {
	return s.removeWayIn(ctx, v, "identity.removed", func(w Writer) error { return w.RemoveIdentity(ctx, v.Account, issuer, subject) })
}

func (s *Service) removeWayIn(ctx context.Context, v Viewer, action string, remove func(Writer) error) error {
	if !v.SignedIn() || v.Token != "" {
		return fmt.Errorf("account: %w: sign in first", assay.ErrRefused)
	}
	return s.Store.Write(ctx, func(w Writer) error {
		if err := w.Lock(ctx, "account:"+string(v.Account)); err != nil {
			return err
		}
		if err := remove(w); err != nil {
			return err
		}
		passkeys, err := w.Credentials(ctx, v.Account)
		if err != nil {
			return err
		}
		identities, err := w.Identities(ctx, v.Account)
		if err != nil {
			return err
		}
		if len(passkeys)+len(identities) == 0 {
			return fmt.Errorf("account: %w: it would be left without a way to sign in; add another first", assay.ErrRefused)
		}
		if err := s.noticeAccount(ctx, w, v, noticeRemoved); err != nil {
			return err
		}
		return w.AddEvent(ctx, s.event(v, action, string(v.Account), nil))
	})
}

// Recover sends a link to the address of an account that lost its passkeys. Whether
// there is such an account, the caller does not learn.
func (s *Service) Recover(ctx context.Context, email, from string) error {
	return s.Store.Write(ctx, func(w Writer) error {
		a, err := w.AccountByEmail(ctx, strings.ToLower(strings.TrimSpace(email)))
		if errors.Is(err, assay.ErrNotFound) || err == nil && !a.Locked.IsZero() {
			return nil
		}
		if err != nil {
			return err
		}
		now := s.now()
		sent, err := w.CountLinks(ctx, Link{Kind: LinkRecover, Account: a.ID, Created: now.Add(-RecoveryLife)})
		if err != nil || sent >= maxRecoveries { // those that were sent are still good
			return err
		}
		secret, hash, err := s.newSecret()
		if err != nil {
			return err
		}
		if err := w.AddLink(ctx, Link{Hash: hash, Kind: LinkRecover, Account: a.ID, Created: now, Expires: now.Add(RecoveryLife)}); err != nil {
			return err
		}
		text := fmt.Sprintf("Somebody, we hope you, asked to sign in to the product register without a passkey.\n\nAdd a new passkey within the hour:\n\n%s\n\nIf it was not you, do nothing.\n", s.BaseURL+"/recover/"+secret)
		if err := enqueueMail(ctx, w, Mail{To: a.Email, Subject: "Sign in to the product register", Text: text}); err != nil {
			return err
		}
		return w.AddEvent(ctx, Event{At: now, Account: a.ID, Action: "account.recovery-asked", Subject: string(a.ID), From: from})
	})
}

// TakeUpRecovery uses a recovery link: the account may add a passkey, and every
// other session of it ends.
func (s *Service) TakeUpRecovery(ctx context.Context, secret, from string) (id AccountID, err error) {
	err = s.Store.Write(ctx, func(w Writer) error {
		l, err := s.link(ctx, w, secret)
		if err != nil {
			return err
		}
		if l.Kind != LinkRecover {
			return fmt.Errorf("link: %w: it is for something else", assay.ErrInvalid)
		}
		id = l.Account
		now := s.now()
		if err := w.UseLink(ctx, l.Hash, now); err != nil {
			return err
		}
		if err := w.EndSessions(ctx, id); err != nil {
			return err
		}
		return w.AddEvent(ctx, Event{At: now, Account: id, Action: "account.recovered", Subject: string(id), From: from})
	})
	return id, err
}

// LockAccount closes an account, or opens it again; operators only.
func (s *Service) LockAccount(ctx context.Context, v Viewer, id AccountID, locked bool) error {
	if err := v.must(Operate); err != nil {
		return err
	}
	if id == v.Account {
		return fmt.Errorf("account: %w: it is your own", assay.ErrRefused)
	}
	return s.Store.Write(ctx, func(w Writer) error {
		a, err := w.Account(ctx, id)
		if err != nil {
			return err
		}
		if a.Locked = (time.Time{}); locked {
			a.Locked = s.now()
		}
		if err := w.UpdateAccount(ctx, a); err != nil {
			return err
		}
		if err := w.EndSessions(ctx, id); err != nil {
			return err
		}
		return w.AddEvent(ctx, s.event(v, "account.locked", string(id), map[string]any{"locked": locked}))
	})
}

// Accounts are all accounts, by id after the given one; operators only.
func (s *Service) Accounts(ctx context.Context, v Viewer, after AccountID, n int) (a []Account, err error) {
	if err := v.must(Operate); err != nil {
		return nil, err
	}
	err = s.Store.Look(ctx, func(r Reader) error { a, err = r.Accounts(ctx, after, min(max(n, 1), MaxPage)); return err })
	return a, err
}

// Organisations are all organisations, by id after the given one; operators only.
func (s *Service) Organisations(ctx context.Context, v Viewer, after OrgID, n int) (o []Organisation, err error) {
	if err := v.must(Operate); err != nil {
		return nil, err
	}
	err = s.Store.Look(ctx, func(r Reader) error { o, err = r.Orgs(ctx, after, min(max(n, 1), MaxPage)); return err })
	return o, err
}

// Audit is the audit trail: of the viewer's organisation for its owners, of all for
// operators.
func (s *Service) Audit(ctx context.Context, v Viewer, f EventFilter) (events []Event, err error) {
	switch {
	case v.May(Operate):
	case f.Account == v.Account && v.SignedIn() && v.Token == "" && f.Org == "":
	default:
		if err := v.must(SeeAudit); err != nil {
			return nil, err
		}
		f.Org = v.Org
	}
	if f.Limit <= 0 || f.Limit > MaxPage {
		f.Limit = MaxPage
	}
	err = s.Store.Look(ctx, func(r Reader) error { events, err = r.Events(ctx, f); return err })
	return events, err
}
