package password

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-crypt/x/yescrypt"
)

// parseHash is ParseHash without the field as found.
func parseHash(f string) Hash {
	switch {
	case f == "":
		return Hash{scheme: HashEmpty}
	case len(f) > maxHashField:
		return unrecognised("the field is %d bytes long, and no hash is over %d", len(f), maxHashField)
	case f == "x":
		return Hash{scheme: HashShadowed, why: "the hash is in the shadow file"}
	case f[0] == '!' || f[0] == '*':
		return parseLocked(f)
	case f[0] == '_':
		return parseDESExtended(f)
	case f[0] == '$':
		return parseModular(f)
	case strings.HasPrefix(f, "{SHA}"):
		return parseSHA1(f)
	case strings.HasPrefix(f, "{SSHA}"):
		return Hash{scheme: HashSaltedSHA1, digest: f[len("{SSHA}"):], magic: "{SSHA}"}
	case len(f) == 13:
		return parseDES(f)
	}
	return unrecognised("no mark of a hash, and %d characters where traditional crypt has 13", len(f))
}

func unrecognised(format string, args ...any) Hash {
	return Hash{scheme: HashUnrecognised, why: fmt.Sprintf(format, args...)}
}

// parseLocked reads a field that no password matches: "*", "!", "!!", "*LK*" and "*NP*" of Solaris, and a hash
// put out of use by one of these in front of it.
func parseLocked(f string) Hash {
	h := Hash{scheme: HashLocked, why: "no password matches"}
	rest := f
	for _, mark := range []string{"*LK*", "*NP*"} {
		if after, ok := strings.CutPrefix(f, mark); ok {
			rest = after
			break
		}
	}
	if len(rest) == len(f) {
		rest = strings.TrimLeft(f, "!*")
	}
	h.magic = f[:len(f)-len(rest)]
	if rest == "" {
		return h
	}
	if under := ParseHash(rest); under.Computable() || under.recognisedOnly() {
		h.under = &under
		h.why = "a " + string(under.scheme) + " hash put out of use by " + h.magic
	}
	return h
}

func parseDES(f string) Hash {
	if _, ok := cryptBits(f[:2]); !ok {
		return unrecognised("13 characters, and the first two are no salt of traditional crypt")
	}
	if _, ok := desDigest(f[2:]); !ok {
		return unrecognised("13 characters that traditional crypt does not write")
	}
	return Hash{scheme: HashDES, salt: f[:2], digest: f[2:], rounds: 25}
}

func parseDESExtended(f string) Hash {
	if len(f) != 20 {
		return unrecognised("a bsdicrypt hash has 20 characters, this has %d", len(f))
	}
	turns, ok := cryptBits(f[1:5])
	if _, salted := cryptBits(f[5:9]); !ok || !salted || turns == 0 {
		return unrecognised("marked as bsdicrypt, with a count or salt that is none")
	}
	if _, ok := desDigest(f[9:]); !ok {
		return unrecognised("marked as bsdicrypt, with a digest that it does not write")
	}
	return Hash{scheme: HashDESExtended, salt: f[5:9], digest: f[9:], rounds: int(turns), magic: "_"}
}

func parseSHA1(f string) Hash {
	h := Hash{scheme: HashSHA1, digest: f[len("{SHA}"):], rounds: 1, magic: "{SHA}"}
	if b, err := base64.StdEncoding.Strict().DecodeString(h.digest); err != nil || len(b) != sha1.Size {
		return unrecognised("marked {SHA}, without a SHA-1 digest in base 64")
	}
	return h
}

// parseModular reads the "$id$..." formats.
func parseModular(f string) Hash {
	if strings.HasPrefix(f, "$md5,") || strings.HasPrefix(f, "$md5$") {
		return Hash{scheme: HashSunMD5, digest: f, magic: "$md5"}
	}
	id, rest, ok := strings.Cut(f[1:], "$")
	if !ok {
		return unrecognised("begins with $ and has no second one")
	}
	magic := f[:len(id)+2]
	switch id {
	case "1":
		return parseMD5(HashMD5, magic, rest)
	case "apr1":
		return parseMD5(HashAPR1, magic, rest)
	case "5":
		return parseSHACrypt(HashSHA256, magic, rest, 43)
	case "6":
		return parseSHACrypt(HashSHA512, magic, rest, 86)
	case "2a", "2b", "2y":
		return parseBcrypt(magic, rest)
	case "y":
		return parseYescrypt(magic, rest)
	}
	var scheme HashScheme
	switch id {
	case "gy":
		scheme = HashGostYescrypt
	case "7":
		scheme = HashScrypt
	case "argon2i", "argon2d", "argon2id":
		scheme = HashArgon2
	case "2", "2x":
		scheme = HashBcryptOld
	case "3":
		scheme = HashNT
	case "sha1":
		scheme = HashSHA1Crypt
	}
	if scheme != "" && rest != "" {
		return Hash{scheme: scheme, digest: rest, magic: magic}
	}
	return unrecognised("no hash format is marked %q", clip(magic, 20))
}

// splitSalt divides "salt$digest" and checks the lengths of both.
func splitSalt(scheme HashScheme, rest string, maxSalt, digestLen int) (salt, digest string, bad *Hash) {
	salt, digest, ok := strings.Cut(rest, "$")
	var h Hash
	switch {
	case !ok:
		h = unrecognised("marked as %s, without a digest", scheme)
	case len(salt) > maxSalt:
		h = unrecognised("%s has a salt of at most %d characters, this has %d", scheme, maxSalt, len(salt))
	case strings.ContainsFunc(salt, func(r rune) bool { return r < '!' || r > '~' || r == ':' }):
		h = unrecognised("marked as %s, with a salt that is no printable text", scheme)
	case len(digest) != digestLen:
		h = unrecognised("%s has a digest of %d characters, this has %d", scheme, digestLen, len(digest))
	case strings.ContainsFunc(digest, func(r rune) bool { return r > 127 || cryptValue(byte(r)) < 0 }):
		h = unrecognised("marked as %s, with a digest that it does not write", scheme)
	default:
		return salt, digest, nil
	}
	return "", "", &h
}

func parseMD5(scheme HashScheme, magic, rest string) Hash {
	salt, digest, bad := splitSalt(scheme, rest, 8, 22)
	if bad != nil {
		return *bad
	}
	if _, ok := md5CryptDigest(digest); !ok {
		return unrecognised("marked as %s, with a digest that it does not write", scheme)
	}
	return Hash{scheme: scheme, salt: salt, digest: digest, rounds: md5Rounds, magic: magic}
}

func parseSHACrypt(scheme HashScheme, magic, rest string, digestLen int) Hash {
	rounds := 5000
	if after, ok := strings.CutPrefix(rest, "rounds="); ok {
		number, tail, ok := strings.Cut(after, "$")
		n, err := strconv.ParseUint(number, 10, 32)
		if !ok || err != nil || n < 1000 || n > 999_999_999 || number[0] == '0' {
			return unrecognised("%s has from 1000 to 999999999 rounds, this says %q", scheme, clip(number, 20))
		}
		rounds, rest = int(n), tail
	}
	salt, digest, bad := splitSalt(scheme, rest, 16, digestLen)
	if bad != nil {
		return *bad
	}
	// The last group of characters holds fewer bits than it has room for.
	if spare := map[HashScheme]int{HashSHA256: 16, HashSHA512: 4}[scheme]; cryptValue(digest[digestLen-1]) >= spare {
		return unrecognised("marked as %s, with a digest that it does not write", scheme)
	}
	return Hash{scheme: scheme, salt: salt, digest: digest, rounds: rounds, magic: magic}
}

func parseBcrypt(magic, rest string) Hash {
	if len(rest) != 56 || rest[2] != '$' {
		return unrecognised("a bcrypt hash has 60 characters, this has %d", len(magic)+len(rest))
	}
	cost, err := strconv.ParseUint(rest[:2], 10, 8)
	if err != nil || cost < 4 || cost > 31 {
		return unrecognised("bcrypt has a cost from 04 to 31, this says %q", rest[:2])
	}
	if _, ok := cryptBits(rest[3:]); !ok {
		return unrecognised("marked as bcrypt, with characters that it does not write")
	}
	return Hash{scheme: HashBcrypt, salt: rest[3:25], digest: rest[25:], rounds: int(cost), magic: magic}
}

// parseYescrypt reads the parameters that libxcrypt writes: flavour j, then log2 N and the block size r.
func parseYescrypt(magic, rest string) Hash {
	settings, tail, ok := strings.Cut(rest, "$")
	salt, digest, cut := strings.Cut(tail, "$")
	if !ok || !cut || len(digest) != 43 || settings == "" || len(salt) > 86 {
		return unrecognised("marked as yescrypt, without settings, salt and a digest of 43 characters")
	}
	for _, s := range []string{settings, salt, digest} {
		if _, ok := cryptBits(s); !ok {
			return unrecognised("marked as yescrypt, with characters that it does not write")
		}
	}
	if salt != "" && yescrypt.Decode64([]byte(salt)) == nil {
		return unrecognised("marked as yescrypt, with a salt that is no whole number of bytes")
	}
	h := Hash{scheme: HashYescrypt, salt: salt, digest: digest, magic: magic}
	if len(settings) != 3 || settings[0] != 'j' {
		h.why = "its settings " + clip(settings, 20) + " are not computed here"
		return h
	}
	h.rounds = cryptValue(settings[1]) + 1
	r := cryptValue(settings[2]) + 1
	if h.rounds < 10 || h.rounds > 18 || r < 1 || r > 32 {
		h.why = "its settings " + settings + " are not computed here"
		return h
	}
	h.memory = int64(128*r) << h.rounds
	return h
}

// clip shortens what is shown of a hostile text.
func clip(s string, n int) string {
	if len(s) > n {
		return s[:n] + "..."
	}
	return s
}
