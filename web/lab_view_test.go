package web

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/assay-psti/assay/bench"
	"github.com/assay-psti/assay/internal/browsertest"
	"github.com/assay-psti/assay/law"
	"github.com/assay-psti/assay/register"
)

// TestBenchPagesAreLight: with everything claimed, and so everything to be tested, no page
// weighs more than the others may.
func TestBenchPagesAreLight(t *testing.T) {
	o := newOffice(t)
	v := o.as(t, o.firm(t, "Test House", register.Laboratory), register.RoleOwner)
	for _, edition := range o.tests.Editions() {
		code, body, at := v.send("/org/bench/take-in", url.Values{"dossier-edition": {edition}}, upload{"dossier:d.zip", dossierZip(t, nil)})
		if code != http.StatusSeeOther {
			t.Fatalf("take in: %d %s", code, shownLine(body, 900))
		}
		_, form := v.get(at + "/forms/ics.csv")
		sheet, err := bench.ReadCSV("ics.csv", strings.NewReader(form))
		if err != nil {
			t.Fatal(err)
		}
		for i := range sheet.Rows {
			for j, name := range sheet.Header {
				switch name {
				case "Support":
					sheet.Rows[i][j] = "Y"
				case "Detail":
					sheet.Rows[i][j] = "Met as the manual of the product says, in the chapter on security, which names who is responsible for it."
				}
			}
		}
		var filled bytes.Buffer
		if err := sheet.WriteCSV(&filled); err != nil {
			t.Fatal(err)
		}
		if code, body, _ := v.send(at+"/ics", url.Values{"by": {"Jo Maker"}}, upload{"ics:f.csv", filled.Bytes()}); code != http.StatusSeeOther {
			t.Fatalf("ics: %d %s", code, shownLine(body, 900))
		}
		test, err := bench.For(law.Standard(), edition)
		if err != nil {
			t.Fatal(err)
		}
		pages := []string{"", "/forms", "/report", "/step/unit/5.1-1-1/a"}
		for _, p := range test.Catalogue.Provisions {
			pages = append(pages, "/group/"+p.Group.ID)
		}
		for _, page := range pages {
			if code, body := v.get(at + page); code != http.StatusOK || len(body) > 30000 {
				t.Errorf("%s %s: %d with %d bytes, want less than 30000", edition, page, code, len(body))
			} else if page == "" {
				t.Logf("%s: the overview weighs %d bytes", edition, len(body))
				if !strings.Contains(body, "case 2 open") {
					t.Error("it shows no verdict by case")
				}
			}
		}
	}
}

// TestBenchValid: every page of the bench is HTML by the standard, as a checker of others
// knows it.
func TestBenchValid(t *testing.T) {
	o := newOffice(t)
	v := o.as(t, o.firm(t, "Test House", register.Laboratory), register.RoleOwner)
	code, body, at := v.send("/org/bench/take-in", nil, upload{"dossier:d.zip", dossierZip(t, nil)})
	if code != http.StatusSeeOther {
		t.Fatalf("take in: %d %s", code, shownLine(body, 900))
	}
	if code, _, _ := v.send(at+"/step/ics/5.6-1", url.Values{"value": {"Y"}}); code != http.StatusSeeOther {
		t.Fatalf("ics: %d", code)
	}
	if code, _, _ := v.send(at+"/step/unit/5.6-1-1/a", url.Values{"value": {"FAIL"}, "reason": {"telnet is open"}}, upload{"photo:p.jpg", photo(t, 60, 40)}); code != http.StatusSeeOther {
		t.Fatalf("unit: %d", code)
	}
	pages := map[string][]byte{}
	for name, path := range map[string]string{"list": "/org/bench", "new": "/org/bench/new", "overview": at, "group": at + "/group/5.6-1", "identity": at + "/step/identity/bench.began", "ics": at + "/step/ics/5.6-1", "unit": at + "/step/unit/5.6-1-1/a", "forms": at + "/forms", "report": at + "/report", "delete": at + "/delete"} {
		code, body := v.get(path)
		if code != http.StatusOK {
			t.Fatalf("%s: %d", path, code)
		}
		pages[name] = []byte(body)
	}
	for _, fault := range browsertest.Validate(t, pages) {
		t.Error(fault)
	}
}

// TestBenchIsInert puts an attack into all that a test keeps, and looks at every page of it.
func TestBenchIsInert(t *testing.T) {
	o := newOffice(t)
	lab := o.firm(t, "Test "+attack, register.Laboratory)
	v := o.as(t, lab, register.RoleOwner)
	at := v.begin(t, attack)
	row := "Test specification,Edition,Table,ID,Model Designation\nV1.1.1,V2.1.1,2,UserInfo,\"" + strings.ReplaceAll(attack, `"`, `""`) + "\"\n"
	for _, send := range []struct {
		path   string
		values url.Values
		files  []upload
	}{
		{"/step/identity/bench.supplier", url.Values{"value": {attack}}, nil}, {"/step/ics/5.3-16", url.Values{"value": {"Y"}, "reason": {attack}, "by": {attack}}, nil},
		{"/step/unit/5.3-16-2/a", url.Values{"value": {"FAIL"}, "reason": {attack}, "means": {attack}}, []upload{{"photo:" + attack + ".svg", []byte(attack)}, {"file:x.html", []byte(attack + "1")}}},
		{"/group/5.3-16", url.Values{"case": {"5.3-16-1"}, "what": {attack}, "do": {"cover"}}, []upload{{"file:" + attack, []byte(attack + "2")}}},
		{"/ixit", nil, []upload{{"ixit:t.csv", []byte(row)}}},
	} {
		if code, body, _ := v.send(at+send.path, send.values, send.files...); code != http.StatusSeeOther {
			t.Fatalf("%s: %d %s", send.path, code, shownLine(body, 1500))
		}
	}
	if code, _, _ := v.post(at+"/sign", url.Values{"signer": {attack}, "sure": {"yes"}}); code != http.StatusSeeOther {
		t.Fatalf("sign: %d", code)
	}
	shown := 0
	for _, path := range []string{"", "/step/identity/bench.supplier", "/step/ics/5.3-16", "/step/unit/5.3-16-2/a", "/group/5.3-16", "/forms", "/report", "/delete", "/step/" + url.PathEscape(attack), "/group/" + url.PathEscape(attack), "/next?after=" + url.QueryEscape(attack)} {
		code, body := v.get(at + path)
		if code >= 500 {
			t.Errorf("%s: %d", path, code)
		}
		inert(t, body)
		shown += strings.Count(body, "&lt;script&gt;")
	}
	_, body := v.get("/org/bench")
	inert(t, body)
	if shown < 8 {
		t.Errorf("the attack is shown %d times: the test looks at nothing", shown)
	}
	for _, path := range []string{"/step/unit/5.3-16-2/a", "/group/5.3-16", "/ics", "/ixit", "/sign", "/state"} {
		all := url.Values{}
		for _, name := range []string{"value", "reason", "means", "by", "case", "what", "do", "signer", "sure", "state"} {
			all.Set(name, attack)
		}
		code, body, _ := v.send(at+path, all, upload{"ics:" + attack + ".csv", []byte(attack)}, upload{"ixit:" + attack, []byte(attack)})
		if code < 400 || code >= 500 {
			t.Errorf("%s takes it: %d", path, code)
		}
		inert(t, body)
	}
	res := v.do(httptest.NewRequest("GET", at+"/report/report.html", nil))
	report, _ := io.ReadAll(res.Body)
	if p := res.Header.Get("Content-Security-Policy"); !strings.HasPrefix(p, "default-src 'none'; style-src 'sha256-") || bytes.Contains(report, []byte("<script>")) {
		t.Errorf("the report may run something: %q", p)
	}
}

// FuzzForms: whatever is sent as a form is read, or refused as a fault of the form.
func FuzzForms(f *testing.F) {
	f.Add("a.csv", []byte("Test specification,Edition,Table,ID\nV1.1.1,V2.1.1,2,UserInfo\n"))
	f.Add("a.zip", dossierZip(f, map[string]string{"ixit-02.csv": "Test specification,Edition\n"}))
	f.Add("a.xlsx", dossierZip(f, nil))
	f.Add("x", []byte("PK"))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		sheets, err := readSheets("ixit", []upload{{name, data}})
		var faults register.Faults
		if err != nil && !errors.As(err, &faults) {
			t.Errorf("a fault that is not the form's: %v", err)
		}
		if err == nil && (len(sheets) == 0 || len(sheets) > maxSheetFiles) {
			t.Errorf("%d sheets", len(sheets))
		}
	})
}
