package page

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"pgregory.net/rapid"
)

func readString(t testing.TB, name, body string) *Document {
	t.Helper()
	d, err := Read(t.Context(), name, "", []byte(body), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestHTMLText(t *testing.T) {
	for name, c := range map[string]struct{ body, want string }{
		"blocks":      {"<h1>A</h1><p>b  c\n d</p><div>e<p>f</div>g", "A\nb c d\ne\nf\ng"},
		"inline":      {"<p>one<b> two</b> <i>three</i>four</p>", "one two threefour"},
		"entities":    {"<p>a&nbsp;b &amp;c &lt;d&gt; &#233;&#x20AC; &copy2024</p>", "a b &c <d> é€ ©2024"},
		"invisible":   {"<p>co&shy;op\u200bera\u00adte</p>", "cooperate"},
		"script":      {"<script>if (a<b) x('</p>')</script><style>p{}</style><p>t</p><template><p>no</p></template><textarea>typed</textarea>", "t"},
		"comment":     {"<p>a<!-- <p>b</p> -->c</p>", "ac"},
		"br":          {"<p>a<br>b<br/>c</p>", "a\nb\nc"},
		"pre":         {"<pre>a\n  b</pre>", "a\nb"},
		"table":       {"<table><tr><th>A<th>B<tr><td>1<td>2</table>", "A | B\n1 | 2"},
		"empty_cell":  {"<table><tr><td>A</td><td></td><td>B</td></tr></table>", "A | B"},
		"list":        {"<ul><li>a<li>b</ul>", "a\nb"},
		"broken":      {"<div><p>a</b></span></p></div></div><p>b", "a\nb"},
		"title":       {"<title>T &amp; U</title><p>x", "x"},
		"layout":      {"<table><tr><td><h2>H</h2><p>x</p></td><td><p>y</p></td></tr></table>", "H\nx | y"},
		"nested":      {"<table><tr><td><table><tr><td>a<td>b</table></table>", "a | b"},
		"noscript":    {"<noscript>turn it on</noscript><p>a</p>", "a"},
		"cut_tag":     {"<p>a</p><p class=\"", "a"},
		"upper":       {"<P>A</P><BR><DIV>B</DIV>", "A\nB"},
		"text_only":   {"<html>just text", "just text"},
		"null_bytes":  {"<html><p>a\x00b</p>", "a\x00b"},
		"select_menu": {"<select><option>one<option>two</select><p>x", "x"},
	} {
		t.Run(name, func(t *testing.T) {
			d := readString(t, "a.html", c.body)
			checkPlaces(t, d)
			if d.Text != c.want {
				t.Errorf("got %q, want %q", d.Text, c.want)
			}
		})
	}
}

// TestSourceOffsets holds every letter of the text against the letter of the source it claims to stand at.
func TestSourceOffsets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		piece := rapid.SampledFrom([]string{"word", " ", "\n\t ", "<b>", "</b>", "<p>", "</p>", "<br>", "&amp;", "&nbsp;", "ä", "\u00a0", "\u00ad", "<table><tr><td>", "<td>", "</table>", "x", "<a href='/y'>", "</a>", "–", "<!-- c -->"})
		src := strings.Join(rapid.SliceOfN(piece, 1, 40).Draw(t, "pieces"), "")
		d := &Document{Source: "a.html"}
		if err := readHTML(t.Context(), d, []byte(src), Limits{}.withDefaults()); err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(d.Text); i++ {
			c := d.Text[i]
			if c == ' ' || c == '\n' || c == '|' || c == '&' {
				continue
			}
			if at := d.SourceOffset(i); at < 0 || at >= len(src) || src[at] != c {
				t.Fatalf("byte %d of %q is %q, but %d of the source %q is not", i, d.Text, c, at, src)
			}
		}
	})
}

func TestHidden(t *testing.T) {
	d := readString(t, "a.html", `<p>shown</p><div style="display : none"><p>gone</p></div><p hidden>gone too</p><details><summary>title</summary><p>folded</p></details>
<details open><p>open</p></details><p aria-hidden="true">aria</p><nav><p>menu</p></nav><dialog>box</dialog><span style="visibility:hidden">unseen</span>`)
	want := map[string]Hiding{"shown": 0, "gone": NotShown, "gone too": NotShown, "title": 0, "folded": Folded, "open": 0, "aria": AriaHidden, "menu": Navigation, "box": NotShown}
	got := map[string]Hiding{}
	for _, b := range d.Blocks {
		if q := d.Quote(b.Span); q != "unseen" {
			got[q] = b.Hidden
		}
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("-got +want\n%s", diff)
	}
	if _, ok := d.Has(HiddenText); !ok {
		t.Error("it is not said that parts are hidden")
	}
}

func TestLinksAndFields(t *testing.T) {
	d := readString(t, "https://maker.example/a/b.html", `<a href="../c?x=1#y">see <b>this</b></a> <a href="mailto:sec%75rity@maker.example?subject=x">mail</a>
<a href="/cdn-cgi/l/email-protection#4f3c2a2c3a3d263b360f382e2339202e21612a372e223f232a">[email protected]</a><img src="/i.png" alt="a picture">
<form><input type="hidden" name="h"><input name="n" required><textarea name="t"></textarea></form><script type="application/ld+json">{"@type":"Product","brand":{"name":"Maker"},"model":["A","B"]}</script>`)
	var got []string
	for _, l := range d.Links {
		got = append(got, d.Quote(l.Span)+" > "+l.Target+" > "+l.Mail)
	}
	for _, f := range d.Fields {
		got = append(got, fmt.Sprintf("%s %s %d %t", f.Type, f.Name, f.Form, f.Required))
	}
	for _, x := range d.Data {
		got = append(got, x.Path+"="+x.Value)
	}
	want := []string{
		"see this > https://maker.example/c?x=1#y > ",
		"mail > mailto:sec%75rity@maker.example?subject=x > security@maker.example",
		"[email protected] > https://maker.example/cdn-cgi/l/email-protection#4f3c2a2c3a3d263b360f382e2339202e21612a372e223f232a > security@walvoan.example",
		"text n 1 true", "textarea t 1 false",
		"Product.@type=Product", "Product.brand.name=Maker", "Product.model=A", "Product.model=B",
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("-got +want\n%s", diff)
	}
	if len(d.Images) != 1 || d.Images[0].Alt != "a picture" {
		t.Errorf("got images %v", d.Images)
	}
}

func TestTableSpans(t *testing.T) {
	d := readString(t, "a.html", `<table><caption>C</caption><tr><th rowspan=2>A<th colspan=2>B<tr><td>1<td>2<tr><td colspan=99999>3</table>`)
	var got [][]string
	for _, row := range d.Tables[0].Rows {
		var r []string
		for _, c := range row {
			r = append(r, d.Quote(c.Span))
		}
		got = append(got, r[:min(len(r), 4)])
	}
	want := [][]string{{"A", "B", "B"}, {"A", "1", "2"}, {"3", "3", "3", "3"}}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("-got +want\n%s", diff)
	}
	if d.Quote(d.Tables[0].Caption) != "C" {
		t.Errorf("got caption %q", d.Quote(d.Tables[0].Caption))
	}
}

func TestEncodings(t *testing.T) {
	page := `<html><head><meta charset="windows-1252"></head><p>Größe 5 – Prüfung</p></html>`
	win, err := charmap.Windows1252.NewEncoder().String(page)
	if err != nil {
		t.Fatal(err)
	}
	wide, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String("<html><p>Größe</p></html>")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		body, contentType, want, encoding string
		broken                            bool
	}{
		"declared_in_page": {win, "", "Größe 5 – Prüfung", "windows-1252", false},
		"really_utf8":      {page, "text/html; charset=windows-1252", "Größe 5 – Prüfung", "utf-8", false},
		"utf16":            {wide, "text/html", "Größe", "utf-16le", false},
		"bom":              {"\xef\xbb\xbf<html><p>é</p></html>", "", "é", "utf-8", false},
		"broken":           {"<html><p>Gr\xc3\xb6\xc3\x9fe é é é \xff</p></html>", "text/html; charset=utf-8", "Größe é é é \ufffd", "utf-8", true},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Read(t.Context(), "a.html", c.contentType, []byte(c.body), Limits{})
			if err != nil {
				t.Fatal(err)
			}
			_, broken := d.Has(BrokenEncoding)
			if d.Text != c.want || d.Encoding != c.encoding || broken != c.broken {
				t.Errorf("got %q in %s, broken %t; want %q in %s, %t", d.Text, d.Encoding, broken, c.want, c.encoding, c.broken)
			}
		})
	}
}

// TestHostilePages reads pages made to exhaust a reader.
func TestHostilePages(t *testing.T) {
	n := 200_000
	if testing.Short() {
		n = 20_000
	}
	for name, body := range map[string]string{
		"deep":            "<html>" + strings.Repeat("<div>", n) + "x",
		"deep_tables":     "<html>" + strings.Repeat("<table><tr><td>", n/10) + "x",
		"deep_inline":     "<html>" + strings.Repeat("<b>", n) + "x",
		"open_attributes": "<html><p " + strings.Repeat("a=b ", n),
		"entities":        "<html><p>" + strings.Repeat("&amp", n),
		"rowspans":        "<html><table>" + strings.Repeat("<tr><td rowspan=2000 colspan=64>a", n/200),
		"links":           "<html>" + strings.Repeat("<a href=x>report vulnerability</a> ", n/20),
		"mails":           "<html><h1>Security</h1><p>report vulnerabilities to " + strings.Repeat("a@b.example ", n/20),
		"one_word":        "<html><p>" + strings.Repeat("a", 5*n),
		"one_sentence":    "<html><p>" + strings.Repeat("we acknowledge reports within 5 days ", n/40),
		"support_lines":   "<html><h1>Security updates</h1>" + strings.Repeat("<p>X1: supported until 31 December 2029.</p>", n/100),
		"headings":        "<html>" + strings.Repeat("<h1>security report</h1>", n/20),
		"statements":      "<html><h1>PSTI Statement of compliance</h1>" + strings.Repeat("<p>The manufacturer Alder Ltd declares compliance with Schedule 1 of the PSTI regulations.</p>", n/200),
		"brackets":        "<html><h1>Security</h1><p>report to " + strings.Repeat("a [at] ", n/20),
		"fields":          "<html><h1>Report a vulnerability</h1>" + strings.Repeat("<textarea></textarea><p>report vulnerability</p>", n/100),
	} {
		t.Run(name, func(t *testing.T) {
			d := readString(t, "a.html", body)
			if len(d.Readings) > (Limits{}).withDefaults().MaxItems {
				t.Errorf("got %d readings", len(d.Readings))
			}
		})
	}
}

func TestTruncation(t *testing.T) {
	body := "<html><p>" + strings.Repeat("word ", 1000) + "</p><p>Report vulnerabilities to security@late.example</p></html>"
	d, err := Read(t.Context(), "a.html", "", []byte(body), Limits{MaxBytes: 2000})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := d.Has(Truncated); !ok || d.Limbs.ContactPoint != Absent {
		t.Errorf("got conditions %v and %+v, want the cut to be said", d.Conditions, d.Limbs)
	}
}

func TestUnsupported(t *testing.T) {
	for _, data := range []string{"\x00\x01\x02\x03", "PK\x03\x04 no archive", "\x89PNG\r\n\x1a\n\x00\x00"} {
		if d, err := Read(t.Context(), "x.bin", "", []byte(data), Limits{}); err == nil {
			t.Errorf("%q: got kind %s, want an error", data, d.Kind)
		}
	}
}
