package password

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/zeebo/xxh3"
	"pgregory.net/rapid"
)

// rearranged writes a batch with its rows and columns in another order, and other names for them of the same meaning.
func rearranged(t *rapid.T, us []unit, pws []string) string {
	type field struct {
		names []string
		of    func(i int) string
	}
	fields := []field{
		{[]string{"serial", "Serial No.", "S/N", "serial_number"}, func(i int) string { return us[i].serial }},
		{[]string{"mac", "MAC address", "wlan_mac", "BSSID"}, func(i int) string { return us[i].mac }},
		{[]string{"ssid", "Network name", "SSID 2.4"}, func(i int) string { return us[i].ssid }},
		{[]string{"model", "product", "SKU"}, func(i int) string { return us[i].model }},
		{[]string{"password", "default_password", "Password", "PWD"}, func(i int) string { return pws[i] }},
	}
	order := rapid.Permutation([]int{0, 1, 2, 3, 4}).Draw(t, "columns")
	seed := rapid.Uint64().Draw(t, "rows")
	rows := rand.New(rand.NewPCG(seed, 1)).Perm(len(us))
	var b strings.Builder
	w := csv.NewWriter(&b)
	var line []string
	for _, k := range order {
		line = append(line, rapid.SampledFrom(fields[k].names).Draw(t, "name"))
	}
	_ = w.Write(line)
	for _, i := range rows {
		line = line[:0]
		for _, k := range order {
			line = append(line, fields[k].of(i))
		}
		_ = w.Write(line)
	}
	w.Flush()
	return b.String()
}

func verdicts(r *Report) string {
	return fmt.Sprint(r.Limbs.Unique.Verdict, r.Limbs.Incremental.Verdict, r.Limbs.Public.Verdict, r.Limbs.Derived.Verdict, r.Limbs.Guessable.Verdict)
}

// quickFamilies are families that the tests decide without a long search.
func quickFamilies() []family {
	var out []family
	for _, f := range append(badFamilies(), lawfulFamilies()[:2]...) {
		for _, name := range []string{"counter decimal", "serial reversed", "affine of the MAC", "small pool", "12 of a-z2-9"} {
			if f.name == name {
				out = append(out, f)
			}
		}
	}
	return out
}

func TestOrderAndNamesDoNotMatter(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	for k, f := range quickFamilies() {
		t.Run(f.name, func(t *testing.T) {
			us, pws := batchOf(f, uint64(k), 60)
			want := verdicts(auditText(t, csvOf(us, pws), Options{}))
			runs := 0
			rapid.Check(t, func(rt *rapid.T) {
				if runs++; runs > 2 {
					return // a few arrangements suffice, each is a whole audit
				}
				if got := verdicts(auditText(t, rearranged(rt, us, pws), Options{})); got != want {
					rt.Errorf("got %s, want %s", got, want)
				}
			})
		})
	}
}

// TestLawfulRowsDoNotClearABadBatch adds lawful rows to bad ones, up to as many again.
func TestLawfulRowsDoNotClearABadBatch(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	for k, f := range badFamilies() {
		if !slices.Contains([]string{"constant", "counter decimal", "counter step 7 base 36", "counter on a stem", "tail of the MAC", "serial reversed",
			"MD5 of the MAC", "SHA-1 of the serial, byte mod alphabet", "affine of the MAC"}, f.name) {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			us, pws := batchOf(f, uint64(k)+50, 200)
			more, lawful := us, pws
			for i, u := range units(rand.New(rand.NewPCG(uint64(k), 5)), 200) {
				// The same shape as the bad ones, drawn at random.
				b := []byte(pws[i])
				r := rand.New(rand.NewPCG(uint64(i), uint64(k)))
				for p := range b {
					set := ""
					switch c := b[p]; {
					case isDigit(c) && strings.Trim(pws[0], digits) == "":
						set = digits
					case alnum(c) && strings.ToUpper(pws[0]) == pws[0]:
						set = hexHigh
					default:
						set = hexLow
					}
					b[p] = set[r.IntN(len(set))]
				}
				more, lawful = append(more[:len(more):len(more)], u), append(lawful[:len(lawful):len(lawful)], string(b))
			}
			for _, n := range []int{400} {
				if r := auditText(t, csvOf(more[:n], lawful[:n]), Options{}); r.Verdict != Fail {
					t.Errorf("with %d lawful rows: %s", n-200, why(r))
				}
			}
		})
	}
}

func TestPasswordsStayHidden(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	f := badFamilies()
	for _, k := range []int{0, 1, 2, 5, 11, 25, 27, 30} {
		us, pws := batchOf(f[k], 3, 120)
		r := auditText(t, csvOf(us, pws), Options{Published: []string{"admin", pws[0]}})
		raw, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		for _, pw := range pws {
			if strings.Contains(string(raw), pw) {
				t.Fatalf("%s: the report shows a password: %s", f[k].name, raw)
			}
		}
		r = auditText(t, csvOf(us, pws), Options{Show: true})
		raw, err = json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		shown := false
		for _, pw := range pws {
			shown = shown || strings.Contains(string(raw), pw)
		}
		if !shown {
			t.Errorf("%s: no password shown though asked for", f[k].name)
		}
	}
}

// TestRecipeRunsOnEveryRow runs a recipe on rows that the audit saw and on one that it did not.
func TestRecipeRunsOnEveryRow(t *testing.T) {
	for _, f := range badFamilies() {
		if f.name != "MD5 of the MAC" && f.name != "SHA-256 of SSID and MAC, big integer" {
			continue
		}
		us, pws := batchOf(f, 9, 40)
		r := auditText(t, csvOf(us[:30], pws[:30]), Options{})
		if len(r.Limbs.Derived.Recipes) == 0 {
			t.Fatalf("%s: no recipe: %s", f.name, why(r))
		}
		recipe := r.Limbs.Derived.Recipes[0]
		if recipe.Rows != 30 || recipe.Of != 30 {
			t.Errorf("%s: got %d of %d rows, want 30 of 30", f.name, recipe.Rows, recipe.Of)
		}
		for i, u := range us {
			row := Row{Number: int64(i + 1), Password: pws[i], Values: []string{u.serial, u.mac, u.ssid, u.model, ""}}
			if got, ok := recipe.Apply(row); !ok || got != pws[i] {
				t.Errorf("%s: row %d: got %q %v, want the password", f.name, i+1, got, ok)
			}
			row.Password = map[bool]string{true: "y", false: "x"}[row.Password[0] == 'x'] + row.Password[1:]
			if _, ok := recipe.Apply(row); ok {
				t.Errorf("%s: row %d: a wrong password agrees", f.name, i+1)
			}
		}
	}
}

func TestFewRows(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       Verdict
		limb       func(*Report) Limb
	}{
		{"two-the-same", "password\nk3w9-ffq2\nk3w9-ffq2\n", Fail, func(r *Report) Limb { return r.Limbs.Unique }},
		{"two-in-sequence", "password\nkettle-00417\nkettle-00418\n", Fail, func(r *Report) Limb { return r.Limbs.Incremental }},
		{"two-random", "password\nk3w9ffq27hgx\np7dh3rmx94ka\n", Inconclusive, func(r *Report) Limb { return Limb{Verdict: r.Verdict} }},
		{"one-random", "password\nk3w9ffq27hgx\n", Inconclusive, func(r *Report) Limb { return Limb{Verdict: r.Verdict} }},
		{"one-empty", "serial,password\nA,\n", Fail, func(r *Report) Limb { return r.Limbs.Unique }},
		{"spaces-only", "serial,password\nA,  \nB,k3w9ffq27hgx\n", Fail, func(r *Report) Limb { return r.Limbs.Guessable }},
		{"published", "password\nadmin\nk3w9ffq27hgx\n", Fail, func(r *Report) Limb { return r.Limbs.Public }},
		{"mac-once", "mac,password\n74:DA:38:0A:1B:2C,74da380a1b2c\n", Fail, func(r *Report) Limb { return r.Limbs.Derived }},
		{"one-short-among-many", manyAnd("12345"), Fail, func(r *Report) Limb { return r.Limbs.Guessable }},
		{"one-date-among-many", manyAnd("19-99"), Fail, func(r *Report) Limb { return r.Limbs.Guessable }},
		{"many", manyAnd("k3w9ffq27hgx"), Pass, func(r *Report) Limb { return r.Limbs.Guessable }},
		{"four-digits", "password\n4711\n0815\n", Fail, func(r *Report) Limb { return r.Limbs.Guessable }},
		{"brand-and-digit", "brand,password\nKettleworks,kettleworks1\nKettleworks,kettleworks7\n", Fail, func(r *Report) Limb { return r.Limbs.Public }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := auditText(t, tt.text, Options{Published: []string{"admin", "1234"}})
			if l := tt.limb(r); l.Verdict != tt.want {
				t.Errorf("got %s, want %s: %s", l.Verdict, tt.want, why(r))
			}
		})
	}
}

// manyAnd is a lawful batch with one more password.
func manyAnd(pw string) string {
	r := rand.New(rand.NewPCG(6, 6))
	var b strings.Builder
	b.WriteString("password\n")
	for range 300 {
		b.WriteString(drawn(r, safe32, 12) + "\n")
	}
	b.WriteString(pw + "\n")
	return b.String()
}

// TestTraps holds the audit to what must pass though it looks odd.
func TestTraps(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	r := rand.New(rand.NewPCG(8, 8))
	us := units(r, 400)
	sorted := make([]string, len(us))
	for i := range sorted {
		sorted[i] = drawn(r, safe32, 12)
	}
	slices.Sort(sorted)
	mixedModels := make([]string, len(us))
	two := slices.Clone(us)
	for i := range two {
		two[i].model = []string{"K200", "K300X"}[i%2]
		mixedModels[i] = []string{"K2-", "K3-"}[i%2] + drawn(r, safe32, 12)
	}
	for _, tt := range []struct {
		name string
		us   []unit
		pws  []string
	}{{"sorted-with-the-serials", us, sorted}, {"prefix-by-model", two, mixedModels}} {
		t.Run(tt.name, func(t *testing.T) {
			rep := auditText(t, csvOf(tt.us, tt.pws), Options{Published: []string{"admin"}})
			if rep.Verdict != Inconclusive || rep.Limbs.Derived.Verdict != Inconclusive {
				t.Errorf("got %s, want INCONCLUSIVE for want of a declaration: %s", rep.Verdict, why(rep))
			}
		})
	}
}

// TestExactAmongAlike finds the equal passwords among those equal after folding, as a count of all would, also when more
// fold alike than are followed up.
func TestExactAmongAlike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.StringMatching(`[oO0lI1 x]{0,2}`), 1, 60).Draw(t, "passwords")
		var text strings.Builder
		text.WriteString("serial,password\n")
		count := map[string]int64{}
		for i, w := range words {
			fmt.Fprintf(&text, "S%d,%s\n", i, w)
			if strings.TrimSpace(w) != "" {
				count[w]++
			}
		}
		var want repeated
		for w, n := range count {
			if n > 1 {
				want.hashes++
				want.rows += n
				want.list = append(want.list, xxh3.HashString(w))
			}
		}
		slices.Sort(want.list)
		b, err := NewBatch("batch", func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text.String())), nil }, nil)
		if err != nil {
			t.Fatal(err)
		}
		o := &Options{Workers: 2}
		s, err := take(t.Context(), b, o, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.settle(t.Context(), b, o); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(s.same) != fmt.Sprint(want) {
			t.Errorf("got %v, want %v", s.same, want)
		}
		if s.alike.hashes > 1 {
			few := s.alike
			few.list = few.list[:1] // as when there are too many
			got, err := exactRepeats(t.Context(), b, o, newRepeats("", 1<<20, 2), &few)
			if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("with a list cut short: got %v %v, want %v", got, err, want)
			}
		}
	})
}

// TestRepeatsOnDisk counts repeated hashes as a map does, with next to no memory, so that partitions go to disk many times.
func TestRepeatsOnDisk(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	all := newRepeats(t.TempDir(), 0, 2)
	count := map[uint64]int64{}
	for i := range 200_000 {
		h := r.Uint64()
		if i%1000 == 0 {
			h = uint64(i%5000) << 56 // repeated, some in one worker and some in both
		}
		count[h]++
		if err := all.add(i%2, h); err != nil {
			t.Fatal(err)
		}
	}
	var want repeated
	for h, n := range count {
		if n > 1 {
			want.hashes++
			want.rows += n
			want.list = append(want.list, h)
		}
	}
	slices.Sort(want.list)
	if all.shards[0].end == 0 || all.shards[1].end == 0 {
		t.Error("nothing went to disk")
	}
	got, err := all.find()
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v %v, want %v", got, err, want)
	}
	if err := all.close(); err != nil {
		t.Error(err)
	}
}
