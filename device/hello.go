package device

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
)

// crypto/tls neither speaks SSL 3.0 nor offers export, anonymous, NULL or PSK
// suites. So whether a service accepts these is asked by a ClientHello of our own
// (RFC 5246 7.4.1.2, RFC 6101), and only the ServerHello is read.

// weakKind is a kind of suite that no service should accept.
type weakKind struct {
	name   string
	suites []uint16
}

// Numbers from IANA's registry of TLS cipher suites; why they are weak: RFC 7465
// (RC4), RFC 9325 4.1 (NULL, anonymous, export, below 112 bits).
var weakKinds = []weakKind{
	{"suites without encryption", []uint16{0x0001, 0x0002, 0x003b, 0xc006, 0xc010}},
	{"suites without authentication", []uint16{0x0018, 0x001b, 0x0034, 0x003a, 0x006c, 0xc018, 0xc019}},
	{"export suites", []uint16{0x0003, 0x0006, 0x0008, 0x0014}},
	{"RC4", []uint16{0x0004, 0x0005, 0xc007, 0xc011}},
	{"DES or 3DES", []uint16{0x0009, 0x000a, 0x0015, 0x0016, 0xc008, 0xc012}},
}

// otherSuites are names that crypto/tls does not know.
var otherSuites = map[uint16]string{
	0x0001: "TLS_RSA_WITH_NULL_MD5", 0x0002: "TLS_RSA_WITH_NULL_SHA", 0x003b: "TLS_RSA_WITH_NULL_SHA256", 0xc006: "TLS_ECDHE_ECDSA_WITH_NULL_SHA", 0xc010: "TLS_ECDHE_RSA_WITH_NULL_SHA",
	0x0018: "TLS_DH_anon_WITH_RC4_128_MD5", 0x001b: "TLS_DH_anon_WITH_3DES_EDE_CBC_SHA", 0x0034: "TLS_DH_anon_WITH_AES_128_CBC_SHA", 0x003a: "TLS_DH_anon_WITH_AES_256_CBC_SHA",
	0x006c: "TLS_DH_anon_WITH_AES_128_CBC_SHA256", 0xc018: "TLS_ECDH_anon_WITH_AES_128_CBC_SHA", 0xc019: "TLS_ECDH_anon_WITH_AES_256_CBC_SHA",
	0x0003: "TLS_RSA_EXPORT_WITH_RC4_40_MD5", 0x0006: "TLS_RSA_EXPORT_WITH_RC2_CBC_40_MD5", 0x0008: "TLS_RSA_EXPORT_WITH_DES40_CBC_SHA", 0x0014: "TLS_DHE_RSA_EXPORT_WITH_DES40_CBC_SHA",
	0x0004: "TLS_RSA_WITH_RC4_128_MD5", 0x0009: "TLS_RSA_WITH_DES_CBC_SHA", 0x0015: "TLS_DHE_RSA_WITH_DES_CBC_SHA", 0x0016: "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA", 0xc008: "TLS_ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA",
	0x0033: "TLS_DHE_RSA_WITH_AES_128_CBC_SHA", 0x0039: "TLS_DHE_RSA_WITH_AES_256_CBC_SHA", 0x0067: "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256", 0x006b: "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256",
	0x009e: "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", 0x009f: "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
	0x008c: "TLS_PSK_WITH_AES_128_CBC_SHA", 0x008d: "TLS_PSK_WITH_AES_256_CBC_SHA", 0x00a8: "TLS_PSK_WITH_AES_128_GCM_SHA256", 0x00ae: "TLS_PSK_WITH_AES_128_CBC_SHA256",
	0xc0a4: "TLS_PSK_WITH_AES_128_CCM", 0xc0a8: "TLS_PSK_WITH_AES_128_CCM_8", 0xc0ac: "TLS_ECDHE_ECDSA_WITH_AES_128_CCM", 0xc0ae: "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8",
}

var pskSuites = map[uint16]bool{0x008c: true, 0x008d: true, 0x00a8: true, 0x00ae: true, 0xc0a4: true, 0xc0a8: true}

// plainSuites are offered where no kind is asked for: good ones first.
func plainSuites() []uint16 {
	var out []uint16
	for _, s := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		out = append(out, s.ID)
	}
	return append(out, 0x0033, 0x0039, 0x0067, 0x006b, 0x009e, 0x009f, 0xc0ac, 0xc0ae, 0xc0a8, 0x00a8, 0xc0a4, 0x00ae, 0x008c, 0x008d)
}

// serverHello is what a service answers.
type serverHello struct {
	version uint16
	suite   uint16
}

// helloTime bounds the wait for a ServerHello.
const helloTime = 3 * time.Second

// hello sends a ClientHello that offers one version, and reads the ServerHello.
// nil without an error means that the service refused: by an alert, or by closing.
func (s *Session) hello(ctx context.Context, port int, version uint16, suites []uint16) (*serverHello, error) {
	if suites == nil {
		suites = plainSuites()
	}
	c, err := s.dial(ctx, fmt.Sprintf("tls hello %s", versionNames[version]), "tcp", port)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	c.within(helloTime)
	random := make([]byte, 64)
	if _, err := io.ReadFull(s.o.Rand, random); err != nil {
		return nil, err
	}
	if _, err := c.Write(tlsRecord(version, clientHello(version, suites, random))); err != nil {
		return nil, nil
	}
	h, err := readServerHello(c)
	if err != nil && !errors.Is(err, errNoHello) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !isReset(err) {
		return nil, err
	}
	return h, nil
}

// tlsRecord wraps a handshake message (RFC 8446 5.1: hellos carry 3.1 or 3.0).
func tlsRecord(version uint16, body []byte) []byte {
	var b cryptobyte.Builder
	b.AddUint8(22)
	b.AddUint16(min(version, tls.VersionTLS10))
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(body) })
	return b.BytesOrPanic()
}

// clientHello writes the message; random is 64 bytes: 32 of the hello, 32 of a key
// share that is never used.
func clientHello(version uint16, suites []uint16, random []byte) []byte {
	var b cryptobyte.Builder
	b.AddUint8(1)
	b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
		b.AddUint16(min(version, tls.VersionTLS12))
		b.AddBytes(random[:32])
		b.AddUint8(0) // no session
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
			for _, id := range suites {
				if modern := id>>8 == 0x13; modern == (version == tls.VersionTLS13) {
					b.AddUint16(id)
				}
			}
			if version != tls.VersionTLS13 {
				b.AddUint16(0x00ff) // renegotiation is safe, RFC 5746
			}
		})
		b.AddBytes([]byte{1, 0}) // no compression
		if version == 0x0300 {
			return
		}
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { helloExtensions(b, version, random[32:]) })
	})
	return b.BytesOrPanic()
}

func helloExtensions(b *cryptobyte.Builder, version uint16, share []byte) {
	ext := func(id uint16, f func(*cryptobyte.Builder)) {
		b.AddUint16(id)
		b.AddUint16LengthPrefixed(f)
	}
	list := func(values ...uint16) func(*cryptobyte.Builder) {
		return func(b *cryptobyte.Builder) {
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
				for _, v := range values {
					b.AddUint16(v)
				}
			})
		}
	}
	ext(10, list(29, 23, 24, 25))                                                                                 // groups: X25519 and the NIST curves
	ext(11, func(b *cryptobyte.Builder) { b.AddBytes([]byte{1, 0}) })                                             // points as they are
	ext(13, list(0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0807, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201)) // signatures
	if version != tls.VersionTLS13 {
		return
	}
	ext(43, func(b *cryptobyte.Builder) {
		b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddUint16(tls.VersionTLS13) })
	})
	ext(51, func(b *cryptobyte.Builder) {
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
			b.AddUint16(29)
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(share) })
		})
	})
}

// errNoHello says that what came is no ServerHello.
var errNoHello = errors.New("no server hello")

// readServerHello reads records until the first handshake message is whole. An
// alert, or anything else, is errNoHello.
func readServerHello(r io.Reader) (*serverHello, error) {
	var message []byte
	for range 8 {
		var head [5]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return nil, err
		}
		n := int(head[3])<<8 | int(head[4])
		if head[0] != 22 || head[1] != 3 || n == 0 || n > 1<<14+2048 {
			return nil, errNoHello
		}
		body := make([]byte, n)
		if _, err := io.ReadFull(r, body); err != nil {
			return nil, err
		}
		message = append(message, body...)
		if h, whole := parseServerHello(message); whole {
			if h == nil {
				return nil, errNoHello
			}
			return h, nil
		}
	}
	return nil, errNoHello
}

// parseServerHello reads a ServerHello from the beginning of handshake bytes; whole
// is false while more is needed.
func parseServerHello(b []byte) (h *serverHello, whole bool) {
	if len(b) > 0 && b[0] != 2 {
		return nil, true
	}
	if len(b) < 4 {
		return nil, false
	}
	n := int(b[1])<<16 | int(b[2])<<8 | int(b[3])
	if n > 1<<14 {
		return nil, true
	}
	if len(b) < 4+n {
		return nil, false
	}
	in := cryptobyte.String(b[4 : 4+n])
	var session cryptobyte.String
	h = &serverHello{}
	var compression uint8
	if !in.ReadUint16(&h.version) || !in.Skip(32) || !in.ReadUint8LengthPrefixed(&session) || !in.ReadUint16(&h.suite) || !in.ReadUint8(&compression) {
		return nil, true
	}
	var extensions cryptobyte.String
	if in.Empty() {
		return h, true
	}
	if !in.ReadUint16LengthPrefixed(&extensions) {
		return nil, true
	}
	for !extensions.Empty() {
		var id uint16
		var data cryptobyte.String
		if !extensions.ReadUint16(&id) || !extensions.ReadUint16LengthPrefixed(&data) {
			return nil, true
		}
		if id == 43 && !data.ReadUint16(&h.version) { // TLS 1.3 says its version here
			return nil, true
		}
	}
	return h, true
}
