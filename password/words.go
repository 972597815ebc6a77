package password

import (
	"encoding/json"
	"math"
	"strings"
	"sync"

	"github.com/ccojocar/zxcvbn-go/data"
)

// dictionary gives the rank of common English words, names and passwords, the most frequent first. The lists are those of
// the zxcvbn estimator.
var dictionary = sync.OnceValue(func() map[string]int {
	ranks := map[string]int{}
	for _, name := range []string{"Passwords", "English", "MaleNames", "FemaleNames", "Surnames"} {
		raw, err := data.Asset("data/" + name + ".json")
		if err != nil {
			panic("password: word list " + name + " is missing from the build")
		}
		var list struct{ List []string }
		if err := json.Unmarshal(raw, &list); err != nil {
			panic("password: word list " + name + " is faulty")
		}
		for i, w := range list.List {
			if old, ok := ranks[w]; len(w) >= 3 && (!ok || old > i+1) {
				ranks[w] = i + 1
			}
		}
	}
	return ranks
})

// token is a piece of a password: a word, a number, a run, or single characters.
type token struct {
	kind tokenKind
	text string
	bits float64
}

type tokenKind byte

const (
	tokenChars  tokenKind = 'x'
	tokenWord   tokenKind = 'w'
	tokenDigits tokenKind = 'd'
	tokenDate   tokenKind = 't'
	tokenRun    tokenKind = 'r' // repeats, sequences and keyboard walks
)

var keyboardRows = []string{"qwertyuiop", "asdfghjkl", "zxcvbnm", "1234567890", "qwertzuiop", "azertyuiop", "1qaz", "2wsx", "3edc", "4rfv", "5tgb", "6yhn", "7ujm", "8ik,", "9ol."}

// leet undoes the common substitutions of letters by digits and signs.
var leet = strings.NewReplacer("4", "a", "@", "a", "3", "e", "1", "l", "0", "o", "$", "s", "5", "s", "7", "t", "!", "i")

// tokens cuts a password into the pieces that need the fewest guesses, each a word of the dictionary, a number, a date,
// a run, or single characters drawn from an alphabet of the given size.
func tokens(pw string, alphabet int) ([]token, float64) {
	const longest = 64
	if len(pw) > longest {
		pw = pw[:longest]
	}
	low := strings.ToLower(pw)
	plain := leet.Replace(low)
	if len(low) != len(pw) || len(plain) != len(pw) {
		plain, low = pw, pw // folding changed the length: signs beyond ASCII
	}
	n := len(pw)
	best := make([]float64, n+1)
	last := make([]token, n+1)
	single := math.Log2(math.Max(2, float64(alphabet)))
	dict := dictionary()
	for i := 1; i <= n; i++ {
		best[i] = best[i-1] + single
		last[i] = token{tokenChars, pw[i-1 : i], single}
		try := func(from int, kind tokenKind, bits float64) {
			if c := best[from] + bits + 1; c < best[i] {
				best[i], last[i] = c, token{kind, pw[from:i], bits}
			}
		}
		for from := max(0, i-20); from <= i-3; from++ {
			if r, ok := dict[low[from:i]]; ok {
				try(from, tokenWord, math.Log2(float64(r)+1)+caseBits(pw[from:i]))
			} else if plain != low {
				if r, ok := dict[plain[from:i]]; ok && !allDigits(low[from:i]) {
					try(from, tokenWord, math.Log2(float64(r)+1)+2+caseBits(pw[from:i]))
				}
			}
		}
		for from := i - 1; from >= 0 && isDigit(pw[from]) && i-from <= 12; from-- {
			try(from, tokenDigits, float64(i-from)*math.Log2(10))
			whole := (from == 0 || !isDigit(pw[from-1])) && (i == n || !isDigit(pw[i]))
			if whole && dateLike(pw[from:i]) {
				try(from, tokenDate, 15)
			}
			if whole && i-from == 4 && (pw[from:from+2] == "19" || pw[from:from+2] == "20") {
				try(from, tokenDate, 7)
			}
		}
		if from := runStart(low, i); i-from >= 3 {
			try(from, tokenRun, 6+math.Log2(float64(i-from)))
		}
		// The same text twice.
		for k := 3; 2*k <= i; k++ {
			if low[i-k:i] == low[i-2*k:i-k] {
				try(i-k, tokenRun, 1)
			}
		}
	}
	var out []token
	for i := n; i > 0; i -= len(last[i].text) {
		out = append(out, last[i])
	}
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return out, best[n]
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func allDigits(s string) bool { return strings.Trim(s, digits) == "" }

// caseBits is the cost of how a word is capitalised.
func caseBits(s string) float64 {
	up := 0
	for i := range len(s) {
		if s[i] >= 'A' && s[i] <= 'Z' {
			up++
		}
	}
	switch {
	case up == 0:
		return 0
	case up == len(s), up == 1 && s[0] <= 'Z':
		return 1
	}
	return float64(len(s))
}

// dateLike tells whether six or eight digits are a date with day, month and year in some order.
func dateLike(s string) bool {
	num := func(from, to int) int {
		x := 0
		for _, c := range s[from:to] {
			x = x*10 + int(c-'0')
		}
		return x
	}
	day := func(d int) bool { return d >= 1 && d <= 31 }
	month := func(m int) bool { return m >= 1 && m <= 12 }
	year := func(y int) bool { return y >= 1950 && y <= 2049 }
	switch len(s) {
	case 6:
		return (day(num(0, 2)) && month(num(2, 4)) || month(num(0, 2)) && day(num(2, 4))) && (num(4, 6) <= 39 || num(4, 6) >= 60) ||
			num(0, 2) <= 39 && month(num(2, 4)) && day(num(4, 6))
	case 8:
		return year(num(0, 4)) && month(num(4, 6)) && day(num(6, 8)) ||
			year(num(4, 8)) && (day(num(0, 2)) && month(num(2, 4)) || month(num(0, 2)) && day(num(2, 4)))
	}
	return false
}

// runStart finds where the run that ends at i begins: repeats, steps up or down by one, or neighbours on a keyboard.
func runStart(s string, i int) int {
	best := i - 1
	for _, step := range []int{0, 1, -1} {
		from := i - 1
		for from > 0 && int(s[from])-int(s[from-1]) == step {
			from--
		}
		best = min(best, from)
	}
	for _, row := range keyboardRows {
		for _, dir := range []int{1, -1} {
			from := i - 1
			at := strings.IndexByte(row, s[from])
			for from > 0 && at >= 0 && at-dir >= 0 && at-dir < len(row) && row[at-dir] == s[from-1] {
				from--
				at -= dir
			}
			best = min(best, from)
		}
	}
	return best
}
