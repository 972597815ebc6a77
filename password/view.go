package password

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// Alphabets in their usual orders.
const (
	digits  = "0123456789"
	lowers  = "abcdefghijklmnopqrstuvwxyz"
	uppers  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	hexLow  = digits + "abcdef"
	hexHigh = digits + "ABCDEF"
)

// naturalClasses are the sets of symbols that generators draw from, the narrowest first, each in its usual orders.
var naturalClasses = [][]string{
	{digits, "1234567890"}, {hexLow}, {hexHigh}, {lowers}, {uppers},
	{digits + lowers, lowers + digits}, {digits + uppers, uppers + digits},
	{uppers + lowers, lowers + uppers},
	{digits + uppers + lowers, digits + lowers + uppers, uppers + lowers + digits, lowers + uppers + digits},
}

// symbols is a set of bytes.
type symbols [4]uint64

func (s *symbols) add(c byte)      { s[c>>6] |= 1 << (c & 63) }
func (s *symbols) has(c byte) bool { return s[c>>6]>>(c&63)&1 != 0 }

func (s *symbols) sorted() string {
	var b []byte
	for c := range 256 {
		if s.has(byte(c)) {
			b = append(b, byte(c))
		}
	}
	return string(b)
}

// within tells whether all symbols belong to an alphabet.
func within(set, alphabet string) bool {
	for i := range len(set) {
		if strings.IndexByte(alphabet, set[i]) < 0 {
			return false
		}
	}
	return true
}

// class returns the orders of the narrowest natural class that holds a set of symbols, nil if none does.
func class(set string) []string {
	for _, orders := range naturalClasses {
		if within(set, orders[0]) {
			return orders
		}
	}
	return nil
}

// classSize is the number of symbols that a set seems to be drawn from: with many rows what was seen, with few the
// whole natural class.
func classSize(set string, rows int) int {
	if len(set) <= 1 {
		return len(set)
	}
	full := 94
	if orders := class(set); orders != nil {
		full = len(orders[0])
	}
	if rows >= 50 {
		// With this many rows a symbol of a class as large as this is unlikely to be unseen at random.
		if seen := len(set); float64(rows) >= 4*float64(full) || seen > full {
			return seen
		}
	}
	return full
}

// view is a set of rows whose passwords have one shape: the same length, with the same separators.
type view struct {
	name    string // empty for all rows of the shape, else what they share
	rows    []*Row
	pw      []string
	length  int
	symbols []string // per position, sorted
	varying []int    // positions with more than one symbol that are letters or digits
	all     string   // symbols of the varying positions, sorted
	idents  []*ident
	text    [][]string // per identifier, per row
	orders  [][]int    // per identifier, once asked for
}

func newView(name string, rows []*Row, idents []*ident) *view {
	v := &view{name: name, rows: rows, length: len(rows[0].Password), idents: idents}
	sets := make([]symbols, v.length)
	for _, r := range rows {
		v.pw = append(v.pw, r.Password)
		for p := range v.length {
			sets[p].add(r.Password[p])
		}
	}
	var all symbols
	for p := range sets {
		s := sets[p].sorted()
		v.symbols = append(v.symbols, s)
		if len(s) > 1 {
			v.varying = append(v.varying, p)
			for i := range len(s) {
				all.add(s[i])
			}
		}
	}
	v.all = all.sorted()
	for _, d := range idents {
		t := make([]string, len(rows))
		for i, r := range rows {
			t[i] = d.of(r)
		}
		v.text = append(v.text, t)
	}
	return v
}

// bits is log2 of the number of passwords that a generator of this shape can give, at most.
func (v *view) bits() float64 { return v.bitsOf(v.varying) }

// bitsOf is the same for some positions. A class is estimated over all varying positions, so few rows do not shrink it,
// but a position with a much smaller class of its own (a digit among letters) counts as that.
func (v *view) bitsOf(positions []int) float64 {
	total, t := float64(classSize(v.all, len(v.pw))), 0.0
	for _, p := range positions {
		own := total
		if len(v.pw) >= 10 {
			own = float64(classSize(v.symbols[p], len(v.pw)))
		}
		t += math.Log2(math.Max(1, math.Min(total, own)))
	}
	return t
}

// without returns the varying positions that are not among those given.
func (v *view) without(explained []int) []int {
	var out []int
	for _, p := range v.varying {
		if !slices.Contains(explained, p) {
			out = append(out, p)
		}
	}
	return out
}

// code tells whether a position holds a code of very few symbols, such as a letter for the model: what follows from such
// a code is not the secret.
func (v *view) code(p int) bool { return len(v.pw) >= 50 && len(v.symbols[p]) <= 3 }

// shape groups passwords by length and separators.
func shape(pw string) string {
	b := make([]byte, len(pw))
	for i := range len(pw) {
		if b[i] = pw[i]; alnum(pw[i]) {
			b[i] = 0
		}
	}
	return string(b)
}

// Bounds of the views.
const (
	maxShapes   = 6
	maxViews    = 14
	maxPassword = 128 // longer passwords are left to the tests that need no shape
)

// views groups distinct rows by shape, and each shape by the values of a column that has few, such as the model.
func views(rows []*Row, idents []*ident) []*view {
	groups := map[string][]*Row{}
	for _, r := range rows {
		if n := len(r.Password); n > 0 && n <= maxPassword {
			groups[shape(r.Password)] = append(groups[shape(r.Password)], r)
		}
	}
	keys := make([]string, 0, len(groups))
	for k, g := range groups {
		if len(g) >= 2 {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(groups[b]), len(groups[a])), strings.Compare(a, b))
	})
	var out []*view
	for _, k := range keys[:min(len(keys), maxShapes)] {
		g := groups[k]
		whole := newView("", g, idents)
		out = append(out, whole)
		for i, d := range idents {
			if parts := split(g, whole.text[i]); parts != nil {
				whole.fixWithin(parts)
				for _, value := range sortedKeys(parts) {
					if part := parts[value]; len(part) >= 4 && len(out) < maxViews {
						out = append(out, newView("units with "+d.words+" "+short(value), part, idents))
					}
				}
				break
			}
		}
	}
	return out
}

// fixWithin takes the positions that are constant within each part out of the varying ones: a prefix for each model is a
// constant, not a derivation.
func (v *view) fixWithin(parts map[string][]*Row) {
	v.varying = slices.DeleteFunc(v.varying, func(p int) bool {
		for _, rows := range parts {
			for _, r := range rows {
				if r.Password[p] != rows[0].Password[p] {
					return false
				}
			}
		}
		return true
	})
}

// split groups rows by a text, nil unless there are two to six values with several rows each.
func split(rows []*Row, text []string) map[string][]*Row {
	parts := map[string][]*Row{}
	for i, r := range rows {
		if parts[text[i]] = append(parts[text[i]], r); len(parts) > 6 {
			return nil
		}
	}
	if len(parts) < 2 || len(rows) < 4*len(parts) {
		return nil
	}
	return parts
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// order returns the indices of the rows sorted by a text of each, nil if fewer than two differ.
func order(text []string) []int {
	idx := make([]int, len(text))
	differ := false
	for i := range idx {
		idx[i] = i
		differ = differ || text[i] != text[0]
	}
	if !differ {
		return nil
	}
	slices.SortFunc(idx, func(a, b int) int { return cmp.Or(byTail(text[a], text[b]), a-b) })
	return idx
}

// orderBy is the order of the rows by an identifier, computed once.
func (v *view) orderBy(i int) []int {
	if v.orders == nil {
		v.orders = make([][]int, len(v.idents))
		for k := range v.idents {
			v.orders[k] = order(v.text[k])
		}
	}
	return v.orders[i]
}

// reading reads some positions of a password as a number.
type reading struct {
	positions []int // most significant first
	alphabet  string
	value     [256]int16
	space     float64
	modulus   uint64
}

func newReading(positions []int, alphabet string) *reading {
	r := &reading{positions: positions, alphabet: alphabet, modulus: 1}
	for i := range r.value {
		r.value[i] = -1
	}
	for i := range len(alphabet) {
		r.value[alphabet[i]] = int16(i)
	}
	for range positions {
		r.modulus *= uint64(len(alphabet))
	}
	r.space = float64(r.modulus)
	return r
}

// of returns the number, false if a symbol is not in the alphabet.
func (r *reading) of(pw string) (uint64, bool) {
	v, base := uint64(0), uint64(len(r.alphabet))
	for _, p := range r.positions {
		if p >= len(pw) {
			return 0, false
		}
		x := r.value[pw[p]]
		if x < 0 {
			return 0, false
		}
		v = v*base + uint64(x)
	}
	return v, true
}

// write puts a number into a copy of a pattern.
func (r *reading) write(pattern []byte, v uint64) {
	base := uint64(len(r.alphabet))
	for i := len(r.positions) - 1; i >= 0; i-- {
		pattern[r.positions[i]] = r.alphabet[v%base]
		v /= base
	}
}

// values reads all rows of a view, nil if one cannot be read.
func (r *reading) values(v *view) []uint64 {
	out := make([]uint64, len(v.pw))
	for i, pw := range v.pw {
		x, ok := r.of(pw)
		if !ok {
			return nil
		}
		out[i] = x
	}
	return out
}

// symbolsThatFit is how many symbols of a base fit into 62 bits.
func symbolsThatFit(base int) int {
	return int(62 / math.Log2(math.Max(2, float64(base))))
}

// alphabets gives the alphabets in which the varying symbols of a view may count: the natural ones and what was seen.
func (v *view) alphabets() []string {
	var out []string
	out = append(out, class(v.all)...)
	if len(v.pw) >= 20 && !slices.Contains(out, v.all) && len(v.all) > 1 {
		out = append(out, v.all)
	}
	if len(out) == 0 && len(v.all) > 1 {
		out = append(out, v.all)
	}
	return out
}

// readings gives the whole of the varying characters, from both ends, in every alphabet.
func (v *view) readings() []*reading {
	var out []*reading
	for _, a := range v.alphabets() {
		// From the first varying position to the last, so that a digit that happens not to vary keeps its weight.
		var span []int
		if len(v.varying) > 0 {
			for p := v.varying[0]; p <= v.varying[len(v.varying)-1]; p++ {
				if alnum(v.symbols[p][0]) && within(v.symbols[p], a) {
					span = append(span, p)
				}
			}
		}
		if len(span) == 0 {
			continue
		}
		fit := symbolsThatFit(len(a))
		backward := slices.Clone(span)
		slices.Reverse(backward)
		out = append(out, newReading(span[max(0, len(span)-fit):], a))
		if len(span) > 1 {
			out = append(out, newReading(backward[max(0, len(backward)-fit):], a))
		}
	}
	return out
}
