package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/assay-psti/assay"
)

// row is one row of a result.
type row interface{ Scan(places ...any) error }

// ask is a question to the database, and who is told of each row of the answer.
type ask struct {
	what  string // for errors
	query string
	args  []any
	each  func(row) error
	// varies is that the best way to the rows hangs on the arguments, so that it is to
	// be looked for each time.
	varies bool
}

// asking is a question whose rows are put into a list.
func asking[T any](into *[]T, what string, scan func(row) (T, error), query string, args ...any) ask {
	return ask{what: what, query: query, args: args, each: func(r row) error {
		x, err := scan(r)
		if err == nil {
			*into = append(*into, x)
		}
		return err
	}}
}

// session is a transaction, or a connection within one.
type session interface {
	// ask asks several questions of one state of the database. On PostgreSQL they go
	// out together.
	ask(ctx context.Context, asks ...ask) error
	// exec runs a statement, and tells how many rows it changed.
	exec(ctx context.Context, query string, args ...any) (int64, error)
}

// queryer is a transaction of database/sql, or a connection within one.
type queryer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// plain is a session of database/sql. With statements it runs them prepared.
type plain struct {
	queryer
	prepared *statements // of the pool that the transaction is of; may be nil
}

func (p plain) ask(ctx context.Context, asks ...ask) error {
	for _, a := range asks {
		if err := p.one(ctx, a); err != nil {
			return kind(a.what, err)
		}
	}
	return nil
}

func (p plain) one(ctx context.Context, a ask) (err error) {
	var rows *sql.Rows
	if s := p.statement(ctx, a.query); s != nil {
		defer s.Close() // what is kept prepared stays
		rows, err = s.QueryContext(ctx, a.args...)
	} else {
		rows, err = p.QueryContext(ctx, a.query, a.args...)
	}
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := a.each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (p plain) exec(ctx context.Context, query string, args ...any) (n int64, err error) {
	var r sql.Result
	if s := p.statement(ctx, query); s != nil {
		defer s.Close()
		r, err = s.ExecContext(ctx, args...)
	} else {
		r, err = p.ExecContext(ctx, query, args...)
	}
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

func (p plain) statement(ctx context.Context, query string) *sql.Stmt {
	if t, ok := p.queryer.(*sql.Tx); ok && p.prepared != nil {
		return p.prepared.in(ctx, t, query)
	}
	return nil
}

// remote reads PostgreSQL. All that is asked at once goes there and back together; so
// does the beginning of a transaction, with the first question.
type remote struct {
	pool *pgxpool.Pool
	// one is that each question, or several asked at once, have a state of their own:
	// PostgreSQL makes a transaction of what comes together.
	one  bool
	conn *pgxpool.Conn // of the transaction, once it began
}

// anew has PostgreSQL plan what follows in the transaction for the arguments given.
const anew = `select set_config('plan_cache_mode', 'force_custom_plan', true)`

func (r *remote) ask(ctx context.Context, asks ...ask) (err error) {
	if r.conn == nil && r.one && len(asks) == 1 && !asks[0].varies {
		rows, err := r.pool.Query(ctx, asks[0].query, asks[0].args...)
		if err != nil {
			return kind(asks[0].what, err)
		}
		return kind(asks[0].what, drain(rows, asks[0].each))
	}
	var b pgx.Batch
	before := make([]int, len(asks)) // how many statements go before each question
	conn := r.conn
	if conn == nil {
		if conn, err = r.pool.Acquire(ctx); err != nil {
			return fmt.Errorf("begin to read: %w", err)
		}
		if r.one {
			defer conn.Release()
		} else {
			r.conn = conn
			b.Queue("begin")
			before[0]++
		}
	}
	varies := false
	for i, a := range asks {
		if a.varies && !varies {
			varies = true
			b.Queue(anew)
			before[i]++
		}
		b.Queue(a.query, a.args...)
	}
	results := conn.SendBatch(ctx, &b)
	for i, a := range asks {
		for range before[i] {
			if _, err := results.Exec(); err != nil {
				_ = results.Close()
				return fmt.Errorf("begin to read: %w", err)
			}
		}
		rows, err := results.Query()
		if err == nil {
			err = drain(rows, a.each)
		}
		if err != nil {
			_ = results.Close()
			return kind(a.what, err)
		}
	}
	return results.Close()
}

func drain(rows pgx.Rows, each func(row) error) error {
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (r *remote) exec(context.Context, string, ...any) (int64, error) {
	return 0, fmt.Errorf("%w: a reader writes", assay.ErrInternal)
}

// end ends a transaction that began. A connection that cannot is not used again: the
// pool sees that it is in a transaction still.
func (r *remote) end(ctx context.Context) {
	if r.conn != nil {
		_, _ = r.conn.Exec(context.WithoutCancel(ctx), "rollback")
		r.conn.Release()
		r.conn = nil
	}
}
