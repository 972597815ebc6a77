package firmware

import (
	"archive/zip"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestCramfsOracle(t *testing.T) {
	dir := t.TempDir()
	randomTree(t, dir, 41)
	mk := tool(t, "mkfs.cramfs", "util-linux-extra")
	for _, order := range []string{"little", "big"} {
		t.Run(order, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "x")
			run(t, mk, "-N", order, dir, file)
			im := openPath(t, file)
			sameTree(t, oneTree(t, im).FS, dir)
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if im := open(t, data[:len(data)/2]); im.Trees[0].Complete || !has(im, Truncated, "cramfs") {
				t.Errorf("cut: unread %v", im.Unread)
			}
			data[len(data)/2] ^= 1
			if im := open(t, data); !has(im, Corrupt, "checksum") {
				t.Errorf("damaged: unread %v", im.Unread)
			}
		})
	}
}

func TestRomfsOracle(t *testing.T) {
	dir := t.TempDir()
	randomTree(t, dir, 42)
	// Romfs keeps no permissions but whether a file can be run.
	if out, err := exec.Command("chmod", "-R", "u=rwX,go=rX", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	file := filepath.Join(t.TempDir(), "x")
	run(t, tool(t, "genromfs", "genromfs"), "-d", dir, "-f", file, "-V", "config")
	im := openPath(t, file)
	sameTree(t, oneTree(t, im).FS, dir)
	if im.Map[0].Name != "config" || !strings.Contains(im.Map[0].Detail, "checksum right") {
		t.Errorf("got %+v", im.Map[0])
	}
}

func TestZipOracle(t *testing.T) {
	dir := t.TempDir()
	randomTree(t, dir, 43)
	file := filepath.Join(t.TempDir(), "x.zip")
	cmd := exec.Command(tool(t, "zip", "zip"), "-q", "-r", "-y", file, ".")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	im := openPath(t, file)
	sameTree(t, oneTree(t, im).FS, dir)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	im = open(t, append(bytes.Clone(data), bytes.Repeat([]byte{0xff}, 500)...))
	if got, want := im.Map[0].Size, int64(len(data)); got != want {
		t.Errorf("size: got %d, want %d", got, want)
	}
	if im := open(t, data[:len(data)-30]); im.Trees[0].Complete || !has(im, Truncated, "zip") {
		t.Errorf("cut: unread %v", im.Unread)
	}
}

// An image inside an archive inside an archive is found.
func TestMembers(t *testing.T) {
	dir := t.TempDir()
	randomTree(t, dir, 44)
	root := squashed(t, dir, "-comp", "zstd")
	for range 2 {
		var buf bytes.Buffer
		w := zip.NewWriter(&buf)
		f, err := w.Create("update/root.img")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(root); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		root = buf.Bytes()
	}
	im := open(t, root)
	if len(im.Trees) != 3 {
		t.Fatalf("got %d trees, want 3", len(im.Trees))
	}
	if want := `squashfs at 0x0 in file "update/root.img" in zip at 0x0 in file "update/root.img" in zip at 0x0`; im.Trees[2].Name != want {
		t.Errorf("got %s, want %s", im.Trees[2].Name, want)
	}
	sameTree(t, im.Trees[2].FS, dir)
}

func TestHexFormats(t *testing.T) {
	plain := bytes.Repeat([]byte("const char *adminPass = \"1234\";\n"), 50)
	file := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(file, plain, 0o600); err != nil {
		t.Fatal(err)
	}
	srec := tool(t, "srec_cat", "srecord")
	for _, x := range []struct{ name, kind string }{{"-Intel", "intel-hex"}, {"-Motorola", "s-record"}} {
		t.Run(x.kind, func(t *testing.T) {
			out := file + x.kind
			run(t, srec, file, "-Binary", "-offset", "0x8010000", "-o", out, x.name)
			im := openPath(t, out)
			if im.Map[0].Kind != Kind(x.kind) || len(im.Spaces) != 2 || im.Spaces[1].Size != int64(len(plain)) {
				t.Fatalf("got %+v", im.Map)
			}
			got := make([]byte, len(plain))
			if _, err := im.Bytes(1).ReadAt(got, 0); err != nil || !bytes.Equal(got, plain) {
				t.Errorf("contents differ: %v", err)
			}
			if want := "memory from 0x8010000"; !strings.HasPrefix(im.Spaces[1].Name, want) {
				t.Errorf("got %s, want %s", im.Spaces[1].Name, want)
			}
			data, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			if im := open(t, data[:len(data)/2]); len(im.Unread) == 0 {
				t.Error("a cut file has nothing unread")
			}
		})
	}
}
