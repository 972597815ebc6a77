package web

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"github.com/assay-psti/assay/register"
)

const attack = `"><script>alert(1)</script><img src=x onerror=alert(2)>'javascript:alert(3)`

// inert reports what in a page could run: a script other than our one, an attribute
// that handles events, an address that is a program, a style written in place.
func inert(t testing.TB, body string) {
	t.Helper()
	page, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for n := range page.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		src := ""
		for _, a := range n.Attr {
			value := strings.ToLower(strings.TrimSpace(a.Val))
			switch {
			case strings.HasPrefix(a.Key, "on"), a.Key == "style", a.Key == "srcdoc":
				t.Errorf("<%s> has the attribute %s=%q", n.Data, a.Key, a.Val)
			case (a.Key == "href" || a.Key == "src" || a.Key == "action" || a.Key == "formaction") && strings.HasPrefix(value, "javascript:"):
				t.Errorf("<%s> leads to %q", n.Data, a.Val)
			case a.Key == "src":
				src = a.Val
			}
		}
		switch n.Data {
		case "script":
			if !strings.HasPrefix(src, "/assets/passkey.") || n.FirstChild != nil {
				t.Errorf("the page holds a script %q", src)
			}
		case "iframe", "object", "embed", "base":
			t.Errorf("the page holds <%s>", n.Data)
		case "img":
			if src == "x" {
				t.Error("the page holds the image of the attack")
			}
		}
	}
}

// TestScriptStored puts an attack into all that can be kept, and looks at every page
// that shows it.
func TestScriptStored(t *testing.T) {
	o := newOffice(t)
	f := o.firm(t, "Acme "+attack, register.Manufacturer)
	owner := o.as(t, f, register.RoleOwner)
	facts := kettle("K " + attack[:60])
	facts.Make, facts.Category, facts.Description, facts.Models = attack[:50], attack[:40], attack, []string{attack[:60]}
	facts.Contact.Ack, facts.Passwords.Note = attack, attack
	facts.Labels = []register.Label{{Scheme: attack, Level: attack, Number: attack}}
	got, err := o.reg.Publish(t.Context(), f.people[register.RoleEditor], &register.Bundle{Format: 1, Facts: facts, Statement: signedStatement(t, f.key, facts, "2027-01-31"), Note: attack})
	if err != nil {
		t.Fatal(err)
	}
	o.settle(t)
	facts.Name = "draft " + attack[:50]
	d, err := o.reg.SaveDraft(t.Context(), f.people[register.RoleEditor], register.Draft{Facts: facts, Note: attack})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := o.reg.NewToken(t.Context(), f.people[register.RoleOwner], attack, register.TokenScopes(), time.Hour); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/account", nil)
	r.Header.Set("User-Agent", attack)
	owner.do(r)
	pages := []string{"/", "/search", "/p/" + got.Slug, "/account", "/org", "/org/products", "/org/products/" + string(got.Product), "/org/drafts/" + string(d.Product), "/org/drafts/" + string(d.Product) + "/preview", "/org/members", "/org/settings", "/org/tokens", "/org/audit"}
	for _, path := range pages {
		code, body := owner.get(path)
		if code != http.StatusOK {
			t.Errorf("%s: %d", path, code)
		}
		if path != "/account" && !strings.Contains(body, "&lt;script&gt;") && !strings.Contains(body, "&#34;&gt;") && strings.Contains(path, "drafts") {
			t.Errorf("%s shows nothing of what was put in: the test looks at nothing", path)
		}
		inert(t, body)
	}
}

// TestScriptReflected sends an attack by every way that a request has.
func TestScriptReflected(t *testing.T) {
	o := newOffice(t)
	f := o.firm(t, "Acme Ltd", register.Manufacturer)
	owner := o.as(t, f, register.RoleOwner)
	q := url.QueryEscape(attack)
	for _, path := range []string{"/search?q=" + q + "&category=" + q + "&make=" + q, "/sign-in?next=" + q, "/p/" + url.PathEscape(attack), "/org/products?q=" + q + "&status=" + q, "/set-up/" + url.PathEscape(attack), "/nothing/" + url.PathEscape(attack), "/sign-in/with/x/callback?error=" + q} {
		_, body := owner.get(path)
		inert(t, body)
	}
	all := url.Values{}
	for _, name := range []string{"name", "address", "site", "kind", "email", "role", "key", "keyname", "scopes", "expires", "next", "credential", "reason", "org"} {
		all.Set(name, attack)
	}
	shown := 0
	for _, path := range []string{"/org/settings", "/org/keys", "/org/tokens", "/org/members/invite", "/account/organisation/new", "/sign-in"} {
		code, body, _ := owner.post(path, all)
		if code < 400 {
			t.Errorf("%s takes it: %d", path, code)
		}
		inert(t, body)
		shown += strings.Count(body, "&lt;script&gt;")
	}
	if shown == 0 {
		t.Error("nothing was reflected: the test looks at nothing")
	}
	code, body, _ := owner.send("/org/drafts/new", url.Values{"name": {attack}, "make": {attack}, "gtins": {attack}, "support": {attack}, "note": {attack}})
	if code != http.StatusUnprocessableEntity {
		t.Errorf("draft: %d", code)
	}
	inert(t, body)
}

// TestForgery: no request of another site's page changes anything, and no page of ours
// is shown in another's frame.
func TestForgery(t *testing.T) {
	o := newOffice(t)
	f := o.firm(t, "Acme Ltd", register.Manufacturer)
	owner := o.as(t, f, register.RoleOwner)
	posts := 0
	for _, rt := range o.site.accounts.routes {
		method, path, _ := strings.Cut(rt.pattern, " ")
		if method != "POST" {
			continue
		}
		posts++
		for name, set := range map[string]func(http.Header){
			"fetch metadata": func(h http.Header) { h.Set("Sec-Fetch-Site", "cross-site") },
			"same site":      func(h http.Header) { h.Set("Sec-Fetch-Site", "same-site") },
			"origin":         func(h http.Header) { h.Set("Origin", "https://evil.example") },
			"null origin":    func(h http.Header) { h.Set("Origin", "null") },
		} {
			r := httptest.NewRequest("POST", officeURL+strings.NewReplacer("{id}", "x", "{secret}", "x").Replace(path), strings.NewReader("name=Evil&email=e@example.org&role=owner"))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			set(r.Header)
			code, body, _ := owner.answer(r)
			if code != http.StatusForbidden || !strings.Contains(body, "came from another site") {
				t.Errorf("%s from another site by %s: %d, want 403", path, name, code)
			}
		}
	}
	if posts < 20 {
		t.Errorf("%d forms, want all", posts)
	}
	// Nothing that changes answers to GET.
	for _, path := range []string{"/sign-out", "/org/tokens/x/revoke", "/org/leave", "/org/drafts/x/publish"} {
		if code, _ := owner.get(path); code != http.StatusMethodNotAllowed && code != http.StatusNotFound {
			t.Errorf("GET %s: %d", path, code)
		}
	}
	res := owner.do(httptest.NewRequest("GET", "/org", nil))
	for name, want := range map[string]string{"Content-Security-Policy": "frame-ancestors 'none'", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Strict-Transport-Security": "max-age", "Cross-Origin-Opener-Policy": "same-origin", "Cache-Control": "no-store"} {
		if got := res.Header.Get(name); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q in it", name, got, want)
		}
	}
	if got := res.Header.Get("Content-Security-Policy"); strings.Contains(got, "script-src") || strings.Contains(got, "unsafe") {
		t.Errorf("a page without a script may run one: %q", got)
	}
}

// TestBodies: what is too large is refused before it is kept, and a form that is cut
// off does nothing.
func TestBodies(t *testing.T) {
	o := newOffice(t)
	f := o.firm(t, "Acme Ltd", register.Manufacturer)
	owner := o.as(t, f, register.RoleOwner)
	if code, _, _ := owner.post("/org/settings", url.Values{"name": {strings.Repeat("x", formLimit)}}); code != http.StatusRequestEntityTooLarge {
		t.Errorf("a form of more than %d bytes: %d, want 413", formLimit, code)
	}
	big := bytes.Repeat([]byte("x"), uploadLimit)
	if code, _, _ := owner.send("/org/upload", nil, upload{"bundle:x.json", big}); code != http.StatusRequestEntityTooLarge {
		t.Errorf("an upload of more than %d bytes: %d, want 413", uploadLimit, code)
	}
	secret, _, err := o.reg.NewToken(t.Context(), f.people[register.RoleOwner], "x", register.TokenScopes(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	code, body, _ := (&visitor{o: o, token: secret}).answer(httptest.NewRequest("POST", "/api/v1/publish", bytes.NewReader(big)))
	if code != http.StatusRequestEntityTooLarge || !strings.Contains(body, `"reference"`) {
		t.Errorf("a bundle of more than %d bytes: %d %s", register.MaxBundleBytes, code, body)
	}
	if code, _, _ := owner.send("/org/settings", url.Values{"name": {"By files"}}, upload{"x:x", []byte("x")}); code != http.StatusUnprocessableEntity {
		t.Errorf("files for a form that takes none: %d, want 422", code)
	}
	// A token that may not publish is refused before the body is read.
	reader, _, err := o.reg.NewToken(t.Context(), f.people[register.RoleOwner], "x", []register.TokenScope{register.ScopeRead}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	unread := &counted{Reader: bytes.NewReader(big)}
	if code, _, _ := (&visitor{o: o, token: reader}).answer(httptest.NewRequest("POST", "/api/v1/publish", unread)); code != http.StatusForbidden || unread.n > 0 {
		t.Errorf("without the scope: %d after %d bytes, want 403 after none", code, unread.n)
	}
	deep := strings.Repeat("[", 1<<20)
	if code, _, _ := owner.send("/org/upload", nil, upload{"bundle:x.json", []byte(deep)}); code != http.StatusUnprocessableEntity {
		t.Errorf("deep JSON: %d, want 422", code)
	}
	r := httptest.NewRequest("POST", "/org/upload", strings.NewReader("--b\r\nContent-Disposition: form-data; name=\"bundle\"; filename=\"x\"\r\n\r\nhalf"))
	r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
	if code, _, _ := owner.answer(r); code != http.StatusUnprocessableEntity {
		t.Errorf("half a form: %d, want 422", code)
	}
}

type counted struct {
	io.Reader
	n int
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += n
	return n, err
}

// TestArchives: what unpacks to far more than it is, holds too much, or names places
// outside, does no harm.
func TestArchives(t *testing.T) {
	bomb := zipped(t, map[string][]byte{"a.json": bytes.Repeat([]byte{' '}, 3<<20), "b.json": bytes.Repeat([]byte{' '}, 3<<20)})
	if len(bomb) > 20<<10 {
		t.Fatalf("the bomb is of %d bytes: not much of one", len(bomb))
	}
	if _, err := statements([]upload{{"bomb.zip", bomb}}); err == nil || !strings.Contains(err.Error(), "unpacks to far more") {
		t.Errorf("bomb: %v", err)
	}
	noise := make([]byte, 5<<20)
	for i := range noise {
		noise[i] = byte(i * i >> 7)
	}
	if _, err := statements([]upload{{"large.zip", zipped(t, map[string][]byte{"a.json": noise, "pad": noise[:1<<20]})}}); err == nil {
		t.Error("a statement that is too large is taken")
	}
	many := map[string][]byte{}
	for i := range maxStatements + 1 {
		many[fmt.Sprintf("%d.json", i)] = []byte("{}")
	}
	if _, err := statements([]upload{{"many.zip", zipped(t, many)}}); err == nil {
		t.Error("too many files are taken")
	}
	find, err := statements([]upload{{"odd.zip", zipped(t, map[string][]byte{"../../etc/passwd": []byte("x"), `c:\windows\k.json`: []byte("y")})}})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := find("passwd"); err != nil || string(got) != "x" {
		t.Errorf("a name is looked up by its last part: %q %v", got, err)
	}
	if _, err := find("../../etc/passwd"); err == nil {
		t.Error("a name with a path is found")
	}
	if _, err := statements([]upload{{"twice.json", []byte("a")}, {"twice.json", []byte("b")}}); err == nil {
		t.Error("two files of one name are taken")
	}
	if _, err := statements([]upload{{"broken.zip", []byte("PK\x03\x04nonsense")}}); err == nil {
		t.Error("a broken archive is taken")
	}
}

// FuzzArchives reads archives from strangers.
func FuzzArchives(f *testing.F) {
	f.Add(zipped(f, map[string][]byte{"k.json": []byte("{}")}))
	f.Add([]byte("PK\x03\x04"))
	f.Fuzz(func(t *testing.T, data []byte) {
		find, err := statements([]upload{{"x.zip", data}})
		if err == nil {
			_, _ = find("k.json")
		}
	})
}

// FuzzUpload reads bundles and statements from strangers.
func FuzzUpload(f *testing.F) {
	f.Add([]byte(`{"assay_bundle":1,"facts":{"name":"K"},"statement":""}`))
	f.Add([]byte(`{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if b, err := readUpload(data); err == nil && b == nil {
			t.Fatal("neither a bundle nor an error")
		}
		_, _ = claimedEntry(data)
	})
}

// TestUploadsAreNeverShown: whatever was uploaded comes back as a file to save.
func TestUploadsAreNeverShown(t *testing.T) {
	o := newOffice(t)
	f := o.firm(t, "Acme Ltd", register.Manufacturer)
	editor := o.as(t, f, register.RoleEditor)
	for name, data := range map[string]string{"svg": `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`, "pdf": "%PDF-1.7 /JS (app.alert(1))", "html": "<script>alert(1)</script>"} {
		d, err := o.reg.SaveDraft(t.Context(), f.people[register.RoleEditor], register.Draft{Facts: register.Facts{Name: name, Make: "a\r\nX-Evil: 1; filename=\"x.html"[:1], Category: "x"}, Statement: []byte(data)})
		if err != nil {
			t.Fatal(err)
		}
		res := editor.do(httptest.NewRequest("GET", "/org/drafts/"+string(d.Product)+"/statement", nil))
		h := res.Header
		if !strings.HasPrefix(h.Get("Content-Disposition"), "attachment") || h.Get("Content-Type") != "application/octet-stream" || h.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(h.Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("%s: %v", name, h)
		}
	}
	w := httptest.NewRecorder()
	attach(w, httptest.NewRequest("GET", "/", nil), "a\r\nX-Evil: 1\"; filename=\"x.html", []byte("x"))
	if got := w.Header().Get("Content-Disposition"); strings.ContainsAny(got, "\r\n") || strings.Count(got, "filename") != 1 && strings.Contains(got, `"; filename`) {
		t.Errorf("name of the file: %q", got)
	}
}

// TestInjection sends what would be SQL, a header or a line of the log.
func TestInjection(t *testing.T) {
	o := newOffice(t)
	f := o.firm(t, "Acme Ltd", register.Manufacturer)
	o.publish(t, f, "K2", "2031-01-31")
	owner := o.as(t, f, register.RoleOwner)
	evil := []string{"' or '1'='1", `"; drop table product; --`, "x\r\nSet-Cookie: session=evil", "%", "_", `\`, "\x00", "a\nlevel=ERROR msg=forged", strings.Repeat("(", 500), "K2' union select handle from account --", "\xff\xfe", "NEAR(a b, 99)", "*"}
	for _, e := range evil {
		q := url.QueryEscape(e)
		for _, path := range []string{"/search?q=" + q, "/search?category=" + q + "&make=" + q, "/search?after=" + q + "&order=" + q, "/org/products?q=" + q, "/org/products?after=" + q + "&status=" + q, "/org/audit?before=" + q, "/p/" + url.PathEscape(e), "/org/drafts/" + url.PathEscape(e), "/operator?after=" + q, "/sign-in?next=" + q} {
			r := httptest.NewRequest("GET", path, nil)
			r.Header["X-Forwarded-For"] = []string{e}
			r.Header["User-Agent"] = []string{e}
			r.Header["Referer"] = []string{e}
			res := owner.do(r)
			if res.StatusCode >= 500 {
				t.Errorf("%s: %d", path, res.StatusCode)
			}
			for name, values := range res.Header {
				for _, value := range values {
					if strings.ContainsAny(value, "\r\n") || name == "Set-Cookie" && strings.Contains(value, "evil") {
						t.Errorf("%s: header %s: %q", path, name, value)
					}
				}
			}
		}
		if code, _, _ := owner.post("/org/products/x/withdraw", url.Values{"reason": {e}}); code >= 500 {
			t.Errorf("reason %q: %d", e, code)
		}
	}
	if results, err := o.reg.Search(t.Context(), register.Public, register.Query{}); err != nil || results.Count != 1 {
		t.Errorf("after all that: %d products, %v", results.Count, err)
	}
}

// TestLogLines: each line of the log is one of ours, whatever was sent, and none holds
// a secret.
func TestLogLines(t *testing.T) {
	c := newCompany(t)
	o := newOffice(t)
	f := o.firm(t, "Acme Ltd", register.Manufacturer)
	o.serve(t, officeURL, func(cfg *Config) {
		cfg.Accounts.Providers = []Provider{{ID: "acme", Issuer: c.URL, ClientID: "register", ClientSecret: "provider-secret", Org: f.org}}
	})
	c.spoil = func(m map[string]any) { m["iss"] = "evil\n{\"level\":\"ERROR\",\"msg\":\"forged\"}" }
	c.through(t, &visitor{o: o}, "/sign-in/with/acme")
	o.db.Close() // now every request fails inside, and says so in the log
	r := httptest.NewRequest("GET", "/search?q=%0a%7B%22msg%22%3A%22forged%22%7D", nil)
	r.Header["User-Agent"] = []string{"x\n{\"msg\":\"forged\"}"}
	r.Header.Set("Authorization", "Bearer assay_t_secret-token")
	if code := (&visitor{o: o, cookie: "secret-cookie"}).do(r).StatusCode; code != http.StatusInternalServerError {
		t.Errorf("without a database: %d, want 500", code)
	}
	lines := 0
	in := bufio.NewScanner(strings.NewReader(o.logged()))
	for in.Scan() {
		lines++
		var line struct{ Msg string }
		if err := json.Unmarshal(in.Bytes(), &line); err != nil || line.Msg == "forged" {
			t.Errorf("line %d of the log: %q", lines, in.Text())
		}
		for _, secret := range []string{"provider-secret", "secret-token", "secret-cookie"} {
			if strings.Contains(in.Text(), secret) {
				t.Errorf("the log holds %s: %s", secret, in.Text())
			}
		}
	}
	if lines < 2 {
		t.Errorf("%d lines, want one of the sign-in and one of the fault", lines)
	}
}

// TestErrorsTellNothing: a fault inside shows a reference, and none of its words.
func TestErrorsTellNothing(t *testing.T) {
	o := newOffice(t)
	o.db.Close()
	for _, path := range []string{"/", "/sign-in/with/x", "/set-up/x"} {
		_, body := (&visitor{o: o}).get(path)
		for _, word := range []string{"sql", "database is closed", ".go:", "goroutine"} {
			if strings.Contains(strings.ToLower(body), word) {
				t.Errorf("%s shows %q", path, word)
			}
		}
	}
}

// TestSlowClients: who sends a form drop by drop is not waited for.
func TestSlowClients(t *testing.T) {
	o := newOffice(t)
	f := o.firm(t, "Acme Ltd", register.Manufacturer)
	o.site.accounts.formTime = 200 * time.Millisecond
	server := httptest.NewServer(o.site)
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	v := o.as(t, f, register.RoleOwner)
	fmt.Fprintf(conn, "POST /org/settings HTTP/1.1\r\nHost: x\r\nCookie: __Host-session=%s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\nname=Slow", v.cookie)
	_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second)) // ends a test that hangs; measures nothing
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("no answer to a slow client: %v", err)
	}
	if res.StatusCode != http.StatusRequestTimeout {
		t.Errorf("a slow client: %d, want 408", res.StatusCode)
	}
	org, _, err := o.reg.Organisation(t.Context(), f.people[register.RoleOwner])
	if err != nil || org.Name != "Acme Ltd" {
		t.Errorf("half a form was used: %q, %v", org.Name, err)
	}
}

// TestNoServerFaults sends anything to any page for programs and people: none fails
// inside.
func TestNoServerFaults(t *testing.T) {
	o := newOffice(t)
	f := o.firm(t, "Acme Ltd", register.Manufacturer)
	got := o.publish(t, f, "K2", "2031-01-31")
	secret, _, err := o.reg.NewToken(t.Context(), f.people[register.RoleOwner], "x", register.TokenScopes(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	paths := []string{"/api/v1/publish", "/api/v1/drafts", "/api/v1/import", "/api/v1/products/" + string(got.Product) + "/extend", "/api/v1/products/" + string(got.Product) + "/assessments", "/api/v1/products/x/withdraw"}
	bodies := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{`{}`, `[]`, `null`, `{"assay_bundle":1}`, `{"assay_bundle":1,"facts":{"models":null,"gtins":["x"],"support":[{"component":"","end":"9999-12-31"}]},"statement":"AAAA"}`, `{"extensions":[{"component":"product","end":"0001-01-01"}]}`, `{"extensions":null}`, "name,make,category\n\"", "name,make,category\na,b,c\n,,\n", "{\"payload\":\"\"}"}))
	rapid.Check(t, func(r *rapid.T) {
		path, body := rapid.SampledFrom(paths).Draw(r, "path"), bodies.Draw(r, "body")
		code, text, _ := (&visitor{o: o, token: secret}).answer(httptest.NewRequest("POST", path, strings.NewReader(body)))
		if code >= 500 {
			r.Fatalf("%s with %q: %d %s", path, body, code, text)
		}
	})
}
