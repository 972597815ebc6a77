package capture

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strings"
)

// Bounds of a DNS message.
const (
	maxRecords = 128
	maxJumps   = 32
)

// looksDNS reports whether bytes begin with a header of DNS that makes sense, and a
// question or answer behind it.
func looksDNS(b []byte) bool {
	if len(b) < 12 {
		return false
	}
	flags, q, a := binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint16(b[4:]), binary.BigEndian.Uint16(b[6:])
	op := flags >> 11 & 15
	if op > 6 || flags&0x40 != 0 || q > 16 || a > 256 || q+a+binary.BigEndian.Uint16(b[8:]) == 0 {
		return false
	}
	_, _, ok := dnsName(b, 12)
	return ok
}

// dnsName reads a name and gives where what follows it begins.
func dnsName(b []byte, at int) (name string, next int, ok bool) {
	var short [320]byte // no name is longer
	out := short[:0]
	jumps := 0
	for {
		if at >= len(b) || len(out) > 255 {
			return "", 0, false
		}
		n := int(b[at])
		switch {
		case n == 0:
			if jumps == 0 {
				next = at + 1
			}
			return string(out), next, true
		case n&0xc0 == 0xc0:
			if at+1 >= len(b) || jumps >= maxJumps {
				return "", 0, false
			}
			if jumps++; jumps == 1 {
				next = at + 2
			}
			at = n&0x3f<<8 | int(b[at+1])
		case n > 63 || at+1+n > len(b):
			return "", 0, false
		default:
			if len(out) > 0 {
				out = append(out, '.')
			}
			out = append(out, b[at+1:at+1+n]...)
			at += 1 + n
		}
	}
}

type dnsDatagrams struct{ how string }

func (r *dnsDatagrams) datagram(t *tracker, f *flow, from side, b []byte) {
	f.label, f.guard = r.how, Clear
	t.dns(f, from, b, r.how)
}

// dnsStream is DNS over TCP: each message has its length before it.
type dnsStream struct{}

func (r *dnsStream) read(t *tracker, f *flow, from side, b []byte) int {
	if len(b) < 2 {
		return 0
	}
	n := int(binary.BigEndian.Uint16(b))
	if len(b) < 2+n {
		return 0
	}
	t.dns(f, from, b[2:2+n], "dns")
	return 2 + n
}

// dns reads one message of DNS, mDNS, LLMNR or the name service of NetBIOS.
func (t *tracker) dns(f *flow, from side, b []byte, how string) {
	if len(b) < 12 {
		return
	}
	c := cursor{b: b[2:12]}
	flags, questions, answers := c.u16(), c.u16(), c.u16()
	records := answers + c.u16() + c.u16()
	answer := flags&0x8000 != 0
	if how == "dns" && answer && f.client == from && f.packets[from.other()] == 0 {
		f.client = from.other()
	}
	at := 12
	var asked string
	for range min(questions, maxRecords) {
		name, next, ok := dnsName(b, at)
		if !ok || next+4 > len(b) {
			return
		}
		at = next + 4
		if how == "netbios" {
			name = netbiosName(name)
		}
		if asked == "" {
			asked = name
		}
		if !answer {
			if l := t.hosts.lookup(f, from, how, name); l != nil {
				if l.Count++; l.Count == 1 {
					l.At = t.mark()
				}
			}
		}
	}
	for range min(records, maxRecords) {
		name, next, ok := dnsName(b, at)
		if !ok || next+10 > len(b) {
			return
		}
		r := cursor{b: b[next:]}
		kind, class := r.u16(), r.u16()
		r.u32()
		n := r.u16()
		data := r.take(n)
		at = len(b) - len(r.b)
		if r.bad {
			return
		}
		if answer || how == "netbios" {
			t.record(f, from, how, asked, name, kind, class, data, b, at-n)
		}
	}
}

// record reads one record of an answer. place is where its data stand.
func (t *tracker) record(f *flow, from side, how, asked, name string, kind, class int, data, b []byte, place int) {
	var ip netip.Addr
	switch {
	case kind == 1 && len(data) == 4:
		ip = netip.AddrFrom4([4]byte(data))
	case kind == 28 && len(data) == 16:
		ip = netip.AddrFrom16([16]byte(data)).Unmap()
	case kind == 32 && how == "netbios" && len(data) >= 6:
		ip, asked = netip.AddrFrom4([4]byte(data[2:6])), netbiosName(name)
	case kind == 12 && how == "mdns":
		if target, _, ok := dnsName(b, place); ok && strings.HasPrefix(name, "_") && name != "_services._dns-sd._udp.local" {
			t.detail(f, from, "announces", strings.TrimSuffix(target, ".local"))
			t.hosts.tells(t.sender(f, from), "announces", strings.TrimSuffix(target, ".local"), &t.pdu)
		}
	case kind == 16 && how == "mdns":
		for c := (cursor{b: data}); len(c.b) > 0; {
			text := string(c.take(c.u8()))
			if key, _, ok := strings.Cut(text, "="); ok && len(text) < 120 && (key == "md" || key == "model" || key == "fn" || key == "am" || key == "ty" || key == "manufacturer" || key == "fv" || key == "srcvers") {
				t.hosts.tells(t.sender(f, from), "announces", text, &t.pdu)
			}
		}
	}
	if !ip.IsValid() {
		return
	}
	switch how {
	case "dns":
		if asked == "" {
			asked = name
		}
		t.hosts.name(ip, asked, how)
		if l := t.hosts.lookup(f, from.other(), how, asked); l != nil {
			if l.At.Packet == 0 {
				l.At = t.mark()
			}
			if len(l.Answers) < 8 && !contains(l.Answers, ip) {
				l.Answers = append(l.Answers, ip)
			}
		}
	case "mdns", "llmnr":
		t.hosts.name(ip, name, how)
	case "netbios":
		t.hosts.name(ip, asked, how)
	}
}

func contains(all []netip.Addr, ip netip.Addr) bool {
	for _, a := range all {
		if a == ip {
			return true
		}
	}
	return false
}

// sender is the host that sent the packet at hand.
func (t *tracker) sender(f *flow, from side) *Host {
	return t.hosts.of(f.macs[from], f.end(from).Addr(), &t.pdu)
}

// netbiosName decodes a name of NetBIOS: two letters a byte, then spaces and a kind.
func netbiosName(s string) string {
	s, _, _ = strings.Cut(s, ".")
	if len(s) != 32 {
		return s
	}
	out := make([]byte, 0, 16)
	for i := 0; i < 32; i += 2 {
		hi, lo := s[i]-'A', s[i+1]-'A'
		if hi > 15 || lo > 15 {
			return s
		}
		out = append(out, hi<<4|lo)
	}
	return string(bytes.TrimRight(out[:15], " \x00"))
}
