package device

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

// fake is a way in that answers as a test says.
type fake struct {
	clock  *stepClock
	answer func(n int, c *credential) (Outcome, string, time.Duration)
	n      int
}

func (f *fake) door() *door {
	return &door{way: Way{Network: "tcp", Port: 80, Protocol: "http", Method: "basic", Open: No}, try: func(_ context.Context, _ string, c *credential) (Outcome, string) {
		f.n++
		o, reason, took := f.answer(f.n, c)
		_ = f.clock.Sleep(context.Background(), took)
		return o, reason
	}}
}

var list = []Default{{User: "admin", Password: "admin", Source: "a list: Acme"}, {User: "admin", Source: "a list: Other"}, {User: "root", Password: "root", Source: "a list: Other"}, {User: "user", Password: "user", Source: "a list: Zeta"},
	{User: "admin", Password: "1234", Source: "a list: Other"}, {User: "x", Password: "y", Source: "a list: Kettles of Zeta"}, {Password: "public", Community: true, Source: "c"}}

func enter(t *testing.T, l *logins, answer func(n int, c *credential) (Outcome, string, time.Duration)) (*Way, int) {
	t.Helper()
	s, clock := newSession(t, l.limits())
	l.s = s
	f := &fake{clock: clock, answer: answer}
	ways := l.enter(t.Context(), []*door{f.door()})
	return &ways[0], f.n
}

func (l *logins) limits() Limits { return Limits{Tries: 4} }

func accepts(user, pass string) func(int, *credential) (Outcome, string, time.Duration) {
	return func(_ int, c *credential) (Outcome, string, time.Duration) {
		if c.user == user && c.password == pass {
			return Accepted, "in", 0
		}
		return Refused, "no", 0
	}
}

func TestDefaultAccepted(t *testing.T) {
	w, n := enter(t, &logins{published: list}, accepts("admin", "admin"))
	a := w.AcceptedDefault()
	if a == nil || a.User != "admin" || a.Password != "admin" || a.Source != "a list: Acme" || w.Control != Refused {
		t.Fatalf("got %+v", w)
	}
	if n != 3 { // random, the default, random again
		t.Errorf("got %d log-ins, want 3", n)
	}
}

func TestDefaultsRefused(t *testing.T) {
	w, n := enter(t, &logins{published: list}, accepts("admin", "something else"))
	if w.AcceptedDefault() != nil || w.RefusedDefaults() != 4 || w.Offered != 6 || n != 5 {
		t.Errorf("got %+v after %d log-ins", w, n)
	}
}

func TestBlankAccepted(t *testing.T) {
	w, _ := enter(t, &logins{published: list}, accepts("admin", ""))
	if a := w.AcceptedDefault(); a == nil || !a.Blank {
		t.Errorf("got %+v", w)
	}
}

// A way in that takes whatever it is given accepts no default.
func TestAnyPassword(t *testing.T) {
	w, n := enter(t, &logins{published: list}, func(int, *credential) (Outcome, string, time.Duration) { return Accepted, "in", 0 })
	if w.AcceptedDefault() != nil || !w.Any || w.Open != Yes || n != 1 {
		t.Errorf("got %+v after %d log-ins", w, n)
	}
}

// One that begins to let everybody in, after it refused at first, neither.
func TestControlAfterwards(t *testing.T) {
	w, _ := enter(t, &logins{published: list}, func(n int, _ *credential) (Outcome, string, time.Duration) {
		if n == 1 {
			return Refused, "no", 0
		}
		return Accepted, "in", 0
	})
	if w.AcceptedDefault() != nil || w.Stopped == "" {
		t.Errorf("got %+v", w)
	}
}

func TestLockOut(t *testing.T) {
	for name, answer := range map[string]func(n int, c *credential) (Outcome, string, time.Duration){
		"said": func(n int, _ *credential) (Outcome, string, time.Duration) {
			if n >= 3 {
				return Locked, "status 429", 0
			}
			return Refused, "no", 0
		},
		"closed": func(n int, _ *credential) (Outcome, string, time.Duration) {
			if n >= 3 {
				return Unclear, "refused", 0
			}
			return Refused, "no", 0
		},
		"slower": func(n int, _ *credential) (Outcome, string, time.Duration) {
			return Refused, "no", time.Duration(n*n) * 600 * time.Millisecond
		},
		"nonsense": func(n int, _ *credential) (Outcome, string, time.Duration) {
			if n >= 2 {
				return Unclear, "status 500", 0
			}
			return Refused, "no", 0
		},
	} {
		w, n := enter(t, &logins{published: list, guesses: 50}, answer)
		if w.Stopped == "" || n > 4 || w.AcceptedDefault() != nil || w.Guessing != nil {
			t.Errorf("%s: got %+v after %d log-ins", name, w, n)
		}
	}
}

func TestUnitPassword(t *testing.T) {
	l := &logins{unit: &Secret{Users: []string{"owner", "admin"}, Password: "kF7-q"}, set: &Secret{Users: []string{"admin"}, Password: "mine"}, published: list}
	w, _ := enter(t, l, accepts("admin", "kF7-q"))
	if a := w.AcceptedUnit(); a == nil || a.User != "admin" || a.Password != "" || !strings.HasPrefix(a.Secret, "hmac:") {
		t.Errorf("got %+v", w.Unit)
	}
	if w.AcceptedSet() != nil || len(w.Set) != 1 || w.AcceptedDefault() != nil {
		t.Errorf("got %+v, %+v", w.Set, w.Tried)
	}
	l = &logins{set: &Secret{Users: []string{"admin"}, Password: "mine"}, published: list}
	if w, _ = enter(t, l, accepts("root", "root")); w.AcceptedDefault() == nil || !w.AcceptedDefault().Other {
		t.Errorf("a default beside the password that was set: got %+v", w.Tried)
	}
	l = &logins{set: &Secret{Users: []string{"someone"}, Password: "root"}, published: list}
	if w, _ = enter(t, l, accepts("root", "root")); w.AcceptedDefault() == nil || w.AcceptedDefault().Other {
		t.Errorf("the person set the default value: got %+v", w.Tried)
	}
}

// The unit's password is never sent as an SNMP community.
func TestUnitPasswordIsNoCommunity(t *testing.T) {
	l := &logins{unit: &Secret{Password: "kF7-q"}, published: list}
	s, clock := newSession(t, l.limits())
	l.s = s
	f := &fake{clock: clock, answer: func(_ int, c *credential) (Outcome, string, time.Duration) {
		if c.password == "kF7-q" {
			t.Error("it was sent")
		}
		return Refused, "no answer", 0
	}}
	d := f.door()
	d.way.Method, d.alone = "community", true
	if w := l.enter(t.Context(), []*door{d})[0]; len(w.Unit) != 0 || len(w.Tried) != 1 {
		t.Errorf("got %+v", w)
	}
}

func TestCandidates(t *testing.T) {
	first := func(hints ...string) string {
		c := (&logins{published: list, hints: hints}).candidates(&door{})
		return c[0].User + "/" + c[0].Password
	}
	if got := first(); got != "admin/admin" {
		t.Errorf("without a make: got %s", got)
	}
	if got := first("zeta"); got != "user/user" {
		t.Errorf("of a make: got %s", got)
	}
	c := (&logins{published: list}).candidates(&door{way: Way{Method: "community"}, alone: true})
	if len(c) != 1 || c[0].Password != "public" {
		t.Errorf("communities: got %+v", c)
	}
}

func TestGuessing(t *testing.T) {
	no := func(_ int, _ *credential) (Outcome, string, time.Duration) {
		return Refused, "no", 10 * time.Millisecond
	}
	w, _ := enter(t, &logins{guesses: 12}, no)
	if w.Guessing == nil || w.Guessing.Limit != LimitNone || w.Guessing.Tries != 12 {
		t.Errorf("no limit: got %+v", w.Guessing)
	}
	w, _ = enter(t, &logins{guesses: 12}, func(n int, c *credential) (Outcome, string, time.Duration) {
		if n > 6 {
			return Locked, "locked", 0
		}
		return no(n, c)
	})
	if w.Guessing == nil || w.Guessing.Limit != LimitLocked || w.Guessing.Tries != 5 {
		t.Errorf("locked: got %+v", w.Guessing)
	}
	w, _ = enter(t, &logins{guesses: 20}, func(n int, _ *credential) (Outcome, string, time.Duration) {
		return Refused, "no", 100 * time.Millisecond << min(n, 8)
	})
	if w.Guessing == nil || w.Guessing.Limit != LimitSlower {
		t.Errorf("slower: got %+v", w.Guessing)
	}
	// PAM waits two seconds each time: this is no growth.
	w, _ = enter(t, &logins{guesses: 12}, func(int, *credential) (Outcome, string, time.Duration) { return Refused, "no", 2 * time.Second })
	if w.Guessing == nil || w.Guessing.Limit != LimitNone {
		t.Errorf("always slow: got %+v", w.Guessing)
	}
}

// A device that locks without saying so refuses the right password too: then nothing
// follows from what it refused before.
func TestSilentLock(t *testing.T) {
	l := &logins{unit: &Secret{Users: []string{"admin"}, Password: "kF7-q"}, published: list}
	w, _ := enter(t, l, func(n int, c *credential) (Outcome, string, time.Duration) {
		if n > 4 {
			return Refused, "no", 0
		}
		return accepts("admin", "kF7-q")(n, c)
	})
	if w.RefusedDefaults() != 0 || len(w.Tried) == 0 || !strings.Contains(w.Stopped, "lock-out") || w.AcceptedUnit() == nil {
		t.Errorf("got %+v", w)
	}
	l = &logins{unit: &Secret{Users: []string{"admin"}, Password: "kF7-q"}, published: list}
	if w, _ = enter(t, l, accepts("admin", "kF7-q")); w.RefusedDefaults() != 4 || w.Stopped != "" {
		t.Errorf("without a lock-out: got %+v", w)
	}
}

// After a series of wrong log-ins the right one tells whether the device locked.
func TestGuessingThenTheRightOne(t *testing.T) {
	guess := func(answer func(n int, c *credential) (Outcome, string, time.Duration)) *Guessing {
		w, _ := enter(t, &logins{unit: &Secret{Users: []string{"admin"}, Password: "kF7-q"}, guesses: 12}, answer)
		if w.Guessing == nil {
			t.Fatalf("got %+v", w)
		}
		return w.Guessing
	}
	if g := guess(accepts("admin", "kF7-q")); g.Limit != LimitNone || g.After != Accepted || g.Tries != 12 {
		t.Errorf("no limit: got %+v", g)
	}
	g := guess(func(n int, c *credential) (Outcome, string, time.Duration) {
		if n > 10 {
			return Refused, "no", 0
		}
		return accepts("admin", "kF7-q")(n, c)
	})
	if g.Limit != LimitLocked || g.After != Refused {
		t.Errorf("locked without a word: got %+v", g)
	}
	w, _ := enter(t, &logins{guesses: 12}, accepts("admin", "kF7-q"))
	if w.Guessing.After != Untried {
		t.Errorf("no right one is known: got %+v", w.Guessing)
	}
}

// A lock-out at one web log-in ends the others of the device, and no other protocol's.
func TestLockOutIsShared(t *testing.T) {
	s, clock := newSession(t, Limits{Tries: 4})
	locks := (&fake{clock: clock, answer: func(int, *credential) (Outcome, string, time.Duration) { return Locked, "status 429", 0 }}).door()
	after, shell := &fake{clock: clock, answer: accepts("", "")}, &fake{clock: clock, answer: accepts("", "")}
	second, third := after.door(), shell.door()
	third.way.Protocol, third.way.Port = "telnet", 23
	(&logins{s: s, published: list}).enter(t.Context(), []*door{locks, second, third})
	if after.n != 0 || !strings.Contains(second.way.Stopped, "lock-out") || shell.n != 5 {
		t.Errorf("got %d and %d log-ins, %+v", after.n, shell.n, second.way)
	}
}

func portOf(t *testing.T, s *httptest.Server) int {
	t.Helper()
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	p, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// inspectWeb looks at one web server.
func inspectWeb(t *testing.T, h http.Handler) *Record {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	s, _ := newSession(t, Limits{})
	r, err := Inspect(t.Context(), s, &Work{NoUDP: true, TCP: []int{portOf(t, server)}, Logins: true, Published: list})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestWebServers(t *testing.T) {
	page := func(status int, text string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status); _, _ = w.Write([]byte(text)) })
	}
	const form = `<form method=post action=/in><input name=u><input type=password name=p><button>Go</button></form>`
	for name, c := range map[string]struct {
		h       http.Handler
		open    Answer
		def     string // user of the default that is accepted
		stopped bool
	}{
		"open-page":      {page(200, "<title>Kettle</title>Water is hot"), Yes, "", false},
		"page-by-script": {page(200, "<html><script src=app.js></script><div id=app></div></html>"), Unknown, "", false},
		"speaks-of-it":   {page(200, "<html><a href=/x>Log in</a> to see more</html>"), Unknown, "", false},
		"not-found":      {page(404, "nothing here"), "", "", false},
		"forbidden":      {page(403, "no"), Unknown, "", false},
		// The form comes back whatever is sent: nothing is accepted.
		"form-always": {page(200, form), Unknown, "", false},
		// Every log-in leads to a page without a form: that tells nothing.
		"form-vague": {http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				_, _ = w.Write([]byte("<html>Bienvenue ou pas</html>"))
				return
			}
			_, _ = w.Write([]byte(form))
		}), Unknown, "", true},
		"form-by-get": {page(200, `<form action=/in><input type=password name=p></form>`), Unknown, "", true},
		"form-behind-refresh": {func() http.Handler {
			m := http.NewServeMux()
			m.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write([]byte(`<meta http-equiv="refresh" content="0; url=/login.htm">`))
			})
			m.HandleFunc("/login.htm", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(form)) })
			m.HandleFunc("POST /in", func(w http.ResponseWriter, r *http.Request) {
				if r.FormValue("u") == "root" && r.FormValue("p") == "root" {
					_, _ = w.Write([]byte("Welcome, your camera is well"))
					return
				}
				_, _ = w.Write([]byte(form))
			})
			return m
		}(), Unknown, "root", false},
		"basic": {http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if u, p, _ := r.BasicAuth(); u == "root" && p == "root" {
				return
			}
			w.Header().Set("WWW-Authenticate", `Basic realm="r"`)
			w.WriteHeader(401)
		}), No, "root", false},
		// A lock-out by 403 after three failures must not read as acceptance.
		"basic-locks": {func() http.Handler {
			n := 0
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if _, _, ok := r.BasicAuth(); ok {
					if n++; n > 2 {
						w.WriteHeader(429)
						return
					}
				}
				w.Header().Set("WWW-Authenticate", `Basic realm="r"`)
				w.WriteHeader(401)
			})
		}(), No, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := inspectWeb(t, c.h)
			if c.open == "" {
				if len(r.Ways) != 0 {
					t.Errorf("got %+v", r.Ways)
				}
				return
			}
			if len(r.Ways) != 1 {
				t.Fatalf("got %d ways in", len(r.Ways))
			}
			w := r.Ways[0]
			got := ""
			if a := w.AcceptedDefault(); a != nil {
				got = a.User
			}
			if w.Open != c.open || got != c.def || (w.Stopped != "") != c.stopped {
				t.Errorf("got open %s, default %q, stopped %q; want %s, %q, %v", w.Open, got, w.Stopped, c.open, c.def, c.stopped)
			}
		})
	}
}

// A device that changes its address by a redirect is not followed.
func TestRedirectElsewhere(t *testing.T) {
	asked := make(chan string, 10)
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- r.URL.Path }))
	defer other.Close()
	r := inspectWeb(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+"/secret", http.StatusFound)
	}))
	if len(asked) != 0 || len(r.Services) != 1 {
		t.Errorf("it was followed to %s", <-asked)
	}
	if d := strings.Join(r.Services[0].Details, ";"); !strings.Contains(d, "not followed") {
		t.Errorf("got %s", d)
	}
}

func TestVerifyChange(t *testing.T) {
	now := "old"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, _ := r.BasicAuth(); u == "admin" && (p == now) {
			return
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="r"`)
		w.WriteHeader(401)
	}))
	defer server.Close()
	s, _ := newSession(t, Limits{})
	port := portOf(t, server)
	r, err := Inspect(t.Context(), s, &Work{NoUDP: true, TCP: []int{port}, Logins: true})
	if err != nil {
		t.Fatal(err)
	}
	old, fresh := "old", "new one"
	now = fresh
	c, err := Verify(t.Context(), s, r, port, "admin", &old, &fresh, nil)
	if err != nil || !c.Held() || r.Ways[0].Changed == nil {
		t.Errorf("got %+v, %v", c, err)
	}
	now = old
	if c, err = Verify(t.Context(), s, r, port, "admin", &old, &fresh, nil); err != nil || c.Held() || c.Old != Accepted {
		t.Errorf("not changed: got %+v, %v", c, err)
	}
	if _, err := Verify(t.Context(), s, r, 1, "admin", &old, &fresh, nil); err == nil {
		t.Error("no such port: no error")
	}
}

func TestPlanSendsNothing(t *testing.T) {
	s, err := New(netip.MustParseAddr("192.168.8.20"), Options{Clock: newClock()})
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(Plan(s, &Work{Logins: true, Published: list, Guesses: 12}), "\n")
	for _, want := range []string{"65535 ports of 192.168.8.20", "admin/admin", "admin/(blank)", "12 wrong log-ins", "161 (snmp)", "no passwords over SSH", "GET alone, at most 14 pages", "/cgi-bin/luci", "names: admin, root"} {
		if !strings.Contains(text, want) {
			t.Errorf("the plan lacks %q:\n%s", want, text)
		}
	}
	if s.used != (Used{}) {
		t.Errorf("got %+v", s.used)
	}
}

// A description by SSDP is read at this device alone, wherever the answer points.
func TestLocated(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		_, _ = w.Write([]byte("<root><device><friendlyName>Kettle</friendlyName></device></root>"))
	}))
	defer server.Close()
	s, _ := newSession(t, Limits{})
	v := &Service{seen: &seen{location: server.URL + "/d.xml"}}
	s.located(t.Context(), v)
	if asked != 1 || !strings.Contains(strings.Join(v.Details, ";"), "Kettle") {
		t.Errorf("got %v", v.Details)
	}
	for _, to := range []string{"http://8.8.8.8/d.xml", "http://127.0.0.2/d.xml", "http://kettle.invalid/", "file:///etc/passwd", "http://127.0.0.1:99999/", "\x00"} {
		v := &Service{seen: &seen{location: to}}
		before := s.used
		s.located(t.Context(), v)
		if s.used != before {
			t.Errorf("%s: something was sent", to)
		}
	}
}

// Log-ins that the budget cut off leave the record unfinished.
func TestLoginsStoppedByBudget(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Basic realm="r"`)
		w.WriteHeader(401)
	}))
	defer server.Close()
	s, _ := newSession(t, Limits{Connections: 6})
	r, err := Inspect(t.Context(), s, &Work{NoUDP: true, TCP: []int{portOf(t, server)}, Logins: true, Published: list})
	if err != nil {
		t.Fatal(err)
	}
	if r.Whole || len(r.Cut) == 0 || r.Used.Connections != 6 {
		t.Errorf("got whole=%v, cut=%v, %d connections", r.Whole, r.Cut, r.Used.Connections)
	}
}
