package password

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// finder runs the tests over a sample and collects recipes.
type finder struct {
	o       *Options
	columns []Column
	total   int64  // rows of the whole batch
	rows    []*Row // the sample, one row for each password
	head    []*Row // the first rows of the file
	idents  []*ident
	views   []*view
	recipes []*Recipe
	remarks []string
	tried   int64
}

const maxRecipes = 24

// add keeps a recipe unless one like it is there. The counts are those of the view until every row is checked.
func (f *finder) add(r *Recipe, v *view, explained []int) {
	r.Of = int64(len(v.rows))
	for _, row := range v.rows {
		if _, ok := r.apply(row); ok {
			r.Rows++
		}
	}
	if v.name != "" {
		r.Words += " (" + v.name + ")"
	}
	if f.o.Show && r.secret != "" {
		r.Words += ": " + r.secret
	}
	if len(f.recipes) >= maxRecipes {
		return
	}
	for _, x := range f.recipes {
		if x.Words == r.Words {
			return
		}
	}
	f.recipes = append(f.recipes, r)
}

// explained tells whether a recipe already gives so much of every password of a view that no construction need be sought.
func (f *finder) explained(v *view) bool {
	for _, r := range f.recipes {
		if r.Limb == "public" || r.RemainingBits >= stemBits {
			continue
		}
		if r.Of != int64(len(v.rows)) || r.Rows != r.Of {
			continue
		}
		if _, ok := r.apply(v.rows[0]); ok {
			return true
		}
	}
	return false
}

// remark notes something that is no finding.
func (f *finder) remark(s string) {
	if !slices.Contains(f.remarks, s) {
		f.remarks = append(f.remarks, s)
	}
}

// where says which characters, in the order in which they are read.
func (f *finder) where(positions []int) string {
	if len(positions) == 0 {
		return "no character"
	}
	first, last := positions[0], positions[len(positions)-1]
	run := func(step int) bool {
		for i := 1; i < len(positions); i++ {
			if positions[i] != positions[i-1]+step {
				return false
			}
		}
		return true
	}
	switch {
	case len(positions) == 1:
		return fmt.Sprintf("character %d", first+1)
	case run(1):
		return fmt.Sprintf("characters %d to %d", first+1, last+1)
	case run(-1):
		return fmt.Sprintf("characters %d back to %d", first+1, last+1)
	}
	var s []string
	for _, p := range positions {
		s = append(s, strconv.Itoa(p+1))
	}
	return "characters " + strings.Join(s, ", ")
}

// alphabetWords names an alphabet, abbreviating runs.
func alphabetWords(a string) string {
	var b strings.Builder
	for i := 0; i < len(a); {
		j := i
		for j+1 < len(a) && a[j+1] == a[j]+1 {
			j++
		}
		if j-i >= 2 {
			fmt.Fprintf(&b, "%c-%c", a[i], a[j])
		} else {
			b.WriteString(a[i : j+1])
		}
		i = j + 1
	}
	return b.String()
}

// blank is a pattern that says nothing.
func blank(n int) string { return strings.Repeat("?", n) }

// sortedBy tells whether the passwords of a view go up or down with an identifier from the first unit to the last, as
// they do when the list was sorted before the identifiers were given out. What follows from the place in a sorted list
// is the leading characters, about log2 of the number of rows.
func (v *view) sortedBy(i int) bool {
	idx := v.orderBy(i)
	if len(idx) < 12 {
		return false
	}
	up, down := 0, 0
	for k := 1; k < len(idx); k++ {
		a, b := v.pw[idx[k-1]], v.pw[idx[k]]
		if c := strings.Compare(a, b); c < 0 || strings.EqualFold(a, b) {
			up++
		} else {
			down++
		}
		if up > 0 && down > 0 {
			return false
		}
	}
	return up == 0 || down == 0
}

// lead is the number of positions from the left that the place in a sorted list of so many rows may determine.
func (v *view) lead() int {
	need := math.Log2(float64(len(v.rows))) + 12
	for i, p := range v.varying {
		if need -= math.Log2(math.Max(2, float64(len(v.symbols[p])))); need <= 0 {
			return v.varying[i] + 1
		}
	}
	return v.length
}
