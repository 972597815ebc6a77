package bench

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/dossier"
)

// Headings of the forms.
const (
	hTest      = "Test specification"
	hEdition   = "Edition"
	hProvision = "Provision"
	hName      = "Name"
	hStatus    = "Status"
	hWhen      = "Applies when"
	hSupport   = "Support"
	hDetail    = "Detail"
	hTable     = "Table"
	hEmpty     = "Nothing to list, because"
	hID        = "ID"
	hAbout     = "About"
	foundMark  = " (found by the laboratory)"
)

// FormNotes are the notes that go with every form.
func FormNotes() []string {
	return []string{
		"Filled in by the supplier organisation, checked by the test laboratory. Every row names the version of ETSI TS 103 701 and the edition of ETSI EN 303 645 that it is for.",
		"A text that would begin like a formula is written with an apostrophe before it, which is taken away again when the form is read. Formulas are never evaluated; a cell that holds one is refused.",
	}
}

// ICSSheet is the answer form as a sheet.
func (p *Plan) ICSSheet() *Sheet {
	s := &Sheet{Name: "ICS", Header: []string{hTest, hEdition, hProvision, hName, hStatus, hWhen, hSupport, hDetail}, widths: []float64{12, 10, 11, 34, 9, 34, 10, 70},
		choices: map[[2]int][]string{}, notes: []string{
			"ICS. Support is Y (met, and may be tested), N (a recommendation that is not met) or N/A (what it applies to is not so). Detail says how it is met, or for N and N/A why; there it must not be empty.",
			"Status: M is mandatory, R recommended; C or F depends on what stands beside it. N is not allowed on M, and N/A only where the row depends on something."}}
	for i, r := range p.Rows {
		s.Rows = append(s.Rows, []string{r.TestSpecification, r.Edition, r.Provision, r.Name, r.Status, r.When, r.Support, r.Detail})
		s.choices[[2]int{i, 6}] = r.Answers
	}
	return s
}

// ReadICS reads rows of the form back. Names and statuses are for the reader only.
func ReadICS(s *Sheet) ([]Row, error) {
	at, err := s.columns([]string{hTest, hEdition, hProvision, hSupport, hDetail}, []string{hName, hStatus, hWhen})
	if err != nil {
		return nil, err
	}
	var rows []Row
	for _, r := range s.Rows {
		rows = append(rows, Row{Versions: Versions{cell(r, at, hTest), cell(r, at, hEdition)}, Provision: cell(r, at, hProvision), Support: cell(r, at, hSupport), Detail: cell(r, at, hDetail)})
	}
	return rows, nil
}

// IXITSheets are the tables of this version as sheets, each with what the IXIT
// holds of it.
func (t *Test) IXITSheets(x *dossier.IXIT) []*Sheet {
	var sheets []*Sheet
	for _, known := range t.Catalogue.IXIT {
		s := &Sheet{Name: fmt.Sprintf("%02d %s", known.Number, known.Name), Header: []string{hTest, hEdition, hTable, hEmpty, hID, hAbout}, widths: []float64{12, 10, 7, 20, 18, 18}}
		for _, f := range known.Fields {
			s.Header = append(s.Header, f, f+foundMark)
			s.widths = append(s.widths, 34, 30)
		}
		note := fmt.Sprintf("Table %d (%s): ", known.Number, known.Name)
		if known.OneEntry {
			note += "one entry. "
		} else {
			note += "one row for each entry, with an ID of its own. "
		}
		if known.Prefill != "" {
			note += "Drafts can be made from " + known.Prefill + ". "
		}
		if known.Note != "" {
			note += known.Note + " "
		}
		if known.Confidence != "read" {
			note += "Field names: " + known.Confidence + "."
		}
		s.notes = []string{strings.TrimSpace(note)}
		lead := []string{t.TestSpecification, t.Edition, strconv.Itoa(known.Number)}
		table := x.Table(known.Number)
		if table != nil && table.Empty != "" {
			s.Rows = append(s.Rows, append(slices.Clone(lead), table.Empty, "", ""))
		}
		if table != nil {
			for _, e := range table.Entries {
				row := append(slices.Clone(lead), "", e.ID, string(e.About))
				for _, name := range known.Fields {
					var f dossier.IXITField
					if i := slices.IndexFunc(e.Fields, func(f dossier.IXITField) bool { return f.Name == name }); i >= 0 {
						f = e.Fields[i]
					}
					row = append(row, f.Declared, f.Found)
				}
				s.Rows = append(s.Rows, row)
			}
		}
		sheets = append(sheets, s)
	}
	sheets[0].notes = append([]string{"IXIT. A column whose heading ends in" + foundMark + " shows what tools saw. It is for comparison only: what is written there is not read back. A table with nothing to list says why in its own column."}, sheets[0].notes...)
	return sheets
}

// ReadIXIT reads tables back from sheets, in any order.
func (t *Test) ReadIXIT(sheets ...*Sheet) (*dossier.IXIT, error) {
	x := t.NewIXIT()
	for _, s := range sheets {
		if err := t.readTable(x, s); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(x.Tables, func(a, b dossier.IXITTable) int { return a.Number - b.Number })
	return x, t.CheckIXIT(x)
}

func (t *Test) readTable(x *dossier.IXIT, s *Sheet) error {
	lead := []string{hTest, hEdition, hTable, hID}
	at := map[string]int{}
	for i, h := range s.Header {
		at[h] = i
	}
	if len(s.Rows) == 0 {
		return nil // an empty table says nothing
	}
	number, err := strconv.Atoi(cell(s.Rows[0], at, hTable))
	known := t.Table(number)
	if err != nil || known == nil {
		return sheetProblem(s.Name, fmt.Sprintf("table %q does not exist in %s", cell(s.Rows[0], at, hTable), t.TestSpecification), "export the form anew and fill that")
	}
	var fields []string
	for _, f := range known.Fields {
		fields = append(fields, f, f+foundMark)
	}
	if at, err = s.columns(lead, append(fields, hEmpty, hAbout)); err != nil {
		return err
	}
	if x.Table(number) != nil {
		return sheetProblem(s.Name, fmt.Sprintf("table %d stands twice", number), "give each table once")
	}
	table := dossier.IXITTable{Number: number, Name: known.Name}
	for i, r := range s.Rows {
		where := fmt.Sprintf("%s, entry %d", s.Name, i+1)
		if v := (Versions{cell(r, at, hTest), cell(r, at, hEdition)}); v != t.Versions {
			return sheetProblem(where, fmt.Sprintf("is of %s, not of %s", v, t.Versions), "import it with the --edition that it was filled for")
		}
		if cell(r, at, hTable) != strconv.Itoa(number) {
			return sheetProblem(where, fmt.Sprintf("is of table %q, not of %d", cell(r, at, hTable), number), "keep tables apart")
		}
		e := dossier.IXITEntry{ID: cell(r, at, hID)}
		for _, name := range known.Fields {
			f := dossier.IXITField{Name: name, Declared: cell(r, at, name), Found: cell(r, at, name+foundMark)}
			if f.Declared != "" || f.Found != "" {
				e.Fields = append(e.Fields, f)
			}
		}
		if about := cell(r, at, hAbout); about != "" {
			if e.About, err = assay.ParseSubject(about); err != nil {
				return sheetProblem(where, fmt.Sprintf("%q is no part of a product", about), "write kind/name, such as interface/https, or nothing")
			}
		}
		if empty := cell(r, at, hEmpty); empty != "" {
			if e.ID != "" || len(e.Fields) > 0 || table.Empty != "" {
				return sheetProblem(where, "says that there is nothing to list, and lists something", "remove one of the two")
			}
			table.Empty = empty
			continue
		}
		switch {
		case e.ID == "" && len(e.Fields) == 0:
			continue
		case e.ID == "" && known.OneEntry:
			e.ID = known.Name
		case e.ID == "":
			return sheetProblem(where, "has no ID", "give each entry an ID of its own")
		}
		if entryOf(&table, e.ID) != nil {
			return sheetProblem(where, fmt.Sprintf("ID %q stands twice", e.ID), "give each entry an ID of its own")
		}
		if len(e.Fields) > 0 {
			table.Entries = append(table.Entries, e)
		}
	}
	if table.Empty != "" && slices.ContainsFunc(table.Entries, func(e dossier.IXITEntry) bool { return e.Declared() }) {
		return sheetProblem(s.Name, "says that there is nothing to list, and lists something", "remove one of the two")
	}
	x.Tables = append(x.Tables, table)
	return nil
}
