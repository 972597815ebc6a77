package firmware

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/therootcompany/xz"
)

// countReader counts what was consumed, byte by byte where the reader over it asks for bytes.
type countReader struct {
	r *bufio.Reader
	n int64
}

func (c *countReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

func (c *countReader) ReadByte() (byte, error) {
	x, err := c.r.ReadByte()
	if err == nil {
		c.n++
	}
	return x, err
}

// inflate reads a stream to its end within the limits. On error what came before is returned with it.
func (b *builder) inflate(r io.Reader, consumed func() int64) ([]byte, error) {
	var out bytes.Buffer
	for {
		if err := b.stopped(); err != nil {
			return out.Bytes(), err
		}
		_, err := io.CopyN(&out, r, 256<<10)
		if int64(out.Len())+b.held > b.lim.Memory {
			return out.Bytes(), fail(Limit, "it unpacks to more than %d bytes; unpack it first, or raise Limits.Memory", b.lim.Memory)
		}
		if out.Len() > ratioFloor && int64(out.Len()) > b.lim.Ratio*max(consumed(), 1) {
			return out.Bytes(), fail(Limit, "it unpacks to more than %d times its size; raise Limits.Ratio if it is meant to", b.lim.Ratio)
		}
		switch {
		case errors.Is(err, io.EOF):
			return out.Bytes(), nil
		case errors.Is(err, io.ErrUnexpectedEOF):
			return out.Bytes(), fail(Truncated, "the stream ends early, after %d bytes of output; get a whole copy of the image", int64(out.Len()))
		case err != nil:
			return out.Bytes(), fail(Corrupt, "after %d bytes of output: %v; get a fresh copy of the image", int64(out.Len()), err)
		}
	}
}

// stream makes the piece of a stream that was unpacked. A stream that gives next to nothing before it fails was none.
func stream(size int64, data []byte, err error, detail string) (*piece, error) {
	const enough = 4096
	if err != nil && len(data) < enough && asProblem(err).reason != Truncated && asProblem(err).reason != Limit {
		return nil, err
	}
	if err != nil && len(data) == 0 {
		return nil, err
	}
	return &piece{size: size, detail: detail + fmt.Sprintf(", unpacks to %d bytes", len(data)),
		unpack: func() ([]byte, error) { return data, err }}, nil
}

func parseGzip(b *builder, s section) (*piece, error) {
	c := &countReader{r: bufio.NewReaderSize(s.reader(0), 64<<10)}
	z, err := gzip.NewReader(c)
	if err != nil {
		return nil, err
	}
	z.Multistream(false)
	detail := "gzip"
	if !z.ModTime.IsZero() {
		detail += ", made " + z.ModTime.UTC().Format(time.DateOnly)
	}
	data, err := b.inflate(z, func() int64 { return c.n })
	p, err := stream(c.n, data, err, detail)
	if p != nil {
		p.name = printable([]byte(z.Name))
	}
	return p, err
}

func parseBzip2(b *builder, s section) (*piece, error) {
	c := &countReader{r: bufio.NewReaderSize(s.reader(0), 64<<10)}
	data, err := b.inflate(bzip2.NewReader(c), func() int64 { return c.n })
	size := c.n
	var p *problem
	if errors.As(err, &p) && p.reason == Corrupt && bytes.Contains([]byte(p.why), []byte("bad magic value in continuation file")) {
		err = nil // bytes after the stream's end, of which the reader took two
		size -= 2
	}
	return stream(size, data, err, "bzip2")
}

// xzEnd finds the end of an xz stream: the first footer at a multiple of four whose own checksum and whose index hold.
func xzEnd(s section) (int64, error) {
	const window = 1 << 20
	for pos := int64(12); pos < s.size; pos += window {
		n := min(window+1, s.size-pos)
		buf, err := s.bytes(pos, n)
		if err != nil {
			return 0, err
		}
		for i := 0; i+1 < len(buf); i++ {
			j := bytes.Index(buf[i:], []byte("YZ"))
			if j < 0 {
				break
			}
			i += j
			end := pos + int64(i) + 2
			if end%4 != 0 || end < 24 {
				continue
			}
			f, err := s.bytes(end-12, 12)
			if err != nil || crc32.ChecksumIEEE(f[4:10]) != binary.LittleEndian.Uint32(f) {
				continue
			}
			index := (int64(binary.LittleEndian.Uint32(f[4:])) + 1) * 4
			if first, err := s.bytes(end-12-index, 1); err == nil && first[0] == 0 {
				return end, nil
			}
		}
	}
	return s.size, io.ErrUnexpectedEOF
}

func parseXZ(b *builder, s section) (*piece, error) {
	end, endErr := xzEnd(s)
	z, err := xz.NewReader(s.reader(0), uint32(min(b.lim.Memory, 128<<20)))
	if err != nil {
		return nil, err
	}
	z.Multistream(false)
	data, err := b.inflate(z, func() int64 { return end })
	if errors.Is(err, xz.ErrMemlimit) {
		err = fail(Limit, "its dictionary is larger than %d bytes; unpack it first", min(b.lim.Memory, 128<<20))
	}
	if err == nil && endErr != nil {
		err = fail(Truncated, "the stream has no footer; get a whole copy of the image")
	}
	return stream(end, data, err, "xz")
}

// zstdEnd walks the blocks of a frame (RFC 8878, 3.1.1).
func zstdEnd(s section) (int64, error) {
	h, err := s.bytes(0, 6)
	if err != nil {
		return 0, err
	}
	pos := int64(5)
	single := h[4]&0x20 != 0
	if !single {
		pos++
	}
	pos += []int64{0, 1, 2, 4}[h[4]&3]
	switch {
	case h[4]>>6 == 0 && single:
		pos++
	case h[4]>>6 > 0:
		pos += int64(1) << (h[4] >> 6)
	}
	for {
		x, err := s.bytes(pos, 3)
		if err != nil {
			return s.size, io.ErrUnexpectedEOF
		}
		w := uint32(x[0]) | uint32(x[1])<<8 | uint32(x[2])<<16
		n := int64(w >> 3)
		switch w >> 1 & 3 {
		case 1:
			n = 1
		case 3:
			return 0, fail(Corrupt, "a block of a reserved type; get a fresh copy of the image")
		}
		if pos += 3 + n; pos > s.size {
			return s.size, io.ErrUnexpectedEOF
		}
		if w&1 != 0 {
			break
		}
	}
	if h[4]&4 != 0 {
		pos += 4
	}
	if pos > s.size {
		return s.size, io.ErrUnexpectedEOF
	}
	return pos, nil
}

func parseZstd(b *builder, s section) (*piece, error) {
	end, err := zstdEnd(s)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	z, err := zstd.NewReader(s.sub(0, end).reader(0), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(uint64(b.lim.Memory)), zstd.WithDecoderMaxWindow(128<<20))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	data, err := b.inflate(z, func() int64 { return end })
	return stream(end, data, err, "zstd")
}
