package device

import (
	"bytes"
	"context"
	"errors"
	"html"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// seen is what was seen of a service while it was identified, and what the ways
// in begin with.
type seen struct {
	tls      bool
	first    *response // HTTP: what / gave to the first question, where it came whole
	page     *response // HTTP: what / gave
	path     string    // where that stood
	onvif    *response // what the ONVIF service gave
	onvifAt  time.Time
	location string   // SSDP: where the description is said to be
	kex      []string // SSH: the algorithms that the server offers
	leads    []string // HTTP: where other ports of the device send browsers at this one
	doors    []*door  // the ways in, as they were tried
}

// Waits of the identification.
const (
	bannerWait = 600 * time.Millisecond // for a service that speaks first
	answerWait = 2500 * time.Millisecond
	quietWait  = 150 * time.Millisecond // between the parts of one answer
)

// probes that need a connection of their own, in order. What a port is known for
// comes first, since most devices keep to that.
var probes = []struct {
	name  string
	ports []int
	ask   []byte
}{
	{"rtsp", []int{554, 8554, 7070, 10554}, []byte("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n")},
	{"mqtt", []int{1883}, mqttConnect("assay-probe", nil)},
	{"coap+tcp", []int{5683}, []byte{0x00, 0xe1}},
	{"tplink", []int{9999}, tplinkTCP()},
	{"adb", []int{5555}, adbConnect()},
	{"lines", []int{}, []byte("\r\n\r\n")},
}

// service identifies what answers at an open TCP port; c is the connection that
// found it open, which it closes, or nil where that was reset at once.
func (s *Session) service(ctx context.Context, c *conn, port int) Service {
	out := Service{Network: "tcp", Port: port, Protocol: "unknown", Asks: Unknown, seen: &seen{}}
	got, first := s.greeting(c, port)
	g := identify(got)
	if g.protocol == "" && first { // what speaks first, in words that are not known, is not asked in others
		out.take(g, got)
		return out
	}
	if g.protocol == "http" && strings.Contains(strings.ToUpper(g.product), "RTSP") { // it takes HTTP as a tunnel for RTSP
		if b, err := s.exchangeOnce(ctx, "rtsp", port, probes[0].ask); err == nil && identify(b).protocol == "rtsp" {
			g, got = identify(b), b
		}
	}
	if g.protocol == "" || g.protocol == "tls" {
		g, got = s.ask(ctx, port, got, &out)
	} else if g.protocol == "http" && bytes.HasPrefix(got[min(len(got), 8):], []byte(" 400")) { // servers tell so who speaks HTTP where they want TLS
		if inner, b, ok := s.askTLS(ctx, port, &out); ok {
			g, got = inner, b
		}
	}
	out.take(g, got)
	if g.protocol == "http" || g.protocol == "https" {
		out.seen.first = wholePage(got)
	}
	s.details(ctx, &out)
	return out
}

// greeting is what a service says, of itself or in answer to an HTTP request.
func (s *Session) greeting(c *conn, port int) (got []byte, first bool) {
	if c == nil {
		return nil, false
	}
	defer c.Close()
	c.mu.Lock()
	c.x.Probe = "banner"
	c.mu.Unlock()
	got = c.readSome(c, bannerWait, quietWait, 4096)
	if first = len(got) > 0; !first && !c.ended() {
		c.within(answerWait)
		if _, err := io.WriteString(c, "GET / HTTP/1.0\r\nHost: "+s.endpoint(port)+"\r\nUser-Agent: "+userAgent+"\r\n\r\n"); err == nil {
			got = c.readSome(c, answerWait, quietWait, 4096)
		}
	}
	return got, first
}

// wholePage is the answer to the first question, where it is a page that came whole
// and says its length; nil otherwise: then it is asked for again.
func wholePage(got []byte) *response {
	r, err := readResponse(bytes.NewReader(got), http.MethodGet, maxBody)
	if err != nil || r.cut || r.header.Get("Content-Length") == "" || r.status != http.StatusOK && r.status != http.StatusUnauthorized {
		return nil
	}
	return r
}

func (c *conn) ended() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.x.End != "" && c.x.End != "no answer in time"
}

// ask sends one protocol's opening after another until one fits.
func (s *Session) ask(ctx context.Context, port int, first []byte, out *Service) (guess, []byte) {
	order := slices.Clone(probes)
	slices.SortStableFunc(order, func(a, b struct {
		name  string
		ports []int
		ask   []byte
	}) int {
		return boolInt(slices.Contains(b.ports, port)) - boolInt(slices.Contains(a.ports, port))
	})
	known := slices.Contains(order[0].ports, port)
	if !known {
		if g, got, ok := s.askTLS(ctx, port, out); ok {
			return g, got
		}
	}
	silent := 0
	for _, p := range order {
		got, err := s.exchangeOnce(ctx, p.name, port, p.ask)
		if errors.Is(err, ErrBudget) || ctx.Err() != nil {
			s.shortfall("TCP port %d was not identified: the session ended before", port)
			return guess{}, first
		}
		if g := answered(p.name, got); g.protocol != "" {
			return g, got
		}
		if len(got) > 0 {
			first = got
		} else if silent++; silent >= 4 && !known {
			break // it says nothing whatever it is told
		}
	}
	if known {
		if g, got, ok := s.askTLS(ctx, port, out); ok {
			return g, got
		}
	}
	return guess{}, first
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// answered reads an answer to a probe that has no mark of its own.
func answered(probe string, b []byte) guess {
	if g := identify(b); g.protocol != "" {
		return g
	}
	if probe == "tplink" && len(b) > 4 {
		if text := tplinkDecode(b[4:]); strings.HasPrefix(text, "{\"system\"") {
			return guess{protocol: "tplink-smarthome", asks: No, details: []string{"it tells everybody: " + printable([]byte(text), 300)}}
		}
	}
	return guess{}
}

// exchangeOnce connects, sends, and reads what comes.
func (s *Session) exchangeOnce(ctx context.Context, name string, port int, ask []byte) ([]byte, error) {
	c, err := s.dial(ctx, name, "tcp", port)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	c.within(answerWait)
	if _, err := c.Write(ask); err != nil {
		return nil, err
	}
	return c.readSome(c, answerWait, quietWait, 4096), nil
}

// askTLS tries whether the service speaks TLS, and then what lies inside.
func (s *Session) askTLS(ctx context.Context, port int, out *Service) (guess, []byte, bool) {
	t, err := s.lookTLS(ctx, port)
	if err != nil || t == nil {
		return guess{}, nil, false
	}
	out.TLS, out.seen.tls = t, true
	if t.WantsClient {
		out.Asks = Yes
		out.Details = append(out.Details, "it wants a certificate of the client")
	}
	for _, p := range []struct {
		name string
		ask  []byte
	}{
		{"http in tls", []byte("GET / HTTP/1.0\r\nHost: " + s.endpoint(port) + "\r\nUser-Agent: " + userAgent + "\r\n\r\n")},
		{"mqtt in tls", mqttConnect("assay-probe", nil)},
		{"rtsp in tls", []byte("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n")},
	} {
		c, err := s.dial(ctx, p.name, "tcp", port)
		if err != nil {
			break
		}
		inner, err := s.startTLS(ctx, c)
		if err != nil {
			c.Close()
			out.Details = append(out.Details, "no connection came about inside TLS: "+why(err))
			break
		}
		rw := &tap{ReadWriter: inner, c: c}
		c.within(answerWait)
		var got []byte
		if _, err := rw.Write(p.ask); err == nil {
			got = c.readSome(rw, answerWait, quietWait, 4096)
		}
		c.Close()
		if g := identify(got); g.protocol != "" && g.protocol != "tls" {
			g.protocol = map[string]string{"http": "https", "mqtt": "mqtts", "rtsp": "rtsps", "ftp": "ftps"}[g.protocol]
			if g.protocol != "" {
				return g, got, true
			}
		}
	}
	return guess{protocol: "tls"}, nil, true
}

// take fills a service from a guess.
func (s *Service) take(g guess, banner []byte) {
	if g.protocol != "" {
		s.Protocol = g.protocol
	}
	s.Product, s.Version = g.product, g.version
	if g.asks != "" && s.Asks == Unknown {
		s.Asks = g.asks
	}
	s.Details = append(s.Details, g.details...)
	if text := banner; len(text) > 0 {
		if s.Protocol == "telnet" {
			text, _ = telnetText(text)
		}
		s.Banner = line(text, 120)
	}
}

// details asks a service that is known for what more it says of itself.
func (s *Session) details(ctx context.Context, v *Service) {
	switch v.Protocol {
	case "http", "https":
		s.webDetails(ctx, v)
	case "mqtt", "mqtts":
		s.mqttDetails(ctx, v)
	case "coap+tcp":
		s.coapTCP(ctx, v)
	case "ssh":
		s.sshDetails(ctx, v)
	case "tls":
		if v.TLS != nil && v.TLS.PSK {
			v.Asks = Yes
			v.Details = append(v.Details, "it takes a key that both sides know beforehand")
		}
	}
}

// webDetails looks at the first page, and for descriptions that devices publish.
func (s *Session) webDetails(ctx context.Context, v *Service) {
	get := func(probe, path string) (*response, string, error) {
		return s.follow(ctx, request{probe: probe, port: v.Port, tls: v.seen.tls, path: path})
	}
	page, path := v.seen.first, "/"
	var err error
	if page == nil {
		page, path, err = get("http", "/")
	}
	if err != nil {
		v.Details = append(v.Details, "GET / failed: "+why(err))
		return
	}
	if to := refresh(page.body); page.status == 200 && to != "" && loginForm(page.body) == nil {
		if next, ok := s.sameService(request{port: v.Port, tls: v.seen.tls, path: path}, to); ok && !harmWords.MatchString(unquoted(next)) {
			if p, at, err := get("http", next); err == nil {
				page, path = p, at
			}
		}
	}
	v.seen.page, v.seen.path = page, path
	if product, version := serverProduct(page.header.Get("Server")); product != "" {
		v.Product, v.Version = product, version
	}
	if t := page.title(); t != "" {
		v.Details = append(v.Details, "title: "+t)
	}
	if to := page.header.Get("Location"); to != "" && page.status >= 300 && page.status < 400 {
		v.Details = append(v.Details, "leads to "+printable([]byte(to), 100)+" (not followed)")
	}
	server := strings.ToLower(page.header.Get("Server"))
	if strings.Contains(server, "upnp/") || strings.Contains(server, "dlna") {
		for _, p := range []string{"/rootDesc.xml", "/description.xml", "/DeviceDescription.xml"} {
			r, _, err := get("upnp description", p)
			if err == nil && r.status == 200 {
				if d, err := parseUPnP(r.body); err == nil {
					v.Details = append(v.Details, d.words()...)
					break
				}
			}
		}
	}
	s.onvifDetails(ctx, v)
}

var refreshes = []*regexp.Regexp{
	regexp.MustCompile(`(?is)<meta[^>]{0,100}http-equiv\s*=\s*["']?refresh["']?[^>]{0,100}url\s*=\s*["']?([^"'>\s]{1,200})`),
	goesTo,
}

// refresh is where a page of few words sends a browser on.
func refresh(body []byte) string {
	if len(body) > 2000 {
		return ""
	}
	for _, r := range refreshes {
		if m := r.FindSubmatch(body); m != nil {
			return html.UnescapeString(string(m[1]))
		}
	}
	return ""
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// tplinkTCP asks a smart-home device of TP-Link for what it is. The "cipher" is an
// autokey XOR that hides nothing.
func tplinkTCP() []byte {
	text := []byte(`{"system":{"get_sysinfo":{}}}`)
	out := []byte{0, 0, 0, byte(len(text))}
	return append(out, tplinkEncode(text)...)
}

func tplinkEncode(text []byte) []byte {
	out, key := make([]byte, len(text)), byte(171)
	for i, b := range text {
		key ^= b
		out[i] = key
	}
	return out
}

func tplinkDecode(b []byte) string {
	var out bytes.Buffer
	key := byte(171)
	for _, x := range b[:min(len(b), 4096)] {
		out.WriteByte(x ^ key)
		key = x
	}
	return out.String()
}

// adbConnect is the first message of the Android debug bridge.
func adbConnect() []byte {
	payload := []byte("host::\x00")
	sum := 0
	for _, b := range payload {
		sum += int(b)
	}
	le := func(n uint32) []byte { return []byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)} }
	const command = 0x4e584e43 // CNXN
	return bytes.Join([][]byte{le(command), le(0x01000000), le(4096), le(uint32(len(payload))), le(uint32(sum)), le(command ^ 0xffffffff), payload}, nil)
}

// key names a service in messages: "tcp/80".
func (s *Service) key() string { return s.Network + "/" + strconv.Itoa(s.Port) }
