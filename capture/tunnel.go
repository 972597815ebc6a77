package capture

import "encoding/binary"

// Packets within packets, and link layers that few captures have.

// maxTunnels bounds tunnels within tunnels that carry frames.
const maxTunnels = 2

// within reads an Ethernet frame that a tunnel carries: its addresses are those of
// who spoke, not those of the tunnel's ends.
func (t *tracker) within(b []byte, p *packet) {
	if p.tunnels++; p.tunnels > maxTunnels || len(b) < 14 {
		t.unread("packets that are not IP, or tunnels within tunnels")
		return
	}
	copy(p.dstMAC[:], b)
	copy(p.srcMAC[:], b[6:])
	t.ether(binary.BigEndian.Uint16(b[12:]), b[14:], p, 0)
}

// gre reads what GRE carries (RFC 2784 and 2890), mirrored traffic included, and
// reports whether it was read.
func (t *tracker) gre(b []byte, p *packet, depth int) bool {
	if len(b) < 4 || binary.BigEndian.Uint16(b)&0x4007 != 0 { // routing, or another version
		return false
	}
	head, numbered := 4, b[0]&0x10 != 0
	for _, flag := range []byte{0x80, 0x20, 0x10} {
		if b[0]&flag != 0 {
			head += 4
		}
	}
	if len(b) < head {
		return false
	}
	inner := b[head:]
	switch kind := binary.BigEndian.Uint16(b[2:]); {
	case kind == 0x0800 || kind == 0x86dd:
		t.ip(inner, p, depth+1)
	case kind == 0x6558, kind == 0x88be && !numbered:
		t.within(inner, p)
	case kind == 0x88be && len(inner) >= 8:
		t.within(inner[8:], p)
	case kind == 0x22eb && len(inner) >= 12:
		head := 12
		if inner[11]&1 != 0 {
			head = 20
		}
		t.within(inner[min(head, len(inner)):], p)
	default:
		return false
	}
	return true
}

// carried reads datagrams that carry frames: VXLAN (RFC 7348) and TZSP, by which
// switches and access points hand on what they mirror.
func (t *tracker) carried(p *packet) bool {
	b := p.payload
	switch p.dport {
	case 4789:
		if len(b) < 22 || b[0] != 8 || b[1]|b[2]|b[3]|b[7] != 0 {
			return false
		}
		t.within(b[8:], p)
		return true
	case 37008:
		if len(b) < 5 || b[0] != 1 || b[1] != 0 || b[2] != 0 || b[3] != 1 { // received, Ethernet
			return false
		}
		for b = b[4:]; len(b) > 0; {
			switch {
			case b[0] == 1: // the end of the tags
				t.within(b[1:], p)
				return true
			case b[0] == 0:
				b = b[1:]
			case len(b) < 2 || len(b) < 2+int(b[1]):
				return false
			default:
				b = b[2+int(b[1]):]
			}
		}
	}
	return false
}

// ppp reads a frame of PPP, its address and control fields there or not.
func (t *tracker) ppp(b []byte, p *packet) {
	if len(b) >= 2 && b[0] == 0xff && b[1] == 3 {
		b = b[2:]
	}
	switch {
	case len(b) >= 1 && b[0]&1 == 1 && (b[0] == 0x21 || b[0] == 0x57):
		t.ip(b[1:], p, 0)
	case len(b) >= 2 && b[0] == 0 && (b[1] == 0x21 || b[1] == 0x57):
		t.ip(b[2:], p, 0)
	default:
		t.unread("PPP control")
	}
}

// mpls skips the labels of MPLS.
func (t *tracker) mpls(b []byte, p *packet) {
	for range maxNesting {
		if len(b) < 5 {
			break
		}
		last := b[2]&1 == 1
		if b = b[4:]; last {
			t.ip(b, p, 0)
			return
		}
	}
	t.unread("frames of another kind than IP and ARP")
}

// prefixed reads Wi-Fi frames behind the headers that drivers put before them: PPI,
// Prism and AVS. Each says how long it is.
func (t *tracker) prefixed(link uint32, b []byte, p *packet) {
	if len(b) < 8 {
		t.unread("frames too short to read")
		return
	}
	n := uint32(0)
	switch {
	case link == 192:
		n = uint32(binary.LittleEndian.Uint16(b[2:]))
		if kind := binary.LittleEndian.Uint32(b[4:]); kind != 105 {
			t.unread("frames of a link layer that is not read")
			return
		}
	case binary.BigEndian.Uint32(b)&0xfffff000 == 0x80211000:
		n = binary.BigEndian.Uint32(b[4:])
	default:
		n = binary.LittleEndian.Uint32(b[4:])
	}
	if n < 8 || n > uint32(len(b)) {
		t.unread("frames too short to read")
		return
	}
	t.wifi(b[n:], p, false)
}

// nflog reads what Linux' packet filter noted: fields with type and length, of which
// one is the packet.
func (t *tracker) nflog(b []byte, p *packet) {
	if len(b) >= 4 {
		for b = b[4:]; len(b) >= 4; {
			n, kind := int(binary.LittleEndian.Uint16(b)), binary.LittleEndian.Uint16(b[2:])
			if n < 4 || n > len(b) {
				break
			}
			if kind == 9 {
				t.ip(b[4:n], p, 0)
				return
			}
			b = b[min((n+3)&^3, len(b)):]
		}
	}
	t.unread("frames too short to read")
}
