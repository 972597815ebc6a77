package password

// siftRows is how many rows of a group are sifted; what is left after them is little.
const siftRows = 3

// longestSifted is the most characters of a goal whose places fit half a word beside maxOffset.
const longestSifted = 32

// sift finds at which offsets the numbers of streams cannot stand for the characters of a group of rows, for all offsets
// at once: where two equal numbers stand for different characters. It need look only at equal numbers that follow each
// other, by place and then by row: where a window of the streams holds two that clash, it holds all between them, and so
// two that follow each other and clash.
type sift struct {
	length int
	// clash holds, for two rows and the distance between two places in their streams, which characters of the first row
	// differ from those at that distance in the second: bit 31-i for the i-th from the beginning of the window.
	clash [siftRows][siftRows][]clash
}

// clash is a set of characters, for the two directions in which they can stand in a stream.
type clash struct{ forwards, backwards uint64 }

// left are the offsets that are not ruled out, by direction, and for every second number by its place.
type left struct {
	forwards, backwards uint64
	everySecond         uint64
}

// newSift makes a sift for the characters of a group of rows, nil for more than it holds.
func newSift(want [][]byte) *sift {
	n := len(want[0])
	if n > longestSifted {
		return nil
	}
	s := &sift{length: n}
	rows := want[:min(len(want), siftRows)]
	for x, first := range rows {
		for y, second := range rows {
			s.clash[x][y] = make([]clash, n)
			for i, a := range first {
				for j, b := range second {
					if a == b {
						continue
					}
					if j >= i {
						s.clash[x][y][j-i].forwards |= 1 << (31 - i)
					}
					if i >= j {
						s.clash[x][y][i-j].backwards |= 1 << (31 - (n - 1 - i))
					}
				}
			}
		}
	}
	return s
}

// lastOffset is the last offset at which so many characters find room in a stream, -1 if there is none.
func lastOffset(stream, length, step int) int {
	return max(-1, min(stream-1-(length-1)*step, maxOffset))
}

// upTo is the set of the offsets up to one.
func upTo(last int) uint64 { return 1<<(last+1) - 1 }

// drop takes the streams of the first rows and drops the offsets that they rule out.
func (s *sift) drop(streams [][]byte, l *left) {
	shortest := len(streams[0])
	for _, st := range streams {
		shortest = min(shortest, len(st))
	}
	one, two := upTo(lastOffset(shortest, s.length, 1)), upTo(lastOffset(shortest, s.length, 2))
	l.forwards, l.backwards, l.everySecond = l.forwards&one, l.backwards&one, l.everySecond&two
	if l.forwards|l.backwards != 0 {
		bad := s.clashes(streams, 0, 1, min(shortest, maxOffset+s.length))
		l.forwards &^= bad.forwards
		l.backwards &^= bad.backwards
	}
	for from := range 2 {
		if l.everySecond>>from&0x5555555555555555 != 0 {
			l.everySecond &^= everySecondBit(s.clashes(streams, from, 2, min(shortest, maxOffset+2*s.length)).forwards) << from
		}
	}
}

// never is a place that lies farther from every other than characters do.
const never = -longestSifted - 1

// neverYet are no places for all numbers.
var neverYet = func() (t [64]int8) {
	for x := range t {
		t[x] = never
	}
	return t
}()

// clashes gives the offsets, counted in steps, at which equal numbers stand for different characters, in the numbers of
// streams up to an end, taken with a step.
func (s *sift) clashes(streams [][]byte, from, step, end int) (bad clash) {
	newest := neverYet // by number, its last place
	if len(streams) == 1 {
		ts := s.clash[0][0]
		for at, place := from, 0; at < end; at, place = at+step, place+1 {
			x := streams[0][at] & 63
			before := int(newest[x])
			newest[x] = int8(place)
			if d := place - before; d < len(ts) {
				bad.add(&ts[d], before)
			}
		}
		return bad
	}
	var holds [64]uint8 // by number, the row of its last place
	for at, place := from, 0; at < end; at, place = at+step, place+1 {
		for row, st := range streams {
			x := st[at] & 63
			before, ts := int(newest[x]), s.clash[holds[x]][row]
			newest[x], holds[x] = int8(place), uint8(row)
			if d := place - before; d < len(ts) {
				bad.add(&ts[d], before)
			}
		}
	}
	return bad
}

// add adds the offsets at which the number at a place is the earlier one of a clash.
func (c *clash) add(of *clash, place int) {
	if up := place - 31; up < 0 {
		c.forwards |= of.forwards >> (-up & 63)
		c.backwards |= of.backwards >> (-up & 63)
	} else {
		c.forwards |= of.forwards << (up & 63)
		c.backwards |= of.backwards << (up & 63)
	}
}

// everySecondBit moves bit i to bit 2i.
func everySecondBit(x uint64) uint64 {
	x &= 1<<32 - 1
	x = (x | x<<16) & 0x0000ffff0000ffff
	x = (x | x<<8) & 0x00ff00ff00ff00ff
	x = (x | x<<4) & 0x0f0f0f0f0f0f0f0f
	x = (x | x<<2) & 0x3333333333333333
	return (x | x<<1) & 0x5555555555555555
}
