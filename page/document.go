package page

import (
	"sort"
	"strings"
)

// Document is one document as text with places.
type Document struct {
	Source   string // the name it was read under
	Kind     Kind
	Title    string // as the document states it, else its first heading
	Lang     string // as declared (BCP 47), "" if it is not
	English  Verdict
	Encoding string // what the bytes were decoded from; "utf-8" if nothing had to be done

	// Text is what a reader can read, in reading order. Blocks end with a line break; cells of a table row are set
	// apart by " | ". All places in a Document count bytes of Text.
	Text   string
	Blocks []Block
	Tables []Table
	Links  []Link
	Fields []Field // form fields
	Images []Image
	Data   []Datum // schema.org statements embedded as JSON-LD, which no reader sees
	Pages  []int   // PDF: where each page begins in Text

	Conditions []Condition // what limits the document as evidence
	Readings   []Reading   // what it says, by limb and place
	Limbs      Limbs
	Support    []SupportEntry // every support period stated, with the products it names

	spans  []pieceAt
	sents  []sentence
	secs   []section
	flagsD docFlags
}

// Span is a place: bytes From up to but not including To of Document.Text.
type Span struct {
	From int `json:"from"`
	To   int `json:"to"`
}

// Quote returns the text at the span.
func (d *Document) Quote(s Span) string { return d.Text[s.From:s.To] }

// BlockKind says what a block is.
type BlockKind uint8

// The kinds of block.
const (
	Paragraph BlockKind = iota
	Heading
	Item
	Row
	Code
	Front // facts about the file set before its text, such as YAML front matter
)

// Hiding says how much of a block is shown when the page opens. More than one may hold.
type Hiding uint8

// The ways in which a block is not plainly shown.
const (
	Folded     Hiding = 1 << iota // inside a closed details element: one click away
	NotShown                      // display:none, visibility:hidden, the hidden attribute, a closed dialog, a comment
	AriaHidden                    // hidden from assistive technology
	Navigation                    // menus, header and footer: shown, but no part of the page's own text
)

// Block is a paragraph, heading, list item, table row or piece of code.
type Block struct {
	Span
	Kind   BlockKind
	Level  int // of a heading, 1 to 6
	Hidden Hiding
	lines  bool // a line break inside may end a sentence
}

// Cell is one cell of a table.
type Cell struct {
	Span
	Header bool
}

// Table is a table with its cells in rows. A cell that spans several rows or columns stands in each.
type Table struct {
	Span
	Caption Span
	Rows    [][]Cell
	Hidden  Hiding
}

// Link is a link: the text it stands on and where it leads, made absolute when the document's address is known.
type Link struct {
	Span
	Target string
	Mail   string // the address, for a mail link or one that a proxy had hidden
}

// Field is an input of a form.
type Field struct {
	At       int
	Type     string // text, email, password, file, textarea, select, ...
	Name     string // its name or label
	Form     int    // number of the form it stands in, from 1; 0 if in none
	Required bool
}

// Image is a picture and the text that stands for it.
type Image struct {
	At     int
	Source string
	Alt    string
}

// Datum is one value of embedded linked data.
type Datum struct {
	Path  string // dotted, such as Product.brand.name
	Value string
}

// ConditionKind names what limits a document as evidence.
type ConditionKind string

// The kinds of condition.
const (
	Truncated      ConditionKind = "truncated"
	NoText         ConditionKind = "no_text"         // a scan or an empty page
	ShortText      ConditionKind = "short_text"      // hardly more than a heading
	NotFoundPage   ConditionKind = "not_found_page"  // reads as "page not found"
	ConsentWall    ConditionKind = "consent_wall"    // little but a request for consent
	LoginWall      ConditionKind = "login_wall"      // asks for a login before it can be read
	PaymentWall    ConditionKind = "payment_wall"    // asks for payment before it can be read
	IdentityWall   ConditionKind = "identity_wall"   // asks who the reader is before it can be read
	NeedsScript    ConditionKind = "needs_script"    // its text comes only by script
	BrokenEncoding ConditionKind = "broken_encoding" // bytes that are no text were replaced
	NotEnglish     ConditionKind = "not_english"
	ThirdParty     ConditionKind = "third_party" // written about makers, not by one
	Protected      ConditionKind = "protected"   // a PDF that needs a password
	HiddenText     ConditionKind = "hidden_text" // parts of the page are not shown when it opens
)

// Condition says in one line what limits a document as evidence, and where that shows (an empty span: as a whole).
type Condition struct {
	Kind ConditionKind
	Span
	Why string
}

func (d *Document) condition(k ConditionKind, s Span, why string) {
	for _, c := range d.Conditions {
		if c.Kind == k {
			return
		}
	}
	d.Conditions = append(d.Conditions, Condition{k, s, why})
}

// Has returns the condition of that kind, if the document has it.
func (d *Document) Has(k ConditionKind) (Condition, bool) {
	for _, c := range d.Conditions {
		if c.Kind == k {
			return c, true
		}
	}
	return Condition{}, false
}

// pieceAt says that the text from text on stands in the source from src on, byte for byte, until the next piece.
type pieceAt struct{ text, src int }

// SourceOffset returns the byte of the (decoded) source at which the byte at of Text stands. For a byte that stands
// for an entity or for white space it is the first byte of that. It is -1 for formats whose text is not in their bytes.
func (d *Document) SourceOffset(at int) int {
	if d.Kind == PDF || d.Kind == DOCX {
		return -1
	}
	i := sort.Search(len(d.spans), func(i int) bool { return d.spans[i].text > at }) - 1
	if i < 0 {
		return at
	}
	return d.spans[i].src + at - d.spans[i].text
}

// PageOf returns the page of a PDF on which the byte at of Text stands, counted from 1; 0 where there are no pages.
func (d *Document) PageOf(at int) int {
	return sort.Search(len(d.Pages), func(i int) bool { return d.Pages[i] > at })
}

// trim narrows a span to what is not white space or a cell border.
func trim(text string, s Span) Span {
	for s.From < s.To && strings.IndexByte(" \t\r\n|", text[s.From]) >= 0 {
		s.From++
	}
	for s.To > s.From && strings.IndexByte(" \t\r\n|", text[s.To-1]) >= 0 {
		s.To--
	}
	return s
}
