package law

import (
	"slices"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/vocab"
)

// explain makes the result of record i and of all below it. What decided is
// collected from below: the failures of a failure, the open questions of what is
// open, everything of a pass.
func (j *judge) explain(i int) *Result {
	rec := &j.records[i]
	n := rec.node
	r := &Result{ID: n.ID, Title: n.Title, Kind: n.Kind, Cite: n.Cite, Subject: assay.Product, Verdict: rec.verdict,
		Confidence: n.Confidence, Reading: n.Reading, Decision: n.Decision, Remedy: n.Remedy, Advice: n.Advice,
		Level: n.Level, Case: n.Case, Because: []assay.ObservationID{}, node: n}
	if rec.part != nil {
		r.Subject = rec.part.Subject
	}
	j.part = rec.part
	switch {
	case rec.place == asPart || rec.place == asOther:
		r.Title = partTitle(rec, n)
		j.explainBody(rec, r, true)
	case n.ForEach != "" || n.ForAny != "":
		j.explainGate(rec, r)
		r.Group = "for_each"
		if n.ForAny != "" {
			r.Group = "for_any"
		}
		if n.Complete.code != nil {
			var whole Result
			list := j.expression(&n.Complete, &whole)
			switch named, rest := j.listed(i); {
			case named && rest == nil: // left out because the list is whole
				r.Facts = append(r.Facts, whole.Facts...)
			case named && list != isTrue && rest.verdict == assay.Inconclusive && rec.verdict == assay.Inconclusive:
				r.Wanted = addWanted(r.Wanted, whole.Wanted...)
			}
		}
	default:
		j.explainGate(rec, r)
		if rec.stage != byGate || rec.verdict == assay.Inconclusive {
			j.explainBody(rec, r, false)
		}
	}
	for k := i + 1; k < rec.end; k = j.records[k].end {
		child := j.explain(k)
		if j.records[k].place == asGate {
			r.Gate = child
		} else {
			r.Limbs = append(r.Limbs, child)
		}
	}
	j.part = rec.part
	r.finish()
	return r
}

// listed gives whether any part is named below record i, and the record of what
// nobody named; nil when that was left out.
func (j *judge) listed(i int) (named bool, rest *record) {
	for k := i + 1; k < j.records[i].end; k = j.records[k].end {
		switch j.records[k].place {
		case asPart:
			named = true
		case asOther:
			rest = &j.records[k]
		}
	}
	return named, rest
}

func partTitle(rec *record, n *Node) string {
	if rec.place == asOther {
		return n.Title + ": as said of the product as a whole"
	}
	return n.Title + ": " + rec.part.Subject.Name()
}

func (j *judge) explainGate(rec *record, r *Result) {
	if t := j.expression(&rec.node.When, r); t == isFalse {
		r.NotMet = "the condition does not hold"
	}
}

func (j *judge) explainBody(rec *record, r *Result, part bool) {
	n := rec.node
	if part && j.expression(&n.Where, r) == isFalse {
		r.NotMet = "the condition does not hold for this part"
		return
	}
	t := j.expression(&n.FailsWhen, r)
	if rec.stage == byFailing && rec.verdict == assay.Fail {
		return
	}
	if n.FailsWhen.code != nil && t == isFalse && rec.verdict == assay.Fail {
		r.drop(&n.FailsWhen, j) // it did not fail by this
	}
	j.settled(rec, r)
	for k := range n.Unsettled {
		q := &n.Unsettled[k]
		var arises Result
		switch j.expression(&q.When, &arises) {
		case isTrue:
			r.Unsettled = append(r.Unsettled, q.point())
			for _, f := range arises.Facts {
				r.use(f)
			}
			return
		case unknown: // whether the point arises is a matter of evidence
			r.Wanted = addWanted(r.Wanted, arises.Wanted...)
		}
	}
	if n.Holds.code != nil {
		if j.expression(&n.Holds, r) == isFalse && n.Case != "" && rec.verdict == assay.Inconclusive {
			for _, term := range n.Holds.terms { // it was run without a result: run it again
				r.Wanted = addWanted(r.Wanted, Wanted{r.Subject, term.ID})
			}
		}
		trace := n.Holds.code.trace(&j.situation)
		r.Trace = &trace
	}
	switch {
	case n.All != nil:
		r.Group = "all"
	case n.Any != nil:
		r.Group = "any"
	case n.provision != nil:
		r.Group = "provision"
	}
}

// settled adds the facts by which no doubtful point of law arises: they are part of
// why a verdict stands.
func (j *judge) settled(rec *record, r *Result) {
	if rec.verdict != assay.Pass && rec.verdict != assay.Fail {
		return
	}
	for k := range rec.node.Unsettled {
		j.expression(&rec.node.Unsettled[k].When, r)
	}
}

// drop removes the facts of an expression that did not bear on the verdict.
func (r *Result) drop(e *Expr, j *judge) {
	var used Result
	j.expression(e, &used)
	r.Facts = slices.DeleteFunc(r.Facts, func(f FactUsed) bool {
		return slices.ContainsFunc(used.Facts, func(g FactUsed) bool { return f.Term == g.Term && f.Subject == g.Subject })
	})
}

// expression evaluates and adds the facts that decided and the terms wanted.
func (j *judge) expression(e *Expr, r *Result) truth {
	if e.code == nil {
		return isTrue
	}
	t, m := e.code.eval(&j.situation)
	for i, term := range e.terms {
		bit := uint64(1) << i
		switch {
		case m.because&bit != 0:
			r.use(j.used(term))
		case m.wanted&bit != 0 && t == unknown:
			used := j.used(term)
			r.Wanted = addWanted(r.Wanted, Wanted{used.Subject, term.ID})
			if used.Conflict {
				r.use(used)
			}
		}
	}
	return t
}

// used is the fact of a term in the situation at hand, and whose it is.
func (j *judge) used(t *vocab.Term) FactUsed {
	f := j.facts.Of(j.part, t)
	u := FactUsed{Subject: assay.Product, Term: t.ID, Value: f.Value, RestsOn: f.Basis,
		Because: f.Because, Against: f.Against, Conflict: f.Conflict}
	if j.part != nil && j.part.Subject.Kind() == t.On {
		// An unknown fact is wanted of the part itself.
		if !f.Known() || f != j.facts.Of(nil, t) {
			u.Subject = j.part.Subject
		}
	}
	return u
}

func (r *Result) use(f FactUsed) {
	for _, g := range r.Facts {
		if g.Term == f.Term && g.Subject == f.Subject {
			return
		}
	}
	r.Facts = append(r.Facts, f)
}

// finish collects what the result rests on from its own facts and from the
// results below it that bear on its verdict.
func (r *Result) finish() {
	for _, f := range r.Facts {
		r.RestsOn |= f.RestsOn
		r.Because = addIDs(r.Because, f.Because...)
	}
	bears := func(child *Result) bool {
		switch {
		case r.Verdict == assay.NotApplicable, r.Verdict == assay.Inconclusive:
			return child.Verdict == r.Verdict
		case r.Verdict == assay.Fail && (r.Group == "all" || r.Group == "for_each"):
			return child.Verdict == assay.Fail
		case r.Verdict == assay.Pass && (r.Group == "any" || r.Group == "for_any"):
			return child.Verdict == assay.Pass
		}
		return true
	}
	if r.Gate != nil {
		r.take(r.Gate)
	}
	for _, child := range r.Limbs {
		if bears(child) {
			r.take(child)
		}
	}
	if r.Verdict != assay.Inconclusive {
		r.Wanted, r.Unsettled, r.Open = nil, nil, Decided
		return
	}
	if len(r.Unsettled) > 0 {
		r.Open = r.Open.and(OpenLaw)
	}
	if len(r.Wanted) > 0 {
		r.Open = r.Open.and(OpenEvidence)
	}
}

func (r *Result) take(child *Result) {
	r.RestsOn |= child.RestsOn
	r.Because = addIDs(r.Because, child.Because...)
	r.Wanted = addWanted(r.Wanted, child.Wanted...)
	for _, p := range child.Unsettled {
		if !slices.Contains(r.Unsettled, p) {
			r.Unsettled = append(r.Unsettled, p)
		}
	}
}

func addIDs(to []assay.ObservationID, ids ...assay.ObservationID) []assay.ObservationID {
	for _, id := range ids {
		if !slices.Contains(to, id) {
			to = append(to, id)
		}
	}
	return to
}

func addWanted(to []Wanted, wanted ...Wanted) []Wanted {
	for _, w := range wanted {
		if !slices.Contains(to, w) {
			to = append(to, w)
		}
	}
	return to
}
