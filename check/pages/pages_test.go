package pages_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/check/pages"
	"github.com/assay-psti/assay/check/reporting"
	"github.com/assay-psti/assay/check/support"
	"github.com/assay-psti/assay/evidence"
	"github.com/assay-psti/assay/fetch"
)

const site = "https://kettles.example"

var product = check.Product{Name: "Morning Kettle K2", Make: "Example Kettles", Models: []string{"K2-100"}, Pages: []check.Page{
	{Purpose: "product", URL: site + "/k2"}, {Purpose: "security", URL: site + "/security"}, {Purpose: "support", URL: site + "/support"}}}

func html(title, body string) string {
	return `<!doctype html><html lang="en"><head><title>` + title + `</title></head><body><h1>` + title + `</h1>` + body + `</body></html>`
}

var (
	home     = html("Morning Kettle K2-100", `<p>A kettle that boils at a set time, from wherever you are in the house.</p><a href="/security">Report a security issue</a> <a href="/support">Support</a>`)
	security = html("Report a security issue", `<p>If you have found a security vulnerability in one of our products, write to security@kettles.example.</p><p>We acknowledge every report within 3 working days. We send you a status update every two weeks until the issue is resolved.</p>`)
	login    = html("Sign in", `<p>Please log in to read our vulnerability disclosure policy.</p><form><input type="email" name="email"><input type="password" name="password"></form>`)
)

func until(day string) string {
	return html("Security updates", `<p>This page says how long our products receive security updates, so that you can plan what to buy.</p><p>The K2-100 receives security updates until `+day+`.</p>`)
}

type answer struct {
	path, body, cookie, failure string
	status                      int
	header                      http.Header
}

// archive writes a WARC file as fetch does.
func archive(t *testing.T, dir string, at time.Time, answers ...answer) {
	t.Helper()
	var file bytes.Buffer
	w, err := fetch.NewWriter(&file, fetch.Info{At: at, Software: "test"})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range answers {
		if a.failure != "" {
			err = w.Failure(site+a.path, at, a.failure)
		} else {
			x := &fetch.Exchange{URL: site + a.path, At: at, Request: http.Header{"User-Agent": {"test"}}, Status: a.status, Header: a.header, Body: []byte(a.body)}
			if x.Status == 0 {
				x.Status = 200
			}
			if x.Header == nil {
				x.Header = http.Header{"Content-Type": {"text/html"}}
			}
			if a.cookie != "" {
				x.Request.Set("Cookie", a.cookie)
			}
			err = w.Exchange(x)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	folder := filepath.Join(dir, "pages")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, at.Format("2006-01-02")+".warc.gz"), file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// said is what the checks state, "term = value", and whether they looked at all there was.
func said(t *testing.T, dir string) (map[string]string, bool, string) {
	t.Helper()
	folder, err := evidence.Open(t.Context(), dir, evidence.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	in := check.Input{Evidence: folder, Product: product, At: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)}
	result, err := pages.Check.Run(t.Context(), check.NewPass(pages.Check, in))
	if err != nil {
		t.Fatal(err)
	}
	in.Results = map[*check.Check]any{pages.Check: result}
	out := map[string]string{}
	whole := true
	var remarks []string
	for _, c := range []*check.Check{reporting.Check, support.Check} {
		pass := check.NewPass(c, in)
		if _, err := c.Run(t.Context(), pass); err != nil {
			t.Fatal(err)
		}
		report, err := pass.End()
		if err != nil {
			t.Fatal(err)
		}
		whole = whole && report.Whole
		remarks = append(remarks, report.Remarks...)
		for _, o := range report.Observations {
			if _, twice := out[string(o.Term)]; twice {
				t.Errorf("%s is stated twice", o.Term)
			}
			out[string(o.Term)] = o.Value.String()
		}
	}
	return out, whole, strings.Join(remarks, "\n")
}

func day(month int) time.Time { return time.Date(2026, time.Month(month), 1, 12, 0, 0, 0, time.UTC) }

// free is what is stated of pages that anybody can read.
func free(prefix string) map[string]string {
	return map[string]string{prefix + ".english": "yes", prefix + ".accessible": "yes", prefix + ".request_needed": "no", prefix + ".charged": "no", prefix + ".personal_information_asked": "no"}
}

func join(all ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, m := range all {
		for k, v := range m {
			out[k] = v
		}
	}
	return out
}

var (
	reports = map[string]string{"reporting.contact_published": "yes", "reporting.ack_time_stated": "yes", "reporting.updates_time_stated": "yes"}
	ends    = map[string]string{"support.published": "yes", "support.end_form": "date", "support.end": "2031-12-31"}
)

func TestFetched(t *testing.T) {
	all := []answer{{path: "/k2", body: home}, {path: "/security", body: security}, {path: "/support", body: until("31 December 2031")}}
	rows := map[string]struct {
		files  map[time.Time][]answer
		want   map[string]string
		broken bool // not all was looked at
		remark string
	}{
		"everything": {files: map[time.Time][]answer{day(1): all}, want: join(reports, ends, free("reporting"), free("support"))},
		"through-a-redirect": {files: map[time.Time][]answer{day(1): {all[0], {path: "/security", status: 302, header: http.Header{"Location": {"/policies/security"}}}, {path: "/policies/security", body: security}, all[2]}},
			want: join(reports, ends, free("reporting"), free("support"))},
		"with-a-cookie": {files: map[time.Time][]answer{day(1): {all[0], {path: "/security", body: security, cookie: "session=1"}}},
			want: join(reports, map[string]string{"reporting.english": "yes"})},
		"login": {files: map[time.Time][]answer{day(1): {all[0], {path: "/security", body: login}}},
			want: map[string]string{"reporting.personal_information_asked": "yes"}, broken: true, remark: "asks for a login"},
		"gone": {files: map[time.Time][]answer{day(1): all, day(2): {all[0], {path: "/security", status: 404, body: "not found"}, all[2]}},
			want: join(ends, free("support"), map[string]string{"reporting.accessible": "no"})},
		"led-to-the-front-page": {files: map[time.Time][]answer{day(1): {{path: "/security", status: 302, header: http.Header{"Location": {"/"}}}, {path: "/", body: home}}},
			broken: true, remark: "only leads on to the front page"},
		"leads-to-itself": {files: map[time.Time][]answer{day(1): {{path: "/security", body: html("Security", `<p>We take the security of our products seriously and test each before it leaves the factory.</p><p><a href="/security">Report a security issue</a> in one of our products here.</p>`)}}},
			want: map[string]string{"reporting.ack_time_stated": "no", "reporting.ack_time_worded": "no", "reporting.updates_time_stated": "no", "reporting.updates_time_worded": "no"}},
		"out-of-order": {files: map[time.Time][]answer{day(1): {all[0], {path: "/security", status: 503, body: "busy"}}},
			broken: true, remark: "status 503"},
		"no-answer": {files: map[time.Time][]answer{day(1): all, day(2): {all[0], {path: "/security", failure: "no answer in time"}, all[2]}},
			want: join(ends, free("support")), broken: true, remark: "no answer in time"},
		"nothing-leads-there": {files: map[time.Time][]answer{day(1): all[1:2]},
			want: join(reports, map[string]string{"reporting.english": "yes", "reporting.request_needed": "no", "reporting.charged": "no", "reporting.personal_information_asked": "no"})},
		"shortened": {files: map[time.Time][]answer{day(1): {{path: "/support", body: until("31 December 2032")}}, day(2): all},
			want: join(reports, ends, free("reporting"), free("support"), map[string]string{"support.shortened": "yes", "support.shortening_undone": "no"})},
		"shortened-and-put-back": {files: map[time.Time][]answer{day(1): all, day(2): {{path: "/support", body: until("31 December 2029")}}, day(3): all},
			want: join(reports, ends, free("reporting"), free("support"), map[string]string{"support.shortened": "yes", "support.shortening_undone": "yes"})},
		"security-txt-alone": {files: map[time.Time][]answer{day(1): {{path: "/.well-known/security.txt", body: "Contact: mailto:security@kettles.example\nExpires: 2027-01-01T00:00:00Z\n", header: http.Header{"Content-Type": {"text/plain"}}}}},
			want: map[string]string{"reporting.contact_published": "yes", "reporting.request_needed": "no", "reporting.charged": "no", "reporting.personal_information_asked": "no"}},
		"policy-of-a-security-txt": {files: map[time.Time][]answer{day(1): {{path: "/.well-known/security.txt", body: "Contact: mailto:security@kettles.example\nExpires: 2027-01-01T00:00:00Z\nPolicy: https://kettles.example/policy\n", header: http.Header{"Content-Type": {"text/plain"}}}, {path: "/policy", body: security}}},
			want: join(reports, map[string]string{"reporting.english": "yes", "reporting.request_needed": "no", "reporting.charged": "no", "reporting.personal_information_asked": "no"})},
		"cut": {files: map[time.Time][]answer{day(1): {{path: "/security", body: html("Security", strings.Repeat("<p>We take the security of our products seriously.</p>", 20)), header: http.Header{"Content-Type": {"text/html"}, "Content-Length": {"99999"}}}}},
			broken: true, remark: "nothing follows"},
		"retailer": {files: map[time.Time][]answer{day(1): {all[0], {path: ".shop.example/k2", body: until("31 December 2040")}}},
			remark: "no support period"},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for at, answers := range row.files {
				archive(t, dir, at, answers...)
			}
			got, whole, remarks := said(t, dir)
			if diff := cmp.Diff(join(row.want), got); diff != "" {
				t.Errorf("-want +got\n%s\n%s", diff, remarks)
			}
			if whole == row.broken {
				t.Errorf("looked at all there was: %t\n%s", whole, remarks)
			}
			if !strings.Contains(remarks, row.remark) {
				t.Errorf("want a remark with %q, got\n%s", row.remark, remarks)
			}
		})
	}
}

// A file that breaks off never makes anything be said that the whole one does not
// say, nor that something is missing.
func TestCutShort(t *testing.T) {
	dir := t.TempDir()
	archive(t, dir, day(1), answer{path: "/k2", body: home}, answer{path: "/security", body: security}, answer{path: "/support", body: until("31 December 2031")})
	name := filepath.Join(dir, "pages", "2026-01-01.warc.gz")
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	all, _, _ := said(t, dir)
	for cut := 1; cut < len(whole); cut += 97 {
		if err := os.WriteFile(name, whole[:len(whole)-cut], 0o644); err != nil {
			t.Fatal(err)
		}
		got, _, remarks := said(t, dir)
		for term, v := range got {
			if all[term] != v {
				t.Errorf("cut by %d: %s = %s, of the whole it is %q\n%s", cut, term, v, all[term], remarks)
			}
		}
	}
}

func TestSeries(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "pages")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"support-2025-01-02.html", "support-eu-2025-01-02.html", "support.html", "supporters.html", "security_2025-02-30.html"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(fmt.Sprint(html(name, "<p>words</p>"), i)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f, err := evidence.Open(t.Context(), dir, evidence.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	result, err := pages.Check.Run(t.Context(), check.NewPass(pages.Check, check.Input{Evidence: f}))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, p := range result.(*pages.Result).Pages {
		got[p.Title()] = fmt.Sprint(p.Purposes, " ", p.Series(), " ", p.Day())
	}
	want := map[string]string{
		"pages/support-2025-01-02.html":    "[support] support 2 January 2025",
		"pages/support-eu-2025-01-02.html": "[support] support-eu 2 January 2025",
		"pages/support.html":               "[support] support an unknown day",
		"pages/supporters.html":            "[] supporters an unknown day",
		"pages/security_2025-02-30.html":   "[security] security an unknown day",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
