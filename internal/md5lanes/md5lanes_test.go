package md5lanes

import (
	"crypto/md5"
	"fmt"
	"math/bits"
	"testing"

	"pgregory.net/rapid"
)

// ways are the vector form, where this machine has it, and the portable one.
func ways() map[string]func(*Sums, *Blocks, int) {
	w := map[string]func(*Sums, *Blocks, int){"pairs": sumPairs, "chosen": Sum}
	if vectors {
		w["vectors"] = func(s *Sums, b *Blocks, _ int) { sum16(s, b) }
	}
	return w
}

func TestVectorsOfRFC1321(t *testing.T) {
	for message, want := range map[string]string{
		"":                           "d41d8cd98f00b204e9800998ecf8427e",
		"a":                          "0cc175b9c0f1b6a831c399e269772661",
		"abc":                        "900150983cd24fb0d6963f7d28e17f72",
		"message digest":             "f96b697d7cb7938d525a2f31aaf161d0",
		"abcdefghijklmnopqrstuvwxyz": "c3fcd3d76192e4007dfb496cca67e13b",
	} {
		for name, sum := range ways() {
			var b Blocks
			var s Sums
			for lane := range Lanes {
				b.Set(lane, []byte(message))
			}
			sum(&s, &b, Lanes)
			for lane := range Lanes {
				if got := fmt.Sprintf("%x", s.Lane(lane)); got != want {
					t.Errorf("%s, lane %d, %q: got %s, want %s", name, lane, message, got, want)
				}
			}
		}
	}
}

// TestEachLaneIsMD5 puts another message into every lane, three times over, so that nothing of the last stays.
func TestEachLaneIsMD5(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b Blocks
		for range 3 {
			n := rapid.IntRange(0, Lanes).Draw(t, "n")
			messages := make([][]byte, n)
			for lane := range messages {
				// Lengths often come again, as those of identifiers do.
				length := rapid.OneOf(rapid.SampledFrom([]int{0, 12, 16}), rapid.IntRange(0, MaxMessage)).Draw(t, "length")
				messages[lane] = rapid.SliceOfN(rapid.Byte(), length, length).Draw(t, "message")
				if !b.Set(lane, messages[lane]) {
					t.Fatalf("a message of %d bytes was refused", len(messages[lane]))
				}
			}
			for name, sum := range ways() {
				var s Sums
				sum(&s, &b, n)
				for lane, m := range messages {
					if got, want := s.Lane(lane), md5.Sum(m); got != want {
						t.Fatalf("%s, lane %d of %d, %q: got %x, want %x", name, lane, n, m, got, want)
					}
				}
			}
		}
	})
}

func TestEveryLength(t *testing.T) {
	for name, sum := range ways() {
		for n := range MaxMessage + 1 {
			var b Blocks
			var s Sums
			m := make([]byte, n)
			for i := range m {
				m[i] = byte(255 - i)
			}
			b.Set(n%Lanes, m)
			sum(&s, &b, Lanes)
			if got, want := s.Lane(n%Lanes), md5.Sum(m); got != want {
				t.Errorf("%s, %d bytes: got %x, want %x", name, n, got, want)
			}
		}
	}
}

func TestLongMessageIsRefused(t *testing.T) {
	var b Blocks
	b.Set(3, []byte("before"))
	was := b
	if b.Set(3, make([]byte, MaxMessage+1)) {
		t.Error("a message that does not fit was taken")
	}
	if b != was {
		t.Error("a refused message changed the lane")
	}
}

// FuzzLanes compares all words of the lanes, also of blocks that no message has, between the two forms, and messages
// with crypto/md5.
func FuzzLanes(f *testing.F) {
	f.Add([]byte(""), uint64(0))
	f.Add([]byte("74DA38000000"), uint64(1))
	f.Add(make([]byte, MaxMessage), ^uint64(0))
	f.Fuzz(func(t *testing.T, message []byte, seed uint64) {
		message = message[:min(len(message), MaxMessage)]
		var b Blocks
		for i := range b {
			for lane := range Lanes {
				seed = bits.RotateLeft64(seed*0x9E3779B97F4A7C15+uint64(i), 31)
				b[i][lane] = uint32(seed)
			}
		}
		lane := int(seed % Lanes)
		b.Set(lane, message)
		var got, want Sums
		Sum(&got, &b, Lanes)
		sumPairs(&want, &b, Lanes)
		if got != want {
			t.Errorf("vectors and pairs differ: got %x, want %x", got, want)
		}
		if got, want := got.Lane(lane), md5.Sum(message); got != want {
			t.Errorf("lane %d, %q: got %x, want %x", lane, message, got, want)
		}
	})
}

func BenchmarkSum(b *testing.B) {
	message := []byte("74DA38000000")
	for name, sum := range ways() {
		b.Run(name, func(b *testing.B) {
			var blocks Blocks
			var s Sums
			for b.Loop() {
				for lane := range Lanes {
					blocks.Set(lane, message)
				}
				sum(&s, &blocks, Lanes)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/Lanes, "ns/digest")
		})
	}
	b.Run("standard", func(b *testing.B) {
		for b.Loop() {
			_ = md5.Sum(message)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N), "ns/digest")
	})
}
