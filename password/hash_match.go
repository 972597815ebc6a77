package password

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/assay-psti/assay/internal/md5lanes"
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
	first, err := h.matchesAny(ctx, password)
	return first == 0, err
}

// atOnce is how many passwords matchesAny takes best: as many as are computed in the time of one.
func (h Hash) atOnce() int {
	if h.scheme == HashMD5 || h.scheme == HashAPR1 {
		return md5lanes.Lanes
	}
	return 1
}

// matchesAny tries passwords, at most atOnce of them, and returns which is the first that opens the account, -1 if none.
func (h Hash) matchesAny(ctx context.Context, passwords ...string) (int, error) {
	if err := ctx.Err(); err != nil {
		return -1, err
	}
	if !h.Computable() {
		if h.Empty() {
			return -1, fmt.Errorf("%w: it is empty, any entry is let in", ErrNotComputable)
		}
		return -1, fmt.Errorf("%w: %s", ErrNotComputable, h.Why())
	}
	for _, p := range passwords {
		if !passwordPossible(p) {
			return -1, ErrPassword
		}
	}
	if len(passwords) > 1 && h.atOnce() > 1 {
		want, _ := md5CryptDigest(h.digest)
		got := md5CryptLanes(passwords, h.salt, h.magic)
		return slices.Index(got[:len(passwords)], want), nil
	}
	for i, p := range passwords {
		ok, err := h.matchesOne(p)
		if err != nil {
			return -1, err
		}
		if ok {
			return i, nil
		}
	}
	return -1, nil
}

func passwordPossible(p string) bool {
	return len(p) <= maxTried && strings.IndexByte(p, 0) < 0
}

func (h Hash) matchesOne(password string) (bool, error) {
	p := []byte(password)
	switch h.scheme {
	case HashMD5, HashAPR1:
		want, _ := md5CryptDigest(h.digest)
		return md5Crypt(password, h.salt, h.magic) == want, nil
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
