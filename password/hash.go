package password

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// HashScheme names what a password field holds, in the words of crypt(5) where that has any.
type HashScheme string

// What a password field can hold. The last group is recognised by its mark and not computed.
const (
	HashEmpty        HashScheme = "empty"        // nothing: the account needs no password
	HashLocked       HashScheme = "locked"       // no password opens the account
	HashShadowed     HashScheme = "shadowed"     // "x" in a passwd file: the hash is in the shadow file
	HashUnrecognised HashScheme = "unrecognised" // none of the formats here; perhaps a password in clear

	HashDES         HashScheme = "descrypt"    // traditional crypt, 13 characters
	HashDESExtended HashScheme = "bsdicrypt"   // _, BSDi
	HashMD5         HashScheme = "md5crypt"    // $1$
	HashAPR1        HashScheme = "apr1"        // $apr1$, MD5-crypt as Apache marks it
	HashSHA256      HashScheme = "sha256crypt" // $5$
	HashSHA512      HashScheme = "sha512crypt" // $6$
	HashBcrypt      HashScheme = "bcrypt"      // $2a$, $2b$, $2y$
	HashYescrypt    HashScheme = "yescrypt"    // $y$
	HashSHA1        HashScheme = "sha1"        // {SHA}, htpasswd: no salt

	HashGostYescrypt HashScheme = "gost-yescrypt" // $gy$
	HashScrypt       HashScheme = "scrypt"        // $7$
	HashArgon2       HashScheme = "argon2"        // $argon2i$, $argon2d$, $argon2id$
	HashBcryptOld    HashScheme = "bcrypt-x"      // $2$, $2x$: earlier, faulty bcrypt
	HashNT           HashScheme = "nt"            // $3$
	HashSHA1Crypt    HashScheme = "sha1crypt"     // $sha1$
	HashSunMD5       HashScheme = "sunmd5"        // $md5
	HashSaltedSHA1   HashScheme = "ssha"          // {SSHA}, LDAP
)

// Bounds on what a field may ask for. They are far above what devices use, and keep a hostile field from taking
// the machine: a field beyond them is read, and refused when computed.
const (
	maxHashField   = 1024      // bytes; longer is unrecognised
	maxPassword    = 512       // bytes, as libxcrypt
	maxSHARounds   = 1_000_000 // half a second
	maxBcryptCost  = 14        // about a second
	maxYescryptMem = 128 << 20 // bytes
	maxDESTurns    = 1 << 20
)

// Hash is the password field of one account, as found in /etc/passwd, /etc/shadow or an htpasswd file.
// The zero Hash is not a field that was read: use ParseHash.
type Hash struct {
	scheme HashScheme
	field  string // as found
	salt   string
	digest string // as written in the field
	why    string // for locked, unrecognised and not computed: what is the matter
	rounds int    // rounds, turns, or log2 of rounds: see Rounds
	memory int64  // bytes
	magic  string // the mark at its head
	under  *Hash  // beneath a lock
}

// ParseHash reads one password field. It never guesses: what fits no format exactly is HashUnrecognised, and Why
// says what is the matter.
func ParseHash(field string) Hash {
	h := parseHash(field)
	h.field = field
	return h
}

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
	for name, scheme := range map[string]HashScheme{
		"gy": HashGostYescrypt, "7": HashScrypt, "argon2i": HashArgon2, "argon2d": HashArgon2, "argon2id": HashArgon2,
		"2": HashBcryptOld, "2x": HashBcryptOld, "3": HashNT, "sha1": HashSHA1Crypt,
	} {
		if id == name && rest != "" {
			return Hash{scheme: scheme, digest: rest, magic: magic}
		}
	}
	return unrecognised("no hash format is marked %q", magic)
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

// Scheme is what the field holds.
func (h Hash) Scheme() HashScheme { return h.scheme }

// Field is the password field as found.
func (h Hash) Field() string { return h.field }

// Empty tells whether the account needs no password.
func (h Hash) Empty() bool { return h.scheme == HashEmpty }

// Locked tells whether no password opens the account. A locked account may still have a hash Beneath.
func (h Hash) Locked() bool { return h.scheme == HashLocked }

// Beneath is the hash under a lock, which unlocking would put in force again.
func (h Hash) Beneath() (Hash, bool) {
	if h.under == nil {
		return Hash{}, false
	}
	return *h.under, true
}

// Salt is the salt as written; empty if there is none.
func (h Hash) Salt() string { return h.salt }

// Rounds is the cost parameter: rounds of MD5-crypt and SHA-crypt, turns of DES, and for bcrypt and yescrypt
// the binary logarithm of the rounds. Zero where there is none, or where it is not read.
func (h Hash) Rounds() int { return h.rounds }

// MemoryBytes is the memory that one computation takes by design; zero for schemes that need next to none.
func (h Hash) MemoryBytes() int64 { return h.memory }

// Why says in one line why a field is locked, unrecognised, or not computed; empty if none of these.
func (h Hash) Why() string {
	if h.why != "" || h.Computable() || h.Empty() {
		return h.why
	}
	if h.recognisedOnly() {
		return string(h.scheme) + " is recognised and not computed here"
	}
	return h.refusal()
}

// recognisedOnly tells whether the field is a hash of a kind that is not computed.
func (h Hash) recognisedOnly() bool {
	switch h.scheme {
	case HashGostYescrypt, HashScrypt, HashArgon2, HashBcryptOld, HashNT, HashSHA1Crypt, HashSunMD5, HashSaltedSHA1:
		return true
	case HashYescrypt:
		return h.memory == 0
	}
	return false
}

// hashed tells whether the field is a hash of a kind that is computed, its cost apart.
func (h Hash) hashed() bool {
	switch h.scheme {
	case HashDES, HashDESExtended, HashMD5, HashAPR1, HashSHA256, HashSHA512, HashBcrypt, HashSHA1:
		return true
	case HashYescrypt:
		return h.memory > 0
	}
	return false
}

// refusal says why a hash of a computed kind costs too much, or nothing.
func (h Hash) refusal() string {
	switch {
	case (h.scheme == HashSHA256 || h.scheme == HashSHA512) && h.rounds > maxSHARounds:
		return fmt.Sprintf("it asks for %d rounds, over the limit of %d", h.rounds, maxSHARounds)
	case h.scheme == HashDESExtended && h.rounds > maxDESTurns:
		return fmt.Sprintf("it asks for %d turns, over the limit of %d", h.rounds, maxDESTurns)
	case h.scheme == HashBcrypt && h.rounds > maxBcryptCost:
		return fmt.Sprintf("it asks for a cost of %d, over the limit of %d", h.rounds, maxBcryptCost)
	case h.memory > maxYescryptMem:
		return fmt.Sprintf("it asks for %d MiB of memory, over the limit of %d", h.memory>>20, maxYescryptMem>>20)
	}
	return ""
}

// Computable tells whether Matches can try a password against the field.
func (h Hash) Computable() bool { return h.hashed() && h.refusal() == "" }

// Weak says in one line why the scheme itself is weak whatever the password; empty if it is not known to be.
func (h Hash) Weak() string {
	switch h.scheme {
	case HashEmpty:
		return "no password is needed"
	case HashDES:
		return "only the first 8 characters count, and a key of 56 bits can be searched through"
	case HashDESExtended:
		return "a key of 56 bits can be searched through"
	case HashMD5, HashAPR1:
		return "a thousand rounds of MD5 are tried in millions a second on ordinary hardware"
	case HashSHA1:
		return "one round of SHA-1 without salt: equal passwords have equal hashes, found in tables"
	case HashSaltedSHA1:
		return "one round of SHA-1 is tried in thousands of millions a second"
	case HashNT:
		return "one round of MD4 without salt: equal passwords have equal hashes, found in tables"
	case HashBcryptOld:
		return "an early bcrypt that mishandles characters outside ASCII"
	}
	return ""
}

// Cost is the nominal processor time of one try. It is an estimate on an ordinary core that depends on the field
// alone, so that a budget in it gives the same answer on every machine. Zero if the field is not computed.
func (h Hash) Cost() time.Duration {
	switch h.scheme {
	case HashDES:
		return 5 * time.Microsecond
	case HashDESExtended:
		return time.Microsecond + time.Duration(h.rounds)*200*time.Nanosecond
	case HashMD5, HashAPR1:
		return 80 * time.Microsecond
	case HashSHA256:
		return time.Duration(h.rounds) * 200 * time.Nanosecond
	case HashSHA512:
		return time.Duration(h.rounds) * 450 * time.Nanosecond
	case HashBcrypt:
		return 75 * time.Microsecond << h.rounds
	case HashYescrypt:
		return time.Duration(h.memory) * 3 * time.Nanosecond
	case HashSHA1:
		return time.Microsecond
	}
	return 0
}
