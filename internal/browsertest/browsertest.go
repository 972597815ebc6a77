// Package browsertest shows pages to a real Chromium in tests: it takes
// screenshots, reads the page as the browser sees it, and lets axe-core look for
// what a person with a disability would miss. It is for tests alone.
package browsertest

import (
	"context"
	"encoding/json"
	"html"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// chromium finds the browser, or skips the test with the package that is missing.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no Chromium: install the package chromium")
	return ""
}

// run starts the browser once, with an empty profile.
func run(t *testing.T, page string, args ...string) []byte {
	t.Helper()
	// A browser of a busy machine may hang at its start; the bound ends the test, it measures nothing.
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	all := []string{"--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--hide-scrollbars", "--user-data-dir=" + t.TempDir()}
	if os.Geteuid() == 0 {
		all = append(all, "--no-sandbox")
	}
	all = append(append(all, args...), (&url.URL{Scheme: "file", Path: page}).String())
	cmd := exec.CommandContext(ctx, chromium(t), all...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("chromium: %v", err)
	}
	return out
}

// Violation is what axe-core found.
type Violation struct {
	ID     string   `json:"id"`
	Impact string   `json:"impact"`
	Help   string   `json:"help"`
	Nodes  []string `json:"nodes"`
}

var result = regexp.MustCompile(`data-axe="([^"]*)"`)

const runAxe = `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}).then(r =>
document.documentElement.setAttribute("data-axe", JSON.stringify({passes: r.passes.length, violations: r.violations.map(v =>
({id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.map(n => n.html.slice(0, 200) + " " + n.failureSummary)}))})));`

// Axe is what axe-core says of the page in a window of the given width; dark asks
// for the dark colours.
func Axe(t *testing.T, page []byte, width int, dark bool) []Violation {
	t.Helper()
	chromium(t)
	axe := axeSource(t)
	dir := t.TempDir()
	text := strings.Replace(string(page), "</body>", "<script>"+string(axe)+"</script><script>"+runAxe+"</script></body>", 1)
	file := filepath.Join(dir, "page.html")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"--virtual-time-budget=60000", "--window-size=" + size(width, 1200), "--dump-dom"}
	if dark {
		args = append(args, "--blink-settings=preferredColorScheme=0")
	}
	found := result.FindSubmatch(run(t, file, args...))
	if found == nil {
		t.Fatal("axe-core did not come to an end in the browser")
	}
	var r struct {
		Passes     int         `json:"passes"`
		Violations []Violation `json:"violations"`
	}
	if err := json.Unmarshal([]byte(html.UnescapeString(string(found[1]))), &r); err != nil {
		t.Fatal(err)
	}
	if r.Passes == 0 {
		t.Fatal("axe-core looked at nothing")
	}
	return r.Violations
}

func axeSource(t *testing.T) []byte {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	data, err := os.ReadFile(filepath.Join(filepath.Dir(here), "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Skip("no axe-core: run npm ci in internal/browsertest")
	}
	return data
}

// Screenshot takes a picture of the page as PNG.
func Screenshot(t *testing.T, page []byte, width, height int) []byte {
	t.Helper()
	dir := t.TempDir()
	file, shot := filepath.Join(dir, "page.html"), filepath.Join(dir, "shot.png")
	if err := os.WriteFile(file, page, 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, file, "--window-size="+size(width, height), "--screenshot="+shot)
	data, err := os.ReadFile(shot)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func size(width, height int) string { return strconv.Itoa(width) + "," + strconv.Itoa(height) }
