package register

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/assay-psti/assay"
)

// Config is what a register is made of.
type Config struct {
	Store   Store
	Log     Log
	Now     func() time.Time
	Random  io.Reader     // crypto/rand.Reader, but in tests
	BaseURL string        // of the pages, without a slash at the end: "https://register.example"
	Wait    time.Duration // how long Publish waits for the log before it answers "pending"; 0 is 2 s
	Holder  string        // names this process among several on one database
	// Pages is how the pages that entries name are looked at; nil: they are not.
	Pages *Watch
	// Trouble is told of errors after which Run tries again; nil: nobody is.
	Trouble func(error)
}

// Service is the register. It is safe for use by many at once.
type Service struct {
	Config
	key  []byte // of the links in mails
	wake chan struct{}

	mu      sync.Mutex // guards the fields below
	words   *vocabulary
	further chan struct{} // closed when the log got further
}

// Open makes a register on a store and a log. It does not move leaves into the log:
// Run does.
func Open(ctx context.Context, c Config) (*Service, error) {
	if c.Store == nil || c.Log == nil || c.Now == nil || c.Random == nil || c.Holder == "" {
		return nil, fmt.Errorf("register: %w: store, log, clock, randomness and holder are wanted", assay.ErrInternal)
	}
	if c.Wait == 0 {
		c.Wait = 2 * time.Second
	}
	s := &Service{Config: c, wake: make(chan struct{}, 1), further: make(chan struct{})}
	err := c.Store.Write(ctx, func(w Writer) error {
		text, err := w.Setting(ctx, settingKey)
		if errors.Is(err, assay.ErrNotFound) {
			key, err := s.random(32)
			if err != nil {
				return err
			}
			s.key = key
			return w.PutSetting(ctx, settingKey, hex.EncodeToString(key))
		}
		if err != nil {
			return err
		}
		s.key, err = hex.DecodeString(text)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open register: %w", err)
	}
	return s, nil
}

// settingKey names the secret from which the links in mails are made.
const settingKey = "link.key"

func (s *Service) random(n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(s.Random, b); err != nil {
		return nil, fmt.Errorf("randomness: %w", err)
	}
	return b, nil
}

var letters = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// newID is a letter and 13 random ones: 65 bits.
func (s *Service) newID(kind string) (string, error) {
	b, err := s.random(9)
	if err != nil {
		return "", err
	}
	return kind + letters.EncodeToString(b)[:13], nil
}

// newSecret is 32 random bytes in letters, and the hash under which it is kept.
func (s *Service) newSecret() (secret string, hash []byte, err error) {
	b, err := s.random(32)
	if err != nil {
		return "", nil, err
	}
	secret = letters.EncodeToString(b)
	return secret, hashSecret(secret), nil
}

func hashSecret(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// seal makes a short proof that this register wrote something.
func (s *Service) seal(parts ...string) string {
	m := hmac.New(sha256.New, s.key)
	for _, p := range parts {
		fmt.Fprintf(m, "%d:%s", len(p), p)
	}
	return letters.EncodeToString(m.Sum(nil)[:20])
}

func (s *Service) now() time.Time { return s.Now().UTC().Truncate(time.Millisecond) }

func (s *Service) today() assay.Date { return assay.DateOf(s.now()) }

// event begins a row of the audit trail.
func (s *Service) event(v Viewer, action, subject string, detail map[string]any) Event {
	return Event{At: s.now(), Account: v.Account, Token: v.Token, Org: v.Org, Action: action, Subject: subject, From: v.From, Detail: detail}
}

// Slug makes words fit for an address.
func Slug(words ...string) string {
	var b strings.Builder
	gap := false
	for _, r := range strings.ToLower(strings.Join(words, " ")) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			if gap && b.Len() > 0 {
				b.WriteByte('-')
			}
			b.WriteRune(r)
			gap = false
		} else {
			gap = true
		}
		if b.Len() >= 60 {
			break
		}
	}
	return b.String()
}
