package tlog

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	merkle "golang.org/x/mod/sumdb/tlog"

	"github.com/assay-psti/assay"
)

// Mirrored is what one run of a mirror did.
type Mirrored struct {
	Key      Key         `json:"-"`
	FirstUse bool        `json:"first_use"` // the key came from the log itself, and is pinned from now on
	Before   *Checkpoint `json:"before"`    // nil: there was no copy
	Now      *Checkpoint `json:"now"`
	Fetched  int64       `json:"fetched"` // bundles of leaves
	Kept     int64       `json:"kept"`    // bundles that an earlier run, cut short, had left in place
}

// Mirror brings the copy of a log in a folder up to what the log shows now. Each file
// is put in place only after it was checked against the new checkpoint, and the new
// checkpoint only when all is there and it was shown to contain the old one: at any
// moment the folder is a whole copy that a web server can serve as it is. A run cut
// short goes on where it was. The log's key is pinned in the folder, as log.vkey.
//
// Where the log was forked or rolled back the copy stays as it is, both checkpoints
// are written below evidence/, and the error is of type *Fork. The function progress,
// where not nil, is told how many bundles of how many are done; calls do not overlap.
func Mirror(ctx context.Context, address, dir string, o ClientOptions, progress func(done, of int64)) (*Mirrored, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the mirror's folder: %w", err)
	}
	unlock, err := lock(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = unlock() }() // all is written by then
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	pinned, err := PinnedKey(dir)
	switch {
	case errors.Is(err, assay.ErrNotFound):
	case err != nil:
		return nil, err
	case o.Key != nil && o.Key.String() != pinned.String():
		return nil, &assay.Problem{Kind: assay.ErrConflict, Where: filepath.Join(dir, keyName), What: "the folder is a mirror of the log with another key, " + pinned.String(), Do: "mirror into another folder"}
	default:
		o.Key = &pinned
	}
	c, err := NewClient(ctx, address, o)
	if err != nil {
		return nil, err
	}
	m := &mirror{c: c, root: root, progress: progress, saved: map[merkle.Tile]bool{}, dirs: map[string]bool{".": true}}
	m.FirstUse = c.FirstUse()
	m.Mirrored.Key = c.Key()
	return &m.Mirrored, m.run(ctx)
}

// PinnedKey is the key of the log that a mirror's folder is a copy of; an error of
// kind assay.ErrNotFound where there is none.
func PinnedKey(dir string) (Key, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Key{}, err
	}
	defer root.Close()
	text, err := readFile(root, keyName, maxKeyBytes)
	if err != nil {
		return Key{}, err
	}
	return ParseKey(string(text))
}

type mirror struct {
	Mirrored
	c        *Client
	root     *os.Root
	progress func(done, of int64)

	mu    sync.Mutex // guards the fields below, and calls of progress
	saved map[merkle.Tile]bool
	dirs  map[string]bool // that files were written to
	done  int64
}

func (m *mirror) run(ctx context.Context) error {
	raw, err := readFile(m.root, checkpointName, maxCheckpointBytes)
	if err == nil {
		m.Before, err = OpenCheckpoint(raw, m.Mirrored.Key, nil)
	}
	if err != nil && !errors.Is(err, assay.ErrNotFound) {
		return err
	}
	if m.Now, err = m.c.Checkpoint(ctx); err != nil {
		return err
	}
	if m.Now.Size > m.c.o.MaxSize {
		return &assay.Problem{Kind: assay.ErrUnsupported, Where: m.c.base.String(), What: fmt.Sprintf("claims %d leaves, more than the %d that are mirrored", m.Now.Size, m.c.o.MaxSize)}
	}
	if m.FirstUse {
		if err := writeFile(m.root, keyName, []byte(m.Mirrored.Key.String()+"\n")); err != nil {
			return err
		}
	} else if _, err := m.root.Stat(keyName); err != nil {
		if err := writeFile(m.root, keyName, []byte(m.Mirrored.Key.String()+"\n")); err != nil {
			return err
		}
	}
	from := int64(0)
	if m.Before != nil {
		err := m.c.Grew(ctx, m.Before, m.Now)
		var fork *Fork
		if errors.As(err, &fork) {
			return errors.Join(fork, m.keepEvidence(fork))
		}
		if err != nil {
			return err
		}
		from = m.Before.Size
	}
	if from < m.Now.Size {
		if err := m.fill(ctx, from); err != nil {
			return err
		}
	}
	if err := m.sync(); err != nil {
		return err
	}
	if err := writeFile(m.root, checkpointName, m.Now.Raw); err != nil {
		return err
	}
	return m.clear(from)
}

// fill brings in the bundles from the one that holds a leaf on, with their tiles.
func (m *mirror) fill(ctx context.Context, from int64) error {
	first, last := from>>tileHeight, (m.Now.Size-1)>>tileHeight
	var next atomic.Int64
	next.Store(first)
	g, ctx := errgroup.WithContext(ctx)
	for range walkAhead {
		g.Go(func() error {
			t := &tiles{ctx: ctx, c: m.c, seen: map[merkle.Tile][]byte{}, save: m.saveTile}
			tree := merkle.TileHashReader(m.Now.tree(), t)
			for {
				n := next.Add(1) - 1
				if n > last {
					return nil
				}
				if err := m.take(ctx, bundle(n, m.Now.Size), tree); err != nil {
					return m.c.misfit(err)
				}
				if t.err != nil {
					return fmt.Errorf("write the mirror: %w", t.err)
				}
				m.mu.Lock()
				m.done++
				if m.progress != nil {
					m.progress(m.done, last-first+1)
				}
				m.mu.Unlock()
			}
		})
	}
	return g.Wait()
}

// take brings in one bundle.
func (m *mirror) take(ctx context.Context, t merkle.Tile, tree merkle.HashReader) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	indexes := make([]int64, t.W)
	for i := range indexes {
		indexes[i] = merkle.StoredHashIndex(0, t.N<<tileHeight+int64(i))
	}
	want, err := tree.ReadHashes(indexes)
	if err != nil {
		return err
	}
	if data, err := readFile(m.root, tilePath(t), maxBundleBytes); err == nil {
		if leaves, err := parseBundle(data, t.W); err == nil && fits(leaves, want) {
			atomic.AddInt64(&m.Kept, 1)
			return nil
		}
	}
	leaves, err := m.c.leaves(ctx, t)
	if err != nil {
		return err
	}
	if !fits(leaves, want) {
		return &assay.Problem{Kind: assay.ErrRefused, Where: m.c.base.JoinPath(tilePath(t)).String(), What: "its leaves are not those that the checkpoint commits to", Do: "a cache or a server on the way changed them: the log's key did not sign them"}
	}
	var data []byte
	for _, leaf := range leaves {
		data = appendLeaf(data, leaf)
	}
	atomic.AddInt64(&m.Fetched, 1)
	return m.put(t, data)
}

func fits(leaves [][]byte, want []merkle.Hash) bool {
	for i, leaf := range leaves {
		if leafHash(leaf) != want[i] {
			return false
		}
	}
	return len(leaves) == len(want)
}

// saveTile writes a tile that was checked, once.
func (m *mirror) saveTile(t merkle.Tile, data []byte) error {
	m.mu.Lock()
	done := m.saved[t]
	m.saved[t] = true
	m.mu.Unlock()
	if done {
		return nil
	}
	return m.put(t, data)
}

// put writes a file. That it lasts under its name is seen to by sync.
func (m *mirror) put(t merkle.Tile, data []byte) error {
	name := tilePath(t)
	dir := path.Dir(name)
	m.mu.Lock()
	for d := dir; !m.dirs[d]; d = path.Dir(d) {
		m.dirs[d] = true
	}
	m.mu.Unlock()
	if err := m.root.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return write(m.root, name, data, 0o644)
}

// sync makes the names of all files that were written last.
func (m *mirror) sync() error {
	for d := range m.dirs {
		if err := syncDir(m.root, d); err != nil {
			return err
		}
	}
	return nil
}

// clear removes narrow tiles that full ones took the place of.
func (m *mirror) clear(before int64) error {
	for level := leafLevel; level < 6; level++ {
		t := merkle.Tile{H: tileHeight, L: level, N: before >> (max(level, 0) * tileHeight) >> tileHeight, W: tileWidth}
		if inTree(t, m.Now.Size) {
			if err := m.root.RemoveAll(tilePath(t) + ".p"); err != nil {
				return err
			}
		}
	}
	return nil
}

// keepEvidence writes both checkpoints of a fork.
func (m *mirror) keepEvidence(f *Fork) error {
	if err := m.root.MkdirAll("evidence", 0o755); err != nil {
		return err
	}
	sum := sha256.Sum256(f.Shown.Raw)
	name := fmt.Sprintf("evidence/%d-%d-%x", f.Kept.Size, f.Shown.Size, sum[:8])
	return errors.Join(writeFile(m.root, name+".kept", f.Kept.Raw), writeFile(m.root, name+".shown", f.Shown.Raw))
}
