package password

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"math/rand"
	"strconv"
)

// drawCount is how many draws of a generator are looked at.
const drawCount = 48

// generator is a library generator whose draws follow from a seed.
type generator struct {
	name string
	of   func(seed uint64, out []uint32)
}

func lcg(mul, add, mask uint32) func(uint64, []uint32) {
	return func(seed uint64, out []uint32) {
		x := uint32(seed)
		for i := range out {
			x = (x*mul + add) & mask
			out[i] = x
		}
	}
}

func minimal(mul uint64) func(uint64, []uint32) {
	return func(seed uint64, out []uint32) {
		x := seed % 2147483647
		if x == 0 {
			x = 1
		}
		for i := range out {
			x = x * mul % 2147483647
			out[i] = uint32(x)
		}
	}
}

var generators = []generator{
	{"the Microsoft C generator", lcg(214013, 2531011, 0xffffffff)},
	{"the ANSI C generator", lcg(1103515245, 12345, 0x7fffffff)},
	{"the ANSI C generator of 32 bits", lcg(1103515245, 12345, 0xffffffff)},
	{"the Numerical Recipes generator", lcg(1664525, 1013904223, 0xffffffff)},
	{"the Borland C generator", lcg(22695477, 1, 0xffffffff)},
	{"the minimal standard generator (16807)", minimal(16807)},
	{"the minimal standard generator (48271)", minimal(48271)},
	{"glibc rand", glibcRand},
	{"Java's Random", func(seed uint64, out []uint32) {
		s := (seed ^ 0x5DEECE66D) & (1<<48 - 1)
		for i := range out {
			s = (s*0x5DEECE66D + 0xB) & (1<<48 - 1)
			out[i] = uint32(s >> 17)
		}
	}},
	{"the Mersenne twister", func(seed uint64, out []uint32) { mersenne(seedMersenne(uint32(seed)), out) }},
	{"PHP's mt_rand", func(seed uint64, out []uint32) {
		mersenne(seedMersenne(uint32(seed)), out)
		for i := range out {
			out[i] >>= 1
		}
	}},
	{"Python's random", func(seed uint64, out []uint32) {
		key := []uint32{uint32(seed)}
		if seed>>32 != 0 {
			key = append(key, uint32(seed>>32))
		}
		mersenne(seedMersenneArray(key), out)
	}},
	{"xorshift32", func(seed uint64, out []uint32) {
		x := uint32(seed)
		for i := range out {
			x ^= x << 13
			x ^= x >> 17
			x ^= x << 5
			out[i] = x
		}
	}},
	{"splitmix64", func(seed uint64, out []uint32) {
		for i := range out {
			out[i] = uint32(splitmix(seed) >> 32)
			seed += 0x9e3779b97f4a7c15
		}
	}},
	{".NET's Random", dotnetRandom},
	{"Go's math/rand", func(seed uint64, out []uint32) {
		r := rand.New(rand.NewSource(int64(seed))) //nolint:gosec // the weak generator is what is looked for
		for i := range out {
			out[i] = uint32(r.Int63() >> 32)
		}
	}},
}

// glibcRand is the additive feedback generator of glibc's rand (TYPE_3).
func glibcRand(seed uint64, out []uint32) {
	var r [34 + 310 + drawCount]uint32
	x := int64(int32(seed))
	if x == 0 {
		x = 1
	}
	r[0] = uint32(x)
	for i := 1; i < 31; i++ {
		if x = 16807 * x % 2147483647; x < 0 {
			x += 2147483647
		}
		r[i] = uint32(x)
	}
	for i := 31; i < 34; i++ {
		r[i] = r[i-31]
	}
	for i := 34; i < 344+len(out) && i < len(r); i++ {
		r[i] = r[i-31] + r[i-3]
		if i >= 344 {
			out[i-344] = r[i] >> 1
		}
	}
}

func seedMersenne(seed uint32) *[624]uint32 {
	var s [624]uint32
	s[0] = seed
	for i := 1; i < len(s); i++ {
		s[i] = 1812433253*(s[i-1]^s[i-1]>>30) + uint32(i)
	}
	return &s
}

func seedMersenneArray(key []uint32) *[624]uint32 {
	s := seedMersenne(19650218)
	i, j := 1, 0
	for range max(624, len(key)) {
		s[i] = (s[i] ^ (s[i-1]^s[i-1]>>30)*1664525) + key[j] + uint32(j)
		if i++; i >= 624 {
			s[0], i = s[623], 1
		}
		if j++; j >= len(key) {
			j = 0
		}
	}
	for range 623 {
		s[i] = (s[i] ^ (s[i-1]^s[i-1]>>30)*1566083941) - uint32(i)
		if i++; i >= 624 {
			s[0], i = s[623], 1
		}
	}
	s[0] = 0x80000000
	return s
}

// mersenne gives the first outputs of the twister; fewer than 227 need no second round.
func mersenne(s *[624]uint32, out []uint32) {
	for i := range out {
		y := s[i]&0x80000000 | s[i+1]&0x7fffffff
		x := s[i+397] ^ y>>1
		if y&1 != 0 {
			x ^= 0x9908b0df
		}
		x ^= x >> 11
		x ^= x << 7 & 0x9d2c5680
		x ^= x << 15 & 0xefc60000
		out[i] = x ^ x>>18
	}
}

// dotnetRandom is the subtractive generator of .NET's seeded Random.
func dotnetRandom(seed uint64, out []uint32) {
	var a [56]int32
	s := int32(seed)
	if s < 0 {
		s = -s
	}
	mj := 161803398 - s
	a[55] = mj
	mk := int32(1)
	for i := 1; i < 55; i++ {
		k := 21 * i % 55
		a[k] = mk
		if mk = mj - mk; mk < 0 {
			mk += 2147483647
		}
		mj = a[k]
	}
	for range 4 {
		for i := 1; i < 56; i++ {
			if a[i] -= a[1+(i+30)%55]; a[i] < 0 {
				a[i] += 2147483647
			}
		}
	}
	i, j := 0, 21
	for k := range out {
		if i++; i >= 56 {
			i = 1
		}
		if j++; j >= 56 {
			j = 1
		}
		x := a[i] - a[j]
		if x == 2147483647 {
			x--
		}
		if x < 0 {
			x += 2147483647
		}
		a[i] = x
		out[k] = uint32(x)
	}
}

// rejected is the stream of a draw's top bits, drawn again while they are too large.
var rejected = stream{"top bits of draws below %d", 0, func(dst, d []byte, n int) []byte {
	k := bits.Len(uint(n))
	for ; len(d) >= 4; d = d[4:] {
		if x := binary.BigEndian.Uint32(d) >> (32 - k); int(x) < n {
			dst = append(dst, byte(x))
		}
	}
	return dst
}}

// seeded gives a producer for every generator and every identifier read as a number.
func (f *finder) seeded() []producer {
	streams := append([]stream{rejected}, drawStreams...)
	var out []producer
	for _, d := range f.idents {
		if f.constant(d) {
			continue
		}
		nums := d.numbers()
		if d.role == RoleMAC {
			nums = append(nums, number{"the last four bytes of the " + d.words, func(r *Row) (uint64, bool) {
				x, ok := nums[0].of(r)
				return x & 0xffffffff, ok
			}})
		}
		if d.role != RoleMAC {
			for n := 5; n <= 9; n++ {
				nums = append(nums, number{fmt.Sprintf("the last %d digits of the %s", n, d.words), func(r *Row) (uint64, bool) {
					x, err := strconv.ParseUint(lastN(digitText(d.of(r)), n), 10, 63)
					return x, err == nil
				}})
			}
		}
		for _, num := range nums {
			for _, g := range generators {
				out = append(out, producer{words: g.name + " seeded with " + num.words, of: func(dst []byte, r *Row) []byte {
					seed, ok := num.of(r)
					if !ok {
						return dst
					}
					return drawBytes(dst, g, seed)
				}, streams: streams})
			}
		}
	}
	return out
}

func drawBytes(dst []byte, g generator, seed uint64) []byte {
	var w [drawCount]uint32
	g.of(seed, w[:])
	for _, x := range w {
		dst = binary.BigEndian.AppendUint32(dst, x)
	}
	return dst
}
