package component

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/assay-psti/assay/internal/reading"
)

func inventory(t *testing.T, pairs ...string) Inventory {
	t.Helper()
	m := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	inv, err := Find(context.Background(), m)
	if err != nil {
		t.Fatal(err)
	}
	if len(inv.Unread) > 0 {
		t.Fatalf("unread: %v", inv.Unread)
	}
	return inv
}

func names(inv Inventory) (out []string) {
	for _, c := range inv.Components {
		out = append(out, c.Name+" "+c.Version)
	}
	return out
}

func TestText(t *testing.T) {
	elf := func(s string) string { return "\x7fELF\x01\x00\x00" + s + "\x00\x00" }
	for _, tt := range []struct {
		file, text string
		want       []string
	}{
		{"bin/busybox", "BusyBox v1.22.1 (2016-12-01 19:54:56 CST)\x00syslogd started: BusyBox v1.22.1\n", []string{"busybox 1.22.1 cpe:2.3:a:busybox:busybox:1.22.1:*:*:*:*:*:*:*"}},
		{"sbin/dropbear", "SSH-2.0-dropbear_2014.63\r\n", []string{"dropbear 2014.63 cpe:2.3:a:dropbear_ssh_project:dropbear_ssh:2014.63:*:*:*:*:*:*:*"}},
		{"sbin/dropbearmulti", "Dropbear SSH multi-purpose v2019.78\n", []string{"dropbear 2019.78 cpe:2.3:a:dropbear_ssh_project:dropbear_ssh:2019.78:*:*:*:*:*:*:*"}},
		{"sbin/sshd", "OpenSSH_9.2p1 Debian-2\x00OpenSSH_6.5*,OpenSSH_6.6*\x00", []string{"openssh 9.2p1 cpe:2.3:a:openbsd:openssh:9.2:p1:*:*:*:*:*:*"}},
		{"lib/libcrypto.so.1.0.0", "OpenSSL 1.0.2f  28 Jan 2016\x00OpenSSL 1.0.2 is not\x00", []string{"openssl 1.0.2f cpe:2.3:a:openssl:openssl:1.0.2f:*:*:*:*:*:*:*"}},
		{"lib/libcrypto.so.3", "OpenSSL 3.0.22 25 Aug 2026", []string{"openssl 3.0.22 cpe:2.3:a:openssl:openssl:3.0.22:*:*:*:*:*:*:*"}},
		{"lib/libcurl.so.4", "libcurl/7.36.0\x00", []string{"curl 7.36.0 cpe:2.3:a:haxx:curl:7.36.0:*:*:*:*:*:*:*"}},
		{"sbin/dnsmasq", "\x00dnsmasq-2.62\x00", []string{"dnsmasq 2.62 cpe:2.3:a:thekelleys:dnsmasq:2.62:*:*:*:*:*:*:*"}},
		{"sbin/x", "see dnsmasq-2.62.tar.gz\x00", nil},
		{"sbin/hostapd", "hostapd v2.6\nUser space daemon", []string{"hostapd 2.6 cpe:2.3:a:w1.fi:hostapd:2.6:*:*:*:*:*:*:*"}},
		{"sbin/hostapd", "hostapd v%s\x002.10\x00", []string{"hostapd 2.10 cpe:2.3:a:w1.fi:hostapd:2.10:*:*:*:*:*:*:*"}},
		{"sbin/hostapd", "\x00hostapd v0.5.9\x00-v   show hostapd version\x002.4\x00", []string{"hostapd 0.5.9 cpe:2.3:a:w1.fi:hostapd:0.5.9:*:*:*:*:*:*:*"}},
		{"lib/libz.so.1", " inflate 1.2.8 Copyright 1995-2013 Mark Adler ", []string{"zlib 1.2.8 cpe:2.3:a:zlib:zlib:1.2.8:*:*:*:*:*:*:*"}},
		{"lib/libc.so.6", "GNU C Library (Debian GLIBC 2.36-9) stable release version 2.36.\n", []string{"glibc 2.36 cpe:2.3:a:gnu:glibc:2.36:*:*:*:*:*:*:*"}},
		{"lib/ld-uClibc-0.9.33.2.so", "", []string{"uclibc 0.9.33.2 cpe:2.3:a:uclibc:uclibc:0.9.33.2:*:*:*:*:*:*:*"}},
		{"lib/modules/x.ko", "vermagic=3.10.14 preempt mod_unload MIPS32_R1 32BIT ", []string{"linux 3.10.14 cpe:2.3:o:linux:linux_kernel:3.10.14:*:*:*:*:*:*:*"}},
		{"lib/modules/y.ko", "vermagic=2.6.33.2 mod_unload RLX 32BIT ", []string{"linux 2.6.33.2 cpe:2.3:o:linux:linux_kernel:2.6.33.2:*:*:*:*:*:*:*"}},
		{"vmlinux", "Linux version 4.4.194 (build@host) (gcc version 6.3.0 (x)) #1 SMP", []string{"gcc 6.3.0 cpe:2.3:a:gnu:gcc:6.3.0:*:*:*:*:*:*:*", "linux 4.4.194 cpe:2.3:o:linux:linux_kernel:4.4.194:*:*:*:*:*:*:*"}},
		{"u-boot.bin", "U-Boot 2013.07-g12 (Mar 10 2015 - 10:00:00)", []string{"u-boot 2013.07 cpe:2.3:a:denx:u-boot:2013.07:*:*:*:*:*:*:*"}},
		{"usr/bin/mkimage", "U-Boot 2023.01 (Jan 1 2023)", nil},
		{"usr/sbin/mosquitto", "mosquitto version %s starting\x002.0.11\x00", []string{"mosquitto 2.0.11 cpe:2.3:a:eclipse:mosquitto:2.0.11:*:*:*:*:*:*:*"}},
		{"usr/sbin/mosquitto", "mosquitto version %s starting\x002.0.11\x001.6.9\x00", nil}, // no telling which
		{"usr/sbin/dhcpd", "Internet Systems Consortium DHCP Server\x004.4.3-P1\x00", []string{"isc-dhcp 4.4.3p1 cpe:2.3:a:isc:dhcp:4.4.3:p1:*:*:*:*:*:*"}},
		{"usr/bin/wget", "GNU Wget %s built on %s.\x001.21.3\x00zlib\x001.2.13\x00", []string{"wget 1.21.3 cpe:2.3:a:gnu:wget:1.21.3:*:*:*:*:*:*:*"}},
		{"usr/lib/libsmb.so", "\x00SAMBA_4.17.12_DEBIAN_SAMBA4\x00", []string{"samba 4.17.12 cpe:2.3:a:samba:samba:4.17.12:*:*:*:*:*:*:*"}},
		{"usr/sbin/smbd", "smbd version %s started.\x003.0.37\x00", []string{"samba 3.0.37 cpe:2.3:a:samba:samba:3.0.37:*:*:*:*:*:*:*"}},
		{"usr/bin/php-cgi", "X-Powered-By: PHP/5.3.6\r\n", []string{"php 5.3.6 cpe:2.3:a:php:php:5.3.6:*:*:*:*:*:*:*"}},
		{"usr/sbin/tcpdump", "\x00%s version 4.99.3\x00", []string{"tcpdump 4.99.3 cpe:2.3:a:tcpdump:tcpdump:4.99.3:*:*:*:*:*:*:*"}},
		{"usr/sbin/other", "\x00%s version 4.99.3\x00", nil},
		{"usr/lib/libavahi-client.so.3", "\x00avahi 0.6\x00", nil}, // the release whose interface it keeps
		{"usr/sbin/avahi-daemon", "\x00avahi 0.8\x00", []string{"avahi 0.8 cpe:2.3:a:avahi:avahi:0.8:*:*:*:*:*:*:*"}},
		{"sbin/iptables", "%s v%s: no command\x001.8.9\x001.8.9 (legacy)\x00", []string{"iptables 1.8.9 "}},
		{"usr/lib/libxml2.so.2.9.14", "", []string{"libxml2 2.9.14 cpe:2.3:a:xmlsoft:libxml2:2.9.14:*:*:*:*:*:*:*"}},
		{"www/jquery.js", "/*! jQuery v1.8.3 jquery.com", []string{"jquery 1.8.3 cpe:2.3:a:jquery:jquery:1.8.3:*:*:*:*:*:*:*"}},
		{"usr/share/doc/x.gz", "nothing BusyBox v\x00 OpenSSL  \x00lighttpd/\x00", nil},
	} {
		text := tt.text
		if !strings.HasSuffix(tt.file, ".js") {
			text = elf(text)
		}
		inv := inventory(t, tt.file, text)
		var got []string
		for _, c := range inv.Components {
			got = append(got, c.Name+" "+c.Version+" "+c.CPE)
			for _, e := range c.Evidence {
				if c.Source == "text" && !strings.HasPrefix(printable(text[e.Offset:], 1000), strings.TrimSuffix(e.Text, "...")) {
					t.Errorf("%s: at %d stands %.30q, want %q", tt.file, e.Offset, text[e.Offset:], e.Text)
				}
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s %q (-want +got):\n%s", tt.file, tt.text, diff)
		}
	}
}

func TestTextFileIsNoComponent(t *testing.T) {
	if got := names(inventory(t, "usr/share/doc/changelog", "BusyBox v1.22.1 (x)\nOpenSSL 1.0.1e 11 Feb 2013\n")); got != nil {
		t.Errorf("got %v from a text that only speaks of software", got)
	}
}

func TestHome(t *testing.T) {
	// A program built with another release's header says so; the library that is there is the component.
	got := names(inventory(t, "lib/libcrypto.so", "\x00OpenSSL 1.0.2f  28 Jan 2016\x00", "sbin/stunnel", "\x00OpenSSL 1.0.1e 11 Feb 2013\x00"))
	if diff := cmp.Diff([]string{"openssl 1.0.2f"}, got); diff != "" {
		t.Error(diff)
	}
	got = names(inventory(t, "sbin/stunnel", "\x00OpenSSL 1.0.1e 11 Feb 2013\x00"))
	if diff := cmp.Diff([]string{"openssl 1.0.1e"}, got); diff != "" {
		t.Error(diff)
	}
}

const dpkgStatus = `Package: libssl3
Status: install ok installed
Architecture: armhf
Source: openssl (3.0.11-1~deb12u2)
Version: 3.0.11-1~deb12u2
Description: x
 more: of it

Package: gone
Status: deinstall ok config-files
Version: 1

Package: busybox
Status: install ok installed
Architecture: armhf
Version: 1:1.35.0-4+b3
`

func TestDatabases(t *testing.T) {
	inv := inventory(t, "var/lib/dpkg/status", dpkgStatus, "bin/busybox", "\x7fELF\x00BusyBox v1.35.0 (x)\x00", "etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n",
		"usr/lib/opkg/status", "Package: dnsmasq\nVersion: 2.80-16.3\nStatus: install user installed\nArchitecture: mipsel_24kc\n\nPackage: dropbear\nVersion: 2019.78-2\nStatus: install user installed\n",
		"usr/lib/opkg/info/odd.control", "Package: odd\nVersion: 1.0-1\nCPE-ID: cpe:/a:maker:odd_thing\n",
		"lib/apk/db/installed", "C:Q1\nP:musl\nV:1.2.3-r4\nA:armhf\no:musl\nL:MIT\n\n")
	var got []string
	for _, c := range inv.Components {
		got = append(got, fmt.Sprintf("%s %s %s %s %d", c.Name, c.Source, c.PURL, c.CPE, c.Seen))
	}
	want := []string{
		"busybox dpkg pkg:deb/debian/busybox@1%3A1.35.0-4%2Bb3?arch=armhf cpe:2.3:a:busybox:busybox:1.35.0:*:*:*:*:*:*:* 2",
		"debian os-release   1",
		"dnsmasq opkg pkg:generic/dnsmasq@2.80-16.3?arch=mipsel_24kc&type=opkg cpe:2.3:a:thekelleys:dnsmasq:2.80:*:*:*:*:*:*:* 1",
		"dropbear opkg pkg:generic/dropbear@2019.78-2?type=opkg cpe:2.3:a:dropbear_ssh_project:dropbear_ssh:2019.78:*:*:*:*:*:*:* 1",
		"libssl3 dpkg pkg:deb/debian/libssl3@3.0.11-1~deb12u2?arch=armhf cpe:2.3:a:openssl:openssl:3.0.11:*:*:*:*:*:*:* 1",
		"musl apk pkg:apk/alpine/musl@1.2.3-r4?arch=armhf cpe:2.3:a:musl-libc:musl:1.2.3:*:*:*:*:*:*:* 1",
		"odd opkg pkg:generic/odd@1.0-1?type=opkg cpe:2.3:a:maker:odd_thing:1.0:*:*:*:*:*:*:* 1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("components (-want +got):\n%s", diff)
	}
	if inv.Distribution != "debian" || inv.DistributionVersion != "12" {
		t.Errorf("distribution = %q %q", inv.Distribution, inv.DistributionVersion)
	}
}

func TestAcrossWindows(t *testing.T) {
	// A version is found once wherever it stands, also where two windows meet.
	for _, at := range []int{reading.Size - 20, reading.Size - 5, reading.Size - reading.Overlap - 6, reading.Size - reading.Overlap, 2*reading.Size - reading.Overlap - 4} {
		data := make([]byte, 2*reading.Size+100)
		copy(data[at:], "SSH-2.0-dropbear_2014.63")
		inv, err := FindIn(context.Background(), "blob", bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if len(inv.Components) != 1 || inv.Components[0].Seen != 1 || inv.Components[0].Evidence[0].Offset != int64(at) {
			t.Errorf("at %d: got %+v", at, inv.Components)
		}
	}
}

func TestAnchorsByTheThousand(t *testing.T) {
	inv, err := FindIn(context.Background(), "blob", strings.NewReader("\x00"+strings.Repeat("BusyBox v", 100_000)))
	if err != nil {
		t.Fatal(err)
	}
	if len(inv.Components) != 0 || len(inv.Unread) != 1 {
		t.Errorf("got %v, unread %v, want one word of what was left out", inv.Components, inv.Unread)
	}
}

func TestMatcher(t *testing.T) {
	// The automaton finds what a plain search finds.
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringOfN(rapid.RuneFrom([]rune("abc")), 1, 5, -1)
		anchors := rapid.SliceOfNDistinct(word, 1, 8, rapid.ID[string]).Draw(t, "anchors")
		text := rapid.StringOfN(rapid.RuneFrom([]rune("abcd")), 0, 200, -1).Draw(t, "text")
		sigs := make([]signature, len(anchors))
		for i, a := range anchors {
			sigs[i].anchor = a
		}
		var got, want []string
		newMatcher(sigs).each([]byte(text), func(s *signature, at int) { got = append(got, fmt.Sprint(at, s.anchor)) })
		for _, a := range anchors {
			for i := 0; i+len(a) <= len(text); i++ {
				if text[i:i+len(a)] == a {
					want = append(want, fmt.Sprint(i, a))
				}
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

func TestSignatures(t *testing.T) {
	for i, s := range signatures {
		switch {
		case s.name == "" || s.kind == "":
			t.Errorf("signature %d has no name or type", i)
		case s.vendor == "" != (s.product == ""):
			t.Errorf("%s: half a CPE", s.name)
		case (s.anchor == "") == (s.file == nil):
			t.Errorf("%s: it needs an anchor or a file name, and not both", s.name)
		case s.version != nil && s.version.NumSubexp() < 1:
			t.Errorf("%s: the expression has no version", s.name)
		case len(s.anchor) > 0 && len(s.anchor) < 4:
			t.Errorf("%s: the anchor %q is found everywhere", s.name, s.anchor)
		}
	}
}

func TestRealRoots(t *testing.T) {
	if testing.Short() {
		t.Skip("unpacks real images")
	}
	for _, tt := range []struct {
		image string
		want  []string
	}{
		{"cameras/neos_smartcam_4.15.2.45_rootfs.squashfs", []string{"boa 0.94.13", "busybox 1.22.1", "curl 7.36.0", "mbedtls 2.6.0", "openssl 1.0.2f", "uclibc 0.9.33.2"}},
		{"cameras/digoo_rootfs.squashfs", []string{"busybox 1.22.1", "glibc 2.16", "linux 3.10.14", "openssl 0.9.8g", "wpa_supplicant 0.7.3"}},
		{"cameras/spycam_rootfs.squashfs", []string{"busybox 1.22.1", "glibc 2.16"}},
		{"cameras/neos_smartcam_4.15.2.45_driver.squashfs", []string{"linux 3.10.14"}},
	} {
		src := filepath.Join("../../shared/inputs/firmware", tt.image)
		if _, err := os.Stat(src); err != nil {
			t.Skipf("no real input %s", src)
		}
		dir := filepath.Join(t.TempDir(), "root")
		cmd := exec.Command("unsquashfs", "-q", "-n", "-d", dir, src)
		if cmd.Err != nil {
			t.Skip("unsquashfs is not installed")
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			if _, statErr := os.Stat(dir); statErr != nil {
				t.Fatalf("unpack %s: %v: %s", src, err, out)
			}
		}
		inv, err := Find(context.Background(), os.DirFS(dir))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, names(inv)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.image, diff)
		}
	}
}

func FuzzFind(f *testing.F) {
	f.Add("var/lib/dpkg/status", []byte(dpkgStatus))
	f.Add("lib/apk/db/installed", []byte("P:x\nV:1-r2\n"))
	f.Add("bin/x", []byte("\x00BusyBox v1.2.3 (\x00OpenSSL 1.0.1e 11 Feb 2013"))
	f.Add("usr/lib/opkg/info/x.control", []byte("Package: x\nVersion: 1\nCPE-ID: cpe:/a:b:c\\\n"))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		inv, err := Find(context.Background(), fstest.MapFS{strings.Trim(filepath.Clean("/"+name), "/") + "x": {Data: data}, "var/lib/dpkg/status": {Data: data}, "bin/mosquitto": {Data: data}})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range inv.Components {
			if c.CPE != "" && len(strings.Split(strings.ReplaceAll(c.CPE, `\:`, ""), ":")) != 13 {
				t.Fatalf("%q has not 13 fields", c.CPE)
			}
			for _, e := range c.Evidence {
				if e.Offset > int64(len(data)) {
					t.Fatalf("no such place: %+v", e)
				}
			}
		}
	})
}

func BenchmarkFind(b *testing.B) {
	// 70 MB of programs-like bytes in 500 files.
	r := rand.New(rand.NewPCG(1, 2))
	m := fstest.MapFS{}
	for i := range 500 {
		data := make([]byte, 140<<10)
		for j := range data {
			data[j] = byte(r.Uint32())
		}
		copy(data[1000:], fmt.Sprintf("\x00BusyBox v1.%d.0 (x)\x00", i%40))
		m[fmt.Sprintf("bin/p%d", i)] = &fstest.MapFile{Data: data}
	}
	b.SetBytes(500 * 140 << 10)
	for b.Loop() {
		inv, err := Find(context.Background(), m)
		if err != nil || len(inv.Components) != 40 {
			b.Fatal(err, len(inv.Components))
		}
	}
}
