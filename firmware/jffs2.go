package firmware

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"slices"
	"time"
)

// JFFS2 as the Linux kernel defines it in include/uapi/linux/jffs2.h: a log of nodes, each with its checksum, of which
// the newest version of a file's bytes and of a folder's entry counts.

const (
	jffs2Magic    = 0x1985
	jffs2Dirent   = 0xe001
	jffs2Inode    = 0xe002
	jffs2Accurate = 0x2000
	jffs2Gap      = 256 << 10 // bytes without a node that end the file system: the largest usual erase block
	jffs2Page     = 64 << 10  // no node unpacks to more: the kernel writes pages
)

type jffs2 struct {
	b     *builder
	s     section
	order binary.ByteOrder
	end   int64 // behind the last node

	dirents map[uint32][]jffs2Entry // by parent
	inodes  map[uint32][]jffs2Node  // by number
	total   int
	bad     int // nodes with wrong checksums
}

type jffs2Entry struct {
	ino, version uint32
	typ          byte
	name         string
	off          int64
}

type jffs2Node struct {
	version          uint32
	mode             uint32
	uid, gid         uint16
	mtime            uint32
	isize            uint32
	at, csize, dsize uint32 // place in the file, packed and unpacked size
	comp             byte
	data             int64 // where the packed bytes lie
	sum              uint32
}

// jffs2CRC is the CRC-32 that JFFS2 uses: started at zero and not inverted.
func jffs2CRC(p []byte) uint32 { return ^crc32.Update(0xffffffff, crc32.IEEETable, p) }

func parseJFFS2(b *builder, s section) (*piece, error) {
	j := &jffs2{b: b, s: s, order: binary.LittleEndian, dirents: map[uint32][]jffs2Entry{}, inodes: map[uint32][]jffs2Node{}}
	h, err := s.bytes(0, 12)
	if err != nil {
		return nil, err
	}
	if h[0] == 0x19 {
		j.order = binary.BigEndian
	}
	if j.sum(h) != j.order.Uint32(h[8:]) {
		return nil, fmt.Errorf("header checksum")
	}
	t := b.newTree()
	if err := j.walk(t); err != nil {
		t.note("log", j.end, err)
	}
	if j.bad > 0 {
		t.note("log", 0, fail(Corrupt, "%d nodes have wrong checksums, as after a loss of power or a bad copy; compare with a second copy", j.bad))
	}
	j.build(t)
	return &piece{size: j.end, detail: fmt.Sprintf("JFFS2 %s, %d nodes", orderName(j.order), j.total), tree: t}, nil
}

// walk reads the log to its end: the last node before a stretch that holds none.
func (j *jffs2) walk(t *tree) error {
	const window = 1 << 20
	var buf []byte
	var base int64
	head := func(off int64) []byte { // twelve bytes at off
		if off < base || off+12 > base+int64(len(buf)) {
			n := min(window, j.s.size-off)
			if n < 12 {
				return nil
			}
			p, err := j.s.bytes(off, n)
			if err != nil {
				return nil
			}
			buf, base = p, off
		}
		return buf[off-base : off-base+12]
	}
	for off := int64(0); off-j.end <= jffs2Gap; {
		h := head(off)
		if h == nil {
			if tail, err := j.s.bytes(off, j.s.size-off); err == nil && off == j.end && !blankBytes(tail) {
				j.end = j.s.size
				return fail(Truncated, "a node at 0x%x reaches beyond the end; get a whole copy of the image", off)
			}
			return nil
		}
		n, typ := int64(j.order.Uint32(h[4:])), j.order.Uint16(h[2:])
		if j.order.Uint16(h) != jffs2Magic || n < 12 || j.sum(h) != j.order.Uint32(h[8:]) {
			off += 4
			continue
		}
		if n > j.s.size-off {
			j.end = j.s.size
			return fail(Truncated, "a node at 0x%x reaches beyond the end; get a whole copy of the image", off)
		}
		if err := j.node(t, off, n, typ); err != nil {
			return err
		}
		j.total++
		off += (n + 3) &^ 3
		j.end = min(off, j.s.size)
	}
	return nil
}

// sum is the checksum of a node's head. Clearing one bit marks a node as obsolete, and is left out of the sum.
func (j *jffs2) sum(h []byte) uint32 {
	p := [8]byte(h)
	j.order.PutUint16(p[2:], j.order.Uint16(h[2:])|jffs2Accurate)
	return jffs2CRC(p[:])
}

func (j *jffs2) node(t *tree, off, n int64, typ uint16) error {
	switch typ {
	case jffs2Dirent:
		if n < 40 || n > 40+255 {
			j.bad++
			return nil
		}
		p, err := j.s.bytes(off, n)
		if err != nil {
			return err
		}
		size := int(p[28])
		if jffs2CRC(p[:32]) != j.order.Uint32(p[32:]) || 40+size > len(p) || jffs2CRC(p[40:40+size]) != j.order.Uint32(p[36:]) {
			j.bad++
			return nil
		}
		if err := t.count(); err != nil {
			return err
		}
		dir := j.order.Uint32(p[12:])
		j.dirents[dir] = append(j.dirents[dir], jffs2Entry{version: j.order.Uint32(p[16:]), ino: j.order.Uint32(p[20:]), typ: p[29], name: string(p[40 : 40+size]), off: off})
	case jffs2Inode:
		if n < 68 {
			j.bad++
			return nil
		}
		p, err := j.s.bytes(off, 68)
		if err != nil {
			return err
		}
		u32 := func(o int) uint32 { return j.order.Uint32(p[o:]) }
		if jffs2CRC(p[:60]) != u32(64) {
			j.bad++
			return nil
		}
		x := jffs2Node{version: u32(16), mode: u32(20), uid: j.order.Uint16(p[24:]), gid: j.order.Uint16(p[26:]), isize: u32(28), mtime: u32(36),
			at: u32(44), csize: u32(48), dsize: u32(52), comp: p[56], data: off + 68, sum: u32(60)}
		if int64(x.csize) > n-68 || x.dsize > jffs2Page && x.comp != 1 {
			j.bad++
			return nil
		}
		if j.total > 4*j.b.lim.Entries {
			return fail(Limit, "more than %d nodes; raise Limits.Entries", 4*j.b.lim.Entries)
		}
		if j.total&0xff == 0 {
			if err := j.b.stopped(); err != nil {
				return err
			}
		}
		ino := u32(12)
		j.inodes[ino] = append(j.inodes[ino], x)
	}
	return nil
}

// build makes the tree of what the log says last.
func (j *jffs2) build(t *tree) {
	for _, list := range j.inodes {
		slices.SortStableFunc(list, func(a, b jffs2Node) int { return cmp.Compare(a.version, b.version) })
	}
	if list := j.inodes[1]; len(list) > 0 {
		j.attributes(t.root, list[len(list)-1])
	}
	t.entries = 0
	made := map[uint32]*node{1: t.root}
	j.folder(t, 1, t.root, made, 0)
	lost := 0
	for dir := range j.dirents {
		if made[dir] == nil && j.alive(dir) {
			lost++
		}
	}
	if lost > 0 {
		t.note("log", 0, fail(Corrupt, "%d folders are not reached from the root, as in a part of a file system; get a whole copy of the image", lost))
	}
}

// alive reports whether a folder still has entries that were not deleted.
func (j *jffs2) alive(dir uint32) bool {
	for _, e := range j.latest(dir) {
		if len(j.inodes[e.ino]) > 0 && len(j.inodes[dir]) > 0 {
			return true
		}
	}
	return false
}

// latest returns the newest entry of every name of a folder, without the deleted ones.
func (j *jffs2) latest(dir uint32) []jffs2Entry {
	newest := map[string]jffs2Entry{}
	for _, e := range j.dirents[dir] {
		if old, ok := newest[e.name]; !ok || e.version >= old.version {
			newest[e.name] = e
		}
	}
	var out []jffs2Entry
	for _, e := range newest {
		if e.ino != 0 {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b jffs2Entry) int { return cmp.Compare(a.name, b.name) })
	return out
}

func (j *jffs2) attributes(n *node, x jffs2Node) {
	kids := n.kids
	*n = node{mode: unixMode(x.mode), mtime: time.Unix(int64(x.mtime), 0).UTC(), kids: kids, attr: Attr{UID: uint32(x.uid), GID: uint32(x.gid), Offset: -1}}
}

func (j *jffs2) folder(t *tree, dir uint32, into *node, made map[uint32]*node, depth int) {
	for _, e := range j.latest(dir) {
		t.entries++
		if n := made[e.ino]; n != nil {
			if n.kids != nil {
				t.note(fmt.Sprintf("folder %q", clip(e.name)), e.off, fail(Refused, "it is in two places or contains itself; get a fresh copy of the image"))
				continue
			}
			t.add(into, e.name, n, e.off)
			continue
		}
		list := j.inodes[e.ino]
		if len(list) == 0 {
			t.note(fmt.Sprintf("file %q", clip(e.name)), e.off, fail(Corrupt, "it has a name and no inode; get a whole copy of the image"))
			continue
		}
		last := list[len(list)-1]
		n := &node{}
		j.attributes(n, last)
		n.attr.Inode = uint64(e.ino)
		switch {
		case n.mode.IsDir():
			n.kids = map[string]*node{}
		case n.mode.IsRegular():
			n.size = int64(last.isize)
			n.open = func() (io.Reader, error) { return j.open(list) }
			if len(list) == 1 && last.comp == 0 {
				n.attr.Offset = last.data
			}
		case n.mode&fs.ModeSymlink != 0:
			target, err := j.content(list, maxName)
			if err != nil {
				t.note(fmt.Sprintf("link %q", clip(e.name)), e.off, err)
				continue
			}
			n.target, n.size = string(target), int64(len(target))
		case n.mode&fs.ModeDevice != 0:
			if dev, err := j.content(list, 8); err == nil && len(dev) == 2 {
				d := uint32(j.order.Uint16(dev))
				n.attr.Major, n.attr.Minor = d>>8, d&0xff
			} else if err == nil && len(dev) == 4 {
				n.attr.Major, n.attr.Minor = linuxDev(j.order.Uint32(dev))
			}
		}
		made[e.ino] = n
		if !t.add(into, e.name, n, e.off) || n.kids == nil {
			continue
		}
		if depth >= maxTreeDepth {
			t.note(fmt.Sprintf("folder %q", clip(e.name)), e.off, fail(Limit, "folders are more than %d deep; unpack it by hand to see it", maxTreeDepth))
			continue
		}
		j.folder(t, e.ino, n, made, depth+1)
	}
}

func (j *jffs2) open(list []jffs2Node) (io.Reader, error) {
	data, err := j.content(list, 1<<28)
	if err != nil {
		return nil, err
	}
	return bytes.NewReader(data), nil
}

// content plays the nodes of a file in the order of their versions.
func (j *jffs2) content(list []jffs2Node, limit uint32) ([]byte, error) {
	size := list[len(list)-1].isize
	if size == 0 { // links and devices may leave it out
		for _, x := range list {
			if x.mode&0o170000 != 0o100000 {
				size = max(size, x.at+x.dsize)
			}
		}
	}
	if size > limit {
		return nil, fail(Limit, "a file of %d bytes in JFFS2; unpack it by hand to see it", size)
	}
	var out []byte
	var known []bool // bytes that some node gives: the kernel writes holes as nodes too
	for _, x := range list {
		if x.isize < uint32(len(out)) { // cut short by this version
			out, known = out[:x.isize], known[:x.isize]
		}
		if x.dsize == 0 || x.at >= size {
			continue
		}
		raw, err := j.s.bytes(x.data, int64(x.csize))
		if err != nil {
			return nil, err
		}
		if jffs2CRC(raw) != x.sum {
			return nil, fail(Corrupt, "a node at 0x%x has a wrong checksum; get a fresh copy of the image", x.data-68)
		}
		end := min(x.at+x.dsize, size)
		if end < x.at {
			return nil, fail(Corrupt, "a node at 0x%x lies outside of its file; get a fresh copy of the image", x.data-68)
		}
		if uint32(len(out)) < end {
			more := end - uint32(len(out))
			out, known = append(out, make([]byte, more)...), append(known, make([]bool, more)...)
		}
		for i := x.at; i < end; i++ {
			known[i] = true
		}
		if x.comp == 1 { // zeros
			clear(out[x.at:end])
			continue
		}
		data, err := jffs2Unpack(x.comp, raw, int(x.dsize))
		if err != nil {
			return nil, fmt.Errorf("node at 0x%x: %w", x.data-68, err)
		}
		if len(data) != int(x.dsize) {
			return nil, fail(Corrupt, "a node at 0x%x unpacks to %d bytes, not %d; get a fresh copy of the image", x.data-68, len(data), x.dsize)
		}
		copy(out[x.at:end], data)
	}
	if uint32(len(out)) < size || slices.Contains(known, false) {
		return nil, fail(Corrupt, "some of the %d bytes are in no node; get a whole copy of the image", size)
	}
	return out[:size], nil
}

func jffs2Unpack(comp byte, raw []byte, size int) ([]byte, error) {
	switch comp {
	case 0:
		return raw, nil
	case 2:
		return unrtime(raw, size)
	case 6:
		return unzlib(raw, size)
	case 7:
		return unlzo(raw, size)
	case 8: // as OpenWrt patched it in: no header, lc 0, lp 0, pb 0
		out, _, err := lzmaBlock(lzmaProps{0, 0, 0}, raw, size)
		return out, err
	}
	return nil, fail(Unsupported, "compression %d of JFFS2 is not known; unpack it with the maker's tools", comp)
}

// unrtime undoes the kernel's small run-length code (fs/jffs2/compr_rtime.c): a byte, then how many bytes follow that
// stood behind its last occurrence.
func unrtime(raw []byte, size int) ([]byte, error) {
	var last [256]int
	out := make([]byte, 0, size)
	for i := 0; len(out) < size; i += 2 {
		if i+1 >= len(raw) {
			return nil, fail(Corrupt, "rtime data ends early; get a fresh copy of the image")
		}
		c, n := raw[i], int(raw[i+1])
		out = append(out, c)
		from := last[c]
		last[c] = len(out)
		if n > size-len(out) {
			return nil, fail(Corrupt, "rtime data is longer than its node says; get a fresh copy of the image")
		}
		for k := range n {
			out = append(out, out[from+k])
		}
	}
	return out, nil
}
