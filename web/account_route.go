package web

import (
	"fmt"
	"mime"
	"net/http"
	"net/url"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

// route is a page that is not for everybody, or the answer to one of its forms.
type route struct {
	pattern string
	// open: anybody may ask. Otherwise one must be signed in, and, where an action is
	// named, have the right to it in the organisation for which one acts.
	open  bool
	needs register.Action
	fresh bool  // signed in not long ago: it could give an account or an organisation away
	own   bool  // about the account itself: not from a company's sign-in, which speaks for one organisation
	limit int64 // bytes of the body; 0 is 256 kB
	do    func(w http.ResponseWriter, r *http.Request, v register.Viewer) error
}

const formLimit = 256 << 10

// accountRoutes are all of them. That each asks for the right that it needs is tested
// from this list.
func (s *Server) accountRoutes() {
	s.accounts.routes = []route{
		{pattern: "GET /sign-in", open: true, do: s.signInPage},
		{pattern: "POST /sign-in", open: true, do: s.signInByPasskey},
		{pattern: "GET /sign-in/with/{id}", open: true, do: s.oidcStart},
		{pattern: "GET /sign-in/with/{id}/callback", open: true, do: s.oidcBack},
		{pattern: "POST /sign-out", open: true, do: s.signOut},
		{pattern: "GET /set-up/{secret}", open: true, do: s.takeUpPage},
		{pattern: "POST /set-up/{secret}", open: true, do: s.takeUp},
		{pattern: "GET /invitation/{secret}", open: true, do: s.takeUpPage},
		{pattern: "POST /invitation/{secret}", open: true, do: s.takeUp},
		{pattern: "GET /recover", open: true, do: s.recoverPage},
		{pattern: "POST /recover", open: true, do: s.recover},
		{pattern: "GET /recover/{secret}", open: true, do: s.recoveryPage},
		{pattern: "POST /recover/{secret}", open: true, do: s.recovery},
		{pattern: "GET /enrol", open: true, do: s.enrolPage},
		{pattern: "POST /enrol", open: true, do: s.enrol},

		{pattern: "GET /account", do: s.accountPage},
		{pattern: "GET /account/passkey", fresh: true, own: true, do: s.passkeyPage},
		{pattern: "POST /account/passkey", fresh: true, own: true, do: s.addPasskey},
		{pattern: "POST /account/passkey/remove", fresh: true, own: true, do: s.removePasskey},
		{pattern: "POST /account/identity/remove", fresh: true, own: true, do: s.removeIdentity},
		{pattern: "POST /account/session/end", own: true, do: s.endSession},
		{pattern: "POST /account/organisation", do: s.chooseOrg},
		{pattern: "GET /account/organisation/new", own: true, do: s.newOrgPage},
		{pattern: "POST /account/organisation/new", own: true, do: s.newOrg},

		{pattern: "GET /org", needs: register.SeeDrafts, do: s.dashboard},
		{pattern: "GET /org/products", needs: register.SeeDrafts, do: s.ownProducts},
		{pattern: "GET /org/products/{id}", needs: register.SeeDrafts, do: s.ownProduct},
		{pattern: "POST /org/products/{id}/extend", needs: register.PublishEntry, do: s.extend},
		{pattern: "POST /org/products/{id}/withdraw", needs: register.PublishEntry, do: s.withdraw},
		{pattern: "POST /org/products/{id}/revise", needs: register.EditDrafts, do: s.revise},
		{pattern: "GET /org/drafts/new", needs: register.EditDrafts, do: s.draftPage},
		{pattern: "POST /org/drafts/new", needs: register.EditDrafts, limit: uploadLimit, do: s.saveDraft},
		{pattern: "GET /org/drafts/{id}", needs: register.EditDrafts, do: s.draftPage},
		{pattern: "POST /org/drafts/{id}", needs: register.EditDrafts, limit: uploadLimit, do: s.saveDraft},
		{pattern: "GET /org/drafts/{id}/preview", needs: register.SeeDrafts, do: s.preview},
		{pattern: "GET /org/drafts/{id}/statement", needs: register.SeeDrafts, do: s.draftStatement},
		{pattern: "POST /org/drafts/{id}/publish", needs: register.PublishEntry, do: s.publishDraft},
		{pattern: "POST /org/drafts/{id}/discard", needs: register.EditDrafts, do: s.discardDraft},
		{pattern: "GET /org/upload", needs: register.EditDrafts, do: s.uploadPage},
		{pattern: "POST /org/upload", needs: register.EditDrafts, limit: uploadLimit, do: s.upload},
		{pattern: "GET /org/import", needs: register.EditDrafts, do: s.importPage},
		{pattern: "GET /org/import/template.csv", needs: register.EditDrafts, do: s.importTemplate},
		{pattern: "POST /org/import", needs: register.EditDrafts, limit: importLimit, do: s.importRange},
		{pattern: "GET /org/assess", needs: register.AttachVerdict, do: s.assessPage},
		{pattern: "POST /org/assess", needs: register.AttachVerdict, limit: uploadLimit, do: s.assess},

		{pattern: "GET /org/members", needs: register.SeeDrafts, do: s.membersPage},
		{pattern: "POST /org/members/invite", needs: register.ManageMembers, fresh: true, do: s.invite},
		{pattern: "POST /org/members/{id}/role", needs: register.ManageMembers, fresh: true, do: s.setRole},
		{pattern: "POST /org/members/{id}/remove", needs: register.ManageMembers, fresh: true, do: s.removeMember},
		{pattern: "POST /org/leave", needs: register.SeeDrafts, do: s.leave},
		{pattern: "GET /org/settings", needs: register.EditOrg, do: s.settingsPage},
		{pattern: "POST /org/settings", needs: register.EditOrg, do: s.settings},
		{pattern: "POST /org/keys", needs: register.ManageKeys, fresh: true, do: s.addKey},
		{pattern: "POST /org/keys/revoke", needs: register.ManageKeys, fresh: true, do: s.revokeKey},
		{pattern: "GET /org/tokens", needs: register.ManageTokens, do: s.tokensPage},
		{pattern: "POST /org/tokens", needs: register.ManageTokens, fresh: true, do: s.newToken},
		{pattern: "POST /org/tokens/{id}/revoke", needs: register.ManageTokens, do: s.revokeToken},
		{pattern: "GET /org/audit", needs: register.SeeAudit, do: s.auditPage},

		{pattern: "GET /operator", needs: register.Operate, do: s.operatorPage},
		{pattern: "GET /operator/accounts", needs: register.Operate, do: s.operatorAccounts},
		{pattern: "POST /operator/accounts/{id}/lock", needs: register.Operate, fresh: true, do: s.lockAccount},
		{pattern: "GET /operator/audit", needs: register.Operate, do: s.operatorAudit},
	}
	s.accounts.routes = append(s.accounts.routes, s.benchRoutes()...)
	for _, rt := range s.accounts.routes {
		s.mux.Handle(rt.pattern, s.loadedSession(s.handle(s.private(rt))))
	}
	s.publishRoutes()
}

// loadedSession makes sure of a session, also where the request brought none.
func (s *Server) loadedSession(next http.Handler) http.Handler {
	loaded := s.loadSession(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if there, _ := r.Context().Value(sessionKey{}).(bool); there {
			next.ServeHTTP(w, r)
			return
		}
		loaded.ServeHTTP(w, r)
	})
}

// private answers for a route, to whom it is for.
func (s *Server) private(rt route) func(http.ResponseWriter, *http.Request) error {
	limit := rt.limit
	if limit == 0 {
		limit = formLimit
	}
	return func(w http.ResponseWriter, r *http.Request) error {
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		w.Header().Set("Cache-Control", "no-store")
		v := s.viewer(r)
		if rt.open {
			if err := s.readForm(w, r, rt.limit > 0); err != nil {
				return err
			}
			return rt.do(w, r, v)
		}
		switch {
		case s.enrolling(r) != "":
			http.Redirect(w, r, "/enrol", http.StatusSeeOther)
			return nil
		case !v.SignedIn(), rt.fresh && allowed(v, rt.needs) && !s.fresh(r):
			http.Redirect(w, r, "/sign-in?"+url.Values{"next": {s.returnTo(r)}}.Encode(), http.StatusSeeOther)
			return nil
		case !allowed(v, rt.needs):
			return s.refusal(v, rt.needs)
		case rt.own && s.pinned(r):
			return errPinned
		}
		if err := s.readForm(w, r, rt.limit > 0); err != nil {
			return err
		}
		return rt.do(w, r, v)
	}
}

// readForm reads a plain form before anything is done with it: half a form is none. One
// with files is left to parts, where files are expected.
func (s *Server) readForm(w http.ResponseWriter, r *http.Request, files bool) error {
	if r.Method != http.MethodPost {
		return nil
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "multipart/form-data" {
		if files {
			return nil
		}
		return hangUp(w, &assay.Problem{Kind: assay.ErrInvalid, What: "this form takes no files", Do: "send it from its page"})
	}
	deadline(w, s.accounts.formTime)
	if err := r.ParseForm(); err != nil {
		return hangUp(w, broken(err))
	}
	deadline(w, 0)
	return nil
}

// returnTo is the page to come back to after signing in: the one that was asked for,
// or of which the form was.
func (s *Server) returnTo(r *http.Request) string {
	if r.Method == http.MethodGet {
		return local(r.URL.RequestURI(), "/account")
	}
	if from, err := url.Parse(r.Referer()); err == nil && from.Host == r.Host {
		return local(from.RequestURI(), "/account")
	}
	return "/account"
}

// errPinned keeps whoever runs a company's sign-in from taking its people's accounts
// over, with which they may act for others.
var errPinned = &assay.Problem{Kind: assay.ErrRefused, What: "you came through your company's sign-in, which does not reach the account itself", Do: "sign in with a passkey; a link by mail adds the first one"}

// pinned reports that a session was opened by a company's sign-in.
func (s *Server) pinned(r *http.Request) bool {
	return s.accounts.sessions.GetString(r.Context(), keyPinned) != ""
}

func (s *Server) refusal(v register.Viewer, a register.Action) error {
	if v.Org == "" && a != register.Operate {
		return &assay.Problem{Kind: assay.ErrRefused, What: "this page is about an organisation, and you act for none", Do: "choose or make one on the page of your account"}
	}
	return fmt.Errorf("%s: %w: your role in this organisation, or its kind, is not for that", a, assay.ErrRefused)
}

// sheetPage answers with a page of accounts. It is nobody else's, so no cache keeps it.
func (s *Server) sheetPage(w http.ResponseWriter, r *http.Request, status int, sh sheet) error {
	s.dress(r, &sh)
	return s.page(w, r, status, "sheet", frame{Title: sh.Title, NoIndex: true, NoSearch: true, Private: true, Content: sh})
}

// dress fills in what all pages of accounts have.
func (s *Server) dress(r *http.Request, sh *sheet) {
	sh.Notice = s.accounts.sessions.PopString(r.Context(), keyNotice)
	if sh.Title == "" {
		sh.Title = sh.Heading
	}
	v := s.viewer(r)
	if v.SignedIn() {
		sh.Menu = s.menu(v, r.URL.Path)
	}
	if len(sh.Faults) > 0 {
		sh.Title = "Problem: " + sh.Title
	}
}

// allowed reports whether a viewer may ask for a page that needs the right to an
// action; "" is to be signed in.
func allowed(v register.Viewer, a register.Action) bool {
	return a == "" && v.SignedIn() || a != "" && v.May(a)
}
