package rootfs

import (
	"errors"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// unitDirs are where systemd looks for units, the first that has one wins.
var unitDirs = []string{"etc/systemd/system", "usr/local/lib/systemd/system", "usr/lib/systemd/system", "lib/systemd/system"}

const maxUnits = 5000

// A unit is what a unit file and its drop-ins say, each setting with its place.
type unit struct {
	name, file string
	instance   string
	set        []setting
}

type setting struct {
	section, key, value string
	at                  Place
}

func (u *unit) values(section, key string) (all []setting) {
	for _, s := range u.set {
		if s.section != section || s.key != key {
			continue
		}
		if s.value == "" {
			all = nil // an empty value takes back what was said before
			continue
		}
		all = append(all, s)
	}
	return all
}

// systemd follows default.target through what it wants and requires.
func (b *booter) systemd() {
	if b.tree.exists("usr/lib/systemd/systemd") != Yes && b.tree.exists("lib/systemd/systemd") != Yes && b.unitFile("default.target") == "" {
		return
	}
	target := "default.target"
	if b.unitFile(target) == "" {
		if b.unitFile("multi-user.target") == "" && !b.isDir("etc/systemd/system/multi-user.target.wants") {
			return
		}
		target = "multi-user.target"
	}
	b.init("systemd")
	if _, info, err := b.tree.stat("etc/rc.local"); err == nil && info.Mode().Perm()&0o111 != 0 {
		if s := b.regularScript("etc/rc.local"); s != nil {
			b.run(s, "/etc/rc.local", []field{{text: "start", known: true}}, nil, nil, nil)
		}
	}
	type todo struct {
		name  string
		chain []Place
	}
	queue := []todo{{target, nil}, {"sysinit.target", nil}, {"basic.target", nil}}
	done := map[string]bool{}
	for len(queue) > 0 && b.ctx.Err() == nil {
		it := queue[0]
		queue = queue[1:]
		if done[it.name] || !fs.ValidPath(it.name) || strings.Contains(it.name, "/") {
			continue
		}
		if done[it.name] = true; len(done) > maxUnits {
			b.unread(it.name, errors.New("more than 5000 units: the rest was not followed"))
			return
		}
		u := b.unit(it.name)
		chain := it.chain
		if u != nil {
			b.unitServices(u, chain)
			chain = append(append([]Place{}, chain...), Place{File: u.file})
			if real := path.Base(u.file); !strings.Contains(real, "@") {
				queue = append(queue, todo{real, chain}) // the name it goes by is a link
			}
			for _, key := range []string{"Wants", "Requires", "Requisite", "BindsTo", "Upholds", "Also"} {
				for _, s := range u.values("Unit", key) {
					for _, n := range strings.Fields(s.value) {
						queue = append(queue, todo{u.specify(n), chain})
					}
				}
			}
			for _, s := range u.values("Unit", "Sockets") {
				queue = append(queue, todo{s.value, chain})
			}
		}
		if len(chain) > maxChain {
			continue
		}
		for _, n := range b.wanted(it.name, chain) {
			queue = append(queue, todo(n))
		}
	}
}

type wantedUnit struct {
	name  string
	chain []Place
}

// wanted lists the links in the .wants and .requires folders of a unit.
func (b *booter) wanted(name string, chain []Place) (all []wantedUnit) {
	for _, dir := range unitDirs {
		for _, kind := range []string{".wants", ".requires"} {
			folder := path.Join(dir, name+kind)
			if !b.isDir(folder) {
				continue
			}
			for _, e := range b.list(folder) {
				all = append(all, wantedUnit{e.Name(), append(append([]Place{}, chain...), Place{File: path.Join(folder, e.Name())})})
			}
		}
	}
	return all
}

// unitFile returns the file of a unit, links and all; "" when there is none or it is masked.
func (b *booter) unitFile(name string) string {
	for _, dir := range unitDirs {
		full := path.Join(dir, name)
		info, err := b.tree.lstat(full)
		if err != nil {
			continue
		}
		if info.Mode()&fs.ModeSymlink != 0 && b.tree.links != nil {
			if target, err := b.tree.links.ReadLink(full); err == nil && target == "/dev/null" {
				return ""
			}
		}
		return full
	}
	return ""
}

// unit reads a unit with its drop-ins. getty@tty1.service is read from getty@.service.
func (b *booter) unit(name string) *unit {
	full := b.unitFile(name)
	u := &unit{name: name}
	before, after, isTemplate := strings.Cut(name, "@")
	template := ""
	if isTemplate {
		u.instance = strings.TrimSuffix(after, path.Ext(after))
		template = before + "@" + path.Ext(after)
		if full == "" {
			full = b.unitFile(template)
		}
	}
	if full == "" {
		return nil
	}
	data, real, info, err := b.tree.read(full, maxTextBytes)
	if err != nil {
		if info == nil || info.Mode().IsRegular() {
			b.unread(full, err)
		}
		return nil
	}
	u.file = real
	u.parse(data, real)
	for _, n := range []string{name, template} {
		for i := len(unitDirs) - 1; i >= 0 && n != ""; i-- {
			dir := path.Join(unitDirs[i], n+".d")
			if !b.isDir(dir) {
				continue
			}
			for _, e := range b.list(dir) {
				if !strings.HasSuffix(e.Name(), ".conf") {
					continue
				}
				if data, real, _, err := b.tree.read(path.Join(dir, e.Name()), maxTextBytes); err == nil {
					u.parse(data, real)
				} else {
					b.unread(path.Join(dir, e.Name()), err)
				}
			}
		}
	}
	return u
}

func (u *unit) parse(data []byte, file string) {
	section := ""
	var held *setting // a value that goes on in the next line
	for _, ln := range lines(data) {
		text := strings.TrimSpace(ln.text)
		switch {
		case held != nil && (strings.HasPrefix(text, "#") || strings.HasPrefix(text, ";")):
			continue
		case held != nil:
			more := strings.HasSuffix(text, `\`)
			held.value += " " + strings.TrimSpace(strings.TrimSuffix(text, `\`))
			if !more || len(held.value) > 64<<10 {
				u.set = append(u.set, *held)
				held = nil
			}
			continue
		case text == "" || text[0] == '#' || text[0] == ';':
			continue
		case text[0] == '[' && strings.HasSuffix(text, "]"):
			section = text[1 : len(text)-1]
			continue
		}
		key, value, ok := strings.Cut(text, "=")
		if !ok || len(u.set) > 2000 {
			continue
		}
		s := setting{section, strings.TrimSpace(key), strings.TrimSpace(value), Place{file, ln.n, ln.off}}
		if v, more := strings.CutSuffix(s.value, `\`); more {
			s.value = strings.TrimSpace(v)
			held = &s
			continue
		}
		u.set = append(u.set, s)
	}
	if held != nil {
		u.set = append(u.set, *held)
	}
}

// specify puts the instance of a template into a text.
func (u *unit) specify(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	instance := u.instance
	return strings.NewReplacer("%%", "%", "%i", instance, "%I", strings.ReplaceAll(instance, "-", "/"), "%n", u.name).Replace(s)
}

func (b *booter) unitServices(u *unit, chain []Place) {
	switch path.Ext(u.name) {
	case ".service":
		b.unitCommands(u, chain, nil, 0)
	case ".socket":
		b.socket(u, chain)
	}
}

// socket reads a unit whose service starts when somebody connects: the port is open from the boot on.
func (b *booter) socket(u *unit, chain []Place) {
	port := 0
	for _, key := range []string{"ListenStream", "ListenDatagram"} {
		for _, s := range u.values("Socket", key) {
			p := s.value[strings.LastIndexByte(s.value, ':')+1:]
			if n, err := strconv.Atoi(p); err == nil && n > 0 && n < 65536 {
				port = n
			}
		}
	}
	if port == 0 {
		return // a socket of the file system
	}
	base := strings.TrimSuffix(u.name, ".socket")
	name := base + ".service"
	if v := u.values("Socket", "Service"); len(v) > 0 {
		name = v[len(v)-1].value
	} else if v := u.values("Socket", "Accept"); len(v) > 0 && truthy(v[len(v)-1].value) {
		name = base + "@.service"
	}
	chain = append(append([]Place{}, chain...), Place{File: u.file})
	if su := b.unit(name); su != nil {
		b.unitCommands(su, chain, u.conditions(b), port)
		return
	}
	b.unfollowed(Place{File: u.file}, u.name, "its service "+printable(name, 100)+" is not in this tree")
}

func truthy(s string) bool {
	switch strings.ToLower(s) {
	case "yes", "true", "1", "on":
		return true
	}
	return false
}

// conditions are the Condition and Assert lines of a unit.
func (u *unit) conditions(b *booter) (all []Guard) {
	for _, s := range u.set {
		if s.section != "Unit" || !strings.HasPrefix(s.key, "Condition") && !strings.HasPrefix(s.key, "Assert") || s.value == "" {
			continue
		}
		held := Unknown
		if strings.HasSuffix(s.key, "PathExists") {
			name, neg := strings.CutPrefix(strings.TrimPrefix(s.value, "|"), "!")
			held = b.tree.exists(name)
			if neg {
				held = opposite(held)
			}
		}
		all = append(all, Guard{s.at, s.key + "=" + printable(s.value, 200), held})
	}
	return all
}

func (b *booter) unitCommands(u *unit, chain []Place, guards []Guard, port int) {
	guards = append(guards, u.conditions(b)...)
	vars := map[string]value{}
	for _, s := range u.values("Service", "Environment") {
		for _, kv := range strings.Fields(strings.ReplaceAll(s.value, `"`, "")) {
			if k, v, ok := strings.Cut(kv, "="); ok {
				vars[k] = value{text: v, known: true}
			}
		}
	}
	for _, key := range []string{"ExecStartPre", "ExecStart", "ExecStartPost"} {
		for _, s := range u.values("Service", key) {
			text := strings.TrimLeft(u.specify(s.value), "-+!:@|")
			if first, _, _ := strings.Cut(text, " "); consoleUnit(u, first) {
				b.add(Service{Program: path.Base(first), Path: first, Kind: Console, NoPassword: true, Why: "a shell on a terminal without a log-in",
					InTree: b.tree.exists(first), Place: s.at, Text: s.value, Chain: chain, Guards: guards})
				continue
			}
			before := len(b.out.Services)
			w := b.walker(&script{name: u.file}, "", nil, chain, guards)
			for k, v := range vars {
				w.vars[k] = v
			}
			w.inline(text, s.at)
			for i := before; i < len(b.out.Services) && port > 0; i++ {
				if sv := &b.out.Services[i]; sv.Place == s.at {
					sv.Port, sv.PortGiven = port, true
				}
			}
		}
	}
}

// consoleUnit reports whether a unit runs a bare shell on a terminal.
func consoleUnit(u *unit, program string) bool {
	if !shellName(program) {
		return false
	}
	in := u.values("Service", "StandardInput")
	return len(in) > 0 && strings.HasPrefix(in[len(in)-1].value, "tty")
}
