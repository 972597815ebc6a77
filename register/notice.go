package register

import (
	"context"
	"errors"
	"fmt"

	"github.com/assay-psti/assay"
)

// maxNoticed bounds the owners that one notice goes to.
const maxNoticed = 20

// noticeAccount writes to the owner of an account that a way to sign in to it changed:
// whoever did not do it hears of it where the one who did cannot keep it from them. Of
// the first way there is nothing to be told.
func (s *Service) noticeAccount(ctx context.Context, w Writer, v Viewer, what string) error {
	n, err := w.Credentials(ctx, v.Account)
	if err != nil {
		return err
	}
	i, err := w.Identities(ctx, v.Account)
	if err != nil {
		return err
	}
	if len(n)+len(i) < 2 && what != noticeRemoved {
		return nil
	}
	a, err := w.Account(ctx, v.Account)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("%s your account in the product register on %s%s.\n\nIf it was you, there is nothing to do. If not, add a new passkey, which ends every session, and look at the ways to sign in:\n\n%s/recover\n\nand tell whoever runs the register.\n", what, assay.DateOf(s.now()).Words(), place(v), s.BaseURL)
	return enqueueMail(ctx, w, Mail{To: a.Email, Subject: "Signing in to the product register: a change", Text: text})
}

// What a notice says of ways to sign in.
const (
	noticePasskey  = "A passkey was added to"
	noticeIdentity = "A company's sign-in was linked to"
	noticeRemoved  = "A way to sign in was removed from"
)

// noticeOwners writes to the owners of the viewer's organisation of something by which
// others can act for it.
func (s *Service) noticeOwners(ctx context.Context, w Writer, v Viewer, what string) error {
	org, err := w.Org(ctx, v.Org)
	if err != nil {
		return err
	}
	members, err := w.Members(ctx, v.Org)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("%s %s in the product register on %s, by %s%s.\n\nIf that is as it should be, there is nothing to do. If not, revoke it and look at the audit trail:\n\n%s/org/audit\n", what, org.Name, assay.DateOf(s.now()).Words(), v.Name, place(v), s.BaseURL)
	told := 0
	for _, m := range members {
		if m.Role != RoleOwner || told == maxNoticed {
			continue
		}
		told++
		if err := enqueueMail(ctx, w, Mail{To: m.Email, Subject: "A change at " + org.Name + " in the product register", Text: text}); err != nil {
			return err
		}
	}
	if told == 0 {
		return errors.New("an organisation without an owner")
	}
	return nil
}

// place is from where, as far as it is known.
func place(v Viewer) string {
	if v.From == "" {
		return ""
	}
	return ", from the address " + v.From
}
