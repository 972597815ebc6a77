package image

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"reflect"
	"sync"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/component"
	"github.com/assay-psti/assay/evidence"
	"github.com/assay-psti/assay/firmware"
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
	// Replacement is what could replace the values of settings files. It is looked for only where one gives a credential.
	Replacement *Replacement
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
	// Forces is a text that speaks of making somebody choose a password; looked for only where there are credentials.
	Forces *rootfs.Place
	// Asks are settings that by their name hold a password of the program's own pages.
	Asks []Ask
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
	for _, p := range i.Programs {
		if len(p.Contents.Unread) > 0 {
			return false
		}
	}
	return true
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
	}
}

// maxUnread bounds how many things that could not be read are told of one image.
const maxUnread = 5

func run(ctx context.Context, pass *check.Pass) (any, error) {
	scan := &Scan{}
	items := pass.Items(evidence.Firmware)
	for i, item := range items {
		pass.Progress(int64(i), int64(len(items)), item.Base())
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
	return Take(ctx, item, image)
}

// Take reads all that is in an image.
func Take(ctx context.Context, item evidence.Item, image *firmware.Image) (*Item, error) {
	found := &Item{Evidence: item, Image: image}
	for i := range image.Trees {
		t := &image.Trees[i]
		tree := &Tree{Item: found, Name: t.Name, Kind: t.Kind, Index: i, Complete: t.Complete}
		if err := tree.read(ctx, t.FS); err != nil {
			return nil, fmt.Errorf("%s: %w", t.Name, err)
		}
		found.Trees = append(found.Trees, tree)
	}
	if err := found.programs(ctx); err != nil {
		return nil, err
	}
	return found, nil
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
	image, err := firmware.Open(ctx, f, item.Size, firmware.Limits{})
	return image, f, err
}

func (t *Tree) read(ctx context.Context, fsys fs.FS) error {
	// Both walk the tree in the same order, so that what one unpacks the other finds unpacked.
	var first, inventory error
	keep := func(e error) { first = errors.Join(first, e) }
	var wg sync.WaitGroup
	wg.Go(func() { t.Inventory, inventory = component.Find(ctx, fsys) })
	var err error
	t.Contents, err = rootfs.ReadContents(ctx, fsys)
	keep(err)
	wg.Wait()
	keep(inventory)
	dirs, err := rootfs.Roots(ctx, fsys)
	keep(err)
	for _, dir := range dirs {
		sub, err := fs.Sub(fsys, dir)
		if err != nil {
			return err
		}
		r := &Root{Dir: dir}
		r.Accounts, err = rootfs.ReadAccounts(ctx, sub)
		keep(err)
		r.Boot, err = rootfs.ReadBoot(ctx, sub)
		keep(err)
		t.Roots = append(t.Roots, r)
	}
	if len(t.Contents.Credentials) > 0 {
		r, err := findReplacement(ctx, fsys)
		keep(err)
		t.Replacement = &r
	}
	return first
}

// In is a place of the root, as a place of its tree.
func (r *Root) In(p rootfs.Place) rootfs.Place {
	p.File = path.Join(r.Dir, p.File)
	return p
}
