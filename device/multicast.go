package device

import (
	"bufio"
	"bytes"
	"net/http"
	"net/textproto"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// The protocols by which devices are found. The same questions go to one device
// or, by Discover, to all on a network.

// ssdpSearch asks for every UPnP device (UPnP Device Architecture 1.3.2).
func ssdpSearch(host string) []byte {
	return []byte("M-SEARCH * HTTP/1.1\r\nHOST: " + host + "\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: ssdp:all\r\n\r\n")
}

// parseSSDP reads the answer to a search, or a notice.
func parseSSDP(b []byte) (location, server string, ok bool) {
	in := textproto.NewReader(bufio.NewReader(bytes.NewReader(b)))
	first, err := in.ReadLine()
	if err != nil || !strings.HasPrefix(first, "HTTP/1.1 200") && !strings.HasPrefix(first, "NOTIFY * HTTP/1.1") {
		return "", "", false
	}
	h, err := in.ReadMIMEHeader()
	if err != nil && len(h) == 0 {
		return "", "", false
	}
	header := http.Header(h)
	if header.Get("St") == "" && header.Get("Usn") == "" && header.Get("Nt") == "" {
		return "", "", false
	}
	return printable([]byte(header.Get("Location")), 200), printable([]byte(header.Get("Server")), 200), true
}

// wsdProbe asks for every device (WS-Discovery 1.1; ONVIF cameras and printers answer).
func wsdProbe(id string) []byte {
	return []byte(`<?xml version="1.0" encoding="UTF-8"?><e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><e:Header><w:MessageID>urn:uuid:` +
		wsdID(id) + `</w:MessageID><w:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</w:To><w:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</w:Action></e:Header><e:Body><d:Probe/></e:Body></e:Envelope>`)
}

// wsdID makes the form of a UUID of random hexadecimal digits.
func wsdID(random string) string {
	hex := strings.TrimPrefix(random, "Zq") + "000000000000"
	return hex[:8] + "-" + hex[8:12] + "-4" + hex[13:16] + "-8" + hex[17:20] + "-" + hex[20:32]
}

// mdnsServices is the name under which a device lists its kinds of services (RFC 6763 9).
const mdnsServices = "_services._dns-sd._udp.local."

// mdnsQuery asks for pointers, with the answer to come to us alone (RFC 6762 5.4).
func mdnsQuery(name string) []byte {
	q := dnsmessage.Message{Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(name), Type: dnsmessage.TypePTR, Class: dnsmessage.ClassINET | 1<<15}}}
	b, err := q.Pack()
	if err != nil {
		panic("device: a question of our own does not pack: " + err.Error())
	}
	return b
}

// maxRecords bounds the records of a DNS message that are read.
const maxRecords = 64

// parseMDNS gives the names in a response.
func parseMDNS(b []byte) (names []string, ok bool) {
	var p dnsmessage.Parser
	h, err := p.Start(b)
	if err != nil || !h.Response {
		return nil, false
	}
	if p.SkipAllQuestions() != nil {
		return nil, true
	}
	for range maxRecords {
		rh, err := p.AnswerHeader()
		if err != nil {
			break
		}
		if rh.Type != dnsmessage.TypePTR {
			names = append(names, printable([]byte(rh.Name.String()), 100))
			if p.SkipAnswer() != nil {
				break
			}
			continue
		}
		r, err := p.PTRResource()
		if err != nil {
			break
		}
		names = append(names, printable([]byte(r.PTR.String()), 100))
	}
	return names, true
}

func readMDNS(v *Service, b []byte) bool {
	names, ok := parseMDNS(b)
	if ok {
		v.Asks = No
		for _, n := range names[:min(len(names), 12)] {
			v.Details = append(v.Details, "it offers "+n)
		}
	}
	return ok
}

// dnsVersion asks a name server what it is (RFC 4892).
func dnsVersion() []byte {
	q := dnsmessage.Message{Header: dnsmessage.Header{ID: 0x4153}, Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName("version.bind."), Type: dnsmessage.TypeTXT, Class: dnsmessage.ClassCHAOS}}}
	b, err := q.Pack()
	if err != nil {
		panic("device: a question of our own does not pack: " + err.Error())
	}
	return b
}

func readDNS(v *Service, b []byte) bool {
	var p dnsmessage.Parser
	h, err := p.Start(b)
	if err != nil || !h.Response || h.ID != 0x4153 {
		return false
	}
	v.Asks = No
	if p.SkipAllQuestions() != nil {
		return true
	}
	if rh, err := p.AnswerHeader(); err == nil && rh.Type == dnsmessage.TypeTXT {
		if r, err := p.TXTResource(); err == nil && len(r.TXT) > 0 {
			v.Product = printable([]byte(r.TXT[0]), 60)
			if m := productOf.FindStringSubmatch(strings.Replace(r.TXT[0], "-", "/", 1)); m != nil {
				v.Product, v.Version = m[1], m[2]
			}
		}
	}
	return true
}
