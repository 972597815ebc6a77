package main

import (
	"strings"
	"testing"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
	"github.com/assay-psti/assay/statement"
	"github.com/assay-psti/assay/tlog"
)

// A statement that a register published is found by the digest beside the record's, and
// what was withdrawn after does not hold.
func TestStatementInRegistersLog(t *testing.T) {
	of := func(c string) assay.Digest { return assay.Digest("sha256:" + strings.Repeat(c, 64)) }
	leaf := func(k register.Kind, record, statement string) []byte {
		l := register.Leaf{Format: 1, Kind: k, Product: "p0123456789abc", SHA256: strings.Repeat(record, 64), At: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), Version: 1, Org: "o0123456789abc", Statement: of(statement)}
		return l.Bytes()
	}
	published, withdrawn := leaf(register.KindPublished, "a", "1"), leaf(register.KindWithdrawn, "a", "1")
	for _, row := range []struct {
		name   string
		leaves [][]byte
		want   statement.State
	}{
		{"published", [][]byte{published}, statement.Holds},
		{"extended", [][]byte{published, leaf(register.KindExtended, "b", "1")}, statement.Holds},
		{"withdrawn", [][]byte{published, withdrawn}, statement.Broken},
		{"published-again", [][]byte{published, withdrawn, leaf(register.KindRevised, "c", "1")}, statement.Holds},
		{"another-statement-since", [][]byte{published, leaf(register.KindRevised, "b", "2")}, statement.Holds},
		{"of-another", [][]byte{leaf(register.KindPublished, "a", "2")}, statement.Broken},
		{"twice-named", [][]byte{[]byte(strings.Replace(string(leaf(register.KindPublished, "a", "2")), `"version"`, `"statement":"`+string(of("1"))+`","version"`, 1))}, statement.Broken},
		{"none", nil, statement.Broken},
	} {
		t.Run(row.name, func(t *testing.T) {
			l := &logVerdict{digest: strings.Repeat("1", 64)}
			for i, data := range row.leaves {
				if _, err := tlog.ParseLeaf(data); err != nil && row.name != "twice-named" {
					t.Fatal(err)
				}
				l.see(int64(i), data)
			}
			l.entry("")
			if got := l.findings[0].State; got != row.want {
				t.Errorf("got %s (%s), want %s", got, l.findings[0].Note, row.want)
			}
		})
	}
}
