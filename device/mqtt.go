package device

import (
	"context"
	"errors"
	"io"
	"time"

	"golang.org/x/crypto/cryptobyte"
)

// MQTT 3.1.1 (OASIS). Only CONNECT, SUBSCRIBE to the broker's own version, and
// DISCONNECT are ever sent: nothing is published and no topic of the product read.

// mqttConnect writes CONNECT; c is nil for none.
func mqttConnect(client string, c *credential) []byte {
	var b cryptobyte.Builder
	text := func(b *cryptobyte.Builder, s string) {
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(s)) })
	}
	text(&b, "MQTT")
	b.AddUint8(4)
	flags := uint8(2) // a clean session
	if c != nil {
		flags |= 0x80 | 0x40
	}
	b.AddUint8(flags)
	b.AddUint16(30)
	text(&b, client)
	if c != nil {
		text(&b, c.user)
		text(&b, c.password)
	}
	return mqttPacket(0x10, b.BytesOrPanic())
}

func mqttPacket(kind byte, body []byte) []byte {
	out := []byte{kind}
	n := len(body)
	for {
		d := byte(n & 0x7f)
		if n >>= 7; n > 0 {
			d |= 0x80
		}
		if out = append(out, d); n == 0 {
			return append(out, body...)
		}
	}
}

const maxMQTT = 4096 // bytes of one packet that is read

// readMQTT reads one packet.
func readMQTT(r io.Reader) (kind byte, body []byte, err error) {
	var one [1]byte
	if _, err := io.ReadFull(r, one[:]); err != nil {
		return 0, nil, err
	}
	kind = one[0]
	n := 0
	for shift := 0; ; shift += 7 {
		if shift > 21 {
			return 0, nil, errMQTT
		}
		if _, err := io.ReadFull(r, one[:]); err != nil {
			return 0, nil, err
		}
		n |= int(one[0]&0x7f) << shift
		if one[0]&0x80 == 0 {
			break
		}
	}
	if n > maxMQTT {
		return 0, nil, errMQTT
	}
	body = make([]byte, n)
	_, err = io.ReadFull(r, body)
	return kind, body, err
}

var errMQTT = errors.New("the answer is not MQTT")

// mqttPublished takes topic and payload out of a PUBLISH of quality 0.
func mqttPublished(kind byte, body []byte) (topic, payload string, ok bool) {
	in := cryptobyte.String(body)
	var t cryptobyte.String
	if kind>>4 != 3 || kind&6 != 0 || !in.ReadUint16LengthPrefixed(&t) {
		return "", "", false
	}
	return string(t), string(in), true
}

// stream opens a connection to a service, inside TLS where it speaks that.
func (s *Session) stream(ctx context.Context, probe string, v *Service, secrets ...string) (io.ReadWriter, *conn, error) {
	c, err := s.dial(ctx, probe, v.Network, v.Port)
	if err != nil {
		return nil, nil, err
	}
	c.hide(secrets...)
	c.within(httpTime)
	if v.seen == nil || !v.seen.tls {
		return c, c, nil
	}
	t, err := s.startTLS(ctx, c)
	if err != nil {
		c.Close()
		return nil, nil, err
	}
	return &tap{ReadWriter: t, c: c}, c, nil
}

// mqttLogin connects with a credential, or without; version is what the broker
// tells of itself where it lets in.
func (s *Session) mqttLogin(ctx context.Context, v *Service, probe string, cred *credential) (o Outcome, why_ string, version string) {
	rw, c, err := s.stream(ctx, probe, v, cred.secrets()...)
	if err != nil {
		return Unclear, why(err), ""
	}
	defer c.Close()
	if _, err := rw.Write(mqttConnect("assay-"+s.random()[2:8], cred)); err != nil {
		return Unclear, why(err), ""
	}
	kind, body, err := readMQTT(rw)
	switch {
	case err != nil:
		return Unclear, why(err), ""
	case kind != 0x20 || len(body) < 2:
		return Unclear, "the answer is no CONNACK", ""
	case body[1] == 4 || body[1] == 5:
		return Refused, "CONNACK " + string('0'+body[1]), ""
	case body[1] != 0:
		return Unclear, "CONNACK " + string('0'+body[1]&7), ""
	}
	return Accepted, "CONNACK 0", s.mqttVersion(rw, c)
}

// mqttVersion asks the broker for its version, as mosquitto publishes it.
func (s *Session) mqttVersion(rw io.ReadWriter, c *conn) string {
	const topic = "$SYS/broker/version"
	var b cryptobyte.Builder
	b.AddUint16(1)
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(topic)) })
	b.AddUint8(0)
	c.within(1500 * time.Millisecond)
	if _, err := rw.Write(mqttPacket(0x82, b.BytesOrPanic())); err != nil {
		return ""
	}
	defer rw.Write(mqttPacket(0xe0, nil)) //nolint:errcheck // good-bye to one who may be gone
	for range 4 {
		kind, body, err := readMQTT(rw)
		if err != nil {
			return ""
		}
		if t, payload, ok := mqttPublished(kind, body); ok && t == topic {
			return printable([]byte(payload), 80)
		}
	}
	return ""
}

// mqttDetails tells whether a broker lets anybody in, and what it is.
func (s *Session) mqttDetails(ctx context.Context, v *Service) {
	o, _, version := s.mqttLogin(ctx, v, "mqtt without log-in", nil)
	switch o {
	case Accepted:
		v.Asks = No
	case Refused:
		v.Asks = Yes
	}
	s.mqttNamed(v, version)
}

// mqttNamed fills in product and version from what the broker tells of itself:
// "mosquitto version 2.0.11".
func (s *Session) mqttNamed(v *Service, version string) {
	g := mqttProduct.FindStringSubmatch(version)
	if g != nil {
		v.Product, v.Version = g[1], g[2]
	}
}
