package rootfs

import (
	"bytes"
	"cmp"
	"context"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/assay-psti/assay/internal/reading"
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

	scripts []string // that name a program of a log-in service
}

// maxSettings is how many bytes a file has at most that is read for settings.
const maxSettings = 2 << 20

// ReadContents looks at every regular file of fsys once, in bounded memory. fsys must be safe for concurrent use.
func ReadContents(ctx context.Context, fsys fs.FS) (Contents, error) {
	r := NewContentReader()
	stats, err := reading.Tree(ctx, fsys, nil, r)
	if err != nil {
		return Contents{}, err
	}
	return r.Contents(stats), nil
}

// A ContentReader looks at the files of a tree as they are read, beside others that look at the same bytes.
type ContentReader struct {
	mu  sync.Mutex // guards out
	out Contents
}

var _ reading.Reader = (*ContentReader)(nil)

// NewContentReader makes a reader for one tree.
func NewContentReader() *ContentReader {
	return &ContentReader{out: Contents{Passed: map[string]int{}}}
}

// Contents is what was found, once all was read.
func (r *ContentReader) Contents(of reading.Stats) Contents {
	r.out.Files, r.out.Bytes = of.Files, of.Bytes
	r.finish()
	return r.out
}

// A chunk is one window of one file.
type chunk struct {
	name  string
	data  []byte
	base  int64
	whole bool // there is no other
	// last is where findings of this window end: what begins after it is found in the next window.
	last int
}

// Miss notes what was not read.
func (r *ContentReader) Miss(name, why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.out.Unread) < maxFindings {
		r.out.Unread = append(r.out.Unread, Unread{name, printable(why, 300)})
	}
}

// File looks at every file.
func (r *ContentReader) File(name string) func(*reading.Window) {
	return func(w *reading.Window) {
		if len(w.Data) > 0 {
			if w.Base == 0 && w.Seen == 0 && namesLogIn(name, w.Data[:min(len(w.Data), maxHead)]) {
				r.mu.Lock()
				r.out.scripts = append(r.out.scripts, name)
				r.mu.Unlock()
			}
			r.look(chunk{name, w.Data, w.Base, w.Whole(), w.Last})
		}
	}
}

func (r *ContentReader) pass(reason string) {
	r.mu.Lock()
	r.out.Passed[reason]++
	r.mu.Unlock()
}

// look runs every reader over one window.
func (r *ContentReader) look(c chunk) {
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

func (r *ContentReader) addCredential(c Credential) {
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

func (r *ContentReader) addSecret(s Secret) {
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

func (r *ContentReader) finish() {
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

// ReadBoot is [ReadBoot] for the root at dir of the tree that was read: fsys is that root. The scripts that nothing runs are
// known, and are not looked for again.
func (c *Contents) ReadBoot(ctx context.Context, fsys fs.FS, dir string) (Boot, error) {
	known := map[string]bool{}
	for _, name := range c.scripts {
		if dir != "." {
			name = strings.TrimPrefix(name, dir+"/")
		}
		known[name] = true
	}
	return readBoot(ctx, fsys, known)
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
