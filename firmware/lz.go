package firmware

import (
	"bytes"
	"fmt"
	"io"

	"github.com/pierrec/lz4/v4"
)

// parseLZ4 reads a frame of the LZ4 frame format 1.6, whose blocks tell where it ends.
func parseLZ4(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, 7)
	if err != nil {
		return nil, err
	}
	flags := h[4]
	if flags>>6 != 1 || flags&2 != 0 || h[5]&0x8f != 0 || h[5]>>4 < 4 {
		return nil, fmt.Errorf("no frame")
	}
	end := int64(7)
	if flags&8 != 0 {
		end += 8
	}
	if flags&1 != 0 {
		end += 4
	}
	var cut error
	for {
		w, err := s.bytes(end, 4)
		if err != nil {
			end, cut = s.size, io.ErrUnexpectedEOF
			break
		}
		end += 4
		n := int64(le.Uint32(w) & 0x7fffffff)
		if n == 0 {
			break
		}
		if n > 4<<20 {
			return nil, fmt.Errorf("a block of %d bytes", n)
		}
		if end += n; flags&16 != 0 {
			end += 4
		}
	}
	if flags&4 != 0 && cut == nil {
		end += 4
	}
	if end > s.size {
		end = s.size
	}
	data, err := b.inflate(lz4.NewReader(s.sub(0, end).reader(0)), func() int64 { return end })
	return stream(end, data, err, "lz4")
}

// parseLZ4Legacy reads the form that kernels are packed in: blocks of eight megabytes.
func parseLZ4Legacy(b *builder, s section) (*piece, error) {
	const block = 8 << 20
	var out []byte
	end := int64(4)
	for {
		w, err := s.bytes(end, 4)
		n := int64(0)
		if err == nil {
			n = int64(le.Uint32(w))
		}
		if err != nil || n == 0 || n > block+block/200 || n > s.size-end-4 { // the end is not marked
			break
		}
		if int64(len(out)) > b.lim.Memory-b.held {
			return stream(end, out, fail(Limit, "it unpacks to more than %d bytes; unpack it first, or raise Limits.Memory", b.lim.Memory), "lz4, legacy form")
		}
		raw, err := s.bytes(end+4, n)
		if err != nil {
			return nil, err
		}
		part, err := unlz4(raw, block)
		if err != nil {
			break
		}
		out = append(out, part...)
		if end += 4 + n; len(part) < block {
			break
		}
	}
	if len(out) < 64 {
		return nil, fmt.Errorf("no block")
	}
	return stream(end, out, nil, "lz4, legacy form")
}

// parseLzop reads a file of the lzop tool.
func parseLzop(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, 64)
	if err != nil {
		return nil, err
	}
	flags := be.Uint32(h[17:])
	at := 21
	if flags&0x800 != 0 {
		at += 4
	}
	at += 12 // mode and times
	if be.Uint16(h[9:]) < 0x940 {
		return nil, fmt.Errorf("an old version")
	}
	name := int64(h[at])
	off := int64(at) + 1 + name + 4
	if flags&0x40 != 0 {
		return nil, fmt.Errorf("extra fields")
	}
	p := &piece{kind: "lzop"}
	if raw, err := s.bytes(int64(at)+1, name); err == nil {
		p.name = printable(raw)
	}
	var out bytes.Buffer
	for err == nil {
		var w []byte
		if w, err = s.bytes(off, 4); err != nil {
			break
		}
		if off += 4; be.Uint32(w) == 0 {
			break
		}
		full := int64(be.Uint32(w))
		if w, err = s.bytes(off, 4); err != nil {
			break
		}
		packed := int64(be.Uint32(w))
		off += 4
		if full > 64<<20 || packed > full {
			err = fail(Corrupt, "a block of %d bytes; get a fresh copy of the image", full)
			break
		}
		for _, sum := range []uint32{1, 0x100} { // of what comes out, then of what is stored
			if flags&sum != 0 {
				off += 4
			}
		}
		for _, sum := range []uint32{2, 0x200} {
			if flags&sum != 0 && packed < full {
				off += 4
			}
		}
		var raw []byte
		if raw, err = s.bytes(off, packed); err != nil {
			break
		}
		off += packed
		if packed < full {
			raw, err = unlzo(raw, int(full))
		}
		out.Write(raw)
		if int64(out.Len()) > b.lim.Memory-b.held {
			err = fail(Limit, "it unpacks to more than %d bytes; unpack it first, or raise Limits.Memory", b.lim.Memory)
		}
		if serr := b.stopped(); serr != nil {
			err = serr
		}
	}
	q, err := stream(min(off, s.size), out.Bytes(), err, "lzop")
	if q != nil {
		q.name = p.name
	}
	return q, err
}

// lz4Block unpacks a block to at most want bytes. What follows the block is no error, as file systems fill up.
func lz4Block(src []byte, want int) ([]byte, error) {
	out := make([]byte, 0, min(want, 64<<10))
	ip := 0
	long := func(n int) int { // 15 goes on in further bytes
		for n >= 15 && ip < len(src) {
			c := int(src[ip])
			ip++
			if n += c; c < 255 {
				break
			}
		}
		return n
	}
	for ip < len(src) && len(out) < want {
		token := int(src[ip])
		ip++
		n := min(long(token>>4), want-len(out))
		if n > len(src)-ip {
			return out, errLZ4
		}
		out = append(out, src[ip:ip+n]...)
		ip += n
		if len(out) == want || ip == len(src) {
			break
		}
		if len(src)-ip < 2 {
			return out, errLZ4
		}
		dist := int(le.Uint16(src[ip:]))
		ip += 2
		n = min(long(token&15)+4, want-len(out))
		if dist == 0 || dist > len(out) {
			return out, errLZ4
		}
		for range n {
			out = append(out, out[len(out)-dist])
		}
	}
	return out, nil
}

var errLZ4 = fail(Corrupt, "the lz4 data contradicts itself; get a fresh copy of the image")
