package password

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestParsePasswd(t *testing.T) {
	in := "root:abHtu6GCLWWzs:0:0:Linux User,,,:/root:/bin/sh\n" +
		"\n# a comment\n" +
		"daemon:*:1:1::/:/usr/sbin/nologin\r\n" +
		"toor::0:0:::\n" +
		"short:x:1\n" +
		"word:x:one:1::/:/bin/sh\n" +
		"below:x:-1:1::/:/bin/sh\n" +
		"over:x:4294967296:1::/:/bin/sh\n" +
		"group:x:5:staff::/:/bin/sh\n" +
		":x:5:5::/:/bin/sh\n" +
		"+::0:0:::\n" +
		"zero\x00:x:5:5::/:/bin/sh\n" +
		"last:x:4294967295:100:a b:/home/last:/bin/false"
	entries, problems, err := ParsePasswd(strings.NewReader(in))
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		line   int
		offset int
		user   string
		scheme HashScheme
		uid    uint32
		root   bool
		login  bool
	}
	var got []row
	for _, e := range entries {
		got = append(got, row{e.Line, int(e.Offset), e.User, e.Hash.Scheme(), e.UID, e.Root(), e.LoginShell()})
		if !strings.HasPrefix(in[e.Offset:], e.User+":") {
			t.Errorf("%s is not at offset %d", e.User, e.Offset)
		}
	}
	want := []row{
		{1, 0, "root", HashDES, 0, true, true},
		{4, strings.Index(in, "daemon"), "daemon", HashLocked, 1, false, false},
		{5, strings.Index(in, "toor"), "toor", HashEmpty, 0, true, true},
		{14, strings.Index(in, "last"), "last", HashShadowed, 4294967295, false, false},
	}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(row{})); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	var said []string
	for _, p := range problems {
		said = append(said, p.String())
	}
	wantSaid := []string{
		"line 6: a passwd line has 7 fields, this has 3",
		`line 7: the user number "one" is none`,
		`line 8: the user number "-1" is none`,
		`line 9: the user number "4294967296" is none`,
		`line 10: the group number "staff" is none`,
		"line 11: the account has no name",
		"line 12: accounts are taken from a directory outside this file",
		"line 13: the line holds a zero byte: not a text file",
	}
	if d := cmp.Diff(wantSaid, said); d != "" {
		t.Errorf("problems (-want +got):\n%s", d)
	}
	if got, want := entries[0].Comment+entries[0].Home+entries[0].Shell, "Linux User,,,/root/bin/sh"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLoginShell(t *testing.T) {
	for shell, want := range map[string]bool{
		"": true, "/bin/sh": true, "/bin/ash": true, "/usr/bin/passwd": true, "/bin/unknown": true,
		"/bin/false": false, "/sbin/nologin": false, "/usr/sbin/nologin": false, "/bin/true": false, "/bin/sync": false,
		"/sbin/halt": false, "/dev/null": false, "nologin": false, "/bin/false ": false,
	} {
		if got := (PasswdEntry{Shell: shell}).LoginShell(); got != want {
			t.Errorf("%q: got %v, want %v", shell, got, want)
		}
	}
}

func TestParseShadow(t *testing.T) {
	in := "root:$1$ab$NM4FR4Dl/CzoTSJTd3YJ3.:0:0:99999:7:::\n" +
		"user:!:19000:0:99999:7::20000:\n" +
		"short:\n" +
		"bare:x\n" +
		"name\n" +
		"many:*:1:2:3:4:5:6:7:8\n" +
		"day:*:soon::::::\n" +
		"end:*:1:::::never:\n"
	entries, problems, err := ParseShadow(strings.NewReader(in))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, fmt.Sprintf("%d %d %s %s %d %d %v", e.Line, e.Offset, e.User, e.Hash.Scheme(), e.Changed, e.Expires, e.MustChange()))
	}
	want := []string{
		"1 0 root md5crypt 0 -1 true",
		fmt.Sprintf("2 %d user locked 19000 20000 false", strings.Index(in, "user")),
		fmt.Sprintf("3 %d short empty -1 -1 false", strings.Index(in, "short")),
		fmt.Sprintf("4 %d bare shadowed -1 -1 false", strings.Index(in, "bare")),
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	var lines []int
	for _, p := range problems {
		lines = append(lines, p.Line)
	}
	if d := cmp.Diff([]int{5, 6, 7, 8}, lines); d != "" {
		t.Errorf("problems (-want +got):\n%s", d)
	}
}

func TestParseHtpasswd(t *testing.T) {
	in := "# users\nadmin:$apr1$ab$NM4FR4Dl/CzoTSJTd3YJ3.\r\nplain:secret\nnone:\nbare\nextra:abHtu6GCLWWzs:comment\n"
	entries, problems, err := ParseHtpasswd(strings.NewReader(in))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, fmt.Sprintf("%d %s %s", e.Line, e.User, e.Hash.Scheme()))
	}
	if d := cmp.Diff([]string{"2 admin apr1", "3 plain unrecognised", "4 none empty", "6 extra descrypt"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if len(problems) != 1 || problems[0].Line != 5 {
		t.Errorf("problems %v", problems)
	}
}

func TestAccountBounds(t *testing.T) {
	line := "a:*:1:1::/:/bin/sh\n"
	long := "b:*:1:1:" + strings.Repeat("x", maxAccountLine) + ":/:/bin/sh\n"
	entries, problems, err := ParsePasswd(strings.NewReader(line + long + line))
	if err != nil || len(entries) != 2 || len(problems) != 1 || problems[0].Line != 2 {
		t.Errorf("a long line: %d entries, %v, %v", len(entries), problems, err)
	}
	if got, want := entries[1].Offset, int64(len(line)+len(long)); got != want {
		t.Errorf("after a long line: offset %d, want %d", got, want)
	}
	for name, in := range map[string]string{
		"accounts": strings.Repeat(line, maxAccounts+1),
		"problems": strings.Repeat("x\n", maxLineProblems+1),
		"bytes":    strings.Repeat("\n", maxAccountFile+1),
		"one_line": strings.Repeat("x", maxAccountFile+1),
	} {
		entries, problems, err := ParsePasswd(strings.NewReader(in))
		if !errors.Is(err, ErrAccountsTooMany) {
			t.Errorf("%s: %d entries, %d problems, %v", name, len(entries), len(problems), err)
		}
	}
	if entries, problems, err := ParsePasswd(strings.NewReader(strings.Repeat("\n", maxAccountFile))); err != nil || entries != nil || problems != nil {
		t.Errorf("a file at the bound: %d, %d, %v", len(entries), len(problems), err)
	}
	broken := io.MultiReader(strings.NewReader(line), iotest.ErrReader(io.ErrNoProgress))
	if entries, _, err := ParsePasswd(broken); !errors.Is(err, io.ErrNoProgress) || len(entries) != 1 {
		t.Errorf("broken file: %v, %v", entries, err)
	}
}

// checkAccounts holds what must be true of any account file.
func checkAccounts(t *testing.T, in string, places []AccountPlace, problems []LineProblem) {
	for _, p := range problems {
		if p.Why == "" {
			t.Error("a problem without a reason")
		}
		places = append(places, p.AccountPlace)
	}
	seen := map[int]bool{}
	for _, p := range places {
		if seen[p.Line] || p.Offset < 0 || p.Offset >= int64(len(in)) || strings.Count(in[:p.Offset], "\n") != p.Line-1 {
			t.Errorf("place %v", p)
		}
		seen[p.Line] = true
	}
}

func FuzzParseAccounts(f *testing.F) {
	f.Add("root:abHtu6GCLWWzs:0:0::/:/bin/sh\n\nx:*:1:1::/:\n")
	f.Add("root:$1$$4Yoc9IDzAgJv5BSTpqQAY0:10933:0:99999:7:::\r\n!\n")
	f.Add("#\nadmin:{SHA}0DPiKuNIrrVmD8IUCuw1hQxNqZc=")
	f.Fuzz(func(t *testing.T, in string) {
		var places []AccountPlace
		passwd, problems, _ := ParsePasswd(strings.NewReader(in))
		for _, e := range passwd {
			places = append(places, e.AccountPlace)
		}
		checkAccounts(t, in, places, problems)
		places = nil
		shadow, problems, _ := ParseShadow(strings.NewReader(in))
		for _, e := range shadow {
			places = append(places, e.AccountPlace)
		}
		checkAccounts(t, in, places, problems)
		places = nil
		htpasswd, problems, _ := ParseHtpasswd(strings.NewReader(in))
		for _, e := range htpasswd {
			places = append(places, e.AccountPlace)
		}
		checkAccounts(t, in, places, problems)
	})
}
