package firmware

import (
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"
	"unicode/utf16"
)

// FAT12, FAT16 and FAT32 as Microsoft's FAT32 File System Specification (version 1.03) describes them.

type fat struct {
	s        section
	bits     int
	table    int64 // offset of the first file allocation table
	data     int64 // offset of cluster 2
	cluster  int64 // bytes
	clusters uint32
	seen     map[uint32]bool // folders by first cluster
}

func parseFAT(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, sector)
	if err != nil {
		return nil, err
	}
	bps, spc := int64(le.Uint16(h[11:])), int64(h[13])
	reserved, fats, root := int64(le.Uint16(h[14:])), int64(h[16]), int64(le.Uint16(h[17:]))
	total, per := int64(le.Uint16(h[19:])), int64(le.Uint16(h[22:]))
	if total == 0 {
		total = int64(le.Uint32(h[32:]))
	}
	first := uint32(0)
	if per == 0 {
		per, first = int64(le.Uint32(h[36:])), le.Uint32(h[44:])
	}
	if h[510] != 0x55 || h[511] != 0xaa || bps < 512 || bps > 4096 || bps&(bps-1) != 0 || spc == 0 || spc&(spc-1) != 0 || reserved == 0 || fats == 0 || fats > 2 || per == 0 || total < 16 || h[21] < 0xf0 && h[21] != 0 {
		return nil, fmt.Errorf("not a boot sector")
	}
	rootSectors := (root*32 + bps - 1) / bps
	dataSectors := total - reserved - fats*per - rootSectors
	if dataSectors <= 0 {
		return nil, fmt.Errorf("no data")
	}
	f := &fat{s: s, cluster: bps * spc, clusters: uint32(min(dataSectors/spc, 1<<28)) + 2, table: reserved * bps, data: (reserved + fats*per + rootSectors) * bps, seen: map[uint32]bool{}}
	switch {
	case f.clusters < 4085+2:
		f.bits = 12
	case f.clusters < 65525+2:
		f.bits = 16
	default:
		f.bits = 32
	}
	label := h[43:54]
	if f.bits == 32 {
		label = h[71:82]
	}
	p := &piece{kind: "fat", size: total * bps, name: printable(label), detail: fmt.Sprintf("FAT%d, %d clusters of %d bytes", f.bits, f.clusters-2, f.cluster)}
	t := b.newTree()
	p.tree = t
	if p.size > s.size {
		t.note("file system", 0, fail(Truncated, "%d of %d bytes are there; get a whole copy of the image", s.size, p.size))
		p.size = s.size
	}
	var dir []byte
	if f.bits == 32 {
		f.seen[first] = true
		dir, err = f.chain(first, 64<<20)
	} else {
		dir, err = s.bytes((reserved+fats*per)*bps, root*32)
	}
	if err != nil {
		t.note("root folder", 0, err)
	}
	f.folder(t, dir, t.root, "", 0)
	return p, nil
}

func (f *fat) next(c uint32) (uint32, bool, error) {
	at, n := f.table+int64(c)*int64(f.bits)/8, int64(f.bits+7)/8
	p, err := f.s.bytes(at, n)
	if err != nil {
		return 0, false, err
	}
	var v, end uint32
	switch f.bits {
	case 12:
		v, end = uint32(le.Uint16(p)), 0xff8
		if c&1 != 0 {
			v >>= 4
		}
		v &= 0xfff
	case 16:
		v, end = uint32(le.Uint16(p)), 0xfff8
	default:
		v, end = le.Uint32(p)&0xfffffff, 0xffffff8
	}
	if v >= end {
		return 0, true, nil
	}
	if v < 2 || v >= f.clusters {
		return 0, false, fail(Corrupt, "a chain of clusters leads to %d; get a fresh copy of the image", v)
	}
	return v, false, nil
}

// chain reads a whole chain of at most limit bytes.
func (f *fat) chain(c uint32, limit int64) ([]byte, error) {
	var out []byte
	for {
		if c < 2 || c >= f.clusters {
			return out, fail(Corrupt, "a chain of clusters starts at %d; get a fresh copy of the image", c)
		}
		if int64(len(out)) >= limit {
			return out, fail(Corrupt, "a folder of more than %d bytes, or a chain that bites its tail; get a fresh copy of the image", limit)
		}
		p, err := f.s.bytes(f.data+int64(c-2)*f.cluster, f.cluster)
		if err != nil {
			return out, err
		}
		out = append(out, p...)
		next, end, err := f.next(c)
		if err != nil || end {
			return out, err
		}
		c = next
	}
}

func (f *fat) folder(t *tree, dir []byte, into *node, way string, depth int) {
	bad := func(err error) { t.note(fmt.Sprintf("folder %q", "/"+clip(way)), 0, err) }
	if depth > maxTreeDepth {
		bad(fail(Limit, "folders are more than %d deep; mount a copy to see it", maxTreeDepth))
		return
	}
	var long []uint16
	for ; len(dir) >= 32 && dir[0] != 0; dir = dir[32:] {
		e := dir[:32]
		if e[0] == 0xe5 {
			long = nil
			continue
		}
		if e[11]&0x3f == 0x0f { // a part of a long name, last part first
			if e[0]&0x40 != 0 {
				long = nil
			}
			var part []uint16
			for _, o := range []int{1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30} {
				part = append(part, le.Uint16(e[o:]))
			}
			if long = append(part, long...); len(long) > 20*13 {
				long = nil
			}
			continue
		}
		name := fatName(e)
		if len(long) > 0 {
			for i, c := range long {
				if c == 0 {
					long = long[:i]
					break
				}
			}
			name, long = string(utf16.Decode(long)), nil
		}
		if e[11]&8 != 0 || name == "." || name == ".." {
			continue
		}
		if err := t.count(); err != nil {
			bad(err)
			return
		}
		first := uint32(le.Uint16(e[26:]))
		if f.bits == 32 {
			first |= uint32(le.Uint16(e[20:])) << 16
		}
		size := int64(le.Uint32(e[28:]))
		n := &node{mode: 0o755, size: size, mtime: fatTime(le.Uint16(e[24:]), le.Uint16(e[22:])), attr: Attr{Offset: -1}}
		if e[11]&1 != 0 {
			n.mode = 0o555
		}
		if e[11]&16 == 0 {
			n.open = func() (io.Reader, error) { return &fatReader{f: f, next: first, left: size}, nil }
			t.add(into, name, n, 0)
			continue
		}
		n.mode, n.size, n.kids = fs.ModeDir|0o755, 0, map[string]*node{}
		if !t.add(into, name, n, 0) {
			continue
		}
		if f.seen[first] {
			bad(fail(Refused, "%q is in two places or contains itself; get a fresh copy of the image", clip(name)))
			continue
		}
		f.seen[first] = true
		list, err := f.chain(first, 64<<20)
		if err != nil {
			t.note(fmt.Sprintf("folder %q", "/"+clip(way+name)), 0, err)
		}
		f.folder(t, list, n, way+name+"/", depth+1)
	}
}

// fatName is the short name, in lower case where the entry says so.
func fatName(e []byte) string {
	base, ext := strings.TrimRight(string(e[:8]), " "), strings.TrimRight(string(e[8:11]), " ")
	if e[12]&8 != 0 {
		base = strings.ToLower(base)
	}
	if e[12]&16 != 0 {
		ext = strings.ToLower(ext)
	}
	if len(base) > 0 && base[0] == 5 {
		base = "\xe5" + base[1:]
	}
	if ext != "" {
		base += "." + ext
	}
	return base
}

func fatTime(d, t uint16) time.Time {
	return time.Date(1980+int(d>>9), time.Month(d>>5&15), int(d&31), int(t>>11), int(t>>5&63), int(t&31)*2, 0, time.UTC)
}

type fatReader struct {
	f    *fat
	next uint32
	left int64
	buf  []byte
}

func (r *fatReader) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, io.EOF
	}
	if len(r.buf) == 0 {
		if r.next < 2 || r.next >= r.f.clusters {
			return 0, fail(Corrupt, "a chain of clusters ends early; get a fresh copy of the image")
		}
		var err error
		if r.buf, err = r.f.s.bytes(r.f.data+int64(r.next-2)*r.f.cluster, min(r.f.cluster, r.left)); err != nil {
			return 0, err
		}
		next, end, err := r.f.next(r.next)
		if err != nil && r.left > r.f.cluster {
			return 0, err
		}
		if r.next = next; end {
			r.next = 0
		}
	}
	n := copy(p, r.buf)
	r.buf = r.buf[n:]
	r.left -= int64(n)
	return n, nil
}
