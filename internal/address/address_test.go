package address_test

import (
	"errors"
	"net/netip"
	"testing"

	"pgregory.net/rapid"

	"github.com/assay-psti/assay/internal/address"
)

func TestKindOf(t *testing.T) {
	for text, want := range map[string]address.Kind{
		"93.184.216.34": address.Public, "2606:4700::1111": address.Public,
		"127.0.0.1": address.Loopback, "127.9.9.9": address.Loopback, "::1": address.Loopback,
		"10.0.0.1": address.Private, "172.16.0.1": address.Private, "172.32.0.1": address.Public, "192.168.8.20": address.Private, "fd00::1": address.Private,
		"169.254.1.1": address.LinkLocal, "fe80::1%eth0": address.LinkLocal,
		"224.0.0.251": address.Multicast, "255.255.255.255": address.Multicast, "ff02::fb": address.Multicast,
		"0.0.0.0": address.None, "::": address.None,
		"100.64.0.1": address.Special, "192.0.2.1": address.Special, "2001:db8::1": address.Special, "64:ff9b::7f00:1": address.Special,
	} {
		if got := address.KindOf(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
	if got := address.KindOf(netip.Addr{}); got != address.None {
		t.Errorf("the zero address: got %q", got)
	}
}

func TestKindOfMapped(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "v4")))
		if got, want := address.KindOf(netip.AddrFrom16(a.As16())), address.KindOf(a); got != want {
			t.Errorf("%s as IPv6: got %q, want %q", a, got, want)
		}
	})
}

func TestGuard(t *testing.T) {
	no := errors.New("no")
	g := address.Guard(func(a netip.Addr) error {
		if a == netip.MustParseAddr("10.0.0.1") {
			return nil
		}
		return no
	})
	if err := g("tcp", "10.0.0.1:80", nil); err != nil {
		t.Errorf("got %v", err)
	}
	if err := g("tcp", "10.0.0.2:80", nil); !errors.Is(err, no) {
		t.Errorf("got %v", err)
	}
	if err := g("tcp", "nonsense", nil); !errors.Is(err, no) {
		t.Errorf("got %v", err)
	}
}
