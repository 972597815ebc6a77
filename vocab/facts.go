package vocab

import (
	"fmt"
	"slices"

	"github.com/assay-psti/assay"
)

// Basis is what a fact rests on.
type Basis uint8

// A fact rests on what was observed, on what was declared, or on both where they
// agree. An unknown fact rests on nothing.
const (
	OnNothing  Basis = 0
	OnObserved Basis = 1
	OnDeclared Basis = 2
	OnBoth           = OnObserved | OnDeclared
)

var basisNames = [...]string{"nothing", "observed", "declared", "both"}

func (b Basis) String() string { return basisNames[b&3] }

// MarshalText writes nothing, observed, declared or both.
func (b Basis) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (b *Basis) UnmarshalText(text []byte) error {
	i := slices.Index(basisNames[:], string(text))
	if i < 0 {
		return fmt.Errorf("basis %q: %w", text, assay.ErrInvalid)
	}
	*b = Basis(i)
	return nil
}

// Fact is what the observations of one term about one subject fold into.
type Fact struct {
	Value   assay.Value // no value when unknown
	Basis   Basis
	Because []assay.ObservationID // that say so
	Against []assay.ObservationID // that say otherwise; kept and shown

	// Conflict is set when observations of equal standing contradict, or what was
	// observed speaks against a mere word, so that the fact stays unknown.
	Conflict bool
}

// Known reports whether the fact has a value.
func (f *Fact) Known() bool { return f.Value.Type() != assay.NoType }

// Part is one part of the product with its facts.
type Part struct {
	Subject assay.Subject
	facts   []Fact // by slot of its kind
}

// Facts are what is known of one product and its parts.
type Facts struct {
	vocabulary *Vocabulary
	product    [][]Fact          // what is said of the product, by index over all terms, in pages; nil pages hold nothing
	parts      map[string][]Part // by kind, in order of subject
	nothing    Fact              // stands for every fact of a page that is not there
}

// pageTerms is how many terms share a page. Most products are spoken of in a small
// part of the vocabulary.
const pageTerms = 32

// said is the fact of the product at the term's index.
func (f *Facts) said(index int) *Fact {
	if page := f.product[index/pageTerms]; page != nil {
		return &page[index%pageTerms]
	}
	return &f.nothing
}

// place is where the product's fact at the term's index is kept.
func (f *Facts) place(index int) *Fact {
	page := &f.product[index/pageTerms]
	if *page == nil {
		*page = make([]Fact, pageTerms)
	}
	return &(*page)[index%pageTerms]
}

// NewFacts makes facts of which all are unknown.
func NewFacts(v *Vocabulary) *Facts {
	return &Facts{vocabulary: v, product: make([][]Fact, (v.Len()+pageTerms-1)/pageTerms), parts: map[string][]Part{}}
}

// Vocabulary is the vocabulary in which the facts are stated.
func (f *Facts) Vocabulary() *Vocabulary { return f.vocabulary }

// Parts are the parts of one kind, in order of subject. The caller must not
// change them.
func (f *Facts) Parts(kind string) []Part { return f.parts[kind] }

// AddPart makes the part known, if it was not.
func (f *Facts) AddPart(s assay.Subject) {
	if s == assay.Product {
		return
	}
	kind := s.Kind()
	i, found := slices.BinarySearchFunc(f.parts[kind], s, comparePart)
	if !found {
		p := Part{Subject: s, facts: make([]Fact, len(f.vocabulary.byKind[kind]))}
		f.parts[kind] = slices.Insert(f.parts[kind], i, p)
	}
}

func comparePart(p Part, s assay.Subject) int {
	switch {
	case p.Subject < s:
		return -1
	case p.Subject > s:
		return 1
	}
	return 0
}

// Put states a fact of a subject, replacing what was there.
func (f *Facts) Put(s assay.Subject, t *Term, fact Fact) {
	if s == assay.Product {
		*f.place(t.index) = fact
		return
	}
	f.AddPart(s)
	i, _ := slices.BinarySearchFunc(f.parts[s.Kind()], s, comparePart)
	f.parts[s.Kind()][i].facts[t.slot] = fact
}

// Fact is the fact of a term about a subject. What is said of the product stands
// for a part of which nothing else is known.
func (f *Facts) Fact(s assay.Subject, t *Term) *Fact {
	if s != assay.Product && s.Kind() == t.On {
		parts := f.parts[t.On]
		if i, found := slices.BinarySearchFunc(parts, s, comparePart); found {
			return f.Of(&parts[i], t)
		}
	}
	return f.said(t.index)
}

// Of is Fact for a part at hand; a nil part is the product.
func (f *Facts) Of(p *Part, t *Term) *Fact {
	if p != nil && p.Subject.Kind() == t.On {
		if own := &p.facts[t.slot]; own.Known() || own.Conflict {
			return own
		}
	}
	return f.said(t.index)
}

// Try states a fact for a moment: undo puts back what was there. The subject must
// be the product or a part that the facts hold.
func (f *Facts) Try(s assay.Subject, t *Term, fact Fact) (undo func()) {
	at := f.place(t.index)
	if s != assay.Product {
		parts := f.parts[s.Kind()]
		if i, found := slices.BinarySearchFunc(parts, s, comparePart); found {
			at = &parts[i].facts[t.slot]
		}
	}
	was := *at
	*at = fact
	return func() { *at = was }
}

// Withhold makes unknown what is only declared of the product as a whole in the
// terms given. It is for terms on which there is evidence that could not be read:
// while nobody knows what the evidence says, a word about all of the product is
// not enough. That every part is named, of a kind of which the terms are said, is
// such a word too. What was observed, and what is said of single parts, stays.
func (f *Facts) Withhold(terms []assay.TermID) {
	kinds := map[string]bool{}
	for _, id := range terms {
		if t := f.vocabulary.Term(id); t != nil {
			f.withhold(t)
			kinds[t.On] = true
		}
	}
	for i := range f.vocabulary.terms {
		if t := &f.vocabulary.terms[i]; kinds[t.Lists] {
			f.withhold(t)
		}
	}
}

func (f *Facts) withhold(t *Term) {
	if said := f.said(t.index); said.Basis == OnDeclared {
		*f.place(t.index) = Fact{Against: said.Because}
	}
}
