package report_test

import (
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/bench"
	"github.com/assay-psti/assay/dossier"
	"github.com/assay-psti/assay/internal/browsertest"
	"github.com/assay-psti/assay/law"
	"github.com/assay-psti/assay/report"
)

const evil = `<script>alert("x")</script>`

// benchReport is a small test with a pass, a failure, a stale record, a draft row that was
// found, and texts that try to be markup.
func benchReport(t *testing.T) *bench.Report {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "product.yaml"), []byte("name: Mood Lamp\nmake: Lumen\nmodels: [\"ML-1\"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := dossier.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { d.Close() }()
	test, err := bench.For(law.Standard(), "V2.1.1")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	r := &bench.Recorder{Test: test, Dossier: d, By: "Kim Lee, laboratory", Now: func() time.Time { return at }}
	x := test.NewIXIT()
	entry := func(id, declared, found string) dossier.IXITEntry {
		return dossier.IXITEntry{ID: id, Fields: []dossier.IXITField{{Name: "Description", Declared: declared, Found: found}}}
	}
	x.Tables = []dossier.IXITTable{
		{Number: 2, Name: "UserInfo", Entries: []dossier.IXITEntry{{ID: "UserInfo", Fields: []dossier.IXITField{{Name: "Model Designation", Declared: "ML-1"}}}}},
		{Number: 13, Name: "SoftServ", Entries: []dossier.IXITEntry{entry("page", "the page "+evil, ""), entry("telnet", "", "seen on port 23")}},
		{Number: 24, Name: "TelData", Empty: "none is collected"},
	}
	if err := test.Sign(x, "Jo Maker", at); err != nil {
		t.Fatal(err)
	}
	if err := d.WriteIXIT(x); err != nil {
		t.Fatal(err)
	}
	for _, s := range []struct {
		step string
		a    bench.Answer
	}{
		{"identity/bench.laboratory", bench.Answer{Value: "Example Lab " + evil}},
		{"ics/5.3-16", bench.Answer{Value: "Y", Reason: "on the label"}},
		{"ics/5.6-5", bench.Answer{Value: "Y"}},
		{"ics/5.4-1", bench.Answer{Value: "N/A", Reason: "there is nothing"}},
		{"unit/5.3-16-1/a", bench.Answer{Value: "PASS", Reason: "clear"}},
		{"unit/5.3-16-2/a", bench.Answer{Value: "PASS", Reason: "equal", Files: []bench.File{{Name: "label.txt", Data: []byte("ML-1")}}}},
		{"unit/5.6-5-1/a", bench.Answer{Value: "FAIL", Reason: "telnet is not needed " + evil, Files: []bench.File{
			{Name: "rear panel.png", Data: picture(t)}, {Name: "screen.heic", Data: []byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00")}}}},
	} {
		if err := r.Record(t.Context(), s.step, s.a); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Cover(t.Context(), "5.5-1-1", "certificate 12", []bench.File{{Name: "certificate.pdf", Data: []byte("%PDF")}}); err != nil {
		t.Fatal(err)
	}
	d.Close()
	if d, err = dossier.Load(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	in, err := bench.InputOf(d)
	if err != nil {
		t.Fatal(err)
	}
	p, err := test.Plan(in)
	if err != nil {
		t.Fatal(err)
	}
	doc := p.Report(d, at)
	if err := doc.ShowPhotos(t.Context(), d, bench.PhotoLimits{}); err != nil {
		t.Fatal(err)
	}
	return doc
}

// picture is a photograph as PNG.
func picture(t *testing.T) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, 900, 600))
	for i := range m.Pix {
		m.Pix[i] = byte(i / 900)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func benchPage(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := report.BenchHTML(&b, benchReport(t)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestBenchReportSays(t *testing.T) {
	doc := benchReport(t)
	page := string(benchPage(t))
	if doc.Verdict != assay.Fail {
		t.Errorf("the verdict is %s, want FAIL", doc.Verdict)
	}
	for _, want := range []string{
		"TS 103 701 V1.1.1", "EN 303 645 V2.1.1", "The ICS is invalid: 1 fault.", "Claimed and failed: 5.6-5.", "Example Lab", "Kim Lee, laboratory",
		"compared with IXIT table 2", "device/label.txt", "Found and not declared", "telnet", "none is collected", "N/A on a row without condition",
		`<img src="data:image/jpeg;base64,/9j/`, `width="900" height="600" alt="Photograph 1, given with case 5.6-5-1, unit a"`, `Photograph 1: device/rear-panel.png</strong> (PNG, 900 by 600 pixels)`,
		`(<a href="#photo-1">photograph 1</a>)`, "Not shown: HEIC is not read here", report.Disclaimer[:20],
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if got := strings.Count(page, "<img"); got != 1 {
		t.Errorf("the page shows %d pictures, want 1", got)
	}
	if strings.Contains(page, evil) {
		t.Error("a text became markup")
	}
	for _, e := range doc.Evidence {
		if !strings.Contains(page, strings.TrimPrefix(string(e.Digest), "sha256:")) {
			t.Errorf("the page does not name the digest of %s", e.Name)
		}
	}
	if len(doc.Evidence) != 4 {
		t.Errorf("%d pieces of evidence, want 4", len(doc.Evidence))
	}
	data, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"test_specification":"V1.1.1","edition":"V2.1.1","id":"5.3-16-2"`, `"verdict":"FAIL"`, `"declared":"ML-1"`, `"found":"seen on port 23"`, `"ics":"Y"`,
		`"photos":[{"name":"device/rear-panel.png"`, `"not_shown":"HEIC is not read here`} {
		if !strings.Contains(string(data), want) {
			t.Errorf("the JSON does not hold %s", want)
		}
	}
	again := benchPage(t)
	if string(again) != page {
		t.Error("the same test makes another page")
	}
}

// TestBenchPageIsWhole looks for anchors that lead nowhere and for what another page
// or the network would be needed for.
func TestBenchPageIsWhole(t *testing.T) {
	root, err := html.Parse(bytes.NewReader(benchPage(t)))
	if err != nil {
		t.Fatal(err)
	}
	ids, wanted := map[string]int{}, map[string]bool{}
	heads := 0
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if n.Data == "h1" {
			heads++
		}
		if n.Data == "script" || n.Data == "link" {
			t.Errorf("the page holds <%s>", n.Data)
		}
		for _, a := range n.Attr {
			switch {
			case a.Key == "id":
				ids[a.Val]++
			case a.Key == "href" && strings.HasPrefix(a.Val, "#"):
				wanted[a.Val[1:]] = true
			case n.Data == "img" && a.Key == "src" && strings.HasPrefix(a.Val, "data:image/jpeg;base64,"): // within the page
			case a.Key == "href" || a.Key == "src":
				t.Errorf("the page leads to %s", a.Val)
			}
		}
	}
	for id := range wanted {
		if ids[id] != 1 {
			t.Errorf("#%s is there %d times", id, ids[id])
		}
	}
	if heads != 1 || len(wanted) == 0 {
		t.Errorf("%d main headings, %d links", heads, len(wanted))
	}
}

func TestBenchPageIsAccessible(t *testing.T) {
	page := benchPage(t)
	for _, width := range []int{1200, 320} {
		for _, v := range browsertest.Axe(t, page, width, width == 320) {
			t.Errorf("at %d pixels: %+v", width, v)
		}
	}
}
