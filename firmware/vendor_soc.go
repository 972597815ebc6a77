package firmware

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Containers of the makers of systems on chip, as their packing tools write them. What lies in them is found by itself.

// namedPart adds a part with its own name, cut to what is there.
func (p *piece) namedPart(s section, off, size int64, name string) {
	if off < 0 || size <= 0 {
		return
	}
	if off > s.size || size > s.size-off {
		p.note("part "+name, min(off, s.size), size, fail(Truncated, "it reaches beyond the end; get a whole copy of the image"))
		if size = s.size - off; size <= 0 {
			return
		}
	}
	p.inner = append(p.inner, piece{off: off, size: size, kind: "part", name: name, scan: true})
	p.size = max(p.size, off+size)
}

// parseRKFW reads Rockchip's update: a loader and an archive of partitions.
func parseRKFW(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, 102)
	if err != nil {
		return nil, err
	}
	head := int64(le.Uint16(h[4:]))
	if head != 102 || h[16] == 0 || h[16] > 12 {
		return nil, fmt.Errorf("header of %d bytes", head)
	}
	p := &piece{kind: "rockchip", size: head, scan: true, detail: fmt.Sprintf("Rockchip update, version %d.%d.%d, made %d-%02d-%02d", h[9], h[8], le.Uint16(h[6:]), le.Uint16(h[14:]), h[16], h[17]),
		inner: []piece{{size: head, kind: KindHeader}}}
	p.namedPart(s, int64(le.Uint32(h[25:])), int64(le.Uint32(h[29:])), "loader")
	p.namedPart(s, int64(le.Uint32(h[33:])), int64(le.Uint32(h[37:])), "partitions")
	if sum, err := s.bytes(p.size, 32); err == nil && hexText(sum) {
		p.inner = append(p.inner, piece{off: p.size, size: 32, kind: "digest", detail: "MD5"})
		p.size += 32
	}
	return p, nil
}

func hexText(p []byte) bool {
	for _, c := range p {
		if !digit(c) && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// parseRKAF reads Rockchip's archive of partitions.
func parseRKAF(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, 0x8c+16*112)
	if err != nil {
		return nil, err
	}
	size, count := int64(le.Uint32(h[4:])), int(le.Uint32(h[0x88:]))
	if count < 1 || count > 16 || size < int64(len(h)) {
		return nil, fmt.Errorf("%d parts", count)
	}
	p := &piece{kind: "rockchip-archive", size: int64(len(h)), name: printable(h[8:0x2a]), scan: true, inner: []piece{{size: int64(len(h)), kind: KindHeader}}}
	var words []string
	for i := range count {
		e := h[0x8c+112*i:]
		name, pos, n := printable(e[:32]), int64(le.Uint32(e[96:])), int64(le.Uint32(e[108:]))
		words = append(words, name)
		if file := printable(e[32:92]); file == "SELF" || file == "RESERVED" {
			continue
		}
		p.namedPart(s, pos, n, name)
	}
	p.size = max(p.size, size+4) // and a checksum
	p.detail = "Rockchip archive: " + strings.Join(words, ", ")
	return p.cut(s), nil
}

// parseAllwinner reads Allwinner's image, whose files have headers of 1024 bytes.
func parseAllwinner(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, 1024)
	if err != nil {
		return nil, err
	}
	version, size := le.Uint32(h[8:]), int64(le.Uint32(h[24:]))
	count := int64(le.Uint32(h[56:]))
	if version == 0x300 || version == 0x403 {
		count = int64(le.Uint32(h[60:]))
	} else if version != 0x100 {
		return nil, fmt.Errorf("version 0x%x", version)
	}
	if count > 1000 || size < 1024 {
		return nil, fmt.Errorf("%d files", count)
	}
	p := &piece{kind: "allwinner", size: min(1024*(count+1), s.size), scan: true, inner: []piece{{size: min(1024*(count+1), s.size), kind: KindHeader}}}
	var words []string
	for i := range count {
		e, err := s.bytes(1024*(i+1), 1024)
		if err != nil {
			break
		}
		name, n, at := printable(e[36:292]), int64(le.Uint32(e[292:])), int64(le.Uint32(e[308:]))
		if version == 0x100 {
			name, n, at = printable(e[52:308]), int64(le.Uint32(e[36:])), int64(le.Uint32(e[44:]))
		}
		words = append(words, name)
		p.namedPart(s, at, n, name)
	}
	p.size = max(p.size, size)
	p.detail = fmt.Sprintf("Allwinner image, %d files: %s", count, strings.Join(words, ", "))
	return p.cut(s), nil
}

// parseAmlogic reads Amlogic's upgrade image.
func parseAmlogic(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, 64)
	if err != nil {
		return nil, err
	}
	version, size, count := le.Uint32(h[4:]), le.Uint64(h[12:]), int64(le.Uint32(h[24:]))
	name, width := int64(256), int64(576)
	if version == 1 {
		name, width = 32, 128
	}
	if version < 1 || version > 2 || count < 1 || count > 256 || size > 1<<40 {
		return nil, fmt.Errorf("version %d, %d items", version, count)
	}
	p := &piece{kind: "amlogic", size: min(64+count*width, s.size), scan: true, inner: []piece{{size: min(64+count*width, s.size), kind: KindHeader}}}
	var words []string
	for i := range count {
		e, err := s.bytes(64+i*width, width)
		if err != nil {
			break
		}
		kind, part := printable(e[32:32+name]), printable(e[32+name:32+2*name])
		at, n := le.Uint64(e[16:]), le.Uint64(e[24:])
		if at > 1<<46 || n > 1<<46 {
			return nil, fmt.Errorf("item at 0x%x", at)
		}
		words = append(words, kind+"/"+part)
		p.namedPart(s, int64(at), int64(n), part)
	}
	p.size = max(p.size, int64(size))
	p.detail = fmt.Sprintf("Amlogic upgrade version %d: %s", version, strings.Join(words, ", "))
	return p.cut(s), nil
}

// parseRealtek reads the header that Realtek's tools put before a kernel or a root file system, with the sum at the end.
func parseRealtek(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, 16)
	if err != nil {
		return nil, err
	}
	size := int64(be.Uint32(h[12:]))
	if addr := be.Uint32(h[4:]); size < 4 || size > 256<<20 || addr&3 != 0 || be.Uint32(h[8:])&0xfff != 0 {
		return nil, fmt.Errorf("%d bytes for 0x%x", size, addr)
	}
	what := map[string]string{"cs6c": "kernel", "cr6c": "kernel and root", "cs6b": "kernel", "cr6b": "kernel and root", "r6cr": "root", "w6cg": "web pages", "boot": "boot loader"}[string(h[:4])]
	p := &piece{kind: "realtek", size: 16 + size, scan: true, inner: []piece{{size: 16, kind: KindHeader}},
		detail: fmt.Sprintf("Realtek header %q, %s, loads at 0x%x, burnt at 0x%x, checked by a sum only", h[:4], what, be.Uint32(h[4:]), be.Uint32(h[8:]))}
	return p.cut(s), nil
}

// parseMediaTek reads the header of a partition of MediaTek's devices.
func parseMediaTek(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, 512)
	if err != nil {
		return nil, err
	}
	size, name := int64(le.Uint32(h[4:])), printable(h[8:40])
	if size == 0 || size > 1<<30 || name == "" || strings.Contains(name, `\`) {
		return nil, fmt.Errorf("%d bytes", size)
	}
	head := int64(512)
	p := &piece{kind: "mediatek", size: head + size, name: name, detail: "MediaTek partition", scan: true, inner: []piece{{size: head, kind: KindHeader}}}
	return p.cut(s), nil
}

// parseDfuSe reads STMicroelectronics' file for updates over USB (UM0391).
func parseDfuSe(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, 11)
	if err != nil {
		return nil, err
	}
	size := int64(le.Uint32(h[6:]))
	if h[5] != 1 || h[10] == 0 || size < 11 {
		return nil, fmt.Errorf("version %d", h[5])
	}
	p := &piece{kind: "dfuse", inner: []piece{{size: 11, kind: KindHeader}}}
	off := int64(11)
	var words []string
	for range h[10] {
		e, err := s.bytes(off, 274)
		if err != nil || string(e[:6]) != "Target" {
			p.note("dfuse", off, 0, fail(Truncated, "a target has no header; get a whole copy of the image"))
			break
		}
		p.inner = append(p.inner, piece{off: off, size: 274, kind: KindHeader, name: printable(e[11:266])})
		off += 274
		for range min(le.Uint32(e[270:]), 4096) {
			x, err := s.bytes(off, 8)
			if err != nil {
				p.note("dfuse", off, 0, err)
				break
			}
			addr, n := le.Uint32(x), int64(le.Uint32(x[4:]))
			words = append(words, fmt.Sprintf("%d bytes for 0x%08x", n, addr))
			p.inner = append(p.inner, piece{off: off, size: 8, kind: KindHeader})
			p.namedPart(s, off+8, n, fmt.Sprintf("0x%08x", addr))
			off += 8 + n
			if off > s.size {
				break
			}
		}
	}
	p.size = max(off, size)
	if x, err := s.bytes(p.size, 16); err == nil && string(x[8:11]) == "UFD" {
		p.inner = append(p.inner, piece{off: p.size, size: 16, kind: "dfu-suffix", detail: fmt.Sprintf("vendor 0x%04x, product 0x%04x, CRC only", le.Uint16(x[4:]), le.Uint16(x[2:]))})
		p.size += 16
	}
	p.detail = "DfuSe, " + strings.Join(words, ", ")
	return p.cut(s), nil
}

// parseUEFI reads the header of a firmware volume (UEFI Platform Initialization Specification, volume 3).
func parseUEFI(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, 56)
	if err != nil {
		return nil, err
	}
	size, head := le.Uint64(h[32:]), int64(le.Uint16(h[48:]))
	if head < 72 || head > 4096 || head%2 != 0 || size < uint64(head) || size > 1<<30 {
		return nil, fmt.Errorf("header of %d bytes", head)
	}
	all, err := s.bytes(0, head)
	if err != nil {
		return nil, err
	}
	sum := uint16(0)
	for i := int64(0); i < head; i += 2 {
		sum += le.Uint16(all[i:])
	}
	if sum != 0 {
		return nil, fmt.Errorf("checksum")
	}
	p := &piece{kind: "uefi-volume", size: int64(size), detail: "UEFI firmware volume, checksum right", scan: true, inner: []piece{{size: head, kind: KindHeader}}}
	p.note("uefi-volume", 0, p.size, fail(Unsupported, "its modules are not taken apart, only what is found in them; unpack it with UEFITool"))
	return p.cut(s), nil
}

// parseUBNT reads Ubiquiti's container: parts with names, each with its checksum.
func parseUBNT(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, 268)
	if err != nil {
		return nil, err
	}
	version := printable(h[4:260])
	if !strings.Contains(version, ".") || strings.Contains(version, `\`) {
		return nil, fmt.Errorf("no version")
	}
	p := &piece{kind: "ubnt", name: version, detail: "Ubiquiti image", size: 268, scan: true, inner: []piece{{size: 268, kind: KindHeader}}}
	for off := int64(268); ; {
		e, err := s.bytes(off, 56)
		if err != nil || string(e[:4]) != "PART" && string(e[:4]) != "EXEC" {
			if x, err := s.bytes(off, 12); err == nil && string(x[:3]) == "END" {
				if off += 12; x[3] == 'S' {
					p.detail += ", with a signature"
					off = min(off+256, s.size)
				}
			} else {
				p.note("ubnt", off, 0, fail(Truncated, "the list of parts has no end; get a whole copy of the image"))
			}
			p.size = max(p.size, off)
			return p.cut(s), nil
		}
		n := int64(be.Uint32(e[48:]))
		p.inner = append(p.inner, piece{off: off, size: 56, kind: KindHeader, name: printable(e[4:20])})
		p.namedPart(s, off+56, n, printable(e[4:20]))
		off += 56 + n + 8
		if off > s.size {
			return p.cut(s), nil
		}
	}
}

// parseSafeLoader reads the header of TP-Link's newer devices: its table names the parts of the flash in words.
func parseSafeLoader(b *builder, s section) (*piece, error) {
	const table = 0x1014
	h, err := s.bytes(0, table)
	if err != nil {
		return nil, err
	}
	text, err := s.bytes(table, min(0x800, s.size-table))
	if err != nil || !bytes.HasPrefix(text, []byte("fwup-ptn ")) {
		return nil, fmt.Errorf("no table")
	}
	p := &piece{kind: "tp-link-safeloader", size: int64(be.Uint32(h)), name: printable(bytes.TrimRight(h[0x14:0x114], "\x00\xff\r\n")), scan: true,
		inner: []piece{{size: table + int64(len(text)), kind: KindHeader}}}
	text, _, _ = bytes.Cut(text, []byte{0})
	var words []string
	for line := range strings.SplitSeq(string(text), "\n") {
		f := strings.Fields(line)
		if len(f) != 6 || f[0] != "fwup-ptn" || f[2] != "base" || f[4] != "size" {
			continue
		}
		at, err1 := strconv.ParseInt(strings.TrimPrefix(f[3], "0x"), 16, 40)
		n, err2 := strconv.ParseInt(strings.TrimPrefix(f[5], "0x"), 16, 40)
		if err1 != nil || err2 != nil || at < int64(len(text)) {
			continue
		}
		words = append(words, printable([]byte(f[1])))
		p.namedPart(s, table+at, n, printable([]byte(f[1])))
	}
	p.detail = "TP-Link SafeLoader: " + strings.Join(words, ", ")
	return p.cut(s), nil
}

// parseCFE reads Broadcom's store of settings: a header and name=value texts, shown as the lines of one file.
func parseCFE(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, 20)
	if err != nil {
		return nil, err
	}
	size := int64(le.Uint32(h[4:]))
	if size < 22 || size > 1<<20 {
		return nil, fmt.Errorf("%d bytes", size)
	}
	body, err := s.bytes(20, min(size, s.size)-20)
	if err != nil {
		return nil, err
	}
	if i := bytes.Index(body, []byte{0, 0}); i >= 0 {
		body = body[:i]
	}
	n := 0
	var text []byte
	for v := range bytes.SplitSeq(body, []byte{0}) {
		text = append(append(text, v...), '\n')
		if name, _, ok := bytes.Cut(v, []byte("=")); !ok || len(name) == 0 || printable(name) != string(name) {
			return nil, fmt.Errorf("no settings")
		}
		n++
	}
	t := b.newTree()
	if err := t.count(); err != nil {
		return nil, err
	}
	t.place("nvram", &node{mode: 0o600, size: int64(len(text)), attr: Attr{Offset: 20}, open: func() (io.Reader, error) { return bytes.NewReader(text), nil }}, 0)
	p := &piece{kind: "nvram", size: size, detail: fmt.Sprintf("Broadcom settings, %d variables", n), tree: t}
	return p.cut(s), nil
}

// parseLittleFS names the file system of microcontrollers by its superblock (littlefs SPEC.md).
func parseLittleFS(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, 44)
	if err != nil {
		return nil, err
	}
	version, block, count := le.Uint32(h[20:]), int64(le.Uint32(h[24:])), int64(le.Uint32(h[28:]))
	if version>>16 != 2 || block < 128 || block > 1<<20 || count < 2 || count > 1<<24 {
		return nil, fmt.Errorf("version 0x%x", version)
	}
	p := &piece{kind: "littlefs", size: block * count, detail: fmt.Sprintf("littlefs %d.%d, %d blocks of %d bytes", version>>16, version&0xffff, count, block)}
	p.note("littlefs", 0, p.size, fail(Unsupported, "recognised, not read; unpack it with littlefs-python and give the folder"))
	return p.cut(s), nil
}

// parseNPK names MikroTik's packages, whose parts are found by themselves.
func parseNPK(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, 8)
	if err != nil {
		return nil, err
	}
	size := int64(le.Uint32(h[4:]))
	if size < 32 || size > 1<<30 {
		return nil, fmt.Errorf("%d bytes", size)
	}
	p := &piece{kind: "npk", size: 8, detail: "MikroTik package", scan: true, inner: []piece{{size: 8, kind: KindHeader}}}
	for off := int64(8); off < 8+size; {
		e, err := s.bytes(off, 6)
		if err != nil {
			break
		}
		typ, n := le.Uint16(e), int64(le.Uint32(e[2:]))
		p.inner = append(p.inner, piece{off: off, size: 6, kind: KindHeader})
		p.namedPart(s, off+6, n, fmt.Sprintf("type %d", typ))
		off += 6 + n
		p.size = max(p.size, off)
		if len(p.inner) > 1000 {
			break
		}
	}
	p.size = 8 + size
	return p.cut(s), nil
}

const fwtoolMax = 64 << 10 // bytes of one block with its trailer

// fwtoolStart finds where the block starts that OpenWrt's fwtool puts behind an image, from its trailer.
func fwtoolStart(r io.ReaderAt, hit, from int64) []int64 {
	var t [16]byte
	if n, _ := r.ReadAt(t[:], hit); n < len(t) {
		return nil
	}
	if size := int64(be.Uint32(t[12:])); size > 16 && size <= fwtoolMax && hit+16-size >= from {
		return []int64{hit + 16 - size}
	}
	return nil
}

// parseFwtool reads what OpenWrt's fwtool puts behind an image: a description in JSON, or a signature.
func parseFwtool(b *builder, s section) (*piece, error) {
	all, err := s.bytes(0, min(s.size, fwtoolMax))
	if err != nil {
		return nil, err
	}
	for at := 0; ; at++ {
		i := bytes.Index(all[at:], []byte("FWx0"))
		if i < 0 || at+i+16 > len(all) {
			return nil, fmt.Errorf("no trailer")
		}
		at += i
		t := all[at : at+16]
		if int(be.Uint32(t[12:])) != at+16 || t[8] > 1 {
			continue
		}
		if t[8] == 1 {
			return &piece{kind: "fwtool", size: int64(at + 16), name: printable(all[:min(at, 160)]), detail: "description of the image by OpenWrt's fwtool"}, nil
		}
		return &piece{kind: "fwtool", size: int64(at + 16), detail: "signature of the image by OpenWrt's fwtool"}, nil
	}
}
