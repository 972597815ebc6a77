package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/assay-psti/assay/device"
	"github.com/assay-psti/assay/dossier"
)

// serveUnits starts two units of a product, at 127.0.0.1 and 127.0.0.2, where a
// script has a file named units: a web page that wants a log-in and takes a
// published default at $WEB, and one over TLS at $TLS, whose key both units share.
func serveUnits(e *testscript.Env) error {
	if _, err := os.Stat(filepath.Join(e.WorkDir, "units")); err != nil {
		return nil
	}
	web := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, pass, _ := r.BasicAuth()
		if user == "admin" && pass == "admin" || user == "owner" && pass == "correct horse 9" {
			fmt.Fprint(w, "<title>Settings</title>Settings of the camera")
			return
		}
		w.Header().Set("Www-Authenticate", `Basic realm="camera"`)
		w.WriteHeader(http.StatusUnauthorized)
	})
	open := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "<title>Live</title>The picture of the camera")
	})
	for name, h := range map[string]http.Handler{"WEB": web, "TLS": open} {
		port := 0
		for _, host := range []string{"127.0.0.1", "127.0.0.2"} {
			l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
			if err != nil {
				return err
			}
			port = l.Addr().(*net.TCPAddr).Port
			s := httptest.NewUnstartedServer(h)
			s.Listener.Close()
			s.Listener = l
			if name == "TLS" {
				s.StartTLS() // with the one key that the library has for tests
			} else {
				s.Start()
			}
			e.Defer(s.Close)
		}
		e.Setenv(name, strconv.Itoa(port))
	}
	return nil
}

// TestUnitOf holds that a record takes the name of the unit that the dossier lists, by
// hardware address first, and none where the hardware is another.
func TestUnitOf(t *testing.T) {
	units := []dossier.Unit{{ID: "u1", MAC: "02:00:5E:10:00:01", Addresses: []string{"192.168.8.20"}}, {ID: "u2", Addresses: []string{"192.168.8.21"}}}
	for _, c := range []struct{ address, mac, want string }{
		{"192.168.8.99", "02:00:5e:10:00:01", "u1"},
		{"192.168.8.20", "", "u1"},
		{"192.168.8.20", "02:00:5e:10:00:09", ""},
		{"192.168.8.21", "02:00:5e:10:00:09", "u2"},
		{"192.168.8.22", "", ""},
	} {
		r := &device.Record{Address: netip.MustParseAddr(c.address), MAC: c.mac}
		if got := unitOf(units, r); got != c.want {
			t.Errorf("%s %s: got %q, want %q", c.address, c.mac, got, c.want)
		}
	}
}
