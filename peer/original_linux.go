package peer

import (
	"encoding/binary"
	"net"
	"net/netip"
	"syscall"
)

// soOriginalDst asks netfilter what a redirected connection called before it was
// redirected (linux/netfilter_ipv4.h).
const soOriginalDst = 80

// originalDestination is what a redirected connection over IPv4 called; false where
// nothing redirected it.
func originalDestination(c *net.TCPConn) (netip.AddrPort, bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return netip.AddrPort{}, false
	}
	var out netip.AddrPort
	err2 := raw.Control(func(fd uintptr) {
		// An option of 20 bytes holds the 16 of the address: its family, port and number.
		var m *syscall.IPv6Mreq
		if m, err = syscall.GetsockoptIPv6Mreq(int(fd), syscall.IPPROTO_IP, soOriginalDst); err == nil && binary.NativeEndian.Uint16(m.Multiaddr[:2]) == syscall.AF_INET {
			out = netip.AddrPortFrom(netip.AddrFrom4([4]byte(m.Multiaddr[4:8])), binary.BigEndian.Uint16(m.Multiaddr[2:4]))
		}
	})
	return out, err == nil && err2 == nil && out.IsValid() && out.Port() != 0
}
