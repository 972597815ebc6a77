package picture

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"slices"
	"strings"
	"testing"
)

// quarters is a picture whose quarters are red, green, blue and white.
func quarters(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.SetRGBA(x, y, [4]color.RGBA{{255, 0, 0, 255}, {0, 255, 0, 255}, {0, 0, 255, 255}, {255, 255, 255, 255}}[y*2/h*2+x*2/w])
		}
	}
	return m
}

// corners are the letters of the quarters' colours from the top left, line by line.
func corners(t *testing.T, data []byte) string {
	t.Helper()
	m, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	b := m.Bounds()
	out := ""
	for _, at := range [][2]int{{1, 1}, {3, 1}, {1, 3}, {3, 3}} {
		r, g, bl, _ := m.At(b.Dx()*at[0]/4, b.Dy()*at[1]/4).RGBA()
		const half = 0x8000
		switch {
		case r > half && g > half && bl > half:
			out += "w"
		case r > half:
			out += "r"
		case g > half:
			out += "g"
		case bl > half:
			out += "b"
		default:
			out += "?"
		}
	}
	return out
}

// exifOf is what a camera writes: the way it was held, and a place.
func exifOf(order binary.AppendByteOrder, way uint16) []byte {
	b := []byte("II*\x00")
	if order.String() == "BigEndian" {
		b = []byte("MM\x00*")
	}
	b = order.AppendUint32(b, 8)
	b = order.AppendUint16(b, 2)
	entry := func(tag, kind uint16, n uint32) {
		b = order.AppendUint32(order.AppendUint16(order.AppendUint16(b, tag), kind), n)
	}
	entry(271, 2, 4)
	b = append(b, "GPS\x00"...)
	entry(274, 3, 1)
	b = order.AppendUint16(order.AppendUint16(b, way), 0)
	return append(order.AppendUint32(b, 0), "51.5007 N 0.1246 W"...)
}

func jpegOf(t testing.TB, m image.Image, exif []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	if exif == nil {
		return b.Bytes()
	}
	body := append([]byte("Exif\x00\x00"), exif...)
	head := append([]byte{0xff, 0xd8, 0xff, 0xe1}, binary.BigEndian.AppendUint16(nil, uint16(len(body)+2))...)
	return slices.Concat(head, body, b.Bytes()[2:])
}

func pngChunk(kind string, body []byte) []byte {
	b := append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), kind...)
	b = append(b, body...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

func pngOf(t testing.TB, m image.Image, exif []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	if exif == nil {
		return b.Bytes()
	}
	const head = 8 + 25
	return slices.Concat(b.Bytes()[:head], pngChunk("eXIf", exif), b.Bytes()[head:])
}

// bombOf is a small PNG file that claims to be that large.
func bombOf(w, h uint32) []byte {
	head := append(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h), 8, 6, 0, 0, 0)
	var z bytes.Buffer
	d := zlib.NewWriter(&z)
	_, _ = d.Write(make([]byte, 1<<20))
	_ = d.Close()
	return slices.Concat([]byte("\x89PNG\r\n\x1a\n"), pngChunk("IHDR", head), pngChunk("IDAT", z.Bytes()), pngChunk("IEND", nil))
}

// onePixelWebP is a picture of one pixel, lossless.
const onePixelWebP = "UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA=="

func webpOf(t testing.TB) []byte {
	t.Helper()
	data, err := base64.StdEncoding.DecodeString(onePixelWebP)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func gifOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := gif.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestUpright(t *testing.T) {
	src := quarters(80, 40)
	// What each way of holding the camera makes of r g / b w (CIPA DC-008, tag 274).
	for way, want := range map[uint16]string{0: "rgbw", 1: "rgbw", 2: "grwb", 3: "wbgr", 4: "bwrg", 5: "rbgw", 6: "brwg", 7: "wgbr", 8: "gwrb", 9: "rgbw"} {
		for name, data := range map[string][]byte{
			"jpeg-little": jpegOf(t, src, exifOf(binary.LittleEndian, way)), "jpeg-big": jpegOf(t, src, exifOf(binary.BigEndian, way)),
			"png": pngOf(t, src, exifOf(binary.BigEndian, way)),
		} {
			s, err := Show(data, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if got := corners(t, s.JPEG); got != want {
				t.Errorf("%s held in way %d: shown as %s, want %s", name, way, got, want)
			}
			lying := way >= 5 && way <= 8
			if got := s.ShownWidth < s.ShownHeight; got != lying {
				t.Errorf("%s held in way %d: shown with %d by %d pixels", name, way, s.ShownWidth, s.ShownHeight)
			}
			if s.Width != 80 || s.Height != 40 || !strings.HasPrefix(name, strings.ToLower(s.Format)) {
				t.Errorf("%s: it is %s of %d by %d pixels", name, s.Format, s.Width, s.Height)
			}
			if bytes.Contains(s.JPEG, []byte("Exif")) || bytes.Contains(s.JPEG, []byte("51.5007")) {
				t.Errorf("%s: what is shown tells what the camera wrote", name)
			}
		}
	}
	// WebP: the chunk of Exif may stand after the pixels, and some write the mark of JPEG before it.
	for name, before := range map[string]string{"plain": "", "marked": "Exif\x00\x00"} {
		exif := append([]byte(before), exifOf(binary.LittleEndian, 6)...)
		chunk := append(binary.LittleEndian.AppendUint32([]byte("EXIF"), uint32(len(exif))), exif...)
		data := slices.Concat(webpOf(t), chunk)
		if got := orientation("WebP", data); got != 6 {
			t.Errorf("WebP, %s: orientation %d, want 6", name, got)
		}
	}
}

func TestSmaller(t *testing.T) {
	for name, size := range map[string][4]int{"wide": {3000, 1500, 1280, 640}, "tall": {700, 2800, 320, 1280}, "small": {33, 17, 33, 17}, "line": {5000, 2, 1280, 1}, "odd": {1281, 1279, 1280, 1278}} {
		s, err := Show(pngOf(t, quarters(size[0], size[1]), nil), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := [2]int{s.ShownWidth, s.ShownHeight}, [2]int{size[2], size[3]}; got != want {
			t.Errorf("%s: %v pixels, want %v", name, got, want)
		}
		if got := corners(t, s.JPEG); size[3] > 2 && got != "rgbw" {
			t.Errorf("%s: shown as %s", name, got)
		}
	}
	s, err := Show(jpegOf(t, quarters(800, 600), nil), Limits{Side: 320})
	if err != nil || s.ShownWidth != 320 || s.ShownHeight != 240 || corners(t, s.JPEG) != "rgbw" {
		t.Errorf("of a side that is given: %v, %d by %d", err, s.ShownWidth, s.ShownHeight)
	}
}

func TestFormatsThatAreRead(t *testing.T) {
	palette := image.NewPaletted(image.Rect(0, 0, 16, 16), color.Palette{color.White, color.RGBA{255, 0, 0, 255}})
	for i := range palette.Pix {
		palette.Pix[i] = 1
	}
	for name, c := range map[string]struct {
		data  []byte
		wide  int
		shown string
	}{
		"clear": {pngOf(t, image.NewNRGBA(image.Rect(0, 0, 16, 16)), nil), 16, "wwww"}, // what is transparent is shown on white
		"PNG":   {pngOf(t, palette, nil), 16, "rrrr"},
		"GIF":   {gifOf(t, palette), 16, "rrrr"},
		"WebP":  {webpOf(t), 1, ""},
	} {
		s, err := Show(c.data, Limits{})
		if err != nil || s.ShownWidth != c.wide || name != "clear" && s.Format != name {
			t.Errorf("%s: %v, %s, %d wide", name, err, s.Format, s.ShownWidth)
		} else if got := corners(t, s.JPEG); c.shown != "" && got != c.shown {
			t.Errorf("%s: shown as %s, want %s", name, got, c.shown)
		}
	}
}

// Formats are told by how a file begins, whatever it is called.
func TestFormat(t *testing.T) {
	for want, heads := range map[string][]string{
		"JPEG": {"\xff\xd8\xff\xe0"}, "PNG": {"\x89PNG\r\n\x1a\n"}, "WebP": {"RIFF\x00\x00\x00\x00WEBPVP8 "}, "GIF": {"GIF87a", "GIF89a"},
		"HEIC": {"\x00\x00\x00\x18ftypheic", "\x00\x00\x00\x18ftypmif1"}, "AVIF": {"\x00\x00\x00\x1cftypavif"}, "TIFF": {"II*\x00", "MM\x00*"},
		"BMP": {"BM\x36\x00\x00\x00\x00\x00\x00\x00" + strings.Repeat("\x00", 20)},
		"":    {"", "\xff\xd8", "RIFF\x00\x00\x00\x00WAVE", "\x00\x00\x00\x18ftypmp42", "<svg/>", "BMW of the manager, and more", "%PDF-1.7"},
	} {
		for _, head := range heads {
			if got := Format([]byte(head)); got != want {
				t.Errorf("%q is %q, want %q", head, got, want)
			}
		}
		if read := slices.Contains([]string{"JPEG", "PNG", "WebP", "GIF"}, want); (Readable(want) == nil) != read {
			t.Errorf("%q: %v", want, Readable(want))
		}
	}
}

func TestNotShown(t *testing.T) {
	whole := jpegOf(t, quarters(64, 64), nil)
	scans := slices.Concat(whole[:len(whole)-2], bytes.Repeat([]byte("\xff\xda\x00\x08"), maxScans+1))
	progressive := bytes.Replace(bytes.Clone(whole), []byte{0xff, 0xc0}, []byte{0xff, 0xc2}, 1)
	empty := gifOf(t, quarters(8, 8))
	at := bytes.Index(empty, []byte{0x2c, 0, 0, 0, 0, 8, 0, 8, 0}) // where its first picture is described
	clear(empty[at+5 : at+9])
	for name, c := range map[string]struct {
		data   []byte
		limits Limits
		want   string
	}{
		"nothing":     {nil, Limits{}, "no picture that can be read"},
		"text":        {[]byte("<svg/>"), Limits{}, "no picture that can be read"},
		"bomb":        {bombOf(60000, 60000), Limits{}, "60000 by 60000 pixels are more"},
		"long-line":   {bombOf(1<<31-1, 1), Limits{}, "are more than are decoded here"},
		"heic":        {[]byte("....ftypheic"), Limits{}, "HEIC is not read here; give the picture as JPEG"},
		"cut":         {pngOf(t, quarters(64, 64), nil)[:120], Limits{}, "it cannot be decoded"},
		"words":       {[]byte("\xff\xd8\xff words"), Limits{}, "it cannot be decoded"},
		"gif":         {[]byte("GIF89a"), Limits{}, "it cannot be decoded"},
		"empty":       {empty, Limits{}, ""},
		"passes":      {scans, Limits{}, "more passes than a camera makes"},
		"memory":      {whole, Limits{Memory: 64 * 64 * 2}, "64 by 64 pixels are more"},
		"progressive": {progressive, Limits{Memory: 64 * 64 * 14}, "64 by 64 pixels are more"},
	} {
		s, err := Show(c.data, c.limits)
		if reason := Fault(""); !errors.As(err, &reason) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if s.JPEG != nil {
			t.Errorf("%s: something is shown", name)
		}
	}
	if _, err := Show(whole, Limits{Memory: 64 * 64 * 14}); err != nil { // the memory that the progressive one was refused for
		t.Error(err)
	}
}

func FuzzShow(f *testing.F) {
	src := quarters(24, 12)
	for _, data := range [][]byte{jpegOf(f, src, exifOf(binary.LittleEndian, 6)), jpegOf(f, src, exifOf(binary.BigEndian, 3)), jpegOf(f, src, nil), pngOf(f, src, exifOf(binary.BigEndian, 8)),
		pngOf(f, image.NewNRGBA(image.Rect(0, 0, 5, 5)), nil), bombOf(9000, 9000), webpOf(f), gifOf(f, src), []byte("GIF89a"), []byte("....ftypheic")} {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Show(data, Limits{Memory: 1 << 20, Side: 16})
		if (err == nil) != (s.JPEG != nil) {
			t.Fatalf("%v, and %d bytes to show", err, len(s.JPEG))
		}
		if err != nil {
			if reason := Fault(""); !errors.As(err, &reason) {
				t.Fatalf("a fault that is not the picture's: %v", err)
			}
			return
		}
		if m, err := jpeg.DecodeConfig(bytes.NewReader(s.JPEG)); err != nil || m.Width > 16 || m.Height > 16 || m.Width != s.ShownWidth || m.Height != s.ShownHeight {
			t.Fatalf("%v: %d by %d", err, m.Width, m.Height)
		}
	})
}
