package device

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/assay-psti/assay/internal/address"
)

// Work is what is to be looked at in one session.
type Work struct {
	TCP   []int // ports; nil: all
	UDP   []int // ports that are asked in every protocol, besides those that protocols are known for
	Sweep bool  // find open UDP ports among all
	NoUDP bool  // ask nothing over UDP

	Logins       bool // look for ways in, and try published defaults
	SSHPasswords bool // try passwords over SSH too
	Published    []Default
	Unit, Set    *Secret // the unit's printed password; the one that the person set
	Guesses      int     // wrong log-ins to try; 0: no test of guessing
	GuessPort    int     // at this port alone; 0: every way in

	Run             string // what the records of units that are named together share
	Label           string // what the person calls the unit
	Make, Model, By string
	State           State
}

// Plan says in words what a session would send, and sends nothing.
func Plan(s *Session, w *Work) []string {
	l := s.limits
	ports := w.tcp()
	out := []string{
		fmt.Sprintf("TCP: a connection to each of %d ports of %s (%s), at most %d a second and %d at a time; again, slower, to those that stay silent", len(ports), s.addr, spans(ports), l.Rate, l.Parallel),
		"at each open port: wait for a greeting, then an HTTP request; where that tells nothing a TLS hello of each version, RTSP OPTIONS, MQTT CONNECT, CoAP, TP-Link, adb, an empty line; of what is found, the public description",
	}
	var udp []string
	plan := udpPlan(w.UDP, nil)
	for _, port := range sortedPorts(plan) {
		udp = append(udp, fmt.Sprintf("%d (%s)", port, strings.Join(plan[port], ", ")))
	}
	if w.NoUDP {
		out = append(out, "UDP: nothing")
	} else {
		out = append(out, "UDP: one question, again once where nothing comes, to ports "+strings.Join(udp, "; ")+"; and to others at which services that were found hint")
	}
	if w.Sweep {
		out = append(out, "UDP: a CoAP ping of 4 bytes to each of 65535 ports")
	}
	if w.Logins {
		list := &logins{s: s, published: w.Published, hints: nonEmpty(w.Make, w.Model)}
		var pairs []string
		for _, d := range list.candidates(&door{})[:min(l.Tries, len(list.candidates(&door{})))] {
			pairs = append(pairs, d.User+"/"+cmp.Or(d.Password, "(blank)"))
		}
		out = append(out, fmt.Sprintf("log-ins at each way in: a random password; %d published defaults at most, %s apart: %s; a random password again after one is accepted, and at a form two and then the accepted one twice more", l.Tries, l.Pace, strings.Join(pairs, ", ")))
		var usual []string
		for _, p := range webPaths() {
			usual = append(usual, p.path)
		}
		out = append(out, fmt.Sprintf("to find web log-ins: GET alone, at most %d pages that a web server's first page leads to; where none has a log-in, a random address and %s", maxPages, strings.Join(usual, ", ")),
			fmt.Sprintf("to find users of SNMPv3: one question without a password for each of at most %d names: %s", maxNames, strings.Join(agentNames(w.Published), ", ")))
		if w.Unit != nil || w.Set != nil {
			out = append(out, "log-ins with the passwords of the unit that were given")
		}
		if !w.SSHPasswords {
			out = append(out, "no passwords over SSH")
		}
	}
	if w.Guesses > 0 {
		out = append(out, fmt.Sprintf("guessing: %d wrong log-ins in a row, which may lock the unit", w.Guesses))
	}
	return append(out, fmt.Sprintf("in all at most %d connections, %d datagrams, %d MiB received and %s", l.Connections, l.Datagrams, l.Received>>20, l.Time))
}

func (w *Work) tcp() []int {
	if len(w.TCP) > 0 {
		return w.TCP
	}
	ports, err := ParsePorts("")
	if err != nil {
		panic("device: " + err.Error())
	}
	return ports
}

// identifiers is how many services are identified at the same time.
const identifiers = 12

// Inspect looks at the device. An error says that nothing could be looked at; what
// was cut short stands in the record.
func Inspect(ctx context.Context, s *Session, w *Work) (*Record, error) {
	r := &Record{Format: Format, Started: s.start.UTC(), Address: s.addr, Unit: w.Label, Run: w.Run, Make: w.Make, Model: w.Model, State: w.State, By: w.By, Limits: s.limits, Services: []Service{}, Ways: []Way{}}
	if k := address.KindOf(s.addr); k != address.Loopback && k != address.Private && k != address.LinkLocal {
		r.AuthorisedBy = s.o.AuthorisedBy
	}
	whole, stop := context.WithTimeout(ctx, s.limits.Time)
	defer stop()
	if err := s.services(whole, w, r); err != nil {
		return nil, err
	}
	if w.Logins {
		s.ways(whole, w, r)
	}
	if whole.Err() != nil && ctx.Err() == nil {
		s.shortfall("the session took longer than %s", s.limits.Time)
	} else if ctx.Err() != nil {
		s.shortfall("the session was stopped by hand")
	}
	s.finish(r)
	return r, nil
}

// services scans and identifies.
func (s *Session) services(ctx context.Context, w *Work, r *Record) error {
	type open struct {
		c    *conn
		port int
	}
	found := make(chan open, maxOpen)
	var mu sync.Mutex // guards r.Services
	var group sync.WaitGroup
	for range identifiers {
		group.Go(func() {
			for o := range found {
				v := s.service(ctx, o.c, o.port)
				mu.Lock()
				r.Services = append(r.Services, v)
				mu.Unlock()
			}
		})
	}
	var err error
	r.TCP, err = s.scanTCP(ctx, w.tcp(), func(c *conn, port int) { found <- open{c, port} })
	close(found)
	group.Wait()
	if err != nil {
		return fmt.Errorf("scan %s: %w", s.addr, err)
	}
	named := w.UDP
	if w.NoUDP {
		r.UDP = Ports{Open: []int{}}
		return s.answered(ctx, r)
	}
	if w.Sweep {
		named = slices.Concat(named, s.sweepUDP(ctx))
	}
	var udp []Service
	s.progress("UDP ports")
	r.UDP, udp = s.scanUDP(ctx, udpPlan(named, r.Services))
	for i := range udp {
		if udp[i].seen.location != "" {
			s.located(ctx, &udp[i])
		}
	}
	r.Services = append(r.Services, udp...)
	return s.answered(ctx, r)
}

// answered is an error where nothing at all came back.
func (s *Session) answered(ctx context.Context, r *Record) error {
	slices.SortFunc(r.Services, func(a, b Service) int { return cmp.Or(strings.Compare(a.Network, b.Network), a.Port-b.Port) })
	if r.TCP.Closed == 0 && len(r.Services) == 0 && ctx.Err() == nil {
		return fmt.Errorf("%s: %w", s.addr, ErrSilent)
	}
	return nil
}

// ErrSilent says that nothing at all came back from the address.
var ErrSilent = errors.New("nothing answers at this address")

// ways looks for ways in and tries them.
func (s *Session) ways(ctx context.Context, w *Work, r *Record) {
	l := &logins{s: s, published: w.Published, unit: w.Unit, set: w.Set, hints: nonEmpty(w.Make, w.Model), guesses: w.Guesses, guessPort: w.GuessPort}
	s.leads(r.Services)
	all := make([][]*door, len(r.Services))
	var group sync.WaitGroup
	slots := make(chan struct{}, identifiers)
	for i := range r.Services {
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			all[i] = s.doors(ctx, &r.Services[i], w.SSHPasswords, w.Published)
		})
	}
	group.Wait()
	r.Ways = l.enter(ctx, slices.Concat(all...))
}

// finish writes what the session used and kept into the record.
func (s *Session) finish(r *Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Ended, r.Used, r.Limits = s.o.Clock.Now().UTC(), s.used, s.limits
	r.Transcript, r.Unkept = slices.Clone(s.transcript), s.unkept
	slices.SortStableFunc(r.Transcript, func(a, b Exchange) int { return a.At.Compare(b.At) })
	if r.Transcript == nil {
		r.Transcript = []Exchange{}
	}
	r.Cut = slices.Clone(s.cut)
	r.Whole = len(r.Cut) == 0
}
