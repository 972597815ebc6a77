package peer

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func connect(version byte, flags byte, parts ...string) []byte {
	var m []byte
	add := func(s string) { m = append(append(m, byte(len(s)>>8), byte(len(s))), s...) }
	add("MQTT")
	m = append(m, version, flags, 0, 60)
	if version == 5 {
		m = append(m, 0)
	}
	for _, p := range parts {
		add(p)
	}
	return append([]byte{0x10, byte(len(m))}, m...)
}

func TestHear(t *testing.T) {
	http := func(head string) []byte {
		return []byte("POST /api/v2/units/AA0017/state.json?key=1 HTTP/1.1\r\nHost: x\r\n" + head + "\r\n\r\nAuthorization: Basic eA==\r\n")
	}
	const line = "POST /api/v2/units/*/state.json?*"
	for _, row := range []struct {
		name   string
		in     []byte
		kind   string
		line   string
		secret string
	}{
		{"nothing", nil, kindText, "", ""},
		{"http", http("Accept: */*"), kindHTTP, line, ""},
		{"http-basic", http("authorization: Basic eDp5"), kindHTTP, line, "Authorization: Basic"},
		{"http-bearer", http("Authorization: bearer abc"), kindHTTP, line, "Authorization: Bearer"},
		{"http-digest", http("Authorization: Digest username=\"x\""), kindHTTP, line, ""},
		{"http-empty", http("Authorization: Basic "), kindHTTP, line, ""},
		{"http-key", http("X-API-Key: abc"), kindHTTP, line, "x-api-key"},
		{"http-cookie", http("Cookie: a=b"), kindHTTP, line, ""},
		{"http2", []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), kindHTTP2, "", ""},
		{"mqtt", connect(4, 0x02, "id"), kindMQTT, "", ""},
		{"mqtt-user-alone", connect(4, 0x82, "id", "user"), kindMQTT, "", ""},
		{"mqtt-password", connect(4, 0xc2, "id", "user", "pass"), kindMQTT, "", "MQTT password"},
		{"mqtt-empty-password", connect(4, 0xc2, "id", "user", ""), kindMQTT, "", ""},
		{"mqtt-will", connect(4, 0xc6, "id", "topic", "gone", "user", "pass"), kindMQTT, "", "MQTT password"},
		{"mqtt-5", connect(5, 0xc2, "id", "user", "pass"), kindMQTT, "", "MQTT password"},
		{"mqtt-cut", connect(4, 0xc2, "id", "user", "pass")[:20], kindMQTT, "", ""},
		{"nearly-mqtt", []byte{0x10, 0x80, 0x80, 0x80, 0x80, 0x80, 1}, kindBytes, "", ""},
		{"text", []byte("HELO world\r\n"), kindText, "", ""},
		{"bytes", []byte{0, 1, 2}, kindBytes, "", ""},
	} {
		h := hear(row.in)
		if diff := cmp.Diff(Heard{Kind: row.kind, Line: row.line, Secret: row.secret, Bytes: len(row.in)}, h); diff != "" {
			t.Errorf("%s: %s", row.name, diff)
		}
	}
}

func FuzzHear(f *testing.F) {
	f.Add([]byte("GET / HTTP/1.1\r\nAuthorization: Basic eA==\r\n\r\n"))
	f.Add(connect(5, 0xc6, "id", "t", "m", "u", "p"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h := hear(b)
		if !utf8.ValidString(h.Line) || len(h.Line) > 1000 || strings.ContainsAny(h.Line+h.Secret+h.Kind, "\x00\n\r\x1b") {
			t.Errorf("%+v", h)
		}
	})
}

// TestAlertInClear holds that an alert is found wherever the records are cut.
func TestAlertInClear(t *testing.T) {
	stream := []byte{22, 3, 1, 0, 3, 21, 3, 3, 20, 3, 3, 0, 1, 1, 21, 3, 3, 0, 2, 2, 48, 21, 3, 3, 0, 2, 1, 0}
	rapid.Check(t, func(t *rapid.T) {
		var r recordReader
		for left := stream; len(left) > 0; {
			n := rapid.IntRange(1, len(left)).Draw(t, "bytes")
			r.add(left[:n])
			left = left[n:]
		}
		if r.alert != 48 {
			t.Fatalf("got %d", r.alert)
		}
	})
	var r recordReader
	r.add([]byte{21, 3, 3, 0, 26, 2, 48, 0, 2, 2, 48}) // encrypted: what is inside is not known
	if r.alert != 0 {
		t.Errorf("got %d", r.alert)
	}
}

func FuzzRecords(f *testing.F) {
	f.Add([]byte{22, 3, 1, 0, 1, 1, 21, 3, 3, 0, 2, 2, 42})
	f.Fuzz(func(t *testing.T, b []byte) {
		var whole, pieces recordReader
		whole.add(b)
		for i := range b {
			pieces.add(b[i : i+1])
		}
		if whole != pieces {
			t.Errorf("%+v, byte by byte %+v", whole, pieces)
		}
	})
}

func sampleRecord() *Record {
	at := netip.MustParseAddrPort("192.168.8.20:40000")
	r := &Record{Format: Format, Setup: "dns", Device: []string{"192.168.8.20"}, Control: "aa", Laboratory: "bb", Connections: refusesAll(Refused)}
	r.Connections = append(r.Connections, Connection{From: at, To: at, Outcome: Silent}, Connection{From: at, To: at, Outcome: Clear, Heard: &Heard{Kind: kindText}})
	return r
}

func TestRecordsThatNoSessionWrites(t *testing.T) {
	for _, row := range []struct {
		name  string
		spoil func(*Record)
		want  string
	}{
		{"whole", func(*Record) {}, ""},
		{"format", func(r *Record) { r.Format = "x" }, "begins with"},
		{"setup", func(r *Record) { r.Setup = " " }, "how traffic"},
		{"device", func(r *Record) { r.Device = nil }, "by which address"},
		{"name", func(r *Record) { r.Connections[0].Name = "a b\x1b[2J" }, "no server"},
		{"case", func(r *Record) { r.Connections[0].Case = "other" }, "not known"},
		{"offer", func(r *Record) { r.Connections[0].Offer = "other" }, "not known"},
		{"no-control", func(r *Record) { r.Control = "" }, "nothing to make a certificate"},
		{"no-laboratory", func(r *Record) { r.Laboratory, r.Connections[0].Case = "", Laboratory }, "nothing to make a certificate"},
		{"outcome", func(r *Record) { r.Connections[0].Outcome = "fine" }, "does not follow"},
		{"accepted-unfinished", func(r *Record) { r.Connections[0].Finished = false }, "does not follow"},
		{"refused-unseen", func(r *Record) { r.Connections[1].Shown = false }, "does not follow"},
		{"refused-without-alert", func(r *Record) { r.Connections[1].Alert = 0 }, "does not follow"},
		{"refused-by-another-alert", func(r *Record) { r.Connections[1].Alert = 80 }, "does not follow"},
		{"of-another-host", func(r *Record) { r.Connections[1].From = netip.MustParseAddrPort("192.168.8.21:40000") }, "no address of the device"},
		{"of-another-host-by-hardware-address", func(r *Record) {
			r.Device, r.Connections[1].From = []string{"02:00:5e:10:00:01", "192.168.8.20"}, netip.MustParseAddrPort("192.168.8.21:40000")
		}, ""},
		{"finished-unseen", func(r *Record) { r.Connections[0].Shown = false }, "no certificate was shown"},
		{"clear-with-case", func(r *Record) { r.Connections[9].Case = SelfSigned }, "does not follow"},
		{"many", func(r *Record) { r.Connections = make([]Connection, MaxConnections+1) }, "more connections"},
		{"from-nowhere", func(r *Record) { r.Connections[0].From = netip.AddrPort{} }, "from nowhere"},
		{"long", func(r *Record) { r.Connections[0].Why = strings.Repeat("x", maxText+1) }, "says more"},
	} {
		r := sampleRecord()
		row.spoil(r)
		data, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		_, err = ReadRecord(bytes.NewReader(data))
		if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v", row.name, err)
		}
		if _, err := ReadRecord(bytes.NewReader(append(data, data...))); err == nil {
			t.Errorf("%s: two records in one file are read as one", row.name)
		}
	}
}

func FuzzReadRecord(f *testing.F) {
	data, err := json.Marshal(sampleRecord())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"format":"` + Format + `"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ReadRecord(bytes.NewReader(b))
		if err != nil {
			return
		}
		for _, x := range r.Findings() {
			if len(x.At) == 0 || len(x.Ports) == 0 || !x.Named && (x.Untrusted == No || x.Wrong == No) {
				t.Errorf("%+v", x)
			}
		}
		r.ClearAfter()
	})
}

// FuzzConnection sends what it likes to a session, which must say something of it and
// take no longer than it is given.
func FuzzConnection(f *testing.F) {
	f.Add([]byte(request))
	f.Add([]byte{22, 3, 1, 0, 4, 1, 0, 0, 0})
	s, err := New(Options{keys: sharedKeys(), Listen: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}, Setup: "x", Addresses: []string{"127.0.0.1"}, Device: loopback, Now: time.Now,
		Limits: Limits{Connections: 1 << 30, Received: 1 << 60, Time: MaxTime, Handshake: 100 * time.Millisecond, Hold: 50 * time.Millisecond}})
	if err != nil {
		f.Fatal(err)
	}
	heard := make(chan Connection, 1)
	go func() {
		for {
			c, err := s.listeners[0].AcceptTCP()
			if err != nil {
				return
			}
			x, _ := s.hear(c)
			heard <- x
		}
	}()
	f.Cleanup(s.close)
	f.Fuzz(func(t *testing.T, b []byte) {
		send(b, false)(s.Listening()[0])
		x := <-heard
		if err := x.check(false, false); err != nil {
			t.Errorf("%v: %+v", err, x)
		}
		if x.Outcome == Accepted || x.Finished {
			t.Errorf("a client that has no keys: %+v", x)
		}
	})
}
