package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"
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
