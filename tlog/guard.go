package tlog

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/mod/sumdb/note"
	merkle "golang.org/x/mod/sumdb/tlog"

	"github.com/assay-psti/assay"
)

// guard is the log's signer. It signs a checkpoint only where the leaves, read back
// from the folder and hashed by other code than the store's, make that tree, and
// where that tree is what was signed before, grown. Once it refused, it stays so.
type guard struct {
	note.Signer
	l *Log

	mu      sync.Mutex            // guards who signs and extends the log's hashes
	refused atomic.Pointer[error] // why nothing more is signed
	signed  atomic.Int64          // leaves of the last checkpoint signed
}

// Sign signs the text of a checkpoint.
func (g *guard) Sign(text []byte) ([]byte, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.fault(); err != nil {
		return nil, err
	}
	if err := g.check(text); err != nil {
		g.refuse(fmt.Errorf("the log stopped, and nothing more is signed: %w: %w", assay.ErrInternal, err))
		return nil, g.fault()
	}
	g.signed.Store(g.l.hashes.leaves())
	return g.Signer.Sign(text)
}

func (g *guard) check(text []byte) error {
	c, err := parseCheckpointText(string(text))
	if err != nil {
		return fmt.Errorf("checkpoint to sign: %w", err)
	}
	known := g.l.hashes.leaves()
	if c.Origin != g.Name() || c.Size < known {
		return fmt.Errorf("checkpoint to sign: %d leaves of %q, after %d of %q", c.Size, c.Origin, known, g.Name())
	}
	for known < c.Size {
		t := bundle(known>>tileHeight, c.Size)
		leaves, err := readBundle(g.l.root, t)
		if err != nil {
			return err
		}
		add := make([]merkle.Hash, 0, tileWidth)
		for i, leaf := range leaves {
			h, index := leafHash(leaf), t.N<<tileHeight+int64(i)
			if index >= known {
				add = append(add, h)
			} else if was, err := g.l.hashes.ReadHashes([]int64{merkle.StoredHashIndex(0, index)}); err != nil || was[0] != h {
				return fmt.Errorf("leaf %d was changed in the folder: %w", index, assay.ErrConflict)
			}
		}
		g.l.hashes.add(add...)
		known += int64(len(add))
	}
	root, err := merkle.TreeHash(c.Size, g.l.hashes)
	if err == nil && root != c.Root {
		err = fmt.Errorf("checkpoint to sign: its root is not that of the %d leaves that are stored", c.Size)
	}
	return err
}

// fault is why nothing more is signed; nil where all is well.
func (g *guard) fault() error {
	if err := g.refused.Load(); err != nil {
		return *err
	}
	return nil
}

// refuse makes it sign nothing more; the first reason stays.
func (g *guard) refuse(why error) { g.refused.CompareAndSwap(nil, &why) }

// openSigner reads the log's key, and makes one where neither key nor log is there.
func openSigner(dir, origin string) (note.Signer, Key, error) {
	name := filepath.Join(dir, "key")
	bad := func(kind error, what, do string, err error) (note.Signer, Key, error) {
		return nil, Key{}, &assay.Problem{Kind: kind, Where: name, What: what, Do: do, Err: err}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, Key{}, err
	}
	defer root.Close()
	data, err := readFile(root, "key", maxKeyBytes)
	if errors.Is(err, assay.ErrNotFound) {
		for _, made := range []string{checkpointName, "tile"} {
			if _, err := root.Stat(logDir + "/" + made); !errors.Is(err, fs.ErrNotExist) {
				return bad(assay.ErrConflict, "is not there, but the log is", "restore it from a backup: with another key it would be another log", err)
			}
		}
		text, _, err := note.GenerateKey(rand.Reader, origin)
		if err != nil {
			return bad(assay.ErrInternal, "cannot be made", "", err)
		}
		data = []byte(text + "\n")
		if err := errors.Join(write(root, "key", data, 0o600), syncDir(root, ".")); err != nil {
			return bad(assay.ErrInternal, "cannot be written", "", err)
		}
	} else if err != nil {
		return nil, Key{}, err
	}
	if i, err := root.Stat("key"); err != nil || i.Mode().Perm()&0o077 != 0 && groupAndOthersCount {
		return bad(assay.ErrRefused, "can be read by others than its owner", "run chmod 600 on it, and think about who has it", err)
	}
	signer, err := note.NewSigner(strings.TrimSpace(string(data)))
	if err != nil {
		return bad(assay.ErrInvalid, "is no key of a log", "restore it from a backup", nil)
	}
	if signer.Name() != origin {
		return bad(assay.ErrConflict, fmt.Sprintf("is the key of %q, not of %q", signer.Name(), origin), "a log keeps its name for ever", nil)
	}
	key, err := publicOf(string(bytes.TrimSpace(data)))
	return signer, key, err
}
