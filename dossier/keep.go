package dossier

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
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
	name = strings.TrimLeft(notNameForm.ReplaceAllString(path.Base(strings.ReplaceAll(name, `\`, "/")), "-"), ".-")
	if len(name) > 100 {
		name = name[len(name)-100:]
	}
	if name == "" {
		name = "evidence"
	}
	for _, name := range []string{name, hex.EncodeToString(sum[:6]) + "-" + name} {
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

// Holds reports whether evidence of the digest lies in the dossier.
func (d *Dossier) Holds(digest assay.Digest) bool {
	return slices.Contains(d.kept, digest) || slices.ContainsFunc(d.Evidence.Items(), func(i evidence.Item) bool { return i.Digest == digest })
}
