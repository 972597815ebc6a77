package peer

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestRealClients holds the findings against programs that are known to check, or not
// to, each in the versions of the machine at hand.
func TestRealClients(t *testing.T) {
	t.Parallel()
	caPEM, _, ca := testAuthority(t)
	dir := t.TempDir()
	caFile := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(caFile, caPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	const host = "api.example.com"
	curl := func(more ...string) []string {
		return append([]string{"curl", "-s", "-m", "5", "--noproxy", "*", "--resolve", host + ":{port}:127.0.0.1", "-u", "admin:s3cr3t", "https://" + host + ":{port}/status"}, more...)
	}
	openssl := func(more ...string) []string {
		return append([]string{"openssl", "s_client", "-connect", "127.0.0.1:{port}", "-servername", host}, more...)
	}
	mqtt := func(more ...string) []string {
		return append([]string{"mosquitto_pub", "-h", "localhost", "-p", "{port}", "-t", "x", "-m", "y", "-u", "device", "-P", "s3cr3t"}, more...)
	}
	python := func(context string) []string {
		return []string{"/usr/bin/python3", "-c", "import socket, ssl, sys\n" + context + "\ns = c.wrap_socket(socket.create_connection(('127.0.0.1', {port})), server_hostname='" + host + "')\ns.sendall(b'hello')\ns.recv(1)\n"}
	}
	for _, row := range []struct {
		name             string
		command          []string
		control          bool
		stdin            bool // kept open, so that the program does not end by itself
		untrusted, wrong Answer
		secret           string
	}{
		{"curl", curl("--cacert", caFile), true, false, No, No, ""},
		{"curl-without-control", curl("--cacert", caFile), false, false, No, Unknown, ""},
		{"curl-that-does-not-trust", curl(), true, false, Unknown, Unknown, ""},
		{"curl-careless", curl("-k"), false, false, Yes, Unknown, "Authorization: Basic"},
		{"curl-careless-tls12", curl("-k", "--tls-max", "1.2"), true, false, Yes, Yes, "Authorization: Basic"},
		{"openssl", openssl("-CAfile", caFile, "-verify_return_error", "-verify_hostname", host), true, true, No, No, ""},
		{"openssl-that-checks-no-name", openssl("-CAfile", caFile, "-verify_return_error"), true, true, No, Yes, ""},
		{"openssl-careless", openssl(), false, true, Yes, Unknown, ""},
		{"mosquitto", mqtt("--cafile", caFile), true, false, No, No, ""},
		{"mosquitto-that-checks-no-name", mqtt("--cafile", caFile, "--insecure"), true, false, No, Yes, "MQTT password"},
		{"python", python("c = ssl.create_default_context(cafile='" + caFile + "')"), true, false, No, No, ""},
		{"python-careless", python("c = ssl._create_unverified_context()"), false, false, Yes, Unknown, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(row.command[0]); err != nil {
				t.Skipf("%s is not installed: see internal/ci/peers.sh", row.command[0])
			}
			o, calls := Options{}, 2
			if row.control {
				o.Control, calls = ca, 8
			}
			r := session(t, o, calls, func(at netip.AddrPort) {
				args := slices.Clone(row.command)
				for i := range args {
					args[i] = strings.ReplaceAll(args[i], "{port}", fmt.Sprint(at.Port()))
				}
				ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
				defer stop()
				c := exec.CommandContext(ctx, args[0], args[1:]...)
				if row.stdin {
					in, err := c.StdinPipe()
					if err != nil {
						t.Fatal(err)
					}
					defer in.Close()
				}
				_ = c.Run() // most are meant to fail
			})
			all := r.Findings()
			if len(all) != 1 {
				t.Fatalf("%+v", r.Connections)
			}
			if f := all[0]; f.Untrusted != row.untrusted || f.Wrong != row.wrong || f.Secret != row.secret {
				t.Errorf("got untrusted %s, wrong %s, secret %q; want %s, %s, %q\n%s", f.Untrusted, f.Wrong, f.Secret, row.untrusted, row.wrong, row.secret, strings.Join(f.Why, "\n"))
			}
		})
	}
}
