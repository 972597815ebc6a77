package check

import (
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/evidence"
)

// Evidence is the dossier's evidence as a pass reads it.
type Evidence interface {
	Of(evidence.Kind) []evidence.Item
	Open(evidence.Item) (*os.File, error)
	FS(evidence.Item) (fs.FS, io.Closer, error)
}

var _ Evidence = (*evidence.Folder)(nil)

// Input is what a pass is made of. It is filled in by whoever runs the check.
type Input struct {
	Evidence Evidence
	Parts    []assay.Subject // that the dossier names
	Product  Product         // that the dossier is about
	At       time.Time       // the moment that observations carry
	Results  map[*Check]any  // of what the check requires
	// Progress is told how far the pass is; nil where nobody listens. It may be called at any time while the check runs.
	Progress func(done, total int64, what string)
}

// Product is what a check may know of the product beforehand, so that it can tell
// which row of a table is meant and which page is for what.
type Product struct {
	Name   string
	Make   string   // the brand
	Models []string // type designations
	Pages  []Page   // that the dossier names
	Units  []Unit   // of it that were tested

	Interfaces []Interface // that the dossier names
}

// Unit is one unit of the product that was tested, and by what it is known on a network.
type Unit struct {
	ID        string
	Serial    string
	MAC       string   // six octets; "" is not known
	Addresses []string // IPv4 and IPv6
}

// Interface is a way into the product that the dossier names.
type Interface struct {
	ID       string
	Protocol string // as the dossier writes it; "" is not known
	Port     int    // of TCP or UDP; 0 is none or not known
}

// Page is a public page that the dossier names for a purpose.
type Page struct {
	Purpose string // "product", "security", "support" or "statement"
	URL     string
}

// Bounds of one pass.
const (
	maxObservations = 100_000
	maxRemarks      = 1000
	maxNote         = 4000 // bytes of a note, a remark or a text value
)

// Pass is one application of a check to one dossier. Its methods may be called
// from several goroutines of the check.
type Pass struct {
	check *Check
	in    Input

	mu           sync.Mutex // guards the fields below
	observations map[assay.ObservationID]assay.Observation
	remarks      []string
	partial      bool
	refused      error // the first observation that was refused
	closed       bool
}

// NewPass makes a pass for the check.
func NewPass(c *Check, in Input) *Pass {
	return &Pass{check: c, in: in, observations: map[assay.ObservationID]assay.Observation{}}
}

// Items is the evidence of one kind in order of name. A check sees the kinds that it needs or uses, and no others.
func (p *Pass) Items(kind evidence.Kind) []evidence.Item {
	if !p.reads(kind) || p.in.Evidence == nil {
		return nil
	}
	return p.in.Evidence.Of(kind)
}

// Open opens an item that is a file. The caller closes it.
func (p *Pass) Open(item evidence.Item) (*os.File, error) {
	if err := p.mayRead(item); err != nil {
		return nil, err
	}
	return p.in.Evidence.Open(item)
}

// FS opens an item that is a folder. The caller closes it.
func (p *Pass) FS(item evidence.Item) (fs.FS, io.Closer, error) {
	if err := p.mayRead(item); err != nil {
		return nil, nil, err
	}
	return p.in.Evidence.FS(item)
}

func (p *Pass) mayRead(item evidence.Item) error {
	if !p.reads(item.Kind) || p.in.Evidence == nil {
		return fmt.Errorf("check %s does not say that it needs or uses %s: %w", p.check, item.Kind, assay.ErrRefused)
	}
	return nil
}

func (p *Pass) reads(kind evidence.Kind) bool {
	return slices.Contains(p.check.Needs, kind) || slices.Contains(p.check.NeedsAny, kind) || slices.Contains(p.check.Uses, kind)
}

// Parts are the parts of the product that the dossier names.
func (p *Pass) Parts() []assay.Subject { return slices.Clone(p.in.Parts) }

// Product is what the dossier says of the product.
func (p *Pass) Product() Product {
	product := p.in.Product
	product.Models, product.Pages = slices.Clone(product.Models), slices.Clone(product.Pages)
	product.Units, product.Interfaces = slices.Clone(product.Units), slices.Clone(product.Interfaces)
	for i := range product.Units {
		product.Units[i].Addresses = slices.Clone(product.Units[i].Addresses)
	}
	return product
}

// Now is the moment at which the pass is made; it does not move while it runs.
func (p *Pass) Now() time.Time { return p.in.At }

// Progress says how far the pass is. total is 0 when it is not known.
func (p *Pass) Progress(done, total int64, what string) {
	if p.in.Progress != nil {
		p.in.Progress(done, total, what)
	}
}

// Result is what a required check returned.
func (p *Pass) Result(c *Check) (any, bool) {
	r, ok := p.in.Results[c]
	return r, ok
}

// ResultOf is what a required check returned, as its type. It panics where the
// check was not required or returns something else: a mistake in the caller.
func ResultOf[T any](p *Pass, c *Check) T {
	r, ok := p.Result(c)
	if !ok {
		panic(fmt.Sprintf("check %s reads the result of %s, which it does not require", p.check, c))
	}
	t, ok := r.(T)
	if !ok {
		panic(fmt.Sprintf("check %s wants %s of %s, which returns %T", p.check, reflect.TypeFor[T](), c, r))
	}
	return t
}

// Report states an observation. The check gives subject, term, value, evidence
// and note; source, author, time and ID are the pass's. An observation is refused
// where the check has not declared its term, or it cites no evidence by digest;
// a refused observation fails the check, whether or not it looks at the error.
func (p *Pass) Report(o assay.Observation) error { return p.state(o, assay.Observed) }

// Relay is Report for what somebody declares in the evidence: the check saw that
// it is said, not that it is so.
func (p *Pass) Relay(o assay.Observation) error { return p.state(o, assay.Declared) }

func (p *Pass) state(o assay.Observation, source assay.Source) error {
	o.Source, o.By, o.At, o.Withdraws = source, p.check.Name, p.in.At, ""
	o.Note = strings.TrimSpace(o.Note)
	err := p.fits(&o)
	o.Evidence = slices.Clone(o.Evidence)
	o.Identify()
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil && p.closed {
		err = fmt.Errorf("check %s reports after its pass ended: %w", p.check, assay.ErrRefused)
	}
	if err == nil && len(p.observations) >= maxObservations {
		err = fmt.Errorf("check %s reports more than %d observations: %w", p.check, maxObservations, assay.ErrRefused)
	}
	if err != nil {
		p.refused = cmp.Or(p.refused, err)
		return err
	}
	p.observations[o.ID] = o
	return nil
}

func (p *Pass) fits(o *assay.Observation) error {
	bad := func(why string) error {
		return fmt.Errorf("check %s, term %s, subject %s: %s: %w", p.check, o.Term, Printable(string(o.Subject)), why, assay.ErrRefused)
	}
	if !slices.Contains(p.check.Observes, o.Term) {
		return bad("the check has not declared this term")
	}
	if _, err := assay.ParseSubject(string(o.Subject)); err != nil {
		return bad("the subject does not fit")
	}
	if o.Value.Type() == assay.NoType {
		return bad("there is no value")
	}
	if len(o.Evidence) == 0 {
		return bad("no evidence is cited")
	}
	texts := append([]string{o.Note, o.Value.Text()}, o.Value.Set()...)
	for _, r := range o.Evidence {
		if !strings.HasPrefix(string(r.Digest), "sha256:") || len(r.Digest) != len("sha256:")+64 {
			return bad("evidence is cited without its digest")
		}
		texts = append(texts, r.Name, r.Place)
	}
	for _, t := range texts {
		if len(t) > maxNote || !utf8.ValidString(t) || strings.ContainsFunc(t, steers) {
			return bad("a text is too long or cannot be printed")
		}
	}
	return nil
}

// Remark says something that is no observation, in one line: what could not be
// looked at, and why nothing is said of it.
func (p *Pass) Remark(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed && len(p.remarks) < maxRemarks {
		p.remarks = append(p.remarks, Printable(text))
	}
}

// Partial says that the check could look at a part of the evidence only, and why.
// What it observed counts; what it observed in an earlier run and not in this one
// is not withdrawn.
func (p *Pass) Partial(why string) {
	p.Remark(why)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.partial = true
}

// Report is what came of a pass.
type Report struct {
	Observations []assay.Observation // by subject, term, value, then ID
	Remarks      []string
	Whole        bool // the check looked at all there was
}

// End closes the pass and gives what came of it. It is an error where an
// observation was refused.
func (p *Pass) End() (Report, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	r := Report{Remarks: slices.Clone(p.remarks), Whole: !p.partial}
	if p.refused != nil {
		return r, p.refused
	}
	for _, o := range p.observations {
		r.Observations = append(r.Observations, o)
	}
	Sort(r.Observations)
	return r, nil
}

// Sort puts observations into the order in which they are written: by who made
// them, subject, term, value, ID.
func Sort(observations []assay.Observation) {
	slices.SortFunc(observations, func(a, b assay.Observation) int {
		return cmp.Or(
			strings.Compare(a.By, b.By),
			strings.Compare(string(a.Subject), string(b.Subject)),
			strings.Compare(string(a.Term), string(b.Term)),
			strings.Compare(a.Value.String(), b.Value.String()),
			strings.Compare(string(a.ID), string(b.ID)),
		)
	})
}

// steers reports characters that move a screen, or turn what it shows round.
func steers(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }

// Printable makes one line that any screen can show of words that come from
// evidence, for notes, places and remarks.
func Printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if steers(r) || r == utf8.RuneError {
			return '?'
		}
		return r
	}, s)
	if len(s) > maxNote {
		s = strings.ToValidUTF8(s[:maxNote-3], "") + "..."
	}
	return s
}
