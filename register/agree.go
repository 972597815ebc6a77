package register

import (
	"context"
	"fmt"

	"github.com/assay-psti/assay"
)

// Agreement is how the log and the store compare, leaf by leaf.
type Agreement struct {
	Leaves  uint64   `json:"leaves"`  // in the log
	Known   uint64   `json:"known"`   // that the store has under their index
	Again   uint64   `json:"again"`   // that the store has under an earlier index
	Ahead   uint64   `json:"ahead"`   // that the store took no note of yet; the next round of Integrate does
	Unknown []uint64 `json:"unknown"` // that the store knows nothing of; at most MaxPage are named
	Wrong   []uint64 `json:"wrong"`   // indexes under which the store has another leaf, or that the log lacks
	Pending int      `json:"pending"` // leaves that the log does not have yet
}

// Agrees reports that each leaf of the log is the store's, and the other way round.
func (a *Agreement) Agrees() bool { return len(a.Unknown) == 0 && len(a.Wrong) == 0 }

func note(list *[]uint64, index uint64) {
	if len(*list) < MaxPage {
		*list = append(*list, index)
	}
}

// Walk gives all leaves of a log in order, as often as it is asked to go through them.
type Walk func(each func(index int64, leaf []byte) error) error

// CheckLog walks the whole log and holds it against the store.
func (s *Service) CheckLog(ctx context.Context) (Agreement, error) {
	return Compare(ctx, s.Store, func(each func(int64, []byte) error) error { return s.Log.Leaves(ctx, 0, each) })
}

// Compare holds all leaves of a log against a store, which may be written to meanwhile.
func Compare(ctx context.Context, store Store, walk Walk) (Agreement, error) {
	var a Agreement
	// What the store took note of stood in the log before: so it is read first.
	from, err := integrated(ctx, store)
	if err != nil {
		return a, err
	}
	var batch [][]byte
	compare := func() error {
		first := a.Leaves - uint64(len(batch))
		taken := min(uint64(len(batch)), max(from, first)-first)
		err := store.Read(ctx, func(r Reader) error {
			if err := a.hold(ctx, r, first, batch[:taken], nil); err != nil || taken == uint64(len(batch)) {
				return err
			}
			waiting, err := waiting(ctx, r)
			if err != nil {
				return err
			}
			return a.hold(ctx, r, first+taken, batch[taken:], waiting)
		})
		batch = batch[:0]
		return err
	}
	err = walk(func(index int64, leaf []byte) error {
		if uint64(index) != a.Leaves {
			return fmt.Errorf("leaf %d of the log: %w: want %d", index, assay.ErrInternal, a.Leaves)
		}
		a.Leaves++
		if batch = append(batch, leaf); len(batch) < takeBatch {
			return ctx.Err()
		}
		return compare()
	})
	if err == nil {
		err = compare()
	}
	if err != nil {
		return a, err
	}
	for index := a.Leaves; index < from && len(a.Wrong) < MaxPage; index++ {
		note(&a.Wrong, index) // it was in the log once
	}
	err = store.Read(ctx, func(r Reader) error {
		now, err := r.Integrated(ctx)
		if err != nil {
			return err
		}
		beyond, err := r.LeafHashes(ctx, max(a.Leaves, from, now), takeBatch)
		for index := range beyond {
			note(&a.Wrong, index)
		}
		if err != nil {
			return err
		}
		a.Pending, _, err = r.OutboxState(ctx)
		return err
	})
	return a, err
}

func integrated(ctx context.Context, store Store) (n uint64, err error) {
	err = store.Read(ctx, func(r Reader) error {
		n, err = r.Integrated(ctx)
		return err
	})
	return n, err
}

// waiting are the leaves that go into the log next: what is in it and was not taken note
// of yet is among them, for at most moveBatch are appended before that is done.
func waiting(ctx context.Context, r Reader) (map[assay.Digest]bool, error) {
	out, err := r.Outbox(ctx, 2*moveBatch)
	all := make(map[assay.Digest]bool, len(out))
	for _, o := range out {
		all[DigestOf(o.Leaf)] = true
	}
	return all, err
}

// hold compares some leaves, from an index on, with what the store has under an index or
// waiting.
func (a *Agreement) hold(ctx context.Context, r Reader, from uint64, leaves [][]byte, waiting map[assay.Digest]bool) error {
	if len(leaves) == 0 {
		return nil
	}
	have, err := r.LeafHashes(ctx, from, len(leaves))
	if err != nil {
		return err
	}
	for i, leaf := range leaves {
		index, digest := from+uint64(i), DigestOf(leaf)
		if have[index] == digest {
			a.Known++
			continue
		}
		if have[index] != "" {
			note(&a.Wrong, index)
			continue
		}
		at, known, err := r.LeafIndex(ctx, digest)
		switch {
		case err != nil:
			return err
		case known && at < index:
			a.Again++
		case waiting[digest]:
			a.Ahead++
		default:
			note(&a.Unknown, index)
		}
	}
	return nil
}

// startChecks is how many leaves CheckEnd looks at on either side of where the store got to.
const startChecks = moveBatch

// CheckEnd holds the newest leaves of the log against the store, before anything is
// served: those that the store took note of last, and those that it did not yet. An
// error of kind assay.ErrConflict says that they do not belong together: the log lost
// leaves, has others, or was written from a database that this one is an older state of.
// Leaves that are nobody's, and were taken note of as that, are in the Agreement alone.
func (s *Service) CheckEnd(ctx context.Context) (Agreement, error) {
	var a Agreement
	conflict := func(what string, args ...any) error {
		return &assay.Problem{Kind: assay.ErrConflict, Where: "the log and the database", What: "do not belong together: " + fmt.Sprintf(what, args...),
			Do: "restore both from one backup; assay check-log says more"}
	}
	next, err := integrated(ctx, s.Store)
	if err != nil {
		return a, err
	}
	if a.Leaves, err = s.logSize(ctx); err != nil {
		return a, err
	}
	if a.Leaves < next {
		return a, conflict("the log has %d leaves, and had %d", a.Leaves, next)
	}
	if err := s.holdRange(ctx, &a, next-min(next, startChecks), next, nil); err != nil {
		return a, err
	}
	if len(a.Wrong) > 0 {
		return a, conflict("the database has another leaf than the log under number %d", a.Wrong[0])
	}
	var out map[assay.Digest]bool
	err = s.Store.Read(ctx, func(r Reader) error {
		out, err = waiting(ctx, r)
		return err
	})
	if err != nil {
		return a, err
	}
	var ahead Agreement
	if err := s.holdRange(ctx, &ahead, next, min(a.Leaves, next+startChecks), out); err != nil {
		return a, err
	}
	a.Ahead, a.Again = a.Ahead+ahead.Ahead, a.Again+ahead.Again
	if len(ahead.Unknown)+len(ahead.Wrong) > 0 {
		return a, conflict("the log has leaf %d, of which the database knows nothing: it is older than the log", append(ahead.Unknown, ahead.Wrong...)[0])
	}
	return a, nil
}

// holdRange compares the leaves from one index to before another.
func (s *Service) holdRange(ctx context.Context, a *Agreement, from, to uint64, waiting map[assay.Digest]bool) error {
	for from < to {
		leaves, err := s.readLog(ctx, from)
		if err != nil {
			return err
		}
		leaves = leaves[:min(uint64(len(leaves)), to-from)]
		if err := s.Store.Read(ctx, func(r Reader) error { return a.hold(ctx, r, from, leaves, waiting) }); err != nil {
			return err
		}
		from += uint64(len(leaves))
	}
	return nil
}
