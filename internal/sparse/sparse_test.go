package sparse

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"
)

// Whatever stands in a file and wherever its holes are, the reader gives what the file gives.
func TestReader(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		f, err := os.Create(filepath.Join(dir, "f"))
		if err != nil {
			rt.Fatal(err)
		}
		defer f.Close()
		for range rapid.IntRange(0, 5).Draw(rt, "runs") {
			data := bytes.Repeat([]byte{rapid.Byte().Draw(rt, "byte")}, rapid.IntRange(1, 20_000).Draw(rt, "length"))
			if _, err := f.WriteAt(data, rapid.Int64Range(0, 200_000).Draw(rt, "at")); err != nil {
				rt.Fatal(err)
			}
		}
		if err := f.Truncate(rapid.Int64Range(0, 300_000).Draw(rt, "size")); err != nil {
			rt.Fatal(err)
		}
		want, err := os.ReadFile(f.Name())
		if err != nil {
			rt.Fatal(err)
		}
		got, err := io.ReadAll(NewReader(f, int64(len(want))))
		if err != nil || !bytes.Equal(got, want) {
			rt.Fatalf("got %d bytes, %v, want the %d of the file", len(got), err, len(want))
		}
		for off := int64(0); off < int64(len(want)); {
			end, hole := Run(f, off, int64(len(want)))
			if end <= off || end > int64(len(want)) {
				rt.Fatalf("a run from %d to %d of %d bytes", off, end, len(want))
			}
			if hole && len(bytes.Trim(want[off:end], "\x00")) > 0 {
				rt.Fatalf("a hole from %d to %d holds data", off, end)
			}
			off = end
		}
	})
}

func TestNoFile(t *testing.T) {
	if end, hole := Run(bytes.NewReader(make([]byte, 10)), 3, 10); end != 10 || hole {
		t.Errorf("got %d, %t, want data to the end", end, hole)
	}
}
