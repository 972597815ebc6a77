package firmware

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// An extended partition whose four entries all lead back to it must not be followed for ever.
func TestPartitionsThatLeadBack(t *testing.T) {
	disk := make([]byte, 4096)
	for _, at := range []int{0, 512} {
		for i := range 4 {
			e := disk[at+446+16*i:]
			e[4] = 5
			le.PutUint32(e[8:], 1)
			le.PutUint32(e[12:], 1)
		}
		disk[at+510], disk[at+511] = 0x55, 0xaa
	}
	open(t, disk)
}

func TestManyRunsAreQuick(t *testing.T) {
	block := append(bytes.Repeat([]byte{0xff}, 2000), bytes.Repeat([]byte("data\x01\x02\x03"), 280)...)
	data := bytes.Repeat(append(block, make([]byte, 4096*5-len(block))...), 300)
	im, err := Open(t.Context(), bytes.NewReader(data), int64(len(data)), Limits{Ranges: 100})
	if err != nil {
		t.Fatal(err)
	}
	covered(t, im)
	if len(im.Map) > 102 {
		t.Errorf("map: got %d ranges, want at most 102", len(im.Map))
	}
}

func manyFiles(t testing.TB, n int) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for i := range n {
		if err := w.WriteHeader(&tar.Header{Name: fmt.Sprintf("d%d/f%d", i%7, i), Mode: 0o600}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestLimitsAreNamed(t *testing.T) {
	files := manyFiles(t, 500)
	for _, c := range []struct {
		name string
		data []byte
		lim  Limits
		want string
	}{
		{"entries", files, Limits{Entries: 100}, "Limits.Entries"},
		{"time", files, Limits{Time: time.Nanosecond}, "Limits.Time"},
		{"memory", gz(t, make([]byte, 2<<20)), Limits{Memory: 1 << 20}, "Limits.Memory"},
		{"ratio", gz(t, make([]byte, 80<<20)), Limits{Ratio: 20}, "Limits.Ratio"},
		{"ranges", bytes.Repeat(gz(t, []byte("many small streams, one after the other")), 300), Limits{Ranges: 50}, "Limits.Ranges"},
	} {
		t.Run(c.name, func(t *testing.T) {
			im, err := Open(t.Context(), bytes.NewReader(c.data), int64(len(c.data)), c.lim)
			if err != nil {
				t.Fatal(err)
			}
			covered(t, im)
			if !has(im, Limit, c.want) {
				t.Errorf("unread: got %v, want one that names %s", im.Unread, c.want)
			}
			for _, tr := range im.Trees {
				if tr.Complete {
					t.Errorf("%s is called complete", tr.Name)
				}
			}
		})
	}
}

func TestFileLimit(t *testing.T) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	if err := w.WriteHeader(&tar.Header{Name: "big", Mode: 0o600, Size: 5000}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, 5000)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	im, err := Open(t.Context(), bytes.NewReader(buf.Bytes()), int64(buf.Len()), Limits{File: 4999})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := im.Trees[0].FS.ReadFile("big"); err == nil || !strings.Contains(err.Error(), "Limits.File") {
		t.Errorf("got %v, want an error that names Limits.File", err)
	}
}

type brokenDisk struct{ at int64 }

var errDisk = errors.New("medium error")

func (d brokenDisk) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > d.at {
		return 0, errDisk
	}
	clear(p)
	return len(p), nil
}

// A source that fails is an error, never an image with little in it.
func TestReadErrorIsAnError(t *testing.T) {
	for _, at := range []int64{0, 1 << 20} {
		if _, err := Open(t.Context(), brokenDisk{at}, 4<<20, Limits{}); !errors.Is(err, errDisk) {
			t.Errorf("broken at %d: got %v, want %v", at, err, errDisk)
		}
	}
}

// Whatever names an archive holds, nothing in its tree is reached by a path that climbs, and every path it lists opens.
func TestNamesStayInside(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tr := (&builder{lim: Limits{}.orDefaults(), ctx: t.Context()}).newTree()
		part := rapid.SampledFrom([]string{"a", "b", "..", ".", "", "\xff\xfe", "new\nline", "c d", "ü"})
		for range rapid.IntRange(1, 12).Draw(t, "entries") {
			name := strings.Join(rapid.SliceOfN(part, 1, 5).Draw(t, "name"), "/")
			switch rapid.IntRange(0, 2).Draw(t, "kind") {
			case 0:
				tr.place(name, &node{mode: 0o644, size: 1, open: func() (io.Reader, error) { return strings.NewReader("x"), nil }}, 0)
			case 1:
				tr.place(name, &node{mode: fs.ModeDir | 0o755, kids: map[string]*node{}}, 0)
			case 2:
				tr.place(name, &node{mode: fs.ModeSymlink | 0o777, target: strings.Join(rapid.SliceOfN(part, 1, 4).Draw(t, "target"), "/")}, 0)
			}
		}
		f := &FS{root: tr.root, file: 10, whole: 10}
		err := fs.WalkDir(f, ".", func(p string, d fs.DirEntry, err error) error {
			if err != nil || !fs.ValidPath(p) {
				t.Fatalf("%q: %v", p, err)
			}
			if _, err := f.Lstat(p); err != nil {
				t.Fatalf("%q: %v", p, err)
			}
			_, _ = f.Stat(p) // a link may lead nowhere; it must end
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
