package web

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/bench"
	"github.com/assay-psti/assay/evidence"
	"github.com/assay-psti/assay/laboratory"
	"github.com/assay-psti/assay/law"
	"github.com/assay-psti/assay/register"
)

// benchSlot takes one of the few places for what is held in memory while it comes.
func (s *Server) benchSlot(w http.ResponseWriter) (release func(), err error) {
	select {
	case s.answers <- struct{}{}:
		return func() { <-s.answers }, nil
	default:
		w.Header().Set("Retry-After", "10")
		return nil, &coded{http.StatusServiceUnavailable, assay.Problem{Kind: assay.ErrRefused, What: "others send or read files at this moment", Do: "go back and try again in a few seconds"}}
	}
}

// testPage is the overview of a test: what it comes to, what is missing, group by group.
func (s *Server) testPage(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	return s.Tests.Look(r.Context(), string(v.Org), r.PathValue("id"), func(x *laboratory.Visit) error {
		b, err := s.benchView(x, v)
		if err != nil {
			return err
		}
		view := overview(b, v)
		view.Test.Done, view.Test.Steps = b.Plan.Progress()
		return s.benchPage(w, r, http.StatusOK, "lab-test", &view.sheet, view)
	})
}

// nextStep leads to the next step that is open, after the one named.
func (s *Server) nextStep(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	id := r.PathValue("id")
	return s.Tests.Look(r.Context(), string(v.Org), id, func(x *laboratory.Visit) error {
		p, err := x.Plan()
		if err != nil {
			return err
		}
		to := atBench(id)
		if next := p.Next(r.URL.Query().Get("after"), nil); next != nil {
			to += "/step/" + next.ID
		} else {
			s.tell(r, "Every step is answered.")
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
		return nil
	})
}

func (s *Server) termTitle(id assay.TermID) string {
	if t := law.Standard().Vocabulary().Term(id); t != nil {
		return t.Title
	}
	return string(id)
}

func (s *Server) groupPage(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	return s.groupSheet(w, r, v, nil)
}

// groupSheet is one group with its cases and units.
func (s *Server) groupSheet(w http.ResponseWriter, r *http.Request, v register.Viewer, wrong error) error {
	return s.Tests.Look(r.Context(), string(v.Org), r.PathValue("id"), func(x *laboratory.Visit) error {
		b, err := s.benchView(x, v)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(b.Plan.Groups, func(g *bench.Group) bool { return g.ID == r.PathValue("group") })
		if i < 0 {
			return &assay.Problem{Kind: assay.ErrNotFound, What: "there is no such group in this test", Do: "see its overview"}
		}
		g := b.Plan.Groups[i]
		view := &groupView{benchView: b, Group: g}
		view.Heading, view.Kicker = g.ID+" "+g.Name, b.Test.Title()
		for i := range b.Plan.Rows {
			if b.Plan.Rows[i].Provision == g.ID {
				view.Row = &b.Plan.Rows[i]
			}
		}
		view.Found, view.More = foundLines(g, s.termTitle)
		var cases []option
		for _, c := range g.Cases {
			cv := caseView{Case: c, Proof: proofs(x, c.Covered)}
			for _, u := range c.Units {
				cv.Units = append(cv.Units, unitView{u, "unit/" + u.Case + "/" + u.Letter, proofs(x, u.Record)})
			}
			view.Cases = append(view.Cases, cv)
			cases = append(cases, option{Name: c.ID, Words: c.ID, Chosen: r.FormValue("case") == c.ID})
		}
		view.Cover = []field{
			{Name: "case", Label: "Case", Type: "choice", Options: cases},
			{Name: "what", Label: "What covers it", Hint: "The document, who issued it, until when it is valid. To take it back: why.", Type: "area"},
			{Name: "file", Label: "The certificate or report", Type: "file", Multiple: true},
		}
		code := http.StatusOK
		if wrong != nil {
			if code, err = blame(&view.sheet, wrong, &view.Cover); err != nil {
				return err
			}
		}
		return s.benchPage(w, r, code, "lab-group", &view.sheet, view)
	})
}

// coverCase records that evidence from elsewhere covers a case, or that it does no more.
func (s *Server) coverCase(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	release, err := s.benchSlot(w)
	if err != nil {
		return err
	}
	defer release()
	in, err := s.parts(w, r)
	if err != nil {
		return err
	}
	files, total, err := benchFiles(in.files["file"], evidence.Documents)
	if err != nil {
		return s.groupSheet(w, r, v, err)
	}
	by, err := s.tester(r, v)
	if err != nil {
		return err
	}
	id, caseID, back := r.PathValue("id"), in.Get("case"), in.Get("do") == "withdraw"
	if _, err := s.Tests.Test(string(v.Org), id); err != nil {
		return err
	}
	if err := s.Register.NoteTest(r.Context(), v, register.TestCovered, id, map[string]any{"case": clip(40, caseID), "withdrawn": back}); err != nil {
		return err
	}
	err = s.Tests.Work(r.Context(), string(v.Org), id, by, total, func(x *laboratory.Visit) error {
		if back {
			return x.Recorder.Uncover(caseID, in.Get("what"))
		}
		return x.Recorder.Cover(r.Context(), caseID, in.Get("what"), files)
	})
	if err != nil {
		return s.groupSheet(w, r, v, plainly(err))
	}
	s.tell(r, map[bool]string{false: "Evidence from elsewhere is recorded for case " + caseID + ".", true: "Case " + caseID + " is no longer covered by evidence from elsewhere."}[back])
	http.Redirect(w, r, atBench(id)+"/group/"+url.PathEscape(r.PathValue("group")), http.StatusSeeOther)
	return nil
}

// plainly takes from an error of the bench what speaks of the command line.
func plainly(err error) error {
	var p *assay.Problem
	if !errors.As(err, &p) || errors.Is(err, assay.ErrInternal) {
		return err
	}
	q := *p
	if strings.HasPrefix(q.Where, "unit/") || strings.HasPrefix(q.Where, "ics/") || strings.HasPrefix(q.Where, "identity/") {
		q.Where = ""
	}
	if strings.Contains(q.Do, "--") || strings.Contains(q.Do, "assay bench") {
		q.Do = ""
	}
	return &q
}

// benchFiles are the files of an answer as package bench takes them.
func benchFiles(sent []upload, kind evidence.Kind) (files []bench.File, total int64, err error) {
	for _, f := range sent {
		if len(f.Data) == 0 {
			continue
		}
		if len(files) == maxPhotos {
			return nil, 0, &assay.Problem{Kind: assay.ErrInvalid, What: fmt.Sprintf("more than %d files came with one answer", maxPhotos), Do: "put some into a zip file"}
		}
		files, total = append(files, bench.File{Name: f.Name, Kind: kind, Data: f.Data}), total+int64(len(f.Data))
	}
	return files, total, nil
}

func (s *Server) stepPage(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	return s.stepSheet(w, r, v, nil, nil)
}

// stepSheet is one step: what is asked, what it is compared with, what tools observed,
// what was answered before, and the form. What was sent and refused stands in it again.
func (s *Server) stepSheet(w http.ResponseWriter, r *http.Request, v register.Viewer, in url.Values, wrong error) error {
	return s.Tests.Look(r.Context(), string(v.Org), r.PathValue("id"), func(x *laboratory.Visit) error {
		b, err := s.benchView(x, v)
		if err != nil {
			return err
		}
		view := &stepView{benchView: b, Room: answerLimit >> 20, Files: maxPhotos}
		steps := b.Plan.Steps()
		i := slices.IndexFunc(steps, func(st bench.Step) bool { return st.ID == r.PathValue("step") })
		if i < 0 {
			return &assay.Problem{Kind: assay.ErrNotFound, What: "there is no such step in this test now: the answer form decides which there are", Do: "see the overview of the test"}
		}
		view.Step, view.Heading = &steps[i], steps[i].Title
		view.Done, view.All = b.Plan.Progress()
		if i > 0 {
			view.Back = b.At + "/step/" + steps[i-1].ID
		}
		view.Skip = b.At + "/next?after=" + url.QueryEscape(steps[i].ID)
		view.fields(in)
		if g := view.Step.Group; g != nil {
			view.Found, view.More = foundLines(g, s.termTitle)
			view.Proof = proofs(x, view.Step.Unit.Record)
		}
		code := http.StatusOK
		if wrong != nil {
			if code, err = blame(&view.sheet, plainly(wrong)); err != nil {
				return err
			}
			for i := range view.Faults {
				view.Faults[i].Field = "answer"
			}
		}
		return s.benchPage(w, r, code, "lab-step", &view.sheet, view)
	})
}

// fields are the form of a step, with what was sent.
func (v *stepView) fields(in url.Values) {
	s := v.Step
	value, reason, means := in.Get("value"), in.Get("reason"), in.Get("means")
	words := map[string]string{"PASS": "fulfilled", "FAIL": "not fulfilled", "INCONCLUSIVE": "cannot be told", "Y": "supported", "N": "not supported", "N/A": "does not apply"}
	switch s.Kind {
	case bench.IdentityStep:
		if in == nil && s.Done {
			value = s.Item.Value.String()
			if s.Item.Value.Type() == assay.SetType {
				value = strings.Join(s.Item.Value.Set(), ", ")
			}
		}
		v.Text = &field{Name: "value", Label: "Answer", Value: value, Required: true, Max: 2000}
	case bench.RowStep:
		if in == nil {
			value, reason = s.Row.Support, s.Row.Detail
		}
		v.Reason = field{Name: "reason", Label: "How it is met, or why not", Hint: "Wanted with N and N/A.", Type: "area", Value: reason}
		v.By = &field{Name: "by", Label: "Who says so, if not you", Hint: "Name and function, such as “Jo Maker, head of compliance”.", Value: in.Get("by"), Max: 200}
	case bench.UnitStep:
		v.Reason = field{Name: "reason", Label: "What did you see?", Hint: "The reason for the verdict. No passwords, please.", Type: "area", Value: reason, Required: true}
		hint := "Tool, version, arguments, what was covered, how long."
		if s.Unit.Means {
			hint += " A PASS rests on them, so it wants them."
		}
		v.Means = &field{Name: "means", Label: "By what means?", Hint: hint, Type: "area", Value: means}
	}
	for _, c := range s.Choices {
		v.Choices = append(v.Choices, option{Name: c, Words: words[c], Chosen: c == value})
	}
}

// answerStep keeps an answer, or shows the step again with why it is refused.
func (s *Server) answerStep(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	release, err := s.benchSlot(w)
	if err != nil {
		return err
	}
	defer release()
	in, err := s.parts(w, r)
	if err != nil {
		return err
	}
	id, step := r.PathValue("id"), r.PathValue("step")
	files, total, err := benchFiles(append(in.files["photo"], in.files["file"]...), evidence.Device)
	if err != nil {
		return s.stepSheet(w, r, v, in.Values, err)
	}
	by, err := s.tester(r, v)
	if err != nil {
		return err
	}
	if said := oneLine(in.Get("by")); said != "" && strings.HasPrefix(step, "ics/") {
		by = clip(200, said) + " (noted by " + by + ")"
	}
	answer := bench.Answer{Value: in.Get("value"), Reason: lines(in.Get("reason")), Means: lines(in.Get("means")), Files: files}
	if answer.Value == "" {
		return s.stepSheet(w, r, v, in.Values, &assay.Problem{Kind: assay.ErrInvalid, What: "no answer was chosen", Do: "choose one, or skip the step"})
	}
	next := atBench(id)
	err = s.Tests.Work(r.Context(), string(v.Org), id, by, total, func(x *laboratory.Visit) error {
		if err := x.Recorder.Record(r.Context(), step, answer); err != nil {
			return err
		}
		p, err := x.Plan()
		if err != nil {
			return err
		}
		if to := p.Next(step, nil); to != nil {
			next += "/step/" + to.ID
		}
		return nil
	})
	if errors.Is(err, assay.ErrInvalid) || errors.Is(err, assay.ErrRefused) || errors.Is(err, assay.ErrConflict) {
		return s.stepSheet(w, r, v, in.Values, err)
	}
	if err != nil {
		return plainly(err)
	}
	s.tell(r, "Kept: "+clip(60, answer.Value)+map[bool]string{true: " with " + plural(int64(len(files)), "file", "files")}[len(files) > 0]+".")
	if in.Get("then") == "stay" {
		next = atBench(id) + "/step/" + step
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
	return nil
}

// testPhoto shows a photograph of a test, made anew: what was sent is never shown itself.
func (s *Server) testPhoto(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	size := laboratory.Small
	if r.URL.Query().Get("size") == "large" {
		size = laboratory.Large
	}
	data, err := s.Tests.Picture(r.Context(), string(v.Org), r.PathValue("id"), assay.Digest("sha256:"+r.PathValue("digest")), size)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "image/jpeg")
	h.Set("Cache-Control", "private, max-age=3600")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	_, _ = w.Write(data) // the reader went away: nothing is to be told to anybody
	return nil
}

// testFile hands evidence of a test out for saving, as it was sent.
func (s *Server) testFile(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	return s.Tests.Look(r.Context(), string(v.Org), r.PathValue("id"), func(x *laboratory.Visit) error {
		item, ok := x.Item(assay.Digest("sha256:" + r.PathValue("digest")))
		if !ok {
			return &assay.Problem{Kind: assay.ErrNotFound, What: "this test has no such evidence"}
		}
		f, err := x.Recorder.Dossier.Evidence.Open(item)
		if err != nil {
			return err
		}
		defer f.Close()
		attachFrom(w, r, item.Base(), io.NewSectionReader(f, 0, item.Size))
		return nil
	})
}
