package tlog

import (
	"bytes"
	"context"
	"fmt"
	"time"

	merkle "golang.org/x/mod/sumdb/tlog"

	"github.com/assay-psti/assay"
)

// Size is how many leaves are stored for good, be they published or not.
func (l *Log) Size(ctx context.Context) (int64, error) { return l.store.size(ctx) }

// Checkpoint is the newest that was published.
func (l *Log) Checkpoint() (*Checkpoint, error) {
	if c := l.published.Load(); c != nil && l.guard != nil && c.Size == l.guard.signed.Load() {
		return c, nil
	}
	raw, err := readFile(l.root, checkpointName, maxCheckpointBytes)
	if err != nil {
		return nil, err
	}
	if c := l.published.Load(); c != nil && bytes.Equal(c.Raw, raw) {
		return c, nil
	}
	c, err := OpenCheckpoint(raw, l.key, nil)
	if err != nil {
		return nil, err
	}
	if l.o.Witnesses != nil { // cosignatures are shown, whether they suffice is the reader's to say
		if w, err := OpenCheckpoint(raw, l.key, l.o.Witnesses); err == nil {
			c = w
		}
	}
	l.published.Store(c)
	return c, nil
}

// Published waits until a published checkpoint commits to the leaf.
func (l *Log) Published(ctx context.Context, index int64) (*Checkpoint, error) {
	t := time.NewTicker(10 * time.Millisecond)
	defer t.Stop()
	for {
		if c, err := l.Checkpoint(); err != nil || c.Size > index {
			return c, err
		}
		if err := l.guard.fault(); err != nil {
			return nil, err
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the checkpoint over leaf %d: %w", index, ctx.Err())
		}
	}
}

// Leaf gives a stored leaf.
func (l *Log) Leaf(ctx context.Context, index int64) ([]byte, error) {
	var leaf []byte
	err := l.leaves(ctx, index, index+1, func(_ int64, data []byte) error {
		leaf = data
		return nil
	})
	if err == nil && leaf == nil {
		err = &assay.Problem{Kind: assay.ErrNotFound, Where: "log " + l.o.Origin, What: fmt.Sprintf("has no leaf %d", index)}
	}
	return leaf, err
}

// Leaves calls f for each stored leaf from an index on, in order, be they published
// or not: what a database that fell behind the log has to catch up with. f keeps what
// it is given. An error of f ends it.
func (l *Log) Leaves(ctx context.Context, from int64, f func(index int64, leaf []byte) error) error {
	return l.leaves(ctx, from, MaxSize, f)
}

func (l *Log) leaves(ctx context.Context, from, to int64, f func(int64, []byte) error) error {
	size, err := l.store.size(ctx)
	if err != nil {
		return err
	}
	if from < 0 {
		return &assay.Problem{Kind: assay.ErrInvalid, What: fmt.Sprintf("leaf %d", from)}
	}
	to = min(to, size)
	for from < to {
		if err := ctx.Err(); err != nil {
			return err
		}
		leaves, err := readBundle(l.root, bundle(from>>tileHeight, size))
		if err != nil {
			return fmt.Errorf("read the log: %w", err)
		}
		for _, leaf := range leaves[from%tileWidth:] {
			if from == to {
				break
			}
			if err := f(from, leaf); err != nil {
				return err
			}
			from++
		}
	}
	return nil
}

// Prove makes the proof that a leaf is in the newest published checkpoint. It brings
// the leaf with it. A leaf that no checkpoint commits to yet is an error of kind
// assay.ErrNotFound.
func (l *Log) Prove(ctx context.Context, index int64) (*Proof, error) {
	c, path, err := l.Path(index)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t := bundle(index>>tileHeight, c.Size)
	leaves, err := readBundle(l.root, t)
	if err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	leaf := leaves[index-t.N<<tileHeight]
	if was, err := l.hashes.ReadHashes([]int64{merkle.StoredHashIndex(0, index)}); err != nil || was[0] != leafHash(leaf) {
		return nil, &assay.Problem{Kind: assay.ErrInternal, Where: "log " + c.Origin, What: fmt.Sprintf("leaf %d was changed in the folder", index), Do: "restore it from a backup or a mirror"}
	}
	return &Proof{Index: index, Path: path, Checkpoint: c.Raw, Extra: bytes.Clone(leaf)}, nil
}

// Path is the hashes of such a proof without the rest, and the checkpoint that they
// lead to.
func (l *Log) Path(index int64) (*Checkpoint, [][32]byte, error) {
	c, err := l.Checkpoint()
	if err != nil {
		return nil, nil, err
	}
	if index < 0 || index >= c.Size {
		return nil, nil, &assay.Problem{Kind: assay.ErrNotFound, Where: "log " + c.Origin, What: fmt.Sprintf("its checkpoint of %d leaves has no leaf %d", c.Size, index)}
	}
	path, err := merkle.ProveRecord(c.Size, index, l.hashes)
	return c, plain(path), err
}

// ProveGrowth makes the proof that the tree of so many leaves begins with a smaller
// one; CheckGrowth checks it.
func (l *Log) ProveGrowth(older, newer int64) ([][32]byte, error) {
	if older < 0 || older > newer || newer > l.hashes.leaves() {
		return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: "log " + l.o.Origin, What: fmt.Sprintf("no proof of growth from %d to %d leaves, with %d published", older, newer, l.hashes.leaves())}
	}
	if older == 0 || older == newer {
		return nil, nil
	}
	path, err := merkle.ProveTree(newer, older, l.hashes)
	return plain(path), err
}

func plain(path []merkle.Hash) [][32]byte {
	out := make([][32]byte, len(path))
	for i, h := range path {
		out[i] = h
	}
	return out
}
