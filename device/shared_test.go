package device

import (
	"net/netip"
	"testing"
)

// Two units that were looked at one after the other at the same address of the bench
// are two where their hardware says so and a person calls them differently.
func TestTwoUnits(t *testing.T) {
	at := netip.MustParseAddr("192.168.8.20")
	other := netip.MustParseAddr("192.168.8.21")
	for name, c := range map[string]struct {
		a, b Record
		want bool
	}{
		"one-after-the-other":     {Record{Address: at, MAC: "02:00:5e:10:00:01", Unit: "u1"}, Record{Address: at, MAC: "02:00:5e:10:00:02", Unit: "u2"}, true},
		"named-together":          {Record{Address: at, Run: "r"}, Record{Address: other, Run: "r"}, true},
		"same-hardware":           {Record{Address: at, MAC: "02:00:5e:10:00:01", Unit: "u1"}, Record{Address: other, MAC: "02:00:5e:10:00:01", Unit: "u1-after"}, false},
		"same-name":               {Record{Address: at, MAC: "02:00:5e:10:00:01", Unit: "u1"}, Record{Address: other, MAC: "02:00:5e:10:00:02", Unit: "u1"}, false},
		"hardware-not-known":      {Record{Address: at, Unit: "u1"}, Record{Address: at, Unit: "u1-after"}, false},
		"not-said":                {Record{Address: at, MAC: "02:00:5e:10:00:01"}, Record{Address: other, MAC: "02:00:5e:10:00:02"}, false},
		"one-of-them-has-no-name": {Record{Address: at, Unit: "u1"}, Record{Address: other}, false},
	} {
		if got := TwoUnits(&c.a, &c.b); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}
