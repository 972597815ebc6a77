package rootfs

import (
	"context"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// files makes a tree: a value that begins with "-> " is a link, one that ends the name with / is a folder.
func files(pairs ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		name, text := pairs[i], pairs[i+1]
		switch {
		case strings.HasSuffix(name, "/"):
			m[strings.TrimSuffix(name, "/")] = &fstest.MapFile{Mode: fs.ModeDir | 0o755}
		case strings.HasPrefix(text, "-> "):
			m[name] = &fstest.MapFile{Mode: fs.ModeSymlink | 0o777, Data: []byte(text[3:])}
		default:
			m[name] = &fstest.MapFile{Mode: 0o755, Data: []byte(text)}
		}
	}
	return m
}

const (
	md5    = "$1$abcdefgh$JPHgp3RGMuBPoCCHcWuUs0"
	des    = "abJnggxhB/yWI"
	passwd = "root:x:0:0:root:/root:/bin/sh\n"
)

func TestAccounts(t *testing.T) {
	type row struct {
		User  string
		State State
		LogIn Truth
		Hash  string
		Place string
		Live  bool
	}
	sh := []string{"bin/sh", "\x7fELF\x00", "sbin/", ""}
	for _, tt := range []struct {
		name   string
		tree   []string
		want   []row
		unread string // a part of one Unread
		note   string // a part of one Note
	}{
		{"hash in shadow", []string{"etc/passwd", passwd, "etc/shadow", "root:" + des + ":1:0:99999:7:::\n"},
			[]row{{"root", Hashed, Yes, des, "etc/shadow:1", true}}, "", "mode 0755"},
		{"empty in shadow", []string{"etc/passwd", passwd, "etc/shadow", "root::1:0:99999:7:::\n"},
			[]row{{"root", Empty, Yes, "", "etc/shadow:1", true}}, "", ""},
		{"locked with the hash behind the mark", []string{"etc/passwd", passwd, "etc/shadow", "root:!" + md5 + ":1::::::\n"},
			[]row{{"root", Locked, Yes, "!" + md5, "etc/shadow:1", true}}, "", ""},
		{"hash in passwd", []string{"etc/passwd", "# first\nroot:" + md5 + ":0:0::/root:/bin/sh\n"},
			[]row{{"root", Hashed, Yes, md5, "etc/passwd:2", true}}, "", "passwd file, which every program"},
		{"shadow missing", []string{"etc/passwd", passwd}, []row{{"root", Shadowed, Yes, "", "etc/passwd:1", true}}, "", ""},
		{"no line in shadow", []string{"etc/passwd", passwd, "etc/shadow", "other:*:::::::\n"},
			[]row{{"root", Shadowed, Yes, "", "etc/passwd:1", true}, {"other", Locked, Unknown, "*", "etc/shadow:1", true}}, "", ""},
		{"shadow leads out of the tree", []string{"etc/passwd", passwd, "etc/shadow", "-> /tmp/shadow"},
			[]row{{"root", Shadowed, Yes, "", "etc/passwd:1", true}}, "/tmp/shadow, which is not in this tree", ""},
		{"passwd leads out of the tree", []string{"etc/passwd", "-> ../var/passwd", "etc/init.d/", ""}, nil, "etc/passwd is a link to ../var/passwd", ""},
		{"links in a circle", []string{"etc/passwd", "-> shadow", "etc/shadow", "-> passwd"}, nil, "circle", ""},
		{"link inside the tree, through an absolute one", []string{"etc", "-> /config/etc", "config/etc/passwd", "root::0:0::/:/bin/sh\n"},
			[]row{{"root", Empty, Yes, "", "config/etc/passwd:1", true}}, "", ""},
		{"defaults elsewhere", []string{"etc/passwd", "-> /tmp/passwd", "usr/share/defaults/passwd", passwd, "usr/share/defaults/shadow", "root:" + des + ":::::::\n"},
			[]row{{"root", Hashed, Yes, des, "usr/share/defaults/shadow:1", false}}, "/tmp/passwd", ""},
		{"backup", []string{"etc/passwd", passwd, "etc/shadow", "root:*:::::::\n", "etc/shadow-", "root:" + md5 + ":::::::\n"},
			[]row{{"root", Locked, Yes, "*", "etc/shadow:1", true}, {"root", Hashed, Yes, md5, "etc/shadow-:1", false}}, "", ""},
		{"no session", []string{"etc/passwd", "daemon:" + md5 + ":1:1::/:/usr/sbin/nologin\n"}, []row{{"daemon", Hashed, No, md5, "etc/passwd:1", true}}, "", ""},
		{"shell not here", []string{"etc/passwd", "root:" + md5 + ":0:0::/:/bin/zsh\n"}, []row{{"root", Hashed, Unknown, md5, "etc/passwd:1", true}}, "", ""},
		{"default shell", []string{"etc/passwd", "root::0:0::/:\n"}, []row{{"root", Empty, Yes, "", "etc/passwd:1", true}}, "", ""},
		{"plain text", []string{"etc/passwd", "root:admin:0:0::/:/bin/sh\n"}, []row{{"root", Plain, Yes, "admin", "etc/passwd:1", true}}, "", ""},
		{"x in shadow matches nothing", []string{"etc/passwd", passwd, "etc/shadow", "root:x:::::::\n"}, []row{{"root", Locked, Yes, "x", "etc/shadow:1", true}}, "", ""},
		{"star in passwd, hash in shadow", []string{"etc/passwd", "root:*:0:0::/:/bin/sh\n", "etc/shadow", "root:" + des + ":::::::\n"},
			[]row{{"root", Hashed, Yes, des, "etc/shadow:1", true}}, "", ""},
		{"broken line", []string{"etc/passwd", "root:0\n" + passwd + "\xff:x:a:0::/:\n"}, []row{{"root", Shadowed, Yes, "", "etc/passwd:2", true}}, "line 1: 2 fields", ""},
		{"no passwd at all", []string{"etc/hostname", "x\n", "usr/", ""}, nil, "not in this tree: who can log in is settled elsewhere", ""},
		{"not account files", []string{"etc/passwd", "", "etc/pam.d/passwd", "@include common-password\n", "usr/bin/passwd", "\x7fELF", "usr/share/lintian/passwd", "passwd: setuid\n"},
			nil, "it has no account line", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ReadAccounts(context.Background(), files(append(append([]string{}, sh...), tt.tree...)...))
			if err != nil {
				t.Fatal(err)
			}
			if !got.Found {
				t.Error("Found = false for a root file system")
			}
			var rows []row
			for _, a := range got.Accounts {
				rows = append(rows, row{a.User, a.State, a.LogIn, a.Hash, a.Place.String(), a.Live})
			}
			if diff := cmp.Diff(tt.want, rows); diff != "" {
				t.Errorf("accounts (-want +got):\n%s", diff)
			}
			var unread, notes strings.Builder
			for _, u := range got.Unread {
				unread.WriteString(u.Path + ": " + u.Why + "\n")
			}
			for _, n := range got.Notes {
				notes.WriteString(n.Text + "\n")
			}
			if !strings.Contains(unread.String(), tt.unread) || tt.unread == "" && unread.Len() > 0 {
				t.Errorf("unread = %q, want %q in it", unread.String(), tt.unread)
			}
			if !strings.Contains(notes.String(), tt.note) {
				t.Errorf("notes = %q, want %q in them", notes.String(), tt.note)
			}
		})
	}
}

func TestAccountsWithoutRoot(t *testing.T) {
	got, err := ReadAccounts(context.Background(), files("audio.ko", "\x7fELF", "motor.ko", "\x7fELF"))
	if err != nil {
		t.Fatal(err)
	}
	if got.Found || len(got.Accounts) > 0 {
		t.Errorf("got %+v, want nothing found and Found = false", got)
	}
	boot, err := ReadBoot(context.Background(), files("audio.ko", "\x7fELF"))
	if err != nil {
		t.Fatal(err)
	}
	if boot.Found || len(boot.Unread) == 0 {
		t.Errorf("got %+v, want Found = false and a reason", boot)
	}
}

func TestAccountPlaces(t *testing.T) {
	// The place is that of the password field: reading there gives the hash.
	rapid.Check(t, func(t *rapid.T) {
		var text strings.Builder
		n := rapid.IntRange(1, 20).Draw(t, "n")
		for range n {
			text.WriteString(rapid.SampledFrom([]string{"", "# note\n", "\n"}).Draw(t, "before"))
			text.WriteString(rapid.StringMatching(`[a-z][a-z0-9_-]{0,8}`).Draw(t, "user"))
			text.WriteString(":" + rapid.SampledFrom([]string{md5, des, "!" + des, "secret"}).Draw(t, "hash") + ":0:0::/:/bin/sh")
			text.WriteString(rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "end"))
		}
		got, err := ReadAccounts(context.Background(), files("etc/passwd", text.String(), "bin/sh", ""))
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Accounts) != n {
			t.Fatalf("got %d accounts, want %d", len(got.Accounts), n)
		}
		for _, a := range got.Accounts {
			if at := text.String()[a.Place.Offset:]; !strings.HasPrefix(at, a.Hash+":") {
				t.Fatalf("at %d stands %.20q, want %q", a.Place.Offset, at, a.Hash)
			}
			if line := 1 + strings.Count(text.String()[:a.Place.Offset], "\n"); line != a.Place.Line {
				t.Fatalf("line = %d, want %d", a.Place.Line, line)
			}
		}
	})
}

func FuzzAccounts(f *testing.F) {
	f.Add([]byte(passwd), []byte("root:"+des+":10933:0:99999:7:::\n"), "/tmp/shadow")
	f.Add([]byte("root::0:0::/:\n\x00"), []byte("::::"), "../../etc/passwd")
	f.Fuzz(func(t *testing.T, p, s []byte, link string) {
		tree := fstest.MapFS{"etc/passwd": {Data: p}, "etc/shadow": {Data: s}, "etc/passwd-": {Mode: fs.ModeSymlink, Data: []byte(link)}}
		got, err := ReadAccounts(context.Background(), tree)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range got.Accounts {
			data := tree[a.Place.File].Data
			if a.Place.Offset > int64(len(data)) || a.Hash != "" && !strings.HasPrefix(string(data[a.Place.Offset:]), a.Hash) {
				t.Fatalf("%s does not hold %q", a.Place, a.Hash)
			}
		}
	})
}
