package password

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// message is a text or number of a row that a generator may take as its input.
type message struct {
	words  string
	alone  bool // made of one identifier, that of the column
	column int
	cased  bool // a tail, or the text in another case: a pair with a separator is not made of it
	rare   bool // tried with the common digests only
	of     func(dst []byte, r *Row) []byte
}

// identMessages gives the forms of one identifier, the usual ones first. Of all forms the first usualForms are
// also tried with salts and together with another identifier.
func identMessages(c Column, i int, d *ident) []message {
	var out []message
	rare := false
	text := func(words string, f func(s string) string) {
		out = append(out, message{words: words, alone: true, column: i, rare: rare, cased: strings.HasSuffix(words, "case") || strings.HasPrefix(words, "last"), of: func(dst []byte, r *Row) []byte {
			if i >= len(r.Values) {
				return dst
			}
			return append(dst, f(r.Values[i])...)
		}})
	}
	name := roleWords(c)
	if c.Role == RoleMAC {
		text(name+" without separators", macText)
		text(name+" without separators in lower case", func(s string) string { return strings.ToLower(macText(s)) })
		text(name+" with colons", func(s string) string { return separated(macText(s), ":") })
		text(name+" with colons in lower case", func(s string) string { return separated(strings.ToLower(macText(s)), ":") })
		text("six bytes of the "+name, func(s string) string { return rawHex(macText(s)) })
		text(name+" with hyphens", func(s string) string { return separated(macText(s), "-") })
		text(name+" with hyphens in lower case", func(s string) string { return separated(strings.ToLower(macText(s)), "-") })
		for _, n := range []int{10, 8, 6, 4} {
			text(fmt.Sprintf("last %d digits of the %s", n, name), func(s string) string { return lastN(macText(s), n) })
			text(fmt.Sprintf("last %d digits of the %s in lower case", n, name), func(s string) string { return strings.ToLower(lastN(macText(s), n)) })
			if n >= 4 {
				text(fmt.Sprintf("last %d bytes of the %s", n/2, name), func(s string) string { return rawHex(lastN(macText(s), n)) })
			}
		}
		text("first 6 digits of the "+name, func(s string) string { return macText(s)[:min(6, len(macText(s)))] })
		text(name+" reversed", func(s string) string { return reversed(macText(s)) })
		text(name+" in decimal", func(s string) string { return rebase(macText(s), 16, 10, 0) })
		text("last three bytes of the "+name+" in decimal", func(s string) string { return rebase(lastN(macText(s), 6), 16, 10, 0) })
		text("last four bytes of the "+name+" in decimal", func(s string) string { return rebase(lastN(macText(s), 8), 16, 10, 0) })
		rare = true
		for k := -8; k <= 8; k++ {
			if k == 0 {
				continue
			}
			shifted := func(s string) string { return shiftMAC(macText(s), k) }
			text(fmt.Sprintf("%s %+d without separators", name, k), shifted)
			text(fmt.Sprintf("%s %+d without separators in lower case", name, k), func(s string) string { return strings.ToLower(shifted(s)) })
			text(fmt.Sprintf("%s %+d with colons", name, k), func(s string) string { return separated(shifted(s), ":") })
			text(fmt.Sprintf("%s %+d with colons in lower case", name, k), func(s string) string { return separated(strings.ToLower(shifted(s)), ":") })
			text(fmt.Sprintf("six bytes of the %s %+d", name, k), func(s string) string { return rawHex(shifted(s)) })
			text(fmt.Sprintf("last 6 digits of the %s %+d", name, k), func(s string) string { return lastN(shifted(s), 6) })
		}
		return out
	}
	text(name, trimmed)
	text(name+" in upper case", strings.ToUpper)
	text(name+" in lower case", strings.ToLower)
	text("digits of the "+name, digitText)
	text("letters and digits of the "+name, alnumText)
	text(name+" reversed", reversed)
	text("text of the "+name+" after its last separator", afterSeparator)
	text("text of the "+name+" before its last separator", func(s string) string { return strings.TrimSuffix(s, afterSeparator(s)) })
	text("digits of the "+name+" without leading zeros", func(s string) string { return strings.TrimLeft(digitText(s), "0") })
	for _, n := range []int{4, 5, 6, 7, 8, 9, 10, 12} {
		text(fmt.Sprintf("last %d characters of the %s", n, name), func(s string) string { return lastN(s, n) })
		text(fmt.Sprintf("first %d characters of the %s", n, name), func(s string) string { return s[:min(n, len(s))] })
	}
	for _, n := range []int{1, 2, 3, 4} {
		text(fmt.Sprintf("%s without its first %s", name, plural(n, "character")), func(s string) string { return s[min(n, len(s)):] })
	}
	text("bytes that the "+name+" spells in hexadecimal", func(s string) string { return rawHex(alnumText(s)) })
	text("digits of the "+name+" in hexadecimal", func(s string) string { return rebase(lastN(digitText(s), 18), 10, 16, 0) })
	for _, n := range []int{4, 8} {
		for _, little := range []bool{false, true} {
			end := map[bool]string{false: "big-endian", true: "little-endian"}[little]
			text(fmt.Sprintf("digits of the %s as a %d-byte %s number", name, n, end), func(s string) string { return packed(digitText(s), n, little) })
		}
	}
	return out
}

const usualForms = 5

func separated(hexDigits, sep string) string {
	if len(hexDigits) != 12 {
		return hexDigits
	}
	var b strings.Builder
	for i := 0; i < 12; i += 2 {
		if i > 0 {
			b.WriteString(sep)
		}
		b.WriteString(hexDigits[i : i+2])
	}
	return b.String()
}

func rawHex(s string) string {
	b, err := hex.DecodeString(s)
	if err != nil {
		return ""
	}
	return string(b)
}

func shiftMAC(s string, k int) string {
	v, err := strconv.ParseUint(s, 16, 64)
	if err != nil || len(s) != 12 {
		return ""
	}
	return fmt.Sprintf("%012X", (v+uint64(int64(k)))&(1<<48-1))
}

func afterSeparator(s string) string {
	i := strings.LastIndexAny(s, "-_. :")
	return s[i+1:]
}

func packed(s string, n int, little bool) string {
	v, err := strconv.ParseUint(lastN(s, 19), 10, 64)
	if err != nil {
		return ""
	}
	b := binary.BigEndian.AppendUint64(nil, v)[8-n:]
	if little {
		for i, j := 0, n-1; i < j; i, j = i+1, j-1 {
			b[i], b[j] = b[j], b[i]
		}
	}
	return string(b)
}

// messages gives all forms of all identifiers, and of two identifiers in both orders.
func (f *finder) messages() (all, usual []message) {
	per := make([][]message, len(f.idents))
	for k, d := range f.idents {
		per[k] = identMessages(f.columns[d.column], d.column, d)
		// A text that is the same in all rows is a salt, not a message.
		if f.constant(d) {
			continue
		}
		all = append(all, per[k]...)
		usual = append(usual, per[k][:usualForms]...)
	}
	chosen := f.likely()
	for _, i := range chosen {
		for _, j := range chosen {
			if i == j || f.constant(f.idents[i]) && f.constant(f.idents[j]) {
				continue
			}
			for _, a := range pairForms(per[i]) {
				for _, b := range pairForms(per[j]) {
					for k, sep := range []string{"", "-", ":", "_", " ", ",", "|"} {
						if k > 0 && (a.cased || b.cased) {
							break
						}
						words := a.words + " and then " + b.words
						if sep != "" {
							words += fmt.Sprintf(" with %q between", sep)
						}
						all = append(all, message{words: words, rare: true, of: func(dst []byte, r *Row) []byte { return b.of(append(a.of(dst, r), sep...), r) }})
					}
				}
			}
		}
	}
	// Three identifiers, in the order of the columns and the other way round.
	if len(chosen) >= 3 {
		for _, k := range []int{0, 1} {
			three := []message{per[chosen[0]][k], per[chosen[1]][k], per[chosen[2]][k]}
			for _, o := range [][3]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
				a, b, c := three[o[0]], three[o[1]], three[o[2]]
				all = append(all, message{words: a.words + ", " + b.words + " and " + c.words, rare: true, of: func(dst []byte, r *Row) []byte { return c.of(b.of(a.of(dst, r), r), r) }})
			}
		}
	}
	return all, usual
}

// mostPaired bounds how many identifiers are tried together with others.
const mostPaired = 4

// likely gives the identifiers that generators combine most, at most mostPaired, in the order of the columns.
func (f *finder) likely() []int {
	rank := map[Role]int{RoleMAC: 0, RoleSerial: 1, RoleSSID: 2, RoleIMEI: 3, RoleModel: 4, RoleBrand: 5, RoleOther: 6, RoleDate: 7}
	idx := make([]int, len(f.idents))
	for i := range idx {
		idx[i] = i
	}
	slices.SortStableFunc(idx, func(a, b int) int { return rank[f.idents[a].role] - rank[f.idents[b].role] })
	idx = idx[:min(len(idx), mostPaired)]
	slices.Sort(idx)
	return idx
}

// pairForms gives the forms of an identifier that are tried together with another: the usual ones and short tails.
func pairForms(ms []message) []message {
	out := ms[:4:4]
	for _, m := range ms[4:] {
		if strings.HasPrefix(m.words, "last 4 ") || strings.HasPrefix(m.words, "last 6 digits") && !strings.Contains(m.words, "+") && !strings.Contains(m.words, "-") || strings.HasPrefix(m.words, "last 6 characters") {
			out = append(out, m)
		}
	}
	return out
}

// constant tells whether an identifier is the same in all rows of the sample.
func (f *finder) constant(d *ident) bool {
	for _, r := range f.rows {
		if d.of(r) != d.of(f.rows[0]) {
			return false
		}
	}
	return true
}
