package password

import (
	"math/bits"
	"runtime"
	"strings"
)

// workers is the number of goroutines to use.
func (o *Options) workers() int {
	if o.Workers > 0 {
		return o.Workers
	}
	return runtime.GOMAXPROCS(0)
}

// matcher looks for the characters of a goal in what producers give. It belongs to one goroutine.
type matcher struct {
	g       *goal
	groups  [][]*Row   // rows from which a table of symbols is learnt together
	targets [][][]byte // per group and row, the characters wanted
	sifts   []*sift    // per group, nil where the characters are too many
	anchors []*Row
	known   [][]knownTarget // per anchor
	tried   int64

	digest  []byte
	streams [][]byte
	seen    [256]uint32 // generation and symbol
	gen     uint32
}

// maxOffset bounds where in a stream a password may begin.
const maxOffset = 48

// knownTarget is an anchor's characters as numbers in a known alphabet.
type knownTarget struct {
	alphabet string
	numbers  []byte
}

func newMatcher(g *goal) *matcher {
	m := &matcher{g: g, streams: make([][]byte, learnRows)}
	rows := g.v.rows
	pickRow := func(i, n int) *Row { return rows[i*len(rows)/n] }
	if len(rows) >= 3 {
		groups := min(learnGroups, max(1, len(rows)/20))
		size := min(max(3, (48+len(g.positions)-1)/len(g.positions)), learnRows, len(rows))
		for k := range groups {
			var group []*Row
			var want [][]byte
			for j := range size {
				r := pickRow(k*size+j, groups*size)
				group, want = append(group, r), append(want, m.characters(r))
			}
			m.groups, m.targets, m.sifts = append(m.groups, group), append(m.targets, want), append(m.sifts, newSift(want))
		}
	}
	n := min(anchorRows, len(rows))
	for i := range n {
		r := pickRow(i, n)
		m.anchors = append(m.anchors, r)
		var ks []knownTarget
		for _, a := range g.alphabets {
			if nums := numbersIn(m.characters(r), a); nums != nil {
				ks = append(ks, knownTarget{a, nums})
			}
		}
		m.known = append(m.known, ks)
	}
	return m
}

func (m *matcher) characters(r *Row) []byte {
	out := make([]byte, len(m.g.positions))
	for i, p := range m.g.positions {
		out[i] = r.Password[p]
	}
	return out
}

func numbersIn(chars []byte, alphabet string) []byte {
	out := make([]byte, len(chars))
	for i, c := range chars {
		x := strings.IndexByte(alphabet, c)
		if x < 0 {
			return nil
		}
		out[i] = byte(x)
	}
	return out
}

// match tries one producer: learning the table of symbols from groups of rows, and with known alphabets row by row.
func (m *matcher) match(p *producer) []encoding {
	var out []encoding
	for k := range m.groups {
		if e, ok := m.learn(p, k); ok {
			out = append(out, e)
			break
		}
	}
	if len(out) > 0 {
		return out
	}
	for i, r := range m.anchors {
		if len(m.known[i]) == 0 {
			continue
		}
		m.digest = p.of(m.digest[:0], r)
		m.tried++
		if e, ok := m.fixed(m.digest, p.streams, m.known[i]); ok {
			out = append(out, e)
			break
		}
	}
	return out
}

// learn looks for a stream, place and direction in which equal numbers always stand for equal characters over a group.
func (m *matcher) learn(p *producer, group int) (encoding, bool) {
	rows, want := m.groups[group], m.targets[group]
	digests := make([][]byte, len(rows)) // of the rows seen so far
	length := len(m.g.positions)
	// A group whose characters could all be learnt without one check says nothing.
	for si := range p.streams {
		s := &p.streams[si]
		sizes := m.g.sizes
		if s.fixed != 0 {
			sizes = []int{s.fixed}
		}
		for _, n := range sizes {
			have := 0
			for k := range m.streams {
				m.streams[k] = m.streams[k][:0]
			}
			get := func(k int) []byte {
				for ; have <= k; have++ {
					if digests[have] == nil {
						digests[have] = p.of([]byte{}, rows[have])
					}
					m.streams[have] = s.of(m.streams[have][:0], digests[have], n)
				}
				return m.streams[k]
			}
			l := m.offsets(group, get)
			for set := l.forwards | l.backwards; set != 0; set &= set - 1 {
				at := bits.TrailingZeros64(set)
				for _, back := range [...]bool{false, true} {
					if back && l.backwards>>at&1 != 0 || !back && l.forwards>>at&1 != 0 {
						if m.consistent(get, want, at, 1, back) {
							m.tried += int64(at + 1)
							return encoding{stream: s, n: n, offset: at, step: 1, back: back}, true
						}
					}
				}
			}
			m.tried += int64(lastOffset(len(get(0)), length, 1) + 1)
			for set := l.everySecond; set != 0; set &= set - 1 {
				if at := bits.TrailingZeros64(set); m.consistent(get, want, at, 2, false) {
					m.tried += int64(at + 1)
					return encoding{stream: s, n: n, offset: at, step: 2}, true
				}
			}
			m.tried += int64(lastOffset(len(get(0)), length, 2) + 1)
		}
	}
	return encoding{}, false
}

// offsets gives the offsets at which the streams of a group may give its characters.
func (m *matcher) offsets(group int, get func(int) []byte) left {
	length := len(m.g.positions)
	one, two := upTo(lastOffset(len(get(0)), length, 1)), upTo(lastOffset(len(get(0)), length, 2))
	l := left{one, one, two}
	if m.sifts[group] != nil {
		for k := 0; k < min(len(m.groups[group]), siftRows) && l != (left{}); k++ {
			get(k)
			m.sifts[group].drop(m.streams[:k+1], &l)
		}
	}
	return l
}

// consistent tells whether numbers and characters of a group agree one to one, but for characters that replace several.
func (m *matcher) consistent(get func(int) []byte, want [][]byte, offset, step int, back bool) bool {
	if m.gen++; m.gen >= 1<<23 {
		m.gen = 1
		clear(m.seen[:])
	}
	tag := m.gen << 8
	checks := 0
	for k, chars := range want {
		st := get(k)
		n := len(chars)
		if offset+(n-1)*step >= len(st) {
			return false
		}
		for i := range n {
			c := chars[i]
			if back {
				c = chars[n-1-i]
			}
			x := st[offset+i*step]
			if m.seen[x]&^255 == tag {
				if byte(m.seen[x]) != c {
					return false
				}
				checks++
			} else {
				m.seen[x] = tag | uint32(c)
			}
		}
	}
	return checks >= 8
}

// fixed looks for known numbers in the streams of one digest.
func (m *matcher) fixed(d []byte, streams []stream, known []knownTarget) (encoding, bool) {
	if len(d) == 0 {
		return encoding{}, false
	}
	buf := m.streams[0][:0]
	defer func() { m.streams[0] = buf }()
	for si := range streams {
		s := &streams[si]
		done := 0
		for _, t := range known {
			n := len(t.alphabet)
			switch {
			case s.fixed == 0:
			case s.fixed > n, s.fixed == 10 && n != 10, s.fixed < n && s.fixed != 16:
				continue
			default:
				n = s.fixed
			}
			if n != done {
				buf = s.of(buf[:0], d, n)
				done = n
			}
			if offset, back := find(buf, t.numbers); offset >= 0 {
				return encoding{stream: s, n: n, offset: offset, step: 1, back: back, order: t.alphabet}, true
			}
		}
	}
	return encoding{}, false
}

// find looks for numbers in a stream, forwards and backwards.
func find(st, want []byte) (int, bool) {
	n := len(want)
	if n == 0 || len(st) < n {
		return -1, false
	}
	first, last := want[0], want[n-1]
	for i := 0; i+n <= len(st); i++ {
		if st[i] == first && string(st[i:i+n]) == string(want) {
			return i, false
		}
		if st[i] == last && st[i+n-1] == first {
			k := 0
			for k < n && st[i+k] == want[n-1-k] {
				k++
			}
			if k == n {
				return i, true
			}
		}
	}
	return -1, false
}
