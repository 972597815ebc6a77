package password

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"slices"
)

// affine looks for value = a * identifier + b, exactly, modulo the space of the reading, or modulo anything. Slopes are
// voted for by neighbouring rows, so foreign rows among them do no harm.
func (f *finder) affine(v *view) {
	if len(v.pw) < 3 {
		return
	}
	readings := v.readings()
	// The two ends of a password often differ: one constant text or random part, one number.
	values := make([][]uint64, len(readings))
	for i, r := range readings {
		values[i] = r.values(v)
	}
idents:
	for _, d := range v.idents {
		for _, num := range d.numbers() {
			xs, idx := v.numbersOf(num)
			if idx == nil {
				continue
			}
			for i, r := range readings {
				if vals := values[i]; vals != nil {
					f.tried++
					if f.votedSlope(v, r, vals, num, xs, idx) || f.anyModulus(v, r, vals, num, xs, idx) {
						continue idents
					}
				}
			}
		}
	}
}

// numbersOf reads an identifier as a number in every row and orders the rows by it; nil if it cannot be read or is constant.
func (v *view) numbersOf(num number) ([]uint64, []int) {
	xs := make([]uint64, len(v.rows))
	idx := make([]int, len(v.rows))
	for i, r := range v.rows {
		x, ok := num.of(r)
		if !ok {
			return nil, nil
		}
		xs[i], idx[i] = x, i
	}
	slices.SortFunc(idx, func(a, b int) int { return cmp.Or(cmp.Compare(xs[a], xs[b]), a-b) })
	if xs[idx[0]] == xs[idx[len(idx)-1]] {
		return nil, nil
	}
	return xs, idx
}

// slope is dv/dx: a whole number modulo the space, or a fraction.
type slope struct {
	up, down uint64 // value goes up by up when the identifier goes up by down
	neg      bool
	mod      bool
}

func (f *finder) votedSlope(v *view, r *reading, vals []uint64, num number, xs []uint64, idx []int) bool {
	idx = idx[:min(len(idx), sequenceRows)]
	votes := make(map[slope]int, 2*len(idx))
	n := 0
	for i := 1; i < len(idx); i++ {
		a, b := idx[i-1], idx[i]
		dx := xs[b] - xs[a]
		if dx == 0 || vals[a] == vals[b] {
			continue
		}
		n++
		if inv, ok := inverse(dx%r.modulus, r.modulus); ok {
			votes[slope{up: mulMod(subMod(vals[b], vals[a], r.modulus), inv, r.modulus), mod: true}]++
		}
		dv, neg := vals[b]-vals[a], false
		if vals[b] < vals[a] {
			dv, neg = vals[a]-vals[b], true
		}
		g := gcd(dv, dx)
		votes[slope{up: dv / g, down: dx / g, neg: neg}]++
	}
	var best slope
	k := 0
	for s, c := range votes {
		if c > k || c == k && compareSlope(s, best) < 0 {
			best, k = s, c
		}
	}
	chance := 1.0
	switch {
	case n >= 4:
		chance = repeatChance(v, r, vals, idx, n, k)
	case n >= 2 && k == n:
		// Two or three neighbours that agree exactly: the chance is that of hitting given values.
		chance = math.Pow(2, -v.bitsOf(r.positions)*float64(n-1))
	}
	if chance >= testAlpha/4096 {
		return false
	}
	return f.affineRecipe(v, r, vals, num, xs, idx, best, chance)
}

func compareSlope(a, b slope) int {
	if a.mod != b.mod {
		if b.mod {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(a.down, b.down), cmp.Compare(a.up, b.up))
}

// affineRecipe finds the constant that most rows agree on and states the recipe.
func (f *finder) affineRecipe(v *view, r *reading, vals []uint64, num number, xs []uint64, idx []int, s slope, chance float64) bool {
	predict := func(x, x0, v0 uint64) (uint64, bool) {
		if s.mod {
			return addMod(v0, mulMod(s.up, subMod(x, x0, r.modulus), r.modulus), r.modulus), true
		}
		dx, back := x-x0, false
		if x < x0 {
			dx, back = x0-x, true
		}
		if dx%s.down != 0 || float64(dx/s.down)*float64(s.up) > 1e18 {
			return 0, false
		}
		dv := dx / s.down * s.up
		if back != s.neg {
			return v0 - dv, dv <= v0
		}
		return v0 + dv, v0+dv < r.modulus
	}
	best, most := 0, 0
	for i := 0; i < len(idx); i += max(1, len(idx)/24) {
		hits := 0
		for j := 0; j < len(idx); j += max(1, len(idx)/64) {
			if y, ok := predict(xs[idx[j]], xs[idx[i]], vals[idx[i]]); ok && y == vals[idx[j]] {
				hits++
			}
		}
		if hits > most {
			best, most = idx[i], hits
		}
	}
	x0, v0 := xs[best], vals[best]
	var words string
	if s.mod {
		words = fmt.Sprintf("%d x %s + %d mod %d", s.up, num.words, subMod(v0, mulMod(s.up, x0, r.modulus), r.modulus), r.modulus)
	} else {
		sign := "+"
		if s.neg {
			sign = "-"
		}
		words = fmt.Sprintf("%d %s (%s - %d) x %d / %d", v0, sign, num.words, x0, s.up, s.down)
	}
	f.add(&Recipe{
		Words:  fmt.Sprintf("%s, read as a number in base %d (%s), are an affine function of %s", f.where(r.positions), len(r.alphabet), alphabetWords(r.alphabet), num.words),
		secret: words, Limb: "derived", Test: "affine", Chance: chance, Positions: r.positions, RemainingBits: v.bitsOf(v.without(r.positions)),
		apply: func(row *Row) (string, bool) {
			out := []byte(blank(v.length))
			x, ok := num.of(row)
			if !ok {
				return string(out), false
			}
			y, ok := predict(x, x0, v0)
			if !ok {
				return string(out), false
			}
			r.write(out, y)
			return string(out), agree(string(out), row.Password, false)
		},
	}, v, r.positions)
	return true
}

// anyModulus looks for a modulus that no alphabet suggests, such as 2^32 or a prime: all determinants of three rows are
// then multiples of it.
func (f *finder) anyModulus(v *view, r *reading, vals []uint64, num number, xs []uint64, idx []int) bool {
	const look = 8
	if len(idx) < look {
		return false
	}
	for start := 0; start+look <= len(idx) && start < 4*look; start += look {
		x, y := make([]uint64, look), make([]uint64, look)
		for i := range look {
			x[i], y[i] = xs[idx[start+i]], vals[idx[start+i]]
		}
		m := determinantGCD(x, y)
		if m <= slices.Max(y) || m < 1<<16 || m > 1<<62 || m == r.modulus {
			continue
		}
		a, c, ok := solveAffine(x, y, m)
		if !ok || a == 0 {
			continue
		}
		f.add(&Recipe{
			Words: fmt.Sprintf("%s, read as a number in base %d (%s), are %d x %s + %d mod %d", f.where(r.positions), len(r.alphabet), alphabetWords(r.alphabet), a, num.words, c, m),
			Limb:  "derived", Test: "affine", Chance: math.Pow(float64(m), -2) * 4096, Positions: r.positions, RemainingBits: v.bitsOf(v.without(r.positions)),
			apply: func(row *Row) (string, bool) {
				out := []byte(blank(v.length))
				x, ok := num.of(row)
				if !ok {
					return string(out), false
				}
				r.write(out, addMod(mulMod(a, x, m), c, m))
				return string(out), agree(string(out), row.Password, false)
			},
		}, v, r.positions)
		return true
	}
	return false
}

// determinantGCD is the greatest common divisor of the determinants of rows (x, y) taken three at a time; 0 when the
// points lie on a line or the divisor does not fit into 63 bits.
func determinantGCD(x, y []uint64) uint64 {
	diff := func(a, b uint64) *big.Int {
		return new(big.Int).Sub(new(big.Int).SetUint64(a), new(big.Int).SetUint64(b))
	}
	g := new(big.Int)
	x1, y1 := diff(x[1], x[0]), diff(y[1], y[0])
	for k := 2; k < len(x); k++ {
		d := new(big.Int).Mul(y1, diff(x[k], x[0]))
		d.Sub(d, new(big.Int).Mul(diff(y[k], y[0]), x1))
		g.GCD(nil, nil, g, d.Abs(d))
	}
	if g.BitLen() > 63 {
		return 0
	}
	return g.Uint64()
}

// solveAffine finds a and c with y = a x + c mod m for all points.
func solveAffine(x, y []uint64, m uint64) (a, c uint64, ok bool) {
	for i := range x {
		for j := range i {
			inv, can := inverse(subMod(x[i], x[j], m), m)
			if !can {
				continue
			}
			a = mulMod(subMod(y[i], y[j], m), inv, m)
			c = subMod(y[i], mulMod(a, x[i], m), m)
			for k := range x {
				if addMod(mulMod(a, x[k], m), c, m) != y[k]%m {
					return 0, 0, false
				}
			}
			return a, c, true
		}
	}
	return 0, 0, false
}

// inverse finds the inverse of a modulo m.
func inverse(a, m uint64) (uint64, bool) {
	if a == 0 || m < 2 || m > 1<<62 {
		return 0, false
	}
	t, u, r, s := int64(0), int64(1), int64(m), int64(a%m)
	for s != 0 {
		q := r / s
		t, u = u, t-q*u
		r, s = s, r-q*s
	}
	if r != 1 {
		return 0, false
	}
	if t < 0 {
		t += int64(m)
	}
	return uint64(t), true
}
