package web

import (
	"net/http"
	"net/url"
	"strings"
)

// publicRoutes are what anybody may see, without an account.
func (s *Server) publicRoutes() error {
	get := func(path string, f func(http.ResponseWriter, *http.Request) error) {
		s.mux.HandleFunc("GET "+path, s.handle(f))
	}
	get("/{$}", s.home)
	get("/search", s.search)
	get("/compare", s.compare)
	get("/p/{slug}", s.product) // with .txt, .atom or .ics: the same in another form
	get("/p/{slug}/history", s.history)
	get("/p/{slug}/v/{number}", s.version)
	get("/p/{slug}/v/{number}/{file}", s.versionFile)
	get("/p/{slug}/assessment/{id}", s.assessment)
	get("/p/{slug}/shelf", s.shelf)
	get("/p/{slug}/{file}", s.productFile)
	get("/product/{slug}", s.productMoved)
	get("/m/{slug}", s.maker)
	get("/c/{category}", s.category)
	get("/changes.atom", s.changesFeed)
	get("/proof/{file}", s.proof)

	get("/follow", s.followForm)
	s.mux.HandleFunc("POST /follow", s.handle(s.follow))
	get("/follow/confirm/{secret}", s.confirmForm)
	s.mux.HandleFunc("POST /follow/confirm/{secret}", s.handle(s.confirm))
	get("/follow/stop/{secret}", s.stopForm)
	s.mux.HandleFunc("POST /follow/stop/{secret}", s.handle(s.stop))

	for _, name := range []string{"about", "check", "for-shops", "terms", "accessibility"} {
		get("/"+name, s.info(name))
	}
	get("/dump/{file}", s.dump)
	get("/robots.txt", func(w http.ResponseWriter, r *http.Request) error {
		return s.text(w, r, "User-agent: *\nDisallow: /search\nDisallow: /compare\nDisallow: /dump/\nDisallow: /follow\n")
	})

	s.mux.Handle("GET /assets/{name}", s.assets)
	if s.Tiles != nil {
		s.mux.Handle("GET /log/", http.StripPrefix("/log", s.Tiles))
	}
	if err := s.apiRoutes(); err != nil {
		return err
	}
	s.mux.HandleFunc("/", s.handle(s.nothing))
	return nil
}

// productMoved answers at the address that mails give.
func (s *Server) productMoved(w http.ResponseWriter, r *http.Request) error {
	http.Redirect(w, r, "/p/"+url.PathEscape(r.PathValue("slug")), http.StatusMovedPermanently)
	return nil
}

// cutForm takes off a name what says in which form the reader wants it: ".atom".
func cutForm(name string) (bare, form string) {
	for _, f := range []string{".atom", ".ics", ".txt"} {
		if bare, ok := strings.CutSuffix(name, f); ok {
			return bare, f
		}
	}
	return name, ""
}
