package fetch

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
)

// ErrAddress says that an address is not one of the public internet, and that
// nobody has authorised speaking to it.
var ErrAddress = errors.New("the address is not public")

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

// manyReceivers are addresses that nobody can allow: no page stands there.
const manyReceivers = "for many receivers"

// kindOf says what kind of address this is; "" for one of the public internet.
func kindOf(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	switch {
	case !a.IsValid():
		return "not an address"
	case a.IsLoopback():
		return "this machine itself"
	case a.IsPrivate():
		return "a private network"
	case a.IsLinkLocalUnicast():
		return "link-local"
	case a.IsMulticast(), a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return manyReceivers
	case a.IsUnspecified():
		return "no address at all"
	}
	for _, p := range special {
		if p.Contains(a) {
			return "set apart for a special purpose"
		}
	}
	return ""
}

// guard refuses a connection to an address that is not public. It is asked after
// the name was resolved and just before the connection is made, for every
// connection: neither a redirect nor an answer of the name service that changes
// gets round it.
func guard(authorisedBy string) func(network, address string, _ syscall.RawConn) error {
	return func(network, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("%w: %s", ErrAddress, address)
		}
		kind := kindOf(at.Addr())
		if kind == "" || authorisedBy != "" && kind != manyReceivers {
			return nil
		}
		return fmt.Errorf("%w: %s is %s", ErrAddress, at.Addr(), kind)
	}
}

// parse reads the address of a page and brings it into one form, so that the
// same page has the same address: no fragment, no default port, a path.
func parse(raw string) (*url.URL, error) {
	if len(raw) > 8192 {
		return nil, errors.New("the address is longer than 8192 bytes")
	}
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil {
		return nil, errors.New("this is not the address of a page")
	}
	u.Scheme = strings.ToLower(u.Scheme)
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("only http and https are fetched, not %q", u.Scheme)
	case u.Hostname() == "" || u.Opaque != "":
		return nil, errors.New("the address names no host")
	case u.User != nil:
		return nil, errors.New("the address carries a user name: a public page needs none")
	}
	host, port := strings.TrimSuffix(strings.ToLower(u.Hostname()), "."), u.Port()
	if port == map[string]string{"http": "80", "https": "443"}[u.Scheme] {
		port = ""
	}
	u.Host = host
	if strings.Contains(host, ":") {
		u.Host = "[" + host + "]"
	}
	if port != "" {
		u.Host = net.JoinHostPort(host, port)
	}
	u.Fragment, u.RawFragment = "", ""
	if u.Path == "" {
		u.Path = "/"
	}
	return u, nil
}

// Same reports whether two addresses are of the same page.
func Same(a, b string) bool {
	x := key(a)
	return x != "" && x == key(b)
}

// key is an address in one form; "" where it is not the address of a page.
func key(address string) string {
	u, err := parse(address)
	if err != nil {
		return ""
	}
	return u.String()
}

// local reports whether the host is this machine, which needs no politeness.
func local(u *url.URL) bool {
	a, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && a.Unmap().IsLoopback()
}
