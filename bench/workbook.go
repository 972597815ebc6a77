package bench

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/assay-psti/assay/internal/ziplist"
)

// Bounds of a workbook, which is a zip of XML.
const (
	maxMembers    = 512
	maxUnpacked   = 64 << 20 // in all
	maxRatio      = 200      // of one member that is larger than a megabyte
	maxXMLDepth   = 32
	maxCells      = 200_000 // of one sheet
	maxSharedText = 200_000
)

// workbook is an opened workbook: its members by name, its sheets, its texts.
type workbook struct {
	name    string
	members map[string]*zip.File
	left    int64 // bytes that may still be unpacked
	sheets  []bookSheet
	shared  []string
}

type bookSheet struct{ name, path string }

func openWorkbook(name string, data []byte) (*workbook, error) {
	if len(data) > maxSheetBytes {
		return nil, sheetProblem(name, fmt.Sprintf("is larger than %d MiB", maxSheetBytes>>20), "give the form alone")
	}
	z, err := ziplist.Open(bytes.NewReader(data), int64(len(data)), maxMembers)
	if errors.Is(err, ziplist.ErrTooMany) {
		return nil, sheetProblem(name, fmt.Sprintf("holds more than %d members", maxMembers), "give the form alone")
	}
	if err != nil {
		return nil, sheetProblem(name, "is no XLSX workbook", "save it as .xlsx, without a password, or as .csv")
	}
	b := &workbook{name: name, members: map[string]*zip.File{}, left: maxUnpacked}
	for _, f := range z.File {
		key := strings.ToLower(strings.TrimPrefix(f.Name, "/"))
		if b.members[key] != nil {
			return nil, sheetProblem(name, "holds a member twice", "save it anew")
		}
		b.members[key] = f
	}
	if err := b.readSheets(); err != nil {
		return nil, err
	}
	return b, b.readShared()
}

// member unpacks a member; what its header claims is not believed.
func (b *workbook) member(name string) ([]byte, error) {
	f := b.members[strings.ToLower(name)]
	if f == nil {
		return nil, sheetProblem(b.name, "lacks "+name, "save it as .xlsx anew")
	}
	r, err := f.Open()
	if err != nil {
		return nil, sheetProblem(b.name, name+" cannot be unpacked", "save it as .xlsx anew")
	}
	defer r.Close()
	packed := max(int64(f.CompressedSize64), 1) //nolint:gosec // of a file no larger than maxSheetBytes
	limit := min(b.left, max(1<<20, packed*maxRatio))
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if int64(len(data)) > limit {
		return nil, sheetProblem(b.name, name+" unpacks to far more than a form holds", "give the form alone")
	}
	if err != nil {
		return nil, sheetProblem(b.name, name+" cannot be unpacked", "save it as .xlsx anew")
	}
	b.left -= int64(len(data))
	return data, nil
}

// walk goes through the elements of a member. open is told each element that begins,
// with the names of those around it; text the characters that are directly in it.
func (b *workbook) walk(name string, open func(path []string, e xml.StartElement) error, text func(path []string, s string), end func(path []string) error) error {
	data, err := b.member(name)
	if err != nil {
		return err
	}
	bad := func() error {
		return sheetProblem(b.name, name+" is not the XML of a workbook", "save it as .xlsx anew")
	}
	d := xml.NewDecoder(bytes.NewReader(data))
	d.CharsetReader = func(string, io.Reader) (io.Reader, error) { return nil, errors.New("not UTF-8") }
	var at []string
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return bad()
		}
		switch t := token.(type) {
		case xml.Directive: // a document type could define what grows
			return bad()
		case xml.StartElement:
			if at = append(at, t.Name.Local); len(at) > maxXMLDepth {
				return bad()
			}
			if err := open(at, t); err != nil {
				return err
			}
		case xml.CharData:
			if text != nil && len(at) > 0 {
				text(at, string(t))
			}
		case xml.EndElement:
			if len(at) == 0 {
				return bad()
			}
			if end != nil {
				if err := end(at); err != nil {
					return err
				}
			}
			at = at[:len(at)-1]
		}
	}
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func (b *workbook) readSheets() error {
	targets := map[string]string{}
	err := b.walk("xl/_rels/workbook.xml.rels", func(at []string, e xml.StartElement) error {
		if e.Name.Local == "Relationship" && strings.HasSuffix(attribute(e, "Type"), "/worksheet") && attribute(e, "TargetMode") != "External" {
			target := attribute(e, "Target")
			if !strings.HasPrefix(target, "/") {
				target = path.Join("xl", target)
			}
			targets[attribute(e, "Id")] = strings.TrimPrefix(target, "/")
		}
		return nil
	}, nil, nil)
	if err != nil {
		return err
	}
	return b.walk("xl/workbook.xml", func(at []string, e xml.StartElement) error {
		if e.Name.Local != "sheet" {
			return nil
		}
		id := ""
		for _, a := range e.Attr {
			if a.Name.Local == "id" && a.Name.Space != "" {
				id = a.Value
			}
		}
		if targets[id] == "" {
			return nil // a chart, or a sheet of another kind
		}
		if len(b.sheets) == maxSheets {
			return sheetProblem(b.name, fmt.Sprintf("has more than %d sheets", maxSheets), "give the form alone")
		}
		b.sheets = append(b.sheets, bookSheet{attribute(e, "name"), targets[id]})
		return nil
	}, nil, nil)
}

func (b *workbook) readShared() error {
	const name = "xl/sharedstrings.xml"
	if b.members[name] == nil {
		return nil
	}
	var text strings.Builder
	return b.walk(name, func(at []string, e xml.StartElement) error {
		if e.Name.Local == "si" {
			if len(b.shared) >= maxSharedText {
				return sheetProblem(b.name, "holds more texts than a form does", "give the form alone")
			}
			text.Reset()
		}
		return nil
	}, func(at []string, s string) {
		if at[len(at)-1] == "t" && !within(at, "rPh") { // rPh is how a text is pronounced
			text.WriteString(s)
		}
	}, func(at []string) error {
		if at[len(at)-1] == "si" {
			b.shared = append(b.shared, unescapeXML(text.String()))
		}
		return nil
	})
}

func within(at []string, name string) bool {
	for _, s := range at {
		if s == name {
			return true
		}
	}
	return false
}

var cellName = regexp.MustCompile(`^([A-Z]{1,3})([0-9]{1,7})$`)

// rows are the cells of a sheet as texts.
func (b *workbook) rows(where, member string) ([][]string, error) {
	var rows [][]string
	var text strings.Builder
	var kind, name string
	row, column, cells := 0, 0, 0
	tooBig := func() error {
		return sheetProblem(where, fmt.Sprintf("has more than %d rows, %d columns or %d cells", maxRows, maxColumns, maxCells), "give the form alone")
	}
	err := b.walk(member, func(at []string, e xml.StartElement) error {
		switch e.Name.Local {
		case "row":
			row++
			column = 0
			if n := attribute(e, "r"); n != "" {
				var err error
				if row, err = strconv.Atoi(n); err != nil {
					return sheetProblem(where, "has a row without a number", "save it as .xlsx anew")
				}
			}
			if row < 1 || row > maxRows+1 {
				return tooBig()
			}
		case "c":
			column++
			kind, name = attribute(e, "t"), attribute(e, "r")
			text.Reset()
			if m := cellName.FindStringSubmatch(name); m != nil {
				column = 0
				for _, r := range m[1] {
					column = column*26 + int(r-'A') + 1
				}
			}
			if cells++; column > maxColumns || cells > maxCells || row < 1 {
				return tooBig()
			}
		case "f":
			return sheetProblem(where+" cell "+name, "holds a formula, which is not evaluated", "write the text itself")
		}
		return nil
	}, func(at []string, s string) {
		if last := at[len(at)-1]; last == "v" || last == "t" && within(at, "is") && !within(at, "rPh") {
			text.WriteString(s)
		}
	}, func(at []string) error {
		if at[len(at)-1] != "c" {
			return nil
		}
		value := text.String()
		switch kind {
		case "s":
			i, err := strconv.Atoi(value)
			if err != nil || i < 0 || i >= len(b.shared) {
				return sheetProblem(where+" cell "+name, "refers to a text that is not there", "save it as .xlsx anew")
			}
			value = b.shared[i]
		case "inlineStr", "str":
			value = unescapeXML(value)
		case "e":
			return sheetProblem(where+" cell "+name, "holds an error", "write the text itself")
		}
		if value == "" {
			return nil
		}
		for len(rows) < row {
			rows = append(rows, nil)
		}
		for len(rows[row-1]) < column {
			rows[row-1] = append(rows[row-1], "")
		}
		rows[row-1][column-1] = value
		return nil
	})
	return rows, err
}

// escapeXML keeps a text that looks like such a character from being taken for it.
// The library leaves that to its caller.
func escapeXML(s string) string {
	if !strings.Contains(s, "_x") {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if at := escaped.FindStringIndex(s[i:min(i+7, len(s))]); at != nil && at[0] == 0 {
			b.WriteString("_x005F_")
		} else {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

var escaped = regexp.MustCompile(`_x([0-9A-Fa-f]{4})_`)

// unescapeXML undoes how workbooks write characters that XML cannot: _x000A_.
func unescapeXML(s string) string {
	if !strings.Contains(s, "_x") {
		return s
	}
	return escaped.ReplaceAllStringFunc(s, func(m string) string {
		n, err := strconv.ParseUint(m[2:6], 16, 16)
		if err != nil || utf16.IsSurrogate(rune(n)) {
			return m
		}
		return string(rune(n))
	})
}
