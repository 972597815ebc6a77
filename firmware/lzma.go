package firmware

import (
	"encoding/binary"
	"fmt"
	"io"
	"sync/atomic"
)

// LZMA as the LZMA specification of the 7-Zip SDK (lzma-specification.txt) describes it. Our own reader, since vendors
// leave out the header, its size field or the end mark, and since the exact end of a stream inside a dump is wanted.

// lzmaProps are the three parameters of a stream.
type lzmaProps struct{ lc, lp, pb uint }

func lzmaPropsOf(b byte) (lzmaProps, bool) {
	if b >= 225 {
		return lzmaProps{}, false
	}
	return lzmaProps{uint(b) % 9, uint(b) / 9 % 5, uint(b) / 45}, true
}

type lzmaLen struct {
	choice, choice2 uint16
	low, mid        [16][8]uint16
	high            [256]uint16
}

type lzmaDecoder struct {
	in   []byte // at hand
	pos  int
	more func() ([]byte, error) // the next input, nil or empty at the end; may be nil
	base int64                  // input consumed before in
	eof  bool                   // input was wanted after its end

	code, span uint32
	out        []byte
	limit      int

	p        lzmaProps
	lit      []uint16
	isMatch  [12][16]uint16
	isRep    [12]uint16
	isG0     [12]uint16
	isG1     [12]uint16
	isG2     [12]uint16
	isLong   [12][16]uint16
	slot     [4][64]uint16
	special  [128]uint16
	align    [16]uint16
	lens     lzmaLen
	repLens  lzmaLen
	finished bool // the end mark was seen
}

func fill(p []uint16) {
	for i := range p {
		p[i] = 1024
	}
}

func (l *lzmaLen) reset() {
	l.choice, l.choice2 = 1024, 1024
	for i := range l.low {
		fill(l.low[i][:])
		fill(l.mid[i][:])
	}
	fill(l.high[:])
}

func (d *lzmaDecoder) reset(p lzmaProps) {
	d.p = p
	d.lit = make([]uint16, 0x300<<(p.lc+p.lp))
	fill(d.lit)
	for i := range d.isMatch {
		fill(d.isMatch[i][:])
		fill(d.isLong[i][:])
	}
	for i := range d.slot {
		fill(d.slot[i][:])
	}
	for _, a := range [][]uint16{d.isRep[:], d.isG0[:], d.isG1[:], d.isG2[:], d.special[:], d.align[:]} {
		fill(a)
	}
	d.lens.reset()
	d.repLens.reset()
}

func (d *lzmaDecoder) next() byte {
	if d.pos < len(d.in) {
		d.pos++
		return d.in[d.pos-1]
	}
	return d.refill()
}

func (d *lzmaDecoder) refill() byte {
	if d.more != nil && !d.eof {
		d.base += int64(len(d.in))
		d.pos = 0
		if in, err := d.more(); err == nil && len(in) > 0 {
			d.in, d.pos = in, 1
			return in[0]
		}
		d.in = nil
	}
	d.eof = true
	return 0
}

func (d *lzmaDecoder) bit(p *uint16) uint32 {
	if d.span < 1<<24 {
		d.span <<= 8
		d.code = d.code<<8 | uint32(d.next())
	}
	bound := d.span >> 11 * uint32(*p)
	if d.code < bound {
		d.span = bound
		*p += (2048 - *p) >> 5
		return 0
	}
	d.span -= bound
	d.code -= bound
	*p -= *p >> 5
	return 1
}

func (d *lzmaDecoder) tree(p []uint16, bits int) uint32 {
	m := uint32(1)
	for range bits {
		m = m<<1 | d.bit(&p[m])
	}
	return m - 1<<bits
}

func (d *lzmaDecoder) reverse(p []uint16, bits int) uint32 {
	m, v := uint32(1), uint32(0)
	for i := range bits {
		b := d.bit(&p[m])
		m = m<<1 | b
		v |= b << i
	}
	return v
}

func (d *lzmaDecoder) direct(bits int) uint32 {
	v := uint32(0)
	for range bits {
		if d.span < 1<<24 {
			d.span <<= 8
			d.code = d.code<<8 | uint32(d.next())
		}
		d.span >>= 1
		if d.code >= d.span {
			d.code -= d.span
			v = v<<1 | 1
		} else {
			v <<= 1
		}
	}
	return v
}

func (d *lzmaDecoder) length(l *lzmaLen, state uint32) int {
	switch {
	case d.bit(&l.choice) == 0:
		return int(d.tree(l.low[state][:], 3)) + 2
	case d.bit(&l.choice2) == 0:
		return int(d.tree(l.mid[state][:], 3)) + 10
	}
	return int(d.tree(l.high[:], 8)) + 18
}

var errLZMA = fail(Corrupt, "the lzma data contradicts itself; get a fresh copy of the image")

// decode reads until limit bytes of output, the end mark, or the end of the input.
func (d *lzmaDecoder) decode(stop func() error) error {
	if d.next() != 0 {
		return errLZMA
	}
	d.span, d.code = 0xffffffff, 0
	for range 4 {
		d.code = d.code<<8 | uint32(d.next())
	}
	var state uint32
	var r0, r1, r2, r3 uint32
	litMask, posMask := uint32(1)<<d.p.lp-1, uint32(1)<<d.p.pb-1
	const chunk = 1 << 20
	check := len(d.out) + chunk
	for len(d.out) < d.limit && !d.eof {
		if len(d.out) >= check {
			check += chunk
			if err := stop(); err != nil {
				return err
			}
		}
		at := uint32(len(d.out))
		ps := at & posMask
		if d.bit(&d.isMatch[state][ps]) == 0 {
			prev := uint32(0)
			if at > 0 {
				prev = uint32(d.out[at-1])
			}
			p := d.lit[0x300*((at&litMask)<<d.p.lc+prev>>(8-d.p.lc)):]
			sym := uint32(1)
			if state >= 7 {
				m := uint32(d.out[at-r0-1])
				for sym < 0x100 {
					mb := m >> 7 & 1
					m <<= 1
					b := d.bit(&p[(1+mb)<<8+sym])
					sym = sym<<1 | b
					if mb != b {
						break
					}
				}
			}
			for sym < 0x100 {
				sym = sym<<1 | d.bit(&p[sym])
			}
			if d.eof {
				break
			}
			d.out = append(d.out, byte(sym))
			switch {
			case state < 4:
				state = 0
			case state < 10:
				state -= 3
			default:
				state -= 6
			}
			continue
		}
		var n int
		if d.bit(&d.isRep[state]) != 0 {
			if at == 0 {
				return errLZMA
			}
			if d.bit(&d.isG0[state]) == 0 {
				if d.bit(&d.isLong[state][ps]) == 0 {
					if d.eof || r0 >= at {
						break
					}
					d.out = append(d.out, d.out[at-r0-1])
					state = lzmaNext(state, 9)
					continue
				}
			} else {
				var dist uint32
				if d.bit(&d.isG1[state]) == 0 {
					dist = r1
				} else {
					if d.bit(&d.isG2[state]) == 0 {
						dist = r2
					} else {
						dist, r3 = r3, r2
					}
					r2 = r1
				}
				r0, r1 = dist, r0
			}
			n = d.length(&d.repLens, ps)
			state = lzmaNext(state, 8)
		} else {
			r1, r2, r3 = r0, r1, r2
			n = d.length(&d.lens, ps)
			state = lzmaNext(state, 7)
			r0 = d.distance(min(n-2, 3))
			if r0 == 0xffffffff {
				d.finished = true
				return nil
			}
		}
		if d.eof {
			break
		}
		if r0 >= at {
			return errLZMA
		}
		n = min(n, d.limit-len(d.out))
		if int(r0)+1 >= n {
			from := int(at - r0 - 1)
			d.out = append(d.out, d.out[from:from+n]...)
			continue
		}
		for range n {
			d.out = append(d.out, d.out[uint32(len(d.out))-r0-1])
		}
	}
	return nil
}

func lzmaNext(state, lit uint32) uint32 {
	if state < 7 {
		return lit
	}
	return []uint32{7: 10, 8: 11, 9: 11}[lit]
}

func (d *lzmaDecoder) distance(lenState int) uint32 {
	slot := d.tree(d.slot[lenState][:], 6)
	if slot < 4 {
		return slot
	}
	bits := int(slot>>1) - 1
	dist := (2 | slot&1) << bits
	if slot < 14 {
		m := uint32(1)
		base := dist - slot
		for i := range bits {
			b := d.bit(&d.special[base+m])
			m = m<<1 | b
			dist += b << i
		}
		return dist
	}
	dist += d.direct(bits-4) << 4
	return dist + d.reverse(d.align[:], 4)
}

// lzmaBlock unpacks a stream without header.
func lzmaBlock(p lzmaProps, raw []byte, limit int) ([]byte, *lzmaDecoder, error) {
	d := &lzmaDecoder{in: raw, limit: limit, out: make([]byte, 0, min(limit, 64<<10))}
	d.reset(p)
	err := d.decode(func() error { return nil })
	return d.out, d, err
}

// parseLZMA reads a stream in the form of the lzma tool: properties, dictionary, size or all ones, data.
func parseLZMA(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, 14)
	if err != nil {
		return nil, err
	}
	p, ok := lzmaPropsOf(h[0])
	dict, size := binary.LittleEndian.Uint32(h[1:]), binary.LittleEndian.Uint64(h[5:])
	known := size != 1<<64-1
	if !ok || h[13] != 0 || dict < 4096 || dict > 1<<29 || dict&(dict-1) != 0 && dict&(dict-1)&((dict&(dict-1))-1) != 0 || known && (size > 1<<31 || size < 64) {
		return nil, errLZMA
	}
	// What is no stream shows it soon: try a little first.
	head, err := s.bytes(13, min(s.size-13, 8<<10))
	if err != nil {
		return nil, err
	}
	try, d, err := lzmaBlock(p, head, int(min(size, 8<<10)))
	if err != nil && len(try) < 4096 || !d.finished && len(try) < 64 || s.stats(try).repeated && len(try) > 1000 {
		return nil, errLZMA
	}
	limit := b.lim.Memory - b.held
	if known {
		limit = min(limit, int64(size))
	}
	pos := int64(13)
	buf := make([]byte, 64<<10)
	d = &lzmaDecoder{limit: int(max(limit, 0)), more: func() ([]byte, error) {
		n, err := s.r.ReadAt(buf[:min(int64(len(buf)), s.size-pos)], pos)
		pos += int64(n)
		if n > 0 {
			err = nil
		}
		return buf[:n], err
	}}
	d.reset(p)
	err = d.decode(func() error {
		if used := d.base + int64(d.pos); len(d.out) > ratioFloor && int64(len(d.out)) > b.lim.Ratio*used {
			return fail(Limit, "it unpacks to more than %d times its size; raise Limits.Ratio if it is meant to", b.lim.Ratio)
		}
		return b.stopped()
	})
	used := 13 + d.base + int64(d.pos)
	switch {
	case err != nil:
	case known && uint64(len(d.out)) == size:
		if d.span < 1<<24 { // the encoder writes the byte that the last step would take
			used = min(used+1, s.size)
		}
	case d.finished && !known:
	case d.finished:
		err = fail(Corrupt, "the stream ends after %d of %d bytes; get a fresh copy of the image", len(d.out), size)
	case d.eof:
		err = io.ErrUnexpectedEOF
		used = s.size
		if known {
			err = fail(Truncated, "%d of %d bytes come out before the input ends; get a whole copy of the image", len(d.out), size)
		}
	default:
		err = fail(Limit, "it unpacks to more than %d bytes; unpack it first, or raise Limits.Memory", limit)
	}
	return stream(used, d.out, err, fmt.Sprintf("lzma, lc %d lp %d pb %d, dictionary %d KiB", p.lc, p.lp, p.pb, dict>>10))
}

func (s section) stats(p []byte) stats {
	var count [256]int64
	for _, c := range p {
		count[c]++
	}
	return summarise(&count)
}

// newUnlzma returns an unpacker for the blocks of a file system. Vendors leave out parts of the header: the form that
// fits the first block is kept for the others.
func newUnlzma() blockUnpacker {
	type form struct {
		skip  int
		props func(raw []byte) (lzmaProps, bool)
	}
	first := func(raw []byte) (lzmaProps, bool) { return lzmaPropsOf(raw[0]) }
	forms := []form{{13, first}, {5, first}}
	fixed := func(p lzmaProps) {
		forms = append(forms, form{0, func([]byte) (lzmaProps, bool) { return p, true }})
	}
	fixed(lzmaProps{3, 0, 2})
	for b := range 225 {
		if p, _ := lzmaPropsOf(byte(b)); p.lc+p.lp <= 4 && p != (lzmaProps{3, 0, 2}) {
			fixed(p)
		}
	}
	forms = append(forms, form{1, first}, form{9, first},
		form{4, func(raw []byte) (lzmaProps, bool) { // pb, lc, lp and one more byte
			p := lzmaProps{uint(raw[1]), uint(raw[2]), uint(raw[0])}
			return p, p.lc <= 8 && p.lp <= 4 && p.pb <= 4
		}})
	unpack := func(f form, raw []byte, limit int) ([]byte, bool) {
		if len(raw) < f.skip+6 || raw[f.skip] != 0 {
			return nil, false
		}
		p, ok := f.props(raw)
		if !ok {
			return nil, false
		}
		if f.skip == 13 {
			if size := binary.LittleEndian.Uint64(raw[5:]); size <= uint64(limit) {
				limit = int(size)
			} else if size != 1<<64-1 {
				return nil, false
			}
		}
		out, d, err := lzmaBlock(p, raw[f.skip:], limit)
		if err != nil || f.skip == 13 && limit < squashMetaSize && len(out) < limit {
			return nil, false
		}
		// All of the block must have been of use, save an end mark behind a size that is known.
		left := len(raw) - f.skip - d.pos
		return out, left <= 16 && len(out) > 0
	}
	var found atomic.Pointer[form]
	return func(raw []byte, limit int) ([]byte, error) {
		if f := found.Load(); f != nil {
			if out, ok := unpack(*f, raw, limit); ok {
				return out, nil
			}
			return nil, errLZMA
		}
		for i := range forms {
			if out, ok := unpack(forms[i], raw, limit); ok {
				found.CompareAndSwap(nil, &forms[i])
				return out, nil
			}
		}
		return nil, errLZMA
	}
}
