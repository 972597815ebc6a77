package password

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
)

// LabelAlphabet has no symbols that look alike on a label: no 0 and o, no 1, l and i, no 2 and z, no 5 and s, no 8 and b,
// no u and v.
const LabelAlphabet = "34679acdefghjkmnpqrtwxy"

// MinKeyBytes is the least size of a generator's key: 128 bits.
const MinKeyBytes = 16

// ErrGenerator says why a generator cannot make lawful passwords.
var ErrGenerator = errors.New("generator of passwords")

// Generator makes default passwords for a production run, from the system's random source or, with a key, from an
// identifier of each unit. The zero value draws 12 symbols of LabelAlphabet in groups of four from the random source.
type Generator struct {
	// Alphabet holds the symbols, each once; LabelAlphabet if empty.
	Alphabet string
	// Length is the number of symbols, separators not counted; 12 if zero.
	Length int
	// Group is the number of symbols between separators; 4 if zero, none if negative.
	Group int
	// Separator stands between groups, a hyphen if empty.
	Separator string
	// Key makes passwords HMAC-SHA-256 of the identifier. It must come from a cryptographic random source, stay in the
	// factory (best in a hardware module), and be in no firmware.
	Key []byte
	// Label keeps passwords of different uses or product lines apart that are made with one key.
	Label string
	// Random is the random source without a key; the system's if nil.
	Random io.Reader
}

// minGeneratedBits is the least entropy of a generated password: the line from which the audit passes offline guessing,
// and some margin.
const minGeneratedBits = 50

// settings fills in defaults and refuses what could not pass the audit.
func (g *Generator) settings() (alphabet string, length, group int, err error) {
	alphabet, length, group = g.Alphabet, g.Length, g.Group
	if alphabet == "" {
		alphabet = LabelAlphabet
	}
	if length == 0 {
		length = 12
	}
	if group == 0 {
		group = 4
	}
	var set symbols
	for i := range len(alphabet) {
		c := alphabet[i]
		if c <= ' ' || c >= 127 || set.has(c) || strings.IndexByte(g.separator(), c) >= 0 {
			return "", 0, 0, fmt.Errorf("%w: the alphabet must hold printable symbols, each once, and not the separator", ErrGenerator)
		}
		set.add(c)
	}
	if len(alphabet) < 2 || length < 1 || length > 128 {
		return "", 0, 0, fmt.Errorf("%w: two symbols at least, and a length from 1 to 128", ErrGenerator)
	}
	if bits := float64(length) * math.Log2(float64(len(alphabet))); bits < minGeneratedBits {
		return "", 0, 0, fmt.Errorf("%w: %d symbols of %d give %.0f bits, fewer than %d: make them longer", ErrGenerator, length, len(alphabet), bits, minGeneratedBits)
	}
	if g.Key != nil && len(g.Key) < MinKeyBytes {
		return "", 0, 0, fmt.Errorf("%w: the key has %d bytes, fewer than %d", ErrGenerator, len(g.Key), MinKeyBytes)
	}
	return alphabet, length, group, nil
}

func (g *Generator) separator() string {
	if g.Separator == "" {
		return "-"
	}
	return g.Separator
}

// Password makes the password of one unit. With a key the same identifier always gives the same password, so that lost
// ones can be made again; without one the identifier is not used.
func (g *Generator) Password(identifier string) (string, error) {
	alphabet, length, group, err := g.settings()
	if err != nil {
		return "", err
	}
	source := g.Random
	if source == nil {
		source = rand.Reader
	}
	if g.Key != nil {
		if identifier == "" {
			return "", fmt.Errorf("%w: a keyed password needs the identifier of the unit", ErrGenerator)
		}
		source = &keyStream{key: g.Key, label: g.Label, identifier: identifier}
	}
	// Bytes at or above the largest multiple of the alphabet's size are drawn again, so that no symbol is more likely.
	limit := 256 - 256%len(alphabet)
	var b strings.Builder
	var one [1]byte
	for made := 0; made < length; {
		if _, err := io.ReadFull(source, one[:]); err != nil {
			return "", fmt.Errorf("%w: read random source: %w", ErrGenerator, err)
		}
		if int(one[0]) >= limit {
			continue
		}
		if group > 0 && made > 0 && made%group == 0 {
			b.WriteString(g.separator())
		}
		b.WriteByte(alphabet[int(one[0])%len(alphabet)])
		made++
	}
	return b.String(), nil
}

// keyStream gives HMAC-SHA-256(key, label length, label, identifier, block) for blocks 0, 1, ...
type keyStream struct {
	key               []byte
	label, identifier string
	block             uint32
	left              []byte
}

func (k *keyStream) Read(p []byte) (int, error) {
	if len(k.left) == 0 {
		m := hmac.New(sha256.New, k.key)
		var n [4]byte
		binary.BigEndian.PutUint32(n[:], uint32(len(k.label)))
		m.Write(n[:])
		m.Write([]byte(k.label))
		binary.BigEndian.PutUint32(n[:], uint32(len(k.identifier)))
		m.Write(n[:])
		m.Write([]byte(k.identifier))
		binary.BigEndian.PutUint32(n[:], k.block)
		m.Write(n[:])
		k.left = m.Sum(nil)
		k.block++
	}
	n := copy(p, k.left)
	k.left = k.left[n:]
	return n, nil
}

// Bits is the entropy of a password without a key, and the output size with one.
func (g *Generator) Bits() (float64, error) {
	alphabet, length, _, err := g.settings()
	return float64(length) * math.Log2(float64(len(alphabet))), err
}

// Declaration describes the mechanism as the dossier needs it. Who holds the key is for the manufacturer to say.
func (g *Generator) Declaration(keyCustody string) (*Declared, error) {
	alphabet, length, _, err := g.settings()
	if err != nil {
		return nil, err
	}
	drawn := fmt.Sprintf("%d symbols of the %d in %q (%.1f bits); a byte selects a symbol, bytes from %d up are discarded so that all symbols are equally likely",
		length, len(alphabet), alphabet, float64(length)*math.Log2(float64(len(alphabet))), 256-256%len(alphabet))
	if g.Key == nil {
		return &Declared{Mechanism: MechanismRandom, Construction: "random bytes of the operating system's cryptographic source (Go crypto/rand): " + drawn}, nil
	}
	return &Declared{
		Mechanism: MechanismKeyed, KeyCustody: keyCustody,
		Construction: fmt.Sprintf("HMAC-SHA-256 under a secret key of %d bits over a label and the identifier of the unit, each with its length, and a block number: %s", 8*len(g.Key), drawn),
	}, nil
}

// maxRedraws bounds how often one unit's password is drawn again because another unit has it: with the entropy that
// settings asks for even one redraw is not to be expected.
const maxRedraws = 8

// Run makes the passwords of a production run, all different. It is an error when a keyed password occurs twice.
func (g *Generator) Run(identifiers []string) ([]string, error) {
	out := make([]string, len(identifiers))
	seen := make(map[string]int, len(identifiers))
	for i, id := range identifiers {
		for tries := 0; ; tries++ {
			pw, err := g.Password(id)
			if err != nil {
				return nil, fmt.Errorf("unit %d: %w", i+1, err)
			}
			if first, dup := seen[pw]; dup {
				if g.Key != nil || tries >= maxRedraws {
					return nil, fmt.Errorf("%w: units %d and %d get the same password: their identifiers are the same, or the source repeats", ErrGenerator, first+1, i+1)
				}
				continue
			}
			seen[pw] = i
			out[i] = pw
			break
		}
	}
	return out, nil
}

// ChooseRows chooses k different rows of n for a manufacturer to compute anew, from the laboratory's random source (the
// system's if nil), so that nobody can know them beforehand.
func ChooseRows(n int64, k int, random io.Reader) ([]int64, error) {
	if random == nil {
		random = rand.Reader
	}
	if n < 1 || k < 1 {
		return nil, fmt.Errorf("%w: no rows to choose from", ErrInput)
	}
	k = int(min(int64(k), n))
	chosen := map[int64]bool{}
	for limit := uint64(math.MaxUint64) - uint64(math.MaxUint64)%uint64(n); len(chosen) < k; {
		var b [8]byte
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return nil, fmt.Errorf("read random source: %w", err)
		}
		if x := binary.BigEndian.Uint64(b[:]); x < limit {
			chosen[int64(x%uint64(n))+1] = true
		}
	}
	out := make([]int64, 0, k)
	for r := range chosen {
		out = append(out, r)
	}
	return lowest(out, k), nil
}
