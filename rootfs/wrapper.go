package rootfs

import (
	"path"
	"slices"
	"strings"
)

// What stands around a command: programs that start another one, texts that are read as commands, what sets variables.

// forget makes the variables that a command names unknown: it gives them what only the device knows.
func (w *walker) forget(args []field) {
	for _, a := range args {
		name, _, _ := strings.Cut(a.text, "=")
		name = strings.TrimRight(name, "+-*/ ")
		if _, ok := w.vars[name]; ok {
			w.vars[name] = value{}
		}
	}
}

// doubt makes every variable one that may hold another value: something that was not read may have set it.
func (w *walker) doubt() {
	for name, v := range w.vars {
		v.depth = 1 << 30
		w.vars[name] = v
	}
}

// skipOptions drops leading options; those in takes have a value of their own.
func skipOptions(args []field, takes string) []field {
	for len(args) > 0 && strings.HasPrefix(args[0].text, "-") {
		opt := args[0].text
		args = args[1:]
		if opt == "--" {
			break
		}
		if len(opt) == 2 && strings.Contains(takes, opt[1:]) && len(args) > 0 {
			args = args[1:]
		}
	}
	return slices.Clone(args)
}

// startStop reads the command that start-stop-daemon starts: nil when it stops one.
func startStop(args []field) []field {
	var program *field
	var after []field
	start := false
	for i := 0; i < len(args); i++ {
		a := args[i].text
		value := func() *field {
			if i++; i < len(args) {
				return &args[i]
			}
			return nil
		}
		switch {
		case a == "--":
			after = args[i+1:]
			i = len(args)
		case a == "--start" || strings.HasPrefix(a, "--start="):
			start = true
		case a == "--stop" || a == "--status" || a == "-K" || a == "-T":
			return nil
		case a == "--exec" || a == "--startas":
			program = value()
		case strings.HasPrefix(a, "--exec="):
			program = &field{text: a[len("--exec="):], known: args[i].known, maybe: args[i].maybe}
		case a == "--pidfile" || a == "--name" || a == "--chuid" || a == "--user" || a == "--nicelevel" || a == "--chdir" || a == "--group" || a == "--signal" || a == "--retry":
			value()
		case strings.HasPrefix(a, "--"):
		case len(a) > 1 && a[0] == '-':
			for _, c := range a[1:] {
				switch c {
				case 'S':
					start = true
				case 'K':
					return nil
				case 'x', 'a':
					program = value()
				case 'p', 'n', 'u', 'c', 'N', 'd', 'g', 's', 'R', 'k', 'P', 'I':
					value()
				}
			}
		default:
			after = append(after, args[i])
		}
	}
	if !start || program == nil {
		return nil
	}
	return append([]field{*program}, after...)
}

func (w *walker) eval(args []field, at Place, text string) {
	var all []string
	for _, a := range args {
		if !a.known || a.maybe {
			w.b.unfollowed(at, text, "what eval reads is settled only while the device runs")
			w.doubt()
			return
		}
		all = append(all, a.text)
	}
	w.inline(strings.Join(all, " "), at)
}

// inline reads a text as a part of this script.
func (w *walker) inline(text string, at Place) flow {
	if w.nested >= 32 || len(text) > 16<<10 {
		w.b.unfollowed(at, text, "commands are nested too deep or too long")
		return next
	}
	old := w.s
	w.nested++
	w.s = inline(text, at)
	if w.s.broken != "" {
		w.b.unfollowed(at, text, "a part of it is not shell as we read it: "+w.s.broken)
	}
	f := w.stmts(w.s.stmts)
	w.s = old
	w.nested--
	return f
}

// shell follows sh SCRIPT and sh -c TEXT.
func (w *walker) shell(name string, args []field, at Place, text string) {
	asked := false // for a session
	for len(args) > 0 && strings.HasPrefix(args[0].text, "-") {
		opt := args[0].text
		args = args[1:]
		asked = asked || opt == "-l" || opt == "-i" || opt == "--login" || opt == "-il" || opt == "-li"
		if strings.HasSuffix(opt, "c") && !strings.HasPrefix(opt, "--") {
			if len(args) > 0 && args[0].known {
				w.sub().inline(args[0].text, at)
			} else {
				w.b.unfollowed(at, text, "what the shell reads is settled only while the device runs")
			}
			return
		}
	}
	if len(args) == 0 {
		if asked {
			w.b.add(Service{Program: path.Base(name), Path: name, Kind: Console, NoPassword: true, Why: "a shell without a log-in on the terminal from which it is started",
				InTree: Yes, Place: at, Text: text, Chain: w.chain, Guards: w.all()})
		}
		return
	}
	if !args[0].known {
		w.b.unfollowed(at, text, "which script runs is settled only while the device runs")
		return
	}
	real, info, err := w.b.tree.stat(w.abs(args[0].text))
	if err != nil || !info.Mode().IsRegular() {
		w.missing(args[0].text, cmpErr(err, "it is no regular file"), at, text)
		return
	}
	w.runFile(real, args[0].text, args[1:], at, text)
}

func (w *walker) runParts(args []field, at Place) {
	args = skipOptions(args, "a")
	if len(args) == 0 || !args[0].known {
		w.b.unfollowed(at, "run-parts", "which folder it runs is settled only while the device runs")
		return
	}
	for _, e := range w.b.list(clean(args[0].text)) {
		name := path.Join(args[0].text, e.Name())
		if real, info, err := w.b.tree.stat(name); err == nil && info.Mode().IsRegular() && !strings.Contains(e.Name(), ".") {
			w.runFile(real, name, []field{}, at, "run-parts "+name)
		}
	}
}

// usualFolder reports whether a command is written without a path, or with one where the ordinary commands are.
func usualFolder(name string) bool {
	switch path.Dir(name) {
	case ".":
		return !strings.Contains(name, "/")
	case "/bin", "/sbin", "/usr/bin", "/usr/sbin":
		return true
	}
	return false
}
