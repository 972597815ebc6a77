package password

import (
	"fmt"
	"math"
	"slices"
)

// dependZ is the normal deviate from which a dependence counts. The chance of one so large is below 1e-15 by the normal
// law; the margin beyond what the number of pairs asks for covers the error of the chi-square approximation in small cells.
const dependZ = 8.5

// dependence looks for characters of the password whose distribution, or value, follows from one character of an
// identifier. The null hypothesis is only that passwords were dealt to units at random: the passwords themselves may
// have any distribution.
func (f *finder) dependence(v *view) {
	if len(v.pw) < 8 || len(v.varying) == 0 {
		return
	}
	skip := f.sortedLead(v)
	done := map[int]bool{}
	for i, d := range v.idents {
		for _, c := range columnsOf(v.text[i]) {
			ids := make([]byte, len(v.rows))
			for k, s := range v.text[i] {
				ids[k] = c.of(s)
			}
			for _, p := range v.varying {
				if p < skip || done[p] || v.code(p) {
					continue
				}
				f.tried++
				if f.pair(v, d, c, ids, p) {
					done[p] = true
				}
			}
		}
	}
}

// sortedLead is how many leading positions to leave out because the list was sorted before identifiers were given out.
func (f *finder) sortedLead(v *view) int {
	for i, d := range v.idents {
		if v.sortedBy(i) {
			f.remark(fmt.Sprintf("the passwords are sorted along the %s: the list was sorted before units were given theirs, which tells an attacker with other units' passwords the first characters; deal them out at random", d.words))
			return v.lead()
		}
	}
	return 0
}

// pair tests one character of the password against one of an identifier.
func (f *finder) pair(v *view, d *ident, c column, ids []byte, p int) bool {
	n := len(v.pw)
	var pc, ic [256]int
	var idAt, pwAt [256]int // place of a symbol in the table
	rows, cols := 0, 0
	for i, x := range ids {
		if ic[x] == 0 {
			idAt[x] = rows
			rows++
		}
		if y := v.pw[i][p]; pc[y] == 0 {
			pwAt[y] = cols
			cols++
		}
		ic[x]++
		pc[v.pw[i][p]]++
	}
	table := make([]int, rows*cols)
	for i, x := range ids {
		table[idAt[x]*cols+pwAt[v.pw[i][p]]]++
	}
	kinds, exact, collide := rows, true, 0.0
	for x := range rows {
		filled := 0
		for _, k := range table[x*cols : (x+1)*cols] {
			if k > 0 {
				filled++
			}
		}
		exact = exact && filled == 1
	}
	for _, k := range pc {
		collide += float64(k) / float64(n) * float64(k) / float64(n)
	}
	var words string
	var chance float64
	side := fmt.Sprintf("character %d", c.at+1)
	if c.fromEnd {
		side += " from the end"
	}
	switch {
	case exact && kinds <= 6 && len(v.symbols[p]) <= 6:
		// A code of the model or the region in both: constant within each group, which is no derivation of the rest.
		return false
	case exact:
		chance = math.Pow(math.Max(collide, 0.02), float64(n-kinds)) * 1e4
		words = fmt.Sprintf("%s is determined by %s of the %s, by a table of %d symbols", f.where([]int{p}), side, d.words, kinds)
		if chance >= testAlpha/64 {
			return false
		}
	default:
		z := chiPair(ids, v, p)
		if z < dependZ {
			return false
		}
		chance = normalTail(z) * 1e4
		words = fmt.Sprintf("%s depends on %s of the %s (chi-square deviate %.1f over %d rows)", f.where([]int{p}), side, d.words, z, n)
	}
	likely := map[byte]byte{}
	for x := range ic {
		most := 0
		for y := range pc {
			if ic[x] > 0 && pc[y] > 0 && table[idAt[x]*cols+pwAt[y]] > most {
				likely[byte(x)], most = byte(y), table[idAt[x]*cols+pwAt[y]]
			}
		}
	}
	left := v.bitsOf(v.without([]int{p}))
	f.add(&Recipe{
		Words: words, Limb: "derived", Test: "dependence", Chance: chance, Positions: []int{p}, RemainingBits: left,
		apply: func(r *Row) (string, bool) {
			out := []byte(blank(v.length))
			if len(r.Password) != v.length {
				return string(out), false
			}
			y, ok := likely[c.of(d.of(r))]
			if ok {
				out[p] = y
			}
			return string(out), ok && r.Password[p] == y
		},
	}, v, nil)
	return true
}

// chiPair is the normal deviate of the chi-square statistic of a table whose symbols are grouped, in their order, so
// that no cell expects fewer than two rows on average.
func chiPair(ids []byte, v *view, p int) float64 {
	n := len(ids)
	pw := make([]byte, n)
	for i := range pw {
		pw[i] = v.pw[i][p]
	}
	side := math.Sqrt(float64(n) / 3)
	gi, ki := grouped(ids, int(math.Max(2, side)))
	gp, kp := grouped(pw, max(2, n/(3*max(ki, 1))))
	if ki < 2 || kp < 2 {
		return 0
	}
	cells := make([]int, ki*kp)
	ri, rp := make([]int, ki), make([]int, kp)
	for i := range ids {
		a, b := gi[ids[i]], gp[pw[i]]
		cells[a*kp+b]++
		ri[a]++
		rp[b]++
	}
	x := 0.0
	for a := range ki {
		for b := range kp {
			e := float64(ri[a]) * float64(rp[b]) / float64(n)
			if e < 1 {
				return 0
			}
			dv := float64(cells[a*kp+b]) - e
			x += dv * dv / e
		}
	}
	return chiSquareZ(x, (ki-1)*(kp-1))
}

// grouped puts symbols, in their order, into at most k groups of about equal numbers of rows.
func grouped(xs []byte, k int) ([256]int, int) {
	var counts, group [256]int
	kinds := 0
	for _, x := range xs {
		if counts[x] == 0 {
			kinds++
		}
		counts[x]++
	}
	if kinds <= k {
		g := 0
		for c := range counts {
			if counts[c] > 0 {
				group[c] = g
				g++
			}
		}
		return group, mergeSmall(&group, counts[:], g, len(xs))
	}
	g, held, want := 0, 0, len(xs)/k
	for c := range counts {
		if counts[c] == 0 {
			continue
		}
		group[c] = g
		if held += counts[c]; held >= want && g < k-1 {
			g, held = g+1, 0
		}
	}
	if held > 0 {
		g++
	}
	return group, mergeSmall(&group, counts[:], g, len(xs))
}

// mergeSmall joins groups that hold too few rows with the next.
func mergeSmall(group *[256]int, counts []int, k, n int) int {
	least := max(3, int(math.Sqrt(float64(n))/1.5))
	size := make([]int, k)
	for c, m := range counts {
		if m > 0 {
			size[group[c]] += m
		}
	}
	rename := make([]int, k)
	out, held := 0, 0
	for g := range k {
		rename[g] = out
		if held += size[g]; held >= least {
			out, held = out+1, 0
		}
	}
	if held > 0 && out > 0 {
		for g := range k {
			rename[g] = min(rename[g], out-1)
		}
	} else if held > 0 {
		out = 1
	}
	for c, m := range counts {
		if m > 0 {
			group[c] = rename[group[c]]
		}
	}
	return out
}

// rankCorrelation looks for passwords that rise or fall with an identifier without being a list that was sorted.
func (f *finder) rankCorrelation(v *view) {
	n := len(v.pw)
	if n < 50 || len(v.varying) == 0 || f.sortedLead(v) > 0 {
		return
	}
	ranksOf := func(text []string, idx []int) []float64 {
		if idx == nil {
			return nil
		}
		out := make([]float64, n)
		for i := 0; i < n; {
			j := i
			for j < n && text[idx[j]] == text[idx[i]] {
				j++
			}
			for k := i; k < j; k++ {
				out[idx[k]] = float64(i+j-1) / 2
			}
			i = j
		}
		return out
	}
	free := slices.DeleteFunc(slices.Clone(v.varying), v.code)
	texts, back := make([]string, n), make([]string, n)
	for i, s := range v.pw {
		texts[i] = charactersAt(s, free)
		back[i] = reversed(texts[i])
	}
	for _, side := range []struct {
		words string
		rank  []float64
	}{{"the passwords", ranksOf(texts, order(texts))}, {"the passwords read backwards", ranksOf(back, order(back))}} {
		for i, d := range v.idents {
			x := ranksOf(v.text[i], v.orderBy(i))
			if x == nil || side.rank == nil {
				continue
			}
			f.tried++
			rho := correlation(x, side.rank)
			z := math.Abs(rho) * math.Sqrt(float64(n-1))
			if z < 7.5 {
				continue
			}
			idx := v.orderBy(i)
			rising := rho > 0
			known := make([]string, n)
			for k, j := range idx {
				known[k] = v.pw[j]
			}
			f.add(&Recipe{
				Words: fmt.Sprintf("%s rise or fall with the %s (rank correlation %.2f over %d rows)", side.words, d.words, rho, n),
				Limb:  "derived", Test: "rank", Chance: normalTail(z) * 64, RemainingBits: v.bits() - math.Log2(1/math.Sqrt(1-math.Min(rho*rho, 0.999999))),
				apply: func(r *Row) (string, bool) {
					// A row agrees when its password stands in the same half as its identifier.
					t := d.of(r)
					k, _ := slices.BinarySearchFunc(idx, t, func(j int, t string) int { return byTail(v.text[i][j], t) })
					median := known[n/2]
					return blank(len(r.Password)), (k >= n/2) == (r.Password >= median) == rising
				},
			}, v, nil)
			return
		}
	}
}

func correlation(x, y []float64) float64 {
	n := float64(len(x))
	var sx, sy, sxx, syy, sxy float64
	for i := range x {
		sx += x[i]
		sy += y[i]
		sxx += x[i] * x[i]
		syy += y[i] * y[i]
		sxy += x[i] * y[i]
	}
	d := math.Sqrt((sxx - sx*sx/n) * (syy - sy*sy/n))
	if d == 0 {
		return 0
	}
	return (sxy - sx*sy/n) / d
}
