package rootfs

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

// Contents is what the files of a tree hold that is the same in every unit: credentials, keys, certificates, tokens, and how
// the device updates.
type Contents struct {
	Credentials  []Credential  `json:"credentials"`
	Secrets      []Secret      `json:"secrets"`
	Certificates []Certificate `json:"certificates"`
	Updates      []Update      `json:"updates"`
	// Settings open the device; Mentions are commands inside programs that would start a log-in service.
	Settings []Setting `json:"settings,omitempty"`
	Mentions []Mention `json:"mentions,omitempty"`
	// Passed is how many secrets and certificates were recognised and left out, by reason: examples of a documentation,
	// test keys of a library, the public authorities of a trust store.
	Passed map[string]int `json:"passed,omitempty"`
	// Examples are the keys among them, with the reason in Why: a person may see it otherwise.
	Examples []Secret `json:"examples,omitempty"`
	Unread   []Unread `json:"unread,omitempty"`
	// Files and Bytes are what was looked at.
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
}

// Bounds of the reading of contents.
const (
	window      = 8 << 20  // bytes of a file held at once
	overlap     = 32 << 10 // bytes that two windows share: no secret is longer
	maxFileRead = 1 << 30  // bytes of one file
	maxTreeRead = 8 << 30  // bytes of all files
	maxSettings = 2 << 20  // bytes of a file read for settings
	workers     = 2        // goroutines that look at what one goroutine reads
)

// ReadContents looks at every regular file of fsys once, in bounded memory. Files are read one after another (fsys need
// not be safe for concurrent use) and looked at in parallel.
func ReadContents(ctx context.Context, fsys fs.FS) (Contents, error) {
	r := &contentReader{out: Contents{Passed: map[string]int{}}, tree: newTree(fsys)}
	work := make(chan chunk, workers)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for c := range work {
				r.look(c)
			}
		})
	}
	err := r.tree.walk(ctx, r.unread, func(name string, d fs.DirEntry) {
		if d.Type().IsRegular() && ctx.Err() == nil {
			r.feed(ctx, name, work)
		}
	})
	close(work)
	wg.Wait()
	if err = cmp.Or(err, ctx.Err()); err != nil {
		return Contents{}, err
	}
	r.out.Files, r.out.Bytes = r.files, r.bytes
	r.finish()
	return r.out, nil
}

// A chunk is one window of one file. The first has base 0; whole says that there is no other.
type chunk struct {
	name  string
	data  []byte
	base  int64
	whole bool
	// last is where findings of this window end: what begins after it is found in the next window.
	last int
}

type contentReader struct {
	tree  *tree
	files int
	bytes int64

	mu  sync.Mutex // guards out
	out Contents
}

func (r *contentReader) unread(u Unread) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.out.Unread) < maxFindings {
		r.out.Unread = append(r.out.Unread, u)
	}
}

func (r *contentReader) pass(reason string) {
	r.mu.Lock()
	r.out.Passed[reason]++
	r.mu.Unlock()
}

func (r *contentReader) feed(ctx context.Context, name string, work chan<- chunk) {
	if r.bytes > maxTreeRead {
		r.unread(Unread{name, "more than 8 GiB of files: this one was not looked at"})
		return
	}
	f, err := r.tree.fsys.Open(name)
	if err != nil {
		r.unread(Unread{name, oneLine(err)})
		return
	}
	defer f.Close()
	r.files++
	var tail []byte
	for base := int64(0); ctx.Err() == nil; {
		size := int64(window)
		if info, err := f.Stat(); err == nil && base == 0 && info.Size() < window {
			size = max(info.Size(), 0) + 1 // enough to see the end
		}
		buf := make([]byte, len(tail), int64(len(tail))+size)
		copy(buf, tail)
		got, err := io.ReadFull(f, buf[len(tail):cap(buf)])
		buf = buf[:len(tail)+got]
		r.bytes += int64(got)
		end := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !end {
			r.unread(Unread{name, "read only up to byte " + fmt.Sprint(base+int64(len(buf))) + ": " + oneLine(err)})
			end = true
		}
		if !end && base > maxFileRead {
			r.unread(Unread{name, "more than 1 GiB: the rest was not looked at"})
			end = true
		}
		c := chunk{name: name, data: buf, base: base, whole: end && base == 0, last: len(buf)}
		if !end {
			c.last = max(len(buf)-overlap, 0)
		}
		if len(buf) > 0 {
			work <- c
		}
		if end {
			return
		}
		tail = buf[c.last:]
		base += int64(c.last)
	}
}

// look runs every reader over one window.
func (r *contentReader) look(c chunk) {
	text := !notText(c.data)
	r.secrets(c, text)
	if c.whole && text && len(c.data) <= maxSettings {
		r.settings(c.name, c.data)
		r.updates(c.name, c.data)
		r.openSettings(c.name, c.data)
	}
	if !text && c.whole && len(c.data) <= maxSettings {
		if plain := nulSettings(c.data); plain != nil {
			(&settingsReader{r: r, name: c.name, data: plain, flat: true}).pairs("nvram")
		}
	}
	if !text && bytes.HasPrefix(c.data, []byte("\x7fELF")) || !text && c.base > 0 {
		r.elfDefaults(c)
		r.mentions(c)
	}
}

// nulSettings turns a block of NAME=VALUE texts that end with NUL (an nvram, the environment of a boot loader) into lines
// of the same places; nil when data is something else.
func nulSettings(data []byte) []byte {
	if bytes.HasPrefix(data, []byte("\x7fELF")) {
		return nil
	}
	pairs, other, filler := 0, 0, 0
	out := make([]byte, len(data))
	for i, b := range data {
		switch {
		case b == 0 || b == 0xff:
			filler++
			out[i] = '\n'
		case b >= ' ' && b <= '~' || b == '\t' || b == '\n' || b == '\r':
			if out[i] = b; b == '=' {
				pairs++
			}
		default:
			other++
			out[i] = '\n'
		}
	}
	if pairs < 4 || other*20 > len(data)-filler+200 {
		return nil
	}
	return out
}

func (r *contentReader) addCredential(c Credential) {
	switch path.Ext(c.Place.File) {
	case ".example", ".sample", ".dist":
		c.Placeholder = true
		c.Why = strings.TrimPrefix(c.Why+"; by its name the file is an example", "; ")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.out.Credentials) < maxFindings {
		r.out.Credentials = append(r.out.Credentials, c)
	}
}

func (r *contentReader) addSecret(s Secret) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.Why != "" {
		r.out.Passed[s.Why]++
		if len(r.out.Examples) < 1000 {
			r.out.Examples = append(r.out.Examples, s)
		}
		return
	}
	if len(r.out.Secrets) < maxFindings {
		r.out.Secrets = append(r.out.Secrets, s)
	}
}

func (r *contentReader) finish() {
	o := &r.out
	slices.SortFunc(o.Credentials, func(a, b Credential) int {
		return cmp.Or(comparePlaces(a.Place, b.Place), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Secret, b.Secret))
	})
	o.Credentials = slices.CompactFunc(o.Credentials, func(a, b Credential) bool { return a.Place == b.Place && a.Secret == b.Secret })
	slices.SortFunc(o.Secrets, func(a, b Secret) int { return cmp.Or(comparePlaces(a.Place, b.Place), cmp.Compare(a.Kind, b.Kind)) })
	o.Secrets = slices.CompactFunc(o.Secrets, func(a, b Secret) bool { return a.Place == b.Place && a.Kind == b.Kind })
	slices.SortFunc(o.Examples, func(a, b Secret) int { return cmp.Or(comparePlaces(a.Place, b.Place), cmp.Compare(a.Kind, b.Kind)) })
	slices.SortFunc(o.Certificates, func(a, b Certificate) int {
		return cmp.Or(comparePlaces(a.Place, b.Place), cmp.Compare(a.Subject, b.Subject))
	})
	keys := map[string]Place{}
	for _, s := range o.Secrets {
		if s.PublicKey != "" {
			keys[s.PublicKey] = s.Place
		}
	}
	for i := range o.Certificates {
		if p, ok := keys[o.Certificates[i].PublicKey]; ok {
			o.Certificates[i].Key = &p
		}
	}
	slices.SortFunc(o.Updates, func(a, b Update) int { return cmp.Or(comparePlaces(a.Place, b.Place), cmp.Compare(a.Client, b.Client)) })
	slices.SortFunc(o.Settings, func(a, b Setting) int { return cmp.Or(comparePlaces(a.Place, b.Place), cmp.Compare(a.Name, b.Name)) })
	slices.SortFunc(o.Mentions, func(a, b Mention) int {
		return cmp.Or(comparePlaces(a.Place, b.Place), cmp.Compare(a.Program, b.Program))
	})
	o.Mentions = slices.Compact(o.Mentions)
	slices.SortFunc(o.Unread, func(a, b Unread) int { return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Why, b.Why)) })
}

// documentation reports whether a file is there to be read by people: what it holds is an example.
func documentation(name string) bool {
	p := "/" + strings.ToLower(name)
	for _, dir := range []string{"/usr/share/doc/", "/usr/share/man/", "/usr/share/info/", "/usr/share/gtk-doc/", "/usr/share/help/", "/usr/share/vim/", "/usr/share/bash-completion/",
		"/usr/share/zsh/", "/usr/share/locale/", "/usr/share/lintian/", "/usr/include/", "/var/lib/dpkg/", "/usr/lib/opkg/"} {
		if strings.Contains(p, dir) {
			return true
		}
	}
	// Folders of tests and examples count only inside what a distribution installs: a vendor's own may be in use.
	if strings.Contains(p, "/usr/share/") || strings.Contains(p, "/usr/lib/") || strings.Contains(p, "/usr/local/lib/") || strings.Contains(p, "/usr/src/") || strings.Contains(p, "/node_modules/") {
		for _, dir := range []string{"/testdata/", "/tests/", "/test/", "/examples/", "/example/"} {
			if strings.Contains(p, dir) {
				return true
			}
		}
	}
	base := path.Base(p)
	return strings.HasPrefix(base, "readme") || strings.Contains(base, "_test.") || strings.HasSuffix(base, ".md") || strings.HasSuffix(base, ".rst") || strings.HasSuffix(base, ".pod")
}
