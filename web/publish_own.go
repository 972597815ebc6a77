package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

// dashboard is what an organisation wants to know of its entries: what ends, which
// labels lapse, what misses what.
func (s *Server) dashboard(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	d, err := s.Register.Dashboard(r.Context(), v)
	if err != nil {
		return err
	}
	c := d.Counts
	figures := []figure{
		{Value: strconv.Itoa(c.Published), Words: "published", Href: "/org/products?status=published"}, {Value: strconv.Itoa(c.Drafts), Words: "drafts", Href: "#drafts"},
		{Value: strconv.Itoa(c.EndsSoon), Words: "end within a year", Href: "#ending"}, {Value: strconv.Itoa(c.Ended), Words: "ended"}, {Value: strconv.Itoa(c.Withdrawn), Words: "withdrawn", Href: "/org/products?status=withdrawn"},
	}
	if c.Pending > 0 {
		figures = append(figures, figure{Value: strconv.Itoa(c.Pending), Words: "wait for the log"})
	}
	sh := sheet{Heading: d.Org.Name, Kicker: string(d.Org.Kind), Sections: []section{{Figures: figures}}}
	if len(d.Keys) == 0 {
		sh.Sections[0].Text = "There is no key yet with which this organisation signs, so nothing can be published."
	}
	ending := &table{Caption: "Support ends within a year, the soonest first", Head: []string{"Product", "Ends", "Time left"}, Empty: "None."}
	for _, e := range d.Ending {
		ending.Rows = append(ending.Rows, []cell{s.ownCell(e), text(e.SupportEnd.Words()), text(span(s.today(), e.SupportEnd))})
	}
	lapsing := &table{Caption: "Labels that lapse within half a year, or have lapsed", Head: []string{"Product", "Label", "Last day"}, Empty: "None."}
	for _, l := range d.Lapsing {
		lapsing.Rows = append(lapsing.Rows, []cell{s.ownCell(l.Entry), {Text: l.Label.Scheme, Soft: strings.TrimSpace(l.Label.Level + " " + l.Label.Number)}, text(l.Label.Expires.Words())})
	}
	missing := &table{Caption: "What published entries lack or leave open", Head: []string{"Product", "What"}, Empty: "Nothing."}
	for _, m := range d.Missing {
		missing.Rows = append(missing.Rows, []cell{s.ownCell(m.Entry), {List: m.What}})
	}
	drafts := &table{Caption: "Drafts, and what stands in their way", Head: []string{"Draft", "Saved", "Missing"}, Empty: "None."}
	for _, x := range d.Drafts {
		var what []string
		for i, f := range x.Faults {
			if i == 5 {
				what = append(what, fmt.Sprintf("and %d more", len(x.Faults)-i))
				break
			}
			what = append(what, f.Field+" "+f.What)
		}
		ready := cell{List: what}
		if len(what) == 0 {
			ready = cell{Text: "Nothing: it can be published"}
		}
		drafts.Rows = append(drafts.Rows, []cell{{Text: strings.TrimSpace(x.Draft.Facts.Make + " " + x.Draft.Facts.Name), Href: "/org/drafts/" + string(x.Draft.Product) + "/preview"}, text(assay.DateOf(x.Draft.Updated).Words()), ready})
	}
	sh.Sections = append(sh.Sections,
		section{ID: "drafts", Heading: "Drafts", Table: drafts}, section{ID: "ending", Heading: "Ending soon", Table: ending},
		section{ID: "missing", Heading: "Missing", Table: missing}, section{ID: "labels", Heading: "Labels", Table: lapsing})
	if s.Register.Pages != nil {
		sh.Sections = append(sh.Sections, section{ID: "pages", Heading: "Your own pages", Table: s.troubleTable(d.Pages)})
	}
	return s.sheetPage(w, r, http.StatusOK, sh)
}

func (s *Server) ownCell(e register.Entry) cell {
	return cell{Text: e.Make + " " + e.Name, Href: "/org/products/" + string(e.ID)}
}

// ownProducts are all entries of the organisation.
func (s *Server) ownProducts(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	in := r.URL.Query()
	f := register.OwnFilter{Text: strings.TrimSpace(in.Get("q")), Status: register.Status(in.Get("status")), After: register.ProductID(in.Get("after")), Limit: 50}
	entries, err := s.Register.OwnEntries(r.Context(), v, f)
	if err != nil {
		return err
	}
	t := &table{Caption: "Products of this organisation", Head: []string{"Product", "Status", "Support ends"}, Empty: "None."}
	for _, e := range entries {
		end := "no day"
		if !e.SupportEnd.Zero() {
			end = e.SupportEnd.Words()
		}
		t.Rows = append(t.Rows, []cell{s.ownCell(e), text(string(e.Status)), text(end)})
	}
	sh := sheet{Heading: "Products", Sections: []section{{Forms: []form{{Action: "/org/products", GetForm: true, Inline: true, Button: "Show", Fields: []field{
		{Name: "q", Label: "Name or model", Type: "search", Value: f.Text, Max: register.MaxQueryBytes},
		{Name: "status", Label: "Status", Type: "choice", Options: choose(string(f.Status), option{Words: "All"}, option{Name: string(register.Published), Words: "Published"}, option{Name: string(register.Withdrawn), Words: "Withdrawn"}, option{Name: string(register.Unpublished), Words: "Drafts"})},
	}}}, Table: t}}}
	if len(entries) == f.Limit {
		next := url.Values{"q": {f.Text}, "status": {string(f.Status)}, "after": {string(entries[len(entries)-1].ID)}}
		sh.Sections[0].Links = []link{{Href: "/org/products?" + next.Encode(), Words: "More"}}
	}
	return s.sheetPage(w, r, http.StatusOK, sh)
}

func (s *Server) ownProduct(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	return s.ownSheet(w, r, v, nil)
}

// ownSheet is one entry of the organisation, with what may be done to it.
func (s *Server) ownSheet(w http.ResponseWriter, r *http.Request, v register.Viewer, wrong error) error {
	id := register.ProductID(r.PathValue("id"))
	full, err := s.Register.Product(r.Context(), v, string(id))
	if errors.Is(err, assay.ErrNotFound) {
		if _, err := s.Register.Draft(r.Context(), v, id); err != nil {
			return err
		}
		http.Redirect(w, r, "/org/drafts/"+string(id)+"/preview", http.StatusSeeOther)
		return nil
	}
	if err != nil {
		return err
	}
	if full.Entry.Org != v.Org {
		return fmt.Errorf("product %s: %w", id, assay.ErrNotFound)
	}
	e, at := full.Entry, "/org/products/"+string(id)
	sh := sheet{Heading: e.Make + " " + e.Name, Kicker: string(e.Status)}
	var extend []field
	for _, p := range full.Version.Facts.Support {
		extend = append(extend, field{Name: "end-" + p.Component, Label: partTitleOf(p), Hint: "Now until " + p.End.Words() + ".", Type: "date", Value: p.End.String()})
	}
	note := field{Name: "note", Label: "Note", Hint: "For all to read.", Type: "area", Value: lines(r.PostFormValue("note"))}
	extend = append(extend, note)
	reason := []field{{Name: "reason", Label: "Reason", Hint: "Buyers read it. All that was published stays, and says that it was withdrawn.", Type: "area", Required: true, Value: lines(r.PostFormValue("reason"))}}
	code := http.StatusOK
	if wrong != nil {
		for i := range extend {
			if sent, there := r.PostForm[extend[i].Name]; there {
				extend[i].Value = sent[0]
			}
		}
		if code, err = blame(&sh, wrong, &extend, &reason); err != nil {
			return err
		}
	}
	state := section{Links: []link{{Href: "/p/" + e.Slug, Words: "Its public page"}}}
	if full.Pending != nil && *full.Pending > 0 {
		state.Text = plural(int64(*full.Pending), "version waits", "versions wait") + " for the log, and " + map[bool]string{true: "is", false: "are"}[*full.Pending == 1] + " public as soon as it has them."
	}
	t := &table{Caption: "What happened to it", Head: []string{"When", "What", "Note"}, Empty: "Nothing is in the log yet."}
	for _, c := range full.History {
		t.Rows = append(t.Rows, []cell{text(assay.DateOf(c.At).Words()), {Text: string(c.Kind), Soft: fmt.Sprintf("version %d", c.Version)}, text(c.Note)})
	}
	state.Table = t
	sh.Sections = []section{state}
	if v.May(register.EditDrafts) {
		sh.Sections = append(sh.Sections, section{Heading: "New version", Text: "A draft is made from what is published now.", Forms: []form{{Action: at + "/revise", Button: "Begin a new version"}}})
	}
	if v.May(register.PublishEntry) && full.Version.Kind != register.KindWithdrawn {
		sh.Sections = append(sh.Sections,
			section{ID: "extend", Heading: "Extend support", Text: "A published period can only become longer (SI 2023/1007 Sch.1 para 3(6)).", Forms: []form{{Action: at + "/extend", Button: "Extend", Fields: extend}}},
			section{ID: "withdraw", Heading: "Withdraw", Forms: []form{{Action: at + "/withdraw", Button: "Withdraw it", Second: true, Fields: reason}}})
	}
	return s.sheetPage(w, r, code, sh)
}

func partTitleOf(p register.SupportPeriod) string {
	switch {
	case p.Title != "":
		return p.Title
	case p.Component == register.WholeProduct:
		return "The product"
	}
	return p.Component
}

func (s *Server) extend(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	var list []register.Extension
	for name, values := range r.PostForm {
		component, ok := strings.CutPrefix(name, "end-")
		if !ok || len(list) >= register.MaxComponents {
			continue
		}
		end, err := assay.ParseDate(strings.TrimSpace(values[0]))
		if err != nil {
			return s.ownSheet(w, r, v, register.Faults{{Field: name, What: fmt.Sprintf("%.40q is no day", values[0]), Do: "write it as 2031-12-31"}})
		}
		list = append(list, register.Extension{Component: component, End: end})
	}
	receipt, err := s.Register.ExtendSupport(r.Context(), v, register.ProductID(r.PathValue("id")), list, lines(r.PostFormValue("note")))
	if err != nil {
		return s.amendFailed(w, r, v, named(err, list))
	}
	return s.done(w, r, receipt)
}

// named has faults of extensions speak of the fields of the form.
func named(err error, list []register.Extension) error {
	var all register.Faults
	if !errors.As(err, &all) {
		return err
	}
	out := append(register.Faults(nil), all...)
	for i := range out {
		for j, x := range list {
			if strings.HasPrefix(out[i].Field, fmt.Sprintf("extensions[%d]", j)) {
				out[i].Field = "end-" + x.Component
			}
		}
	}
	return out
}

// amendFailed shows the entry again with what was wrong; of an entry that is not the
// organisation's it shows nothing.
func (s *Server) amendFailed(w http.ResponseWriter, r *http.Request, v register.Viewer, err error) error {
	if errors.Is(err, assay.ErrNotFound) {
		return err
	}
	return s.ownSheet(w, r, v, err)
}

func (s *Server) withdraw(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	receipt, err := s.Register.Withdraw(r.Context(), v, register.ProductID(r.PathValue("id")), lines(r.PostFormValue("reason")))
	if err != nil {
		return s.amendFailed(w, r, v, err)
	}
	return s.done(w, r, receipt)
}

// revise begins a draft from the newest version.
func (s *Server) revise(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	id := register.ProductID(r.PathValue("id"))
	if _, err := s.Register.Draft(r.Context(), v, id); err == nil {
		http.Redirect(w, r, "/org/drafts/"+string(id), http.StatusSeeOther)
		return nil
	} else if !errors.Is(err, assay.ErrNotFound) {
		return err
	}
	full, err := s.Register.Product(r.Context(), v, string(id))
	if err != nil {
		return err
	}
	if full.Entry.Org != v.Org {
		return fmt.Errorf("product %s: %w", id, assay.ErrNotFound)
	}
	_, signed, err := s.Register.Record(r.Context(), v, id, full.Version.Number)
	if err != nil {
		return err
	}
	if _, err := s.Register.SaveDraft(r.Context(), v, register.Draft{Product: id, Facts: full.Version.Facts, Statement: signed}); err != nil {
		return err
	}
	http.Redirect(w, r, "/org/drafts/"+string(id), http.StatusSeeOther)
	return nil
}
