package device

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// Found is a device that made itself known on a network.
type Found struct {
	Address netip.Addr `json:"address"`
	MAC     string     `json:"mac,omitempty"`
	By      []string   `json:"by"`   // "mdns", "ssdp", "ws-discovery", "tuya", "neighbour table"
	Says    []string   `json:"says"` // names and descriptions, bounded
}

// groups are the only addresses for many receivers that are ever sent to, and what
// they are asked: RFC 6762 3, UPnP Device Architecture 1.3.2, WS-Discovery 2.4.
var groups = []struct {
	protocol string
	to       netip.AddrPort
}{
	{"mdns", netip.MustParseAddrPort("224.0.0.251:5353")},
	{"ssdp", netip.MustParseAddrPort("239.255.255.250:1900")},
	{"ws-discovery", netip.MustParseAddrPort("239.255.255.250:3702")},
}

// tuyaPorts are where devices of Tuya call out every few seconds.
var tuyaPorts = []int{6666, 6667}

// Bounds of a discovery.
const (
	discoverTime = 4 * time.Second
	maxFound     = 1000
	maxSays      = 8
)

// neighbours is where Linux shows its neighbour table.
const neighbours = "/proc/net/arp"

// Discover asks by mDNS, SSDP and WS-Discovery on one interface who is there, one
// datagram each, listens for devices that call out, and reads this machine's
// neighbour table. It speaks to nobody else. Notes say what could not be done.
func Discover(ctx context.Context, iface *net.Interface) (found []Found, notes []string, err error) {
	own, err := interfaceAddr(iface)
	if err != nil {
		return nil, nil, err
	}
	d := discovery{by: map[netip.Addr]*Found{}, own: own}
	var group sync.WaitGroup
	for _, g := range groups {
		group.Go(func() {
			if err := d.ask(ctx, g.protocol, g.to); err != nil {
				d.note("%s: %s", g.protocol, why(err))
			}
		})
	}
	for _, port := range tuyaPorts {
		group.Go(func() {
			if err := d.listen(ctx, port); err != nil {
				d.note("UDP port %d: %s", port, why(err))
			}
		})
	}
	group.Wait()
	table, err := os.ReadFile(neighbours)
	if err != nil {
		d.note("no neighbour table is to be had on this machine")
	}
	for _, n := range ParseNeighbours(table) {
		if n.Interface == iface.Name {
			d.add(n.Address, "neighbour table", "")
			if f := d.by[n.Address]; f != nil {
				f.MAC = n.MAC
			}
		}
	}
	for _, f := range d.by {
		found = append(found, *f)
	}
	slices.SortFunc(found, func(a, b Found) int { return a.Address.Compare(b.Address) })
	return found, d.notes, ctx.Err()
}

// MACOf is the hardware address of a device in this machine's neighbour table; ""
// where that does not know it.
func MACOf(addr netip.Addr) string {
	table, err := os.ReadFile(neighbours)
	if err != nil {
		return ""
	}
	for _, n := range ParseNeighbours(table) {
		if n.Address == addr.Unmap() {
			return n.MAC
		}
	}
	return ""
}

func interfaceAddr(iface *net.Interface) (netip.Addr, error) {
	addresses, err := iface.Addrs()
	if err != nil {
		return netip.Addr{}, fmt.Errorf("read the addresses of %s: %w", iface.Name, err)
	}
	for _, a := range addresses {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() {
			return p.Addr(), nil
		}
	}
	return netip.Addr{}, fmt.Errorf("%s has no IPv4 address", iface.Name)
}

type discovery struct {
	own netip.Addr

	mu    sync.Mutex // guards the fields below
	by    map[netip.Addr]*Found
	notes []string
}

func (d *discovery) note(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.notes = append(d.notes, fmt.Sprintf(format, args...))
}

func (d *discovery) add(a netip.Addr, by, says string) {
	a = a.Unmap().WithZone("")
	if a == d.own || allowed(a, "") != nil {
		return // what an answer claims to be, outside the local network, is nobody's business
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.by[a]
	if f == nil {
		if len(d.by) >= maxFound {
			return
		}
		f = &Found{Address: a, By: []string{}, Says: []string{}}
		d.by[a] = f
	}
	if !slices.Contains(f.By, by) {
		f.By = append(f.By, by)
	}
	if says != "" && len(f.Says) < maxSays && !slices.Contains(f.Says, says) {
		f.Says = append(f.Says, says)
	}
}

// ask sends one question to a group and takes answers.
func (d *discovery) ask(ctx context.Context, protocol string, to netip.AddrPort) error {
	l, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(d.own, 0)))
	if err != nil {
		return err
	}
	defer l.Close()
	question := map[string]func() []byte{
		"mdns": func() []byte { return mdnsQuery(mdnsServices) },
		"ssdp": func() []byte { return ssdpSearch(to.String()) },
		"ws-discovery": func() []byte {
			var id [10]byte
			_, _ = rand.Read(id[:]) // never fails
			return wsdProbe(hex.EncodeToString(id[:]))
		},
	}[protocol]
	if _, err := l.WriteToUDPAddrPort(question(), to); err != nil {
		return err
	}
	return d.take(ctx, l, func(from netip.Addr, b []byte) { d.add(from, protocol, answerWords(protocol, b)) })
}

// listen hears devices that call out to everybody.
func (d *discovery) listen(ctx context.Context, port int) error {
	l, err := net.ListenUDP("udp4", &net.UDPAddr{Port: port})
	if err != nil {
		return err
	}
	defer l.Close()
	return d.take(ctx, l, func(from netip.Addr, b []byte) {
		if isTuya(b) {
			d.add(from, "tuya", fmt.Sprintf("calls out on UDP port %d", port))
		}
	})
}

func (d *discovery) take(ctx context.Context, l *net.UDPConn, f func(netip.Addr, []byte)) error {
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	_ = l.SetReadDeadline(time.Now().Add(discoverTime))
	buf := make([]byte, 9000)
	for range maxFound {
		n, from, err := l.ReadFromUDPAddrPort(buf)
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() || ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		f(from.Addr(), buf[:n])
	}
	return nil
}

// isTuya reports a call of Tuya's local protocol: its frames begin and end with
// fixed marks.
func isTuya(b []byte) bool {
	return len(b) >= 20 && string(b[:4]) == "\x00\x00\x55\xaa" && strings.HasSuffix(string(b), "\x00\x00\xaa\x55")
}

// answerWords is what an answer to a question says of the device.
func answerWords(protocol string, b []byte) string {
	switch protocol {
	case "mdns":
		if names, ok := parseMDNS(b); ok {
			return strings.Join(names[:min(len(names), 6)], ", ")
		}
	case "ssdp":
		if location, server, ok := parseSSDP(b); ok {
			return strings.Join(nonEmpty(server, location), " at ")
		}
	case "ws-discovery":
		if addresses, scopes, err := parseWSD(b); err == nil {
			all := append(addresses, scopes...)
			return strings.Join(all[:min(len(all), 4)], ", ")
		}
	}
	return ""
}
