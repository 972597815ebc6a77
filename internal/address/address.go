// Package address tells what kind of network an address stands in, for those who
// must refuse to speak to some: fetch to what is not public, device to what is.
//
// It opens no connection and decides nothing: who asks says which kinds it lets
// through.
package address

import (
	"net/netip"
	"syscall"
)

// Kind is the kind of network an address stands in, in words for people.
type Kind string

// The kinds.
const (
	Public    Kind = "public"
	Loopback  Kind = "this machine itself"
	Private   Kind = "a private network"
	LinkLocal Kind = "link-local"
	Multicast Kind = "for many receivers" // broadcast to all too
	None      Kind = "no address at all"
	Special   Kind = "set apart for a special purpose"
)

// special are the ranges of IANA's special-purpose registries (RFC 6890) that no
// public page stands in and that netip has no word for. Those that carry an IPv4
// address inside are refused whole, since what is inside may be anything.
var special = prefixes("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15",
	"198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32",
	"2002::/16", "5f00::/16", "fec0::/10")

func prefixes(texts ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(texts))
	for i, t := range texts {
		out[i] = netip.MustParsePrefix(t)
	}
	return out
}

// KindOf says what kind of network the address stands in. An IPv4 address written
// as IPv6 is of the kind of the IPv4 address.
func KindOf(a netip.Addr) Kind {
	a = a.Unmap().WithZone("")
	switch {
	case !a.IsValid(), a.IsUnspecified():
		return None
	case a.IsLoopback():
		return Loopback
	case a.IsPrivate():
		return Private
	case a.IsLinkLocalUnicast():
		return LinkLocal
	case a.IsMulticast(), a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return Multicast
	}
	for _, p := range special {
		if p.Contains(a) {
			return Special
		}
	}
	return Public
}

// Guard is for net.Dialer.Control: it is asked after a name was resolved and just
// before the connection is made, for every connection, so that neither a redirect
// nor an answer of the name service that changes gets round it. allow gives the
// reason to refuse an address, or nil; what is no address it is given as the zero
// Addr, which is not valid.
func Guard(allow func(netip.Addr) error) func(network, address string, _ syscall.RawConn) error {
	return func(network, address string, _ syscall.RawConn) error {
		at, _ := netip.ParseAddrPort(address) // what does not parse stays the zero value
		return allow(at.Addr())
	}
}
