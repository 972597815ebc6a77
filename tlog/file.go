package tlog

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	merkle "golang.org/x/mod/sumdb/tlog"

	"github.com/assay-psti/assay"
)

// publicOf is the public key of a private one as note.GenerateKey writes it:
// PRIVATE+KEY+name+hash+base64 of the type and the seed.
func publicOf(private string) (Key, error) {
	f := strings.SplitN(private, "+", 5)
	if len(f) != 5 {
		return Key{}, &assay.Problem{Kind: assay.ErrInvalid, What: "not the private key of a log"}
	}
	seed, err := base64.StdEncoding.DecodeString(f[4])
	if err != nil || len(seed) != 1+ed25519.SeedSize {
		return Key{}, &assay.Problem{Kind: assay.ErrInvalid, What: "not the private key of a log"}
	}
	text, err := note.NewEd25519VerifierKey(f[2], ed25519.NewKeyFromSeed(seed[1:]).Public().(ed25519.PublicKey))
	if err != nil {
		return Key{}, err
	}
	return ParseKey(text)
}

// readFile reads a file of at most so many bytes.
func readFile(root *os.Root, name string, most int) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		kind := assay.ErrInternal
		if errors.Is(err, fs.ErrNotExist) {
			kind = assay.ErrNotFound
		}
		return nil, &assay.Problem{Kind: kind, Where: path.Join(root.Name(), name), What: "cannot be read", Err: err}
	}
	defer f.Close()
	var data bytes.Buffer
	if i, err := f.Stat(); err == nil && i.Size() <= int64(most) {
		data.Grow(int(i.Size()) + bytes.MinRead)
	}
	_, err = data.ReadFrom(io.LimitReader(f, int64(most)+1))
	if err == nil && data.Len() > most {
		err = fmt.Errorf("%w: longer than %d bytes", assay.ErrInvalid, most)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path.Join(root.Name(), name), err)
	}
	return data.Bytes(), nil
}

// writeFile writes a file beside, syncs it, and puts it in place.
func writeFile(root *os.Root, name string, data []byte) error {
	if err := write(root, name, data, 0o644); err != nil {
		return err
	}
	return syncDir(root, path.Dir(name))
}

// write does the same, but does not see to it that the name lasts.
func write(root *os.Root, name string, data []byte, perm fs.FileMode) error {
	beside := name + ".new"
	if err := root.Remove(beside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := root.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = root.Rename(beside, name)
	}
	if err != nil {
		return errors.Join(err, root.Remove(beside))
	}
	return nil
}

func syncDir(root *os.Root, name string) error {
	d, err := root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(syncOpenDir(d), d.Close())
}

// readTile reads a tile; where a narrow one was cleared away because it filled up
// since, the front of the full one.
func readTile(root *os.Root, t merkle.Tile, least, most int) ([]byte, error) {
	data, err := readFile(root, tilePath(t), most)
	if errors.Is(err, assay.ErrNotFound) && t.W < tileWidth {
		full := t
		full.W = tileWidth
		if data, err = readFile(root, tilePath(full), max(most, tileWidth*merkle.HashSize)); err == nil && t.L != leafLevel {
			data = data[:min(len(data), least)]
		}
	}
	if err == nil && len(data) < least {
		err = fmt.Errorf("%s: %w: %d bytes, not %d", tilePath(t), assay.ErrInvalid, len(data), least)
	}
	return data, err
}

// readBundle reads the leaves of a bundle.
func readBundle(root *os.Root, t merkle.Tile) ([][]byte, error) {
	data, err := readTile(root, t, 0, maxBundleBytes)
	if err != nil {
		return nil, err
	}
	return bundleLeaves(t, data)
}

// readBundleAsIs does the same, of the very file.
func readBundleAsIs(root *os.Root, t merkle.Tile) ([][]byte, error) {
	data, err := readFile(root, tilePath(t), maxBundleBytes)
	if err != nil {
		return nil, err
	}
	return bundleLeaves(t, data)
}

func bundleLeaves(t merkle.Tile, data []byte) ([][]byte, error) {
	leaves, err := parseBundle(data, t.W)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", tilePath(t), assay.ErrInvalid, err)
	}
	return leaves, nil
}

// clearRightOf removes what a writer that was stopped in the middle left beyond the
// tree's right edge: tiles and bundles that no tree has, and files half-written. They
// would otherwise stand where another tile of the same name may be looked for.
func clearRightOf(root *os.Root, size, tiles int64) error {
	for level := leafLevel; level < 6; level++ {
		dir := "tile/" + strconv.Itoa(level)
		if level == leafLevel {
			dir = "tile/entries"
		}
		if _, err := root.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		width := size >> (max(level, 0) * tileHeight)
		// A batch fills so many tiles; files half-written stand in the same folders.
		seen := map[string]bool{}
		for n := width >> tileHeight; n <= width>>tileHeight+tiles; n++ {
			full := tilePath(merkle.Tile{H: tileHeight, L: level, N: n, W: tileWidth})
			for _, d := range []string{path.Dir(full), full + ".p"} {
				if seen[d] {
					continue
				}
				seen[d] = true
				if err := clearFolder(root, d, size); err != nil {
					return fmt.Errorf("clear what a stopped writer left: %w", err)
				}
			}
		}
	}
	return clearFolder(root, ".", size)
}

// clearFolder removes files from one folder of tiles that the tree does not have.
func clearFolder(root *os.Root, dir string, size int64) error {
	d, err := root.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer d.Close()
	entries, err := d.ReadDir(-1)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		t, err := parseTilePath(name)
		switch {
		case e.IsDir(), err == nil && inTree(t, size), dir == "." && !halfWritten(e.Name()):
			continue
		}
		if err := root.Remove(name); err != nil {
			return err
		}
	}
	return nil
}

// halfWritten says whether a name is that of a checkpoint or key not yet in place.
func halfWritten(name string) bool {
	digits, ok := strings.CutPrefix(name, checkpointName)
	return ok && digits != "" && strings.Trim(digits, "0123456789") == "" || name == keyName+".new"
}
