package image

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"reflect"
	"slices"
	"sync/atomic"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/component"
	"github.com/assay-psti/assay/evidence"
	"github.com/assay-psti/assay/firmware"
	"github.com/assay-psti/assay/internal/reading"
	"github.com/assay-psti/assay/rootfs"
)

//go:embed doc.go
var source string

// Check takes the firmware of a dossier apart.
var Check = &check.Check{
	Name:   "image",
	Doc:    check.Doc(source),
	Needs:  []evidence.Kind{evidence.Firmware},
	Result: reflect.TypeFor[*Scan](),
	Run:    run,
}

// Scan is the firmware of a dossier, taken apart. It holds no open file.
type Scan struct {
	Items []*Item
	// Failed are the items of which nothing could be read, with the reason.
	Failed []Failure
}

// Failure is an item of which nothing could be read.
type Failure struct {
	Item evidence.Item
	Err  error
}

// Item is one item of evidence. Its image is a description only: the bytes behind
// it were closed when the check ended.
type Item struct {
	Evidence evidence.Item
	Image    *firmware.Image
	Trees    []*Tree
	// Programs are what lies outside of trees: boot loaders, kernels, programs of microcontrollers.
	Programs []*Program
}

// Tree is one file tree and what is in it.
type Tree struct {
	Item      *Item
	Name      string // "squashfs at 0x0"
	Kind      firmware.Kind
	Index     int  // in Image.Trees
	Complete  bool // the tree was read whole
	Roots     []*Root
	Contents  rootfs.Contents
	Inventory component.Inventory
	// Replacement is what could put other values in the place of those in the tree's files.
	Replacement Replacement
}

// Root is one root file system in a tree.
type Root struct {
	Dir      string // within the tree; "." mostly
	Accounts rootfs.Accounts
	Boot     rootfs.Boot
}

// Program is a run of bytes without files.
type Program struct {
	Item        *Item
	Space       int   // index in Image.Spaces
	Offset      int64 // from the start of the space
	Size        int64
	What        string // "esp-image at 0x0"
	Credentials []rootfs.Credential
	Contents    rootfs.Contents // keys, certificates and tokens; places are offsets from the program's start
	Components  []component.Component
	// Forces is a text that speaks of making somebody choose a password.
	Forces *rootfs.Place
	// Asks are settings that by their name hold a password of the program's own pages.
	Asks []Ask
	// Unread says what of it was not looked at.
	Unread []string
}

// Ask is the name of a setting in a program and its offset from the program's start.
type Ask struct {
	Name   string
	Offset int64
}

// Whole reports whether every part of the item was identified and read.
func (i *Item) Whole() bool {
	if len(i.Image.Unread) > 0 {
		return false
	}
	for _, t := range i.Trees {
		if !t.Complete || len(t.Contents.Unread) > 0 {
			return false
		}
	}
	return !slices.ContainsFunc(i.Programs, func(p *Program) bool { return len(p.Unread)+len(p.Contents.Unread) > 0 })
}

// Place says where something stands in a tree, from the item down.
func (t *Tree) Place(p rootfs.Place) assay.Reference {
	where := t.Name + ": " + p.File
	if p.Line > 0 {
		where += fmt.Sprintf(" line %d", p.Line)
	}
	return t.Item.Evidence.Reference(check.Printable(fmt.Sprintf("%s, offset %d", where, p.Offset)))
}

// Place says where in its item something stands that was found at an offset in
// the program.
func (p *Program) Place(offset int64) assay.Reference {
	space := p.Item.Image.Spaces[p.Space].Name
	return p.Item.Evidence.Reference(check.Printable(fmt.Sprintf("%s, offset %#x of %s", p.What, p.Offset+offset, space)))
}

// Unread remarks in a pass what of the firmware could not be read; the pass is
// then partial.
func (s *Scan) Unread(pass *check.Pass) {
	for _, f := range s.Failed {
		pass.Partial(fmt.Sprintf("%s could not be read: %v", f.Item.Name, f.Err))
	}
	for _, item := range s.Items {
		name := item.Evidence.Name
		for i, u := range item.Image.Unread {
			if i == maxUnread {
				pass.Partial(fmt.Sprintf("%s: %d more parts could not be read", name, len(item.Image.Unread)-i))
				break
			}
			pass.Partial(fmt.Sprintf("%s: a part could not be read: %s", name, u))
		}
		for _, t := range item.Trees {
			for i, u := range t.Contents.Unread {
				if i == maxUnread {
					pass.Partial(fmt.Sprintf("%s: %s: %d more files could not be read", name, t.Name, len(t.Contents.Unread)-i))
					break
				}
				pass.Partial(fmt.Sprintf("%s: %s: %s: %s", name, t.Name, u.Path, u.Why))
			}
		}
		for _, p := range item.Programs {
			for _, why := range p.Unread {
				pass.Partial(fmt.Sprintf("%s: %s: %s", name, p.What, why))
			}
		}
	}
}

// maxUnread bounds how many things that could not be read are told of one image.
const maxUnread = 5

func run(ctx context.Context, pass *check.Pass) (any, error) {
	scan := &Scan{}
	items := pass.Items(evidence.Firmware)
	for _, item := range items {
		found, err := take(ctx, pass, item)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			scan.Failed = append(scan.Failed, Failure{item, err})
			continue
		}
		scan.Items = append(scan.Items, found)
	}
	scan.Unread(pass)
	return scan, nil
}

// take takes one item apart.
func take(ctx context.Context, pass *check.Pass, item evidence.Item) (*Item, error) {
	image, c, err := openImage(ctx, pass, item)
	if c != nil {
		defer c.Close()
	}
	if err != nil {
		return nil, err
	}
	found := &Item{Evidence: item, Image: image}
	for i := range image.Trees {
		t := &image.Trees[i]
		tree := &Tree{Item: found, Name: t.Name, Kind: t.Kind, Index: i, Complete: t.Complete}
		if err := tree.read(ctx, t.FS, percent(pass, item.Base()+": files of "+t.Name)); err != nil {
			return nil, fmt.Errorf("%s: %w", t.Name, err)
		}
		found.Trees = append(found.Trees, tree)
	}
	pass.Progress(0, 0, item.Base()+": what lies outside of files")
	if err := found.programs(ctx); err != nil {
		return nil, err
	}
	return found, nil
}

// percent tells the pass how far something is, each time that another hundredth
// of it is done.
func percent(pass *check.Pass, what string) func(done, total int64) {
	var told atomic.Int64
	return func(done, total int64) {
		if total <= 0 {
			return
		}
		now := 100 * done / total
		if old := told.Load(); now > old && told.CompareAndSwap(old, now) {
			pass.Progress(done, total, what)
		}
	}
}

// A watched file tells how far it was read.
type watched struct {
	*os.File
	size int64
	tell func(done, total int64)
}

func (w watched) ReadAt(p []byte, off int64) (int, error) {
	n, err := w.File.ReadAt(p, off)
	w.tell(off+int64(n), w.size)
	return n, err
}

func openImage(ctx context.Context, pass *check.Pass, item evidence.Item) (*firmware.Image, io.Closer, error) {
	if item.Folder {
		fsys, c, err := pass.FS(item)
		if err != nil {
			return nil, nil, err
		}
		image, err := firmware.OpenFS(ctx, fsys, firmware.Limits{})
		return image, c, err
	}
	f, err := pass.Open(item)
	if err != nil {
		return nil, nil, err
	}
	// The image is opened from its start to its end: where it is read last is how far it is.
	image, err := firmware.Open(ctx, watched{f, item.Size, percent(pass, item.Base()+": its parts")}, item.Size, firmware.Limits{})
	return image, f, err
}

// read reads the files of a tree once, for all that look at them, and then what
// its settings say together.
func (t *Tree) read(ctx context.Context, fsys fs.FS, progress reading.Progress) error {
	contents, finder, replace := rootfs.NewContentReader(), component.NewFinder(), newReplaceReader(ReadOnly(t.Kind))
	stats, err := reading.Tree(ctx, fsys, progress, contents, finder, replace)
	if err != nil {
		return err
	}
	t.Contents, t.Inventory, t.Replacement = contents.Contents(stats), finder.Inventory(stats), replace.replacement()
	dirs, err := rootfs.Roots(ctx, fsys)
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		sub, err := fs.Sub(fsys, dir)
		if err != nil {
			return err
		}
		r := &Root{Dir: dir}
		if r.Accounts, err = rootfs.ReadAccounts(ctx, sub); err != nil {
			return err
		}
		if r.Boot, err = t.Contents.ReadBoot(ctx, sub, dir); err != nil {
			return err
		}
		t.Roots = append(t.Roots, r)
	}
	return nil
}

// ReadOnly reports whether a file system of the kind can only be read.
func ReadOnly(k firmware.Kind) bool {
	return k == "squashfs" || k == "cramfs" || k == "romfs" || k == "erofs"
}

// In is a place of the root, as a place of its tree.
func (r *Root) In(p rootfs.Place) rootfs.Place {
	p.File = path.Join(r.Dir, p.File)
	return p
}
