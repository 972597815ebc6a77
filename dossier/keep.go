package dossier

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/evidence"
)

// maxKept bounds a file that is kept through Keep; larger evidence is put into its
// folder by hand.
const maxKept = 256 << 20

var notNameForm = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// Keep stores data as evidence of the kind, under a name made of the one given, and
// says where. Evidence is never written over: the same bytes are kept once, other
// bytes of the same name beside. The item is listed when the dossier is next opened.
func (d *Dossier) Keep(ctx context.Context, kind evidence.Kind, name string, data []byte) (assay.Reference, error) {
	if err := d.writable(); err != nil {
		return assay.Reference{}, err
	}
	if !slices.Contains(evidence.Kinds(), kind) {
		return assay.Reference{}, fmt.Errorf("keep %s: %w: no kind of evidence", clip(name), assay.ErrInvalid)
	}
	if len(data) > maxKept {
		return assay.Reference{}, &assay.Problem{Kind: assay.ErrInvalid, Where: clip(name), What: fmt.Sprintf("is larger than %d MiB", maxKept>>20), Do: "put it into " + evidenceDir + "/" + string(kind) + " by hand"}
	}
	if err := ctx.Err(); err != nil {
		return assay.Reference{}, err
	}
	sum := sha256.Sum256(data)
	ref := assay.Reference{Digest: assay.Digest("sha256:" + hex.EncodeToString(sum[:]))}
	for _, i := range d.Evidence.Items() {
		if i.Digest == ref.Digest && !i.Folder {
			ref.Name = i.Name
			return ref, nil
		}
	}
	dir := path.Join(evidenceDir, string(kind))
	if err := d.root.MkdirAll(dir, 0o755); err != nil {
		return ref, fmt.Errorf("keep %s: %w", clip(name), err)
	}
	for _, name := range keptNames(name, sum[:]) {
		at := path.Join(dir, name)
		if _, err := d.root.Lstat(at); err == nil {
			if there, err := readFile(d.root, at, maxKept); err != nil || !bytes.Equal(there, data) {
				continue
			}
		} else {
			beside := path.Join(dir, ".keep.part")
			_ = d.root.Remove(beside) // left by a run that was cut off
			if err := create(d.root, beside, data); err != nil {
				return ref, fmt.Errorf("keep %s: %w", name, err)
			}
			if err := d.root.Rename(beside, at); err != nil {
				return ref, fmt.Errorf("keep %s: %w", name, err)
			}
		}
		ref.Name = path.Join(string(kind), name)
		d.kept = append(d.kept, ref.Digest)
		return ref, nil
	}
	return ref, &assay.Problem{Kind: assay.ErrConflict, Where: dir, What: "holds other evidence of the same name", Do: "rename the file"}
}

// keptNames are the names under which evidence may be kept, the first that is free.
func keptNames(name string, sum []byte) []string {
	name = strings.TrimLeft(notNameForm.ReplaceAllString(path.Base(strings.ReplaceAll(name, `\`, "/")), "-"), ".-")
	if len(name) > 100 {
		name = strings.TrimLeft(name[len(name)-100:], ".-")
	}
	if name == "" {
		name = "evidence"
	}
	return []string{name, hex.EncodeToString(sum[:6]) + "-" + name}
}

// KeepFrom is Keep for evidence too large to hold: what write writes is kept, unless
// it returns an error.
func (d *Dossier) KeepFrom(ctx context.Context, kind evidence.Kind, name string, write func(io.Writer) error) (assay.Reference, error) {
	var ref assay.Reference
	if err := d.writable(); err != nil {
		return ref, err
	}
	if !slices.Contains(evidence.Kinds(), kind) {
		return ref, fmt.Errorf("keep %s: %w: no kind of evidence", clip(name), assay.ErrInvalid)
	}
	dir := path.Join(evidenceDir, string(kind))
	if err := d.root.MkdirAll(dir, 0o755); err != nil {
		return ref, fmt.Errorf("keep %s: %w", clip(name), err)
	}
	beside := path.Join(dir, ".keep.part")
	_ = d.root.Remove(beside) // left by a run that was cut off
	f, err := d.root.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return ref, fmt.Errorf("keep %s: %w", clip(name), err)
	}
	drop := func(err error) (assay.Reference, error) {
		_ = d.root.Remove(beside) // it is overwritten by the next run
		return ref, err
	}
	sum := sha256.New()
	if err := write(io.MultiWriter(f, sum)); err != nil {
		return drop(errors.Join(err, f.Close()))
	}
	if err := errors.Join(f.Sync(), f.Close(), ctx.Err()); err != nil {
		return drop(fmt.Errorf("keep %s: %w", clip(name), err))
	}
	ref.Digest = assay.Digest("sha256:" + hex.EncodeToString(sum.Sum(nil)))
	for _, i := range d.Evidence.Items() {
		if i.Digest == ref.Digest && !i.Folder {
			ref.Name = i.Name
			return drop(nil)
		}
	}
	for _, name := range keptNames(name, sum.Sum(nil)) {
		at := path.Join(dir, name)
		if _, err := d.root.Lstat(at); err == nil {
			there, err := d.digestOf(ctx, at)
			if err != nil {
				return drop(err)
			}
			if there != ref.Digest {
				continue
			}
			_ = d.root.Remove(beside)
		} else if err := d.root.Rename(beside, at); err != nil {
			return drop(fmt.Errorf("keep %s: %w", name, err))
		}
		ref.Name = path.Join(string(kind), name)
		d.kept = append(d.kept, ref.Digest)
		return ref, nil
	}
	return drop(&assay.Problem{Kind: assay.ErrConflict, Where: dir, What: "holds other evidence of the same name", Do: "rename the file"})
}

// digestOf is the digest of a file in the folder.
func (d *Dossier) digestOf(ctx context.Context, name string) (assay.Digest, error) {
	f, err := d.root.Open(name)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	defer f.Close()
	digest, _, err := evidence.DigestOf(ctx, f, 1<<40)
	return digest, err
}

// Holds reports whether evidence of the digest lies in the dossier.
func (d *Dossier) Holds(digest assay.Digest) bool {
	return slices.Contains(d.kept, digest) || slices.ContainsFunc(d.Evidence.Items(), func(i evidence.Item) bool { return i.Digest == digest })
}
