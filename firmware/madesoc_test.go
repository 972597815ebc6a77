package firmware

import (
	"bytes"
	"compress/bzip2"
	"crypto/sha256"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// madeSOC are containers of makers of chips around the same payload, put together by hand from their descriptions.
func madeSOC(inner []byte) map[string][]byte {
	out := map[string][]byte{}
	n := uint32(len(inner))

	rkaf := make([]byte, 0x8c+16*112)
	copy(rkaf, "RKAF")
	copy(rkaf[8:], "RK3128")
	put32(rkaf, le, 0x88, 2)
	e := rkaf[0x8c:]
	copy(e, "package-file")
	copy(e[32:], "SELF")
	e = e[112:]
	copy(e, "rootfs")
	copy(e[32:], "Image/rootfs.img")
	put32(e, le, 96, uint32(len(rkaf)))
	put32(e, le, 108, n)
	rkaf = append(rkaf, inner...)
	put32(rkaf, le, 4, uint32(len(rkaf)))
	rkaf = append(rkaf, 1, 2, 3, 4)
	out["rockchip-archive"] = rkaf
	rkfw := make([]byte, 102)
	copy(rkfw, "RKFW\x66\x00")
	copy(rkfw[14:], "\xe4\x07\x0b\x16")
	put32(rkfw, le, 25, 102, 200, 302, uint32(len(rkaf)))
	rkfw = append(append(append(rkfw, text(200)...), rkaf...), "0123456789abcdef0123456789abcdef"...)
	out["rockchip"] = rkfw

	aw := make([]byte, 2048)
	copy(aw, "IMAGEWTY")
	put32(aw, le, 8, 0x300, 96)
	put32(aw, le, 24, 2048+n)
	put32(aw, le, 60, 1)
	copy(aw[1024+36:], "rootfs.fex")
	put32(aw, le, 1024+292, n)
	put32(aw, le, 1024+308, 2048)
	out["allwinner"] = append(aw, inner...)

	aml := make([]byte, 64+576)
	put32(aml, le, 4, 2, 0x27b51956, uint32(len(aml))+n)
	put32(aml, le, 24, 1)
	put32(aml, le, 64+16, uint32(len(aml)), 0, n)
	copy(aml[64+32:], "PARTITION")
	copy(aml[64+288:], "system")
	out["amlogic"] = append(aml, inner...)

	rtk := make([]byte, 16)
	copy(rtk, "cr6c")
	put32(rtk, be, 4, 0x80500000, 0x20000, n+2)
	out["realtek"] = append(append(rtk, inner...), 0, 0)

	mtk := bytes.Repeat([]byte{0xff}, 512)
	put32(mtk, le, 0, 0x58881688, n)
	clear(mtk[8:40])
	copy(mtk[8:], "rootfs")
	out["mediatek"] = append(mtk, inner...)

	dfu := make([]byte, 11+274+8)
	copy(dfu, "DfuSe\x01")
	dfu[10] = 1
	copy(dfu[11:], "Target")
	copy(dfu[22:], "ST...")
	put32(dfu, le, 11+270, 1)
	put32(dfu, le, 11+274, 0x08000000, n)
	dfu = append(dfu, inner...)
	put32(dfu, le, 6, uint32(len(dfu)))
	out["dfuse"] = append(dfu, "\x00\x00\x11\xdf\x83\x04\x1a\x01UFD\x10\x01\x02\x03\x04"...)

	uefi := make([]byte, 72)
	put32(uefi, le, 32, 72+n)
	copy(uefi[40:], "_FVH")
	uefi[48] = 72
	sum := uint16(0)
	for i := 0; i < 72; i += 2 {
		sum += le.Uint16(uefi[i:])
	}
	le.PutUint16(uefi[50:], -sum)
	out["uefi-volume"] = append(uefi, inner...)

	ubnt := make([]byte, 268+56)
	copy(ubnt, "UBNTXM.ar7240.v5.6.6")
	copy(ubnt[268:], "PARTrootfs")
	put32(ubnt, be, 268+48, n)
	out["ubnt"] = append(append(append(ubnt, inner...), make([]byte, 8)...), "END.\x00\x00\x00\x00\x00\x00\x00\x00"...)

	safe := bytes.Repeat([]byte{0xff}, 0x1014+0x800)
	put32(safe, be, 0, uint32(len(safe))+n)
	copy(safe[0x14:], "fw-type:Cloud\r\n")
	copy(safe[0x1014:], "fwup-ptn file-system base 0x00800 size 0x"+hex32(n)+"\t\r\n\x00")
	out["tp-link-safeloader"] = append(safe, inner...)

	npk := make([]byte, 14)
	copy(npk, "\x1e\xf1\xd0\xba")
	put32(npk, le, 4, 6+n)
	npk[8] = 21
	put32(npk, le, 10, n)
	out["npk"] = append(npk, inner...)
	return out
}

func hex32(n uint32) string {
	var b []byte
	for i := 28; i >= 0; i -= 4 {
		b = append(b, "0123456789abcdef"[n>>i&15])
	}
	return string(b)
}

func TestMadeSOC(t *testing.T) {
	dir := t.TempDir()
	randomTree(t, dir, 101)
	inner := squashed(t, dir, "-comp", "gzip")
	for name, data := range madeSOC(inner) {
		t.Run(name, func(t *testing.T) {
			im := open(t, append(bytes.Clone(data), bytes.Repeat([]byte{0xff}, 512)...))
			if r := im.Map[0]; string(r.Kind) != name || r.Size != int64(len(data)) {
				t.Errorf("got %s of %d bytes, want %d:\n%s", r.Kind, r.Size, len(data), describe(im))
			}
			sameTree(t, oneTree(t, im).FS, dir)
			for _, u := range im.Unread {
				if u.Reason == Truncated || u.Reason == Corrupt {
					t.Errorf("unread: %v", u)
				}
			}
			if im := open(t, data[:len(data)/2]); len(im.Unread) == 0 {
				t.Error("cut: nothing is unread")
			}
		})
	}
}

func TestMadeSettingsAndNames(t *testing.T) {
	cfe := make([]byte, 20)
	copy(cfe, "FLSH")
	cfe = append(cfe, "http_username=admin\x00http_passwd=admin\x00wl0_wpa_psk=secretsecret\x00\x00"...)
	put32(cfe, le, 4, uint32(len(cfe)))
	lfs := make([]byte, 8192)
	copy(lfs, "\x02\x00\x00\x00\xf0\x0f\xff\xf7littlefs\x2f\xe0\x00\x10\x00\x00\x02\x00\x00\x10\x00\x00\x02\x00\x00\x00")
	im := open(t, cfe)
	realCase{ranges: []string{"nvram@0x0  Broadcom settings, 3 variables"}, trees: []string{"nvram@0x0 1"}}.check(t, im)
	if got, err := im.Trees[0].FS.ReadFile("nvram"); err != nil || string(got) != "http_username=admin\nhttp_passwd=admin\nwl0_wpa_psk=secretsecret\n" {
		t.Errorf("got %q, %v", got, err)
	}
	realCase{ranges: []string{"littlefs@0x0  littlefs 2.0, 2 blocks of 4096 bytes"}, unread: []string{"unsupported littlefs"}}.check(t, open(t, lfs))
}

type protoMessage []byte

func (m protoMessage) varint(v uint64) protoMessage {
	for v >= 0x80 {
		m = append(m, byte(v)|0x80)
		v >>= 7
	}
	return append(m, byte(v))
}
func (m protoMessage) num(field int, v uint64) protoMessage {
	return m.varint(uint64(field) << 3).varint(v)
}
func (m protoMessage) bytes(field int, v []byte) protoMessage {
	return append(m.varint(uint64(field)<<3|2).varint(uint64(len(v))), v...)
}

// madePayload is a full update of one partition, in operations of every kind that a full update has.
func madePayload(part []byte, pack func(kind int, data []byte) []byte, delta bool) []byte {
	const block, run = 4096, 16 * 4096
	var blob []byte
	p := protoMessage(nil).bytes(1, []byte("system")).bytes(7, protoMessage(nil).num(1, uint64(len(part))))
	for i, off := 0, 0; off < len(part); i, off = i+1, off+run {
		data := part[off:min(off+run, len(part))]
		dst := protoMessage(nil).num(1, uint64(off/block)).num(2, uint64((len(data)+block-1)/block))
		typ := []int{payloadReplace, payloadReplaceXz, payloadReplaceBz, payloadReplaceZstd}[i%4]
		op := protoMessage(nil)
		switch {
		case delta:
			op = op.num(1, 4)
		case len(bytes.Trim(data, "\x00")) == 0:
			op = op.num(1, payloadZero)
		default:
			raw := pack(typ, data)
			sum := sha256.Sum256(raw)
			op = op.num(1, uint64(typ)).num(2, uint64(len(blob))).num(3, uint64(len(raw))).bytes(8, sum[:])
			blob = append(blob, raw...)
		}
		p = p.bytes(8, op.bytes(6, dst))
	}
	m := protoMessage(nil).num(3, block).num(4, uint64(len(blob))).num(5, 10).bytes(13, p)
	h := make([]byte, 24)
	copy(h, "CrAU")
	h[11] = 2
	put32(h, be, 16, uint32(len(m)), 7)
	out := append(append(h, m...), "sig sig"...)
	return append(append(out, blob...), "signature!"...)
}

func TestPayload(t *testing.T) {
	dir := t.TempDir()
	randomTree(t, dir, 102)
	part := makeExt(t, dir, "-t", "ext4")
	pack := func(kind int, data []byte) []byte {
		switch kind {
		case payloadReplaceXz:
			return filter(t, tool(t, "xz", "xz-utils"), data, "-0", "-c")
		case payloadReplaceBz:
			out := filter(t, tool(t, "bzip2", "bzip2"), data, "-c")
			if _, err := io.ReadAll(bzip2.NewReader(bytes.NewReader(out))); err != nil {
				t.Fatal(err)
			}
			return out
		case payloadReplaceZstd:
			return filter(t, tool(t, "zstd", "zstd"), data, "-c")
		}
		return data
	}
	data := madePayload(part, pack, false)
	im := open(t, data)
	if r := im.Map[0]; r.Kind != "android-payload" || r.Size != int64(len(data)) || len(im.Unread) != 0 {
		t.Errorf("%s, unread %v", describe(im), im.Unread)
	}
	sameTree(t, oneTree(t, im).FS, dir)
	if im := open(t, data[:len(data)-200]); !has(im, Truncated, "android-payload") {
		t.Errorf("cut: unread %v", im.Unread)
	}
	bad := bytes.Clone(data)
	bad[len(bad)/2] ^= 1
	if text, ok := whole(open(t, bad)); ok {
		t.Errorf("changed: all of it reads: %d", len(text))
	}
	bad = madePayload(text(200_000), func(int, []byte) []byte { return []byte("no such stream") }, false)
	if im := open(t, bad); !has(im, Corrupt, "the data at") {
		t.Errorf("data that does not unpack: unread %v", im.Unread)
	}
	if im := open(t, madePayload(part, pack, true)); !has(im, Unsupported, "differences") || len(im.Trees) != 0 {
		t.Errorf("differences: unread %v", im.Unread)
	}
}

// madeSuper is a disk of dynamic partitions: one in one piece, one in two with zeros between.
func madeSuper(parts ...[]byte) []byte {
	const page = 4096
	up := func(n int) int { return (n + page - 1) / page * page }
	geo := make([]byte, page)
	put32(geo, le, 0, 0x616c4467, 52)
	put32(geo, le, 40, 65536, 1, page)
	sum := sha256.Sum256(geo[:52])
	copy(geo[8:], sum[:])
	img := make([]byte, superTables+2*65536)
	copy(img[page:], geo)
	copy(img[2*page:], geo)
	var names, extents []byte
	count := uint32(0)
	extent := func(size int, typ uint32, at int) {
		e := make([]byte, 24)
		put32(e, le, 0, uint32(size/512), 0, typ, uint32(at/512))
		extents = append(extents, e...)
		count++
	}
	for i, data := range parts {
		n := make([]byte, 52)
		copy(n, []string{"system_a", "vendor_a"}[i%2])
		put32(n, le, 40, count, 1)
		data = append(bytes.Clone(data), make([]byte, up(len(data))-len(data))...)
		if i%2 == 1 {
			half := up(len(data) / 2)
			put32(n, le, 44, 3)
			extent(half, 0, len(img))
			img = append(append(img, data[:half]...), bytes.Repeat([]byte{0xee}, page)...)
			data = data[half:]
		}
		extent(len(data), 0, len(img))
		img = append(img, data...)
		if i%2 == 1 {
			extent(page, 1, 0)
		}
		names = append(names, n...)
	}
	device := make([]byte, 64)
	put32(device, le, 16, uint32(len(img)))
	tables := append(append(append([]byte{}, names...), extents...), device...)
	h := make([]byte, 128)
	copy(h, "0PLA")
	put32(h, le, 8, 128)
	put32(h, le, 44, uint32(len(tables)))
	sum = sha256.Sum256(tables)
	copy(h[48:], sum[:])
	put32(h, le, 80, 0, uint32(len(parts)), 52, uint32(len(names)), count, 24, 0, 0, 48, uint32(len(names)+len(extents)), 1, 64)
	copy(img[superTables:], append(h, tables...))
	return img
}

func TestSuper(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	randomTree(t, dir, 103)
	randomTree(t, other, 104)
	data := madeSuper(squashed(t, dir, "-comp", "gzip"), squashed(t, other, "-comp", "xz"))
	im := open(t, data)
	if len(im.Trees) != 2 || len(im.Map) == 0 || im.Map[0].Kind != "android-super" {
		t.Fatalf("%d trees: %s\nunread %v", len(im.Trees), describe(im), im.Unread)
	}
	byKind := map[bool]string{true: dir, false: other}
	for _, tr := range im.Trees {
		sameTree(t, tr.FS, byKind[tr.Space == 0])
		if !tr.Complete {
			t.Errorf("%s is not complete", tr.Name)
		}
	}
	if im := open(t, data[:len(data)-9000]); !has(im, Truncated, "vendor_a") {
		t.Errorf("cut: unread %v", im.Unread)
	}
	bad := bytes.Clone(data)
	bad[superTables+130] ^= 1
	if im := open(t, bad); !has(im, Corrupt, "table of partitions") {
		t.Errorf("changed: unread %v", im.Unread)
	}
}

// What verified boot adds to a partition is named, and not taken for encrypted data.
func TestVerifiedPartition(t *testing.T) {
	dir := t.TempDir()
	randomTree(t, dir, 105)
	root := squashed(t, dir, "-comp", "gzip")
	tree := make([]byte, 64<<10)
	for i := 0; i < len(tree); i += 32 {
		sum := sha256.Sum256([]byte{byte(i), byte(i >> 8), byte(i >> 16)})
		copy(tree[i:], sum[:])
	}
	meta := make([]byte, 256+576)
	copy(meta, "AVB0\x00\x00\x00\x01")
	put32(meta, be, 12, 0, 576, 0, 0, 1)
	copy(meta[128:], "avbtool 1.2.0")
	foot := make([]byte, 64)
	copy(foot, "AVBf\x00\x00\x00\x01")
	put32(foot, be, 12, 0, uint32(len(root)), 0, uint32(len(root)+len(tree)), 0, uint32(len(meta)))
	data := append(append(append(bytes.Clone(root), tree...), meta...), make([]byte, 4096)...)
	data = append(data, foot...)
	im := open(t, data)
	realCase{ranges: []string{"partition@0x0", "contents@0x0", "squashfs@0x0", "hash-tree@", "avb@", "padding@", "avb-footer@"}, trees: []string{"squashfs@0x0 " + itoa(im.Trees[0].Entries)}}.check(t, im)
	if len(im.Unread) != 0 {
		t.Errorf("unread: %v", im.Unread)
	}
}

func TestSparseChecksum(t *testing.T) {
	body := text(4096)
	h := make([]byte, 28)
	put32(h, le, 0, 0xed26ff3a, 1, 28|12<<16, 4096, 2, 3)
	chunk := func(typ, blocks uint32, data []byte) []byte {
		c := make([]byte, 12)
		put32(c, le, 0, typ, blocks, uint32(12+len(data)))
		return append(c, data...)
	}
	sum := le.AppendUint32(nil, crc32.ChecksumIEEE(append(bytes.Clone(body), bytes.Repeat([]byte("abcd"), 1024)...)))
	data := append(append(append(h, chunk(0xcac1, 1, body)...), chunk(0xcac2, 1, []byte("abcd"))...), chunk(0xcac4, 0, sum)...)
	if im := open(t, data); has(im, Corrupt, "") {
		t.Errorf("unread: %v", im.Unread)
	}
	bad := bytes.Clone(data)
	bad[100] ^= 1
	if im := open(t, bad); !has(im, Corrupt, "checksum") {
		t.Errorf("changed: unread %v", im.Unread)
	}
}

func TestCpioChecksum(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "passwd"), []byte("root::0:0::/:/bin/sh\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	data := bytes.Replace(packCpio(t, dir, "crc"), []byte("root::"), []byte("root:x"), 1)
	if im := open(t, data); im.Trees[0].Complete || !has(im, Corrupt, "checksum") {
		t.Errorf("changed: unread %v", im.Unread)
	}
}

func TestFwtool(t *testing.T) {
	block := func(typ byte, data string) []byte {
		out := append([]byte(data), "FWx0\x01\x02\x03\x04"...)
		out = append(out, typ, 0, 0, 0)
		return be.AppendUint32(out, uint32(len(out)+4))
	}
	data := append(madeTRX(gz(t, text(5000)), text(333)), block(1, `{"supported_devices":["x"]}`)...)
	data = append(data, block(0, "signature \x00\x01\xfe")...)
	im := open(t, data)
	var kinds []Kind
	for _, r := range im.Map {
		if r.Parent < 0 {
			kinds = append(kinds, r.Kind)
		}
	}
	if len(kinds) != 3 || kinds[1] != "fwtool" || kinds[2] != "fwtool" || has(im, Unknown, "") {
		t.Errorf("%s, unread %v", describe(im), im.Unread)
	}
}

// A program without a header in an archive is the firmware itself: it must not pass for a file that is of no account.
func TestBundle(t *testing.T) {
	dir := t.TempDir()
	code := make([]byte, 30_000)
	for i := range code {
		code[i] = byte(i*i>>3) & 0x5f
	}
	for name, data := range map[string][]byte{"manifest.json": []byte(`{"application":"app.bin"}`), "app.bin": code} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	archive := func(dir string) []byte {
		file := filepath.Join(t.TempDir(), "x.tar")
		run(t, tool(t, "tar", "tar"), "-C", dir, "-cf", file, ".")
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	if im := open(t, archive(dir)); !has(im, Unknown, "data at 0x0") || len(im.Spaces) != 2 {
		t.Errorf("bundle: unread %v, %d spaces", im.Unread, len(im.Spaces))
	}
	if err := os.MkdirAll(filepath.Join(dir, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	if im := open(t, archive(dir)); len(im.Unread) != 0 {
		t.Errorf("root: unread %v", im.Unread)
	}
}
