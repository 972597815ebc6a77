// Package firmware takes an image of a device's flash memory apart: into a map of byte ranges, and into the file trees
// found in it as fs.FS, without writing files, without mounts and without privilege.
//
// It says what is where and what could not be read. It draws no conclusion from what the files hold: accounts, keys,
// services and versions are for others to find in the trees and in the bytes of the map.
//
// Read as trees: squashfs 2 to 4, JFFS2, UBIFS, YAFFS2, cramfs, romfs, EROFS, ext2 to ext4, F2FS, FAT, exFAT, ISO 9660, tar, cpio, zip, 7-Zip,
// Xiaomi's HDR1 and plain folders. Unpacked: gzip, xz, lzma, bzip2, zstd, lz4, lzop, Intel HEX, S-records, UF2, Android sparse images, UBI
// volumes, Android updates and dynamic partitions. Taken apart: uImage, FIT, TRX, SEAMA, TP-Link, Netgear CHK, DrayTek, Dahua, Ubiquiti, MikroTik,
// Rockchip, Allwinner, Amlogic, Realtek, MediaTek and Android boot images, DfuSe, UEFI volumes, MBR, GPT,
// ESP images and partition tables, MCUboot, Gecko Bootloader, Zigbee and Matter updates, U-Boot environments, device trees, ELF.
// Recognised and named as unread: NTFS, littlefs, LUKS, and what is encrypted by its header or its statistics.
//
// Input is hostile. Sizes in headers are claims that are checked against what is there; work is bounded by [Limits];
// names are data; links are kept as links and never lead out of their tree. Whatever could not be read is in
// [Image.Unread] with place, reason and remedy: an image with Unread entries has not been seen whole, and nothing that
// depends on the missing part may be concluded from it.
package firmware

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Image is what an input was found to hold.
type Image struct {
	// Spaces are the byte spaces that ranges lie in: the input itself is Spaces[0], every decompressed stream is one more.
	Spaces []Space
	// Map holds every range in order of space, then depth-first by offset. Within a space the leaves cover every byte once.
	Map []Range
	// Trees are the file trees found, in the order of the map.
	Trees []Tree
	// Unread lists what could not be read. Empty means that everything was identified and read.
	Unread []Unread
}

// Space is one run of bytes: the input, or what a compressed stream in it unpacks to.
type Space struct {
	Name string // how it was reached, such as "input" or "gzip at 0x40"
	Size int64  // in bytes
	From int    // index in Map of the range it was unpacked from; -1 for the input

	r io.ReaderAt
}

// Range is one run of bytes in a space and what it is.
type Range struct {
	Space   int     // index in Image.Spaces
	Offset  int64   // from the start of the space
	Size    int64   // in bytes
	Kind    Kind    // what it is
	Name    string  // its own name where it has one, such as "Linux-3.10.14" in a uImage header; raw bytes made printable
	Detail  string  // what the header says, in words
	Parent  int     // index in Image.Map of the enclosing range, or of the range the space was unpacked from; -1 at the top
	Depth   int     // 0 at the top
	Leaf    bool    // no ranges inside it in the same space
	Entropy float64 // bits per byte, 0 to 8; of leaves only
}

// Kind says what a range or a tree is.
type Kind string

// The kinds that do not name a format. Formats are named by lower-case words such as "squashfs", "uimage", "gzip".
const (
	KindPadding Kind = "padding" // one byte repeated: erased or filled flash
	KindOpaque  Kind = "opaque"  // no structure and near the greatest entropy: encrypted, or compressed in an unknown way
	KindData    Kind = "data"    // not identified: code, tables or text without a known header
	KindText    Kind = "text"    // printable text
	KindHeader  Kind = "header"  // the header of the enclosing range
	KindDir     Kind = "dir"     // a folder given as it is
	KindTar     Kind = "tar"
)

// Tree is a file tree found in the image.
type Tree struct {
	Name     string // where it was found, such as "squashfs at 0x40000" or "tar in gzip at 0x0"
	Space    int    // index in Image.Spaces; -1 for a folder
	Offset   int64  // from the start of the space
	Size     int64  // in bytes
	Kind     Kind
	Detail   string // what the superblock says, in words
	Range    int    // index in Image.Map; -1 for a folder
	Complete bool   // false when an Unread entry concerns this tree
	Entries  int    // files, folders, links and devices
	FS       *FS
}

// Reason says why something could not be read.
type Reason string

// The reasons.
const (
	Truncated   Reason = "truncated"   // the input ends before what its header announces
	Corrupt     Reason = "corrupt"     // contents contradict themselves or fail their checksum
	Encrypted   Reason = "encrypted"   // encrypted or obfuscated, by its header or by its statistics
	Unsupported Reason = "unsupported" // recognised, but this variant cannot be read
	Unknown     Reason = "unknown"     // not recognised as anything
	Limit       Reason = "limit"       // reading it would pass a limit
	Refused     Reason = "refused"     // a name that climbs out of its tree, a folder inside itself
)

// Unread is a part of the image that was not read, and why.
type Unread struct {
	Space  int   // index in Image.Spaces; -1 for a folder
	Offset int64 // from the start of the space
	Size   int64 // in bytes; 0 when not known
	What   string
	Reason Reason
	Why    string // one line that ends in the remedy
}

func (u Unread) String() string {
	return fmt.Sprintf("%s at 0x%x: %s: %s", u.What, u.Offset, u.Reason, u.Why)
}

// Section returns the bytes of the range Map[i].
func (im *Image) Section(i int) *io.SectionReader {
	r := im.Map[i]
	return io.NewSectionReader(im.Spaces[r.Space].r, r.Offset, r.Size)
}

// Bytes returns the bytes of the space Spaces[i].
func (im *Image) Bytes(i int) *io.SectionReader {
	return io.NewSectionReader(im.Spaces[i].r, 0, im.Spaces[i].Size)
}

// Open takes apart the size bytes of r. The reader must stay usable as long as the image is.
//
// An error means that nothing could be looked at (unreadable input, cancelled context); everything else that goes wrong is in Unread.
func Open(ctx context.Context, r io.ReaderAt, size int64, lim Limits) (*Image, error) {
	if size < 0 {
		return nil, fmt.Errorf("firmware: size %d is negative", size)
	}
	lim = lim.orDefaults()
	ctx, cancel := context.WithTimeoutCause(ctx, lim.Time, errTime)
	defer cancel()
	b := &builder{ctx: ctx, lim: lim, im: &Image{}}
	b.addSpace("input", r, size, -1)
	if err := b.space(0, -1, 0); err != nil {
		return nil, fmt.Errorf("firmware: %w", err)
	}
	if err := b.stopped(); err != nil && !errors.Is(err, errTime) {
		return nil, fmt.Errorf("firmware: %w", err)
	}
	if b.readErr != nil {
		return nil, fmt.Errorf("firmware: read input: %w", b.readErr)
	}
	b.nothing()
	return b.im, nil
}

// nothing says so when an image holds no more than padding, or is too short to be anything: that must not pass for an
// image with nothing to find.
func (b *builder) nothing() {
	const least = 512 // the header of a tar, the smallest thing that is whole and has no mark at its start
	size, padding, text := b.im.Spaces[0].Size, true, true
	for _, r := range b.im.Map {
		padding = padding && r.Kind == KindPadding
		text = text && r.Kind == KindText
		if r.Kind != KindPadding && r.Kind != KindText && r.Kind != KindData {
			return
		}
	}
	switch {
	case padding:
		b.unread(0, 0, size, "the image", fail(Unknown, "it is empty or holds one byte repeated; get a whole copy of it"))
	case size < least && len(b.im.Unread) == 0 && !(text && b.lines(size)):
		b.unread(0, 0, size, "the image", fail(Unknown, "it is shorter than any image is; get a whole copy of it"))
	}
}

// lines reports whether the input, which is short, is a text of several lines: a script or a settings file by itself.
func (b *builder) lines(size int64) bool {
	text := make([]byte, size)
	n, _ := b.im.Spaces[0].r.ReadAt(text, 0)
	return bytes.IndexByte(text[:n], '\n') >= 0
}

// OpenFile takes apart a file, or takes a folder as it is. The closer releases the file; the image is of no use after.
func OpenFile(ctx context.Context, path string, lim Limits) (*Image, io.Closer, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if info.IsDir() {
		root, err := os.OpenRoot(path)
		if err != nil {
			return nil, nil, err
		}
		im, err := OpenFS(ctx, root.FS(), lim)
		if err != nil {
			return nil, nil, errors.Join(err, root.Close())
		}
		return im, root, nil
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("firmware: %s is neither a file nor a folder; copy it to a file first", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	im, err := Open(ctx, f, info.Size(), lim)
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return im, f, nil
}

// OpenFS takes a folder as it is: one tree of kind "dir" and no map. Links that leave the folder on the machine it lies on
// are resolved inside it, as on the device. Images among its files are not taken apart: open them one by one. The fs.FS
// must stay usable as long as the image is.
func OpenFS(ctx context.Context, fsys fs.FS, lim Limits) (*Image, error) {
	lim = lim.orDefaults()
	ctx, cancel := context.WithTimeoutCause(ctx, lim.Time, errTime)
	defer cancel()
	b := &builder{ctx: ctx, lim: lim, im: &Image{}}
	t, err := b.folder(fsys)
	if err != nil {
		return nil, fmt.Errorf("firmware: %w", err)
	}
	b.addTree(t, Tree{Name: "folder", Space: -1, Kind: KindDir, Range: -1})
	return b.im, nil
}
