package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

// projection makes public what leaves stand for, and counts what that changes.
type projection struct {
	*tx
	counts map[[2]string]int // by dimension and item
	orgs   map[register.OrgID]int
}

// take gives leaves their indexes, and makes public the newest version of each
// product that is among them.
func (p *projection) take(ctx context.Context, fresh []*waiting) error {
	var leaves, versions, assessments rowList
	newest := map[register.ProductID]*waiting{}
	for _, w := range fresh {
		leaves.add(w.seq, w.index.Int64)
		if w.kind == register.KindAssessed {
			assessments.add(w.assessment, w.index.Int64)
			continue
		}
		versions.add(w.product, w.version, w.index.Int64)
		if before := newest[w.product]; before == nil || before.version < w.version {
			newest[w.product] = w
		}
	}
	if err := p.many(ctx, "leaf", leaves, []string{"seq int", "idx int"}, `update leaf set idx = x.idx, bytes = $2 from `, ` x where leaf.seq = x.seq`, []byte{}); err != nil {
		return err
	}
	if err := p.many(ctx, "assessment", assessments, []string{"id int", "idx int"}, `update assessment set leaf = x.idx from `, ` x where assessment.id = x.id`); err != nil {
		return err
	}
	if err := p.many(ctx, "version", versions, []string{"product", "number int", "idx int"}, `update version set leaf = x.idx from `, ` x where version.product = x.product and version.number = x.number`); err != nil {
		return err
	}
	return p.project(ctx, newest)
}

// entries are the products of some ids.
func (p *projection) entries(ctx context.Context, ids []register.ProductID) ([]entryRow, error) {
	asked, err := jsonText(ids)
	if err != nil {
		return nil, err
	}
	rows, err := list(ctx, p.tx, "products", scanEntry, `select `+entryColumns+` from product p join org o on o.id = p.org where p.id in `+p.db.each("$1")+` order by p.seq`, asked)
	if err == nil && len(rows) != len(ids) {
		err = fmt.Errorf("products of leaves: %w: there are %d of %d", assay.ErrNotFound, len(rows), len(ids))
	}
	return rows, err
}

// project writes versions into the rows that lists, look-ups and searches read.
func (p *projection) project(ctx context.Context, newest map[register.ProductID]*waiting) error {
	ids := make([]register.ProductID, 0, len(newest))
	for id := range newest {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	entries, err := p.entries(ctx, ids)
	if err != nil {
		return err
	}
	entries = slices.DeleteFunc(entries, func(e entryRow) bool { return e.Version >= newest[e.ID].version }) // a later one came first
	var wanted rowList
	for _, e := range entries {
		wanted.add(e.ID, newest[e.ID].version)
	}
	text, err := jsonText(wanted)
	if err != nil || len(wanted) == 0 {
		return err
	}
	found, err := list(ctx, p.tx, "versions", scanVersion, `select `+versionColumns+` from `+p.db.rows("$1", "product", "number int")+` x cross join version v where v.product = x.product and v.number = x.number`, text)
	if err != nil {
		return err
	}
	versions := make(map[register.ProductID]*register.Version, len(found))
	for i := range found {
		versions[found[i].Product] = &found[i]
	}
	var out projected
	for _, e := range entries {
		v := versions[e.ID]
		if v == nil {
			return fmt.Errorf("version %d of product %s: %w", newest[e.ID].version, e.ID, assay.ErrNotFound)
		}
		if err := p.add(&out, e, v, newest[e.ID].index.Int64); err != nil {
			return err
		}
	}
	return p.write(ctx, &out)
}

// projected is what becomes public, by where it is written.
type projected struct {
	products, gtins, models, labels, words rowList
	ids                                    []register.ProductID
	drop                                   []register.ProductID // whose rows of an earlier version go
	unsearch                               []string             // and their places in the index
}

func (p *projection) add(out *projected, before entryRow, v *register.Version, index int64) error {
	id, f := v.Product, &v.Facts
	models, err := jsonText(f.Models)
	if err != nil {
		return err
	}
	status, x := register.Published, indexed(f)
	if v.Kind == register.KindWithdrawn {
		status = register.Withdrawn
		x.words += " " + withdrawnWord
	}
	out.ids = append(out.ids, id)
	out.products.add(id, status, f.Name, f.Make, models, f.Category, f.Headline().String(), v.Number, stamp(v.Published), index, register.Fold(f.Make), x.words)
	if before.Version > 0 {
		p.count(before.Entry, -1)
		out.drop = append(out.drop, id)
		out.unsearch = append(out.unsearch, strconv.FormatInt(before.seq, 10))
	} else {
		p.orgs[before.Org]++
	}
	p.count(register.Entry{Make: f.Make, Name: f.Name, Category: f.Category}, 1)
	for _, g := range f.GTINs {
		out.gtins.add(g, id)
	}
	for _, code := range x.codes {
		out.models.add(code, id)
	}
	for _, l := range f.Labels {
		out.labels.add(id, v.Org, l.Scheme, l.Level, l.Number, l.Expires.String())
	}
	out.words.add(before.seq, x.words, x.joined())
	return nil
}

func (p *projection) write(ctx context.Context, out *projected) error {
	if p.db.engine == postgresEngine && len(out.drop) > 0 { // while product has the words of the earlier version
		ids, err := jsonText(out.drop)
		if err != nil {
			return err
		}
		if err := p.exec(ctx, "words", `delete from word w using product p where p.id in `+p.db.each("$1")+` and w.word = any(string_to_array(p.words, ' ')) and w.seq = p.seq`, ids); err != nil {
			return err
		}
	}
	if err := p.many(ctx, "product", out.products, []string{"id", "status", "name", "make", "models", "category", "support_end", "version int", "changed", "leaf int", "maker", "words"},
		`update product set status = x.status, name = x.name, make = x.make, models = x.models, category = x.category, support_end = x.support_end, version = x.version, changed = x.changed, leaf = x.leaf, maker = x.maker, words = x.words from `,
		` x where product.id = x.id`); err != nil {
		return err
	}
	if len(out.drop) > 0 {
		ids, err := jsonText(out.drop)
		if err != nil {
			return err
		}
		for _, table := range []string{"gtin", "model", "label"} {
			if err := p.exec(ctx, table, `delete from `+table+` where product in `+p.db.each("$1"), ids); err != nil {
				return err
			}
		}
	}
	if err := p.many(ctx, "barcode", out.gtins, []string{"gtin", "product"}, `insert into gtin (gtin, product) select gtin, product from `, ` x`); err != nil {
		return err
	}
	if err := p.many(ctx, "model", out.models, []string{"code", "product"}, `insert into model (code, product) select code, product from `, ` x`); err != nil {
		return err
	}
	if err := p.many(ctx, "label", out.labels, []string{"product", "org", "scheme", "level", "number", "expires"}, `insert into label (product, org, scheme, level, number, expires) select product, org, scheme, level, number, expires from `, ` x`); err != nil {
		return err
	}
	return p.index(ctx, out)
}

// putWords is how PostgreSQL takes the words that entries are found by from product p
// into the table word: those of public entries that are not withdrawn, without digits.
const putWords = `insert into word (word, seq) select distinct w.word, p.seq from product p cross join unnest(string_to_array(p.words, ' ')) as w (word)
	where p.version > 0 and p.status = 'published' and w.word !~ '[0-9]' and w.word <> ''`

// index puts the words of entries where they are searched for.
func (p *projection) index(ctx context.Context, out *projected) error {
	columns := []string{"seq int", "words", "codes"}
	if p.db.engine == postgresEngine {
		if err := p.many(ctx, "index", out.words, columns, `insert into search (seq, words, codes) select seq, to_tsvector('simple', words), codes from `, ` x where true on conflict (seq) do update set words = excluded.words, codes = excluded.codes`); err != nil || len(out.ids) == 0 {
			return err
		}
		ids, err := jsonText(out.ids)
		if err != nil {
			return err
		}
		return p.exec(ctx, "words", putWords+` and p.id in `+p.db.each("$1"), ids)
	}
	if len(out.unsearch) > 0 {
		places, err := jsonText(out.unsearch)
		if err != nil {
			return err
		}
		for _, table := range []string{"search", "code"} {
			if err := p.exec(ctx, "index", `delete from `+table+` where rowid in `+p.db.eachNumber("$1"), places); err != nil {
				return err
			}
		}
	}
	if err := p.many(ctx, "index", out.words, columns, `insert into search (rowid, words) select seq, words from `, ` x`); err != nil {
		return err
	}
	return p.many(ctx, "index", out.words, columns, `insert into code (rowid, codes) select seq, codes from `, ` x`)
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
	var counts rowList
	for _, k := range keys {
		counts.add(k[0], k[1], p.counts[k])
	}
	if err := p.many(ctx, "counts", counts, []string{"dimension", "item", "n int"}, `insert into tally (dimension, item, n) select dimension, item, n from `, ` x where true on conflict (dimension, item) do update set n = tally.n + excluded.n`); err != nil {
		return err
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
