package page

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// pdfOf writes a PDF with one content stream per page.
func pdfOf(pages ...string) []byte {
	var b bytes.Buffer
	var at []int
	obj := func(format string, args ...any) {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n", len(at))
		fmt.Fprintf(&b, format, args...)
		b.WriteString("\nendobj\n")
	}
	b.WriteString("%PDF-1.7\n")
	kids := make([]string, len(pages))
	for i := range pages {
		kids[i] = fmt.Sprintf("%d 0 R", 4+2*i)
	}
	obj("<< /Type /Catalog /Pages 2 0 R >>")
	obj("<< /Type /Pages /Kids [%s] /Count %d >>", strings.Join(kids, " "), len(pages))
	obj("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>")
	for i, p := range pages {
		obj("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> /Contents %d 0 R >>", 5+2*i)
		obj("<< /Length %d >>\nstream\n%s\nendstream", len(p), p)
	}
	xref := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, a := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", a)
	}
	fmt.Fprintf(&b, "trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, xref)
	return b.Bytes()
}

// pdfLine is one piece of text at a place.
func pdfLine(x, y int, s string) string {
	return fmt.Sprintf("BT /F1 11 Tf 1 0 0 1 %d %d Tm (%s) Tj ET\n", x, y, strings.NewReplacer("(", `\(`, ")", `\)`).Replace(s))
}

func TestReadPDF(t *testing.T) {
	one := pdfLine(50, 780, "Security support") + pdfLine(50, 750, "Model") + pdfLine(200, 750, "Security updates until") +
		pdfLine(50, 730, "X100") + pdfLine(200, 730, "31 December 2028") + pdfLine(50, 710, "X200") + pdfLine(200, 710, "30 June 2030")
	two := pdfLine(50, 780, "Report vulnerabilities to security@alder.example. We acknowledge receipt") + pdfLine(50, 766, "within five working days and send a status update every two weeks until") + pdfLine(50, 752, "the issue is resolved.")
	d, err := Read(t.Context(), "support.pdf", "application/pdf", pdfOf(one, two), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	checkPlaces(t, d)
	want := Limbs{Present, Present, Present, Present, Absent, Absent}
	if d.Limbs != want {
		t.Errorf("got %+v, want %+v\ntext: %q\n%v", d.Limbs, want, d.Text, d.Readings)
	}
	if got := SupportFor(d, Product{Models: []string{"X200"}}); got.EndDate() != "2030-06-30" {
		t.Errorf("got %q for X200, want 2030-06-30", got.EndDate())
	}
	for _, r := range d.Readings {
		if want := 1 + b2n(r.Term != TermSupportEnd && r.Term != TermSupportWording && r.Term != TermLanguage); r.Term != TermLanguage && d.PageOf(r.From) != want {
			t.Errorf("%s: got page %d, want %d", r.Term, d.PageOf(r.From), want)
		}
	}
}

func b2n(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestPDFWithoutText(t *testing.T) {
	d, err := Read(t.Context(), "scan.pdf", "", pdfOf("0 0 595 842 re f"), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if c, ok := d.Has(NoText); !ok || !strings.Contains(c.Why, "scan") {
		t.Errorf("got conditions %v, want no text and the word scan", d.Conditions)
	}
}

func TestPDFHostile(t *testing.T) {
	deep := "%PDF-1.7\n1 0 obj\n" + strings.Repeat("[", 200_000) + "\nendobj\ntrailer << /Root 1 0 R >>"
	for name, data := range map[string][]byte{
		"cut":     pdfOf(pdfLine(50, 700, "x"))[:200],
		"deep":    []byte(deep),
		"garbage": []byte("%PDF-1.4\n" + strings.Repeat("\x00\xff<<", 5000)),
		"loop":    []byte("%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Count 9999999/Kids[2 0 R 2 0 R]>>endobj trailer<</Root 1 0 R>>"),
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Read(t.Context(), name+".pdf", "", data, Limits{MaxTime: 10 * time.Second, MaxPages: 20})
			if err == nil {
				checkPlaces(t, d)
			}
		})
	}
}

func TestPDFsAtOnce(t *testing.T) {
	var wg sync.WaitGroup
	for i := range 6 { // more than there are instances
		wg.Go(func() {
			want := fmt.Sprintf("Security updates until %d December 2029", i+1)
			d, err := Read(t.Context(), "x.pdf", "", pdfOf(pdfLine(50, 700, want)), Limits{})
			if err != nil || d.Text != want || d.Limbs.SupportPeriod != Present {
				t.Errorf("got %+v, %v, want %q", d, err, want)
			}
		})
	}
	wg.Wait()
}

func TestPDFTimeBound(t *testing.T) {
	// A page that draws one short text very often.
	data := pdfOf(strings.Repeat(pdfLine(50, 700, "again and again"), 60_000))
	for range 3 { // more often than there are instances
		_, err := Read(t.Context(), "slow.pdf", "", data, Limits{MaxTime: 50 * time.Millisecond})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got error %v, want a deadline", err)
		}
	}
	// The engine is still of use afterwards.
	if _, err := Read(t.Context(), "next.pdf", "", pdfOf(pdfLine(50, 700, "Security")), Limits{}); err != nil {
		t.Errorf("after a document that was cut off: %v", err)
	}
}
