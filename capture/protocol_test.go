package capture

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
)

func xorAutokey(s string) string {
	out, key := make([]byte, len(s)), byte(171)
	for i := range out {
		out[i] = s[i] ^ key
		key = out[i]
	}
	return string(out)
}

func shpFrame(s string) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(len(s)))) + xorAutokey(s)
}

func ber(tag byte, parts ...[]byte) []byte {
	var body []byte
	for _, p := range parts {
		body = append(body, p...)
	}
	return append([]byte{tag, byte(len(body))}, body...)
}

func snmpMessage(version byte, community string, pdu byte) []byte {
	return ber(0x30, ber(2, []byte{version}), ber(4, []byte(community)), ber(pdu, ber(2, []byte{1}), ber(2, []byte{0}), ber(2, []byte{0}), ber(0x30)))
}

func dhcpMessage(op, kind byte, yours netip.Addr, host string) []byte {
	b := make([]byte, 240)
	b[0], b[1], b[2] = op, 1, 6
	m := macOf(device)
	copy(b[28:], m[:])
	if yours.IsValid() {
		a := yours.As4()
		copy(b[16:], a[:])
	}
	binary.BigEndian.PutUint32(b[236:], 0x63825363)
	b = append(b, 53, 1, kind)
	if host != "" {
		b = append(append(b, 12, byte(len(host))), host...)
	}
	return append(b, 255)
}

// TestProtocols makes a small conversation in each protocol and holds what is said
// of it, and what is not.
func TestProtocols(t *testing.T) {
	group := netip.MustParseAddr("239.255.255.250")
	all := netip.MustParseAddr("255.255.255.255")
	basic := base64.StdEncoding.EncodeToString([]byte("admin:S3cretWord"))
	rows := []struct {
		name        string
		make        func(m *maker)
		want, never []string
	}{
		{"ftp-accepted", func(m *maker) {
			m.tcp(port(phone, 40000), port(device, 21)).s("220 kettle FTP\r\n").c("USER admin\r\n").s("331 more\r\n").c("PASS S3cretWord\r\n").s("230 in\r\n").c("PASV\r\n").s("227 here (192,168,8,20,200,1)\r\n").close()
			m.tcp(port(phone, 40001), port(device, 51201)).s("a file that holds words enough to look like text and so on\r\n").close()
		}, []string{"from 192.168.8.30 tcp/21 ftp [clear] offered", "secret-in-clear HELD: the device is sent a password of user admin in clear: FTP PASS", "; the server accepted it", "tcp/51201 ftp-data"}, []string{"51201 ftp-data [clear] offered"}},
		{"ftp-long-welcome", func(m *maker) { // two lines of welcome are one log-in
			m.tcp(port(phone, 40000), port(device, 21)).s("220 kettle FTP\r\n").c("USER admin\r\n").s("331 more\r\n").c("PASS S3cretWord\r\n").s("230-welcome\r\n230 in\r\n").close()
		}, []string{"; the server accepted it"}, []string{"open-access"}},
		{"ftp-without-password", func(m *maker) {
			m.tcp(port(phone, 40000), port(device, 21)).s("220 kettle FTP\r\n").c("USER root\r\n").s("230 in\r\n").close()
		}, []string{"open-access HELD: ftp on TCP 21", "FTP as user root, without a password"}, []string{"secret"}},
		{"ftp-refused", func(m *maker) {
			m.tcp(port(phone, 40000), port(device, 21)).s("220 kettle FTP\r\n").c("USER admin\r\n").s("331 more\r\n").c("PASS S3cretWord\r\n").s("530 no\r\n").close()
		}, []string{"secret-in-clear: the device is sent", "; the server refused it"}, []string{" HELD"}},
		{"ftp-tls", func(m *maker) {
			m.tcp(port(phone, 40000), port(device, 21)).s("220 kettle FTP\r\n").c("AUTH TLS\r\n").s("234 go on\r\n").say(0, clientHello("", nil)).say(1, serverHello(0x0303, 0xc02f)).close()
		}, []string{"tcp/21 ftp+tls [encrypted]", "TLS 1.2 TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"}, []string{"secret", "HELD"}},
		{"http-basic-accepted", func(m *maker) {
			m.tcp(port(phone, 40000), port(device, 80)).c("GET / HTTP/1.1\r\nHost: kettle\r\n\r\n").s("HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"kettle\"\r\nContent-Length: 2\r\n\r\nno").close()
			m.tcp(port(phone, 40001), port(device, 80)).c("GET / HTTP/1.1\r\nHost: kettle\r\nAuthorization: Basic " + basic + "\r\n\r\n").s("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nin").close()
		}, []string{"the device is sent a password of user admin in clear: HTTP Basic", "HELD", "; the server accepted it"}, nil},
		{"http-basic-unasked", func(m *maker) { // a server that asks nobody may ignore what is sent
			m.tcp(port(phone, 40001), port(device, 80)).c("GET / HTTP/1.1\r\nHost: kettle\r\nAuthorization: Basic " + basic + "\r\n\r\n").s("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nin").close()
		}, []string{"whether the server accepted it cannot be seen"}, []string{"HELD"}},
		{"http-digest", func(m *maker) {
			m.tcp(port(phone, 40001), port(device, 80)).c("GET / HTTP/1.1\r\nHost: kettle\r\nAuthorization: Digest username=\"admin\", realm=\"k\", response=\"00\"\r\n\r\n").s("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").close()
		}, []string{"log-in: Digest by user admin"}, []string{"HELD", "secret-in-clear"}},
		{"http-form-and-query", func(m *maker) {
			body := "username=admin&password=S3cretWord"
			m.tcp(port(device, 40001), port(cloud, 80)).c("POST /login?x=1 HTTP/1.1\r\nHost: api.example.com\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 34\r\n\r\n" + body).s("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n").
				c("GET /cgi?user=admin&pwd=S3cretWord HTTP/1.1\r\nHost: api.example.com\r\n\r\n").s("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").close()
		}, []string{"the device sends a password of user admin in clear: HTTP form field password", "HTTP query field pwd", "HELD", "request: GET api.example.com/cgi\n"}, []string{"S3cretWord"}},
		{"http-json-bearer-cookie", func(m *maker) {
			m.tcp(port(device, 40001), port(cloud, 80)).c("POST /v1 HTTP/1.1\r\nHost: api.example.com\r\nAuthorization: Bearer S3cretWord\r\nCookie: sessionid=S3cretWord; theme=dark\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1f\r\n{\"wifi_password\": \"S3cretWord\"}\r\n0\r\n\r\n").s("HTTP/1.1 204 Done\r\n\r\n").close()
		}, []string{"a token in clear: HTTP Bearer", "a cookie in clear: HTTP cookie sessionid", "JSON body field wifi_password"}, []string{"theme", "cookie HELD", "S3cretWord"}},
		{"http-firmware", func(m *maker) {
			m.tcp(port(device, 40001), port(cloud, 80)).c("GET /fw/kettle.bin HTTP/1.1\r\nHost: cdn.example.com\r\n\r\n").s("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n\x27\x05\x19\x56" + strings.Repeat("\x01", 96)).
				c("GET /logo.bin HTTP/1.1\r\nHost: cdn.example.com\r\n\r\n").s("HTTP/1.1 200 OK\r\nContent-Length: 80\r\n\r\n" + strings.Repeat("words ", 13) + "\r\n").close()
		}, []string{"update-in-clear HELD: gets firmware-like over http without encryption: cdn.example.com/fw/kettle.bin (it begins as a U-Boot image does)"}, []string{"logo.bin ("}},
		{"http-picture", func(m *maker) {
			m.tcp(port(device, 40001), port(cloud, 80)).c("PUT /snap HTTP/1.1\r\nHost: cdn.example.com\r\nContent-Type: image/jpeg\r\nContent-Length: 4\r\n\r\n\xff\xd8\xff\xe0").s("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").close()
		}, []string{"media-in-clear: sends picture over http"}, []string{"HELD"}},
		{"upnp-port", func(m *maker) {
			body := "<u:AddPortMapping><NewExternalPort>8080</NewExternalPort></u:AddPortMapping>"
			m.tcp(port(device, 40001), port(router, 5000)).c("POST /ctl HTTP/1.1\r\nHost: 192.168.8.1\r\nSOAPACTION: \"urn:x#AddPortMapping\"\r\nContent-Length: 76\r\n\r\n" + body).s("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").close()
		}, []string{"opens-port: asks the router by UPnP", "NewExternalPort: 8080"}, []string{"HELD"}},
		{"tls12-complete", func(m *maker) {
			m.tcp(port(device, 40001), port(cloud, 443)).say(0, clientHello("api.example.com", nil)).say(1, serverHello(0x0303, 0xc02f)).say(0, record(20, []byte{1})).say(0, record(22, make([]byte, 40))).say(1, record(20, []byte{1})).say(1, record(22, make([]byte, 40))).say(0, record(23, make([]byte, 99))).close()
		}, []string{"to api.example.com (203.0.113.7) tcp/443 tls [encrypted]"}, []string{"HELD", "finding"}},
		{"tls-answer-lost", func(m *maker) { // what was negotiated is not known: not clear, not complete
			m.tcp(port(device, 40001), port(cloud, 443)).say(0, clientHello("", nil)).say(1, record(20, []byte{1})).say(0, record(20, []byte{1})).say(0, record(22, make([]byte, 40))).say(1, record(22, make([]byte, 40))).close()
		}, []string{"tcp/443 tls [encrypted]", "tls   sni="}, []string{"[clear]", "finding"}},
		{"tls10-rc4", func(m *maker) {
			m.tcp(port(phone, 40001), port(device, 443)).say(0, clientHello("", nil)).say(1, serverHello(0x0301, 0x0005)).say(0, record(20, []byte{1})).say(0, record(22, make([]byte, 40))).say(1, record(20, []byte{1})).say(1, record(22, make([]byte, 40))).close()
		}, []string{"outdated HELD: tls on TCP 443 of the device, used by 192.168.8.30: TLS 1.0 was withdrawn; TLS_RSA_WITH_RC4_128_SHA: RC4"}, nil},
		{"tls10-not-finished", func(m *maker) {
			m.tcp(port(phone, 40001), port(device, 443)).say(0, clientHello("", nil)).say(1, serverHello(0x0301, 0x0005)).close()
		}, []string{"finding outdated: "}, []string{"HELD"}},
		{"tls-null", func(m *maker) {
			m.tcp(port(device, 40001), port(cloud, 443)).say(0, clientHello("", nil)).say(1, serverHello(0x0303, 0x003b)).say(0, record(20, []byte{1})).say(0, record(22, make([]byte, 40))).say(1, record(20, []byte{1})).say(1, record(22, make([]byte, 40))).close()
		}, []string{"tls [clear]", "no encryption at all", "HELD"}, nil},
		{"mqtt-open", func(m *maker) {
			m.tcp(port(phone, 40001), port(device, 1883)).c(mqttConnect("app", "", "")).s("\x20\x02\x00\x00").c("\x30\x09\x00\x05stateon").close()
		}, []string{"open-access HELD: mqtt on TCP 1883", "publishes: state"}, []string{"secret"}},
		{"mqtt-sensor", func(m *maker) { // pins, passes and tokens of sensors are no secrets
			body := `{"pin":"D4","pass":"true","token":"3"}`
			m.tcp(port(device, 40001), port(cloud, 1883)).c(mqttConnect("k", "", "")).s("\x20\x02\x00\x00").c("\x30" + string(rune(len(body)+7)) + "\x00\x05state" + body).close()
		}, []string{"publishes: state"}, []string{"secret", "HELD"}},
		{"mqtt-wifi-password", func(m *maker) {
			body := `{"ssid":"home","wifi_password":"S3cretWord","old_password":"********"}`
			m.tcp(port(device, 40001), port(cloud, 1883)).c(mqttConnect("k", "", "")).s("\x20\x02\x00\x00").c("\x30" + string(rune(len(body)+7)) + "\x00\x05state" + body).close()
		}, []string{"MQTT message field wifi_password", "HELD"}, []string{"old_password"}},
		{"mqtt-refused", func(m *maker) {
			m.tcp(port(phone, 40001), port(device, 1883)).c(mqttConnect("app", "admin", "S3cretWord")).s("\x20\x02\x00\x05").close()
		}, []string{"; the server refused it"}, []string{"HELD", "open-access"}},
		{"rtsp-open", func(m *maker) {
			m.tcp(port(phone, 40001), port(device, 554)).c("DESCRIBE rtsp://192.168.8.20/live RTSP/1.0\r\nCSeq: 1\r\n\r\n").s("RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 3\r\n\r\nv=0").c("PLAY rtsp://192.168.8.20/live RTSP/1.0\r\nCSeq: 2\r\n\r\n").s("RTSP/1.0 200 OK\r\nCSeq: 2\r\n\r\n$\x00\x00\x04abcd$\x00\x00\x04abcd").close()
		}, []string{"open-access HELD: rtsp on TCP 554", "media-in-clear: sends video over rtsp"}, []string{"secret"}},
		{"rtsp-log-in-once", func(m *maker) { // what follows a log-in on a connection is not open
			m.tcp(port(phone, 40001), port(device, 554)).c("DESCRIBE rtsp://192.168.8.20/live RTSP/1.0\r\nAuthorization: Digest username=\"u\"\r\n\r\n").s("RTSP/1.0 200 OK\r\n\r\n").c("PLAY rtsp://192.168.8.20/live RTSP/1.0\r\n\r\n").s("RTSP/1.0 200 OK\r\n\r\n").close()
		}, []string{"rtsp on TCP 554"}, []string{"HELD"}},
		{"rtsp-rtp", func(m *maker) {
			m.tcp(port(phone, 40001), port(device, 554)).c("SETUP rtsp://192.168.8.20/live RTSP/1.0\r\n\r\n").s("RTSP/1.0 200 OK\r\nTransport: RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001\r\n\r\n").close()
			m.udp(port(device, 6000), port(phone, 5000), append([]byte{0x80, 96}, make([]byte, 200)...))
		}, []string{"udp/5000 rtp [clear]", "media-in-clear: sends video over rtp"}, []string{"HELD", "rtp [clear] offered"}},
		{"rtsp-basic", func(m *maker) {
			m.tcp(port(phone, 40001), port(device, 554)).c("DESCRIBE rtsp://192.168.8.20/live RTSP/1.0\r\nCSeq: 1\r\n\r\n").s("RTSP/1.0 401 No\r\nCSeq: 1\r\n\r\n").c("DESCRIBE rtsp://192.168.8.20/live RTSP/1.0\r\nCSeq: 2\r\nAuthorization: Basic " + basic + "\r\n\r\n").s("RTSP/1.0 200 OK\r\nCSeq: 2\r\n\r\n").close()
		}, []string{"a password of user admin in clear: RTSP Basic", "; the server accepted it", "HELD"}, []string{"open-access"}},
		{"telnet", func(m *maker) {
			m.tcp(port(phone, 40001), port(device, 23)).s("\xff\xfd\x18\r\nkettle login: ").c("root\r\n").s("root\r\nPassword: ").c("S3cretWord\r\n").s("\r\nLogin incorrect\r\nkettle login: ").close()
		}, []string{"tcp/23 telnet [clear] offered", "a password of user root in clear: telnet", "; the server refused it"}, []string{"HELD"}},
		{"telnet-shell", func(m *maker) {
			m.tcp(port(phone, 40001), port(device, 2323)).c("\xff\xfb\x18").s("\xff\xfd\x18\r\n\r\nBusyBox\r\n/ # ").close()
		}, []string{"open-access HELD: telnet on TCP 2323"}, nil},
		{"telnet-begun-before", func(m *maker) { // who logged in before the capture began is not seen
			k := m.tcp(port(phone, 40001), port(device, 23))
			m.b.Reset()
			m.written = false
			k.s("\xff\xfd\x18\r\n/ # ").c("ls\r\n").s("bin etc\r\n/ # ").close()
		}, []string{"tcp/23 telnet [clear]"}, []string{"HELD"}},
		{"telnet-other-prompt", func(m *maker) { // a log-in in words that are not known
			m.tcp(port(phone, 40001), port(device, 23)).s("\xff\xfd\x18\r\nBenutzer> ").c("root\r\n").s("\r\nroot@k:~# ").close()
		}, []string{"tcp/23 telnet [clear]"}, []string{"HELD"}},
		{"ssh", func(m *maker) {
			m.tcp(port(phone, 40001), port(device, 22)).s("SSH-2.0-dropbear_2012.55\r\n").c("SSH-2.0-app\r\n").close()
		}, []string{"tcp/22 ssh [encrypted] offered", "software: dropbear_2012.55"}, []string{"HELD"}},
		{"smtp", func(m *maker) {
			m.tcp(port(device, 40001), port(cloud, 25)).s("220 mx ESMTP\r\n").c("EHLO k\r\n").s("250 AUTH PLAIN\r\n").c("AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00me\x00S3cretWord")) + "\r\n").s("235 in\r\n").close()
		}, []string{"a password of user me in clear: SMTP AUTH PLAIN", "HELD", "; the server accepted it"}, nil},
		{"smtp-starttls", func(m *maker) {
			m.tcp(port(device, 40001), port(cloud, 25)).s("220 mx ESMTP\r\n").c("EHLO k\r\n").s("250 STARTTLS\r\n").c("STARTTLS\r\n").s("220 go\r\n").say(0, clientHello("mx.example.com", nil)).say(1, serverHello(0x0303, 0xc02f)).close()
		}, []string{"smtp+tls [encrypted]", "sni=mx.example.com"}, []string{"secret", "finding"}},
		{"pop3", func(m *maker) {
			m.tcp(port(device, 40001), port(cloud, 110)).s("+OK hello\r\n").c("USER me\r\n").s("+OK\r\n").c("PASS S3cretWord\r\n").s("+OK in\r\n").close()
		}, []string{"POP3 PASS", "HELD"}, nil},
		{"imap", func(m *maker) {
			m.tcp(port(device, 40001), port(cloud, 143)).s("* OK IMAP4\r\n").c("a1 LOGIN me S3cretWord\r\n").s("a1 OK in\r\n").close()
		}, []string{"IMAP LOGIN", "HELD", "; the server accepted it"}, nil},
		{"sip", func(m *maker) {
			m.udp(port(device, 5060), port(cloud, 5060), []byte("REGISTER sip:x SIP/2.0\r\nUser-Agent: doorbell\r\nAuthorization: Digest username=\"u\"\r\n\r\n"))
		}, []string{"udp/5060 sip [clear]", "REGISTER", "Digest by user u"}, []string{"HELD"}},
		{"dns-tcp", func(m *maker) {
			q, a := question("api.example.com"), answer("api.example.com", cloud)
			m.tcp(port(device, 40001), port(router, 53)).c("\x00" + string(byte(len(q))) + string(q)).s("\x00" + string(byte(len(a))) + string(a)).close()
		}, []string{"lookup dns api.example.com [203.0.113.7]"}, nil},
		{"dns6", func(m *maker) {
			m.udp(port(device6, 5000), port(cloud6, 53), question("api.example.com"))
			m.udp(port(cloud6, 53), port(device6, 5000), answer("api.example.com", cloud))
		}, []string{"to 2001:db8:f::7 udp/53 dns", "lookup dns api.example.com [203.0.113.7]"}, nil},
		{"mdns", func(m *maker) {
			m.udp(port(device, 5353), port(netip.MustParseAddr("224.0.0.251"), 5353), dnsMessage(0x8400, "kettle.local", device))
		}, []string{"udp/5353 mdns [clear]", "host name kettle.local by mdns"}, []string{"lookup", "offered", "finding clear-text"}},
		{"llmnr-netbios", func(m *maker) {
			m.udp(port(device, 5000), port(netip.MustParseAddr("224.0.0.252"), 5355), question("printer"))
			m.udp(port(device, 137), port(netip.MustParseAddr("192.168.8.255"), 137), question("ELFFFEFEEMEFCACACACACACACACACAAA"))
		}, []string{"lookup llmnr printer", "lookup netbios k"}, nil},
		{"dhcp-lease", func(m *maker) {
			m.udp(port(netip.IPv4Unspecified(), 68), port(all, 67), dhcpMessage(1, 1, netip.Addr{}, "kettle"))
			m.udp(port(router, 67), port(device, 68), dhcpMessage(2, 5, device, ""))
		}, []string{"host name kettle by dhcp", "host address 192.168.8.20 by dhcp"}, nil},
		{"ssdp", func(m *maker) {
			m.udp(port(device, 1900), port(group, 1900), []byte("NOTIFY * HTTP/1.1\r\nSERVER: Linux UPnP/1.0 kettle/2\r\nNT: upnp:rootdevice\r\n\r\n"))
			m.udp(port(phone, 50000), port(group, 1900), []byte("M-SEARCH * HTTP/1.1\r\nST: ssdp:all\r\n\r\n"))
			m.udp(port(device, 1900), port(phone, 50000), []byte("HTTP/1.1 200 OK\r\nSERVER: kettle/2\r\n\r\n"))
		}, []string{"from 192.168.8.30 udp/1900 ssdp [clear]", "host software: Linux UPnP/1.0 kettle/2"}, []string{"finding"}},
		{"ws-discovery", func(m *maker) {
			m.udp(port(phone, 50000), port(group, 3702), []byte(`<?xml version="1.0"?><s:Envelope xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><d:Probe><d:Types>x</d:Types></d:Probe></s:Envelope>`))
			m.udp(port(device, 3702), port(phone, 50000), []byte(`<?xml version="1.0"?><s:Envelope xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><d:ProbeMatches><d:XAddrs>http://192.168.8.20/onvif</d:XAddrs></d:ProbeMatches></s:Envelope>`))
		}, []string{"udp/3702 ws-discovery [clear]", "xaddrs: http://192.168.8.20/onvif"}, nil},
		{"snmp-default", func(m *maker) {
			m.udp(port(phone, 50000), port(device, 161), snmpMessage(1, "public", 0xa0))
			m.udp(port(device, 161), port(phone, 50000), snmpMessage(1, "public", 0xa2))
		}, []string{"udp/161 snmp [clear] offered", "a community in clear: SNMP 2c", "HELD"}, nil},
		{"snmp-unanswered", func(m *maker) {
			m.udp(port(phone, 50000), port(device, 161), snmpMessage(0, "public", 0xa0))
		}, []string{"cannot be seen"}, []string{"HELD", "offered"}},
		{"coap", func(m *maker) {
			m.udp(port(phone, 50000), port(device, 5683), []byte("\x40\x01\x00\x01\xbbwell-known1\x04core"[:4]+"\xb5state"))
			m.udp(port(device, 5683), port(phone, 50000), []byte("\x60\x45\x00\x01\xffon"))
		}, []string{"udp/5683 coap [clear] offered", "request: GET /state", "answer: 2.05"}, nil},
		{"shp-command", func(m *maker) {
			m.tcp(port(phone, 40001), port(device, 9999)).c(shpFrame(`{"system":{"set_relay_state":{"state":1}}}`)).s(shpFrame(`{"system":{"set_relay_state":{"err_code":0}}}`)).c(shpFrame(`{"netif":{"set_stainfo":{"ssid":"home","password":"S3cretWord"}}}`)).s(shpFrame(`{"netif":{"set_stainfo":{"err_code":0}}}`)).close()
		}, []string{"tcp/9999 tplink-shp [obfuscated] offered", "open-access HELD: tplink-shp", "command: system.set_relay_state", "a password of user home in clear: TP-Link SHP netif.set_stainfo"}, []string{"S3cretWord"}},
		{"tuya-plain", func(m *maker) {
			body := `{"gwId":"abc","version":"3.1"}`
			f := append([]byte{0, 0, 0x55, 0xaa, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, byte(len(body) + 8)}, body...)
			m.udp(port(device, 6666), port(all, 6666), append(f, 1, 2, 3, 4, 0, 0, 0xaa, 0x55))
		}, []string{"udp/6666 tuya [clear]", "device: abc"}, nil},
		{"natpmp", func(m *maker) {
			m.udp(port(device, 5000), port(router, 5351), []byte{0, 2, 0, 0, 0, 80, 31, 144, 0, 0, 14, 16})
		}, []string{"opens-port: asks the router to open TCP port 8080 to its port 80"}, []string{"HELD"}},
		{"ntp", func(m *maker) {
			m.udp(port(device, 5000), port(cloud, 123), append([]byte{0x23}, make([]byte, 47)...))
		}, []string{"udp/123 ntp [clear]"}, []string{"finding"}},
		{"tftp", func(m *maker) {
			m.udp(port(device, 5000), port(router, 69), []byte("\x00\x01kettle.bin\x00octet\x00"))
		}, []string{"reads: kettle.bin", "update-in-clear HELD"}, nil},
		{"stun", func(m *maker) {
			m.udp(port(device, 5000), port(cloud, 3478), hexOf("000100002112a442000102030405060708090a0b"))
		}, []string{"udp/3478 stun"}, []string{"finding"}},
		{"unknown-binary", func(m *maker) {
			b := make([]byte, 4000)
			for i := range b {
				b[i] = byte(uint32(i*2654435761+12345) >> 16)
			}
			m.tcp(port(device, 40001), port(cloud, 11095)).say(0, b).s("\x00\x01").close()
		}, []string{"tcp/11095 unknown [unknown]", "encrypted or compressed: which of them cannot be told"}, []string{"HELD", "[clear]", "[encrypted]"}},
		{"unknown-text", func(m *maker) {
			m.tcp(port(device, 40001), port(cloud, 9100)).c(strings.Repeat("temperature: 21 degrees in the kitchen\n", 20)).close()
		}, []string{"tcp/9100 text [clear]", "finding clear-text"}, []string{"HELD"}},
		{"unknown-base64", func(m *maker) { // encoded bytes may be encrypted: neither is claimed
			m.tcp(port(device, 40001), port(cloud, 9100)).c(strings.Repeat("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo", 20)).close()
		}, []string{"tcp/9100 unknown [unknown]", "printable, such as text or encoded bytes"}, []string{"[clear]"}},
		{"others-are-not-blamed", func(m *maker) {
			m.tcp(port(phone, 40000), port(cloud, 21)).s("220 x FTP\r\n").c("USER me\r\n").s("331\r\n").c("PASS S3cretWord\r\n").s("230 in\r\n").close()
			m.udp(port(device, 5000), port(cloud, 123), append([]byte{0x23}, make([]byte, 47)...))
		}, []string{"udp/123 ntp"}, []string{"ftp", "secret", "HELD"}},
		{"address-changes", func(m *maker) { // the same device after a new lease
			m.udp(port(device, 5000), port(cloud, 123), append([]byte{0x23}, make([]byte, 47)...))
			m.udp(port(router, 67), port(netip.MustParseAddr("192.168.8.99"), 68), dhcpMessage(2, 5, netip.MustParseAddr("192.168.8.99"), ""))
			f := m.link
			m.link = func(src, dst mac, kind uint16, ip []byte) []byte { return f(macOf(device), dst, kind, ip) }
			m.udp(port(netip.MustParseAddr("192.168.8.99"), 5000), port(cloud, 53), question("late.example.com"))
		}, []string{"lookup dns late.example.com", "host address 192.168.8.99 by dhcp"}, nil},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			m := newMaker()
			row.make(m)
			got := summary(m.of(t))
			for _, w := range row.want {
				if !strings.Contains(got, w) {
					t.Errorf("%q is missing", w)
				}
			}
			for _, n := range append(row.never, "S3cretWord") {
				if strings.Contains(got, n) {
					t.Errorf("%q is claimed", n)
				}
			}
			if t.Failed() {
				t.Log(got)
			}
		})
	}
}

func hexOf(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}
