package peer

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/assay-psti/assay/internal/address"
)

// ErrAddress says that the address to listen at is not local, and that nobody is named
// who allowed it.
var ErrAddress = errors.New("the address is not on this machine, link-local or private")

// Options say what a session shows, and to whom.
type Options struct {
	Listen []netip.AddrPort // where to listen; port 0 is any that is free
	Setup  string           // how traffic is led here: wanted

	// Device tells whether a host is the device, and its hardware address where that is
	// known. It is asked once for each connection, from several goroutines.
	Device    func(netip.Addr) (mac string, is bool)
	Addresses []string // the addresses by which it is known, for the record

	Control    *Authority       // that the device was made to trust; nil: none
	Laboratory *tls.Certificate // of the laboratory, for a name of its own; nil: none
	Unnamed    string           // the name that the device means where it asks for none; "": not known

	Unit, Make, Model, By string
	AuthorisedBy          string // who allowed to listen at an address that is not local
	Limits                Limits
	Now                   func() time.Time
	Progress              func(string) // told what goes on; may be nil; called from several goroutines

	keys *keys // of another session, for tests; nil: new ones
}

// Server waits for the device to call.
type Server struct {
	o         Options
	limits    Limits
	forge     *forge
	plan      planner
	key       []byte // of the digests; never kept
	listeners []*net.TCPListener
	slots     chan struct{} // one for each connection that is open
	full      chan struct{} // closed when the device has made as many connections as are heard

	mu     sync.Mutex // guards the fields below
	record Record
	taken  int // connections of the device that were begun
	heard  int64
	others map[netip.Addr]*Other
	open   map[net.Conn]bool
	ended  bool
}

// New opens the places to listen at. Nothing is heard before Serve.
func New(o Options) (*Server, error) {
	switch {
	case strings.TrimSpace(o.Setup) == "":
		return nil, errors.New("it is not said how traffic is led here")
	case o.Device == nil || o.Now == nil:
		return nil, errors.New("a session needs a device and a clock")
	case len(o.Listen) == 0 || len(o.Listen) > MaxPorts:
		return nil, fmt.Errorf("there are %d places to listen at; give 1 to %d", len(o.Listen), MaxPorts)
	}
	s := &Server{o: o, limits: o.Limits.Normal(), key: make([]byte, 32), full: make(chan struct{}), others: map[netip.Addr]*Other{}, open: map[net.Conn]bool{}}
	s.slots = make(chan struct{}, s.limits.Parallel)
	if _, err := rand.Read(s.key); err != nil {
		return nil, fmt.Errorf("make a key for digests: %w", err)
	}
	for _, at := range o.Listen {
		if err := Allowed(at.Addr(), o.AuthorisedBy); err != nil {
			return nil, err
		}
	}
	var err error
	if o.keys == nil {
		if o.keys, err = newKeys(); err != nil {
			return nil, err
		}
	}
	if s.forge, err = newForge(o.Now, o.keys, o.Control, o.Laboratory); err != nil {
		return nil, err
	}
	s.plan = planner{control: o.Control != nil, laboratory: o.Laboratory != nil}
	for _, at := range o.Listen {
		l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(at))
		if err != nil {
			s.close()
			return nil, fmt.Errorf("listen at %s: %w", at, err)
		}
		s.listeners = append(s.listeners, l)
	}
	return s, nil
}

// Allowed reports as an error that a session may not listen at the address. None at
// all, which is every address of the machine, nobody can allow.
func Allowed(a netip.Addr, authorisedBy string) error {
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

// Listening are the places that are listened at.
func (s *Server) Listening() []netip.AddrPort {
	var out []netip.AddrPort
	for _, l := range s.listeners {
		out = append(out, addrOf(l.Addr()))
	}
	return out
}

func addrOf(a net.Addr) netip.AddrPort {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	at := t.AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}

// close stops listening, and ends what is open.
func (s *Server) close() {
	for _, l := range s.listeners {
		_ = l.Close() // nothing more is wanted of it
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	for c := range s.open {
		_ = c.Close() // likewise
	}
}

// Serve hears the device until the context ends, the time is over, or it has made as
// many connections as are heard, and gives the record. It is called once.
func (s *Server) Serve(ctx context.Context) *Record {
	o := &s.o
	s.record = Record{Format: Format, Started: o.Now().UTC(), Setup: printable(o.Setup, 500), Device: o.Addresses, Unit: o.Unit, Make: o.Make, Model: o.Model, By: o.By,
		Listen: s.Listening(), Limits: s.limits, Connections: []Connection{}}
	for _, at := range s.record.Listen {
		if Allowed(at.Addr(), "") != nil {
			s.record.AuthorisedBy = o.AuthorisedBy
		}
	}
	if o.Control != nil {
		s.record.Control = fingerprint(o.Control.certificate.Raw)
	}
	if o.Laboratory != nil {
		s.record.Laboratory = fingerprint(o.Laboratory.Certificate[0])
	}
	whole, stop := context.WithTimeout(ctx, s.limits.Time)
	defer stop()
	var group sync.WaitGroup
	for _, l := range s.listeners {
		group.Go(func() { s.accept(l, &group) })
	}
	select {
	case <-whole.Done():
	case <-s.full:
		s.rest(whole)
	}
	s.close()
	group.Wait()
	return s.finish()
}

// rest waits for the connections that are still open when no more are heard.
func (s *Server) rest(ctx context.Context) {
	for range cap(s.slots) {
		select {
		case s.slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
	}
}

func (s *Server) finish() *Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.record
	r.Ended = s.o.Now().UTC()
	for _, o := range s.others {
		r.Others = append(r.Others, *o)
	}
	slices.SortFunc(r.Others, func(a, b Other) int { return a.From.Compare(b.From) })
	slices.SortStableFunc(r.Connections, func(a, b Connection) int { return cmp.Or(a.At.Compare(b.At), a.From.Compare(b.From)) })
	return &r
}

// accept takes connections until the listener is closed.
func (s *Server) accept(l *net.TCPListener, group *sync.WaitGroup) {
	for {
		c, err := l.AcceptTCP()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // such as too many open files: what is open ends by itself
			s.shortfall("a connection could not be taken: " + printable(err.Error(), 100))
			select {
			case s.slots <- struct{}{}: // wait for room rather than spin
				<-s.slots
			case <-s.full:
			}
			if s.over() {
				return
			}
			continue
		}
		from := addrOf(c.RemoteAddr())
		mac, is := s.o.Device(from.Addr())
		if !is {
			s.other(from.Addr(), mac)
			_ = c.Close() // unheard
			continue
		}
		if !s.begin(c, mac) {
			_ = c.Close() // unheard
			continue
		}
		group.Go(func() {
			defer func() { <-s.slots }()
			s.keep(s.hear(c))
		})
	}
}

func (s *Server) over() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
}

// begin takes a slot for a connection of the device, if there is one.
func (s *Server) begin(c net.Conn, mac string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ended || s.taken >= s.limits.Connections:
		return false
	case s.heard >= s.limits.Received:
		s.cut(fmt.Sprintf("more than %d MiB were received; later connections were closed unheard", s.limits.Received>>20))
		return false
	}
	select {
	case s.slots <- struct{}{}:
	default:
		s.cut(fmt.Sprintf("more than %d connections were open at a time; those beyond were closed unheard", s.limits.Parallel))
		return false
	}
	s.open[c] = true
	s.record.MAC = cmp.Or(s.record.MAC, mac)
	if s.taken++; s.taken == s.limits.Connections {
		close(s.full)
	}
	return true
}

// keep writes a connection into the record.
func (s *Server) keep(x Connection, c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
	s.heard += int64(x.Received)
	if s.ended && (x.Outcome == Stalled || x.Outcome == Silent || x.Outcome == NoShow || x.Outcome == Broke || x.Outcome == Left) {
		s.cut("a connection was open when the session ended, and is not told")
		return // that we closed it is not what the device did
	}
	s.record.Connections = append(s.record.Connections, x)
	if s.o.Progress != nil {
		s.o.Progress(x.String())
	}
}

// maxOthers bounds the hosts beside the device that are listed.
const maxOthers = 200

func (s *Server) other(from netip.Addr, mac string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.others[from]
	if o == nil {
		if len(s.others) >= maxOthers {
			s.cut("more hosts than are listed called beside the device")
			return
		}
		o = &Other{From: from, MAC: mac}
		s.others[from] = o
	}
	o.Count++
}

func (s *Server) shortfall(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut(text)
}

// maxCut bounds how many shortfalls are told.
const maxCut = 20

// cut notes once that something was not heard; s.mu is held.
func (s *Server) cut(text string) {
	if len(s.record.Cut) < maxCut && !slices.Contains(s.record.Cut, text) {
		s.record.Cut = append(s.record.Cut, text)
	}
}

// digest stands for what was sent: it tells whether two of one session are the same,
// and cannot be guessed at by others, since the key is not kept.
func (s *Server) digest(b []byte) string {
	h := hmac.New(sha256.New, s.key)
	h.Write(b)
	return "hmac:" + hex.EncodeToString(h.Sum(nil)[:8])
}
