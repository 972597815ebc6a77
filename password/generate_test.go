package password

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func TestGeneratorPassesTheAudit(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	for _, tt := range []struct {
		name    string
		g       Generator
		custody string
		want    Verdict
	}{
		{"random", Generator{}, "", Pass},
		{"keyed", Generator{Key: bytes.Repeat([]byte{7, 91, 3}, 11)}, "a hardware module of the factory; no product carries it", Pass},
		{"keyed-without-custody", Generator{Key: bytes.Repeat([]byte{7, 91, 3}, 11)}, "", Inconclusive},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var ids []string
			for i := range 200 {
				ids = append(ids, fmt.Sprintf("SN%06d", i))
			}
			pws, err := tt.g.Run(ids)
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			b.WriteString("serial,password\n")
			for i := range ids {
				fmt.Fprintf(&b, "%s,%s\n", ids[i], pws[i])
			}
			d, err := tt.g.Declaration(tt.custody)
			if err != nil {
				t.Fatal(err)
			}
			rows, err := ChooseRows(200, MinRecomputed, nil)
			if err != nil {
				t.Fatal(err)
			}
			d.Recomputed = map[int64]string{}
			for _, r := range rows {
				d.Recomputed[r] = pws[r-1]
			}
			r := auditText(t, b.String(), Options{Published: []string{"admin"}, Declared: d})
			if r.Verdict != tt.want {
				t.Errorf("got %s, want %s: %s", r.Verdict, tt.want, why(r))
			}
			if tt.g.Key != nil {
				d.Recomputed[rows[0]] = "3333-3333-3333"
				if r := auditText(t, b.String(), Options{Published: []string{"admin"}, Declared: d}); r.Limbs.Derived.Verdict != Fail {
					t.Errorf("with a wrong row: got %s, want FAIL", r.Limbs.Derived.Verdict)
				}
			}
		})
	}
}

func TestGeneratorRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		g    Generator
	}{
		{"short", Generator{Length: 8}},
		{"repeated-symbol", Generator{Alphabet: "aabcdefghijklmnop", Length: 20}},
		{"separator-in-alphabet", Generator{Alphabet: LabelAlphabet + "-"}},
		{"short-key", Generator{Key: []byte("short")}},
		{"one-symbol", Generator{Alphabet: "a", Length: 100}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if pw, err := tt.g.Password("SN1"); err == nil {
				t.Errorf("got a password of %d characters, want an error", len(pw))
			}
		})
	}
}

// TestGeneratorIsEven draws every byte once: each symbol must come out equally often.
func TestGeneratorIsEven(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	g := Generator{Length: 253, Group: -1}
	g.Length = 128
	g.Random = bytes.NewReader(append(all, all...))
	counts := map[rune]int{}
	for range 253 * 2 / 128 {
		pw, err := g.Password("")
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range pw {
			counts[c]++
		}
	}
	for _, c := range LabelAlphabet {
		if got := counts[c]; got < 15 || got > 18 {
			t.Errorf("symbol %c: got %d draws", c, got)
		}
	}
}

func TestKeyedPasswordsAreTheSameAgain(t *testing.T) {
	g := Generator{Key: bytes.Repeat([]byte{1, 2}, 16)}
	a, err := g.Password("SN1")
	if err != nil {
		t.Fatal(err)
	}
	b, _ := g.Password("SN1")
	c, _ := g.Password("SN2")
	g.Label = "wifi"
	d, _ := g.Password("SN1")
	if a != b || a == c || a == d {
		t.Errorf("got %v %v %v, want the same, different, different", a == b, a == c, a == d)
	}
	if len(a) != 14 || a[4] != '-' || a[9] != '-' {
		t.Errorf("got shape %s, want groups of four", mask(a))
	}
}
