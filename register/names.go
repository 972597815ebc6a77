package register

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// line reports text that can stand as a name: plain, on one line, and without
// characters that nobody sees, by which one name could pass for another.
func line(s string) bool {
	return plain(s) && !strings.Contains(s, "\n") && !strings.ContainsFunc(s, unseen)
}

// unseen reports characters that are drawn as nothing, or as empty space, and mean
// nothing in a name. The two joiners are not among them: some scripts are written with
// them.
func unseen(r rune) bool {
	switch {
	case r == joiner || r == nonJoiner:
		return false
	case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r):
		return true
	}
	return r == 0x2800 || r == 0x3164 || r == 0xFFA0 // blanks that count as letters or signs
}

const nonJoiner, joiner = '\u200C', '\u200D'

// NameKey is a name as people see it: two names that look alike have the same. Case,
// spaces, forms of writing and what is not seen count for nothing, and letters of the
// Cyrillic and Greek alphabets count as the Latin ones that they look like.
func NameKey(name string) string {
	if ascii(name) {
		return Fold(name)
	}
	return Fold(strings.Map(func(r rune) rune {
		switch {
		case unseen(r), r == joiner, r == nonJoiner, unicode.Is(unicode.Variation_Selector, r):
			return -1
		}
		r = unicode.ToLower(r)
		if as, there := lookalikes[r]; there {
			return as
		}
		return r
	}, norm.NFKC.String(name)))
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// lookalikes are small letters whose small or capital form looks like a Latin one. Of
// one alphabet hardly two stand for the same, so that its own names stay apart.
var lookalikes = map[rune]rune{
	// Cyrillic
	'а': 'a', 'в': 'b', 'с': 'c', 'ԁ': 'd', 'е': 'e', 'ғ': 'f', 'н': 'h', 'һ': 'h', 'і': 'i', 'ј': 'j', 'к': 'k', 'ӏ': 'l', 'м': 'm', 'о': 'o',
	'р': 'p', 'ԛ': 'q', 'ѕ': 's', 'т': 't', 'ԝ': 'w', 'х': 'x', 'у': 'y', 'ѵ': 'v',
	// Greek
	'α': 'a', 'β': 'b', 'ϲ': 'c', 'ε': 'e', 'η': 'h', 'ι': 'i', 'ϳ': 'j', 'κ': 'k', 'μ': 'm', 'ν': 'n', 'ο': 'o', 'ρ': 'p', 'τ': 't', 'υ': 'y', 'χ': 'x', 'ζ': 'z',
	// Latin that looks like Latin
	'ı': 'i', 'ɡ': 'g', 'ɑ': 'a',
}
