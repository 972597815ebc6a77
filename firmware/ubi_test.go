package firmware

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func makeUBIFS(t testing.TB, dir, comp string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "x.ubifs")
	run(t, tool(t, "mkfs.ubifs", "mtd-utils"), "-r", dir, "-m", "2048", "-e", "126976", "-c", "200", "-x", comp, "-o", file)
	return file
}

func TestUBIFSOracle(t *testing.T) {
	dir := t.TempDir()
	randomTree(t, dir, 31)
	for _, comp := range []string{"none", "lzo", "zlib", "zstd"} {
		t.Run(comp, func(t *testing.T) {
			im := openPath(t, makeUBIFS(t, dir, comp))
			sameTree(t, oneTree(t, im).FS, dir)
		})
	}
}

func makeUBI(t testing.TB, dir string) []byte {
	t.Helper()
	work := t.TempDir()
	cfg := fmt.Sprintf("[root]\nmode=ubi\nimage=%s\nvol_id=0\nvol_type=dynamic\nvol_name=rootfs\nvol_size=20MiB\n[conf]\nmode=ubi\nimage=%s\nvol_id=3\nvol_type=static\nvol_name=conf\n",
		makeUBIFS(t, dir, "zlib"), filepath.Join(work, "text"))
	for name, data := range map[string]string{"cfg": cfg, "text": strings.Repeat("admin_password=1234\n", 10_000)} {
		if err := os.WriteFile(filepath.Join(work, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(work, "x.ubi")
	run(t, tool(t, "ubinize", "mtd-utils"), "-p", "128KiB", "-m", "2048", "-o", out, filepath.Join(work, "cfg"))
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestUBIOracle(t *testing.T) {
	dir := t.TempDir()
	randomTree(t, dir, 32)
	data := makeUBI(t, dir)
	im := open(t, append(append(bytes.Repeat([]byte{0}, 1<<17), data...), bytes.Repeat([]byte{0xff}, 1<<18)...))
	sameTree(t, oneTree(t, im).FS, dir)
	found := false
	for _, s := range im.Spaces {
		if strings.Contains(s.Name, `"conf"`) {
			found = true
			if s.Size != 200_000 {
				t.Errorf("static volume: got %d bytes, want 200000", s.Size)
			}
		}
	}
	if !found {
		t.Errorf("no volume conf in %+v", im.Spaces)
	}
	// Blocks in another order are the same volume.
	const peb = 128 << 10
	n := len(data) / peb
	mixed := bytes.Clone(data[:2*peb])
	for i := n - 1; i >= 2; i-- {
		mixed = append(mixed, data[i*peb:(i+1)*peb]...)
	}
	sameTree(t, oneTree(t, open(t, mixed)).FS, dir)
	if im := open(t, data[:len(data)/2]); len(im.Unread) == 0 {
		t.Error("a cut image has nothing unread")
	}
	small := seeds(t)["ubi"]
	for at := 0; at < len(small); at += len(small) / 300 {
		bad := bytes.Clone(small)
		bad[at] ^= 0x40
		for _, tr := range open(t, bad).Trees {
			readAll(tr.FS)
		}
	}
}

func TestFITOracle(t *testing.T) {
	work := t.TempDir()
	its := `/dts-v1/; / { description = "test image"; #address-cells = <1>;
 images { kernel-1 { description = "k"; data = /incbin/("text"); type = "kernel"; arch = "arm"; os = "linux"; compression = "gzip"; load = <0x8000>; entry = <0x8000>; hash-1 { algo = "sha256"; }; }; };
 configurations { default = "conf-1"; conf-1 { kernel = "kernel-1"; }; }; };`
	for name, data := range map[string][]byte{"x.its": []byte(its), "text": gz(t, bytes.Repeat([]byte("Linux version 4.9.118 (builder)\n\x00\x01"), 40))} {
		if err := os.WriteFile(filepath.Join(work, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tool(t, "dtc", "device-tree-compiler")
	mk := tool(t, "mkimage", "u-boot-tools")
	for name, args := range map[string][]string{"inside": nil, "outside": {"-E"}} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(work, name)
			run(t, mk, append(args, "-f", filepath.Join(work, "x.its"), out)...)
			im := openPath(t, out)
			want := []string{"fit@0x0 test image FIT, 1 images, 1 configurations, 0 signatures", "fit-image", "gzip", "linux@0x0 Linux version 4.9.118 (builder)"}
			realCase{ranges: want}.check(t, im)
		})
	}
}

func TestUImageOracle(t *testing.T) {
	work := t.TempDir()
	part := filepath.Join(work, "part")
	if err := os.WriteFile(part, gz(t, bytes.Repeat([]byte("some text of a kernel\n"), 900)), 0o600); err != nil {
		t.Fatal(err)
	}
	mk := tool(t, "mkimage", "u-boot-tools")
	out := filepath.Join(work, "x.uimage")
	run(t, mk, "-A", "mips", "-O", "linux", "-T", "multi", "-C", "gzip", "-n", "two parts", "-d", part+":"+part, out)
	realCase{ranges: []string{"uimage@0x0 two parts MIPS Linux multi-file, gzip", "part@", "gzip@", "text@0x0", "part@", "gzip@"}}.check(t, openPath(t, out))
}
