package password

import (
	"context"
	"sync"
)

// enoughHits ends a search: by then one of them is what the batch is made by, or the batch is no fit for this search.
const enoughHits = 8

// search is work on n things, in shares of a size, spread over workers. worker makes a worker: what it does to one share
// gives hits, in the order of the things, and how much it tried.
//
// It ends early after enough hits. Shares are handed out in order, and what counts are the first ones that together
// have enough: so what is found, and how much was tried for it, is the same whatever the number of workers and
// whoever of them was quicker.
func search[H any](ctx context.Context, workers, n, size int, worker func() func(from, to int) ([]H, int64)) ([]H, int64) {
	type share struct {
		hits  []H
		tried int64
	}
	shares := make([]share, (n+size-1)/size)
	var mu sync.Mutex // guards next and found
	next, found := 0, 0
	take := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		if next == len(shares) || found >= enoughHits || ctx.Err() != nil {
			return 0, false
		}
		next++
		return next - 1, true
	}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			work := worker()
			for k, ok := take(); ok; k, ok = take() {
				hits, tried := work(k*size, min((k+1)*size, n))
				shares[k] = share{hits, tried}
				mu.Lock()
				found += len(hits)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	var hits []H
	var tried int64
	for _, s := range shares {
		hits, tried = append(hits, s.hits...), tried+s.tried
		if len(hits) >= enoughHits {
			break
		}
	}
	return hits, tried
}
