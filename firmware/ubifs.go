package firmware

import (
	"bytes"
	"cmp"
	"compress/flate"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"
)

// UBIFS as the kernel defines it in fs/ubifs/ubifs-media.h. The index that the newest master node points at is walked,
// then the journal written after it is played, as a mount does.

const (
	ubifsIno  = 0
	ubifsData = 1
	ubifsDent = 2
	ubifsSB   = 6
	ubifsMst  = 7
	ubifsRef  = 8
	ubifsIdx  = 9
	ubifsCS   = 10
	ubifsPad  = 5
	ubifsTrun = 4

	ubifsBlock = 4096
	ubifsRoot  = 1
	ubifsCrypt = 0x40
)

type ubifs struct {
	b      *builder
	s      section
	leb    int64
	unzstd blockUnpacker

	inodes map[uint32]ubifsPlace
	dents  map[uint32][]ubifsPlace          // by folder
	data   map[uint32]map[uint32]ubifsPlace // by file and block
	nodes  int
}

type ubifsPlace struct {
	off, size int64
	seq       uint64
}

// node reads and checks the node at off.
func (u *ubifs) node(off, size int64) ([]byte, error) {
	if size < 24 || size > 1<<20 {
		return nil, fail(Corrupt, "a node of %d bytes at 0x%x; get a fresh copy of the image", size, off)
	}
	p, err := u.s.bytes(off, size)
	if err != nil {
		return nil, err
	}
	if le.Uint32(p) != 0x06101831 || int64(le.Uint32(p[16:])) > size || le.Uint32(p[16:]) < 24 || ubiCRC(p[8:le.Uint32(p[16:])]) != le.Uint32(p[4:]) {
		return nil, fail(Corrupt, "no whole node at 0x%x; get a fresh copy of the image", off)
	}
	return p[:le.Uint32(p[16:])], nil
}

func (u *ubifs) nodeAt(off int64) ([]byte, error) {
	h, err := u.s.bytes(off, 24)
	if err != nil {
		return nil, err
	}
	return u.node(off, int64(le.Uint32(h[16:])))
}

func parseUBIFS(b *builder, s section) (*piece, error) {
	u := &ubifs{b: b, s: s, unzstd: newUnzstd(), inodes: map[uint32]ubifsPlace{}, dents: map[uint32][]ubifsPlace{},
		data: map[uint32]map[uint32]ubifsPlace{}}
	sb, err := u.nodeAt(0)
	if err != nil {
		return nil, err
	}
	if sb[20] != ubifsSB || len(sb) < 128 {
		return nil, fmt.Errorf("no superblock")
	}
	u.leb = int64(le.Uint32(sb[36:]))
	count, log := int64(le.Uint32(sb[40:])), int64(le.Uint32(sb[56:]))
	if u.leb < 4096 || u.leb > 4<<20 || count < 4 || count > 1<<24 || log > count {
		return nil, fmt.Errorf("erase blocks of %d bytes", u.leb)
	}
	p := &piece{kind: "ubifs", size: min(count*u.leb, s.size), detail: fmt.Sprintf("UBIFS, format %d, %d blocks of %d bytes", le.Uint32(sb[80:]), count, u.leb)}
	t := b.newTree()
	p.tree = t
	if le.Uint32(sb[28:])&8 != 0 { // authenticated: branches carry hashes
		t.note("file system", 0, fail(Unsupported, "authenticated UBIFS is not known; mount a copy to see it"))
		return p, nil
	}
	mst, err := u.master()
	if err != nil {
		t.note("file system", 0, err)
		return p, nil
	}
	if err := u.index(int64(le.Uint32(mst[48:]))*u.leb+int64(le.Uint32(mst[52:])), int64(le.Uint32(mst[56:])), 0); err != nil {
		t.note("index", 0, err)
	}
	if err := u.journal(le.Uint64(mst[32:]), log); err != nil {
		t.note("journal", 0, err)
	}
	root, err := u.inode(ubifsRoot)
	if err != nil {
		t.note("root folder", 0, err)
		return p, nil
	}
	t.root = root
	u.folder(t, ubifsRoot, root, map[uint32]*node{ubifsRoot: root}, "", 0)
	return p, nil
}

// master returns the newest master node; two blocks hold copies.
func (u *ubifs) master() (best []byte, err error) {
	for lnum := int64(1); lnum <= 2; lnum++ {
		for off := lnum * u.leb; off < (lnum+1)*u.leb; {
			p, nerr := u.nodeAt(off)
			if nerr != nil {
				err = nerr
				break
			}
			if p[20] == ubifsMst && len(p) >= 64 && (best == nil || le.Uint64(p[8:]) > le.Uint64(best[8:])) {
				best = p
			}
			off += (int64(len(p)) + 7) &^ 7
			if p[20] == ubifsPad && len(p) >= 28 {
				off += int64(le.Uint32(p[24:]))
			}
		}
	}
	if best == nil {
		return nil, fmt.Errorf("master node: %w", err)
	}
	return best, nil
}

func (u *ubifs) index(off, size int64, depth int) error {
	if depth > 64 {
		return fail(Corrupt, "the index contains itself; get a fresh copy of the image")
	}
	p, err := u.node(off, size)
	if err != nil {
		return err
	}
	n, level := int(le.Uint16(p[24:])), le.Uint16(p[26:])
	if p[20] != ubifsIdx || 28+20*n > len(p) {
		return fail(Corrupt, "an index node at 0x%x is damaged; get a fresh copy of the image", off)
	}
	for e := p[28 : 28+20*n]; len(e) > 0; e = e[20:] {
		at, length := int64(le.Uint32(e))*u.leb+int64(le.Uint32(e[4:])), int64(le.Uint32(e[8:]))
		if level == 0 {
			if err := u.leaf(e[12:20], ubifsPlace{off: at, size: length}); err != nil {
				return err
			}
			continue
		}
		if u.nodes++; u.nodes > 4*u.b.lim.Entries {
			return fail(Limit, "the index has too many nodes; raise Limits.Entries")
		}
		if err := u.index(at, length, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// leaf files a node under its key.
func (u *ubifs) leaf(key []byte, at ubifsPlace) error {
	if u.nodes++; u.nodes > 4*u.b.lim.Entries {
		return fail(Limit, "the index has too many nodes; raise Limits.Entries")
	}
	if u.nodes&0xff == 0 {
		if err := u.b.stopped(); err != nil {
			return err
		}
	}
	ino, low := le.Uint32(key), le.Uint32(key[4:])
	switch low >> 29 {
	case ubifsIno:
		u.inodes[ino] = at
	case ubifsData:
		if u.data[ino] == nil {
			u.data[ino] = map[uint32]ubifsPlace{}
		}
		u.data[ino][low&0x1fffffff] = at
	case ubifsDent:
		u.dents[ino] = append(u.dents[ino], at)
	}
	return nil
}

// journal plays what was written after the commit that the master node names.
func (u *ubifs) journal(commit uint64, log int64) error {
	var start uint64
	var buds []ubifsPlace
	for lnum := int64(3); lnum < 3+log; lnum++ {
		for off := lnum * u.leb; off < (lnum+1)*u.leb; {
			p, err := u.nodeAt(off)
			if err != nil {
				break
			}
			switch {
			case p[20] == ubifsCS && len(p) >= 32 && le.Uint64(p[24:]) == commit:
				start = le.Uint64(p[8:])
			case p[20] == ubifsRef && len(p) >= 32:
				buds = append(buds, ubifsPlace{off: int64(le.Uint32(p[24:]))*u.leb + int64(le.Uint32(p[28:])), seq: le.Uint64(p[8:])})
			}
			off += (int64(len(p)) + 7) &^ 7
			if p[20] == ubifsPad && len(p) >= 28 {
				off += int64(le.Uint32(p[24:]))
			}
		}
	}
	type entry struct {
		key []byte
		at  ubifsPlace
		typ byte
		new uint64
	}
	var list []entry
	for _, bud := range buds {
		if bud.seq < start {
			continue
		}
		for off := bud.off; off < (bud.off/u.leb+1)*u.leb; {
			p, err := u.nodeAt(off)
			if err != nil {
				break
			}
			if len(p) >= 40 && p[20] <= ubifsTrun {
				x := entry{key: bytes.Clone(p[24:32]), at: ubifsPlace{off, int64(len(p)), le.Uint64(p[8:])}, typ: p[20]}
				if p[20] == ubifsTrun && len(p) >= 56 {
					x.new = le.Uint64(p[48:])
				}
				list = append(list, x)
			}
			if len(list) > 4*u.b.lim.Entries {
				return fail(Limit, "the journal is too long; raise Limits.Entries")
			}
			off += (int64(len(p)) + 7) &^ 7
			if p[20] == ubifsPad && len(p) >= 28 {
				off += int64(le.Uint32(p[24:]))
			}
		}
	}
	slices.SortStableFunc(list, func(a, b entry) int { return cmp.Compare(a.at.seq, b.at.seq) })
	for _, x := range list {
		if x.typ == ubifsTrun {
			ino := le.Uint32(x.key)
			for block := range u.data[ino] {
				if uint64(block)*ubifsBlock >= x.new {
					delete(u.data[ino], block)
				}
			}
			continue
		}
		if err := u.leaf(x.key, x.at); err != nil {
			return err
		}
	}
	return nil
}

func (u *ubifs) inode(ino uint32) (*node, error) {
	at, ok := u.inodes[ino]
	if !ok {
		return nil, fail(Corrupt, "inode %d is not in the index; get a fresh copy of the image", ino)
	}
	p, err := u.node(at.off, at.size)
	if err != nil {
		return nil, err
	}
	if p[20] != ubifsIno || len(p) < 160 {
		return nil, fail(Corrupt, "inode %d is damaged; get a fresh copy of the image", ino)
	}
	n := &node{mode: unixMode(le.Uint32(p[104:])), size: int64(le.Uint64(p[48:])), mtime: time.Unix(int64(le.Uint64(p[72:])), 0).UTC(),
		attr: Attr{UID: le.Uint32(p[96:]), GID: le.Uint32(p[100:]), Inode: uint64(ino), Offset: -1}}
	inline := p[160:min(160+int64(le.Uint32(p[112:])), int64(len(p)))]
	switch {
	case n.mode.IsDir():
		n.kids = map[string]*node{}
	case le.Uint32(p[108:])&ubifsCrypt != 0:
		n.open = func() (io.Reader, error) {
			return nil, fail(Encrypted, "the file is encrypted in the file system; ask the maker for its key")
		}
	case n.mode&fs.ModeSymlink != 0:
		n.target = string(inline)
	case n.mode&fs.ModeDevice != 0 && len(inline) >= 4:
		n.attr.Major, n.attr.Minor = linuxDev(le.Uint32(inline))
	case n.mode.IsRegular():
		if n.size < 0 {
			return nil, fail(Corrupt, "a file of %d bytes; get a fresh copy of the image", uint64(n.size))
		}
		n.open = func() (io.Reader, error) { return &ubifsReader{u: u, blocks: u.data[ino], size: n.size}, nil }
	}
	return n, nil
}

func (u *ubifs) folder(t *tree, dir uint32, into *node, made map[uint32]*node, way string, depth int) {
	type entry struct {
		name string
		ino  uint32
		seq  uint64
		off  int64
	}
	newest := map[string]entry{}
	for _, at := range u.dents[dir] {
		p, err := u.node(at.off, at.size)
		if err == nil && (p[20] != ubifsDent || len(p) < 57 || 56+int(le.Uint16(p[50:])) > len(p)) {
			err = fail(Corrupt, "an entry at 0x%x is damaged; get a fresh copy of the image", at.off)
		}
		if err != nil {
			t.note(fmt.Sprintf("folder %q", "/"+clip(way)), at.off, err)
			continue
		}
		e := entry{string(p[56 : 56+int(le.Uint16(p[50:]))]), le.Uint32(p[40:]), le.Uint64(p[8:]), at.off}
		if old, ok := newest[e.name]; !ok || e.seq >= old.seq {
			newest[e.name] = e
		}
	}
	var list []entry
	for _, e := range newest {
		if e.ino != 0 {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
	for _, e := range list {
		path := way + e.name
		if err := t.count(); err != nil {
			t.note(fmt.Sprintf("folder %q", "/"+clip(way)), e.off, err)
			return
		}
		if n := made[e.ino]; n != nil {
			if n.kids != nil {
				t.note(fmt.Sprintf("folder %q", "/"+clip(path)), e.off, fail(Refused, "it is in two places or contains itself; get a fresh copy of the image"))
				continue
			}
			t.add(into, e.name, n, e.off)
			continue
		}
		n, err := u.inode(e.ino)
		if err != nil {
			t.note(fmt.Sprintf("file %q", "/"+clip(path)), e.off, err)
			continue
		}
		made[e.ino] = n
		if !t.add(into, e.name, n, e.off) || n.kids == nil {
			continue
		}
		if depth >= maxTreeDepth {
			t.note(fmt.Sprintf("folder %q", "/"+clip(path)), e.off, fail(Limit, "folders are more than %d deep; mount a copy to see it", maxTreeDepth))
			continue
		}
		u.folder(t, e.ino, n, made, path+"/", depth+1)
	}
}

type ubifsReader struct {
	u      *ubifs
	blocks map[uint32]ubifsPlace
	size   int64
	pos    int64
	buf    []byte
}

func (r *ubifsReader) Read(p []byte) (int, error) {
	if r.pos >= r.size {
		return 0, io.EOF
	}
	if len(r.buf) == 0 {
		buf := make([]byte, min(ubifsBlock, r.size-r.pos))
		if at, ok := r.blocks[uint32(r.pos/ubifsBlock)]; ok {
			data, err := r.u.block(at)
			if err != nil {
				return 0, err
			}
			copy(buf, data)
		}
		r.buf = buf
	}
	n := copy(p, r.buf)
	r.buf = r.buf[n:]
	r.pos += int64(n)
	return n, nil
}

func (u *ubifs) block(at ubifsPlace) ([]byte, error) {
	p, err := u.node(at.off, at.size)
	if err != nil {
		return nil, err
	}
	if p[20] != ubifsData || len(p) < 48 {
		return nil, fail(Corrupt, "a data node at 0x%x is damaged; get a fresh copy of the image", at.off)
	}
	size := int(le.Uint32(p[40:]))
	if size > ubifsBlock {
		return nil, fail(Corrupt, "a data node of %d bytes at 0x%x; get a fresh copy of the image", size, at.off)
	}
	var out []byte
	switch comp := le.Uint16(p[44:]); comp {
	case 0:
		out = p[48:]
	case 1:
		out, err = unlzo(p[48:], size)
	case 2:
		out, err = readBlock(flate.NewReader(bytes.NewReader(p[48:])), size)
	case 3:
		out, err = u.unzstd(p[48:], size)
	default:
		return nil, fail(Unsupported, "compression %d of UBIFS is not known; mount a copy to see it", comp)
	}
	if err != nil {
		return nil, fmt.Errorf("data node at 0x%x: %w", at.off, err)
	}
	if len(out) != size {
		return nil, fail(Corrupt, "a data node at 0x%x unpacks to %d bytes, not %d; get a fresh copy of the image", at.off, len(out), size)
	}
	return out, nil
}
