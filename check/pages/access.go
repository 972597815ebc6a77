package pages

import (
	"fmt"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/fetch"
	"github.com/assay-psti/assay/page"
)

// Finding is a truth value with what shows it.
type Finding struct {
	Value bool
	Note  string
	At    []assay.Reference
}

// Access is what stands, or does not stand, between a reader and what is
// published. A nil field says that it could not be told.
type Access struct {
	English    *Finding
	Request    *Finding // one must ask first
	Charged    *Finding
	Personal   *Finding // one must say who one is
	Accessible *Finding // it can be found and opened
}

// Access tells how what is published can be reached. named are the pages that
// product.yaml names for it, address is where; carriers are the pages on which it
// was found, all of which a reader needs.
func (r *Result) Access(named, carriers []*Page, address string) Access {
	var a Access
	r.english(&a, named, carriers)
	walls(&a, named, carriers)
	r.reach(&a, named, carriers, address)
	return a
}

// Report states what was found in the terms that begin with prefix.
func (a Access) Report(prefix string, report func(term assay.TermID, v assay.Value, note string, at ...assay.Reference)) {
	for _, x := range []struct {
		term string
		f    *Finding
	}{{"english", a.English}, {"request_needed", a.Request}, {"charged", a.Charged}, {"personal_information_asked", a.Personal}, {"accessible", a.Accessible}} {
		if x.f != nil {
			report(assay.TermID(prefix+"."+x.term), assay.Bool(x.f.Value), x.f.Note, x.f.At...)
		}
	}
}

func (r *Result) english(a *Access, named, carriers []*Page) {
	all := &Finding{true, "", nil}
	for _, p := range carriers {
		if p.Doc.Kind == page.SecurityTxt {
			continue // fields and addresses, in no language
		}
		if p.Doc.English != page.Present {
			return
		}
		all.Note = p.Title() + ": the text is in English"
		all.At = append(all.At, p.All())
	}
	if len(all.At) > 0 {
		a.English = all
		return
	}
	f := &Finding{false, "", nil}
	for _, p := range named {
		if p.Doc == nil || p.Cut || p.Doc.English != page.Absent {
			return
		}
		for _, k := range []page.ConditionKind{page.Truncated, page.ConsentWall, page.LoginWall, page.NeedsScript, page.ShortText, page.NotFoundPage, page.BrokenEncoding} {
			if _, ok := p.Doc.Has(k); ok {
				return
			}
		}
		f.Note = p.Title() + ": the page that is named for it is not in English"
		f.At = append(f.At, p.All())
	}
	if len(f.At) > 0 && len(carriers) == 0 {
		a.English = f
	}
}

// walls tells what is asked of a reader. That nothing is asked is shown by a page
// that was fetched as anybody would, and carries what is wanted; that something is,
// by one that carries nothing but the demand.
func walls(a *Access, named, carriers []*Page) {
	free := &Finding{false, "", nil}
	for _, p := range carriers {
		if !p.Public || wall(p) != "" {
			return
		}
		free.Note = fmt.Sprintf("%s: fetched without cookie, log-in or payment, and it can be read", p.Title())
		free.At = append(free.At, p.All())
	}
	if len(carriers) > 0 {
		a.Request, a.Charged, a.Personal = free, free, free
		return
	}
	for _, p := range named {
		if p.Doc == nil {
			continue
		}
		for _, c := range p.Doc.Conditions {
			f := &Finding{true, p.Title() + ": " + check.Printable(c.Why), []assay.Reference{p.All()}}
			switch c.Kind {
			case page.LoginWall:
				a.Personal = f
			case page.PaymentWall:
				a.Charged = f
			case page.IdentityWall:
				a.Request = f
			}
		}
	}
}

func wall(p *Page) page.ConditionKind {
	for _, c := range p.Doc.Conditions {
		switch c.Kind {
		case page.LoginWall, page.PaymentWall, page.IdentityWall, page.ConsentWall:
			return c.Kind
		}
	}
	return ""
}

// reach tells whether another page of the manufacturer leads to the one that is
// named, and whether there is one.
func (r *Result) reach(a *Access, named, carriers []*Page, address string) {
	for _, p := range named {
		if p.Gone() {
			a.Accessible = &Finding{false, fmt.Sprintf("%s: the host answers that there is no such page (status %d)", p.Title(), p.Status), []assay.Reference{p.All()}}
			return
		}
	}
	for _, p := range carriers {
		if !p.Public || wall(p) != "" || p.URL == "" || !fetch.Same(p.URL, address) {
			continue
		}
		for i := range r.Pages {
			from := &r.Pages[i]
			if from == p || from.Doc == nil || from.For(Document) || fetch.Same(from.URL, p.URL) || !r.stands(from) {
				continue
			}
			for _, l := range from.Doc.Links {
				if fetch.Same(l.Target, p.URL) && from.Shown(l.Span) {
					a.Accessible = &Finding{true, fmt.Sprintf("%s leads to %s, which opens and is text", from.Title(), p.Title()), []assay.Reference{from.At(l.Span), p.All()}}
					return
				}
			}
		}
	}
}

// stands reports whether the page stands now, for one of its purposes or, without
// one, as the newest of its address.
func (r *Result) stands(p *Page) bool {
	for _, purpose := range p.Purposes {
		for _, q := range r.Current(purpose) {
			if q == p {
				return true
			}
		}
	}
	if len(p.Purposes) > 0 {
		return false
	}
	if p.URL == "" {
		return false // nothing says whose page it is
	}
	for i := range r.Pages {
		if q := &r.Pages[i]; len(q.Purposes) == 0 && q.URL == p.URL && q.To.After(p.To) {
			return false
		}
	}
	return true
}

// Standing are the pages that stand now and could be read, documents apart.
func (r *Result) Standing() []*Page {
	var out []*Page
	for i := range r.Pages {
		if p := &r.Pages[i]; p.Doc != nil && !p.For(Document) && r.stands(p) {
			out = append(out, p)
		}
	}
	return out
}

// Address is where product.yaml says that the page for a purpose stands; "" where
// it names none.
func Address(p check.Product, purpose string) string {
	for _, n := range p.Pages {
		if n.Purpose == purpose {
			return n.URL
		}
	}
	return ""
}
