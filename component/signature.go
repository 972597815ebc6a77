package component

import (
	"bytes"
	"path"
	"regexp"
	"strings"
)

// A signature is how one piece of software writes its version into what is built from it.
type signature struct {
	name    string // also the name in the purl
	kind    Type
	vendor  string // of the CPE; empty where the software has none that is sure
	product string
	// anchor is the literal that is searched for; version reads the text around it: group 1 the version, group 2 the
	// update (OpenSSH's p1).
	anchor  string
	version *regexp.Regexp
	// home are files that the software itself consists of. A version seen there wins over one that other programs carry
	// from a header they were built with, unless linked says that the text comes with the code itself.
	home   *regexp.Regexp
	linked bool
	// only are the files that the text counts in, where it is not telling enough by itself.
	only *regexp.Regexp
	// never are files that carry the text without being the software.
	never *regexp.Regexp
	// script says that the text stands in JavaScript.
	script   bool
	purlType string // generic unless given
	// file takes the version from a file's name, which begins with filePrefix.
	file       *regexp.Regexp
	filePrefix string
}

func (s *signature) part() string {
	if s.kind == OperatingSystem {
		return "o"
	}
	return "a"
}

func re(s string) *regexp.Regexp { return regexp.MustCompile(s) }

// signatures are written from what the programs print; the names of CPE are those of the National Vulnerability Database.
var signatures = []signature{
	{name: "busybox", kind: Application, vendor: "busybox", product: "busybox", anchor: "BusyBox v", version: re(`BusyBox v(\d+\.\d+(?:\.\d+)?)`)},
	{name: "dropbear", kind: Application, vendor: "dropbear_ssh_project", product: "dropbear_ssh", anchor: "dropbear_", version: re(`SSH-2\.0-dropbear_(\d+\.\d+(?:\.\d+)?)`)},
	{name: "dropbear", kind: Application, vendor: "dropbear_ssh_project", product: "dropbear_ssh", anchor: "Dropbear ", version: re(`Dropbear (?:SSH )?(?:sshd|server|client|multi-purpose)(?: version)? v(\d+\.\d+(?:\.\d+)?)`)},
	{name: "openssh", kind: Application, vendor: "openbsd", product: "openssh", anchor: "OpenSSH_", version: re(`OpenSSH_(\d+\.\d+(?:\.\d+)?)(p\d+)`)},
	{name: "openssl", kind: Library, vendor: "openssl", product: "openssl", anchor: "OpenSSL ", version: re(`OpenSSL (\d+\.\d+\.\d+[a-z]{0,2})(?:-fips|-quic|\+quic)? +\d{1,2} [A-Z][a-z]{2} \d{4}`), home: re(`^(?:libcrypto|libssl|openssl)`)},
	{name: "curl", kind: Library, vendor: "haxx", product: "curl", anchor: "libcurl/", version: re(`libcurl/(\d+\.\d+\.\d+)`), home: re(`^(?:libcurl|curl)`), linked: true},
	{name: "curl", kind: Application, vendor: "haxx", product: "curl", anchor: "curl ", version: re(`(?:^|[^ -~])curl (\d+\.\d+\.\d+) \(`), home: re(`^curl`)},
	{name: "lighttpd", kind: Application, vendor: "lighttpd", product: "lighttpd", anchor: "lighttpd/", version: re(`lighttpd/(\d+\.\d+\.\d+)`)},
	{name: "nginx", kind: Application, vendor: "f5", product: "nginx", anchor: "nginx/", version: re(`nginx/(\d+\.\d+\.\d+)`)},
	{name: "boa", kind: Application, vendor: "boa", product: "boa", anchor: "Boa/", version: re(`Boa/(\d+\.\d+\.\d+\w*)`)},
	{name: "thttpd", kind: Application, vendor: "acme", product: "thttpd", anchor: "thttpd/", version: re(`thttpd/(\d+\.\d+\w*) \d\d\w{3}\d{4}`)},
	{name: "mini_httpd", kind: Application, vendor: "acme", product: "mini_httpd", anchor: "mini_httpd/", version: re(`mini_httpd/(\d+\.\d+) \d\d\w{3}\d{4}`)},
	{name: "appweb", kind: Application, vendor: "embedthis", product: "appweb", anchor: "Appweb/", version: re(`Appweb/(\d+\.\d+\.\d+)`)},
	{name: "dnsmasq", kind: Application, vendor: "thekelleys", product: "dnsmasq", anchor: "dnsmasq-", version: re(`(?:^|[^ -~])dnsmasq-(\d+\.\d+)(?:[^ -~.\d]|$)`)},
	{name: "hostapd", kind: Application, vendor: "w1.fi", product: "hostapd", anchor: "hostapd v", version: re(`(?:^|[^ -~])hostapd v(\d+\.\d+(?:\.\d+)?)`)},
	{name: "wpa_supplicant", kind: Application, vendor: "w1.fi", product: "wpa_supplicant", anchor: "wpa_supplicant v", version: re(`wpa_supplicant v(\d+\.\d+(?:\.\d+)?)`)},
	{name: "vsftpd", kind: Application, vendor: "vsftpd_project", product: "vsftpd", anchor: "vsftpd: version ", version: re(`vsftpd: version (\d+\.\d+\.\d+)`)},
	{name: "pure-ftpd", kind: Application, vendor: "pureftpd", product: "pure-ftpd", anchor: "pure-ftpd v", version: re(`pure-ftpd v(\d+\.\d+\.\d+)`)},
	{name: "zlib", kind: Library, vendor: "zlib", product: "zlib", anchor: "flate ", version: re(` (?:in|de)flate (\d+\.\d+\.\d+(?:\.\d+)?) Copyright 1995-`), home: re(`^libz\.`), linked: true},
	{name: "libpng", kind: Library, vendor: "libpng", product: "libpng", anchor: "libpng version ", version: re(`libpng version (\d+\.\d+\.\d+)`), home: re(`^libpng`), linked: true},
	{name: "libjpeg-turbo", kind: Library, vendor: "libjpeg-turbo", product: "libjpeg-turbo", anchor: "libjpeg-turbo version ", version: re(`libjpeg-turbo version (\d+\.\d+\.\d+)`), linked: true},
	{name: "expat", kind: Library, vendor: "libexpat_project", product: "libexpat", anchor: "expat_", version: re(`(?:^|[^ -~])expat_(\d+\.\d+\.\d+)`), linked: true},
	{name: "glibc", kind: Library, vendor: "gnu", product: "glibc", anchor: "stable release version ", version: re(`GNU C Library [ -~]*stable release version (\d+\.\d+(?:\.\d+)?)`)},
	{name: "uclibc", kind: Library, vendor: "uclibc", product: "uclibc", filePrefix: "l", file: re(`^(?:ld-uClibc|libuClibc)-(0\.\d+\.\d+(?:\.\d+)?)\.so$`)},
	{name: "uclibc-ng", kind: Library, vendor: "uclibc-ng_project", product: "uclibc-ng", filePrefix: "l", file: re(`^(?:ld64?-uClibc|libuClibc)-(1\.\d+\.\d+)\.so$`)},
	{name: "glibc", kind: Library, vendor: "gnu", product: "glibc", filePrefix: "l", file: re(`^(?:libc|ld)-(2\.\d+(?:\.\d+)?)\.so$`)},
	{name: "linux", kind: OperatingSystem, vendor: "linux", product: "linux_kernel", anchor: "Linux version ", version: re(`Linux version (\d+\.\d+(?:\.\d+){0,2})[^ ]* \([^)]*[@(]`), home: re(`.`)},
	{name: "linux", kind: OperatingSystem, vendor: "linux", product: "linux_kernel", anchor: "vermagic=", version: re(`vermagic=(\d+\.\d+(?:\.\d+){0,2})[^ ]* `)},
	{name: "u-boot", kind: Firmware, vendor: "denx", product: "u-boot", anchor: "U-Boot ", version: re(`U-Boot (?:SPL )?(\d{4}\.\d{2}(?:-rc\d)?|1\.\d+\.\d+)[^(\n]{0,40}\(`), never: re(`^(?:mkimage|dumpimage|mkenvimage|fw_|kwboot|fit_|mkeficapsule)`)},
	{name: "mbedtls", kind: Library, vendor: "arm", product: "mbed_tls", anchor: "bed TLS ", version: re(`[mM]bed TLS (\d+\.\d+\.\d+)`), linked: true},
	{name: "polarssl", kind: Library, vendor: "polarssl", product: "polarssl", anchor: "PolarSSL ", version: re(`(?:^|[^ -~])PolarSSL (\d+\.\d+\.\d+)`), linked: true},
	{name: "gnutls", kind: Library, vendor: "gnu", product: "gnutls", anchor: "Enabled GnuTLS ", version: re(`Enabled GnuTLS (\d+\.\d+\.\d+) logging`)},
	{name: "libgcrypt", kind: Library, vendor: "gnupg", product: "libgcrypt", anchor: "Libgcrypt ", version: re(`This is Libgcrypt (\d+\.\d+\.\d+)`)},
	{name: "libpcap", kind: Library, vendor: "tcpdump", product: "libpcap", anchor: "libpcap version ", version: re(`libpcap version (\d+\.\d+(?:\.\d+)?)`), linked: true},
	{name: "lua", kind: Library, vendor: "lua", product: "lua", anchor: "Lua 5.", version: re(`Lua (5\.\d+\.\d+)  ?Copyright \(C\) 1994`), linked: true},
	{name: "bash", kind: Application, vendor: "gnu", product: "bash", anchor: "Bash version ", version: re(`@\(#\)Bash version (\d+\.\d+\.\d+)\(`)},
	{name: "openvpn", kind: Application, vendor: "openvpn", product: "openvpn", anchor: "OpenVPN ", version: re(`(?:^|[^ -~])OpenVPN (\d+\.\d+(?:\.\d+)?) [a-z0-9_]+-`)},
	{name: "avahi", kind: Application, vendor: "avahi", product: "avahi", anchor: "avahi ", version: re(`(?:^|[^ -~])avahi (\d+\.\d+(?:\.\d+)?)(?:[^ -~]|$)`), never: re(`^libavahi-client`)}, // which names the release whose interface it keeps
	{name: "iptables", kind: Application, anchor: "iptables v", version: re(`iptables v(\d+\.\d+\.\d+)`)},
	{name: "util-linux", kind: Application, vendor: "kernel", product: "util-linux", anchor: "util-linux ", version: re(`(?:^|[^ -~])util-linux (\d+\.\d+(?:\.\d+)?)(?:[^ -~]|$)`)},
	{name: "systemd", kind: Application, vendor: "systemd_project", product: "systemd", anchor: "systemd ", version: re(`(?:^|[^ -~])systemd (\d{3})(?: \(\d{3}|\.\d+[^ ]* running in)`)},
	{name: "e2fsprogs", kind: Application, vendor: "e2fsprogs_project", product: "e2fsprogs", anchor: "EXT2FS Library version ", version: re(`EXT2FS Library version (\d+\.\d+(?:\.\d+)?)`)},
	{name: "live555", kind: Library, vendor: "live555", product: "streaming_media", anchor: "LIVE555 Streaming Media v", version: re(`LIVE555 Streaming Media v(\d{4}\.\d{2}\.\d{2})`)},
	{name: "gsoap", kind: Library, vendor: "genivia", product: "gsoap", anchor: "gSOAP/", version: re(`gSOAP/(\d+\.\d+(?:\.\d+)?)`)},
	{name: "ntp", kind: Application, vendor: "ntp", product: "ntp", anchor: "ntpd ", version: re(`(?:^|[^ -~])ntpd (\d+\.\d+\.\d+)(p\d+)?@`)},
	{name: "stunnel", kind: Application, vendor: "stunnel", product: "stunnel", anchor: "stunnel ", version: re(`(?:^|[^ -~])stunnel (\d+\.\d+) on `)},
	{name: "miniupnpd", kind: Application, vendor: "miniupnp_project", product: "miniupnpd", anchor: "iniUPnPd/", version: re(`MiniUPnPd/(\d+\.\d+(?:\.\d+)?)`)},
	{name: "xl2tpd", kind: Application, vendor: "xelerance", product: "xl2tpd", anchor: "xl2tpd-", version: re(`(?:^|[^ -~])xl2tpd-(\d+\.\d+\.\d+)(?:[^ -~]|$)`)},
	{name: "ffmpeg", kind: Library, vendor: "ffmpeg", product: "ffmpeg", anchor: "FFmpeg version ", version: re(`FFmpeg version n?(\d+\.\d+(?:\.\d+)?)(?:[^ -~.\d]|$)`)},
	{name: "jquery", kind: Library, vendor: "jquery", product: "jquery", anchor: "jQuery ", version: re(`jQuery (?:JavaScript Library )?v(\d+\.\d+(?:\.\d+)?)`), script: true, purlType: "npm"},
	{name: "php", kind: Application, vendor: "php", product: "php", anchor: "X-Powered-By: PHP/", version: re(`X-Powered-By: PHP/(\d+\.\d+\.\d+)`)},
	{name: "samba", kind: Application, vendor: "samba", product: "samba", anchor: "SAMBA_4.", version: re(`(?:^|[^ -~])SAMBA_(4\.\d+\.\d+)(?:_[A-Z][A-Z0-9_]*)?(?:[^ -~]|$)`)},
	{name: "libssh2", kind: Library, vendor: "libssh2", product: "libssh2", anchor: "SSH-2.0-libssh2_", version: re(`SSH-2\.0-libssh2_(\d+\.\d+\.\d+)`), linked: true},
	{name: "libssh", kind: Library, vendor: "libssh", product: "libssh", anchor: "SSH-2.0-libssh_", version: re(`SSH-2\.0-libssh_(\d+\.\d+\.\d+)`), linked: true},
	{name: "proftpd", kind: Application, vendor: "proftpd", product: "proftpd", anchor: "ProFTPD Version ", version: re(`ProFTPD Version (\d+\.\d+\.\d+[a-z]?)`)},
	{name: "libtiff", kind: Library, vendor: "libtiff", product: "libtiff", anchor: "LIBTIFF, Version ", version: re(`LIBTIFF, Version (\d+\.\d+\.\d+)`), linked: true},
	{name: "unbound", kind: Application, vendor: "nlnetlabs", product: "unbound", anchor: "unbound ", version: re(`(?:^|[^ -~])unbound (\d+\.\d+\.\d+)(?:[^ -~]|$)`)},
	{name: "strongswan", kind: Application, vendor: "strongswan", product: "strongswan", anchor: "strongSwan ", version: re(`strongSwan (\d+\.\d+\.\d+)`)},
	{name: "node", kind: Application, vendor: "nodejs", product: "node.js", anchor: "node.js/v", version: re(`(?:^|[^ -~])node\.js/v(\d+\.\d+\.\d+)`)},
	{name: "squid", kind: Application, vendor: "squid-cache", product: "squid", anchor: "squid/", version: re(`(?:^|[^ -~])squid/(\d+\.\d+(?:\.\d+)?)(?:[^ -~]|$)`)},
	{name: "haproxy", kind: Application, vendor: "haproxy", product: "haproxy", anchor: ", released 20", version: re(` version (\d+\.\d+\.\d+)[^ ,]*, released 20\d\d/`)},
	{name: "memcached", kind: Application, vendor: "memcached", product: "memcached", anchor: "memcached ", version: re(`(?:^|[^ -~])memcached (\d+\.\d+\.\d+)(?:[^ -~]|$)`)},
	{name: "wolfssl", kind: Library, vendor: "wolfssl", product: "wolfssl", anchor: "wolfSSL ", version: re(`(?:^|[^ -~])wolfSSL (\d+\.\d+\.\d+)(?:[^ -~]|$)`), linked: true},
	{name: "keepalived", kind: Application, vendor: "keepalived", product: "keepalived", anchor: "Keepalived v", version: re(`Keepalived v(\d+\.\d+\.\d+)`)},
	{name: "lldpd", kind: Application, vendor: "lldpd_project", product: "lldpd", anchor: "lldpd ", version: re(`(?:^|[^ -~])lldpd (\d+\.\d+\.\d+)(?:[^ -~]|$)`)},
	{name: "tcpdump", kind: Application, vendor: "tcpdump", product: "tcpdump", anchor: "%s version ", version: re(`(?:^|[^ -~])%s version (4\.\d+\.\d+)(?:[^ -~]|$)`), only: re(`^tcpdump`)},
	{name: "ethtool", kind: Application, anchor: "ethtool version ", version: re(`ethtool version (\d+\.\d+)`)},
	{name: "libxml2", kind: Library, vendor: "xmlsoft", product: "libxml2", filePrefix: "libxml2.so.", file: re(`^libxml2\.so\.(2\.\d+\.\d+)$`)},
	{name: "cjson", kind: Library, vendor: "davegamble", product: "cjson", filePrefix: "libcjson.so.", file: re(`^libcjson\.so\.(1\.\d+\.\d+)$`)},
	{name: "gcc", kind: Application, vendor: "gnu", product: "gcc", anchor: "(gcc version ", version: re(`Linux version [ -~]*\(gcc version (\d+\.\d+(?:\.\d+)?)`)},
}

// A lone signature is software whose version stands in its program as a text of its own, with nothing beside it: it is
// taken only from a file of the right name that has a mark of the software, and only if one such text is there.
type loneSignature struct {
	signature
	base *regexp.Regexp
	mark string
	text *regexp.Regexp // the whole text
}

var loneSignatures = []loneSignature{
	{signature{name: "pcre", kind: Library, vendor: "pcre", product: "pcre"}, re(`^libpcre(?:\.|-)`), "PCRE", re(`^8\.\d\d 20\d\d-\d\d-\d\d$`)},
	{signature{name: "hostapd", kind: Application, vendor: "w1.fi", product: "hostapd"}, re(`^hostapd$`), "hostapd v%s", re(`^2\.\d+(?:\.\d+)?$`)},
	{signature{name: "mosquitto", kind: Application, vendor: "eclipse", product: "mosquitto"}, re(`^mosquitto$`), "mosquitto version %s", re(`^[12]\.\d+\.\d+$`)},
	{signature{name: "musl", kind: Library, vendor: "musl-libc", product: "musl"}, re(`^(?:ld-musl-.*\.so\.1|libc\.so)$`), "musl libc (", re(`^[01]\.\d+\.\d+$`)},
	{signature{name: "sqlite", kind: Library, vendor: "sqlite", product: "sqlite"}, re(`^(?:libsqlite3\.so|sqlite3$)`), "sqlite_master", re(`^3\.\d+\.\d+$`)},
	{signature{name: "wget", kind: Application, vendor: "gnu", product: "wget"}, re(`^wget$`), "GNU Wget %s", re(`^1\.\d\d(?:\.\d+)?$`)},
	{signature{name: "net-snmp", kind: Application, vendor: "net-snmp", product: "net-snmp"}, re(`^libnetsnmp(?:agent)?\.so`), "NET-SNMP", re(`^5\.\d+(?:\.\d+){0,2}$`)},
	{signature{name: "sudo", kind: Application, vendor: "sudo_project", product: "sudo"}, re(`^sudo$`), "Sudo version %s", re(`^1\.\d+\.\d+(?:p\d+)?$`)},
	{signature{name: "bluez", kind: Application, vendor: "bluez", product: "bluez"}, re(`^bluetoothd$`), "Bluetooth daemon %s", re(`^[45]\.\d+$`)},
	{signature{name: "miniupnpd", kind: Application, vendor: "miniupnp_project", product: "miniupnpd"}, re(`^miniupnpd$`), "miniupnpd", re(`^[12]\.\d+(?:\.\d+)?$`)},
	{signature{name: "ppp", kind: Application, vendor: "point-to-point_protocol_project", product: "point-to-point_protocol"}, re(`^pppd$`), "pppd %s started", re(`^2\.\d+\.\d+\w*$`)},
	{signature{name: "python", kind: Application, vendor: "python", product: "python"}, re(`^(?:lib)?python[23]`), "PYTHONHOME", re(`^(?:2\.7|3\.(?:[4-9]|1\d))\.\d+\+?$`)},
	{signature{name: "pcre2", kind: Library, vendor: "pcre", product: "pcre2"}, re(`^libpcre2-`), "pcre2_match", re(`^10\.\d\d 20\d\d-\d\d-\d\d$`)},
	{signature{name: "isc-dhcp", kind: Application, vendor: "isc", product: "dhcp"}, re(`^(?:dhclient|dhcpd|dhcrelay)$`), "Internet Systems Consortium DHCP", re(`^[34]\.\d+\.\d+(?:-P\d+)?$`)},
	{signature{name: "rsync", kind: Application, vendor: "samba", product: "rsync"}, re(`^rsync$`), "rsyncd version %s starting", re(`^[23]\.\d+\.\d+$`)},
	{signature{name: "samba", kind: Application, vendor: "samba", product: "samba"}, re(`^(?:smbd|nmbd)$`), "mbd version %s started", re(`^3\.\d+\.\d+\w?$`)},
	{signature{name: "iptables", kind: Application}, re(`^(?:xtables-.*multi|iptables|ip6tables)$`), "%s v%s", re(`^1\.\d+\.\d+$`)},
	{signature{name: "dbus", kind: Application, vendor: "freedesktop", product: "dbus"}, re(`^dbus-daemon$`), "org.freedesktop.DBus", re(`^1\.\d+\.\d+$`)},
	{signature{name: "xz", kind: Library, vendor: "tukaani", product: "xz"}, re(`^liblzma\.so`), "XZ_5.", re(`^5\.\d+\.\d+$`)},
	{signature{name: "libmicrohttpd", kind: Library, vendor: "gnu", product: "libmicrohttpd"}, re(`^libmicrohttpd\.`), "MHD_", re(`^[01]\.\d+\.\d+$`)},
}

// lone looks for the lone signatures of a file that one window holds as a whole.
func (f *Finder) lone(c chunk) {
	base := path.Base(c.name)
	for i := range loneSignatures {
		s := &loneSignatures[i]
		if !s.base.MatchString(base) || !bytes.Contains(c.data, []byte(s.mark)) {
			continue
		}
		at := map[string]int{}
		start := 0
		for j := 0; j <= len(c.data); j++ {
			if j < len(c.data) && c.data[j] >= ' ' && c.data[j] <= '~' {
				continue
			}
			if n := j - start; n >= 3 && n <= 16 && c.data[start] >= '0' && c.data[start] <= '9' && s.text.Match(c.data[start:j]) {
				v := string(c.data[start:j])
				if _, ok := at[v]; !ok {
					at[v] = start
				}
			}
			start = j + 1
		}
		if len(at) != 1 {
			continue // none, or no telling which
		}
		for v, off := range at {
			version, _, _ := strings.Cut(v, " ")
			version, update, patched := strings.Cut(version, "-P")
			if patched {
				update = "p" + update
			}
			f.add(&s.signature, version, update, true, Evidence{File: c.name, Offset: c.base + int64(off), Text: v})
		}
	}
}
