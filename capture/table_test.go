package capture

import (
	"net/netip"
	"testing"

	"pgregory.net/rapid"
)

// TestFlowTable holds the table to a map of plain keys.
func TestFlowTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type key struct {
			a, b  netip.AddrPort
			proto uint8
		}
		table, want := newFlowTable(4), map[key]*flow{}
		addresses := []netip.Addr{device, router, cloud, device6, netip.MustParseAddr("fe80::1")}
		end := func(label string) netip.AddrPort {
			return netip.AddrPortFrom(rapid.SampledFrom(addresses).Draw(t, label), uint16(rapid.IntRange(1, 3).Draw(t, label+" port")))
		}
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			src, dst := end("source"), end("destination")
			p := &packet{src: src.Addr(), dst: dst.Addr(), sport: src.Port(), dport: dst.Port(), proto: rapid.SampledFrom([]uint8{protoTCP, protoUDP}).Draw(t, "protocol")}
			id, from := flowIDOf(p)
			k := key{src, dst, p.proto}
			if src.Compare(dst) > 0 {
				k.a, k.b = dst, src
			}
			f := table.find(&id)
			if f != want[k] {
				t.Fatalf("%v: another flow than before", k)
			}
			switch {
			case f == nil:
				f = table.add(&id, p, from)
				if f.packets != [2]int64{} || f.samples != nil || f.label != "" || f.facts != nil {
					t.Fatal("a flow begins with what another left")
				}
				f.packets[0], f.label, f.samples, f.facts = 7, "x", &sample{n: 3}, &facts{}
				want[k] = f
			case rapid.Bool().Draw(t, "remove"):
				table.remove(f)
				delete(want, k)
			}
			if f.label != "" && f.end(from) != src {
				t.Fatalf("%v: the packet is taken to come from %v", src, f.end(from))
			}
			if table.n != len(want) {
				t.Fatalf("%d flows, want %d", table.n, len(want))
			}
		}
	})
}
