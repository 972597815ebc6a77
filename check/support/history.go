package support

import (
	"fmt"
	"slices"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/check/pages"
	"github.com/assay-psti/assay/page"
)

// End is an end of the support period as one dated page published it.
type End struct {
	Page  *pages.Page
	Match page.Match
	Form  string // date or month
	Last  assay.Date
	Quote string
	At    assay.Reference
}

// endsOf gives the ends that the dated pages published for the product, by series of
// pages, the oldest first; a page that states none, or more than one, gives none.
func endsOf(saved *pages.Result, product page.Product) map[string][]End {
	out := map[string][]End{}
	for _, purpose := range []string{pages.Support, pages.Product, pages.Security} {
		for _, p := range saved.History(purpose) {
			if p.Doc == nil {
				continue
			}
			if e, ok := EndOn(p, product); ok && !slices.ContainsFunc(out[p.Series()], func(f End) bool { return f.Page == p }) {
				out[p.Series()] = append(out[p.Series()], e)
			}
		}
	}
	return out
}

// EndOn is the end that a page states for the product; false where it states none,
// or more than one.
func EndOn(p *pages.Page, product page.Product) (End, bool) {
	a := page.SupportFor(p.Doc, product)
	if !counts(a.Match) {
		return End{}, false
	}
	var out End
	for _, e := range a.Entries {
		form, last := endOf(e)
		if last.Zero() {
			continue
		}
		if !p.Shown(e.Span) || !out.Last.Zero() && out.Last != last {
			return End{}, false
		}
		out = End{p, a.Match, form, last, clip(p.Doc.Quote(e.Span)), p.At(e.Span)}
	}
	return out, !out.Last.Zero()
}

// Shorter reports whether b ends before a. Where one gives but the month, a
// difference within that month is none.
func Shorter(a, b End) bool {
	if a.Form == "month" || b.Form == "month" {
		return b.Last.String()[:7] < a.Last.String()[:7]
	}
	return b.Last.Before(a.Last)
}

// history compares what the dated copies of each page published.
func (r *reader) history(saved *pages.Result) {
	all := endsOf(saved, r.product)
	var series []string
	for s := range all {
		series = append(series, s)
	}
	slices.Sort(series)
	for _, s := range series {
		r.changes(all[s])
	}
}

// changes states what became of the period over one series of pages. Only what
// was said in the same way is compared: a statement for all products that gives
// way to a table is left to a person.
func (r *reader) changes(ends []End) {
	var longest, cut, by End // the longest so far; what was cut, and by what
	for _, e := range ends {
		switch {
		case longest.Page == nil:
			longest = e
		case e.Match != longest.Match:
			r.pass.Remark(fmt.Sprintf("%s said %q from %s and %s says %q from %s: not said in the same way, so that a person must compare them", longest.Page.Title(), longest.Quote, longest.Page.Day(), e.Page.Title(), e.Quote, e.Page.Day()))
		case Shorter(longest, e):
			if cut.Page == nil {
				cut, by = longest, e
			}
		case Shorter(e, longest):
			longest = e
		}
	}
	if len(ends) < 2 {
		return
	}
	first, last := ends[0], ends[len(ends)-1]
	if cut.Page != nil {
		note := fmt.Sprintf("on %s it read %q; from %s it read %q", cut.Page.Day(), cut.Quote, by.Page.Day(), by.Quote)
		r.report("support.shortened", assay.Bool(true), note, cut.At, by.At)
		undone := last.Match == longest.Match && !Shorter(longest, last)
		note = fmt.Sprintf("the longest read %q; since %s it reads %q", longest.Quote, last.Page.Day(), last.Quote)
		r.report("support.shortening_undone", assay.Bool(undone), note, longest.At, last.At)
	}
	if first.Match == last.Match && Shorter(last, first) {
		note := fmt.Sprintf("on %s it read %q; from %s it reads %q", first.Page.Day(), first.Quote, last.Page.Day(), last.Quote)
		r.report("support.extended", assay.Bool(true), note, first.At, last.At)
		if slices.Contains(r.standing, last.Page) {
			r.report("support.extension_published", assay.Bool(true), note, last.At)
		}
	}
}
