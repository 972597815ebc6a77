package report

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/law"
	"github.com/assay-psti/assay/vocab"
)

// TextOptions say how a report for the terminal looks.
type TextOptions struct {
	Width   int  // columns; 0 means 100
	Colour  bool // ANSI colours for the verdicts
	Verbose bool // every limb, not only those that decide
}

// Text writes the report for a terminal: verdict first, then each requirement
// with what decided it and what is still wanted.
func Text(out io.Writer, d *Document, v *vocab.Vocabulary, opt TextOptions) error {
	if opt.Width <= 0 {
		opt.Width = 100
	}
	t := &text{view: newView(d, v), TextOptions: opt}
	t.write()
	_, err := io.WriteString(out, t.b.String())
	return err
}

type text struct {
	*view
	TextOptions
	b strings.Builder

	noted map[string]bool // notes said under this requirement
}

func (t *text) write() {
	t.line(0, "%s", strings.TrimSpace(t.Product.Make+" "+t.Product.Name))
	t.judged(0, t.Verdict, "%s", t.headline())
	for _, n := range t.Notes {
		t.line(0, "Note: %s", n)
	}
	for _, r := range t.Regimes {
		t.regime(&r)
	}
	if c := t.contradictions(); len(c) > 0 {
		t.b.WriteString("\nWhat was observed contradicts what was said:\n")
		for _, x := range c {
			t.line(2, "- %s", x.Fact)
			for _, o := range x.Against {
				t.line(4, "against it: %s: %s, %s by %s", t.title(o.Term), o.Value, o.Source, o.By)
			}
		}
	}
	unread := false
	for _, c := range t.Checks {
		if c.Outcome != "skipped" && !c.Whole {
			unread = true
			t.b.WriteByte('\n')
			t.line(0, "Not all of the evidence could be read. %s", unreadRule)
			if c.Outcome == "failed" {
				t.line(2, "- check %s could not do its work: %s", c.Check, c.Reason)
			}
			for _, r := range c.Remarks {
				t.line(2, "- %s", r)
			}
		}
	}
	if qs := t.questions(); len(qs) > 0 {
		t.b.WriteByte('\n')
		t.line(0, "%s could still change a verdict. `assay ask %s` puts those that a person can answer, most decisive first.",
			plural(len(qs), "unknown"), t.Product.Dossier)
		if unread {
			t.line(0, "What was answered already, and is still not relied on, wants the evidence that could not be read.")
		}
	}
	t.b.WriteByte('\n')
	t.line(0, "%s", Disclaimer)
}

func (t *text) regime(r *law.RegimeVerdict) {
	t.b.WriteByte('\n')
	head := fmt.Sprintf("%s, as at %s", r.Title, t.AsAt.Words())
	if r.Version != "" {
		head += ", version " + r.Version
	}
	t.line(0, "%s", head)
	if r.Scope != nil {
		t.scope(r.Scope)
	}
	t.b.WriteByte('\n')
	for _, q := range r.Requirements {
		t.requirement(q)
	}
	for _, p := range r.Persons {
		t.line(2, "%s: %s%s", strings.TrimPrefix(subject(p.Subject), "person "), p.Title, duties(p.Duties))
	}
}

func duties(ids []string) string {
	if len(ids) == 0 {
		return ""
	}
	return " (duties " + strings.Join(ids, ", ") + "; see assay law show)"
}

func (t *text) scope(s *law.ScopeVerdict) {
	words := map[assay.Verdict]string{assay.Pass: "in scope", assay.NotApplicable: "not in scope", assay.Inconclusive: "scope not decided"}
	t.line(2, "Scope: %s. %s%s", words[s.Verdict], s.Title, outcome(s.Outcome))
	for _, d := range s.Decisions {
		if d.Outcome != s.Outcome || d.Open == law.OpenLaw {
			t.line(4, "%s%s: %s%s", d.Territory, part(d.Subject), d.Title, outcome(d.Outcome))
			for _, p := range d.Unsettled {
				t.line(6, "unsettled: %s Settled by: %s", p.Question, p.SettledBy)
			}
		}
	}
	if len(s.Wanted) > 0 {
		t.line(4, "wanted: %s", t.wanted(s.Wanted, 6))
	}
}

func outcome(o string) string {
	if o == "" {
		return ""
	}
	return " [" + o + "]"
}

func part(s assay.Subject) string {
	if s == assay.Product {
		return ""
	}
	return " " + subject(s)
}

func (t *text) requirement(q *law.Result) {
	t.judged(2, q.Verdict, "%s (%s)", q.Title, q.Cite)
	const in = 6
	t.noted = map[string]bool{}
	if t.Verbose && len(q.Limbs) > 0 {
		t.limbs(q, in)
		return
	}
	switch q.Verdict {
	case assay.Fail:
		for _, leaf := range firstFew(told(q)) {
			t.line(in, "%s %s (%s): %s", leaf.ID, leaf.Title, leaf.Cite, t.why(leaf))
			t.notes(leaf, in+2)
			if leaf.Remedy != "" {
				t.line(in+2, "to mend: %s", leaf.Remedy)
			}
		}
	case assay.Inconclusive:
		for _, p := range q.Unsettled {
			t.line(in, "the law is unsettled: %s Settled by: %s", p.Question, p.SettledBy)
		}
		if len(q.Wanted) > 0 {
			t.line(in, "wanted: %s", t.wanted(q.Wanted, 6))
		}
	default:
		if why := t.why(q); why != "" {
			t.line(in, "%s", why)
		}
		if q.Verdict == assay.Pass {
			t.line(in, "rests on what was %s", basis(q.RestsOn))
		}
	}
}

func firstFew(all []*law.Result) []*law.Result {
	const most = 6
	if len(all) > most {
		return all[:most]
	}
	return all
}

func (t *text) limbs(r *law.Result, in int) {
	if g := r.Gate; g != nil {
		t.line(in, "applies if: %s: %s", lowerFirst(g.Title), gateWords(g.Verdict))
	}
	for _, child := range r.Limbs {
		t.limb(child, in)
		t.limbs(child, in+2)
	}
}

// gateWords says whether a gate lets a requirement apply.
func gateWords(v assay.Verdict) string {
	switch v {
	case assay.Pass:
		return "yes"
	case assay.Inconclusive:
		return "not known"
	}
	return "no"
}

func (t *text) limb(r *law.Result, in int) {
	t.judged(in, r.Verdict, "%s %s (%s)", r.ID, r.Title, r.Cite)
	if len(r.Limbs) == 0 {
		if why := t.why(r); why != "" {
			t.line(in+2, "%s", why)
		}
		if r.Reading != "" {
			t.line(in+2, "read so: %s", r.Reading)
		}
	}
}

// notes are what the observations behind a result say of themselves.
func (t *text) notes(r *law.Result, in int) {
	const most = 3
	said := 0
	for i, id := range r.Because {
		o := t.byID[id]
		if o == nil || o.Note == "" || t.noted[o.Note] {
			continue
		}
		if said == most {
			t.line(in, "and %s; see the report", plural(len(r.Because)-i, "more observation"))
			return
		}
		said++
		t.noted[o.Note] = true
		t.line(in, "%s %s", o.Note, places(o))
	}
}

// places says where a person can look.
func places(o *assay.Observation) string {
	var at []string
	for _, e := range o.Evidence {
		at = append(at, strings.TrimSpace(e.Name+" "+e.Place))
	}
	if len(at) == 0 {
		return "(" + string(o.Source) + " by " + o.By + ")"
	}
	return "(" + join(at, "; ", 1) + ")"
}

var colours = map[assay.Verdict]string{assay.Pass: "32", assay.Fail: "1;31", assay.Inconclusive: "33", assay.NotApplicable: "2"}

// judged writes a verdict in its column and the text beside it.
func (t *text) judged(indent int, v assay.Verdict, format string, args ...any) {
	const column = 14 // the longest verdict, and two
	word := v.String()
	t.b.WriteString(strings.Repeat(" ", indent))
	if t.Colour {
		t.b.WriteString("\x1b[" + colours[v] + "m" + word + "\x1b[0m")
	} else {
		t.b.WriteString(word)
	}
	t.b.WriteString(strings.Repeat(" ", max(2, column+2-len(word))))
	t.wrap(indent+column+2, indent+column+2, fmt.Sprintf(format, args...))
}

// line writes a paragraph; lines after the first stand two columns further in.
func (t *text) line(indent int, format string, args ...any) {
	t.b.WriteString(strings.Repeat(" ", indent))
	t.wrap(indent, indent+2, fmt.Sprintf(format, args...))
}

// wrap writes words from a column on and breaks lines at the width. Control
// characters, which may come from strangers, are shown and not obeyed.
func (t *text) wrap(column, hang int, words string) {
	for i, word := range strings.Fields(words) {
		word = strings.Map(visible, word)
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case column+1+n > t.Width:
			t.b.WriteString("\n" + strings.Repeat(" ", hang))
			column = hang
		default:
			t.b.WriteByte(' ')
			column++
		}
		t.b.WriteString(word)
		column += n
	}
	t.b.WriteByte('\n')
}

func visible(r rune) rune {
	if !unicode.IsPrint(r) {
		return utf8.RuneError
	}
	return r
}
