package page

import (
	"strconv"
	"strings"
)

// Unit is a unit of time as texts of this kind use it.
type Unit string

// The units. A working day is whatever the text calls a working, business or office day.
const (
	Hours        Unit = "hour"
	Minutes      Unit = "minute"
	Days         Unit = "day"
	WorkingHours Unit = "working hour"
	WorkingDays  Unit = "working day"
	Weeks        Unit = "week"
	Months       Unit = "month"
	Years        Unit = "year"
)

// Time is a length of time or an interval as a text states it.
type Time struct {
	Span
	Count  int // of a range, its upper end
	Unit   Unit
	Every  bool // an interval: again and again after that time
	Least  bool // "at least", "minimum": no upper end
	Hedged bool // "usually", "aim to", "where possible"
	Vague  bool // a word without a time: "promptly", "regularly", "a few days"
	Doubt  bool // "biweekly": twice a week or every two weeks
	Limit  bool // "no more often than": binds the one who asks

	first, last int // tokens
}

// String writes the time in one fixed form: "5 working days", "every 2 weeks"; "" for a vague one.
func (t Time) String() string {
	if t.Vague {
		return ""
	}
	s := string(t.Unit)
	if t.Every && t.Count == 1 {
		return "every " + s
	}
	if t.Count != 1 {
		s += "s"
	}
	s = strconv.Itoa(t.Count) + " " + s
	if t.Every {
		return "every " + s
	}
	return s
}

// Valid reports whether the text fixes the time: a count and a unit, without doubt about which.
func (t Time) Valid() bool { return !t.Vague && !t.Doubt && t.Count > 0 && t.Unit != "" }

// FindTimes returns the lengths of time and intervals in a sentence, in order, with words that promise speed without a
// time marked as vague. Dates are not times.
func FindTimes(text string) []Time { return findTimes(tokens(text, Span{0, len(text)})) }

func unitOf(w string) Unit {
	switch strings.TrimSuffix(strings.TrimSuffix(w, "."), "s") {
	case "minute", "min":
		return Minutes
	case "hour", "hr", "h":
		return Hours
	case "day", "calendar-day":
		return Days
	case "weekday", "workday", "working-day", "business-day":
		return WorkingDays
	case "week", "wk":
		return Weeks
	case "month", "mth":
		return Months
	case "year", "yr":
		return Years
	}
	return ""
}

func working(w string) bool {
	switch w {
	case "working", "business", "office", "work", "banking", "week":
		return true
	}
	return false
}

// unitAt reads a unit with its adjective from token i on.
func unitAt(ts []token, i int) (Unit, int) {
	work := false
	for n := 0; i < len(ts) && n < 4; n++ {
		w := ts[i].w
		switch {
		case w == "-" || w == "full" || w == "calendar" || w == "consecutive" || w == "clear" || w == "further" || w == "more" || w == "additional" || w == "uk" || w == "normal" || w == "standard" || w == "complete":
			i++
			continue
		case working(w) && i+1 < len(ts) && (ts[i+1].is("day", "days", "hour", "hours", "-", "week", "weeks")):
			work = true
			i++
			continue
		}
		break
	}
	if i >= len(ts) || ts[i].kind == tPunct {
		return "", i
	}
	u := unitOf(strings.TrimRight(strings.ReplaceAll(ts[i].w, "’", "'"), "'"))
	if u == "" {
		u = unitOf(strings.TrimSuffix(strings.TrimSuffix(strings.ReplaceAll(ts[i].w, "’", "'"), "'s"), "'"))
	}
	if ts[i].w == "fortnight" || ts[i].w == "fortnights" {
		return "fortnight", i + 1
	}
	if ts[i].is("quarter", "quarters") {
		return "quarter", i + 1
	}
	if work && u == Days {
		u = WorkingDays
	} else if work && u == Hours {
		u = WorkingHours
	}
	return u, i + 1
}

// normal turns fortnights and quarters into weeks and months.
func (t Time) normal() Time {
	switch t.Unit {
	case "fortnight":
		t.Unit, t.Count = Weeks, 2*t.Count
	case "quarter":
		t.Unit, t.Count = Months, 3*t.Count
	}
	return t
}

func findTimes(ts []token) []Time {
	var out []Time
	for i := 0; i < len(ts); {
		t, j := timeAt(ts, i)
		if j <= i && ts[i].kind == tNumber && i > 0 && ts[i-1].is("within", "in", "after") && len(out) > 0 && !out[len(out)-1].Vague && ts[i].n > 0 && ts[i].n < 1000 &&
			(i+1 == len(ts) || ts[i+1].kind == tPunct || ts[i+1].is("and", "for")) { // "triage within 5", of the unit named before
			t, j = Time{Count: ts[i].n, Unit: out[len(out)-1].Unit}, i+1
		}
		if j <= i {
			i++
			continue
		}
		t = t.normal()
		t.first, t.last = i, j-1
		t.Span = Span{ts[i].From, ts[j-1].To}
		t.surroundings(ts)
		out = append(out, t)
		i = j
	}
	return out
}

func timeAt(ts []token, i int) (Time, int) {
	w := ts[i].w
	next := func(k int) string {
		if i+k < len(ts) {
			return ts[i+k].w
		}
		return ""
	}
	switch w {
	case "every", "each":
		if next(1) == "other" || next(1) == "second" {
			if u, j := unitAt(ts, i+2); u != "" {
				return Time{Count: 2, Unit: u, Every: true}, j
			}
		}
		if next(1) == "few" || next(1) == "couple" || next(1) == "several" {
			if u, j := unitAt(ts, i+2); u != "" {
				return Time{Vague: true, Every: true}, j
			}
		}
		if c, u, j := countUnit(ts, i+1); u != "" {
			return Time{Count: c, Unit: u, Every: true}, j
		}
		if u, j := unitAt(ts, i+1); u != "" {
			return Time{Count: 1, Unit: u, Every: true}, j
		}
	case "once", "twice":
		if next(1) == "a" || next(1) == "an" || next(1) == "per" || next(1) == "every" || next(1) == "each" || next(1) == "in" {
			k := i + 2
			if next(2) == "every" {
				k++
			}
			if c, u, j := countUnit(ts, k); u != "" && w == "once" {
				return Time{Count: c, Unit: u, Every: true}, j
			}
			if u, j := unitAt(ts, k); u != "" {
				t := Time{Count: 1, Unit: u, Every: true}
				if w == "twice" {
					t.Doubt = u != Weeks && u != Months && u != Years && u != Days
					switch u {
					case Weeks:
						t.Count, t.Unit = 4, Days
					case Months:
						t.Count, t.Unit = 16, Days
					case Years:
						t.Count, t.Unit = 6, Months
					case Days:
						t.Count, t.Unit = 12, Hours
					}
				}
				return t, j
			}
		}
	case "daily":
		return Time{Count: 1, Unit: Days, Every: true}, i + 1
	case "weekly":
		return Time{Count: 1, Unit: Weeks, Every: true}, i + 1
	case "monthly":
		return Time{Count: 1, Unit: Months, Every: true}, i + 1
	case "quarterly":
		return Time{Count: 3, Unit: Months, Every: true}, i + 1
	case "yearly", "annually":
		return Time{Count: 1, Unit: Years, Every: true}, i + 1
	case "fortnightly":
		return Time{Count: 2, Unit: Weeks, Every: true}, i + 1
	case "biweekly", "bi-weekly", "bimonthly", "bi-monthly", "semiweekly":
		return Time{Every: true, Doubt: true, Count: 2, Unit: Weeks}, i + 1
	case "interval", "intervals":
		if next(1) == "of" {
			k := i + 2
			for k < len(ts) && k < i+8 && ts[k].kind != tNumber && (ts[k].is("no", "more", "than", "at", "most", "not", "up", "to", "maximum", "a", "exceeding")) {
				k++
			}
			if c, u, j := countUnit(ts, k); u != "" {
				return Time{Count: c, Unit: u, Every: true}, j
			}
		}
	case "promptly", "prompt", "regularly", "regular", "periodically", "periodic", "timely", "soon", "asap", "shortly", "immediately",
		"swiftly", "quickly", "frequently", "frequent", "occasionally", "continuously", "rapidly", "routinely", "expeditiously", "constantly":
		return Time{Vague: true, Every: strings.HasPrefix(w, "regular") || strings.HasPrefix(w, "period")}, i + 1
	case "few", "several", "couple":
		k := i + 1
		if next(1) == "of" {
			k++
		}
		if u, j := unitAt(ts, k); u != "" {
			return Time{Vague: true}, j
		}
	case "next":
		if u, j := unitAt(ts, i+1); u == Days || u == WorkingDays || u == "week" {
			return Time{Count: 1, Unit: u}, j
		}
	case "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "tenth":
		if u, j := unitAt(ts, i+1); (u == Days || u == WorkingDays) && i > 0 && ts[i-1].is("the") {
			n := map[string]int{"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "tenth": 10}[w]
			return Time{Count: n, Unit: u}, j
		}
	case "same":
		if u, j := unitAt(ts, i+1); u == Days || u == WorkingDays {
			return Time{Count: 1, Unit: u}, j
		}
	case "overnight":
		return Time{}, i
	case "half":
		k := i + 1
		if next(1) == "a" || next(1) == "an" {
			k++
		}
		if u, j := unitAt(ts, k); u == Years {
			return Time{Count: 6, Unit: Months}, j
		}
	case "a", "an", "per":
		if u, j := unitAt(ts, i+1); u != "" && j <= i+3 {
			return Time{Count: 1, Unit: u, Every: w == "per"}, j
		}
		if next(1) == "single" {
			if u, j := unitAt(ts, i+2); u != "" {
				return Time{Count: 1, Unit: u}, j
			}
		}
	}
	if c, u, j := countUnit(ts, i); u != "" {
		t := Time{Count: c, Unit: u}
		if j < len(ts) && ts[j].is("interval", "intervals") {
			t.Every = true
			j++
		}
		return t, j
	}
	return Time{}, i
}

// countUnit reads a number and a unit from token i on: 5 working days, five (5) days, 5-7 days, 24h, 48-hour, 30 / 60
// days, three to five business days. Of a range the upper end counts.
func countUnit(ts []token, i int) (int, Unit, int) {
	if i >= len(ts) {
		return 0, "", i
	}
	t := ts[i]
	if t.kind == tWord { // 48h, 5-day, two-week
		d := 0
		for d < len(t.w) && digit(t.w[d]) && d < 4 {
			d++
		}
		if d > 0 && d < len(t.w) {
			n, _ := strconv.Atoi(t.w[:d])
			rest := strings.TrimPrefix(t.w[d:], "-")
			if u := unitOf(rest); u != "" && n > 0 {
				return n, u, i + 1
			}
			if working(rest) {
				if u, j := unitAt(ts, i+1); u == Days {
					return n, WorkingDays, j
				}
			}
			if m, err := strconv.Atoi(strings.TrimLeft(rest, "–")); err == nil && m > n { // 5-7 days
				if u, j := unitAt(ts, i+1); u != "" {
					return m, u, j
				}
			}
			if parts := strings.SplitN(rest, "-", 2); len(parts) == 2 && working(parts[0]) && unitOf(parts[1]) == Days {
				return n, WorkingDays, i + 1
			}
		}
		if a, b, ok := strings.Cut(t.w, "-"); ok && numberWord(a) > 0 && unitOf(b) != "" {
			return numberWord(a), unitOf(b), i + 1
		}
		return 0, "", i
	}
	if t.kind != tNumber || t.n <= 0 || t.n > 5000 {
		return 0, "", i
	}
	n := t.n
	j := i + 1
	if j+2 < len(ts) && ts[j].w == "(" && ts[j+1].kind == tNumber && ts[j+2].w == ")" {
		n = ts[j+1].n
		j += 3
	}
	if j < len(ts) && ts[j].w == "+" {
		j++
	}
	if j+1 < len(ts) && (ts[j].is("to", "or", "and", "–", "—", "-", "/") || strings.HasPrefix(ts[j].w, "\xe2")) && ts[j+1].kind == tNumber {
		if u, k := unitAt(ts, j+2); u != "" {
			return max(n, ts[j+1].n), u, k
		}
	}
	u, k := unitAt(ts, j)
	if u == "" {
		return 0, "", i
	}
	return n, u, k
}

// surroundings reads the few words before (and after) a time that change its meaning.
func (t *Time) surroundings(ts []token) {
	for k := t.first - 1; k >= 0 && k >= t.first-7; k-- {
		p := ts[k]
		if p.is(";", ".", ":", "|") {
			break
		}
		switch p.w {
		case "least", "minimum", "min":
			t.Least = true
		case "usually", "normally", "typically", "generally", "aim", "aims", "try", "strive", "endeavour", "endeavor", "possible", "expect", "approximately", "around", "about", "hope", "intend", "necessary", "target":
			t.Hedged = true
		}
	}
	if t.first >= 2 && ts[t.first-1].is("than") {
		for k := t.first - 2; k >= 0 && k >= t.first-5; k-- {
			if ts[k].is("often", "frequently", "frequent") {
				t.Limit = true
			}
		}
	}
	if t.Every && t.first >= 1 {
		for k := t.first - 1; k >= 0 && k >= t.first-6; k-- {
			if ts[k].is("often", "frequently") && k >= 1 && ts[k-1].is("more") {
				t.Limit = true
			}
		}
	}
	for k := t.last + 1; k < len(ts) && k <= t.last+3; k++ {
		if ts[k].is("usually", "normally", "typically", "minimum") {
			t.Hedged = t.Hedged || ts[k].w != "minimum"
			t.Least = t.Least || ts[k].w == "minimum"
		}
	}
}
