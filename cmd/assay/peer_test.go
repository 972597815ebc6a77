package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// peerPlace prepares a script that has a file named calls: a free port at $PEER, and
// two authorities, in ca.pem and other.pem with their keys.
func peerPlace(e *testscript.Env) error {
	if _, err := os.Stat(filepath.Join(e.WorkDir, "calls")); err != nil {
		return nil
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	e.Setenv("PEER", strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	return errors.Join(l.Close(), writeAuthority(e.WorkDir, "ca"), writeAuthority(e.WorkDir, "other"))
}

// writeAuthority makes an authority, as NAME.pem and NAME.key.
func writeAuthority(dir, name string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Bench " + name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		return err
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, name+".pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(filepath.Join(dir, name+".key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}), 0o600))
}

// scriptCall is the command "calls FROM careful|careless|clear TIMES" of scripts: a
// device at an address of this machine that calls api.example.com, led to $PEER, and
// logs in to it. It waits until somebody listens there.
func scriptCall(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("wants: calls FROM careful|careless|clear TIMES")
	}
	times, err := strconv.Atoi(args[2])
	ts.Check(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(ts.ReadFile("ca.pem")))
	config := &tls.Config{ServerName: "api.example.com", RootCAs: roots, InsecureSkipVerify: args[1] == "careless"}
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(args[0])}}
	for range times {
		var c net.Conn
		for range 1000 {
			if c, err = dialer.Dial("tcp", "127.0.0.1:"+ts.Getenv("PEER")); !errors.Is(err, syscall.ECONNREFUSED) {
				break
			}
			<-time.After(10 * time.Millisecond) // until it listens
		}
		ts.Check(err)
		if args[1] != "clear" {
			c = tls.Client(c, config)
		}
		// What comes of it is for the other side to say.
		_, _ = fmt.Fprint(c, "GET /status HTTP/1.1\r\nHost: api.example.com\r\nAuthorization: Basic YWRtaW46czNjcjN0\r\n\r\n")
		_, _ = io.Copy(io.Discard, c)
		_ = c.Close()
	}
}

func TestWhichHostIsTheDevice(t *testing.T) {
	a, b := netip.MustParseAddr("192.168.8.20"), netip.MustParseAddr("192.168.8.21")
	const ours, others = "02:00:5e:10:00:01", "02:00:5e:10:00:02"
	taken := &hosts{ips: []netip.Addr{a}, seen: map[netip.Addr]string{a: ours}}
	for _, row := range []struct {
		name string
		*hosts
		from netip.Addr
		mac  string
		want bool
	}{
		{"hardware-address", &hosts{macs: []string{ours}}, a, "02:00:5E:10:00:01", true},
		{"another-hardware-address", &hosts{macs: []string{ours}}, a, others, false},
		{"address-taken-by-another", &hosts{macs: []string{ours}, ips: []netip.Addr{a}}, a, others, false},
		{"hardware-address-not-seen", &hosts{macs: []string{ours}, ips: []netip.Addr{a}}, a, "", true},
		{"hardware-address-alone-and-not-seen", &hosts{macs: []string{ours}}, a, "", false},
		{"address", &hosts{ips: []netip.Addr{a}, seen: map[netip.Addr]string{}}, a, others, true},
		{"address-as-before", taken, a, ours, true},
		{"address-that-another-took", taken, a, others, false},
		{"mapped-address", &hosts{ips: []netip.Addr{a}}, netip.AddrFrom16(a.As16()), "", true},
		{"another-address", &hosts{ips: []netip.Addr{a}}, b, "", false},
	} {
		if got := row.is(row.from, row.mac); got != row.want {
			t.Errorf("%s: got %v, want %v", row.name, got, row.want)
		}
	}
}
