package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

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
	return list(ctx, t, "outbox", func(rows *sql.Rows) (o register.Outgoing, err error) {
		err = rows.Scan(&o.Seq, &o.Product, &o.Leaf)
		return o, err
	}, `select seq, product, bytes from leaf where idx is null order by seq limit $1`, n)
}

// OutboxState is how many leaves wait, and since when the oldest does.
func (t *tx) OutboxState(ctx context.Context) (pending int, oldest time.Time, err error) {
	var at string
	if err := t.q.QueryRowContext(ctx, `select count(*), coalesce(min(at), '') from leaf where idx is null`).Scan(&pending, &at); err != nil {
		return 0, oldest, kind("outbox", err)
	}
	oldest, err = moment(at)
	return pending, oldest, err
}

// LeafHashes are the hashes of leaves by index.
func (t *tx) LeafHashes(ctx context.Context, from uint64, n int) (map[uint64]assay.Digest, error) {
	type row struct {
		index int64
		hash  assay.Digest
	}
	rows, err := list(ctx, t, "leaves", func(rows *sql.Rows) (r row, err error) {
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
	rows, err := list(ctx, t, "leaf", func(rows *sql.Rows) (n sql.NullInt64, err error) {
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
	r, err := t.q.ExecContext(ctx, `insert into lease (name, holder, until) values ($1, $2, $3)
		on conflict (name) do update set holder = excluded.holder, until = excluded.until where lease.holder = excluded.holder or lease.until <= $4`, name, holder, stamp(until), stamp(now))
	if err != nil {
		return false, kind("lease "+name, err)
	}
	n, err := r.RowsAffected()
	return n == 1, err
}

// DropLease lets others have it.
func (t *tx) DropLease(ctx context.Context, name, holder string) error {
	return t.exec(ctx, "lease "+name, `delete from lease where name = $1 and holder = $2`, name, holder)
}

// waiting is a leaf that the database knows.
type waiting struct {
	seq        int64
	index      sql.NullInt64
	kind       register.Kind
	product    register.ProductID
	version    int
	assessment int64
}

// Integrate takes note of leaves of the log, from an index on, and makes public what
// they stand for.
func (t *tx) Integrate(ctx context.Context, from uint64, leaves [][]byte) (register.Integration, error) {
	var done register.Integration
	next := from + uint64(len(leaves))
	r, err := t.q.ExecContext(ctx, `update setting set value = $1 where name = $2 and value = $3`, strconv.FormatUint(next, 10), settingNext, strconv.FormatUint(from, 10))
	if err != nil {
		return done, kind("state of the log", err)
	}
	if n, err := r.RowsAffected(); err != nil || n != 1 {
		return done, register.ErrRaced
	}
	p := &projection{tx: t, counts: map[[2]string]int{}, orgs: map[register.OrgID]int{}}
	for i, leaf := range leaves {
		index := from + uint64(i)
		rows, err := list(ctx, t, "leaf", func(rows *sql.Rows) (w waiting, err error) {
			err = rows.Scan(&w.seq, &w.index, &w.kind, &w.product, &w.version, &w.assessment)
			return w, err
		}, `select seq, idx, kind, product, version, assessment from leaf where hash = $1`, register.DigestOf(leaf))
		switch {
		case err != nil:
			return done, err
		case len(rows) == 0:
			done.Unknown = append(done.Unknown, index)
			continue
		case rows[0].index.Valid:
			done.Again++
			continue
		}
		if err := p.take(ctx, rows[0], int64(index)); err != nil {
			return done, fmt.Errorf("leaf %d: %w", index, err)
		}
		done.Public++
	}
	return done, p.finish(ctx)
}

// projection makes public what leaves stand for, and counts what that changes.
type projection struct {
	*tx
	counts map[[2]string]int // by dimension and item
	orgs   map[register.OrgID]int
}

func (p *projection) take(ctx context.Context, w waiting, index int64) error {
	if err := p.one(ctx, "leaf", `update leaf set idx = $1, bytes = $2 where seq = $3`, index, []byte{}, w.seq); err != nil {
		return err
	}
	if w.kind == register.KindAssessed {
		return p.one(ctx, "assessment", `update assessment set leaf = $1 where id = $2`, index, w.assessment)
	}
	if err := p.one(ctx, "version", `update version set leaf = $1 where product = $2 and number = $3`, index, w.product, w.version); err != nil {
		return err
	}
	before, err := first(ctx, p.tx, "product "+string(w.product), scanEntry, `select `+entryColumns+` from product p join org o on o.id = p.org where p.id = $1`, w.product)
	if err != nil {
		return err
	}
	if before.Version >= w.version { // a later one came first
		return nil
	}
	v, err := first(ctx, p.tx, "version", scanVersion, `select `+versionColumns+` from version v where v.product = $1 and v.number = $2`, w.product, w.version)
	if err != nil {
		return err
	}
	return p.project(ctx, before, v, index)
}

// project writes a version into the rows that lists, look-ups and searches read.
func (p *projection) project(ctx context.Context, before entryRow, v register.Version, index int64) error {
	id, f := v.Product, &v.Facts
	status := register.Published
	if v.Kind == register.KindWithdrawn {
		status = register.Withdrawn
	}
	models, err := jsonText(f.Models)
	if err != nil {
		return err
	}
	x := indexed(f)
	if status == register.Withdrawn {
		x.words += " " + withdrawnWord
	}
	if err := p.one(ctx, "product", `update product set status = $2, name = $3, make = $4, models = $5, category = $6, support_end = $7, version = $8, changed = $9, leaf = $10, maker = $11, words = $12 where id = $1`,
		id, status, f.Name, f.Make, models, f.Category, f.Headline().String(), v.Number, stamp(v.Published), index, register.Fold(f.Make), x.words); err != nil {
		return err
	}
	if before.Version > 0 {
		p.count(before.Entry, -1)
		for _, table := range []string{`delete from gtin where product = $1`, `delete from model where product = $1`, `delete from label where product = $1`} {
			if err := p.exec(ctx, "product", table, id); err != nil {
				return err
			}
		}
	} else {
		p.orgs[before.Org]++
	}
	p.count(register.Entry{Make: f.Make, Name: f.Name, Category: f.Category}, 1)
	for _, g := range f.GTINs {
		if err := p.exec(ctx, "barcode", `insert into gtin (gtin, product) values ($1, $2)`, g, id); err != nil {
			return err
		}
	}
	for _, code := range x.codes {
		if err := p.exec(ctx, "model", `insert into model (code, product) values ($1, $2)`, code, id); err != nil {
			return err
		}
	}
	for _, l := range f.Labels {
		if err := p.exec(ctx, "label", `insert into label (product, org, scheme, level, number, expires) values ($1, $2, $3, $4, $5, $6)`, id, v.Org, l.Scheme, l.Level, l.Number, l.Expires.String()); err != nil {
			return err
		}
	}
	return p.index(ctx, before.seq, before.Version > 0, x)
}

// index puts the words of an entry where they are searched for.
func (p *projection) index(ctx context.Context, seq int64, there bool, x indexable) error {
	if p.db.engine == postgresEngine {
		return p.exec(ctx, "index", `insert into search (seq, words, codes) values ($1, to_tsvector('simple', $2), $3) on conflict (seq) do update set words = excluded.words, codes = excluded.codes`, seq, x.words, x.joined())
	}
	if there {
		if err := p.exec(ctx, "index", `delete from search where rowid = $1`, seq); err != nil {
			return err
		}
		if err := p.exec(ctx, "index", `delete from code where rowid = $1`, seq); err != nil {
			return err
		}
	}
	if err := p.exec(ctx, "index", `insert into search (rowid, words) values ($1, $2)`, seq, x.words); err != nil {
		return err
	}
	return p.exec(ctx, "index", `insert into code (rowid, codes) values ($1, $2)`, seq, x.joined())
}

// indexable is what is searched for of an entry.
type indexable struct {
	words string
	codes []string // keys of models, sorted, each once
}

func (x *indexable) joined() string { return strings.Join(x.codes, " ") }

func indexed(f *register.Facts) indexable {
	var x indexable
	words := register.Words(f.Make + " " + f.Name + " " + f.Category)
	for _, m := range f.Models {
		words = append(words, register.Words(m)...)
		if key := register.CodeKey(m); key != "" {
			x.codes = append(x.codes, key)
			words = append(words, key)
		}
	}
	slices.Sort(x.codes)
	x.codes = slices.Compact(x.codes)
	slices.Sort(words)
	x.words = strings.Join(slices.Compact(words), " ")
	return x
}

// count takes note of an entry that is public now, or is so no more in this form.
func (p *projection) count(e register.Entry, by int) {
	p.counts[[2]string{"all", ""}] += by
	p.counts[[2]string{"category", e.Category}] += by
	p.counts[[2]string{"make", e.Make}] += by
	words := register.Words(e.Make + " " + e.Name + " " + e.Category)
	slices.Sort(words)
	for _, w := range slices.Compact(words) {
		if len(w) <= 40 && !strings.ContainsFunc(w, unicode.IsDigit) {
			p.counts[[2]string{"word", w}] += by
		}
	}
}

// finish writes the counts, in one order for all processes.
func (p *projection) finish(ctx context.Context) error {
	keys := make([][2]string, 0, len(p.counts))
	for k, n := range p.counts {
		if n != 0 {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	for _, k := range keys {
		if err := p.exec(ctx, "counts", `insert into tally (dimension, item, n) values ($1, $2, $3) on conflict (dimension, item) do update set n = tally.n + excluded.n`, k[0], k[1], p.counts[k]); err != nil {
			return err
		}
	}
	orgs := make([]register.OrgID, 0, len(p.orgs))
	for o := range p.orgs {
		orgs = append(orgs, o)
	}
	slices.Sort(orgs)
	for _, o := range orgs {
		if err := p.one(ctx, "organisation", `update org set products = products + $1 where id = $2`, p.orgs[o], o); err != nil {
			return err
		}
	}
	return nil
}
