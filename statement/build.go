package statement

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/dossier"
	"github.com/assay-psti/assay/law"
	"github.com/assay-psti/assay/vocab"
)

// Request is what a dossier cannot say: who signs which statement, where and when.
type Request struct {
	Batch       string // none: the only batch of the dossier
	Signatory   Signatory
	Place       string
	Issued      assay.Date // the day of issue; the law of this day applies
	PreparedBy  string     // who prepared it on behalf of the manufacturer; none: the manufacturer
	FirstSupply assay.Date // of the batch; none: as product.yaml says
	SupportFrom assay.Date // the start of the support period, where the manufacturer states one
	Opinions    []Opinion
	Rely        []string // ways to comply to rely on, "para1-standard"; none: the first that passes
	Dir         string   // of the dossier, where earlier statements stand
}

// Subject is whose the terms on the statement of a batch are: the batch's own, or
// the product's where it has one batch only.
func Subject(p *dossier.Product, batch string) assay.Subject {
	if len(p.Batches) > 1 {
		return assay.Subject("statement/" + batch)
	}
	return assay.Product
}

// builder makes one statement.
type builder struct {
	settler
	request Request
	dossier *dossier.Dossier
	facts   *vocab.Facts
	regime  *law.RegimeVerdict
	earlier []issuedBefore
	content Content
	points  []Point
}

// Build makes the content of a statement from what stands in the dossier, judged
// as at the day of issue. Where something stands in the way the error is a
// *Refusal that names all of it.
func Build(d *dossier.Dossier, facts *vocab.Facts, r Request) (*Content, *law.Assessment, error) {
	if err := r.check(); err != nil {
		return nil, nil, err
	}
	a, err := law.Standard().Judge(facts, r.Issued, string(Regime))
	if err != nil {
		return nil, nil, err
	}
	b := &builder{settler: settler{opinions: r.Opinions, relied: r.Rely}, request: r, dossier: d, facts: facts, regime: &a.Regimes[0]}
	if err := b.scope(); err != nil {
		return nil, nil, err
	}
	if err := b.batch(); err != nil {
		return nil, nil, err
	}
	b.persons()
	b.opinion()
	if err := b.support(); err != nil {
		return nil, nil, err
	}
	b.rest()
	if err := b.unused(); err != nil {
		return nil, nil, err
	}
	if len(b.points) > 0 {
		return nil, nil, &Refusal{b.points}
	}
	for _, item := range b.content.Items() {
		if !item.Present {
			b.points = append(b.points, Point{Limb: item.ID, Title: item.Title, Cite: item.Cite, Subject: assay.Product, Why: "it lacks " + item.Missing, Fixed: true})
		}
	}
	if len(b.points) > 0 {
		return nil, nil, &Refusal{b.points}
	}
	return &b.content, a, nil
}

func (r *Request) check() error {
	for _, f := range []struct{ what, text string }{{"signatory", r.Signatory.Name}, {"function", r.Signatory.Function}, {"place", r.Place}} {
		if err := line(f.what, f.text, 200); err != nil {
			return err
		}
	}
	if r.PreparedBy != "" {
		if err := line("prepared by", r.PreparedBy, 200); err != nil {
			return err
		}
	}
	if r.Issued.Zero() {
		return fmt.Errorf("date of issue: %w: there is none", assay.ErrInvalid)
	}
	seen := map[string]bool{}
	for _, o := range r.Opinions {
		if seen[o.Limb] {
			return fmt.Errorf("opinion: %w: two on %s", assay.ErrInvalid, o.Limb)
		}
		seen[o.Limb] = true
	}
	return nil
}

// open adds a point, unless somebody takes responsibility for it.
func (b *builder) open(p Point) (waived bool) {
	if p.Subject == "" {
		p.Subject = assay.Product
	}
	if b.waive(p) {
		return true
	}
	b.points = append(b.points, p)
	return false
}

func (b *builder) scope() error {
	s := b.regime.Scope
	if s == nil {
		return nil
	}
	switch s.Verdict {
	case assay.NotApplicable:
		return &assay.Problem{Kind: assay.ErrRefused, What: fmt.Sprintf("the law asks for no statement of compliance for this product: %s (%s)", s.Title, s.Outcome)}
	case assay.Inconclusive:
		p := Point{Limb: "scope", Title: "The law reaches the product", Verdict: s.Verdict, Wanted: s.Wanted}
		for _, d := range s.Decisions {
			for _, u := range d.Unsettled {
				p.Why = "the law is unsettled: " + u.Question
			}
		}
		b.open(p)
	}
	return nil
}

// batch is SOC-01.
func (b *builder) batch() error {
	p := &b.dossier.Product
	name := b.request.Batch
	switch {
	case len(p.Batches) == 0:
		b.open(Point{Limb: "SOC-01", Title: "Type and batch", Why: "product.yaml names no batch; list it under batches", Fixed: true})
	case name == "" && len(p.Batches) > 1:
		ids := make([]string, len(p.Batches))
		for i, x := range p.Batches {
			ids[i] = x.ID
		}
		return fmt.Errorf("batch: %w: there are several; choose one with --batch: %s", assay.ErrInvalid, strings.Join(ids, ", "))
	case name == "":
		name = p.Batches[0].ID
	case !slices.ContainsFunc(p.Batches, func(x dossier.Batch) bool { return x.ID == name }):
		return fmt.Errorf("batch %.60q: %w: product.yaml does not list it under batches", name, assay.ErrNotFound)
	}
	b.request.Batch = name
	var err error
	if b.earlier, _, err = earlier(b.request.Dir, name); err != nil {
		return err
	}
	b.content.Product = Product{Name: p.Name, Make: p.Make, Types: slices.Clone(p.Models), Batch: name}
	if len(p.Models) == 0 {
		b.content.Product.Types = []string{p.Name}
	}
	return nil
}

// persons is SOC-02 and SOC-03.
func (b *builder) persons() {
	c := &b.content
	c.Manufacturers, c.Representatives = []Person{}, []Person{}
	for _, d := range b.regime.Persons {
		i := slices.IndexFunc(b.dossier.Product.Persons, func(p dossier.Person) bool { return p.ID == d.Subject.Name() })
		if i < 0 {
			continue
		}
		p := Person{b.dossier.Product.Persons[i].Name, b.dossier.Product.Persons[i].Address}
		limb, title, to := "SOC-02", "Name and address of each manufacturer", &c.Manufacturers
		switch d.Outcome {
		case "manufacturer":
		case "authorised representative":
			limb, title, to = "SOC-03", "Name and address of each authorised representative", &c.Representatives
		default:
			if d.Verdict == assay.Inconclusive {
				b.open(Point{Limb: limb, Title: title, Subject: d.Subject, Why: "whether this person is a manufacturer is not decided", Wanted: d.Wanted})
			}
			continue
		}
		if blank(p.Name) || blank(p.Address) {
			b.open(Point{Limb: limb, Title: title, Subject: d.Subject, Why: "the name or the postal address is missing in product.yaml", Fixed: true})
			continue
		}
		if !slices.Contains(*to, p) { // a person who holds several roles is named several times
			*to = append(*to, p)
		}
	}
	if len(c.Manufacturers) == 0 {
		b.open(Point{Limb: "SOC-02", Title: "Name and address of each manufacturer", Why: "no person of product.yaml is known to be the manufacturer", Fixed: true,
			Wanted: []law.Wanted{{Subject: assay.Product, Term: "person.own_mark"}}})
	}
	f := b.facts.Fact(assay.Product, b.facts.Vocabulary().Term("statement.representative_exists"))
	switch exists := f.Known() && f.Value.Bool(); {
	case len(c.Representatives) > 0 && f.Known() && !exists:
		b.open(Point{Limb: "SOC-03", Title: "Name and address of each authorised representative", Why: "the dossier names one and says that there is none", Fixed: true})
	case len(c.Representatives) == 0 && exists:
		b.open(Point{Limb: "SOC-03", Title: "Name and address of each authorised representative", Why: "there is one, but no person of product.yaml is known to be it", Fixed: true,
			Wanted: []law.Wanted{{Subject: assay.Product, Term: "person.authorised_by_foreign_manufacturer"}}})
	case len(c.Representatives) == 0 && !f.Known():
		b.open(Point{Limb: "SOC-03", Title: "Name and address of each authorised representative",
			Wanted: []law.Wanted{{Subject: assay.Product, Term: "statement.representative_exists"}}})
	}
}

// opinion is SOC-05 and SOC-06.
func (b *builder) opinion() {
	c := &b.content
	c.Standards = []Standard{}
	verdicts := []assay.Verdict{}
	for _, r := range b.regime.Requirements {
		if r.Kind != securityRequirement {
			continue
		}
		verdicts = append(verdicts, r.Verdict)
		o, points := b.requirement(r)
		b.points = append(b.points, points...)
		if len(points) > 0 {
			continue
		}
		c.Opinion = append(c.Opinion, o)
		if s, ok := standardOf(o.Route); ok && !slices.Contains(c.Standards, s) {
			c.Standards = append(c.Standards, s)
		}
	}
	c.Verdict = assay.All(verdicts...)
}

// requirement finds the way on which the opinion rests, or what stands in the way.
func (b *builder) requirement(r *law.Result) (Compliance, []Point) {
	o := Compliance{Requirement: r.ID, Title: r.Title, Cite: r.Cite, Basis: NotApplicable}
	ways := r.Limbs
	if i := slices.IndexFunc(ways, func(l *law.Result) bool { return slices.Contains(b.relied, l.ID) }); i >= 0 {
		ways = ways[i : i+1]
	}
	v, points := b.settle(r)
	if v == assay.NotApplicable {
		return o, nil
	}
	relied := len(ways) == 1 && len(r.Limbs) > 1
	if relied && r.Verdict == assay.Pass { // by that way or by another
		v, points = b.settle(ways[0])
	}
	if v != assay.Pass && len(points) > 0 {
		return o, points
	}
	// Where the requirement is met without anybody's opinion, so is the way.
	tried := settler{relied: b.relied}
	if r.Verdict != assay.Pass || relied {
		tried.opinions = b.opinions
	}
	for _, way := range ways {
		basis, known := basisOf(way.ID)
		if got, _ := tried.settle(way); v == assay.Pass && got == assay.Pass && known {
			o.Basis, o.Route, o.RouteTitle, o.Cite, o.RestsOn = basis, way.ID, way.Title, way.Cite, way.RestsOn.String()
			return o, nil
		}
	}
	p := Point{Limb: r.ID, Title: r.Title, Cite: r.Cite, Subject: r.Subject, Verdict: r.Verdict, Wanted: r.Wanted, Why: "no way to comply is known to be met", Fixed: true}
	if relied {
		way := ways[0]
		p = Point{Limb: way.ID, Title: way.Title, Cite: way.Cite, Subject: way.Subject, Verdict: way.Verdict, Wanted: way.Wanted, Why: "it is to be relied on and is not met", Fixed: true}
	}
	return o, []Point{p}
}

// rest is what the request says: SOC-04, SOC-08 and SOC-09, and what follows.
func (b *builder) rest() {
	c := &b.content
	c.PreparedBy = byManufacturer
	if b.request.PreparedBy != "" {
		c.PreparedBy = b.request.PreparedBy
	}
	c.Signatory, c.Place, c.Issued = b.request.Signatory, b.request.Place, b.request.Issued
	c.LawVersion = b.regime.Version
	c.RetainUntil = retainUntil(c)
	c.Responsibility = b.taken
	if c.Responsibility == nil {
		c.Responsibility = []Responsibility{}
	}
}

// retainUntil is ten years from issue where no end of the support period is stated.
func retainUntil(c *Content) assay.Date {
	end := c.Support.End
	if end.Zero() {
		end = c.Issued
	}
	return law.RetainUntil(c.Issued, end)
}

// unused refuses opinions and ways that bear on nothing: whoever gave them meant
// something else.
func (b *builder) unused() error {
	for _, o := range b.opinions {
		taken := slices.ContainsFunc(b.taken, func(r Responsibility) bool { return r.Limb == o.Limb })
		for i := range b.points {
			if p := &b.points[i]; p.Limb == o.Limb {
				p.Why = strings.TrimPrefix(p.Why+"; nobody can take responsibility in its place", "; ")
			}
		}
		if !taken && len(b.points) == 0 {
			return fmt.Errorf("opinion on %.60q: %w: that is not an open point of this assessment", o.Limb, assay.ErrInvalid)
		}
	}
	for _, id := range b.relied {
		known := slices.ContainsFunc(b.regime.Requirements, func(r *law.Result) bool {
			return r.Kind == securityRequirement && slices.ContainsFunc(r.Limbs, func(l *law.Result) bool { return l.ID == id })
		})
		if !known {
			return fmt.Errorf("way to comply %.60q: %w: see assay law show for those there are", id, assay.ErrNotFound)
		}
	}
	return nil
}
