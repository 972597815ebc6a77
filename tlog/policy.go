package tlog

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/assay-psti/assay"
)

// Policy says whose cosignatures, in what number, make a checkpoint acceptable: C2SP
// tlog-policy. Without outside witnesses a log can show one tree to one reader and
// another to the next.
type Policy struct {
	text      []byte
	witnesses []witness
	quorum    *group // nil: none
}

type witness struct {
	name     string // within the policy
	cosigner *cosigner
	url      string // may be empty
}

func (w witness) id() cosignerID { return cosignerID{w.cosigner.name, w.cosigner.hash} }

// group is met when at least k of its members are; a witness is a group of itself.
type group struct {
	k       int
	members []*group
	witness *witness
}

const (
	maxPolicyBytes = 64 << 10
	maxPolicyNames = 256
)

// ParsePolicy reads a policy: lines of log, witness, group and quorum.
func ParsePolicy(text []byte) (*Policy, error) {
	p := &Policy{text: slices.Clone(text)}
	bad := func(line int, what string) (*Policy, error) {
		return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: fmt.Sprintf("witness policy, line %d", line), What: what}
	}
	if len(text) > maxPolicyBytes {
		return bad(1, fmt.Sprintf("is longer than %d bytes", maxPolicyBytes))
	}
	defined := map[string]*group{}
	member := map[string]bool{}
	keys := map[string]bool{}
	quorum := false
	for i, line := range strings.Split(string(text), "\n") {
		f := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' })
		if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			return bad(i+1, "has a control character")
		}
		if len(f) == 0 || strings.HasPrefix(f[0], "#") {
			continue
		}
		if len(f) > 1 && (f[0] == "witness" || f[0] == "group") {
			switch _, known := defined[f[1]]; {
			case known || f[1] == "none":
				return bad(i+1, fmt.Sprintf("the name %.60q is taken", f[1]))
			case len(defined) >= maxPolicyNames:
				return bad(i+1, fmt.Sprintf("is one name more than %d", maxPolicyNames))
			}
		}
		switch f[0] {
		case "log":
			if len(f) != 2 && len(f) != 3 {
				return bad(i+1, "want: log KEY [URL]")
			}
			if _, err := ParseKey(f[1]); err != nil {
				return bad(i+1, err.Error())
			}
		case "witness":
			if len(f) != 3 && len(f) != 4 {
				return bad(i+1, "want: witness NAME KEY [URL]")
			}
			c, err := parseCosigner(f[2])
			if err != nil {
				return bad(i+1, err.Error())
			}
			if keys[string(c.public)] {
				return bad(i+1, "names a key for the second time")
			}
			keys[string(c.public)] = true
			w := witness{name: f[1], cosigner: c}
			if len(f) == 4 {
				w.url = f[3]
			}
			p.witnesses = append(p.witnesses, w)
			defined[f[1]] = &group{k: 1, witness: &w}
		case "group":
			if len(f) < 4 {
				return bad(i+1, "want: group NAME all|any|NUMBER NAME...")
			}
			g := &group{}
			for _, name := range f[3:] {
				m := defined[name]
				if m == nil || member[name] {
					return bad(i+1, fmt.Sprintf("the member %.60q was not defined before, or is in a group already", name))
				}
				member[name] = true
				g.members = append(g.members, m)
			}
			switch k, err := strconv.Atoi(f[2]); {
			case f[2] == "all":
				g.k = len(g.members)
			case f[2] == "any":
				g.k = 1
			case err != nil || k < 1 || k > len(g.members):
				return bad(i+1, fmt.Sprintf("%.20q is no number from 1 to %d", f[2], len(g.members)))
			default:
				g.k = k
			}
			defined[f[1]] = g
		case "quorum":
			if len(f) != 2 || quorum {
				return bad(i+1, "want: quorum NAME, once")
			}
			quorum = true
			if f[1] == "none" {
				continue
			}
			if p.quorum = defined[f[1]]; p.quorum == nil {
				return bad(i+1, fmt.Sprintf("%.60q was not defined before", f[1]))
			}
		default:
			return bad(i+1, fmt.Sprintf("%.30q is none of log, witness, group, quorum", f[0]))
		}
	}
	if !quorum {
		return bad(strings.Count(string(text), "\n")+1, "no line says quorum")
	}
	return p, nil
}

type cosignerID struct {
	name string
	hash uint32
}

// met says whether the witnesses that signed are enough.
func (p *Policy) met(cosigned map[cosignerID]int64) bool {
	var met func(g *group) bool
	met = func(g *group) bool {
		if g.witness != nil {
			_, ok := cosigned[g.witness.id()]
			return ok
		}
		n := 0
		for _, m := range g.members {
			if met(m) {
				n++
			}
		}
		return n >= g.k
	}
	return p.quorum == nil || met(p.quorum)
}

// cosigner checks cosignatures of one witness (C2SP tlog-cosignature, Ed25519).
type cosigner struct {
	name   string
	hash   uint32
	public ed25519.PublicKey
}

var _ note.Verifier = (*cosigner)(nil)

const cosignatureType = 0x04

// parseCosigner reads a witness's key: name+hash+base64 of the type and the key.
func parseCosigner(text string) (*cosigner, error) {
	name, rest, _ := strings.Cut(text, "+")
	hex, encoded, _ := strings.Cut(rest, "+")
	key, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || name == "" || len(key) != 1+ed25519.PublicKeySize || key[0] != cosignatureType {
		return nil, fmt.Errorf("%.60q is no key of an Ed25519 witness (type 4)", text)
	}
	sum := sha256.Sum256(append([]byte(name+"\n"), key...))
	c := &cosigner{name, binary.BigEndian.Uint32(sum[:]), key[1:]}
	if fmt.Sprintf("%08x", c.hash) != hex {
		return nil, fmt.Errorf("the key of witness %.60q has hash %08x, not %.20q", name, c.hash, hex)
	}
	return c, nil
}

// Name, KeyHash and Verify are a note.Verifier's.
func (c *cosigner) Name() string    { return c.name }
func (c *cosigner) KeyHash() uint32 { return c.hash }
func (c *cosigner) Verify(text, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize || sig[0]&0x80 != 0 {
		return false
	}
	return ed25519.Verify(c.public, cosignedMessage(text, int64(binary.BigEndian.Uint64(sig))), sig[8:])
}

func cosignedMessage(text []byte, seconds int64) []byte {
	return append(fmt.Appendf(nil, "cosignature/v1\ntime %d\n", seconds), text...)
}

// cosignatureTime reads the time in a cosignature as a note holds it.
func cosignatureTime(encoded string) (int64, bool) {
	b, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(b) != 4+8+ed25519.SignatureSize {
		return 0, false
	}
	return int64(binary.BigEndian.Uint64(b[4:])), true
}
