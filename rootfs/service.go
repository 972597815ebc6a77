package rootfs

import (
	"path"
	"strconv"
	"strings"
)

// Kind is what a service is for.
type Kind string

// The kinds. Those for which [Kind.Login] holds let somebody in, or let files in and out, over the network.
const (
	Telnet  Kind = "telnet"
	SSH     Kind = "ssh"
	FTP     Kind = "ftp"
	TFTP    Kind = "tftp"
	HTTP    Kind = "http"
	RTSP    Kind = "rtsp"
	ADB     Kind = "adb"
	RShell  Kind = "rshell"  // rlogin, rsh, rexec, or a shell put on a port with nc or socat
	Debug   Kind = "debug"   // gdbserver and the like
	Network Kind = "network" // any other service of the network
	Super   Kind = "super"   // inetd, xinetd: starts others
	Console Kind = "console" // a terminal on the device itself, mostly a serial port
	Other   Kind = "other"   // a program, nothing known of it
)

// Login reports whether such a service gives remote access to a session or to files.
func (k Kind) Login() bool {
	switch k {
	case Telnet, SSH, FTP, TFTP, HTTP, RTSP, ADB, RShell, Debug:
		return true
	}
	return false
}

type daemon struct {
	kind Kind
	port int    // where it listens unless told otherwise; 0: no fixed one
	opt  string // short options that name a port, or an address and a port
}

// daemons are programs by the name under which they run.
var daemons = map[string]daemon{
	"telnetd": {Telnet, 23, "pb"}, "in.telnetd": {Telnet, 23, ""}, "utelnetd": {Telnet, 23, "p"},
	"dropbear": {SSH, 22, "p"}, "sshd": {SSH, 22, "p"}, "tinysshd": {SSH, 22, ""},
	"ftpd": {FTP, 21, ""}, "in.ftpd": {FTP, 21, ""}, "vsftpd": {FTP, 21, ""}, "proftpd": {FTP, 21, "p"}, "bftpd": {FTP, 21, ""},
	"pure-ftpd": {FTP, 21, "S"}, "stupid-ftpd": {FTP, 2121, "p"}, "uftpd": {FTP, 21, ""}, "tinyftp": {FTP, 21, ""},
	"tftpd": {TFTP, 69, ""}, "in.tftpd": {TFTP, 69, "a"}, "atftpd": {TFTP, 69, ""}, "utftpd": {TFTP, 69, ""},
	"httpd": {HTTP, 80, "p"}, "uhttpd": {HTTP, 80, "ps"}, "lighttpd": {HTTP, 80, ""}, "nginx": {HTTP, 80, ""}, "thttpd": {HTTP, 80, "p"},
	"mini_httpd": {HTTP, 80, "p"}, "micro_httpd": {HTTP, 80, ""}, "boa": {HTTP, 80, ""}, "goahead": {HTTP, 80, ""}, "webs": {HTTP, 80, ""},
	"appweb": {HTTP, 80, ""}, "apache2": {HTTP, 80, ""}, "monkey": {HTTP, 80, "p"}, "hiawatha": {HTTP, 80, ""}, "mongoose": {HTTP, 80, ""},
	"alphapd": {HTTP, 80, ""}, "webserver": {HTTP, 80, ""}, "jhttpd": {HTTP, 80, ""}, "shttpd": {HTTP, 80, ""},
	"rtspd": {RTSP, 554, "p"}, "rtsp_server": {RTSP, 554, "p"}, "live555mediaserver": {RTSP, 554, ""}, "v4l2rtspserver": {RTSP, 8554, "P"},
	"rtspserver": {RTSP, 554, "p"}, "mediamtx": {RTSP, 8554, ""},
	"adbd":    {ADB, 5555, ""},
	"rlogind": {RShell, 513, ""}, "in.rlogind": {RShell, 513, ""}, "rshd": {RShell, 514, ""}, "in.rshd": {RShell, 514, ""},
	"rexecd": {RShell, 512, ""}, "in.rexecd": {RShell, 512, ""},
	"gdbserver": {Debug, 0, ""}, "lldb-server": {Debug, 0, ""}, "ser2net": {Debug, 0, ""}, "openocd": {Debug, 3333, ""},
	"inetd": {Super, 0, ""}, "xinetd": {Super, 0, ""}, "inetutils-inetd": {Super, 0, ""},
	"snmpd": {Network, 161, ""}, "mosquitto": {Network, 1883, "p"}, "smbd": {Network, 445, "p"}, "nmbd": {Network, 137, ""},
	"miniupnpd": {Network, 1900, ""}, "upnpd": {Network, 1900, ""}, "minissdpd": {Network, 1900, ""}, "wscd": {Network, 1900, ""},
	"rpcbind": {Network, 111, ""}, "portmap": {Network, 111, ""}, "rpc.mountd": {Network, 0, ""}, "unfsd": {Network, 2049, ""},
	"avahi-daemon": {Network, 5353, ""}, "mdnsd": {Network, 5353, ""}, "dnsmasq": {Network, 53, "p"}, "named": {Network, 53, "p"},
	"udhcpd": {Network, 67, ""}, "dhcpd": {Network, 67, ""}, "hostapd": {Network, 0, ""}, "cupsd": {Network, 631, ""}, "lpd": {Network, 515, ""},
	"ntpd": {Network, 123, ""}, "pppd": {Network, 0, ""}, "cwmpd": {Network, 7547, ""}, "tr069": {Network, 7547, ""}, "icwmpd": {Network, 7547, ""},
	"rsyncd": {Network, 873, ""}, "vncserver": {Network, 5900, ""}, "x11vnc": {Network, 5900, ""}, "bluetoothd": {Network, 0, ""}, "exim4": {Network, 25, ""},
	"syslogd": {Other, 0, ""}, "klogd": {Other, 0, ""}, "crond": {Other, 0, ""}, "watchdog": {Other, 0, ""}, "udevd": {Other, 0, ""}, "cron": {Other, 0, ""},
}

// consoles are the programs that put a log-in or a shell on a terminal.
var consoles = map[string]bool{"getty": true, "agetty": true, "mingetty": true, "mgetty": true, "ttylogin": true, "login": true, "sulogin": true, "cttyhack": true}

func shellName(p string) bool {
	switch strings.TrimPrefix(path.Base(p), "-") {
	case "sh", "ash", "bash", "dash", "ksh", "mksh", "zsh", "hush", "msh":
		return true
	}
	return false
}

// describe fills in what the program and its arguments say about a service.
func (s *Service) describe() {
	s.Program = path.Base(s.Path)
	d, ok := daemons[strings.ToLower(s.Program)]
	switch {
	case ok:
		s.Kind, s.Port = d.kind, d.port
		if p := portOption(s.Args, d.opt); p > 0 {
			s.Port, s.PortGiven = p, true
		}
	case consoles[s.Program]:
		s.Kind = Console
	default:
		s.Kind = Other
	}
	switch s.Program {
	case "telnetd", "in.telnetd", "utelnetd":
		if l := option(s.Args, 'l', "--login"); l != "" && (shellName(l) || path.Base(l) == "true") {
			s.NoPassword, s.Why = true, "a telnet session gets "+printable(l, 80)+" instead of a log-in prompt"
		}
		if u := option(s.Args, 'u', ""); strings.Contains(u, ":") {
			s.Login, s.Why = printable(u, 120), "it asks for a user and a password that stand in its arguments"
		}
	case "tcpsvd", "udpsvd":
		s.superServer()
	case "nc", "ncat", "netcat":
		s.netcat()
	case "socat":
		s.socat()
	case "getty", "agetty", "mingetty":
		s.getty()
	case "login":
		if user := option(s.Args, 'f', ""); user != "" {
			s.NoPassword, s.Why = true, "login -f opens a session of "+printable(user, 64)+" without a password"
		}
	case "dropbear":
		if flag(s.Args, 'B') {
			s.Why = "dropbear -B lets accounts with an empty password in"
		}
	case "adbd":
		s.Why = "whether adbd asks for a key is settled by its build and its properties"
	}
}

// superServer reads tcpsvd -vE ADDRESS PORT PROGRAM ARGS.
func (s *Service) superServer() {
	args := s.Args
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		takes := strings.ContainsAny(args[0][len(args[0])-1:], "cCbulxth")
		args = args[1:]
		if takes && len(args) > 0 {
			args = args[1:]
		}
	}
	if len(args) < 3 {
		s.Kind = Network
		return
	}
	inner := Service{Path: args[2], Args: args[3:]}
	if inner.Program = path.Base(inner.Path); inner.Program == "busybox" && len(inner.Args) > 0 {
		inner.Path, inner.Args = inner.Args[0], inner.Args[1:]
	}
	inner.describe()
	s.Kind, s.NoPassword, s.Why, s.Port = inner.Kind, inner.NoPassword, inner.Why, inner.Port
	if shellName(inner.Path) {
		s.Kind, s.NoPassword, s.Why = RShell, true, "a connection gets a shell"
	}
	if !s.Kind.Login() {
		s.Kind = Network
	}
	if p, err := strconv.Atoi(args[1]); err == nil && p > 0 && p < 65536 {
		s.Port, s.PortGiven = p, true
	}
}

func (s *Service) netcat() {
	e := option(s.Args, 'e', "--exec")
	listens := flag(s.Args, 'l') || strings.Contains(strings.Join(s.Args, " "), "--listen")
	if !listens {
		s.Kind = Other
		return
	}
	s.Kind = Network
	if p := portOption(s.Args, "p"); p > 0 {
		s.Port, s.PortGiven = p, true
	}
	if shellName(e) {
		s.Kind, s.NoPassword, s.Why = RShell, true, "a connection gets "+printable(e, 80)
	}
}

func (s *Service) socat() {
	all := strings.ToLower(strings.Join(s.Args, " "))
	if !strings.Contains(all, "-listen:") && !strings.Contains(all, "tcp-l:") {
		return
	}
	s.Kind = Network
	if strings.Contains(all, "exec:") || strings.Contains(all, "system:") {
		for _, sh := range []string{"/sh", "/bash", "/ash", ":sh", ":bash"} {
			if strings.Contains(all, sh) {
				s.Kind, s.NoPassword, s.Why = RShell, true, "a connection gets a shell"
			}
		}
	}
}

func (s *Service) getty() {
	if user := option(s.Args, 'a', "--autologin"); user != "" && s.Program == "agetty" {
		s.NoPassword, s.Why = true, "the terminal logs "+printable(user, 64)+" in by itself"
	}
	if l := option(s.Args, 'l', "--login-program"); l != "" && shellName(l) {
		s.NoPassword, s.Why = true, "the terminal gets "+printable(l, 80)+" instead of a log-in prompt"
	}
}

// option returns the value of a short option (-l X, -lX, -Fl X) or of a long one (--login X, --login=X).
func option(args []string, short byte, long string) string {
	for i, a := range args {
		if a == "--" {
			break
		}
		if long != "" && strings.HasPrefix(a, long) {
			if v, ok := strings.CutPrefix(a, long+"="); ok {
				return v
			}
			if a == long && i+1 < len(args) {
				return args[i+1]
			}
		}
		if len(a) < 2 || a[0] != '-' || a[1] == '-' {
			continue
		}
		j := strings.IndexByte(a[1:], short)
		if j < 0 || strings.ContainsAny(a[1:1+j], "/.:=") {
			continue
		}
		if v := a[j+2:]; v != "" {
			return v
		}
		if i+1 < len(args) {
			return args[i+1]
		}
	}
	return ""
}

func flag(args []string, short byte) bool {
	for _, a := range args {
		if a == "--" {
			return false
		}
		if len(a) > 1 && a[0] == '-' && a[1] != '-' && strings.IndexByte(a[1:], short) >= 0 && !strings.ContainsAny(a, "/.=") {
			return true
		}
	}
	return false
}

// portOption returns the port that one of the short options gives: 8080, or 0.0.0.0:8080, or [::]:8080.
func portOption(args []string, shorts string) int {
	for i := 0; i < len(shorts); i++ {
		v := option(args, shorts[i], "--port")
		if j := strings.LastIndexByte(v, ':'); j >= 0 {
			v = v[j+1:]
		}
		if p, err := strconv.Atoi(v); err == nil && p > 0 && p < 65536 {
			return p
		}
	}
	return 0
}

// ordinary are commands of boot scripts that start nothing that stays.
var ordinary = wordSet(`
	: [ [[ test true false echo printf cat cp mv rm ln ls mkdir rmdir mknod chmod chown chgrp touch stat find grep egrep fgrep sed awk cut tr
	sort uniq head tail wc tee expr seq basename dirname readlink realpath which date hwclock sleep usleep sync id whoami tty stty
	mount umount swapon swapoff losetup blkid fsck e2fsck mke2fs mkfs mkfs.ext4 mkfs.vfat mkfs.jffs2 mkswap fdisk hdparm df du dd
	insmod rmmod modprobe lsmod depmod sysctl mdev hotplug kill killall pkill pidof ps top free uptime uname dmesg hostname domainname
	ifconfig ip route iptables ip6tables ebtables ipset brctl vconfig iwconfig iwpriv iw ethtool arp ping ping6 wget curl nslookup
	tar gzip gunzip zcat bzip2 xz unzip cpio md5sum sha1sum sha256sum cmp diff od hexdump strings
	export unset set local readonly declare typeset shift read trap wait umask ulimit cd pushd popd alias unalias type hash getopts let
	return exit break continue logger clear reset reboot halt poweroff shutdown flash_erase flash_eraseall flashcp nandwrite nanddump
	ubiattach ubidetach ubimkvol ubiformat ubirename mtd nvram fw_printenv fw_setenv uci config_load config_get config_get_bool config_set config_list_foreach
	devmem io gpio himm i2cset i2cget setserial loadkmap setfont chvt fbset passwd adduser addgroup addsubnet deluser chpasswd ldconfig xargs yes nproc
	ionice renice chrt getent mktemp mountpoint pivot_root switch_root systemd-notify status_of_proc log_daemon_msg log_end_msg log_progress_msg
	log_warning_msg log_failure_msg log_action_begin_msg log_action_end_msg log_begin_msg log_success_msg procd_open_instance procd_close_instance
	procd_set_param procd_append_param procd_add_reload_trigger procd_open_validate procd_close_validate procd_add_validation procd_open_trigger procd_close_trigger
	procd_add_mdns procd_add_interface_trigger procd_add_config_trigger procd_open_data procd_close_data json_init json_add_string json_load json_get_var
	append list_contains network_get_ipaddr network_is_up include service_stop init_is_upstart update-rc.d udevadm jshn ubus board_name
`)

func wordSet(s string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(s) {
		m[w] = true
	}
	return m
}
