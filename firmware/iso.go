package firmware

import (
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"
)

// ISO 9660 (ECMA-119) with the Rock Ridge fields of the System Use Sharing Protocol that keep names, modes and links.

const isoSector = 2048

type iso struct {
	s    section
	skip int  // bytes of a system use area before Rock Ridge's fields
	rock bool // Rock Ridge was seen
	seen map[int64]bool
}

func parseISO(b *builder, s section) (*piece, error) {
	h, err := s.bytes(16*isoSector, isoSector)
	if err != nil {
		return nil, err
	}
	if h[0] != 1 || le.Uint16(h[128:]) != isoSector {
		return nil, fmt.Errorf("no primary volume")
	}
	size := int64(le.Uint32(h[80:])) * isoSector
	p := &piece{kind: "iso9660", size: size, name: printable(h[40:72])}
	t := b.newTree()
	p.tree = t
	if size > s.size {
		t.note("file system", 0, fail(Truncated, "%d of %d bytes are there; get a whole copy of the image", s.size, size))
		p.size = s.size
	}
	f := &iso{s: s, seen: map[int64]bool{}}
	root := h[156:190]
	f.folder(t, int64(le.Uint32(root[2:]))*isoSector, int64(le.Uint32(root[10:])), t.root, "", 0)
	p.detail = "ISO 9660"
	if f.rock {
		p.detail += " with Rock Ridge"
	}
	return p, nil
}

func (f *iso) folder(t *tree, off, size int64, into *node, way string, depth int) bool {
	bad := func(err error) bool {
		t.note(fmt.Sprintf("folder %q", "/"+clip(way)), off, err)
		return asProblem(err).reason != Limit
	}
	switch {
	case depth > maxTreeDepth:
		bad(fail(Limit, "folders are more than %d deep; mount a copy to see it", maxTreeDepth))
		return true
	case f.seen[off]:
		return bad(fail(Refused, "it is in two places or contains itself; get a fresh copy of the image"))
	case size > 64<<20:
		return bad(fail(Corrupt, "a folder of %d bytes; get a fresh copy of the image", size))
	}
	f.seen[off] = true
	data, err := f.s.bytes(off, size)
	if err != nil {
		return bad(err)
	}
	for pos := 0; pos < len(data); {
		n := int(data[pos])
		if n == 0 { // the rest of the sector is empty
			pos = (pos/isoSector + 1) * isoSector
			continue
		}
		if n < 34 || pos+n > len(data) || 33+int(data[pos+32]) > n {
			return bad(fail(Corrupt, "an entry contradicts itself; get a fresh copy of the image"))
		}
		r := data[pos : pos+n]
		pos += n
		if !f.entry(t, r, into, way, depth) {
			return false
		}
	}
	return true
}

func (f *iso) entry(t *tree, r []byte, into *node, way string, depth int) bool {
	length := int(r[32])
	raw := string(r[33 : 33+length])
	use := r[min(33+length+1-length%2, len(r)):]
	if raw == "\x00" || raw == "\x01" {
		if raw == "\x00" && depth == 0 && len(use) >= 7 && string(use[:2]) == "SP" {
			f.skip, f.rock = int(use[6]), true
		}
		return true
	}
	if err := t.count(); err != nil {
		t.note(fmt.Sprintf("folder %q", "/"+clip(way)), 0, err)
		return false
	}
	off, size := int64(le.Uint32(r[2:]))*isoSector, int64(le.Uint32(r[10:]))
	name, _, _ := strings.Cut(raw, ";")
	name = strings.TrimSuffix(name, ".")
	d := r[18:25]
	n := &node{mode: 0o444, size: size, attr: Attr{Offset: off},
		mtime: time.Date(1900+int(d[0]), time.Month(d[1]), int(d[2]), int(d[3]), int(d[4]), int(d[5]), 0, time.FixedZone("", int(int8(d[6]))*900)).UTC()}
	if r[25]&2 != 0 {
		n.mode = fs.ModeDir | 0o555
	}
	if r[25]&0x80 != 0 {
		t.note(fmt.Sprintf("file %q", "/"+clip(way+name)), off, fail(Unsupported, "a file in several extents; mount a copy to see it"))
	}
	if f.rock && f.skip <= len(use) {
		name = f.rockRidge(use[f.skip:], n, name)
	}
	isDir := r[25]&2 != 0
	if isDir {
		n.mode = n.mode&^fs.ModeType | fs.ModeDir
		n.size, n.kids = 0, map[string]*node{}
	} else if n.mode.IsRegular() {
		if size > f.s.size-off {
			t.note(fmt.Sprintf("file %q", "/"+clip(way+name)), off, fail(Truncated, "it reaches beyond the end; get a whole copy of the image"))
		}
		n.open = func() (io.Reader, error) {
			return io.NewSectionReader(f.s.r, off, max(min(size, f.s.size-off), 0)), nil
		}
	}
	if !t.add(into, name, n, off) || !isDir {
		return true
	}
	return f.folder(t, off, size, n, way+name+"/", depth+1)
}

// rockRidge reads the fields that give the name, the mode, the owner, the device and the link, and follows them to
// where they go on.
func (f *iso) rockRidge(use []byte, n *node, name string) string {
	var long, target strings.Builder
	joined := false // the last part of the target goes on in the next
	for hops := 0; ; hops++ {
		var next []byte
		for len(use) >= 4 && int(use[2]) >= 4 && int(use[2]) <= len(use) {
			tag, x := string(use[:2]), use[:use[2]]
			use = use[use[2]:]
			switch {
			case tag == "NM" && len(x) >= 5 && long.Len() < maxName:
				long.Write(x[5:])
			case tag == "PX" && len(x) >= 36:
				n.mode = unixMode(le.Uint32(x[4:]))
				n.attr.UID, n.attr.GID = le.Uint32(x[20:]), le.Uint32(x[28:])
			case tag == "PN" && len(x) >= 20:
				n.attr.Major, n.attr.Minor = linuxDev(le.Uint32(x[12:]))
				if hi := le.Uint32(x[4:]); hi != 0 {
					n.attr.Major, n.attr.Minor = hi, le.Uint32(x[12:])
				}
			case tag == "SL" && len(x) >= 5:
				for c := x[5:]; len(c) >= 2 && 2+int(c[1]) <= len(c) && target.Len() < maxName; c = c[2+int(c[1]):] {
					if target.Len() > 0 && !joined && !strings.HasSuffix(target.String(), "/") {
						target.WriteByte('/')
					}
					target.WriteString(map[byte]string{2: ".", 4: "..", 8: "/"}[c[0]&^1])
					target.Write(c[2 : 2+int(c[1])])
					joined = c[0]&1 != 0
				}
			case tag == "CE" && len(x) >= 28 && hops < 32:
				next, _ = f.s.bytes(int64(le.Uint32(x[4:]))*isoSector+int64(le.Uint32(x[12:])), min(int64(le.Uint32(x[20:])), isoSector))
			}
		}
		if next == nil {
			break
		}
		use = next
	}
	if n.mode&fs.ModeSymlink != 0 {
		n.target = target.String()
		n.size = int64(len(n.target))
	}
	if long.Len() > 0 {
		return long.String()
	}
	return name
}
