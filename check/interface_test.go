package check_test

import (
	"testing"

	"github.com/assay-psti/assay/check"
)

func TestInterfaceTakes(t *testing.T) {
	for _, row := range []struct {
		declared, seen string
		want           bool
	}{
		{"http", "http", true}, {"Web", "http", true}, {"ONVIF", "http", true}, {" HTTP/tcp ", "http", true}, {"https", "http", false}, {"http", "https", false},
		{"https", "tls", true}, {"mqtt+tls", "tls", true}, {"MQTT-TLS", "mqtts", true}, {"TLS 1.3", "tls", true}, {"http", "tls", false}, {"mqtt", "tls", false},
		{"coaps", "dtls", true}, {"DTLS", "dtls", true}, {"dtls", "coaps", false}, {"coap", "dtls", false}, {"coap", "coap+tcp", true}, {"coaps", "coap", false},
		{"telnet", "ssh", false}, {"sftp", "ssh", true}, {"", "http", false}, {"wsd", "ws-discovery", true},
	} {
		if got := (check.Interface{Protocol: row.declared}).Takes(row.seen); got != row.want {
			t.Errorf("declared %q, seen %q: got %v, want %v", row.declared, row.seen, got, row.want)
		}
	}
}
