package check_test

import (
	"strings"
	"testing"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/check"
)

func TestServer(t *testing.T) {
	long := strings.Repeat("a", 240) + ".example.com"
	for name, want := range map[string]string{
		"api.example.com":   "peer/api.example.com",
		"API.Example.com.":  "peer/api.example.com",
		"192.0.2.1":         "peer/192.0.2.1",
		"2001:db8::1":       "peer/2001:db8::1",
		"_mqtt.example.com": "peer/mqtt.example.com-",
		"::1":               "peer/1-",
		"é.example.com":     "peer/example.com-",
		"///":               "peer/",
		"":                  "peer/",
		long:                "peer/" + strings.Repeat("a", 100) + "-",
	} {
		got := string(check.Server(name))
		if _, err := assay.ParseSubject(got); err != nil {
			t.Errorf("Server(%q) is no subject: %v", name, err)
		}
		if exact := !strings.HasSuffix(want, "-") && want != "peer/"; exact && got != want || !strings.HasPrefix(got, want) {
			t.Errorf("Server(%q) = %q, want %q", name, got, want)
		}
	}
	for _, pair := range [][2]string{{"_a.example", "a.example"}, {long, long + "x"}, {"_a.example", "__a.example"}} {
		if a, b := check.Server(pair[0]), check.Server(pair[1]); a == b {
			t.Errorf("%q and %q are one part %q", pair[0], pair[1], a)
		}
	}
}
