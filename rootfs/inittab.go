package rootfs

import (
	"errors"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// inittab reads /etc/inittab as BusyBox init and System V init do.
func (b *booter) inittab() {
	data, real, _, err := b.tree.read("etc/inittab", maxTextBytes)
	if errors.Is(err, fs.ErrNotExist) && !isLinkError(err) {
		return
	}
	if err != nil {
		b.unread("etc/inittab", err)
		return
	}
	type entry struct {
		line
		id, levels, action, process string
		at                          int64 // offset of the process
	}
	var entries []entry
	level := ""
	for _, ln := range lines(data) {
		text := strings.TrimSpace(ln.text)
		if text == "" || text[0] == '#' {
			continue
		}
		f := strings.SplitN(ln.text, ":", 4)
		if len(f) < 4 {
			b.unread(real, errors.New("line "+itoa(ln.n)+" is no inittab line"))
			continue
		}
		e := entry{ln, strings.TrimSpace(f[0]), f[1], strings.TrimSpace(f[2]), strings.TrimSpace(f[3]), ln.off + int64(len(ln.text)-len(f[3]))}
		if e.action == "initdefault" {
			level = strings.TrimSpace(e.levels)
			continue
		}
		entries = append(entries, e)
	}
	kind := "busybox"
	if level != "" {
		kind = "sysv"
	}
	b.init(kind)
	b.level = level
	procd := b.tree.exists("sbin/procd") == Yes
	for _, e := range entries {
		at := Place{real, e.n, e.at}
		var guards []Guard
		boots := false
		switch e.action {
		case "sysinit", "boot", "bootwait":
			boots = true
		case "respawn", "wait", "once", "askfirst", "ondemand", "askconsole", "askconsolelate", "respawnlate":
			boots = true
			if level != "" && e.levels != "" && !strings.Contains(e.levels, level) {
				guards = append(guards, Guard{at, "the run level is one of " + printable(e.levels, 20) + ", not the usual " + printable(level, 5), No})
			}
		}
		if !boots || e.process == "" {
			continue
		}
		if procd && strings.HasPrefix(e.process, "/etc/init.d/rcS") {
			continue // procd runs the links of /etc/rc.d itself: see procd
		}
		b.initProcess(e.process, at, e.id, e.action, guards)
	}
}

// initProcess follows what init starts on a line. A shell there is a shell on a terminal without a log-in.
func (b *booter) initProcess(process string, at Place, tty, action string, guards []Guard) {
	text := strings.TrimSpace(strings.TrimLeft(process, "-+@"))
	first, rest, _ := strings.Cut(text, " ")
	if shellName(first) && (strings.TrimSpace(rest) == "" || onlyOptions(rest)) {
		why := "a shell on the terminal " + printable(orText(tty, "console"), 40) + " without a log-in"
		if action == "askfirst" {
			why += ", after a key is pressed"
		}
		s := Service{Program: path.Base(first), Path: first, Args: strings.Fields(rest), Kind: Console, NoPassword: true, Why: why,
			InTree: b.tree.exists(first), Place: at, Text: process, Guards: guards}
		b.add(s)
		return
	}
	w := b.walker(&script{name: at.File}, "init", []field{}, nil, guards)
	w.inline(text, at)
}

func onlyOptions(s string) bool {
	for _, f := range strings.Fields(s) {
		if !strings.HasPrefix(f, "-") || strings.HasSuffix(f, "c") {
			return false
		}
	}
	return true
}

func orText(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

// initScript follows an init that is itself a script, and the settings that BusyBox init uses without an inittab.
func (b *booter) initScript() {
	for _, name := range []string{"init", "sbin/init", "linuxrc", "etc/preinit", "preinit"} {
		real, info, err := b.tree.stat(name)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		s, err := b.script(real)
		if err != nil {
			b.unread(real, err)
			continue
		}
		if s != nil && s.shell() {
			b.init("script")
			b.run(s, "/"+name, []field{}, nil, nil, nil)
		}
		if s == nil && !b.out.Found && path.Base(real) == "busybox" {
			if rcS, info, err := b.tree.stat("etc/init.d/rcS"); err == nil && info.Mode().IsRegular() {
				b.init("busybox")
				at := Place{File: rcS}
				if s, err := b.script(rcS); err != nil {
					b.unread(rcS, err)
				} else if s != nil && s.shell() {
					b.run(s, "/etc/init.d/rcS", []field{}, nil, nil, nil)
				}
				b.add(Service{Program: "sh", Path: "/bin/sh", Kind: Console, NoPassword: true, InTree: b.tree.exists("bin/sh"), Place: at,
					Why: "BusyBox init without an inittab offers a shell on the console without a log-in", Text: "askfirst:-/bin/sh"})
			}
		}
	}
	if !b.out.Found {
		for _, name := range []string{"etc/init.d/rcS", "etc/rc.d/rcS", "etc/rc.local", "etc/rc"} {
			if s := b.regularScript(name); s != nil {
				b.init("script")
				guard := Guard{Place{File: s.name}, "what init is was not seen; it usually runs this script", Unknown}
				b.run(s, "/"+name, []field{}, nil, []Guard{guard}, nil)
			}
		}
	}
}

func (b *booter) regularScript(name string) *script {
	real, info, err := b.tree.stat(name)
	if err != nil || !info.Mode().IsRegular() {
		if isLinkError(err) {
			b.unread(name, err)
		}
		return nil
	}
	s, err := b.script(real)
	if err != nil {
		b.unread(real, err)
		return nil
	}
	if s == nil || !s.shell() {
		return nil
	}
	return s
}

// procd follows the S links of /etc/rc.d that OpenWrt's init runs in order.
func (b *booter) procd() {
	if b.tree.exists("sbin/procd") != Yes && b.tree.exists("etc/rc.common") != Yes {
		return
	}
	for _, e := range b.list("etc/rc.d") {
		if !startLink.MatchString(e.Name()) {
			continue
		}
		b.init("procd")
		if s := b.regularScript("etc/rc.d/" + e.Name()); s != nil {
			b.run(s, "/etc/rc.d/"+e.Name(), []field{{text: "boot", known: true}}, []Place{{File: "etc/rc.d/" + e.Name()}}, nil, nil)
		}
	}
	if b.tree.exists("etc/rc.local") == Yes && slices.Contains(b.out.Init, "procd") {
		if s := b.regularScript("etc/rc.local"); s != nil {
			b.run(s, "/etc/rc.local", []field{}, nil, nil, nil)
		}
	}
}

var startLink = regexp.MustCompile(`^S[0-9][0-9]?`)

// rcLinks follows the S links of System V run levels, which a script of init or systemd runs in a way that is not always
// readable.
func (b *booter) rcLinks() {
	sysv, systemd := slices.Contains(b.out.Init, "sysv"), slices.Contains(b.out.Init, "systemd")
	if !sysv && !systemd {
		return
	}
	for _, dir := range []string{"etc/rcS.d", "etc/rc2.d", "etc/rc3.d", "etc/rc4.d", "etc/rc5.d", "etc/rc.d/rcS.d", "etc/rc.d/rc2.d", "etc/rc.d/rc3.d", "etc/rc.d/rc4.d", "etc/rc.d/rc5.d"} {
		var guards []Guard
		if n := strings.TrimSuffix(strings.TrimPrefix(path.Base(dir), "rc"), ".d"); n != "S" && !systemd && n != b.level {
			guards = []Guard{{Place{File: dir}, "the run level is " + n + ", not the usual " + printable(b.level, 5), No}}
		}
		for _, e := range b.list(dir) {
			if !startLink.MatchString(e.Name()) {
				continue
			}
			name := strings.TrimLeft(e.Name(), "S0123456789")
			if systemd && b.unitFile(name+".service") != "" {
				continue // the unit of that name takes its place
			}
			if s := b.regularScript(dir + "/" + e.Name()); s != nil {
				b.run(s, "/"+dir+"/"+e.Name(), []field{{text: "start", known: true}}, []Place{{File: dir + "/" + e.Name()}}, guards, nil)
			}
		}
	}
}

// cron reads the tables of cron. What they start runs at its time, if cron does.
func (b *booter) cron() {
	guards, chain := b.superStart("crond", "cron")
	var names []string
	for _, dir := range []string{"etc/crontabs", "etc/cron.d", "var/spool/cron/crontabs", "var/spool/cron"} {
		for _, e := range b.list(dir) {
			if !e.IsDir() {
				names = append(names, dir+"/"+e.Name())
			}
		}
	}
	for _, name := range append(names, "etc/crontab") {
		data, real, _, err := b.tree.read(name, maxScriptBytes)
		if err != nil || notText(data) {
			continue
		}
		system := name == "etc/crontab" || strings.HasPrefix(name, "etc/cron.d/") // such lines name a user
		for _, ln := range lines(data) {
			f := strings.Fields(ln.text)
			skip := 5
			if len(f) > 0 && strings.HasPrefix(f[0], "@") {
				skip = 1
			}
			if system {
				skip++
			}
			if len(f) <= skip || strings.HasPrefix(f[0], "#") || skip >= 5 && strings.ContainsAny(f[0], "=") {
				continue
			}
			at := Place{real, ln.n, ln.off}
			timed := append(append([]Guard{}, guards...), Guard{at, "it is the time " + printable(strings.Join(f[:min(skip, 5)], " "), 60), Unknown})
			w := b.walker(&script{name: real}, "cron", []field{}, chain, timed)
			w.inline(strings.Join(f[skip:], " "), at)
		}
	}
}

// android reads the services of Android's init language.
func (b *booter) android() {
	names := []string{"init.rc"}
	for _, dir := range []string{"etc/init", "system/etc/init", "vendor/etc/init"} {
		for _, e := range b.list(dir) {
			if strings.HasSuffix(e.Name(), ".rc") {
				names = append(names, dir+"/"+e.Name())
			}
		}
	}
	for _, name := range names {
		data, real, _, err := b.tree.read(name, maxTextBytes)
		if err != nil {
			continue
		}
		var s *Service
		flush := func() {
			if s != nil {
				b.init("android")
				b.add(*s)
			}
			s = nil
		}
		for _, ln := range lines(data) {
			f := strings.Fields(ln.text)
			if len(f) == 0 || strings.HasPrefix(f[0], "#") {
				continue
			}
			switch {
			case f[0] == "service" && len(f) >= 3:
				flush()
				s = &Service{Path: f[2], Args: f[3:], Place: Place{real, ln.n, ln.off}, Text: ln.text, InTree: b.tree.exists(f[2])}
				s.describe()
				if shellName(f[2]) {
					s.Kind, s.NoPassword, s.Why = Console, true, "a shell on the console without a log-in"
				}
			case f[0] == "on" || f[0] == "import":
				flush()
			case f[0] == "disabled" && s != nil:
				s.Guards = append(s.Guards, Guard{Place{real, ln.n, ln.off}, "disabled until something starts it", Unknown})
			}
		}
		flush()
	}
}
