package store_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

// Many publish the same and different things at once, from two processes' worth of
// services on one database and one log: each is there once, and all agree.
func TestAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		second, err := register.Open(t.Context(), register.Config{Store: h.db, Log: h.log, Now: h.clock, Random: rand.Reader, Wait: 1, Holder: "second"})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running, g sync.WaitGroup
		for _, s := range []*register.Service{h.s, second} {
			running.Go(func() {
				if err := s.Run(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		bundles := map[string]*register.Bundle{}
		for i := range 6 {
			name := fmt.Sprintf("K%d", i)
			bundles[name] = h.bundle(t, facts(name), "2031-01-01")
		}
		for _, s := range []*register.Service{h.s, second} {
			for _, b := range bundles {
				for range 3 {
					g.Go(func() {
						if _, err := s.Publish(ctx, h.maker, b); err != nil && !errors.Is(err, assay.ErrConflict) {
							t.Error(err)
						}
					})
				}
			}
		}
		g.Wait()
		cancel()
		running.Wait()
		h.now = h.now.Add(time.Minute) // leases that were not given back have ended
		h.settle(t)
		a := h.agree(t)
		if n, err := h.s.Total(t.Context()); err != nil || n != len(bundles) || a.Known != uint64(len(bundles)) {
			t.Errorf("entries: %d, %v; log: %+v; want %d", n, err, a, len(bundles))
		}
	})
}

// What wakes up after a crash between the log and the database finds its leaves there.
func TestCrashBetween(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		r := h.publish(t, facts("K1"), "2031-01-01")
		var out []register.Outgoing
		if err := h.db.Read(t.Context(), func(rd register.Reader) (err error) {
			out, err = rd.Outbox(t.Context(), 10)
			return err
		}); err != nil || len(out) != 1 {
			t.Fatal(out, err)
		}
		// the log has it, and the database never heard of that; and somebody else's leaf
		if _, err := h.log.AppendAll(t.Context(), [][]byte{out[0].Leaf, []byte("not ours")}); err != nil {
			t.Fatal(err)
		}
		// what waits is found in the log; of what is nobody's, the start tells
		if _, err := h.s.CheckEnd(t.Context()); !errors.Is(err, assay.ErrConflict) || !strings.Contains(err.Error(), "leaf 1,") {
			t.Errorf("a leaf that the database never knew: got %v, want a conflict", err)
		}
		if a, err := h.s.CheckLog(t.Context()); err != nil || a.Ahead != 1 || len(a.Unknown) != 1 || a.Known != 0 {
			t.Errorf("ahead: %+v, %v", a, err)
		}
		h.settle(t)
		if a, err := h.s.CheckEnd(t.Context()); err != nil || a.Known != 1 || len(a.Unknown) != 1 {
			t.Errorf("taken note of: %+v, %v", a, err)
		}
		full, err := h.s.Product(t.Context(), register.Public, r.Slug)
		if err != nil || *full.Version.Leaf != 0 {
			t.Fatalf("%+v, %v", full.Version.Leaf, err)
		}
		a, err := h.s.CheckLog(t.Context())
		if err != nil || a.Agrees() || len(a.Unknown) != 1 || a.Unknown[0] != 1 || a.Leaves != 2 {
			t.Errorf("a leaf that is nobody's is not told of: %+v, %v", a, err)
		}
		if _, err := h.log.AppendAll(t.Context(), [][]byte{out[0].Leaf}); err != nil { // twice
			t.Fatal(err)
		}
		h.publish(t, facts("K2"), "2031-01-01")
		h.settle(t)
		if a, err = h.s.CheckLog(t.Context()); err != nil || a.Again != 1 || a.Known != 2 {
			t.Errorf("twice: %+v, %v", a, err)
		}
		// a log with another leaf in its place
		was := h.log.leaves[0]
		h.log.leaves[0] = []byte("another")
		if a, err := h.s.CheckEnd(t.Context()); !errors.Is(err, assay.ErrConflict) || len(a.Wrong) != 1 {
			t.Errorf("another leaf: %+v, got %v, want a conflict", a, err)
		}
		h.log.leaves[0] = was
		// a log that lost leaves stops everything
		h.log.leaves = h.log.leaves[:2]
		if _, err := h.s.Integrate(t.Context()); !errors.Is(err, assay.ErrConflict) {
			t.Errorf("a shorter log: got %v, want a conflict", err)
		}
		if _, err := h.s.CheckEnd(t.Context()); !errors.Is(err, assay.ErrConflict) {
			t.Errorf("a shorter log at the start: got %v, want a conflict", err)
		}
		if a, err = h.s.CheckLog(t.Context()); err != nil || a.Agrees() {
			t.Errorf("a shorter log agrees: %+v, %v", a, err)
		}
	})
}

// Rows that must stay as they are cannot be changed by whoever holds the database's
// own text, either.
func TestKept(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.publish(t, facts("K1"), "2031-01-01")
		for _, q := range []string{`update event set action = 'x'`, `delete from event`, `update version set record = digest`, `delete from version`} {
			if err := h.db.Raw(t.Context(), q); err == nil {
				t.Errorf("%s: it went through", q)
			}
		}
	})
}
