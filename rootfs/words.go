package rootfs

import (
	"bytes"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// A field is one argument of a command as far as reading can tell.
type field struct {
	text  string
	known bool // every part of text is what the device will see
	maybe bool // it holds a value that was assigned under a condition
	glob  bool // an unquoted * ? or [ stands in it
	found bool // it is the name of a file that a pattern matched in the tree
}

// A value is what a variable holds.
type value struct {
	text  string
	known bool
	depth int  // how many conditions stood around the assignment
	found bool // it is the name of a file that a pattern matched in the tree
}

// fields expands words as a shell would, but for what only the running device knows; those parts stay as written.
func (w *walker) fields(words []*syntax.Word) []field {
	var out []field
	size := 0
	for _, word := range words {
		x := expander{w: w, cur: field{known: true}}
		x.parts(word.Parts, false)
		x.end(true)
		for _, f := range x.out {
			if size += len(f.text); len(out) < 4096 && size < 256<<10 {
				out = append(out, f)
			}
		}
	}
	return out
}

// single expands one word without splitting it.
func (w *walker) single(word *syntax.Word) field {
	if word == nil {
		return field{known: true}
	}
	x := expander{w: w, cur: field{known: true}}
	x.parts(word.Parts, true)
	return x.cur
}

type expander struct {
	w      *walker
	cur    field
	some   bool // cur holds something, if only an empty quotation
	out    []field
	nested int
}

func (x *expander) end(last bool) {
	if x.some || x.cur.text != "" || !x.cur.known {
		x.out = append(x.out, x.cur)
	}
	x.cur, x.some = field{known: true}, false
}

func (x *expander) put(s string) {
	x.cur.found = x.cur.found && x.cur.text == ""
	if len(x.cur.text)+len(s) > 64<<10 {
		x.cur.known = false
		return
	}
	x.cur.text += s
}

func (x *expander) parts(parts []syntax.WordPart, quoted bool) {
	if x.nested++; x.nested > 50 {
		x.cur.known = false
		return
	}
	defer func() { x.nested-- }()
	for _, p := range parts {
		switch p := p.(type) {
		case *syntax.Lit:
			if !quoted && strings.ContainsAny(p.Value, "*?[") {
				x.cur.glob = true
			}
			x.put(unescape(p.Value, quoted))
		case *syntax.SglQuoted:
			x.some = true
			x.put(p.Value)
		case *syntax.DblQuoted:
			x.some = true
			x.parts(p.Parts, true)
		case *syntax.ParamExp:
			x.param(p, quoted)
		case *syntax.CmdSubst:
			x.command(p, quoted)
		default:
			x.unknown(p)
		}
	}
}

func (x *expander) unknown(n syntax.Node) {
	x.cur.known = false
	x.put(x.w.s.text(n))
}

// unquoted puts a value and splits it at blanks unless it is quoted.
func (x *expander) unquoted(s string, quoted bool) {
	if quoted {
		x.put(s)
		return
	}
	for i, part := range strings.FieldsFunc(s, blankRune) {
		if i > 0 || strings.IndexFunc(s, blankRune) == 0 && x.cur.text != "" {
			maybe := x.cur.maybe
			x.end(false)
			x.cur.maybe = maybe
		}
		if strings.ContainsAny(part, "*?[") {
			x.cur.glob = true
		}
		x.put(part)
	}
}

func blankRune(r rune) bool { return r == ' ' || r == '\t' || r == '\n' }

func (x *expander) param(p *syntax.ParamExp, quoted bool) {
	if p.Param == nil || p.Excl || p.Length || p.Width || p.Index != nil || p.Slice != nil || p.Repl != nil || p.Names != 0 {
		x.unknown(p)
		return
	}
	if name := p.Param.Value; (name == "@" || name == "*") && p.Exp == nil {
		for i, a := range x.w.args {
			if i > 0 {
				x.end(false)
			}
			x.cur.known = x.cur.known && a.known
			x.put(a.text)
		}
		x.cur.known = x.cur.known && x.w.args != nil
		return
	}
	v, set := x.w.lookupVar(p.Param.Value)
	if p.Exp == nil {
		if !set || !v.known {
			x.unknown(p)
			return
		}
		x.maybe(v)
		x.cur.found = v.found && x.cur.text == ""
		x.unquoted(v.text, quoted)
		return
	}
	arg := field{known: true}
	if p.Exp.Word != nil {
		inner := expander{w: x.w, cur: field{known: true}, nested: x.nested}
		inner.parts(p.Exp.Word.Parts, true)
		arg = inner.cur
	}
	switch op := p.Exp.Op; op {
	case syntax.DefaultUnset, syntax.DefaultUnsetOrNull, syntax.AssignUnset, syntax.AssignUnsetOrNull:
		colon := op == syntax.DefaultUnsetOrNull || op == syntax.AssignUnsetOrNull
		switch {
		case set && v.known && !(colon && v.text == ""):
			x.maybe(v)
			x.unquoted(v.text, quoted)
		case !set && arg.known || set && v.known:
			x.cur.maybe = x.cur.maybe || !set // the environment may hold another value
			x.unquoted(arg.text, quoted)
		default:
			x.unknown(p)
		}
	case syntax.RemSmallPrefix, syntax.RemLargePrefix, syntax.RemSmallSuffix, syntax.RemLargeSuffix:
		if !set || !v.known || !arg.known || len(v.text) > 256 || len(arg.text) > 64 {
			x.unknown(p)
			return
		}
		x.w.b.steps += 400 // the search for the part to take away costs
		x.maybe(v)
		x.unquoted(trimPattern(v.text, arg.text, op), quoted)
	default:
		x.unknown(p)
	}
}

func (x *expander) maybe(v value) {
	if v.depth > len(x.w.guards) {
		x.cur.maybe = true
	}
}

// trimPattern does ${v#p}, ${v##p}, ${v%p} and ${v%%p}.
func trimPattern(v, pattern string, op syntax.ParExpOperator) string {
	n := len(v)
	for k := 0; k <= n; k++ {
		i := k // length of what is removed
		if op == syntax.RemLargePrefix || op == syntax.RemLargeSuffix {
			i = n - k
		}
		if op == syntax.RemSmallPrefix || op == syntax.RemLargePrefix {
			if matchText(pattern, v[:i]) {
				return v[i:]
			}
		} else if matchText(pattern, v[n-i:]) {
			return v[:n-i]
		}
	}
	return v
}

// matchText matches a shell pattern against a text in which slashes are nothing special.
func matchText(pattern, text string) bool {
	const bar = "\x01"
	ok, err := path.Match(strings.ReplaceAll(pattern, "/", bar), strings.ReplaceAll(text, "/", bar))
	return err == nil && ok
}

// command expands $(ls ...), $(echo ...), $(cat ...), $(basename ...), $(dirname ...), $(which ...) and leaves others as they
// stand.
func (x *expander) command(c *syntax.CmdSubst, quoted bool) {
	if len(c.Stmts) != 1 {
		x.unknown(c)
		return
	}
	call, ok := c.Stmts[0].Cmd.(*syntax.CallExpr)
	if !ok || len(call.Args) < 2 || x.nested > 8 {
		x.unknown(c)
		return
	}
	args := x.w.fields(call.Args)
	for _, a := range args {
		if !a.known || a.maybe {
			x.unknown(c)
			return
		}
	}
	var got string
	switch args[0].text {
	case "ls":
		var names []string
		for _, a := range args[1:] {
			if strings.HasPrefix(a.text, "-") {
				if strings.Trim(a.text, "-1") != "" {
					x.unknown(c)
					return
				}
				continue
			}
			if x.w.b.isDir(a.text) {
				for _, e := range x.w.b.list(clean(a.text)) {
					x.w.b.steps++
					names = append(names, e.Name())
				}
				continue
			}
			names = append(names, x.w.b.glob(a)...)
		}
		got = strings.Join(names, "\n")
	case "echo":
		for _, a := range args[1:] {
			got += strings.Join(x.w.b.glob(a), " ") + " "
		}
		got = strings.TrimSpace(got)
	case "basename":
		got = path.Base(args[1].text)
		if len(args) > 2 {
			got = strings.TrimSuffix(got, args[2].text)
		}
	case "dirname":
		got = path.Dir(args[1].text)
	case "cat":
		data, _, _, err := x.w.b.tree.read(args[1].text, 256)
		if err != nil || len(args) != 2 || notText(data) || bytes.Count(bytes.TrimSpace(data), []byte("\n")) > 0 {
			x.unknown(c)
			return
		}
		got = strings.TrimSpace(string(data))
		x.cur.maybe = true // the device may have written another
	case "which":
		real, _, err := x.w.b.lookup(args[1].text, x.w.paths)
		if err != nil {
			x.unknown(c)
			return
		}
		got = "/" + real
	default:
		x.unknown(c)
		return
	}
	x.unquoted(got, quoted)
}

// unescape removes the backslashes of an unquoted literal, or of one in double quotes.
func unescape(s string, quoted bool) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && (!quoted || strings.IndexByte("$`\"\\\n", s[i+1]) >= 0) {
			if i++; s[i] == '\n' {
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// lookupVar returns a variable: set is false when the script did not assign it.
func (w *walker) lookupVar(name string) (v value, set bool) {
	if n, err := strconv.Atoi(name); err == nil {
		switch {
		case n == 0:
			return value{text: w.name, known: w.name != ""}, true
		case w.args != nil && n <= len(w.args):
			return value{text: w.args[n-1].text, known: w.args[n-1].known}, true
		case w.args != nil:
			return value{known: true}, true
		}
		return value{}, true
	}
	switch name {
	case "#":
		return value{text: strconv.Itoa(len(w.args)), known: w.args != nil}, true
	case "?", "!", "$", "-", "_", "PPID", "RANDOM", "PWD", "OLDPWD":
		return value{}, true
	}
	v, set = w.vars[name]
	return v, set
}

// glob expands a pattern against the tree, links included; a field without one, or one that matches nothing, stays.
func (b *booter) glob(f field) []string {
	if !f.glob || !f.known || len(f.text) > 1024 {
		return []string{f.text}
	}
	rel := !strings.HasPrefix(f.text, "/")
	found := []string{"."}
	for _, part := range strings.Split(clean(f.text), "/") {
		var next []string
		for _, dir := range found {
			if !strings.ContainsAny(part, "*?[") {
				if _, err := b.tree.lstat(path.Join(dir, part)); err == nil {
					next = append(next, path.Join(dir, part))
				}
				continue
			}
			real, err := b.tree.resolve(dir)
			if err != nil {
				continue
			}
			entries, err := fs.ReadDir(b.tree.fsys, real)
			if err != nil {
				continue
			}
			for _, e := range entries {
				if b.steps++; len(next) >= maxGlob || b.steps > maxSteps {
					break
				}
				if ok, err := path.Match(part, e.Name()); err == nil && ok && !strings.HasPrefix(e.Name(), ".") {
					next = append(next, path.Join(dir, e.Name()))
				}
			}
		}
		found = next
	}
	if len(found) == 0 {
		return []string{f.text}
	}
	slices.Sort(found)
	if !rel {
		for i := range found {
			found[i] = "/" + found[i]
		}
	}
	return found
}
