package firmware

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// tarPos follows where a tar reader stands. It hides all but Read and Seek.
type tarPos struct {
	r   *io.SectionReader
	pos int64
}

func (t *tarPos) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	t.pos += int64(n)
	return n, err
}

func parseTar(b *builder, s section) (*piece, error) {
	t := b.newTree()
	in := &tarPos{r: s.reader(0)}
	r := tar.NewReader(in)
	files := 0
	cut := func(err error) {
		t.note("archive", in.pos, err)
	}
loop:
	for {
		start := in.pos
		h, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			if tail, terr := s.bytes(in.pos-512, 512); terr != nil || strings.Trim(string(tail), "\x00") != "" {
				cut(fail(Truncated, "the archive has no end mark; get a whole copy of it"))
			}
			break loop
		case errors.Is(err, io.ErrUnexpectedEOF):
			cut(fail(Truncated, "the archive ends in the middle of an entry; get a whole copy of it"))
			in.pos = s.size
			break loop
		case err != nil:
			if files == 0 {
				return nil, err
			}
			cut(fail(Corrupt, "%v; get a fresh copy of the archive", err))
			in.pos = start
			break loop
		}
		files++
		if err := t.count(); err != nil {
			cut(err)
			break loop
		}
		t.tarEntry(s, h, in.pos, files)
	}
	return &piece{size: min(in.pos, s.size), kind: KindTar, detail: fmt.Sprintf("%d entries", files), tree: t}, nil
}

func (t *tree) tarEntry(s section, h *tar.Header, at int64, index int) {
	n := &node{mode: h.FileInfo().Mode(), mtime: h.ModTime.UTC(), attr: Attr{UID: uint32(h.Uid), GID: uint32(h.Gid),
		Major: uint32(h.Devmajor), Minor: uint32(h.Devminor), Offset: -1}}
	switch h.Typeflag {
	case tar.TypeDir:
		n.kids = map[string]*node{}
	case tar.TypeSymlink:
		n.target, n.size = h.Linkname, int64(len(h.Linkname))
	case tar.TypeLink:
		to := t.at(h.Linkname)
		if to == nil || to.kids != nil {
			t.note(fmt.Sprintf("entry %q", clip(h.Name)), at, fail(Refused, "it is a hard link to %q, which is not in the archive before it; unpack it by hand to see it", clip(h.Linkname)))
			return
		}
		n = to
	case tar.TypeReg, tar.TypeCont, tar.TypeGNUSparse:
		n.size = h.Size
		sparse := h.Typeflag == tar.TypeGNUSparse
		for k := range h.PAXRecords {
			sparse = sparse || strings.HasPrefix(k, "GNU.sparse")
		}
		if sparse {
			n.open = func() (io.Reader, error) { return tarAgain(s, index) }
			break
		}
		n.attr.Offset = at
		n.open = func() (io.Reader, error) {
			if h.Size > s.size-at {
				return nil, fail(Truncated, "the archive ends in this file; get a whole copy of it")
			}
			return io.NewSectionReader(s.r, at, h.Size), nil
		}
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
	default:
		t.note(fmt.Sprintf("entry %q", clip(h.Name)), at, fail(Unsupported, "an entry of type %q; unpack it by hand to see it", h.Typeflag))
		return
	}
	if n.mode&fs.ModeSymlink != 0 && len(n.target) > maxName {
		n.target = n.target[:maxName]
	}
	t.place(h.Name, n, at)
}

// tarAgain walks to the index-th entry: contents with holes are not in one piece.
func tarAgain(s section, index int) (io.Reader, error) {
	r := tar.NewReader(s.reader(0))
	for range index {
		if _, err := r.Next(); err != nil {
			return nil, err
		}
	}
	return r, nil
}
