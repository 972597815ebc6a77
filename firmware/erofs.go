package firmware

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"strings"
	"sync"
	"time"
)

// EROFS, the read-only file system of newer Android devices, as the kernel defines it in fs/erofs/erofs_fs.h.

const (
	erofsSuper    = 1024
	erofsFragment = 0x20 // feature: tails of files are kept in one packed file
	erofsKnown    = 0x7f // features that are understood, or whose lack shows where it matters
	erofsDevices  = 0x8  // feature: data on other devices, or a second algorithm
	erofsMaxFile  = 1 << 32
)

type erofs struct {
	b      *builder
	s      section
	bits   uint  // blocks of 1<<bits bytes
	meta   int64 // offset of inode 0
	padded bool  // packed data stands at the end of its blocks
	packed func() (*erofsExtents, error)
	seen   map[uint64]bool // folders
	nodes  map[uint64]*node
	zstd   blockUnpacker

	mu    sync.Mutex // guards what follows
	cache map[int64][]byte
}

type erofsInode struct {
	*node
	layout int
	raw    uint32 // the union: a block, a device, a form of chunks
	tail   int64  // where the inode's own data or tables start
}

func parseEROFS(b *builder, s section) (*piece, error) {
	h, err := s.bytes(erofsSuper, 128)
	if err != nil {
		return nil, err
	}
	f := &erofs{b: b, s: s, bits: uint(h[12]), seen: map[uint64]bool{}, nodes: map[uint64]*node{}, zstd: newUnzstd(), cache: map[int64][]byte{}}
	blocks := int64(le.Uint32(h[36:]))
	if f.bits < 9 || f.bits > 16 || blocks == 0 {
		return nil, fmt.Errorf("blocks of 2^%d bytes", f.bits)
	}
	features := le.Uint32(h[80:])
	f.meta = int64(le.Uint32(h[40:])) << f.bits
	f.padded = features&1 != 0
	p := &piece{kind: "erofs", size: blocks << f.bits, name: printable(h[64:80]), detail: fmt.Sprintf("EROFS, blocks of %d bytes, %d inodes", 1<<f.bits, le.Uint64(h[16:]))}
	t := b.newTree()
	p.tree = t
	if p.size > s.size {
		t.note("file system", 0, fail(Truncated, "%d of %d bytes are there; get a whole copy of the image", s.size, p.size))
		p.size = s.size
	}
	f.s = s.sub(0, p.size)
	if features&^erofsKnown != 0 {
		t.note("file system", 0, fail(Unsupported, "it uses features 0x%x that are not known; unpack it with fsck.erofs --extract and give the folder", features&^erofsKnown))
		return p, nil
	}
	if le.Uint32(h[8:])&1 != 0 && p.size >= int64(1)<<f.bits {
		f.checksum(t, le.Uint32(h[4:]))
	}
	packed := le.Uint64(h[96:])
	f.packed = sync.OnceValues(func() (*erofsExtents, error) {
		in, err := f.inode(packed)
		if features&erofsFragment == 0 || packed == 0 || err != nil || !in.mode.IsRegular() {
			return nil, fail(Corrupt, "a tail in a packed file that is not there; get a fresh copy of the image")
		}
		return f.extents(in)
	})
	root, err := f.inode(uint64(le.Uint16(h[14:])))
	if err != nil || !root.mode.IsDir() {
		t.note("root folder", 0, fail(Corrupt, "it is not there; get a whole copy of the image"))
		return p, nil
	}
	t.root = root.node
	f.folder(t, root, uint64(le.Uint16(h[14:])), "", 0)
	return p, nil
}

// checksum holds the first block against its CRC-32C, which the kernel neither inverts nor counts itself in.
func (f *erofs) checksum(t *tree, want uint32) {
	size := int64(1) << f.bits
	if size > erofsSuper {
		size -= erofsSuper
	}
	h, err := f.s.bytes(erofsSuper, size)
	if err != nil {
		return // said as cut
	}
	clear(h[4:8])
	if ^crc32.Checksum(h, crc32.MakeTable(crc32.Castagnoli)) != want {
		t.note("file system", erofsSuper, fail(Corrupt, "the checksum of its first block is wrong; get a fresh copy of the image"))
	}
}

func (f *erofs) inode(nid uint64) (in erofsInode, err error) {
	if nid > uint64(f.s.size)/32 {
		return in, fail(Corrupt, "inode %d lies outside; get a fresh copy of the image", nid)
	}
	at := f.meta + int64(nid)*32
	h, err := f.s.bytes(at, 32)
	if err != nil {
		return in, err
	}
	format, xattrs := le.Uint16(h), int64(le.Uint16(h[2:]))
	n := &node{mode: unixMode(uint32(le.Uint16(h[4:]))), attr: Attr{Inode: nid, Offset: -1}}
	in = erofsInode{node: n, layout: int(format >> 1 & 7), raw: le.Uint32(h[16:])}
	size := uint64(le.Uint32(h[8:]))
	in.tail = at + 32
	n.attr.UID, n.attr.GID = uint32(le.Uint16(h[24:])), uint32(le.Uint16(h[26:]))
	if format&1 != 0 {
		if h, err = f.s.bytes(at, 64); err != nil {
			return in, err
		}
		in.tail = at + 64
		size = le.Uint64(h[8:])
		n.attr.UID, n.attr.GID = le.Uint32(h[24:]), le.Uint32(h[28:])
		n.mtime = time.Unix(int64(min(le.Uint64(h[32:]), 1<<40)), 0).UTC()
	}
	if xattrs > 0 {
		in.tail += 12 + (xattrs-1)*4
	}
	if size > erofsMaxFile {
		return in, fail(Corrupt, "a file of %d bytes; get a fresh copy of the image", size)
	}
	n.size = int64(size)
	switch {
	case n.mode.IsDir():
		n.kids = map[string]*node{}
	case n.mode&fs.ModeSymlink != 0:
		if n.size > maxName {
			return in, fail(Corrupt, "a link target of %d bytes; get a fresh copy of the image", n.size)
		}
		target, err := f.all(in)
		if err != nil {
			return in, err
		}
		n.target = string(target)
	case n.mode&fs.ModeDevice != 0:
		n.attr.Major, n.attr.Minor = linuxDev(in.raw)
		n.size = 0
	case n.mode.IsRegular():
		n.open = func() (io.Reader, error) {
			x, err := f.extents(in)
			if err != nil {
				return nil, err
			}
			return io.NewSectionReader(x, 0, x.size), nil
		}
	}
	return in, nil
}

func (f *erofs) all(in erofsInode) ([]byte, error) {
	x, err := f.extents(in)
	if err != nil {
		return nil, err
	}
	out := make([]byte, in.size)
	if n, err := x.ReadAt(out, 0); n < len(out) {
		return nil, err
	}
	return out, nil
}

const erofsMaxDir = 64 << 20

func (f *erofs) folder(t *tree, in erofsInode, nid uint64, way string, depth int) {
	bad := func(err error) { t.note(fmt.Sprintf("folder %q", "/"+clip(way)), 0, err) }
	if depth > maxTreeDepth {
		bad(fail(Limit, "folders are more than %d deep; mount a copy to see it", maxTreeDepth))
		return
	}
	if f.seen[nid] {
		bad(fail(Refused, "it is in two places or contains itself; get a fresh copy of the image"))
		return
	}
	f.seen[nid] = true
	if in.size > min(erofsMaxDir, f.s.size*8) {
		bad(fail(Corrupt, "a folder of %d bytes; get a fresh copy of the image", in.size))
		return
	}
	data, err := f.all(in)
	in.size = 0
	if err != nil {
		bad(err)
		return
	}
	for ; len(data) > 0; data = data[min(len(data), 1<<f.bits):] {
		if err := f.entries(t, in, data[:min(len(data), 1<<f.bits)], way, depth); err != nil {
			bad(err)
			if asProblem(err).reason == Limit {
				return
			}
		}
	}
}

// entries reads one block of a folder: fixed records, then their names.
func (f *erofs) entries(t *tree, in erofsInode, p []byte, way string, depth int) error {
	if len(p) < 12 {
		return fail(Corrupt, "a block of %d bytes; get a fresh copy of the image", len(p))
	}
	names := int(le.Uint16(p[8:]))
	if names < 12 || names%12 != 0 || names > len(p) {
		return fail(Corrupt, "its names start at %d; get a fresh copy of the image", names)
	}
	for i := 0; i < names; i += 12 {
		start, end := int(le.Uint16(p[i+8:])), len(p)
		if i+12 < names {
			end = int(le.Uint16(p[i+20:]))
		}
		if start < names || end < start || end > len(p) {
			return fail(Corrupt, "a name from %d to %d; get a fresh copy of the image", start, end)
		}
		raw, _, _ := bytes.Cut(p[start:end], []byte{0})
		name := string(raw)
		if name == "." || name == ".." {
			continue
		}
		if err := t.count(); err != nil {
			return err
		}
		nid := le.Uint64(p[i:])
		if n := f.nodes[nid]; n != nil { // a hard link
			t.add(in.node, name, n, 0)
			continue
		}
		kid, err := f.inode(nid)
		if err != nil {
			t.note(fmt.Sprintf("entry %q", "/"+clip(way+name)), f.meta+int64(nid)*32, err)
			continue
		}
		if kid.mode.IsRegular() {
			f.nodes[nid] = kid.node
			f.look(t, kid, strings.TrimPrefix(way+name, "/"))
		}
		if t.add(in.node, name, kid.node, 0) && kid.kids != nil {
			f.folder(t, kid, nid, way+name+"/", depth+1)
		}
	}
	return nil
}

// look notes at once what will fail when the file is read: data that is not in the image or in a form that is not known.
func (f *erofs) look(t *tree, in erofsInode, path string) {
	x, err := f.extents(in)
	if err == nil {
		err = x.known
	}
	if err != nil {
		t.note(fmt.Sprintf("file %q", "/"+clip(path)), in.tail, err)
	} else if len(x.list) == 1 && x.list[0].form == erofsPlain {
		in.node.attr.Offset = x.list[0].at
	}
}
