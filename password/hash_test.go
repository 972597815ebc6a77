package password

import (
	"context"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseHash(t *testing.T) {
	sha256Digest := strings.Repeat("a", 42) + "."
	sha512Digest := strings.Repeat("a", 85) + "."
	for _, tt := range []struct {
		name   string
		field  string
		scheme HashScheme
		salt   string
		rounds int
	}{
		{"empty", "", HashEmpty, "", 0},
		{"shadowed", "x", HashShadowed, "", 0},
		{"star", "*", HashLocked, "", 0},
		{"bang", "!", HashLocked, "", 0},
		{"two_bangs", "!!", HashLocked, "", 0},
		{"solaris_locked", "*LK*", HashLocked, "", 0},
		{"solaris_no_password", "*NP*", HashLocked, "", 0},
		{"bang_star", "!*", HashLocked, "", 0},
		{"locked_word", "!locked", HashLocked, "", 0},
		{"capital_x", "X", HashUnrecognised, "", 0},
		{"blank", " ", HashUnrecognised, "", 0},
		{"clear_text", "admin", HashUnrecognised, "", 0},
		{"des", "ab6TRGT20sY26", HashDES, "ab", 25},
		{"des_spare_bits", "ab6TRGT20sY27", HashUnrecognised, "", 0},
		{"des_one_short", "ab6TRGT20sY2", HashUnrecognised, "", 0},
		{"des_one_long", "ab6TRGT20sY266", HashUnrecognised, "", 0},
		{"des_bad_salt", "a-6TRGT20sY26", HashUnrecognised, "", 0},
		{"des_bad_digest", "ab6TRGT-0sY26", HashUnrecognised, "", 0},
		{"thirteen_letters", "administrator", HashUnrecognised, "", 0},
		{"bsdi", "_J9..rasmWuvos8B/9gQ", HashDESExtended, "rasm", 725},
		{"bsdi_no_turns", "_....rasmWuvos8B/9gQ", HashUnrecognised, "", 0},
		{"bsdi_short", "_J9..rasmWuvos8B/9g", HashUnrecognised, "", 0},
		{"md5", "$1$ab$NM4FR4Dl/CzoTSJTd3YJ3.", HashMD5, "ab", 1000},
		{"md5_no_salt", "$1$$4Yoc9IDzAgJv5BSTpqQAY0", HashMD5, "", 1000},
		{"md5_salt_of_nine", "$1$abcdefghi$NM4FR4Dl/CzoTSJTd3YJ3.", HashUnrecognised, "", 0},
		{"md5_short", "$1$ab$NM4FR4Dl/CzoTSJTd3YJ3", HashUnrecognised, "", 0},
		{"md5_spare_bits", "$1$ab$NM4FR4Dl/CzoTSJTd3YJ3z", HashUnrecognised, "", 0},
		{"md5_no_digest", "$1$ab", HashUnrecognised, "", 0},
		{"apr1", "$apr1$ab$NM4FR4Dl/CzoTSJTd3YJ3.", HashAPR1, "ab", 1000},
		{"sha256", "$5$salt$" + sha256Digest, HashSHA256, "salt", 5000},
		{"sha256_rounds", "$5$rounds=1000$salt$" + sha256Digest, HashSHA256, "salt", 1000},
		{"sha256_rounds_low", "$5$rounds=999$salt$" + sha256Digest, HashUnrecognised, "", 0},
		{"sha256_rounds_padded", "$5$rounds=01000$salt$" + sha256Digest, HashUnrecognised, "", 0},
		{"sha256_rounds_word", "$5$rounds=many$salt$" + sha256Digest, HashUnrecognised, "", 0},
		{"sha256_rounds_none", "$5$rounds=$salt$" + sha256Digest, HashUnrecognised, "", 0},
		{"sha256_spare_bits", "$5$salt$" + strings.Repeat("a", 43), HashUnrecognised, "", 0},
		{"sha512", "$6$salt$" + sha512Digest, HashSHA512, "salt", 5000},
		{"sha512_most_rounds", "$6$rounds=999999999$salt$" + sha512Digest, HashSHA512, "salt", 999999999},
		{"sha512_too_many_rounds", "$6$rounds=1000000000$salt$" + sha512Digest, HashUnrecognised, "", 0},
		{"sha512_salt_of_17", "$6$12345678901234567$" + sha512Digest, HashUnrecognised, "", 0},
		{"bcrypt", "$2b$04$abcdefghijklmnopqrstuuMFdJu9yVgmagVAIC24fOZkaFqd3s9JC", HashBcrypt, "abcdefghijklmnopqrstuu", 4},
		{"bcrypt_low", "$2b$03$abcdefghijklmnopqrstuuMFdJu9yVgmagVAIC24fOZkaFqd3s9JC", HashUnrecognised, "", 0},
		{"bcrypt_old", "$2x$04$abcdefghijklmnopqrstuuMFdJu9yVgmagVAIC24fOZkaFqd3s9JC", HashBcryptOld, "", 0},
		{"yescrypt", "$y$j9T$abcd$MXl5je7X5NIeGDxyDgkG2XoV70fWUCk3JG1B7Xizfy/", HashYescrypt, "abcd", 12},
		{"yescrypt_other_flavour", "$y$/9T$abcd$MXl5je7X5NIeGDxyDgkG2XoV70fWUCk3JG1B7Xizfy/", HashYescrypt, "abcd", 0},
		{"yescrypt_half_a_byte_of_salt", "$y$j9T$a$MXl5je7X5NIeGDxyDgkG2XoV70fWUCk3JG1B7Xizfy/", HashUnrecognised, "", 0},
		{"gost_yescrypt", "$gy$j75$abcd$4sp.ZCMzFOrG/bKIGMy4A7.JmPYR37Er3fgKmFJxIJ8", HashGostYescrypt, "", 0},
		{"sha1", "{SHA}0DPiKuNIrrVmD8IUCuw1hQxNqZc=", HashSHA1, "", 1},
		{"sha1_short", "{SHA}0DPiKuNIrrVmD8IUCuw1hQxNqQ==", HashUnrecognised, "", 0},
		{"unknown_mark", "$9$abc$def", HashUnrecognised, "", 0},
		{"lone_dollar", "$", HashUnrecognised, "", 0},
		{"long", strings.Repeat("a", 1025), HashUnrecognised, "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := ParseHash(tt.field)
			got := []any{h.Scheme(), h.Salt(), h.Rounds(), h.Field(), h.Empty(), h.Locked()}
			want := []any{tt.scheme, tt.salt, tt.rounds, tt.field, tt.scheme == HashEmpty, tt.scheme == HashLocked}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("ParseHash(%q) (-want +got):\n%s", tt.field, d)
			}
			if tt.scheme == HashUnrecognised && h.Why() == "" {
				t.Error("unrecognised without a reason")
			}
			if h.Computable() != (h.Cost() > 0) && h.refusal() == "" {
				t.Errorf("computable %v, cost %v", h.Computable(), h.Cost())
			}
		})
	}
}

func TestLockedHashBeneath(t *testing.T) {
	for _, tt := range []struct {
		field string
		under HashScheme
	}{
		{"!$1$ab$NM4FR4Dl/CzoTSJTd3YJ3.", HashMD5},
		{"!!ab6TRGT20sY26", HashDES},
		{"*LK*ab6TRGT20sY26", HashDES},
		{"*$gy$j75$abcd$x", HashGostYescrypt},
		{"!", ""}, {"*", ""}, {"!admin", ""}, {"*LK*", ""}, {"!x", ""},
	} {
		h := ParseHash(tt.field)
		under, ok := h.Beneath()
		if got, want := under.Scheme(), tt.under; got != want || ok != (want != "") {
			t.Errorf("%q: beneath %q %v, want %q", tt.field, got, ok, want)
		}
		if !h.Locked() || h.Computable() {
			t.Errorf("%q: locked %v, computable %v", tt.field, h.Locked(), h.Computable())
		}
		if _, err := h.Matches(t.Context(), "a"); !errors.Is(err, ErrNotComputable) {
			t.Errorf("%q: a locked account was tried: %v", tt.field, err)
		}
	}
}

// The vectors were made with the crypt of glibc (libxcrypt 4.4) and Apache's htpasswd form by openssl.
var hashVectors = []struct{ name, field, password string }{
	{"des", "abHtu6GCLWWzs", "7ujMko0admin"},
	{"des_lowest_salt", "/.t4RjpTg77eY", "7ujMko0admin"},
	{"des_highest_salt", "zz3P56pn7lJSc", "7ujMko0admin"},
	{"bsdi", "_J9..rasmgMb1l7moXfc", "7ujMko0admin"},
	{"bsdi_few_turns", "_2...rasmWFtNRYI8btc", "7ujMko0admin"},
	{"md5", "$1$ab$NM4FR4Dl/CzoTSJTd3YJ3.", "a"},
	{"md5_no_salt", "$1$$4Yoc9IDzAgJv5BSTpqQAY0", "7ujMko0admin"},
	{"sha256", "$5$saltsalt$c8zcLuBdEpVazz28pmiPTXsaGOVwWf1nAd/rrLoYdg1", "7ujMko0admin"},
	{"sha256_rounds", "$5$rounds=1234$abc$QYIhDBejWO6rnXsTCvIkWReZKeTrDk6MeOE/MLQe512", "7ujMko0admin"},
	{"sha512", "$6$saltsalt$14nk30nYtQqgUfHeJ4eNHxD0JEFO8N2AGGHkhu6JzW8YtsLjbsqqTSzYLWzP7Nz03Xc.MBz.IWYS5pukIgllN.", "7ujMko0admin"},
	{"sha512_rounds", "$6$rounds=2000$abc$4lU7Pn.DTUkDU8Yb5GVvCCzQ3fiZd7QVy5OY2kaGb1FFh4jbdaoFAGOQoia6agsBStaB1J/1BAZF.M81hvkkd.", "7ujMko0admin"},
	{"yescrypt", "$y$j9T$abcd$7RS7d9tLVCoEO5H2/wgvtK1XgtmA6gMM8JzbPrAFlXA", "7ujMko0admin"},
	{"yescrypt_small", "$y$j75$abcd$IP1nu9KRRwR.zQCO65hYVEX3q4cmyUpEW24zhOevSQD", "7ujMko0admin"},
	{"bcrypt_2a", "$2a$05$abcdefghijklmnopqrstuu3.3WEnYf0ORdp/hjcCigt7gRH7F943q", "7ujMko0admin"},
	{"bcrypt_2b", "$2b$05$abcdefghijklmnopqrstuu3.3WEnYf0ORdp/hjcCigt7gRH7F943q", "7ujMko0admin"},
	{"bcrypt_2y", "$2y$05$abcdefghijklmnopqrstuu3.3WEnYf0ORdp/hjcCigt7gRH7F943q", "7ujMko0admin"},
	{"sha1", "{SHA}0DPiKuNIrrVmD8IUCuw1hQxNqZc=", "admin"},
}

func TestHashMatches(t *testing.T) {
	for _, tt := range hashVectors {
		t.Run(tt.name, func(t *testing.T) {
			h := ParseHash(tt.field)
			if ok, err := h.Matches(t.Context(), tt.password); !ok || err != nil {
				t.Errorf("the right password: %v, %v", ok, err)
			}
			for _, wrong := range []string{"", "7ujMko1admin", "A", tt.password[:len(tt.password)-1] + "\xff"} {
				if h.Scheme() == HashDES && strings.HasPrefix(wrong, tt.password[:8]) {
					continue
				}
				if ok, err := h.Matches(t.Context(), wrong); ok || err != nil {
					t.Errorf("%q: %v, %v", wrong, ok, err)
				}
			}
		})
	}
}

func TestHashDESCountsEightCharacters(t *testing.T) {
	h := ParseHash("abHtu6GCLWWzs")
	for password, want := range map[string]bool{"7ujMko0a": true, "7ujMko0anything": true, "7ujMko0": false} {
		if got, err := h.Matches(t.Context(), password); got != want || err != nil {
			t.Errorf("%q: %v, %v, want %v", password, got, err, want)
		}
	}
}

func TestHashRefusals(t *testing.T) {
	for name, field := range map[string]string{
		"sha512_rounds": "$6$rounds=999999999$salt$" + strings.Repeat("a", 85) + ".",
		"bcrypt_cost":   "$2b$31$abcdefghijklmnopqrstuuMFdJu9yVgmagVAIC24fOZkaFqd3s9JC",
		"bsdi_turns":    "_zzzzrasmWuvos8B/9gQ",
		"yescrypt_mem":  "$y$jFT$abcd$MXl5je7X5NIeGDxyDgkG2XoV70fWUCk3JG1B7Xizfy/",
		"yescrypt_more": "$y$jzz$abcd$MXl5je7X5NIeGDxyDgkG2XoV70fWUCk3JG1B7Xizfy/",
		"gost":          "$gy$j75$abcd$4sp.ZCMzFOrG/bKIGMy4A7.JmPYR37Er3fgKmFJxIJ8",
		"shadowed":      "x",
		"empty":         "",
		"clear":         "admin",
	} {
		h := ParseHash(field)
		if name != "empty" && h.Why() == "" {
			t.Errorf("%s: no reason", name)
		}
		if ok, err := h.Matches(t.Context(), "admin"); ok || !errors.Is(err, ErrNotComputable) {
			t.Errorf("%s: %v, %v", name, ok, err)
		}
		if _, err := TryDefaults(t.Context(), h, "root", Defaults(), Budget{}); !errors.Is(err, ErrNotComputable) {
			t.Errorf("%s: defaults tried: %v", name, err)
		}
	}
	h := ParseHash("ab6TRGT20sY26")
	for _, password := range []string{"a\x00b", strings.Repeat("a", 513)} {
		if _, err := h.Matches(t.Context(), password); !errors.Is(err, ErrPassword) {
			t.Errorf("%.10q: %v", password, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Matches(ctx, "root"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestTryDefaults(t *testing.T) {
	list := []Default{
		{"admin", "first", "s", "2026-01-01"},
		{"admin", "second", "s", "2026-01-01"},
		{"root", "7ujMko0admin", "s", "2026-01-01"},
		{"user", "first", "s", "2026-01-01"},
		{"user", "last", "s", "2026-01-01"},
	}
	md5 := func(password string) Hash { return ParseHash(writeMD5(password, "salt")) }
	for _, tt := range []struct {
		name   string
		h      Hash
		user   string
		budget Budget
		want   DefaultTrial
	}{
		{"own_first", md5("7ujMko0admin"), "root", Budget{}, DefaultTrial{list[2], true, 1, true}},
		{"others_after", md5("7ujMko0admin"), "admin", Budget{}, DefaultTrial{list[2], true, 3, true}},
		{"none", md5("absent"), "admin", Budget{}, DefaultTrial{Tried: 4, Complete: true}},
		{"last_of_even", md5("last"), "admin", Budget{}, DefaultTrial{list[4], true, 4, true}},
		{"last_of_odd", md5("last"), "admin", Budget{Tries: 3}, DefaultTrial{Tried: 3}},
		{"third_of_three", md5("7ujMko0admin"), "admin", Budget{Tries: 3}, DefaultTrial{list[2], true, 3, true}},
		{"one_try", md5("second"), "admin", Budget{Tries: 1}, DefaultTrial{Tried: 1}},
		{"no_cost", md5("first"), "admin", Budget{Cost: 1}, DefaultTrial{}},
		{"des_truncates", ParseHash("abHtu6GCLWWzs"), "root", Budget{}, DefaultTrial{list[2], true, 1, true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := TryDefaults(t.Context(), tt.h, tt.user, list, tt.budget)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
	t.Run("impossible_row", func(t *testing.T) {
		got, err := TryDefaults(t.Context(), md5("absent"), "a", append(list, Default{Password: "a\x00b"}), Budget{})
		if want := (DefaultTrial{Tried: 4}); got != want || err != nil {
			t.Errorf("got %v %v, want %v", got, err, want)
		}
	})
	t.Run("every_default", func(t *testing.T) {
		for _, d := range Defaults() {
			sum := sha1.Sum([]byte(d.Password))
			h := ParseHash("{SHA}" + base64.StdEncoding.EncodeToString(sum[:]))
			got, err := TryDefaults(t.Context(), h, d.User, Defaults(), Budget{Cost: time.Minute})
			if err != nil || !got.Found || got.Match != d {
				t.Errorf("%v: got %v, %v", d, got, err)
			}
		}
	})
}

func TestHashPrintsNoSecret(t *testing.T) {
	e := PasswdEntry{User: "root", Hash: ParseHash("!abHtu6GCLWWzs")}
	for _, format := range []string{"%v", "%+v", "%s"} {
		if got := fmt.Sprintf(format, e); strings.Contains(got, "Htu6") {
			t.Errorf("%s prints %s", format, got)
		}
	}
	if !e.Hash.Equal(ParseHash("!abHtu6GCLWWzs")) || e.Hash.Equal(ParseHash("abHtu6GCLWWzs")) || (Hash{}).Equal(ParseHash("")) {
		t.Error("equal is not by the text of the field")
	}
}

func FuzzParseHash(f *testing.F) {
	for _, v := range hashVectors {
		f.Add(v.field)
		f.Add("!" + v.field)
	}
	f.Add("*LK*")
	f.Add("$y$j7.$$" + strings.Repeat("a", 43))
	f.Add("$y$j7.$a$" + strings.Repeat("a", 43))
	f.Add("$y$j7.$" + strings.Repeat(".", 86) + "$" + strings.Repeat("a", 43))
	f.Fuzz(func(t *testing.T, field string) {
		h := ParseHash(field)
		if h.Field() != field {
			t.Errorf("field %q", h.Field())
		}
		if h.Empty() != (field == "") {
			t.Errorf("empty %v", h.Empty())
		}
		if h.Computable() != (h.Why() == "") && !h.Empty() {
			t.Errorf("computable %v, why %q", h.Computable(), h.Why())
		}
		if h.Computable() && (h.Cost() <= 0 || h.Cost() > 3e9) {
			t.Errorf("computable at a cost of %v", h.Cost())
		}
		if h.Computable() && h.Cost() < 1e6 {
			if _, err := h.Matches(t.Context(), "admin"); err != nil {
				t.Errorf("computable, and %v", err)
			}
		}
	})
}
