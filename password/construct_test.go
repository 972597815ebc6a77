package password

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
)

// TestGenerators holds the generators to published first outputs.
func TestGenerators(t *testing.T) {
	for _, tt := range []struct {
		name  string
		seed  uint64
		first []uint32
		shift int
		mask  uint32
	}{
		{"the Microsoft C generator", 1, []uint32{41, 18467, 6334}, 16, 0x7fff},
		{"glibc rand", 1, []uint32{1804289383, 846930886, 1681692777}, 0, 0xffffffff},
		{"the Mersenne twister", 5489, []uint32{3499211612, 581869302, 3890346734}, 0, 0xffffffff},
		{"the minimal standard generator (48271)", 1, []uint32{48271, 182605794, 1291394886}, 0, 0xffffffff},
		{".NET's Random", 0, []uint32{1559595546, 1755192844, 1649316166}, 0, 0xffffffff},
		{"Java's Random", 42, []uint32{2340331264 >> 1, 0, 0}, 0, 0},
		{"Python's random", 42, []uint32{2746317213, 478163327, 107420369}, 0, 0xffffffff},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, g := range generators {
				if g.name != tt.name || tt.mask == 0 {
					continue
				}
				out := make([]uint32, drawCount)
				g.of(tt.seed, out)
				for i, want := range tt.first {
					if got := out[i] >> tt.shift & tt.mask; got != want {
						t.Errorf("output %d: got %d, want %d", i, got, want)
					}
				}
			}
		})
	}
}

// TestKeyInFirmware finds an HMAC whose key is among the constants, and says so.
func TestKeyInFirmware(t *testing.T) {
	key := "s3cr3t-factory-key"
	f := family{make: perUnit(func(u unit) string {
		m := hmac.New(sha256.New, []byte(key))
		m.Write([]byte(u.serial))
		return hex.EncodeToString(m.Sum(nil))[:16]
	})}
	us, pws := batchOf(f, 3, 20)
	constants := append(madeUpStrings(500), []byte(key))
	r := auditText(t, csvOf(us, pws), Options{Constants: constants})
	if r.Limbs.Derived.Verdict != Fail || !strings.Contains(r.Limbs.Derived.Note, "HMAC-SHA-256 under the key") {
		t.Errorf("got %s, want the key to be found: %s", r.Limbs.Derived.Verdict, why(r))
	}
	r = auditText(t, csvOf(us, pws), Options{Constants: constants[:500]})
	if r.Limbs.Derived.Verdict != Inconclusive {
		t.Errorf("without the key: got %s, want INCONCLUSIVE: %s", r.Limbs.Derived.Verdict, why(r))
	}
}

// TestSameWhoeverIsQuicker: the same batch gives the same words with one worker and
// with many, however their turns fall. Several constants make the same passwords, far
// apart in the list, so that workers find them at the same time.
func TestSameWhoeverIsQuicker(t *testing.T) {
	key := "s3cr3t-factory-key"
	f := family{make: perUnit(func(u unit) string {
		m := hmac.New(sha256.New, []byte(key))
		m.Write([]byte(u.serial))
		return hex.EncodeToString(m.Sum(nil))[:16]
	})}
	us, pws := batchOf(f, 5, 20)
	text := csvOf(us, pws)
	constants := madeUpStrings(400)
	for i := range 30 { // HMAC pads its key with zeros, so these are one key
		constants = append(constants, append([]byte(key), make([]byte, i)...))
		constants = append(constants, madeUpStrings(20)...)
	}
	want := auditText(t, text, Options{Constants: constants, Workers: 1})
	if want.Limbs.Derived.Verdict != Fail {
		t.Fatalf("got %s, want FAIL", want.Limbs.Derived.Verdict)
	}
	for range 3 {
		if got := auditText(t, text, Options{Constants: constants, Workers: 7}); got.Tried != want.Tried || got.Limbs.Derived.Note != want.Limbs.Derived.Note {
			t.Errorf("got %d tried, %q; want %d, %q", got.Tried, got.Limbs.Derived.Note, want.Tried, want.Limbs.Derived.Note)
		}
	}
}
