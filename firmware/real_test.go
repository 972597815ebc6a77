package firmware

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"testing"
)

// A realCase is a real image and what a correct reader finds in it.
type realCase struct {
	file   string
	ranges []string // kinds with offsets and words that the map must hold, in order: "squashfs@0x0 xz"
	trees  []string // kind@offset entries
	files  map[string]string
	unread []string // "reason words", each must be there; with none, nothing may be unread but data of unknown kind
}

var realCases = []realCase{
	{file: "cameras/neos_smartcam_4.15.2.45_rootfs.squashfs", trees: []string{"squashfs@0x0 405"},
		files: map[string]string{"etc/shadow": "root:", "etc/init.d/rcS": "telnetd", "bin/sh": "\x7fELF"}},
	{file: "cameras/neos_smartcam_4.15.2.45_driver.squashfs", trees: []string{"squashfs@0x0 11"}},
	{file: "cameras/digoo_rootfs.squashfs", trees: []string{"squashfs@0x0 440"}, files: map[string]string{"etc/passwd": "root:$1$", "etc/init.d/rcS": "telnetd"}},
	{file: "cameras/spycam_rootfs.squashfs", trees: []string{"squashfs@0x0 312"}, files: map[string]string{"etc/shadow": "root::", "etc/init.d/rcS": "telnetd"}},
	{file: "formats/gzip.sqfs", trees: []string{"squashfs@0x0 4"}},
	{file: "formats/xz.sqfs", trees: []string{"squashfs@0x0 4"}},
	{file: "formats/lz4.sqfs", trees: []string{"squashfs@0x0 4"}},
	{file: "formats/avm_be.sqfs4", trees: []string{"squashfs@0x0 4"}, files: map[string]string{"testfile1": "MyTestRule"}},
	{file: "formats/lzma1_be.sqfs3", trees: []string{"squashfs@0x0 4"}, files: map[string]string{"testfile1": "MyTestRule"}},
	{file: "formats/lzma1_le.sqfs3", trees: []string{"squashfs@0x0 4"}, files: map[string]string{"testfile1": "MyTestRule"}},
	{file: "formats/lzma_le.sqfs2", trees: []string{"squashfs@0x0 4"}, files: map[string]string{"testfile1": "MyTestRule"}},
	{file: "formats/zlib_be.sqfs3", trees: []string{"squashfs@0x0 4"}, files: map[string]string{"testfile1": "MyTestRule"}},
	{file: "routers/openwrt_like_2013_firmware.squashfs", trees: []string{"squashfs@0x0 1810"}, files: map[string]string{"bin/busybox": "\x7fELF"}},
	{file: "routers/dlink_dir615c_rootfs.tar.bz2", trees: []string{"tar@0x0 594"}, files: map[string]string{"squashfs-root/etc/shadow": "root:"}},
	{file: "formats/npm_pybricks-firmware-7.28.0.tgz", trees: []string{"tar@0x0 21", "zip@0x0 3", "zip@0x0 3", "zip@0x0 3", "zip@0x0 3", "zip@0x0 3", "zip@0x0 3", "zip@0x0 3"}, files: map[string]string{"package/package.json": "pybricks"}},
}

func TestRealImages(t *testing.T) {
	for _, c := range realCases {
		t.Run(strings.ReplaceAll(c.file, "/", "_"), func(t *testing.T) {
			im := openPath(t, realFile(t, c.file))
			c.check(t, im)
		})
	}
}

func (c realCase) check(t *testing.T, im *Image) {
	t.Helper()
	rest := im.Map
	for _, want := range c.ranges {
		for len(rest) > 0 && !strings.HasPrefix(rest[0].place()+" "+rest[0].Name+" "+rest[0].Detail, want) {
			rest = rest[1:]
		}
		if len(rest) == 0 {
			t.Errorf("map: no %q, or not in order, in %s", want, describe(im))
			break
		}
	}
	var trees []string
	for _, tr := range im.Trees {
		if !tr.Complete && len(c.unread) == 0 {
			t.Errorf("%s is not complete", tr.Name)
		}
		r := Range{Kind: tr.Kind, Offset: tr.Offset}
		trees = append(trees, r.place()+" "+itoa(tr.Entries))
		if tr.Complete {
			readable(t, tr)
		}
	}
	if got, want := strings.Join(trees, ", "), strings.Join(c.trees, ", "); got != want {
		t.Errorf("trees: got %s, want %s", got, want)
	}
	for name, want := range c.files {
		if !inTrees(im, name, want) {
			t.Errorf("%s: not found, or without %q", name, want)
		}
	}
	for _, want := range c.unread {
		reason, words, _ := strings.Cut(want, " ")
		if !has(im, Reason(reason), words) {
			t.Errorf("unread: no %q in %v", want, im.Unread)
		}
	}
	for _, u := range im.Unread {
		if len(c.unread) == 0 && u.Reason != Unknown {
			t.Errorf("unread: %v", u)
		}
	}
}

func inTrees(im *Image, name, want string) bool {
	for _, tr := range im.Trees {
		if data, err := tr.FS.ReadFile(name); err == nil && strings.Contains(string(data), want) {
			return true
		}
	}
	return false
}

// readable reads every file of a complete tree.
func readable(t *testing.T, tr Tree) {
	t.Helper()
	err := fs.WalkDir(tr.FS, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		_, err = fs.ReadFile(tr.FS, p)
		return err
	})
	if err != nil {
		t.Errorf("%s: %v", tr.Name, err)
	}
}

func (r Range) place() string { return fmt.Sprintf("%s@0x%x", r.Kind, r.Offset) }

func itoa(n int) string { return strconv.Itoa(n) }

// describe draws the map for a failed test.
func describe(im *Image) string {
	var s strings.Builder
	for i, r := range im.Map {
		if i == 50 {
			break
		}
		fmt.Fprintf(&s, "\n%s%s+0x%x %q %s", strings.Repeat("  ", r.Depth), r.place(), r.Size, r.Name, r.Detail)
	}
	return s.String()
}
