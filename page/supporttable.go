package page

import (
	"sort"
	"strings"
)

// column is what a column (or a row, in a table that lies on its side) of a support table holds.
type column uint8

const (
	colOther column = iota
	colModel
	colStart
	colEnd
	colPeriod // a length, or a range of dates
	colLength // security updates, with no word on whether its values are ends: lengths count, dates do not
	colVersion
	colFlag // supported: yes or no
)

// supportTables reads tables of support periods.
func (r *reader) supportTables() {
	d := r.d
	defer func() { sort.Slice(r.tables, func(i, j int) bool { return r.tables[i].To < r.tables[j].To }) }()
	for n := range d.Tables {
		t := &d.Tables[n]
		if len(t.Rows) == 0 || t.Hidden&NotShown != 0 && len(t.Rows) > 5000 {
			continue
		}
		i := r.sentenceAt(t.From)
		if i < 0 {
			continue
		}
		before := len(d.Support)
		r.supportTable(t, r.tableTopic(t, i))
		if len(d.Support) > before {
			r.tables = append(r.tables, t.Span)
		}
	}
}

// tableTopic reports whether what stands before a table (its heading, its caption, the last sentences) speaks of
// support periods or security updates, and whether it gives its dates the sense of an end.
func (r *reader) tableTopic(t *Table, i int) (m concept) {
	d := r.d
	s := d.sents[i]
	m = d.secs[s.sec].own
	for j := i - 1; j >= 0 && j >= i-3 && d.sents[j].sec == s.sec; j-- {
		m |= d.sents[j].mask
	}
	if t.Caption.To > t.Caption.From {
		m |= d.maskOf(d.Quote(t.Caption))
	}
	return m | d.flagsD.titleMask&(cSupport|cUpdate|cSecurity)
}

func (r *reader) supportTable(t *Table, topic concept) {
	d := r.d
	about := periodTopic(topic) || topic&cUpdate != 0 && topic&cUntil != 0
	head := t.Rows[0]
	cols := make([]column, len(head))
	anyDate, named := false, false
	for c, h := range head {
		cols[c] = columnOf(d, h.Span, about)
		anyDate = anyDate || cols[c] == colEnd || cols[c] == colPeriod || cols[c] == colLength
		named = named || cols[c] != colOther
	}
	switch {
	case anyDate && len(t.Rows) > 1:
		r.upright(t, cols)
	case r.onItsSide(t, about):
	case versionsTable(cols) && (about || topic&(cSupport|cUpdate) != 0) && len(t.Rows) > 1:
		row := Span{head[0].From, head[len(head)-1].To}
		block := r.blockAt(row.From)
		sp := row
		if i := r.sentenceAt(row.From); i >= 0 {
			if h := d.secs[d.sents[i].sec].heading; h.To > h.From {
				sp = h
			}
		}
		r.add(Reading{Limb: SupportPeriod, Term: TermSupportWording, Value: string(WordingVersions), Verdict: Unclear, Why: WordingOf(WordingVersions).Why}, sp, block)
	case about && topic&cUntil != 0 && !anyDate:
		r.headless(t, named)
	}
}

// columnOf reads a heading cell.
func columnOf(d *Document, s Span, topic bool) column {
	if s.To-s.From > 120 {
		return colOther
	}
	ts := tokens(d.Text, s)
	m := concept(0)
	for _, t := range ts {
		m |= t.c
	}
	has := func(ws ...string) bool { return after(ts, ws...) }
	support := m&(cSupport|cUpdate) != 0 || has("dsp", "eol", "eosl", "eos", "security")
	switch {
	case len(FindDates(d.Quote(s))) > 0, len(ts) == 0:
		return colOther
	case has("warranty", "guarantee", "sale", "sales", "order", "price", "parts", "notice") && !has("updates", "support"):
		return colOther
	case has("release", "released", "launch", "launched", "introduced", "introduction", "start", "starts", "from", "commencement", "begins", "published", "availability", "first", "since") && !has("until", "end", "ends", "eol", "expiry", "to", "period"):
		if has("last", "updated") && !support {
			return colOther
		}
		return colStart
	case has("last", "latest") && has("updated", "version", "update", "updates", "patch", "patches", "release", "revised") && !has("until", "end", "support", "guaranteed", "final", "day"):
		return colOther
	case support && has("until", "till", "end", "ends", "ending", "through", "expiry", "expires", "expiration", "to", "eol", "eosl", "eos", "minimum", "guaranteed", "last", "deadline", "thru", "final", "end-of-support", "ended"):
		if has("period") && !has("end", "until", "ends", "expiry", "expires") {
			return colPeriod
		}
		if m&cSupport != 0 && has("version", "versions") && !has("until", "end") {
			return colVersion
		}
		return colEnd
	case has("eol", "eosl", "eos", "dsp", "end-of-life", "end-of-support") || has("end") && has("life"):
		return colEnd
	case topic && (has("until", "till", "end", "ends", "expiry", "expires", "expiration") || has("to") && len(ts) == 1):
		return colEnd
	case support && has("period", "length", "duration", "term", "years", "lifetime", "lifecycle", "time", "commitment", "window"):
		return colPeriod
	case topic && has("period", "length", "duration", "term", "years", "valid"):
		return colPeriod
	case has("version", "versions", "firmware", "branch", "release"):
		return colVersion
	case m&cSupport != 0 && len(ts) <= 3:
		if has("supported", "support") {
			return colFlag
		}
		return colLength
	case m&cUpdate != 0 && topic && len(ts) <= 4:
		return colLength
	case m&cUpdate != 0 && m&cSecurity != 0 && len(ts) <= 4:
		return colLength
	case m&cProduct != 0 || has("name", "sku", "part", "code", "article", "reference", "ean", "description", "family", "category"):
		return colModel
	}
	return colOther
}

func versionsTable(cols []column) bool {
	v, f := false, false
	for _, c := range cols {
		v = v || c == colVersion
		f = f || c == colFlag
	}
	return v && f
}

func (r *reader) blockAt(at int) int {
	if i := r.sentenceAt(at); i >= 0 {
		return r.d.sents[i].block
	}
	return -1
}

// upright reads a table with a heading row.
func (r *reader) upright(t *Table, cols []column) {
	d := r.d
	order := tableOrder(d, t)
	for _, row := range t.Rows[1:] {
		var f periodFacts
		scope := make([]string, 0, len(row))
		for c, cell := range row {
			kind := colOther
			if c < len(cols) {
				kind = cols[c]
			}
			f.take(d, cell.Span, kind, order)
			if kind == colModel || kind == colOther || kind == colVersion {
				if q := d.Quote(cell.Span); len(q) < 4000 && (len(scope) == 0 || scope[len(scope)-1] != q) {
					scope = append(scope, q)
				}
			}
		}
		r.rowEntry(f, row, strings.Join(scope, " | "))
	}
}

// take reads one cell.
func (f *periodFacts) take(d *Document, s Span, kind column, order dayOrder) {
	if s.To-s.From > 400 || kind != colEnd && kind != colPeriod && kind != colStart && kind != colLength {
		return
	}
	text := d.Quote(s)
	dates := FindDates(text)
	for i := range dates {
		dates[i] = order.settle(dates[i])
		dates[i].From += s.From
		dates[i].To += s.From
	}
	if kind == colLength && !after(tokens(d.Text, s), "until", "till", "through") {
		dates = nil
	}
	switch {
	case kind == colStart && len(dates) > 0:
		f.start = &dates[0]
	case kind == colStart:
	case len(dates) >= 2 && rangeJoin(d.Text[dates[0].To:dates[1].From]):
		f.start, f.end = &dates[0], &dates[1]
	case len(dates) > 0:
		e := &dates[len(dates)-1]
		ts := tokens(d.Text, s)
		if kind == colPeriod && after(ts, "from", "since", "after", "launch", "launched", "released") && !after(ts, "until", "to", "end", "ends", "till", "through") {
			f.start = e
		} else {
			f.end = e
		}
	}
	if f.end == nil {
		ts := tokens(d.Text, s)
		for _, tm := range findTimes(ts) {
			if !tm.Vague && !tm.Every && (tm.Unit == Years || tm.Unit == Months) {
				tm := tm
				f.length = &tm
				f.wording = lengthWording(ts, f.length)
			}
		}
		if f.wording == "" {
			f.wording = openWording(ts, subjectsAt{kind: make([]subject, len(ts)), any: true, dflt: ofSupport})
		}
		if f.wording == "" && after(ts, "unsupported", "ended", "expired", "discontinued", "eol") {
			f.wording = WordingStopped
		}
	}
}

// rowEntry keeps what a row states.
func (r *reader) rowEntry(f periodFacts, row []Cell, scope string) {
	if f.end != nil {
		switch {
		case f.end.Invalid, f.end.Ambiguous, f.end.TwoDigit:
			f.wording = WordingDoubt
		case !f.end.Exact():
			f.wording = WordingYear
		case f.start != nil || f.length != nil:
			f.wording = WordingPeriod
		default:
			f.wording = WordingEndDate
		}
		f.length = nil
	}
	if f.wording == "" {
		return
	}
	sp := Span{row[0].From, row[0].To}
	for _, c := range row {
		if c.To > c.From {
			sp = Span{min(sp.From, c.From), max(sp.To, c.To)}
		}
	}
	r.entry(f, sp, scope, r.blockAt(sp.From), true)
}

// onItsSide reads a table whose rows are headed by their first cell.
func (r *reader) onItsSide(t *Table, topic bool) bool {
	d := r.d
	kinds := make([]column, len(t.Rows))
	any := false
	for n, row := range t.Rows {
		if len(row) < 2 || n > 200 {
			return false
		}
		kinds[n] = columnOf(d, row[0].Span, topic)
		any = any || (kinds[n] == colEnd || kinds[n] == colPeriod) && len(row) <= 12
	}
	if !any {
		return false
	}
	order := tableOrder(d, t)
	found := false
	for c := 1; c < len(t.Rows[0]); c++ {
		var f periodFacts
		var scope []string
		at := Span{}
		for n, row := range t.Rows {
			if c >= len(row) {
				continue
			}
			before := f
			f.take(d, row[c].Span, kinds[n], order)
			if f != before && (f.end != before.end || f.length != before.length || f.wording != before.wording) {
				at = Span{row[0].From, row[c].To}
			}
			if kinds[n] == colModel || n == 0 && kinds[n] == colOther {
				scope = append(scope, d.Quote(row[c].Span))
			}
		}
		if (f.end != nil || f.wording != "") && at.To > at.From {
			found = true
			r.rowEntry(f, []Cell{{Span: at}}, strings.Join(scope, " | "))
		}
	}
	return found
}

// headless reads a table without headings of its own below words such as "supported until the date shown".
func (r *reader) headless(t *Table, named bool) {
	d := r.d
	order := tableOrder(d, t)
	if first := t.Rows[0]; first[len(first)-1].To > first[len(first)-1].From && len(FindDates(d.Quote(first[len(first)-1].Span))) == 0 {
		return // its last column has a heading, and that does not speak of an end
	}
	for n, row := range t.Rows {
		if len(row) < 2 || n == 0 && named {
			continue
		}
		var f periodFacts
		last := row[len(row)-1]
		if ds := FindDates(d.Quote(last.Span)); len(ds) == 0 || len(row) > 4 {
			continue
		}
		f.take(d, last.Span, colEnd, order)
		if f.end == nil {
			continue
		}
		var scope []string
		for _, c := range row[:len(row)-1] {
			scope = append(scope, d.Quote(c.Span))
		}
		r.rowEntry(f, row, strings.Join(scope, " | "))
	}
}

// dayOrder is the order of day and month that the unambiguous dates of a table prove for the others.
type dayOrder struct{ dayFirst, monthFirst bool }

// tableOrder looks through the numeric dates of a table. One with a day above twelve shows the order of all: a table
// does not change its way of writing between rows. Dates that contradict each other prove nothing.
func tableOrder(d *Document, t *Table) dayOrder {
	var o dayOrder
	for n, row := range t.Rows {
		if n > 3000 {
			break
		}
		for _, c := range row {
			if c.To-c.From > 200 {
				continue
			}
			for _, dt := range FindDates(d.Quote(c.Span)) {
				if dt.Precision != Day || dt.Ambiguous || dt.Invalid {
					continue
				}
				q := d.Text[c.From+dt.From : c.From+dt.To]
				if len(q) < 8 || !digit(q[0]) || strings.ContainsAny(q, " abcdefghijklmnopqrstuvwxyz") || len(q) > 4 && digit(q[3]) && digit(q[2]) {
					continue
				}
				first := int(q[0] - '0')
				if digit(q[1]) {
					first = first*10 + int(q[1]-'0')
				}
				if first > 12 {
					o.dayFirst = true
				} else if dt.Day > 12 {
					o.monthFirst = true
				}
			}
		}
	}
	return o
}

func (o dayOrder) settle(dt Date) Date {
	if !dt.Ambiguous || o.dayFirst == o.monthFirst {
		return dt
	}
	dt.Ambiguous = false
	if o.monthFirst {
		dt.Day, dt.Month = dt.Month, dt.Day
	}
	return dt
}

// inReadTable reports whether the place is in a table that was read as one of support periods.
func (r *reader) inReadTable(at int) bool {
	n := sort.Search(len(r.tables), func(n int) bool { return r.tables[n].To > at })
	return n < len(r.tables) && r.tables[n].From <= at
}

// rangeJoin reports whether the words between two dates make them a range.
func rangeJoin(between string) bool {
	for _, t := range tokens(between, Span{0, len(between)}) {
		if !t.is("to", "until", "till", "through", "and", "–", "—", "-", ":", "/", "end", "start", "|") {
			return false
		}
	}
	return true
}
