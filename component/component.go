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
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
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
	maxEntries    = 400_000
	maxDepth      = 64
	window        = 4 << 20
	overlap       = 4 << 10 // longer than any version text with what stands around it
	maxFile       = 1 << 30
	maxTree       = 8 << 30
	maxDatabase   = 64 << 20
	maxComponents = 50_000
	maxEvidence   = 20
	maxTries      = 20_000 // occurrences of one anchor in one window whose version is read
	workers       = 2
)

// Find looks at every regular file of fsys once. Files are read one after another and looked at in parallel.
func Find(ctx context.Context, fsys fs.FS) (Inventory, error) {
	f := newFinder()
	work := make(chan chunk, workers)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for c := range work {
				f.scan(c)
			}
		})
	}
	err := f.walk(ctx, fsys, work)
	close(work)
	wg.Wait()
	if err = cmp.Or(err, ctx.Err()); err != nil {
		return Inventory{}, err
	}
	return f.finish(), nil
}

// FindIn looks at one stream that has no files: a kernel, a boot loader, the program of a microcontroller. Name stands
// in the evidence.
func FindIn(ctx context.Context, name string, r io.Reader) (Inventory, error) {
	f := newFinder()
	work := make(chan chunk, 1)
	var wg sync.WaitGroup
	wg.Go(func() {
		for c := range work {
			f.scan(c)
		}
	})
	f.feed(ctx, name, r, work)
	close(work)
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return Inventory{}, err
	}
	return f.finish(), nil
}

type chunk struct {
	name string
	data []byte
	base int64
	last int // hits that end after it belong to the next chunk
}

type finder struct {
	match *matcher
	files int
	bytes int64

	mu     sync.Mutex // guards the fields below
	unread []Unread
	found  map[string]*hit // by signature and version
	packs  []Component

	distribution, release string      // set by the walk only
	system                []Component // the distribution's release, which has an end of its own
}

type hit struct {
	sig     *signature
	version string
	update  string
	home    bool // seen in a file that the software itself consists of
	seen    int
	at      []Evidence
}

func newFinder() *finder {
	return &finder{match: newMatcher(signatures), found: map[string]*hit{}}
}

func (f *finder) miss(name, why string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.unread) < 10_000 {
		f.unread = append(f.unread, Unread{name, printable(why, 300)})
	}
}

func (f *finder) walk(ctx context.Context, fsys fs.FS, work chan<- chunk) error {
	n := 0
	return fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if ctxErr := ctx.Err(); ctxErr != nil {
			return ctxErr
		}
		if err != nil {
			f.miss(name, err.Error())
			if d != nil && d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if n++; n > maxEntries || f.bytes > maxTree {
			f.miss(name, "the tree is too large: this entry and all after it were not looked at")
			return fs.SkipAll
		}
		if d.IsDir() && strings.Count(name, "/") >= maxDepth {
			f.miss(name, "too deep")
			return fs.SkipDir
		}
		if !d.Type().IsRegular() {
			return nil
		}
		f.byName(name)
		if name == "etc/os-release" || name == "usr/lib/os-release" || name == "etc/openwrt_release" {
			f.osRelease(fsys, name)
		}
		if read := databaseReader(name); read != nil {
			data, err := readAll(fsys, name, maxDatabase)
			if err != nil {
				f.miss(name, err.Error())
			}
			f.files++
			f.bytes += int64(len(data))
			packs := read(name, data)
			f.mu.Lock()
			f.packs = append(f.packs, packs[:min(len(packs), max(0, maxComponents-len(f.packs)))]...)
			f.mu.Unlock()
			return nil
		}
		file, err := fsys.Open(name)
		if err != nil {
			f.miss(name, err.Error())
			return nil
		}
		defer file.Close()
		f.feed(ctx, name, file, work)
		return nil
	})
}

// osRelease reads which distribution the tree is.
func (f *finder) osRelease(fsys fs.FS, name string) {
	data, err := readAll(fsys, name, 64<<10)
	if err != nil || f.distribution != "" && f.release != "" {
		return
	}
	for ln := range strings.Lines(string(data)) {
		k, v, _ := strings.Cut(strings.TrimSpace(ln), "=")
		v = printable(strings.Trim(v, `"'`), 64)
		switch k {
		case "ID", "DISTRIB_ID":
			f.distribution = strings.ToLower(v)
		case "VERSION_ID", "DISTRIB_RELEASE":
			f.release = v
		}
	}
	if hasEnds(f.distribution) && f.release != "" {
		f.system = []Component{{Name: f.distribution, Version: f.release, Type: OperatingSystem, Source: "os-release", Seen: 1,
			Evidence: []Evidence{{File: name, Text: f.distribution + " " + f.release}}}}
	}
}

func readAll(fsys fs.FS, name string, limit int64) ([]byte, error) {
	file, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if int64(len(data)) > limit {
		return data[:limit], fmt.Errorf("larger than %d bytes: the rest was not read", limit)
	}
	return data, err
}

// feed hands a file on in windows. A text file is handed on only where a signature reads such text.
func (f *finder) feed(ctx context.Context, name string, r io.Reader, work chan<- chunk) {
	f.files++
	var tail []byte
	first := 64 << 10
	if file, ok := r.(fs.File); ok {
		if info, err := file.Stat(); err == nil { // one window where it fits: the size is a hint, not a promise
			first = int(min(max(info.Size(), 0)+1, window))
		}
	}
	for base := int64(0); ctx.Err() == nil; {
		buf := make([]byte, len(tail)+first)
		first = window
		copy(buf, tail)
		n, err := io.ReadFull(r, buf[len(tail):])
		buf = buf[:len(tail)+n]
		f.bytes += int64(n)
		end := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !end {
			f.miss(name, fmt.Sprintf("read only up to byte %d: %v", base+int64(len(buf)), err))
			end = true
		}
		if !end && base > maxFile {
			f.miss(name, "larger than 1 GiB: the rest was not looked at")
			end = true
		}
		if base == 0 && len(tail) == 0 && text(buf) && path.Ext(name) != ".js" {
			return
		}
		c := chunk{name, buf, base, len(buf)}
		if !end {
			c.last = max(len(buf)-overlap, 0)
		}
		work <- c
		if end {
			return
		}
		tail = buf[c.last:]
		base += int64(c.last)
	}
}

// text reports whether data begins as text.
func text(data []byte) bool { return bytes.IndexByte(data[:min(len(data), 4096)], 0) < 0 }

// scan runs the signatures over one window.
func (f *finder) scan(c chunk) {
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
			f.miss(c.name, fmt.Sprintf("%q occurs more than %d times near byte %d: the rest was not looked at", sig.anchor, maxTries, c.base+int64(start)))
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

func (f *finder) add(sig *signature, version, update string, home bool, ev Evidence) {
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
func (f *finder) byName(name string) {
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

// finish makes components of what was seen. A version that only other programs carry (because they were built with a
// library's header) gives way to the version of the library itself.
func (f *finder) finish() Inventory {
	homes := map[string]bool{}
	for _, h := range f.found {
		if h.home {
			homes[h.sig.name] = true
		}
	}
	out := Inventory{Files: f.files, Bytes: f.bytes, Unread: f.unread, Distribution: f.distribution, DistributionVersion: f.release}
	slices.SortStableFunc(f.packs, func(a, b Component) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version))
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
	out.Components = append(out.Components, f.system...)
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
func (f *finder) packaged(c Component) bool {
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
