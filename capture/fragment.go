package capture

import (
	"cmp"
	"net/netip"
	"slices"
)

// Bounds of putting fragments together.
const (
	maxDatagrams     = 256      // waiting at the same time
	maxPieces        = 64       // of one datagram
	maxFragmentBytes = 2 << 20  // held in all
	fragmentWait     = 60 * 1e9 // nanoseconds of the capture's time
)

type fragmentKey struct {
	src, dst netip.Addr
	id       uint32
	proto    uint8
}

// datagram is what came of one datagram so far.
type datagram struct {
	key    fragmentKey
	began  int64
	total  int // 0 while the last piece is not here
	held   int
	pieces []piece
	spoilt bool
}

type piece struct {
	at   int
	data []byte
}

// fragments puts datagrams together again.
type fragments struct {
	waiting map[fragmentKey]*datagram
	order   []*datagram // oldest first
	held    int
	lost    int64 // given up: incomplete, overlapping or beyond a bound
}

// fragment takes one piece; when it was the last that lacked, the whole is read on.
func (t *tracker) fragment(p *packet, id uint32, at int, more bool, body []byte, wire, depth int) {
	fr := &t.fragments
	key := fragmentKey{p.src, p.dst, id, p.proto}
	d := fr.waiting[key]
	if d != nil && p.at-d.began > fragmentWait {
		fr.drop(d)
		d = nil
	}
	if d == nil {
		for len(fr.order) > 0 && (len(fr.order) >= maxDatagrams || fr.held > maxFragmentBytes) {
			fr.drop(fr.order[0])
		}
		d = &datagram{key: key, began: p.at}
		fr.waiting[key] = d
		fr.order = append(fr.order, d)
	}
	if len(body) < wire || at+len(body) > 0xffff || len(d.pieces) >= maxPieces || more && len(body)%8 != 0 {
		d.spoilt = true // cut by the recorder, or it cannot be
	}
	twice := slices.ContainsFunc(d.pieces, func(q piece) bool { return q.at == at && len(q.data) == len(body) })
	if !d.spoilt && !twice {
		d.pieces = append(d.pieces, piece{at, slices.Clone(body)})
		d.held += len(body)
		fr.held += len(body)
	}
	if !more {
		d.total = at + len(body)
	}
	t.file.fragments++
	if d.spoilt || d.total == 0 || d.held < d.total {
		return
	}
	whole := d.join()
	if whole == nil {
		d.spoilt = true
		return
	}
	fr.remove(d)
	t.transport(p, whole, len(whole), depth)
}

// join is the datagram, or nil where its pieces lack something or overlap.
func (d *datagram) join() []byte {
	slices.SortFunc(d.pieces, func(a, b piece) int { return cmp.Compare(a.at, b.at) })
	whole := make([]byte, 0, d.held)
	for _, p := range d.pieces {
		if p.at != len(whole) {
			return nil
		}
		whole = append(whole, p.data...)
	}
	if len(whole) != d.total {
		return nil
	}
	return whole
}

func (fr *fragments) drop(d *datagram) {
	fr.lost++
	fr.remove(d)
}

func (fr *fragments) remove(d *datagram) {
	fr.held -= d.held
	delete(fr.waiting, d.key)
	if i := slices.Index(fr.order, d); i >= 0 {
		fr.order = slices.Delete(fr.order, i, i+1)
	}
}
