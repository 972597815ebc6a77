package tlog_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/tlog"
)

// site serves whatever handler stands in it.
type site struct {
	handler atomic.Pointer[http.Handler]
	url     string
}

func serve(t testing.TB, h http.Handler) *site {
	t.Helper()
	s := &site{}
	s.handler.Store(&h)
	server := httptest.NewServer(http.StripPrefix("/log", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		(*s.handler.Load()).ServeHTTP(w, r)
	})))
	t.Cleanup(server.Close)
	s.url = server.URL + "/log"
	return s
}

// folder serves the folder of a log, or of a mirror, as any web server does.
func folder(dir string) http.Handler { return http.FileServer(http.Dir(dir)) }

// but answers one path otherwise.
func but(h http.Handler, name string, answer http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(strings.TrimPrefix(r.URL.Path, "/"), name) {
			answer(w, r)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// flipped answers with what h does, one bit changed.
func flipped(h http.Handler, at int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		body := rec.Body.Bytes()
		body[at%len(body)] ^= 1
		w.Write(body)
	}
}

func client(t testing.TB, url string, o tlog.ClientOptions) *tlog.Client {
	t.Helper()
	c, err := tlog.NewClient(t.Context(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// twoSizes makes a log, and copies of its folder at two sizes.
func twoSizes(t testing.TB, a, b int64) (key tlog.Key, small, large string) {
	t.Helper()
	dir, small := t.TempDir(), filepath.Join(t.TempDir(), "small")
	l := open(t, dir)
	key = l.Key()
	fill(t, l, a)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(small, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(small, "key"), 0o600); err != nil {
		t.Fatal(err)
	}
	l = open(t, dir)
	fill(t, l, b)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return key, small, dir
}

func TestReadOverHTTP(t *testing.T) {
	l := open(t, t.TempDir())
	kept := fill(t, l, 300)
	fill(t, l, 1000)
	s := serve(t, l.Handler())
	key := l.Key()
	for name, o := range map[string]tlog.ClientOptions{"key-given": {Key: &key}, "key-offered": {}} {
		t.Run(name, func(t *testing.T) {
			c := client(t, s.url, o)
			if got, want := c.FirstUse(), o.Key == nil; got != want {
				t.Errorf("first use is %v, want %v", got, want)
			}
			now, err := c.Checkpoint(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Grew(t.Context(), kept, now); err != nil {
				t.Error(err)
			}
			for _, i := range []int64{0, 255, 256, 767, 768, 999} {
				p, err := c.Prove(t.Context(), now, i)
				if err != nil {
					t.Fatal(err)
				}
				if string(p.Extra) != string(text(i)) {
					t.Errorf("leaf %d is %q", i, p.Extra)
				}
			}
			if _, err := c.Prove(t.Context(), now, 1000); !errors.Is(err, assay.ErrNotFound) {
				t.Errorf("a leaf beyond the last: %v", err)
			}
			n := int64(0)
			err = c.Walk(t.Context(), now, func(i int64, leaf []byte) error {
				if i != n || string(leaf) != string(text(i)) {
					t.Errorf("leaf %d is %q", i, leaf)
				}
				n++
				return nil
			}, kept)
			if err != nil || n != 1000 {
				t.Errorf("the walk saw %d leaves: %v", n, err)
			}
		})
	}
	t.Run("empty", func(t *testing.T) {
		l := open(t, t.TempDir())
		c := client(t, serve(t, l.Handler()).url, tlog.ClientOptions{})
		now, err := c.Checkpoint(t.Context())
		if err != nil || now.Size != 0 {
			t.Fatalf("the empty log: %v, %v", now, err)
		}
		if err := c.Walk(t.Context(), now, nil, now); err != nil {
			t.Error(err)
		}
		if err := c.Grew(t.Context(), now, kept); err == nil {
			t.Log("growth from nothing needs no tile")
		}
	})
}

// Whatever a server on the way changes is found, and none of it is called a fork.
func TestTampered(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	kept := fill(t, l, 300)
	fill(t, l, 1000)
	key := l.Key()
	good := l.Handler()
	nothing := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }
	for name, tt := range map[string]struct {
		handler http.Handler
		want    error
	}{
		"checkpoint":      {but(good, "checkpoint", flipped(good, 30)), assay.ErrRefused},
		"tile":            {but(good, "tile/0/001", flipped(good, 77)), assay.ErrRefused},
		"parent":          {but(good, "tile/1/", flipped(good, 5)), assay.ErrRefused},
		"leaf":            {but(good, "tile/entries/001", flipped(good, 9)), assay.ErrRefused},
		"leaf-length":     {but(good, "tile/entries/001", flipped(good, 1)), assay.ErrRefused},
		"tile-empty":      {but(good, "tile/0/001", nothing), assay.ErrRefused},
		"bundle-empty":    {but(good, "tile/entries/001", nothing), assay.ErrRefused},
		"tile-missing":    {but(good, "tile/0/001", http.NotFound), assay.ErrNotFound},
		"bundle-missing":  {but(good, "tile/entries/", http.NotFound), assay.ErrNotFound},
		"server-error":    {but(good, "tile/", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }), assay.ErrInternal},
		"huge-checkpoint": {but(good, "checkpoint", endless), assay.ErrInvalid},
		"huge-tile":       {but(good, "tile/0/", endless), assay.ErrInvalid},
		"huge-bundle":     {but(good, "tile/entries/", endless), assay.ErrInvalid},
		"redirect-loop":   {but(good, "tile/", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/log"+r.URL.Path, http.StatusFound) }), assay.ErrNotFound},
		"redirect-file": {but(good, "tile/", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		}), assay.ErrNotFound},
		"slow": {but(good, "tile/", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), assay.ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, tt.handler)
			o := tlog.ClientOptions{Key: &key}
			if name == "slow" {
				o.Timeout = 50 * time.Millisecond
			}
			c := client(t, s.url, o)
			check := func(what string, err error) {
				t.Helper()
				var fork *tlog.Fork
				if !errors.Is(err, tt.want) || errors.As(err, &fork) {
					t.Errorf("%s: %v, want an error of kind %v", what, err, tt.want)
				}
			}
			_, err := tlog.Mirror(t.Context(), s.url, t.TempDir(), o, nil)
			check("mirror", err)
			now, err := c.Checkpoint(t.Context())
			if err != nil {
				check("checkpoint", err)
				return
			}
			_, err = c.Prove(t.Context(), now, 256)
			check("prove", err)
			if strings.HasPrefix(name, "leaf") || strings.Contains(name, "bundle") {
				check("walk", c.Walk(t.Context(), now, nil, kept))
			} else if name != "tile" && !strings.HasPrefix(name, "tile-") && name != "parent" && name != "huge-tile" {
				check("growth", c.Grew(t.Context(), kept, now))
			}
		})
	}
}

func endless(w http.ResponseWriter, _ *http.Request) {
	block := []byte(strings.Repeat("0123456789abcde\n", 4096))
	for range 1000 {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

func TestWrongKey(t *testing.T) {
	l, other := open(t, t.TempDir()), open(t, t.TempDir())
	fill(t, l, 3)
	fill(t, other, 3)
	key := other.Key() // of the same name
	c := client(t, serve(t, l.Handler()).url, tlog.ClientOptions{Key: &key})
	if _, err := c.Checkpoint(t.Context()); !errors.Is(err, assay.ErrRefused) {
		t.Errorf("a checkpoint of another key: %v", err)
	}
	p, err := l.Prove(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Verify(text(1), key, nil); !errors.Is(err, assay.ErrRefused) {
		t.Errorf("a proof of another key: %v", err)
	}
	for _, bad := range []string{"", "x", "a+b+c", l.Key().String() + "A", strings.Repeat("a", 2000)} {
		if _, err := tlog.ParseKey(bad); !errors.Is(err, assay.ErrInvalid) {
			t.Errorf("key %.20q: %v", bad, err)
		}
	}
	for _, bad := range []string{"", "ftp://x/", "http://", "https://u:p@host/", "http://host/?q", "file:///etc"} {
		if _, err := tlog.NewClient(t.Context(), bad, tlog.ClientOptions{Key: &key}); !errors.Is(err, assay.ErrInvalid) {
			t.Errorf("address %q: %v", bad, err)
		}
	}
}

func TestRollbackAndFork(t *testing.T) {
	key, small, large := twoSizes(t, 300, 700)
	// The keeper goes on from the small copy with other leaves, and signs them.
	l := open(t, small)
	if _, err := l.AppendAll(t.Context(), [][]byte{[]byte("another leaf 300")}); err != nil {
		t.Fatal(err)
	}
	forked := fill(t, l, 800)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "mirror")
	s := serve(t, folder(filepath.Join(large, "log")))
	first, err := tlog.Mirror(t.Context(), s.url, dir, tlog.ClientOptions{Key: &key}, nil)
	if err != nil || first.Now.Size != 700 {
		t.Fatalf("%v, %v", first, err)
	}
	before, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	h := folder(filepath.Join(small, "log"))
	s.handler.Store(&h)
	_, err = tlog.Mirror(t.Context(), s.url, dir, tlog.ClientOptions{}, nil)
	var fork *tlog.Fork
	if !errors.As(err, &fork) || fork.Rollback || !errors.Is(err, assay.ErrConflict) {
		t.Fatalf("a fork: %v", err)
	}
	if after, err := os.ReadFile(filepath.Join(dir, "checkpoint")); err != nil || string(after) != string(before) {
		t.Errorf("the copy went over to the fork: %v", err)
	}
	for _, ext := range []string{"kept", "shown"} {
		names, err := filepath.Glob(filepath.Join(dir, "evidence", "*."+ext))
		if err != nil || len(names) != 1 {
			t.Fatalf("evidence of what was %s: %v, %v", ext, names, err)
		}
		raw, err := os.ReadFile(names[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tlog.OpenCheckpoint(raw, key, nil); err != nil {
			t.Errorf("the evidence is not signed: %v", err)
		}
	}
	c := client(t, s.url, tlog.ClientOptions{Key: &key})
	if err := c.Walk(t.Context(), forked, nil, first.Now); !errors.As(err, &fork) {
		t.Errorf("the walk does not see the fork: %v", err)
	}
	if _, err := tlog.AuditFolder(t.Context(), dir, key, nil, nil); err != nil {
		t.Errorf("the copy is no longer whole: %v", err)
	}

	// A server that shows less than before.
	h = but(folder(filepath.Join(large, "log")), "checkpoint", func(w http.ResponseWriter, _ *http.Request) { w.Write(first.Now.Raw) })
	s.handler.Store(&h)
	now, err := c.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Grew(t.Context(), forked, now); !errors.As(err, &fork) || !fork.Rollback {
		t.Errorf("a rollback: %v", err)
	}
	if err := c.Walk(t.Context(), now, nil, forked); !errors.As(err, &fork) || !fork.Rollback {
		t.Errorf("a rollback, walked: %v", err)
	}
}

func TestMirror(t *testing.T) {
	key, small, large := twoSizes(t, 700, 9000)
	dir := t.TempDir()
	s := serve(t, folder(filepath.Join(small, "log")))
	m, err := tlog.Mirror(t.Context(), s.url, dir, tlog.ClientOptions{}, nil)
	if err != nil || !m.FirstUse || m.Before != nil || m.Now.Size != 700 || m.Fetched != 3 {
		t.Fatalf("first: %+v, %v", m, err)
	}
	// The log grew; the server breaks off in the middle, and again.
	left := int64(40)
	whole := folder(filepath.Join(large, "log"))
	h := http.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if atomic.AddInt64(&left, -1) < 0 {
			panic(http.ErrAbortHandler)
		}
		whole.ServeHTTP(w, r)
	}))
	s.handler.Store(&h)
	if m, err = tlog.Mirror(t.Context(), s.url, dir, tlog.ClientOptions{}, nil); err == nil || m.FirstUse {
		t.Fatalf("cut short: %+v, %v", m, err)
	}
	cut := m.Fetched
	if c, err := tlog.AuditFolder(t.Context(), dir, key, nil, nil); err != nil || c.Size != 700 {
		t.Errorf("cut short, the copy is not the old one: %v", err)
	}
	atomic.StoreInt64(&left, 1<<30)
	calls := int64(0)
	m, err = tlog.Mirror(t.Context(), s.url, dir, tlog.ClientOptions{}, func(done, of int64) {
		if calls++; done != calls || of != 34 {
			t.Errorf("progress: %d of %d", done, of)
		}
	})
	if err != nil || m.Now.Size != 9000 || m.Kept < cut || m.Kept == 0 || m.Kept+m.Fetched != 34 {
		t.Fatalf("%d were there: %+v, %v", cut, m, err)
	}
	if c, err := tlog.AuditFolder(t.Context(), dir, key, nil, nil, m.Before); err != nil || c.Size != 9000 {
		t.Errorf("the copy: %v", err)
	}
	// Nothing new costs nothing.
	atomic.StoreInt64(&left, 1)
	if m, err = tlog.Mirror(t.Context(), s.url, dir, tlog.ClientOptions{}, nil); err != nil || m.Fetched+m.Kept != 0 {
		t.Errorf("nothing new: %+v, %v", m, err)
	}
	// The copy can be served as it is, tile for tile.
	c := client(t, serve(t, folder(dir)).url, tlog.ClientOptions{Key: &key})
	now, err := c.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []int64{0, 255, 699, 700, 8959, 8960, 8999} {
		if _, err := c.Prove(t.Context(), now, i); err != nil {
			t.Error(err)
		}
	}
	// Another log does not get into the folder.
	other := open(t, t.TempDir())
	otherKey := other.Key()
	if _, err := tlog.Mirror(t.Context(), s.url, dir, tlog.ClientOptions{Key: &otherKey}, nil); !errors.Is(err, assay.ErrConflict) {
		t.Errorf("another key: %v", err)
	}
	// What changed in the folder is found.
	flip(t, dir, "tile/entries/010", 50)
	if _, err := tlog.AuditFolder(t.Context(), dir, key, nil, nil); !errors.Is(err, assay.ErrRefused) {
		t.Errorf("a changed copy: %v", err)
	}
}

func TestTooLarge(t *testing.T) {
	l := open(t, t.TempDir())
	fill(t, l, 300)
	s := serve(t, l.Handler())
	if _, err := tlog.Mirror(t.Context(), s.url, t.TempDir(), tlog.ClientOptions{MaxSize: 299}, nil); !errors.Is(err, assay.ErrUnsupported) {
		t.Errorf("mirror: %v", err)
	}
	c := client(t, s.url, tlog.ClientOptions{MaxSize: 299})
	now, err := c.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Walk(t.Context(), now, nil); !errors.Is(err, assay.ErrUnsupported) {
		t.Errorf("walk: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := client(t, s.url, tlog.ClientOptions{}).Walk(ctx, now, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a reader who left: %v", err)
	}
}

func TestHandler(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	fill(t, l, 300)
	// What a writer that was stopped may leave: it is not in the tree, and never shown.
	overwrite(t, dir, "log/tile/entries/001", []byte("not in the tree"))
	overwrite(t, dir, "log/tile/entries/001.p/45", []byte("not in the tree"))
	h := l.Handler()
	get := func(method, path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
		return w
	}
	for path, want := range map[string]int{
		"/checkpoint": 200, "/log.vkey": 200, "/tile/0/000": 200, "/tile/0/001.p/44": 200, "/tile/1/000.p/1": 200,
		"/tile/entries/000": 200, "/tile/entries/001.p/44": 200, "/tile/0/001.p/7": 200, "/tile/entries/001.p/7": 200,
		"/tile/0/001": 404, "/tile/0/001.p/45": 404, "/tile/entries/001": 404, "/tile/entries/001.p/45": 404, "/tile/1/000.p/2": 404,
		"/tile/2/000": 404, "/tile/0/000.p/0": 404, "/tile/0/000.p/256": 404, "/tile/0/0": 404, "/tile/0/x000/000": 404, "/tile/63/000": 404, "/tile/64/000": 404,
		"/tile/-1/000": 404, "/tile/data/000": 404, "/tile/00/000": 404, "/tile/0/001.p/044": 404, "/": 404, "/tile": 404,
		"/key": 404, "/../key": 404, "/tile/../../key": 404, "/tile/entries/../../../key": 404, "/.state/treeState": 404,
		"/tile/0/x999/x999/x999/x999/x999/x999/x999/999": 404,
	} {
		r := get("GET", path)
		if r.Code != want {
			t.Errorf("%s: %d, want %d", path, r.Code, want)
		}
		cache := r.Header().Get("Cache-Control")
		wantCache := "no-store"
		if want == 200 {
			if wantCache = "public, max-age=31536000, immutable"; !strings.HasPrefix(path, "/tile/") {
				wantCache = "public, max-age=1"
			}
		}
		if cache != wantCache {
			t.Errorf("%s: may be kept: %q, want %q", path, cache, wantCache)
		}
	}
	narrow := get("GET", "/tile/entries/001.p/7").Body.String()
	var want []byte
	for i := int64(256); i < 263; i++ {
		want = append(append(want, 0, byte(len(text(i)))), text(i)...)
	}
	if narrow != string(want) {
		t.Errorf("a narrower bundle: %q, want %q", narrow, want)
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH"} {
		if r := get(method, "/checkpoint"); r.Code != 405 || r.Header().Get("Allow") == "" {
			t.Errorf("%s: %d", method, r.Code)
		}
	}
	r := get("GET", "/tile/0/000")
	again := httptest.NewRequest("GET", "/tile/0/000", nil)
	again.Header.Set("If-None-Match", r.Header().Get("ETag"))
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, again); w.Code != 304 {
		t.Errorf("asked again: %d", w.Code)
	}
	// A leaf that was changed on the disk is not shown.
	flip(t, dir, "log/tile/entries/000", 4)
	if r := get("GET", "/tile/entries/000"); r.Code != 500 {
		t.Errorf("a changed leaf: %d", r.Code)
	}
	if _, err := l.Prove(t.Context(), 0); !errors.Is(err, assay.ErrInternal) {
		t.Errorf("the proof of a changed leaf: %v", err)
	}
}
