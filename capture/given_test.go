package capture

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// given is where captures that others recorded lie, beside the project.
const given = "../../shared/inputs/pcap"

func readGiven(t testing.TB, name string) *Result {
	t.Helper()
	f, err := os.Open(filepath.Join(given, name))
	if err != nil {
		t.Skipf("the given captures are not beside the project: %v", err)
	}
	defer f.Close()
	r, err := Read(t.Context(), name, f, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// summary writes a device as text, one thing a line.
func summary(d *Device) string {
	var b strings.Builder
	for _, h := range d.Hosts {
		for _, x := range h.Details {
			fmt.Fprintf(&b, "host %s: %s\n", x.What, x.Value)
		}
		for _, n := range h.Names {
			fmt.Fprintf(&b, "host name %s by %s\n", n.Name, n.How)
		}
		for _, a := range h.Addresses {
			fmt.Fprintf(&b, "host address %s by %s\n", a.IP, a.How)
		}
	}
	for _, k := range d.Talks {
		role := "to"
		if k.Serves {
			role = "from"
		}
		fmt.Fprintf(&b, "talk %s %s %s/%d %s [%s]", role, k.Peer(), k.Transport, k.Port, k.Protocol, k.Protection)
		if k.Offered() {
			b.WriteString(" offered")
		}
		b.WriteByte('\n')
		for _, s := range k.TLS {
			fmt.Fprintf(&b, "  tls %s %s sni=%s alpn=%s alerts=%v\n", s.Version, s.Suite, s.SNI, strings.Join(s.ALPN, ","), s.Alerts)
		}
		for _, x := range k.Details {
			fmt.Fprintf(&b, "  %s %s: %s\n", x.From, x.What, x.Value)
		}
		if k.Sample != nil {
			fmt.Fprintf(&b, "  sample: %s\n", k.Sample)
		}
	}
	for _, f := range d.Findings {
		held := ""
		if f.Held() {
			held = " HELD"
		}
		fmt.Fprintf(&b, "finding %s%s: %s @%d\n", f.Kind, held, f.Text, f.At[0].Packet)
	}
	for _, l := range d.Lookups {
		fmt.Fprintf(&b, "lookup %s %s %v\n", l.How, l.Name, l.Answers)
	}
	for _, w := range d.Wanted {
		fmt.Fprintf(&b, "wanted: %s\n", w)
	}
	for _, n := range d.Notes {
		fmt.Fprintf(&b, "note: %s\n", n)
	}
	return b.String()
}

// TestGiven holds what is concluded of captures that others recorded, and what is
// not: each row was looked at with other programs first.
func TestGiven(t *testing.T) {
	const held, clearText = " HELD", "[clear]"
	rows := []struct {
		file, device string
		want, never  []string
	}{
		{"iotinspector_application_data.pcap", "192.168.1.37",
			[]string{"to ad.doubleclick.net (142.250.64.70) tcp/443 tls [encrypted]", "udp/443 quic [encrypted]", "sni=ade.googlesyndication.com alpn=h3", "tls  "}, []string{held, clearText, "secret-in-clear"}},
		{"ndpi_TivoDVR.pcap", "98.245.242.69",
			[]string{"udp/2190 tivoconnect [clear]", "platform: pc/minidlna", "host name R7000P", "wanted: a capture of set-up"}, []string{held, "secret", "offered"}},
		{"ndpi_alexa-app.pcapng", "172.16.42.216",
			[]string{"to alexa.amazon.com (52.94.232.134) tcp/80 http [clear]", "GET alexa.amazon.com/manifest/pitangui.appcache", "finding outdated HELD: tls on TCP 443 with alexa.amazon.com (52.94.232.134): TLS 1.0 was withdrawn", "lookup dns connectivitycheck.android.com"}, []string{"a password", "update-in-clear", "secret-in-clear HELD"}},
		{"ndpi_coap_mqtt.pcap", "bbbb::1",
			[]string{"to bbbb::3 udp/5683 coap [clear]", "request: GET /separate", "answer: 2.05"}, []string{held, "dtls", "secret"}},
		{"ndpi_coap_mqtt.pcap", "192.168.56.101",
			[]string{"from 192.168.56.1 tcp/17501 mqtt [clear]", "MQTT 3.1.1", "finding open-access HELD: mqtt on TCP 17501"}, []string{"secret-in-clear", "tcp/17501 text"}},
		{"ndpi_dtls_certificate.pcapng", "191.62.60.190",
			[]string{"udp/443 dtls [encrypted]", "tls DTLS 1.2", "certificate signed with SHA1-RSA (the handshake was not seen to its end)", "wanted: a longer capture"}, []string{held, clearText}},
		{"ndpi_ftp.pcap", "192.168.1.212",
			[]string{"tcp/21 ftp [clear]", "a password of user anonymous in clear: FTP PASS", "; the server accepted it", "log-in for everybody", "tcp/24523 ftp-data"}, []string{held, "NcFTP@", "open-access"}},
		{"ndpi_ftp.pcap", "90.130.70.73", // had it been the device
			[]string{"software: (vsFTPd 3.0.3)", "finding open-access HELD"}, []string{"secret-in-clear HELD", "tcp/24523 ftp-data [clear] offered"}},
		{"ndpi_http_auth.pcap", "192.168.0.4",
			[]string{"the device sends a password of user test in clear: HTTP Basic", "; the server refused it", "secret-in-clear HELD", "browserspy.dk"}, []string{"fail2", "; the server accepted it"}},
		{"ndpi_natpmp.pcap", "192.168.1.128",
			[]string{"nat-pmp [clear]", "asks the router to open TCP port 51413 to its port 51413", "opened: TCP port 51413"}, []string{held, "secret"}},
		{"ndpi_nest_log_sink.pcap", "192.168.242.15",
			[]string{"to weave-logsink.nest.com (35.188.154.186) tcp/11095 unknown [unknown]", "is not understood", "lookup dns weave-logsink.nest.com"}, []string{held, "tcp/11095 tls", "tcp/11095 text", "11095 unknown [clear]", "11095 unknown [encrypted]"}},
		{"ndpi_selfsigned.pcap", "127.0.0.1",
			[]string{"tcp/3001 tls [encrypted]", "finding self-signed: tls on TCP 3001", "O=ntop.org"}, []string{held, clearText}},
		{"ndpi_sonos.pcapng", "192.168.1.70",
			[]string{"from 192.168.1.29 tcp/1443 tls [encrypted] offered", "TLS_RSA_WITH_AES_128_GCM_SHA256", "finding no-forward-secrecy"}, []string{held, clearText}},
		{"ndpi_sonos.pcapng", "192.168.15.37", []string{"udp/7080 unknown [unknown]"}, []string{held, clearText}},
		{"ndpi_tplink_shp.pcap", "192.168.242.41",
			[]string{"udp/9999 tplink-shp [obfuscated]", "command: system.get_sysinfo", "finding obfuscated: tplink-shp"}, []string{held, "secret", "[encrypted]", "offered"}},
		{"suricata_ftp-epsv.pcap", "192.168.1.231",
			[]string{"tcp/21 ftp [clear] offered", "ProFTPD", "log-in for everybody"}, []string{"secret-in-clear HELD"}},
		{"suricata_mqtt5-pub-userpass.pcap", "::1",
			[]string{"tcp/1883 mqtt [clear]", "MQTT 5", "a password of user user in clear: MQTT CONNECT", "; the server accepted it", "publishes: topicX"}, []string{"open-access"}},
		{"suricata_snmp-v2c-get.pcap", "10.144.246.161",
			[]string{"udp/161 snmp [clear] offered", "SNMP 2c", "a community in clear", "secret-in-clear HELD"}, []string{"R0_C@cti", "open-access"}},
		{"suricata_telnet_telnet-01.pcap", "192.168.0.1",
			[]string{"tcp/23 telnet [clear] offered", "a password of user fake in clear: telnet", "whether the server accepted it cannot be seen"}, []string{held, "; the server accepted it"}},
		{"testrun_conn_startup.pcap", "10.10.10.15", []string{"udp/67 dhcp [clear]", "host address 10.10.10.15 by dhcp", "wanted: a capture of set-up"}, []string{held, "offered", "lookup"}},
		{"testrun_dns_dns_dhcp_server_monitor.pcap", "10.10.10.14",
			[]string{"to 10.10.10.4 udp/53 dns [clear]", "gives DNS servers: 10.10.10.4", "lookup dns mqtt.googleapis.com", "udp/123 ntp [clear]", "client: TLS 1.2 alert: bad certificate"}, []string{held, "finding clear-text: dns", "finding clear-text: ntp"}},
		{"testrun_dns_dns_no_dns_monitor.pcap", "10.10.10.14", []string{"tcp/8883 tls [encrypted]"}, []string{held, "lookup", "udp/53"}},
		{"testrun_protocol_bacnet.pcap", "10.10.10.14", []string{"from 10.10.10.9 udp/47808 bacnet [clear] offered", "complex acknowledgement"}, []string{held, "secret"}},
		{"testrun_tls_monitor_with_quic.pcap", "10.10.10.15", []string{"udp/443 quic [encrypted]", "sni=accounts.google.com", "to accounts.google.com (46.82.174.69) tcp/443 none []"}, []string{held, "quic [clear]", "finding clear-text"}},
		{"testrun_tls_unsupported_tls.pcap", "172.27.253.167", []string{"tcp/443 tls [unknown]", "tls   sni= alpn= alerts=[client: TLS 1.0 alert: internal error]"}, []string{held, "tls TLS 1.0", "finding outdated"}},
		{"toolsaf_deltaco-setup.pcap", "192.168.4.19",
			[]string{"to 3.122.134.146 tcp/443 tls", "to 18.195.249.137 tcp/443 tls", "to 3.67.242.33 tcp/8886 tls", "TLS 1.2 TLS_PSK_WITH_AES_128_CBC_SHA256 sni= alpn=", "finding no-forward-secrecy", "from 192.168.4.16 tcp/6668 tuya [unknown] offered", "udp/6667 tuya [obfuscated]", "host name wlan0 by dhcp", "host address 192.168.4.19 by dhcp"},
			[]string{held, "apple", "tuyaeu", "finding outdated", "udp/443"}},
		{"toolsaf_deltaco-setup.pcap", "192.168.4.16", []string{"to images.tuyaeu.com", "gsp-ssl.ls.apple.com", "to 192.168.4.19 tcp/6668 tuya"}, []string{"PSK", "udp/6667"}},
		{"toolsaf_dhcp.pcap", "192.168.4.7", []string{"udp/67 dhcp [clear]", "message: acknowledgement"}, []string{held, "offered"}},
		{"toolsaf_dns.pcap", "192.168.20.132", []string{"lookup dns avs-alexa-na.amazon.com [54.239.21.157"}, []string{held, "secret"}},
		{"toolsaf_test.pcap", "10.42.0.184", []string{"to 3.66.126.37 tcp/8886 tls [encrypted]", "from 10.42.0.133 tcp/6668 tuya [unknown] offered"}, []string{held, "a1.tuyaeu.com"}},
		{"zeek_mqtt.pcap", "10.0.1.4", []string{"tcp/1883 mqtt [clear]", "MQTT 3.1", "publishes: SampleTopic", "finding clear-text: mqtt"}, []string{held, "secret-in-clear"}},
		{"zeek_snmp_snmpv1_get.pcap", "172.31.19.73", []string{"udp/161 snmp [clear] offered", "SNMP 1", "secret-in-clear HELD"}, []string{"[encrypted]"}},
		{"zeek_snmp_snmpv1_get.pcap", "10.9.9.9", []string{"wanted: a capture in which the device speaks"}, []string{"talk", "finding", "host"}},
	}
	for _, row := range rows {
		t.Run(row.file+"/"+row.device, func(t *testing.T) {
			r := readGiven(t, row.file)
			if len(r.Bounds) > 0 || r.Files[0].Problem != "" {
				t.Errorf("bounds %v, problem %q, want none", r.Bounds, r.Files[0].Problem)
			}
			d, err := r.Device(row.device)
			if err != nil {
				t.Fatal(err)
			}
			got := summary(d)
			for _, w := range row.want {
				if !strings.Contains(got, w) {
					t.Errorf("%q is missing", w)
				}
			}
			for _, n := range row.never {
				if strings.Contains(got, n) {
					t.Errorf("%q is claimed", n)
				}
			}
			if t.Failed() {
				t.Log(got)
			}
		})
	}
}

// TestGivenSecrets holds the values that stand in the evidence; no output shows them.
func TestGivenSecrets(t *testing.T) {
	rows := []struct{ file, user, secret string }{
		{"ndpi_ftp.pcap", "anonymous", "NcFTP@"},
		{"ndpi_http_auth.pcap", "test", "fail2"},
		{"suricata_mqtt5-pub-userpass.pcap", "user", "pass"},
		{"suricata_snmp-v2c-get.pcap", "", "[R0_C@cti!]"},
		{"suricata_telnet_telnet-01.pcap", "fake", "user"},
		{"zeek_snmp_snmpv1_get.pcap", "", "public"},
	}
	for _, row := range rows {
		t.Run(row.file, func(t *testing.T) {
			found := false
			for _, c := range readGiven(t, row.file).Conversations {
				for _, s := range c.Secrets {
					found = found || s.User == row.user && s.Secret.Reveal() == row.secret
				}
			}
			if !found {
				t.Errorf("user %q with %q is not found", row.user, row.secret)
			}
		})
	}
}
