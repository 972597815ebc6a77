package password

import "fmt"

// power says which families this number of rows can and cannot rule out.
func (f *finder) power(rows int64) []Power {
	n := len(f.rows)
	idents := len(f.idents) > 0
	need := func(family string, rows int, ids bool, note string) Power {
		visible := rows > 0 && n >= rows && (!ids || idents)
		if ids && !idents {
			note = "no identifier column was given; " + note
		}
		return Power{family, rows, visible, note}
	}
	out := []Power{
		need("the same password for several units", 2, false, fmt.Sprintf("all %d rows were compared exactly", rows)),
		need("a small pool of passwords", 10, false, fmt.Sprintf("a pool of less than about %.3g would have shown a repeat", float64(rows)*float64(rows)/28)),
		need("a counter or a common stem", 10, false, "any natural alphabet, step and order; a counter that a secret permutation of its alphabet hides shows as a dependence on the identifiers"),
		need("parts of an identifier, copied, reversed or rearranged", 4, true, ""),
		need("an affine function of an identifier, any modulus", 8, true, ""),
		need("an unkeyed hash of identifiers, or one with a salt among those tried", 3, true, fmt.Sprintf("%d constants were tried as salts and keys", len(f.o.Constants))),
		need("a generator seeded with an identifier", 3, true, "common library generators only"),
		need("a substitution table or a dependence on one character", 100, true, "weak dependences need 300 rows or more"),
		need("a table for each character, XORed or added (linear)", 200, true, "fewer when identifiers follow each other"),
		need("words, dates and runs", 30, false, "English words and names only"),
		need("uneven or dependent characters", 300, false, ""),
		{"a hash with a salt that is not among those tried, or a private algorithm", 0, false, "no black-box test shows it: the mechanism must be declared"},
		{"a keyed construction whose key is not secret", 0, false, "key custody must be declared; a key among the constants tried would have been found"},
	}
	if int64(n) < rows {
		out = append(out, Power{"a weakness of few units among many", 0, false, fmt.Sprintf("statistics saw a sample of %d rows: a scheme used for less than one unit in a hundred may escape it", n)})
	}
	return out
}
