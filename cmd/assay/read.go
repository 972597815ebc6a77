package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/fetch"
	"github.com/assay-psti/assay/law"
	"github.com/assay-psti/assay/page"
)

type readCommand struct {
	Sources      []string `arg:"" name:"source" help:"Pages and files: an address (https://...), or a file (HTML, PDF, DOCX, text, Markdown, security.txt, WARC)."`
	JSON         bool     `name:"json" help:"Machine form on standard output, and nothing else there."`
	Product      []string `help:"Model or name of the product whose support period is wanted." placeholder:"MODEL"`
	Make         string   `help:"Its brand." placeholder:"BRAND"`
	AuthorisedBy string   `name:"authorised-by" help:"Who allowed speaking to addresses that are not public; it is recorded." placeholder:"NAME"`
	Keep         string   `help:"Keep what is fetched in this new WARC file." placeholder:"FILE.warc.gz"`
}

// readDocument is one document as the machine form gives it.
type readDocument struct {
	Source       string            `json:"source"`
	Kind         page.Kind         `json:"kind"`
	Title        string            `json:"title,omitempty"`
	Fetched      *time.Time        `json:"fetched,omitempty"`
	Limbs        page.Limbs        `json:"limbs"`
	Observations []readObservation `json:"observations"`
	Limits       []string          `json:"limits"` // what limits the document as evidence
	Support      *readSupport      `json:"support,omitempty"`
	Statement    *readStatement    `json:"statement,omitempty"`

	doc *page.Document
}

type readObservation struct {
	Term    string       `json:"term"`
	Limb    page.Limb    `json:"limb,omitempty"`
	Form    string       `json:"form,omitempty"`
	Value   any          `json:"value"`
	Verdict page.Verdict `json:"verdict"`
	Quote   string       `json:"quote"`
	At      [2]int       `json:"at"` // bytes of the document's text
	Page    int          `json:"page,omitempty"`
	Why     string       `json:"why,omitempty"`
}

// readSupport is what a document says of the product that was asked for.
type readSupport struct {
	Match string   `json:"match"`
	End   string   `json:"end,omitempty"`
	Why   string   `json:"why"`
	Quote []string `json:"quotes"`
}

type readStatement struct {
	Has   []string `json:"has"`
	Lacks []string `json:"lacks"`
}

// Run reads each source and prints what it says.
func (c *readCommand) Run(ctx context.Context, env *environment) error {
	documents := []*readDocument{}
	var keep bytes.Buffer
	w, err := fetch.NewWriter(&keep, fetch.Info{At: env.now(), Software: "assay", AuthorisedBy: c.AuthorisedBy})
	if err != nil {
		return err
	}
	f := fetch.New(fetch.Options{AuthorisedBy: c.AuthorisedBy, Now: env.now}, w, nil)
	asked := false
	for _, source := range c.Sources {
		var found []*readDocument
		var err error
		if isAddress(source) {
			asked = true
			found, err = c.fetched(ctx, f, source, env.now())
		} else {
			found, err = c.file(ctx, source)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			env.fail(fmt.Errorf("%s: %w", check.Printable(source), err), "")
			env.status = exitError
		}
		documents = append(documents, found...)
	}
	if c.Keep != "" && asked {
		if err := writeNew(c.Keep, keep.Bytes()); err != nil {
			return err
		}
	}
	if c.JSON {
		return env.json(struct {
			Documents []*readDocument `json:"documents"`
		}{documents})
	}
	for i, d := range documents {
		if i > 0 {
			fmt.Fprintln(env.out)
		}
		d.text(env.out)
	}
	return nil
}

func isAddress(source string) bool {
	lower := strings.ToLower(source)
	return strings.HasPrefix(lower, "https://") || strings.HasPrefix(lower, "http://")
}

// fetched reads a page from where it is published.
func (c *readCommand) fetched(ctx context.Context, f *fetch.Fetcher, source string, at time.Time) ([]*readDocument, error) {
	got, err := f.Get(ctx, source)
	switch {
	case err != nil:
		return nil, err
	case got.Failure != "":
		return nil, errors.New(got.Failure)
	case got.Status != 200:
		return nil, fmt.Errorf("the host answers with status %d, so that there is no page to read", got.Status)
	}
	d, err := c.read(ctx, got.Hops[len(got.Hops)-1], got.Header.Get("Content-Type"), got.Body, at)
	if err != nil {
		return nil, err
	}
	d.Source = source
	d.Fetched = &at
	if got.Cut {
		d.Limits = append(d.Limits, fmt.Sprintf("only the first %d bytes were fetched", len(got.Body)))
	}
	return []*readDocument{d}, nil
}

// maxReadBytes bounds a file that is read.
const maxReadBytes = 256 << 20

func (c *readCommand) file(ctx context.Context, name string) ([]*readDocument, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, errors.New("there is no such file; give a file, or an address that begins with https://")
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("is not a file")
	}
	in, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	lower := strings.ToLower(name)
	if strings.HasSuffix(lower, ".warc") || strings.HasSuffix(lower, ".warc.gz") {
		return c.archive(ctx, name, in)
	}
	data, err := io.ReadAll(io.LimitReader(in, maxReadBytes+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxReadBytes {
		return nil, fmt.Errorf("is larger than %d bytes, which is the most that is read", maxReadBytes)
	}
	d, err := c.read(ctx, filepath.ToSlash(name), "", data, info.ModTime())
	if err != nil {
		return nil, err
	}
	return []*readDocument{d}, nil
}

// archive reads every page that a WARC file holds.
func (c *readCommand) archive(ctx context.Context, name string, in io.Reader) ([]*readDocument, error) {
	a, err := fetch.Read(in, fetch.Limits{})
	if err != nil {
		return nil, err
	}
	var all []*readDocument
	var failed []error
	for _, fault := range a.Faults {
		failed = append(failed, errors.New(fault))
	}
	for i := range a.Exchanges {
		x := &a.Exchanges[i]
		if x.Failure != "" {
			failed = append(failed, fmt.Errorf("%s: %s", check.Printable(x.URL), x.Failure))
		}
		if x.Status != 200 || x.Failure != "" || strings.HasSuffix(x.URL, "/robots.txt") {
			continue
		}
		d, err := c.read(ctx, x.URL, x.Header.Get("Content-Type"), x.Body, x.At)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", check.Printable(x.URL), err))
			continue
		}
		d.Source, d.Fetched = name+": "+x.URL, &x.At
		all = append(all, d)
	}
	return all, errors.Join(failed...)
}

// read reads one document. at is the moment at which it is taken to stand.
func (c *readCommand) read(ctx context.Context, name, contentType string, data []byte, at time.Time) (*readDocument, error) {
	doc, err := page.Read(ctx, name, contentType, data, page.Limits{})
	if err != nil {
		return nil, err
	}
	d := &readDocument{Source: name, Kind: doc.Kind, Title: doc.Title, Limbs: doc.Limbs, Observations: []readObservation{}, Limits: []string{}, doc: doc}
	for _, r := range doc.Readings {
		d.Observations = append(d.Observations, readObservation{Term: r.Term, Limb: r.Limb, Form: r.Form, Value: r.Value, Verdict: r.Verdict,
			Quote: r.Quote, At: [2]int{r.From, r.To}, Page: doc.PageOf(r.From), Why: r.Why})
	}
	for _, l := range doc.Conditions {
		d.Limits = append(d.Limits, l.Why)
	}
	if doc.Kind == page.SecurityTxt {
		d.Limits = append(d.Limits, securityTxt(data, at)...)
	}
	if len(c.Product) > 0 || c.Make != "" {
		a := page.SupportFor(doc, page.Product{Brand: c.Make, Models: c.Product, Names: c.Product})
		d.Support = &readSupport{Match: string(a.Match), End: a.EndDate(), Why: a.Why, Quote: []string{}}
		for _, e := range a.Entries {
			d.Support.Quote = append(d.Support.Quote, doc.Quote(e.Span))
		}
	}
	d.Statement = statementItems(doc)
	return d, nil
}

// securityTxt says what limits a security.txt as evidence (RFC 9116).
func securityTxt(data []byte, at time.Time) []string {
	f := page.ParseSecurityTxt(data)
	var out []string
	for _, fault := range f.Faults {
		line := fault.What
		if fault.Line > 0 {
			line = fmt.Sprintf("line %d: %s", fault.Line, line)
		}
		out = append(out, line+" (RFC 9116, "+fault.Cite+")")
	}
	if expired, known := f.Expired(at); known && expired {
		out = append(out, "it expired on "+f.Expires.UTC().Format("2 January 2006")+" and no longer holds (RFC 9116, 2.5.5)")
	}
	if !f.Signed {
		out = append(out, "it is not signed, which RFC 9116 only advises")
	}
	return out
}

// statementItems tells which items of Schedule 4 a statement has and lacks; nil
// where the document is none.
func statementItems(doc *page.Document) *readStatement {
	if doc.Limbs.StatementOfCompliance != page.Present {
		return nil
	}
	uk, err := law.Standard().Regime("uk-psti")
	if err != nil {
		return nil
	}
	s := &readStatement{Has: []string{}, Lacks: []string{}}
	for _, item := range uk.Contents {
		if hasItem(doc, item.ID) {
			s.Has = append(s.Has, item.ID)
		} else {
			s.Lacks = append(s.Lacks, item.ID)
		}
	}
	return s
}

func hasItem(doc *page.Document, id string) bool {
	for _, r := range doc.Readings {
		if r.Term == page.TermStatementItem && r.Value == id && r.Verdict == page.Present {
			return true
		}
	}
	return false
}

// limbTitles are the limbs as people call them.
var limbTitles = map[page.Limb]string{
	page.ContactPoint: "Contact for security reports", page.AckTime: "Time to acknowledgement", page.StatusUpdates: "Status updates",
	page.SupportPeriod: "Support period", page.StatementOfCompliance: "Statement of compliance", page.PasswordClaim: "Default passwords",
}

// maxQuotes bounds the quotations shown for one limb.
const maxQuotes = 4

// text prints a document for people.
func (d *readDocument) text(out io.Writer) {
	fmt.Fprintf(out, "%s (%s)\n", check.Printable(d.Source), d.Kind)
	var missing []string
	for _, limb := range page.AllLimbs() {
		verdict := d.Limbs.Of(limb)
		if verdict == page.Absent {
			missing = append(missing, strings.ToLower(limbTitles[limb]))
			continue
		}
		fmt.Fprintf(out, "  %-30s %s\n", limbTitles[limb], verdict)
		shown := 0
		for _, o := range d.Observations {
			if o.Limb != limb || o.Verdict != verdict {
				continue
			}
			if shown++; shown > maxQuotes {
				continue
			}
			what := fmt.Sprint(o.Value)
			if o.Form != "" {
				what = strings.TrimSpace(o.Form + " " + what)
			}
			fmt.Fprintf(out, "    %s\n      %s, at %s\n", check.Printable(cmp.Or(what, "no value")), quoted(o.Quote), o.place())
			if o.Why != "" {
				fmt.Fprintf(out, "      %s\n", o.Why)
			}
		}
		if shown > maxQuotes {
			fmt.Fprintf(out, "    and %d more: --json has them all\n", shown-maxQuotes)
		}
	}
	if s := d.Support; s != nil {
		fmt.Fprintf(out, "  %-30s %s: %s\n", "For this product", cmp.Or(s.End, "no end date"), s.Why)
		for i, q := range s.Quote {
			if i < maxQuotes {
				fmt.Fprintf(out, "      %s\n", quoted(q))
			}
		}
	}
	d.statementText(out)
	if len(missing) > 0 {
		fmt.Fprintf(out, "  Not found in what was read: %s.\n", strings.Join(missing, ", "))
	}
	for _, l := range d.Limits {
		fmt.Fprintf(out, "  Note: %s.\n", check.Printable(strings.TrimSuffix(l, ".")))
	}
}

func (d *readDocument) statementText(out io.Writer) {
	if d.Statement == nil {
		return
	}
	uk, err := law.Standard().Regime("uk-psti")
	if err != nil {
		return
	}
	fmt.Fprintf(out, "  %-30s %d of %d items found\n", "Statement, item by item", len(d.Statement.Has), len(uk.Contents))
	for _, item := range uk.Contents {
		mark, where := "not found", ""
		if hasItem(d.doc, item.ID) {
			mark = "found"
		} else if item.Where != "" {
			where = "; wanted only " + item.Where
		}
		fmt.Fprintf(out, "    %s %-9s %s (%s)%s\n", item.ID, mark, item.Title, item.Cite, where)
	}
}

func (o *readObservation) place() string {
	if o.Page > 0 {
		return fmt.Sprintf("page %d, %d-%d", o.Page, o.At[0], o.At[1])
	}
	return fmt.Sprintf("%d-%d", o.At[0], o.At[1])
}

// quoted is a quotation on one line.
func quoted(s string) string {
	r := []rune(strings.Join(strings.Fields(s), " "))
	if len(r) > 200 {
		r = append(r[:197], []rune("...")...)
	}
	return check.Printable("\"" + string(r) + "\"")
}
