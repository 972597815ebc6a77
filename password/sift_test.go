package password

import (
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// plainLearn is learn without a sift: it tries every offset in turn.
func plainLearn(m *matcher, p *producer, group int) (encoding, bool, int64) {
	rows, want := m.groups[group], m.targets[group]
	length := len(m.g.positions)
	tried := int64(0)
	for si := range p.streams {
		s := &p.streams[si]
		sizes := m.g.sizes
		if s.fixed != 0 {
			sizes = []int{s.fixed}
		}
		for _, n := range sizes {
			var streams [][]byte
			get := func(k int) []byte {
				for len(streams) <= k {
					streams = append(streams, s.of(nil, p.of(nil, rows[len(streams)]), n))
				}
				return streams[k]
			}
			for step := 1; step <= 2; step++ {
				last := min(len(get(0))-1-(length-1)*step, maxOffset)
				for offset := 0; offset <= last; offset++ {
					tried++
					if m.consistent(get, want, offset, step, false) {
						return encoding{stream: s, n: n, offset: offset, step: step}, true, tried
					}
					if step == 1 && m.consistent(get, want, offset, step, true) {
						return encoding{stream: s, n: n, offset: offset, step: step, back: true}, true, tried
					}
				}
			}
		}
	}
	return encoding{}, false, tried
}

// TestSiftLosesNothing compares what is learnt with and without a sift, for passwords that a digest gives in some way and
// for those that differ from them in a character, for all lengths from the shortest to those that are not sifted.
func TestSiftLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		d := digests[rapid.SampledFrom([]int{0, 1, 2, 3, 25}).Draw(t, "digest")]
		s := &digestStreams[rapid.IntRange(0, len(digestStreams)-1).Draw(t, "stream")]
		n := rapid.SampledFrom([]int{10, 16, 31, 36, 64}).Draw(t, "symbols")
		if s.fixed != 0 {
			n = s.fixed
		}
		length := rapid.IntRange(4, longestSifted+4).Draw(t, "length")
		e := encoding{stream: s, n: n, step: rapid.IntRange(1, 2).Draw(t, "step"), offset: rapid.IntRange(0, maxOffset).Draw(t, "offset")}
		e.back = e.step == 1 && rapid.Bool().Draw(t, "back")
		for i, c := range r.Perm(94)[:64] {
			e.symbol[i] = byte('!' + c)
		}
		e.symbol[5] = e.symbol[3] // a symbol may stand for two numbers
		p := producer{of: func(dst []byte, row *Row) []byte { return d.of(dst, []byte(row.Values[0])) }, streams: digestStreams}
		var rows []*Row
		wrong := rapid.IntRange(-1, 5).Draw(t, "wrong row")
		for i := range 6 {
			row := &Row{Number: int64(i + 1), Values: []string{drawn(r, hexLow, 12)}}
			nums, _, ok := e.numbers(nil, p.of(nil, row), length)
			if !ok {
				nums = make([]byte, length)
				for k := range nums {
					nums[k] = byte(r.IntN(n))
				}
			}
			pw := make([]byte, length)
			for k, x := range nums {
				pw[k] = e.symbol[x]
			}
			if i == wrong {
				pw[r.IntN(length)] = '~'
			}
			row.Password = string(pw)
			rows = append(rows, row)
		}
		g := &goal{v: &view{rows: rows, length: length}, sizes: []int{n, 62}}
		for k := range length {
			g.positions = append(g.positions, k)
		}
		m := newMatcher(g)
		if (m.sifts[0] == nil) != (length > longestSifted) {
			t.Fatalf("length %d: sifted %v", length, m.sifts[0] != nil)
		}
		want, wantOK, wantTried := plainLearn(newMatcher(g), &p, 0)
		got, ok := m.learn(&p, 0)
		if got != want || ok != wantOK || m.tried != wantTried {
			t.Errorf("got %v %+v after %d, want %v %+v after %d", ok, got, m.tried, wantOK, want, wantTried)
		}
	})
}

// TestSiftSeesAllThatClashes compares the offsets that are dropped with those at which two equal numbers stand for
// different characters, pair by pair.
func TestSiftSeesAllThatClashes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		length := rapid.IntRange(1, longestSifted).Draw(t, "length")
		rows := rapid.IntRange(1, siftRows).Draw(t, "rows")
		letters := rapid.SampledFrom([]string{"ab", "abcdefgh", lowers, base64Std}).Draw(t, "letters")
		n := rapid.SampledFrom([]int{2, 10, 36, 64}).Draw(t, "symbols")
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 2))
		var want, streams [][]byte
		for range rows {
			want = append(want, []byte(drawn(r, letters, length)))
			st := make([]byte, rapid.IntRange(0, 160).Draw(t, "stream"))
			for i := range st {
				st[i] = byte(r.IntN(n))
			}
			streams = append(streams, st)
		}
		possible := func(offset, step int, back bool) bool {
			stands := map[byte]byte{}
			for k, st := range streams {
				for i := range length {
					at, c := offset+i*step, want[k][i]
					if back {
						c = want[k][length-1-i]
					}
					if at >= len(st) {
						return false
					}
					if old, ok := stands[st[at]]; ok && old != c {
						return false
					}
					stands[st[at]] = c
				}
			}
			return true
		}
		got := left{^uint64(0), ^uint64(0), ^uint64(0)}
		newSift(want).drop(streams, &got)
		var wanted left
		for offset := range maxOffset + 1 {
			for set, is := range map[*uint64]bool{
				&wanted.forwards: possible(offset, 1, false), &wanted.backwards: possible(offset, 1, true), &wanted.everySecond: possible(offset, 2, false),
			} {
				if is {
					*set |= 1 << offset
				}
			}
		}
		if got != wanted {
			t.Errorf("got %x, want %x", got, wanted)
		}
	})
}

// BenchmarkLearn tries all digests of one text on lawful passwords of the usual kinds.
func BenchmarkLearn(b *testing.B) {
	for _, f := range lawfulFamilies()[:4] {
		us, pws := batchOf(f, 1, 300)
		fd := finderOf(b, csvOf(us, pws), &Options{})
		g := fd.goals()[0]
		all, _ := fd.messages()
		var ps []producer
		for k, d := range digests {
			p := producer{of: digestOf(d, all[0]), streams: digestStreams}
			if k >= 4 {
				p.streams = p.streams[:usualStreams]
			}
			ps = append(ps, p)
		}
		b.Run(f.name, func(b *testing.B) {
			m := newMatcher(g)
			for b.Loop() {
				for i := range ps {
					for k := range m.groups {
						m.learn(&ps[i], k)
					}
				}
			}
		})
		b.Run(f.name+"/plain", func(b *testing.B) {
			m := newMatcher(g)
			for b.Loop() {
				for i := range ps {
					for k := range m.groups {
						plainLearn(m, &ps[i], k)
					}
				}
			}
		})
	}
}
