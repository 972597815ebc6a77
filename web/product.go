package web

import (
	"net/http"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/law"
	"github.com/assay-psti/assay/register"
)

type productView struct {
	register.Full
	Support   support
	Parts     []part
	MoreParts int
	Passwords string // in plain words
	Contact   register.Contact
	Signers   []signer
	Similar   []row
	Own       bool // the claim is the manufacturer's own word only
	Signed    signed
	Assessed  []assessed
	Seen      []seenPage // the maker's own pages
	More      bool       // there is more history than the page shows
	Follow    followView
	Proofs    bool
	Address   string // of the page, in full
}

// part is a component with a support period of its own.
type part struct {
	Title   string
	Support support
}

// signer is who says that a product complies, and with what.
type signer struct {
	By, ByKind string
	On         assay.Date
	Law        string
	Claims     []register.Claim
	Open       []string
}

var passwordWords = map[register.PasswordKind]string{
	register.PasswordUnique:     "Every unit has its own password.",
	register.PasswordByUser:     "You set the password before first use.",
	register.PasswordBoth:       "Every unit has its own password, or you set one before first use.",
	register.PasswordNone:       "The product has no passwords.",
	register.PasswordByLabel:    "Taken to comply by a conformance label.",
	register.PasswordUndeclared: "Nothing is said of passwords beside the statement.",
}

const (
	shownParts   = 8
	shownHistory = 8
)

func (s *Server) product(w http.ResponseWriter, r *http.Request) error {
	slug, form := cutForm(r.PathValue("slug"))
	switch form {
	case ".atom":
		return s.productFeed(w, r, slug)
	case ".ics":
		return s.productCalendar(w, r, slug)
	}
	q := register.PageQuery{Product: slug}
	if form == "" {
		q.Signed, q.Similar = true, 6
	}
	page, err := s.Register.Page(r.Context(), s.viewer(r), q)
	if err != nil {
		return err
	}
	full := page.Full
	if full.Entry.Slug != slug { // by its id: the slug is the one address
		http.Redirect(w, r, "/p/"+full.Entry.Slug+form, http.StatusMovedPermanently)
		return nil
	}
	v := s.productView(full)
	if v.Assessed, err = s.assessments(r, full); err != nil {
		return err
	}
	if form == ".txt" {
		return s.text(w, r, productText(&v))
	}
	v.Similar, v.Signed = s.rows(page.Similar), check(&page)
	return s.page(w, r, http.StatusOK, "product", frame{Title: full.Entry.Make + " " + full.Entry.Name, Feed: "/p/" + slug + ".atom", Content: v})
}

func (s *Server) productView(full register.Full) productView {
	facts := &full.Version.Facts
	v := productView{
		Full: full, Passwords: passwordWords[facts.Passwords.Kind], Contact: facts.Contact, Signers: signers(full.Version.Claims), Own: len(full.Assessments) == 0,
		Proofs: s.Prove != nil, Address: s.BaseURL + "/p/" + full.Entry.Slug, Seen: seenPages(full),
		Follow: followView{Kind: register.FollowProduct, Key: string(full.Entry.ID), Name: full.Entry.Make + " " + full.Entry.Name},
	}
	from := s.begin(full)
	v.Support = supportOf(from, full.Entry.SupportEnd, s.today())
	if full.Entry.Status == register.Withdrawn {
		v.Support.State, v.Support.Words = supportWithdrawn, "As published before the entry was withdrawn"
	}
	if len(facts.Support) > 1 {
		for _, p := range facts.Support[:min(len(facts.Support), shownParts)] {
			v.Parts = append(v.Parts, part{partTitle(p), supportOf(p.From, p.End, s.today())})
		}
		v.MoreParts = len(facts.Support) - len(v.Parts)
	}
	if len(v.History) > shownHistory {
		v.History, v.More = v.History[:shownHistory], true
	}
	return v
}

// begin is the first day of a product's bar: of its supply where that is known, else
// of the first publication.
func (s *Server) begin(full register.Full) assay.Date {
	from := assay.DateOf(full.Version.Published)
	if n := len(full.History); n > 0 {
		from = assay.DateOf(full.History[n-1].At)
	}
	for _, p := range full.Version.Facts.Support {
		if !p.From.Zero() && p.From.Before(from) {
			from = p.From
		}
	}
	return from
}

func partTitle(p register.SupportPeriod) string {
	switch {
	case p.Title != "":
		return p.Title
	case p.Component == register.WholeProduct:
		return "The product"
	}
	return p.Component
}

// signers puts together what the same person says on the same day.
func signers(claims []register.Claim) []signer {
	var out []signer
	for _, c := range claims {
		title := lawTitle(c.Regime)
		if n := len(out); n > 0 && out[n-1].By == c.By && out[n-1].On == c.On && out[n-1].Law == title {
			out[n-1].Claims = append(out[n-1].Claims, c)
			continue
		}
		out = append(out, signer{c.By, c.ByKind, c.On, title, []register.Claim{c}, c.Open})
	}
	return out
}

// lawTitle is what a body of law is called.
func lawTitle(id assay.RegimeID) string {
	if regime, err := law.Standard().Regime(string(id)); err == nil {
		return regime.Title
	}
	return string(id)
}

type historyView struct {
	Entry   register.Entry
	History []register.Change
	Older   uint64 // index before which older ones are; 0: none
	Proofs  bool
}

// history is all that ever happened to an entry, a page at a time.
func (s *Server) history(w http.ResponseWriter, r *http.Request) error {
	full, err := s.Register.Product(r.Context(), s.viewer(r), r.PathValue("slug"))
	if err != nil {
		return err
	}
	const n = 12
	f := register.ChangeFilter{Target: register.Target{Kind: register.FollowProduct, Key: string(full.Entry.ID)}, Newest: true, Limit: n + 1}
	if before := r.FormValue("before"); before != "" {
		if f.Before, err = index(before); err != nil {
			return err
		}
	}
	changes, err := s.Register.Feed(r.Context(), s.viewer(r), f)
	if err != nil {
		return err
	}
	v := historyView{Entry: full.Entry, History: changes, Proofs: s.Prove != nil}
	if len(changes) > n {
		v.History, v.Older = changes[:n], changes[n-1].Leaf
	}
	return s.page(w, r, http.StatusOK, "history", frame{Title: "History of " + full.Entry.Make + " " + full.Entry.Name, Feed: "/p/" + full.Entry.Slug + ".atom", Content: v})
}

type compareView struct {
	Products []productView
	Asked    string // of one product only: its name
}

// compare sets up to four products side by side.
func (s *Server) compare(w http.ResponseWriter, r *http.Request) error {
	var slugs []string
	seen := map[string]bool{}
	for _, p := range r.URL.Query()["p"] {
		if p = strings.TrimSpace(p); p != "" && !seen[p] {
			seen[p] = true
			slugs = append(slugs, p)
		}
	}
	if len(slugs) > register.MaxCompared {
		return &assay.Problem{Kind: assay.ErrInvalid, What: "More than four products were chosen", Do: "Go back and choose up to four."}
	}
	fulls, err := s.Register.Compare(r.Context(), s.viewer(r), slugs)
	if err != nil {
		return err
	}
	var v compareView
	for _, full := range fulls {
		p := s.productView(full)
		if p.Assessed, err = s.assessments(r, full); err != nil {
			return err
		}
		v.Products = append(v.Products, p)
	}
	return s.page(w, r, http.StatusOK, "compare", frame{Title: "Compare products", NoIndex: true, Content: v})
}
