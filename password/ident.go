package password

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ident is one identifier of the units, in one normal form: a column's text, with its separators gone where they carry
// nothing, or the same number written in another base.
type ident struct {
	column int
	words  string
	role   Role
	form   func(value string) string
}

// of returns the identifier of a row.
func (d *ident) of(r *Row) string {
	if d.column >= len(r.Values) {
		return ""
	}
	return d.form(r.Values[d.column])
}

// capitalHex are the hexadecimal digits in capitals: a table, since no branch foresees which of them comes next.
var capitalHex = func() (t [256]bool) {
	for _, c := range "0123456789ABCDEF" {
		t[c] = true
	}
	return t
}()

// macText gives the twelve digits of a MAC address in capitals, or the text itself if it is not one.
func macText(s string) string {
	i := 0
	for i < len(s) && capitalHex[s[i]] {
		i++
	}
	if i == len(s) {
		return s // nothing to be changed, and nothing to be copied
	}
	var out [16]byte
	n := 0
	for i := range len(s) {
		c := s[i]
		switch {
		case c == ':' || c == '-' || c == '.' || c == ' ':
			continue
		case c >= 'a' && c <= 'f':
			c -= 'a' - 'A'
		case c >= '0' && c <= '9', c >= 'A' && c <= 'F':
		default:
			return s
		}
		if n == len(out) {
			return s
		}
		out[n] = c
		n++
	}
	return string(out[:n])
}

// trimmed is strings.TrimSpace, quicker where there is nothing to trim.
func trimmed(s string) string {
	if n := len(s); n > 0 && s[0] > ' ' && s[0] < utf8.RuneSelf && s[n-1] > ' ' && s[n-1] < utf8.RuneSelf {
		return s
	}
	return strings.TrimSpace(s)
}

// alnumText drops everything but letters and digits.
func alnumText(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 128 && alnum(byte(r)) {
			return r
		}
		return -1
	}, s)
}

func digitText(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

func reversed(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}

// primary gives the normal form of every identifier column.
func primary(cols []Column) []*ident {
	var out []*ident
	for i, c := range cols {
		d := &ident{column: i, words: roleWords(c), role: c.Role}
		switch c.Role {
		case RolePassword, RoleIgnore:
			continue
		case RoleMAC:
			d.form = macText
		default:
			d.form = alnumText
		}
		out = append(out, d)
	}
	return out
}

func roleWords(c Column) string {
	switch c.Role {
	case RoleMAC:
		if strings.EqualFold(c.Name, "bssid") {
			return "BSSID"
		}
		return "MAC address"
	case RoleSerial:
		return "serial number"
	case RoleIMEI:
		return "IMEI"
	case RoleSSID:
		return "SSID"
	case RoleModel, RoleBrand:
		return string(c.Role)
	case RoleDate:
		return "date"
	}
	return "column " + strconv.Quote(short(c.Name))
}

// variants gives, beside the normal form, the ways in which the same identifier is also written.
func (d *ident) variants() []*ident {
	out := []*ident{d}
	add := func(words string, f func(string) string) {
		out = append(out, &ident{d.column, words, d.role, f})
	}
	base := d.form
	switch d.role {
	case RoleMAC:
		add("decimal value of the last three bytes of the "+d.words, func(s string) string { return rebase(lastN(base(s), 6), 16, 10, 8) })
		add("decimal value of the "+d.words, func(s string) string { return rebase(base(s), 16, 10, 15) })
		add("base-36 value of the "+d.words, func(s string) string { return rebase(base(s), 16, 36, 10) })
	default:
		add("hexadecimal value of the digits of the "+d.words, func(s string) string { return rebase(lastN(digitText(s), 18), 10, 16, 0) })
		add("base-36 value of the digits of the "+d.words, func(s string) string { return rebase(lastN(digitText(s), 18), 10, 36, 0) })
		add("hexadecimal value of the "+d.words+" read in base 36", func(s string) string { return rebase(lastN(base(s), 12), 36, 16, 0) })
		add("hexadecimal codes of the characters of the "+d.words, func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(base(s)))) })
		if d.role == RoleSSID {
			add("decimal value of the last six hexadecimal digits of the "+d.words, func(s string) string { return rebase(lastN(hexTail(s), 6), 16, 10, 8) })
		}
	}
	return out
}

// hexTail gives the hexadecimal digits at the end of a text.
func hexTail(s string) string {
	i := len(s)
	for i > 0 && strings.IndexByte("0123456789abcdefABCDEF", s[i-1]) >= 0 {
		i--
	}
	return s[i:]
}

func lastN(s string, n int) string {
	if len(s) > n {
		return s[len(s)-n:]
	}
	return s
}

// rebase writes a number in another base, padded with zeros to a width; empty if the text is not a number of that base
// of at most 64 bits.
func rebase(s string, from, to, width int) string {
	v, err := strconv.ParseUint(s, from, 64)
	if err != nil {
		return ""
	}
	t := strings.ToUpper(strconv.FormatUint(v, to))
	if len(t) < width {
		t = strings.Repeat("0", width-len(t)) + t
	}
	return t
}

// number is an identifier read as a number.
type number struct {
	words string
	of    func(*Row) (uint64, bool)
}

// numbers gives the readings of an identifier as a number of at most 63 bits.
func (d *ident) numbers() []number {
	read := func(words string, base int, f func(string) string) number {
		return number{words, func(r *Row) (uint64, bool) {
			if d.column >= len(r.Values) {
				return 0, false
			}
			v, err := strconv.ParseUint(f(d.form(r.Values[d.column])), base, 63)
			return v, err == nil
		}}
	}
	switch d.role {
	case RoleMAC:
		return []number{
			read("the "+d.words, 16, func(s string) string { return s }),
			read("the last three bytes of the "+d.words, 16, func(s string) string { return lastN(s, 6) }),
			read("the last two bytes of the "+d.words, 16, func(s string) string { return lastN(s, 4) }),
		}
	case RoleSSID:
		return []number{
			read("the hexadecimal tail of the "+d.words, 16, func(s string) string { return lastN(hexTail(s), 12) }),
			read("the digits of the "+d.words, 10, func(s string) string { return lastN(digitText(s), 18) }),
		}
	}
	return []number{
		read("the digits of the "+d.words, 10, func(s string) string { return lastN(digitText(s), 18) }),
		read("the last six digits of the "+d.words, 10, func(s string) string { return lastN(digitText(s), 6) }),
		read("the "+d.words+" read in base 36", 36, func(s string) string { return lastN(s, 12) }),
	}
}

// byTail orders texts as numbers with leading text are ordered: by length, then by bytes.
func byTail(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
