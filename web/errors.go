package web

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/assay-psti/assay"
)

// errBusy is the kind of an error that is over soon: too many ask for the same.
var errBusy = errors.New("busy")

// handle makes a handler of a function that may fail: an error becomes a page, or
// for a program a problem document.
func (s *Server) handle(f func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := f(w, r); err != nil {
			s.fail(w, r, err)
		}
	}
}

// status is the HTTP status of a kind of error.
func status(err error) int {
	var tooLarge *http.MaxBytesError
	var own *coded
	switch {
	case errors.As(err, &own):
		return own.code
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, errBusy):
		return http.StatusServiceUnavailable
	case errors.Is(err, assay.ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, assay.ErrInvalid):
		return http.StatusUnprocessableEntity
	case errors.Is(err, assay.ErrRefused):
		return http.StatusForbidden
	case errors.Is(err, assay.ErrConflict):
		return http.StatusConflict
	case errors.Is(err, assay.ErrUnsupported):
		return http.StatusNotImplemented
	}
	return http.StatusInternalServerError
}

// problem is an error as RFC 9457 writes it.
type problem struct {
	Type      string          `json:"type" doc:"about:blank: the status says it all."`
	Title     string          `json:"title"`
	Status    int             `json:"status"`
	Detail    string          `json:"detail,omitempty"`
	Instance  string          `json:"instance,omitempty"`
	Reference string          `json:"reference" doc:"By which whoever runs the register finds it again."`
	Errors    []problemDetail `json:"errors,omitempty" nullable:"false" doc:"What is wrong in which field."`
}

type problemDetail struct {
	Message  string `json:"message"`
	Location string `json:"location" doc:"Such as body.gtins[3] or query.limit."`
}

// ContentType says that it is a problem document.
func (problem) ContentType(string) string { return "application/problem+json" }

// errorView is what the page of an error shows.
type errorView struct {
	Heading, What, Do string
	Reference         string
	Internal          bool
}

var headings = map[int]string{
	http.StatusNotFound: "Not found", http.StatusForbidden: "Not allowed", http.StatusConflict: "Somebody was first",
	http.StatusUnprocessableEntity: "That cannot be read", http.StatusRequestEntityTooLarge: "Too large",
	http.StatusNotImplemented: "Not possible here", http.StatusServiceUnavailable: "Busy", http.StatusTooManyRequests: "Too many requests", http.StatusUnauthorized: "Sign in first",
}

// fail answers with an error. What went wrong inside is for the log; the reader
// gets the reference by which it is found there.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	code := status(err)
	view := errorView{Heading: headings[code], Reference: rand.Text()[:10]}
	var p *assay.Problem
	switch {
	case code == http.StatusInternalServerError:
		view.Heading, view.Internal = "Something went wrong here", true
		view.What = "The fault is ours and has been noted."
		s.Log.LogAttrs(r.Context(), slog.LevelError, "request failed", slog.String("reference", view.Reference), slog.String("method", r.Method), slog.String("route", r.Pattern), slog.Any("error", err))
	case code == http.StatusServiceUnavailable:
		view.What, view.Do = "Too many ask for this at once.", "Try again in a few seconds."
		w.Header().Set("Retry-After", "10")
	case code == http.StatusRequestEntityTooLarge:
		view.What = "What was sent is larger than is taken here."
	case errors.As(err, &p):
		view.What, view.Do = sentence(p.Where, p.What), sentence("", p.Do)
	default:
		view.What = sentence("", err.Error())
	}
	if strings.HasPrefix(r.URL.Path, "/api/") || strings.Contains(r.Header.Get("Accept"), "application/json") {
		h := w.Header()
		h.Set("Content-Type", "application/problem+json")
		h.Set("Cache-Control", "no-store")
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(problem{Type: "about:blank", Title: view.Heading, Status: code, Detail: strings.TrimSpace(view.What + " " + view.Do), Instance: r.URL.Path, Reference: view.Reference})
		return
	}
	if err := s.page(w, r, code, "error", frame{Title: view.Heading, NoIndex: true, Content: view}); err != nil {
		s.Log.LogAttrs(r.Context(), slog.LevelError, "error page failed", slog.String("reference", view.Reference), slog.Any("error", err))
		http.Error(w, view.Heading+" (reference "+view.Reference+")", code)
	}
}

// sentence makes a sentence of words for people.
func sentence(where, what string) string {
	s := what
	if where != "" {
		s = where + " " + what
	}
	if s == "" {
		return ""
	}
	s = strings.ToUpper(s[:1]) + s[1:]
	if !strings.HasSuffix(s, ".") && !strings.HasSuffix(s, "?") {
		s += "."
	}
	return s
}

// recovered answers for a handler that panicked: a mistake of our own.
func (s *Server) recovered(w http.ResponseWriter, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(v)
	}
	s.Log.LogAttrs(r.Context(), slog.LevelError, "handler panicked", slog.String("route", r.Pattern), slog.Any("panic", v), slog.String("stack", string(debug.Stack())))
	s.fail(w, r, errors.New("panic"))
}
