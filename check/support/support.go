package support

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/check/pages"
	"github.com/assay-psti/assay/evidence"
	"github.com/assay-psti/assay/page"
)

//go:embed doc.go
var source string

// Check reads what is published about the support period.
var Check = &check.Check{
	Name: "support",
	Doc:  check.Doc(source),
	Observes: []assay.TermID{
		"support.published", "support.end_form", "support.end", "support.english", "support.accessible", "support.request_needed",
		"support.charged", "support.clear", "support.personal_information_asked", "support.shortened", "support.shortening_undone",
		"support.extended", "support.extension_published",
	},
	Needs:    []evidence.Kind{evidence.Pages},
	Requires: []*check.Check{pages.Check},
	Run:      run,
}

type reader struct {
	pass    *check.Pass
	product page.Product
	named   []*pages.Page
	err     error

	standing []*pages.Page // that can be read now
}

// stated is what one page says of this product's period.
type stated struct {
	*pages.Page
	page.SupportAnswer
}

// counts are the ways of matching that say something of this product.
func counts(m page.Match) bool {
	return m == page.MatchListed || m == page.MatchPattern || m == page.MatchSeries || m == page.MatchGeneral
}

// ProductOf is the product as a reader of pages knows it.
func ProductOf(p check.Product) page.Product {
	out := page.Product{Brand: p.Make, Models: p.Models}
	if p.Name != "" {
		out.Names = []string{p.Name}
	}
	return out
}

func run(_ context.Context, pass *check.Pass) (any, error) {
	saved := check.ResultOf[*pages.Result](pass, pages.Check)
	r := &reader{pass: pass, product: ProductOf(pass.Product()), named: saved.Current(pages.Support)}
	for _, b := range saved.Broken {
		pass.Partial(b)
	}
	for _, p := range r.named {
		if p.Doc == nil && !p.Gone() {
			pass.Partial(p.Title() + ": " + p.Why)
		}
	}
	standing := saved.Standing()
	r.standing = standing
	if len(r.named) == 0 && len(standing) == 0 {
		pass.Remark("no saved page is for the support period: name it in product.yaml as pages: support:, then run with --fetch, or save it as support.html in evidence/pages")
		return nil, nil
	}
	found, doubt := r.search(standing)
	var carriers []*pages.Page
	switch {
	case len(found) > 0:
		r.now(found)
		carriers = []*pages.Page{found[0].Page} // one is enough for a reader
	case !doubt:
		r.missing()
	}
	saved.Access(r.named, carriers, pages.Address(pass.Product(), pages.Support)).Report("support", r.report)
	r.history(saved)
	return nil, r.err
}

func (r *reader) report(term assay.TermID, v assay.Value, note string, at ...assay.Reference) {
	err := r.pass.Report(assay.Observation{Subject: assay.Product, Term: term, Value: v, Evidence: at, Note: check.Printable(note)})
	r.err = errors.Join(r.err, err)
}

// search gives what the pages that stand now say of this product, those that are
// named for it first; doubt is set where a person must judge whether one does.
func (r *reader) search(standing []*pages.Page) (found []stated, doubt bool) {
	var rest []stated
	for _, p := range standing {
		if third, ok := p.Doc.Has(page.ThirdParty); ok {
			r.pass.Remark(p.Title() + ": not counted: " + third.Why)
			continue
		}
		a := page.SupportFor(p.Doc, r.product)
		if a.Match == page.MatchVariant {
			doubt = true
			r.pass.Remark(fmt.Sprintf("%s: %s%s", p.Title(), a.Why, quotes(p, a)))
		}
		if !counts(a.Match) || len(a.Entries) == 0 {
			continue
		}
		shown := a.Entries[:0:0]
		for _, e := range a.Entries {
			if p.Shown(e.Span) {
				shown = append(shown, e)
				continue
			}
			doubt = true
			r.pass.Remark(fmt.Sprintf("%s: %q stands in a part that is not shown when the page opens; whether a click shows it, a person must see", p.Title(), clip(p.Doc.Quote(e.Span))))
		}
		if a.Entries = shown; len(shown) == 0 {
			continue
		}
		// A statement for all products counts from the page that is named for it, from the product's own, and from
		// one without a purpose only if it names the product.
		if a.Match == page.MatchGeneral && !p.For(pages.Support) && !p.For(pages.Product) {
			r.pass.Remark(fmt.Sprintf("%s: %s, but this page is not named for this product's support%s", p.Title(), a.Why, quotes(p, a)))
			continue
		}
		if s := (stated{p, a}); p.For(pages.Support) {
			found = append(found, s)
		} else {
			rest = append(rest, s)
		}
	}
	return append(found, rest...), doubt
}

func quotes(p *pages.Page, a page.SupportAnswer) string {
	var b strings.Builder
	for i, e := range a.Entries {
		if i == 3 {
			b.WriteString(" ...")
			break
		}
		fmt.Fprintf(&b, "; %q", clip(p.Doc.Quote(e.Span)))
	}
	return b.String()
}

func clip(s string) string {
	r := []rune(strings.Join(strings.Fields(s), " "))
	if len(r) > 300 {
		r = append(r[:297], []rune("...")...)
	}
	return string(r)
}

// forms are how the wordings that fix no end are called.
var forms = map[page.WordingID]string{
	page.WordingMinimum: "length", page.WordingPurchase: "length", page.WordingLength: "length", page.WordingLaunch: "length",
	page.WordingLifetime: "open", page.WordingAsLongAs: "open", page.WordingUntilEvent: "open",
}

// endOf is how the end is written, and its last day where one is fixed.
func endOf(e page.SupportEntry) (form string, last assay.Date) {
	if e.End == nil {
		if e.Wording == page.WordingLaunch && e.Start != nil && e.Start.Precision == page.Day && e.Start.Exact() {
			return "length_from_date", assay.Date{}
		}
		return forms[e.Wording], assay.Date{}
	}
	d := e.End
	if d.Invalid || d.Ambiguous || d.TwoDigit || d.Vague {
		return "", assay.Date{}
	}
	switch d.Precision {
	case page.Day:
		if day, err := assay.NewDate(d.Year, time.Month(d.Month), d.Day); err == nil {
			return "date", day
		}
	case page.Month:
		if first, err := assay.NewDate(d.Year, time.Month(d.Month), 1); err == nil {
			return "month", assay.DateOf(first.Time().AddDate(0, 1, -1))
		}
	case page.Year:
		return "year", assay.Date{}
	}
	return "", assay.Date{}
}

// now states what the pages that stand now say. Contradictions are shown, not resolved.
func (r *reader) now(found []stated) {
	type said struct {
		form string
		last assay.Date
	}
	var first *said
	agree, listed := true, true
	var at []assay.Reference
	var notes []string
	for _, s := range found {
		for _, e := range s.Entries {
			form, last := endOf(e)
			if form == "" {
				why := page.WordingOf(e.Wording).Why
				if e.End != nil && e.End.Fault() != "" {
					why = e.End.Fault()
				}
				r.pass.Partial(fmt.Sprintf("%s: %q: no end is read from this: %s", s.Title(), clip(s.Doc.Quote(e.Span)), why))
				continue
			}
			this := said{form, last}
			switch {
			case first == nil:
				first = &this
			case *first == this:
			case better(this.form) && !better(first.form):
				// An end date beside a length or a promise: the date is what is published, the rest says less.
				first, at, notes = &this, nil, nil
			case better(first.form) && !better(this.form):
				continue
			case !last.Zero() && last == first.last: // the same end, once by day and once by month
				continue
			default:
				agree = false
			}
			listed = listed && s.Match == page.MatchListed && better(form)
			at = append(at, s.At(e.Span))
			notes = append(notes, fmt.Sprintf("%s: %q", s.Title(), clip(s.Doc.Quote(e.Span))))
		}
	}
	if first == nil {
		return
	}
	if len(at) > 5 {
		at, notes = at[:5], notes[:5]
	}
	note := found[0].SupportAnswer.Why + ": " + strings.Join(notes, "; ")
	if first.form != "open" {
		r.report("support.published", assay.Bool(true), note, at...)
	}
	if !agree {
		r.pass.Partial("what is published contradicts itself, so that no end is stated: " + strings.Join(notes, "; "))
		if listed {
			r.report("support.clear", assay.Bool(false), "different ends are published for this product: "+strings.Join(notes, "; "), at...)
		}
		return
	}
	r.report("support.end_form", assay.Text(first.form), note, at...)
	if !first.last.Zero() {
		r.report("support.end", assay.Day(first.last), note, at...)
	}
}

func better(form string) bool { return form == "date" || form == "month" || form == "year" }

// missing states that no period is published, where that can be told.
func (r *reader) missing() {
	if len(r.named) == 0 {
		r.pass.Remark("no support period of this product was found in what was read; product.yaml names no page for it, so that nothing follows")
		return
	}
	var at []assay.Reference
	why := ""
	for _, p := range r.named {
		if p.Gone() {
			r.pass.Remark("no support period of this product was found: there is no such page any more as the one that is named for it")
			return
		}
		if blind := p.Blind(); blind != "" {
			r.pass.Partial("no support period of this product was found in what was read, and nothing follows from that: " + blind)
			return
		}
		a := page.SupportFor(p.Doc, r.product)
		if elsewhere(p.Doc) {
			r.pass.Remark(p.Title() + ": the period is said to stand elsewhere; fetch or save that page as well")
			return
		}
		if a.Match != page.MatchNothing && len(r.product.Models) == 0 {
			r.pass.Remark(p.Title() + ": " + a.Why + "; product.yaml names no models, so that nothing follows")
			return
		}
		why = a.Why
		at = append(at, p.All())
	}
	r.report("support.published", assay.Bool(false), fmt.Sprintf("%s, the page that is named for it, as it stood on %s: %s", r.named[0].Title(), r.named[0].Day(), why), at...)
}

// elsewhere reports whether the page points to another one for the period.
func elsewhere(d *page.Document) bool {
	for _, x := range d.Readings {
		if x.Term == page.TermSupportWording && (x.Value == string(page.WordingElsewhere) || x.Value == string(page.WordingVersions)) {
			return true
		}
	}
	return false
}
