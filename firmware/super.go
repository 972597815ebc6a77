package firmware

import (
	"crypto/sha256"
	"fmt"
	"io"
	"sort"
	"strings"
)

// Android's dynamic partitions as liblp's metadata_format.h describes them, and the metadata of Android Verified Boot
// (avb_vbmeta_image.h, avb_footer.h).

const (
	superGeometry = 4096
	superTables   = 3 * 4096 // after two copies of the geometry
	maxExtents    = 1 << 16
)

// lpReader reads a partition that lies in several runs.
type lpReader struct {
	s    section
	runs []sparseChunk // at -1: zeros
	size int64
}

func (r *lpReader) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for n < len(p) && off < r.size {
		i := sort.Search(len(r.runs), func(i int) bool { return r.runs[i].start+r.runs[i].size > off })
		c := r.runs[i]
		q := p[n:min(int64(len(p)), int64(n)+c.start+c.size-off)]
		if c.at < 0 {
			clear(q)
		} else if m, err := r.s.r.ReadAt(q, c.at+off-c.start); m < len(q) {
			return n + m, err
		}
		n += len(q)
		off += int64(len(q))
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

type lpTable struct{ off, count, size int64 }

func (t lpTable) entry(tables []byte, i int64) []byte {
	return tables[t.off+i*t.size : t.off+(i+1)*t.size]
}

func parseSuper(b *builder, s section) (*piece, error) {
	g, err := s.bytes(superGeometry, 52)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(append(append(append([]byte{}, g[:8]...), make([]byte, 32)...), g[40:]...))
	if string(sum[:]) != string(g[8:40]) {
		return nil, fmt.Errorf("checksum of the geometry")
	}
	most, slots := int64(le.Uint32(g[40:])), int64(le.Uint32(g[44:]))
	h, err := s.bytes(superTables, 128)
	if err != nil {
		return nil, err
	}
	head, size := int64(le.Uint32(h[8:])), int64(le.Uint32(h[44:]))
	p := &piece{kind: "android-super", scan: true, size: superTables}
	if string(h[:4]) != "0PLA" || head < 128 || head > 4096 || size > most || most > 4<<20 || slots > 16 {
		p.note("android-super", superTables, 0, fail(Corrupt, "its table of partitions has no header; get a fresh copy of the image"))
		return p, nil
	}
	tables, err := s.bytes(superTables+head, size)
	if err != nil {
		p.note("android-super", superTables, size, err)
		p.size = s.size
		return p, nil
	}
	if sum := sha256.Sum256(tables); string(sum[:]) != string(h[48:80]) {
		p.note("android-super", superTables, size, fail(Corrupt, "the checksum of its table of partitions is wrong; get a fresh copy of the image"))
	}
	var list [4]lpTable // partitions, extents, groups, devices
	for i := range list {
		d := h[80+12*i:]
		list[i] = lpTable{int64(le.Uint32(d)), int64(le.Uint32(d[4:])), int64(le.Uint32(d[8:]))}
		if x := list[i]; x.count > maxExtents || x.size > 4096 || x.off+x.count*x.size > size || x.size < []int64{52, 24, 48, 64}[i] {
			return nil, fmt.Errorf("table %d", i)
		}
	}
	p.inner = []piece{{size: min(superTables+slots*2*most, s.size), kind: KindHeader}}
	p.size = p.inner[0].size
	if list[3].count > 0 {
		p.size = max(p.size, int64(min(le.Uint64(list[3].entry(tables, 0)[16:]), 1<<46)))
	}
	p = p.cut(s)
	var words []string
	for i := range list[0].count {
		e := list[0].entry(tables, i)
		name, first, count := printable(e[:36]), int64(le.Uint32(e[40:])), int64(le.Uint32(e[44:]))
		words = append(words, name)
		if first+count > list[1].count {
			p.note("partition "+name, superTables, 0, fail(Corrupt, "it names extents that are not there; get a fresh copy of the image"))
			continue
		}
		r := &lpReader{s: s}
		for k := range count {
			x := list[1].entry(tables, first+k)
			run := sparseChunk{start: r.size, size: int64(min(le.Uint64(x), 1<<40)) * sector, at: -1}
			if le.Uint32(x[8:]) == 0 {
				run.at = int64(min(le.Uint64(x[12:]), 1<<40)) * sector
				if le.Uint32(x[20:]) != 0 || run.at+run.size > s.size {
					p.note("partition "+name, superTables, 0, fail(Truncated, "it lies beyond the end or on another device; get a whole copy of the image"))
					run.size = 0
				}
			}
			if run.size > 0 {
				r.size += run.size
				r.runs = append(r.runs, run)
			}
		}
		p.lpPartition(b, name, r)
	}
	p.detail = fmt.Sprintf("Android dynamic partitions: %s", strings.Join(words, ", "))
	return p, nil
}

// lpPartition adds a partition: in its place where it lies in one piece, else as a space of its own.
func (p *piece) lpPartition(b *builder, name string, r *lpReader) {
	if len(r.runs) == 0 {
		return
	}
	if len(r.runs) == 1 && r.runs[0].at >= 0 {
		x := r.runs[0]
		q := piece{off: x.at, size: x.size, kind: "partition", name: name, scan: true}
		q.avb(section{io.NewSectionReader(r.s.r, x.at, x.size), x.size})
		p.inner = append(p.inner, q)
		return
	}
	if most := max(4<<30, b.lim.Ratio*p.size); r.size > most {
		p.note("partition "+name, 0, 0, fail(Limit, "it stands for %d bytes; raise Limits.Ratio if it is meant to", r.size))
		return
	}
	for _, x := range r.runs {
		if x.at >= 0 {
			p.inner = append(p.inner, piece{off: x.at, size: x.size, kind: "extent", name: name})
		}
	}
	p.views = append(p.views, view{"partition " + name, section{r, r.size}})
}

var avbAlgorithms = []string{"unsigned", "SHA256_RSA2048", "SHA256_RSA4096", "SHA256_RSA8192", "SHA512_RSA2048", "SHA512_RSA4096", "SHA512_RSA8192", "MLDSA65", "MLDSA87"}

// parseVBMeta reads the metadata of Android Verified Boot.
func parseVBMeta(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, 256)
	if err != nil {
		return nil, err
	}
	auth, aux, algorithm := be.Uint64(h[12:]), be.Uint64(h[20:]), be.Uint32(h[28:])
	if be.Uint32(h[4:]) != 1 || auth > 1<<20 || aux > 1<<20 || int(algorithm) >= len(avbAlgorithms) {
		return nil, fmt.Errorf("no header")
	}
	words := []string{"Android Verified Boot metadata", avbAlgorithms[algorithm]}
	flags := be.Uint32(h[120:])
	if flags&1 != 0 {
		words = append(words, "hash trees switched off")
	}
	if flags&2 != 0 {
		words = append(words, "verification switched off")
	}
	if v := printable(h[128:176]); v != "" {
		words = append(words, "made by "+v)
	}
	p := &piece{kind: "avb", size: 256 + int64(auth+aux), detail: strings.Join(words, ", ")}
	return p.cut(s), nil
}

// avb cuts a partition that ends in a footer of Android Verified Boot: contents, hash tree, metadata, filling, footer.
func (p *piece) avb(s section) {
	const foot = 64
	f, err := s.bytes(s.size-foot, foot)
	if err != nil || string(f[:4]) != "AVBf" {
		return
	}
	image, at, size := be.Uint64(f[12:]), be.Uint64(f[20:]), be.Uint64(f[28:])
	if image > at || at > uint64(s.size) || size > uint64(s.size)-at || at+size > uint64(s.size)-foot {
		return
	}
	base := p.off
	if image > 0 {
		p.inner = append(p.inner, piece{off: base, size: int64(image), kind: "contents", scan: true})
	}
	if at > image {
		p.inner = append(p.inner, piece{off: base + int64(image), size: int64(at - image), kind: "hash-tree", detail: "of Android Verified Boot, with error correction"})
	}
	meta := s.sub(int64(at), int64(size))
	if q, err := parseVBMeta(nil, meta); err == nil {
		p.inner = append(p.inner, piece{off: base + int64(at), size: int64(size), kind: q.kind, detail: q.detail})
	}
	p.inner = append(p.inner, piece{off: base + s.size - foot, size: foot, kind: "avb-footer"})
}
