package bench

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/dossier"
	"github.com/assay-psti/assay/evidence"
	"github.com/assay-psti/assay/vocab"
)

// Answer is what a person says to a step.
type Answer struct {
	Value  string // PASS, FAIL, INCONCLUSIVE; Y, N, N/A; a text
	Reason string // why: wanted for every unit, and for N and N/A
	Means  string // of a unit: tool, version, arguments, coverage, time
	Files  []File // notes, photographs, recordings
}

// File is evidence that goes with an answer.
type File struct {
	Name string
	Kind evidence.Kind // "" is evidence.Device
	Data []byte
}

// Recorder keeps answers in a dossier that is open for writing. Nothing is kept
// anywhere else, so that a run can stop at any moment and go on at any other.
type Recorder struct {
	Test    *Test
	Dossier *dossier.Dossier
	By      string           // who answers: name and function
	Now     func() time.Time // the clock
}

// Plan is the plan as the dossier stands.
func (r *Recorder) Plan() (*Plan, error) {
	in, err := InputOf(r.Dossier)
	if err != nil {
		return nil, err
	}
	return r.Test.Plan(in)
}

func refuse(step, what, do string) error {
	return &assay.Problem{Kind: assay.ErrInvalid, Where: step, What: what, Do: do}
}

// Record keeps an answer to a step. It refuses a PASS that the plan does not allow.
func (r *Recorder) Record(ctx context.Context, id string, a Answer) error {
	p, err := r.Plan()
	if err != nil {
		return err
	}
	s := p.Step(id)
	switch {
	case s == nil:
		return &assay.Problem{Kind: assay.ErrNotFound, Where: id, What: "is no step of this plan", Do: "see assay bench plan"}
	case strings.TrimSpace(r.By) == "":
		return refuse(id, "it is not known who answers", "say --by \"Name, function\"")
	}
	for _, text := range []string{a.Value, a.Reason, a.Means, r.By} {
		if err := checkText(text); err != nil {
			return refuse(id, err.Error(), "shorten it, or give it as a file")
		}
	}
	switch s.Kind {
	case IdentityStep:
		return r.identify(p, s, a)
	case RowStep:
		row := *s.Row
		row.Support, row.Detail = a.Value, a.Reason
		if v := clean(a.Value); v == "" || strings.HasPrefix(strings.ToUpper(v), "N") && strings.Trim(clean(a.Reason), " -.") == "" {
			return refuse(id, "N and N/A want a reason", "say why")
		}
		answers, err := p.Answers([]Row{row}, r.By, r.Now())
		if err != nil {
			return err
		}
		return r.Dossier.Answer(answers...)
	}
	return r.unit(ctx, p, s, a)
}

func (r *Recorder) identify(p *Plan, s *Step, a Answer) error {
	text := clean(a.Value)
	if text == "" {
		return refuse(s.ID, "there is no answer", "answer, or skip it")
	}
	term := r.Test.law.Vocabulary().Term(s.Item.Term)
	value := assay.Text(text)
	if term.Type == assay.SetType {
		var words []string
		for _, w := range strings.Split(text, ",") {
			if w = strings.TrimSpace(w); w != "" {
				words = append(words, w)
			}
		}
		var err error
		if s.Item.Term == serials {
			if words, err = SerialNumbers(s.Item.Offers, words); err != nil {
				return err
			}
		}
		value = assay.Set(words...)
	}
	value, err := term.Check(value)
	if err != nil {
		return refuse(s.ID, fmt.Sprintf("%q does not answer it", text), "give "+map[assay.Type]string{assay.DateType: "a date such as 2029-12-31"}[term.Type])
	}
	return r.Dossier.Answer(dossier.Answer{Subject: assay.Product, Term: term.ID, Value: value, By: r.By, At: p.after(r.Now(), term.ID)})
}

// oneLine joins a text into one line, so that reason and means stay apart.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func (r *Recorder) unit(ctx context.Context, p *Plan, s *Step, a Answer) error {
	var verdict assay.Verdict
	if err := verdict.UnmarshalText([]byte(strings.ToUpper(strings.TrimSpace(a.Value)))); err != nil || verdict == assay.NotApplicable {
		return refuse(s.ID, fmt.Sprintf("%q is no verdict of a unit", a.Value), "choose one of "+strings.Join(s.Choices, ", "))
	}
	reason, means := oneLine(a.Reason), oneLine(a.Means)
	switch {
	case reason == "":
		return refuse(s.ID, "a verdict wants its reason", "say what was seen")
	case verdict == assay.Pass && s.Blocked != "":
		return refuse(s.ID, "it cannot be passed: "+s.Blocked, "answer INCONCLUSIVE until then")
	case verdict == assay.Pass && s.Unit.Means && means == "":
		return refuse(s.ID, "nothing to the contrary was found by which means?", "name tool, version, arguments, coverage and time")
	}
	o := assay.Observation{Subject: p.unitSubject(s.Unit.Case, s.Unit.Letter), Term: unitVerdict, Value: assay.Text(verdict.String()), Source: assay.Observed,
		By: r.By, Note: reason}
	if means != "" {
		o.Note += meansLine + means
	}
	var numbers []int
	for _, t := range s.Case.Tables {
		if t.Number > 0 {
			numbers = append(numbers, t.Number)
		}
	}
	if d := p.tablesDigest(numbers); d != "" {
		o.Evidence = append(o.Evidence, assay.Reference{Digest: d, Name: numberList(numbers), Place: ixitPlace})
	}
	kept, err := r.keep(ctx, a.Files)
	if err != nil {
		return err
	}
	o.Evidence = append(o.Evidence, kept...)
	return r.append(o, s.Unit.Case)
}

func numberList(numbers []int) string {
	words := make([]string, len(numbers))
	for i, n := range numbers {
		words[i] = strconv.Itoa(n)
	}
	if len(words) == 1 {
		return "table " + words[0]
	}
	return "tables " + strings.Join(words, ", ")
}

func (r *Recorder) keep(ctx context.Context, files []File) ([]assay.Reference, error) {
	var kept []assay.Reference
	for _, f := range files {
		kind := f.Kind
		if kind == "" {
			kind = evidence.Device
		}
		ref, err := r.Dossier.Keep(ctx, kind, f.Name, f.Data)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(kept, ref) {
			kept = append(kept, ref)
		}
	}
	return kept, nil
}

// append keeps an observation and what follows from it for the case.
func (r *Recorder) append(o assay.Observation, caseID string) error {
	if err := r.add(o); err != nil {
		return err
	}
	return r.settle(caseID)
}

// add appends one observation, made after all that stands on its subject and term.
func (r *Recorder) add(o assay.Observation) error {
	o.At = r.Now().UTC()
	for _, e := range r.Dossier.Observed {
		if e.Subject == o.Subject && e.Term == o.Term {
			o.At = later(o.At, e.At)
		}
	}
	o.Identify()
	_, err := r.Dossier.Append([]assay.Observation{o})
	return err
}

// settle keeps the verdict of a case once its units decide it, or do so no more.
func (r *Recorder) settle(caseID string) error {
	p, err := r.Plan()
	if err != nil {
		return err
	}
	for _, g := range p.Groups {
		for _, c := range g.Cases {
			if c.ID != caseID {
				continue
			}
			stands := ""
			for _, o := range vocab.Standing(r.Dossier.Observed) {
				if o.Source == assay.Observed && o.Term == c.term {
					stands = o.Value.Text()
				}
			}
			if c.Verdict == assay.Inconclusive && stands == "" || stands == c.Verdict.String() {
				return nil
			}
			o := assay.Observation{Subject: assay.Product, Term: c.term, Value: assay.Text(c.Verdict.String()), Source: assay.Observed, By: r.By, Note: c.note()}
			for _, u := range c.Units {
				if u.Record != nil {
					for _, e := range u.Record.Evidence {
						if !slices.Contains(o.Evidence, e) {
							o.Evidence = append(o.Evidence, e)
						}
					}
				}
			}
			if c.Covered != nil {
				o.Evidence = append(o.Evidence, c.Covered.Evidence...)
			}
			return r.add(o)
		}
	}
	return fmt.Errorf("case %s: %w", caseID, assay.ErrNotFound)
}

// note says of which units the verdict of a case is made.
func (c *Case) note() string {
	if c.Covered != nil && c.Verdict == assay.Pass {
		return "Covered by evidence from elsewhere: " + c.Covered.Reason
	}
	var parts []string
	for _, u := range c.Units {
		word := "not answered"
		if u.Record != nil {
			word = u.Record.Verdict.String()
			if u.Stale != "" {
				word += ", does not count any more"
			}
		}
		parts = append(parts, u.Letter+" "+word)
	}
	return "Units: " + strings.Join(parts, "; ") + "."
}

// Cover records that evidence from elsewhere covers a case (ETSI TS 103 701 clause
// 4.7): what it is, who issued it and until when it is valid, and the evidence.
func (r *Recorder) Cover(ctx context.Context, caseID, what string, files []File) error {
	p, err := r.Plan()
	if err != nil {
		return err
	}
	found := slices.ContainsFunc(p.Groups, func(g *Group) bool {
		return slices.ContainsFunc(g.Cases, func(c *Case) bool { return c.ID == caseID })
	})
	what = oneLine(what)
	switch {
	case !found:
		return &assay.Problem{Kind: assay.ErrNotFound, Where: "case " + caseID, What: "does not exist in " + r.Test.TestSpecification, Do: "see assay bench plan"}
	case what == "":
		return refuse("case "+caseID, "it is not said what covers it", "name the document, who issued it and until when it is valid")
	case len(files) == 0:
		return refuse("case "+caseID, "there is no evidence", "give the certificate or report as a file")
	case strings.TrimSpace(r.By) == "":
		return refuse("case "+caseID, "it is not known who accepts the evidence", "say --by \"Name, function\"")
	}
	if err := checkText(what); err != nil {
		return refuse("case "+caseID, err.Error(), "shorten it")
	}
	for i := range files {
		if files[i].Kind == "" {
			files[i].Kind = evidence.Documents
		}
	}
	kept, err := r.keep(ctx, files)
	if err != nil {
		return err
	}
	return r.append(assay.Observation{Subject: p.caseSubject(caseID), Term: caseCovered, Value: assay.Text(what), Source: assay.Observed, By: r.By, Evidence: kept,
		Note: "Accepted in place of the test case by the laboratory."}, caseID)
}

// Uncover takes back that evidence covers a case.
func (r *Recorder) Uncover(caseID, why string) error {
	p, err := r.Plan()
	if err != nil {
		return err
	}
	for _, o := range vocab.Standing(r.Dossier.Observed) {
		if o.Subject == p.caseSubject(caseID) && o.Term == caseCovered {
			w := assay.Observation{Withdraws: o.ID, Source: assay.Observed, By: r.By, At: later(r.Now(), o.At), Note: oneLine(why)}
			w.Identify()
			if _, err := r.Dossier.Append([]assay.Observation{w}); err != nil {
				return err
			}
			return r.settle(caseID)
		}
	}
	return &assay.Problem{Kind: assay.ErrNotFound, Where: "case " + caseID, What: "is not covered by evidence from elsewhere"}
}
