package page

import (
	"regexp"
	"strings"
)

// Product is the product one wants to know about. Models are model numbers ("DS-2CD2043G2-I"); Names are what it is
// sold as ("Nova 3"). Both may be empty: then only statements for all products answer.
type Product struct {
	Brand  string
	Models []string
	Names  []string
}

// Match says how a product was found among those a document lists.
type Match string

// The ways of matching, from the surest on.
const (
	MatchListed   Match = "listed"   // by its own model number or name
	MatchPattern  Match = "pattern"  // by a number with wildcards, such as DS-2CD20xx
	MatchSeries   Match = "series"   // by the series it belongs to
	MatchGeneral  Match = "general"  // by a statement for all products, or for the one product of the page
	MatchVariant  Match = "variant"  // only a number or name that its own begins with, or the reverse: it may be another product
	MatchExcluded Match = "excluded" // named as an exception
	MatchNone     Match = "none"     // periods are stated, but not for this product
	MatchNothing  Match = "nothing"  // no period is stated at all
)

// SupportAnswer is what a document says of the support period of one product.
type SupportAnswer struct {
	Match   Match
	Entries []SupportEntry // those that match best, in the order of the document
	Why     string
}

// EndDate returns the end date in ISO 8601 as far as it is stated; "" if none is stated, if it is doubtful, or if the
// entries contradict each other.
func (a SupportAnswer) EndDate() string {
	end := ""
	for _, e := range a.Entries {
		if e.Verdict != Present || e.End == nil {
			return ""
		}
		if s := e.End.String(); end != "" && s != end {
			return ""
		} else {
			end = s
		}
	}
	return end
}

// Conflict reports whether the matching entries state different end dates.
func (a SupportAnswer) Conflict() bool {
	ends := map[string]bool{}
	for _, e := range a.Entries {
		if e.End != nil {
			ends[e.End.String()] = true
		}
	}
	return len(ends) > 1
}

// SupportFor returns the support period that a document states for one product: the row of a table that lists it, by
// number, pattern or series, else a statement for all products. A product that is not listed is said not to be; a row
// for a number that only resembles its own is returned as a variant, to be judged by a person.
func SupportFor(d *Document, p Product) SupportAnswer {
	rank := map[Match]int{MatchListed: 6, MatchPattern: 5, MatchSeries: 4, MatchExcluded: 3, MatchGeneral: 2, MatchVariant: 1}
	best := SupportAnswer{Match: MatchNothing, Why: "no support period is stated in what was read"}
	if len(d.Support) > 0 {
		best = SupportAnswer{Match: MatchNone, Why: "support periods are stated, but none for this product"}
	}
	names := append(append([]string{}, p.Models...), p.Names...)
	for _, e := range d.Support {
		m := MatchNone
		for _, n := range names {
			if k := matchScope(e.Scope, n, p.Brand); rank[k] > rank[m] {
				m = k
			}
		}
		switch {
		case rank[m] >= rank[MatchGeneral]:
		case e.All && allProducts(e.Scope):
			m = MatchGeneral
		case e.All:
			// The sentence names no product itself: what stands around it may.
			m = MatchGeneral
			if len(modelsIn(e.around)) > 0 || namesSomething(e.Scope, p.Brand) {
				m = MatchVariant
				for _, n := range names {
					if k := matchScope(e.around, n, p.Brand); rank[k] >= rank[MatchSeries] {
						m = k
					}
				}
			}
		case m == MatchNone && kindWords.MatchString(e.Scope) && !namesSeries(e.Scope):
			m = MatchVariant
		}
		if rank[m] == 0 {
			continue
		}
		switch {
		case rank[m] > rank[best.Match]:
			best = SupportAnswer{Match: m, Entries: []SupportEntry{e}, Why: whyMatch(m)}
		case m == best.Match:
			best.Entries = append(best.Entries, e)
		}
	}
	if best.Match == MatchGeneral {
		best.Entries = dropElsewhere(best.Entries)
	}
	if best.Match == MatchExcluded {
		best.Entries = nil
	}
	if best.Conflict() {
		best.Why += "; the entries state different end dates"
	}
	return best
}

// dropElsewhere keeps the entries with an end date, if there are any: a general remark on length beside it says less.
func dropElsewhere(es []SupportEntry) []SupportEntry {
	var out []SupportEntry
	for _, e := range es {
		if e.End != nil {
			out = append(out, e)
		}
	}
	if len(out) == 0 {
		return es
	}
	return out
}

func whyMatch(m Match) string {
	switch m {
	case MatchListed:
		return "the product is listed"
	case MatchPattern:
		return "a number with wildcards covers the product"
	case MatchSeries:
		return "the series of the product is listed"
	case MatchGeneral:
		return "the statement is not limited to certain products"
	case MatchExcluded:
		return "the product is named as an exception"
	}
	return "only a similar number or name, or a kind of products, is listed: whether it covers this product is to be judged"
}

var (
	scopeSplit   = regexp.MustCompile(`[,;|\n()\[\]+&•:]|\s(?:and|or|und)\s|\s+-\s+|\s–\s`)
	seriesAfter  = regexp.MustCompile(`(?i)\b(?:series|family|range)\s+([\w./-]+)`)
	seriesBefore = regexp.MustCompile(`(?i)\b([\w./-]+(?:\s[\w./-]+)?)[\s-]+(?:series|family|range)\b`)
	exceptWords  = regexp.MustCompile(`(?i)\b(?:except(?:ing|\s+for)?|excluding|other than|apart from|but not|not including)\b`)
	allWords     = regexp.MustCompile(`(?i)\b(?:all|every|each|any)\s+(?:of\s+)?(?:our\s+|other\s+|the\s+|its\s+)?(?:(?:smart|connected|connectable|current|relevant|consumer|iot)\s+){0,3}(?:products?|devices?|models?|units?)\b`)
	kindWords    = regexp.MustCompile(`(?i)\b(?:all|every|each|any)\s+(?:of\s+)?(?:our\s+|other\s+|the\s+)?[\w-]+s?\b`)
	modelToken   = regexp.MustCompile(`\b[A-Za-z0-9]+(?:[-/.][A-Za-z0-9*#?]+)*[*#?]*`)
)

// namesSomething reports whether a sentence names a thing by a capitalised word, other than the brand, so that it may
// speak of another product.
func namesSomething(scope, brand string) bool {
	sentence := scope[strings.LastIndexByte(scope, '\n')+1:]
	ts := tokens(sentence, Span{0, len(sentence)})
	for k, t := range ts {
		if k == 0 || t.kind != tWord || !upper(sentence[t.From]) || ts[k-1].is(":", ".", "-", "–", "|", "(") || monthByName(t.w) > 0 || t.c&^(cEnglish|cOther|cPeriod) != 0 ||
			strings.Contains(fold(brand), fold(t.w)) && brand != "" || t.is("uk", "gb", "eu", "united", "kingdom", "i", "psti", "gmt", "utc", "bst", "defined", "minimum", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday") {
			continue
		}
		return true
	}
	return false
}

// fold reduces a model number or name to what counts: letters and figures, in lower case.
func fold(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r > 0x7f || r == '+' {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// matchScope matches one number or name against the words that say which products an entry is for.
func matchScope(scope, name, brand string) Match {
	want := fold(name)
	if want == "" {
		return MatchNone
	}
	if len(scope) > 20_000 {
		scope = scope[:cutAt(scope, 20_000)]
	}
	if at := exceptWords.FindStringIndex(scope); at != nil {
		if m := matchScope(scope[at[1]:], name, brand); m == MatchListed || m == MatchPattern || m == MatchSeries {
			return MatchExcluded
		}
		scope = scope[:at[0]]
	}
	best := MatchNone
	for _, part := range scopeSplit.Split(scope, -1) {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		switch m := matchPart(part, name, want, brand); {
		case m == MatchListed:
			return m
		case m != MatchNone && (best == MatchNone || best == MatchVariant || best == MatchSeries && m == MatchPattern):
			best = m
		}
	}
	return best
}

func matchPart(part, name, want, brand string) Match {
	f := fold(part)
	if f == want || brand != "" && f == fold(brand)+want {
		return MatchListed
	}
	for _, m := range append(seriesAfter.FindAllStringSubmatch(part, 8), seriesBefore.FindAllStringSubmatch(part, 8)...) {
		s := strings.TrimPrefix(strings.TrimPrefix(strings.ToLower(m[1]), "the "), "our ")
		for _, alt := range strings.Split(s, "/") {
			if fs := fold(alt); fs != "" && strings.HasPrefix(want, fs) && (len(want) == len(fs) || !letter(want[len(fs)]) || !letter(fs[len(fs)-1]) && !digit(want[len(fs)])) {
				return MatchSeries
			}
		}
	}
	best := MatchNone
	up := func(m Match) {
		if best == MatchNone || m != MatchVariant {
			best = m
		}
	}
	tokens := alternatives(modelToken.FindAllString(part, 200))
	single := !strings.ContainsAny(strings.TrimSpace(name), " ")
	for _, t := range tokens {
		ft := fold(t)
		switch {
		case ft == "":
		case ft == want && single && hasDigit(want):
			return MatchListed
		case wildcard(t, name) == 2:
			up(MatchPattern)
		case wildcard(t, name) == 1:
			up(MatchVariant)
		case single && hasDigit(ft) && len(ft) >= 2 && hasLetter(ft) && (strings.HasPrefix(want, ft) || strings.HasPrefix(ft, want)):
			up(MatchVariant)
		}
	}
	if !single && best == MatchNone && containsWords(part, name) {
		best = MatchVariant
	}
	return best
}

// alternatives writes out numbers joined by a stroke: X100/X200 and X100/200 are both X100 and X200.
func alternatives(ts []string) []string {
	var out []string
	for _, t := range ts {
		parts := strings.Split(t, "/")
		out = append(out, parts...)
		if len(parts) == 1 || len(parts) > 12 {
			continue
		}
		stem := strings.TrimRight(parts[0], "0123456789")
		for _, p := range parts[1:] {
			if strings.Trim(p, "0123456789") == "" && stem != parts[0] && stem != "" {
				out = append(out, stem+p)
			} else if len(p) <= 3 && len(parts[0]) > len(p) { // X100A/B
				out = append(out, parts[0][:len(parts[0])-len(p)]+p)
			}
		}
		out = append(out, t)
	}
	return out
}

// wildcard matches a number with places left open: 2 if it covers the name, 1 if the name goes on after an open end.
func wildcard(pattern, name string) int {
	name = strings.TrimSpace(name)
	open := make([]bool, len(pattern))
	any := false
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '#' || c == '?' || c == '*':
			open[i] = true
		case c == 'x' && i > 0 && (digit(pattern[i-1]) || open[i-1] || pattern[i-1] == '-' || upper(pattern[i-1])) && strings.ToLower(pattern) != pattern:
			open[i] = true
		case c == 'x' && i > 0 && (digit(pattern[i-1]) || open[i-1]) && (i+1 == len(pattern) || pattern[i+1] == 'x' || open[i-1]):
			open[i] = true
		case c == 'X' && i > 0 && (digit(pattern[i-1]) || open[i-1]) && (i+1 < len(pattern) && pattern[i+1] == 'X' || open[i-1]):
			open[i] = true
		}
		any = any || open[i]
	}
	if !any {
		return 0
	}
	n := 0
	for i := 0; i < len(pattern); i++ {
		c := pattern[i]
		if c == '*' {
			if i == len(pattern)-1 {
				return 2
			}
			// The rest must end the name.
			rest := fold(pattern[i+1:])
			if strings.HasSuffix(fold(name[n:]), rest) {
				return 2
			}
			return 0
		}
		for n < len(name) && (name[n] == '-' || name[n] == ' ' || name[n] == '.') && c != name[n] {
			n++
		}
		if c == '-' || c == '.' || c == ' ' {
			if n < len(name) && name[n] == c {
				n++
			}
			continue
		}
		if n >= len(name) {
			return 0
		}
		switch {
		case c == '#':
			if !digit(name[n]) {
				return 0
			}
		case open[i]:
			if !wordByte(name[n]) {
				return 0
			}
		case c|0x20 != name[n]|0x20:
			return 0
		}
		n++
	}
	if n == len(name) {
		return 2
	}
	if open[len(pattern)-1] {
		return 1
	}
	return 0
}

func containsWords(part, name string) bool {
	p := " " + strings.Join(strings.FieldsFunc(strings.ToLower(part), notWord), " ") + " "
	n := " " + strings.Join(strings.FieldsFunc(strings.ToLower(name), notWord), " ") + " "
	return strings.Contains(p, n)
}

func notWord(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r > 0x7f || r == '+')
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func upper(c byte) bool  { return c >= 'A' && c <= 'Z' }

func hasDigit(s string) bool { return strings.ContainsAny(s, "0123456789") }
func hasLetter(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= 'a' && r <= 'z' }) >= 0
}

// modelsIn returns what looks like model numbers in the words that say which products an entry is for.
func modelsIn(scope string) []string {
	var out []string
	if len(scope) > 8000 {
		scope = scope[:cutAt(scope, 8000)]
	}
	for _, t := range modelToken.FindAllString(scope, 400) {
		l := strings.ToLower(t)
		f := fold(t)
		switch {
		case !hasDigit(f) || !hasLetter(f) || len(f) < 2 || len(f) > 40:
		case strings.Contains(t, ".") && strings.Count(t, ".") > 1, unitOf(strings.TrimLeft(l, "0123456789-")) != "", ordinal(l):
		case strings.HasPrefix(l, "en303") || strings.HasPrefix(l, "iso") || len(l) == 2 && l[0] == 'q', l[0] == 'v' && len(l) < 7 && strings.Trim(l[1:], "0123456789.") == "":
		default:
			out = append(out, t)
		}
	}
	return out
}

func ordinal(l string) bool {
	r := strings.TrimLeft(l, "0123456789")
	return r == "st" || r == "nd" || r == "rd" || r == "th" || strings.HasPrefix(r, "-year") || strings.HasPrefix(r, "-month") || strings.HasPrefix(r, "-day")
}

func namesSeries(scope string) bool {
	return seriesAfter.MatchString(scope) || seriesBefore.MatchString(scope)
}

// allProducts reports whether the words cover every product, and not only a series or a kind such as cameras.
func allProducts(scope string) bool {
	return allWords.MatchString(scope) && !namesSeries(scope)
}
