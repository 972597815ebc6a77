package tlog

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/sync/errgroup"

	"github.com/assay-psti/assay"
)

// walkAhead is how many bundles are fetched at once.
const walkAhead = 4

// Walk reads every leaf of a checkpoint's tree in order, hands each to f (nil: to
// nobody), and computes the root from the leaves alone. It also holds the tree
// against checkpoints kept earlier: where one does not fit, the error is of type
// *Fork. What f was told counts only when the error is nil.
func (c *Client) Walk(ctx context.Context, shown *Checkpoint, f func(index int64, leaf []byte) error, kept ...*Checkpoint) error {
	if shown.Size > c.o.MaxSize {
		return &assay.Problem{Kind: assay.ErrUnsupported, Where: c.base.String(), What: fmt.Sprintf("claims %d leaves, more than the %d that are walked through", shown.Size, c.o.MaxSize)}
	}
	return walk(ctx, shown, f, kept, func(ctx context.Context, n int64) ([][]byte, error) {
		return c.leaves(ctx, bundle(n, shown.Size))
	})
}

// AuditFolder does for the folder of a mirror what Walk does for a log, and gives the
// checkpoint that the leaves fit.
func AuditFolder(ctx context.Context, dir string, key Key, witnesses *Policy, f func(index int64, leaf []byte) error, kept ...*Checkpoint) (*Checkpoint, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	held, err := folderCheckpoint(root, key, witnesses)
	if err != nil {
		return nil, err
	}
	return held, walk(ctx, held, f, kept, func(_ context.Context, n int64) ([][]byte, error) {
		return readBundle(root, bundle(n, held.Size))
	})
}

// FolderCheckpoint is the checkpoint that a mirror's folder is a copy of.
func FolderCheckpoint(dir string, key Key, witnesses *Policy) (*Checkpoint, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return folderCheckpoint(root, key, witnesses)
}

func folderCheckpoint(root *os.Root, key Key, witnesses *Policy) (*Checkpoint, error) {
	raw, err := readFile(root, checkpointName, maxCheckpointBytes)
	if err != nil {
		return nil, err
	}
	return OpenCheckpoint(raw, key, witnesses)
}

// walk reads bundles a few ahead, and takes them in order.
func walk(ctx context.Context, shown *Checkpoint, f func(int64, []byte) error, kept []*Checkpoint, read func(ctx context.Context, n int64) ([][]byte, error)) error {
	for _, k := range kept {
		if err, _ := compare(k, shown); err != nil {
			return err
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	type slot chan [][]byte
	order := make(chan slot, walkAhead)
	bundles := (shown.Size + tileWidth - 1) / tileWidth
	g.Go(func() error {
		defer close(order)
		for n := range bundles {
			s := make(slot, 1)
			select {
			case order <- s:
			case <-ctx.Done():
				return ctx.Err()
			}
			g.Go(func() error {
				leaves, err := read(ctx, n)
				if err != nil {
					return err
				}
				s <- leaves
				return nil
			})
		}
		return nil
	})
	var fork *Fork
	g.Go(func() error {
		var tree frontier
		for s := range order {
			var leaves [][]byte
			select {
			case leaves = <-s:
			case <-ctx.Done():
				return ctx.Err()
			}
			for _, leaf := range leaves {
				if f != nil {
					if err := f(tree.size, leaf); err != nil {
						return err
					}
				}
				tree.add(leafHash(leaf))
				for _, k := range kept {
					if fork == nil && k.Size == tree.size && k.Root != tree.root() {
						fork = &Fork{Kept: k, Shown: shown}
					}
				}
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if tree.size != shown.Size || tree.root() != shown.Root {
			return &assay.Problem{Kind: assay.ErrRefused, Where: "log " + shown.Origin, What: fmt.Sprintf("the %d leaves that it serves do not make the tree of its checkpoint", tree.size)}
		}
		return nil
	})
	if err := g.Wait(); err != nil {
		return err
	}
	if fork != nil {
		return fork
	}
	return nil
}
