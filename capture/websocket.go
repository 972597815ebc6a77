package capture

import (
	"encoding/binary"
	"slices"
)

// websocketReader reads the frames of WebSocket (RFC 6455) for MQTT in them.
type websocketReader struct {
	inner *mqttReader // once it was seen to be MQTT
	pend  [2][]byte
}

// maxWebsocket bounds one message, and what is held of one side.
const maxWebsocket = 16 << 10

func (r *websocketReader) gap(t *tracker, f *flow, _ side) { t.stop(f) }

func (r *websocketReader) read(t *tracker, f *flow, from side, b []byte) int {
	c := cursor{b: b}
	first, second := c.u8(), c.u8()
	n := second & 0x7f
	switch n {
	case 126:
		n = c.u16()
	case 127:
		if v := c.take(8); v != nil {
			if size := binary.BigEndian.Uint64(v); size <= maxWebsocket {
				n = int(size)
			} else {
				n = maxWebsocket + 1
			}
		}
	}
	var key []byte
	if second&0x80 != 0 {
		key = c.take(4)
	}
	if c.bad {
		return 0
	}
	if n > maxWebsocket { // content: log-ins are short
		t.stop(f)
		return 0
	}
	body := c.take(n)
	if c.bad {
		return 0
	}
	used := len(b) - len(c.b)
	if op := first & 15; op > 2 { // control: pings and the end
		return used
	}
	body = slices.Clone(body)
	for i := range key {
		for j := i; j < len(body); j += 4 {
			body[j] ^= key[i]
		}
	}
	r.message(t, f, from, body)
	return used
}

func (r *websocketReader) message(t *tracker, f *flow, from side, b []byte) {
	if len(r.pend[from])+len(b) > maxWebsocket || !t.keep(f, len(b)) {
		t.stop(f)
		return
	}
	r.pend[from] = append(r.pend[from], b...)
	if r.inner == nil {
		if from != f.client {
			return
		}
		if p := r.pend[from]; len(p) < 10 && (len(p) == 0 || p[0] == 0x10) {
			return // too little to tell
		}
		if !looksMQTT(r.pend[from]) {
			t.stop(f)
			return
		}
		r.inner = &mqttReader{}
		f.label, f.guard = "mqtt+websocket", Clear
	}
	for len(r.pend[from]) > 0 && !f.done {
		used := r.inner.read(t, f, from, r.pend[from])
		if used <= 0 {
			return
		}
		used = min(used, len(r.pend[from]))
		r.pend[from] = r.pend[from][used:]
		t.keep(f, -used)
	}
}
