package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

// theProduct is the id of the product that $1 means, its id or its slug.
const theProduct = `coalesce((select id from product where id = $1), (select id from product where slug = $1))`

// theVersion is the number of the version $3 that who is in the organisation $2 sees;
// for 0, of the newest.
const theVersion = `case when cast($3 as bigint) > 0 then cast($3 as bigint) else (select max(w.number) from version w where w.product = ` + theProduct + ` and (w.leaf is not null or w.org = $2)) end`

// Page is a product whole, with what is beside it. All is asked at once: no question
// needs the answer of another, as each finds the product by itself.
func (t *tx) Page(ctx context.Context, s register.Scope, q register.PageQuery) (register.Page, error) {
	var p register.Page
	var versions []register.Version
	what := "product " + clip(q.Product)
	there := false
	asks := []ask{
		{what: what, query: `select ` + entryColumns + `, o.kind, o.address, o.site, o.created, o.products from product p join org o on o.id = p.org where p.id = ` + theProduct + ` and (p.version > 0 or p.org = $2)`, args: []any{q.Product, s.Org()}, each: func(r row) (err error) {
			there = true
			p.Entry, p.Org, err = scanEntryAndOrg(r)
			return err
		}},
		{what: "version of " + what, query: `select v.record, v.author, v.leaf from version v where v.product = ` + theProduct + ` and` + versionSeen + ` and v.number = ` + theVersion, args: []any{q.Product, s.Org(), q.Number}, each: func(r row) error {
			v, record, err := scanVersionAndRecord(r)
			versions, p.Record = append(versions, v), record
			return err
		}},
		asking(&p.History, "changes of "+what, scanHistory, `select l.idx, l.kind, l.at, l.version, l.fields, l.note from leaf l where l.product = `+theProduct+` and l.idx is not null order by l.idx desc limit $2`, q.Product, register.MaxPage),
		asking(&p.Assessments, "assessments of "+what, scanAssessment, assessmentsOf+` where a.product = `+theProduct+assessmentsSeen, q.Product, s.Org()),
	}
	if q.Number > 0 || s.Org() != "" { // else the version says it
		asks = append(asks, ask{what: "withdrawal of " + what, query: `select v.record, v.author, v.leaf from product p cross join version v where p.id = ` + theProduct + ` and p.status = 'withdrawn' and v.product = p.id and v.number = p.version`, args: []any{q.Product}, each: func(r row) error {
			v, _, err := scanVersionAndRecord(r)
			p.Withdrawal = &register.Withdrawal{Reason: v.Note, At: v.Published, Leaf: v.Leaf}
			return err
		}})
	}
	if s.Org() != "" {
		asks = append(asks, ask{what: "pending leaves", query: `select count(*) from leaf where product = ` + theProduct + ` and org = $2 and idx is null`, args: []any{q.Product, s.Org()}, each: func(r row) error {
			p.Pending = new(int)
			return r.Scan(p.Pending)
		}})
	}
	if q.Signed {
		asks = append(asks, ask{what: "statement of " + what, query: `select d.data from version v join document d on d.digest = v.statement where v.product = ` + theProduct + ` and` + versionSeen + ` and v.number = ` + theVersion, args: []any{q.Product, s.Org(), q.Number}, each: func(r row) error { return r.Scan(&p.Statement) }},
			asking(&p.Keys, "keys", scanKey, `select `+keyColumns+` from signing_key where org = (select org from product where id = `+theProduct+`) order by added, id`, q.Product))
	}
	if q.Watched {
		asks = append(asks, asking(&p.Watched, "pages of "+what, scanWatched, `select `+watchColumns+` from watch w where w.product = `+theProduct+` order by w.url`, q.Product))
	}
	var similar []entryRow
	if q.Similar > 0 {
		asks = append(asks, asking(&similar, "similar products", scanEntry, `select `+entryColumns+similarTo+`(select category from product where id = `+theProduct+`) and p.id <> `+theProduct+bySupport+`$2`, q.Product, q.Similar))
	}
	if err := t.q.ask(ctx, asks...); err != nil {
		return register.Page{}, err
	}
	switch {
	case !there:
		return register.Page{}, fmt.Errorf("%s: %w", what, assay.ErrNotFound)
	case len(versions) == 0:
		return register.Page{}, fmt.Errorf("version %d of %s: %w", q.Number, what, assay.ErrNotFound)
	}
	p.Version, p.Similar = versions[0], bareEntries(similar)
	for i := range p.History {
		p.History[i].Entry = p.Entry
	}
	if p.Entry.Status == register.Withdrawn && p.Withdrawal == nil {
		p.Withdrawal = &register.Withdrawal{Reason: p.Version.Note, At: p.Version.Published, Leaf: p.Version.Leaf}
	}
	if p.Entry.Org != s.Org() {
		p.Pending = nil
	}
	return p, nil
}

// scanEntryAndOrg reads an entry, and what it lacks of its organisation.
func scanEntryAndOrg(r row) (register.Entry, register.Organisation, error) {
	var e entryScan
	var o register.Organisation
	var created string
	if err := r.Scan(append(e.places(), &o.Kind, &o.Address, &o.Site, &created, &o.Products)...); err != nil {
		return register.Entry{}, o, err
	}
	entry, err := e.entry()
	if err != nil {
		return entry.Entry, o, err
	}
	o.ID, o.Slug, o.Name = entry.Org, entry.OrgSlug, entry.OrgName
	o.Created, err = moment(created)
	return entry.Entry, o, err
}

func scanVersionAndRecord(r row) (v register.Version, record []byte, err error) {
	var author register.AccountID
	var leaf sql.NullInt64
	if err := r.Scan(&record, &author, &leaf); err != nil {
		return v, nil, err
	}
	v, err = register.ParseRecord(record)
	v.By, v.Leaf = author, index(leaf)
	return v, record, err
}
