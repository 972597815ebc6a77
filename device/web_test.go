package device

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"sync"
	"testing"
)

// site is a web server of a device: pages by path, and what was asked of it.
type site struct {
	pages map[string]string
	h     http.Handler // for what is no page

	mu    sync.Mutex // guards asked
	asked []string
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.asked = append(s.asked, r.Method+" "+r.URL.RequestURI())
	s.mu.Unlock()
	if text, ok := s.pages[r.URL.Path]; ok && r.Method == http.MethodGet {
		_, _ = w.Write([]byte(text))
		return
	}
	if s.h != nil {
		s.h.ServeHTTP(w, r)
		return
	}
	http.NotFound(w, r)
}

const logInForm = `<form method="post" action="/in"><input name="u"><input type="password" name="p"><input type="submit" value="Log in"></form>`

// takes lets one user in by the form, and one only.
func takes(user, pass, again string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/in":
			http.NotFound(w, r)
		case r.FormValue("u") == user && r.FormValue("p") == pass:
			_, _ = w.Write([]byte("<title>Settings</title>Your camera is well."))
		default:
			_, _ = w.Write([]byte(again))
		}
	})
}

// Log-ins that stand on other pages than the first are found, and the way there is
// harmless.
func TestWalk(t *testing.T) {
	realm := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, _ := r.BasicAuth(); r.URL.Path != "/admin/" || u == "root" && p == "root" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="r"`)
		w.WriteHeader(http.StatusUnauthorized)
	})
	for name, c := range map[string]struct {
		pages  map[string]string
		h      http.Handler
		where  string
		method string
		def    string
		not    string // part of an address that is never asked for
	}{
		"frames":        {map[string]string{"/": `<frameset><frame src="top.htm"><frame src="main.htm"></frameset>`, "/top.htm": "Camera", "/main.htm": logInForm}, takes("root", "root", logInForm), "/main.htm", "form", "root", ""},
		"link-address":  {map[string]string{"/": `Live view. <a href="/user/logon.asp">x</a>`, "/user/logon.asp": logInForm}, takes("root", "root", logInForm), "/user/logon.asp", "form", "root", ""},
		"link-words":    {map[string]string{"/": `Live view. <a href="/x1">Anmelden</a>`, "/x1": logInForm}, takes("root", "root", logInForm), "/x1", "form", "root", ""},
		"two-clicks":    {map[string]string{"/": `Hello. <a href="/setup.htm">Setup</a>`, "/setup.htm": `Please <a href='/l'>log in</a>`, "/l": logInForm}, takes("root", "root", logInForm), "/l", "form", "root", ""},
		"usual-address": {map[string]string{"/": "Under construction", "/cgi-bin/luci": logInForm}, takes("root", "root", logInForm), "/cgi-bin/luci", "form", "root", ""},
		"sub-page-asks": {map[string]string{"/": `Hello. <a href="/admin/">Administration</a>`}, realm, "/admin/", "basic", "root", ""},
		"by-script":     {map[string]string{"/": `<div id=app></div><script src="/app.js"></script>`, "/app.js": `h("input",{type:"password"}),fetch("/api/login",{method:"POST"})`}, nil, "/", "script", "", "/api"},
		"no-form":       {map[string]string{"/": `<div><input type="password" id="pw"><button onclick="go()">Enter</button></div>`}, nil, "/", "script", "", ""},
		"harm":          {map[string]string{"/": `Hi. <a href="/reboot.cgi">admin</a> <a href="/login?do=1">x</a> <a href="/setup.cgi?reset=1">setup</a> <a href="/logout">Log in again</a>` + `<a href="/factory/login">x</a><a href="/l">log in</a>`, "/l": logInForm}, takes("root", "root", logInForm), "/l", "form", "root", "re"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &site{pages: c.pages, h: c.h}
			r := inspectWeb(t, s)
			var way *Way
			for i := range r.Ways {
				if r.Ways[i].Method == c.method {
					way = &r.Ways[i]
				}
			}
			if way == nil {
				t.Fatalf("no such way in: %+v", r.Ways)
			}
			got := ""
			if a := way.AcceptedDefault(); a != nil {
				got = a.User
			}
			if way.Where != c.where || got != c.def {
				t.Errorf("got %s and %q, want %s and %q: %+v", way.Where, got, c.where, c.def, way)
			}
			seen := map[string]int{}
			for _, a := range s.asked {
				if seen[a]++; c.not != "" && strings.Contains(a, c.not) && !strings.Contains(a, "/l") {
					t.Errorf("it asked for %s", a)
				}
				for _, harm := range []string{"reboot", "factory", "logout", "reset", "do=1"} {
					if strings.Contains(a, harm) {
						t.Errorf("it asked for %s", a)
					}
				}
				if method, _, _ := strings.Cut(a, " "); method != "GET" && a != "POST /in" && a != "POST "+onvifPath {
					t.Errorf("it sent %s", a)
				}
			}
		})
	}
}

func TestLinks(t *testing.T) {
	got := links([]byte(`<a href="/a">One <b>two</b><a href='/b'>Three</a><!-- <a href="/c">no</a> --><area href=/d alt="Log in"><iframe src="/e"></iframe><script>x = '<a href="/f">no</a>'; location.href = "/g"</script><a href="#h">no</a>`))
	var out []string
	for _, l := range got {
		out = append(out, fmt.Sprintf("%s|%s|%v", l.to, strings.TrimSpace(l.words), l.shown))
	}
	if got, want := strings.Join(out, " "), "/g||true /e||true /g||false /a|One two|false /b|Three|false /d|Log in|false"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// No page makes the readers fail, and what they give stays in bounds.
func FuzzPages(f *testing.F) {
	for _, text := range []string{logInForm, `<frameset><frame src=a>`, `<select><option selected>`, `<a href=x>log in<a`, `<script>location="/"</script>`, `<form><input type=password`, "\xff<form method=post>\x00<button>"} {
		f.Add([]byte(text))
	}
	sent := loginForm([]byte(logInForm))
	f.Fuzz(func(t *testing.T, b []byte) {
		if n := len(links(b)); n > 1+20+200+maxLinks {
			t.Errorf("%d links", n)
		}
		if fm := loginForm(b); fm != nil && fm.not == "" && (fm.password == "" || fm.method != "POST") {
			t.Errorf("a form that cannot be sent may be: %+v", fm)
		}
		_, _ = scriptLogin(b), scriptWords(b)
		if o, _ := judgeForm(&response{status: 200, header: http.Header{}, body: b}, sent); o == Untried {
			t.Error("no outcome")
		}
		_ = wholePage(b)
	})
}

// A web server without end is walked through to a bound.
func TestWalkIsBounded(t *testing.T) {
	s := &site{pages: map[string]string{}}
	n := 0
	s.h = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for range 50 {
			n++
			fmt.Fprintf(w, `<a href="/login%d">log in</a> `, n)
		}
	})
	r := inspectWeb(t, s)
	if got := len(s.asked); got > 3+maxPages+2 {
		t.Errorf("got %d requests", got)
	}
	if d := fmt.Sprint(r.Services[0].Details); !strings.Contains(d, "more links") {
		t.Errorf("got %s", d)
	}
}

// A redirect from one web server of the device to a page of another leads there.
func TestLeads(t *testing.T) {
	second := httptest.NewServer(&site{pages: map[string]string{"/": "Nothing here", "/deep/page": logInForm}, h: takes("root", "root", logInForm)})
	defer second.Close()
	first := httptest.NewServer(http.RedirectHandler(second.URL+"/deep/page", http.StatusFound))
	defer first.Close()
	s, _ := newSession(t, Limits{})
	r, err := Inspect(t.Context(), s, &Work{NoUDP: true, TCP: []int{portOf(t, first), portOf(t, second)}, Logins: true, Published: list})
	if err != nil {
		t.Fatal(err)
	}
	for i := range r.Ways {
		if w := &r.Ways[i]; w.Method == "form" && w.Where == "/deep/page" && w.AcceptedDefault() != nil {
			return
		}
	}
	t.Errorf("got %+v", r.Ways)
}

func TestFormsThatAreNotTried(t *testing.T) {
	for name, c := range map[string]struct{ form, not string }{
		"log-in":       {logInForm, ""},
		"pin":          {`<form method=post action=/login><input type=password name=pin></form>`, ""},
		"choose-user":  {`<form method=post><select name=user><option value=a>A<option value=admin selected>Admin</select><input type=password name=p><button>Anmelden</button></form>`, ""},
		"sets":         {`<form method=post><p>Choose a password</p><input name=u><input type=password name=p><input type=submit></form>`, "may set"},
		"sets-german":  {`<form method=post>Neues Kennwort <input type=password name=p><input type=submit value=Anmelden></form>`, "may set"},
		"sets-chinese": {`<form method=post>设置密码<input type=password name=p><input type=submit value=登录></form>`, "may set"},
		"new-password": {`<form method=post><input name=u><input type=password name=p autocomplete="new-password"><input type=submit value="Log in"></form>`, "may set"},
		"wi-fi":        {`<form method=post>Network <input name=ssid><input type=password name=key><input type=submit></form>`, "may set"},
		"dial-up":      {`<form method=post>PPPoE login<input name=user><input type=password name=p><input type=submit value=Connect></form>`, "may set"},
		"titled":       {`<title>Wi-Fi</title>` + logInForm, "may set"},
		"captcha":      {`<form method=post>Log in<input name=u><input type=password name=p><input name=captcha><input type=submit></form>`, "more than"},
		"resets":       {`<form method=post action=/factory_reset><input name=u><input type=password name=p><input type=submit></form>`, "something else"},
		"reset-button": {`<form method=post>Log in<input name=u><input type=password name=p><input type=submit name=do value="Factory reset"></form>`, "buttons"},
	} {
		f := loginForm([]byte(c.form))
		if f == nil || (f.not == "") != (c.not == "") || !strings.Contains(f.not, c.not) {
			t.Errorf("%s: got %+v, want %q", name, f, c.not)
		}
	}
	if f := loginForm([]byte(`<!-- ` + logInForm + ` -->`)); f != nil {
		t.Errorf("a form in a comment: got %+v", f)
	}
	f := loginForm([]byte(`<form method=post>Log in<input name=u><input type=password name=p><input type=checkbox name=keep checked><input type=checkbox name=no><select name=lang><option value=de>D<option value=en selected>E</select><input type=submit name=b value=Login><input type=submit name=b value=Reset></form>`))
	if got, want := fmt.Sprint(f.fields), "[[keep on] [lang en] [b Login]]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Forms that do not say that they are a log-in are not sent, save one with a user on
// the first page; and no address that may do something is asked for.
func TestNothingIsSet(t *testing.T) {
	const quiet = `<form method="post" action="/wan"><input name="name"><input type="password" name="key"><input type="submit" value="Connect"></form>`
	const alone = `<form method="post" action="/key"><input type="password" name="key"><input type="submit" value="OK"></form>`
	s := &site{pages: map[string]string{"/": `Water is hot. <a href="/setup.htm">Setup</a> <a href="/admin/light/on">Light</a> <a href="/settings/test">Settings</a>`,
		"/setup.htm": quiet, "/admin": alone, "/admin/light/on": "On", "/settings/test": "Done"}}
	r := inspectWeb(t, s)
	for _, a := range s.asked {
		if strings.HasPrefix(a, "POST") && a != "POST "+onvifPath || strings.Contains(a, "/on") && a != "POST "+onvifPath || strings.Contains(a, "test") {
			t.Errorf("it sent %s", a)
		}
	}
	if len(r.Ways) != 2 || !strings.Contains(r.Ways[0].Stopped, "does not say") {
		t.Errorf("got %+v", r.Ways)
	}
	s = &site{pages: map[string]string{"/": quiet, "/wan": "x"}}
	if inspectWeb(t, s); !strings.Contains(fmt.Sprint(s.asked), "POST /wan") {
		t.Errorf("the first page: got %v", s.asked)
	}
	s = &site{pages: map[string]string{"/": alone}}
	if inspectWeb(t, s); strings.Contains(fmt.Sprint(s.asked), "POST /key") {
		t.Errorf("a password alone: got %v", s.asked)
	}
}

// hostile are devices whose answers could be taken for what they are not: no default
// is accepted at them, none is refused in words that count, and none is open.
func hostile() map[string]http.Handler {
	form := func(f func(n int, u, p string, w http.ResponseWriter)) http.Handler {
		n := 0
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodPost {
				_, _ = w.Write([]byte(logInForm))
				return
			}
			n++
			f(n, r.FormValue("u"), r.FormValue("p"), w)
		})
	}
	say := func(text string) func(int, string, string, http.ResponseWriter) {
		return func(_ int, _, _ string, w http.ResponseWriter) { _, _ = w.Write([]byte(text)) }
	}
	asks := func(f func(n int, u, p string, w http.ResponseWriter)) http.Handler {
		n := 0
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			u, p, ok := r.BasicAuth()
			if !ok {
				w.Header().Set("WWW-Authenticate", `Basic realm="r"`)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			n++
			f(n, u, p, w)
		})
	}
	status := func(code int, text string) func(int, string, string, http.ResponseWriter) {
		return func(_ int, _, _ string, w http.ResponseWriter) { w.WriteHeader(code); _, _ = w.Write([]byte(text)) }
	}
	return map[string]http.Handler{
		"always-ok":   form(say("OK")),
		"always-json": form(say(`{"result":"ok"}`)),
		"french":      form(say("<p>Échec : identifiant ou mot de passe erroné.</p><a href=/>Retour</a>")),
		"chinese":     form(say("<script>alert('用户名或密码错误');history.back();</script>")),
		"finnish":     form(say("<p>Kirjautuminen ei onnistunut.</p>")),
		"turns": form(func(n int, _, _ string, w http.ResponseWriter) {
			_, _ = w.Write([]byte([]string{logInForm, "<p>Try</p>"}[(n+1)%2]))
		}),
		"turns-of-three": form(func(n int, _, _ string, w http.ResponseWriter) {
			_, _ = w.Write([]byte([]string{"<p>Try</p>", logInForm, logInForm}[n%3]))
		}),
		"turns-of-four": form(func(n int, _, _ string, w http.ResponseWriter) {
			_, _ = w.Write([]byte([]string{logInForm, logInForm, "<p>Try</p>", logInForm}[n%4]))
		}),
		"locks-silently": form(func(n int, u, p string, w http.ResponseWriter) {
			if n > 3 {
				say("<p>Bitte warten.</p>")(n, u, p, w)
				return
			}
			say(logInForm)(n, u, p, w)
		}),
		"welcomes-anybody": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.SetCookie(w, &http.Cookie{Name: "sid", Value: "1"})
			if r.Method == http.MethodPost {
				http.Redirect(w, r, "/home", http.StatusSeeOther)
				return
			}
			if r.URL.Path == "/home" {
				_, _ = w.Write([]byte("Welcome, guest!"))
				return
			}
			_, _ = w.Write([]byte(logInForm))
		}),
		"hates-plain": form(func(n int, u, p string, w http.ResponseWriter) {
			if len(p) < 12 {
				say("<p>Password policy: see manual.</p>")(n, u, p, w)
				return
			}
			say(logInForm)(n, u, p, w)
		}),
		"basic-404": asks(status(404, "")),
		"basic-redirects": asks(func(_ int, _, _ string, w http.ResponseWriter) {
			w.Header().Set("Location", "/denied")
			w.WriteHeader(302)
		}),
		"basic-says-no":    asks(status(200, "Wrong password")),
		"basic-says-nein":  asks(status(200, "<html>Falsches Kennwort</html>")),
		"basic-empty":      asks(status(200, "")),
		"basic-500":        asks(status(500, "oops")),
		"redirect-loop":    http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path+"x", http.StatusFound) }),
		"redirect-to-self": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) }),
		"redirect-away":    http.RedirectHandler("http://10.0.0.1/login", http.StatusFound),
		"script-hashes": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost && r.FormValue("p") == "md5 of it" {
				return
			}
			_, _ = w.Write([]byte(strings.Replace(logInForm, "<form ", `<form onsubmit="this.p.value=md5(this.p.value)" `, 1)))
		}),
	}
}

func TestHostileLogins(t *testing.T) {
	for name, h := range hostile() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := inspectWeb(t, h)
			for i := range r.Ways {
				w := &r.Ways[i]
				said, _ := json.Marshal(w)
				if w.AcceptedDefault() != nil || w.Any || w.Open == Yes {
					t.Errorf("somebody got in: %s", said)
				}
				// These refuse in words that are understood, or bring the form back.
				switch name {
				case "locks-silently", "turns", "turns-of-three", "turns-of-four", "french", "chinese":
				default:
					if n := w.RefusedDefaults(); n > 0 && w.Method == "form" {
						t.Errorf("%d were refused: %s", n, said)
					}
				}
			}
		})
	}
}

// Other protocols, whose answers could be taken for a way in that takes anything.
func TestHostileTexts(t *testing.T) {
	ask := func(c net.Conn, in *bufio.Reader, prompts ...string) bool {
		for _, p := range prompts {
			fmt.Fprint(c, p)
			if _, err := in.ReadString('\n'); err != nil {
				return false
			}
		}
		return true
	}
	rtsp := func(code int) func(net.Conn) {
		return func(c net.Conn) {
			in := textproto.NewReader(bufio.NewReader(c))
			for {
				if _, err := in.ReadLine(); err != nil {
					return
				}
				h, err := in.ReadMIMEHeader()
				if err != nil {
					return
				}
				if h.Get("Authorization") == "" {
					fmt.Fprintf(c, "RTSP/1.0 401 Unauthorized\r\nCSeq: %s\r\nWWW-Authenticate: Basic realm=\"r\"\r\n\r\n", h.Get("Cseq"))
				} else {
					fmt.Fprintf(c, "RTSP/1.0 %d Whatever\r\nCSeq: %s\r\n\r\n", code, h.Get("Cseq"))
				}
			}
		}
	}
	for name, c := range map[string]struct {
		protocol string
		f        func(net.Conn)
		any      bool
	}{
		"telnet-arrow":  {"telnet", func(c net.Conn) { ask(c, bufio.NewReader(c), "Kettle\r\nUsername> ", "Password> ", "Username> ") }, false},
		"telnet-german": {"telnet", func(c net.Conn) { ask(c, bufio.NewReader(c), "login: ", "Password: ", "Zugriff verweigert\r\n> ") }, false},
		"telnet-any":    {"telnet", func(c net.Conn) { ask(c, bufio.NewReader(c), "login: ", "Password: ", "Hello\r\n# ") }, true},
		"rtsp-404":      {"rtsp", rtsp(404), false},
		"rtsp-302":      {"rtsp", rtsp(302), false},
		"rtsp-any":      {"rtsp", rtsp(200), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := newSession(t, Limits{})
			v := &Service{Network: "tcp", Port: serve(t, c.f), Protocol: c.protocol, Asks: Unknown, seen: &seen{}}
			w := (&logins{s: s, published: list}).enter(t.Context(), s.doors(t.Context(), v, false, list))[0]
			if w.AcceptedDefault() != nil || w.RefusedDefaults() > 0 || w.Any != c.any || (w.Open == Yes) != c.any {
				t.Errorf("got %+v", w)
			}
		})
	}
}

// What is right is found where the device answers in an odd way.
func TestOddLoginsThatWork(t *testing.T) {
	for name, h := range map[string]http.Handler{
		"403-for-wrong-404-for-right": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			u, p, ok := r.BasicAuth()
			switch {
			case !ok:
				w.Header().Set("WWW-Authenticate", `Basic realm="r"`)
				w.WriteHeader(http.StatusUnauthorized)
			case u == "root" && p == "root":
				http.NotFound(w, r)
			default:
				w.WriteHeader(http.StatusForbidden)
			}
		}),
		"token": func() http.Handler {
			n := 0
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodPost {
					n++
					http.SetCookie(w, &http.Cookie{Name: "s", Value: fmt.Sprint(n), Path: "/"})
					_, _ = w.Write([]byte(strings.Replace(logInForm, "<input name", fmt.Sprintf(`<input type=hidden name=t value=%d><input name`, n), 1)))
					return
				}
				c, err := r.Cookie("s")
				if err != nil || r.FormValue("t") != c.Value || c.Value != fmt.Sprint(n) {
					w.WriteHeader(http.StatusForbidden)
					return
				}
				takes("root", "root", logInForm).ServeHTTP(w, r)
			})
		}(),
		"wi-fi-on-the-page": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.FormValue("u") == "root" && r.FormValue("p") == "root" {
				_, _ = w.Write([]byte(strings.Repeat("Your camera is well. ", 40) + `<a href=/log>Error log</a><form method=post action=/wifi>Name of the network<input type=password name=key><input type=submit value=Save></form>`))
				return
			}
			_, _ = w.Write([]byte(logInForm))
		}),
		"two-cookies": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Method == http.MethodPost:
				if r.FormValue("u") == "root" && r.FormValue("p") == "root" {
					http.SetCookie(w, &http.Cookie{Name: "in", Value: "1", Path: "/"})
				}
				http.Redirect(w, r, "/", http.StatusSeeOther)
			case strings.Contains(r.Header.Get("Cookie"), "a=1") && strings.Contains(r.Header.Get("Cookie"), "in=1"):
				_, _ = w.Write([]byte("<title>Camera</title>Live"))
			default:
				http.SetCookie(w, &http.Cookie{Name: "a", Value: "1", Path: "/"})
				_, _ = w.Write([]byte(logInForm))
			}
		}),
		"script-goes-back": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Method == http.MethodPost && r.FormValue("u") == "root" && r.FormValue("p") == "root":
				_, _ = w.Write([]byte(`<script>top.location.href="/main";</script>`))
			case r.Method == http.MethodPost:
				_, _ = w.Write([]byte(`<script>location.href="/";</script>`))
			case r.URL.Path == "/main":
				_, _ = w.Write([]byte("Welcome"))
			default:
				_, _ = w.Write([]byte(logInForm))
			}
		}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := inspectWeb(t, h)
			if len(r.Ways) != 1 {
				t.Fatalf("got %d ways in", len(r.Ways))
			}
			w := &r.Ways[0]
			if a := w.AcceptedDefault(); a == nil || a.User != "root" {
				said, _ := json.Marshal(w)
				t.Errorf("got %s", said)
			}
		})
	}
}
