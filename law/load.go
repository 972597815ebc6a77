package law

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"github.com/goccy/go-yaml"
	"golang.org/x/sync/errgroup"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/vocab"
)

//go:embed regime
var standardFiles embed.FS

// Standard is the law that the program ships with, over vocab.Standard.
var Standard = sync.OnceValue(func() *Law {
	sub, err := fs.Sub(standardFiles, "regime")
	if err == nil {
		var l *Law
		if l, err = Load(sub, vocab.Standard()); err == nil {
			return l
		}
	}
	panic(err) // our own data is wrong; the tests hold this
})

// Law is a checked and compiled set of regimes over one vocabulary.
type Law struct {
	vocabulary *vocab.Vocabulary
	regimes    []*Regime // in order of name
}

// Load reads regimes from the .yaml files of a folder. A regime is one file, or
// a sub-folder of files that are joined in order of name. A file that ends in
// .standard.yaml is a catalogue of a standard's provisions and makes one regime
// for each edition. Every expression is compiled against the vocabulary: an
// unknown term or a wrong type is an error that names file and line.
func Load(fsys fs.FS, v *vocab.Vocabulary) (*Law, error) {
	var names []string
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && path.Ext(name) == ".yaml" {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	files := make([][]*Regime, len(names))
	var work errgroup.Group // every start of the program waits for this
	work.SetLimit(runtime.GOMAXPROCS(0))
	for i, name := range names {
		work.Go(func() error {
			data, err := fs.ReadFile(fsys, name)
			if err == nil {
				files[i], err = parse(name, data)
			}
			return err
		})
	}
	if err := work.Wait(); err != nil {
		return nil, err
	}
	l := &Law{vocabulary: v}
	joined := map[string]*Regime{}
	for i, regimes := range files {
		if folder := path.Dir(names[i]); folder != "." {
			if whole := joined[folder]; whole != nil {
				if err := whole.join(regimes[0], names[i]); err != nil {
					return nil, err
				}
				continue
			}
			joined[folder] = regimes[0]
		}
		l.regimes = append(l.regimes, regimes...)
	}
	slices.SortFunc(l.regimes, func(a, b *Regime) int { return strings.Compare(a.Name(), b.Name()) })
	return l, l.link()
}

func parse(name string, data []byte) ([]*Regime, error) {
	if strings.HasSuffix(name, ".standard.yaml") {
		return parseStandard(name, data)
	}
	r := &Regime{}
	if err := decode(name, data, r); err != nil {
		return nil, err
	}
	r.eachExpr(func(e *Expr) { e.file = name })
	return []*Regime{r}, nil
}

// decode reads YAML strictly. The library panics on some broken input; drafts of law
// may come from anywhere.
func decode(name string, data []byte, into any) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s: %w: not readable as YAML", name, assay.ErrInvalid)
		}
	}()
	if err := yaml.UnmarshalWithOptions(data, into, yaml.Strict()); err != nil {
		return fmt.Errorf("%s: %w: %w", name, assay.ErrInvalid, err)
	}
	return nil
}

// join adds what another file says of the regime.
func (r *Regime) join(s *Regime, name string) error {
	take := func(to *string, from, what string) error {
		if *to != "" && from != "" {
			return fmt.Errorf("%s: %w: %s is given in two files", name, assay.ErrInvalid, what)
		}
		*to += from
		return nil
	}
	err := errors.Join(
		take((*string)(&r.ID), string(s.ID), "id"), take(&r.Title, s.Title, "title"),
		take(&r.Jurisdiction, s.Jurisdiction, "jurisdiction"), take(&r.Summary, s.Summary, "summary"),
		take(&r.Overall, s.Overall, "overall"))
	if r.Scope != nil && s.Scope != nil || r.Roles != nil && s.Roles != nil {
		err = errors.Join(err, fmt.Errorf("%s: %w: a tree is given in two files", name, assay.ErrInvalid))
	}
	if s.Scope != nil {
		r.Scope = s.Scope
	}
	if s.Roles != nil {
		r.Roles = s.Roles
	}
	r.Versions = append(r.Versions, s.Versions...)
	r.Overlays = append(r.Overlays, s.Overlays...)
	r.Requirements = append(r.Requirements, s.Requirements...)
	r.Duties = append(r.Duties, s.Duties...)
	r.Contents = append(r.Contents, s.Contents...)
	r.Rules = append(r.Rules, s.Rules...)
	return err
}

// eachExpr calls f for every expression of the regime.
func (r *Regime) eachExpr(f func(*Expr)) {
	for _, t := range []*Tree{r.Scope, r.Roles} {
		if t != nil {
			for _, s := range t.Steps {
				f(&s.When)
			}
		}
	}
	for _, n := range r.Requirements {
		n.eachExpr(f)
	}
}

func (n *Node) eachExpr(f func(*Expr)) {
	for _, e := range []*Expr{&n.When, &n.Where, &n.FailsWhen, &n.Holds, &n.Complete} {
		f(e)
	}
	for i := range n.Unsettled {
		f(&n.Unsettled[i].When)
	}
	if n.Gate != nil {
		n.Gate.eachExpr(f)
	}
	for _, child := range slices.Concat(n.All, n.Any) {
		child.eachExpr(f)
	}
}

// Vocabulary is the vocabulary that the law is written in.
func (l *Law) Vocabulary() *vocab.Vocabulary { return l.vocabulary }

// Regimes are all regimes in order of name.
func (l *Law) Regimes() []*Regime { return l.regimes }

// Regime finds a regime by ID, or by ID and edition: "en303645@V3.1.3". An ID
// with several editions means the oldest, which other law cites.
func (l *Law) Regime(name string) (*Regime, error) {
	for _, r := range l.regimes {
		if r.Name() == name || string(r.ID) == name {
			return r, nil
		}
	}
	known := make([]string, len(l.regimes))
	for i, r := range l.regimes {
		known[i] = r.Name()
	}
	return nil, &assay.Problem{Kind: assay.ErrNotFound, What: fmt.Sprintf("no law %q", name),
		Do: "use one of " + strings.Join(known, ", ")}
}

// link compiles every expression and resolves every reference.
func (l *Law) link() error {
	c, err := newCompiler(l.vocabulary)
	if err != nil {
		return err
	}
	l.compileAll(c)
	// Standards first: other law takes over their provisions as compiled.
	standards, others := []*Regime(nil), []*Regime(nil)
	for _, r := range l.regimes {
		if r.Edition != "" {
			standards = append(standards, r)
		} else {
			others = append(others, r)
		}
	}
	for _, r := range append(standards, others...) {
		k := linker{law: l, compiler: c, regime: r, ids: map[string]bool{}}
		if err := k.regimeParts(); err != nil {
			return fmt.Errorf("%s: %w", r.Name(), err)
		}
	}
	return nil
}

type linker struct {
	*compiler
	law    *Law
	regime *Regime
	ids    map[string]bool
}

func (k *linker) bad(what string, args ...any) error {
	return fmt.Errorf("%w: %s", assay.ErrInvalid, fmt.Sprintf(what, args...))
}

// boolean compiles a condition, if that was not done.
func (k *linker) boolean(e *Expr) error {
	if e.code == nil && e.err == nil {
		e.err = k.compile(e, cel.BoolType)
	}
	return e.err
}

// compileAll compiles every condition on all processors. What is wrong with one is
// told when its place in the tree is linked.
func (l *Law) compileAll(c *compiler) {
	var work errgroup.Group
	work.SetLimit(runtime.GOMAXPROCS(0))
	const share = 32 // conditions that one goroutine takes
	var batch []*Expr
	flush := func() {
		mine := batch
		batch = nil
		work.Go(func() error {
			for _, e := range mine {
				e.err = c.compile(e, cel.BoolType)
			}
			return nil
		})
	}
	seen := map[*Expr]bool{}
	for _, r := range l.regimes {
		r.eachExpr(func(e *Expr) {
			if e.Empty() || seen[e] {
				return
			}
			seen[e] = true
			if batch = append(batch, e); len(batch) == share {
				flush()
			}
		})
	}
	flush()
	_ = work.Wait() // each error is kept with its condition
}

func (k *linker) regimeParts() error {
	r := k.regime
	if r.ID == "" || r.Title == "" || r.Jurisdiction == "" {
		return k.bad("id, title and jurisdiction are wanted")
	}
	if len(r.Versions) == 0 {
		return k.bad("at least one version is wanted")
	}
	for i, v := range r.Versions {
		if v.ID == "" || v.From.Zero() || i > 0 && !r.Versions[i-1].From.Before(v.From) {
			return k.bad("version %q: id and a later date than the version before are wanted", v.ID)
		}
	}
	for _, t := range []*Tree{r.Scope, r.Roles} {
		if t != nil {
			if err := k.tree(t); err != nil {
				return err
			}
		}
	}
	for _, n := range r.Requirements {
		if err := k.node(n, ""); err != nil {
			return err
		}
	}
	slices.SortStableFunc(r.Requirements, func(a, b *Node) int { return kindRank(a) - kindRank(b) })
	for _, d := range r.Duties {
		if d.ID == "" || d.Who == "" || d.What == "" || d.Cite == "" || d.Confidence == "" {
			return k.bad("duty %q: id, who, what, cite and confidence are wanted", d.ID)
		}
	}
	return nil
}

// kindRank puts what is demanded of the product before what is demanded about it.
func kindRank(n *Node) int {
	if n.Kind == "duty" {
		return 1
	}
	return 0
}

func (k *linker) tree(t *Tree) error {
	steps, outcomes := map[string]*Step{}, map[string]*Outcome{}
	for _, s := range t.Steps {
		if steps[s.ID] != nil || s.ID == "" {
			return k.bad("step %q: a name of its own is wanted", s.ID)
		}
		if s.Cite == "" || s.Confidence == "" || s.Title == "" || s.When.Empty() {
			return k.bad("step %s: title, when, cite and confidence are wanted", s.ID)
		}
		if s.Confidence != Read && s.Reading == "" {
			return k.bad("step %s: an interpretation (confidence %s) wants its reading", s.ID, s.Confidence)
		}
		steps[s.ID] = s
	}
	for i := range t.Outcomes {
		o := &t.Outcomes[i]
		if outcomes[o.ID] != nil || steps[o.ID] != nil || o.ID == "" {
			return k.bad("outcome %q: a name of its own is wanted", o.ID)
		}
		if o.Name == "" {
			o.Name = o.ID
		}
		outcomes[o.ID] = o
	}
	find := func(id string) (target, error) {
		to := target{steps[id], outcomes[id]}
		if to.step == nil && to.outcome == nil {
			return to, k.bad("step or outcome %q does not exist", id)
		}
		return to, nil
	}
	var err error
	if t.start, err = find(t.Start); err != nil {
		return err
	}
	for _, s := range t.Steps {
		if err := k.boolean(&s.When); err != nil {
			return err
		}
		if s.yes, err = find(s.Yes); err != nil {
			return fmt.Errorf("step %s: %w", s.ID, err)
		}
		if s.no, err = find(s.No); err != nil {
			return fmt.Errorf("step %s: %w", s.ID, err)
		}
	}
	return k.acyclic(t)
}

// acyclic refuses a tree that could run for ever.
func (k *linker) acyclic(t *Tree) error {
	const visiting, done = 1, 2
	state := map[*Step]int{}
	var visit func(target) error
	visit = func(to target) error {
		if to.step == nil || state[to.step] == done {
			return nil
		}
		if state[to.step] == visiting {
			return k.bad("step %s leads back to itself", to.step.ID)
		}
		state[to.step] = visiting
		for _, next := range []target{to.step.yes, to.step.no} {
			if err := visit(next); err != nil {
				return err
			}
		}
		state[to.step] = done
		return nil
	}
	if err := visit(t.start); err != nil {
		return err
	}
	for _, s := range t.Steps {
		if state[s] != done {
			return k.bad("step %s cannot be reached", s.ID)
		}
	}
	return nil
}

func (k *linker) node(n *Node, within string) error {
	if n.ID == "" || n.Title == "" {
		return k.bad("below %q: a limb without id or title", within)
	}
	if k.ids[n.ID] {
		return k.bad("limb %s: the id is taken", n.ID)
	}
	k.ids[n.ID] = true
	if n.Cite == "" || n.Confidence == "" {
		return k.bad("limb %s: cite and confidence are wanted", n.ID)
	}
	if n.Confidence != Read && n.Reading == "" {
		return k.bad("limb %s: an interpretation (confidence %s) wants its reading", n.ID, n.Confidence)
	}
	content := 0
	for _, has := range []bool{!n.Holds.Empty(), n.All != nil, n.Any != nil, n.Provision != ""} {
		if has {
			content++
		}
	}
	if content != 1 {
		return k.bad("limb %s: exactly one of holds, all, any and provision is wanted", n.ID)
	}
	if n.ForEach != "" && n.ForAny != "" {
		return k.bad("limb %s: for_each and for_any exclude each other", n.ID)
	}
	if n.ForEach == "" && n.ForAny == "" && !(n.Where.Empty() && n.Complete.Empty()) {
		return k.bad("limb %s: where and complete belong to for_each and for_any", n.ID)
	}
	for _, e := range []*Expr{&n.When, &n.Where, &n.FailsWhen, &n.Holds, &n.Complete} {
		if err := k.boolean(e); err != nil {
			return fmt.Errorf("limb %s: %w", n.ID, err)
		}
	}
	for i := range n.Unsettled {
		q := &n.Unsettled[i]
		if q.Question == "" || q.SettledBy == "" {
			return k.bad("limb %s: an unsettled point wants question and settled_by", n.ID)
		}
		if err := k.boolean(&q.When); err != nil {
			return fmt.Errorf("limb %s: %w", n.ID, err)
		}
	}
	if n.Provision != "" {
		if err := k.provision(n); err != nil {
			return fmt.Errorf("limb %s: %w", n.ID, err)
		}
	}
	children := slices.Concat(n.All, n.Any)
	if n.Gate != nil {
		children = append(children, n.Gate)
	}
	for _, child := range children {
		if err := k.node(child, n.ID); err != nil {
			return err
		}
	}
	return nil
}

// provision resolves "en303645@V2.1.1 5.1-1" to what that edition says meets the
// provision. The tree is judged anew, as part of this regime, from the same
// facts: a verdict is never shared between regimes.
func (k *linker) provision(n *Node) error {
	name, id, _ := strings.Cut(n.Provision, " ")
	r, err := k.law.Regime(name)
	if err != nil {
		return err
	}
	for _, p := range r.Requirements {
		if p.ID == id {
			for _, child := range p.All {
				if child.ID == id+" met" {
					n.provision = &Node{ID: id, Title: p.Title, Cite: p.Cite, Confidence: p.Confidence, Reading: p.Reading,
						All: []*Node{child}}
					if child.When.Empty() { // else the facts themselves say when it applies
						n.provision.When = p.When
					}
					return nil
				}
			}
			return k.bad("provision %s of %s: its catalogue does not say by what facts it is met", id, name)
		}
	}
	return k.bad("no provision %s in %s", id, name)
}

// Terms are the terms that the regime's expressions speak of, in order of first use.
func (r *Regime) Terms() []assay.TermID {
	var ids []assay.TermID
	seen := map[assay.TermID]bool{}
	r.eachExpr(func(e *Expr) {
		for _, t := range e.terms {
			if !seen[t.ID] {
				seen[t.ID] = true
				ids = append(ids, t.ID)
			}
		}
	})
	return ids
}
