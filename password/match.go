package password

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// maxIdentLength bounds the characters of an identifier that tests by position look at, from its end.
const maxIdentLength = 24

// copies looks for characters of an identifier, or of another way to write it, that stand in the password: in a run,
// reversed, or in any fixed arrangement.
func (f *finder) copies(v *view) {
	for i, d := range v.idents {
		for k, form := range d.variants() {
			text := v.text[i]
			if k > 0 {
				text = make([]string, len(v.rows))
				for j, r := range v.rows {
					text[j] = form.of(r)
				}
			}
			f.arrangement(v, form, text)
		}
	}
}

// column is one character position of an identifier, counted from its start or from its end.
type column struct {
	at      int
	fromEnd bool
}

func (c column) of(s string) byte {
	i := c.at
	if c.fromEnd {
		i = len(s) - 1 - c.at
	}
	if i < 0 || i >= len(s) {
		return 0
	}
	return s[i]
}

// columnsOf gives the positions at which an identifier varies.
func columnsOf(text []string) []column {
	shortest, longest := len(text[0]), 0
	for _, s := range text {
		shortest, longest = min(shortest, len(s)), max(longest, len(s))
	}
	var out []column
	use := func(c column) {
		first := c.of(text[0])
		for _, s := range text {
			if c.of(s) != first {
				out = append(out, c)
				return
			}
		}
	}
	for at := range min(longest, maxIdentLength) {
		use(column{at, true})
	}
	if shortest != longest {
		for at := range min(longest, maxIdentLength) {
			use(column{at, false})
		}
	}
	return out
}

// arrangement finds the positions of the password that equal a position of the identifier in many more rows than chance
// allows, and what they say together.
func (f *finder) arrangement(v *view, d *ident, text []string) {
	cols := columnsOf(text)
	if len(cols) == 0 || len(v.varying) == 0 {
		return
	}
	n := len(v.pw)
	from := make([]column, v.length)
	share := make([]float64, v.length)
	tests := float64(len(cols) * len(v.varying) * 64)
	for _, p := range v.varying {
		var pc [256]int
		for _, pw := range v.pw {
			pc[lower(pw[p])]++
		}
		best := -1.0
		for _, c := range cols {
			hits, expect := 0, 0.0
			var ic [256]int
			for i, s := range text {
				x := lower(c.of(s))
				ic[x]++
				if x == lower(v.pw[i][p]) {
					hits++
				}
			}
			if hits*20 < n || n < 50 && hits*4 < n {
				continue
			}
			for x := range ic {
				expect += float64(ic[x]) * float64(pc[x]) / float64(n)
			}
			score := float64(hits) - expect
			if n >= 50 && float64(hits) < expect+8*math.Sqrt(expect)+8 {
				continue
			}
			if score > best {
				best, from[p], share[p] = score, c, float64(hits)/float64(n)
			}
		}
	}
	var used []int
	for _, p := range v.varying {
		if share[p] > 0 {
			used = append(used, p)
		}
	}
	used = f.strongest(v, d, text, from, share, used)
	if len(used) == 0 {
		return
	}
	hits := 0
	for i, s := range text {
		if f.arranged(v.pw[i], s, from, used) {
			hits++
		}
	}
	each := math.Pow(2, -v.bitsOf(used)/1.2)
	f.tried += int64(tests)
	// A run has a beginning and a direction; a free arrangement has a choice for every position.
	choices := tests
	if runStep(from, used) == 0 {
		choices = 64 * math.Pow(2*float64(len(cols)), float64(len(used)))
	}
	pairs := 0 // a whole number, since a sum of fractions would depend on their order
	mine, theirs := map[string]int{}, map[string]int{}
	for i, s := range text {
		mine[pick(v.pw[i], used)]++
		theirs[pickColumns(s, from, used)]++
	}
	for k, a := range theirs {
		pairs += a * mine[k]
	}
	if n < 50 && n > 1 {
		// Passwords need not be even: how often those of other rows agree tells what chance gives.
		each = math.Max(each, math.Min(1, 2*float64(pairs-hits)/float64(n*(n-1))))
	}
	chance := choices * binomTail(n, hits, each)
	if n >= 50 {
		// With many rows only the pairing of rows is supposed random.
		chance = math.Max(chance, tests*poissonTail(hits, float64(pairs)/float64(n)))
	}
	if chance >= testAlpha/256 {
		return
	}
	f.add(&Recipe{
		Words: arrangementWords(f, d, from, used), Limb: "derived", Test: "copy", Chance: chance, Positions: used,
		RemainingBits: v.bitsOf(v.without(used)),
		apply: func(r *Row) (string, bool) {
			out := []byte(blank(v.length))
			s := d.of(r)
			if len(r.Password) != v.length {
				return string(out), false
			}
			for _, p := range used {
				if out[p] = from[p].of(s); out[p] == 0 {
					out[p] = '*'
				}
			}
			return string(out), agree(string(out), r.Password, true)
		},
	}, v, used)
}

// strongest drops the positions whose agreement is an accident of few rows: those that hold in far fewer rows than the best.
func (f *finder) strongest(v *view, d *ident, text []string, from []column, share []float64, used []int) []int {
	top := 0.0
	for _, p := range used {
		top = max(top, share[p])
	}
	return slices.DeleteFunc(used, func(p int) bool { return share[p] < 0.8*top })
}

func (f *finder) arranged(pw, s string, from []column, used []int) bool {
	for _, p := range used {
		if lower(pw[p]) != lower(from[p].of(s)) {
			return false
		}
	}
	return true
}

func pick(s string, positions []int) string {
	b := make([]byte, len(positions))
	for i, p := range positions {
		b[i] = lower(s[p])
	}
	return string(b)
}

func pickColumns(s string, from []column, positions []int) string {
	b := make([]byte, len(positions))
	for i, p := range positions {
		b[i] = lower(from[p].of(s))
	}
	return string(b)
}

// runStep is 1 when the positions are a run of the identifier as it stands, -1 when reversed, 0 when neither.
func runStep(from []column, used []int) int {
	step := 0
	for i := 1; i < len(used); i++ {
		s := from[used[i]].at - from[used[i-1]].at
		if used[i] != used[i-1]+1 || from[used[i]].fromEnd != from[used[i-1]].fromEnd || s != 1 && s != -1 || step != 0 && s != step {
			return 0
		}
		step = s
	}
	if from[used[0]].fromEnd {
		step = -step
	}
	return step
}

// arrangementWords says where each character comes from.
func arrangementWords(f *finder, d *ident, from []column, used []int) string {
	step := runStep(from, used)
	side := func(c column) string {
		if c.fromEnd {
			return fmt.Sprintf("%d from the end", c.at+1)
		}
		return fmt.Sprintf("%d", c.at+1)
	}
	switch {
	case len(used) == 1:
		return fmt.Sprintf("%s is character %s of the %s", f.where(used), side(from[used[0]]), strings.TrimPrefix(d.words, "the "))
	case step == 1:
		return fmt.Sprintf("%s are %d characters of the %s as they stand, beginning with character %s", f.where(used), len(used), d.words, side(from[used[0]]))
	case step == -1:
		return fmt.Sprintf("%s are %d characters of the %s reversed, beginning with character %s", f.where(used), len(used), d.words, side(from[used[0]]))
	}
	var s []string
	for _, p := range used {
		s = append(s, side(from[p]))
	}
	return fmt.Sprintf("%s are characters %s of the %s", f.where(used), strings.Join(s, "; "), d.words)
}

// substrings looks for parts of identifiers anywhere in passwords of any shape, which the tests by position cannot see
// when passwords differ in length.
func (f *finder) substrings() {
	if len(f.views) == 1 && len(f.views[0].rows) == len(f.rows) {
		return
	}
	const least = 4
	for _, d := range f.idents {
		n, hits := 0, 0
		for _, r := range f.rows {
			id := strings.ToLower(d.of(r))
			if len(id) < least {
				continue
			}
			n++
			if holdsTail(strings.ToLower(r.Password), id, least) {
				hits++
			}
		}
		if n < 5 {
			continue
		}
		// How often the tail of another unit's identifier stands in a password.
		other, tries := 0, 0
		for i, r := range f.rows {
			for k := 1; k <= 3; k++ {
				id := strings.ToLower(d.of(f.rows[(i+k*7+1)%len(f.rows)]))
				if len(id) >= least && id != strings.ToLower(d.of(r)) {
					tries++
					if holdsTail(strings.ToLower(r.Password), id, least) {
						other++
					}
				}
			}
		}
		if tries == 0 {
			continue
		}
		f.tried++
		q := (float64(other) + 3) / float64(tries)
		chance := binomTail(n, hits, math.Min(0.5, math.Max(q, 0.001)*3))
		if hits < 5 || chance >= testAlpha/256 {
			continue
		}
		f.addAll(&Recipe{
			Words: fmt.Sprintf("the password holds the last %d characters of the %s or more", least, d.words),
			Limb:  "derived", Test: "copy", Chance: chance, RemainingBits: f.bitsLeft(least),
			apply: func(r *Row) (string, bool) {
				id := strings.ToLower(d.of(r))
				return blank(len(r.Password)), len(id) >= least && holdsTail(strings.ToLower(r.Password), id, least)
			},
		})
	}
}

// holdsTail tells whether a text holds the last n characters of another, forwards or backwards.
func holdsTail(s, id string, n int) bool {
	tail := id[len(id)-n:]
	return strings.Contains(s, tail) || strings.Contains(s, reversed(tail))
}

// addAll keeps a recipe that was found on the whole sample.
func (f *finder) addAll(r *Recipe) {
	f.add(r, &view{rows: f.rows}, nil)
}

// bitsLeft is what remains of the most frequent shape when so many characters are known.
func (f *finder) bitsLeft(known int) float64 {
	if len(f.views) == 0 {
		return 0
	}
	v := f.views[0]
	return v.bitsOf(v.varying[:max(0, len(v.varying)-known)])
}
