package firmware

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func make7z(t testing.TB, dir string, args ...string) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "x.7z")
	cmd := exec.Command(tool(t, "7z", "p7zip-full"), append(append([]string{"a", "-bd", "-y", "-snl", "-mx=3"}, args...), file, ".")...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("7z %v: %v\n%s", args, err, out)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func Test7zOracle(t *testing.T) {
	dir := t.TempDir()
	randomTree(t, dir, 81)
	packable(t, dir)
	elf, err := os.ReadFile("/proc/self/exe") // what the filters for programs act on
	if err != nil {
		t.Skip("no program to pack at /proc/self/exe")
	}
	if err := os.WriteFile(filepath.Join(dir, "program"), elf[:min(len(elf), 1<<20)], 0o755); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"default":  nil,
		"lzma":     {"-m0=lzma"},
		"notsolid": {"-ms=off"},
		"plainhdr": {"-mhc=off"},
		"copy":     {"-m0=copy"},
		"deflate":  {"-m0=deflate"},
		"bzip2":    {"-m0=bzip2"},
		"bcj":      {"-m0=bcj", "-m1=lzma2"},
		"bcj-lzma": {"-m0=bcj", "-m1=lzma"},
		"arm":      {"-m0=arm", "-m1=lzma2"},
		"delta":    {"-m0=delta:4", "-m1=lzma"},
	} {
		t.Run(name, func(t *testing.T) {
			im := open(t, make7z(t, dir, args...))
			if len(im.Unread) != 0 {
				t.Errorf("unread: %v", im.Unread)
			}
			sameTree(t, oneTree(t, im).FS, dir)
		})
	}
	for name, c := range map[string]struct {
		args   []string
		reason Reason
	}{
		"ppmd":       {[]string{"-m0=ppmd"}, Unsupported},
		"bcj2":       {[]string{"-m0=bcj2", "-m1=lzma", "-m2=lzma", "-m3=lzma", "-mb0:1", "-mb0s1:2", "-mb0s2:3"}, Unsupported},
		"password":   {[]string{"-psecret"}, Encrypted},
		"headersToo": {[]string{"-psecret", "-mhe=on"}, Encrypted},
	} {
		t.Run(name, func(t *testing.T) {
			im := open(t, make7z(t, dir, c.args...))
			if im.Trees[0].Complete || !has(im, c.reason, "") {
				t.Errorf("unread: %v", im.Unread)
			}
		})
	}
}

func Test7zDamaged(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a"), bytes.Repeat([]byte("password "), 9000), 0o600); err != nil {
		t.Fatal(err)
	}
	data := make7z(t, dir)
	if im := open(t, data[:len(data)-10]); im.Trees[0].Complete || !has(im, Truncated, "directory is at the end") {
		t.Errorf("cut: unread %v", im.Unread)
	}
	bad := bytes.Clone(data)
	bad[60] ^= 1
	if got, err := open(t, bad).Trees[0].FS.ReadFile("a"); err == nil {
		t.Errorf("changed: %d bytes are read without complaint", len(got))
	}
	bad = bytes.Clone(data)
	bad[len(bad)-5] ^= 1
	if im := open(t, bad); im.Trees[0].Complete || !has(im, Corrupt, "directory") {
		t.Errorf("changed directory: unread %v", im.Unread)
	}
	im, err := Open(t.Context(), bytes.NewReader(data), int64(len(data)), Limits{Memory: 4096})
	if err != nil || !has(im, Limit, "Limits.Memory") {
		t.Errorf("memory: %v %v", im.Unread, err)
	}
}
