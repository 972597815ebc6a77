package password

import (
	"crypto/md5"
	"encoding/binary"

	"github.com/assay-psti/assay/internal/md5lanes"
)

// MD5-crypt is a thousand rounds of MD5 over the digest so far, the password and the salt, the order and presence
// of each depending on the round's number: the digest comes first in even rounds and last in odd ones, the salt is
// missing in every third and the second copy of the password in every seventh.
const md5Rounds = 1000

// md5ShortPassword is the longest password for which every round fits one MD5 block whatever the salt:
// 16 bytes of digest, 8 of salt, two passwords and at least 9 of padding in 64.
const md5ShortPassword = 15

// md5CryptLanes computes up to md5lanes.Lanes passwords at once. Magic is "$1$" or "$apr1$".
func md5CryptLanes(passwords []string, salt, magic string) (ds [md5lanes.Lanes][md5.Size]byte) {
	var b md5Blocks
	var sums md5lanes.Sums
	for lane, p := range passwords {
		d := md5CryptStart(p, salt, magic)
		if len(p) > md5ShortPassword {
			ds[lane] = md5CryptRounds(p, salt, d)
			continue
		}
		b.fill(lane, p, salt)
		for i := range sums {
			sums[i][lane] = binary.LittleEndian.Uint32(d[4*i:])
		}
	}
	if len(b.lanes) == 0 {
		return ds
	}
	for i := range md5Rounds {
		shape := md5Shape(i)
		b.put(shape, &sums)
		md5lanes.Sum(&sums, &b.block[shape], len(passwords))
	}
	for _, lane := range b.lanes {
		ds[lane] = sums.Lane(lane)
	}
	return ds
}

// md5Crypt computes one password.
func md5Crypt(password, salt, magic string) [16]byte {
	return md5CryptRounds(password, salt, md5CryptStart(password, salt, magic))
}

// md5CryptStart is the digest that the rounds begin with.
func md5CryptStart(password, salt, magic string) [16]byte {
	inner := md5.Sum([]byte(password + salt + password))
	m := append([]byte(nil), password+magic+salt...)
	for n := len(password); n > 0; n -= 16 {
		m = append(m, inner[:min(n, 16)]...)
	}
	for n := len(password); n > 0; n >>= 1 {
		if n&1 == 1 {
			m = append(m, 0)
		} else {
			m = append(m, password[0])
		}
	}
	return md5.Sum(m)
}

// md5CryptRounds is the plain form of the rounds, for passwords of any length.
func md5CryptRounds(password, salt string, d [16]byte) [16]byte {
	m := make([]byte, 0, 16+len(salt)+2*len(password))
	for i := range md5Rounds {
		m = m[:0]
		if i&1 == 0 {
			m = append(m, d[:]...)
		} else {
			m = append(m, password...)
		}
		if i%3 != 0 {
			m = append(m, salt...)
		}
		if i%7 != 0 {
			m = append(m, password...)
		}
		if i&1 == 0 {
			m = append(m, password...)
		} else {
			m = append(m, d[:]...)
		}
		d = md5.Sum(m)
	}
	return d
}

// md5Blocks holds the padded blocks of the rounds of short passwords. Blocks of one shape differ only in the digest, so
// each is laid out once and the digest put in its place.
type md5Blocks struct {
	block [8]md5lanes.Blocks     // by md5Shape
	at    [8][md5lanes.Lanes]int // where the digest stands, in bytes
	lanes []int                  // those in use
}

// md5Shape tells which of the eight blocks a round has.
func md5Shape(round int) int {
	shape := round & 1
	if round%3 != 0 {
		shape |= 2
	}
	if round%7 != 0 {
		shape |= 4
	}
	return shape
}

// fill lays out the blocks of one password.
func (b *md5Blocks) fill(lane int, password, salt string) {
	b.lanes = append(b.lanes, lane)
	for shape := range b.block {
		var m [md5lanes.MaxMessage]byte
		n := 0
		put := func(s string) { n += copy(m[n:], s) }
		odd := shape&1 == 1
		if odd {
			put(password)
		} else {
			n += md5.Size
		}
		if shape&2 != 0 {
			put(salt)
		}
		if shape&4 != 0 {
			put(password)
		}
		if odd {
			b.at[shape][lane] = n
			n += md5.Size
		} else {
			put(password)
		}
		b.block[shape].Set(lane, m[:n])
	}
}

// put puts the digests of all lanes in use in their places in the blocks of a shape.
func (b *md5Blocks) put(shape int, d *md5lanes.Sums) {
	block := &b.block[shape]
	for _, lane := range b.lanes {
		lane &= md5lanes.Lanes - 1 // no change: it spares checks of bounds
		at := b.at[shape][lane]
		word, shift := at/4, uint(at%4)*8
		w := block[word : word+5 : word+5]
		if shift == 0 {
			w[0][lane], w[1][lane], w[2][lane], w[3][lane] = d[0][lane], d[1][lane], d[2][lane], d[3][lane]
			continue
		}
		keep := uint32(1)<<shift - 1 // the bits of the first word, and not of the last, that stand before the digest
		w[0][lane] = w[0][lane]&keep | d[0][lane]<<shift
		w[1][lane] = d[0][lane]>>(32-shift) | d[1][lane]<<shift
		w[2][lane] = d[1][lane]>>(32-shift) | d[2][lane]<<shift
		w[3][lane] = d[2][lane]>>(32-shift) | d[3][lane]<<shift
		w[4][lane] = w[4][lane]&^keep | d[3][lane]>>(32-shift)
	}
}

// md5CryptDigest reads the 22 characters in which MD5-crypt writes its digest: five groups of three bytes six apart,
// and the byte left over, each group lowest bits first.
func md5CryptDigest(s string) (d [16]byte, ok bool) {
	if len(s) != 22 {
		return d, false
	}
	last, ok := cryptBits(s[20:])
	if !ok || last > 255 {
		return d, false
	}
	d[11] = byte(last)
	for i, at := range [5][3]int{{0, 6, 12}, {1, 7, 13}, {2, 8, 14}, {3, 9, 15}, {4, 10, 5}} {
		v, ok := cryptBits(s[4*i : 4*i+4])
		if !ok {
			return d, false
		}
		d[at[0]], d[at[1]], d[at[2]] = byte(v>>16), byte(v>>8), byte(v)
	}
	return d, true
}
