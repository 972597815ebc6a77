package device

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// udpProbe is how a UDP service of one protocol is recognised. read fills in the
// service and reports whether the answer is of the protocol.
type udpProbe struct {
	protocol string
	port     int  // that the protocol is known for
	loose    bool // it may answer from another port
	ask      func(s *Session) []byte
	read     func(v *Service, b []byte) bool
	also     func() []byte // a second question, where the first gets no answer; may be nil
}

func udpProbes() []udpProbe {
	return []udpProbe{
		{"dns", 53, false, func(*Session) []byte { return dnsVersion() }, readDNS, nil},
		{"tftp", 69, true, func(*Session) []byte { return append([]byte{0, 1}, "assay-asks-for-no-file\x00octet\x00"...) }, readTFTP, nil},
		{"ntp", 123, false, func(*Session) []byte { return append([]byte{0xe3}, make([]byte, 47)...) }, readNTP, nil},
		{"snmp", 161, false, func(*Session) []byte { return snmpGet("public", 0x41535359) }, readSNMP, snmpDiscover},
		{"ssdp", 1900, true, func(s *Session) []byte { return ssdpSearch(s.endpoint(1900)) }, readSSDP, nil},
		{"ws-discovery", 3702, true, func(s *Session) []byte { return wsdProbe(s.random()) }, readWSD, nil},
		{"mdns", 5353, true, func(*Session) []byte { return mdnsQuery(mdnsServices) }, readMDNS, nil},
		{"coap", 5683, false, func(*Session) []byte { return coapGet(0x4153) }, readCoAP, nil},
		{"coaps", 5684, false, func(s *Session) []byte { return dtlsHello([]byte(s.random() + s.random())) }, readDTLS, nil},
		{"tplink-smarthome", 9999, false, func(*Session) []byte { return tplinkEncode([]byte(`{"system":{"get_sysinfo":{}}}`)) }, readTPLink, nil},
	}
}

func readTFTP(v *Service, b []byte) bool {
	if len(b) < 4 || b[0] != 0 || b[1] != 3 && b[1] != 5 && b[1] != 6 {
		return false
	}
	v.Details = append(v.Details, "it answers to a request for a file without a log-in")
	return true
}

func readNTP(_ *Service, b []byte) bool { return len(b) >= 48 && b[0]&7 == 4 }

func readSNMP(v *Service, b []byte) bool {
	if isSNMPv3(b) {
		v.Details = append(v.Details, "it speaks SNMPv3, and says nothing to the community public")
		return true
	}
	texts, ok := parseSNMP(b)
	if ok {
		v.Details = append(v.Details, "it answers to the community public")
		for _, t := range texts[:min(len(texts), 2)] {
			v.Details = append(v.Details, "it says: "+t)
		}
	}
	return ok
}

func readSSDP(v *Service, b []byte) bool {
	location, server, ok := parseSSDP(b)
	if ok {
		v.Product, v.Version = serverProduct(server)
		v.Asks = No
		if location != "" {
			v.Details = append(v.Details, "description at "+location)
			if v.seen != nil {
				v.seen.location = location
			}
		}
	}
	return ok
}

func readWSD(v *Service, b []byte) bool {
	addresses, scopes, err := parseWSD(b)
	if err != nil {
		return false
	}
	v.Asks = No
	for _, t := range slices.Concat(addresses, scopes)[:min(len(addresses)+len(scopes), 6)] {
		v.Details = append(v.Details, "it says: "+t)
	}
	return true
}

func readCoAP(v *Service, b []byte) bool {
	m, ok := parseCoAP(b)
	if ok = ok && m.code>>5 != 0 || ok && b[0]>>4&3 == 3; ok { // a response, or a reset
		coapWords(v, m)
	}
	return ok
}

func readDTLS(v *Service, b []byte) bool {
	if !isDTLS(b) {
		return false
	}
	v.Asks = Unknown
	v.Details = append(v.Details, "it speaks DTLS")
	return true
}

func readTPLink(v *Service, b []byte) bool {
	g := answered("tplink", append(make([]byte, 4), b...))
	if g.protocol == "" {
		return false
	}
	v.Asks, v.Details = g.asks, append(v.Details, g.details...)
	return true
}

// udpPlan is which protocols are looked for at which ports: those a protocol is
// known for; those that somebody names; those where the same number answers over
// TCP in a way that hints at it; and, where services of several protocols were
// found moved by the same distance, the others moved by it too, as a bench that
// forwards ports does.
func udpPlan(named []int, services []Service) map[int][]string {
	plan := map[int][]string{}
	add := func(port int, protocols ...string) {
		for _, p := range protocols {
			if port >= 1 && port <= maxPort && !slices.Contains(plan[port], p) {
				plan[port] = append(plan[port], p)
			}
		}
	}
	var all []string
	for _, p := range udpProbes() {
		all = append(all, p.protocol)
		add(p.port, p.protocol)
	}
	for _, port := range named {
		add(port, all...)
	}
	known := map[string][]int{"ftp": {21}, "ssh": {22}, "telnet": {23}, "http": {80, 8080}, "https": {443}, "rtsp": {554}, "mqtt": {1883}, "coap+tcp": {5683}}
	moved := map[int]map[string]bool{}
	for _, v := range services {
		switch v.Protocol {
		case "coap+tcp", "tls", "unknown":
			add(v.Port, "coap", "coaps")
		}
		for _, at := range known[v.Protocol] {
			if by := v.Port - at; by != 0 {
				if moved[by] == nil {
					moved[by] = map[string]bool{}
				}
				moved[by][v.Protocol] = true
			}
		}
	}
	for by, protocols := range moved {
		if len(protocols) < 2 {
			continue
		}
		for _, p := range udpProbes() {
			add(p.port+by, p.protocol)
		}
	}
	return plan
}

// scanUDP asks for the protocols of the plan.
func (s *Session) scanUDP(ctx context.Context, plan map[int][]string) (Ports, []Service) {
	probes := map[string]udpProbe{}
	for _, p := range udpProbes() {
		probes[p.protocol] = p
	}
	ports := sortedPorts(plan)
	out := Ports{Tried: spans(ports), Open: []int{}, Whole: true}
	var mu sync.Mutex // guards out and found
	var found []Service
	slots := make(chan struct{}, 32)
	var group sync.WaitGroup
	for _, port := range ports {
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			v, closed, err := s.udpPort(ctx, port, plan[port], probes)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				out.Whole = false
				out.Skipped++
			case v != nil:
				out.Open = append(out.Open, port)
				found = append(found, *v)
			case closed:
				out.Closed++
			default:
				out.Silent++
			}
		})
	}
	group.Wait()
	slices.Sort(out.Open)
	slices.SortFunc(found, func(a, b Service) int { return a.Port - b.Port })
	if out.Skipped > 0 {
		s.shortfall("%d UDP ports were not tried: the session ended before", out.Skipped)
	}
	return out, found
}

func sortedPorts[V any](m map[int]V) []int {
	var ports []int
	for p := range m {
		ports = append(ports, p)
	}
	slices.Sort(ports)
	return ports
}

// udpPort tries protocols at one port until one answers or the port is closed.
func (s *Session) udpPort(ctx context.Context, port int, protocols []string, probes map[string]udpProbe) (*Service, bool, error) {
	for _, name := range protocols {
		p := probes[name]
		b, closed, err := s.datagram(ctx, name, port, p.ask(s), p.loose)
		if errors.Is(err, ErrBudget) || ctx.Err() != nil {
			return nil, false, err
		}
		if !closed && len(b) == 0 && p.also != nil {
			if b, closed, err = s.datagram(ctx, name, port, p.also(), p.loose); errors.Is(err, ErrBudget) {
				return nil, false, err
			}
		}
		if closed {
			return nil, true, nil
		}
		if len(b) == 0 {
			continue
		}
		v := &Service{Network: "udp", Port: port, Protocol: name, Asks: Unknown, seen: &seen{}}
		if p.read(v, b) {
			v.Banner = line(b, 80)
			return v, false, nil
		}
		if len(protocols) == 1 {
			return &Service{Network: "udp", Port: port, Protocol: "unknown", Asks: Unknown, Banner: line(b, 80), seen: &seen{}}, false, nil
		}
	}
	return nil, false, nil
}

// datagram sends one datagram, again once where nothing comes, and reads the first
// answer. closed: the device said that nothing listens there.
func (s *Session) datagram(ctx context.Context, probe string, port int, ask []byte, loose bool) (answer []byte, closed bool, err error) {
	if loose {
		return s.looseDatagram(ctx, probe, port, ask)
	}
	c, err := s.dial(ctx, probe, "udp", port)
	if err != nil {
		return nil, false, err
	}
	defer c.Close()
	buf := make([]byte, 8192)
	for range 2 {
		c.within(datagramWait)
		if _, err := c.Write(ask); err != nil {
			return nil, isRefused(err), udpError(err)
		}
		n, err := c.Read(buf)
		if err == nil {
			return buf[:n], false, nil
		}
		if isRefused(err) {
			return nil, true, nil
		}
	}
	return nil, false, nil
}

func udpError(err error) error {
	if isRefused(err) {
		return nil
	}
	return err
}

// looseDatagram takes the answer from whatever port of the device it comes from,
// as TFTP (RFC 1350 4) and SSDP do.
func (s *Session) looseDatagram(ctx context.Context, probe string, port int, ask []byte) ([]byte, bool, error) {
	if err := s.guard(s.addr); err != nil {
		return nil, false, err
	}
	l, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp", "")
	if err != nil {
		return nil, false, fmt.Errorf("open a port to send from: %w", err)
	}
	defer l.Close()
	x := Exchange{At: s.o.Clock.Now().UTC(), Probe: probe, Network: "udp", Port: port, Said: printable(ask, maxKept)}
	defer func() {
		x.Took = s.o.Clock.Now().Sub(x.At)
		s.keep(x)
	}()
	buf := make([]byte, 8192)
	for range 2 {
		if err := s.take(ctx, true); err != nil {
			return nil, false, err
		}
		if _, err := l.WriteTo(ask, net.UDPAddrFromAddrPort(netip.AddrPortFrom(s.addr, uint16(port)))); err != nil {
			x.End = why(err)
			return nil, false, nil
		}
		x.Sent += len(ask)
		s.spent(len(ask), 0)
		_ = l.SetReadDeadline(time.Now().Add(datagramWait))
		for range 16 { // others may send to this port too
			n, from, err := l.ReadFrom(buf)
			if err != nil {
				x.End = why(err)
				break
			}
			if a, ok := from.(*net.UDPAddr); ok && a.AddrPort().Addr().Unmap().WithZone("") == s.addr.WithZone("") {
				x.Received, x.Answered, x.End = n, printable(buf[:n], maxKept), ""
				s.spent(0, n)
				return buf[:n], false, nil
			}
		}
	}
	return nil, false, nil
}

// maxUndecided bounds how many silent UDP ports are looked into one by one.
const maxUndecided = 64

// sweepUDP finds UDP ports that do not say they are closed. It sends each a CoAP
// ping (RFC 7252 1.2), which means nothing to others. Where too many stay silent
// the device says too seldom that a port is closed, and nothing follows.
func (s *Session) sweepUDP(ctx context.Context) []int {
	var mu sync.Mutex // guards open and short
	var open []int
	short := false // the budget ended first
	ports := make(chan int)
	var group sync.WaitGroup
	for range min(s.limits.Parallel, 128) {
		group.Go(func() {
			for port := range ports {
				c, err := s.dial(ctx, "udp sweep", "udp", port)
				if err != nil {
					continue
				}
				_, err = c.Write([]byte{0x40, 0, 0x41, 0x53})
				if err == nil {
					c.within(80 * time.Millisecond)
					_, err = c.Read(make([]byte, 64))
				}
				c.Conn.Close() // 65,535 of these would fill the transcript
				mu.Lock()
				switch {
				case errors.Is(err, ErrBudget):
					short = true
				case !isRefused(err):
					open = append(open, port)
				}
				mu.Unlock()
			}
		})
	}
	for port := 1; port <= maxPort && ctx.Err() == nil; port++ {
		if port%4096 == 0 {
			s.progress("UDP ports: %d of %d", port, maxPort)
		}
		ports <- port
	}
	close(ports)
	group.Wait()
	if short || ctx.Err() != nil {
		s.shortfall("the sweep of UDP ports stopped before its end")
	}
	if len(open) > maxUndecided {
		s.shortfall("%d UDP ports neither answer nor say that they are closed, so which of them are open is not known", len(open))
		return nil
	}
	slices.Sort(open)
	return open
}
