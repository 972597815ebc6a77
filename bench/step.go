package bench

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assay-psti/assay"
)

// StepKind says what a step asks for.
type StepKind string

// The kinds of step, in the order in which they are put.
const (
	IdentityStep StepKind = "identity" // what is tested, by whom
	RowStep      StepKind = "ics"      // one row of the answer form
	UnitStep     StepKind = "unit"     // one test unit
)

// Step is one thing to be asked. Its ID stays the same from plan to plan.
type Step struct {
	ID       string
	Kind     StepKind
	Title    string
	Question string
	Choices  []string // the answers there are; none means a text
	Blocked  string   // why PASS is not among the choices
	Done     bool     // it has an answer that counts

	Item  *Item  // of an IdentityStep
	Row   *Row   // of a RowStep
	Unit  *Unit  // of a UnitStep
	Case  *Case  // of a UnitStep
	Group *Group // of a UnitStep
}

// Steps are all steps: the identification, the rows of the form, then the units of
// every group that the form claims, those on paper before those on the device. A
// unit of a case that evidence from elsewhere covers is left out.
func (p *Plan) Steps() []Step {
	var steps []Step
	for i := range p.Identity {
		item := &p.Identity[i]
		steps = append(steps, Step{ID: "identity/" + string(item.Term), Kind: IdentityStep, Title: item.Title, Question: item.Question,
			Done: item.Value.Type() != assay.NoType, Item: item})
	}
	for i := range p.Rows {
		r := &p.Rows[i]
		done := r.Support == "Y" || r.Support != "" && strings.Trim(r.Detail, " -.") != ""
		steps = append(steps, Step{ID: "ics/" + r.Provision, Kind: RowStep, Title: r.Provision + " " + r.Name,
			Question: "Does the product support this provision? " + r.provision.Paraphrase, Choices: r.Answers, Done: done, Row: r})
	}
	for _, kind := range []string{Conceptual, Functional} {
		for _, g := range p.Groups {
			if !g.Tested {
				continue
			}
			for _, c := range g.Cases {
				if c.Covered != nil && c.Verdict == assay.Pass {
					continue
				}
				for _, u := range c.Units {
					if u.Kind == kind {
						steps = append(steps, p.unitStep(g, c, u))
					}
				}
			}
		}
	}
	return steps
}

func (p *Plan) unitStep(g *Group, c *Case, u *Unit) Step {
	s := Step{ID: "unit/" + u.Case + "/" + u.Letter, Kind: UnitStep, Title: fmt.Sprintf("%s %s, case %s, unit %s", g.ID, g.Name, c.ID, u.Letter),
		Question: u.Do, Blocked: p.Blocked(u), Done: u.Record != nil && u.Stale == "", Unit: u, Case: c, Group: g}
	for _, v := range []assay.Verdict{assay.Pass, assay.Fail, assay.Inconclusive} {
		if v != assay.Pass || s.Blocked == "" {
			s.Choices = append(s.Choices, v.String())
		}
	}
	return s
}

// Step finds a step; nil when the plan has none of that ID.
func (p *Plan) Step(id string) *Step {
	steps := p.Steps()
	if i := slices.IndexFunc(steps, func(s Step) bool { return s.ID == id }); i >= 0 {
		return &steps[i]
	}
	return nil
}

// Next is the first step after the one named, or from the beginning where none is
// named, that is open and that skip does not hold; nil when there is none.
func (p *Plan) Next(after string, skip map[string]bool) *Step {
	steps := p.Steps()
	from := slices.IndexFunc(steps, func(s Step) bool { return s.ID == after }) + 1
	for i := range steps {
		if s := &steps[(from+i)%len(steps)]; !s.Done && !skip[s.ID] {
			return s
		}
	}
	return nil
}

// Progress is how many steps there are and how many have an answer.
func (p *Plan) Progress() (done, all int) {
	for _, s := range p.Steps() {
		all++
		if s.Done {
			done++
		}
	}
	return done, all
}
