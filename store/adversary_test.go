package store_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
	"github.com/assay-psti/assay/sign"
)

// as publishes for another organisation than the house's own.
func (h *house) as(t *testing.T, v register.Viewer, key *sign.Key, f register.Facts, end string) (register.Receipt, error) {
	t.Helper()
	return h.s.Publish(t.Context(), v, &register.Bundle{Format: 1, Facts: f, Statement: signed(t, key, f, assay.MustDate(end))})
}

// TestSquatting has nobody crowd a maker out of its own barcode.
func TestSquatting(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		const number = register.GTIN("5012345678900")
		f := facts("K2")
		f.GTINs = []register.GTIN{number}
		own := h.publish(t, f, "2031-01-01")
		h.settle(t)
		for i := range 12 {
			v, key := h.organisation(t, fmt.Sprintf("Squatter %d", i), register.Manufacturer)
			for j := range 4 {
				g := facts(fmt.Sprintf("Fake %d", j))
				g.GTINs = f.GTINs
				if _, err := h.as(t, v, key, g, "2040-01-01"); err != nil {
					t.Fatal(err)
				}
			}
		}
		h.settle(t)
		matches, err := h.s.Lookup(t.Context(), register.Public, []string{string(number)})
		if err != nil {
			t.Fatal(err)
		}
		got := matches[0].Entries
		if len(got) == 0 || got[0].ID != own.Product {
			t.Fatalf("who claimed the number first is not named first: %+v", got)
		}
		per := map[register.OrgID]int{}
		for _, e := range got {
			per[e.Org]++
		}
		for org, n := range per {
			if n > 2 {
				t.Errorf("organisation %s is named %d times", org, n)
			}
		}
		if len(got) > 20 {
			t.Errorf("%d entries for one number", len(got))
		}
	})
}

// TestSameBarcode keeps what was promised for a barcode, by whatever name the entry goes.
func TestSameBarcode(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		f := facts("K2")
		f.GTINs = []register.GTIN{"5012345678900"}
		r := h.publish(t, f, "2031-12-31")
		h.settle(t)
		if _, err := h.s.Withdraw(t.Context(), h.maker, r.Product, "renamed"); err != nil {
			t.Fatal(err)
		}
		h.settle(t)
		g := facts("K2 new")
		g.GTINs = f.GTINs
		if _, err := h.as(t, h.maker, h.key, g, "2029-12-31"); !errors.Is(err, assay.ErrRefused) || !strings.Contains(err.Error(), "SI 2023/1007 Sch.1 para 3(6)") || !strings.Contains(err.Error(), "Acme K2") {
			t.Errorf("shorter under another name: %v, want refused with its cite", err)
		}
		if _, err := h.as(t, h.maker, h.key, g, "2031-12-31"); err != nil {
			t.Errorf("as long: %v", err)
		}
		other, key := h.organisation(t, "Other Ltd", register.Manufacturer)
		if _, err := h.as(t, other, key, g, "2029-12-31"); err != nil {
			t.Errorf("what one organisation promised binds another: %v", err)
		}
		g.GTINs, g.Name = nil, "K3"
		if _, err := h.as(t, h.maker, h.key, g, "2029-12-31"); err != nil {
			t.Errorf("another product: %v", err)
		}
	})
}

// TestLookalikes takes names that look alike for the same, and none that nobody can see.
func TestLookalikes(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		r := h.publish(t, facts("Kettle Cé"), "2031-12-31")
		for _, name := range []string{"kettle  cé", "Kettle Ce\u0301", "Kеttle Cé", "Κettle Сé"} {
			f := facts(name)
			_, err := h.as(t, h.maker, h.key, f, "2029-12-31")
			if !errors.Is(err, assay.ErrRefused) || !strings.Contains(err.Error(), "never shortened") {
				t.Errorf("%q with less support: %v, want refused as the same entry", name, err)
			}
		}
		if again, err := h.as(t, h.maker, h.key, facts("Kettle Сé"), "2032-12-31"); err != nil || again.Product != r.Product {
			t.Errorf("a name that looks the same: %+v, %v, want entry %s", again, err, r.Product)
		}
		for _, name := range []string{"Kettle\u200b", "Ket\u00adtle", "Kettle\u2060", "\ufeffKettle", "Kettle\u3164", "Kettle\u202egoods", "Kettle\U000E0041"} {
			if _, err := h.as(t, h.maker, h.key, facts(name), "2031-12-31"); !errors.Is(err, assay.ErrInvalid) {
				t.Errorf("%q: %v, want invalid", name, err)
			}
		}
		for _, name := range []string{"Чайник", "چای\u200cساز", "電気ケトル"} { // names in other scripts are names
			if _, err := h.as(t, h.maker, h.key, facts(name), "2031-12-31"); err != nil {
				t.Errorf("%q: %v", name, err)
			}
		}
		for _, name := range []string{"Acme Ltd", "ACME  ltd", "Аcme Ltd", "Acme\u00a0Ltd", "Ａｃｍｅ Ltd"} {
			if _, err := h.s.CreateOrganisation(ctx, h.op, register.Organisation{Name: name, Kind: register.Importer}); !errors.Is(err, assay.ErrConflict) {
				t.Errorf("organisation %q beside Acme Ltd: %v, want a conflict", name, err)
			}
		}
		for _, name := range []string{"Acme\u200b Ltd", "Acme Ltd\nTake it up: https://evil.example", "Acme\u202eLtd"} {
			if _, err := h.s.CreateOrganisation(ctx, h.op, register.Organisation{Name: name, Kind: register.Importer}); !errors.Is(err, assay.ErrInvalid) {
				t.Errorf("organisation %q: %v, want invalid", name, err)
			}
		}
		other, _ := h.organisation(t, "Other Ltd", register.Manufacturer)
		if _, err := h.s.UpdateOrganisation(ctx, other, register.Organisation{Name: "Асme Ltd"}); !errors.Is(err, assay.ErrConflict) {
			t.Errorf("renamed to what looks like another's: %v, want a conflict", err)
		}
		if _, err := h.s.UpdateOrganisation(ctx, other, register.Organisation{Name: "Other Limited"}); err != nil {
			t.Error(err)
		}
		if _, err := h.s.UpdateOrganisation(ctx, other, register.Organisation{Name: "OTHER Limited"}); err != nil {
			t.Errorf("its own name in other case: %v", err)
		}
	})
}

// TestReplay lets nobody publish what another organisation signed.
func TestReplay(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		f := facts("K2")
		b := h.bundle(t, f, "2031-12-31")
		if _, err := h.s.Publish(ctx, h.maker, b); err != nil {
			t.Fatal(err)
		}
		h.settle(t)
		thief, _ := h.organisation(t, "Thief Ltd", register.Importer)
		theirs := *b
		theirs.Facts.Contact.Email = "reports@thief.example"
		if _, err := h.s.Publish(ctx, thief, &theirs); !errors.Is(err, assay.ErrRefused) {
			t.Errorf("another's statement: %v, want refused", err)
		}
		if _, err := h.s.AddKey(ctx, thief, "mine, really", h.key.Public().PEM()); !errors.Is(err, assay.ErrConflict) {
			t.Errorf("another's key: %v, want a conflict", err)
		}
		if err := h.s.RevokeKey(ctx, h.maker, h.key.Public().ID()); err != nil {
			t.Fatal(err)
		}
		if _, err := h.s.AddKey(ctx, thief, "revoked by now", h.key.Public().PEM()); !errors.Is(err, assay.ErrConflict) {
			t.Errorf("another's revoked key: %v, want a conflict", err)
		}
		// What a revoked key signed is not published any more, not even once more by its own.
		g := facts("K3")
		if _, err := h.as(t, h.maker, h.key, g, "2031-12-31"); !errors.Is(err, assay.ErrRefused) {
			t.Errorf("signed with a revoked key: %v, want refused", err)
		}
		if _, err := h.s.AddKey(ctx, h.maker, "again", h.key.Public().PEM()); !errors.Is(err, assay.ErrConflict) {
			t.Errorf("a revoked key added again: %v, want a conflict", err)
		}
	})
}

// TestInvitationsEnd has an owner who was removed not come back by a link of their own.
func TestInvitationsEnd(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		rogue := h.member(t, h.maker, register.RoleOwner)
		kept, err := h.s.Invite(ctx, rogue, "second.self@example.org", register.RoleOwner)
		if err != nil {
			t.Fatal(err)
		}
		good, err := h.s.Invite(ctx, h.maker, "new@example.org", register.RoleReader)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.s.RemoveMember(ctx, h.maker, rogue.Account); err != nil {
			t.Fatal(err)
		}
		if _, err := h.s.TakeUpLink(ctx, register.Public, kept, register.Person{Name: "Second Self", Email: "second.self@example.org"}); !errors.Is(err, assay.ErrRefused) {
			t.Errorf("an invitation by who was removed: %v, want refused", err)
		}
		if _, err := h.s.AccountByEmail(ctx, "second.self@example.org"); !errors.Is(err, assay.ErrNotFound) {
			t.Errorf("it made an account: %v", err)
		}
		if _, err := h.s.TakeUpLink(ctx, register.Public, good, register.Person{Name: "New", Email: "new@example.org"}); err != nil {
			t.Errorf("an invitation by who is still owner: %v", err)
		}
	})
}

// TestLettersAreFew bounds what strangers can have the register write to an address.
func TestLettersAreFew(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		for i := range 9 {
			h.publish(t, facts(fmt.Sprintf("K%d", i)), "2031-01-01")
		}
		h.settle(t)
		full, err := h.s.OwnEntries(ctx, h.maker, register.OwnFilter{})
		if err != nil {
			t.Fatal(err)
		}
		to := func(address string) (n int) {
			for _, m := range h.mails(t) {
				if strings.HasPrefix(m, address+"|") {
					n++
				}
			}
			return n
		}
		h.mails(t)
		for range 3 {
			for _, e := range full {
				if err := h.s.Subscribe(ctx, "victim@example.org", register.Target{Kind: register.FollowProduct, Key: string(e.ID)}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if got := to("victim@example.org"); got != 5 {
			t.Errorf("%d letters asking to confirm, want 5", got)
		}
		h.now = h.now.Add(2 * time.Hour)
		for _, e := range full[:2] {
			if err := h.s.Subscribe(ctx, "victim@example.org", register.Target{Kind: register.FollowProduct, Key: string(e.ID)}); err != nil {
				t.Fatal(err)
			}
		}
		if got := to("victim@example.org"); got != 2 {
			t.Errorf("%d letters when asked again later, want 2", got)
		}
		address := h.member(t, h.maker, register.RoleReader)
		a, err := h.s.AccountByID(ctx, address.Account)
		if err != nil {
			t.Fatal(err)
		}
		h.mails(t)
		for range 9 {
			if err := h.s.Recover(ctx, a.Email, "192.0.2.1"); err != nil {
				t.Fatal(err)
			}
		}
		if got := to(a.Email); got != 3 {
			t.Errorf("%d letters of recovery, want 3", got)
		}
	})
}

// TestNotices has people told of what lets others act in their name.
func TestNotices(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		v := h.member(t, h.maker, register.RoleEditor)
		a, err := h.s.AccountByID(ctx, v.Account)
		if err != nil {
			t.Fatal(err)
		}
		owner, err := h.s.AccountByID(ctx, h.maker.Account)
		if err != nil {
			t.Fatal(err)
		}
		h.mails(t)
		told := func(what, to, words string, do func() error) {
			t.Helper()
			if err := do(); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			got := h.mails(t)
			switch {
			case words == "" && len(got) > 0:
				t.Errorf("%s: told of it: %q", what, got)
			case words != "" && (len(got) != 1 || !strings.HasPrefix(got[0], to+"|") || !strings.Contains(got[0], words)):
				t.Errorf("%s: %q, want one letter to %s with %q", what, got, to, words)
			}
		}
		passkey := func(id string) func() error {
			return func() error {
				return h.s.AddCredential(ctx, v, register.Credential{ID: []byte(id), Data: []byte("{}"), Name: "key " + id})
			}
		}
		told("first passkey", "", "", passkey("one"))
		told("second passkey", a.Email, "A passkey was added", passkey("two"))
		told("identity", a.Email, "linked", func() error {
			return h.s.AddIdentity(ctx, v, register.Identity{Issuer: "https://id.example", Subject: "s"})
		})
		told("removed", a.Email, "removed", func() error { return h.s.RemoveCredential(ctx, v, []byte("one")) })
		told("token", owner.Email, "token", func() error {
			_, _, err := h.s.NewToken(ctx, h.maker, "ci", []register.TokenScope{register.ScopeRead}, time.Hour)
			return err
		})
		told("key", owner.Email, "key", func() error {
			key, err := sign.Generate(sign.Ed25519)
			if err != nil {
				return err
			}
			_, err = h.s.AddKey(ctx, h.maker, "second", key.Public().PEM())
			return err
		})
	})
}
