package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

// empty is a register in which nobody has an account.
func empty(t *testing.T, engine string) *house {
	t.Helper()
	h := &house{where: address(t, engine), now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), logAt: t.TempDir() + "/log"}
	h.open(t)
	return h
}

// TestSetup lets whoever runs the machine begin again until somebody can sign in, and
// nobody afterwards.
func TestSetup(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			h := empty(t, engine)
			ctx := t.Context()
			link := func() string {
				t.Helper()
				secret, err := h.s.SetupLink(ctx)
				if err != nil {
					t.Fatal(err)
				}
				return secret
			}
			take := func(secret, email string) (register.Account, error) {
				return h.s.TakeUpLink(ctx, register.Public, secret, register.Person{Name: "Ada", Email: email})
			}
			account := func(id register.AccountID) register.Account {
				t.Helper()
				a, err := h.s.AccountByID(ctx, id)
				if err != nil {
					t.Fatal(err)
				}
				return a
			}
			first, spare := link(), link()
			astray, err := take(first, "stranger@example.org")
			if err != nil {
				t.Fatal(err)
			}
			if err := h.s.Recover(ctx, "stranger@example.org", ""); err != nil {
				t.Fatal(err)
			}
			again := link()
			if again == "" {
				t.Fatal("no new link, though nobody can sign in")
			}
			ada, err := take(again, "ada@example.org")
			if err != nil || !ada.Operator {
				t.Fatalf("%+v, %v", ada, err)
			}
			// Who took the first link up is out, whatever they still hold.
			if a := account(astray.ID); a.Operator || a.Locked.IsZero() {
				t.Errorf("the first to take a link up is still in: %+v", a)
			}
			passkey := register.Credential{ID: []byte("id"), Data: []byte("{}")}
			if err := h.s.AddCredential(ctx, register.Viewer{Account: astray.ID}, passkey); !errors.Is(err, assay.ErrRefused) {
				t.Errorf("a passkey for the account that was closed: %v", err)
			}
			if err := h.s.AddIdentity(ctx, register.Viewer{Account: astray.ID}, register.Identity{Issuer: "https://id.example", Subject: "s"}); !errors.Is(err, assay.ErrRefused) {
				t.Errorf("an identity for the account that was closed: %v", err)
			}
			// The same person again is the same account.
			same, err := take(link(), "ADA@example.org")
			if err != nil || same.ID != ada.ID || !account(ada.ID).Operator || !account(ada.ID).Locked.IsZero() {
				t.Fatalf("taken up again: %+v, %v; want account %s", same, err, ada.ID)
			}
			late := link()
			if err := h.s.AddCredential(ctx, register.Viewer{Account: ada.ID}, passkey); err != nil {
				t.Fatal(err)
			}
			// From now on there is no way past whoever can sign in.
			if secret := link(); secret != "" {
				t.Error("a link is made though an operator can sign in")
			}
			for name, secret := range map[string]string{"made before": late, "of the beginning": spare} {
				if _, err := h.s.Link(ctx, secret); !errors.Is(err, assay.ErrRefused) {
					t.Errorf("link %s: %v, want refused", name, err)
				}
				if _, err := take(secret, "eve@example.org"); !errors.Is(err, assay.ErrRefused) {
					t.Errorf("link %s taken up: %v, want refused", name, err)
				}
			}
			if _, err := h.s.AccountByEmail(ctx, "eve@example.org"); !errors.Is(err, assay.ErrNotFound) {
				t.Errorf("there is an account of eve: %v", err)
			}
		})
	}
}

// TestMakerFeed has what laboratories say of a maker's products, and nobody else's.
func TestMakerFeed(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		lab, labKey := h.organisation(t, "Lab Ltd", register.Laboratory)
		other, _ := h.organisation(t, "Other Ltd", register.Manufacturer)
		r := h.publish(t, facts("K2"), "2031-01-01")
		h.settle(t)
		claim := register.AssessmentClaim{Product: string(r.Product), Version: 1, Laboratory: "Lab Ltd", AsAt: assay.MustDate("2026-11-20"), Regimes: []register.RegimeVerdict{{Regime: "uk-psti", Version: "2025-12-04", Verdict: assay.Pass}}}
		if _, err := h.s.AttachAssessment(ctx, lab, r.Product, sealedAssessment(t, labKey, claim)); err != nil {
			t.Fatal(err)
		}
		kinds := func(f register.ChangeFilter) string {
			t.Helper()
			changes, err := h.s.Feed(ctx, register.Public, f)
			if err != nil {
				t.Fatal(err)
			}
			var out []string
			for _, c := range changes {
				out = append(out, string(c.Kind))
			}
			return strings.Join(out, " ")
		}
		acme := register.Target{Kind: register.FollowMaker, Key: "acme-ltd"}
		if got, want := kinds(register.ChangeFilter{Target: acme}), "published"; got != want {
			t.Errorf("before the log has it: %q, want %q", got, want)
		}
		h.settle(t)
		h.publish(t, facts("K3"), "2031-01-01")
		h.settle(t)
		for name, target := range map[string]register.Target{"maker": acme, "category": {Kind: register.FollowCategory, Key: "kettle"}, "all": {}} {
			if got, want := kinds(register.ChangeFilter{Target: target}), "published assessed published"; got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		if got, want := kinds(register.ChangeFilter{Target: acme, Newest: true, Before: 2, Limit: 1}), "assessed"; got != want {
			t.Errorf("newest before the third: %q, want %q", got, want)
		}
		if got, want := kinds(register.ChangeFilter{Target: acme, Since: 1, Limit: 1}), "assessed"; got != want {
			t.Errorf("one from the second on: %q, want %q", got, want)
		}
		if got, want := kinds(register.ChangeFilter{Target: register.Target{Kind: register.FollowProduct, Key: string(r.Product)}}), "published assessed"; got != want {
			t.Errorf("product: %q, want %q", got, want)
		}
		if got := kinds(register.ChangeFilter{Target: register.Target{Kind: register.FollowMaker, Key: "other-ltd"}}); got != "" {
			t.Errorf("another maker, %s, has %q", other.Org, got)
		}
	})
}
