package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

// Search finds public entries; drafts are in no index of it. Words are all to be
// found, the last as a beginning. Of what is found, models that are meant exactly
// come first, then the newest entry: a score over common words is dear and says
// little of products.
func (t *tx) Search(ctx context.Context, _ register.Scope, q register.Query) (register.Results, error) {
	s := &searcher{tx: t, q: q, filter: filterArgs(q)}
	var rows []entryRow
	var err error
	if terms := register.Terms(q.Text); len(terms) > 0 {
		rows, err = s.byText(ctx, terms)
	} else if q.Text != "" { // signs only
		return register.Results{Entries: []register.Entry{}}, nil
	} else {
		rows, err = s.byFilter(ctx)
	}
	if err != nil {
		return register.Results{}, err
	}
	r := register.Results{Entries: bareEntries(rows), Count: s.count, More: s.count > register.MaxCount}
	r.Count = min(r.Count, register.MaxCount)
	if len(rows) > q.Limit {
		r.Entries = r.Entries[:q.Limit]
		r.Next = s.cursor(rows[q.Limit-1])
	}
	return r, nil
}

type searcher struct {
	*tx
	q      register.Query
	filter []any
	count  int
}

// The filters stand as $1 to $5 in every query; ” is none.
const searchFilter = ` p.version > 0 and ($1 = '' or p.category = $1) and ($2 = '' or p.maker = $2) and ($3 = '' or o.slug = $3)
	and ($4 = '' or p.support_end >= $4) and ($5 = 'all' or p.status = 'published')`

func filterArgs(q register.Query) []any {
	withdrawn := ""
	if q.Withdrawn {
		withdrawn = "all"
	}
	return []any{q.Category, register.Fold(q.Make), q.Org, q.SupportedOn.String(), withdrawn}
}

// lead says one filter again, the one that leaves least, in a form for which there
// is an index.
func (s *searcher) lead() string {
	switch {
	case s.q.Org != "":
		return ` and p.org = (select id from org where slug = $3)`
	case s.q.Make != "":
		return ` and p.maker = $2`
	case s.q.Category != "":
		return ` and p.category = $1`
	}
	return ""
}

func (s *searcher) args(more ...any) []any { return append(slices.Clone(s.filter), more...) }

// cursor says where a page ended, by what orders it.
func (s *searcher) cursor(e entryRow) string {
	key := ""
	switch {
	case s.q.Order == register.BySupport:
		key = e.SupportEnd.String()
	case s.q.Order == register.ByNewest || s.q.Text == "":
		key = stamp(e.Changed)
	}
	return key + "," + strconv.FormatInt(e.seq, 10)
}

const lastSeq = int64(1) << 62

// after reads a cursor: entries come after (key, seq), both going down.
func (s *searcher) after() (key string, seq int64, err error) {
	if s.q.Cursor == "" {
		return "9999", lastSeq, nil
	}
	key, n, ok := strings.Cut(s.q.Cursor, ",")
	if seq, err = strconv.ParseInt(n, 10, 64); !ok || err != nil || seq < 0 {
		return "", 0, fmt.Errorf("cursor %.40q: %w: give it as it was given", s.q.Cursor, assay.ErrInvalid)
	}
	return key, seq, nil
}

// byFilter lists what the filters leave, by the index that fits best.
func (s *searcher) byFilter(ctx context.Context) ([]entryRow, error) {
	key, seq, err := s.after()
	if err != nil {
		return nil, err
	}
	lead := s.lead()
	from := `select ` + entryColumns + ` from product p join org o on o.id = p.org where` + searchFilter + lead
	query := from + ` and (p.changed, p.seq) < ($6, $7) order by p.changed desc, p.seq desc limit $8`
	if s.q.Order == register.BySupport {
		query = from + ` and (p.support_end, p.seq) < ($6, $7) order by p.support_end desc, p.seq desc limit $8`
	}
	rows, err := list(ctx, s.tx, "search", scanEntry, query, s.args(key, seq, s.q.Limit+1)...)
	if err != nil {
		return nil, err
	}
	return rows, s.counted(ctx, `select count(*) from (select 1 from product p join org o on o.id = p.org where`+searchFilter+lead+` limit $6) x`, s.args(register.MaxCount+1)...)
}

func (s *searcher) counted(ctx context.Context, query string, args ...any) error {
	return kind("count", s.tx.q.QueryRowContext(ctx, query, args...).Scan(&s.count))
}

// byText finds by words, then by a part of a model code.
func (s *searcher) byText(ctx context.Context, terms []string) ([]entryRow, error) {
	_, seq, err := s.after()
	if err != nil {
		return nil, err
	}
	exact, err := s.exact(ctx, terms)
	if err != nil {
		return nil, err
	}
	rows, err := s.find(ctx, s.wordsMatch(terms), wordsIndex, seq)
	if err != nil {
		return nil, err
	}
	if s.count == 0 && len(exact) == 0 {
		if code := register.CodeKey(s.q.Text); len([]rune(code)) >= 3 && strings.ContainsFunc(code, unicode.IsDigit) {
			if rows, err = s.find(ctx, s.codeMatch(code), codeIndex, seq); err != nil {
				return nil, err
			}
		}
	}
	if s.q.Order != register.ByRelevance {
		return s.sorted(rows), nil
	}
	s.count = max(s.count, len(exact))
	exact = exact[:min(len(exact), s.q.Limit/2)] // the others come in their turn
	meant := map[int64]bool{}
	for _, e := range exact {
		meant[e.seq] = true
	}
	rows = slices.DeleteFunc(rows, func(e entryRow) bool { return meant[e.seq] })
	if s.q.Cursor == "" {
		rows = append(exact, rows...)
	}
	return rows, nil
}

// exact are entries with a model that is meant: the whole text, or one word of it.
func (s *searcher) exact(ctx context.Context, terms []string) ([]entryRow, error) {
	if s.q.Order != register.ByRelevance {
		return nil, nil
	}
	codes := []string{register.CodeKey(s.q.Text)}
	for _, t := range terms {
		if strings.ContainsFunc(t, unicode.IsDigit) && len(t) >= 3 && !slices.Contains(codes, t) {
			codes = append(codes, t)
		}
	}
	asked, err := json.Marshal(codes)
	if err != nil {
		return nil, err
	}
	const most = 10
	return list(ctx, s.tx, "search", scanEntry, `select `+entryColumns+` from product p join org o on o.id = p.org
		where p.id in (select m.product from model m where m.code in `+s.db.each("$6")+` limit 200) and`+searchFilter+` order by p.seq desc limit $7`, s.args(string(asked), most)...)
}

// Where words and parts of codes are found, on either engine.
type searchIndex struct{ sqlite, postgres string }

var (
	wordsIndex = searchIndex{`search f join product p on p.seq = f.rowid`, `search f join product p on p.seq = f.seq`}
	codeIndex  = searchIndex{`code f join product p on p.seq = f.rowid`, `search f join product p on p.seq = f.seq`}
)

// match is a condition of either engine with its argument, $6.
type match struct {
	condition string
	seq       string // the column that orders
	arg       string
}

func (s *searcher) wordsMatch(terms []string) match {
	var words []string
	for i, t := range terms {
		last := i == len(terms)-1 && len([]rune(t)) >= 3
		if s.db.engine == postgresEngine {
			t = "'" + t + "'" // letters and digits only
			if last {
				t += ":*"
			}
		} else {
			t = `"` + t + `"`
			if last {
				t += "*"
			}
		}
		words = append(words, t)
	}
	if s.db.engine == postgresEngine {
		return match{`f.words @@ to_tsquery('simple', $6)`, "f.seq", strings.Join(words, " & ")}
	}
	return match{`search match $6`, "f.rowid", strings.Join(words, " ")}
}

func (s *searcher) codeMatch(code string) match {
	if s.db.engine == postgresEngine {
		return match{`f.codes like $6`, "f.seq", "%" + code + "%"} // letters and digits only
	}
	return match{`code match $6`, "f.rowid", `"` + code + `"`}
}

// find lists and counts what an index holds. A page in another order than that of
// the entries is sorted from the newest MaxCount.
func (s *searcher) find(ctx context.Context, m match, in searchIndex, seq int64) ([]entryRow, error) {
	from := in.sqlite
	if s.db.engine == postgresEngine {
		from = in.postgres
	}
	n := s.q.Limit + 1 + 10 // those that are meant exactly may be among them
	if s.q.Order != register.ByRelevance {
		seq, n = lastSeq, register.MaxCount
	}
	rows, err := list(ctx, s.tx, "search", scanEntry, `select `+entryColumns+` from `+from+` join org o on o.id = p.org where `+m.condition+` and`+searchFilter+` and `+m.seq+` < $7 order by `+m.seq+` desc limit $8`, s.args(m.arg, seq, n)...)
	if err != nil {
		return nil, err
	}
	if s.q.Cursor == "" && len(rows) < n {
		s.count = len(rows)
		return rows, nil
	}
	return rows, s.counted(ctx, `select count(*) from (select 1 from `+from+` join org o on o.id = p.org where `+m.condition+` and`+searchFilter+` limit $7) x`, s.args(m.arg, register.MaxCount+1)...)
}

// sorted puts what was found in the order asked for, and goes to the page.
func (s *searcher) sorted(rows []entryRow) []entryRow {
	key := func(e entryRow) string { return stamp(e.Changed) }
	if s.q.Order == register.BySupport {
		key = func(e entryRow) string { return e.SupportEnd.String() }
	}
	slices.SortFunc(rows, func(a, b entryRow) int {
		if c := strings.Compare(key(b), key(a)); c != 0 {
			return c
		}
		return int(min(max(b.seq-a.seq, -1), 1))
	})
	after, seq, _ := s.after()
	i := slices.IndexFunc(rows, func(e entryRow) bool { return key(e) < after || key(e) == after && e.seq < seq })
	if i < 0 {
		return nil
	}
	return rows[i:]
}
