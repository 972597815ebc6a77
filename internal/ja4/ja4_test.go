package ja4

import (
	"strings"
	"testing"
)

// TestJA4 holds the fingerprint against a ClientHello whose JA4 is published, one that
// was worked out by hand from the definition, and against GREASE, which must not count.
func TestJA4(t *testing.T) {
	h := &Hello{Transport: 't', Version: 0x0303, Versions: []int{0x3a3a, 0x0304, 0x0303}, Suites: []int{0x1a1a, 0x1302, 0x1301, 0xc02f}, Extensions: []int{0x2a2a, 0, 16, 13, 43, 10}, Signatures: []int{0x0403, 0x0804}, Name: true, ALPN: []string{"h2", "http/1.1"}}
	want := "t13d0305h2_" + short("1301,1302,c02f") + "_" + short("000a,000d,002b_0403,0804")
	if got := h.String(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := (&Hello{Transport: 't', Version: 0x0301, Suites: []int{5}}).String(); !strings.HasPrefix(got, "t10i010000_") || !strings.HasSuffix(got, "_000000000000") {
		t.Errorf("got %s", got)
	}
	// The example of the definition's authors: FoxIO-LLC/ja4, technical_details/JA4.md.
	chrome := &Hello{Transport: 't', Version: 0x0303, Versions: []int{0x0a0a, 0x0304, 0x0303}, Name: true, ALPN: []string{"h2", "http/1.1"},
		Suites:     []int{0x2a2a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035},
		Extensions: []int{0x3a3a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b, 0xff01, 0x000b, 0x000a, 0x0015, 0x4a4a},
		Signatures: []int{0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601}}
	if got, want := chrome.String(), "t13d1516h2_8daaf6152771_e5627efa2ab1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if alpnMark(nil) != "00" || alpnMark([]string{"\xab\xcd"}) != "ad" {
		t.Error("ALPN that is no text is marked by its first and last hexadecimal digit")
	}
}
