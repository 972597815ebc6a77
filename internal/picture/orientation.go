package picture

import (
	"bytes"
	"encoding/binary"
)

// orientation is how the camera was held, 1 to 8, as the file says; 1 where it says
// nothing that can be read.
func orientation(format string, data []byte) int {
	var exif []byte
	switch format {
	case "JPEG":
		eachSegment(data, func(marker byte, body []byte) bool {
			if rest, ok := bytes.CutPrefix(body, []byte("Exif\x00\x00")); marker == 0xe1 && ok {
				exif = rest
			}
			return exif == nil
		})
	case "PNG":
		exif = chunk(data, 8, "eXIf", binary.BigEndian, false)
	case "WebP":
		exif = chunk(data, 12, "EXIF", binary.LittleEndian, true)
		if len(exif) > 6 && string(exif[:6]) == "Exif\x00\x00" {
			exif = exif[6:]
		}
	}
	return tiffOrientation(exif)
}

// progressive reports whether a JPEG is made of several passes.
func progressive(data []byte) bool {
	found := false
	eachSegment(data, func(marker byte, _ []byte) bool {
		found = found || marker == 0xc2 || marker == 0xc6 || marker == 0xca || marker == 0xce
		return !found
	})
	return found
}

// eachSegment goes through the segments of a JPEG before its first scan until f says
// that it has enough.
func eachSegment(data []byte, f func(marker byte, body []byte) bool) {
	for at := 2; at+4 <= len(data) && data[at] == 0xff; {
		marker := data[at+1]
		switch {
		case marker == 0xff: // filling
			at++
			continue
		case marker == 0xda || marker == 0xd9:
			return
		case marker == 1 || marker >= 0xd0 && marker <= 0xd7: // without a body
			at += 2
			continue
		}
		n := int(binary.BigEndian.Uint16(data[at+2:]))
		if n < 2 || at+2+n > len(data) || !f(marker, data[at+4:at+2+n]) {
			return
		}
		at += 2 + n
	}
}

// chunk is the body of the first chunk of that kind. In RIFF the kind stands before
// the length and bodies are filled to even; in PNG a checksum follows each.
func chunk(data []byte, at int, kind string, order binary.ByteOrder, riff bool) []byte {
	for at+8 <= len(data) {
		length, name, next := uint64(order.Uint32(data[at:])), string(data[at+4:at+8]), uint64(4)
		if riff {
			name, length = string(data[at:at+4]), uint64(order.Uint32(data[at+4:]))
			next = length & 1
		}
		if length > uint64(len(data)-at-8) {
			return nil
		}
		if name == kind {
			return data[at+8 : at+8+int(length)]
		}
		if at += 8 + int(length+next); at < 0 {
			return nil
		}
	}
	return nil
}

// tiffOrientation reads tag 274 of the first directory of a TIFF structure.
func tiffOrientation(b []byte) int {
	if len(b) < 8 {
		return 1
	}
	var order binary.ByteOrder
	switch string(b[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return 1
	}
	at := uint64(order.Uint32(b[4:]))
	if at+2 > uint64(len(b)) {
		return 1
	}
	entries := int(order.Uint16(b[at:]))
	for e := b[at+2:]; entries > 0 && len(e) >= 12; entries-- {
		const short = 3
		if order.Uint16(e) == 274 && order.Uint16(e[2:]) == short && order.Uint32(e[4:]) == 1 {
			if v := int(order.Uint16(e[8:])); v >= 1 && v <= 8 {
				return v
			}
			return 1
		}
		e = e[12:]
	}
	return 1
}
