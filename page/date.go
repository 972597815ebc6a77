package page

import (
	"fmt"
	"strings"
)

// Precision says how much of a date is stated.
type Precision uint8

// The precisions of a date.
const (
	Day Precision = iota + 1
	Month
	Quarter
	Year
)

// Date is a date as a text states it. Nothing in it is guessed: a two-digit year or a day and month that may stand in
// either order is flagged, and a date that no calendar has is kept as Invalid.
type Date struct {
	Span
	Year, Month, Day int // 0 where not stated; a two-digit year stays as written
	Quarter          int
	Precision        Precision
	End              bool // "end of": the last day of the stated month, quarter or year is meant
	Vague            bool // "early 2029", "summer 2029", "around March 2029"
	TwoDigit         bool // the century is not stated
	Ambiguous        bool // day and month may be swapped
	Invalid          bool // no such day
}

// Exact reports whether the date fixes one day or one month without a guess.
func (d Date) Exact() bool {
	return !d.Invalid && !d.Ambiguous && !d.TwoDigit && !d.Vague && (d.Precision <= Month || d.End)
}

// String returns the date in ISO 8601 as far as it is known: 2029-12-31, 2029-12, 2029-Q4 or 2029. The end of a month,
// quarter or year is written as its last day.
func (d Date) String() string {
	switch {
	case d.Precision == Day:
		return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day)
	case d.End && d.Precision == Month:
		return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, daysIn(d.Year, d.Month))
	case d.End && d.Precision == Quarter:
		return fmt.Sprintf("%04d-%02d-%02d", d.Year, 3*d.Quarter, daysIn(d.Year, 3*d.Quarter))
	case d.End && d.Precision == Year:
		return fmt.Sprintf("%04d-12-31", d.Year)
	case d.Precision == Month:
		return fmt.Sprintf("%04d-%02d", d.Year, d.Month)
	case d.Precision == Quarter:
		return fmt.Sprintf("%04d-Q%d", d.Year, d.Quarter)
	}
	return fmt.Sprintf("%04d", d.Year)
}

// Fault says in a few words why the date fixes no day, or "".
func (d Date) Fault() string {
	switch {
	case d.Invalid:
		return "the calendar has no such day"
	case d.TwoDigit:
		return "the year has two digits"
	case d.Ambiguous:
		return fmt.Sprintf("day and month may be swapped: %04d-%02d-%02d or %04d-%02d-%02d", d.Year, d.Month, d.Day, d.Year, d.Day, d.Month)
	case d.Vague:
		return "only a rough time is given"
	case d.Precision == Year && !d.End:
		return "only a year is given"
	case d.Precision == Quarter && !d.End:
		return "only a quarter is given"
	}
	return ""
}

func daysIn(y, m int) int {
	switch m {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// monthByName returns the month that an English word names, in full or cut to its usual short form; 0 for other words.
func monthByName(w string) int {
	if len(w) < 3 || len(w) > 9 {
		return 0
	}
	for i, m := range [...]string{"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"} {
		if w == m || w == m[:3] || i == 8 && w == "sept" {
			return i + 1
		}
	}
	return 0
}

// FindDates returns every date in a text of some sentences, in order: ISO 8601, written English forms, month and year,
// quarters, years after a word such as "until", and numeric forms, the last with their doubts.
func FindDates(text string) []Date {
	var out []Date
	s := dateScanner{t: text}
	for i := 0; i < len(text); {
		if !s.boundary(i) {
			i++
			continue
		}
		if d, ok := s.at(i); ok {
			out = append(out, s.frame(d))
			i = d.To
			continue
		}
		// Nothing here: go to the end of the word or number.
		j := i
		for j < len(text) && wordByte(text[j]) {
			j++
		}
		i = max(j, i+1)
	}
	return out
}

type dateScanner struct{ t string }

func wordByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// boundary reports whether a date may begin at i: at a word or number that is no part of a longer name or number.
func (s dateScanner) boundary(i int) bool {
	t := s.t
	if !wordByte(t[i]) {
		return false
	}
	if i == 0 {
		return true
	}
	c := t[i-1]
	if wordByte(c) || c == '_' || c == '@' {
		return false
	}
	if (c == '-' || c == '/' || c == '.' || c == ':' || c == ',') && i > 1 && wordByte(t[i-2]) {
		return c == '.' && !digit(t[i-2]) || c == ':' || c == ',' && !digit(t[i-2]) || c == '-' && s.rangeBefore(i) || c == '/' && s.rangeBefore(i)
	}
	return true
}

// rangeBefore reports whether a full date ends just before the dash at i-1, as in 01/01/2025-31/12/2029.
func (s dateScanner) rangeBefore(i int) bool {
	j := i - 2
	for j >= 0 && digit(s.t[j]) {
		j--
	}
	return i-2-j == 4 && (j < 0 || s.t[j] == '/' || s.t[j] == '.' || s.t[j] == ' ')
}

func (s dateScanner) num(i int) (n, to int) {
	for to = i; to < len(s.t) && digit(s.t[to]) && to-i < 9; to++ {
		n = n*10 + int(s.t[to]-'0')
	}
	return n, to
}

func (s dateScanner) word(i int) (w string, to int) {
	for to = i; to < len(s.t) && (s.t[to]|0x20) >= 'a' && (s.t[to]|0x20) <= 'z' && to-i < 16; to++ {
	}
	return strings.ToLower(s.t[i:to]), to
}

// gap passes over what may stand between the parts of a written date.
func (s dateScanner) gap(i int) int {
	n := 0
	for i < len(s.t) && n < 4 {
		switch c := s.t[i]; {
		case c == ' ' || c == '\n' || c == '\t' || c == ',' || c == '.' || c == '-' || c == '\r' || c == '/':
			i++
		case strings.HasPrefix(s.t[i:], "\u00a0"):
			i += 2
		default:
			return i
		}
		n++
	}
	return i
}

// ends reports whether a number or word ends at i and nothing makes it part of a longer one.
func (s dateScanner) ends(i int) bool {
	if i >= len(s.t) {
		return true
	}
	c := s.t[i]
	if wordByte(c) {
		return false
	}
	if i+1 < len(s.t) && (c == '.' || c == '/' || c == ',' || c == '_') && digit(s.t[i+1]) {
		return s.rangeBefore(i + 1)
	}
	return true
}

func year4(n, digits int) bool { return digits == 4 && n >= 1980 && n <= 2199 }

func (s dateScanner) at(i int) (Date, bool) {
	if !digit(s.t[i]) {
		return s.fromWord(i)
	}
	n, j := s.num(i)
	switch w := j - i; {
	case w == 4 && year4(n, w):
		return s.fromYear(i, n, j)
	case w <= 2 && w > 0:
		return s.fromDay(i, n, j)
	}
	return Date{}, false
}

// fromYear reads 2029-12-31, 2029/12/31, 2029.12.31, 2029-12, 2029 Q4, 2029年12月31日 and the bare year.
func (s dateScanner) fromYear(i, y, j int) (Date, bool) {
	d := Date{Span: Span{i, j}, Year: y, Precision: Year}
	if strings.HasPrefix(s.t[j:], "年") {
		m, k := s.num(j + 3)
		if k > j+3 && strings.HasPrefix(s.t[k:], "月") {
			d.Month, d.Precision, d.To = m, Month, k+3
			if day, e := s.num(k + 3); e > k+3 && strings.HasPrefix(s.t[e:], "日") {
				d.Day, d.Precision, d.To = day, Day, e+3
			}
			return d.checked(), true
		}
		d.To = j + 3
		return d, true
	}
	if j < len(s.t) && strings.IndexByte("-/.", s.t[j]) >= 0 {
		sep := s.t[j]
		if m, k := s.num(j + 1); k-j-1 >= 1 && k-j-1 <= 2 {
			if k < len(s.t) && s.t[k] == sep {
				if day, e := s.num(k + 1); e-k-1 >= 1 && e-k-1 <= 2 && (s.ends(e) || e < len(s.t) && s.t[e] == 'T') {
					d.Month, d.Day, d.Precision, d.To = m, day, Day, e
					if m > 12 && day <= 12 { // 2029-31-12 is in no standard
						d.Invalid = true
					}
					return d.checked(), true
				}
			}
			if sep != '.' && k-j-1 == 2 && s.ends(k) && m <= 12 {
				d.Month, d.Precision, d.To = m, Month, k
				return d.checked(), true
			}
			if k-j-1 == 2 && y >= 1980 && sep != '.' && m > 12 { // 2024/25, 2024-29: two years, no month
				return Date{}, false
			}
		}
		if w, k := s.word(j + 1); monthByName(w) > 0 { // 2029-Dec-31
			if day, e := s.num(k + 1); k < len(s.t) && s.t[k] == sep && e > k+1 && e-k-1 <= 2 && s.ends(e) {
				d.Month, d.Day, d.Precision, d.To = monthByName(w), day, Day, e
				return d.checked(), true
			}
		}
	}
	k := s.gap(j)
	if k < len(s.t) && (s.t[k] == 'Q' || s.t[k] == 'q') && k+1 < len(s.t) && s.t[k+1] >= '1' && s.t[k+1] <= '4' && s.ends(k+2) {
		d.Quarter, d.Precision, d.To = int(s.t[k+1]-'0'), Quarter, k+2
		return d, true
	}
	if !s.ends(j) && !strings.HasPrefix(s.t[j:], "–") && !strings.HasPrefix(s.t[j:], "—") {
		return Date{}, false
	}
	if j < len(s.t) && s.t[j] == '-' && j+1 < len(s.t) && wordByte(s.t[j+1]) {
		if n, e := s.num(j + 1); !year4(n, e-j-1) {
			return Date{}, false
		}
	}
	return d, true
}

// fromDay reads 31 December 2029, 31-Dec-2029, 31/12/2029, 12/2029 and what looks like them.
func (s dateScanner) fromDay(i, n, j int) (Date, bool) {
	d := Date{Span: Span{i, j}, Day: n, Precision: Day}
	if j < len(s.t) && strings.IndexByte("/.-", s.t[j]) >= 0 {
		sep := s.t[j]
		if m, k := s.num(j + 1); k > j+1 && k-j-1 <= 2 && k < len(s.t) && s.t[k] == sep {
			if y, e := s.num(k + 1); (e-k-1 == 4 || e-k-1 == 2) && s.ends(e) {
				return s.numeric(i, n, m, y, e-k-1, e)
			}
			return Date{}, false
		} else if sep != '.' && year4(m, k-j-1) && s.ends(k) && n >= 1 && n <= 12 {
			return Date{Span: Span{i, k}, Month: n, Year: m, Precision: Month}.checked(), true
		}
	}
	k := j
	if w, e := s.word(j); e > j {
		if w != "st" && w != "nd" && w != "rd" && w != "th" {
			if monthByName(w) == 0 {
				return Date{}, false
			}
		} else {
			k = e
		}
	}
	k = s.gap(k)
	w, e := s.word(k)
	if w == "day" {
		w, e = s.word(s.gap(e))
	}
	if w == "of" {
		k = s.gap(e)
		w, e = s.word(k)
	}
	m := monthByName(w)
	if m == 0 || n == 0 || n > 39 {
		return Date{}, false
	}
	d.Month = m
	k = s.gap(e)
	if k < len(s.t) && (s.t[k] == '\'' || strings.HasPrefix(s.t[k:], "’")) {
		k += len(s.t[k:]) - len(strings.TrimLeft(s.t[k:], "'’"))
	}
	if k == e && k < len(s.t) && wordByte(s.t[k]) && !digit(s.t[k]) {
		return Date{}, false
	}
	y, f := s.num(k)
	switch {
	case year4(y, f-k) && s.ends(f):
		d.Year, d.To = y, f
	case f-k == 2 && s.ends(f) && s.t[e:k] != "" && !strings.ContainsAny(s.t[e:k], "\n"):
		d.Year, d.To, d.TwoDigit = y, f, true
	default:
		return Date{}, false // a day without a year fixes nothing
	}
	return d.checked(), true
}

// numeric judges a/b/year.
func (s dateScanner) numeric(from, a, b, y, digits, to int) (Date, bool) {
	d := Date{Span: Span{from, to}, Day: a, Month: b, Year: y, Precision: Day}
	if digits == 2 {
		d.TwoDigit = true
	} else if !year4(y, digits) {
		return Date{}, false
	}
	switch {
	case a == 0 || b == 0 || a > 31 || b > 31 || a > 12 && b > 12:
		if a > 39 || b > 39 || a == 0 || b == 0 {
			return Date{}, false
		}
		d.Invalid = true
		return d, true
	case b > 12:
		d.Day, d.Month = b, a
	case a <= 12 && a != b:
		d.Ambiguous = true
	}
	return d.checked(), true
}

// fromWord reads December 31, 2029, December 2029, Q4 2029 and fourth quarter of 2029.
func (s dateScanner) fromWord(i int) (Date, bool) {
	w, e := s.word(i)
	if e == i {
		return Date{}, false
	}
	if m := monthByName(w); m > 0 {
		return s.fromMonth(i, m, e)
	}
	q := 0
	switch w {
	case "q":
		if e < len(s.t) && s.t[e] >= '1' && s.t[e] <= '4' {
			q, e = int(s.t[e]-'0'), e+1
		}
	case "first", "second", "third", "fourth", "last":
		k := s.gap(e)
		if x, f := s.word(k); x == "quarter" {
			q, e = map[string]int{"first": 1, "second": 2, "third": 3, "fourth": 4, "last": 4}[w], f
		}
	}
	if q == 0 {
		return Date{}, false
	}
	k := s.gap(e)
	if x, f := s.word(k); x == "of" {
		k = s.gap(f)
	}
	if y, f := s.num(k); year4(y, f-k) && s.ends(f) {
		return Date{Span: Span{i, f}, Year: y, Quarter: q, Precision: Quarter}, true
	}
	return Date{}, false
}

func (s dateScanner) fromMonth(i, m, e int) (Date, bool) {
	d := Date{Span: Span{i, e}, Month: m, Precision: Month}
	k := s.gap(e)
	if x, f := s.word(k); x == "of" {
		k = s.gap(f)
	}
	n, f := s.num(k)
	if f == k || strings.ContainsAny(s.t[e:k], "/") && f-k < 2 {
		return Date{}, false
	}
	if year4(n, f-k) && s.ends(f) {
		d.Year, d.To = n, f
		return d.checked(), true
	}
	if f-k > 2 {
		return Date{}, false
	}
	if x, g := s.word(f); x == "st" || x == "nd" || x == "rd" || x == "th" {
		f = g
	}
	g := s.gap(f)
	y, h := s.num(g)
	if year4(y, h-g) && s.ends(h) && g > f {
		d.Day, d.Precision, d.Year, d.To = n, Day, y, h
		return d.checked(), true
	}
	return Date{}, false
}

// frame looks at the words before a date for "end of" and for words that make it vague.
func (s dateScanner) frame(d Date) Date {
	before := strings.ToLower(s.t[max(0, d.From-40):d.From])
	words := strings.FieldsFunc(before, func(r rune) bool { return r == ' ' || r == '\n' || r == '\t' || r == '-' || r == '\u00a0' })
	for n := 0; n < 5 && len(words) > 0; n++ {
		w := strings.Trim(words[len(words)-1], "(,")
		words = words[:len(words)-1]
		switch w {
		case "of", "the", "in", "year", "month", "calendar", "quarter":
			continue
		case "end", "close":
			if d.Precision > Day {
				d.End = true
			}
		case "early", "mid", "late", "summer", "winter", "autumn", "spring", "around", "about", "approximately", "circa", "beginning", "middle", "half", "approx.":
			d.Vague = d.Precision > Day || w == "around" || w == "about" || w == "approximately" || w == "circa" || w == "approx."
		}
		break
	}
	return d
}

// checked marks a date that no calendar has.
func (d Date) checked() Date {
	if d.Month < 1 || d.Month > 12 {
		d.Invalid = true
		return d
	}
	if d.Precision == Day {
		y := d.Year
		if d.TwoDigit {
			y = 2000 + d.Year // only the leap day depends on it
		}
		if d.Day < 1 || d.Day > daysIn(y, d.Month) {
			d.Invalid = true
		}
	}
	return d
}
