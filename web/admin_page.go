package web

import (
	"iter"
	"maps"
	"net/http"
	"strconv"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

func mapKeys(m map[string]any) iter.Seq[string] { return maps.Keys(m) }

// operatorPage are the organisations, for whoever runs the register. It shows what is
// public of them, and no more: an operator has no right in anybody's organisation.
func (s *Server) operatorPage(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	orgs, err := s.Register.Organisations(r.Context(), v, register.OrgID(r.URL.Query().Get("after")), register.MaxPage)
	if err != nil {
		return err
	}
	t := &table{Caption: "Organisations", Head: []string{"Organisation", "Kind", "Products", "Since"}, Empty: "There are none yet."}
	for _, o := range orgs {
		t.Rows = append(t.Rows, []cell{{Text: o.Name, Soft: string(o.ID)}, text(string(o.Kind)), text(strconv.Itoa(o.Products)), text(assay.DateOf(o.Created).Words())})
	}
	sh := sheet{Heading: "Operator", Sections: []section{
		{Links: []link{{Href: "/operator/accounts", Words: "Accounts"}, {Href: "/operator/audit", Words: "Audit trail of all"}, {Href: "/account/organisation/new", Words: "Make an organisation"}}},
		{Heading: "Organisations", Table: t},
	}}
	if len(orgs) == register.MaxPage {
		sh.Sections[1].Links = []link{{Href: "/operator?after=" + string(orgs[len(orgs)-1].ID), Words: "More"}}
	}
	return s.sheetPage(w, r, http.StatusOK, sh)
}

func (s *Server) operatorAccounts(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	accounts, err := s.Register.Accounts(r.Context(), v, register.AccountID(r.URL.Query().Get("after")), register.MaxPage)
	if err != nil {
		return err
	}
	t := &table{Caption: "Accounts", Head: []string{"Person", "Since", ""}}
	for _, a := range accounts {
		f := form{Action: "/operator/accounts/" + string(a.ID) + "/lock", Inline: true, Second: true, Button: "Close", About: "the account of " + a.Name, Hidden: []option{{Name: "locked", Words: "yes"}}}
		if !a.Locked.IsZero() {
			f.Button, f.Hidden = "Open again", []option{{Name: "locked", Words: "no"}}
		}
		act := cell{Forms: []form{f}}
		if a.ID == v.Account {
			act = cell{Text: "Your own"}
		}
		soft := a.Email
		if a.Operator {
			soft += ", operator"
		}
		t.Rows = append(t.Rows, []cell{{Text: a.Name, Soft: soft}, text(assay.DateOf(a.Created).Words()), act})
	}
	sh := sheet{Heading: "Accounts", Lead: "Closing an account ends its sessions and its tokens at once.", Sections: []section{{Table: t}}}
	if len(accounts) == register.MaxPage {
		sh.Sections[0].Links = []link{{Href: "/operator/accounts?after=" + string(accounts[len(accounts)-1].ID), Words: "More"}}
	}
	return s.sheetPage(w, r, http.StatusOK, sh)
}

func (s *Server) lockAccount(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	if err := s.Register.LockAccount(r.Context(), v, register.AccountID(r.PathValue("id")), r.PostFormValue("locked") == "yes"); err != nil {
		return err
	}
	s.tell(r, "Done.")
	http.Redirect(w, r, "/operator/accounts", http.StatusSeeOther)
	return nil
}

func (s *Server) operatorAudit(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	return s.auditSheet(w, r, v, register.EventFilter{}, "Audit trail of all", "/operator/audit")
}
