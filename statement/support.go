package statement

import (
	"fmt"
	"slices"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/law"
	"github.com/assay-psti/assay/vocab"
)

const (
	publishedEnd assay.TermID = "support.end"
	statedEnd    assay.TermID = "statement.end_at_first_supply"
)

// support is SOC-07: the period that was right when the manufacturer first supplied
// this batch (law/decisions row 15). It is never guessed. In order: as an earlier
// statement of the batch has it; as the dossier says it was at first supply; as
// published now, where the batch is not supplied yet; as it was published on that
// day, where the record of what was published leaves no doubt.
func (b *builder) support() error {
	first, err := b.firstSupply()
	if err != nil {
		return err
	}
	period := &b.content.Support
	*period = SupportPeriod{From: b.request.SupportFrom, FirstSupply: first}
	end, source, point := b.end(first)
	for _, e := range b.earlier {
		if point == nil && end != e.Support.End {
			return &assay.Problem{Kind: assay.ErrConflict, Where: e.Name,
				What: fmt.Sprintf("batch %s was stated with a support period until %s, and cannot be stated anew with one until %s", b.request.Batch, shown(e.Support.End), shown(end)),
				Do:   "name later units another batch; the period of a batch stays as it was at its first supply"}
		}
		if !e.Support.From.Zero() && !period.From.Zero() && e.Support.From != period.From {
			return &assay.Problem{Kind: assay.ErrConflict, Where: e.Name, What: fmt.Sprintf("batch %s was stated with a support period from %s", b.request.Batch, shown(e.Support.From)), Do: "leave the start as it was stated"}
		}
		if !e.Support.FirstSupply.Zero() && !first.Zero() && e.Support.FirstSupply != first {
			return &assay.Problem{Kind: assay.ErrConflict, Where: e.Name, What: fmt.Sprintf("batch %s was stated as first supplied on %s, not on %s", b.request.Batch, shown(e.Support.FirstSupply), shown(first)), Do: "leave the day as it was stated"}
		}
		end, source, point = e.Support.End, "the statement issued before, "+e.Name, nil
		period.From = e.Support.From
		if !e.Support.FirstSupply.Zero() {
			period.FirstSupply = e.Support.FirstSupply
		}
	}
	if point != nil {
		point.Limb, point.Title, point.Cite = "SOC-07", "The support period that was right at first supply", "SI 2023/1007 Sch.4 para 1(1)(e)"
		point.Fixed = true
		for _, r := range b.regime.Requirements {
			if r.ID == "support" && r.Verdict == assay.NotApplicable { // law/decisions row 12
				point.Fixed, point.Why = false, "the law is unsettled: which support period does the statement give for a product of which nothing can be updated?"
			}
		}
		if b.open(*point) {
			source = "nothing: see who takes responsibility for SOC-07"
		}
	}
	if !period.From.Zero() && !end.Zero() && end.Before(period.From) {
		return fmt.Errorf("start of the support period %s: %w: it is after the end, %s", period.From, assay.ErrInvalid, end)
	}
	period.End, period.Source = end, source
	return nil
}

func shown(d assay.Date) string {
	if d.Zero() {
		return "no stated day"
	}
	return d.Words()
}

// firstSupply is the day on which the batch is first supplied; none when nobody says.
func (b *builder) firstSupply() (assay.Date, error) {
	p := &b.dossier.Product
	var first assay.Date
	for _, s := range p.Supply {
		if s.Batch != b.request.Batch && (s.Batch != "" || len(p.Batches) > 1) {
			continue
		}
		if first.Zero() || s.Date.Before(first) {
			first = s.Date
		}
	}
	if given := b.request.FirstSupply; !given.Zero() {
		if !first.Zero() && given != first {
			return given, fmt.Errorf("first supply on %s: %w: product.yaml says %s for batch %s", given, assay.ErrInvalid, first, b.request.Batch)
		}
		return given, nil
	}
	return first, nil
}

// end finds the last day of the period at first supply, or what is open about it.
func (b *builder) end(first assay.Date) (end assay.Date, source string, open *Point) {
	subject := Subject(&b.dossier.Product, b.request.Batch)
	want := func(why string, s assay.Subject, t assay.TermID) *Point {
		return &Point{Subject: subject, Why: why, Wanted: []law.Wanted{{Subject: s, Term: t}}}
	}
	declared, contradicts := b.declaredEnd(subject)
	if contradicts {
		return end, "", want("what is said of it contradicts itself", subject, statedEnd)
	}
	var shown assay.Date // what the record of publications says
	var why string
	switch {
	case !first.Zero() && !first.Before(b.request.Issued):
		f := b.facts.Fact(assay.Product, b.facts.Vocabulary().Term(publishedEnd))
		if source = "what is published; the batch is not supplied yet"; f.Known() {
			shown = f.Value.Date()
		} else if declared.Zero() {
			return end, "", want("the published period has no known end", assay.Product, publishedEnd)
		}
	case !first.Zero():
		if shown, why = b.publishedOn(first); !shown.Zero() {
			source = "what was published on the day of first supply"
		}
	default:
		why = "the day of first supply is not known; name it under supply in product.yaml or with --first-supply, or say which end was right then"
	}
	switch {
	case !declared.Zero() && !shown.Zero() && declared != shown:
		return end, "", want(fmt.Sprintf("the dossier says %s, but %s was published", declared.Words(), shown.Words()), subject, statedEnd)
	case !declared.Zero():
		return declared, "what the dossier says of the day of first supply", nil
	case !shown.Zero():
		return shown, source, nil
	}
	return end, "", want(why, subject, statedEnd)
}

// declaredEnd is what the dossier says of the end at first supply. What it says of
// the product stands for its only batch, not for one of several.
func (b *builder) declaredEnd(subject assay.Subject) (end assay.Date, contradicts bool) {
	own := assay.Subject("statement/" + b.request.Batch)
	said := map[assay.Subject]bool{}
	for _, o := range vocab.Standing(b.dossier.Observations()) {
		if o.Term == statedEnd {
			said[o.Subject] = true
		}
	}
	switch {
	case said[own]:
		subject = own
	case !said[subject]:
		return assay.Date{}, false
	}
	f := b.facts.Fact(subject, b.facts.Vocabulary().Term(statedEnd))
	if f.Conflict {
		return assay.Date{}, true
	}
	return f.Value.Date(), false
}

// publishedOn is the end of the period as it was published on a day, told from the
// observations made of it. What was observed counts before what was declared. Where
// the next observation after the day differs from the last one before it, the
// change may have come before the day, and nothing can be told.
func (b *builder) publishedOn(day assay.Date) (assay.Date, string) {
	type look struct {
		at  time.Time
		end assay.Date
	}
	after := day.AddDays(1).Time()
	bySource := map[assay.Source][]look{}
	all := b.dossier.Observations()
	withdrawn := map[assay.ObservationID]time.Time{}
	for _, o := range all {
		if o.Withdraws != "" {
			withdrawn[o.Withdraws] = o.At
		}
	}
	for _, o := range all {
		if o.Term != publishedEnd || o.Subject != assay.Product || o.Withdraws != "" {
			continue
		}
		v, err := o.Value.As(assay.DateType)
		at, gone := withdrawn[o.ID]
		if err != nil || gone && at.Before(after) {
			continue
		}
		bySource[o.Source] = append(bySource[o.Source], look{o.At, v.Date()})
		if gone { // from then on something else was published, or nothing
			bySource[o.Source] = append(bySource[o.Source], look{at, assay.Date{}})
		}
	}
	looks := bySource[assay.Observed]
	if len(looks) == 0 {
		looks = bySource[assay.Declared]
	}
	slices.SortStableFunc(looks, func(x, y look) int { return x.at.Compare(y.at) })
	i := slices.IndexFunc(looks, func(l look) bool { return !l.at.Before(after) })
	before, later := looks, []look(nil)
	if i >= 0 {
		before, later = looks[:i], looks[i:]
	}
	const ask = "; say which end was right then"
	switch {
	case len(before) == 0:
		return assay.Date{}, "nobody recorded what was published by the day of first supply, " + day.Words() + ask
	case len(later) > 0 && later[0].end != before[len(before)-1].end:
		return assay.Date{}, "the published period changed at about the day of first supply, " + day.Words() + ask
	}
	return before[len(before)-1].end, ""
}
