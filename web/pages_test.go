package web_test

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

var update = flag.Bool("update", false, "write the golden pages anew")

func body(t testing.TB, r *http.Response) []byte {
	t.Helper()
	data, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// made is what is different each time a register is made: ids, keys, digests, hashes.
var made = []struct {
	re *regexp.Regexp
	as string
}{
	{regexp.MustCompile(`sha256:[0-9a-f]{64}`), "sha256:DIGEST"},
	{regexp.MustCompile(`acme-([a-z0-9-]+)-[0-9a-z]{5}\b`), "acme-$1-SUFFIX"},
	{regexp.MustCompile(`\bp[0-9a-z]{13}\b`), "PRODUCT"},
	{regexp.MustCompile(`(register|mark)\.[0-9a-f]{12}\.`), "$1.HASH."},
	{regexp.MustCompile(`(?s)-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----`), "KEY"},
	{regexp.MustCompile(`Reference <code>[A-Z2-7]{10}</code>`), "Reference <code>REFERENCE</code>"},
}

// Pages are as they were looked at. Golden files are read as a diff before they are kept.
func TestGolden(t *testing.T) {
	h := newHouse(t)
	for name, path := range everyPage(h.stock(t)) {
		r, page := h.get(t, path)
		want := map[string]int{"missing": 404}[name]
		if want == 0 {
			want = 200
		}
		if r.StatusCode != want {
			t.Errorf("%s: got status %d, want %d", name, r.StatusCode, want)
		}
		for _, m := range made {
			page = m.re.ReplaceAllString(page, m.as)
		}
		file := filepath.Join("testdata", "golden", name+".html")
		if *update {
			if err := os.WriteFile(file, []byte(page), 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		golden, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(page, string(golden)); d != "" {
			t.Errorf("%s: run with -update and look at the difference:\n%s", name, d)
		}
	}
}

// Every page is whole in one request of less than 30 kB, runs and loads nothing, and
// is well made: one h1, a language, a title, unique ids, labels that lead to fields,
// links that lead somewhere on the page.
func TestEveryPage(t *testing.T) {
	h := newHouse(t)
	for name, path := range everyPage(h.stock(t)) {
		r, page := h.get(t, path)
		if len(page) > 30_000 {
			t.Errorf("%s: %d bytes", name, len(page))
		}
		policy := r.Header.Get("Content-Security-Policy")
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "script-src") || !strings.Contains(policy, "default-src 'none'") {
			t.Errorf("%s: policy %q", name, policy)
		}
		if len(r.Header.Values("Set-Cookie")) > 0 {
			t.Errorf("%s: sets a cookie", name)
		}
		checkDocument(t, name, page)
	}
	_, css := h.get(t, regexp.MustCompile(`/assets/register\.[0-9a-f]+\.css`).FindString(string(h.getBytes(t, "/"))))
	if len(css) == 0 || len(css) > 12_000 || strings.Contains(css, "url(") || strings.Contains(css, "@import") {
		t.Errorf("style sheet of %d bytes, or it loads something", len(css))
	}
}

func (h *house) getBytes(t testing.TB, path string) []byte {
	_, page := h.get(t, path)
	return []byte(page)
}

// void are the elements without an end.
var void = map[string]bool{"area": true, "base": true, "br": true, "col": true, "embed": true, "hr": true, "img": true, "input": true, "link": true, "meta": true, "source": true, "track": true, "wbr": true}

// checkDocument holds a page against what every page must be.
func checkDocument(t rapid.TB, name, page string) {
	t.Helper()
	bad := func(format string, args ...any) { t.Helper(); t.Errorf(name+": "+format, args...) }
	ids, labels, local, count := map[string]int{}, []string{}, []string{}, map[string]int{}
	fields := map[string]bool{}
	var open []string
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		token := z.Token()
		switch kind {
		case html.EndTagToken:
			if len(open) == 0 || open[len(open)-1] != token.Data {
				bad("</%s> ends %v", token.Data, open)
				return
			}
			open = open[:len(open)-1]
		case html.StartTagToken, html.SelfClosingTagToken:
			count[token.Data]++
			if kind == html.StartTagToken && !void[token.Data] {
				if token.Data == "li" && len(open) > 0 && open[len(open)-1] != "ul" && open[len(open)-1] != "ol" {
					bad("li within %s", open[len(open)-1])
				}
				if blocks[token.Data] && len(open) > 0 && open[len(open)-1] == "p" {
					bad("%s within p", token.Data)
				}
				open = append(open, token.Data)
			}
			seen := map[string]bool{}
			for _, a := range token.Attr {
				if seen[a.Key] {
					bad("%s has %s twice", token.Data, a.Key)
				}
				seen[a.Key] = true
				switch {
				case a.Key == "style" || strings.HasPrefix(a.Key, "on"):
					bad("%s has %s", token.Data, a.Key)
				case a.Key == "id":
					ids[a.Val]++
					fields[a.Val] = token.Data == "input" || token.Data == "select" || token.Data == "textarea"
				case a.Key == "for":
					labels = append(labels, a.Val)
				case a.Key == "aria-labelledby" || a.Key == "aria-describedby":
					local = append(local, strings.Fields(a.Val)...)
				case a.Key == "href" && strings.HasPrefix(a.Val, "#"):
					local = append(local, a.Val[1:])
				case (a.Key == "src" || a.Key == "action" || a.Key == "formaction") && !strings.HasPrefix(a.Val, "/"):
					bad("%s of %s leads elsewhere: %s", a.Key, token.Data, a.Val)
				case token.Data == "link" && a.Key == "href" && !strings.HasPrefix(a.Val, "/"):
					bad("loads %s", a.Val)
				}
			}
		}
	}
	if len(open) > 0 {
		bad("never ended: %v", open)
	}
	for _, once := range []string{"h1", "title", "main", "html"} {
		if count[once] != 1 {
			bad("%d elements %s", count[once], once)
		}
	}
	if count["script"]+count["iframe"]+count["object"]+count["embed"] > 0 {
		bad("runs something")
	}
	if !strings.Contains(page, `<html lang="en-GB">`) {
		bad("has no language")
	}
	for id, n := range ids {
		if n > 1 {
			bad("id %s is there %d times", id, n)
		}
	}
	for _, id := range local {
		if ids[id] == 0 {
			bad("nothing has the id %s", id)
		}
	}
	for _, id := range labels {
		if !fields[id] {
			bad("a label leads to %s, which is no field", id)
		}
	}
}

var blocks = map[string]bool{"p": true, "ul": true, "ol": true, "dl": true, "div": true, "section": true, "table": true, "form": true, "h1": true, "h2": true, "h3": true, "pre": true, "details": true, "fieldset": true, "header": true, "footer": true, "nav": true, "main": true}

// Every link of every page leads to something here.
func TestLinks(t *testing.T) {
	h := newHouse(t)
	seen := map[string]bool{}
	link := regexp.MustCompile(`(?:href|src|action)="(/[^"]*)"`)
	var follow func(from, path string)
	follow = func(from, path string) {
		if seen[path] || strings.HasSuffix(path, ".pdf") {
			return
		}
		seen[path] = true
		r, page := h.get(t, path)
		if r.StatusCode >= 400 && path != "/follow" && path != "/sign-in" {
			t.Errorf("%s leads to %s: %d", from, path, r.StatusCode)
		}
		if !strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") || len(seen) > 600 {
			return
		}
		for _, m := range link.FindAllStringSubmatch(page, -1) {
			to, _, _ := strings.Cut(html.UnescapeString(m[1]), "#")
			follow(path, to)
		}
	}
	h.stock(t)
	follow("", "/")
	if len(seen) < 40 {
		t.Errorf("only %d addresses were followed", len(seen))
	}
	for _, want := range []string{"/api", "/about", "/m/acme-ltd", "/c/baby%20monitor", "/dump/register.csv", "/changes.atom"} {
		if !seen[want] {
			t.Errorf("nothing leads to %s", want)
		}
	}
}

// What others wrote stays text, wherever it is shown.
func TestHostileWords(t *testing.T) {
	h := newHouse(t)
	f := facts(`<script>alert(1)</script>"'>`)
	f.Make, f.Models, f.Category = "Acme <b>", []string{"=1+1", `"><img src=x onerror=alert(1)>`}, "</title><svg onload=alert(1)>"
	f.Description, f.Passwords.Note = "{{.}} <script>", "<iframe src=//evil.example>"
	f.Contact.Ack = "<b>bold</b>"
	f.Labels = []register.Label{{Scheme: "<u>", Level: "<i>"}}
	slug := h.publish(t, f, "2031-01-01").Slug
	for _, path := range []string{"/", "/search?q=%3Cscript%3E", "/p/" + slug, "/p/" + slug + "/v/1", "/p/" + slug + "/history", "/p/" + slug + "/shelf", "/p/" + slug + "/v/1/statement.html", "/p/" + slug + "/badge.svg", "/p/" + slug + "/label.svg", "/compare?p=" + slug, "/m/acme-ltd", "/c/" + url.PathEscape(register.Fold(f.Category)), "/p/" + slug + ".atom", "/changes.atom"} {
		r, page := h.get(t, path)
		if r.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
		for _, evil := range []string{"<script", "<img src=x", "<iframe", "<svg onload", "<b>bold", "Acme <b>"} {
			if strings.Contains(page, evil) {
				t.Errorf("%s: holds %s", path, evil)
			}
		}
	}
	_, table := h.get(t, "/dump/register.csv")
	if !strings.Contains(table, `,"'=1+1`) || strings.Contains(table, ",=") || strings.Contains(table, `,"=`) {
		t.Errorf("a spreadsheet would run what a manufacturer wrote: %s", table)
	}
}

// An entry as large as the register takes makes no page larger than 30 kB.
func TestLargestEntry(t *testing.T) {
	if testing.Short() {
		t.Skip("long: publishes megabytes")
	}
	h := newHouse(t)
	word := func(prefix string, i int) string {
		return fmt.Sprintf("%s %03d %s", prefix, i, strings.Repeat("x", register.MaxLine-len(prefix)-5))
	}
	var slugs []string
	for n := range 21 {
		f := facts(word("K", n))
		f.Make, f.Models, f.Description, f.Passwords.Note = word("M", 1), nil, strings.Repeat("d ", 990), strings.Repeat("n ", 990)
		for i := range register.MaxModels {
			f.Models = append(f.Models, word("m", i))
		}
		for i := range register.MaxComponents - 1 {
			f.Support = append(f.Support, register.SupportPeriod{Component: fmt.Sprintf("part-%d", i), Title: word("part", i), End: assay.MustDate("2040-01-01")})
			f.Labels = append(f.Labels, register.Label{Scheme: word("s", i), Level: word("l", i)})
		}
		for i := range register.MaxGTINs {
			body := fmt.Sprintf("%013d", 5_000_000_000+n*1000+i)
			f.GTINs = append(f.GTINs, register.GTIN(body+string(register.CheckDigit(body))))
		}
		r, err := h.s.Publish(t.Context(), h.maker, &register.Bundle{Format: 1, Facts: f, Statement: h.signed(t, f, "2031-01-01"), Note: strings.Repeat("n ", 990)})
		if err != nil {
			t.Fatal(err)
		}
		slugs = append(slugs, r.Slug)
	}
	h.settle(t)
	full, err := h.s.Product(t.Context(), register.Public, slugs[0])
	if err != nil {
		t.Fatal(err)
	}
	for i := range 14 {
		if _, err := h.s.ExtendSupport(t.Context(), h.maker, full.Entry.ID, []register.Extension{{Component: register.WholeProduct, End: assay.MustDate(fmt.Sprintf("2032-01-%02d", i+1))}}, strings.Repeat("n ", 990)); err != nil {
			t.Fatal(err)
		}
	}
	h.settle(t)
	p := "/p/" + slugs[0]
	for _, path := range []string{"/", p, p + "/v/1", p + "/v/15", p + "/history", p + "/shelf", "/search?q=k", "/c/kettle", "/m/acme-ltd", "/compare?p=" + strings.Join(slugs[:4], "&p=")} {
		r, page := h.get(t, path)
		if r.StatusCode != http.StatusOK || len(page) > 30_000 {
			t.Errorf("%s: %d, %d bytes", path, r.StatusCode, len(page))
		}
	}
	// The badge of the longest name is still a drawing that can be read.
	for _, name := range []string{"/badge.svg", "/label.svg"} {
		r, svg := h.get(t, p+name)
		for _, words := range regexp.MustCompile(`<text[^>]*>([^<]*)<`).FindAllStringSubmatch(svg, -1) {
			if r.StatusCode != http.StatusOK || len(words[1]) > 50 {
				t.Errorf("%s: %d, words run out of it: %s", name, r.StatusCode, words[1])
			}
		}
	}
}

// Whatever anybody asks of any page: no fault of ours, and every answer that is a page is
// well made.
func TestAnyQuestion(t *testing.T) {
	h := newHouse(t)
	slugs := h.stock(t)
	names := []string{"q", "category", "make", "supported", "withdrawn", "order", "after", "before", "p", "kind", "key"}
	values := []string{"", "kettle", "yes", "support", "newest", "5012345678900", "-1", "18446744073709551616", "2026-01-01T00:00:00.000Z,3", ",", "9999,1", "product", "manufacturer", "category", "acme-ltd", slugs["runs"], "%00", "\x00", "\xff", strings.Repeat("ü", 300)}
	paths := []string{"/", "/search", "/compare", "/follow", "/p/", "/m/", "/c/", "/dump/", "/proof/", "/follow/confirm/", "/follow/stop/", "/assets/", "/product/", "/api/v1/"}
	below := []string{"", "/history", "/shelf", "/v/1", "/v/0", "/v/-1", "/v/99999999999999999999", "/v/1/statement.json", "/v/1/statement.txt", "/v/1/x", "/badge.svg", "/assessment/1", "/assessment/x.json", ".atom", ".ics", ".txt", ".tlog-proof"}
	pages := 0
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.OneOf(rapid.SampledFrom(values), rapid.String())
		path := rapid.SampledFrom(paths).Draw(t, "path")
		if strings.HasSuffix(path, "/") && path != "/" {
			path += url.PathEscape(part.Draw(t, "name")) + rapid.SampledFrom(below).Draw(t, "below")
		}
		query := url.Values{}
		for range rapid.IntRange(0, 3).Draw(t, "parameters") {
			query.Add(rapid.SampledFrom(names).Draw(t, "parameter"), part.Draw(t, "value"))
		}
		address := path
		if len(query) > 0 {
			address += "?" + query.Encode()
		}
		r := httptest.NewRequest(rapid.SampledFrom([]string{"GET", "GET", "GET", "HEAD", "POST", "DELETE"}).Draw(t, "method"), site+address, nil)
		w := httptest.NewRecorder()
		h.site.ServeHTTP(w, r)
		if w.Code >= 500 && w.Code != http.StatusNotImplemented {
			t.Fatalf("%s %s: %d: %s", r.Method, address, w.Code, w.Body)
		}
		if strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") && w.Body.Len() > 0 && strings.Contains(w.Body.String(), "<main") {
			pages++
			checkDocument(t, address, w.Body.String())
		}
	})
	if pages == 0 {
		t.Error("no page was ever the answer")
	}
}
