package firmware

import (
	"crypto/sha256"
	"fmt"
	"io"
	"strings"
)

// Images of Espressif's chips, as the documentation of esptool describes them under "Firmware Image Format", and the
// partition table of ESP-IDF.

var espChips = map[uint16]string{0: "ESP32", 2: "ESP32-S2", 5: "ESP32-C3", 9: "ESP32-S3", 12: "ESP32-C2", 13: "ESP32-C6", 16: "ESP32-H2",
	18: "ESP32-P4", 20: "ESP32-C61", 23: "ESP32-C5"}

const espSector = 4096

func parseESP(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, 24)
	if err != nil {
		return nil, err
	}
	if h[1] == 0 || h[1] > 16 || h[2] > 5 && h[2] != 0xff {
		return nil, fmt.Errorf("segments %d, flash mode %d", h[1], h[2])
	}
	chip := le.Uint16(h[12:])
	if espChips[chip] != "" && h[23] <= 1 {
		if p, err := espImage(s, 24, espChips[chip], h[23] == 1); err == nil {
			return p, nil
		}
	}
	return espImage(s, 8, "ESP8266", false)
}

// espImage walks the segments, whose xor and place tell a true image.
func espImage(s section, head int64, chip string, hashed bool) (*piece, error) {
	h, err := s.bytes(0, head)
	if err != nil {
		return nil, err
	}
	p := &piece{kind: "esp-image", inner: []piece{{size: head, kind: KindHeader}}}
	sum := byte(0xef)
	off := head
	for i := range int(h[1]) {
		g, err := s.bytes(off, 8)
		if err != nil {
			return nil, err
		}
		addr, n := le.Uint32(g), int64(le.Uint32(g[4:]))
		if n > 16<<20 || n%4 != 0 || addr != 0 && addr < 0x3c000000 || addr >= 0x70000000 {
			return nil, fmt.Errorf("segment of %d bytes for 0x%x", n, addr)
		}
		if n > s.size-off-8 {
			if i == 0 {
				return nil, fmt.Errorf("no whole segment")
			}
			p.note("esp-image", off, n, fail(Truncated, "segment %d ends beyond the input; get a whole copy of the image", i))
			p.size = s.size
			p.detail = chip + " image, cut"
			return p, nil
		}
		data, err := s.bytes(off+8, n)
		if err != nil {
			return nil, err
		}
		for _, c := range data {
			sum ^= c
		}
		if i == 0 && n >= 80 {
			p.name, p.detail = espDescription(data)
		}
		p.inner = append(p.inner, piece{off: off, size: 8 + n, kind: "segment", detail: fmt.Sprintf("loads at 0x%x", addr)})
		off += 8 + n
	}
	off = off/16*16 + 16
	end, err := s.bytes(off-1, 1)
	if err != nil {
		return nil, err
	}
	if end[0] != sum {
		return nil, fmt.Errorf("checksum")
	}
	words := []string{chip + " image", fmt.Sprintf("%d segments, entry 0x%x, checksum right", h[1], le.Uint32(h[4:]))}
	if p.detail != "" {
		words = append(words, p.detail)
	}
	if hashed {
		digest := espHash(s, off)
		if digest != "digest right" {
			p.note("esp-image", 0, off, fail(Corrupt, "%s, so it was cut, damaged or changed; get a fresh copy of the image", digest))
		}
		words = append(words, digest)
		off = min(off+32, s.size)
	}
	last := p.inner[len(p.inner)-1]
	p.inner = append(p.inner, piece{off: last.off + last.size, size: off - last.off - last.size, kind: "checksum"})
	p.size = off
	words = append(words, espSigned(s, p))
	p.detail = strings.Join(words, ", ")
	return p, nil
}

func espHash(s section, off int64) string {
	want, err := s.bytes(off, 32)
	if err != nil {
		return "digest missing"
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(s.r, 0, off)); err != nil || string(h.Sum(nil)) != string(want) {
		return "digest wrong"
	}
	return "digest right"
}

// espSigned says whether a signature block of secure boot follows, and takes it into the piece.
func espSigned(s section, p *piece) string {
	sector := (p.size + espSector - 1) / espSector * espSector
	if h, err := s.bytes(sector, 4); err == nil && h[0] == 0xe7 && (h[1] == 2 || h[1] == 3) {
		size := min(int64(espSector), s.size-sector)
		p.inner = append(p.inner, piece{off: p.size, size: sector - p.size, kind: KindPadding},
			piece{off: sector, size: size, kind: "signature", detail: "secure boot version 2"})
		p.size = sector + size
		return "signed for secure boot version 2"
	}
	return "no signature block follows"
}

// espDescription reads the description that ESP-IDF puts at the start of an application or boot loader.
func espDescription(p []byte) (name, detail string) {
	if le.Uint32(p) == 0xabcd5432 && len(p) >= 176 {
		return printable(p[48:80]), fmt.Sprintf("version %q, built %s %s, ESP-IDF %s", printable(p[16:48]), printable(p[96:112]), printable(p[80:96]), printable(p[112:144]))
	}
	if p[0] == 0x50 && len(p) >= 64 && p[8] == 'v' {
		return "boot loader", fmt.Sprintf("ESP-IDF %s, built %s", printable(p[8:40]), printable(p[40:64]))
	}
	return "", ""
}

// parseESP8266v2 reads the image that starts with the part kept in flash, which an image of the first form follows.
func parseESP8266v2(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, 16)
	if err != nil {
		return nil, err
	}
	n := int64(le.Uint32(h[12:]))
	if h[1] != 4 || n == 0 || n > 4<<20 || n > s.size-16 {
		return nil, fmt.Errorf("no such segment")
	}
	tail, err := espImage(s.sub(16+n, s.size), 8, "ESP8266", false)
	if err != nil {
		return nil, err
	}
	p := &piece{kind: "esp-image", size: 16 + n + tail.size, detail: "ESP8266 image version 2, " + tail.detail,
		inner: []piece{{size: 16, kind: KindHeader}, {off: 16, size: n, kind: "segment", detail: "runs from flash"}}}
	for _, q := range tail.inner {
		q.off += 16 + n
		p.inner = append(p.inner, q)
	}
	return p, nil
}

var espParts = map[byte]string{0: "app", 1: "data"}

// parseESPTable reads a partition table and says where the partitions lie in flash. They are found by themselves.
func parseESPTable(b *builder, s section) (*piece, error) {
	p := &piece{}
	var words []string
	for off := int64(0); off < 0xc00; off += 32 {
		e, err := s.bytes(off, 32)
		if err != nil || e[0] != 0xaa || e[1] != 0x50 {
			if err == nil && e[0] == 0xeb && e[1] == 0xeb {
				p.inner = append(p.inner, piece{off: off, size: 32, kind: "digest"})
				p.size = off + 32
			}
			break
		}
		at, size := le.Uint32(e[4:]), le.Uint32(e[8:])
		if at%espSector != 0 || at > 64<<20 || size > 64<<20 {
			return nil, fmt.Errorf("partition of %d bytes at 0x%x", size, at)
		}
		encrypted := ""
		if e[28]&1 != 0 {
			encrypted = " encrypted"
		}
		name := printable(e[12:28])
		words = append(words, fmt.Sprintf("%s at 0x%x", name, at))
		p.inner = append(p.inner, piece{off: off, size: 32, kind: "partition", name: name,
			detail: fmt.Sprintf("%s/%d at 0x%x, %d bytes%s", espParts[e[2]], e[3], at, size, encrypted)})
		p.size = off + 32
	}
	if len(words) == 0 {
		return nil, fmt.Errorf("no entries")
	}
	p.detail = "ESP partition table: " + strings.Join(words, ", ")
	return p, nil
}
