package store

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

// Lock keeps other transactions out that lock the same name, until this one ends.
// SQLite has one writer: there nothing needs to be done.
func (t *tx) Lock(ctx context.Context, name string) error {
	if t.db.engine == sqliteEngine {
		return nil
	}
	return t.exec(ctx, "lock "+name, `select pg_advisory_xact_lock(hashtextextended($1, 0))`, name)
}

// Latest locks a product and gives its newest version; number 0 for none.
func (t *tx) Latest(ctx context.Context, id register.ProductID) (register.Version, error) {
	if err := t.Lock(ctx, "product:"+string(id)); err != nil {
		return register.Version{}, err
	}
	v, err := first(ctx, t, "newest version of product "+string(id), scanVersion, `select `+versionColumns+` from version v where v.product = $1 order by v.number desc limit 1`, id)
	if errors.Is(err, assay.ErrNotFound) {
		return register.Version{Product: id}, nil
	}
	return v, err
}

// Promised are the latest ends of support that were ever published, by component.
func (t *tx) Promised(ctx context.Context, id register.ProductID) (map[string]assay.Date, error) {
	var text string
	err := t.value(ctx, "product "+string(id), `select promised from product where id = $1`, []any{id}, &text)
	if errors.Is(err, assay.ErrNotFound) {
		return map[string]assay.Date{}, nil
	}
	if err != nil {
		return nil, err
	}
	out := map[string]assay.Date{}
	return out, json.Unmarshal([]byte(text), &out)
}

// promise adds what a version promises to what was promised before.
func promise(promised map[string]assay.Date, v *register.Version, stated assay.Date) (string, error) {
	add := func(component string, end assay.Date) {
		if before, there := promised[component]; !there || before.Before(end) {
			promised[component] = end
		}
	}
	for _, s := range v.Facts.Support {
		add(s.Component, s.End)
	}
	add(register.StatementPeriod, stated)
	text, err := json.Marshal(promised)
	return string(text), err
}

func jsonText(v any) (string, error) {
	data, err := json.Marshal(v)
	return string(data), err
}

// Standing locks products of the scope's organisation by their names, in one order for
// all, and then reads what there is of them.
func (t *tx) Standing(ctx context.Context, s register.Scope, names []register.ProductName) (map[register.ProductName]register.Standing, error) {
	var asked rowList
	for _, n := range names {
		asked.add(n.Make, n.Name)
	}
	text, err := jsonText(asked)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	wanted := t.db.rows("$1", "make_key", "name_key") + ` x cross join product p`
	const found = ` where p.org = $2 and p.make_key = x.make_key and p.name_key = x.name_key`
	if t.db.engine == postgresEngine {
		if err := t.exec(ctx, "lock products", `select pg_advisory_xact_lock(hashtextextended('product:' || id, 0)) from (select p.id from `+wanted+found+` order by p.id) l`, text, s.Org()); err != nil {
			return nil, err
		}
	}
	type known struct {
		name     register.ProductName
		standing register.Standing
	}
	var all []known
	versions := map[register.ProductID]register.Version{}
	if err := t.q.ask(ctx, asking(&all, "products", func(r row) (k known, err error) {
		var e entryScan
		var promised string
		if err := r.Scan(append(e.places(), &k.name.Make, &k.name.Name, &promised)...); err != nil {
			return k, err
		}
		entry, err := e.entry()
		if err != nil {
			return k, err
		}
		k.standing.Entry = entry.Entry
		err = json.Unmarshal([]byte(promised), &k.standing.Promised)
		return k, err
	}, `select `+entryColumns+`, p.make_key, p.name_key, p.promised from `+wanted+` join org o on o.id = p.org`+found, text, s.Org()),
		ask{what: "newest versions", query: `select ` + versionColumns + ` from ` + wanted + ` join version v on v.product = p.id and v.number = p.latest` + found, args: []any{text, s.Org()}, each: func(r row) error {
			v, err := scanVersion(r)
			versions[v.Product] = v
			return err
		}}); err != nil {
		return nil, err
	}
	out := make(map[register.ProductName]register.Standing, len(all))
	for _, k := range all {
		k.standing.Latest = versions[k.standing.Entry.ID]
		out[k.name] = k.standing
	}
	return out, nil
}

// AddVersions keeps versions, and puts their leaves among those that wait for the log.
// Nothing of them is public before.
func (t *tx) AddVersions(ctx context.Context, all []register.NewVersion) error {
	var products, documents, versions, drafts, leaves rowList
	for i := range all {
		e, v := &all[i].Entry, &all[i].Version
		models, err := jsonText(e.Models)
		if err != nil {
			return err
		}
		promised, err := promise(maps.Clone(all[i].Promised), v, all[i].Stated)
		if err != nil {
			return err
		}
		fields, err := jsonText(append([]register.FieldChange{}, v.Changes...))
		if err != nil {
			return err
		}
		products.add(e.ID, e.Slug, e.Org, e.Name, e.Make, models, e.Category, e.SupportEnd.String(), register.NameKey(v.Facts.Make), register.NameKey(v.Facts.Name), v.Number, promised)
		if all[i].Document != nil {
			documents.add(v.Digest, hex.EncodeToString(all[i].Document))
		}
		at := stamp(v.Published)
		versions.add(e.ID, v.Number, v.Kind, hex.EncodeToString(all[i].Record), v.Record, v.Digest, v.Org, v.By, at)
		if v.Kind == register.KindPublished || v.Kind == register.KindRevised {
			drafts.add(e.ID)
		}
		leaves.add(register.DigestOf(all[i].Leaf), v.Kind, e.ID, v.Number, v.Org, v.Facts.Category, at, fields, v.Note, hex.EncodeToString(all[i].Leaf))
	}
	// A product that is there keeps what is public of it.
	if err := t.many(ctx, "product", products, []string{"id", "slug", "org", "name", "make", "models", "category", "support_end", "make_key", "name_key", "latest int", "promised"},
		`insert into product (id, slug, org, status, name, make, models, category, support_end, version, changed, leaf, maker, words, make_key, name_key, latest, promised)
		select id, slug, org, 'draft', name, make, models, category, support_end, 0, '', 0, '', '', make_key, name_key, latest, promised from `,
		` x where true on conflict (id) do update set latest = excluded.latest, promised = excluded.promised, make_key = excluded.make_key, name_key = excluded.name_key`); err != nil {
		return err
	}
	if _, err := t.some(ctx, "document", documents, []string{"digest", "data hex"}, `insert into document (digest, data) select digest, data from `, ` x where true on conflict (digest) do nothing`); err != nil {
		return err
	}
	if err := t.many(ctx, "version", versions, []string{"product", "number int", "kind", "record hex", "digest", "statement", "org", "author", "published"},
		`insert into version (product, number, kind, record, digest, statement, org, author, published) select product, number, kind, record, digest, statement, org, author, published from `, ` x`); err != nil {
		return err
	}
	if _, err := t.some(ctx, "draft", drafts, []string{"product"}, `delete from draft where product in (select product from `, ` x)`); err != nil {
		return err
	}
	return t.many(ctx, "leaf", leaves, []string{"hash", "kind", "product", "version int", "org", "category", "at", "fields", "note", "bytes hex"},
		`insert into leaf (hash, kind, product, version, assessment, org, category, at, fields, note, bytes) select hash, kind, product, version, 0, org, category, at, fields, note, bytes from `, ` x`)
}

// keepProduct makes the row of a product where there is none yet.
func (t *tx) keepProduct(ctx context.Context, e register.Entry, latest int) error {
	models, err := jsonText(e.Models)
	if err != nil {
		return err
	}
	return t.exec(ctx, "product "+string(e.ID), `insert into product
		(id, slug, org, status, name, make, models, category, support_end, version, changed, leaf, maker, words, make_key, name_key, latest, promised)
		values ($1, $2, $3, 'draft', $4, $5, $6, $7, $8, 0, '', 0, '', '', $9, $10, $11, '{}') on conflict (id) do nothing`,
		e.ID, e.Slug, e.Org, e.Name, e.Make, models, e.Category, e.SupportEnd.String(), register.NameKey(e.Make), register.NameKey(e.Name), latest)
}

func (t *tx) keepDocument(ctx context.Context, digest assay.Digest, data []byte) error {
	if data == nil { // a version by the statement that was there before
		return nil
	}
	return t.exec(ctx, "document "+string(digest), `insert into document (digest, data) values ($1, $2) on conflict (digest) do nothing`, digest, data)
}

// leafRow is a leaf that waits for the log, with what feeds tell of it.
type leafRow struct {
	kind       register.Kind
	product    register.ProductID
	version    int
	assessment int64
	org        register.OrgID
	maker      register.OrgID // of the product, where another attached an assessment
	category   string
	at         string
	fields     []register.FieldChange
	note       string
	bytes      []byte
}

func (t *tx) addLeaf(ctx context.Context, l leafRow) error {
	fields, err := jsonText(l.fields)
	if err != nil {
		return err
	}
	return t.exec(ctx, "leaf of product "+string(l.product), `insert into leaf (hash, kind, product, version, assessment, org, maker, category, at, fields, note, bytes) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		register.DigestOf(l.bytes), l.kind, l.product, l.version, l.assessment, l.org, l.maker, l.category, l.at, fields, l.note, l.bytes)
}

// AddAssessment keeps an assessment, and puts its leaf among those that wait.
func (t *tx) AddAssessment(ctx context.Context, a register.Assessment, record, document, leaf []byte) (register.Assessment, error) {
	what := "assessment of product " + string(a.Product)
	says, err := jsonText(a.Says)
	if err != nil {
		return a, err
	}
	if err := t.keepDocument(ctx, a.Digest, document); err != nil {
		return a, err
	}
	if err := t.value(ctx, what, `insert into assessment (product, org, digest, signed_by, says, record, at) values ($1, $2, $3, $4, $5, $6, $7) returning id`,
		[]any{a.Product, a.Org, a.Digest, a.SignedBy, says, record, stamp(a.At)}, &a.ID); err != nil {
		return a, err
	}
	var maker register.OrgID
	var category string
	if err := t.value(ctx, what, `select org, category from product where id = $1`, []any{a.Product}, &maker, &category); err != nil {
		return a, err
	}
	return a, t.addLeaf(ctx, leafRow{register.KindAssessed, a.Product, a.Says.Version, a.ID, a.Org, maker, category, stamp(a.At), []register.FieldChange{}, a.Says.Note, leaf})
}

// SaveDraft keeps a draft, where nobody saved another since it was read.
func (t *tx) SaveDraft(ctx context.Context, d register.Draft) error {
	what := "draft of product " + string(d.Product)
	f := &d.Facts
	e := register.Entry{ID: d.Product, Slug: d.Slug, Org: d.Org, Name: f.Name, Make: f.Make, Models: f.Models, Category: register.Fold(f.Category), SupportEnd: f.Headline()}
	if err := t.keepProduct(ctx, e, 0); err != nil {
		return err
	}
	facts, err := jsonText(d.Facts)
	if err != nil {
		return err
	}
	models, err := jsonText(f.Models)
	if err != nil {
		return err
	}
	if err := t.exec(ctx, what, `update product set name = $2, make = $3, models = $4, category = $5, support_end = $6, make_key = $7, name_key = $8 where id = $1 and latest = 0`,
		d.Product, f.Name, f.Make, models, e.Category, e.SupportEnd.String(), register.NameKey(f.Make), register.NameKey(f.Name)); err != nil {
		return err
	}
	statement := d.Statement
	if statement == nil {
		statement = []byte{}
	}
	err = t.one(ctx, what, `insert into draft (product, org, facts, statement, note, updated, author, revision) values ($1, $2, $3, $4, $5, $6, $7, $8 + 1)
		on conflict (product) do update set facts = excluded.facts, statement = excluded.statement, note = excluded.note, updated = excluded.updated, author = excluded.author, revision = excluded.revision
		where draft.revision = $8`, d.Product, d.Org, facts, statement, d.Note, stamp(d.Updated), d.By, d.Revision)
	if errors.Is(err, assay.ErrNotFound) {
		return fmt.Errorf("%s: %w: somebody saved it meanwhile; read it again", what, assay.ErrConflict)
	}
	return err
}

// DeleteDraft drops a draft, and its product where that never had a version.
func (t *tx) DeleteDraft(ctx context.Context, id register.ProductID) error {
	what := "draft of product " + string(id)
	if err := t.one(ctx, what, `delete from draft where product = $1`, id); err != nil {
		return err
	}
	return t.exec(ctx, what, `delete from product where id = $1 and latest = 0`, id)
}
