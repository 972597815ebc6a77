package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

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

// AddVersion keeps a version, and puts its leaf among those that wait for the log.
// Nothing of it is public before.
func (t *tx) AddVersion(ctx context.Context, sealed register.Sealed, document []byte) error {
	e, v := sealed.Entry, sealed.Version
	promised, err := t.Promised(ctx, e.ID)
	if err != nil {
		return err
	}
	text, err := promise(promised, &v, sealed.Stated)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("version %d of product %s", v.Number, e.ID)
	if err := t.keepProduct(ctx, e, v.Number); err != nil {
		return err
	}
	if err := t.exec(ctx, what, `update product set latest = $2, promised = $3, make_key = $4, name_key = $5 where id = $1`,
		e.ID, v.Number, text, register.NameKey(v.Facts.Make), register.NameKey(v.Facts.Name)); err != nil {
		return err
	}
	if err := t.keepDocument(ctx, v.Digest, document); err != nil {
		return err
	}
	if err := t.exec(ctx, what, `insert into version (product, number, kind, record, digest, statement, org, author, published) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		e.ID, v.Number, v.Kind, sealed.Record, v.Record, v.Digest, v.Org, v.By, stamp(v.Published)); err != nil {
		return err
	}
	if v.Kind == register.KindPublished || v.Kind == register.KindRevised {
		if err := t.exec(ctx, "draft of product "+string(e.ID), `delete from draft where product = $1`, e.ID); err != nil {
			return err
		}
	}
	fields := v.Changes
	if fields == nil {
		fields = []register.FieldChange{}
	}
	return t.addLeaf(ctx, leafRow{v.Kind, e.ID, v.Number, 0, v.Org, "", v.Facts.Category, stamp(v.Published), fields, v.Note, sealed.Leaf})
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
