package separators

import (
	"bytes"
	"slices"
	"testing"
)

// plainly is Mark byte by byte.
func plainly(text []byte, separator byte) ([]uint64, bool) {
	masks := make([]uint64, (len(text)+63)/64)
	for i, c := range text {
		if c == '"' || c == 0 || c >= 0x80 {
			return nil, false
		}
		if c == separator || c == '\n' {
			masks[i/64] |= 1 << (i % 64)
		}
	}
	return masks, true
}

func compare(t *testing.T, text []byte, separator byte) {
	t.Helper()
	want, wantPlain := plainly(text, separator)
	got, gotPlain := Mark([]uint64{^uint64(0), ^uint64(0)}, text, separator)
	if gotPlain != wantPlain {
		t.Fatalf("%q: got plain %v, want %v", text, gotPlain, wantPlain)
	}
	if wantPlain && !slices.Equal(got, want) {
		t.Errorf("%q: got %x, want %x", text, got, want)
	}
}

// TestEveryByteEverywhere puts every byte in every place of texts about the length of a vector.
func TestEveryByteEverywhere(t *testing.T) {
	if !vectors {
		t.Skip("this machine has no AVX2: there is nothing to test")
	}
	for _, n := range []int{1, 31, 63, 64, 65, 128, 130} {
		for at := range n {
			for c := range 256 {
				text := bytes.Repeat([]byte{'x'}, n)
				text[at] = byte(c)
				for _, separator := range []byte(",;\t|") {
					compare(t, text, separator)
				}
			}
		}
	}
}

func TestNothing(t *testing.T) {
	if masks, _ := Mark(nil, nil, ','); len(masks) != 0 {
		t.Errorf("got %d masks, want none", len(masks))
	}
}

func FuzzMark(f *testing.F) {
	f.Add([]byte("serial,mac,password\nA1,74DA38000000,x\n"), byte(','))
	f.Add(bytes.Repeat([]byte("a;b\r\n"), 40), byte(';'))
	f.Add([]byte("\x00\"\xff"), byte('|'))
	f.Fuzz(func(t *testing.T, text []byte, separator byte) {
		if !vectors {
			t.Skip("this machine has no AVX2: there is nothing to test")
		}
		compare(t, text, separator)
	})
}

func BenchmarkMark(b *testing.B) {
	text := bytes.Repeat([]byte("KT200000000,74DA38000000,KTL-38000000,abcdefghijklmnopq\n"), 1<<14)
	var masks []uint64
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		masks, _ = Mark(masks, text, ',')
	}
}
