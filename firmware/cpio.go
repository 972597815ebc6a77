package firmware

import (
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"time"
)

// Cpio archives as initramfs uses them (Documentation/driver-api/early-userspace/buffer-format.rst) and the older
// portable form of POSIX.1-1988.

type cpioHead struct {
	size                     int64 // of the header
	align                    int64
	dev, ino                 uint64
	mode, uid, gid           uint32
	links, mtime, data, name uint64
	major, minor             uint32
	sum                      uint32 // of the bytes of the contents
	summed                   bool
}

// cpioBinary gives the byte order of the oldest form, whose header is made of words of 16 bits.
func cpioBinary(magic []byte) binary.ByteOrder {
	switch {
	case magic[0] == 0xc7 && magic[1] == 0x71:
		return le
	case magic[0] == 0x71 && magic[1] == 0xc7:
		return be
	}
	return nil
}

func cpioBinaryHead(s section, off int64, order binary.ByteOrder) (h cpioHead, err error) {
	p, err := s.bytes(off, 26)
	if err != nil {
		return h, err
	}
	w := func(i int) uint32 { return uint32(order.Uint16(p[2*i:])) }
	return cpioHead{size: 26, align: 2, dev: uint64(w(1)), ino: uint64(w(2)), mode: w(3), uid: w(4), gid: w(5), links: uint64(w(6)),
		major: w(7) >> 8, minor: w(7) & 0xff, mtime: uint64(w(8)<<16 | w(9)), name: uint64(w(10)), data: uint64(w(11)<<16 | w(12))}, nil
}

func cpioHeadAt(s section, off int64) (h cpioHead, err error) {
	magic, err := s.bytes(off, 6)
	if err != nil {
		return h, err
	}
	var v []uint64
	read := func(off int64, widths []int, base int) error {
		for _, w := range widths {
			p, err := s.bytes(off, int64(w))
			if err != nil {
				return err
			}
			x, err := strconv.ParseUint(string(p), base, 64)
			if err != nil {
				return fail(Corrupt, "a header at 0x%x is no number; get a fresh copy of the archive", off)
			}
			v = append(v, x)
			off += int64(w)
		}
		return nil
	}
	if order := cpioBinary(magic); order != nil {
		return cpioBinaryHead(s, off, order)
	}
	switch string(magic) {
	case "070701", "070702":
		if err := read(off+6, []int{8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8}, 16); err != nil {
			return h, err
		}
		return cpioHead{size: 110, align: 4, dev: v[7]<<32 | v[8], ino: v[0], mode: uint32(v[1]), uid: uint32(v[2]), gid: uint32(v[3]),
			links: v[4], mtime: v[5], data: v[6], name: v[11], major: uint32(v[9]), minor: uint32(v[10]), sum: uint32(v[12]), summed: magic[5] == '2'}, nil
	case "070707":
		if err := read(off+6, []int{6, 6, 6, 6, 6, 6, 6, 11, 6, 11}, 8); err != nil {
			return h, err
		}
		return cpioHead{size: 76, align: 1, dev: v[0], ino: v[1], mode: uint32(v[2]), uid: uint32(v[3]), gid: uint32(v[4]),
			links: v[5], mtime: v[7], data: v[9], name: v[8], major: uint32(v[6] >> 8), minor: uint32(v[6] & 0xff)}, nil
	}
	return h, fail(Corrupt, "no header at 0x%x; get a fresh copy of the archive", off)
}

func parseCpio(b *builder, s section) (*piece, error) {
	t := b.newTree()
	linked := map[[2]uint64]*node{}
	off, files := int64(0), 0
	up := func(n, a int64) int64 { return (n + a - 1) / a * a }
	for {
		h, err := cpioHeadAt(s, off)
		if err == nil && (h.name == 0 || h.name > maxName) {
			err = fail(Corrupt, "a name of %d bytes at 0x%x; get a fresh copy of the archive", h.name, off)
		}
		var raw []byte
		if err == nil {
			raw, err = s.bytes(off+h.size, int64(h.name))
		}
		if err == nil && files == 0 && (raw[len(raw)-1] != 0 || h.mode>>12 == 0 && string(raw[:len(raw)-1]) != "TRAILER!!!") {
			return nil, fmt.Errorf("no name")
		}
		data := off + up(h.size+int64(h.name), max(h.align, 1))
		if err == nil && h.data > uint64(s.size-min(data, s.size)) {
			err = fail(Truncated, "the archive ends in %q; get a whole copy of it", clip(string(raw[:len(raw)-1])))
			off = s.size
		}
		if err == nil {
			err = t.count()
		}
		if err != nil {
			if files == 0 {
				return nil, err
			}
			t.note("archive", off, err)
			break
		}
		name := string(raw[:len(raw)-1])
		size := int64(h.data)
		off = data + up(size, h.align)
		if name == "TRAILER!!!" {
			t.entries--
			break
		}
		files++
		t.cpioEntry(s, h, name, data, size, linked)
	}
	return &piece{size: min(off, s.size), detail: fmt.Sprintf("cpio, %d entries", files), tree: t}, nil
}

func cpioSum(s section, off, size int64) (sum uint32) {
	buf := make([]byte, 64<<10)
	for r := io.NewSectionReader(s.r, off, size); ; {
		n, err := r.Read(buf)
		for _, c := range buf[:n] {
			sum += uint32(c)
		}
		if err != nil {
			return sum
		}
	}
}

func (t *tree) cpioEntry(s section, h cpioHead, name string, data, size int64, linked map[[2]uint64]*node) {
	n := &node{mode: unixMode(h.mode), mtime: time.Unix(int64(h.mtime), 0).UTC(), attr: Attr{UID: h.uid, GID: h.gid, Inode: h.ino, Offset: -1}}
	switch {
	case n.mode.IsDir():
		n.kids = map[string]*node{}
	case n.mode&fs.ModeSymlink != 0:
		target, err := s.bytes(data, min(size, maxName))
		if err != nil {
			t.note(fmt.Sprintf("entry %q", clip(name)), data, err)
			return
		}
		n.target, n.size = string(target), size
	case n.mode&fs.ModeDevice != 0:
		n.attr.Major, n.attr.Minor = h.major, h.minor
	case n.mode.IsRegular():
		if h.summed && cpioSum(s, data, size) != h.sum && size > 0 {
			t.note(fmt.Sprintf("entry %q", clip(name)), data, fail(Corrupt, "the checksum of its contents is wrong; get a fresh copy of the archive"))
		}
		if h.links > 1 { // the contents come with the last of the names
			key := [2]uint64{h.dev, h.ino}
			if first := linked[key]; first != nil {
				n = first
			}
			linked[key] = n
		}
		if size > 0 || n.open == nil {
			n.size, n.attr.Offset = size, data
			n.open = func() (io.Reader, error) { return io.NewSectionReader(s.r, data, size), nil }
		}
	}
	t.place(name, n, data)
}
