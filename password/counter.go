package password

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// Rows that tests of sequences look at: enough for any counter, few enough to try many readings.
const sequenceRows = 512

// stemBits is how much may vary beside a common stem before the password counts as more than "the same text with a few
// characters varying": 20 bits are six digits or four letters and digits.
const stemBits = 20

// counters looks for passwords that count: in any natural alphabet or the one seen, forwards or backwards, in the whole
// or in a window, by the order of any identifier, of the file, or of the values themselves.
func (f *finder) counters(v *view) {
	if len(v.pw) < 2 {
		return
	}
	f.stem(v)
	if len(v.varying) == 0 {
		return
	}
	orders := f.sequences(v)
	for _, r := range v.readings() {
		vals := r.values(v)
		if vals == nil {
			continue
		}
		found := f.sorted(v, r, vals)
		for _, o := range orders {
			if found {
				break
			}
			found = f.steps(v, r, vals, o) || f.curves(v, r, vals, o) || f.congruential(v, r, vals, o)
		}
		if found {
			return
		}
	}
	f.windows(v, orders)
}

// sequence is an order of the rows of a view.
type sequence struct {
	words string
	idx   []int
}

// sequences gives the first rows in the order of each identifier, and of the file.
func (f *finder) sequences(v *view) []sequence {
	var out []sequence
	file := make([]int, len(v.rows))
	for i := range file {
		file[i] = i
	}
	for i, d := range v.idents {
		if idx := v.orderBy(i); idx != nil && !slices.Equal(idx, file) && len(out) < 6 {
			out = append(out, sequence{"in the order of the " + d.words, idx[:min(len(idx), sequenceRows)]})
		}
	}
	words := "in the order of the file"
	for i, d := range v.idents {
		if slices.Equal(v.orderBy(i), file) {
			words = "in the order of the " + d.words
		}
	}
	return append(out, sequence{words, file[:min(len(file), sequenceRows)]})
}

// stem finds one text with few characters varying.
func (f *finder) stem(v *view) {
	fixed := 0
	for p := range v.length {
		if len(v.symbols[p]) == 1 && alnum(v.symbols[p][0]) {
			fixed++
		}
	}
	if fixed < 3 || v.bits() > stemBits {
		return
	}
	// The chance that so many positions agree in all rows, each drawn from ten symbols at least.
	n := len(v.pw)
	log := log10Choose(fixed+len(v.varying), fixed) - float64(fixed*(n-1))
	if log > math.Log10(testAlpha) {
		return
	}
	pattern := []byte(v.pw[0])
	for _, p := range v.varying {
		pattern[p] = '?'
	}
	positions := v.without(nil)
	f.add(&Recipe{
		Words:  fmt.Sprintf("the same text with %s varying on a common stem of %s", plural(len(positions), "character"), plural(fixed, "character")),
		secret: string(pattern), Limb: "incremental", Test: "stem", Chance: math.Pow(10, log),
		RemainingBits: v.bits(),
		apply: func(r *Row) (string, bool) {
			return string(pattern), agree(string(pattern), r.Password, false)
		},
	}, v, nil)
}

// log10Choose is the decimal logarithm of a binomial coefficient.
func log10Choose(n, k int) float64 {
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return (a - b - c) / math.Ln10
}

// sorted looks at the values without any order of rows: a span far narrower than chance allows, or equal gaps.
func (f *finder) sorted(v *view, r *reading, vals []uint64) bool {
	n := len(vals)
	s := slices.Clone(vals)
	slices.Sort(s)
	span := float64(s[n-1]-s[0]) + 1
	step := uint64(0)
	for _, x := range s {
		step = gcd(step, x-s[0])
	}
	if step == 0 {
		return false
	}
	// A step that a restricted last symbol explains is none, nor is the common divisor of a few numbers.
	if step <= uint64(len(r.alphabet)) || n < 10 {
		step = 1
	}
	wide := span / float64(step)
	space := 1.0
	for _, p := range r.positions {
		space *= math.Min(float64(len(r.alphabet)), float64(classSize(v.symbols[p], n)))
	}
	f.tried += 2
	narrow := math.Log(float64(n)) + float64(n-1)*math.Log(wide/space)
	if wide*1000 < space && narrow < math.Log(testAlpha/64) {
		f.counter(v, r, s, step, fmt.Sprintf("values lie within %.3g of %.3g possible", wide, space), math.Exp(narrow))
		return true
	}
	if n < 10 {
		return false
	}
	gaps := make(map[uint64]int, n)
	for i := 1; i < n; i++ {
		if g := s[i] - s[i-1]; g > 0 {
			gaps[g]++
		}
	}
	g, k := mode(gaps)
	q := math.Min(1, float64(n)/span)
	if chance := span * binomTail(n-1, k, q); q < 0.2 && k >= max(6, 3*(n-1)/10) && chance < testAlpha/64 {
		f.counter(v, r, s, g, fmt.Sprintf("%d of %d steps between neighbours are equal", k, n-1), chance)
		return true
	}
	return false
}

// counter reports a counter whose values are known but not which unit has which.
func (f *finder) counter(v *view, r *reading, s []uint64, step uint64, why string, chance float64) {
	n := uint64(len(s))
	margin := step * uint64(max(f.total, int64(n)))
	lo, hi, base := s[0], s[n-1], s[0]%step
	if lo > margin {
		lo -= margin
	} else {
		lo = 0
	}
	if hi += margin; hi < s[n-1] {
		hi = ^uint64(0)
	}
	lead := v.without(r.positions)
	f.add(&Recipe{
		Words: fmt.Sprintf("a counter: %s, read as a number in base %d (%s), go up in steps of %d; %s",
			f.where(r.positions), len(r.alphabet), alphabetWords(r.alphabet), step, why),
		Limb: "incremental", Test: "counter", Chance: chance, Positions: r.positions,
		RemainingBits: v.bitsOf(lead) + math.Log2(float64(s[n-1]-s[0])/float64(step)+1),
		apply: func(row *Row) (string, bool) {
			x, ok := r.of(row.Password)
			ok = ok && len(row.Password) == v.length && x >= lo && x <= hi && x%step == base
			return blank(v.length), ok
		},
	}, v, nil)
}

// steps looks for a difference between neighbours that repeats, modulo the space of the reading.
func (f *finder) steps(v *view, r *reading, vals []uint64, o sequence) bool {
	d, k, chance := f.repeatedStep(v, r, vals, o)
	if k == 0 {
		return false
	}
	f.stepRecipe(v, r, vals, o, d, fmt.Sprintf("%d of %d neighbours %s differ by the same amount", k, len(o.idx)-1, o.words), chance)
	return true
}

func (f *finder) repeatedStep(v *view, r *reading, vals []uint64, o sequence) (uint64, int, float64) {
	n := len(o.idx)
	if n < 5 {
		return 0, 0, 1
	}
	f.tried++
	diffs := make(map[uint64]int, n)
	for i := 1; i < n; i++ {
		if d := subMod(vals[o.idx[i]], vals[o.idx[i-1]], r.modulus); d != 0 {
			diffs[d]++
		}
	}
	d, k := mode(diffs)
	if k < 4 {
		return 0, 0, 1
	}
	chance := repeatChance(v, r, vals, o.idx, n-1, k)
	if chance >= testAlpha/4096 {
		return 0, 0, 1
	}
	return d, k, chance
}

// repeatChance bounds the chance that some difference occurs k times among n. With many rows it comes from how often the
// difference occurs between any two rows, so it supposes nothing about how passwords are drawn; with few a majority is
// asked for, and the space of the reading bounds the chance.
func repeatChance(v *view, r *reading, vals []uint64, idx []int, n, k int) float64 {
	if k < 4 {
		return 1
	}
	space := 1.0
	for _, p := range r.positions {
		if len(v.symbols[p]) > 1 {
			space *= math.Min(float64(len(r.alphabet)), float64(len(v.symbols[p])))
		}
	}
	if n < 50 {
		if 10*k < 6*n {
			return 1
		}
		return space * binomTail(n, k, 1/math.Max(space, 2))
	}
	// No difference is more probable than the most frequent value, whatever the distribution of values.
	counts := make(map[uint64]int, len(idx))
	for _, i := range idx {
		counts[vals[i]]++
	}
	_, most := mode(counts)
	q := math.Max(float64(most)/float64(len(idx)), 1/space)
	// A most frequent value seen once or twice may be as rare as the space allows, but lists of words are not uniform:
	// the collisions seen bound it from above.
	if most <= 2 {
		q = math.Max(math.Sqrt(float64(pairs(counts)+3))/float64(len(idx)), 1/space)
		q = math.Min(q, float64(most)/float64(len(idx)))
	}
	return float64(n) * float64(n) * binomTail(n, k, math.Min(q, 0.9))
}

func pairs(counts map[uint64]int) (t int) {
	for _, c := range counts {
		t += c * (c - 1) / 2
	}
	return t
}

// stepRecipe states a counter by its step. Where an identifier gives the place of a unit the affine test states more.
func (f *finder) stepRecipe(v *view, r *reading, vals []uint64, o sequence, d uint64, why string, chance float64) {
	known := map[uint64]bool{}
	for _, x := range vals {
		known[x] = true
	}
	words := fmt.Sprintf("+%d", d)
	if d > r.modulus/2 {
		words = fmt.Sprintf("-%d", r.modulus-d)
	}
	f.add(&Recipe{
		Words: fmt.Sprintf("a counter: %s, read as a number in base %d (%s), change by %s from one unit to the next; %s",
			f.where(r.positions), len(r.alphabet), alphabetWords(r.alphabet), words, why),
		Limb: "incremental", Test: "counter", Chance: chance, Positions: r.positions,
		RemainingBits: v.bitsOf(v.without(r.positions)),
		// Without its place a row agrees when a neighbour of the sample stands one step before or after it.
		apply: func(row *Row) (string, bool) {
			x, ok := r.of(row.Password)
			return blank(v.length), ok && len(row.Password) == v.length && (known[addMod(x, d, r.modulus)] || known[subMod(x, d, r.modulus)])
		},
	}, v, nil)
}

// curves looks for constant second differences: values that go up by more and more.
func (f *finder) curves(v *view, r *reading, vals []uint64, o sequence) bool {
	n := len(o.idx)
	if n < 7 {
		return false
	}
	f.tried++
	diffs := map[uint64]int{}
	var last uint64
	for i := 1; i < n; i++ {
		d := subMod(vals[o.idx[i]], vals[o.idx[i-1]], r.modulus)
		if i > 1 {
			diffs[subMod(d, last, r.modulus)]++
		}
		last = d
	}
	dd, k := mode(diffs)
	chance := repeatChance(v, r, vals, o.idx, n-2, k)
	if dd == 0 || chance >= testAlpha/4096 {
		return false
	}
	f.add(&Recipe{
		Words: fmt.Sprintf("a sequence: %s, read as a number in base %d, have constant second differences %s (%d of %d)",
			f.where(r.positions), len(r.alphabet), o.words, k, n-2),
		Limb: "incremental", Test: "sequence", Chance: chance, Positions: r.positions, RemainingBits: v.bitsOf(v.without(r.positions)),
		apply: memberOf(v, r, vals),
	}, v, nil)
	return true
}

// congruential looks for x' = a x + c mod m from one row to the next, with any modulus: the determinant of neighbouring
// differences is then a multiple of m.
func (f *finder) congruential(v *view, r *reading, vals []uint64, o sequence) bool {
	const look = 9
	if len(o.idx) < look {
		return false
	}
	// Several places to start, so that a few foreign rows do not hide the sequence.
	for start := 0; start+look <= len(o.idx) && start < 8*look; start += look {
		f.tried++
		x := make([]uint64, look)
		for i := range x {
			x[i] = vals[o.idx[start+i]]
		}
		m := determinantGCD(x[:look-1], x[1:])
		most := slices.Max(x)
		if m <= most || m > 1<<62 {
			continue
		}
		a, c, ok := solveAffine(x[:look-1], x[1:], m)
		if !ok || a == 1 || a == 0 {
			continue
		}
		known := map[uint64]bool{}
		for _, y := range vals {
			known[y%m] = true
		}
		f.add(&Recipe{
			Words: fmt.Sprintf("a congruential generator: %s, read as a number in base %d, follow x' = %d x + %d mod %d %s",
				f.where(r.positions), len(r.alphabet), a, c, m, o.words),
			// Beyond the rows that fix a, c and m each further row agrees by chance once in m.
			Limb: "incremental", Test: "sequence", Chance: math.Pow(float64(m), -2) * 4096, Positions: r.positions, RemainingBits: v.bitsOf(v.without(r.positions)),
			apply: func(row *Row) (string, bool) {
				y, ok := r.of(row.Password)
				if !ok || len(row.Password) != v.length || y >= m {
					return blank(v.length), false
				}
				return blank(v.length), known[addMod(mulMod(a, y, m), c, m)] || predecessor(known, a, c, m, y)
			},
		}, v, nil)
		return true
	}
	return false
}

// predecessor tells whether a known value leads to y.
func predecessor(known map[uint64]bool, a, c, m, y uint64) bool {
	inv, ok := inverse(a, m)
	return ok && known[mulMod(inv, subMod(y, c%m, m), m)]
}

// windows looks for a counter in a part of the password.
func (f *finder) windows(v *view, orders []sequence) {
	if len(v.varying) < 2 {
		return
	}
	skip := f.sortedLead(v)
	for _, a := range v.alphabets()[:1] {
		for from := v.varying[0]; from < v.length; from++ {
			for to := from + 2; to <= min(v.length, from+8); to++ {
				var p []int
				for q := from; q < to; q++ {
					p = append(p, q)
				}
				for _, back := range []bool{false, true} {
					if back {
						p = slices.Clone(p)
						slices.Reverse(p)
					}
					r := newReading(p, a)
					vals := r.values(v)
					if vals == nil {
						continue
					}
					for _, o := range orders {
						d, k, chance := f.repeatedStep(v, r, vals, o)
						// In a sorted list the first characters go up too, but not by the same step all the time.
						if k > 0 && (from >= skip || 10*k >= 8*(len(o.idx)-1)) {
							f.stepRecipe(v, r, vals, o, d, fmt.Sprintf("%d of %d neighbours %s differ by the same amount", k, len(o.idx)-1, o.words), chance)
							return
						}
					}
				}
			}
		}
	}
}

// memberOf agrees with rows whose value occurs in the sample, which is all that can be said without a row's place.
func memberOf(v *view, r *reading, vals []uint64) func(*Row) (string, bool) {
	known := map[uint64]bool{}
	for _, x := range vals {
		known[x] = true
	}
	return func(row *Row) (string, bool) {
		x, ok := r.of(row.Password)
		return blank(v.length), ok && len(row.Password) == v.length && known[x]
	}
}

// mode returns the most frequent key, the lowest of several.
func mode(m map[uint64]int) (uint64, int) {
	best, most := uint64(0), 0
	for x, k := range m {
		if k > most || k == most && x < best {
			best, most = x, k
		}
	}
	return best, most
}

func addMod(a, b, m uint64) uint64 {
	s, carry := bits.Add64(a%m, b%m, 0)
	if carry != 0 || s >= m {
		s -= m
	}
	return s
}

func subMod(a, b, m uint64) uint64 {
	a, b = a%m, b%m
	if a >= b {
		return a - b
	}
	return a + (m - b)
}

func mulMod(a, b, m uint64) uint64 {
	hi, lo := bits.Mul64(a%m, b%m)
	_, rem := bits.Div64(hi, lo, m)
	return rem
}
