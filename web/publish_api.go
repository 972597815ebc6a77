package web

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

// publishRoutes are the requests of programs that act for an organisation, each with
// a token: `assay publish` sends them. Cookies count for nothing here.
func (s *Server) publishRoutes() {
	for pattern, do := range map[string]func(http.ResponseWriter, *http.Request, register.Viewer) error{
		"GET /api/v1/whoami":                     s.apiWhoami,
		"GET /api/v1/dashboard":                  s.apiDashboard,
		"POST /api/v1/publish":                   s.apiPublish,
		"POST /api/v1/drafts":                    s.apiDraft,
		"POST /api/v1/import":                    s.apiImport,
		"POST /api/v1/products/{id}/extend":      s.apiExtend,
		"POST /api/v1/products/{id}/withdraw":    s.apiWithdraw,
		"POST /api/v1/products/{id}/assessments": s.apiAssess,
	} {
		s.mux.HandleFunc(pattern, s.bearer(do))
	}
}

// bearer finds who a token stands for.
func (s *Server) bearer(do func(http.ResponseWriter, *http.Request, register.Viewer) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		deadline(w, uploadTime)
		v, err := s.tokenViewer(w, r)
		if err == nil {
			err = do(w, r, v)
		}
		if err != nil {
			s.failProgram(w, r, err)
		}
	}
}

func (s *Server) tokenViewer(w http.ResponseWriter, r *http.Request) (register.Viewer, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	var err error
	var v register.Viewer
	if token = strings.TrimSpace(token); strings.EqualFold(scheme, "Bearer") && token != "" {
		v, err = s.Register.Authenticate(r.Context(), token, s.from(r))
		if err == nil {
			return v, nil
		}
		if !errors.Is(err, assay.ErrRefused) {
			return v, err
		}
		if err := s.tried(w, r); err != nil {
			return v, err
		}
		w.Header().Set("WWW-Authenticate", `Bearer realm="register", error="invalid_token"`)
		return register.Public, unauthorised("the token is not known, has expired or was revoked")
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="register"`)
	return register.Public, unauthorised("there is no token")
}

// failProgram answers a program with what went wrong, and with all that stands in the
// way of publishing where that is it.
func (s *Server) failProgram(w http.ResponseWriter, r *http.Request, err error) {
	var faults register.Faults
	if !errors.As(err, &faults) {
		s.fail(w, r, err)
		return
	}
	code, reference := status(err), rand.Text()[:10]
	s.Log.LogAttrs(r.Context(), slog.LevelInfo, "refused", slog.String("reference", reference), slog.String("route", r.Pattern), slog.Int("faults", len(faults)))
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(struct {
		problem
		Faults register.Faults `json:"faults"`
	}{problem{Type: "about:blank", Title: headings[code], Status: code, Detail: sentence("", faults.Error()), Instance: r.URL.Path, Reference: reference}, faults})
}

func answerJSON(w http.ResponseWriter, code int, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(append(data, '\n')) // the program went away: nobody is to be told
	return nil
}

// readJSON reads a body that holds one value and nothing unknown.
func readJSON(w http.ResponseWriter, r *http.Request, limit int64, into any) error {
	data, err := readBody(w, r, limit)
	if err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("body: %w: %w", assay.ErrInvalid, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("body: %w: something follows it", assay.ErrInvalid)
	}
	return nil
}

func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err != nil {
		return nil, hangUp(w, broken(err))
	}
	deadline(w, 0)
	return data, nil
}

func (s *Server) apiWhoami(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	org, keys, err := s.Register.Organisation(r.Context(), v)
	if err != nil {
		return err
	}
	return answerJSON(w, http.StatusOK, struct {
		Organisation register.Organisation `json:"organisation"`
		Role         register.Role         `json:"role"`
		Token        register.TokenID      `json:"token"`
		Scopes       []register.TokenScope `json:"scopes"`
		Keys         []register.Key        `json:"keys"`
	}{org, v.Role, v.Token, v.Scopes, keys})
}

func (s *Server) apiDashboard(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	d, err := s.Register.Dashboard(r.Context(), v)
	if err != nil {
		return err
	}
	return answerJSON(w, http.StatusOK, d)
}

// receipt answers 201 for what is public, 202 for what waits for the log, and 200 for
// what was there already.
func receipt(w http.ResponseWriter, got register.Receipt) error {
	code := http.StatusCreated
	switch {
	case len(got.Notes) > 0:
		code = http.StatusOK
	case got.Pending:
		code = http.StatusAccepted
	}
	return answerJSON(w, code, got)
}

func (s *Server) bundle(w http.ResponseWriter, r *http.Request) (*register.Bundle, error) {
	data, err := readBody(w, r, register.MaxBundleBytes)
	if err != nil {
		return nil, err
	}
	b, err := register.ParseBundle(bytes.NewReader(data))
	if errors.Is(err, assay.ErrUnsupported) { // of what was sent, not of this server
		return nil, &assay.Problem{Kind: assay.ErrInvalid, What: err.Error(), Do: "send a bundle that this version of the register knows"}
	}
	return b, err
}

func (s *Server) apiPublish(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	if !v.May(register.PublishEntry) { // before anything large is read
		return s.refusal(v, register.PublishEntry)
	}
	b, err := s.bundle(w, r)
	if err != nil {
		return err
	}
	got, err := s.Register.Publish(r.Context(), v, b)
	if err != nil {
		return err
	}
	return receipt(w, got)
}

func (s *Server) apiDraft(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	if !v.May(register.EditDrafts) {
		return s.refusal(v, register.EditDrafts)
	}
	b, err := s.bundle(w, r)
	if err != nil {
		return err
	}
	d, err := s.draftOf(r, v, b)
	if err != nil {
		return err
	}
	if d, err = s.Register.SaveDraft(r.Context(), v, d); err != nil {
		return err
	}
	return answerJSON(w, http.StatusCreated, struct {
		Product  register.ProductID `json:"product"`
		Revision int                `json:"revision"`
		Preview  string             `json:"preview"`
	}{d.Product, d.Revision, s.BaseURL + "/org/drafts/" + string(d.Product) + "/preview"})
}

func (s *Server) apiExtend(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	if !v.May(register.PublishEntry) {
		return s.refusal(v, register.PublishEntry)
	}
	var in struct {
		Extensions []register.Extension `json:"extensions"`
		Note       string               `json:"note"`
	}
	if err := readJSON(w, r, formLimit, &in); err != nil {
		return err
	}
	if len(in.Extensions) > register.MaxComponents {
		return fmt.Errorf("extensions: %w: more than %d", assay.ErrInvalid, register.MaxComponents)
	}
	got, err := s.Register.ExtendSupport(r.Context(), v, register.ProductID(r.PathValue("id")), in.Extensions, in.Note)
	if err != nil {
		return err
	}
	return receipt(w, got)
}

func (s *Server) apiWithdraw(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	if !v.May(register.PublishEntry) {
		return s.refusal(v, register.PublishEntry)
	}
	var in struct {
		Reason string `json:"reason"`
	}
	if err := readJSON(w, r, formLimit, &in); err != nil {
		return err
	}
	got, err := s.Register.Withdraw(r.Context(), v, register.ProductID(r.PathValue("id")), in.Reason)
	if err != nil {
		return err
	}
	return receipt(w, got)
}

func (s *Server) apiAssess(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	if !v.May(register.AttachVerdict) {
		return s.refusal(v, register.AttachVerdict)
	}
	data, err := readBody(w, r, register.MaxStatementBytes)
	if err != nil {
		return err
	}
	a, err := s.Register.AttachAssessment(r.Context(), v, register.ProductID(r.PathValue("id")), data)
	if err != nil {
		return err
	}
	return answerJSON(w, http.StatusCreated, a)
}

// apiImport takes a range in, as CSV alone, so that its rows become drafts. It answers
// with a report of each row.
func (s *Server) apiImport(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	if !v.May(register.EditDrafts) {
		return s.refusal(v, register.EditDrafts)
	}
	release, err := s.slot(w)
	if err != nil {
		return hangUp(w, err)
	}
	defer release()
	data, err := readBody(w, r, importLimit)
	if err != nil {
		return err
	}
	var rows []register.RowReport
	sum, err := s.Register.ImportRange(r.Context(), v, bytes.NewReader(data), register.Import{Row: func(row register.RowReport) { rows = append(rows, row) }})
	if err != nil && sum.Rows == 0 {
		return err
	}
	out := struct {
		Summary register.ImportSummary `json:"summary"`
		Rows    []register.RowReport   `json:"rows"`
		Broken  string                 `json:"broken,omitempty"` // why the rest of the file was not read
	}{Summary: sum, Rows: rows}
	if err != nil {
		out.Broken = err.Error()
	}
	return answerJSON(w, http.StatusOK, out)
}
