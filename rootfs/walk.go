package rootfs

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// A walker follows one run of a script: what it calls, under which conditions, with which values.
type walker struct {
	b     *booter
	s     *script // whose text is being read; a function or a sourced file changes it
	name  string  // $0
	args  []field // $1 and on; nil when not known
	vars  map[string]value
	funcs map[string]function
	paths []string // folders of PATH as the script sets it
	cwd   string   // "" is the root
	chain []Place  // what led to this script

	guards []Guard // around the command being read
	// Conditions left behind by an exit, return or continue under a condition: they guard all that follows in their scope.
	afterExit, afterReturn, afterLoop []Guard

	procd  []field // a procd instance being put together
	nested int
	calls  int
}

type function struct {
	s    *script
	body *syntax.Stmt
}

// A flow says how a statement ends.
type flow int

const (
	next flow = iota
	exits
	returns
	loops // break or continue
)

func (b *booter) walker(s *script, name string, args []field, chain []Place, guards []Guard) *walker {
	return &walker{b: b, s: s, name: name, args: args, chain: chain, guards: slices.Clone(guards),
		vars: map[string]value{}, funcs: map[string]function{}}
}

// sub is the walker of a subshell: it inherits all and changes nothing.
func (w *walker) sub() *walker {
	w.b.steps += (len(w.vars) + len(w.funcs)) / 16 // the copy costs
	c := *w
	c.vars = make(map[string]value, len(w.vars))
	for k, v := range w.vars {
		c.vars[k] = v
	}
	c.funcs = make(map[string]function, len(w.funcs))
	for k, v := range w.funcs {
		c.funcs[k] = v
	}
	c.guards = slices.Clone(w.guards)
	c.afterExit, c.afterReturn, c.afterLoop = slices.Clone(w.afterExit), slices.Clone(w.afterReturn), slices.Clone(w.afterLoop)
	return &c
}

// all returns every condition that stands around the command being read.
func (w *walker) all() []Guard {
	return slices.Concat(w.guards, w.afterExit, w.afterReturn, w.afterLoop)
}

func (w *walker) stmts(list []*syntax.Stmt) flow {
	for _, st := range list {
		if f := w.stmt(st); f != next {
			return f
		}
	}
	return next
}

// spent counts a step and reports whether the reading must end.
func (w *walker) spent() bool {
	w.b.steps++
	if w.b.steps&255 == 0 && w.b.ctx.Err() != nil {
		w.b.steps = maxSteps + 1
	}
	return w.b.steps > maxSteps
}

func (w *walker) stmt(st *syntax.Stmt) flow {
	if st == nil || st.Cmd == nil {
		return next
	}
	if w.spent() {
		return exits
	}
	if w.nested >= maxNesting {
		w.b.unfollowed(w.s.place(st.Pos()), w.s.text(st), "blocks are nested too deep")
		return next
	}
	w.nested++
	defer func() { w.nested-- }()
	if st.Background {
		c := w.sub()
		c.cmd(st.Cmd, st)
		return next
	}
	return w.cmd(st.Cmd, st)
}

func (w *walker) cmd(cmd syntax.Command, st *syntax.Stmt) flow {
	switch c := cmd.(type) {
	case *syntax.CallExpr:
		if len(c.Args) == 0 {
			w.assign(c.Assigns)
			return next
		}
		return w.call(w.fields(c.Args), c)
	case *syntax.DeclClause:
		w.assign(c.Args)
	case *syntax.FuncDecl:
		w.funcs[c.Name.Value] = function{w.s, c.Body}
	case *syntax.Block:
		return w.stmts(c.Stmts)
	case *syntax.Subshell:
		w.sub().stmts(c.Stmts)
	case *syntax.BinaryCmd:
		return w.binary(c)
	case *syntax.IfClause:
		return w.ifClause(c)
	case *syntax.CaseClause:
		return w.caseClause(c)
	case *syntax.ForClause:
		return w.forClause(c)
	case *syntax.WhileClause:
		return w.whileClause(c)
	case *syntax.LetClause, *syntax.ArithmCmd:
		w.doubt()
	case *syntax.TimeClause:
		return w.stmt(c.Stmt)
	case *syntax.CoprocClause:
		w.sub().stmt(c.Stmt)
	}
	return next
}

func (w *walker) assign(list []*syntax.Assign) {
	for _, a := range list {
		if a.Name == nil || a.Naked {
			continue
		}
		w.spent()
		f := w.single(a.Value)
		v := value{text: f.text, known: f.known && a.Array == nil && a.Index == nil, depth: len(w.guards)}
		if f.maybe {
			v.depth = 1 << 30 // stays a value that may be another
		}
		if a.Append {
			old, set := w.vars[a.Name.Value]
			v.text, v.known = old.text+v.text, v.known && set && old.known
		}
		w.set(a.Name.Value, v)
	}
}

func (w *walker) set(name string, v value) {
	if len(w.vars) > 4096 || len(v.text) > 64<<10 {
		return
	}
	w.vars[name] = v
	if name == "PATH" {
		w.paths = nil
		for _, p := range strings.Split(v.text, ":") {
			if strings.HasPrefix(p, "/") && !strings.Contains(p, "$") && len(w.paths) < 32 {
				w.paths = append(w.paths, clean(p))
			}
		}
	}
}

// under reads a branch with one more condition around it, unless the condition is settled by the script itself. A branch
// that leaves its scope puts the opposite condition on what follows.
func (w *walker) under(c condition, opposite bool, branch func() flow) flow {
	if opposite {
		c = c.not()
	}
	if c.firm {
		if c.held == No {
			return next
		}
		return branch()
	}
	w.guards = append(w.guards, c.guard())
	f := branch()
	w.guards = w.guards[:len(w.guards)-1]
	not := c.not().guard()
	switch f {
	case exits:
		keep(&w.afterExit, not)
	case returns:
		keep(&w.afterReturn, not)
	case loops:
		keep(&w.afterLoop, not)
	}
	if f != next {
		return pending(f)
	}
	return next
}

// keep adds a condition to those that guard what follows. Of very many the first ones tell enough.
func keep(list *[]Guard, g Guard) {
	if len(*list) < maxGuards {
		*list = append(*list, g)
	}
}

// pending marks a flow that happened under a condition: the caller goes on unless both ways of a choice ended so.
func pending(f flow) flow { return -f }

func (w *walker) binary(c *syntax.BinaryCmd) flow {
	switch c.Op {
	case syntax.AndStmt, syntax.OrStmt:
		if f := w.stmt(c.X); f != next {
			return f
		}
		cond := w.condition(c.X)
		if f := w.under(cond, c.Op == syntax.OrStmt, func() flow { return w.stmt(c.Y) }); f > next {
			return f
		}
	default: // a pipe: each side in a shell of its own
		w.sub().stmt(c.X)
		w.sub().stmt(c.Y)
	}
	return next
}

func (w *walker) ifClause(c *syntax.IfClause) flow {
	if len(c.Cond) == 0 { // else
		return w.stmts(c.Then)
	}
	if f := w.stmts(c.Cond); f != next {
		return f
	}
	cond := w.conditions(c.Cond)
	yes := w.under(cond, false, func() flow { return w.stmts(c.Then) })
	if c.Else == nil {
		return max(yes, next)
	}
	no := w.under(cond, true, func() flow { return w.ifClause(c.Else) })
	switch {
	case yes > next || no > next: // settled by the script itself
		return max(yes, no)
	case yes < next && no < next: // both ways leave
		return max(-yes, -no)
	}
	return next
}

func (w *walker) caseClause(c *syntax.CaseClause) flow {
	subject := w.single(c.Word)
	firm := subject.known && !subject.maybe
	for _, item := range c.Items {
		matched := Unknown
		if firm {
			matched = No
			for _, p := range item.Patterns {
				pat := w.single(p)
				if w.spent(); !pat.known || len(pat.text) > 256 || len(subject.text) > 1024 {
					matched, firm = Unknown, false
					break
				}
				if matchText(pat.text, subject.text) {
					matched = Yes
					break
				}
			}
		}
		if matched == No {
			continue
		}
		if matched == Yes {
			return w.stmts(item.Stmts)
		}
		cond := condition{text: "case " + w.s.text(c.Word) + " is " + w.patterns(item), place: w.s.place(item.Pos())}
		w.under(cond, false, func() flow { return w.stmts(item.Stmts) })
	}
	return next
}

func (w *walker) patterns(item *syntax.CaseItem) string {
	var all []string
	for _, p := range item.Patterns {
		all = append(all, w.s.text(p))
	}
	return strings.Join(all, "|")
}

func (w *walker) forClause(c *syntax.ForClause) flow {
	iter, ok := c.Loop.(*syntax.WordIter)
	if !ok {
		return w.loop(func() flow { return w.stmts(c.Do) })
	}
	var items []field
	if iter.InPos.IsValid() {
		for _, f := range w.fields(iter.Items) {
			for _, name := range w.b.glob(w.from(f)) {
				items = append(items, field{text: name, known: f.known, maybe: f.maybe, found: f.glob && name != f.text})
			}
		}
	} else if items = w.args; items == nil {
		items = []field{{text: "$" + iter.Name.Value}}
	}
	if len(items) > maxGlob {
		w.b.unfollowed(w.s.place(c.Pos()), w.s.text(c), "the loop has too many rounds: the rest was not followed")
		items = items[:maxGlob]
	}
	for _, f := range items {
		w.set(iter.Name.Value, value{text: f.text, known: f.known, depth: len(w.guards), found: f.found})
		if got := w.loop(func() flow { return w.stmts(c.Do) }); got != next {
			return got
		}
		if w.spent() {
			return exits
		}
	}
	return next
}

// from makes a relative pattern one from the root when the script said where it is.
func (w *walker) from(f field) field {
	if w.cwd != "" && !strings.HasPrefix(f.text, "/") && f.glob {
		f.text = w.cwd + "/" + f.text
	}
	return f
}

// loop reads one round. A break under a condition is taken as one that may not happen.
func (w *walker) loop(round func() flow) flow {
	n := len(w.afterLoop)
	f := round()
	w.afterLoop = w.afterLoop[:min(n, len(w.afterLoop))]
	if f == loops {
		return next
	}
	return f
}

func (w *walker) whileClause(c *syntax.WhileClause) flow {
	if f := w.stmts(c.Cond); f != next {
		return f
	}
	cond := w.conditions(c.Cond)
	var f flow
	w.loop(func() flow {
		f = w.under(cond, c.Until, func() flow { return w.stmts(c.Do) })
		return f
	})
	endless := cond.firm && (cond.held == Yes) != c.Until && cond.held != Unknown
	if f == exits || f == returns {
		return f
	}
	if endless && !breaks(c.Do) {
		return exits // what stands after it is never reached
	}
	return next
}

// breaks reports whether a loop body holds a break or a return.
func breaks(list []*syntax.Stmt) bool {
	found := false
	for _, st := range list {
		syntax.Walk(st, func(n syntax.Node) bool {
			if c, ok := n.(*syntax.CallExpr); ok && len(c.Args) > 0 {
				if l := c.Args[0].Lit(); l == "break" || l == "return" {
					found = true
				}
			}
			return !found
		})
	}
	return found
}
