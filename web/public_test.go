package web_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
	"github.com/assay-psti/assay/sign"
	"github.com/assay-psti/assay/statement"
)

// The first screen answers what a buyer asks, in each state of a product.
func TestProductAnswers(t *testing.T) {
	h := newHouse(t)
	slugs := h.stock(t)
	for _, row := range []struct {
		key       string
		want, not []string
	}{
		{"runs", []string{"31 March 2032", "5 years and 4 months left", "Their reporting page", "security@acme.example", "Ada Example, head of compliance, Acme Ltd", "1 April 2024", "UK product security regime", "SI 2023/1007 Sch.1 para 3", "Every unit has its own password", "own word", "The signature holds", "The app: <time", "Support extended"}, []string{"Withdrawn on", "does not hold"}},
		{"soon", []string{"31 March 2027", "4 months left", "until-card ends"}, nil},
		{"over", []string{"Security updates ended", "1 February 2026", "Ended 9 months ago", "until-card over"}, []string{"Security updates until"}},
		{"unknown", []string{"No date", "No end date is published", "until-card unknown"}, []string{" left</p>"}},
		{"assessed", []string{"Example Laboratory</strong>, a laboratory, as at 30 May 2026", `<span class="verdict fail">FAIL</span>`, `<span class="verdict pass">PASS</span>`, "&lt;b&gt;other", "signed assessment"}, []string{"own word", "<b>other"}},
		{"withdrawn", []string{"Withdrawn on 1 June 2026", "named the wrong batch", "until-card withdrawn", "As published before"}, []string{"left</p>"}},
	} {
		r, page := h.get(t, "/p/"+slugs[row.key])
		if r.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", row.key, r.StatusCode)
		}
		for _, w := range row.want {
			if !strings.Contains(page, w) {
				t.Errorf("%s: does not say %q", row.key, w)
			}
		}
		for _, w := range row.not {
			if strings.Contains(page, w) {
				t.Errorf("%s: says %q", row.key, w)
			}
		}
	}
}

// A signature is checked over the bytes that are there, each time.
func TestSignatureIsChecked(t *testing.T) {
	h := newHouse(t)
	slugs := map[string]string{}
	h.assessed(t, slugs)
	slug := h.publish(t, facts("K9"), "2031-01-01").Slug
	holds := func() bool {
		_, page := h.get(t, "/p/"+slug)
		_, version := h.get(t, "/p/"+slug+"/v/1")
		a, b := strings.Contains(page, "The signature holds"), strings.Contains(version, "The signature holds")
		if a != b || a == strings.Contains(page, "does not hold") {
			t.Fatalf("product says %v, version says %v", a, b)
		}
		return a
	}
	if !holds() {
		t.Fatal("it does not hold from the start")
	}
	full, err := h.s.Product(t.Context(), register.Public, slug)
	if err != nil {
		t.Fatal(err)
	}
	h.publish(t, facts("another"), "2031-01-01")
	if err := h.s.RevokeKey(t.Context(), h.maker, full.Version.SignedBy); err != nil {
		t.Fatal(err)
	}
	_, page := h.get(t, "/p/"+slug)
	if !strings.Contains(page, "trusted no more") {
		t.Error("says nothing of the key's being revoked")
	}
	h.tamper(t, full.Version.Digest)
	if page := string(h.getBytes(t, "/p/"+slugs["assessed"])); !strings.Contains(page, "verdict fail") || strings.Contains(page, "assessment does not hold") {
		t.Error("an assessment that holds is not shown")
	}
	assessed, err := h.s.Product(t.Context(), register.Public, slugs["assessed"])
	if err != nil {
		t.Fatal(err)
	}
	forms := []string{"/p/" + slugs["assessed"] + ".txt", "/compare?p=" + slugs["assessed"]}
	for _, path := range forms {
		if page := string(h.getBytes(t, path)); !strings.Contains(page, "FAIL") {
			t.Errorf("%s: the verdict is not shown", path)
		}
	}
	h.tamper(t, assessed.Assessments[0].Digest)
	for _, path := range forms {
		if page := string(h.getBytes(t, path)); regexp.MustCompile(`\bPASS\b`).MatchString(page) || !strings.Contains(page, "signature") {
			t.Errorf("%s: verdicts of an assessment are shown after its document was changed", path)
		}
	}
	if page := string(h.getBytes(t, "/p/"+slugs["assessed"])); strings.Contains(page, "verdict pass") || !strings.Contains(page, "assessment does not hold") {
		t.Error("verdicts of an assessment are shown after its document was changed")
	}
	if holds() {
		t.Error("it still holds after the document was changed")
	}
}

func TestSearchPage(t *testing.T) {
	h := newHouse(t)
	slugs := h.stock(t)
	for _, number := range []string{"5012345678900", "5012345678900", "05012345678900", "501234 567890 0"} {
		r, _ := h.get(t, "/search?q="+strings.ReplaceAll(number, " ", "+"))
		if got, want := r.Header.Get("Location"), "/p/"+slugs["runs"]; r.StatusCode != http.StatusSeeOther || got != want {
			t.Errorf("%s: got %d %s, want %s", number, r.StatusCode, got, want)
		}
	}
	for query, want := range map[string]string{
		"q=5012345678901": "last digit does not fit", "q=501234567": "has 9 digits", "q=ketle": "These are the results for", "q=submarine": "Nothing found", "q=0012345678905": "No entry has the number",
		"q=kettle&supported=yes": "3 products", "q=kettle": "5 products", "q=kettle&withdrawn=yes": "6 products", "category=baby+monitor": "1 product",
	} {
		if _, page := h.get(t, "/search?"+query); !strings.Contains(page, want) {
			t.Errorf("%s: does not say %q", query, want)
		}
	}
	for path, want := range map[string]int{"/search?order=none": 422, "/search?after=x": 422, "/compare?p=a&p=b&p=c&p=d&p=e": 422, "/compare?p=none": 404, "/p/none": 404, "/p/" + slugs["runs"] + "/v/9": 404, "/p/" + slugs["runs"] + "/v/x": 404, "/c/none": 404, "/c/none.atom": 404, "/m/none": 404, "/m/none.ics": 404, "/proof/999.tlog-proof": 404, "/proof/x.tlog-proof": 422, "/follow/confirm/1.wrong": 200} {
		if r, _ := h.get(t, path); r.StatusCode != want {
			t.Errorf("%s: got %d, want %d", path, r.StatusCode, want)
		}
	}
}

// Going through the pages of a list by its links gives each product once.
func TestPaging(t *testing.T) {
	h := newHouse(t)
	const n = 45
	for i := range n {
		f := facts(fmt.Sprintf("Lamp %02d", i))
		f.Category = "light bulb"
		if _, err := h.s.Publish(t.Context(), h.maker, &register.Bundle{Format: 1, Facts: f, Statement: h.signed(t, f, fmt.Sprintf("20%d-01-01", 30+i%7))}); err != nil {
			t.Fatal(err)
		}
	}
	h.settle(t)
	entry, next := regexp.MustCompile(`<li><span><a href="(/p/[^"]+)"`), regexp.MustCompile(`href="([^"]+)" rel="next"`)
	for _, path := range []string{"/search?q=lamp", "/search?order=support", "/c/light%20bulb", "/c/light%20bulb?order=newest", "/m/acme-ltd"} {
		seen := map[string]bool{}
		at, pages := path, 0
		for ; at != ""; pages++ {
			_, page := h.get(t, strings.ReplaceAll(at, "&amp;", "&"))
			for _, m := range entry.FindAllStringSubmatch(page, -1) {
				if seen[m[1]] {
					t.Errorf("%s: %s is there twice", path, m[1])
				}
				seen[m[1]] = true
			}
			at = ""
			if m := next.FindStringSubmatch(page); m != nil {
				at = m[1]
			}
		}
		if len(seen) != n || pages != 3 {
			t.Errorf("%s: got %d products on %d pages, want %d on 3", path, len(seen), pages, n)
		}
	}
}

func TestNotModified(t *testing.T) {
	h := newHouse(t)
	slugs := h.stock(t)
	p := "/p/" + slugs["runs"]
	for _, path := range []string{"/", p, "/search?q=kettle", "/c/kettle", p + ".atom", p + ".ics", p + ".txt", p + "/badge.svg", p + "/v/1/statement.txt", p + "/v/1/record.json", "/api/v1/products", "/api/v1/products/" + slugs["runs"], "/api/v1/log"} {
		r, page := h.get(t, path)
		tag := r.Header.Get("ETag")
		if r.StatusCode != http.StatusOK || tag == "" || page == "" {
			t.Errorf("%s: %d, tag %q", path, r.StatusCode, tag)
			continue
		}
		again := h.ask(t, "GET", path, "", "If-None-Match", tag)
		if rest, _ := io.ReadAll(again.Body); again.StatusCode != http.StatusNotModified || len(rest) > 0 {
			t.Errorf("%s: got %d and %d bytes, want 304 and none", path, again.StatusCode, len(rest))
		}
		if other := h.ask(t, "GET", path, "", "If-None-Match", `"other"`); other.StatusCode != http.StatusOK {
			t.Errorf("%s with another tag: got %d", path, other.StatusCode)
		}
		head := h.ask(t, "HEAD", path, "")
		if rest, _ := io.ReadAll(head.Body); head.StatusCode != http.StatusOK || len(rest) > 0 {
			t.Errorf("HEAD %s: got %d and %d bytes", path, head.StatusCode, len(rest))
		}
	}
}

// The signed bytes and the record come as they are, and the log names the record.
func TestDownloads(t *testing.T) {
	h := newHouse(t)
	slugs := h.stock(t)
	full, err := h.s.Product(t.Context(), register.Public, slugs["runs"])
	if err != nil {
		t.Fatal(err)
	}
	at := "/p/" + slugs["runs"] + "/v/2/"
	for name, want := range map[string]assay.Digest{"statement.json": full.Version.Digest, "record.json": full.Version.Record} {
		r, data := h.get(t, at+name)
		if got := register.DigestOf([]byte(data)); got != want || !strings.Contains(r.Header.Get("Content-Disposition"), "attachment") {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	for name, want := range map[string]string{"statement.html": "<h1>Statement of compliance</h1>", "statement-large-print.html": "font-size: 150%", "statement.txt": "STATEMENT OF COMPLIANCE"} {
		if r, data := h.get(t, at+name); r.StatusCode != 200 || !strings.Contains(data, want) || !strings.Contains(data, "31 March 2031") {
			t.Errorf("%s: %d, lacks %q or the period of the statement", name, r.StatusCode, want)
		}
	}
	if r, _ := h.get(t, at+"other.html"); r.StatusCode != 404 {
		t.Errorf("other: got %d", r.StatusCode)
	}
	if r, data := h.get(t, "/p/"+slugs["assessed"]+"/assessment/1.json"); r.StatusCode != 200 || !strings.Contains(data, "signatures") {
		t.Errorf("assessment: %d, %s", r.StatusCode, data)
	}
	if r, _ := h.get(t, "/p/"+slugs["runs"]+"/assessment/1.json"); r.StatusCode != 404 {
		t.Errorf("assessment of another product: %d", r.StatusCode)
	}
	if _, text := h.get(t, "/proof/3.tlog-proof"); !strings.Contains(text, "index 3") {
		t.Errorf("proof: %s", text)
	}
}

// What the page about checking tells people to do comes out: the signed file and the
// public key, as they are saved from the pages, hold against each other.
func TestCheckItYourself(t *testing.T) {
	h := newHouse(t)
	slug := h.publish(t, facts("K9"), "2031-01-01").Slug
	_, document := h.get(t, "/p/"+slug+"/v/1/statement.json")
	_, page := h.get(t, "/m/acme-ltd")
	pem := regexp.MustCompile(`(?s)<pre>(-----BEGIN.*?)</pre>`).FindStringSubmatch(page)
	if pem == nil {
		t.Fatal("the maker's page has no key")
	}
	key, err := sign.ParsePublicKey([]byte(html.UnescapeString(pem[1])))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), slug+"-1-statement.json")
	if err := os.WriteFile(file, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	v, err := statement.Verify(t.Context(), file, statement.VerifyOptions{Key: &key})
	if err != nil || !v.Holds || !v.KeyKnown || v.Content == nil || v.Content.Product.Name != "K9" {
		t.Errorf("%v: %+v", err, v)
	}
}

// The PDF is tagged; where there is no browser the page says so.
func TestPDF(t *testing.T) {
	if testing.Short() {
		t.Skip("long: prints with a browser")
	}
	h := newHouse(t)
	slug := h.publish(t, facts("K9"), "2031-01-01").Slug
	r := h.ask(t, "GET", "/p/"+slug+"/v/1/statement-large-print.pdf", "")
	data := body(t, r)
	if r.StatusCode == http.StatusNotImplemented {
		if !bytes.Contains(data, []byte("makes no PDF")) {
			t.Errorf("without a browser: %s", data)
		}
		t.Skip("no Chromium: install the package chromium")
	}
	if r.StatusCode != 200 || !bytes.HasPrefix(data, []byte("%PDF-")) {
		t.Fatalf("got %d, %.40s", r.StatusCode, data)
	}
	info, err := exec.LookPath("pdfinfo")
	if err != nil {
		t.Skip("no pdfinfo: install the package poppler-utils")
	}
	file := filepath.Join(t.TempDir(), "a.pdf")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(info, file).Output()
	if err != nil || !regexp.MustCompile(`Tagged:\s+yes`).Match(out) {
		t.Errorf("%v: %s", err, out)
	}
}

var link = regexp.MustCompile(site + `(/follow/(?:confirm|stop)/\S+)`)

// A subscription begins by a button behind a link in a mail, and ends by one click.
func TestFollow(t *testing.T) {
	h := newHouse(t)
	slugs := h.stock(t)
	full, err := h.s.Product(t.Context(), register.Public, slugs["soon"])
	if err != nil {
		t.Fatal(err)
	}
	h.work(t)
	form := "kind=product&key=" + string(full.Entry.ID) + "&email="
	if r := h.ask(t, "POST", "/follow", form+"nobody"); r.StatusCode != 422 || !bytes.Contains(body(t, r), []byte(`aria-invalid="true"`)) {
		t.Errorf("bad address: got %d", r.StatusCode)
	}
	if r := h.ask(t, "POST", "/follow", form+"a@example.org", "Sec-Fetch-Site", "cross-site"); r.StatusCode != 403 {
		t.Errorf("from another site: got %d", r.StatusCode)
	}
	if r := h.ask(t, "POST", "/follow", strings.Repeat("a", 20<<10)); r.StatusCode != 413 {
		t.Errorf("large: got %d", r.StatusCode)
	}
	if r := h.ask(t, "POST", "/follow", form+"a@example.org"); r.StatusCode != 200 || !bytes.Contains(body(t, r), []byte("on its way to a@example.org")) {
		t.Errorf("good address: got %d", r.StatusCode)
	}
	target := []register.Target{{Kind: register.FollowProduct, Key: string(full.Entry.ID)}}
	followers := func() (subs []register.Subscription) {
		if err := h.s.Store.Read(t.Context(), func(r register.Reader) (err error) {
			subs, err = r.Subscriptions(t.Context(), target, 0, 10)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return subs
	}
	mails := h.mails(t, "a@example.org")
	if len(mails) != 1 {
		t.Fatalf("mails: %+v", mails)
	}
	confirm := link.FindStringSubmatch(mails[0].Text)[1]
	if r, _ := h.get(t, confirm); r.StatusCode != 200 || len(followers()) != 0 {
		t.Errorf("looking at the link: %d, and %d follow", r.StatusCode, len(followers()))
	}
	if r := h.ask(t, "POST", confirm+"x", "a=b"); r.StatusCode != 404 {
		t.Errorf("wrong link: got %d", r.StatusCode)
	}
	if r := h.ask(t, "POST", confirm, "a=b"); r.StatusCode != 200 || len(followers()) != 1 {
		t.Fatalf("confirm: %d, and %d follow", r.StatusCode, len(followers()))
	}
	f := full.Version.Facts
	f.Support = nil
	h.publish(t, f, "2033-01-01")
	h.work(t)
	mails = h.mails(t, "a@example.org")
	last := mails[len(mails)-1]
	if len(mails) != 2 || last.StopURL == "" || !strings.Contains(last.Text, site+"/p/"+slugs["soon"]) && !strings.Contains(last.Text, site+"/product/"+slugs["soon"]) {
		t.Fatalf("mails: %+v", mails)
	}
	if r, _ := h.get(t, "/product/"+slugs["soon"]); r.Header.Get("Location") != "/p/"+slugs["soon"] {
		t.Errorf("address in the mail: %d", r.StatusCode)
	}
	if r := h.ask(t, "POST", strings.TrimPrefix(last.StopURL, site), "List-Unsubscribe=One-Click"); r.StatusCode != 200 || len(followers()) != 0 {
		t.Errorf("stop: %d, and %d follow", r.StatusCode, len(followers()))
	}
}

// Errors are pages for people and problem documents for programs, with a reference.
func TestErrors(t *testing.T) {
	h := newHouse(t)
	for _, accept := range []string{"", "application/json"} {
		r := h.ask(t, "GET", "/p/none", "", "Accept", accept)
		data := body(t, r)
		if r.StatusCode != 404 || r.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("accept %q: got %d", accept, r.StatusCode)
		}
		if accept == "" {
			if !regexp.MustCompile(`Reference <code>[A-Z2-7]{10}</code>`).Match(data) {
				t.Errorf("page: %s", data)
			}
			continue
		}
		var p struct {
			Title, Reference string
			Status           int
		}
		if err := json.Unmarshal(data, &p); err != nil || p.Status != 404 || len(p.Reference) != 10 || p.Title == "" || r.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("problem: %v, %s", err, data)
		}
	}
	// The database goes away: the reader is told no more than a reference.
	h.db.Close()
	for _, path := range []string{"/", "/search?q=x", "/p/x", "/api/v1/products", "/api/v1/lookup/5012345678900"} {
		r, page := h.get(t, path)
		if r.StatusCode != 500 || strings.Contains(page, "sql") || strings.Contains(page, "closed") || !strings.Contains(strings.ToLower(page), "reference") {
			t.Errorf("%s: %d, %s", path, r.StatusCode, page)
		}
	}
}

// What is answered to who says who they are is kept by nobody; what all may read, pages of
// other sites may read as well.
func TestAPIHeaders(t *testing.T) {
	h := newHouse(t)
	r, _ := h.get(t, "/api/v1/products")
	if got := r.Header.Get("Access-Control-Allow-Origin"); got != "*" {
		t.Errorf("open answer: got %q", got)
	}
	for _, header := range []string{"Authorization", "Cookie"} {
		r := h.ask(t, "GET", "/api/v1/products", "", header, "x=y")
		if r.Header.Get("Access-Control-Allow-Origin") != "" || r.Header.Get("ETag") != "" || r.Header.Get("Cache-Control") != "private, no-store" {
			t.Errorf("with %s: %v", header, r.Header)
		}
	}
	if _, page := h.get(t, "/search?q="+strings.Repeat("%C3%BC", 150)); !strings.Contains(page, "Nothing found") {
		t.Errorf("long search: %s", page)
	}
	if r, text := h.get(t, "/robots.txt"); r.StatusCode != 200 || !strings.Contains(text, "Disallow: /search") {
		t.Errorf("robots: %s", text)
	}
}

// All of a long history is there, once, a page at a time.
func TestHistory(t *testing.T) {
	h := newHouse(t)
	r := h.publish(t, facts("K9"), "2031-01-01")
	for i := range 27 {
		if _, err := h.s.ExtendSupport(t.Context(), h.maker, r.Product, []register.Extension{{Component: register.WholeProduct, End: assay.MustDate(fmt.Sprintf("2032-01-%02d", i+1))}}, ""); err != nil {
			t.Fatal(err)
		}
		h.publish(t, facts(fmt.Sprintf("other %d", i)), "2031-01-01")
	}
	leaf, older := regexp.MustCompile(`<li id="(leaf-\d+)"`), regexp.MustCompile(`href="(\?before=\d+)" rel="next"`)
	seen := map[string]bool{}
	pages := 0
	for at := ""; ; pages++ {
		_, page := h.get(t, "/p/"+r.Slug+"/history"+at)
		for _, m := range leaf.FindAllStringSubmatch(page, -1) {
			if seen[m[1]] {
				t.Errorf("%s is there twice", m[1])
			}
			seen[m[1]] = true
		}
		m := older.FindStringSubmatch(page)
		if m == nil {
			break
		}
		at = m[1]
	}
	if len(seen) != 28 || pages != 2 {
		t.Errorf("got %d changes, after %d further pages, want 28 and 2", len(seen), pages)
	}
	if r, _ := h.get(t, "/p/"+r.Slug+"/history?before=x"); r.StatusCode != 422 {
		t.Errorf("before x: %d", r.StatusCode)
	}
}
