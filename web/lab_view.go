package web

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/bench"
	"github.com/assay-psti/assay/internal/picture"
	"github.com/assay-psti/assay/laboratory"
	"github.com/assay-psti/assay/register"
)

// benchView is what every page of one test has.
type benchView struct {
	sheet
	Test *laboratory.Test
	At   string // the address of the test
	May  bool   // answers are taken, and from this reader
	Plan *bench.Plan
}

func (s *Server) benchView(v *laboratory.Visit, viewer register.Viewer) (benchView, error) {
	p, err := v.Plan()
	if err != nil {
		return benchView{}, err
	}
	return benchView{sheet: sheet{Kicker: v.Test.Title()}, Test: v.Test, At: atBench(v.Test.ID), May: viewer.May(register.RunTests) && v.Test.State == laboratory.Running, Plan: p}, nil
}

// testView is the overview of a test.
type testView struct {
	benchView
	Next     *bench.Step
	Because  []string
	Identity []identityLine
	Clauses  []clauseView
	Open     []link // what is missing, with where to give it
	CanRun   bool   // by right, whatever the state
	CanEnd   bool   // may delete
}

type identityLine struct{ Title, Value, Step string }

// clauseView are the groups of one clause of the standard.
type clauseView struct {
	Name   string
	Said   string // how many groups have which verdict
	Open   bool   // shown unfolded: something in it is tested
	Groups []groupLine
}

type groupLine struct {
	ID, Name string
	Said     string // the verdict, or why there is none
	Cases    string // verdict by case, in few words
}

func overview(b benchView, viewer register.Viewer) *testView {
	v := &testView{benchView: b, Because: b.Plan.Because(), Next: b.Plan.Next("", nil), CanRun: viewer.May(register.RunTests), CanEnd: viewer.May(register.DeleteTests)}
	v.Heading = "Test of " + b.Test.Title()
	v.Kicker = fmt.Sprintf("TS 103 701 %s, EN 303 645 %s", b.Plan.TestSpecification, b.Plan.Edition)
	wanted := 0
	for _, i := range b.Plan.Identity {
		line := identityLine{Title: i.Title, Step: "identity/" + string(i.Term)}
		if i.Value.Type() != assay.NoType {
			line.Value = shown(i.Value)
		} else if i.Wanted {
			wanted++
		}
		v.Identity = append(v.Identity, line)
	}
	unanswered := 0
	for _, r := range b.Plan.Rows {
		if r.Support == "" {
			unanswered++
		}
	}
	units, stale, drafts := 0, 0, map[string]string{}
	for _, g := range b.Plan.Groups {
		clause, _, _ := strings.Cut(g.ID, "-")
		if len(v.Clauses) == 0 || v.Clauses[len(v.Clauses)-1].Name != clause {
			v.Clauses = append(v.Clauses, clauseView{Name: clause})
		}
		last := &v.Clauses[len(v.Clauses)-1]
		last.Groups = append(last.Groups, groupLine{ID: g.ID, Name: g.Name, Said: groupWords(g), Cases: caseWords(g)})
		last.Open = last.Open || g.Tested
		if !g.Tested {
			continue
		}
		for _, c := range g.Cases {
			for _, t := range c.Tables {
				if t.State != "signed" {
					drafts[t.Title()] = t.State
				}
			}
			if c.Covered != nil && c.Verdict == assay.Pass {
				continue
			}
			for _, u := range c.Units {
				switch {
				case u.Record == nil:
					units++
				case u.Stale != "":
					stale++
				}
			}
		}
	}
	for i := range v.Clauses {
		var words []string
		for _, g := range v.Clauses[i].Groups {
			words = append(words, g.Said)
		}
		v.Clauses[i].Said = tallied(words)
	}
	invalid := 0
	for _, p := range b.Plan.Problems {
		if p.Invalid {
			invalid++
		}
	}
	add := func(n int, href, one, many string) {
		if n > 0 {
			v.Open = append(v.Open, link{Href: href, Words: plural(int64(n), one, many)})
		}
	}
	unit, row := "next", "forms#ics"
	for _, st := range slices.Backward(b.Plan.Steps()) {
		switch {
		case st.Kind == bench.UnitStep && !st.Done:
			unit = "step/" + st.ID
		case st.Kind == bench.RowStep && !st.Done:
			row = "step/" + st.ID
		}
	}
	add(wanted, "next", "line of the identification", "lines of the identification")
	add(unanswered, row, "row of the ICS without an answer", "rows of the ICS without an answer")
	add(invalid, "forms#ics", "fault in the ICS, which fails the whole", "faults in the ICS, which fail the whole")
	add(len(drafts), "forms#ixit", "table of the IXIT that is missing or not signed", "tables of the IXIT that are missing or not signed")
	add(units, unit, "unit that is not answered", "units that are not answered")
	add(stale, unit, "unit whose answer does not count any more", "units whose answers do not count any more")
	return v
}

// groupWords is the verdict of a group, or why it has none.
func groupWords(g *bench.Group) string {
	switch {
	case g.Tested:
		return g.Verdict.String()
	case g.Answer == "":
		return "not answered"
	}
	return g.Answer
}

// caseWords are the verdicts of a group's cases.
func caseWords(g *bench.Group) string {
	if !g.Tested {
		return ""
	}
	var words []string
	for _, c := range g.Cases {
		word := c.Verdict.String()
		if c.Covered != nil && c.Verdict == assay.Pass {
			word += " by other evidence"
		} else if c.Verdict == assay.Inconclusive && !slices.ContainsFunc(c.Units, func(u *bench.Unit) bool { return u.Record != nil }) {
			word = "open"
		}
		words = append(words, "case "+strings.TrimPrefix(c.ID, g.ID+"-")+" "+word)
	}
	return upper(strings.Join(words, ", "))
}

// tallied says how often each word stands in a list.
func tallied(words []string) string {
	var order []string
	count := map[string]int{}
	for _, word := range words {
		if count[word] == 0 {
			order = append(order, word)
		}
		count[word]++
	}
	for i, word := range order {
		order[i] = fmt.Sprintf("%d %s", count[word], word)
	}
	return strings.Join(order, ", ")
}

// groupView is one test group.
type groupView struct {
	benchView
	Group *bench.Group
	Row   *bench.Row
	Found []foundLine
	More  int // that tools observed and is not shown
	Cover []field
	Cases []caseView
}

type caseView struct {
	*bench.Case
	Units []unitView
	Proof []proof // of what covers it
}

type unitView struct {
	*bench.Unit
	Step  string
	Proof []proof
}

// foundLine is something that a tool observed.
type foundLine struct{ Title, Value, By, Where string }

// proof is a piece of evidence that goes with a record.
type proof struct {
	Name, Digest string // the digest without what it is made by
	Place        string
	Photo        bool
	NotShown     string // why a picture is none that is shown
}

// maxFound bounds how many observations a page shows.
const maxFound = 12

func foundLines(g *bench.Group, title func(assay.TermID) string) (lines []foundLine, more int) {
	for _, o := range g.Found {
		if len(lines) == maxFound {
			return lines, len(g.Found) - maxFound
		}
		l := foundLine{Title: title(o.Term), Value: shown(o.Value), By: o.By}
		if o.Subject != assay.Product {
			l.Title = o.Subject.Kind() + " " + o.Subject.Name() + ": " + l.Title
		}
		for i, e := range o.Evidence {
			if i == 2 {
				l.Where += fmt.Sprintf(" and %d more", len(o.Evidence)-i)
				break
			}
			if i > 0 {
				l.Where += "; "
			}
			l.Where += strings.TrimSpace(e.Name + " " + e.Place)
		}
		lines = append(lines, l)
	}
	return lines, 0
}

// shown is a value as people read it.
func shown(v assay.Value) string {
	switch v.Type() {
	case assay.DateType:
		return v.Date().Words()
	case assay.SetType:
		return strings.Join(v.Set(), ", ")
	case assay.TextType:
		if strings.ContainsRune(v.Text(), ' ') {
			return v.Text()
		}
	}
	return strings.ReplaceAll(v.String(), "_", " ")
}

// proofs are the evidence of a record: its photographs to be shown, other files to be
// saved.
func proofs(v *laboratory.Visit, rec *bench.Record) []proof {
	if rec == nil {
		return nil
	}
	var out []proof
	for _, e := range rec.Evidence {
		if e.Place == "IXIT" { // the tables that it compared with
			continue
		}
		p := proof{Name: e.Name, Place: e.Place, Digest: strings.TrimPrefix(string(e.Digest), "sha256:")}
		if item, ok := v.Item(e.Digest); !ok {
			p.Digest = ""
		} else if f, err := v.Recorder.Dossier.Evidence.Open(item); err == nil {
			head := make([]byte, picture.HeadBytes)
			n, _ := io.ReadFull(f, head) // of a shorter file, what there is
			f.Close()
			if format := picture.Format(head[:n]); format != "" {
				err := picture.Readable(format)
				if p.Photo = err == nil; err != nil {
					p.NotShown = err.Error()
				}
			}
		}
		out = append(out, p)
	}
	return out
}

// stepView is one step.
type stepView struct {
	benchView
	Step        *bench.Step
	Done, All   int
	Back, Skip  string // addresses of the step before and of the next open one
	Choices     []option
	Reason      field
	Means       *field
	Text        *field // of a step that asks for a text
	By          *field // who answers, if somebody else does
	Found       []foundLine
	More        int
	Proof       []proof
	Room, Files int // MB and files that one answer may have
}

// stateForm is the form by which a test is paused, archived, or goes on.
type stateForm struct{ At, State, Words string }

// proofList is evidence with the address of the test that it is in.
type proofList struct {
	At    string
	Proof []proof
}

// addressOf is the address of the test that a page is about.
func addressOf(v any) string {
	if p, ok := v.(interface{ address() string }); ok {
		return p.address()
	}
	return ""
}

func (b *benchView) address() string { return b.At }
