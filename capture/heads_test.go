package capture

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"strings"
	"testing"
)

// heads is a capture of connections that each begin a message with a long head and go
// no further. Of most of it nothing is worth keeping.
type heads struct {
	n, of int
	m     *maker
	buf   bytes.Buffer
}

func (h *heads) Read(p []byte) (int, error) {
	for h.buf.Len() == 0 {
		if h.n == h.of {
			return 0, io.EOF
		}
		if h.m == nil {
			h.m = newMaker()
		}
		k := h.m.tcp(port(device, uint16(10000+h.n)), port(netip.AddrFrom4([4]byte{203, 0, byte(h.n >> 8), byte(h.n)}), 80))
		filler := strings.Repeat("X-Filler: "+strings.Repeat("f", 1000)+"\r\n", 28)
		k.c(fmt.Sprintf("POST /a%d HTTP/1.1\r\nHost: h%d\r\nUser-Agent: u%d\r\nAuthorization: Bearer token%d\r\n%sContent-Length: 900000\r\n\r\n{", h.n, h.n, h.n, h.n, filler))
		h.n++
		_, _ = h.m.b.WriteTo(&h.buf)
		h.m.headless()
	}
	return h.buf.Read(p)
}

// TestLongHeads holds that what is kept of messages does not keep the messages.
func TestLongHeads(t *testing.T) {
	const of = 2000 // with heads of 28 KiB
	a := New(Options{})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	src, err := openFile(&heads{of: of}, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	a.t.begin("heads")
	for f := (frame{}); src.next(&f) == nil; {
		a.t.frame(&f)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if got := int64(after.HeapAlloc) - int64(before.HeapAlloc); got > 24<<20 {
		t.Errorf("%d MiB are in use of %d MiB of heads, want at most 24", got>>20, of*28>>10)
	}
	if a.t.flows.n != of {
		t.Errorf("%d flows are open, want %d", a.t.flows.n, of)
	}
	var file File
	a.t.end(&file)
	if a.t.held != 0 || a.t.noted != 0 {
		t.Errorf("%d bytes held, %d noted after all ended", a.t.held, a.t.noted)
	}
	runtime.KeepAlive(a)
}
