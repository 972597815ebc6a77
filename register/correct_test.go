package register

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// distance is the plain definition of what slips counts: the cheapest of all ways,
// without any short cut.
func distance(a, b []rune) int {
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		for j := range d[i] {
			switch {
			case i == 0:
				d[i][j] = j
			case j == 0:
				d[i][j] = i
			default:
				cost := 1
				if a[i-1] == b[j-1] {
					cost = 0
				}
				d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+cost)
				if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
					d[i][j] = min(d[i][j], d[i-2][j-2]+1)
				}
			}
		}
	}
	return d[len(a)][len(b)]
}

func TestSlips(t *testing.T) {
	word := rapid.StringOfN(rapid.RuneFrom([]rune("abcé")), 0, 8, -1)
	rapid.Check(t, func(t *rapid.T) {
		a, b, most := word.Draw(t, "a"), word.Draw(t, "b"), rapid.IntRange(0, 4).Draw(t, "most")
		want := distance([]rune(a), []rune(b))
		got := slips(a, b, most)
		if want <= most && got != want || want > most && got <= most {
			t.Fatalf("%q to %q, at most %d: got %d, want %d", a, b, most, got, want)
		}
	})
}

func TestNearest(t *testing.T) {
	v := newVocabulary([]string{"camera", "kettle", "television", "lamp", "lamps", "brühwerk", "cam"}, time.Time{})
	for _, row := range []struct{ in, want string }{
		{"camrea", "camera"}, {"ketle", "kettle"}, {"televison", "television"}, {"lamo", "lamp"}, {"kettle", ""}, {"submarine", ""}, {"ke", ""}, {"kt2000", ""}, {strings.Repeat("k", 41), ""}, {"", ""},
	} {
		if got, ok := v.nearest(row.in); got != row.want || ok != (row.want != "") {
			t.Errorf("%s: got %q, want %q", row.in, got, row.want)
		}
	}
}

func FuzzTerms(f *testing.F) {
	f.Add("KT-2000/B Kettle")
	f.Add("Brühwerk ﬁne ẞ İstanbul \xff")
	f.Fuzz(func(t *testing.T, s string) {
		terms := Terms(s)
		if len(terms) > MaxTerms {
			t.Fatalf("%d terms", len(terms))
		}
		for _, w := range terms {
			if w == "" || !utf8.ValidString(w) || strings.ContainsAny(w, "'\"\\%_*:&|!() \t\n\x00") {
				t.Fatalf("%q is no word that a search may be made of", w)
			}
		}
		if k := CodeKey(s); strings.ContainsAny(k, "'\"\\%_*:&|!() \t\n\x00") {
			t.Fatalf("%q is no code that a search may be made of", k)
		}
		Slug(s)
	})
}

func FuzzRows(f *testing.F) {
	f.Add("name,make,category\nK2,Acme,kettle\n")
	f.Add("\xef\xbb\xbfName,Make,Category,Models,GTINs,Support End\n\"a\nb\",c,d,e|f,1|2,2030-02-30\n,,,,,,,,\n")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := newRows(strings.NewReader(s))
		if err != nil {
			return
		}
		for n := 0; ; {
			batch, last := r.batch(7, 50-n)
			for i := range batch {
				(&Service{Config: Config{Now: time.Now}}).prepareRow(&batch[i], nil, Import{Publish: true})
				if batch[i].report.Outcome != RowRefused && !batch[i].draft {
					t.Fatalf("a row without a statement that counts is to be published: %+v", batch[i].report)
				}
			}
			if n += len(batch); n > 50 {
				t.Fatalf("%d rows, want at most 50", n)
			}
			if last {
				return
			}
		}
	})
}

func FuzzParseRecord(f *testing.F) {
	f.Add([]byte(`{"assay_record":1,"product":"p1","version":1,"kind":"published","facts":{"name":"K2"},"content":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if v, err := ParseRecord(data); err == nil && v.Record != DigestOf(data) {
			t.Fatal("a record of another digest")
		}
	})
}

// Whatever was sent as facts is shown as plain text, or refused.
func FuzzFacts(f *testing.F) {
	f.Add("K2", "Acme", "https://acme.example/x", "a@example.org", "2031-01-01")
	f.Add("\u202e", "a\x00", "javascript:alert(1)", "a@b, c@d", "")
	f.Add("x", "y", "https://user:pw@host/\"><script>", "\"a b\"@example.org", "app")
	f.Fuzz(func(t *testing.T, name, maker, address, email, component string) {
		facts := Facts{Name: name, Make: maker, Category: name, Contact: Contact{URL: address, Email: email}, Pages: Pages{Support: address}, Support: []SupportPeriod{{Component: component}}}
		var faults Faults
		facts.check(&faults)
		if len(faults) > 0 {
			if faults.Error() == "" || faults.Unwrap() == nil {
				t.Fatal("faults that say nothing")
			}
			return
		}
		for _, s := range []string{facts.Name, facts.Make, facts.Category} {
			if !plain(s) || strings.Contains(s, "\n") || s == "" {
				t.Fatalf("%q is no plain line", s)
			}
		}
		if u := facts.Contact.URL; u != "" && !strings.HasPrefix(strings.ToLower(u), "https://") && !strings.HasPrefix(strings.ToLower(u), "http://") || strings.ContainsAny(u, "<>\" \n\r") {
			t.Fatalf("%q is no address of a page", u)
		}
	})
}
