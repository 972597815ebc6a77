package device_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/assay-psti/assay/device"
	"github.com/assay-psti/assay/password"
)

var (
	show = flag.Bool("show", false, "print the record of the real services")
	nmap = flag.Bool("nmap", false, "run nmap beside it, on the same services, and compare time and packets (minutes)")
)

// machineClock is the machine's own clock, for tests with real peers.
type machineClock struct{}

func (machineClock) Now() time.Time { return time.Now() }
func (machineClock) Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func published() []device.Default {
	var out []device.Default
	for _, d := range password.Defaults() {
		out = append(out, device.Default{User: d.User, Password: d.Password, Source: d.Source, Date: d.Date})
	}
	return append(append(out, device.Communities()...), device.SNMPUsers()...)
}

// inNamespace runs the test again inside a network and process namespace of its
// own, where nothing but the test's services stands; everything started there ends
// with it. It returns true inside.
func inNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv("ASSAY_NAMESPACE") != "" {
		if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
			t.Fatalf("ip link set lo up: %v\n%s", err, out)
		}
		return true
	}
	if testing.Short() {
		t.Skip("real services are started without -short")
	}
	if os.Getuid() != 0 {
		t.Skip("services in a network namespace want root")
	}
	for _, p := range []string{"unshare", "ip", "setpriv"} {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("%s is missing (packages util-linux, iproute2)", p)
		}
	}
	space := []string{"-n", "--pid", "--fork", "--kill-child", "--mount-proc"}
	if out, err := exec.Command("unshare", append(space, "true")...).CombinedOutput(); err != nil {
		t.Skipf("no namespaces are permitted here: %v: %s", err, out)
	}
	args := append(space, os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=20m")
	flag.Visit(func(f *flag.Flag) {
		if f.Name == "show" || f.Name == "nmap" {
			args = append(args, "-"+f.Name)
		}
	})
	c := exec.CommandContext(t.Context(), "unshare", args...)
	c.Env = append(os.Environ(), "ASSAY_NAMESPACE=1")
	out, err := c.CombinedOutput()
	t.Logf("%s", out)
	switch {
	case err != nil:
		t.Errorf("inside the namespace: %v", err)
	case bytes.Contains(out, []byte("--- SKIP")):
		t.Skip("skipped inside the namespace")
	}
	return false
}

const inputs = "../../shared/inputs/services"

// peer is one real service.
type peer struct {
	pkg    string // Debian package
	run    []string
	asRoot bool
	env    string
}

// startPeers starts the services, in a folder of their own, and waits until the
// ports answer.
func startPeers(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(inputs); err != nil {
		t.Skip("the settings of the real services are not here: " + inputs)
	}
	dir := t.TempDir()
	sh := func(name string, args ...string) {
		t.Helper()
		c := exec.Command(name, args...)
		c.Dir = dir
		if out, err := c.CombinedOutput(); err != nil {
			t.Skipf("%s: %v (%s)", name, err, bytes.TrimSpace(out))
		}
	}
	for _, d := range []string{"www", "home", "ftp", "dlna/media", "dlna/db"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("www/index.html", "<html><title>Kettle</title><body>Water is at 20 degrees.</body></html>")
	write("light.pw", "admin:admin\n")
	for _, f := range []string{"dlna.conf", "light.conf", "mosq_open.conf", "mosq_pw.conf", "snmpd.conf", "vsftpd.conf", "rtsp.py", "rtsp_auth.py"} {
		data, err := os.ReadFile(filepath.Join(inputs, f))
		if err != nil {
			t.Fatal(err)
		}
		write(f, strings.ReplaceAll(string(data), "WORKDIR", dir))
	}
	sh("mosquitto_passwd", "-b", "-c", "mosq.pw", "admin", "admin")
	sh("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "k.pem", "-out", "c.pem", "-days", "30", "-subj", "/CN=ipcam")
	sh("sh", "-c", "cat k.pem c.pem > both.pem")
	sh("dropbearkey", "-t", "ed25519", "-f", "dbkey")
	sh("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "hostkey")
	sh("sh", "-c", "chmod -R a+rX . && chown -R 65534 .")
	for _, p := range []string{dir, filepath.Dir(dir)} { // the test's own folders: the services do not run as root, and must reach them
		if err := os.Chmod(p, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
		t.Fatal(err)
	}
	sh("sh", "-c", "chown 0 hostkey && chmod 600 hostkey") // sshd refuses a key that others can read
	peers := []peer{
		{"busybox-static", []string{"busybox", "telnetd", "-F", "-b", "127.0.0.1", "-p", "18023", "-l", "/bin/true"}, false, ""},
		{"dropbear-bin", []string{"dropbear", "-F", "-E", "-r", "dbkey", "-p", "127.0.0.1:18022", "-P", "db.pid"}, false, ""},
		{"busybox-static", []string{"busybox", "httpd", "-f", "-p", "127.0.0.1:18080", "-h", "www"}, false, ""},
		{"lighttpd", []string{"lighttpd", "-D", "-f", "light.conf"}, false, ""},
		{"mini-httpd", []string{"mini_httpd", "-D", "-h", "127.0.0.1", "-p", "18443", "-S", "-E", "both.pem", "-d", "www", "-u", "nobody"}, true, ""},
		{"mosquitto", []string{"mosquitto", "-c", "mosq_open.conf"}, false, ""},
		{"mosquitto", []string{"mosquitto", "-c", "mosq_pw.conf"}, false, ""},
		{"vsftpd", []string{"vsftpd", "vsftpd.conf"}, false, ""},
		{"snmpd", []string{"snmpd", "-f", "-C", "-c", "snmpd.conf", "-Lo", "-p", "snmp.pid"}, false, ""},
		{"libcoap3-bin", []string{"coap-server-notls", "-A", "127.0.0.1", "-p", "15683"}, false, ""},
		{"libcoap3-bin", []string{"coap-server-gnutls", "-A", "127.0.0.1", "-p", "15685", "-k", "secretPSK"}, false, ""},
		{"gir1.2-gst-rtsp-server-1.0", []string{"/usr/bin/python3", "rtsp_auth.py", "auth"}, false, "HOME=" + filepath.Join(dir, "home")},
		{"gir1.2-gst-rtsp-server-1.0", []string{"/usr/bin/python3", "rtsp.py"}, false, "HOME=" + filepath.Join(dir, "home")},
		{"minidlna", []string{"minidlnad", "-d", "-f", "dlna.conf", "-P", filepath.Join(dir, "dlna.pid")}, true, ""},
		{"openssh-server", []string{"/usr/sbin/sshd", "-D", "-p", "18122", "-h", filepath.Join(dir, "hostkey"), "-o", "ListenAddress=127.0.0.1", "-o", "PidFile=none", "-f", "/dev/null"}, true, ""},
	}
	for _, p := range peers {
		if _, err := exec.LookPath(p.run[0]); err != nil {
			t.Skipf("%s is missing (package %s)", p.run[0], p.pkg)
		}
		args := p.run
		if !p.asRoot {
			args = append([]string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"}, p.run...)
		}
		c := exec.Command(args[0], args[1:]...)
		c.Dir = dir
		c.Env = append(os.Environ(), p.env)
		if err := c.Start(); err != nil {
			t.Fatalf("%s: %v", p.pkg, err)
		}
		t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	}
	stubs(t)
	waitFor(t, 18023, 18022, 18080, 18081, 18443, 18830, 18831, 18021, 15683, 15685, 18555, 18554, 18200, 18122)
}

func waitFor(t *testing.T, ports ...int) {
	t.Helper()
	until := time.Now().Add(20 * time.Second)
	for _, port := range ports {
		for {
			c, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
			if err == nil {
				c.Close()
				break
			}
			if time.Now().After(until) {
				t.Skipf("nothing came up at port %d: a real service does not run here", port)
			}
			_ = machineClock{}.Sleep(t.Context(), 20*time.Millisecond)
		}
	}
}

// stubs are services of our own: a web log-in by form, an ONVIF device, an SSH
// server that takes a published default.
func stubs(t *testing.T) {
	t.Helper()
	serve := func(port int, h http.Handler) {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			t.Fatal(err)
		}
		s := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
		go func() { _ = s.Serve(l) }()
		t.Cleanup(func() { s.Close() })
	}
	serve(19080, formServer("admin", "12345"))
	serve(19081, onvifServer("admin", "admin"))
	l, err := net.Listen("tcp", "127.0.0.1:19022")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	serveSSH(t, l, "root", "root")
}

// serveSSH is an SSH server that takes one password and does nothing.
func serveSSH(t *testing.T, l net.Listener, user, pass string) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	config := &ssh.ServerConfig{ServerVersion: "SSH-2.0-Stub_1.0", PasswordCallback: func(c ssh.ConnMetadata, p []byte) (*ssh.Permissions, error) {
		if c.User() == user && string(p) == pass {
			return nil, nil
		}
		return nil, fmt.Errorf("no")
	}}
	config.AddHostKey(signer)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if s, channels, requests, err := ssh.NewServerConn(c, config); err == nil {
					go ssh.DiscardRequests(requests)
					go func() {
						for n := range channels {
							_ = n.Reject(ssh.Prohibited, "no")
						}
					}()
					_ = s.Wait()
				}
			}()
		}
	}()
}

// TestPeers looks at real services on a loopback of their own: everything found
// and named, every open or default log-in found, none invented.
func TestPeers(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	startPeers(t)
	before := loPackets(t)
	began := time.Now()
	s, err := device.New(netip.MustParseAddr("127.0.0.1"), device.Options{Clock: machineClock{}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := device.Inspect(t.Context(), s, &device.Work{Logins: true, SSHPasswords: true, Published: published(), State: device.BeforeSetup})
	if err != nil {
		t.Fatal(err)
	}
	took, packets := time.Since(began), loPackets(t)-before
	if *show {
		c := *r
		c.Transcript = nil
		data, _ := json.MarshalIndent(&c, "", " ")
		t.Logf("%s", data)
	}
	t.Logf("assay: %s, %d packets on lo, used %+v", took.Round(time.Millisecond), packets, r.Used)
	if *show {
		counts := map[string]int{}
		for _, x := range r.Transcript {
			counts[x.Probe]++
		}
		t.Logf("exchanges by what they were for: %v", counts)
	}
	if !r.Whole {
		t.Errorf("not whole: %v", r.Cut)
	}
	wantServices := map[string]string{
		"tcp/15683": "coap+tcp", "tcp/15685": "coap+tcp", "tcp/15686": "tls", "tcp/18021": "ftp vsFTPd 3.0.3", "tcp/18022": "ssh dropbear 2022.83", "tcp/18023": "telnet",
		"tcp/18080": "http", "tcp/18081": "http lighttpd 1.4.69", "tcp/18122": "ssh OpenSSH", "tcp/18200": "http MiniDLNA", "tcp/18443": "https mini_httpd 1.30", "tcp/18554": "rtsp GStreamer RTSP server",
		"tcp/18555": "rtsp GStreamer RTSP server", "tcp/18830": "mqtt mosquitto 2.0", "tcp/18831": "mqtt mosquitto 2.0", "tcp/19022": "ssh Stub 1.0", "tcp/19080": "http", "tcp/19081": "http",
		"udp/15683": "coap", "udp/15685": "coap", "udp/15686": "coaps", "udp/18161": "snmp",
	}
	for _, v := range r.Services {
		key := fmt.Sprintf("%s/%d", v.Network, v.Port)
		got := strings.TrimSpace(v.Protocol + " " + v.Product + " " + v.Version)
		want, ok := wantServices[key]
		if !ok || !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %q, want %q", key, got, want)
		}
		delete(wantServices, key)
	}
	for key, want := range wantServices {
		t.Errorf("%s: not found, want %q", key, want)
	}
	wantWays := map[string]string{
		"tcp/18021 password": "open", "tcp/18022 password": "", "tcp/18023 password": "", "tcp/18080 none": "open", "tcp/18081 basic": "default admin", "tcp/18122 password": "", "tcp/18200 none": "open",
		"tcp/18443 none": "open", "tcp/18554 none": "open", "tcp/18555 basic": "default admin", "tcp/18830 none": "open", "tcp/18831 password": "default admin", "tcp/19022 password": "default root",
		"tcp/19080 form": "default admin", "tcp/19081 wsse": "default admin", "tcp/15683 none": "open", "tcp/15685 none": "open", "udp/15683 none": "open", "udp/15685 none": "open", "udp/18161 community": "default ", "udp/18161 usm": "",
	}
	for i := range r.Ways {
		w := &r.Ways[i]
		key := fmt.Sprintf("%s/%d %s", w.Network, w.Port, w.Method)
		got := ""
		switch a := w.AcceptedDefault(); {
		case a != nil:
			got = "default " + a.User
		case w.Open == device.Yes:
			got = "open"
		case w.Open == device.Unknown && w.Method == "none":
			got = "unknown"
		}
		if want, ok := wantWays[key]; !ok || got != want {
			t.Errorf("way in %s: got %q, want %q (%s; %s)", key, got, want, w.OpenWhy, w.Stopped)
		}
		delete(wantWays, key)
	}
	for key := range wantWays {
		t.Errorf("way in %s: not found", key)
	}
	for _, x := range r.Transcript {
		if strings.Contains(x.Said, "YWRtaW46YWRtaW4=") {
			t.Errorf("the transcript shows a password: %q", x.Said)
		}
	}
	if *nmap {
		againstNmap(t, took, packets)
	}
}

// againstNmap runs nmap with its default-account scripts on the same services.
func againstNmap(t *testing.T, took time.Duration, packets int) {
	t.Helper()
	if _, err := exec.LookPath("nmap"); err != nil {
		t.Skip("nmap is missing (package nmap)")
	}
	before, began := loPackets(t), time.Now()
	out, err := exec.Command("nmap", "-Pn", "-n", "-sV", "-p-", "--script", "http-default-accounts,http-auth,ftp-anon,mqtt-subscribe,rtsp-methods,ssl-cert,ssh-hostkey", "127.0.0.1").CombinedOutput()
	if err != nil {
		t.Fatalf("nmap: %v\n%s", err, out)
	}
	theirs, sent := time.Since(began), loPackets(t)-before
	t.Logf("nmap: %s, %d packets on lo", theirs.Round(time.Millisecond), sent)
	t.Logf("assay/nmap: time %.2f, packets %.2f", took.Seconds()/theirs.Seconds(), float64(packets)/float64(sent))
	if took > theirs || packets > sent {
		t.Errorf("assay took longer or sent more than nmap")
	}
	for l := range strings.Lines(string(out)) {
		if strings.Contains(l, "/tcp") {
			t.Log(strings.TrimSpace(l))
		}
	}
}

// loPackets counts what went over the loopback of this namespace.
func loPackets(t *testing.T) int {
	t.Helper()
	data, err := os.ReadFile("/proc/net/dev")
	if err != nil {
		t.Fatal(err)
	}
	in := bufio.NewScanner(bytes.NewReader(data))
	for in.Scan() {
		name, rest, _ := strings.Cut(strings.TrimSpace(in.Text()), ":")
		if f := strings.Fields(rest); name == "lo" && len(f) > 9 {
			n, err := strconv.Atoi(f[9])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatal("no loopback")
	return 0
}
