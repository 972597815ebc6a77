package firmware

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func packCpio(t testing.TB, dir, format string) []byte {
	t.Helper()
	cmd := exec.Command("sh", "-c", "find . -mindepth 1 | LC_ALL=C sort | "+tool(t, "cpio", "cpio")+" -o --quiet -H "+format)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestCpioOracle(t *testing.T) {
	dir := t.TempDir()
	randomTree(t, dir, 11)
	if err := os.Link(filepath.Join(dir, "file-4"), filepath.Join(dir, "hard")); err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"newc", "crc", "odc", "bin"} {
		t.Run(format, func(t *testing.T) {
			data := packCpio(t, dir, format)
			sameTree(t, oneTree(t, open(t, data)).FS, dir)
			im := open(t, gz(t, data))
			sameTree(t, oneTree(t, im).FS, dir)
			if im := open(t, data[:len(data)/2]); im.Trees[0].Complete || !has(im, Truncated, "cpio") {
				t.Errorf("a cut archive: unread %v", im.Unread)
			}
		})
	}
}

func makeJFFS2(t testing.TB, dir string, args ...string) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "x.jffs2")
	run(t, tool(t, "mkfs.jffs2", "mtd-utils"), append([]string{"-d", dir, "-o", file}, args...)...)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestJFFS2Oracle(t *testing.T) {
	dir := t.TempDir()
	randomTree(t, dir, 12)
	for name, args := range map[string][]string{
		"little": {"-l"}, "big": {"-b"}, "small-blocks": {"-l", "-e", "16KiB", "-n"}, "padded": {"-l", "-p", "-e", "128KiB"},
		"rtime": {"-b", "-x", "zlib", "-x", "lzo", "-X", "rtime"}, "lzo": {"-l", "-X", "lzo", "-x", "zlib", "-x", "rtime"}, "none": {"-l", "-m", "none"},
	} {
		t.Run(name, func(t *testing.T) {
			data := makeJFFS2(t, dir, args...)
			sameTree(t, oneTree(t, open(t, append(bytes.Repeat([]byte{0xff}, 64<<10), data...))).FS, dir)
		})
	}
}

func TestJFFS2CutSaysSo(t *testing.T) {
	dir := t.TempDir()
	randomTree(t, dir, 13)
	data := makeJFFS2(t, dir, "-l")
	for data[len(data)-1] == 0xff {
		data = data[:len(data)-1]
	}
	for _, n := range []int{len(data) / 3, len(data) - 1002} { // inside a node: a log cut between two cannot be told from a whole one
		im := open(t, data[:n])
		if len(im.Unread) == 0 {
			t.Errorf("cut to %d of %d: nothing unread", n, len(data))
		}
	}
	small := seeds(t)["jffs2-be"]
	for at := 0; at < len(small); at += len(small) / 300 {
		bad := bytes.Clone(small)
		bad[at] ^= 0x10
		im := open(t, bad)
		for _, tr := range im.Trees {
			readAll(tr.FS)
		}
	}
}
