package capture

import (
	"bytes"
	"encoding/binary"
)

// signature is a protocol that is named by how it begins, of which no more is read.
// Only marks that nothing else begins with are taken: what is not sure stays unknown.
type signature struct {
	label string
	guard Protection
	fits  func(client, server []byte, port uint16) bool
}

func has(b []byte, at int, text string) bool {
	return len(b) >= at+len(text) && string(b[at:at+len(text)]) == text
}

// streamSignatures are those over TCP, with their sources.
var streamSignatures = []signature{
	{"vnc", Unknown, func(c, s []byte, _ uint16) bool { return has(s, 0, "RFB 00") && has(s, 7, ".") }}, // RFC 6143, 7.1.1
	{"rdp", Unknown, func(c, _ []byte, port uint16) bool {
		return port == 3389 && has(c, 0, "\x03\x00\x00") && len(c) > 6 && c[5] == 0xe0
	}}, // MS-RDPBCGR 2.2.1.1
	{"iso-tsap", Clear, func(c, s []byte, port uint16) bool {
		return port == 102 && has(c, 0, "\x03\x00\x00") && len(c) > 6 && c[5] == 0xe0
	}},
	{"modbus", Clear, func(c, s []byte, port uint16) bool { return port == 502 && modbus(c) && (len(s) == 0 || modbus(s)) }}, // Modbus messaging on TCP/IP 1.0b, 3.1.3
	{"dnp3", Clear, func(c, s []byte, _ uint16) bool {
		return len(c) >= 10 && c[0] == 5 && c[1] == 0x64 || len(s) >= 10 && s[0] == 5 && s[1] == 0x64
	}}, // IEEE 1815
	{"ethernet-ip", Clear, func(c, _ []byte, port uint16) bool {
		return port == 44818 && len(c) >= 24 && int(binary.LittleEndian.Uint16(c[2:])) == len(c)-24 && c[1] == 0
	}},
	{"opc-ua", Unknown, func(c, _ []byte, _ uint16) bool {
		return has(c, 0, "HELF") && len(c) >= 8 && int(binary.LittleEndian.Uint32(c[4:])) == len(c)
	}}, // OPC 10000-6, 7.1.2
	{"rtmp", Clear, func(c, s []byte, port uint16) bool {
		return port == 1935 && len(c) > 0 && c[0] == 3 && (len(s) == 0 || s[0] == 3)
	}},
	{"socks5", Clear, func(c, s []byte, _ uint16) bool {
		return len(c) >= 3 && c[0] == 5 && c[1] >= 1 && c[1] <= 8 && len(c) == 2+int(c[1]) && len(s) == 2 && s[0] == 5
	}}, // RFC 1928
	{"redis", Clear, func(c, s []byte, _ uint16) bool {
		return len(c) > 4 && c[0] == '*' && c[1] >= '1' && c[1] <= '9' && bytes.Contains(c[:min(len(c), 8)], []byte("\r\n$")) && (len(s) == 0 || bytes.IndexByte([]byte("+-:$*"), s[0]) >= 0)
	}},
	{"postgresql", Unknown, func(c, _ []byte, _ uint16) bool {
		return len(c) >= 8 && int(binary.BigEndian.Uint32(c)) <= len(c) && (binary.BigEndian.Uint32(c[4:]) == 80877103 && len(c) == 8 || binary.BigEndian.Uint32(c[4:]) == 3<<16 && bytes.Contains(c, []byte("user\x00")))
	}},
	{"mysql", Unknown, func(c, s []byte, port uint16) bool {
		return port == 3306 && len(s) > 8 && int(s[0])|int(s[1])<<8 == len(s)-4 && s[3] == 0 && s[4] == 10
	}},
	{"ldap", Unknown, func(c, _ []byte, port uint16) bool {
		return (port == 389 || port == 3268) && len(c) > 7 && c[0] == 0x30 && bytes.Contains(c[:min(len(c), 12)], []byte{0x60})
	}},
	{"bittorrent", Unknown, func(c, _ []byte, _ uint16) bool { return has(c, 0, "\x13BitTorrent protocol") }},
	{"nntp", Clear, func(_, s []byte, port uint16) bool { return port == 119 && (has(s, 0, "200 ") || has(s, 0, "201 ")) }},
	{"pptp", Unknown, func(c, _ []byte, _ uint16) bool { return len(c) >= 12 && has(c, 4, "\x1a\x2b\x3c\x4d") && c[2] == 0 }},
	{"rsync", Clear, func(c, s []byte, _ uint16) bool { return has(s, 0, "@RSYNCD: ") || has(c, 0, "@RSYNCD: ") }},
	{"reolink", Unknown, func(c, _ []byte, _ uint16) bool { return has(c, 0, "\xf0\xde\xbc\x0a") }},
}

func modbus(b []byte) bool {
	return len(b) >= 8 && b[2]|b[3] == 0 && int(binary.BigEndian.Uint16(b[4:]))+6 == len(b) && b[7]&0x7f >= 1 && b[7]&0x7f <= 0x5a
}

// datagramSignature names a protocol over UDP by one datagram.
func datagramSignature(b []byte, on func(...uint16) bool) (label string, guard Protection, ok bool) {
	n := len(b)
	le := binary.LittleEndian
	switch {
	case on(138) && n >= 14 && b[0] >= 0x10 && b[0] <= 0x16 && int(binary.BigEndian.Uint16(b[10:]))+14 == n: // RFC 1002, 4.4
		return "netbios-datagram", Clear, true
	case on(500) && n >= 28 && isakmp(b), on(4500) && n >= 32 && has(b, 0, "\x00\x00\x00\x00") && isakmp(b[4:]): // RFC 7296, 3.1
		return "ike", Unknown, true
	case n == 148 && has(b, 0, "\x01\x00\x00\x00"), n == 92 && has(b, 0, "\x02\x00\x00\x00") && on(51820): // WireGuard 5.4.2
		return "wireguard", Encrypted, true
	case on(1194) && n >= 14 && (b[0] == 0x38 || b[0] == 0x50) && b[9] <= 4: // hard reset of a client
		return "openvpn", Unknown, true
	case n >= 32 && has(b, 0, "\x21\x31") && int(binary.BigEndian.Uint16(b[2:])) == n: // Xiaomi's miIO
		return "miio", Unknown, true
	case on(3671) && n >= 8 && has(b, 0, "\x06\x10") && int(binary.BigEndian.Uint16(b[4:])) == n: // KNXnet/IP, ISO 22510
		return "knxnet-ip", Clear, true
	case on(56700) && n >= 36 && int(le.Uint16(b)) == n && le.Uint16(b[2:])&0x0fff == 0x0400: // LIFX
		return "lifx", Clear, true
	case on(44818) && n >= 24 && int(le.Uint16(b[2:])) == n-24 && b[1] == 0 && b[0] != 0:
		return "ethernet-ip", Clear, true
	case on(1812, 1813, 1645, 1646) && n >= 20 && b[0] >= 1 && b[0] <= 13 && int(binary.BigEndian.Uint16(b[2:])) == n: // RFC 2865, 3
		return "radius", Unknown, true
	case on(427) && n >= 16 && (b[0] == 2 && int(b[2])<<16|int(b[3])<<8|int(b[4]) == n || b[0] == 1 && int(binary.BigEndian.Uint16(b[2:])) == n): // RFC 2608
		return "slp", Clear, true
	case on(17500) && n > 20 && has(b, 0, `{"`) && bytes.Contains(b, []byte(`"host_int"`)):
		return "dropbox-discovery", Clear, true
	case on(57621) && has(b, 0, "SpotUdp0"):
		return "spotify-discovery", Unknown, true
	case n >= 14 && b[0]&0x09 == 0x09 && b[0]&0xc0 == 0 && b[9] == 'Q' && b[10] == '0' && b[11] >= '0' && b[11] <= '9' && b[12] >= '0' && b[12] <= '9': // Google's, before it had a long header
		return "quic", Encrypted, true
	}
	return "", Unknown, false
}

func isakmp(b []byte) bool {
	return len(b) >= 28 && (b[17] == 0x10 || b[17] == 0x20) && int(binary.BigEndian.Uint32(b[24:])) == len(b)
}
