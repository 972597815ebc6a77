package device

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// userAgent says who asks.
const userAgent = "assay (a test of product security)"

// Bounds of one HTTP exchange.
const (
	httpTime   = 5 * time.Second
	maxBody    = 48 << 10
	maxHeaders = 64 // that are looked at
)

// request is one HTTP request; each has a connection of its own, unless it names a wire.
type request struct {
	probe   string
	port    int
	tls     bool
	method  string // GET where empty
	path    string // with query
	headers map[string]string
	body    string
	secrets []string // that the transcript does not show
	most    int      // bytes of the body that are read; maxBody where 0
	on      *wire    // a connection that serves several requests, of GET alone; nil: one of its own
}

// wire is a connection over which several requests go one after the other, where the
// server lets it.
type wire struct {
	c  *conn
	rw io.ReadWriter
}

func (l *wire) close() {
	if l.c != nil {
		l.c.Close()
		l.c = nil
	}
}

// response is what came back.
type response struct {
	status  int
	header  http.Header
	body    []byte
	raw     []byte // first bytes of the body and header as they came, for identification
	cut     bool   // there was more
	stays   bool   // the server keeps the connection open, and nothing is left in it
	cookies []*http.Cookie
}

func (r *response) title() string { return pageTitle(r.body) }

var titleTag = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)

func pageTitle(body []byte) string {
	if m := titleTag.FindSubmatch(body); m != nil {
		return printable(bytes.Join(bytes.Fields(m[1]), []byte(" ")), 80)
	}
	return ""
}

// do makes one request, over a new connection or the wire that it names.
func (s *Session) do(ctx context.Context, q request) (*response, error) {
	if q.on != nil && q.on.c != nil {
		q.on.c.turn(q.probe)
		r, err := q.on.c.exchange(q.on.rw, q)
		if err == nil && r.stays {
			return r, nil
		}
		q.on.close()
		if err == nil {
			return r, nil
		} // the server may have hung up in between: once more over a new one
	}
	c, err := s.dial(ctx, q.probe, "tcp", q.port)
	if err != nil {
		return nil, err
	}
	c.hide(q.secrets...)
	if q.most > maxBody {
		c.most = q.most + maxReceived
	}
	var rw io.ReadWriter = c
	if q.tls {
		t, err := s.startTLS(ctx, c)
		if err != nil {
			c.Close()
			return nil, err
		}
		rw = &tap{ReadWriter: t, c: c}
	}
	r, err := c.exchange(rw, q)
	if q.on != nil && err == nil && r.stays {
		q.on.c, q.on.rw = c, rw
	} else {
		c.Close()
	}
	return r, err
}

// tap keeps what goes inside TLS for the transcript.
type tap struct {
	io.ReadWriter
	c *conn
}

func (t *tap) Write(b []byte) (int, error) {
	t.c.mu.Lock()
	t.c.said = keep(t.c.said, b)
	t.c.mu.Unlock()
	return t.ReadWriter.Write(b)
}

func (t *tap) Read(b []byte) (int, error) {
	n, err := t.ReadWriter.Read(b)
	t.c.mu.Lock()
	t.c.heard = keep(t.c.heard, b[:n])
	t.c.mu.Unlock()
	return n, err
}

// exchange writes the request and reads the response.
func (c *conn) exchange(rw io.ReadWriter, q request) (*response, error) {
	if q.method == "" {
		q.method = http.MethodGet
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\nAccept: */*\r\nConnection: %s\r\n", q.method, q.path, c.s.endpoint(q.port), userAgent, map[bool]string{true: "keep-alive", false: "close"}[q.on != nil])
	for _, k := range sortedKeys(q.headers) {
		fmt.Fprintf(&b, "%s: %s\r\n", k, q.headers[k])
	}
	if q.body != "" || q.method == http.MethodPost {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(q.body))
	}
	b.WriteString("\r\n" + q.body)
	c.within(httpTime)
	if _, err := io.WriteString(rw, b.String()); err != nil {
		return nil, err
	}
	return readResponse(rw, q.method, max(q.most, maxBody))
}

// readResponse reads one response, bounded by what the connection gives.
func readResponse(r io.Reader, method string, most int) (*response, error) {
	var raw bytes.Buffer
	in := bufio.NewReader(io.TeeReader(io.LimitReader(r, int64(most)+maxReceived-maxBody), &limited{&raw, 1024}))
	h, err := http.ReadResponse(in, &http.Request{Method: method})
	if err != nil {
		if raw.Len() > 0 {
			return &response{raw: raw.Bytes(), header: http.Header{}}, fmt.Errorf("%w: %w", errNotHTTP, err)
		}
		return nil, err
	}
	defer h.Body.Close()
	body, err := io.ReadAll(io.LimitReader(h.Body, int64(most)+1))
	out := &response{status: h.StatusCode, header: h.Header, raw: raw.Bytes(), cookies: h.Cookies()}
	out.cut = len(body) > most || err != nil
	out.body = body[:min(len(body), most)]
	out.stays = !h.Close && !out.cut && (h.ContentLength >= 0 || len(h.TransferEncoding) > 0) && in.Buffered() == 0
	return out, nil
}

var errNotHTTP = errors.New("the answer is not HTTP")

// limited keeps the first bytes and drops the rest.
type limited struct {
	b    *bytes.Buffer
	most int
}

func (l *limited) Write(p []byte) (int, error) {
	l.b.Write(p[:max(0, min(len(p), l.most-l.b.Len()))])
	return len(p), nil
}

// follow makes a request and follows redirects that stay at this port of this
// device. Where one leads elsewhere it is returned as it came; with it the cookies that
// were set on the way.
func (s *Session) follow(ctx context.Context, q request) (*response, string, error) {
	var set []*http.Cookie
	for range 4 {
		r, err := s.do(ctx, q)
		if r != nil {
			set = append(set, r.cookies...)
			r.cookies = slices.Clone(set)
		}
		if err != nil || r.status < 301 || r.status > 308 || r.status == 304 {
			return r, q.path, err
		}
		next, ok := s.sameService(q, r.header.Get("Location"))
		if !ok {
			return r, q.path, nil
		}
		q.path, q.method, q.body = next, http.MethodGet, ""
		h := map[string]string{}
		for k, v := range q.headers {
			if k != "Content-Type" {
				h[k] = v
			}
		}
		if jar := joinCookies(h["Cookie"], r.cookies); jar != "" {
			h["Cookie"] = jar
		}
		q.headers = h
	}
	return nil, q.path, errors.New("it redirects without end")
}

// sameService gives the path that a Location leads to, where that is the same port
// of the same device by the same protocol.
func (s *Session) sameService(q request, location string) (string, bool) {
	scheme := "http"
	if q.tls {
		scheme = "https"
	}
	base, err := url.Parse(scheme + "://" + s.endpoint(q.port) + q.path)
	if err != nil || location == "" || len(location) > 2000 {
		return "", false
	}
	u, err := base.Parse(location)
	if err != nil || u.Scheme != scheme || u.User != nil {
		return "", false
	}
	defaultPort := map[string]string{"http": "80", "https": "443"}[scheme]
	port := u.Port()
	if port == "" {
		port = defaultPort
	}
	if u.Hostname() != base.Hostname() || port != base.Port() {
		return "", false
	}
	path := u.RequestURI()
	return path, strings.HasPrefix(path, "/") && !strings.ContainsAny(path, "\r\n ")
}

// maxCookies bounds how many cookies are sent back.
const maxCookies = 20

func cookieHeader(cookies []*http.Cookie) string { return joinCookies("", cookies) }

// joinCookies is the header with what a response sets put into it; of one name the
// latest value counts.
func joinCookies(header string, cookies []*http.Cookie) string {
	var names []string
	values := map[string]string{}
	set := func(name, value string) {
		if _, ok := values[name]; !ok {
			names = append(names, name)
		}
		values[name] = value
	}
	for pair := range strings.SplitSeq(header, "; ") {
		if name, value, ok := strings.Cut(pair, "="); ok {
			set(name, value)
		}
	}
	for _, c := range cookies {
		if c.MaxAge < 0 {
			delete(values, c.Name)
			names = slices.DeleteFunc(names, func(n string) bool { return n == c.Name })
			continue
		}
		set(c.Name, c.Value)
	}
	var parts []string
	for _, n := range names {
		if len(parts) < maxCookies {
			parts = append(parts, n+"="+values[n])
		}
	}
	return strings.Join(parts, "; ")
}
