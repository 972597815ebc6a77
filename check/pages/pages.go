package pages

import (
	"cmp"
	"context"
	"crypto/sha256"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/evidence"
	"github.com/assay-psti/assay/fetch"
	"github.com/assay-psti/assay/page"
)

//go:embed doc.go
var source string

// Check reads saved pages and documents.
var Check = &check.Check{
	Name:     "pages",
	Doc:      check.Doc(source),
	NeedsAny: []evidence.Kind{evidence.Pages, evidence.Documents},
	Result:   reflect.TypeFor[*Result](),
	Run:      run,
}

// Purposes that a page may have besides those that product.yaml names.
const (
	Product     = "product"
	Security    = "security"
	Support     = "support"
	Statement   = "statement"
	SecurityTxt = "security.txt"
	Policy      = "policy"   // to which a security.txt leads
	Document    = "document" // evidence of kind documents, without another purpose
)

// Page is one page or document as it stood from one time to another.
type Page struct {
	Purposes []string
	URL      string         // "" of a file saved by hand
	From, To time.Time      // first and last time that it is known to have stood so; zero where that is not known
	Status   int            // of the answer; 0 of a file saved by hand
	Doc      *page.Document // nil where it could not be read
	Why      string         // why not
	Public   bool           // fetched without cookie or credential
	Cut      bool           // only a part of it was kept
	Led      bool           // its address leads on to the front page of a host, as that of a page that is gone may

	digest [32]byte // of the bytes
	item   evidence.Item
	prefix string // of places
	raw    []byte // of a security.txt
}

// For reports whether the page has the purpose.
func (p *Page) For(purpose string) bool { return slices.Contains(p.Purposes, purpose) }

// Title is what the page is called in notes: its address, else its file.
func (p *Page) Title() string {
	if p.URL != "" {
		return check.Printable(p.URL)
	}
	return p.item.Name
}

// Series names what the page is an instance of over time: its purpose, or the
// file's own name where that says more than purpose and day.
func (p *Page) Series() string {
	if p.URL != "" {
		if len(p.Purposes) > 0 {
			return p.Purposes[0]
		}
		return p.URL
	}
	base := strings.ToLower(p.item.Base())
	base = strings.TrimSuffix(base, path.Ext(base))
	return strings.Trim(dayInName.ReplaceAllString(base, " "), "-_ .")
}

// Day is the day since which it is known to have stood so, in words.
func (p *Page) Day() string {
	if p.From.IsZero() {
		return "an unknown day"
	}
	return assay.DateOf(p.From).Words()
}

// At points at a place in the text.
func (p *Page) At(s page.Span) assay.Reference {
	where := fmt.Sprintf("text %d-%d", s.From, s.To)
	if n := p.Doc.PageOf(s.From); n > 0 {
		where = fmt.Sprintf("page %d, %s", n, where)
	}
	return p.item.Reference(p.prefix + where)
}

// All points at the page as a whole.
func (p *Page) All() assay.Reference {
	return p.item.Reference(p.prefix + "the whole of it")
}

// Raw is the bytes of a security.txt; nil of any other page.
func (p *Page) Raw() []byte { return p.raw }

// Shown reports whether the text at the place is shown when the page opens, or
// after a fold is opened.
func (p *Page) Shown(s page.Span) bool {
	blocks := p.Doc.Blocks // in order, one after another
	first, _ := slices.BinarySearchFunc(blocks, s.From, func(b page.Block, at int) int { return cmp.Compare(b.To, at+1) })
	for _, b := range blocks[first:] {
		if b.From >= s.To {
			break
		}
		if b.Hidden&page.NotShown != 0 {
			return false
		}
	}
	return true
}

// blinds are the conditions under which not finding something says nothing, the
// most telling first.
var blinds = []page.ConditionKind{page.LoginWall, page.PaymentWall, page.IdentityWall, page.ConsentWall, page.NotFoundPage, page.NeedsScript, page.Protected,
	page.NoText, page.NotEnglish, page.ThirdParty, page.Truncated, page.BrokenEncoding, page.ShortText}

// Gone reports whether the host answers that there is no such page.
func (p *Page) Gone() bool { return p.Status == 404 || p.Status == 410 }

// Blind says why what was not found on the page may be there all the same; ""
// where it was read whole.
func (p *Page) Blind() string {
	switch {
	case p.Doc == nil:
		return p.Why
	case p.Cut:
		return "only a part of it was kept"
	case p.Led:
		return "its address only leads on to the front page of the host"
	}
	for _, kind := range blinds {
		if c, ok := p.Doc.Has(kind); ok {
			return c.Why
		}
	}
	return ""
}

// Result is what others read.
type Result struct {
	Pages  []Page   // by first purpose, then time, then name
	Broken []string // evidence that could not be read, one line each
}

// Current are the pages that stand now, for one purpose: the newest where they
// have days, else all.
func (r *Result) Current(purpose string) []*Page {
	var out []*Page
	var last time.Time
	newest := map[string]time.Time{} // by address
	for i := range r.Pages {
		if p := &r.Pages[i]; p.For(purpose) {
			out = append(out, p)
			if p.To.After(last) {
				last = p.To
			}
			if p.To.After(newest[p.URL]) {
				newest[p.URL] = p.To
			}
		}
	}
	day := assay.DateOf(last)
	return slices.DeleteFunc(out, func(p *Page) bool {
		return !last.IsZero() && (p.To.IsZero() || assay.DateOf(p.To) != day || p.URL != "" && !p.To.Equal(newest[p.URL]))
	})
}

// History is all that stood on dated pages for one purpose, the oldest first.
func (r *Result) History(purpose string) []*Page {
	var out []*Page
	for i := range r.Pages {
		if p := &r.Pages[i]; p.For(purpose) && !p.From.IsZero() {
			out = append(out, p)
		}
	}
	slices.SortStableFunc(out, func(a, b *Page) int { return a.From.Compare(b.From) })
	return out
}

// Bounds.
const (
	maxPages = 2000
	maxBytes = 64 << 20 // of one page
)

type reader struct {
	ctx  context.Context // of one pass
	pass *check.Pass
	out  *Result
	docs map[[32]byte]*page.Document
	full bool // there are more pages than are read
}

func run(ctx context.Context, pass *check.Pass) (any, error) {
	r := &reader{ctx: ctx, pass: pass, out: &Result{}, docs: map[[32]byte]*page.Document{}}
	var archives []*fetch.Archive
	var of []evidence.Item
	items := slices.Concat(pass.Items(evidence.Pages), pass.Items(evidence.Documents))
	for i, item := range items {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		pass.Progress(int64(i), int64(len(items)), item.Base())
		if item.Folder {
			continue // a page rendered by a browser, or loose parts: read by others
		}
		lower := strings.ToLower(item.Name)
		if !strings.HasSuffix(lower, ".warc") && !strings.HasSuffix(lower, ".warc.gz") {
			if err := r.file(item); err != nil {
				return nil, err
			}
			continue
		}
		a, err := r.archive(item)
		if err != nil {
			r.broken("%s: %v", item.Name, err)
			continue
		}
		for _, fault := range a.Faults {
			r.broken("%s: %s", item.Name, fault)
		}
		archives, of = append(archives, a), append(of, item)
	}
	if err := r.captures(archives, of); err != nil {
		return nil, err
	}
	slices.SortStableFunc(r.out.Pages, func(a, b Page) int {
		if c := strings.Compare(strings.Join(a.Purposes, " "), strings.Join(b.Purposes, " ")); c != 0 {
			return c
		}
		if c := a.From.Compare(b.From); c != 0 {
			return c
		}
		return strings.Compare(a.item.Name+a.prefix, b.item.Name+b.prefix)
	})
	return r.out, nil
}

func (r *reader) broken(format string, args ...any) {
	text := check.Printable(fmt.Sprintf(format, args...))
	r.out.Broken = append(r.out.Broken, text)
	r.pass.Partial(text)
}

func (r *reader) archive(item evidence.Item) (*fetch.Archive, error) {
	in, err := r.pass.Open(item)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return fetch.Read(in, fetch.Limits{})
}

// captures makes pages of what WARC files hold.
func (r *reader) captures(archives []*fetch.Archive, items []evidence.Item) error {
	named := map[*fetch.Exchange]bool{}
	type series struct {
		url      string
		purposes []string
	}
	var all []series
	add := func(url, purpose string) {
		for i := range all {
			if fetch.Same(all[i].url, url) {
				if !slices.Contains(all[i].purposes, purpose) {
					all[i].purposes = append(all[i].purposes, purpose)
				}
				return
			}
		}
		all = append(all, series{url, []string{purpose}})
	}
	hosts := map[string]bool{}
	for _, p := range r.pass.Product().Pages {
		add(p.URL, p.Purpose)
		hosts[origin(p.URL)] = true
	}
	for origin := range hosts {
		for _, place := range []string{"/.well-known/security.txt", "/security.txt"} {
			add(origin+place, SecurityTxt)
			cs := fetch.Captures(archives, origin+place)
			if len(cs) == 0 || cs[len(cs)-1].Body == nil || cs[len(cs)-1].Body.Status != 200 {
				continue
			}
			for _, policy := range page.ParseSecurityTxt(cs[len(cs)-1].Body.Body).Policy {
				add(policy, Policy)
			}
		}
	}
	slices.SortFunc(all, func(a, b series) int { return strings.Compare(a.url, b.url) })
	for _, s := range all {
		from := len(r.out.Pages)
		for _, c := range fetch.Captures(archives, s.url) {
			named[c.Seen], named[c.Body] = true, true
			if s.purposes[0] == SecurityTxt && (c.Failure != "" || c.Body.Status != 200) {
				continue // RFC 9116 is advice: a host may have none
			}
			if err := r.capture(c, items[c.Archive], s.url, s.purposes, from); err != nil {
				return err
			}
		}
	}
	for n, a := range archives {
		for i := range a.Exchanges {
			x := &a.Exchanges[i]
			if named[x] || !hosts[origin(x.URL)] || x.Failure != "" || x.Status != 200 || strings.HasSuffix(x.URL, "/robots.txt") {
				continue
			}
			c := fetch.Capture{Hops: []string{x.URL}, Seen: x, Body: x, Archive: n}
			if err := r.capture(c, items[n], x.URL, nil, len(r.out.Pages)); err != nil {
				return err
			}
		}
	}
	return nil
}

// capture adds one capture, or lengthens the time of the one before where nothing changed.
func (r *reader) capture(c fetch.Capture, item evidence.Item, url string, purposes []string, from int) error {
	p := Page{Purposes: purposes, URL: url, From: c.Seen.At, To: c.Seen.At, Public: c.Anonymous(), item: item}
	if c.Body == nil {
		p.Why, p.prefix = c.Failure, fmt.Sprintf("record %d, %s, ", c.Seen.Record, check.Printable(url))
		return r.add(p)
	}
	p.Status, p.Cut = c.Body.Status, c.Body.Cut != ""
	p.Led = len(c.Hops) > 1 && fetch.Same(c.Body.URL, origin(c.Body.URL)+"/") && !fetch.Same(url, origin(url)+"/")
	p.prefix = fmt.Sprintf("record %d, %s, ", c.Body.Record, check.Printable(c.Body.URL))
	if p.Status != 200 {
		p.Why = fmt.Sprintf("the host answers with status %d", p.Status)
		return r.add(p)
	}
	if err := r.ctx.Err(); err != nil || r.full {
		return err
	}
	p.digest = sha256.Sum256(c.Body.Body)
	if last := len(r.out.Pages) - 1; last >= from && r.out.Pages[last].digest == p.digest && r.out.Pages[last].Status == 200 {
		before := &r.out.Pages[last]
		before.To = p.To
		before.Public = before.Public && p.Public
		return nil
	}
	r.read(&p, c.Body.URL, c.Body.Header.Get("Content-Type"), c.Body.Body)
	return r.add(p)
}

func (r *reader) add(p Page) error {
	if len(r.out.Pages) >= maxPages {
		if !r.full {
			r.broken("more than %d pages: the rest is not read; put fewer into the dossier", maxPages)
		}
		r.full = true
		return r.ctx.Err()
	}
	r.out.Pages = append(r.out.Pages, p)
	return r.ctx.Err()
}

// read fills in the document. A reader that breaks off costs the one page.
func (r *reader) read(p *Page, name, contentType string, data []byte) {
	if d, ok := r.docs[p.digest]; ok && d.Source == name {
		p.Doc, p.raw = d, rawOf(d, data)
		return
	}
	defer func() {
		if e := recover(); e != nil {
			p.Doc, p.Why = nil, "it cannot be read: the reader broke off"
			r.broken("%s: %s", p.Title(), p.Why)
		}
	}()
	d, err := page.Read(r.ctx, name, contentType, data, page.Limits{})
	if err != nil {
		p.Why = "it cannot be read: " + check.Printable(err.Error())
		if errors.Is(err, page.ErrUnsupported) {
			p.Why = "it is of no format that is read"
		}
		if len(p.Purposes) > 0 && p.Purposes[0] != Document {
			r.broken("%s: %s", p.Title(), p.Why)
		}
		return
	}
	p.Doc, p.raw = d, rawOf(d, data)
	r.docs[p.digest] = d
}

func rawOf(d *page.Document, data []byte) []byte {
	if d.Kind == page.SecurityTxt {
		return data
	}
	return nil
}

var (
	purposeName = regexp.MustCompile(`^(product|security|support|statement)(?:[-_ .]|$)`)
	dayInName   = regexp.MustCompile(`(?:^|[-_ .])(\d{4}-\d{2}-\d{2})(?:[-_ .]|$)`)
)

// pictures and styles that stand beside a saved page are no pages.
var ignored = []string{".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".ico", ".css", ".js", ".json", ".sig", ".asc", ".pgp", ".gpg", ".zip", ".mp4"}

// file reads a page or document that was saved by hand.
func (r *reader) file(item evidence.Item) error {
	base := strings.ToLower(item.Base())
	if slices.Contains(ignored, path.Ext(base)) {
		return nil
	}
	p := Page{item: item}
	switch m := purposeName.FindStringSubmatch(base); {
	case base == "security.txt":
		p.Purposes = []string{SecurityTxt}
	case m != nil && (item.Kind == evidence.Pages || m[1] == Statement):
		p.Purposes = []string{m[1]}
	case item.Kind == evidence.Documents:
		p.Purposes = []string{Document}
	}
	if m := dayInName.FindStringSubmatch(base); m != nil {
		if d, err := assay.ParseDate(m[1]); err == nil {
			p.From = d.Time()
			p.To = p.From
		}
	}
	in, err := r.pass.Open(item)
	if err != nil {
		return err
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, maxBytes+1))
	if err != nil {
		return fmt.Errorf("%s: %w", item.Name, err)
	}
	if len(data) > maxBytes {
		data, p.Cut = data[:maxBytes], true
	}
	if len(p.Purposes) == 0 {
		r.pass.Remark(item.Name + ": its name says no purpose, so that what it says is not counted; begin it with product, security, support or statement")
	}
	p.digest = sha256.Sum256(data)
	r.read(&p, item.Name, "", data)
	return r.add(p)
}

func origin(address string) string {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return ""
	}
	host, _, _ := strings.Cut(rest, "/")
	host, _, _ = strings.Cut(host, "?")
	return scheme + "://" + host
}
