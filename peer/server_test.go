package peer

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// testAuthority makes an authority, as PEM and to use.
func testAuthority(t *testing.T) (certificate, key []byte, a *Authority) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Bench"}, NotBefore: now.Add(-2 * validity), NotAfter: now.Add(2 * validity), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	return testCertificate(t, c, c, k, k)
}

func testCertificate(t *testing.T, c, parent *x509.Certificate, k, signer *ecdsa.PrivateKey) (certificate, key []byte, a *Authority) {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, c, parent, k.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}), &Authority{parsed, k}
}

func loopback(netip.Addr) (string, bool) { return "", true }

// sharedKeys spares each session the making of its own, which takes long.
var sharedKeys = sync.OnceValue(func() *keys {
	k, err := newKeys()
	if err != nil {
		panic(err)
	}
	return k
})

// session hears so many calls of a client, and gives the record, written and read again.
func session(t *testing.T, o Options, calls int, client func(addr netip.AddrPort)) *Record {
	t.Helper()
	o.Listen = []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}
	o.Setup, o.Addresses, o.Now = "the client is told the address", []string{"127.0.0.1"}, time.Now
	if o.Device == nil {
		o.Device = loopback
	}
	o.Limits.Connections, o.keys = calls, sharedKeys()
	if o.Limits.Hold == 0 {
		o.Limits.Hold = 300 * time.Millisecond
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan *Record)
	go func() { done <- s.Serve(t.Context()) }()
	for range calls {
		client(s.Listening()[0])
	}
	r := <-done
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ReadRecord(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	return again
}

const request = "GET /v1/devices/0017880a1b2c?token=hunter2 HTTP/1.1\r\nHost: api.example.com\r\nAuthorization: Bearer s3cr3t-of-the-device\r\n\r\n"

// goClient calls with a configuration, and sends a request if it gets that far.
func goClient(c *tls.Config) func(netip.AddrPort) {
	return func(at netip.AddrPort) {
		conn, err := tls.Dial("tcp", at.String(), c)
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, request)
		_, _ = io.Copy(io.Discard, conn)
	}
}

// chainOnly checks who signed a certificate, and neither name nor use.
func chainOnly(roots *x509.CertPool) *tls.Config {
	return &tls.Config{ServerName: "api.example.com", InsecureSkipVerify: true, VerifyConnection: func(s tls.ConnectionState) error {
		o := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
		for _, c := range s.PeerCertificates[1:] {
			o.Intermediates.AddCert(c)
		}
		_, err := s.PeerCertificates[0].Verify(o)
		return err
	}}
}

func TestClientsOfGo(t *testing.T) {
	t.Parallel()
	_, _, ca := testAuthority(t)
	trusting, other := x509.NewCertPool(), x509.NewCertPool()
	trusting.AddCert(ca.certificate)
	const name = "api.example.com"
	for _, row := range []struct {
		name             string
		client           *tls.Config
		control          bool
		untrusted, wrong Answer
		secret           string
	}{
		{"careful-with-control", &tls.Config{ServerName: name, RootCAs: trusting}, true, No, No, ""},
		{"careful-with-control-tls12", &tls.Config{ServerName: name, RootCAs: trusting, MaxVersion: tls.VersionTLS12}, true, No, No, ""},
		{"careful-without-control", &tls.Config{ServerName: name, RootCAs: other}, false, No, Unknown, ""},
		{"does-not-trust-the-control", &tls.Config{ServerName: name, RootCAs: other}, true, Unknown, Unknown, ""},
		{"careless", &tls.Config{ServerName: name, InsecureSkipVerify: true}, false, Yes, Unknown, "Authorization: Bearer"},
		{"careless-tls12-with-control", &tls.Config{ServerName: name, InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}, true, Yes, Yes, "Authorization: Bearer"},
		{"chain-only", chainOnly(trusting), true, No, Yes, "Authorization: Bearer"},
		{"careless-without-a-name", &tls.Config{InsecureSkipVerify: true}, false, Yes, Unknown, "Authorization: Bearer"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			o, calls := Options{}, 4
			if row.control {
				o.Control, calls = ca, 8
			}
			r := session(t, o, calls, goClient(row.client))
			all := r.Findings()
			if len(all) != 1 {
				t.Fatalf("%+v", all)
			}
			f := all[0]
			if f.Untrusted != row.untrusted || f.Wrong != row.wrong || f.Secret != row.secret {
				t.Errorf("got untrusted %s, wrong %s, secret %q; want %s, %s, %q\n%s", f.Untrusted, f.Wrong, f.Secret, row.untrusted, row.wrong, row.secret, strings.Join(f.Why, "\n"))
			}
			want := map[bool]string{true: name, false: "127.0.0.1"}[row.client.ServerName != ""]
			if f.Name != want {
				t.Errorf("got the name %s, want %s", f.Name, want)
			}
		})
	}
}

// TestOldVersions holds that what a device takes of withdrawn versions is seen where it
// takes the certificate, and only there.
func TestOldVersions(t *testing.T) {
	t.Parallel()
	_, _, ca := testAuthority(t)
	pool := x509.NewCertPool()
	pool.AddCert(ca.certificate)
	var suites []uint16
	for _, s := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		suites = append(suites, s.ID)
	}
	old := &tls.Config{ServerName: "api.example.com", RootCAs: pool, MinVersion: tls.VersionTLS10, CipherSuites: suites}
	r := session(t, Options{Control: ca}, 11, goClient(old))
	var got []string
	for _, o := range r.Findings()[0].Outdated {
		got = append(got, o.What)
	}
	if len(got) != 3 || got[0] != "TLS 1.1" || got[1] != "TLS 1.0" || got[2] != "RC4" && got[2] != "3DES" {
		t.Errorf("got %v", got)
	}
	if f := r.Findings()[0]; f.Untrusted != No || f.Wrong != No {
		t.Errorf("got %+v", f)
	}
	r = session(t, Options{}, 6, goClient(&tls.Config{ServerName: "api.example.com", MinVersion: tls.VersionTLS10, CipherSuites: suites}))
	if f := r.Findings()[0]; len(f.Outdated) > 0 || f.Untrusted != No {
		t.Errorf("got %+v", f)
	}
}

func TestLaboratorysOwn(t *testing.T) {
	t.Parallel()
	_, _, ca := testAuthority(t)
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: []string{"bench.example.org"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	chain, key, _ := testCertificate(t, c, ca.certificate, k, ca.key.(*ecdsa.PrivateKey))
	own, err := ReadCertificate(chain, key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(ca.certificate)
	f := session(t, Options{Laboratory: own}, 3, goClient(chainOnly(pool))).Findings()[0]
	if f.Untrusted != No || f.Wrong != Yes {
		t.Errorf("got %+v", f)
	}
	// For the name that it is made for, and for a client that asks for none, it shows
	// nothing that must be refused.
	for _, name := range []string{"bench.example.org", ""} {
		client := chainOnly(pool)
		client.ServerName = name
		r := session(t, Options{Laboratory: own}, 4, goClient(client))
		if slices.ContainsFunc(r.Connections, func(x Connection) bool { return x.Case == Laboratory }) {
			t.Errorf("%q was shown it", name)
		}
	}
}

// TestOthersAreNotJudged holds that a host that is not the device is shown nothing.
func TestOthersAreNotJudged(t *testing.T) {
	t.Parallel()
	calls := 0
	r := session(t, Options{Device: func(netip.Addr) (string, bool) { calls++; return "02:00:00:00:00:01", calls > 2 }}, 1, func(at netip.AddrPort) {
		for range 2 {
			if c, err := tls.Dial("tcp", at.String(), &tls.Config{InsecureSkipVerify: true}); err == nil {
				t.Error("another host came in")
				c.Close()
			}
		}
		goClient(&tls.Config{ServerName: "api.example.com", InsecureSkipVerify: true})(at)
	})
	if diff := cmp.Diff([]Other{{netip.MustParseAddr("127.0.0.1"), "02:00:00:00:00:01", 2}}, r.Others, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	if len(r.Connections) != 1 || r.Connections[0].Outcome != Accepted || r.MAC != "02:00:00:00:00:01" {
		t.Errorf("got %+v", r)
	}
}

// send is a client that sends something that is no TLS, or is not whole.
func send(text []byte, wait bool) func(netip.AddrPort) {
	return func(at netip.AddrPort) {
		c, err := net.Dial("tcp", at.String())
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = c.Write(text)
		if wait {
			_, _ = io.Copy(io.Discard, c)
		}
	}
}

func TestWhatIsNoTLS(t *testing.T) {
	t.Parallel()
	limits := Limits{Handshake: 200 * time.Millisecond}
	for _, row := range []struct {
		name    string
		client  func(netip.AddrPort)
		outcome Outcome
		heard   Heard
	}{
		{"http", send([]byte(request), false), Clear, Heard{Kind: kindHTTP, Line: "GET /v1/devices/*?*", Secret: "Authorization: Bearer", Bytes: len(request)}},
		{"garbage", send([]byte{0x80, 0x2e, 1, 0, 2}, false), Clear, Heard{Kind: kindBytes, Bytes: 5}},
		{"nothing", send(nil, true), Silent, Heard{}},
		{"closes", send(nil, false), Silent, Heard{}},
		{"half-a-hello", send([]byte{22, 3, 1, 2, 0, 1, 0}, true), NoShow, Heard{}},
		{"hello-that-is-none", send(append([]byte{22, 3, 1, 0, 8, 1, 0, 0, 4}, 1, 2, 3, 4), true), NoShow, Heard{}},
		{"claims-much", send([]byte{22, 3, 1, 255, 255, 1, 255, 255, 255}, true), NoShow, Heard{}},
		{"much", send(bytes.Repeat([]byte("spam "), 10_000), false), Clear, Heard{Kind: kindText, Bytes: maxHeard}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			r := session(t, Options{Limits: limits}, 1, row.client)
			if len(r.Connections) != 1 {
				t.Fatalf("%+v", r)
			}
			x := r.Connections[0]
			got := Heard{}
			if x.Heard != nil {
				got = *x.Heard
				got.Digest = ""
			}
			if diff := cmp.Diff(row.heard, got); x.Outcome != row.outcome || diff != "" {
				t.Errorf("got %s (%s): %s", x.Outcome, x.Why, diff)
			}
			if len(r.Findings()) != 0 && x.Case == "" {
				t.Error("something follows from it")
			}
		})
	}
}

// TestNothingSecretIsKept holds that the record has no word of what was sent.
func TestNothingSecretIsKept(t *testing.T) {
	t.Parallel()
	r := session(t, Options{}, 1, goClient(&tls.Config{ServerName: "api.example.com", InsecureSkipVerify: true}))
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"s3cr3t", "hunter2", "0017880a1b2c"} {
		if bytes.Contains(data, []byte(word)) {
			t.Errorf("%s stands in %s", word, data)
		}
	}
	if !bytes.Contains(data, []byte("hmac:")) {
		t.Error("there is no digest of what was sent")
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	limits := Limits{Parallel: 2, Handshake: 300 * time.Millisecond}
	var open []net.Conn
	calls := 0
	r := session(t, Options{Limits: limits}, 3, func(at netip.AddrPort) {
		if calls++; calls > 1 { // the last comes when there is room again
			goClient(&tls.Config{ServerName: "api.example.com"})(at)
			return
		}
		for range 4 { // two more than are heard at a time
			if c, err := net.Dial("tcp", at.String()); err == nil {
				open = append(open, c)
			}
		}
		for _, c := range open {
			_, _ = io.Copy(io.Discard, c) // until it is let go
		}
	})
	for _, c := range open {
		c.Close()
	}
	if len(r.Connections) != 3 || !slices.ContainsFunc(r.Cut, func(c string) bool { return strings.Contains(c, "more than 2 connections were open") }) {
		t.Errorf("got %d connections, cut %q", len(r.Connections), r.Cut)
	}
}

// TestEndsWhenTold holds that a session ends with its context, and does not tell what
// it broke off itself as something that the device did.
func TestEndsWhenTold(t *testing.T) {
	t.Parallel()
	s, err := New(Options{Listen: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}, Setup: "x", Addresses: []string{"127.0.0.1"}, Device: loopback, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	heard := make(chan *Record)
	go func() { heard <- s.Serve(ctx) }()
	c, err := net.Dial("tcp", s.Listening()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = c.Write([]byte{22}) // a hello begins
	_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	_, _ = io.Copy(io.Discard, c) // it is taken by now, or will be closed unheard
	stop()
	if r := <-heard; len(r.Connections) != 0 {
		t.Errorf("got %+v", r.Connections)
	}
}

func TestWhereToListen(t *testing.T) {
	for _, row := range []struct {
		address, by string
		ok          bool
	}{
		{"127.0.0.1", "", true}, {"192.168.8.1", "", true}, {"fe80::1", "", true}, {"203.0.113.9", "", false}, {"8.8.8.8", "", false}, {"8.8.8.8", "Jo", true},
		{"0.0.0.0", "Jo", false}, {"::", "Jo", false}, {"224.0.0.1", "Jo", false},
	} {
		if err := Allowed(netip.MustParseAddr(row.address), row.by); (err == nil) != row.ok || err != nil && !errors.Is(err, ErrAddress) {
			t.Errorf("%s, authorised by %q: %v", row.address, row.by, err)
		}
	}
	_, err := New(Options{Listen: []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:0")}, Setup: "x", Device: loopback, Now: time.Now})
	if !errors.Is(err, ErrAddress) {
		t.Errorf("got %v", err)
	}
}

func TestKeysThatDoNotDo(t *testing.T) {
	caPEM, caKey, ca := testAuthority(t)
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: []string{"x.example"}, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true}
	leafPEM, leafKey, _ := testCertificate(t, leaf, ca.certificate, k, ca.key.(*ecdsa.PrivateKey))
	for _, row := range []struct {
		name      string
		cert, key []byte
	}{
		{"no-pem", []byte("x"), caKey}, {"other-key", caPEM, leafKey}, {"no-authority", leafPEM, leafKey}, {"two", append(slices.Clone(caPEM), leafPEM...), caKey}, {"long", make([]byte, maxPEM+1), caKey},
	} {
		if _, err := ReadAuthority(row.cert, row.key); !errors.Is(err, ErrKeys) {
			t.Errorf("%s: %v", row.name, err)
		}
	}
	if _, err := ReadAuthority(caPEM, caKey); err != nil {
		t.Error(err)
	}
}

// TestUnnamed holds that the name that a person declares is taken for a client that
// asks for none, and for no other.
func TestUnnamed(t *testing.T) {
	t.Parallel()
	_, _, ca := testAuthority(t)
	pool := x509.NewCertPool()
	pool.AddCert(ca.certificate)
	const name = "api.example.com"
	silent := chainOnly(pool) // it checks the name, and does not ask for it
	silent.ServerName = ""
	chain := silent.VerifyConnection
	silent.VerifyConnection = func(s tls.ConnectionState) error {
		_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: pool, DNSName: name})
		return errors.Join(chain(s), err)
	}
	f := session(t, Options{Control: ca, Unnamed: name}, 8, goClient(silent)).Findings()[0]
	if f.Name != name || f.Untrusted != No || f.Wrong != No {
		t.Errorf("got %+v", f)
	}
	f = session(t, Options{Unnamed: name}, 1, goClient(&tls.Config{ServerName: "other.example.com"})).Findings()[0]
	if f.Name != "other.example.com" {
		t.Errorf("got %+v", f)
	}
}

// Two clients that cannot be told apart and call by turns see each certificate both.
func TestPlanByTurns(t *testing.T) {
	for _, control := range []bool{true, false} {
		p := planner{control: control}
		o := &opening{key: "a"}
		var seen [2]map[Case]bool
		n := len(p.steps(o, false))
		for i := range 3 * n {
			if seen[i%2] == nil {
				seen[i%2] = map[Case]bool{}
			}
			seen[i%2][p.next(o).Case] = true
		}
		if len(seen[0]) != n || len(seen[1]) != n {
			t.Errorf("of %d certificates the clients saw %d and %d", n, len(seen[0]), len(seen[1]))
		}
	}
}
