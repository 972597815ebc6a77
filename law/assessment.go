package law

import (
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/vocab"
)

// Assessment is what the law makes of a product's facts on a date.
type Assessment struct {
	AsAt    assay.Date      `json:"as_at"`
	Verdict assay.Verdict   `json:"verdict"`
	Regimes []RegimeVerdict `json:"regimes"`
}

// RegimeVerdict is the verdict of one regime.
type RegimeVerdict struct {
	ID           assay.RegimeID `json:"id"`
	Title        string         `json:"title"`
	Jurisdiction string         `json:"jurisdiction"`
	Version      string         `json:"version"` // "" before the first version
	Verdict      assay.Verdict  `json:"verdict"`
	Scope        *ScopeVerdict  `json:"scope,omitempty"`
	Persons      []Decision     `json:"persons,omitempty"` // the role of each person
	Requirements []*Result      `json:"requirements"`
	Overlays     []Overlay      `json:"-"` // in force on the date
}

// ScopeVerdict says whether the regime reaches the product: PASS is yes,
// NOT APPLICABLE is no.
type ScopeVerdict struct {
	Verdict   assay.Verdict `json:"verdict"`
	Outcome   string        `json:"outcome"` // IN, OUT_..., REVIEW, or "" while open
	Title     string        `json:"title"`
	RestsOn   vocab.Basis   `json:"rests_on"`
	Decisions []Decision    `json:"decisions"` // for each territory and consignment
	Wanted    []Wanted      `json:"wanted,omitempty"`
}

// Decision is the walk of one tree for one part and territory.
type Decision struct {
	Subject   assay.Subject         `json:"subject"`
	Territory string                `json:"territory,omitempty"`
	Verdict   assay.Verdict         `json:"verdict"`
	Outcome   string                `json:"outcome"`
	Title     string                `json:"title"`
	Cite      assay.Cite            `json:"cite,omitempty"`
	Open      Open                  `json:"open,omitempty"`
	Unsettled []Point               `json:"unsettled,omitempty"`
	RestsOn   vocab.Basis           `json:"rests_on"`
	Steps     []Result              `json:"steps"`
	Because   []assay.ObservationID `json:"because"`
	Wanted    []Wanted              `json:"wanted,omitempty"`
	Duties    []string              `json:"duties,omitempty"` // of a person in that role, by ID
}

// Open says what an INCONCLUSIVE verdict waits for. The two need different next
// steps, so a verdict says which.
type Open string

// What a verdict may wait for.
const (
	Decided      Open = ""
	OpenEvidence Open = "evidence" // the wanted terms
	OpenLaw      Open = "law"      // a point on which the law is unsettled
	OpenBoth     Open = "both"
)

func (o Open) and(p Open) Open {
	switch {
	case o == Decided || o == p:
		return p
	case p == Decided:
		return o
	}
	return OpenBoth
}

// Point is a point on which the law is unsettled.
type Point struct {
	Question  string `json:"question"`
	SettledBy string `json:"settled_by"`
	Decision  int    `json:"decision,omitempty"`
}

// Wanted is a term whose value could still change a verdict.
type Wanted struct {
	Subject assay.Subject
	Term    assay.TermID
}

// String is the term, after the part that it is wanted of:
// "password/admin:password.unique_per_product", as assay ask --set takes it.
func (w Wanted) String() string {
	if w.Subject == assay.Product {
		return string(w.Term)
	}
	return string(w.Subject) + ":" + string(w.Term)
}

// MarshalText writes what String says.
func (w Wanted) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (w *Wanted) UnmarshalText(text []byte) error {
	at := strings.LastIndexByte(string(text), ':') // a part's name may hold one, a term may not
	if at < 0 {
		w.Subject, w.Term = assay.Product, assay.TermID(text)
		return nil
	}
	s, err := assay.ParseSubject(string(text[:at]))
	w.Subject, w.Term = s, assay.TermID(text[at+1:])
	return err
}

// FactUsed is a fact that an expression used.
type FactUsed struct {
	Subject  assay.Subject         `json:"subject"`
	Term     assay.TermID          `json:"term"`
	Value    assay.Value           `json:"value"`
	RestsOn  vocab.Basis           `json:"rests_on"`
	Because  []assay.ObservationID `json:"because,omitempty"`
	Against  []assay.ObservationID `json:"against,omitempty"`
	Conflict bool                  `json:"conflict,omitempty"`
}

// Result is the verdict on a requirement, a limb, or a group of limbs, with the
// way that led there.
type Result struct {
	ID         string                `json:"id"`
	Title      string                `json:"title"`
	Kind       string                `json:"kind,omitempty"`
	Cite       assay.Cite            `json:"cite"`
	Subject    assay.Subject         `json:"subject"`
	Verdict    assay.Verdict         `json:"verdict"`
	Open       Open                  `json:"open,omitempty"`
	RestsOn    vocab.Basis           `json:"rests_on"`
	Confidence Confidence            `json:"confidence"`
	Reading    string                `json:"reading,omitempty"` // how the law was read, where that is an interpretation
	Decision   int                   `json:"decision,omitempty"`
	Remedy     string                `json:"remedy,omitempty"`
	Advice     string                `json:"advice,omitempty"`
	Group      string                `json:"group,omitempty"`   // "all", "any", "for_each", "for_any", "provision"; "" for a limb
	NotMet     string                `json:"not_met,omitempty"` // why it does not apply
	Answer     string                `json:"answer,omitempty"`  // of a step: yes, no, not known
	Facts      []FactUsed            `json:"facts,omitempty"`
	Trace      *Trace                `json:"trace,omitempty"`
	Gate       *Result               `json:"gate,omitempty"`
	Limbs      []*Result             `json:"limbs,omitempty"`
	Because    []assay.ObservationID `json:"because"`
	Wanted     []Wanted              `json:"wanted,omitempty"`
	Unsettled  []Point               `json:"unsettled,omitempty"`
	Level      string                `json:"level,omitempty"` // of a provision: M or R
	Case       string                `json:"case,omitempty"`

	node *Node
}

// Interpretation reports whether the limb's reading is ours rather than the
// text's.
func (r *Result) Interpretation() bool { return r.Confidence != Read || r.Decision != 0 }

// Judge judges the facts by the regimes named, as the law stood on a date.
func (l *Law) Judge(facts *vocab.Facts, asAt assay.Date, names ...string) (*Assessment, error) {
	a := &Assessment{AsAt: asAt, Verdict: assay.NotApplicable}
	for _, name := range names {
		r, err := l.Regime(name)
		if err != nil {
			return nil, err
		}
		v := r.judge(facts, asAt)
		a.Regimes = append(a.Regimes, v)
		a.Verdict = assay.All(a.Verdict, v.Verdict)
	}
	return a, nil
}

// Bulk judges many products by one regime with no explanation, for surveys and
// simulations. It is not safe for use by several goroutines; make one for each.
type Bulk struct {
	regime *Regime
	judge  judge
}

// NewBulk makes a bulk judge.
func (l *Law) NewBulk(name string) (*Bulk, error) {
	r, err := l.Regime(name)
	return &Bulk{regime: r}, err
}

// Judge is the regime's verdict, the same that Law.Judge gives. each, if not nil,
// is told the verdict of every requirement and limb.
func (b *Bulk) Judge(facts *vocab.Facts, asAt assay.Date, each func(id string, part assay.Subject, v assay.Verdict)) assay.Verdict {
	b.judge.reset(facts, asAt)
	scope := b.regime.scopeVerdict(&b.judge)
	if scope == assay.NotApplicable {
		return scope
	}
	whole := b.regime.requirements(&b.judge)
	if each != nil {
		for i := range b.judge.records {
			r := &b.judge.records[i]
			subject := assay.Product
			if r.part != nil {
				subject = r.part.Subject
			}
			each(r.node.ID, subject, r.verdict)
		}
	}
	if scope == assay.Inconclusive {
		return scope
	}
	return whole
}

// requirements judges them all, and says what they come to.
func (r *Regime) requirements(j *judge) assay.Verdict {
	if r.Overall == overallTS103701 {
		return r.overall103701(j)
	}
	whole := assay.NotApplicable
	for _, n := range r.Requirements {
		if inForce(n.From, n.Until, j.date) {
			whole = assay.All(whole, j.node(n, asContent))
		}
	}
	return whole
}

func (r *Regime) judge(facts *vocab.Facts, asAt assay.Date) RegimeVerdict {
	v := RegimeVerdict{ID: r.ID, Title: r.Title, Jurisdiction: r.Jurisdiction, Requirements: []*Result{}}
	if version := r.VersionAt(asAt); version != nil {
		v.Version = version.ID
	}
	for _, o := range r.Overlays {
		if inForce(o.From, o.Until, asAt) {
			v.Overlays = append(v.Overlays, o)
		}
	}
	j := &judge{}
	j.reset(facts, asAt)
	if r.Scope != nil {
		v.Scope = r.scope(j)
	}
	scope := assay.Pass
	switch {
	case v.Scope != nil:
		scope = v.Scope.Verdict
	case v.Version == "":
		scope = assay.NotApplicable
	}
	if scope == assay.NotApplicable {
		v.Verdict = scope
		return v // and no person owes a duty for the product
	}
	if r.Roles != nil {
		v.Persons = r.persons(j)
	}
	j.records = j.records[:0]
	v.Verdict = r.requirements(j)
	for i := 0; i < len(j.records); i = j.records[i].end {
		v.Requirements = append(v.Requirements, j.explain(i))
	}
	if scope == assay.Inconclusive {
		v.Verdict = scope
	}
	return v
}
