package rootfs

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// call reads one simple command.
func (w *walker) call(args []field, n syntax.Node) flow {
	if len(args) == 0 {
		return next
	}
	return w.command(args, w.s.place(n.Pos()), w.s.text(n), 0)
}

// command follows a command with its arguments. It takes the programs away that only start another one.
func (w *walker) command(args []field, at Place, text string, depth int) flow {
	if w.spent() || len(args) == 0 {
		return next
	}
	if depth > 32 {
		w.b.unfollowed(at, text, "programs that start programs are nested too deep")
		return next
	}
	head, rest := args[0], args[1:]
	if !head.known {
		w.b.unfollowed(at, text, "the command is settled only while the device runs")
		return next
	}
	again := func(args []field) flow { return w.command(args, at, text, depth+1) }
	if head.maybe {
		w.guards = append(w.guards, Guard{Place: at, Text: "the command is " + printable(head.text, 200)})
		defer func() { w.guards = w.guards[:len(w.guards)-1] }()
		head.maybe = false
		if f := again(append([]field{head}, rest...)); f != next {
			keep(&w.afterExit, Guard{Place: at, Text: "not: the command is " + printable(head.text, 200)})
		}
		return next
	}
	name := head.text
	if fn, ok := w.funcs[name]; ok {
		return w.function(fn, rest, at, text)
	}
	if strings.HasPrefix(name, "-") && at.Line == 0 {
		name = name[1:]
	}
	word := name
	if usualFolder(name) {
		word = path.Base(name)
	}
	switch word {
	case "exit":
		return exits
	case "return":
		return returns
	case "break", "continue":
		return loops
	case "exec":
		if len(rest) == 0 {
			return next
		}
		again(rest)
		return exits
	case "nohup", "setsid", "busybox", "toybox", "command", "builtin", "sudo", "time", "daemonize", "cttyhack":
		return again(skipOptions(rest, ""))
	case "nice":
		return again(skipOptions(rest, "n"))
	case "ionice":
		return again(skipOptions(rest, "cnp"))
	case "chrt", "taskset", "timeout", "chroot", "softlimit":
		if rest = skipOptions(rest, "sk"); len(rest) > 1 {
			return again(rest[1:])
		}
		return next
	case "env":
		for len(rest) > 0 && (strings.Contains(rest[0].text, "=") || strings.HasPrefix(rest[0].text, "-")) {
			rest = rest[1:]
		}
		return again(rest)
	case "daemon", "fork": // functions of the rc scripts of many systems
		if rest = skipOptions(rest, "u"); len(rest) > 0 {
			return again(rest)
		}
	case "eval":
		w.eval(rest, at, text)
		return next
	case ".", "source":
		return w.source(rest, at, text)
	case "sh", "ash", "bash", "dash", "hush":
		w.shell(name, rest, at, text)
		return next
	case "read", "getopts", "unset", "let", "printf", "config_get", "config_get_bool", "json_get_var", "json_get_vars", "network_get_ipaddr", "mapfile":
		w.forget(rest)
		return next
	case "set":
		if len(rest) > 0 && !strings.HasPrefix(rest[0].text, "-") && !strings.HasPrefix(rest[0].text, "+") {
			w.args = rest
		}
		return next
	case "shift":
		if len(rest) == 0 && len(w.args) > 0 {
			w.args = w.args[1:]
		} else {
			w.args = nil
		}
		return next
	case "cd":
		w.cwd = ""
		if len(rest) == 1 && rest[0].known && strings.HasPrefix(rest[0].text, "/") {
			w.cwd = rest[0].text
		}
		return next
	case "export", "local", "readonly", "declare": // read by a strict shell as a command
		for _, a := range rest {
			if k, v, ok := strings.Cut(a.text, "="); ok {
				w.set(k, value{text: v, known: a.known, depth: len(w.guards)})
			}
		}
		return next
	case "service", "invoke-rc.d", "rc-service":
		if rest = skipOptions(rest, ""); len(rest) > 0 {
			rest[0].text = "/etc/init.d/" + rest[0].text
			return again(rest)
		}
		return next
	case "start-stop-daemon":
		if inner := startStop(rest); inner != nil {
			return again(inner)
		}
		return next
	case "run-parts":
		w.runParts(rest, at)
		return next
	case "config_foreach":
		if len(rest) > 0 && rest[0].known {
			if fn, ok := w.funcs[rest[0].text]; ok {
				w.guards = append(w.guards, Guard{Place: at, Text: "the settings have a section for it: " + printable(text, 200)})
				w.function(fn, nil, at, text)
				w.guards = w.guards[:len(w.guards)-1]
			}
		}
		return next
	case "procd_open_instance":
		w.procd = nil
		return next
	case "procd_set_param", "procd_append_param":
		if len(rest) > 1 && rest[0].text == "command" {
			if word == "procd_set_param" {
				w.procd = slices.Clone(rest[1:])
			} else if len(w.procd) > 0 {
				w.procd = append(w.procd, rest[1:]...)
			}
		}
		return next
	case "procd_close_instance":
		inner := w.procd
		w.procd = nil
		if len(inner) > 0 {
			return again(inner)
		}
		return next
	case "service_start":
		return again(skipOptions(rest, ""))
	}
	w.program(name, rest, at, text)
	return next
}

func (w *walker) function(fn function, args []field, at Place, text string) flow {
	if w.calls >= 32 {
		w.b.unfollowed(at, text, "functions call each other too deep")
		return next
	}
	oldS, oldArgs, n := w.s, w.args, len(w.afterReturn)
	w.s, w.args = fn.s, args
	w.calls++
	f := w.stmt(fn.body)
	w.calls--
	w.s, w.args = oldS, oldArgs
	w.afterReturn = w.afterReturn[:min(n, len(w.afterReturn))]
	if f == exits {
		return exits
	}
	return next
}

func (w *walker) source(args []field, at Place, text string) flow {
	if len(args) == 0 {
		return next
	}
	if !args[0].known {
		w.b.unfollowed(at, text, "which file is read is settled only while the device runs")
		w.doubt()
		return next
	}
	name := args[0].text
	real, _, err := w.b.tree.stat(w.abs(name))
	if err != nil {
		w.missing(name, err, at, text)
		w.doubt()
		return next
	}
	s, err := w.b.script(real)
	if err != nil || s == nil {
		w.doubt()
		w.b.unread(real, cmpErr(err, "read by a boot script, but it is no text"))
		return next
	}
	if w.calls >= 32 || len(w.chain) >= maxChain {
		w.b.unfollowed(at, text, "files read each other too deep")
		return next
	}
	w.brokenText(s)
	oldS, oldChain, n := w.s, w.chain, len(w.afterReturn)
	w.s, w.chain = s, append(slices.Clone(w.chain), at)
	w.calls++
	f := w.stmts(s.stmts)
	w.calls--
	w.s, w.chain = oldS, oldChain
	w.afterReturn = w.afterReturn[:min(n, len(w.afterReturn))]
	if f == exits {
		return exits
	}
	return next
}

func cmpErr(err error, why string) error {
	if err != nil {
		return err
	}
	return errors.New(why)
}

func (w *walker) brokenText(s *script) {
	if s.broken != "" {
		w.b.unfollowed(Place{File: s.name}, s.name, "a part of it is not shell as we read it: "+s.broken)
	}
}

func (w *walker) missing(name string, err error, at Place, text string) {
	why := name + " is not in this tree"
	if isLinkError(err) || !errors.Is(err, fs.ErrNotExist) {
		why = oneLine(err)
	}
	w.b.unfollowed(at, text, why)
}

func (w *walker) abs(name string) string {
	if w.cwd != "" && !strings.HasPrefix(name, "/") {
		return w.cwd + "/" + name
	}
	return name
}

// program follows or records a command that is no word of the shell.
func (w *walker) program(name string, args []field, at Place, text string) {
	base := path.Base(name)
	_, daemon := daemons[strings.ToLower(base)]
	known := daemon || consoles[base] || base == "tcpsvd" || base == "udpsvd" || base == "nc" || base == "socat" || base == "ncat"
	if !known && ordinary[base] && usualFolder(name) {
		return // and a vendor's program of the same name elsewhere is none of these
	}
	look := name
	if strings.Contains(name, "/") {
		look = w.abs(name)
	}
	real, info, err := w.b.lookup(look, w.paths)
	s := Service{Path: name, Place: at, Text: text, Chain: w.chain, Guards: w.all(), InTree: Yes}
	for _, a := range args {
		s.Args = append(s.Args, printable(a.text, 200))
	}
	if err != nil {
		s.InTree = Unknown
		if errors.Is(err, fs.ErrNotExist) && !isLinkError(err) {
			s.InTree = No
		}
		if !known {
			w.missing(name, err, at, text)
			return
		}
		s.describe()
		w.b.add(s)
		return
	}
	if !info.Mode().IsRegular() {
		return
	}
	if b := path.Base(real); !known && (b == "busybox" || b == "toybox" || b == "toolbox") {
		return // an applet that stays with nobody
	}
	sc, err := w.b.script(real)
	if err != nil {
		w.b.unread(real, err)
	}
	if sc != nil && (sc.shell() || sc.arg != "") {
		w.runFile(real, name, args, at, text)
		if !known {
			return
		}
	} else if sc != nil {
		w.b.unfollowed(at, text, real+" is a script for "+printable(sc.interp, 40))
	}
	s.describe()
	w.b.add(s)
}

// runFile follows a script in a shell of its own.
func (w *walker) runFile(real, name string, args []field, at Place, text string) {
	s, err := w.b.script(real)
	switch {
	case err != nil:
		w.b.unread(real, err)
		return
	case s == nil:
		w.program(name, args, at, text)
		return
	case !s.shell():
		w.b.unfollowed(at, text, real+" is a script for "+printable(s.interp, 40))
		return
	case len(w.chain) >= maxChain:
		w.b.unfollowed(at, text, "scripts call each other too deep")
		return
	}
	w.b.run(s, name, args, append(slices.Clone(w.chain), at), w.all(), w.paths)
}

// run reads a script from its beginning, once for the same arguments and the same conditions.
func (b *booter) run(s *script, name string, args []field, chain []Place, guards []Guard, paths []string) {
	key := s.name
	for _, a := range args {
		key += "\x00" + a.text
	}
	if len(guards) > 0 {
		key += "\x00under"
		if b.ran[s.name+strings.TrimSuffix(key[len(s.name):], "\x00under")] {
			return // it was followed without any condition
		}
	}
	if b.ran[key] {
		return
	}
	b.ran[key] = true
	w := b.walker(s, name, args, chain, guards)
	w.paths = slices.Clone(paths)
	w.brokenText(s)
	if s.arg != "" && path.Base(s.arg) == "rc.common" {
		w.rcCommon()
		return
	}
	w.stmts(s.stmts)
}

// rcCommon reads an init script of OpenWrt: its functions are called by the rc.common that its first line names.
func (w *walker) rcCommon() {
	w.stmts(w.s.stmts)
	action := "start"
	if len(w.args) > 0 && w.args[0].known {
		action = w.args[0].text
	}
	if action != "start" && action != "boot" {
		return
	}
	at := Place{File: w.s.name}
	start, procd := w.funcs["start"], w.funcs["start_service"]
	if start.body == nil && procd.body != nil {
		w.funcs["start"] = procd
	}
	for _, name := range []string{action, "start", "start_service"} {
		if fn, ok := w.funcs[name]; ok {
			w.function(fn, []field{}, at, name)
			if name == "boot" && w.funcs["start"].body == nil {
				continue
			}
			break
		}
	}
	if len(w.procd) > 0 {
		inner := w.procd
		w.procd = nil
		w.command(inner, at, "procd instance", 0)
	}
}
