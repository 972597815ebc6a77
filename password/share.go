package password

import (
	"context"
	"sync"
)

// enoughHits ends a search: where so many were not confirmed, the batch is no fit for it.
const enoughHits = 8

// search is work on n things, in shares of a size, spread over workers. worker makes a worker: what it does to one share
// gives hits, in the order of the things, and how much it tried. confirm is asked of hits in the order of the things, with
// how much was tried up to their share; it is never asked by two at once. search gives how much was tried in all.
//
// The search ends with the first hit that is confirmed, or after enough that are not. Shares are handed out in order, and
// what counts are the first ones up to that end: so what is found, and how much was tried for it, is the same whatever the
// number of workers and whoever of them was quicker.
func search[H any](ctx context.Context, workers, n, size int, worker func() func(from, to int) ([]H, int64), confirm func(h H, tried int64) bool) int64 {
	type share struct {
		hits  []H
		tried int64
		done  bool
	}
	var mu sync.Mutex // guards the fields below
	shares := make([]share, (n+size-1)/size)
	next, counted, asked := 0, 0, 0
	var tried int64
	over := false
	take := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		if next == len(shares) || over || ctx.Err() != nil {
			return 0, false
		}
		next++
		return next - 1, true
	}
	give := func(k int, s share) {
		mu.Lock()
		defer mu.Unlock()
		shares[k] = s
		for ; counted < len(shares) && shares[counted].done && !over; counted++ {
			tried += shares[counted].tried
			for _, h := range shares[counted].hits {
				if asked++; confirm(h, tried) || asked == enoughHits {
					over = true
					break
				}
			}
		}
	}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			work := worker()
			for k, ok := take(); ok; k, ok = take() {
				hits, tried := work(k*size, min((k+1)*size, n))
				give(k, share{hits, tried, true})
			}
		})
	}
	wg.Wait()
	return tried
}
