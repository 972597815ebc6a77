package peer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"sync"
	"time"
)

// Authority signs certificates: one that the device was made to trust.
type Authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

// maxPEM bounds a file with certificates and keys.
const maxPEM = 1 << 20

// ErrKeys says that certificate and key are not what is wanted of them.
var ErrKeys = errors.New("certificate and key cannot be used")

// ReadAuthority reads an authority and its key, both as PEM.
func ReadAuthority(certificate, key []byte) (*Authority, error) {
	pair, err := ReadCertificate(certificate, key)
	if err != nil {
		return nil, err
	}
	signer, ok := pair.PrivateKey.(crypto.Signer)
	if !ok || !pair.Leaf.IsCA {
		return nil, fmt.Errorf("%w: it is not the certificate of an authority", ErrKeys)
	}
	if len(pair.Certificate) > 1 {
		return nil, fmt.Errorf("%w: the file holds more than the certificate of the authority", ErrKeys)
	}
	return &Authority{certificate: pair.Leaf, key: signer}, nil
}

// ReadCertificate reads a certificate with its chain and its key, as PEM.
func ReadCertificate(chain, key []byte) (*tls.Certificate, error) {
	if len(chain) > maxPEM || len(key) > maxPEM {
		return nil, fmt.Errorf("%w: more than %d KiB", ErrKeys, maxPEM>>10)
	}
	if block, _ := pem.Decode(chain); block == nil {
		return nil, fmt.Errorf("%w: the certificate is not PEM", ErrKeys)
	}
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeys, err)
	}
	if pair.Leaf == nil {
		return nil, fmt.Errorf("%w: the certificate cannot be read", ErrKeys)
	}
	return &pair, nil
}

func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

// keyKind is the kind of key that a certificate is made with, by what a client knows.
type keyKind int

const (
	rsaKey keyKind = iota
	ecdsaKey
	keyKinds
)

// validity is how far from now certificates reach that are valid: less than the 825
// days that some clients take at most.
const validity = 365 * 24 * time.Hour

// forge makes the certificates of a session.
type forge struct {
	now        func() time.Time
	control    *Authority       // nil: none
	laboratory *tls.Certificate // nil: none
	keys       *keys
	unknown    [keyKinds]*Authority

	mu   sync.Mutex // guards the fields below
	made map[string]*tls.Certificate
	last int64 // serial number
}

// keys are those of a session.
type keys struct {
	leaf   [keyKinds]crypto.Signer
	second [keyKinds]crypto.Signer // for a certificate that another of these signs
	root   [keyKinds]crypto.Signer // of the authority that nobody knows
}

func newKeys() (*keys, error) {
	k := &keys{}
	for kind := range keyKinds {
		for _, to := range []*crypto.Signer{&k.leaf[kind], &k.second[kind], &k.root[kind]} {
			var err error
			if *to, err = newKey(kind); err != nil {
				return nil, fmt.Errorf("make a key: %w", err)
			}
		}
	}
	return k, nil
}

func newForge(now func() time.Time, k *keys, control *Authority, laboratory *tls.Certificate) (*forge, error) {
	f := &forge{now: now, keys: k, control: control, laboratory: laboratory, made: map[string]*tls.Certificate{}, last: now().UnixNano()}
	for kind := range keyKinds {
		var err error
		if f.unknown[kind], err = f.authority(k.root[kind]); err != nil {
			return nil, fmt.Errorf("make an unknown authority: %w", err)
		}
	}
	return f, nil
}

func newKey(kind keyKind) (crypto.Signer, error) {
	if kind == rsaKey {
		return rsa.GenerateKey(rand.Reader, 2048)
	}
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

// authority makes one that nobody knows.
func (f *forge) authority(key crypto.Signer) (*Authority, error) {
	t := f.template("Authority that nobody knows")
	t.IsCA, t.KeyUsage, t.ExtKeyUsage = true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign, nil
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, err
	}
	c, err := x509.ParseCertificate(der)
	return &Authority{c, key}, err
}

// template is a certificate for a server in which nothing is wrong.
func (f *forge) template(name string) *x509.Certificate {
	f.last++
	now := f.now()
	t := &x509.Certificate{
		SerialNumber: big.NewInt(f.last), Subject: pkix.Name{CommonName: name[:min(len(name), 64)]},
		NotBefore: now.Add(-validity), NotAfter: now.Add(validity), BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if ip := net.ParseIP(name); ip != nil {
		t.IPAddresses = []net.IP{ip}
	} else {
		t.DNSNames = []string{name}
	}
	return t
}

// otherName is one that no server has (RFC 2606).
const otherName = "another-server.invalid"

// maxMade bounds the certificates that are kept to be shown again.
const maxMade = 2000

// certificate makes the certificate of a case for a name, or shows the same again.
func (f *forge) certificate(c Case, name string, kind keyKind) (*tls.Certificate, error) {
	if c == Laboratory {
		return f.laboratory, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	id := fmt.Sprintf("%s %d %s", c, kind, name)
	if have := f.made[id]; have != nil {
		return have, nil
	}
	made, err := f.make(c, name, kind)
	if err != nil {
		return nil, fmt.Errorf("make a certificate (%s) for %s: %w", c, name, err)
	}
	if len(f.made) >= maxMade {
		clear(f.made)
	}
	f.made[id] = made
	return made, nil
}

func (f *forge) make(c Case, name string, kind keyKind) (*tls.Certificate, error) {
	key := f.keys.leaf[kind]
	t := f.template(name)
	now := f.now()
	signer := f.control
	var between [][]byte
	switch c {
	case SelfSigned:
		signer = &Authority{t, key}
	case UnknownCA:
		signer = f.unknown[kind]
		between = [][]byte{signer.certificate.Raw}
	case WrongName:
		t = f.template(otherName)
	case Expired:
		t.NotBefore, t.NotAfter = now.Add(-validity), now.Add(-validity/12)
	case NotYetValid:
		t.NotBefore, t.NotAfter = now.Add(validity/12), now.Add(validity)
	case WrongUse:
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	case NoAuthority:
		if signer == nil {
			return nil, errors.New("there is no authority that the device trusts")
		}
		der, err := x509.CreateCertificate(rand.Reader, f.template(otherName), signer.certificate, key.Public(), signer.key)
		if err != nil {
			return nil, err
		}
		middle, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		signer, between = &Authority{middle, key}, [][]byte{der}
		key = f.keys.second[kind]
	}
	if signer == nil {
		return nil, errors.New("there is no authority that the device trusts")
	}
	der, err := x509.CreateCertificate(rand.Reader, t, signer.certificate, key.Public(), signer.key)
	if err != nil {
		return nil, err
	}
	chain := append([][]byte{der}, between...)
	return &tls.Certificate{Certificate: chain, PrivateKey: key}, nil
}

// covers reports whether the laboratory's own certificate is for a name: then it
// shows nothing that should be refused.
func (f *forge) covers(name string) bool {
	return f.laboratory != nil && f.laboratory.Leaf.VerifyHostname(name) == nil
}
