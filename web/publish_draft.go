package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
	"github.com/assay-psti/assay/sign"
	"github.com/assay-psti/assay/statement"
)

// draftFields are the form of a draft.
func draftFields(d *register.Draft) []field {
	f := &d.Facts
	end, parts := supportText(f.Support)
	kinds := make([]option, 0, len(passwordWords))
	for _, k := range []register.PasswordKind{register.PasswordUndeclared, register.PasswordUnique, register.PasswordByUser, register.PasswordBoth, register.PasswordNone, register.PasswordByLabel} {
		kinds = append(kinds, option{Name: string(k), Words: passwordWords[k], Chosen: k == f.Passwords.Kind})
	}
	var numbers []string
	for _, g := range f.GTINs {
		numbers = append(numbers, g.Short())
	}
	signed := "The .json file that assay statement wrote."
	if len(d.Statement) > 0 {
		signed = fmt.Sprintf("One of %d bytes is kept with the draft. Choose a file only to put another in its place.", len(d.Statement))
	}
	return []field{
		{Name: "statement", Label: "Signed statement of compliance", Hint: signed, Type: "file", Accept: ".json,application/json"},
		{Name: "name", Label: "Product", Hint: "As the statement names it.", Value: f.Name, Required: true, Max: register.MaxLine},
		{Name: "make", Label: "Make", Value: f.Make, Required: true, Max: register.MaxLine},
		{Name: "models", Label: "Models", Hint: "One on each line, as on the product’s label.", Type: "area", Value: strings.Join(f.Models, "\n")},
		{Name: "category", Label: "Kind of product", Hint: "In plain words: “Kettle”, “Video doorbell”.", Value: f.Category, Max: register.MaxLine},
		{Name: "description", Label: "Description", Type: "area", Value: f.Description},
		{Name: "gtins", Label: "Barcode numbers", Hint: "The 8 to 14 digits below the barcode, one on each line.", Type: "area", Value: strings.Join(numbers, "\n")},
		{Name: "support", Label: "Security updates until", Hint: "The last day. Empty: the day that the statement promises. Once published it can only become later.", Type: "date", Value: end},
		{Name: "parts", Label: "Parts with a period of their own", Hint: "One on each line: id | name | last day, such as: app-ios | App for iOS | 2031-12-31", Type: "area", Value: parts},
		{Name: "contact.url", Label: "Page for reporting security problems", Type: "url", Value: f.Contact.URL, Max: register.MaxURL},
		{Name: "contact.email", Label: "Address for reporting security problems", Type: "email", Value: f.Contact.Email, Max: 254},
		{Name: "contact.phone", Label: "Telephone", Value: f.Contact.Phone, Max: register.MaxLine},
		{Name: "contact.policy", Label: "Disclosure policy", Type: "url", Value: f.Contact.Policy, Max: register.MaxURL},
		{Name: "contact.ack", Label: "When a report is acknowledged", Hint: "Such as “within 5 working days”.", Value: f.Contact.Ack, Max: register.MaxLine},
		{Name: "contact.updates", Label: "When the reporter hears of progress", Value: f.Contact.Updates, Max: register.MaxLine},
		{Name: "contact.languages", Label: "Languages", Value: f.Contact.Languages, Max: register.MaxLine},
		{Name: "passwords.kind", Label: "Its passwords", Type: "choice", Options: kinds},
		{Name: "passwords.note", Label: "A note on passwords, in plain words", Value: f.Passwords.Note, Max: register.MaxText},
		{Name: "pages.product", Label: "Product page", Type: "url", Value: f.Pages.Product, Max: register.MaxURL},
		{Name: "pages.support", Label: "Page with the support period", Type: "url", Value: f.Pages.Support, Max: register.MaxURL},
		{Name: "pages.statement", Label: "Page with the statement", Type: "url", Value: f.Pages.Statement, Max: register.MaxURL},
		{Name: "pages.security", Label: "Security page", Type: "url", Value: f.Pages.Security, Max: register.MaxURL},
		{Name: "labels", Label: "Conformance labels", Hint: "One on each line: scheme | level | number | last day", Type: "area", Value: labelText(f.Labels)},
		{Name: "note", Label: "Note on this version", Hint: "For all to read: what is new.", Type: "area", Value: d.Note},
	}
}

func supportText(periods []register.SupportPeriod) (end, parts string) {
	var b strings.Builder
	for _, p := range periods {
		if p.Component == register.WholeProduct {
			end = p.End.String()
			continue
		}
		fmt.Fprintf(&b, "%s | %s | %s\n", p.Component, p.Title, p.End)
	}
	return end, b.String()
}

func labelText(labels []register.Label) string {
	var b strings.Builder
	for _, l := range labels {
		fmt.Fprintf(&b, "%s | %s | %s | %s\n", l.Scheme, l.Level, l.Number, l.Expires)
	}
	return b.String()
}

// columns are the parts of each line of an area that holds something.
func columns(area string, n int) [][]string {
	var out [][]string
	for _, line := range strings.Split(lines(area), "\n") {
		if strings.TrimSpace(line) == "" {
			continue
		}
		c := strings.SplitN(line, "|", n)
		for i := range c {
			c[i] = strings.TrimSpace(c[i])
		}
		for len(c) < n {
			c = append(c, "")
		}
		out = append(out, c)
	}
	return out
}

// readDraft is what the form of a draft says, over what is kept of it.
func readDraft(in *sent, d register.Draft) (register.Draft, register.Faults) {
	var faults register.Faults
	day := func(field, s string) assay.Date {
		if s = strings.TrimSpace(s); s == "" {
			return assay.Date{}
		}
		date, err := assay.ParseDate(s)
		if err != nil {
			faults = append(faults, register.Fault{Field: field, What: fmt.Sprintf("%.40q is no day", s), Do: "write it as 2031-12-31"})
		}
		return date
	}
	from := map[string]assay.Date{} // first days are kept: the form does not ask for them
	for _, p := range d.Facts.Support {
		from[p.Component] = p.From
	}
	get := func(name string) string { return strings.TrimSpace(lines(in.Get(name))) }
	f := register.Facts{
		Name: get("name"), Make: get("make"), Category: get("category"), Description: get("description"),
		Contact:   register.Contact{URL: get("contact.url"), Email: get("contact.email"), Phone: get("contact.phone"), Policy: get("contact.policy"), Ack: get("contact.ack"), Updates: get("contact.updates"), Languages: get("contact.languages")},
		Passwords: register.Passwords{Kind: register.PasswordKind(get("passwords.kind")), Note: get("passwords.note")},
		Pages:     register.Pages{Product: get("pages.product"), Security: get("pages.security"), Support: get("pages.support"), Statement: get("pages.statement")},
	}
	for _, c := range columns(in.Get("models"), 1) {
		f.Models = append(f.Models, c[0])
	}
	for _, c := range columns(in.Get("gtins"), 1) {
		number, err := register.ParseGTIN(c[0])
		if err != nil {
			faults = append(faults, register.Fault{Field: "gtins", What: fmt.Sprintf("%.40q is no barcode number", c[0]), Do: "check its last digit"})
			number = register.GTIN(c[0])
		}
		f.GTINs = append(f.GTINs, number)
	}
	if end := day("support", get("support")); !end.Zero() {
		f.Support = append(f.Support, register.SupportPeriod{Component: register.WholeProduct, From: from[register.WholeProduct], End: end})
	}
	for _, c := range columns(in.Get("parts"), 3) {
		f.Support = append(f.Support, register.SupportPeriod{Component: c[0], Title: c[1], From: from[c[0]], End: day("parts", c[2])})
	}
	for _, c := range columns(in.Get("labels"), 4) {
		f.Labels = append(f.Labels, register.Label{Scheme: c[0], Level: c[1], Number: c[2], Expires: day("labels", c[3])})
	}
	d.Facts, d.Note = f, get("note")
	d.Revision, _ = strconv.Atoi(in.Get("revision"))
	if file := in.file("statement"); file != nil {
		d.Statement = file.Data
	}
	return d, faults
}

// ownDraft is the draft that a request names; an empty one where it names none.
func (s *Server) ownDraft(r *http.Request, v register.Viewer) (register.Draft, error) {
	id := r.PathValue("id")
	if id == "" {
		return register.Draft{Facts: register.Facts{Passwords: register.Passwords{Kind: register.PasswordUndeclared}}}, nil
	}
	return s.Register.Draft(r.Context(), v, register.ProductID(id))
}

func (s *Server) draftPage(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	d, err := s.ownDraft(r, v)
	if err != nil {
		return err
	}
	return s.draftSheet(w, r, d, nil)
}

func (s *Server) draftSheet(w http.ResponseWriter, r *http.Request, d register.Draft, wrong error) error {
	sh := sheet{Heading: "New draft", Lead: "A draft may be unfinished. Only your organisation sees it until you publish it."}
	if d.Product != "" {
		sh.Heading = "Draft: " + d.Facts.Make + " " + d.Facts.Name
	}
	fields := draftFields(&d)
	code := http.StatusOK
	if wrong != nil {
		var err error
		if code, err = blame(&sh, wrong, &fields); err != nil {
			return err
		}
	}
	sh.Sections = []section{{Forms: []form{{Action: r.URL.Path, Button: "Save and look at it", Files: true, Fields: fields, Hidden: []option{{Name: "revision", Words: strconv.Itoa(d.Revision)}}}}}}
	return s.sheetPage(w, r, code, sh)
}

func (s *Server) saveDraft(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	in, err := s.parts(w, r)
	if err != nil {
		return err
	}
	kept, err := s.ownDraft(r, v)
	if err != nil {
		return err
	}
	d, faults := readDraft(in, kept)
	if len(faults) > 0 {
		return s.draftSheet(w, r, d, faults)
	}
	saved, err := s.Register.SaveDraft(r.Context(), v, d)
	if err != nil {
		return s.draftSheet(w, r, d, err)
	}
	http.Redirect(w, r, "/org/drafts/"+string(saved.Product)+"/preview", http.StatusSeeOther)
	return nil
}

// preview shows a draft as the public will see it, with all that stands in the way.
func (s *Server) preview(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	return s.previewSheet(w, r, v, nil)
}

func (s *Server) previewSheet(w http.ResponseWriter, r *http.Request, v register.Viewer, wrong error) error {
	id := register.ProductID(r.PathValue("id"))
	full, faults, err := s.Register.Preview(r.Context(), v, id)
	if err != nil {
		return err
	}
	at := "/org/drafts/" + string(id)
	sh := sheet{Title: "Preview", Kicker: "Preview, seen by your organisation alone", Heading: full.Entry.Make + " " + full.Entry.Name}
	code := http.StatusOK
	switch {
	case wrong != nil:
		if code, err = blame(&sh, wrong); err != nil {
			return err
		}
	case len(faults) > 0:
		if _, err := blame(&sh, faults); err != nil {
			return err
		}
	}
	act := section{}
	if len(faults) == 0 && v.May(register.PublishEntry) {
		act.Text = "Nothing stands in the way. What is published stays in the log for good."
		act.Forms = append(act.Forms, form{Action: at + "/publish", Button: "Publish"})
	} else if len(faults) > 0 {
		act.Text = "It cannot be published yet: see above."
	}
	if v.May(register.EditDrafts) {
		act.Links = append(act.Links, link{Href: at, Words: "Change it"}, link{Href: at + "/statement", Words: "Save the signed statement"})
		act.Forms = append(act.Forms, form{Action: at + "/discard", Button: "Discard this draft", Second: true})
	}
	sh.Sections = []section{act}
	var b bytes.Buffer
	if err := s.pages.byName["product"].ExecuteTemplate(&b, "content", s.productView(full)); err != nil {
		return fmt.Errorf("preview: %w", err)
	}
	// Its heading is this page's heading a second time: one h1 a page. Its ids stay.
	inner := strings.NewReplacer("<h1", "<h2", "</h1>", "</h2>").Replace(b.String())
	sh.Content = template.HTML(inner) //nolint:gosec // made by our own template a line above
	return s.sheetPage(w, r, code, sh)
}

func (s *Server) draftStatement(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	d, err := s.Register.Draft(r.Context(), v, register.ProductID(r.PathValue("id")))
	if err != nil {
		return err
	}
	if len(d.Statement) == 0 {
		return &assay.Problem{Kind: assay.ErrNotFound, What: "the draft has no signed statement yet", Do: "add one on its page"}
	}
	attach(w, r, d.Facts.Make+" "+d.Facts.Name+".json", d.Statement)
	return nil
}

func (s *Server) publishDraft(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	receipt, err := s.Register.PublishDraft(r.Context(), v, register.ProductID(r.PathValue("id")))
	if err != nil {
		return s.previewSheet(w, r, v, err)
	}
	return s.done(w, r, receipt)
}

// done tells of a version that was published.
func (s *Server) done(w http.ResponseWriter, r *http.Request, receipt register.Receipt) error {
	said := fmt.Sprintf("Version %d is published.", receipt.Version)
	if receipt.Pending {
		said = fmt.Sprintf("Version %d is accepted. It is public as soon as the log has it, in seconds.", receipt.Version)
	}
	if len(receipt.Notes) > 0 {
		said = sentence("", strings.Join(receipt.Notes, "; "))
	}
	s.tell(r, said)
	http.Redirect(w, r, "/org/products/"+string(receipt.Product), http.StatusSeeOther)
	return nil
}

func (s *Server) discardDraft(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	if err := s.Register.DiscardDraft(r.Context(), v, register.ProductID(r.PathValue("id"))); err != nil {
		return err
	}
	s.tell(r, "The draft is discarded.")
	http.Redirect(w, r, "/org", http.StatusSeeOther)
	return nil
}

func (s *Server) uploadPage(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	return s.uploadSheet(w, r, nil)
}

func (s *Server) uploadSheet(w http.ResponseWriter, r *http.Request, wrong error) error {
	fields := []field{{Name: "bundle", Label: "Bundle or signed statement", Hint: "The bundle that assay publish makes, or the .json file of assay statement. It becomes a draft that you look at before anybody else does.", Type: "file", Required: true, Accept: ".json,application/json"}}
	sh := sheet{Heading: "Publish a product", Lead: "From a dossier, the quick way is: assay publish DIR --to " + s.BaseURL}
	code := http.StatusOK
	if wrong != nil {
		var err error
		if code, err = blame(&sh, wrong, &fields); err != nil {
			return err
		}
	}
	sh.Sections = []section{
		{Heading: "From a file", Forms: []form{{Action: "/org/upload", Button: "Take it in", Files: true, Fields: fields}}},
		{Heading: "By hand", Links: []link{{Href: "/org/drafts/new", Words: "Fill a draft in"}}},
		{Heading: "Many at once", Links: []link{{Href: "/org/import", Words: "Import a range from CSV"}}},
	}
	return s.sheetPage(w, r, code, sh)
}

func (s *Server) upload(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	in, err := s.parts(w, r)
	if err != nil {
		return err
	}
	file := in.file("bundle")
	if file == nil {
		return s.uploadSheet(w, r, register.Faults{{Field: "bundle", What: "no file was chosen", Do: "choose one"}})
	}
	b, err := readUpload(file.Data)
	if err != nil {
		return s.uploadSheet(w, r, err)
	}
	d, err := s.draftOf(r, v, b)
	if err != nil {
		return s.uploadSheet(w, r, err)
	}
	saved, err := s.Register.SaveDraft(r.Context(), v, d)
	if err != nil {
		return s.uploadSheet(w, r, err)
	}
	http.Redirect(w, r, "/org/drafts/"+string(saved.Product)+"/preview", http.StatusSeeOther)
	return nil
}

// draftOf is a bundle as a draft: of the entry that it names, or of the organisation's
// entry with its make and name, or of a new one. A draft that there is gets replaced.
func (s *Server) draftOf(r *http.Request, v register.Viewer, b *register.Bundle) (register.Draft, error) {
	d := register.Draft{Product: b.Product, Facts: b.Facts, Statement: b.Statement, Note: b.Note}
	if d.Product == "" {
		own, err := s.Register.OwnEntries(r.Context(), v, register.OwnFilter{Text: b.Facts.Name})
		if errors.Is(err, assay.ErrRefused) { // a token that may save drafts, but not read them
			own, err = nil, nil
		}
		if err != nil {
			return d, err
		}
		i := slices.IndexFunc(own, func(e register.Entry) bool {
			return strings.EqualFold(e.Name, b.Facts.Name) && strings.EqualFold(e.Make, b.Facts.Make)
		})
		if i < 0 {
			return d, nil
		}
		d.Product = own[i].ID
	}
	kept, err := s.Register.Draft(r.Context(), v, d.Product)
	if err != nil && !errors.Is(err, assay.ErrNotFound) && !errors.Is(err, assay.ErrRefused) {
		return d, err
	}
	d.Revision = kept.Revision
	return d, nil
}

// readUpload reads a bundle, or makes one of a signed statement. Whether the signature
// holds is looked at when it is previewed and published.
func readUpload(data []byte) (*register.Bundle, error) {
	var form struct {
		Bundle  int    `json:"assay_bundle"`
		Payload string `json:"payload"`
	}
	if err := json.Unmarshal(data, &form); err != nil {
		return nil, register.Faults{{Field: "bundle", What: "is neither a bundle nor a signed statement", Do: "choose the .json file that assay wrote"}}
	}
	if form.Payload == "" {
		b, err := register.ParseBundle(bytes.NewReader(data))
		if err != nil {
			return nil, register.Faults{{Field: "bundle", What: err.Error(), Do: "choose the .json file that assay wrote"}}
		}
		return b, nil
	}
	wrong := register.Faults{{Field: "bundle", What: "is a signed document, but no statement of compliance that can be read", Do: "choose the file that assay statement wrote"}}
	if len(data) > register.MaxStatementBytes {
		return nil, wrong
	}
	e, err := sign.ParseEnvelope(data)
	if err != nil {
		return nil, wrong
	}
	said, err := e.Statement()
	if err != nil || said.PredicateType != statement.PredicateType {
		return nil, wrong
	}
	var p statement.Predicate
	if err := json.Unmarshal(said.Predicate, &p); err != nil {
		return nil, wrong
	}
	f := register.Facts{Name: strings.TrimSpace(p.Content.Product.Name), Make: strings.TrimSpace(p.Content.Product.Make), Passwords: register.Passwords{Kind: register.PasswordUndeclared}}
	for _, t := range p.Content.Product.Types[:min(len(p.Content.Product.Types), register.MaxModels)] {
		f.Models = append(f.Models, strings.TrimSpace(t))
	}
	return &register.Bundle{Format: register.BundleFormat, Facts: f, Statement: data}, nil
}
