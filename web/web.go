// Package web is the register's face: pages for people and an interface for
// programs, over HTTP.
//
// Everything is plain HTML that one request brings whole; links and forms do all
// the work and no page needs a script. What may be seen is decided in package
// register, whose service this package shows; it holds no rules of its own, knows
// no database, and keeps no state but caches. It looks like nobody's official
// pages, and says so.
package web

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/laboratory"
	"github.com/assay-psti/assay/register"
)

// Config is what the pages are made of.
type Config struct {
	Register *register.Service
	// Title is what this register is called, in the heading of every page.
	Title string // none: "Product security register"
	// Operator is who runs it, with an address, for the page about it.
	Operator, OperatorContact string
	BaseURL                   string // as people see it, without a slash at the end; its scheme decides on cookies
	Now                       func() time.Time
	Log                       *slog.Logger
	// Accounts are what signing in is made of; none: nobody signs in.
	Accounts Accounts
	// Tests are the tests of laboratories; none: there are no pages for them.
	Tests *laboratory.Room
	// Tiles serves the transparency log's own files below /log/; none: they are elsewhere.
	Tiles http.Handler
	// LogKey is the key by which the log's checkpoints are checked, as its tools write it.
	LogKey string
	// Prove is a proof, as a file, that the log holds the leaf of an index; none: no
	// proofs are offered.
	Prove func(ctx context.Context, index uint64) ([]byte, error)
}

// Server answers requests. It is safe for use by many at once.
type Server struct {
	Config
	accounts *accounts // nil where nobody signs in

	base    *url.URL
	assets  *assets
	pages   *pages
	mux     *http.ServeMux
	root    http.Handler
	api     huma.API
	print   *printer
	dumps   chan struct{} // a slot for each dump that is being written
	answers chan struct{} // a slot for each answer with files that comes in at the bench
}

// New makes a server. It fails only where its own parts or the configuration are
// wrong.
func New(c Config) (*Server, error) {
	if c.Title == "" {
		c.Title = "Product security register"
	}
	base, err := url.Parse(c.BaseURL)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: "public address", What: "is no address of a site: " + c.BaseURL, Do: "give one such as https://register.example"}
	}
	c.BaseURL = strings.TrimRight(c.BaseURL, "/")
	s := &Server{Config: c, base: base, mux: http.NewServeMux(), print: newPrinter(), dumps: make(chan struct{}, maxDumps), answers: make(chan struct{}, maxAnswers)}
	if s.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	if err := s.openAccounts(); err != nil {
		return nil, err
	}
	if s.pages, err = loadPages(s.assets); err != nil {
		return nil, err
	}
	if err := s.publicRoutes(); err != nil {
		return nil, err
	}
	s.root = s.guard(s.mux)
	return s, nil
}

func (s *Server) nothing(http.ResponseWriter, *http.Request) error {
	return &assay.Problem{Kind: assay.ErrNotFound, What: "There is no such page", Do: "Look the product up by its name, its model or the number below its barcode."}
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.root.ServeHTTP(w, r) }

// policy lets a page load what comes from here, and run nothing.
const policy = "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// guard puts on every answer what keeps a browser on the safe side, and refuses
// requests that change something and come from another site.
func (s *Server) guard(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(s.handle(func(http.ResponseWriter, *http.Request) error {
		return &assay.Problem{Kind: assay.ErrRefused, What: "This request came from another site", Do: "Open the page here and send the form again."}
	})))
	guarded := protection.Handler(s.withSession(next))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		if s.base.Scheme == "https" {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		defer s.recovered(w, r)
		guarded.ServeHTTP(w, r)
	})
}

func (s *Server) today() assay.Date { return assay.DateOf(s.Now()) }
