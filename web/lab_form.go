package web

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/bench"
	"github.com/assay-psti/assay/internal/ziplist"
	"github.com/assay-psti/assay/laboratory"
	"github.com/assay-psti/assay/law"
	"github.com/assay-psti/assay/register"
	"github.com/assay-psti/assay/report"
)

// Bounds of forms that come as a zip archive of CSV files.
const (
	maxSheetFiles = 64
	maxSheetBytes = 16 << 20 // of one, unpacked
	maxAllSheets  = 48 << 20

	maxProblems = 40 // of the answer form that a page shows
)

func (s *Server) formsPage(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	return s.formsSheet(w, r, v, nil)
}

// formsSheet offers the answer form (ICS) and the extra information for testing (IXIT)
// for filling in, and takes them back.
func (s *Server) formsSheet(w http.ResponseWriter, r *http.Request, v register.Viewer, wrong error) error {
	return s.Tests.Look(r.Context(), string(v.Org), r.PathValue("id"), func(x *laboratory.Visit) error {
		b, err := s.benchView(x, v)
		if err != nil {
			return err
		}
		at := b.At
		ics := []field{
			{Name: "by", Label: "Who answers", Hint: "Name and function at the supplier.", Required: true, Max: 200},
			{Name: "ics", Label: "The filled form", Type: "file", Accept: ".csv,.xlsx", Required: true},
		}
		ixit := []field{{Name: "ixit", Label: "The filled tables", Hint: "A workbook, or CSV files, or the zip file with them. A file of some tables leaves the others alone.", Type: "file", Accept: ".csv,.xlsx,.zip", Multiple: true, Required: true}}
		sign := []field{
			{Name: "signer", Label: "Who stands by it", Hint: "Name and function at the supplier.", Required: true, Max: 200},
			{Name: "sure", Label: "On whose word", Type: "ticks", Options: []option{{Name: "yes", Words: "The supplier has confirmed to us what the tables declare as they stand now"}}},
		}
		sh := sheet{Kicker: b.Test.Title(), Heading: "Forms", Lead: fmt.Sprintf("For TS 103 701 %s and EN 303 645 %s. The supplier fills them in; what tools found stands in columns of its own.", b.Plan.TestSpecification, b.Plan.Edition)}
		code := http.StatusOK
		if wrong != nil {
			if code, err = blame(&sh, plainly(wrong), &ics, &ixit, &sign); err != nil {
				return err
			}
		}
		problems, missing := &table{Caption: "What is wrong with the answer form, or open", Head: []string{"Row", "What"}, Empty: "Nothing is wrong with what it answers."}, 0
		for _, p := range b.Plan.Problems {
			switch {
			case p.Kind == law.RowMissing:
				missing++
			case len(problems.Rows) < maxProblems:
				problems.Rows = append(problems.Rows, []cell{{Text: p.Provision, Href: at + "/step/ics/" + p.Provision}, {Text: strings.TrimSpace(upper(string(p.Kind)) + ". " + p.Text + " " + p.Shown)}})
			default:
				problems.Caption = fmt.Sprintf("What is wrong with the answer form, or open; the first %d", maxProblems)
			}
		}
		answered := plural(int64(len(b.Plan.Rows)-missing), "row is", "rows are") + fmt.Sprintf(" answered of %d.", len(b.Plan.Rows))
		said := "Nobody has filled it in yet."
		if x := b.Plan.IXIT; x != nil && len(x.Tables) > 0 {
			said = "It is a draft: the supplier has not signed what is declared. Nothing passes until then."
			if !x.Draft() {
				said = fmt.Sprintf("Signed by %s on %s. Any change of what is declared makes it a draft again.", x.Signed.By, assay.DateOf(x.Signed.At).Words())
			}
		}
		tables := &table{Caption: "Tables with something in them", Head: []string{"Table", "Declared", "Found and not declared"}, Empty: "None."}
		if b.Plan.IXIT != nil {
			for _, t := range b.Plan.IXIT.Tables {
				var found []string
				declared := 0
				for _, e := range t.Entries {
					if e.Declared() {
						declared++
					} else {
						found = append(found, e.ID)
					}
				}
				state := plural(int64(declared), "entry", "entries")
				if t.Empty != "" {
					state = "nothing to list: " + clip(200, t.Empty)
				}
				tables.Rows = append(tables.Rows, []cell{text(fmt.Sprintf("%d %s", t.Number, t.Name)), text(state), text(few(5, found))})
			}
		}
		sh.Sections = []section{
			{ID: "ics", Heading: "Answer form (ICS)", Text: answered, Table: problems, Links: []link{{Href: at + "/forms/ics.xlsx", Words: "Save as XLSX"}, {Href: at + "/forms/ics.csv", Words: "Save as CSV"}}},
			{ID: "ixit", Heading: "Information for testing (IXIT)", Text: said, Table: tables, Links: []link{{Href: at + "/forms/ixit.xlsx", Words: "Save as XLSX"}, {Href: at + "/forms/ixit.zip", Words: "Save as CSV files"}}},
		}
		if b.May {
			sh.Sections[0].Forms = []form{{Action: at + "/ics", Button: "Take the answers in", Files: true, Fields: ics}}
			sh.Sections[1].Forms = []form{{Action: at + "/ixit", Button: "Take the tables in", Files: true, Fields: ixit}}
			sh.Sections = append(sh.Sections,
				section{ID: "prefill", Heading: "What tools found", Text: "Writes what tools observed beside what is declared, for comparison. What is declared stays as it is.", Forms: []form{{Action: at + "/prefill", Button: "Fill in what was found", Second: true}}},
				section{ID: "sign", Heading: "Signed by the supplier", Forms: []form{{Action: at + "/sign", Button: "Record that it is signed", Fields: sign}}})
		}
		sh.Sections = append(sh.Sections, section{Links: []link{{Href: at, Words: "Back to the test"}}})
		return s.sheetPage(w, r, code, sh)
	})
}

// formFile sends a form as it stands.
func (s *Server) formFile(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	return s.Tests.Look(r.Context(), string(v.Org), r.PathValue("id"), func(x *laboratory.Visit) error {
		p, err := x.Plan()
		if err != nil {
			return err
		}
		var b bytes.Buffer
		f := file{Name: testFolder(x.Test) + "-" + r.PathValue("file"), Download: true, Secret: true}
		const book = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
		switch r.PathValue("file") {
		case "ics.csv":
			f.Type, err = "text/csv; charset=utf-8", p.ICSSheet().WriteCSV(&b)
		case "ics.xlsx":
			f.Type, err = book, bench.WriteXLSX(&b, bench.FormNotes(), p.ICSSheet())
		case "ixit.xlsx":
			f.Type, err = book, bench.WriteXLSX(&b, bench.FormNotes(), x.Recorder.Test.IXITSheets(p.IXIT)...)
		case "ixit.zip":
			f.Type, err = "application/zip", zipSheets(&b, x.Recorder.Test.IXITSheets(p.IXIT))
		default:
			return s.nothing(w, r)
		}
		if err != nil {
			return err
		}
		f.Data = b.Bytes()
		return s.send(w, r, f)
	})
}

func zipSheets(out io.Writer, sheets []*bench.Sheet) error {
	z := zip.NewWriter(out)
	for _, sheet := range sheets {
		f, err := z.Create("ixit-" + strings.ReplaceAll(sheet.Name, " ", "-") + ".csv")
		if err != nil {
			return err
		}
		if err := sheet.WriteCSV(f); err != nil {
			return err
		}
	}
	return z.Close()
}

// readSheets reads forms as they are sent: workbooks, CSV files, zip archives of these.
func readSheets(name string, files []upload) ([]*bench.Sheet, error) {
	wrong := func(f upload, err error) error {
		return register.Faults{{Field: name, What: clip(80, f.Name) + ": " + err.Error()}}
	}
	var all []*bench.Sheet
	for _, f := range files {
		if len(f.Data) == 0 {
			continue
		}
		list := []upload{f}
		if strings.EqualFold(path.Ext(f.Name), ".zip") {
			var err error
			if list, err = unzipSheets(f); err != nil {
				return nil, wrong(f, err)
			}
		}
		for _, x := range list {
			sheets, err := bench.ReadSheets(x.Name, x.Data)
			if err != nil {
				return nil, wrong(x, err)
			}
			if all = append(all, sheets...); len(all) > maxSheetFiles {
				return nil, wrong(f, fmt.Errorf("that makes more than %d sheets", maxSheetFiles))
			}
		}
	}
	if len(all) == 0 {
		return nil, register.Faults{{Field: name, What: "no file was chosen", Do: "choose one"}}
	}
	return all, nil
}

// unzipSheets reads the CSV files of an archive. What comes out is counted.
func unzipSheets(f upload) ([]upload, error) {
	z, err := ziplist.Open(bytes.NewReader(f.Data), int64(len(f.Data)), 4*maxSheetFiles)
	if errors.Is(err, ziplist.ErrTooMany) {
		return nil, errors.New("it holds too many files")
	}
	if err != nil {
		return nil, errors.New("it is no zip file that can be read")
	}
	var out []upload
	left := int64(maxAllSheets)
	for _, e := range z.File {
		name := path.Base(strings.ReplaceAll(e.Name, `\`, "/"))
		if !strings.EqualFold(path.Ext(name), ".csv") || strings.HasPrefix(name, ".") {
			continue
		}
		in, err := e.Open()
		if err != nil {
			return nil, errors.New("it is packed in a way that is not read here")
		}
		most := min(left, maxSheetBytes)
		data, err := io.ReadAll(io.LimitReader(in, most+1))
		_ = in.Close()
		switch {
		case err != nil:
			return nil, errors.New("it is damaged")
		case int64(len(data)) > most:
			return nil, errors.New("it unpacks to more than any form is")
		}
		left -= int64(len(data))
		out = append(out, upload{name, data})
	}
	return out, nil
}

// take has a form taken in: what do keeps, and says.
func (s *Server) takeForm(w http.ResponseWriter, r *http.Request, v register.Viewer, what string, do func(*laboratory.Visit) (string, error)) error {
	id := r.PathValue("id")
	by, err := s.tester(r, v)
	if err != nil {
		return err
	}
	if _, err := s.Tests.Test(string(v.Org), id); err != nil {
		return err
	}
	if err := s.Register.NoteTest(r.Context(), v, register.TestForm, id, map[string]any{"what": what}); err != nil {
		return err
	}
	said := ""
	err = s.Tests.Work(r.Context(), string(v.Org), id, by, maxSheetBytes, func(x *laboratory.Visit) (err error) {
		said, err = do(x)
		return err
	})
	if errors.Is(err, assay.ErrInternal) {
		return err
	}
	if err != nil {
		return s.formsSheet(w, r, v, err)
	}
	s.tell(r, said)
	http.Redirect(w, r, atBench(id)+"/forms", http.StatusSeeOther)
	return nil
}

func (s *Server) takeICS(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	in, sheets, err := s.sheetsSent(w, r, "ics")
	if err != nil {
		return s.formFailed(w, r, v, err)
	}
	by := oneLine(in.Get("by"))
	if by == "" || len(by) > 200 {
		return s.formsSheet(w, r, v, register.Faults{{Field: "by", What: "it is not known who answers", Do: "give name and function in one line"}})
	}
	return s.takeForm(w, r, v, "ics", func(x *laboratory.Visit) (string, error) {
		x.Recorder.By = by
		rows, kept, err := x.Recorder.TakeICS(sheets)
		return fmt.Sprintf("Read %s, kept %s.", plural(int64(rows), "row", "rows"), plural(int64(kept), "new answer", "new answers")), err
	})
}

func (s *Server) takeIXIT(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	_, sheets, err := s.sheetsSent(w, r, "ixit")
	if err != nil {
		return s.formFailed(w, r, v, err)
	}
	return s.takeForm(w, r, v, "ixit", func(x *laboratory.Visit) (string, error) {
		now, tables, entries, err := x.Recorder.TakeIXIT(sheets)
		said := fmt.Sprintf("Read %s with %s.", plural(int64(tables), "table", "tables"), plural(int64(entries), "declared entry", "declared entries"))
		if err == nil && now.Draft() {
			said += " It is a draft until the supplier signs it."
		}
		return said, err
	})
}

// formFailed shows the page of the forms with what was wrong with one; what is no fault
// of a form it gives back.
func (s *Server) formFailed(w http.ResponseWriter, r *http.Request, v register.Viewer, err error) error {
	var faults register.Faults
	if !errors.As(err, &faults) {
		return err
	}
	return s.formsSheet(w, r, v, err)
}

func (s *Server) sheetsSent(w http.ResponseWriter, r *http.Request, name string) (*sent, []*bench.Sheet, error) {
	release, err := s.benchSlot(w)
	if err != nil {
		return nil, nil, err
	}
	defer release()
	in, err := s.parts(w, r)
	if err != nil {
		return nil, nil, err
	}
	sheets, err := readSheets(name, in.files[name])
	return in, sheets, err
}

func (s *Server) prefillIXIT(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	return s.takeForm(w, r, v, "prefill", func(x *laboratory.Visit) (string, error) {
		n, err := x.Recorder.PrefillIXIT()
		return "Wrote " + plural(int64(n), "field", "fields") + " of what was found. What is declared is as it was.", err
	})
}

func (s *Server) signIXIT(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	by := oneLine(r.PostFormValue("signer"))
	switch {
	case by == "" || len(by) > 200:
		return s.formsSheet(w, r, v, register.Faults{{Field: "signer", What: "nobody is named", Do: "give name and function in one line"}})
	case r.PostFormValue("sure") != "yes":
		return s.formsSheet(w, r, v, register.Faults{{Field: "sure", What: "this was not ticked", Do: "tick it when the supplier has confirmed it"}})
	}
	return s.takeForm(w, r, v, "signed", func(x *laboratory.Visit) (string, error) {
		signed, err := x.Recorder.SignIXIT(by)
		if err != nil {
			return "", err
		}
		return "Signed by " + signed.By + ".", nil
	})
}

// reportView is what a test comes to, and what follows.
type reportView struct {
	benchView
	Because, Limits []string
	Counts          []figure
	Command         string
	Folder          string
	Assess          bool // an assessment may be attached
}

// testReportPage shows what a test comes to, and how it is handed on. The server holds no
// private key: an assessment is signed where the laboratory keeps its own.
func (s *Server) testReportPage(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	return s.Tests.Look(r.Context(), string(v.Org), r.PathValue("id"), func(x *laboratory.Visit) error {
		b, err := s.benchView(x, v)
		if err != nil {
			return err
		}
		doc := b.Plan.Report(x.Recorder.Dossier, x.Test.Changed)
		view := &reportView{benchView: b, Because: doc.Because, Limits: doc.Limits, Folder: testFolder(x.Test), Assess: v.May(register.AttachVerdict)}
		view.Heading = "Test report"
		entry, version := "ID", "N"
		if x.Test.Entry != "" {
			entry, version = x.Test.Entry, fmt.Sprint(x.Test.Version)
		}
		view.Command = fmt.Sprintf("assay bench assess %s --product %s --version %s --key laboratory.key", view.Folder, entry, version)
		return s.benchPage(w, r, http.StatusOK, "lab-report", &view.sheet, view)
	})
}

// testReportFile sends the test report in the form that its name asks for. Its moment is
// that of the last change, so that the same state gives the same report.
func (s *Server) testReportFile(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	name := r.PathValue("file")
	release, err := s.benchSlot(w) // its photographs are held in memory
	if err != nil {
		return err
	}
	defer release()
	var f file
	err = s.Tests.Look(r.Context(), string(v.Org), r.PathValue("id"), func(x *laboratory.Visit) error {
		p, err := x.Plan()
		if err != nil {
			return err
		}
		doc := p.Report(x.Recorder.Dossier, x.Test.Changed)
		if err := x.ShowPhotos(r.Context(), doc); err != nil {
			return err
		}
		f = file{Name: testFolder(x.Test) + "-" + name, Changed: x.Test.Changed, Secret: true}
		var b bytes.Buffer
		switch name {
		case "report.html", "report.pdf":
			f.Type, err = "text/html; charset=utf-8", report.BenchHTML(&b, doc)
			if err == nil {
				f.Policy, err = stylePolicy(b.Bytes())
				f.Policy += "; img-src data:" // its photographs, which are drawn here
			}
		case "report.txt":
			f.Type, err = "text/plain; charset=utf-8", report.BenchText(&b, doc)
		case "report.xlsx":
			f.Type, f.Download, err = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", true, doc.WriteXLSX(&b)
		case "report.json":
			f.Type, f.Download = "application/json", true
			enc := json.NewEncoder(&b)
			enc.SetIndent("", "  ")
			err = enc.Encode(doc)
		default:
			return &assay.Problem{Kind: assay.ErrNotFound, What: "the report has no such form", Do: "choose one on its page"}
		}
		f.Data = b.Bytes()
		return err
	})
	if err != nil {
		return err
	}
	if name == "report.pdf" {
		pdf, err := s.print.pdf(r.Context(), f.Data)
		switch {
		case errors.Is(err, assay.ErrNotFound):
			return &assay.Problem{Kind: assay.ErrUnsupported, What: "This server makes no PDF files: it has no browser to print with", Do: "Open the report as a page and print it: it is made to print well."}
		case err != nil:
			return err
		}
		f.Type, f.Data, f.Policy, f.Download = "application/pdf", pdf, "", true
	}
	return s.send(w, r, f)
}
