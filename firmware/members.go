package firmware

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	pathpkg "path"
	"strings"
)

// members looks into the files of a tree that are images or archives themselves, and maps each as a space of its own.
// In file systems only images of flash are looked into: compressed files are the device's own there.
func (b *builder) members(sp, id, depth int, t *tree, row Tree) error {
	if b.streamDepth(max(sp, 0)) >= b.lim.Depth {
		return nil
	}
	archive := map[Kind]bool{KindTar: true, "zip": true, "7z": true, "cpio": true, "iso9660": true, "fat": true, KindDir: true}[row.Kind]
	bundle := archive && row.Kind != KindDir && row.Entries <= maxBundle && !rootLike(t.root, 1)
	return fs.WalkDir(row.FS, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil
		}
		if err := b.stopped(); err != nil {
			if errors.Is(err, errTime) {
				return fs.SkipAll
			}
			return err
		}
		fi, err := d.Info()
		if err != nil || fi.Size() < 64 || len(b.im.Map) >= b.lim.Ranges {
			return nil
		}
		ext := strings.ToLower(pathpkg.Ext(path))
		if !archive && !imageNames[ext] || !b.promising(row.FS, path, archive) && !(bundle && programNames[ext]) {
			return nil
		}
		name := fmt.Sprintf("file %q in %s", path, row.Name)
		// What lies in the archive in one piece needs no copy.
		if at := fi.Sys().(*Attr).Offset; archive && at >= 0 && at+fi.Size() <= row.Size {
			r := io.NewSectionReader(b.im.Spaces[sp].r, row.Offset+at, fi.Size())
			return b.space(b.addSpace(name, r, fi.Size(), id), id, depth+1)
		}
		if fi.Size() > b.lim.Memory-b.held {
			b.unread(row.Space, row.Offset, fi.Size(), name, fail(Limit, "with what is held already it is more than %d bytes; look at it by itself, or raise Limits.Memory", b.lim.Memory))
			return nil
		}
		data, err := row.FS.ReadFile(path)
		if err != nil {
			b.unread(row.Space, row.Offset, fi.Size(), name, err)
			return nil
		}
		b.held += int64(len(data))
		s := b.addSpace(name, bytes.NewReader(data), int64(len(data)), id)
		return b.space(s, id, depth+1)
	})
}

// maxBundle is the number of entries up to which an archive is taken for a bundle of images with their descriptions. In
// such a one a program without a header is the firmware, and not one file among the device's own.
const maxBundle = 64

// programNames are the endings of programs and dumps in bundles, which need no header.
var programNames = map[string]bool{".bin": true, ".img": true, ".fw": true, ".rom": true, ".ota": true, ".dump": true, ".mcu": true}

// rootLike reports whether a folder, or one some levels below it, looks like a root file system.
func rootLike(n *node, levels int) bool {
	for _, name := range []string{"etc", "bin", "sbin", "usr", "lib"} {
		if kid := n.kids[name]; kid != nil && kid.kids != nil {
			return true
		}
	}
	for _, kid := range n.kids {
		if levels > 0 && kid.kids != nil && rootLike(kid, levels-1) {
			return true
		}
	}
	return false
}

// imageNames are the endings that images have in file systems. Looking into every file would unpack all of them.
var imageNames = map[string]bool{".bin": true, ".img": true, ".image": true, ".fw": true, ".rom": true, ".trx": true, ".itb": true, ".dtb": true,
	".sqsh": true, ".squashfs": true, ".sqfs": true, ".cramfs": true, ".jffs2": true, ".ubi": true, ".ubifs": true, ".ext2": true, ".ext4": true,
	".romfs": true, ".uimage": true, ".ota": true, ".hex": true, ".upd": true, ".pkg": true, ".chk": true, ".zip": true}

// promising reports whether a file starts as an image, or in an archive as a stream or archive, does.
func (b *builder) promising(f *FS, path string, archive bool) bool {
	file, err := f.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	var head [2048]byte
	n, err := io.ReadFull(file, head[:])
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false
	}
	for i := range formats {
		x := &formats[i]
		if x.stream && !archive || x.kind == "elf" || x.at >= int64(n) {
			continue
		}
		for _, m := range x.magic {
			if bytes.HasPrefix(head[x.at:n], []byte(m)) {
				return true
			}
		}
	}
	return false
}
