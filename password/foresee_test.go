package password

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// longBatch writes rows of units whose passwords of gives, enough of them that something may be foreseen. Rows are in the
// order of order, nil for their own.
func longBatch(n int, order []int, of func(i int, u unit) string) string {
	us := units(rand.New(rand.NewPCG(3, 14)), n)
	var b strings.Builder
	b.WriteString("serial,mac,ssid,password\n")
	for k := range n {
		i := k
		if order != nil {
			i = order[k]
		}
		fmt.Fprintf(&b, "%s,%s,%s,%s\n", us[i].serial, us[i].mac, us[i].ssid, of(i, us[i]))
	}
	return b.String()
}

func md5Hex(s string) string  { d := md5.Sum([]byte(s)); return hex.EncodeToString(d[:]) }
func sha1Hex(s string) string { d := sha1.Sum([]byte(s)); return hex.EncodeToString(d[:]) }

// TestForeseenChangesNothing compares whole reports with and without what was foreseen, where the guess is right, is wrong,
// or fits a part of the rows, in several orders of rows and with several workers.
func TestForeseenChangesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	const n = 45_000 // more than one block
	random := func(i int) string {
		r := rand.New(rand.NewPCG(uint64(i), 9))
		return drawn(r, hexLow, 14)
	}
	digest := func(u unit) string { return md5Hex(plainMAC(u))[3:17] }
	other := func(u unit) string { return sha1Hex(u.serial)[:14] }
	shuffled := rand.New(rand.NewPCG(5, 5)).Perm(n)
	for _, tt := range []struct {
		name    string
		order   []int
		of      func(i int, u unit) string
		guessed string // words of what is foreseen
		counted bool   // by the first reading
	}{
		{"right", nil, func(_ int, u unit) string { return digest(u) }, "MD5 of the MAC address without separators", true},
		{"right-in-disorder", shuffled, func(_ int, u unit) string { return digest(u) }, "MD5 of the MAC address without separators", true},
		{"right-but-for-a-few", shuffled, func(i int, u unit) string {
			if i%50 == 7 {
				return random(i)
			}
			return digest(u)
		}, "MD5 of the MAC address without separators", true},
		{"right-with-repeats-and-gaps", shuffled, func(i int, u unit) string {
			switch {
			case i%15000 == 1:
				return "00000000000000"
			case i%15000 == 2:
				return ""
			}
			return other(u)
		}, "SHA-1 of the serial number", true},
		{"another-later", nil, func(i int, u unit) string {
			if i < n/3 {
				return digest(u)
			}
			return other(u)
		}, "MD5 of the MAC address without separators", false},
		{"only-at-the-head", nil, func(i int, u unit) string {
			if i < n/3 {
				return digest(u)
			}
			return random(i)
		}, "MD5 of the MAC address without separators", false},
		{"only-later", nil, func(i int, u unit) string {
			if i >= n/3 {
				return digest(u)
			}
			return random(i)
		}, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := longBatch(n, tt.order, tt.of)
			open := func() *Batch {
				b, err := NewBatch("batch", func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }, nil)
				if err != nil {
					t.Fatal(err)
				}
				return b
			}
			audit := func(workers int, guess *construction) string {
				r, err := auditForeseeing(t.Context(), open(), Options{Published: []string{"admin"}, Workers: workers, SampleRows: 400}, guess)
				if err != nil {
					t.Fatal(err)
				}
				raw, err := json.Marshal(r)
				if err != nil {
					t.Fatal(err)
				}
				return string(raw)
			}
			guess := foresee(t.Context(), open(), &Options{})
			words := ""
			if guess != nil {
				words = guess.p.words
			}
			if words != tt.guessed {
				t.Fatalf("foreseen: got %q, want %q", words, tt.guessed)
			}
			want := audit(2, nil)
			for _, workers := range []int{1, 3} {
				if guess == nil {
					break
				}
				if got := audit(workers, guess); got != want {
					t.Errorf("with %d workers: got %s, want %s", workers, got, want)
				}
			}
			// A guess that nothing speaks for changes nothing either.
			wrong := construction{p: &producer{alone: true, column: 1, words: "MD5 of the MAC address without separators", of: func(dst []byte, _ *Row) []byte { return dst }},
				e: encoding{stream: &digestStreams[0], n: 16, step: 1, order: hexLow}, positions: []int{0, 1, 2, 3}, length: 14}
			if got := audit(2, &wrong); got != want {
				t.Errorf("with a wrong guess: got %s, want %s", got, want)
			}
			if guess == nil {
				return
			}
			s, err := take(t.Context(), open(), &Options{Workers: 1}, guess)
			if err != nil {
				t.Fatal(err)
			}
			if counted := s.foreseen != nil; counted != tt.counted {
				t.Errorf("counted by the first reading: got %v, want %v", counted, tt.counted)
			}
		})
	}
}

// TestForeseenSavesAReading counts how often a batch is opened.
func TestForeseenSavesAReading(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	text := longBatch(4000, nil, func(_ int, u unit) string { return md5Hex(plainMAC(u))[:16] })
	opened := 0
	b, err := NewBatch("batch", func() (io.ReadCloser, error) {
		opened++
		return io.NopCloser(bytes.NewReader([]byte(text))), nil
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var passes []string
	r, err := Audit(t.Context(), b, Options{Progress: func(pass string, _ int64) { passes = append(passes, pass) }})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Limbs.Derived.Recipes) != 1 || r.Limbs.Derived.Recipes[0].Rows != 4000 {
		t.Errorf("got %s, want one recipe for all rows", why(r))
	}
	if strings.Contains(fmt.Sprint(passes), "verify") || opened != 3 {
		t.Errorf("opened %d times, passes %v: want the header, the head and one survey", opened, passes)
	}
}

// TestSameConstruction tells constructions apart by each thing that makes their passwords.
func TestSameConstruction(t *testing.T) {
	base := func() *construction {
		return &construction{p: &producer{alone: true, column: 1, words: "MD5 of the MAC address"}, e: encoding{stream: &digestStreams[0], n: 16, step: 1, order: hexLow}, positions: []int{0, 1}, length: 8, constant: "k?"}
	}
	if !base().same(base()) {
		t.Error("the same construction differs from itself")
	}
	for name, change := range map[string]func(c *construction){
		"column":    func(c *construction) { c.p.column = 2 },
		"words":     func(c *construction) { c.p.words = "MD5 of the serial number" },
		"alone":     func(c *construction) { c.p.alone = false },
		"stream":    func(c *construction) { c.e.stream = &digestStreams[1] },
		"offset":    func(c *construction) { c.e.offset = 1 },
		"symbols":   func(c *construction) { c.e.symbol[3] = 'x' },
		"direction": func(c *construction) { c.e.back = true },
		"positions": func(c *construction) { c.positions = []int{0, 2} },
		"length":    func(c *construction) { c.length = 9 },
		"constant":  func(c *construction) { c.constant = "" },
	} {
		c := base()
		if change(c); c.same(base()) || base().same(c) {
			t.Errorf("%s: different constructions are the same", name)
		}
	}
	var none *construction
	if none.same(none) || base().same(none) || none.same(base()) {
		t.Error("nothing is the same as a construction")
	}
}

// BenchmarkForesee guesses for a lawful batch, which is what all lawful ones pay.
func BenchmarkForesee(b *testing.B) {
	path := bigBatch(b, 10_000)
	for b.Loop() {
		batch, err := Open(path, nil)
		if err != nil {
			b.Fatal(err)
		}
		if foresee(b.Context(), batch, &Options{}) != nil {
			b.Fatal("something was foreseen of a lawful batch")
		}
	}
}

// TestFormsHaveTheirOwnWords holds what same rests on: no two forms of one identifier, and no two digests, go by one name.
func TestFormsHaveTheirOwnWords(t *testing.T) {
	for _, role := range []Role{RoleMAC, RoleSerial, RoleSSID, RoleIMEI, RoleModel, RoleOther} {
		seen := map[string]bool{}
		for _, p := range producersOf(identMessages(Column{Name: "x", Role: role}, 0, &ident{role: role})) {
			if seen[p.words] {
				t.Errorf("%s: two producers are called %q", role, p.words)
			}
			seen[p.words] = true
		}
	}
}
