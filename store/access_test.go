package store_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
	"github.com/assay-psti/assay/sign"
)

func TestAccess(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		secret, token, err := h.s.NewToken(ctx, h.maker, "ci", []register.TokenScope{register.ScopePublish}, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		v, err := h.s.Authenticate(ctx, secret, "192.0.2.1")
		if err != nil || v.Org != h.maker.Org || v.Token != token.ID || v.From != "192.0.2.1" || v.May(register.SeeDrafts) {
			t.Errorf("token: %+v, %v", v, err)
		}
		refuse := func(name, secret string) {
			t.Helper()
			if _, err := h.s.Authenticate(ctx, secret, ""); !errors.Is(err, assay.ErrRefused) {
				t.Errorf("%s: got %v, want refused", name, err)
			}
		}
		refuse("changed", secret[:len(secret)-1]+"!")
		refuse("empty", "")
		refuse("another's id", "assay_t0000000000000_"+secret[strings.LastIndex(secret, "_")+1:])
		h.now = h.now.Add(time.Hour)
		refuse("expired", secret)
		if secret, token, err = h.s.NewToken(ctx, h.maker, "ci", []register.TokenScope{register.ScopePublish}, time.Hour); err != nil {
			t.Fatal(err)
		}
		other, _ := h.organisation(t, "Other Ltd", register.Manufacturer)
		if err := h.s.RevokeToken(ctx, other, token.ID); !errors.Is(err, assay.ErrNotFound) {
			t.Errorf("another's token revoked: %v", err)
		}
		if err := h.s.RevokeToken(ctx, h.maker, token.ID); err != nil {
			t.Fatal(err)
		}
		refuse("revoked", secret)

		editor := h.member(t, h.maker, register.RoleEditor)
		if secret, _, err = h.s.NewToken(ctx, h.maker, "x", []register.TokenScope{register.ScopeRead, "all"}, time.Hour); !errors.Is(err, assay.ErrInvalid) {
			t.Errorf("unknown scope: got %q, %v", secret, err)
		}
		if _, err := h.s.Invite(ctx, editor, "x@example.org", register.RoleOwner); !errors.Is(err, assay.ErrRefused) {
			t.Errorf("an editor invites: %v", err)
		}
		if err := h.s.SetRole(ctx, h.maker, h.maker.Account, register.RoleReader); !errors.Is(err, assay.ErrRefused) {
			t.Errorf("the last owner steps down: %v", err)
		}
		if err := h.s.RemoveMember(ctx, h.maker, h.maker.Account); !errors.Is(err, assay.ErrRefused) {
			t.Errorf("the last owner leaves: %v", err)
		}
		if err := h.s.SetRole(ctx, other, editor.Account, register.RoleReader); !errors.Is(err, assay.ErrNotFound) {
			t.Errorf("another's member: %v", err)
		}
		if err := h.s.SetRole(ctx, h.maker, editor.Account, register.RoleOwner); err != nil {
			t.Fatal(err)
		}
		if err := h.s.RemoveMember(ctx, h.maker, h.maker.Account); err != nil {
			t.Errorf("one of two owners leaves: %v", err)
		}
		if _, err := h.s.SignIn(ctx, h.maker.Account, h.maker.Org, ""); !errors.Is(err, assay.ErrRefused) {
			t.Errorf("acts for an organisation that they left: %v", err)
		}

		link, err := h.s.Invite(ctx, other, "new@example.org", register.RoleReader)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.s.TakeUpLink(ctx, register.Public, link, register.Person{Name: "Eve", Email: "eve@example.org"}); !errors.Is(err, assay.ErrRefused) {
			t.Errorf("somebody else's invitation: %v", err)
		}
		if _, err := h.s.TakeUpLink(ctx, register.Public, link, register.Person{Name: "New", Email: "NEW@example.org"}); err != nil {
			t.Fatal(err)
		}
		if _, err := h.s.TakeUpLink(ctx, editor, link, register.Person{}); !errors.Is(err, assay.ErrRefused) {
			t.Errorf("a link used twice: %v", err)
		}
		if err := h.s.AddCredential(ctx, editor, register.Credential{ID: []byte("k"), Data: []byte("{}")}); err != nil {
			t.Fatal(err)
		}
		if err := h.s.AddCredential(ctx, other, register.Credential{ID: []byte("k"), Data: []byte("{}")}); !errors.Is(err, assay.ErrConflict) {
			t.Errorf("another's passkey: %v", err)
		}
		if err := h.s.RemoveCredential(ctx, other, []byte("k")); !errors.Is(err, assay.ErrNotFound) {
			t.Errorf("another's passkey removed: %v", err)
		}
		if err := h.s.RemoveCredential(ctx, editor, []byte("k")); !errors.Is(err, assay.ErrRefused) {
			t.Errorf("the last way in removed: %v", err)
		}
		sessions := h.db.Sessions(h.clock, func([]byte) register.AccountID { return editor.Account })
		if err := sessions.Commit("s", []byte("x"), h.now.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if err := h.s.LockAccount(ctx, editor, other.Account, true); !errors.Is(err, assay.ErrRefused) {
			t.Errorf("locked by no operator: %v", err)
		}
		if err := h.s.LockAccount(ctx, h.op, editor.Account, true); err != nil {
			t.Fatal(err)
		}
		if _, found, err := sessions.Find("s"); found || err != nil {
			t.Errorf("a session of a locked account: %v, %v", found, err)
		}
		if _, err := h.s.SignIn(ctx, editor.Account, "", ""); !errors.Is(err, assay.ErrRefused) {
			t.Errorf("a locked account signs in: %v", err)
		}
		if _, err := h.s.Audit(ctx, register.Public, register.EventFilter{}); !errors.Is(err, assay.ErrRefused) {
			t.Errorf("audit trail for all: %v", err)
		}
		events, err := h.s.Audit(ctx, other, register.EventFilter{Org: h.maker.Org})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if e.Org != other.Org {
				t.Errorf("another's event: %+v", e)
			}
			if text := fmt.Sprint(e.Detail); strings.Contains(text, link) {
				t.Errorf("a secret in the audit trail: %s", text)
			}
		}
	})
}

func TestSessions(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		s := h.db.Sessions(h.clock, nil)
		if err := s.Commit("a", []byte{1, 0}, h.now.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if err := s.Commit("a", []byte{2, 0}, h.now.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		data, found, err := s.Find("a")
		if err != nil || !found || data[0] != 2 {
			t.Errorf("found %v %v %v", data, found, err)
		}
		h.now = h.now.Add(time.Hour)
		if _, found, err := s.Find("a"); found || err != nil {
			t.Errorf("an expired session: %v, %v", found, err)
		}
		if err := h.db.Tidy(t.Context(), h.now.Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		if err := s.Delete("a"); err != nil {
			t.Error(err)
		}
	})
}

func TestSubscriptions(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		r := h.publish(t, facts("K2"), "2031-01-01")
		if err := h.s.Subscribe(ctx, "a@example.org", register.Target{Kind: register.FollowProduct, Key: string(r.Product)}); !errors.Is(err, assay.ErrNotFound) {
			t.Errorf("followed before it is public: %v", err)
		}
		h.settle(t)
		for _, target := range []register.Target{{Kind: register.FollowProduct, Key: string(r.Product)}, {Kind: register.FollowMaker, Key: "acme-ltd"}, {Kind: register.FollowCategory, Key: "KETTLE"}} {
			if err := h.s.Subscribe(ctx, "A@example.org", target); err != nil {
				t.Fatal(err)
			}
		}
		if err := h.s.Subscribe(ctx, "nobody@example.org", register.Target{Kind: register.FollowMaker, Key: "acme-ltd"}); err != nil {
			t.Fatal(err)
		}
		var confirm []string
		for _, m := range h.mails(t) {
			if strings.HasPrefix(m, "a@example.org|") {
				_, link, _ := strings.Cut(m, "/follow/confirm/")
				secret, _, _ := strings.Cut(link, "\n")
				confirm = append(confirm, secret)
			}
		}
		if len(confirm) != 3 {
			t.Fatalf("letters: got %d, want 3", len(confirm))
		}
		if err := h.s.Unsubscribe(ctx, confirm[0]); !errors.Is(err, assay.ErrNotFound) {
			t.Errorf("a link for another use: %v", err)
		}
		if _, err := h.s.ConfirmSubscription(ctx, confirm[0]+"x"); !errors.Is(err, assay.ErrNotFound) {
			t.Errorf("a changed link: %v", err)
		}
		for _, c := range confirm {
			if _, err := h.s.ConfirmSubscription(ctx, c); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := h.s.ExtendSupport(ctx, h.maker, r.Product, []register.Extension{{Component: register.WholeProduct, End: assay.MustDate("2034-01-01")}}, "we promise"); err != nil {
			t.Fatal(err)
		}
		h.settle(t)
		mails := h.mails(t)
		if len(mails) != 3 {
			t.Fatalf("alerts: got %d, want 3: %v", len(mails), mails)
		}
		for _, m := range mails {
			if !strings.HasPrefix(m, "a@example.org|Acme K2: support extended|") || !strings.Contains(m, "2034-01-01 (before: 2031-01-01)") {
				t.Errorf("alert: %s", m)
			}
			stop := m[strings.LastIndex(m, "/")+1:]
			for range 2 { // twice is no error
				if err := h.s.Unsubscribe(ctx, stop); err != nil {
					t.Error(err)
				}
			}
		}
		if _, err := h.s.Withdraw(ctx, h.maker, r.Product, "no more"); err != nil {
			t.Fatal(err)
		}
		h.settle(t)
		if mails := h.mails(t); len(mails) != 0 {
			t.Errorf("letters after the end: %v", mails)
		}
	})
}

func TestDrafts(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		f := facts("K2")
		f.Contact = register.Contact{}
		d, err := h.s.SaveDraft(ctx, h.maker, register.Draft{Facts: f})
		if err != nil || d.Revision != 1 {
			t.Fatalf("%+v, %v", d, err)
		}
		if _, err := h.s.SaveDraft(ctx, h.maker, register.Draft{Product: d.Product, Facts: f}); !errors.Is(err, assay.ErrConflict) {
			t.Errorf("saved over another: %v", err)
		}
		_, faults, err := h.s.Preview(ctx, h.maker, d.Product)
		if err != nil || len(faults) != 2 || faults[0].Cite == "" {
			t.Errorf("faults: %+v, %v", faults, err)
		}
		if _, err := h.s.PublishDraft(ctx, h.maker, d.Product); !errors.Is(err, assay.ErrRefused) {
			t.Errorf("published unfinished: %v", err)
		}
		f = facts("K2")
		d.Facts, d.Statement = f, signed(t, h.key, f, assay.MustDate("2031-01-01"))
		if d, err = h.s.SaveDraft(ctx, h.maker, d); err != nil {
			t.Fatal(err)
		}
		full, faults, err := h.s.Preview(ctx, h.maker, d.Product)
		if err != nil || len(faults) != 0 || full.Entry.SupportEnd.String() != "2031-01-01" || len(full.Version.Claims) != 3 {
			t.Errorf("preview: %+v, %v, %v", full, faults, err)
		}
		r, err := h.s.PublishDraft(ctx, h.maker, d.Product)
		if err != nil || r.Product != d.Product {
			t.Fatalf("%+v, %v", r, err)
		}
		if _, err := h.s.Draft(ctx, h.maker, d.Product); !errors.Is(err, assay.ErrNotFound) {
			t.Errorf("the draft after publishing: %v", err)
		}
		h.settle(t)
		second, err := h.s.SaveDraft(ctx, h.maker, register.Draft{Facts: facts("K3")})
		if err != nil {
			t.Fatal(err)
		}
		dash, err := h.s.Dashboard(ctx, h.maker)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(dash.Counts, register.OwnCounts{Published: 1, Drafts: 1}); d != "" || len(dash.Drafts) != 1 || len(dash.Missing) != 1 {
			t.Errorf("dashboard: %+v: %s", dash, d)
		}
		if err := h.s.DiscardDraft(ctx, h.maker, second.Product); err != nil {
			t.Fatal(err)
		}
		if own, err := h.s.OwnEntries(ctx, h.maker, register.OwnFilter{}); err != nil || len(own) != 1 {
			t.Errorf("own after discarding: %v, %v", own, err)
		}
	})
}

func sealedAssessment(t testing.TB, key *sign.Key, c register.AssessmentClaim) []byte {
	t.Helper()
	e, err := sign.SealStatement(nil, register.AssessmentType, c, key)
	if err != nil {
		t.Fatal(err)
	}
	data, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestAssessment(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		lab, labKey := h.organisation(t, "Lab Ltd", register.Laboratory)
		r := h.publish(t, facts("K2"), "2031-01-01")
		claim := register.AssessmentClaim{Product: string(r.Product), Version: 1, Laboratory: "Lab Ltd", AsAt: assay.MustDate("2026-11-20"), Regimes: []register.RegimeVerdict{{Regime: "uk-psti", Version: "2025-12-04", Verdict: assay.Fail}}}
		sealed := func(key *sign.Key, c register.AssessmentClaim) []byte { return sealedAssessment(t, key, c) }
		good := sealed(labKey, claim)
		if _, err := h.s.AttachAssessment(ctx, lab, r.Product, good); !errors.Is(err, assay.ErrNotFound) {
			t.Errorf("of a product that is not public: %v", err)
		}
		h.settle(t)
		if _, err := h.s.AttachAssessment(ctx, h.maker, r.Product, good); !errors.Is(err, assay.ErrRefused) {
			t.Errorf("by the maker: %v", err)
		}
		if _, err := h.s.AttachAssessment(ctx, lab, r.Product, sealed(h.key, claim)); !errors.Is(err, assay.ErrRefused) {
			t.Errorf("by another key: %v", err)
		}
		wrong := claim
		wrong.Version = 2
		if _, err := h.s.AttachAssessment(ctx, lab, r.Product, sealed(labKey, wrong)); !errors.Is(err, assay.ErrInvalid) {
			t.Errorf("of a version that there is not: %v", err)
		}
		if _, err := h.s.AttachAssessment(ctx, lab, r.Product, good); err != nil {
			t.Fatal(err)
		}
		if full, err := h.s.Product(ctx, register.Public, r.Slug); err != nil || len(full.Assessments) != 0 {
			t.Errorf("shown before the log has it: %+v, %v", full.Assessments, err)
		}
		h.settle(t)
		full, err := h.s.Product(ctx, register.Public, r.Slug)
		if err != nil || len(full.Assessments) != 1 || full.Assessments[0].Says.Regimes[0].Verdict != assay.Fail || *full.Assessments[0].Leaf != 1 || len(full.History) != 2 {
			t.Errorf("%+v, %v", full, err)
		}
		if _, err := h.s.AttachAssessment(ctx, lab, r.Product, good); !errors.Is(err, assay.ErrConflict) {
			t.Errorf("twice: %v", err)
		}
		h.agree(t)
	})
}

func TestImport(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		docs := map[string][]byte{}
		for _, n := range []string{"K1", "K2"} {
			docs[n+".json"] = signed(t, h.key, facts(n), assay.MustDate("2031-01-01"))
		}
		const csv = "\ufeffName,Make,Models,Category,GTINs,Contact Email,Support End,Statement\n" +
			"K1,Acme,K1,kettle,5012345678900,security@acme.example,,K1.json\n" +
			"K2,Acme,K2,kettle,,security@acme.example,2030-12-31,K2.json\n" +
			"K3,Acme,K3,kettle,,security@acme.example,,\n" +
			"K4,Acme,K4,kettle,1234,security@acme.example,,K1.json\n" +
			"K5,Acme,K5,kettle,,security@acme.example,soon,\n" +
			"K6,,K6,kettle,,,,\n" +
			"K7,Acme,K7,kettle,,,,../../etc/passwd\n"
		run := func(text string) (register.ImportSummary, []string, error) {
			var rows []string
			sum, err := h.s.ImportRange(ctx, h.maker, strings.NewReader(text), register.Import{Publish: true, Statement: func(name string) ([]byte, error) {
				if doc := docs[name]; doc != nil {
					return doc, nil
				}
				return nil, assay.ErrNotFound
			}, Row: func(r register.RowReport) {
				rows = append(rows, fmt.Sprintf("%d %s %d", r.Line, r.Outcome, len(r.Faults)))
			}})
			return sum, rows, err
		}
		sum, rows, err := run(csv)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(rows, []string{"2 published 0", "3 refused 1", "4 draft 0", "5 refused 3", "6 refused 1", "7 refused 1", "8 refused 1"}); d != "" {
			t.Errorf("rows: %s", d)
		}
		if d := cmp.Diff(sum, register.ImportSummary{Rows: 7, Published: 1, Drafts: 1, Refused: 5}); d != "" {
			t.Errorf("summary: %s", d)
		}
		if _, rows, err = run(csv); err != nil || rows[0] != "2 unchanged 0" || rows[2] != "4 draft 0" {
			t.Errorf("again: %v, %v", rows, err)
		}
		h.settle(t)
		if a := h.agree(t); a.Leaves != 1 {
			t.Errorf("leaves: got %d, want 1", a.Leaves)
		}
		for _, bad := range []string{"", "Name,Make\n", "Name,Make,Category,Price\n", "Name,Name,Make,Category\n", "name,make,category\na,b,\"c\nd,e,f\n"} {
			if _, _, err := run(bad); !errors.Is(err, assay.ErrInvalid) {
				t.Errorf("%q: got %v, want invalid", bad, err)
			}
		}
	})
}

// Rows of one batch that name one barcode are held against each other, as those that
// are public already are.
func TestImportSameBarcodeInOneBatch(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		docs := map[string][]byte{}
		for name, end := range map[string]string{"K1": "2031-01-01", "K2": "2029-01-01", "K3": "2032-01-01"} {
			f := facts(name)
			f.GTINs = []register.GTIN{"5012345678900"}
			docs[name] = signed(t, h.key, f, assay.MustDate(end))
		}
		text := "Name,Make,Models,Category,Contact Email,GTINs,Statement\n"
		for _, name := range []string{"K1", "K2", "K3"} {
			text += name + ",Acme," + name + ",kettle,security@acme.example,5012345678900," + name + "\n"
		}
		var rows []string
		_, err := h.s.ImportRange(t.Context(), h.maker, strings.NewReader(text), register.Import{Publish: true, Statement: func(name string) ([]byte, error) { return docs[name], nil }, Row: func(r register.RowReport) {
			rows = append(rows, fmt.Sprint(r.Outcome, r.Faults))
		}})
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) != 3 || !strings.HasPrefix(rows[0], "published") || !strings.HasPrefix(rows[1], "refused") || !strings.Contains(rows[1], "Acme K1") || !strings.HasPrefix(rows[2], "published") {
			t.Errorf("got %q, want the second refused for what the first promised", rows)
		}
	})
}

// Rows of one batch that are of the same product follow one another, as those of
// different batches do.
func TestImportSameProductInOneBatch(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		doc := signed(t, h.key, facts("K1"), assay.MustDate("2031-01-01"))
		const row = "K1,Acme,K1,kettle,security@acme.example,"
		text := "Name,Make,Models,Category,Contact Email,GTINs,Statement\n" +
			row + "5012345678900,K1.json\n" + row + ",K1.json\n" + row + ",K1.json\n" + row + ",\n" + row + "5012345678900,K1.json\n"
		var rows []string
		var id register.ProductID
		if _, err := h.s.ImportRange(t.Context(), h.maker, strings.NewReader(text), register.Import{Publish: true, Statement: func(string) ([]byte, error) { return doc, nil }, Row: func(r register.RowReport) {
			rows = append(rows, fmt.Sprintf("%s %d", r.Outcome, r.Version))
			if id == "" {
				id = r.Product
			} else if r.Product != id {
				t.Errorf("row %d is of another product", r.Line)
			}
		}}); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(rows, []string{"published 1", "published 2", "unchanged 2", "draft 0", "published 3"}); d != "" {
			t.Errorf("rows: %s", d)
		}
		h.settle(t)
		h.agree(t)
		full, err := h.s.Product(t.Context(), register.Public, string(id))
		if err != nil || full.Version.Number != 3 || len(full.History) != 3 || len(full.Version.Facts.GTINs) != 1 {
			t.Errorf("product: %+v, %v", full, err)
		}
		if _, err := h.s.Draft(t.Context(), h.maker, id); !errors.Is(err, assay.ErrNotFound) {
			t.Errorf("draft: got %v, want none: it was published", err)
		}
	})
}
