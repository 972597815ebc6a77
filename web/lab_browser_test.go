package web

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/assay-psti/assay/register"
)

// choose puts files of this machine into a field, as a person does in the dialogue.
func (w *window) choose(selector string, paths ...string) {
	w.t.Helper()
	if err := chromedp.Do(w, chromedp.SetUploadFiles(chromedp.CSS(selector), paths)); err != nil {
		w.t.Fatalf("choose files for %s: %v", selector, err)
	}
}

func (w *window) click(selector string) {
	w.t.Helper()
	ctx, stop := context.WithTimeout(w, 30*time.Second) // ends a test that waits for what is not there; measures nothing
	defer stop()
	if err := chromedp.Do(ctx, chromedp.Click(chromedp.CSS(selector))); err != nil {
		w.t.Fatalf("click %s: %v: %s", selector, err, shownLine(w.evaluate(`document.body.innerText`), 600))
	}
}

// TestBenchInBrowser goes through a test in a real browser, from a dossier to a unit that
// passes on a photograph, and looks at every page of the bench.
func TestBenchInBrowser(t *testing.T) {
	w, o := openWindow(t)
	secret, err := o.reg.SetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	at := "/set-up/" + secret
	w.open(at)
	w.fill("name", "Kim Lee")
	w.fill("email", "kim@example.org")
	w.press(at, "/enrol")
	w.fill("name", "virtual key")
	w.press("/enrol", "/account")
	kim, err := o.reg.AccountByEmail(t.Context(), "kim@example.org")
	if err != nil {
		t.Fatal(err)
	}
	v, err := o.reg.SignIn(t.Context(), kim.ID, "", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.reg.CreateOrganisation(t.Context(), v, register.Organisation{Name: "Test House", Kind: register.Laboratory}); err != nil {
		t.Fatal(err)
	}
	w.open("/account")
	w.click(`.menu a[href="/org/bench"]`)
	w.reach("/org/bench")
	w.look("bench-none")
	w.open("/org/bench/new")
	w.look("bench-new")

	// The dossier comes as a file.
	dir := t.TempDir()
	packed, shot := filepath.Join(dir, "lamp.zip"), filepath.Join(dir, "label of the lamp.jpg")
	for name, data := range map[string][]byte{packed: dossierZip(t, nil), shot: photo(t, 1600, 1200)} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.choose(`input[name="dossier"]`, packed)
	w.click(`form[action="/org/bench/take-in"] button`)
	if !w.until(`/^\/org\/bench\/t[a-z2-7]{16}$/.test(location.pathname) && document.readyState === "complete"`) {
		t.Fatalf("the dossier is not taken in: %s", shownLine(w.evaluate(`document.body.innerText`), 900))
	}
	test := w.evaluate(`location.pathname`)
	w.shows("The test of Example Lamp has begun.", "INCONCLUSIVE", "What is missing", "5 not answered")
	w.look("bench-overview-new")
	answer := func(step, next string, fill map[string]string) {
		t.Helper()
		w.open(test + "/step/" + step)
		for name, value := range fill {
			if name == "choice" {
				w.click(`input[name="value"][value="` + value + `"]`)
				continue
			}
			w.fill(name, value)
		}
		w.click(`#answer button`)
		w.reach(test + next)
	}
	w.open(test + "/step/identity/bench.supplier")
	w.look("bench-step-identity")
	answer("identity/bench.supplier", "/step/identity/bench.supplier_address", map[string]string{"value": "Example Lamps Ltd"})
	w.shows("Kept: Example Lamps Ltd.")
	answer("identity/bench.serials", "/step/identity/bench.associated", map[string]string{"value": "L-1, L-2"})
	w.open(test + "/step/ics/5.3-16")
	w.look("bench-step-ics")
	answer("ics/5.3-16", "/step/ics/5.4-1", map[string]string{"choice": "Y", "reason": "on the label below"})
	answer("ics/5.6-1", "/step/ics/5.6-2", map[string]string{"choice": "Y"})

	// A unit to which tools have something to say, and which cannot be passed yet.
	w.open(test + "/group/5.6-1")
	w.shows("What tools observed", "device/access")
	w.look("bench-group")
	w.click(`.units a`)
	if !w.until(`location.pathname.includes("/step/unit/5.6-1")`) {
		t.Fatalf("no step is reached: %s", w.evaluate(`location.pathname`))
	}
	w.shows("It cannot be passed yet", "What tools observed", "Photographs")
	w.look("bench-step-unit")

	// The forms, filled and signed.
	w.open(test + "/forms")
	w.look("bench-forms")
	table := filepath.Join(dir, "ixit-02.csv")
	if err := os.WriteFile(table, []byte("Test specification,Edition,Table,ID,Model Designation\nV1.1.1,V2.1.1,2,UserInfo,L-100\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.choose(`input[name="ixit"]`, table)
	w.click(`form[action="` + test + `/ixit"] button`)
	waitText(w, "It is a draft until the supplier signs it")
	w.fill("signer", "Jo Maker, head of compliance")
	w.click(`input[name="sure"]`)
	w.click(`form[action="` + test + `/sign"] button`)
	waitText(w, "Signed by Jo Maker, head of compliance.")
	w.look("bench-forms-signed")

	// A PASS without its reason is not sent; with it, and a photograph, it is kept.
	unit := "/step/unit/5.3-16-2/a"
	w.open(test + unit)
	w.click(`input[name="value"][value="PASS"]`)
	w.choose(`input[name="photo"]`, shot)
	w.fill("reason", "The label below says L-100, as declared.")
	w.click(`#answer button`)
	if !w.until(`document.body.innerText.includes("Kept: PASS with 1 file.")`) {
		t.Fatalf("the photograph is not kept: %s", shownLine(w.evaluate(`document.body.innerText`), 900))
	}
	w.open(test + unit)
	w.shows("Answered before", "The label below says L-100", "Kim Lee, Test House")
	if !w.until(`(() => { const i = document.querySelector(".proof img"); i.scrollIntoView(); return i.complete && i.naturalWidth > 0 })()`) {
		t.Error("the photograph is not shown")
	}
	w.look("bench-step-answered")
	w.open(test + "/group/5.3-16")
	w.look("bench-group-passed")
	w.shows("PASS")

	// A refused answer says why: FAIL without what the person saw cannot be sent, so one is
	// sent of which the server says so.
	w.open(test + "/step/identity/bench.began")
	w.fill("value", "yesterday")
	w.click(`#answer button`)
	waitText(w, "There is a problem")
	w.look("bench-step-fault")

	w.open(test)
	w.look("bench-overview")
	w.open(test + "/report")
	w.look("bench-report")
	w.open(test + "/report/report.html") // whose policy lets its photograph in
	if !w.until(`(() => { const i = document.querySelector("#photo-1 img"); i.scrollIntoView(); return i.complete && i.naturalWidth === 1280 && i.naturalHeight === 960 })()`) {
		t.Errorf("the report does not show the photograph: %s", shownLine(w.evaluate(`document.querySelector("#photo-1").outerHTML`), 300))
	}
	w.open("/org/bench")
	w.look("bench-list")
	w.open(test)
	w.click(`form[action="` + test + `/state"] button`)
	waitText(w, "The test is paused")
	w.look("bench-paused")
	w.open(test + unit)
	w.shows("takes no answers")
	w.open(test + "/delete")
	w.look("bench-delete")
	w.click(`input[name="sure"]`)
	w.press(test+"/delete", "/org/bench")
	w.shows("is deleted")
}
