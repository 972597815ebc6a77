package capture

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// FuzzRead reads any bytes as a capture file.
func FuzzRead(f *testing.F) {
	f.Add(login().b.Bytes())
	files, _ := filepath.Glob(filepath.Join(given, "*"))
	for _, name := range files {
		if data, err := os.ReadFile(name); err == nil && len(data) < 20_000 {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Read(t.Context(), "fuzz", bytes.NewReader(data), Options{MaxFlows: 16, MaxConversations: 16, MaxHosts: 16, MaxBytes: 1 << 20})
		if errors.Is(err, errInternal) {
			t.Fatal(err)
		}
		if err != nil {
			return
		}
		if len(r.Conversations) > 16 || len(r.Hosts) > 16 {
			t.Fatalf("%d conversations, %d hosts", len(r.Conversations), len(r.Hosts))
		}
		for _, h := range r.Hosts {
			if h.MAC == "" {
				continue
			}
			d, err := r.Device(h.MAC)
			if err != nil {
				t.Fatal(err)
			}
			summary(d)
		}
	})
}

// seed is a datagram and the port it goes to.
type seed struct {
	port uint16
	data []byte
}

// datagramSeeds are one datagram or more of each protocol.
func datagramSeeds() []seed {
	return []seed{
		{53, question("x.example.com")}, {53, answer("x.example.com", cloud)}, {5353, dnsMessage(0x8400, "kettle.local", device)}, {137, question("ELFFFEFEEMEFCACACACACACACACACAAA")},
		{67, dhcpMessage(1, 1, device, "kettle")}, {547, []byte{1, 0, 0, 0, 0, 1, 0, 10, 0, 3, 0, 1, 2, 0, 0, 0, 0, 1}}, {161, snmpMessage(1, "public", 0xa0)}, {5683, []byte("\x40\x01\x00\x01\xb5state")},
		{5351, []byte{0, 2, 0, 0, 0, 80, 31, 144, 0, 0, 14, 16}}, {9999, []byte(xorAutokey(`{"system":{"get_sysinfo":{}}}`))}, {6667, append([]byte{0, 0, 0x55, 0xaa}, make([]byte, 60)...)},
		{47808, []byte{0x81, 0x0b, 0, 12, 1, 0x20, 0xff, 0xff, 0, 0xff, 0x10, 8}}, {1900, []byte("M-SEARCH * HTTP/1.1\r\nST: ssdp:all\r\n\r\n")}, {3702, []byte("<Envelope discovery><d:Probe>")},
		{443, []byte("\xc3\x00\x00\x00\x01\x08aaaaaaaa\x00\x00\x44\x9e")}, {4433, append([]byte{22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12}, make([]byte, 12)...)}, {69, []byte("\x00\x01x.bin\x00octet\x00")},
		{4789, append([]byte{8, 0, 0, 0, 0, 0, 7, 0}, make([]byte, 40)...)}, {37008, append([]byte{1, 0, 0, 1, 10, 1, 9, 1}, make([]byte, 40)...)}, {3478, stunMessage(1)}, {40000, dtlsHello("x")},
		{51820, append([]byte{1, 0, 0, 0}, make([]byte, 144)...)}, {2190, []byte("tivoconnect=1\nmachine=x\n")}, {5060, []byte("REGISTER sip:x SIP/2.0\r\n\r\n")}, {123, make([]byte, 48)},
	}
}

// TestShortAfterLong has every protocol begin as it should and go on with less.
func TestShortAfterLong(t *testing.T) {
	for _, s := range datagramSeeds() {
		for n := range len(s.data) {
			m := newMaker()
			a, b := port(device, 5100), port(cloud, s.port)
			m.udp(a, b, s.data)
			m.udp(b, a, s.data[:n])
			m.udp(a, b, s.data[:n])
			m.udp(a, b, make([]byte, n))
			summary(m.of(t))
		}
	}
}

// FuzzDatagram gives any bytes to whoever reads datagrams of a port.
func FuzzDatagram(f *testing.F) {
	for _, s := range datagramSeeds() {
		f.Add(s.port, s.data, s.data)
	}
	f.Fuzz(func(t *testing.T, p uint16, a, b []byte) {
		m := newMaker()
		m.udp(port(device, 5000), port(cloud, p), a[:min(len(a), 60000)])
		m.udp(port(cloud, p), port(device, 5000), b[:min(len(b), 60000)])
		m.udp(port(device, 5000), port(cloud, p), b[:min(len(b), 60000)])
		summary(m.of(t))
	})
}

// FuzzFrame gives any bytes as a frame of any link layer.
func FuzzFrame(f *testing.F) {
	ip := ipPacket(device, cloud, protoUDP, udpBody(5000, 53, question("x")))
	for _, link := range []uint32{0, 1, 9, 50, 51, 104, 105, 113, 119, 127, 163, 192, 228, 239, 276} {
		f.Add(link, ip)
		f.Add(link, newMaker().link(macOf(device), macOf(cloud), 0x0800, ip))
	}
	f.Fuzz(func(t *testing.T, link uint32, frame []byte) {
		m := newMaker()
		m.kind = link
		m.frame(frame[:min(len(frame), 60000)])
		summary(m.of(t))
	})
}

// FuzzStream gives any bytes to whoever reads connections.
func FuzzStream(f *testing.F) {
	for _, s := range []struct {
		port uint16
		c, s string
	}{
		{21, "USER a\r\nPASS b\r\n", "220 FTP\r\n331\r\n230\r\n227 (1,2,3,4,5,6)\r\n"}, {25, "EHLO x\r\nAUTH LOGIN\r\nYQ==\r\nYg==\r\nSTARTTLS\r\n", "220 ESMTP\r\n250\r\n334\r\n334\r\n235\r\n220\r\n"},
		{80, "POST /a?token=b HTTP/1.1\r\nAuthorization: Basic YTpi\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n0\r\n\r\n", "HTTP/1.1 401 x\r\nContent-Length: 1\r\n\r\nx"},
		{554, "DESCRIBE x RTSP/1.0\r\n\r\n", "RTSP/1.0 200 OK\r\n\r\n$\x00\x00\x01a"}, {1883, mqttConnect("a", "b", "c"), "\x20\x02\x00\x00"}, {23, "a\r\nb\r\n", "\xff\xfd\x01login: Password: "},
		{443, string(clientHello("x", nil)), string(serverHello(0x0303, 0xc02f)) + string(record(22, handshake(11, []byte{0, 0, 3, 0, 0, 0})))}, {9999, shpFrame(`{"a":{"b":{}}}`), shpFrame(`{"a":{"b":{"err_code":0}}}`)},
		{6668, "\x00\x00\x55\xaa\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x08aaaaaaaa", "\x00\x00\x66\x99"}, {22, "SSH-2.0-a\r\n", "SSH-2.0-b\r\n"}, {143, "a LOGIN b c\r\n", "* OK IMAP\r\na OK\r\n"}, {110, "USER a\r\nPASS b\r\n", "+OK\r\n+OK\r\n"},
		{53, "\x00\x10" + string(question("x")), ""}, {5222, "<stream:stream><auth mechanism='PLAIN'>AGEAYg==</auth><starttls/>", "<success/><proceed/>"}, {1080, "\x05\x01\x00", "\x05\x00"},
		{80, "GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n" + websocketFrame(2, "abcd", mqttConnect("a", "b", "c")), "HTTP/1.1 101 x\r\nUpgrade: websocket\r\n\r\n" + websocketFrame(2, "", "\x20\x02\x00\x00")},
		{80, "CONNECT a:443 HTTP/1.1\r\n\r\n" + string(clientHello("x", nil)), "HTTP/1.1 200 x\r\n\r\n"}, {80, http2Talk(http2Head(1, "Basic YTpi")), http2Frame(4, 0, 0, "") + http2Frame(1, 4, 1, "\x88")},
	} {
		f.Add(s.port, uint8(200), []byte(s.c), []byte(s.s))
	}
	f.Fuzz(func(t *testing.T, p uint16, size uint8, a, b []byte) {
		m := newMaker()
		k := m.tcp(port(device, 5000), port(cloud, p))
		k.size = int(size) + 1
		a, b = a[:min(len(a), 4000)], b[:min(len(b), 4000)]
		k.say(1, b[:len(b)/3]).say(0, a[:len(a)/2]).say(1, b[len(b)/3:]).say(0, a[len(a)/2:])
		k.close()
		summary(m.of(t))
	})
}
