package password

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDefaults(t *testing.T) {
	list := Defaults()
	if got := len(list); got < 300 {
		t.Errorf("the list has %d rows, want at least 300", got)
	}
	for i, d := range list {
		if d.User == "" && d.Password == "" {
			t.Errorf("row %d says nothing", i)
		}
		if got := d.User + d.Password; strings.ContainsFunc(got, func(r rune) bool { return r < '!' || r > '~' }) {
			t.Errorf("row %d is no printable text: %q", i, got)
		}
		if d.Source == "" || d.Date == "" {
			t.Errorf("row %d has no source or date: %v", i, d)
		}
		if i > 0 && compareDefaults(list[i-1], d) >= 0 {
			t.Errorf("row %d is out of order: %v", i, d)
		}
	}
	list[0].User = "changed"
	if Defaults()[0].User == "changed" {
		t.Error("a caller can change the list")
	}
}

func TestIsDefault(t *testing.T) {
	for _, tt := range []struct {
		user, password string
		want           bool
	}{
		{"root", "xc3511", true}, {"root", "vizxv", true}, {"admin", "admin", true}, {"admin", "", true},
		{"root", "", true}, {"ubnt", "ubnt", true}, {"root", "7ujMko0admin", true}, {"mother", "fucker", true},
		{"root", "zlxx.", true}, {"", "1234", true},
		{"Root", "xc3511", false}, {"root", "XC3511", false}, {"root", "xc3511 ", false}, {"", "", false},
	} {
		d, got := IsDefault(tt.user, tt.password)
		if got != tt.want {
			t.Errorf("IsDefault(%q, %q) = %v, want %v", tt.user, tt.password, got, tt.want)
		}
		if got && (d.User != tt.user || d.Password != tt.password) {
			t.Errorf("IsDefault(%q, %q) gave %v", tt.user, tt.password, d)
		}
	}
	if d, ok := IsDefaultPassword("xc3511"); !ok || d.User != "root" {
		t.Errorf("got %v %v", d, ok)
	}
	if d, ok := IsDefaultPassword("Xc3511"); ok {
		t.Errorf("got %v", d)
	}
}

func TestParseDefaults(t *testing.T) {
	const head = "# comment\nuser,password,source,date\n"
	for _, tt := range []struct{ name, in, wrong string }{
		{"good", head + "a,b,s,2026-01-02\na,c,s,2026-01-02\n", ""},
		{"no_rows", head, ""},
		{"nothing", "", "EOF"},
		{"heading", "user,password\n", "fields"},
		{"other_heading", "user,pass,source,date\n", "heading"},
		{"no_source", head + "a,b,,2026-01-02\n", "line 3 has no source"},
		{"no_date", head + "a,b,s,\n", "line 3 has no date"},
		{"odd_date", head + "a,b,s,2026-13-01\n", "line 3 has no date"},
		{"duplicate", head + "a,b,s,2026-01-02\na,b,t,2026-01-02\n", "line 4 is not after"},
		{"unsorted", head + "b,b,s,2026-01-02\na,b,s,2026-01-02\n", "line 4 is not after"},
		{"short", head + "a,b,s\n", "fields"},
		{"quote", head + "a,\"b,s,2026-01-02\n", "quote"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parseDefaults(strings.NewReader(tt.in))
			if (err == nil) != (tt.wrong == "") || err != nil && !strings.Contains(err.Error(), tt.wrong) {
				t.Errorf("got %v, want %q", err, tt.wrong)
			}
		})
	}
	got, err := parseDefaults(strings.NewReader(head + ",\"b,\"\"c\",s,2026-01-02\n"))
	if d := cmp.Diff([]Default{{"", `b,"c`, "s", "2026-01-02"}}, got); d != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
}

// TestMiraiPairs holds the list to the pairs that Mirai tried, of which the list promises all.
func TestMiraiPairs(t *testing.T) {
	n := 0
	for _, d := range Defaults() {
		if strings.HasPrefix(d.Source, "jgamblin/Mirai-Source-Code@") {
			n++
		}
	}
	if want := 60; n != want { // 62 lines, two of them twice
		t.Errorf("%d pairs of Mirai, want %d", n, want)
	}
}

func FuzzParseDefaults(f *testing.F) {
	f.Add("user,password,source,date\na,b,s,2026-01-02\n")
	f.Add("# c\nuser,password,source,date\n\"a\"\"\",,s,2026-01-02\n")
	f.Fuzz(func(t *testing.T, in string) {
		rows, err := parseDefaults(strings.NewReader(in))
		if err == nil && !slices.IsSortedFunc(rows, compareDefaults) {
			t.Errorf("unsorted: %v", rows)
		}
	})
}
