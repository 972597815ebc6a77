package web

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

// listView is a page of products that have something in common.
type listView struct {
	Heading  string
	Results  register.Results
	Rows     []row
	Next     string
	First    string // address of the first page, where this is a further one
	Feed     string
	Calendar string
	Orders   []choice
	Follow   followView
	Org      *register.Organisation // of a maker
	Keys     []register.Key
	Changes  []register.Change
}

// choice is one of several ways to see a page.
type choice struct {
	Words, Address string
	Now            bool
}

func orders(base string, now register.Order) []choice {
	return []choice{
		{"longest support first", base + "?order=support", now == register.BySupport},
		{"newest first", base + "?order=newest", now == register.ByNewest},
	}
}

func listQuery(r *http.Request) register.Query {
	q := register.Query{Order: register.Order(r.FormValue("order")), Cursor: r.FormValue("after"), Limit: 20}
	if q.Order == register.ByRelevance {
		q.Order = register.BySupport
	}
	return q
}

// finish fills in what all lists have alike.
func (s *Server) finish(v *listView, base string, q register.Query) {
	v.Rows = s.rows(v.Results.Entries)
	v.Feed, v.Orders = base+".atom", orders(base, q.Order)
	if !v.Results.More {
		v.Calendar = base + ".ics"
	}
	if v.Results.Next != "" {
		v.Next = base + "?" + url.Values{"order": {string(q.Order)}, "after": {v.Results.Next}}.Encode()
	}
	if q.Cursor != "" {
		v.First = base + "?order=" + url.QueryEscape(string(q.Order))
	}
}

func (s *Server) maker(w http.ResponseWriter, r *http.Request) error {
	slug, form := cutForm(r.PathValue("slug"))
	switch form {
	case ".atom":
		return s.makerFeed(w, r, slug)
	case ".ics":
		return s.makerCalendar(w, r, slug)
	case ".txt":
		return s.nothing(w, r)
	}
	q := listQuery(r)
	m, err := s.Register.Manufacturer(r.Context(), s.viewer(r), slug, q)
	if err != nil {
		return err
	}
	v := listView{
		Heading: m.Org.Name, Results: m.Results, Org: &m.Org, Keys: m.Keys, Changes: m.Changes[:min(len(m.Changes), 6)],
		Follow: followView{Kind: register.FollowMaker, Key: slug, Name: m.Org.Name},
	}
	s.finish(&v, "/m/"+url.PathEscape(slug), q)
	return s.page(w, r, http.StatusOK, "maker", frame{Title: m.Org.Name, Feed: v.Feed, NoIndex: q.Cursor != "", Content: v})
}

func (s *Server) category(w http.ResponseWriter, r *http.Request) error {
	name, form := cutForm(r.PathValue("category"))
	switch form {
	case ".atom":
		return s.categoryFeed(w, r, name)
	case ".ics":
		return s.categoryCalendar(w, r, name)
	case ".txt":
		return s.nothing(w, r)
	}
	if folded := register.Fold(name); folded != name {
		http.Redirect(w, r, "/c/"+url.PathEscape(folded), http.StatusMovedPermanently)
		return nil
	}
	q := listQuery(r)
	q.Category = name
	results, err := s.Register.Search(r.Context(), s.viewer(r), q)
	if err != nil {
		return err
	}
	if results.Count == 0 && q.Cursor == "" {
		return fmt.Errorf("kind of product %.60q: %w", name, assay.ErrNotFound)
	}
	v := listView{Heading: upper(name), Results: results, Follow: followView{Kind: register.FollowCategory, Key: name, Name: name}}
	s.finish(&v, "/c/"+url.PathEscape(name), q)
	return s.page(w, r, http.StatusOK, "category", frame{Title: upper(name), Feed: v.Feed, NoIndex: q.Cursor != "", Content: v})
}
