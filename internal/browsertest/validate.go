package browsertest

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
)

// htmlRules are the rules of html-validate that pages are held against: the standard's,
// without those of taste.
const htmlRules = `{"root": true, "extends": ["html-validate:standard"], "rules": {"no-inline-style": "error", "no-trailing-whitespace": "off", "doctype-style": "off",
	"void-style": "off", "long-title": "off", "tel-non-breaking": "off", "require-sri": "off", "attribute-boolean-style": "off", "prefer-native-element": "off"}}`

// Validate holds pages against the HTML standard, as html-validate knows it, and says
// what does not fit: "home:12:4 close-order: ...".
func Validate(t *testing.T, pages map[string][]byte) (faults []string) {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	program := filepath.Join(filepath.Dir(here), "node_modules", "html-validate", "bin", "html-validate.mjs")
	if _, err := os.Stat(program); err != nil {
		t.Skip("no html-validate: run npm ci in internal/browsertest")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("no node: install the package nodejs")
	}
	dir := t.TempDir()
	rules := filepath.Join(dir, ".htmlvalidate.json")
	if err := os.WriteFile(rules, []byte(htmlRules), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{program, "--config", rules, "--formatter", "json"}
	for name, page := range pages {
		file := filepath.Join(dir, name+".html")
		if err := os.WriteFile(file, page, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, file)
	}
	out, err := exec.CommandContext(t.Context(), node, args...).Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	var results []struct {
		FilePath string `json:"filePath"`
		Messages []struct {
			RuleID  string `json:"ruleId"`
			Message string `json:"message"`
			Line    int    `json:"line"`
			Column  int    `json:"column"`
		} `json:"messages"`
	}
	if err := json.Unmarshal(out, &results); err != nil {
		t.Fatalf("html-validate said %q: %v", out, err)
	}
	for _, r := range results {
		for _, m := range r.Messages {
			faults = append(faults, filepath.Base(r.FilePath)+":"+strconv.Itoa(m.Line)+":"+strconv.Itoa(m.Column)+" "+m.RuleID+": "+m.Message)
		}
	}
	return faults
}
