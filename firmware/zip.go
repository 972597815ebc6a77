package firmware

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// zipEnd finds the end of a zip that starts at 0: the end record that names a directory which lies just before it.
func zipEnd(b *builder, s section) (int64, bool) {
	const window = 1 << 20
	for pos := int64(0); pos < s.size; pos += window {
		if b.stopped() != nil {
			return 0, false
		}
		buf, err := s.bytes(pos, min(window+4, s.size-pos))
		if err != nil {
			return 0, false
		}
		for i := 0; ; i++ {
			j := bytes.Index(buf[i:], []byte("PK\x05\x06"))
			if j < 0 {
				break
			}
			i += j
			at := pos + int64(i)
			e, err := s.bytes(at, 22)
			if err != nil {
				continue
			}
			size, off := int64(le.Uint32(e[12:])), int64(le.Uint32(e[16:]))
			if off+size == at || off == 0xffffffff || size == 0xffffffff || le.Uint16(e[10:]) == 0xffff {
				return min(at+22+int64(le.Uint16(e[20:])), s.size), true
			}
		}
	}
	return 0, false
}

// zipLocal checks the header of an entry and returns where the next would start.
func zipLocal(s section, off int64) (int64, error) {
	h, err := s.bytes(off, 30)
	if err != nil {
		return 0, err
	}
	name, method := int64(le.Uint16(h[26:])), le.Uint16(h[8:])
	raw, err := s.bytes(off+30, min(name, s.size-off-30))
	if err != nil {
		return 0, err
	}
	if string(h[:4]) != "PK\x03\x04" || h[4] > 63 || method > 99 || name == 0 || name > maxName || bytes.IndexByte(raw, 0) >= 0 {
		return 0, fmt.Errorf("not a zip")
	}
	if le.Uint16(h[6:])&8 != 0 { // the size follows the data
		return s.size, nil
	}
	return min(off+30+name+int64(le.Uint16(h[28:]))+int64(le.Uint32(h[18:])), s.size), nil
}

func parseZip(b *builder, s section) (*piece, error) {
	if _, err := zipLocal(s, 0); err != nil {
		return nil, err
	}
	t := b.newTree()
	end, ok := zipEnd(b, s)
	if !ok {
		t.note("archive", 0, fail(Truncated, "it has no directory at its end; get a whole copy of it"))
		for end < s.size {
			next, err := zipLocal(s, end)
			if err != nil {
				break
			}
			end = next
		}
		return &piece{kind: "zip", size: end, detail: "zip, cut", tree: t}, nil
	}
	r, err := zip.NewReader(io.NewSectionReader(s.r, 0, end), end)
	if err != nil {
		t.note("archive", 0, fail(Corrupt, "%v; get a fresh copy of it", err))
		return &piece{kind: "zip", size: end, detail: "zip, damaged", tree: t}, nil
	}
	for _, f := range r.File {
		if err := t.count(); err != nil {
			t.note("archive", 0, err)
			break
		}
		t.zipEntry(f)
	}
	return &piece{kind: "zip", size: end, detail: fmt.Sprintf("zip, %d entries", len(r.File)), tree: t}, nil
}

func (t *tree) zipEntry(f *zip.File) {
	n := &node{mode: f.Mode(), mtime: f.Modified.UTC(), attr: Attr{Offset: -1}}
	if strings.Contains(f.Name, `\`) && !strings.Contains(f.Name, "/") {
		f.Name = strings.ReplaceAll(f.Name, `\`, "/") // as written by tools for Windows
	}
	at, _ := f.DataOffset()
	read := func() (io.Reader, error) {
		if f.Flags&1 != 0 {
			return nil, fail(Encrypted, "the entry is encrypted; ask the maker for its password")
		}
		return f.Open()
	}
	switch {
	case strings.HasSuffix(f.Name, "/") || n.mode.IsDir():
		n.mode |= fs.ModeDir
		n.kids = map[string]*node{}
	case n.mode&fs.ModeSymlink != 0:
		r, err := read()
		if err == nil {
			var target []byte
			target, err = io.ReadAll(io.LimitReader(r, maxName))
			n.target = string(target)
		}
		if err != nil {
			t.note(fmt.Sprintf("link %q", clip(f.Name)), at, err)
			return
		}
	default:
		n.mode &= fs.ModePerm
		n.size = int64(min(f.UncompressedSize64, 1<<62))
		n.open = read
		if f.Method == zip.Store && f.Flags&1 == 0 {
			n.attr.Offset = at
		}
		if f.Flags&1 != 0 {
			t.note(fmt.Sprintf("entry %q", clip(f.Name)), at, fail(Encrypted, "the entry is encrypted; ask the maker for its password"))
		} else if f.Method != zip.Store && f.Method != zip.Deflate {
			t.note(fmt.Sprintf("entry %q", clip(f.Name)), at, fail(Unsupported, "compression method %d; unpack it by hand to see it", f.Method))
		}
	}
	t.place(f.Name, n, at)
}
