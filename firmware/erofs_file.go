package firmware

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"slices"
)

// The data of EROFS files: plain, in chunks, or in packed clusters of blocks that an index in the inode describes.

type erofsForm byte

const (
	erofsLZ4 erofsForm = iota
	erofsLZMA
	erofsDeflate
	erofsZstd
	erofsPlain      // as it is
	erofsInterlaced // as it is, turned within its block
	erofsHole       // zeros
	erofsTail       // in the packed file, at offset at
)

// erofsExtent is a run of a file that is stored together.
type erofsExtent struct {
	from int64 // in the file
	at   int64 // of the stored bytes in the image
	size int64 // stored bytes
	form erofsForm
}

type erofsExtents struct {
	f     *erofs
	size  int64
	list  []erofsExtent // by from, the first at 0
	known error         // the first problem that reading all of it will meet
}

const erofsMaxRun = 16 << 20 // what one packed cluster may unpack to; mkfs.erofs makes 12 MiB at most

func (f *erofs) extents(in erofsInode) (*erofsExtents, error) {
	x := &erofsExtents{f: f, size: in.size}
	if in.size == 0 {
		return x, nil
	}
	block := int64(1) << f.bits
	add := func(from, at, size int64, form erofsForm) {
		x.list = append(x.list, erofsExtent{from, at, size, form})
	}
	switch in.layout {
	case 0:
		add(0, int64(in.raw)<<f.bits, in.size, erofsPlain)
	case 2: // the last block follows the inode
		whole := (in.size - 1) / block * block
		if whole > 0 {
			add(0, int64(in.raw)<<f.bits, whole, erofsPlain)
		}
		add(whole, in.tail, in.size-whole, erofsPlain)
	case 4:
		if err := f.chunks(x, in); err != nil {
			return nil, err
		}
	case 1, 3:
		if err := f.clusters(x, in); err != nil {
			return nil, err
		}
	default:
		return nil, fail(Unsupported, "data layout %d; unpack it with fsck.erofs --extract and give the folder", in.layout)
	}
	for i := range x.list {
		if err := x.check(i); err != nil {
			x.known = err
			break
		}
	}
	return x, nil
}

func (x *erofsExtents) check(i int) error {
	e := x.list[i]
	switch {
	case e.form == erofsHole || e.form == erofsTail:
		return nil
	case e.at < 0 || e.at > x.f.s.size || e.size > x.f.s.size-e.at:
		return fail(Truncated, "its data reaches beyond the end; get a whole copy of the image")
	case e.form < erofsPlain && x.end(i)-e.from > erofsMaxRun:
		return fail(Corrupt, "a cluster of %d bytes; get a fresh copy of the image", x.end(i)-e.from)
	}
	return nil
}

func (f *erofs) chunks(x *erofsExtents, in erofsInode) error {
	bits, unit, hole := f.bits+uint(in.raw&31), int64(4), uint32(0xffffffff)
	if in.raw&0x20 != 0 {
		unit = 8
	}
	if bits > 40 {
		return fail(Corrupt, "chunks of 2^%d bytes; get a fresh copy of the image", bits)
	}
	count := (in.size-1)>>bits + 1
	table, err := f.s.bytes((in.tail+unit-1)/unit*unit, count*unit)
	if err != nil {
		return err
	}
	for i := range count {
		e := table[i*unit : i*unit+unit]
		addr := le.Uint32(e[unit-4:])
		if unit == 8 && addr != hole && le.Uint16(e[2:]) != 0 {
			return fail(Unsupported, "its data is on another device; get an image of that too")
		}
		from := i << bits
		run := erofsExtent{from: from, at: int64(addr) << f.bits, size: min(in.size-from, 1<<bits), form: erofsPlain}
		if addr == hole {
			run.at, run.form = 0, erofsHole
		}
		x.list = append(x.list, run)
	}
	return nil
}

// Types of a logical cluster's entry in the index.
const (
	erofsTypePlain = iota
	erofsTypeHead
	erofsTypeInside
	erofsTypeHead2
)

const erofsCount = 1 << 11 // an entry inside a cluster tells the number of its stored blocks

// clusters reads the index of a packed file.
func (f *erofs) clusters(x *erofsExtents, in erofsInode) error {
	base := (in.tail + 7) &^ 7
	h, err := f.s.bytes(base, 8)
	if err != nil {
		return err
	}
	if h[7]&0x80 != 0 { // all of it is in the packed file
		x.list = []erofsExtent{{at: int64(le.Uint64(h) & (1<<63 - 1)), size: in.size, form: erofsTail}}
		return nil
	}
	advise, algorithm := le.Uint16(h[4:]), h[6]
	lbits := f.bits + uint(h[7]&7)
	z := &erofsIndex{bits: lbits, full: in.layout == 1, big: advise&6 != 0, two: advise&1 != 0}
	total := (in.size-1)>>lbits + 1
	if total > f.s.size/2 {
		return fail(Corrupt, "%d clusters; get a fresh copy of the image", total)
	}
	if err := z.load(f.s, base+8, int(total)); err != nil {
		return err
	}
	for i := range int(total) {
		e, err := z.entry(i)
		if err != nil {
			return err
		}
		if e.typ == erofsTypeInside {
			if n := len(x.list); e.blocks > 0 && n > 0 && i > 0 && x.list[n-1].from>>lbits == int64(i-1) {
				x.list[n-1].size = int64(e.blocks) << f.bits
			}
			continue
		}
		run := erofsExtent{from: int64(i)<<lbits + int64(e.offset), at: int64(e.block) << f.bits, size: 1 << lbits, form: erofsForm(algorithm & 15)}
		switch {
		case e.typ == erofsTypeHead2:
			run.form = erofsForm(algorithm >> 4)
		case e.typ == erofsTypePlain && advise&0x10 != 0:
			run.form = erofsInterlaced
		case e.typ == erofsTypePlain:
			run.form = erofsPlain
		}
		if e.typ != erofsTypePlain && run.form > erofsZstd {
			return fail(Unsupported, "compression %d; unpack it with fsck.erofs --extract and give the folder", run.form)
		}
		if run.from < in.size {
			x.list = append(x.list, run)
		}
	}
	if len(x.list) == 0 || x.list[0].from != 0 || !slices.IsSortedFunc(x.list, func(a, b erofsExtent) int { return int(a.from - b.from) }) {
		return fail(Corrupt, "the index of its clusters contradicts itself; get a fresh copy of the image")
	}
	last := &x.list[len(x.list)-1]
	switch {
	case advise&0x20 != 0: // the tail is in the packed file
		high := int64(0)
		if z.full {
			high = last.at >> f.bits << 32
		}
		*last = erofsExtent{from: last.from, at: int64(le.Uint32(h)) | high, size: in.size - last.from, form: erofsTail}
	case advise&8 != 0: // the last cluster follows the index
		last.at, last.size = z.after, int64(le.Uint16(h[2:]))
	}
	return nil
}

func (x *erofsExtents) end(i int) int64 {
	if i+1 < len(x.list) {
		return x.list[i+1].from
	}
	return x.size
}

// ReadAt reads the file's contents.
func (x *erofsExtents) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for n < len(p) && off < x.size {
		i, ok := slices.BinarySearchFunc(x.list, off, func(e erofsExtent, off int64) int { return int(e.from - off) })
		if !ok {
			i--
		}
		e, end := x.list[i], x.end(i)
		q := p[n:min(int64(len(p)), int64(n)+end-off)]
		if err := x.check(i); err != nil {
			return n, err
		}
		switch e.form {
		case erofsHole:
			clear(q)
		case erofsTail:
			packed, err := x.f.packed()
			if err != nil {
				return n, err
			}
			if packed == x || slices.ContainsFunc(packed.list, func(e erofsExtent) bool { return e.form == erofsTail }) {
				return n, fail(Corrupt, "the packed file refers to itself; get a fresh copy of the image")
			}
			if m, err := packed.ReadAt(q, e.at+off-e.from); m < len(q) {
				if err == nil || errors.Is(err, io.EOF) {
					err = fail(Corrupt, "a tail lies outside of the packed file; get a fresh copy of the image")
				}
				return n + m, err
			}
		case erofsPlain:
			if off-e.from+int64(len(q)) > e.size {
				return n, fail(Corrupt, "a stored cluster is shorter than its contents; get a fresh copy of the image")
			}
			if m, err := x.f.s.r.ReadAt(q, e.at+off-e.from); m < len(q) {
				return n + m, err
			}
		default:
			data, err := x.f.cluster(e, end-e.from)
			if err != nil {
				return n, err
			}
			copy(q, data[off-e.from:])
		}
		n += len(q)
		off += int64(len(q))
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

const erofsCached = 4 // clusters kept unpacked

// cluster unpacks one cluster to at least want bytes, and keeps it for the next reads.
func (f *erofs) cluster(e erofsExtent, want int64) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if data := f.cache[e.at]; int64(len(data)) >= want {
		return data, nil
	}
	raw, err := f.s.bytes(e.at, e.size)
	if err != nil {
		return nil, err
	}
	data, err := f.unpack(e, raw, int(want))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) < want {
		return nil, fail(Corrupt, "a cluster at 0x%x unpacks to %d bytes, not %d; get a fresh copy of the image", e.at, len(data), want)
	}
	if len(f.cache) >= erofsCached {
		clear(f.cache)
	}
	f.cache[e.at] = data
	return data, nil
}

func (f *erofs) unpack(e erofsExtent, raw []byte, want int) ([]byte, error) {
	if e.form == erofsInterlaced { // the contents keep their place within the block
		at := min(int(e.from&(1<<f.bits-1)), len(raw))
		return append(bytes.Clone(raw[at:]), raw[:at]...)[:min(want, len(raw))], nil
	}
	if f.padded {
		raw = bytes.TrimLeft(raw, "\x00")
	}
	if len(raw) < 6 {
		return nil, fail(Corrupt, "a cluster at 0x%x is empty; get a fresh copy of the image", e.at)
	}
	switch e.form {
	case erofsLZ4:
		return lz4Block(raw, want)
	case erofsLZMA: // the first byte is the inverse of the properties, in the place of a zero
		p, ok := lzmaPropsOf(^raw[0])
		if !ok {
			return nil, errLZMA
		}
		raw = append([]byte{0}, raw[1:]...)
		out, _, err := lzmaBlock(p, raw, want)
		return out, err
	case erofsDeflate:
		return io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(raw)), int64(want)))
	}
	return f.zstd(raw, erofsMaxRun)
}
