package web_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/assay-psti/assay/internal/browsertest"
)

var (
	styleLink = regexp.MustCompile(`<link rel="stylesheet" href="([^"]+)">`)
	picture   = regexp.MustCompile(`src="(/[^"]+\.svg)"`)
)

// whole is a page with its style and pictures in it, for a browser that has no server.
func (h *house) whole(t testing.TB, path string) []byte {
	t.Helper()
	_, page := h.get(t, path)
	page = styleLink.ReplaceAllStringFunc(page, func(link string) string {
		_, css := h.get(t, styleLink.FindStringSubmatch(link)[1])
		return "<style>" + css + "</style>"
	})
	page = picture.ReplaceAllStringFunc(page, func(src string) string {
		_, svg := h.get(t, picture.FindStringSubmatch(src)[1])
		return `src="data:image/svg+xml;base64,` + base64.StdEncoding.EncodeToString([]byte(svg)) + `"`
	})
	return []byte(page)
}

// everyPage is an address for each kind of page and state of it.
func everyPage(slugs map[string]string) map[string]string {
	p := func(key string) string { return "/p/" + slugs[key] }
	return map[string]string{
		"home": "/", "search": "/search?q=kettle", "search-instead": "/search?q=ketle", "search-nothing": "/search?q=submarine", "search-slip": "/search?q=5012345678901", "search-filters": "/search?category=kettle&supported=yes&order=support",
		"product": p("runs"), "product-over": p("over"), "product-soon": p("soon"), "product-withdrawn": p("withdrawn"), "product-unknown": p("unknown"), "product-assessed": p("assessed"), "history": p("runs") + "/history",
		"version": p("runs") + "/v/2", "version-first": p("runs") + "/v/1", "shelf": p("runs") + "/shelf", "compare": "/compare?p=" + slugs["runs"] + "&p=" + slugs["over"] + "&p=" + slugs["withdrawn"] + "&p=" + slugs["assessed"], "compare-none": "/compare",
		"maker": "/m/acme-ltd", "category": "/c/kettle", "follow": "/follow?kind=category&key=kettle", "confirm": "/follow/confirm/1.x", "stop": "/follow/stop/1.x",
		"about": "/about", "check": "/check", "for-shops": "/for-shops", "terms": "/terms", "accessibility": "/accessibility", "api": "/api", "missing": "/nope",
		"statement": p("runs") + "/v/1/statement.html", "statement-large": p("runs") + "/v/1/statement-large-print.html",
	}
}

// Every page has no violation that axe-core knows of, light and dark, at three
// widths, and is nowhere wider than its window.
func TestAccessible(t *testing.T) {
	if testing.Short() {
		t.Skip("long: a browser looks at every page six times")
	}
	h := newHouse(t)
	pages := map[string][]byte{}
	for name, path := range everyPage(h.stock(t)) {
		pages[name] = h.whole(t, path)
	}
	r := h.ask(t, "POST", "/follow", "kind=category&key=kettle&email=nobody")
	pages["follow-error"] = body(t, r)
	pages["follow-error"] = []byte(styleLink.ReplaceAllStringFunc(string(pages["follow-error"]), func(link string) string {
		_, css := h.get(t, styleLink.FindStringSubmatch(link)[1])
		return "<style>" + css + "</style>"
	}))
	for _, dark := range []bool{false, true} {
		for name, f := range browsertest.AxeMany(t, pages, []int{320, 768, 1280}, dark) {
			for _, v := range f.Violations {
				t.Errorf("%s, dark %v: %s (%s): %s\n%s", name, dark, v.ID, v.Impact, v.Help, strings.Join(v.Nodes, "\n"))
			}
			if f.Overflow > 0 {
				t.Errorf("%s, dark %v: %d pixels wider than its window", name, dark, f.Overflow)
			}
		}
	}
}

// TestPictures writes a picture of every page into a folder outside the repository,
// to be looked at: ASSAY_PICTURES=/tmp/pictures go test ./web -run Pictures
func TestPictures(t *testing.T) {
	dir := os.Getenv("ASSAY_PICTURES")
	if dir == "" {
		t.Skip("set ASSAY_PICTURES to a folder")
	}
	h := newHouse(t)
	for name, path := range everyPage(h.stock(t)) {
		page := h.whole(t, path)
		for width, file := range map[int]string{320: name + "-320.png", 1280: name + "-1280.png"} {
			if err := os.WriteFile(filepath.Join(dir, file), browsertest.Screenshot(t, page, width, 2000), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Every page is HTML by the standard, as a checker of others knows it.
func TestValid(t *testing.T) {
	h := newHouse(t)
	pages := map[string][]byte{}
	for name, path := range everyPage(h.stock(t)) {
		pages[name] = h.getBytes(t, path)
	}
	for _, fault := range browsertest.Validate(t, pages) {
		t.Error(fault)
	}
}
