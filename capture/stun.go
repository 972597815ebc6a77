package capture

import "encoding/binary"

// stunReader reads flows that begin with STUN: what looks for a way through routers,
// after which media follow on the same ports, encrypted under keys of DTLS (RFC 7983).
type stunReader struct{ media int }

func looksSTUN(b []byte) bool {
	return len(b) >= 20 && b[0]&0xc0 == 0 && binary.BigEndian.Uint32(b[4:]) == 0x2112a442 && int(binary.BigEndian.Uint16(b[2:]))+20 <= len(b)
}

func (r *stunReader) datagram(t *tracker, f *flow, from side, b []byte) {
	if f.label == "" {
		f.label, f.guard = "stun", Clear
	}
	if looksSTUN(b) {
		return
	}
	if len(b) >= 4 && b[0]>>6 == 1 { // data of a channel through a relay (RFC 8656)
		b = b[4:min(len(b), 4+int(binary.BigEndian.Uint16(b[2:])))]
	}
	if looksDTLS(b) {
		d := &dtlsReader{}
		f.label, f.guard, f.dgram = "dtls", "", d
		t.detail(f, from, "after", "STUN")
		d.datagram(t, f, from, b)
		return
	}
	// What follows may be media under keys that were agreed on elsewhere, or in clear.
	if r.media++; r.media == 3 {
		f.label, f.guard = "stun+media", Unknown
	}
}
