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

// sevenCursor reads a directory; reading on past its end sets bad and gives zeros.
type sevenCursor struct {
	p   []byte
	bad bool
}

func (c *sevenCursor) take(n int64) []byte {
	if n < 0 || n > int64(len(c.p)) {
		c.bad, c.p = true, nil
		return nil
	}
	out := c.p[:n]
	c.p = c.p[n:]
	return out
}

func (c *sevenCursor) byte() byte {
	if p := c.take(1); p != nil {
		return p[0]
	}
	return 0
}

// number reads a number whose first byte tells by its leading ones how many follow.
func (c *sevenCursor) number() int64 {
	first := c.byte()
	v := uint64(0)
	mask := byte(0x80)
	for i := range 8 {
		if first&mask == 0 {
			v |= uint64(first&(mask-1)) << (8 * i)
			break
		}
		v |= uint64(c.byte()) << (8 * i)
		mask >>= 1
	}
	if v > 1<<48 {
		c.bad = true
		return 0
	}
	return int64(v)
}

func (c *sevenCursor) bits(n int) []bool {
	p := c.take(int64(n+7) / 8)
	if p == nil {
		return nil
	}
	out := make([]bool, n)
	for i := range out {
		out[i] = p[i/8]&(0x80>>(i%8)) != 0
	}
	return out
}

// defined reads which of n values are there.
func (c *sevenCursor) defined(n int) []bool {
	if c.byte() == 0 {
		return c.bits(n)
	}
	if n > len(c.p) { // each has at least four bytes
		c.bad = true
		return nil
	}
	out := make([]bool, n)
	for i := range out {
		out[i] = true
	}
	return out
}

// each reads values of some width for those of n that have one.
func (c *sevenCursor) each(n, width int, use func(i int, x []byte)) {
	on := c.defined(n)
	if c.byte() != 0 {
		c.bad = true
	}
	for i := range on {
		if on[i] {
			if x := c.take(int64(width)); x != nil {
				use(i, x)
			}
		}
	}
}

// streams reads where the packed streams lie and how they are packed.
func (z *sevenZip) streams(c *sevenCursor) (folders []sevenFolder, err error) {
	var packed []int64
	pos := int64(0)
	for !c.bad {
		switch c.byte() {
		case 0:
			return folders, nil
		case 6:
			pos = c.number()
			if packed, err = c.packed(); err != nil {
				return nil, err
			}
		case 7:
			if folders, err = c.folders(z.s, pos, packed); err != nil {
				return nil, err
			}
		case 8:
			if err := c.parts(folders); err != nil {
				return nil, err
			}
		default:
			return nil, errSeven
		}
	}
	return nil, errSeven
}

func (c *sevenCursor) packed() (sizes []int64, err error) {
	n := c.number()
	if n > int64(len(c.p)) {
		return nil, errSeven
	}
	for !c.bad {
		switch c.byte() {
		case 0:
			return sizes, nil
		case 9:
			for range n {
				sizes = append(sizes, c.number())
			}
		case 10:
			for _, on := range c.defined(int(n)) {
				if on {
					c.take(4)
				}
			}
		default:
			return nil, errSeven
		}
	}
	return nil, errSeven
}

func (c *sevenCursor) folders(s section, pos int64, packed []int64) ([]sevenFolder, error) {
	if c.byte() != 0x0b {
		return nil, errSeven
	}
	n := c.number()
	if c.byte() != 0 || n > int64(len(c.p)) {
		return nil, errSeven
	}
	folders := make([]sevenFolder, n)
	for i := range folders {
		f := &folders[i]
		streams := f.read(c)
		if c.bad || streams < 1 || streams > int64(len(packed)) {
			return nil, errSeven
		}
		f.raw = s.sub(pos, packed[0])
		for range streams {
			pos += packed[0]
			packed = packed[1:]
		}
	}
	if c.byte() != 0x0c {
		return nil, errSeven
	}
	for i := range folders {
		f := &folders[i]
		for k := range f.sizes {
			f.sizes[k] = c.number()
		}
		f.order()
		f.files = []sevenPart{{size: f.size}}
	}
	for !c.bad {
		switch c.byte() {
		case 0:
			return folders, nil
		case 10:
			for i, on := range c.defined(len(folders)) {
				if on {
					if x := c.take(4); x != nil {
						folders[i].sum, folders[i].summed = le.Uint32(x), true
						folders[i].files[0].sum, folders[i].files[0].summed = le.Uint32(x), true
					}
				}
			}
		default:
			return nil, errSeven
		}
	}
	return nil, errSeven
}

// read reads the coders of a folder and returns the number of packed streams that they take.
func (f *sevenFolder) read(c *sevenCursor) int64 {
	coders := c.number()
	if coders < 1 || coders > 16 {
		c.bad = true
		return 0
	}
	ins, outs := int64(0), int64(0)
	for range coders {
		flag := c.byte()
		x := sevenCoder{}
		for _, b := range c.take(int64(flag & 15)) {
			x.id = x.id<<8 | uint64(b)
		}
		in, out := int64(1), int64(1)
		if flag&0x10 != 0 {
			in, out = c.number(), c.number()
		}
		if in < 1 || in > 16 || out < 1 || out > 16 {
			c.bad = true
			return 0
		}
		if in != 1 || out != 1 {
			f.bad = fail(Unsupported, "it is packed with a filter of several streams (BCJ2); unpack it with 7z and give the folder")
		}
		ins, outs = ins+in, outs+out
		if flag&0x20 != 0 {
			x.props = c.take(c.number())
		}
		f.coders = append(f.coders, x)
	}
	f.sizes = make([]int64, outs)
	from := map[int64]int64{} // by the coder that takes it, the coder that gives it
	for range outs - 1 {
		in, out := c.number(), c.number()
		from[in] = out
	}
	if ins-(outs-1) > 1 {
		for range ins - (outs - 1) {
			c.number()
		}
	}
	taken := map[int64]bool{}
	for _, out := range from {
		taken[out] = true
	}
	for i := range outs { // the one whose output nobody takes is the last
		if !taken[i] {
			f.last = i
		}
	}
	if f.bad == nil {
		f.chain(from)
	}
	return ins - (outs - 1)
}

// chain keeps the order of the coders, from the packed stream to the contents, in their sizes for the time being.
func (f *sevenFolder) chain(from map[int64]int64) {
	var order []int64
	for at := f.last; at >= 0 && at < int64(len(f.coders)) && len(order) <= len(f.coders); {
		order = append(order, at)
		next, ok := from[at]
		if !ok {
			break
		}
		at = next
	}
	if len(order) != len(f.coders) {
		f.bad = errSeven
		return
	}
	for rank, at := range order {
		f.coders[at].size = int64(len(order) - 1 - rank)
	}
}

// order puts the coders in the order of unpacking and gives each the size of its output.
func (f *sevenFolder) order() {
	if f.bad != nil {
		f.size = f.sizes[f.last]
		return
	}
	sorted := make([]sevenCoder, len(f.coders))
	for i, x := range f.coders {
		rank := x.size
		x.size = f.sizes[i]
		sorted[rank] = x
	}
	f.coders = sorted
	f.size = sorted[len(sorted)-1].size
}

// parts reads how the contents of each folder are cut into files.
func (c *sevenCursor) parts(folders []sevenFolder) error {
	typ := c.byte()
	if typ == 0x0d {
		for i := range folders {
			n := c.number()
			if n > int64(len(c.p))+1 {
				return errSeven
			}
			if n != 1 {
				folders[i].files = make([]sevenPart, n)
			}
		}
		typ = c.byte()
	}
	for i := range folders {
		f := &folders[i]
		left := f.size
		for k := range f.files {
			if k == len(f.files)-1 {
				f.files[k].size = left
				break
			}
			if typ == 9 {
				f.files[k].size = c.number()
			}
			if left -= f.files[k].size; left < 0 {
				return errSeven
			}
		}
	}
	if typ == 9 {
		typ = c.byte()
	}
	if typ == 10 {
		var want []*sevenPart
		for i := range folders {
			for k := range folders[i].files {
				if x := &folders[i].files[k]; !x.summed {
					want = append(want, x)
				}
			}
		}
		for i, on := range c.defined(len(want)) {
			if on {
				if x := c.take(4); x != nil {
					want[i].sum, want[i].summed = le.Uint32(x), true
				}
			}
		}
		typ = c.byte()
	}
	if typ != 0 || c.bad {
		return errSeven
	}
	return nil
}

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
