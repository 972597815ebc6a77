package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

// newPasskeys sets up the checking of passkeys for the site at an address: they are
// bound to its host, and count only from pages of it.
func newPasskeys(title string, base *url.URL) (*webauthn.WebAuthn, error) {
	limit := webauthn.TimeoutConfig{Enforce: true, Timeout: 5 * time.Minute, TimeoutUVD: 5 * time.Minute}
	p, err := webauthn.New(&webauthn.Config{
		RPID: base.Hostname(), RPDisplayName: title, RPOrigins: []string{base.Scheme + "://" + base.Host},
		AttestationPreference:  protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationRequired},
		Timeouts:               webauthn.TimeoutsConfig{Login: limit, Registration: limit},
	})
	if err != nil {
		return nil, fmt.Errorf("passkeys for %s: %w", base.Host, err)
	}
	return p, nil
}

// keyholder is an account as the library that checks passkeys sees it.
type keyholder struct {
	account register.Account
	keys    []webauthn.Credential
}

func (k *keyholder) WebAuthnID() []byte                         { return k.account.Handle }
func (k *keyholder) WebAuthnName() string                       { return k.account.Email }
func (k *keyholder) WebAuthnDisplayName() string                { return k.account.Name }
func (k *keyholder) WebAuthnCredentials() []webauthn.Credential { return k.keys }

func (s *Server) keyholder(ctx context.Context, a register.Account) (*keyholder, error) {
	kept, err := s.Register.Credentials(ctx, a.ID)
	if err != nil {
		return nil, err
	}
	k := &keyholder{account: a}
	for _, c := range kept {
		var key webauthn.Credential
		if err := json.Unmarshal(c.Data, &key); err != nil {
			return nil, fmt.Errorf("passkey of %s: %w", a.ID, err)
		}
		k.keys = append(k.keys, key)
	}
	return k, nil
}

// ceremony is what the form of a passkey needs: the script of the page hands Options
// to the browser, and the browser's answer to Action.
type ceremony struct {
	Kind    string // "create" or "get"
	Options string // JSON
	Action  string
	Button  string
	Next    string
}

// challenge keeps the challenge of a ceremony in the session.
func (s *Server) challenge(r *http.Request, data *webauthn.SessionData, options any) (string, error) {
	kept, err := json.Marshal(data)
	if err != nil {
		return "", err
	}
	shown, err := json.Marshal(options)
	if err != nil {
		return "", err
	}
	s.keepShortly(r, keyCeremony, string(kept))
	return string(shown), nil
}

// taken gives the challenge of a ceremony, once, and the browser's answer to it.
func (s *Server) taken(r *http.Request) (data webauthn.SessionData, answer []byte, err error) {
	kept := s.accounts.sessions.PopString(r.Context(), keyCeremony)
	answer = []byte(r.PostFormValue("credential"))
	switch {
	case len(answer) == 0:
		return data, nil, &assay.Problem{Kind: assay.ErrInvalid, What: "the browser sent no passkey", Do: "passkeys need script: allow it for this page, or use your company's sign-in"}
	case kept == "" || len(answer) > 64<<10:
		return data, nil, &assay.Problem{Kind: assay.ErrInvalid, What: "the request to the browser is too old", Do: "try again"}
	}
	return data, answer, json.Unmarshal([]byte(kept), &data)
}

// beginSignIn asks the browser for any passkey of this site.
func (s *Server) beginSignIn(r *http.Request) (string, error) {
	ask, data, err := s.accounts.passkeys.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return "", fmt.Errorf("passkey: %w", err)
	}
	return s.challenge(r, data, ask.Response)
}

// errUnknownKey says the same of a passkey that is not known, of one that is wrong,
// and of one whose account is closed.
var errUnknownKey = &assay.Problem{Kind: assay.ErrRefused, What: "this passkey does not open an account here", Do: "try another, or ask for a link by mail"}

// finishSignIn is the account whose passkey the browser showed.
func (s *Server) finishSignIn(r *http.Request) (register.AccountID, error) {
	ctx := r.Context()
	data, answer, err := s.taken(r)
	if err != nil {
		return "", err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return "", errUnknownKey
	}
	var inner error
	find := func(_, handle []byte) (webauthn.User, error) {
		a, err := s.Register.AccountByHandle(ctx, handle)
		if err != nil {
			inner = err
			return nil, err
		}
		k, err := s.keyholder(ctx, a)
		if err != nil {
			inner = err
			return nil, err
		}
		return k, nil
	}
	user, key, err := s.accounts.passkeys.ValidatePasskeyLogin(find, data, parsed)
	switch {
	case inner != nil && !errors.Is(inner, assay.ErrNotFound):
		return "", inner
	case err != nil || key.Authenticator.CloneWarning:
		return "", errUnknownKey
	}
	id := user.(*keyholder).account.ID
	if _, err := s.Register.SignIn(ctx, id, "", s.from(r)); errors.Is(err, assay.ErrRefused) {
		return "", errUnknownKey
	} else if err != nil {
		return "", err
	}
	kept, err := json.Marshal(key)
	if err != nil {
		return "", err
	}
	return id, s.Register.UseCredential(ctx, key.ID, kept, s.from(r))
}

// beginPasskey asks the browser to make a passkey for an account.
func (s *Server) beginPasskey(r *http.Request, id register.AccountID) (string, error) {
	a, err := s.Register.AccountByID(r.Context(), id)
	if err != nil {
		return "", err
	}
	k, err := s.keyholder(r.Context(), a)
	if err != nil {
		return "", err
	}
	known := make([]protocol.CredentialDescriptor, len(k.keys))
	for i := range k.keys {
		known[i] = k.keys[i].Descriptor()
	}
	ask, data, err := s.accounts.passkeys.BeginRegistration(k, webauthn.WithExclusions(known))
	if err != nil {
		return "", fmt.Errorf("passkey: %w", err)
	}
	return s.challenge(r, data, ask.Response)
}

// finishPasskey adds the passkey that the browser made.
func (s *Server) finishPasskey(r *http.Request, v register.Viewer) error {
	data, answer, err := s.taken(r)
	if err != nil {
		return err
	}
	wrong := &assay.Problem{Kind: assay.ErrInvalid, What: "the passkey could not be checked", Do: "try again, or make it on another device"}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return wrong
	}
	a, err := s.Register.AccountByID(r.Context(), v.Account)
	if err != nil {
		return err
	}
	k, err := s.keyholder(r.Context(), a)
	if err != nil {
		return err
	}
	if !bytes.Equal(data.UserID, a.Handle) {
		return wrong
	}
	key, err := s.accounts.passkeys.CreateCredential(k, data, parsed)
	if err != nil {
		return wrong
	}
	kept, err := json.Marshal(key)
	if err != nil {
		return err
	}
	name := strings.TrimSpace(shownLine(r.PostFormValue("name"), register.MaxLine))
	if name == "" {
		name = "Passkey of " + assay.DateOf(s.Now()).Words()
	}
	return s.Register.AddCredential(r.Context(), v, register.Credential{ID: key.ID, Name: name, Data: kept})
}

// scripted lets a page run the one script there is, which speaks to the browser about
// passkeys.
func scripted(w http.ResponseWriter) {
	w.Header().Set("Content-Security-Policy", policy+"; script-src 'self'")
	w.Header().Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), publickey-credentials-get=(self), publickey-credentials-create=(self)")
}
