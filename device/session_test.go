package device

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// stepClock moves when it is asked to wait, and by itself only by a hair.
type stepClock struct {
	mu    sync.Mutex // guards the fields below
	now   time.Time
	slept time.Duration
}

func newClock() *stepClock { return &stepClock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (c *stepClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *stepClock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.slept += d
	return ctx.Err()
}

var here = netip.MustParseAddr("127.0.0.1")

func newSession(t testing.TB, l Limits) (*Session, *stepClock) {
	t.Helper()
	c := newClock()
	s, err := New(here, Options{Clock: c, Limits: l})
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}

// serve accepts connections and gives each to f; it returns the port.
func serve(t testing.TB, f func(net.Conn)) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	t.Cleanup(func() { l.Close(); group.Wait() })
	group.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			group.Go(func() { defer c.Close(); f(c) })
		}
	})
	return l.Addr().(*net.TCPAddr).Port
}

func TestAllowed(t *testing.T) {
	for text, want := range map[string]bool{"127.0.0.1": true, "::1": true, "10.1.2.3": true, "192.168.8.20": true, "169.254.7.7": true, "fe80::1": true, "fd00::7": true, "::ffff:192.168.1.1": true,
		"8.8.8.8": false, "100.64.0.1": false, "172.32.0.1": false, "2606:4700::1111": false, "::ffff:8.8.8.8": false, "239.255.255.250": false, "255.255.255.255": false, "0.0.0.0": false, "192.0.2.1": false} {
		a := netip.MustParseAddr(text)
		if err := Allowed(a, ""); (err == nil) != want || err != nil && !errors.Is(err, ErrAddress) {
			t.Errorf("%s: got %v, want allowed=%v", text, err, want)
		}
	}
	for text, want := range map[string]bool{"8.8.8.8": true, "2606:4700::1111": true, "239.255.255.250": false, "255.255.255.255": false, "0.0.0.0": false} {
		if err := Allowed(netip.MustParseAddr(text), "the owner"); (err == nil) != want {
			t.Errorf("%s, authorised: got %v, want allowed=%v", text, err, want)
		}
	}
	if _, err := New(netip.MustParseAddr("8.8.8.8"), Options{Clock: newClock()}); !errors.Is(err, ErrAddress) {
		t.Errorf("a session with a public address: got %v", err)
	}
}

// A session speaks to its own address alone, whatever is asked of it.
func TestGuardIsAskedAtEveryConnection(t *testing.T) {
	s, _ := newSession(t, Limits{})
	s.addr = netip.MustParseAddr("127.0.0.1")
	if err := s.guard(netip.MustParseAddr("127.0.0.2")); !errors.Is(err, ErrAddress) {
		t.Errorf("another address: got %v", err)
	}
	s.addr = netip.MustParseAddr("8.8.8.8") // as if it had been let through before
	if _, err := s.dial(t.Context(), "test", "tcp", 80); !errors.Is(err, ErrAddress) {
		t.Errorf("dial: got %v", err)
	}
	if _, _, err := s.looseDatagram(t.Context(), "test", 53, []byte("x")); !errors.Is(err, ErrAddress) {
		t.Errorf("datagram: got %v", err)
	}
}

func TestBudget(t *testing.T) {
	s, clock := newSession(t, Limits{Rate: 100, Connections: 50, Datagrams: 10, Time: time.Minute})
	for i := range 50 {
		if err := s.take(t.Context(), false); err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
	}
	if clock.slept < 400*time.Millisecond || clock.slept > 600*time.Millisecond {
		t.Errorf("50 connections at 100 a second: got a wait of %s", clock.slept)
	}
	if err := s.take(t.Context(), false); !errors.Is(err, ErrBudget) {
		t.Errorf("connection 51: got %v", err)
	}
	for range 10 {
		if err := s.take(t.Context(), true); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.take(t.Context(), true); !errors.Is(err, ErrBudget) {
		t.Errorf("datagram 11: got %v", err)
	}
	s, clock = newSession(t, Limits{Time: time.Minute})
	_ = clock.Sleep(t.Context(), 61*time.Second)
	if err := s.take(t.Context(), false); !errors.Is(err, ErrBudget) {
		t.Errorf("after the time: got %v", err)
	}
	s, _ = newSession(t, Limits{Received: 10})
	s.spent(0, 10)
	if err := s.take(t.Context(), false); !errors.Is(err, ErrBudget) {
		t.Errorf("after the bytes: got %v", err)
	}
}

// A scan that the budget stops says so, and is not whole.
func TestScanStoppedByBudget(t *testing.T) {
	s, _ := newSession(t, Limits{Connections: 20})
	port := serve(t, func(net.Conn) {})
	ports, err := ParsePorts(fmt.Sprintf("%d,1-200", port))
	if err != nil {
		t.Fatal(err)
	}
	r, err := Inspect(t.Context(), s, &Work{NoUDP: true, TCP: ports})
	if err != nil {
		t.Fatal(err)
	}
	if r.Whole || len(r.Cut) == 0 || r.TCP.Whole || r.TCP.Skipped == 0 {
		t.Errorf("got whole=%v, cut=%v, TCP %+v", r.Whole, r.Cut, r.TCP)
	}
	if r.Used.Connections > 20 {
		t.Errorf("got %d connections, want at most 20", r.Used.Connections)
	}
}

func TestNothingAnswers(t *testing.T) {
	c := newClock()
	s, err := New(netip.MustParseAddr("127.0.0.1"), Options{Clock: c})
	if err != nil {
		t.Fatal(err)
	}
	r, err := Inspect(t.Context(), s, &Work{NoUDP: true, TCP: []int{1}})
	if err != nil || r.TCP.Closed != 1 || len(r.Services) != 0 || !r.Whole {
		t.Errorf("a closed port: got %+v, %v", r, err)
	}
}

// Services that are out to do harm: each ends, bounded, and is said.
func TestHostileServices(t *testing.T) {
	reset := func(c net.Conn) {
		_ = c.(*net.TCPConn).SetLinger(0)
	}
	flood := func(c net.Conn) {
		b := []byte(strings.Repeat("A", 8192))
		for {
			if _, err := c.Write(b); err != nil {
				return
			}
		}
	}
	garbage := func(c net.Conn) {
		_, _ = c.Write([]byte{0xff, 0x00, 0x16, 0x03, 0x9f, 0xff, 'S', 'S', 'H', '-', 0x80, '\n', 0x1b, '[', '2', 'J'})
	}
	endlessHTTP := func(c net.Conn) {
		_, _ = io.ReadFull(c, make([]byte, 10))
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nServer: \x1b[31mevil/1.0\r\n\r\n")
		flood(c)
	}
	manyHeaders := func(c net.Conn) {
		_, _ = io.ReadFull(c, make([]byte, 10))
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n")
		for i := range 100_000 {
			if _, err := fmt.Fprintf(c, "X-%d: %d\r\n", i, i); err != nil {
				return
			}
		}
	}
	circle := func(c net.Conn) {
		b := make([]byte, 512)
		n, _ := c.Read(b)
		if strings.HasPrefix(string(b[:n]), "GET") {
			_, _ = io.WriteString(c, "HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n")
		}
	}
	elsewhere := func(c net.Conn) {
		_, _ = c.Read(make([]byte, 512))
		_, _ = io.WriteString(c, "HTTP/1.1 302 Found\r\nLocation: http://8.8.8.8/\r\nContent-Length: 0\r\n\r\n")
	}
	tarpit := func(c net.Conn) {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for range tick.C {
			if _, err := c.Write([]byte{'A'}); err != nil {
				return
			}
		}
	}
	silent := func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }
	var ports []int
	if !testing.Short() { // every probe waits for it
		ports = append(ports, serve(t, silent))
	}
	for _, f := range []func(net.Conn){tarpit, reset, flood, garbage, endlessHTTP, manyHeaders, circle, elsewhere} {
		ports = append(ports, serve(t, f))
	}
	drips := ports[len(ports)-8]
	s, _ := newSession(t, Limits{})
	r, err := Inspect(t.Context(), s, &Work{NoUDP: true, TCP: ports, Logins: true, Published: []Default{{User: "admin", Password: "admin"}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Services) != len(ports) {
		t.Errorf("got %d services, want %d", len(r.Services), len(ports))
	}
	for _, v := range r.Services {
		if v.Port == drips && (v.Protocol != "unknown" || !strings.HasPrefix(v.Banner, "AAA")) {
			t.Errorf("the tarpit: got %+v", v)
		}
	}
	for _, x := range r.Transcript {
		if x.Port == drips && x.Received > 400 {
			t.Errorf("the tarpit held on: %d bytes", x.Received)
		}
		if x.Received > maxReceived+8192 {
			t.Errorf("%s at %d: took in %d bytes", x.Probe, x.Port, x.Received)
		}
		if strings.ContainsAny(x.Said+x.Answered+x.End, "\x1b\n\r\x00") {
			t.Errorf("%s at %d: the transcript would move a screen: %q", x.Probe, x.Port, x.Answered)
		}
	}
	for i := range r.Ways {
		if a := r.Ways[i].AcceptedDefault(); a != nil {
			t.Errorf("port %d: an accepted default was invented: %+v", r.Ways[i].Port, a)
		}
	}
	for _, v := range r.Services {
		if strings.ContainsRune(v.Banner+v.Product+v.Version+strings.Join(v.Details, ""), 0x1b) {
			t.Errorf("port %d: %+v would move a screen", v.Port, v)
		}
	}
}

func TestSecretsAreHidden(t *testing.T) {
	s, _ := newSession(t, Limits{})
	port := serve(t, func(c net.Conn) { _, _ = io.Copy(c, io.LimitReader(c, 200)) })
	c, err := s.dial(t.Context(), "test", "tcp", port)
	if err != nil {
		t.Fatal(err)
	}
	cred := credential{"admin", "s3cret pass"}
	c.hide(cred.secrets()...)
	fmt.Fprintf(c, "PASS s3cret pass\r\nAuthorization: Basic YWRtaW46czNjcmV0IHBhc3M=\r\np=s3cret+pass")
	c.within(time.Second)
	_, _ = c.Read(make([]byte, 200))
	c.Close()
	x := s.transcript[0]
	for _, text := range []string{x.Said, x.Answered} {
		if strings.Contains(text, "s3cret") || strings.Contains(text, "czNjcmV0") || !strings.Contains(text, "<hmac:") {
			t.Errorf("got %q", text)
		}
	}
	other, _ := newSession(t, Limits{})
	if s.digest("x") == other.digest("x") || s.digest("x") == s.digest("y") {
		t.Error("digests are not keyed by the session")
	}
}

func TestParsePorts(t *testing.T) {
	for text, want := range map[string]string{"80": "80", "1-3,2-5, 9": "1-5,9", "": "1-65535", "65535,1": "1,65535"} {
		got, err := ParsePorts(text)
		if err != nil || spans(got) != want {
			t.Errorf("%q: got %s, %v, want %s", text, spans(got), err, want)
		}
	}
	for _, text := range []string{"0", "65536", "5-1", "x", "1-", "-", "1,,2"} {
		if got, err := ParsePorts(text); err == nil {
			t.Errorf("%q: got %v", text, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		ports := rapid.SliceOfNDistinct(rapid.IntRange(1, maxPort), 1, 50, rapid.ID[int]).Draw(t, "ports")
		m := map[int]bool{}
		for _, p := range ports {
			m[p] = true
		}
		got, err := ParsePorts(spans(sortedPorts(m)))
		if err != nil || len(got) != len(ports) {
			t.Fatalf("got %v, %v, want %v", got, err, ports)
		}
	})
}
