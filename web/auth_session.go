package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

// Accounts are what signing in is made of. Without a store of sessions nobody signs
// in, and there are no pages for it.
type Accounts struct {
	Sessions  SessionStore
	Providers []Provider // companies' own sign-in
	// Client speaks to the providers; nil: one that waits ten seconds at most.
	Client *http.Client
	// Address is the network address of who asks, for the audit trail and for bounds;
	// nil: that of the connection. Behind a proxy that is the proxy's.
	Address func(*http.Request) string
	// Attempts is how many requests to sign in, or to use a link or a token that is
	// not known, one address may make at once; one more comes each second. 0 is 60.
	Attempts int
	// Pause is how long an answer takes at least that must not tell by its time
	// whether there is an account; 0 is half a second.
	Pause time.Duration
}

// SessionStore keeps sessions; package store has one. Account names of sessions are
// read from their data by SessionAccount.
type SessionStore interface {
	FindCtx(ctx context.Context, token string) (data []byte, found bool, err error)
	CommitCtx(ctx context.Context, token string, data []byte, expires time.Time) error
	DeleteCtx(ctx context.Context, token string) error
	Find(token string) (data []byte, found bool, err error)
	Commit(token string, data []byte, expires time.Time) error
	Delete(token string) error
	// Each tells of an account's sessions by name; End ends the one of a name, which is
	// the SHA-256 of its token in hex.
	Each(ctx context.Context, a register.AccountID, f func(name string, data []byte)) error
	End(ctx context.Context, a register.AccountID, name string) error
}

// How long sessions last.
const (
	idleLife    = 30 * time.Minute // without a request
	sessionLife = 12 * time.Hour   // whatever happens
	openLife    = 15 * time.Minute // of one that nobody signed in to
	freshLife   = 30 * time.Minute // after signing in, for what could give an account away
)

// What a session holds.
const (
	keyAccount  = "account"
	keyOrg      = "org"      // for which the account acts
	keyPinned   = "pinned"   // the only organisation, of a company's own sign-in
	keyEnrol    = "enrol"    // "yes": a way to sign in is to be added, and nothing else allowed
	keySince    = "since"    // when it was signed in
	keySeen     = "seen"     // when it was last used, to the minute
	keyAgent    = "agent"    // the browser, in its own words
	keyFrom     = "from"     // network address at sign-in
	keyCeremony = "ceremony" // a passkey's challenge
	keyOIDC     = "oidc"     // a company sign-in on its way
	keyNotice   = "notice"   // to be shown once
)

// sessionCodec writes sessions as JSON: all values are text.
type sessionCodec struct{}

type sessionData struct {
	Deadline time.Time         `json:"deadline"`
	Values   map[string]string `json:"values"`
}

// Encode makes the bytes of a session.
func (sessionCodec) Encode(deadline time.Time, values map[string]any) ([]byte, error) {
	d := sessionData{deadline, make(map[string]string, len(values))}
	for k, v := range values {
		text, ok := v.(string)
		if !ok {
			return nil, fmt.Errorf("session: %s is no text", k)
		}
		d.Values[k] = text
	}
	return json.Marshal(d)
}

// Decode reads the bytes of a session.
func (sessionCodec) Decode(data []byte) (time.Time, map[string]any, error) {
	var d sessionData
	if err := json.Unmarshal(data, &d); err != nil {
		return time.Time{}, nil, fmt.Errorf("session: %w", err)
	}
	values := make(map[string]any, len(d.Values))
	for k, v := range d.Values {
		values[k] = v
	}
	return d.Deadline, values, nil
}

// SessionAccount tells from a session's data whose it is; "" for nobody's.
func SessionAccount(data []byte) register.AccountID {
	var d sessionData
	if json.Unmarshal(data, &d) != nil {
		return ""
	}
	return register.AccountID(d.Values[keyAccount])
}

// accounts is the part of the server that knows who asks.
type accounts struct {
	sessions  *scs.SessionManager
	passkeys  *webauthn.WebAuthn
	providers map[string]*provider
	attempts  *limiter
	routes    []route
	formTime  time.Duration // within which a form must have come
	imports   chan struct{} // a slot for each import on its way
}

// openAccounts makes what signing in needs, and the pages for it.
func (s *Server) openAccounts() error {
	c := &s.Accounts
	if c.Sessions == nil {
		return nil
	}
	if c.Attempts == 0 {
		c.Attempts = 60
	}
	if c.Pause == 0 {
		c.Pause = 500 * time.Millisecond
	}
	if c.Client == nil {
		c.Client = &http.Client{Timeout: 10 * time.Second}
	}
	m := scs.New()
	m.Store, m.Codec, m.IdleTimeout, m.Lifetime = c.Sessions, sessionCodec{}, idleLife, sessionLife
	m.Cookie.Name, m.Cookie.HttpOnly, m.Cookie.SameSite, m.Cookie.Path, m.Cookie.Persist = "session", true, http.SameSiteLaxMode, "/", false
	if s.base.Scheme == "https" {
		m.Cookie.Name, m.Cookie.Secure = "__Host-session", true
	}
	// The library would go on after this and write the page besides: the panic ends the
	// request, and recovered answers it.
	m.ErrorFunc = func(_ http.ResponseWriter, _ *http.Request, err error) { panic(fmt.Errorf("session: %w", err)) }
	a := &accounts{sessions: m, providers: map[string]*provider{}, attempts: newLimiter(c.Attempts), formTime: 30 * time.Second, imports: make(chan struct{}, maxImports)}
	var err error
	if a.passkeys, err = newPasskeys(s.Title, s.base); err != nil {
		return err
	}
	for _, p := range c.Providers {
		known, err := newProvider(p, s.BaseURL, c.Client)
		if err != nil {
			return err
		}
		if _, twice := a.providers[p.ID]; twice {
			return &assay.Problem{Kind: assay.ErrInvalid, Where: "sign-in provider " + p.ID, What: "is there twice", Do: "give each an id of its own"}
		}
		a.providers[p.ID] = known
	}
	s.accounts = a
	s.accountRoutes()
	return nil
}

type (
	viewerKey  struct{} // in a request's context: register.Viewer
	sessionKey struct{} // in a request's context: true where a session is loaded
)

// viewer is who asks.
func (s *Server) viewer(r *http.Request) register.Viewer {
	v, _ := r.Context().Value(viewerKey{}).(register.Viewer)
	return v
}

// withSession loads the session that a request brings, and finds who asks. Requests
// without one, and those of programs, pass untouched.
func (s *Server) withSession(next http.Handler) http.Handler {
	if s.accounts == nil {
		return next
	}
	loaded := s.loadSession(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := r.Cookie(s.accounts.sessions.Cookie.Name); err != nil || strings.HasPrefix(r.URL.Path, "/assets/") || strings.HasPrefix(r.URL.Path, "/api/") || strings.HasPrefix(r.URL.Path, "/log/") {
			next.ServeHTTP(w, r)
			return
		}
		loaded.ServeHTTP(w, r)
	})
}

func (s *Server) loadSession(next http.Handler) http.Handler {
	m := s.accounts.sessions
	kept := m.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := context.WithValue(r.Context(), sessionKey{}, true)
		r = r.WithContext(ctx)
		v, err := s.sessionViewer(r)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(ctx, viewerKey{}, v)))
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// What was done is kept, with its session, though the browser went away meanwhile.
		kept.ServeHTTP(w, r.WithContext(context.WithoutCancel(r.Context())))
	})
}

// sessionViewer is who a session belongs to, as the register knows them now. A
// session in which a way to sign in is still to be added is nobody's yet.
func (s *Server) sessionViewer(r *http.Request) (register.Viewer, error) {
	ctx, m := r.Context(), s.accounts.sessions
	id := register.AccountID(m.GetString(ctx, keyAccount))
	if id == "" || m.GetString(ctx, keyEnrol) != "" {
		return register.Public, nil
	}
	org, pinned := register.OrgID(m.GetString(ctx, keyOrg)), register.OrgID(m.GetString(ctx, keyPinned))
	if pinned != "" {
		org = pinned
	}
	v, err := s.Register.SignIn(ctx, id, org, s.from(r))
	if errors.Is(err, assay.ErrRefused) && org != "" && pinned == "" { // no member any more
		m.Remove(ctx, keyOrg)
		v, err = s.Register.SignIn(ctx, id, "", s.from(r))
	}
	if errors.Is(err, assay.ErrRefused) || errors.Is(err, assay.ErrNotFound) {
		return register.Public, m.Destroy(ctx)
	}
	if err != nil {
		return register.Public, err
	}
	if pinned != "" {
		if v.Org != pinned { // an operator who is no member there
			return register.Public, m.Destroy(ctx)
		}
		v.Operator = false // a company says who its people are, not who runs the register
	}
	if now := s.Now().UTC().Truncate(time.Minute).Format(time.RFC3339); m.GetString(ctx, keySeen) != now {
		m.Put(ctx, keySeen, now)
	}
	return v, nil
}

// signIn makes the session that of an account, under a new token: one that was known
// before is worth nothing.
func (s *Server) signIn(r *http.Request, id register.AccountID, pinned register.OrgID, enrol bool) error {
	ctx, m := r.Context(), s.accounts.sessions
	if err := m.Clear(ctx); err != nil {
		return err
	}
	if err := m.RenewToken(ctx); err != nil {
		return err
	}
	m.SetDeadline(ctx, time.Now().Add(sessionLife))
	m.Put(ctx, keyAccount, string(id))
	m.Put(ctx, keySince, s.Now().UTC().Format(time.RFC3339))
	m.Put(ctx, keyAgent, shownLine(r.UserAgent(), 200))
	m.Put(ctx, keyFrom, s.from(r))
	if pinned != "" {
		m.Put(ctx, keyPinned, string(pinned))
	}
	if enrol {
		m.Put(ctx, keyEnrol, "yes")
	}
	return nil
}

// keepShortly keeps something in the session until signing in is done. A session of
// nobody ends soon.
func (s *Server) keepShortly(r *http.Request, key, value string) {
	ctx, m := r.Context(), s.accounts.sessions
	if m.GetString(ctx, keyAccount) == "" {
		m.SetDeadline(ctx, time.Now().Add(openLife))
	}
	m.Put(ctx, key, value)
}

// fresh reports that somebody signed in not long ago.
func (s *Server) fresh(r *http.Request) bool {
	since, err := time.Parse(time.RFC3339, s.accounts.sessions.GetString(r.Context(), keySince))
	return err == nil && s.Now().Sub(since) < freshLife
}

// sessionName is the name of the request's own session.
func (s *Server) sessionName(r *http.Request) string {
	sum := sha256.Sum256([]byte(s.accounts.sessions.Token(r.Context())))
	return hex.EncodeToString(sum[:])
}

// from is the network address of who asks.
func (s *Server) from(r *http.Request) string {
	if s.Accounts.Address != nil {
		return s.Accounts.Address(r)
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return "unknown"
	}
	return host
}

// tell keeps words that the next page shows once.
func (s *Server) tell(r *http.Request, text string) {
	s.accounts.sessions.Put(r.Context(), keyNotice, text)
}

// local is an address on this site that was asked for, or else another: nothing that
// leads elsewhere.
func local(asked, otherwise string) string {
	if !strings.HasPrefix(asked, "/") || strings.HasPrefix(asked, "//") || strings.ContainsAny(asked, "\\\r\n\t\x00") || len(asked) > register.MaxURL {
		return otherwise
	}
	u, err := url.Parse(asked)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") || strings.Contains(u.Path, "\\") {
		return otherwise
	}
	return u.RequestURI()
}

// shownLine is at most n bytes of a line that can be shown.
func shownLine(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "")
}
