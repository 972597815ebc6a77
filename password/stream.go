package password

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
)

// stream is a way to turn the bytes of a digest, or the draws of a generator, into numbers below n that pick symbols.
type stream struct {
	words string
	fixed int // n, or 0 when n is the size of an alphabet
	of    func(dst, d []byte, n int) []byte
}

// Streams of digests, the usual ones first; the first usualStreams are tried with every digest, the others with the
// common digests only.
var digestStreams = []stream{
	{"hexadecimal digits", 16, func(dst, d []byte, _ int) []byte {
		n := len(dst)
		dst = slices.Grow(dst, 2*len(d))[:n+2*len(d)]
		for i, out := 0, dst[n:]; i < len(d) && 2*i+1 < len(out); i++ {
			out[2*i], out[2*i+1] = d[i]>>4, d[i]&15
		}
		return dst
	}},
	{"bytes modulo %d", 0, func(dst, d []byte, n int) []byte {
		for _, b := range d {
			dst = append(dst, b%byte(n))
		}
		return dst
	}},
	{"groups of five bits (base 32)", 32, func(dst, d []byte, _ int) []byte { return bitGroups(dst, d, 5) }},
	{"groups of six bits (base 64)", 64, func(dst, d []byte, _ int) []byte { return bitGroups(dst, d, 6) }},
	{"digits in base %d of the whole number", 0, func(dst, d []byte, n int) []byte { return bigDigits(dst, d, n) }},
	{"digits in base %d of the first eight bytes", 0, func(dst, d []byte, n int) []byte { return bigDigits(dst, window(d, 0, 8), n) }},
	{"digits in base %d of the first four bytes", 0, func(dst, d []byte, n int) []byte { return bigDigits(dst, window(d, 0, 4), n) }},
	{"digits in base %d of the last eight bytes", 0, func(dst, d []byte, n int) []byte { return bigDigits(dst, window(d, len(d)-8, 8), n) }},
	{"digits in base %d of the last four bytes", 0, func(dst, d []byte, n int) []byte { return bigDigits(dst, window(d, len(d)-4, 4), n) }},
	{"digits in base %d of the first four bytes, little-endian", 0, func(dst, d []byte, n int) []byte { return littleDigits(dst, d, 4, n) }},
	{"digits in base %d of the first eight bytes, little-endian", 0, func(dst, d []byte, n int) []byte { return littleDigits(dst, d, 8, n) }},
	{"bytes scaled to %d", 0, func(dst, d []byte, n int) []byte {
		for _, b := range d {
			dst = append(dst, byte(int(b)*n>>8))
		}
		return dst
	}},
	{"pairs of bytes modulo %d", 0, func(dst, d []byte, n int) []byte {
		for ; len(d) >= 2; d = d[2:] {
			dst = append(dst, byte(int(binary.BigEndian.Uint16(d))%n))
		}
		return dst
	}},
	{"groups of four bytes modulo %d", 0, func(dst, d []byte, n int) []byte {
		for ; len(d) >= 4; d = d[4:] {
			dst = append(dst, byte(binary.BigEndian.Uint32(d)%uint32(n)))
		}
		return dst
	}},
	{"decimal digits of its hexadecimal text", 10, func(dst, d []byte, _ int) []byte {
		for _, b := range d {
			if b>>4 < 10 {
				dst = append(dst, b>>4)
			}
			if b&15 < 10 {
				dst = append(dst, b&15)
			}
		}
		return dst
	}},
}

const (
	hexStream    = 0
	usualStreams = 6
)

// window is a part of a digest, empty where it would be the whole: that is another stream.
func window(d []byte, from, n int) []byte {
	if len(d) <= n || from < 0 {
		return nil
	}
	return d[from : from+n]
}

// Streams of generators, whose draws are four bytes each.
var drawStreams = []stream{
	{"draws modulo %d", 0, draws(func(x, n uint32) uint32 { return x % n })},
	{"draws shifted by 16 modulo %d", 0, draws(func(x, n uint32) uint32 { return x >> 16 % n })},
	{"draws shifted by 16, of 15 bits, modulo %d", 0, draws(func(x, n uint32) uint32 { return x >> 16 & 0x7fff % n })},
	{"draws of 32 bits scaled to %d", 0, draws(func(x, n uint32) uint32 { return uint32(uint64(x) * uint64(n) >> 32) })},
	{"draws of 31 bits scaled to %d", 0, draws(func(x, n uint32) uint32 { return uint32(uint64(x&0x7fffffff) * uint64(n) >> 31) })},
	{"draws of 15 bits scaled to %d", 0, draws(func(x, n uint32) uint32 { return (x >> 16 & 0x7fff) * n >> 15 })},
}

func draws(pick func(x, n uint32) uint32) func(dst, d []byte, n int) []byte {
	return func(dst, d []byte, n int) []byte {
		for ; len(d) >= 4; d = d[4:] {
			dst = append(dst, byte(pick(binary.BigEndian.Uint32(d), uint32(n))))
		}
		return dst
	}
}

func bitGroups(dst, d []byte, k int) []byte {
	acc, have := uint(0), 0
	for _, b := range d {
		acc, have = acc<<8|uint(b), have+8
		for have >= k {
			have -= k
			dst = append(dst, byte(acc>>have&(1<<k-1)))
		}
	}
	if have > 0 {
		dst = append(dst, byte(acc<<(k-have)&(1<<k-1)))
	}
	return dst
}

// radix describes a base: how many of its digits fit into 63 bits, and that power of it.
type radix struct {
	digits int
	power  uint64
	log2   float64
}

var radixes = func() (t [256]radix) {
	for n := 2; n < len(t); n++ {
		t[n] = radix{0, 1, math.Log2(float64(n))}
		for t[n].power <= (1<<63)/uint64(n) {
			t[n].power *= uint64(n)
			t[n].digits++
		}
	}
	return t
}()

// bigDigits appends the digits of a big-endian number, the least significant first, as many as its size can have.
func bigDigits(dst, d []byte, n int) []byte {
	var w [8]uint64
	m := (len(d) + 7) / 8
	if m > len(w) || n < 2 || n >= len(radixes) {
		return dst
	}
	for i := range d {
		k := len(d) - 1 - i
		w[k/8] |= uint64(d[i]) << (k % 8 * 8)
	}
	r := &radixes[n]
	for count := int(math.Ceil(float64(8*len(d)) / r.log2)); count > 0; {
		var rem uint64
		for m > 0 && w[m-1] == 0 {
			m--
		}
		for i := m - 1; i >= 0; i-- {
			w[i], rem = bits.Div64(rem, w[i], r.power)
		}
		for k := min(count, r.digits); k > 0; k-- {
			dst = append(dst, byte(rem%uint64(n)))
			rem /= uint64(n)
			count--
		}
	}
	return dst
}

func littleDigits(dst, d []byte, size, n int) []byte {
	var b [8]byte
	size = min(size, len(d))
	for i := range size {
		b[size-1-i] = d[i]
	}
	return bigDigits(dst, b[:size], n)
}

// encoding says how numbers of a stream become the characters of a password.
type encoding struct {
	stream *stream
	n      int
	offset int
	step   int
	back   bool // the characters are filled from the last to the first
	symbol [256]byte
	order  string // the symbols in order, when it is a known alphabet
}

func (e *encoding) words() string {
	s := e.stream.words
	if strings.Contains(s, "%d") {
		s = fmt.Sprintf(s, e.n)
	}
	if e.offset > 0 {
		s += fmt.Sprintf(" from the %s", ordinal(e.offset+1))
	}
	if e.step > 1 {
		s += ", every second one"
	}
	if e.back {
		s += ", from right to left"
	}
	if e.order != "" {
		s += " as " + alphabetWords(e.order)
	} else {
		s += " by a table of symbols"
	}
	return s
}

func ordinal(n int) string {
	if t := n % 100; t >= 11 && t <= 13 {
		return fmt.Sprintf("%dth", n)
	}
	switch n % 10 {
	case 1:
		return fmt.Sprintf("%dst", n)
	case 2:
		return fmt.Sprintf("%dnd", n)
	case 3:
		return fmt.Sprintf("%drd", n)
	}
	return fmt.Sprintf("%dth", n)
}

// number returns the numbers that the characters stand for, false if the stream is too short.
func (e *encoding) numbers(buf, d []byte, length int) ([]byte, []byte, bool) {
	buf = e.stream.of(buf[:0], d, e.n)
	out := make([]byte, length)
	for i := range out {
		k := e.offset + i*e.step
		if k >= len(buf) {
			return nil, buf, false
		}
		if e.back {
			out[length-1-i] = buf[k]
		} else {
			out[i] = buf[k]
		}
	}
	return out, buf, true
}

// Alphabets that encoders use beyond the natural classes.
const (
	base32Upper = uppers + "234567"
	base32Lower = lowers + "234567"
	crockford   = digits + "ABCDEFGHJKMNPQRSTVWXYZ"
	base64Std   = uppers + lowers + digits + "+/"
	base64URL   = uppers + lowers + digits + "-_"
	base58      = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
)

// unseenChance bounds the chance that so many characters drawn from an alphabet show no more than the symbols seen.
func unseenChance(seen, size, characters int) float64 {
	a, _ := math.Lgamma(float64(size + 1))
	b, _ := math.Lgamma(float64(seen + 1))
	c, _ := math.Lgamma(float64(size - seen + 1))
	return math.Exp(a - b - c + float64(characters)*math.Log(float64(seen)/float64(size)))
}

// knownAlphabets are the orders of symbols tried without learning them: those that hold the symbols seen and of which so
// many characters would not have left so many symbols out, and those that hold a good part of the rows, since some rows
// may be foreign.
func knownAlphabets(seen string, characters int, holds func(alphabet string) bool, extra []string) []string {
	var out []string
	add := func(a string) {
		if !within(seen, a) {
			if !holds(a) {
				return
			}
		} else if unseenChance(len(seen), len(a), characters) < 1e-9 {
			return
		}
		for _, b := range out {
			if a == b {
				return
			}
		}
		out = append(out, a)
	}
	for _, orders := range naturalClasses {
		for _, a := range orders {
			add(a)
		}
	}
	for _, a := range []string{base32Upper, base32Lower, crockford, strings.ToLower(crockford), base64Std, base64URL, base58,
		"23456789ABCDEFGHJKLMNPQRSTUVWXYZ", "23456789abcdefghjkmnpqrstuvwxyz", "23456789abcdefghijkmnpqrstuvwxyz", "ABCDEFGHJKLMNPQRSTUVWXYZ23456789",
		"abcdefghijkmnpqrstuvwxyz23456789", "23456789ABCDEFGHJKMNPQRSTUVWXYZ", "ABCDEFGHJKLMNPQRSTUVWXYZ", "abcdefghjkmnpqrstuvwxyz"} {
		add(a)
	}
	for _, a := range extra {
		add(a)
	}
	return out
}
