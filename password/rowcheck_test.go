package password

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestLanesCheckIsPlain puts rows to a construction over MD5 in the quick way, in lanes, and in the plain way: rows that
// agree, rows that do not, rows without the identifier and rows whose identifier fits no lane.
func TestLanesCheckIsPlain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := func(dst []byte, r *Row) []byte { return append(dst, r.Values[0]...) }
		p := producer{of: digestOf(digests[0], message{of: text}), md5Of: func() func([]byte, *Row) []byte { return text }}
		length := rapid.IntRange(4, 10).Draw(t, "length")
		c := &construction{p: &p, length: length + 2, positions: make([]int, length)}
		for i := range c.positions {
			c.positions[i] = i + 1
		}
		c.e = encoding{stream: &digestStreams[0], n: 16, offset: rapid.IntRange(0, 32-length).Draw(t, "offset"), step: 1, back: rapid.Bool().Draw(t, "back")}
		copy(c.e.symbol[:], "0123456789abcdef")
		if rapid.Bool().Draw(t, "whole") {
			c.constant = "K" + blank(length) + "-"
		}
		if rapid.Bool().Draw(t, "scattered") {
			c.positions[0], c.positions[1] = c.positions[1], c.positions[0]
		}
		plain := p
		plain.md5Of = nil
		slow := *c
		slow.p = &plain
		quick, want := c.check(), slow.check()
		if _, ok := quick.(*lanesCheck); !ok {
			t.Fatalf("got %T, want lanes", quick)
		}
		agreeing := int64(0)
		for i := range rapid.IntRange(0, 70).Draw(t, "rows") {
			value := strings.Repeat("x", rapid.IntRange(0, 70).Draw(t, "bytes"))
			if value != "" {
				value = fmt.Sprint(i, value)
			}
			sum := md5.Sum([]byte(value))
			window := hex.EncodeToString(sum[:])[c.e.offset:][:length]
			if c.e.back {
				window = reversed(window)
			}
			if c.positions[0] == 2 {
				window = window[1:2] + window[:1] + window[2:]
			}
			r := Row{Values: []string{value}, Password: "K" + window + "-"}
			right := value != ""
			switch rapid.IntRange(0, 5).Draw(t, "fault") {
			case 0:
				r.Password, right = "K"+reversed(window)+"-", right && reversed(window) == window
			case 1:
				r.Password, right = "L"+window+"-", right && c.constant == ""
			case 2:
				r.Password, right = r.Password[:length], false
			}
			if right {
				agreeing++
			}
			quick.row(&r)
			want.row(&r)
			if i%9 == 0 && quick.agreed() != want.agreed() {
				t.Fatalf("after %d rows: got %d, want %d", i+1, quick.agreed(), want.agreed())
			}
		}
		if got := quick.agreed(); got != want.agreed() || got != agreeing {
			t.Errorf("got %d, plainly %d, want %d", got, want.agreed(), agreeing)
		}
	})
}

// TestRecipesOfManyShapes audits batches whose recipe is checked in lanes, by digest and under a key, and wants every row
// to agree but the one that was changed.
func TestRecipesOfManyShapes(t *testing.T) {
	const n = 100
	for name, password := range map[string]func(mac string) []byte{
		"md5":       func(mac string) []byte { d := md5.Sum([]byte(mac)); return d[:] },
		"saltFirst": func(mac string) []byte { d := md5.Sum([]byte("s4lty-Constant" + mac)); return d[:] },
		"saltLast":  func(mac string) []byte { d := md5.Sum([]byte(mac + "s4lty-Constant")); return d[:] },
		"hmacMD5":   func(mac string) []byte { return newKeyed([]byte("s4lty-Constant")).hmac(0, nil, []byte(mac)) },
		"hmacSHA":   func(mac string) []byte { return newKeyed([]byte("s4lty-Constant")).hmac(2, nil, []byte(mac)) },
	} {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			b.WriteString("mac,password\n")
			for i := range n {
				mac := fmt.Sprintf("74DA38%06X", 1000+i*7)
				pw := hex.EncodeToString(password(mac))[3:15]
				if i == 61 {
					pw = reversed(pw)
				}
				fmt.Fprintf(&b, "%s,%s\n", mac, pw)
			}
			r := auditText(t, b.String(), Options{Constants: [][]byte{[]byte("s4lty-Constant")}})
			l := r.Limbs.Derived
			if l.Verdict != Fail || l.Rows != n-1 || r.Rows != n {
				t.Errorf("got %s on %d of %d rows, want fail on %d", l.Verdict, l.Rows, r.Rows, n-1)
			}
		})
	}
}
