package password

import (
	"encoding/binary"
	"strings"
	"sync"
)

// cryptAlphabet is the base-64 alphabet of the crypt family; its order differs from RFC 4648.
const cryptAlphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// cryptValue is the value of a character of cryptAlphabet, or -1.
func cryptValue(c byte) int {
	switch {
	case c >= '.' && c <= '9':
		return int(c - '.')
	case c >= 'A' && c <= 'Z':
		return int(c-'A') + 12
	case c >= 'a' && c <= 'z':
		return int(c-'a') + 38
	}
	return -1
}

// The permutations of DES, from FIPS 46-3: each entry is the position, counted from 1 at the most
// significant bit, of the input bit that becomes the next output bit.
var (
	desFinalPermutation = []byte{
		40, 8, 48, 16, 56, 24, 64, 32, 39, 7, 47, 15, 55, 23, 63, 31,
		38, 6, 46, 14, 54, 22, 62, 30, 37, 5, 45, 13, 53, 21, 61, 29,
		36, 4, 44, 12, 52, 20, 60, 28, 35, 3, 43, 11, 51, 19, 59, 27,
		34, 2, 42, 10, 50, 18, 58, 26, 33, 1, 41, 9, 49, 17, 57, 25,
	}
	desInitialPermutation = []byte{
		58, 50, 42, 34, 26, 18, 10, 2, 60, 52, 44, 36, 28, 20, 12, 4,
		62, 54, 46, 38, 30, 22, 14, 6, 64, 56, 48, 40, 32, 24, 16, 8,
		57, 49, 41, 33, 25, 17, 9, 1, 59, 51, 43, 35, 27, 19, 11, 3,
		61, 53, 45, 37, 29, 21, 13, 5, 63, 55, 47, 39, 31, 23, 15, 7,
	}
	desKeyChoice1 = []byte{
		57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18,
		10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60, 52, 44, 36,
		63, 55, 47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22,
		14, 6, 61, 53, 45, 37, 29, 21, 13, 5, 28, 20, 12, 4,
	}
	desKeyChoice2 = []byte{
		14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10,
		23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2,
		41, 52, 31, 37, 47, 55, 30, 40, 51, 45, 33, 48,
		44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32,
	}
	desRoundPermutation = []byte{
		16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10,
		2, 8, 24, 14, 32, 27, 3, 9, 19, 13, 30, 6, 22, 11, 4, 25,
	}
	desKeyShifts = [16]uint{1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1}
)

// desSubstitution holds the eight boxes of FIPS 46-3, each of four rows of sixteen, one hexadecimal digit an entry.
var desSubstitution = [8]string{
	"e4d12fb83a6c59070f74e2d1a6cb953841e8d62bfc973a50fc8249175b3ea06d",
	"f18e6b34972dc05a3d47f28ec01a69b50e7ba4d158c6932fd8a13f42b67c05e9",
	"a09e63f51dc7b428d709346a285ecbf1d6498f30b12c5ae71ad069874fe3b52c",
	"7de3069a1285bc4fd8b56f03472c1ae9a690cb7df13e52843f06a1d8945bc72e",
	"2c417ab6853fd0e9eb2c47d150fa3986421bad78f9c5630eb8c71e2d6f09a453",
	"c1af92680d34e75baf427c9561de0b389ef528c3704a1db6432c95fabe17608d",
	"4b2ef08d3c975a61d0b7491ae35c2f8614bdc37eaf6805926bd814a7950fe23c",
	"d2846fb1a93e50c71fd8a374c56b0e927b419ce206adf35821e74a8dfc90356b",
}

// desTables are the tables computed once from the standard's.
type desTables struct {
	// sp is substitution and round permutation in one step, for each box by its six input bits.
	sp [8][64]uint32
	// key1 and key2 are the two key permutations, split so that one look-up serves several bits:
	// key1 by byte of the key, key2 by seven bits of the rotated 56.
	key1 [8][128]uint64
	key2 [8][128]uint64
}

var desTable = sync.OnceValue(func() *desTables {
	t := new(desTables)
	for box := range t.sp {
		for in := range t.sp[box] {
			row := in>>4&2 | in&1
			digit := strings.IndexByte("0123456789abcdef", desSubstitution[box][row<<4|in>>1&15])
			v := uint64(digit) << (28 - 4*box)
			t.sp[box][in] = uint32(permuteBits(v, 32, desRoundPermutation))
		}
	}
	for i := range 8 {
		for v := range 128 {
			t.key1[i][v] = permuteBits(uint64(v)<<(57-8*i), 64, desKeyChoice1)
			t.key2[i][v] = permuteBits(uint64(v)<<(49-7*i), 56, desKeyChoice2)
		}
	}
	return t
})

// permuteBits applies a permutation table to the lowest width bits of v.
func permuteBits(v uint64, width int, table []byte) uint64 {
	var out uint64
	for _, from := range table {
		out = out<<1 | v>>(width-int(from))&1
	}
	return out
}

// desKeys are the sixteen round keys, each as two halves of 24 bits.
type desKeys [16][2]uint32

// schedule computes the round keys of an eight-byte key whose seven key bits are the upper ones of each byte.
func (t *desTables) schedule(key uint64) (ks desKeys) {
	var cd uint64
	for i := range 8 {
		cd |= t.key1[i][key>>(57-8*i)&127]
	}
	const half = 1<<28 - 1
	c, d := cd>>28, cd&half
	for round, shift := range desKeyShifts {
		c = (c<<shift | c>>(28-shift)) & half
		d = (d<<shift | d>>(28-shift)) & half
		cd := c<<28 | d
		var k uint64
		for i := range 8 {
			k |= t.key2[i][cd>>(49-7*i)&127]
		}
		ks[round] = [2]uint32{uint32(k >> 24), uint32(k & 0xffffff)}
	}
	return ks
}

// encrypt runs DES count times over block with the expansion disturbed by salt: where bit n of the salt is
// set, bits n and n+24 of the expanded half block change places.
func (t *desTables) encrypt(block uint64, ks *desKeys, salt uint32, count int) uint64 {
	var swap uint32 // the salt with its bits in the order of the expansion, which counts from the top
	for n := range 24 {
		swap |= salt >> n & 1 << (23 - n)
	}
	block = permuteBits(block, 64, desInitialPermutation)
	l, r := uint32(block>>32), uint32(block)
	sp := &t.sp
	for range count {
		for i := range ks {
			// Each six-bit group of the expansion is four bits of r with a neighbour on either side.
			hi := r&1<<23 | r>>27<<18 | r>>23&63<<12 | r>>19&63<<6 | r>>15&63
			lo := r>>11&63<<18 | r>>7&63<<12 | r>>3&63<<6 | r&31<<1 | r>>31
			f := (hi ^ lo) & swap
			hi ^= f ^ ks[i][0]
			lo ^= f ^ ks[i][1]
			l, r = r, l^(sp[0][hi>>18&63]|sp[1][hi>>12&63]|sp[2][hi>>6&63]|sp[3][hi&63]|
				sp[4][lo>>18&63]|sp[5][lo>>12&63]|sp[6][lo>>6&63]|sp[7][lo&63])
		}
		l, r = r, l
	}
	return permuteBits(uint64(l)<<32|uint64(r), 64, desFinalPermutation)
}

// desKey is up to eight characters of a password as a DES key: seven bits of each, moved up by one.
func desKey(password string) uint64 {
	var b [8]byte
	for i := 0; i < len(password) && i < 8; i++ {
		b[i] = password[i] << 1
	}
	return binary.BigEndian.Uint64(b[:])
}

// desCrypt is the traditional crypt: 25 turns of DES over zeros, keyed by the first eight characters.
func desCrypt(password string, salt uint32) uint64 {
	t := desTable()
	ks := t.schedule(desKey(password))
	return t.encrypt(0, &ks, salt, 25)
}

// desCryptExtended is the BSDi variant: a password of any length, folded into one key by encrypting the key
// so far with itself and adding the next eight characters.
func desCryptExtended(password string, salt uint32, count int) uint64 {
	t := desTable()
	key := desKey(password)
	ks := t.schedule(key)
	for len(password) > 8 {
		password = password[8:]
		key = t.encrypt(key, &ks, 0, 1) ^ desKey(password)
		ks = t.schedule(key)
	}
	return t.encrypt(0, &ks, salt, count)
}

// desDigest reads the eleven characters in which crypt writes 64 bits. The last character carries four bits
// only; anything else in it was not written by crypt.
func desDigest(s string) (uint64, bool) {
	if len(s) != 11 {
		return 0, false
	}
	var v uint64
	for i := range 10 {
		c := cryptValue(s[i])
		if c < 0 {
			return 0, false
		}
		v = v<<6 | uint64(c)
	}
	c := cryptValue(s[10])
	if c < 0 || c&3 != 0 {
		return 0, false
	}
	return v<<4 | uint64(c>>2), true
}

// cryptBits reads characters of cryptAlphabet as a number, the first one lowest.
func cryptBits(s string) (uint32, bool) {
	var v uint32
	for i := range len(s) {
		c := cryptValue(s[i])
		if c < 0 {
			return 0, false
		}
		v |= uint32(c) << (6 * i)
	}
	return v, true
}
