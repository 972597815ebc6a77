package capture

import (
	"net/netip"
	"strings"
	"time"
)

// tracker is the state of an analysis: what was seen, and the flows that are open.
type tracker struct {
	o      Options
	result *Result

	name      string // of the file being read
	n         int64  // number and time of the packet being read
	at        int64
	base      int64    // when the first capture began
	heard     activity // that anything at all was recorded
	file      fileState
	fragments fragments

	flows      flowTable
	newest     *flow // of a list in order of last use
	oldest     *flow
	held       int // bytes held for reassembly and for readers, in all
	expects    map[netip.AddrPort]string
	challenged map[netip.AddrPort]bool // servers that refused who had not logged in

	hosts  hosts
	conv   map[conversationKey]*Conversation
	favour favoured
	noted  int              // bytes, about, of what was found in flows that are open
	told   int              // and in conversations
	bitten map[string]int64 // bounds that bit, by what they did
	pdu    packet
}

// fileState is what is counted of one file.
type fileState struct {
	links       map[string]bool
	link        uint32 // of the frame before
	linked      bool   // there was one
	bytes       int64
	first, last int64
	cut         int64
	fragments   int64
	unread      map[string]int64
}

func newTracker(o Options) *tracker {
	return &tracker{
		o: o, result: &Result{}, flows: newFlowTable(o.MaxFlows), conv: map[conversationKey]*Conversation{},
		expects: map[netip.AddrPort]string{}, challenged: map[netip.AddrPort]bool{}, bitten: map[string]int64{}, hosts: newHosts(o.MaxHosts),
		fragments: fragments{waiting: map[fragmentKey]*datagram{}}, favour: newFavoured(o.Devices),
	}
}

func (t *tracker) begin(name string) {
	t.name = name
	t.hosts.t.File = name
	t.file = fileState{links: map[string]bool{}, unread: map[string]int64{}}
}

// frame takes in one recorded packet.
func (t *tracker) frame(f *frame) {
	t.n, t.at = f.n, f.at
	t.file.bytes += int64(f.wire)
	if f.at != 0 {
		if t.file.first == 0 || f.at < t.file.first {
			t.file.first = f.at
		}
		t.file.last = max(t.file.last, f.at)
		if t.base == 0 {
			t.base = f.at
		}
		t.heard.add(f.at - t.base)
	}
	if f.wire > len(f.data) {
		t.file.cut++
	}
	if !t.file.linked || f.link != t.file.link { // nearly all are of the one before
		name := linkNames[f.link]
		if name == "" {
			name = "link layer that is not read"
		}
		t.file.links[name] = true
		t.file.link, t.file.linked = f.link, true
	}
	p := &t.pdu
	*p = packet{n: f.n, at: f.at, size: f.wire}
	t.link(f, p)
}

func (t *tracker) unread(why string) { t.file.unread[why]++ }

// bite notes that a bound bit.
func (t *tracker) bite(what string) { t.bitten[what]++ }

// mark is where the tracker is.
func (t *tracker) mark() Mark { return Mark{File: t.name, Packet: t.n} }

// end closes what is open at the end of a file.
func (t *tracker) end(f *File) {
	for t.oldest != nil {
		t.close(t.oldest)
	}
	t.fragments.lost += int64(len(t.fragments.order))
	t.fragments.waiting, t.fragments.order, t.fragments.held = map[fragmentKey]*datagram{}, nil, 0
	if t.fragments.lost > 0 {
		t.file.unread["fragments of datagrams that never were whole"] = t.fragments.lost
		t.fragments.lost = 0
	}
	f.Bytes, f.Cut = t.file.bytes, t.file.cut
	if t.file.first != 0 {
		f.First, f.Last = moment(t.file.first), moment(t.file.last)
	}
	f.Links = sortedKeys(t.file.links)
	f.Unread = tallies(t.file.unread)
	clear(t.expects)
}

func moment(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns).UTC()
}

// favoured are the addresses whose traffic is kept before all else.
type favoured struct {
	macs map[mac]bool
	ips  map[netip.Addr]bool
}

func newFavoured(names []string) favoured {
	f := favoured{map[mac]bool{}, map[netip.Addr]bool{}}
	for _, n := range names {
		if m, ok := parseMAC(n); ok {
			f.macs[m] = true
		} else if ip, err := netip.ParseAddr(strings.TrimSpace(n)); err == nil {
			f.ips[ip.Unmap().WithZone("")] = true
		}
	}
	return f
}

func (f *favoured) any() bool { return len(f.macs)+len(f.ips) > 0 }

func (f *favoured) has(m mac, ip netip.Addr) bool { return f.macs[m] && m != mac{} || f.ips[ip] }
