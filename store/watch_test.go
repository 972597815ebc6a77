package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
	"github.com/assay-psti/assay/store"
)

// site is a maker's site on this machine, of which each page can be told what to do.
type site struct {
	*httptest.Server
	mu    sync.Mutex // guards the fields below
	pages map[string]http.HandlerFunc
	asked []string
}

func newSite(t *testing.T) *site {
	s := &site{pages: map[string]http.HandlerFunc{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		f := s.pages[r.URL.Path]
		if r.URL.Path != "/robots.txt" {
			s.asked = append(s.asked, r.URL.Path)
		}
		s.mu.Unlock()
		if f == nil {
			http.NotFound(w, r)
			return
		}
		f(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *site) set(path string, f http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pages[path] = f
}

// says makes a page of a text.
func (s *site) says(path, text string) {
	s.set(path, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, text) })
}

func (s *site) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.asked
	s.asked = nil
	return asked
}

const supportText = `<html><title>Security updates</title><body><h1>Security updates</h1><p>This page says until when we provide security updates for our products.</p>
<table><tr><th>Model</th><th>Security updates until</th></tr><tr><td>K2-100</td><td>%s</td></tr></table></body></html>`

const day = 24 * time.Hour

// look lets time pass and looks at what is due then.
func (h *house) look(t *testing.T, after time.Duration) {
	t.Helper()
	h.now = h.now.Add(after)
	work := []string{`{}`}
	for range 12 { // what a slow machine leaves of one time is there the next
		work = append(work, `{"host":"127.0.0.1"}`)
	}
	for _, payload := range work {
		if err := h.s.Do(t.Context(), register.Work{Kind: register.WorkPages, Payload: json.RawMessage(payload)}); err != nil {
			t.Fatal(err)
		}
	}
}

func (h *house) page(t *testing.T, slug, url string) register.SeenPage {
	t.Helper()
	full, err := h.s.Product(t.Context(), register.Public, slug)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range full.Pages {
		if p.URL == url {
			return p
		}
	}
	return register.SeenPage{}
}

func TestWatch(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		h.pages = &register.Watch{Every: 7 * day, AuthorisedBy: "the test"}
		h.open(t)
		s := newSite(t)
		s.says("/support", fmt.Sprintf(supportText, "1 January 2031"))
		s.says("/security", "<html><title>Security</title><body><p>We care.</p></body></html>")
		f := facts("K2")
		f.Models = []string{"K2-100"}
		f.Pages = register.Pages{Support: s.URL + "/support", Product: s.URL + "/product"}
		f.Contact.URL = s.URL + "/security"
		r := h.publish(t, f, "2031-01-01")
		h.look(t, 0)
		if asked := s.take(); len(asked) > 0 {
			t.Fatalf("looked at what is not public: %q", asked)
		}
		h.settle(t)
		h.look(t, 0)
		h.look(t, 6*time.Hour)
		if asked := s.take(); len(asked) != 3 {
			t.Fatalf("asked for %q, want three pages, each once", asked)
		}
		at := func(path string) register.SeenPage { t.Helper(); return h.page(t, r.Slug, s.URL+path) }
		if p := at("/support"); p.Found != register.PageSame || p.Digest == "" || p.Seen.IsZero() {
			t.Errorf("support page: %+v", p)
		}
		if p := at("/security"); p.Found != register.PageThere {
			t.Errorf("security page: %+v", p)
		}
		if p := at("/product"); p.Found != register.PageUnread {
			t.Errorf("a page that was missing once: %+v", p)
		}
		h.look(t, time.Minute) // nothing is due
		if asked := s.take(); len(asked) > 0 {
			t.Errorf("asked again for %q", asked)
		}
		h.look(t, day)
		if p := at("/product"); p.Found != register.PageGone || !strings.HasPrefix(p.Words(), "is gone") {
			t.Errorf("a page that is gone: %+v", p)
		}
		// Now says less, leads somewhere private, is slow to end: each for itself.
		s.says("/support", fmt.Sprintf(supportText, "30 June 2028"))
		s.says("/product", "<html><title>Kettle</title><body><p>A kettle.</p></body></html>")
		s.set("/security", func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) })
		h.look(t, 11*day)
		if p := at("/support"); p.Found != register.PageDiffers || p.Says != "security updates until 30 June 2028; the entry says 1 January 2031" || p.Quote == "" || p.Changed.IsZero() {
			t.Errorf("support page that says less: %+v", p)
		}
		if p := at("/product"); p.Found != register.PageThere || !p.Since.IsZero() {
			t.Errorf("a page that is back: %+v", p)
		}
		if p := at("/security"); p.Found != register.PageThere || p.Tries != 1 {
			t.Errorf("a page that failed once: %+v", p)
		}
		for range 4 {
			h.look(t, day)
		}
		if p := at("/security"); p.Found != register.PageSilent || !strings.Contains(p.Words(), "could not be reached since") || !strings.Contains(p.Words(), "last seen on") {
			t.Errorf("a page that cannot be reached: %+v", p)
		}
		// The entry says what it said.
		full, err := h.s.Product(ctx, register.Public, r.Slug)
		if err != nil || full.Version.Number != 1 || full.Entry.SupportEnd.String() != "2031-01-01" || len(full.History) != 1 {
			t.Errorf("the entry was changed: %+v, %v", full.Entry, err)
		}
		d, err := h.s.Dashboard(ctx, h.maker)
		if err != nil || len(d.Pages) != 2 {
			t.Errorf("overview: %+v, %v", d.Pages, err)
		}
		// Longer support, on the page and in the entry: what was held against the version
		// before counts no more.
		if _, err := h.s.ExtendSupport(ctx, h.maker, r.Product, []register.Extension{{Component: register.WholeProduct, End: assay.MustDate("2035-01-01")}}, ""); err != nil {
			t.Fatal(err)
		}
		h.settle(t)
		if p := at("/support"); p.Found != register.PageUnread {
			t.Errorf("shown of another version: %+v", p)
		}
		s.says("/support", fmt.Sprintf(supportText, "1 January 2035"))
		h.look(t, 0)
		h.look(t, 6*time.Hour)
		if p := at("/support"); p.Found != register.PageSame {
			t.Errorf("of the new version: %+v", p)
		}
		// Withdrawn, it is looked at no more.
		if _, err := h.s.Withdraw(ctx, h.maker, r.Product, "recalled"); err != nil {
			t.Fatal(err)
		}
		h.settle(t)
		h.look(t, 0)
		s.take()
		h.look(t, 30*day)
		if asked := s.take(); len(asked) > 0 {
			t.Errorf("asked for pages of a withdrawn entry: %q", asked)
		}
		h.agree(t)
	})
}

// TestWatchLetters tells a maker of each page once, and seldom.
func TestWatchLetters(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.pages = &register.Watch{Every: 7 * day, AuthorisedBy: "the test"}
		h.open(t)
		s := newSite(t)
		other, _ := h.organisation(t, "Other Ltd", register.Manufacturer)
		publish := func(name string) {
			t.Helper()
			f := facts(name)
			f.Pages.Product = s.URL + "/" + name
			h.publish(t, f, "2031-01-01")
			h.settle(t)
		}
		letters := func() int {
			t.Helper()
			n, err := h.db.Count(t.Context(), `select count(*) from river_job where kind = 'register' and cast(args as text) like '%Pages that your entries%'`)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		publish("one")
		publish("two")
		h.look(t, 0)
		h.look(t, 6*time.Hour)
		h.look(t, day)
		if got := letters(); got != 1 { // the organisation has one owner; the other organisation nothing to hear of
			t.Fatalf("%d letters of two pages that are gone, want one", got)
		}
		for range 3 {
			h.look(t, 7*day)
		}
		publish("three")
		h.look(t, 0)
		h.look(t, 6*time.Hour)
		if got := letters(); got != 1 {
			t.Errorf("%d letters after three weeks, want no second one", got)
		}
		for range 3 {
			h.look(t, 7*day)
		}
		if got := letters(); got != 2 {
			t.Errorf("%d letters after a further page, want a second one, and only one", got)
		}
		d, err := h.s.Dashboard(t.Context(), other)
		if err != nil || len(d.Pages) != 0 {
			t.Errorf("another organisation sees %+v, %v", d.Pages, err)
		}
	})
}

// TestWatchHostile looks at pages that do what they can against whoever looks.
func TestWatchHostile(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.pages = &register.Watch{Every: 7 * day, AuthorisedBy: "the test"}
		h.open(t)
		s := newSite(t)
		f := facts("K2")
		s.set("/huge", func(w http.ResponseWriter, r *http.Request) {
			piece := []byte(strings.Repeat("<p>security updates until 1 January 2027</p>", 1<<10))
			for range 1 << 10 {
				if _, err := w.Write(piece); err != nil {
					return
				}
			}
		})
		s.set("/loop", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/loop?"+r.URL.RawQuery+"x", http.StatusFound)
		})
		s.set("/elsewhere", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		})
		s.set("/binary", func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte("%PDF-1.7\x00\xff\xfe trailer <</Size 99999999>>"))
		})
		s.set("/forbidden", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", http.StatusForbidden) })
		s.says("/robots.txt", "User-agent: *\nDisallow: /private\n")
		f.Contact.URL, f.Contact.Policy = s.URL+"/huge", s.URL+"/loop"
		f.Pages = register.Pages{Security: s.URL + "/elsewhere", Support: s.URL + "/binary", Statement: s.URL + "/private", Product: s.URL + "/forbidden"}
		r := h.publish(t, f, "2031-01-01")
		h.settle(t)
		until := h.now.Add(66 * time.Hour)
		h.look(t, 0)
		h.look(t, 6*time.Hour)
		odd := func() (all []string) {
			for path, want := range map[string]register.PageFound{
				"/huge": register.PageThere, "/loop": register.PageUnread, "/elsewhere": register.PageUnread, "/binary": register.PageThere,
				"/private": register.PageClosed, "/forbidden": register.PageClosed,
			} {
				if p := h.page(t, r.Slug, s.URL+path); p.Found != want {
					all = append(all, fmt.Sprintf("%s: %+v, want %q", path, p, want))
				}
			}
			return all
		}
		// On a busy machine a page may not answer in time. It is looked at again then, and
		// called silent after three days only.
		for h.now.Before(until) && len(odd()) > 0 {
			h.look(t, 6*time.Hour)
		}
		for _, o := range odd() {
			t.Error(o)
		}
		for _, path := range s.take() {
			if path == "/private" {
				t.Error("asked for what robots.txt forbids")
			}
		}
		// Without anybody's leave, nothing on this machine is spoken to; and nobody learns
		// from what is shown what stands there.
		h.pages = &register.Watch{Every: 7 * day}
		h.open(t)
		g := facts("K3")
		g.Pages.Product = s.URL + "/product"
		s.says("/product", "secret")
		r = h.publish(t, g, "2031-01-01")
		h.settle(t)
		h.look(t, 0)
		s.take()
		for range 5 {
			h.look(t, 30*day)
		}
		if asked := s.take(); len(asked) > 0 {
			t.Errorf("asked this machine for %q", asked)
		}
		p := h.page(t, r.Slug, s.URL+"/product")
		if text := fmt.Sprintf("%+v %s", p, p.Words()); p.Found != register.PageSilent || strings.Contains(text, "loopback") || strings.Contains(text, "secret") {
			t.Errorf("%s", text)
		}
	})
}

// TestWatchRound hands out each host with pages due once in a while, however often it
// comes by, and comes by every host.
func TestWatchRound(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		h.pages = &register.Watch{Every: 7 * day}
		h.open(t)
		const hosts = 70
		for i := range hosts {
			f := facts(fmt.Sprintf("K%d", i))
			f.Pages.Product = fmt.Sprintf("https://maker%02d.example/k", i)
			f.Contact.URL = "https://maker00.example/security"
			h.publish(t, f, "2031-01-01")
		}
		h.settle(t)
		round := func() int {
			t.Helper()
			before, err := h.db.Waiting(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if err := h.s.Do(ctx, register.Work{Kind: register.WorkPages}); err != nil {
				t.Fatal(err)
			}
			after, err := h.db.Waiting(ctx)
			if err != nil {
				t.Fatal(err)
			}
			return after - before
		}
		if got := round(); got != 0 {
			t.Errorf("%d hosts at once after publishing, want them spread", got)
		}
		h.now = h.now.Add(7 * day)
		var got []int
		for range 4 {
			got = append(got, round())
		}
		if want := fmt.Sprint([]int{30, 30, 10, 0}); fmt.Sprint(got) != want {
			t.Errorf("hosts handed out in rounds: %v, want %s", got, want)
		}
		h.now = h.now.Add(time.Hour) // nobody looked: they are still due
		if n := round(); n != 30 {
			t.Errorf("%d hosts an hour later, want 30", n)
		}
	})
}

// TestWatchWork has the queue come by every so often, where it is asked to.
func TestWatchWork(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		db, err := store.Open(t.Context(), h.where, store.Options{Pages: true})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		came := make(chan register.Work, 10)
		err = db.Work(ctx, 1, func(_ context.Context, w register.Work) error {
			if w.Kind == register.WorkPages {
				came <- w
				cancel()
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		select {
		case w := <-came:
			if len(w.Payload) > 0 {
				t.Errorf("a round with the payload %s", w.Payload)
			}
		default:
			t.Error("the queue ended before a round came")
		}
	})
}
