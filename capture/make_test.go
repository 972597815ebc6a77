package capture

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
)

// Captures that the tests make themselves.

var (
	device  = netip.MustParseAddr("192.168.8.20")
	phone   = netip.MustParseAddr("192.168.8.30")
	router  = netip.MustParseAddr("192.168.8.1")
	cloud   = netip.MustParseAddr("203.0.113.7")
	device6 = netip.MustParseAddr("2001:db8:8::20")
	cloud6  = netip.MustParseAddr("2001:db8:f::7")
)

const (
	deviceMAC = "02:00:00:00:00:14"
	routerMAC = "02:00:00:00:00:01"
)

// maker writes a capture packet by packet.
type maker struct {
	b       bytes.Buffer
	at      time.Time
	n       int64
	snap    int
	link    func(src, dst mac, kind uint16, ip []byte) []byte
	kind    uint32 // of the link layer
	written bool   // the header of the file
}

func newMaker() *maker {
	m := &maker{at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), snap: 1 << 18, kind: 1}
	m.link = func(src, dst mac, kind uint16, ip []byte) []byte {
		out := append(append(append([]byte{}, dst[:]...), src[:]...), byte(kind>>8), byte(kind))
		return append(out, ip...)
	}
	return m
}

func (m *maker) header() {
	if !m.written {
		m.written = true
		le := binary.LittleEndian
		h := le.AppendUint32(nil, 0xa1b2c3d4)
		h = le.AppendUint16(h, 2)
		h = le.AppendUint16(h, 4)
		h = le.AppendUint64(h, 0)
		h = le.AppendUint32(h, uint32(m.snap))
		m.b.Write(le.AppendUint32(h, m.kind))
	}
}

// frame writes one frame, cut to the snap length.
func (m *maker) frame(f []byte) {
	m.header()
	le := binary.LittleEndian
	h := le.AppendUint32(nil, uint32(m.at.Unix()))
	h = le.AppendUint32(h, uint32(m.at.Nanosecond()/1000))
	kept := min(len(f), m.snap)
	h = le.AppendUint32(h, uint32(kept))
	h = le.AppendUint32(h, uint32(len(f)))
	m.b.Write(h)
	m.b.Write(f[:kept])
	m.at = m.at.Add(time.Millisecond)
	m.n++
}

// macOf gives a local address its own hardware address, and the router's to all others.
func macOf(ip netip.Addr) mac {
	switch {
	case ip.IsMulticast() || ip == netip.MustParseAddr("255.255.255.255"):
		return mac{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	case ip == device6:
		return mac{2, 0, 0, 0, 0, 0x14}
	case ip.Is4() && ip.IsPrivate():
		return mac{2, 0, 0, 0, 0, ip.As4()[3]}
	}
	return mac{2, 0, 0, 0, 0, 1}
}

func ipPacket(src, dst netip.Addr, proto byte, body []byte) []byte {
	if src.Is4() {
		h := make([]byte, 20)
		h[0], h[8], h[9] = 0x45, 64, proto
		binary.BigEndian.PutUint16(h[2:], uint16(20+len(body)))
		s, d := src.As4(), dst.As4()
		copy(h[12:], s[:])
		copy(h[16:], d[:])
		return append(h, body...)
	}
	h := make([]byte, 40)
	h[0], h[6], h[7] = 0x60, proto, 64
	binary.BigEndian.PutUint16(h[4:], uint16(len(body)))
	s, d := src.As16(), dst.As16()
	copy(h[8:], s[:])
	copy(h[24:], d[:])
	return append(h, body...)
}

func (m *maker) ip(src, dst netip.Addr, proto byte, body []byte) {
	kind := uint16(0x0800)
	if src.Is6() {
		kind = 0x86dd
	}
	m.frame(m.link(macOf(src), macOf(dst), kind, ipPacket(src, dst, proto, body)))
}

func udpBody(sport, dport uint16, b []byte) []byte {
	h := binary.BigEndian.AppendUint16(nil, sport)
	h = binary.BigEndian.AppendUint16(h, dport)
	h = binary.BigEndian.AppendUint16(h, uint16(8+len(b)))
	return append(append(h, 0, 0), b...)
}

func (m *maker) udp(src, dst netip.AddrPort, b []byte) {
	m.ip(src.Addr(), dst.Addr(), protoUDP, udpBody(src.Port(), dst.Port(), b))
}

// talk is one TCP connection.
type talk struct {
	m    *maker
	ends [2]netip.AddrPort // client, server
	seq  [2]uint32
	size int // of segments
}

func (m *maker) tcp(client, server netip.AddrPort) *talk {
	t := &talk{m: m, ends: [2]netip.AddrPort{client, server}, seq: [2]uint32{1000, 4294967000}, size: 1400}
	t.segment(0, flagSYN, t.seq[0], nil)
	t.segment(1, flagSYN|flagACK, t.seq[1], nil)
	t.seq[0]++
	t.seq[1]++
	t.segment(0, flagACK, t.seq[0], nil)
	return t
}

func (t *talk) segment(side int, flags byte, seq uint32, b []byte) {
	h := binary.BigEndian.AppendUint16(nil, t.ends[side].Port())
	h = binary.BigEndian.AppendUint16(h, t.ends[1-side].Port())
	h = binary.BigEndian.AppendUint32(h, seq)
	h = binary.BigEndian.AppendUint32(h, t.seq[1-side])
	h = append(h, 5<<4, flags, 0xff, 0xff, 0, 0, 0, 0)
	t.m.ip(t.ends[side].Addr(), t.ends[1-side].Addr(), protoTCP, append(h, b...))
}

func (t *talk) say(side int, b []byte) *talk {
	for len(b) > 0 {
		n := min(len(b), t.size)
		t.segment(side, flagACK|8, t.seq[side], b[:n])
		t.seq[side] += uint32(n)
		b = b[n:]
	}
	return t
}

// c and s are what the client and the server say.
func (t *talk) c(s string) *talk { return t.say(0, []byte(s)) }
func (t *talk) s(s string) *talk { return t.say(1, []byte(s)) }

func (t *talk) close() {
	t.segment(0, flagFIN|flagACK, t.seq[0], nil)
	t.seq[0]++
	t.segment(1, flagFIN|flagACK, t.seq[1], nil)
}

func port(a netip.Addr, n uint16) netip.AddrPort { return netip.AddrPortFrom(a, n) }

func (m *maker) read(t testing.TB, o Options) *Result {
	t.Helper()
	m.header()
	r, err := Read(t.Context(), "made.pcap", bytes.NewReader(m.b.Bytes()), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// of reads the capture for the device.
func (m *maker) of(t testing.TB, names ...string) *Device {
	t.Helper()
	if len(names) == 0 {
		names = []string{deviceMAC}
	}
	d, err := m.read(t, Options{}).Device(names...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
