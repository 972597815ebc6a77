package bench

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/xuri/excelize/v2"
)

// notesSheet is the name of the sheet that explains the others.
const notesSheet = "Notes"

// WriteXLSX writes sheets as one workbook, with a sheet of notes before them. All
// cells are texts, and none begins a formula. Given the same sheets it writes the same
// cells; the file's own bytes may differ from release to release of the library.
func WriteXLSX(w io.Writer, notes []string, sheets ...*Sheet) (err error) {
	f := excelize.NewFile()
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}()
	if err := f.SetSheetName("Sheet1", notesSheet); err != nil {
		return err
	}
	head, err := f.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}, Alignment: &excelize.Alignment{WrapText: true, Vertical: "top"},
		Border: []excelize.Border{{Type: "bottom", Style: 2, Color: "55524C"}}})
	if err != nil {
		return err
	}
	text, err := f.NewStyle(&excelize.Style{NumFmt: 49, Alignment: &excelize.Alignment{WrapText: true, Vertical: "top"}}) // 49 is text
	if err != nil {
		return err
	}
	for _, s := range sheets {
		notes = append(notes, s.notes...)
	}
	lead := &Sheet{Name: notesSheet, Header: []string{"Notes"}, widths: []float64{110}}
	for _, n := range notes {
		lead.Rows = append(lead.Rows, []string{n})
	}
	for _, s := range append([]*Sheet{lead}, sheets...) {
		if s != lead {
			if _, err := f.NewSheet(s.Name); err != nil {
				return fmt.Errorf("sheet %s: %w", s.Name, err)
			}
		}
		if err := s.fill(f, head, text); err != nil {
			return fmt.Errorf("sheet %s: %w", s.Name, err)
		}
	}
	f.SetActiveSheet(min(1, len(sheets)))
	_, err = f.WriteTo(w)
	return err
}

func (s *Sheet) fill(f *excelize.File, head, text int) error {
	for i := range s.Header {
		column, err := excelize.ColumnNumberToName(i + 1)
		if err != nil {
			return err
		}
		width := 26.0
		if i < len(s.widths) {
			width = s.widths[i]
		}
		if err := f.SetColWidth(s.Name, column, column, width); err != nil {
			return err
		}
		if err := f.SetColStyle(s.Name, column, text); err != nil { // so that what is typed stays a text
			return err
		}
	}
	for r, row := range append([][]string{s.Header}, s.Rows...) {
		for c, value := range row {
			name, err := excelize.CoordinatesToCellName(c+1, r+1)
			if err != nil {
				return err
			}
			if err := f.SetCellStr(s.Name, name, escapeXML(escape(value))); err != nil {
				return err
			}
			style := text
			if r == 0 {
				style = head
			}
			if err := f.SetCellStyle(s.Name, name, name, style); err != nil {
				return err
			}
			if r > 0 && s.choices[[2]int{r - 1, c}] != nil {
				if err := validate(f, s.Name, name, s.choices[[2]int{r - 1, c}]); err != nil {
					return err
				}
			}
		}
	}
	return f.SetPanes(s.Name, &excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"})
}

// validate allows only the given answers in a cell.
func validate(f *excelize.File, sheet, name string, answers []string) error {
	v := excelize.NewDataValidation(true)
	v.SetSqref(name)
	if err := v.SetDropList(answers); err != nil {
		return err
	}
	v.SetError(excelize.DataValidationErrorStyleStop, "Not an answer of this row", "Choose "+strings.Join(answers, " or ")+".")
	return f.AddDataValidation(sheet, v)
}

// ReadXLSX reads the sheets of a workbook, save that of notes, with its own bounded
// reader: nothing is evaluated, and a cell that holds a formula is refused.
func ReadXLSX(name string, data []byte) ([]*Sheet, error) {
	book, err := openWorkbook(name, data)
	if err != nil {
		return nil, err
	}
	var sheets []*Sheet
	for _, b := range book.sheets {
		if b.name == notesSheet {
			continue
		}
		where := name + " sheet " + b.name
		s := &Sheet{Name: where}
		rows, err := book.rows(where, b.path)
		if err != nil {
			return nil, err
		}
		for i, row := range rows {
			if err := s.take(fmt.Sprintf("%s row %d", where, i+1), row); err != nil {
				return nil, err
			}
		}
		if s.Header == nil {
			continue // an empty sheet says nothing
		}
		s.Name = b.name
		sheets = append(sheets, s)
	}
	if len(sheets) == 0 {
		return nil, sheetProblem(name, "holds no sheet with a header", "export the form anew and fill that")
	}
	return slices.Clip(sheets), nil
}
