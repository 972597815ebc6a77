package capture

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Host is a hardware address, or an IP address where the capture has no hardware
// addresses, and what is known of who has it.
type Host struct {
	MAC       string    `json:"mac,omitempty"`
	Addresses []Address `json:"addresses,omitempty"`
	Names     []Name    `json:"names,omitempty"`
	Details   []Detail  `json:"details,omitempty"` // what it says of itself when it asks for an address, or announces itself
	Forwards  bool      `json:"forwards"`          // it passes on what others send: a router or an access point
	Packets   int64     `json:"packets"`           // sent
	Bytes     int64     `json:"bytes"`
	First     time.Time `json:"first,omitzero"`
	Last      time.Time `json:"last,omitzero"`
	At        Mark      `json:"at"`

	mac   mac
	first int64
	last  int64
	many  bool // more addresses than are kept
	seen  netip.Addr
}

// Address is an IP address of a host.
type Address struct {
	IP  netip.Addr `json:"ip"`
	How string     `json:"how"` // "seen": as sender only; "arp", "dhcp", "ndp": claimed or given
	At  Mark       `json:"at"`
}

// Bounds of what is kept of a host.
const (
	maxAddresses = 24
	maxNames     = 12
	maxLookups   = 20_000
	maxNamed     = 20_000 // addresses that have names
)

type hosts struct {
	max     int
	byMAC   map[mac]*Host
	byIP    map[netip.Addr]*Host // where there are no hardware addresses
	names   map[netip.Addr][]Name
	lookups map[lookupKey]*Lookup
	refused int64
	last    *Host
	t       Mark
}

type lookupKey struct {
	client netip.Addr
	mac    mac
	how    string
	name   string
}

func newHosts(max int) hosts {
	return hosts{max: max, byMAC: map[mac]*Host{}, byIP: map[netip.Addr]*Host{}, names: map[netip.Addr][]Name{}, lookups: map[lookupKey]*Lookup{}}
}

func parseMAC(s string) (m mac, ok bool) {
	s = strings.NewReplacer(":", "", "-", "", ".", "").Replace(strings.ToLower(strings.TrimSpace(s)))
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 6 {
		return m, false
	}
	return mac(b), true
}

// HardwareAddress reports whether a text is a hardware address by which a device can
// be named.
func HardwareAddress(s string) bool {
	_, ok := parseMAC(s)
	return ok
}

func (m mac) String() string {
	if m == (mac{}) {
		return ""
	}
	const digits = "0123456789abcdef"
	b := make([]byte, 0, 17)
	for i, x := range m {
		if i > 0 {
			b = append(b, ':')
		}
		b = append(b, digits[x>>4], digits[x&15])
	}
	return string(b)
}

// see notes who sent a packet.
func (h *hosts) see(p *packet) {
	x := h.last
	if x == nil || p.srcMAC == (mac{}) || x.mac != p.srcMAC {
		if x = h.of(p.srcMAC, p.src, p); x == nil {
			return
		}
		h.last = x
	}
	x.Packets++
	x.Bytes += int64(p.size)
	x.last = p.at
	if x.seen != p.src {
		x.seen = p.src
		if p.srcMAC != (mac{}) {
			h.bind(x, p.src, "seen", p)
		}
	}
}

// of is the host with the hardware address, or where there is none the IP address.
func (h *hosts) of(m mac, ip netip.Addr, p *packet) *Host {
	var x *Host
	if m != (mac{}) {
		x = h.byMAC[m]
	} else {
		x = h.byIP[ip]
	}
	if x != nil || m.group() {
		return x
	}
	if len(h.byMAC)+len(h.byIP) >= h.max {
		h.refused++
		return nil
	}
	x = &Host{mac: m, MAC: m.String(), first: p.at, last: p.at, At: Mark{h.t.File, p.n}}
	if m != (mac{}) {
		h.byMAC[m] = x
	} else {
		h.byIP[ip] = x
		h.bind(x, ip, "seen", p)
	}
	return x
}

var strength = map[string]int{"seen": 0, "ndp": 1, "arp": 1, "dhcp": 2}

// bind notes that a host has an address.
func (h *hosts) bind(x *Host, ip netip.Addr, how string, p *packet) {
	if x == nil || !ip.IsValid() || ip.IsUnspecified() || ip.IsMulticast() || ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return
	}
	for i := range x.Addresses {
		if a := &x.Addresses[i]; a.IP == ip {
			if strength[how] > strength[a.How] {
				a.How, a.At = how, Mark{h.t.File, p.n}
			}
			return
		}
	}
	if len(x.Addresses) >= maxAddresses {
		x.many = true
		if how == "seen" {
			return
		}
		i := slices.IndexFunc(x.Addresses, func(a Address) bool { return a.How == "seen" })
		if i < 0 {
			return
		}
		x.Addresses = slices.Delete(x.Addresses, i, i+1)
	}
	x.Addresses = append(x.Addresses, Address{ip, how, Mark{h.t.File, p.n}})
}

// forwards reports whether the host sends what others said: it uses addresses that
// nobody saw it claim, more than a device of its own has.
func (x *Host) forwards() bool {
	if x.many {
		return true
	}
	v4, foreign, claimed := 0, 0, false
	var networks []netip.Prefix // of IPv6, in which it used addresses that nobody saw it claim
	for _, a := range x.Addresses {
		if !a.IP.Is4() && a.How == "seen" && !local(a.IP) {
			if n, err := a.IP.Prefix(48); err == nil && !slices.Contains(networks, n) {
				networks = append(networks, n)
			}
		}
		if !a.IP.Is4() || a.IP.IsLinkLocalUnicast() {
			continue
		}
		if a.How != "seen" {
			claimed = true
			continue
		}
		v4++
		if !local(a.IP) {
			foreign++
		}
	}
	return len(networks) > 2 || v4 > 4 || foreign > 0 && (claimed || v4 > 1)
}

// local reports whether an address is of private or link-local use.
func local(a netip.Addr) bool {
	return a.IsPrivate() || a.IsLinkLocalUnicast() || a.IsLoopback() || a.IsMulticast() || a.IsUnspecified() || a.Is4() && (a.As4()[0] == 100 && a.As4()[1]&0xc0 == 64 || a.As4()[0] == 255)
}

// owns reports whether what a hardware address sends or gets under an IP address
// is the host's own, not something that it passes on.
func (h *hosts) owns(m mac, ip netip.Addr) bool {
	x := h.byMAC[m]
	if x == nil || !x.forwards() {
		return true
	}
	if ip.IsLinkLocalUnicast() || ip.IsUnspecified() {
		return true
	}
	claimed := false
	for _, a := range x.Addresses {
		if a.IP == ip && a.How != "seen" {
			return true
		}
		claimed = claimed || a.How != "seen" && a.IP.Is4()
	}
	return ip.Is4() && !claimed && local(ip)
}

// name notes a name of an address.
func (h *hosts) name(ip netip.Addr, name, how string) {
	name = strings.TrimSuffix(clean(name), ".")
	if n := len(name); n > 0 && (name[n-1] >= '0' && name[n-1] <= '9' || strings.IndexByte(name, ':') >= 0) {
		if _, err := netip.ParseAddr(name); err == nil {
			return // an address is no name
		}
	}
	if name == "" || !ip.IsValid() || ip.IsUnspecified() || ip.IsMulticast() {
		return
	}
	all := h.names[ip]
	if slices.ContainsFunc(all, func(n Name) bool { return strings.EqualFold(n.Name, name) }) {
		return
	}
	if len(all) >= maxNames || all == nil && len(h.names) >= maxNamed {
		h.refused++
		return
	}
	h.names[ip] = append(all, Name{strings.Clone(name), how})
}

// tells notes what a host says of itself.
func (h *hosts) tells(x *Host, what, value string, p *packet) {
	if x != nil {
		x.Details = addDetail(x.Details, Detail{What: what, Value: printable(value), At: Mark{h.t.File, p.n}})
	}
}

// named notes a name that a host gives itself.
func (h *hosts) named(x *Host, name, how string) {
	name = strings.TrimSuffix(printable(name), ".")
	if x == nil || name == "" || len(x.Names) >= maxNames || slices.ContainsFunc(x.Names, func(n Name) bool { return n.Name == name }) {
		return
	}
	x.Names = append(x.Names, Name{name, how})
}

// list is all hosts in order of their first packet.
func (h *hosts) list() []*Host {
	all := append(slices.Collect(maps.Values(h.byMAC)), slices.Collect(maps.Values(h.byIP))...)
	for _, x := range all {
		x.Forwards = x.forwards()
		x.First, x.Last = moment(x.first), moment(x.last)
		for _, a := range x.Addresses {
			if !x.Forwards || a.How != "seen" {
				for _, n := range h.names[a.IP] {
					if n.How != "sni" && n.How != "http" {
						h.named(x, n.Name, n.How)
					}
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b *Host) int {
		return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.At.Packet, b.At.Packet), strings.Compare(a.MAC, b.MAC), cmp.Compare(a.Packets, b.Packets), a.seen.Compare(b.seen))
	})
	return all
}

func (h *hosts) lookup(f *flow, client side, how, name string) *Lookup {
	name = strings.ToLower(strings.TrimSuffix(clean(name), "."))
	if name == "" {
		return nil
	}
	key := lookupKey{f.end(client).Addr(), f.macs[client], how, name}
	l := h.lookups[key]
	if l == nil {
		if len(h.lookups) >= maxLookups {
			h.refused++
			return nil
		}
		srv := client.other()
		l = &Lookup{Client: End{IP: key.client, mac: key.mac, MAC: key.mac.String()}, Server: End{IP: f.end(srv).Addr(), mac: f.macs[srv], MAC: f.macs[srv].String()}, How: how, Name: name}
		h.lookups[key] = l
	}
	return l
}

func (h *hosts) sortedLookups() []*Lookup {
	return slices.SortedFunc(maps.Values(h.lookups), func(a, b *Lookup) int {
		return cmp.Or(strings.Compare(a.At.File, b.At.File), cmp.Compare(a.At.Packet, b.At.Packet), strings.Compare(a.Name, b.Name), a.Client.IP.Compare(b.Client.IP), strings.Compare(a.Client.MAC, b.Client.MAC), strings.Compare(a.How, b.How))
	})
}

// arp reads who says that an address is his.
func (t *tracker) arp(b []byte, p *packet) {
	if len(b) < 28 || binary.BigEndian.Uint16(b) != 1 || binary.BigEndian.Uint16(b[2:]) != 0x0800 || b[4] != 6 || b[5] != 4 {
		t.unread("ARP that is not for Ethernet and IPv4")
		return
	}
	m, ip := mac(b[8:14]), netip.AddrFrom4([4]byte(b[14:18]))
	if m.group() || m == (mac{}) || ip.IsUnspecified() {
		return
	}
	t.hosts.bind(t.hosts.of(m, ip, p), ip, "arp", p)
}

// neighbour reads who says in IPv6 that an address is his.
func (t *tracker) neighbour(p *packet) {
	b := p.payload
	if len(b) < 24 || p.srcMAC == (mac{}) {
		return
	}
	switch b[0] {
	case 136: // advertisement: the target is the sender's, unless it speaks for others
		t.hosts.bind(t.hosts.of(p.srcMAC, p.src, p), netip.AddrFrom16([16]byte(b[8:24])), "ndp", p)
	case 135, 133, 134: // who asks does so from an address of its own
		if !p.src.IsUnspecified() {
			t.hosts.bind(t.hosts.of(p.srcMAC, p.src, p), p.src, "ndp", p)
		} else if b[0] == 135 { // it looks whether the address it wants is free
			t.hosts.bind(t.hosts.of(p.srcMAC, p.src, p), netip.AddrFrom16([16]byte(b[8:24])), "ndp", p)
		}
	}
}
