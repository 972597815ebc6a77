package rootfs

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// A condition is what decides whether a branch is taken.
type condition struct {
	text  string
	place Place
	held  Truth
	// firm says that the script alone settles it (a comparison of texts it holds), whatever the device is like.
	firm bool
	neg  bool
}

func (c condition) not() condition {
	c.neg = !c.neg
	c.held = opposite(c.held)
	return c
}

func (c condition) guard() Guard {
	g := Guard{Place: c.place, Text: printable(c.text, 300), Held: c.held}
	if c.neg {
		g.Text = "not: " + g.Text
	}
	return g
}

func opposite(t Truth) Truth {
	switch t {
	case Yes:
		return No
	case No:
		return Yes
	}
	return Unknown
}

// conditions judges a list: its last command decides.
func (w *walker) conditions(list []*syntax.Stmt) condition {
	if len(list) == 0 {
		return condition{}
	}
	return w.condition(list[len(list)-1])
}

func (w *walker) condition(st *syntax.Stmt) condition {
	c := condition{text: w.s.text(st), place: w.s.place(st.Pos())}
	c.held, c.firm = w.judge(st, 0)
	if st.Background {
		c.held, c.firm = Yes, true
	}
	return c
}

func (w *walker) judge(st *syntax.Stmt, depth int) (held Truth, firm bool) {
	if st == nil || depth > 20 {
		return Unknown, false
	}
	switch c := st.Cmd.(type) {
	case *syntax.CallExpr:
		if len(c.Args) == 0 {
			return Yes, !substitutes(c) // an assignment succeeds
		}
		held, firm = w.judgeCall(w.fields(c.Args))
	case *syntax.DeclClause:
		held, firm = Yes, true
	case *syntax.FuncDecl:
		held, firm = Yes, true
	case *syntax.BinaryCmd:
		x, xf := w.judge(c.X, depth+1)
		y, yf := w.judge(c.Y, depth+1)
		if c.Op == syntax.OrStmt {
			x, y = opposite(x), opposite(y)
		} else if c.Op != syntax.AndStmt {
			return Unknown, false
		}
		switch {
		case x == No && xf || y == No && yf:
			held, firm = No, true
		case x == No || y == No:
			held = No
		case x == Yes && y == Yes:
			held, firm = Yes, xf && yf
		}
		if c.Op == syntax.OrStmt {
			held = opposite(held)
		}
	case *syntax.TestClause:
		held, firm = Unknown, false
	}
	if st.Negated {
		held = opposite(held)
	}
	return held, firm
}

func substitutes(c *syntax.CallExpr) bool {
	found := false
	for _, a := range c.Assigns {
		syntax.Walk(a, func(n syntax.Node) bool {
			if _, ok := n.(*syntax.CmdSubst); ok {
				found = true
			}
			return !found
		})
	}
	return found
}

func (w *walker) judgeCall(args []field) (held Truth, firm bool) {
	if len(args) == 0 || !args[0].known {
		return Unknown, false
	}
	switch args[0].text {
	case "true", ":", "echo", "export", "printf", "local", "set", "unset":
		return Yes, true
	case "false":
		return No, true
	case "[":
		if n := len(args); args[n-1].text == "]" {
			return w.judgeTest(args[1:n-1], 0)
		}
	case "test":
		return w.judgeTest(args[1:], 0)
	}
	return Unknown, false
}

// judgeTest judges what stands in [ ]. Tests of files are judged by the tree and not firm, because the running device has
// more files than its image, unless a pattern has just found the file.
func (w *walker) judgeTest(args []field, depth int) (held Truth, firm bool) {
	if depth > 20 {
		return Unknown, false
	}
	if len(args) > 0 && args[0].text == "!" && args[0].known {
		held, firm = w.judgeTest(args[1:], depth+1)
		return opposite(held), firm
	}
	for _, a := range args {
		if !a.known {
			return Unknown, false
		}
	}
	firm = true
	for _, a := range args {
		firm = firm && !a.maybe
	}
	sure := func(yes bool) (Truth, bool) {
		if !firm {
			return Unknown, false
		}
		if yes {
			return Yes, true
		}
		return No, true
	}
	switch len(args) {
	case 0:
		return sure(false)
	case 1:
		return sure(args[0].text != "")
	case 2:
		name := args[1].text
		switch args[0].text {
		case "-n":
			return sure(name != "")
		case "-z":
			return sure(name == "")
		case "-e", "-f", "-x", "-r", "-d", "-s":
			if !strings.HasPrefix(name, "/") || !firm {
				return Unknown, false
			}
			held := w.b.tree.exists(name)
			if _, info, err := w.b.tree.stat(name); err == nil {
				dir := info.IsDir()
				if args[0].text == "-d" && !dir || args[0].text == "-f" && dir {
					held = No
				}
				if args[0].text == "-s" && !dir && info.Size() == 0 {
					held = No
				}
				if args[0].text == "-x" && info.Mode().Perm() != 0 && info.Mode().Perm()&0o111 == 0 {
					held = No
				}
			}
			return held, args[1].found && held == Yes // the loop goes over what is there: that it is there is no question
		}
	case 3:
		switch args[1].text {
		case "=", "==":
			return sure(args[0].text == args[2].text)
		case "!=":
			return sure(args[0].text != args[2].text)
		case "-eq", "-ne", "-lt", "-gt", "-le", "-ge":
			return Unknown, false
		}
	}
	return Unknown, false
}
