package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/check/pages"
	"github.com/assay-psti/assay/check/support"
	"github.com/assay-psti/assay/dossier"
	"github.com/assay-psti/assay/page"
)

type watchCommand struct {
	Dir          string `arg:"" help:"The dossier's folder."`
	JSON         bool   `name:"json" help:"Machine form on standard output, and nothing else there."`
	Fetch        bool   `help:"First fetch the public pages that product.yaml names, and keep them as evidence."`
	AuthorisedBy string `name:"authorised-by" help:"Who allowed speaking to addresses that are not public; it is recorded." placeholder:"NAME"`
}

// watchSeries is one page over time, the oldest copy first.
type watchSeries struct {
	Name      string      `json:"name"`
	Copies    []watchCopy `json:"copies"`
	Shortened bool        `json:"shortened"` // a later copy gave an earlier end of the support period
}

// watchCopy is a page as it stood from one time to another.
type watchCopy struct {
	From     time.Time  `json:"from"`
	Until    time.Time  `json:"until"` // last seen so
	Source   string     `json:"source"`
	Problem  string     `json:"problem,omitempty"` // why there is nothing to read
	End      assay.Date `json:"support_end,omitzero"`
	EndQuote string     `json:"support_quote,omitempty"`
	Contacts []string   `json:"contacts"`
	Ack      []string   `json:"ack_time"`
	Updates  []string   `json:"status_updates"`
	Items    []string   `json:"statement_items"`
	Changes  []string   `json:"changes"` // from the copy before

	end   support.End
	hasIt bool
	text  string
}

// Run prints the history of what was published, from the kept evidence.
func (c *watchCommand) Run(ctx context.Context, env *environment) error {
	if c.Fetch {
		if err := fetchPages(ctx, env, c.Dir, c.AuthorisedBy, false); err != nil {
			return err
		}
	}
	d, err := dossier.Load(ctx, c.Dir)
	if err != nil {
		return err
	}
	defer d.Close()
	product := productOf(&d.Product)
	pass := check.NewPass(pages.Check, check.Input{Evidence: d.Evidence, Product: product, At: env.now()})
	result, err := pages.Check.Run(ctx, pass)
	if err != nil {
		return err
	}
	saved := result.(*pages.Result)
	series := history(saved, support.ProductOf(product))
	for _, b := range saved.Broken {
		fmt.Fprintln(env.errOut, "assay: "+b)
		env.status = exitError
	}
	if c.JSON {
		return env.json(struct {
			Series []*watchSeries `json:"series"`
		}{series})
	}
	if len(series) == 0 {
		fmt.Fprintln(env.out, "No dated copies of pages are kept: fetch them with --fetch, or save them as support-2026-03-02.html in evidence/pages.")
		return nil
	}
	for i, s := range series {
		if i > 0 {
			fmt.Fprintln(env.out)
		}
		s.text(env.out)
	}
	return nil
}

// history puts the dated copies into series and compares each with the one before.
func history(saved *pages.Result, product page.Product) []*watchSeries {
	byName := map[string]*watchSeries{}
	out := []*watchSeries{}
	var dated []*pages.Page
	for i := range saved.Pages {
		if p := &saved.Pages[i]; !p.From.IsZero() && !p.For(pages.Document) {
			dated = append(dated, p)
		}
	}
	slices.SortStableFunc(dated, func(a, b *pages.Page) int { return a.From.Compare(b.From) })
	for _, p := range dated {
		s := byName[p.Series()]
		if s == nil {
			s = &watchSeries{Name: p.Series(), Copies: []watchCopy{}}
			byName[s.Name] = s
			out = append(out, s)
		}
		s.Copies = append(s.Copies, copyOf(p, product))
	}
	slices.SortFunc(out, func(a, b *watchSeries) int { return cmp.Compare(a.Name, b.Name) })
	for _, s := range out {
		s.compare()
	}
	return out
}

func copyOf(p *pages.Page, product page.Product) watchCopy {
	c := watchCopy{From: p.From, Until: p.To, Source: p.Title(), Problem: p.Why, Contacts: []string{}, Ack: []string{}, Updates: []string{}, Items: []string{}, Changes: []string{}}
	if p.Doc == nil {
		return c
	}
	c.text = p.Doc.Text
	if c.end, c.hasIt = support.EndOn(p, product); c.hasIt {
		c.End, c.EndQuote = c.end.Last, c.end.Quote
	}
	for _, x := range p.Doc.Readings {
		value := strings.TrimSpace(fmt.Sprint(x.Value))
		if x.Verdict != page.Present || value == "" {
			continue
		}
		for _, l := range []struct {
			term string
			to   *[]string
		}{{page.TermContact, &c.Contacts}, {page.TermAck, &c.Ack}, {page.TermStatus, &c.Updates}, {page.TermStatementItem, &c.Items}} {
			if x.Term == l.term && !slices.Contains(*l.to, value) {
				*l.to = append(*l.to, check.Printable(value))
			}
		}
	}
	return c
}

// compare tells what changed from each copy to the next that could be read.
func (s *watchSeries) compare() {
	var before *watchCopy
	var longest support.End
	for i := range s.Copies {
		c := &s.Copies[i]
		if c.Problem != "" {
			c.Changes = append(c.Changes, "not there: "+c.Problem)
			continue
		}
		if before != nil {
			c.Changes = append(c.Changes, differences(before, c)...)
		}
		if c.hasIt {
			if longest.Page != nil && longest.Match == c.end.Match && support.Shorter(longest, c.end) {
				s.Shortened = true
				c.Changes = append(c.Changes, fmt.Sprintf("the support period is shorter than before: it ended on %s", longest.Last.Words()))
			}
			if longest.Page == nil || support.Shorter(c.end, longest) {
				longest = c.end
			}
		}
		before = c
	}
}

func differences(a, b *watchCopy) []string {
	var out []string
	switch {
	case a.hasIt && !b.hasIt:
		out = append(out, "no end of the support period is read any more; before: "+a.End.Words())
	case !a.hasIt && b.hasIt:
		out = append(out, "an end of the support period is published: "+b.End.Words())
	case a.hasIt && support.Shorter(b.end, a.end):
		out = append(out, fmt.Sprintf("the support period is longer: %s in place of %s", b.End.Words(), a.End.Words()))
	}
	for _, l := range []struct {
		what   string
		before []string
		after  []string
	}{{"contact", a.Contacts, b.Contacts}, {"time to acknowledgement", a.Ack, b.Ack}, {"status updates", a.Updates, b.Updates}, {"statement item", a.Items, b.Items}} {
		for _, v := range l.before {
			if !slices.Contains(l.after, v) {
				out = append(out, l.what+" gone: "+v)
			}
		}
		for _, v := range l.after {
			if !slices.Contains(l.before, v) {
				out = append(out, l.what+" new: "+v)
			}
		}
	}
	if len(out) == 0 && a.text != b.text {
		out = append(out, "the text changed, but nothing of what is looked for")
	}
	return out
}

// text prints a series for people.
func (s *watchSeries) text(out io.Writer) {
	fmt.Fprintln(out, check.Printable(s.Name))
	changed := false
	for _, c := range s.Copies {
		line := "no end of the support period is read"
		switch {
		case c.Problem != "":
			line = c.Problem
		case c.hasIt:
			line = "security updates until " + c.End.Words()
		}
		fmt.Fprintf(out, "  %s  %s\n", assay.DateOf(c.From), check.Printable(line))
		if c.EndQuote != "" {
			fmt.Fprintf(out, "              %s\n", quoted(c.EndQuote))
		}
		for _, change := range c.Changes {
			changed = true
			fmt.Fprintf(out, "              %s\n", check.Printable(change))
		}
	}
	last := s.Copies[len(s.Copies)-1]
	fmt.Fprintf(out, "  last seen so on %s: %s\n", assay.DateOf(last.Until).Words(), last.Source)
	if !changed {
		fmt.Fprintln(out, "  in what is kept, nothing has changed")
	}
}
