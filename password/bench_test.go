package password

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"
)

func BenchmarkConstructionsUnsalted(b *testing.B) {
	us, pws := batchOf(lawfulFamilies()[0], 5, 300)
	text := csvOf(us, pws)
	for b.Loop() {
		auditText(b, text, Options{})
	}
}

// finderOf prepares the statistical tests of a batch.
func finderOf(tb testing.TB, text string, o *Options) *finder {
	tb.Helper()
	b, err := NewBatch("batch", func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader([]byte(text))), nil }, nil)
	if err != nil {
		tb.Fatal(err)
	}
	s, err := take(tb.Context(), b, o, nil)
	if err != nil {
		tb.Fatal(err)
	}
	if err := s.settle(tb.Context(), b, o); err != nil {
		tb.Fatal(err)
	}
	f := &finder{o: o, columns: b.Columns, total: s.rows, idents: primary(b.Columns), rows: distinct(s.sample), head: distinct(s.head)}
	f.views = views(f.rows, f.idents)
	return f
}

func BenchmarkStatistics5000(b *testing.B) {
	us, pws := batchOf(lawfulFamilies()[0], 5, 5000)
	text := csvOf(us, pws)
	o := &Options{}
	f := finderOf(b, text, o)
	for b.Loop() {
		f.recipes = nil
		f.statistics()
		f.inside()
	}
}

func BenchmarkConstructions20000(b *testing.B) {
	us, pws := batchOf(lawfulFamilies()[0], 5, 300)
	text := csvOf(us, pws)
	o := Options{Constants: madeUpStrings(20000)}
	for b.Loop() {
		auditText(b, text, o)
	}
}

// madeUpStrings stands for the printable strings of a firmware image.
func madeUpStrings(n int) [][]byte {
	r := rand.New(rand.NewPCG(9, 9))
	out := make([][]byte, n)
	for i := range out {
		out[i] = []byte(drawn(r, mixed+"_-./% ", 6+r.IntN(30)))
	}
	return out
}
