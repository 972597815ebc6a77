package web

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestControlsHaveTests holds docs/security.md against the tests and files that it
// names: each is there.
func TestControlsHaveTests(t *testing.T) {
	doc, err := os.ReadFile("../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, dir := range []string{".", "../store", "../register", "../fetch", "../laboratory", "../internal/picture", "../internal/ziplist"} {
		found, err := filepath.Glob(dir + "/*_test.go")
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	var tests strings.Builder
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		tests.Write(data)
	}
	rows, named := 0, regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z]+)`")
	place := regexp.MustCompile("`((?:web|register|store|fetch|laboratory|internal/picture)(?:/[a-z_.]+)?)`")
	_, table, _ := strings.Cut(string(doc), "## Controls")
	for _, line := range strings.Split(table, "\n") {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| ASVS") {
			continue
		}
		rows++
		found := named.FindAllStringSubmatch(line, -1)
		if len(found) == 0 {
			t.Errorf("no test: %s", line)
		}
		for _, m := range found {
			if !strings.Contains(tests.String(), "func "+m[1]+"(") {
				t.Errorf("there is no test %s", m[1])
			}
		}
		for _, m := range place.FindAllStringSubmatch(line, -1) {
			if _, err := os.Stat("../" + m[1]); err != nil {
				t.Errorf("there is no %s", m[1])
			}
		}
	}
	if rows < 35 {
		t.Errorf("%d controls, want the whole table", rows)
	}
}
