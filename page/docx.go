package page

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// docxDepth bounds the nesting of elements in a Word file; real ones stay below fifty.
const docxDepth = 512

// readDOCX reads the text of a Word file: its body, footnotes and links. Headers, comments, text that was deleted under
// track changes, and text marked as hidden are left out. Only the parts it needs are unpacked, up to a bound.
func readDOCX(ctx context.Context, d *Document, data []byte, limits Limits) error {
	zr, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return fmt.Errorf("%w: not a readable ZIP archive: %w", ErrUnsupported, err)
	}
	if len(zr.File) > 20_000 {
		return fmt.Errorf("%w: the archive has more than 20000 entries", ErrUnsupported)
	}
	parts := map[string]*zip.File{}
	for _, f := range zr.File {
		if _, ok := parts[f.Name]; !ok {
			parts[f.Name] = f
		}
	}
	main := parts["word/document.xml"]
	if main == nil {
		return fmt.Errorf("%w: the archive holds no word/document.xml", ErrUnsupported)
	}
	left := int64(limits.MaxUnzip)
	open := func(f *zip.File) (io.ReadCloser, error) {
		rc, err := f.Open()
		if err != nil {
			return nil, err
		}
		return struct {
			io.Reader
			io.Closer
		}{&bounded{r: rc, left: &left}, rc}, nil
	}
	r := &docxReader{d: d, limits: limits, rels: map[string]string{}, styles: map[string]int{}}
	for _, side := range []struct {
		name string
		read func(*xml.Decoder) error
	}{{"word/_rels/document.xml.rels", r.readRels}, {"word/styles.xml", r.readStyles}} {
		if f := parts[side.name]; f != nil {
			if rc, err := open(f); err == nil {
				_ = side.read(xml.NewDecoder(rc)) // without them only links and heading levels are lost
				rc.Close()
			}
		}
	}
	for _, f := range []*zip.File{main, parts["word/footnotes.xml"]} {
		if f == nil {
			continue
		}
		rc, err := open(f)
		if err != nil {
			return fmt.Errorf("open %s: %w", f.Name, err)
		}
		err = r.read(ctx, xml.NewDecoder(rc))
		rc.Close()
		if errors.Is(err, errUnzip) {
			d.condition(Truncated, Span{}, fmt.Sprintf("the file unpacks to more than %d bytes: it was read up to there", limits.MaxUnzip))
		} else if err != nil && ctx.Err() != nil {
			return ctx.Err()
		} else if err != nil {
			d.condition(Truncated, Span{}, "the file is damaged: it was read up to the damage")
		}
		r.endParagraph()
	}
	d.Text = r.out.String()
	d.Encoding = "utf-8"
	for i := range d.Links {
		d.Links[i].To = min(d.Links[i].To, len(d.Text))
	}
	return nil
}

var errUnzip = errors.New("unpacks to more than is read")

// bounded reads at most *left bytes over all readers that share it.
type bounded struct {
	r    io.Reader
	left *int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if *b.left <= 0 {
		return 0, errUnzip
	}
	if int64(len(p)) > *b.left {
		p = p[:*b.left]
	}
	n, err := b.r.Read(p)
	*b.left -= int64(n)
	return n, err
}

type docxReader struct {
	d      *Document
	limits Limits
	rels   map[string]string
	styles map[string]int // heading level by style

	out    strings.Builder
	sep    string
	from   int
	has    bool
	kind   BlockKind
	level  int
	hidden bool
	tables []*docxTable
	link   int
	cells  int
}

type docxTable struct {
	table Table
	row   []Cell
	cell  Cell
	inRow bool
	inner []Block
	rowAt int
}

func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func (r *docxReader) readRels(x *xml.Decoder) error {
	for n := 0; n < 50_000; n++ {
		t, err := x.Token()
		if err != nil {
			return err
		}
		if e, ok := t.(xml.StartElement); ok && e.Name.Local == "Relationship" && attr(e, "TargetMode") == "External" {
			r.rels[attr(e, "Id")] = attr(e, "Target")
		}
	}
	return nil
}

func (r *docxReader) readStyles(x *xml.Decoder) error {
	id := ""
	for n := 0; n < 500_000; n++ {
		t, err := x.Token()
		if err != nil {
			return err
		}
		e, ok := t.(xml.StartElement)
		if !ok {
			continue
		}
		switch e.Name.Local {
		case "style":
			id = attr(e, "styleId")
		case "name":
			r.style(id, attr(e, "val"))
		case "outlineLvl":
			if v := attr(e, "val"); len(v) == 1 && v[0] >= '0' && v[0] <= '5' && len(r.styles) < 10_000 {
				r.styles[id] = int(v[0]-'0') + 1
			}
		}
	}
	return nil
}

func (r *docxReader) style(id, name string) {
	name = strings.ToLower(name)
	if len(r.styles) >= 10_000 {
		return
	}
	if n, ok := strings.CutPrefix(name, "heading "); ok && len(n) == 1 && n[0] >= '1' && n[0] <= '6' {
		r.styles[id] = int(n[0] - '0')
	} else if name == "title" {
		r.styles[id] = 1
	}
}

// read walks the tokens of one part.
func (r *docxReader) read(ctx context.Context, x *xml.Decoder) error {
	x.Strict = false
	depth, skip := 0, 0
	inText := false
	for n := 0; ; n++ {
		if n&0xfff == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		t, err := x.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.StartElement:
			if depth++; depth > docxDepth {
				return errors.New("nested too deeply")
			}
			name := t.Name.Local
			if skip > 0 || name == "del" || name == "instrText" || name == "delText" || name == "Fallback" || name == "moveFrom" {
				skip++
				continue
			}
			inText = name == "t"
			r.start(name, t)
		case xml.EndElement:
			depth--
			if skip > 0 {
				skip--
				continue
			}
			inText = false
			r.end(t.Name.Local)
		case xml.CharData:
			if skip == 0 && inText && !r.hidden {
				r.text(string(t))
			}
		}
	}
}

func (r *docxReader) text(s string) {
	s = strings.ToValidUTF8(strings.ReplaceAll(s, "\u00a0", " "), "\ufffd")
	if !r.has {
		s = strings.TrimLeft(s, " \t\r\n")
	}
	if s == "" {
		return
	}
	if !r.has {
		if r.out.Len() > 0 {
			r.out.WriteString(r.sep)
		}
		r.sep, r.from, r.has = "", r.out.Len(), true
		if n := len(r.tables); n > 0 && r.tables[n-1].inRow {
			t := r.tables[n-1]
			if t.rowAt < 0 {
				t.rowAt = r.from
			}
			if t.cell.From < 0 {
				t.cell.From = r.from
			}
		}
	}
	if r.link > 0 && r.d.Links[r.link-1].From < 0 {
		r.d.Links[r.link-1].From = r.out.Len()
	}
	r.out.WriteString(s)
}

func (r *docxReader) start(name string, e xml.StartElement) {
	switch name {
	case "p":
		r.endParagraph()
		r.kind, r.level, r.hidden = Paragraph, 0, false
	case "pStyle":
		if l := r.styles[attr(e, "val")]; l > 0 {
			r.kind, r.level = Heading, l
		}
	case "outlineLvl":
		if v := attr(e, "val"); len(v) == 1 && v[0] >= '0' && v[0] <= '5' {
			r.kind, r.level = Heading, int(v[0]-'0')+1
		}
	case "numPr":
		if r.kind == Paragraph {
			r.kind = Item
		}
	case "r":
		r.hidden = false
	case "vanish":
		r.hidden = attr(e, "val") != "0" && attr(e, "val") != "false"
	case "tab":
		r.text(" ")
	case "br", "cr":
		if r.has {
			r.text("\n")
		}
	case "noBreakHyphen":
		r.text("-")
	case "hyperlink":
		if target := r.rels[attr(e, "id")]; target != "" && len(r.d.Links) < r.limits.MaxLinks {
			r.d.Links = append(r.d.Links, Link{Span: Span{-1, 0}, Target: target, Mail: mailOf(target)})
			r.link = len(r.d.Links)
		}
	case "tbl":
		r.endParagraph()
		r.tables = append(r.tables, &docxTable{table: Table{Span: Span{r.out.Len(), 0}}, rowAt: -1})
		if len(r.tables) > 32 {
			r.tables = r.tables[:32]
		}
	case "tr":
		if t := r.table(); t != nil {
			t.inRow, t.row, t.rowAt, t.inner = true, nil, -1, nil
		}
	case "tc":
		if t := r.table(); t != nil {
			if t.rowAt >= 0 {
				r.sep = " | "
			}
			t.cell = Cell{Span: Span{-1, -1}}
		}
	}
}

func (r *docxReader) table() *docxTable {
	if len(r.tables) == 0 {
		return nil
	}
	return r.tables[len(r.tables)-1]
}

func (r *docxReader) end(name string) {
	switch name {
	case "p":
		r.endParagraph()
	case "hyperlink":
		if r.link > 0 {
			l := &r.d.Links[r.link-1]
			if l.From < 0 {
				l.From = r.out.Len()
			}
			l.To = r.out.Len()
			r.link = 0
		}
	case "tc":
		r.endParagraph()
		if t := r.table(); t != nil && r.cells < r.limits.MaxTable {
			r.cells++
			if t.cell.From < 0 {
				t.cell.From = r.out.Len()
			}
			t.cell.To = r.out.Len()
			t.row = append(t.row, t.cell)
			t.cell.From = -1
		}
	case "tr":
		if t := r.table(); t != nil && t.inRow {
			t.inRow = false
			r.sep = "\n"
			if len(t.row) > 0 {
				t.table.Rows = append(t.table.Rows, t.row)
			}
			if t.rowAt >= 0 && r.out.Len()-t.rowAt <= 2500 && len(t.row) > 1 {
				r.add(Block{Span: Span{t.rowAt, r.out.Len()}, Kind: Row, lines: true}, len(r.tables)-2)
			} else {
				for _, b := range t.inner {
					r.add(b, len(r.tables)-2)
				}
			}
		}
	case "tbl":
		if t := r.table(); t != nil {
			t.table.To = r.out.Len()
			if len(t.table.Rows) > 0 {
				r.d.Tables = append(r.d.Tables, t.table)
			}
			r.tables = r.tables[:len(r.tables)-1]
			r.sep = "\n"
		}
	}
}

func (r *docxReader) endParagraph() {
	if !r.has {
		return
	}
	r.has = false
	r.sep = "\n"
	text := r.out.String()
	s := trim(text, Span{r.from, len(text)})
	if s.To > s.From {
		r.add(Block{Span: s, Kind: r.kind, Level: r.level, lines: true}, len(r.tables)-1)
	}
}

// add puts a block into the open row of the table at that depth or one further out, else into the document.
func (r *docxReader) add(b Block, depth int) {
	for i := depth; i >= 0; i-- {
		if t := r.tables[i]; t.inRow {
			t.inner = append(t.inner, b)
			return
		}
	}
	r.d.Blocks = append(r.d.Blocks, b)
}
