package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

// providerLinks lead to the companies' own sign-in.
func (s *Server) providerLinks(with url.Values) []link {
	var out []link
	for _, p := range s.Accounts.Providers {
		out = append(out, link{Href: "/sign-in/with/" + p.ID + "?" + with.Encode(), Words: "Continue with " + s.accounts.providers[p.ID].Title})
	}
	return out
}

func (s *Server) signInPage(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	return s.signInSheet(w, r, http.StatusOK, nil)
}

func (s *Server) signInSheet(w http.ResponseWriter, r *http.Request, status int, faults []fault) error {
	if err := s.tried(w, r); err != nil {
		return err
	}
	next := local(r.FormValue("next"), "/account")
	options, err := s.beginSignIn(r)
	if err != nil {
		return err
	}
	scripted(w)
	sh := sheet{Heading: "Sign in", Lead: "There are no passwords here. Your device knows you by a passkey: a fingerprint, a face or a PIN that never leaves it.", Faults: faults,
		Sections: []section{{Passkey: &ceremony{Kind: "get", Options: options, Action: "/sign-in", Button: "Sign in with a passkey", Next: next}}}}
	if s.viewer(r).SignedIn() {
		sh.Lead = "For what you want to do, show once more that it is you."
	}
	if links := s.providerLinks(url.Values{"next": {next}}); len(links) > 0 {
		sh.Sections = append(sh.Sections, section{Heading: "Your company’s sign-in", Links: links})
	}
	sh.Sections = append(sh.Sections, section{Text: "Looking products up needs no account.", Links: []link{{Href: "/recover", Words: "You have lost your passkey?"}, {Href: "/", Words: "Look a product up"}}})
	return s.sheetPage(w, r, status, sh)
}

func (s *Server) signInByPasskey(w http.ResponseWriter, r *http.Request, _ register.Viewer) error {
	if err := s.tried(w, r); err != nil {
		return err
	}
	next := local(r.PostFormValue("next"), "/account")
	id, err := s.finishSignIn(r)
	if err != nil {
		var sh sheet
		code, err := blame(&sh, err)
		if err != nil {
			return err
		}
		return s.signInSheet(w, r, code, sh.Faults)
	}
	if err := s.signIn(r, id, "", false); err != nil {
		return err
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
	return nil
}

func (s *Server) signOut(w http.ResponseWriter, r *http.Request, _ register.Viewer) error {
	if err := s.accounts.sessions.Destroy(r.Context()); err != nil {
		return err
	}
	w.Header().Set("Clear-Site-Data", `"cache"`)
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}

// linkKinds are what the two addresses of links are for.
func linkKind(r *http.Request) (register.LinkKind, bool) {
	kind := register.LinkInvite
	if strings.HasPrefix(r.URL.Path, "/set-up/") {
		kind = register.LinkSetup
	}
	return kind, kind == register.LinkSetup
}

// openLink looks at a link without using it: opening it twice, as mail programs do,
// does no harm.
func (s *Server) openLink(w http.ResponseWriter, r *http.Request) (register.Link, error) {
	if err := s.tried(w, r); err != nil {
		return register.Link{}, err
	}
	l, err := s.Register.Link(r.Context(), r.PathValue("secret"))
	kind, _ := linkKind(r)
	if strings.HasPrefix(r.URL.Path, "/recover/") {
		kind = register.LinkRecover
	}
	if err == nil && l.Kind == kind {
		return l, nil
	}
	if err == nil || errors.Is(err, assay.ErrNotFound) || errors.Is(err, assay.ErrRefused) { // the same for all: it tells nothing of other links
		return l, &assay.Problem{Kind: assay.ErrNotFound, What: "this link is not valid: it was used, has expired, or was copied in part", Do: "ask for a new one"}
	}
	return l, err
}

func (s *Server) takeUpPage(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	l, err := s.openLink(w, r)
	if err != nil {
		return err
	}
	return s.takeUpSheet(w, r, v, l, register.Person{Email: l.Email}, nil)
}

func (s *Server) takeUpSheet(w http.ResponseWriter, r *http.Request, v register.Viewer, l register.Link, p register.Person, wrong error) error {
	sh := sheet{Heading: "Set this register up", Lead: "You make the first account: that of an operator. Then you add a passkey to it."}
	if l.Kind == register.LinkInvite {
		sh.Heading, sh.Lead = "Join "+l.OrgName, "You were asked to join as "+string(l.Role)+"."
	}
	f := form{Action: r.URL.Path, Button: "Continue", Fields: []field{
		{Name: "name", Label: "Your name", Value: p.Name, Required: true, Max: register.MaxLine, Auto: "name"},
		{Name: "email", Label: "Your e-mail address", Type: "email", Value: p.Email, Required: true, Max: 254, Auto: "email"},
	}}
	if v.SignedIn() && l.Kind == register.LinkInvite {
		f.Fields, f.Button = nil, "Join as "+v.Name
	}
	code := http.StatusOK
	if wrong != nil {
		var err error
		if code, err = blame(&sh, wrong, &f.Fields); err != nil {
			return err
		}
	}
	sh.Sections = []section{{Forms: []form{f}}}
	return s.sheetPage(w, r, code, sh)
}

func (s *Server) takeUp(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	l, err := s.openLink(w, r)
	if err != nil {
		return err
	}
	if l.Kind == register.LinkSetup {
		v = register.Public
	}
	p := register.Person{Name: r.PostFormValue("name"), Email: r.PostFormValue("email")}
	v.From = s.from(r)
	a, err := s.Register.TakeUpLink(r.Context(), v, r.PathValue("secret"), p)
	if err != nil {
		return s.takeUpSheet(w, r, v, l, p, err)
	}
	if v.SignedIn() {
		s.accounts.sessions.Put(r.Context(), keyOrg, string(l.Org))
		s.tell(r, "You are a member of "+l.OrgName+" now.")
		http.Redirect(w, r, "/account", http.StatusSeeOther)
		return nil
	}
	if err := s.signIn(r, a.ID, "", true); err != nil {
		return err
	}
	http.Redirect(w, r, "/enrol", http.StatusSeeOther)
	return nil
}

// enrolPage has the first way to sign in added to an account, before anything else.
func (s *Server) enrolPage(w http.ResponseWriter, r *http.Request, _ register.Viewer) error {
	return s.enrolSheet(w, r, nil)
}

func (s *Server) enrolSheet(w http.ResponseWriter, r *http.Request, wrong error) error {
	id := s.enrolling(r)
	if id == "" {
		http.Redirect(w, r, "/account", http.StatusSeeOther)
		return nil
	}
	options, err := s.beginPasskey(r, id)
	if err != nil {
		return err
	}
	scripted(w)
	sh := sheet{Heading: "Add your passkey", Lead: "With it you sign in from now on. It stays on your device, or with whoever keeps your passkeys.",
		Sections: []section{{Passkey: &ceremony{Kind: "create", Options: options, Action: "/enrol", Button: "Make a passkey"}, Fields: []field{passkeyName()}}}}
	if links := s.providerLinks(url.Values{"link": {"yes"}}); len(links) > 0 {
		sh.Sections = append(sh.Sections, section{Heading: "Or sign in through your company", Links: links})
	}
	code := http.StatusOK
	if wrong != nil {
		if code, err = blame(&sh, wrong); err != nil {
			return err
		}
	}
	return s.sheetPage(w, r, code, sh)
}

func passkeyName() field {
	return field{Name: "name", Label: "A name for it", Hint: "To tell it from others later, such as “office laptop”.", Max: 100, Auto: "off"}
}

func (s *Server) enrol(w http.ResponseWriter, r *http.Request, _ register.Viewer) error {
	id := s.enrolling(r)
	if id == "" {
		return &assay.Problem{Kind: assay.ErrRefused, What: "this link was taken up too long ago", Do: "sign in, or ask for a link by mail"}
	}
	if err := s.finishPasskey(r, register.Viewer{Account: id, From: s.from(r)}); err != nil {
		return s.enrolSheet(w, r, err)
	}
	if err := s.signIn(r, id, "", false); err != nil {
		return err
	}
	s.tell(r, "Your passkey is added.")
	http.Redirect(w, r, "/account", http.StatusSeeOther)
	return nil
}

func (s *Server) recoverPage(w http.ResponseWriter, r *http.Request, _ register.Viewer) error {
	return s.sheetPage(w, r, http.StatusOK, sheet{Heading: "Lost your passkey?", Lead: "We send a link by which you add a new one. It ends every session of your account.",
		Sections: []section{{Forms: []form{{Action: "/recover", Button: "Send the link", Fields: []field{{Name: "email", Label: "Your e-mail address", Type: "email", Required: true, Max: 254, Auto: "email"}}}}}}})
}

// recover answers the same, and after the same time, whether there is such an account
// or not.
func (s *Server) recover(w http.ResponseWriter, r *http.Request, _ register.Viewer) error {
	if err := s.tried(w, r); err != nil {
		return err
	}
	over, stop := context.WithTimeout(r.Context(), s.Accounts.Pause)
	defer stop()
	email := strings.TrimSpace(r.PostFormValue("email"))
	if register.Email(strings.ToLower(email)) {
		if err := s.Register.Recover(r.Context(), email, s.from(r)); err != nil {
			return err
		}
	}
	<-over.Done()
	return s.sheetPage(w, r, http.StatusOK, sheet{Heading: "Look at your mail", Lead: "If there is an account with that address, a link is on its way. It is good for an hour."})
}

func (s *Server) recoveryPage(w http.ResponseWriter, r *http.Request, _ register.Viewer) error {
	if _, err := s.openLink(w, r); err != nil {
		return err
	}
	return s.sheetPage(w, r, http.StatusOK, sheet{Heading: "Add a new passkey", Lead: "All sessions of your account end by this. Your old passkeys stay until you remove them.",
		Sections: []section{{Forms: []form{{Action: r.URL.Path, Button: "Continue"}}}}})
}

func (s *Server) recovery(w http.ResponseWriter, r *http.Request, _ register.Viewer) error {
	if _, err := s.openLink(w, r); err != nil {
		return err
	}
	id, err := s.Register.TakeUpRecovery(r.Context(), r.PathValue("secret"), s.from(r))
	if err != nil {
		return err
	}
	if err := s.signIn(r, id, "", true); err != nil {
		return err
	}
	http.Redirect(w, r, "/enrol", http.StatusSeeOther)
	return nil
}

// accountPage is all that a person may do with their own account.
func (s *Server) accountPage(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	return s.accountSheet(w, r, v, nil)
}

func (s *Server) accountSheet(w http.ResponseWriter, r *http.Request, v register.Viewer, wrong error) error {
	ctx := r.Context()
	a, err := s.Register.Account(ctx, v)
	if err != nil {
		return err
	}
	members, err := s.Register.Memberships(ctx, v)
	if err != nil {
		return err
	}
	keys, err := s.Register.Credentials(ctx, v.Account)
	if err != nil {
		return err
	}
	identities, err := s.Register.Identities(ctx, v)
	if err != nil {
		return err
	}
	sessions, err := s.sessionTable(r, v)
	if err != nil {
		return err
	}
	sh := sheet{Title: "Your account", Heading: a.Name, Kicker: a.Email}
	orgs := table{Caption: "Organisations that you are a member of", Head: []string{"Organisation", "Your role", ""}, Empty: "You are a member of none yet."}
	for _, m := range members {
		if s.pinned(r) && m.Org != v.Org {
			continue
		}
		use := cell{Text: "You act for it now"}
		if m.Org != v.Org {
			use = cell{Forms: []form{{Action: "/account/organisation", Inline: true, Second: true, Button: "Act for it", About: m.OrgName, Hidden: []option{{Name: "org", Words: string(m.Org)}}}}}
		}
		orgs.Rows = append(orgs.Rows, []cell{{Text: m.OrgName, Soft: string(m.OrgKind)}, text(string(m.Role)), use})
	}
	ways := table{Caption: "Ways to sign in", Head: []string{"Way", "Since", "Last used", ""}}
	for _, k := range keys {
		used := "never"
		if !k.LastUsed.IsZero() {
			used = assay.DateOf(k.LastUsed).Words()
		}
		ways.Rows = append(ways.Rows, []cell{{Text: k.Name, Soft: "passkey"}, text(assay.DateOf(k.Created).Words()), text(used),
			{Forms: []form{{Action: "/account/passkey/remove", Inline: true, Second: true, Button: "Remove", About: k.Name, Hidden: []option{{Name: "id", Words: fmt.Sprintf("%x", k.ID)}}}}}})
	}
	for _, i := range identities {
		ways.Rows = append(ways.Rows, []cell{{Text: i.Email, Soft: "at " + i.Issuer}, text(assay.DateOf(i.Created).Words()), text(""),
			{Forms: []form{{Action: "/account/identity/remove", Inline: true, Second: true, Button: "Remove", About: i.Issuer, Hidden: []option{{Name: "issuer", Words: i.Issuer}, {Name: "subject", Words: i.Subject}}}}}})
	}
	add := append([]link{{Href: "/account/passkey", Words: "Add a passkey", Button: true}}, s.providerLinks(url.Values{"link": {"yes"}})...)
	sh.Sections = []section{
		{ID: "organisations", Heading: "Organisations", Table: &orgs, Links: []link{{Href: "/account/organisation/new", Words: "Make an organisation"}}},
		{ID: "ways", Heading: "Signing in", Table: &ways, Links: add},
		{ID: "sessions", Heading: "Where you are signed in", Table: sessions, Forms: []form{{Action: "/sign-out", Button: "Sign out here"}}},
	}
	code := http.StatusOK
	if wrong != nil {
		if code, err = blame(&sh, wrong); err != nil {
			return err
		}
	}
	return s.sheetPage(w, r, code, sh)
}

func (s *Server) sessionTable(r *http.Request, v register.Viewer) (*table, error) {
	t := &table{Caption: "Sessions of your account", Head: []string{"Browser", "From", "Since", ""}, Empty: "This is the only one."}
	own := s.sessionName(r)
	err := s.Accounts.Sessions.Each(r.Context(), v.Account, func(name string, data []byte) {
		_, values, err := sessionCodec{}.Decode(data)
		if err != nil {
			return
		}
		said := func(key string) string { text, _ := values[key].(string); return text }
		since, _ := time.Parse(time.RFC3339, said(keySince))
		end := cell{Text: "This one"}
		if name != own {
			end = cell{Forms: []form{{Action: "/account/session/end", Inline: true, Second: true, Button: "End", About: "the session of " + said(keyAgent), Hidden: []option{{Name: "session", Words: name}}}}}
		}
		t.Rows = append(t.Rows, []cell{text(said(keyAgent)), text(said(keyFrom)), text(assay.DateOf(since).Words()), end})
	})
	return t, err
}

func (s *Server) endSession(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	if err := s.Accounts.Sessions.End(r.Context(), v.Account, r.PostFormValue("session")); err != nil {
		return err
	}
	s.tell(r, "That session is ended.")
	http.Redirect(w, r, "/account#sessions", http.StatusSeeOther)
	return nil
}

func (s *Server) passkeyPage(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	return s.passkeySheet(w, r, v, nil)
}

func (s *Server) passkeySheet(w http.ResponseWriter, r *http.Request, v register.Viewer, wrong error) error {
	options, err := s.beginPasskey(r, v.Account)
	if err != nil {
		return err
	}
	scripted(w)
	sh := sheet{Heading: "Add a passkey", Lead: "One on a second device opens your account when the first is lost.",
		Sections: []section{{Passkey: &ceremony{Kind: "create", Options: options, Action: "/account/passkey", Button: "Make a passkey"}, Fields: []field{passkeyName()}}}}
	code := http.StatusOK
	if wrong != nil {
		if code, err = blame(&sh, wrong); err != nil {
			return err
		}
	}
	return s.sheetPage(w, r, code, sh)
}

func (s *Server) addPasskey(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	if err := s.finishPasskey(r, v); err != nil {
		return s.passkeySheet(w, r, v, err)
	}
	s.tell(r, "The passkey is added.")
	http.Redirect(w, r, "/account#ways", http.StatusSeeOther)
	return nil
}

func (s *Server) removePasskey(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	keys, err := s.Register.Credentials(r.Context(), v.Account)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(keys, func(k register.Credential) bool { return fmt.Sprintf("%x", k.ID) == r.PostFormValue("id") })
	if i < 0 {
		return fmt.Errorf("passkey: %w", assay.ErrNotFound)
	}
	if err := s.Register.RemoveCredential(r.Context(), v, keys[i].ID); err != nil {
		return s.accountSheet(w, r, v, err)
	}
	s.tell(r, "The passkey is removed.")
	http.Redirect(w, r, "/account#ways", http.StatusSeeOther)
	return nil
}

func (s *Server) removeIdentity(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	if err := s.Register.RemoveIdentity(r.Context(), v, r.PostFormValue("issuer"), r.PostFormValue("subject")); err != nil {
		return s.accountSheet(w, r, v, err)
	}
	s.tell(r, "The link to that sign-in is removed.")
	http.Redirect(w, r, "/account#ways", http.StatusSeeOther)
	return nil
}

// chooseOrg has the session act for another organisation of the account's.
func (s *Server) chooseOrg(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	org := register.OrgID(r.PostFormValue("org"))
	if pinned := s.accounts.sessions.GetString(r.Context(), keyPinned); pinned != "" && pinned != string(org) {
		return &assay.Problem{Kind: assay.ErrRefused, What: "your company's sign-in counts for its own organisation alone", Do: "sign in with a passkey to act for another"}
	}
	chosen, err := s.Register.SignIn(r.Context(), v.Account, org, s.from(r))
	if err != nil {
		return err
	}
	if org == "" || chosen.Org != org {
		return fmt.Errorf("organisation: %w: you are no member of it", assay.ErrRefused)
	}
	s.accounts.sessions.Put(r.Context(), keyOrg, string(org))
	http.Redirect(w, r, "/org", http.StatusSeeOther)
	return nil
}
