package capture

import (
	"bytes"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var samples = flag.String("samples", "", "write the captures that tests of other packages read into this folder")

const sampleDir = "../check/traffic/testdata"

// made are captures for the tests of the check and of the command.
func made() map[string]*maker {
	// bad is a camera that does much wrong: a default log-in over FTP, open video, a
	// password in clear to a cloud, TLS 1.0, an update over HTTP; a phone beside it
	// that does worse.
	bad := newMaker()
	bad.udp(port(router, 67), port(device, 68), dhcpMessage(2, 5, device, ""))
	bad.tcp(port(phone, 40000), port(device, 21)).s("220 camera FTP\r\n").c("USER admin\r\n").s("331 more\r\n").c("PASS admin\r\n").s("230 in\r\n").close()
	bad.tcp(port(phone, 40001), port(device, 2121)).s("220 camera FTP\r\n").c("USER root\r\n").s("331 more\r\n").c("PASS \r\n").s("230 in\r\n").close()
	bad.tcp(port(phone, 40002), port(device, 554)).c("DESCRIBE rtsp://192.168.8.20/live RTSP/1.0\r\nCSeq: 1\r\n\r\n").s("RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 3\r\n\r\nv=0").close()
	bad.tcp(port(device, 40003), port(cloud, 1883)).c(mqttConnect("camera", "unit", "Hk7-92kd")).s("\x20\x02\x00\x00").close()
	bad.tcp(port(device, 40004), port(cloud, 443)).say(0, clientHello("api.example.com", nil)).say(1, serverHello(0x0301, 0x002f)).say(0, record(20, []byte{1})).say(0, record(22, make([]byte, 40))).say(1, record(20, []byte{1})).say(1, record(22, make([]byte, 40))).close()
	bad.tcp(port(device, 40005), port(cloud, 80)).c("GET /fw/camera.bin HTTP/1.1\r\nHost: cdn.example.com\r\n\r\n").s("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n\x27\x05\x19\x56" + strings.Repeat("\x01", 96)).close()
	bad.tcp(port(phone, 40006), port(cloud, 110)).s("+OK hello\r\n").c("USER me\r\n").s("+OK\r\n").c("PASS not-the-camera\r\n").s("+OK in\r\n").close()

	// good lasts an hour: TLS 1.3, names, the time, and a web page over TLS that a phone looks at.
	good := newMaker()
	for n := range 13 {
		p := uint16(41000 + n)
		good.udp(port(device, p), port(router, 53), question("api.example.com"))
		good.udp(port(router, 53), port(device, p), answer("api.example.com", cloud))
		good.udp(port(device, 123), port(cloud, 123), append([]byte{0x23}, make([]byte, 47)...))
		tls13(good.tcp(port(device, p), port(cloud, 443)), "api.example.com")
		if n == 6 {
			tls13(good.tcp(port(phone, p), port(device, 443)), "")
		}
		good.at = good.at.Add(5 * time.Minute)
	}

	// quietly is a device that only looks for an address.
	quietly := newMaker()
	quietly.udp(port(netip.IPv4Unspecified(), 68), port(netip.MustParseAddr("255.255.255.255"), 67), dhcpMessage(1, 1, netip.Addr{}, "kettle"))
	quietly.udp(port(router, 67), port(device, 68), dhcpMessage(2, 5, device, ""))
	quietly.tcp(port(phone, 40000), port(cloud, 80)).c("GET / HTTP/1.1\r\nHost: x\r\n\r\n").close()

	cut := newMaker()
	cut.b.Write(bad.b.Bytes()[:bad.b.Len()-200])
	cut.written = true
	return map[string]*maker{"bad.pcap": bad, "good.pcap": good, "quiet.pcap": quietly, "cut.pcap": cut}
}

// tls13 plays a handshake of TLS 1.3 and some data.
func tls13(k *talk, sni string) {
	hello := []byte{3, 3}
	hello = append(hello, make([]byte, 32)...)
	hello = append(hello, 0, 0x13, 0x01, 0, 0, 6, 0, 43, 0, 2, 3, 4)
	k.say(0, clientHello(sni, []uint16{0x1301})).say(1, record(22, handshake(2, hello))).say(1, record(23, make([]byte, 900))).say(0, record(23, make([]byte, 53))).say(0, record(23, make([]byte, 200))).say(1, record(23, make([]byte, 300))).close()
}

// TestSamples holds the captures beside the check to what is made here.
func TestSamples(t *testing.T) {
	for name, m := range made() {
		if *samples != "" {
			if err := os.WriteFile(filepath.Join(*samples, name), m.b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(filepath.Join(sampleDir, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, m.b.Bytes()) {
			t.Errorf("%s is not what is made: go test ./capture -run TestSamples -samples %s", name, sampleDir)
		}
	}
}
