package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

// An entry, of p, with its organisation, o.
const entryColumns = `p.seq, p.id, p.slug, p.org, o.slug, o.name, p.status, p.name, p.make, p.models, p.category, p.support_end, p.version, p.changed, p.leaf`

// entryRow is an entry with its place in the order of products.
type entryRow struct {
	register.Entry
	seq int64
}

// entryScan are the places that a row of entryColumns is scanned into.
type entryScan struct {
	row                  entryRow
	models, end, changed string
	leaf                 int64
}

func (s *entryScan) places() []any {
	e := &s.row
	return []any{&e.seq, &e.ID, &e.Slug, &e.Org, &e.OrgSlug, &e.OrgName, &e.Status, &e.Name, &e.Make, &s.models, &e.Category, &s.end, &e.Version, &s.changed, &s.leaf}
}

func (s *entryScan) entry() (entryRow, error) {
	e := s.row
	var err error
	if e.SupportEnd, err = day(s.end); err != nil {
		return e, err
	}
	if e.Changed, err = moment(s.changed); err != nil {
		return e, err
	}
	e.Leaf = uint64(max(s.leaf, 0))
	return e, json.Unmarshal([]byte(s.models), &e.Models)
}

func scanEntry(rows row) (entryRow, error) {
	var s entryScan
	if err := rows.Scan(s.places()...); err != nil {
		return s.row, err
	}
	return s.entry()
}

func bareEntries(rows []entryRow) []register.Entry {
	out := make([]register.Entry, len(rows))
	for i, r := range rows {
		out[i] = r.Entry
	}
	return out
}

// Entry is a product that is public, or the scope's own.
func (t *tx) Entry(ctx context.Context, s register.Scope, id register.ProductID) (register.Entry, error) {
	e, err := first(ctx, t, "product "+string(id), scanEntry, `select `+entryColumns+` from product p join org o on o.id = p.org where p.id = $1 and (p.version > 0 or p.org = $2)`, id, s.Org())
	return e.Entry, err
}

// OwnByName is the scope's own product of that make and name.
func (t *tx) OwnByName(ctx context.Context, s register.Scope, maker, name string) (register.Entry, error) {
	e, err := first(ctx, t, "product "+name, scanEntry, `select `+entryColumns+` from product p join org o on o.id = p.org where p.org = $1 and p.make_key = $2 and p.name_key = $3`, s.Org(), register.NameKey(maker), register.NameKey(name))
	return e.Entry, err
}

// Anybody can claim a number. Who claims it first is named first, and no organisation
// is named more than perOrg times, so that nobody crowds out others.
const (
	perGTIN = 20
	perOrg  = 2
)

// EntriesByGTIN are the public entries that claim each number.
func (t *tx) EntriesByGTIN(ctx context.Context, s register.Scope, numbers []register.GTIN) (map[register.GTIN][]register.Entry, error) {
	const atOnce = 500
	type claim struct {
		gtin register.GTIN
		entryRow
	}
	found := map[register.GTIN][]register.Entry{}
	for len(numbers) > 0 {
		n := min(len(numbers), atOnce)
		asked, err := json.Marshal(numbers[:n])
		if err != nil {
			return nil, err
		}
		numbers = numbers[n:]
		claims, err := list(ctx, t, "look-up of barcodes", func(rows row) (claim, error) {
			var c claim
			var e entryScan
			if err := rows.Scan(append([]any{&c.gtin}, e.places()...)...); err != nil {
				return c, err
			}
			var err error
			c.entryRow, err = e.entry()
			return c, err
		}, `select c.gtin, `+entryColumns+` from (
				select g.gtin, g.product, row_number() over (partition by g.gtin, q.org order by q.seq desc) as n, min(q.seq) over (partition by g.gtin, q.org) as came
				from gtin g join product q on q.id = g.product where g.gtin in `+t.db.each("$1")+` and (q.version > 0 or q.org = $2)) c
			join product p on p.id = c.product join org o on o.id = p.org where c.n <= $3 order by c.gtin, c.came, p.seq desc`, string(asked), s.Org(), perOrg)
		if err != nil {
			return nil, err
		}
		for _, c := range claims {
			if len(found[c.gtin]) < perGTIN {
				found[c.gtin] = append(found[c.gtin], c.Entry)
			}
		}
	}
	return found, nil
}

// BarcodePromises are what the scope's own public entries promised for the whole
// product, by barcode: of each number the two products with the longest period.
func (t *tx) BarcodePromises(ctx context.Context, s register.Scope, numbers []register.GTIN) ([]register.BarcodePromise, error) {
	asked, err := jsonText(numbers)
	if err != nil || len(numbers) == 0 {
		return nil, err
	}
	longest := map[register.GTIN][]register.BarcodePromise{}
	what := "own entries by barcode"
	if err := t.q.ask(ctx, ask{what: what, query: `select g.gtin, p.id, p.make, p.name, p.promised from gtin g join product p on p.id = g.product where g.gtin in ` + t.db.each("$1") + ` and p.org = $2 and p.version > 0`, args: []any{asked, s.Org()}, each: func(r row) error {
		var b register.BarcodePromise
		var text string
		if err := r.Scan(&b.GTIN, &b.Product, &b.Make, &b.Name, &text); err != nil {
			return err
		}
		promised := map[string]assay.Date{}
		if err := json.Unmarshal([]byte(text), &promised); err != nil {
			return err
		}
		b.End = promised[register.WholeProduct]
		of := append(longest[b.GTIN], b)
		slices.SortFunc(of, func(x, y register.BarcodePromise) int { return -strings.Compare(x.End.String(), y.End.String()) })
		longest[b.GTIN] = of[:min(2, len(of))]
		return nil
	}}); err != nil {
		return nil, err
	}
	var out []register.BarcodePromise
	for _, of := range longest {
		out = append(out, of...)
	}
	return out, nil
}

// Similar are other public products of the same category, the longest supported first.
func (t *tx) Similar(ctx context.Context, _ register.Scope, e register.Entry, n int) ([]register.Entry, error) {
	rows, err := list(ctx, t, "similar products", scanEntry, `select `+entryColumns+similarTo+`$1 and p.id <> $2`+bySupport+`$3`, e.Category, e.ID, n)
	return bareEntries(rows), err
}

const (
	similarTo = ` from product p join org o on o.id = p.org where p.version > 0 and p.status = 'published' and p.category = `
	bySupport = ` order by p.support_end desc, p.seq desc limit `
)

const versionColumns = `v.record, v.author, v.leaf`

func scanVersion(r row) (register.Version, error) {
	v, _, err := scanVersionAndRecord(r)
	return v, err
}

// What the scope sees of versions: those in the log, and its own.
const versionSeen = ` (v.leaf is not null or v.org = $2)`

// Version is a version that the scope sees; 0 is the newest.
func (t *tx) Version(ctx context.Context, s register.Scope, id register.ProductID, number int) (register.Version, error) {
	what := fmt.Sprintf("version %d of product %s", number, id)
	if number > 0 {
		return first(ctx, t, what, scanVersion, `select `+versionColumns+` from version v where v.product = $1 and`+versionSeen+` and v.number = $3`, id, s.Org(), number)
	}
	return first(ctx, t, what, scanVersion, `select `+versionColumns+` from version v where v.product = $1 and`+versionSeen+` order by v.number desc limit 1`, id, s.Org())
}

func scanBytes(rows row) (data []byte, err error) {
	err = rows.Scan(&data)
	return data, err
}

// Document is a signed document of a version or an assessment that the scope sees.
func (t *tx) Document(ctx context.Context, s register.Scope, id register.ProductID, d assay.Digest) ([]byte, error) {
	return first(ctx, t, "document "+string(d), scanBytes, `select d.data from document d where d.digest = $3 and (
		exists (select 1 from version v where v.product = $1 and v.statement = $3 and`+versionSeen+`) or
		exists (select 1 from assessment a where a.product = $1 and a.digest = $3 and (a.leaf is not null or a.org = $2)))`, id, s.Org(), d)
}

// Export are public entries with their newest public version, by id.
func (t *tx) Export(ctx context.Context, _ register.Scope, after register.ProductID, n int) ([]register.Exported, error) {
	return list(ctx, t, "export", func(rows row) (register.Exported, error) {
		var x register.Exported
		var e entryScan
		var record []byte
		var leaf sql.NullInt64
		err := rows.Scan(append(e.places(), &record, &leaf)...)
		if err != nil {
			return x, err
		}
		row, err := e.entry()
		if err != nil {
			return x, err
		}
		x.Entry = row.Entry
		x.Version, err = register.ParseRecord(record)
		x.Version.Leaf = index(leaf)
		return x, err
	}, `select `+entryColumns+`, v.record, v.leaf from product p join org o on o.id = p.org join version v on v.product = p.id and v.number = p.version
		where p.id > $1 and p.version > 0 order by p.id limit $2`, after, n)
}

// Assessments are those of a product that the scope sees, the newest first.
func (t *tx) Assessments(ctx context.Context, s register.Scope, id register.ProductID) ([]register.Assessment, error) {
	return list(ctx, t, "assessments of product "+string(id), scanAssessment, assessmentsOf+` where a.product = $1`+assessmentsSeen, id, s.Org())
}

const (
	assessmentsOf   = `select a.id, a.product, a.org, o.name, a.digest, a.signed_by, a.says, a.at, a.leaf from assessment a join org o on o.id = a.org`
	assessmentsSeen = ` and (a.leaf is not null or a.org = $2) order by a.id desc limit 100`
)

func scanAssessment(r row) (a register.Assessment, err error) {
	var says, at string
	var leaf sql.NullInt64
	if err := r.Scan(&a.ID, &a.Product, &a.Org, &a.OrgName, &a.Digest, &a.SignedBy, &says, &at, &leaf); err != nil {
		return a, err
	}
	if a.At, err = moment(at); err != nil {
		return a, err
	}
	a.Leaf = index(leaf)
	err = json.Unmarshal([]byte(says), &a.Says)
	return a, err
}

const changeColumns = `l.idx, l.kind, l.at, l.version, l.fields, l.note, ` + entryColumns

const changeFrom = ` from leaf l join product p on p.id = l.product join org o on o.id = p.org where l.idx is not null and l.idx >= $1 and l.idx < $2 and p.version > 0`

func scanChange(r row) (register.Change, error) {
	var e entryScan
	c, err := scanChanged(r, e.places()...)
	if err != nil {
		return c, err
	}
	entry, err := e.entry()
	c.Entry = entry.Entry
	return c, err
}

// scanHistory reads a change of an entry that is known.
func scanHistory(r row) (register.Change, error) { return scanChanged(r) }

// scanChanged reads a change, and what is beside it.
func scanChanged(r row, beside ...any) (c register.Change, err error) {
	var at, fields string
	if err := r.Scan(append([]any{&c.Leaf, &c.Kind, &at, &c.Version, &fields, &c.Note}, beside...)...); err != nil {
		return c, err
	}
	if c.At, err = moment(at); err != nil {
		return c, err
	}
	err = json.Unmarshal([]byte(fields), &c.Fields)
	return c, err
}

const endOfLog = int64(1) << 62

// Changes are leaves of the log and what they tell.
func (t *tx) Changes(ctx context.Context, _ register.Scope, f register.ChangeFilter) ([]register.Change, error) {
	from, to, order := int64(min(f.Since, uint64(endOfLog))), endOfLog, ` order by l.idx limit $3`
	if f.Newest {
		from, order = 0, ` order by l.idx desc limit $3`
		if f.Before > 0 {
			to = int64(min(f.Before, uint64(endOfLog)))
		}
	}
	const what = "changes"
	switch f.Target.Kind {
	case "":
		return list(ctx, t, what, scanChange, `select `+changeColumns+changeFrom+order, from, to, f.Limit)
	case register.FollowProduct:
		return list(ctx, t, what, scanChange, `select `+changeColumns+changeFrom+` and l.product = $4`+order, from, to, f.Limit, f.Target.Key)
	case register.FollowMaker:
		// What the organisation did, and what laboratories did to its products: the ends of
		// two indexes.
		end := ` and x.idx >= $1 and x.idx < $2` + strings.ReplaceAll(order, "l.", "x.")
		return list(ctx, t, what, scanChange, `select `+changeColumns+changeFrom+` and l.idx in (
			select a.idx from (select x.idx from leaf x where x.org = (select id from org where slug = $4)`+end+`) a union all
			select b.idx from (select x.idx from leaf x where x.maker <> '' and x.maker = (select id from org where slug = $4)`+end+`) b)`+order, from, to, f.Limit, f.Target.Key)
	case register.FollowCategory:
		return list(ctx, t, what, scanChange, `select `+changeColumns+changeFrom+` and l.category = $4`+order, from, to, f.Limit, f.Target.Key)
	}
	return nil, fmt.Errorf("changes of %.40q: %w: want a product, a manufacturer or a category", f.Target.Kind, assay.ErrInvalid)
}

// Pending is how many leaves of the scope's own product wait for the log.
func (t *tx) Pending(ctx context.Context, s register.Scope, id register.ProductID) (n int, err error) {
	err = t.value(ctx, "pending leaves", `select count(*) from leaf where product = $1 and org = $2 and idx is null`, []any{id, s.Org()}, &n)
	return n, err
}

// Tallies are counts of public entries.
func (t *tx) Tallies(ctx context.Context, dimension string, n int) ([]register.Tally, error) {
	return list(ctx, t, "counts", func(rows row) (c register.Tally, err error) {
		err = rows.Scan(&c.Key, &c.Count)
		return c, err
	}, `select item, n from tally where dimension = $1 and n > 0 order by n desc, item limit $2`, dimension, n)
}

// Words are the words most used in makes, names and categories.
func (t *tx) Words(ctx context.Context, n int) ([]string, error) {
	return list(ctx, t, "words", func(rows row) (w string, err error) {
		err = rows.Scan(&w)
		return w, err
	}, `select item from tally where dimension = 'word' and n > 0 order by n desc, item limit $1`, n)
}
