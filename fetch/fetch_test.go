package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var day = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// try fetches pages from a server on this machine and reads back what was kept.
func try(t *testing.T, h http.Handler, o Options, paths ...string) ([]*Got, *Archive, string) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	if o.AuthorisedBy == "" {
		o.AuthorisedBy = "the test"
	}
	if o.Now == nil {
		o.Now = func() time.Time { return day }
	}
	var file bytes.Buffer
	w, err := NewWriter(&file, Info{At: day, Software: "test", AuthorisedBy: o.AuthorisedBy})
	if err != nil {
		t.Fatal(err)
	}
	f := New(o, w, nil)
	var all []*Got
	for _, p := range paths {
		if strings.HasPrefix(p, "/") {
			p = s.URL + p
		}
		got, err := f.Get(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, got)
	}
	a, err := Read(&file, Limits{})
	if err != nil || len(a.Faults) > 0 {
		t.Fatalf("%v, %q", err, a.Faults)
	}
	return all, a, s.URL
}

func TestGet(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/robots.txt", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "User-agent: *\nDisallow: /private\n")
	})
	mux.HandleFunc("/a", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Cookie") != "" || !strings.HasPrefix(r.UserAgent(), "assay (+https://") {
			t.Errorf("asked with cookie %q as %q", r.Header.Get("Cookie"), r.UserAgent())
		}
		w.Header().Set("ETag", `"v1"`)
		if r.Header.Get("If-None-Match") == `"v1"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		fmt.Fprint(w, "hello")
	})
	mux.Handle("/to-a", http.RedirectHandler("/a", http.StatusFound))
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/loop?"+r.URL.RawQuery+"x", http.StatusFound)
	})
	mux.Handle("/circle", http.RedirectHandler("/circle", http.StatusFound))
	mux.Handle("/to-file", http.RedirectHandler("file:///etc/passwd", http.StatusFound))
	mux.HandleFunc("/big", func(w http.ResponseWriter, r *http.Request) {
		chunk := bytes.Repeat([]byte("x"), 1<<16)
		for range 3200 {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/hang", func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	rows := []struct {
		path    string
		status  int
		body    string
		failure string
		cut     bool
		hops    int
	}{
		{path: "/a", status: 200, body: "hello", hops: 1},
		{path: "/to-a", status: 200, body: "hello", hops: 2},
		{path: "/missing", status: 404, body: "404 page not found\n", hops: 1},
		{path: "/private/x", failure: "robots.txt asks"},
		{path: "/loop", failure: "more than 8 redirects", hops: 9},
		{path: "/circle", failure: "go round in a circle", hops: 1},
		{path: "/to-file", failure: "only http and https", hops: 1},
		{path: "ftp://host/x", failure: "only http and https"},
		{path: "http://u:p@host/x", failure: "carries a user name"},
		{path: "/big", status: 200, body: strings.Repeat("x", 100_000), cut: true, hops: 1},
		{path: "/hang", status: 200, cut: true, hops: 1},
	}
	for _, row := range rows {
		t.Run(strings.Trim(strings.ReplaceAll(row.path, "/", "-"), "-"), func(t *testing.T) {
			o := Options{MaxBytes: 100_000}
			if row.path == "/hang" {
				o.Timeout = 100 * time.Millisecond
			}
			all, a, base := try(t, mux, o, row.path)
			got := all[0]
			if got.Status != row.status || string(got.Body) != row.body || got.Cut != row.cut || len(got.Hops) != row.hops {
				t.Errorf("got status %d, %d bytes, cut %t, hops %q", got.Status, len(got.Body), got.Cut, got.Hops)
			}
			if !strings.Contains(got.Failure, row.failure) || (got.Failure == "") != (row.failure == "") {
				t.Errorf("got failure %q, want %q", got.Failure, row.failure)
			}
			at := row.path
			if strings.HasPrefix(at, "/") {
				at = base + at
			}
			if strings.HasPrefix(at, "ftp:") || strings.Contains(at, "@") {
				return
			}
			// What was kept tells the same.
			cs := Captures([]*Archive{a}, at)
			if len(cs) != 1 {
				t.Fatalf("got %d captures, want 1", len(cs))
			}
			c := cs[0]
			if c.Failure != got.Failure || row.failure == "" && (string(c.Body.Body) != row.body || c.Body.Status != row.status || (c.Body.Cut != "") != row.cut || !c.Anonymous()) {
				t.Errorf("kept otherwise: %+v", c)
			}
			if row.failure == "" && len(c.Hops) != row.hops {
				t.Errorf("got hops %q", c.Hops)
			}
		})
	}
}

// A page that has not changed is not sent again, and reads as the one that is kept.
func TestUnchanged(t *testing.T) {
	full := 0
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		if r.Header.Get("If-None-Match") == `"v1"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		full++
		fmt.Fprint(w, "hello")
	})
	s := httptest.NewServer(h)
	defer s.Close()
	var archives []*Archive
	for n := range 3 {
		now := day.AddDate(0, n, 0)
		var file bytes.Buffer
		w, err := NewWriter(&file, Info{At: now})
		if err != nil {
			t.Fatal(err)
		}
		f := New(Options{AuthorisedBy: "the test", Now: func() time.Time { return now }}, w, Validators(archives))
		if _, err := f.Get(t.Context(), s.URL+"/page"); err != nil {
			t.Fatal(err)
		}
		a, err := Read(&file, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		archives = append(archives, a)
	}
	cs := Captures(archives, s.URL+"/page")
	if len(cs) != 3 {
		t.Fatalf("got %d captures, want 3", len(cs))
	}
	for n, c := range cs {
		if c.Body == nil || string(c.Body.Body) != "hello" || c.Archive != 0 || !c.Seen.At.Equal(day.AddDate(0, n, 0)) {
			t.Errorf("capture %d: %+v", n, c)
		}
	}
	if full != 4 {
		t.Errorf("the host gave %d whole answers, want 4: the page once, robots.txt three times", full)
	}
	if cs := Captures(archives[1:2], s.URL+"/page"); len(cs) != 1 || cs[0].Failure == "" {
		t.Errorf("without the first file: got %+v", cs)
	}
}

func TestRobotsThatFail(t *testing.T) {
	for status, want := range map[int]string{404: "", 403: "", 500: "could not give its robots.txt", 429: "could not give its robots.txt"} {
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/robots.txt" {
				w.WriteHeader(status)
			}
		})
		got, _, _ := try(t, h, Options{}, "/a")
		if !strings.Contains(got[0].Failure, want) || (want == "") != (got[0].Failure == "") {
			t.Errorf("%d: got %q, want %q", status, got[0].Failure, want)
		}
	}
}

// One request at a time to one host, with the distance kept. The server is spoken
// to by a name that is not this machine's.
func TestDistance(t *testing.T) {
	u, err := parse("http://host.example/a")
	if err != nil {
		t.Fatal(err)
	}
	f := New(Options{Delay: time.Hour}, nil, nil)
	if err := f.wait(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.wait(ctx, u); err == nil {
		t.Error("the second request does not wait")
	}
	other, _ := parse("http://other.example/a")
	if err := f.wait(t.Context(), other); err != nil {
		t.Error(err)
	}
}

func TestAddressesThatAreNotPublic(t *testing.T) {
	s := httptest.NewServer(http.RedirectHandler("http://10.1.2.3/", http.StatusFound))
	defer s.Close()
	for _, row := range []struct{ authorised, url, want string }{
		{"", s.URL, "this machine itself"},
		{"", "http://10.0.0.1/", "private"},
		{"", "http://192.168.1.1/", "private"},
		{"", "http://169.254.169.254/latest", "link-local"},
		{"", "http://[::1]/", "this machine itself"},
		{"", "http://[fe80::1]/", "link-local"},
		{"", "http://[fd00::1]/", "private"},
		{"", "http://[::ffff:127.0.0.1]/", "this machine itself"},
		{"", "http://[64:ff9b::7f00:1]/", "special purpose"},
		{"", "http://localhost/", "this machine itself"},
		{"", "http://0.0.0.0/", "no address"},
		{"", "http://2130706433/", "no such host"}, // 127.0.0.1 as one number
		{"", "http://100.64.0.1/", "special purpose"},
		{"Ada", "http://224.0.0.1/", "many receivers"},
		{"", "http://224.0.0.1/", "many receivers"},
	} {
		var file bytes.Buffer
		w, _ := NewWriter(&file, Info{At: day})
		got, err := New(Options{AuthorisedBy: row.authorised, Timeout: 5 * time.Second}, w, nil).Get(t.Context(), row.url)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(got.Failure, row.want) && !(row.want == "no such host" && got.Failure != "") {
			t.Errorf("%s: got %q, want %q", row.url, got.Failure, row.want)
		}
		if got.Status != 0 {
			t.Errorf("%s: answered", row.url)
		}
	}
}

// A redirect from a public page to a private address is refused: the guard sees
// every connection, whatever led to it.
func TestGuard(t *testing.T) {
	g := guard("")
	for address, ok := range map[string]bool{"93.184.216.34:443": true, "[2606:4700::1111]:443": true, "10.0.0.1:80": false, "127.0.0.1:80": false, "[::1]:80": false, "nonsense": false} {
		if err := g("tcp", address, nil); (err == nil) != ok {
			t.Errorf("%s: got %v", address, err)
		} else if err != nil && !errors.Is(err, ErrAddress) {
			t.Errorf("%s: got %v", address, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "v4")
		a := netip.AddrFrom4([4]byte(b))
		ip := net.IP(b)
		mapped := netip.AddrFrom16(a.As16())
		through := func(a netip.Addr) bool { return g("tcp", netip.AddrPortFrom(a, 80).String(), nil) == nil }
		if private := ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified(); private && through(a) {
			t.Errorf("%s is let through", a)
		}
		if through(a) != through(mapped) {
			t.Errorf("%s and %s differ", a, mapped)
		}
	})
}

func TestTLS(t *testing.T) {
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	var file bytes.Buffer
	w, _ := NewWriter(&file, Info{At: day})
	got, err := New(Options{AuthorisedBy: "the test"}, w, nil).Get(t.Context(), s.URL)
	if err != nil || got.Failure != "TLS: the certificate is of an authority that nobody here trusts" {
		t.Errorf("got %q, %v", got.Failure, err)
	}
}

func TestSame(t *testing.T) {
	for _, row := range []struct {
		a, b string
		want bool
	}{
		{"https://A.example", "https://a.example:443/#x", true},
		{"https://a.example/x", "https://a.example/x/", false},
		{"http://a.example/", "https://a.example/", false},
		{"nonsense", "nonsense", false},
	} {
		if got := Same(row.a, row.b); got != row.want {
			t.Errorf("%s, %s: got %t", row.a, row.b, got)
		}
	}
}

// What is written reads back as it was.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := Exchange{
			URL: "https://a.example/" + rapid.StringMatching(`[a-z]{0,8}(\?[a-z=&]{0,8})?`).Draw(t, "path"), At: day,
			Request: http.Header{"User-Agent": {"x"}}, Proto: "HTTP/1.1", Status: rapid.SampledFrom([]int{200, 301, 404, 500}).Draw(t, "status"),
			Header: http.Header{"Content-Type": {"text/html"}, "Etag": {rapid.StringMatching(`"[a-z\r\n]{0,5}"`).Draw(t, "etag")}},
			Body:   rapid.SliceOf(rapid.Byte()).Draw(t, "body"), Cut: rapid.SampledFrom([]string{"", "length"}).Draw(t, "cut"),
		}
		var file bytes.Buffer
		w, err := NewWriter(&file, Info{At: day, Software: "s\r\nx: y", AuthorisedBy: "Ada"})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Exchange(&x); err != nil {
			t.Fatal(err)
		}
		if err := w.Failure("https://b.example/", day, "no\r\nanswer"); err != nil {
			t.Fatal(err)
		}
		a, err := Read(&file, Limits{})
		if err != nil || len(a.Faults) > 0 || len(a.Exchanges) != 2 {
			t.Fatalf("%v %+v", err, a)
		}
		got := a.Exchanges[0]
		want := x
		want.Record, want.Header = got.Record, got.Header
		if len(want.Body) == 0 {
			want.Body = got.Body
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		if a.Info.AuthorisedBy != "Ada" || a.Info.Software != "s  x: y" || a.Exchanges[1].Failure != "no  answer" {
			t.Errorf("%+v", a)
		}
	})
}

func TestBrokenArchives(t *testing.T) {
	var file bytes.Buffer
	w, _ := NewWriter(&file, Info{At: day})
	for _, body := range []string{"first", "second"} {
		if err := w.Exchange(&Exchange{URL: "https://a.example/" + body, At: day, Status: 200, Body: []byte(body)}); err != nil {
			t.Fatal(err)
		}
	}
	whole := file.Bytes()
	for cut := range whole {
		a, err := Read(bytes.NewReader(whole[:cut]), Limits{})
		if err == nil && len(a.Exchanges) == 2 && len(a.Faults) == 0 && cut < len(whole)-60 {
			t.Errorf("cut at %d: taken for whole", cut)
		}
	}
	plainText := "WARC/1.0\r\nWARC-Type: response\r\nWARC-Date: 2025-01-02T03:04:05Z\r\nWARC-Target-URI: https://a.example/\r\nContent-Type: application/http\r\nWARC-Block-Digest: sha1:AAAA\r\nContent-Length: %d\r\n\r\n%s\r\n\r\n"
	block := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
	text := fmt.Sprintf(plainText, len(block), block)
	a, err := Read(strings.NewReader(text), Limits{})
	if err != nil || len(a.Exchanges) != 0 || len(a.Faults) != 1 {
		t.Errorf("a wrong digest: %v %+v", err, a)
	}
	a, err = Read(strings.NewReader(strings.Replace(text, "WARC-Block-Digest: sha1:AAAA\r\n", "", 1)), Limits{})
	if err != nil || len(a.Exchanges) != 1 || string(a.Exchanges[0].Body) != "hello" {
		t.Errorf("chunked: %v %+v", err, a)
	}
	if _, err := Read(strings.NewReader("hello"), Limits{}); !errors.Is(err, ErrNotWARC) {
		t.Errorf("got %v", err)
	}
	if _, err := Read(strings.NewReader("WARC/1.0\r\nContent-Length: 99999999999\r\n\r\n"), Limits{}); err == nil {
		t.Error("a claim of 100 GB is believed")
	}
}

func FuzzRead(f *testing.F) {
	var file bytes.Buffer
	w, _ := NewWriter(&file, Info{At: day, Software: "s"})
	_ = w.Exchange(&Exchange{URL: "https://a.example/", At: day, Status: 200, Request: http.Header{}, Header: http.Header{"Content-Encoding": {"gzip"}}, Body: []byte("x")})
	_ = w.Exchange(&Exchange{URL: "https://a.example/", At: day, Status: 304, Refers: day})
	_ = w.Failure("https://b.example/", day, "no answer")
	f.Add(file.Bytes())
	f.Add([]byte("WARC/1.0\r\nWARC-Type: response\r\nWARC-Date: 2025-01-02T03:04:05Z\r\nContent-Type: application/http\r\nContent-Length: 19\r\n\r\nHTTP/1.1 200 OK\r\n\r\n\r\n\r\n"))
	f.Add([]byte("WARC/1.1\r\nWARC-Type: warcinfo\r\nWARC-Date: 2025-01-02T03:04:05Z\r\nContent-Length: 4\r\n\r\na: b\r\n\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := Read(bytes.NewReader(data), Limits{Records: 50, Block: 1 << 16, Bytes: 1 << 18})
		if err != nil {
			return
		}
		for _, x := range a.Exchanges {
			for _, c := range Captures([]*Archive{a}, x.URL) {
				if c.Seen == nil || c.Body == nil && c.Failure == "" {
					t.Errorf("a capture of nothing: %+v", c)
				}
				c.Anonymous()
			}
		}
		Validators([]*Archive{a})
	})
}

// TestOnBehalf asks for addresses that strangers gave: at the web's ports alone, and
// saying who wants to know. Nothing need be kept.
func TestOnBehalf(t *testing.T) {
	asked := ""
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked = r.UserAgent() }))
	t.Cleanup(s.Close)
	o := Options{AuthorisedBy: "the test", About: "https://register.example/about#pages"}
	if got, err := New(o, nil, nil).Get(t.Context(), s.URL+"/"); err != nil || got.Status != http.StatusOK {
		t.Fatalf("%+v, %v", got, err)
	}
	if !strings.HasPrefix(asked, "assay (+https://register.example/about#pages; ") {
		t.Errorf("asked as %q", asked)
	}
	asked, o.WebPorts = "", true
	got, err := New(o, nil, nil).Get(t.Context(), s.URL+"/")
	if err != nil || got.Status != 0 || !strings.Contains(got.Failure, "none of the web's") || asked != "" {
		t.Errorf("another port: %+v, %v, asked as %q", got, err, asked)
	}
}

func TestRobotsIsTold(t *testing.T) {
	got, _, _ := try(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "User-agent: assay\nDisallow: /\n") }), Options{}, "/x")
	if !errors.Is(got[0].Cause, ErrRobots) || got[0].Failure != ErrRobots.Error() {
		t.Errorf("%v: %q", got[0].Cause, got[0].Failure)
	}
}
