// Package md5lanes computes the MD5 digests of many short messages at once, each short enough to fit one block with its
// padding: the identifiers of the units of a batch, and the rounds of MD5-crypt. Each message has a lane of a vector;
// a lane takes a fifth of the time that crypto/md5 needs for the same message.
//
// It is for trying and checking what weak products do. It is no hash.Hash, streams nothing, takes no longer message, and
// must not protect anything.
package md5lanes

import (
	"crypto/md5"
	"encoding/binary"
)

// Lanes is how many messages are computed at once.
const Lanes = 16

// MaxMessage is the longest message of one block, in bytes: 64 less one that ends the message and eight for its length.
const MaxMessage = 55

// Blocks are padded messages as MD5 reads them, by little-endian word and then by lane.
type Blocks [16][Lanes]uint32

// Sums are digests, by little-endian word and then by lane.
type Sums [4][Lanes]uint32

// Set puts a message with its padding into a lane, which is zero or holds another such message. It returns false, and leaves the lane as it was, for a message
// longer than MaxMessage.
func (b *Blocks) Set(lane int, message []byte) bool {
	if len(message) > MaxMessage {
		return false
	}
	n, i := len(message), 0
	for ; len(message) >= 4; message, i = message[4:], i+1 {
		b[i&15][lane] = binary.LittleEndian.Uint32(message)
	}
	last := uint32(0x80)
	for k := len(message) - 1; k >= 0; k-- {
		last = last<<8 | uint32(message[k])
	}
	b[i&15][lane] = last
	if b[14][lane] == uint32(n)*8 {
		return true // nothing else differs from the message that the lane holds
	}
	for i++; i < 14; i++ {
		b[i&15][lane] = 0
	}
	b[14][lane], b[15][lane] = uint32(n)*8, 0
	return true
}

// Lane gives the digest of a lane.
func (s *Sums) Lane(lane int) (d [md5.Size]byte) {
	for i := range s {
		binary.LittleEndian.PutUint32(d[4*i:], s[i][lane])
	}
	return d
}

// Sum computes the digests of the first n lanes at least, of blocks that were padded by Set or in its way.
func Sum(s *Sums, b *Blocks, n int) {
	if vectors {
		sum16(s, b)
		return
	}
	sumPairs(s, b, n)
}

// sumPairs is Sum for machines without the vectors.
func sumPairs(s *Sums, b *Blocks, n int) {
	var m [2][16]uint32
	for lane := 0; lane < min(n, Lanes); lane += 2 {
		for i := range b {
			m[0][i], m[1][i] = b[i][lane], b[i][lane+1]
		}
		x, y := pair(&m)
		for i := range s {
			s[i][lane], s[i][lane+1] = x[i], y[i]
		}
	}
}
