package image

import (
	"bytes"
	"io/fs"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/assay-psti/assay/internal/reading"
)

func TestForces(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		want bool
	}{
		"identifier":    {"is_first_login=1", true},
		"camel":         {"forceChangePassword", true},
		"sentence":      {"Please set a password to go on", true},
		"default":       {"You must change the default password", true},
		"unset":         {"password has not been changed", true},
		"must-change":   {"user0_must_change=1", true},
		"flag":          {"\x00http_first_login\x00", true},
		"default-flag":  {"isDefaultPassword", true},
		"changed-flag":  {"sys_pwd_changed=0", true},
		"wizard":        {"nvram set first_boot_wizard=1", true},
		"chinese":       {"首次登录，请修改您的密码", true},
		"gbk":           {"\xc7\xeb\xc9\xe8\xd6\xc3\xc3\xdc\xc2\xeb", true}, // 请设置密码
		"escaped":       {`{"t":"\u8bf7\u8bbe\u7f6e\u5bc6\u7801"}`, true},
		"german":        {"Bitte vergeben Sie ein neues Passwort f\xfcr das Ger\xe4t", true},
		"latin-1":       {"Das Passwort muss ge\xe4ndert werden", true},
		"french":        {"Lors de la première connexion, choisissez un mot de passe", true},
		"spanish":       {"Debe cambiar la contraseña", true},
		"japanese":      {"パスワードを変更してください", true},
		"sjis":          {"\x8f\x89\x8a\xfa\x83p\x83X\x83\x8f\x81[\x83h", true}, // 初期パスワード
		"zh-label":      {"密码：", false},
		"zh-wrong":      {"密码错误", false},
		"de-label":      {"Passwort eingeben", false},
		"fr-label":      {"Mot de passe incorrect", false},
		"es-label":      {"contraseña incorrecta", false},
		"ja-label":      {"パスワードを入力", false},
		"first-only":    {"first_name=", false},
		"form":          {"<label>New password</label>", false},
		"wrong":         {"wrong password, try again", false},
		"usage":         {"-p PASSWORD  the password of the server", false},
		"needs-nothing": {"anonymous log-in needs no password", false},
		"nothing":       {"hello", false},
	} {
		if got := forces([]byte(tt.text)) >= 0; got != tt.want {
			t.Errorf("%s: got %t for %q, want %t", name, got, tt.text, tt.want)
		}
	}
}

func TestWrites(t *testing.T) {
	for name, tt := range map[string]struct {
		line string
		want bool
	}{
		"redirect": {"echo x > /etc/web.ini", true},
		"append":   {`echo x >>"/etc/web.ini"`, true},
		"in-place": {"sed -i s/a/b/ /etc/web.ini", true},
		"copied":   {"cp /tmp/x /etc/web.ini", true},
		"tee":      {"gen | tee /etc/web.ini", true},
		"read":     {"cat /etc/web.ini", false},
		"source":   {"cp /etc/web.ini /tmp/x", false},
		"comment":  {"# echo x > /etc/web.ini", false},
	} {
		r := replacementOf(t, fstest.MapFS{"etc/init.d/rcS": {Data: []byte("#!/bin/sh\n" + tt.line + "\n")}})
		if !r.Whole {
			t.Fatal(r)
		}
		if _, got := r.Writes["web.ini"]; got != tt.want {
			t.Errorf("%s: got %t for %q, want %t", name, got, tt.line, tt.want)
		}
	}
}

func replacementOf(t *testing.T, fsys fs.FS) Replacement {
	t.Helper()
	r := newReplaceReader(false)
	if _, err := reading.Tree(t.Context(), fsys, nil, r); err != nil {
		t.Fatal(err)
	}
	return r.replacement()
}

func FuzzReplacement(f *testing.F) {
	f.Add("etc/init.d/rcS", []byte("#!/bin/sh\nsed -i s/a/b/ /etc/web.ini > x\n"))
	f.Add("www/index.html", []byte("Please set a password"))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		if at := forces(data); at >= len(data) {
			t.Errorf("an offset of %d in %d bytes", at, len(data))
		}
		r := newReplaceReader(false)
		if _, err := reading.Stream(t.Context(), name, bytes.NewReader(data), r); err != nil {
			t.Fatal(err)
		}
		for base := range r.replacement().Writes {
			if slices.Contains([]string{".", "/", "null"}, base) {
				t.Errorf("%q is no settings file", base)
			}
		}
	})
}

// A root answers for what lies in it; what could not be read counts for every
// root, since nobody knows what it holds or what follows it.
func TestMeansOfRoots(t *testing.T) {
	r := replacementOf(t, fstest.MapFS{
		"one/etc/init.d/rcS": {Data: []byte("#!/bin/sh\n\npasswd root\n")},
		"two/etc/init.d/rcS": {Data: []byte("#!/bin/sh\necho up\n")},
		"two/www/a.html":     {Data: []byte("Please set a password")},
		"one/www/b.html":     {Data: []byte("Please set a password")},
	})
	one, _ := r.Means("one")
	if len(one) != 1 || one[0].Place.String() != "etc/init.d/rcS:3" {
		t.Errorf("got %v, want the script's third line as the root knows it", one)
	}
	if two, more := r.Means("two"); len(two) != 0 || more != 0 {
		t.Errorf("got %v and %d, want none", two, more)
	}
	if r.Forces == nil || r.Forces.File != "one/www/b.html" {
		t.Errorf("got %v, want the first of the tree", r.Forces)
	}
	reader := newReplaceReader(true)
	reader.Miss("one/data", "the medium fails")
	missed := reader.replacement()
	for _, dir := range []string{".", "one", "two"} {
		if m, _ := missed.Means(dir); len(m) != 1 || missed.Whole {
			t.Errorf("%s: got %v, whole %t, want what was missed", dir, m, missed.Whole)
		}
	}
}
