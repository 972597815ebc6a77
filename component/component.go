// Package component says which software a root file system or an image is made of, and how it knows.
//
// A component comes from a package database where there is one, and from the version that a program carries as text
// where there is none, which is the usual case in firmware. Every component has its evidence: file, offset, the words.
// A name in the sense of CPE or purl is given only where it is known; none is guessed, because a wrong name brings
// wrong vulnerabilities. The inventory is written as CycloneDX or SPDX, and is matched, offline and as often as wanted,
// against vulnerability records that the user keeps in a folder.
//
// It is not for taking images apart, and it does not say whether a vulnerability can be reached in the product.
package component

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/assay-psti/assay/internal/reading"
)

// Type is what a component is.
type Type string

// The types, in the words of CycloneDX.
const (
	Application     Type = "application"
	Library         Type = "library"
	OperatingSystem Type = "operating-system"
	Firmware        Type = "firmware"
)

// Component is one piece of software in one version.
type Component struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Type    Type   `json:"type"`
	// PURL and CPE are empty where the name is not known to those lists.
	PURL string `json:"purl,omitempty"`
	CPE  string `json:"cpe,omitempty"`
	// Licence is as the package database writes it.
	Licence string `json:"licence,omitempty"`
	// Source is what it was found by: dpkg, opkg, apk, text (the version a program carries), name (of a file), os-release
	// (a release of a distribution; without a CPE, which would bring the vulnerabilities of all its packages).
	Source string `json:"source"`
	// SourcePackage and SourceVersion are the package that the binary one was built from, where the database says.
	SourcePackage string     `json:"source_package,omitempty"`
	SourceVersion string     `json:"source_version,omitempty"`
	Evidence      []Evidence `json:"evidence"`
	// Seen is how many pieces of evidence there were; Evidence holds the first ones.
	Seen int `json:"seen"`
	// EndOfLife is the end of its maintenance by those who make it, where that is known.
	EndOfLife *EndOfLife `json:"end_of_life,omitempty"`
	// vendor and product are the fields of the CPE, for matching.
	vendor, product string
}

// Evidence is where a component was seen.
type Evidence struct {
	File   string `json:"file"`
	Offset int64  `json:"offset"`
	Text   string `json:"text"`
}

// Inventory is what a tree is made of.
type Inventory struct {
	// Distribution is what os-release says: debian and 12, openwrt and 19.07.8. Empty where there is none.
	Distribution        string      `json:"distribution,omitempty"`
	DistributionVersion string      `json:"distribution_version,omitempty"`
	Components          []Component `json:"components"`
	Unread              []Unread    `json:"unread,omitempty"`
	Files               int         `json:"files"`
	Bytes               int64       `json:"bytes"`
}

// Unread is a file that was wanted and could not be read.
type Unread struct {
	Path string `json:"path"`
	Why  string `json:"why"`
}

// Bounds of a search.
const (
	maxDatabase   = 32 << 20 // bytes of one package database
	maxComponents = 50_000
	maxEvidence   = 20
	maxTries      = 20_000 // occurrences of one anchor in one window whose version is read
)

// Find looks at every regular file of fsys once. fsys must be safe for concurrent use.
func Find(ctx context.Context, fsys fs.FS) (Inventory, error) {
	f := NewFinder()
	stats, err := reading.Tree(ctx, fsys, nil, f)
	if err != nil {
		return Inventory{}, err
	}
	return f.Inventory(stats), nil
}

// FindIn looks at one stream that has no files: a kernel, a boot loader, the program of a microcontroller. Name stands
// in the evidence.
func FindIn(ctx context.Context, name string, r io.Reader) (Inventory, error) {
	f := NewFinder()
	stats, err := reading.Stream(ctx, name, r, f)
	if err != nil {
		return Inventory{}, err
	}
	return f.Inventory(stats), nil
}

type chunk struct {
	name string
	data []byte
	base int64
	last int // hits that end after it belong to the next chunk
}

// A Finder looks at files as they are read, beside others that look at the same bytes.
type Finder struct {
	match *matcher

	mu     sync.Mutex // guards the fields below
	unread []Unread
	found  map[string]*hit // by signature and version
	packs  []Component

	releases map[string][2]string // by file: which distribution it names, and its release
}

var _ reading.Reader = (*Finder)(nil)

type hit struct {
	sig     *signature
	version string
	update  string
	home    bool // seen in a file that the software itself consists of
	seen    int
	at      []Evidence
}

// NewFinder makes a finder for one tree or one stream.
func NewFinder() *Finder {
	return &Finder{match: newMatcher(signatures), found: map[string]*hit{}, releases: map[string][2]string{}}
}

// Miss notes what was not read.
func (f *Finder) Miss(name, why string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.unread) < 10_000 {
		f.unread = append(f.unread, Unread{name, printable(why, 300)})
	}
}

// File looks at package databases, at programs, and at texts where a signature reads such text.
func (f *Finder) File(name string) func(*reading.Window) {
	f.byName(name)
	if read := databaseReader(name); read != nil {
		return f.database(name, read)
	}
	release := slices.Contains(releaseFiles, name)
	js := path.Ext(name) == ".js"
	skip := false
	return func(w *reading.Window) {
		if w.Base == 0 && w.Seen == 0 {
			if release {
				f.osRelease(name, w.Data[:min(len(w.Data), 64<<10)])
			}
			skip = !js && text(w.Data)
		}
		if !skip {
			f.scan(chunk{name, w.Data, w.Base, w.Last})
		}
	}
}

// database gathers a package database and reads it when all of it is there.
func (f *Finder) database(name string, read func(string, []byte) []Component) func(*reading.Window) {
	var data []byte
	return func(w *reading.Window) {
		fresh := w.Data[w.Seen:]
		if left := maxDatabase - len(data); len(fresh) > left && left >= 0 {
			f.Miss(name, fmt.Sprintf("larger than %d bytes: the rest was not read", maxDatabase))
			fresh = fresh[:left]
		}
		data = append(data, fresh...)
		if !w.End {
			return
		}
		packs := read(name, data)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.packs = append(f.packs, packs[:min(len(packs), max(0, maxComponents-len(f.packs)))]...)
	}
}

// releaseFiles say which distribution a tree is; the first one that says both name and release counts.
var releaseFiles = []string{"etc/openwrt_release", "etc/os-release", "usr/lib/os-release"}

// osRelease reads which distribution the tree is.
func (f *Finder) osRelease(name string, data []byte) {
	var is [2]string
	for ln := range strings.Lines(string(data)) {
		k, v, _ := strings.Cut(strings.TrimSpace(ln), "=")
		v = printable(strings.Trim(v, `"'`), 64)
		switch k {
		case "ID", "DISTRIB_ID":
			is[0] = strings.ToLower(v)
		case "VERSION_ID", "DISTRIB_RELEASE":
			is[1] = v
		}
	}
	f.mu.Lock()
	f.releases[name] = is
	f.mu.Unlock()
}

// distribution takes each word from the last file that gives it, as long as none before gave both; from is the last of
// them.
func (f *Finder) distribution() (name, release, from string) {
	for _, file := range releaseFiles {
		if name != "" && release != "" {
			break
		}
		is := f.releases[file]
		if is[0] != "" {
			name, from = is[0], file
		}
		if is[1] != "" {
			release, from = is[1], file
		}
	}
	return name, release, from
}

// text reports whether data begins as text.
func text(data []byte) bool { return bytes.IndexByte(data[:min(len(data), 4096)], 0) < 0 }

// scan runs the signatures over one window.
func (f *Finder) scan(c chunk) {
	js := path.Ext(c.name) == ".js"
	if c.base == 0 && c.last == len(c.data) && !js {
		f.lone(c)
	}
	tried := map[*signature]int{}
	f.match.each(c.data, func(sig *signature, start int) {
		if start >= c.last || sig.script != js || tried[sig] > maxTries {
			return
		}
		if tried[sig]++; tried[sig] > maxTries {
			f.Miss(c.name, fmt.Sprintf("%q occurs more than %d times near byte %d: the rest was not looked at", sig.anchor, maxTries, c.base+int64(start)))
			return
		}
		from := start
		for from > 0 && start-from < 64 && c.data[from-1] >= ' ' && c.data[from-1] <= '~' {
			from--
		}
		to := min(len(c.data), start+240)
		m := sig.version.FindSubmatchIndex(c.data[from:to])
		if m == nil || m[2] < 0 {
			return
		}
		version, update := string(c.data[from+m[2]:from+m[3]]), ""
		if len(m) > 4 && m[4] >= 0 {
			update = string(c.data[from+m[4] : from+m[5]])
		}
		base := path.Base(c.name)
		if sig.never != nil && sig.never.MatchString(base) || sig.only != nil && !sig.only.MatchString(base) {
			return
		}
		ev := Evidence{File: c.name, Offset: c.base + int64(from+m[0]), Text: printable(string(c.data[from+m[0]:from+m[1]]), 160)}
		f.add(sig, version, update, sig.home != nil && sig.home.MatchString(base), ev)
	})
}

func (f *Finder) add(sig *signature, version, update string, home bool, ev Evidence) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := sig.name + "\x00" + version + "\x00" + update
	h := f.found[key]
	if h == nil {
		if len(f.found) >= maxComponents {
			return
		}
		h = &hit{sig: sig, version: version, update: update}
		f.found[key] = h
	}
	h.home = h.home || home
	h.seen++
	h.at = append(h.at, ev)
	if len(h.at) > 4*maxEvidence { // keep the first by place, whatever order the windows came in
		h.trim()
	}
}

func (h *hit) trim() {
	slices.SortFunc(h.at, compareEvidence)
	h.at = slices.Compact(h.at)
	h.at = h.at[:min(len(h.at), maxEvidence)]
}

func compareEvidence(a, b Evidence) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.Text, b.Text))
}

// byName takes a version from the name of a file.
func (f *Finder) byName(name string) {
	base := path.Base(name)
	for i := range signatures {
		sig := &signatures[i]
		if sig.file == nil || !strings.HasPrefix(base, sig.filePrefix) {
			continue
		}
		if m := sig.file.FindStringSubmatch(base); m != nil {
			f.add(sig, m[1], "", true, Evidence{File: name, Text: base})
		}
	}
}

// Inventory is what was found, once all was read. A version that only other programs carry (because they were built with a
// library's header) gives way to the version of the library itself.
func (f *Finder) Inventory(of reading.Stats) Inventory {
	homes := map[string]bool{}
	for _, h := range f.found {
		if h.home {
			homes[h.sig.name] = true
		}
	}
	out := Inventory{Files: of.Files, Bytes: of.Bytes, Unread: f.unread}
	name, release, from := f.distribution()
	out.Distribution, out.DistributionVersion = name, release
	if hasEnds(name) && release != "" { // the distribution's release has an end of its own
		out.Components = append(out.Components, Component{Name: name, Version: release, Type: OperatingSystem, Source: "os-release", Seen: 1,
			Evidence: []Evidence{{File: from, Text: name + " " + release}}})
	}
	slices.SortStableFunc(f.packs, func(a, b Component) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version), compareEvidence(a.Evidence[0], b.Evidence[0]))
	})
	for _, h := range f.found {
		if homes[h.sig.name] && !h.home && !h.sig.linked {
			continue
		}
		h.trim()
		c := Component{Name: h.sig.name, Version: h.version + h.update, Type: h.sig.kind, Source: "text", Evidence: h.at, Seen: h.seen, vendor: h.sig.vendor, product: h.sig.product}
		if h.sig.file != nil {
			c.Source = "name"
		}
		c.PURL = purl(h.sig.purlType, "", h.sig.name, c.Version)
		if h.sig.vendor != "" {
			c.CPE = cpe(h.sig.part(), h.sig.vendor, h.sig.product, h.version, h.update)
		}
		if !f.packaged(c) {
			out.Components = append(out.Components, c)
		}
	}
	out.Components = append(out.Components, f.packs...)
	for i := range out.Components {
		c := &out.Components[i]
		c.EndOfLife = endOfLife(c)
	}
	slices.SortFunc(out.Components, func(a, b Component) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Source, b.Source), cmp.Compare(a.PURL, b.PURL))
	})
	slices.SortFunc(out.Unread, func(a, b Unread) int { return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Why, b.Why)) })
	return out
}

// packaged reports whether a package of the database is the same software in the same version; that package takes the
// evidence, and nothing is counted twice.
func (f *Finder) packaged(c Component) bool {
	for i := range f.packs {
		p := &f.packs[i]
		if p.product == "" || p.product != c.product || p.vendor != c.vendor || p.CPE != c.CPE {
			continue
		}
		p.Seen += c.Seen
		p.Evidence = append(p.Evidence, c.Evidence...)
		p.Evidence = p.Evidence[:min(len(p.Evidence), maxEvidence)]
		return true
	}
	return false
}

func printable(s string, n int) string {
	if len(s) > n {
		s = s[:n] + "..."
	}
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r == '\ufffd' || r == '\u2028' || r == '\u2029' {
			return '?'
		}
		return r
	}, s)
}
