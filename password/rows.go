package password

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"
	"unicode/utf8"

	"github.com/assay-psti/assay/internal/separators"
)

// lastRowEnd returns how much of the block ends with a whole row, and how many rows that is. In CSV a line break within
// quotes ends no row.
func lastRowEnd(buf []byte, jsonLines bool) (int, int64) {
	if jsonLines || bytes.IndexByte(buf, '"') < 0 {
		cut := bytes.LastIndexByte(buf, '\n') + 1
		return cut, int64(bytes.Count(buf[:cut], []byte{'\n'}))
	}
	cut, rows, quoted := 0, int64(0), false
	for i, c := range buf {
		switch c {
		case '"':
			quoted = !quoted
		case '\n':
			if !quoted {
				cut = i + 1
				rows++
			}
		}
	}
	return cut, rows
}

// badBytes finds the first byte that does not belong into text: a NUL, or a sequence that is not UTF-8. A cut-off
// sequence at the end is forgiven when more may follow.
func badBytes(p []byte, more bool) (int, string) {
	if i := bytes.IndexByte(p, 0); i >= 0 {
		return i, "binary data (a zero byte): this is not a text file"
	}
	if utf8.Valid(p) {
		return -1, ""
	}
	for i := 0; i < len(p); {
		r, n := utf8.DecodeRune(p[i:])
		if r == utf8.RuneError && n == 1 {
			if more && len(p)-i < utf8.UTFMax && !utf8.FullRune(p[i:]) {
				return -1, ""
			}
			return i, fmt.Sprintf("byte %#02x is not UTF-8: convert the file to UTF-8, or do not mix encodings", p[i])
		}
		i += n
	}
	return -1, ""
}

// rowParser parses the rows of one block.
type rowParser struct {
	csv     csvParser
	columns int
	header  bool // row 0 is a header
	json    map[string]int
	fields  [][]byte
	masks   []uint64
}

func (b *Batch) parser() *rowParser {
	p := &rowParser{csv: csvParser{delim: b.delim}, columns: len(b.Columns), header: !b.json}
	if b.json {
		p.json = make(map[string]int, len(b.Columns))
		for i, c := range b.Columns {
			p.json[c.Name] = i
		}
	}
	return p
}

// rows calls row for each row of the block that is not blank and returns how many there were.
func (p *rowParser) rows(blk block, row func(int64, [][]byte) error) (int64, error) {
	buf := blk.buf[:blk.n]
	if p.json == nil {
		var plain bool
		if p.masks, plain = separators.Mark(p.masks, buf, p.csv.delim); plain {
			return p.markedRows(buf, blk.first, row)
		}
	}
	if at, what := badBytes(buf, false); at >= 0 {
		return 0, fmt.Errorf("%w: row %d: %s", ErrInput, blk.first+int64(bytes.Count(buf[:at], []byte{'\n'})), what)
	}
	if p.json == nil && bytes.IndexByte(buf, '"') < 0 {
		return p.plainRows(buf, blk.first, row)
	}
	return p.anyRows(buf, blk.first, row)
}

// anyRows is rows for CSV with quotes and for JSON lines.
func (p *rowParser) anyRows(buf []byte, number int64, row func(int64, [][]byte) error) (int64, error) {
	count := int64(0)
	for len(buf) > 0 {
		line, n, err := p.csv.line(buf, p.json != nil)
		if err != nil {
			return count, fmt.Errorf("%w: row %d: %w", ErrInput, number, err)
		}
		buf = buf[n:]
		if len(line) > 0 && (number > 0 || !p.header) {
			if p.json != nil {
				p.fields, err = jsonRow(line, p.json, p.fields)
			} else {
				p.fields, err = p.csv.split(line, p.fields[:0])
				if err == nil && len(p.fields) != p.columns {
					err = fmt.Errorf("%d fields where the header has %d", len(p.fields), p.columns)
				}
			}
			if err != nil {
				return count, fmt.Errorf("%w: row %d: %w", ErrInput, number, err)
			}
			if err := row(number, p.fields); err != nil {
				return count, err
			}
			count++
		}
		number++
	}
	return count, nil
}

// markedRows is rows for CSV in ASCII in which nothing is quoted, as most is, with the separators marked in the masks.
// Where a row has not as many fields as it should, plainRows goes on, and says so.
func (p *rowParser) markedRows(buf []byte, number int64, row func(int64, [][]byte) error) (int64, error) {
	if cap(p.fields) < p.columns {
		p.fields = make([][]byte, p.columns)
	}
	fields := p.fields[:p.columns]
	count, begin, start, have := int64(0), 0, 0, 0 // the row begins at begin and its present field at start
	for w, mask := range p.masks {
		for ; mask != 0; mask &= mask - 1 {
			i := w*64 + bits.TrailingZeros64(mask)
			if buf[i] != '\n' {
				if have < len(fields) {
					fields[have] = buf[start:i]
				}
				have++
				start = i + 1
				continue
			}
			end := i
			if end > begin && buf[end-1] == '\r' {
				end--
			}
			if end > begin && (number > 0 || !p.header) {
				if have != len(fields)-1 {
					n, err := p.plainRows(buf[begin:], number, row)
					return count + n, err
				}
				fields[have] = buf[start:end]
				if err := row(number, fields); err != nil {
					return count, err
				}
				count++
			}
			begin, start, have = i+1, i+1, 0
			number++
		}
	}
	n, err := p.plainRows(buf[begin:], number, row) // a last row without an end
	return count + n, err
}

// plainRows is rows for CSV in which nothing is quoted.
func (p *rowParser) plainRows(buf []byte, number int64, row func(int64, [][]byte) error) (int64, error) {
	count := int64(0)
	if cap(p.fields) < p.columns {
		p.fields = make([][]byte, p.columns)
	}
	fields := p.fields[:p.columns]
	for ; len(buf) > 0; number++ {
		line := buf
		if i := bytes.IndexByte(buf, '\n'); i >= 0 {
			line, buf = buf[:i], buf[i+1:]
		} else {
			buf = nil
		}
		if n := len(line); n > 0 && line[n-1] == '\r' {
			line = line[:n-1]
		}
		if len(line) == 0 || number == 0 && p.header {
			continue
		}
		have := 0
		for ; have < len(fields)-1; have++ {
			i := bytes.IndexByte(line, p.csv.delim)
			if i < 0 {
				break
			}
			fields[have] = line[:i]
			line = line[i+1:]
		}
		if have < len(fields)-1 || bytes.IndexByte(line, p.csv.delim) >= 0 {
			have += bytes.Count(line, []byte{p.csv.delim}) + 1
			return count, fmt.Errorf("%w: row %d: %d fields where the header has %d", ErrInput, number, have, p.columns)
		}
		fields[have] = line
		if err := row(number, fields); err != nil {
			return count, err
		}
		count++
	}
	return count, nil
}

// csvParser splits lines of CSV (RFC 4180): a field that begins with a quote ends with one, quotes within are doubled.
type csvParser struct {
	delim byte
	buf   []byte // unescaped fields of the present row
}

var (
	errQuoteOpen  = errors.New("a quoted field does not end: a quote is missing")
	errQuoteAfter = errors.New("text after a closing quote: double the quotes within a field")
	errQuoteBare  = errors.New("a quote within a field that is not quoted: quote the field and double the quotes in it")
)

// line returns the next row without its line end, and how many bytes it takes.
func (p *csvParser) line(buf []byte, jsonLines bool) ([]byte, int, error) {
	end := bytes.IndexByte(buf, '\n')
	n := end + 1
	if end < 0 {
		end, n = len(buf), len(buf)
	}
	if !jsonLines && bytes.IndexByte(buf[:end], '"') >= 0 {
		quoted := false
		end, n = len(buf), len(buf)
		for i, c := range buf {
			if c == '"' {
				quoted = !quoted
			} else if c == '\n' && !quoted {
				end, n = i, i+1
				break
			}
		}
		if quoted {
			return nil, 0, errQuoteOpen
		}
	}
	if end > 0 && buf[end-1] == '\r' {
		end--
	}
	return buf[:end], n, nil
}

// split appends the fields of a line. They point into the line, or into the parser's buffer until the next call.
func (p *csvParser) split(line []byte, fields [][]byte) ([][]byte, error) {
	if bytes.IndexByte(line, '"') < 0 {
		for {
			i := bytes.IndexByte(line, p.delim)
			if i < 0 {
				return append(fields, line), nil
			}
			fields = append(fields, line[:i])
			line = line[i+1:]
		}
	}
	p.buf = append(p.buf[:0], line...) // room for all, so that no later append moves it
	p.buf = p.buf[:0]
	for {
		if len(line) > 0 && line[0] == '"' {
			start := len(p.buf)
			line = line[1:]
			for {
				i := bytes.IndexByte(line, '"')
				if i < 0 {
					return fields, errQuoteOpen
				}
				p.buf = append(p.buf, line[:i]...)
				line = line[i+1:]
				if len(line) == 0 || line[0] != '"' {
					break
				}
				p.buf = append(p.buf, '"')
				line = line[1:]
			}
			fields = append(fields, p.buf[start:len(p.buf):len(p.buf)])
			if len(line) == 0 {
				return fields, nil
			}
			if line[0] != p.delim {
				return fields, errQuoteAfter
			}
			line = line[1:]
			continue
		}
		i := bytes.IndexByte(line, p.delim)
		field := line
		if i >= 0 {
			field = line[:i]
		}
		if bytes.IndexByte(field, '"') >= 0 {
			return fields, errQuoteBare
		}
		fields = append(fields, field)
		if i < 0 {
			return fields, nil
		}
		line = line[i+1:]
	}
}

// jsonColumns collects the names that occur in the whole lines of the head of a JSON-lines batch, in order.
func jsonColumns(head []byte) ([]string, error) {
	var names []string
	seen := map[string]bool{}
	for number := 1; len(head) > 0 && number <= 1000; number++ {
		line, rest, whole := bytes.Cut(head, []byte{'\n'})
		if !whole && len(head) == maxLineBytes {
			return nil, fmt.Errorf("row %d is longer than %d bytes", number, maxLineBytes)
		}
		if line = bytes.TrimSpace(line); len(line) == 0 {
			head = rest
			continue
		}
		if !whole && number > 1 && !json.Valid(line) {
			break // cut off by the bound of the head
		}
		d := json.NewDecoder(bytes.NewReader(line))
		if t, err := d.Token(); err != nil || t != json.Delim('{') {
			return nil, fmt.Errorf("row %d: not a JSON object", number)
		}
		for d.More() {
			t, err := d.Token()
			name, ok := t.(string)
			if err != nil || !ok {
				return nil, fmt.Errorf("row %d: broken JSON", number)
			}
			var v json.RawMessage
			if err := d.Decode(&v); err != nil {
				return nil, fmt.Errorf("row %d: broken JSON", number)
			}
			if !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
			if len(names) > maxColumns {
				return nil, fmt.Errorf("row %d: more than %d names", number, maxColumns)
			}
		}
		head = rest
	}
	return names, nil
}

// jsonRow reads one object of scalars. Names that are absent or null give an empty field.
func jsonRow(line []byte, columns map[string]int, fields [][]byte) ([][]byte, error) {
	if cap(fields) < len(columns) {
		fields = make([][]byte, len(columns))
	}
	fields = fields[:len(columns)]
	for i := range fields {
		fields[i] = nil
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal(line, &m); err != nil {
		return fields, errors.New("not a JSON object on one line")
	}
	for name, v := range m {
		i, ok := columns[name]
		if !ok {
			return fields, fmt.Errorf("the name %q is not among the first rows: give every row the same names", short(name))
		}
		switch v[0] {
		case '"':
			var s string
			if err := json.Unmarshal(v, &s); err != nil {
				return fields, errors.New("broken JSON string")
			}
			fields[i] = []byte(s)
		case '{', '[':
			return fields, fmt.Errorf("the value of %q is not a plain value", short(name))
		case 'n':
		default:
			fields[i] = bytes.Clone(v)
		}
	}
	return fields, nil
}
