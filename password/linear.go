package password

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// spareBits is how many bits of agreement beyond the unknowns a linear system must show: one relation holds by chance
// with 2^-spareBits, or 2^-40 where a bit is as uneven as three to one.
const spareBits = 64

// linear looks for password characters that are linear functions of identifier characters: over GF(2), in the bits of
// symbols, and modulo the odd primes that divide the size of the alphabet. The unknowns are one indicator for each symbol
// at each varying position of the identifier, so any table by position is covered; a table XORed with or added to others too.
func (f *finder) linear(v *view) {
	if len(v.pw) < 24 || len(v.varying) == 0 {
		return
	}
	alphabet := v.all
	if orders := class(v.all); orders != nil {
		alphabet = orders[0]
	}
	var all []feature
	found := false
idents:
	for i, d := range v.idents {
		plain, hot := v.features(d, i, false), v.features(d, i, true)
		if len(plain) == 0 {
			continue
		}
		all = append(all, plain...)
		if f.solve(v, alphabet, 2, plain, "the bits of the "+d.words) || f.solve(v, alphabet, 2, hot, "a table for each character of the "+d.words) {
			found = true
			continue
		}
		for _, p := range []int{3, 5, 7, 11, 13, 17, 29, 31} {
			for _, a := range []string{alphabet, v.all} {
				if len(a)%p == 0 && (a == alphabet || v.all != alphabet) && len(hot) <= 220 {
					if f.solve(v, a, p, hot, "a table for each character of the "+d.words) {
						found = true
						continue idents
					}
				}
			}
		}
	}
	if !found && len(v.idents) > 1 {
		f.solve(v, alphabet, 2, all, "the bits of all identifiers")
	}
}

// feature is one number computed from a row: a bit of a character, or an indicator.
type feature func(r *Row) int

// features gives the bits of an identifier's varying characters, or an indicator for every symbol of each.
func (v *view) features(d *ident, i int, hot bool) []feature {
	var out []feature
	for _, c := range columnsOf(v.text[i]) {
		var set symbols
		for _, s := range v.text[i] {
			set.add(c.of(s))
		}
		seen := set.sorted()
		if hot {
			for k := 1; k < len(seen); k++ {
				x := seen[k]
				out = append(out, func(r *Row) int {
					if c.of(d.of(r)) == x {
						return 1
					}
					return 0
				})
			}
			continue
		}
		values := seen
		if orders := class(seen); orders != nil {
			values = orders[0]
		}
		code := newReading(nil, values).value
		for b := range bits.Len(uint(len(values) - 1)) {
			out = append(out, func(r *Row) int { return int(max(code[c.of(d.of(r))], 0)) >> b & 1 })
		}
	}
	return out
}

// target is one number computed from a password: a bit of a symbol's place in the alphabet, or the place modulo a prime.
type target struct{ position, bit int }

func (t target) of(code *[256]int16, pw string, p int) int {
	x := int(max(code[pw[t.position]], 0))
	if p == 2 {
		return x >> t.bit & 1
	}
	return x % p
}

// solve eliminates the features and looks for targets that they determine.
func (f *finder) solve(v *view, alphabet string, p int, feats []feature, what string) bool {
	code := newReading(nil, alphabet).value
	var targets []target
	for _, q := range v.varying {
		if !within(v.symbols[q], alphabet) || v.code(q) {
			continue
		}
		if p != 2 {
			targets = append(targets, target{q, 0})
			continue
		}
		for b := range bits.Len(uint(len(alphabet) - 1)) {
			targets = append(targets, target{q, b})
		}
	}
	spare := int(math.Ceil(spareBits / math.Log2(float64(p))))
	n := min(len(v.rows), len(feats)+1+spare+24)
	if len(targets) == 0 || len(feats) > 600 || n < spare+4 {
		return false
	}
	f.tried += int64(len(targets))
	width := len(feats) + 1
	m := newMatrix(p, n, width+len(targets))
	for i := range n {
		// Rows from all over the sample.
		k := i * len(v.rows) / n
		m.set(i, 0, 1)
		for j, x := range feats {
			m.set(i, j+1, x(v.rows[k]))
		}
		for j, t := range targets {
			m.set(i, width+j, t.of(&code, v.pw[k], p))
		}
	}
	rank, pivots := m.reduce(width)
	if n-rank < spare {
		return false
	}
	var hit []relation
	var positions []int
	for j, t := range targets {
		if m.zeroBelow(rank, width+j) && m.varies(v, t, &code, p) {
			rel := relation{target: t}
			for i, c := range pivots {
				if x := m.get(i, width+j); x != 0 {
					if c == 0 {
						rel.constant = x
					} else {
						rel.terms = append(rel.terms, term{c - 1, x})
					}
				}
			}
			if len(rel.terms) == 0 {
				continue
			}
			hit = append(hit, rel)
			if !slices.Contains(positions, t.position) {
				positions = append(positions, t.position)
			}
		}
	}
	if len(hit) == 0 {
		return false
	}
	perSymbol := bits.Len(uint(len(alphabet) - 1))
	unit, known := "bits", float64(len(hit))
	if p != 2 {
		unit, known = fmt.Sprintf("residues modulo %d", p), float64(len(hit))*math.Log2(float64(p))
	} else {
		known *= math.Log2(float64(len(alphabet))) / float64(perSymbol)
	}
	f.add(&Recipe{
		Words: fmt.Sprintf("%d of %d %s of %s follow linearly from %s (%d rows beyond the %d unknowns agree)", len(hit), len(targets), unit, f.where(positions), what, n-rank, rank),
		Limb:  "derived", Test: "linear", Chance: float64(len(targets)) * 64 * math.Pow(float64(p), -float64(n-rank)), Positions: positions,
		RemainingBits: math.Max(0, v.bits()-known),
		apply: func(r *Row) (string, bool) {
			if len(r.Password) != v.length {
				return blank(v.length), false
			}
			got := make([]int, v.length)
			have := make([]int, v.length)
			for _, rel := range hit {
				x := rel.constant
				for _, t := range rel.terms {
					x += t.factor * feats[t.feature](r)
				}
				if x %= p; x != rel.target.of(&code, r.Password, p) {
					return blank(v.length), false
				}
				got[rel.target.position] |= x << rel.target.bit
				have[rel.target.position]++
			}
			out := []byte(blank(v.length))
			for q := range out {
				if p == 2 && have[q] == perSymbol && got[q] < len(alphabet) {
					out[q] = alphabet[got[q]]
				}
			}
			return string(out), true
		},
	}, v, nil)
	return true
}

// relation says how a target follows from features.
type relation struct {
	target   target
	constant int
	terms    []term
}

type term struct{ feature, factor int }

// matrix is a matrix over GF(p): packed bits for p = 2, bytes otherwise.
type matrix struct {
	p, rows, cols int
	words         int
	bit           [][]uint64
	byte          [][]uint8
}

func newMatrix(p, rows, cols int) *matrix {
	m := &matrix{p: p, rows: rows, cols: cols, words: (cols + 63) / 64}
	if p == 2 {
		m.bit = make([][]uint64, rows)
		for i := range m.bit {
			m.bit[i] = make([]uint64, m.words)
		}
		return m
	}
	m.byte = make([][]uint8, rows)
	for i := range m.byte {
		m.byte[i] = make([]uint8, cols)
	}
	return m
}

func (m *matrix) set(i, j, x int) {
	if m.p != 2 {
		m.byte[i][j] = uint8(x % m.p)
	} else if x&1 != 0 {
		m.bit[i][j>>6] |= 1 << (j & 63)
	}
}

func (m *matrix) get(i, j int) int {
	if m.p != 2 {
		return int(m.byte[i][j])
	}
	return int(m.bit[i][j>>6] >> (j & 63) & 1)
}

// reduce brings the first width columns into reduced echelon form and returns their rank and pivot columns.
func (m *matrix) reduce(width int) (int, []int) {
	var pivots []int
	for c := 0; c < width && len(pivots) < m.rows; c++ {
		r := len(pivots)
		i := r
		for i < m.rows && m.get(i, c) == 0 {
			i++
		}
		if i == m.rows {
			continue
		}
		m.swap(i, r)
		m.scale(r, c)
		for k := range m.rows {
			if x := m.get(k, c); k != r && x != 0 {
				m.subtract(k, r, x)
			}
		}
		pivots = append(pivots, c)
	}
	return len(pivots), pivots
}

func (m *matrix) swap(i, j int) {
	if m.p == 2 {
		m.bit[i], m.bit[j] = m.bit[j], m.bit[i]
	} else {
		m.byte[i], m.byte[j] = m.byte[j], m.byte[i]
	}
}

func (m *matrix) scale(r, c int) {
	if m.p == 2 {
		return
	}
	inv, _ := inverse(uint64(m.byte[r][c]), uint64(m.p))
	for j := range m.byte[r] {
		m.byte[r][j] = uint8(int(m.byte[r][j]) * int(inv) % m.p)
	}
}

func (m *matrix) subtract(k, r, x int) {
	if m.p == 2 {
		a, b := m.bit[k], m.bit[r]
		for j := range a {
			a[j] ^= b[j]
		}
		return
	}
	a, b, neg := m.byte[k], m.byte[r], m.p-x
	for j, y := range b {
		if y != 0 {
			a[j] = uint8((int(a[j]) + neg*int(y)) % m.p)
		}
	}
}

// zeroBelow tells whether a column is zero from a row on.
func (m *matrix) zeroBelow(from, col int) bool {
	for i := from; i < m.rows; i++ {
		if m.get(i, col) != 0 {
			return false
		}
	}
	return true
}

// varies tells whether a target has more than one value, and not nearly always the same, so that agreement means something.
func (m *matrix) varies(v *view, t target, code *[256]int16, p int) bool {
	counts := make([]int, p)
	for _, pw := range v.pw {
		counts[t.of(code, pw, p)]++
	}
	return 4*slices.Max(counts) <= 3*len(v.pw)
}
