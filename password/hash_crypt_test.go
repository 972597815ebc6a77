package password

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assay-psti/assay/internal/md5lanes"
	"pgregory.net/rapid"
)

// writeMD5 writes an MD5-crypt field, by the plain form of the rounds.
func writeMD5(password, salt string) string {
	d := md5Crypt(password, salt, "$1$")
	var b strings.Builder
	b.WriteString("$1$" + salt + "$")
	put := func(v uint32, n int) {
		for range n {
			b.WriteByte(cryptAlphabet[v&63])
			v >>= 6
		}
	}
	for _, at := range [5][3]int{{0, 6, 12}, {1, 7, 13}, {2, 8, 14}, {3, 9, 15}, {4, 10, 5}} {
		put(uint32(d[at[0]])<<16|uint32(d[at[1]])<<8|uint32(d[at[2]]), 4)
	}
	put(uint32(d[11]), 2)
	return b.String()
}

var (
	anyPassword = rapid.StringMatching(`[ -~]{0,40}`)
	anySalt     = rapid.StringMatching(`[./0-9A-Za-z]{0,8}`)
)

// TestMD5LanesArePlain holds the quick form of MD5-crypt against the plain one, which the vectors hold against libc.
// Passwords of all lengths stand beside each other, also those that do not fit a block.
func TestMD5LanesArePlain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		passwords := rapid.SliceOfN(anyPassword, 0, md5lanes.Lanes).Draw(t, "passwords")
		salt := anySalt.Draw(t, "salt")
		magic := rapid.SampledFrom([]string{"$1$", "$apr1$"}).Draw(t, "magic")
		got := md5CryptLanes(passwords, salt, magic)
		for i, p := range passwords {
			if want := md5Crypt(p, salt, magic); got[i] != want {
				t.Errorf("%d of %d, %q: got %x, want %x", i, len(passwords), p, got[i], want)
			}
		}
	})
}

// TestMD5ShortPasswords walks every length about the bound of one block, beside the longest that fits.
func TestMD5ShortPasswords(t *testing.T) {
	for n := range md5ShortPassword + 3 {
		passwords := []string{strings.Repeat("p", n), strings.Repeat("q", md5ShortPassword)}
		got := md5CryptLanes(passwords, "saltsalt", "$1$")
		for i, p := range passwords {
			if want := md5Crypt(p, "saltsalt", "$1$"); got[i] != want {
				t.Errorf("%q: got %x, want %x", p, got[i], want)
			}
		}
	}
}

// TestFirstOfMany finds a password at every place among those tried at once.
func TestFirstOfMany(t *testing.T) {
	h := ParseHash(writeMD5("the-one", "abcdefgh"))
	for at := range md5lanes.Lanes {
		passwords := make([]string, md5lanes.Lanes)
		for i := range passwords {
			passwords[i] = fmt.Sprintf("other%d", i)
		}
		passwords[at] = "the-one"
		if got, err := h.matchesAny(t.Context(), passwords...); got != at || err != nil {
			t.Errorf("got %d %v, want %d", got, err, at)
		}
	}
	if got, err := h.matchesAny(t.Context(), "no", "the-One", ""); got != -1 || err != nil {
		t.Errorf("got %d %v, want none", got, err)
	}
}

// oracleCases are passwords and settings put to the machine's own crypt.
func oracleCases() (passwords, settings []string) {
	passwords = []string{"", "a", "admin", "12345678", "123456789", "7ujMko0vizxv", "fifteen-letters", "sixteen-letters.",
		"a password of several words, longer than any block of any of the hashes, and then some more"}
	for i := 0; i < len(cryptAlphabet); i += 7 {
		settings = append(settings, string([]byte{cryptAlphabet[i], cryptAlphabet[(i*5+3)%64]}))
	}
	settings = append(settings, "_J9..rasm", "_1...zzzz", "$1$$", "$1$abcdefgh$", "$5$salt$", "$5$rounds=1000$$",
		"$6$sixteen.letters.$", "$6$rounds=1001$salt$", "$2a$04$abcdefghijklmnopqrstuu", "$2b$04$......................",
		"$2y$04$abcdefghijklmnopqrstuu", "$y$j75$abcd$", "$y$j71$abcdefghijklmnop$")
	return passwords, settings
}

func checkOracle(t *testing.T, field, password string) {
	t.Helper()
	h := ParseHash(field)
	if ok, err := h.Matches(t.Context(), password); !ok || err != nil {
		t.Errorf("%s of %q: %v, %v (%s)", field, password, ok, err, h.Why())
	}
	if ok, err := h.Matches(t.Context(), "~"+password); ok || err != nil {
		t.Errorf("%s matches more than %q: %v", field, password, err)
	}
}

// TestHashesAgainstLibc asks crypt(3) of the machine, through perl or else a C program made here.
func TestHashesAgainstLibc(t *testing.T) {
	passwords, settings := oracleCases()
	var in bytes.Buffer
	for _, s := range settings {
		for _, p := range passwords {
			fmt.Fprintf(&in, "%s\n%s\n", s, p)
		}
	}
	out := runLibcCrypt(t, in.Bytes())
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if got, want := len(lines), len(settings)*len(passwords); got != want {
		t.Fatalf("got %d answers, want %d", got, want)
	}
	tried := 0
	for i, field := range lines {
		setting, password := settings[i/len(passwords)], passwords[i%len(passwords)]
		if !strings.HasPrefix(field, strings.TrimSuffix(setting, "$")) {
			t.Logf("this crypt does not know %s: %s", setting, field)
			continue
		}
		tried++
		checkOracle(t, field, password)
	}
	if tried < 10*len(passwords) {
		t.Errorf("only %d of %d settings were known to this crypt", tried/len(passwords), len(settings))
	}
}

func runLibcCrypt(t *testing.T, in []byte) string {
	t.Helper()
	const script = `while (defined(my $s = <STDIN>)) { my $p = <STDIN>; chomp $s; chomp $p; my $h = crypt($p, $s);
		print defined $h ? $h : "*0", "\n"; }`
	const program = `#include <crypt.h>
#include <stdio.h>
#include <string.h>
int main(void) {
	char s[512], p[512];
	while (fgets(s, sizeof s, stdin) && fgets(p, sizeof p, stdin)) {
		s[strcspn(s, "\n")] = p[strcspn(p, "\n")] = 0;
		char *h = crypt(p, s);
		puts(h ? h : "*0");
	}
	return 0;
}`
	var cmd *exec.Cmd
	if perl, err := exec.LookPath("perl"); err == nil {
		cmd = exec.CommandContext(t.Context(), perl, "-e", script)
	} else if cc, err := exec.LookPath("cc"); err == nil {
		dir := t.TempDir()
		source, binary := filepath.Join(dir, "c.c"), filepath.Join(dir, "c")
		if err := os.WriteFile(source, []byte(program), 0o600); err != nil {
			t.Fatal(err)
		}
		if msg, err := exec.CommandContext(t.Context(), cc, "-o", binary, source, "-lcrypt").CombinedOutput(); err != nil {
			t.Skipf("cc cannot build against libcrypt: %v %s", err, msg)
		}
		cmd = exec.CommandContext(t.Context(), binary)
	} else {
		t.Skip("neither perl nor cc is here to reach the machine's crypt")
	}
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("run crypt: %v", err)
	}
	return string(out)
}

func TestHashesAgainstOpenSSL(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not here")
	}
	for _, kind := range []string{"-1", "-apr1", "-5", "-6"} {
		for _, password := range []string{"a", "admin", "7ujMko0vizxv", "fifteen-letters", "sixteen-letters."} {
			out, err := exec.CommandContext(t.Context(), openssl, "passwd", kind, "-salt", "Zq.7/x", password).Output()
			if err != nil {
				t.Fatalf("openssl passwd %s: %v", kind, err)
			}
			checkOracle(t, strings.TrimSpace(string(out)), password)
		}
	}
}

func TestHashesAgainstMkpasswd(t *testing.T) {
	mkpasswd, err := exec.LookPath("mkpasswd")
	if err != nil {
		t.Skip("mkpasswd is not here")
	}
	for _, method := range []string{"descrypt", "md5crypt", "sha256crypt", "sha512crypt", "bcrypt", "yescrypt"} {
		out, err := exec.CommandContext(t.Context(), mkpasswd, "-m", method, "7ujMko0vizxv").Output()
		if err != nil {
			t.Logf("mkpasswd does not know %s", method)
			continue
		}
		checkOracle(t, strings.TrimSpace(string(out)), "7ujMko0vizxv")
	}
}

func BenchmarkMD5CryptLanes(b *testing.B) {
	b.ReportAllocs()
	passwords := make([]string, md5lanes.Lanes)
	for i := range passwords {
		passwords[i] = "7ujMko0admin"[:6+i%7]
	}
	for b.Loop() {
		md5CryptLanes(passwords, "abcdefgh", "$1$")
	}
	b.ReportMetric(md5lanes.Lanes*float64(b.N)/b.Elapsed().Seconds(), "tries/s")
}

func BenchmarkMD5CryptPlain(b *testing.B) {
	for b.Loop() {
		md5Crypt("7ujMko0admin", "abcdefgh", "$1$")
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tries/s")
}

func BenchmarkDESCrypt(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		desCrypt("7ujMko0a", 1234)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tries/s")
}

func BenchmarkHashMatches(b *testing.B) {
	for _, v := range hashVectors {
		b.Run(v.name, func(b *testing.B) {
			h := ParseHash(v.field)
			for b.Loop() {
				if _, err := h.Matches(b.Context(), "wrong password"); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tries/s")
		})
	}
}

func BenchmarkTryDefaultsMD5Miss(b *testing.B) {
	h, list := ParseHash(writeMD5("not a default", "abcdefgh")), Defaults()
	tried := 0
	for b.Loop() {
		trial, err := TryDefaults(b.Context(), h, "root", list, Budget{})
		if err != nil || trial.Found {
			b.Fatal(trial, err)
		}
		tried += trial.Tried
	}
	b.ReportMetric(float64(tried)/b.Elapsed().Seconds(), "tries/s")
}
