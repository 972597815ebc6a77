package browser

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// gate is the one way by which the browser reaches the network: a proxy on this
// machine that lets through what goes to the page's host, and counts the bytes.
type gate struct {
	host     string
	dial     func(ctx context.Context, network, address string) (net.Conn, error)
	ctx      context.Context // of one rendering
	left     atomic.Int64    // bytes that may still pass
	turned   atomic.Int64    // requests that were refused
	listener net.Listener
	server   *http.Server
	client   *http.Transport
	wg       sync.WaitGroup
}

func open(ctx context.Context, u *url.URL, o Options) (*gate, error) {
	g := &gate{host: strings.ToLower(u.Hostname()), dial: o.Dial, ctx: ctx}
	g.left.Store(o.MaxBytes)
	g.client = &http.Transport{DialContext: g.connect, DisableKeepAlives: true, DisableCompression: true, ResponseHeaderTimeout: 20 * time.Second}
	var err error
	if g.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	g.server = &http.Server{Handler: g, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 256 << 10}
	g.wg.Go(func() { _ = g.server.Serve(g.listener) })
	return g, nil
}

func (g *gate) address() string { return g.listener.Addr().String() }
func (g *gate) refused() int    { return int(g.turned.Load()) }

func (g *gate) close() {
	g.server.Close()
	g.client.CloseIdleConnections()
	g.wg.Wait()
}

// allowed reports whether the host is the page's own, or below it.
func (g *gate) allowed(hostport string) bool {
	host := strings.ToLower(hostport)
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	return host == g.host || net.ParseIP(g.host) == nil && strings.HasSuffix(host, "."+strings.TrimPrefix(g.host, "www."))
}

func (g *gate) connect(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := g.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &counted{Conn: c, left: &g.left}, nil
}

// ServeHTTP passes on a request for the page's host; any other is refused.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !g.allowed(r.Host) || r.Method != http.MethodConnect && (!r.URL.IsAbs() || !g.allowed(r.URL.Host)) {
		g.turned.Add(1)
		http.Error(w, "only the page's own host is spoken to", http.StatusForbidden)
		return
	}
	if r.Method == http.MethodConnect {
		g.tunnel(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		g.turned.Add(1)
		http.Error(w, "a page is read, nothing is sent", http.StatusForbidden)
		return
	}
	out := r.Clone(g.ctx)
	out.RequestURI = ""
	out.Header.Del("Proxy-Connection")
	resp, err := g.client.RoundTrip(out)
	if err != nil {
		http.Error(w, "the host could not be reached", http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	for name, values := range resp.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, resp.Body) // the browser sees where it broke off
}

// tunnel joins the browser and the host; what passes is theirs.
func (g *gate) tunnel(w http.ResponseWriter, r *http.Request) {
	to, err := g.connect(g.ctx, "tcp", r.Host)
	if err != nil {
		http.Error(w, "the host could not be reached", http.StatusBadGateway)
		return
	}
	defer to.Close()
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		return
	}
	from, buffered, err := hijacker.Hijack()
	if err != nil {
		return
	}
	defer from.Close()
	stop := context.AfterFunc(g.ctx, func() { to.Close(); from.Close() })
	defer stop()
	if _, err := io.WriteString(from, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(to, buffered); to.Close() })
	both.Go(func() { _, _ = io.Copy(from, to); from.Close() })
	both.Wait()
}

var errEnough = errors.New("more bytes than a page may take")

// counted is a connection that stops when all connections together have carried enough.
type counted struct {
	net.Conn
	left *atomic.Int64
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.left.Add(-int64(n)) < 0 {
		return 0, errEnough
	}
	return n, err
}

func (c *counted) Write(b []byte) (int, error) {
	if c.left.Add(-int64(len(b))) < 0 {
		return 0, errEnough
	}
	return c.Conn.Write(b)
}
