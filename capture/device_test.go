package capture

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

func arp(m *maker, from mac, ip netip.Addr) {
	a := ip.As4()
	b := append([]byte{0, 1, 8, 0, 6, 4, 0, 2}, from[:]...)
	b = append(append(b, a[:]...), make([]byte, 10)...)
	m.frame(m.link(from, mac{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 0x0806, b))
}

// TestForwarded holds that a router is not blamed for what it passes on, though its
// hardware address is on it.
func TestForwarded(t *testing.T) {
	m := newMaker()
	arp(m, macOf(router), router)
	m.udp(port(device, 5000), port(router, 53), question("api.example.com"))
	m.udp(port(router, 53), port(device, 5000), answer("api.example.com", cloud))
	m.tcp(port(device, 40000), port(cloud, 21)).s("220 x FTP\r\n").c("USER me\r\n").s("331\r\n").c("PASS S3cretWord\r\n").s("230 in\r\n").close()
	got := summary(m.of(t, routerMAC))
	if !strings.Contains(got, "from 192.168.8.20 udp/53 dns [clear] offered") || strings.Contains(got, "ftp") || strings.Contains(got, "HELD") {
		t.Error(got)
	}
	if got := summary(m.of(t)); !strings.Contains(got, "to api.example.com (203.0.113.7) tcp/21 ftp") || !strings.Contains(got, "HELD") {
		t.Error("the device that sent it:\n", got)
	}
	for _, h := range m.read(t, Options{}).Suspects() {
		if h.MAC == routerMAC {
			t.Error("the router could be the device under test")
		}
	}
}

// TestServerIsNoSuspect holds that a server beyond a router is not taken for a device
// that could be under test.
func TestServerIsNoSuspect(t *testing.T) {
	m := newMaker()
	m.udp(port(device, 5000), port(cloud, 123), append([]byte{0x23}, make([]byte, 47)...))
	m.udp(port(cloud, 123), port(device, 5000), append([]byte{0x24}, make([]byte, 47)...))
	var got []string
	for _, h := range m.read(t, Options{}).Suspects() {
		got = append(got, h.Addresses[0].IP.String())
	}
	if want := []string{device.String()}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestSharedAddress holds that two devices which had one address are told apart.
func TestSharedAddress(t *testing.T) {
	m := newMaker()
	other := mac{2, 0, 0, 0, 0, 0x77}
	arp(m, macOf(device), device)
	m.udp(port(device, 5000), port(router, 53), question("first.example.com"))
	link := m.link
	m.link = func(src, dst mac, kind uint16, ip []byte) []byte { return link(other, dst, kind, ip) }
	arp(m, other, device)
	m.udp(port(device, 5001), port(router, 53), question("second.example.com"))
	if got := summary(m.of(t)); !strings.Contains(got, "first.example.com") || strings.Contains(got, "second.example.com") {
		t.Error("by hardware address:\n", got)
	}
	if got := summary(m.of(t, device.String())); !strings.Contains(got, "note: the address was used by several devices") || !strings.Contains(got, "wanted: the hardware address") {
		t.Error("by IP address:\n", got)
	}
}

// TestSameAddressElsewhere holds that a device is not taken for the one that has its
// IP address on another network, where its hardware address is known; nor where the
// other is a router. Behind a router it is still known by its IP address.
func TestSameAddressElsewhere(t *testing.T) {
	const unit = "02:00:00:00:00:99"
	m := newMaker()
	arp(m, macOf(device), device)
	m.tcp(port(device, 40000), port(cloud, 21)).s("220 x FTP\r\n").c("USER me\r\n").s("331\r\n").c("PASS S3cretWord\r\n").s("230 in\r\n").close()
	if got := summary(m.of(t, unit, device.String())); strings.Contains(got, "HELD") || !strings.Contains(got, "what that one said is left out") {
		t.Error("another's:\n", got)
	}

	m = newMaker()
	arp(m, macOf(router), router)
	m.udp(port(phone, 5000), port(router, 53), question("api.example.com"))
	m.udp(port(router, 53), port(phone, 5000), answer("api.example.com", cloud))
	m.udp(port(cloud, 123), port(phone, 123), make([]byte, 48))
	if got := summary(m.of(t, unit, router.String())); strings.Contains(got, "offered") {
		t.Error("a router's:\n", got)
	}

	m = newMaker() // recorded behind the router: all frames carry its hardware address
	link := m.link
	m.link = func(src, dst mac, kind uint16, ip []byte) []byte { return link(macOf(router), dst, kind, ip) }
	arp(m, macOf(router), router)
	for n := range 6 {
		m.udp(port(netip.AddrFrom4([4]byte{192, 168, 8, byte(20 + n)}), 5000), port(netip.MustParseAddr("203.0.113.9"), 53), question("api.example.com"))
	}
	if got := summary(m.of(t, unit, device.String())); !strings.Contains(got, "lookup dns api.example.com") {
		t.Error("behind a router:\n", got)
	}
}

// TestTwoFiles holds that captures are read as one, and that the time between them
// is not taken for rest.
func TestTwoFiles(t *testing.T) {
	a := New(Options{})
	for n := range 2 {
		m := newMaker()
		m.at = m.at.Add(time.Duration(n) * 48 * time.Hour)
		for range 4 {
			m.udp(port(device, 5000), port(router, 53), question("api.example.com"))
			m.at = m.at.Add(time.Minute)
		}
		if _, err := a.Read(t.Context(), "x", &m.b); err != nil {
			t.Fatal(err)
		}
	}
	r := a.Result()
	d, err := r.Device(deviceMAC)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Files) != 2 || len(d.Lookups) != 1 || d.Lookups[0].Count != 8 {
		t.Errorf("got %d files, %+v", len(r.Files), d.Lookups)
	}
	if d.Rest != nil {
		t.Errorf("at rest for %v, in captures of six minutes", d.Rest.Quiet)
	}
}

// TestRest holds whom a device speaks to while nobody speaks to it.
func TestRest(t *testing.T) {
	m := newMaker()
	for n := range 120 {
		m.at = m.at.Add(30 * time.Second)
		m.udp(port(device, 5000), port(cloud, 123), append([]byte{0x23}, make([]byte, 47)...))
		if n >= 40 && n < 60 {
			tls13(m.tcp(port(phone, uint16(40000+n)), port(device, 443)), "")
			tls13(m.tcp(port(device, uint16(41000+n)), port(cloud, 8443)), "live.example.com")
		}
	}
	d := m.of(t)
	if d.Rest == nil || d.Rest.Quiet < 30*time.Minute || d.Rest.Quiet > 55*time.Minute {
		t.Fatalf("got %+v", d.Rest)
	}
	said := strings.Join(d.Rest.Spoken, "\n")
	if !strings.Contains(said, "ntp on UDP 123") || strings.Contains(said, "8443") {
		t.Error(said)
	}
}

func TestAddressesThatAreNone(t *testing.T) {
	r := newMaker().read(t, Options{})
	for _, s := range []string{"", "kettle", "192.168.8.0/24", "02:00:00:00:00", "02:00:00:00:00:0g"} {
		if _, err := r.Device(s); err == nil {
			t.Errorf("%q is taken for an address", s)
		}
	}
}

// TestSecretsStayHidden holds that no printing of a credential shows its value.
func TestSecretsStayHidden(t *testing.T) {
	s := Secret("S3cretWord")
	j, err := s.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range []string{s.String(), s.GoString(), string(j)} {
		if strings.Contains(got, "S3cret") {
			t.Error(got)
		}
	}
	if s.Reveal() != "S3cretWord" {
		t.Error("who asks for it does not get it")
	}
}
