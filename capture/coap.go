package capture

import (
	"fmt"
	"strings"
)

// looksCoAP reports whether a datagram is CoAP to its end.
func looksCoAP(b []byte) bool {
	_, _, ok := coapOptions(b)
	return ok
}

// coapPath is the path that a request names.
func coapPath(b []byte) string {
	path, _, _ := coapOptions(b)
	return path
}

// coapOptions reads the options of a message: the path, the query, and whether all
// of it is in order.
func coapOptions(b []byte) (path, query string, ok bool) {
	if len(b) < 4 || b[0]>>6 != 1 || b[0]&15 > 8 {
		return "", "", false
	}
	class, detail := b[1]>>5, b[1]&31
	if class == 1 || class > 5 || class == 3 || class == 0 && detail > 7 {
		return "", "", false
	}
	if b[1] == 0 {
		return "", "", len(b) == 4
	}
	c := cursor{b: b[4:]}
	c.take(int(b[0] & 15))
	number := 0
	for len(c.b) > 0 && !c.bad {
		head := c.u8()
		if head == 0xff {
			return path, query, len(c.b) > 0
		}
		delta, n := coapExtend(&c, head>>4), coapExtend(&c, head&15)
		if delta < 0 || n < 0 {
			return "", "", false
		}
		number += delta
		v := c.take(n)
		if c.bad || number > 65000 {
			return "", "", false
		}
		switch number {
		case 11:
			if !readable(v) {
				return "", "", false
			}
			path += "/" + string(v)
		case 15:
			query += "?" + string(v)
		}
	}
	return path, query, !c.bad
}

func coapExtend(c *cursor, n int) int {
	switch n {
	case 13:
		return c.u8() + 13
	case 14:
		return c.u16() + 269
	case 15:
		return -1
	}
	return n
}

func readable(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return true
}

type coap struct{}

func (r *coap) datagram(t *tracker, f *flow, from side, b []byte) {
	path, _, ok := coapOptions(b)
	if !ok {
		return
	}
	f.label, f.guard = "coap", Clear
	class, detail := b[1]>>5, b[1]&31
	if class == 0 && detail > 0 {
		method := []string{"GET", "POST", "PUT", "DELETE", "FETCH", "PATCH", "iPATCH"}[detail-1]
		if f.packets[from.other()] == 0 {
			f.client = from
		}
		t.detail(f, from, "request", method+" "+strings.TrimSuffix(path, "/"))
		return
	}
	if class >= 2 {
		t.detail(f, from, "answer", fmt.Sprintf("%d.%02d", class, detail))
	}
}

// wordy reports a path of ordinary letters, so long that chance does not make it.
func wordy(path string) bool {
	letters := 0
	for _, c := range path {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
			letters++
		case c == '/', c == '.', c == '-', c == '_', c == '~', c == '%':
		default:
			return false
		}
	}
	return letters >= 3
}
