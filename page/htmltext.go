package page

import (
	"encoding/json"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// text takes one run of text as it stands in the source.
func (r *htmlReader) text(raw []byte) {
	f := r.top()
	if f.skip {
		switch {
		case r.inTitle && f.tag == atom.Title && len(r.title) < 4096:
			r.title = append(r.title, raw...)
		case f.tag == atom.Script:
			r.scriptLen += len(raw)
			if r.ldjson && len(raw) < 1<<20 {
				r.d.linkedData(raw)
			}
		}
		return
	}
	for i := 0; i < len(raw); {
		switch c := raw[i]; {
		case c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f':
			if f.pre && c == '\n' && r.from >= 0 {
				r.sep = "\n"
			}
			r.space = true
			i++
		case c == '&':
			j := entityEnd(raw, i)
			s := html.UnescapeString(string(raw[i:j]))
			switch s {
			case "\u00a0", " ", "\n", "\t", "\u2002", "\u2003", "\u2009", "\u202f":
				r.space = true
			case "\u00ad", "\u200b", "\ufeff", "\u2060":
			default:
				r.emit([]byte(strings.ToValidUTF8(s, "\ufffd")), r.src+i, f)
			}
			i = j
		case c == 0xC2 && i+1 < len(raw) && raw[i+1] == 0xA0:
			r.space = true
			i += 2
		case c == 0xC2 && i+1 < len(raw) && raw[i+1] == 0xAD:
			i += 2
		case c == 0xE2 && i+2 < len(raw) && raw[i+1] == 0x80 && (raw[i+2] == 0x8B || raw[i+2] == 0xAF):
			r.space = r.space || raw[i+2] == 0xAF
			i += 3
		default:
			j := i + 1
			for j < len(raw) && raw[j] > ' ' && raw[j] != '&' && raw[j] != 0xC2 && raw[j] != 0xE2 {
				j++
			}
			// A single space between words is kept as it stands, so that most text is copied in long runs.
			for j+1 < len(raw) && raw[j] == ' ' && plainByte(raw[j+1]) {
				for j++; j < len(raw) && plainByte(raw[j]); j++ {
				}
			}
			r.emit(raw[i:j], r.src+i, f)
			i = j
		}
	}
}

func plainByte(c byte) bool { return c > ' ' && c != '&' && c != 0xC2 && c != 0xE2 }

// entityEnd returns where the character reference at i ends.
func entityEnd(raw []byte, i int) int {
	j := i + 1
	for j < len(raw) && j < i+34 {
		c := raw[j]
		switch {
		case c == ';':
			return j + 1
		case c == '#' && j == i+1, c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
			j++
		default:
			return j
		}
	}
	return j
}

// emit appends text that stands at src in the source.
func (r *htmlReader) emit(b []byte, src int, f frame) {
	if len(b) == 0 {
		return
	}
	if len(r.out) > 0 && r.sep != "" {
		r.piece(src)
		r.out = append(r.out, r.sep...)
	} else if r.space && r.from >= 0 {
		r.piece(src - 1)
		r.out = append(r.out, ' ')
	}
	r.sep, r.space = "", false
	r.piece(src)
	at := len(r.out)
	if r.from < 0 {
		r.from = at
	}
	for _, l := range r.links {
		r.d.Links[l].From = at
	}
	r.links = r.links[:0]
	if n := len(r.tables); n > 0 && r.tables[n-1].inCell {
		t := r.tables[n-1]
		if t.cell.From < 0 {
			t.cell.From = at
		}
		if t.rowAt < 0 {
			t.rowAt = at
		}
	}
	r.out = append(r.out, b...)
}

func (r *htmlReader) piece(src int) {
	if d := src - len(r.out); d != r.delta {
		r.delta = d
		r.d.spans = append(r.d.spans, pieceAt{len(r.out), src})
	}
}

// endBlock closes the block being read, if it has text.
func (r *htmlReader) endBlock(sep string) {
	r.space = false
	if r.from < 0 {
		return
	}
	f := r.top()
	b := Block{Span: Span{r.from, len(r.out)}, Kind: f.kind, Level: f.level, Hidden: f.hidden, lines: !f.pre || f.kind == Row}
	r.from = -1
	r.sep = sep
	if n := len(r.tables); f.tag == atom.Caption && n > 0 {
		r.tables[n-1].table.Caption = b.Span
	}
	r.add(b)
}

// add puts a block where it belongs: into the open row or into the document.
func (r *htmlReader) add(b Block) {
	for i := len(r.tables) - 1; i >= 0; i-- {
		if t := r.tables[i]; t.inRow {
			t.inner = append(t.inner, b)
			t.layout = t.layout || b.Kind == Heading && b.Level < 5
			return
		}
	}
	r.d.Blocks = append(r.d.Blocks, b)
}

func (r *htmlReader) beginTable() {
	if n := len(r.tables); n > 0 {
		r.tables[n-1].layout = true
	}
	r.tables = append(r.tables, &tableReader{at: len(r.stack), rowAt: -1, table: Table{Span: Span{len(r.out), len(r.out)}, Hidden: r.top().hidden}})
}

func (r *htmlReader) tablePart(tag atom.Atom, a attrs, f *frame) {
	if len(r.tables) == 0 {
		return
	}
	t := r.tables[len(r.tables)-1]
	if tag == atom.Tr {
		r.endRow()
		t.inRow, t.rowHid = true, f.hidden
		return
	}
	if !t.inRow {
		t.inRow, t.rowHid = true, f.hidden
	}
	r.endCell()
	r.fill(t, false)
	if len(t.row) > 0 && t.rowAt >= 0 {
		r.sep = " | "
	}
	t.inCell, t.span, t.down = true, a.colspan, a.rowspan
	t.cell = Cell{Span: Span{-1, -1}, Header: tag == atom.Th}
}

// fill puts cells that reach down from rows above into the open row, up to the next free column (or to the end).
func (r *htmlReader) fill(t *tableReader, rest bool) {
	for len(t.row) < len(t.carry) && r.cells < r.limits.MaxTable {
		c := &t.carry[len(t.row)]
		if c.left == 0 {
			if !rest {
				return
			}
			break
		}
		c.left--
		r.cells++
		t.row = append(t.row, c.cell)
	}
}

func (r *htmlReader) endCell() {
	if len(r.tables) == 0 {
		return
	}
	t := r.tables[len(r.tables)-1]
	if !t.inCell {
		return
	}
	r.endBlock("\n")
	t.inCell = false
	if t.cell.From < 0 {
		t.cell.From, t.cell.To = len(r.out), len(r.out)
	} else {
		t.cell.To = len(r.out)
	}
	for range t.span {
		if len(t.row) >= maxColumns {
			return
		}
		if r.cells >= r.limits.MaxTable {
			r.d.condition(Truncated, Span{}, fmt.Sprintf("the tables have more than %d cells: the rest was read as text only", r.limits.MaxTable))
			return
		}
		r.cells++
		t.row = append(t.row, t.cell)
		for len(t.carry) < len(t.row) {
			t.carry = append(t.carry, carried{})
		}
		t.carry[len(t.row)-1] = carried{t.cell, t.down - 1}
	}
}

func (r *htmlReader) endRow() {
	if len(r.tables) == 0 {
		return
	}
	t := r.tables[len(r.tables)-1]
	if !t.inRow {
		return
	}
	r.endCell()
	r.fill(t, true)
	t.inRow = false
	inner, layout, from := t.inner, t.layout, t.rowAt
	t.inner, t.layout, t.rowAt = nil, false, -1
	if len(t.row) > 0 && len(t.table.Rows) < r.limits.MaxTable {
		t.table.Rows = append(t.table.Rows, t.row)
	}
	t.row = nil
	r.sep = "\n"
	if len(inner) == 0 {
		return
	}
	if from < 0 {
		from = inner[0].From
	}
	if row := (Span{from, len(r.out)}); !layout && row.To-row.From <= 2500 && len(t.table.Rows) > 0 && len(t.table.Rows[len(t.table.Rows)-1]) > 1 {
		r.add(Block{Span: row, Kind: Row, Hidden: t.rowHid, lines: true})
		return
	}
	for _, b := range inner {
		r.add(b)
	}
}

func (r *htmlReader) endTable() {
	r.endRow()
	n := len(r.tables) - 1
	if n < 0 {
		return
	}
	t := r.tables[n]
	r.tables = r.tables[:n]
	t.table.To = len(r.out)
	t.table.From = min(t.table.From, t.table.To)
	if len(t.table.Rows) > 0 {
		r.d.Tables = append(r.d.Tables, t.table)
	}
	r.sep = "\n"
}

// linkedData keeps the values of one JSON-LD script as dotted paths.
func (d *Document) linkedData(raw []byte) {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return
	}
	var walk func(path string, v any, depth int)
	walk = func(path string, v any, depth int) {
		if depth > 20 || len(d.Data) >= 2000 || len(path) > 400 {
			return
		}
		switch v := v.(type) {
		case map[string]any:
			if t, ok := v["@type"].(string); ok && path == "" {
				path = t
			}
			keys := make([]string, 0, len(v))
			for k := range v {
				keys = append(keys, k)
			}
			sort.Strings(keys)
			for _, k := range keys {
				walk(strings.TrimPrefix(path+"."+k, "."), v[k], depth+1)
			}
		case []any:
			for _, e := range v {
				walk(path, e, depth+1)
			}
		case string:
			d.Data = append(d.Data, Datum{path, v})
		case float64:
			d.Data = append(d.Data, Datum{path, strconv.FormatFloat(v, 'g', -1, 64)})
		case bool:
			d.Data = append(d.Data, Datum{path, strconv.FormatBool(v)})
		}
	}
	walk("", v, 0)
}
