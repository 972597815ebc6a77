package firmware

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
)

// Romfs as the kernel's Documentation/filesystems/romfs.rst describes it.

type romfs struct {
	s    section
	seen map[int64]*node
}

func parseRomfs(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, 16)
	if err != nil {
		return nil, err
	}
	size := int64(be.Uint32(h[8:]))
	if size < 32 {
		return nil, fmt.Errorf("%d bytes", size)
	}
	head, err := s.bytes(0, min(512, size, s.size))
	if err != nil {
		return nil, err
	}
	r := &romfs{s: s, seen: map[int64]*node{}}
	name, first, err := r.name(16)
	if err != nil {
		return nil, err
	}
	p := &piece{kind: "romfs", size: size, name: printable([]byte(name)), detail: "romfs, checksum right"}
	t := b.newTree()
	p.tree = t
	if words(head) != 0 { // it covers the first 512 bytes; the magic alone stands in every kernel
		return nil, fmt.Errorf("checksum")
	}
	if size > s.size {
		p.size = s.size
		p.detail = "romfs, cut"
		t.note("file system", 0, fail(Truncated, "%d of %d bytes are there; get a whole copy of the image", s.size, size))
	}
	r.folder(t, first, t.root, "", 0)
	return p, nil
}

// words is the sum of big endian words, which is zero over a header with its checksum.
func words(p []byte) uint32 {
	sum := uint32(0)
	for ; len(p) >= 4; p = p[4:] {
		sum += be.Uint32(p)
	}
	return sum
}

// name reads a name padded to 16 bytes and where what follows starts.
func (r *romfs) name(off int64) (string, int64, error) {
	var out []byte
	for len(out) <= maxName {
		p, err := r.s.bytes(off, 16)
		if err != nil {
			return "", 0, err
		}
		off += 16
		if i := bytes.IndexByte(p, 0); i >= 0 {
			return string(append(out, p[:i]...)), off, nil
		}
		out = append(out, p...)
	}
	return "", 0, fail(Corrupt, "a name without end; get a fresh copy of the image")
}

func (r *romfs) folder(t *tree, off int64, into *node, way string, depth int) bool {
	bad := func(err error) bool {
		t.note(fmt.Sprintf("folder %q", "/"+clip(way)), off, err)
		return asProblem(err).reason != Limit
	}
	if depth > maxTreeDepth {
		bad(fail(Limit, "folders are more than %d deep; unpack it by hand to see it", maxTreeDepth))
		return true
	}
	type link struct {
		name string
		to   int64
	}
	var links []link
	for off != 0 {
		h, err := r.s.bytes(off, 16)
		if err != nil {
			return bad(err)
		}
		name, data, err := r.name(off + 16)
		if err != nil {
			return bad(err)
		}
		if r.seen[off] != nil {
			return bad(fail(Refused, "the folder contains itself; get a fresh copy of the image"))
		}
		next, spec, size := be.Uint32(h), int64(be.Uint32(h[4:])), int64(be.Uint32(h[8:]))
		n := &node{mode: 0o644, size: size, attr: Attr{Offset: data}}
		r.seen[off] = n
		at := off
		off = int64(next &^ 15)
		if name == "." || name == ".." {
			continue
		}
		if err := t.count(); err != nil {
			return bad(err)
		}
		if next&8 != 0 {
			n.mode = 0o755
		}
		path := way + name
		switch next & 7 {
		case 0:
			links = append(links, link{name, spec})
			continue
		case 1:
			n.mode, n.size, n.kids = fs.ModeDir|0o755, 0, map[string]*node{}
		case 2:
			if size > r.s.size-data {
				t.note(fmt.Sprintf("file %q", "/"+clip(path)), at, fail(Truncated, "it reaches beyond the end; get a whole copy of the image"))
			}
			n.open = func() (io.Reader, error) { return io.NewSectionReader(r.s.r, data, min(size, r.s.size-data)), nil }
		case 3:
			target, err := r.s.bytes(data, min(size, maxName))
			if err != nil {
				t.note(fmt.Sprintf("link %q", "/"+clip(path)), at, err)
				continue
			}
			n.mode, n.target = fs.ModeSymlink|0o777, string(target)
		case 4, 5:
			n.mode = fs.ModeDevice | 0o600
			if next&7 == 5 {
				n.mode |= fs.ModeCharDevice
			}
			n.attr.Major, n.attr.Minor = uint32(spec>>16), uint32(spec&0xffff)
		case 6:
			n.mode = fs.ModeSocket | 0o600
		case 7:
			n.mode = fs.ModeNamedPipe | 0o600
		}
		if t.add(into, name, n, at) && n.kids != nil {
			if !r.folder(t, spec, n, path+"/", depth+1) {
				return false
			}
		}
	}
	for _, l := range links {
		n := r.seen[l.to]
		if n == nil || n.kids != nil || !n.mode.IsRegular() {
			t.note(fmt.Sprintf("file %q", "/"+clip(way+l.name)), l.to, fail(Refused, "a hard link to what is no file before it; unpack it by hand to see it"))
			continue
		}
		t.add(into, l.name, n, l.to)
	}
	return true
}
