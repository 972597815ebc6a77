package firmware

import (
	"bytes"
	"encoding/binary"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func squashed(t testing.TB, dir string, args ...string) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "root.squashfs")
	run(t, tool(t, "mksquashfs", "squashfs-tools"), append([]string{dir, file, "-noappend", "-no-progress", "-quiet"}, args...)...)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestSquashfsOracle(t *testing.T) {
	dir := t.TempDir()
	randomTree(t, dir, 1)
	for name, args := range map[string][]string{
		"gzip":       {"-comp", "gzip"},
		"xz":         {"-comp", "xz"},
		"xz-arm":     {"-comp", "xz", "-Xbcj", "arm", "-b", "1M"},
		"zstd":       {"-comp", "zstd"},
		"lz4":        {"-comp", "lz4", "-Xhc"},
		"lzo":        {"-comp", "lzo"},
		"lzma":       {"-comp", "lzma", "-b", "64K"},
		"small":      {"-comp", "gzip", "-b", "4096"},
		"unpacked":   {"-noI", "-noD", "-noF", "-noX", "-noId"},
		"fragments":  {"-always-use-fragments"},
		"nofragment": {"-no-fragments", "-no-xattrs", "-no-exports"},
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name == "xz-arm" {
				t.Skip("packing it takes seconds")
			}
			t.Parallel()
			im := open(t, squashed(t, dir, args...))
			sameTree(t, oneTree(t, im).FS, dir)
			if len(im.Unread) != 0 {
				t.Errorf("unread: %v", im.Unread)
			}
		})
	}
}

func TestSquashfsDevicesAndOwners(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "su"), []byte("x"), 0o755); err != nil {
		t.Fatal(err)
	}
	data := squashed(t, dir, "-p", "dev d 755 0 0", "-p", "dev/console c 600 0 7 5 1", "-p", "dev/mtdblock0 b 640 3 0 31 300", "-p", "su m 4755 12 34")
	tr := oneTree(t, open(t, data))
	for _, x := range []struct {
		name string
		mode fs.FileMode
		attr Attr
	}{
		{"dev/console", fs.ModeDevice | fs.ModeCharDevice | 0o600, Attr{GID: 7, Major: 5, Minor: 1}},
		{"dev/mtdblock0", fs.ModeDevice | 0o640, Attr{UID: 3, Major: 31, Minor: 300}},
		{"su", fs.ModeSetuid | 0o755, Attr{UID: 12, GID: 34}},
	} {
		info, err := tr.FS.Stat(x.name)
		if err != nil {
			t.Fatal(err)
		}
		a := *info.Sys().(*Attr)
		a.Inode, a.Offset = 0, 0
		if info.Mode() != x.mode || a != x.attr {
			t.Errorf("%s: got %v %+v, want %v %+v", x.name, info.Mode(), a, x.mode, x.attr)
		}
	}
}

func TestSquashfsInsideADump(t *testing.T) {
	dir := t.TempDir()
	randomTree(t, dir, 2)
	root := squashed(t, dir, "-comp", "xz")
	dump := append(bytes.Repeat([]byte{0xff}, 0x12345), root...)
	dump = append(dump, bytes.Repeat([]byte{0xff}, 5000)...)
	tr := oneTree(t, open(t, dump))
	if tr.Offset != 0x12345 {
		t.Errorf("offset: got 0x%x, want 0x12345", tr.Offset)
	}
	sameTree(t, tr.FS, dir)
}

// An image that is cut anywhere says so, or gives the same files as the whole one.
func TestSquashfsCutSaysSo(t *testing.T) {
	dir := t.TempDir()
	randomTree(t, dir, 3)
	whole := squashed(t, dir, "-comp", "gzip", "-noD", "-nopad")
	for _, n := range []int{100, 1000, len(whole) / 2, len(whole) - 100, len(whole) - 1} {
		im := open(t, whole[:n])
		if len(im.Trees) != 1 || im.Trees[0].Complete || !has(im, Truncated, "whole copy") {
			t.Errorf("cut to %d of %d: got trees %v, unread %v", n, len(whole), im.Trees, im.Unread)
		}
	}
}

func TestSquashfsFolderInsideItself(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "a", "b"), 0o755); err != nil {
		t.Fatal(err)
	}
	img := squashed(t, dir, "-noI", "-no-exports", "-no-xattrs")
	// Every folder entry is made to point at the root's inode.
	root := uint16(binary.LittleEndian.Uint64(img[32:]))
	at := binary.LittleEndian.Uint64(img[72:]) + 2
	for i := at; i+20 < uint64(len(img)); i++ {
		if img[i+6] == 0 && img[i+7] == 0 && (img[i+8] == 'a' || img[i+8] == 'b') && img[i+4] == 1 {
			binary.LittleEndian.PutUint16(img[i:], root)
		}
	}
	im := open(t, img)
	if !has(im, Refused, "contains itself") {
		t.Errorf("unread: got %v, want a folder that contains itself", im.Unread)
	}
}

func TestSquashfsFlippedBitsNeverPanic(t *testing.T) {
	dir := t.TempDir()
	randomTree(t, dir, 4)
	img := squashed(t, dir, "-noI", "-comp", "lzo", "-no-fragments")
	head := len(img) - 30_000
	for i := range 250 {
		bad := bytes.Clone(img)
		at := i
		if i >= 96 {
			at = head + i*101%29_000
		}
		bad[at] ^= byte(1 << (i % 8))
		im := open(t, bad)
		for _, tr := range im.Trees {
			readAll(tr.FS)
		}
	}
}

// readAll reads every file of a tree, up to a bound.
func readAll(f fs.FS) {
	left := 60
	_ = fs.WalkDir(f, ".", func(p string, d fs.DirEntry, err error) error {
		if left--; left < 0 {
			return fs.SkipAll
		}
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil && info.Size() < 1<<18 {
				if _, err := fs.ReadFile(f, p); err != nil && strings.Contains(err.Error(), readerFailed) {
					panic(err)
				}
			}
		}
		return nil
	})
}
