package capture

import (
	"encoding/binary"
	"hash/maphash"
	"net/netip"
)

// flowID is a flow's key as bytes: both addresses and ports, the lesser first, and
// the protocol. Capture files hold few other things that cost a look-up each.
type flowID [37]byte

// flowIDOf makes it of a packet, and says from which side the packet came.
func flowIDOf(p *packet) (id flowID, from side) {
	src, dst := p.src.As16(), p.dst.As16()
	a, b := id[:18], id[18:36]
	if order := compareEnds(&src, p.sport, &dst, p.dport); order > 0 {
		a, b, from = b, a, 1
	}
	copy(a, src[:])
	binary.BigEndian.PutUint16(a[16:], p.sport)
	copy(b, dst[:])
	binary.BigEndian.PutUint16(b[16:], p.dport)
	id[36] = p.proto
	return id, from
}

func compareEnds(a *[16]byte, ap uint16, b *[16]byte, bp uint16) int {
	for at := 0; at < 16; at += 8 {
		x, y := binary.BigEndian.Uint64(a[at:]), binary.BigEndian.Uint64(b[at:])
		if x < y {
			return -1
		}
		if x > y {
			return 1
		}
	}
	return int(ap) - int(bp)
}

// flowTable finds flows. It is a table of chains rather than a map since every packet
// asks it, and floods make and drop a flow with each; the seed is each table's own, so
// that no capture can be made to fall into one chain.
type flowTable struct {
	seed  maphash.Seed
	heads []*flow
	n     int
	free  *flow // flows that were closed, to be used again
}

func newFlowTable(most int) flowTable {
	size := 1 << 10
	for size < most && size < 1<<20 {
		size *= 2
	}
	return flowTable{seed: maphash.MakeSeed(), heads: make([]*flow, 2*size)}
}

func (x *flowTable) head(id *flowID) **flow {
	return &x.heads[maphash.Bytes(x.seed, id[:])&uint64(len(x.heads)-1)]
}

// find gives the flow of that key; nil where there is none.
func (x *flowTable) find(id *flowID) *flow {
	for f := *x.head(id); f != nil; f = f.next {
		if f.id == *id {
			return f
		}
	}
	return nil
}

// add makes the flow of a packet, whose key is in no flow of the table.
func (x *flowTable) add(id *flowID, p *packet, from side) *flow {
	f := x.free
	if f != nil {
		x.free = f.next
	} else {
		f = &flow{}
	}
	a, b := netip.AddrPortFrom(p.src, p.sport), netip.AddrPortFrom(p.dst, p.dport)
	if from == 1 {
		a, b = b, a
	}
	head := x.head(id)
	f.id, f.key, f.next = *id, flowKey{a, b, p.proto}, *head
	*head = f
	x.n++
	return f
}

// remove takes a flow out. It is used again for another: nobody may hold it.
func (x *flowTable) remove(f *flow) {
	at := x.head(&f.id)
	for *at != f {
		at = &(*at).next
	}
	*at = f.next
	x.n--
	s := f.samples
	if s != nil {
		*s = sample{}
	}
	*f = flow{next: x.free, spare: s}
	x.free = f
}
