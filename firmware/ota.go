package firmware

import (
	"encoding/binary"
	"fmt"
	"strings"
)

var le = binary.LittleEndian

// parseZigbee reads the upgrade file of Zigbee Cluster Library 8, 11.4 "OTA File Format".
func parseZigbee(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, 56)
	if err != nil {
		return nil, err
	}
	head, total := int64(le.Uint16(h[6:])), int64(le.Uint32(h[52:]))
	if le.Uint16(h[4:]) != 0x100 || head < 56 || head > 69 || total < head {
		return nil, fmt.Errorf("header of %d bytes, %d in all", head, total)
	}
	p := &piece{size: total, name: printable(h[20:52]), detail: fmt.Sprintf("Zigbee OTA, manufacturer 0x%04x, image type 0x%04x, file version 0x%08x, %d bytes",
		le.Uint16(h[10:]), le.Uint16(h[12:]), le.Uint32(h[14:]), total)}
	p.inner = []piece{{size: head, kind: KindHeader}}
	if total > s.size {
		p.note("zigbee-ota", 0, total, fail(Truncated, "%d of %d bytes are there; get a whole copy of the image", s.size, total))
		p.size = s.size
	}
	names := map[uint16]string{0: "upgrade image", 1: "ECDSA signature", 2: "ECDSA certificate", 3: "integrity code", 4: "picture", 5: "ECDSA signature, suite 2", 6: "ECDSA certificate, suite 2"}
	signed := false
	for off := head; off+6 <= p.size; {
		e, err := s.bytes(off, 6)
		if err != nil {
			break
		}
		tag, n := le.Uint16(e), int64(le.Uint32(e[2:]))
		if len(p.inner) > 1000 {
			p.note("zigbee-ota", off, p.size-off, fail(Limit, "more than 1000 elements; read it by hand"))
			break
		}
		if n > p.size-off-6 {
			p.note("zigbee-ota element", off, n, fail(Truncated, "element 0x%04x reaches beyond the end; a vendor's own form, or get a whole copy of the image", tag))
			n = p.size - off - 6
		}
		name := names[tag]
		if name == "" {
			name = fmt.Sprintf("element 0x%04x", tag)
		}
		signed = signed || tag == 1 || tag == 5
		el := piece{off: off, size: 6 + n, kind: "element", name: name, scan: tag == 0 || tag >= 0xf000}
		if el.scan {
			el.inner = []piece{{off: off, size: 6, kind: KindHeader}}
		}
		p.inner = append(p.inner, el)
		off += 6 + n
	}
	if signed {
		p.detail += ", signed"
	} else {
		p.detail += ", no Zigbee signature"
	}
	return p, nil
}

// parseMatter reads the upgrade file of Matter 1.0, 11.20.
func parseMatter(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, 16)
	if err != nil {
		return nil, err
	}
	total, head := int64(le.Uint64(h[4:])), int64(le.Uint32(h[12:]))
	if total < 16 || total > 1<<40 || head > 4096 || 16+head > total {
		return nil, fmt.Errorf("header of %d bytes, %d in all", head, total)
	}
	tlv, err := s.bytes(16, head)
	if err != nil {
		return nil, err
	}
	if len(tlv) == 0 || tlv[0] != 0x15 {
		return nil, fmt.Errorf("no structure")
	}
	p := &piece{size: total, detail: "Matter OTA, " + matterWords(tlv) + ", digest of the payload, no signature of the file itself"}
	p.inner = []piece{{size: 16 + head, kind: KindHeader}, {off: 16 + head, size: min(total, s.size) - 16 - head, kind: "payload", scan: true}}
	if total > s.size {
		p.note("matter-ota", 0, total, fail(Truncated, "%d of %d bytes are there; get a whole copy of the image", s.size, total))
		p.size = s.size
	}
	return p, nil
}

// matterWords reads the plain fields of the header: one structure of values with one-byte tags.
func matterWords(p []byte) string {
	names := map[byte]string{0: "vendor", 1: "product", 2: "version", 3: "version string"}
	var words []string
	if len(p) > 0 && p[0] == 0x15 {
		p = p[1:]
	}
	for len(p) >= 2 && p[0]>>5 == 1 {
		typ, tag := p[0]&0x1f, p[1]
		p = p[2:]
		switch {
		case typ < 8: // integers of 1, 2, 4 and 8 bytes
			n := 1 << (typ & 3)
			if len(p) < n {
				return strings.Join(words, ", ")
			}
			var w [8]byte
			copy(w[:], p[:n])
			if name := names[tag]; name != "" {
				words = append(words, fmt.Sprintf("%s 0x%x", name, le.Uint64(w[:])))
			}
			p = p[n:]
		case typ == 12 || typ == 16: // text and bytes with a one-byte length
			if len(p) < 1 || len(p) < 1+int(p[0]) {
				return strings.Join(words, ", ")
			}
			if name := names[tag]; name != "" {
				words = append(words, fmt.Sprintf("%s %q", name, printable(p[1:1+int(p[0])])))
			}
			p = p[1+int(p[0]):]
		default:
			return strings.Join(words, ", ")
		}
	}
	return strings.Join(words, ", ")
}

// parseMCUboot reads the image of MCUboot (docs/design.md, "Image format").
func parseMCUboot(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, 32)
	if err != nil {
		return nil, err
	}
	head, protected, size := int64(le.Uint16(h[8:])), int64(le.Uint16(h[10:])), int64(le.Uint32(h[12:]))
	flags := le.Uint32(h[16:])
	if head < 32 || head > 1<<14 || size == 0 || size > 1<<28 || protected > 1<<14 || flags>>16 != 0 || le.Uint32(h[28:]) != 0 {
		return nil, fmt.Errorf("header of %d bytes", head)
	}
	p := &piece{size: head + size, inner: []piece{{size: head, kind: KindHeader}}}
	words := []string{fmt.Sprintf("MCUboot image, version %d.%d.%d+%d", h[20], h[21], le.Uint16(h[22:]), le.Uint32(h[24:]))}
	if p.size > s.size {
		p.note("mcuboot", 0, p.size, fail(Truncated, "%d of %d bytes are there; get a whole copy of the image", s.size, p.size))
		p.size = s.size
		p.detail = words[0]
		return p, nil
	}
	body := piece{off: head, size: size, kind: "payload", scan: true}
	if flags&0xc != 0 {
		words = append(words, "encrypted")
		body.scan, body.kind = false, KindOpaque
		p.note("mcuboot payload", head, size, fail(Encrypted, "the header says that it is encrypted; ask the maker for the plain image"))
	}
	p.inner = append(p.inner, body)
	names := map[uint16]string{0x10: "SHA-256", 0x11: "SHA-384", 0x12: "SHA-512", 0x20: "RSA-2048 signature", 0x21: "ECDSA-224 signature", 0x22: "ECDSA signature",
		0x23: "RSA-3072 signature", 0x24: "Ed25519 signature", 0x30: "RSA-encrypted key", 0x31: "wrapped key", 0x32: "EC-encrypted key", 0x33: "X25519-encrypted key"}
	signed := false
	off := p.size
	for range 2 { // the protected list, then the other
		t, err := s.bytes(off, 4)
		if err != nil || le.Uint16(t) != 0x6907 && le.Uint16(t) != 0x6908 {
			break
		}
		n := int64(le.Uint16(t[2:]))
		list, err := s.bytes(off, n)
		if err != nil || n < 4 {
			break
		}
		p.inner = append(p.inner, piece{off: off, size: n, kind: "trailer"})
		for e := list[4:]; len(e) >= 4; {
			typ, k := le.Uint16(e), int(le.Uint16(e[2:]))
			if name := names[typ]; name != "" {
				words = append(words, name)
				signed = signed || typ >= 0x20 && typ < 0x30
			}
			if k > len(e)-4 {
				break
			}
			e = e[4+k:]
		}
		off += n
	}
	p.size = max(off, p.size)
	if protected > 0 {
		words = append(words, "protected trailer")
	}
	if !signed {
		words = append(words, "no signature")
	}
	p.detail = strings.Join(words, ", ")
	return p, nil
}

// parseGBL reads Silicon Labs' update image (UG489, "Gecko Bootloader file format"): tags with lengths.
func parseGBL(b *builder, s section) (*piece, error) {
	names := map[uint32]string{0x03a617eb: "header", 0xf40a0af4: "application", 0xfe0101fe: "program", 0xfd0303fd: "program", 0xfd0505fd: "program, lz4",
		0xfd0707fd: "program, lzma", 0xf50909f5: "boot loader", 0xfa0606fa: "encryption header", 0xf90707f9: "encrypted data", 0xf70a0af7: "ECDSA signature",
		0xf30b0bf3: "certificate", 0xf60808f6: "metadata", 0x76a617eb: "version dependency", 0x5ea617eb: "secure element update", 0xfc0404fc: "end"}
	p := &piece{}
	var words []string
	signed, encrypted, ended := false, false, false
	for off := int64(0); !ended; {
		h, err := s.bytes(off, 8)
		if err != nil {
			break
		}
		id, n := le.Uint32(h), int64(le.Uint32(h[4:]))
		name := names[id]
		if name == "" || n > s.size-off-8 || len(p.inner) > 10_000 {
			break
		}
		el := piece{off: off, size: 8 + n, kind: "element", name: name}
		switch id {
		case 0xf70a0af7:
			signed = true
		case 0xfa0606fa, 0xf90707f9:
			encrypted = true
			el.kind = KindOpaque
		case 0xfc0404fc:
			ended = true
		}
		p.inner = append(p.inner, el)
		off += 8 + n
		p.size = off
	}
	if len(p.inner) < 2 {
		return nil, fmt.Errorf("no elements")
	}
	words = append(words, fmt.Sprintf("Gecko Bootloader image, %d elements", len(p.inner)))
	if signed {
		words = append(words, "signed")
	} else {
		words = append(words, "no signature")
	}
	if encrypted {
		words = append(words, "encrypted")
		p.note("gbl", 0, p.size, fail(Encrypted, "its elements say that it is encrypted; ask the maker for the plain image"))
	}
	if !ended {
		p.note("gbl", p.size, 0, fail(Truncated, "it has no end element; get a whole copy of the image"))
	}
	p.detail = strings.Join(words, ", ")
	return p, nil
}

// parseNGIS reads the signed wrapper that IKEA puts around Zigbee updates.
func parseNGIS(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, 32)
	if err != nil {
		return nil, err
	}
	at, size, behind := int64(le.Uint32(h[16:])), int64(le.Uint32(h[20:])), int64(le.Uint32(h[24:]))
	if at < 32 || at+size != behind || behind > s.size {
		return nil, fmt.Errorf("payload of %d bytes at 0x%x", size, at)
	}
	return &piece{size: s.size, detail: fmt.Sprintf("signed wrapper, payload of %d bytes at 0x%x", size, at),
		inner: []piece{{size: at, kind: KindHeader, detail: "certificates"}, {off: at, size: size, kind: "payload", scan: true},
			{off: behind, size: s.size - behind, kind: "signature"}}}, nil
}
