package law

import (
	"io/fs"
	"testing"

	"github.com/assay-psti/assay/vocab"
)

// BenchmarkLoad is what every start of the program costs.
func BenchmarkLoad(b *testing.B) {
	sub, err := fs.Sub(standardFiles, "regime")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Load(sub, vocab.Standard()); err != nil {
			b.Fatal(err)
		}
	}
}
