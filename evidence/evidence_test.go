package evidence_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/evidence"
)

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func open(t *testing.T, dir string) *evidence.Folder {
	t.Helper()
	f, err := evidence.Open(t.Context(), dir, evidence.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestItems(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"passwords/batch.csv": "abc",
		"firmware/a.img":      "",
		"firmware/.gitkeep":   "no item",
		".DS_Store":           "no item",
		"firmware/tree/etc/x": "12345",
		"firmware/tree/b":     "1",
	})
	f := open(t, dir)
	want := []evidence.Item{
		{Kind: "firmware", Name: "firmware/a.img", Digest: "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{Kind: "firmware", Name: "firmware/tree", Size: 6, Folder: true},
		{Kind: "passwords", Name: "passwords/batch.csv", Size: 3, Digest: "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	}
	got := f.Items()
	if !strings.HasPrefix(string(got[1].Digest), "sha256:") {
		t.Errorf("got digest %q", got[1].Digest)
	}
	want[1].Digest = got[1].Digest // TestTreeDigest holds it
	if d := cmp.Diff(want, got, cmpopts.IgnoreUnexported(evidence.Item{})); d != "" {
		t.Error(d)
	}
	if n := len(f.Of(evidence.Firmware)); n != 2 {
		t.Errorf("got %d items of firmware, want 2", n)
	}
	r, err := f.Open(got[2])
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if data, _ := io.ReadAll(r); string(data) != "abc" {
		t.Errorf("got %q, want abc", data)
	}
	fsys, c, err := f.FS(got[1])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if data, err := fs.ReadFile(fsys, "etc/x"); string(data) != "12345" || err != nil {
		t.Errorf("got %q, %v", data, err)
	}
}

func TestNoFolderIsEmpty(t *testing.T) {
	f := open(t, filepath.Join(t.TempDir(), "none"))
	if got := f.Items(); len(got) != 0 {
		t.Errorf("got %v, want none", got)
	}
}

func TestRefused(t *testing.T) {
	outside := t.TempDir()
	write(t, outside, map[string]string{"secret": "s"})
	link := func(target, name string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
				t.Skip("no symbolic links here")
			}
		}
	}
	rows := []struct {
		name  string
		files map[string]string
		make  func(*testing.T, string)
		kind  error
		want  string
	}{
		{name: "unknown-kind", files: map[string]string{"firmwares/a": ""}, kind: assay.ErrInvalid, want: "evidence/firmwares: is not a kind of evidence"},
		{name: "loose-file", files: map[string]string{"a.bin": ""}, kind: assay.ErrInvalid, want: "evidence/a.bin: is not a kind of evidence"},
		{name: "link-out", files: map[string]string{"firmware/a": ""}, make: link(filepath.Join(outside, "secret"), "firmware/out"), kind: assay.ErrRefused, want: "evidence/firmware/out: is a link that leads out"},
		{name: "link-up", files: map[string]string{"firmware/a": ""}, make: link("../../../etc/passwd", "firmware/out"), kind: assay.ErrRefused, want: "leads out"},
		{name: "link-kind", make: link(outside, "firmware"), kind: assay.ErrInvalid, want: "evidence/firmware: is not a kind"},
		{name: "link-broken", files: map[string]string{"firmware/a": ""}, make: link("b", "firmware/out"), kind: assay.ErrInvalid, want: "not there"},
		{name: "link-folder", files: map[string]string{"firmware/t/a": ""}, make: link("t", "firmware/u"), kind: assay.ErrRefused, want: "link to a folder"},
		{name: "control", files: map[string]string{"firmware/a\x1b[2J": ""}, kind: assay.ErrInvalid, want: `\x1b[2J: has a name`},
		{name: "turned-round", files: map[string]string{"firmware/a\u202eb": ""}, kind: assay.ErrInvalid, want: `has a name`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, row.files)
			if row.make != nil {
				row.make(t, dir)
			}
			_, err := evidence.Open(t.Context(), dir, evidence.Limits{})
			if !errors.Is(err, row.kind) || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want %v with %q", err, row.kind, row.want)
			}
			if err != nil && strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("not one printable line: %q", err)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"firmware/t/1/2/3/x": "12345", "firmware/y": "1"})
	for name, l := range map[string]evidence.Limits{
		"items": {Items: 1}, "entries": {Entries: 3}, "depth": {Depth: 2}, "bytes": {Bytes: 5},
	} {
		if _, err := evidence.Open(t.Context(), dir, l); !errors.Is(err, assay.ErrRefused) {
			t.Errorf("%s: got %v, want refused", name, err)
		}
	}
	if _, err := evidence.Open(t.Context(), dir, evidence.Limits{Items: 2, Depth: 3, Bytes: 6}); err != nil {
		t.Errorf("at the limits: %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := evidence.Open(ctx, dir, evidence.Limits{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want canceled", err)
	}
}

func TestChangedAfterHashing(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"firmware/a": "1"})
	f := open(t, dir)
	write(t, dir, map[string]string{"firmware/a": "22"})
	if _, err := f.Open(f.Items()[0]); !errors.Is(err, assay.ErrConflict) {
		t.Errorf("got %v, want conflict", err)
	}
	if _, err := f.Open(evidence.Item{Name: "../../etc/passwd"}); !errors.Is(err, assay.ErrNotFound) {
		t.Errorf("got %v, want not found", err)
	}
}

// The digest of a tree is written out here by hand from its definition.
func TestTreeDigest(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"firmware/t/a/b": "abc", "firmware/t/a.b": ""})
	tree := filepath.Join(dir, "firmware/t")
	if err := os.Symlink("/etc/passwd", filepath.Join(tree, "z")); err != nil {
		t.Skip("no symbolic links here")
	}
	if err := os.Chmod(filepath.Join(tree, "a"), 0o711); err != nil {
		t.Fatal(err)
	}
	const text = "assay tree 1\n" +
		"d 0711 1:a -\n" +
		"f 0644 3:a.b e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n" +
		"f 0644 3:a/b ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n" +
		"l 0000 1:z 11:/etc/passwd\n"
	want, _, err := evidence.DigestOf(t.Context(), strings.NewReader(text), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if got := open(t, dir).Items()[0].Digest; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Whatever one changes in a tree, its digest changes.
func TestTreeDigestTellsTreesApart(t *testing.T) {
	base := map[string]string{"firmware/t/a": "1", "firmware/t/b/c": "2"}
	seen := map[assay.Digest]string{}
	for name, change := range map[string]func(string) error{
		"none":    func(string) error { return nil },
		"content": func(d string) error { return os.WriteFile(d+"/a", []byte("2"), 0o644) },
		"mode":    func(d string) error { return os.Chmod(d+"/a", 0o755) },
		"setuid":  func(d string) error { return os.Chmod(d+"/a", 0o644|fs.ModeSetuid) },
		"name":    func(d string) error { return os.Rename(d+"/a", d+"/A") },
		"empty":   func(d string) error { return os.Mkdir(d+"/e", 0o755) },
		"link":    func(d string) error { return os.Symlink("a", d+"/e") },
		"target":  func(d string) error { return os.Symlink("b", d+"/e") },
		"moved":   func(d string) error { return os.Rename(d+"/b/c", d+"/c") },
	} {
		dir := t.TempDir()
		write(t, dir, base)
		if err := change(filepath.Join(dir, "firmware/t")); err != nil {
			t.Fatal(err)
		}
		got := open(t, dir).Items()[0].Digest
		if other, ok := seen[got]; ok {
			t.Errorf("%s and %s have the same digest", name, other)
		}
		seen[got] = name
	}
}

func TestDigestOfDoesNotDependOnReads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := rapid.SliceOf(rapid.Byte()).Draw(t, "data")
		whole, n, err := evidence.DigestOf(context.Background(), bytes.NewReader(data), int64(len(data)))
		if err != nil || n != int64(len(data)) {
			t.Fatalf("got %d, %v", n, err)
		}
		single, _, err := evidence.DigestOf(context.Background(), io.MultiReader(bytes.NewReader(data[:len(data)/2]), bytes.NewReader(data[len(data)/2:])), int64(len(data)))
		if err != nil || single != whole {
			t.Fatalf("got %s, %v, want %s", single, err, whole)
		}
		if len(data) > 0 {
			if _, _, err := evidence.DigestOf(context.Background(), bytes.NewReader(data), int64(len(data)-1)); err == nil {
				t.Fatal("beyond the bound: want an error")
			}
		}
	})
}

func BenchmarkDigest(b *testing.B) {
	data := make([]byte, 64<<20)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, _, err := evidence.DigestOf(context.Background(), bytes.NewReader(data), int64(len(data))); err != nil {
			b.Fatal(err)
		}
	}
}
