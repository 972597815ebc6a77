package firmware

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf16"
)

// 7-Zip archives as 7zFormat.txt of the 7-Zip SDK describes them. Our own reader: archives name the memory that they
// want, and the readers at hand take it.

type sevenZip struct {
	b       *builder
	s       section // of the packed streams
	folders []sevenFolder

	mu   sync.Mutex // guards the folder that is unpacked
	last int
	data []byte
	err  error
}

// sevenFolder is a run of files that are packed together.
type sevenFolder struct {
	coders []sevenCoder // as applied when unpacking
	raw    section
	size   int64   // unpacked
	sizes  []int64 // of all outputs
	last   int64   // the output that is the contents
	sum    uint32
	summed bool
	bad    error // why it cannot be unpacked
	files  []sevenPart
}

// most is what unpacking it may hold at once.
func (f *sevenFolder) most() int64 { return slices.Max(f.sizes) }

type sevenCoder struct {
	id    uint64
	props []byte
	size  int64 // what it gives
}

type sevenPart struct {
	size   int64
	sum    uint32
	summed bool
}

var errSeven = fail(Corrupt, "its directory contradicts itself; get a fresh copy of it")

func parse7z(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, 32)
	if err != nil {
		return nil, err
	}
	next, size := le.Uint64(h[12:]), le.Uint64(h[20:])
	if h[6] != 0 || next > 1<<50 || size > 1<<40 || crc32.ChecksumIEEE(h[12:32]) != le.Uint32(h[8:]) {
		return nil, fmt.Errorf("no header")
	}
	p := &piece{kind: "7z", size: 32 + int64(next) + int64(size), detail: "7-Zip archive"}
	t := b.newTree()
	p.tree = t
	if p.size > s.size {
		t.note("archive", 0, fail(Truncated, "%d of %d bytes are there and its directory is at the end; get a whole copy of it", s.size, p.size))
		p.size = s.size
		return p, nil
	}
	z := &sevenZip{b: b, s: s.sub(32, int64(next)), last: -1}
	if err := z.read(t, s.sub(32+int64(next), int64(size)), le.Uint32(h[28:])); err != nil {
		t.note("archive", 0, err)
	}
	p.detail = fmt.Sprintf("7-Zip archive, %d entries", t.entries)
	return p, nil
}

const sevenMaxHeader = 16 << 20

// read reads the directory, unpacking it as often as it is packed itself, and makes the entries of the tree.
func (z *sevenZip) read(t *tree, at section, sum uint32) error {
	if at.size == 0 {
		return nil
	}
	if at.size > sevenMaxHeader {
		return fail(Limit, "a directory of %d bytes; unpack it with 7z and give the folder", at.size)
	}
	head, err := at.bytes(0, at.size)
	if err != nil {
		return err
	}
	if crc32.ChecksumIEEE(head) != sum {
		return fail(Corrupt, "the checksum of its directory is wrong; get a fresh copy of it")
	}
	for range z.b.lim.Depth {
		c := &sevenCursor{p: head, most: int64(z.b.lim.Entries)}
		switch c.byte() {
		case 1:
			return z.header(t, c)
		case 0x17:
			folders, err := z.streams(c)
			if err != nil {
				return err
			}
			if len(folders) != 1 || folders[0].most() > sevenMaxHeader {
				return errSeven
			}
			if head, err = z.unpack(&folders[0]); err != nil {
				return err
			}
		default:
			return errSeven
		}
	}
	return errSeven
}

func (z *sevenZip) header(t *tree, c *sevenCursor) error {
	for !c.bad {
		switch c.byte() {
		case 0:
			return nil
		case 2: // properties of the archive
			for c.byte() != 0 && !c.bad {
				c.take(c.number())
			}
		case 3:
			if _, err := z.streams(c); err != nil {
				return err
			}
		case 4:
			var err error
			if z.folders, err = z.streams(c); err != nil {
				return err
			}
			z.reserve()
		case 5:
			return z.files(t, c)
		default:
			return errSeven
		}
	}
	return errSeven
}

// reserve keeps memory for the largest folder that fits; those that do not fit cannot be read.
func (z *sevenZip) reserve() {
	free, most := z.b.lim.Memory-z.b.held, int64(0)
	for i := range z.folders {
		f := &z.folders[i]
		if f.most() > free {
			f.bad = fail(Limit, "with what is held already its files unpack to more than %d bytes; unpack it first, or raise Limits.Memory", z.b.lim.Memory)
			continue
		}
		if f.bad == nil {
			most = max(most, f.most())
		}
	}
	z.b.held += most
}

type sevenFile struct {
	name  string
	mode  uint32
	mtime time.Time
	empty bool // no contents
	isDir bool
}

func (z *sevenZip) files(t *tree, c *sevenCursor) error {
	c.most = int64(z.b.lim.Entries)
	count := c.count()
	if c.bad {
		return fail(Limit, "its directory names more than %d files, or more than it has room for; raise Limits.Entries", z.b.lim.Entries)
	}
	files := make([]sevenFile, count)
	var empties []int
	for !c.bad {
		typ := c.byte()
		if typ == 0 {
			break
		}
		p := &sevenCursor{p: c.take(c.number())}
		switch typ {
		case 0x0e:
			for i, on := range p.bits(count) {
				if files[i].empty, files[i].isDir = on, on; on {
					empties = append(empties, i)
				}
			}
		case 0x0f:
			for i, on := range p.bits(len(empties)) {
				files[empties[i]].isDir = !on
			}
		case 0x11:
			if p.byte() != 0 {
				return errSeven
			}
			for i := range files {
				var u []uint16
				for x := p.take(2); len(x) == 2 && le.Uint16(x) != 0 && len(u) <= maxName; x = p.take(2) {
					u = append(u, le.Uint16(x))
				}
				files[i].name = string(utf16.Decode(u))
			}
		case 0x14:
			p.each(count, 8, func(i int, x []byte) {
				const epoch = 116444736000000000 // 1601 to 1970 in 100 ns
				files[i].mtime = time.Unix(0, 0).Add(time.Duration(le.Uint64(x)-epoch) * 100).UTC()
			})
		case 0x15:
			p.each(count, 4, func(i int, x []byte) {
				a := le.Uint32(x)
				files[i].isDir = files[i].isDir || a&0x10 != 0
				if a&0x8000 != 0 {
					files[i].mode = a >> 16
				}
			})
		}
		if p.bad {
			return errSeven
		}
	}
	if c.bad {
		return errSeven
	}
	folder, part, off := 0, 0, int64(0)
	for _, f := range files {
		if err := t.count(); err != nil {
			return err
		}
		if f.empty {
			z.entry(t, f, -1, 0, sevenPart{})
			continue
		}
		for folder < len(z.folders) && part >= len(z.folders[folder].files) {
			folder, part, off = folder+1, 0, 0
		}
		if folder >= len(z.folders) {
			return errSeven
		}
		x := z.folders[folder].files[part]
		z.entry(t, f, folder, off, x)
		off += x.size
		part++
	}
	return nil
}

func (z *sevenZip) entry(t *tree, f sevenFile, folder int, off int64, x sevenPart) {
	n := &node{mode: 0o644, mtime: f.mtime, size: x.size, attr: Attr{Offset: -1}}
	if f.mode != 0 {
		n.mode = unixMode(f.mode)
	}
	if f.isDir {
		n.mode, n.kids, n.size = fs.ModeDir|n.mode.Perm()|0o500, map[string]*node{}, 0
	} else if folder >= 0 {
		read := func() ([]byte, error) { return z.part(folder, off, x) }
		if err := z.folders[folder].bad; err != nil {
			t.note(fmt.Sprintf("entry %q", clip(f.name)), 0, err)
		}
		if n.mode&fs.ModeSymlink != 0 {
			target, err := read()
			if err != nil || len(target) > maxName {
				t.note(fmt.Sprintf("link %q", clip(f.name)), 0, errors.Join(err, errSeven))
				return
			}
			n.target = string(target)
		} else {
			n.mode = n.mode.Perm()
			n.open = func() (io.Reader, error) {
				data, err := read()
				return strings.NewReader(string(data)), err
			}
		}
	}
	t.place(strings.ReplaceAll(f.name, `\`, "/"), n, 0)
}

// part returns the contents of one file. The folder that it is packed in is kept for the next one.
func (z *sevenZip) part(folder int, off int64, x sevenPart) ([]byte, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.last != folder {
		z.data = nil
		z.data, z.err = z.unpack(&z.folders[folder])
		z.last = folder
	}
	if off+x.size > int64(len(z.data)) {
		if z.err != nil {
			return nil, z.err
		}
		return nil, errSeven
	}
	data := slices.Clone(z.data[off : off+x.size])
	if x.summed && crc32.ChecksumIEEE(data) != x.sum {
		return nil, fail(Corrupt, "the checksum of its contents is wrong; get a fresh copy of it")
	}
	return data, nil
}
