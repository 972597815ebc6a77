package rootfs

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// services writes each service as: kind program args port [if] [open] place, and what was not followed.
func services(b Boot) (got []string) {
	for _, s := range b.Services {
		text := fmt.Sprintf("%s %s", s.Kind, strings.Join(append([]string{s.Program}, s.Args...), " "))
		if s.Port > 0 {
			text += fmt.Sprintf(" :%d", s.Port)
		}
		if s.Conditional {
			text += " if"
			for _, g := range s.Guards {
				text += fmt.Sprintf(" {%s %s}", g.Text, g.Held)
			}
		}
		if s.NoPassword {
			text += " open"
		}
		if s.Login != "" {
			text += " login " + s.Login
		}
		got = append(got, text+" "+s.Place.String())
	}
	for _, u := range b.Unfollowed {
		got = append(got, "unfollowed "+u.Place.String()+" "+u.Why)
	}
	return got
}

const rcInittab = "::sysinit:/etc/init.d/rcS\n"

func TestBoot(t *testing.T) {
	base := []string{"bin/busybox", "\x7fELF\x00", "bin/sh", "-> busybox", "usr/sbin/telnetd", "-> ../../bin/busybox", "usr/sbin/dropbear", "\x7fELF\x00", "sbin/init", "-> ../bin/busybox"}
	rcS := func(text string, more ...string) []string {
		return append([]string{"etc/inittab", rcInittab, "etc/init.d/rcS", "#!/bin/sh\n" + text}, more...)
	}
	for _, tt := range []struct {
		name string
		tree []string
		want []string
	}{
		{"unconditional", rcS("mount -a\ntelnetd &\n"), []string{"telnet telnetd :23 etc/init.d/rcS:3"}},
		{"commented out", rcS("#telnetd\n  # /usr/sbin/telnetd &\necho telnetd\n"), nil},
		{"in quotes", rcS("echo \"start\ntelnetd\n\"; X='telnetd'\n"), nil},
		{"in a here document", rcS("cat > /tmp/x <<EOF\ntelnetd\nEOF\n"), nil},
		{"after a continued line", rcS("echo a \\\n  telnetd\ntelnetd -p 2323 \\\n -l /bin/sh\n"), []string{"telnet telnetd -p 2323 -l /bin/sh :2323 open etc/init.d/rcS:4"}},
		{"port with address", rcS("telnetd -b 0.0.0.0:9527\n"), []string{"telnet telnetd -b 0.0.0.0:9527 :9527 etc/init.d/rcS:2"}},
		{"joined options", rcS("telnetd -Fl/bin/ash\n"), []string{"telnet telnetd -Fl/bin/ash :23 open etc/init.d/rcS:2"}},
		{"log-in program", rcS("telnetd -l /bin/login\n"), []string{"telnet telnetd -l /bin/login :23 etc/init.d/rcS:2"}},
		{"if on a file that is not here", rcS("if [ -f /etc/debug ]; then\n telnetd\nfi\n"), []string{"telnet telnetd :23 if {[ -f /etc/debug ] no} etc/init.d/rcS:3"}},
		{"if on a file that is here", rcS("[ -x /usr/sbin/telnetd ] && telnetd\n"), []string{"telnet telnetd :23 if {[ -x /usr/sbin/telnetd ] yes} etc/init.d/rcS:2"}},
		{"else", rcS("if grep -q x /proc/cmdline; then :; else telnetd; fi\n"), []string{"telnet telnetd :23 if {not: grep -q x /proc/cmdline } etc/init.d/rcS:2"}},
		{"after or", rcS("[ -f /no ] || telnetd\n"), []string{"telnet telnetd :23 if {not: [ -f /no ] yes} etc/init.d/rcS:2"}},
		{"after an exit under a condition", rcS("[ -f /no ] && exit 0\ntelnetd\n"), []string{"telnet telnetd :23 if {not: [ -f /no ] yes} etc/init.d/rcS:3"}},
		{"after an exit", rcS("exit 0\ntelnetd\n"), nil},
		{"after an exit both ways", rcS("if ps; then exit 1; else exit 0; fi\ntelnetd\n"), nil},
		{"after a loop without end", rcS("while true; do sleep 1; done\ntelnetd\n"), nil},
		{"in a loop without end", rcS("while :; do telnetd -F; sleep 1; done &\n"), []string{"telnet telnetd -F :23 etc/init.d/rcS:2"}},
		{"settled by the script", rcS("DEBUG=0\nif [ \"$DEBUG\" = 1 ]; then telnetd; fi\nif [ $DEBUG = 0 ]; then dropbear; fi\n"), []string{"ssh dropbear :22 etc/init.d/rcS:4"}},
		{"settled by the device", rcS("if [ \"$DEBUG\" = 1 ]; then telnetd; fi\n"), []string{"telnet telnetd :23 if {[ \"$DEBUG\" = 1 ] } etc/init.d/rcS:2"}},
		{"variables", rcS("D=/usr/sbin/dropbear\nO=\"-p 2222 -B\"\n$D $O -r \"$KEY\"\n"), []string{"ssh dropbear -p 2222 -B -r $KEY :2222 etc/init.d/rcS:4"}},
		{"variable set under a condition", rcS("D=true\nif ps; then D=telnetd; fi\n$D\n"), []string{"telnet telnetd :23 if {the command is telnetd } etc/init.d/rcS:4"}},
		{"set by a file that is not here", rcS("D=0\n[ -f /mnt/d ] && . /mnt/d\n[ $D = 1 ] && telnetd\n"), []string{"telnet telnetd :23 if {[ $D = 1 ] } etc/init.d/rcS:4", "unfollowed etc/init.d/rcS:3 /mnt/d is not in this tree"}},
		{"set by what is read", rcS("D=0\nread D < /proc/x\nif [ $D = 1 ]; then telnetd; fi\n"), []string{"telnet telnetd :23 if {[ $D = 1 ] } etc/init.d/rcS:4"}},
		{"set in a loop", rcS("D=0\nwhile ps; do D=1; done\nif [ $D = 1 ]; then telnetd; fi\n"), []string{"telnet telnetd :23 if {[ $D = 1 ] } etc/init.d/rcS:4"}},
		{"programs with the names of commands", rcS("/opt/app/test\n/usr/app/daemon &\n/system/reset\n", "opt/app/test", "\x7fELF\x00", "usr/app/daemon", "\x7fELF\x00", "system/reset", "#!/bin/sh\ntelnetd\n"),
			[]string{"other daemon etc/init.d/rcS:3", "telnet telnetd :23 system/reset:2", "other test etc/init.d/rcS:2"}},
		{"exit that may be", rcS("C=true\nif ps; then C=exit; fi\n$C\ntelnetd\n"), []string{"telnet telnetd :23 if {not: the command is exit } etc/init.d/rcS:5"}},
		{"a value from a file", rcS("SIGN=`cat /etc/sign`\ntelnetd -l /usr/sbin/login -u maker:$SIGN\n[ $SIGN = x ] && dropbear\n", "etc/sign", "wrgac01\n"),
			[]string{"ssh dropbear :22 if {[ $SIGN = x ] } etc/init.d/rcS:4", "telnet telnetd -l /usr/sbin/login -u maker:wrgac01 :23 login maker:wrgac01 etc/init.d/rcS:3"}},
		{"unknown command", rcS("$RUN\n"), []string{"unfollowed etc/init.d/rcS:2 the command is settled only while the device runs"}},
		{"function", rcS("up() { telnetd -p $1; }\nup 24\n"), []string{"telnet telnetd -p 24 :24 etc/init.d/rcS:2"}},
		{"function not called", rcS("up() { telnetd; }\n"), nil},
		{"function that returns early", rcS("f() { ps && return; dropbear; }\nf\ntelnetd\n"), []string{"ssh dropbear :22 if {not: ps } etc/init.d/rcS:2", "telnet telnetd :23 etc/init.d/rcS:4"}},
		{"case with an argument", rcS("/etc/init.d/net start\n", "etc/init.d/net", "#!/bin/sh\ncase $1 in\n start) telnetd ;;\n stop) dropbear ;;\nesac\n"),
			[]string{"telnet telnetd :23 etc/init.d/net:3"}},
		{"case on the unknown", rcS("case `cat /proc/x` in a|b) telnetd;; esac\n"), []string{"telnet telnetd :23 if {case `cat /proc/x` is a|b } etc/init.d/rcS:2"}},
		{"loop over rc scripts", rcS("for i in /etc/init.d/S??* ;do\n [ ! -f \"$i\" ] && continue\n case \"$i\" in\n *.sh) ( set start; . $i ) ;;\n *) $i start ;;\n esac\ndone\n",
			"etc/init.d/S40x", "#!/bin/sh\ncase \"$1\" in start) telnetd;; esac\n", "etc/init.d/S50y.sh", "dropbear -p $1\n", "etc/init.d/K60z", "ftpd\n"),
			[]string{"ssh dropbear -p start :22 etc/init.d/S50y.sh:1", "telnet telnetd :23 etc/init.d/S40x:2"}},
		{"loop over links that lead nowhere", rcS("for i in /etc/rc.d/S*; do [ -x $i ] && $i start; [ -f \"$i.off\" ] || dropbear; done\n", "etc/rc.d/S1", "-> /tmp/x"),
			[]string{"ssh dropbear :22 if {not: [ -f \"$i.off\" ] yes} etc/init.d/rcS:2", "unfollowed etc/init.d/rcS:2 etc/rc.d/S1 is a link to /tmp/x, which is not in this tree"}},
		{"loop over ls", rcS("for f in `ls /etc/rc.d/S*`; do sh $f start; done\n", "etc/rc.d/S10a", "-> ../init.d/a", "etc/init.d/a", "telnetd\n"), []string{"telnet telnetd :23 etc/init.d/a:1"}},
		{"run-parts", rcS("run-parts /etc/rc.d\n", "etc/rc.d/10a", "telnetd\n"), []string{"telnet telnetd :23 etc/rc.d/10a:1"}},
		{"start-stop-daemon", rcS("start-stop-daemon -S -q -b -p /run/x -x /usr/sbin/dropbear -- -p 23 -R\nstart-stop-daemon -K -x /usr/sbin/telnetd\n"), []string{"ssh dropbear -p 23 -R :23 etc/init.d/rcS:2"}},
		{"wrappers", rcS("nice -n 5 setsid busybox telnetd\nsh -c 'dropbear'\nexec nohup tcpsvd -vE 0.0.0.0 2121 ftpd -w /\ntelnetd -p 99\n"),
			[]string{"ssh dropbear :22 etc/init.d/rcS:3", "ftp tcpsvd -vE 0.0.0.0 2121 ftpd -w / :2121 etc/init.d/rcS:4", "telnet telnetd :23 etc/init.d/rcS:2"}},
		{"shell on a port", rcS("nc -ll -p 4444 -e /bin/sh &\n"), []string{"rshell nc -ll -p 4444 -e /bin/sh :4444 open etc/init.d/rcS:2"}},
		{"script of another partition", rcS("/system/init/app_init.sh &\n"), []string{"unfollowed etc/init.d/rcS:2 /system/init/app_init.sh is not in this tree"}},
		{"vendor launcher", rcS("if [ -f /system/init/app_init.sh ]; then /system/init/app_init.sh & fi\n", "system/init/app_init.sh", "#!/bin/sh\ntelnetd\n"),
			[]string{"telnet telnetd :23 if {[ -f /system/init/app_init.sh ] yes} system/init/app_init.sh:2"}},
		{"a part that is no shell", rcS("telnetd\nfi ) oops\ndropbear\n"), []string{"ssh dropbear :22 etc/init.d/rcS:4", "telnet telnetd :23 etc/init.d/rcS:2",
			"unfollowed etc/init.d/rcS@0 a part of it is not shell as we read it: 3:1: \"fi\" can only be used to end an if"}},
		{"a script that calls itself", rcS("/etc/init.d/rcS again\nf() { f; }; f\n"), []string{"unfollowed etc/init.d/rcS:3 functions call each other too deep"}},
		{"consoles", []string{"etc/inittab", "ttyS0::respawn:-/bin/sh\n::askfirst:/bin/sh\nttyS1::respawn:/sbin/getty -L ttyS1 115200 vt100\n#::respawn:/bin/sh\n::shutdown:telnetd\n"},
			[]string{"console getty -L ttyS1 115200 vt100 etc/inittab:3", "console sh open etc/inittab:1", "console sh open etc/inittab:2"}},
		{"getty with a shell", []string{"etc/inittab", "::respawn:/sbin/getty -n -l /bin/sh 115200 ttyS0\n"}, []string{"console getty -n -l /bin/sh 115200 ttyS0 open etc/inittab:1"}},
		{"run levels", []string{"etc/inittab", "id:3:initdefault:\na:2:respawn:telnetd\nb:345:respawn:dropbear -F\n"},
			[]string{"ssh dropbear -F :22 etc/inittab:3", "telnet telnetd :23 if {the run level is one of 2, not the usual 3 no} etc/inittab:2"}},
		{"run level links", []string{"etc/inittab", "id:3:initdefault:\n", "etc/rc3.d/S20t", "-> ../init.d/t", "etc/init.d/t", "case $1 in start) telnetd;; esac\n"}, []string{"telnet telnetd :23 etc/init.d/t:1"}},
		{"links of another run level", []string{"etc/inittab", "id:3:initdefault:\n", "etc/rc5.d/S20t", "telnetd\n"}, []string{"telnet telnetd :23 if {the run level is 5, not the usual 3 no} etc/rc5.d/S20t:1"}},
		{"cron", rcS("crond\n", "etc/crontabs/root", "# x\n*/5 * * * * /usr/sbin/telnetd -l /bin/sh\n"), []string{"other crond etc/init.d/rcS:2", "telnet telnetd -l /bin/sh :23 if {it is the time */5 * * * * } open etc/crontabs/root:2"}},
		{"console of procd", []string{"sbin/procd", "\x7fELF\x00", "etc/inittab", "::sysinit:/etc/init.d/rcS S boot\n::askconsole:/usr/libexec/login.sh\n", "usr/libexec/login.sh", "#!/bin/sh\n[ \"$(uci get x)\" = 1 ] || exec /bin/ash --login\nexec /bin/login\n"},
			[]string{"console ash if {not: [ \"$(uci get x)\" = 1 ] } open usr/libexec/login.sh:2", "console login if {[ \"$(uci get x)\" = 1 ] } usr/libexec/login.sh:3"}},
		{"a command that is no shell", []string{"etc/inittab", "::once:telnetd (x\n"}, []string{"unfollowed etc/inittab:1 a part of it is not shell as we read it: 1:1: \"foo(\" must be followed by )"}},
		{"no inittab", []string{"etc/init.d/rcS", "telnetd\n"}, []string{"console sh open etc/init.d/rcS@0", "telnet telnetd :23 etc/init.d/rcS:1"}},
		{"inetd that is started", rcS("inetd\n", "etc/inetd.conf", "#ftp stream tcp nowait root ftpd ftpd\ntelnet stream tcp nowait root /usr/sbin/telnetd telnetd -i\n"),
			[]string{"super inetd etc/init.d/rcS:2", "telnet telnetd -i :23 etc/inetd.conf:2"}},
		{"inetd whose start is not seen", rcS(":\n", "etc/inetd.conf", "69 dgram udp nowait root tftpd tftpd -c /tmp\n"),
			[]string{"tftp tftpd -c /tmp :69 if {something starts inetd: its start was not seen } etc/inetd.conf:1"}},
		{"xinetd", rcS("xinetd\n", "etc/xinetd.d/a", "service telnet\n{\n disable = no\n server = /usr/sbin/telnetd\n}\nservice ftp\n{\n disable = yes\n server = ftpd\n}\n"),
			[]string{"telnet telnetd :23 etc/xinetd.d/a:1", "super xinetd etc/init.d/rcS:2"}},
		{"procd", []string{"sbin/procd", "\x7fELF\x00", "etc/rc.common", "#!/bin/sh\n", "etc/rc.d/S50dropbear", "-> ../init.d/dropbear", "etc/rc.d/K50telnet", "-> ../init.d/telnet",
			"etc/init.d/dropbear", "#!/bin/sh /etc/rc.common\nSTART=50\nUSE_PROCD=1\nPROG=/usr/sbin/dropbear\none() {\n procd_open_instance\n procd_set_param command \"$PROG\" -F\n procd_append_param command -p 2222\n procd_close_instance\n}\nstart_service() {\n one\n config_foreach two dropbear\n}\ntwo() { telnetd; }\n"},
			[]string{"ssh dropbear -F -p 2222 :2222 etc/init.d/dropbear:9", "telnet telnetd :23 if {the settings have a section for it: config_foreach two dropbear } etc/init.d/dropbear:15"}},
		{"systemd", []string{"usr/lib/systemd/systemd", "\x7fELF\x00", "usr/lib/systemd/system/default.target", "-> multi-user.target", "usr/lib/systemd/system/multi-user.target", "[Unit]\nWants=getty.target\n",
			"etc/systemd/system/multi-user.target.wants/t.service", "-> /usr/lib/systemd/system/t.service", "usr/lib/systemd/system/t.service", "[Unit]\nConditionPathExists=/etc/dbg\n[Service]\nExecStart=-/usr/sbin/telnetd \\\n  -F -p 24\n",
			"usr/lib/systemd/system/off.service", "[Service]\nExecStart=/usr/sbin/ftpd\n", "usr/lib/systemd/system/getty.target", "[Unit]\n",
			"etc/systemd/system/getty.target.wants/serial-getty@ttyS0.service", "-> /usr/lib/systemd/system/serial-getty@.service", "usr/lib/systemd/system/serial-getty@.service", "[Service]\nExecStart=/sbin/agetty -a root %I\n",
			"usr/lib/systemd/system/getty.target.wants/m.service", "-> ../m.service", "usr/lib/systemd/system/m.service", "[Service]\nExecStart=sshd\n", "etc/systemd/system/m.service", "-> /dev/null"},
			[]string{"console agetty -a root ttyS0 open usr/lib/systemd/system/serial-getty@.service:2", "telnet telnetd -F -p 24 :24 if {ConditionPathExists=/etc/dbg no} usr/lib/systemd/system/t.service:4"}},
		{"socket", []string{"usr/lib/systemd/systemd", "\x7fELF\x00", "usr/lib/systemd/system/default.target", "[Unit]\n", "etc/systemd/system/sockets.target.wants/d.socket", "-> /lib/systemd/system/d.socket",
			"lib/systemd/system/d.socket", "[Socket]\nListenStream=0.0.0.0:2022\nAccept=yes\n", "lib/systemd/system/d@.service", "[Service]\nExecStart=/usr/sbin/dropbear -i\n", "lib/systemd/system/basic.target", "[Unit]\nRequires=sockets.target\n"},
			[]string{"ssh dropbear -i :2022 lib/systemd/system/d@.service:2"}},
		{"android", []string{"init.rc", "service adbd /sbin/adbd --root\n  class core\n  disabled\nservice console /system/bin/sh\n"},
			[]string{"adb adbd --root :5555 if {disabled until something starts it } init.rc:1", "console sh open init.rc:4"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ReadBoot(context.Background(), files(append(append([]string{}, base...), tt.tree...)...))
			if err != nil {
				t.Fatal(err)
			}
			if !got.Found {
				t.Error("Found = false")
			}
			if diff := cmp.Diff(tt.want, services(got)); diff != "" {
				t.Errorf("services (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDormant(t *testing.T) {
	got, err := ReadBoot(context.Background(), files("etc/inittab", rcInittab, "etc/init.d/rcS", "dropbear\n", "bin/sh", "", "etc/init.d/telnet", "#!/bin/sh\ncase $1 in start) telnetd;; esac\n",
		"usr/bin/debug.sh", "telnetd -l /bin/sh\n", "usr/share/doc/x.sh", "telnetd\n", "usr/bin/other", "#!/bin/sh\necho\n"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"ssh dropbear :22 etc/init.d/rcS:1"}, services(got)); diff != "" {
		t.Errorf("services (-want +got):\n%s", diff)
	}
	want := []string{"telnet telnetd :23 if {something runs etc/init.d/telnet: nothing that was read does } etc/init.d/telnet:2",
		"telnet telnetd -l /bin/sh :23 if {something runs usr/bin/debug.sh: nothing that was read does } open usr/bin/debug.sh:1"}
	if diff := cmp.Diff(want, services(Boot{Services: got.Dormant})); diff != "" {
		t.Errorf("dormant (-want +got):\n%s", diff)
	}
}

func TestBootChain(t *testing.T) {
	tree := files("etc/inittab", rcInittab, "etc/init.d/rcS", "\n. /etc/a.sh\n", "etc/a.sh", "sh /etc/b.sh\n", "etc/b.sh", "true\ntelnetd\n")
	got, err := ReadBoot(context.Background(), tree)
	if err != nil || len(got.Services) != 1 {
		t.Fatalf("got %+v, %v", got, err)
	}
	s := got.Services[0]
	want := []Place{{"etc/inittab", 1, 10}, {"etc/init.d/rcS", 2, 1}, {"etc/a.sh", 1, 0}}
	if diff := cmp.Diff(want, s.Chain); diff != "" {
		t.Errorf("chain (-want +got):\n%s", diff)
	}
	if want := (Place{"etc/b.sh", 2, 5}); s.Place != want {
		t.Errorf("place = %v, want %v", s.Place, want)
	}
	if s.InTree != No {
		t.Errorf("InTree = %q, want no: telnetd is not in the tree", s.InTree)
	}
}

// TestHostileScripts holds the reading of scripts made to cost time to its bounds: it ends, and what it left out is said.
func TestHostileScripts(t *testing.T) {
	loops := "for a in 1 2 3 4 5 6 7 8 9; do "
	for name, text := range map[string]string{
		"loops in loops":                      strings.Repeat(loops, 12) + "x; " + strings.Repeat("done; ", 12),
		"functions":                           "f() { f; f; }\nf\n",
		"a text that doubles":                 "X=aaaaaaaaaaaaaaaa\n" + strings.Repeat("X=$X$X\n", 60) + "$X\n",
		"parentheses":                         strings.Repeat("(", maxScriptBytes/2),
		"blocks":                              strings.Repeat("{ ", 20_000),
		"too large":                           strings.Repeat("echo\n", maxScriptBytes),
		"a script with itself":                "for i in 1 2 3; do . /etc/init.d/rcS; done\n",
		"exits by the thousand":               strings.Repeat("[ -f /x ] && exit\nx\n", 6000),
		"a script too large, again and again": "for a in 1 2 3 4 5 6 7 8 9; do for b in 1 2 3 4 5 6 7 8 9; do for c in 1 2 3 4 5 6 7 8 9; do /etc/big; done; done; done\n",
		"trims":                               "X=" + strings.Repeat("a", 250) + "\n" + strings.Repeat("Y=${X##*a*a*a*a*a*a*a*b}\n", 4000) + "$Y\n",
		"evals of evals":                      strings.Repeat("eval ", 5000) + "x\n",
		"a pattern of many stars":             "case aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa in " + strings.Repeat("*a", 200) + "*b) x;; esac\n",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ReadBoot(context.Background(), files("etc/inittab", rcInittab, "etc/init.d/rcS", text, "etc/big", strings.Repeat("x\n", maxScriptBytes)))
			if err != nil {
				t.Fatal(err)
			}
			if name != "a pattern of many stars" && len(got.Unfollowed)+len(got.Unread) == 0 {
				t.Error("nothing is said to be left out")
			}
		})
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := ReadBoot(ctx, files("etc/inittab", rcInittab)); err == nil {
		t.Error("an ended context is no error")
	}
}

func FuzzBoot(f *testing.F) {
	f.Add([]byte(rcInittab), []byte("for i in /etc/init.d/S*; do . $i; done\nif [ -f /x ]; then telnetd & fi\n"), []byte("[Service]\nExecStart=/bin/x\n"))
	f.Add([]byte("id:3:initdefault:\n"), []byte("case $1 in a) ${x%%y} ;; esac; f(){ f; }; f; eval \"f\"; `f`"), []byte("telnet stream tcp nowait root a b\n"))
	f.Fuzz(func(t *testing.T, inittab, rc, unit []byte) {
		tree := fstest.MapFS{"etc/inittab": {Data: inittab}, "etc/init.d/rcS": {Data: rc}, "etc/init.d/S1": {Data: unit}, "etc/rc2.d/S1": {Data: rc},
			"etc/inetd.conf": {Data: unit}, "etc/xinetd.conf": {Data: unit}, "init.rc": {Data: unit}, "usr/lib/systemd/systemd": {},
			"lib/systemd/system/default.target": {Data: unit}, "lib/systemd/system/default.target.wants/a.service": {Data: unit}, "lib/systemd/system/a.service": {Data: unit}}
		got, err := ReadBoot(context.Background(), tree)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range got.Services {
			if file := tree[s.Place.File]; file == nil || s.Place.Offset > int64(len(file.Data)) {
				t.Fatalf("no such place: %v", s.Place)
			}
		}
	})
}
