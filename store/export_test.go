package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Raw runs a statement past all rules.
func (d *DB) Raw(ctx context.Context, query string) error {
	_, err := d.writer.ExecContext(ctx, query)
	return err
}

// Count is what a query counts.
func (d *DB) Count(ctx context.Context, query string) (n int, err error) {
	err = d.look(ctx, func(t *tx) error { return t.value(ctx, "count", query, nil, &n) })
	return n, err
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
		rows, err := list(ctx, &tx{db: d, q: plain{d.writer, nil}}, "definitions", func(rows row) (s string, err error) {
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

// Public is all that Integrate writes, row by row.
func (d *DB) Public(ctx context.Context, t testing.TB) []string {
	t.Helper()
	var out []string
	for _, q := range []string{
		`select id || '|' || status || '|' || name || '|' || make || '|' || models || '|' || category || '|' || support_end || '|' || version || '|' || changed || '|' || leaf || '|' || maker || '|' || words from product order by id`,
		`select gtin || '|' || product from gtin order by gtin, product`, `select code || '|' || product from model order by code, product`,
		`select product || '|' || scheme || '|' || level || '|' || number || '|' || expires from label order by product, scheme`,
		`select dimension || '|' || item || '|' || n from tally where n <> 0 order by dimension, item`, `select slug || '|' || products from org order by slug`,
		`select hash || '|' || coalesce(idx, -1) || '|' || length(bytes) from leaf order by hash`, `select product || '|' || number || '|' || coalesce(leaf, -1) from version order by product, number`,
		`select name || '|' || value from setting where name = 'log.next'`,
	} {
		rows, err := list(ctx, &tx{db: d, q: plain{d.writer, nil}}, "public rows", func(rows row) (s string, err error) {
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

// Words are the rows that the table word is to have, and those that it has; SQLite has
// no such table.
func (d *DB) Words(ctx context.Context, t testing.TB) (want, got []string) {
	t.Helper()
	if d.engine == sqliteEngine {
		return nil, nil
	}
	text := func(rows row) (s string, err error) {
		err = rows.Scan(&s)
		return s, err
	}
	public, err := list(ctx, &tx{db: d, q: plain{d.writer, nil}}, "products", text, `select seq || ' ' || words from product where version > 0 and status <> 'withdrawn'`)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range public {
		words := strings.Fields(p)
		for _, w := range words[1:] {
			if !strings.ContainsAny(w, "0123456789") {
				want = append(want, fmt.Sprintf("%s|%s", w, words[0]))
			}
		}
	}
	if got, err = list(ctx, &tx{db: d, q: plain{d.writer, nil}}, "words", text, `select word || '|' || seq from word`); err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	slices.Sort(got)
	return want, got
}
