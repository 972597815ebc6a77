package firmware

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

var be = binary.BigEndian

// cut shortens a piece to what is there and says so.
func (p *piece) cut(s section) *piece {
	if p.size > s.size {
		p.note(string(p.kind), 0, p.size, fail(Truncated, "%d of %d bytes are there; get a whole copy of the image", s.size, p.size))
		p.size = s.size
	}
	return p
}

// parseTRX reads Broadcom's container as OpenWrt's trx tool writes it.
func parseTRX(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, 32)
	if err != nil {
		return nil, err
	}
	size, version := int64(le.Uint32(h[4:])), le.Uint16(h[14:])
	head := int64(28)
	if version == 2 {
		head = 32
	}
	if first := int64(le.Uint32(h[16:])); version > 2 || size < head || size > 1<<30 || first < head || first > 4096 {
		return nil, fmt.Errorf("version %d, %d bytes", version, size)
	}
	sum := "checksum right"
	if size > s.size {
		sum = "checksum not looked at"
	} else if ^crcOf(b, s.sub(12, size-12)) != le.Uint32(h[8:]) {
		sum = "checksum wrong"
	}
	p := &piece{kind: "trx", size: size, scan: true, detail: fmt.Sprintf("TRX version %d, %s", version, sum), inner: []piece{{size: head, kind: KindHeader}}}
	var starts []int64
	for o := int64(16); o < head; o += 4 {
		if at := int64(le.Uint32(h[o:])); at >= head && at < size && (len(starts) == 0 || at > starts[len(starts)-1]) {
			starts = append(starts, at)
		}
	}
	if sum == "checksum wrong" {
		p.note("trx", 0, size, fail(Corrupt, "its checksum is wrong, so it was damaged or changed; get a fresh copy of the image"))
	}
	p = p.cut(s)
	for i, at := range starts {
		end := p.size
		if i+1 < len(starts) {
			end = min(end, starts[i+1])
		}
		if at < end {
			p.inner = append(p.inner, piece{off: at, size: end - at, kind: "part", name: fmt.Sprintf("part %d", i), scan: true})
		}
	}
	return p, nil
}

// parseTPLink reads TP-Link's header of version 1, as OpenWrt's mktplinkfw writes it. What it announces is found by itself.
func parseTPLink(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, 512)
	if err != nil {
		return nil, err
	}
	size := int64(be.Uint32(h[0x7c:]))
	kernel, kernelSize, root, rootSize := be.Uint32(h[0x80:]), be.Uint32(h[0x84:]), be.Uint32(h[0x88:]), be.Uint32(h[0x8c:])
	if size < 512 || size > 1<<28 {
		return nil, fmt.Errorf("%d bytes", size)
	}
	p := &piece{kind: "tp-link", size: size, name: printable(h[0x1c:0x40]), scan: true, detail: fmt.Sprintf("TP-Link header, hardware 0x%08x revision %d, version %d.%d.%d, kernel of %d bytes at 0x%x, root of %d bytes at 0x%x, checked by MD5 only",
		be.Uint32(h[0x40:]), be.Uint32(h[0x44:]), be.Uint16(h[0x98:]), be.Uint16(h[0x9a:]), be.Uint16(h[0x9c:]), kernelSize, kernel, rootSize, root),
		inner: []piece{{size: 512, kind: KindHeader}}}
	return p.cut(s), nil
}

// parseSEAMA reads the container of D-Link and others.
func parseSEAMA(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, 12)
	if err != nil {
		return nil, err
	}
	meta, size := int64(be.Uint16(h[6:])), int64(be.Uint32(h[8:]))
	head := 12 + meta
	if size > 0 {
		head += 16 // MD5 of what follows
	}
	text, err := s.bytes(head-meta, meta)
	if err != nil {
		return nil, err
	}
	if first, _, ok := bytes.Cut(text, []byte("=")); !ok || printable(first) != string(first) {
		return nil, fmt.Errorf("no description")
	}
	p := &piece{kind: "seama", size: head + size, detail: "SEAMA, " + strings.ReplaceAll(printable(bytes.ReplaceAll(bytes.TrimRight(text, "\x00"), []byte{0}, []byte{' '})), `"`, ""), scan: true,
		inner: []piece{{size: head, kind: KindHeader}}}
	return p.cut(s), nil
}

// parseCHK reads Netgear's container.
func parseCHK(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, 40)
	if err != nil {
		return nil, err
	}
	head, kernel, root := int64(be.Uint32(h[4:])), int64(be.Uint32(h[24:])), int64(be.Uint32(h[28:]))
	if head <= 40 || head > 1024 || kernel == 0 || kernel > 1<<28 || root > 1<<28 {
		return nil, fmt.Errorf("header of %d bytes", head)
	}
	board, err := s.bytes(40, head-40)
	if err != nil {
		return nil, err
	}
	if name := string(bytes.TrimRight(board, "\x00")); name == "" || printable(board) != name {
		return nil, fmt.Errorf("no board")
	}
	p := &piece{kind: "netgear-chk", size: head + kernel + root, name: printable(board), detail: fmt.Sprintf("Netgear CHK, kernel of %d bytes, root of %d bytes, checksums only", kernel, root), scan: true,
		inner: []piece{{size: head, kind: KindHeader}}}
	return p.cut(s), nil
}

// parseHDR1 reads Xiaomi's container: up to eight files with names.
func parseHDR1(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, 48)
	if err != nil {
		return nil, err
	}
	t := b.newTree()
	end := int64(48)
	inner := []piece{{size: 48, kind: KindHeader}}
	for i := range int64(8) {
		at := int64(le.Uint32(h[16+4*i:]))
		if at == 0 {
			break
		}
		e, err := s.bytes(at, 48)
		if err != nil || le.Uint16(e) != 0xbabe {
			t.note(fmt.Sprintf("file %d", i), at, fail(Corrupt, "it has no header; get a fresh copy of the image"))
			break
		}
		size := int64(le.Uint32(e[8:]))
		name := printable(e[16:48])
		if size > s.size-at-48 {
			t.note(fmt.Sprintf("file %q", name), at, fail(Truncated, "it reaches beyond the end; get a whole copy of the image"))
			break
		}
		if err := t.count(); err != nil {
			t.note("files", at, err)
			break
		}
		t.place(name, &node{mode: 0o644, size: size, attr: Attr{Offset: at + 48}, open: func() (io.Reader, error) { return io.NewSectionReader(s.r, at+48, size), nil }}, at)
		inner = append(inner, piece{off: at, size: 48, kind: KindHeader, name: name}, piece{off: at + 48, size: size, kind: "file", name: name, scan: true})
		end = max(end, at+48+size)
	}
	if len(inner) == 1 {
		return nil, fmt.Errorf("no files")
	}
	detail := "Xiaomi HDR1"
	if sig := int64(le.Uint32(h[4:])); sig >= end && sig < s.size {
		inner = append(inner, piece{off: sig, size: s.size - sig, kind: "signature"})
		end = s.size
		detail += ", signed"
	}
	return &piece{kind: "xiaomi-hdr1", size: end, detail: fmt.Sprintf("%s, %d files", detail, t.entries), inner: inner, tree: t}, nil
}

// parseDrayTek reads the container of DrayTek's Vigor routers: a header of 256 bytes, the payload, a line with its MD5.
func parseDrayTek(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, 256)
	if err != nil {
		return nil, err
	}
	size := int64(be.Uint32(h[8:]))
	if size < 256 {
		return nil, fmt.Errorf("%d bytes", size)
	}
	p := &piece{kind: "draytek", size: size, detail: "DrayTek Vigor container, checked by MD5 only", scan: true, inner: []piece{{size: 256, kind: KindHeader}}}
	return p.cut(s), nil
}

// A sealed form is recognised by its first bytes and cannot be read.
type sealed struct {
	magic, kind, detail string
	reason              Reason
}

var sealedForms = []sealed{
	{"encrpted_img", "dlink-encrypted", "D-Link encrypted image", Encrypted},
	{"MH01", "dlink-mh01", "D-Link MH01 encrypted image", Encrypted},
	{"SHRS", "dlink-shrs", "D-Link SHRS encrypted image", Encrypted},
	{"bgn\x00\x00\x00\x00\x00", "buffalo-encrypted", "Buffalo encrypted image", Encrypted},
	{"Salted__", "openssl-encrypted", "OpenSSL password-encrypted file", Encrypted},
	{"\x53\x44\x5f\x50\x41\x43\x4b", "engenius", "EnGenius container", Unsupported},
	{"LUKS\xba\xbe", "luks", "LUKS encrypted volume", Encrypted},
}

func parseSealed(b *builder, s section) (*piece, error) {
	head, err := s.bytes(0, min(16, s.size))
	if err != nil {
		return nil, err
	}
	for _, f := range sealedForms {
		if !bytes.HasPrefix(head, []byte(f.magic)) {
			continue
		}
		p := &piece{kind: Kind(f.kind), size: s.size, detail: f.detail, inner: []piece{{size: s.size, kind: KindOpaque}}}
		why := "recognised, not readable; unpack it with the maker's tools"
		if f.reason == Encrypted {
			why = "its header says that it is encrypted; ask the maker for the plain image"
		}
		p.note(f.detail, 0, s.size, fail(f.reason, "%s", why))
		return p, nil
	}
	return nil, fmt.Errorf("none of these")
}

func sealedMagic() []string {
	var m []string
	for _, f := range sealedForms {
		m = append(m, f.magic)
	}
	return m
}

// parseDahua reads Dahua's update: a zip whose first two bytes are changed.
func parseDahua(b *builder, s section) (*piece, error) {
	if s.size > b.lim.Memory-b.held {
		return nil, fmt.Errorf("too large")
	}
	data, err := s.bytes(0, s.size)
	if err != nil {
		return nil, err
	}
	copy(data, "PK")
	return &piece{kind: "dahua", size: s.size, detail: "Dahua update, a zip with a changed mark", unpack: func() ([]byte, error) { return data, nil }}, nil
}

// parseForeign names a file system of desktop computers, which takes all of what holds it and is not read.
func parseForeign(b *builder, s section) (*piece, error) {
	p := &piece{size: s.size, detail: "a file system of desktop computers"}
	p.note("file system", 0, s.size, fail(Unsupported, "recognised, not read; mount a copy and give the folder"))
	return p, nil
}
