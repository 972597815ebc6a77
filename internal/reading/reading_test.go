package reading

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// keeper puts the windows of every file together again.
type keeper struct {
	mu     sync.Mutex
	files  map[string][]byte
	missed map[string]string
	faults []string
	skip   string
}

func newKeeper() *keeper {
	return &keeper{files: map[string][]byte{}, missed: map[string]string{}}
}

func (k *keeper) Miss(name, why string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.missed[name] = why
}

func (k *keeper) File(name string) func(*Window) {
	if name == k.skip {
		return nil
	}
	var data []byte
	ended := false
	return func(w *Window) {
		fault := func(format string, args ...any) {
			k.mu.Lock()
			defer k.mu.Unlock()
			k.faults = append(k.faults, name+": "+fmt.Sprintf(format, args...))
		}
		switch {
		case ended:
			fault("a window after the end")
		case w.Name != name || int64(len(data)) != w.Base+int64(w.Seen):
			fault("window of %s at %d with %d seen, after %d bytes", w.Name, w.Base, w.Seen, len(data))
		case !bytes.Equal(w.Data[:w.Seen], data[w.Base:]):
			fault("the overlap at %d is not what was there before", w.Base)
		case w.Last > len(w.Data) || w.End && w.Last != len(w.Data) || !w.End && len(w.Data)-w.Last > Overlap:
			fault("last %d of %d bytes, end %t", w.Last, len(w.Data), w.End)
		}
		data = append(data, w.Data[w.Seen:]...)
		if ended = w.End; ended {
			k.mu.Lock()
			defer k.mu.Unlock()
			k.files[name] = data
		}
	}
}

func read(t *testing.T, fsys fs.FS, readers ...Reader) Stats {
	t.Helper()
	stats, err := Tree(t.Context(), fsys, nil, readers...)
	if err != nil {
		t.Fatal(err)
	}
	return stats
}

// Every reader is shown every byte of every file once, in order.
func TestTree(t *testing.T) {
	random := rand.NewChaCha8([32]byte{7})
	fsys, want, total := fstest.MapFS{}, map[string][]byte{}, int64(0)
	for i, size := range []int{0, 1, 100, Overlap, Overlap + 1, 1 << 20, Size - 1, Size, Size + 1, 2*Size - Overlap, 2*Size + 5} {
		data := make([]byte, size)
		random.Read(data)
		name := fmt.Sprintf("d%d/f%d", i%3, i)
		fsys[name], want[name] = &fstest.MapFile{Data: data}, data
		total += int64(size)
	}
	fsys["link"] = &fstest.MapFile{Data: []byte("d0/f0"), Mode: fs.ModeSymlink}
	one, two := newKeeper(), newKeeper()
	two.skip = "d0/f0"
	stats := read(t, fsys, one, two)
	if stats.Bytes != total || stats.Files != len(want) {
		t.Errorf("got %+v, want %d files of %d bytes", stats, len(want), total)
	}
	if diff := slices.Concat(one.faults, two.faults); len(diff) > 0 || len(one.missed) > 0 {
		t.Errorf("got %q, missed %v", diff, one.missed)
	}
	for name, data := range want {
		if !bytes.Equal(one.files[name], data) {
			t.Errorf("%s: got %d bytes, want %d", name, len(one.files[name]), len(data))
		}
	}
	if _, ok := two.files["d0/f0"]; ok || len(two.files) != len(want)-1 {
		t.Errorf("got %d files, want all but the one that is not wanted", len(two.files))
	}
}

// odd is a file system whose files claim another size, or fail.
type odd struct{ fs.FS }

func (o odd) Open(name string) (fs.File, error) {
	f, err := o.FS.Open(name)
	if err != nil || name == "." {
		return f, err
	}
	if name == "refused" {
		f.Close()
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return oddFile{f, name}, nil
}

type oddFile struct {
	fs.File
	name string
}

func (f oddFile) Stat() (fs.FileInfo, error) {
	info, err := f.File.Stat()
	return oddInfo{info, map[string]int64{"small": 3, "huge": 1 << 62, "negative": -5, "broken": 100}[f.name]}, err
}

func (f oddFile) Read(p []byte) (int, error) {
	if f.name == "broken" {
		n, err := f.File.Read(p[:min(len(p), 4)])
		return n, errors.Join(err, errors.New("the medium fails"))
	}
	return f.File.Read(p)
}

type oddInfo struct {
	fs.FileInfo
	size int64
}

func (i oddInfo) Size() int64 { return i.size }

// A size is a claim: less and more come through whole. What fails is told to every reader.
func TestClaims(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789"), 100_000)
	fsys := fstest.MapFS{}
	for _, name := range []string{"small", "huge", "negative", "broken", "refused"} {
		fsys[name] = &fstest.MapFile{Data: data}
	}
	k := newKeeper()
	read(t, odd{fsys}, k)
	for _, name := range []string{"small", "huge", "negative"} {
		if !bytes.Equal(k.files[name], data) {
			t.Errorf("%s: got %d bytes, want %d", name, len(k.files[name]), len(data))
		}
	}
	if string(k.files["broken"]) != "0123" {
		t.Errorf("got %q of what fails, want what came before", k.files["broken"])
	}
	want := map[string]string{"broken": "read only up to byte 4: the medium fails", "refused": "open refused: permission denied"}
	if diff := cmp.Diff(want, k.missed); diff != "" || len(k.faults) > 0 {
		t.Errorf("%s%q", diff, k.faults)
	}
}

// faulty breaks off on one file.
type faulty struct{ *keeper }

func (f faulty) File(name string) func(*Window) {
	if name == "bad" {
		return func(*Window) { panic("index out of range") }
	}
	return f.keeper.File(name)
}

// A mistake in a reader costs the file, which is said, and not the program.
func TestPanic(t *testing.T) {
	k := newKeeper()
	read(t, fstest.MapFS{"a": {Data: []byte("a")}, "bad": {Data: []byte("b")}, "c": {Data: []byte("c")}}, faulty{k})
	if len(k.files) != 2 || !strings.Contains(k.missed["bad"], "index out of range") {
		t.Errorf("got %d files, missed %v", len(k.files), k.missed)
	}
}

func TestDeep(t *testing.T) {
	deep := strings.Repeat("d/", MaxDepth+2) + "f"
	k := newKeeper()
	read(t, fstest.MapFS{deep: {Data: []byte("x")}, "a/f": {Data: []byte("y")}}, k)
	if len(k.files) != 1 || len(k.missed) != 1 {
		t.Errorf("got %v, missed %v", k.files, k.missed)
	}
}

func TestStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Tree(ctx, fstest.MapFS{"a": {Data: []byte("a")}}, nil, newKeeper()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was stopped", err)
	}
	if _, err := Stream(ctx, "a", strings.NewReader("a"), newKeeper()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was stopped", err)
	}
}

func TestStream(t *testing.T) {
	k := newKeeper()
	data := bytes.Repeat([]byte("abc"), 4_000_000)
	stats, err := Stream(t.Context(), "program", io.MultiReader(bytes.NewReader(data[:100]), bytes.NewReader(data[100:])), k)
	if err != nil || stats.Bytes != int64(len(data)) || !bytes.Equal(k.files["program"], data) || len(k.faults) > 0 {
		t.Errorf("got %+v, %v, %d bytes, %q", stats, err, len(k.files["program"]), k.faults)
	}
}

// Progress comes to its end, and never goes beyond.
func TestProgress(t *testing.T) {
	var mu sync.Mutex
	last, beyond := int64(0), false
	fsys := fstest.MapFS{"a": {Data: make([]byte, 1000)}, "b": {Data: make([]byte, 2000)}}
	_, err := Tree(t.Context(), fsys, func(done, total int64) {
		mu.Lock()
		defer mu.Unlock()
		last, beyond = max(last, done), beyond || done > total || total != 3000
	}, newKeeper())
	if err != nil || last != 3000 || beyond {
		t.Errorf("got %v, %d of 3000, beyond %t", err, last, beyond)
	}
}
