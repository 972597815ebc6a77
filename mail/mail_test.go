package mail_test

import (
	"errors"
	"io"
	"net"
	stdmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/mail"
)

// box is a mail server that keeps what it gets.
type box struct {
	mu     sync.Mutex
	got    []string
	refuse *smtp.SMTPError
}

func (b *box) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{b}, nil }

type session struct{ b *box }

func (s *session) Mail(string, *smtp.MailOptions) error { return nil }
func (s *session) Rcpt(string, *smtp.RcptOptions) error {
	if s.b.refuse != nil {
		return s.b.refuse
	}
	return nil
}
func (s *session) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	s.b.got = append(s.b.got, string(data))
	return err
}
func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

func serve(t *testing.T, b *box) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := smtp.NewServer(b)
	server.Domain = "localhost"
	ended := make(chan struct{})
	go func() { defer close(ended); _ = server.Serve(l) }()
	t.Cleanup(func() { server.Close(); <-ended })
	return "smtp://" + l.Addr().String()
}

var letter = mail.Letter{To: "ada@example.org", Subject: "Kettle K2 — support “extended”", Text: "Grüße.\n\nhttps://register.example/p/k2\n", StopURL: "https://register.example/follow/stop/1.x"}

func check(t *testing.T, text string) {
	t.Helper()
	m, err := stdmail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"To": "<ada@example.org>", "From": `"Register" <register@example.org>`, "List-Unsubscribe": "<" + letter.StopURL + ">",
		"List-Unsubscribe-Post": "List-Unsubscribe=One-Click", "Auto-Submitted": "auto-generated",
	} {
		if got := m.Header.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if m.Header.Get("Message-ID") == "" || m.Header.Get("Date") == "" {
		t.Error("no message id or date")
	}
	body, err := io.ReadAll(m.Body)
	if err != nil || !strings.Contains(string(body), "register.example/p/k2") {
		t.Errorf("body: %q, %v", body, err)
	}
}

func TestSend(t *testing.T) {
	b := &box{}
	s, err := mail.New(mail.Server{Address: serve(t, b), From: "Register <register@example.org>"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(t.Context(), letter); err != nil {
		t.Fatal(err)
	}
	if len(b.got) != 1 {
		t.Fatalf("letters: got %d, want 1", len(b.got))
	}
	check(t, b.got[0])
}

func TestRefused(t *testing.T) {
	for _, row := range []struct {
		name    string
		code    int
		forGood bool
	}{{"no-such-user", 550, true}, {"try-later", 451, false}} {
		t.Run(row.name, func(t *testing.T) {
			s, err := mail.New(mail.Server{Address: serve(t, &box{refuse: &smtp.SMTPError{Code: row.code, Message: "no"}}), From: "register@example.org"})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Send(t.Context(), letter); err == nil || errors.Is(err, assay.ErrInvalid) != row.forGood {
				t.Errorf("got %v, want for good: %v", err, row.forGood)
			}
		})
	}
	t.Run("nobody-there", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		s, err := mail.New(mail.Server{Address: "smtp://" + l.Addr().String(), From: "register@example.org"})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Send(t.Context(), letter); err == nil || errors.Is(err, assay.ErrInvalid) {
			t.Errorf("got %v, want an error that may pass", err)
		}
	})
}

// A password goes to no server that does not encrypt.
func TestNoPasswordInTheClear(t *testing.T) {
	b := &box{}
	at := strings.Replace(serve(t, b), "smtp://", "smtp://user@", 1)
	s, err := mail.New(mail.Server{Address: at, Password: "secret", From: "register@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(t.Context(), letter); err == nil || strings.Contains(err.Error(), "secret") || len(b.got) != 0 {
		t.Errorf("got %v and %d letters, want none sent", err, len(b.got))
	}
}

func TestFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mail")
	s, err := mail.New(mail.Server{Address: dir, From: "Register <register@example.org>"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(t.Context(), letter); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(names) != 1 || filepath.Ext(names[0]) != ".eml" {
		t.Fatalf("got %v, %v", names, err)
	}
	data, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	check(t, string(data))
}

func TestHeadersAreNotSlipped(t *testing.T) {
	s, err := mail.New(mail.Server{Address: t.TempDir(), From: "register@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*mail.Letter){
		"to": func(l *mail.Letter) { l.To += "\r\nBcc: eve@example.org" }, "subject": func(l *mail.Letter) { l.Subject += "\nBcc: eve@example.org" },
		"stop": func(l *mail.Letter) { l.StopURL += "\nBcc: eve@example.org" }, "no-address": func(l *mail.Letter) { l.To = "nobody" },
	} {
		l := letter
		change(&l)
		if err := s.Send(t.Context(), l); !errors.Is(err, assay.ErrInvalid) {
			t.Errorf("%s: got %v, want invalid", name, err)
		}
	}
}

func TestNew(t *testing.T) {
	for name, s := range map[string]mail.Server{
		"no-sender": {Address: "smtp://localhost"}, "password-in-address": {Address: "smtp://u:p@localhost", From: "a@example.org"},
		"other-scheme": {Address: "http://localhost", From: "a@example.org"}, "port": {Address: "smtp://localhost:0", From: "a@example.org"},
	} {
		if _, err := mail.New(s); !errors.Is(err, assay.ErrInvalid) || strings.Contains(err.Error(), "u:p") {
			t.Errorf("%s: got %v, want invalid", name, err)
		}
	}
}
