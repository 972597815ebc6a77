package invitation

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/browser"
	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/check/pages"
	"github.com/assay-psti/assay/check/support"
	"github.com/assay-psti/assay/evidence"
	"github.com/assay-psti/assay/fetch"
	"github.com/assay-psti/assay/page"
)

//go:embed doc.go
var source string

// Check reads what a browser measured of the page that offers the product.
var Check = &check.Check{
	Name: "invitation",
	Doc:  check.Doc(source),
	Observes: []assay.TermID{
		"invitation.shows_price", "invitation.lets_consumer_buy", "invitation.enables_decision",
		"invitation.period_alongside", "invitation.period_equally_prominent",
	},
	Needs: []evidence.Kind{evidence.Pages},
	Run:   run,
}

// Period is the name of the mark of the support period.
const Period = "support period"

// subject is the page that product.yaml names for the product.
const subject assay.Subject = "invitation/product"

// Bounds of what is read.
const (
	maxRecord = 4 << 20
	maxDOM    = 33 << 20
)

// shown is one rendering of the product's page.
type shown struct {
	item evidence.Item
	browser.Record
	dom []byte
}

func run(ctx context.Context, pass *check.Pass) (any, error) {
	address := pages.Address(pass.Product(), pages.Product)
	var newest *shown
	for _, item := range pass.Items(evidence.Pages) {
		if !item.Folder {
			continue
		}
		s, err := read(pass, item)
		if err != nil {
			pass.Partial(item.Name + ": " + err.Error())
			continue
		}
		if s == nil || !fetch.Same(s.URL, address) {
			continue
		}
		if newest == nil || s.At.After(newest.At) {
			newest = s
		}
	}
	if newest == nil {
		pass.Remark("no rendering of the product's page: run with --fetch --render, where Chromium is installed")
		return nil, nil
	}
	doc, err := page.Read(ctx, newest.Final, "text/html; charset=utf-8", newest.dom, page.Limits{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", newest.item.Name, err)
	}
	return nil, newest.state(pass, doc)
}

// read reads a folder that holds a rendering; nil where it holds something else.
func read(pass *check.Pass, item evidence.Item) (*shown, error) {
	fsys, closer, err := pass.FS(item)
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	data, err := bounded(fsys, browser.RecordFile, maxRecord)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s := &shown{item: item}
	if err := json.Unmarshal(data, &s.Record); err != nil {
		return nil, errors.New(browser.RecordFile + " is not what a browser measured")
	}
	s.dom, err = bounded(fsys, browser.DOMFile, maxDOM)
	return s, err
}

func bounded(fsys fs.FS, name string, max int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, max+1))
	if err == nil && int64(len(data)) > max {
		err = fmt.Errorf("%s is larger than %d bytes", name, max)
	}
	return data, err
}

// mark gives the mark of that name; not found where there is none, or where its
// numbers are none.
func (s *shown) mark(name string) browser.Mark {
	for _, m := range s.Marks {
		if m.Name != name {
			continue
		}
		for _, n := range []float64{m.X, m.Y, m.Width, m.Height, m.Font, m.Weight, m.Contrast} {
			if math.IsNaN(n) || math.IsInf(n, 0) || math.Abs(n) > 1e7 {
				return browser.Mark{}
			}
		}
		return m
	}
	return browser.Mark{}
}

func visible(m browser.Mark) bool { return m.Found && m.Hidden == "" }

func (s *shown) place(marks ...browser.Mark) []assay.Reference {
	var out []assay.Reference
	for _, m := range marks {
		out = append(out, s.item.Reference(check.Printable(fmt.Sprintf("%s, %s at %.0f,%.0f, %.0f by %.0f pixels", browser.OutlinedFile, m.Name, m.X, m.Y, m.Width, m.Height))))
	}
	if len(out) == 0 {
		out = append(out, s.item.Reference(browser.DOMFile))
	}
	return out
}

func (s *shown) state(pass *check.Pass, doc *page.Document) error {
	var failed error
	report := func(term assay.TermID, v bool, note string, at []assay.Reference) {
		err := pass.Report(assay.Observation{Subject: subject, Term: term, Value: assay.Bool(v), Evidence: at, Note: check.Printable(s.URL + ": " + note)})
		failed = errors.Join(failed, err)
	}
	price, buy, traits, period := s.mark("price"), s.mark("buy"), s.mark("characteristics"), s.mark(Period)
	if visible(price) {
		report("invitation.shows_price", true, fmt.Sprintf("the price shows when the page opens: %q", clip(price.Text)), s.place(price))
	}
	if visible(buy) {
		report("invitation.lets_consumer_buy", true, fmt.Sprintf("one can buy: %q", clip(buy.Text)), s.place(buy))
		if visible(price) {
			report("invitation.enables_decision", true, fmt.Sprintf("price and %q", clip(buy.Text)), s.place(price, buy))
		}
	}
	if s.Refused > 0 {
		pass.Remark(fmt.Sprintf("%s: %d requests to other hosts were not made, so that a buyer may see more than was measured", s.URL, s.Refused))
	}
	answer := page.SupportFor(doc, support.ProductOf(pass.Product()))
	// neither states that the period stands neither beside them nor as prominently.
	neither := func(note string, at []assay.Reference) {
		report("invitation.period_alongside", false, note, at)
		report("invitation.period_equally_prominent", false, note, at)
	}
	switch {
	case s.Covered:
		pass.Remark(s.URL + ": something stands in front of the page when it opens, such as a request for consent, so that a person must compare")
	case !visible(traits):
		pass.Remark(s.URL + ": no characteristics were found on the page, so that a person must compare")
	case len(answer.Entries) == 0 && answer.Match == page.MatchNothing:
		if why := s.blind(doc); why != "" {
			pass.Remark(s.URL + ": no support period was found on the page as shown, and nothing follows from that: " + why)
			break
		}
		neither("the page as shown, read whole, has no support period, and no large picture that might hold it", s.place(traits))
	case !period.Found || !named(answer, doc, period):
		pass.Remark(s.URL + ": the support period was not found where it could be measured; a person must look: " + answer.Why)
	case period.Hidden == "inside a fold that is closed":
		neither(fmt.Sprintf("the support period is inside a fold that is closed when the page opens: %q", clip(period.Text)), s.place(traits, period))
	case period.Hidden != "":
		pass.Remark(fmt.Sprintf("%s: the support period %q does not show when the page opens (%s); whether a click shows it, a person must see", s.URL, clip(period.Text), period.Hidden))
	default:
		s.compare(pass, report, traits, period)
	}
	return failed
}

// blind says why a period that was not found may be on the page all the same.
func (s *shown) blind(doc *page.Document) string {
	for _, kind := range []page.ConditionKind{page.ConsentWall, page.LoginWall, page.NeedsScript, page.NotFoundPage, page.NotEnglish, page.ShortText, page.Truncated, page.NoText, page.BrokenEncoding} {
		if c, ok := doc.Has(kind); ok {
			return c.Why
		}
	}
	switch {
	case s.Images > 0:
		return fmt.Sprintf("pictures or frames on it are large enough to hold it (%d)", s.Images)
	case s.Refused > 0:
		return "parts of the page come from other hosts, which were not spoken to"
	}
	return ""
}

// named reports whether the mark is of an end that the page states for this product.
func named(a page.SupportAnswer, doc *page.Document, m browser.Mark) bool {
	return slices.ContainsFunc(a.Entries, func(e page.SupportEntry) bool { return strings.Contains(doc.Quote(e.Span), m.Text) })
}

// lists are the blocks in which one thing stands beside another.
var lists = []string{"ul", "ol", "dl", "table", "tbody"}

func (s *shown) compare(pass *check.Pass, report func(assay.TermID, bool, string, []assay.Reference), traits, period browser.Mark) {
	away := math.Max(0, math.Max(period.Y-(traits.Y+traits.Height), traits.Y-(period.Y+period.Height)))
	note := fmt.Sprintf("support period %q: %.0f pixels high letters of weight %.0f and contrast %.1f; characteristics: %.0f, %.0f and %.1f; %.0f pixels apart, in the same %s",
		clip(period.Text), period.Font, period.Weight, period.Contrast, traits.Font, traits.Weight, traits.Contrast, away, period.Block)
	legible := period.Contrast >= 4.5 && period.Font >= 0.75*traits.Font
	equal := period.Font >= traits.Font && period.Weight >= traits.Weight && period.Contrast > 0 && traits.Contrast > 0 && period.Contrast >= 0.95*traits.Contrast
	beside := slices.Contains(lists, period.Block) && legible && away == 0
	if beside {
		report("invitation.period_alongside", true, note, s.place(traits, period))
	}
	near := s.Window[1] > 0 && away <= float64(s.Window[1])/2
	if equal && near {
		report("invitation.period_equally_prominent", true, note, s.place(traits, period))
	}
	if !beside && !(equal && near) {
		pass.Remark(s.URL + ": a person decides whether it is beside the characteristics, or as prominent: " + note)
	}
}

func clip(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if utf8.RuneCountInString(s) > 120 {
		return string([]rune(s)[:117]) + "..."
	}
	return s
}
