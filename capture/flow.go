package capture

import (
	"net/netip"
)

// side of a flow: 0 is key.a, 1 is key.b.
type side uint8

func (s side) other() side { return 1 - s }

type flowKey struct {
	a, b  netip.AddrPort // a is the lesser
	proto uint8
}

// flow is one TCP connection, or what two UDP ports say to each other.
type flow struct {
	id         flowID
	key        flowKey
	next       *flow // in the chain of the table
	newer      *flow
	older      *flow
	macs       [2]mac
	client     side
	begun      bool // how it began was seen
	synack     bool // the server took the connection
	reset      bool // the server refused it
	ended      [2]bool
	first      int64
	last       int64
	mark       Mark
	packets    [2]int64
	bytes      [2]int64 // of payload, as sent
	streams    [2]stream
	spokeFirst side
	spoke      [2]bool // was heard with payload

	reader  reader
	dgram   datagrams
	done    bool // nobody reads it any more
	pend    [2][]byte
	label   string // what is known of its protocol; "" while nothing is
	guard   Protection
	facts   *facts
	samples *sample
	spare   *sample // an empty one, of the flow that this was before
	kept    int     // bytes that its reader holds
	noted   int     // bytes, about, of facts
	active  activity
}

// reader reads the protocol of one flow. read is given what is at hand of one side
// and says how much of it is used up; the rest comes again with more behind it.
type reader interface {
	read(t *tracker, f *flow, from side, b []byte) int
}

// gapper is a reader that can go on after bytes were lost.
type gapper interface {
	gap(t *tracker, f *flow, from side)
}

// Bounds of what is held of flows.
const (
	maxPend  = 64 << 10 // of one side of one flow, for its reader
	maxHeld  = 8 << 20  // of all flows together
	maxHead  = 1 << 10  // of one side, until the protocol is known
	flowIdle = 15 * 60 * 1e9
)

// lookup gives the flow of a packet and the side it came from.
func (t *tracker) lookup(p *packet) (*flow, side) {
	id, from := flowIDOf(p)
	f := t.flows.find(&id)
	if f != nil && (p.at-f.last > flowIdle || p.proto == protoTCP && p.flags&(flagSYN|flagACK) == flagSYN && f.spoke != [2]bool{}) {
		t.close(f) // the ports are used anew
		f = nil
	}
	if f == nil {
		if t.flows.n >= t.o.MaxFlows {
			t.evict()
		}
		f = t.flows.add(&id, p, from)
		f.first, f.mark, f.client = p.at, t.mark(), from
		t.push(f)
	} else if t.newest != f {
		t.unlink(f)
		t.push(f)
	}
	f.last = p.at
	if p.at != 0 {
		f.active.add(p.at - t.base)
	}
	if f.macs[from] == (mac{}) {
		f.macs[from] = p.srcMAC
	}
	if f.macs[from.other()] == (mac{}) {
		f.macs[from.other()] = p.dstMAC
	}
	f.packets[from]++
	f.bytes[from] += int64(max(p.wire, 0))
	return f, from
}

func (t *tracker) push(f *flow) {
	f.older, f.newer = t.newest, nil
	if t.newest != nil {
		t.newest.newer = f
	}
	t.newest = f
	if t.oldest == nil {
		t.oldest = f
	}
}

func (t *tracker) unlink(f *flow) {
	if f.newer != nil {
		f.newer.older = f.older
	} else {
		t.newest = f.older
	}
	if f.older != nil {
		f.older.newer = f.newer
	} else {
		t.oldest = f.newer
	}
	f.newer, f.older = nil, nil
}

// evict closes the flow that rested longest, of those that are not favoured.
func (t *tracker) evict() {
	f := t.oldest
	for tries := 0; f != nil && tries < 8 && t.favours(f); tries++ {
		f = f.newer
	}
	if f == nil {
		f = t.oldest
	}
	if f.last+10*1e9 > t.at && !f.reset && f.ended != [2]bool{true, true} {
		t.bite("flows were put down early, to keep memory bounded: what they said later counts as flows of their own")
	}
	t.close(f)
}

func (t *tracker) favours(f *flow) bool {
	return t.favour.any() && (t.favour.has(f.macs[0], f.key.a.Addr()) || t.favour.has(f.macs[1], f.key.b.Addr()))
}

// close ends a flow and adds it to what is told.
func (t *tracker) close(f *flow) {
	for s := side(0); s < 2; s++ {
		t.drain(f, s)
	}
	if !f.done {
		t.settle(f, true)
	}
	t.release(f)
	t.tell(f)
	t.unlink(f)
	t.flows.remove(f)
}

// release lets go of what is held for the flow.
func (t *tracker) release(f *flow) {
	for s := range f.pend {
		t.held -= cap(f.pend[s])
		f.pend[s] = nil
		for _, q := range f.streams[s].queue {
			t.held -= cap(q.data)
		}
		f.streams[s].queue = nil
	}
	t.held -= f.kept
	f.kept = 0
	f.reader, f.dgram = nil, nil
}

// keep counts what a reader holds more, or less, and reports whether there is room for it.
func (t *tracker) keep(f *flow, bytes int) bool {
	f.kept += bytes
	t.held += bytes
	return t.held <= maxHeld
}

// stop ends the reading of a flow: what follows is counted only.
func (t *tracker) stop(f *flow) {
	f.done = true
	t.release(f)
}

// end gives the address of one side.
func (f *flow) end(s side) netip.AddrPort {
	if s == 0 {
		return f.key.a
	}
	return f.key.b
}

func (f *flow) server() netip.AddrPort { return f.end(f.client.other()) }

func (t *tracker) tcp(p *packet) {
	t.hosts.see(p)
	f, from := t.lookup(p)
	switch {
	case p.flags&(flagSYN|flagACK) == flagSYN:
		f.client, f.begun = from, true
	case p.flags&(flagSYN|flagACK) == flagSYN|flagACK:
		if !f.begun {
			f.client, f.begun = from.other(), true
		}
		f.synack = f.synack || from != f.client
	case !f.begun && f.packets[0]+f.packets[1] == 1:
		f.client = guessClient(f, from)
	}
	if p.flags&flagRST != 0 && f.begun && from != f.client && !f.synack && f.bytes[from] == 0 {
		f.reset = true
	}
	switch {
	case p.flags&flagRST != 0:
		f.ended = [2]bool{true, true}
	case p.flags&flagFIN != 0:
		f.ended[from] = true
	}
	if f.done {
		return
	}
	t.segment(f, from, p)
}

func (t *tracker) udp(p *packet) {
	t.hosts.see(p)
	f, from := t.lookup(p)
	if f.packets[0]+f.packets[1] == 1 {
		f.client, f.begun = from, true
		// An answer to what was sent to a group comes from the service's own port.
		if servicePort(p.sport) && !servicePort(p.dport) && !groupAddress(p.dst) {
			f.client, f.begun = from.other(), false
		}
	}
	if len(p.payload) == 0 {
		return
	}
	if !f.spoke[0] && !f.spoke[1] {
		f.spokeFirst = from
	}
	f.spoke[from] = true
	if f.done {
		return
	}
	t.datagram(f, from, p)
}

// other counts what is neither TCP nor UDP.
func (t *tracker) other(p *packet) {
	t.hosts.see(p)
	if p.proto == protoICMPv6 {
		t.neighbour(p)
	}
	if p.proto == protoICMP || p.proto == protoICMPv6 {
		return
	}
	f, _ := t.lookup(p)
	f.label, f.guard, f.done = ipProtocol(p.proto), Unknown, true
}

// guessClient guesses who began a connection of which the beginning is not in the capture.
func guessClient(f *flow, from side) side {
	a, b := f.key.a.Port(), f.key.b.Port()
	switch {
	case servicePort(a) && !servicePort(b):
		return 1
	case servicePort(b) && !servicePort(a):
		return 0
	case a < b && a < 10000:
		return 1
	case b < a && b < 10000:
		return 0
	}
	return from
}

func groupAddress(a netip.Addr) bool {
	return a.IsMulticast() || a.Is4() && a.As4()[3] == 255
}
