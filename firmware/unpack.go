package firmware

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/therootcompany/xz"
)

// blockUnpacker unpacks one block of a file system to at most limit bytes.
type blockUnpacker func(raw []byte, limit int) ([]byte, error)

func squashUnpacker(comp uint16) blockUnpacker {
	switch comp {
	case 1:
		return unzlib
	case 2:
		return newUnlzma()
	case 3:
		return unlzo
	case 4:
		return unxz
	case 5:
		return unlz4
	case 6:
		return newUnzstd()
	}
	return nil
}

// readBlock reads all of r; more than limit bytes are an error.
func readBlock(r io.Reader, limit int) ([]byte, error) {
	var out bytes.Buffer
	out.Grow(min(limit, 128<<10) + bytes.MinRead)
	n, err := out.ReadFrom(io.LimitReader(r, int64(limit)+1))
	if err != nil {
		return nil, err
	}
	if n > int64(limit) {
		return nil, fail(Corrupt, "a block unpacks to more than %d bytes; get a fresh copy of the image", limit)
	}
	return out.Bytes(), nil
}

func unzlib(raw []byte, limit int) ([]byte, error) {
	r, err := zlib.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	return readBlock(r, limit)
}

var xzPool = sync.Pool{New: func() any { r, _ := xz.NewReader(nil, 1<<20+4096); return r }}

func unxz(raw []byte, limit int) ([]byte, error) {
	r := xzPool.Get().(*xz.Reader)
	if err := r.Reset(bytes.NewReader(raw)); err != nil {
		return nil, err
	}
	data, err := readBlock(r, limit)
	if err != nil {
		return nil, err
	}
	xzPool.Put(r)
	return data, nil
}

func unlz4(raw []byte, limit int) ([]byte, error) {
	out := make([]byte, limit)
	n, err := lz4.UncompressBlock(raw, out)
	if err != nil {
		return nil, err
	}
	return out[:n], nil
}

func newUnzstd() blockUnpacker {
	open := sync.OnceValues(func() (*zstd.Decoder, error) {
		return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(2*squashMaxBlock))
	})
	return func(raw []byte, limit int) ([]byte, error) {
		d, err := open()
		if err != nil {
			return nil, err
		}
		out, err := d.DecodeAll(raw, nil)
		if err == nil && len(out) > limit {
			err = fmt.Errorf("a block unpacks to more than %d bytes", limit)
		}
		return out, err
	}
}

var errLZO = errors.New("the lzo data contradicts itself")

// unlzo unpacks an LZO1X stream, the kind that squashfs, jffs2 and ubifs hold.
func unlzo(src []byte, limit int) ([]byte, error) {
	out := make([]byte, 0, min(limit, 128<<10))
	ip := 0
	next := func() int {
		if ip >= len(src) {
			ip = len(src) + 1
			return 0
		}
		ip++
		return int(src[ip-1])
	}
	long := func(base int) int { // lengths continue in zero bytes
		n := base
		for {
			c := next()
			if c != 0 || ip > len(src) || n > limit {
				return n + c
			}
			n += 255
		}
	}
	literals := func(n int) bool {
		if n > len(src)-ip || n > limit-len(out) {
			return false
		}
		out = append(out, src[ip:ip+n]...)
		ip += n
		return true
	}
	match := func(dist, n int) bool {
		if dist > len(out) || dist < 1 || n > limit-len(out) {
			return false
		}
		for range n {
			out = append(out, out[len(out)-dist])
		}
		return true
	}
	state := 0 // literals just copied: 0 none, 1-3 that many, 4 a run
	if len(src) > 0 && src[0] > 17 {
		n := next() - 17
		if !literals(n) {
			return nil, errLZO
		}
		state = min(n, 4)
	}
	for ip <= len(src) {
		t := next()
		var dist, n int
		switch {
		case t >= 64:
			dist, n = (next()<<3|t>>2&7)+1, t>>5+1
		case t >= 32:
			if n = t & 31; n == 0 {
				n = long(31)
			}
			n += 2
			lo := next()
			hi := next()
			dist = (hi<<6 | lo>>2) + 1
			t = lo
		case t >= 16:
			if n = t & 7; n == 0 {
				n = long(7)
			}
			n += 2
			high := t & 8 << 11
			lo := next()
			hi := next()
			dist = high + hi<<6 + lo>>2
			if dist == 0 {
				if ip > len(src) {
					return nil, errLZO
				}
				return out, nil
			}
			dist += 0x4000
			t = lo
		case state == 0:
			if n = t; n == 0 {
				n = long(15)
			}
			if !literals(n + 3) {
				return nil, errLZO
			}
			state = 4
			continue
		case state == 4:
			dist, n = (next()<<2|t>>2)+0x801, 3
		default:
			dist, n = (next()<<2|t>>2)+1, 2
		}
		if ip > len(src) || !match(dist, n) {
			return nil, errLZO
		}
		state = t & 3
		if !literals(state) {
			return nil, errLZO
		}
	}
	return nil, errLZO
}
