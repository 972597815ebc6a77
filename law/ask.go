package law

import (
	"slices"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/vocab"
)

// Ask is a question whose answer can still change a verdict.
type Ask struct {
	Subject assay.Subject
	Term    *vocab.Term
	Bears   []string // the limbs and steps that want it, as "uk-psti PW-1"
	Scope   bool     // scope is open and wants it

	rank   int
	weight int
}

// ranks of questions: what decides whether the law applies comes before what it
// demands, whatever the weight.
const (
	scopeRank = iota
	gateRank
	limbRank
	personRank
)

// Asks are the questions whose answers can still change the verdict of some limb
// of the regimes named, most decisive first: what decides whether the law applies
// comes first, in the order in which the law asks it. A question is put if and only if
// that is so: a term that no open limb wants is not asked. only, if not empty,
// keeps what bears on the limb of that ID.
//
// Terms that a person cannot answer, those with no question in the vocabulary,
// are left out: they want evidence.
func (l *Law) Asks(facts *vocab.Facts, asAt assay.Date, only string, names ...string) ([]Ask, error) {
	a, err := l.Judge(facts, asAt, names...)
	if err != nil {
		return nil, err
	}
	var c collector
	for _, r := range a.Regimes {
		c.regime = string(r.ID)
		c.rank = scopeRank
		if r.Scope != nil && r.Scope.Verdict == assay.Inconclusive {
			for _, d := range r.Scope.Decisions {
				for i := range d.Steps {
					c.add(&d.Steps[i], only)
				}
			}
		}
		c.rank = limbRank
		for _, q := range r.Requirements {
			c.limbs(q, only)
		}
		c.rank = personRank
		for _, d := range r.Persons {
			for i := range d.Steps {
				if d.Verdict == assay.Inconclusive {
					c.add(&d.Steps[i], only)
				}
			}
		}
	}
	return l.weigh(c.found, facts, asAt, names)
}

type found struct {
	want  Wanted
	rank  int
	bears []string
}

// collector gathers wanted terms with the limbs that want them.
type collector struct {
	regime string
	rank   int
	found  []found
}

func (c *collector) limbs(r *Result, only string) {
	if r.Verdict != assay.Inconclusive {
		return
	}
	if only == r.ID {
		only = ""
	}
	if r.Gate != nil {
		was := c.rank
		c.rank = gateRank
		c.limbs(r.Gate, only)
		c.rank = was
	}
	for _, child := range r.Limbs {
		c.limbs(child, only)
	}
	c.add(r, only)
}

func (c *collector) add(r *Result, only string) {
	if only != "" && only != r.ID {
		return
	}
	bears := c.regime + " " + r.ID
	for _, w := range r.Wanted {
		below := func(child *Result) bool { return slices.Contains(child.Wanted, w) }
		if slices.ContainsFunc(r.Limbs, below) || r.Gate != nil && below(r.Gate) {
			continue // a limb below wants it, and was added
		}
		i := slices.IndexFunc(c.found, func(f found) bool { return f.want == w })
		if i < 0 {
			c.found = append(c.found, found{want: w, rank: c.rank})
			i = len(c.found) - 1
		}
		if !slices.Contains(c.found[i].bears, bears) {
			c.found[i].bears = append(c.found[i].bears, bears)
		}
	}
}

// maxWeighed bounds how many questions are weighed; a dossier that leaves more open
// is asked the rest in the order of the law.
const maxWeighed = 300

// weigh orders questions by what their answers would change, tried on the facts.
func (l *Law) weigh(all []found, facts *vocab.Facts, asAt assay.Date, names []string) ([]Ask, error) {
	var bulks []*Bulk
	for _, name := range names {
		b, err := l.NewBulk(name)
		if err != nil {
			return nil, err
		}
		bulks = append(bulks, b)
	}
	now := verdicts(bulks, facts, asAt)
	var asks []Ask
	for _, f := range all {
		t := l.vocabulary.Term(f.want.Term)
		if t.Question == "" {
			continue
		}
		a := Ask{Subject: f.want.Subject, Term: t, Bears: f.bears, Scope: f.rank == scopeRank, rank: f.rank}
		var answers []assay.Value
		if len(asks) < maxWeighed {
			answers = t.Samples(asAt)
		}
		for _, v := range answers {
			undo := facts.Try(f.want.Subject, t, vocab.Fact{Value: v, Basis: vocab.OnDeclared})
			a.weight += now.changed(verdicts(bulks, facts, asAt))
			undo()
		}
		a.weight /= max(1, len(answers))
		asks = append(asks, a)
	}
	slices.SortStableFunc(asks, func(a, b Ask) int {
		if a.rank != b.rank || a.rank != limbRank {
			return a.rank - b.rank // scope and roles are asked in the order of their trees, gates as written
		}
		return b.weight - a.weight
	})
	return asks, nil
}

// snapshot is every verdict at one moment.
type snapshot struct {
	regimes []assay.Verdict
	limbs   map[string]assay.Verdict
}

func verdicts(bulks []*Bulk, facts *vocab.Facts, asAt assay.Date) snapshot {
	s := snapshot{limbs: map[string]assay.Verdict{}}
	for _, b := range bulks {
		s.regimes = append(s.regimes, b.Judge(facts, asAt, func(id string, part assay.Subject, v assay.Verdict) {
			s.limbs[b.regime.Name()+" "+id+" "+string(part)] = v
		}))
	}
	return s
}

// changed weighs how much more is decided: a regime's verdict above all, then limbs.
func (s snapshot) changed(t snapshot) int {
	const regimeWeight, limbWeight = 1000, 10
	n := 0
	for i, v := range t.regimes {
		if v != s.regimes[i] {
			n += regimeWeight
		}
	}
	for id, v := range s.limbs {
		if w, still := t.limbs[id]; !still || w != v {
			n += limbWeight
		}
	}
	return n
}
