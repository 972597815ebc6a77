package fetch

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"

	"github.com/assay-psti/assay/internal/address"
)

// ErrAddress says that an address is not one of the public internet, and that
// nobody has authorised speaking to it.
var ErrAddress = errors.New("the address is not public")

// guard refuses a connection to an address that is not public, unless somebody is
// named who authorised it. Addresses for many receivers nobody can allow: no page
// stands there.
func guard(authorisedBy string) func(network, address string, _ syscall.RawConn) error {
	return address.Guard(func(a netip.Addr) error {
		kind := address.KindOf(a)
		if kind == address.Public || authorisedBy != "" && a.IsValid() && kind != address.Multicast {
			return nil
		}
		return fmt.Errorf("%w: %s is %s", ErrAddress, a, kind)
	})
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
