package firmware

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"time"
)

// F2FS as the kernel defines it in include/linux/f2fs_fs.h. The newer of the two checkpoints is taken; what was written
// after it (roll-forward) is not played.

const (
	f2fsBlock    = 4096
	f2fsPerNAT   = 455
	f2fsAddrs    = 923
	f2fsPerNode  = 1018
	f2fsCompact  = 0x4
	f2fsUmount   = 0x1
	f2fsLargeNAT = 0x400
)

type f2fs struct {
	b       *builder
	s       section
	perSeg  int64
	nat     int64 // first block
	bitmap  []byte
	journal map[uint32]uint32 // node to block, newer than the table
	seen    map[uint32]*node
}

func parseF2FS(b *builder, s section) (*piece, error) {
	h, err := s.bytes(1024, 2048)
	if err != nil {
		return nil, err
	}
	logPage, logSeg := le.Uint32(h[16:]), le.Uint32(h[20:])
	if logPage != 12 || logSeg > 12 {
		return nil, fmt.Errorf("blocks of 2^%d bytes", logPage)
	}
	size := int64(le.Uint64(h[36:])) * f2fsBlock
	if size < 1<<20 || size > 1<<44 {
		return nil, fmt.Errorf("%d bytes", size)
	}
	f := &f2fs{b: b, s: s, perSeg: 1 << logSeg, nat: int64(le.Uint32(h[84:])), journal: map[uint32]uint32{}, seen: map[uint32]*node{}}
	p := &piece{kind: "f2fs", size: size, detail: fmt.Sprintf("F2FS %d.%d, %d segments", le.Uint16(h[4:]), le.Uint16(h[6:]), le.Uint32(h[48:]))}
	t := b.newTree()
	p.tree = t
	if size > s.size {
		p.size = s.size
		t.note("file system", 0, fail(Truncated, "%d of %d bytes are there; get a whole copy of the image", s.size, size))
	}
	if err := f.checkpoint(int64(le.Uint32(h[76:])), le.Uint32(h[1664:])); err != nil {
		t.note("checkpoint", 0, err)
		return p, nil
	}
	in, err := f.inode(le.Uint32(h[96:]))
	if err == nil && !in.mode.IsDir() {
		err = fail(Corrupt, "its root is no folder; get a fresh copy of the image")
	}
	if err != nil {
		t.note("root folder", 0, err)
		return p, nil
	}
	t.root = in.node
	f.seen[le.Uint32(h[96:])] = in.node
	f.folder(t, in, "", 0)
	return p, nil
}

func (f *f2fs) block(n int64) ([]byte, error) { return f.s.bytes(n*f2fsBlock, f2fsBlock) }

// checkpoint finds the newer whole checkpoint and takes from it which copy of the node table counts.
func (f *f2fs) checkpoint(start int64, payload uint32) error {
	var best []byte
	var at int64
	for _, pack := range []int64{start, start + f.perSeg} {
		p, err := f.block(pack)
		if err != nil {
			continue
		}
		total := int64(le.Uint32(p[136:]))
		if total < 2 || total > f.perSeg {
			continue
		}
		last, err := f.block(pack + total - 1) // a whole pack starts and ends with the same version
		if err != nil || le.Uint64(last) != le.Uint64(p) {
			continue
		}
		if best == nil || le.Uint64(p) > le.Uint64(best) {
			best, at = p, pack
		}
	}
	if best == nil {
		return fail(Corrupt, "neither checkpoint is whole; get a fresh copy of the image")
	}
	flags, sit, nat := le.Uint32(best[132:]), int(le.Uint32(best[156:])), int(le.Uint32(best[160:]))
	from := 192 + sit
	switch {
	case flags&f2fsLargeNAT != 0:
		from = 192 + 4
	case payload > 0:
		from = 192
	}
	if sit < 0 || nat < 0 || from+nat > len(best) {
		return fail(Unsupported, "its checkpoint is larger than a block; mount a copy to see it")
	}
	f.bitmap = best[from : from+nat]
	sum, err := f.block(at + int64(le.Uint32(best[140:])))
	if err != nil {
		return err
	}
	if flags&f2fsCompact == 0 {
		sum = sum[512*7:]
	}
	n := int(le.Uint16(sum))
	for e := sum[2:]; n > 0 && len(e) >= 13; e, n = e[13:], n-1 {
		f.journal[le.Uint32(e)] = le.Uint32(e[9:])
	}
	return nil
}

// nodeBlock reads the block of a node.
func (f *f2fs) nodeBlock(nid uint32) ([]byte, error) {
	addr, ok := f.journal[nid]
	if !ok {
		i := int64(nid / f2fsPerNAT)
		at := f.nat + i/f.perSeg*f.perSeg*2 + i%f.perSeg
		if i/8 >= int64(len(f.bitmap)) {
			return nil, fail(Corrupt, "node %d is not in the table; get a fresh copy of the image", nid)
		}
		if f.bitmap[i/8]&(1<<(7-i%8)) != 0 {
			at += f.perSeg
		}
		p, err := f.block(at)
		if err != nil {
			return nil, err
		}
		addr = le.Uint32(p[nid%f2fsPerNAT*9+5:])
	}
	if addr == 0 || addr == 0xffffffff {
		return nil, fail(Corrupt, "node %d has no block; get a fresh copy of the image", nid)
	}
	p, err := f.block(int64(addr))
	if err != nil {
		return nil, err
	}
	if le.Uint32(p[4072:]) != nid {
		return nil, fail(Corrupt, "the block of node %d says that it is another's; get a fresh copy of the image", nid)
	}
	return p, nil
}

type f2fsInode struct {
	*node
	raw    []byte
	inline byte
	first  int // of the addresses
	count  int
}

func (f *f2fs) inode(nid uint32) (in f2fsInode, err error) {
	p, err := f.nodeBlock(nid)
	if err != nil {
		return in, err
	}
	n := &node{mode: unixMode(uint32(le.Uint16(p))), size: int64(le.Uint64(p[16:])), mtime: time.Unix(int64(le.Uint64(p[48:])), 0).UTC(),
		attr: Attr{UID: le.Uint32(p[4:]), GID: le.Uint32(p[8:]), Inode: uint64(nid), Offset: -1}}
	in = f2fsInode{node: n, raw: p, inline: p[3], first: 360, count: f2fsAddrs}
	if in.inline&0x20 != 0 {
		extra := int(le.Uint16(p[360:])) &^ 3
		if extra > 400 {
			return in, fail(Corrupt, "inode %d contradicts itself; get a fresh copy of the image", nid)
		}
		in.first += extra
		in.count -= extra / 4
	}
	if in.inline&1 != 0 {
		in.count -= 50 // extended attributes at the end
	}
	if n.size < 0 {
		return in, fail(Corrupt, "a file of %d bytes; get a fresh copy of the image", uint64(n.size))
	}
	switch {
	case n.mode.IsDir():
		n.kids = map[string]*node{}
	case n.mode.IsRegular() && p[2]&4 != 0:
		n.open = func() (io.Reader, error) {
			return nil, fail(Encrypted, "the file is encrypted in the file system; ask the maker for its key")
		}
	case n.mode.IsRegular() && le.Uint32(p[80:])&4 != 0 && in.inline&0x20 != 0:
		n.open = func() (io.Reader, error) {
			return nil, fail(Unsupported, "the file is compressed in the file system; mount a copy to see it")
		}
	case n.mode.IsRegular():
		n.open = func() (io.Reader, error) { return f.reader(in) }
	case n.mode&fs.ModeSymlink != 0:
		if n.size > maxName {
			return in, fail(Corrupt, "a link target of %d bytes; get a fresh copy of the image", n.size)
		}
		target, err := f.all(in)
		if err != nil {
			return in, err
		}
		n.target = string(bytes.TrimRight(target, "\x00"))
	case n.mode&fs.ModeDevice != 0:
		if d := le.Uint32(p[in.first:]); d != 0 {
			n.attr.Major, n.attr.Minor = d>>8&0xff, d&0xff
		} else {
			n.attr.Major, n.attr.Minor = linuxDev(le.Uint32(p[in.first+4:]))
		}
	}
	return in, nil
}

func (f *f2fs) all(in f2fsInode) ([]byte, error) {
	r, err := f.reader(in)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func (f *f2fs) reader(in f2fsInode) (io.Reader, error) {
	if in.inline&2 != 0 {
		data := in.raw[in.first+4 : in.first+4*in.count]
		if in.size > int64(len(data)) {
			return nil, fail(Corrupt, "%d bytes in an inode; get a fresh copy of the image", in.size)
		}
		return bytes.NewReader(data[:in.size]), nil
	}
	r := &f2fsReader{f: f, size: in.size}
	return r, f.addresses(in, (in.size+f2fsBlock-1)/f2fsBlock, &r.blocks)
}

// addresses lists the first want blocks of a file.
func (f *f2fs) addresses(in f2fsInode, want int64, out *[]uint32) error {
	if want > 1<<22 {
		return fail(Limit, "a file of %d blocks; mount a copy to see it", want)
	}
	take := func(p []byte, n int) {
		for ; n > 0 && int64(len(*out)) < want; n-- {
			*out = append(*out, le.Uint32(p))
			p = p[4:]
		}
	}
	take(in.raw[in.first:], in.count)
	var walk func(nid uint32, level int) error
	walk = func(nid uint32, level int) error {
		if int64(len(*out)) >= want {
			return nil
		}
		if nid == 0 { // nothing there: a hole
			n := int64(f2fsPerNode)
			for range level {
				n *= f2fsPerNode
			}
			*out = append(*out, make([]uint32, min(n, want-int64(len(*out))))...)
			return nil
		}
		p, err := f.nodeBlock(nid)
		if err != nil {
			return err
		}
		if level == 0 {
			take(p, f2fsPerNode)
			return nil
		}
		for i := range f2fsPerNode {
			if int64(len(*out)) >= want {
				break
			}
			if err := walk(le.Uint32(p[4*i:]), level-1); err != nil {
				return err
			}
		}
		return nil
	}
	for i, level := range []int{0, 0, 1, 1, 2} {
		if err := walk(le.Uint32(in.raw[4052+4*i:]), level); err != nil {
			return err
		}
	}
	return nil
}

type f2fsReader struct {
	f      *f2fs
	blocks []uint32
	size   int64
	pos    int64
	buf    []byte
}

func (r *f2fsReader) Read(p []byte) (int, error) {
	if r.pos >= r.size {
		return 0, io.EOF
	}
	if len(r.buf) == 0 {
		i := r.pos / f2fsBlock
		if i >= int64(len(r.blocks)) {
			return 0, fail(Corrupt, "the list of its blocks ends early; get a fresh copy of the image")
		}
		r.buf = make([]byte, f2fsBlock)
		if a := r.blocks[i]; a != 0 && a != 0xffffffff {
			var err error
			if r.buf, err = r.f.block(int64(a)); err != nil {
				return 0, err
			}
		}
		r.buf = r.buf[:min(f2fsBlock, r.size-r.pos)]
	}
	n := copy(p, r.buf)
	r.buf = r.buf[n:]
	r.pos += int64(n)
	return n, nil
}

func (f *f2fs) folder(t *tree, dir f2fsInode, way string, depth int) bool {
	bad := func(err error) bool {
		t.note(fmt.Sprintf("folder %q", "/"+clip(way)), 0, err)
		return asProblem(err).reason != Limit
	}
	if depth > maxTreeDepth {
		bad(fail(Limit, "folders are more than %d deep; mount a copy to see it", maxTreeDepth))
		return true
	}
	if dir.inline&4 != 0 { // entries in the inode
		data := dir.raw[dir.first+4 : dir.first+4*dir.count]
		slots := len(data) * 8 / (19*8 + 1)
		return f.entries(t, dir, data, slots, len(data)-19*slots, way, depth)
	}
	if dir.size > 64<<20 {
		return bad(fail(Corrupt, "a folder of %d bytes; get a fresh copy of the image", dir.size))
	}
	data, err := f.all(dir)
	if err != nil {
		return bad(err)
	}
	for ; len(data) >= f2fsBlock; data = data[f2fsBlock:] {
		if !f.entries(t, dir, data[:f2fsBlock], 214, 30, way, depth) {
			return false
		}
	}
	return true
}

// entries reads a block of entries: a bitmap, the entries of eleven bytes, then names in pieces of eight.
func (f *f2fs) entries(t *tree, dir f2fsInode, data []byte, slots, head int, way string, depth int) bool {
	names := data[head+11*slots:]
	for i := 0; i < slots; {
		if data[i/8]&(1<<(i%8)) == 0 {
			i++
			continue
		}
		e := data[head+11*i:]
		ino, n := le.Uint32(e[4:]), int(le.Uint16(e[8:]))
		if n == 0 || n > 255 || 8*i+n > len(names) {
			t.note(fmt.Sprintf("folder %q", "/"+clip(way)), 0, fail(Corrupt, "an entry contradicts itself; get a fresh copy of the image"))
			return true
		}
		name := string(names[8*i : 8*i+n])
		i += (n + 7) / 8
		if name == "." || name == ".." {
			continue
		}
		if err := t.count(); err != nil {
			t.note(fmt.Sprintf("folder %q", "/"+clip(way)), 0, err)
			return false
		}
		if old := f.seen[ino]; old != nil {
			if old.kids != nil {
				t.note(fmt.Sprintf("folder %q", "/"+clip(way+name)), 0, fail(Refused, "it is in two places or contains itself; get a fresh copy of the image"))
				continue
			}
			t.add(dir.node, name, old, 0)
			continue
		}
		in, err := f.inode(ino)
		if err != nil {
			t.note(fmt.Sprintf("file %q", "/"+clip(way+name)), 0, err)
			continue
		}
		f.seen[ino] = in.node
		if t.add(dir.node, name, in.node, 0) && in.kids != nil && !f.folder(t, in, way+name+"/", depth+1) {
			return false
		}
	}
	return true
}
