package firmware

import (
	"fmt"
	"io"
	"io/fs"
	"unicode/utf16"
)

// ExFAT as Microsoft's exFAT file system specification describes it.

type exfat struct {
	s        section
	table    int64 // offset of the first file allocation table
	data     int64 // offset of cluster 2
	cluster  int64 // bytes
	clusters uint32
	seen     map[uint32]bool // folders by first cluster
}

// exfatRun is where the contents of a file or folder lie.
type exfatRun struct {
	first    uint32
	inOneRun bool  // no chain in the table
	valid    int64 // bytes written; the rest of size reads as zeros
	size     int64 // -1 for as long as the chain is
}

func parseExFAT(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, sector)
	if err != nil {
		return nil, err
	}
	shift, per := uint(h[108]), uint(h[109])
	if h[510] != 0x55 || h[511] != 0xaa || shift < 9 || shift > 12 || shift+per > 25 || h[110] < 1 || h[110] > 2 {
		return nil, fmt.Errorf("not a boot sector")
	}
	f := &exfat{s: s, cluster: 1 << (shift + per), clusters: le.Uint32(h[92:]) + 2, seen: map[uint32]bool{},
		table: int64(le.Uint32(h[80:])) << shift, data: int64(le.Uint32(h[88:])) << shift}
	sectors := le.Uint64(h[72:])
	if sectors == 0 || sectors > 1<<40 || f.clusters < 3 || f.clusters > 0xfffffff7 {
		return nil, fmt.Errorf("%d sectors", sectors)
	}
	p := &piece{kind: "exfat", size: int64(sectors) << shift, detail: fmt.Sprintf("exFAT, %d clusters of %d bytes", f.clusters-2, f.cluster)}
	t := b.newTree()
	p.tree = t
	if p.size > s.size {
		t.note("file system", 0, fail(Truncated, "%d of %d bytes are there; get a whole copy of the image", s.size, p.size))
		p.size = s.size
	}
	f.s = s.sub(0, p.size)
	f.checksum(t, int64(1)<<shift)
	root := le.Uint32(h[96:])
	f.seen[root] = true
	list, err := f.all(exfatRun{first: root, size: -1})
	if err != nil {
		t.note("root folder", 0, err)
	}
	f.folder(t, list, t.root, p, "", 0)
	return p, nil
}

// checksum holds the boot sectors against the sum in the twelfth, which leaves out what changes in use.
func (f *exfat) checksum(t *tree, sec int64) {
	h, err := f.s.bytes(0, 12*sec)
	if err != nil {
		return // said as cut
	}
	sum := uint32(0)
	for i, c := range h[:11*sec] {
		if i != 106 && i != 107 && i != 112 {
			sum = (sum<<31 | sum>>1) + uint32(c)
		}
	}
	if le.Uint32(h[11*sec:]) != sum {
		t.note("file system", 0, fail(Corrupt, "the checksum of its boot sectors is wrong; get a fresh copy of the image"))
	}
}

// next gives the cluster after c in a chain, and whether c is the last.
func (f *exfat) next(c uint32) (uint32, bool, error) {
	p, err := f.s.bytes(f.table+int64(c)*4, 4)
	if err != nil {
		return 0, false, err
	}
	v := le.Uint32(p)
	if v == 0xffffffff {
		return 0, true, nil
	}
	if v < 2 || v >= f.clusters {
		return 0, false, fail(Corrupt, "a chain of clusters leads to %d; get a fresh copy of the image", v)
	}
	return v, false, nil
}

// all reads a folder, which may be as long as its chain.
func (f *exfat) all(run exfatRun) ([]byte, error) {
	const most = 64 << 20
	if run.size > most {
		return nil, fail(Limit, "a folder of %d bytes; mount a copy to see it", run.size)
	}
	r := &exfatReader{f: f, run: run, at: run.first, left: run.size}
	if run.size < 0 {
		r.left = most
	}
	data, err := io.ReadAll(r)
	if len(data) == most {
		err = fail(Corrupt, "a folder of more than %d bytes, or a chain that bites its tail; get a fresh copy of the image", most)
	}
	return data, err
}

func (f *exfat) folder(t *tree, dir []byte, into *node, p *piece, way string, depth int) {
	bad := func(err error) { t.note(fmt.Sprintf("folder %q", "/"+clip(way)), 0, err) }
	if depth > maxTreeDepth {
		bad(fail(Limit, "folders are more than %d deep; mount a copy to see it", maxTreeDepth))
		return
	}
	for ; len(dir) >= 32 && dir[0] != 0; dir = dir[32:] {
		switch e := dir[:32]; e[0] {
		case 0x83: // the name of the volume
			if n := int(e[1]); way == "" && n <= 11 {
				p.name = printable([]byte(utf16Text(e[2 : 2+2*n])))
			}
		case 0x85:
			n := 32 * (int(e[1]) + 1)
			if n < 3*32 || n > len(dir) || !exfatSum(dir[:n]) {
				bad(fail(Corrupt, "an entry's checksum is wrong; get a fresh copy of the image"))
				continue
			}
			if err := t.count(); err != nil {
				bad(err)
				return
			}
			if err := f.entry(t, dir[:n], into, p, way, depth); err != nil {
				bad(err)
			}
			dir = dir[n-32:]
		}
	}
}

func exfatSum(set []byte) bool {
	sum := uint16(0)
	for i, c := range set {
		if i != 2 && i != 3 {
			sum = (sum<<15 | sum>>1) + uint16(c)
		}
	}
	return sum == le.Uint16(set[2:])
}

// entry adds what a set of records describes: the file, its contents, its name.
func (f *exfat) entry(t *tree, set []byte, into *node, p *piece, way string, depth int) error {
	x := set[32:64]
	if x[0] != 0xc0 {
		return fail(Corrupt, "an entry without contents; get a fresh copy of the image")
	}
	var name []byte
	for e := set[64:]; len(e) > 0 && e[0] == 0xc1; e = e[32:] {
		name = append(name, e[2:32]...)
	}
	if chars := 2 * int(x[3]); chars <= len(name) {
		name = name[:chars]
	}
	path := utf16Text(name)
	size, valid := le.Uint64(x[24:]), le.Uint64(x[8:])
	if size > 1<<48 || valid > size {
		return fail(Corrupt, "%q has %d bytes; get a fresh copy of the image", clip(path), size)
	}
	run := exfatRun{first: le.Uint32(x[20:]), inOneRun: x[1]&2 != 0, valid: int64(valid), size: int64(size)}
	n := &node{mode: 0o755, size: run.size, mtime: fatTime(le.Uint16(set[14:]), le.Uint16(set[12:])), attr: Attr{Offset: -1}}
	if set[4]&1 != 0 {
		n.mode = 0o555
	}
	if set[4]&16 == 0 {
		n.open = func() (io.Reader, error) {
			return &exfatReader{f: f, run: run, at: run.first, left: run.size}, nil
		}
		if run.size > (int64(f.clusters)-2)*f.cluster {
			return fail(Corrupt, "%q has %d bytes, more than there are; get a fresh copy of the image", clip(path), size)
		}
		if run.inOneRun && run.valid == run.size && run.size > 0 && run.first >= 2 {
			n.attr.Offset = f.data + int64(run.first-2)*f.cluster
		}
		t.add(into, path, n, 0)
		return nil
	}
	n.mode, n.size, n.kids = fs.ModeDir|0o755, 0, map[string]*node{}
	if !t.add(into, path, n, 0) || run.size == 0 {
		return nil
	}
	if f.seen[run.first] {
		return fail(Refused, "%q is in two places or contains itself; get a fresh copy of the image", clip(path))
	}
	f.seen[run.first] = true
	list, err := f.all(run)
	if err != nil {
		t.note(fmt.Sprintf("folder %q", "/"+clip(way+path)), 0, err)
	}
	f.folder(t, list, n, p, way+path+"/", depth+1)
	return nil
}

func utf16Text(p []byte) string {
	var u []uint16
	for ; len(p) >= 2; p = p[2:] {
		u = append(u, le.Uint16(p))
	}
	return string(utf16.Decode(u))
}

type exfatReader struct {
	f    *exfat
	run  exfatRun
	at   uint32 // the next cluster; 0 at the end of the chain
	done int64
	left int64
	buf  []byte
}

func (r *exfatReader) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, io.EOF
	}
	if len(r.buf) == 0 {
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.buf)
	r.buf = r.buf[n:]
	r.left -= int64(n)
	r.done += int64(n)
	return n, nil
}

func (r *exfatReader) fill() (err error) {
	f := r.f
	n := min(f.cluster, r.left)
	if r.run.size >= 0 && r.done >= r.run.valid { // allocated and never written
		r.buf = make([]byte, n)
		return nil
	}
	if r.at == 0 && r.run.size < 0 {
		return io.EOF
	}
	if r.at < 2 || r.at >= f.clusters {
		return fail(Corrupt, "a chain of clusters ends early; get a fresh copy of the image")
	}
	if r.buf, err = f.s.bytes(f.data+int64(r.at-2)*f.cluster, n); err != nil {
		return err
	}
	if over := r.done + n - r.run.valid; r.run.size >= 0 && over > 0 {
		clear(r.buf[n-over:])
	}
	if r.run.inOneRun {
		r.at++
		return nil
	}
	next, end, err := f.next(r.at)
	if err != nil && r.left > n {
		return err
	}
	if r.at = next; end {
		r.at = 0
	}
	return nil
}
