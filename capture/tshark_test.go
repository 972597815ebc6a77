package capture

import (
	"crypto/md5"
	"encoding/hex"
	"os/exec"
	"path/filepath"
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
