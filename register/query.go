package register

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/assay-psti/assay"
)

// Query is what is searched for.
type Query struct {
	Text        string     // words, makes, model codes or a barcode; none: everything that the filters leave
	Category    string     // exactly
	Make        string     // exactly, whatever the case
	Org         string     // slug of a manufacturer
	SupportedOn assay.Date // only what is supported on that day
	Withdrawn   bool       // withdrawn entries as well
	Order       Order
	Cursor      string // where the page before ended; none: the first page
	Limit       int    // rows; 0 is 20, at most MaxPage
}

// Order is how results are put in order.
type Order string

// The orders. The default is ByRelevance with a text, ByNewest without.
const (
	ByRelevance Order = ""        // exact models first, then the newest
	ByNewest    Order = "newest"  // newest change first
	BySupport   Order = "support" // longest support first
)

// Results are a page of what was found.
type Results struct {
	Entries []Entry `json:"entries"`
	// Next is the cursor of the next page; "" where there is none.
	Next string `json:"next,omitempty"`
	// Count is how many were found, up to MaxCount; More says that there are more.
	Count int  `json:"count"`
	More  bool `json:"more,omitempty"`
	// Instead is what was looked for in place of the text, where the text itself was
	// found nowhere and is close to words that are.
	Instead string `json:"instead,omitempty"`
}

// Up to where results are counted, and how many of the newest are put in another
// order than theirs. Beyond that it is dear, and tells nobody much: in a million
// products, two common words have thousands in common.
const (
	MaxCount  = 200
	MaxSorted = 1000
)

const defaultLimit = 20

// check bounds a query and puts it in its one form.
func (q Query) check() (Query, error) {
	if len(q.Text) > MaxQueryBytes {
		return q, fmt.Errorf("search for %d bytes: %w: want at most %d", len(q.Text), assay.ErrInvalid, MaxQueryBytes)
	}
	if !utf8.ValidString(q.Text) || !utf8.ValidString(q.Category) || !utf8.ValidString(q.Make) || !utf8.ValidString(q.Cursor) {
		return q, fmt.Errorf("search: %w: it is not UTF-8", assay.ErrInvalid)
	}
	if len(q.Category) > MaxLine || len(q.Make) > MaxLine || len(q.Org) > MaxLine || len(q.Cursor) > MaxLine {
		return q, fmt.Errorf("search: %w: a filter is too long", assay.ErrInvalid)
	}
	switch {
	case q.Limit < 0 || q.Limit > MaxPage:
		return q, fmt.Errorf("search for %d rows: %w: want 1 to %d", q.Limit, assay.ErrInvalid, MaxPage)
	case q.Limit == 0:
		q.Limit = defaultLimit
	}
	switch q.Order {
	case ByRelevance, ByNewest, BySupport:
	default:
		return q, fmt.Errorf("order %.40q: %w: want newest or support", q.Order, assay.ErrInvalid)
	}
	q.Text = strings.TrimSpace(q.Text)
	q.Category = Fold(q.Category)
	return q, nil
}

// Terms are the words of a text as the search knows them: folded, at most MaxTerms.
func Terms(text string) []string {
	words := Words(text)
	return words[:min(len(words), MaxTerms)]
}

// Words are the runs of letters and digits of a text, in lower case and without
// accents, so that both ways to write a word find it.
func Words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(bare(text)), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// bare takes accents off letters.
func bare(text string) string {
	plain := true
	for i := range len(text) {
		plain = plain && text[i] < 0x80
	}
	if plain {
		return text
	}
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFKD.String(text))
}

// Fold brings words to the form in which they compare: lower case, single spaces.
func Fold(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

// CodeKey is a model code without case and without all that people leave out or put
// between: "KT-2000/b" is "kt2000b".
func CodeKey(code string) string {
	var b strings.Builder
	for _, r := range bare(code) {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}
