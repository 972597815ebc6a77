package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"github.com/assay-psti/assay/register"
)

// window is a real browser with a virtual authenticator in it.
type window struct {
	context.Context
	t    *testing.T
	base string
	key  webauthn.AuthenticatorID
	axe  string
}

// openWindow starts Chromium on a register of its own that listens on this machine.
func openWindow(t *testing.T) (*window, *office) {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser takes its time")
	}
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("no Chromium: install the package chromium")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base := fmt.Sprintf("http://localhost:%d", l.Addr().(*net.TCPAddr).Port)
	o := newRegister(t, base)
	o.serve(t, base)
	server := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { o.site.ServeHTTP(w, r) })}}
	server.Start()
	t.Cleanup(server.Close)

	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.DisableGPU, chromedp.WindowSize(1280, 900),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	bound, stop := context.WithTimeout(context.Background(), 5*time.Minute) // ends a browser that hangs; measures nothing
	t.Cleanup(stop)
	alloc, end := chromedp.NewExecAllocator(bound, options...)
	t.Cleanup(end)
	tab, leave := chromedp.NewContext(alloc)
	t.Cleanup(leave)
	w := &window{Context: tab, t: t, base: base}
	w.open("/")
	if _, err := chromedp.Call(tab, webauthn.Enable, webauthn.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	made, err := chromedp.Call(tab, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true}})
	if err != nil {
		t.Fatal(err)
	}
	w.key = made.AuthenticatorID
	if data, err := os.ReadFile(filepath.Join("..", "internal", "browsertest", "node_modules", "axe-core", "axe.min.js")); err == nil {
		w.axe = string(data)
	}
	return w, o
}

func (w *window) open(path string) {
	w.t.Helper()
	if err := chromedp.Do(w, chromedp.Navigate(w.base+path)); err != nil {
		w.t.Fatalf("open %s: %v", path, err)
	}
}

// fill fills a field of the page.
func (w *window) fill(name, value string) {
	w.t.Helper()
	if err := chromedp.Do(w, chromedp.SetValue(chromedp.CSS(`[name="`+name+`"]`), value)); err != nil {
		w.t.Fatalf("fill %s: %v", name, err)
	}
}

// press sends the form with an action and waits until the browser shows an address.
func (w *window) press(action, wanted string) {
	w.t.Helper()
	if err := chromedp.Do(w, chromedp.Click(chromedp.CSS(`form[action="`+action+`"] button`))); err != nil {
		w.t.Fatalf("press %s: %v", action, err)
	}
	w.reach(wanted)
}

func (w *window) reach(wanted string) {
	w.t.Helper()
	if !w.until(fmt.Sprintf(`location.pathname === %q && document.readyState === "complete"`, wanted)) {
		w.t.Fatalf("the browser does not come to %s: it is at %q and shows %s", wanted, w.evaluate(`location.href`), shownLine(w.evaluate(`document.body.innerText`), 600))
	}
}

// until waits for something to be true of the page, over changes of pages.
func (w *window) until(expression string) bool {
	ctx, stop := context.WithTimeout(w, 30*time.Second)
	defer stop()
	for ctx.Err() == nil {
		if done, err := chromedp.Run(ctx, chromedp.Poll[bool](expression)); err == nil && done {
			return true
		}
	}
	return false
}

func (w *window) evaluate(js string) string {
	text, err := chromedp.Run(w, chromedp.Evaluate[string](js))
	if err != nil {
		return err.Error()
	}
	return text
}

func (w *window) shows(words ...string) {
	w.t.Helper()
	text := w.evaluate(`document.body.innerText`)
	for _, want := range words {
		if !strings.Contains(text, want) {
			w.t.Errorf("%s lacks %q: %s", w.evaluate(`location.pathname`), want, shownLine(text, 800))
		}
	}
}

// look lets axe-core look at the page, in light and dark, at three widths, and keeps
// pictures where the environment says so.
func (w *window) look(name string) {
	w.t.Helper()
	if w.axe == "" {
		w.t.Log("no axe-core: run npm ci in internal/browsertest")
		return
	}
	if wide := w.evaluate(`String(document.documentElement.outerHTML.length)`); len(wide) > 5 || len(wide) == 5 && wide > "30000" {
		w.t.Errorf("%s weighs %s bytes, want less than 30000", name, wide)
	}
	if _, err := chromedp.Run(w, chromedp.Evaluate[bool](w.axe+"; true")); err != nil {
		w.t.Fatal(err)
	}
	for _, dark := range []bool{false, true} {
		scheme := map[bool]string{false: "light", true: "dark"}[dark]
		if _, err := chromedp.Call(w, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}); err != nil {
			w.t.Fatal(err)
		}
		for _, width := range []int64{320, 768, 1280} {
			if err := chromedp.Do(w, chromedp.EmulateViewport(width, 900)); err != nil {
				w.t.Fatal(err)
			}
			if over := w.evaluate(`String(document.documentElement.scrollWidth > document.documentElement.clientWidth)`); over != "false" {
				w.t.Errorf("%s at %d is wider than the window", name, width)
			}
			found, err := chromedp.Run(w, chromedp.Evaluate[string](`axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}).then(r =>
				JSON.stringify({passes: r.passes.length, faults: r.violations.map(v => v.id + ": " + v.help + " " + v.nodes.map(n => n.html.slice(0, 200)).join(" | "))}))`, chromedp.EvalAwaitPromise))
			if err != nil {
				w.t.Fatal(err)
			}
			var r struct {
				Passes int
				Faults []string
			}
			if err := json.Unmarshal([]byte(found), &r); err != nil || r.Passes == 0 {
				w.t.Fatalf("axe-core looked at nothing: %v", err)
			}
			for _, f := range r.Faults {
				w.t.Errorf("%s at %d, %s: %s", name, width, scheme, f)
			}
			if dir := os.Getenv("ASSAY_PICTURES"); dir != "" {
				picture, err := chromedp.Run(w, chromedp.FullScreenshot(100))
				if err == nil {
					err = os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%d-%s.png", name, width, scheme)), picture, 0o600)
				}
				if err != nil {
					w.t.Error(err)
				}
			}
		}
	}
}

// TestPasskeysInBrowser sets a register up, signs out and in with the passkey, and
// walks through the pages of an organisation in a real browser.
func TestPasskeysInBrowser(t *testing.T) {
	w, o := openWindow(t)
	secret, err := o.reg.SetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	at := "/set-up/" + secret
	w.open(at)
	w.look("set-up")
	w.fill("name", "Op Example")
	w.fill("email", "op@example.org")
	w.press(at, "/enrol")
	w.look("enrol")
	w.fill("name", "virtual key")
	w.press("/enrol", "/account")
	w.shows("Op Example", "Your passkey is added.", "virtual key")
	w.look("account")
	before := w.evaluate(`"" + document.cookie`)
	if before != "" {
		t.Errorf("script can read the cookie: %q", before)
	}
	w.press("/sign-out", "/")
	w.open("/sign-in?next=/account/organisation/new")
	w.look("sign-in")

	// A signature that does not hold opens nothing.
	bad := true
	if _, err := chromedp.Call(w, webauthn.SetResponseOverrideBits, webauthn.SetResponseOverrideBitsParams{AuthenticatorID: w.key, IsBogusSignature: &bad}); err != nil {
		t.Fatal(err)
	}
	w.press("/sign-in", "/sign-in")
	waitText(w, "does not open an account here")
	// Nor does one without the person having shown that it is them.
	if _, err := chromedp.Call(w, webauthn.SetResponseOverrideBits, webauthn.SetResponseOverrideBitsParams{AuthenticatorID: w.key, IsBadUV: &bad}); err != nil {
		t.Fatal(err)
	}
	w.open("/sign-in?next=/account/organisation/new")
	w.press("/sign-in", "/sign-in")
	waitText(w, "does not open an account here")
	if _, err := chromedp.Call(w, webauthn.SetResponseOverrideBits, webauthn.SetResponseOverrideBitsParams{AuthenticatorID: w.key}); err != nil {
		t.Fatal(err)
	}
	w.open("/sign-in?next=/account/organisation/new")
	w.press("/sign-in", "/account/organisation/new")
	w.look("organisation-new")
	w.fill("name", "Acme Ltd")
	w.press("/account/organisation/new", "/org/settings")
	w.shows("Acme Ltd is made")

	op, err := o.reg.AccountByEmail(t.Context(), "op@example.org")
	if err != nil {
		t.Fatal(err)
	}
	o.operator = op.ID
	v, err := o.reg.SignIn(t.Context(), op.ID, "", "")
	if err != nil {
		t.Fatal(err)
	}
	f := &firm{org: v.Org, people: map[register.Role]register.Viewer{register.RoleOwner: v, register.RoleEditor: v}}
	f.key = newKey(t, o, v)
	got := o.publish(t, f, "K2", "2027-05-31")
	d, err := o.reg.SaveDraft(t.Context(), v, register.Draft{Facts: kettle("K3 with a rather long name, for it is to wrap on narrow screens too")})
	if err != nil {
		t.Fatal(err)
	}
	o.member(t, v, register.RoleEditor)
	for _, page := range []struct{ name, path string }{
		{"settings", "/org/settings"}, {"dashboard", "/org"}, {"products", "/org/products"}, {"product", "/org/products/" + string(got.Product)}, {"draft", "/org/drafts/" + string(d.Product)}, {"preview", "/org/drafts/" + string(d.Product) + "/preview"},
		{"upload", "/org/upload"}, {"import", "/org/import"}, {"members", "/org/members"}, {"tokens", "/org/tokens"}, {"audit", "/org/audit"}, {"operator", "/operator"}, {"operator-accounts", "/operator/accounts"}, {"recover", "/recover"}, {"passkey", "/account/passkey"},
	} {
		w.open(page.path)
		w.look(page.name)
	}
	// A page with faults, and one with a secret.
	w.open("/org/tokens")
	w.fill("name", "build server")
	w.press("/org/tokens", "/org/tokens")
	waitText(w, "There is a problem")
	w.look("tokens-fault")

	w.open("/org/members")
	w.fill("email", "new@example.org")
	w.press("/org/members/invite", "/org/members/invite")
	w.shows("it is shown once")
	w.look("members-secret")

	// The report of an import, with rows of every outcome.
	w.open("/org/import")
	w.attach("file", "range.csv", "name,make,category,models,gtins\nK7,Acme,kettle,K7-1|K7-2,\n,Acme,kettle,,\nK8 with a rather long name that is to wrap on narrow screens,Acme,kettle,,123\n")
	w.press("/org/import", "/org/import")
	waitText(w, "K8 with a rather long name")
	w.look("import-report")

	// A laboratory's page, after choosing it.
	if _, err := o.reg.CreateOrganisation(t.Context(), v, register.Organisation{Name: "Test House", Kind: register.Laboratory}); err != nil {
		t.Fatal(err)
	}
	w.open("/account")
	w.press("/account/organisation", "/org")
	w.shows("Test House")
	w.open("/org/assess")
	w.look("assess")

	// The same device has a passkey for the account already: the browser says so.
	w.open("/account/passkey")
	if err := chromedp.Do(w, chromedp.Click(chromedp.CSS(`form[action="/account/passkey"] button`))); err != nil {
		t.Fatal(err)
	}
	waitText(w, "has a passkey for the account already")

	// Signing in where companies have their own sign-in, and adding it to an account.
	o.serve(t, w.base, func(c *Config) {
		c.Accounts.Providers = []Provider{{ID: "acme", Title: "Acme Ltd, a company with a rather long name of its own", Issuer: "http://127.0.0.1:1", ClientID: "register", Org: f.org}}
	})
	w.open("/account")
	w.shows("Continue with Acme Ltd")
	w.look("account-provider")
	w.press("/sign-out", "/")
	w.open("/sign-in")
	w.shows("Your company’s sign-in", "Continue with Acme Ltd")
	w.look("sign-in-provider")
}

// attach puts a file into a field of the page, as a person does who picks it.
func (w *window) attach(field, name, text string) {
	w.t.Helper()
	done := w.evaluate(fmt.Sprintf(`(() => { const d = new DataTransfer(); d.items.add(new File([%q], %q, {type: "text/csv"})); document.querySelector('input[type=file][name=%s]').files = d.files; return "done" })()`, text, name, field))
	if done != "done" {
		w.t.Fatalf("attach %s: %s", name, done)
	}
}

func waitText(w *window, words string) {
	w.t.Helper()
	if !w.until(fmt.Sprintf(`document.body.innerText.includes(%q)`, words)) {
		w.t.Fatalf("the page does not say %q: %s", words, shownLine(w.evaluate(`document.body.innerText`), 800))
	}
}
