package firmware

import (
	"bytes"
	"crypto/sha256"
	"hash/crc32"
	"testing"
)

// Images of formats that no tool at hand makes, put together by hand.

func put32(p []byte, order interface{ PutUint32([]byte, uint32) }, at int, v ...uint32) {
	for i, x := range v {
		order.PutUint32(p[at+4*i:], x)
	}
}

func madeESP(segments ...[]byte) []byte {
	out := make([]byte, 24)
	out[0], out[1], out[2] = 0xe9, byte(len(segments)), 2
	sum := byte(0xef)
	for i, s := range segments {
		h := make([]byte, 8)
		put32(h, le, 0, 0x3f400020+uint32(i)<<16, uint32(len(s)))
		out = append(append(out, h...), s...)
		for _, c := range s {
			sum ^= c
		}
	}
	out = append(out, make([]byte, 16-len(out)%16)...)
	out[len(out)-1] = sum
	return out
}

func madeZigbee(elements ...[]byte) []byte {
	out := make([]byte, 56)
	put32(out, le, 0, 0x0beef11e, 0x00380100)
	le.PutUint16(out[10:], 0x1234)
	le.PutUint16(out[12:], 0x0102)
	le.PutUint32(out[14:], 7)
	copy(out[20:], "made for a test")
	for i, e := range elements {
		h := make([]byte, 6)
		le.PutUint16(h, uint16(i))
		le.PutUint32(h[2:], uint32(len(e)))
		out = append(append(out, h...), e...)
	}
	le.PutUint32(out[52:], uint32(len(out)))
	return out
}

func madeMCUboot(body []byte, flags uint32, tlvs ...uint16) []byte {
	out := make([]byte, 32)
	put32(out, le, 0, 0x96f3b83d)
	le.PutUint16(out[8:], 32)
	put32(out, le, 12, uint32(len(body)), flags)
	out[20], out[21] = 3, 1
	out = append(out, body...)
	list := []byte{0x07, 0x69, 0, 0}
	for _, typ := range tlvs {
		list = append(list, byte(typ), byte(typ>>8), 4, 0, 1, 2, 3, 4)
	}
	le.PutUint16(list[2:], uint16(len(list)))
	return append(out, list...)
}

func madeTRX(parts ...[]byte) []byte {
	out := make([]byte, 28)
	copy(out, "HDR0")
	le.PutUint16(out[14:], 1)
	for i, p := range parts {
		le.PutUint32(out[16+4*i:], uint32(len(out)))
		out = append(out, p...)
	}
	le.PutUint32(out[4:], uint32(len(out)))
	le.PutUint32(out[8:], ^crc32.ChecksumIEEE(out[12:]))
	return out
}

func madeSEAMA(body []byte) []byte {
	meta := "dev=/dev/mtdblock/2\x00type=firmware\x00\x00\x00\x00\x00"
	out := make([]byte, 12)
	be.PutUint32(out, 0x5ea3a417)
	be.PutUint16(out[6:], uint16(len(meta)))
	be.PutUint32(out[8:], uint32(len(body)))
	out = append(append(out, make([]byte, 16)...), meta...)
	return append(out, body...)
}

func madeCHK(kernel, root []byte) []byte {
	board := "U12H240T00_NETGEAR"
	out := make([]byte, 40)
	put32(out, be, 0, 0x2a23245e, uint32(40+len(board)))
	put32(out, be, 24, uint32(len(kernel)), uint32(len(root)))
	return append(append(append(out, board...), kernel...), root...)
}

func madeUF2(data []byte) []byte {
	var out []byte
	n := (len(data) + 255) / 256
	for i := range n {
		b := make([]byte, 512)
		part := data[i*256 : min((i+1)*256, len(data))]
		put32(b, le, 0, 0x0a324655, 0x9e5d5157, 0x2000, 0x10000000+uint32(i)*256, uint32(len(part)), uint32(i), uint32(n), 0xe48bff56)
		copy(b[32:], part)
		put32(b, le, 508, 0x0ab16f30)
		out = append(out, b...)
	}
	return out
}

func madeMatter(body []byte) []byte {
	tlv := []byte{0x15, 0x25, 0, 0xf1, 0xff, 0x25, 1, 0x00, 0x80, 0x26, 2, 9, 0, 0, 0, 0x2c, 3, 3, '1', '.', '9', 0x18}
	out := make([]byte, 16)
	put32(out, le, 0, 0x1beef11e, uint32(16+len(tlv)+len(body)), 0, uint32(len(tlv)))
	return append(append(out, tlv...), body...)
}

func text(n int) []byte { return bytes.Repeat([]byte("some text of a payload\n"), n/23+1)[:n] }

func madeSeeds() [][]byte {
	table := bytes.Repeat([]byte{0xff}, 96)
	copy(table, "\xaa\x50\x01\x02\x00\x90\x00\x00\x00\x60\x00\x00nvs\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00")
	out := [][]byte{madeSuper(text(5000), text(9000)), madePayload(text(70_000), func(_ int, p []byte) []byte { return p }, false)}
	for _, data := range madeSOC(text(300)) {
		out = append(out, data)
	}
	return append(out, [][]byte{madeESP(text(400), text(80)), table, madeZigbee(text(300), text(48)), madeMCUboot(text(500), 0, 0x10, 0x22), madeTRX(text(100), text(333)),
		madeSEAMA(text(200)), madeCHK(text(100), text(90)), madeUF2(text(1000)), madeMatter(text(120)), madeYAFFS2(), madeNVS()}...)
}

// madeYAFFS2 holds a folder etc with a file passwd, of which an older version comes first, and a deleted file.
func madeYAFFS2() []byte { return madeYAFFS2As(2048, 64, 0) }

// madeYAFFS2As has pages and spare bytes of the sizes given, with the tags at some offset in the spare bytes.
func madeYAFFS2As(page, spare, tags int) []byte {
	var out []byte
	put := func(seq, obj, chunk, size uint32, data []byte) {
		p := bytes.Repeat([]byte{0xff}, page+spare)
		copy(p, data)
		put32(p, le, page+tags, seq, obj, chunk, size)
		out = append(out, p...)
	}
	head := func(seq, obj, typ, parent uint32, name string, mode, size uint32) {
		h := bytes.Repeat([]byte{0xff}, 512)
		put32(h, le, 0, typ, parent)
		clear(h[10:266])
		copy(h[10:], name)
		put32(h, le, 268, mode, 0, 0, 0, 0, 0, size)
		put(seq, obj, 0, 0xffff, h)
	}
	head(0x1001, 257, 3, 1, "etc", 0o40755, 0)
	head(0x1001, 258, 1, 257, "passwd", 0o100644, 4)
	put(0x1001, 258, 1, 4, []byte("old\n"))
	put(0x1002, 258, 1, 30, []byte("root:x:0:0:root:/root:/bin/sh\n"))
	head(0x1002, 258, 1, 257, "passwd", 0o100644, 30)
	head(0x1002, 259, 1, 4, "deleted", 0o100644, 0)
	return out
}

func TestYAFFS2Versions(t *testing.T) {
	data := madeYAFFS2()
	tr := oneTree(t, open(t, data))
	if got, err := tr.FS.ReadFile("etc/passwd"); err != nil || string(got) != "root:x:0:0:root:/root:/bin/sh\n" {
		t.Errorf("got %q, %v", got, err)
	}
	if tr.Entries != 2 {
		t.Errorf("entries: got %d, want 2", tr.Entries)
	}
	const chunk = 2048 + 64
	for _, cut := range [][]byte{append(bytes.Clone(data[:2*chunk]), data[5*chunk:]...), data[:4*chunk+100]} {
		if im := open(t, cut); im.Trees[0].Complete || !has(im, Truncated, "yaffs2") {
			t.Errorf("cut: unread %v", im.Unread)
		}
	}
}

func TestYAFFS2Layouts(t *testing.T) {
	for _, x := range [][3]int{{512, 16, 0}, {2048, 64, 0}, {2048, 64, 2}, {2048, 64, 30}, {4096, 128, 2}, {4096, 224, 4}, {8192, 448, 16}, {2048, 128, 32}} {
		tr := oneTree(t, open(t, madeYAFFS2As(x[0], x[1], x[2])))
		if got, err := tr.FS.ReadFile("etc/passwd"); err != nil || string(got) != "root:x:0:0:root:/root:/bin/sh\n" {
			t.Errorf("%v: got %q, %v", x, got, err)
		}
	}
}

func TestMadeContainers(t *testing.T) {
	inner := gz(t, text(5000))
	rnd := make([]byte, 4096)
	x := uint32(1)
	for i := range rnd { // a fixed run of bytes that looks random
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		rnd[i] = byte(x >> 8)
	}
	for name, c := range map[string]struct {
		data []byte
		realCase
	}{
		"esp":               {madeESP(text(400), text(80)), realCase{ranges: []string{"esp-image@0x0  ESP32 image, 2 segments", "segment@0x18", "segment@0x1b0"}}},
		"zigbee":            {madeZigbee(inner, text(48)), realCase{ranges: []string{"zigbee-ota@0x0 made for a test Zigbee OTA, manufacturer 0x1234, image type 0x0102, file version 0x00000007", "gzip@0x3e", "element@"}}},
		"matter":            {madeMatter(inner), realCase{ranges: []string{"matter-ota@0x0  Matter OTA, vendor 0xfff1, product 0x8000, version 0x9, version string \"1.9\"", "gzip@"}}},
		"mcuboot":           {madeMCUboot(text(500), 0, 0x10, 0x22), realCase{ranges: []string{"mcuboot@0x0  MCUboot image, version 3.1.0+0, SHA-256, ECDSA signature"}}},
		"mcuboot-unsigned":  {madeMCUboot(text(500), 0, 0x10), realCase{ranges: []string{"mcuboot@0x0  MCUboot image, version 3.1.0+0, SHA-256, no signature"}}},
		"mcuboot-encrypted": {madeMCUboot(rnd, 4, 0x10), realCase{ranges: []string{"mcuboot@0x0"}, unread: []string{"encrypted mcuboot"}}},
		"trx":               {madeTRX(inner, text(333)), realCase{ranges: []string{"trx@0x0  TRX version 1, checksum right", "part@0x1c part 0", "gzip@0x1c", "part@"}}},
		"seama":             {madeSEAMA(inner), realCase{ranges: []string{"seama@0x0  SEAMA, dev=/dev/mtdblock/2 type=firmware", "gzip@"}}},
		"chk":               {madeCHK(inner, text(90)), realCase{ranges: []string{"netgear-chk@0x0 U12H240T00_NETGEAR", "gzip@"}}},
		"uf2":               {madeUF2(inner), realCase{ranges: []string{"uf2@0x0  UF2, family 0xe48bff56", "gzip@0x0"}}},
		"trx-cut":           {madeTRX(inner, text(333))[:200], realCase{unread: []string{"truncated trx"}}},
		"random":            {rnd, realCase{ranges: []string{"opaque@0x0"}, unread: []string{"encrypted opaque"}}},
	} {
		t.Run(name, func(t *testing.T) { c.check(t, open(t, c.data)) })
	}
}

// Where a format carries a checksum, a changed byte is said to be one.
func TestChangedBytesAreSeen(t *testing.T) {
	s := seeds(t)
	esp := madeESP(text(400), text(80))
	esp[23] = 1
	sum := sha256.Sum256(esp)
	for name, c := range map[string]struct {
		data []byte
		at   int
		want string
	}{
		"uimage":      {s["uimage"], 500, "uimage data"},
		"trx":         {madeTRX(text(100), text(333)), 200, "trx"},
		"gzip":        {s["stream-gzip"], len(s["stream-gzip"]) - 6, "gzip"},
		"esp-digest":  {append(bytes.Clone(esp), sum[:]...), len(esp) + 3, "digest wrong"},
		"cramfs":      {s["cramfs-le"], 200, "checksum"},
		"jffs2":       {s["jffs2-le"], 300, "checksum"},
		"squashfs-xz": {s["squashfs-xz"], 120, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if im := open(t, c.data); len(im.Unread) != 0 {
				t.Fatalf("unchanged: unread %v", im.Unread)
			}
			bad := bytes.Clone(c.data)
			bad[c.at] ^= 4
			im := open(t, bad)
			if _, ok := whole(im); c.want == "" && ok || c.want != "" && len(im.Trees) == 0 && !has(im, Corrupt, c.want) {
				t.Errorf("changed: unread %v", im.Unread)
			} else if c.want != "" && ok && len(im.Unread) == 0 {
				t.Error("changed: nothing is said")
			}
		})
	}
}
