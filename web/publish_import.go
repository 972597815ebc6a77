package web

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/assay-psti/assay/register"
)

const shownRows = 200 // of a report on a page; the file has all

func (s *Server) importPage(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	return s.importSheet(w, r, nil)
}

func (s *Server) importSheet(w http.ResponseWriter, r *http.Request, wrong error) error {
	fields := []field{
		{Name: "file", Label: "CSV file", Hint: fmt.Sprintf("One product on each row, at most %d.", register.MaxImportRows), Type: "file", Accept: ".csv,text/csv", Required: true},
		{Name: "statements", Label: "Signed statements", Hint: "The files that the column “statement” names: one by one, or in zip files. Without them the rows become drafts.", Type: "file", Multiple: true, Accept: ".json,.zip"},
		{Name: "how", Label: "How", Type: "ticks", Options: []option{{Name: "publish", Words: "Publish the rows that have a statement; otherwise all become drafts"}, {Name: "file", Words: "Give me the report as a CSV file"}}},
	}
	sh := sheet{Heading: "Import a range", Lead: "A row that is refused does not stand in the way of the others. Sending a file again changes nothing that is there already."}
	code := http.StatusOK
	if wrong != nil {
		var err error
		if code, err = blame(&sh, wrong, &fields); err != nil {
			return err
		}
	}
	sh.Sections = []section{
		{Forms: []form{{Action: "/org/import", Button: "Import", Files: true, Fields: fields}}},
		{Heading: "Columns", Text: strings.Join(register.ImportColumns(), ", ") + ". Name, make and category are wanted. Several models or barcodes stand in one field with | between them.", Links: []link{{Href: "/org/import/template.csv", Words: "Save an empty file with these columns"}}},
	}
	return s.sheetPage(w, r, code, sh)
}

func (s *Server) importTemplate(w http.ResponseWriter, r *http.Request, _ register.Viewer) error {
	attach(w, r, "range.csv", []byte(strings.Join(register.ImportColumns(), ",")+"\r\n"))
	return nil
}

func (s *Server) importRange(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	release, err := s.slot(w)
	if err != nil {
		return hangUp(w, err)
	}
	defer release()
	in, err := s.parts(w, r)
	if err != nil {
		return err
	}
	file := in.file("file")
	if file == nil {
		return s.importSheet(w, r, register.Faults{{Field: "file", What: "no file was chosen", Do: "choose one"}})
	}
	find, err := statements(in.files["statements"])
	if err != nil {
		return s.importSheet(w, r, err)
	}
	how := strings.Join(in.Values["how"], " ")
	publish, asFile := strings.Contains(how, "publish"), strings.Contains(how, "file")
	if publish && !v.May(register.PublishEntry) {
		return s.refusal(v, register.PublishEntry)
	}
	var rows []register.RowReport
	sum, err := s.Register.ImportRange(r.Context(), v, bytes.NewReader(file.Data), register.Import{Publish: publish, Statement: find, Row: func(row register.RowReport) { rows = append(rows, row) }})
	if err != nil && sum.Rows == 0 {
		return s.importSheet(w, r, err)
	}
	if asFile {
		report, err := reportCSV(rows)
		if err != nil {
			return err
		}
		attach(w, r, "report.csv", report)
		return nil
	}
	sh := sheet{Heading: "What became of the rows"}
	code := http.StatusOK
	if err != nil { // the file broke off: what came before it was taken in
		if code, err = blame(&sh, err); err != nil {
			return err
		}
	}
	n := func(n int, words string) figure { return figure{Value: strconv.Itoa(n), Words: words} }
	t := &table{Caption: "Rows", Head: []string{"Line", "Product", "Outcome", "Why"}}
	refused := sum.Refused > shownRows
	for _, row := range rows {
		if len(t.Rows) == shownRows {
			break
		}
		if (refused || len(rows) > shownRows && sum.Refused > 0) && row.Outcome != register.RowRefused {
			continue
		}
		name := cell{Text: row.Name}
		if row.Product != "" {
			name.Href = "/org/products/" + string(row.Product)
		}
		t.Rows = append(t.Rows, []cell{text(strconv.Itoa(row.Line)), name, text(string(row.Outcome)), {List: faultLines(row.Faults)}})
	}
	main := section{Figures: []figure{n(sum.Rows, "rows"), n(sum.Published, "published"), n(sum.Unchanged, "unchanged"), n(sum.Drafts, "drafts"), n(sum.Refused, "refused")}, Table: t}
	if len(t.Rows) < len(rows) {
		main.Text = fmt.Sprintf("%d rows are shown, refused ones first. Import again with the report as a file to see all: nothing is done twice.", len(t.Rows))
	}
	sh.Sections = []section{main, {Links: []link{{Href: "/org/import", Words: "Import another file"}, {Href: "/org", Words: "Overview"}}}}
	return s.sheetPage(w, r, code, sh)
}

func faultLines(faults register.Faults) []string {
	var out []string
	for _, f := range faults {
		line := f.Field + " " + f.What
		if f.Cite != "" {
			line += " (" + string(f.Cite) + ")"
		}
		if f.Do != "" {
			line += "; " + f.Do
		}
		out = append(out, line)
	}
	return out
}

// reportCSV is the report as a file. A field that a spreadsheet would take for a
// formula is kept from being one.
func reportCSV(rows []register.RowReport) ([]byte, error) {
	var b bytes.Buffer
	out := csv.NewWriter(&b)
	_ = out.Write([]string{"line", "name", "outcome", "product", "version", "faults"})
	for _, row := range rows {
		_ = out.Write([]string{strconv.Itoa(row.Line), tame(row.Name), string(row.Outcome), string(row.Product), strconv.Itoa(row.Version), tame(strings.Join(faultLines(row.Faults), " / "))})
	}
	out.Flush()
	return b.Bytes(), out.Error()
}

func tame(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
