package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/png"
	"io"
	"maps"
	"os"
	"path"
	"slices"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/browser"
	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/check/invitation"
	"github.com/assay-psti/assay/check/support"
	"github.com/assay-psti/assay/dossier"
	"github.com/assay-psti/assay/evidence"
	"github.com/assay-psti/assay/fetch"
	"github.com/assay-psti/assay/page"
	"github.com/assay-psti/assay/report"
)

// renderProduct shows the product's page in a browser and keeps what it saw as
// evidence. Without a browser, or where it fails, it says so.
func renderProduct(ctx context.Context, env *environment, dir string, product check.Product, address, authorisedBy string) error {
	p := progress{environment: env}
	p.line("showing " + check.Printable(address))
	moment := env.now()
	r, err := browser.Render(ctx, address, browser.Options{Dial: fetch.Dial(authorisedBy)}, func(dom string) []browser.Seek {
		return periodsOn(ctx, dom, address, product)
	})
	p.clear()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		fmt.Fprintf(env.errOut, "assay: %s: not shown in a browser: %v\n", check.Printable(address), err)
		return nil
	}
	files, err := r.Files(address, moment, authorisedBy)
	if err != nil {
		return err
	}
	return keepFolder(dir, "rendered-"+moment.UTC().Format("20060102T150405Z"), files)
}

// periodsOn gives the support period that the page as shown states for the product.
func periodsOn(ctx context.Context, dom, address string, product check.Product) []browser.Seek {
	doc, err := page.Read(ctx, address, "text/html; charset=utf-8", []byte(dom), page.Limits{})
	if err != nil {
		return nil
	}
	for _, e := range page.SupportFor(doc, support.ProductOf(product)).Entries {
		for _, at := range []page.Span{e.EndAt, e.Span} {
			if text := doc.Quote(at); text != "" {
				return []browser.Seek{{Name: invitation.Period, Text: text}}
			}
		}
	}
	return nil
}

// keepFolder adds a folder to the evidence of pages, whole or not at all.
func keepFolder(dir, name string, files map[string][]byte) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	final, beside := path.Join(pagesDir, name), path.Join(pagesDir, "."+name+".part")
	if _, err := root.Lstat(final); err == nil {
		return &assay.Problem{Kind: assay.ErrConflict, Where: final, What: "is there already", Do: "run again"}
	}
	if err := errors.Join(root.RemoveAll(beside), root.MkdirAll(beside, 0o755)); err != nil {
		return err
	}
	for _, file := range slices.Sorted(maps.Keys(files)) {
		if err := root.WriteFile(path.Join(beside, file), files[file], 0o644); err != nil {
			return errors.Join(err, root.RemoveAll(beside))
		}
	}
	return root.Rename(beside, final)
}

// Bounds of the pictures that go into the report.
const (
	maxPictures     = 4
	maxPictureBytes = 4 << 20
)

// pictures are the kept renderings, newest first, as the report shows them. What
// is no picture is left out: the checks say what they could not read.
func pictures(d *dossier.Dossier) []report.Picture {
	var all []report.Picture
	items := slices.Clone(d.Evidence.Of(evidence.Pages))
	slices.Reverse(items) // their names end with the moment
	for _, item := range items {
		if !item.Folder || len(all) == maxPictures {
			continue
		}
		if p, ok := picture(d, item); ok {
			all = append(all, p)
		}
	}
	return all
}

func picture(d *dossier.Dossier, item evidence.Item) (report.Picture, bool) {
	fsys, closer, err := d.Evidence.FS(item)
	if err != nil {
		return report.Picture{}, false
	}
	defer closer.Close()
	f, err := fsys.Open(browser.OutlinedFile)
	if err != nil {
		return report.Picture{}, false
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxPictureBytes+1))
	if err != nil || len(data) > maxPictureBytes {
		return report.Picture{}, false
	}
	if _, err := png.DecodeConfig(bytes.NewReader(data)); err != nil {
		return report.Picture{}, false
	}
	return report.Picture{Name: item.Name, PNG: data,
		Says: "The offer page as a buyer sees it, with the main characteristics and the support period outlined where they were found."}, true
}
