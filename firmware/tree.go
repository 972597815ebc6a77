package firmware

import (
	"bytes"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"unicode/utf8"
)

// tree is a file tree being built by a reader.
type tree struct {
	b       *builder
	root    *node
	entries int
	bad     []treeProblem
	more    int // problems beyond maxNotes
}

type treeProblem struct {
	what string
	off  int64 // in the tree's range; 0 when not known
	size int64
	problem
}

func (b *builder) newTree() *tree { return &tree{b: b, root: newDir()} }

// note records something in the tree that was not read.
func (t *tree) note(what string, off int64, err error) {
	if len(t.bad) >= maxNotes {
		t.more++
		return
	}
	t.bad = append(t.bad, treeProblem{what: what, off: off, problem: *asProblem(err)})
}

// count takes one entry from the budget.
func (t *tree) count() error {
	if t.b.entries >= t.b.lim.Entries {
		return fail(Limit, "more than %d entries; raise Limits.Entries", t.b.lim.Entries)
	}
	t.b.entries++
	t.entries++
	if t.entries&0xff == 0 {
		return t.b.stopped()
	}
	return nil
}

// add puts n under the name in the folder. Names that are no names are refused and noted; a name twice is noted and the
// later one wins, as it does when an archive is unpacked.
func (t *tree) add(dir *node, raw string, n *node, off int64) bool {
	name, ok := safeName(raw)
	if !ok {
		t.note(fmt.Sprintf("entry %q", clip(raw)), off, fail(Refused, "the name is not one inside its folder; unpack the image by hand to see it"))
		return false
	}
	if name != raw {
		n.attr.RawName = raw
	}
	if _, twice := dir.kids[name]; twice {
		t.note(fmt.Sprintf("entry %q", clip(raw)), off, fail(Corrupt, "the name occurs twice in its folder and the later one is shown; compare with the device"))
	}
	dir.kids[name] = n
	return true
}

// safeName makes a name from an image one that fs.ValidPath accepts: bytes that are not UTF-8 are written as \xNN.
func safeName(raw string) (string, bool) {
	if raw == "" || raw == "." || raw == ".." || len(raw) > maxName || strings.ContainsAny(raw, "/\x00") {
		return "", false
	}
	if utf8.ValidString(raw) {
		return raw, true
	}
	var s strings.Builder
	for i := 0; i < len(raw); {
		r, n := utf8.DecodeRuneInString(raw[i:])
		if r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&s, `\x%02x`, raw[i])
		} else {
			s.WriteString(raw[i : i+n])
		}
		i += n
	}
	return s.String(), true
}

// place puts n at a path as archives name it, making folders on the way. Absolute paths start at the root of the tree;
// paths that climb are refused; links on the way are not followed, as an archive could plant one to redirect later entries.
func (t *tree) place(raw string, n *node, off int64) {
	elems, ok := splitPath(raw)
	if !ok {
		t.note(fmt.Sprintf("entry %q", clip(raw)), off, fail(Refused, "the path climbs out of the archive; unpack it by hand to see it"))
		return
	}
	if len(elems) > maxTreeDepth {
		t.note(fmt.Sprintf("entry %q", clip(raw)), off, fail(Limit, "folders are more than %d deep; unpack it by hand to see it", maxTreeDepth))
		return
	}
	if len(elems) == 0 { // the root itself
		if n.mode.IsDir() {
			n.kids = t.root.kids
			*t.root = *n
		}
		return
	}
	dir := t.root
	for _, e := range elems[:len(elems)-1] {
		name, ok := safeName(e)
		if !ok {
			t.note(fmt.Sprintf("entry %q", clip(raw)), off, fail(Refused, "the path is not one inside the archive; unpack it by hand to see it"))
			return
		}
		kid := dir.kids[name]
		if kid == nil {
			if err := t.count(); err != nil {
				t.note(fmt.Sprintf("entry %q", clip(raw)), off, err)
				return
			}
			kid = newDir()
			dir.kids[name] = kid
		}
		if kid.kids == nil {
			t.note(fmt.Sprintf("entry %q", clip(raw)), off, fail(Refused, "its path leads through %q, which is no folder; unpack it by hand to see it", clip(e)))
			return
		}
		dir = kid
	}
	last := elems[len(elems)-1]
	if n.mode.IsDir() { // a folder named again takes new attributes and keeps its files
		if name, ok := safeName(last); ok && dir.kids[name] != nil && dir.kids[name].kids != nil {
			n.kids = dir.kids[name].kids
			*dir.kids[name] = *n
			return
		}
	}
	t.add(dir, last, n, off)
}

// at finds the node of an archive path for hard links, without following links.
func (t *tree) at(raw string) *node {
	elems, ok := splitPath(raw)
	if !ok {
		return nil
	}
	n := t.root
	for _, e := range elems {
		name, ok := safeName(e)
		if !ok || n.kids[name] == nil {
			return nil
		}
		n = n.kids[name]
	}
	return n
}

func splitPath(raw string) ([]string, bool) {
	var out []string
	for e := range strings.SplitSeq(raw, "/") {
		switch e {
		case "", ".":
		case "..":
			return nil, false
		default:
			out = append(out, e)
		}
	}
	return out, true
}

// clip shortens a name for a message.
func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "..."
	}
	return s
}

// printable makes bytes of a header fit for a line of text.
func printable(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	for len(b) > 0 && (b[len(b)-1] == 0xff || b[len(b)-1] == ' ') {
		b = b[:len(b)-1]
	}
	q := strconv.QuoteToGraphic(string(b))
	return q[1 : len(q)-1]
}

// unixMode turns the mode word of Unix formats into fs.FileMode.
func unixMode(m uint32) fs.FileMode {
	mode := fs.FileMode(m & 0o777)
	switch m & 0o170000 {
	case 0o040000:
		mode |= fs.ModeDir
	case 0o120000:
		mode |= fs.ModeSymlink
	case 0o060000:
		mode |= fs.ModeDevice
	case 0o020000:
		mode |= fs.ModeDevice | fs.ModeCharDevice
	case 0o010000:
		mode |= fs.ModeNamedPipe
	case 0o140000:
		mode |= fs.ModeSocket
	}
	if m&0o4000 != 0 {
		mode |= fs.ModeSetuid
	}
	if m&0o2000 != 0 {
		mode |= fs.ModeSetgid
	}
	if m&0o1000 != 0 {
		mode |= fs.ModeSticky
	}
	return mode
}

// linuxDev splits a device number as Linux encodes it in 32 bits.
func linuxDev(d uint32) (major, minor uint32) {
	return d >> 8 & 0xfff, d&0xff | d>>12&0xfff00
}
