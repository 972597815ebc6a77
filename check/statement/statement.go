package statement

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/check/pages"
	"github.com/assay-psti/assay/evidence"
	"github.com/assay-psti/assay/page"
)

//go:embed doc.go
var source string

// Check reads statements of compliance.
var Check = &check.Check{
	Name: "statement",
	Doc:  check.Doc(source),
	Observes: []assay.TermID{
		"statement.type", "statement.batch", "statement.manufacturers", "statement.representatives", "statement.by_manufacturer",
		"statement.opinion", "statement.standard_identified", "statement.support_period_stated", "statement.support_end",
		"statement.signatory_function", "statement.dated", "statement.issued",
	},
	NeedsAny: []evidence.Kind{evidence.Pages, evidence.Documents},
	Requires: []*check.Check{pages.Check},
	Run:      run,
}

type reader struct {
	pass    *check.Pass
	product check.Product
	batches []string
	subject assay.Subject
	p       *pages.Page
	whole   bool // what is not found is not there
	err     error
}

func run(_ context.Context, pass *check.Pass) (any, error) {
	saved := check.ResultOf[*pages.Result](pass, pages.Check)
	r := &reader{pass: pass, product: pass.Product()}
	for _, s := range pass.Parts() {
		if s.Kind() == "batch" {
			r.batches = append(r.batches, s.Name())
		}
	}
	for _, b := range saved.Broken {
		pass.Partial(b)
	}
	var all []*pages.Page
	for i := range saved.Pages {
		p := &saved.Pages[i]
		named := p.For(pages.Statement)
		switch {
		case named && p.Doc == nil:
			pass.Partial(p.Title() + ": " + p.Why)
		case p.Doc == nil, p.URL != "" && !named && p.Doc.Limbs.StatementOfCompliance != page.Present:
		case p.URL != "" && !current(saved, p):
		case named || p.Doc.Limbs.StatementOfCompliance == page.Present:
			if r.belongs(p) {
				all = append(all, p)
			}
		}
	}
	for _, p := range all {
		r.p, r.subject = p, assay.Product
		if len(all) > 1 {
			s, err := assay.Part("statement", nameOf(p))
			if err != nil {
				pass.Remark(p.Title() + ": not read: its name makes no name of a statement; rename the file")
				continue
			}
			r.subject = s
		}
		r.read()
	}
	if len(all) == 0 {
		pass.Remark("no statement of compliance for this product was found in what was read")
	}
	return nil, r.err
}

func current(saved *pages.Result, p *pages.Page) bool {
	for _, q := range saved.Standing() {
		if q == p {
			return true
		}
	}
	return false
}

// belongs reports whether the document is one that can be read and speaks of this
// product; if not it says why.
func (r *reader) belongs(p *pages.Page) bool {
	if c, ok := p.Doc.Has(page.NoText); ok {
		r.pass.Partial(p.Title() + ": " + c.Why)
		return false
	}
	if c, ok := p.Doc.Has(page.ThirdParty); ok {
		r.pass.Remark(p.Title() + ": not counted: " + c.Why)
		return false
	}
	if p.Doc.Limbs.StatementOfCompliance != page.Present {
		r.pass.Remark(p.Title() + ": this is not a statement of compliance in the words of Schedule 4, or too little of one")
		return false
	}
	if _, ok := find(p.Doc.Text, append(r.product.Models, r.product.Name)); !ok {
		r.pass.Remark(p.Title() + ": a statement of compliance, but it names none of this product's models nor its name")
		return false
	}
	return true
}

var unfit = regexp.MustCompile(`[^A-Za-z0-9._:@+-]+`)

func nameOf(p *pages.Page) string {
	ref := p.All()
	name := path.Base(ref.Name)
	name = strings.TrimSuffix(name, path.Ext(name))
	if p.URL != "" {
		name = "page-" + path.Base(p.URL)
	}
	name = strings.TrimLeft(unfit.ReplaceAllString(name, "-"), "-._:@+")
	return name[:min(len(name), 100)]
}

func (r *reader) report(term assay.TermID, v assay.Value, note string, at ...assay.Reference) {
	err := r.pass.Report(assay.Observation{Subject: r.subject, Term: term, Value: v, Evidence: at, Note: check.Printable(r.p.Title() + ": " + note)})
	r.err = errors.Join(r.err, err)
}

func (r *reader) remark(format string, args ...any) {
	r.pass.Remark(r.p.Title() + ": " + fmt.Sprintf(format, args...))
}

// item is one item of Schedule 4 as the document has it; nil where it has it not.
func (r *reader) item(id string) *page.Reading {
	var best *page.Reading
	for i := range r.p.Doc.Readings {
		x := &r.p.Doc.Readings[i]
		if x.Term == page.TermStatementItem && x.Value == id && r.p.Shown(page.Span{From: x.From, To: x.To}) && (best == nil || best.Why != "" && x.Why == "") {
			best = x
		}
	}
	return best
}

func (r *reader) at(x *page.Reading) assay.Reference {
	return r.p.At(page.Span{From: x.From, To: x.To})
}

func quote(x *page.Reading) string { return fmt.Sprintf("%q", clip(x.Quote)) }

func clip(s string) string {
	q := []rune(strings.Join(strings.Fields(s), " "))
	if len(q) > 300 {
		q = append(q[:297], []rune("...")...)
	}
	return string(q)
}

// lacking states that an item is not there, where that can be told.
func (r *reader) lacking(term assay.TermID, what string) {
	if !r.whole {
		r.remark("%s was not found in what was read", what)
		return
	}
	r.report(term, assay.Bool(false), what+" was not found; the document was read whole", r.p.All())
}

func (r *reader) read() {
	r.whole = r.p.Blind() == ""
	if !r.whole {
		r.remark("what is not found in it is not taken to be missing: %s", r.p.Blind())
	}
	r.typeAndBatch()
	r.persons()
	r.opinion()
	r.period()
	r.signed()
}

// typeAndBatch is SOC-01. Both are sought as product.yaml writes them.
func (r *reader) typeAndBatch() {
	text := r.p.Doc.Text
	if s, ok := find(text, append(r.product.Models, r.product.Name)); ok && r.item("SOC-01") != nil {
		r.report("statement.type", assay.Bool(true), fmt.Sprintf("it names %q", text[s.From:s.To]), r.p.At(s))
	}
	if s, ok := find(text, r.batches); ok {
		r.report("statement.batch", assay.Bool(true), fmt.Sprintf("it names the batch %q", text[s.From:s.To]), r.p.At(s))
		return
	}
	x := r.item("SOC-01")
	switch {
	case x == nil || x.Why != "":
		r.lacking("statement.batch", "a batch")
	case len(r.batches) > 0:
		r.remark("none of the batches of product.yaml is named in it: %s", quote(x))
	default:
		r.remark("product.yaml lists no batches, so that a person must see whether the right one is named: %s", quote(x))
	}
}

// persons are SOC-02 to SOC-04.
func (r *reader) persons() {
	if x := r.item("SOC-02"); x == nil {
		r.lacking("statement.manufacturers", "the name and postal address of a manufacturer")
	} else if brand := strings.Fields(r.product.Make); len(brand) > 0 && strings.Contains(strings.ToLower(x.Quote), strings.ToLower(brand[0])) {
		r.report("statement.manufacturers", assay.Bool(true), quote(x), r.at(x))
	} else {
		r.remark("a name and an address were found, but not that of the brand; whether each manufacturer is named, a person must see: %s", quote(x))
	}
	if x := r.item("SOC-03"); x != nil {
		r.report("statement.representatives", assay.Bool(true), quote(x), r.at(x))
	}
	if x := r.item("SOC-04"); x != nil {
		r.report("statement.by_manufacturer", assay.Bool(true), quote(x), r.at(x))
	} else {
		r.lacking("statement.by_manufacturer", "that it is prepared by or on behalf of the manufacturer")
	}
}

var (
	schedule1  = regexp.MustCompile(`(?i)schedule\s+1\b|(?:applicable|relevant)\s+security\s+requirements|with\s+(?:the\s+)?security\s+requirements`)
	schedule2  = regexp.MustCompile(`(?i)schedule\s+2\b|deemed|treated\s+as`)
	issueOfStd = regexp.MustCompile(`\(20\d\d-\d\d\)`)
	version    = regexp.MustCompile(`(?i)\bV?\d+\.\d+\.\d+\b`)
)

// opinion is SOC-05 and SOC-06.
func (r *reader) opinion() {
	x := r.item("SOC-05")
	if x != nil {
		var kinds []string
		if schedule1.MatchString(x.Quote) {
			kinds = append(kinds, "schedule_1")
		}
		if schedule2.MatchString(x.Quote) && r.item("SOC-06") != nil {
			kinds = append(kinds, "deemed_by_standard")
		}
		if len(kinds) > 0 {
			r.report("statement.opinion", assay.Set(kinds...), quote(x), r.at(x))
		} else {
			r.remark("it declares compliance; with what, a person must see: %s", quote(x))
		}
	}
	y := r.item("SOC-06")
	switch {
	case y == nil:
	case version.MatchString(y.Quote) && (issueOfStd.MatchString(y.Quote) || dated(y.Quote)):
		r.report("statement.standard_identified", assay.Bool(true), quote(y), r.at(y))
	case x != nil && schedule2.MatchString(x.Quote) && r.whole && !version.MatchString(r.p.Doc.Text):
		r.report("statement.standard_identified", assay.Bool(false), "a standard is named, but no version of it: "+quote(y), r.at(y))
	default:
		r.remark("a standard is named; its version and date of issue were not found beside it: %s", quote(y))
	}
}

func dated(text string) bool {
	for _, d := range page.FindDates(text) {
		if d.Exact() {
			return true
		}
	}
	return false
}

// period is SOC-07.
func (r *reader) period() {
	x := r.item("SOC-07")
	switch {
	case x == nil:
		r.lacking("statement.support_period_stated", "a support period")
		return
	case x.Why != "":
		if r.whole {
			r.report("statement.support_period_stated", assay.Bool(false), "a period is named, but no end date: "+quote(x)+": "+x.Why, r.at(x))
		}
		return
	}
	r.report("statement.support_period_stated", assay.Bool(true), quote(x), r.at(x))
	ends := map[string]bool{}
	for _, e := range r.p.Doc.Support {
		if e.Verdict == page.Present && e.End != nil && e.End.Exact() {
			ends[e.End.String()] = true
		}
	}
	for end := range ends {
		if day, err := assay.ParseDate(end); err == nil && len(ends) == 1 {
			r.report("statement.support_end", assay.Day(day), quote(x), r.at(x))
		}
	}
	if len(ends) != 1 {
		r.remark("which day ends the support period, a person must see: %s", quote(x))
	}
}

// function are words that name what a signatory is.
var function = regexp.MustCompile(`(?i)\b(?:director|manager|officer|head of|president|secretary|engineer|chief|CEO|CTO|CFO|COO|function|position|title)\b`)

// signed is SOC-08 and SOC-09.
func (r *reader) signed() {
	if x := r.item("SOC-08"); x != nil && function.MatchString(x.Quote) {
		r.report("statement.signatory_function", assay.Bool(true), quote(x), r.at(x))
	}
	r.remark("whether it is signed, by whom and where, a person must see")
	x := r.item("SOC-09")
	if x == nil {
		if r.whole && len(page.FindDates(r.p.Doc.Text)) == 0 {
			r.lacking("statement.dated", "a date of issue")
		}
		return
	}
	var days []assay.Date
	for _, d := range page.FindDates(x.Quote) {
		if d.Exact() && d.Precision == page.Day {
			if day, err := assay.ParseDate(d.String()); err == nil {
				days = append(days, day)
			}
		}
	}
	if len(days) == 0 {
		r.remark("it is dated, but not by a day that can be told: %s", quote(x))
		return
	}
	r.report("statement.dated", assay.Bool(true), quote(x), r.at(x))
	if len(days) == 1 {
		r.report("statement.issued", assay.Day(days[0]), quote(x), r.at(x))
	}
}

// find gives the first place at which one of the words stands by itself.
func find(text string, words []string) (page.Span, bool) {
	lower := strings.ToLower(text)
	if len(lower) != len(text) { // a letter whose lower case is longer: places would not fit
		lower = text
	}
	for _, w := range words {
		w = strings.ToLower(strings.TrimSpace(w))
		if utf8.RuneCountInString(w) < 2 {
			continue
		}
		for from := 0; from < len(lower); {
			i := strings.Index(lower[from:], w)
			if i < 0 {
				break
			}
			i += from
			before, _ := utf8.DecodeLastRuneInString(lower[:i])
			after, _ := utf8.DecodeRuneInString(lower[i+len(w):])
			if !inWord(before) && !inWord(after) {
				return page.Span{From: i, To: i + len(w)}, true
			}
			from = i + len(w)
		}
	}
	return page.Span{}, false
}

func inWord(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_')
}
