package web

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/bench"
	"github.com/assay-psti/assay/laboratory"
	"github.com/assay-psti/assay/law"
	"github.com/assay-psti/assay/register"
)

// photo is a photograph as a telephone takes it.
func photo(t testing.TB, w, h int) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.SetRGBA(x, y, color.RGBA{byte(x), byte(y), byte(x * y), 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// dossierZip is a dossier as somebody packs it: with what a tool observed in it.
func dossierZip(t testing.TB, change map[string]string) []byte {
	t.Helper()
	o := assay.Observation{Subject: "interface/telnet", Term: "interface.unauthenticated", Value: assay.Bool(true), Source: assay.Observed, By: "device/access", At: day, Note: "It asked for nothing."}
	o.Identify()
	line, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"lamp/product.yaml": "name: Lamp\nmake: Example\nmodels: [L-100]\ninterfaces:\n  - {id: telnet, protocol: telnet, port: 23}\n", "lamp/observed.jsonl": string(line) + "\n", "lamp/.git/config": "x", "lamp/evidence/device/.gitkeep": ""}
	for name, content := range change {
		files[name] = content
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range files {
		if content == "-" {
			continue
		}
		f, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = f.Write([]byte(content))
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// begin begins a test by the form, and gives its address.
func (v *visitor) begin(t testing.TB, name string) string {
	t.Helper()
	code, body, to := v.post("/org/bench/new", url.Values{"name": {name}, "make": {"Example"}, "models": {"L-100, L-200"}, "category": {"lamp"}, "edition": {"V2.1.1"}})
	if code != http.StatusSeeOther || !strings.HasPrefix(to, "/org/bench/t") {
		t.Fatalf("begin: %d to %q: %s", code, to, shownLine(body, 2000))
	}
	return to
}

// TestGuidedRun goes through a test without script: forms out and in, answers of every
// kind, an answer that is refused, a photograph, the report, and the assessment.
func TestGuidedRun(t *testing.T) {
	o := newOffice(t)
	lab := o.firm(t, "Test House", register.Laboratory)
	maker := o.firm(t, "Acme Ltd", register.Manufacturer)
	entry := o.publish(t, maker, "K2", "2031-01-31")
	v := o.as(t, lab, register.RoleEditor)

	_, body := v.get("/org/bench")
	contains(t, body, "No test has begun yet", `href="/org/bench/new"`, `aria-current="page">Bench`)
	code, _, at := v.post("/org/bench/new", url.Values{"entry": {"https://register.example/p/" + entry.Slug}, "entry-edition": {"V2.1.1"}})
	if code != http.StatusSeeOther {
		t.Fatalf("of an entry: %d", code)
	}
	_, body = v.get(at)
	contains(t, body, "Acme K2", "INCONCLUSIVE", "V1.1.1", "rows of the ICS without an answer", at+"/step/identity/bench.supplier")
	if len(body) > 30000 {
		t.Errorf("the overview weighs %d bytes, want less than 30000", len(body))
	}

	// Identification: the first step leads to the next.
	code, _, to := v.send(at+"/step/identity/bench.supplier", url.Values{"value": {"Acme Ltd"}})
	if code != http.StatusSeeOther || to != at+"/step/identity/bench.supplier_address" {
		t.Fatalf("an answer leads to %q with %d, want the next step", to, code)
	}
	code, body, _ = v.send(at+"/step/identity/bench.began", url.Values{"value": {"yesterday"}})
	if code != http.StatusUnprocessableEntity {
		t.Errorf("a day that is none: %d", code)
	}
	contains(t, body, "There is a problem", "does not answer it", `value="yesterday"`)
	for step, value := range map[string]string{"bench.serials": "L-1, L-2", "bench.began": "2026-11-02", "bench.laboratory": "Test House"} {
		if code, body, _ := v.send(at+"/step/identity/"+step, url.Values{"value": {value}}); code != http.StatusSeeOther {
			t.Fatalf("%s: %d %s", step, code, shownLine(body, 900))
		}
	}

	// A row of the form wants its reason.
	if code, body, _ = v.send(at+"/step/ics/5.3-15", url.Values{"value": {"N"}}); code != http.StatusUnprocessableEntity || !strings.Contains(body, "N and N/A want a reason") {
		t.Errorf("N without a reason: %d", code)
	}
	if code, _, _ = v.send(at+"/step/ics/5.3-16", url.Values{"value": {"Y"}, "reason": {"on the label"}, "by": {"Jo Maker, head of compliance"}}); code != http.StatusSeeOther {
		t.Fatalf("Y: %d", code)
	}
	_, body = v.get(at + "/group/5.3-16")
	contains(t, body, "<strong>Y</strong>", "Jo Maker, head of compliance (noted by Person", "Case <span class=\"whole\">5.3-16-2</span>", "Test it")

	// Nothing passes without something to compare with: said before, and refused after.
	unit := at + "/step/unit/5.3-16-2/a"
	_, body = v.get(unit)
	contains(t, body, "It cannot be passed yet", `capture="environment" multiple`, `accept="image/*"`, `enctype="multipart/form-data"`)
	if strings.Contains(body, `value="PASS"`) {
		t.Error("PASS is offered where the plan does not allow it")
	}
	pass := url.Values{"value": {"PASS"}, "reason": {"it says L-100 <b>as declared</b>"}, "means": {"looked"}}
	code, body, _ = v.send(unit, pass)
	if code != http.StatusUnprocessableEntity {
		t.Errorf("PASS without an IXIT: %d", code)
	}
	contains(t, body, "there is nothing to compare with", "it says L-100 &lt;b&gt;as declared&lt;/b&gt;", `href="#answer"`)

	// The IXIT out, filled, in, signed.
	o.fillIXIT(t, v, at)
	_, body = v.get(unit)
	if strings.Contains(body, "It cannot be passed yet") || !strings.Contains(body, `value="PASS"`) {
		t.Error("it is still not to be passed")
	}
	shot := slices.Concat([]byte("\xff\xd8\xff\xe1\x00\x10Exif\x00\x00at home."), photo(t, 900, 600)[2:])
	if code, body, _ = v.send(unit, pass, upload{"photo:../../IMG 1.JPG", shot}, upload{"file:log.txt", []byte("<script>alert(1)</script>")}, upload{"photo:IMG 2.HEIC", []byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00")}); code != http.StatusSeeOther {
		t.Fatalf("PASS: %d %s", code, shownLine(body, 2000))
	}
	_, body = v.get(unit)
	contains(t, body, "Answered before", "it says L-100 &lt;b&gt;as declared&lt;/b&gt;", "device/IMG-1.JPG", "device/log.txt", "HEIC is not read here; give the picture as JPEG")
	inert(t, body)
	_, body = v.get(at + "/group/5.3-16")
	contains(t, body, "PASS")

	// The photograph is made anew, the file is saved and never shown.
	photos := regexp.MustCompile(`src="(` + at + `/photo/[0-9a-f]{64})"`).FindStringSubmatch(body)
	files := regexp.MustCompile(`href="(` + at + `/file/[0-9a-f]{64})">device/log`).FindStringSubmatch(body)
	if photos == nil || files == nil {
		t.Fatalf("no photograph or file on the page: %s", shownLine(body, 3000))
	}
	res := v.do(httptest.NewRequest("GET", photos[1], nil))
	data, _ := io.ReadAll(res.Body)
	small, kind, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil || kind != "jpeg" || small.Width != laboratory.Small || bytes.Equal(data, shot) || res.Header.Get("Content-Type") != "image/jpeg" {
		t.Errorf("the photograph comes as %s of %d pixels, %v", kind, small.Width, err)
	}
	res = v.do(httptest.NewRequest("GET", files[1], nil))
	data, _ = io.ReadAll(res.Body)
	if !strings.HasPrefix(res.Header.Get("Content-Disposition"), "attachment") || res.Header.Get("Content-Type") != "application/octet-stream" || !strings.Contains(string(data), "<script>") {
		t.Errorf("a file is sent as %q, %q", res.Header.Get("Content-Type"), res.Header.Get("Content-Disposition"))
	}
	if code, _ := v.get(strings.Replace(files[1], "/file/", "/photo/", 1)); code != http.StatusUnprocessableEntity {
		t.Errorf("a file that is no photograph is shown as one: %d", code)
	}

	// Evidence from elsewhere, recorded and taken back.
	if code, body, _ = v.send(at+"/group/5.3-16", url.Values{"case": {"5.3-16-1"}, "what": {"certificate 12"}, "do": {"cover"}}, upload{"file:c.pdf", []byte("%PDF")}); code != http.StatusSeeOther {
		t.Errorf("cover: %d %s", code, shownLine(body, 2000))
	}
	_, body = v.get(at + "/group/5.3-16")
	contains(t, body, "certificate 12")
	if code, _, _ = v.send(at+"/group/5.3-16", url.Values{"case": {"5.3-16-1"}, "what": {"expired"}, "do": {"withdraw"}}); code != http.StatusSeeOther {
		t.Errorf("uncover: %d", code)
	}

	o.reports(t, v, at)
	_, body = v.get(at + "/report")
	contains(t, body, "assay bench assess acme-k2 --product "+string(entry.Product)+" --version 1 --key laboratory.key", "/org/assess")

	// Paused, it takes nothing; then it goes on.
	o.paused(t, v, at, unit)
}

// reports reads the report in its forms: its photographs are in it, drawn here, and
// nothing else may be.
func (o *office) reports(t *testing.T, v *visitor, at string) {
	t.Helper()
	for name, want := range map[string][]string{
		"report.html": {"tested after TS 103 701", `alt="Photograph 1, given with case 5.3-16-2, unit a"`, "device/IMG-1.JPG</strong> (JPEG, 900 by 600 pixels)", "it says L-100 &lt;b&gt;as declared"},
		"report.txt":  {"Photograph 1: device/IMG-1.JPG (JPEG, 900 by 600 pixels), sha256:", "Case 5.3-16-2, unit a: it says L-100"},
		"report.json": {`"identification"`, `"name": "device/IMG-1.JPG"`, `"width": 900`},
		"report.xlsx": {"PK"},
	} {
		res := v.do(httptest.NewRequest("GET", at+"/report/"+name, nil))
		data, _ := io.ReadAll(res.Body)
		if res.StatusCode != http.StatusOK || res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d, %q", name, res.StatusCode, res.Header.Get("Cache-Control"))
		}
		contains(t, string(data), want...)
		if name != "report.html" {
			continue
		}
		policy := res.Header.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-") || !strings.HasSuffix(policy, "; img-src data:") {
			t.Errorf("%s: its policy is %q", name, policy)
		}
		drawn := regexp.MustCompile(`<img src="data:image/jpeg;base64,([^"]+)"`).FindAllStringSubmatch(string(data), -1)
		if len(drawn) != 1 {
			t.Fatalf("the report shows %d photographs, want 1", len(drawn))
		}
		picture, err := base64.StdEncoding.DecodeString(html.UnescapeString(drawn[0][1]))
		if err != nil {
			t.Fatal(err)
		}
		if c, err := jpeg.DecodeConfig(bytes.NewReader(picture)); err != nil || c.Width != 900 || c.Height != 600 || bytes.Contains(picture, []byte("at home")) {
			t.Errorf("the photograph is of %d by %d pixels, %v", c.Width, c.Height, err)
		}
	}
	if testing.Short() {
		return
	}
	res := v.do(httptest.NewRequest("GET", at+"/report/report.pdf", nil)) // a browser prints it
	data, _ := io.ReadAll(res.Body)
	switch {
	case res.StatusCode == http.StatusNotImplemented: // there is none
	case res.StatusCode != http.StatusOK || !bytes.HasPrefix(data, []byte("%PDF-")) || res.Header.Get("Cache-Control") != "no-store":
		t.Errorf("report.pdf: %d, %q", res.StatusCode, res.Header.Get("Cache-Control"))
	case !bytes.Contains(data, []byte("/Subtype /Image")):
		t.Error("report.pdf has no photograph in it")
	}
}

// fillIXIT fills a table in as a supplier does, and has it signed.
func (o *office) fillIXIT(t *testing.T, v *visitor, at string) {
	t.Helper()
	test, err := bench.For(law.Standard(), "V2.1.1")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ics.csv", "ics.xlsx", "ixit.xlsx", "ixit.zip"} {
		code, body := v.get(at + "/forms/" + name)
		if code != http.StatusOK || len(body) < 500 {
			t.Fatalf("%s: %d, %d bytes", name, code, len(body))
		}
		field, path, _ := strings.Cut(name, ".")
		if code, body, _ := v.send(at+"/"+field, url.Values{"by": {"Jo Maker, head of compliance"}}, upload{field + ":form." + path, []byte(body)}); code != http.StatusSeeOther {
			t.Fatalf("%s does not come back: %d %s", name, code, shownLine(body, 1500))
		}
	}
	table := fmt.Sprintf("Test specification,Edition,Table,ID,%s\nV1.1.1,V2.1.1,2,UserInfo,L-100\n", test.Table(2).Fields[0])
	if code, body, _ := v.send(at+"/ixit", nil, upload{"ixit:t.csv", []byte(table)}); code != http.StatusSeeOther {
		t.Fatalf("table: %d %s", code, shownLine(body, 1500))
	}
	_, body := v.get(at + "/forms")
	contains(t, body, "It is a draft", "2 UserInfo")
	for name, bad := range map[string]string{"nonsense.csv": "a,b\n1,2\n", "x.exe": "MZ", "x.zip": "PK", "empty.csv": ""} {
		code, body, _ := v.send(at+"/ixit", nil, upload{"ixit:" + name, []byte(bad)})
		if code != http.StatusUnprocessableEntity || !strings.Contains(body, "There is a problem") {
			t.Errorf("%s: %d, want it refused on the page", name, code)
		}
	}
	if code, _, _ := v.post(at+"/prefill", nil); code != http.StatusSeeOther {
		t.Errorf("prefill: %d", code)
	}
	if code, _, _ := v.post(at+"/sign", url.Values{"signer": {"Jo Maker, head of compliance"}}); code != http.StatusUnprocessableEntity {
		t.Errorf("signed without the tick: %d", code)
	}
	if code, body, _ := v.post(at+"/sign", url.Values{"signer": {"Jo Maker, head of compliance"}, "sure": {"yes"}}); code != http.StatusSeeOther {
		t.Fatalf("sign: %d %s", code, shownLine(body, 1500))
	}
	_, body = v.get(at + "/forms")
	contains(t, body, "Signed by Jo Maker, head of compliance")
}

// paused holds that only an open test takes answers.
func (o *office) paused(t *testing.T, v *visitor, at, unit string) {
	t.Helper()
	for _, state := range []string{"paused", "archived"} {
		if code, _, _ := v.post(at+"/state", url.Values{"state": {state}}); code != http.StatusSeeOther {
			t.Fatalf("%s: %d", state, code)
		}
		code, body, _ := v.send(unit, url.Values{"value": {"FAIL"}, "reason": {"it says nothing"}})
		if code != http.StatusConflict || !strings.Contains(body, "takes no answers") {
			t.Errorf("an answer to a test that is %s: %d", state, code)
		}
		if code, _, _ = v.post(at+"/sign", url.Values{"signer": {"x"}, "sure": {"yes"}}); code != http.StatusConflict {
			t.Errorf("a signature in a test that is %s: %d", state, code)
		}
	}
	_, body := v.get("/org/bench")
	contains(t, body, "No test has begun yet", "Archived tests (1)")
	_, body = v.get("/org/bench?show=archived")
	contains(t, body, at)
	if code, _, _ := v.post(at+"/state", url.Values{"state": {"gone"}}); code != http.StatusUnprocessableEntity {
		t.Errorf("a state that there is none of: %d", code)
	}
	if code, _, _ := v.post(at+"/state", url.Values{"state": {"open"}}); code != http.StatusSeeOther {
		t.Errorf("go on: %d", code)
	}
	_, body = v.get(unit)
	if strings.Contains(body, "it says nothing") {
		t.Error("an answer was kept that was refused")
	}
}

// TestDossierTakenIn: what tools observed is shown where it bears on a step, what is no
// dossier is refused, and what is taken away can be taken in again.
func TestDossierTakenIn(t *testing.T) {
	o := newOffice(t)
	lab := o.firm(t, "Test House", register.Laboratory)
	v := o.as(t, lab, register.RoleEditor)
	for name, bad := range map[string][]byte{
		"no zip": []byte("hello"), "nothing": nil, "no product": dossierZip(t, map[string]string{"lamp/product.yaml": "-"}), "bad product": dossierZip(t, map[string]string{"lamp/product.yaml": "nam: x\n"}),
		"way out": dossierZip(t, map[string]string{"lamp/../../evil": "x"}), "absolute": dossierZip(t, map[string]string{"lamp//etc/passwd": "x"}), "bad record": dossierZip(t, map[string]string{"lamp/observed.jsonl": "{}\n"}),
		"term": dossierZip(t, map[string]string{"lamp/declared.yaml": "answers:\n  - {term: no.such.term, value: true, by: x, at: 2026-01-01}\n"}),
	} {
		code, body, _ := v.send("/org/bench/take-in", nil, upload{"dossier:d.zip", bad})
		if code != http.StatusUnprocessableEntity || !strings.Contains(body, "There is a problem") {
			t.Errorf("%s: %d, want it refused: %s", name, code, shownLine(body, 800))
		}
	}
	if tests, err := o.site.Tests.Tests(string(lab.org)); err != nil || len(tests) != 0 {
		t.Errorf("%d tests are left of what was refused, %v", len(tests), err)
	}
	code, body, at := v.send("/org/bench/take-in", url.Values{"dossier-edition": {"V3.1.3"}}, upload{"dossier:d.zip", dossierZip(t, nil)})
	if code != http.StatusSeeOther {
		t.Fatalf("take in: %d %s", code, shownLine(body, 2000))
	}
	_, body = v.get(at)
	contains(t, body, "Example Lamp", "V3.1.3", "V2.1.1")
	if len(body) > 30000 {
		t.Errorf("the overview weighs %d bytes, want less than 30000", len(body))
	}
	if code, _, _ = v.send(at+"/step/ics/5.5-1", url.Values{"value": {"Y"}}); code != http.StatusSeeOther {
		t.Fatalf("ics: %d", code)
	}
	found := false
	for _, group := range []string{"5.5-1", "5.5-5", "5.6-1", "5.1-1", "5.1-4"} {
		_, body = v.get(at + "/group/" + group)
		found = found || strings.Contains(body, "What tools observed") && strings.Contains(body, "device/access")
	}
	if !found {
		t.Error("what a tool observed is shown at no group")
	}
	res := v.do(httptest.NewRequest("GET", at+"/dossier.zip", nil))
	data, _ := io.ReadAll(res.Body)
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Disposition") != `attachment; filename="example-lamp.zip"` || res.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("taken away: %d, %v", res.StatusCode, res.Header)
	}
	code, body, again := v.send("/org/bench/take-in", nil, upload{"dossier:d.zip", data})
	if code != http.StatusSeeOther {
		t.Fatalf("again: %d %s", code, shownLine(body, 900))
	}
	if _, body = v.get(again); !strings.Contains(body, "V3.1.3") {
		t.Error("the edition did not come along")
	}

	// Deleted by an owner, who says so twice; and then gone.
	owner := o.as(t, lab, register.RoleOwner)
	if code, _ := v.get(again + "/delete"); code != http.StatusForbidden {
		t.Errorf("an editor may delete: %d", code)
	}
	if code, _, _ := owner.post(again+"/delete", nil); code != http.StatusUnprocessableEntity {
		t.Errorf("deleted without the tick: %d", code)
	}
	if code, _, to := owner.post(again+"/delete", url.Values{"sure": {"yes"}}); code != http.StatusSeeOther || to != "/org/bench" {
		t.Errorf("delete: %d", code)
	}
	if code, _ := v.get(again); code != http.StatusNotFound {
		t.Errorf("after it: %d", code)
	}
	events, err := o.reg.Audit(t.Context(), lab.people[register.RoleOwner], register.EventFilter{Limit: 50})
	if err != nil {
		t.Fatal(err)
	}
	said := fmt.Sprint(events)
	for _, deed := range []register.TestDeed{register.TestBegun, register.TestTaken, register.TestDeleted} {
		if !strings.Contains(said, string(deed)) {
			t.Errorf("the trail lacks %s", deed)
		}
	}
}

// TestBenchIsPrivate asks for every page and form of the bench, by members of every other
// organisation in every role, with the ids of a laboratory's tests: nothing is shown,
// and nothing changes.
func TestBenchIsPrivate(t *testing.T) {
	o := newOffice(t)
	lab, rival, maker := o.firm(t, "Test House", register.Laboratory), o.firm(t, "Rival House", register.Laboratory), o.firm(t, "Acme Ltd", register.Manufacturer)
	v := o.as(t, lab, register.RoleOwner)
	at := v.begin(t, "Secret Lamp")
	for step, value := range map[string]string{"identity/bench.supplier": "Secret Supplier", "ics/5.3-16": "Y"} {
		if code, _, _ := v.send(at+"/step/"+step, url.Values{"value": {value}}); code != http.StatusSeeOther {
			t.Fatalf("%s: %d", step, code)
		}
	}
	if code, body, _ := v.send(at+"/step/unit/5.3-16-2/a", url.Values{"value": {"FAIL"}, "reason": {"secret reason"}}, upload{"photo:p.jpg", photo(t, 60, 40)}); code != http.StatusSeeOther {
		t.Fatalf("answer: %d %s", code, shownLine(body, 900))
	}
	_, body := v.get(at + "/step/unit/5.3-16-2/a")
	digest := regexp.MustCompile(`/photo/([0-9a-f]{64})`).FindStringSubmatch(body)[1]
	if code, _ := v.get(at + "/photo/" + digest); code != http.StatusOK { // kept, so that a stranger could be served from what is kept
		t.Fatalf("photograph: %d", code)
	}
	id := strings.TrimPrefix(at, "/org/bench/")
	state := func() string {
		tests, err := o.site.Tests.Tests(string(lab.org))
		if err != nil || len(tests) != 1 {
			t.Fatalf("%d tests, %v", len(tests), err)
		}
		return fmt.Sprintf("%+v", *tests[0])
	}
	before := state()
	var routes []route
	for _, rt := range o.site.accounts.routes {
		if strings.Contains(rt.pattern, "/org/bench/{id}") {
			routes = append(routes, rt)
		}
	}
	if len(routes) < 18 {
		t.Fatalf("%d routes, want all", len(routes))
	}
	fill := strings.NewReplacer("{id}", id, "{group}", "5.3-16", "{step...}", "unit/5.3-16-2/a", "{digest}", digest, "{file}", "report.html")
	check := func(rt route, f *firm, role register.Role, multi bool) error {
		them := o.as(t, f, role)
		method, path, _ := strings.Cut(rt.pattern, " ")
		path = fill.Replace(path)
		values := url.Values{"state": {"archived"}, "sure": {"yes"}, "signer": {"x"}, "by": {"x"}, "value": {"PASS"}, "reason": {"harm"}, "means": {"x"}, "case": {"5.3-16-1"}, "what": {"harm"}}
		var code int
		var body string
		switch {
		case method == "GET":
			code, body = them.get(path)
		case multi:
			code, body, _ = them.send(path, values, upload{"ics:a.csv", []byte("Test specification,Edition,Provision,Support,Detail\n")}, upload{"ixit:a.csv", []byte("Test specification,Edition,Table,ID\n")})
		default:
			code, body, _ = them.post(path, values)
		}
		if code != http.StatusNotFound && code != http.StatusForbidden && code != http.StatusUnprocessableEntity || method == "GET" && code == http.StatusUnprocessableEntity {
			return fmt.Errorf("%s by %s of another organisation: %d", rt.pattern, role, code)
		}
		for _, secret := range []string{"Secret", "secret reason"} {
			if strings.Contains(body, secret) {
				return fmt.Errorf("%s shows %q to another organisation", rt.pattern, secret)
			}
		}
		if now := state(); now != before {
			return fmt.Errorf("%s by another organisation changed the test:\n%s\nwas\n%s", rt.pattern, now, before)
		}
		return nil
	}
	for _, rt := range routes {
		for _, multi := range []bool{false, true} {
			if err := check(rt, rival, register.RoleOwner, multi); err != nil {
				t.Error(err)
			}
		}
	}
	_, body = o.as(t, rival, register.RoleOwner).get("/org/bench")
	if strings.Contains(body, "Secret") {
		t.Error("the list shows another laboratory's test")
	}
	// Within the laboratory a reader sees, and changes nothing.
	reader := o.as(t, lab, register.RoleReader)
	for _, rt := range routes {
		method, path, _ := strings.Cut(rt.pattern, " ")
		if method != "POST" {
			continue
		}
		if code, _, _ := reader.post(fill.Replace(path), url.Values{"state": {"archived"}, "sure": {"yes"}}); code != http.StatusForbidden {
			t.Errorf("%s by a reader: %d, want 403", rt.pattern, code)
		}
	}
	if _, body := reader.get(at); strings.Contains(body, "<form") || !strings.Contains(body, "Secret Lamp") {
		t.Error("a reader's overview has forms, or does not show the test")
	}
	if code, _, _ := (&visitor{o: o}).answer(httptest.NewRequest("GET", at+"/photo/"+digest, nil)); code != http.StatusSeeOther {
		t.Errorf("a photograph for nobody: %d, want the sign-in", code)
	}
	if testing.Short() {
		return
	}
	rapid.Check(t, func(r *rapid.T) {
		f := rapid.SampledFrom([]*firm{rival, maker}).Draw(r, "who")
		if err := check(rapid.SampledFrom(routes).Draw(r, "route"), f, rapid.SampledFrom(register.Roles()).Draw(r, "role"), rapid.Bool().Draw(r, "multipart")); err != nil {
			r.Fatal(err)
		}
	})
}
