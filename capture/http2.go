package capture

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"strings"

	"golang.org/x/net/http2/hpack"
)

// http2Reader reads HTTP/2 without encryption (RFC 9113): who asks for what, and with
// which log-in. Bodies are passed over.
type http2Reader struct {
	http    *httpReader
	begun   bool // the client's preface was read
	sides   [2]http2Side
	streams map[uint32]*exchange // requests of which the answer has not come
}

// http2Side is one direction.
type http2Side struct {
	decoder *hpack.Decoder
	fields  []headerLine
	block   []byte // of a head in several frames
	stream  uint32
	open    bool
	skip    int // of a body that is passed over
}

const (
	http2Preface  = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	http2Table    = 4096 // bytes of a table of fields, as both sides begin with
	maxHTTP2Block = 32 << 10
)

// http2Size is about how many bytes a connection takes.
const http2Size = 4*http2Table + 2000

// newHTTP2 makes a reader; nil where there is no room for it.
func newHTTP2(t *tracker, f *flow) reader {
	f.label, f.guard = "http2", Clear
	if !t.keep(f, http2Size) {
		t.bite("conversations were read in part only, to keep memory bounded")
		t.stop(f)
		return nil
	}
	r := &http2Reader{http: &httpReader{proto: "http"}, streams: map[uint32]*exchange{}}
	for i := range r.sides {
		s := &r.sides[i]
		s.decoder = hpack.NewDecoder(http2Table, func(h hpack.HeaderField) {
			if len(s.fields) < maxHeaderLines {
				s.fields = append(s.fields, headerLine{strings.ToLower(h.Name), h.Value})
			}
		})
		s.decoder.SetMaxStringLength(maxHTTP2Block)
	}
	return r
}

func (r *http2Reader) read(t *tracker, f *flow, from side, b []byte) int {
	s := &r.sides[from]
	if s.skip > 0 {
		n := min(s.skip, len(b))
		s.skip -= n
		return n
	}
	if from == f.client && !r.begun {
		if n := min(len(b), len(http2Preface)); string(b[:n]) != http2Preface[:n] {
			t.stop(f)
			return len(b)
		}
		if len(b) < len(http2Preface) {
			return 0
		}
		r.begun = true
		return len(http2Preface)
	}
	if len(b) < 9 {
		return 0
	}
	n, kind, flags, stream := int(b[0])<<16|int(b[1])<<8|int(b[2]), b[3], b[4], binary.BigEndian.Uint32(b[5:])&0x7fffffff
	head := kind == 1 || kind == 9 // HEADERS, CONTINUATION
	switch {
	case kind > 9 && n > maxHTTP2Block, head && n > maxHTTP2Block, kind == 5: // nothing of it, too much, or a promise, which nobody makes
		t.stop(f)
		return len(b)
	case !head:
		s.skip = n
		return 9
	case len(b) < 9+n:
		return 0
	}
	if !r.head(t, f, from, kind, flags, stream, b[9:9+n]) {
		t.stop(f) // what follows hangs on a table that is not known
		return len(b)
	}
	return 9 + n
}

// head takes in a frame of a head, and reports whether it fits.
func (r *http2Reader) head(t *tracker, f *flow, from side, kind, flags byte, stream uint32, b []byte) bool {
	s := &r.sides[from]
	if kind == 1 {
		if s.open {
			return false
		}
		pad := 0
		if flags&0x08 != 0 {
			if len(b) < 1 {
				return false
			}
			pad, b = int(b[0]), b[1:]
		}
		if flags&0x20 != 0 {
			if len(b) < 5 {
				return false
			}
			b = b[5:]
		}
		if pad > len(b) {
			return false
		}
		s.open, s.stream, s.block = true, stream, bytes.Clone(b[:len(b)-pad])
	} else {
		if !s.open || stream != s.stream || len(s.block)+len(b) > maxHTTP2Block {
			return false
		}
		s.block = append(s.block, b...)
	}
	if flags&0x04 == 0 {
		return true
	}
	s.open, s.fields = false, nil
	_, err := s.decoder.Write(s.block)
	if s.block = nil; err != nil || s.decoder.Close() != nil {
		return false
	}
	r.message(t, f, from, stream, s.fields)
	s.fields = nil
	return true
}

// message hands a head on as if it were one of HTTP/1.
func (r *http2Reader) message(t *tracker, f *flow, from side, stream uint32, fields []headerLine) {
	m := &message{proto: "HTTP/2", header: fields}
	h := r.http
	h.waiting, h.sides = nil, [2]httpSide{}
	if from == f.client {
		m.request, m.method, m.target = true, m.get(":method"), m.get(":path")
		if m.method == "" { // what follows a body
			return
		}
		if host := m.get(":authority"); host != "" {
			m.header = append(m.header, headerLine{"host", host})
		}
		h.request(t, f, from, m)
		if len(h.waiting) > 0 && len(r.streams) < maxExchanges && m.method != "CONNECT" {
			r.streams[stream] = h.waiting[0]
		}
		return
	}
	m.status, _ = strconv.Atoi(m.get(":status"))
	if m.status < 200 {
		return
	}
	if x := r.streams[stream]; x != nil {
		h.waiting = []*exchange{x}
		delete(r.streams, stream)
	}
	h.response(t, f, from, m)
}
