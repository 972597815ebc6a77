package firmware

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
)

// Cramfs as the kernel defines it in include/uapi/linux/cramfs_fs.h, in both byte orders.

type cramfs struct {
	s     section
	order binary.ByteOrder
	flags uint32
	seen  map[int64]bool
}

const cramBlock = 4096

type cramInode struct {
	mode, uid, size, gid uint32
	name                 int64 // bytes
	off                  int64
}

func (c *cramfs) inode(p []byte) cramInode {
	if c.order == binary.ByteOrder(binary.BigEndian) {
		return cramInode{uint32(be.Uint16(p)), uint32(be.Uint16(p[2:])), be.Uint32(p[4:]) >> 8, uint32(p[7]), int64(p[8]>>2) * 4, int64(be.Uint32(p[8:])&0x3ffffff) * 4}
	}
	w := le.Uint32(p[8:])
	return cramInode{uint32(le.Uint16(p)), uint32(le.Uint16(p[2:])), le.Uint32(p[4:]) & 0xffffff, uint32(p[7]), int64(w&63) * 4, int64(w>>6) * 4}
}

func parseCramfs(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, 76)
	if err != nil {
		return nil, err
	}
	c := &cramfs{s: s, order: binary.LittleEndian, seen: map[int64]bool{}}
	if h[0] == 0x28 {
		c.order = binary.BigEndian
	}
	if string(h[16:32]) != "Compressed ROMFS" {
		return nil, fmt.Errorf("no signature")
	}
	size := int64(c.order.Uint32(h[4:]))
	c.flags = c.order.Uint32(h[8:])
	p := &piece{kind: "cramfs", size: size, name: printable(h[48:64])}
	t := b.newTree()
	p.tree = t
	sum := "no checksum"
	if c.flags&1 == 0 { // the first form has no true size
		p.size = max(size, 76)
	}
	if p.size > s.size {
		t.note("file system", 0, fail(Truncated, "%d of %d bytes are there; get a whole copy of the image", s.size, size))
		p.size = s.size
	} else if c.flags&1 != 0 {
		sum = "checksum right"
		if c.crc(b, size) != c.order.Uint32(h[32:]) {
			sum = "checksum wrong"
			t.note("file system", 0, fail(Corrupt, "its checksum is wrong; get a fresh copy of the image"))
		}
	}
	p.detail = fmt.Sprintf("cramfs %s, %d files, %s", orderName(c.order), c.order.Uint32(h[44:]), sum)
	root := c.inode(h[64:])
	t.root.mode = unixMode(root.mode) | fs.ModeDir
	t.root.attr = Attr{UID: root.uid, GID: root.gid, Offset: -1}
	c.seen[root.off] = true
	c.folder(t, root, t.root, "", 0)
	return p, nil
}

// crc is the checksum of the whole file system with its own field as zero.
func (c *cramfs) crc(b *builder, size int64) uint32 {
	head, err := c.s.bytes(0, 76)
	if err != nil {
		return 0
	}
	clear(head[32:36])
	h := crc32.NewIEEE()
	h.Write(head)
	if _, err := io.Copy(h, io.NewSectionReader(c.s.r, 76, size-76)); err != nil {
		return 0
	}
	return h.Sum32()
}

func (c *cramfs) folder(t *tree, dir cramInode, into *node, way string, depth int) bool {
	bad := func(err error) bool {
		t.note(fmt.Sprintf("folder %q", "/"+clip(way)), dir.off, err)
		return asProblem(err).reason != Limit
	}
	if depth > maxTreeDepth {
		bad(fail(Limit, "folders are more than %d deep; unpack it by hand to see it", maxTreeDepth))
		return true
	}
	for off, end := dir.off, dir.off+int64(dir.size); off < end; {
		h, err := c.s.bytes(off, 12)
		if err != nil {
			return bad(err)
		}
		in := c.inode(h)
		name, err := c.s.bytes(off+12, in.name)
		if err != nil {
			return bad(err)
		}
		off += 12 + in.name
		if err := t.count(); err != nil {
			return bad(err)
		}
		for len(name) > 0 && name[len(name)-1] == 0 {
			name = name[:len(name)-1]
		}
		path := way + string(name)
		n := &node{mode: unixMode(in.mode), size: int64(in.size), attr: Attr{UID: in.uid, GID: in.gid, Offset: -1}}
		switch {
		case n.mode.IsDir():
			n.size, n.kids = 0, map[string]*node{}
		case n.mode&fs.ModeSymlink != 0:
			target, err := io.ReadAll(&cramReader{c: c, in: in, size: int64(in.size)})
			if err != nil || len(target) > maxName {
				t.note(fmt.Sprintf("link %q", "/"+clip(path)), in.off, fail(Corrupt, "its target cannot be read (%v); get a fresh copy of the image", err))
				continue
			}
			n.target = string(target)
		case n.mode&fs.ModeDevice != 0:
			n.size = 0
			n.attr.Major, n.attr.Minor = in.size>>8&0xff, in.size&0xff
		case n.mode.IsRegular():
			n.open = func() (io.Reader, error) { return &cramReader{c: c, in: in, size: int64(in.size)}, nil }
		}
		if !t.add(into, string(name), n, off) || n.kids == nil || in.size == 0 {
			continue
		}
		if c.seen[in.off] {
			t.note(fmt.Sprintf("folder %q", "/"+clip(path)), in.off, fail(Refused, "it is in two places or contains itself; get a fresh copy of the image"))
			continue
		}
		c.seen[in.off] = true
		if !c.folder(t, in, n, path+"/", depth+1) {
			return false
		}
	}
	return true
}

type cramReader struct {
	c    *cramfs
	in   cramInode
	size int64
	pos  int64
	buf  []byte
}

func (r *cramReader) Read(p []byte) (int, error) {
	if r.pos >= r.size {
		return 0, io.EOF
	}
	if len(r.buf) == 0 {
		var err error
		if r.buf, err = r.block(r.pos/cramBlock, min(cramBlock, r.size-r.pos)); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.buf)
	r.buf = r.buf[n:]
	r.pos += int64(n)
	return n, nil
}

// block unpacks the i-th block. The words before the data tell where each block ends.
func (r *cramReader) block(i, want int64) ([]byte, error) {
	c := r.c
	blocks := (r.size + cramBlock - 1) / cramBlock
	word := func(i int64) (uint32, error) {
		p, err := c.s.bytes(r.in.off+4*i, 4)
		if err != nil {
			return 0, err
		}
		return c.order.Uint32(p), nil
	}
	w, err := word(i)
	if err != nil {
		return nil, err
	}
	stored, direct := false, false
	if c.flags&0x800 != 0 {
		stored, direct = w>>31 != 0, w>>30&1 != 0
	}
	start, end := r.in.off+4*blocks, int64(w)
	if c.flags&0x800 != 0 {
		w &= 0x3fffffff
		end = int64(w)
	}
	switch {
	case direct:
		start = int64(w) << 2
		if stored {
			end = start + want
		} else {
			n, err := c.s.bytes(start, 2)
			if err != nil {
				return nil, err
			}
			start += 2
			end = start + int64(c.order.Uint16(n))
		}
	case i > 0:
		before, err := word(i - 1)
		if err != nil {
			return nil, err
		}
		if c.flags&0x800 != 0 {
			if before>>30&1 != 0 {
				return nil, fail(Unsupported, "a block after a direct pointer; mount a copy to see it")
			}
			before &= 0x3fffffff
		}
		start = int64(before)
	}
	if end == start {
		return make([]byte, want), nil
	}
	if end < start || end-start > 2*cramBlock {
		return nil, fail(Corrupt, "a block from 0x%x to 0x%x; get a fresh copy of the image", start, end)
	}
	raw, err := c.s.bytes(start, end-start)
	if err != nil {
		return nil, err
	}
	if !stored {
		if raw, err = unzlib(raw, cramBlock); err != nil {
			return nil, fmt.Errorf("block at 0x%x: %w", start, err)
		}
	}
	if int64(len(raw)) != want {
		return nil, fail(Corrupt, "a block at 0x%x unpacks to %d bytes, not %d; get a fresh copy of the image", start, len(raw), want)
	}
	return raw, nil
}
