package password

import (
	"context"
	"sync/atomic"
)

// Count tells how many rows the batch has, and how many of them hold this very
// password.
func (b *Batch) Count(ctx context.Context, password string) (rows, same int64, err error) {
	var n atomic.Int64
	rows, err = b.scan(ctx, 0, nil, func(_ int, _ int64, fields [][]byte) error {
		if string(fields[b.password]) == password {
			n.Add(1)
		}
		return nil
	})
	return rows, n.Load(), err
}
