package capture

import (
	"crypto/md5"
	"encoding/hex"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// theirs is what tshark reads of a capture.
type theirs struct {
	packets               int64
	sni, ja3, asked, host map[string]bool
}

// readTheirs asks tshark once: it takes a second to start.
func readTheirs(t *testing.T, file string) theirs {
	t.Helper()
	args := []string{"-r", file, "-T", "fields", "-E", "aggregator=|", "-E", "separator=/t"}
	for _, f := range []string{"frame.protocols", "tls.handshake.extensions_server_name", "tls.handshake.ja3", "dns.flags.response", "dns.qry.name", "http.host", "http.request.method"} {
		args = append(args, "-e", f)
	}
	out, err := exec.CommandContext(t.Context(), "tshark", args...).Output()
	if err != nil && len(out) == 0 {
		t.Fatalf("tshark: %v", err)
	}
	x := theirs{0, map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}}
	add := func(to map[string]bool, v string) {
		for v := range strings.SplitSeq(v, "|") {
			if v != "" {
				to[v] = true
			}
		}
	}
	for line := range strings.Lines(string(out)) {
		x.packets++
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		protocols := ":" + f[0] + ":"
		add(x.sni, f[1])
		if !strings.Contains(protocols, ":quic:") {
			add(x.ja3, f[2])
		}
		if strings.Contains(protocols, ":dns:") && strings.Trim(f[3], "0|") == "" && f[3] != "" {
			add(x.asked, strings.ToLower(f[4]))
		}
		if strings.Contains(protocols, ":tcp:") && f[6] != "" {
			add(x.host, f[5])
		}
	}
	return x
}

func keys(m map[string]bool) []string { return sortedKeys(m) }

// TestAgainstTshark holds names, hosts and fingerprints against another reader's.
func TestAgainstTshark(t *testing.T) {
	if testing.Short() {
		t.Skip("tshark takes half a minute for all captures")
	}
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("tshark is not installed: apt-get install tshark")
	}
	files, _ := filepath.Glob(filepath.Join(given, "*"))
	if len(files) == 0 {
		t.Skip("the given captures are not beside the project")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			r := readGiven(t, filepath.Base(file))
			sni, ja3, hosts, asked := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
			for _, c := range r.Conversations {
				for _, s := range c.TLS {
					if s.SNI != "" {
						sni[s.SNI] = true
					}
					if s.ja3 != "" {
						sum := md5.Sum([]byte(s.ja3))
						ja3[hex.EncodeToString(sum[:])] = true
					}
				}
				for _, d := range c.Details {
					if method, rest, ok := strings.Cut(d.Value, " "); d.What == "request" && c.Protocol == "http" && ok && method != "" {
						host, _, _ := strings.Cut(rest, "/")
						hosts[host] = true
					}
				}
			}
			for _, l := range r.Lookups {
				if l.How == "dns" {
					asked[l.Name] = true
				}
			}
			want := readTheirs(t, file)
			for _, row := range []struct {
				what      string
				want, got map[string]bool
			}{{"SNI", want.sni, sni}, {"names asked of DNS", want.asked, asked}, {"hosts of HTTP", want.host, hosts}} {
				if diff := cmp.Diff(keys(row.want), keys(row.got)); diff != "" {
					t.Errorf("%s: -tshark +ours\n%s", row.what, diff)
				}
			}
			for _, v := range keys(want.ja3) {
				if !ja3[v] {
					t.Errorf("JA3 %s of tshark is not among ours", v)
				}
			}
			if got := r.Files[0].Packets; got != want.packets {
				t.Errorf("%d packets, tshark reads %d", got, want.packets)
			}
		})
	}
}

// TestJA4 holds the fingerprint against a ClientHello whose JA4 is published, one that
// was worked out by hand from the definition, and against GREASE, which must not count.
func TestJA4(t *testing.T) {
	h := &hello{version: 0x0303, versions: []int{0x3a3a, 0x0304, 0x0303}, suites: []int{0x1a1a, 0x1302, 0x1301, 0xc02f}, exts: []int{0x2a2a, 0, 16, 13, 43, 10}, sigs: []int{0x0403, 0x0804}, hasSNI: true, alpn: []string{"h2", "http/1.1"}}
	want := "t13d0305h2_" + short("1301,1302,c02f") + "_" + short("000a,000d,002b_0403,0804")
	if got := h.ja4('t'); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := (&hello{version: 0x0301, suites: []int{5}}).ja4('t'); !strings.HasPrefix(got, "t10i010000_") || !strings.HasSuffix(got, "_000000000000") {
		t.Errorf("got %s", got)
	}
	// The example of the definition's authors: FoxIO-LLC/ja4, technical_details/JA4.md.
	chrome := &hello{version: 0x0303, versions: []int{0x0a0a, 0x0304, 0x0303}, hasSNI: true, alpn: []string{"h2", "http/1.1"},
		suites: []int{0x2a2a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035},
		exts:   []int{0x3a3a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b, 0xff01, 0x000b, 0x000a, 0x0015, 0x4a4a},
		sigs:   []int{0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601}}
	if got, want := chrome.ja4('t'), "t13d1516h2_8daaf6152771_e5627efa2ab1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if !slices.Contains([]string{"00"}, alpnMark(nil)) || alpnMark([]string{"\xab\xcd"}) != "ad" {
		t.Error("ALPN that is no text is marked by its first and last hexadecimal digit")
	}
}
