package firmware

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"sync"
	"time"
)

// Squashfs 4 as the Linux kernel defines it in fs/squashfs/squashfs_fs.h.

const (
	squashMetaSize = 8192
	squashMaxBlock = 1 << 20
	squashNoFrag   = 0xffffffff
	squashNoTable  = 0xffffffffffffffff
	squashCached   = 4096 // metadata blocks kept while listing: 32 MiB
	squashFrags    = 16   // fragment blocks kept while reading
	squashBlocks   = 8 << 20
)

type squash struct {
	b     *builder
	s     section
	order binary.ByteOrder
	major int
	unzip blockUnpacker

	metaOrder binary.ByteOrder // of the length of a metadata block
	checked   bool             // one more byte behind that length
	guids     []uint32         // groups, in versions before 4
	blocks    int64            // data blocks listed so far

	blockSize  uint32
	inodes     uint32 // how many the superblock announces
	inodeStart int64
	dirStart   int64
	end        int64 // bytes used
	root       uint64
	ids        []uint32
	frags      []squashFrag

	meta map[int64]squashMeta
	seen map[uint64]bool  // folders by inode reference
	hard map[uint64]*node // files by inode reference

	mu     sync.Mutex                        // guards the fields below
	cache  map[uint32]func() ([]byte, error) // fragment blocks, unpacked at the first call
	recent []uint32                          // those of them, oldest first
}

type squashFrag struct {
	start int64
	size  uint32
}

type squashMeta struct {
	data []byte
	next int64
}

var squashNames = map[uint16]string{1: "gzip", 2: "lzma", 3: "lzo", 4: "xz", 5: "lz4", 6: "zstd"}

func parseSquashfs(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, 96)
	if err != nil {
		return nil, err
	}
	q := &squash{b: b, s: s, order: binary.LittleEndian, major: 4}
	switch string(h[:4]) {
	case "sqsh", "sqlz", "qshs", "tqsh":
		q.order = binary.BigEndian
	}
	q.metaOrder = q.order
	u16 := func(o int) uint16 { return q.order.Uint16(h[o:]) }
	u32 := func(o int) uint32 { return q.order.Uint32(h[o:]) }
	u64 := func(o int) uint64 { return q.order.Uint64(h[o:]) }
	if v := u16(28); v == 2 || v == 3 {
		return q.parseOld()
	} else if v != 4 {
		return nil, fmt.Errorf("version %d", v)
	}
	comp, log := u16(20), u16(22)
	q.blockSize, q.inodes = u32(12), u32(4)
	used := u64(40)
	if log > 20 || q.blockSize != 1<<log || q.blockSize < 4096 || used < 96 || used > 1<<50 {
		return nil, fmt.Errorf("block size %d, %d bytes used", q.blockSize, used)
	}
	q.end = int64(used)
	name := squashNames[comp]
	if name == "" {
		name = fmt.Sprintf("compression %d", comp)
	}
	made := time.Unix(int64(u32(8)), 0).UTC()
	p := &piece{kind: "squashfs", size: q.end, detail: fmt.Sprintf("squashfs %d.%d %s, %s, %d KiB blocks, %d inodes, made %s",
		u16(28), u16(30), orderName(q.order), name, q.blockSize>>10, q.inodes, made.Format(time.DateOnly))}
	t := b.newTree()
	p.tree = t
	if q.end > s.size {
		p.size = s.size
		t.note("file system", 0, fail(Truncated, "%d of %d bytes are there, and its tables are at the end; get a whole copy of the image", s.size, q.end))
		return p, nil
	}
	q.s.size = q.end
	if q.unzip = squashUnpacker(comp); q.unzip == nil {
		t.note("file system", 0, fail(Unsupported, "%s is not known; unpack it with the maker's tools", name))
		return p, nil
	}
	q.root = u64(32)
	q.inodeStart, q.dirStart = int64(u64(64)), int64(u64(72))
	err = q.tables(int(u16(26)), u64(48), u32(16), u64(80))
	if err != nil && q.order == binary.ByteOrder(binary.BigEndian) { // FRITZ!Box images mix the orders
		q.metaOrder, q.meta = binary.LittleEndian, nil
		err = q.tables(int(u16(26)), u64(48), u32(16), u64(80))
	}
	if err != nil {
		t.note("file system", 0, err)
		return p, nil
	}
	q.list(t)
	return p, nil
}

func orderName(o binary.ByteOrder) string {
	if o == binary.ByteOrder(binary.BigEndian) {
		return "big endian"
	}
	return "little endian"
}

func (q *squash) tables(ids int, idStart uint64, frags uint32, fragStart uint64) error {
	q.ids, q.frags = nil, nil
	raw, err := q.table(idStart, ids, 4)
	if err != nil {
		return fmt.Errorf("owner table: %w", err)
	}
	for ; len(raw) >= 4; raw = raw[4:] {
		q.ids = append(q.ids, q.order.Uint32(raw))
	}
	if fragStart == squashNoTable || frags == 0 {
		return nil
	}
	if frags > q.inodes || int(frags) > q.b.lim.Entries {
		return fail(Corrupt, "%d fragments for %d inodes; get a fresh copy of the image", frags, q.inodes)
	}
	raw, err = q.table(fragStart, int(frags), 16)
	if err != nil {
		return fmt.Errorf("fragment table: %w", err)
	}
	for ; len(raw) >= 16; raw = raw[16:] {
		q.frags = append(q.frags, squashFrag{int64(q.order.Uint64(raw)), q.order.Uint32(raw[8:])})
	}
	return nil
}

// table reads count entries of a table that is held in metadata blocks listed at start.
func (q *squash) table(start uint64, count, width int) ([]byte, error) {
	want := int64(count) * int64(width)
	blocks := (want + squashMetaSize - 1) / squashMetaSize
	if start > uint64(q.end) || blocks*8 > q.end-int64(start) {
		return nil, fail(Corrupt, "it lies outside of the file system; get a fresh copy of the image")
	}
	ptr, err := q.s.bytes(int64(start), blocks*8)
	if err != nil {
		return nil, err
	}
	var out []byte
	for ; len(ptr) >= 8; ptr = ptr[8:] {
		m, err := q.block(int64(q.order.Uint64(ptr)))
		if err != nil {
			return nil, err
		}
		out = append(out, m.data...)
	}
	if int64(len(out)) < want {
		return nil, fail(Corrupt, "%d bytes wanted, %d there; get a fresh copy of the image", want, len(out))
	}
	return out[:want], nil
}

// block reads the metadata block at off.
func (q *squash) block(off int64) (squashMeta, error) {
	key := off
	if m, ok := q.meta[key]; ok {
		return m, nil
	}
	h, err := q.s.bytes(off, 2)
	if err != nil {
		return squashMeta{}, err
	}
	n := int64(q.metaOrder.Uint16(h))
	if q.checked {
		off++
	}
	stored := n&0x8000 != 0
	if n &= 0x7fff; n == 0 {
		n = 0x8000
	}
	raw, err := q.s.bytes(off+2, n)
	if err != nil {
		return squashMeta{}, err
	}
	if !stored {
		if raw, err = q.unzip(raw, squashMetaSize); err != nil {
			return squashMeta{}, fmt.Errorf("metadata at 0x%x: %w", off, err)
		}
	}
	if len(raw) > squashMetaSize {
		return squashMeta{}, fail(Corrupt, "metadata block at 0x%x holds %d bytes; get a fresh copy of the image", off, len(raw))
	}
	if q.meta == nil || len(q.meta) >= squashCached {
		q.meta = map[int64]squashMeta{}
	}
	m := squashMeta{raw, off + 2 + n}
	q.meta[key] = m
	return m, nil
}

// squashCursor reads through metadata blocks.
type squashCursor struct {
	q   *squash
	at  int64 // block
	off int   // in its data
}

func (c *squashCursor) read(n int) ([]byte, error) {
	out := make([]byte, 0, min(n, squashMetaSize))
	for n > 0 {
		m, err := c.q.block(c.at)
		if err != nil {
			return nil, err
		}
		if c.off >= len(m.data) {
			if len(m.data) < squashMetaSize && (c.off > len(m.data) || len(m.data) == 0) {
				return nil, fail(Corrupt, "metadata ends early at 0x%x; get a fresh copy of the image", c.at)
			}
			c.at, c.off = m.next, c.off-len(m.data)
			continue
		}
		k := min(n, len(m.data)-c.off)
		out = append(out, m.data[c.off:c.off+k]...)
		c.off += k
		n -= k
	}
	return out, nil
}

func (q *squash) list(t *tree) {
	q.seen, q.hard = map[uint64]bool{}, map[uint64]*node{}
	defer func() { q.meta, q.seen, q.hard = nil, nil, nil }()
	in, err := q.inode(q.root)
	if err == nil && in.kids == 0 && !in.node.mode.IsDir() {
		err = fail(Corrupt, "its root is no folder; get a fresh copy of the image")
	}
	if err != nil {
		t.note("root folder", 0, err)
		return
	}
	t.root = in.node
	q.seen[q.root] = true
	q.folder(t, in, "", 0)
	if t.entries+1 < int(q.inodes) && len(t.bad) == 0 {
		t.note("file system", 0, fail(Corrupt, "%d inodes announced, %d found; get a fresh copy of the image", q.inodes, t.entries+1))
	}
}

// folder reads the entries of a folder, and of the folders in it.
func (q *squash) folder(t *tree, dir squashInode, way string, depth int) bool {
	if depth > maxTreeDepth {
		t.note("folder "+clip(way), 0, fail(Limit, "folders are more than %d deep; unpack it by hand to see it", maxTreeDepth))
		return true
	}
	bad := func(err error) bool {
		t.note(fmt.Sprintf("folder %q", "/"+clip(way)), 0, err)
		return asProblem(err).reason != Limit
	}
	c := &squashCursor{q, q.dirStart + int64(dir.start), int(dir.offset)}
	left := int64(dir.kids)
	for left > 3 { // the size mostly counts "." and ".." as 3
		count, start, n, err := q.folderHead(c)
		if err != nil {
			return bad(err)
		}
		left -= int64(n)
		if count > 255 {
			return bad(fail(Corrupt, "a folder header announces %d entries; get a fresh copy of the image", uint64(count)+1))
		}
		for range count + 1 {
			offset, length, n, err := q.folderEntry(c)
			if err != nil {
				return bad(err)
			}
			name, err := c.read(length + 1)
			if err != nil {
				return bad(err)
			}
			left -= int64(n + len(name))
			if err := t.count(); err != nil {
				return bad(err)
			}
			ref := uint64(start)<<16 | uint64(offset)
			if !q.entry(t, dir.node, string(name), ref, way, depth) {
				return false
			}
		}
	}
	if left < 0 {
		return bad(fail(Corrupt, "a folder holds more than its size; get a fresh copy of the image"))
	}
	return true
}

// folderHead reads the count less one, and the metadata block of the inodes, of a run of entries.
func (q *squash) folderHead(c *squashCursor) (count, start uint32, n int, err error) {
	n = map[int]int{2: 4, 3: 9, 4: 12}[q.major]
	h, err := c.read(n)
	if err != nil {
		return 0, 0, n, err
	}
	switch q.major {
	case 2:
		return uint32(h[0]), bits(q.order, h, 8, 24), n, nil
	case 3:
		return uint32(h[0]), q.order.Uint32(h[1:]), n, nil
	}
	return q.order.Uint32(h), q.order.Uint32(h[4:]), n, nil
}

// folderEntry reads the inode's place in its block and the length less one of the name that follows.
func (q *squash) folderEntry(c *squashCursor) (offset uint32, length, n int, err error) {
	n = map[int]int{2: 3, 3: 5, 4: 8}[q.major]
	h, err := c.read(n)
	if err != nil {
		return 0, 0, n, err
	}
	if q.major < 4 {
		return bits(q.order, h, 0, 13), int(h[2]), n, nil
	}
	return uint32(q.order.Uint16(h)), int(q.order.Uint16(h[6:])), n, nil
}

func (q *squash) entry(t *tree, dir *node, name string, ref uint64, way string, depth int) bool {
	path := way + name
	if n, ok := q.hard[ref]; ok {
		t.add(dir, name, n, 0)
		return true
	}
	if q.seen[ref] {
		t.note(fmt.Sprintf("folder %q", "/"+clip(path)), 0, fail(Refused, "it contains itself; get a fresh copy of the image"))
		return true
	}
	in, err := q.inode(ref)
	if err != nil {
		t.note(fmt.Sprintf("file %q", "/"+clip(path)), 0, err)
		return true
	}
	if !t.add(dir, name, in.node, 0) {
		return true
	}
	if !in.node.mode.IsDir() {
		q.hard[ref] = in.node
		return true
	}
	q.seen[ref] = true
	return q.folder(t, in, path+"/", depth+1)
}

type squashInode struct {
	node   *node
	start  uint32 // of folders: the metadata block
	offset uint32
	kids   uint32 // of folders: bytes of entries, plus 3
}

func (q *squash) id(i uint16) uint32 {
	if int(i) < len(q.ids) {
		return q.ids[i]
	}
	return uint32(i)
}

func (q *squash) inode(ref uint64) (in squashInode, err error) {
	c := &squashCursor{q, q.inodeStart + int64(ref>>16), int(ref & 0xffff)}
	if q.major < 4 {
		return q.oldInode(c)
	}
	h, err := c.read(16)
	if err != nil {
		return in, err
	}
	typ := q.order.Uint16(h)
	n := &node{mode: unixMode(uint32(q.order.Uint16(h[2:])) &^ 0o170000), mtime: time.Unix(int64(q.order.Uint32(h[8:])), 0).UTC(),
		attr: Attr{UID: q.id(q.order.Uint16(h[4:])), GID: q.id(q.order.Uint16(h[6:])), Inode: uint64(q.order.Uint32(h[12:])), Offset: -1}}
	in.node = n
	switch typ {
	case 1:
		if h, err = c.read(16); err != nil {
			return in, err
		}
		n.mode |= fs.ModeDir
		in.start, in.kids, in.offset = q.order.Uint32(h), uint32(q.order.Uint16(h[8:])), uint32(q.order.Uint16(h[10:]))
	case 8:
		if h, err = c.read(24); err != nil {
			return in, err
		}
		n.mode |= fs.ModeDir
		in.kids, in.start, in.offset = q.order.Uint32(h[4:]), q.order.Uint32(h[8:]), uint32(q.order.Uint16(h[18:]))
	case 2:
		if h, err = c.read(16); err != nil {
			return in, err
		}
		f := squashFile{q: q, start: int64(q.order.Uint32(h)), frag: q.order.Uint32(h[4:]), fragOff: q.order.Uint32(h[8:]), size: int64(q.order.Uint32(h[12:]))}
		return in, q.file(c, n, f)
	case 9:
		if h, err = c.read(40); err != nil {
			return in, err
		}
		f := squashFile{q: q, start: int64(q.order.Uint64(h)), size: int64(q.order.Uint64(h[8:])), frag: q.order.Uint32(h[28:]), fragOff: q.order.Uint32(h[32:])}
		return in, q.file(c, n, f)
	case 3, 10:
		if h, err = c.read(8); err != nil {
			return in, err
		}
		size := q.order.Uint32(h[4:])
		if size > maxName {
			return in, fail(Corrupt, "a link target of %d bytes; get a fresh copy of the image", size)
		}
		target, err := c.read(int(size))
		if err != nil {
			return in, err
		}
		n.mode |= fs.ModeSymlink
		n.target, n.size = string(target), int64(size)
	case 4, 5, 11, 12:
		if h, err = c.read(8); err != nil {
			return in, err
		}
		n.mode |= fs.ModeDevice
		if typ == 5 || typ == 12 {
			n.mode |= fs.ModeCharDevice
		}
		n.attr.Major, n.attr.Minor = linuxDev(q.order.Uint32(h[4:]))
	case 6, 13:
		n.mode |= fs.ModeNamedPipe
	case 7, 14:
		n.mode |= fs.ModeSocket
	default:
		return in, fail(Corrupt, "an inode of type %d at 0x%x; get a fresh copy of the image", typ, ref)
	}
	if n.mode.IsDir() {
		n.kids = map[string]*node{}
	}
	return in, nil
}
