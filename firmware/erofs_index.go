package firmware

import mathbits "math/bits"

// The index of a packed EROFS file: one entry for each logical cluster, in full or squeezed into packs.

type erofsIndex struct {
	bits   uint // logical clusters of 1<<bits bytes
	full   bool // entries of 8 bytes
	big    bool // clusters may be stored in more than one block
	two    bool // most entries take two bytes
	raw    []byte
	first  int   // entries of four bytes before those of two
	narrow int   // entries of two bytes
	after  int64 // where the index ends in the image
}

type erofsEntry struct {
	typ    int
	offset uint32 // where in its logical cluster the next one starts
	block  uint32 // where its stored bytes start
	blocks int    // stored blocks, told inside of the cluster
}

// load reads the index of n entries that starts at off.
func (z *erofsIndex) load(s section, off int64, n int) (err error) {
	if z.full {
		off += 8
		z.raw, err = s.bytes(off, int64(n)*8)
		z.after = off + int64(n)*8
		return err
	}
	if z.bits > 14 || z.two && z.bits > 12 {
		return fail(Unsupported, "a packed index of clusters of 2^%d bytes; unpack it with fsck.erofs --extract and give the folder", z.bits)
	}
	z.first = int(32-off%32) / 4 % 8
	if z.two && z.first < n {
		z.narrow = (n - z.first) / 16 * 16
	}
	at, width := z.at(n - 1)
	z.raw, err = s.bytes(off, int64(at+width))
	z.after = off + int64(at+width)
	return err
}

// at gives the pack that holds entry i: where it starts and its width in bytes.
func (z *erofsIndex) at(i int) (start, width int) {
	switch {
	case i < z.first:
		return i * 4 &^ 7, 8
	case i < z.first+z.narrow:
		return z.first*4 + (i-z.first)*2&^31, 32
	}
	return z.first*4 + z.narrow*2 + (i-z.first-z.narrow)*4&^7, 8
}

func (z *erofsIndex) entry(i int) (e erofsEntry, err error) {
	if z.full {
		p := z.raw[i*8:]
		e.typ = int(le.Uint16(p) & 3)
		if e.typ == erofsTypeInside {
			if d := le.Uint16(p[4:]); d&erofsCount != 0 {
				e.blocks = int(d &^ erofsCount)
			}
			return e, nil
		}
		e.offset, e.block = uint32(le.Uint16(p[2:])), le.Uint32(p[4:])
	} else if e, err = z.packed(i); err != nil || e.typ == erofsTypeInside {
		return e, err
	}
	if e.offset >= 1<<z.bits {
		return e, fail(Corrupt, "the index of its clusters contradicts itself; get a fresh copy of the image")
	}
	return e, nil
}

// packed reads an entry of a pack: type and a number for each, and one block from which those of the heads are counted.
func (z *erofsIndex) packed(i int) (e erofsEntry, err error) {
	start, width := z.at(i)
	k, count := 0, 2
	if width == 32 {
		count = 16
		k = (i - z.first) % 16
	} else if i < z.first {
		k = i % 2
	} else {
		k = (i - z.first - z.narrow) % 2
	}
	pack := z.raw[start : start+width]
	lobits := max(int(z.bits), mathbits.Len(erofsCount))
	get := func(k int) (int, uint32) {
		pos := (width - 4) * 8 / count * k
		v := le.Uint32(pack[pos/8:]) >> (pos & 7)
		return int(v >> lobits & 3), v & (1<<lobits - 1)
	}
	typ, lo := get(k)
	e.typ = typ
	if typ == erofsTypeInside {
		if lo&erofsCount != 0 {
			e.blocks = int(lo &^ erofsCount)
		}
		return e, nil
	}
	e.offset = lo
	blocks := uint32(0)
	if !z.big {
		blocks = 1
	}
	for k > 0 {
		k--
		typ, lo := get(k)
		switch {
		case typ != erofsTypeInside:
			blocks++
		case !z.big:
			if k -= int(lo); k >= 0 {
				blocks++
			}
		case lo&erofsCount != 0:
			k--
			blocks += lo &^ erofsCount
		case lo < 2:
			return e, fail(Corrupt, "the index of its clusters contradicts itself; get a fresh copy of the image")
		default:
			k -= int(lo) - 2
		}
	}
	e.block = le.Uint32(pack[width-4:]) + blocks
	return e, nil
}
