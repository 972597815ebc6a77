// Package report writes an assessment for people and for machines: a table for
// the terminal, an HTML page that can be handed on and printed, and the JSON that
// both are made from.
//
// It decides nothing: every verdict, reason and open question in it comes from
// law, every fact from the observations.
package report

import (
	"encoding/base64"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/law"
	"github.com/assay-psti/assay/password"
	"github.com/assay-psti/assay/vocab"
)

// Disclaimer is the line that every report carries.
const Disclaimer = "This is a technical assessment, not legal advice and not a document of any authority."

// unreadRule says what follows from evidence that could not be read.
const unreadRule = "Until it can be, nothing that is only declared of the whole product is relied on where that evidence could say otherwise."

// Product says which product the report is about.
type Product struct {
	Name        string   `json:"name"`
	Make        string   `json:"make,omitempty"`
	Models      []string `json:"models,omitempty"`
	Description string   `json:"description,omitempty"`
	Dossier     string   `json:"dossier,omitempty"` // the folder's name
}

// Picture is evidence that a person understands by looking.
type Picture struct {
	Name string // of the evidence
	Says string // what it shows, in words
	PNG  []byte
}

// Source is the picture as the page holds it.
func (p Picture) Source() template.URL {
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(p.PNG)) //nolint:gosec // a picture's bytes, encoded, in an image
}

// Outcome is how one check ended.
type Outcome struct {
	Check        string   `json:"check"`
	Title        string   `json:"title"`
	Outcome      string   `json:"outcome"` // ran, skipped, failed
	Reason       string   `json:"reason,omitempty"`
	Remarks      []string `json:"remarks,omitempty"` // what it could not look at, and the like
	Whole        bool     `json:"whole"`             // it looked at all there was
	Observations int      `json:"observations"`
}

// Document is everything a report says. Its JSON is what assay test --json prints
// and what assessment.json holds.
type Document struct {
	Product Product `json:"product"`
	law.Assessment
	Notes        []string            `json:"notes,omitempty"` // what a reader must know before the verdict is relied on
	Checks       []Outcome           `json:"checks"`
	Passwords    []*password.Report  `json:"passwords,omitempty"` // audits of the batches in the dossier
	Firmware     []*Firmware         `json:"firmware,omitempty"`  // the images in the dossier
	Observations []assay.Observation `json:"observations"`
	Disclaimer   string              `json:"disclaimer"`
	Pictures     []Picture           `json:"-"` // evidence that is a picture, shown in the page
}

// view is a document with what it takes to put it in words.
type view struct {
	*Document
	vocabulary *vocab.Vocabulary
	byID       map[assay.ObservationID]*assay.Observation
}

func newView(d *Document, v *vocab.Vocabulary) *view {
	w := &view{Document: d, vocabulary: v, byID: map[assay.ObservationID]*assay.Observation{}}
	for i := range d.Observations {
		w.byID[d.Observations[i].ID] = &d.Observations[i]
	}
	return w
}

// title is the term's noun phrase.
func (w *view) title(id assay.TermID) string {
	if t := w.vocabulary.Term(id); t != nil {
		return t.Title
	}
	return string(id)
}

// subject says whose a fact is; nothing for the product itself.
func subject(s assay.Subject) string {
	if s == assay.Product || s == "" {
		return ""
	}
	return s.Kind() + " " + s.Name()
}

// fact puts a fact in words: "Unique per unit: no".
func (w *view) fact(f law.FactUsed) string {
	value := f.Value.String()
	if t := w.vocabulary.Term(f.Term); t != nil {
		if f.Value.Type() == assay.IntType && t.Unit != "" {
			value += " " + t.Unit
		}
		if f.Value.Type() == assay.DateType {
			value = f.Value.Date().Words()
		}
		value = strings.ReplaceAll(value, "_", " ")
	}
	if f.Conflict {
		value = "observations contradict each other"
	}
	return w.title(f.Term) + ": " + value
}

// facts puts facts in words, each part of the product named once.
func (w *view) facts(all []law.FactUsed) []string {
	var parts []string
	last := assay.Product
	for _, f := range all {
		text := w.fact(f)
		if s := subject(f.Subject); s != "" && f.Subject != last {
			text = s + ": " + text
		}
		last = f.Subject
		parts = append(parts, text)
	}
	return parts
}

// why says in a line what decided a result, or what leaves it open.
func (w *view) why(r *law.Result) string {
	const most = 4
	var parts []string
	switch {
	case r.Verdict == assay.Inconclusive:
		for _, f := range r.Facts {
			if f.Conflict {
				parts = append(parts, w.facts([]law.FactUsed{f})...)
			}
		}
		for _, p := range r.Unsettled {
			parts = append(parts, "the law is unsettled: "+p.Question)
		}
		if len(r.Wanted) > 0 {
			parts = append(parts, "not known: "+w.wanted(r.Wanted, 3))
		}
	case len(r.Limbs) > 0 && r.Verdict != assay.NotApplicable:
		for _, leaf := range told(r) {
			text := leaf.ID + " " + lowerFirst(leaf.Title)
			if why := w.why(leaf); r.Verdict == assay.Fail && len(leaf.Limbs) == 0 && why != "" {
				text += " (" + why + ")"
			}
			if !slices.Contains(parts, text) {
				parts = append(parts, text)
			}
		}
	default:
		parts = w.facts(bearing(r))
		if len(parts) == 0 && r.Verdict == assay.NotApplicable {
			return "nothing to judge"
		}
	}
	return join(parts, "; ", most)
}

// wanted names the terms that are wanted.
func (w *view) wanted(all []law.Wanted, most int) string {
	var names []string
	for _, x := range all {
		name := lowerFirst(w.title(x.Term))
		if s := subject(x.Subject); s != "" {
			name += " (" + s + ")"
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return join(names, ", ", most)
}

func lowerFirst(s string) string {
	if len(s) > 1 && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'a' && s[1] <= 'z' {
		return strings.ToLower(s[:1]) + s[1:]
	}
	return s
}

func join(parts []string, sep string, most int) string {
	if len(parts) > most {
		parts = append(slices.Clone(parts[:most]), fmt.Sprintf("and %d more", len(parts)-most))
	}
	return strings.Join(parts, sep)
}

// bearing is the facts of a result and of the results below that bear on its
// verdict.
func bearing(r *law.Result) []law.FactUsed {
	var facts []law.FactUsed
	add := func(more []law.FactUsed) {
		for _, f := range more {
			if !slices.ContainsFunc(facts, func(g law.FactUsed) bool { return g.Term == f.Term && g.Subject == f.Subject }) {
				facts = append(facts, f)
			}
		}
	}
	if len(r.Limbs) == 0 || r.Verdict == assay.NotApplicable {
		add(r.Facts)
	}
	if r.Gate != nil && r.Verdict == assay.NotApplicable {
		add(bearing(r.Gate))
	}
	for _, child := range r.Limbs {
		if child.Verdict == r.Verdict {
			add(bearing(child))
		}
	}
	return facts
}

// told are the leaves worth telling: where one of several ways is enough, those
// of the first that came to the verdict, for the others rest on the same facts.
func told(r *law.Result) []*law.Result {
	if r.Group == "any" {
		for _, route := range r.Limbs {
			if route.Verdict == r.Verdict {
				return deciders(route)
			}
		}
	}
	return deciders(r)
}

// deciders are the leaf results that gave a result its verdict.
func deciders(r *law.Result) []*law.Result {
	var all []*law.Result
	for _, child := range r.Limbs {
		if child.Verdict == r.Verdict {
			all = append(all, deciders(child)...)
		}
	}
	if len(all) == 0 {
		return []*law.Result{r}
	}
	return all
}

// counts are how many requirements came to what, over all regimes.
func (w *view) counts() map[assay.Verdict]int {
	n := map[assay.Verdict]int{}
	for _, r := range w.Regimes {
		for _, q := range r.Requirements {
			n[q.Verdict]++
		}
	}
	return n
}

// toldOnly is how many requirements pass by what is declared alone.
func (w *view) toldOnly() int {
	n := 0
	for _, r := range w.Regimes {
		for _, q := range r.Requirements {
			if q.Verdict == assay.Pass && q.RestsOn == vocab.OnDeclared {
				n++
			}
		}
	}
	return n
}

// headline says the verdict in a sentence.
func (w *view) headline() string {
	n := w.counts()
	total := 0
	for _, k := range n {
		total += k
	}
	switch w.Verdict {
	case assay.Fail:
		return fmt.Sprintf("%d of %s %s not met.", n[assay.Fail], plural(total, "requirement"), are(n[assay.Fail]))
	case assay.Pass:
		switch told := w.toldOnly(); {
		case told == n[assay.Pass]:
			return "Every requirement that applies is met, by what is declared alone: nothing of it was observed."
		case told > 0:
			return fmt.Sprintf("Every requirement that applies is met, %d of %d by what is declared alone.", told, n[assay.Pass])
		}
		return "Every requirement that applies is met."
	case assay.NotApplicable:
		return "The law judged by does not reach this product."
	}
	for _, r := range w.Regimes {
		if r.Scope != nil && r.Scope.Verdict == assay.Inconclusive {
			return "It is not decided whether the law reaches this product."
		}
	}
	return fmt.Sprintf("Nothing is shown to fail; %d of %s %s not decided.", n[assay.Inconclusive], plural(total, "requirement"), are(n[assay.Inconclusive]))
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func are(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// basis says what a verdict rests on, in words.
func basis(b vocab.Basis) string {
	switch b {
	case vocab.OnObserved:
		return "observed"
	case vocab.OnDeclared:
		return "declared only"
	case vocab.OnBoth:
		return "observed and declared"
	}
	return ""
}

// Question is a wanted term as it is put to people.
type Question struct {
	Subject  string
	Title    string
	Question string
	Help     string
	Source   assay.Cite
	Command  string
}

// questions are the terms wanted over the whole assessment, each once.
func (w *view) questions() []Question {
	var all []law.Wanted
	add := func(wanted []law.Wanted) {
		for _, x := range wanted {
			if !slices.Contains(all, x) {
				all = append(all, x)
			}
		}
	}
	for _, r := range w.Regimes {
		if r.Scope != nil {
			add(r.Scope.Wanted)
		}
		for _, q := range r.Requirements {
			add(q.Wanted)
		}
	}
	var qs []Question
	for _, x := range all {
		t := w.vocabulary.Term(x.Term)
		if t == nil {
			continue
		}
		qs = append(qs, Question{Subject: subject(x.Subject), Title: t.Title, Question: t.Question, Help: t.Help, Source: t.Source})
	}
	return qs
}

// contradiction is a fact against which something stands.
type contradiction struct {
	Fact    string
	Against []*assay.Observation
}

func (w *view) contradictions() []contradiction {
	var all []contradiction
	seen := map[string]bool{}
	var visit func(r *law.Result)
	visit = func(r *law.Result) {
		for _, f := range r.Facts {
			key := string(f.Subject) + " " + string(f.Term)
			if len(f.Against) == 0 || seen[key] {
				continue
			}
			seen[key] = true
			c := contradiction{Fact: strings.Join(w.facts([]law.FactUsed{f}), "")}
			for _, id := range f.Against {
				if o := w.byID[id]; o != nil {
					c.Against = append(c.Against, o)
				}
			}
			all = append(all, c)
		}
		if r.Gate != nil {
			visit(r.Gate)
		}
		for _, child := range r.Limbs {
			visit(child)
		}
	}
	for _, r := range w.Regimes {
		for _, q := range r.Requirements {
			visit(q)
		}
	}
	return all
}

func moment(t time.Time) string { return t.UTC().Format("2 January 2006 15:04 UTC") }
