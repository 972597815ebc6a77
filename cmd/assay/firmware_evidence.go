package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/evidence"
	"github.com/assay-psti/assay/internal/sparse"
)

// single is one file or folder as evidence, which lies in no dossier.
type single struct {
	path string
	item evidence.Item
}

var _ check.Evidence = (*single)(nil)

// maxSingle bounds what is taken in.
const maxSingle = 1 << 40

// openSingle hashes a file or folder.
func openSingle(ctx context.Context, name string) (*single, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: name, What: "cannot be read", Err: err, Do: "give an image, an archive or a folder"}
	}
	s := &single{path: name, item: evidence.Item{Kind: evidence.Firmware, Name: "firmware/" + check.Printable(filepath.Base(filepath.Clean(name))), Size: info.Size(), Folder: info.IsDir()}}
	if info.IsDir() {
		s.item.Digest, s.item.Size, err = folderDigest(ctx, name)
		return s, err
	}
	if !info.Mode().IsRegular() {
		return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: name, What: "is neither a file nor a folder", Do: "copy its contents into a file first"}
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s.item.Digest, s.item.Size, err = evidence.DigestOf(ctx, sparse.NewReader(f, info.Size()), maxSingle)
	return s, err
}

// folderDigest is the SHA-256 over the names, kinds, sizes and contents of a
// folder's entries in order of name.
func folderDigest(ctx context.Context, dir string) (assay.Digest, int64, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", 0, err
	}
	defer root.Close()
	h := sha256.New()
	total := int64(0)
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil { // what cannot be read is no part of what is known of it; the checks say so
			fmt.Fprintf(h, "%q unread\x00", name)
			return nil
		}
		fmt.Fprintf(h, "%q %v\x00", name, d.Type())
		if !d.Type().IsRegular() {
			return nil
		}
		f, err := root.Open(name)
		if err != nil {
			return nil
		}
		defer f.Close()
		n, err := io.Copy(h, f)
		total += n
		fmt.Fprintf(h, "%d\x00", n)
		if err != nil {
			fmt.Fprintf(h, "unread\x00")
		}
		return nil
	})
	return assay.Digest("sha256:" + hex.EncodeToString(h.Sum(nil))), total, err
}

// Of is the item, if it is of the kind.
func (s *single) Of(kind evidence.Kind) []evidence.Item {
	if kind != s.item.Kind {
		return nil
	}
	return []evidence.Item{s.item}
}

// Open opens the file.
func (s *single) Open(evidence.Item) (*os.File, error) { return os.Open(s.path) }

// FS opens the folder; links do not lead out of it.
func (s *single) FS(evidence.Item) (fs.FS, io.Closer, error) {
	root, err := os.OpenRoot(s.path)
	if err != nil {
		return nil, nil, err
	}
	return root.FS(), root, nil
}
