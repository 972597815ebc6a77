package reporting

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/check/pages"
	"github.com/assay-psti/assay/evidence"
	"github.com/assay-psti/assay/fetch"
	"github.com/assay-psti/assay/page"
)

//go:embed doc.go
var source string

// Check reads what is published about reporting security issues.
var Check = &check.Check{
	Name: "reporting",
	Doc:  check.Doc(source),
	Observes: []assay.TermID{
		"reporting.contact_published", "reporting.ack_time_stated", "reporting.ack_time_worded",
		"reporting.updates_time_stated", "reporting.updates_time_worded", "reporting.english", "reporting.accessible",
		"reporting.request_needed", "reporting.charged", "reporting.personal_information_asked",
	},
	Needs:    []evidence.Kind{evidence.Pages},
	Requires: []*check.Check{pages.Check},
	Run:      run,
}

// matter is one thing that is looked for.
type matter struct {
	limb   page.Limb
	what   string
	stated assay.TermID
	worded assay.TermID // in words only; "" where there is no such thing
	term   string       // of the readings that carry it
}

var matters = []matter{
	{page.ContactPoint, "a point of contact for security reports", "reporting.contact_published", "", page.TermContact},
	{page.AckTime, "a time until a report is acknowledged", "reporting.ack_time_stated", "reporting.ack_time_worded", page.TermAck},
	{page.StatusUpdates, "a time or interval of status updates", "reporting.updates_time_stated", "reporting.updates_time_worded", page.TermStatus},
}

type reporter struct {
	pass  *check.Pass
	named []*pages.Page // the page named for it, as it stands now
	all   []*pages.Page // these, and the others that count

	void     map[*pages.Page]bool // a security.txt whose signature does not hold
	carriers []*pages.Page        // of which something was read
	err      error
}

func run(_ context.Context, pass *check.Pass) (any, error) {
	saved := check.ResultOf[*pages.Result](pass, pages.Check)
	r := &reporter{pass: pass, void: map[*pages.Page]bool{}, named: saved.Current(pages.Security)}
	r.all = append(r.all, r.named...)
	txt := saved.Current(pages.SecurityTxt)
	r.all = append(append(r.all, txt...), saved.Current(pages.Policy)...)
	for _, p := range saved.Standing() {
		if !own(p) && slices.ContainsFunc(p.Doc.Readings, addressed) {
			r.all = append(r.all, p)
		}
	}
	for _, b := range saved.Broken {
		pass.Partial(b)
	}
	if len(r.all) == 0 {
		pass.Remark("no saved page is for reporting security issues: name it in product.yaml as pages: security:, then run with --fetch, or save it as security.html in evidence/pages")
		return nil, nil
	}
	r.unread()
	r.securityTxt(txt)
	for _, m := range matters {
		r.matter(m)
	}
	saved.Access(r.named, r.carriers, pages.Address(pass.Product(), pages.Security)).Report("reporting", r.report)
	return nil, r.err
}

func (r *reporter) report(term assay.TermID, v assay.Value, note string, at ...assay.Reference) {
	err := r.pass.Report(assay.Observation{Subject: assay.Product, Term: term, Value: v, Evidence: at, Note: check.Printable(note)})
	r.err = errors.Join(r.err, err)
}

// unread says which pages could not be read, or not whole.
func (r *reporter) unread() {
	for _, p := range r.named {
		if p.Doc == nil && !p.Gone() {
			r.pass.Partial(p.Title() + ": " + p.Why)
		}
	}
}

// securityTxt says what is wrong with a security.txt. One that has expired counts for nothing.
func (r *reporter) securityTxt(txt []*pages.Page) {
	for _, p := range txt {
		if p.Raw() == nil {
			if p.Doc != nil {
				r.pass.Remark(p.Title() + ": this is not a security.txt as RFC 9116 has it")
			}
			continue
		}
		f := page.ParseSecurityTxt(p.Raw())
		for _, fault := range f.Faults {
			where := p.Title()
			if fault.Line > 0 {
				where += fmt.Sprintf(": line %d", fault.Line)
			}
			r.pass.Remark(fmt.Sprintf("%s: %s (RFC 9116, %s)", where, fault.What, fault.Cite))
		}
		if r.expired(p) {
			r.pass.Remark(fmt.Sprintf("%s: it expired on %s, so that its contact is not counted (RFC 9116, 2.5.5)", p.Title(), f.Expires.UTC().Format("2 January 2006")))
		}
		if f.Signed {
			r.pass.Remark(p.Title() + ": " + r.signature(f, p))
		}
	}
}

// maxKey bounds an OpenPGP key that is read.
const maxKey = 1 << 20

// signature says what became of the signature of a security.txt under the keys
// that stand beside the pages. One that holds under none of them voids the file.
func (r *reporter) signature(f *page.SecurityFile, p *pages.Page) string {
	keys := 0
	for _, item := range r.pass.Items(evidence.Pages) {
		ext := strings.ToLower(path.Ext(item.Name))
		if item.Folder || ext != ".asc" && ext != ".pgp" && ext != ".gpg" || item.Size > maxKey {
			continue
		}
		in, err := r.pass.Open(item)
		if err != nil {
			continue
		}
		key, err := io.ReadAll(io.LimitReader(in, maxKey))
		in.Close()
		if err != nil {
			continue
		}
		keys++
		if print, err := f.Verify(key, r.pass.Now()); err == nil {
			return "its signature holds under the key " + print + " in " + item.Name
		}
	}
	if keys == 0 {
		return "it carries a signature, which was not verified: no key (.asc) stands beside the pages"
	}
	r.void[p] = true
	return fmt.Sprintf("its signature holds under none of the %d keys beside the pages, so that it is not counted", keys)
}

// expired reports whether a security.txt counts no more.
func (r *reporter) expired(p *pages.Page) bool {
	if p.Raw() == nil {
		return false
	}
	if r.void[p] {
		return true
	}
	expired, known := page.ParseSecurityTxt(p.Raw()).Expired(r.pass.Now())
	return expired && known
}

// matter states whether one thing is published: it is where a page that counts
// has it, it is not where the page named for it was read whole and has it not.
func (r *reporter) matter(m matter) {
	var unclear []found
	hidden := false
	for _, p := range r.all {
		if p.Doc == nil || r.expired(p) {
			continue
		}
		if third, ok := p.Doc.Has(page.ThirdParty); ok {
			r.pass.Remark(p.Title() + ": not counted: " + third.Why)
			continue
		}
		for _, x := range p.Doc.Readings {
			if x.Limb != m.limb || m.limb == page.ContactPoint && !addressed(x) && (!own(p) || r.itself(p, x)) {
				continue
			}
			f := found{p, x}
			if !p.Shown(f.span()) {
				r.pass.Remark(fmt.Sprintf("%s: %q stands in a part that is not shown when the page opens; whether a click shows it, a person must see", p.Title(), clip(x.Quote)))
				hidden = true
				continue
			}
			switch x.Verdict {
			case page.Present:
				note := f.note()
				if x.Why != "" {
					note += " (" + x.Why + ")"
				}
				r.report(m.stated, assay.Bool(true), note, p.At(f.span()))
				if !slices.Contains(r.carriers, p) {
					r.carriers = append(r.carriers, p)
				}
				return
			case page.Unclear:
				unclear = append(unclear, f)
			}
		}
	}
	if !hidden {
		r.missing(m, unclear)
	}
}

// own reports whether the page is there for reports.
func own(p *pages.Page) bool {
	return !p.Led && (p.For(pages.Security) || p.For(pages.SecurityTxt) || p.For(pages.Policy))
}

// itself reports whether a contact is but a link to the page on which it stands.
func (r *reporter) itself(p *pages.Page, x page.Reading) bool {
	to, _ := x.Value.(string)
	return fetch.Same(to, p.URL) || p.For(pages.Security) && fetch.Same(to, pages.Address(r.pass.Product(), pages.Security))
}

// addressed reports whether a reading is a contact in itself. On a page that is not
// named for it, a link to report an issue only leads to the page that is.
func addressed(x page.Reading) bool {
	return x.Limb == page.ContactPoint && x.Verdict == page.Present && (x.Form == "mail" || x.Form == "phone")
}

// found is a reading and where it stands.
type found struct {
	*pages.Page
	page.Reading
}

func (f found) span() page.Span { return page.Span{From: f.Reading.From, To: f.Reading.To} }

func (f found) note() string {
	what := strings.TrimSpace(f.Form + " " + fmt.Sprint(f.Value))
	return fmt.Sprintf("%s: %s: \"%s\"", f.Title(), what, clip(f.Quote))
}

func clip(s string) string {
	r := []rune(strings.Join(strings.Fields(s), " "))
	if len(r) > 400 {
		r = append(r[:397], []rune("...")...)
	}
	return string(r)
}

// missing states that a thing is not published, where that can be told.
func (r *reporter) missing(m matter, unclear []found) {
	for _, f := range unclear {
		r.pass.Remark(fmt.Sprintf("%s: not %s: %q: %s", f.Title(), m.what, clip(f.Quote), f.Reading.Why))
	}
	if len(r.named) == 0 {
		r.pass.Remark("no " + strings.TrimPrefix(m.what, "a ") + " was found in what was read; product.yaml names no page for it, so that nothing follows")
		return
	}
	var at []assay.Reference
	for _, p := range r.named {
		if p.Gone() {
			r.pass.Remark(m.what + " was not found: there is no such page any more as the one that is named for it")
			return
		}
		if why := p.Blind(); why != "" {
			r.pass.Partial(fmt.Sprintf("%s was not found in what was read, and nothing follows from that: %s", m.what, why))
			return
		}
		at = append(at, p.All())
	}
	for _, f := range unclear {
		at = append(at, f.At(f.span()))
		if strings.HasPrefix(f.Reading.Why, "the time can be read") || strings.HasPrefix(f.Reading.Why, "the interval can be read") {
			return // a person must say which is meant
		}
		if m.limb == page.ContactPoint {
			// Announced, with its address elsewhere: a form behind a link, say. A person must look.
			return
		}
	}
	r.report(m.stated, assay.Bool(false), fmt.Sprintf("not found in what was read, which is the page that is named for it, whole: %s, as it stood on %s", r.named[0].Title(), r.named[0].Day()), at...)
	if m.worded == "" {
		return
	}
	for _, f := range unclear {
		if f.Term != m.term {
			continue
		}
		for _, t := range page.FindTimes(f.Quote) {
			if t.Vague {
				r.report(m.worded, assay.Bool(true), f.note(), f.At(f.span()))
				return
			}
		}
	}
	if len(unclear) == 0 {
		r.report(m.worded, assay.Bool(false), "nothing is said of it on the page that is named for it: "+r.named[0].Title(), at[0])
	}
}
