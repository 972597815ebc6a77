package firmware

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// realFile returns the path of a real input, or skips the test.
func realFile(t testing.TB, name string) string {
	t.Helper()
	p := filepath.Join("..", "..", "shared", "inputs", "firmware", name)
	if _, err := os.Stat(p); err != nil {
		t.Skipf("real input %s is not here", name)
	}
	return p
}

// tool returns the path of an oracle, or skips the test with the package that has it.
func tool(t testing.TB, name, pkg string) string {
	t.Helper()
	for _, dir := range []string{"", "/usr/sbin/", "/sbin/"} {
		if p, err := exec.LookPath(dir + name); err == nil {
			return p
		}
	}
	t.Skipf("%s is not installed: apt-get install %s", name, pkg)
	return ""
}

func run(t testing.TB, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

func open(t testing.TB, data []byte) *Image {
	t.Helper()
	im, err := Open(t.Context(), bytes.NewReader(data), int64(len(data)), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	covered(t, im)
	return im
}

func openPath(t testing.TB, path string) *Image {
	t.Helper()
	im, c, err := OpenFile(t.Context(), path, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	covered(t, im)
	return im
}

// covered checks that the leaves of the map cover every byte of every space once.
func covered(t testing.TB, im *Image) {
	t.Helper()
	if has(im, Unsupported, readerFailed) {
		t.Fatal(im.Unread)
	}
	at := make([]int64, len(im.Spaces))
	for i, r := range im.Map {
		if r.Parent >= i {
			t.Fatalf("range %d has parent %d", i, r.Parent)
		}
		if r.Parent >= 0 && im.Map[r.Parent].Space == r.Space {
			p := im.Map[r.Parent]
			if r.Offset < p.Offset || r.Offset+r.Size > p.Offset+p.Size || p.Leaf {
				t.Fatalf("range %d %+v is not inside its parent %+v", i, r, p)
			}
		}
		if !r.Leaf {
			continue
		}
		if r.Offset != at[r.Space] || r.Size <= 0 {
			t.Fatalf("range %d %+v: want offset 0x%x", i, r, at[r.Space])
		}
		at[r.Space] += r.Size
	}
	for i, s := range im.Spaces {
		if at[i] != s.Size {
			t.Fatalf("space %d: %d of %d bytes are covered", i, at[i], s.Size)
		}
	}
}

// randomTree makes a folder of files, links, and folders below dir.
func randomTree(t testing.TB, dir string, seed uint64) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(seed, 1))
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	sizes := []int{0, 1, 15, 511, 4096, 4097, 70_000, 131_072, 300_001}
	var fill func(d string, depth int)
	fill = func(d string, depth int) {
		check(os.MkdirAll(d, 0o755))
		for i, size := range sizes {
			data := make([]byte, size)
			switch rnd.IntN(3) {
			case 0:
				for i := range data {
					data[i] = byte(rnd.Uint32())
				}
			case 1:
				words := bytes.Repeat([]byte(fmt.Sprintf("telnetd -l /bin/sh %d\n", rnd.IntN(99))), size/20+1)
				copy(data, words)
				for range size / 50 {
					data[rnd.IntN(size)] = byte(rnd.Uint32())
				}
			}
			name := filepath.Join(d, fmt.Sprintf("file-%d", i))
			check(os.WriteFile(name, data, 0o600))
			check(os.Chmod(name, []fs.FileMode{0o644, 0o755, 0o600, 0o4755}[rnd.IntN(4)]&0o777))
		}
		check(os.Symlink("/bin/file-1", filepath.Join(d, "absolute")))
		check(os.Symlink("../file-3", filepath.Join(d, "relative")))
		check(os.Symlink("loop", filepath.Join(d, "loop")))
		check(os.WriteFile(filepath.Join(d, "ümlaut name"), []byte("x"), 0o644))
		if depth < 1 {
			for i := range 2 {
				fill(filepath.Join(d, []string{"bin", "etc"}[i]), depth+1)
			}
		}
	}
	fill(dir, 0)
	for i := range 300 {
		check(os.MkdirAll(filepath.Join(dir, "many"), 0o755))
		check(os.WriteFile(filepath.Join(dir, "many", fmt.Sprintf("a-file-with-a-longer-name-%03d", i)), fmt.Append(nil, i), 0o640))
	}
}

// sameTree compares a tree of an image with a folder: names, modes, links and every byte.
func sameTree(t testing.TB, got fs.ReadLinkFS, dir string) {
	t.Helper()
	want := map[string]string{}
	describe := func(fsys fs.ReadLinkFS, into map[string]string) {
		err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if p == "." || p == "lost+found" {
				return nil
			}
			info, err := fsys.Lstat(p)
			if err != nil {
				return err
			}
			s := info.Mode().Type().String()
			switch {
			case info.Mode()&fs.ModeSymlink != 0:
				target, err := fsys.ReadLink(p)
				if err != nil {
					return err
				}
				s += " " + target
			case info.Mode().IsRegular():
				data, err := fs.ReadFile(fsys, p)
				if err != nil {
					return err
				}
				s += fmt.Sprintf("%v %d %x", info.Mode().Perm(), info.Size(), sum(data))
			default:
				s += info.Mode().Perm().String()
			}
			into[p] = s
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	describe(root.FS().(fs.ReadLinkFS), want)
	have := map[string]string{}
	describe(got, have)
	if len(want) < 10 {
		t.Fatalf("the tree to compare with has %d entries", len(want))
	}
	if d := cmp.Diff(have, want); d != "" {
		t.Fatalf("trees differ (-got +want):\n%s", d)
	}
}

func sum(p []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range p {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h
}

// oneTree returns the only tree of an image that must be complete.
func oneTree(t testing.TB, im *Image) Tree {
	t.Helper()
	if len(im.Trees) != 1 || !im.Trees[0].Complete {
		t.Fatalf("got %d trees, want one complete; unread: %v", len(im.Trees), im.Unread)
	}
	return im.Trees[0]
}

func TestFolderAndTar(t *testing.T) {
	dir := t.TempDir()
	randomTree(t, dir, 7)
	im := openPath(t, dir)
	sameTree(t, oneTree(t, im).FS, dir)

	for _, z := range []struct{ flag, pkg, kind string }{{"--auto-compress", "tar", ""}, {"-z", "gzip", "gzip"}, {"-J", "xz-utils", "xz"}, {"-j", "bzip2", "bzip2"}, {"--zstd", "zstd", "zstd"}} {
		t.Run("tar"+z.kind, func(t *testing.T) {
			if z.kind != "" {
				tool(t, z.kind, z.pkg)
			}
			file := filepath.Join(t.TempDir(), "root.t")
			run(t, tool(t, "tar", "tar"), "-C", dir, z.flag, "-cf", file, ".")
			im := openPath(t, file)
			sameTree(t, oneTree(t, im).FS, dir)
			if z.kind != "" && im.Map[0].Kind != Kind(z.kind) {
				t.Errorf("got %s, want %s", im.Map[0].Kind, z.kind)
			}
			if len(im.Unread) != 0 {
				t.Errorf("unread: %v", im.Unread)
			}
		})
	}
}

func TestTarRefusesWhatClimbs(t *testing.T) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	put := func(h tar.Header, body string) {
		h.Size, h.Mode = int64(len(body)), 0o644
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, body); err != nil {
			t.Fatal(err)
		}
	}
	put(tar.Header{Name: "etc/passwd", Typeflag: tar.TypeReg}, "true")
	put(tar.Header{Name: "../../etc/passwd", Typeflag: tar.TypeReg}, "planted")
	put(tar.Header{Name: "/etc/shadow", Typeflag: tar.TypeReg}, "absolute")
	put(tar.Header{Name: "out", Typeflag: tar.TypeSymlink, Linkname: "../../../../etc"}, "")
	put(tar.Header{Name: "out/passwd", Typeflag: tar.TypeReg}, "through a link")
	put(tar.Header{Name: "new\nline", Typeflag: tar.TypeReg}, "x")
	put(tar.Header{Name: "dev/console", Typeflag: tar.TypeChar, Devmajor: 5, Devminor: 1}, "")
	put(tar.Header{Name: "hard", Typeflag: tar.TypeLink, Linkname: "etc/passwd"}, "")
	put(tar.Header{Name: "hardout", Typeflag: tar.TypeLink, Linkname: "../etc/passwd"}, "")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	im := open(t, buf.Bytes())
	tr := im.Trees[0]
	if tr.Complete {
		t.Error("a tree with refused entries is called complete")
	}
	for name, want := range map[string]string{"etc/passwd": "true", "etc/shadow": "absolute", "new\nline": "x", "hard": "true", "out/passwd": "true"} {
		got, err := tr.FS.ReadFile(name)
		if err != nil || string(got) != want {
			t.Errorf("%q: got %q, %v, want %q", name, got, err, want)
		}
	}
	var refused []string
	for _, u := range im.Unread {
		if u.Reason == Refused {
			refused = append(refused, u.What)
		}
	}
	want := []string{`tar: entry "../../etc/passwd"`, `tar: entry "out/passwd"`, `tar: entry "hardout"`}
	if d := cmp.Diff(refused, want); d != "" {
		t.Errorf("refused (-got +want):\n%s", d)
	}
	info, err := tr.FS.Stat("dev/console")
	if err != nil {
		t.Fatal(err)
	}
	if a := info.Sys().(*Attr); info.Mode()&fs.ModeCharDevice == 0 || a.Major != 5 || a.Minor != 1 {
		t.Errorf("console: got %v %+v", info.Mode(), a)
	}
	if got, err := tr.FS.ReadLink("out"); err != nil || got != "../../../../etc" {
		t.Errorf("link: got %q, %v", got, err)
	}
	if info, err := tr.FS.Lstat("out"); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("lstat of a link: %v, %v", info, err)
	}
}

func TestLinkLoopEnds(t *testing.T) {
	tr := (&builder{lim: Limits{}.orDefaults(), ctx: t.Context()}).newTree()
	for name, to := range map[string]string{"a": "b", "b": "a", "self": "self/self", "up": "../../.."} {
		tr.place(name, &node{mode: fs.ModeSymlink | 0o777, target: to}, 0)
	}
	f := &FS{root: tr.root, file: 1 << 20, whole: 1 << 20}
	for _, name := range []string{"a", "self", "a/x"} {
		if _, err := f.Stat(name); !errors.Is(err, errLoop) {
			t.Errorf("%s: got %v, want %v", name, err, errLoop)
		}
	}
	if list, err := f.ReadDir("up"); err != nil || len(list) != 4 {
		t.Errorf("a link above the root: got %d entries, %v, want the root's 4", len(list), err)
	}
	if _, err := f.Open("../x"); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("got %v, want %v", err, fs.ErrInvalid)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, bytes.NewReader(make([]byte, 100)), 100, Limits{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

// filter runs a tool on standard input.
func filter(t testing.TB, name string, in []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return out
}

// The trees behave as fs.FS says.
func TestFSContract(t *testing.T) {
	for name, data := range seeds(t) {
		if !strings.HasPrefix(name, "squashfs-gzip") && name != "tar" && name != "ext4" {
			continue
		}
		tr := oneTree(t, open(t, data))
		if err := fstest.TestFS(tr.FS, "etc/passwd", "etc/services", "link"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
