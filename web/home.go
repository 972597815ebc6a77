package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

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
	Narrow  []filter // further filters, with the address that has them
	Kinds   []filter
	Fault   string          // of a number that is no barcode
	Match   *register.Match // of a barcode number
}

// filter is something that narrows the results, with the address without it, or with it.
type filter struct{ Words, Address string }

func (s *Server) search(w http.ResponseWriter, r *http.Request) error {
	in := r.URL.Query()
	q := register.Query{
		Text: bound(strings.TrimSpace(in.Get("q"))), Category: in.Get("category"), Make: in.Get("make"), Withdrawn: in.Get("withdrawn") == "yes",
		Order: register.Order(in.Get("order")), Cursor: in.Get("after"),
	}
	if in.Get("supported") == "yes" {
		q.SupportedOn = s.today()
	}
	v := searchView{Query: q, Fault: slip(q.Text)}
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
	if err := s.narrow(r, in, &v); err != nil {
		return err
	}
	title := "All products"
	if q.Text != "" {
		title = "“" + q.Text + "”"
	}
	return s.page(w, r, http.StatusOK, "search", frame{Title: title, Query: q.Text, NoIndex: true, NoSearch: true, Content: v})
}

// slip says what is wrong with a number that looks like a barcode and is none.
func slip(text string) string {
	digits := strings.NewReplacer(" ", "", "-", "").Replace(text)
	if len(digits) < 8 || len(digits) > 14 || strings.Trim(digits, "0123456789") != "" {
		return ""
	}
	if _, err := register.ParseGTIN(text); err == nil {
		return ""
	}
	if n := len(digits); n == 8 || n >= 12 {
		return "This looks like a barcode number, but its last digit does not fit the others. Look for a slip: two digits swapped, or one misread."
	}
	return fmt.Sprintf("This looks like a barcode number, but has %d digits. Barcode numbers have 8, 12, 13 or 14.", len(digits))
}

// bound cuts what is searched for to what the register takes.
func bound(text string) string {
	if len(text) > register.MaxQueryBytes {
		text = text[:register.MaxQueryBytes]
	}
	return strings.ToValidUTF8(text, "")
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

// narrow says what narrows the results, and what could.
func (s *Server) narrow(r *http.Request, in url.Values, v *searchView) error {
	toggle := func(name, value, words string) {
		if in.Get(name) == value {
			v.Filters = append(v.Filters, filter{words, without(in, name)})
		} else {
			v.Narrow = append(v.Narrow, filter{words, without(in, name, name, value)})
		}
	}
	for _, f := range []filter{{v.Query.Category, "category"}, {v.Query.Make, "make"}} {
		if f.Words != "" {
			v.Filters = append(v.Filters, filter{f.Words, without(in, f.Address)})
		}
	}
	toggle("supported", "yes", "supported today")
	toggle("order", string(register.BySupport), "longest support first")
	toggle("withdrawn", "yes", "withdrawn ones too")
	if v.Query.Category != "" {
		return nil
	}
	kinds, err := s.Register.Categories(r.Context(), 10)
	if err != nil {
		return err
	}
	for _, k := range kinds {
		v.Kinds = append(v.Kinds, filter{k.Key, without(in, "category", "category", k.Key)})
	}
	return nil
}
