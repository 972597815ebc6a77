// Package store keeps the register in a database: SQLite in one file, or
// PostgreSQL. It is the only package that holds SQL.
//
// Both engines run one text. Where they must differ, in how words are searched for
// and how tables are defined, one function differs. SQLite has one writer, which
// begins its transactions immediately, and a pool of readers; every commit is
// synced. On PostgreSQL any number of processes write; what one of them must do
// alone it does under a lock of the transaction or a lease.
//
// Background work runs on River in the same database, so that work is handed on in
// the transaction that makes it necessary. The rules of the register are not here:
// they are in package register, whose Store this package is.
package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"modernc.org/sqlite"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

type engine string

const (
	sqliteEngine   engine = "sqlite"
	postgresEngine engine = "postgres"
)

// Options say how a database is opened.
type Options struct {
	Log     *slog.Logger // of background work; nil: none
	Readers int          // connections that read; 0 is four, or twice the processors
	Pages   bool         // a round of looking at pages is handed on every minute
}

// DB is an open database. It is safe for use by many at once.
type DB struct {
	engine  engine
	writer  *sql.DB
	reader  *sql.DB
	pool    *pgxpool.Pool // of PostgreSQL, to write
	readers *pgxpool.Pool // of PostgreSQL
	// What was prepared for writer and reader of SQLite.
	writing, reading *statements
	jobs             *jobs
	pages            bool
}

var _ register.Store = (*DB)(nil)

// Open opens a database: the name of a file, which is made where there is none, or
// an address postgres://... It brings its tables to the form that this program knows.
func Open(ctx context.Context, where string, o Options) (*DB, error) {
	if o.Readers <= 0 {
		o.Readers = max(4, 2*runtime.NumCPU())
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	var d *DB
	var err error
	if strings.HasPrefix(where, "postgres://") || strings.HasPrefix(where, "postgresql://") {
		d, err = openPostgres(ctx, where, o)
	} else {
		d, err = openSQLite(ctx, where, o)
	}
	if err != nil {
		return nil, err
	}
	d.pages = o.Pages
	if d.jobs, err = newJobs(d, o.Log); err == nil {
		err = d.migrate(ctx)
	}
	if err == nil {
		err = d.notLoading(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open database: %w", err), d.Close())
	}
	return d, nil
}

// Both settings of the writer matter for what is acknowledged: a commit returns
// when the write-ahead log is synced.
const sqlitePragmas = "&_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)&_pragma=journal_mode(wal)&_pragma=synchronous(full)&_pragma=cache_size(-65536)&_pragma=mmap_size(1073741824)&_pragma=temp_store(memory)&_pragma=wal_autocheckpoint(4000)"

func openSQLite(ctx context.Context, file string, o Options) (*DB, error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600); err != nil { // no one else reads it
		return nil, fmt.Errorf("open database: %w", err)
	} else if err := f.Close(); err != nil {
		return nil, err
	}
	name := "file:" + (&url.URL{Path: file}).EscapedPath() + "?"
	writer, err := sql.Open("sqlite", name+"_txlock=immediate"+sqlitePragmas)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	writer.SetMaxOpenConns(1)
	reader, err := sql.Open("sqlite", name+"_txlock=deferred"+sqlitePragmas+"&_pragma=query_only(1)")
	if err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	reader.SetMaxOpenConns(o.Readers)
	reader.SetMaxIdleConns(o.Readers)
	d := &DB{engine: sqliteEngine, writer: writer, reader: reader, writing: newStatements(writer), reading: newStatements(reader)}
	if err := writer.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", file, err), d.Close())
	}
	return d, nil
}

func openPostgres(ctx context.Context, where string, o Options) (*DB, error) {
	pool := func(connections int, settings map[string]string) (*pgxpool.Pool, error) {
		config, err := pgxpool.ParseConfig(where)
		if err != nil {
			return nil, fmt.Errorf("open database: %w: the address cannot be read", assay.ErrInvalid) // it may hold a password
		}
		config.MaxConns = int32(min(connections, 100))
		config.ConnConfig.RuntimeParams["timezone"] = "UTC"
		config.ConnConfig.RuntimeParams["application_name"] = "assay"
		config.ConnConfig.RuntimeParams["jit"] = "off" // no query is long enough for it to be worth while
		for name, value := range settings {
			config.ConnConfig.RuntimeParams[name] = value
		}
		p, err := pgxpool.NewWithConfig(ctx, config)
		if err != nil {
			return nil, fmt.Errorf("open database: %w", err)
		}
		if err := p.Ping(ctx); err != nil {
			p.Close()
			return nil, fmt.Errorf("open database at %s: %w", config.ConnConfig.Host, err)
		}
		return p, nil
	}
	// Tables grow while somebody writes, and a plan that was made for few rows must not
	// be kept.
	writer, err := pool(8, map[string]string{"plan_cache_mode": "force_custom_plan"})
	if err != nil {
		return nil, err
	}
	// What is read has an index, or is small: so plans need not be made again when
	// tables grow. What varies with its arguments says so (ask.varies).
	readers, err := pool(o.Readers, map[string]string{"enable_seqscan": "off", "plan_cache_mode": "force_generic_plan", "default_transaction_isolation": "repeatable read", "default_transaction_read_only": "on"})
	if err != nil {
		writer.Close()
		return nil, err
	}
	return &DB{engine: postgresEngine, writer: stdlib.OpenDBFromPool(writer), pool: writer, readers: readers}, nil
}

// Close closes the database. Background work must have stopped before.
func (d *DB) Close() error {
	err := d.writer.Close()
	if d.reader != nil {
		err = errors.Join(err, d.reader.Close())
	}
	if d.pool != nil {
		d.pool.Close()
		d.readers.Close()
	}
	return err
}

// Ping reports whether the database answers.
func (d *DB) Ping(ctx context.Context) error {
	return d.look(ctx, func(t *tx) error {
		var one int
		return t.value(ctx, "database", "select 1", nil, &one)
	})
}

// tx is one transaction as the register sees it.
type tx struct {
	db *DB
	q  session
	// enqueue hands work on within the transaction; nil in one that reads.
	enqueue func(ctx context.Context, w register.Work) error
}

var _ register.Writer = (*tx)(nil)

// Read runs f on one state of the database.
func (d *DB) Read(ctx context.Context, f func(register.Reader) error) error {
	if d.engine == postgresEngine {
		r := &remote{pool: d.readers}
		defer r.end(ctx)
		return f(&tx{db: d, q: r})
	}
	t, err := d.still(ctx)
	if err != nil {
		return err
	}
	defer d.reading.settle(ctx)
	defer func() { _ = t.Rollback() }()
	return f(&tx{db: d, q: plain{t, d.reading}})
}

// still is a transaction that reads one state, as database/sql has it.
func (d *DB) still(ctx context.Context) (*sql.Tx, error) {
	from, o := d.reader, &sql.TxOptions{ReadOnly: true}
	if d.engine == postgresEngine {
		from, o.Isolation = d.writer, sql.LevelRepeatableRead
	}
	t, err := from.BeginTx(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("begin to read: %w", err)
	}
	return t, nil
}

// Look runs f, each of whose calls reads one state of the database.
func (d *DB) Look(ctx context.Context, f func(register.Reader) error) error {
	return d.look(ctx, func(t *tx) error { return f(t) })
}

func (d *DB) look(ctx context.Context, f func(*tx) error) error {
	if d.engine == postgresEngine {
		return f(&tx{db: d, q: &remote{pool: d.readers, one: true}})
	}
	return d.Read(ctx, func(r register.Reader) error { return f(r.(*tx)) })
}

// tries bounds how often a transaction is run again after a conflict.
const tries = 5

// Write runs f as one transaction, and again where another process got in its way.
func (d *DB) Write(ctx context.Context, f func(register.Writer) error) error {
	run := d.writeSQLite
	if d.engine == postgresEngine {
		run = d.writePostgres
	}
	for i := 1; ; i++ {
		err := run(ctx, f)
		if err == nil || i == tries || d.engine == sqliteEngine || !worthAnother(err) {
			return err
		}
		if err := pause(ctx, time.Duration(i*i)*2*time.Millisecond); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

func (d *DB) writeSQLite(ctx context.Context, f func(register.Writer) error) error {
	t, err := d.writer.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin to write: %w", err)
	}
	defer d.writing.settle(ctx)
	defer func() { _ = t.Rollback() }()
	if err := f(&tx{db: d, q: plain{t, d.writing}, enqueue: d.jobs.enqueueSQLite(t)}); err != nil {
		return err
	}
	if err := t.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// writePostgres opens the transaction on the connection itself, because the queue
// wants it in that form; all queries go through the same connection.
func (d *DB) writePostgres(ctx context.Context, f func(register.Writer) error) (err error) {
	conn, err := d.writer.Conn(ctx)
	if err != nil {
		return fmt.Errorf("begin to write: %w", err)
	}
	defer conn.Close()
	raw := func(g func(*pgx.Conn) error) error {
		return conn.Raw(func(c any) error { return g(c.(*stdlib.Conn).Conn()) })
	}
	var t pgx.Tx
	if err := raw(func(c *pgx.Conn) error { t, err = c.Begin(ctx); return err }); err != nil {
		return fmt.Errorf("begin to write: %w", err)
	}
	done := false
	defer func() {
		if !done { // a connection that cannot roll back is not to be used again
			if err := raw(func(*pgx.Conn) error { return t.Rollback(context.WithoutCancel(ctx)) }); err != nil {
				_ = conn.Raw(func(any) error { return driver.ErrBadConn })
			}
		}
	}()
	if err := f(&tx{db: d, q: plain{conn, nil}, enqueue: d.jobs.enqueuePostgres(t)}); err != nil {
		return err
	}
	done = true
	if err := raw(func(*pgx.Conn) error { return t.Commit(ctx) }); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// worthAnother reports an error that another process caused by its timing.
func worthAnother(err error) bool {
	var p *pgconn.PgError
	if !errors.As(err, &p) {
		return false
	}
	switch p.Code {
	case "40001", "40P01", "23505", "55P03": // serialization, deadlock, unique, lock not available
		return true
	}
	return false
}

// Codes of SQLite for a row that is there already.
const (
	sqlitePrimaryKey = 1555 // SQLITE_CONSTRAINT_PRIMARYKEY
	sqliteUnique     = 2067 // SQLITE_CONSTRAINT_UNIQUE
)

// kind gives an error of the database the kind that it has for a caller.
func kind(what string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("%s: %w", what, assay.ErrNotFound)
	}
	var p *pgconn.PgError
	var s *sqlite.Error
	if errors.As(err, &p) && p.Code == "23505" || errors.As(err, &s) && (s.Code() == sqliteUnique || s.Code() == sqlitePrimaryKey) {
		return fmt.Errorf("%s: %w: there is one already: %w", what, assay.ErrConflict, err)
	}
	if p != nil && (p.Code == "22021" || p.Code == "22P05") { // characters that PostgreSQL cannot hold
		return fmt.Errorf("%s: %w: it holds characters that cannot be kept", clip(what), assay.ErrInvalid)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// clip makes a name from outside safe to show.
func clip(what string) string { return fmt.Sprintf("%.100q", what) }

// exec runs a statement that must not fail.
func (t *tx) exec(ctx context.Context, what, query string, args ...any) error {
	_, err := t.q.exec(ctx, query, args...)
	return kind(what, err)
}

// one runs a statement that must change exactly one row.
func (t *tx) one(ctx context.Context, what, query string, args ...any) error {
	n, err := t.q.exec(ctx, query, args...)
	if err != nil {
		return kind(what, err)
	}
	if n != 1 {
		return fmt.Errorf("%s: %w", what, assay.ErrNotFound)
	}
	return nil
}

// value reads the one row that a query has.
func (t *tx) value(ctx context.Context, what, query string, args []any, places ...any) error {
	there := false
	err := t.q.ask(ctx, ask{what: what, query: query, args: args, each: func(r row) error {
		there = true
		return r.Scan(places...)
	}})
	if err == nil && !there {
		err = fmt.Errorf("%s: %w", what, assay.ErrNotFound)
	}
	return err
}

// list reads all rows of a query.
func list[T any](ctx context.Context, t *tx, what string, scan func(row) (T, error), query string, args ...any) ([]T, error) {
	var out []T
	err := t.q.ask(ctx, asking(&out, what, scan, query, args...))
	return out, err
}

// first reads the one row of a query.
func first[T any](ctx context.Context, t *tx, what string, scan func(row) (T, error), query string, args ...any) (T, error) {
	all, err := list(ctx, t, what, scan, query, args...)
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("%s: %w", what, assay.ErrNotFound)
	}
	if err != nil {
		var none T
		return none, err
	}
	return all[0], nil
}

const timeForm = "2006-01-02T15:04:05.000Z"

// stamp writes a time as the database keeps it, so that text order is time order.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(timeForm)
}

func moment(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	return time.Parse(timeForm, s)
}

// times scans times as the database keeps them into their places.
func times(pairs ...any) error {
	for i := 0; i < len(pairs); i += 2 {
		t, err := moment(pairs[i].(string))
		if err != nil {
			return err
		}
		*pairs[i+1].(*time.Time) = t
	}
	return nil
}

func day(s string) (assay.Date, error) {
	if s == "" {
		return assay.Date{}, nil
	}
	return assay.ParseDate(s)
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// index is the place of a leaf in the log, where it has one.
func index(n sql.NullInt64) *uint64 {
	if !n.Valid || n.Int64 < 0 {
		return nil
	}
	i := uint64(n.Int64)
	return &i
}

// each is how the engines make rows of a JSON list of texts.
func (d *DB) each(placeholder string) string {
	if d.engine == postgresEngine {
		return "(select jsonb_array_elements_text(" + placeholder + "::jsonb))"
	}
	return "(select value from json_each(" + placeholder + "))"
}

// eachNumber is each, of whole numbers written as texts.
func (d *DB) eachNumber(placeholder string) string {
	if d.engine == postgresEngine {
		return "(select jsonb_array_elements_text(" + placeholder + "::jsonb)::bigint)"
	}
	return "(select cast(value as integer) from json_each(" + placeholder + "))"
}

// notThere tells a missing file from other errors.
func notThere(err error) bool { return errors.Is(err, fs.ErrNotExist) }
