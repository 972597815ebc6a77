package firmware

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"time"
)

// U-Boot's legacy image header (include/image.h) and the names of its numbers.

var (
	uimageOS   = map[byte]string{1: "OpenBSD", 2: "NetBSD", 3: "FreeBSD", 5: "Linux", 14: "VxWorks", 16: "QNX", 17: "U-Boot", 18: "RTEMS", 25: "ARM Trusted Firmware", 26: "TEE", 27: "OpenSBI"}
	uimageArch = map[byte]string{1: "Alpha", 2: "ARM", 3: "x86", 5: "MIPS", 6: "MIPS64", 7: "PowerPC", 10: "SPARC", 12: "m68k", 13: "Nios II", 14: "MicroBlaze", 15: "Nios II", 22: "ARM64", 23: "ARC", 24: "x86-64", 25: "Xtensa", 26: "RISC-V"}
	uimageType = map[byte]string{1: "standalone", 2: "kernel", 3: "ramdisk", 4: "multi-file", 5: "firmware", 6: "script", 7: "file system", 8: "device tree"}
	uimageComp = map[byte]string{0: "none", 1: "gzip", 2: "bzip2", 3: "lzma", 4: "lzo", 5: "lz4", 6: "zstd"}
)

func nameOf(m map[byte]string, b byte) string {
	if s, ok := m[b]; ok {
		return s
	}
	return fmt.Sprint(b)
}

func parseUImage(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, 64)
	if err != nil {
		return nil, err
	}
	want := be.Uint32(h[4:])
	zeroed := append([]byte{}, h...)
	clear(zeroed[4:8])
	crcOK := crc32.ChecksumIEEE(zeroed) == want
	size := int64(be.Uint32(h[12:]))
	typ, comp := h[30], h[31]
	if !crcOK && (uimageType[typ] == "" || uimageArch[h[29]] == "" || uimageOS[h[28]] == "" || comp > 6 || size == 0 || printable(h[32:64]) != string(bytes.TrimRight(h[32:64], "\x00"))) {
		return nil, fmt.Errorf("header checksum")
	}
	p := &piece{size: 64 + size, name: printable(h[32:64]), scan: true}
	p.inner = []piece{{size: 64, kind: KindHeader}}
	sums := "header checksum right"
	if !crcOK {
		sums = "header checksum wrong"
		p.note("uimage header", 0, 64, fail(Corrupt, "its checksum is wrong; a vendor's own form, or get a fresh copy of the image"))
	}
	if p.size > s.size {
		p.note("uimage", 0, p.size, fail(Truncated, "%d of %d bytes are there; get a whole copy of the image", s.size, p.size))
		p.size = s.size
	} else if crcOf(b, s.sub(64, size)) == be.Uint32(h[24:]) {
		sums += ", data checksum right"
	} else {
		sums += ", data checksum wrong"
		p.note("uimage data", 64, size, fail(Corrupt, "its checksum is wrong, so it was damaged or changed; get a fresh copy of the image"))
	}
	p.detail = fmt.Sprintf("%s %s %s, %s, made %s, load 0x%x, entry 0x%x, %s", nameOf(uimageArch, h[29]), nameOf(uimageOS, h[28]), nameOf(uimageType, typ),
		nameOf(uimageComp, comp), time.Unix(int64(be.Uint32(h[8:])), 0).UTC().Format(time.DateOnly), be.Uint32(h[16:]), be.Uint32(h[20:]), sums)
	if typ == 4 {
		p.inner[0].size += uimageParts(s, p)
	}
	return p, nil
}

// uimageParts lists the parts of a multi-file image and returns the size of the list.
func uimageParts(s section, p *piece) int64 {
	var sizes []int64
	at := int64(64)
	for len(sizes) < 64 {
		w, err := s.bytes(at, 4)
		if err != nil {
			return 0
		}
		at += 4
		n := int64(be.Uint32(w))
		if n == 0 {
			break
		}
		sizes = append(sizes, n)
	}
	list := at - 64
	for i, n := range sizes {
		if n > p.size-at {
			break
		}
		p.inner = append(p.inner, piece{off: at, size: n, kind: "part", name: fmt.Sprintf("part %d", i), scan: true})
		at += (n + 3) &^ 3
	}
	return list
}

// crcOf is the usual CRC-32 of a whole section.
func crcOf(b *builder, s section) uint32 {
	h := crc32.NewIEEE()
	r := s.reader(0)
	for b.stopped() == nil {
		if _, err := io.CopyN(h, r, 1<<20); err != nil {
			break
		}
	}
	return h.Sum32()
}
