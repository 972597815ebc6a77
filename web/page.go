package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/assay-psti/assay/register"
)

//go:embed templates/*
var templateFiles embed.FS

// frame is what every page has around its own content.
type frame struct {
	Register string // the register's name
	Title    string // of the page, without the register's name
	Path     string // of this page, to mark where the reader is
	Query    string // in the search field of the heading
	Viewer   register.Viewer
	NoIndex  bool // search engines are to leave it out
	NoSearch bool // the page has a search field of its own
	Private  bool // not to be kept by anybody: it names an address or a secret
	Feed     string
	Content  any
}

// pages are the templates: one for each page, each with the layout and the
// partials, which are the files that begin with an underscore.
type pages struct {
	byName  map[string]*template.Template
	buffers sync.Pool
}

func loadPages(a *assets) (*pages, error) {
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, err
	}
	shared := template.New("").Funcs(template.FuncMap{"asset": a.path}).Funcs(words)
	if _, err := shared.ParseFS(templateFiles, "templates/_*.html"); err != nil {
		return nil, err
	}
	p := &pages{byName: map[string]*template.Template{}, buffers: sync.Pool{New: func() any { return new(bytes.Buffer) }}}
	for _, f := range files {
		name := strings.TrimSuffix(path.Base(f), ".html")
		if strings.HasPrefix(name, "_") {
			continue
		}
		t, err := shared.Clone()
		if err != nil {
			return nil, err
		}
		if _, err := t.ParseFS(templateFiles, f); err != nil {
			return nil, err
		}
		p.byName[name] = t
	}
	return p, nil
}

// page answers with a page. It is made whole before the first byte goes out, so
// that no reader sees half of one. A page that everybody sees alike carries a tag
// by which caches ask again cheaply.
func (s *Server) page(w http.ResponseWriter, r *http.Request, status int, name string, f frame) error {
	t := s.pages.byName[name]
	if t == nil {
		return fmt.Errorf("there is no page %q", name)
	}
	f.Register, f.Path = s.Title, r.URL.Path
	if f.Viewer.Account == "" {
		f.Viewer = s.viewer(r)
	}
	b := s.pages.buffers.Get().(*bytes.Buffer)
	defer s.pages.buffers.Put(b)
	b.Reset()
	if err := t.ExecuteTemplate(b, "layout", f); err != nil {
		return fmt.Errorf("make page %s: %w", name, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	if f.Viewer.SignedIn() || status != http.StatusOK || f.Private {
		h.Set("Cache-Control", "no-store")
	} else {
		sum := sha256.Sum256(b.Bytes())
		tag := `"` + hex.EncodeToString(sum[:12]) + `"`
		h.Set("Cache-Control", "public, max-age=60")
		h.Set("ETag", tag)
		h.Set("Vary", "Cookie")
		if match := r.Header.Get("If-None-Match"); match != "" && strings.Contains(match, tag) {
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(b.Bytes()) // the reader went away: nothing is to be told to anybody
	}
	return nil
}
