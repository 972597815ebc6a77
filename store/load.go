package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

// loadBatch is how many products are written in one transaction.
const loadBatch = 20_000

// settingLoading is there from the beginning of Load to its end. Open refuses a
// database that has it: some of its rows and indexes are not there.
const settingLoading = "loading"

var errLoading = fmt.Errorf("%w: filling it was cut off, and not all is there: begin again with an empty one", assay.ErrInvalid)

// notLoading reports a database that Load did not finish.
func (d *DB) notLoading(ctx context.Context) error {
	_, err := (&tx{db: d, q: plain{d.writer, nil}}).Setting(ctx, settingLoading)
	if errors.Is(err, assay.ErrNotFound) {
		return nil
	}
	if err == nil {
		err = errLoading
	}
	return err
}

// Load fills an empty register with first versions, faster than publishing them one
// by one would: for measurements, and for moving a register here from elsewhere. Their
// leaves go into the log batch by batch. It is not for a register in use: indexes and
// constraints are dropped, and made again when all rows are there, which is also what
// holds the rows against them; and what is written is synced at the end only. A
// database of which Load was cut off, or failed, is refused from then on.
func (d *DB) Load(ctx context.Context, orgs []register.Organisation, documents map[assay.Digest][]byte, versions iter.Seq[register.Sealed], appendAll func(context.Context, [][]byte) ([]int64, error)) error {
	if err := d.Write(ctx, func(w register.Writer) error {
		t := w.(*tx)
		var n int
		if err := t.value(ctx, "load", `select count(*) from (select 1 from product limit 1) x`, nil, &n); err != nil || n > 0 {
			return fmt.Errorf("%w: the register must be empty: %w", assay.ErrConflict, err)
		}
		for _, o := range orgs {
			if err := w.AddOrg(ctx, o); err != nil {
				return err
			}
		}
		for digest, data := range documents {
			if err := t.keepDocument(ctx, digest, data); err != nil {
				return err
			}
		}
		return w.PutSetting(ctx, settingLoading, stamp(time.Now()))
	}); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	l := &loader{db: d, p: &projection{counts: map[[2]string]int{}, orgs: map[register.OrgID]int{}}}
	if err := l.load(ctx, versions, appendAll); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	return nil
}

// loader writes versions in batches.
type loader struct {
	db    *DB
	p     *projection
	batch []register.Sealed
	seq   int64 // of the last product
	next  int64 // how many leaves the log has
}

func (l *loader) load(ctx context.Context, versions iter.Seq[register.Sealed], appendAll func(context.Context, [][]byte) ([]int64, error)) (err error) {
	aside, err := l.db.setAside(ctx)
	defer func() { err = errors.Join(err, aside.settle(context.WithoutCancel(ctx))) }()
	if err != nil {
		return err
	}
	for v := range versions {
		if l.batch = append(l.batch, v); len(l.batch) == loadBatch {
			if err := l.flush(ctx, appendAll); err != nil {
				return err
			}
		}
	}
	if err := l.flush(ctx, appendAll); err != nil {
		return err
	}
	if err := aside.restore(ctx); err != nil {
		return err
	}
	return l.finish(ctx)
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
	rows[0] = append(rows[0], []any{l.seq, id, s.Entry.Slug, org, string(register.Published), f.Name, f.Make, models, f.Category, f.Headline().String(), int64(v.Number), at, index, maker, x.words, register.NameKey(f.Make), register.NameKey(f.Name), int64(v.Number), promised})
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
		if err := insertRows(ctx, t, table.name, table.columns, rows[i]); err != nil {
			return err
		}
	}
	search, code := make([][]any, len(words)), make([][]any, len(words))
	for i, x := range words {
		search[i], code[i] = []any{from + int64(i), x.words}, []any{from + int64(i), x.joined()}
	}
	if err := insertRows(ctx, t, "search", "rowid, words", search); err != nil {
		return err
	}
	if err := insertRows(ctx, t, "code", "rowid, codes", code); err != nil {
		return err
	}
	return t.Commit()
}

// loadRows is how many rows go into a table with one statement.
const loadRows = 50

// insertRows writes rows with statements of many rows each. Their places have no
// names: for each that has one, the driver would go through all names.
func insertRows(ctx context.Context, t *sql.Tx, table, columns string, rows [][]any) error {
	width := strings.Count(columns, ",") + 1
	marks := ", (" + strings.Repeat(", ?", width)[2:] + ")"
	var s *sql.Stmt
	args := make([]any, 0, loadRows*width)
	for len(rows) > 0 {
		n := min(len(rows), loadRows)
		if s == nil || n < loadRows {
			if s != nil {
				s.Close()
			}
			var err error
			if s, err = t.PrepareContext(ctx, `insert into `+table+` (`+columns+`) values `+strings.Repeat(marks, n)[2:]); err != nil {
				return kind("load "+table, err)
			}
			defer s.Close()
		}
		args = args[:0]
		for _, row := range rows[:n] {
			args = append(args, row...)
		}
		if _, err := s.ExecContext(ctx, args...); err != nil {
			return kind("load "+table, err)
		}
		rows = rows[n:]
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
	into := func(t pgx.Tx, table, columns string, rows [][]any) error {
		_, err := t.CopyFrom(ctx, pgx.Identifier{table}, strings.Split(columns, ", "), pgx.CopyFromRows(rows))
		return kind("load "+table, err)
	}
	return conn.Raw(func(c any) error {
		return pgx.BeginFunc(ctx, c.(*stdlib.Conn).Conn(), func(t pgx.Tx) error {
			for i, table := range loadTables {
				if err := into(t, table.name, table.columns, rows[i]); err != nil {
					return err
				}
			}
			if _, err := t.Exec(ctx, `create temporary table loading (seq bigint, words text, codes text) on commit drop`); err != nil {
				return err
			}
			texts := make([][]any, len(words))
			for i, x := range words {
				texts[i] = []any{from + int64(i), x.words, x.joined()}
			}
			if err := into(t, "loading", "seq, words, codes", texts); err != nil {
				return err
			}
			_, err := t.Exec(ctx, `insert into search (seq, words, codes) select seq, to_tsvector('simple', words), codes from loading`)
			return kind("load search", err)
		})
	})
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
	err := l.db.Write(ctx, func(w register.Writer) error {
		l.p.tx = w.(*tx)
		if err := l.p.finish(ctx); err != nil {
			return err
		}
		if err := w.PutSetting(ctx, settingNext, strconv.FormatInt(l.next, 10)); err != nil {
			return err
		}
		return l.p.exec(ctx, "load", `delete from setting where name = $1`, settingLoading)
	})
	if err == nil && l.db.engine == sqliteEngine { // readers begin with a write-ahead log that is empty
		_, err = l.db.writer.ExecContext(ctx, `pragma wal_checkpoint(truncate)`)
	}
	return err
}
