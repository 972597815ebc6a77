package capture

import (
	"cmp"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
)

// quicReader reads the first flight of QUIC. Its keys follow from what the packet
// itself carries (RFC 9001, 5.2), so that anybody can read the names in it.
type quicReader struct {
	id     []byte // the connection ID the client chose first; keys follow from it
	pieces []piece
	held   int
	tries  int
	read   bool
}

// quicVersion is what of the protection differs between versions.
type quicVersion struct {
	name   string
	salt   []byte
	prefix string // of the labels of keys
	first  byte   // the type of a first packet
}

func hexBytes(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func quicVersionOf(v uint32) (quicVersion, bool) {
	switch {
	case v == 1:
		return quicVersion{"QUIC 1", hexBytes("38762cf7f55934b34d179ae6a4c80cadccbb7f0a"), "quic ", 0}, true
	case v == 0x6b3343cf:
		return quicVersion{"QUIC 2", hexBytes("0dede3def700a6db819381be6e269dcbf9bd2ed9"), "quicv2 ", 1}, true
	case v >= 0xff00001d && v <= 0xff000022:
		return quicVersion{fmt.Sprintf("QUIC draft %d", v&0xff), hexBytes("afbfec289993d24c9e9786f19c6111e04390a899"), "quic ", 0}, true
	case v&0xffffff00 == 0xfaceb000:
		return quicVersion{fmt.Sprintf("QUIC of Facebook %d", v&0xff), hexBytes("c3eef712c72ebb5a11a7d2432bb46365bef9f502"), "quic ", 0}, true
	case v >= 0xff000017 && v <= 0xff00001c:
		return quicVersion{fmt.Sprintf("QUIC draft %d", v&0xff), hexBytes("c3eef712c72ebb5a11a7d2432bb46365bef9f502"), "quic ", 0}, true
	}
	return quicVersion{}, false
}

// looksQUIC reports whether a datagram begins with a long header of a version that is known.
func looksQUIC(b []byte) (name string, ok bool) {
	if len(b) < 7 || b[0]&0xc0 != 0xc0 {
		return "", false
	}
	v := binary.BigEndian.Uint32(b[1:])
	if q, ok := quicVersionOf(v); ok {
		return q.name, b[5] <= 20
	}
	if v&0x0f0f0f0f == 0x0a0a0a0a && b[5] <= 20 && len(b) >= 1200 { // a version that none has, to be told which there are (RFC 9000, 15)
		return "QUIC, no version yet", true
	}
	if b[1] == 'Q' && b[2] >= '0' && b[2] <= '9' || b[1] == 'T' && b[2] == '0' {
		return "Google QUIC " + string(b[1:5]), true
	}
	return "", false
}

func (r *quicReader) datagram(t *tracker, f *flow, from side, b []byte) {
	f.label, f.guard = "quic", Encrypted
	if name, ok := looksQUIC(b); ok {
		t.detail(f, from, "version", name)
	}
	if r.tries++; r.read || r.tries > 12 {
		t.stop(f)
		return
	}
	for range 4 { // several packets may share a datagram
		n := r.packet(t, f, from, b)
		if n <= 0 || n >= len(b) || f.done {
			return
		}
		b = b[n:]
	}
}

// packet reads one long packet and gives its length; 0 where it cannot be read.
func (r *quicReader) packet(t *tracker, f *flow, from side, b []byte) int {
	if len(b) < 7 || b[0]&0x80 == 0 {
		return 0
	}
	q, ok := quicVersionOf(binary.BigEndian.Uint32(b[1:]))
	if !ok {
		return 0
	}
	c := cursor{b: b[5:]}
	id := c.take(c.u8())
	c.take(c.u8())
	initial := b[0]>>4&3 == q.first
	if initial {
		c.take(c.quicInt()) // token
	}
	n := c.quicInt()
	if c.bad || n > len(c.b) {
		return 0
	}
	at := len(b) - len(c.b)
	if !initial || r.id != nil && from != f.client {
		return at + n
	}
	var plain []byte
	if r.id != nil {
		plain = openInitial(q, r.id, b[:at+n], at)
	}
	if plain == nil { // its own: of the first packet, and after the server asked to begin again
		if plain = openInitial(q, id, b[:at+n], at); plain != nil {
			r.id, f.client = slices.Clone(id), from
		}
	}
	if plain != nil {
		r.frames(t, f, from, plain)
	}
	return at + n
}

// openInitial takes the protection off a client's first packet; nil where it does not fit.
func openInitial(q quicVersion, id, packet []byte, at int) []byte {
	if len(packet) < at+20 {
		return nil
	}
	secret, err := hkdf.Extract(sha256.New, id, q.salt)
	if err != nil {
		return nil
	}
	client := expandLabel(secret, "client in", 32)
	block, err := aes.NewCipher(expandLabel(client, q.prefix+"hp", 16))
	if err != nil {
		return nil
	}
	var mask [16]byte
	block.Encrypt(mask[:], packet[at+4:at+20])
	first := packet[0] ^ mask[0]&0x0f
	size := int(first&3) + 1
	header := slices.Clone(packet[:at+size])
	header[0] = first
	number := uint64(0)
	for i := range size {
		header[at+i] ^= mask[1+i]
		number = number<<8 | uint64(header[at+i])
	}
	nonce := expandLabel(client, q.prefix+"iv", 12)
	for i := range 8 {
		nonce[11-i] ^= byte(number >> (8 * i))
	}
	if block, err = aes.NewCipher(expandLabel(client, q.prefix+"key", 16)); err != nil {
		return nil
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil
	}
	plain, err := aead.Open(nil, nonce, packet[at+size:], header)
	if err != nil {
		return nil
	}
	return plain
}

// expandLabel is HKDF-Expand-Label of TLS 1.3 with an empty context.
func expandLabel(secret []byte, label string, n int) []byte {
	label = "tls13 " + label
	info := append([]byte{byte(n >> 8), byte(n), byte(len(label))}, label...)
	out, err := hkdf.Expand(sha256.New, secret, string(append(info, 0)), n)
	if err != nil {
		return make([]byte, n)
	}
	return out
}

// frames gathers what of the handshake is in a packet, and reads it once it is whole.
func (r *quicReader) frames(t *tracker, f *flow, from side, b []byte) {
	c := cursor{b: b}
	for len(c.b) > 0 && !c.bad {
		switch kind := c.quicInt(); kind {
		case 0, 1: // padding, ping
		case 2, 3: // acknowledgement
			c.quicInt()
			c.quicInt()
			ranges := c.quicInt()
			c.quicInt()
			for range min(ranges, 256) {
				c.quicInt()
				c.quicInt()
			}
			if kind == 3 {
				c.quicInt()
				c.quicInt()
				c.quicInt()
			}
		case 6:
			at := c.quicInt()
			data := c.take(c.quicInt())
			if c.bad || at > maxHandshake || r.held+len(data) > maxHandshake || len(r.pieces) > 64 || !t.keep(f, len(data)) {
				return
			}
			r.held += len(data)
			r.pieces = append(r.pieces, piece{at, slices.Clone(data)})
		default:
			c.bad = true
		}
	}
	r.tryHello(t, f, from)
}

func (r *quicReader) tryHello(t *tracker, f *flow, from side) {
	slices.SortStableFunc(r.pieces, func(a, b piece) int { return cmp.Compare(a.at, b.at) })
	var whole []byte
	for _, p := range r.pieces {
		if p.at > len(whole) {
			return
		}
		if end := p.at + len(p.data); end > len(whole) {
			whole = append(whole, p.data[len(whole)-p.at:]...)
		}
	}
	if len(whole) < 4 || whole[0] != 1 {
		return
	}
	n := int(whole[1])<<16 | int(whole[2])<<8 | int(whole[3])
	if len(whole) < 4+n {
		return
	}
	r.read = true
	h, ok := readHello(whole[4:4+n], false)
	if !ok {
		return
	}
	s := &TLS{At: t.mark(), Count: 1, Notes: []string{"within QUIC: what is negotiated is encrypted"}}
	h.fill(s, 'q')
	if x := f.need(); t.note(f, s.size()) {
		x.TLS = append(x.TLS, s)
	}
	if s.SNI != "" {
		t.hosts.name(f.end(from.other()).Addr(), s.SNI, "sni")
	}
	t.stop(f)
}
