package web

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

// TestPublishInBrowser walks from an uploaded bundle to the public page, and from
// there to a longer support period and a withdrawal.
func TestPublishInBrowser(t *testing.T) {
	o := newOffice(t)
	f := o.firm(t, "Acme Ltd", register.Manufacturer)
	editor := o.as(t, f, register.RoleEditor)

	facts := kettle("K2")
	bundle, err := json.Marshal(register.Bundle{Format: 1, Facts: facts, Statement: signedStatement(t, f.key, facts, "2030-05-31")})
	if err != nil {
		t.Fatal(err)
	}
	code, body, to := editor.send("/org/upload", nil, upload{"bundle:k2.json", bundle})
	if code != http.StatusSeeOther || !strings.HasSuffix(to, "/preview") {
		t.Fatalf("upload: %d to %q: %s", code, to, body)
	}
	code, body = editor.get(to)
	if code != http.StatusOK {
		t.Fatalf("preview: %d", code)
	}
	contains(t, body, "Preview", "Nothing stands in the way", "31 May 2030", "Their reporting page")
	if strings.Count(body, "<h1") != 1 {
		t.Errorf("preview has %d h1, want 1", strings.Count(body, "<h1"))
	}
	// Nobody else sees it before.
	stranger := &visitor{o: o}
	id := strings.Split(to, "/")[3]
	if code, _ := stranger.get("/p/" + id); code != http.StatusNotFound {
		t.Errorf("a draft is seen by the public: %d, want 404", code)
	}
	code, _, to = editor.post("/org/drafts/"+id+"/publish", nil)
	if code != http.StatusSeeOther {
		t.Fatalf("publish: %d", code)
	}
	if code, body = editor.get(to); code != http.StatusOK {
		t.Fatalf("own page: %d", code)
	}
	contains(t, body, "is accepted", "Extend support", "1 version waits")
	o.settle(t)
	code, _, to2 := stranger.answer(httptest.NewRequest("GET", "/p/"+id, nil))
	if code != http.StatusMovedPermanently {
		t.Fatalf("public page by id: %d", code)
	}
	if code, body = stranger.get(to2); code != http.StatusOK {
		t.Fatalf("public page: %d", code)
	}
	contains(t, body, "31 May 2030")

	code, body, _ = editor.post(to+"/extend", url.Values{"end-product": {"2029-05-31"}})
	if code != http.StatusForbidden {
		t.Errorf("a shorter period: %d, want 403", code)
	}
	contains(t, body, "never shortened", "SI 2023/1007 Sch.1 para 3(6)", `href="#f-end-product"`)
	code, _, _ = editor.post(to+"/extend", url.Values{"end-product": {"2032-05-31"}, "note": {"two years more"}})
	if code != http.StatusSeeOther {
		t.Fatalf("a longer period: %d", code)
	}
	o.settle(t)
	_, body = stranger.get(to2)
	contains(t, body, "31 May 2032", "two years more")

	if code, body, _ = editor.post(to+"/withdraw", nil); code != http.StatusUnprocessableEntity {
		t.Errorf("withdrawal without reason: %d, want 422", code)
	}
	contains(t, body, "say why")
	if code, _, _ = editor.post(to+"/withdraw", url.Values{"reason": {"the kettle was recalled"}}); code != http.StatusSeeOther {
		t.Fatalf("withdrawal: %d", code)
	}
	o.settle(t)
	_, body = stranger.get(to2)
	contains(t, body, "Withdrawn", "the kettle was recalled")
}

// TestDraftByHand fills the form in, is told what is wrong next to the field, and
// keeps what was typed.
func TestDraftByHand(t *testing.T) {
	o := newOffice(t)
	f := o.firm(t, "Acme Ltd", register.Manufacturer)
	editor := o.as(t, f, register.RoleEditor)
	form := url.Values{"name": {"K3"}, "make": {"Acme"}, "category": {"Kettle"}, "models": {"K3\r\nK3-S"}, "gtins": {"4006381333930"}, "contact.email": {"security@acme.example"}, "passwords.kind": {"unique"}, "revision": {"0"}}
	code, body, _ := editor.send("/org/drafts/new", form)
	if code != http.StatusUnprocessableEntity {
		t.Fatalf("wrong check digit: %d", code)
	}
	contains(t, body, `href="#f-gtins"`, "is no barcode number", "K3-S", `aria-invalid="true"`)
	form.Set("gtins", "4006381333931")
	form.Set("support", "2031-01-31")
	form.Set("labels", "CLS | 2 | 17 | 2027-06-30")
	code, _, to := editor.send("/org/drafts/new", form)
	if code != http.StatusSeeOther {
		t.Fatalf("save: %d", code)
	}
	code, body = editor.get(to)
	if code != http.StatusOK {
		t.Fatalf("preview: %d", code)
	}
	contains(t, body, "It cannot be published yet", "Statement is not there", "make it with assay statement")
	if strings.Contains(body, `/publish"`) {
		t.Error("a draft without statement can be published from its page")
	}
	at := strings.TrimSuffix(to, "/preview")
	_, body = editor.get(at)
	contains(t, body, "CLS | 2 | 17 | 2027-06-30", `value="2031-01-31"`, `name="revision" value="1"`)
	// Two people: the second to save is told.
	form.Set("revision", "0")
	if code, _, _ := editor.send(at, form); code != http.StatusConflict {
		t.Errorf("stale revision: %d, want 409", code)
	}
	if code, _, _ := editor.post(at+"/publish", nil); code != http.StatusUnprocessableEntity {
		t.Errorf("publish without statement: %d, want 422", code)
	}
	if code, _, _ := editor.post(at+"/discard", nil); code != http.StatusSeeOther {
		t.Errorf("discard: %d", code)
	}
	if code, _ := editor.get(at); code != http.StatusNotFound {
		t.Errorf("discarded draft: %d, want 404", code)
	}
}

// TestUploadStatement takes a signed statement alone, and fills the draft in from it.
func TestUploadStatement(t *testing.T) {
	o := newOffice(t)
	f := o.firm(t, "Acme Ltd", register.Manufacturer)
	editor := o.as(t, f, register.RoleEditor)
	facts := kettle("K7")
	code, body, to := editor.send("/org/upload", nil, upload{"bundle:s.json", signedStatement(t, f.key, facts, "2030-05-31")})
	if code != http.StatusSeeOther {
		t.Fatalf("upload: %d %s", code, body)
	}
	_, body = editor.get(to)
	contains(t, body, "Acme K7", "31 May 2030", "neither a page nor an address to report a security issue to")
	// The same again is the same draft, not a second one.
	if code, _, again := editor.send("/org/upload", nil, upload{"bundle:s.json", signedStatement(t, f.key, facts, "2030-05-31")}); code != http.StatusSeeOther || again != to {
		t.Errorf("again: %d to %q, want %q", code, again, to)
	}
	for name, data := range map[string]string{"image": "<svg/>", "number": "1", "other bundle": `{"assay_bundle":2}`, "unknown field": `{"assay_bundle":1,"x":1}`, "envelope of nothing": `{"payload":"e30=","payloadType":"x","signatures":[]}`} {
		if code, body, _ := editor.send("/org/upload", nil, upload{"bundle:x.json", []byte(data)}); code != http.StatusUnprocessableEntity || !strings.Contains(body, "#f-bundle") {
			t.Errorf("%s: %d, want 422 at the field", name, code)
		}
	}
}

// TestImportsAtOnce are bounded, for each holds much in memory.
func TestImportsAtOnce(t *testing.T) {
	o := newOffice(t)
	f := o.firm(t, "Acme Ltd", register.Manufacturer)
	for range maxImports {
		o.site.accounts.imports <- struct{}{}
	}
	editor := o.as(t, f, register.RoleEditor)
	csv := upload{"file:range.csv", []byte("name,make,category\nK1,Acme,Kettle\n")}
	if code, _, _ := editor.send("/org/import", nil, csv); code != http.StatusServiceUnavailable {
		t.Errorf("one too many: %d, want 503", code)
	}
	<-o.site.accounts.imports
	for range 3 { // each gives its place back
		if code, _, _ := editor.send("/org/import", nil, csv); code != http.StatusOK {
			t.Errorf("with a free place: %d", code)
		}
	}
}

func TestImportInBrowser(t *testing.T) {
	o := newOffice(t)
	f := o.firm(t, "Acme Ltd", register.Manufacturer)
	editor := o.as(t, f, register.RoleEditor)
	csv := "name,make,models,category,contact_email,passwords,statement\nK1,Acme,K1,Kettle,security@acme.example,unique,k1.json\nK2,Acme,K2,Kettle,no address,unique,k1.json\nK3,Acme,,Kettle,security@acme.example,unique,\n"
	facts := register.Facts{Name: "K1", Make: "Acme", Models: []string{"K1"}}
	packed := zipped(t, map[string][]byte{"range/k1.json": signedStatement(t, f.key, facts, "2031-01-31")})
	code, body, _ := editor.send("/org/import", url.Values{"how": {"publish"}}, upload{"file:range.csv", []byte(csv)}, upload{"statements:all.zip", packed})
	if code != http.StatusOK {
		t.Fatalf("import: %d: %s", code, body)
	}
	contains(t, body, "<strong>3</strong> rows", "<strong>1</strong> published", "<strong>1</strong> drafts", "<strong>1</strong> refused", "name@example.org")
	o.settle(t)
	entries, err := o.reg.OwnEntries(t.Context(), f.people[register.RoleReader], register.OwnFilter{Status: register.Published})
	if err != nil || len(entries) != 1 || entries[0].Name != "K1" {
		t.Errorf("published: %v, %v", entries, err)
	}
	code, body, _ = editor.send("/org/import", url.Values{"how": {"file"}}, upload{"file:range.csv", []byte("name,make,category\n=cmd(),Acme,Kettle\n,Acme,Kettle\n")})
	if code != http.StatusOK {
		t.Fatalf("import with report: %d", code)
	}
	contains(t, body, "line,name,outcome", "refused")
	if strings.Contains(body, ",=cmd") {
		t.Error("the report holds a formula")
	}
	if code, body, _ := editor.send("/org/import", nil, upload{"file:range.csv", []byte("nonsense\n")}); code != http.StatusUnprocessableEntity || !strings.Contains(body, "is not known") {
		t.Errorf("unknown column: %d", code)
	}
}

// TestPublishByProgram is what `assay publish` sends, with tokens of each scope.
func TestPublishByProgram(t *testing.T) {
	o := newOffice(t)
	f := o.firm(t, "Acme Ltd", register.Manufacturer)
	token := func(scopes ...register.TokenScope) *visitor {
		secret, _, err := o.reg.NewToken(t.Context(), f.people[register.RoleOwner], "test", scopes, 3600e9)
		if err != nil {
			t.Fatal(err)
		}
		return &visitor{o: o, token: secret}
	}
	program := token(register.ScopePublish)
	facts := kettle("K9")
	bundle, err := json.Marshal(register.Bundle{Format: 1, Facts: facts, Statement: signedStatement(t, f.key, facts, "2030-05-31")})
	if err != nil {
		t.Fatal(err)
	}
	post := func(v *visitor, path, body string) (int, string) {
		code, got, _ := v.answer(httptest.NewRequest("POST", path, strings.NewReader(body)))
		return code, got
	}
	code, body := post(program, "/api/v1/publish", string(bundle))
	var got register.Receipt
	if err := json.Unmarshal([]byte(body), &got); err != nil || code != http.StatusAccepted || got.Version != 1 {
		t.Fatalf("publish: %d %s", code, body)
	}
	o.settle(t)
	if code, _ := post(program, "/api/v1/publish", string(bundle)); code != http.StatusOK {
		t.Errorf("the same again: %d, want 200", code)
	}
	at := "/api/v1/products/" + string(got.Product)
	code, body = post(program, at+"/extend", `{"extensions":[{"component":"product","end":"2029-01-01"}]}`)
	if code != http.StatusForbidden || !strings.Contains(body, "Sch.1 para 3(6)") {
		t.Errorf("shorter: %d %s", code, body)
	}
	if code, body = post(program, at+"/extend", `{"extensions":[{"component":"product","end":"2033-01-01"}],"note":"more"}`); code != http.StatusAccepted {
		t.Errorf("longer: %d %s", code, body)
	}
	bad := facts
	bad.Contact = register.Contact{}
	wrong, _ := json.Marshal(register.Bundle{Format: 1, Facts: bad, Statement: []byte("{}")})
	code, body = post(program, "/api/v1/publish", string(wrong))
	var p struct {
		Status int             `json:"status"`
		Faults register.Faults `json:"faults"`
	}
	if err := json.Unmarshal([]byte(body), &p); err != nil || p.Status != code || len(p.Faults) < 2 {
		t.Errorf("faults: %d %s", code, body)
	}
	if code, _ := post(program, "/api/v1/publish", "{"); code != http.StatusUnprocessableEntity {
		t.Errorf("half a bundle: %d, want 422", code)
	}
	if code, body := post(program, at+"/withdraw", `{"reason":"recalled"}`); code != http.StatusAccepted {
		t.Errorf("withdraw: %d %s", code, body)
	}
	reader := token(register.ScopeRead)
	if code, body := reader.get("/api/v1/dashboard"); code != http.StatusOK || !strings.Contains(body, `"counts"`) {
		t.Errorf("dashboard: %d %s", code, body)
	}
	if code, body := reader.get("/api/v1/whoami"); code != http.StatusOK || !strings.Contains(body, "Acme Ltd") {
		t.Errorf("whoami: %d %s", code, body)
	}
	drafter := token(register.ScopeDraft)
	if code, body := post(drafter, "/api/v1/import", "name,make,category\nK5,Acme,Kettle\n"); code != http.StatusOK || !strings.Contains(body, `"drafts":1`) {
		t.Errorf("import: %d %s", code, body)
	}
	facts.Name, facts.Models = "K10", []string{"K10"}
	draft, _ := json.Marshal(register.Bundle{Format: 1, Facts: facts})
	if code, body := post(drafter, "/api/v1/drafts", string(draft)); code != http.StatusCreated {
		t.Errorf("draft: %d %s", code, body)
	}
}

// TestLaboratory attaches a signed assessment, and refuses one that another key
// signed, that is of another product, or that a manufacturer brings.
func TestLaboratory(t *testing.T) {
	o := newOffice(t)
	maker, lab := o.firm(t, "Acme Ltd", register.Manufacturer), o.firm(t, "Test House", register.Laboratory)
	got := o.publish(t, maker, "K2", "2031-01-31")
	claim := register.AssessmentClaim{Product: string(got.Product), Version: 1, Laboratory: "Test House", AsAt: assay.DateOf(o.now()), Regimes: []register.RegimeVerdict{{Regime: "uk-psti", Version: "2025-12-04", Verdict: assay.Fail}}}
	file := func(data []byte) upload { return upload{"assessment:a.json", data} }
	tester := o.as(t, lab, register.RoleEditor)
	if code, body, _ := tester.send("/org/assess", nil, file(sealed(t, maker.key, register.AssessmentType, claim))); code != http.StatusForbidden {
		t.Errorf("signed by another: %d %s", code, body)
	}
	for name, data := range map[string][]byte{"no document": []byte("%PDF-1.4"), "a statement": signedStatement(t, lab.key, kettle("K2"), "2031-01-31"), "empty": {}} {
		if code, _, _ := tester.send("/org/assess", nil, file(data)); code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d, want 422", name, code)
		}
	}
	good := sealed(t, lab.key, register.AssessmentType, claim)
	if code, _, _ := o.as(t, maker, register.RoleOwner).send("/org/assess", nil, file(good)); code != http.StatusForbidden {
		t.Errorf("a manufacturer attaches an assessment: %d, want 403", code)
	}
	if code, body, _ := tester.send("/org/assess", nil, file(good)); code != http.StatusSeeOther {
		t.Fatalf("attach: %d %s", code, body)
	}
	o.settle(t)
	full, err := o.reg.Product(t.Context(), register.Public, string(got.Product))
	if err != nil || len(full.Assessments) != 1 || full.Assessments[0].OrgName != "Test House" {
		t.Errorf("assessments: %v %v", full.Assessments, err)
	}
}

func zipped(t testing.TB, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, data := range files {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
