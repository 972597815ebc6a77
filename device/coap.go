package device

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"regexp"
	"time"

	"golang.org/x/crypto/cryptobyte"
)

var mqttProduct = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9_-]{0,40}) version ([0-9][0-9A-Za-z._-]{0,40})`)

// wellKnown are the two Uri-Path options of /.well-known/core (RFC 7252 5.10.1, RFC 6690).
func wellKnown() []byte {
	return append(append([]byte{0xbb}, ".well-known"...), append([]byte{0x04}, "core"...)...)
}

// coapGet asks for /.well-known/core over UDP, confirmable (RFC 7252 3).
func coapGet(id uint16) []byte {
	head := []byte{0x42, 1, byte(id >> 8), byte(id), 0xa5, 0x5a}
	return append(head, wellKnown()...)
}

// coapMessage is what of a CoAP message matters here.
type coapMessage struct {
	code    byte // class in the upper three bits: 0x45 is 2.05
	payload []byte
}

// Code writes the code as the standard does: 2.05.
func (m *coapMessage) Code() string { return fmt.Sprintf("%d.%02d", m.code>>5, m.code&0x1f) }

// parseCoAP reads a message as UDP carries it.
func parseCoAP(b []byte) (*coapMessage, bool) {
	if len(b) < 4 || b[0]>>6 != 1 || b[0]&0x0f > 8 || len(b) < 4+int(b[0]&0x0f) {
		return nil, false
	}
	return coapRest(b[1], b[4+int(b[0]&0x0f):])
}

// parseCoAPTCP reads the first message of a stream (RFC 8323 3.2) and gives what
// follows it.
func parseCoAPTCP(b []byte) (m *coapMessage, rest []byte, ok bool) {
	if len(b) < 2 {
		return nil, nil, false
	}
	n, token, at := int(b[0]>>4), int(b[0]&0x0f), 1
	extend := map[int]struct{ bytes, base int }{13: {1, 13}, 14: {2, 269}, 15: {4, 65805}}
	if e, is := extend[n]; is {
		if len(b) < at+e.bytes {
			return nil, nil, false
		}
		buf := make([]byte, 4)
		copy(buf[4-e.bytes:], b[at:at+e.bytes])
		v := binary.BigEndian.Uint32(buf)
		if v > maxReceived {
			return nil, nil, false
		}
		n, at = int(v)+e.base, at+e.bytes
	}
	end := at + 1 + token + n
	if token > 8 || len(b) < end {
		return nil, nil, false
	}
	m, ok = coapRest(b[at], b[at+1+token:end])
	return m, b[end:], ok
}

// coapRest goes over the options to the payload.
func coapRest(code byte, b []byte) (*coapMessage, bool) {
	m := &coapMessage{code: code}
	for len(b) > 0 {
		if b[0] == 0xff {
			m.payload = b[1:]
			return m, len(m.payload) > 0
		}
		delta, length, at := int(b[0]>>4), int(b[0]&0x0f), 1
		for _, v := range []*int{&delta, &length} {
			switch *v {
			case 13:
				if len(b) < at+1 {
					return nil, false
				}
				*v = int(b[at]) + 13
				at++
			case 14:
				if len(b) < at+2 {
					return nil, false
				}
				*v = int(binary.BigEndian.Uint16(b[at:])) + 269
				at += 2
			case 15:
				return nil, false
			}
		}
		if len(b) < at+length {
			return nil, false
		}
		b = b[at+length:]
	}
	return m, true
}

// coapWords says what a CoAP service gave.
func coapWords(v *Service, m *coapMessage) {
	switch {
	case m.code == 0x45:
		v.Asks = No
		v.Details = append(v.Details, "it lists its resources to everybody: "+printable(bytes.TrimSpace(m.payload), 120))
	case m.code == 0x81 || m.code == 0x83: // 4.01 Unauthorized, 4.03 Forbidden
		v.Asks = Yes
		v.Details = append(v.Details, "/.well-known/core: "+m.Code())
	default:
		v.Details = append(v.Details, "/.well-known/core: "+m.Code())
	}
}

// coapTCP asks for the resources over TCP.
func (s *Session) coapTCP(ctx context.Context, v *Service) {
	get := wellKnown()
	ask := append([]byte{0x00, 0xe1, 0xd1, byte(len(get) - 13), 1, 0xa5}, get...) // CSM, then GET with a token of one byte
	got, err := s.exchangeOnce(ctx, "coap+tcp", v.Port, ask)
	if err != nil {
		return
	}
	for range 4 {
		m, rest, ok := parseCoAPTCP(got)
		if !ok {
			return
		}
		if m.code>>5 == 2 || m.code>>5 == 4 || m.code>>5 == 5 {
			coapWords(v, m)
			return
		}
		got = rest
	}
}

// dtlsHello is a ClientHello of DTLS 1.2 (RFC 6347 4.2). A server answers with a
// request to say it again with a cookie, and keeps no state.
func dtlsHello(random []byte) []byte {
	body := clientHelloDTLS(random)
	var b cryptobyte.Builder
	b.AddBytes([]byte{22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0})
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
		b.AddUint8(1)
		b.AddUint24(uint32(len(body)))
		b.AddUint16(0) // message
		b.AddUint24(0) // fragment from
		b.AddUint24(uint32(len(body)))
		b.AddBytes(body)
	})
	return b.BytesOrPanic()
}

func clientHelloDTLS(random []byte) []byte {
	var b cryptobyte.Builder
	b.AddUint16(0xfefd)
	b.AddBytes(random[:32])
	b.AddBytes([]byte{0, 0}) // no session, no cookie
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
		for _, id := range []uint16{0xc0ae, 0xc0ac, 0xc02b, 0xc02f, 0xc0a8, 0x00a8, 0xc0a4, 0x00ae, 0x00ff} {
			b.AddUint16(id)
		}
	})
	b.AddBytes([]byte{1, 0})
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { helloExtensions(b, 0x0303, nil) })
	return b.BytesOrPanic()
}

// isDTLS reports an answer of a DTLS server: a handshake or an alert record.
func isDTLS(b []byte) bool {
	return len(b) >= 13 && (b[0] == 22 || b[0] == 21) && b[1] == 0xfe && (b[2] == 0xff || b[2] == 0xfd) && int(binary.BigEndian.Uint16(b[11:])) <= len(b)-13
}

// datagramWait is how long an answer to a datagram is waited for.
const datagramWait = 1200 * time.Millisecond
