package web

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

// Provider is a company's own sign-in by OpenID Connect, which an operator set up for
// one organisation. It opens the accounts that its people linked to it, and only for
// that organisation; an address that it names opens nothing by itself.
type Provider struct {
	ID           string // in addresses: small letters, digits, hyphens
	Title        string // "Acme Ltd"
	Issuer       string // https address; http on loopback only
	ClientID     string
	ClientSecret string
	Org          register.OrgID // for which it counts
}

// provider is a Provider in use. What its issuer publishes is asked for when it is
// first needed.
type provider struct {
	Provider
	client *http.Client
	back   string // address to which it sends people back

	mu       sync.Mutex // guards the fields below
	config   *oauth2.Config
	verifier *oidc.IDTokenVerifier
}

func newProvider(p Provider, base string, client *http.Client) (*provider, error) {
	u, err := url.Parse(p.Issuer)
	ok := err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http" && slices.Contains([]string{"127.0.0.1", "::1", "localhost"}, u.Hostname()))
	if !ok || p.ID == "" || register.Slug(p.ID) != p.ID || p.ClientID == "" || p.Org == "" {
		return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: "sign-in provider " + p.ID, What: "lacks an id in small letters, an https issuer, a client id or its organisation", Do: "give all four"}
	}
	if p.Title == "" {
		p.Title = u.Host
	}
	return &provider{Provider: p, client: client, back: base + "/sign-in/with/" + p.ID + "/callback"}, nil
}

// open asks the issuer for its addresses and keys, once.
func (p *provider) open(ctx context.Context) (*oauth2.Config, *oidc.IDTokenVerifier, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.config != nil {
		return p.config, p.verifier, nil
	}
	// The keys are asked for again later, so the context must outlive this request.
	found, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), p.client), p.Issuer)
	if err != nil {
		return nil, nil, fmt.Errorf("sign-in provider %s: %w", p.ID, err)
	}
	p.config = &oauth2.Config{ClientID: p.ClientID, ClientSecret: p.ClientSecret, Endpoint: found.Endpoint(), RedirectURL: p.back, Scopes: []string{oidc.ScopeOpenID, "email"}}
	p.verifier = found.Verifier(&oidc.Config{ClientID: p.ClientID})
	return p.config, p.verifier, nil
}

// journey is a company sign-in on its way, in the session.
type journey struct {
	Provider, State, Nonce, Verifier, Next string
	Link                                   bool // to the account of the session, instead of signing in
	Until                                  time.Time
}

// errProvider says that the company's sign-in failed; why is for the log.
var errProvider = &assay.Problem{Kind: assay.ErrRefused, What: "your company's sign-in did not confirm who you are", Do: "try again, or ask whoever runs it"}

// oidcStart sends a person to their company's sign-in.
func (s *Server) oidcStart(w http.ResponseWriter, r *http.Request, _ register.Viewer) error {
	if err := s.tried(w, r); err != nil {
		return err
	}
	p := s.accounts.providers[r.PathValue("id")]
	if p == nil {
		return fmt.Errorf("sign-in: %w", assay.ErrNotFound)
	}
	config, _, err := p.open(r.Context())
	if err != nil {
		return err
	}
	link := r.URL.Query().Get("link") == "yes" && s.accounts.sessions.GetString(r.Context(), keyAccount) != ""
	j := journey{Provider: p.ID, State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Next: local(r.URL.Query().Get("next"), "/account"), Link: link, Until: s.Now().Add(10 * time.Minute)}
	kept, err := json.Marshal(j)
	if err != nil {
		return err
	}
	s.keepShortly(r, keyOIDC, string(kept))
	http.Redirect(w, r, config.AuthCodeURL(j.State, oidc.Nonce(j.Nonce), oauth2.S256ChallengeOption(j.Verifier)), http.StatusSeeOther)
	return nil
}

// oidcBack takes a person back from their company's sign-in.
func (s *Server) oidcBack(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	if err := s.tried(w, r); err != nil {
		return err
	}
	var j journey
	kept := s.accounts.sessions.PopString(r.Context(), keyOIDC)
	p := s.accounts.providers[r.PathValue("id")]
	in := r.URL.Query()
	if p == nil || kept == "" || json.Unmarshal([]byte(kept), &j) != nil || j.Provider != p.ID || s.Now().After(j.Until) ||
		subtle.ConstantTimeCompare([]byte(in.Get("state")), []byte(j.State)) != 1 {
		return &assay.Problem{Kind: assay.ErrRefused, What: "this sign-in was not begun here, or too long ago", Do: "begin again at Sign in"}
	}
	who, err := p.identity(r.Context(), &j, in.Get("code"))
	if err != nil {
		s.Log.WarnContext(r.Context(), "company sign-in failed", "provider", p.ID, "error", err)
		return errProvider
	}
	if j.Link {
		return s.linkIdentity(w, r, v, p, who)
	}
	id, err := s.Register.SignInByIdentity(r.Context(), who.Issuer, who.Subject, s.from(r))
	if errors.Is(err, assay.ErrNotFound) {
		return &assay.Problem{Kind: assay.ErrRefused, What: "no account here is linked to this sign-in", Do: "use the link of your invitation and choose your company's sign-in there; an address alone opens no account"}
	}
	if err != nil {
		return err
	}
	if v, err = s.Register.SignIn(r.Context(), id, p.Org, s.from(r)); err != nil || v.Org != p.Org {
		return &assay.Problem{Kind: assay.ErrRefused, What: "this sign-in counts for " + p.Title + " alone, and your account is no member of it", Do: "ask an owner to invite you"}
	}
	if err := s.signIn(r, id, p.Org, false); err != nil {
		return err
	}
	http.Redirect(w, r, j.Next, http.StatusSeeOther)
	return nil
}

// identity is who the provider says it is, from a code that it gave.
func (p *provider) identity(ctx context.Context, j *journey, code string) (register.Identity, error) {
	config, verifier, err := p.open(ctx)
	if err != nil {
		return register.Identity{}, err
	}
	ctx = oidc.ClientContext(ctx, p.client)
	token, err := config.Exchange(ctx, code, oauth2.VerifierOption(j.Verifier))
	if err != nil {
		return register.Identity{}, fmt.Errorf("exchange: %w", err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return register.Identity{}, errors.New("no id token")
	}
	id, err := verifier.Verify(ctx, raw)
	if err != nil {
		return register.Identity{}, err
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(j.Nonce)) != 1 {
		return register.Identity{}, errors.New("nonce differs")
	}
	var claims struct {
		Email string `json:"email"`
	}
	if err := id.Claims(&claims); err != nil {
		return register.Identity{}, err
	}
	return register.Identity{Issuer: id.Issuer, Subject: id.Subject, Email: shownLine(claims.Email, 254)}, nil
}

// linkIdentity links a company sign-in to the account of the session: of who is
// signed in, or of who just took up a link.
func (s *Server) linkIdentity(w http.ResponseWriter, r *http.Request, v register.Viewer, p *provider, who register.Identity) error {
	enrolling := s.enrolling(r)
	switch {
	case enrolling != "":
		v = register.Viewer{Account: enrolling, From: s.from(r)}
	case s.pinned(r):
		return errPinned
	case !v.SignedIn() || !s.fresh(r):
		return &assay.Problem{Kind: assay.ErrRefused, What: "you signed in too long ago to link another way to sign in", Do: "sign in again first"}
	}
	err := s.Register.AddIdentity(r.Context(), v, who)
	if errors.Is(err, assay.ErrConflict) {
		return &assay.Problem{Kind: assay.ErrConflict, What: "that sign-in is linked to an account already"}
	}
	if err != nil {
		return err
	}
	if enrolling != "" {
		if err := s.signIn(r, enrolling, p.Org, false); err != nil {
			return err
		}
	}
	s.tell(r, "You can sign in with "+p.Title+" from now on.")
	http.Redirect(w, r, "/account", http.StatusSeeOther)
	return nil
}

// enrolling is the account to which a way to sign in is being added first; "" for none.
func (s *Server) enrolling(r *http.Request) register.AccountID {
	if s.accounts.sessions.GetString(r.Context(), keyEnrol) == "" {
		return ""
	}
	return register.AccountID(s.accounts.sessions.GetString(r.Context(), keyAccount))
}
