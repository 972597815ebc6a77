package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/assay-psti/assay/register"
	"github.com/assay-psti/assay/web"
)

// Times that a client has. There is none for a whole request: a dump of the register
// may take long. What counts is that it goes on.
const (
	headerTime = 5 * time.Second  // to send the head of a request
	idleTime   = 2 * time.Minute  // between requests
	stepTime   = 30 * time.Second // to take or to send a piece of a body
	graceTime  = 20 * time.Second // after which a body must have come at leastRate
	leastRate  = 1 << 10          // bytes a second
	drainTime  = 5 * time.Second  // to send what nobody reads

	maxHeadBytes = 32 << 10
	maxBodyBytes = register.MaxBundleBytes + 4<<20
)

// door stands between the network and the pages: it says who asks, bounds what they
// may do, counts, and answers whether the server is well.
type door struct {
	h       *house
	figures *figures
	proxies []netip.Prefix
	pages   *limiter // nil: no bound
	files   *limiter // assets, and the log's tiles, of which a mirror wants many
	ready   atomic.Bool
}

func newDoor(h *house, f *figures, c *serveCommand) (*door, error) {
	d := &door{h: h, figures: f, proxies: c.Proxy}
	if c.Rate > 0 {
		d.pages, d.files = newLimiter(c.Rate, maxClients), newLimiter(10*c.Rate, maxClients)
	}
	return d, nil
}

// server is the HTTP server, not yet started.
func (d *door) server(log *slog.Logger) *http.Server {
	return &http.Server{Handler: d, ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeadBytes, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
}

// ServeHTTP answers one request.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/healthz":
		plainAnswer(w, http.StatusOK, "ok")
		return
	case "/readyz":
		d.serveReady(w, r)
		return
	}
	client := clientOf(r, d.proxies)
	r.RemoteAddr = netip.AddrPortFrom(client, 0).String()
	began := time.Now()
	answer := &answer{ResponseWriter: w, control: http.NewResponseController(w)}
	where := section(r.URL.Path)
	defer func() {
		took := time.Since(began)
		d.figures.request(where, r.Method, answer.code(), took)
		level := slog.LevelDebug
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			level = slog.LevelInfo
		}
		// No path: it may hold a link that is good for one use.
		d.h.slog.LogAttrs(r.Context(), level, "request", slog.String("section", where), slog.String("method", knownMethod(r.Method)), slog.Int("status", answer.code()), slog.Int64("bytes", answer.bytes), slog.Duration("took", took))
	}()
	limits := d.pages
	if where == "assets" || where == "log" {
		limits = d.files
	}
	if limits != nil && !limits.allow(client, began) {
		d.figures.refused.WithLabelValues("rate").Inc()
		answer.Header().Set("Retry-After", "5")
		plainAnswer(answer, http.StatusTooManyRequests, "too many requests from your address: wait a few seconds")
		return
	}
	body := &slowBody{body: r.Body, control: answer.control, began: began}
	if r.Body != nil && r.Body != http.NoBody {
		most := int64(maxBodyBytes)
		switch {
		case strings.Contains(r.URL.Path, "/import"):
			most = register.MaxImportBytes + 1<<20
		case strings.HasPrefix(r.URL.Path, "/org/bench/"):
			most = web.BenchLimit
		}
		r.Body = http.MaxBytesReader(w, body, most)
		defer body.finish()
	}
	d.h.pages.ServeHTTP(answer, r)
}

// serveReady says whether requests should be sent here.
func (d *door) serveReady(w http.ResponseWriter, r *http.Request) {
	if !d.ready.Load() {
		plainAnswer(w, http.StatusServiceUnavailable, "starting or stopping")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	if err := d.h.db.Ping(ctx); err != nil {
		d.h.slog.Error("not ready: the database does not answer", "error", err)
		plainAnswer(w, http.StatusServiceUnavailable, "the database does not answer")
		return
	}
	if d.h.log != nil {
		if _, err := d.h.log.Size(ctx); err != nil {
			d.h.slog.Error("not ready: the log does not answer", "error", err)
			plainAnswer(w, http.StatusServiceUnavailable, "the log does not answer")
			return
		}
	}
	plainAnswer(w, http.StatusOK, "ready")
}

func plainAnswer(w http.ResponseWriter, code int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, text+"\n")
}

// sections of the site that are counted apart. Others are counted as one, so that no
// caller can make up names.
var sections = []string{"api", "assets", "badge", "c", "changes.atom", "compare", "dump", "follow", "log", "m", "p", "product", "proof", "search", "set-up", "sign-in", "sign-out", "enrol", "account", "org", "operator", "lab", "invitation", "recover"}

// section is the part of the site that a path is in.
func section(path string) string {
	if path == "/" {
		return "home"
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if slices.Contains(sections, first) {
		return first
	}
	return "other"
}

func knownMethod(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}

// answer counts what is answered, and gives the client a time for each piece.
type answer struct {
	http.ResponseWriter
	control *http.ResponseController
	status  int
	bytes   int64
}

// WriteHeader begins the answer.
func (a *answer) WriteHeader(code int) {
	if a.status == 0 && code >= 200 {
		a.status = code
	}
	a.step()
	a.ResponseWriter.WriteHeader(code)
}

// Write sends a piece of the answer.
func (a *answer) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	a.step()
	n, err := a.ResponseWriter.Write(p)
	a.bytes += int64(n)
	return n, err
}

// Flush sends what was written so far.
func (a *answer) Flush() {
	a.step()
	_ = a.control.Flush()
}

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *answer) step() { _ = a.control.SetWriteDeadline(time.Now().Add(stepTime)) }

func (a *answer) code() int {
	if a.status == 0 {
		return http.StatusOK
	}
	return a.status
}

// errSlow ends a request whose body trickles.
var errSlow = errors.New("the body of the request comes too slowly")

// slowBody ends the reading of a body that comes too slowly.
type slowBody struct {
	body    io.ReadCloser
	control *http.ResponseController
	began   time.Time
	bytes   int64
	ended   bool
}

// Read reads a piece of the body.
func (b *slowBody) Read(p []byte) (int, error) {
	now := time.Now()
	if took := now.Sub(b.began); took > graceTime && float64(b.bytes) < leastRate*took.Seconds() {
		return 0, errSlow
	}
	_ = b.control.SetReadDeadline(now.Add(stepTime))
	n, err := b.body.Read(p)
	b.bytes += int64(n)
	if err != nil {
		// A deadline that passes while the answer is made would look as if the client had gone.
		b.ended = true
		_ = b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

// Close closes the body.
func (b *slowBody) Close() error { return b.body.Close() }

// finish bounds how long is waited for what nobody read.
func (b *slowBody) finish() {
	if !b.ended {
		_ = b.control.SetReadDeadline(time.Now().Add(drainTime))
	}
}
