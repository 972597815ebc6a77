package web_test

import (
	"encoding/csv"
	"encoding/xml"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
)

func TestFeeds(t *testing.T) {
	h := newHouse(t)
	slugs := h.stock(t)
	type feed struct {
		ID      string `xml:"id"`
		Updated string `xml:"updated"`
		Entries []struct {
			ID      string `xml:"id"`
			Title   string `xml:"title"`
			Updated string `xml:"updated"`
			Summary string `xml:"summary"`
		} `xml:"entry"`
	}
	for path, want := range map[string]int{"/changes.atom": 10, "/m/acme-ltd.atom": 0, "/c/kettle.atom": 9, "/p/" + slugs["runs"] + ".atom": 2, "/p/" + slugs["withdrawn"] + ".atom": 2} {
		r, text := h.get(t, path)
		var f feed
		if err := xml.Unmarshal([]byte(text), &f); err != nil || r.StatusCode != 200 {
			t.Fatalf("%s: %d, %v", path, r.StatusCode, err)
		}
		ids := map[string]bool{}
		for _, e := range f.Entries {
			ids[e.ID] = true
		}
		if want == 0 { // what a laboratory adds may count as the maker's or not
			want = max(len(f.Entries), 9)
		}
		if len(f.Entries) != want || len(ids) != want || f.ID != site+path || f.Updated != f.Entries[0].Updated {
			t.Errorf("%s: %+v, want %d entries", path, f, want)
		}
	}
	_, text := h.get(t, "/p/"+slugs["runs"]+".atom")
	if !strings.Contains(text, "support extended") || !strings.Contains(text, "2032-03-31 (before: 2031-03-31)") {
		t.Errorf("feed: %s", text)
	}
}

// Calendars hold by the rules of RFC 5545 that readers stumble over.
func TestCalendar(t *testing.T) {
	h := newHouse(t)
	slugs := h.stock(t)
	f := facts("Kettle, long; name \\ " + strings.Repeat("ü", 80))
	slug := h.publish(t, f, "2034-01-01").Slug
	for path, want := range map[string]int{"/p/" + slug + ".ics": 1, "/p/" + slugs["runs"] + ".ics": 2, "/p/" + slugs["withdrawn"] + ".ics": 0, "/p/" + slugs["unknown"] + ".ics": 0, "/c/kettle.ics": 4, "/m/acme-ltd.ics": 5} {
		_, text := h.get(t, path)
		if got := strings.Count(text, "BEGIN:VEVENT\r\n"); got != want {
			t.Errorf("%s: got %d events, want %d", path, got, want)
		}
		for line := range strings.SplitSeq(strings.TrimSuffix(text, "\r\n"), "\r\n") {
			if len(line) > 75 || strings.ContainsAny(line, "\r\n") || strings.ToValidUTF8(line, "") != line {
				t.Errorf("%s: line %q", path, line)
			}
		}
	}
	_, text := h.get(t, "/p/"+slug+".ics")
	unfolded := strings.ReplaceAll(text, "\r\n ", "")
	if want := `SUMMARY:Security updates end: Acme Kettle\, long\; name \\ ` + strings.Repeat("ü", 80) + "\r\n"; !strings.Contains(unfolded, want) || !strings.Contains(text, "DTSTART;VALUE=DATE:20340101\r\n") {
		t.Errorf("calendar: %s", text)
	}
}

func TestBadges(t *testing.T) {
	h := newHouse(t)
	slugs := h.stock(t)
	for key, want := range map[string]string{"runs": "security updates until 31 March 2032.", "over": "security updates ended on 1 February 2026.", "unknown": "no end of security updates is published.", "withdrawn": "its manufacturer has withdrawn this entry."} {
		for _, name := range []string{"badge.svg", "label.svg", "qr.svg"} {
			r, svg := h.get(t, "/p/"+slugs[key]+"/"+name)
			if err := xml.Unmarshal([]byte(svg), new(struct{})); err != nil || r.StatusCode != 200 || r.Header.Get("Cross-Origin-Resource-Policy") != "cross-origin" {
				t.Errorf("%s of %s: %d, %v", name, key, r.StatusCode, err)
			}
			if name != "qr.svg" && !strings.Contains(svg, want) {
				t.Errorf("%s of %s does not say %q: %s", name, key, want, svg)
			}
		}
		if _, page := h.get(t, "/p/"+slugs[key]+"/shelf"); !strings.Contains(page, want) {
			t.Errorf("shelf of %s does not say %q", key, want)
		}
	}
	if r, _ := h.get(t, "/p/"+slugs["runs"]+"/other.svg"); r.StatusCode != 404 {
		t.Errorf("other: got %d", r.StatusCode)
	}
}

func TestDump(t *testing.T) {
	h := newHouse(t)
	slugs := h.stock(t)
	r, text := h.get(t, "/dump/register.csv")
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || r.StatusCode != 200 || len(rows) != len(slugs)+1 {
		t.Fatalf("%d, %v: %d rows, want %d", r.StatusCode, err, len(rows), len(slugs)+1)
	}
	_, data := h.get(t, "/dump/register.parquet")
	file, err := parquet.OpenFile(strings.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var columns []string
	for _, c := range file.Schema().Columns() {
		columns = append(columns, c[0])
	}
	if d := cmp.Diff(columns, rows[0]); d != "" {
		t.Errorf("the two tables have other columns: %s", d)
	}
	type row struct {
		ID         string `parquet:"id"`
		GTINs      string `parquet:"gtins"`
		SupportEnd string `parquet:"support_end"`
		Status     string `parquet:"status"`
	}
	got, err := parquet.Read[row](strings.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]int{}
	for i, c := range rows[0] {
		at[c] = i
	}
	for i, x := range got {
		want := rows[i+1]
		if x.ID != want[at["id"]] || x.GTINs != want[at["gtins"]] || x.SupportEnd != want[at["support_end"]] || x.Status != want[at["status"]] {
			t.Errorf("row %d: %+v, %v", i, x, want)
		}
	}
	if r, _ := h.get(t, "/dump/other.csv"); r.StatusCode != 404 {
		t.Errorf("other: got %d", r.StatusCode)
	}
}
