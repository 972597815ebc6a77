package firmware

import (
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"
)

// YAFFS2 as its sources lay it out (yaffs_guts.h, yaffs_packedtags2.h): chunks of a page each, with tags in the spare
// bytes behind that say which part of which object they are. Nothing in the data says how large pages and spare bytes
// are: the pair whose tags make sense is taken.

type yaffs struct {
	s           section
	order       binary.ByteOrder
	page, spare int64
	tags        int64 // where in the spare bytes the tags start
	chunks      int64
}

type yaffsTag struct{ seq, obj, chunk, bytes uint32 }

type yaffsObject struct {
	head   int64 // offset of the newest header
	seq    uint32
	chunks map[uint32]yaffsChunk
}

type yaffsChunk struct {
	off  int64
	seq  uint32
	size uint32
}

func (y *yaffs) tag(i int64) (yaffsTag, bool) {
	p, err := y.s.bytes(i*(y.page+y.spare)+y.page+y.tags, 16)
	if err != nil {
		return yaffsTag{}, false
	}
	t := yaffsTag{y.order.Uint32(p), y.order.Uint32(p[4:]), y.order.Uint32(p[8:]), y.order.Uint32(p[12:])}
	if t.chunk&0x80000000 != 0 { // a header that keeps its parent and type here
		t.obj &= 0x0fffffff
		t.chunk = 0
	}
	return t, t.seq >= 0x1000 && t.seq < 0xefffff00 && t.obj > 0 && t.obj < 1<<28 && t.chunk < 1<<28
}

// fits counts how many of the first chunks have tags that make sense.
func (y *yaffs) fits() int {
	n := 0
	first, ok := y.tag(0)
	if !ok || first.chunk != 0 {
		return 0
	}
	for i := range int64(32) {
		t, ok := y.tag(i)
		if !ok {
			break
		}
		if t.chunk > 0 && int64(t.bytes) > y.page {
			break
		}
		n++
	}
	return n
}

func parseYAFFS2(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, 10)
	if err != nil {
		return nil, err
	}
	y := &yaffs{s: s, order: binary.LittleEndian}
	if h[0] == 0 {
		y.order = binary.BigEndian
	}
	// The magic is weak: the first header must hold a name, and a mode of its type.
	if first, err := s.bytes(0, 512); err != nil {
		return nil, err
	} else if name := cstring(first[10:266]); name == "" || printable([]byte(name)) != name || strings.Contains(name, "/") ||
		y.order.Uint32(first[268:])>>12 != map[uint32]uint32{1: 8, 2: 10, 3: 4}[y.order.Uint32(first)] {
		return nil, fmt.Errorf("no header")
	}
	best, bestFit := *y, 0
	for _, page := range []int64{2048, 4096, 512, 1024, 8192, 16384} {
		for _, spare := range []int64{64, 128, 16, 32, 224, 256, 448, 512, 640, 1280} {
			for _, tags := range []int64{0, 2, 4, 8, 16, 30, 32} {
				if tags+16 > spare {
					break
				}
				y.page, y.spare, y.tags = page, spare, tags
				if n := y.fits(); n > bestFit {
					best, bestFit = *y, n
				}
			}
		}
	}
	if bestFit < 1 {
		return nil, fmt.Errorf("no tags")
	}
	*y = best
	t := b.newTree()
	objects := map[uint32]*yaffsObject{}
	end := int64(0)
	for i := int64(0); (i+1)*(y.page+y.spare) <= s.size; i++ {
		if i&0xfff == 0 && b.stopped() != nil {
			break
		}
		tag, ok := y.tag(i)
		if !ok {
			if i*(y.page+y.spare)-end > 4<<20 || !blank(s, i*(y.page+y.spare), y.page+y.spare) {
				break
			}
			continue
		}
		end = (i + 1) * (y.page + y.spare)
		y.chunks++
		o := objects[tag.obj]
		if o == nil {
			if len(objects) >= b.lim.Entries {
				t.note("file system", 0, fail(Limit, "more than %d objects; raise Limits.Entries", b.lim.Entries))
				break
			}
			o = &yaffsObject{head: -1, chunks: map[uint32]yaffsChunk{}}
			objects[tag.obj] = o
		}
		off := i * (y.page + y.spare)
		if tag.chunk == 0 {
			if o.head < 0 || tag.seq >= o.seq {
				o.head, o.seq = off, tag.seq
			}
			continue
		}
		if old, ok := o.chunks[tag.chunk]; !ok || tag.seq >= old.seq {
			o.chunks[tag.chunk] = yaffsChunk{off, tag.seq, tag.bytes}
		}
	}
	if tail := s.size - end; tail > 0 && tail < y.page+y.spare && !blank(s, end, tail) {
		t.note("file system", end, fail(Truncated, "the last chunk is cut; get a whole copy of the image"))
		end = s.size
	}
	y.build(t, objects)
	return &piece{kind: "yaffs2", size: end, detail: fmt.Sprintf("YAFFS2 %s, pages of %d and %d spare bytes, %d chunks, %d objects", orderName(y.order), y.page, y.spare, y.chunks, len(objects)), tree: t}, nil
}

type yaffsHead struct {
	typ, parent uint32
	name        string
	n           *node
	equiv       uint32
}

func (y *yaffs) head(off int64) (h yaffsHead, err error) {
	p, err := y.s.bytes(off, min(y.page, 512))
	if err != nil {
		return h, err
	}
	u32 := func(o int) uint32 { return y.order.Uint32(p[o:]) }
	h = yaffsHead{typ: u32(0), parent: u32(4), name: cstring(p[10:266]), equiv: u32(296)}
	h.n = &node{mode: unixMode(u32(268)), mtime: time.Unix(int64(u32(284)), 0).UTC(), attr: Attr{UID: u32(272), GID: u32(276), Offset: -1}}
	switch h.typ {
	case 1:
		h.n.mode &^= fs.ModeType
		h.n.size = int64(u32(292))
	case 2:
		h.n.mode = h.n.mode&^fs.ModeType | fs.ModeSymlink
		h.n.target = cstring(p[300:460])
		h.n.size = int64(len(h.n.target))
	case 3:
		h.n.mode = h.n.mode&^fs.ModeType | fs.ModeDir
		h.n.kids = map[string]*node{}
	case 4:
	case 5:
		h.n.attr.Major, h.n.attr.Minor = linuxDev(u32(460))
	default:
		err = fail(Corrupt, "an object of type %d; get a fresh copy of the image", h.typ)
	}
	return h, err
}

// cstring is text up to the first zero.
func cstring(p []byte) string {
	for i, c := range p {
		if c == 0 {
			return string(p[:i])
		}
	}
	return string(p)
}

const (
	yaffsRoot     = 1
	yaffsUnlinked = 3
	yaffsDeleted  = 4
)

func (y *yaffs) build(t *tree, objects map[uint32]*yaffsObject) {
	heads := map[uint32]yaffsHead{}
	kids := map[uint32][]uint32{}
	for _, id := range slices.Sorted(maps.Keys(objects)) {
		o := objects[id]
		if o.head < 0 {
			if id > yaffsDeleted {
				t.note(fmt.Sprintf("object %d", id), 0, fail(Corrupt, "it has data and no header; get a whole copy of the image"))
			}
			continue
		}
		h, err := y.head(o.head)
		if err != nil {
			t.note(fmt.Sprintf("object %d", id), o.head, err)
			continue
		}
		h.n.attr.Inode = uint64(id)
		heads[id] = h
		if id > yaffsDeleted && h.parent != yaffsUnlinked && h.parent != yaffsDeleted {
			kids[h.parent] = append(kids[h.parent], id)
		}
		if h.typ == 1 {
			chunks := o.chunks
			if want := (h.n.size + y.page - 1) / y.page; int64(len(chunks)) < want && h.parent > 0 && h.parent != yaffsUnlinked && h.parent != yaffsDeleted {
				t.note(fmt.Sprintf("file %q", clip(h.name)), o.head, fail(Truncated, "%d of its %d chunks are there; get a whole copy of the image", len(chunks), want))
			}
			h.n.open = func() (io.Reader, error) { return &yaffsReader{y: y, chunks: chunks, size: h.n.size}, nil }
		}
	}
	if h, ok := heads[yaffsRoot]; ok && h.n.kids != nil {
		t.root = h.n
	}
	done := map[uint32]bool{yaffsRoot: true}
	var folder func(id uint32, into *node, depth int)
	folder = func(id uint32, into *node, depth int) {
		for _, kid := range kids[id] {
			h := heads[kid]
			done[kid] = true
			if err := t.count(); err != nil {
				t.note("file system", 0, err)
				return
			}
			n := h.n
			if h.typ == 4 {
				to, ok := heads[h.equiv]
				if !ok || to.n.kids != nil {
					t.note(fmt.Sprintf("file %q", clip(h.name)), 0, fail(Corrupt, "a hard link to an object that is not there; get a whole copy of the image"))
					continue
				}
				n = to.n
			}
			if t.add(into, h.name, n, objects[kid].head) && n.kids != nil && depth < maxTreeDepth {
				folder(kid, n, depth+1)
			}
		}
	}
	folder(yaffsRoot, t.root, 0)
	lost := 0
	for _, ids := range kids {
		for _, id := range ids {
			if !done[id] {
				lost++
			}
		}
	}
	if lost > 0 {
		t.note("file system", 0, fail(Corrupt, "%d objects are not reached from the root; get a whole copy of the image", lost))
	}
}

type yaffsReader struct {
	y      *yaffs
	chunks map[uint32]yaffsChunk
	size   int64
	pos    int64
	buf    []byte
}

func (r *yaffsReader) Read(p []byte) (int, error) {
	if r.pos >= r.size {
		return 0, io.EOF
	}
	if len(r.buf) == 0 {
		want := min(r.y.page, r.size-r.pos)
		// A chunk that is nowhere may be a hole, but also a part that was cut off: zeros would be a guess.
		c, ok := r.chunks[uint32(r.pos/r.y.page)+1]
		if !ok || int64(c.size) < want {
			return 0, fail(Truncated, "the chunk for offset %d is in no page; get a whole copy of the image", r.pos)
		}
		var err error
		if r.buf, err = r.y.s.bytes(c.off, want); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.buf)
	r.buf = r.buf[n:]
	r.pos += int64(n)
	return n, nil
}
