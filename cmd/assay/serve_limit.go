package main

import (
	"container/list"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// clientOf is the address of whoever asks. A proxy that is trusted is believed when it
// says for whom it asks; what the client itself put there is not.
func clientOf(r *http.Request, proxies []netip.Prefix) netip.Addr {
	trusted := func(a netip.Addr) bool {
		return slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(a) })
	}
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.IPv4Unspecified()
	}
	client := at.Addr().Unmap().WithZone("")
	said := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(said) - 1; i >= 0 && trusted(client); i-- { // from the nearest
		next, err := netip.ParseAddr(strings.TrimSpace(said[i]))
		if err != nil {
			break
		}
		client = next.Unmap().WithZone("")
	}
	return client
}

// networkOf is what counts as one client: an address, or of IPv6 the network that one
// household gets.
func networkOf(a netip.Addr) netip.Prefix {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// maxClients is how many clients a limiter remembers.
const maxClients = 50_000

// limiter bounds the requests of each client. It remembers a bounded number of them
// and forgets the one that was longest away.
type limiter struct {
	rate rate.Limit
	most int

	mu      sync.Mutex // guards the fields below
	clients map[netip.Prefix]*list.Element
	recent  *list.List // of *client, the most recent first
}

type client struct {
	network netip.Prefix
	bucket  *rate.Limiter
}

func newLimiter(perSecond float64, most int) *limiter {
	return &limiter{rate: rate.Limit(perSecond), most: most, clients: map[netip.Prefix]*list.Element{}, recent: list.New()}
}

func (l *limiter) allow(a netip.Addr, now time.Time) bool {
	network := networkOf(a)
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.clients[network]
	if e == nil {
		if l.recent.Len() >= l.most {
			last := l.recent.Back()
			delete(l.clients, last.Value.(*client).network)
			l.recent.Remove(last)
		}
		e = l.recent.PushFront(&client{network, rate.NewLimiter(l.rate, max(1, int(10*l.rate)))})
		l.clients[network] = e
	} else {
		l.recent.MoveToFront(e)
	}
	return e.Value.(*client).bucket.AllowN(now, 1)
}

// limitConnections bounds the connections at the same time: when there are too many it
// waits with the next; when too many are one client's, that one's are closed. Behind a
// proxy all are one client's, and only the first counts.
func limitConnections(l net.Listener, most int, each bool) net.Listener {
	most = max(most, 1)
	b := &boundListener{Listener: l, slots: make(chan struct{}, most), open: map[netip.Prefix]int{}, each: most}
	if each {
		b.each = max(most/10, 1)
	}
	return b
}

type boundListener struct {
	net.Listener
	slots chan struct{}
	each  int

	mu   sync.Mutex // guards open
	open map[netip.Prefix]int
}

// Accept waits for a connection that is within bounds.
func (l *boundListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		var from netip.Prefix
		if at, err := netip.ParseAddrPort(c.RemoteAddr().String()); err == nil {
			from = networkOf(at.Addr().Unmap().WithZone(""))
		}
		if !l.enter(from) {
			_ = c.Close()
			continue
		}
		l.slots <- struct{}{} // connections end by themselves: each has times
		return &boundConn{Conn: c, leave: func() { <-l.slots; l.left(from) }}, nil
	}
}

func (l *boundListener) enter(from netip.Prefix) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[from] >= l.each {
		return false
	}
	l.open[from]++
	return true
}

func (l *boundListener) left(from netip.Prefix) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[from]--; l.open[from] <= 0 {
		delete(l.open, from)
	}
}

type boundConn struct {
	net.Conn
	once  sync.Once
	leave func()
}

// Close closes the connection, and makes room for another.
func (c *boundConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.leave)
	return err
}
