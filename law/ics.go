package law

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/vocab"
)

// overallTS103701 names the way in which ETSI TS 103 701 makes one verdict of all.
const overallTS103701 = "ts103701"

// The answers of an implementation conformance statement (ICS).
const (
	answerYes = "Y"
	answerNo  = "N"
	answerNA  = "NA"
)

// noReason is what people write in place of a reason.
var noReason = []string{"", " ", "-", "."}

// formID is the requirement that stands for the ICS as a whole.
const formID = "ICS"

// form is the node of the ICS: one limb for each row. It passes when every row is
// validly answered, fails when one row is not, and is open while a row, a reason or
// a condition is not known.
func (s *Catalogue) form() *Node {
	n := &Node{ID: formID, Title: "Implementation conformance statement: every row validly answered", Kind: "form",
		Cite: assay.Cite(s.TestSpecification.ID + " " + s.TestSpecification.Version + " ICS"), Confidence: Inferred, Decision: 33,
		Reading: "An answer must also agree with the other rows and with what is known of the product; where it does not, " +
			"the form is invalid until corrected.",
		Remedy: "Correct the rows that fail and have the form signed again."}
	for _, p := range s.Provisions {
		if p.Support == "" {
			continue
		}
		p.row = s.rowNode(p)
		n.All = append(n.All, p.row)
		if shown := p.shownBy(); shown != nil {
			p.shown = &Node{ID: formID + " " + p.ID + " " + shown.ShownBy, Title: "Row " + p.ID + ": N/A is not contradicted by a " + shown.ShownBy + " that is named",
				Cite: n.Cite, Confidence: Inferred, Reading: "What the dossier names shows that the condition holds: " + shown.Title + ".",
				ForEach: shown.ShownBy, Named: true,
				Holds: Expr{Source: fmt.Sprintf("%s != %q || !(%s)", p.Support, answerNA, shown.ShownWhen)}}
			n.All = append(n.All, p.shown)
		}
	}
	for _, a := range s.agreements() {
		a.node = &Node{ID: a.id, Title: a.title, Cite: n.Cite, Confidence: Inferred, Reading: "Y and N say that a row applies, N/A that it does not.",
			Remedy: "Answer rows that depend on the same condition alike.", Holds: Expr{Source: "!(" + a.expr() + ")"}}
		n.All = append(n.All, a.node)
		s.agree = append(s.agree, a)
	}
	return n
}

// shownBy is the condition that a named part shows; nil where it is not the
// row's only one.
func (p *Provision) shownBy() *Condition {
	if len(p.Conditions) == 1 && p.Conditions[0].ShownBy != "" {
		return p.Conditions[0]
	}
	return nil
}

// rowNode is the node of one row.
func (s *Catalogue) rowNode(p *Provision) *Node {
	n := &Node{ID: formID + " " + p.ID, Title: "Row " + p.ID + ": " + p.Name,
		Cite: assay.Cite(s.TestSpecification.ID + " " + s.TestSpecification.Version + " ICS row " + p.ID), Confidence: Read}
	is := func(answer string) string { return fmt.Sprintf("%s == %q", p.Support, answer) }
	reason := fmt.Sprintf(`!(%s in ["%s"])`, p.Reason, strings.Join(noReason, `", "`))
	when := p.condition()
	holds := is(answerYes)
	switch {
	case when == "" && p.Mandatory():
		n.Remedy = "Answer Y and meet it: the provision is mandatory for every device."
	case when == "":
		holds += " || " + is(answerNo) + " && " + reason
		n.Remedy = "Answer Y, or N with the reason: this recommendation has no condition."
	case p.Mandatory(): // what to ask of a reason depends on the answer, hence ?:
		holds += fmt.Sprintf(" ? (%s) : %s && !(%s) && %s", when, is(answerNA), when, reason)
		n.Remedy = "Answer Y where the condition holds (" + p.conditionTitles() + "), else N/A with the reason."
	default:
		holds += fmt.Sprintf(" ? (%s) : (%s ? !(%s) : (%s)) && %s", when, is(answerNA), when, when, reason)
		n.Remedy = "Answer Y, or N with the reason, where the condition holds (" + p.conditionTitles() + "), else N/A with the reason."
	}
	n.Holds = Expr{Source: holds}
	if !p.Mandatory() {
		n.Confidence, n.Decision = Inferred, 32
		n.Reading = "N or N/A without a written reason makes the form invalid."
	}
	return n
}

func (p *Provision) conditionTitles() string {
	var titles []string
	for _, c := range p.Conditions {
		titles = append(titles, c.Title)
	}
	return strings.Join(titles, "; ")
}

// agreement is one way in which rows may contradict each other, whatever the
// product is like: one side must not be answered as it is while the other is.
type agreement struct {
	id, title string
	na        []*Provision   // some of these rows N/A,
	claims    [][]*Provision // while of each of these lists some row is answered Y or N
	node      *Node
}

// agreements are the contradictions that the form must be free of: N/A on a row
// although other rows say that each of its conditions holds; and rows that say of
// a condition both that it holds and that it does not.
func (s *Catalogue) agreements() []agreement {
	var all []agreement
	rows := func(fits func(*Provision) bool) []*Provision {
		return slices.DeleteFunc(slices.Clone(s.Provisions), func(p *Provision) bool { return p.Support == "" || !fits(p) })
	}
	claiming := func(holds string) []*Provision {
		return rows(func(p *Provision) bool {
			return slices.ContainsFunc(p.Conditions, func(c *Condition) bool { return c.Holds == holds })
		})
	}
	seen := map[string]bool{}
	for _, p := range s.Provisions {
		when := p.condition()
		if when == "" || p.Support == "" || seen[when] {
			continue
		}
		seen[when] = true
		a := agreement{title: "Rows agree on whether " + p.conditionTitles(), id: formID + " " + p.conditionIDs(),
			na: rows(func(q *Provision) bool { return q.condition() == when })}
		others := true // else it is the row's own answer alone that says so
		for _, c := range p.Conditions {
			list := claiming(c.Holds)
			others = others && len(list) > 1
			a.claims = append(a.claims, list)
		}
		if others {
			all = append(all, a)
		}
	}
	for i := range s.Conditions {
		c := &s.Conditions[i]
		no := claiming("!" + c.Holds)
		if yes := claiming(c.Holds); len(yes) > 0 && len(no) > 0 {
			all = append(all, agreement{title: "Rows do not say both that " + c.Title + " and that it is not so",
				id: formID + " " + c.ID + " and its opposite", claims: [][]*Provision{yes, no}})
		}
	}
	return all
}

func (p *Provision) conditionIDs() string {
	var ids []string
	for _, c := range p.Conditions {
		ids = append(ids, c.Kind+" "+c.ID)
	}
	return strings.Join(ids, ", ")
}

// expr is true when the rows contradict each other.
func (a *agreement) expr() string {
	anyOf := func(rows []*Provision, form string) string {
		var words []string
		for _, p := range rows {
			words = append(words, fmt.Sprintf(form, p.Support))
		}
		return "(" + strings.Join(words, " || ") + ")"
	}
	var sides []string
	if len(a.na) > 0 {
		sides = append(sides, anyOf(a.na, `%s == "NA"`))
	}
	for _, rows := range a.claims {
		sides = append(sides, anyOf(rows, `%s in ["Y", "N"]`))
	}
	return strings.Join(sides, " && ")
}

// reasons is the node of the provision that asks for a written reason for each
// recommendation that is not met or does not apply: what the form says of them.
func (s *Catalogue) reasons(p *Provision) *Node {
	n := &Node{ID: p.ID + " met", Title: "Every recommendation that is not claimed has its reason", Cite: s.cite(p.ID), Confidence: Read,
		Remedy: "Write down for each such recommendation why it does not apply or is not met."}
	for _, q := range s.Provisions {
		if !q.Mandatory() && q.Support != "" {
			n.All = append(n.All, &Node{ID: p.ID + " " + q.ID, Title: "Reason for " + q.ID, Cite: s.cite(p.ID), Confidence: Read,
				Holds: Expr{Source: fmt.Sprintf(`%s == %q || !(%s in ["%s"])`, q.Support, answerYes, q.Reason, strings.Join(noReason, `", "`))}})
		}
	}
	return n
}

// overall103701 makes the verdict of the whole by ETSI TS 103 701: FAIL when the
// ICS is invalid or a provision that it claims fails; PASS when it is valid and all
// that it claims pass, which then are at least all mandatory provisions that apply;
// else INCONCLUSIVE.
//
// A mandatory provision that applies and fails sinks the whole before the form is
// filled, since no answer in it could save the product. What a recommendation
// comes to matters only once it is claimed.
func (r *Regime) overall103701(j *judge) assay.Verdict {
	failed, open := false, false
	for _, n := range r.Requirements {
		i := len(j.records)
		v := j.node(n, asContent)
		p := r.standard.byID[n.ID]
		if p == nil { // the form
			failed = failed || v == assay.Fail
			open = open || v == assay.Inconclusive
			continue
		}
		v = j.group(i)
		answer := answerYes // a provision without a row is always claimed
		if p.Support != "" {
			answer = j.facts.Of(nil, j.facts.Vocabulary().Term(p.Support)).Value.Text()
		}
		switch {
		case answer == answerYes:
			failed = failed || v == assay.Fail
			open = open || v == assay.Inconclusive
		case answer == "" && p.Mandatory():
			failed = failed || v == assay.Fail
		}
	}
	switch {
	case failed:
		return assay.Fail
	case open:
		return assay.Inconclusive
	}
	return assay.Pass
}

// group gives the provision of record i the verdict of its test group. The group
// passes when all its cases pass, whether or not the facts by which we would say
// the same by ourselves are known; facts that say otherwise have failed it before.
// Facts alone never pass it.
func (j *judge) group(i int) assay.Verdict {
	r := &j.records[i]
	if r.verdict != assay.Inconclusive || r.stage != byContent {
		return r.verdict
	}
	cases := 0
	for k := i + 1; k < r.end; k = j.records[k].end {
		if c := &j.records[k]; c.node.Case != "" {
			if c.verdict != assay.Pass {
				return r.verdict
			}
			cases++
		}
	}
	if cases > 0 {
		r.verdict = assay.Pass
	}
	return r.verdict
}

// ICSProblemKind says what is wrong with a row of an ICS.
type ICSProblemKind string

// The kinds of problem.
const (
	RowMissing      ICSProblemKind = "row missing"
	NOnMandatory    ICSProblemKind = "N on a mandatory row"
	NAOnPlain       ICSProblemKind = "N/A on a row without condition"
	NotApplicableN  ICSProblemKind = "N where the row does not apply"
	ReasonMissing   ICSProblemKind = "reason missing"
	RowsContradict  ICSProblemKind = "rows contradict each other"
	FactsContradict ICSProblemKind = "answer contradicts what is known"
	ConditionOpen   ICSProblemKind = "condition not known"
)

// ICSProblem is what is wrong with one row of an implementation conformance
// statement, or still wanted for it.
type ICSProblem struct {
	Provision  string         `json:"provision"` // the row, or the first of several
	Kind       ICSProblemKind `json:"kind"`
	Text       string         `json:"text"`
	Correction string         `json:"correction,omitempty"` // what would mend it
	Invalid    bool           `json:"invalid"`              // the form is invalid; else something is only wanted
	Wanted     []Wanted       `json:"wanted,omitempty"`
}

// ICSProblems checks the ICS that the facts hold for one edition of EN 303 645:
// every row answered, no N on mandatory rows, N/A only where a condition allows
// it, a reason for every N and N/A, and no answer that contradicts another row or
// what is known of the product. The form is valid when there is no problem, and
// invalid when one problem is Invalid: the verdict of the requirement "ICS" says the
// same.
func (l *Law) ICSProblems(facts *vocab.Facts, edition string) ([]ICSProblem, error) {
	r, err := l.Regime("en303645@" + edition)
	if err != nil {
		return nil, err
	}
	if r.standard == nil {
		return nil, &assay.Problem{Kind: assay.ErrUnsupported, What: r.Name() + " has no implementation conformance statement"}
	}
	var all []ICSProblem
	c := formCheck{standard: r.standard}
	c.judge.reset(facts, assay.Date{})
	for _, p := range r.standard.Provisions {
		if p.Support != "" {
			all = append(all, c.row(p)...)
		}
	}
	for i := range r.standard.agree {
		if a := &r.standard.agree[i]; c.judge.truth(&a.node.Holds) == isFalse {
			all = append(all, c.contradiction(a))
		}
	}
	return all, nil
}

// contradiction names the rows that contradict each other.
func (c *formCheck) contradiction(a *agreement) ICSProblem {
	found := ICSProblem{Kind: RowsContradict, Invalid: true, Correction: "answer them alike"}
	var sides []string
	side := func(rows []*Provision, answers ...string) {
		var ids []string
		for _, p := range rows {
			if slices.Contains(answers, c.fact(p.Support).Value.Text()) {
				ids = append(ids, p.ID)
			}
		}
		if found.Provision == "" {
			found.Provision = ids[0]
		}
		sides = append(sides, strings.Join(ids, ", "))
	}
	if len(a.na) > 0 {
		side(a.na, answerNA)
	}
	for _, rows := range a.claims {
		side(rows, answerYes, answerNo)
	}
	found.Text = a.title + ": " + strings.Join(sides, " against ") + "."
	return found
}

// formCheck looks at the rows of a form.
type formCheck struct {
	standard *Catalogue
	judge    judge
}

func (c *formCheck) fact(id assay.TermID) *vocab.Fact {
	f := c.judge.facts
	return f.Of(nil, f.Vocabulary().Term(id))
}

func (c *formCheck) row(p *Provision) []ICSProblem {
	var found []ICSProblem
	add := func(kind ICSProblemKind, invalid bool, text, correction string, wanted ...Wanted) {
		found = append(found, ICSProblem{p.ID, kind, text, correction, invalid, wanted})
	}
	answer := c.fact(p.Support).Value.Text()
	if answer == "" {
		add(RowMissing, false, "The row is not answered.", "", Wanted{assay.Product, p.Support})
		return found
	}
	applies, wanted := isTrue, []Wanted(nil)
	if len(p.Conditions) > 0 {
		var when Result
		applies = c.judge.expression(&p.node.When, &when)
		wanted = when.Wanted
	}
	titles := p.conditionTitles()
	right := map[truth]string{isTrue: "Y", isFalse: "N/A, with the reason", unknown: "Y where it holds that " + titles + ", else N/A with the reason"}[applies]
	switch {
	case answer == answerNo && p.Mandatory():
		add(NOnMandatory, true, "A mandatory provision cannot be answered N.", right)
	case answer == answerNA && len(p.Conditions) == 0:
		correction := "Y"
		if !p.Mandatory() {
			correction = "Y, or N with the reason"
		}
		add(NAOnPlain, true, "The row has no condition, so that it applies to every device.", correction)
	case answer == answerNo && applies == isFalse:
		add(NotApplicableN, true, "It is not so that "+titles+": the row should be N/A.", right)
	case answer == answerYes && applies == isFalse:
		add(FactsContradict, true, "Y is claimed, but it is not so that "+titles+".", right)
	case answer == answerNA && applies == isTrue:
		add(FactsContradict, true, "N/A is claimed, but it is so that "+titles+".", right)
	case applies == unknown:
		add(ConditionOpen, false, "Whether the row applies is not known: "+titles+"?", "", wanted...)
	}
	if answer != answerYes && !(answer == answerNo && p.Mandatory()) && !(answer == answerNA && len(p.Conditions) == 0) {
		switch reason := c.fact(p.Reason); {
		case !reason.Known():
			add(ReasonMissing, false, "No reason is given yet.", "write down why", Wanted{assay.Product, p.Reason})
		case slices.Contains(noReason, reason.Value.Text()):
			add(ReasonMissing, true, "The reason is empty.", "write down why")
		}
	}
	return append(found, c.named(p)...)
}

// named holds an answer N/A against the parts that the dossier names.
func (c *formCheck) named(p *Provision) []ICSProblem {
	if p.shown == nil {
		return nil
	}
	var found []ICSProblem
	parts := c.judge.facts.Parts(p.shown.ForEach)
	for i := range parts {
		c.judge.part = &parts[i]
		var said Result
		switch c.judge.expression(&p.shown.Holds, &said) {
		case isFalse:
			found = append(found, ICSProblem{Provision: p.ID, Kind: FactsContradict, Invalid: true, Correction: "Y",
				Text: "N/A is claimed, but " + string(parts[i].Subject) + " is named."})
		case unknown:
			found = append(found, ICSProblem{Provision: p.ID, Kind: ConditionOpen, Wanted: said.Wanted,
				Text: "N/A is claimed; whether " + string(parts[i].Subject) + " contradicts it is not known."})
		}
	}
	c.judge.part = nil
	return found
}
