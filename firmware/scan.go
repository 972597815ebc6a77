package firmware

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/assay-psti/assay/internal/sparse"
)

// section is the bytes from the start of a thing to the end of the range that holds it.
type section struct {
	r    io.ReaderAt
	size int64
}

// bytes returns n bytes at off; fewer than n are an error.
func (s section) bytes(off, n int64) ([]byte, error) {
	if off < 0 || n < 0 || off > s.size || n > s.size-off {
		return nil, fail(Truncated, "%d bytes wanted at 0x%x, %d are there; get a whole copy of the image", n, off, s.size)
	}
	p := make([]byte, n)
	if m, err := s.r.ReadAt(p, off); int64(m) < n {
		return nil, err
	}
	return p, nil
}

func (s section) sub(off, n int64) section {
	off = min(max(off, 0), s.size)
	n = min(max(n, 0), s.size-off)
	return section{io.NewSectionReader(s.r, off, n), n}
}

func (s section) reader(off int64) *io.SectionReader {
	return io.NewSectionReader(s.r, off, s.size-off)
}

// A piece is what a parser found: a range, what lies inside it, and what it unpacks to. Offsets are from the start of
// the outermost piece.
type piece struct {
	off, size int64
	kind      Kind
	name      string
	detail    string
	inner     []piece
	scan      bool                   // look for more in the bytes that inner does not cover
	unpack    func() ([]byte, error) // makes a space of its own; what came before an error is kept
	views     []view                 // spaces that need no unpacking
	tree      *tree
	bad       []treeProblem
}

// A view is a run of bytes that lies in the piece in another order.
type view struct {
	name string
	section
}

// note records something that was not read in the piece.
func (p *piece) note(what string, off, size int64, err error) {
	p.bad = append(p.bad, treeProblem{what: what, off: off, size: size, problem: *asProblem(err)})
}

// builder takes one image apart.
type builder struct {
	ctx     context.Context // lives as long as one call of Open
	lim     Limits
	im      *Image
	held    int64 // bytes of unpacked spaces
	entries int
	readErr error
	window  []byte // of find
	runEnd  int64  // of the run of the input that was asked for last
	runHole bool   // it is a hole
	runFrom int64
}

// hole gives the end of the hole that stands at an offset of a space, and the offset where none does.
func (b *builder) hole(sp int, off int64) int64 {
	if sp != 0 {
		return off
	}
	if off < b.runFrom || off >= b.runEnd {
		b.runFrom = off
		b.runEnd, b.runHole = sparse.Run(b.im.Spaces[0].r, off, b.im.Spaces[0].Size)
	}
	if b.runHole {
		return b.runEnd
	}
	return off
}

func (b *builder) addSpace(name string, r io.ReaderAt, size int64, from int) int {
	b.im.Spaces = append(b.im.Spaces, Space{Name: name, Size: size, From: from, r: r})
	return len(b.im.Spaces) - 1
}

// space maps a whole space.
func (b *builder) space(i, parent, depth int) error {
	s := b.im.Spaces[i]
	b.cutHeader(i, section{s.r, s.Size})
	p := &piece{kind: "partition", size: s.Size, scan: true}
	if p.avb(section{s.r, s.Size}); len(p.inner) > 0 {
		return b.place(i, 0, 0, p, parent, depth)
	}
	return b.scan(i, 0, s.Size, parent, depth)
}

// maxCut is the size up to which a space may end inside the first header of what it starts as: the largest superblock
// that is wanted as a whole, with what stands before it.
const maxCut = 4 << 10

// cutHeader names a space that starts as something and ends before that can be told: as bytes alone it would pass for
// text or for data with nothing to find in it.
func (b *builder) cutHeader(i int, s section) {
	if s.size > maxCut {
		return
	}
	what := ""
	for k := range formats {
		f := &formats[k]
		if f.starts != nil || !f.matches(s.r, 0, s.size) {
			continue
		}
		held, entries := b.held, b.entries
		p, err := f.parse(b, s)
		b.held, b.entries = held, entries
		if p != nil && err == nil {
			return
		}
		var why *problem
		if what == "" && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &why) && why.reason == Truncated) {
			what = string(f.kind)
		}
	}
	if what != "" {
		b.unread(i, 0, s.size, what, fail(Truncated, "it starts as %s and ends inside its first header; get a whole copy of the image", what))
	}
}

// scan looks for things in [from, to) of a space and maps them, and what is between them.
func (b *builder) scan(sp int, from, to int64, parent, depth int) error {
	cursor := from
	for cursor < to {
		if err := b.stopped(); err != nil {
			if !errors.Is(err, errTime) {
				return err
			}
			b.addRange(Range{Space: sp, Offset: cursor, Size: to - cursor, Kind: KindData, Parent: parent, Depth: depth, Leaf: true})
			b.unread(sp, cursor, to-cursor, "the rest", err)
			return nil
		}
		if len(b.im.Map) >= b.lim.Ranges {
			b.addRange(Range{Space: sp, Offset: cursor, Size: to - cursor, Kind: KindData, Parent: parent, Depth: depth, Leaf: true})
			b.unread(sp, cursor, to-cursor, "the rest", fail(Limit, "more than %d ranges; raise Limits.Ranges", b.lim.Ranges))
			return nil
		}
		start, p := b.find(sp, cursor, to)
		if b.ctx.Err() != nil && p == nil {
			continue // said above
		}
		if p == nil {
			start = to
		}
		if start > cursor {
			b.gap(sp, cursor, start, parent, depth)
		}
		if p == nil {
			break
		}
		if err := b.place(sp, start, start, p, parent, depth); err != nil {
			return err
		}
		cursor = start + p.size
	}
	return nil
}

// find returns the first thing in [from, to) that a parser accepts. At from itself every format is tried, in the order
// of the list.
func (b *builder) find(sp int, from, to int64) (int64, *piece) {
	r := b.im.Spaces[sp].r
	for i := range formats {
		f := &formats[i]
		if f.starts == nil && f.matches(r, from, to) {
			if p := b.try(f, r, from, to); p != nil {
				return from, p
			}
		}
	}
	const window = 128 << 10
	if b.window == nil {
		b.window = make([]byte, maxMagic+window+maxMagic)
	}
	// What is looked for at a place is a pair of bytes inside the magic, so the buffer reaches over on both sides.
	misses := 0
	for pos := from; pos < to; pos += window {
		if b.ctx.Err() != nil {
			return 0, nil
		}
		if end := b.hole(sp, pos); end > pos+2*window {
			pos = end - maxMagic - window // a magic may begin with zeros
			continue
		}
		base := max(pos-maxMagic, from)
		buf := b.window[:min(pos+window+maxMagic, to)-base]
		m, err := r.ReadAt(buf, base)
		if m < len(buf) {
			if why := (*problem)(nil); errors.As(err, &why) { // of what the space is made of, not of the source
				b.unread(sp, base, to-base, "the rest", err)
				return 0, nil
			}
			if err != nil && !errors.Is(err, io.EOF) && b.readErr == nil {
				b.readErr = err
				return 0, nil
			}
			buf = buf[:m]
		}
		end := min(int(pos+window-base), len(buf)-1)
		first := int(pos - base)
		if first >= end || same(buf) { // erased or zeroed flash: no magic is one byte over and over
			continue
		}
		pair := uint16(buf[first])
		for n, c := range buf[first+1 : end+1] {
			pair = pair<<8 | uint16(c)
			group := anywhere.first[pair]
			if group == 0 {
				continue
			}
			i := first + n
			for _, k := range anywhere.groups[group] {
				hit := i - k.pair
				if hit < 0 || !bytes.HasPrefix(buf[hit:], k.magic) {
					continue
				}
				f := &formats[k.format]
				starts := []int64{base + int64(hit) - f.at}
				if f.starts != nil {
					starts = f.starts(r, base+int64(hit), from)
				}
				for _, start := range starts {
					if start < from || f.align > 1 && start%f.align != 0 {
						continue
					}
					if p := b.try(f, r, start, to); p != nil {
						return start, p
					}
					if misses++; misses&63 == 0 && b.ctx.Err() != nil {
						return 0, nil
					}
				}
			}
		}
	}
	return 0, nil
}

// same reports whether all bytes are the same.
func same(p []byte) bool { return len(p) < 2 || bytes.Equal(p[1:], p[:len(p)-1]) }

const readerFailed = "the reader failed on it"

// try parses; nil means that the thing is not one of this format after all.
func (b *builder) try(f *format, r io.ReaderAt, start, to int64) (found *piece) {
	held, entries := b.held, b.entries
	defer func() {
		if v := recover(); v != nil { // a mistake of ours must not take the rest of the image with it
			b.held, b.entries = held, entries
			found = &piece{kind: f.kind, size: to - start}
			found.note(string(f.kind), 0, to-start, fail(Unsupported, "%s: %v; report this image's form to us", readerFailed, v))
		}
	}()
	p, err := f.parse(b, section{io.NewSectionReader(r, start, to-start), to - start})
	if err != nil || p == nil || p.size <= 0 {
		b.held, b.entries = held, entries
		return nil
	}
	if p.kind == "" {
		p.kind = f.kind
	}
	p.size = min(p.size, to-start)
	return p
}

// place maps a piece and what is inside it. base is where the offsets of the piece count from, start where it lies.
func (b *builder) place(sp int, base, start int64, p *piece, parent, depth int) error {
	end := start + p.size
	id := b.addRange(Range{Space: sp, Offset: start, Size: p.size, Kind: p.kind, Name: p.name, Detail: p.detail,
		Parent: parent, Depth: depth, Leaf: len(p.inner) == 0 && !p.scan})
	for _, bad := range p.bad {
		b.unread(sp, base+bad.off, bad.size, bad.what, &bad.problem)
	}
	if p.tree != nil {
		row := b.addTree(p.tree, Tree{Name: b.where(sp, start, p.kind), Space: sp, Offset: start, Size: p.size, Kind: p.kind, Detail: p.detail, Range: id})
		if err := b.members(sp, id, depth, p.tree, row); err != nil {
			return err
		}
	}
	if p.unpack != nil {
		if err := b.unpacked(sp, id, p, depth); err != nil {
			return err
		}
	}
	for _, v := range p.views {
		if b.streamDepth(sp) >= b.lim.Depth {
			b.unread(sp, start, p.size, v.name, fail(Limit, "spaces are more than %d deep; raise Limits.Depth", b.lim.Depth))
			break
		}
		name := v.name + " in " + b.where(sp, start, p.kind)
		if err := b.space(b.addSpace(name, v.r, v.size, id), id, depth+1); err != nil {
			return err
		}
	}
	if len(p.inner) > 0 || p.scan {
		slices.SortStableFunc(p.inner, func(x, y piece) int { return cmp.Compare(x.off, y.off) })
		cursor := start
		for i := range p.inner {
			q := &p.inner[i]
			at := base + q.off
			if at < cursor || at >= end || q.size <= 0 { // overlapping or lying headers: what came first stays
				if q.size > 0 {
					b.unread(sp, at, q.size, string(q.kind)+" "+q.name, fail(Corrupt, "overlaps its neighbour or lies outside of what holds it; get a fresh copy of the image"))
				}
				continue
			}
			if err := b.between(sp, cursor, at, p.scan, id, depth+1); err != nil {
				return err
			}
			if q.size > end-at {
				q.size = end - at
				q.note(string(q.kind), q.off, q.size, fail(Truncated, "it reaches beyond the end of what holds it; get a whole copy of the image"))
			}
			if err := b.place(sp, base, at, q, id, depth+1); err != nil {
				return err
			}
			cursor = at + q.size
		}
		if err := b.between(sp, cursor, end, p.scan, id, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) between(sp int, from, to int64, scan bool, parent, depth int) error {
	if from >= to {
		return nil
	}
	if scan && depth <= 4*b.lim.Depth {
		return b.scan(sp, from, to, parent, depth)
	}
	b.gap(sp, from, to, parent, depth)
	return nil
}

// unpacked makes a space of what a piece unpacks to, and maps it.
func (b *builder) unpacked(sp, id int, p *piece, depth int) error {
	r := b.im.Map[id]
	if b.streamDepth(sp) >= b.lim.Depth {
		b.unread(sp, r.Offset, r.Size, string(p.kind), fail(Limit, "streams are more than %d deep; raise Limits.Depth", b.lim.Depth))
		return nil
	}
	data, err := p.unpack()
	if err != nil {
		if cause := b.stopped(); cause != nil && !errors.Is(cause, errTime) {
			return cause
		}
		b.unread(sp, r.Offset, r.Size, string(p.kind), err)
	}
	if len(data) == 0 {
		return nil
	}
	b.held += int64(len(data))
	s := b.addSpace(b.where(sp, r.Offset, p.kind), bytes.NewReader(data), int64(len(data)), id)
	return b.space(s, id, depth+1)
}

func (b *builder) streamDepth(sp int) int {
	d := 0
	for sp > 0 {
		from := b.im.Spaces[sp].From
		if from < 0 {
			break
		}
		sp = b.im.Map[from].Space
		d++
	}
	return d
}

// where names a place by the way to it.
func (b *builder) where(sp int, off int64, kind Kind) string {
	s := fmt.Sprintf("%s at 0x%x", kind, off)
	if sp > 0 {
		s += " in " + b.im.Spaces[sp].Name
	}
	return s
}

func (b *builder) addRange(r Range) int {
	if r.Leaf && r.Kind != KindPadding {
		r.Entropy = measure(io.NewSectionReader(b.im.Spaces[r.Space].r, r.Offset, r.Size), r.Size).entropy
	}
	b.im.Map = append(b.im.Map, r)
	return len(b.im.Map) - 1
}

func (b *builder) addTree(t *tree, row Tree) Tree {
	for _, bad := range t.bad {
		b.unread(row.Space, row.Offset+bad.off, bad.size, string(row.Kind)+": "+bad.what, &bad.problem)
	}
	if t.more > 0 {
		b.unread(row.Space, row.Offset, 0, fmt.Sprintf("%s: %d more parts", row.Kind, t.more), fail(Corrupt, "too many problems to list; get a fresh copy of the image"))
	}
	row.Complete = len(t.bad) == 0
	row.Entries = t.entries
	row.FS = &FS{root: t.root, file: b.lim.File, whole: b.lim.Memory}
	b.im.Trees = append(b.im.Trees, row)
	return row
}

func (b *builder) unread(sp int, off, size int64, what string, err error) {
	p := asProblem(err)
	b.im.Unread = append(b.im.Unread, Unread{Space: sp, Offset: off, Size: size, What: what, Reason: p.reason, Why: p.why})
}
