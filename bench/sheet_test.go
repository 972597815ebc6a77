package bench

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/dossier"
	"github.com/assay-psti/assay/law"
)

// formText draws texts that people put into forms, formulas and all.
func formText() *rapid.Generator[string] {
	special := rapid.SampledFrom([]string{"=1+1", "+cmd", "-", "@SUM(A1)", "'", "''=x", "'=x", "|x", "%x", "_x0041_", "_x005F_", "_x0041_x0042_", "a\nb", "\"q\", r", "N/A", "é ü 字", "x;y", "<&>", "  a"})
	return rapid.Custom(func(t *rapid.T) string {
		s := rapid.OneOf(special, rapid.StringOfN(rapid.RuneFrom([]rune("ab =+-@'\"\n,;_x0é<&")), 0, 20, -1)).Draw(t, "text")
		if s = clean(s); checkText(s) != nil {
			return ""
		}
		return s
	})
}

func TestEscapeIsUndone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "text")
		e := escape(s)
		if e != "" && strings.ContainsRune(dangerous, rune(e[0])) {
			t.Fatalf("%q is written as %q, which begins a formula", s, e)
		}
		if got := unescape(e); got != s {
			t.Fatalf("%q comes back as %q", s, got)
		}
	})
}

// TestIXITRoundTrips writes tables to CSV, XLSX and ixit.yaml and reads them back.
func TestIXITRoundTrips(t *testing.T) {
	var tests []*Test
	for _, edition := range Editions(law.Standard()) {
		test, err := For(law.Standard(), edition)
		if err != nil {
			t.Fatal(err)
		}
		tests = append(tests, test)
	}
	rapid.Check(t, func(r *rapid.T) {
		test := rapid.SampledFrom(tests).Draw(r, "test")
		x := drawIXIT(r, test)
		sheets := test.IXITSheets(x)
		var fromCSV, filled []*Sheet
		for _, s := range sheets {
			var b bytes.Buffer
			if err := s.WriteCSV(&b); err != nil {
				r.Fatal(err)
			}
			back, err := ReadCSV(s.Name, &b)
			if err != nil {
				r.Fatal(err)
			}
			fromCSV = append(fromCSV, back)
			if len(s.Rows) > 0 {
				filled = append(filled, s)
			}
		}
		same(r, test, x, fromCSV, "CSV")
		if len(filled) == 0 {
			return
		}
		var b bytes.Buffer
		if err := WriteXLSX(&b, FormNotes(), filled...); err != nil {
			r.Fatal(err)
		}
		back, err := ReadXLSX("ixit.xlsx", b.Bytes())
		if err != nil {
			r.Fatal(err)
		}
		same(r, test, x, back, "XLSX")
	})
}

func drawIXIT(r *rapid.T, test *Test) *dossier.IXIT {
	x := test.NewIXIT()
	for _, known := range test.Catalogue.IXIT {
		if rapid.IntRange(0, 11).Draw(r, "there") > 0 {
			continue
		}
		table := dossier.IXITTable{Number: known.Number, Name: known.Name}
		n := 1
		if !known.OneEntry {
			n = rapid.IntRange(1, 3).Draw(r, "entries")
		}
		for i := range n {
			e := dossier.IXITEntry{ID: fmt.Sprintf("%s-%d", known.Name, i)}
			if rapid.Bool().Draw(r, "about") {
				e.About = "interface/https"
			}
			for _, f := range known.Fields {
				field := dossier.IXITField{Name: f, Declared: formText().Draw(r, "declared"), Found: formText().Draw(r, "found")}
				if field.Declared != "" || field.Found != "" {
					e.Fields = append(e.Fields, field)
				}
			}
			if len(e.Fields) > 0 {
				table.Entries = append(table.Entries, e)
			}
		}
		if len(table.Entries) == 0 {
			table.Empty = "nothing of the kind"
		}
		x.Tables = append(x.Tables, table)
	}
	return x
}

func same(r *rapid.T, test *Test, want *dossier.IXIT, sheets []*Sheet, how string) {
	got, err := test.ReadIXIT(sheets...)
	if err != nil {
		r.Fatalf("%s: %v", how, err)
	}
	if diff := cmp.Diff(got, want); diff != "" {
		r.Fatalf("%s (-got +want):\n%s", how, diff)
	}
}

// TestICSRoundTrips writes the form and reads it back: it then answers nothing new,
// and on an empty dossier it answers the same.
func TestICSRoundTrips(t *testing.T) {
	for _, edition := range Editions(law.Standard()) {
		m := newMade(t, edition)
		m.answer(t, "5.6-7", "N", "=cmd|'/c calc'!A1")
		m.answer(t, "5.6-8", "N", "-\n@more")
		p := m.plan(t)
		empty := &made{test: m.test, at: day}
		for _, how := range []string{"csv", "xlsx"} {
			rows, err := ReadICS(carried(t, p.ICSSheet(), how))
			if err != nil {
				t.Fatal(err)
			}
			again, err := p.Answers(rows, tester, day)
			if err != nil || len(again) != 0 {
				t.Errorf("%s %s: reading back what was written answers %d rows anew (%v)", edition, how, len(again), err)
			}
			answers, err := empty.plan(t).Answers(rows, tester, day)
			if err != nil {
				t.Fatal(err)
			}
			e := &made{test: m.test, at: day}
			for _, a := range answers {
				e.say(a.Subject, a.Term, a.Value, assay.Declared, a.Note)
			}
			strip := func(rows []Row) (out [][3]string) {
				for _, r := range rows {
					out = append(out, [3]string{r.Provision, r.Support, r.Detail})
				}
				return out
			}
			if diff := cmp.Diff(strip(e.plan(t).Rows), strip(p.Rows)); diff != "" {
				t.Errorf("%s %s (-got +want):\n%s", edition, how, diff)
			}
		}
	}
}

func carried(t *testing.T, s *Sheet, how string) *Sheet {
	t.Helper()
	var b bytes.Buffer
	if how == "csv" {
		if err := s.WriteCSV(&b); err != nil {
			t.Fatal(err)
		}
		back, err := ReadCSV("ics.csv", &b)
		if err != nil {
			t.Fatal(err)
		}
		return back
	}
	if err := WriteXLSX(&b, FormNotes(), s); err != nil {
		t.Fatal(err)
	}
	back, err := ReadXLSX("ics.xlsx", b.Bytes())
	if err != nil || len(back) != 1 {
		t.Fatalf("%d sheets, %v", len(back), err)
	}
	return back[0]
}

// TestWorkbookAsOthersReadIt reads the form with another reader: cells are texts,
// none is or begins a formula, and answers are held to those of the row.
func TestWorkbookAsOthersReadIt(t *testing.T) {
	m := newMade(t, "V2.1.1")
	m.answer(t, "5.6-7", "N", "=1+1")
	p := m.plan(t)
	var b bytes.Buffer
	if err := WriteXLSX(&b, FormNotes(), p.ICSSheet()); err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, want := f.GetSheetList(), []string{"Notes", "ICS"}; !cmp.Equal(got, want) {
		t.Errorf("sheets %v, want %v", got, want)
	}
	rows, err := f.GetRows("ICS")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(rows), 68; got != want {
		t.Fatalf("%d rows, want %d", got, want)
	}
	checks, err := f.GetDataValidations("ICS")
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[string]string{}
	for _, c := range checks {
		allowed[c.Sqref] = c.Formula1
	}
	for i, row := range rows[1:] {
		for k, value := range row {
			name, _ := excelize.CoordinatesToCellName(k+1, i+2)
			if formula, _ := f.GetCellFormula("ICS", name); formula != "" {
				t.Errorf("%s is a formula", name)
			}
			if value != "" && strings.ContainsRune(dangerous, rune(value[0])) {
				t.Errorf("%s holds %q, which begins a formula", name, value)
			}
		}
		cell := fmt.Sprintf("G%d", i+2)
		if got, want := allowed[cell], `"`+strings.Join(p.Rows[i].Answers, ",")+`"`; !strings.Contains(got, strings.Trim(want, `"`)) {
			t.Errorf("row %s allows %s, want %s", p.Rows[i].Provision, got, want)
		}
	}
}

// workbookOf packs members into a zip.
func workbookOf(t testing.TB, members map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range members {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const (
	relsXML = `<Relationships xmlns="r"><Relationship Id="rId1" Type="x/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`
	bookXML = `<workbook xmlns="m" xmlns:r="o"><sheets><sheet name="ICS" sheetId="1" r:id="rId1"/></sheets></workbook>`
)

func sheetWith(t testing.TB, sheet string) []byte {
	return workbookOf(t, map[string]string{"xl/_rels/workbook.xml.rels": relsXML, "xl/workbook.xml": bookXML, "xl/worksheets/sheet1.xml": sheet})
}

func inline(s string) string { return `<c t="inlineStr"><is><t>` + s + `</t></is></c>` }

func TestHostileWorkbooks(t *testing.T) {
	good := `<worksheet><sheetData><row r="1">` + inline("A") + `</row><row r="2"><c t="str"><v>b</v></c><c><v>7</v></c></row></sheetData></worksheet>`
	back, err := ReadXLSX("x.xlsx", sheetWith(t, good))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := back[0].Rows, [][]string{{"b", "7"}}; !cmp.Equal(got, want) {
		t.Errorf("rows %q, want %q", got, want)
	}
	for _, row := range []struct {
		name, says string
		data       []byte
	}{
		{"no-zip", "is no XLSX workbook", []byte("PK but not")},
		{"no-workbook", "lacks xl/_rels/workbook.xml.rels", workbookOf(t, map[string]string{"a": "b"})},
		{"formula", `cell B1: holds a formula`, sheetWith(t, `<worksheet><sheetData><row r="1"><c r="B1"><f>1+1</f><v>2</v></c></row></sheetData></worksheet>`)},
		{"error", "holds an error", sheetWith(t, `<worksheet><sheetData><row r="1"><c r="B1" t="e"><v>#REF!</v></c></row></sheetData></worksheet>`)},
		{"far-row", "has more than", sheetWith(t, `<worksheet><sheetData><row r="1048576">`+inline("A")+`</row></sheetData></worksheet>`)},
		{"row-zero", "has more than", sheetWith(t, `<worksheet><sheetData><row r="-1">`+inline("A")+`</row></sheetData></worksheet>`)},
		{"far-column", "has more than", sheetWith(t, `<worksheet><sheetData><row r="1"><c r="XFD1" t="str"><v>x</v></c></row></sheetData></worksheet>`)},
		{"many-rows", "has more than", sheetWith(t, `<worksheet><sheetData>`+strings.Repeat(`<row>`+inline("A")+`</row>`, maxRows+2)+`</sheetData></worksheet>`)},
		{"cell-without-row", "has more than", sheetWith(t, `<worksheet><sheetData>`+inline("A")+`</sheetData></worksheet>`)},
		{"bad-text", "refers to a text that is not there", sheetWith(t, `<worksheet><sheetData><row r="1"><c t="s"><v>5</v></c></row></sheetData></worksheet>`)},
		{"doctype", "is not the XML of a workbook", sheetWith(t, `<!DOCTYPE x [<!ENTITY a "b">]><worksheet/>`)},
		{"deep", "is not the XML of a workbook", sheetWith(t, strings.Repeat("<a>", 100))},
		{"torn", "is not the XML of a workbook", sheetWith(t, `<worksheet><sheetData><row`)},
		{"bomb", "unpacks to far more", sheetWith(t, `<worksheet>`+strings.Repeat(" ", 30<<20)+`</worksheet>`)},
		{"long-text", "longer than", sheetWith(t, `<worksheet><sheetData><row r="1">`+inline(strings.Repeat("a", maxText+1))+`</row></sheetData></worksheet>`)},
		{"bidi", "no screen can show", sheetWith(t, `<worksheet><sheetData><row r="1">`+inline("a\u202eb")+`</row></sheetData></worksheet>`)},
		{"empty", "holds no sheet", sheetWith(t, `<worksheet/>`)},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := ReadXLSX("x.xlsx", row.data)
			if !errors.Is(err, assay.ErrInvalid) || !strings.Contains(err.Error(), row.says) {
				t.Errorf("error %v, want one that says %q", err, row.says)
			}
		})
	}
}

func TestFormsThatDoNotFit(t *testing.T) {
	m := newMade(t, "V2.1.1")
	p := m.plan(t)
	head := "Test specification,Edition,Provision,Support,Detail\n"
	for _, row := range []struct{ name, text, says string }{
		{"no-header", "", "holds no header"},
		{"missing-column", "Provision,Support\n5.1-1,Y\n", `column "Test specification" is missing`},
		{"unknown-column", "Test specification,Edition,Provision,Support,Detail,Extra\n", `column "Extra" is not known`},
		{"other-version", head + "V2.1.1,V3.1.3,5.1-1,Y,\n", "is of V2.1.1/V3.1.3, not of V1.1.1/V2.1.1"},
		{"unknown-row", head + "V1.1.1,V2.1.1,5.99-1,Y,\n", "ICS row 5.99-1: does not exist"},
		{"no-answer", head + "V1.1.1,V2.1.1,5.1-1,maybe,\n", `"MAYBE" is no answer`},
		{"twice", head + "V1.1.1,V2.1.1,5.1-1,Y,\nV1.1.1,V2.1.1,5.1-1,NA,x\n", "stands twice"},
		{"quote", head + "V1.1.1,\"V2.1.1,5.1-1,Y,\n", "cannot be read as CSV"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, err := ReadCSV("ics.csv", strings.NewReader(row.text))
			var rows []Row
			if err == nil {
				rows, err = ReadICS(s)
			}
			if err == nil {
				_, err = p.Answers(rows, tester, day)
			}
			if err == nil || !strings.Contains(err.Error(), row.says) {
				t.Errorf("error %v, want one that says %q", err, row.says)
			}
		})
	}
	// A spreadsheet where the comma is the decimal sign writes semicolons, and a mark before the text.
	s, err := ReadCSV("ics.csv", strings.NewReader("\ufeffTest specification;Edition;Provision;Support;Detail\nV1.1.1;V2.1.1;5.6-7;n;\"one user, no more\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := ReadICS(s)
	if err != nil {
		t.Fatal(err)
	}
	answers, err := p.Answers(rows, tester, day)
	if err != nil || len(answers) != 2 || answers[0].Value.Text() != "one user, no more" || answers[1].Value.Text() != "N" {
		t.Errorf("answers %v, %v", answers, err)
	}
}

func FuzzReadXLSX(f *testing.F) {
	f.Add(sheetWith(f, `<worksheet><sheetData><row r="1">`+inline("A")+`</row></sheetData></worksheet>`))
	f.Add(sheetWith(f, `<worksheet><sheetData><row r="1"><c r="B1"><f>1+1</f></c></row></sheetData></worksheet>`))
	test, err := For(law.Standard(), "V2.1.1")
	if err != nil {
		f.Fatal(err)
	}
	// A workbook of the library is no seed: it is so large that the engine spends its time on making it smaller.
	f.Fuzz(func(t *testing.T, data []byte) {
		sheets, err := ReadXLSX("x.xlsx", data)
		if err != nil {
			return
		}
		if _, err := test.ReadIXIT(sheets...); err == nil {
			return
		}
		for _, s := range sheets {
			_, _ = ReadICS(s)
		}
	})
}

func FuzzSheetXML(f *testing.F) {
	f.Add(`<worksheet><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c></row></sheetData></worksheet>`)
	f.Add(`<row r="5000"><c r="BL1"><is><t>x</t></is></c></row>`)
	f.Fuzz(func(t *testing.T, text string) {
		sheets, err := ReadXLSX("x.xlsx", sheetWith(t, text))
		if err != nil {
			return
		}
		for _, s := range sheets {
			if len(s.Rows) > maxRows || len(s.Header) > maxColumns {
				t.Errorf("%d rows, %d columns", len(s.Rows), len(s.Header))
			}
		}
	})
}

func FuzzReadCSV(f *testing.F) {
	f.Add([]byte("Test specification,Edition,Provision,Support,Detail\nV1.1.1,V2.1.1,5.1-1,Y,'=1\n"))
	f.Add([]byte("a;b\n\"c;\n"))
	f.Add([]byte("\";\n;0\";")) // a heading with a line end in it
	f.Add([]byte("\n;b\nZc;"))
	f.Add([]byte("\"a;b\"\nx;y"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ReadCSV("x.csv", bytes.NewReader(data))
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := s.WriteCSV(&b); err != nil {
			t.Fatal(err)
		}
		back, err := ReadCSV("x.csv", &b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(back.Rows, s.Rows); diff != "" {
			t.Fatalf("what was read does not come back (-got +want):\n%s", diff)
		}
	})
}
