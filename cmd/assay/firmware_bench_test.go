package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"hash/crc32"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assay-psti/assay/report"
)

// plant is one thing that the bench puts into the image, and how it is found.
type plant struct {
	what  string
	found func(*report.Firmware) bool
}

func service(kind, program string) func(*report.Firmware) bool {
	return func(f *report.Firmware) bool {
		return slices.ContainsFunc(f.Services, func(s report.Service) bool {
			return s.Kind == kind && s.Program == program && !s.Conditional
		})
	}
}

func account(user, state string, published bool) func(*report.Firmware) bool {
	return func(f *report.Firmware) bool {
		return slices.ContainsFunc(f.Accounts, func(a report.Account) bool {
			return a.User == user && a.State == state && a.Live && (a.Published != "") == published
		})
	}
}

func given(file, kind, state string) func(*report.Firmware) bool {
	return func(f *report.Firmware) bool {
		return slices.ContainsFunc(f.Credentials, func(c report.Credential) bool {
			return strings.Contains(c.Place, file) && c.For == kind && c.State == state
		})
	}
}

func secret(file, what string) func(*report.Firmware) bool {
	return func(f *report.Firmware) bool {
		return slices.ContainsFunc(f.Secrets, func(s report.Secret) bool {
			return strings.Contains(s.Place, file) && strings.Contains(s.What, what)
		})
	}
}

func kind(name string) func(*report.Firmware) bool {
	return func(f *report.Firmware) bool {
		return slices.ContainsFunc(f.Map, func(r report.Range) bool { return r.Kind == name })
	}
}

func certificate(file string, fits func(report.Certificate) bool) func(*report.Firmware) bool {
	return func(f *report.Firmware) bool {
		return slices.ContainsFunc(f.Certificates, func(c report.Certificate) bool { return strings.Contains(c.Place, file) && fits(c) })
	}
}

func plants() []plant {
	return []plant{
		{"trx header", kind("trx")}, {"uimage kernel", kind("uimage")}, {"squashfs root", kind("squashfs")}, {"erased flash", kind("padding")},
		{"root with a published default", account("root", "hash", true)}, {"account without a password", account("service", "empty", false)}, {"locked account", account("bin", "locked", false)},
		{"account in a backup", func(f *report.Firmware) bool {
			return slices.ContainsFunc(f.Accounts, func(a report.Account) bool { return a.User == "factory" && !a.Live })
		}},
		{"telnet at boot", service("telnet", "telnetd")}, {"ftp at boot", service("ftp", "vsftpd")}, {"tftp by inetd", service("tftp", "tftpd")},
		{"root shell on the serial port", func(f *report.Firmware) bool {
			return slices.ContainsFunc(f.Services, func(s report.Service) bool { return s.Kind == "console" && s.NoPassword })
		}},
		{"web log-in of httpd", given("etc/httpd.conf", "login", "plain")}, {"htpasswd", given("etc/.htpasswd", "login", "hash")}, {"users in INI", given("etc/config_user.ini", "login", "plain")},
		{"users in XML", given("etc/users.xml", "login", "plain")}, {"users in JSON", given("etc/users.json", "login", "plain")}, {"nvram without a password", given("etc/nvram.default", "login", "empty")},
		{"access point", given("etc/hostapd.conf", "wi-fi", "plain")}, {"network of the factory", given("etc/wpa_supplicant.conf", "elsewhere", "plain")},
		{"dynamic DNS account", given("etc/config_ddns.ini", "elsewhere", "plain")}, {"dial-in account", given("etc/ppp/chap-secrets", "elsewhere", "plain")}, {"SNMP community", given("etc/snmp/snmpd.conf", "elsewhere", "plain")},
		{"broker open to all", given("etc/mosquitto/mosquitto.conf", "unclear", "empty")}, {"SSH with empty passwords", given("etc/ssh/sshd_config", "unclear", "empty")},
		{"RSA key", secret("etc/ssl/cloud.key", "RSA 2048")}, {"EC key", secret("etc/ssl/device.key", "ECDSA")}, {"key inside a program", secret("usr/lib/libcloud.so", "private key")},
		{"public key that may log in", secret("root/.ssh/authorized_keys", "")}, {"token of a service", secret("etc/cloud.conf", "token")},
		{"identity of all units", certificate("etc/ssl/device.crt", func(c report.Certificate) bool { return c.KeyAt != "" })},
		{"certificate that ran out", certificate("etc/ssl/old.crt", func(c report.Certificate) bool { return c.Expired })},
		{"certificate of 1024 bits", certificate("etc/ssl/weak.crt", func(c report.Certificate) bool { return c.Weak != "" })},
		{"update over http without a check", func(f *report.Firmware) bool {
			return slices.ContainsFunc(f.Updates, func(u report.Update) bool { return u.Over == "http" && u.Verified == "no" })
		}},
	}
}

// camera makes the image: a root of Debian packages for armhf with what is
// planted, as squashfs-xz behind a uImage kernel in a TRX.
func camera(t testing.TB, root string) string {
	t.Helper()
	write := func(name, text string) {
		t.Helper()
		full := filepath.Join(root, name)
		os.Remove(full)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o755); err != nil { //nolint:gosec // programs of an image
			t.Fatal(err)
		}
	}
	elf := "\x7fELF\x01\x01\x01" + strings.Repeat("\x00", 200)
	for name, text := range map[string]string{
		"etc/passwd":  "root:$1$abcdefgh$rV6RhG4no19bGJfmub3Ui1:0:0:root:/root:/bin/sh\nservice::500:500::/:/bin/sh\nbin:*:1:1::/bin:/bin/sh\n",
		"etc/passwd-": "factory:$1$abcdefgh$AAAAAAAAAAAAAAAAAAAAA/:0:0::/:/bin/sh\n", "bin/sh": elf, "usr/sbin/telnetd": elf, "usr/sbin/vsftpd": elf, "usr/sbin/tftpd": elf, "usr/sbin/inetd": elf,
		"etc/inittab":    "::sysinit:/etc/init.d/rcS\nttyS0::respawn:-/bin/sh\n",
		"etc/init.d/rcS": "#!/bin/sh\n/usr/sbin/telnetd\n/usr/sbin/vsftpd &\n/usr/sbin/inetd\n",
		"etc/inetd.conf": "tftp dgram udp wait root /usr/sbin/tftpd tftpd /tmp\n",
		"etc/httpd.conf": "/cgi-bin:admin:admin\n", "etc/.htpasswd": "viewer:$1$abcdefgh$rV6RhG4no19bGJfmub3Ui1\n", "etc/config_user.ini": "[user0]\nusername=guest\npassword=guest\n",
		"etc/users.xml": "<Users><User><UserName>admin</UserName><Password>12345</Password></User></Users>\n", "etc/users.json": "{\"user\": \"admin\", \"password\": \"1234\"}\n",
		"etc/nvram.default": "admin_username=admin\nadmin_password=\n", "etc/hostapd.conf": "ssid=Camera\nwpa=2\nwpa_passphrase=camera-0123-setup\n",
		"etc/wpa_supplicant.conf": "network={\n ssid=\"factory\"\n psk=\"kx81-line-4-floor\"\n}\n", "etc/config_ddns.ini": "[ddns]\nuser=maker\npassword=q8Xw2z\n",
		"etc/ppp/chap-secrets": "maker * q8Xw2zAA *\n", "etc/snmp/snmpd.conf": "rwcommunity private\n", "etc/mosquitto/mosquitto.conf": "allow_anonymous true\n",
		"etc/ssh/sshd_config": "PermitEmptyPasswords yes\n", "etc/cloud.conf": "aws_access_key_id = AKIAQ3EGUT5LZKP7R2WN\naws_secret_access_key = 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\n",
		"root/.ssh/authorized_keys": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJm1vQn9Qw2kq4n3rXU7l8b5H0pYt6cD1aEoZsVfGhKL maker@factory\n",
		"usr/sbin/update.sh":        "#!/bin/sh\nwget http://fw.example.net/camera/new.bin -O /tmp/new.bin\nflashcp /tmp/new.bin /dev/mtd2\n",
		"etc/ssl/cloud.key":         rsaKey(t, 2048, nil), "usr/lib/libcloud.so": elf + rsaKey(t, 2048, nil) + strings.Repeat("\x00", 64),
	} {
		write(name, text)
	}
	now := time.Now()
	key, crt := identity(t, now.AddDate(10, 0, 0))
	write("etc/ssl/device.key", key)
	write("etc/ssl/device.crt", crt)
	_, old := identity(t, now.AddDate(-1, 0, 0))
	write("etc/ssl/old.crt", old)
	var weak string
	rsaKey(t, 1024, &weak)
	write("etc/ssl/weak.crt", weak)

	dir := t.TempDir()
	squash := filepath.Join(dir, "root.squashfs")
	if out, err := exec.Command("mksquashfs", root, squash, "-comp", "xz", "-noappend", "-quiet", "-no-progress", "-all-root").CombinedOutput(); err != nil {
		t.Fatalf("mksquashfs: %v: %s", err, out)
	}
	fsys, err := os.ReadFile(squash)
	if err != nil {
		t.Fatal(err)
	}
	kernel := uimage([]byte("Linux version 4.9.84 (maker@build) (gcc version 4.8.3 (crosstool)) #1 Thu Jan 1 00:00:00 UTC 2020\n" + strings.Repeat("code", 100_000)))
	image := filepath.Join(dir, "camera.trx")
	if err := os.WriteFile(image, trx(kernel, fsys), 0o644); err != nil { //nolint:gosec // an image made here
		t.Fatal(err)
	}
	return image
}

func rsaKey(t testing.TB, bits int, certificate *string) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits) //nolint:gosec // a weak key is what is planted
	if err != nil {
		t.Fatal(err)
	}
	if certificate != nil {
		*certificate = selfSigned(t, &key.PublicKey, key, time.Now().AddDate(10, 0, 0))
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
}

func identity(t testing.TB, until time.Time) (key, certificate string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})), selfSigned(t, &k.PublicKey, k, until)
}

func selfSigned(t testing.TB, public, private any, until time.Time) string {
	t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "camera.local"}, NotBefore: until.AddDate(-20, 0, 0), NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, of, of, public, private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func uimage(data []byte) []byte {
	h := make([]byte, 64)
	binary.BigEndian.PutUint32(h, 0x27051956)
	binary.BigEndian.PutUint32(h[12:], uint32(len(data)))
	binary.BigEndian.PutUint32(h[24:], crc32.ChecksumIEEE(data))
	copy(h[28:], []byte{5, 2, 2, 0}) // Linux, ARM, kernel, not packed
	copy(h[32:], "Linux-4.9.84")
	binary.BigEndian.PutUint32(h[4:], crc32.ChecksumIEEE(h))
	return append(h, data...)
}

func trx(kernel, root []byte) []byte {
	const head, block = 28, 64 << 10
	pad := func(b []byte) []byte { return append(b, bytes.Repeat([]byte{0xff}, (block-len(b)%block)%block)...) }
	out := make([]byte, head)
	out = pad(append(out, kernel...))
	second := len(out)
	out = pad(append(out, root...))
	copy(out, "HDR0")
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)))
	binary.LittleEndian.PutUint16(out[14:], 1)
	binary.LittleEndian.PutUint32(out[16:], head)
	binary.LittleEndian.PutUint32(out[20:], uint32(second))
	binary.LittleEndian.PutUint32(out[8:], ^crc32.ChecksumIEEE(out[12:]))
	return append(out, bytes.Repeat([]byte{0xff}, 4*block)...)
}

// BenchmarkCamera takes a whole camera image apart: map, ways in, secrets,
// updates, components, verdict. ASSAY_BENCH_ROOT names a folder of unpacked
// Debian packages (see docs/firmware.md), which is copied and never changed. The
// peer is unsquashfs -p 2 on the same root, before each run; processor time is
// the ratio to trust where others use the machine. After it comes what is done by
// hand otherwise, with the programs that are there.
func BenchmarkCamera(b *testing.B) {
	from := os.Getenv("ASSAY_BENCH_ROOT")
	if from == "" {
		b.Skip("ASSAY_BENCH_ROOT names no folder of unpacked packages; docs/firmware.md says how to make one")
	}
	dir := b.TempDir()
	root := filepath.Join(dir, "root")
	if out, err := exec.Command("cp", "-a", from, root).CombinedOutput(); err != nil {
		b.Fatalf("copy packages: %v: %s", err, out)
	}
	image := camera(b, root)
	squash := filepath.Join(filepath.Dir(image), "root.squashfs")
	binary := filepath.Join(dir, "assay")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		b.Fatalf("build: %v: %s", err, out)
	}
	info, err := os.Stat(image)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(info.Size())
	var peer, own spent
	for b.Loop() {
		b.StopTimer()
		peer.add(b, dir, "unsquashfs", "-f", "-p", "2", "-q", "-n", "-d", filepath.Join(dir, "out"), squash)
		b.StartTimer()
		// 1 or 3: what the packages' own scripts may do to a password leaves some of them open
		state := own.add(b, dir, binary, "firmware", "--json", image)
		if code := state.ExitCode(); code != exitFail && code != exitInconclusive {
			b.Fatalf("exits with %d, want %d or %d", code, exitFail, exitInconclusive)
		}
	}
	b.ReportMetric(own.wall.Seconds()/peer.wall.Seconds(), "times-unsquashfs")
	b.ReportMetric(own.cpu.Seconds()/peer.cpu.Seconds(), "times-its-processor-time")
	b.ReportMetric(own.cpu.Seconds()/float64(b.N), "processor-s")
	b.ReportMetric(float64(own.peak)/(1<<20), "peak-MiB")
	chain := byHand(b, dir, root, image)
	b.ReportMetric(chain.wall.Seconds()*float64(b.N)/own.wall.Seconds(), "by-hand-times-assay")
	b.ReportMetric(chain.cpu.Seconds()*float64(b.N)/own.cpu.Seconds(), "by-hand-processor-times-assay")

	env := &environment{errOut: &bytes.Buffer{}, now: time.Now}
	f, _, err := (&firmwareCommand{}).take(context.Background(), env, image, &matcher{})
	if err != nil {
		b.Fatal(err)
	}
	missed := missing(f)
	b.ReportMetric(float64(len(plants())-len(missed)), "planted-found")
	b.ReportMetric(float64(len(plants())), "planted")
	b.ReportMetric(float64(len(f.Components)), "components")
	b.Logf("image %d bytes; in %d runs unsquashfs -p 2 took %v, assay %v; by hand %v; peak %d MiB; missed: %q", info.Size(), b.N, peer, own, chain, own.peak>>20, missed)
	for _, r := range f.Remarks {
		b.Logf("remark: %s", r)
	}
	for _, s := range f.Secrets {
		b.Logf("secret: %s %s", s.What, s.Place)
	}
	for _, c := range f.Components {
		b.Logf("component: %s %s", c.Name, c.Version)
	}
	for _, u := range f.Unread {
		b.Logf("unread: %v", u)
	}
}

// spent is what programs took: time together, and the most memory of any.
type spent struct {
	wall, cpu time.Duration
	peak      int64
}

func (s spent) String() string {
	return fmt.Sprintf("%.1f s (%.1f s of processor)", s.wall.Seconds(), s.cpu.Seconds())
}

// add runs a program to its end, whatever it says.
func (s *spent) add(b *testing.B, dir, name string, args ...string) *os.ProcessState {
	b.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	ended := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ended:
				return
			case <-tick.C:
				s.peak = max(s.peak, peakBytes(cmd.Process.Pid))
			}
		}
	})
	_ = cmd.Wait()
	close(ended)
	watch.Wait()
	s.wall += time.Since(begin)
	s.cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return cmd.ProcessState
}

// byHand runs the programs that find parts of the same one after another: take
// apart, components, secrets, weak passwords. None of them gives a verdict.
func byHand(b *testing.B, dir, root, image string) (all spent) {
	b.Helper()
	shadow := filepath.Join(dir, "passwd")
	if data, err := os.ReadFile(filepath.Join(root, "etc/passwd")); err != nil || os.WriteFile(shadow, data, 0o600) != nil {
		b.Fatalf("copy the accounts: %v", err)
	}
	for _, step := range [][]string{
		{"binwalk", "--run-as=root", "-e", "-C", filepath.Join(dir, "binwalk"), image},
		{"syft", "-q", "dir:" + root},
		{"gitleaks", "dir", "--no-banner", "-l", "error", root},
		{"john", "--pot=" + filepath.Join(dir, "john.pot"), "--session=" + filepath.Join(dir, "john"), "--wordlist=/usr/share/john/password.lst", shadow},
	} {
		if _, err := exec.LookPath(step[0]); err != nil {
			b.Logf("by hand: %s is not installed, its step is left out", step[0])
			continue
		}
		var one spent
		one.add(b, dir, step[0], step[1:]...)
		b.Logf("by hand: %s took %v", step[0], one)
		all.wall, all.cpu = all.wall+one.wall, all.cpu+one.cpu
	}
	return all
}

func missing(f *report.Firmware) []string {
	var out []string
	for _, p := range plants() {
		if !p.found(f) {
			out = append(out, p.what)
		}
	}
	return out
}

// What is planted is found, in an image that holds nothing else.
func TestPlanted(t *testing.T) {
	if _, err := exec.LookPath("mksquashfs"); err != nil {
		t.Skipf("no mksquashfs: %v", err)
	}
	image := camera(t, filepath.Join(t.TempDir(), "root"))
	env := &environment{errOut: &bytes.Buffer{}, now: time.Now}
	f, _, err := (&firmwareCommand{}).take(t.Context(), env, image, &matcher{})
	if err != nil {
		t.Fatal(err)
	}
	if missed := missing(f); len(missed) > 0 {
		var b bytes.Buffer
		_ = report.FirmwareText(&b, f, report.FirmwareOptions{TextOptions: report.TextOptions{Width: 1000}, All: true})
		t.Errorf("got %d of %d, missed %q in\n%s", len(plants())-len(missed), len(plants()), missed, b.String())
	}
	if f.Verdict != "FAIL" {
		t.Errorf("got %s, want FAIL: %s", f.Verdict, fmt.Sprint(f.Because))
	}
}
