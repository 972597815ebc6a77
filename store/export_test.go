package store

import "context"

// Raw runs a statement past all rules.
func (d *DB) Raw(ctx context.Context, query string) error {
	_, err := d.writer.ExecContext(ctx, query)
	return err
}
