package capture

import (
	"encoding/binary"
	"net/netip"
)

// mac is a hardware address; the zero value is none.
type mac [6]byte

func (m mac) group() bool { return m[0]&1 == 1 }

// packet is what a frame carries, decoded as far as the hot path wants it.
type packet struct {
	n       int64
	at      int64
	srcMAC  mac
	dstMAC  mac
	src     netip.Addr
	dst     netip.Addr
	proto   uint8 // of IP
	sport   uint16
	dport   uint16
	seq     uint32
	ack     uint32
	flags   uint8
	payload []byte
	wire    int // length of the payload when it was sent
	size    int // of the frame when it was sent
	tunnels int // that carry frames, around what is read
}

// TCP flags.
const (
	flagFIN = 1
	flagSYN = 2
	flagRST = 4
	flagACK = 16
)

// Protocols of IP.
const (
	protoICMP   = 1
	protoIPIP   = 4
	protoTCP    = 6
	protoUDP    = 17
	protoIPv6   = 41
	protoGRE    = 47
	protoICMPv6 = 58
)

// maxNesting bounds tunnels within tunnels, tags within tags and headers within headers.
const maxNesting = 8

var linkNames = map[uint32]string{
	0: "loopback", 1: "Ethernet", 12: "raw IP", 14: "raw IP", 101: "raw IP", 105: "802.11", 108: "loopback", 113: "Linux cooked",
	9: "PPP", 50: "PPP", 51: "PPP", 104: "Cisco HDLC", 119: "802.11 Prism", 163: "802.11 AVS", 192: "802.11 PPI", 239: "Linux packet filter",
	127: "802.11 radiotap", 228: "raw IPv4", 229: "raw IPv6", 276: "Linux cooked v2",
}

// link takes the frame apart down to what IP or ARP carries.
func (t *tracker) link(f *frame, p *packet) {
	b := f.data
	switch f.link {
	case 1:
		if len(b) < 14 {
			t.unread("frames too short to read")
			return
		}
		copy(p.dstMAC[:], b)
		copy(p.srcMAC[:], b[6:])
		t.ether(binary.BigEndian.Uint16(b[12:]), b[14:], p, 0)
	case 113: // SLL: the sender's address alone is there
		if len(b) < 16 {
			t.unread("frames too short to read")
			return
		}
		if binary.BigEndian.Uint16(b[4:]) == 6 {
			copy(p.srcMAC[:], b[6:])
		}
		t.ether(binary.BigEndian.Uint16(b[14:]), b[16:], p, 0)
	case 276:
		if len(b) < 20 {
			t.unread("frames too short to read")
			return
		}
		if b[11] == 6 {
			copy(p.srcMAC[:], b[12:])
		}
		t.ether(binary.BigEndian.Uint16(b), b[20:], p, 0)
	case 12, 14, 101, 228, 229:
		t.ip(b, p, 0)
	case 0, 108:
		if len(b) < 4 {
			t.unread("frames too short to read")
			return
		}
		t.ip(b[4:], p, 0)
	case 105:
		t.wifi(b, p, false)
	case 127:
		t.radiotap(b, p)
	case 9, 50:
		t.ppp(b, p)
	case 51:
		t.ether(0x8864, b, p, 0)
	case 104:
		if len(b) < 4 {
			t.unread("frames too short to read")
			return
		}
		t.ether(binary.BigEndian.Uint16(b[2:]), b[4:], p, 0)
	case 119, 163, 192:
		t.prefixed(f.link, b, p)
	case 239:
		t.nflog(b, p)
	default:
		t.unread("frames of a link layer that is not read")
	}
}

// ether reads on after an Ethernet type.
func (t *tracker) ether(kind uint16, b []byte, p *packet, depth int) {
	for ; depth < maxNesting; depth++ {
		switch kind {
		case 0x0800, 0x86dd:
			t.ip(b, p, 0)
			return
		case 0x0806:
			t.arp(b, p)
			return
		case 0x8100, 0x88a8, 0x9100, 0x9200:
			if len(b) < 4 {
				t.unread("frames too short to read")
				return
			}
			kind, b = binary.BigEndian.Uint16(b[2:]), b[4:]
			continue
		case 0x8864: // PPPoE
			if len(b) >= 8 && (binary.BigEndian.Uint16(b[6:]) == 0x21 || binary.BigEndian.Uint16(b[6:]) == 0x57) {
				t.ip(b[8:], p, 0)
				return
			}
			t.unread("PPPoE control")
			return
		case 0x8847, 0x8848:
			t.mpls(b, p)
			return
		case 0x888e:
			t.unread("EAPOL (log-in to the network)")
			return
		case 0x88cc:
			t.unread("LLDP")
			return
		}
		if kind < 0x600 { // a length: 802.3
			if len(b) >= 8 && b[0] == 0xaa && b[1] == 0xaa && b[2] == 3 {
				kind, b = binary.BigEndian.Uint16(b[6:]), b[8:]
				if kind >= 0x600 {
					continue
				}
			}
			t.unread("802.3 frames without IP")
			return
		}
		break
	}
	t.unread("frames of another kind than IP and ARP")
}

// radiotap skips what the receiver noted before a Wi-Fi frame.
func (t *tracker) radiotap(b []byte, p *packet) {
	if len(b) < 8 || int(binary.LittleEndian.Uint16(b[2:])) > len(b) {
		t.unread("frames too short to read")
		return
	}
	head := b[:binary.LittleEndian.Uint16(b[2:])]
	padded := false
	at := 4
	present := uint32(0)
	for n := 0; at+4 <= len(head) && n < maxNesting; n++ {
		word := binary.LittleEndian.Uint32(head[at:])
		if n == 0 {
			present = word
		}
		at += 4
		if word&(1<<31) == 0 {
			break
		}
	}
	if present&1 != 0 {
		at = (at+7)&^7 + 8
	}
	if present&2 != 0 && at < len(head) {
		padded = head[at]&0x20 != 0
	}
	t.wifi(b[len(head):], p, padded)
}

// wifi reads an 802.11 data frame that is not, or no longer, encrypted.
func (t *tracker) wifi(b []byte, p *packet, padded bool) {
	if len(b) < 24 || b[0]>>2&3 != 2 {
		t.unread("Wi-Fi management and control")
		return
	}
	sub, flags := b[0]>>4, b[1]
	if sub&4 != 0 {
		t.unread("Wi-Fi frames without data")
		return
	}
	head := 24
	to, from := flags&1 != 0, flags&2 != 0
	if to && from {
		head += 6
	}
	qos := sub&8 != 0
	if qos {
		if len(b) > head && b[head]&0x80 != 0 {
			t.unread("Wi-Fi frames that carry several packets")
			return
		}
		head += 2
		if flags&0x80 != 0 {
			head += 4
		}
	}
	if padded {
		head = (head + 3) &^ 3
	}
	if flags&0x40 != 0 {
		t.unread("Wi-Fi frames that are encrypted: decrypt them first")
		return
	}
	if len(b) < head+8 || b[head] != 0xaa || b[head+1] != 0xaa {
		t.unread("frames of another kind than IP and ARP")
		return
	}
	src, dst := b[10:16], b[4:10]
	switch {
	case to && from:
		src, dst = b[24:30], b[16:22]
	case to:
		dst = b[16:22]
	case from:
		src = b[16:22]
	}
	copy(p.srcMAC[:], src)
	copy(p.dstMAC[:], dst)
	t.ether(binary.BigEndian.Uint16(b[head+6:]), b[head+8:], p, 1)
}

// ip reads an IP packet; depth counts tunnels.
func (t *tracker) ip(b []byte, p *packet, depth int) {
	if len(b) < 1 || depth > 2 {
		t.unread("packets that are not IP, or tunnels within tunnels")
		return
	}
	switch b[0] >> 4 {
	case 4:
		t.ip4(b, p, depth)
	case 6:
		t.ip6(b, p, depth)
	default:
		t.unread("packets that are not IP, or tunnels within tunnels")
	}
}

func (t *tracker) ip4(b []byte, p *packet, depth int) {
	if len(b) < 20 {
		t.cutHead()
		return
	}
	head := int(b[0]&15) * 4
	total := int(binary.BigEndian.Uint16(b[2:]))
	if head < 20 || total != 0 && total < head {
		t.unread("IP packets whose header contradicts itself")
		return
	}
	if total == 0 { // left to the network card
		total = max(len(b), p.size-14)
	}
	if len(b) < head {
		t.cutHead()
		return
	}
	p.src, p.dst, p.proto = netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20])), b[9]
	frag := binary.BigEndian.Uint16(b[6:])
	body := b[head:min(total, len(b))]
	if frag&0x3fff != 0 {
		t.fragment(p, uint32(binary.BigEndian.Uint16(b[4:])), int(frag&0x1fff)*8, frag&0x2000 != 0, body, total-head, depth)
		return
	}
	t.transport(p, body, total-head, depth)
}

func (t *tracker) ip6(b []byte, p *packet, depth int) {
	if len(b) < 40 {
		t.cutHead()
		return
	}
	length := int(binary.BigEndian.Uint16(b[4:]))
	p.src, p.dst = netip.AddrFrom16([16]byte(b[8:24])).Unmap(), netip.AddrFrom16([16]byte(b[24:40])).Unmap()
	next := b[6]
	b = b[40:]
	if length == 0 && next != 0 {
		length = len(b)
	}
	b = b[:min(length, len(b))]
	for range maxNesting {
		switch next {
		case 0, 43, 60, 51: // hop by hop, routing, destination, authentication
			if len(b) < 8 {
				t.cutHead()
				return
			}
			n := (int(b[1]) + 1) * 8
			if next == 51 {
				n = (int(b[1]) + 2) * 4
			}
			if n > length {
				t.unread("IP packets whose header contradicts itself")
				return
			}
			next = b[0]
			b, length = b[min(n, len(b)):], length-n
		case 44:
			if len(b) < 8 {
				t.cutHead()
				return
			}
			field := binary.BigEndian.Uint16(b[2:])
			p.proto = b[0]
			if field&0xfff9 == 0 { // alone, and whole
				next = b[0]
				b, length = b[8:], length-8
				continue
			}
			t.fragment(p, binary.BigEndian.Uint32(b[4:]), int(field&0xfff8), field&1 != 0, b[8:], length-8, depth)
			return
		default:
			p.proto = next
			t.transport(p, b, length, depth)
			return
		}
	}
	t.unread("IP packets with too many headers")
}

// transport reads on after IP. wire is how long the body was when it was sent.
func (t *tracker) transport(p *packet, b []byte, wire, depth int) {
	switch p.proto {
	case protoTCP:
		if len(b) < 20 {
			t.cutHead()
			return
		}
		head := int(b[12]>>4) * 4
		if head < 20 || head > wire {
			t.unread("TCP segments whose header contradicts itself")
			return
		}
		p.sport, p.dport = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
		p.seq, p.ack, p.flags = binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:]), b[13]
		p.payload, p.wire = b[min(head, len(b)):], wire-head
		t.tcp(p)
	case protoUDP:
		if len(b) < 8 {
			t.cutHead()
			return
		}
		length := int(binary.BigEndian.Uint16(b[4:]))
		if length < 8 || length > wire {
			length = wire
		}
		p.sport, p.dport = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
		p.payload, p.wire = b[8:min(length, len(b))], length-8
		if (p.dport == 4789 || p.dport == 37008) && t.carried(p) {
			return
		}
		t.udp(p)
	case protoGRE:
		if !t.gre(b, p, depth) {
			p.payload, p.wire = b, wire
			t.other(p)
		}
	case protoIPIP, protoIPv6:
		t.ip(b, p, depth+1)
	default:
		p.payload, p.wire = b, wire
		t.other(p)
	}
}

// cutHead counts a packet of which not even the headers were recorded.
func (t *tracker) cutHead() { t.unread("packets cut within their headers") }
