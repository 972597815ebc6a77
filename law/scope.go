package law

import (
	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/vocab"
)

// each runs a function for every part and territory that a tree decides on.
//
// Where parts are named, what is said of the product as a whole is looked at too,
// and counts where it shows that the law reaches the product: a single consignment
// that is named and out of reach does not take out all that is supplied besides.
func (t *Tree) each(j *judge, f func(p *vocab.Part, territory string)) {
	territories := t.Territories
	if len(territories) == 0 {
		territories = []string{""}
	}
	list := j.facts.Parts(t.ForEach)
	for i := range list {
		for _, territory := range territories {
			j.part, j.territory = &list[i], assay.Text(territory)
			f(j.part, territory)
		}
	}
	j.part = nil
	for _, territory := range territories {
		j.territory = assay.Text(territory)
		if len(list) > 0 {
			if o := j.outcome(t.start); o == nil || o.Verdict != assay.Pass {
				continue
			}
		}
		f(nil, territory)
	}
	j.territory = assay.Value{}
}

// before is the outcome on a day when there was no such law yet.
var before = Outcome{ID: "OUT_BEFORE_COMMENCEMENT", Name: "OUT_BEFORE_COMMENCEMENT", Verdict: assay.NotApplicable,
	Title: "The law had not commenced on that date"}

// scopeVerdict is the verdict of scope without its explanation.
func (r *Regime) scopeVerdict(j *judge) assay.Verdict {
	if r.VersionAt(j.date) == nil {
		return assay.NotApplicable
	}
	if r.Scope == nil {
		return assay.Pass
	}
	whole := assay.NotApplicable
	r.Scope.each(j, func(*vocab.Part, string) {
		v := assay.Inconclusive
		if o := j.outcome(r.Scope.start); o != nil {
			v = o.Verdict
		}
		whole = widest(whole, v)
	})
	return whole
}

// widest joins the verdicts of scope for several consignments and territories:
// the law reaches the product if it reaches it anywhere.
func widest(a, b assay.Verdict) assay.Verdict {
	for _, v := range []assay.Verdict{assay.Pass, assay.Inconclusive} {
		if a == v || b == v {
			return v
		}
	}
	return assay.NotApplicable
}

func (r *Regime) scope(j *judge) *ScopeVerdict {
	s := &ScopeVerdict{Verdict: assay.NotApplicable}
	if r.VersionAt(j.date) == nil {
		s.Outcome, s.Title = before.Name, before.Title
		return s
	}
	r.Scope.each(j, func(p *vocab.Part, territory string) {
		s.Decisions = append(s.Decisions, j.decision(r.Scope, p, territory))
	})
	for _, d := range s.Decisions {
		s.Verdict = widest(s.Verdict, d.Verdict)
	}
	for _, d := range s.Decisions {
		if d.Verdict != s.Verdict {
			continue
		}
		if s.Title == "" {
			s.Outcome, s.Title = d.Outcome, d.Title
		}
		s.RestsOn |= d.RestsOn
		s.Wanted = addWanted(s.Wanted, d.Wanted...)
	}
	return s
}

func (r *Regime) persons(j *judge) []Decision {
	if len(j.facts.Parts(r.Roles.ForEach)) == 0 {
		return nil
	}
	var all []Decision
	r.Roles.each(j, func(p *vocab.Part, territory string) {
		d := j.decision(r.Roles, p, territory)
		if d.Verdict == assay.Pass {
			for _, duty := range r.Duties {
				if duty.Who == d.Outcome && inForce(duty.From, duty.Until, j.date) {
					d.Duties = append(d.Duties, duty.ID)
				}
			}
		}
		all = append(all, d)
	})
	return all
}

// decision follows a tree and explains the way.
func (j *judge) decision(t *Tree, p *vocab.Part, territory string) Decision {
	w := j.follow(t.start)
	d := Decision{Subject: assay.Product, Territory: territory, Verdict: assay.Inconclusive, Because: []assay.ObservationID{}}
	if p != nil {
		d.Subject = p.Subject
	}
	for _, s := range w.steps {
		r := Result{ID: s.ID, Title: s.Title, Cite: s.Cite, Subject: d.Subject, Confidence: s.Confidence,
			Reading: s.Reading, Because: []assay.ObservationID{}}
		switch j.expression(&s.When, &r) {
		case isTrue:
			r.Verdict, r.Answer = assay.Pass, isTrue.String()
		case isFalse:
			r.Verdict, r.Answer = assay.Fail, isFalse.String()
		default:
			r.Verdict, r.Answer = assay.Inconclusive, unknown.String()
		}
		r.finish()
		d.RestsOn |= r.RestsOn
		d.Because = addIDs(d.Because, r.Because...)
		if w.outcome == nil {
			d.Wanted = addWanted(d.Wanted, r.Wanted...)
		}
		d.Steps = append(d.Steps, r)
	}
	if w.outcome == nil {
		d.Open = OpenEvidence
		d.Title = "Not decided: more must be known"
		return d
	}
	o := w.outcome
	d.Verdict, d.Outcome, d.Title, d.Cite = o.Verdict, o.Name, o.Title, o.Cite
	if o.Unsettled != nil {
		d.Open = OpenLaw
		d.Unsettled = []Point{o.Unsettled.point()}
	}
	return d
}

func (q *Question) point() Point { return Point{q.Question, q.SettledBy, q.Decision} }
