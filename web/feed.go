package web

import (
	"bytes"
	"encoding/xml"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

// atomFeed is a feed as RFC 4287 has it, with what we use of it.
type atomFeed struct {
	XMLName xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	Lang    string      `xml:"xml:lang,attr"`
	ID      string      `xml:"id"`
	Title   string      `xml:"title"`
	Updated string      `xml:"updated"`
	Author  string      `xml:"author>name"`
	Links   []atomLink  `xml:"link"`
	Entries []atomEntry `xml:"entry"`
}

type atomLink struct {
	Rel  string `xml:"rel,attr"`
	Href string `xml:"href,attr"`
	Type string `xml:"type,attr,omitempty"`
}

type atomEntry struct {
	ID      string   `xml:"id"`
	Title   string   `xml:"title"`
	Updated string   `xml:"updated"`
	Link    atomLink `xml:"link"`
	Summary string   `xml:"summary"`
}

const feedEntries = 50

// feed sends the newest changes of a target, which must be public.
func (s *Server) feed(w http.ResponseWriter, r *http.Request, title, self, page string, t register.Target) error {
	changes, err := s.Register.Feed(r.Context(), register.Public, register.ChangeFilter{Target: t, Newest: true, Limit: feedEntries})
	if err != nil {
		return err
	}
	f := atomFeed{
		Lang: "en-GB", ID: s.BaseURL + self, Title: title, Author: s.Title, Updated: "1970-01-01T00:00:00Z", // a feed must have a time; without entries there is none
		Links: []atomLink{{"self", s.BaseURL + self, "application/atom+xml"}, {"alternate", s.BaseURL + page, "text/html"}},
	}
	var newest time.Time
	for _, c := range changes {
		if c.At.After(newest) {
			newest = c.At
			f.Updated = newest.UTC().Format(time.RFC3339)
		}
		f.Entries = append(f.Entries, atomEntry{
			ID: s.BaseURL + "/p/" + c.Entry.Slug + "#leaf-" + strconv.FormatUint(c.Leaf, 10), Title: c.Entry.Make + " " + c.Entry.Name + ": " + c.Kind.Words(),
			Updated: c.At.UTC().Format(time.RFC3339), Link: atomLink{"alternate", s.BaseURL + "/p/" + c.Entry.Slug, "text/html"}, Summary: summary(c),
		})
	}
	var b bytes.Buffer
	b.WriteString(xml.Header)
	if err := xml.NewEncoder(&b).Encode(f); err != nil {
		return err
	}
	return s.send(w, r, file{Type: "application/atom+xml; charset=utf-8", Data: b.Bytes(), Changed: newest})
}

// summary says what a change was, in a line.
func summary(c register.Change) string {
	parts := []string{upper(c.Kind.Words()) + " on " + assay.DateOf(c.At).Words() + "."}
	for _, f := range c.Fields {
		parts = append(parts, upper(f.Field)+": "+clip(300, f.New)+" (before: "+orNothing(clip(300, f.Old))+").")
	}
	if c.Note != "" {
		parts = append(parts, c.Note)
	}
	return strings.Join(parts, " ")
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

func (s *Server) changesFeed(w http.ResponseWriter, r *http.Request) error {
	return s.feed(w, r, s.Title+": all changes", "/changes.atom", "/", register.Target{})
}

func (s *Server) productFeed(w http.ResponseWriter, r *http.Request, slug string) error {
	full, err := s.Register.Product(r.Context(), register.Public, slug)
	if err != nil {
		return err
	}
	at := "/p/" + full.Entry.Slug
	return s.feed(w, r, full.Entry.Make+" "+full.Entry.Name, at+".atom", at, register.Target{Kind: register.FollowProduct, Key: string(full.Entry.ID)})
}

func (s *Server) makerFeed(w http.ResponseWriter, r *http.Request, slug string) error {
	m, err := s.Register.Manufacturer(r.Context(), register.Public, slug, register.Query{Limit: 1})
	if err != nil {
		return err
	}
	at := "/m/" + url.PathEscape(slug)
	return s.feed(w, r, m.Org.Name, at+".atom", at, register.Target{Kind: register.FollowMaker, Key: slug})
}

func (s *Server) categoryFeed(w http.ResponseWriter, r *http.Request, name string) error {
	if err := s.knownCategory(r, name); err != nil {
		return err
	}
	at := "/c/" + url.PathEscape(name)
	return s.feed(w, r, upper(name), at+".atom", at, register.Target{Kind: register.FollowCategory, Key: name})
}

// knownCategory refuses a category that no public entry has.
func (s *Server) knownCategory(r *http.Request, name string) error {
	found, err := s.Register.Search(r.Context(), register.Public, register.Query{Category: name, Withdrawn: true, Limit: 1})
	if err == nil && found.Count == 0 {
		err = &assay.Problem{Kind: assay.ErrNotFound, What: "There is no product of that kind here"}
	}
	return err
}
