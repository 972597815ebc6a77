package password

import (
	"fmt"
	"time"
)

// HashScheme names what a password field holds, in the words of crypt(5) where that has any.
type HashScheme string

// What a password field can hold. The last group is recognised by its mark and not computed.
const (
	HashEmpty        HashScheme = "empty"        // nothing: the account needs no password
	HashLocked       HashScheme = "locked"       // no password opens the account
	HashShadowed     HashScheme = "shadowed"     // "x": the hash is in the shadow file; there, no password matches it
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
	maxTried       = 512       // bytes, as libxcrypt
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

// String is the scheme alone, so that a hash does not get into a log.
func (h Hash) String() string { return string(h.scheme) }

// Equal tells whether two fields were the same text.
func (h Hash) Equal(other Hash) bool { return h.scheme == other.scheme && h.field == other.field }

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
