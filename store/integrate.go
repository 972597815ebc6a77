package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

// settingNext is how many leaves of the log the database has taken note of.
const settingNext = "log.next"

// Integrated is how many leaves of the log the database has taken note of.
func (t *tx) Integrated(ctx context.Context) (uint64, error) {
	text, err := t.Setting(ctx, settingNext)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(text, 10, 62)
}

// Outbox are leaves that the log does not have, the oldest first.
func (t *tx) Outbox(ctx context.Context, n int) ([]register.Outgoing, error) {
	return list(ctx, t, "outbox", func(rows row) (o register.Outgoing, err error) {
		err = rows.Scan(&o.Seq, &o.Product, &o.Leaf)
		return o, err
	}, `select seq, product, bytes from leaf where idx is null order by seq limit $1`, n)
}

// OutboxState is how many leaves wait, and since when the oldest does.
func (t *tx) OutboxState(ctx context.Context) (pending int, oldest time.Time, err error) {
	var at string
	if err := t.value(ctx, "outbox", `select count(*), coalesce(min(at), '') from leaf where idx is null`, nil, &pending, &at); err != nil {
		return 0, oldest, err
	}
	oldest, err = moment(at)
	return pending, oldest, err
}

// LeafHashes are the hashes of leaves by index.
func (t *tx) LeafHashes(ctx context.Context, from uint64, n int) (map[uint64]assay.Digest, error) {
	type known struct {
		index int64
		hash  assay.Digest
	}
	rows, err := list(ctx, t, "leaves", func(rows row) (r known, err error) {
		err = rows.Scan(&r.index, &r.hash)
		return r, err
	}, `select idx, hash from leaf where idx >= $1 order by idx limit $2`, int64(from), n)
	out := make(map[uint64]assay.Digest, len(rows))
	for _, r := range rows {
		if uint64(r.index) < from+uint64(n) {
			out[uint64(r.index)] = r.hash
		}
	}
	return out, err
}

// LeafIndex is where in the log a leaf is.
func (t *tx) LeafIndex(ctx context.Context, leaf assay.Digest) (uint64, bool, error) {
	rows, err := list(ctx, t, "leaf", func(rows row) (n sql.NullInt64, err error) {
		err = rows.Scan(&n)
		return n, err
	}, `select idx from leaf where hash = $1`, leaf)
	if err != nil || len(rows) == 0 || !rows[0].Valid {
		return 0, false, err
	}
	return uint64(rows[0].Int64), true, nil
}

// TakeLease makes holder the only one to do something until a time.
func (t *tx) TakeLease(ctx context.Context, name, holder string, now, until time.Time) (bool, error) {
	n, err := t.q.exec(ctx, `insert into lease (name, holder, until) values ($1, $2, $3)
		on conflict (name) do update set holder = excluded.holder, until = excluded.until where lease.holder = excluded.holder or lease.until <= $4`, name, holder, stamp(until), stamp(now))
	if err != nil {
		return false, kind("lease "+name, err)
	}
	return n == 1, nil
}

// DropLease lets others have it.
func (t *tx) DropLease(ctx context.Context, name, holder string) error {
	return t.exec(ctx, "lease "+name, `delete from lease where name = $1 and holder = $2`, name, holder)
}

// waiting is a leaf that the database knows.
type waiting struct {
	seq        int64
	hash       assay.Digest
	index      sql.NullInt64
	kind       register.Kind
	product    register.ProductID
	version    int
	assessment int64
}

// Integrate takes note of leaves of the log, from an index on, and makes public what
// they stand for. All is done for all leaves at once, by a few statements.
func (t *tx) Integrate(ctx context.Context, from uint64, leaves [][]byte) (register.Integration, error) {
	var done register.Integration
	next := from + uint64(len(leaves))
	n, err := t.q.exec(ctx, `update setting set value = $1 where name = $2 and value = $3`, strconv.FormatUint(next, 10), settingNext, strconv.FormatUint(from, 10))
	if err != nil {
		return done, kind("state of the log", err)
	}
	if n != 1 {
		return done, register.ErrRaced
	}
	hashes := make([]assay.Digest, len(leaves))
	for i, leaf := range leaves {
		hashes[i] = register.DigestOf(leaf)
	}
	known, err := t.waiting(ctx, hashes)
	if err != nil {
		return done, err
	}
	p := &projection{tx: t, counts: map[[2]string]int{}, orgs: map[register.OrgID]int{}}
	var fresh []*waiting
	for i, hash := range hashes {
		index := from + uint64(i)
		w, there := known[hash]
		switch {
		case !there:
			done.Unknown = append(done.Unknown, index)
		case w.index.Valid: // before, or further up in this batch
			done.Again++
		default:
			w.index = sql.NullInt64{Int64: int64(index), Valid: true}
			fresh = append(fresh, w)
		}
	}
	done.Public = len(fresh)
	if err := p.take(ctx, fresh); err != nil {
		return done, fmt.Errorf("leaves from %d: %w", from, err)
	}
	return done, p.finish(ctx)
}

// waiting are those of some leaves that the database knows, by hash.
func (t *tx) waiting(ctx context.Context, hashes []assay.Digest) (map[assay.Digest]*waiting, error) {
	asked, err := jsonText(hashes)
	if err != nil {
		return nil, err
	}
	rows, err := list(ctx, t, "leaves", func(rows row) (w waiting, err error) {
		err = rows.Scan(&w.seq, &w.hash, &w.index, &w.kind, &w.product, &w.version, &w.assessment)
		return w, err
	}, `select seq, hash, idx, kind, product, version, assessment from leaf where hash in `+t.db.each("$1"), asked)
	out := make(map[assay.Digest]*waiting, len(rows))
	for i := range rows {
		out[rows[i].hash] = &rows[i]
	}
	return out, err
}
