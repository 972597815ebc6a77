package device

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/assay-psti/assay/internal/address"
)

// ErrAddress says that the address is not local, and that nobody is named who
// allowed speaking to it.
var ErrAddress = errors.New("the address is not on this machine, link-local or private")

// ErrBudget says that the session has used up what it may send, or its time.
var ErrBudget = errors.New("the budget of the session is used up")

// Limits is the budget of a session. A zero field means the default.
type Limits struct {
	Rate        int           `json:"rate"`        // connections and datagrams a second; default 4000
	Parallel    int           `json:"parallel"`    // connections in flight while scanning; default 256
	Connections int           `json:"connections"` // in all; default 70,000
	Datagrams   int           `json:"datagrams"`   // in all; default 70,000
	Received    int64         `json:"received"`    // bytes in all; default 64 MiB
	Time        time.Duration `json:"time"`        // of the whole session; default 20 minutes
	Tries       int           `json:"tries"`       // published defaults on each way in; default 8
	Pace        time.Duration `json:"pace"`        // between two log-ins on one way in; default 250 ms
}

// Normal fills in the defaults.
func (l Limits) Normal() Limits {
	set := func(n *int, d int) {
		if *n <= 0 {
			*n = d
		}
	}
	set(&l.Rate, 4000)
	set(&l.Parallel, 256)
	set(&l.Connections, 70_000)
	set(&l.Datagrams, 70_000)
	set(&l.Tries, 8)
	if l.Received <= 0 {
		l.Received = 64 << 20
	}
	if l.Time <= 0 {
		l.Time = 20 * time.Minute
	}
	if l.Pace <= 0 {
		l.Pace = 250 * time.Millisecond
	}
	return l
}

// Clock is what a session knows of time.
type Clock interface {
	Now() time.Time
	// Sleep waits, or gives the error of the context where that ends first.
	Sleep(ctx context.Context, d time.Duration) error
}

// Options say how a session goes about its work.
type Options struct {
	Limits       Limits
	AuthorisedBy string // who allowed an address that is not local
	Clock        Clock
	Rand         io.Reader    // for control passwords and nonces; nil is crypto/rand
	Progress     func(string) // told what goes on; may be nil; called from several goroutines
}

// Session is the one way by which anything is sent to a device.
type Session struct {
	addr   netip.Addr
	limits Limits
	o      Options
	start  time.Time
	key    []byte // of the digests that stand for secrets; never kept

	mu         sync.Mutex // guards the fields below
	next       time.Time  // when the next connection or datagram may go
	used       Used
	transcript []Exchange
	unkept     int
	cut        []string
}

// New begins a session with the device at an address. It sends nothing.
func New(addr netip.Addr, o Options) (*Session, error) {
	addr = addr.Unmap()
	if err := allowed(addr, o.AuthorisedBy); err != nil {
		return nil, err
	}
	if o.Clock == nil {
		return nil, errors.New("a session needs a clock")
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	s := &Session{addr: addr, limits: o.Limits.Normal(), o: o, start: o.Clock.Now(), key: make([]byte, 32)}
	if _, err := io.ReadFull(o.Rand, s.key); err != nil {
		return nil, fmt.Errorf("make a key for digests: %w", err)
	}
	return s, nil
}

// allowed gives the reason not to speak to an address. Addresses for many
// receivers, and none at all, nobody can allow.
func allowed(a netip.Addr, authorisedBy string) error {
	switch kind := address.KindOf(a); {
	case kind == address.Loopback, kind == address.Private, kind == address.LinkLocal:
		return nil
	case kind == address.Multicast || kind == address.None:
		return fmt.Errorf("%w: %s is %s", ErrAddress, a, kind)
	case authorisedBy != "":
		return nil
	default:
		return fmt.Errorf("%w: %s is %s", ErrAddress, a, kind)
	}
}

// Allowed reports as an error that a session may not speak to the address.
func Allowed(a netip.Addr, authorisedBy string) error { return allowed(a.Unmap(), authorisedBy) }

// guard is asked just before every connection: only the session's own address is
// ever spoken to, whatever led there.
func (s *Session) guard(a netip.Addr) error {
	if a.Unmap() != s.addr {
		return fmt.Errorf("%w: the session is with %s, not with %s", ErrAddress, s.addr, a)
	}
	return allowed(a.Unmap(), s.o.AuthorisedBy)
}

// Addr is the device's address.
func (s *Session) Addr() netip.Addr { return s.addr }

func (s *Session) progress(format string, args ...any) {
	if s.o.Progress != nil {
		s.o.Progress(fmt.Sprintf(format, args...))
	}
}

// take waits until one more connection or datagram may go, and counts it. Where
// the budget is used up the record says so, whoever asked.
func (s *Session) take(ctx context.Context, datagram bool) error {
	wait, err := s.book(datagram)
	if err != nil {
		s.shortfall("%v", err)
		return err
	}
	if wait < time.Millisecond {
		return ctx.Err()
	}
	return s.o.Clock.Sleep(ctx, wait)
}

// book counts one more connection or datagram, and says how long it has to wait.
func (s *Session) book(datagram bool) (time.Duration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.o.Clock.Now()
	switch {
	case now.Sub(s.start) > s.limits.Time:
		return 0, fmt.Errorf("%w: it took longer than %s", ErrBudget, s.limits.Time)
	case !datagram && s.used.Connections >= s.limits.Connections:
		return 0, fmt.Errorf("%w: %d connections were made", ErrBudget, s.limits.Connections)
	case datagram && s.used.Datagrams >= s.limits.Datagrams:
		return 0, fmt.Errorf("%w: %d datagrams were sent", ErrBudget, s.limits.Datagrams)
	case s.used.Received >= s.limits.Received:
		return 0, fmt.Errorf("%w: %d bytes were received", ErrBudget, s.limits.Received)
	}
	if datagram {
		s.used.Datagrams++
	} else {
		s.used.Connections++
	}
	const burst = 20 * time.Millisecond // so that a short sleep does not cost the rate
	if s.next.Before(now.Add(-burst)) {
		s.next = now.Add(-burst)
	}
	s.next = s.next.Add(time.Second / time.Duration(s.limits.Rate))
	return s.next.Sub(now), nil
}

// spent adds bytes to what the session used.
func (s *Session) spent(sent, received int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used.Sent += int64(sent)
	s.used.Received += int64(received)
}

// slow halves the rate, because the device does not keep up; it reports whether
// there was anything to halve.
func (s *Session) slow() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.limits.Rate <= 100 {
		return false
	}
	s.limits.Rate /= 2
	return true
}

// maxCut bounds how many shortfalls are told.
const maxCut = 50

// shortfall says that something was not done; it is told once.
func (s *Session) shortfall(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.cut) < maxCut && !slices.Contains(s.cut, text) {
		s.cut = append(s.cut, text)
	}
}

// digest stands for a secret in a record: it tells whether two of one session are
// the same, and cannot be guessed at by others, since the key is not kept.
func (s *Session) digest(secret string) string {
	h := hmac.New(sha256.New, s.key)
	h.Write([]byte(secret))
	return "hmac:" + hex.EncodeToString(h.Sum(nil)[:8])
}

// random is a text that no device takes for a password by chance.
func (s *Session) random() string {
	b := make([]byte, 10)
	if _, err := io.ReadFull(s.o.Rand, b); err != nil {
		panic("device: no randomness: " + err.Error()) // crypto/rand does not fail
	}
	return "Zq" + hex.EncodeToString(b)
}

// alike is a random text of the same length and kinds of character as another, and
// not that one. Of an empty one, and of one without letters and digits, it is a long one.
func (s *Session) alike(text string) string {
	const digits, lower, upper = "0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	for range 20 {
		b := []byte(text)
		for i, c := range b {
			for _, kind := range []string{digits, lower, upper} {
				if strings.IndexByte(kind, c) >= 0 {
					var n [1]byte
					if _, err := io.ReadFull(s.o.Rand, n[:]); err != nil {
						panic("device: no randomness: " + err.Error()) // crypto/rand does not fail
					}
					b[i] = kind[int(n[0])%len(kind)]
				}
			}
		}
		if string(b) != text {
			return string(b)
		}
	}
	return s.random()
}

// Time-outs of one connection, measured by the machine's own clock as net does.
const (
	connectTime = 900 * time.Millisecond
	slowTime    = 3 * time.Second // to connect to a port that is known to be open
)

// dial opens a TCP or UDP connection to the device.
func (s *Session) dial(ctx context.Context, probe, network string, port int) (*conn, error) {
	return s.dialIn(ctx, probe, network, port, slowTime)
}

func (s *Session) dialIn(ctx context.Context, probe, network string, port int, timeout time.Duration) (*conn, error) {
	if network == "tcp" {
		if err := s.take(ctx, false); err != nil {
			return nil, err
		}
	}
	d := net.Dialer{Timeout: timeout, Control: address.Guard(s.guard), KeepAlive: -1}
	began := s.o.Clock.Now()
	c, err := d.DialContext(ctx, network, netip.AddrPortFrom(s.addr, uint16(port)).String())
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, s: s, ctx: ctx, most: maxReceived, x: Exchange{At: began.UTC(), Probe: probe, Network: network, Port: port}}, nil
}

// endpoint is host:port for protocols that write it; a zone is this machine's affair.
func (s *Session) endpoint(port int) string {
	return net.JoinHostPort(s.addr.WithZone("").String(), strconv.Itoa(port))
}
