package browser_test

import (
	"bytes"
	"context"
	"errors"
	"image/png"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/assay-psti/assay/browser"
)

const shop = `<!doctype html><html lang="en"><head><title>K2</title><style>body{font:16px sans-serif;background:#fff;color:#000;margin:0}.small{font-size:9px;color:#bbb}.off{display:none}</style></head><body>
<main><h1>Morning Kettle K2</h1><p class="price">£49.00</p><button>Add to basket</button>
<ul><li>Boils 1.7 litres at a set time, from wherever you are</li><li>Security updates until <b>31 December</b> 2031</li></ul>
<p class="small">Small print: 30 June 2030</p><details><summary>More</summary><p>Folded: 1 January 2029</p></details><p class="off">Never: 2 February 2028</p>
<p id="later"></p></main><script>document.getElementById("later").textContent = "By script: 3 March 2027"</script>
<img src="http://other.example/picture.png" alt=""></body></html>`

func render(t *testing.T, h http.Handler, o browser.Options, seeks ...browser.Seek) (*browser.Rendering, error) {
	t.Helper()
	if _, err := browser.Find(); err != nil {
		t.Skip(err)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	if o.Dial == nil {
		o.Dial = (&net.Dialer{}).DialContext
	}
	if o.Timeout == 0 {
		o.Timeout = 3 * time.Minute // a busy machine; the bound ends the test, it measures nothing
	}
	return browser.Render(t.Context(), s.URL+"/k2", o, func(string) []browser.Seek { return seeks })
}

func text(body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/k2" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(body))
	})
}

func TestMarks(t *testing.T) {
	r, err := render(t, text(shop), browser.Options{},
		browser.Seek{Name: "listed", Text: "31  December 2031"}, browser.Seek{Name: "small", Text: "30 June 2030"}, browser.Seek{Name: "folded", Text: "1 January 2029"},
		browser.Seek{Name: "off", Text: "2 February 2028"}, browser.Seek{Name: "script", Text: "3 March 2027"}, browser.Seek{Name: "missing", Text: "4 April 2026"})
	if err != nil {
		t.Fatal(err)
	}
	marks := map[string]browser.Mark{}
	for _, m := range r.Marks {
		marks[m.Name] = m
	}
	for name, want := range map[string]struct {
		found  bool
		hidden string
	}{
		"title": {true, ""}, "price": {true, ""}, "buy": {true, ""}, "characteristics": {true, ""}, "listed": {true, ""}, "small": {true, ""}, "script": {true, ""},
		"folded": {true, "inside a fold that is closed"}, "off": {true, "not shown"}, "missing": {false, ""},
	} {
		if got := marks[name]; got.Found != want.found || got.Hidden != want.hidden {
			t.Errorf("%s: got found %t, hidden %q, want %t, %q", name, got.Found, got.Hidden, want.found, want.hidden)
		}
	}
	if m := marks["listed"]; m.Block != "ul" || m.Font != 16 || m.Contrast < 20 || m.Width < 50 {
		t.Errorf("listed: got %+v", m)
	}
	if m := marks["small"]; m.Block != "main" || m.Font != 9 || m.Contrast > 3 || m.Contrast < 1 || m.Y <= marks["listed"].Y {
		t.Errorf("small: got %+v", m)
	}
	if !strings.Contains(r.DOM, "By script: 3 March 2027") || r.Title != "K2" {
		t.Errorf("got title %q and a DOM of %d bytes", r.Title, len(r.DOM))
	}
	for _, picture := range [][]byte{r.Picture, r.Outlined} {
		if config, err := png.DecodeConfig(bytes.NewReader(picture)); err != nil || config.Width < 1000 {
			t.Errorf("got a picture of %d bytes: %v, %+v", len(picture), err, config)
		}
	}
	if bytes.Equal(r.Picture, r.Outlined) {
		t.Error("nothing is outlined")
	}
	if r.Refused == 0 {
		t.Error("the picture of another host was not refused")
	}
}

// What may carry text that cannot be read is counted, and what stands in front is told.
func TestOpaque(t *testing.T) {
	const head = `<!doctype html><html lang="en"><title>K2</title><body style="margin:0"><h1>Kettle</h1>`
	for name, row := range map[string]struct {
		body    string
		images  int
		covered bool
	}{
		"plain":      {`<p>Words.</p>`, 0, false},
		"frame":      {`<iframe srcdoc="Security updates until 31 December 2031" width="400" height="200"></iframe>`, 1, false},
		"background": {`<div style="width:400px;height:200px;background-image:url(data:image/gif;base64,R0lGODlhAQABAAAAACw=)"></div>`, 1, false},
		"shadow":     {`<div id="s" style="width:400px;height:200px"></div><script>s.attachShadow({mode: "open"}).innerHTML = "<p>Until 2031</p>"</script>`, 1, false},
		"small":      {`<svg width="20" height="20"></svg>`, 0, false},
		"overlay":    {`<p>Words.</p><div style="position:fixed;inset:0;background:#fff">Accept cookies</div>`, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := render(t, text(head+row.body), browser.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if r.Images != row.images || r.Covered != row.covered {
				t.Errorf("got %d, covered %t, want %d, %t", r.Images, r.Covered, row.images, row.covered)
			}
		})
	}
}

// Every connection goes through the dialer that is given; what it refuses is not reached.
func TestDialer(t *testing.T) {
	asked := 0
	_, err := render(t, text(shop), browser.Options{Dial: func(context.Context, string, string) (net.Conn, error) {
		asked++
		return nil, errors.New("refused")
	}}, browser.Seek{Name: "x", Text: "Morning"})
	if asked == 0 {
		t.Errorf("the browser went another way: %v", err)
	}
}

func TestDeadline(t *testing.T) {
	_, err := render(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), browser.Options{Timeout: 3 * time.Second})
	if err == nil || !strings.Contains(err.Error(), "took longer than 3s") {
		t.Errorf("got %v", err)
	}
}

func TestAddresses(t *testing.T) {
	for _, address := range []string{"file:///etc/passwd", "javascript:1", "https://", "http://u:p@host/"} {
		if _, err := browser.Render(t.Context(), address, browser.Options{}, nil); err == nil {
			t.Errorf("%s: want an error", address)
		}
	}
}
