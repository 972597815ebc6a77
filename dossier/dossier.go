// Package dossier holds a product's folder: what it is (product.yaml), what is
// declared of it (declared.yaml), the evidence, what was observed
// (observed.jsonl), and what was made from these.
//
// Files that people write are read strictly; what cannot be meant is an error
// that names file, line and remedy. Observations and answers are only ever
// added. Nothing outside the folder is read or written. The package knows no
// vocabulary: whether a term exists, and what its values may be, is checked where
// facts are folded.
package dossier

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/evidence"
)

// Dossier is a product's folder that has been read.
type Dossier struct {
	Product  Product
	Evidence *evidence.Folder
	Declared []assay.Observation // what product.yaml and declared.yaml say
	Observed []assay.Observation // observed.jsonl, withdrawals and all
	Notices  []string            // what the reader should know, one line each

	root    *os.Root
	lock    *os.File // nil when opened for reading only
	product *yamlFile
	places  map[assay.ObservationID]string
	size    int64 // of observed.jsonl as read
	seen    observed
	kept    []assay.Digest // evidence added since the dossier was opened
}

const evidenceDir = "evidence"

// Load reads a dossier without the right to write to it. The caller closes it.
func Load(ctx context.Context, dir string) (*Dossier, error) { return load(ctx, dir, false) }

// Open reads a dossier in order to add to it, and keeps others from doing so
// until Close. Where another holds it, the error is assay.ErrConflict.
func Open(ctx context.Context, dir string) (*Dossier, error) { return load(ctx, dir, true) }

func load(ctx context.Context, dir string, write bool) (d *Dossier, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, notDossier(dir, err)
	}
	d = &Dossier{root: root}
	defer func() {
		if err != nil {
			d.Close()
			d = nil
		}
	}()
	if _, err := root.Lstat(productFile); err != nil {
		return d, notDossier(dir, err)
	}
	if write {
		if d.lock, err = lockDossier(root); err != nil {
			return d, err
		}
	}
	if err := d.readProduct(); err != nil {
		return d, err
	}
	if err := d.readDeclared(); err != nil {
		return d, err
	}
	if err := d.readObserved(); err != nil {
		return d, err
	}
	d.Evidence, err = openEvidence(ctx, root)
	return d, err
}

func notDossier(dir string, err error) error {
	kind, what := assay.ErrInvalid, "cannot be opened as a dossier"
	if errors.Is(err, fs.ErrNotExist) {
		kind, what, err = assay.ErrNotFound, "is not a dossier: there is no "+productFile, nil
	}
	return &assay.Problem{Kind: kind, Where: clip(dir), What: what, Err: err, Do: "start one with: assay init DIR"}
}

func openEvidence(ctx context.Context, root *os.Root) (*evidence.Folder, error) {
	info, err := root.Lstat(evidenceDir)
	if errors.Is(err, fs.ErrNotExist) {
		return &evidence.Folder{}, nil
	}
	if err == nil && !info.IsDir() {
		return nil, &assay.Problem{Kind: assay.ErrRefused, Where: evidenceDir, What: "is not a folder of its own", Do: "put the evidence itself into the dossier"}
	}
	if err != nil {
		return nil, err
	}
	sub, err := root.OpenRoot(evidenceDir)
	if err != nil {
		return nil, err
	}
	return evidence.OpenRoot(ctx, sub, evidence.Limits{})
}

func (d *Dossier) readProduct() error {
	data, err := readFile(d.root, productFile, maxYAMLBytes)
	if err != nil {
		return err
	}
	p, f, err := readProduct(data)
	if err != nil {
		return err
	}
	d.Product, d.product = *p, f
	return nil
}

// readDeclared gathers what is declared, product.yaml first.
func (d *Dossier) readDeclared() error {
	data, err := readFile(d.root, declaredFile, maxYAMLBytes)
	if err != nil && !errors.Is(err, assay.ErrNotFound) {
		return err
	}
	answers, err := readDeclared(data)
	if err != nil {
		return err
	}
	listed, places := d.Product.declared(d.product)
	said, more := answers.observations()
	maps.Copy(places, more)
	d.Declared, d.places = append(listed, said...), places
	return nil
}

func (d *Dossier) readObserved() error {
	f, info, err := openFile(d.root, observedFile, os.O_RDONLY)
	if errors.Is(err, assay.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	o, err := readObserved(f)
	if err != nil {
		return err
	}
	if o.torn {
		d.Notices = append(d.Notices, o.notice)
	}
	d.Observed, d.seen, d.size = o.all, *o, info.Size()
	d.seen.all = nil
	return nil
}

// Close lets go of the folder.
func (d *Dossier) Close() error {
	if d == nil || d.root == nil {
		return nil
	}
	errs := []error{d.Evidence.Close()}
	if d.lock != nil {
		errs = append(errs, unlockDossier(d.root, d.lock))
	}
	return errors.Join(append(errs, d.root.Close())...)
}

// Observations are all observations: what is declared, then what was observed.
func (d *Dossier) Observations() []assay.Observation {
	return slices.Concat(d.Declared, d.Observed)
}

// Parts are the parts that product.yaml lists.
func (d *Dossier) Parts() []assay.Subject { return d.Product.Parts() }

// Place says where a person finds what was declared, such as
// "declared.yaml:12:5"; the file alone for anything else.
func (d *Dossier) Place(o *assay.Observation) string {
	switch {
	case d.places[o.ID] != "":
		return d.places[o.ID]
	case o.Source == assay.Observed || o.Withdraws != "" || len(o.Evidence) > 0:
		return observedFile
	case o.By == productFile:
		return productFile
	}
	return declaredFile
}

// readFile reads a plain file of the folder whole; no larger than max.
func readFile(root *os.Root, name string, max int64) ([]byte, error) {
	f, _, err := openFile(root, name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, max+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if int64(len(data)) > max {
		return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: name, What: fmt.Sprintf("is larger than %d bytes", max), Do: "move what is evidence into the evidence folder"}
	}
	return data, nil
}

// openFile opens a plain file of the folder; a pipe or a link out of it is refused.
func openFile(root *os.Root, name string, flag int) (*os.File, fs.FileInfo, error) {
	info, err := root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, &assay.Problem{Kind: assay.ErrNotFound, Where: name, What: "is not there"}
	case err != nil:
		return nil, nil, fmt.Errorf("open %s: %w", name, err)
	case !info.Mode().IsRegular():
		return nil, nil, &assay.Problem{Kind: assay.ErrRefused, Where: name, What: "is not a plain file", Do: "put the file itself here"}
	}
	f, err := root.OpenFile(name, flag, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("open %s: %w", name, err)
	}
	if info, err = f.Stat(); err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("open %s: %w", name, err)
	}
	return f, info, nil
}
