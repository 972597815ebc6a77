package page

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

// seedCases gives the invented pages, as seeds.
func seedCases(f *testing.F, add func(invented)) {
	f.Helper()
	files, err := filepath.Glob("testdata/cases/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		var set struct {
			Cases []invented `yaml:"cases"`
		}
		if err := yaml.Unmarshal(raw, &set); err != nil {
			f.Fatal(err)
		}
		for _, c := range set.Cases {
			add(c)
		}
	}
}

// sound holds what must be true of every document, whatever was read.
func sound(t *testing.T, d *Document) {
	t.Helper()
	checkPlaces(t, d)
	for _, l := range AllLimbs() {
		v := d.Limbs.Of(l)
		backed := v == Absent
		for _, r := range d.Readings {
			backed = backed || r.Limb == l && r.Verdict == v
		}
		if !backed {
			t.Errorf("%s is %s, but no reading says so", l, v)
		}
	}
	for i := 1; i < len(d.Blocks); i++ {
		if d.Blocks[i].From < d.Blocks[i-1].To {
			t.Errorf("blocks %+v and %+v overlap", d.Blocks[i-1], d.Blocks[i])
		}
	}
	for _, e := range d.Support {
		if e.Verdict == Present && (e.End == nil || !e.End.Exact()) {
			t.Errorf("a period is present without an exact end date: %+v", e)
		}
	}
	SupportFor(d, Product{Brand: "Alder", Models: []string{"X100", "DS-2CD2043"}, Names: []string{"Nova 3"}})
	for i := range min(len(d.Text), 2000) {
		d.SourceOffset(i)
	}
}

func FuzzHTML(f *testing.F) {
	seedCases(f, func(c invented) {
		if c.HTML != "" {
			f.Add([]byte(c.HTML))
		}
	})
	f.Add(bigPage(1, true))
	f.Add([]byte("<table><tr><td rowspan=9 colspan=9>a<table><caption>b<tr></tr></td></table>c"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := Read(t.Context(), "https://maker.example/x", "text/html", data, Limits{MaxTable: 5000})
		if err != nil {
			if d != nil || errors.Is(err, ErrUnsupported) {
				return
			}
			t.Fatal(err)
		}
		if d.Kind == HTML || d.Kind == Plain || d.Kind == Markdown || d.Kind == SecurityTxt {
			sound(t, d)
		}
	})
}

func FuzzPlain(f *testing.F) {
	seedCases(f, func(c invented) {
		if c.HTML == "" {
			f.Add([]byte(c.Text+c.Markdown), c.Markdown != "")
		}
	})
	f.Fuzz(func(t *testing.T, data []byte, markdown bool) {
		kind := "text/plain"
		if markdown {
			kind = "text/markdown"
		}
		d, err := Read(t.Context(), "x", kind, data, Limits{MaxTable: 5000})
		if err != nil || d.Kind == PDF || d.Kind == DOCX {
			return
		}
		sound(t, d)
		if d.Encoding == "utf-8" && d.Kind != HTML && !strings.Contains(string(data), d.Text) {
			if _, broken := d.Has(BrokenEncoding); !broken {
				t.Errorf("the text %q is not in the source %q", d.Text, data)
			}
		}
	})
}

func FuzzDates(f *testing.F) {
	for _, s := range []string{"2029-12-31", "31/12/2029", "1st of May 29", "end of Q4 2029", "2029年12月31日", "from 1/1/25-31/12/2029", "May 5, 2029"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		last := 0
		for _, d := range FindDates(s) {
			if d.From < last || d.To <= d.From || d.To > len(s) {
				t.Fatalf("%q: date %+v lies wrongly", s, d)
			}
			last = d.To
			if d.Exact() {
				if d.Month < 0 || d.Month > 12 || d.Precision == Day && (d.Day < 1 || d.Day > daysIn(d.Year, d.Month)) {
					t.Fatalf("%q: no such day in %+v", s, d)
				}
				if _, err := time.Parse("2006-01-02", d.String()); err != nil {
					if _, err := time.Parse("2006-01", d.String()); err != nil {
						t.Fatalf("%q: %s is no date", s, d)
					}
				}
			}
		}
	})
}

func FuzzTimes(f *testing.F) {
	for _, s := range []string{"within 5 (five) working days", "every other week", "3-5 days", "48h", "at intervals of no more than 2 months", "once every", "half a year", "a few days, within 5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, x := range FindTimes(s) {
			if x.From < 0 || x.To <= x.From || x.To > len(s) {
				t.Fatalf("%q: time %+v lies wrongly", s, x)
			}
			if x.Valid() && (x.Count <= 0 || x.Count > 20_000 || x.String() == "") {
				t.Fatalf("%q: %+v", s, x)
			}
		}
		ClassifyWording(s)
	})
}

func FuzzSecurityTxt(f *testing.F) {
	f.Add([]byte(goodTxt))
	f.Add([]byte("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nContact: mailto:a@b.example\n-----BEGIN PGP SIGNATURE-----\n\niHUEARYK\n=abcd\n-----END PGP SIGNATURE-----\n"))
	f.Add([]byte("Contact:\n:\nExpires: 2027\n\r\n\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := ParseSecurityTxt(data)
		for _, c := range s.Contacts {
			if c.From < 0 || c.To > len(data) || !strings.Contains(string(data[c.From:c.To]), c.Value) {
				t.Fatalf("contact %+v lies wrongly", c)
			}
		}
		if s.Wellformed() && (len(s.Contacts) == 0 || s.Expires.IsZero()) {
			t.Fatalf("wellformed without a contact or a date: %+v", s)
		}
		if _, err := s.Verify(data, someDay); err == nil {
			t.Fatal("a file verified with itself as the key")
		}
	})
}

func FuzzDOCX(f *testing.F) {
	f.Add(`<w:p><w:r><w:t>Report vulnerabilities to a@b.example</w:t></w:r></w:p><w:tbl><w:tr><w:tc><w:p/></w:tc></w:tr></w:tbl>`, []byte(nil))
	f.Add(`<w:tbl><w:tc><w:tbl></w:tbl></w:tbl><w:hyperlink r:id="rId1"/>`, []byte("PK\x03\x04"))
	f.Fuzz(func(t *testing.T, body string, raw []byte) {
		if d, err := Read(t.Context(), "x.docx", "", docxOf(t, body), Limits{MaxUnzip: 1 << 20}); err == nil {
			sound(t, d)
		}
		if len(raw) > 4 {
			d := &Document{Source: "x", Kind: DOCX}
			if readDOCX(t.Context(), d, raw, Limits{MaxUnzip: 1 << 20}.withDefaults()) == nil {
				checkPlaces(t, d)
			}
		}
	})
}

func FuzzPDF(f *testing.F) {
	f.Add(pdfOf(pdfLine(50, 700, "Security updates until 31 December 2029")))
	f.Add([]byte("%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj trailer<</Root 1 0 R>>"))
	if _, err := pdfEngine(); err != nil { // starting it takes longer than one input may
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d := &Document{Source: "x", Kind: PDF}
		if readPDF(t.Context(), d, data, Limits{MaxTime: 5 * time.Second, MaxPages: 5}.withDefaults()) == nil {
			checkPlaces(t, d)
		}
	})
}

func FuzzProduct(f *testing.F) {
	f.Add("X100/200, DS-2CD20xx and all models of series V except V7", "X200")
	f.Add("W*", "W55")
	f.Fuzz(func(t *testing.T, scope, name string) {
		m := matchScope(scope, name, "Alder")
		if m == MatchListed && fold(name) == "" {
			t.Fatalf("an empty name is listed in %q", scope)
		}
		modelsIn(scope)
	})
}
