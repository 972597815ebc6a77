package capture

import (
	"bytes"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Bounds of messages in the form of HTTP.
const (
	maxHeader      = 32 << 10
	maxBodyWatch   = 4 << 10 // of a body that is looked at
	maxHeaderLines = 200
	maxExchanges   = 64 // requests of which the answer has not come
)

// httpReader reads HTTP/1, and RTSP and SIP, which are written alike.
type httpReader struct {
	proto   string // "http", "rtsp", "sip"
	sides   [2]httpSide
	waiting []*exchange
	media   bool
	known   bool // a request of this connection logged in
}

// exchangeSize is about how many bytes a request takes of which the answer has not come.
const exchangeSize = 1000

// brief is a copy of the message with as much of its head as its body is judged by.
func (m *message) brief() *message {
	out := &message{request: m.request, status: m.status, from: m.from}
	for _, name := range []string{"content-type", "content-disposition", "content-length", "soapaction"} {
		if v := m.get(name); v != "" {
			out.header = append(out.header, headerLine{name, printable(v)})
		}
	}
	return out
}

// httpSide is where one side is within a message.
type httpSide struct {
	left    int64 // bytes of the body that are to come; -1 until the connection ends
	chunks  bool  // of the body: each with its length before it
	watch   []byte
	message *message // whose body is looked at
	want    int
}

// message is the head of one message.
type message struct {
	request bool
	method  string
	target  string
	proto   string
	status  int
	header  []headerLine
	from    *exchange
}

// headerLine is a line of the head; the name is in lower case.
type headerLine struct{ name, value string }

// get gives the first line of that name.
func (m *message) get(name string) string {
	for i := range m.header {
		if m.header[i].name == name {
			return m.header[i].value
		}
	}
	return ""
}

// exchange is a request and what hangs on its answer.
type exchange struct {
	method, host, path string
	creds              []*Credential // sent by a log-in of the protocol itself
	authorized         bool          // by any means, cookies and tokens included
}

var httpMethods = []string{"GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE", "PROPFIND", "MKCOL", "COPY", "MOVE", "NOTIFY", "SUBSCRIBE", "UNSUBSCRIBE", "M-SEARCH", "REPORT", "SEARCH",
	"DESCRIBE", "SETUP", "PLAY", "PAUSE", "TEARDOWN", "ANNOUNCE", "RECORD", "GET_PARAMETER", "SET_PARAMETER", "REDIRECT",
	"REGISTER", "INVITE", "ACK", "BYE", "CANCEL", "INFO", "MESSAGE", "REFER", "UPDATE", "PRACK", "PUBLISH"}

// looksHTTP gives the protocol of a message in the form of HTTP. short is set where
// the first line may yet become one.
func looksHTTP(b []byte) (proto string, short bool) {
	if len(b) > 0 && (b[0] < 'A' || b[0] > 'Z') { // no method and no version begins so
		return "", false
	}
	line, _, whole := bytes.Cut(b[:min(len(b), 2048)], []byte("\n"))
	for _, p := range []string{"HTTP/1.", "RTSP/1.", "SIP/2.", "ICY "} {
		n := min(len(p), len(line))
		if string(line[:n]) == p[:n] {
			if n < len(p) {
				return "", true
			}
			return strings.ToLower(strings.TrimRight(p[:4], "/ ")), false
		}
	}
	word, rest, spaced := bytes.Cut(line, []byte(" "))
	if !spaced {
		fits := slices.ContainsFunc(httpMethods, func(m string) bool { return strings.HasPrefix(m, string(word)) })
		return "", fits && !whole && len(word) > 0
	}
	if !slices.Contains(httpMethods, string(word)) {
		return "", false
	}
	if !whole {
		return "", len(line) < 2048 && len(b) < 2048
	}
	i := bytes.LastIndexByte(bytes.TrimRight(rest, "\r"), ' ')
	switch last := string(rest[i+1:]); {
	case strings.HasPrefix(last, "HTTP/1."):
		return "http", false
	case strings.HasPrefix(last, "RTSP/1."):
		return "rtsp", false
	case strings.HasPrefix(last, "SIP/2."):
		return "sip", false
	}
	return "", false
}

// readMessage reads the head of a message; used is 0 while it is not whole.
func readMessage(b []byte) (m *message, used int) {
	end, gap := bytes.Index(b, []byte("\r\n\r\n")), 4
	if i := bytes.Index(b[:min(len(b), maxHeader)], []byte("\n\n")); i >= 0 && (end < 0 || i < end) {
		end, gap = i, 2
	}
	if end < 0 {
		return nil, 0
	}
	line, rest, more := strings.Cut(string(b[:end]), "\n")
	first := strings.Fields(line)
	m = &message{}
	if len(first) < 2 {
		return nil, end + gap
	}
	if strings.Contains(first[0], "/") {
		m.proto = first[0]
		m.status, _ = strconv.Atoi(first[1])
	} else {
		m.request, m.method, m.target, m.proto = true, first[0], first[1], first[len(first)-1]
	}
	m.header = make([]headerLine, 0, 8)
	for n := 1; more && n < maxHeaderLines; n++ {
		line, rest, more = strings.Cut(rest, "\n")
		if name, value, ok := strings.Cut(line, ":"); ok {
			m.header = append(m.header, headerLine{strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)})
		}
	}
	return m, end + gap
}

func (r *httpReader) gap(t *tracker, f *flow, from side) {
	s := &r.sides[from]
	if s.left == -1 && !s.chunks { // the rest is body anyway
		return
	}
	*s = httpSide{left: -1} // where the next message begins is not known
}

func (r *httpReader) read(t *tracker, f *flow, from side, b []byte) int {
	s := &r.sides[from]
	if s.left != 0 {
		return r.body(t, f, from, b)
	}
	if s.chunks {
		line, _, ok := bytes.Cut(b[:min(len(b), 256)], []byte("\n"))
		if !ok {
			if len(b) >= 256 {
				t.stop(f)
			}
			return 0
		}
		size, _, _ := strings.Cut(strings.TrimSpace(string(line)), ";")
		if size == "" {
			return len(line) + 1
		}
		n, err := strconv.ParseInt(strings.TrimSpace(size), 16, 48)
		if err != nil || n < 0 {
			t.stop(f)
			return 0
		}
		if n == 0 {
			s.chunks = false
			r.watched(t, f, from)
		}
		s.left = n
		return len(line) + 1
	}
	if b[0] == '$' && r.proto == "rtsp" {
		return r.interleaved(t, f, from, b)
	}
	if b[0] == '\r' || b[0] == '\n' {
		return 1
	}
	if proto, short := looksHTTP(b); proto == "" {
		if !short {
			t.stop(f)
		}
		return 0
	}
	m, used := readMessage(b)
	if used == 0 {
		if len(b) > maxHeader {
			t.stop(f)
		}
		return 0
	}
	if m == nil {
		t.stop(f)
		return used
	}
	if m.request {
		if f.packets[from.other()] == 0 || !f.begun {
			f.client = from
		}
		r.request(t, f, from, m)
	} else {
		if !f.begun {
			f.client = from.other()
		}
		r.response(t, f, from, m)
	}
	return used
}

// body passes over a body, and keeps the beginning of one that is looked at.
func (r *httpReader) body(t *tracker, f *flow, from side, b []byte) int {
	s := &r.sides[from]
	n := len(b)
	if s.left > 0 {
		n = int(min(int64(n), s.left))
	}
	if s.message != nil && len(s.watch) < s.want {
		more := b[:min(n, s.want-len(s.watch))]
		if !t.keep(f, len(more)) {
			t.bite("conversations were read in part only, to keep memory bounded")
			t.stop(f)
			return len(b)
		}
		s.watch = append(s.watch, more...)
	}
	if s.left > 0 {
		s.left -= int64(n)
	}
	if s.message != nil && (len(s.watch) >= s.want || s.left == 0 && !s.chunks) {
		r.watched(t, f, from)
	}
	return n
}

// watched looks at the beginning of a body.
func (r *httpReader) watched(t *tracker, f *flow, from side) {
	s := &r.sides[from]
	m, b := s.message, s.watch
	t.keep(f, -len(b))
	s.message, s.watch = nil, nil
	if m == nil {
		return
	}
	if m.request {
		r.form(t, f, m, b)
		return
	}
	if m.from != nil {
		if why := firmwareLike(m.from.path, m.get("content-disposition"), m.get("content-type"), b); why != "" {
			size, _ := strconv.ParseInt(m.get("content-length"), 10, 64)
			t.object(f, Object{What: "firmware-like", How: r.proto, Why: why, Where: m.from.host + m.from.path, Bytes: size})
		}
	}
}

// expectBody prepares for the body that a head announces.
func (s *httpSide) expectBody(m *message, watch int, noBody bool) {
	s.left, s.chunks, s.message, s.watch, s.want = 0, false, nil, nil, watch
	if noBody {
		return
	}
	switch length := m.get("content-length"); {
	case strings.Contains(strings.ToLower(m.get("transfer-encoding")), "chunked"):
		s.chunks = true
	case length != "":
		n, err := strconv.ParseInt(strings.TrimSpace(length), 10, 62)
		if err == nil && n >= 0 {
			s.left = n
		}
	case !m.request && strings.HasPrefix(m.proto, "HTTP") && m.status >= 200 && m.status != 204 && m.status != 304:
		s.left = -1
	}
	if watch > 0 && (s.left != 0 || s.chunks) {
		s.message = m.brief()
	}
}

func (r *httpReader) request(t *tracker, f *flow, from side, m *message) {
	x := &exchange{method: strings.Clone(m.method), host: m.get("host")}
	target, query, _ := strings.Cut(m.target, "?")
	if u, err := url.Parse(target); err == nil && u.Host != "" {
		x.host, x.path = u.Host, u.Path
		if u.User != nil {
			if p, ok := u.User.Password(); ok {
				x.creds = append(x.creds, t.credential(f, Credential{Kind: "password", How: strings.ToUpper(r.proto) + " address", User: u.User.Username(), Secret: Secret(p)}))
			}
		}
	} else {
		x.path = target
	}
	x.host, x.path = printable(x.host), printable(x.path)
	if ip := f.end(from.other()).Addr(); x.host != "" && r.proto == "http" && !ip.IsMulticast() && m.method != "CONNECT" {
		if name, _, _ := strings.Cut(x.host, ":"); name != ip.String() && !strings.HasPrefix(x.host, "[") && !strings.Contains(m.target, "://") {
			t.hosts.name(ip, name, "http")
		}
	}
	if ua := m.get("user-agent"); ua != "" {
		t.detail(f, from, "software", ua)
	}
	if r.proto == "http" {
		t.detail(f, from, "request", m.method+" "+x.host+x.path)
	}
	r.authorization(t, f, m, x)
	for i := range m.header {
		name, value := m.header[i].name, m.header[i].value
		if name == "cookie" || strings.Contains(name, "api-key") || strings.Contains(name, "auth-token") || name == "x-auth" || name == "x-access-token" {
			r.tokens(t, f, name, value, x)
		}
	}
	r.fields(t, f, query, "query", x)
	if action := m.get("soapaction"); strings.Contains(action, "PortMapping") {
		t.detail(f, from, "UPnP action", strings.Trim(action, `"`))
	}
	if len(r.waiting) < maxExchanges {
		if t.keep(f, exchangeSize) {
			r.waiting = append(r.waiting, x)
		} else {
			t.keep(f, -exchangeSize)
			t.bite("conversations were read in part only, to keep memory bounded")
		}
	}
	watch := 0
	switch kind := strings.ToLower(m.get("content-type")); {
	case strings.HasPrefix(kind, "image/"), strings.HasPrefix(kind, "audio/"), strings.HasPrefix(kind, "video/"):
		size, _ := strconv.ParseInt(m.get("content-length"), 10, 64)
		what := map[byte]string{'i': "picture", 'a': "sound", 'v': "video"}[kind[0]]
		t.object(f, Object{What: what, How: r.proto, Why: "announced as " + kind, Where: x.host + x.path, ToServer: true, Bytes: size})
	case m.method != "GET" && m.method != "HEAD":
		watch = maxBodyWatch
	}
	m.from = x
	r.sides[from].expectBody(m, watch, m.method == "CONNECT")
}

func (r *httpReader) response(t *tracker, f *flow, from side, m *message) {
	if m.status >= 100 && m.status < 200 {
		if m.status == 101 {
			to := m.get("upgrade")
			t.detail(f, from, "switched to", to)
			switch low := strings.ToLower(to); {
			case strings.HasPrefix(low, "websocket"):
				f.label, f.reader = "websocket", &websocketReader{}
			case low == "h2c":
				f.reader = newHTTP2(t, f)
			case strings.HasPrefix(low, "tls"):
				f.reader = newTLS(f)
				f.label = "http+tls"
			default:
				t.stop(f)
			}
		}
		return
	}
	var x *exchange
	if len(r.waiting) > 0 {
		x, r.waiting = r.waiting[0], r.waiting[1:]
		t.keep(f, -exchangeSize)
	}
	if s := m.get("server"); s != "" {
		t.detail(f, from, "software", s)
	}
	key := f.server()
	if m.status == 401 || m.status == 407 {
		t.challenge(key)
		if w := m.get("www-authenticate"); w != "" {
			scheme, _, _ := strings.Cut(w, " ")
			t.detail(f, from, "asks for a log-in", printable(scheme)+" "+quoted(w, "realm"))
		}
	}
	if x != nil {
		r.answered(t, f, m, x)
		if x.method == "CONNECT" && m.status/100 == 2 { // what follows is between others than these two
			f.reader = &connectReader{}
			return
		}
	}
	watch := 0
	if x != nil && x.method == "GET" && m.status == 200 {
		watch = 64
	}
	noBody := x != nil && x.method == "HEAD" || r.proto == "sip" && m.get("content-length") == ""
	m.from = x
	r.sides[from].expectBody(m, watch, noBody)
}

// answered notes what an answer says of a log-in, and access that wanted none.
func (r *httpReader) answered(t *tracker, f *flow, m *message, x *exchange) {
	status := "status " + strconv.Itoa(m.status)
	for _, c := range x.creds {
		switch {
		case m.status == 401 || m.status == 407 || m.status == 403:
			t.answer(c, Refused, status)
		case m.status >= 200 && m.status < 400 && t.challenged[f.server()]:
			t.answer(c, Accepted, status+" where it had refused without")
		}
	}
	r.known = r.known || x.authorized
	if r.proto == "rtsp" && x.method == "SETUP" && m.status == 200 {
		r.transport(t, f, m.get("transport"))
	}
	if r.proto == "rtsp" && !r.known && m.status == 200 && (x.method == "DESCRIBE" || x.method == "PLAY") {
		t.opened(f, "RTSP "+x.method)
	}
}

// transport notes the ports on which media will come.
func (r *httpReader) transport(t *tracker, f *flow, text string) {
	if !strings.HasPrefix(text, "RTP/AVP") { // RTP/SAVP is encrypted, and the rest nobody uses
		return
	}
	for _, end := range []struct {
		name string
		side side
	}{{"client_port=", f.client}, {"server_port=", f.client.other()}} {
		_, rest, ok := strings.Cut(text, end.name)
		if !ok {
			continue
		}
		ports, _, _ := strings.Cut(rest, ";")
		first, _, _ := strings.Cut(ports, "-")
		if n, err := strconv.ParseUint(strings.TrimSpace(first), 10, 16); err == nil {
			t.expect(netip.AddrPortFrom(f.end(end.side).Addr(), uint16(n)), "rtp")
		}
	}
}

// interleaved passes over media within RTSP.
func (r *httpReader) interleaved(t *tracker, f *flow, from side, b []byte) int {
	if len(b) < 4 {
		return 0
	}
	if !r.media {
		r.media = true
		t.object(f, Object{What: "video", How: "rtsp", Why: "media within RTSP; it may still be encrypted by SRTP", Where: f.server().String(), ToServer: from == f.client})
	}
	r.sides[from].left = int64(b[2])<<8 | int64(b[3])
	return 4
}

// connectReader looks at what goes through a proxy that was asked to connect.
type connectReader struct{}

func (connectReader) read(t *tracker, f *flow, from side, b []byte) int {
	yes, short := looksTLS(b)
	switch {
	case yes:
		f.reader = newTLS(f)
		f.label = "http+tls"
	case !short:
		f.label, f.guard = "http+unknown", Unknown
		t.stop(f)
		return len(b)
	}
	return 0
}
