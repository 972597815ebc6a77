package bench

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/assay-psti/assay"
)

// Sheet is a table as it is exchanged: a header and rows of texts.
type Sheet struct {
	Name   string
	Header []string
	Rows   [][]string

	notes   []string // said on the sheet of notes
	widths  []float64
	choices map[[2]int][]string // the answers allowed in a cell, by row and column from 0 below the header
}

// Bounds of what is taken in.
const (
	maxSheetBytes = 16 << 20 // of a file as it comes
	maxSheets     = 64
	maxRows       = 5000 // of one sheet
	maxColumns    = 64
)

// dangerous are the first characters by which a spreadsheet takes a text for a
// formula or a command.
const dangerous = "=+-@\t\n\r|%"

// escape marks a text that a spreadsheet could take for a formula with an
// apostrophe, which says that it is a text. unescape takes the mark away.
func escape(s string) string {
	if s != "" && (strings.ContainsRune(dangerous, rune(s[0])) || marked(s)) {
		return "'" + s
	}
	return s
}

func unescape(s string) string {
	if marked(s) {
		return s[1:]
	}
	return s
}

func marked(s string) bool {
	return len(s) > 1 && s[0] == '\'' && (s[1] == '\'' || strings.ContainsRune(dangerous, rune(s[1])))
}

// WriteCSV writes a sheet as CSV in UTF-8. No cell begins a formula.
func (s *Sheet) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	for _, row := range append([][]string{s.Header}, s.Rows...) {
		cells := make([]string, len(row))
		for i, c := range row {
			cells[i] = escape(c)
		}
		if err := out.Write(cells); err != nil {
			return fmt.Errorf("write %s: %w", s.Name, err)
		}
	}
	out.Flush()
	return out.Error()
}

func sheetProblem(where, what, do string) error {
	return &assay.Problem{Kind: assay.ErrInvalid, Where: where, What: what, Do: do}
}

// semicolons reports whether the heading is separated by semicolons, as spreadsheets
// write where the comma is the decimal sign. What stands in quotes is text, line ends
// too.
func semicolons(data []byte) bool {
	quoted, blank, more := false, true, 0
	for _, c := range data {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == ';':
			more++
		case c == ',':
			more--
		case c == '\n' && !blank:
			return more > 0
		}
		blank = blank && (c == '\n' || c == '\r')
	}
	return more > 0
}

// ReadCSV reads one sheet. name is for messages.
func ReadCSV(name string, r io.Reader) (*Sheet, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxSheetBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(data) > maxSheetBytes {
		return nil, sheetProblem(name, fmt.Sprintf("is larger than %d MiB", maxSheetBytes>>20), "give the form alone")
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	in := csv.NewReader(bytes.NewReader(data))
	in.FieldsPerRecord = -1
	if semicolons(data) {
		in.Comma = ';'
	}
	s := &Sheet{Name: name}
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var bad *csv.ParseError
		if errors.As(err, &bad) {
			return nil, sheetProblem(fmt.Sprintf("%s:%d", name, bad.Line), "cannot be read as CSV: "+bad.Err.Error(), "export it anew")
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		line, _ := in.FieldPos(0)
		if err := s.take(fmt.Sprintf("%s:%d", name, line), row); err != nil {
			return nil, err
		}
	}
	if slices.ContainsFunc(s.Header, func(cell string) bool { return strings.Contains(cell, ";") }) {
		return nil, sheetProblem(name, "has a semicolon within the name of a column", "separate columns by commas or by semicolons alone")
	}
	if s.Header == nil {
		return nil, sheetProblem(name, "holds no header", "export it anew")
	}
	return s, nil
}

// take adds a row as it was read; the first is the header. A row of nothing is left out.
func (s *Sheet) take(where string, row []string) error {
	if len(row) > maxColumns {
		return sheetProblem(where, fmt.Sprintf("has more than %d columns", maxColumns), "give the form alone")
	}
	empty := true
	cells := make([]string, len(row))
	for i, c := range row {
		cells[i] = clean(unescape(c))
		if err := checkText(cells[i]); err != nil {
			return sheetProblem(where, err.Error(), "shorten it, or refer to a document")
		}
		empty = empty && cells[i] == ""
	}
	switch {
	case empty:
	case s.Header == nil:
		s.Header = cells
	case len(s.Rows) >= maxRows:
		return sheetProblem(where, fmt.Sprintf("is beyond %d rows", maxRows), "give the form alone")
	default:
		s.Rows = append(s.Rows, cells)
	}
	return nil
}

// columns finds the columns by their headings. A heading that is wanted and not
// there is an error, as is one that nobody knows.
func (s *Sheet) columns(wanted, known []string) (map[string]int, error) {
	at := map[string]int{}
	for i, h := range s.Header {
		if h == "" {
			continue
		}
		if _, twice := at[h]; twice {
			return nil, sheetProblem(s.Name, fmt.Sprintf("column %q stands twice", h), "remove one of them")
		}
		at[h] = i
	}
	all := map[string]bool{}
	for _, h := range append(append([]string{}, wanted...), known...) {
		all[h] = true
	}
	for _, h := range wanted {
		if _, ok := at[h]; !ok {
			return nil, sheetProblem(s.Name, fmt.Sprintf("column %q is missing", h), "export the form anew and fill that")
		}
	}
	for h := range at {
		if !all[h] {
			return nil, sheetProblem(s.Name, fmt.Sprintf("column %q is not known", h), "export the form anew and fill that")
		}
	}
	return at, nil
}

// cell is a cell of a row; "" beyond its end.
func cell(row []string, at map[string]int, heading string) string {
	if i, ok := at[heading]; ok && i < len(row) {
		return row[i]
	}
	return ""
}
