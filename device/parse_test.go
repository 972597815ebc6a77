package device

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestIdentify(t *testing.T) {
	for name, c := range map[string]struct {
		b    string
		want string
	}{
		"dropbear":      {"SSH-2.0-dropbear_2022.83\r\nrest", "ssh dropbear 2022.83"},
		"openssh":       {"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "ssh OpenSSH 9.2p1"},
		"ssh-no-name":   {"SSH-2.0-x\r\n", "ssh x"},
		"vsftpd":        {"220 (vsFTPd 3.0.3)\r\n", "ftp vsFTPd 3.0.3"},
		"ftp-plain":     {"220 Camera FTP ready\r\n", "ftp"},
		"smtp":          {"220 mail.example ESMTP\r\n", "smtp"},
		"220-alone":     {"220 hello\r\n", ""},
		"lighttpd":      {"HTTP/1.1 401 Unauthorized\r\nServer: lighttpd/1.4.69\r\n\r\n", "http lighttpd 1.4.69"},
		"dlna":          {"HTTP/1.0 200 OK\r\nServer: Debian DLNADOC/1.50 UPnP/1.0 MiniDLNA/1.3.0\r\n\r\n", "http MiniDLNA 1.3.0"},
		"body-no-head":  {"HTTP/1.0 200 OK\r\n\r\n\nServer: lies/1", "http"},
		"rtsp":          {"RTSP/1.0 200 OK\r\nCSeq: 1\r\nServer: GStreamer RTSP server\r\n\r\n", "rtsp GStreamer RTSP server"},
		"telnet":        {"\xff\xfd\x01\xff\xfb\x03\r\nlogin: ", "telnet"},
		"text-login":    {"Welcome\r\nUsername: ", "telnet"},
		"coap-csm":      {"\x50\xe1\x23\x80\x01\x00\x20", "coap+tcp"},
		"connack":       {"\x20\x02\x00\x05", "mqtt"},
		"tls-alert":     {"\x15\x03\x01\x00\x02\x02\x28", "tls"},
		"vnc":           {"RFB 003.008\n", "vnc  003.008"},
		"nothing-known": {"hello there", ""},
		"empty":         {"", ""},
	} {
		g := identify([]byte(c.b))
		if got := strings.TrimSpace(g.protocol + " " + g.product + " " + g.version); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestTelnetText(t *testing.T) {
	text, reply := telnetText([]byte("\xff\xfd\x01\xff\xfb\x03a\xff\xffb\xff\xfa\x18\x01\xff\xf0c\xff\xfb\x22"))
	if string(text) != "a\xffbc" || !bytes.Equal(reply, []byte{255, 252, 1, 255, 253, 3, 255, 254, 0x22}) {
		t.Errorf("got %q, %x", text, reply)
	}
}

func TestServerHello(t *testing.T) {
	body := append([]byte{3, 3}, make([]byte, 32)...)
	body = append(body, 0, 0xc0, 0x2f, 0)
	message := append([]byte{2, 0, 0, byte(len(body))}, body...)
	h, whole := parseServerHello(message)
	if !whole || h == nil || h.version != tls.VersionTLS12 || h.suite != 0xc02f {
		t.Errorf("got %+v, %v", h, whole)
	}
	with := append(slices.Clone(body), 0, 6, 0, 43, 0, 2, 3, 4)
	if h, _ = parseServerHello(append([]byte{2, 0, 0, byte(len(with))}, with...)); h == nil || h.version != tls.VersionTLS13 {
		t.Errorf("TLS 1.3: got %+v", h)
	}
	if h, whole = parseServerHello(message[:20]); whole || h != nil {
		t.Errorf("cut: got %+v, %v", h, whole)
	}
	// the hello may come in several records
	record := func(b []byte) []byte { return append([]byte{22, 3, 3, 0, byte(len(b))}, b...) }
	h, err := readServerHello(bytes.NewReader(append(record(message[:10]), record(message[10:])...)))
	if err != nil || h.suite != 0xc02f {
		t.Errorf("in two records: got %+v, %v", h, err)
	}
	if _, err := readServerHello(bytes.NewReader(unhex(t, "15030100020228"))); err == nil {
		t.Error("an alert was taken for a hello")
	}
}

func TestCoAP(t *testing.T) {
	m, ok := parseCoAP(append([]byte{0x62, 0x45, 0x41, 0x53, 0xa5, 0x5a, 0xc1, 40, 0xff}, "</>;ct=0"...))
	if !ok || m.Code() != "2.05" || string(m.payload) != "</>;ct=0" {
		t.Errorf("got %+v, %v", m, ok)
	}
	for _, b := range []string{"", "4001", "c0010000", "4f010000", "40450000ff", "40450000d1", "4045000015"} {
		if m, ok := parseCoAP(unhex(t, b)); ok {
			t.Errorf("%s: got %+v", b, m)
		}
	}
	_, rest, ok := parseCoAPTCP(append(unhex(t, "50e12380010020"), 1, 2))
	if !ok || len(rest) != 2 {
		t.Errorf("over TCP: got %x, %v", rest, ok)
	}
}

func TestSNMP(t *testing.T) {
	ask := snmpGet("public", 1)
	if _, ok := parseSNMP(ask); ok {
		t.Error("a question was taken for an answer")
	}
	answer := unhex(t, "302e0201010406 7075626c6963 a221 020101 020100 020100 3016 3014 06082b06010201010100 0408 4c696e7578204950")
	texts, ok := parseSNMP(answer)
	if diff := cmp.Diff(texts, []string{"Linux IP"}); !ok || diff != "" {
		t.Errorf("got %v, %v", texts, ok)
	}
}

func TestKex(t *testing.T) {
	var b []byte
	for _, list := range []string{"curve25519-sha256,diffie-hellman-group1-sha1", "ssh-ed25519,ssh-dss", "aes128-ctr,3des-cbc", "aes128-ctr,3des-cbc"} {
		b = append(append(b, 0, 0, 0, byte(len(list))), list...)
	}
	b = append(append([]byte("SSH-2.0-x\r\n\x00\x00\x01\x00\x05\x14"), make([]byte, 16)...), b...)
	if diff := cmp.Diff(outdated(parseKex(b)), []string{"diffie-hellman-group1-sha1", "ssh-dss", "3des-cbc"}); diff != "" {
		t.Errorf("-got +want\n%s", diff)
	}
	if got := parseKex([]byte("SSH-2.0-x\r\nnonsense that is longer")); got != nil {
		t.Errorf("got %v", got)
	}
}

func TestDescriptions(t *testing.T) {
	d, err := parseUPnP([]byte(`<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0"><device><friendlyName>Kettle</friendlyName><modelName>K2</modelName><serialNumber>7</serialNumber><deviceList><device><friendlyName>Inner</friendlyName></device></deviceList></device></root>`))
	if err != nil || d.Name != "Kettle" || d.Model != "K2" || len(d.words()) != 2 {
		t.Errorf("got %+v, %v", d, err)
	}
	for name, text := range map[string]string{
		"bomb":  `<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><root><device><friendlyName>&b;</friendlyName></device></root>`,
		"deep":  strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100),
		"many":  "<root><device><friendlyName>x</friendlyName></device>" + strings.Repeat("<a/>", 5000) + "</root>",
		"cut":   `<root><device><friendlyName>x</friendlyName>`,
		"other": `<html><title>x</title></html>`,
		"empty": "",
	} {
		if d, err := parseUPnP([]byte(text)); err == nil {
			t.Errorf("%s: got %+v", name, d)
		}
	}
	a, s, err := parseWSD([]byte(`<e:Envelope xmlns:e="e" xmlns:d="d"><e:Body><d:ProbeMatches><d:ProbeMatch><d:Scopes>onvif://www.onvif.org/name/Cam</d:Scopes><d:XAddrs>http://192.168.1.5/onvif/device_service</d:XAddrs></d:ProbeMatch></d:ProbeMatches></e:Body></e:Envelope>`))
	if err != nil || len(a) != 1 || len(s) != 1 {
		t.Errorf("got %v, %v, %v", a, s, err)
	}
	location, server, ok := parseSSDP([]byte("HTTP/1.1 200 OK\r\nLOCATION: http://192.168.1.5:49152/d.xml\r\nSERVER: Linux/3 UPnP/1.0 Thing/2.1\r\nST: ssdp:all\r\n\r\n"))
	if !ok || location != "http://192.168.1.5:49152/d.xml" || server == "" {
		t.Errorf("got %q, %q, %v", location, server, ok)
	}
}

func TestChallenges(t *testing.T) {
	got := challenges([]string{`Basic realm="IP Camera", charset="UTF-8", Digest realm="a, b", nonce="n\"x", qop="auth,auth-int", algorithm=MD5`})
	if len(got) != 2 || got[0].scheme != "digest" || got[0].params["realm"] != "a, b" || got[0].params["nonce"] != `n"x` || got[1].scheme != "basic" || got[1].params["realm"] != "IP Camera" {
		t.Errorf("got %+v", got)
	}
	// The example of RFC 2617 3.5, which RFC 7616 3.9.1 carries on.
	c := challenge{scheme: "digest", params: map[string]string{"realm": "testrealm@host.com", "nonce": "dcd98b7102dd2f0e8b11d0f600bfb0c093", "qop": "auth,auth-int", "opaque": "5ccc069c403ebaf9f0171e9517f40e41"}}
	header, secrets, ok := c.authorization("GET", "/dir/index.html", &credential{"Mufasa", "Circle Of Life"}, "0a4f113b")
	if !ok || secrets[0] != "6629fae49393a05397450978507c4ef1" || !strings.Contains(header, `response="6629fae49393a05397450978507c4ef1"`) {
		t.Errorf("got %s", header)
	}
}

// The examples of RFC 7616 3.9.1; and which of several challenges is answered.
func TestDigests(t *testing.T) {
	params := func(algorithm string) map[string]string {
		return map[string]string{"realm": "http-auth@example.org", "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "qop": "auth, auth-int", "opaque": "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS", "algorithm": algorithm}
	}
	for algorithm, want := range map[string]string{"MD5": "8ca523f5e9506fed4657c9700eebdbec", "SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"} {
		c := challenge{scheme: "digest", params: params(algorithm)}
		_, secrets, ok := c.authorization("GET", "/dir/index.html", &credential{"Mufasa", "Circle of Life"}, "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")
		if !ok || secrets[0] != want {
			t.Errorf("%s: got %v, want %s", algorithm, secrets, want)
		}
	}
	got := challenges([]string{`Basic realm="b"`, `Digest realm="a", nonce="n", algorithm=NEW-9`, `Digest realm="c", nonce="n", qop="auth-int"`, `Digest realm="d", nonce="n", algorithm=SHA-256`, `Digest realm="e", nonce="n"`})
	if got[0].params["realm"] != "d" || got[1].params["realm"] != "e" || got[2].scheme != "basic" {
		t.Errorf("got %+v", got)
	}
	if _, _, ok := got[3].authorization("GET", "/", &credential{"a", "b"}, "c"); ok {
		t.Error("a digest that is not known was answered")
	}
}

func TestLoginForm(t *testing.T) {
	f := loginForm([]byte(`<form action="/search"><input name=q></form><FORM METHOD='post' ACTION="/cgi?a=1&amp;b=2"><input type=hidden name=t value="x&quot;y"><INPUT NAME="user" TYPE="text"><input type="password" name="pw"></form>`))
	if f == nil || f.action != "/cgi?a=1&b=2" || f.method != "POST" || f.user != "user" || f.password != "pw" || len(f.fields) != 1 || f.fields[0][1] != `x"y` {
		t.Errorf("got %+v", f)
	}
	for name, text := range map[string]string{"none": "<form><input name=a></form>", "two-passwords": `<form><input type=password name=a><input type=password name=b></form>`, "no-form": `<input type=password name=a>`} {
		if f := loginForm([]byte(text)); f != nil {
			t.Errorf("%s: got %+v", name, f)
		}
	}
}

func TestNeighbours(t *testing.T) {
	table := "IP address       HW type     Flags       HW address            Mask     Device\n192.168.8.20     0x1         0x2         02:11:22:33:44:55     *        eth1\n192.168.8.21     0x1         0x0         00:00:00:00:00:00     *        eth1\nnonsense\n"
	got := ParseNeighbours([]byte(table))
	want := []Neighbour{{netip.MustParseAddr("192.168.8.20"), "02:11:22:33:44:55", "eth1"}}
	if len(got) != 1 || got[0] != want[0] {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func goodRecord() *Record {
	return &Record{Format: Format, Started: time.Unix(0, 0).UTC(), Address: here, Services: []Service{{Network: "tcp", Port: 80, Protocol: "http", Asks: Yes}},
		Ways: []Way{{Network: "tcp", Port: 80, Protocol: "http", Method: "basic", Open: No, Control: Refused}}, Whole: true}
}

func TestReadRecord(t *testing.T) {
	data, err := json.Marshal(goodRecord())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ReadRecord(bytes.NewReader(append(slices.Clone(data), data...))); err == nil {
		t.Error("two records in one file are read as one")
	}
	if _, err := ReadRecord(bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Record){
		"format":    func(r *Record) { r.Format = "another" },
		"address":   func(r *Record) { r.Address = netip.Addr{} },
		"state":     func(r *Record) { r.State = "half" },
		"port":      func(r *Record) { r.Services[0].Port = 70000 },
		"protocol":  func(r *Record) { r.Services[0].Protocol = "HTTP 1" },
		"lost-way":  func(r *Record) { r.Ways[0].Port = 81 },
		"whole-cut": func(r *Record) { r.Cut = []string{"it stopped"} },
	} {
		r := goodRecord()
		change(r)
		data, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ReadRecord(bytes.NewReader(data)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestCompare(t *testing.T) {
	unit := func(last byte, key string) *Record {
		r := goodRecord()
		r.Run, r.Address = "run", netip.AddrFrom4([4]byte{192, 168, 1, last})
		r.Services = append(r.Services, Service{Network: "tcp", Port: 22, Protocol: "ssh", HostKey: key}, Service{Network: "tcp", Port: 443, Protocol: "https", TLS: &TLS{Key: "k" + key, Certificate: &Certificate{Digest: "c" + key}}})
		r.Ways[0].Tried = []Attempt{{User: "admin", Password: "admin", Outcome: Accepted}}
		return r
	}
	what := func(all []Shared) []string {
		var out []string
		for _, s := range all {
			out = append(out, s.What)
		}
		return out
	}
	if diff := cmp.Diff(what(Compare(unit(1, "x"), unit(2, "x"))), []string{SharedHostKey, SharedTLSKey, SharedCertificate, SharedDefault}); diff != "" {
		t.Errorf("-got +want\n%s", diff)
	}
	if diff := cmp.Diff(what(Compare(unit(1, "x"), unit(2, "y"))), []string{SharedDefault}); diff != "" {
		t.Errorf("keys of their own: -got +want\n%s", diff)
	}
	a, b := unit(1, "x"), unit(2, "x")
	a.MAC, b.MAC = "02:00:00:00:00:01", "02:00:00:00:00:01"
	if got := Compare(a, b); got != nil {
		t.Errorf("the same hardware address: got %v", got)
	}
	a, b = unit(1, "x"), unit(2, "x")
	b.Run = "another"
	if got := Compare(a, b); got != nil {
		t.Errorf("nobody said that they are two units: got %v", got)
	}
	a, b = unit(1, "x"), unit(2, "x")
	a.Ways[0].Control = Unclear
	if got := what(Compare(a, b)); slices.Contains(got, SharedDefault) {
		t.Errorf("without a control: got %v", got)
	}
}

func FuzzReaders(f *testing.F) {
	for _, s := range []string{"SSH-2.0-dropbear_2022.83\r\n", "220 (vsFTPd 3.0.3)\r\n", "\xff\xfd\x01login: ", "HTTP/1.1 200 OK\r\nServer: a/1\r\n\r\n", "RTSP/1.0 401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\nContent-Length: 9\r\n\r\nxx",
		"\x16\x03\x03\x00\x2a\x02\x00\x00\x26\x03\x03", "\x50\xe1\x23\x80\x01\x00\x20", "\x62\x45\x41\x53\xa5\x5a\xc1\x28\xff</>", "0\x2e\x02\x01\x01\x04\x06public\xa2\x21", "\x20\x02\x00\x05", "\x16\xfe\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
		"<root><device><friendlyName>x</friendlyName></device></root>", "<e:Envelope xmlns:e='e'><e:Body><e:Fault>x</e:Fault></e:Body></e:Envelope>", "HTTP/1.1 200 OK\r\nST: a\r\nLOCATION: b\r\n\r\n",
		`<form method=post><input name=u><input type=password name=p></form>`, "IP address HW type Flags HW address Mask Device\n1.2.3.4 0x1 0x2 02:11:22:33:44:55 * eth0\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, text := range []string{identify(b).product, identify(b).version, strings.Join(identify(b).details, ""), line(b, 80), printable(b, 100)} {
			if strings.ContainsAny(text, "\x00\x1b\r\n") {
				t.Errorf("%q would move a screen", text)
			}
		}
		answered("tplink", b)
		telnetText(b)
		_, _ = readServerHello(bytes.NewReader(b))
		parseServerHello(b)
		parseCoAP(b)
		for rest, ok := b, true; ok && len(rest) > 0; {
			before := len(rest)
			if _, rest, ok = parseCoAPTCP(rest); ok && len(rest) >= before {
				t.Fatal("a message of no length")
			}
		}
		parseSNMP(b)
		isSNMPv3(b)
		outdated(parseKex(b))
		parseMDNS(b)
		parseSSDP(b)
		_, _, _ = parseWSD(b)
		_, _, _ = parseONVIF(b)
		_, _ = parseONVIFTime(b)
		_, _ = parseUPnP(b)
		isDTLS(b)
		isTuya(b)
		_, _, _ = readMQTT(bytes.NewReader(b))
		mqttPublished(0x30, b)
		for _, c := range challenges([]string{string(b)}) {
			if h, _, ok := c.authorization("GET", "/", &credential{"u", "p"}, "n"); ok && strings.ContainsAny(h, "\r\n") {
				t.Errorf("a header of two lines: %q", h)
			}
		}
		loginForm(b)
		_, _ = readRTSP(bufio.NewReader(bytes.NewReader(b)))
		_, _ = readResponse(bytes.NewReader(b), "GET", maxBody)
		ParseNeighbours(b)
		readCertificate(b)
		for _, p := range udpProbes() {
			p.read(&Service{}, b)
		}
	})
}

func FuzzRecord(f *testing.F) {
	data, err := json.Marshal(goodRecord())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ReadRecord(bytes.NewReader(b))
		if err != nil {
			return
		}
		for i := range r.Ways {
			if r.Ways[i].AcceptedDefault() != nil && r.Ways[i].Control != Refused {
				t.Error("accepted without a control")
			}
		}
		Compare(r, r)
	})
}
