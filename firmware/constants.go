package firmware

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/hex"
	"io"
	"io/fs"
	"path"
	"strings"
)

// Bounds of what Constants takes from one image.
const (
	minConstant     = 4        // shorter texts are no salts
	maxConstant     = 64       // longer ones neither
	maxConstantFile = 64 << 20 // bytes read of one file
)

// Constants are what an image holds that a maker could have used as a salt or a
// key when deriving passwords: printable texts, what such texts decode to from
// hexadecimal, and key-sized constants (16, 20 or 32 bytes) in the data of
// programs. Each comes once. At most max are given, those of configuration,
// scripts and the maker's own programs before those of the system's; complete
// tells that none was left out.
func (im *Image) Constants(ctx context.Context, max int) (constants [][]byte, complete bool, err error) {
	c := &collector{max: max, seen: map[string]bool{}, complete: true}
	for _, system := range []bool{false, true} {
		for i := range im.Trees {
			if err := c.tree(ctx, im.Trees[i].FS, system); err != nil {
				return nil, false, err
			}
		}
	}
	for i := range im.Map { // bytes that belong to no tree: bare-metal images, kernels, unread remainders
		r := &im.Map[i]
		if r.Kind == KindPadding || im.hasParts(i) || im.inTree(r) {
			continue
		}
		if err := c.texts(ctx, im.Section(i)); err != nil {
			return nil, false, err
		}
	}
	return c.found, c.complete, nil
}

// hasParts reports whether other ranges lie inside range i or were unpacked from it.
func (im *Image) hasParts(i int) bool {
	for k := range im.Spaces {
		if im.Spaces[k].From == i {
			return true
		}
	}
	return i+1 < len(im.Map) && im.Map[i+1].Space == im.Map[i].Space && im.Map[i+1].Depth > im.Map[i].Depth
}

func (im *Image) inTree(r *Range) bool {
	for i := range im.Trees {
		t := &im.Trees[i]
		if t.Space == r.Space && r.Offset >= t.Offset && r.Offset < t.Offset+t.Size {
			return true
		}
	}
	return false
}

type collector struct {
	max      int
	seen     map[string]bool
	found    [][]byte
	complete bool
}

func (c *collector) add(b []byte) {
	if c.seen[string(b)] {
		return
	}
	if len(c.found) >= c.max {
		c.complete = false
		return
	}
	c.seen[string(b)] = true
	c.found = append(c.found, bytes.Clone(b))
}

// systemFile reports whether a file is the system's rather than the maker's: its
// texts come last.
func systemFile(name string) bool {
	base := path.Base(name)
	return strings.HasSuffix(base, ".ko") || strings.Contains(base, ".so") || base == "busybox" || strings.HasPrefix(name, "usr/share/")
}

func (c *collector) tree(ctx context.Context, fsys fs.FS, system bool) error {
	return fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			c.complete = false
			return nil // what cannot be read is in Unread
		}
		if !d.Type().IsRegular() || systemFile(name) != system {
			return nil
		}
		f, err := fsys.Open(name)
		if err != nil {
			c.complete = false
			return nil
		}
		defer f.Close()
		data, err := io.ReadAll(io.LimitReader(f, maxConstantFile+1))
		if err != nil || len(data) > maxConstantFile {
			c.complete = false
		}
		if err := c.texts(ctx, bytes.NewReader(data)); err != nil {
			return err
		}
		if !system {
			c.keys(data)
		}
		return nil
	})
}

// texts adds the printable texts of a stream.
func (c *collector) texts(ctx context.Context, r io.Reader) error {
	buf := make([]byte, 64<<10)
	var text []byte
	flush := func() {
		if n := len(text); n >= minConstant && n <= maxConstant {
			c.add(text)
			if b, err := hex.DecodeString(string(text)); err == nil && len(b) >= 8 {
				c.add(b)
			}
		}
		text = text[:0]
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := r.Read(buf)
		for _, b := range buf[:n] {
			switch {
			case b < 0x20 || b > 0x7e:
				flush()
			case len(text) <= maxConstant:
				text = append(text, b)
			}
		}
		if err != nil { // the end, or a part that cannot be read and is in Unread
			flush()
			return nil
		}
	}
}

// keys adds key-sized constants in the data sections of a program.
func (c *collector) keys(data []byte) {
	const most = 256 << 10 // bytes of one section
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return
	}
	defer f.Close()
	for _, s := range f.Sections {
		if (s.Name != ".rodata" && s.Name != ".data") || s.Size > most || s.Type == elf.SHT_NOBITS {
			continue
		}
		section, err := s.Data()
		if err != nil {
			continue
		}
		for at := 0; at+16 <= len(section); at += 4 {
			for _, size := range []int{16, 20, 32} {
				if at+size <= len(section) && keyLike(section[at:at+size]) {
					c.add(section[at : at+size])
				}
			}
		}
	}
}

// keyLike reports whether bytes could be a key: mostly different from each other,
// neither text nor a table of small numbers.
func keyLike(b []byte) bool {
	var seen [256]bool
	different, printable, small := 0, 0, 0
	for _, x := range b {
		if !seen[x] {
			seen[x] = true
			different++
		}
		if x >= 0x20 && x <= 0x7e {
			printable++
		}
		if x < 4 || x > 251 {
			small++
		}
	}
	return different*4 >= len(b)*3 && printable*3 < len(b)*2 && small*4 < len(b)
}
