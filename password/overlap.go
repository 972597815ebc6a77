package password

import (
	"fmt"
	"math"
	"strings"
)

// Bounds of the test for few rows.
const (
	overlapRows = 8 // with more rows the tests by position see as much
	overlapRun  = 6 // characters, most of them digits
)

// overlaps looks for a long run of an identifier in passwords when there are too few rows for any statistics: eight
// digits of a MAC address do not get into a random password by accident, not even once.
func (f *finder) overlaps() {
	if len(f.rows) > overlapRows {
		return
	}
	for _, d := range f.idents {
		if d.role == RoleModel || d.role == RoleBrand {
			continue
		}
		forms := d.variants()
		for _, form := range forms {
			log, left := 0.0, 0.0
			runs := map[string]bool{}
			for _, r := range f.rows {
				pw, id := strings.ToLower(alnumText(r.Password)), strings.ToLower(form.of(r))
				f.tried++
				run := commonRun(pw, id)
				if back := commonRun(pw, reversed(id)); len(back) > len(run) {
					run = back
				}
				if len(run) < overlapRun || strings.Trim(run, "abcdef"+digits) != "" || runs[run] {
					log = 0
					break
				}
				runs[run] = true
				base := 16.0
				if allDigits(run) {
					base = 10
				}
				log += math.Log(float64(2*len(pw)*len(id))) - float64(len(run))*math.Log(base)
				left = math.Max(left, float64(len(pw)-len(run))*math.Log2(36))
			}
			if log += math.Log(float64(64 * len(f.idents))); log > math.Log(testAlpha*8) || left >= offlineFail {
				continue
			}
			least := overlapRun
			f.addAll(&Recipe{
				Words: fmt.Sprintf("the password holds %d or more characters of the %s in a row", least, form.words),
				Limb:  "derived", Test: "copy", Chance: math.Exp(log), RemainingBits: left,
				apply: func(r *Row) (string, bool) {
					pw, id := strings.ToLower(alnumText(r.Password)), strings.ToLower(form.of(r))
					return blank(len(r.Password)), len(commonRun(pw, id)) >= least || len(commonRun(pw, reversed(id))) >= least
				},
			})
			return
		}
	}
}

// commonRun is the longest text that stands in both, for texts of moderate length.
func commonRun(a, b string) string {
	a, b = a[:min(len(a), 64)], b[:min(len(b), 64)]
	best := ""
	for i := range a {
		for j := range b {
			k := 0
			for i+k < len(a) && j+k < len(b) && a[i+k] == b[j+k] {
				k++
			}
			if k > len(best) {
				best = a[i : i+k]
			}
		}
	}
	return best
}
