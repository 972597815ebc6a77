package firmware

import (
	"fmt"
	"io"
	"sort"
)

// Android's sparse images (libsparse/sparse_format.h) and boot images (bootimg.h).

type sparseChunk struct {
	start, size int64 // in the image it stands for
	at          int64 // of raw data in the file; -1 for a fill
	fill        [4]byte
}

type sparseReader struct {
	s      section
	chunks []sparseChunk
	size   int64
}

func (r *sparseReader) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for n < len(p) && off < r.size {
		i := sort.Search(len(r.chunks), func(i int) bool { return r.chunks[i].start+r.chunks[i].size > off })
		if i == len(r.chunks) {
			break
		}
		c := r.chunks[i]
		q := p[n:min(int64(len(p)), int64(n)+c.start+c.size-off)]
		if c.at < 0 {
			for k := range q {
				q[k] = c.fill[(off-c.start+int64(k))%4]
			}
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

func parseSparse(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, 28)
	if err != nil {
		return nil, err
	}
	head, chunkHead := int64(le.Uint16(h[8:])), int64(le.Uint16(h[10:]))
	block, blocks, chunks := int64(le.Uint32(h[12:])), int64(le.Uint32(h[16:])), le.Uint32(h[20:])
	if le.Uint16(h[4:]) != 1 || head < 28 || chunkHead < 12 || block < 512 || block > 1<<20 || block%4 != 0 {
		return nil, fmt.Errorf("not a sparse image")
	}
	r := &sparseReader{s: s}
	p := &piece{kind: "android-sparse", detail: fmt.Sprintf("Android sparse image, %d chunks, %d bytes when filled", chunks, block*blocks)}
	off, holes := head, false
	for range chunks {
		if len(r.chunks)&0xfff == 0 && b.stopped() != nil {
			break
		}
		c, err := s.bytes(off, 12)
		if err != nil {
			p.note("android-sparse", off, 0, fail(Truncated, "the list of chunks ends early; get a whole copy of the image"))
			off = s.size
			break
		}
		size, total := int64(le.Uint32(c[4:]))*block, int64(le.Uint32(c[8:]))
		x := sparseChunk{start: r.size, size: size, at: -1}
		body := total - chunkHead
		ok := body >= 0
		switch le.Uint16(c) {
		case 0xcac1:
			x.at, ok = off+chunkHead, ok && body == size
		case 0xcac2:
			w, err := s.bytes(off+chunkHead, 4)
			if err == nil {
				x.fill = [4]byte(w)
			}
			ok = ok && body == 4
		case 0xcac3: // what makers' tools do not agree to count in
			holes = true
		case 0xcac4: // the checksum of what the chunks before it stand for
			x.size = 0
			if w, err := s.bytes(off+chunkHead, 4); err == nil && !holes && r.size <= sparseChecked && crcOf(b, section{r, r.size}) != le.Uint32(w) && b.stopped() == nil {
				p.note("android-sparse", off, 0, fail(Corrupt, "a checksum in it is wrong; get a fresh copy of the image"))
			}
		default:
			ok = false
		}
		if !ok {
			p.note("android-sparse", off, 0, fail(Corrupt, "a chunk contradicts itself; get a fresh copy of the image"))
			break
		}
		off += total
		if off > s.size {
			p.note("android-sparse", off-total, total, fail(Truncated, "a chunk reaches beyond the end; get a whole copy of the image"))
			off = s.size
			break
		}
		if x.size > 0 {
			r.size += x.size
			r.chunks = append(r.chunks, x)
		}
	}
	p.size = min(off, s.size)
	if most := max(4<<30, b.lim.Ratio*p.size); r.size > most {
		p.note("android-sparse", 0, p.size, fail(Limit, "it stands for %d bytes; raise Limits.Ratio if it is meant to", r.size))
		return p, nil
	}
	if r.size > 0 {
		p.views = []view{{"sparse image", section{r, r.size}}}
	}
	return p, nil
}

const sparseChecked = 256 << 20 // a sparse image that stands for more is not held against its checksums

// parseVendorBoot reads the boot image that holds the maker's part of the ramdisk.
func parseVendorBoot(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, 2128)
	if err != nil {
		return nil, err
	}
	version, page := le.Uint32(h[8:]), int64(le.Uint32(h[12:]))
	if version < 3 || version > 4 || page < 2048 || page > 64<<10 || page&(page-1) != 0 {
		return nil, fmt.Errorf("version %d, pages of %d bytes", version, page)
	}
	up := func(n int64) int64 { return (n + page - 1) / page * page }
	p := &piece{kind: "android-boot", name: printable(h[2080:2096]), detail: fmt.Sprintf("Android vendor boot image version %d, command line %q", version, printable(h[28:2076]))}
	off := up(int64(le.Uint32(h[2096:])))
	p.inner = []piece{{size: min(off, s.size), kind: KindHeader}}
	for _, x := range []struct {
		name string
		size int64
	}{{"ramdisk", int64(le.Uint32(h[24:]))}, {"device tree", int64(le.Uint32(h[2100:]))}} {
		if x.size > 0 {
			p.inner = append(p.inner, piece{off: off, size: x.size, kind: "part", name: x.name, scan: true})
			off += up(x.size)
		}
	}
	p.size = off
	if version == 4 && len(h) >= 2128 {
		p.size += up(int64(le.Uint32(h[2112:]))) + up(int64(le.Uint32(h[2124:])))
	}
	return p.cut(s), nil
}

func parseBootImage(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, min(1660, s.size))
	if err != nil || len(h) < 608 {
		return nil, fmt.Errorf("no header")
	}
	type part struct {
		name string
		size int64
	}
	version := le.Uint32(h[40:])
	page := int64(le.Uint32(h[36:]))
	var parts []part
	name, line := "", ""
	u32 := func(o int) int64 {
		if o+4 > len(h) {
			return 0
		}
		return int64(le.Uint32(h[o:]))
	}
	switch {
	case version < 3:
		parts = []part{{"kernel", u32(8)}, {"ramdisk", u32(16)}, {"second", u32(24)}}
		if version >= 1 {
			parts = append(parts, part{"recovery dtbo", u32(1632)})
		}
		if version >= 2 {
			parts = append(parts, part{"device tree", u32(1648)})
		}
		name, line = printable(h[48:64]), printable(h[64:576])
		if version > 2 || page == 0 {
			return nil, fmt.Errorf("version %d", version)
		}
	case version <= 4:
		page = 4096
		parts = []part{{"kernel", u32(8)}, {"ramdisk", u32(12)}}
		if version == 4 {
			parts = append(parts, part{"signature", u32(1580)})
		}
		line = printable(h[44:min(len(h), 1580)])
	default: // before versions, this was the size of a device tree
		parts = []part{{"kernel", u32(8)}, {"ramdisk", u32(16)}, {"second", u32(24)}, {"device tree", u32(40)}}
		name, line = printable(h[48:64]), printable(h[64:576])
		version = 0
	}
	if page < 512 || page > 64<<10 || page&(page-1) != 0 {
		return nil, fmt.Errorf("pages of %d bytes", page)
	}
	p := &piece{kind: "android-boot", name: name, detail: fmt.Sprintf("Android boot image version %d, command line %q", version, line)}
	p.inner = []piece{{size: min(page, s.size), kind: KindHeader}}
	off := page
	for _, x := range parts {
		if x.size == 0 {
			continue
		}
		if off+x.size > s.size {
			p.note(x.name, off, x.size, fail(Truncated, "it reaches beyond the end; get a whole copy of the image"))
			x.size = s.size - off
		}
		if x.size > 0 {
			p.inner = append(p.inner, piece{off: off, size: x.size, kind: "part", name: x.name, scan: true})
		}
		p.size = min(off+x.size, s.size)
		off += (x.size + page - 1) / page * page
	}
	p.size = min(max(p.size, off), s.size)
	return p, nil
}
