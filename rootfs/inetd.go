package rootfs

import (
	"path"
	"strconv"
	"strings"
)

func itoa(n int) string { return strconv.Itoa(n) }

// inetdPorts are the ports of the service names that inetd tables of devices use.
var inetdPorts = map[string]int{"ftp": 21, "ssh": 22, "telnet": 23, "tftp": 69, "http": 80, "www": 80, "login": 513, "shell": 514, "exec": 512,
	"rsync": 873, "https": 443, "swat": 901, "finger": 79, "pop3": 110, "smtp": 25, "snmp": 161, "netbios-ssn": 139}

// inetd reads the tables of inetd and xinetd. Their services are guarded by the start of the super server, unless that
// was seen without conditions.
func (b *booter) inetd() {
	guards, chain := b.superStart("inetd", "inetutils-inetd", "openbsd-inetd")
	for _, name := range []string{"etc/inetd.conf", "etc/inetd"} {
		data, real, info, err := b.tree.read(name, maxTextBytes)
		if err != nil {
			if isLinkError(err) || info != nil && info.Mode().IsRegular() {
				b.unread(name, err)
			}
			continue
		}
		for _, ln := range lines(data) {
			f := strings.Fields(ln.text)
			if len(f) < 6 || strings.HasPrefix(f[0], "#") || f[5] == "internal" {
				continue
			}
			port := f[0]
			if i := strings.LastIndexByte(port, ':'); i >= 0 {
				port = port[i+1:]
			}
			s := Service{Path: f[5], Place: Place{real, ln.n, ln.off}, Text: ln.text, Chain: chain, Guards: guards}
			args := f[5:]
			if path.Base(s.Path) == "tcpd" || path.Base(s.Path) == "busybox" {
				if len(f) < 7 {
					continue
				}
				s.Path, args = f[6], f[6:]
			}
			if len(args) > 1 {
				s.Args = args[1:]
				if path.Base(args[1]) == path.Base(s.Path) { // the name under which it runs
					s.Args = args[2:]
				}
			}
			b.finishInet(s, port)
		}
	}
	guards, chain = b.superStart("xinetd")
	names := []string{"etc/xinetd.conf"}
	for _, e := range b.list("etc/xinetd.d") {
		names = append(names, "etc/xinetd.d/"+e.Name())
	}
	for _, name := range names {
		b.xinetd(name, guards, chain)
	}
}

// superStart returns the conditions under which the super server starts and the way to it.
func (b *booter) superStart(names ...string) (guards []Guard, chain []Place) {
	found := false
	for _, s := range b.out.Services {
		for _, n := range names {
			if s.Program != n {
				continue
			}
			if !found || len(s.Guards) < len(guards) {
				guards, chain = s.Guards, append(append([]Place{}, s.Chain...), s.Place)
			}
			found = true
		}
	}
	if !found {
		guards = []Guard{{Text: "something starts " + names[0] + ": its start was not seen"}}
	}
	return guards, chain
}

func (b *booter) finishInet(s Service, port string) {
	real, _, err := b.lookup(s.Path, nil)
	switch {
	case err == nil:
		s.InTree = Yes
		_ = real
	case !isLinkError(err):
		s.InTree = No
	}
	s.describe()
	if shellName(s.Path) {
		s.Kind, s.NoPassword, s.Why = RShell, true, "a connection gets a shell"
	}
	if p, err := strconv.Atoi(port); err == nil && p > 0 && p < 65536 {
		s.Port, s.PortGiven = p, true
	} else if p := inetdPorts[port]; p > 0 {
		s.Port = p
	}
	if s.Kind == Other {
		s.Kind = Network
	}
	b.add(s)
}

func (b *booter) xinetd(name string, guards []Guard, chain []Place) {
	data, real, _, err := b.tree.read(name, maxTextBytes)
	if err != nil {
		return
	}
	var s *Service
	port, disabled := "", false
	for _, ln := range lines(data) {
		f := strings.Fields(strings.NewReplacer("+=", " = ", "=", " = ").Replace(ln.text))
		switch {
		case len(f) == 0 || strings.HasPrefix(f[0], "#"):
		case f[0] == "service" && len(f) >= 2:
			s = &Service{Place: Place{real, ln.n, ln.off}, Text: ln.text, Chain: chain, Guards: guards}
			port, disabled = f[1], false
		case f[0] == "}" && s != nil:
			if !disabled && s.Path != "" {
				b.finishInet(*s, port)
			}
			s = nil
		case s != nil && len(f) >= 3 && f[1] == "=":
			switch f[0] {
			case "server":
				s.Path = f[2]
			case "server_args":
				s.Args = f[2:]
			case "port":
				port = f[2]
			case "disable":
				disabled = strings.EqualFold(f[2], "yes")
			}
		}
	}
}
