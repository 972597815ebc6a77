package report_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/assay-psti/assay/device"
	"github.com/assay-psti/assay/report"
)

// TestDeviceFinding holds what lets strangers in apart from what may be for everybody.
func TestDeviceFinding(t *testing.T) {
	for name, c := range map[string]struct {
		way  device.Way
		want bool
	}{
		"broker":       {device.Way{Protocol: "mqtt", Method: "none", Open: device.Yes}, true},
		"stream":       {device.Way{Protocol: "rtsp", Method: "none", Open: device.Yes}, true},
		"debug-bridge": {device.Way{Protocol: "adb", Method: "none", Open: device.Yes}, true},
		"shell":        {device.Way{Protocol: "telnet", Method: "password", Open: device.Yes}, true},
		"page":         {device.Way{Protocol: "http", Method: "none", Open: device.Yes}, false},
		"document":     {device.Way{Protocol: "coap", Method: "none", Open: device.Yes}, false},
		"any-password": {device.Way{Protocol: "https", Method: "basic", Open: device.Yes, Any: true}, true},
		"asks":         {device.Way{Protocol: "mqtt", Method: "password", Open: device.No}, false},
		"default": {device.Way{Protocol: "http", Method: "form", Control: device.Refused,
			Tried: []device.Attempt{{User: "admin", Password: "admin", Outcome: device.Accepted}}}, true},
		"default-to-change": {device.Way{Protocol: "http", Method: "form", Control: device.Refused,
			Tried: []device.Attempt{{User: "admin", Password: "admin", Outcome: device.Renew}}}, true},
	} {
		c.way.Network, c.way.Port = "tcp", 1
		b := &report.Bench{Devices: []*device.Record{{Ways: []device.Way{c.way}}}}
		if got := b.Finding(); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
		var out bytes.Buffer
		if err := report.Device(&out, b, report.TextOptions{}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(out.String(), "  ! tcp/1"); got != c.want {
			t.Errorf("%s: marked: got %v, want %v:\n%s", name, got, c.want, out.String())
		}
	}
}
