package capture

import "slices"

// stream is one direction of a TCP connection.
type stream struct {
	begun bool
	next  uint32 // the sequence number that comes next
	queue []segment
}

// segment came before what it follows.
type segment struct {
	seq  uint32
	data []byte
	cut  int // bytes that were sent behind data and not recorded
	mark int64
}

// Bounds of waiting for what lacks.
const (
	maxQueue      = 64 // segments of one direction
	maxQueueBytes = 256 << 10
)

// segment puts a TCP segment where it belongs and hands on what follows.
func (t *tracker) segment(f *flow, from side, p *packet) {
	s := &f.streams[from]
	if p.flags&flagSYN != 0 {
		s.begun, s.next = true, p.seq+1
		p.seq++
	}
	if p.wire <= 0 {
		return
	}
	if !f.spoke[0] && !f.spoke[1] {
		f.spokeFirst = from
	}
	f.spoke[from] = true
	if !s.begun {
		s.begun, s.next = true, p.seq
	}
	cut := p.wire - len(p.payload)
	switch ahead := int32(p.seq - s.next); {
	case ahead <= 0:
		t.deliver(f, from, p.seq, p.payload, cut)
		t.advance(f, from)
	case len(p.payload) == 0 && cut == 0:
	default:
		if len(s.queue) >= maxQueue || s.bytes() > maxQueueBytes || t.held > maxHeld || ahead > 8<<20 {
			t.skip(f, from)
			if f.done {
				return
			}
		}
		data := slices.Clone(p.payload)
		t.held += cap(data)
		i, _ := slices.BinarySearchFunc(s.queue, p.seq, func(q segment, seq uint32) int { return int(int32(q.seq - seq)) })
		s.queue = slices.Insert(s.queue, i, segment{p.seq, data, cut, p.n})
	}
}

func (s *stream) bytes() int {
	n := 0
	for _, q := range s.queue {
		n += len(q.data)
	}
	return n
}

// deliver hands on a segment that begins at or before what comes next.
func (t *tracker) deliver(f *flow, from side, seq uint32, data []byte, cut int) {
	s := &f.streams[from]
	old := int(s.next - seq)
	if old >= len(data)+cut {
		return // sent again
	}
	s.next = seq + uint32(len(data)+cut)
	if old < len(data) {
		t.hand(f, from, data[old:])
	}
	if cut > 0 && !f.done {
		t.lose(f, from)
	}
}

// advance hands on what waited for what has come.
func (t *tracker) advance(f *flow, from side) {
	s := &f.streams[from]
	for !f.done && len(s.queue) > 0 && int32(s.queue[0].seq-s.next) <= 0 {
		q := s.queue[0]
		s.queue = slices.Delete(s.queue, 0, 1)
		t.held -= cap(q.data)
		t.deliver(f, from, q.seq, q.data, q.cut)
	}
}

// skip gives up waiting and goes on with what is there.
func (t *tracker) skip(f *flow, from side) {
	s := &f.streams[from]
	if len(s.queue) == 0 {
		return
	}
	t.lose(f, from)
	if f.done {
		return
	}
	s.next = s.queue[0].seq
	t.advance(f, from)
}

// drain hands on all that waits, holes or not.
func (t *tracker) drain(f *flow, from side) {
	for !f.done && len(f.streams[from].queue) > 0 {
		t.skip(f, from)
	}
}

// lose says to the reader that bytes lack.
func (t *tracker) lose(f *flow, from side) {
	f.need().Lost++
	t.held -= cap(f.pend[from])
	f.pend[from] = nil
	switch r := f.reader.(type) {
	case nil: // not known yet: what follows may tell
	case gapper:
		r.gap(t, f, from)
	default:
		t.stop(f)
	}
}

// hand gives bytes in their order to whoever reads the flow.
func (t *tracker) hand(f *flow, from side, data []byte) {
	b := data
	if len(f.pend[from]) > 0 {
		t.grow(f, from, data)
		b = f.pend[from]
	}
	if f.reader == nil {
		if len(f.pend[from]) == 0 {
			t.grow(f, from, data[:min(len(data), maxPend)])
		}
		t.settle(f, false)
		return
	}
	t.feed(f, from, b)
}

func (t *tracker) grow(f *flow, from side, data []byte) {
	before := cap(f.pend[from])
	f.pend[from] = append(f.pend[from], data...)
	t.held += cap(f.pend[from]) - before
}

// feed lets the reader read until it wants more, and keeps what is left.
func (t *tracker) feed(f *flow, from side, b []byte) {
	for len(b) > 0 && !f.done && f.reader != nil {
		used := min(max(f.reader.read(t, f, from, b), 0), len(b))
		if used == 0 {
			break
		}
		b = b[used:]
	}
	if f.done {
		return
	}
	if len(b) > maxPend || t.held > maxHeld {
		t.bite("conversations were read in part only, to keep memory bounded")
		t.stop(f)
		return
	}
	if len(b) == 0 {
		if cap(f.pend[from]) > 4<<10 {
			t.held -= cap(f.pend[from])
			f.pend[from] = nil
		}
		f.pend[from] = f.pend[from][:0]
		return
	}
	before := cap(f.pend[from])
	f.pend[from] = append(f.pend[from][:0], b...) // b may lie within pend: append moves
	t.held += cap(f.pend[from]) - before
}

// settle looks for what a flow speaks, and lets its reader read what waited.
func (t *tracker) settle(f *flow, last bool) {
	if f.reader != nil || f.done {
		return
	}
	if f.key.proto != protoTCP {
		return
	}
	r, sure := t.identify(f, last)
	if r == nil && !sure {
		return
	}
	if r == nil {
		r = &unknownReader{}
	}
	f.reader = r
	order := []side{f.spokeFirst, f.spokeFirst.other()}
	for _, s := range order {
		if len(f.pend[s]) > 0 && !f.done && f.reader != nil {
			t.feed(f, s, f.pend[s])
		}
	}
}
