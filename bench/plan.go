package bench

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/dossier"
	"github.com/assay-psti/assay/law"
	"github.com/assay-psti/assay/vocab"
)

// Input is what a plan is made from: what stands in a dossier.
type Input struct {
	Observations []assay.Observation
	Parts        []assay.Subject
	Units        []dossier.Unit // that product.yaml lists
	IXIT         *dossier.IXIT
	Holds        func(assay.Digest) bool // whether evidence of the digest is there
}

// InputOf takes it from a dossier.
func InputOf(d *dossier.Dossier) (Input, error) {
	x, err := d.IXIT()
	return Input{Observations: d.Observations(), Parts: d.Parts(), Units: d.Product.Units, IXIT: x, Holds: d.Holds}, err
}

// Plan is the whole test as it stands: what is asked, what was answered, and what
// it comes to. It is made anew from the dossier each time.
type Plan struct {
	Versions
	Identity []Item
	Rows     []Row
	Problems []Problem // of the ICS
	Valid    assay.Verdict
	Groups   []*Group
	Overall  assay.Verdict
	Judged   law.RegimeVerdict
	IXIT     *dossier.IXIT       // nil when there is none of these versions
	Said     []assay.Observation // what the signed IXIT says of conditions

	draft bool // the IXIT is not signed as it stands
	test  *Test
	facts *vocab.Facts
	byID  map[assay.ObservationID]*assay.Observation
}

// Row is one row of the ICS.
type Row struct {
	Versions
	Provision string   `json:"provision"`
	Name      string   `json:"name"`
	Status    string   `json:"status"`  // of Table B.1: "M C"
	When      string   `json:"when"`    // the conditions, in words
	Answers   []string `json:"answers"` // that the status allows: Y, N, N/A
	Support   string   `json:"support"` // Y, N, N/A; "" while unanswered
	Detail    string   `json:"detail"`
	By        string   `json:"by"`
	provision *law.Provision
}

// Group is the test of one provision.
type Group struct {
	Versions
	ID, Name, Status, Asks string
	Answer                 string        // of the ICS; Y where the form has no row
	Tested                 bool          // claimed, so that its verdict counts
	Verdict                assay.Verdict // by the law engine; of a group that is not tested it says nothing
	Why                    string        // what facts decided it, where cases did not
	Cases                  []*Case
	Found                  []assay.Observation // what tools saw that bears on it
}

// Case is one test case.
type Case struct {
	Versions
	ID, Kind string
	Tables   []TableState
	Units    []*Unit
	Covered  *Record       // evidence from elsewhere, clause 4.7
	Verdict  assay.Verdict // from the units
	Why      string        // what it waits for, or by what it was decided
	Alone    string        // a verdict was given for the whole case by somebody, without units; it does not count here
	group    *Group
	term     assay.TermID
}

// Unit is one test unit.
type Unit struct {
	Versions
	Case, Letter, Kind, Do, Holds string
	Profile                       string   // by whose eyes, in words
	Needs                         []string // in words
	Means                         bool     // a PASS rests on the means used, so they are wanted
	Interpretation                bool     // its wording is our reading
	Record                        *Record  // nil until it was answered
	Stale                         string   // why the record does not count any more
	two                           bool
	of                            *Case
}

// Record is an answer that was given at the bench.
type Record struct {
	ID       assay.ObservationID
	Verdict  assay.Verdict
	Reason   string
	Means    string
	By       string
	At       time.Time
	Evidence []assay.Reference
}

// Plan makes the plan.
func (t *Test) Plan(in Input) (*Plan, error) {
	p, standing, err := t.gather(in)
	if err != nil {
		return nil, err
	}
	return p, p.judge(standing)
}

// Hold puts among the facts, for whoever judges them, what the bench makes of its
// records in each version: the verdict of a case that was given there does not outlive
// what it rests on. It gives the observations that the signed IXIT adds.
func Hold(l *law.Law, facts *vocab.Facts, in Input) ([]assay.Observation, error) {
	var said []assay.Observation
	for _, edition := range Editions(l) {
		t, err := For(l, edition)
		if err != nil {
			return nil, err
		}
		p, _, err := t.gather(in)
		if err != nil {
			return nil, err
		}
		state(facts, p.Said)
		said = append(said, p.Said...)
		for _, g := range p.Groups {
			for _, c := range g.Cases {
				if c.answered() || c.Covered != nil {
					facts.Put(assay.Product, l.Vocabulary().Term(c.term), c.fact())
				}
			}
		}
	}
	return said, nil
}

// gather is the plan before it is judged, and the observations that stand.
func (t *Test) gather(in Input) (*Plan, []assay.Observation, error) {
	if in.Holds == nil {
		in.Holds = func(assay.Digest) bool { return false }
	}
	facts, err := t.law.Vocabulary().FoldAll(in.Parts, in.Observations)
	if err != nil {
		return nil, nil, err
	}
	p := &Plan{Versions: t.Versions, test: t, facts: facts, byID: map[assay.ObservationID]*assay.Observation{}}
	standing := vocab.Standing(in.Observations)
	for i := range standing {
		p.byID[standing[i].ID] = &standing[i]
	}
	if x := in.IXIT; x != nil && x.TestSpecification == t.TestSpecification && x.Edition == t.Edition {
		if err := t.CheckIXIT(x); err != nil {
			return nil, nil, err
		}
		p.IXIT = x
	}
	p.draft = p.IXIT.Draft()
	p.identify(in.Units)
	p.Said = t.statements(p.IXIT)
	shown := state(facts, p.Said)
	if p.Problems, err = t.problems(facts, shown); err != nil {
		return nil, nil, err
	}
	p.rows()
	records := newest(standing)
	for _, provision := range t.Catalogue.Provisions {
		p.Groups = append(p.Groups, p.group(provision, records, in.Holds))
	}
	return p, standing, nil
}

func (p *Plan) identify(units []dossier.Unit) {
	for _, item := range identity {
		fact := p.facts.Fact(assay.Product, p.test.law.Vocabulary().Term(item.Term))
		item.Value = fact.Value
		if item.Term == serials {
			item.Offers = units
		}
		for _, id := range fact.Because {
			if o := p.byID[id]; o != nil {
				item.By = o.By
			}
		}
		p.Identity = append(p.Identity, item)
	}
}

// newest are the records by subject that were made last.
func newest(standing []assay.Observation) map[assay.Subject]*assay.Observation {
	last := map[assay.Subject]*assay.Observation{}
	for i := range standing {
		o := &standing[i]
		if o.Source != assay.Observed || o.Term != unitVerdict && o.Term != caseCovered {
			continue
		}
		if was := last[o.Subject]; was == nil || !o.At.Before(was.At) {
			last[o.Subject] = o
		}
	}
	return last
}

// meansLine begins the part of a note that tells the means.
const meansLine = "\nMeans: "

func record(o *assay.Observation) *Record {
	r := &Record{ID: o.ID, By: o.By, At: o.At, Evidence: o.Evidence}
	if o.Term == unitVerdict {
		if err := r.Verdict.UnmarshalText([]byte(o.Value.Text())); err != nil {
			r.Verdict = assay.Inconclusive
		}
	}
	r.Reason, r.Means, _ = strings.Cut(o.Note, meansLine)
	return r
}

// ixitPlace marks the reference of a record to the IXIT that it compared with.
const ixitPlace = "IXIT"

func (p *Plan) group(provision *law.Provision, records map[assay.Subject]*assay.Observation, holds func(assay.Digest) bool) *Group {
	g := &Group{Versions: p.Versions, ID: provision.Group.ID, Name: provision.Name, Status: provision.Status, Asks: provision.Paraphrase, Answer: "Y"}
	if provision.Support != "" {
		g.Answer = p.row(provision.ID).Support
	}
	g.Tested = g.Answer == "Y"
	numbers := tableNumbers(provision)
	compared := p.tablesDigest(numbers)
	for _, data := range provision.Group.Cases {
		c := &Case{Versions: p.Versions, ID: data.ID, Kind: data.Type, term: data.Term, group: g}
		for _, n := range numbers {
			c.Tables = append(c.Tables, p.test.tableState(p.IXIT, n, p.draft))
		}
		if len(numbers) < len(provision.Group.IXIT) { // the ICS is compared with, too
			c.Tables = append(c.Tables, p.formState())
		}
		for i, u := range p.test.cases[data.ID] {
			unit := &Unit{Versions: p.Versions, Case: data.ID, Letter: string(rune('a' + i)), Kind: cmp.Or(u.Kind, data.Type), Do: u.Do, Holds: u.Holds,
				Profile: profileWords[u.Profile], Means: u.Means, Interpretation: u.Mark != "read", two: slices.Contains(u.Needs, twoUnits), of: c}
			if unit.Kind == bothKinds {
				unit.Kind = Conceptual
			}
			for _, n := range u.Needs {
				unit.Needs = append(unit.Needs, needWords[n])
			}
			if o := records[p.unitSubject(data.ID, unit.Letter)]; o != nil {
				unit.Record = record(o)
				unit.Stale = stale(unit.Record, compared, holds)
			}
			c.Units = append(c.Units, unit)
		}
		if o := records[p.caseSubject(data.ID)]; o != nil {
			c.Covered = record(o)
			c.Covered.Reason = o.Value.Text()
		}
		p.decide(c, holds)
		g.Cases = append(g.Cases, c)
	}
	return g
}

// tableNumbers are the numbers of the IXIT tables with which a group compares.
func tableNumbers(p *law.Provision) []int {
	var numbers []int
	for _, name := range p.Group.IXIT {
		if n, err := strconv.Atoi(name); err == nil {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// formState is the state of the ICS as something to compare with.
func (p *Plan) formState() TableState {
	s := TableState{Name: "ICS", State: tableSigned, Entries: len(p.Rows)}
	if slices.ContainsFunc(p.Rows, func(r Row) bool { return r.Support == "" }) {
		s.State = tableMissing
	}
	return s
}

// tablesDigest is the digest of what a case compares with.
func (p *Plan) tablesDigest(numbers []int) assay.Digest {
	if len(numbers) == 0 || p.IXIT == nil {
		return ""
	}
	return p.IXIT.DeclaredDigest(numbers...)
}

// stale says why a record does not count any more: what it compared with is not
// what there is now, or evidence it rests on is gone.
func stale(r *Record, now assay.Digest, holds func(assay.Digest) bool) string {
	compared := assay.Digest("")
	for _, e := range r.Evidence {
		if e.Place == ixitPlace {
			compared = e.Digest
		} else if !holds(e.Digest) {
			return "evidence " + e.Name + " is not in the dossier any more"
		}
	}
	if compared != now {
		return "the IXIT has changed since: look again"
	}
	return ""
}

// decide makes the verdict of a case of its units: FAIL when one is not fulfilled,
// PASS when all are, else INCONCLUSIVE. Nothing passes without the tables to compare
// with, and what a laboratory did not answer is not passed.
func (p *Plan) decide(c *Case, holds func(assay.Digest) bool) {
	c.Verdict = assay.Inconclusive
	if fact := p.facts.Fact(assay.Product, p.test.law.Vocabulary().Term(c.term)); fact.Known() {
		for _, id := range fact.Because {
			if o := p.byID[id]; o != nil && (o.Source == assay.Declared || c.Covered == nil && !c.answered()) {
				c.Alone = fmt.Sprintf("%s by %s", o.Value, o.By)
			}
		}
	}
	var failed, open []string
	ever := false // a failure was seen, even if it does not count as it stands
	for _, u := range c.Units {
		ever = ever || u.Record != nil && u.Record.Verdict == assay.Fail
		switch {
		case u.Record == nil:
			open = append(open, "unit "+u.Letter+" is not answered")
		case u.Stale != "":
			open = append(open, "unit "+u.Letter+": "+u.Stale)
		case u.Record.Verdict == assay.Fail:
			failed = append(failed, "unit "+u.Letter+": "+u.Record.Reason)
		case u.Record.Verdict != assay.Pass:
			open = append(open, "unit "+u.Letter+": "+u.Record.Reason)
		default:
			if block := p.Blocked(u); block != "" {
				open = append(open, "unit "+u.Letter+": "+block)
			} else if u.Means && u.Record.Means == "" {
				open = append(open, "unit "+u.Letter+": its means are not told")
			}
		}
	}
	switch {
	case len(failed) > 0: // what was seen to fail is not covered by anything
		c.Verdict, c.Why = assay.Fail, strings.Join(failed, "; ")
	case c.Covered != nil && !ever && len(c.Covered.Evidence) > 0 && !slices.ContainsFunc(c.Covered.Evidence, func(r assay.Reference) bool { return !holds(r.Digest) }):
		c.Verdict, c.Why = assay.Pass, "covered by evidence from elsewhere: "+c.Covered.Reason
	case len(open) > 0:
		c.Why = strings.Join(open, "; ")
		switch {
		case c.Covered != nil && ever:
			c.Why = "evidence from elsewhere does not cover what was seen to fail; " + c.Why
		case c.Covered != nil:
			c.Why = "the evidence from elsewhere is not in the dossier; " + c.Why
		}
	default:
		c.Verdict = assay.Pass
	}
}

func (c *Case) answered() bool {
	return slices.ContainsFunc(c.Units, func(u *Unit) bool { return u.Record != nil })
}

// Blocked says what keeps a unit from being passed, whatever was seen; "" when
// nothing does.
func (p *Plan) Blocked(u *Unit) string {
	var wanted []string
	for _, s := range u.of.Tables {
		switch s.State {
		case tableMissing:
			wanted = append(wanted, s.Title())
		case tableDraft:
			wanted = append(wanted, s.Title()+" signed by the supplier")
		}
	}
	if len(wanted) > 0 {
		return "there is nothing to compare with; wanted: " + strings.Join(wanted, ", ")
	}
	if u.two {
		for _, item := range p.Identity {
			if item.Term == serials && len(item.Value.Set()) < 2 {
				return "one unit never shows what is unique; wanted: the serial numbers of two units or more"
			}
		}
	}
	return ""
}

// judge hands the verdicts of the cases to the law engine, and takes from it those
// of the groups and of the whole.
func (p *Plan) judge(standing []assay.Observation) error {
	v := p.test.law.Vocabulary()
	for _, g := range p.Groups {
		for _, c := range g.Cases {
			p.facts.Put(assay.Product, v.Term(c.term), c.fact())
		}
	}
	a, err := p.test.law.Judge(p.facts, p.test.Catalogue.From, "en303645@"+p.Edition)
	if err != nil {
		return err
	}
	p.Judged = a.Regimes[0]
	p.Overall = p.Judged.Verdict
	for _, r := range p.Judged.Requirements {
		if r.Kind == "form" {
			p.Valid = r.Verdict
			continue
		}
		i := slices.IndexFunc(p.Groups, func(g *Group) bool { return g.ID == r.ID })
		if i < 0 {
			return fmt.Errorf("requirement %s has no test group: %w", r.ID, assay.ErrInternal)
		}
		g := p.Groups[i]
		g.Verdict = r.Verdict
		p.find(g, r, standing)
	}
	return nil
}

// fact is the case's verdict as the law engine takes it.
func (c *Case) fact() vocab.Fact {
	if c.Verdict == assay.Inconclusive {
		return vocab.Fact{} // no verdict is no evidence
	}
	f := vocab.Fact{Value: assay.Text(c.Verdict.String()), Basis: vocab.OnObserved}
	for _, u := range c.Units {
		if u.Record != nil && u.Stale == "" {
			f.Because = append(f.Because, u.Record.ID)
		}
	}
	if c.Covered != nil {
		f.Because = append(f.Because, c.Covered.ID)
	}
	return f
}

// gathered says once what is the same of several parts: "X: a", "X: b" is "X: a, b".
func gathered(titles []string) []string {
	var out []string
	for _, t := range titles {
		head, part, parted := strings.Cut(t, ": ")
		i := slices.IndexFunc(out, func(o string) bool { return o == t || parted && strings.HasPrefix(o, head+": ") })
		switch {
		case i < 0:
			out = append(out, t)
		case out[i] != t && !slices.Contains(strings.Split(strings.TrimPrefix(out[i], head+": "), ", "), part):
			out[i] += ", " + part
		}
	}
	return out
}

// find gathers what tools observed that bears on a group, and what facts failed it.
func (p *Plan) find(g *Group, r *law.Result, standing []assay.Observation) {
	wanted := map[assay.ObservationID]bool{}
	var failed []string
	var walk func(*law.Result)
	walk = func(r *law.Result) {
		for _, f := range r.Facts {
			for _, id := range slices.Concat(f.Because, f.Against) {
				wanted[id] = true
			}
		}
		if r.Case == "" && r.Verdict == assay.Fail && len(r.Limbs) == 0 {
			failed = append(failed, r.Title)
		}
		if r.Gate != nil {
			walk(r.Gate)
		}
		for _, l := range r.Limbs {
			walk(l)
		}
	}
	walk(r)
	if len(failed) > 0 {
		g.Why = "by what is known of the product, this does not hold: " + strings.Join(gathered(failed), "; ")
	}
	speaks := map[assay.TermID]bool{}
	for _, s := range p.test.groups[g.ID].Speaks {
		for _, id := range p.test.spoken(s) {
			speaks[id] = true
		}
	}
	for _, o := range standing {
		bench := o.Term == unitVerdict || o.Term == caseCovered || strings.HasPrefix(string(o.Term), "case.") || strings.HasPrefix(string(o.Term), "ics.")
		if o.Source == assay.Observed && !bench && (wanted[o.ID] || speaks[o.Term]) {
			g.Found = append(g.Found, o)
		}
	}
}
