package store

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

const draftColumns = `d.product, d.org, p.slug, d.facts, d.statement, d.note, d.updated, d.author, d.revision`

func scanDraft(rows row) (d register.Draft, err error) {
	var facts, updated string
	if err := rows.Scan(&d.Product, &d.Org, &d.Slug, &facts, &d.Statement, &d.Note, &updated, &d.By, &d.Revision); err != nil {
		return d, err
	}
	if d.Updated, err = moment(updated); err != nil {
		return d, err
	}
	return d, json.Unmarshal([]byte(facts), &d.Facts)
}

// Draft is a draft of the scope's organisation.
func (t *tx) Draft(ctx context.Context, s register.Scope, id register.ProductID) (register.Draft, error) {
	return first(ctx, t, "draft of product "+string(id), scanDraft, `select `+draftColumns+` from draft d join product p on p.id = d.product where d.product = $1 and d.org = $2`, id, s.Org())
}

// Drafts are the drafts of the scope's organisation, by product.
func (t *tx) Drafts(ctx context.Context, s register.Scope, after register.ProductID, n int) ([]register.Draft, error) {
	return list(ctx, t, "drafts", scanDraft, `select `+draftColumns+` from draft d join product p on p.id = d.product where d.org = $1 and d.product > $2 order by d.product limit $3`, s.Org(), after, n)
}

// Own are the entries of the scope's organisation, of whatever status.
func (t *tx) Own(ctx context.Context, s register.Scope, f register.OwnFilter) ([]register.Entry, error) {
	order, after := ` order by p.id limit $7`, string(f.After)
	if f.OrderBySupport {
		order, after = ` order by case when p.support_end = '' then 1 else 0 end, p.support_end, p.seq limit $7`, ""
	}
	part := ""
	if f.Text != "" {
		part = "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(register.Fold(f.Text)) + "%"
	}
	var rows []entryRow
	own := asking(&rows, "own entries", scanEntry, `select `+entryColumns+` from product p join org o on o.id = p.org
		where p.org = $1 and ($2 = '' or p.status = $2) and ($3 = '' or (p.support_end <> '' and p.support_end <= $3)) and ($4 = '' or p.support_end >= $4)
		and p.id > $5 and ($6 = '' or lower(p.make || ' ' || p.name || ' ' || p.models) like $6 escape '\')`+order,
		s.Org(), f.Status, f.EndsBy.String(), f.EndsFrom.String(), after, part, f.Limit)
	own.varies = true
	err := t.q.ask(ctx, own)
	return bareEntries(rows), err
}

// OwnCounts are figures of the scope's organisation.
func (t *tx) OwnCounts(ctx context.Context, s register.Scope, today assay.Date) (c register.OwnCounts, err error) {
	err = t.q.ask(ctx, ask{what: "figures", query: `select
		coalesce(sum(case when status = 'published' then 1 else 0 end), 0), coalesce(sum(case when status = 'withdrawn' then 1 else 0 end), 0),
		coalesce(sum(case when status = 'published' and support_end <> '' and support_end < $2 then 1 else 0 end), 0),
		coalesce(sum(case when status = 'published' and support_end >= $2 and support_end <= $3 then 1 else 0 end), 0)
		from product where org = $1`, args: []any{s.Org(), today.String(), today.AddYears(1).String()}, each: func(r row) error {
		return r.Scan(&c.Published, &c.Withdrawn, &c.Ended, &c.EndsSoon)
	}}, ask{what: "figures", query: `select (select count(*) from draft where org = $1), (select count(*) from leaf where org = $1 and idx is null)`, args: []any{s.Org()}, each: func(r row) error {
		return r.Scan(&c.Drafts, &c.Pending)
	}})
	return c, err
}

// Labels are labels of the scope's public entries that lapse up to a day.
func (t *tx) Labels(ctx context.Context, s register.Scope, until assay.Date, n int) ([]register.Lapsing, error) {
	return list(ctx, t, "labels", func(rows row) (l register.Lapsing, err error) {
		var e entryScan
		var expires string
		if err := rows.Scan(append([]any{&l.Label.Scheme, &l.Label.Level, &l.Label.Number, &expires}, e.places()...)...); err != nil {
			return l, err
		}
		row, err := e.entry()
		if err != nil {
			return l, err
		}
		l.Entry = row.Entry
		l.Label.Expires, err = day(expires)
		return l, err
	}, `select b.scheme, b.level, b.number, b.expires, `+entryColumns+` from label b join product p on p.id = b.product join org o on o.id = p.org
		where b.org = $1 and p.org = $1 and b.expires <> '' and b.expires <= $2 and p.status = 'published' order by b.expires, p.seq limit $3`, s.Org(), until.String(), n)
}
