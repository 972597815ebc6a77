package web

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

func orgFields(o register.Organisation) []field {
	return []field{
		{Name: "name", Label: "Name", Hint: "In full, as on the statement of compliance.", Value: o.Name, Required: true, Max: register.MaxLine, Auto: "organization"},
		{Name: "address", Label: "Postal address", Type: "area", Value: o.Address},
		{Name: "site", Label: "Web site", Hint: "Beginning with https://", Type: "url", Value: o.Site, Max: register.MaxURL},
	}
}

func orgOf(r *http.Request) register.Organisation {
	return register.Organisation{Name: r.PostFormValue("name"), Address: lines(r.PostFormValue("address")), Site: r.PostFormValue("site"), Kind: register.OrgKind(r.PostFormValue("kind"))}
}

// lines are what a browser sends of an area, with plain line ends.
func lines(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }

func (s *Server) newOrgPage(w http.ResponseWriter, r *http.Request, _ register.Viewer) error {
	return s.newOrgSheet(w, r, register.Organisation{Kind: register.Manufacturer}, nil)
}

func (s *Server) newOrgSheet(w http.ResponseWriter, r *http.Request, o register.Organisation, wrong error) error {
	fields := append(orgFields(o), field{Name: "kind", Label: "What it is", Type: "choice", Options: choose(string(o.Kind),
		option{Name: string(register.Manufacturer), Words: "Manufacturer"}, option{Name: string(register.Importer), Words: "Importer"},
		option{Name: string(register.Representative), Words: "Authorised representative"}, option{Name: string(register.Laboratory), Words: "Test laboratory"})})
	sh := sheet{Heading: "Make an organisation", Lead: "You become its owner. What it is cannot be changed afterwards."}
	code := http.StatusOK
	if wrong != nil {
		var err error
		if code, err = blame(&sh, wrong, &fields); err != nil {
			return err
		}
	}
	sh.Sections = []section{{Forms: []form{{Action: "/account/organisation/new", Button: "Make it", Fields: fields}}}}
	return s.sheetPage(w, r, code, sh)
}

func (s *Server) newOrg(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	o := orgOf(r)
	made, err := s.Register.CreateOrganisation(r.Context(), v, o)
	if err != nil {
		return s.newOrgSheet(w, r, o, err)
	}
	s.accounts.sessions.Put(r.Context(), keyOrg, string(made.ID))
	s.tell(r, made.Name+" is made. Add the key with which it signs next.")
	http.Redirect(w, r, "/org/settings", http.StatusSeeOther)
	return nil
}

func (s *Server) settingsPage(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	return s.settingsSheet(w, r, v, nil, nil)
}

// settingsSheet is the organisation and its keys. What was sent is shown again where
// it was wrong.
func (s *Server) settingsSheet(w http.ResponseWriter, r *http.Request, v register.Viewer, sent *register.Organisation, wrong error) error {
	o, keys, err := s.Register.Organisation(r.Context(), v)
	if err != nil {
		return err
	}
	sh := sheet{Heading: "Organisation and keys", Kicker: o.Name + ", " + string(o.Kind)}
	if sent != nil {
		o = *sent
	}
	fields := orgFields(o)
	keyFields := []field{
		{Name: "key", Label: "Public key", Hint: "The file FILE.pub that assay statement --new-key FILE made beside the secret one. Paste its text. Never send the secret key.", Type: "area", Required: true, Value: bounded(r.PostFormValue("key"))},
		{Name: "keyname", Label: "A name for it", Max: register.MaxLine, Value: r.PostFormValue("keyname")},
	}
	code := http.StatusOK
	if wrong != nil {
		list := &fields
		if sent == nil {
			list = &keyFields
		}
		if code, err = blame(&sh, wrong, list); err != nil {
			return err
		}
	}
	t := &table{Caption: "Keys that sign for it", Head: []string{"Key", "Since", ""}, Empty: "There is none yet: nothing can be published before."}
	for _, k := range keys {
		end := cell{Text: "Revoked on " + assay.DateOf(k.Revoked).Words()}
		if k.Revoked.IsZero() {
			end = cell{Forms: []form{{Action: "/org/keys/revoke", Inline: true, Second: true, Button: "Revoke for good", About: "the key " + k.Name, Hidden: []option{{Name: "key", Words: string(k.ID)}}}}}
		}
		t.Rows = append(t.Rows, []cell{{Text: string(k.ID), Code: true, Soft: k.Name}, text(assay.DateOf(k.Added).Words()), end})
	}
	sh.Sections = []section{
		{Heading: "Organisation", Forms: []form{{Action: "/org/settings", Button: "Save", Fields: fields}}},
		{ID: "keys", Heading: "Keys", Text: "A statement is taken only when a key of this list signed it. Revoking a key cannot be undone; what it signed stays and says so.", Table: t, Forms: []form{{Action: "/org/keys", Button: "Add the key", Fields: keyFields}}},
	}
	return s.sheetPage(w, r, code, sh)
}

// bounded bounds text that is shown again, lines and all.
func bounded(s string) string {
	if len(s) > 8<<10 {
		s = s[:8<<10]
	}
	return strings.ToValidUTF8(s, "")
}

func (s *Server) settings(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	o := orgOf(r)
	if _, err := s.Register.UpdateOrganisation(r.Context(), v, o); err != nil {
		return s.settingsSheet(w, r, v, &o, err)
	}
	s.tell(r, "Saved.")
	http.Redirect(w, r, "/org/settings", http.StatusSeeOther)
	return nil
}

func (s *Server) addKey(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	if _, err := s.Register.AddKey(r.Context(), v, r.PostFormValue("keyname"), []byte(lines(r.PostFormValue("key")))); err != nil {
		return s.settingsSheet(w, r, v, nil, err)
	}
	s.tell(r, "The key counts from now on.")
	http.Redirect(w, r, "/org/settings#keys", http.StatusSeeOther)
	return nil
}

func (s *Server) revokeKey(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	if err := s.Register.RevokeKey(r.Context(), v, assay.Digest(r.PostFormValue("key"))); err != nil {
		return err
	}
	s.tell(r, "The key is revoked.")
	http.Redirect(w, r, "/org/settings#keys", http.StatusSeeOther)
	return nil
}

var roleWords = map[register.Role]string{
	register.RoleOwner: "Owner: members, keys, tokens, and all below", register.RoleEditor: "Publisher: drafts, publishing, withdrawing", register.RoleReader: "Viewer: sees drafts and the overview",
}

func roleOptions(now register.Role) []option {
	var out []option
	for _, role := range register.Roles() {
		out = append(out, option{Name: string(role), Words: roleWords[role], Chosen: role == now})
	}
	return out
}

func (s *Server) membersPage(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	return s.membersSheet(w, r, v, nil, nil)
}

func (s *Server) membersSheet(w http.ResponseWriter, r *http.Request, v register.Viewer, once *secret, wrong error) error {
	members, err := s.Register.Members(r.Context(), v)
	if err != nil {
		return err
	}
	manages := v.May(register.ManageMembers)
	sh := sheet{Heading: "Members", Secret: once}
	t := &table{Caption: "Members of this organisation", Head: []string{"Person", "Role", "Since"}}
	if manages {
		t.Head = append(t.Head, "")
	}
	for _, m := range members {
		row := []cell{{Text: m.Name, Soft: m.Email}, text(string(m.Role)), text(assay.DateOf(m.Since).Words())}
		if manages {
			at := "/org/members/" + string(m.Account)
			row = append(row, cell{Forms: []form{
				{Action: at + "/role", Inline: true, Second: true, Button: "Change", About: "the role of " + m.Name, Fields: []field{{Name: "role-" + string(m.Account), Label: "Role of " + m.Name, Type: "choice", Options: roleOptions(m.Role)}}},
				{Action: at + "/remove", Inline: true, Second: true, Button: "Remove", About: m.Name},
			}})
		}
		t.Rows = append(t.Rows, row)
	}
	list := section{Table: t, Forms: []form{{Action: "/org/leave", Button: "Leave this organisation", Second: true}}}
	fields := []field{
		{Name: "email", Label: "E-mail address", Type: "email", Required: true, Max: 254, Value: r.PostFormValue("email")},
		{Name: "role", Label: "Role", Type: "choice", Options: roleOptions(register.RoleReader)},
	}
	code := http.StatusOK
	if wrong != nil {
		if code, err = blame(&sh, wrong, &fields); err != nil {
			return err
		}
	}
	sh.Sections = []section{list}
	if manages {
		sh.Sections = append(sh.Sections, section{ID: "invite", Heading: "Invite somebody", Text: "They get a link by mail that works once, within seven days.", Forms: []form{{Action: "/org/members/invite", Button: "Invite", Fields: fields}}})
	}
	return s.sheetPage(w, r, code, sh)
}

func (s *Server) invite(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	made, err := s.Register.Invite(r.Context(), v, r.PostFormValue("email"), register.Role(r.PostFormValue("role")))
	if err != nil {
		return s.membersSheet(w, r, v, nil, err)
	}
	return s.membersSheet(w, r, v, &secret{"The invitation is on its way by mail. Where mail does not arrive, hand this link over yourself; it is shown once:", s.BaseURL + "/invitation/" + made}, nil)
}

func (s *Server) setRole(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	id := register.AccountID(r.PathValue("id"))
	if err := s.Register.SetRole(r.Context(), v, id, register.Role(r.PostFormValue("role-"+string(id)))); err != nil {
		return s.membersSheet(w, r, v, nil, err)
	}
	s.tell(r, "The role is changed.")
	http.Redirect(w, r, "/org/members", http.StatusSeeOther)
	return nil
}

func (s *Server) removeMember(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	if err := s.Register.RemoveMember(r.Context(), v, register.AccountID(r.PathValue("id"))); err != nil {
		return s.membersSheet(w, r, v, nil, err)
	}
	s.tell(r, "The membership is ended.")
	http.Redirect(w, r, "/org/members", http.StatusSeeOther)
	return nil
}

func (s *Server) leave(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	if err := s.Register.RemoveMember(r.Context(), v, v.Account); err != nil {
		return s.membersSheet(w, r, v, nil, err)
	}
	s.accounts.sessions.Remove(r.Context(), keyOrg)
	s.tell(r, "You have left the organisation.")
	http.Redirect(w, r, "/account", http.StatusSeeOther)
	return nil
}

var scopeWords = map[register.TokenScope]string{
	register.ScopeRead: "Read drafts and the overview", register.ScopeDraft: "Save drafts and import", register.ScopePublish: "Publish, extend, withdraw", register.ScopeAssess: "Attach assessments",
}

func (s *Server) tokensPage(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	return s.tokensSheet(w, r, v, nil, nil)
}

func (s *Server) tokensSheet(w http.ResponseWriter, r *http.Request, v register.Viewer, once *secret, wrong error) error {
	tokens, err := s.Register.Tokens(r.Context(), v)
	if err != nil {
		return err
	}
	sh := sheet{Heading: "Tokens for programs", Secret: once, Lead: "A token lets a program act for this organisation, never for more than you may yourself."}
	t := &table{Caption: "Tokens of this organisation", Head: []string{"Token", "May", "Until", "Last used", ""}, Empty: "There are none."}
	now := s.Now()
	for _, k := range tokens {
		var may []string
		for _, scope := range k.Scopes {
			may = append(may, scopeWords[scope])
		}
		used := "never"
		if !k.LastUsed.IsZero() {
			used = assay.DateOf(k.LastUsed).Words()
		}
		end := cell{Forms: []form{{Action: "/org/tokens/" + string(k.ID) + "/revoke", Inline: true, Second: true, Button: "Revoke", About: k.Name}}}
		if !k.Revoked.IsZero() {
			end = cell{Text: "Revoked on " + assay.DateOf(k.Revoked).Words()}
		} else if !now.Before(k.Expires) {
			end = cell{Text: "Expired"}
		}
		t.Rows = append(t.Rows, []cell{{Text: k.Name, Soft: string(k.ID)}, {List: may}, text(assay.DateOf(k.Expires).Words()), text(used), end})
	}
	var ticks []option
	for _, scope := range register.TokenScopes() {
		ticks = append(ticks, option{Name: string(scope), Words: scopeWords[scope], Chosen: slices.Contains(r.PostForm["scopes"], string(scope))})
	}
	fields := []field{
		{Name: "name", Label: "What it is for", Required: true, Max: register.MaxLine, Value: r.PostFormValue("name")},
		{Name: "scopes", Label: "What it may do", Type: "ticks", Options: ticks},
		{Name: "expires", Label: "Days that it lasts", Hint: "At most 400.", Value: "90", Max: 3},
	}
	code := http.StatusOK
	if wrong != nil {
		if code, err = blame(&sh, wrong, &fields); err != nil {
			return err
		}
	}
	sh.Sections = []section{{Table: t}, {ID: "new", Heading: "Make a token", Forms: []form{{Action: "/org/tokens", Button: "Make it", Fields: fields}}}}
	return s.sheetPage(w, r, code, sh)
}

func (s *Server) newToken(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	days, err := strconv.Atoi(r.PostFormValue("expires"))
	if err != nil || days < 0 || days > 4000 {
		days = 0
	}
	var scopes []register.TokenScope
	for _, scope := range r.PostForm["scopes"] {
		scopes = append(scopes, register.TokenScope(scope))
	}
	made, _, err := s.Register.NewToken(r.Context(), v, r.PostFormValue("name"), scopes, time.Duration(days)*24*time.Hour)
	if err != nil {
		return s.tokensSheet(w, r, v, nil, err)
	}
	return s.tokensSheet(w, r, v, &secret{"Keep it where only your program reads it; it is not shown again:", made}, nil)
}

func (s *Server) revokeToken(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	if err := s.Register.RevokeToken(r.Context(), v, register.TokenID(r.PathValue("id"))); err != nil {
		return err
	}
	s.tell(r, "The token is revoked.")
	http.Redirect(w, r, "/org/tokens", http.StatusSeeOther)
	return nil
}

func (s *Server) auditPage(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	if v.Operator { // of this organisation alone, on this page
		v.Operator = false
	}
	return s.auditSheet(w, r, v, register.EventFilter{Org: v.Org}, "Audit trail", "/org/audit")
}

func (s *Server) auditSheet(w http.ResponseWriter, r *http.Request, v register.Viewer, f register.EventFilter, heading, at string) error {
	f.Before, _ = strconv.ParseInt(r.URL.Query().Get("before"), 10, 64)
	f.Before = max(f.Before, 0)
	events, err := s.Register.Audit(r.Context(), v, f)
	if err != nil {
		return err
	}
	t := &table{Caption: "What was done, newest first", Head: []string{"When", "What", "To", "By", "From"}, Empty: "Nothing."}
	for _, e := range events {
		by := cell{Text: string(e.Account)}
		if e.Token != "" {
			by.Soft = "by token " + string(e.Token)
		}
		var more []string
		for _, k := range slices.Sorted(mapKeys(e.Detail)) {
			more = append(more, shownLine(fmt.Sprintf("%s: %v", k, e.Detail[k]), 200))
		}
		t.Rows = append(t.Rows, []cell{text(e.At.UTC().Format("2006-01-02 15:04:05")), {Text: e.Action, List: more}, text(e.Subject), by, text(e.From)})
	}
	sh := sheet{Heading: heading, Sections: []section{{Table: t}}}
	if len(events) == register.MaxPage {
		sh.Sections[0].Links = []link{{Href: at + "?before=" + strconv.FormatInt(events[len(events)-1].ID, 10), Words: "Earlier"}}
	}
	return s.sheetPage(w, r, http.StatusOK, sh)
}
