// Package vocab holds the vocabulary: every term in which an observation may be
// made, what type and unit its values have, how several observations of it fold
// into one fact, the question that asks a person for it, and its legal source.
//
// The vocabulary is data (terms/*.yaml). The package does not say what follows
// from a fact: that is law.
package vocab

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"sort"
	"sync"

	"github.com/goccy/go-yaml"

	"github.com/assay-psti/assay"
)

//go:embed terms/*.yaml
var standardFiles embed.FS

// Standard is the vocabulary that the program ships with.
var Standard = sync.OnceValue(func() *Vocabulary {
	sub, err := fs.Sub(standardFiles, "terms")
	if err == nil {
		var v *Vocabulary
		if v, err = Load(sub); err == nil {
			return v
		}
	}
	panic(err) // our own data is wrong; the tests hold this
})

// Fold is the rule by which several observations of one term about one subject,
// from the same source, become one fact.
type Fold string

// The folds. Whatever the fold, what was observed beats what was declared.
const (
	Agree    Fold = "agree"    // all say the same, else they contradict and the fact stays unknown
	AnyTrue  Fold = "any"      // true when one says true: one sighting is enough
	AllTrue  Fold = "all"      // false when one says false: one counter-example is enough
	Latest   Fold = "latest"   // the newest stands: the thing itself changes over time
	Union    Fold = "union"    // sets are joined
	Smallest Fold = "smallest" // the least number or earliest date
	Largest  Fold = "largest"  // the greatest number or latest date
)

// Term is one word of the vocabulary.
type Term struct {
	ID       assay.TermID
	On       string     // the kind of subject it is said of: "product", "password", ...
	Type     assay.Type // of its values
	Unit     string     // of an int: "days", "months"
	Values   []string
	Fold     Fold
	Title    string         // a short noun phrase for tables
	Question string         // put to a person when nobody has observed it; empty: not asked
	Help     string         // how to find the answer, in plain words
	Source   assay.Cite     // where the law or standard uses it
	Lists    string         // the kind of part of which it says that the dossier names every one; mostly none
	Doubted  []assay.TermID // bools; where one was observed true, a mere word of yes on this bool is not relied on

	index int // among all terms
	slot  int // among the terms of its kind of subject
}

// Vocabulary is a checked set of terms.
type Vocabulary struct {
	terms  []Term // by ID
	byID   map[assay.TermID]*Term
	byKind map[string][]*Term // by slot
}

// termFile is a file of terms. Types are read as words: the decoder would write
// the whole file out anew for each value that reads itself from text.
type termFile struct {
	Terms []struct {
		ID       assay.TermID   `yaml:"id"`
		On       string         `yaml:"on"`
		Type     string         `yaml:"type"`
		Unit     string         `yaml:"unit"`
		Values   []string       `yaml:"values"`
		Fold     Fold           `yaml:"fold"`
		Title    string         `yaml:"title"`
		Question string         `yaml:"question"`
		Help     string         `yaml:"help"`
		Source   assay.Cite     `yaml:"source"`
		Lists    string         `yaml:"lists"`
		Doubted  []assay.TermID `yaml:"doubted_by"`
	} `yaml:"terms"`
}

var (
	termForm = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z0-9][a-z0-9_]*)+$`)
	kindForm = regexp.MustCompile(`^[a-z]+$`)
)

// Load reads every .yaml file of the folder as terms and checks them.
func Load(fsys fs.FS) (*Vocabulary, error) {
	names, err := fs.Glob(fsys, "*.yaml")
	if err != nil {
		return nil, err
	}
	v := &Vocabulary{byID: map[assay.TermID]*Term{}, byKind: map[string][]*Term{}}
	for _, name := range names {
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		var f termFile
		if err := yaml.UnmarshalWithOptions(data, &f, yaml.Strict()); err != nil {
			return nil, fmt.Errorf("%s: %w: %w", path.Base(name), assay.ErrInvalid, err)
		}
		for _, w := range f.Terms {
			t := Term{ID: w.ID, On: w.On, Unit: w.Unit, Values: w.Values, Fold: w.Fold, Title: w.Title, Question: w.Question,
				Help: w.Help, Source: w.Source, Lists: w.Lists, Doubted: w.Doubted}
			err := t.Type.UnmarshalText([]byte(w.Type))
			if err == nil {
				err = t.check()
			}
			if err != nil {
				return nil, fmt.Errorf("%s: term %q: %w", path.Base(name), t.ID, err)
			}
			v.terms = append(v.terms, t)
		}
	}
	return v, v.arrange()
}

func (v *Vocabulary) arrange() error {
	sort.SliceStable(v.terms, func(i, j int) bool { return v.terms[i].ID < v.terms[j].ID })
	for i := range v.terms {
		t := &v.terms[i]
		if v.byID[t.ID] != nil {
			return fmt.Errorf("term %q: %w: defined twice", t.ID, assay.ErrInvalid)
		}
		t.index = i
		t.slot = len(v.byKind[t.On])
		v.byID[t.ID] = t
		v.byKind[t.On] = append(v.byKind[t.On], t)
	}
	for i := range v.terms {
		t := &v.terms[i]
		for _, id := range t.Doubted {
			if by := v.byID[id]; by == nil || by.Type != assay.BoolType || by.On != t.On || t.Type != assay.BoolType {
				return fmt.Errorf("term %q: %w: doubted_by: %q is no bool said of a %s", t.ID, assay.ErrInvalid, id, t.On)
			}
		}
	}
	return nil
}

func (t *Term) check() error {
	bad := func(what string) error { return fmt.Errorf("%w: %s", assay.ErrInvalid, what) }
	if !termForm.MatchString(string(t.ID)) {
		return bad("want an id such as password.unique")
	}
	if t.On == "" {
		t.On = string(assay.Product)
	}
	if t.Fold == "" {
		t.Fold = Agree
	}
	if t.Title == "" {
		return bad("a title is wanted")
	}
	if t.Source == "" {
		return bad("a legal source is wanted")
	}
	if !kindForm.MatchString(t.On) {
		return bad("on: want a kind of subject such as password")
	}
	if t.Lists != "" && (t.Type != assay.BoolType || t.On != string(assay.Product) || !kindForm.MatchString(t.Lists)) {
		return bad("lists: want a kind of part, on a bool of the product")
	}
	if len(t.Values) > 0 && t.Type != assay.TextType && t.Type != assay.SetType {
		return bad("values are for text and set only")
	}
	var fits bool
	switch t.Fold {
	case Agree, Latest:
		fits = t.Type != assay.NoType
	case AnyTrue, AllTrue:
		fits = t.Type == assay.BoolType
	case Union:
		fits = t.Type == assay.SetType
	case Smallest, Largest:
		fits = t.Type == assay.IntType || t.Type == assay.DateType
	}
	if !fits {
		return bad(fmt.Sprintf("fold %q does not fit type %s", t.Fold, t.Type))
	}
	return nil
}

// Term finds a term; nil when the vocabulary has none of that name.
func (v *Vocabulary) Term(id assay.TermID) *Term { return v.byID[id] }

// Terms are all terms in order of ID.
func (v *Vocabulary) Terms() []Term { return v.terms }

// Len is the number of terms.
func (v *Vocabulary) Len() int { return len(v.terms) }

// Index is the term's place among all terms of its vocabulary.
func (t *Term) Index() int { return t.index }

// Kinds are the kinds of subject that terms are said of, in order.
func (v *Vocabulary) Kinds() []string {
	kinds := make([]string, 0, len(v.byKind))
	for k := range v.byKind {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	return kinds
}

// Check reports why a value may not be said of the term, and gives the value in
// the term's type.
func (t *Term) Check(value assay.Value) (assay.Value, error) {
	w, err := value.As(t.Type)
	if err != nil {
		return assay.Value{}, fmt.Errorf("term %s: %w", t.ID, err)
	}
	if len(t.Values) == 0 {
		return w, nil
	}
	words := w.Set()
	if t.Type == assay.TextType {
		words = []string{w.Text()}
	}
	for _, word := range words {
		if !slices.Contains(t.Values, word) {
			return assay.Value{}, fmt.Errorf("term %s: %q: %w: want one of %v", t.ID, word, assay.ErrInvalid, t.Values)
		}
	}
	return w, nil
}

// FitsSubject reports whether the term may be said of the subject: of its own
// kind, or of the product, which then stands for every part of that kind that
// has nothing of its own.
func (t *Term) FitsSubject(s assay.Subject) bool {
	return s == assay.Product || s.Kind() == t.On
}

// Samples are values that an answer could have, enough to see what an answer
// might change: every value of a bool or an enumeration, and extremes of the
// others.
func (t *Term) Samples(asAt assay.Date) []assay.Value {
	switch t.Type {
	case assay.BoolType:
		return []assay.Value{assay.Bool(true), assay.Bool(false)}
	case assay.IntType:
		return []assay.Value{assay.Int(0), assay.Int(1 << 31)}
	case assay.DateType:
		return []assay.Value{assay.Day(asAt.AddYears(-20)), assay.Day(asAt.AddYears(20))}
	case assay.SetType:
		return []assay.Value{assay.Set(), assay.Set(t.Values...)}
	}
	if len(t.Values) == 0 {
		return []assay.Value{assay.Text("x")}
	}
	values := make([]assay.Value, len(t.Values))
	for i, w := range t.Values {
		values[i] = assay.Text(w)
	}
	return values
}
