package rootfs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Boot is what a device starts when it is switched on, as far as its files say.
type Boot struct {
	// Found says that something in the tree starts the device. Where it is false, no service is no statement.
	Found bool `json:"found"`
	// Init names what starts the device: busybox, sysv, systemd, procd, android, script; several where several are there.
	Init []string `json:"init,omitempty"`
	// Services are sorted by program, then by place.
	Services []Service `json:"services"`
	// Dormant are log-in services that scripts would start which nothing runs, as far as was seen. A program may run them.
	Dormant []Service `json:"dormant,omitempty"`
	// Unfollowed are the places where the reading stopped: what lies behind them may start anything.
	Unfollowed []Unfollowed `json:"unfollowed,omitempty"`
	Unread     []Unread     `json:"unread,omitempty"`
}

// Service is one program that the boot starts.
type Service struct {
	// Program is the base name, Path as it is written, Args what follows it. A part of an argument that only the running
	// device knows stands as it is written ($PORT).
	Program string   `json:"program"`
	Path    string   `json:"path"`
	Args    []string `json:"args,omitempty"`
	Kind    Kind     `json:"kind"`
	// Port is where it listens: from its arguments when PortGiven, else the usual one; 0 is not known.
	Port      int  `json:"port,omitempty"`
	PortGiven bool `json:"port_given,omitempty"`
	// NoPassword says that what it gives needs no log-in at all: telnetd -l /bin/sh, a shell on a serial port.
	NoPassword bool `json:"no_password,omitempty"`
	// Login is the user:password that its arguments give, the same in every unit.
	Login string `json:"login,omitempty"`
	Why   string `json:"why,omitempty"`
	// InTree answers whether the program is in this tree.
	InTree Truth `json:"in_tree,omitempty"`
	// Place is the command that starts it, Text that command; Chain leads to it from what init reads, outermost first.
	Place Place   `json:"place"`
	Text  string  `json:"text"`
	Chain []Place `json:"chain,omitempty"`
	// Conditional says that it starts only when all the Guards hold.
	Conditional bool    `json:"conditional"`
	Guards      []Guard `json:"guards,omitempty"`
}

// Guard is a condition on the way to a service.
type Guard struct {
	Place Place  `json:"place"`
	Text  string `json:"text"`
	// Held answers whether it holds by this tree alone (a test for a file that is or is not here). The running device may differ.
	Held Truth `json:"held,omitempty"`
}

// Unfollowed is a command whose effect was not read.
type Unfollowed struct {
	Place Place  `json:"place"`
	Text  string `json:"text"`
	Why   string `json:"why"`
}

// Bounds of the reading of boot scripts.
const (
	maxScriptBytes = 128 << 10 // a boot script
	maxOpeners     = 3000      // parentheses, and backquotes, in it: each may nest, and the parser recurses
	maxChain       = 24        // scripts that call scripts
	maxSteps       = 200_000   // commands looked at
	maxNesting     = 200       // blocks within blocks
	maxGuards      = 32        // conditions kept with a service
	maxGlob        = 512       // names that one pattern yields
)

type booter struct {
	ctx     context.Context
	tree    *tree
	out     Boot
	scripts map[string]*script // by name without links
	failed  map[string]error   // why a script could not be read
	ran     map[string]bool    // script with arguments and conditions that was followed already
	looked  map[string]place
	seen    map[string]int // service already listed, by what it is and where: its index
	level   string         // the usual run level, from inittab
	settled int            // services up to here are as they are
	steps   int
	known   map[string]bool // the scripts that name a program of a log-in service; nil where they must be looked for
}

// ReadBoot follows what starts at boot: inittab, rc scripts, systemd units, procd, inetd and what they call. It reads
// scripts as a careful person would and runs nothing. It does not guess: a command it cannot follow is in Unfollowed.
func ReadBoot(ctx context.Context, fsys fs.FS) (Boot, error) { return readBoot(ctx, fsys, nil) }

func readBoot(ctx context.Context, fsys fs.FS, known map[string]bool) (Boot, error) {
	b := &booter{ctx: ctx, known: known, tree: newTree(fsys), scripts: map[string]*script{}, failed: map[string]error{}, ran: map[string]bool{}, seen: map[string]int{}, looked: map[string]place{}}
	for _, start := range []func(){b.inittab, b.systemd, b.procd, b.android, b.initScript, b.rcLinks, b.inetd, b.cron} {
		start()
		if err := ctx.Err(); err != nil {
			return Boot{}, err
		}
	}
	if !b.out.Found {
		b.unread("etc/inittab", errors.New("nothing in this tree says how the device starts"))
	}
	if b.steps > maxSteps {
		b.unread(".", fmt.Errorf("the boot scripts run more than %d commands: the rest was not followed", maxSteps))
	}
	if b.dormant(); ctx.Err() != nil {
		return Boot{}, ctx.Err()
	}
	b.sort()
	return b.out, nil
}

func (b *booter) init(kind string) {
	b.out.Found = true
	if !slices.Contains(b.out.Init, kind) {
		b.out.Init = append(b.out.Init, kind)
	}
}

func (b *booter) unread(name string, err error) {
	if len(b.out.Unread) < maxFindings {
		b.out.Unread = append(b.out.Unread, Unread{name, oneLine(err)})
	}
}

func (b *booter) unfollowed(p Place, text, why string) {
	u := Unfollowed{p, printable(text, 300), why}
	if len(b.out.Unfollowed) < maxFindings && !slices.Contains(b.out.Unfollowed, u) {
		b.out.Unfollowed = append(b.out.Unfollowed, u)
	}
}

// add lists a service once. Reached twice, it is as unconditional as its easiest way.
func (b *booter) add(s Service) {
	s.Guards = slices.Clone(s.Guards[:min(len(s.Guards), maxGuards)])
	s.Chain = slices.Clone(s.Chain)
	s.Conditional = len(s.Guards) > 0
	s.Text = printable(s.Text, 300)
	key := fmt.Sprintf("%s\x00%q\x00%s", s.Path, s.Args, s.Place)
	if i, ok := b.seen[key]; ok {
		if i >= b.settled && len(s.Guards) < len(b.out.Services[i].Guards) {
			b.out.Services[i] = s
		}
		return
	}
	if len(b.out.Services) >= maxFindings {
		return
	}
	b.seen[key] = len(b.out.Services)
	b.out.Services = append(b.out.Services, s)
}

type place struct {
	real string
	info fs.FileInfo
	err  error
}

// lookup finds a program and remembers where.
func (b *booter) lookup(name string, paths []string) (real string, info fs.FileInfo, err error) {
	key := name + "\x00" + strings.Join(paths, ":")
	p, ok := b.looked[key]
	if !ok {
		p.real, p.info, p.err = b.search(name, paths)
		if len(b.looked) < maxFindings {
			b.looked[key] = p
		}
	}
	return p.real, p.info, p.err
}

// search finds a program as a shell would: by its path, or in the folders where programs are.
func (b *booter) search(name string, paths []string) (real string, info fs.FileInfo, err error) {
	if strings.Contains(name, "/") {
		return b.tree.stat(name)
	}
	linked := error(nil)
	for _, dir := range append(slices.Clone(paths), "sbin", "bin", "usr/sbin", "usr/bin", "usr/local/sbin", "usr/local/bin", "system/bin", "system/xbin") {
		real, info, err = b.tree.stat(path.Join(dir, name))
		if err == nil && info.Mode().IsRegular() {
			return real, info, nil
		}
		if isLinkError(err) && linked == nil {
			linked = err
		}
	}
	return "", nil, cmp.Or(linked, fs.ErrNotExist)
}

func (b *booter) isDir(name string) bool {
	_, info, err := b.tree.stat(name)
	return err == nil && info.IsDir()
}

// list returns the names in a folder, sorted; nothing when it is not there.
func (b *booter) list(dir string) []fs.DirEntry {
	real, err := b.tree.resolve(dir)
	if err != nil {
		if isLinkError(err) {
			b.unread(dir, err)
		}
		return nil
	}
	entries, err := fs.ReadDir(b.tree.fsys, real)
	if err != nil {
		return nil
	}
	if len(entries) > maxFindings {
		b.unread(real, fmt.Errorf("more than %d entries: the rest was not looked at", maxFindings))
		entries = entries[:maxFindings]
	}
	return entries
}

func (b *booter) sort() {
	for _, list := range [][]Service{b.out.Services, b.out.Dormant} {
		slices.SortStableFunc(list, func(x, y Service) int {
			return cmp.Or(cmp.Compare(x.Program, y.Program), comparePlaces(x.Place, y.Place), slices.Compare(x.Args, y.Args))
		})
	}
	slices.SortStableFunc(b.out.Unfollowed, func(x, y Unfollowed) int {
		return cmp.Or(comparePlaces(x.Place, y.Place), cmp.Compare(x.Text, y.Text), cmp.Compare(x.Why, y.Why))
	})
	slices.SortStableFunc(b.out.Unread, func(x, y Unread) int {
		return cmp.Or(cmp.Compare(x.Path, y.Path), cmp.Compare(x.Why, y.Why))
	})
	b.out.Unread = slices.Compact(b.out.Unread)
}
