package device

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
)

// A form that complains of what is short or empty, on a page without the form, lets
// nobody in.
func TestFormComplains(t *testing.T) {
	const page = `<form method="post"><input name="u"><input type="password" name="p"><input type="submit"></form>`
	for name, complains := range map[string]func(pass string) bool{
		"empty": func(p string) bool { return p == "" },
		"short": func(p string) bool { return len(p) < 8 },
		"plain": func(p string) bool { return strings.Trim(p, "abcdefghijklmnopqrstuvwxyz") == "" },
	} {
		r := inspectWeb(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost && complains(r.FormValue("p")) {
				_, _ = w.Write([]byte("<p>Please fill in the form as it says.</p>"))
				return
			}
			_, _ = w.Write([]byte(page))
		}))
		if way := &r.Ways[0]; way.Control != Refused || way.AcceptedDefault() != nil {
			t.Errorf("%s: got %+v", name, way)
		}
	}
}

// A form that complains of an empty password only to a user that it knows lets nobody
// in; one that logs such a user in does, also where the session begins on a redirect.
func TestFormTakesBlank(t *testing.T) {
	const page = `<form method="post" action="/"><input name="u"><input type="password" name="p"><input type="submit" value="Log in"></form>`
	for name, in := range map[string]bool{"lets in": true, "complains": false} {
		r := inspectWeb(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, err := r.Cookie("session")
			switch blank := r.Method == http.MethodPost && r.FormValue("u") == "admin" && r.FormValue("p") == ""; {
			case r.URL.Path == "/home", in && err == nil && !blank:
				_, _ = w.Write([]byte("<title>Home</title><p>The camera looks at the door.</p>"))
			case blank && in:
				http.SetCookie(w, &http.Cookie{Name: "session", Value: "x"})
				http.Redirect(w, r, "/home", http.StatusFound)
			case blank:
				_, _ = w.Write([]byte("<p>Please type it, admin.</p>"))
			default:
				_, _ = w.Write([]byte(page))
			}
		}))
		if a := r.Ways[0].AcceptedDefault(); (a != nil && a.Blank) != in {
			t.Errorf("%s: got %+v", name, r.Ways[0])
		}
	}
}

// A default that is taken and then has to be changed is told apart.
func TestFormRenews(t *testing.T) {
	r := inspectWeb(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("u") == "admin" && r.FormValue("p") == "1234" {
			_, _ = w.Write([]byte(`You must choose a new password. <form method="post"><input type="password" name="a"><input type="password" name="b"></form>`))
			return
		}
		_, _ = w.Write([]byte(`<form method="post"><input name="u"><input type="password" name="p"><input type="submit"></form>`))
	}))
	way := &r.Ways[0]
	if a := way.AcceptedDefault(); a == nil || a.Password != "1234" || a.Outcome != Renew {
		t.Errorf("got %+v", way)
	}
}

func TestAlike(t *testing.T) {
	s, _ := newSession(t, Limits{})
	for _, text := range []string{"admin", "1234", "aB3-x", "7"} {
		got := s.alike(text)
		if got == text || len(got) != len(text) {
			t.Errorf("of %q got %q", text, got)
		}
		for i := range text {
			if kind(got[i]) != kind(text[i]) {
				t.Errorf("of %q got %q", text, got)
			}
		}
	}
	if s.alike("") == "" || s.alike("--") == "--" {
		t.Error("a text without letters and digits has no other of its kind")
	}
}

func kind(c byte) string {
	switch {
	case c >= '0' && c <= '9':
		return "digit"
	case c >= 'a' && c <= 'z':
		return "lower"
	case c >= 'A' && c <= 'Z':
		return "upper"
	}
	return string(c)
}

// A shell that takes a default and asks for a new password at once.
func TestTelnetRenews(t *testing.T) {
	port := serve(t, func(c net.Conn) {
		in := bufio.NewReader(c)
		fmt.Fprint(c, "lamp login: ")
		user, _ := in.ReadString('\n')
		fmt.Fprint(c, "Password: ")
		pass, _ := in.ReadString('\n')
		if strings.TrimSpace(user) == "admin" && strings.TrimSpace(pass) == "1234" {
			fmt.Fprint(c, "You are required to change your password immediately.\r\nNew password: ")
		} else {
			fmt.Fprint(c, "Login incorrect\r\nlamp login: ")
		}
		_, _ = in.ReadString('\n')
	})
	s, _ := newSession(t, Limits{})
	v := &Service{Network: "tcp", Port: port, Protocol: "telnet"}
	for pass, want := range map[string]Outcome{"1234": Renew, "other": Refused} {
		if got, why := s.telnetLogin(t.Context(), v, "test", &credential{"admin", pass}); got != want {
			t.Errorf("%s: got %s (%s), want %s", pass, got, why, want)
		}
	}
}
