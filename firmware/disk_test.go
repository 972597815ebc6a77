package firmware

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func makeFAT(t testing.TB, dir string, bits, size string) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "x.fat")
	run(t, tool(t, "mkfs.vfat", "dosfstools"), "-C", "-F", bits, "-n", "DATA", file, size)
	mcopy := tool(t, "mcopy", "mtools")
	list, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	run(t, mcopy, append(append([]string{"-s", "-i", file}, list...), "::")...)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// plainTree is a random tree of what FAT can hold: files and folders that all can read, write and run.
func plainTree(t testing.TB, seed uint64) string {
	t.Helper()
	dir := t.TempDir()
	randomTree(t, dir, seed)
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.Type()&fs.ModeSymlink != 0 {
			return os.Remove(p)
		}
		if err == nil && !d.IsDir() {
			return os.Chmod(p, 0o755)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestFATOracle(t *testing.T) {
	dir := plainTree(t, 51)
	for _, x := range []struct{ bits, size string }{{"12", "7000"}, {"16", "20000"}, {"32", "70000"}} {
		t.Run(x.bits, func(t *testing.T) {
			im := open(t, makeFAT(t, dir, x.bits, x.size))
			sameTree(t, oneTree(t, im).FS, dir)
		})
	}
}

func TestPartitionsOracle(t *testing.T) {
	dir := t.TempDir()
	randomTree(t, dir, 52)
	root := squashed(t, dir, "-comp", "gzip")
	for _, label := range []string{"msdos", "gpt"} {
		t.Run(label, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "disk")
			if err := os.WriteFile(file, make([]byte, 24<<20), 0o600); err != nil {
				t.Fatal(err)
			}
			run(t, tool(t, "parted", "parted"), "-s", file, "mklabel", label, "mkpart", "primary", "ext4", "1MiB", "8MiB", "mkpart", "primary", "ext4", "8MiB", "16MiB")
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			copy(data[8<<20:], root)
			im := open(t, data)
			tr := oneTree(t, im)
			if tr.Offset != 8<<20 {
				t.Errorf("offset: got 0x%x, want 0x800000", tr.Offset)
			}
			sameTree(t, tr.FS, dir)
			im = open(t, data[:15<<20])
			if !has(im, Truncated, "partition") && !has(im, Truncated, "primary") {
				t.Errorf("cut: unread %v", im.Unread)
			}
		})
	}
}

func TestSparseOracle(t *testing.T) {
	dir := t.TempDir()
	randomTree(t, dir, 53)
	work := t.TempDir()
	raw, out := filepath.Join(work, "raw"), filepath.Join(work, "sparse")
	if err := os.WriteFile(raw, makeExt(t, dir, "-t", "ext4"), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, tool(t, "img2simg", "android-sdk-libsparse-utils"), raw, out)
	im := openPath(t, out)
	if im.Map[0].Kind != "android-sparse" {
		t.Fatalf("got %s", im.Map[0].Kind)
	}
	sameTree(t, oneTree(t, im).FS, dir)
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if im := open(t, data[:len(data)/2]); !has(im, Truncated, "android-sparse") {
		t.Errorf("cut: unread %v", im.Unread)
	}
}

// A sparse image of petabytes takes no time and says why it is not read.
func TestSparseBomb(t *testing.T) {
	h := make([]byte, 28+1000*12)
	le.PutUint32(h, 0xed26ff3a)
	le.PutUint16(h[4:], 1)
	le.PutUint16(h[8:], 28)
	le.PutUint16(h[10:], 12)
	le.PutUint32(h[12:], 1<<20)
	le.PutUint32(h[20:], 1000)
	for o := 28; o < len(h); o += 12 {
		le.PutUint16(h[o:], 0xcac3)
		le.PutUint32(h[o+4:], 1<<31)
		le.PutUint32(h[o+8:], 12)
	}
	im := open(t, h)
	if !has(im, Limit, "Limits.Ratio") {
		t.Errorf("unread: got %v", im.Unread)
	}
}

func TestBootImageOracle(t *testing.T) {
	dir := t.TempDir()
	randomTree(t, dir, 54)
	work := t.TempDir()
	kernel, ramdisk, out := filepath.Join(work, "kernel"), filepath.Join(work, "ramdisk"), filepath.Join(work, "boot.img")
	if err := os.WriteFile(kernel, gz(t, bytes.Repeat([]byte("Linux version 4.4.22 (x)\n\x00\x01\x02"), 30)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(ramdisk, gz(t, packCpio(t, dir, "newc")), 0o600); err != nil {
		t.Fatal(err)
	}
	mk, err := exec.LookPath("mkbootimg")
	if err != nil {
		t.Skip("mkbootimg is not installed: apt-get install mkbootimg")
	}
	for _, version := range []string{"0", "2", "3"} {
		t.Run(version, func(t *testing.T) {
			args := []string{"--kernel", kernel, "--ramdisk", ramdisk, "--cmdline", "console=ttyS0", "--header_version", version, "-o", out}
			if version == "2" {
				args = append(args, "--dtb", kernel)
			}
			run(t, mk, args...)
			im := openPath(t, out)
			sameTree(t, oneTree(t, im).FS, dir)
			realCase{ranges: []string{"android-boot@0x0", "part@", "gzip@", "linux@0x0 Linux version 4.4.22", "part@", "gzip@", "cpio@"}, trees: []string{"cpio@0x0 " + itoa(im.Trees[0].Entries)}}.check(t, im)
		})
	}
}

func TestISOOracle(t *testing.T) {
	dir := t.TempDir()
	randomTree(t, dir, 55)
	mk := tool(t, "xorrisofs", "xorriso")
	for _, flag := range []string{"-R", "-r"} {
		t.Run(flag, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "x.iso")
			run(t, mk, "-quiet", flag, "-J", "-o", file, dir)
			im := openPath(t, file)
			tr := oneTree(t, im)
			if flag == "-R" {
				sameTree(t, tr.FS, dir)
			}
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if im := open(t, data[:len(data)/2]); im.Trees[0].Complete || !has(im, Truncated, "iso9660") {
				t.Errorf("cut: unread %v", im.Unread)
			}
		})
	}
}

func TestF2FSOracle(t *testing.T) {
	dir := t.TempDir()
	randomTree(t, dir, 56)
	mk, load := tool(t, "mkfs.f2fs", "f2fs-tools"), tool(t, "sload.f2fs", "f2fs-tools")
	for name, args := range map[string][]string{"plain": nil, "extra": {"-O", "extra_attr,inode_checksum"}} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "x.f2fs")
			if err := os.WriteFile(file, make([]byte, 64<<20), 0o600); err != nil {
				t.Fatal(err)
			}
			run(t, mk, append(args, "-q", file)...)
			run(t, load, "-f", dir, file)
			im := openPath(t, file)
			sameTree(t, oneTree(t, im).FS, dir)
		})
	}
}
