package password

import (
	"fmt"
	"strings"
)

// publicTextMin is the length from which a public text in a password is more than an accident.
const publicTextMin = 4

// texts looks for brand, model, SSID and other public texts that make up passwords.
func (f *finder) texts() {
	type source struct {
		words string
		of    func(r *Row) []string
	}
	var sources []source
	for _, t := range f.o.Public {
		if parts := textParts(t); len(parts) > 0 {
			sources = append(sources, source{"a public text of the product", func(*Row) []string { return parts }})
		}
	}
	for _, d := range f.idents {
		if d.role == RoleModel || d.role == RoleBrand || d.role == RoleSSID {
			sources = append(sources, source{"the " + d.words, func(r *Row) []string {
				if d.column >= len(r.Values) {
					return nil
				}
				return textParts(r.Values[d.column])
			}})
		}
	}
	for _, src := range sources {
		hits, least := 0, 1e9
		for _, r := range f.rows {
			if left, ok := withoutText(r.Password, src.of(r)); ok {
				hits++
				least = min(least, float64(len(left))*6)
			}
		}
		// A constant text before enough random characters is lawful; what counts is what remains without it.
		if hits < 2 || hits*20 < len(f.rows) {
			continue
		}
		f.tried++
		left := f.remains(src.of)
		if left >= offlineFail {
			f.remark(fmt.Sprintf("%s stands in %d passwords beside about %.0f bits of other characters", src.words, hits, left))
			continue
		}
		f.addAll(&Recipe{
			Words: fmt.Sprintf("the password is %s and %.0f bits more at most", src.words, left),
			Limb:  "public", Test: "text", Chance: 0, RemainingBits: left,
			apply: func(r *Row) (string, bool) {
				_, ok := withoutText(r.Password, src.of(r))
				return blank(len(r.Password)), ok
			},
		})
	}
}

// textParts gives the words of a public text that are long enough, and the text without its separators.
func textParts(s string) []string {
	low := strings.ToLower(s)
	parts := strings.FieldsFunc(low, func(r rune) bool { return r < 128 && !alnum(byte(r)) })
	if whole := alnumText(low); len(parts) > 1 {
		parts = append(parts, whole)
	}
	var out []string
	for _, p := range parts {
		if len(p) >= publicTextMin && !allDigits(p) {
			out = append(out, p)
		}
	}
	return out
}

// withoutText removes the longest public text from a password, in plain or leet spelling, forwards or backwards.
func withoutText(pw string, texts []string) (string, bool) {
	low := strings.ToLower(pw)
	plain := leet.Replace(low)
	best := ""
	for _, t := range texts {
		for _, x := range []string{t, reversed(t)} {
			if len(x) > len(best) && (strings.Contains(low, x) || strings.Contains(plain, x)) {
				best = x
			}
		}
	}
	if best == "" {
		return pw, false
	}
	left, at := low, strings.Index(low, best)
	if at < 0 && len(plain) == len(low) {
		at = strings.Index(plain, best)
	}
	if at < 0 {
		return "", true
	}
	return left[:at] + left[at+len(best):], true
}

// remains bounds the bits that are left of passwords once a public text is taken out, over the rows that hold it.
func (f *finder) remains(of func(*Row) []string) float64 {
	groups := map[string][]*Row{}
	for _, r := range f.rows {
		left, ok := withoutText(r.Password, of(r))
		if !ok {
			continue
		}
		c := *r
		c.Password = left
		groups[shape(left)] = append(groups[shape(left)], &c)
	}
	best, most := 0.0, 0
	for _, k := range sortedKeys(groups) {
		g := groups[k]
		if len(g) <= most {
			continue
		}
		most, best = len(g), 0
		if g[0].Password != "" {
			best = newView("", g, nil).bits()
		}
	}
	return best
}
