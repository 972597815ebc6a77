package firmware

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Flattened device trees (Devicetree Specification 0.4, chapter 5) and the FIT images that U-Boot keeps in them
// (doc/usage/fit/source_file_format.rst).

type fdtNode struct {
	name  string
	props map[string]fdtProp
	kids  []*fdtNode
}

type fdtProp struct {
	off  int64 // of the data in the blob
	data []byte
}

func (n *fdtNode) kid(name string) *fdtNode {
	for _, k := range n.kids {
		if k.name == name {
			return k
		}
	}
	return nil
}

func (n *fdtNode) text(prop string) string { return printable(n.props[prop].data) }

func (n *fdtNode) word(prop string) (int64, bool) {
	if p := n.props[prop].data; len(p) >= 4 {
		return int64(be.Uint32(p[len(p)-4:])), true
	}
	return 0, false
}

const fdtMaxNodes = 100_000

func readFDT(s section) (root *fdtNode, size int64, err error) {
	h, err := s.bytes(0, 40)
	if err != nil {
		return nil, 0, err
	}
	size = int64(be.Uint32(h[4:]))
	at, text, version, last := int64(be.Uint32(h[8:])), int64(be.Uint32(h[12:])), be.Uint32(h[20:]), be.Uint32(h[24:])
	if version < 16 || version > 32 || last > 17 || size < 56 || at < 40 || at >= size || text >= size || at%4 != 0 {
		return nil, 0, fmt.Errorf("not a device tree")
	}
	if size > s.size {
		return nil, size, fail(Truncated, "%d of %d bytes are there; get a whole copy of the image", s.size, size)
	}
	if size > 512<<20 {
		return nil, size, fail(Limit, "a device tree of %d bytes; read it by hand", size)
	}
	blob, err := s.bytes(0, size)
	if err != nil {
		return nil, size, err
	}
	var stack []*fdtNode
	nodes := 0
	bad := fail(Corrupt, "the device tree contradicts itself; get a fresh copy of the image")
	for off := at; ; {
		if off+4 > size {
			return root, size, bad
		}
		token := be.Uint32(blob[off:])
		off += 4
		switch token {
		case 1:
			end := bytes.IndexByte(blob[off:], 0)
			if end < 0 || end > 1024 || len(stack) > 64 || nodes > fdtMaxNodes {
				return root, size, bad
			}
			nodes++
			n := &fdtNode{name: printable(blob[off : off+int64(end)]), props: map[string]fdtProp{}}
			off = (off + int64(end) + 4) &^ 3
			if len(stack) > 0 {
				up := stack[len(stack)-1]
				up.kids = append(up.kids, n)
			} else if root != nil {
				return root, size, bad
			} else {
				root = n
			}
			stack = append(stack, n)
		case 2:
			if len(stack) == 0 {
				return root, size, bad
			}
			stack = stack[:len(stack)-1]
		case 3:
			if off+8 > size || len(stack) == 0 {
				return root, size, bad
			}
			n, name := int64(be.Uint32(blob[off:])), text+int64(be.Uint32(blob[off+4:]))
			off += 8
			if n > size-off || name >= size {
				return root, size, bad
			}
			end := bytes.IndexByte(blob[name:min(name+256, size)], 0)
			if end < 0 {
				return root, size, bad
			}
			stack[len(stack)-1].props[string(blob[name:name+int64(end)])] = fdtProp{off, blob[off : off+n]}
			off = (off + n + 3) &^ 3
		case 4:
		case 9:
			if root == nil {
				return nil, size, bad
			}
			return root, size, nil
		default:
			return root, size, bad
		}
	}
}

func parseFDT(b *builder, s section) (*piece, error) {
	root, size, err := readFDT(s)
	if size == 0 {
		return nil, err
	}
	p := &piece{kind: "device-tree", size: min(size, s.size)}
	if err != nil {
		if root == nil && asProblem(err).reason == Corrupt {
			return nil, err
		}
		p.note("device tree", 0, size, err)
	}
	if root == nil {
		p.detail = "device tree, cut"
		return p, nil
	}
	if images := root.kid("images"); images != nil {
		fit(s, p, root, images)
		return p, nil
	}
	p.name = root.text("model")
	p.detail = "device tree, compatible " + strings.ReplaceAll(printable(bytes.ReplaceAll(bytes.TrimRight(root.props["compatible"].data, "\x00"), []byte{0}, []byte(", "))), `"`, "")
	if chosen := root.kid("chosen"); chosen != nil && chosen.text("bootargs") != "" {
		p.detail += ", bootargs " + chosen.text("bootargs")
	}
	return p, nil
}

// fit maps the images of a FIT and says what is signed.
func fit(s section, p *piece, root, images *fdtNode) {
	p.kind, p.name = "fit", root.text("description")
	tree := p.size
	base := (tree + 3) &^ 3
	signed := 0
	for _, im := range images.kids {
		data := im.props["data"]
		off, n := data.off, int64(len(data.data))
		if size, ok := im.word("data-size"); ok && data.data == nil {
			if at, ok := im.word("data-position"); ok {
				off, n = at, size
			} else if at, ok := im.word("data-offset"); ok {
				off, n = base+at, size
			}
			if off+n > s.size {
				p.note("fit image "+im.name, off, n, fail(Truncated, "it lies beyond the end of the input; get a whole copy of the image"))
				n = max(s.size-off, 0)
			}
			p.size = max(p.size, off+n)
		}
		detail := fmt.Sprintf("%s %s %s, %s", im.text("arch"), im.text("os"), im.text("type"), im.text("compression"))
		for _, k := range im.kids {
			if strings.HasPrefix(k.name, "hash") {
				detail += ", " + k.text("algo")
			}
			if strings.HasPrefix(k.name, "signature") {
				detail += ", signed " + k.text("algo")
				signed++
			}
			if strings.HasPrefix(k.name, "cipher") {
				p.note("fit image "+im.name, off, n, fail(Encrypted, "the header says that it is encrypted; ask the maker for the plain image"))
			}
		}
		p.inner = append(p.inner, piece{off: off, size: n, kind: "fit-image", name: im.name, detail: strings.TrimSpace(detail), scan: true})
	}
	configs := root.kid("configurations")
	n := 0
	if configs != nil {
		for _, c := range configs.kids {
			n++
			for _, k := range c.kids {
				if strings.HasPrefix(k.name, "signature") {
					signed++
				}
			}
		}
	}
	p.detail = fmt.Sprintf("FIT, %d images, %d configurations, %d signatures", len(images.kids), n, signed)
	slices.SortFunc(p.inner, func(x, y piece) int { return cmp.Compare(x.off, y.off) })
	at := int64(0)
	for _, q := range p.inner { // what of the tree lies before, between and behind the images
		if q.off > at && at < tree {
			p.inner = append(p.inner, piece{off: at, size: min(q.off, tree) - at, kind: KindHeader})
		}
		at = max(at, q.off+q.size)
	}
	if at < tree {
		p.inner = append(p.inner, piece{off: at, size: tree - at, kind: KindHeader})
	}
}
