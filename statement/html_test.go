package statement_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/internal/browsertest"
	"github.com/assay-psti/assay/statement"
)

var update = flag.Bool("update", false, "write the golden files anew")

// full is a statement in which everything that can stand in one stands.
func full() *statement.Content {
	return &statement.Content{
		Product:         statement.Product{Name: "Harbour <Cam> & Light", Make: "Acme", Types: []string{"HC-1", "HC-1/B"}, Batch: "2026:W14+a"},
		Manufacturers:   []statement.Person{{Name: "Acme Optics GmbH", Address: "Beispielweg 1, 10115 Berlin, Germany"}, {Name: "Own Brand Ltd", Address: "2 High Street, Exampleton EX1 1AA, United Kingdom"}},
		Representatives: []statement.Person{{Name: "Agents Ltd", Address: "3 Low Road, Exampleton EX1 2BB, United Kingdom"}},
		PreparedBy:      "Agents Ltd",
		Opinion: []statement.Compliance{
			{Requirement: "passwords", Title: "No universal default or guessable passwords", Cite: "SI 2023/1007 Sch.2 para 1(1)-(4); SI 2025/1267 reg 5", Basis: statement.ByLabel, Route: "para1-jcstar", RouteTitle: "Japan JC-STAR STAR-1 label"},
			{Requirement: "reporting", Title: "A public way to report security issues", Cite: "SI 2023/1007 Sch.2 para 2(1)-(2B)", Basis: statement.ByStandard, Route: "para2-standard"},
			{Requirement: "support", Title: "A published end date for security updates", Cite: "SI 2023/1007 Sch.1 para 3", Basis: statement.Schedule1, Route: "para3-direct"},
		},
		Standards:      []statement.Standard{{Number: "ETSI EN 303 645", Version: "V2.1.1", Issued: "19 June 2020"}},
		Support:        statement.SupportPeriod{From: assay.MustDate("2026-04-01"), End: assay.MustDate("2038-03-31"), FirstSupply: assay.MustDate("2026-04-20")},
		Signatory:      statement.Signatory{Name: "Jo Bloggs", Function: "director"},
		Place:          "Berlin",
		Issued:         assay.MustDate("2026-04-14"),
		Responsibility: []statement.Responsibility{{Limb: "VR-3", Title: "When a reporter hears how things stand", Cite: "SI 2023/1007 Sch.1 para 2(2)(b)(ii)", Subjects: []assay.Subject{"password/a"}, Reason: "The words fix a time.", By: "Bo Counsel"}},
		RetainUntil:    assay.MustDate("2038-03-31"),
	}
}

func page(t testing.TB, c *statement.Content) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := statement.HTML(&b, c, "sha256:"+assay.Digest(strings.Repeat("0123456789abcdef", 4)), "statement-X.json"); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pages(t testing.TB) map[string][]byte {
	t.Helper()
	dir, d := kettle(t, nil)
	c, _, err := build(t, d, request(dir))
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{"kettle.golden.html": page(t, c), "full.golden.html": page(t, full())}
}

func TestGoldenPages(t *testing.T) {
	for name, got := range pages(t) {
		file := filepath.Join("testdata", name)
		if *update {
			if err := os.MkdirAll("testdata", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(got), string(want)); diff != "" {
			t.Errorf("%s: %s\nrun with -update and read the difference", name, diff)
		}
	}
}

func TestPagesAreAccessible(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	for name, data := range pages(t) {
		for _, width := range []int{320, 1200} {
			for _, v := range browsertest.Axe(t, data, width, width == 320) {
				t.Errorf("%s at %d pixels: %s: %s %v", name, width, v.ID, v.Help, v.Nodes)
			}
		}
	}
}

func TestPDFIsTagged(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	pdfinfo, err := exec.LookPath("pdfinfo")
	if err != nil {
		t.Skip("no pdfinfo: install the package poppler-utils")
	}
	data, err := statement.PDF(t.Context(), page(t, full()))
	if errors.Is(err, assay.ErrNotFound) {
		t.Skip("no Chromium: install the package chromium")
	}
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "statement.pdf")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	info, err := exec.Command(pdfinfo, file).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Tagged:          yes", "Title:           Statement of compliance: Harbour <Cam> & Light, batch 2026:W14+a"} {
		if !strings.Contains(string(info), want) {
			t.Errorf("no %q in %s", want, info)
		}
	}
	structure, err := exec.Command(pdfinfo, "-struct-text", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	text := string(structure)
	for want, least := range map[string]int{"H1 (block)": 1, "H2 (block)": 8, "/Scope /Row": 10, "/Scope /Column": 5, "Caption": 4} {
		if got := strings.Count(text, want); got < least {
			t.Errorf("%d of %s in the PDF, want %d", got, want, least)
		}
	}
	for _, want := range []string{"2026:W14+a", "Own Brand Ltd", "31 March 2038", "Jo Bloggs", "ETSI EN 303 645"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in the PDF's text", want)
		}
	}
}

func TestNoBrowserNoPDF(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := statement.PDF(context.Background(), page(t, full())); !errors.Is(err, assay.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}
