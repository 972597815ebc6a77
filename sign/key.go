// Package sign signs documents so that any later change shows, and says when they
// were signed: keys in files, signed envelopes, and time-stamps.
//
// An envelope is a DSSE envelope (github.com/secure-systems-lab/dsse) around a
// payload, most often an in-toto Statement, which names files by their digests. A
// time-stamp is an RFC 3161 token of an authority that the user chose. The package
// keeps no list of keys or authorities to trust: whose key or authority it is, the
// caller must know. It does not know what it signs.
package sign

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"

	"github.com/assay-psti/assay"
)

// Algorithm is a way to sign.
type Algorithm string

// The algorithms.
const (
	Ed25519   Algorithm = "ed25519"    // RFC 8032
	ECDSAP256 Algorithm = "ecdsa-p256" // FIPS 186-5, with SHA-256
)

// Key is a private key.
type Key struct {
	signer crypto.Signer
	public PublicKey
}

// PublicKey checks what its private key signed. The zero value checks nothing.
type PublicKey struct {
	key       crypto.PublicKey
	der       []byte // SubjectPublicKeyInfo
	algorithm Algorithm
}

// Generate makes a key from the system's randomness.
func Generate(a Algorithm) (*Key, error) {
	switch a {
	case Ed25519:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		return newKey(private)
	case ECDSAP256:
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		return newKey(private)
	}
	return nil, fmt.Errorf("key algorithm %q: %w: want ed25519 or ecdsa-p256", a, assay.ErrUnsupported)
}

func newKey(private any) (*Key, error) {
	signer, ok := private.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("key of type %T: %w", private, assay.ErrUnsupported)
	}
	public, err := newPublicKey(signer.Public())
	if err != nil {
		return nil, err
	}
	return &Key{signer, public}, nil
}

func newPublicKey(key crypto.PublicKey) (PublicKey, error) {
	p := PublicKey{key: key}
	switch k := key.(type) {
	case ed25519.PublicKey:
		p.algorithm = Ed25519
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() {
			return PublicKey{}, fmt.Errorf("ECDSA key on another curve than P-256: %w", assay.ErrUnsupported)
		}
		p.algorithm = ECDSAP256
	default:
		return PublicKey{}, fmt.Errorf("key that is neither Ed25519 nor ECDSA P-256: %w", assay.ErrUnsupported)
	}
	var err error
	p.der, err = x509.MarshalPKIXPublicKey(key)
	return p, err
}

// Public is the key's public half.
func (k *Key) Public() PublicKey { return k.public }

// PEM writes the private key as PKCS#8, unencrypted.
func (k *Key) PEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.signer)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: privateBlock, Bytes: der}), nil
}

func (k *Key) sign(message []byte) ([]byte, error) {
	if k.public.algorithm == Ed25519 {
		return k.signer.Sign(rand.Reader, message, crypto.Hash(0))
	}
	sum := sha256.Sum256(message)
	return k.signer.Sign(rand.Reader, sum[:], crypto.SHA256)
}

// ID names the key: the SHA-256 of its SubjectPublicKeyInfo.
func (p PublicKey) ID() assay.Digest {
	sum := sha256.Sum256(p.der)
	return assay.Digest("sha256:" + hex.EncodeToString(sum[:]))
}

// Algorithm is how the key signs.
func (p PublicKey) Algorithm() Algorithm { return p.algorithm }

// PEM writes the public key.
func (p PublicKey) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: publicBlock, Bytes: p.der})
}

func (p PublicKey) verify(message, signature []byte) bool {
	switch k := p.key.(type) {
	case ed25519.PublicKey:
		return ed25519.Verify(k, message, signature)
	case *ecdsa.PublicKey:
		sum := sha256.Sum256(message)
		return ecdsa.VerifyASN1(k, sum[:], signature)
	}
	return false
}

const (
	privateBlock = "PRIVATE KEY"
	publicBlock  = "PUBLIC KEY"
	maxKeyBytes  = 16 << 10
)

// ParseKey reads a private key in PEM, PKCS#8.
func ParseKey(data []byte) (*Key, error) {
	der, err := onlyBlock(data, privateBlock)
	if err != nil {
		return nil, err
	}
	private, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("private key: %w: %w", assay.ErrInvalid, err)
	}
	return newKey(private)
}

// ParsePublicKey reads a public key in PEM.
func ParsePublicKey(data []byte) (PublicKey, error) {
	der, err := onlyBlock(data, publicBlock)
	if err != nil {
		return PublicKey{}, err
	}
	return parsePublicDER(der)
}

// parsePublicDER reads a SubjectPublicKeyInfo in its one right encoding.
func parsePublicDER(der []byte) (PublicKey, error) {
	if len(der) > maxKeyBytes {
		return PublicKey{}, fmt.Errorf("public key of %d bytes: %w", len(der), assay.ErrInvalid)
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return PublicKey{}, fmt.Errorf("public key: %w: %w", assay.ErrInvalid, err)
	}
	p, err := newPublicKey(key)
	if err == nil && !bytes.Equal(p.der, der) {
		return PublicKey{}, fmt.Errorf("public key: %w: not in its right encoding", assay.ErrInvalid)
	}
	return p, err
}

// onlyBlock is the content of the one PEM block of the wanted type.
func onlyBlock(data []byte, want string) ([]byte, error) {
	if len(data) > maxKeyBytes {
		return nil, fmt.Errorf("key of more than %d bytes: %w", maxKeyBytes, assay.ErrInvalid)
	}
	block, rest := pem.Decode(data)
	switch {
	case block == nil:
		return nil, fmt.Errorf("no PEM block %q: %w", want, assay.ErrInvalid)
	case block.Type == "ENCRYPTED PRIVATE KEY" || len(block.Headers) > 0:
		return nil, fmt.Errorf("key that is protected by a pass phrase: %w: decrypt it with openssl pkcs8", assay.ErrUnsupported)
	case block.Type == "EC PRIVATE KEY":
		return nil, fmt.Errorf("key in the older form of EC keys: %w: convert it with openssl pkcs8 -topk8 -nocrypt", assay.ErrUnsupported)
	case block.Type != want:
		return nil, fmt.Errorf("PEM block %.40q: %w: want %q", block.Type, assay.ErrInvalid, want)
	case len(bytes.TrimSpace(rest)) > 0:
		return nil, fmt.Errorf("more than one PEM block: %w", assay.ErrInvalid)
	}
	return block.Bytes, nil
}

// ReadKeyFile reads a private key. A file that others than its owner may read or
// change is refused.
func ReadKeyFile(name string) (*Key, error) {
	data, mode, err := readKeyFile(name)
	if err != nil {
		return nil, err
	}
	if runtime.GOOS != "windows" && mode.Perm()&0o077 != 0 {
		return nil, &assay.Problem{Kind: assay.ErrRefused, Where: name, What: fmt.Sprintf("the private key is open to others (mode %04o)", mode.Perm()), Do: "chmod 600 it, and make a new key if others may have read it"}
	}
	k, err := ParseKey(data)
	if err != nil {
		return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: name, What: "cannot be read as a private key", Err: err}
	}
	return k, nil
}

// ReadPublicKeyFile reads a public key.
func ReadPublicKeyFile(name string) (PublicKey, error) {
	data, _, err := readKeyFile(name)
	if err != nil {
		return PublicKey{}, err
	}
	p, err := ParsePublicKey(data)
	if err != nil {
		return PublicKey{}, &assay.Problem{Kind: assay.ErrInvalid, Where: name, What: "cannot be read as a public key", Err: err}
	}
	return p, nil
}

func readKeyFile(name string) ([]byte, fs.FileMode, error) {
	info, err := os.Stat(name)
	if err != nil {
		kind := assay.ErrInvalid
		if errors.Is(err, fs.ErrNotExist) {
			kind, err = assay.ErrNotFound, nil
		}
		return nil, 0, &assay.Problem{Kind: kind, Where: name, What: "there is no key that can be read", Err: err}
	}
	if !info.Mode().IsRegular() {
		return nil, 0, &assay.Problem{Kind: assay.ErrRefused, Where: name, What: "is not a plain file", Do: "name the key's file"}
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, fmt.Errorf("read key: %w", err)
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil { // of the file that is read, whatever the name meant before
		return nil, 0, fmt.Errorf("read key: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxKeyBytes+1))
	if err != nil {
		return nil, 0, fmt.Errorf("read key %s: %w", name, err)
	}
	return data, info.Mode(), nil
}

// WriteKeyFiles writes a private key to a new file that its owner alone may read,
// and the public key beside it to name.pub. It replaces nothing.
func WriteKeyFiles(name string, k *Key) error {
	private, err := k.PEM()
	if err != nil {
		return err
	}
	if err := writeNew(name, private, 0o600); err != nil {
		return err
	}
	if err := writeNew(name+".pub", k.public.PEM(), 0o644); err != nil {
		return errors.Join(err, os.Remove(name))
	}
	return nil
}

func writeNew(name string, data []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return &assay.Problem{Kind: assay.ErrConflict, Where: name, What: "is there already", Do: "name another file; a key that signed something must be kept"}
	}
	if err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(fmt.Errorf("write key %s: %w", name, err), os.Remove(name))
	}
	return nil
}
