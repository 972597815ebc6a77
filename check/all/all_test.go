package all_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/check/all"
)

var update = flag.Bool("update", false, "write docs/checks.md")

func TestChecksAreSound(t *testing.T) {
	checks := all.Checks()
	if err := check.Validate(checks); err != nil {
		t.Fatal(err)
	}
	if !slices.IsSortedFunc(checks, func(a, b *check.Check) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("the list is not in order of name")
	}
	for _, c := range checks {
		if _, err := os.Stat("../" + c.Name + "/doc.go"); err != nil {
			t.Errorf("check %s: its folder has another name: %v", c.Name, err)
		}
	}
}

// docs/checks.md is made of the checks themselves.
func TestDocument(t *testing.T) {
	const name = "../../docs/checks.md"
	var b bytes.Buffer
	b.WriteString("# The checks\n\nMade from the checks' own documentation by `go test ./check/all -update`.\n\n| check | looks at | says |\n|---|---|---|\n")
	for _, c := range all.Checks() {
		var kinds []string
		for _, k := range c.Needs {
			kinds = append(kinds, string(k))
		}
		var some []string
		for _, k := range c.NeedsAny {
			some = append(some, string(k))
		}
		if len(some) > 0 {
			kinds = append(kinds, strings.Join(some, " or "))
		}
		for _, r := range c.Requires {
			kinds = append(kinds, "what "+r.Name+" found")
		}
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s |\n", c.Name, strings.ReplaceAll(c.Name, "/", ""), strings.Join(kinds, ", "), c.Title())
	}
	for _, c := range all.Checks() {
		_, text, _ := strings.Cut(c.Doc, "\n")
		fmt.Fprintf(&b, "\n## %s\n\n%s.\n\n%s\n\n", c.Name, c.Title(), strings.TrimSpace(text))
		if len(c.Observes) > 0 {
			b.WriteString("It states:\n\n")
		}
		terms := slices.Sorted(slices.Values(c.Observes))
		for _, term := range terms {
			fmt.Fprintf(&b, "- `%s`\n", term)
		}
	}
	if *update {
		if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatalf("%v; write it with go test ./check/all -update", err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("docs/checks.md is not what the checks say; write it with go test ./check/all -update:\n%s", diff)
	}
}
