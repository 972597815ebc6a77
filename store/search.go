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
// found, or else the last as a beginning. Of what is found, models that are meant exactly
// come first, then the newest entry: a score over common words is dear and says
// little of products.
func (t *tx) Search(ctx context.Context, _ register.Scope, q register.Query) (register.Results, error) {
	s := &searcher{tx: t, q: q}
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
	q     register.Query
	count int
}

// where is the conditions of a query, and their arguments.
type where struct {
	text string
	args []any
}

// and adds a condition; each ? in it stands for one of its arguments.
func (w where) and(condition string, args ...any) where {
	w.args = slices.Clone(w.args)
	for _, a := range args {
		w.args = append(w.args, a)
		condition = strings.Replace(condition, "?", "$"+strconv.Itoa(len(w.args)), 1)
	}
	w.text += " and " + condition
	return w
}

// filtered adds the filters that are there. A category beside an organisation is no way
// to find rows by: the organisation has far fewer, and SQLite keeps no count to know it by.
func (s *searcher) filtered(w where) where {
	switch {
	case s.q.Category == "":
	case s.q.Org != "":
		w = w.and(`p.category || '' = ?`, s.q.Category)
	default:
		w = w.and(`p.category = ?`, s.q.Category)
	}
	if s.q.Make != "" {
		w = w.and(`p.maker = ?`, register.Fold(s.q.Make))
	}
	if s.q.Org != "" {
		w = w.and(`p.org = (select id from org where slug = ?)`, s.q.Org)
	}
	if !s.q.SupportedOn.Zero() {
		w = w.and(`p.support_end >= ?`, s.q.SupportedOn.String())
	}
	return w
}

// current leaves withdrawn entries out, unless they are asked for.
func (s *searcher) current(w where) where {
	if !s.q.Withdrawn {
		w = w.and(`p.status = 'published'`)
	}
	return w
}

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

// byFilter lists what the filters leave.
func (s *searcher) byFilter(ctx context.Context) ([]entryRow, error) {
	key, seq, err := s.after()
	if err != nil {
		return nil, err
	}
	const from = ` from product p join org o on o.id = p.org where p.version > 0`
	all := s.current(s.filtered(where{}))
	page, order := all.and(`(p.changed, p.seq) < (?, ?)`, key, seq), ` order by p.changed desc, p.seq desc limit `
	if s.q.Order == register.BySupport {
		page, order = all.and(`(p.support_end, p.seq) < (?, ?)`, key, seq), ` order by p.support_end desc, p.seq desc limit `
	}
	var rows []entryRow
	err = s.tx.q.ask(ctx, varying(asking(&rows, "search", scanEntry, `select `+entryColumns+from+page.text+order+strconv.Itoa(s.q.Limit+1), page.args...)),
		s.counting(`select 1 from product p where p.version > 0`+all.text, all.args))
	return rows, err
}

// varying is a question of which no plan is kept.
func varying(a ask) ask {
	a.varies = true
	return a
}

// counting counts the rows of a query, up to one more than are told.
func (s *searcher) counting(query string, args []any) ask {
	return varying(ask{what: "count", query: `select count(*) from (` + query + ` limit ` + strconv.Itoa(register.MaxCount+1) + `) x`, args: args, each: func(r row) error { return r.Scan(&s.count) }})
}

// byText finds by words, then with the last as a beginning, then by a part of a model
// code. Beginnings of common words are dear: their lists are put together first.
func (s *searcher) byText(ctx context.Context, terms []string) ([]entryRow, error) {
	_, seq, err := s.after()
	if err != nil {
		return nil, err
	}
	var exact []entryRow
	first, err := s.exact(&exact, terms)
	if err != nil {
		return nil, err
	}
	rows, err := s.find(ctx, s.wordsIndex(terms, false), seq, first...)
	if err == nil && s.count == 0 {
		rows, err = s.find(ctx, s.wordsIndex(terms, true), seq)
	}
	if err != nil {
		return nil, err
	}
	if s.count == 0 && len(exact) == 0 {
		if code := register.CodeKey(s.q.Text); len([]rune(code)) >= 3 && strings.ContainsFunc(code, unicode.IsDigit) {
			if rows, err = s.find(ctx, s.codeIndex(code), seq); err != nil {
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

// exact asks for entries with a model that is meant: the whole text, or one word of it.
func (s *searcher) exact(into *[]entryRow, terms []string) ([]ask, error) {
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
	w := s.current(s.filtered(where{}.and(`p.id in (select m.product from model m where m.code in `+s.db.each("?")+` limit 200)`, string(asked))))
	return []ask{asking(into, "search", scanEntry, `select `+entryColumns+` from product p join org o on o.id = p.org where p.version > 0`+w.text+` order by p.seq desc limit `+strconv.Itoa(mostExact), w.args...)}, nil
}

// mostExact bounds the entries that are put first.
const mostExact = 10

// searchIndex is where words, or parts of codes, are found.
type searchIndex struct {
	table, seq string // and the column that orders it
	match      string // the condition, with one argument
	arg        string
	several    bool     // the argument has several words
	current    bool     // the argument leaves withdrawn entries out already
	words      []string // each once, where the table word has what is found; else none
}

// withdrawnWord is among the words of entries that are withdrawn.
const withdrawnWord = "qwithdrawnq"

// listed is that PostgreSQL's table word has words, if anything has: see the migration.
func (s *searcher) listed(terms []string) bool {
	return s.db.engine == postgresEngine && !s.q.Withdrawn && !slices.ContainsFunc(terms, func(t string) bool { return strings.ContainsAny(t, "0123456789") })
}

func (s *searcher) wordsIndex(terms []string, beginning bool) searchIndex {
	var words []string
	for i, t := range terms {
		last := beginning && i == len(terms)-1 && len([]rune(t)) >= 3
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
		arg := strings.Join(words, " & ")
		if !s.q.Withdrawn {
			arg += " & !" + withdrawnWord
		}
		in := searchIndex{table: "search", seq: "f.seq", match: `f.words @@ to_tsquery('simple', ?)`, arg: arg, several: len(terms) > 1, current: true}
		if !beginning && s.listed(terms) {
			in.words = slices.Compact(slices.Sorted(slices.Values(terms)))
		}
		return in
	}
	arg := strings.Join(words, " ")
	if !s.q.Withdrawn {
		arg = "(" + arg + `) NOT "` + withdrawnWord + `"`
	}
	return searchIndex{table: "search", seq: "f.rowid", match: `f.search match ?`, arg: arg, several: len(terms) > 1, current: true}
}

func (s *searcher) codeIndex(code string) searchIndex {
	if s.db.engine == postgresEngine {
		return searchIndex{table: "search", seq: "f.seq", match: `f.codes like ?`, arg: "%" + code + "%"} // letters and digits only
	}
	return searchIndex{table: "code", seq: "f.rowid", match: `f.code match ?`, arg: `"` + code + `"`}
}

// find lists and counts what an index holds, and asks what is to be asked before. A page
// in another order than that of the entries is sorted from the newest MaxSorted. The
// index leads: cross join keeps SQLite from beginning with a filter.
func (s *searcher) find(ctx context.Context, in searchIndex, seq int64, before ...ask) ([]entryRow, error) {
	n := s.q.Limit + 1 + mostExact // those that are meant exactly may be among them
	if s.q.Order != register.ByRelevance {
		seq, n = lastSeq, register.MaxSorted
	}
	matched := where{}.and(in.match, in.arg)
	all := s.filtered(matched)
	if !in.current {
		all = s.current(all)
	}
	if all.text == matched.text && s.q.Order == register.ByRelevance && s.q.Cursor == "" {
		return s.begin(ctx, in, matched, n, before)
	}
	page := all.and(in.seq+` < ?`, seq)
	var rows []entryRow
	if err := s.tx.q.ask(ctx, append(before, varying(asking(&rows, "search", scanEntry, `select `+entryColumns+` from `+in.table+` f cross join product p cross join org o where p.seq = `+in.seq+` and o.id = p.org`+page.text+` order by `+in.seq+` desc limit `+strconv.Itoa(n), page.args...)))...); err != nil {
		return nil, err
	}
	if s.q.Cursor == "" && len(rows) < n {
		s.count = len(rows)
		return rows, nil
	}
	count := `select 1 from ` + in.table + ` f cross join product p where p.seq = ` + in.seq + all.text
	if all.text == matched.text { // the index alone decides
		count = `select 1 from ` + in.table + ` f where true` + all.text
	}
	return rows, s.tx.q.ask(ctx, s.counting(count, all.args))
}

// begin goes through an index once, to count and to list the first page, where the
// index alone decides.
func (s *searcher) begin(ctx context.Context, in searchIndex, matched where, n int, before []ask) ([]entryRow, error) {
	var rows []entryRow
	newest := strconv.Itoa(n)
	page := ask{what: "search", args: matched.args, varies: len(in.words) == 0}
	found := ""
	if len(in.words) > 0 {
		found, page.args = newestListed(in, matched)
	} else {
		found = s.newest(in, matched.text)
	}
	page.query = `with ` + found + `
		select (select count(*) from found), ` + entryColumns + ` from (select seq from found order by seq desc limit ` + newest + `) f cross join product p cross join org o where p.seq = f.seq and o.id = p.org order by p.seq desc`
	page.each = func(r row) error {
		var e entryScan
		if err := r.Scan(append([]any{&s.count}, e.places()...)...); err != nil {
			return err
		}
		entry, err := e.entry()
		rows = append(rows, entry)
		return err
	}
	err := s.tx.q.ask(ctx, append(before, page)...)
	return rows, err
}

// Of several words PostgreSQL goes through as many of the newest places as are to have
// wantRecent of what is found, if each word came as often with the others as without
// them, and at most mostRecent rows of the table word. Where that is not all that the
// words have, and one has few places, what is found is few, and it does not.
const (
	wantRecent = 800 // words of one thing, such as "smart" and "camera", come together more seldom than that
	mostRecent = 20_000
	fewPlaces  = 8000
)

// newestListed is newest where the table word has what is found. One word is read off it. Of
// several, the newest places that have each are counted; where these are not enough,
// the index of search finds the words together, and visits what it finds. None of that
// hangs on what the words are, so its plan is kept.
func newestListed(in searchIndex, matched where) (query string, args []any) {
	most := strconv.Itoa(register.MaxCount + 1)
	if len(in.words) == 1 {
		return `found as materialized (select seq from word where word = $1 order by seq desc limit ` + most + `)`, []any{in.words[0]}
	}
	rows, few := strconv.Itoa(mostRecent), strconv.Itoa(fewPlaces)
	return `newest as materialized (select max(seq)::float8 as seq from ` + in.table + `),
		known as materialized (select greatest(1, coalesce(t.n, (select count(*) from (select from word x where x.word = w.word limit ` + few + ` + 1) y))) as n
			from unnest($2::text[]) as w (word) left join tally t on t.dimension = 'word' and t.item = w.word),
		often as materialized (select sum(n)::float8 as rows, min(n) as rarest, exp(sum(ln(n / newest.seq))) as share from known cross join newest),
		low as materialized (select case when rows <= ` + rows + ` or rarest > ` + few + ` then floor(seq - least(` + strconv.Itoa(wantRecent) + ` / share, ` + rows + ` * seq / rows)) else seq end::bigint as seq from often cross join newest),
		recent as materialized (select seq from word where word = any ($2::text[]) and seq > (select seq from low) group by seq having count(*) = cardinality($2::text[]) order by seq desc limit ` + most + `),
		enough as materialized (select count(*) = ` + most + ` as yes from recent),
		whole as materialized (select ` + in.seq + ` as seq from ` + in.table + ` f where true` + matched.text + ` and not (select yes from enough) order by ` + in.seq + ` + 0 desc limit ` + most + `),
		found as materialized (select seq from recent where (select yes from enough) union all select seq from whole)`, append(slices.Clone(matched.args), in.words)
}

// fewNewest is how many of the newest entries PostgreSQL goes through one by one.
const fewNewest = 8000

// newest makes rows of the newest places that an index holds, up to one more than are
// counted. PostgreSQL can go through the newest entries until it has enough, or get all
// from the index and sort them: the first is dear where words are seldom together, the
// other where they are often, and it cannot know which, as it takes words to be
// independent. So of several words it tries the first for a while; seq + 0 keeps it from that in the second.
func (s *searcher) newest(in searchIndex, matched string) string {
	most := strconv.Itoa(register.MaxCount + 1)
	from := ` as seq from ` + in.table + ` f where true` + matched
	if s.db.engine == sqliteEngine || !in.several {
		return `found as materialized (select ` + in.seq + from + ` order by ` + in.seq + ` desc limit ` + most + `)`
	}
	enough := `(select count(*) from recent) = ` + most
	return `recent as materialized (select ` + in.seq + from + ` and ` + in.seq + ` > (select max(seq) from ` + in.table + `) - ` + strconv.Itoa(fewNewest) + ` order by ` + in.seq + ` desc limit ` + most + `),
		whole as materialized (select ` + in.seq + from + ` and not ` + enough + ` order by ` + in.seq + ` + 0 desc limit ` + most + `),
		found as materialized (select seq from recent where ` + enough + ` union all select seq from whole)`
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
