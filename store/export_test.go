package store

import (
	"context"
	"database/sql"
	"testing"
)

// Raw runs a statement past all rules.
func (d *DB) Raw(ctx context.Context, query string) error {
	_, err := d.writer.ExecContext(ctx, query)
	return err
}

// Definitions are the indexes and constraints of all tables, and what of the
// connection Load changes, in order.
func (d *DB) Definitions(ctx context.Context, t testing.TB) []string {
	t.Helper()
	queries := []string{`select sql from sqlite_master where sql is not null order by sql`, `pragma synchronous`, `pragma foreign_keys`, `pragma cache_size`}
	if d.engine == postgresEngine {
		queries = []string{`select indexdef from pg_indexes where schemaname = current_schema() order by indexdef`,
			`select conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) from pg_constraint where connamespace = current_schema()::regnamespace order by 1`}
	}
	var out []string
	for _, q := range queries {
		rows, err := list(ctx, &tx{db: d, q: d.writer}, "definitions", func(rows *sql.Rows) (s string, err error) {
			err = rows.Scan(&s)
			return s, err
		}, q)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, rows...)
	}
	return out
}
