package firmware

import (
	"bytes"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// camera makes the dump of a usual camera: boot loader, TRX with a packed kernel and a squashfs root, environment.
func camera(t testing.TB, dir string) []byte {
	t.Helper()
	kernel := bytes.Repeat([]byte("Linux version 3.4.35 (builder) #1\n\x00\x01\x02\x03"), 3000)
	packed := filter(t, tool(t, "lzma", "xz-utils"), kernel, "-c")
	part, out := filepath.Join(t.TempDir(), "part"), filepath.Join(t.TempDir(), "kernel")
	if err := os.WriteFile(part, packed, 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, tool(t, "mkimage", "u-boot-tools"), "-A", "arm", "-O", "linux", "-T", "kernel", "-C", "lzma", "-n", "Linux-3.4.35", "-d", part, out)
	image, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	dump := bytes.Repeat([]byte("U-Boot 2010.06 (Oct 12 2015)\x00\x04\x05\x06"), 2000)
	pad := func(to int) { dump = append(dump, bytes.Repeat([]byte{0xff}, to-len(dump)%to)...) }
	pad(0x20000)
	env := make([]byte, 0x10000)
	copy(env[4:], "bootargs=console=ttyAMA0\x00bootcmd=sf probe; bootm\x00bootdelay=1\x00")
	le.PutUint32(env, crc32.ChecksumIEEE(env[4:]))
	dump = append(dump, env...)
	pad(0x20000)
	dump = append(dump, madeTRX(image, squashed(t, dir, "-comp", "xz"))...)
	pad(0x20000)
	return dump
}

func TestWholeCamera(t *testing.T) {
	dir := t.TempDir()
	randomTree(t, dir, 61)
	im := open(t, camera(t, dir))
	tr := oneTree(t, im)
	sameTree(t, tr.FS, dir)
	realCase{
		ranges: []string{"u-boot@0x0 U-Boot 2010.06", "padding@", "uboot-env@0x20000", "padding@", "trx@0x40000", "part@0x4001c part 0", "uimage@0x4001c Linux-3.4.35 ARM Linux kernel, lzma",
			"lzma@0x4005c", "linux@0x0 Linux version 3.4.35", "part@", "squashfs@"},
		trees: []string{Range{Kind: tr.Kind, Offset: tr.Offset}.place() + " " + itoa(tr.Entries)},
	}.check(t, im)
	if len(im.Unread) != 0 {
		t.Errorf("unread: %v", im.Unread)
	}
}

func BenchmarkScanRandom(b *testing.B) {
	data := make([]byte, 16<<20)
	x := uint64(88172645463325252)
	for i := 0; i < len(data); i += 8 {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		le.PutUint64(data[i:], x)
	}
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := Open(b.Context(), bytes.NewReader(data), int64(len(data)), Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReadSquashfs reads every file of an xz root; bytes are of output, to compare with unsquashfs.
func BenchmarkReadSquashfs(b *testing.B) {
	dir := b.TempDir()
	randomTree(b, dir, 62)
	data := squashed(b, dir, "-comp", "xz")
	var total int64
	for b.Loop() {
		im, err := Open(b.Context(), bytes.NewReader(data), int64(len(data)), Limits{})
		if err != nil {
			b.Fatal(err)
		}
		total = 0
		err = fs.WalkDir(im.Trees[0].FS, ".", func(p string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			f, err := im.Trees[0].FS.Open(p)
			if err != nil {
				return err
			}
			n, err := io.Copy(io.Discard, f)
			total += n
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(total)
}
