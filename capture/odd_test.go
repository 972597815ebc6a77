package capture

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http2/hpack"
)

// TestTunnels reads a question for a name from whatever it is wrapped in, and holds
// that it is the device's, which asked, and not that of a tunnel's end.
func TestTunnels(t *testing.T) {
	ask := ipPacket(device, cloud, protoUDP, udpBody(5000, 53, question("x.example.com")))
	frame := newMaker().link(macOf(device), macOf(cloud), 0x0800, ask)
	probe, sink := netip.MustParseAddr("192.168.8.2"), netip.MustParseAddr("192.168.8.3")
	gre := func(head string, inner []byte) []byte {
		return newMaker().link(macOf(probe), macOf(sink), 0x0800, ipPacket(probe, sink, protoGRE, append([]byte(head), inner...)))
	}
	udp := func(port uint16, head string, inner []byte) []byte {
		return newMaker().link(macOf(probe), macOf(sink), 0x0800, ipPacket(probe, sink, protoUDP, udpBody(4000, port, append([]byte(head), inner...))))
	}
	for name, c := range map[string]struct {
		kind  uint32
		frame []byte
		mac   bool // the frame within names it
	}{
		"gre":          {1, gre("\x00\x00\x08\x00", ask), false},
		"gre-with-key": {1, gre("\xb0\x00\x08\x00AAAAKKKKSSSS", ask), false},
		"gre-ethernet": {1, gre("\x00\x00\x65\x58", frame), true},
		"erspan-1":     {1, gre("\x00\x00\x88\xbe", frame), true},
		"erspan-2":     {1, gre("\x10\x00\x88\xbeSSSS12345678", frame), true},
		"erspan-3":     {1, gre("\x10\x00\x22\xebSSSS123456781234", frame[:len(frame):len(frame)]), true},
		"vxlan":        {1, udp(4789, "\x08\x00\x00\x00\x00\x00\x07\x00", frame), true},
		"tzsp":         {1, udp(37008, "\x01\x00\x00\x01\x0a\x01\xc4\x00\x01", frame), true},
		"mpls":         {1, newMaker().link(macOf(device), macOf(cloud), 0x8847, append([]byte("\x00\x01\x00\x40\x00\x02\x01\x40"), ask...)), true},
		"ppp":          {9, append([]byte("\xff\x03\x00\x21"), ask...), false},
		"ppp-short":    {9, append([]byte("\x21"), ask...), false},
		"pppoe-alone":  {51, append([]byte("\x11\x00\x00\x01\x00\x00\x00\x21"), ask...), false},
		"cisco-hdlc":   {104, append([]byte("\x0f\x00\x08\x00"), ask...), false},
		"ppi":          {192, append([]byte("\x00\x00\x08\x00\x69\x00\x00\x00"), wifiFrame(macOf(device), macOf(cloud), 0, ask)...), true},
		"avs":          {163, append([]byte("\x80\x21\x10\x01\x00\x00\x00\x0c1234"), wifiFrame(macOf(device), macOf(cloud), 0, ask)...), true},
		"prism":        {119, append([]byte("\x44\x00\x00\x00\x0c\x00\x00\x001234"), wifiFrame(macOf(device), macOf(cloud), 0, ask)...), true},
		"nflog":        {239, slices.Concat([]byte("\x02\x00\x00\x00\x05\x00\x0a\x00x\x00\x00\x00"), binary.LittleEndian.AppendUint16(nil, uint16(4+len(ask))), []byte("\x09\x00"), ask), false},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMaker()
			m.kind = c.kind
			m.frame(c.frame)
			r := m.read(t, Options{})
			if len(r.Lookups) != 1 || r.Lookups[0].Client.IP != device || r.Lookups[0].Name != "x.example.com" {
				t.Fatalf("lookups %+v, file %+v", r.Lookups, r.Files)
			}
			if got := r.Lookups[0].Client.MAC; c.mac && got != deviceMAC {
				t.Errorf("hardware address %q, want %s", got, deviceMAC)
			}
			for i := range c.frame { // cut anywhere, it is counted or read, and never more
				m := newMaker()
				m.kind = c.kind
				m.frame(c.frame[:i])
				if r := m.read(t, Options{}); len(r.Lookups) > 0 {
					t.Errorf("cut after %d bytes it says %+v", i, r.Lookups[0])
				}
			}
		})
	}
	deep := frame
	for range 6 {
		deep = udp(4789, "\x08\x00\x00\x00\x00\x00\x07\x00", deep)
	}
	m := newMaker()
	m.frame(deep)
	if r := m.read(t, Options{}); len(r.Lookups) != 0 || len(r.Files[0].Unread) != 1 {
		t.Errorf("six tunnels within each other: %+v, %+v", r.Lookups, r.Files)
	}
	m = newMaker() // a datagram to that port that is something else
	m.udp(port(device, 5100), port(cloud, 4789), []byte("\x08\x00\x00\x01 is no VXLAN at all"))
	if r := m.read(t, Options{}); len(r.Conversations) != 1 || r.Conversations[0].Port != 4789 {
		t.Errorf("got %+v", r.Conversations)
	}
}

func stunMessage(kind uint16) []byte {
	b := binary.BigEndian.AppendUint16(nil, kind)
	return append(append(b, 0, 0, 0x21, 0x12, 0xa4, 0x42), "twelve bytes"...)
}

// dtlsHello is a ClientHello in a record of DTLS 1.2.
func dtlsHello(sni string) []byte {
	hello := clientHello(sni, nil)[5+4:]
	at := 2 + 32 + 1
	hello = slices.Concat(hello[:at], []byte{0}, hello[at:]) // without a cookie
	hello[0], hello[1] = 0xfe, 0xfd
	n := []byte{0, byte(len(hello) >> 8), byte(len(hello))}
	body := slices.Concat([]byte{1}, n, []byte{0, 0, 0, 0, 0}, n, hello)
	return append([]byte{22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, byte(len(body) >> 8), byte(len(body))}, body...)
}

// websocketFrame is one frame, under a mask where the client sends it.
func websocketFrame(op byte, mask string, body string) string {
	b := []byte{0x80 | op, byte(len(body))}
	if mask != "" {
		b[1] |= 0x80
	}
	b = append(b, mask...)
	for i := range len(body) {
		c := body[i]
		if mask != "" {
			c ^= mask[i%4]
		}
		b = append(b, c)
	}
	return string(b)
}

func http2Frame(kind, flags byte, stream uint32, body string) string {
	h := []byte{byte(len(body) >> 16), byte(len(body) >> 8), byte(len(body)), kind, flags}
	return string(binary.BigEndian.AppendUint32(h, stream)) + body
}

// http2Head is the head of a request in two frames, with the log-in where there is one.
func http2Head(stream uint32, authorization string) string {
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	for _, h := range []hpack.HeaderField{{Name: ":method", Value: "GET"}, {Name: ":path", Value: "/status"}, {Name: ":authority", Value: "api.example.com"}, {Name: "authorization", Value: authorization}} {
		if h.Value != "" {
			if err := e.WriteField(h); err != nil {
				panic(err)
			}
		}
	}
	at := b.Len() / 2
	return http2Frame(1, 1, stream, b.String()[:at]) + http2Frame(9, 4, stream, b.String()[at:])
}

// http2Talk is what a client says: preface, settings, some content, heads.
func http2Talk(heads ...string) string {
	return http2Preface + http2Frame(4, 0, 0, "") + http2Frame(0, 0, 1, strings.Repeat("content ", 4000)) + strings.Join(heads, "")
}

// TestOddConversations makes what devices say in ways that are easily taken for
// something else, and holds what is said of it: protocol, protection and secrets.
func TestOddConversations(t *testing.T) {
	here, there := func(n uint16) netip.AddrPort { return port(device, n) }, func(n uint16) netip.AddrPort { return port(cloud, n) }
	plain := base64.StdEncoding.EncodeToString([]byte("\x00unit\x00pw-7"))
	basic := base64.StdEncoding.EncodeToString([]byte("user:pw-7"))
	tls := func(k *talk) {
		k.say(0, clientHello("mail.example.com", nil)).say(1, serverHello(0x0303, 0xc02f)).say(0, record(20, []byte{1})).say(0, record(22, make([]byte, 40))).say(1, record(20, []byte{1})).say(1, record(22, make([]byte, 40)))
		k.say(0, record(23, []byte("AUTH PLAIN "+plain))).say(1, record(23, make([]byte, 64)))
	}
	upgrade := "GET /mqtt HTTP/1.1\r\nHost: b.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\n\r\n"
	for name, c := range map[string]struct {
		make func(m *maker)
		want string // protocol, protection, then each secret with its acceptance
	}{
		"smtp-starttls": {func(m *maker) {
			k := m.tcp(here(5000), there(587))
			k.s("220 mail ESMTP\r\n").c("EHLO unit\r\n").s("250-mail\r\n250 STARTTLS\r\n").c("STARTTLS\r\n").s("220 go ahead\r\n")
			tls(k)
		}, "smtp+tls encrypted"},
		"smtp-starttls-refused": {func(m *maker) {
			k := m.tcp(here(5000), there(587))
			k.s("220 mail ESMTP\r\n").c("EHLO unit\r\n").s("250 mail\r\n").c("STARTTLS\r\n").s("502 not here\r\n").c("AUTH PLAIN " + plain + "\r\n").s("235 ok\r\n")
		}, "smtp clear | SMTP AUTH PLAIN unit pw-7 accepted"},
		"imap-starttls": {func(m *maker) {
			k := m.tcp(here(5000), there(143))
			k.s("* OK IMAP4rev1\r\n").c("a STARTTLS\r\n").s("a OK go\r\n")
			tls(k)
		}, "imap+tls encrypted"},
		"ftp-auth-tls": {func(m *maker) {
			k := m.tcp(here(5000), there(21))
			k.s("220 FTP\r\n").c("AUTH TLS\r\n").s("234 go\r\n")
			tls(k)
		}, "ftp+tls encrypted"},
		"xmpp-starttls": {func(m *maker) {
			k := m.tcp(here(5000), there(5222))
			k.c("<?xml version='1.0'?><stream:stream to='x' xmlns='jabber:client'>").s("<?xml version='1.0'?><stream:stream xmlns='jabber:client'><stream:features><starttls/></stream:features>")
			k.c("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>").s("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
			tls(k)
		}, "xmpp+tls encrypted"},
		"xmpp-plain": {func(m *maker) {
			k := m.tcp(here(5000), there(5222))
			k.c("<?xml version='1.0'?><stream:stream to='x' xmlns='jabber:client'>").s("<?xml version='1.0'?><stream:stream xmlns='jabber:client'>")
			k.c("<auth xmlns='urn:x' mechanism='PLAIN'>" + plain + "</auth>").s("<success xmlns='urn:x'/>")
		}, "xmpp clear | XMPP PLAIN unit pw-7 accepted"},
		"proxy-basic": {func(m *maker) {
			m.tcp(here(5000), there(3128)).c("GET http://api.example.com/x HTTP/1.1\r\nHost: api.example.com\r\nProxy-Authorization: Basic " + basic + "\r\n\r\n").s("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}, "http clear | HTTP Basic user pw-7 not known"},
		"proxy-connect": {func(m *maker) {
			k := m.tcp(here(5000), there(3128))
			k.c("CONNECT mail.example.com:443 HTTP/1.1\r\nHost: mail.example.com\r\n\r\n").s("HTTP/1.1 200 Connection established\r\n\r\n")
			tls(k)
		}, "http+tls encrypted"},
		"proxy-connect-unknown": {func(m *maker) {
			m.tcp(here(5000), there(3128)).c("CONNECT x.example.com:9 HTTP/1.1\r\nHost: x\r\n\r\n").s("HTTP/1.1 200 ok\r\n\r\n").c("\x01\x02\x03\x04\x05\x06\x07\x08")
		}, "http+unknown unknown"},
		"proxy-connect-refused": {func(m *maker) {
			m.tcp(here(5000), there(3128)).c("CONNECT x.example.com:9 HTTP/1.1\r\nHost: x\r\nProxy-Authorization: Basic " + basic + "\r\n\r\n").s("HTTP/1.1 407 no\r\nContent-Length: 2\r\n\r\nno")
		}, "http clear | HTTP Basic user pw-7 refused"},
		"digest": {func(m *maker) {
			m.tcp(here(5000), there(80)).c("GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Digest username=\"user\", response=\"0123456789abcdef\"\r\n\r\n").s("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}, "http clear"},
		"mqtt-in-websocket": {func(m *maker) {
			login := mqttConnect("kettle", "unit", "pw-7")
			k := m.tcp(here(5000), there(80)).c(upgrade).s("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n")
			k.c(websocketFrame(2, "abcd", login[:7])).c(websocketFrame(0, "wxyz", login[7:])).s(websocketFrame(9, "", "")).s(websocketFrame(2, "", "\x20\x02\x00\x00"))
		}, "mqtt+websocket clear | MQTT CONNECT unit pw-7 accepted"},
		"other-in-websocket": {func(m *maker) {
			m.tcp(here(5000), there(80)).c(upgrade).s("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n").c(websocketFrame(1, "abcd", `{"a":1,"b":"long enough"}`))
		}, "websocket clear"},
		"mqtt-over-tls-elsewhere": {func(m *maker) { tls(m.tcp(here(5000), there(20883))) }, "tls encrypted"},
		"http2-basic": {func(m *maker) {
			k := m.tcp(here(5000), there(8080)).c(http2Talk(http2Head(1, "Basic "+basic), http2Head(3, "")))
			k.s(http2Frame(4, 0, 0, "") + http2Frame(1, 4, 3, "\x88") + http2Frame(1, 4, 1, "\x48\x03401"))
		}, "http2 clear | HTTP Basic user pw-7 refused"},
		"http2-bearer-alone": {func(m *maker) {
			m.tcp(here(5000), there(8080)).c(http2Talk(http2Head(1, "Bearer token-7")))
		}, "http2 clear | HTTP Bearer  token-7 not known"},
		"webrtc": {func(m *maker) {
			a, b := here(5000), there(40000)
			m.udp(a, b, stunMessage(1))
			m.udp(b, a, stunMessage(0x101))
			m.udp(a, b, dtlsHello("unit"))
			m.udp(b, a, stunMessage(1))
			for range 6 {
				m.udp(a, b, append([]byte{0x80, 96}, make([]byte, 100)...))
			}
		}, "dtls encrypted"},
		"media-after-stun": {func(m *maker) {
			a, b := here(5000), there(40000)
			m.udp(a, b, stunMessage(1))
			for range 6 {
				m.udp(a, b, append([]byte{0x80, 96}, make([]byte, 100)...))
			}
		}, "stun+media unknown"},
		"quic-no-version": {func(m *maker) {
			m.udp(here(5000), there(443), append([]byte{0xca, 0x0a, 0x1a, 0x2a, 0x3a, 8}, make([]byte, 1250)...))
		}, "quic encrypted"},
		"short-and-greased": {func(m *maker) {
			m.udp(here(5000), there(443), append([]byte{0xca, 0x0a, 0x1a, 0x2a, 0x3a, 8}, make([]byte, 125)...))
		}, "unknown unknown"},
		"modbus":     {func(m *maker) { m.tcp(here(5000), there(502)).c("\x00\x01\x00\x00\x00\x06\x01\x03\x00\x00\x00\x01") }, "modbus clear"},
		"not-modbus": {func(m *maker) { m.tcp(here(5000), there(502)).c("\x00\x01\x00\x00\x00\x07\x01\x03\x00\x00\x00\x01") }, "unknown unknown"},
		"vnc":        {func(m *maker) { m.tcp(port(phone, 5000), here(5900)).s("RFB 003.008\n").c("RFB 003.008\n") }, "vnc unknown"},
		"miio": {func(m *maker) {
			m.udp(here(5000), there(54321), append([]byte{0x21, 0x31, 0, 32}, make([]byte, 28)...))
		}, "miio unknown"},
		"socks": {func(m *maker) {
			m.tcp(here(5000), there(1080)).c("\x05\x01\x00").s("\x05\x00").c("\x05\x01\x00\x01abcd\x00\x50")
		}, "socks5 clear"},
		"wireguard":    {func(m *maker) { m.udp(here(5000), there(51820), append([]byte{1, 0, 0, 0}, make([]byte, 144)...)) }, "wireguard encrypted"},
		"no-wireguard": {func(m *maker) { m.udp(here(5000), there(51820), append([]byte{1, 0, 0, 0}, make([]byte, 143)...)) }, "unknown unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMaker()
			c.make(m)
			d := m.of(t)
			if len(d.Talks) != 1 {
				t.Fatalf("%d conversations, want 1: %+v", len(d.Talks), d.Talks)
			}
			k := d.Talks[0]
			got := k.Protocol + " " + string(k.Protection)
			for _, s := range k.Secrets {
				got += fmt.Sprintf(" | %s %s %s %s", s.How, s.User, s.Secret.Reveal(), s.Accepted)
			}
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if strings.HasSuffix(name, "starttls") && (len(k.TLS) != 1 || !k.TLS[0].Complete || k.TLS[0].SNI != "mail.example.com") {
				t.Errorf("TLS %+v", k.TLS)
			}
		})
	}
}

// TestSpanPort has every packet twice, as a switch mirrors it in both directions, late
// and early: what is said must be the same.
func TestSpanPort(t *testing.T) {
	say := func(twice bool) string {
		m := newMaker()
		var held [][]byte
		link := m.link
		m.link = func(src, dst mac, kind uint16, ip []byte) []byte {
			f := link(src, dst, kind, ip)
			held = append(held, f)
			return f
		}
		m.tcp(port(phone, 5000), port(device, 80)).c("GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic dXNlcjpwdw==\r\n\r\n").s("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").close()
		m.tcp(port(device, 5001), port(cloud, 443)).say(0, clientHello("api.example.com", nil)).say(1, serverHello(0x0301, 5)).close()
		m.udp(port(device, 5002), port(router, 53), question("api.example.com"))
		if twice {
			both := newMaker()
			for i, f := range held {
				both.frame(f)
				both.frame(f)
				if i >= 3 {
					both.frame(held[i-2]) // and once more, late
				}
			}
			m = both
		}
		var b strings.Builder
		for _, k := range m.of(t).Talks {
			fmt.Fprintf(&b, "%s %s %d %s flows=%d", k.Protocol, k.Protection, k.Port, k.Peer().IP, k.Flows)
			for _, s := range k.Secrets {
				fmt.Fprintf(&b, " %s %s x%d", s.Secret.Reveal(), s.Accepted, s.Count)
			}
			for _, s := range k.TLS {
				fmt.Fprintf(&b, " %s %s %v x%d", s.SNI, s.Version, s.Weak, s.Count)
			}
			b.WriteByte('\n')
		}
		return b.String()
	}
	if got, want := say(true), say(false); got != want || !strings.Contains(want, "pw") || !strings.Contains(want, "RC4") {
		t.Errorf("twice:\n%sonce:\n%s", got, want)
	}
}

// TestOneSide has what the device sent, or what it was sent, alone: nothing is said to
// be accepted or agreed, and the other side is asked for.
func TestOneSide(t *testing.T) {
	for _, side := range []int{0, 1} {
		whole := newMaker()
		one := newMaker()
		link := whole.link
		whole.link = func(src, dst mac, kind uint16, ip []byte) []byte {
			f := link(src, dst, kind, ip)
			if (src == macOf(device)) == (side == 0) {
				one.frame(f)
			}
			return f
		}
		whole.tcp(port(device, 5000), port(cloud, 1883)).c(mqttConnect("kettle", "user", "secret")).s("\x20\x02\x00\x00").close()
		whole.tcp(port(device, 5001), port(cloud, 443)).say(0, clientHello("x.example.com", nil)).say(1, serverHello(0x0301, 5)).close()
		d := one.of(t)
		asked := slices.ContainsFunc(d.Wanted, func(s string) bool { return strings.Contains(s, "both directions") })
		if !asked {
			t.Errorf("side %d: the other is not asked for: %v", side, d.Wanted)
		}
		for _, k := range d.Talks {
			for _, s := range k.Secrets {
				if s.Accepted != NotKnown {
					t.Errorf("side %d: a log-in is %s", side, s.Accepted)
				}
			}
			for _, s := range k.TLS {
				if s.Complete || side == 0 && s.Version != "" {
					t.Errorf("side %d: %+v", side, s)
				}
			}
		}
		if d := whole.of(t); slices.ContainsFunc(d.Wanted, func(s string) bool { return strings.Contains(s, "both directions") }) {
			t.Errorf("of both sides the other is asked for: %v", d.Wanted)
		}
	}
}

// TestRouterOfIPv6 has a device that speaks IPv6 alone, through a router whose hardware
// address is on what many servers send.
func TestRouterOfIPv6(t *testing.T) {
	m := newMaker()
	for i := range 6 {
		server := netip.MustParseAddr(fmt.Sprintf("2001:%x::1", 0x4860+i))
		m.udp(port(device6, 5000), port(server, 443), []byte("12345678"))
		m.udp(port(server, 443), port(device6, 5000), []byte("12345678"))
	}
	for i := range 4 { // its own addresses, that change
		m.udp(port(netip.MustParseAddr(fmt.Sprintf("2001:db8:1:2::%x", 0x100+i)), 5000), port(device6, 6000), []byte("x"))
	}
	r := m.read(t, Options{})
	for _, h := range r.Hosts {
		if got, want := h.Forwards, h.MAC == macOf(cloud).String() && len(h.Addresses) > 4; got != want && h.Packets > 4 {
			t.Errorf("%s with %d addresses: forwards %v, want %v", h.MAC, len(h.Addresses), got, want)
		}
	}
	for _, s := range r.Suspects() {
		if s.MAC == macOf(cloud).String() {
			t.Errorf("the router is taken for a device under test")
		}
	}
}

// TestHiddenName has a hello with an encrypted one in it.
func TestHiddenName(t *testing.T) {
	hello := clientHello("front.example.com", nil)
	hello = append(hello, 0xfe, 0x0d, 0, 4, 0, 1, 2, 3)
	for _, at := range []int{3, 7} { // of the record, of the message
		binary.BigEndian.PutUint16(hello[at:], binary.BigEndian.Uint16(hello[at:])+8)
	}
	at := bytes.Index(hello, []byte("front")) - 11
	binary.BigEndian.PutUint16(hello[at:], binary.BigEndian.Uint16(hello[at:])+8)
	m := newMaker()
	m.tcp(port(device, 5000), port(cloud, 443)).say(0, hello).say(1, serverHello(0x0303, 0xc02f))
	s := m.of(t).Talks[0].TLS
	if len(s) != 1 || s[0].SNI != "front.example.com" || !strings.Contains(s[0].Hidden, "front") {
		t.Errorf("got %+v", s)
	}
}
