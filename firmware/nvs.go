package firmware

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"slices"
	"strings"
)

// The store of settings of ESP-IDF (its documentation: Non-Volatile Storage Library). Each namespace is shown as a file of
// key=value lines, since that is what the program asks it for; blobs are written in hexadecimal.

const (
	nvsPage    = 4096
	nvsEntry   = 32
	nvsEntries = 126
)

// nvsCRC is the sum of the chip's ROM, which starts from zero.
func nvsCRC(p ...[]byte) uint32 {
	sum := uint32(0xffffffff)
	for _, x := range p {
		sum = crc32.Update(sum, crc32.IEEETable, x)
	}
	return sum
}

type nvsValue struct {
	space byte
	key   string
	text  string
}

type nvs struct {
	spaces map[byte]string
	values []nvsValue
	bad    int // entries whose checksum does not hold
	good   int
}

func nvsHeader(h []byte) bool {
	return (h[0] == 0xfe || h[0] == 0xfc || h[0] == 0xf8) && h[1] == 0xff && h[2] == 0xff && h[3] == 0xff && h[8] >= 0xfe && nvsCRC(h[4:28]) == le.Uint32(h[28:])
}

func parseNVS(b *builder, s section) (*piece, error) {
	n := &nvs{spaces: map[byte]string{}}
	size := int64(0)
	type page struct {
		seq uint32
		raw []byte
	}
	var pages []page
	for off := int64(0); off+nvsPage <= s.size && len(pages) < 1024; off += nvsPage {
		p, err := s.bytes(off, nvsPage)
		if err != nil || !nvsHeader(p) {
			break
		}
		pages = append(pages, page{le.Uint32(p[4:]), p})
		size = off + nvsPage
	}
	if size == 0 {
		return nil, fmt.Errorf("no page")
	}
	slices.SortStableFunc(pages, func(a, b page) int { return int(int64(a.seq) - int64(b.seq)) })
	for _, p := range pages {
		n.page(p.raw)
	}
	p := &piece{kind: "esp-nvs", size: size, detail: fmt.Sprintf("ESP-IDF settings, %d pages, %d entries", len(pages), n.good)}
	if n.bad > n.good {
		p.note("esp-nvs", 0, size, fail(Encrypted, "its pages are in order and its entries are not, as when the settings are encrypted; ask the maker for the plain settings"))
		p.inner = []piece{{size: size, kind: KindOpaque}}
		return p, nil
	}
	t := b.newTree()
	p.tree = t
	if n.bad > 0 {
		t.note("entries", 0, fail(Corrupt, "%d entries fail their checksum; get a fresh copy of the image", n.bad))
	}
	files := map[string]*strings.Builder{}
	for _, v := range n.values {
		name := n.spaces[v.space]
		if name == "" {
			name = fmt.Sprintf("namespace %d", v.space)
		}
		if files[name] == nil {
			files[name] = &strings.Builder{}
		}
		fmt.Fprintf(files[name], "%s=%s\n", v.key, v.text)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := t.count(); err != nil {
			t.note("entries", 0, err)
			break
		}
		text := files[name].String()
		t.place(name+".nvram", &node{mode: 0o600, size: int64(len(text)), attr: Attr{Offset: -1}, open: func() (io.Reader, error) { return strings.NewReader(text), nil }}, 0)
	}
	return p, nil
}

// page reads the entries of one page that are written and not erased.
func (n *nvs) page(p []byte) {
	states, entries := p[32:64], p[64:]
	for i := 0; i < nvsEntries; i++ {
		if states[i/4]>>(i%4*2)&3 != 2 {
			continue
		}
		e := entries[i*nvsEntry : (i+1)*nvsEntry]
		span := int(e[2])
		if nvsCRC(e[:4], e[8:]) != le.Uint32(e[4:]) || span < 1 || i+span > nvsEntries {
			n.bad++
			continue
		}
		n.good++
		key, _, _ := bytes.Cut(e[8:24], []byte{0})
		v := nvsValue{space: e[0], key: printable(key)}
		body := entries[(i+1)*nvsEntry : (i+span)*nvsEntry]
		i += span - 1
		switch typ := e[1]; {
		case e[0] == 0 && typ == 1:
			n.spaces[e[24]] = v.key
			continue
		case typ == 0x21 || typ == 0x41 || typ == 0x42:
			size := int(le.Uint16(e[24:]))
			if size > len(body) || nvsCRC(body[:size]) != le.Uint32(e[28:]) {
				n.bad++
				continue
			}
			if v.text = fmt.Sprintf("%x", body[:size]); typ == 0x21 {
				v.text = printable(body[:size])
			}
		case typ&0xf == 1 || typ&0xf == 2 || typ&0xf == 4 || typ&0xf == 8:
			x := le.Uint64(e[24:]) & (1<<(8*(uint(typ)&15)) - 1)
			if typ&0xf == 8 {
				x = le.Uint64(e[24:])
			}
			v.text = fmt.Sprint(x)
		default: // the index of a blob in parts
			continue
		}
		n.values = append(n.values, v)
	}
}
