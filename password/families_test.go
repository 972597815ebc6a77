package password

import (
	"bytes"
	"crypto/aes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
)

const (
	safe32 = "23456789abcdefghjkmnpqrstuvwxyz"
	mixed  = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// unit is one made-up product.
type unit struct {
	i                 int
	serial, mac, ssid string
	model             string
	low               uint64 // the MAC address as a number
}

// units makes n products of one production run: serials and MAC addresses mostly consecutive, in a random order of rows.
func units(r *rand.Rand, n int) []unit {
	out := make([]unit, n)
	serial := 2000000 + r.IntN(5000000)
	mac := uint64(0x74DA38)<<24 | uint64(r.IntN(1<<23))
	step := uint64(1 + r.IntN(4))
	for i := range out {
		serial += 1
		if r.IntN(20) == 0 {
			serial += r.IntN(5)
		}
		mac += step
		if r.IntN(30) == 0 {
			mac += uint64(r.IntN(64)) * step
		}
		m := fmt.Sprintf("%012X", mac)
		out[i] = unit{i: i, serial: fmt.Sprintf("KT24%07d", serial), low: mac, ssid: "Kettle-" + m[6:], model: "K200",
			mac: m[0:2] + ":" + m[2:4] + ":" + m[4:6] + ":" + m[6:8] + ":" + m[8:10] + ":" + m[10:12]}
	}
	return out
}

func plainMAC(u unit) string { return strings.ReplaceAll(u.mac, ":", "") }

func drawn(r *rand.Rand, alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(b)
}

func inBase(v uint64, alphabet string, n int) string {
	b := make([]byte, n)
	for i := n - 1; i >= 0; i-- {
		b[i] = alphabet[v%uint64(len(alphabet))]
		v /= uint64(len(alphabet))
	}
	return string(b)
}

func modBytes(d []byte, alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[int(d[i])%len(alphabet)]
	}
	return string(b)
}

func bigBase(d []byte, alphabet string, n int) string {
	v, k, m := new(big.Int).SetBytes(d), big.NewInt(int64(len(alphabet))), new(big.Int)
	b := make([]byte, n)
	for i := range b {
		v.DivMod(v, k, m)
		b[i] = alphabet[m.Int64()]
	}
	return string(b)
}

// family makes the passwords of one scheme; make is called once for each batch.
type family struct {
	name string
	make func(r *rand.Rand) func(u unit) string
	// from is the number of rows from which the table tests ask for a verdict of FAIL.
	from int
}

func perUnit(f func(u unit) string) func(*rand.Rand) func(unit) string {
	return func(*rand.Rand) func(unit) string { return f }
}

func badFamilies() []family {
	md := func(s string) []byte { d := md5.Sum([]byte(s)); return d[:] }
	sha := func(s string) []byte { d := sha1.Sum([]byte(s)); return d[:] }
	sha2 := func(s string) []byte { d := sha256.Sum256([]byte(s)); return d[:] }
	return []family{
		{"constant", perUnit(func(unit) string { return "kettle2024" }), 10},
		{"small pool", func(r *rand.Rand) func(unit) string {
			pool := make([]string, 40)
			for i := range pool {
				pool[i] = drawn(r, safe32, 10)
			}
			return func(unit) string { return pool[r.IntN(len(pool))] }
		}, 30},
		{"counter decimal", perUnit(func(u unit) string { return fmt.Sprintf("%08d", 41237000+u.i) }), 10},
		{"counter step 7 base 36", perUnit(func(u unit) string { return inBase(uint64(918273645+7*u.i), digits+lowers, 8) }), 10},
		{"counter reversed", perUnit(func(u unit) string { return reversed(fmt.Sprintf("%08d", 55512000+3*u.i)) }), 10},
		{"counter on a stem", perUnit(func(u unit) string { return fmt.Sprintf("Kettle%04dXy", 1200+u.i) }), 10},
		{"counter in the middle of random", func(r *rand.Rand) func(unit) string {
			return func(u unit) string { return drawn(r, lowers, 2) + fmt.Sprintf("%05d", 20000+u.i) + drawn(r, lowers, 2) }
		}, 30},
		{"counter in an odd alphabet", perUnit(func(u unit) string { return inBase(uint64(80000000+11*u.i), "BCDFGHJKLMNPQRSTVWXZ", 8) }), 30},
		{"constant second differences", perUnit(func(u unit) string { return fmt.Sprintf("%010d", 1000000007+12345*u.i+77*u.i*u.i) }), 10},
		{"congruential sequence", func(r *rand.Rand) func(unit) string {
			x := r.Uint64N(1 << 31)
			return func(unit) string { x = (1103515245*x + 12345) & 0x7fffffff; return fmt.Sprintf("%010d", x) }
		}, 30},
		{"multiplied index", perUnit(func(u unit) string { return inBase(uint64(u.i+1000)*2654435761%4294967296, hexLow, 8) }), 10},
		{"tail of the MAC", perUnit(func(u unit) string { return plainMAC(u)[4:] }), 10},
		{"tail of the MAC in lower case after a prefix", perUnit(func(u unit) string { return "kt" + strings.ToLower(plainMAC(u)[6:]) }), 10},
		{"serial reversed", perUnit(func(u unit) string { return reversed(u.serial) }), 10},
		{"SSID tail and constant", perUnit(func(u unit) string { return "pw" + u.ssid[7:] + "99" }), 10},
		{"MAC plus one", perUnit(func(u unit) string { return fmt.Sprintf("%08X", (u.low+1)&0xffffffff) }), 10},
		{"MAC permuted", perUnit(func(u unit) string {
			m := plainMAC(u)
			return string([]byte{m[11], m[7], m[9], m[6], m[10], m[8], m[11], m[7]})
		}), 10},
		{"MAC substituted", func(r *rand.Rand) func(unit) string {
			p := r.Perm(16)
			return func(u unit) string {
				b := []byte{}
				for _, c := range plainMAC(u)[4:] {
					b = append(b, hexLow[p[strings.IndexByte(hexHigh, byte(c))]])
				}
				return string(b)
			}
		}, 100},
		{"nibbles added", perUnit(func(u unit) string {
			m := u.low
			b := []byte{}
			for k := range 8 {
				b = append(b, hexLow[((m>>(4*(k%3)))+(m>>(4*((k+1)%4)))+uint64(k))&15])
			}
			return string(b)
		}), 300},
		{"tables XORed", func(r *rand.Rand) func(unit) string {
			var t [12][16]uint32
			for i := range t {
				for j := range t[i] {
					t[i][j] = r.Uint32()
				}
			}
			return func(u unit) string {
				x := uint32(0)
				for k := range 12 {
					x ^= t[k][u.low>>(4*k)&15]
				}
				return fmt.Sprintf("%08x", x)
			}
		}, 300},
		{"digits added modulo 10", perUnit(func(u unit) string {
			s := u.serial[4:]
			b := []byte{}
			for k := range 8 {
				b = append(b, '0'+(s[k%7]-'0'+s[(k*3+2)%7]-'0'+byte(k))%10)
			}
			return string(b)
		}), 300},
		{"affine of the MAC", perUnit(func(u unit) string { return fmt.Sprintf("%010d", (u.low&0xffffff)*37+123456) }), 10},
		{"affine modulo a prime", perUnit(func(u unit) string { return fmt.Sprintf("%010d", (u.low&0xffffff)*48271%2147483647) }), 30},
		{"serial in base 36", perUnit(func(u unit) string {
			return strings.ToUpper(new(big.Int).SetBytes([]byte(u.serial[4:])).Text(36))[:10]
		}), 100},
		{"XOR with a constant", perUnit(func(u unit) string { return fmt.Sprintf("%08x", uint32(u.low)^0x5bd1e995) }), 100},
		{"CRC-32 of the serial", perUnit(func(u unit) string { return fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(u.serial))) }), 10},
		{"MD5 of the MAC", perUnit(func(u unit) string { return hex.EncodeToString(md(plainMAC(u)))[:10] }), 10},
		{"SHA-1 of the serial, byte mod alphabet", perUnit(func(u unit) string { return modBytes(sha(u.serial)[3:], safe32, 10) }), 10},
		{"SHA-256 of SSID and MAC, big integer", perUnit(func(u unit) string {
			return bigBase(sha2(u.ssid+strings.ToLower(plainMAC(u))), digits+lowers, 12)
		}), 10},
		{"MD5 of the raw MAC, base64", perUnit(func(u unit) string {
			raw, _ := hex.DecodeString(plainMAC(u))
			return base64.StdEncoding.EncodeToString(md(string(raw)))[:12]
		}), 10},
		{"MD5 of MAC plus one, digits", perUnit(func(u unit) string {
			return fmt.Sprintf("%08d", binary.BigEndian.Uint32(md(fmt.Sprintf("%012x", u.low+1)))%100000000)
		}), 10},
		{"SHA-1 with the model as salt", perUnit(func(u unit) string { return hex.EncodeToString(sha(u.model + u.serial))[8:20] }), 10},
		{"generator seeded with the MAC", perUnit(func(u unit) string {
			x := uint32(u.low)
			b := []byte{}
			for range 10 {
				x = x*214013 + 2531011
				b = append(b, safe32[int(x>>16&0x7fff)%len(safe32)])
			}
			return string(b)
		}), 10},
		{"generator seeded with the clock", func(r *rand.Rand) func(unit) string {
			now := uint32(1700000000)
			return func(unit) string {
				now += 3 + uint32(r.IntN(40))
				x := now
				b := []byte{}
				for range 10 {
					x = x*1103515245 + 12345
					b = append(b, (digits + lowers)[int(x>>16&0x7fff)%36])
				}
				return string(b)
			}
		}, 10},
		{"generator seeded once", func(*rand.Rand) func(unit) string {
			x := uint32(4242)
			return func(unit) string {
				b := []byte{}
				for range 10 {
					x = x*214013 + 2531011
					b = append(b, (uppers + lowers + digits)[int(x>>16&0x7fff)%62])
				}
				return string(b)
			}
		}, 10},
		{"adjective noun digits", func(r *rand.Rand) func(unit) string {
			a := []string{"happy", "quick", "brave", "green", "silent", "clever", "rapid", "sunny", "lucky", "proud", "gentle", "bright"}
			b := []string{"tiger", "river", "stone", "cloud", "table", "horse", "apple", "piano", "tower", "garden", "window", "bridge"}
			return func(unit) string {
				return a[r.IntN(len(a))] + b[r.IntN(len(b))] + fmt.Sprintf("%03d", r.IntN(1000))
			}
		}, 30},
		{"dates", func(r *rand.Rand) func(unit) string {
			return func(unit) string {
				return fmt.Sprintf("%02d%02d%04d", 1+r.IntN(28), 1+r.IntN(12), 1960+r.IntN(60))
			}
		}, 30},
		{"five digits", func(r *rand.Rand) func(unit) string {
			return func(unit) string { return drawn(r, digits, 5) }
		}, 10},
	}
}

// lawfulFamilies are the kinds that must never fail.
func lawfulFamilies() []family {
	draw := func(alphabet string, n int) func(*rand.Rand) func(unit) string {
		return func(r *rand.Rand) func(unit) string { return func(unit) string { return drawn(r, alphabet, n) } }
	}
	return []family{
		{name: "12 of a-z2-9", make: draw(safe32, 12)},
		{name: "10 of 0-9A-Za-z", make: draw(mixed, 10)},
		{name: "16 hexadecimal", make: draw(hexLow, 16)},
		{name: "16 digits", make: draw(digits, 16)},
		{name: "grouped 4-4-4", make: func(r *rand.Rand) func(unit) string {
			return func(unit) string {
				return drawn(r, uppers, 4) + "-" + drawn(r, uppers, 4) + "-" + drawn(r, uppers, 4)
			}
		}},
		{name: "constant prefix", make: func(r *rand.Rand) func(unit) string {
			return func(unit) string { return "K200-" + drawn(r, safe32, 12) }
		}},
		{name: "HMAC-SHA-256 of the serial", make: func(r *rand.Rand) func(unit) string {
			key := make([]byte, 32)
			for i := range key {
				key[i] = byte(r.Uint32())
			}
			return func(u unit) string {
				m := hmac.New(sha256.New, key)
				m.Write([]byte(u.serial))
				return bigBase(m.Sum(nil), safe32, 12)
			}
		}},
		{name: "AES of the MAC", make: func(r *rand.Rand) func(unit) string {
			key := make([]byte, 16)
			for i := range key {
				key[i] = byte(r.Uint32())
			}
			c, err := aes.NewCipher(key)
			return func(u unit) string {
				if err != nil {
					panic(err)
				}
				var b [16]byte
				binary.BigEndian.PutUint64(b[8:], u.low)
				c.Encrypt(b[:], b[:])
				return hex.EncodeToString(b[:8])
			}
		}},
		{name: "five words", make: func(r *rand.Rand) func(unit) string {
			list := wordList()
			return func(unit) string {
				var w []string
				for range 5 {
					w = append(w, list[r.IntN(len(list))])
				}
				return strings.Join(w, "-")
			}
		}},
		{name: "five joined words", make: func(r *rand.Rand) func(unit) string {
			list := wordList()
			return func(unit) string {
				s := ""
				for range 5 {
					s += list[r.IntN(len(list))]
				}
				return s
			}
		}},
		{name: "byte modulo 36", make: func(r *rand.Rand) func(unit) string {
			return func(unit) string {
				b := make([]byte, 12)
				for i := range b {
					b[i] = (digits + lowers)[r.IntN(256)%36]
				}
				return string(b)
			}
		}},
	}
}

// wordList is some 7,000 words of the dictionary.
func wordList() []string {
	var out []string
	for _, w := range sortedKeys(dictionary()) {
		if n := len(w); n >= 4 && n <= 6 && allLower(w) {
			out = append(out, w)
		}
	}
	return out[:7000]
}

func allLower(s string) bool { return strings.Trim(s, lowers) == "" }

// table writes units with their passwords as CSV.
func csvOf(us []unit, pws []string) string {
	var b strings.Builder
	b.WriteString("serial,mac,ssid,model,password\n")
	for i, u := range us {
		fmt.Fprintf(&b, "%s,%s,%s,%s,%s\n", u.serial, u.mac, u.ssid, u.model, pws[i])
	}
	return b.String()
}

// batchOf makes a batch of a family, rows in a random order.
func batchOf(f family, seed uint64, n int) ([]unit, []string) {
	r := rand.New(rand.NewPCG(seed, 77))
	us := units(r, n)
	next := f.make(r)
	pws := make([]string, n)
	for i, u := range us {
		pws[i] = next(u)
	}
	r.Shuffle(n, func(i, j int) { us[i], us[j] = us[j], us[i]; pws[i], pws[j] = pws[j], pws[i] })
	return us, pws
}

func auditText(t testing.TB, text string, o Options) *Report {
	t.Helper()
	b, err := NewBatch("batch", func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader([]byte(text))), nil }, nil)
	if err != nil {
		t.Fatal(err)
	}
	rep, err := Audit(t.Context(), b, o)
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

// why summarises a report for a failing test.
func why(r *Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s of %d rows\n", r.Verdict, r.Rows)
	for _, l := range []struct {
		name string
		*Limb
	}{{"unique", &r.Limbs.Unique}, {"incremental", &r.Limbs.Incremental}, {"public", &r.Limbs.Public}, {"derived", &r.Limbs.Derived}, {"guessable", &r.Limbs.Guessable}} {
		fmt.Fprintf(&b, "  %s %s: %s\n", l.name, l.Verdict, l.Note)
		for _, x := range l.Recipes {
			fmt.Fprintf(&b, "    %s %d of %d (%.2g, %.0f bits left)\n", x.Words, x.Rows, x.Of, x.Chance, x.RemainingBits)
		}
		for _, x := range l.Remarks {
			fmt.Fprintf(&b, "    - %s\n", x)
		}
	}
	return b.String()
}
