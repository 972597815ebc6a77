package image

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"github.com/assay-psti/assay/rootfs"
)

// Replacement is what in a tree could put another value in the place of one that
// a settings file gives.
type Replacement struct {
	// Forces is a text that speaks of making somebody choose a password; nil where none was found.
	Forces *rootfs.Place
	// Writes are the script lines that write a settings file, by the file's base name.
	Writes map[string]rootfs.Place
	// Whole says that all files were looked through.
	Whole bool
}

// Bounds of the search.
const (
	maxReplaceFiles = 400_000
	maxReplaceBytes = 1 << 30
	replaceChunk    = 256 << 10
	replaceOverlap  = 2 * phrasesNear
)

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

	redirect  = regexp.MustCompile(`>{1,2}\s*["']?([^\s"';|&)]+)`)
	inPlace   = regexp.MustCompile(`\b(?:sed\s+(?:-\w+\s+)*-\w*i\S*|tee(?:\s+-a)?|awk\s+-i\s+inplace)\b(.*)`)
	copyLast  = regexp.MustCompile(`\b(?:cp|mv|ln|install)\b[^;|&]*\s["']?([^\s"';|&)]+)["']?\s*(?:$|[;|&)])`)
	wordInArg = regexp.MustCompile(`[^\s"';|&()]+`)
)

// findReplacement looks through a tree's files for what could replace the values
// of its settings files.
func findReplacement(ctx context.Context, fsys fs.FS) (Replacement, error) {
	r := Replacement{Writes: map[string]rootfs.Place{}, Whole: true}
	files, total := 0, int64(0)
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if files++; files > maxReplaceFiles || total > maxReplaceBytes {
			r.Whole = false
			return fs.SkipAll
		}
		if err != nil {
			r.Whole = false
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		n, err := r.file(ctx, fsys, name)
		total += n
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			r.Whole = false
		}
		return nil
	})
	return r, err
}

func (r *Replacement) file(ctx context.Context, fsys fs.FS, name string) (int64, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	c := counter{r: f}
	err = r.look(ctx, &c, name, true)
	return c.n, err
}

// counter counts what is read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

// look looks through one file, or through one program when scripts is false.
func (r *Replacement) look(ctx context.Context, in io.Reader, name string, scripts bool) error {
	buf := make([]byte, replaceOverlap+replaceChunk)
	kept, total := 0, int64(0)
	own := systemProgram(name)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := io.ReadFull(in, buf[kept:])
		window := buf[:kept+n]
		if scripts && total == 0 && isText(window) {
			r.script(name, window)
			if len(window) == len(buf) && bytes.HasPrefix(window, []byte("#!")) {
				r.Whole = false // a script that goes on beyond what was looked at
			}
		}
		if !own && r.Forces == nil {
			if at := forces(window); at >= 0 {
				r.Forces = &rootfs.Place{File: name, Offset: total - int64(kept) + int64(at)}
			}
		}
		total += int64(n)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if total > maxReplaceBytes {
			return errors.New("too long")
		}
		kept = copy(buf, window[max(0, len(window)-replaceOverlap):])
	}
}

func isText(b []byte) bool { return bytes.IndexByte(b[:min(len(b), 512)], 0) < 0 }

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

// forces gives the offset of a text that speaks of making somebody choose a
// password, or -1: the name of a setting for that, or words of one of the
// languages of phrases.json. It is only ever a hint that a value may be replaced.
func forces(window []byte) int {
	for _, anchor := range anchors {
		for at := 0; ; at++ {
			i := bytes.Index(window[at:], anchor)
			if i < 0 {
				break
			}
			at += i
			from, to := max(0, at-40), min(len(window), at+40)
			if m := forced.FindIndex(window[from:to]); m != nil {
				return from + m[0]
			}
		}
	}
	return asksInWords(window)
}

// script notes which settings files the commands of a text write.
func (r *Replacement) script(name string, data []byte) {
	if !bytes.HasPrefix(data, []byte("#!")) && path.Ext(name) != ".sh" && !strings.Contains(name, "init.d/") && !strings.HasPrefix(path.Base(name), "rc") {
		return
	}
	offset := int64(0)
	for i, line := range strings.SplitAfter(string(data), "\n") {
		at := rootfs.Place{File: name, Line: i + 1, Offset: offset}
		offset += int64(len(line))
		text := strings.TrimSpace(line)
		if text == "" || text[0] == '#' {
			continue
		}
		var targets []string
		for _, m := range redirect.FindAllStringSubmatch(text, -1) {
			targets = append(targets, m[1])
		}
		for _, m := range copyLast.FindAllStringSubmatch(text, -1) {
			targets = append(targets, m[1])
		}
		if m := inPlace.FindStringSubmatch(text); m != nil {
			targets = append(targets, wordInArg.FindAllString(m[1], -1)...)
		}
		for _, t := range targets {
			base := path.Base(t)
			if _, ok := r.Writes[base]; !ok && base != "." && base != "/" && base != "null" && len(r.Writes) < 4096 {
				r.Writes[base] = at
			}
		}
	}
}
