package web

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

// TestPoisonedHosts makes no address from what a request says of the host: a cache would
// hand it on, and letters would lead there.
func TestPoisonedHosts(t *testing.T) {
	o := newOffice(t)
	f := o.firm(t, "Acme Ltd", register.Manufacturer)
	got := o.publish(t, f, "K2", "2031-01-01")
	p := "/p/" + got.Slug
	paths := []string{"/", p, p + ".txt", p + ".atom", p + ".ics", p + "/shelf", p + "/badge.svg", p + "/label.svg", p + "/qr.svg", p + "/v/1", p + "/v/1/statement.html", "/m/acme-ltd", "/m/acme-ltd.atom", "/c/kettle", "/changes.atom",
		"/search?q=K2", "/search?q=4006381333931", "/product/" + string(got.Product), "/p/" + string(got.Product), "/api", "/api/v1/openapi.json", "/api/v1/products", "/api/v1/products/" + got.Slug, "/api/v1/changes", "/dump/register.csv",
		"/sign-in?next=//evil.example/x", "/sign-in?next=https://evil.example/", "/account", "/about", "/check", "/robots.txt", "/nothing"}
	ask := func(path, host string) (int, string) {
		r := httptest.NewRequest("GET", path, nil)
		r.Host = host
		if host != "register.example" {
			for _, h := range []string{"X-Forwarded-Host", "X-Original-Host", "X-Host"} {
				r.Header.Set(h, "evil.example")
			}
			r.Header.Set("X-Forwarded-Proto", "http")
			r.Header.Set("X-Forwarded-Prefix", "/evil.example")
			r.Header.Set("X-Original-URL", "/evil.example")
			r.Header.Set("Forwarded", "host=evil.example;proto=http")
		}
		w := httptest.NewRecorder()
		o.site.ServeHTTP(w, r)
		var b strings.Builder
		_ = w.Result().Header.Write(&b)
		return w.Code, b.String() + w.Body.String()
	}
	for _, path := range paths {
		code, honest := ask(path, "register.example")
		other, answer := ask(path, "evil.example")
		if path != "/sign-in?next=//evil.example/x" && path != "/sign-in?next=https://evil.example/" && code != other {
			t.Errorf("%s: %d, and %d for another host", path, code, other)
		}
		for name, text := range map[string]string{"honest": honest, "poisoned": answer} {
			if strings.Contains(text, "evil.example") {
				at := strings.Index(text, "evil.example")
				t.Errorf("%s, %s: the answer names the host that the request claims: …%s…", path, name, text[max(0, at-80):min(len(text), at+40)])
			}
		}
	}
	r := httptest.NewRequest("POST", "/recover", strings.NewReader("email="+url.QueryEscape("person1@example.org")))
	r.Host = "evil.example"
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	o.site.ServeHTTP(w, r)
	letters, err := o.letters(t)
	if err != nil || len(letters) == 0 {
		t.Fatalf("%d letters, %v", len(letters), err)
	}
	for _, l := range letters {
		if strings.Contains(l, "evil.example") {
			t.Errorf("a letter leads elsewhere: %s", l)
		}
	}
}

// letters are the letters that wait to be sent, at least one.
func (o *office) letters(t *testing.T) (out []string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var mu sync.Mutex // guards out
	err = o.db.Work(ctx, 1, func(_ context.Context, w register.Work) error {
		var m register.Mail
		if w.Kind == register.WorkMail && json.Unmarshal(w.Payload, &m) == nil {
			mu.Lock()
			out = append(out, m.To+"\n"+m.Subject+"\n"+m.Text)
			mu.Unlock()
			if strings.Contains(m.Text, "/recover/") {
				cancel()
			}
		}
		return nil
	})
	return out, err
}

// TestPendingIsNobodys shows what waits for the log to its own organisation alone: in no
// form of a page, by no tag that a cache asks with, and in no count.
func TestPendingIsNobodys(t *testing.T) {
	o := newOffice(t)
	f := o.firm(t, "Acme Ltd", register.Manufacturer)
	got := o.publish(t, f, "K2", "2031-01-01")
	editor := f.people[register.RoleEditor]
	const secret = "Quixotic"
	// A version that waits, a product that waits, and a draft.
	if _, err := o.reg.ExtendSupport(t.Context(), editor, got.Product, []register.Extension{{Component: register.WholeProduct, End: assay.MustDate("2039-09-09")}}, secret); err != nil {
		t.Fatal(err)
	}
	facts := kettle(secret + " pending")
	facts.GTINs = []register.GTIN{"05012345678900"}
	pending, err := o.reg.Publish(t.Context(), editor, &register.Bundle{Format: 1, Facts: facts, Statement: signedStatement(t, f.key, facts, "2039-09-09")})
	if err != nil {
		t.Fatal(err)
	}
	draft, err := o.reg.SaveDraft(t.Context(), editor, register.Draft{Facts: kettle(secret + " draft")})
	if err != nil {
		t.Fatal(err)
	}
	p := "/p/" + got.Slug
	paths := []string{p, p + ".txt", p + ".atom", p + ".ics", p + "/history", p + "/shelf", p + "/badge.svg", p + "/v/1", p + "/v/2", p + "/v/2/record.json", p + "/v/2/statement.json", p + "/v/2/statement.txt", "/p/" + pending.Slug, "/p/" + string(pending.Product),
		"/p/" + pending.Slug + ".txt", "/p/" + pending.Slug + "/v/1/record.json", "/p/" + string(draft.Product), "/compare?p=" + got.Slug + "&p=" + pending.Slug, "/search?q=" + secret, "/search?q=5012345678900", "/search?q=quixotik", "/", "/c/kettle", "/m/acme-ltd",
		"/m/acme-ltd.atom", "/m/acme-ltd.ics", "/c/kettle.atom", "/c/kettle.ics", "/changes.atom", "/dump/register.csv", "/follow?kind=" + string(register.FollowProduct) + "&key=" + string(pending.Product), "/about",
		"/api/v1/products", "/api/v1/products?q=" + secret, "/api/v1/products/" + got.Slug, "/api/v1/products/" + string(pending.Product), "/api/v1/lookup/5012345678900", "/api/v1/changes", "/api/v1/changes?since=0", "/api/v1/makers/acme-ltd", "/api/v1/categories"}
	own := o.as(t, f, register.RoleReader)
	shown := 0
	for _, path := range paths {
		res := own.do(httptest.NewRequest("GET", path, nil))
		body, _ := io.ReadAll(res.Body)
		if strings.Contains(string(body), secret) || strings.Contains(string(body), "2039") {
			shown++
			if c := res.Header.Get("Cache-Control"); c != "no-store" && c != "private, no-cache" {
				t.Errorf("%s: what is the organisation's alone may be kept: %q", path, c)
			}
		}
		for _, tag := range []string{"", res.Header.Get("ETag"), "*"} {
			r := httptest.NewRequest("GET", path, nil)
			if tag != "" {
				r.Header.Set("If-None-Match", tag)
			}
			w := httptest.NewRecorder()
			o.site.ServeHTTP(w, r)
			// What was searched for stands in the page of the search itself.
			text := strings.ReplaceAll(w.Body.String(), "q="+secret, "")
			if strings.HasPrefix(path, "/search") {
				text = strings.NewReplacer("“"+secret+"”", "", `value="`+secret+`"`, "").Replace(text)
			}
			if strings.Contains(text, secret) || strings.Contains(text, "2039") {
				at := max(strings.Index(text, secret), strings.Index(text, "2039"))
				t.Errorf("%s: a stranger reads of it: …%s…", path, text[max(0, at-120):min(len(text), at+40)])
			}
			if strings.Contains(path, string(pending.Product)) || strings.Contains(path, pending.Slug) {
				if w.Code != http.StatusNotFound && !strings.HasPrefix(path, "/compare") {
					t.Errorf("%s with the tag %q: %d for a stranger, want 404", path, tag, w.Code)
				}
			}
			if w.Code == http.StatusNotModified && tag != "*" && strings.Contains(string(body), "2039") {
				t.Errorf("%s: a stranger learns that the organisation's page is %s", path, tag)
			}
		}
	}
	if shown < 3 {
		t.Errorf("only %d pages show the organisation its own: the test looks at nothing", shown)
	}
}

// TestStrangersLetters bounds how many addresses one household can have letters sent to,
// however many addresses of its own it has.
func TestStrangersLetters(t *testing.T) {
	o := newOffice(t, func(c *Config) { c.Accounts.Attempts = 5 })
	f := o.firm(t, "Acme Ltd", register.Manufacturer)
	o.publish(t, f, "K2", "2031-01-01")
	follow := func(from string, i int) int {
		r := httptest.NewRequest("POST", "/follow", strings.NewReader(url.Values{"kind": {string(register.FollowMaker)}, "key": {"acme-ltd"}, "email": {fmt.Sprintf("victim%d@example.org", i)}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.RemoteAddr = "[" + from + "]:1"
		w := httptest.NewRecorder()
		o.site.ServeHTTP(w, r)
		return w.Code
	}
	refused := 0
	for i := range 20 {
		switch code := follow(fmt.Sprintf("2001:db8:0:1::%x", i+1), i); code {
		case http.StatusTooManyRequests:
			refused++
		case http.StatusOK:
		default:
			t.Errorf("number %d: %d", i, code)
		}
	}
	if refused < 12 {
		t.Errorf("of 20 from one network %d were refused", refused)
	}
	if code := follow("2001:db8:0:2::1", 99); code != http.StatusOK {
		t.Errorf("from another network: %d", code)
	}
}
