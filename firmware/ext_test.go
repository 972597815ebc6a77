package firmware

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func makeExt(t testing.TB, dir string, args ...string) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "x.ext")
	run(t, tool(t, "mkfs.ext4", "e2fsprogs"), append(append([]string{"-q", "-d", dir}, args...), file, "16M")...)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestExtOracle(t *testing.T) {
	dir := t.TempDir()
	randomTree(t, dir, 21)
	if err := os.Symlink("/"+string(bytes.Repeat([]byte("long/"), 30)), filepath.Join(dir, "longlink")); err != nil {
		t.Fatal(err)
	}
	sparse, err := os.Create(filepath.Join(dir, "sparse"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sparse.WriteAt([]byte("end"), 3<<20); err != nil {
		t.Fatal(err)
	}
	sparse.Close()
	for name, args := range map[string][]string{
		"ext2":    {"-t", "ext2", "-b", "1024"},
		"ext3":    {"-t", "ext3"},
		"ext4":    {"-t", "ext4", "-b", "4096"},
		"64bit":   {"-t", "ext4", "-O", "64bit,metadata_csum", "-b", "1024"},
		"inline":  {"-t", "ext4", "-O", "inline_data", "-I", "256"},
		"meta_bg": {"-t", "ext4", "-O", "meta_bg,^resize_inode", "-b", "1024"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			im := open(t, makeExt(t, dir, args...))
			tr := oneTree(t, im)
			sameTree(t, tr.FS, dir)
		})
	}
}

func TestExtCutAndDamaged(t *testing.T) {
	dir := t.TempDir()
	randomTree(t, dir, 22)
	data := makeExt(t, dir, "-t", "ext4")
	if im := open(t, data[:3<<20]); im.Trees[0].Complete || !has(im, Truncated, "ext4") {
		t.Errorf("cut: unread %v", im.Unread)
	}
	small := seeds(t)["ext4"]
	for at := 1024; at < 100_000; at += 499 {
		bad := bytes.Clone(small)
		bad[at] ^= 0xff
		for _, tr := range open(t, bad).Trees {
			readAll(tr.FS)
		}
	}
}
