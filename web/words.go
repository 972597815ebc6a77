package web

import (
	"fmt"
	"html/template"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/assay-psti/assay"
)

// words are the functions that templates call to say things.
var words = template.FuncMap{
	"join":   strings.Join,
	"short":  func(d assay.Digest) string { return string(d)[:min(len(d), 19)] },
	"day":    func(t time.Time) string { return assay.DateOf(t).Words() },
	"stamp":  stamp,
	"lower":  strings.ToLower,
	"few":    few,
	"clip":   clip,
	"upper":  upper,
	"law":    lawTitle,
	"basis":  basisWords,
	"part":   url.PathEscape,
	"state":  func(v any, to, words string) stateForm { return stateForm{addressOf(v), to, words} },
	"proofs": func(at string, list []proof) proofList { return proofList{at, list} },
	"more":   func(n any, one, many string) string { return plural(number(n), one, many) },
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// few writes the first n of a list, and how many more there are.
func few(n int, list []string) string {
	if len(list) <= n {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:n], ", "), len(list)-n)
}

// clip cuts words after n bytes, and shows that it did.
func clip(n int, s string) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// upper begins words with a capital letter.
func upper(s string) string {
	r, size := utf8.DecodeRuneInString(s)
	return strings.ToUpper(string(r)) + s[size:]
}

func plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// span says how long it is from one day to another, as exactly as a buyer needs.
func span(from, to assay.Date) string {
	days := to.Days() - from.Days()
	switch {
	case days < 0:
		return span(to, from)
	case days == 0:
		return "no time"
	case days < 60:
		return plural(days, "day", "days")
	}
	f, t := from.Time(), to.Time()
	months := (t.Year()-f.Year())*12 + int(t.Month()) - int(f.Month())
	if t.Day() < f.Day() {
		months--
	}
	years, rest := months/12, months%12
	switch {
	case years == 0:
		return plural(int64(months), "month", "months")
	case rest == 0:
		return plural(int64(years), "year", "years")
	}
	return plural(int64(years), "year", "years") + " and " + plural(int64(rest), "month", "months")
}

func number(n any) int64 {
	switch n := n.(type) {
	case int:
		return int64(n)
	case int64:
		return n
	case uint64:
		return int64(min(n, 1<<62)) //nolint:gosec // bounded
	}
	return 0
}
