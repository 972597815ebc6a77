package password

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/go-crypt/x/bcrypt"
	"github.com/go-crypt/x/crypt"
	"github.com/go-crypt/x/yescrypt"
)

// ErrNotComputable says that a password field cannot be tried: it is no hash, or of a kind or cost not computed.
var ErrNotComputable = errors.New("password field cannot be tried")

// ErrPassword says that a password cannot have been set in a crypt field: it holds a zero byte or is over 512 bytes.
var ErrPassword = errors.New("not a password that crypt accepts")

// Matches tells whether a password opens the account. It is an error to ask it of a field that is not Computable,
// a locked or empty one among them.
func (h Hash) Matches(ctx context.Context, password string) (bool, error) {
	first, _, err := h.matchesPair(ctx, password, password)
	return first, err
}

// matchesPair tries two passwords, at once where that is quicker.
func (h Hash) matchesPair(ctx context.Context, p, q string) (bool, bool, error) {
	if err := ctx.Err(); err != nil {
		return false, false, err
	}
	if !h.Computable() {
		if h.Empty() {
			return false, false, fmt.Errorf("%w: it is empty, any entry is let in", ErrNotComputable)
		}
		return false, false, fmt.Errorf("%w: %s", ErrNotComputable, h.Why())
	}
	if !passwordPossible(p) || !passwordPossible(q) {
		return false, false, ErrPassword
	}
	if h.scheme == HashMD5 || h.scheme == HashAPR1 {
		want, _ := md5CryptDigest(h.digest)
		if p == q {
			got := md5Crypt(p, h.salt, h.magic)
			return got == want, got == want, nil
		}
		dp, dq := md5CryptPair(p, q, h.salt, h.magic)
		return dp == want, dq == want, nil
	}
	first, err := h.matchesOne(p)
	if err != nil || p == q {
		return first, first, err
	}
	if err := ctx.Err(); err != nil {
		return first, false, err
	}
	second, err := h.matchesOne(q)
	return first, second, err
}

func passwordPossible(p string) bool {
	return len(p) <= maxTried && strings.IndexByte(p, 0) < 0
}

func (h Hash) matchesOne(password string) (bool, error) {
	p := []byte(password)
	switch h.scheme {
	case HashDES:
		salt, _ := cryptBits(h.salt)
		want, _ := desDigest(h.digest)
		return desCrypt(password, salt) == want, nil
	case HashDESExtended:
		salt, _ := cryptBits(h.salt)
		want, _ := desDigest(h.digest)
		return desCryptExtended(password, salt, h.rounds) == want, nil
	case HashSHA256:
		return string(crypt.KeySHACrypt(sha256.New, p, []byte(h.salt), h.rounds)) == h.digest, nil
	case HashSHA512:
		return string(crypt.KeySHACrypt(sha512.New, p, []byte(h.salt), h.rounds)) == h.digest, nil
	case HashSHA1:
		sum := sha1.Sum(p)
		return base64.StdEncoding.EncodeToString(sum[:]) == h.digest, nil
	case HashBcrypt:
		err := bcrypt.CompareHashAndPassword([]byte(h.field), p)
		if errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) {
			return false, nil
		}
		return err == nil, err
	case HashYescrypt:
		got, err := yescrypt.Hash(p, []byte(h.field))
		return string(got) == h.field, err
	}
	return false, ErrNotComputable
}
