package image

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/assay-psti/assay/internal/reading"
	"github.com/assay-psti/assay/rootfs"
)

// Replacement is what in a tree could put another value in the place of one that
// a file in it gives.
type Replacement struct {
	// Forces is a text that speaks of making somebody choose a password; nil where none was found.
	Forces *rootfs.Place
	// Writes are the script lines that write a settings file, by the file's base name.
	Writes map[string]rootfs.Place
	// Whole says that all files were looked through.
	Whole bool

	means []Mean // by place, in the order of the tree
	more  int    // beyond maxMeans
}

// Mean is a place by which another password may come into the account files.
type Mean struct {
	Place rootfs.Place
	What  string // "runs a program that changes passwords"

	missed bool // nobody knows what it holds, or what follows it
}

// Means are the places in a root, by its folder in the tree, that could put
// another password in the place of one in its account files, with names as the
// root knows them; and how many more there are. What could not be read counts.
func (r *Replacement) Means(dir string) ([]Mean, int) {
	var out []Mean
	for _, m := range r.means {
		if file, inside := within(dir, m.Place.File); inside {
			m.Place.File = file
			out = append(out, m)
		} else if m.missed {
			out = append(out, m)
		}
	}
	return out, r.more
}

func within(dir, name string) (string, bool) {
	if dir == "." {
		return name, true
	}
	return strings.CutPrefix(name, dir+"/")
}

// Bounds of what is kept.
const (
	maxScript = 1 << 20 // bytes of a script that is looked through
	maxWrites = 4096    // settings files
	maxMeans  = 10_000
	sniff     = 512             // bytes by which text is told from programs
	nearby    = 2 * phrasesNear // longer than any text that speaks of choosing a password
)

// replaceReader fills a Replacement while the files of a tree are read.
type replaceReader struct {
	readOnly bool // no program can change a file of the tree

	mu  sync.Mutex // guards out
	out Replacement
}

var _ reading.Reader = (*replaceReader)(nil)

func newReplaceReader(readOnly bool) *replaceReader {
	return &replaceReader{readOnly: readOnly, out: Replacement{Writes: map[string]rootfs.Place{}, Whole: true}}
}

// replacement is what was found, once all was read.
func (r *replaceReader) replacement() Replacement {
	slices.SortStableFunc(r.out.means, func(a, b Mean) int { return inOrder(a.Place, b.Place) })
	return r.out
}

// inOrder compares places as the walk through a tree meets them.
func inOrder(a, b rootfs.Place) int {
	if a.File != b.File {
		return strings.Compare(strings.ReplaceAll(a.File, "/", "\x00"), strings.ReplaceAll(b.File, "/", "\x00"))
	}
	return int(min(max(a.Offset-b.Offset, -1), 1))
}

// Miss makes what was not read count for all that it might hold.
func (r *replaceReader) Miss(name, _ string) {
	r.mean(Mean{rootfs.Place{File: name}, "could not be read", true})
	r.notWhole()
}

func (r *replaceReader) notWhole() {
	r.mu.Lock()
	r.out.Whole = false
	r.mu.Unlock()
}

func (r *replaceReader) mean(m Mean) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.out.means) < maxMeans {
		r.out.means = append(r.out.means, m)
	} else {
		r.out.more++
	}
}

// File looks through every file: scripts line by line, programs for what they
// name, and all of them for texts that speak of choosing a password.
func (r *replaceReader) File(name string) func(*reading.Window) {
	var program *search
	own := systemProgram(name)
	return func(w *reading.Window) {
		if w.Base == 0 && w.Seen == 0 {
			switch {
			case bytes.IndexByte(w.Data[:min(len(w.Data), sniff)], 0) < 0:
				r.text(name, w)
			case !r.readOnly && !ownProgram(name):
				program = newSearch()
			}
		}
		if program != nil {
			if m, found := program.look(w); found {
				r.mean(m)
				program = nil
			}
		}
		if !own {
			r.force(w)
		}
	}
}

// force keeps the first text of the tree that speaks of making somebody choose a
// password.
func (r *replaceReader) force(w *reading.Window) {
	from := max(w.Seen-nearby, 0)
	at := rootfs.Place{File: w.Name, Offset: w.Base + int64(from)}
	r.mu.Lock()
	known := r.out.Forces != nil && inOrder(*r.out.Forces, at) <= 0
	r.mu.Unlock()
	if known {
		return
	}
	i := forces(w.Data[from:])
	if i < 0 {
		return
	}
	at.Offset += int64(i)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.out.Forces == nil || inOrder(at, *r.out.Forces) < 0 {
		r.out.Forces = &at
	}
}

// text looks through the lines of a text that may hold commands.
func (r *replaceReader) text(name string, w *reading.Window) {
	writes, means := writesFiles(name, w.Data), isScript(name, w.Data)
	if !writes && !means {
		return
	}
	data := w.Data
	if !w.Whole() || len(data) > maxScript {
		data = data[:min(len(data), maxScript)]
		if means {
			r.mean(Mean{Place: rootfs.Place{File: name}, What: "is too long to be looked through"})
			means = false
		}
		if bytes.HasPrefix(data, []byte("#!")) {
			r.notWhole()
		}
	}
	may := mayHold(data)
	offset := int64(0)
	n := 0
	for line := range bytes.Lines(data) {
		n++
		at := rootfs.Place{File: name, Line: n, Offset: offset}
		offset += int64(len(line))
		text := bytes.TrimSpace(line)
		if len(text) == 0 || text[0] == '#' {
			continue
		}
		if writes {
			for _, base := range written(text) {
				r.write(base, at)
			}
		}
		if means && may.any(text) {
			if what := changing(path.Base(name), text); what != "" {
				r.mean(Mean{Place: at, What: what})
			}
		}
	}
}

func (r *replaceReader) write(base string, at rootfs.Place) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old, ok := r.out.Writes[base]
	switch {
	case ok && inOrder(old, at) <= 0:
	case !ok && len(r.out.Writes) >= maxWrites:
		r.out.Whole = false // what is not kept must not pass for what is not there
	default:
		r.out.Writes[base] = at
	}
}

var (
	// What a name or a message of making somebody choose a password is made of: an anchor by which it is found, and around it the rest.
	anchors = [][]byte{[]byte("asswo"), []byte("asswd"), []byte("Pwd"), []byte("pwd"), []byte("PWD"), []byte("ogin"), []byte("ASSWO"),
		[]byte("must_ch"), []byte("mustCh"), []byte("MustCh"), []byte("must_mod"), []byte("mustMod"), []byte("irst_"), []byte("FIRST_"), []byte("irstB"), []byte("irstR"), []byte("irstT"), []byte("irstU")}
	forced = regexp.MustCompile(`(?i)first[ _-]?(?:time)?[ _-]?(?:user|admin)?[ _-]?log[ _-]?in` +
		`|(?:forced?|must|have[ _-]to|please|should|required[ _-]to)[ _-]?(?:to[ _-])?(?:set|change|create|choose|modify|reset|update)[ _-]?(?:up[ _-])?(?:the|your|a|an)?[ _-]?(?:user|admin|administrator|default|device|login|initial|factory|new|own|strong)?[ _'s-]*(?:password|passwd|pwd)` +
		`|(?:change|set|create|choose|modify|replace)[ _-]?(?:the|your)?[ _-]?(?:default|factory|initial)[ _-]?(?:admin|user|login)?[ _-]?(?:password|passwd|pwd)` +
		`|(?:need|force)[ _-]?(?:set|change|modify|reset|init)?[ _-]?(?:user|admin)?(?:password|passwd|pwd)|init(?:ial)?[ _-]?(?:password|passwd|pwd)[ _-]?(?:set|done|flag|state)` +
		`|(?:password|passwd|pwd)[ _-]?(?:is[ _-]|still[ _-]|has[ _-])*(?:not|never|un)[ _-]?(?:been[ _-])?(?:changed|modified|initiali[sz]ed)|(?:password|passwd|pwd)[ _-](?:is[ _-]|still[ _-])+(?:the[ _-])?default` +
		// Names of settings: a flag that a password must be changed, or was; that the device was never set up.
		`|must_?(?:change|chg|modify)|(?:is|use|using)_?default_?(?:password|passwd|pwd)|(?:password|passwd|pwd)_?(?:changed|modified|inited|initiali[sz]ed)(?:_?flag)?\s*["']?\s*[=:]` +
		`|first_?(?:time)?_?(?:boot|run|use|setup|config|logon|access)_?(?:wizard|flag|done|setup|password|passwd|pwd)`)
)

// systemProgram reports whether a program speaks of choosing passwords since that
// is its trade: the system's own log-in programs and libraries, and interpreters.
func systemProgram(name string) bool {
	base := path.Base(name)
	for _, p := range []string{"busybox", "toybox", "libc.", "libc-", "libuClibc", "libcrypt", "libcrypto", "libssl", "libpam", "pam_", "dropbear", "passwd", "chpasswd", "login", "sshd", "wpa_", "hostapd", "openssl", "openvpn", "pppd", "smbd", "libsmb", "libgnutls", "libkrb5", "libcurl", "curl", "wget", "php", "libphp", "python", "libpython", "perl", "node"} {
		if strings.HasPrefix(base, p) {
			return true
		}
	}
	return false
}

// forces gives the offset of the first text that speaks of making somebody choose a
// password, or -1: the name of a setting for that, or words of one of the
// languages of phrases.json. It is only ever a hint that a value may be replaced.
func forces(window []byte) int {
	first := -1
	for _, anchor := range anchors {
		for at := 0; ; at++ {
			i := bytes.Index(window[at:], anchor)
			if i < 0 {
				break
			}
			at += i
			from, to := max(0, at-40), min(len(window), at+40)
			if m := forced.FindIndex(window[from:to]); m != nil {
				first = from + m[0]
				window = window[:min(first+40, len(window))] // what another anchor finds is of interest before this only
				break
			}
		}
	}
	if i := asksInWords(window); i >= 0 && (first < 0 || i < first) {
		first = i
	}
	return first
}
