package law

import (
	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/vocab"
)

// stage is what decided a node, or left it open.
type stage uint8

const (
	byContent   stage = iota
	byGate            // the gate, the condition, or the part's own condition
	byFailing         // fails_when
	byUnsettled       // the law does not say
)

// place is what a record is to the record above it.
type place uint8

const (
	asContent place = iota
	asGate
	asPart  // the content for one part
	asOther // the content for parts that nobody named
)

// record is one node judged. Records stand in the order of the tree; those
// below a record follow it, up to end.
type record struct {
	node    *Node
	part    *vocab.Part
	verdict assay.Verdict
	stage   stage
	place   place
	end     int
}

// judge judges facts by one regime on one date. It keeps its records between
// uses, so that judging many products makes no garbage.
type judge struct {
	situation
	date    assay.Date
	records []record
}

func (j *judge) reset(facts *vocab.Facts, asAt assay.Date) {
	j.situation = situation{facts: facts, asAt: assay.Day(asAt)}
	j.date = asAt
	j.records = j.records[:0]
}

// node judges a node and all below it.
func (j *judge) node(n *Node, as place) assay.Verdict {
	i := len(j.records)
	j.records = append(j.records, record{node: n, part: j.part, place: as})
	var v assay.Verdict
	var s stage
	if as == asPart || as == asOther {
		v, s = j.body(n, true)
	} else {
		v, s = j.whole(n)
	}
	r := &j.records[i]
	r.verdict, r.stage, r.end = v, s, len(j.records)
	return v
}

// whole judges a node with its gate and its condition.
func (j *judge) whole(n *Node) (assay.Verdict, stage) {
	open := false
	if n.Gate != nil {
		switch j.node(n.Gate, asGate) {
		case assay.Fail, assay.NotApplicable:
			return assay.NotApplicable, byGate
		case assay.Inconclusive:
			open = true
		}
	}
	switch j.truth(&n.When) {
	case isFalse:
		return assay.NotApplicable, byGate
	case unknown:
		open = true
	}
	var v assay.Verdict
	var s stage
	if n.ForEach != "" || n.ForAny != "" {
		v, s = j.parts(n), byContent
	} else {
		v, s = j.body(n, false)
	}
	if open && v != assay.NotApplicable {
		return assay.Inconclusive, byGate
	}
	return v, s
}

// truth of a condition; one that is not written holds.
func (j *judge) truth(e *Expr) truth {
	if e.code == nil {
		return isTrue
	}
	t, _ := e.code.eval(&j.situation)
	return t
}

// parts judges the content for each part, and for those that nobody named.
//
// What nobody named is judged by what is said of the product. Where the list of
// parts is whole and nothing is said of the product, that is left out. It is not
// left out when it decides: a statement about the product as a whole stands,
// whether or not the list is whole, so that a later word on the list never
// overturns a verdict.
func (j *judge) parts(n *Node) assay.Verdict {
	kind, combine := n.ForEach, assay.All
	if n.ForAny != "" {
		kind, combine = n.ForAny, assay.Any
	}
	outer := j.part
	defer func() { j.part = outer }()
	whole := assay.NotApplicable
	list := j.facts.Parts(kind)
	for i := range list {
		j.part = &list[i]
		whole = combine(whole, j.node(n, asPart))
	}
	j.part = outer
	if n.Named {
		return whole
	}
	complete := n.Complete.code != nil && j.truth(&n.Complete) == isTrue
	mark := len(j.records)
	other := j.node(n, asOther)
	if complete && len(list) > 0 && other == assay.Inconclusive {
		j.records = j.records[:mark]
		return whole
	}
	return combine(whole, other)
}

// body judges what a node demands, once it applies.
func (j *judge) body(n *Node, part bool) (assay.Verdict, stage) {
	open, by := false, byContent
	if part {
		switch j.truth(&n.Where) {
		case isFalse:
			return assay.NotApplicable, byGate
		case unknown:
			open, by = true, byGate
		}
	}
	failing := false
	if n.FailsWhen.code != nil {
		switch j.truth(&n.FailsWhen) {
		case isTrue:
			if open {
				return assay.Inconclusive, by
			}
			return assay.Fail, byFailing
		case unknown:
			failing = true
		}
	}
	for i := range n.Unsettled {
		switch j.truth(&n.Unsettled[i].When) {
		case isTrue:
			return assay.Inconclusive, byUnsettled
		case unknown:
			open, by = true, byUnsettled
		}
	}
	v := j.content(n)
	switch {
	case open && v != assay.NotApplicable:
		return assay.Inconclusive, by
	case failing && v != assay.Fail:
		return assay.Inconclusive, byFailing
	}
	return v, byContent
}

func (j *judge) content(n *Node) assay.Verdict {
	switch {
	case n.Holds.code != nil:
		switch j.truth(&n.Holds) {
		case isTrue:
			return assay.Pass
		case isFalse:
			if n.Case != "" { // a test case that neither passed nor failed is open
				return assay.Inconclusive
			}
			return assay.Fail
		}
		return assay.Inconclusive
	case n.provision != nil:
		return j.node(n.provision, asContent)
	}
	children, combine := n.All, assay.All
	if n.Any != nil {
		children, combine = n.Any, assay.Any
	}
	whole := assay.NotApplicable
	for _, child := range children {
		if inForce(child.From, child.Until, j.date) {
			whole = combine(whole, j.node(child, asContent))
		}
	}
	return whole
}

// walk is one way through a tree.
type walk struct {
	outcome *Outcome // nil when the answers known do not decide
	steps   []*Step  // asked, in order; for an open walk, all that matter
}

// follow walks a tree from a step. Where an answer is not known it goes both
// ways: when both end in the same outcome, that is the outcome.
func (j *judge) follow(to target) walk {
	if to.outcome != nil {
		return walk{outcome: to.outcome}
	}
	s := to.step
	if !inForce(s.From, s.Until, j.date) {
		return j.follow(s.no)
	}
	switch j.truth(&s.When) {
	case isTrue:
		w := j.follow(s.yes)
		w.steps = append([]*Step{s}, w.steps...)
		return w
	case isFalse:
		w := j.follow(s.no)
		w.steps = append([]*Step{s}, w.steps...)
		return w
	}
	yes, no := j.follow(s.yes), j.follow(s.no)
	return walk{outcome: either(yes.outcome, no.outcome), steps: append([]*Step{s}, union(yes.steps, no.steps)...)}
}

// out is where ways meet that end outside the law's reach on different grounds:
// which ground it is no longer matters.
var out = Outcome{ID: "OUT", Name: "OUT", Verdict: assay.NotApplicable, Title: "Not reached by this law, on one ground or another"}

// either is the outcome of two ways of which it is not known which is the right
// one; nil when it matters.
func either(a, b *Outcome) *Outcome {
	switch {
	case a == b:
		return a
	case a != nil && b != nil && a.Verdict == assay.NotApplicable && b.Verdict == assay.NotApplicable:
		return &out
	}
	return nil
}

func union(a, b []*Step) []*Step {
	out := append([]*Step(nil), a...)
next:
	for _, s := range b {
		for _, t := range out {
			if s == t {
				continue next
			}
		}
		out = append(out, s)
	}
	return out
}

// outcome is follow without the steps: what bulk judging needs.
func (j *judge) outcome(to target) *Outcome {
	for to.step != nil {
		s := to.step
		if !inForce(s.From, s.Until, j.date) {
			to = s.no
			continue
		}
		switch j.truth(&s.When) {
		case isTrue:
			to = s.yes
		case isFalse:
			to = s.no
		default:
			return either(j.outcome(s.yes), j.outcome(s.no))
		}
	}
	return to.outcome
}
