package device

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cryptobyte_asn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// The examples of RFC 3414 A.3, and of RFC 7860 what the same steps give.
func TestUSMKey(t *testing.T) {
	engine := unhex(t, "000000000000000000000002")
	for i, want := range []string{"526f5eed9fcce26f8964c2930787d82b", "6695febc9288e36282235fc7151f128497b38f3f"} {
		if got := hex.EncodeToString(usmHashes[i].key("maplesyrup", engine)); got != want {
			t.Errorf("%s: got %s, want %s", usmHashes[i].name, got, want)
		}
	}
}

// What is written is read again by the same key, and by no other.
func TestUSMRoundTrip(t *testing.T) {
	e := engine{[]byte("engine-1"), 3, 70000}
	for i := range usmHashes {
		h := &usmHashes[i]
		for _, priv := range []string{"", "AES", "DES"} {
			u := usmUser{name: "initial", hash: h, key: h.key("maplesyrup", e.id), priv: priv}
			u.pass = u.key
			b, err := usmGet(7, e, u, 0x0102030405060708)
			if err != nil {
				t.Fatal(err)
			}
			// A GET is no answer: the tag of the PDU makes it one, where it is not encrypted.
			if priv == "" {
				b[bytes.LastIndexByte(b, 0xa0)] = 0xa2
				if a, err := parseUSM(b, &u); err != nil || a.authentic {
					t.Errorf("%s: changed on its way: got %+v, %v", h.name, a, err)
				}
				continue
			}
			if _, err := parseUSM(b, &u); err == nil {
				t.Errorf("%s %s: a question was taken for an answer", h.name, priv)
			}
			sealed, err := u.seal(e, []byte("12345678"), []byte("some text that is longer than a block"))
			if err != nil {
				t.Fatal(err)
			}
			if plain, err := u.open(e, []byte("12345678"), sealed); err != nil || !bytes.HasPrefix(plain, []byte("some text that is longer than a block")) {
				t.Errorf("%s %s: got %q, %v", h.name, priv, plain, err)
			}
		}
	}
}

// snmpd starts Debian's agent with these settings, and gives its port.
func snmpd(t *testing.T, conf string) int {
	t.Helper()
	if testing.Short() {
		t.Skip("a real agent is started without -short")
	}
	path, err := exec.LookPath("snmpd")
	if err != nil {
		t.Skip("snmpd is missing (package snmpd)")
	}
	l, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.LocalAddr().(*net.UDPAddr).Port
	l.Close()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "snmpd.conf"), []byte(fmt.Sprintf("agentaddress udp:127.0.0.1:%d\n", port)+conf), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(path, "-f", "-C", "-c", filepath.Join(dir, "snmpd.conf"), "-Lf", filepath.Join(dir, "log"), "-p", filepath.Join(dir, "pid"))
	c.Env = append(os.Environ(), "SNMP_PERSISTENT_DIR="+dir, "MIBS=")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		q, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		_ = q.SetDeadline(time.Now().Add(100 * time.Millisecond))
		_, _ = q.Write(snmpDiscover())
		own := q.LocalAddr().String() == q.RemoteAddr().String() // a socket that met itself
		n, _ := q.Read(make([]byte, 500))
		q.Close()
		if n > 0 && !own {
			return port
		}
	}
	log, _ := os.ReadFile(filepath.Join(dir, "log"))
	t.Skipf("snmpd does not run here: %s", log)
	return 0
}

var usmList = []Default{
	{User: "admin", Password: "admin", Source: "l"}, {User: "admin", Password: "password", Source: "l"}, {User: "root", Password: "rootroot", Source: "l"}, {User: "guest", Password: "guestguest", Source: "l"},
	{User: "initial", Source: "l", Agent: true}, {User: "nobody", Password: "nobodynobody", Source: "l"}, {Password: "public", Community: true, Source: "l"},
}

func TestSNMPUsersOfARealAgent(t *testing.T) {
	for name, c := range map[string]struct {
		conf, user, by string
		open           Answer
	}{
		"md5":            {"createUser admin MD5 password\nrouser admin auth\n", "admin", "MD5", Unknown},
		"sha":            {"createUser root SHA rootroot\nrouser root auth\n", "root", "SHA-1", Unknown},
		"sha-256":        {"createUser root SHA-256 rootroot\nrouser root auth\n", "root", "SHA-256", Unknown},
		"sha-512":        {"createUser root SHA-512 rootroot\nrouser root auth\n", "root", "SHA-512", Unknown},
		"sha-224":        {"createUser root SHA-224 rootroot\nrouser root auth\n", "root", "SHA-224", Unknown},
		"sha-384":        {"createUser root SHA-384 rootroot\nrouser root auth\n", "root", "SHA-384", Unknown},
		"private-aes":    {"createUser guest SHA guestguest AES guestguest\nrouser guest priv\n", "guest", "SHA-1 and AES", Unknown},
		"private-des":    {"createUser guest MD5 guestguest DES guestguest\nrouser guest priv\n", "guest", "MD5 and DES", Unknown},
		"other-privacy":  {"createUser guest SHA guestguest AES somethingelse\nrouser guest priv\n", "", "", Unknown},
		"other-password": {"createUser admin SHA notpublished\nrouser admin auth\n", "", "", Unknown},
		"nobody":         {"createUser somebody SHA rootroot\nrouser somebody auth\n", "", "", Unknown},
		"without":        {"createUser initial\nrouser initial noauth\n", "", "", Yes},
	} {
		t.Run(name, func(t *testing.T) {
			port := snmpd(t, c.conf)
			s, _ := newSession(t, Limits{})
			v := &Service{Network: "udp", Port: port, Protocol: "snmp", Asks: Unknown, seen: &seen{}}
			l := &logins{s: s, published: usmList}
			doors := s.snmpDoors(t.Context(), v, usmList)
			if len(doors) != 2 {
				t.Fatalf("got %d ways in", len(doors))
			}
			ways := l.enter(t.Context(), doors[1:]) // an agent is silent to communities, which takes long
			if ways[0].Method != "usm" || !strings.Contains(strings.Join(v.Details, ";"), "SNMPv3 engine 80001f88") {
				t.Fatalf("got %+v, %v", ways, v.Details)
			}
			w := &ways[0]
			got, by := "", ""
			if a := w.AcceptedDefault(); a != nil {
				got, by = a.User, a.Why
			}
			if got != c.user || !strings.HasSuffix(by, c.by) || w.Open != c.open || w.Any {
				t.Errorf("got %q (%s), open %s; want %q by %s, open %s: %+v", got, by, w.Open, c.user, c.by, c.open, w)
			}
			if c.user == "" && c.open == Unknown && w.Control != Refused {
				t.Errorf("a random password: got %s", w.Control)
			}
		})
	}
}

// An agent that answers nonsense, or to anybody, accepts nothing.
func TestSNMPAgentsThatLie(t *testing.T) {
	e := engine{[]byte("engine-1"), 1, 100}
	report := func(n byte) []byte { return usmReply(t, e, 0xa8, 0, []byte{0x2b, 6, 1, 6, 3, 15, 1, 1, n, 0}) }
	for name, c := range map[string]struct {
		answer func(n int) []byte
		any    bool
	}{
		"anybody":        {func(int) []byte { return usmReply(t, e, 0xa2, 0, []byte{0x2b, 6, 1, 2, 1, 1, 1, 0}) }, true},
		"unknown-always": {func(int) []byte { return report(usmUnknownUser) }, false},
		"wrong-always":   {func(int) []byte { return report(usmWrongDigest) }, false},
		"engine-always":  {func(int) []byte { return report(usmUnknownEngine) }, false},
		"unsigned-answers": {func(n int) []byte { // every other name is known, and whoever has a password is answered without a digest
			if n < 2 {
				return report(usmUnknownUser)
			}
			return usmReply(t, e, 0xa2, snmpNoAccess, []byte{0x2b, 6, 1, 2, 1, 1, 1, 0})
		}, false},
		"garbage": {func(int) []byte { return []byte{0x30, 0x82, 0xff, 0xff, 2, 1, 3} }, false},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.ListenPacket("udp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				buf := make([]byte, 2000)
				for n := 0; ; n++ {
					_, from, err := l.ReadFrom(buf)
					if err != nil {
						return
					}
					answer := report(usmUnknownEngine)
					if n > 0 {
						answer = c.answer(n)
					}
					_, _ = l.WriteTo(answer, from)
				}
			}()
			s, _ := newSession(t, Limits{})
			v := &Service{Network: "udp", Port: l.LocalAddr().(*net.UDPAddr).Port, Protocol: "snmp", Asks: Unknown, seen: &seen{}}
			g := s.usmAgent(t.Context(), v)
			if g == nil {
				t.Fatal("no engine")
			}
			w := (&logins{s: s, published: usmList}).enter(t.Context(), []*door{g.door(t.Context(), usmList)})[0]
			if w.AcceptedDefault() != nil || w.Any != c.any || (w.Open == Yes) != c.any {
				t.Errorf("got %+v", w)
			}
		})
	}
}

// usmReply writes an answer without authentication: a PDU with one object.
func usmReply(t testing.TB, e engine, tag cryptobyte_asn1.Tag, status int64, name []byte) []byte {
	t.Helper()
	var b cryptobyte.Builder
	b.AddASN1(0x30, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(3)
		b.AddASN1(0x30, func(b *cryptobyte.Builder) {
			b.AddASN1Int64(0x4153)
			b.AddASN1Int64(65507)
			b.AddASN1OctetString([]byte{0})
			b.AddASN1Int64(3)
		})
		b.AddASN1(4, func(b *cryptobyte.Builder) {
			b.AddASN1(0x30, func(b *cryptobyte.Builder) {
				b.AddASN1OctetString(e.id)
				b.AddASN1Int64(e.boots)
				b.AddASN1Int64(e.time)
				b.AddASN1OctetString(nil)
				b.AddASN1OctetString(nil)
				b.AddASN1OctetString(nil)
			})
		})
		b.AddASN1(0x30, func(b *cryptobyte.Builder) {
			b.AddASN1OctetString(e.id)
			b.AddASN1OctetString(nil)
			b.AddASN1(tag, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(1)
				b.AddASN1Int64(status)
				b.AddASN1Int64(0)
				b.AddASN1(0x30, func(b *cryptobyte.Builder) {
					b.AddASN1(0x30, func(b *cryptobyte.Builder) {
						b.AddASN1(6, func(b *cryptobyte.Builder) { b.AddBytes(name) })
						b.AddASN1OctetString([]byte("text"))
					})
				})
			})
		})
	})
	out, err := b.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func FuzzUSM(f *testing.F) {
	e := engine{[]byte("engine-1"), 1, 100}
	f.Add(usmReply(f, e, 0xa8, 0, []byte{0x2b, 6, 1, 6, 3, 15, 1, 1, 3, 0}))
	f.Add(usmReply(f, e, 0xa2, 16, []byte{0x2b, 6, 1, 2, 1, 1, 1, 0}))
	h := &usmHashes[0]
	u := usmUser{name: "initial", hash: h, key: h.key("initial", e.id), priv: "DES"}
	u.pass = u.key
	sealed, err := usmGet(7, e, u, 9)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed)
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, with := range []usmUser{{}, u, {name: u.name, hash: h, key: u.key, priv: "AES", pass: u.key}} {
			if a, err := parseUSM(b, &with); err == nil && a.authentic && !bytes.Contains(b, []byte("initial")) {
				t.Error("authentic without the user's name")
			}
		}
	})
}
