package password

import (
	"crypto/md5"
	"slices"

	"github.com/assay-psti/assay/internal/md5lanes"
)

// rowCheck counts the rows that agree with a recipe. It belongs to one goroutine and keeps its buffers.
type rowCheck interface {
	row(r *Row)    // r is valid only during the call
	agreed() int64 // of all rows so far
}

// applyCheck is the check of a recipe that has no quicker one.
type applyCheck struct {
	apply func(*Row) (string, bool)
	n     int64
}

func (c *applyCheck) agreed() int64 { return c.n }

func (c *applyCheck) row(r *Row) {
	if _, ok := c.apply(r); ok {
		c.n++
	}
}

// construction is what a confirmed recipe of a producer and an encoding says of passwords.
type construction struct {
	p         *producer
	e         encoding // with its symbols
	positions []int
	length    int    // of the passwords
	constant  string // what all passwords share, with ? elsewhere; empty if the recipe does not determine the rest
}

// check makes a check for one goroutine.
func (c *construction) check() rowCheck {
	one := constructionCheck{construction: c, of: c.p.maker(), pairs: c.hexPairs()}
	if c.p.md5Of == nil {
		return &one
	}
	return &lanesCheck{constructionCheck: one, messageOf: c.p.md5Of()}
}

// possible tells whether a password has the shape of those that the recipe gives.
func (c *construction) possible(password string) bool {
	return len(password) == c.length && (c.constant == "" || agree(c.constant, password, false))
}

// hexPairs gives the two characters for each byte of a digest where the password is a window of its hexadecimal digits,
// as it is most often; nil where it is something else.
func (c *construction) hexPairs() *[256][2]byte {
	if c.e.stream != &digestStreams[hexStream] || c.e.step != 1 || c.e.back || slices.Contains(c.e.symbol[:16], 0) {
		return nil
	}
	for i, p := range c.positions {
		if p != c.positions[0]+i {
			return nil
		}
	}
	var pairs [256][2]byte
	for b := range pairs {
		pairs[b] = [2]byte{c.e.symbol[b>>4], c.e.symbol[b&15]}
	}
	return &pairs
}

// constructionCheck computes row by row.
type constructionCheck struct {
	*construction
	of       func(dst []byte, r *Row) []byte
	pairs    *[256][2]byte // see hexPairs
	out, buf []byte
	n        int64
}

func (c *constructionCheck) agreed() int64 { return c.n }

func (c *constructionCheck) row(r *Row) {
	if !c.possible(r.Password) {
		return
	}
	c.out = c.of(c.out[:0], r)
	if gives(c, c.out, r.Password) {
		c.n++
	}
}

// gives tells whether a digest gives a password of the right length.
func gives[T string | []byte](c *constructionCheck, digest []byte, password T) bool {
	e := &c.e
	if c.pairs != nil {
		return givesHex(c, digest, password[c.positions[0]:][:len(c.positions)])
	}
	c.buf = e.stream.of(c.buf[:0], digest, e.n)
	last := len(c.positions) - 1
	if e.offset+last*e.step >= len(c.buf) {
		return false
	}
	for i, at := 0, e.offset; i <= last; i, at = i+1, at+e.step {
		k := i
		if e.back {
			k = last - i
		}
		if s := e.symbol[c.buf[at]]; s == 0 || s != password[c.positions[k]] {
			return false
		}
	}
	return true
}

// givesHex is gives for a window of hexadecimal digits.
func givesHex[T string | []byte](c *constructionCheck, digest []byte, window T) bool {
	at := c.e.offset
	if at+len(window) > 2*len(digest) {
		return false
	}
	digest = digest[at/2:]
	if at%2 == 1 {
		if c.pairs[digest[0]][1] != window[0] {
			return false
		}
		digest, window = digest[1:], window[1:]
	}
	for ; len(window) >= 2 && len(digest) > 0; digest, window = digest[1:], window[2:] {
		if pair := &c.pairs[digest[0]]; pair[0] != window[0] || pair[1] != window[1] {
			return false
		}
	}
	return len(window) == 0 || c.pairs[digest[0]][0] == window[0]
}

// lanesCheck computes the MD5 of as many rows at once as there are lanes.
type lanesCheck struct {
	constructionCheck
	messageOf func(dst []byte, r *Row) []byte
	message   []byte
	waiting   int // lanes in use
	passwords [md5lanes.Lanes][maxPassword]byte
	blocks    md5lanes.Blocks
	digest    [md5.Size]byte // of one lane; a field, since the encoding would make a variable outlive the call
}

func (c *lanesCheck) row(r *Row) {
	if !c.possible(r.Password) {
		return
	}
	c.message = c.messageOf(c.message[:0], r)
	switch {
	case len(c.message) == 0: // the row has no such identifier
	case c.blocks.Set(c.waiting, c.message):
		copy(c.passwords[c.waiting][:], r.Password)
		if c.waiting++; c.waiting == md5lanes.Lanes {
			c.decide()
		}
	default:
		d := md5.Sum(c.message)
		c.out = append(c.out[:0], d[:]...)
		if gives(&c.constructionCheck, c.out, r.Password) {
			c.n++
		}
	}
}

func (c *lanesCheck) agreed() int64 {
	c.decide()
	return c.n
}

// decide computes the rows that wait.
func (c *lanesCheck) decide() {
	var sums md5lanes.Sums
	md5lanes.Sum(&sums, &c.blocks, c.waiting)
	for lane := range c.waiting {
		c.digest = sums.Lane(lane)
		if gives(&c.constructionCheck, c.digest[:], c.passwords[lane][:c.length]) {
			c.n++
		}
	}
	c.waiting = 0
}
