package web

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/laboratory"
	"github.com/assay-psti/assay/register"
)

// benchRoutes are the pages of the bench: what assay bench does on a terminal, for the
// people of a laboratory. Where there is no folder for tests there are none.
func (s *Server) benchRoutes() []route {
	if s.Tests == nil {
		return nil
	}
	return []route{
		{pattern: "GET /org/bench", needs: register.SeeTests, do: s.benchList},
		{pattern: "GET /org/bench/new", needs: register.RunTests, do: s.newTestPage},
		{pattern: "POST /org/bench/new", needs: register.RunTests, do: s.newTest},
		{pattern: "POST /org/bench/take-in", needs: register.RunTests, limit: dossierLimit, do: s.takeInTest},
		{pattern: "GET /org/bench/{id}", needs: register.SeeTests, do: s.testPage},
		{pattern: "POST /org/bench/{id}/state", needs: register.RunTests, do: s.setTestState},
		{pattern: "GET /org/bench/{id}/delete", needs: register.DeleteTests, do: s.deleteTestPage},
		{pattern: "POST /org/bench/{id}/delete", needs: register.DeleteTests, do: s.deleteTest},
		{pattern: "GET /org/bench/{id}/dossier.zip", needs: register.SeeTests, do: s.takeTest},

		{pattern: "GET /org/bench/{id}/next", needs: register.RunTests, do: s.nextStep},
		{pattern: "GET /org/bench/{id}/group/{group}", needs: register.SeeTests, do: s.groupPage},
		{pattern: "POST /org/bench/{id}/group/{group}", needs: register.RunTests, limit: answerLimit, do: s.coverCase},
		{pattern: "GET /org/bench/{id}/step/{step...}", needs: register.SeeTests, do: s.stepPage},
		{pattern: "POST /org/bench/{id}/step/{step...}", needs: register.RunTests, limit: answerLimit, do: s.answerStep},
		{pattern: "GET /org/bench/{id}/photo/{digest}", needs: register.SeeTests, do: s.testPhoto},
		{pattern: "GET /org/bench/{id}/file/{digest}", needs: register.SeeTests, do: s.testFile},

		{pattern: "GET /org/bench/{id}/forms", needs: register.SeeTests, do: s.formsPage},
		{pattern: "GET /org/bench/{id}/forms/{file}", needs: register.SeeTests, do: s.formFile},
		{pattern: "POST /org/bench/{id}/ics", needs: register.RunTests, limit: sheetsLimit, do: s.takeICS},
		{pattern: "POST /org/bench/{id}/ixit", needs: register.RunTests, limit: sheetsLimit, do: s.takeIXIT},
		{pattern: "POST /org/bench/{id}/prefill", needs: register.RunTests, do: s.prefillIXIT},
		{pattern: "POST /org/bench/{id}/sign", needs: register.RunTests, do: s.signIXIT},
		{pattern: "GET /org/bench/{id}/report", needs: register.SeeTests, do: s.testReportPage},
		{pattern: "GET /org/bench/{id}/report/{file}", needs: register.SeeTests, do: s.testReportFile},
	}
}

// Bounds of what is sent to the bench; those of what is kept are package laboratory's.
const (
	answerLimit  = 32 << 20  // an answer with its photographs and files
	sheetsLimit  = 24 << 20  // a form
	dossierLimit = 201 << 20 // a dossier, which goes to disk as it comes
	maxPhotos    = 20        // files of one answer
	maxAnswers   = 8         // that are taken in at once, for each is held in memory
)

// BenchLimit is how large a request below /org/bench/ may be, in bytes.
const BenchLimit = dossierLimit

// tester says who acts, as it stands in the dossier.
func (s *Server) tester(r *http.Request, v register.Viewer) (string, error) {
	o, _, err := s.Register.Organisation(r.Context(), v)
	if err != nil {
		return "", err
	}
	return oneLine(v.Name + ", " + o.Name), nil
}

// atBench is the address of a test's pages.
func atBench(id string) string { return "/org/bench/" + id }

// testRow is a test in the list.
type testRow struct {
	*laboratory.Test
	At, State string
}

type benchListView struct {
	sheet
	Tests    []testRow
	Archived bool // whether these are the archived ones
	Others   int  // how many of the other kind there are
	Use      laboratory.Use
	Limits   laboratory.Limits
	May      bool
	More     string // the address of further ones
	// Kept and Most are megabytes.
	Kept, Most int64
}

// listed is how many tests a page of the list shows.
const listed = 40

// benchList is a laboratory's tests.
func (s *Server) benchList(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	all, err := s.Tests.Tests(string(v.Org))
	if err != nil {
		return err
	}
	view := &benchListView{sheet: sheet{Heading: "Bench", Lead: "Conformance tests of EN 303 645 after TS 103 701, step by step. Nobody outside your laboratory sees anything of them."},
		Archived: r.URL.Query().Get("show") == "archived", Limits: s.Tests.Limits, May: v.May(register.RunTests)}
	if view.Archived {
		view.Heading = "Archived tests"
	}
	if view.Use, err = s.Tests.Use(string(v.Org)); err != nil {
		return err
	}
	view.Kept, view.Most = view.Use.Bytes>>20, view.Limits.Bytes>>20
	from, _ := strconv.Atoi(r.URL.Query().Get("from"))
	own := slices.DeleteFunc(slices.Clone(all), func(t *laboratory.Test) bool { return (t.State == laboratory.Archived) != view.Archived })
	view.Others = len(all) - len(own)
	at := 0
	for _, t := range own {
		if at++; at <= from {
			continue
		}
		if len(view.Tests) == listed {
			more := url.Values{"from": {strconv.Itoa(at - 1)}}
			if view.Archived {
				more.Set("show", "archived")
			}
			view.More = "/org/bench?" + more.Encode()
			break
		}
		view.Tests = append(view.Tests, testRow{Test: t, At: atBench(t.ID), State: stateWords(t)})
	}
	return s.benchPage(w, r, http.StatusOK, "lab-list", &view.sheet, view)
}

// stateWords says how far a test is.
func stateWords(t *laboratory.Test) string {
	said := fmt.Sprintf("%d of %d steps answered", t.Done, t.Steps)
	if t.State != laboratory.Running {
		said = string(t.State) + ", " + said
	}
	return said
}

// benchPage answers with a page of the bench.
func (s *Server) benchPage(w http.ResponseWriter, r *http.Request, code int, name string, sh *sheet, view any) error {
	s.dress(r, sh)
	if name == "lab-step" { // one thing at a time, on a small screen
		sh.Menu = nil
	}
	return s.page(w, r, code, name, frame{Title: sh.Title, NoIndex: true, NoSearch: true, Private: true, Content: view})
}

func (s *Server) newTestPage(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	return s.newTestSheet(w, r, nil)
}

// newTestSheet offers the ways in which a test begins.
func (s *Server) newTestSheet(w http.ResponseWriter, r *http.Request, wrong error) error {
	in := r.PostForm
	editions := func(first string) []option {
		list := []option{{Words: first}}
		for _, e := range s.Tests.Editions() {
			list = append(list, option{Name: e, Words: "EN 303 645 " + e})
		}
		return choose(in.Get("edition"), list...)
	}
	edition := field{Name: "edition", Label: "Edition of the standard", Hint: "UK law names V2.1.1.", Type: "choice", Options: editions("As UK law names it")}
	product := []field{
		{Name: "make", Label: "Make", Value: in.Get("make"), Max: 200}, {Name: "name", Label: "Product", Value: in.Get("name"), Max: 200, Required: true},
		{Name: "models", Label: "Models", Hint: "Type designations, with commas between them.", Value: in.Get("models"), Max: 200}, {Name: "category", Label: "What it is", Hint: "In plain words: camera, kettle.", Value: in.Get("category"), Max: 200}, edition,
	}
	edition.Name, edition.Options = "entry-edition", editions("As UK law names it")
	entry := []field{{Name: "entry", Label: "Its address or id in this register", Hint: "Such as " + s.BaseURL + "/p/acme-lamp", Value: in.Get("entry"), Max: register.MaxURL, Required: true}, edition}
	edition.Name, edition.Options = "dossier-edition", editions("As the dossier says")
	file := []field{edition, {Name: "dossier", Label: "Dossier", Hint: fmt.Sprintf("The folder as a zip file, of at most %d MB. What tools observed in it is shown at the steps that it bears on.", s.Tests.Limits.Packed>>20), Type: "file", Accept: ".zip,application/zip", Required: true}}
	sh := sheet{Heading: "Begin a test"}
	code := http.StatusOK
	if wrong != nil {
		var err error
		if code, err = blame(&sh, wrong, &product, &entry, &file); err != nil {
			return err
		}
	}
	sh.Sections = []section{
		{Heading: "With a dossier", Text: "Best where assay test has looked at the product already.", Forms: []form{{Action: "/org/bench/take-in", Button: "Take it in", Files: true, Fields: file}}},
		{Heading: "Of a product in this register", Forms: []form{{Action: "/org/bench/new", Button: "Begin", About: "with a product of the register", Fields: entry}}},
		{Heading: "From nothing", Forms: []form{{Action: "/org/bench/new", Button: "Begin", About: "with what is said here", Fields: product}}},
	}
	return s.sheetPage(w, r, code, sh)
}

func (s *Server) newTest(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	by, err := s.tester(r, v)
	if err != nil {
		return err
	}
	in := r.PostForm
	start := laboratory.Start{By: by, Edition: in.Get("edition"), Name: oneLine(in.Get("name")), Make: oneLine(in.Get("make")), Category: oneLine(in.Get("category"))}
	for _, m := range strings.Split(in.Get("models"), ",") {
		if m = oneLine(m); m != "" {
			start.Models = append(start.Models, m)
		}
	}
	if in.Has("entry") {
		if err := s.startOf(r, &start, in.Get("entry")); err != nil {
			return s.newTestSheet(w, r, err)
		}
		start.Edition = in.Get("entry-edition")
	}
	t, err := s.Tests.Begin(r.Context(), string(v.Org), start)
	if err != nil {
		return s.newTestSheet(w, r, ofField(err))
	}
	return s.begun(w, r, v, t, map[string]any{"product": t.Title(), "edition": t.Edition})
}

// startOf begins with what the public register says of a product.
func (s *Server) startOf(r *http.Request, start *laboratory.Start, asked string) error {
	slug := strings.TrimSpace(asked)
	if i := strings.LastIndex(slug, "/p/"); i >= 0 {
		slug = slug[i+len("/p/"):]
	}
	slug, _, _ = strings.Cut(slug, "/")
	unknown := register.Faults{{Field: "entry", What: "is no public product of this register", Do: "copy the address of its page"}}
	if slug == "" || len(slug) > register.MaxLine {
		return unknown
	}
	full, err := s.Register.Product(r.Context(), register.Public, slug)
	if errors.Is(err, assay.ErrNotFound) {
		return unknown
	}
	if err != nil {
		return err
	}
	e := full.Entry
	start.Name, start.Make, start.Models, start.Category = e.Name, e.Make, e.Models, full.Version.Facts.Category
	start.Entry, start.Version = string(e.ID), full.Version.Number
	return nil
}

// ofField has an error of package laboratory speak of the field that it names.
func ofField(err error) error {
	var p *assay.Problem
	if errors.As(err, &p) && errors.Is(err, assay.ErrInvalid) && (p.Where == "name" || p.Where == "make" || p.Where == "models" || p.Where == "category" || p.Where == "dossier") {
		return register.Faults{{Field: p.Where, What: p.What, Do: p.Do}}
	}
	return err
}

// begun tells of a test that began. One that cannot be told of in the trail has not.
func (s *Server) begun(w http.ResponseWriter, r *http.Request, v register.Viewer, t *laboratory.Test, detail map[string]any) error {
	if err := s.Register.NoteTest(r.Context(), v, register.TestBegun, t.ID, detail); err != nil {
		return errors.Join(err, s.Tests.Delete(r.Context(), string(v.Org), t.ID))
	}
	s.tell(r, "The test of "+t.Title()+" has begun.")
	http.Redirect(w, r, atBench(t.ID), http.StatusSeeOther)
	return nil
}

// takeInTest begins a test with a dossier. The archive goes to disk as it comes: what
// the form says otherwise stands before it.
func (s *Server) takeInTest(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	by, err := s.tester(r, v)
	if err != nil {
		return err
	}
	release, err := s.benchSlot(w)
	if err != nil {
		return err
	}
	defer release()
	deadline(w, uploadTime)
	start := laboratory.Start{By: by}
	none := register.Faults{{Field: "dossier", What: "no file was chosen", Do: "choose one"}}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return s.newTestSheet(w, r, none)
	}
	in, err := r.MultipartReader()
	if err != nil {
		return fmt.Errorf("form: %w: %w", assay.ErrInvalid, err)
	}
	for range 20 {
		p, err := in.NextPart()
		if errors.Is(err, io.EOF) {
			return s.newTestSheet(w, r, none)
		}
		if err != nil {
			return hangUp(w, broken(err))
		}
		if p.FileName() == "" {
			data, err := io.ReadAll(io.LimitReader(p, maxFieldBytes))
			if err != nil {
				return hangUp(w, broken(err))
			}
			if p.FormName() == "dossier-edition" {
				start.Edition = string(data)
			}
			continue
		}
		t, err := s.Tests.TakeIn(r.Context(), string(v.Org), start, p)
		deadline(w, 0)
		if err != nil {
			if !errors.Is(err, assay.ErrInvalid) && !errors.Is(err, assay.ErrRefused) {
				err = broken(err)
			}
			w.Header().Set("Connection", "close") // what was not read is not waited for
			return s.newTestSheet(w, r, ofField(err))
		}
		return s.begun(w, r, v, t, map[string]any{"product": t.Title(), "edition": t.Edition, "from": "dossier"})
	}
	return s.newTestSheet(w, r, none)
}

// setTestState pauses a test, goes on with it, archives it.
func (s *Server) setTestState(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	id, state := r.PathValue("id"), laboratory.State(r.PostFormValue("state"))
	deeds := map[laboratory.State]struct {
		deed register.TestDeed
		said string
	}{
		laboratory.Running:  {register.TestContinued, "The test goes on."},
		laboratory.Paused:   {register.TestPaused, "The test is paused. All that was answered is kept."},
		laboratory.Archived: {register.TestArchived, "The test is archived. All that was answered is kept."},
	}
	does, known := deeds[state]
	if !known {
		return &assay.Problem{Kind: assay.ErrInvalid, What: "a test is open, paused or archived", Do: "send the form from its page"}
	}
	t, err := s.Tests.Test(string(v.Org), id)
	if err != nil {
		return err
	}
	by, err := s.tester(r, v)
	if err != nil {
		return err
	}
	if err := s.Register.NoteTest(r.Context(), v, does.deed, id, map[string]any{"product": t.Title(), "was": string(t.State)}); err != nil {
		return err
	}
	if err := s.Tests.SetState(r.Context(), string(v.Org), id, by, state); err != nil {
		return err
	}
	s.tell(r, does.said)
	http.Redirect(w, r, atBench(id), http.StatusSeeOther)
	return nil
}

func (s *Server) deleteTestPage(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	return s.deleteTestSheet(w, r, v, nil)
}

// deleteTestSheet asks once more before a test is gone.
func (s *Server) deleteTestSheet(w http.ResponseWriter, r *http.Request, v register.Viewer, wrong error) error {
	t, err := s.Tests.Test(string(v.Org), r.PathValue("id"))
	if err != nil {
		return err
	}
	fields := []field{{Name: "sure", Label: "Are you sure?", Type: "ticks", Options: []option{{Name: "yes", Words: "Delete all answers, photographs and files of this test"}}}}
	sh := sheet{Kicker: t.Title(), Heading: "Delete this test", Lead: "It cannot be brought back. Records of a test are often to be kept for years: save the dossier first, or archive the test instead."}
	code := http.StatusOK
	if wrong != nil {
		if code, err = blame(&sh, wrong, &fields); err != nil {
			return err
		}
	}
	at := atBench(t.ID)
	sh.Sections = []section{
		{Text: fmt.Sprintf("Begun %s by %s; %s.", assay.DateOf(t.Begun).Words(), t.BegunBy, stateWords(t)), Links: []link{{Href: at + "/dossier.zip", Words: "Save the dossier"}, {Href: at, Words: "Back to the test"}}},
		{Forms: []form{{Action: at + "/delete", Button: "Delete the test", Fields: fields}}},
	}
	return s.sheetPage(w, r, code, sh)
}

func (s *Server) deleteTest(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	id := r.PathValue("id")
	t, err := s.Tests.Test(string(v.Org), id)
	if err != nil {
		return err
	}
	if r.PostFormValue("sure") != "yes" {
		return s.deleteTestSheet(w, r, v, register.Faults{{Field: "sure", What: "this was not ticked", Do: "tick it, or go back"}})
	}
	if err := s.Register.NoteTest(r.Context(), v, register.TestDeleted, id, map[string]any{"product": t.Title(), "answered": strconv.Itoa(t.Done)}); err != nil {
		return err
	}
	if err := s.Tests.Delete(r.Context(), string(v.Org), id); err != nil {
		return err
	}
	s.tell(r, "The test of "+t.Title()+" is deleted.")
	http.Redirect(w, r, "/org/bench", http.StatusSeeOther)
	return nil
}

// takeTest hands the dossier of a test out as a zip file.
func (s *Server) takeTest(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	t, err := s.Tests.Test(string(v.Org), r.PathValue("id"))
	if err != nil {
		return err
	}
	if r.Method == http.MethodGet {
		if err := s.Register.NoteTest(r.Context(), v, register.TestTaken, t.ID, map[string]any{"product": t.Title()}); err != nil {
			return err
		}
	}
	name := testFolder(t)
	return s.Tests.Pack(r.Context(), string(v.Org), t.ID, name, func(data io.ReadSeeker) error {
		h := w.Header()
		h.Set("Content-Type", "application/zip")
		h.Set("Content-Disposition", `attachment; filename="`+name+`.zip"`) // of our own letters
		http.ServeContent(w, r, "", time.Time{}, data)
		return nil
	})
}

// testFolder is what a dossier's folder is called when it is taken away.
func testFolder(t *laboratory.Test) string {
	if name := register.Slug(t.Title()); name != "" {
		return name
	}
	return "dossier"
}
