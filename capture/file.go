package capture

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Bounds of a capture file. A length that a header claims beyond these is taken
// for damage, never allocated.
const (
	maxFrame      = 256 << 10 // bytes of one recorded packet; tcpdump's own bound
	maxInterfaces = 4096      // of a pcapng section
	maxZstdWindow = 16 << 20
	readBuffer    = 512 << 10
)

// frame is one recorded packet. Its data are valid until the next is read.
type frame struct {
	n    int64 // from 1, as every reader of captures counts
	at   int64 // nanoseconds since 1970; 0 where the file does not say
	link uint32
	data []byte
	wire int // its length when it was sent
}

// fileReader gives the frames of a capture file.
type fileReader struct {
	format, compression string

	b       *bufio.Reader
	closers []func()
	order   binary.ByteOrder
	held    int // bytes of the block before that are yet to be discarded
	n       int64
	read    int64
	max     int64

	ifaces []iface // of a pcap file the only one
	ns     bool
	extra  int // bytes of a record's header beyond 16
}

type iface struct {
	link   uint32
	snap   uint32
	resol  byte // if_tsresol
	offset int64
}

// openFile looks at how a file begins.
func openFile(r io.Reader, max int64) (*fileReader, error) {
	f := &fileReader{b: bufio.NewReaderSize(r, readBuffer), max: max}
	head, _ := f.b.Peek(4)
	switch {
	case len(head) >= 2 && head[0] == 0x1f && head[1] == 0x8b:
		z, err := gzip.NewReader(f.b)
		if err != nil {
			return nil, fmt.Errorf("%w: broken gzip: %w", ErrFormat, err)
		}
		f.compression, f.b = "gzip", bufio.NewReaderSize(z, readBuffer)
	case len(head) == 4 && binary.LittleEndian.Uint32(head) == 0xfd2fb528:
		z, err := zstd.NewReader(f.b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxZstdWindow))
		if err != nil {
			return nil, fmt.Errorf("%w: broken zstd: %w", ErrFormat, err)
		}
		f.closers = append(f.closers, z.Close)
		f.compression, f.b = "zstd", bufio.NewReaderSize(z, readBuffer)
	}
	if err := f.begin(); err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

func (f *fileReader) close() {
	for _, c := range f.closers {
		c()
	}
}

func (f *fileReader) begin() error {
	head, err := f.b.Peek(24)
	if len(head) < 12 {
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("%w: %w", ErrFormat, err)
		}
		return fmt.Errorf("%w: it is too short", ErrFormat)
	}
	if binary.LittleEndian.Uint32(head) == blockSection {
		f.format = "pcapng"
		return f.checkSection(head)
	}
	f.format = "pcap"
	switch le, be := binary.LittleEndian.Uint32(head), binary.BigEndian.Uint32(head); {
	case le == 0xa1b2c3d4, le == 0xa1b23c4d, le == 0xa1b2cd34:
		f.order, f.ns = binary.LittleEndian, le == 0xa1b23c4d
	case be == 0xa1b2c3d4, be == 0xa1b23c4d, be == 0xa1b2cd34:
		f.order, f.ns = binary.BigEndian, be == 0xa1b23c4d
	default:
		return ErrFormat
	}
	if len(head) < 24 {
		return fmt.Errorf("%w: it is too short", ErrFormat)
	}
	if f.order.Uint32(head) == 0xa1b2cd34 {
		f.extra = 8
	}
	f.ifaces = []iface{{link: f.order.Uint32(head[20:]) & 0xffff, snap: f.order.Uint32(head[16:])}}
	f.held = 24
	return nil
}

// next reads the next frame; io.EOF at the end of a file that ends as it should.
func (f *fileReader) next(p *frame) error {
	if f.read > f.max {
		return fmt.Errorf("more than %d bytes: the rest was not read", f.max)
	}
	if f.format == "pcap" {
		return f.record(p)
	}
	for {
		got, err := f.block(p)
		if got || err != nil {
			return err
		}
	}
}

// drop discards what of the file has been seen.
func (f *fileReader) drop() error {
	n, err := f.b.Discard(f.held)
	f.read += int64(n)
	f.held = 0
	return ended(err)
}

var errCut = errors.New("the file ends in the middle of a packet")

// ended makes of the end of the file in the middle of something what it is.
func ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errCut
	}
	return err
}

func (f *fileReader) record(p *frame) error {
	if err := f.drop(); err != nil {
		return err
	}
	head := 16 + f.extra
	h, err := f.b.Peek(head)
	if len(h) == 0 && errors.Is(err, io.EOF) {
		return io.EOF
	}
	if err != nil {
		return ended(err)
	}
	kept, wire := f.order.Uint32(h[8:]), f.order.Uint32(h[12:])
	if kept > maxFrame {
		return fmt.Errorf("a packet claims %d recorded bytes: the file is damaged from there on", kept)
	}
	sec, part := int64(f.order.Uint32(h)), int64(f.order.Uint32(h[4:]))
	if !f.ns {
		part *= 1000
	}
	data, err := f.b.Peek(head + int(kept))
	if err != nil {
		return ended(err)
	}
	f.held = head + int(kept)
	f.n++
	*p = frame{n: f.n, at: sec*1e9 + part, link: f.ifaces[0].link, data: data[head:], wire: wireLength(wire, kept)}
	return nil
}

// wireLength is the length a packet had, where it says nothing that cannot be.
func wireLength(wire, kept uint32) int {
	if wire < kept || wire > 1<<24 {
		return int(kept)
	}
	return int(wire)
}

// Block types of pcapng.
const (
	blockSection   = 0x0a0d0d0a
	blockInterface = 1
	blockPacket    = 2 // obsolete, still written
	blockSimple    = 3
	blockEnhanced  = 6
)

func (f *fileReader) checkSection(head []byte) error {
	switch {
	case binary.LittleEndian.Uint32(head[8:]) == 0x1a2b3c4d:
		f.order = binary.LittleEndian
	case binary.BigEndian.Uint32(head[8:]) == 0x1a2b3c4d:
		f.order = binary.BigEndian
	default:
		return fmt.Errorf("%w: the byte order of a section is not known", ErrFormat)
	}
	return nil
}

// block reads one block of pcapng and reports whether it was a packet.
func (f *fileReader) block(p *frame) (bool, error) {
	if err := f.drop(); err != nil {
		return false, err
	}
	h, err := f.b.Peek(8)
	if len(h) == 0 && errors.Is(err, io.EOF) {
		return false, io.EOF
	}
	if err != nil {
		return false, ended(err)
	}
	kind := f.order.Uint32(h)
	if kind == blockSection {
		if h, err = f.b.Peek(12); err != nil {
			return false, ended(err)
		}
		if err := f.checkSection(h); err != nil {
			return false, err
		}
		f.ifaces = nil
	}
	total := f.order.Uint32(h[4:])
	if total < 12 || total%4 != 0 {
		return false, fmt.Errorf("a block claims %d bytes: the file is damaged from there on", total)
	}
	f.held = int(total)
	switch kind {
	case blockInterface, blockPacket, blockSimple, blockEnhanced:
	default:
		return false, nil
	}
	if total > maxFrame+1024 {
		if kind == blockInterface {
			return false, fmt.Errorf("an interface's description claims %d bytes: the file is damaged from there on", total)
		}
		return false, fmt.Errorf("a packet claims %d bytes: the file is damaged from there on", total)
	}
	b, err := f.b.Peek(int(total))
	if err != nil {
		f.held = 0
		return false, ended(err)
	}
	b = b[8 : total-4]
	if kind == blockInterface {
		return false, f.addInterface(b)
	}
	return true, f.packet(kind, b, p)
}

func (f *fileReader) addInterface(b []byte) error {
	if len(b) < 8 {
		return errors.New("an interface's description is too short: the file is damaged from there on")
	}
	if len(f.ifaces) >= maxInterfaces {
		return fmt.Errorf("more than %d interfaces: the rest was not read", maxInterfaces)
	}
	i := iface{link: uint32(f.order.Uint16(b)), snap: f.order.Uint32(b[4:]), resol: 6}
	for o := b[8:]; len(o) >= 4; {
		code, n := f.order.Uint16(o), int(f.order.Uint16(o[2:]))
		if code == 0 || 4+n > len(o) {
			break
		}
		v := o[4 : 4+n]
		switch {
		case code == 9 && n == 1:
			i.resol = v[0]
		case code == 14 && n == 8:
			i.offset = int64(f.order.Uint64(v))
		}
		o = o[min(4+(n+3)&^3, len(o)):]
	}
	f.ifaces = append(f.ifaces, i)
	return nil
}

func (f *fileReader) packet(kind uint32, b []byte, p *frame) error {
	bad := errors.New("a packet's block is too short for what it claims: the file is damaged from there on")
	var id, kept, wire uint32
	var stamp uint64
	head := 20
	switch kind {
	case blockSimple:
		head = 4
		if len(b) < 4 {
			return bad
		}
		wire = f.order.Uint32(b)
		kept = min(wire, uint32(len(b)-4))
		if len(f.ifaces) > 0 && f.ifaces[0].snap > 0 {
			kept = min(kept, f.ifaces[0].snap)
		}
	default:
		if len(b) < 20 {
			return bad
		}
		id = f.order.Uint32(b)
		if kind == blockPacket {
			id = uint32(f.order.Uint16(b))
		}
		stamp = uint64(f.order.Uint32(b[4:]))<<32 | uint64(f.order.Uint32(b[8:]))
		kept, wire = f.order.Uint32(b[12:]), f.order.Uint32(b[16:])
	}
	if int64(kept) > int64(len(b)-head) {
		return bad
	}
	if int(id) >= len(f.ifaces) {
		return fmt.Errorf("a packet is of interface %d, which the file does not describe: the file is damaged from there on", id)
	}
	i := f.ifaces[id]
	f.n++
	*p = frame{n: f.n, at: i.nanos(stamp), link: i.link, data: b[head : head+int(kept)], wire: wireLength(wire, kept)}
	return nil
}

// nanos turns a time stamp in the interface's unit into nanoseconds since 1970.
func (i iface) nanos(stamp uint64) int64 {
	if stamp == 0 {
		return 0
	}
	var ns uint64
	if i.resol&0x80 != 0 {
		shift := min(i.resol&0x7f, 63)
		hi, lo := bits.Mul64(stamp, 1e9)
		ns = lo>>shift | hi<<(64-shift)
		if shift == 0 {
			ns = lo
		}
	} else {
		ns = stamp
		for r := i.resol; r < 9; r++ {
			ns *= 10
		}
		for r := min(i.resol, 30); r > 9; r-- {
			ns /= 10
		}
	}
	return int64(ns) + i.offset*1e9
}
