package web

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"pgregory.net/rapid"

	"github.com/assay-psti/assay/register"
)

// TestSessions holds the life of a session: its cookie, its ends, and the ends that
// its owner or an operator makes.
func TestSessions(t *testing.T) {
	o := newOffice(t)
	f := o.firm(t, "Acme Ltd", register.Manufacturer)
	reader := f.people[register.RoleReader]

	res := (&visitor{o: o}).do(httptest.NewRequest("GET", "/sign-in", nil))
	defer res.Body.Close()
	c := res.Cookies()
	if len(c) != 1 || c[0].Name != "__Host-session" || !c[0].HttpOnly || !c[0].Secure || c[0].SameSite != http.SameSiteLaxMode || c[0].Path != "/" || c[0].Domain != "" {
		t.Errorf("cookie: %v", c)
	}
	if got := res.Header.Get("Cache-Control"); !strings.Contains(got, "no-store") {
		t.Errorf("the page with a challenge may be kept: %q", got)
	}
	for _, path := range []string{"/", "/search", "/recover", "/set-up/x", "/nothing"} {
		if n := len((&visitor{o: o}).do(httptest.NewRequest("GET", path, nil)).Cookies()); n != 0 {
			t.Errorf("%s sets %d cookies, want none", path, n)
		}
	}
	nobody := &visitor{o: o}
	nobody.get("/sign-in")
	o.later = openLife + time.Minute
	if _, found, err := o.site.Accounts.Sessions.FindCtx(t.Context(), nobody.cookie); found || err != nil {
		t.Errorf("a session of nobody lasts longer than %s: %v", openLife, err)
	}
	o.later = 0
	v := o.enter(t, reader.Account, f.org)
	in := func(what string, v *visitor, want bool) {
		t.Helper()
		if code, _ := (&visitor{o: o, cookie: v.cookie}).get("/org"); (code == http.StatusOK) != want {
			t.Errorf("%s: %d, signed in: want %t", what, code, want)
		}
	}
	in("new", v, true)
	o.later = idleLife + time.Minute
	in("idle for too long", v, false)
	o.later = 0
	v = o.enter(t, reader.Account, f.org)
	o.later = sessionLife + time.Minute
	in("beyond its life", v, false)
	o.later = 0

	first, second := o.enter(t, reader.Account, f.org), o.enter(t, reader.Account, f.org)
	other := o.as(t, f, register.RoleEditor)
	if strings.Contains(sessionText(t, o, reader.Account), first.cookie) {
		t.Error("the store keeps a token as it is")
	}
	name := sessionNameOf(first.cookie)
	_, body := second.get("/account")
	contains(t, body, `value="`+name+`"`)
	if code, _, _ := other.post("/account/session/end", url.Values{"session": {name}}); code != http.StatusSeeOther {
		t.Errorf("end: %d", code)
	}
	in("ended by somebody else", first, true)
	if code, _, _ := second.post("/account/session/end", url.Values{"session": {name}}); code != http.StatusSeeOther {
		t.Errorf("end: %d", code)
	}
	in("ended from another", first, false)
	in("the other", second, true)
	kept := second.cookie
	if code, _, _ := second.post("/sign-out", nil); code != http.StatusSeeOther || second.cookie != "" {
		t.Errorf("sign out: %d", code)
	}
	in("signed out", &visitor{o: o, cookie: kept}, false)

	third := o.enter(t, reader.Account, f.org)
	op := o.enter(t, o.operator, "")
	if code, _, _ := op.post("/operator/accounts/"+string(reader.Account)+"/lock", url.Values{"locked": {"yes"}}); code != http.StatusSeeOther {
		t.Fatalf("lock: %d", code)
	}
	in("closed by an operator", third, false)
	in("made up", &visitor{o: o, cookie: strings.Repeat("A", 43)}, false)
}

// sessionText is what the store tells of an account's sessions.
func sessionText(t *testing.T, o *office, a register.AccountID) string {
	t.Helper()
	var b strings.Builder
	err := o.site.Accounts.Sessions.Each(t.Context(), a, func(name string, data []byte) { b.WriteString(name + string(data)) })
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func sessionNameOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	const digits = "0123456789abcdef"
	var b strings.Builder
	for _, x := range sum {
		b.WriteByte(digits[x>>4])
		b.WriteByte(digits[x&15])
	}
	return b.String()
}

// TestFresh asks for signing in again before what could give an account away.
func TestFresh(t *testing.T) {
	o := newOffice(t)
	f := o.firm(t, "Acme Ltd", register.Manufacturer)
	o.later = -freshLife - time.Minute
	owner := o.as(t, f, register.RoleOwner)
	o.later = 0
	if code, _ := owner.get("/org"); code != http.StatusOK {
		t.Fatalf("long after signing in: %d", code)
	}
	for _, path := range []string{"/account/passkey", "/org/tokens", "/org/keys", "/org/members/invite"} {
		code, _, to := owner.post(path, url.Values{"name": {"x"}, "scopes": {"publish"}, "expires": {"9"}, "email": {"x@example.org"}, "role": {"owner"}})
		if code != http.StatusSeeOther || !strings.HasPrefix(to, "/sign-in?next=") {
			t.Errorf("%s long after signing in: %d to %q", path, code, to)
		}
	}
}

// TestLinks are good once, for a time, and for one thing.
func TestLinks(t *testing.T) {
	o := newRegister(t, officeURL)
	o.serve(t, officeURL)
	secret, err := o.reg.SetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	at := "/set-up/" + secret
	v := &visitor{o: o}
	for range 2 { // opening it uses nothing up
		if code, body := v.get(at); code != http.StatusOK || !strings.Contains(body, "Set this register up") {
			t.Fatalf("open: %d", code)
		}
	}
	if code, _ := v.get("/invitation/" + secret); code != http.StatusNotFound {
		t.Errorf("a set-up link as an invitation: %d, want 404", code)
	}
	if code, _ := v.get("/recover/" + secret); code != http.StatusNotFound {
		t.Errorf("a set-up link as a recovery: %d, want 404", code)
	}
	if code, body, _ := v.post(at, url.Values{"name": {""}, "email": {"x"}}); code != http.StatusUnprocessableEntity || !strings.Contains(body, "write your name") {
		t.Errorf("without a name: %d", code)
	}
	o.later = register.SetupLinkLife + time.Minute
	if code, _ := (&visitor{o: o}).get(at); code != http.StatusNotFound {
		t.Errorf("expired: %d, want 404", code)
	}
	o.later = 0
	code, _, to := v.post(at, url.Values{"name": {"Op"}, "email": {"op@example.org"}})
	if code != http.StatusSeeOther || to != "/enrol" {
		t.Fatalf("take up: %d to %q", code, to)
	}
	if code, _, _ := (&visitor{o: o}).post(at, url.Values{"name": {"Second"}, "email": {"second@example.org"}}); code != http.StatusNotFound {
		t.Errorf("a second time: %d, want 404", code)
	}
	// Until there is a way to sign in, the session opens nothing else.
	for _, path := range []string{"/account", "/operator", "/operator/accounts"} {
		if code, _, to := v.answer(httptest.NewRequest("GET", path, nil)); code != http.StatusSeeOther || to != "/enrol" {
			t.Errorf("%s before a passkey: %d to %q, want the passkey first", path, code, to)
		}
	}
	res := v.do(httptest.NewRequest("GET", "/enrol", nil))
	if got := res.Header.Get("Content-Security-Policy"); !strings.Contains(got, "script-src 'self'") || strings.Contains(got, "unsafe") {
		t.Errorf("policy of the page with a script: %q", got)
	}
	if code, _, _ := v.post("/enrol", url.Values{"credential": {`{"id":"AA","rawId":"AA","type":"public-key","response":{}}`}}); code != http.StatusUnprocessableEntity {
		t.Errorf("a made-up passkey: %d, want 422", code)
	}
	if code, body, _ := v.post("/enrol", nil); code != http.StatusUnprocessableEntity || !strings.Contains(body, "asskeys need script") {
		t.Errorf("without script: %d", code)
	}
}

// TestEnumeration: who asks for a link does not learn whether there is an account.
func TestEnumeration(t *testing.T) {
	const pause = 300 * time.Millisecond
	o := newOffice(t, func(c *Config) { c.Accounts.Pause = pause })
	answers := map[string]bool{}
	for _, email := range []string{"op@example.org", "nobody@example.org", "no address"} {
		began := time.Now()
		code, body, _ := (&visitor{o: o}).post("/recover", url.Values{"email": {email}})
		if took := time.Since(began); took < pause {
			t.Errorf("%s: answered after %s, before the pause is over", email, took)
		}
		if code != http.StatusOK || strings.Contains(body, email) {
			t.Errorf("%s: %d", email, code)
		}
		answers[body] = true
	}
	if len(answers) != 1 {
		t.Errorf("%d different answers, want one", len(answers))
	}
	// Nor from passkeys: one that is not known, and one that is nonsense.
	bodies := map[int]bool{}
	for _, credential := range []string{`{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{"clientDataJSON":"e30","authenticatorData":"AAAA","signature":"AAAA","userHandle":"AAAA"}}`, "nonsense"} {
		v := &visitor{o: o}
		v.get("/sign-in")
		code, body, _ := v.post("/sign-in", url.Values{"credential": {credential}})
		contains(t, body, "does not open an account here")
		bodies[code] = true
	}
	if len(bodies) != 1 {
		t.Errorf("answers differ: %v", bodies)
	}
}

// TestTries bounds tries by address.
func TestTries(t *testing.T) {
	o := newOffice(t, func(c *Config) {
		c.Accounts.Attempts = 5
		c.Accounts.Address = func(r *http.Request) string { return r.Header.Get("X-Test-Address") }
	})
	ask := func(address string) int {
		r := httptest.NewRequest("GET", "/invitation/guess", nil)
		r.Header.Set("X-Test-Address", address)
		return (&visitor{o: o}).do(r).StatusCode
	}
	last := 0
	for range 8 {
		last = ask("192.0.2.1")
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("the eighth guess: %d, want 429", last)
	}
	if got := ask("192.0.2.2"); got != http.StatusNotFound {
		t.Errorf("another address: %d, want 404", got)
	}
	l := newLimiter(1)
	for i := range maxAddresses + 100 {
		l.allow(time.Duration(i).String())
	}
	if got, want := len(l.known), maxAddresses; got > want {
		t.Errorf("%d addresses are kept, want at most %d", got, want)
	}
}

// company is an OpenID Connect provider that says of anybody what it is told.
type company struct {
	*httptest.Server
	key *rsa.PrivateKey

	mu        sync.Mutex // guards the fields below
	subject   string
	challenge map[string]string // by code
	nonce     map[string]string
	spoil     func(claims map[string]any)
}

func newCompany(t testing.TB) *company {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	c := &company{key: key, subject: "ada", challenge: map[string]string{}, nonce: map[string]string{}}
	mux := http.NewServeMux()
	c.Server = httptest.NewServer(mux)
	t.Cleanup(c.Close)
	say := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		say(w, map[string]any{"issuer": c.URL, "authorization_endpoint": c.URL + "/authorize", "token_endpoint": c.URL + "/token", "jwks_uri": c.URL + "/keys", "id_token_signing_alg_values_supported": []string{"RS256"}})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		say(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "1", Algorithm: "RS256", Use: "sig"}}})
	})
	mux.HandleFunc("GET /authorize", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if q.Get("code_challenge_method") != "S256" || q.Get("state") == "" || q.Get("nonce") == "" {
			http.Error(w, "challenge, state and nonce are wanted", http.StatusBadRequest)
			return
		}
		code := rand.Text()
		c.mu.Lock()
		c.challenge[code], c.nonce[code] = q.Get("code_challenge"), q.Get("nonce")
		c.mu.Unlock()
		http.Redirect(w, r, q.Get("redirect_uri")+"?"+url.Values{"code": {code}, "state": {q.Get("state")}}.Encode(), http.StatusFound)
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
		code := r.PostFormValue("code")
		if c.challenge[code] == "" || c.challenge[code] != base64.RawURLEncoding.EncodeToString(sum[:]) {
			http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
			return
		}
		delete(c.challenge, code)
		claims := map[string]any{"iss": c.URL, "sub": c.subject, "aud": "register", "exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix(), "nonce": c.nonce[code], "email": "op@example.org", "email_verified": true}
		if c.spoil != nil {
			c.spoil(claims)
		}
		s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: c.key, KeyID: "1"}}, nil)
		if err != nil {
			panic(err)
		}
		data, _ := json.Marshal(claims)
		signed, err := s.Sign(data)
		if err != nil {
			panic(err)
		}
		token, _ := signed.CompactSerialize()
		say(w, map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": token})
	})
	return c
}

// through walks a visitor through the company's sign-in and back, and gives the answer.
func (c *company) through(t testing.TB, v *visitor, start string) (int, string, string) {
	t.Helper()
	code, body, to := v.answer(httptest.NewRequest("GET", start, nil))
	if code != http.StatusSeeOther {
		t.Fatalf("start: %d %s", code, shownLine(body, 800))
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Get(to)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	back, err := url.Parse(res.Header.Get("Location"))
	if err != nil || back.Path == "" {
		t.Fatalf("the provider sends back to %q", res.Header.Get("Location"))
	}
	return v.answer(httptest.NewRequest("GET", back.RequestURI(), nil))
}

// TestCompanySignIn joins through a company's sign-in, signs in with it under a new
// token, and stays in its organisation.
func TestCompanySignIn(t *testing.T) {
	c := newCompany(t)
	o := newOffice(t)
	f, other := o.firm(t, "Acme Ltd", register.Manufacturer), o.firm(t, "Brand plc", register.Importer)
	o.serve(t, officeURL, func(cfg *Config) {
		cfg.Accounts.Providers = []Provider{{ID: "acme", Title: "Acme Ltd", Issuer: c.URL, ClientID: "register", ClientSecret: "s", Org: f.org}}
	})
	const start = "/sign-in/with/acme"

	// The address that it names is the operator's: it opens nothing.
	v := &visitor{o: o}
	if code, body, _ := c.through(t, v, start); code != http.StatusForbidden || !strings.Contains(body, "o account here is linked") {
		t.Errorf("an address alone: %d", code)
	}
	secret, err := o.reg.Invite(t.Context(), f.people[register.RoleOwner], "ada@acme.example", register.RoleEditor)
	if err != nil {
		t.Fatal(err)
	}
	if code, _, _ := v.post("/invitation/"+secret, url.Values{"name": {"Ada"}, "email": {"ada@acme.example"}}); code != http.StatusSeeOther {
		t.Fatalf("join: %d", code)
	}
	if code, body, to := c.through(t, v, start+"?link=yes"); code != http.StatusSeeOther || to != "/account" {
		t.Fatalf("link: %d to %q %s", code, to, shownLine(body, 800))
	}
	if code, body := v.get("/org"); code != http.StatusOK || !strings.Contains(body, "Acme Ltd") {
		t.Errorf("after joining: %d", code)
	}

	// Signing in: the token from before is worth nothing afterwards.
	v = &visitor{o: o}
	v.get("/sign-in")
	before := v.cookie
	code, _, to := c.through(t, v, start+"?next=/org/products")
	if code != http.StatusSeeOther || to != "/org/products" || v.cookie == before || v.cookie == "" {
		t.Fatalf("sign in: %d to %q, token changed: %t", code, to, v.cookie != before)
	}
	if code, _ := (&visitor{o: o, cookie: before}).get("/org"); code == http.StatusOK {
		t.Error("the token from before signing in is signed in")
	}

	// The company speaks for its own organisation alone.
	members, err := o.reg.Members(t.Context(), f.people[register.RoleOwner])
	if err != nil {
		t.Fatal(err)
	}
	var ada register.AccountID
	for _, m := range members {
		if m.Email == "ada@acme.example" {
			ada = m.Account
		}
	}
	secret, err = o.reg.Invite(t.Context(), other.people[register.RoleOwner], "ada2@acme.example", register.RoleOwner)
	if err != nil {
		t.Fatal(err)
	}
	me, err := o.reg.SignIn(t.Context(), ada, "", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.reg.TakeUpLink(t.Context(), me, secret, register.Person{}); err != nil {
		t.Fatal(err)
	}
	if code, _, _ := v.post("/account/organisation", url.Values{"org": {string(other.org)}}); code != http.StatusForbidden {
		t.Errorf("another organisation through the company's sign-in: %d, want 403", code)
	}
	for _, path := range []string{"/account/passkey", "/account/organisation/new"} {
		if code, _ := v.get(path); code != http.StatusForbidden {
			t.Errorf("%s through the company's sign-in: %d, want 403", path, code)
		}
	}
	if code, _ := o.enter(t, ada, other.org).get("/account/passkey"); code != http.StatusOK {
		t.Errorf("passkey page after signing in by passkey: %d", code)
	}

	// What is not right of an answer is refused: each time another part of it.
	spoils := map[string]func(map[string]any){
		"nonce": func(m map[string]any) { m["nonce"] = "other" }, "audience": func(m map[string]any) { m["aud"] = "somebody" }, "issuer": func(m map[string]any) { m["iss"] = "https://evil.example" },
		"expired": func(m map[string]any) { m["exp"] = time.Now().Add(-time.Hour).Unix() }, "somebody else": func(m map[string]any) { m["sub"] = "mallory" },
	}
	for name, spoil := range spoils {
		c.mu.Lock()
		c.spoil = spoil
		c.mu.Unlock()
		if code, _, _ := c.through(t, &visitor{o: o}, start); code != http.StatusForbidden {
			t.Errorf("%s: %d, want 403", name, code)
		}
	}
	c.mu.Lock()
	c.spoil = nil
	c.mu.Unlock()
	// State: an answer that somebody else began, or that comes twice.
	_, _, to = v.answer(httptest.NewRequest("GET", start, nil))
	at, _ := url.Parse(to)
	back := start + "/callback?" + url.Values{"code": {"x"}, "state": {at.Query().Get("state")}}.Encode()
	if code, _ := (&visitor{o: o}).get(back); code != http.StatusForbidden {
		t.Errorf("an answer for another session: %d, want 403", code)
	}
	if code, _ := v.get(start + "/callback?code=x&state=guess"); code != http.StatusForbidden {
		t.Errorf("a guessed state: %d, want 403", code)
	}
	if code, _ := v.get(back); code != http.StatusForbidden {
		t.Errorf("a state that was used: %d, want 403", code)
	}
	for _, bad := range []Provider{{ID: "x", Issuer: "http://idp.example", ClientID: "a", Org: "o"}, {ID: "X Y", Issuer: c.URL, ClientID: "a", Org: "o"}, {ID: "x", Issuer: c.URL, ClientID: "a"}} {
		if _, err := newProvider(bad, officeURL, http.DefaultClient); err == nil {
			t.Errorf("provider %v is taken", bad)
		}
	}
}

// TestLocal leads nowhere else, whatever it is given.
func TestLocal(t *testing.T) {
	for _, evil := range []string{"https://evil.example", "//evil.example", `/\evil.example`, `\/evil.example`, "/\t/evil.example", "javascript:alert(1)", "/%0d%0aSet-Cookie:x", "///evil.example", "http:evil.example", "/\r\nX: y", ""} {
		got := local(evil, "/account")
		if u, err := url.Parse(got); err != nil || u.Host != "" || !strings.HasPrefix(got, "/") || strings.HasPrefix(got, "//") || strings.ContainsAny(got, "\r\n\\") {
			t.Errorf("local(%q) = %q", evil, got)
		}
	}
	if got, want := local("/org/products?q=a b", "/x"), "/org/products?q=a b"; got != want && got != "/org/products?q=a%20b" {
		t.Errorf("got %q, want %q", got, want)
	}
	base, _ := url.Parse(officeURL)
	rapid.Check(t, func(t *rapid.T) {
		got := local(rapid.OneOf(rapid.String(), rapid.StringMatching(`[/\\:@%a-z.?#\t\n0-9]{0,20}`)).Draw(t, "asked"), "/account")
		u, err := base.Parse(got)
		if err != nil || u.Host != base.Host || u.Scheme != base.Scheme || strings.ContainsAny(got, "\r\n\\") {
			t.Fatalf("leads to %q", got)
		}
	})
}
