package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/laboratory"
	"github.com/assay-psti/assay/register"
)

// city is two makers and a laboratory, each with somebody in each role, an operator,
// and products, drafts and tokens to do harm to.
type city struct {
	*office
	firms  []*firm
	things [][]string // ids of the firm's products, drafts, tokens and people
}

func newCity(t testing.TB) *city {
	t.Helper()
	c := &city{office: newOffice(t)}
	for _, x := range []struct {
		name string
		kind register.OrgKind
	}{{"Acme Ltd", register.Manufacturer}, {"Brand plc", register.Importer}, {"Test House", register.Laboratory}} {
		f := c.firm(t, x.name, x.kind)
		var ids []string
		if x.kind != register.Laboratory {
			ids = append(ids, string(c.publish(t, f, "K-"+register.Slug(x.name), "2031-01-31").Product))
			d, err := c.reg.SaveDraft(t.Context(), f.people[register.RoleEditor], register.Draft{Facts: kettle("D-" + register.Slug(x.name))})
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, string(d.Product))
		}
		if x.kind == register.Laboratory {
			test, err := c.tests.Begin(t.Context(), string(f.org), laboratory.Start{By: "Person", Name: "D-" + register.Slug(x.name)})
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, test.ID)
		}
		_, k, err := c.reg.NewToken(t.Context(), f.people[register.RoleOwner], "program", register.TokenScopes(), 3600e9)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, string(k.ID))
		for _, role := range register.Roles() {
			ids = append(ids, string(f.people[role].Account))
		}
		c.firms, c.things = append(c.firms, f), append(c.things, ids)
	}
	return c
}

// state is all that a request of somebody else's must leave alone.
func (c *city) state(t testing.TB, f *firm) string {
	t.Helper()
	owner := f.people[register.RoleOwner]
	d, err := c.reg.Dashboard(t.Context(), owner)
	if err != nil {
		t.Fatal(err)
	}
	members, err := c.reg.Members(t.Context(), owner)
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := c.reg.Tokens(t.Context(), owner)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := c.reg.OwnEntries(t.Context(), owner, register.OwnFilter{})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, m := range members {
		b.WriteString(string(m.Account) + string(m.Role) + "\n")
	}
	for _, k := range tokens {
		b.WriteString(string(k.ID) + k.Revoked.String() + "\n")
	}
	for _, e := range entries {
		b.WriteString(string(e.ID) + string(e.Status) + e.SupportEnd.String() + "\n")
	}
	for _, x := range d.Drafts {
		b.WriteString(string(x.Draft.Product) + x.Draft.Facts.Name + "\n")
	}
	tests, err := c.tests.Tests(string(f.org))
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range tests {
		fmt.Fprintf(&b, "%+v\n", *x)
	}
	for _, k := range d.Keys {
		b.WriteString(string(k.ID) + k.Revoked.String() + "\n")
	}
	return b.String() + d.Org.Name + d.Org.Site
}

func request(rt route, id string) *http.Request {
	method, path, _ := strings.Cut(rt.pattern, " ")
	path = strings.NewReplacer("{id}", url.PathEscape(id), "{secret}", "nonsense", "{group}", "5.3-16", "{step...}", "identity/bench.supplier", "{digest}", strings.Repeat("0", 64), "{file}", "report.html").Replace(path)
	form := url.Values{
		"name": {"Taken over"}, "site": {"https://evil.example"}, "email": {"evil@example.org"}, "role": {"owner"}, "role-" + id: {"owner"}, "scopes": {"publish"}, "expires": {"9"},
		"reason": {"harm"}, "end-product": {"2040-01-01"}, "locked": {"yes"}, "kind": {"manufacturer"}, "key": {"x"}, "session": {strings.Repeat("00", 32)},
	}
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// TestRightsOfEveryRoute asks, for any route, role and organisation, with ids of any
// organisation's things: what the one rule refuses is refused, and nothing of another
// organisation's changes or is shown.
func TestRightsOfEveryRoute(t *testing.T) {
	c := newCity(t)
	var routes []route
	for _, rt := range c.site.accounts.routes {
		if !rt.open && !strings.HasSuffix(rt.pattern, "/leave") {
			routes = append(routes, rt)
		}
	}
	if len(routes) < 40 {
		t.Fatalf("%d routes, want all of them", len(routes))
	}
	check := func(rt route, who string, mine, theirs int, id string) error {
		others := c.state(t, c.firms[theirs])
		v := &visitor{o: c.office}
		viewer := register.Public
		switch who {
		case "nobody":
		case "operator":
			v = c.enter(t, c.operator, "")
			viewer, _ = c.reg.SignIn(t.Context(), c.operator, "", "")
		default:
			person := c.firms[mine].people[register.Role(who)]
			v = c.enter(t, person.Account, c.firms[mine].org)
			viewer = person
		}
		code, body, to := v.answer(request(rt, id))
		if who == "operator" && strings.HasSuffix(rt.pattern, "/lock") { // an operator may; the others go on
			if err := c.reg.LockAccount(t.Context(), viewer, register.AccountID(id), false); err != nil && !errors.Is(err, assay.ErrNotFound) {
				return err
			}
		}
		switch {
		case who == "nobody":
			if code != http.StatusSeeOther || !strings.HasPrefix(to, "/sign-in") {
				return fmt.Errorf("%s by nobody: %d to %q, want the sign-in", rt.pattern, code, to)
			}
		case !allowed(viewer, rt.needs):
			if code != http.StatusForbidden {
				return fmt.Errorf("%s by %s: %d, want 403", rt.pattern, who, code)
			}
		case code == http.StatusForbidden && strings.Contains(body, "is not for that") || code >= 500:
			return fmt.Errorf("%s by %s: %d, which may do it: %s", rt.pattern, who, code, shownLine(body, 1500))
		case strings.Contains(rt.pattern, "{id}") && rt.needs != register.Operate && mine != theirs && who != "operator" && code == http.StatusOK:
			return fmt.Errorf("%s of %s by %s of another organisation: 200", rt.pattern, id, who)
		}
		if mine != theirs && rt.needs != register.Operate {
			if after := c.state(t, c.firms[theirs]); after != others {
				return fmt.Errorf("%s by %s changed another organisation:\n%s\nwas\n%s", rt.pattern, who, after, others)
			}
			if mine != theirs && strings.Contains(body, "D-"+register.Slug([]string{"Acme Ltd", "Brand plc", "Test House"}[theirs])) {
				return fmt.Errorf("%s by %s shows another organisation's draft", rt.pattern, who)
			}
		}
		return nil
	}
	whos := []string{"nobody", "operator", "owner", "editor", "reader"}
	// Every route for everybody, with a thing of another organisation each time.
	for i, rt := range routes {
		for j, who := range whos {
			theirs := (i + j) % 3
			mine := (theirs + 1) % 3
			id := c.things[theirs][(i+j)%len(c.things[theirs])]
			if err := check(rt, who, mine, theirs, id); err != nil {
				t.Fatal(err)
			}
		}
	}
	if testing.Short() {
		return
	}
	rapid.Check(t, func(r *rapid.T) {
		theirs := rapid.IntRange(0, 2).Draw(r, "whose")
		mine := (theirs + rapid.IntRange(1, 2).Draw(r, "mine")) % 3
		err := check(rapid.SampledFrom(routes).Draw(r, "route"), rapid.SampledFrom(whos).Draw(r, "who"), mine, theirs, rapid.SampledFrom(c.things[theirs]).Draw(r, "id"))
		if err != nil {
			r.Fatal(err)
		}
	})
}

// TestScopesOfTokens holds every request of a program against the scopes of its token.
func TestScopesOfTokens(t *testing.T) {
	c := newCity(t)
	needs := map[string]register.Action{
		"GET /api/v1/dashboard": register.SeeDrafts, "POST /api/v1/publish": register.PublishEntry, "POST /api/v1/drafts": register.EditDrafts, "POST /api/v1/import": register.EditDrafts,
		"POST /api/v1/products/{id}/extend": register.PublishEntry, "POST /api/v1/products/{id}/withdraw": register.PublishEntry, "POST /api/v1/products/{id}/assessments": register.AttachVerdict,
	}
	for i, f := range c.firms {
		for set := range 16 {
			var scopes []register.TokenScope
			for bit, scope := range register.TokenScopes() {
				if set>>bit&1 == 1 {
					scopes = append(scopes, scope)
				}
			}
			if len(scopes) == 0 {
				continue
			}
			secret, _, err := c.reg.NewToken(t.Context(), f.people[register.RoleOwner], "program", scopes, 3600e9)
			if err != nil {
				t.Fatal(err)
			}
			viewer, err := c.reg.Authenticate(t.Context(), secret, "")
			if err != nil {
				t.Fatal(err)
			}
			theirs := (i + 1) % 3
			for pattern, a := range needs {
				v := &visitor{o: c.office, token: secret}
				r := request(route{pattern: pattern}, c.things[theirs][0])
				if a == register.PublishEntry && strings.Contains(pattern, "{id}") {
					r = httptest.NewRequest("POST", r.URL.Path, strings.NewReader(`{}`))
				}
				code, body, _ := v.answer(r)
				if may := viewer.May(a); may == (code == http.StatusForbidden) && !(may && strings.Contains(body, "another organisation")) {
					t.Errorf("%s with %v of a %s: %d, may %t", pattern, scopes, viewer.OrgKind, code, may)
				}
				if code >= 500 {
					t.Errorf("%s: %d %s", pattern, code, body)
				}
			}
			// A token is no session: it opens no page.
			if code, _, to := (&visitor{o: c.office, token: secret}).answer(httptest.NewRequest("GET", "/org", nil)); code != http.StatusSeeOther || !strings.HasPrefix(to, "/sign-in") {
				t.Errorf("a token opens a page: %d", code)
			}
		}
	}
}

// turn makes another letter of a letter.
func turn(r rune) rune {
	if r == '7' {
		return '8'
	}
	return '7'
}

// TestTokens ends when they should, and are shown once.
func TestTokens(t *testing.T) {
	o := newOffice(t)
	f := o.firm(t, "Acme Ltd", register.Manufacturer)
	owner := o.as(t, f, register.RoleOwner)
	code, body, _ := owner.post("/org/tokens", url.Values{"name": {"build server"}, "scopes": {"read"}, "expires": {"10"}})
	if code != http.StatusOK {
		t.Fatalf("make: %d", code)
	}
	_, rest, _ := strings.Cut(body, `<code class="secret">`)
	secret, _, _ := strings.Cut(rest, "<")
	program := &visitor{o: o, token: secret}
	if code, _ := program.get("/api/v1/dashboard"); code != http.StatusOK {
		t.Fatalf("use: %d", code)
	}
	if _, body = owner.get("/org/tokens"); strings.Contains(body, secret) || !strings.Contains(body, "build server") {
		t.Error("the secret is shown again, or the token is not listed")
	}
	for name, bad := range map[string]string{"none": "", "wrong": secret[:20] + strings.Map(turn, secret[20:]), "long": strings.Repeat("a", 5000), "other form": "Basic", "sql": "assay_' or 1=1--_x"} {
		r := httptest.NewRequest("GET", "/api/v1/dashboard", nil)
		if bad != "" {
			r.Header.Set("Authorization", "Bearer "+bad)
		}
		res := (&visitor{o: o}).do(r)
		res.Body.Close()
		if res.StatusCode != http.StatusUnauthorized || res.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %d, want 401 that says how", name, res.StatusCode)
		}
	}
	o.later = 11 * 24 * 3600e9
	if code, _ := program.get("/api/v1/dashboard"); code != http.StatusUnauthorized {
		t.Errorf("after its end: %d, want 401", code)
	}
	o.later = 0
	id := strings.Split(secret, "_")[1]
	if code, _, _ := owner.post("/org/tokens/"+id+"/revoke", nil); code != http.StatusSeeOther {
		t.Fatalf("revoke: %d", code)
	}
	if code, _ := program.get("/api/v1/dashboard"); code != http.StatusUnauthorized {
		t.Errorf("after its revocation: %d, want 401", code)
	}
	// What a member may no more, their token may no more.
	editor := f.people[register.RoleEditor]
	if err := o.reg.SetRole(t.Context(), f.people[register.RoleOwner], editor.Account, register.RoleOwner); err != nil {
		t.Fatal(err)
	}
	second, err := o.reg.SignIn(t.Context(), editor.Account, f.org, "")
	if err != nil {
		t.Fatal(err)
	}
	made, _, err := o.reg.NewToken(t.Context(), second, "theirs", []register.TokenScope{register.ScopeRead}, 3600e9)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.reg.RemoveMember(t.Context(), f.people[register.RoleOwner], editor.Account); err != nil {
		t.Fatal(err)
	}
	if code, _ := (&visitor{o: o, token: made}).get("/api/v1/dashboard"); code != http.StatusUnauthorized {
		t.Errorf("token of somebody who left: %d, want 401", code)
	}
}
