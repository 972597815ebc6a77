package web

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/assay-psti/assay/register"
)

// letter waits for the next mail that the register hands on.
func (o *office) letter(t *testing.T) register.Mail {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second) // ends a test that hangs; measures nothing
	defer stop()
	got := make(chan register.Mail, 1)
	go func() {
		_ = o.db.Work(ctx, 1, func(_ context.Context, w register.Work) error {
			var m register.Mail
			if w.Kind == register.WorkMail && json.Unmarshal(w.Payload, &m) == nil && strings.Contains(m.Text, "/recover/") {
				got <- m
			}
			return nil
		})
	}()
	select {
	case m := <-got:
		return m
	case <-ctx.Done():
		t.Fatal("no mail came")
		return register.Mail{}
	}
}

// TestRecovery: the link in the mail ends every session, opens the page of a new
// passkey and nothing else, and works once.
func TestRecovery(t *testing.T) {
	o := newOffice(t)
	f := o.firm(t, "Acme Ltd", register.Manufacturer)
	owner := f.people[register.RoleOwner]
	lost := o.enter(t, owner.Account, f.org)
	a, err := o.reg.AccountByID(t.Context(), owner.Account)
	if err != nil {
		t.Fatal(err)
	}
	v := &visitor{o: o}
	if code, _, _ := v.post("/recover", url.Values{"email": {strings.ToUpper(a.Email)}}); code != http.StatusOK {
		t.Fatalf("ask: %d", code)
	}
	mail := o.letter(t)
	if mail.To != a.Email {
		t.Errorf("the link goes to %q, want %q", mail.To, a.Email)
	}
	_, rest, _ := strings.Cut(mail.Text, officeURL)
	at, _, _ := strings.Cut(rest, "\n")
	if code, _ := v.get(at); code != http.StatusOK {
		t.Fatalf("open: %d", code)
	}
	if code, _ := lost.get("/org"); code != http.StatusOK {
		t.Errorf("opening the link ended a session: %d", code)
	}
	if code, _, to := v.post(at, nil); code != http.StatusSeeOther || to != "/enrol" {
		t.Fatalf("take up: %d to %q", code, to)
	}
	if code, _, to := lost.answer(httptest.NewRequest("GET", "/org", nil)); code != http.StatusSeeOther || !strings.HasPrefix(to, "/sign-in") {
		t.Errorf("a session from before: %d, want it ended", code)
	}
	if code, _, to := v.answer(httptest.NewRequest("GET", "/org", nil)); code != http.StatusSeeOther || to != "/enrol" {
		t.Errorf("before a new passkey: %d to %q", code, to)
	}
	if code, _ := v.get("/enrol"); code != http.StatusOK {
		t.Errorf("the page of the new passkey: %d", code)
	}
	if code, _, _ := (&visitor{o: o}).post(at, nil); code != http.StatusNotFound {
		t.Errorf("a second time: %d, want 404", code)
	}
}

// TestTrail: what is done is in the audit trail, with who, what and from where; each
// organisation sees its own.
func TestTrail(t *testing.T) {
	o := newOffice(t)
	f, other := o.firm(t, "Acme Ltd", register.Manufacturer), o.firm(t, "Brand plc", register.Importer)
	owner, editor := o.as(t, f, register.RoleOwner), o.as(t, f, register.RoleEditor)
	got := o.publish(t, f, "K2", "2031-01-31")
	steps := []struct {
		v      *visitor
		path   string
		values url.Values
		action string
	}{
		{owner, "/org/members/invite", url.Values{"email": {"new@example.org"}, "role": {"reader"}}, "member.invited"},
		{owner, "/org/tokens", url.Values{"name": {"x"}, "scopes": {"read"}, "expires": {"9"}}, "token.made"},
		{owner, "/org/settings", url.Values{"name": {"Acme Limited"}}, "organisation.changed"},
		{owner, "/org/members/" + string(f.people[register.RoleReader].Account) + "/role", url.Values{"role-" + string(f.people[register.RoleReader].Account): {"editor"}}, "member.role"},
		{editor, "/org/products/" + string(got.Product) + "/extend", url.Values{"end-product": {"2033-01-31"}}, "entry.extended"},
		{editor, "/org/products/" + string(got.Product) + "/revise", nil, "draft.saved"},
		{editor, "/org/products/" + string(got.Product) + "/withdraw", url.Values{"reason": {"recalled"}}, "entry.withdrawn"},
	}
	for _, s := range steps {
		if code, body, _ := s.v.post(s.path, s.values); code >= 400 {
			t.Fatalf("%s: %d %s", s.path, code, shownLine(body, 900))
		}
		events, err := o.reg.Audit(t.Context(), f.people[register.RoleOwner], register.EventFilter{Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		who := f.people[register.RoleOwner].Account
		if s.v == editor {
			who = f.people[register.RoleEditor].Account
		}
		if len(events) != 1 || events[0].Action != s.action || events[0].Account != who || events[0].From != "192.0.2.1" {
			t.Errorf("after %s the trail says %+v", s.path, events)
		}
	}
	_, body := owner.get("/org/audit")
	contains(t, body, "entry.withdrawn", "192.0.2.1")
	_, body = o.as(t, other, register.RoleOwner).get("/org/audit")
	if strings.Contains(body, "entry.withdrawn") || strings.Contains(body, string(got.Product)) {
		t.Error("another organisation's trail is shown")
	}
	_, body = o.enter(t, o.operator, "").get("/operator/audit")
	contains(t, body, "entry.withdrawn")
}
