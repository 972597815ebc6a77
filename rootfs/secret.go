package rootfs

import (
	"bytes"
	"crypto/dsa" //lint:ignore SA1019 old devices have such keys
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"path"
	"strings"
)

// SecretKind is what a secret is.
type SecretKind string

// The kinds.
const (
	PrivateKey    SecretKind = "private-key"
	HostKey       SecretKind = "host-key"       // a key by which a device proves to an SSH client who it is
	AuthorizedKey SecretKind = "authorized-key" // a public key that may log in to every unit
	Token         SecretKind = "token"
)

// Secret is a key or a token in a file: the same in every unit that runs the image.
type Secret struct {
	Kind SecretKind `json:"kind"`
	// Format is how it is written: pkcs1, pkcs8, sec1, openssh, dropbear, dsa, or the service of a token.
	Format string `json:"format"`
	// Algorithm and Bits describe a key: RSA 2048, ECDSA 256, Ed25519 256.
	Algorithm string `json:"algorithm,omitempty"`
	Bits      int    `json:"bits,omitempty"`
	// Encrypted says that a pass phrase protects it. It is then no open secret, as long as the pass phrase is not in the image.
	Encrypted bool `json:"encrypted,omitempty"`
	// PublicKey is the SHA-256 of the public half (SubjectPublicKeyInfo), hex: equal ones belong together.
	PublicKey string `json:"public_key,omitempty"`
	// Shown is a part of it for a person to recognise it by. The secret itself is not repeated.
	Shown string `json:"shown,omitempty"`
	Place Place  `json:"place"`
	// Why says, of an example, why it is taken for one.
	Why string `json:"why,omitempty"`
	// Binary says that it is inside a file that is no text.
	Binary bool `json:"binary,omitempty"`
}

var (
	pemBegin = []byte("-----BEGIN ")
	pemEnd   = []byte("-----END ")
)

const (
	maxPEM = 24 << 10 // bytes of a key or certificate with its armour
	maxKey = 5000     // bytes of a key whose numbers are checked: RSA of 8192 bits; larger ones cost too much
)

// secrets finds keys, certificates and tokens in one window.
func (r *ContentReader) secrets(c chunk, text bool) {
	for at := 0; at < c.last; {
		i := bytes.Index(c.data[at:], pemBegin)
		if i < 0 || at+i >= c.last {
			break
		}
		at += i
		at += max(r.pemBlock(c, at, text), len(pemBegin))
	}
	if c.base == 0 {
		r.rawKeys(c)
	}
	r.tokens(c, text)
	if text && c.whole && (path.Base(c.name) == "authorized_keys" || path.Base(c.name) == "authorized_keys2") {
		r.authorized(c)
	}
}

func (c chunk) at(off int, text bool) Place {
	p := Place{File: c.name, Offset: c.base + int64(off)}
	if text && c.base == 0 {
		p.Line = 1 + bytes.Count(c.data[:off], []byte("\n"))
	}
	return p
}

// pemBlock reads an armoured block at an offset and returns how long it is: 0 when there is none.
func (r *ContentReader) pemBlock(c chunk, at int, text bool) int {
	rest := c.data[at:min(at+maxPEM, len(c.data))]
	if next := bytes.Index(rest[len(pemBegin):], pemBegin); next >= 0 {
		rest = rest[:next+len(pemBegin)] // where another begins, this one has ended or was cut off
	}
	end := bytes.Index(rest, pemEnd)
	if end < 0 {
		return 0
	}
	stop := end + len(pemEnd)
	if i := bytes.Index(rest[stop:], []byte("-----")); i >= 0 && i < 64 {
		stop += i + 5
	} else {
		return 0
	}
	armour := unfold(rest[:stop])
	block, _ := pem.Decode(armour)
	if block == nil {
		return 0
	}
	switch {
	case block.Type == "CERTIFICATE" || block.Type == "TRUSTED CERTIFICATE" || block.Type == "X509 CERTIFICATE":
		r.certificate(c, at, block.Bytes, text)
	case strings.HasSuffix(block.Type, "PRIVATE KEY"):
		s := Secret{Kind: PrivateKey, Place: c.at(at, text), Binary: !text}
		if !s.private(block) {
			return stop
		}
		if strings.HasPrefix(path.Base(c.name), "ssh_host_") {
			s.Kind = HostKey
		}
		s.Why = r.known(c, at)
		r.addSecret(s)
	}
	return stop
}

// unfold makes an armour that a program holds as text (\n written out, a quote and a backslash at each end, NULs) one
// that can be read.
func unfold(b []byte) []byte {
	if bytes.Contains(b, []byte(`\n`)) {
		b = bytes.ReplaceAll(b, []byte(`\r`), nil)
		b = bytes.ReplaceAll(b, []byte(`\n`), []byte("\n"))
		b = bytes.ReplaceAll(b, []byte(`"`), nil)
		b = bytes.ReplaceAll(b, []byte("\\\n"), []byte("\n"))
		b = bytes.ReplaceAll(b, []byte("\n\n"), []byte("\n"))
	}
	var out []byte
	for ln := range bytes.Lines(b) {
		out = append(append(out, bytes.TrimSpace(ln)...), '\n')
	}
	return out
}

// private reads a private key and reports whether it is one.
func (s *Secret) private(block *pem.Block) bool {
	s.Format = map[string]string{"RSA PRIVATE KEY": "pkcs1", "EC PRIVATE KEY": "sec1", "DSA PRIVATE KEY": "dsa", "OPENSSH PRIVATE KEY": "openssh"}[block.Type]
	if s.Format == "" {
		s.Format = "pkcs8"
	}
	if block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
		s.Encrypted = true
		return len(block.Bytes) >= 64
	}
	if s.Format == "openssh" {
		return s.openssh(block.Bytes)
	}
	return s.der(block.Bytes)
}

// der reads a key in any of the three usual structures.
func (s *Secret) der(der []byte) bool {
	if len(der) <= maxKey {
		if k, err := x509.ParsePKCS8PrivateKey(der); err == nil {
			s.Format = "pkcs8"
			return s.key(k)
		}
		if k, err := x509.ParseECPrivateKey(der); err == nil {
			s.Format = "sec1"
			return s.key(k)
		}
		if k, err := x509.ParsePKCS1PrivateKey(der); err == nil {
			s.Format = "pkcs1"
			return s.key(k)
		}
	}
	// Keys that the library refuses (too short, or with an odd exponent) are keys all the same.
	var old struct {
		Version             int
		N, E, D, P, Q, A, B *big.Int
		C                   *big.Int `asn1:"optional"`
	}
	if rest, err := asn1.Unmarshal(der, &old); err == nil && len(rest) == 0 && old.Version == 0 && old.N.Sign() > 0 && old.P.Sign() > 0 &&
		old.N.BitLen() <= 16384 && new(big.Int).Mul(old.P, old.Q).Cmp(old.N) == 0 {
		s.Format, s.Algorithm, s.Bits = "pkcs1", "RSA", old.N.BitLen()
		return true
	}
	var d struct {
		Version       int
		P, Q, G, Y, X *big.Int
	}
	if rest, err := asn1.Unmarshal(der, &d); err == nil && len(rest) == 0 && d.Version == 0 && d.P.Sign() > 0 && d.P.BitLen() <= 3072 && d.X.BitLen() <= 512 && d.X.Sign() > 0 && d.G.Sign() > 0 &&
		new(big.Int).Exp(d.G, d.X, d.P).Cmp(d.Y) == 0 {
		s.Format, s.Algorithm, s.Bits = "dsa", "DSA", d.P.BitLen()
		return true
	}
	return false
}

func (s *Secret) key(k any) bool {
	var pub any
	switch k := k.(type) {
	case *rsa.PrivateKey:
		s.Algorithm, s.Bits, pub = "RSA", k.N.BitLen(), &k.PublicKey
	case *ecdsa.PrivateKey:
		s.Algorithm, s.Bits, pub = "ECDSA", k.Curve.Params().BitSize, &k.PublicKey
	case ed25519.PrivateKey:
		s.Algorithm, s.Bits, pub = "Ed25519", 256, k.Public()
	case *dsa.PrivateKey:
		s.Algorithm, s.Bits = "DSA", k.P.BitLen()
		return true
	default:
		s.Algorithm = "other"
		return true
	}
	if der, err := x509.MarshalPKIXPublicKey(pub); err == nil {
		sum := sha256.Sum256(der)
		s.PublicKey = hex.EncodeToString(sum[:])
	}
	return true
}

// openssh reads the head of an OpenSSH key: cipher, and the public half, which stands in the open.
func (s *Secret) openssh(b []byte) bool {
	b, ok := bytes.CutPrefix(b, []byte("openssh-key-v1\x00"))
	if !ok {
		return false
	}
	cipher, b, ok1 := sshString(b)
	_, b, ok2 := sshString(b) // kdf
	_, b, ok3 := sshString(b) // its options
	if !ok1 || !ok2 || !ok3 || len(b) < 4 {
		return false
	}
	s.Encrypted = string(cipher) != "none"
	pub, _, ok := sshString(b[4:])
	return ok && s.sshPublic(pub)
}

func sshString(b []byte) (s, rest []byte, ok bool) {
	if len(b) < 4 {
		return nil, nil, false
	}
	n := binary.BigEndian.Uint32(b)
	if uint64(n) > uint64(len(b)-4) || n > 64<<10 {
		return nil, nil, false
	}
	return b[4 : 4+n], b[4+n:], true
}

// sshPublic reads the public half of a key in the form of SSH.
func (s *Secret) sshPublic(b []byte) bool {
	kind, rest, ok := sshString(b)
	if !ok {
		return false
	}
	sum := sha256.Sum256(b)
	switch string(kind) {
	case "ssh-rsa":
		_, rest, ok1 := sshString(rest)
		n, _, ok2 := sshString(rest)
		if !ok1 || !ok2 {
			return false
		}
		s.Algorithm, s.Bits = "RSA", new(big.Int).SetBytes(n).BitLen()
	case "ssh-dss":
		p, _, ok := sshString(rest)
		if !ok {
			return false
		}
		s.Algorithm, s.Bits = "DSA", new(big.Int).SetBytes(p).BitLen()
	case "ssh-ed25519":
		s.Algorithm, s.Bits = "Ed25519", 256
	case "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521":
		s.Algorithm, s.Bits = "ECDSA", map[byte]int{'6': 256, '4': 384, '1': 521}[kind[len(kind)-1]]
	default:
		return false
	}
	s.Shown = "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
	return s.Bits >= 256
}

// rawKeys reads files that are a key as a whole: dropbear host keys, DER keys and certificates.
func (r *ContentReader) rawKeys(c chunk) {
	if !c.whole || len(c.data) > 16<<10 || len(c.data) < 40 {
		return
	}
	if kind, rest, ok := sshString(c.data); ok && (string(kind) == "ssh-rsa" || string(kind) == "ssh-dss" || string(kind) == "ssh-ed25519" || bytes.HasPrefix(kind, []byte("ecdsa-sha2-"))) {
		s := Secret{Kind: HostKey, Format: "dropbear", Place: Place{File: c.name}, Binary: true}
		if string(kind) == "ssh-ed25519" {
			// dropbear writes private and public half as one string of 64 bytes
			if both, _, ok := sshString(rest); ok && len(both) == 64 {
				s.Algorithm, s.Bits = "Ed25519", 256
				r.addSecret(s)
			}
			return
		}
		if s.sshPublic(c.data) && privatePart(string(kind), rest) {
			r.addSecret(s)
		}
		return
	}
	if c.data[0] != 0x30 {
		return
	}
	s := Secret{Kind: PrivateKey, Place: Place{File: c.name}, Binary: true}
	if s.der(c.data) {
		s.Why = r.known(c, 0)
		r.addSecret(s)
		return
	}
	r.certificate(c, 0, c.data, false)
}

// privatePart reports whether more follows the public half than a public key has.
func privatePart(kind string, rest []byte) bool {
	public := map[string]int{"ssh-rsa": 2, "ssh-dss": 4}[kind]
	if public == 0 {
		public = 2
	}
	for range public {
		var ok bool
		if _, rest, ok = sshString(rest); !ok {
			return false
		}
	}
	private, _, ok := sshString(rest)
	return ok && len(private) > 0
}

// known returns why a key is no secret of the product: it is an example, or a test key that a library carries.
func (r *ContentReader) known(c chunk, at int) string {
	if documentation(c.name) {
		return "an example in a documentation or a test"
	}
	base := path.Base(c.name)
	for _, lib := range []string{"libgnutls", "libcrypto", "libssl", "libmbed", "libpolarssl", "libwolfssl", "libcyassl", "libnss", "libgcrypt", "libssh", "libmatrixssl", "libtomcrypt"} {
		if strings.HasPrefix(base, lib) && (strings.Contains(base, ".so") || strings.HasSuffix(base, ".a")) {
			return "a test key of a cryptographic library"
		}
	}
	before := strings.ToLower(string(c.data[max(0, at-160):at]))
	for _, mark := range []string{"example key", "example private key", "test key", "testkey", "do not use"} {
		if strings.Contains(before, mark) {
			return "marked as an example or a test key"
		}
	}
	return ""
}

func (r *ContentReader) authorized(c chunk) {
	for _, ln := range lines(c.data) {
		text := strings.TrimSpace(ln.text)
		if text == "" || text[0] == '#' {
			continue
		}
		f := strings.Fields(text)
		for i, word := range f {
			if i+1 >= len(f) || !strings.HasPrefix(word, "ssh-") && !strings.HasPrefix(word, "ecdsa-") && !strings.HasPrefix(word, "sk-") {
				continue
			}
			blob, err := base64.StdEncoding.DecodeString(f[i+1])
			s := Secret{Kind: AuthorizedKey, Format: "openssh", Place: Place{c.name, ln.n, ln.off}}
			if err == nil && s.sshPublic(blob) {
				r.addSecret(s)
			}
			break
		}
	}
}
