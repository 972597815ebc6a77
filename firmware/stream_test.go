package firmware

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"hash/crc32"
	"math"
	"strings"
	"testing"
)

func gz(t testing.TB, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestBombIsBounded(t *testing.T) {
	bomb := make([]byte, 40<<20)
	for range 3 {
		bomb = gz(t, bomb)
	}
	lim := Limits{Memory: 16 << 20}
	im, err := Open(t.Context(), bytes.NewReader(bomb), int64(len(bomb)), lim)
	if err != nil {
		t.Fatal(err)
	}
	covered(t, im)
	if !has(im, Limit, "Limits.Memory") {
		t.Errorf("unread: got %v, want a memory limit", im.Unread)
	}
	deep := []byte("the innermost part of many streams")
	for range 20 {
		deep = gz(t, deep)
	}
	if im := open(t, deep); !has(im, Limit, "Limits.Depth") {
		t.Errorf("unread: got %v, want a depth limit", im.Unread)
	}
}

// has reports an Unread entry with the reason whose words contain text.
func has(im *Image, reason Reason, text string) bool {
	for _, u := range im.Unread {
		if u.Reason == reason && strings.Contains(u.String(), text) {
			return true
		}
	}
	return false
}

func TestCutStreamSaysSo(t *testing.T) {
	data := gz(t, bytes.Repeat([]byte("rcS starts telnetd unconditionally, it seems\n"), 5000))
	im := open(t, data[:len(data)-20])
	if !has(im, Truncated, "gzip at 0x0") {
		t.Errorf("unread: got %v, want truncated gzip", im.Unread)
	}
}

func TestStreamEndsExactly(t *testing.T) {
	tail := []byte("behind the stream stands more text, which is not part of it")
	for _, x := range []struct{ name, pkg string }{{"gzip", "gzip"}, {"xz", "xz-utils"}, {"bzip2", "bzip2"}, {"zstd", "zstd"}, {"lz4", "lz4"}, {"lzop", "lzop"}, {"lzma", "xz-utils"}} {
		t.Run(x.name, func(t *testing.T) {
			plain := bytes.Repeat([]byte("0123456789 telnetd\n"), 3000)
			packed := filter(t, tool(t, x.name, x.pkg), plain, "-c")
			im := open(t, append(bytes.Clone(packed), tail...))
			if got, want := im.Map[0].Size, int64(len(packed)); got != want {
				t.Errorf("size: got %d, want %d", got, want)
			}
			if got, want := im.Spaces[1].Size, int64(len(plain)); got != want {
				t.Errorf("unpacked: got %d, want %d", got, want)
			}
			if got := im.Map[len(im.Map)-1].Kind; got != KindText {
				t.Errorf("tail: got %s, want text", got)
			}
		})
	}
}

func TestStatistics(t *testing.T) {
	random := make([]byte, 1<<16)
	if _, err := rand.Read(random); err != nil {
		t.Fatal(err)
	}
	s := measure(bytes.NewReader(random), 1<<16)
	if !s.opaque() || math.Abs(s.entropy-8) > 0.01 {
		t.Errorf("random bytes: got %+v", s)
	}
	half := measure(bytes.NewReader(bytes.Repeat([]byte("ab"), 500)), 1000)
	if math.Abs(half.entropy-1) > 1e-9 || !half.text || half.repeated || half.opaque() {
		t.Errorf("two letters: got %+v", half)
	}
}

func TestEnvironment(t *testing.T) {
	block := make([]byte, 0x4000)
	copy(block[4:], "baudrate=115200\x00bootdelay=3\x00ethaddr=00:11:22:33:44:55\x00bootcmd=run flash_boot\x00bootargs=console=ttyS0,115200 root=/dev/mtdblock2\x00")
	le.PutUint32(block, crc32.ChecksumIEEE(block[4:]))
	dump := append(bytes.Repeat([]byte{0xff}, 0x30000), block...)
	dump = append(dump, bytes.Repeat([]byte{0xff}, 0x1000)...)
	realCase{ranges: []string{"padding@0x0", "uboot-env@0x30000  U-Boot environment, checksum right, 5 variables: bootdelay=3; ethaddr=00:11:22:33:44:55; bootcmd=run flash_boot", "padding@0x34000"}}.check(t, open(t, dump))
	block[100] ^= 1
	for _, r := range open(t, append(dump[:0x30000:0x30000], block...)).Map {
		if r.Kind == "uboot-env" {
			t.Error("an environment whose checksum is wrong is taken for one")
		}
	}
}

func TestPlainAndOpaqueAreToldApart(t *testing.T) {
	random := make([]byte, 300<<10)
	if _, err := rand.Read(random); err != nil {
		t.Fatal(err)
	}
	code := bytes.Repeat([]byte{0x27, 0xbd, 0xff, 0xe0, 0xaf, 0xbf, 0x00, 0x1c, 0x8f, 0x99, 0x80, 0x18}, 30<<10)
	im := open(t, append(bytes.Clone(code), random...))
	if len(im.Map) != 2 || im.Map[0].Kind != KindData || im.Map[1].Kind != KindOpaque {
		t.Fatalf("got %s", describe(im))
	}
	if d := im.Map[1].Offset - int64(len(code)); d < -16<<10 || d > 16<<10 {
		t.Errorf("the border is off by %d", d)
	}
	if !has(im, Encrypted, "opaque") || !has(im, Unknown, "data") {
		t.Errorf("unread: %v", im.Unread)
	}
}
