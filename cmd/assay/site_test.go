package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// serveSite serves the folder site of a script on this machine, with its address
// as $SITE, and writes that address wherever a dossier's product.yaml or a page of
// the site says SITE. Below /odd stand hosts' bad habits.
func serveSite(e *testscript.Env) error {
	dir := filepath.Join(e.WorkDir, "site")
	if _, err := os.Stat(dir); err != nil {
		return nil
	}
	var mu sync.Mutex // guards asked
	var asked strings.Builder
	mux := http.NewServeMux()
	files := http.FileServer(http.Dir(dir))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		fmt.Fprintf(&asked, "%s %s\n", r.URL.Path, r.Header.Get("If-Modified-Since"))
		_ = os.WriteFile(filepath.Join(e.WorkDir, "asked"), []byte(asked.String()), 0o644)
		mu.Unlock()
		files.ServeHTTP(w, r)
	})
	mux.Handle("/odd/multicast", http.RedirectHandler("http://224.0.0.1/", http.StatusFound))
	mux.Handle("/odd/file", http.RedirectHandler("file:///etc/passwd", http.StatusFound))
	mux.HandleFunc("/odd/loop", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/odd/loop?"+r.URL.RawQuery+"x", http.StatusFound)
	})
	mux.HandleFunc("/odd/big", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<html lang=en><title>Big</title><h1>Big</h1>")
		line := bytes.Repeat([]byte("<p>Words that say nothing of interest.</p>\n"), 1000)
		for sent := 0; sent < 200<<20; sent += len(line) {
			if _, err := w.Write(line); err != nil {
				return
			}
		}
	})
	s := httptest.NewServer(mux)
	e.Defer(s.Close)
	e.Setenv("SITE", s.URL)
	return filepath.WalkDir(e.WorkDir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Base(name) != "product.yaml" && !strings.HasPrefix(name, dir) {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(name, bytes.ReplaceAll(data, []byte("SITE"), []byte(s.URL)), 0o644)
	})
}
