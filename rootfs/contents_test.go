package rootfs

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-psti/assay/internal/reading"
)

// read reads one file as a tree of its own.
func read(t *testing.T, pairs ...string) Contents {
	t.Helper()
	got, err := ReadContents(context.Background(), files(pairs...))
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Unread) > 0 {
		t.Fatalf("unread: %v", got.Unread)
	}
	return got
}

func TestCredentials(t *testing.T) {
	for _, tt := range []struct {
		name, file, text string
		want             []string // source user/secret state line
	}{
		{"busybox httpd", "etc/httpd.conf", "A:*\n/cgi-bin:admin:admin\n/x:root:" + md5 + "\n/y:u:*\n#/z:a:b\n", []string{"httpd.conf admin/admin plain :2", "httpd.conf root/" + md5 + " hash :3", "httpd.conf u/* locked :4"}},
		{"htpasswd", "www/.htpasswd", "admin:$apr1$abcdefgh$x.abcdefghijklmnopqrs\nbob:\n", []string{"htpasswd admin/$apr1$abcdefgh$x.abcdefghijklmnopqrs hash :1", "htpasswd bob/ empty :2"}},
		{"digest", "etc/lighttpd/htdigest", "admin:camera:0123456789abcdef0123456789abcdef\n", []string{"htpasswd admin/0123456789abcdef0123456789abcdef hash :1"}},
		{"lighttpd plain", "etc/lighttpd.user", "admin:camera1\n", []string{"htpasswd admin/camera1 plain :1"}},
		{"mosquitto", "etc/mosquitto/passwd", "cam:$7$101$aaaa$bbbb\n", []string{"mosquitto cam/$7$101$aaaa$bbbb hash :1"}},
		{"mosquitto bridge", "etc/mosquitto/mosquitto.conf", "#allow_anonymous true\nallow_anonymous true\nremote_password hunter2\n", []string{"mosquitto anonymous/ empty :2", "mosquitto /hunter2 plain :3"}},
		{"vsftpd", "etc/vsftpd.conf", "anonymous_enable=YES\n", []string{"vsftpd anonymous/ empty :1"}},
		{"vsftpd closed", "etc/vsftpd.conf", "#anonymous_enable=YES\nanonymous_enable=NO\n", nil},
		{"sshd", "etc/ssh/sshd_config", "PermitEmptyPasswords yes\n", []string{"sshd anonymous/ empty :1"}},
		{"snmp", "etc/snmp/snmpd.conf", "rwcommunity private\n", []string{"snmp /private plain :1"}},
		{"hostapd", "etc/hostapd.conf", "wpa_key_mgmt=WPA-PSK\n#wpa_passphrase=87654321\nwpa_passphrase=12345678\n", []string{"wifi /12345678 plain :3"}},
		{"wpa_supplicant", "etc/wpa_supplicant.conf", "network={\n ssid=\"x\"\n psk=\"secret12\"\n}\n", []string{"wifi /secret12 plain :3"}},
		{"chap", "etc/ppp/chap-secrets", "# c s secret\nuser1 * pass1 *\n", []string{"ppp user1/pass1 plain :2"}},
		{"uci", "etc/config/wireless", "config wifi-iface\n\toption ssid 'x'\n\toption key 'goodlife1'\nconfig wifi-device\n\toption key '1'\n", []string{"uci /goodlife1 plain :3"}},
		{"uci account", "etc/config/rpcd", "config login\n\toption username 'root'\n\toption password '$p$root'\n", nil},
		{"nvram", "etc/nvram.default", "admin_username=admin\nadmin_password=\nwan_pppoe_password=\nwlan0_psk_pass_phrase=1234567890\nwps_pin=00000000\nwlan0_wep64_key_1=0000000000\n",
			[]string{"settings admin/ empty :2", "settings /1234567890 plain :4", "settings /00000000 plain :5"}},
		{"nvram block", "mtd/env.bin", "\x12\x34\x56\x78bootdelay=1\x00http_user=admin\x00http_passwd=pass99\x00ip=1.2.3.4\x00\x00\xff\xff", []string{"nvram admin/pass99 plain :0"}},
		{"ini", "etc/user.ini", "[user0]\nname = admin\npassword = \"12345\" ; x\n[user1]\nname=guest\npassword=guest # y\n", []string{"settings admin/12345 plain :3", "settings guest/guest plain :6"}},
		{"ini of fixed width", "etc/user.ini", "[user0]   \nusername  = \"admin     \"\npassword  = \"admin     \"\n[user1]\nusername = \"          \"\npassword = \"          \"\n[user2]\nusername = guest\npassword =\n",
			[]string{"settings admin/admin plain :3", "settings guest/ empty :9"}},
		{"pins", "etc/hw.conf", "ap_pin=12345670\nled_pin=12\n", []string{"settings /12345670 plain :1"}},
		{"an example by its name", "etc/mosquitto/pwfile.example", "roger:$6$aaaa$bbbb\n", []string{"mosquitto roger/$6$aaaa$bbbb hash placeholder :1"}},
		{"a program of a library", "usr/lib/python3/dist-packages/app/config.json", "{\"password\": \"s3cret\"}", []string{"json /s3cret plain :1"}},
		{"about passwords", "etc/policy.conf", "password_min_length=8\npasswordFile=/etc/x/y\npassword_enable=1\nPasswordAuthentication yes\nhash_password=none\npassword=none\n", nil},
		{"placeholder", "etc/a.conf", "password=${PASS}\npsk=CHANGE_ME\n", []string{"settings /${PASS} plain placeholder :1", "settings /CHANGE_ME plain placeholder :2"}},
		{"xml elements", "etc/cfg.xml", "<c><User><Username>admin</Username>\n<Password>8888</Password></User><PasswordLength>8</PasswordLength></c>", []string{"xml admin/8888 plain :2"}},
		{"xml attributes", "etc/cfg.xml", "<u user=\"root\" password=\"pw1\"/>\n<param name=\"AdminPassword\" value=\"\"/>", []string{"xml root/pw1 plain :1", "xml root/ empty :2"}},
		{"json", "etc/cfg.json", "{\"username\":\"admin\",\n \"password\": \"admin\", \"passwordPolicy\": \"x\"}", []string{"json admin/admin plain :2"}},
		{"javascript", "www/login.js", "// x\nvar defaultPassword = \"camera99\";\nlabel={password:\"Enter password\"}\n", []string{"script /camera99 plain :2"}},
		{"php", "htdocs/a.php", "echo \"wpa_passphrase=\\\"\".query(\"psk\").\"\\\"\"; $x['password'] = \".$password.\"; $pass = \"flets1\";\n", []string{"script /flets1 plain :1"}},
		{"shell", "etc/init.d/x", "#!/bin/sh\nPASSWORD=abc123\nPW=$(cat /x)\nexport WIFI_PASS='s3cret'\n", []string{"script /abc123 plain :2", "script /s3cret plain :4"}},
		{"address", "etc/stream.conf", "url=rtsp://admin:tlJwpbo6@10.0.0.1/live\nx=http://user:password@host/\ny=ftp://%s:%s@z\n", []string{"url admin/tlJwpbo6 plain :1"}},
		{"a program", "usr/bin/ipcam", "\x7fELF\x00\x00admin\x00888888\x00root\x00camera\x00adminPass=s3cr3t99\x00", []string{"binary admin/888888 plain beside :0", "binary /s3cr3t99 plain :0"}},
		{"documentation", "usr/share/doc/x/cfg.json", "{\"password\": \"admin\"}", nil},
		{"no passwords at all", "etc/nsswitch.conf", "passwd: files\nshadow: files\n", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, c := range read(t, tt.file, tt.text).Credentials {
				s := fmt.Sprintf("%s %s/%s %s", c.Source, c.User, c.Secret, c.State)
				if c.Placeholder {
					s += " placeholder"
				}
				if c.Beside {
					s += " beside"
				}
				got = append(got, s+fmt.Sprintf(" :%d", c.Place.Line))
				if at := tt.text[c.Place.Offset:]; c.Source == "settings" && !strings.HasPrefix(at, c.Secret) {
					t.Errorf("at %d stands %.20q, want %q", c.Place.Offset, at, c.Secret)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("credentials (-want +got):\n%s", diff)
			}
		})
	}
}

func pemText(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func sshBlob(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(p))), p...)
	}
	return b
}

func TestSecrets(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pkcs1 := x509.MarshalPKCS1PrivateKey(rsaKey)
	sec1, _ := x509.MarshalECPrivateKey(ecKey)
	pkcs8, _ := x509.MarshalPKCS8PrivateKey(edKey)
	begins := time.Date(2010, 1, 1, 0, 0, 0, 0, time.UTC)
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "camera"}, NotBefore: begins, NotAfter: begins.AddDate(5, 0, 0), IsCA: true, BasicConstraintsValid: true}
	cert, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &rsaKey.PublicKey, rsaKey)
	if err != nil {
		t.Fatal(err)
	}
	big2048, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public2048, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &big2048.PublicKey, big2048)
	if err != nil {
		t.Fatal(err)
	}
	n, e := rsaKey.N.Bytes(), big.NewInt(int64(rsaKey.E)).Bytes()
	public := sshBlob([]byte("ssh-rsa"), e, append([]byte{0}, n...))
	dropbear := append(slices.Clone(public), sshBlob(rsaKey.D.Bytes(), rsaKey.Primes[0].Bytes(), rsaKey.Primes[1].Bytes())...)
	openssh := append([]byte("openssh-key-v1\x00"), sshBlob([]byte("none"), []byte("none"), nil)...)
	openssh = append(append(openssh, 0, 0, 0, 1), sshBlob(public, []byte("private"))...)
	key := pemText("RSA PRIVATE KEY", pkcs1)
	token := "gh" + "p_" + "aB3dE5fG7hI9jK1lM2nO4pQ6rS8tU0vW1xY2"
	for _, tt := range []struct {
		name, file, text string
		want             []string // kind format algorithm bits [encrypted] [binary] line@offset
		passed           int
	}{
		{"pkcs1", "etc/key.pem", "# x\n" + key, []string{"private-key pkcs1 RSA 1024 2@4"}, 0},
		{"sec1", "etc/key.pem", pemText("EC PRIVATE KEY", sec1), []string{"private-key sec1 ECDSA 256 1@0"}, 0},
		{"pkcs8", "etc/key.pem", pemText("PRIVATE KEY", pkcs8), []string{"private-key pkcs8 Ed25519 256 1@0"}, 0},
		{"under a pass phrase", "etc/key.pem", pemText("ENCRYPTED PRIVATE KEY", bytes.Repeat([]byte{1}, 100)), []string{"private-key pkcs8  0 encrypted 1@0"}, 0},
		{"broken", "etc/key.pem", strings.Replace(key, "MII", "AAA", 1), nil, 0},
		{"cut off", "etc/key.pem", key[:200], nil, 0},
		{"two", "etc/key.pem", key[:100] + "\n" + key + pemText("EC PRIVATE KEY", sec1), []string{"private-key pkcs1 RSA 1024 4@101", fmt.Sprintf("private-key sec1 ECDSA 256 %d@%d", 4+strings.Count(key, "\n"), 101+len(key))}, 0},
		{"in a program", "usr/bin/cam", "\x7fELF\x00abc\x00" + key + "\x00", []string{"private-key pkcs1 RSA 1024 binary 0@9"}, 0},
		{"in a source", "www/a.js", `var k="` + strings.ReplaceAll(key, "\n", `\n`) + `"`, []string{"private-key pkcs1 RSA 1024 1@7"}, 0},
		{"der", "etc/key.der", string(pkcs1), []string{"private-key pkcs1 RSA 1024 binary 0@0"}, 0},
		{"dropbear", "etc/dropbear/dropbear_rsa_host_key", string(dropbear), []string{"host-key dropbear RSA 1024 binary 0@0"}, 0},
		{"public half only", "etc/x", string(public), nil, 0},
		{"openssh", "etc/ssh/ssh_host_rsa_key", pemText("OPENSSH PRIVATE KEY", openssh), []string{"host-key openssh RSA 1024 1@0"}, 0},
		{"authorized", "root/.ssh/authorized_keys", "# x\nssh-rsa " + base64.StdEncoding.EncodeToString(public) + " dev@vendor\n", []string{"authorized-key openssh RSA 1024 2@4"}, 0},
		{"test key of a library", "usr/lib/libgnutls.so.30", "\x7fELF\x00" + key, nil, 1},
		{"example", "usr/share/doc/x/key.pem", key, nil, 1},
		{"marked as an example", "etc/x", "# an example key:\n" + key, nil, 1},
		{"the name of a place", "etc/x", "# of www.example.org\n" + key, []string{"private-key pkcs1 RSA 1024 2@21"}, 0},
		{"a vendor's folder of tests", "home/test/key.pem", key, []string{"private-key pkcs1 RSA 1024 1@0"}, 0},
		{"token", "etc/x", "t=" + token + "\n", []string{"token github  0 1@2"}, 0},
		{"token in a program", "usr/bin/x", "\x7fELF\x00\x00" + token + "\x00", []string{"token github  0 binary 0@6"}, 0},
		{"token of a documentation", "usr/share/doc/x", "t=" + token, nil, 1},
		{"no token", "etc/x", "t=gh" + "p_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa x" + token + "\n", nil, 0},
		{"cloud key", "etc/x", "id=AK" + "IAQ3EGTZW2LKMV7XYP\nsecret=kd93Jf8sLq0Zx7Vb2Nm4Pw6Rt1Yc5Ua8Ge3Hi9Jo\n", []string{"token aws-access-key  0 1@3", "token aws-secret-key  0 2@31"}, 0},
		{"cloud key of a documentation", "etc/x", "AK" + "IAIOSFODNN7EXAMPLE\n", nil, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := read(t, tt.file, tt.text)
			var got []string
			for _, s := range c.Secrets {
				x := fmt.Sprintf("%s %s %s %d", s.Kind, s.Format, s.Algorithm, s.Bits)
				if s.Encrypted {
					x += " encrypted"
				}
				if s.Binary {
					x += " binary"
				}
				got = append(got, x+fmt.Sprintf(" %d@%d", s.Place.Line, s.Place.Offset))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("secrets (-want +got):\n%s", diff)
			}
			passed := 0
			for _, n := range c.Passed {
				passed += n
			}
			if passed != tt.passed {
				t.Errorf("passed = %v, want %d", c.Passed, tt.passed)
			}
		})
	}
	t.Run("identity", func(t *testing.T) {
		c := read(t, "etc/server.pem", pemText("CERTIFICATE", cert)+key, "etc/ssl/certs/old.pem", pemText("CERTIFICATE", cert), "etc/ssl/certs/ca.pem", pemText("CERTIFICATE", public2048))
		if len(c.Certificates) != 2 || c.Passed["a certificate of a trust store"] != 1 {
			t.Fatalf("certificates = %+v, passed %v", c.Certificates, c.Passed)
		}
		got := c.Certificates[0]
		if got.Key == nil || got.Key.File != "etc/server.pem" || got.Key.Offset == 0 {
			t.Errorf("key = %v, want that in the same file", got.Key)
		}
		if got.Subject != "CN=camera" || !got.SelfSigned || !got.CA || got.Algorithm != "RSA" || got.Bits != 1024 || !got.NotAfter.Equal(begins.AddDate(5, 0, 0)) {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("across windows", func(t *testing.T) {
		// A key that begins in the first window of a large file and ends in the second is found once, at its place.
		for _, at := range []int{reading.Size - 500, reading.Size - reading.Overlap - 100, reading.Size - reading.Overlap, 2*reading.Size - reading.Overlap - 300} {
			data := make([]byte, 2*reading.Size+1000)
			copy(data, "\x7fELF")
			copy(data[at:], key)
			got, err := ReadContents(context.Background(), fstest.MapFS{"bin/big": {Data: data}})
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Secrets) != 1 || got.Secrets[0].Place.Offset != int64(at) {
				t.Errorf("key at %d: got %+v", at, got.Secrets)
			}
		}
	})
}

func TestUpdates(t *testing.T) {
	for _, tt := range []struct {
		name, file, text string
		want             []string
	}{
		{"fetched and written unchecked", "usr/bin/ota.sh", "#!/bin/sh\n# openssl dgst -verify k\nwget http://up.example.net/fw.bin -O /tmp/fw\nmtd write /tmp/fw firmware\n",
			[]string{"script http no http://up.example.net/fw.bin :3"}},
		{"checked", "usr/bin/ota.sh", "#!/bin/sh\ncurl -k -O https://u.example.net/f\nopenssl dgst -sha256 -verify /etc/pub.pem -signature f.sig f && mtd write f fw\n",
			[]string{"script https yes https://u.example.net/f peer-no :2"}},
		{"a check that was not followed", "usr/bin/upgrade.sh", "#!/bin/sh\ntftp -g -r fw 10.0.0.1\n/usr/bin/verify_image fw\nflashcp fw /dev/mtd2\n", []string{"script tftp   :2"}},
		{"opkg", "etc/opkg.conf", "src/gz base http://downloads.example.org/base\noption check_signature 1\n", []string{"opkg http yes http://downloads.example.org/base :1"}},
		{"opkg unchecked", "etc/opkg.conf", "src/gz base http://downloads.example.org/base\n", []string{"opkg http  http://downloads.example.org/base :1"}},
		{"swupdate", "etc/swupdate.cfg", "globals : {\n public-key-file = \"/etc/pub.pem\";\n};\nsuricatta : { url = \"https://hawk.example.org\"; };\n", []string{"swupdate https yes https://hawk.example.org :4"}},
		{"no update", "usr/bin/weather.sh", "#!/bin/sh\nwget http://weather.example.org/today\n", nil},
		{"flash only", "usr/bin/erase.sh", "#!/bin/sh\nmtd erase rootfs_data\n", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, u := range read(t, tt.file, tt.text).Updates {
				s := fmt.Sprintf("%s %s %s %s", u.Client, u.Over, u.Verified, u.Address)
				if u.Peer == No {
					s += " peer-no"
				}
				got = append(got, s+fmt.Sprintf(" :%d", u.Place.Line))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("updates (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSettingsAndMentions(t *testing.T) {
	c := read(t, "etc/ssh/sshd_config", "#PermitRootLogin yes\n PermitRootLogin yes\nPasswordAuthentication no\n", "default.prop", "ro.adb.secure=0\nro.debuggable=0\n",
		"etc/config/dropbear", "config dropbear\n\toption PasswordAuth 'on'\n", "etc/exports", "/mnt *(rw,no_root_squash)\n", "etc/samba/smb.conf", "guest ok = yes\n",
		"usr/bin/ipcam", "\x7fELF\x00telnetd &\x00killall telnetd\x00telnetd\x00/usr/sbin/telnetd -l /bin/sh -p 9527\x00start telnetd: ok\x00", "bin/busybox", "\x7fELF\x00telnetd -x \x00")
	var got []string
	for _, s := range c.Settings {
		got = append(got, fmt.Sprintf("%s %s %s", s.Name, s.Place, s.Text))
	}
	for _, m := range c.Mentions {
		got = append(got, fmt.Sprintf("%s %s %s", m.Kind, m.Place, m.Text))
	}
	want := []string{"adb default.prop:1 ro.adb.secure=0", "ssh-passwords etc/config/dropbear:2 option PasswordAuth 'on'", "nfs-root etc/exports:1 /mnt *(rw,no_root_squash)",
		"samba-guest etc/samba/smb.conf:1 guest ok = yes", "ssh-root etc/ssh/sshd_config:2 PermitRootLogin yes", "telnet usr/bin/ipcam@5 telnetd &", "telnet usr/bin/ipcam@39 /usr/sbin/telnetd -l /bin/sh -p 9527"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestImage(t *testing.T) {
	image := "\xe9\x01\x00SmartPlug-AP\x00plug%04x\x00\x00plug1234\x00/x.htm\x00adminPass=letmein9\x00wifi_passwd\x00Qwerty12\x00password:\x00password less than 8\x00"
	got, err := ReadImage(context.Background(), strings.NewReader(image))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, c := range got {
		found = append(found, fmt.Sprintf("%s=%s %v", c.Key, c.Secret, c.Beside))
		if !strings.HasPrefix(image[c.Place.Offset:], c.Secret) {
			t.Errorf("%q is not at %d", c.Secret, c.Place.Offset)
		}
	}
	want := []string{"SmartPlug-AP=plug1234 true", "adminPass=letmein9 false", "wifi_passwd=Qwerty12 true"}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("credentials (-want +got):\n%s", diff)
	}
}

func TestImagePairs(t *testing.T) {
	image := "\x00{\"ssid\":\"Lamp\",\"wifi_password\":\"Lamp2024x\",\"port\":80}\x00\x01AT+CWSAP=\"Kettle\",\"boil4tea\",5,3\r\n\x00\x02/login?user=admin&passwd=8h4Kx2&go=1\x00" +
		"{\"password\":\"%s\",\"psk\":\"password\"}\x00AT+CWJAP=\"%s\",\"%s\"\x00set passwd=<new> to change\x00{\"pass\":\"\"}\x00"
	got, err := ReadImage(context.Background(), strings.NewReader(image))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, c := range got {
		found = append(found, c.Key+"="+c.Secret)
		if !strings.HasPrefix(image[c.Place.Offset:], c.Secret) {
			t.Errorf("%q is not at %d", c.Secret, c.Place.Offset)
		}
	}
	if diff := cmp.Diff(found, []string{"wifi_password=Lamp2024x", "Kettle=boil4tea", "passwd=8h4Kx2"}); diff != "" {
		t.Errorf("credentials (-got +want):\n%s", diff)
	}
}

func TestRealImages(t *testing.T) {
	for _, tt := range []struct {
		image string
		want  []string
	}{
		{"esp/WLED_0.15.0_ESP32.bin", []string{"wled1234@30547", "wledota@276322"}},
		{"esp/tasmota.bin", nil},
		{"esp/bootloader_esp32_v5_2.bin", nil},
		{"esp/esp8266_at_user1.1024.new.2.bin", nil},
		{"esp/hello-world-signed-encrypted.bin", nil},
		{"zigbee/Sonoff_trvzb_v1.4.4.ota", nil},
	} {
		f, err := os.Open(filepath.Join(inputs, tt.image))
		if err != nil {
			t.Skipf("no real input %s", tt.image)
		}
		got, err := ReadImage(context.Background(), f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		var found []string
		for _, c := range got {
			found = append(found, fmt.Sprintf("%s@%d", c.Secret, c.Place.Offset))
		}
		if diff := cmp.Diff(tt.want, found); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.image, diff)
		}
	}
}

func FuzzContents(f *testing.F) {
	f.Add("etc/x.conf", []byte("password=1\nrtsp://a:bcde@f\n"))
	f.Add("etc/cfg.xml", []byte("<a password='x'><Password>y</Password>"))
	f.Add("etc/k.pem", []byte("-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----\n"))
	f.Add("etc/config/x", []byte("config a b\n option key 'x'\n"))
	f.Add("bin/x.sh", []byte("#!/bin/sh\nwget http://x/y\nmtd write a b\n"))
	f.Add("bin/x", []byte("\x7fELF\x00admin\x00888888\x00\x00\x00\x00\x07ssh-rsa\x00"))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		got, err := ReadContents(context.Background(), fstest.MapFS{clean(name): {Data: data}, "etc/inner.json": {Data: data}})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range got.Credentials {
			if c.Place.Offset < 0 || c.Place.Offset > int64(len(data)) {
				t.Fatalf("no such place: %+v", c)
			}
		}
		if _, err := ReadImage(context.Background(), bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkContents(b *testing.B) {
	// 70 MB: programs with words in them, and settings.
	tree := fstest.MapFS{}
	total := int64(0)
	for i := range 500 {
		data := make([]byte, 140<<10)
		for j := range data {
			data[j] = byte(j * (j>>7 + i))
		}
		copy(data, "\x7fELF")
		copy(data[5000:], "\x00telnetd &\x00admin\x00888888\x00")
		tree[fmt.Sprintf("bin/p%d", i)] = &fstest.MapFile{Data: data}
		text := []byte(strings.Repeat("a=1\n# b\nname = value\n", 50) + "password=12345\n")
		tree[fmt.Sprintf("etc/s%d.conf", i)] = &fstest.MapFile{Data: text}
		total += int64(len(data) + len(text))
	}
	b.SetBytes(total)
	for b.Loop() {
		got, err := ReadContents(context.Background(), tree)
		if err != nil || len(got.Credentials) != 1000 || len(got.Mentions) != 500 {
			b.Fatal(err, len(got.Credentials), len(got.Mentions))
		}
	}
}

// The start-up is the same whether its scripts are looked for, or known from the contents.
func TestBootOfContents(t *testing.T) {
	const launcher = "#!/bin/sh\n/usr/sbin/telnetd &\n"
	m := fstest.MapFS{}
	for name, text := range map[string]string{"etc/passwd": "root:x:0:0::/:/bin/sh\n", "etc/inittab": "::sysinit:/etc/init.d/rcS\n", "etc/init.d/rcS": "#!/bin/sh\necho up\n",
		"usr/bin/debug.sh": launcher, "usr/bin/debug": launcher, "usr/bin/notes": "telnetd\n", "usr/sbin/telnetd": "\x7fELF\x00", "bin/sh": "\x7fELF\x00"} {
		m["root/"+name] = &fstest.MapFile{Data: []byte(text), Mode: 0o755}
	}
	sub, err := fs.Sub(m, "root")
	if err != nil {
		t.Fatal(err)
	}
	want, err := ReadBoot(t.Context(), sub)
	if err != nil || len(want.Dormant) == 0 {
		t.Fatalf("got %+v, %v, want a service that nothing starts", want, err)
	}
	for dir, tree := range map[string]fs.FS{".": sub, "root": m} {
		contents, err := ReadContents(t.Context(), tree)
		if err != nil {
			t.Fatal(err)
		}
		got, err := contents.ReadBoot(t.Context(), sub, dir)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", dir, diff)
		}
	}
}
