//go:build linux

package peer

import (
	"crypto/tls"
	"net/netip"
	"os"
	"os/exec"
	"testing"
	"time"
)

// redirectPlace is a network of its own in which what is sent to 203.0.113.7 port 443
// comes to port 8443 of this machine.
const redirectPlace = `set -e
ip link set lo up
ip address add 203.0.113.7/32 dev lo
nft add table ip t
nft add chain ip t o '{ type nat hook output priority -100; }'
nft add rule ip t o ip daddr 203.0.113.7 tcp dport 443 redirect to :8443
`

const inRedirectPlace = "ASSAY_TEST_REDIRECTED"

// TestRedirected holds that what a redirected connection called is known, as netfilter
// tells it.
func TestRedirected(t *testing.T) {
	if os.Getenv(inRedirectPlace) != "" {
		redirected(t)
		return
	}
	for _, p := range []string{"unshare", "ip", "nft"} {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("%s is not installed: see internal/ci/peers.sh", p)
		}
	}
	if out, err := exec.CommandContext(t.Context(), "unshare", "-n", "sh", "-c", redirectPlace).CombinedOutput(); err != nil {
		t.Skipf("no network of our own with rules can be had here: %v: %s", err, out)
	}
	c := exec.CommandContext(t.Context(), "unshare", "-n", "sh", "-c", redirectPlace+`exec "$0" -test.run '^TestRedirected$' -test.v`, os.Args[0])
	c.Env = append(os.Environ(), inRedirectPlace+"=1")
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func redirected(t *testing.T) {
	s, err := New(Options{Listen: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:8443")}, Setup: "nftables", Addresses: []string{"203.0.113.7"}, Device: loopback, Now: time.Now, Limits: Limits{Connections: 2}})
	if err != nil {
		t.Fatal(err)
	}
	heard := make(chan *Record)
	go func() { heard <- s.Serve(t.Context()) }()
	call := goClient(&tls.Config{InsecureSkipVerify: true})
	call(netip.MustParseAddrPort("203.0.113.7:443"))
	call(netip.MustParseAddrPort("127.0.0.1:8443"))
	r := <-heard
	for i, want := range []string{"203.0.113.7:443", "127.0.0.1:8443"} {
		if got := r.Connections[i].To.String(); got != want {
			t.Errorf("connection %d: got %s, want %s", i+1, got, want)
		}
	}
}
