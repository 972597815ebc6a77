package capture

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
)

// servicePort reports whether a port is one on which services are offered, by
// custom: it decides who is the server only where nothing else does.
func servicePort(p uint16) bool {
	return p != 0 && p < 1024 || slices.Contains([]uint16{1080, 1443, 1883, 1900, 2000, 3000, 3478, 3702, 4433, 5000, 5060, 5222, 5228, 5351, 5353, 5355, 5540, 5555, 5683, 5684, 6666, 6667, 6668, 7547, 8000, 8008, 8009, 8080, 8081, 8086, 8123, 8443, 8554, 8883, 8888, 9000, 9999, 11095, 20002, 37777, 34567, 47808, 49152, 55443, 56700}, p)
}

// identify finds what a TCP flow speaks from the first bytes of both sides. sure
// is set where waiting for more would not help.
func (t *tracker) identify(f *flow, last bool) (r reader, sure bool) {
	port := f.server().Port()
	more := false
	for _, s := range []side{f.client, f.client.other()} {
		b := f.pend[s]
		if len(b) == 0 {
			continue
		}
		if yes, short := looksTLS(b); yes {
			return newTLS(f), true
		} else if short {
			more = true
		}
		if proto, short := looksHTTP(b); proto != "" {
			f.label, f.guard = proto, Clear
			return &httpReader{proto: proto}, true
		} else if short {
			more = true
		}
		switch {
		case bytes.HasPrefix(b, []byte("SSH-")):
			f.label, f.guard = "ssh", Encrypted
			return &sshReader{}, true
		case bytes.HasPrefix(b, []byte("PRI * HTTP/2.0")):
			r := newHTTP2(t, f)
			return r, r != nil
		case looksMQTT(b):
			f.label, f.guard = "mqtt", Clear
			return &mqttReader{}, true
		case looksTuya(b):
			f.label, f.guard = "tuya", Unknown
			return &tuyaReader{}, true
		case len(b) >= 6 && b[4] == '{'^171 && binary.BigEndian.Uint32(b) < 1<<20:
			f.label, f.guard = "tplink-shp", Obfuscated
			return &shpReader{}, true
		case len(b) >= 8 && b[0] == 0 && (string(b[4:8]) == "\xffSMB" || string(b[4:8]) == "\xfeSMB"):
			return t.named(f, "smb", Unknown)
		case bytes.HasPrefix(b, []byte("CNXN")):
			t.detail(f, s, "debug", "Android debug bridge")
			return t.named(f, "adb", Clear)
		case bytes.HasPrefix(b, []byte("AMQP")):
			return t.named(f, "amqp", Clear)
		case bytes.HasPrefix(b, []byte("<?xml version")) && bytes.Contains(b, []byte("jabber")), bytes.HasPrefix(b, []byte("<stream:stream")):
			f.label, f.guard = "xmpp", Clear
			return &xmppReader{}, true
		case len(b) > 2 && b[0] == 0xff && b[1] >= 0xfa && b[1] <= 0xfe:
			f.label, f.guard = "telnet", Clear
			return &telnetReader{}, true
		}
	}
	if r := lineProtocol(f, port); r != nil {
		return r, true
	}
	c, s := f.pend[f.client], f.pend[f.client.other()]
	if port == 53 || port == 5353 {
		if len(c) > 14 && int(binary.BigEndian.Uint16(c)) >= 12 && looksDNS(c[2:]) || len(s) > 14 && looksDNS(s[2:]) {
			f.label, f.guard = "dns", Clear
			return &dnsStream{}, true
		}
	}
	for i := range streamSignatures {
		if x := &streamSignatures[i]; x.fits(c, s, port) {
			return t.named(f, x.label, x.guard)
		}
	}
	if port == 23 && len(s)+len(c) > 0 && measure(append(bytes.Clone(s), c...)).Printable > 0.7 {
		f.label, f.guard = "telnet", Clear
		return &telnetReader{}, true
	}
	if name := t.expects[f.server()]; name != "" || t.expects[f.end(f.client)] != "" {
		if name == "" {
			name = t.expects[f.end(f.client)]
		}
		return t.named(f, name, Clear)
	}
	if more && !last && len(c) < maxHead && len(s) < maxHead {
		return nil, false
	}
	if last || len(c) >= 256 || len(s) >= 256 || len(c) >= 8 && len(s) >= 8 || f.packets[0]+f.packets[1] > 64 {
		return nil, true
	}
	return nil, false
}

// named notes a protocol of which no more is read.
func (t *tracker) named(f *flow, label string, p Protection) (reader, bool) {
	f.label, f.guard = label, p
	t.stop(f)
	return nil, false
}

// maxExpected bounds the ports that were agreed on and not yet used, and the servers that asked for a log-in.
const maxExpected = 4096

// expect notes that a protocol was agreed on for a port.
func (t *tracker) expect(a netip.AddrPort, label string) {
	if len(t.expects) < maxExpected {
		t.expects[a] = label
	}
}

// challenge notes that a server refused who had not logged in.
func (t *tracker) challenge(server netip.AddrPort) {
	if len(t.challenged) < maxExpected {
		t.challenged[server] = true
	}
}

func ipProtocol(n uint8) string {
	switch n {
	case 2:
		return "igmp"
	case 47:
		return "gre"
	case 50:
		return "esp"
	case 51:
		return "ah"
	case 89:
		return "ospf"
	case 132:
		return "sctp"
	}
	return "unknown"
}
