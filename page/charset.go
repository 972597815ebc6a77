package page

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
)

// decode turns the bytes of a text format into UTF-8. Valid UTF-8 is taken as that whatever was declared, since bytes
// of another encoding are hardly ever valid UTF-8 by chance; otherwise the mark at the start, the declaration in the
// content type or in the page and, last, Windows-1252 decide.
func decode(d *Document, data []byte, contentType string) []byte {
	d.Encoding = "utf-8"
	marked := hasUnicodeMark(data)
	if bytes.HasPrefix(data, []byte("\xef\xbb\xbf")) {
		data = data[3:]
	}
	if !marked && utf8.Valid(data) && !bytes.Contains(data[:min(len(data), 4096)], []byte("\x1b$")) {
		return data
	}
	enc, name, sure := charset.DetermineEncoding(data[:min(len(data), 1024)], contentType)
	if name == "utf-8" || !sure && mostlyUTF8(data) {
		d.condition(BrokenEncoding, Span{}, "some bytes are not text in UTF-8 and were replaced")
		return bytes.ToValidUTF8(data, []byte("\ufffd"))
	}
	d.Encoding = name
	out, err := enc.NewDecoder().Bytes(data)
	if err != nil || !utf8.Valid(out) {
		out = bytes.ToValidUTF8(out, []byte("\ufffd"))
	}
	out = bytes.TrimPrefix(out, []byte("\ufeff"))
	if n := bytes.Count(out, []byte("\ufffd")); n > 0 {
		d.condition(BrokenEncoding, Span{}, fmt.Sprintf("%d places are not text in %s and were replaced", n, strings.ToLower(name)))
	}
	return out
}

// mostlyUTF8 reports whether nearly all that goes beyond ASCII is valid UTF-8, so that a few broken bytes, or a cut in
// the middle of a character, do not turn the whole text into another encoding.
func mostlyUTF8(data []byte) bool {
	good, bad := 0, 0
	for i := 0; i < len(data); {
		if data[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			bad++
		} else {
			good++
		}
		i += n
	}
	return good > 4*bad
}
