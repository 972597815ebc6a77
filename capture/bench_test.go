package capture

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// block is some thirty seconds of a household's network as a device's traffic looks:
// names, time, TLS with bodies, HTTP, MQTT, media, broadcast, other hosts. Each block
// has its own ports and times, so that flows do not run together.
func block(m *maker, n int) {
	at := netip.AddrFrom4([4]byte{192, 168, 8, byte(20 + n%40)})
	sport := uint16(20000 + n%40000)
	body := make([]byte, 60<<10)
	for i := range body {
		body[i] = byte(uint32(i*2654435761) >> 13)
	}
	m.udp(port(at, sport), port(router, 53), question("host"+strconv.Itoa(n%500)+".example.com"))
	m.udp(port(router, 53), port(at, sport), answer("host"+strconv.Itoa(n%500)+".example.com", cloud))
	m.udp(port(at, 123), port(cloud, 123), append([]byte{0x23}, make([]byte, 47)...))
	m.udp(port(at, 5353), port(netip.MustParseAddr("224.0.0.251"), 5353), question("_hap._tcp.local"))
	tls := m.tcp(port(at, sport), port(cloud, 443))
	tls.say(0, clientHello("host.example.com", nil)).say(1, serverHello(0x0303, 0xc02f))
	tls.say(0, record(20, []byte{1})).say(0, record(22, make([]byte, 40))).say(1, record(20, []byte{1})).say(1, record(22, make([]byte, 40)))
	for range 4 {
		tls.say(0, record(23, body[:300])).say(1, record(23, body[:16000])).say(1, record(23, body[:16000]))
	}
	tls.close()
	h := m.tcp(port(at, sport+1), port(cloud, 80))
	h.c("GET /weather?q=1 HTTP/1.1\r\nHost: api.example.com\r\nUser-Agent: kettle/1.0\r\n\r\n")
	h.s("HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: "+strconv.Itoa(len(body))+"\r\n\r\n").say(1, body).close()
	q := m.tcp(port(at, sport+2), port(router, 1883))
	q.c(mqttConnect("kettle", "user", "secret"+strconv.Itoa(n%100))).s("\x20\x02\x00\x00")
	for i := range 20 {
		q.c("\x30\x0f\x00\x05stateon" + fmt.Sprintf("%06d", i))
	}
	q.close()
	for range 40 {
		m.udp(port(at, 40000), port(cloud, 40001), body[:1200])
	}
}

// writeCapture writes blocks until the file has the size.
func writeCapture(tb testing.TB, name string, size int64) {
	tb.Helper()
	f, err := os.Create(name)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	m := newMaker()
	for n, done := 0, int64(0); done < size; n++ {
		block(m, n)
		done += int64(m.b.Len())
		if _, err := m.b.WriteTo(w); err != nil {
			tb.Fatal(err)
		}
		m.b.Reset()
		m.headless()
		m.at = m.at.Add(20 * time.Second)
	}
	if err := w.Flush(); err != nil {
		tb.Fatal(err)
	}
}

// headless keeps a file header from being written again.
func (m *maker) headless() { m.written = true }

// peak is the most memory that this process ever held.
func peak() string {
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "not known"
	}
	for line := range bytes.Lines(data) {
		if v, ok := bytes.CutPrefix(line, []byte("VmHWM:")); ok {
			return string(bytes.TrimSpace(v))
		}
	}
	return "not known"
}

// BenchmarkCapture reads a capture of 1 GiB, or of ASSAY_BENCH_MB megabytes, as a
// stream, and holds it against tshark with four fields on a slice of the same and
// tcpdump, where these are installed.
func BenchmarkCapture(b *testing.B) {
	size := int64(1 << 30)
	if v, err := strconv.ParseInt(os.Getenv("ASSAY_BENCH_MB"), 10, 32); err == nil {
		size = v << 20
	}
	dir := b.TempDir()
	whole, slice := filepath.Join(dir, "whole.pcap"), filepath.Join(dir, "slice.pcap")
	writeCapture(b, whole, size)
	writeCapture(b, slice, min(size, 96<<20))
	var rate float64
	b.Run("assay", func(b *testing.B) {
		b.SetBytes(size)
		runtime.GC()
		for b.Loop() {
			f, err := os.Open(whole)
			if err != nil {
				b.Fatal(err)
			}
			began := time.Now()
			r, err := Read(b.Context(), "whole.pcap", f, Options{})
			rate = float64(size) / time.Since(began).Seconds()
			f.Close()
			if err != nil || len(r.Conversations) < 50 {
				b.Fatalf("%d conversations, %v", len(r.Conversations), err)
			}
		}
		b.Log("most memory of the whole process, in which the capture was also made:", peak())
	})
	for _, peer := range []struct {
		name string
		args []string
	}{
		{"tshark", []string{"tshark", "-r", slice, "-T", "fields", "-e", "ip.src", "-e", "dns.qry.name", "-e", "tls.handshake.extensions_server_name", "-e", "http.host"}},
		{"tcpdump", []string{"tcpdump", "-nn", "-r", slice}},
	} {
		b.Run(peer.name, func(b *testing.B) {
			if _, err := exec.LookPath(peer.args[0]); err != nil {
				b.Skipf("%s is not installed", peer.name)
			}
			info, err := os.Stat(slice)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(info.Size())
			for b.Loop() {
				began := time.Now()
				cmd := exec.CommandContext(b.Context(), peer.args[0], peer.args[1:]...)
				cmd.Stdout = io.Discard
				if err := cmd.Run(); err != nil {
					b.Fatal(err)
				}
				theirs := float64(info.Size()) / time.Since(began).Seconds()
				b.ReportMetric(rate/theirs, "times-as-fast")
			}
		})
	}
}

// question is a question of DNS for an address.
func question(name string) []byte { return dnsMessage(0x0100, name) }

func dnsMessage(flags uint16, name string, addresses ...netip.Addr) []byte {
	h := []byte{0x12, 0x34, byte(flags >> 8), byte(flags), 0, 1, 0, byte(len(addresses)), 0, 0, 0, 0}
	h = append(append(h, dnsLabels(name)...), 0, 1, 0, 1)
	for _, a := range addresses {
		h = append(h, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4)
		b := a.As4()
		h = append(h, b[:]...)
	}
	return h
}

func dnsLabels(name string) []byte {
	var out []byte
	for _, l := range bytes.Split([]byte(name), []byte(".")) {
		out = append(append(out, byte(len(l))), l...)
	}
	return append(out, 0)
}

func answer(name string, a ...netip.Addr) []byte { return dnsMessage(0x8180, name, a...) }

// record is one record of TLS 1.2.
func record(kind byte, body []byte) []byte {
	return append([]byte{kind, 3, 3, byte(len(body) >> 8), byte(len(body))}, body...)
}

func handshake(kind byte, body []byte) []byte {
	return append([]byte{kind, 0, byte(len(body) >> 8), byte(len(body))}, body...)
}

func clientHello(sni string, suites []uint16) []byte {
	b := append([]byte{3, 3}, make([]byte, 32)...)
	b = append(b, 0)
	if suites == nil {
		suites = []uint16{0xc02f, 0xc030, 0x009c}
	}
	b = binary.BigEndian.AppendUint16(b, uint16(2*len(suites)))
	for _, s := range suites {
		b = binary.BigEndian.AppendUint16(b, s)
	}
	b = append(b, 1, 0)
	var x []byte
	if sni != "" {
		x = append(x, 0, 0, 0, byte(len(sni)+5), 0, byte(len(sni)+3), 0, 0, byte(len(sni)))
		x = append(x, sni...)
	}
	x = append(x, 0, 13, 0, 4, 0, 2, 4, 3)
	b = append(binary.BigEndian.AppendUint16(b, uint16(len(x))), x...)
	return record(22, handshake(1, b))
}

func serverHello(version, suite uint16) []byte {
	b := binary.BigEndian.AppendUint16(nil, version)
	b = append(b, bytes.Repeat([]byte{7}, 32)...)
	b = append(b, 0)
	b = binary.BigEndian.AppendUint16(b, suite)
	return record(22, handshake(2, append(b, 0)))
}

func mqttConnect(id, user, password string) string {
	text := func(s string) string { return string([]byte{byte(len(s) >> 8), byte(len(s))}) + s }
	flags := byte(2)
	body := text(id)
	if user != "" {
		flags |= 0xc0
		body += text(user) + text(password)
	}
	body = text("MQTT") + string([]byte{4, flags, 0, 60}) + body
	return string([]byte{0x10, byte(len(body))}) + body
}

// BenchmarkSmall reads what costs most for its size: names, time, commands and
// announcements, of which every byte is looked at.
func BenchmarkSmall(b *testing.B) {
	m := newMaker()
	for n := 0; m.b.Len() < 32<<20; n++ {
		at := netip.AddrFrom4([4]byte{192, 168, 8, byte(20 + n%40)})
		sport := uint16(20000 + n%40000)
		name := "host" + strconv.Itoa(n%500) + ".example.com"
		m.udp(port(at, sport), port(router, 53), question(name))
		m.udp(port(router, 53), port(at, sport), answer(name, cloud))
		m.udp(port(at, 123), port(cloud, 123), append([]byte{0x23}, make([]byte, 47)...))
		m.udp(port(at, 1900), port(netip.MustParseAddr("239.255.255.250"), 1900), []byte("NOTIFY * HTTP/1.1\r\nSERVER: Linux UPnP/1.0 kettle/2\r\nNT: upnp:rootdevice\r\n\r\n"))
		q := m.tcp(port(at, sport+1), port(cloud, 1883))
		q.c(mqttConnect("kettle", "user", "secret")).s("\x20\x02\x00\x00").c("\x30\x0d\x00\x05state" + strconv.Itoa(100000+n%1000)).close()
		h := m.tcp(port(at, sport+2), port(cloud, 80))
		h.c("GET /weather?q=1 HTTP/1.1\r\nHost: api.example.com\r\nUser-Agent: kettle/1.0\r\n\r\n").s("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").close()
	}
	data := m.b.Bytes()
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	began := cpuTime()
	for b.Loop() {
		if _, err := Read(b.Context(), "small.pcap", bytes.NewReader(data), Options{}); err != nil {
			b.Fatal(err)
		}
	}
	cpu := (cpuTime() - began) / float64(b.N)
	b.ReportMetric(float64(len(data))/1e6/cpu, "MB/cpu-s")
	beside(b, data, cpu, "tcpdump", "-nn")
	beside(b, data, cpu, "tshark", "-T", "fields", "-e", "ip.src", "-e", "dns.qry.name", "-e", "tls.handshake.extensions_server_name", "-e", "http.host")
	b.ReportMetric(float64(m.n)*float64(b.N)/b.Elapsed().Seconds(), "packets/s")
}

// BenchmarkPackets reads captures of one kind of small packet each, the worst that
// come: every packet a flow of its own, one host speaking to thousands, names that
// are all different, bare acknowledgements.
func BenchmarkPackets(b *testing.B) {
	host := func(n int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}) }
	at := netip.AddrFrom4([4]byte{192, 168, 8, 20})
	for _, kind := range []struct {
		name string
		make func(m *maker, n int)
	}{
		{"acks", func(m *maker, n int) {
			m.bare(port(at, uint16(1024+n%400)), port(cloud, 443), uint32(n), uint32(n), flagACK, nil)
		}},
		{"syn-flood", func(m *maker, n int) {
			m.bare(port(host(n), uint16(n)), port(at, 80), uint32(n), 0, flagSYN, nil)
		}},
		{"port-scan", func(m *maker, n int) {
			m.bare(port(at, 40000), port(host(n>>14), uint16(n)), uint32(n), 0, flagSYN, nil)
			m.bare(port(host(n>>14), uint16(n)), port(at, 40000), 0, uint32(n)+1, flagRST|flagACK, nil)
		}},
		{"names", func(m *maker, n int) {
			name := "h" + strconv.Itoa(n) + ".example.com"
			m.udp(port(at, uint16(n)), port(router, 53), question(name))
			m.udp(port(router, 53), port(at, uint16(n)), answer(name, cloud))
		}},
		{"udp-unknown", func(m *maker, n int) {
			m.udp(port(at, uint16(20000+n%2000)), port(cloud, 40001), []byte{1, 2, byte(n), 4, 5, 6, byte(n >> 8), 8})
		}},
		{"udp-flood", func(m *maker, n int) {
			m.udp(port(host(n), uint16(n)), port(at, 40001), []byte{1, 2, byte(n), 4, 5, 6, byte(n >> 8), 8})
		}},
		{"one-byte-segments", func(m *maker, n int) {
			m.bare(port(at, uint16(1024+n%40)), port(cloud, 8883), uint32(n/40), 1, flagACK, []byte{byte(n)})
		}},
	} {
		b.Run(kind.name, func(b *testing.B) {
			m := newMaker()
			for n := 0; m.b.Len() < 24<<20; n++ {
				kind.make(m, n)
			}
			data := m.b.Bytes()
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			began := cpuTime()
			for b.Loop() {
				if _, err := Read(b.Context(), "packets.pcap", bytes.NewReader(data), Options{}); err != nil {
					b.Fatal(err)
				}
			}
			cpu := (cpuTime() - began) / float64(b.N)
			b.ReportMetric(float64(len(data))/1e6/cpu, "MB/cpu-s")
			beside(b, data, cpu, "tcpdump", "-nn")
			b.ReportMetric(float64(m.n)*float64(b.N)/b.Elapsed().Seconds(), "packets/s")
		})
	}
}

// bare writes one TCP segment by itself.
func (m *maker) bare(src, dst netip.AddrPort, seq, ack uint32, flags byte, b []byte) {
	h := binary.BigEndian.AppendUint16(nil, src.Port())
	h = binary.BigEndian.AppendUint16(h, dst.Port())
	h = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(h, seq), ack)
	m.ip(src.Addr(), dst.Addr(), protoTCP, append(append(h, 5<<4, flags, 0xff, 0xff, 0, 0, 0, 0), b...))
}

// cpuTime is what the process took of processors so far, in seconds: what others on
// the machine do does not count. It is known on Linux alone.
func cpuTime() float64 {
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	const ticks = 100
	return (user + system) / ticks
}

// beside runs another program over the same capture, where it is installed, and reports
// how many times its time of processors is ours.
func beside(b *testing.B, data []byte, ours float64, name string, args ...string) {
	b.Helper()
	if _, err := exec.LookPath(name); err != nil || ours <= 0 {
		return
	}
	file := filepath.Join(b.TempDir(), "packets.pcap")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := exec.CommandContext(b.Context(), name, append([]string{"-r", file}, args...)...)
	cmd.Stdout = io.Discard
	if err := cmd.Run(); err != nil {
		b.Fatal(err)
	}
	theirs := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	b.ReportMetric(theirs.Seconds()/ours, "times-"+name)
}
