package store

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

// loadBatch is how many products are written in one transaction.
const loadBatch = 10_000

// Load fills an empty register with first versions, faster than publishing them one
// by one would: for measurements, and for moving a register here from elsewhere. Their
// leaves go into the log batch by batch. It is not for a register in use: indexes are
// dropped and made again, and until Load returns nothing is safe from a crash.
func (d *DB) Load(ctx context.Context, orgs []register.Organisation, documents map[assay.Digest][]byte, versions iter.Seq[register.Sealed], appendAll func(context.Context, [][]byte) ([]int64, error)) (err error) {
	t := &tx{db: d, q: d.writer}
	if n, err := t.Tallies(ctx, "all", 1); err != nil || len(n) > 0 {
		return fmt.Errorf("load: %w: the register must be empty: %w", assay.ErrConflict, err)
	}
	if err := d.Write(ctx, func(w register.Writer) error {
		for _, o := range orgs {
			if err := w.AddOrg(ctx, o); err != nil {
				return err
			}
		}
		for digest, data := range documents {
			if err := w.(*tx).keepDocument(ctx, digest, data); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	restore, err := d.dropIndexes(ctx)
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	l := &loader{db: d, p: &projection{tx: t, counts: map[[2]string]int{}, orgs: map[register.OrgID]int{}}}
	for v := range versions {
		if l.batch = append(l.batch, v); len(l.batch) == loadBatch {
			if err := l.flush(ctx, appendAll); err != nil {
				return fmt.Errorf("load: %w", err)
			}
		}
	}
	if err := l.flush(ctx, appendAll); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	if err := l.finish(ctx); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	for _, statement := range restore {
		if _, err := d.writer.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("load: make index again: %w", err)
		}
	}
	return nil
}

// dropIndexes drops the indexes that slow loading down, and gives the statements
// that make them again.
func (d *DB) dropIndexes(ctx context.Context) (restore []string, err error) {
	query := `select name, sql from sqlite_master where type = 'index' and sql is not null and tbl_name in ('product', 'leaf', 'gtin', 'model')`
	if d.engine == postgresEngine {
		query = `select indexname, indexdef from pg_indexes where schemaname = current_schema() and tablename in ('product', 'leaf', 'gtin', 'model', 'search')
			and indexname not in (select conname from pg_constraint)`
	} else {
		restore = []string{`pragma synchronous = full`}
	}
	type index struct{ name, sql string }
	indexes, err := list(ctx, &tx{db: d, q: d.writer}, "indexes", func(rows *sql.Rows) (i index, err error) {
		err = rows.Scan(&i.name, &i.sql)
		return i, err
	}, query)
	if err != nil {
		return nil, err
	}
	for _, i := range indexes {
		if _, err := d.writer.ExecContext(ctx, `drop index "`+i.name+`"`); err != nil { // a name of our own tables
			return nil, err
		}
		restore = append(restore, i.sql)
	}
	if d.engine == sqliteEngine {
		if _, err := d.writer.ExecContext(ctx, `pragma synchronous = off`); err != nil {
			return nil, err
		}
	}
	if d.engine == postgresEngine {
		restore = append(restore, `analyze`)
	}
	return restore, nil
}

// loader writes versions in batches.
type loader struct {
	db    *DB
	p     *projection
	batch []register.Sealed
	seq   int64 // of the last product
	next  int64 // how many leaves the log has
}

// What a loaded product is in each table; the columns are in the order of its rows.
var loadTables = []struct{ name, columns string }{
	{"product", "seq, id, slug, org, status, name, make, models, category, support_end, version, changed, leaf, maker, words, make_key, name_key, latest, promised"},
	{"version", "product, number, kind, record, digest, statement, org, author, published, leaf"},
	{"leaf", "seq, hash, idx, kind, product, version, assessment, org, category, at, fields, note, bytes"},
	{"gtin", "gtin, product"},
	{"model", "code, product"},
}

func (l *loader) flush(ctx context.Context, appendAll func(context.Context, [][]byte) ([]int64, error)) error {
	if len(l.batch) == 0 {
		return nil
	}
	leaves := make([][]byte, len(l.batch))
	for i, v := range l.batch {
		leaves[i] = v.Leaf
	}
	indexes, err := appendAll(ctx, leaves)
	if err != nil {
		return err
	}
	rows := make([][][]any, len(loadTables))
	var words []indexable
	from := l.seq + 1
	for i := range l.batch {
		l.seq++
		l.next = max(l.next, indexes[i]+1)
		x, err := l.rows(rows, &l.batch[i], indexes[i])
		if err != nil {
			return err
		}
		words = append(words, x)
	}
	l.batch = l.batch[:0]
	if l.db.engine == postgresEngine {
		return l.copy(ctx, rows, from, words)
	}
	return l.insert(ctx, rows, from, words)
}

// rows adds the rows of a version to those of its batch.
func (l *loader) rows(rows [][][]any, s *register.Sealed, index int64) (indexable, error) {
	v, f := &s.Version, &s.Version.Facts
	x := indexed(f)
	models, err := jsonText(f.Models)
	if err != nil {
		return x, err
	}
	promised, err := promise(map[string]assay.Date{}, v, s.Stated)
	if err != nil {
		return x, err
	}
	id, org, at, maker := string(v.Product), string(v.Org), stamp(v.Published), register.Fold(f.Make)
	rows[0] = append(rows[0], []any{l.seq, id, s.Entry.Slug, org, string(register.Published), f.Name, f.Make, models, f.Category, f.Headline().String(), int64(v.Number), at, index, maker, x.words, maker, register.Fold(f.Name), int64(v.Number), promised})
	rows[1] = append(rows[1], []any{id, int64(v.Number), string(v.Kind), s.Record, string(v.Record), string(v.Digest), org, string(v.By), at, index})
	rows[2] = append(rows[2], []any{l.seq, string(register.DigestOf(s.Leaf)), index, string(v.Kind), id, int64(v.Number), int64(0), org, f.Category, at, "[]", v.Note, []byte{}})
	for _, g := range f.GTINs {
		rows[3] = append(rows[3], []any{string(g), id})
	}
	for _, code := range x.codes {
		rows[4] = append(rows[4], []any{code, id})
	}
	l.p.count(register.Entry{Make: f.Make, Name: f.Name, Category: f.Category}, 1)
	l.p.orgs[v.Org]++
	return x, nil
}

func (l *loader) insert(ctx context.Context, rows [][][]any, from int64, words []indexable) error {
	t, err := l.db.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = t.Rollback() }()
	for i, table := range loadTables {
		marks := make([]string, strings.Count(table.columns, ",")+1)
		for j := range marks {
			marks[j] = "$" + strconv.Itoa(j+1)
		}
		if err := insertRows(ctx, t, `insert into `+table.name+` (`+table.columns+`) values (`+strings.Join(marks, ", ")+`)`, rows[i]); err != nil {
			return err
		}
	}
	search, code := make([][]any, len(words)), make([][]any, len(words))
	for i, x := range words {
		search[i], code[i] = []any{from + int64(i), x.words}, []any{from + int64(i), x.joined()}
	}
	if err := insertRows(ctx, t, `insert into search (rowid, words) values ($1, $2)`, search); err != nil {
		return err
	}
	if err := insertRows(ctx, t, `insert into code (rowid, codes) values ($1, $2)`, code); err != nil {
		return err
	}
	return t.Commit()
}

func insertRows(ctx context.Context, t *sql.Tx, query string, rows [][]any) error {
	s, err := t.PrepareContext(ctx, query)
	if err != nil {
		return err
	}
	defer s.Close()
	for _, row := range rows {
		if _, err := s.ExecContext(ctx, row...); err != nil {
			return kind("load", err)
		}
	}
	return nil
}

// copy writes rows in PostgreSQL's own way for many.
func (l *loader) copy(ctx context.Context, rows [][][]any, from int64, words []indexable) error {
	conn, err := l.db.writer.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.Raw(func(c any) error {
		return pgx.BeginFunc(ctx, c.(*stdlib.Conn).Conn(), func(t pgx.Tx) error {
			for i, table := range loadTables {
				if _, err := t.CopyFrom(ctx, pgx.Identifier{table.name}, strings.Split(table.columns, ", "), pgx.CopyFromRows(rows[i])); err != nil {
					return err
				}
			}
			return nil
		})
	}); err != nil {
		return kind("load", err)
	}
	_, err = conn.ExecContext(ctx, `insert into search (seq, words, codes) select p.seq, to_tsvector('simple', p.words), coalesce((select string_agg(m.code, ' ' order by m.code) from model m where m.product = p.id), '')
		from product p where p.seq >= $1 and p.seq < $2`, from, from+int64(len(words)))
	return kind("load", err)
}

// finish writes the counts, and how far the database has taken note of the log.
func (l *loader) finish(ctx context.Context) error {
	if l.db.engine == postgresEngine {
		for _, table := range []string{"product", "leaf"} {
			if _, err := l.db.writer.ExecContext(ctx, `select setval(pg_get_serial_sequence('`+table+`', 'seq'), $1)`, max(l.seq, 1)); err != nil {
				return err
			}
		}
	}
	return l.db.Write(ctx, func(w register.Writer) error {
		l.p.tx = w.(*tx)
		if err := l.p.finish(ctx); err != nil {
			return err
		}
		return w.PutSetting(ctx, settingNext, strconv.FormatInt(l.next, 10))
	})
}
