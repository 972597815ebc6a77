package tlog_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/tlog"
)

const origin = "register.example/log"

// open opens a log for the time of a test.
func open(t testing.TB, dir string) *tlog.Log {
	t.Helper()
	l, err := tlog.Open(t.Context(), dir, tlog.Options{Origin: origin})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// text is the leaf with this number in the tests.
func text(i int64) []byte { return fmt.Appendf(nil, "leaf %d %s", i, strings.Repeat("x", int(i%50))) }

// fill appends leaves until there are so many, and waits for the checkpoint.
func fill(t testing.TB, l *tlog.Log, size int64) *tlog.Checkpoint {
	t.Helper()
	from, err := l.Size(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var leaves [][]byte
	for i := from; i < size; i++ {
		leaves = append(leaves, text(i))
	}
	indexes, err := l.AppendAll(t.Context(), leaves)
	if err != nil {
		t.Fatal(err)
	}
	for i, got := range indexes {
		if want := from + int64(i); got != want {
			t.Fatalf("leaf %d went in as %d", want, got)
		}
	}
	c, err := l.Published(t.Context(), size-1)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAppendProveReopen(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	var older *tlog.Checkpoint
	for _, size := range []int64{1, 2, 255, 256, 257, 600} {
		c := fill(t, l, size)
		if c.Size != size || c.Origin != origin {
			t.Fatalf("checkpoint of %d leaves of %s, want %d of %s", c.Size, c.Origin, size, origin)
		}
		for _, i := range []int64{0, size / 2, size - 1} {
			p, err := l.Prove(t.Context(), i)
			if err != nil {
				t.Fatal(err)
			}
			if string(p.Extra) != string(text(i)) {
				t.Errorf("leaf %d is %q", i, p.Extra)
			}
			if p, err = tlog.ParseProof(p.Encode()); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Verify(text(i), l.Key(), nil); err != nil {
				t.Error(err)
			}
			if _, err := p.Verify(text(i+1), l.Key(), nil); !errors.Is(err, assay.ErrRefused) {
				t.Errorf("the proof of leaf %d holds for another: %v", i, err)
			}
		}
		if older != nil {
			proof, err := l.ProveGrowth(older.Size, c.Size)
			if err != nil {
				t.Fatal(err)
			}
			if err := tlog.CheckGrowth(older, c, proof); err != nil {
				t.Error(err)
			}
			wrong := *older
			wrong.Root[0] ^= 1
			if err := tlog.CheckGrowth(&wrong, c, proof); err == nil {
				t.Error("growth from another tree was proved")
			}
		}
		older = c
	}
	key := l.Key().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(t.Context(), []byte("late")); !errors.Is(err, assay.ErrRefused) {
		t.Errorf("a closed log took a leaf: %v", err)
	}

	l = open(t, dir)
	if got := l.Key().String(); got != key {
		t.Errorf("the key is another after opening again: %s, want %s", got, key)
	}
	n := int64(590)
	err := l.Leaves(t.Context(), n, func(i int64, leaf []byte) error {
		if i != n || string(leaf) != string(text(i)) {
			t.Errorf("leaf %d: %q, want leaf %d", i, leaf, n)
		}
		n++
		return nil
	})
	if err != nil || n != 600 {
		t.Errorf("reading ended at %d: %v", n, err)
	}
	if i, err := l.Append(t.Context(), text(600)); err != nil || i != 600 {
		t.Errorf("the next leaf is %d: %v", i, err)
	}
	if _, err := l.Leaf(t.Context(), 601); !errors.Is(err, assay.ErrNotFound) {
		t.Errorf("a leaf that is not there: %v", err)
	}
	if i, err := os.Stat(filepath.Join(dir, "key")); err != nil || i.Mode().Perm() != 0o600 {
		t.Errorf("the key's mode is %v: %v", i.Mode(), err)
	}
}

func TestAppendRefuses(t *testing.T) {
	l := open(t, t.TempDir())
	for name, leaf := range map[string][]byte{"empty": nil, "long": make([]byte, tlog.MaxLeafBytes+1)} {
		if i, err := l.Append(t.Context(), leaf); !errors.Is(err, assay.ErrInvalid) || i != -1 {
			t.Errorf("%s: %d, %v", name, i, err)
		}
	}
	if i, err := l.Append(t.Context(), make([]byte, tlog.MaxLeafBytes)); err != nil || i != 0 {
		t.Errorf("the longest leaf: %d, %v", i, err)
	}
	size, err := l.Size(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := l.AppendAll(t.Context(), [][]byte{{1}, nil, {2}}); !errors.Is(err, assay.ErrInvalid) || !slices.Equal(got, []int64{-1, -1, -1}) {
		t.Errorf("one leaf of three is empty: %v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Append(ctx, []byte("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who left: %v", err)
	}
	if got, err := l.AppendAll(ctx, [][]byte{{1}, {2}}); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller of many who left: %v, %v", got, err)
	}
	if now, err := l.Size(t.Context()); err != nil || now > size+2 {
		t.Errorf("%d leaves, and then %d: %v", size, now, err)
	}
}

func TestBusy(t *testing.T) {
	l, err := tlog.Open(t.Context(), t.TempDir(), tlog.Options{Origin: origin, InFlight: 4})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var wg sync.WaitGroup
	var mu sync.Mutex // guards the counts
	in, busy := 0, 0
	for range 200 {
		wg.Go(func() {
			_, err := l.Append(t.Context(), []byte("leaf"))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				in++
			case errors.Is(err, tlog.ErrBusy) && errors.Is(err, assay.ErrRefused):
				busy++
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	size, err := l.Size(t.Context())
	if err != nil || size != int64(in) || busy == 0 {
		t.Errorf("%d leaves are in, %d were told so, %d that it is busy: %v", size, in, busy, err)
	}
	if _, err := l.AppendAll(t.Context(), [][]byte{{1}, {2}, {3}, {4}, {5}, {6}, {7}, {8}, {9}}); err != nil {
		t.Errorf("many at once wait where one is sent away: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		harm func(t *testing.T, dir string)
		want error
	}{
		"another-name": {nil, assay.ErrConflict},
		"key-lost":     {func(t *testing.T, dir string) { remove(t, dir, "key") }, assay.ErrConflict},
		"key-shown": {func(t *testing.T, dir string) {
			if err := os.Chmod(filepath.Join(dir, "key"), 0o644); err != nil {
				t.Fatal(err)
			}
		}, assay.ErrRefused},
		"key-broken":     {func(t *testing.T, dir string) { overwrite(t, dir, "key", []byte("PRIVATE+KEY+x")) }, assay.ErrInvalid},
		"tile-changed":   {func(t *testing.T, dir string) { flip(t, dir, "log/tile/0/000", 40) }, assay.ErrConflict},
		"tile-lost":      {func(t *testing.T, dir string) { remove(t, dir, "log/tile/0/000") }, assay.ErrNotFound},
		"signed-by-none": {func(t *testing.T, dir string) { flip(t, dir, "log/checkpoint", 24) }, assay.ErrRefused},
		"older-leaves": {func(t *testing.T, dir string) {
			overwrite(t, dir, "log/.state/treeState", []byte(`{"size":299,"root":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}`))
		}, assay.ErrConflict},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			l := open(t, dir)
			fill(t, l, 300)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			o := tlog.Options{Origin: origin}
			if tt.harm == nil {
				o.Origin = "other.example"
			} else {
				tt.harm(t, dir)
			}
			l, err := tlog.Open(t.Context(), dir, o)
			if !errors.Is(err, tt.want) {
				t.Errorf("opened: %v, want %v", err, tt.want)
			}
			if l != nil {
				l.Close()
			}
		})
	}
}

// A tree that is not that of the leaves is never signed.
func TestNeverSignsAnotherTree(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	before := fill(t, l, 300)
	flip(t, dir, "log/tile/entries/001.p/44", 10) // what the next bundle is made from
	if _, err := l.Append(t.Context(), []byte("one more")); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Published(t.Context(), 300); !errors.Is(err, assay.ErrInternal) {
		t.Fatalf("a checkpoint over changed leaves: %v", err)
	}
	if _, err := l.Append(t.Context(), []byte("two more")); err == nil {
		t.Error("a log that stopped took a leaf")
	}
	if c, err := l.Checkpoint(); err != nil || c.Size != before.Size {
		t.Errorf("the checkpoint went on: %v", err)
	}
}

func TestOneWriter(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	if _, err := tlog.Open(t.Context(), dir, tlog.Options{Origin: origin}); !errors.Is(err, assay.ErrConflict) {
		t.Errorf("a second writer: %v", err)
	}
}

func TestOrigin(t *testing.T) {
	for _, bad := range []string{"", "a b", "a+b", "a\nb", "ä", strings.Repeat("a", 201)} {
		if _, err := tlog.Open(t.Context(), t.TempDir(), tlog.Options{Origin: bad}); !errors.Is(err, assay.ErrInvalid) {
			t.Errorf("origin %q: %v", bad, err)
		}
	}
}

func remove(t testing.TB, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
		t.Fatal(err)
	}
}

func overwrite(t testing.TB, dir, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// flip changes one bit of a file.
func flip(t testing.TB, dir, name string, at int) {
	t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(name))
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	data[at] ^= 1
	overwrite(t, dir, name, data)
}
