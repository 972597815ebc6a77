package web

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

type homeView struct {
	Total      int
	Categories []register.Tally
	Makes      []register.Tally
	Newest     []row
	Log        register.LogState
}

func (s *Server) home(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	var v homeView
	var err error
	if v.Total, err = s.Register.Total(ctx); err != nil {
		return err
	}
	if v.Categories, err = s.Register.Categories(ctx, 18); err != nil {
		return err
	}
	if v.Makes, err = s.Register.Makes(ctx, 18); err != nil {
		return err
	}
	newest, err := s.Register.Search(ctx, s.viewer(r), register.Query{Order: register.ByNewest, Limit: 5})
	if err != nil {
		return err
	}
	v.Newest = s.rows(newest.Entries)
	if v.Log, err = s.Register.LogState(ctx); err != nil {
		return err
	}
	return s.page(w, r, http.StatusOK, "home", frame{Title: "Is it still supported?", NoSearch: true, Content: v})
}

type searchView struct {
	Query   register.Query
	Results register.Results
	Rows    []row
	Titles  string // what the results are of, in words
	Next    string // address of the next page
	Filters []filter
	Match   *register.Match // of a barcode number
}

// filter is something that narrows the results, with the address without it.
type filter struct{ Words, Without string }

func (s *Server) search(w http.ResponseWriter, r *http.Request) error {
	in := r.URL.Query()
	q := register.Query{
		Text: strings.TrimSpace(in.Get("q")), Category: in.Get("category"), Make: in.Get("make"), Withdrawn: in.Get("withdrawn") == "yes",
		Order: register.Order(in.Get("order")), Cursor: in.Get("after"),
	}
	if in.Get("supported") == "yes" {
		q.SupportedOn = s.today()
	}
	v := searchView{Query: q}
	// A barcode number goes straight to its product.
	if number, err := register.ParseGTIN(q.Text); err == nil {
		matches, err := s.Register.Lookup(r.Context(), s.viewer(r), []string{string(number)})
		if err != nil {
			return err
		}
		if len(matches[0].Entries) == 1 {
			http.Redirect(w, r, "/p/"+matches[0].Entries[0].Slug, http.StatusSeeOther)
			return nil
		}
		v.Match = &matches[0]
		v.Rows = s.rows(matches[0].Entries)
		v.Results = register.Results{Entries: matches[0].Entries, Count: len(matches[0].Entries)}
	} else {
		results, err := s.Register.Search(r.Context(), s.viewer(r), q)
		if err != nil {
			return err
		}
		v.Results, v.Rows = results, s.rows(results.Entries)
		if results.Next != "" {
			v.Next = without(in, "after", "after", results.Next)
		}
	}
	for name, words := range map[string]string{"category": q.Category, "make": q.Make} {
		if words != "" {
			v.Filters = append(v.Filters, filter{words, without(in, name)})
		}
	}
	title := "All products"
	if q.Text != "" {
		title = "“" + q.Text + "”"
	}
	return s.page(w, r, http.StatusOK, "search", frame{Title: title, Query: q.Text, NoIndex: true, NoSearch: true, Content: v})
}

// without is the address of the search without one parameter, and with others.
func without(in url.Values, name string, with ...string) string {
	out := url.Values{}
	for k, v := range in {
		if k != name && k != "after" && len(v) > 0 && v[0] != "" {
			out.Set(k, v[0])
		}
	}
	for i := 0; i+1 < len(with); i += 2 {
		out.Set(with[i], with[i+1])
	}
	return "/search?" + out.Encode()
}

type productView struct {
	register.Full
	Support   support
	Parts     []part
	Passwords string // in plain words
	Contact   register.Contact
	Claims    []register.Claim
	Similar   []row
	Own       bool // the claim is the manufacturer's own word only
}

// part is a component with a support period of its own.
type part struct {
	Title   string
	Support support
}

var passwordWords = map[register.PasswordKind]string{
	register.PasswordUnique:     "Every unit has its own password.",
	register.PasswordByUser:     "You set the password before first use.",
	register.PasswordBoth:       "Every unit has its own password, or you set one before first use.",
	register.PasswordNone:       "The product has no passwords.",
	register.PasswordByLabel:    "Taken to comply by a conformance label.",
	register.PasswordUndeclared: "Nothing is said of passwords beside the statement.",
}

func (s *Server) product(w http.ResponseWriter, r *http.Request) error {
	slug := r.PathValue("slug")
	full, err := s.Register.Product(r.Context(), s.viewer(r), slug)
	if err != nil {
		return err
	}
	if full.Entry.Slug != slug { // by its id: the slug is the one address
		http.Redirect(w, r, "/p/"+full.Entry.Slug, http.StatusMovedPermanently)
		return nil
	}
	similar, err := s.Register.Similar(r.Context(), s.viewer(r), full.Entry.ID, 6)
	if err != nil {
		return err
	}
	v := s.productView(full)
	v.Similar = s.rows(similar)
	return s.page(w, r, http.StatusOK, "product", frame{Title: full.Entry.Make + " " + full.Entry.Name, Feed: "/p/" + slug + ".atom", Content: v})
}

func (s *Server) productView(full register.Full) productView {
	facts := &full.Version.Facts
	from := assay.DateOf(full.Version.Published)
	if n := len(full.History); n > 0 {
		from = assay.DateOf(full.History[n-1].At)
	}
	v := productView{Full: full, Passwords: passwordWords[facts.Passwords.Kind], Contact: facts.Contact, Claims: full.Version.Claims, Own: len(full.Assessments) == 0}
	for _, p := range facts.Support {
		if !p.From.Zero() && p.From.Before(from) {
			from = p.From
		}
	}
	v.Support = supportOf(from, full.Entry.SupportEnd, s.today())
	if len(facts.Support) > 1 {
		for _, p := range facts.Support {
			v.Parts = append(v.Parts, part{p.Title, supportOf(p.From, p.End, s.today())})
		}
	}
	return v
}
