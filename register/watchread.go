package register

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/fetch"
	"github.com/assay-psti/assay/page"
)

// Bounds of what is read of a page.
const (
	maxPageBytes = 4 << 20         // that are taken
	maxReadBytes = 2 << 20         // of which words are read
	maxReadTime  = 8 * time.Second // in which they are
	maxQuote     = 240
)

// readPage is what an answer comes to: how the page answered, and its words where they
// can be read.
func readPage(ctx context.Context, got *fetch.Got, at time.Time) (look, *page.Document) {
	l := look{at: at}
	switch {
	case got.Cause != nil:
		if errors.Is(got.Cause, fetch.ErrRobots) {
			l.kind = lookClosed
		}
		return l, nil
	case got.Unchanged:
		l.kind = lookUnchanged
		return l, nil
	case got.Status == http.StatusNotFound || got.Status == http.StatusGone:
		l.kind = lookMissing
		return l, nil
	case got.Status == http.StatusUnauthorized || got.Status == http.StatusForbidden || got.Status == http.StatusUnavailableForLegalReasons:
		l.kind = lookClosed
		return l, nil
	case got.Status != http.StatusOK:
		return l, nil
	}
	l.kind = lookThere
	if got.Cut { // half a page says nothing for certain
		return l, nil
	}
	l.digest = DigestOf(got.Body)
	if len(got.Hops) == 1 { // else they are of another address than the one that is asked for
		l.etag, l.lastModified = bounded(got.Header.Get("ETag")), bounded(got.Header.Get("Last-Modified"))
	}
	name := got.Hops[len(got.Hops)-1]
	ctx, cancel := context.WithTimeout(ctx, maxReadTime)
	defer cancel()
	d, err := page.Read(ctx, name, got.Header.Get("Content-Type"), got.Body, page.Limits{MaxBytes: maxReadBytes, MaxTime: maxReadTime})
	if err != nil { // of a form that is not read, or not in the time
		return l, nil
	}
	l.text = DigestOf([]byte(strings.Join(strings.Fields(d.Text), " ")))
	for _, k := range []page.ConditionKind{page.NotFoundPage, page.ConsentWall, page.LoginWall, page.PaymentWall, page.IdentityWall, page.NeedsScript, page.Truncated, page.Protected, page.BrokenEncoding} {
		if _, has := d.Has(k); has {
			return l, nil
		}
	}
	return l, d
}

func bounded(s string) string {
	if len(s) > MaxLine || !plain(s) {
		return ""
	}
	return s
}

// hold holds what a page says against an entry. Only what is certain counts: a whole
// date for the product by its model or name, an address given for reports of security
// issues. For all else a page is there, and no more is said.
func hold(d *page.Document, raw []byte, roles []PageRole, f *Facts) said {
	out := said{found: PageThere}
	if d == nil {
		return out
	}
	has := func(wanted ...PageRole) bool {
		return slices.ContainsFunc(roles, func(r PageRole) bool { return slices.Contains(wanted, r) })
	}
	if has(PageSupport, PageProduct, PageStatement) {
		out = out.and(holdSupport(d, f))
	}
	if has(PageContact, PagePolicy, PageSecurity) {
		out = out.and(holdContact(d, raw, f))
	}
	return out
}

// and puts two comparisons together: what differs comes first.
func (s said) and(t said) said {
	switch {
	case s.found == PageDiffers && t.found == PageDiffers:
		s.words += "; " + t.words
	case t.found == PageDiffers, s.found == PageThere:
		return t
	}
	return s
}

func holdSupport(d *page.Document, f *Facts) said {
	none := said{found: PageThere}
	whole, there := f.period(WholeProduct)
	if !there || whole.End.Zero() {
		return none
	}
	a := page.SupportFor(d, page.Product{Brand: f.Make, Models: f.Models, Names: []string{f.Name}})
	if a.Match != page.MatchListed || len(a.Entries) == 0 {
		return none
	}
	stated := a.EndDate()
	end, exact := lastDay(stated)
	if exact {
		stated = end.Words()
	}
	switch {
	case end.Zero():
		return none
	case end.Before(whole.End):
		return said{PageDiffers, "security updates until " + stated + "; the entry says " + whole.End.Words(), quoted(d.Quote(a.Entries[0].Span))}
	case end == whole.End:
		return said{found: PageSame}
	}
	return none
}

// lastDay is the last day that a date can mean, stated as far as it is: "2029-12",
// "2029-Q4". Exact is that it names the day.
func lastDay(stated string) (end assay.Date, exact bool) {
	if d, err := assay.ParseDate(stated); err == nil {
		return d, true
	}
	var year, part int
	switch {
	case scan(stated, "%4d-Q%1d", &year, &part) && part >= 1 && part <= 4:
		part *= 3
	case scan(stated, "%4d-%2d", &year, &part) && part >= 1 && part <= 12:
	case scan(stated, "%4d", &year):
		part = 12
	default:
		return assay.Date{}, false
	}
	return assay.DateOf(time.Date(year, time.Month(part)+1, 0, 0, 0, 0, 0, time.UTC)), false
}

func scan(text, form string, into ...any) bool {
	n, err := fmt.Sscanf(text, form, into...)
	return err == nil && n == len(into) && len(text) == map[string]int{"%4d-Q%1d": 7, "%4d-%2d": 7, "%4d": 4}[form]
}

func holdContact(d *page.Document, raw []byte, f *Facts) said {
	none := said{found: PageThere}
	var mails, links []string
	if d.Kind == page.SecurityTxt {
		for _, c := range page.ParseSecurityTxt(raw).Contacts {
			if mail, ok := cutFold(c.Value, "mailto:"); ok {
				mails = append(mails, mail)
			} else {
				links = append(links, c.Value)
			}
		}
	} else {
		for _, r := range d.Readings {
			value, ok := r.Value.(string)
			if ok && r.Limb == page.ContactPoint && r.Verdict == page.Present && r.Form == "mail" {
				mails = append(mails, value)
			}
		}
	}
	mails = slices.DeleteFunc(mails, func(m string) bool { return !Email(m) })
	is := func(wanted string) func(string) bool {
		return func(s string) bool {
			return strings.EqualFold(strings.TrimRight(s, "/"), strings.TrimRight(wanted, "/"))
		}
	}
	switch {
	case f.Contact.Email != "" && slices.ContainsFunc(mails, is(f.Contact.Email)), f.Contact.URL != "" && slices.ContainsFunc(links, is(f.Contact.URL)):
		return said{found: PageSame}
	case f.Contact.Email == "" || len(mails) == 0:
		return none
	}
	slices.Sort(mails)
	mails = slices.Compact(mails)
	return said{found: PageDiffers, words: "reports to " + strings.Join(mails[:min(len(mails), 3)], ", ") + "; the entry names " + f.Contact.Email}
}

func cutFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	rest, _, _ := strings.Cut(s[len(prefix):], "?")
	return rest, true
}

// quoted is a piece of a page as it can stand on another.
func quoted(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "")), " ")
	if len(s) > maxQuote {
		s = strings.ToValidUTF8(s[:maxQuote], "") + "…"
	}
	if !plain(s) {
		return ""
	}
	return s
}
