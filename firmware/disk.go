package firmware

import (
	"fmt"
	"strings"
	"unicode/utf16"
)

// Partition tables: the master boot record with its chain of extended ones, and GPT (UEFI Specification 2.10, chapter 5).

const sector = 512

func parseMBR(b *builder, s section) (*piece, error) {
	if s.size < sector {
		return nil, fmt.Errorf("too short")
	}
	if g, err := s.bytes(sector, 8); err == nil && string(g) == "EFI PART" {
		return parseGPT(b, s)
	}
	p := &piece{kind: "mbr", size: sector, scan: true, inner: []piece{{size: sector, kind: KindHeader}}}
	var words []string
	parts, tables := 0, 0
	var table func(at, origin int64, depth int) error
	table = func(at, origin int64, depth int) error {
		t, err := s.bytes(at+446, 64)
		if tables++; err != nil || tables > 128 {
			return fmt.Errorf("extended partition at 0x%x cannot be read", at)
		}
		for ; len(t) > 0; t = t[16:] {
			typ, start, count := t[4], int64(le.Uint32(t[8:])), int64(le.Uint32(t[12:]))
			if typ == 0 || count == 0 {
				continue
			}
			if t[0]&0x7f != 0 || start == 0 {
				return fmt.Errorf("not a table")
			}
			if typ == 5 || typ == 15 || typ == 0x85 { // a chain: relative to the first of it
				base := origin
				if depth == 0 {
					base = start * sector
				} else {
					base += start * sector
				}
				root := origin
				if depth == 0 {
					root = base
				}
				if err := table(base, root, depth+1); err != nil {
					p.note("extended partition", base, 0, fail(Corrupt, "%v; get a whole copy of the image", err))
				}
				continue
			}
			off := start * sector
			if depth > 0 {
				off += at
			}
			parts++
			size := count * sector
			words = append(words, fmt.Sprintf("type 0x%02x at 0x%x", typ, off))
			p.partition(s, off, size, fmt.Sprintf("partition %d", parts), fmt.Sprintf("type 0x%02x", typ))
		}
		return nil
	}
	if err := table(0, 0, 0); err != nil || parts == 0 {
		return nil, fmt.Errorf("no partitions")
	}
	p.detail = fmt.Sprintf("MBR, %d partitions: %s", parts, strings.Join(words, ", "))
	return p, nil
}

// partition adds a partition to the piece of a table and says when it is cut.
func (p *piece) partition(s section, off, size int64, name, detail string) {
	if off+size > s.size {
		p.note(name, off, size, fail(Truncated, "it ends at 0x%x and the input at 0x%x; get a whole copy of the image", off+size, s.size))
		size = s.size - off
	}
	if size <= 0 {
		return
	}
	q := piece{off: off, size: size, kind: "partition", name: name, detail: detail, scan: true}
	q.avb(s.sub(off, size))
	p.inner = append(p.inner, q)
	p.size = max(p.size, off+size)
}

func parseGPT(b *builder, s section) (*piece, error) {
	h, err := s.bytes(sector, 92)
	if err != nil {
		return nil, err
	}
	at, count, width := int64(le.Uint64(h[72:])), int64(le.Uint32(h[80:])), int64(le.Uint32(h[84:]))
	if count > 1024 || width < 128 || width > 4096 || at < 2 || at > 1<<40 {
		return nil, fmt.Errorf("table of %d entries", count)
	}
	last := int64(le.Uint64(h[32:])) // where the second header lies
	head := at*sector + count*width
	p := &piece{kind: "gpt", size: min(head, s.size), scan: true, inner: []piece{{size: min(head, s.size), kind: KindHeader}}}
	var words []string
	for i := range count {
		e, err := s.bytes(at*sector+i*width, 128)
		if err != nil {
			p.note("gpt", at*sector, count*width, err)
			break
		}
		first, end := int64(le.Uint64(e[32:])), int64(le.Uint64(e[40:]))
		if le.Uint64(e) == 0 && le.Uint64(e[8:]) == 0 {
			continue
		}
		if first < 0 || end < first || end > 1<<40 {
			p.note("gpt", at*sector+i*width, width, fail(Corrupt, "an entry contradicts itself; get a fresh copy of the image"))
			continue
		}
		var u []uint16
		for o := 56; o < 128 && le.Uint16(e[o:]) != 0; o += 2 {
			u = append(u, le.Uint16(e[o:]))
		}
		name := printable([]byte(string(utf16.Decode(u))))
		words = append(words, fmt.Sprintf("%s at 0x%x", name, first*sector))
		p.partition(s, first*sector, (end-first+1)*sector, name, fmt.Sprintf("type %x", e[:16]))
	}
	if end := (last + 1) * sector; last > 0 && last < 1<<40 && end > p.size && end <= s.size {
		p.inner = append(p.inner, piece{off: end - sector - count*width, size: sector + count*width, kind: KindHeader, name: "second table"})
		p.size = end
	}
	p.detail = fmt.Sprintf("GPT, %d partitions: %s", len(words), strings.Join(words, ", "))
	return p, nil
}
