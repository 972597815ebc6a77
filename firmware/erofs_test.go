package firmware

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// makeEROFS makes a file system of a folder, or skips what the program at hand cannot make.
func makeEROFS(t testing.TB, dir string, args ...string) []byte {
	t.Helper()
	mk := os.Getenv("ASSAY_MKFS_EROFS")
	if mk == "" {
		mk = tool(t, "mkfs.erofs", "erofs-utils")
	}
	file := filepath.Join(t.TempDir(), "x.erofs")
	if out, err := exec.Command(mk, append(args, file, dir)...).CombinedOutput(); err != nil {
		if bytes.Contains(out, []byte("nvalid")) || bytes.Contains(out, []byte("annot find")) {
			t.Skipf("this mkfs.erofs cannot: %s: set ASSAY_MKFS_EROFS to a newer one", strings.Join(args, " "))
		}
		t.Fatalf("mkfs.erofs %v: %v\n%s", args, err, out)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// packable adds files that pack well and less well, long enough for many clusters.
func packable(t testing.TB, dir string) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(9, 9))
	for _, name := range []string{"long-text", "mixed", "holes"} {
		data := make([]byte, 0, 1500_000)
		for len(data) < 1400_000 {
			switch {
			case name == "holes":
				data = append(data, make([]byte, 300_000)...)
				data = append(data, bytes.Repeat([]byte("after a hole "), 400)...)
			case name == "mixed" && rnd.IntN(3) == 0:
				for range 9000 {
					data = append(data, byte(rnd.Uint32()))
				}
			default:
				for range 600 {
					data = append(data, []string{"telnetd ", "password=", "/bin/sh\n", "0123", "login"}[rnd.IntN(5)]...)
				}
			}
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEROFSOracle(t *testing.T) {
	dir := t.TempDir()
	randomTree(t, dir, 71)
	packable(t, dir)
	for name, args := range map[string][]string{
		"plain":        nil,
		"noinline":     {"-Enoinline_data"},
		"chunks":       {"--chunksize=16384"},
		"lz4":          {"-zlz4"},
		"lz4-legacy":   {"-zlz4", "-Elegacy-compress"},
		"lz4-big":      {"-zlz4hc", "-C65536"},
		"lz4-biglong":  {"-zlz4hc", "-C1048576"},
		"lz4-tails":    {"-zlz4", "-Eztailpacking"},
		"lz4-tailsbig": {"-zlz4", "-C65536", "-Eztailpacking", "-Elegacy-compress"},
		"lz4-frag":     {"-zlz4", "-C65536", "-Efragments"},
		"lz4-allfrag":  {"-zlz4", "-Eall-fragments"},
		"lz4-dedupe":   {"-zlz4", "-C65536", "-Efragments,dedupe"},
		"extended":     {"-zlz4", "-Eforce-inode-extended"},
		"lzma":         {"-zlzma", "-C65536"},
		"lzma-tails":   {"-zlzma", "-C65536", "-Eztailpacking,fragments,dedupe"},
		"deflate":      {"-zdeflate", "-C65536"},
		"zstd":         {"-zzstd", "-C65536"},
		"two":          {"-zlz4:lzma", "-C65536"},
	} {
		t.Run(name, func(t *testing.T) {
			im := open(t, makeEROFS(t, dir, args...))
			if len(im.Unread) != 0 {
				t.Errorf("unread: %v", im.Unread)
			}
			sameTree(t, oneTree(t, im).FS, dir)
		})
	}
}

// A cut image, and one with a changed byte of its superblock, are said to be so; no file of a cut image reads as whole.
func TestEROFSDamaged(t *testing.T) {
	dir := t.TempDir()
	randomTree(t, dir, 72)
	data := makeEROFS(t, dir, "-zlz4")
	im := open(t, data[:len(data)/2])
	if im.Trees[0].Complete || !has(im, Truncated, "erofs") {
		t.Errorf("cut: unread %v", im.Unread)
	}
	bad := bytes.Clone(data)
	bad[erofsSuper+64] ^= 1 // its name
	if im := open(t, bad); !has(im, Corrupt, "checksum") {
		t.Errorf("changed: unread %v", im.Unread)
	}
	bad = bytes.Clone(data)
	le.PutUint32(bad[erofsSuper+80:], 0x100) // a feature to come
	if im := open(t, bad); im.Trees[0].Complete || !has(im, Unsupported, "0x100") {
		t.Errorf("unknown feature: unread %v", im.Unread)
	}
}

func TestLZ4BlockIsBounded(t *testing.T) {
	bomb := append([]byte{0x1f, 'a', 1, 0}, bytes.Repeat([]byte{255}, 100_000)...)
	if out, err := lz4Block(append(bomb, 0), 5000); err != nil || len(out) != 5000 {
		t.Errorf("got %d bytes, %v", len(out), err)
	}
	for _, src := range []string{"\x10", "\x10a\x05\x00", "\x10a\x00\x00", "\xf0\xff", "\x10a\x01"} {
		if _, err := lz4Block([]byte(src), 100); err == nil {
			t.Errorf("%q: no error", src)
		}
	}
}
