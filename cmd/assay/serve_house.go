package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/laboratory"
	"github.com/assay-psti/assay/register"
	"github.com/assay-psti/assay/store"
	"github.com/assay-psti/assay/tlog"
	"github.com/assay-psti/assay/web"
)

// house is what a server lives in: database, log, register.
type house struct {
	slog     *slog.Logger
	db       *store.DB
	log      *tlog.Log // nil: another process writes it
	register *register.Service
	tests    *laboratory.Room
	pages    *web.Server
}

// open opens database and log, and makes what is not there.
func (c *serveCommand) open(ctx context.Context, env *environment, log *slog.Logger) (*house, error) {
	h := &house{slog: log}
	if err := c.openAll(ctx, env, h); err != nil {
		return nil, errors.Join(err, h.close())
	}
	return h, nil
}

func (c *serveCommand) openAll(ctx context.Context, env *environment, h *house) error {
	base, err := url.Parse(c.PublicURL)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" || base.Path != "" {
		return &assay.Problem{Kind: assay.ErrInvalid, Where: "--public-url", What: "is no address of a site", Do: "write https://register.example"}
	}
	if net.ParseIP(base.Hostname()) != nil {
		return &assay.Problem{Kind: assay.ErrInvalid, Where: "--public-url", What: "is a number, and passkeys hold for names alone", Do: "give the host a name; on this machine: localhost"}
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	watch, err := c.watch(base)
	if err != nil {
		return err
	}
	if h.db, err = store.Open(ctx, c.where(), store.Options{Log: quiet(h.slog), Pages: watch != nil}); err != nil {
		return err
	}
	pages := web.Config{Title: c.Title, Operator: c.Operator, OperatorContact: c.Contact, BaseURL: c.PublicURL, Now: env.now, Log: h.slog}
	var kept register.Log
	if c.LogAt == "" {
		if h.log, err = tlog.Open(ctx, c.logDir(), tlog.Options{Origin: c.origin(base)}); err != nil {
			return err
		}
		kept, pages.Tiles, pages.LogKey = h.log, h.log.Handler(), h.log.Key().String()
		pages.Prove = func(ctx context.Context, index uint64) ([]byte, error) {
			p, err := h.log.Prove(ctx, int64(index))
			if err != nil {
				return nil, err
			}
			return p.Encode(), nil
		}
	} else {
		there, err := logElsewhere(ctx, c.LogAt, h.db)
		if err != nil {
			return err
		}
		kept, pages.Tiles, pages.LogKey, pages.Prove = there, there.tiles, there.client.Key().String(), there.prove
	}
	h.register, err = register.Open(ctx, register.Config{Store: h.db, Log: kept, Now: env.now, Random: rand.Reader, BaseURL: c.PublicURL, Holder: holder(h.log), Pages: watch,
		Trouble: func(err error) { h.slog.Error("leaves cannot be moved to the log; it is tried again", "error", err) }})
	if err != nil {
		return err
	}
	if h.log != nil {
		end, err := h.register.CheckEnd(ctx)
		if err != nil {
			return err
		}
		if n := len(end.Unknown); n > 0 {
			h.slog.Warn("the log has leaves that the database knows nothing of; assay check-log says which", "leaves", n)
		}
	}
	if h.tests, err = laboratory.Open(c.testsDir(), laboratory.Options{Now: env.now}); err != nil {
		return err
	}
	if err := h.register.HoldTests(ctx, h.tests.ID()); err != nil {
		return err
	}
	pages.Register, pages.Tests = h.register, h.tests
	if err := c.accounts(&pages, h, env); err != nil {
		return err
	}
	h.pages, err = web.New(pages)
	return err
}

// How often pages are looked at: by default, and at most.
const (
	watchEvery = 7 * 24 * time.Hour
	watchMost  = time.Hour
)

// watch is how the pages that entries name are looked at; nil: they are not. A register
// that only its own machine reaches is one to try things out with, and asks nobody.
func (c *serveCommand) watch(base *url.URL) (*register.Watch, error) {
	every := watchEvery
	switch {
	case c.CheckPages != nil:
		every = *c.CheckPages
	case c.Demo > 0 || base.Hostname() == "localhost" || strings.HasSuffix(base.Hostname(), ".localhost"):
		every = 0
	}
	switch {
	case every == 0:
		return nil, nil
	case every < watchMost:
		return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: "--check-pages", What: "is less than an hour: other people's sites are not to be asked that often", Do: "write 168h, or 0 for never"}
	case c.Demo > 0:
		return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: "--check-pages", What: "does not go with --demo: invented products have no pages", Do: "leave it out"}
	}
	return &register.Watch{Every: every, AuthorisedBy: c.PagesAuthorisedBy}, nil
}

// accounts lets people sign in: with passkeys, and with their company's own sign-in
// where the operator set one up.
func (c *serveCommand) accounts(pages *web.Config, h *house, env *environment) error {
	pages.Accounts.Sessions = h.db.Sessions(env.now, web.SessionAccount)
	if c.SignIn == "" {
		return nil
	}
	text, err := readSmall(c.SignIn)
	if err != nil {
		return err
	}
	var list []struct {
		ID           string         `json:"id"`
		Title        string         `json:"title"`
		Issuer       string         `json:"issuer"`
		ClientID     string         `json:"client_id"`
		ClientSecret string         `json:"client_secret"`
		Organisation register.OrgID `json:"organisation"`
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&list); err != nil { // what is wrong may be a secret
		return &assay.Problem{Kind: assay.ErrInvalid, Where: c.SignIn, What: "cannot be read as a list of sign-in providers", Do: "see docs/server.md"}
	}
	for _, p := range list {
		pages.Accounts.Providers = append(pages.Accounts.Providers, web.Provider{ID: p.ID, Title: p.Title, Issuer: p.Issuer, ClientID: p.ClientID, ClientSecret: p.ClientSecret, Org: p.Organisation})
	}
	return nil
}

// origin is the name of the log. It is that of the log that is there: the address of
// a register may change, the name of its log does not.
func (c *serveCommand) origin(base *url.URL) string {
	if text, err := readSmall(filepath.Join(c.logDir(), "log", "log.vkey")); err == nil {
		if key, err := tlog.ParseKey(strings.TrimSpace(string(text))); err == nil {
			return key.Origin()
		}
	}
	return base.Host + "/log"
}

// holder names this process among those on one database. The one that has the log's
// folder is the only one that can: named by the log, it goes on at once after a kill,
// where another name would wait until the lease of the killed one runs out.
func holder(log *tlog.Log) string {
	if log != nil {
		sum := sha256.Sum256([]byte(log.Key().String()))
		return "log " + hex.EncodeToString(sum[:8])
	}
	return "process " + rand.Text()
}

// close lets go of all that was opened.
func (h *house) close() error {
	var err error
	if h.log != nil {
		err = h.log.Close()
	}
	if h.tests != nil {
		err = errors.Join(err, h.tests.Close())
	}
	if h.db != nil {
		err = errors.Join(err, h.db.Close())
	}
	return err
}

// elsewhere is a log that another process writes. This one reads it over HTTP, and
// knows how far it got from the database.
type elsewhere struct {
	db     *store.DB
	client *tlog.Client
	tiles  http.Handler
}

func logElsewhere(ctx context.Context, address string, db *store.DB) (*elsewhere, error) {
	client, err := tlog.NewClient(ctx, address, tlog.ClientOptions{})
	if err != nil {
		return nil, fmt.Errorf("log at %s: %w", address, err)
	}
	at, err := url.Parse(address)
	if err != nil {
		return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: "--log-at", What: "is no address"}
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(at) },
		Transport: &http.Transport{DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext, ResponseHeaderTimeout: 10 * time.Second, MaxIdleConnsPerHost: 16,
			IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 1 << 16},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			slog.Warn("the log cannot be reached", "error", err)
			http.Error(w, "the log cannot be reached", http.StatusBadGateway)
		},
	}
	return &elsewhere{db, client, proxy}, nil
}

var _ register.Log = (*elsewhere)(nil)

func (e *elsewhere) refused() error {
	return fmt.Errorf("log: %w: another process writes it", assay.ErrRefused)
}

// AppendAll refuses: only the process that has the log's folder adds to it.
func (e *elsewhere) AppendAll(context.Context, [][]byte) ([]int64, error) { return nil, e.refused() }

// Leaves refuses: only the process that has the log's folder takes note of it.
func (e *elsewhere) Leaves(context.Context, int64, func(int64, []byte) error) error {
	return e.refused()
}

// Size is how many leaves the database knows of.
func (e *elsewhere) Size(ctx context.Context) (n int64, err error) {
	err = e.db.Read(ctx, func(r register.Reader) error {
		size, err := r.Integrated(ctx)
		n = int64(size)
		return err
	})
	return n, err
}

func (e *elsewhere) prove(ctx context.Context, index uint64) ([]byte, error) {
	now, err := e.client.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	p, err := e.client.Prove(ctx, now, int64(index))
	if err != nil {
		return nil, err
	}
	return p.Encode(), nil
}
