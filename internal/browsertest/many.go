package browsertest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Findings are what AxeMany found on one page.
type Findings struct {
	Passes     int         `json:"passes"`
	Violations []Violation `json:"violations"`
	Overflow   int         `json:"overflow"` // pixels by which the page is wider than its window
}

const runMany = `(async () => { const out = {};
for (const [name, text] of Object.entries(pages)) for (const width of widths) {
  const f = document.createElement("iframe"); f.title = name; f.style.width = width + "px"; f.style.height = "1200px"; f.style.border = "0";
  await new Promise(done => { f.onload = done; f.srcdoc = new TextDecoder().decode(Uint8Array.from(atob(text), c => c.charCodeAt(0))); document.body.append(f); });
  const w = f.contentWindow, s = w.document.createElement("script"); s.textContent = axeSource; w.document.head.append(s);
  const r = await w.axe.run(w.document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]});
  out[name + " " + width] = {passes: r.passes.length, overflow: w.document.documentElement.scrollWidth - width, violations: r.violations.map(v =>
    ({id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.map(n => n.html.slice(0, 200) + " " + n.failureSummary)}))};
  f.remove();
}
document.documentElement.setAttribute("data-axe", JSON.stringify(out)); })();`

// AxeMany lets axe-core look at many pages in windows of several widths, in one
// browser. What it gives is named by page and width: "home 320". The pages must
// bring their own style.
func AxeMany(t *testing.T, pages map[string][]byte, widths []int, dark bool) map[string]Findings {
	t.Helper()
	chromium(t)
	axe, err := json.Marshal(string(axeSource(t)))
	if err != nil {
		t.Fatal(err)
	}
	encoded := map[string]string{}
	for name, page := range pages {
		encoded[name] = base64.StdEncoding.EncodeToString(page)
	}
	list, err := json.Marshal(encoded)
	if err != nil {
		t.Fatal(err)
	}
	sizes, err := json.Marshal(widths)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "<!doctype html><html lang=en><title>many</title><meta name=color-scheme content=\"light dark\"><body><script>const axeSource = %s, pages = %s, widths = %s; %s</script>", strings.ReplaceAll(string(axe), "</", `<\/`), list, sizes, runMany)
	file := filepath.Join(t.TempDir(), "many.html")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"--virtual-time-budget=600000", "--window-size=1400,1300", "--dump-dom"}
	if dark {
		args = append(args, "--blink-settings=preferredColorScheme=0")
	}
	found := result.FindSubmatch(run(t, file, args...))
	if found == nil {
		t.Fatal("axe-core did not come to an end in the browser")
	}
	out := map[string]Findings{}
	if err := json.Unmarshal([]byte(html.UnescapeString(string(found[1]))), &out); err != nil {
		t.Fatal(err)
	}
	if len(out) != len(pages)*len(widths) {
		t.Fatalf("axe-core looked at %d of %d", len(out), len(pages)*len(widths))
	}
	for name, f := range out {
		if f.Passes == 0 {
			t.Fatalf("%s: axe-core looked at nothing", name)
		}
	}
	return out
}
