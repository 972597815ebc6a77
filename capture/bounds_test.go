package capture

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"
)

// login is a capture of one log-in that is accepted.
func login() *maker {
	m := newMaker()
	m.tcp(port(phone, 40000), port(device, 21)).s("220 kettle FTP\r\n").c("USER admin\r\n").s("331 more\r\n").c("PASS S3cretWord\r\n").s("230 in\r\n").close()
	return m
}

const accepted = "secret-in-clear HELD: the device is sent a password of user admin in clear: FTP PASS"

func TestCutAnywhere(t *testing.T) {
	m := newMaker()
	k := m.tcp(port(phone, 40000), port(device, 21)).s("220 kettle FTP\r\n").c("USER admin\r\n").s("331 more\r\n").c("PASS S3cretWord\r\n").s("230 in\r\n")
	answered := m.b.Len() // only what reaches so far shows that the log-in was taken
	k.close()
	whole := m.b.Bytes()
	for n := range len(whole) {
		r, err := Read(t.Context(), "cut.pcap", bytes.NewReader(whole[:n]), Options{})
		if n < 24 {
			if !errors.Is(err, ErrFormat) {
				t.Fatalf("of %d bytes: got %v, want that it is no capture", n, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		d, err := r.Device(deviceMAC)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(summary(d), "; the server accepted it") != (n >= answered) {
			t.Errorf("of %d of %d bytes: what is said of the answer at %d is wrong", n, len(whole), answered)
		}
	}
	cut, err := Read(t.Context(), "cut.pcap", bytes.NewReader(whole[:len(whole)-5]), Options{})
	if err != nil || cut.Files[0].Problem == "" || cut.Files[0].Packets == 0 {
		t.Errorf("got %+v, %v: want a problem, and the packets before it", cut.Files, err)
	}
}

func TestSnapLength(t *testing.T) {
	m := newMaker()
	m.snap = 64
	m.tcp(port(phone, 40000), port(device, 21)).s("220 kettle FTP server ready\r\n").c("USER admin\r\n").s("331 more of it please\r\n").c("PASS S3cretWordThatIsLong\r\n").s("230 in\r\n").close()
	m.tcp(port(device, 40000), port(cloud, 443)).say(0, clientHello("api.example.com", nil)).say(1, serverHello(0x0301, 5)).close()
	r := m.read(t, Options{})
	if r.Files[0].Cut == 0 {
		t.Error("packets that were cut are not counted")
	}
	d, err := r.Device(deviceMAC)
	if err != nil {
		t.Fatal(err)
	}
	got := summary(d)
	if strings.Contains(got, "HELD") || !strings.Contains(got, "a capture of whole packets") {
		t.Error(got)
	}
}

func TestLyingLengths(t *testing.T) {
	le := binary.LittleEndian
	pcap := login().b.Bytes()
	huge := bytes.Clone(pcap)
	le.PutUint32(huge[24+8:], 0xfffffff0)
	block := func(kind, total uint32, body []byte) []byte {
		b := le.AppendUint32(nil, kind)
		b = le.AppendUint32(b, total)
		return le.AppendUint32(append(b, body...), total)
	}
	section := block(blockSection, 28, le.AppendUint64(le.AppendUint32(le.AppendUint32(nil, 0x1a2b3c4d), 1), ^uint64(0)))
	ifc := block(blockInterface, 20, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	rows := map[string][]byte{
		"record":           huge,
		"block":            append(bytes.Clone(section), block(blockEnhanced, 0xfffffff0, nil)...),
		"block-odd":        append(bytes.Clone(section), block(blockEnhanced, 33, nil)...),
		"block-zero":       append(bytes.Clone(section), block(99, 0, nil)...),
		"skipped":          append(bytes.Clone(section), block(99, 0xfffffff0, nil)...),
		"no-interface":     append(bytes.Clone(section), block(blockEnhanced, 32, make([]byte, 20))...),
		"kept-beyond":      append(append(bytes.Clone(section), ifc...), block(blockEnhanced, 36, append(append(make([]byte, 12), 0xff, 0xff, 0, 0), make([]byte, 8)...))...),
		"interface-option": append(bytes.Clone(section), block(blockInterface, 24, []byte{1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0xff, 0xff})...),
	}
	for name, data := range rows {
		t.Run(name, func(t *testing.T) {
			r, err := Read(t.Context(), name, bytes.NewReader(data), Options{})
			if err != nil {
				t.Fatal(err)
			}
			if name != "interface-option" && r.Files[0].Problem == "" {
				t.Error("nothing is said of the damage")
			}
		})
	}
}

func TestNotACapture(t *testing.T) {
	for _, s := range []string{"", "x", "not a capture, but words that go on for a while", "\x1f\x8b", "\x28\xb5\x2f\xfd", "\x0a\x0d\x0d\x0aaaaaaaaaaaaaaaaaaaaaaaaaaaa"} {
		if _, err := Read(t.Context(), "x", strings.NewReader(s), Options{}); !errors.Is(err, ErrFormat) {
			t.Errorf("%q: got %v", s, err)
		}
	}
}

// flood writes packets of one byte, each of a flow of its own, without holding them.
type flood struct {
	n, of int
	buf   bytes.Buffer
}

func (f *flood) Read(p []byte) (int, error) {
	for f.buf.Len() < len(p) && f.n < f.of {
		if f.n == 0 {
			m := newMaker()
			m.header()
			f.buf.Write(m.b.Bytes())
		}
		m := newMaker()
		m.written = true
		m.at = m.at.Add(1e6 * 1000)
		src := netip.AddrFrom4([4]byte{10, byte(f.n >> 16), byte(f.n >> 8), byte(f.n)})
		var id mac
		binary.BigEndian.PutUint32(id[2:], uint32(f.n))
		switch f.n % 3 {
		case 0:
			m.frame(m.link(id, macOf(device), 0x0800, ipPacket(src, device, protoUDP, udpBody(uint16(f.n), uint16(f.n>>4), []byte("x")))))
		case 1: // a piece of a datagram that never ends
			b := ipPacket(src, device, protoUDP, make([]byte, 64))
			binary.BigEndian.PutUint16(b[4:], uint16(f.n))
			b[6] = 0x20
			m.frame(m.link(id, macOf(device), 0x0800, b))
		default: // a segment that comes before what it follows
			h := binary.BigEndian.AppendUint16(nil, uint16(f.n))
			h = binary.BigEndian.AppendUint16(h, 80)
			h = binary.BigEndian.AppendUint32(h, uint32(f.n%7*4000))
			h = append(h, 0, 0, 0, 0, 5<<4, flagACK, 0xff, 0xff, 0, 0, 0, 0)
			m.frame(m.link(id, macOf(device), 0x0800, ipPacket(src, device, protoTCP, append(h, make([]byte, 900)...))))
		}
		f.buf.Write(m.b.Bytes())
		f.n++
	}
	if f.buf.Len() == 0 {
		return 0, io.EOF
	}
	return f.buf.Read(p)
}

// TestFlood reads hundreds of thousands of flows, hosts and pieces and holds what is
// kept of them under the bound.
func TestFlood(t *testing.T) {
	of := 200_000
	if testing.Short() {
		of = 60_000
	}
	var most uint64
	o := Options{Progress: func(int64) {
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		most = max(most, s.HeapInuse+s.StackInuse)
	}}
	r, err := Read(t.Context(), "flood.pcap", &flood{of: of}, o)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Files[0].Packets; got != int64(of) {
		t.Errorf("%d packets, want %d", got, of)
	}
	if len(r.Bounds) == 0 || len(r.Conversations) > 10_000 || len(r.Hosts) > 10_000 {
		t.Errorf("bounds %v, %d conversations, %d hosts", r.Bounds, len(r.Conversations), len(r.Hosts))
	}
	if most > 128<<20 {
		t.Errorf("%d MiB in use, want at most 128", most>>20)
	}
	t.Logf("most heap in use: %d MiB", most>>20)
	d, err := r.Device(device.String())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(summary(d), "wanted: a smaller capture") {
		t.Error("that bounds bit is not said of the device")
	}
}

// TestHeld holds that many connections which never finish what they began are bounded together.
func TestHeld(t *testing.T) {
	for name, begin := range map[string][]byte{
		"tls":  bytes.Repeat(record(22, append([]byte{1, 0, 0xff, 0xf0}, make([]byte, 9000)...)), 1),
		"http": append([]byte("POST / HTTP/1.1\r\nContent-Length: 9000\r\n\r\n"), make([]byte, 4000)...),
		"line": append([]byte("GET /"), make([]byte, 1500)...),
	} {
		m := newMaker()
		for n := range 3000 {
			m.tcp(port(device, uint16(10000+n)), port(cloud, 443)).say(0, begin)
		}
		a := New(Options{})
		src, err := openFile(bytes.NewReader(m.b.Bytes()), 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		a.t.begin("x")
		most := 0
		for f := (frame{}); src.next(&f) == nil; {
			a.t.frame(&f)
			most = max(most, a.t.held)
		}
		if most > maxHeld+2*maxPend {
			t.Errorf("%s: %d bytes held, want at most %d", name, most, maxHeld)
		}
		if name != "line" && most < 1<<20 {
			t.Errorf("%s: %d bytes counted as held: it is not counted", name, most)
		}
		var file File
		a.t.end(&file)
		if a.t.held != 0 {
			t.Errorf("%s: %d bytes are counted as held after all ended", name, a.t.held)
		}
	}
}

// TestTold holds that talkative connections are bounded together, in what is noted
// of those that are open and in what is told of all.
func TestTold(t *testing.T) {
	m := newMaker()
	for n := range 1000 {
		var said strings.Builder
		for k := range 20 {
			said.WriteString("GET /" + strings.Repeat("a", 250) + string(rune('a'+k)) + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + strings.Repeat("b", 500) + string(rune('a'+k)) + "\r\n\r\n")
		}
		k := m.tcp(port(device, 40000), port(netip.AddrFrom4([4]byte{203, 0, byte(n >> 8), byte(n)}), 80))
		k.c(said.String())
		if n%2 == 0 {
			k.close()
		}
	}
	for _, flows := range []int{64, 4096} { // few open at a time, and all of them
		a := New(Options{MaxFlows: flows})
		if _, err := a.Read(t.Context(), "x", bytes.NewReader(m.b.Bytes())); err != nil {
			t.Fatal(err)
		}
		if a.t.noted != 0 || a.t.told > maxTold || flows == 64 && a.t.told < maxTold/2 {
			t.Errorf("%d flows: %d noted, %d told", flows, a.t.noted, a.t.told)
		}
		if !slices.ContainsFunc(a.Result().Bounds, func(b Tally) bool { return b.What == tooMuch }) {
			t.Errorf("%d flows: that details were left out is not said", flows)
		}
	}
}

// TestFavoured holds that what the device says is kept where others would crowd it out.
func TestFavoured(t *testing.T) {
	var data bytes.Buffer
	if _, err := io.Copy(&data, &flood{of: 30_000}); err != nil {
		t.Fatal(err)
	}
	m := newMaker()
	m.written = true
	own := netip.MustParseAddr("192.168.8.77")
	m.udp(port(own, 5000), port(cloud, 123), append([]byte{0x23}, make([]byte, 47)...))
	data.Write(m.b.Bytes())
	for _, named := range []bool{false, true} {
		o := Options{MaxConversations: 100, MaxFlows: 64}
		if named {
			o.Devices = []string{own.String()}
		}
		r, err := Read(t.Context(), "flood.pcap", bytes.NewReader(data.Bytes()), o)
		if err != nil {
			t.Fatal(err)
		}
		d, err := r.Device(own.String())
		if err != nil {
			t.Fatal(err)
		}
		if got := len(d.Talks) > 0; got != named {
			t.Errorf("named beforehand %v: its talk is kept %v", named, got)
		}
	}
}

func TestCompressed(t *testing.T) {
	plain := login().b.Bytes()
	var gz, zst bytes.Buffer
	w := gzip.NewWriter(&gz)
	w.Write(plain)
	w.Close()
	z, err := zstd.NewWriter(&zst)
	if err != nil {
		t.Fatal(err)
	}
	z.Write(plain)
	z.Close()
	for name, data := range map[string][]byte{"gzip": gz.Bytes(), "zstd": zst.Bytes()} {
		r, err := Read(t.Context(), name, bytes.NewReader(data), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if d, _ := r.Device(deviceMAC); !strings.Contains(summary(d), accepted) || r.Files[0].Compression != name {
			t.Errorf("%s: %+v\n%s", name, r.Files, summary(d))
		}
		cut, err := Read(t.Context(), name, bytes.NewReader(data[:len(data)-12]), Options{})
		if err == nil && cut.Files[0].Problem == "" {
			t.Errorf("%s: nothing is said of the missing end", name)
		}
	}
}

func TestMaxBytes(t *testing.T) {
	m := newMaker()
	for range 100 {
		m.udp(port(device, 5000), port(cloud, 53), question("x.example.com"))
	}
	r, err := Read(t.Context(), "x", bytes.NewReader(m.b.Bytes()), Options{MaxBytes: 1000})
	if err != nil || !strings.Contains(r.Files[0].Problem, "the rest was not read") || r.Files[0].Packets > 20 {
		t.Errorf("got %+v, %v", r.Files, err)
	}
}

// TestAnyOrder holds that segments which come late, twice or overlapping, and
// datagrams in pieces, say the same as in order.
func TestAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type piece struct{ from, to int }
		text := "220 kettle FTP\r\n331 more\r\n230 in\r\n"
		said := "USER admin\r\nPASS S3cretWord\r\n"
		m := newMaker()
		k := m.tcp(port(phone, 40000), port(device, 21))
		k.s(text[:16])
		var pieces []piece
		for at := 0; at < len(said); {
			n := rapid.IntRange(1, 9).Draw(t, "length")
			pieces = append(pieces, piece{at, min(at+n, len(said))})
			at += n
		}
		for range rapid.IntRange(0, 3).Draw(t, "again") {
			from := rapid.IntRange(0, len(said)-1).Draw(t, "from")
			pieces = append(pieces, piece{from, rapid.IntRange(from+1, len(said)).Draw(t, "to")})
		}
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		rnd.Shuffle(len(pieces), func(i, j int) { pieces[i], pieces[j] = pieces[j], pieces[i] })
		seq := k.seq[0]
		for _, p := range pieces {
			k.segment(0, flagACK, seq+uint32(p.from), []byte(said[p.from:p.to]))
		}
		k.seq[0] += uint32(len(said))
		k.s(text[16:]).close()
		r, err := Read(t.Context(), "x", bytes.NewReader(m.b.Bytes()), Options{})
		if err != nil {
			t.Fatal(err)
		}
		d, err := r.Device(deviceMAC)
		if err != nil {
			t.Fatal(err)
		}
		if got := summary(d); !strings.Contains(got, accepted) || !strings.Contains(got, "; the server accepted it") {
			t.Fatal(got)
		}
	})
}

func TestFragments(t *testing.T) {
	q := question("a-name-that-is-long-enough.for.three.pieces.example.com")
	body := udpBody(5000, 53, q)
	whole := ipPacket(device, cloud, protoUDP, body)
	piece := func(at, to int, more bool) []byte {
		h := bytes.Clone(whole[:20])
		binary.BigEndian.PutUint16(h[2:], uint16(20+to-at))
		field := uint16(at / 8)
		if more {
			field |= 0x2000
		}
		binary.BigEndian.PutUint16(h[4:], 77)
		binary.BigEndian.PutUint16(h[6:], field)
		return append(h, body[at:to]...)
	}
	six := func(at, to int, more bool) []byte {
		h := make([]byte, 48)
		h[0], h[6] = 0x60, 44
		binary.BigEndian.PutUint16(h[4:], uint16(8+to-at))
		s, d := device6.As16(), cloud6.As16()
		copy(h[8:], s[:])
		copy(h[24:], d[:])
		h[40] = protoUDP
		field := uint16(at)
		if more {
			field |= 1
		}
		binary.BigEndian.PutUint16(h[42:], field)
		return append(h, body[at:to]...)
	}
	n := len(body)
	rows := []struct {
		name   string
		kind   uint16
		pieces [][]byte
		want   bool
	}{
		{"in-order", 0x0800, [][]byte{piece(0, 24, true), piece(24, 48, true), piece(48, n, false)}, true},
		{"any-order-and-twice", 0x0800, [][]byte{piece(48, n, false), piece(24, 48, true), piece(24, 48, true), piece(0, 24, true)}, true},
		{"overlapping", 0x0800, [][]byte{piece(0, 32, true), piece(24, 48, true), piece(48, n, false)}, false},
		{"lacking", 0x0800, [][]byte{piece(0, 24, true), piece(48, n, false)}, false},
		{"ipv6", 0x86dd, [][]byte{six(24, 48, true), six(0, 24, true), six(48, n, false)}, true},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			m := newMaker()
			for _, p := range row.pieces {
				m.frame(m.link(macOf(device), macOf(cloud), row.kind, p))
			}
			r := m.read(t, Options{})
			if got := len(r.Lookups) == 1; got != row.want {
				t.Errorf("put together %v, want %v; %+v", got, row.want, r.Files)
			}
			if !row.want && len(r.Files[0].Unread) == 0 {
				t.Error("that it was not put together is not said")
			}
		})
	}
}

// TestLinkLayers reads the same packet from every link layer.
func TestLinkLayers(t *testing.T) {
	src, dst := macOf(device), macOf(cloud)
	rows := []struct {
		name string
		kind uint32
		wrap func(ip []byte) []byte
	}{
		{"ethernet", 1, func(ip []byte) []byte { return newMaker().link(src, dst, 0x0800, ip) }},
		{"vlan", 1, func(ip []byte) []byte { return newMaker().link(src, dst, 0x8100, append([]byte{0, 5, 8, 0}, ip...)) }},
		{"qinq", 1, func(ip []byte) []byte {
			return newMaker().link(src, dst, 0x88a8, append([]byte{0, 5, 0x81, 0, 0, 6, 8, 0}, ip...))
		}},
		{"pppoe", 1, func(ip []byte) []byte {
			return newMaker().link(src, dst, 0x8864, append([]byte{0x11, 0, 0, 1, 0, 0, 0, 0x21}, ip...))
		}},
		{"snap", 1, func(ip []byte) []byte {
			return newMaker().link(src, dst, uint16(8+len(ip)), append([]byte{0xaa, 0xaa, 3, 0, 0, 0, 8, 0}, ip...))
		}},
		{"ipip", 101, func(ip []byte) []byte { return ipPacket(phone, cloud, protoIPIP, ip) }},
		{"raw", 101, func(ip []byte) []byte { return ip }},
		{"raw4", 228, func(ip []byte) []byte { return ip }},
		{"null", 0, func(ip []byte) []byte { return append([]byte{2, 0, 0, 0}, ip...) }},
		{"sll", 113, func(ip []byte) []byte {
			return append(append(append([]byte{0, 0, 0, 1, 0, 6}, src[:]...), 0, 0, 8, 0), ip...)
		}},
		{"sll2", 276, func(ip []byte) []byte {
			return append(append(append([]byte{8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6}, src[:]...), 0, 0), ip...)
		}},
		{"802.11", 105, func(ip []byte) []byte { return wifiFrame(src, dst, 0, ip) }},
		{"radiotap", 127, func(ip []byte) []byte {
			return append([]byte{0, 0, 17, 0, 3, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0}, wifiFrame(src, dst, 0, ip)...)
		}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			m := newMaker()
			m.kind = row.kind
			m.frame(row.wrap(ipPacket(device, cloud, protoUDP, udpBody(5000, 53, question("x.example.com")))))
			r := m.read(t, Options{})
			if len(r.Lookups) != 1 || r.Lookups[0].Client.IP != device {
				t.Fatalf("got %+v, %+v", r.Lookups, r.Files)
			}
			mac := row.name != "raw" && row.name != "raw4" && row.name != "null" && row.name != "ipip"
			if got := r.Lookups[0].Client.MAC; mac && got != deviceMAC {
				t.Errorf("hardware address %q, want %s", got, deviceMAC)
			}
		})
	}
	m := newMaker()
	m.kind = 105
	m.frame(wifiFrame(src, dst, 0x40, []byte("secret")))
	if r := m.read(t, Options{}); len(r.Files[0].Unread) != 1 || !strings.Contains(r.Files[0].Unread[0].What, "encrypted") {
		t.Errorf("got %+v", r.Files)
	}
}

// wifiFrame is a data frame from a station to its access point.
func wifiFrame(src, dst mac, flags byte, ip []byte) []byte {
	b := append([]byte{0x88, 1 | flags, 0, 0}, make([]byte, 6)...)
	b = append(append(append(b, src[:]...), dst[:]...), 0, 0, 0, 0)
	return append(append(b, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0), ip...)
}

// TestFileFormats reads the same packet from every form of file.
func TestFileFormats(t *testing.T) {
	ip := ipPacket(device, cloud, protoUDP, udpBody(5000, 53, question("x.example.com")))
	const sec, nsec = 1767323045, 123456789
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		name := order.(binary.ByteOrder).String()
		u16, u32 := order.AppendUint16, order.AppendUint32
		pcap := func(magic, part uint32, extra int) []byte {
			b := u32(u16(u16(u32(nil, magic), 2), 4), 0)
			b = u32(u32(u32(b, 0), 65535), 101)
			b = u32(u32(u32(u32(b, sec), part), uint32(len(ip))), uint32(len(ip)))
			return append(append(b, make([]byte, extra)...), ip...)
		}
		block := func(kind uint32, body []byte) []byte {
			for len(body)%4 != 0 {
				body = append(body, 0)
			}
			n := uint32(12 + len(body))
			return u32(append(u32(u32(nil, kind), n), body...), n)
		}
		ng := func(resol byte, stamp uint64) []byte {
			b := block(blockSection, append(u16(u16(u32(nil, 0x1a2b3c4d), 1), 0), bytes.Repeat([]byte{0xff}, 8)...))
			b = append(b, block(blockInterface, u32(u16(u16(nil, 1), 0), 0))...) // another interface first
			opt := append(u16(u16(nil, 9), 1), resol, 0, 0, 0)
			b = append(b, block(blockInterface, append(u32(u16(u16(nil, 101), 0), 0), append(opt, u32(nil, 0)...)...))...)
			b = append(b, block(5, make([]byte, 20))...) // statistics
			e := u32(u32(u32(u32(u32(nil, 1), uint32(stamp>>32)), uint32(stamp)), uint32(len(ip))), uint32(len(ip)))
			return append(b, block(blockEnhanced, append(e, ip...))...)
		}
		simple := block(blockSection, append(u16(u16(u32(nil, 0x1a2b3c4d), 1), 0), bytes.Repeat([]byte{0xff}, 8)...))
		simple = append(simple, block(blockInterface, u32(u16(u16(nil, 101), 0), 0))...)
		simple = append(simple, block(blockSimple, append(u32(nil, uint32(len(ip))), ip...))...)
		micro, nano := int64(sec*1e9+nsec/1000*1000), int64(sec*1e9+nsec)
		for _, row := range []struct {
			name string
			data []byte
			at   int64
		}{
			{"pcap", pcap(0xa1b2c3d4, nsec/1000, 0), micro}, {"pcap-ns", pcap(0xa1b23c4d, nsec, 0), nano}, {"pcap-modified", pcap(0xa1b2cd34, nsec/1000, 8), micro},
			{"pcapng", ng(6, uint64(micro/1000)), micro}, {"pcapng-ns", ng(9, uint64(nano)), nano}, {"pcapng-binary", ng(0x80|20, sec<<20), sec * 1e9}, {"pcapng-simple", simple, 0},
		} {
			t.Run(name+"/"+row.name, func(t *testing.T) {
				r, err := Read(t.Context(), row.name, bytes.NewReader(row.data), Options{})
				if err != nil {
					t.Fatal(err)
				}
				if len(r.Lookups) != 1 || r.Files[0].Problem != "" || r.Files[0].Packets != 1 {
					t.Fatalf("got %+v, %+v", r.Lookups, r.Files)
				}
				if got := r.Files[0].First; row.at != 0 && got.UnixNano() != row.at {
					t.Errorf("at %d, want %d", got.UnixNano(), row.at)
				}
			})
		}
	}
}
