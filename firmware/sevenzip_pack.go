package firmware

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/flate"
	"errors"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/therootcompany/xz"
)

// Methods of 7-Zip, by id.
const (
	sevenCopy    = 0
	sevenDelta   = 3
	sevenLZMA2   = 0x21
	sevenLZMA    = 0x030101
	sevenDeflate = 0x040108
	sevenBzip2   = 0x040202
	sevenZstd    = 0x04f71101
	sevenAES     = 0x06f10701
)

// sevenFilters gives the number of a filter in xz.
var sevenFilters = map[uint64]byte{sevenDelta: 3, 4: 4, 5: 5, 6: 6, 7: 7, 8: 8, 9: 9,
	0x03030103: 4, 0x03030205: 5, 0x03030401: 6, 0x03030501: 7, 0x03030701: 8, 0x03030805: 9}

// unpack unpacks a folder. On error what came before is returned with it.
func (z *sevenZip) unpack(f *sevenFolder) ([]byte, error) {
	if f.bad != nil {
		return nil, f.bad
	}
	var r io.Reader = f.raw.reader(0)
	for i := 0; i < len(f.coders); i++ {
		c := f.coders[i]
		var err error
		switch filter, ok := sevenFilters[c.id]; {
		case ok:
			r, err = sevenFilter(r, filter, c.props)
		case c.id == sevenLZMA:
			r, err = sevenUnlzma(r, c)
		case c.id == sevenLZMA2 && len(c.props) == 1:
			r, err = xzStream(r, []byte{0x21, 1, xzDict(c.props[0], c.size)})
		case c.id == sevenCopy:
		case c.id == sevenDeflate:
			r = flate.NewReader(r)
		case c.id == sevenBzip2:
			r = bzip2.NewReader(r)
		case c.id == sevenZstd:
			var d *zstd.Decoder
			if d, err = zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(128<<20)); err == nil {
				defer d.Close()
				r = d
			}
		case c.id == sevenAES:
			err = fail(Encrypted, "the archive is encrypted; ask the maker for its password")
		default:
			err = fail(Unsupported, "compression method %x; unpack it with 7z and give the folder", c.id)
		}
		if err != nil {
			return nil, err
		}
		r = io.LimitReader(r, c.size)
	}
	data, err := io.ReadAll(r) // no more than the folder's size, for which memory is kept
	var p *problem
	switch {
	case errors.As(err, &p):
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		err = fail(Corrupt, "after %d bytes of output: %v; get a fresh copy of it", len(data), err)
	case int64(len(data)) < f.size:
		err = fail(Truncated, "its contents end after %d of %d bytes; get a whole copy of it", len(data), f.size)
	case f.summed && crc32.ChecksumIEEE(data) != f.sum:
		err = fail(Corrupt, "the checksum of its contents is wrong; get a fresh copy of it")
	}
	return data, err
}

func sevenUnlzma(r io.Reader, c sevenCoder) (io.Reader, error) {
	if len(c.props) != 5 {
		return nil, errSeven
	}
	p, ok := lzmaPropsOf(c.props[0])
	if !ok {
		return nil, errSeven
	}
	buf := make([]byte, 64<<10)
	d := &lzmaDecoder{limit: int(c.size), more: func() ([]byte, error) {
		n, err := r.Read(buf)
		return buf[:n], err
	}}
	d.reset(p)
	err := d.decode(func() error { return nil })
	return io.MultiReader(bytes.NewReader(d.out), errReader{err}), nil
}

// errReader ends with an error, or plainly without one.
type errReader struct{ err error }

func (e errReader) Read([]byte) (int, error) {
	if e.err == nil {
		return 0, io.EOF
	}
	return 0, e.err
}

// xzDict gives the smallest dictionary that serves for size bytes, in the form of LZMA2's property.
func xzDict(prop byte, size int64) byte {
	for p := range prop {
		if int64(2|p&1)<<(p/2+11) >= size {
			return p
		}
	}
	return prop
}

// xzStream puts the head of an xz stream with the given filters before packed data, so that the reader of xz reads it.
func xzStream(r io.Reader, filters ...[]byte) (io.Reader, error) {
	head := []byte("\xfd7zXZ\x00\x00\x00")
	head = le.AppendUint32(head, crc32.ChecksumIEEE(head[6:]))
	block := []byte{0, byte(len(filters) - 1)}
	for _, f := range filters {
		block = append(block, f...)
	}
	for len(block)%4 != 0 {
		block = append(block, 0)
	}
	block[0] = byte(len(block) / 4)
	block = le.AppendUint32(block, crc32.ChecksumIEEE(block))
	out, err := xz.NewReader(bufio.NewReader(io.MultiReader(bytes.NewReader(append(head, block...)), r)), 128<<20)
	if errors.Is(err, xz.ErrMemlimit) {
		err = fail(Limit, "its dictionary is larger than %d bytes; unpack it with 7z and give the folder", 128<<20)
	}
	return out, err
}

// sevenFilter undoes a filter: the data goes through the reader of xz as if it were packed.
func sevenFilter(r io.Reader, filter byte, props []byte) (io.Reader, error) {
	if len(props) > 8 || filter == 3 && len(props) != 1 {
		return nil, errSeven
	}
	own := append([]byte{filter, byte(len(props))}, props...)
	return xzStream(&unpacked{r: r}, own, []byte{0x21, 1, 16})
}

// unpacked gives plain data as LZMA2 stores what cannot be packed.
type unpacked struct {
	r    io.Reader
	buf  []byte
	rest []byte
	next byte
	done bool
}

func (u *unpacked) Read(p []byte) (int, error) {
	if len(u.rest) == 0 {
		if u.done {
			return 0, io.EOF
		}
		if u.buf == nil {
			u.buf, u.next = make([]byte, 3+64<<10), 1
		}
		n, err := io.ReadFull(u.r, u.buf[3:])
		switch {
		case err == io.EOF:
			u.rest, u.done = []byte{0}, true
		case err != nil && err != io.ErrUnexpectedEOF:
			return 0, err
		default:
			u.buf[0], u.next = u.next, 2
			be.PutUint16(u.buf[1:], uint16(n-1))
			u.rest = u.buf[:3+n]
		}
	}
	n := copy(p, u.rest)
	u.rest = u.rest[n:]
	return n, nil
}
