//go:build !linux

package peer

import (
	"net"
	"net/netip"
)

// originalDestination is known on Linux alone; elsewhere redirected connections are
// told by where they were heard.
func originalDestination(*net.TCPConn) (netip.AddrPort, bool) { return netip.AddrPort{}, false }
