package statement

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/law"
	"github.com/assay-psti/assay/vocab"
)

// Point is one thing that stands in the way of a statement.
type Point struct {
	Limb    string        `json:"limb"` // of the law, or an item of the statement: "PW-1", "SOC-07", "scope"
	Title   string        `json:"title"`
	Cite    assay.Cite    `json:"cite,omitempty"`
	Subject assay.Subject `json:"subject"`
	Verdict assay.Verdict `json:"verdict"`          // FAIL or INCONCLUSIVE
	Why     string        `json:"why,omitempty"`    // what is open, or what would mend it
	Wanted  []law.Wanted  `json:"wanted,omitempty"` // terms that would decide it
	// Fixed says that nobody can take responsibility in its place.
	Fixed bool `json:"fixed"`
}

// String says it in one line.
func (p Point) String() string {
	text := p.Limb + " " + p.Title
	if p.Subject != "" && p.Subject != assay.Product {
		text += " (" + string(p.Subject) + ")"
	}
	text += ": " + p.Verdict.String()
	if p.Why != "" {
		text += ", " + p.Why
	}
	if len(p.Wanted) > 0 {
		names := make([]string, 0, len(p.Wanted))
		for _, w := range p.Wanted {
			name := string(w.Term)
			if t := vocab.Standard().Term(w.Term); t != nil {
				name += " (" + t.Title + ")"
			}
			if w.Subject != assay.Product && w.Subject != p.Subject {
				name = string(w.Subject) + ":" + name
			}
			names = append(names, name)
		}
		text += "; wanted: " + strings.Join(names, ", ")
	}
	return text
}

// Refusal is why there is no statement. It is of kind assay.ErrRefused.
type Refusal struct {
	Points []Point
}

func (r *Refusal) Error() string {
	all := make([]string, len(r.Points))
	for i, p := range r.Points {
		all[i] = p.String()
	}
	return fmt.Sprintf("no statement can be made, %d points stand in the way: %s", len(all), strings.Join(all, "; "))
}

// Unwrap gives the kind.
func (r *Refusal) Unwrap() error { return assay.ErrRefused }

// Verdict is FAIL where one of the points fails.
func (r *Refusal) Verdict() assay.Verdict {
	v := assay.Inconclusive
	for _, p := range r.Points {
		if p.Verdict == assay.Fail {
			v = assay.Fail
		}
	}
	return v
}

// Opinion is that a named person takes responsibility for an inconclusive limb.
type Opinion struct {
	Limb   string
	Reason string
	By     string
}

// ParseOpinion reads LIMB=REASON by NAME.
func ParseOpinion(s string) (Opinion, error) {
	limb, rest, ok := strings.Cut(s, "=")
	i := strings.LastIndex(rest, " by ")
	if !ok || i < 0 {
		return Opinion{}, fmt.Errorf("opinion %.60q: %w: write LIMB=\"REASON by NAME\"", s, assay.ErrInvalid)
	}
	o := Opinion{strings.TrimSpace(limb), strings.TrimSpace(rest[:i]), strings.TrimSpace(rest[i+4:])}
	for _, field := range []string{o.Limb, o.Reason, o.By} {
		if err := line("opinion", field, 1000); err != nil {
			return Opinion{}, err
		}
	}
	return o, nil
}

// line holds that a text is one line that can be printed.
func line(what, s string, most int) error {
	switch {
	case blank(s):
		return fmt.Errorf("%s: %w: nothing is written", what, assay.ErrInvalid)
	case len(s) > most:
		return fmt.Errorf("%s: %w: more than %d bytes", what, assay.ErrInvalid, most)
	case strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("%s: %w: it must be one line of printable characters", what, assay.ErrInvalid)
	}
	return nil
}

// settler applies opinions to an assessment.
type settler struct {
	opinions []Opinion
	relied   []string // the ways to comply that the user names
	taken    []Responsibility
}

// waive takes an opinion on a point into account, where there is one.
func (s *settler) waive(p Point) bool {
	if p.Fixed || p.Verdict != assay.Inconclusive {
		return false
	}
	i := slices.IndexFunc(s.opinions, func(o Opinion) bool { return o.Limb == p.Limb })
	if i < 0 {
		return false
	}
	o := s.opinions[i]
	k := slices.IndexFunc(s.taken, func(r Responsibility) bool { return r.Limb == p.Limb })
	if k < 0 {
		k = len(s.taken)
		s.taken = append(s.taken, Responsibility{Limb: p.Limb, Title: p.Title, Cite: p.Cite, Reason: o.Reason, By: o.By})
	}
	if t := &s.taken[k]; p.Subject != "" && p.Subject != assay.Product && !slices.Contains(t.Subjects, p.Subject) {
		t.Subjects = append(t.Subjects, p.Subject)
	}
	return true
}

// settle is a result's verdict once opinions are taken into account, and the
// points that stay. What fails fails: an opinion turns INCONCLUSIVE into PASS at
// the limb that is open, nowhere else.
func (s *settler) settle(r *law.Result) (assay.Verdict, []Point) {
	if r.Verdict == assay.Fail {
		return assay.Fail, failures(r)
	}
	if r.Verdict != assay.Inconclusive {
		return r.Verdict, nil
	}
	var points []Point
	v := assay.Inconclusive
	if len(r.Limbs) > 0 {
		v, points = s.content(r)
	}
	if r.Gate != nil && r.Gate.Verdict == assay.Inconclusive {
		gate, open := s.settle(r.Gate)
		switch gate {
		case assay.Inconclusive:
			return assay.Inconclusive, append(open, points...)
		case assay.Fail, assay.NotApplicable:
			return assay.NotApplicable, nil
		}
	}
	if p, own := ownPoint(r); own {
		if !s.waive(p) {
			return assay.Inconclusive, append([]Point{p}, points...)
		}
		if len(r.Limbs) == 0 {
			return assay.Pass, nil
		}
	}
	return v, points
}

// content is what the limbs of a group come to.
func (s *settler) content(r *law.Result) (assay.Verdict, []Point) {
	if r.Group == "any" || r.Group == "for_any" {
		return s.alternatives(r)
	}
	var verdicts []assay.Verdict
	var points []Point
	for _, limb := range r.Limbs {
		v, open := s.settle(limb)
		verdicts = append(verdicts, v)
		points = append(points, open...)
	}
	return assay.All(verdicts...), points
}

// alternatives takes the first that passes, with opinions if need be; the way that
// the user relies on alone where there is one. The points are those of the first
// that is still open, or else of the first that fails.
func (s *settler) alternatives(r *law.Result) (assay.Verdict, []Point) {
	limbs := r.Limbs
	if i := slices.IndexFunc(limbs, func(l *law.Result) bool { return slices.Contains(s.relied, l.ID) }); i >= 0 {
		limbs = limbs[i : i+1]
	}
	var open, failed []Point
	whole := assay.NotApplicable
	for _, limb := range limbs {
		taken := slices.Clone(s.taken)
		v, points := s.settle(limb)
		switch v {
		case assay.Pass:
			return v, nil
		case assay.Inconclusive:
			if open == nil {
				open = points
			}
		case assay.Fail:
			if failed == nil {
				failed = points
			}
		}
		s.taken = taken // an opinion that did not carry the way does not count
		whole = assay.Any(whole, v)
	}
	if open != nil {
		return whole, open
	}
	return whole, failed
}

// ownPoint is what a result leaves open by itself, not through what is below it: a
// limb, or a group whose condition is open.
func ownPoint(r *law.Result) (Point, bool) {
	p := Point{Limb: r.ID, Title: r.Title, Cite: r.Cite, Subject: r.Subject, Verdict: r.Verdict, Wanted: r.Wanted}
	if len(r.Unsettled) > 0 {
		p.Why = "the law is unsettled: " + r.Unsettled[0].Question
	}
	below := r.Limbs
	if len(below) == 0 {
		return p, r.Gate == nil || r.Gate.Verdict != assay.Inconclusive
	}
	if r.Gate != nil {
		below = append(slices.Clone(below), r.Gate)
	}
	wanted, points := slices.Clone(r.Wanted), slices.Clone(r.Unsettled)
	open := false
	for _, b := range below {
		open = open || b.Verdict == assay.Inconclusive
		wanted = slices.DeleteFunc(wanted, func(w law.Wanted) bool { return slices.Contains(b.Wanted, w) })
		points = slices.DeleteFunc(points, func(u law.Point) bool { return slices.Contains(b.Unsettled, u) })
	}
	if len(wanted) == 0 && len(points) == 0 && open {
		return p, false
	}
	p.Wanted = wanted
	// Where the condition is open and what it leads to fails, the failure stands.
	for _, b := range r.Limbs {
		p.Fixed = p.Fixed || b.Verdict == assay.Fail && r.Group != "any" && r.Group != "for_any"
	}
	return p, true
}

// failures are the limbs that make a result fail.
func failures(r *law.Result) []Point {
	if len(r.Limbs) == 0 {
		return []Point{{Limb: r.ID, Title: r.Title, Cite: r.Cite, Subject: r.Subject, Verdict: assay.Fail, Why: r.Remedy, Fixed: true}}
	}
	var points []Point
	for _, limb := range r.Limbs {
		if limb.Verdict != assay.Fail {
			continue
		}
		points = append(points, failures(limb)...)
		if r.Group == "any" || r.Group == "for_any" {
			return points // the way that the law names first
		}
	}
	if len(points) == 0 { // it fails by its own condition
		return []Point{{Limb: r.ID, Title: r.Title, Cite: r.Cite, Subject: r.Subject, Verdict: assay.Fail, Why: r.Remedy, Fixed: true}}
	}
	return points
}
