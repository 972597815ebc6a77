package law

import (
	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/vocab"
)

type op uint8

const (
	opLiteral op = iota
	opTerm
	opAsAt
	opTerritory
	opAnd
	opOr
	opNot
	opEqual
	opNotEqual
	opLess
	opLessEqual
	opGreater
	opGreaterEqual
	opIn
	opConditional
	opAddDays
	opAddYears
)

// code is one node of a compiled expression.
type code struct {
	op    op
	args  []*code
	value assay.Value // of a literal
	term  *vocab.Term
	bit   uint64 // of the term in its expression's masks
	text  string // the sub-expression as written
}

// situation is what expressions are evaluated in.
type situation struct {
	facts     *vocab.Facts
	part      *vocab.Part // the part at hand; nil for the product
	asAt      assay.Value // a date
	territory assay.Value // a word
}

// truth is a truth value of three-valued logic.
type truth uint8

const (
	unknown truth = iota
	isFalse
	isTrue
)

func truthOf(b bool) truth {
	if b {
		return isTrue
	}
	return isFalse
}

func (t truth) String() string { return [...]string{"not known", "no", "yes"}[t] }

// marks are sets of the expression's terms.
type marks struct {
	because uint64 // the facts that decided
	wanted  uint64 // the unknown facts that could still decide
}

// eval gives the truth of a boolean expression.
//
// A conjunction is false as soon as one side is, whatever the other; it rests on
// the false sides alone. It is unknown when neither side is false and one is
// unknown; wanted are then the unknown sides' terms. Disjunction is its mirror.
func (c *code) eval(s *situation) (truth, marks) {
	switch c.op {
	case opAnd:
		return c.junction(s, isFalse)
	case opOr:
		return c.junction(s, isTrue)
	case opNot:
		t, m := c.args[0].eval(s)
		switch t {
		case isTrue:
			t = isFalse
		case isFalse:
			t = isTrue
		}
		return t, m
	case opConditional:
		t, m := c.args[0].eval(s)
		switch t {
		case isTrue:
			return merge2(m)(c.args[1].eval(s))
		case isFalse:
			return merge2(m)(c.args[2].eval(s))
		}
		return unknown, m
	case opLiteral, opTerm:
		v, known, m := c.operand(s)
		if !known {
			return unknown, m
		}
		return truthOf(v.Bool()), m
	}
	return c.compare(s)
}

// junction evaluates && (decided by isFalse) and || (decided by isTrue).
func (c *code) junction(s *situation, decider truth) (truth, marks) {
	a, ma := c.args[0].eval(s)
	b, mb := c.args[1].eval(s)
	switch {
	case a == decider && b == decider:
		return decider, marks{because: ma.because | mb.because}
	case a == decider:
		return decider, ma
	case b == decider:
		return decider, mb
	case a == unknown && b == unknown:
		return unknown, marks{ma.because | mb.because, ma.wanted | mb.wanted}
	case a == unknown:
		return unknown, marks{ma.because | mb.because, ma.wanted}
	case b == unknown:
		return unknown, marks{ma.because | mb.because, mb.wanted}
	}
	return a, marks{because: ma.because | mb.because}
}

func merge2(m marks) func(truth, marks) (truth, marks) {
	return func(t truth, n marks) (truth, marks) {
		return t, marks{m.because | n.because, n.wanted}
	}
}

func (c *code) compare(s *situation) (truth, marks) {
	a, knownA, ma := c.args[0].operand(s)
	b, knownB, mb := c.args[1].operand(s)
	m := marks{ma.because | mb.because, ma.wanted | mb.wanted}
	if !knownA || !knownB {
		return unknown, m
	}
	switch c.op {
	case opEqual:
		return truthOf(a.Equal(*b)), m
	case opNotEqual:
		return truthOf(!a.Equal(*b)), m
	case opIn:
		return truthOf(b.Has(a.Text())), m
	}
	x, y := a.Int(), b.Int()
	switch c.op {
	case opLess:
		return truthOf(x < y), m
	case opLessEqual:
		return truthOf(x <= y), m
	case opGreater:
		return truthOf(x > y), m
	}
	return truthOf(x >= y), m
}

// operand gives the value of a term, a literal, or an expression.
func (c *code) operand(s *situation) (*assay.Value, bool, marks) {
	switch c.op {
	case opLiteral:
		return &c.value, true, marks{}
	case opTerm:
		f := s.facts.Of(s.part, c.term)
		if !f.Known() {
			return nil, false, marks{wanted: c.bit}
		}
		return &f.Value, true, marks{because: c.bit}
	case opAsAt:
		return &s.asAt, true, marks{}
	case opTerritory:
		return &s.territory, true, marks{}
	case opAddDays, opAddYears:
		a, knownA, ma := c.args[0].operand(s)
		b, knownB, mb := c.args[1].operand(s)
		m := marks{ma.because | mb.because, ma.wanted | mb.wanted}
		if !knownA || !knownB {
			return nil, false, m
		}
		d := a.Date().AddDays(int(b.Int()))
		if c.op == opAddYears {
			d = a.Date().AddYears(int(b.Int()))
		}
		v := assay.Day(d)
		return &v, true, m
	case opConditional: // its branches may be dates or words
		t, m := c.args[0].eval(s)
		if t == unknown {
			return nil, false, m
		}
		branch := c.args[1]
		if t == isFalse {
			branch = c.args[2]
		}
		v, known, n := branch.operand(s)
		return v, known, marks{m.because | n.because, n.wanted}
	}
	t, m := c.eval(s)
	if t == unknown {
		return nil, false, m
	}
	v := assay.Bool(t == isTrue)
	return &v, true, m
}

// Trace is one sub-expression with what it came to.
type Trace struct {
	Text  string  `json:"text"`
	Value string  `json:"value"` // yes, no, not known, or the value
	Parts []Trace `json:"parts,omitempty"`
}

// trace evaluates the expression again, keeping every sub-expression.
func (c *code) trace(s *situation) Trace {
	t := Trace{Text: c.text}
	if v, known, _ := c.operand(s); known {
		t.Value = v.String()
	} else {
		t.Value = unknown.String()
	}
	for _, a := range c.args {
		if a.op != opLiteral {
			t.Parts = append(t.Parts, a.trace(s))
		}
	}
	return t
}
