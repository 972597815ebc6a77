package capture

import (
	"net/netip"
	"strings"
)

type dhcp struct{}

// datagram reads a message of DHCP: what the client says of itself, and which
// address it was given.
func (dhcp) datagram(t *tracker, f *flow, from side, b []byte) {
	f.label, f.guard = "dhcp", Clear
	if len(b) < 240 {
		return
	}
	var m mac
	if b[1] == 1 && b[2] == 6 {
		copy(m[:], b[28:34])
	}
	if m == (mac{}) || m.group() {
		return
	}
	client := t.hosts.of(m, netip.Addr{}, &t.pdu)
	request := b[0] == 1
	if !request && f.client == from {
		f.client = from.other()
	}
	kind := 0
	for c := (cursor{b: b[240:]}); len(c.b) > 0 && !c.bad; {
		code := c.u8()
		if code == 0 {
			continue
		}
		if code == 255 {
			break
		}
		v := c.take(c.u8())
		if len(v) == 0 {
			continue
		}
		switch {
		case code == 53:
			kind = int(v[0])
		case code == 12 && request:
			t.hosts.named(client, string(v), "dhcp")
		case code == 81 && request && len(v) > 3:
			t.hosts.named(client, string(v[3:]), "dhcp")
		case code == 60 && request:
			t.hosts.tells(client, "DHCP vendor class", string(v), &t.pdu)
		case code == 6 && !request:
			t.detail(f, from, "gives DNS servers", addressList(v))
		case code == 42 && !request:
			t.detail(f, from, "gives NTP servers", addressList(v))
		case code == 3 && !request:
			t.detail(f, from, "gives routers", addressList(v))
		case code == 66 || code == 67:
			t.detail(f, from, "boot server or file", string(v))
		}
	}
	if !request && kind == 5 {
		t.hosts.bind(client, netip.AddrFrom4([4]byte(b[16:20])), "dhcp", &t.pdu)
	}
	if request && (kind == 3 || kind == 8 || kind == 7) {
		if in := netip.AddrFrom4([4]byte(b[12:16])); !in.IsUnspecified() { // it says so itself, and answers there
			t.hosts.bind(client, in, "dhcp", &t.pdu)
		}
	}
	if name := map[int]string{1: "discover", 2: "offer", 3: "request", 4: "decline", 5: "acknowledgement", 6: "refusal", 7: "release", 8: "inform"}[kind]; name != "" {
		t.detail(f, from, "message", name)
	}
}

func addressList(b []byte) string {
	var out []string
	for ; len(b) >= 4 && len(out) < 8; b = b[4:] {
		out = append(out, netip.AddrFrom4([4]byte(b[:4])).String())
	}
	return strings.Join(out, ", ")
}

type dhcp6 struct{}

// datagram reads a message of DHCPv6.
func (dhcp6) datagram(t *tracker, f *flow, from side, b []byte) {
	f.label, f.guard = "dhcpv6", Clear
	if len(b) < 4 {
		return
	}
	answer := b[0] == 2 || b[0] == 7
	if b[0] > 11 { // relayed
		return
	}
	var m mac
	var given []netip.Addr
	var name string
	for c := (cursor{b: b[4:]}); len(c.b) >= 4 && !c.bad; {
		code := c.u16()
		v := c.take(c.u16())
		switch {
		case code == 1 && len(v) >= 14 && v[1] == 1 && v[3] == 1: // link layer address and time
			copy(m[:], v[8:14])
		case code == 1 && len(v) == 10 && v[1] == 3 && v[3] == 1:
			copy(m[:], v[4:10])
		case code == 3 && answer && len(v) > 12:
			for a := (cursor{b: v[12:]}); len(a.b) >= 4 && !a.bad; {
				sub := a.u16()
				if w := a.take(a.u16()); sub == 5 && len(w) >= 16 && len(given) < 4 {
					given = append(given, netip.AddrFrom16([16]byte(w[:16])))
				}
			}
		case code == 39 && !answer && len(v) > 1:
			name, _, _ = dnsName(append(v[1:len(v):len(v)], 0), 0)
		case code == 16 && !answer && len(v) > 6:
			t.hosts.tells(t.sender(f, from), "DHCPv6 vendor class", string(v[6:]), &t.pdu)
		}
	}
	if m != (mac{}) && !m.group() {
		client := t.hosts.byMAC[m]
		t.hosts.named(client, name, "dhcp")
		for _, ip := range given {
			t.hosts.bind(client, ip, "dhcp", &t.pdu)
		}
	}
}
