package web

import (
	"time"

	"github.com/assay-psti/assay/register"
)

// seenPage is one of the maker's own pages, as it was last seen.
type seenPage struct {
	Title   string // what the entry names it for
	URL     string
	Words   string // what was seen of it, and when
	Quote   string // its own words, where they differ from the entry's
	Trouble bool
}

var pageTitles = map[register.PageRole]string{
	register.PageContact: "Reporting page", register.PagePolicy: "Page on what they do with reports", register.PageSecurity: "Security page",
	register.PageSupport: "Support page", register.PageStatement: "Statement page", register.PageProduct: "Product page",
}

func seenPages(full register.Full) []seenPage {
	var out []seenPage
	for _, p := range full.Pages {
		title := "Page"
		if len(p.Roles) > 0 {
			title = pageTitles[p.Roles[0]]
		}
		out = append(out, seenPage{title, p.URL, p.Words(), p.Quote, p.Found.Trouble()})
	}
	return out
}

// troubleTable is what of an organisation's pages wants attention.
func (s *Server) troubleTable(pages []register.PageTrouble) *table {
	t := &table{Caption: "Pages that published entries name, with which something is wrong", Head: []string{"Product", "Page", "What was seen"}, Empty: "None. Each is looked at from time to time."}
	for _, p := range pages {
		t.Rows = append(t.Rows, []cell{s.ownCell(p.Entry), text(p.URL), {Text: upper(p.Page.Words()), Soft: p.Page.Quote}})
	}
	return t
}

type apiPage struct {
	URL     string   `json:"url"`
	Roles   []string `json:"roles" nullable:"false" doc:"What the entry names it for: contact, policy, security, support, statement, product."`
	Found   string   `json:"found" enum:"there,same,differs,gone,unreachable,closed" doc:"there: it answers, and says nothing that could be held against the entry. same, differs: it says the same support period or contact as the entry, or a shorter one or another. gone: its site says that there is no such page. unreachable: it could not be had for days. closed: its site does not let programs read it. Nothing of this changes the entry."`
	Looked  string   `json:"looked" format:"date-time" doc:"When it was last asked for."`
	Seen    string   `json:"seen,omitempty" format:"date-time" doc:"When it was last there."`
	Since   string   `json:"since,omitempty" format:"date-time" doc:"The first of the failures in a row."`
	Changed string   `json:"changed,omitempty" format:"date-time" doc:"When its words were last seen to have become others."`
	Digest  string   `json:"digest,omitempty" doc:"SHA-256 of its bytes when last seen."`
	Says    string   `json:"says,omitempty" doc:"Where it differs: what it says."`
	Quote   string   `json:"quote,omitempty" doc:"In its own words."`
}

func apiPages(pages []register.SeenPage) []apiPage {
	at := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(time.RFC3339)
	}
	out := make([]apiPage, len(pages))
	for i, p := range pages {
		out[i] = apiPage{URL: p.URL, Roles: []string{}, Found: string(p.Found), Looked: at(p.Looked), Seen: at(p.Seen), Since: at(p.Since), Changed: at(p.Changed), Digest: string(p.Digest), Says: p.Says, Quote: p.Quote}
		for _, r := range p.Roles {
			out[i].Roles = append(out[i].Roles, string(r))
		}
	}
	return out
}
