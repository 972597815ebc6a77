package laboratory

import (
	"archive/zip"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/internal/ziplist"
)

// Bounds of the names in an archive.
const (
	maxName  = 240 // bytes
	maxDepth = 24  // folders
)

// spooled is a file that is gone when it is done with.
type spooled struct {
	*os.File
	root *os.Root
	name string
}

func (s *spooled) discard() {
	s.File.Close()
	_ = s.root.Remove(s.name) // else the next start does it
}

// aside is a new file beside the tests.
func (r *Room) aside() (*spooled, error) {
	name := ".part-" + strings.ToLower(rand.Text())
	f, err := r.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return &spooled{f, r.root, name}, nil
}

// spool puts what somebody sends on disk, no more than most.
func (r *Room) spool(in io.Reader, most int64) (*spooled, int64, error) {
	out, err := r.aside()
	if err != nil {
		return nil, 0, fmt.Errorf("take in: %w", err)
	}
	n, err := io.Copy(out, io.LimitReader(in, most+1))
	if err == nil && n > most {
		err = &assay.Problem{Kind: assay.ErrInvalid, Where: "dossier", What: fmt.Sprintf("is larger than %d MB", most>>20), Do: "leave out of its evidence folder what the test does not need"}
	}
	if err != nil {
		out.discard()
		return nil, 0, err
	}
	return out, n, nil
}

func badArchive(what, do string) error {
	return &assay.Problem{Kind: assay.ErrInvalid, Where: "dossier", What: what, Do: do}
}

const plainZip = "pack the dossier's folder as a plain zip file"

// list reads what files an archive has.
func (r *Room) list(f io.ReaderAt, size int64) (*zip.Reader, error) {
	z, err := ziplist.Open(f, size, r.Limits.Entries)
	if errors.Is(err, ziplist.ErrTooMany) {
		return nil, badArchive(fmt.Sprintf("holds more than %d files", r.Limits.Entries), "pack an unpacked file system as one file")
	}
	if err != nil {
		return nil, badArchive("is no zip file that can be read", plainZip)
	}
	return z, nil
}

// claimedSize is what an archive says that it unpacks to. It is for refusing early; what
// comes out is counted.
func (r *Room) claimedSize(f io.ReaderAt, size int64) (int64, error) {
	z, err := r.list(f, size)
	if err != nil {
		return 0, err
	}
	total := int64(0)
	for _, e := range z.File {
		total += int64(min(e.UncompressedSize64, 1<<40)) //nolint:gosec // bounded
		if total < 0 || total > 1<<50 {
			break
		}
	}
	return max(total, size), nil
}

// unpack writes the dossier in an archive into a folder. What its headers say of sizes
// is not believed, names are data, and nothing but plain files is made.
func (r *Room) unpack(ctx context.Context, f io.ReaderAt, size int64, dir string) (err error) {
	z, err := r.list(f, size)
	if err != nil {
		return err
	}
	top, err := topOf(z.File)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	left := r.Limits.Unpacked
	for _, e := range z.File {
		if err := ctx.Err(); err != nil {
			return err
		}
		name, ok := strings.CutPrefix(e.Name, top)
		if !ok || name == "" || skipped(name) {
			continue
		}
		n, err := unpackEntry(root, e, name, left)
		if err != nil {
			return err
		}
		left -= n
	}
	return nil
}

// topOf is the folder in which an archive has its dossier: "" or one with a stroke.
func topOf(files []*zip.File) (string, error) {
	for _, e := range files {
		if e.Name == "product.yaml" {
			return "", nil
		}
	}
	for _, e := range files {
		if dir, ok := strings.CutSuffix(e.Name, "/product.yaml"); ok && dir != "" && !strings.Contains(dir, "/") && !strings.HasPrefix(dir, "__MACOSX") {
			return dir + "/", nil
		}
	}
	return "", badArchive("holds no product.yaml", "pack the folder of a dossier, as assay init makes it")
}

// skipped are files that are no part of a dossier: those of the lock, of version
// control, of whoever packed it.
func skipped(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	base := path.Base(name)
	return strings.HasPrefix(first, ".") && first != ".." || first == "__MACOSX" || base == ".gitkeep" || base == ".DS_Store" || base == ".keep.part"
}

func unpackEntry(root *os.Root, e *zip.File, name string, left int64) (int64, error) {
	shown := name[:min(len(name), 80)]
	bare, isDir := strings.CutSuffix(name, "/")
	odd := strings.ContainsFunc(name, func(r rune) bool { return r == '\\' || unicode.IsControl(r) })
	if !utf8.ValidString(name) || odd || len(bare) > maxName || !fs.ValidPath(bare) || strings.Count(bare, "/") >= maxDepth {
		return 0, badArchive(fmt.Sprintf("holds a file with the name %q", shown), "give it a plain and shorter name")
	}
	mode := e.Mode()
	if isDir || mode.IsDir() {
		if err := root.MkdirAll(bare, 0o700); err != nil {
			return 0, badArchive(fmt.Sprintf("holds %q as a file and as a folder", shown), plainZip)
		}
		return 0, nil
	}
	if !mode.IsRegular() {
		return 0, badArchive(fmt.Sprintf("holds %q, which is no plain file", shown), "pack an unpacked file system as one file, such as a tar archive, and that into the dossier")
	}
	in, err := e.Open()
	if err != nil {
		return 0, badArchive(fmt.Sprintf("is packed in a way that is not read here, at %q", shown), plainZip)
	}
	defer in.Close()
	if err := root.MkdirAll(path.Dir(bare), 0o700); err != nil {
		return 0, badArchive(fmt.Sprintf("holds a part of %q as a file and as a folder", shown), plainZip)
	}
	out, err := root.OpenFile(bare, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode.Perm()|0o600)
	if err != nil {
		if errors.Is(err, fs.ErrExist) {
			return 0, badArchive(fmt.Sprintf("holds %q twice", shown), plainZip)
		}
		return 0, err
	}
	n, err := io.Copy(out, io.LimitReader(in, left+1))
	closed := errors.Join(out.Sync(), out.Close())
	switch {
	case n > left:
		return n, badArchive("unpacks to more than is taken here", "leave out of its evidence folder what the test does not need")
	case err != nil:
		return n, badArchive(fmt.Sprintf("is damaged at %q", shown), "pack it again")
	}
	return n, closed
}

// Pack makes a zip archive of a test's dossier as it stands, in a folder of the
// product's name, and hands it to f.
func (r *Room) Pack(ctx context.Context, org, id, folder string, f func(io.ReadSeeker) error) error {
	out, err := r.aside()
	if err != nil {
		return fmt.Errorf("pack: %w", err)
	}
	defer out.discard()
	z := zip.NewWriter(out)
	err = r.tree(ctx, org, id, r.Wait, func(name string, info fs.FileInfo, content io.Reader) error {
		name, ok := strings.CutPrefix(name, dossierDir+"/")
		if !ok {
			return nil
		}
		h, err := zip.FileInfoHeader(info)
		if err != nil {
			return err
		}
		h.Name, h.Method = path.Join(folder, name), zip.Deflate
		w, err := z.CreateHeader(h)
		if err != nil {
			return err
		}
		_, err = io.Copy(w, content)
		return err
	})
	if err = errors.Join(err, z.Close()); err != nil {
		return err
	}
	if _, err := out.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return f(out)
}

// tree reads all files of a test while nobody writes to it. Their names begin below the
// test's own folder; what can be made again is left out.
func (r *Room) tree(ctx context.Context, org, id string, wait time.Duration, f func(name string, info fs.FileInfo, content io.Reader) error) error {
	place, err := at(org, id)
	if err != nil {
		return err
	}
	if _, err := r.Test(org, id); err != nil {
		return err
	}
	d, err := r.open(ctx, place, wait)
	switch {
	case err == nil:
		defer d.Close()
	case errors.Is(err, assay.ErrConflict), errors.Is(err, assay.ErrNotFound):
		return err
	} // one that cannot be read is kept as it is
	base, err := r.root.OpenRoot(place)
	if err != nil {
		return err
	}
	defer base.Close()
	return fs.WalkDir(base.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			if name == picturesDir {
				return fs.SkipDir
			}
			return ctx.Err()
		}
		if below, ok := strings.CutPrefix(name, dossierDir+"/"); !e.Type().IsRegular() || ok && skipped(below) || strings.HasPrefix(name, ".") {
			return nil
		}
		in, err := base.Open(name)
		if err != nil {
			return err
		}
		defer in.Close()
		info, err := in.Stat()
		if err != nil {
			return err
		}
		return f(name, info, in)
	})
}

// backupWait is how long a backup waits for somebody who writes to a test.
const backupWait = time.Minute

// Files hands all files on, for a backup: each test as of one moment, which is its own.
func (r *Room) Files(ctx context.Context, f func(name string, content io.Reader) error) error {
	if err := f(idFile, strings.NewReader(r.id+"\n")); err != nil {
		return err
	}
	return r.each(".", func(org string, info fs.FileInfo) error {
		if !info.IsDir() || !orgForm.MatchString(org) {
			return nil
		}
		return r.each(org, func(id string, info fs.FileInfo) error {
			if !info.IsDir() || !testForm.MatchString(id) {
				return nil
			}
			err := r.tree(ctx, org, id, backupWait, func(name string, _ fs.FileInfo, content io.Reader) error {
				return f(path.Join(org, id, name), content)
			})
			if errors.Is(err, assay.ErrNotFound) { // deleted meanwhile
				return nil
			}
			return err
		})
	})
}
