package main

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

func TestClientOf(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	for _, row := range []struct{ name, from, said, want string }{
		{"nobody-between", "192.0.2.7:999", "", "192.0.2.7"},
		{"client-says-so-itself", "192.0.2.7:999", "203.0.113.9", "192.0.2.7"},
		{"proxy-says", "10.0.0.1:80", "192.0.2.7", "192.0.2.7"},
		{"two-proxies", "10.0.0.1:80", "192.0.2.7, 10.0.0.2", "192.0.2.7"},
		{"client-made-one-up", "10.0.0.1:80", "203.0.113.9, 192.0.2.7", "192.0.2.7"},
		{"client-made-a-proxy-up", "10.0.0.1:80", "203.0.113.9, 10.9.9.9, 192.0.2.7", "192.0.2.7"},
		{"nonsense", "10.0.0.1:80", "x", "10.0.0.1"},
		{"nonsense-before", "10.0.0.1:80", "x, 192.0.2.7", "192.0.2.7"},
		{"four-in-six", "[::ffff:192.0.2.7]:999", "", "192.0.2.7"},
		{"six", "[2001:db8::1]:80", "2001:db9::5", "2001:db9::5"},
		{"zone", "[fe80::1%eth0]:80", "", "fe80::1"},
		{"no-address", "@", "10.0.0.1", "0.0.0.0"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr = row.from
			if row.said != "" {
				r.Header.Set("X-Forwarded-For", row.said)
			}
			if got := clientOf(r, proxies).String(); got != row.want {
				t.Errorf("got %s, want %s", got, row.want)
			}
		})
	}
}

func TestLimiter(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	a, b := netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("192.0.2.8")
	l := newLimiter(2, 100)
	for i := range 20 {
		if !l.allow(a, now) {
			t.Fatalf("request %d is refused, want twenty at once", i+1)
		}
	}
	if l.allow(a, now) || !l.allow(b, now) {
		t.Error("the one that asked too often goes on, or another is refused for it")
	}
	if !l.allow(a, now.Add(500*time.Millisecond)) || l.allow(a, now.Add(500*time.Millisecond)) {
		t.Error("want one more after half a second, and only one")
	}
	// One household of IPv6 is one client.
	for i := range 20 {
		l.allow(netip.MustParseAddr("2001:db8:1:1::"+string(rune('1'+i%9))), now)
	}
	if l.allow(netip.MustParseAddr("2001:db8:1:1:ffff::1"), now) || !l.allow(netip.MustParseAddr("2001:db8:1:2::1"), now) {
		t.Error("a network of IPv6 counts as many clients, or two as one")
	}
}

// Whoever asks, and however often, the table stays within its bound, and no client gets
// more than its share as long as it is remembered.
func TestLimiterIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(1, 8).Draw(t, "most")
		l := newLimiter(1, most)
		now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
		for range rapid.IntRange(1, 60).Draw(t, "requests") {
			l.allow(netip.AddrFrom4([4]byte{192, 0, 2, byte(rapid.IntRange(0, 12).Draw(t, "client"))}), now)
			if l.recent.Len() > most || len(l.clients) != l.recent.Len() {
				t.Fatalf("%d clients in the list, %d in the table, want at most %d", l.recent.Len(), len(l.clients), most)
			}
		}
	})
}

// pipes is a listener whose connections come from a channel.
type pipes struct {
	from   chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.from:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// from is a connection from an address.
type from struct {
	net.Conn
	addr string
}

func (f from) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(f.addr))
}

func TestConnectionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pipes{make(chan net.Conn), make(chan struct{})}
		l := limitConnections(p, 20, true) // two for each client
		got := make(chan net.Conn, 100)
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				got <- c
			}
		}()
		dial := func(addr string) net.Conn {
			ours, theirs := net.Pipe()
			p.from <- from{theirs, addr}
			return ours
		}
		first, second, third := dial("192.0.2.7:1"), dial("192.0.2.7:2"), dial("192.0.2.7:3")
		defer first.Close()
		defer second.Close()
		if _, err := third.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("the third of one client: got %v, want it closed", err)
		}
		other := dial("192.0.2.8:1")
		defer other.Close()
		synctest.Wait()
		if len(got) != 3 {
			t.Fatalf("accepted: got %d, want 3", len(got))
		}
		c := <-got
		_ = c.Close()
		_ = c.Close() // twice makes room once
		again, more := dial("192.0.2.7:4"), dial("192.0.2.7:5")
		defer again.Close()
		if _, err := more.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("one more than was let go: got %v, want it closed", err)
		}
		_ = l.Close()
		synctest.Wait()
	})
}

// trickle gives a byte at a time, each after a while.
type trickle struct{ every time.Duration }

func (s trickle) Read(p []byte) (int, error) {
	time.Sleep(s.every)
	p[0] = 'x'
	return 1, nil
}
func (s trickle) Close() error { return nil }

// A body that trickles is ended though no single piece is late.
func TestSlowBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := httptest.NewRecorder()
		b := &slowBody{body: trickle{10 * time.Millisecond}, control: http.NewResponseController(w), began: time.Now()}
		n, err := io.Copy(io.Discard, b)
		if !errors.Is(err, errSlow) {
			t.Errorf("got %d bytes and %v, want it ended", n, err)
		}
		if took := time.Since(b.began); took < graceTime || took > 2*graceTime {
			t.Errorf("ended after %v, want about %v", took, graceTime)
		}
		fast := &slowBody{body: io.NopCloser(strings.NewReader(strings.Repeat("x", 1<<20))), control: http.NewResponseController(w), began: time.Now().Add(-time.Minute), bytes: 1 << 20}
		if n, err := io.Copy(io.Discard, fast); n != 1<<20 || err != nil {
			t.Errorf("got %d bytes and %v, want all of them", n, err)
		}
	})
}

func TestSection(t *testing.T) {
	for path, want := range map[string]string{"/": "home", "/p/acme-k2": "p", "/follow/confirm/1.secret": "follow", "/set-up/secret": "set-up", "/x\n": "other", "": "other", "//": "other", "/log/tile/0/000": "log"} {
		if got := section(path); got != want {
			t.Errorf("%q: got %s, want %s", path, got, want)
		}
	}
}

func TestReachedAt(t *testing.T) {
	at := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8123}
	for asked, want := range map[string]string{"localhost:0": "localhost:8123", ":8123": "localhost:8123", "0.0.0.0:8123": "localhost:8123", "[::]:8123": "localhost:8123", "127.0.0.1:0": "localhost:8123", "register.example:8123": "register.example:8123"} {
		if got := reachedAt(asked, at); got != want {
			t.Errorf("%s: got %s, want %s", asked, got, want)
		}
	}
}

// The queue says much at every second; an operator reads only what matters.
func TestQuiet(t *testing.T) {
	var b bytes.Buffer
	log := quiet(newServerLog(&b, "json", slog.LevelInfo)).With("a", 1)
	log.Info("often")
	log.Warn("seldom")
	if got := b.String(); strings.Contains(got, "often") || !strings.Contains(got, `"msg":"seldom","a":1`) {
		t.Errorf("got %s", got)
	}
}
