package register

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/assay-psti/assay"
)

// LogLease is the lease of whoever moves leaves into the log, or keeps them from moving.
const LogLease = "log"

const (
	leaseTime = 30 * time.Second
	moveBatch = 2048 // leaves that are appended at once
	takeBatch = 1000 // leaves that are taken note of in one transaction
	lookEvery = 500 * time.Millisecond
)

// Run moves leaves into the log, and takes note of what the log has, until the
// context ends. Of several processes on one database one does it at a time. Leaves
// reach the store from the log's side alone: so a leaf that got into the log just
// before a crash is found there by the next to run, and not written twice.
func (s *Service) Run(ctx context.Context) error {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		moved, err := s.Integrate(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, assay.ErrConflict) {
			return err // the log has lost leaves: nothing may go on as if it had not
		}
		if err == nil && moved > 0 {
			continue
		}
		if err != nil && s.Trouble != nil {
			s.Trouble(err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
		case <-ticker.C:
		}
	}
}

// Integrate does one round of Run: it takes note of what the log has, moves a batch
// of leaves into it, and takes note of those. It returns how many leaves it moved;
// none where another process is at it.
func (s *Service) Integrate(ctx context.Context) (moved int, err error) {
	idle, err := s.idle(ctx)
	if err != nil || idle {
		return 0, err
	}
	mine, err := s.lease(ctx)
	if err != nil { // whether it was taken is not known
		return 0, errors.Join(err, s.release(ctx))
	}
	if !mine {
		return 0, nil
	}
	defer func() { err = errors.Join(err, s.release(ctx)) }()
	return s.move(ctx)
}

// idle reports that nothing waits, and that the log holds nothing new.
func (s *Service) idle(ctx context.Context) (idle bool, err error) {
	err = s.Store.Read(ctx, func(r Reader) error {
		out, err := r.Outbox(ctx, 1)
		if err != nil || len(out) > 0 {
			return err
		}
		from, err := r.Integrated(ctx)
		if err != nil {
			return err
		}
		size, err := s.logSize(ctx)
		if err != nil {
			return err
		}
		idle = size == from
		return nil
	})
	return idle, err
}

// lease makes this process the only one that moves leaves, for a while.
func (s *Service) lease(ctx context.Context) (mine bool, err error) {
	err = s.Store.Write(ctx, func(w Writer) error {
		now := s.now()
		mine, err = w.TakeLease(ctx, LogLease, s.Holder, now, now.Add(leaseTime))
		return err
	})
	return mine, err
}

func (s *Service) release(ctx context.Context) error {
	return s.Store.Write(context.WithoutCancel(ctx), func(w Writer) error { return w.DropLease(ctx, LogLease, s.Holder) })
}

func (s *Service) move(ctx context.Context) (moved int, err error) {
	if err := s.take(ctx); err != nil {
		return 0, err
	}
	var out []Outgoing
	err = s.Store.Read(ctx, func(r Reader) error {
		out, err = r.Outbox(ctx, moveBatch)
		return err
	})
	if err != nil || len(out) == 0 {
		return 0, err
	}
	leaves := make([][]byte, len(out))
	for i, o := range out {
		leaves[i] = o.Leaf
	}
	if _, err := s.Log.AppendAll(ctx, leaves); err != nil {
		return 0, fmt.Errorf("append to the log: %w", err)
	}
	return len(out), s.take(ctx)
}

// take reads the log from where the store has got to, and has the store take note.
func (s *Service) take(ctx context.Context) error {
	for {
		var from uint64
		err := s.Store.Read(ctx, func(r Reader) (err error) {
			from, err = r.Integrated(ctx)
			return err
		})
		if err != nil {
			return err
		}
		size, err := s.logSize(ctx)
		if err != nil {
			return err
		}
		switch {
		case size < from:
			return fmt.Errorf("the log has %d leaves, and had %d: %w: restore the log that belongs to this database", size, from, assay.ErrConflict)
		case size == from:
			return nil
		}
		leaves, err := s.readLog(ctx, from)
		if err != nil {
			return err
		}
		err = s.Store.Write(ctx, func(w Writer) error {
			done, err := w.Integrate(ctx, from, leaves)
			if err != nil || done.Public == 0 {
				return err
			}
			payload, err := json.Marshal(Alert{From: from, Count: len(leaves)})
			if err != nil {
				return err
			}
			return w.Enqueue(ctx, Work{WorkAlert, payload})
		})
		if errors.Is(err, ErrRaced) {
			continue
		}
		if err != nil {
			return fmt.Errorf("take note of the log from %d: %w", from, err)
		}
		s.broadcast()
	}
}

func (s *Service) logSize(ctx context.Context) (uint64, error) {
	size, err := s.Log.Size(ctx)
	if err != nil {
		return 0, fmt.Errorf("size of the log: %w", err)
	}
	return uint64(max(size, 0)), nil
}

// errEnough ends the reading of a batch.
var errEnough = errors.New("enough")

// readLog reads a batch of leaves from an index on; at least one.
func (s *Service) readLog(ctx context.Context, from uint64) (leaves [][]byte, err error) {
	err = s.Log.Leaves(ctx, int64(from), func(index int64, leaf []byte) error {
		if uint64(index) != from+uint64(len(leaves)) {
			return fmt.Errorf("leaf %d: %w: want %d", index, assay.ErrInternal, from+uint64(len(leaves)))
		}
		if leaves = append(leaves, leaf); len(leaves) == takeBatch {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, fmt.Errorf("read the log from %d: %w", from, err)
	}
	if len(leaves) == 0 {
		return nil, fmt.Errorf("read the log from %d: %w: it ends before its size", from, assay.ErrInternal)
	}
	return leaves, nil
}

// ErrRaced is that another process took note of the same leaves first.
var ErrRaced = errors.New("another process was first")

// broadcast tells those who wait that the log got further.
func (s *Service) broadcast() {
	s.mu.Lock()
	close(s.further)
	s.further = make(chan struct{})
	s.mu.Unlock()
}

// await gives the log a moment to take a version that is committed, so that its
// receipt can say where it is.
func (s *Service) await(ctx context.Context, r Receipt, scope Scope) (Receipt, error) {
	if !r.Pending {
		return r, nil
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
	deadline := time.NewTimer(s.Wait)
	defer deadline.Stop()
	for {
		s.mu.Lock()
		further := s.further
		s.mu.Unlock()
		var v Version
		err := s.Store.Read(ctx, func(rd Reader) (err error) {
			v, err = rd.Version(ctx, scope, r.Product, r.Version)
			return err
		})
		if err == nil && v.Leaf != nil {
			r.Leaf, r.Pending = v.Leaf, false
			return r, nil
		}
		again := time.NewTimer(lookEvery)
		select {
		case <-further:
		case <-again.C:
		case <-deadline.C:
			again.Stop()
			return r, nil
		case <-ctx.Done():
			again.Stop()
			return r, nil // it is committed, whoever waits
		}
		again.Stop()
	}
}

// LogState is how far the log has got.
func (s *Service) LogState(ctx context.Context) (state LogState, err error) {
	if state.Size, err = s.logSize(ctx); err != nil {
		return state, err
	}
	err = s.Store.Read(ctx, func(r Reader) error {
		if state.Integrated, err = r.Integrated(ctx); err != nil {
			return err
		}
		state.Pending, state.Oldest, err = r.OutboxState(ctx)
		return err
	})
	return state, err
}
