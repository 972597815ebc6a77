package firmware

import (
	"cmp"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"slices"
)

// UBI as the kernel defines it in drivers/mtd/ubi/ubi-media.h: erase blocks with headers that say which block of which
// volume they hold.

const ubiLayout = 0x7fffefff // the volume that holds the table of volumes

// ubiCRC is the kernel's crc32 with all ones as start, not inverted at the end.
func ubiCRC(p []byte) uint32 { return ^crc32.ChecksumIEEE(p) }

type ubiBlock struct {
	off  int64 // of the data
	seq  uint64
	size int64 // of the data, static volumes only
}

type ubiVolume struct {
	id     uint32
	name   string
	static bool
	leb    int64
	blocks map[uint32]ubiBlock
	used   uint32 // blocks that a static volume has
}

func parseUBI(b *builder, s section) (*piece, error) {
	head, err := ubiHead(s, 0)
	if err != nil {
		return nil, err
	}
	data := int64(be.Uint32(head[20:]))
	peb := ubiBlockSize(s)
	if peb == 0 || data < 64 || data >= peb {
		return nil, fmt.Errorf("no second erase block")
	}
	p := &piece{kind: "ubi"}
	vols := map[uint32]*ubiVolume{}
	end, empty, bad := int64(0), 0, 0
	for off := int64(0); off+peb <= s.size || off+data < s.size && off == end; off += peb {
		if b.stopped() != nil {
			break
		}
		if _, err := ubiHead(s, off); err != nil {
			if blank(s, off, peb) && off-end < 64*peb { // erased blocks between others belong to the whole
				continue
			}
			if off+peb <= s.size && off-end < 8*peb && ubiAhead(s, off, peb) {
				bad++
				continue
			}
			break
		}
		end = min(off+peb, s.size)
		if !ubiBlockOf(s, off, data, vols, peb) {
			empty++
		}
		if off+peb > s.size {
			p.note("ubi", off, peb, fail(Truncated, "the last erase block is cut; get a whole copy of the image"))
		}
	}
	if bad > 0 {
		p.note("ubi", 0, 0, fail(Corrupt, "%d erase blocks have no header that holds; compare with a second copy", bad))
	}
	p.size = end
	table, named := vols[ubiLayout], 0
	if table != nil {
		named = ubiNames(s, table, vols)
	}
	p.detail = fmt.Sprintf("UBI, erase blocks of %d KiB, %d volumes, %d blocks empty", peb>>10, named, empty)
	for _, id := range slices.Sorted(maps.Keys(vols)) {
		if v := vols[id]; id < ubiLayout {
			p.views = append(p.views, v.view(s, p))
		}
	}
	if len(p.views) == 0 {
		p.note("ubi", 0, 0, fail(Corrupt, "it holds no volume; get a whole copy of the image"))
	}
	return p, nil
}

func ubiHead(s section, off int64) ([]byte, error) {
	h, err := s.bytes(off, 64)
	if err != nil {
		return nil, err
	}
	if string(h[:4]) != "UBI#" || ubiCRC(h[:60]) != be.Uint32(h[60:]) {
		return nil, fmt.Errorf("no header")
	}
	return h, nil
}

func ubiBlockSize(s section) int64 {
	for peb := int64(4 << 10); peb <= 4<<20; peb *= 2 {
		if _, err := ubiHead(s, peb); err == nil {
			return peb
		}
	}
	for peb := int64(16 << 10); peb <= 4<<20; peb *= 2 { // the second may be a bad block
		if _, err := ubiHead(s, 2*peb); err == nil {
			return peb
		}
	}
	return 0
}

func ubiAhead(s section, off, peb int64) bool {
	for i := range int64(8) {
		if _, err := ubiHead(s, off+(i+1)*peb); err == nil {
			return true
		}
	}
	return false
}

// blank reports whether an erase block is erased, or filled with zeros.
func blank(s section, off, n int64) bool {
	p, err := s.bytes(off, min(n, s.size-off))
	if err != nil {
		return false
	}
	return blankBytes(p)
}

// blankBytes reports whether bytes are erased, or filled with zeros.
func blankBytes(p []byte) bool {
	for _, c := range p {
		if c != 0xff && c != 0 {
			return false
		}
	}
	return true
}

// ubiBlockOf files an erase block under its volume.
func ubiBlockOf(s section, off, data int64, vols map[uint32]*ubiVolume, peb int64) bool {
	h, err := s.bytes(off, 64)
	if err != nil {
		return false
	}
	vid, err := s.bytes(off+int64(be.Uint32(h[16:])), 64)
	if err != nil || string(vid[:4]) != "UBI!" || ubiCRC(vid[:60]) != be.Uint32(vid[60:]) {
		return false
	}
	id, lnum := be.Uint32(vid[8:]), be.Uint32(vid[12:])
	pad := int64(be.Uint32(vid[28:]))
	if pad >= peb-data || lnum > 1<<20 || len(vols) > 130 {
		return false
	}
	v := vols[id]
	if v == nil {
		v = &ubiVolume{id: id, leb: peb - data - pad, static: vid[5] == 2, used: be.Uint32(vid[24:]), blocks: map[uint32]ubiBlock{}}
		vols[id] = v
	}
	x := ubiBlock{off: off + data, seq: be.Uint64(vid[40:]), size: min(int64(be.Uint32(vid[20:])), v.leb)}
	old, twice := v.blocks[lnum]
	if twice && old.seq > x.seq {
		return true
	}
	if twice && vid[6] != 0 { // a copy counts only when it is whole
		if raw, err := s.bytes(x.off, x.size); err != nil || ubiCRC(raw) != be.Uint32(vid[32:]) {
			return true
		}
	}
	v.blocks[lnum] = x
	return true
}

func ubiNames(s section, table *ubiVolume, vols map[uint32]*ubiVolume) int {
	first, ok := table.blocks[0]
	if !ok {
		first = table.blocks[1]
	}
	n := 0
	for id := range uint32(128) {
		r, err := s.bytes(first.off+172*int64(id), 172)
		if err != nil || ubiCRC(r[:168]) != be.Uint32(r[168:]) {
			break
		}
		if be.Uint32(r) == 0 {
			continue
		}
		n++
		if v := vols[id]; v != nil {
			v.name = printable(r[16:min(16+int(be.Uint16(r[14:])), 144)])
		}
	}
	return n
}

// view is a volume as one run of bytes; blocks that are nowhere read as erased.
func (v *ubiVolume) view(s section, p *piece) view {
	last := uint32(0)
	for l := range v.blocks {
		last = max(last, l)
	}
	name := fmt.Sprintf("ubi volume %d %q", v.id, v.name)
	r := &ubiReader{s: s, leb: v.leb, blocks: make([]int64, last+1)}
	for i := range r.blocks {
		r.blocks[i] = -1
	}
	for l, x := range v.blocks {
		r.blocks[l] = x.off
	}
	size := v.leb * int64(last+1)
	if v.static {
		if len(v.blocks) < int(v.used) {
			p.note(name, 0, 0, fail(Truncated, "%d of its %d blocks are there; get a whole copy of the image", len(v.blocks), v.used))
		}
		size = v.leb*int64(last) + v.blocks[last].size
	}
	return view{name, section{r, size}}
}

type ubiReader struct {
	s      section
	leb    int64
	blocks []int64
}

func (r *ubiReader) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for n < len(p) {
		l, in := off/r.leb, off%r.leb
		if l >= int64(len(r.blocks)) {
			return n, io.EOF
		}
		q := p[n:min(int64(len(p)), int64(n)+r.leb-in)]
		if at := r.blocks[l]; at < 0 {
			for i := range q {
				q[i] = 0xff
			}
		} else if m, err := r.s.r.ReadAt(q, at+in); m < len(q) {
			return n + m, cmp.Or(err, io.ErrUnexpectedEOF)
		}
		n += len(q)
		off += int64(len(q))
	}
	return n, nil
}
