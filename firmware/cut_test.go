package firmware

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
)

// whole describes everything in the trees of an image, or says that some of it cannot be read.
func whole(im *Image) (string, bool) {
	var s strings.Builder
	ok := true
	for _, tr := range im.Trees {
		ok = ok && tr.Complete
		err := fs.WalkDir(tr.FS, ".", func(p string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := tr.FS.Lstat(p)
			if err != nil {
				return err
			}
			fmt.Fprintf(&s, "%s %v", p, info.Mode())
			if info.Mode().IsRegular() {
				data, err := tr.FS.ReadFile(p)
				if err != nil {
					return err
				}
				fmt.Fprintf(&s, " %x", sum(data))
			}
			if info.Mode()&fs.ModeSymlink != 0 {
				target, err := tr.FS.ReadLink(p)
				if err != nil {
					return err
				}
				s.WriteString(" " + target)
			}
			s.WriteByte('\n')
			return nil
		})
		ok = ok && err == nil
	}
	return s.String(), ok
}

// TestCutAnywhere cuts every seed at many places: what is left either says that something is missing or shows the same
// files as the whole. A part that looks whole is the worst that a reader can do.
func TestCutAnywhere(t *testing.T) {
	for name, data := range seeds(t) {
		if name == "hex" || name == "srec" {
			continue // cut in their first record they are text like any other; TestHexFormats cuts them later
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, ok := whole(open(t, data))
			if !ok {
				t.Fatal("the whole seed cannot be read")
			}
			steps := 60
			if testing.Short() {
				steps = 12
			}
			for i := 1; i < steps; i++ {
				n := len(data) * i / steps
				im := open(t, data[:n])
				got, ok := whole(im)
				if !ok || len(im.Unread) > 0 || got == want && len(im.Trees) > 0 {
					continue
				}
				if blankBytes(data[n:]) {
					continue // only padding is gone
				}
				// A log has no end mark: it may be cut between two nodes, or in the padding of a block.
				if strings.HasPrefix(name, "jffs2") {
					continue
				}
				t.Errorf("cut to %d of %d bytes: nothing is said to be missing, in %s\ngot\n%s", n, len(data), describe(im), got)
			}
		})
	}
}

// Whatever is cut inside its first header is said to be unread: nothing of it may pass for an image with nothing in it.
func TestCutInFirstHeader(t *testing.T) {
	for name, data := range seeds(t) {
		if name == "hex" || name == "srec" {
			continue // lines of text, each whole by itself
		}
		for _, n := range []int{1, 3, 6, 8, 14, 24, 40, 70, 100, 200, 400} {
			if n >= len(data) {
				continue
			}
			if im := open(t, data[:n]); len(im.Unread) == 0 {
				t.Errorf("%s, %d bytes: nothing is said to be unread:\n%s", name, n, describe(im))
			}
		}
	}
	for name, n := range map[string]int{"cpio": 60, "cpio-odc": 40, "zip": 24, "squashfs-xz": 80, "cramfs-le": 40, "romfs": 12, "uimage": 40, "7z-lzma2": 20} {
		im := open(t, seeds(t)[name][:n])
		kind, _, _ := strings.Cut(name, "-")
		if !has(im, Truncated, "starts as "+kind) {
			t.Errorf("%s: unread %v", name, im.Unread)
		}
	}
}

func TestShortInputs(t *testing.T) {
	for name, c := range map[string]struct {
		data string
		want bool // said to be unread
	}{
		"script":   {"#!/bin/sh\ntelnetd &\n", false},
		"name":     {"etc/passwd", true},
		"tar-head": {"etc/passwd" + strings.Repeat("\x00", 90) + "0000644", true},
		"bytes":    {"\x01\x02\x03", true},
	} {
		if got := len(open(t, []byte(c.data)).Unread) > 0; got != c.want {
			t.Errorf("%s: unread %t, want %t", name, got, c.want)
		}
	}
}

func TestCortexM(t *testing.T) {
	made := func(change func(words []uint32)) []byte {
		words := []uint32{0x20008000, 0x080001c1, 0x08000201, 0x08000203, 0x08000205, 0x08000207, 0x08000209, 0, 0, 0, 0, 0x0800020b, 0x0800020d, 0, 0x0800020f, 0x08000211}
		change(words)
		out := make([]byte, 64)
		put32(out, le, 0, words...)
		for i := range 5000 {
			out = append(out, byte(i*i>>2)&0x77)
		}
		return out
	}
	for name, c := range map[string]struct {
		change func(words []uint32)
		want   bool
	}{
		"whole":        {func([]uint32) {}, true},
		"even-handler": {func(w []uint32) { w[3]++ }, false},
		"stack":        {func(w []uint32) { w[0] = 0x08000000 }, false},
		"reserved":     {func(w []uint32) { w[9] = 7 }, false},
		"far-handler":  {func(w []uint32) { w[2] = 0x18000201 }, false},
	} {
		im := open(t, made(c.change))
		if got := im.Map[0].Kind == "cortex-m"; got != c.want || got == has(im, Unknown, "") {
			t.Errorf("%s: got %s, unread %v", name, describe(im), im.Unread)
		}
	}
}
