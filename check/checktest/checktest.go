// Package checktest tries a check on small dossiers that are written as text, and
// compares what it observes with what is wanted, and no more.
//
// It is for tests only.
package checktest

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/evidence"
)

var update = flag.Bool("update", false, "write what was observed into the want section of each dossier")

// At is the moment at which every pass is made.
var At = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// Run tries the check on each testdata/*.txtar of the package under test. Files
// below evidence/ are the dossier's evidence. A file "copies" takes more of it, that
// is no text, from testdata, one "name <- file" a line. A file "links" makes symbolic links,
// one "name -> target" a line; a file "parts" names parts of the product; a file
// "product" says what it is, one "name|make|model|page-PURPOSE|unit|interface: VALUE"
// a line, where a unit is "ID MAC-or-- ADDRESS..." and an interface "ID PROTOCOL PORT". The
// file "want" holds what is wanted, as Format writes it.
//
// A check that requires others is given their results by the caller; those that
// are not given are made by running them.
func Run(t *testing.T, c *check.Check, results map[*check.Check]any) {
	t.Helper()
	if err := check.Validate([]*check.Check{c}); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no dossiers in testdata: %v", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) { try(t, c, results, name) })
	}
}

func try(t *testing.T, c *check.Check, results map[*check.Check]any, name string) {
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	want := -1
	var parts []assay.Subject
	var product check.Product
	for i, f := range archive.Files {
		switch {
		case f.Name == "want":
			want = i
		case f.Name == "copies":
			take(t, dir, string(f.Data))
		case f.Name == "links":
			link(t, dir, string(f.Data))
		case f.Name == "parts":
			for _, p := range strings.Fields(string(f.Data)) {
				parts = append(parts, assay.Subject(p))
			}
		case f.Name == "product":
			product = productOf(t, string(f.Data))
		case strings.HasPrefix(f.Name, "evidence/"):
			full := filepath.Join(dir, filepath.FromSlash(f.Name))
			if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(full, f.Data, 0o644); err != nil {
				t.Fatal(err)
			}
		default:
			t.Fatalf("%s: file %q is neither want, copies, links, parts, product nor below evidence/", name, f.Name)
		}
	}
	got := observe(t, c, filepath.Join(dir, "evidence"), parts, product, results)
	if want < 0 {
		archive.Files = append(archive.Files, txtar.File{Name: "want"})
		want = len(archive.Files) - 1
	}
	if *update {
		archive.Files[want].Data = []byte(got)
		if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(archive.Files[want].Data), got); diff != "" {
		t.Errorf("%s: -want +got\n%s", name, diff)
	}
}

func productOf(t *testing.T, text string) (p check.Product) {
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		key, value, ok := strings.Cut(line, ": ")
		purpose, page := strings.CutPrefix(key, "page-")
		switch {
		case ok && page:
			p.Pages = append(p.Pages, check.Page{Purpose: purpose, URL: value})
		case ok && key == "name":
			p.Name = value
		case ok && key == "make":
			p.Make = value
		case ok && key == "model":
			p.Models = append(p.Models, value)
		case ok && key == "unit":
			words := strings.Fields(value)
			if len(words) < 2 {
				t.Fatalf("product: %q: want a unit's ID, MAC or -, and addresses", line)
			}
			p.Units = append(p.Units, check.Unit{ID: words[0], MAC: strings.Trim(words[1], "-"), Addresses: words[2:]})
		case ok && key == "interface":
			var n check.Interface
			if _, err := fmt.Sscan(value, &n.ID, &n.Protocol, &n.Port); err != nil {
				t.Fatalf("product: %q: want an interface's ID, protocol and port: %v", line, err)
			}
			p.Interfaces = append(p.Interfaces, n)
		default:
			t.Fatalf("product: %q: want name, make, model, page-PURPOSE, unit or interface, a colon and a value", line)
		}
	}
	return p
}

// take copies files of testdata into the dossier.
func take(t *testing.T, dir, text string) {
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		name, from, ok := strings.Cut(line, " <- ")
		if !ok {
			t.Fatalf("copies: %q: want name <- file", line)
		}
		data, err := os.ReadFile(filepath.Join("testdata", from))
		if err != nil {
			t.Fatal(err)
		}
		full := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func link(t *testing.T, dir, text string) {
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		name, target, ok := strings.Cut(line, " -> ")
		if !ok {
			t.Fatalf("links: %q: want name -> target", line)
		}
		full := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, full); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
	}
}

// Observe makes one pass of the check over an evidence folder and writes what
// came of it as text.
func Observe(t *testing.T, c *check.Check, dir string, parts []assay.Subject, results map[*check.Check]any) string {
	t.Helper()
	return observe(t, c, dir, parts, check.Product{}, results)
}

func observe(t *testing.T, c *check.Check, dir string, parts []assay.Subject, product check.Product, results map[*check.Check]any) string {
	t.Helper()
	folder, err := evidence.Open(t.Context(), dir, evidence.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	made := required(t, c, folder, parts, product)
	maps.Copy(made, results)
	results = made
	pass := check.NewPass(c, check.Input{Evidence: folder, Parts: parts, Product: product, At: At, Results: results})
	_, failed := c.Run(t.Context(), pass)
	report, refused := pass.End()
	if refused != nil {
		t.Errorf("an observation was refused: %v", refused)
	}
	return Format(report, failed)
}

// required runs what a check requires on the same evidence.
func required(t *testing.T, c *check.Check, folder *evidence.Folder, parts []assay.Subject, product check.Product) map[*check.Check]any {
	t.Helper()
	results := map[*check.Check]any{}
	for _, q := range c.Requires {
		pass := check.NewPass(q, check.Input{Evidence: folder, Parts: parts, Product: product, At: At, Results: required(t, q, folder, parts, product)})
		result, err := q.Run(t.Context(), pass)
		if err != nil {
			t.Fatalf("check %s, which %s requires: %v", q, c, err)
		}
		results[q] = result
	}
	return results
}

// Format writes what came of a pass, one line for each thing: the error of a
// failed check alone, else observations as "subject term = value @ places" (with
// "(declared there)" where the check relays what the evidence says), remarks, and "partial" where the check did not look at all there was.
func Format(report check.Report, failed error) string {
	if failed != nil {
		return "failed: " + failed.Error() + "\n"
	}
	var b strings.Builder
	for _, o := range report.Observations {
		var places []string
		for _, r := range o.Evidence {
			places = append(places, r.Name+": "+r.Place)
		}
		said := ""
		if o.Source == assay.Declared {
			said = " (declared there)"
		}
		fmt.Fprintf(&b, "%s %s = %s @ %s%s\n", o.Subject, o.Term, o.Value, strings.Join(places, ", "), said)
	}
	for _, r := range report.Remarks {
		fmt.Fprintf(&b, "remark: %s\n", r)
	}
	if !report.Whole {
		b.WriteString("partial\n")
	}
	return b.String()
}
