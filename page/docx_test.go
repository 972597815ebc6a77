package page

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"
	"testing"
)

const wordNS = `xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"`

// docxOf writes a Word file with the given body.
func docxOf(t testing.TB, body string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range map[string]string{
		"word/document.xml":            `<?xml version="1.0"?><w:document ` + wordNS + `><w:body>` + body + `</w:body></w:document>`,
		"word/styles.xml":              `<w:styles ` + wordNS + `><w:style w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style></w:styles>`,
		"word/_rels/document.xml.rels": `<Relationships><Relationship Id="rId1" Target="mailto:psirt@alder.example" TargetMode="External"/></Relationships>`,
	} {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(text))
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func para(s string) string { return `<w:p><w:r><w:t xml:space="preserve">` + s + `</w:t></w:r></w:p>` }

func wordRow(cells ...string) string {
	var b strings.Builder
	for _, c := range cells {
		b.WriteString("<w:tc>" + para(c) + "</w:tc>")
	}
	return "<w:tr>" + b.String() + "</w:tr>"
}

func TestReadDOCX(t *testing.T) {
	body := `<w:p><w:pPr><w:pStyle w:val="berschrift1"/></w:pPr><w:r><w:t>Product security</w:t></w:r></w:p>` +
		`<w:p><w:r><w:t>Report vuln</w:t></w:r><w:r><w:t>erabilities to </w:t></w:r><w:hyperlink r:id="rId1"><w:r><w:t>our team</w:t></w:r></w:hyperlink><w:r><w:t>. We acknowledge within 2 days.</w:t></w:r></w:p>` +
		`<w:p><w:del><w:r><w:delText>We send updates every week.</w:delText></w:r></w:del><w:r><w:rPr><w:vanish/></w:rPr><w:t>Secret line.</w:t></w:r></w:p>` +
		"<w:tbl>" + wordRow("Model", "Security updates until") + wordRow("X100", "31 December 2028") + "</w:tbl>" + para("End.")
	d, err := Read(t.Context(), "policy.docx", "", docxOf(t, body), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	checkPlaces(t, d)
	if want := "Product security\nReport vulnerabilities to our team. We acknowledge within 2 days.\nModel | Security updates until\nX100 | 31 December 2028\nEnd."; d.Text != want {
		t.Errorf("got %q, want %q", d.Text, want)
	}
	if want := (Limbs{Present, Present, Absent, Present, Absent, Absent}); d.Limbs != want {
		t.Errorf("got %+v, want %+v", d.Limbs, want)
	}
	if got := SupportFor(d, Product{Models: []string{"X100"}}).EndDate(); got != "2028-12-31" {
		t.Errorf("got %q for X100", got)
	}
}

func TestDOCXHostile(t *testing.T) {
	bomb := docxOf(t, strings.Repeat(para(strings.Repeat("security ", 1000)), 2000))
	d, err := Read(t.Context(), "bomb.docx", "", bomb, Limits{MaxUnzip: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := d.Has(Truncated); !ok || len(d.Text) > 1<<20 {
		t.Errorf("got %d bytes of text and %v, want a cut", len(d.Text), d.Conditions)
	}
	for name, body := range map[string]string{
		"deep":        strings.Repeat("<w:p>", 100_000),
		"deep_tables": strings.Repeat("<w:tbl><w:tr><w:tc>", 200) + para("x"),
		"unclosed":    "<w:p><w:r><w:t>a",
		"entity":      `<w:p><w:r><w:t>&lol;</w:t></w:r></w:p>`,
	} {
		d, err := Read(t.Context(), name+".docx", "", docxOf(t, body), Limits{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		checkPlaces(t, d)
	}
	for name, data := range map[string][]byte{"no_zip": []byte("PK\x03\x04zzzz"), "other_zip": otherZip(t), "cut": bomb[:len(bomb)/2]} {
		if _, err := Read(t.Context(), name+".docx", "", data, Limits{}); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

func otherZip(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := range 3 {
		w, _ := z.Create(fmt.Sprintf("../../etc/file%d", i))
		w.Write([]byte("x"))
	}
	z.Close()
	return b.Bytes()
}
