package firmware

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"time"
)

// Ext2, ext3 and ext4 as the kernel's Documentation/filesystems/ext4 describes them on disk.

type ext struct {
	b         *builder
	s         section
	block     int64 // bytes
	inodeSize int64
	perGroup  uint32 // inodes
	inodes    uint32
	tables    func(group uint32) (int64, error)
	fileType  bool

	seen map[uint32]*node
}

const (
	extCompressed = 0x1
	extRecover    = 0x4
	extJournalDev = 0x8
	extMetaBG     = 0x10
	ext64         = 0x80
	extKnown      = 0x2 | extRecover | extMetaBG | 0x40 | ext64 | 0x100 | 0x200 | 0x400 | 0x2000 | 0x4000 | 0x8000 | 0x10000 | 0x20000

	extExtents   = 0x80000
	extInline    = 0x10000000
	extEncrypted = 0x800
	extMaxDir    = 64 << 20
)

func parseExt(b *builder, s section) (*piece, error) {
	h, err := s.bytes(1024, 1024)
	if err != nil {
		return nil, err
	}
	x := &ext{b: b, s: s, inodes: le.Uint32(h), perGroup: le.Uint32(h[40:]), inodeSize: 128, seen: map[uint32]*node{}}
	logBlock, perGroup, first := le.Uint32(h[24:]), le.Uint32(h[32:]), le.Uint32(h[20:])
	rev, incompat := le.Uint32(h[76:]), le.Uint32(h[96:])
	if logBlock > 6 || rev > 1 || x.inodes < 11 || x.perGroup == 0 || perGroup == 0 {
		return nil, fmt.Errorf("not a superblock")
	}
	x.block = 1024 << logBlock
	if int64(perGroup) > 8*x.block || int64(x.perGroup) > 8*x.block || first != 0 && (first != 1 || x.block != 1024) {
		return nil, fmt.Errorf("not a superblock")
	}
	blocks, descSize := int64(le.Uint32(h[4:])), int64(32)
	if rev == 1 {
		x.inodeSize = int64(le.Uint16(h[88:]))
	}
	if incompat&ext64 != 0 {
		blocks |= int64(le.Uint32(h[0x150:])) << 32
		descSize = max(int64(le.Uint16(h[254:])), 32)
	}
	size := blocks * x.block
	if x.inodeSize < 128 || x.inodeSize > x.block || x.inodeSize&(x.inodeSize-1) != 0 || descSize > x.block || blocks < 8 || blocks > 1<<46 {
		return nil, fmt.Errorf("not a superblock")
	}
	if groups := (blocks - int64(first) + int64(perGroup) - 1) / int64(perGroup); groups*int64(x.perGroup) != int64(x.inodes) {
		return nil, fmt.Errorf("not a superblock")
	}
	x.fileType = incompat&2 != 0
	kind := "ext2"
	if le.Uint32(h[92:])&4 != 0 {
		kind = "ext3"
	}
	if incompat&0x2c0 != 0 || le.Uint32(h[100:])&0x78 != 0 {
		kind = "ext4"
	}
	p := &piece{kind: Kind(kind), size: size, name: printable(h[120:136]), detail: fmt.Sprintf("%s, %d blocks of %d bytes, %d inodes, %d free, last written %s", kind, blocks, x.block,
		x.inodes, le.Uint32(h[16:]), time.Unix(int64(le.Uint32(h[48:])), 0).UTC().Format(time.DateOnly))}
	t := b.newTree()
	p.tree = t
	if size > s.size {
		p.size = s.size
		t.note("file system", 0, fail(Truncated, "%d of %d bytes are there; get a whole copy of the image", s.size, size))
	}
	if incompat&^extKnown != 0 {
		t.note("file system", 0, fail(Unsupported, "features 0x%x are not known; mount a copy to see it", incompat&^extKnown))
		if incompat&(extCompressed|extJournalDev) != 0 {
			return p, nil
		}
	}
	if incompat&extRecover != 0 {
		t.note("journal", 0, fail(Unsupported, "the last changes are still in the journal and are not shown; run e2fsck on a copy"))
	}
	firstMeta, perBlock := int64(le.Uint32(h[260:])), x.block/descSize
	x.tables = func(g uint32) (int64, error) {
		at := (int64(first)+1)*x.block + int64(g)*descSize
		if meta := int64(g) / perBlock; incompat&extMetaBG != 0 && meta >= firstMeta {
			lead := meta * perBlock
			at = (int64(first) + lead*int64(perGroup)) * x.block
			if sparseSuper(lead) {
				at += x.block
			}
			at += int64(g) % perBlock * descSize
		}
		d, err := x.s.bytes(at, descSize)
		if err != nil {
			return 0, err
		}
		table := int64(le.Uint32(d[8:]))
		if descSize >= 64 {
			table |= int64(le.Uint32(d[0x28:])) << 32
		}
		return table * x.block, nil
	}
	root, err := x.inode(2)
	if err == nil && !root.mode.IsDir() {
		err = fail(Corrupt, "its root is no folder; get a fresh copy of the image")
	}
	if err != nil {
		t.note("root folder", 0, err)
		return p, nil
	}
	t.root = root.node
	x.seen[2] = root.node
	x.folder(t, root, "", 0)
	return p, nil
}

// sparseSuper reports whether a group starts with a copy of the superblock.
func sparseSuper(g int64) bool {
	if g <= 1 {
		return true
	}
	for _, p := range []int64{3, 5, 7} {
		n := g
		for n%p == 0 {
			n /= p
		}
		if n == 1 {
			return true
		}
	}
	return false
}

type extInode struct {
	*node
	raw   []byte
	flags uint32

	inline bool // contents are in the inode
}

func (x *ext) inode(ino uint32) (in extInode, err error) {
	if ino == 0 || ino > x.inodes {
		return in, fail(Corrupt, "inode %d of %d; get a fresh copy of the image", ino, x.inodes)
	}
	table, err := x.tables((ino - 1) / x.perGroup)
	if err != nil {
		return in, err
	}
	r, err := x.s.bytes(table+int64((ino-1)%x.perGroup)*x.inodeSize, x.inodeSize)
	if err != nil {
		return in, err
	}
	mode := uint32(le.Uint16(r))
	n := &node{mode: unixMode(mode), mtime: time.Unix(int64(int32(le.Uint32(r[16:]))), 0).UTC(), size: int64(le.Uint32(r[4:])),
		attr: Attr{UID: uint32(le.Uint16(r[2:])) | uint32(le.Uint16(r[120:]))<<16, GID: uint32(le.Uint16(r[24:])) | uint32(le.Uint16(r[122:]))<<16, Inode: uint64(ino), Offset: -1}}
	in = extInode{node: n, raw: r, flags: le.Uint32(r[32:])}
	_, in.inline = inlineData(r)
	in.inline = in.inline && in.flags&extInline != 0
	if mode == 0 {
		return in, fail(Corrupt, "inode %d is empty but has a name; get a fresh copy of the image", ino)
	}
	if in.flags&extEncrypted != 0 {
		n.open = func() (io.Reader, error) {
			return nil, fail(Encrypted, "the file is encrypted in the file system; ask the maker for its key")
		}
	}
	switch {
	case n.mode.IsRegular():
		n.size |= int64(le.Uint32(r[108:])) << 32
		if n.size < 0 {
			return in, fail(Corrupt, "a file of %d bytes; get a fresh copy of the image", uint64(n.size))
		}
		if n.open == nil {
			n.open = func() (io.Reader, error) { return x.reader(in, n.size) }
		}
	case n.mode.IsDir():
		n.kids = map[string]*node{}
	case n.mode&fs.ModeDevice != 0:
		if d := le.Uint32(r[40:]); d != 0 {
			n.attr.Major, n.attr.Minor = d>>8&0xff, d&0xff
		} else {
			n.attr.Major, n.attr.Minor = linuxDev(le.Uint32(r[44:]))
		}
	case n.mode&fs.ModeSymlink != 0:
		if n.size > maxName {
			return in, fail(Corrupt, "a link target of %d bytes; get a fresh copy of the image", n.size)
		}
		if n.size < 60 && in.flags&extExtents == 0 && !in.inline {
			n.target = string(r[40 : 40+n.size])
			break
		}
		target, err := x.all(in, n.size)
		if err != nil {
			return in, err
		}
		n.target = string(target)
	}
	return in, nil
}

func (x *ext) all(in extInode, size int64) ([]byte, error) {
	if in.flags&extEncrypted != 0 {
		return nil, fail(Encrypted, "it is encrypted in the file system; ask the maker for its key")
	}
	r, err := x.reader(in, size)
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(r, size))
	if err == nil && int64(len(out)) < size {
		err = fail(Truncated, "%d of %d bytes are there; get a whole copy of the image", len(out), size)
	}
	return out, err
}

func (x *ext) folder(t *tree, dir extInode, way string, depth int) bool {
	bad := func(err error) bool {
		t.note(fmt.Sprintf("folder %q", "/"+clip(way)), 0, err)
		return asProblem(err).reason != Limit
	}
	if depth > maxTreeDepth {
		bad(fail(Limit, "folders are more than %d deep; mount a copy to see it", maxTreeDepth))
		return true
	}
	if dir.size > extMaxDir {
		return bad(fail(Limit, "the folder has %d bytes; mount a copy to see it", dir.size))
	}
	data, err := x.all(dir, dir.size)
	if err != nil {
		return bad(err)
	}
	block := int(x.block)
	if dir.inline { // no "." and "..", but the parent's number, then entries; what is in the attribute follows
		if len(data) < 4 {
			return bad(fail(Corrupt, "the folder is too short; get a fresh copy of the image"))
		}
		data, block = data[4:], 56
	}
	for len(data) > 0 {
		chunk := data[:min(block, len(data))]
		data = data[len(chunk):]
		if dir.inline {
			block = len(data)
		}
		for len(chunk) >= 8 {
			ino, size, name := le.Uint32(chunk), int(le.Uint16(chunk[4:])), int(chunk[6])
			if !x.fileType {
				name |= int(chunk[7]) << 8
			}
			if size == 0 && x.block == 65536 {
				size = len(chunk)
			}
			if size < 8 || size > len(chunk) || ino != 0 && name > size-8 {
				if !bad(fail(Corrupt, "an entry of %d bytes; get a fresh copy of the image", size)) {
					return false
				}
				break
			}
			entry := string(chunk[8 : 8+min(name, size-8)])
			chunk = chunk[size:]
			if ino == 0 || entry == "." || entry == ".." {
				continue
			}
			if err := t.count(); err != nil {
				return bad(err)
			}
			if !x.entry(t, dir.node, entry, ino, way, depth) {
				return false
			}
		}
	}
	return true
}

func (x *ext) entry(t *tree, dir *node, name string, ino uint32, way string, depth int) bool {
	if n := x.seen[ino]; n != nil {
		if n.kids != nil {
			t.note(fmt.Sprintf("folder %q", "/"+clip(way+name)), 0, fail(Refused, "it is in two places or contains itself; get a fresh copy of the image"))
			return true
		}
		t.add(dir, name, n, 0)
		return true
	}
	in, err := x.inode(ino)
	if err != nil {
		t.note(fmt.Sprintf("file %q", "/"+clip(way+name)), 0, err)
		return true
	}
	x.seen[ino] = in.node
	if !t.add(dir, name, in.node, 0) || in.kids == nil {
		return true
	}
	return x.folder(t, in, way+name+"/", depth+1)
}

// An extent maps count blocks of a file from first to physical block at; at 0 means zeros.
type extent struct{ first, at, count int64 }

func (x *ext) reader(in extInode, size int64) (io.Reader, error) {
	if in.inline {
		rest, _ := inlineData(in.raw)
		data := append(bytes.Clone(in.raw[40:100]), rest...)
		// The kernel reads zeros behind what is in the inode, and mke2fs writes large holes that way.
		return io.LimitReader(io.MultiReader(bytes.NewReader(data), zeros{}), size), nil
	}
	r := &extReader{x: x, size: size}
	var err error
	last := (size + x.block - 1) / x.block
	if in.flags&extExtents != 0 {
		err = x.extents(in.raw[40:100], 0, &r.extents)
	} else {
		err = x.indirect(in.raw[40:100], last, &r.extents)
	}
	return r, err
}

const extMaxExtents = 4 << 20

func (x *ext) extents(p []byte, depth int, out *[]extent) error {
	if le.Uint16(p) != 0xf30a || depth > 6 {
		return fail(Corrupt, "an extent tree is damaged; get a fresh copy of the image")
	}
	n, level := int(le.Uint16(p[2:])), le.Uint16(p[6:])
	if 12+12*n > len(p) {
		return fail(Corrupt, "an extent tree is damaged; get a fresh copy of the image")
	}
	for e := p[12 : 12+12*n]; len(e) > 0; e = e[12:] {
		if len(*out) >= extMaxExtents {
			return fail(Limit, "a file of more than %d pieces; mount a copy to see it", extMaxExtents)
		}
		if level == 0 {
			count := int64(le.Uint16(e[4:]))
			at := int64(le.Uint16(e[6:]))<<32 | int64(le.Uint32(e[8:]))
			if count > 32768 { // reserved, reads as zeros
				count, at = count-32768, 0
			}
			first := int64(le.Uint32(e))
			if k := len(*out); k > 0 && first < (*out)[k-1].first+(*out)[k-1].count {
				return fail(Corrupt, "extents overlap; get a fresh copy of the image")
			}
			*out = append(*out, extent{first, at, count})
			continue
		}
		sub, err := x.s.bytes((int64(le.Uint16(e[8:]))<<32|int64(le.Uint32(e[4:])))*x.block, x.block)
		if err != nil {
			return err
		}
		if le.Uint16(sub[6:]) != level-1 {
			return fail(Corrupt, "an extent tree is damaged; get a fresh copy of the image")
		}
		if err := x.extents(sub, depth+1, out); err != nil {
			return err
		}
	}
	return nil
}

// indirect reads the older block map: twelve blocks, then blocks of blocks, three levels deep.
func (x *ext) indirect(p []byte, last int64, out *[]extent) error {
	pos := int64(0)
	add := func(at int64) {
		if k := len(*out); at != 0 && k > 0 && (*out)[k-1].first+(*out)[k-1].count == pos && (*out)[k-1].at+(*out)[k-1].count == at {
			(*out)[k-1].count++
		} else if at != 0 {
			*out = append(*out, extent{pos, at, 1})
		}
		pos++
	}
	per := x.block / 4
	var walk func(at int64, level int) error
	walk = func(at int64, level int) error {
		span := int64(1)
		for range level {
			span *= per
		}
		if at == 0 && level > 0 {
			pos += span
			return nil
		}
		if level == 0 {
			add(at)
			return nil
		}
		sub, err := x.s.bytes(at*x.block, x.block)
		if err != nil {
			return err
		}
		for ; len(sub) > 0 && pos < last; sub = sub[4:] {
			if len(*out) >= extMaxExtents {
				return fail(Limit, "a file of more than %d pieces; mount a copy to see it", extMaxExtents)
			}
			if err := walk(int64(le.Uint32(sub)), level-1); err != nil {
				return err
			}
		}
		return nil
	}
	for i := 0; i < 15 && pos < last; i++ {
		if err := walk(int64(le.Uint32(p[4*i:])), max(i-11, 0)); err != nil {
			return err
		}
	}
	return nil
}

// zeros reads as zeros without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

type extReader struct {
	x       *ext
	extents []extent
	size    int64
	pos     int64
}

func (r *extReader) Read(p []byte) (int, error) {
	if r.pos >= r.size {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), r.size-r.pos)]
	bs := r.x.block
	for len(r.extents) > 0 && r.pos >= (r.extents[0].first+r.extents[0].count)*bs {
		r.extents = r.extents[1:]
	}
	hole := r.size
	if len(r.extents) > 0 {
		e := r.extents[0]
		hole = e.first * bs
		if r.pos >= hole {
			p = p[:min(int64(len(p)), (e.first+e.count)*bs-r.pos)]
			if e.at == 0 {
				clear(p)
				r.pos += int64(len(p))
				return len(p), nil
			}
			off := e.at*bs + r.pos - hole
			if off > r.x.s.size-int64(len(p)) {
				return 0, fail(Truncated, "its data at 0x%x is not there; get a whole copy of the image", off)
			}
			n, err := r.x.s.r.ReadAt(p, off)
			r.pos += int64(n)
			if n == len(p) {
				err = nil
			}
			return n, err
		}
	}
	p = p[:min(int64(len(p)), hole-r.pos)]
	clear(p)
	r.pos += int64(len(p))
	return len(p), nil
}

// inlineData is what of a small file does not fit the inode's 60 bytes: the attribute system.data behind them.
func inlineData(raw []byte) ([]byte, bool) {
	if len(raw) < 132 {
		return nil, false
	}
	start := 128 + int(le.Uint16(raw[128:]))
	if start+4 > len(raw) || le.Uint32(raw[start:]) != 0xea020000 {
		return nil, false
	}
	values := raw[start+4:]
	for e := values; len(e) >= 16 && e[0] != 0; {
		name := int(e[0])
		size, at := int(le.Uint32(e[8:])), int(le.Uint16(e[2:]))
		if 16+name > len(e) {
			return nil, false
		}
		if e[1] == 7 && string(e[16:16+name]) == "data" && at+size <= len(values) && at+size >= at {
			return values[at : at+size], true
		}
		step := (16 + name + 3) &^ 3
		if step > len(e) {
			return nil, false
		}
		e = e[step:]
	}
	return nil, false
}
