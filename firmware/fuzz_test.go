package firmware

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// seeds are small images of every format that a tool makes, all of one small folder.
func seeds(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "seed", "*"))
	if err != nil || len(files) < 20 {
		t.Fatalf("%d seeds, %v", len(files), err)
	}
	out := map[string][]byte{}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		name, packed := strings.CutSuffix(filepath.Base(f), ".gz")
		if packed {
			z, err := gzip.NewReader(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			if data, err = io.ReadAll(z); err != nil {
				t.Fatal(err)
			}
		}
		out[strings.TrimSuffix(name, ".bin")] = data
	}
	return out
}

var fuzzLimits = Limits{Memory: 2 << 20, Entries: 2000, Ranges: 500, File: 1 << 20, Time: 20 * time.Second}

// TestSeeds reads the small images without any tool: every tree is complete and holds the same passwd file.
func TestSeeds(t *testing.T) {
	for name, data := range seeds(t) {
		t.Run(name, func(t *testing.T) {
			im := open(t, data)
			for _, u := range im.Unread {
				t.Errorf("unread: %v", u)
			}
			if strings.HasPrefix(name, "stream") || name == "fit" || name == "uimage" || name == "hex" || name == "srec" {
				if len(im.Map) < 2 {
					t.Errorf("map: %s", describe(im))
				}
				return
			}
			tr := oneTree(t, im)
			for _, path := range []string{"etc/passwd", "passwd", "PASSWD"} { // FAT has no folder there
				if got, err := tr.FS.ReadFile(path); err == nil && strings.HasPrefix(string(got), "root:x:0:0:") {
					return
				}
			}
			t.Error("no passwd file")
		})
	}
}

func FuzzOpen(f *testing.F) {
	for _, data := range seeds(f) {
		if len(data) < 12<<10 { // larger ones are too slow to mutate; FuzzReader has them
			f.Add(data)
		}
	}
	for _, data := range madeSeeds() {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		im, err := Open(t.Context(), bytes.NewReader(data), int64(len(data)), fuzzLimits)
		if err != nil {
			t.Fatal(err)
		}
		covered(t, im)
		if has(im, Unsupported, readerFailed) || has(im, Limit, "time limit") {
			t.Fatal(im.Unread)
		}
		for i, tr := range im.Trees {
			if i < 4 {
				readAll(tr.FS)
			}
		}
	})
}

// FuzzReader gives the data to one reader, past the test of its magic.
func FuzzReader(f *testing.F) {
	b := &builder{ctx: f.Context(), lim: fuzzLimits.orDefaults()}
	for _, data := range append(sorted(seeds(f)), madeSeeds()...) {
		for i := range formats {
			if formats[i].matches(bytes.NewReader(data), 0, int64(len(data))) {
				if p, err := formats[i].parse(b, section{bytes.NewReader(data), int64(len(data))}); err == nil && p != nil {
					f.Add(uint8(i), data)
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, i uint8, data []byte) {
		b := &builder{ctx: t.Context(), lim: fuzzLimits.orDefaults(), im: &Image{}}
		b.addSpace("input", bytes.NewReader(data), int64(len(data)), -1)
		p := b.try(&formats[int(i)%len(formats)], bytes.NewReader(data), 0, int64(len(data)))
		if p == nil {
			return
		}
		for _, bad := range p.bad {
			if strings.Contains(bad.why, readerFailed) {
				t.Fatal(bad)
			}
		}
		if p.unpack != nil {
			_, _ = p.unpack()
		}
		for _, v := range p.views {
			_, _ = io.Copy(io.Discard, io.LimitReader(io.NewSectionReader(v.r, 0, v.size), 1<<20))
		}
		if p.tree != nil {
			readAll(&FS{root: p.tree.root, file: b.lim.File, whole: b.lim.Memory})
		}
	})
}

func sorted(m map[string][]byte) (out [][]byte) {
	for _, data := range m {
		out = append(out, data)
	}
	return out
}
