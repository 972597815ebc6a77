// Package mail hands letters to a mail server, or to a folder where there is none.
// It writes plain text to one person at a time. It keeps no queue and tries nothing
// twice: whoever sends decides, by the kind of the error, whether to try again.
package mail

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/assay-psti/assay"
)

// Letter is a letter to one person.
type Letter struct {
	To      string // a bare address
	Subject string
	Text    string // plain
	// StopURL ends what this letter is sent for, by one click (RFC 8058); none: it was
	// asked for by its reader.
	StopURL string
}

// Server says to which server letters are handed.
type Server struct {
	// Address is smtp://host:port (encrypted where the server can), smtps://host:port
	// (encrypted from the first byte), or a folder into which each letter is written
	// as a file. A user may stand in it: smtp://user@host:587; then encryption is a must.
	Address  string
	Password string        // of that user
	From     string        // the sender, as "Register <register@example.org>"
	Timeout  time.Duration // of the whole conversation; zero: 30 s
}

// Sender sends letters. It is safe for use by many at once.
type Sender struct {
	s      Server
	from   string
	host   string
	folder string
	with   []gomail.Option
}

// New makes a sender. Nothing is sent, and no server asked, before Send.
func New(s Server) (*Sender, error) {
	bad := func(where, what, do string) error {
		return &assay.Problem{Kind: assay.ErrInvalid, Where: where, What: what, Do: do}
	}
	if s.Timeout == 0 {
		s.Timeout = 30 * time.Second
	}
	from, err := mail.ParseAddress(s.From)
	if err != nil {
		return nil, bad("sender of mail", "is no address", `write it as "Register <register@example.org>"`)
	}
	out := &Sender{s: s, from: from.String()}
	if !strings.Contains(s.Address, "://") {
		out.folder = s.Address
		return out, nil
	}
	u, err := url.Parse(s.Address)
	if err != nil || u.Hostname() == "" || u.Scheme != "smtp" && u.Scheme != "smtps" {
		return nil, bad("mail server", "has no address that can be read", "write smtp://host:587 or smtps://host:465")
	}
	if _, there := u.User.Password(); there {
		return nil, bad("mail server", "has its password in its address", "give it by a file")
	}
	out.host = u.Hostname()
	out.with = []gomail.Option{gomail.WithTimeout(s.Timeout)}
	if u.Port() != "" {
		port, err := strconv.Atoi(u.Port())
		if err != nil || port < 1 || port > 65535 {
			return nil, bad("mail server", "has no such port: "+u.Port(), "write smtp://host:587")
		}
		out.with = append(out.with, gomail.WithPort(port))
	}
	switch {
	case u.Scheme == "smtps":
		out.with = append(out.with, gomail.WithSSL())
	case u.User.Username() != "":
		out.with = append(out.with, gomail.WithTLSPolicy(gomail.TLSMandatory))
	default:
		out.with = append(out.with, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	}
	if user := u.User.Username(); user != "" {
		out.with = append(out.with, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(user), gomail.WithPassword(s.Password))
	}
	return out, nil
}

// Send hands a letter over. An error of kind assay.ErrInvalid is for good: the letter
// cannot be written, or the server will never take it. Any other may pass.
func (s *Sender) Send(ctx context.Context, l Letter) error {
	m, err := s.message(l)
	if err != nil {
		return fmt.Errorf("letter: %w: %w", assay.ErrInvalid, err)
	}
	if s.folder != "" {
		return s.write(m)
	}
	c, err := gomail.NewClient(s.host, s.with...)
	if err != nil {
		return fmt.Errorf("mail server %s: %w", s.host, err)
	}
	ctx, cancel := context.WithTimeout(ctx, s.s.Timeout)
	defer cancel()
	err = c.DialAndSendWithContext(ctx, m)
	var refused *gomail.SendError
	if errors.As(err, &refused) && !refused.IsTemp() && refused.ErrorCode() >= 500 {
		return fmt.Errorf("mail server %s refuses the letter: %w: %d", s.host, assay.ErrInvalid, refused.ErrorCode()) // its words may hold the address
	}
	if err != nil {
		return fmt.Errorf("mail server %s: %w", s.host, err)
	}
	return nil
}

func (s *Sender) message(l Letter) (*gomail.Msg, error) {
	if strings.ContainsAny(l.To+l.Subject+l.StopURL, "\r\n") {
		return nil, errors.New("a line end in its head")
	}
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := m.From(s.from); err != nil {
		return nil, err
	}
	if err := m.To(l.To); err != nil {
		return nil, errors.New("the receiver is no address")
	}
	m.Subject(l.Subject)
	m.SetDate()
	m.SetMessageID()
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: nobody's holiday notice in return
	if l.StopURL != "" {
		m.SetGenHeader("List-Unsubscribe", "<"+l.StopURL+">")
		m.SetGenHeader("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
	}
	m.SetBodyString(gomail.TypeTextPlain, l.Text)
	return m, nil
}

// write puts the letter into the folder, under a name that sorts by time.
func (s *Sender) write(m *gomail.Msg) error {
	if err := os.MkdirAll(s.folder, 0o700); err != nil {
		return fmt.Errorf("folder of letters: %w", err)
	}
	name := filepath.Join(s.folder, time.Now().UTC().Format("20060102T150405.000000000Z")+"-"+rand.Text()[:6])
	f, err := os.OpenFile(name+".part", os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("folder of letters: %w", err)
	}
	_, err = m.WriteTo(f)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(name+".part", name+".eml")
	}
	if err != nil {
		return errors.Join(fmt.Errorf("folder of letters: %w", err), os.Remove(name+".part"))
	}
	return nil
}
