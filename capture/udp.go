package capture

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
)

// datagrams reads what a flow of UDP says, one datagram after another.
type datagrams interface {
	datagram(t *tracker, f *flow, from side, b []byte)
}

// maxTries bounds the datagrams of one flow on which its protocol is looked for,
// and maxRead those that are read of one whose protocol is known.
const (
	maxTries = 8
	maxRead  = 4000
)

// datagram reads one datagram of a flow.
func (t *tracker) datagram(f *flow, from side, p *packet) {
	if p.wire > len(p.payload) {
		f.need().Lost++
	}
	total := f.packets[0] + f.packets[1]
	if f.dgram == nil {
		if len(t.expects) > 0 && len(p.payload) >= 12 && p.payload[0]>>6 == 2 && (t.expects[f.key.a] == "rtp" || t.expects[f.key.b] == "rtp") {
			f.label, f.guard, f.samples = "rtp", Clear, nil
			t.object(f, Object{What: "video", How: "rtp", Why: "agreed on by RTSP without encryption; it may be sound", Where: f.server().String(), ToServer: from == f.client})
			t.stop(f)
			return
		}
		f.dgram = identifyDatagram(f, from, p)
		if f.dgram == nil {
			t.unknown(f, p.payload)
			if total >= maxTries && f.samples.n >= 2048 || total > 200 {
				t.stop(f)
			}
			return
		}
		f.label, f.guard, f.samples = "", "", nil
	}
	f.dgram.datagram(t, f, from, p.payload)
	if total > maxRead {
		t.stop(f)
	}
}

// identifyDatagram finds a reader by what a datagram holds, and by the port where
// the content fits a protocol that has no mark of its own.
func identifyDatagram(f *flow, from side, p *packet) datagrams {
	b := p.payload
	on := func(ports ...uint16) bool {
		for _, n := range ports {
			if p.sport == n || p.dport == n {
				return true
			}
		}
		return false
	}
	switch {
	case on(53) && looksDNS(b):
		return &dnsDatagrams{"dns"}
	case on(5353) && looksDNS(b):
		return &dnsDatagrams{"mdns"}
	case on(5355) && looksDNS(b):
		return &dnsDatagrams{"llmnr"}
	case on(137) && looksDNS(b):
		return &dnsDatagrams{"netbios"}
	case on(67, 68) && len(b) >= 240 && binary.BigEndian.Uint32(b[236:]) == 0x63825363:
		return dhcp{}
	case on(546, 547) && len(b) >= 4 && b[0] >= 1 && b[0] <= 13:
		return dhcp6{}
	case on(123) && len(b) >= 48 && b[0]>>3&7 >= 1 && b[0]>>3&7 <= 4 && b[0]&7 >= 1:
		return ntp{}
	case on(161, 162) && len(b) > 10 && b[0] == 0x30:
		return &snmp{}
	case on(5351) && (len(b) >= 2 && b[0] == 0 && len(b) <= 16 || len(b) >= 24 && b[0] <= 2):
		return natpmp{}
	case on(6666, 6667) && looksTuya(b), looksTuya(b) && b[0]|b[1] == 0 && bytes.HasSuffix(b, []byte{0, 0, 0xaa, 0x55}):
		return &tuyaReader{}
	case len(b) > 2 && b[0] == '{'^171 && shpStart(b):
		return &shpDatagrams{}
	case on(47808, 47809) && len(b) >= 4 && b[0] == 0x81 && int(binary.BigEndian.Uint16(b[2:])) == len(b):
		return bacnet{}
	case looksSTUN(b):
		return &stunReader{}
	case looksDTLS(b):
		return &dtlsReader{}
	case on(69) && len(b) >= 6 && b[0] == 0 && (b[1] == 1 || b[1] == 2) && bytes.Count(b, []byte{0}) >= 3:
		return tftp{}
	case on(514) && len(b) > 3 && b[0] == '<':
		return named{"syslog", Clear}
	}
	if _, ok := looksQUIC(b); ok {
		return &quicReader{}
	}
	if proto, _ := looksHTTP(b); proto != "" {
		return &httpDatagrams{proto: proto}
	}
	if label, guard, ok := datagramSignature(b, on); ok {
		return named{label, guard}
	}
	if on(3702) && bytes.Contains(b, []byte("discovery")) && bytes.Contains(b, []byte("Envelope")) {
		return wsDiscovery{}
	}
	if on(2190) && bytes.HasPrefix(bytes.ToLower(b), []byte("tivoconnect=")) {
		return tivo{}
	}
	if looksCoAP(b) && (on(5683) || b[1]>>5 == 0 && wordy(coapPath(b))) {
		return &coap{}
	}
	return nil
}

// shpStart reports whether what is under TP-Link's autokey begins as its JSON does.
func shpStart(b []byte) bool {
	plain := shpPlain(b[:min(len(b), 64)])
	return bytes.HasPrefix(plain, []byte(`{"`)) || bytes.HasPrefix(plain, []byte(`{}`))
}

// named is a protocol of which nothing more is read.
type named struct {
	label string
	guard Protection
}

func (n named) datagram(t *tracker, f *flow, from side, b []byte) {
	f.label, f.guard = n.label, n.guard
}

// httpDatagrams are messages in the form of HTTP, one a datagram: SSDP and SIP.
type httpDatagrams struct{ proto string }

func (r *httpDatagrams) datagram(t *tracker, f *flow, from side, b []byte) {
	f.guard = Clear
	if r.proto == "sip" {
		f.label = "sip"
		if m, _ := readMessage(append(bytes.Clone(b), "\r\n\r\n"...)); m != nil {
			if m.request {
				t.detail(f, from, "request", m.method)
			}
			t.detail(f, from, "software", m.get("user-agent"))
			if strings.HasPrefix(m.get("authorization"), "Digest") {
				t.detail(f, from, "log-in", "Digest by user "+quoted(m.get("authorization"), "username"))
			}
		}
		return
	}
	f.label = "ssdp"
	m, _ := readMessage(append(bytes.Clone(b), "\r\n\r\n"...))
	if m == nil {
		return
	}
	if m.request {
		t.detail(f, from, "request", m.method)
	}
	for _, name := range []string{"server", "location", "st", "nt", "user-agent"} {
		if v := m.get(name); v != "" {
			t.detail(f, from, name, v)
			if name == "server" && !(m.request && m.method == "M-SEARCH") {
				t.hosts.tells(t.sender(f, from), "software", v, &t.pdu)
			}
		}
	}
}

type ntp struct{}

func (ntp) datagram(t *tracker, f *flow, from side, b []byte) {
	f.label, f.guard = "ntp", Clear
	if mode := b[0] & 7; (mode == 4 || mode == 3) && len(b) >= 48 {
		what := "without authentication"
		if len(b) > 48 {
			what = "with an extension or a key"
		}
		t.detail(f, from, "version", fmt.Sprintf("NTP %d, %s", b[0]>>3&7, what))
	}
}

type tftp struct{}

func (tftp) datagram(t *tracker, f *flow, from side, b []byte) {
	f.label, f.guard = "tftp", Clear
	if len(b) < 2 {
		return
	}
	name, _, _ := bytes.Cut(b[2:], []byte{0})
	verb := "reads"
	if b[1] == 2 {
		verb = "writes"
	}
	if b[1] > 2 {
		return
	}
	t.detail(f, from, verb, string(name))
	if firmwareName(string(name)) {
		t.object(f, Object{What: "firmware-like", How: "tftp", Why: "its name is that of an update; its content was not looked at", Where: f.server().Addr().String() + " " + string(name), ToServer: b[1] == 2})
	}
}

type wsDiscovery struct{}

func (wsDiscovery) datagram(t *tracker, f *flow, from side, b []byte) {
	f.label, f.guard = "ws-discovery", Clear
	text := string(b)
	for _, verb := range []string{"ProbeMatches", "ResolveMatches", "Probe", "Resolve", "Hello", "Bye"} {
		if strings.Contains(text, ":"+verb+">") || strings.Contains(text, ":"+verb+" ") || strings.Contains(text, "<"+verb) {
			t.detail(f, from, "message", verb)
			break
		}
	}
	for _, tag := range []string{"Types", "XAddrs", "Scopes"} {
		if _, rest, ok := strings.Cut(text, tag+">"); ok {
			v, _, _ := strings.Cut(rest, "<")
			t.detail(f, from, strings.ToLower(tag), v)
		}
	}
}

type tivo struct{}

func (tivo) datagram(t *tracker, f *flow, from side, b []byte) {
	f.label, f.guard = "tivoconnect", Clear
	for line := range strings.Lines(string(b)) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		switch key = strings.ToLower(key); {
		case !ok:
		case key == "machine":
			t.hosts.name(f.end(from).Addr(), value, "tivoconnect")
			fallthrough
		case key == "platform" || key == "identity" || key == "swversion":
			t.detail(f, from, key, value)
			t.hosts.tells(t.sender(f, from), key, value, &t.pdu)
		}
	}
}

type natpmp struct{}

func (natpmp) datagram(t *tracker, f *flow, from side, b []byte) {
	f.label, f.guard = "nat-pmp", Clear
	if b[0] == 2 {
		f.label = "pcp"
	}
	if b[0] != 0 || len(b) < 2 {
		if len(b) >= 36 && b[0] == 2 && b[1] == 1 {
			t.detail(f, from, "asks to open", fmt.Sprintf("port %d inwards", binary.BigEndian.Uint16(b[len(b)-20:])))
		}
		return
	}
	proto := map[byte]string{1: "UDP", 2: "TCP"}
	switch op := b[1]; {
	case op == 0:
		t.detail(f, from, "asks", "the public address")
	case (op == 1 || op == 2) && len(b) >= 12:
		verb := "asks to open"
		if binary.BigEndian.Uint32(b[8:]) == 0 {
			verb = "asks to close"
		}
		t.detail(f, from, verb, fmt.Sprintf("%s port %d to its port %d", proto[op], binary.BigEndian.Uint16(b[6:]), binary.BigEndian.Uint16(b[4:])))
	case (op == 129 || op == 130) && len(b) >= 16:
		f.dir(from.other())
		if code := binary.BigEndian.Uint16(b[2:]); code != 0 {
			t.detail(f, from, "refuses", fmt.Sprintf("result %d", code))
			return
		}
		if binary.BigEndian.Uint32(b[12:]) > 0 {
			t.detail(f, from, "opened", fmt.Sprintf("%s port %d to port %d", proto[op-128], binary.BigEndian.Uint16(b[10:]), binary.BigEndian.Uint16(b[8:])))
		}
	case op == 128 && len(b) >= 12:
		f.dir(from.other())
		t.detail(f, from, "tells the public address", netip.AddrFrom4([4]byte(b[8:12])).String())
	}
}

// dir sets who asked, where a message says so.
func (f *flow) dir(client side) {
	if f.packets[client] == 0 || f.client != client {
		f.client = client
	}
}

type bacnet struct{}

func (bacnet) datagram(t *tracker, f *flow, from side, b []byte) {
	f.label, f.guard = "bacnet", Clear
	c := cursor{b: b}
	c.u8()
	function := c.u8()
	c.u16()
	if function == 4 { // forwarded: the first sender's address stands before it
		c.take(6)
	}
	if c.u8() != 1 {
		return
	}
	control := c.u8()
	if control&0x20 != 0 {
		c.u16()
		c.take(c.u8())
	}
	if control&8 != 0 {
		c.u16()
		c.take(c.u8())
	}
	if control&0x20 != 0 {
		c.u8()
	}
	if c.bad || control&0x80 != 0 || len(c.b) < 2 {
		return
	}
	kind := c.b[0] >> 4
	name := map[byte]string{0: "confirmed request", 1: "unconfirmed request", 2: "acknowledgement", 3: "complex acknowledgement", 5: "error", 6: "reject", 7: "abort"}[kind]
	if kind == 1 {
		if n := map[byte]string{0: "I-Am", 1: "I-Have", 7: "Who-Has", 8: "Who-Is"}[c.b[1]]; n != "" {
			name = n
		}
	}
	switch {
	case kind == 0 || name == "Who-Is" || name == "Who-Has":
		f.client = from
	case kind == 2 || kind == 3 || kind >= 5:
		f.client = from.other()
	}
	t.detail(f, from, "message", name)
}
