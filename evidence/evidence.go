// Package evidence holds the bytes that a product is judged by: the items of a
// dossier's evidence folder, each with its kind, name, size and SHA-256.
//
// The sub-folder says the kind: evidence/firmware, evidence/passwords and so on.
// A file directly in it is one item. A folder directly in it, such as an
// unpacked root file system, is one item too. Names that begin with a dot are
// no items.
//
// Digests are computed anew each time, so that they cannot lie. Everything is
// read beneath one os.Root: a link that leads out of the folder is refused, never
// followed. The package does not say what the evidence means, and never changes it.
package evidence

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/assay-psti/assay"
)

// Kind is what sort of evidence an item is; it is also its folder's name.
type Kind string

// The kinds.
const (
	Firmware  Kind = "firmware"  // images of what runs in the product, or an unpacked root file system
	Passwords Kind = "passwords" // batches of passwords as set in the factory
	Captures  Kind = "captures"  // recorded network traffic
	Pages     Kind = "pages"     // public web pages as fetched
	Documents Kind = "documents" // manuals, statements, test reports
	Device    Kind = "device"    // records made at the bench with a unit of the product
)

// Kinds are all kinds in the order in which people meet them.
func Kinds() []Kind { return []Kind{Firmware, Passwords, Captures, Pages, Documents, Device} }

// Item is one piece of evidence.
type Item struct {
	Kind   Kind         `json:"kind"`
	Name   string       `json:"name"` // slash path below the evidence folder: "firmware/rootfs.squashfs"
	Digest assay.Digest `json:"digest"`
	Size   int64        `json:"size"` // bytes; of a folder, of all its files together
	Folder bool         `json:"folder,omitempty"`

	modified time.Time // of a file when it was hashed
}

// Base is the item's name without its folder.
func (i *Item) Base() string { return path.Base(i.Name) }

// Reference points at a place in the item.
func (i *Item) Reference(place string) assay.Reference {
	return assay.Reference{Digest: i.Digest, Name: i.Name, Place: place}
}

// Limits bound what is taken in. A zero field means the default.
type Limits struct {
	Items   int   // in all; default 10,000
	Entries int   // files, folders and links in all folders together; default 1,000,000
	Depth   int   // of folders within a folder; default 64
	Bytes   int64 // in all; default 1 TiB
}

func (l Limits) orDefaults() Limits {
	if l.Items == 0 {
		l.Items = 10_000
	}
	if l.Entries == 0 {
		l.Entries = 1_000_000
	}
	if l.Depth == 0 {
		l.Depth = 64
	}
	if l.Bytes == 0 {
		l.Bytes = 1 << 40
	}
	return l
}

// Folder is an evidence folder that has been listed and hashed. It stays open
// until Close.
type Folder struct {
	root  *os.Root
	items []Item // by name
}

// Open lists and hashes the evidence folder at dir. A folder that does not exist
// is an empty one.
func Open(ctx context.Context, dir string, limits Limits) (*Folder, error) {
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return &Folder{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open evidence: %w", err)
	}
	return OpenRoot(ctx, root, limits)
}

// OpenRoot is Open for a root at hand, which the Folder then owns.
func OpenRoot(ctx context.Context, root *os.Root, limits Limits) (*Folder, error) {
	l := lister{ctx: ctx, root: root, limits: limits.orDefaults()}
	items, err := l.list()
	if err != nil {
		root.Close()
		return nil, err
	}
	slices.SortFunc(items, func(a, b Item) int { return strings.Compare(a.Name, b.Name) })
	return &Folder{root: root, items: items}, nil
}

// Close closes the folder. Files opened from it stay open.
func (f *Folder) Close() error {
	if f == nil || f.root == nil {
		return nil
	}
	return f.root.Close()
}

// Items are all items in order of name.
func (f *Folder) Items() []Item {
	if f == nil {
		return nil
	}
	return slices.Clone(f.items)
}

// Of are the items of one kind in order of name.
func (f *Folder) Of(kind Kind) []Item {
	var items []Item
	for _, i := range f.Items() {
		if i.Kind == kind {
			items = append(items, i)
		}
	}
	return items
}

// Find is the item of that name, such as "firmware/rootfs.squashfs".
func (f *Folder) Find(name string) (Item, bool) {
	for _, i := range f.Items() {
		if i.Name == name {
			return i, true
		}
	}
	return Item{}, false
}

// Open opens a file for reading. It refuses a file that is no longer the one
// that was hashed. The caller closes it.
func (f *Folder) Open(item Item) (*os.File, error) {
	if item.Folder {
		return nil, problem(assay.ErrInvalid, item.Name, "is a folder, not a file", "")
	}
	if err := f.owns(item); err != nil {
		return nil, err
	}
	file, info, err := openRegular(f.root, item.Name)
	if err != nil {
		return nil, err
	}
	if info.Size() != item.Size || !info.ModTime().Equal(item.modified) {
		file.Close()
		return nil, changed(item.Name)
	}
	return file, nil
}

// FS is the tree of an item that is a folder. Links within it that lead out of it
// do not open. The caller closes it.
func (f *Folder) FS(item Item) (fs.FS, io.Closer, error) {
	if !item.Folder {
		return nil, nil, problem(assay.ErrInvalid, item.Name, "is a file, not a folder", "")
	}
	if err := f.owns(item); err != nil {
		return nil, nil, err
	}
	sub, err := f.root.OpenRoot(item.Name)
	if err != nil {
		return nil, nil, fmt.Errorf("open evidence/%s: %w", item.Name, err)
	}
	return sub.FS(), sub, nil
}

func (f *Folder) owns(item Item) error {
	if own, ok := f.Find(item.Name); !ok || own != item {
		return problem(assay.ErrNotFound, item.Name, "is not an item of this folder", "")
	}
	return nil
}

func changed(name string) error {
	return problem(assay.ErrConflict, name, "changed while it was being read", "leave evidence as received and run again")
}

func problem(kind error, name, what, do string) error {
	where := "evidence"
	if name != "" && name != "." {
		where += "/" + name
	}
	return &assay.Problem{Kind: kind, Where: where, What: what, Do: do}
}

// fitName reports whether people and reports can carry the name.
func fitName(name string) bool {
	return len(name) <= 1024 && utf8.ValidString(name) &&
		!strings.ContainsFunc(name, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) })
}
