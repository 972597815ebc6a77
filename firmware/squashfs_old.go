package firmware

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"sync/atomic"
	"time"
)

// Squashfs 2 and 3, in both byte orders, with zlib or with the lzma that vendors patched in. The structures are those of
// squashfs-tools 2.2 and 3.4 (squashfs_fs.h); their bit fields lie from the low end in little endian images and from the
// high end in big endian ones.

// bits takes n bits after the first skip bits of a packed structure.
func bits(order binary.ByteOrder, p []byte, skip, n int) uint32 {
	v := uint32(0)
	for i := range n {
		at := skip + i
		if order == binary.ByteOrder(binary.BigEndian) {
			v = v<<1 | uint32(p[at/8]>>(7-at%8)&1)
		} else {
			v |= uint32(p[at/8]>>(at%8)&1) << i
		}
	}
	return v
}

func (q *squash) parseOld() (*piece, error) {
	h, err := q.s.bytes(0, 119)
	if err != nil {
		return nil, err
	}
	u16 := func(o int) uint16 { return q.order.Uint16(h[o:]) }
	u32 := func(o int) uint32 { return q.order.Uint32(h[o:]) }
	u64 := func(o int) int64 { return int64(q.order.Uint64(h[o:])) }
	q.major = int(u16(28))
	q.inodes, q.blockSize, q.root = u32(4), u32(51), q.order.Uint64(h[43:])
	flags, log := h[36], u16(34)
	q.checked = flags&4 != 0
	var uids, guids, frags int64
	if q.major == 2 {
		q.end, uids, guids = int64(u32(8)), int64(u32(12)), int64(u32(16))
		q.inodeStart, q.dirStart, frags = int64(u32(20)), int64(u32(24)), int64(u32(59))
	} else {
		q.end, uids, guids = u64(63), u64(71), u64(79)
		q.inodeStart, q.dirStart, frags = u64(87), u64(95), u64(103)
	}
	if log > 20 || q.blockSize != 1<<log || q.blockSize < 4096 || q.end < 119 || q.end > 1<<50 || q.inodes == 0 || q.inodeStart <= 0 || q.inodeStart >= q.end {
		return nil, fmt.Errorf("block size %d, %d bytes used", q.blockSize, q.end)
	}
	t := q.b.newTree()
	made := time.Unix(int64(u32(39)), 0).UTC()
	p := &piece{kind: "squashfs", size: q.end, tree: t}
	describe := func(comp string) {
		p.detail = fmt.Sprintf("squashfs %d.%d %s, %s, %d KiB blocks, %d inodes, made %s", q.major, u16(30), orderName(q.order),
			comp, q.blockSize>>10, q.inodes, made.Format(time.DateOnly))
	}
	describe("compression not known")
	if q.end > q.s.size {
		p.size = q.s.size
		t.note("file system", 0, fail(Truncated, "%d of %d bytes are there, and its tables are at the end; get a whole copy of the image", q.s.size, q.end))
		return p, nil
	}
	q.s.size = q.end
	var comp atomic.Pointer[string] // these versions do not say: the first block that unpacks does
	gzip, lzma := "gzip", "lzma"
	unlzma := newUnlzma()
	q.unzip = func(raw []byte, limit int) ([]byte, error) {
		if comp.Load() != &lzma {
			out, err := unzlib(raw, limit)
			if err == nil {
				comp.CompareAndSwap(nil, &gzip)
			}
			if comp.Load() == &gzip {
				return out, err
			}
		}
		out, err := unlzma(raw, limit)
		if err == nil {
			comp.CompareAndSwap(nil, &lzma)
		}
		return out, err
	}
	if q.ids, err = q.oldIDs(uids, int64(h[37])); err == nil {
		q.guids, err = q.oldIDs(guids, int64(h[38]))
	}
	if err == nil {
		err = q.oldFragments(frags, u32(55))
	}
	if err != nil {
		t.note("file system", 0, err)
		return p, nil
	}
	q.list(t)
	if c := comp.Load(); c != nil {
		describe(*c)
	}
	return p, nil
}

func (q *squash) oldIDs(off, n int64) ([]uint32, error) {
	raw, err := q.s.bytes(off, 4*n)
	if err != nil {
		return nil, fmt.Errorf("owner table: %w", err)
	}
	var ids []uint32
	for ; len(raw) >= 4; raw = raw[4:] {
		ids = append(ids, q.order.Uint32(raw))
	}
	return ids, nil
}

func (q *squash) oldFragments(start int64, n uint32) error {
	if n == 0 {
		return nil
	}
	if n > q.inodes || int(n) > q.b.lim.Entries {
		return fail(Corrupt, "%d fragments for %d inodes; get a fresh copy of the image", n, q.inodes)
	}
	width, ptr := int64(16), int64(8)
	if q.major == 2 {
		width, ptr = 8, 4
	}
	blocks := (int64(n)*width + squashMetaSize - 1) / squashMetaSize
	raw, err := q.s.bytes(start, blocks*ptr)
	if err != nil {
		return fmt.Errorf("fragment table: %w", err)
	}
	for ; len(raw) > 0; raw = raw[ptr:] {
		at := int64(q.order.Uint32(raw))
		if ptr == 8 {
			at = int64(q.order.Uint64(raw))
		}
		m, err := q.block(at)
		if err != nil {
			return fmt.Errorf("fragment table: %w", err)
		}
		for d := m.data; int64(len(d)) >= width; d = d[width:] {
			if q.major == 2 {
				q.frags = append(q.frags, squashFrag{int64(q.order.Uint32(d)), q.order.Uint32(d[4:])})
			} else {
				q.frags = append(q.frags, squashFrag{int64(q.order.Uint64(d)), q.order.Uint32(d[8:])})
			}
		}
	}
	if len(q.frags) < int(n) {
		return fail(Corrupt, "%d fragments announced, %d found; get a fresh copy of the image", n, len(q.frags))
	}
	q.frags = q.frags[:n]
	return nil
}

func (q *squash) oldInode(c *squashCursor) (in squashInode, err error) {
	base := 12
	if q.major == 2 {
		base = 4
	}
	h, err := c.read(base)
	if err != nil {
		return in, err
	}
	typ := bits(q.order, h, 0, 4)
	n := &node{mode: unixMode(bits(q.order, h, 4, 12)), attr: Attr{Offset: -1}}
	in.node = n
	if int(h[2]) < len(q.ids) {
		n.attr.UID = q.ids[h[2]]
	}
	n.attr.GID = n.attr.UID // 255 means the same number as the owner's
	if int(h[3]) < len(q.guids) {
		n.attr.GID = q.guids[h[3]]
	}
	if q.major == 3 {
		n.mtime = time.Unix(int64(q.order.Uint32(h[4:])), 0).UTC()
		n.attr.Inode = uint64(q.order.Uint32(h[8:]))
	}
	// Where fields lie behind the base, by version.
	size := map[uint32][2]int{1: {11, 16}, 8: {14, 19}, 2: {20, 20}, 9: {0, 28}, 3: {2, 6}, 4: {2, 6}, 5: {2, 6}, 6: {0, 4}, 7: {0, 4}}[typ][q.major-2]
	if size == 0 && typ != 6 && typ != 7 {
		return in, fail(Corrupt, "an inode of type %d; get a fresh copy of the image", typ)
	}
	if h, err = c.read(size); err != nil {
		return in, err
	}
	v3 := 0
	if q.major == 3 {
		v3 = 4 // the link count comes first
	}
	switch typ {
	case 1, 8:
		n.mode |= fs.ModeDir
		n.kids = map[string]*node{}
		wide := 19 // bits of the size
		if typ == 8 {
			wide = 27
		}
		in.kids, in.offset = bits(q.order, h[v3:], 0, wide), bits(q.order, h[v3:], wide, 13)
		after := v3 + (wide+13)/8
		if q.major == 2 {
			n.mtime = time.Unix(int64(q.order.Uint32(h[after:])), 0).UTC()
			in.start = bits(q.order, h[after+4:], 0, 24)
		} else {
			in.start = q.order.Uint32(h[after:])
		}
	case 2:
		f := squashFile{q: q, frag: q.order.Uint32(h[8:]), fragOff: q.order.Uint32(h[12:]), size: int64(q.order.Uint32(h[16:]))}
		if q.major == 2 {
			n.mtime = time.Unix(int64(q.order.Uint32(h)), 0).UTC()
			f.start = int64(q.order.Uint32(h[4:]))
		} else {
			f.start = int64(q.order.Uint64(h))
		}
		return in, q.file(c, n, f)
	case 9:
		return in, q.file(c, n, squashFile{q: q, start: int64(q.order.Uint64(h[4:])), frag: q.order.Uint32(h[12:]),
			fragOff: q.order.Uint32(h[16:]), size: int64(q.order.Uint64(h[20:]))})
	case 3:
		length := int(q.order.Uint16(h[v3:]))
		if length > maxName {
			return in, fail(Corrupt, "a link target of %d bytes; get a fresh copy of the image", length)
		}
		target, err := c.read(length)
		if err != nil {
			return in, err
		}
		n.mode |= fs.ModeSymlink
		n.target, n.size = string(target), int64(length)
	case 4, 5:
		n.mode |= fs.ModeDevice
		if typ == 5 {
			n.mode |= fs.ModeCharDevice
		}
		dev := uint32(q.order.Uint16(h[v3:]))
		n.attr.Major, n.attr.Minor = dev>>8, dev&0xff
	case 6:
		n.mode |= fs.ModeNamedPipe
	case 7:
		n.mode |= fs.ModeSocket
	}
	return in, nil
}
