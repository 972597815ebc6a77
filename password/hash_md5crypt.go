package password

import (
	"crypto/md5"
	"encoding/binary"
)

// MD5-crypt is a thousand rounds of MD5 over the digest so far, the password and the salt, the order and presence
// of each depending on the round's number: the digest comes first in even rounds and last in odd ones, the salt is
// missing in every third and the second copy of the password in every seventh.
const md5Rounds = 1000

// md5ShortPassword is the longest password for which every round fits one MD5 block whatever the salt:
// 16 bytes of digest, 8 of salt, two passwords and at least 9 of padding in 64.
const md5ShortPassword = 15

// md5CryptPair computes two passwords at once: see md5Pair. Magic is "$1$" or "$apr1$".
func md5CryptPair(p, q, salt, magic string) (dp, dq [16]byte) {
	dp, dq = md5CryptStart(p, salt, magic), md5CryptStart(q, salt, magic)
	if len(p) > md5ShortPassword || len(q) > md5ShortPassword {
		return md5CryptRounds(p, salt, dp), md5CryptRounds(q, salt, dq)
	}
	var b md5Blocks
	b.fill(0, p, salt)
	b.fill(1, q, salt)
	x, y := md5Words(dp), md5Words(dq)
	for i := range md5Rounds {
		shape := md5Shape(i)
		b.put(shape, 0, &x)
		b.put(shape, 1, &y)
		x, y = md5Pair(&b.block[shape])
	}
	return md5Bytes(x), md5Bytes(y)
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

// md5Blocks holds the padded blocks of the rounds of two short passwords. Blocks of one shape differ only in the
// digest, so each is laid out once and the digest put in its place.
type md5Blocks struct {
	block [8][2][16]uint32 // by md5Shape and password
	at    [8][2]int        // where the digest stands, in bytes
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

// fill lays out the blocks of one of the two passwords.
func (b *md5Blocks) fill(which int, password, salt string) {
	for shape := range b.block {
		var m [64]byte
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
			b.at[shape][which] = n
			n += md5.Size
		} else {
			put(password)
		}
		m[n] = 0x80
		binary.LittleEndian.PutUint64(m[56:], uint64(n)*8)
		for i := range b.block[shape][which] {
			b.block[shape][which][i] = binary.LittleEndian.Uint32(m[4*i:])
		}
	}
}

// put puts digest d in its place in a block.
func (b *md5Blocks) put(shape, which int, d *[4]uint32) {
	block, at := &b.block[shape][which], b.at[shape][which]
	word, shift := at/4, uint(at%4)*8
	if shift == 0 {
		copy(block[word:], d[:])
		return
	}
	keep := uint32(1)<<shift - 1 // the bits of the first word, and not of the last, that stand before the digest
	w := block[word : word+5 : word+5]
	w[0] = w[0]&keep | d[0]<<shift
	w[1] = d[0]>>(32-shift) | d[1]<<shift
	w[2] = d[1]>>(32-shift) | d[2]<<shift
	w[3] = d[2]>>(32-shift) | d[3]<<shift
	w[4] = w[4]&^keep | d[3]>>(32-shift)
}

func md5Words(d [16]byte) (w [4]uint32) {
	for i := range w {
		w[i] = binary.LittleEndian.Uint32(d[4*i:])
	}
	return w
}

func md5Bytes(w [4]uint32) (d [16]byte) {
	for i, v := range w {
		binary.LittleEndian.PutUint32(d[4*i:], v)
	}
	return d
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
