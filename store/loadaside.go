package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// aside is what Load does without while it writes rows: indexes, constraints, and
// that each commit is synced.
type aside struct {
	db   *DB
	make []string // the statements that make indexes and constraints again
	end  []string // those that make the connection what it was
}

// What grows with products, and the same in the form of a list of SQL.
var growing = []string{"product", "version", "leaf", "gtin", "model", "search", "word"}

var grows = "('" + strings.Join(growing, "', '") + "')"

// setAside drops what slows loading down. What it gives is to be settled, error or not.
func (d *DB) setAside(ctx context.Context) (*aside, error) {
	a := &aside{db: d}
	if d.engine == postgresEngine {
		return a, a.postgres(ctx)
	}
	return a, a.sqlite(ctx)
}

// named is something that is dropped, with what makes it again.
type named struct{ drop, create string }

func (a *aside) drop(ctx context.Context, query string) error {
	found, err := list(ctx, &tx{db: a.db, q: plain{a.db.writer, nil}}, "what to set aside", func(rows row) (n named, err error) {
		err = rows.Scan(&n.drop, &n.create)
		return n, err
	}, query)
	if err != nil {
		return err
	}
	for _, n := range found {
		if err := a.run(ctx, n.drop); err != nil {
			return err
		}
		a.make = append(a.make, n.create)
	}
	return nil
}

func (a *aside) run(ctx context.Context, statements ...string) error {
	for _, s := range statements {
		if _, err := a.db.writer.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("%.60q: %w", s, kind("index", err))
		}
	}
	return nil
}

// The search tables of SQLite gather a batch in memory, and merge once, at the end:
// by then each word has one list, and a search reads that alone.
func (a *aside) sqlite(ctx context.Context) error {
	a.end = []string{`pragma synchronous = full`, `pragma foreign_keys = on`, `pragma cache_size = -65536`}
	if err := a.run(ctx, `pragma synchronous = off`, `pragma foreign_keys = off`, `pragma cache_size = -131072`); err != nil {
		return err
	}
	if err := a.drop(ctx, `select 'drop index "' || name || '"', sql from sqlite_master where type = 'index' and sql is not null and tbl_name in `+grows); err != nil {
		return err
	}
	for _, table := range []string{"search", "code"} {
		set := func(name, value string) string {
			return `insert into ` + table + ` (` + table + `, rank) values ('` + name + `', ` + value + `)`
		}
		if err := a.run(ctx, set("hashsize", "67108864"), set("automerge", "0"), set("crisismerge", "1000")); err != nil {
			return err
		}
		a.make = append(a.make, set("hashsize", "1048576"), set("automerge", "4"), set("crisismerge", "16"), `insert into `+table+` (`+table+`) values ('optimize')`)
	}
	return nil
}

// Foreign keys go first and come last: they rest on the others. The server's own
// vacuuming is kept from what is loaded, as each index and constraint would wait for
// it; it is done once at the end, so that reads find all pages marked as visible.
func (a *aside) postgres(ctx context.Context) error {
	var back []string
	for _, table := range growing {
		if err := a.run(ctx, `alter table `+table+` set (autovacuum_enabled = off)`); err != nil {
			return err
		}
		back = append(back, `alter table `+table+` reset (autovacuum_enabled)`)
	}
	constraint := func(kind string) string {
		return `select format('alter table %s drop constraint %I', conrelid::regclass, conname), format('alter table %s add constraint %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
			from pg_constraint where connamespace = current_schema()::regnamespace and contype in ` + kind + ` and (conrelid::regclass::text in ` + grows + ` or confrelid <> 0 and confrelid::regclass::text in ` + grows + `)`
	}
	if err := a.drop(ctx, constraint(`('f')`)); err != nil {
		return err
	}
	foreign := a.make
	a.make = nil
	if err := a.drop(ctx, constraint(`('p', 'u')`)); err != nil {
		return err
	}
	if err := a.drop(ctx, `select format('drop index %I', indexname), indexdef from pg_indexes where schemaname = current_schema() and tablename in `+grows); err != nil {
		return err
	}
	// The words come all at once and in order, before their index.
	a.make = append(append(append([]string{putWords + ` order by 1, 2`}, a.make...), append(foreign, back...)...), `vacuum (analyze)`)
	return nil
}

// restore makes again what was dropped, and has all that was written synced.
func (a *aside) restore(ctx context.Context) error {
	if err := a.run(ctx, a.make...); err != nil {
		return err
	}
	if err := a.settle(ctx); err != nil || a.db.engine == postgresEngine {
		return err
	}
	// A checkpoint that moves something syncs the file, and so what earlier ones moved.
	return a.run(ctx, `update setting set value = value where name = '`+settingLoading+`'`, `pragma wal_checkpoint(truncate)`)
}

// settle makes the connection what it was.
func (a *aside) settle(ctx context.Context) error {
	var all []error
	for _, s := range a.end {
		all = append(all, a.run(ctx, s))
	}
	a.end = nil
	return errors.Join(all...)
}
