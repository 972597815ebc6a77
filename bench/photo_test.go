package bench

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
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

func TestPhotoIsShownUpright(t *testing.T) {
	src := quarters(80, 40)
	// What each way of holding the camera makes of r g / b w (CIPA DC-008, tag 274).
	for way, want := range map[uint16]string{0: "rgbw", 1: "rgbw", 2: "grwb", 3: "wbgr", 4: "bwrg", 5: "rbgw", 6: "brwg", 7: "wgbr", 8: "gwrb", 9: "rgbw"} {
		for name, p := range map[string]struct {
			format string
			data   []byte
		}{
			"jpeg-little": {"JPEG", jpegOf(t, src, exifOf(binary.LittleEndian, way))}, "jpeg-big": {"JPEG", jpegOf(t, src, exifOf(binary.BigEndian, way))},
			"png": {"PNG", pngOf(t, src, exifOf(binary.BigEndian, way))},
		} {
			photo := ReportPhoto{Format: p.format}
			if err := photo.show(p.data, PhotoLimits{}.orDefaults()); err != nil {
				t.Fatal(err)
			}
			if got := corners(t, photo.JPEG); got != want {
				t.Errorf("%s held in way %d: shown as %s, want %s", name, way, got, want)
			}
			lying := way >= 5 && way <= 8
			if got := photo.ShownWidth < photo.ShownHeight; got != lying {
				t.Errorf("%s held in way %d: shown with %d by %d pixels", name, way, photo.ShownWidth, photo.ShownHeight)
			}
			if bytes.Contains(photo.JPEG, []byte("Exif")) || bytes.Contains(photo.JPEG, []byte("51.5007")) {
				t.Errorf("%s: what is shown tells what the camera wrote", name)
			}
		}
	}
}

func TestPhotoIsMadeSmaller(t *testing.T) {
	for name, size := range map[string][4]int{"wide": {3000, 1500, 1280, 640}, "tall": {700, 2800, 320, 1280}, "small": {33, 17, 33, 17}, "line": {5000, 2, 1280, 1}, "odd": {1281, 1279, 1280, 1278}} {
		p := ReportPhoto{Format: "PNG"}
		if err := p.show(pngOf(t, quarters(size[0], size[1]), nil), PhotoLimits{}.orDefaults()); err != nil {
			t.Fatal(err)
		}
		if got, want := [2]int{p.ShownWidth, p.ShownHeight}, [2]int{size[2], size[3]}; got != want {
			t.Errorf("%s: %v pixels, want %v", name, got, want)
		}
		if got := corners(t, p.JPEG); size[3] > 2 && got != "rgbw" {
			t.Errorf("%s: shown as %s", name, got)
		}
	}
	// What is transparent is shown on white, and a picture of a palette too.
	p := ReportPhoto{Format: "PNG"}
	if err := p.show(pngOf(t, image.NewNRGBA(image.Rect(0, 0, 16, 16)), nil), PhotoLimits{}.orDefaults()); err != nil || corners(t, p.JPEG) != "wwww" {
		t.Errorf("nothing is not shown white: %v", err)
	}
	p = ReportPhoto{Format: "WebP"}
	if err := p.show(webpOf(t), PhotoLimits{}.orDefaults()); err != nil || p.ShownWidth != 1 {
		t.Errorf("WebP: %v, %d wide", err, p.ShownWidth)
	}
	var b bytes.Buffer
	palette := image.NewPaletted(image.Rect(0, 0, 16, 16), color.Palette{color.White, color.RGBA{255, 0, 0, 255}})
	for i := range palette.Pix {
		palette.Pix[i] = 1
	}
	if err := gif.Encode(&b, palette, nil); err != nil {
		t.Fatal(err)
	}
	p = ReportPhoto{Format: "GIF"}
	if err := p.show(b.Bytes(), PhotoLimits{}.orDefaults()); err != nil || corners(t, p.JPEG) != "rrrr" {
		t.Errorf("GIF: %v", err)
	}
}

func TestPhotoThatCannotBeShown(t *testing.T) {
	whole := jpegOf(t, quarters(64, 64), nil)
	scans := slices.Concat(whole[:len(whole)-2], bytes.Repeat([]byte("\xff\xda\x00\x08"), maxScans+1))
	progressive := bytes.Replace(bytes.Clone(whole), []byte{0xff, 0xc0}, []byte{0xff, 0xc2}, 1)
	for name, c := range map[string]struct {
		format string
		data   []byte
		limits PhotoLimits
		want   string
	}{
		"bomb":        {"PNG", bombOf(60000, 60000), PhotoLimits{}, "60000 by 60000 pixels are more"},
		"long-line":   {"PNG", bombOf(1<<31-1, 1), PhotoLimits{}, "are more than are decoded here"},
		"heic":        {"HEIC", []byte("....ftypheic"), PhotoLimits{}, "HEIC is not read here; give the picture as JPEG"},
		"cut":         {"PNG", pngOf(t, quarters(64, 64), nil)[:120], PhotoLimits{}, "it cannot be decoded"},
		"words":       {"JPEG", []byte("\xff\xd8\xff words"), PhotoLimits{}, "it cannot be decoded"},
		"passes":      {"JPEG", scans, PhotoLimits{}, "more passes than a camera makes"},
		"memory":      {"JPEG", whole, PhotoLimits{Memory: 64 * 64 * 2}, "64 by 64 pixels are more"},
		"progressive": {"JPEG", progressive, PhotoLimits{Memory: 64 * 64 * 14}, "64 by 64 pixels are more"},
	} {
		p := ReportPhoto{Format: c.format}
		err := p.show(c.data, c.limits.orDefaults())
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if p.JPEG != nil {
			t.Errorf("%s: something is shown", name)
		}
	}
	p := ReportPhoto{Format: "JPEG"} // of the memory that the progressive one was refused for
	if err := p.show(whole, PhotoLimits{Memory: 64 * 64 * 14}.orDefaults()); err != nil {
		t.Error(err)
	}
}

// TestReportShowsPhotos keeps pictures with answers, and looks at what a report makes
// of them.
func TestReportShowsPhotos(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "product.yaml"), []byte("name: Lamp\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := reopen(t, dir, "V2.1.1")
	front := File{Name: "front.jpg", Data: jpegOf(t, quarters(80, 40), exifOf(binary.LittleEndian, 6))}
	r.must(t, "ics/5.6-5", Answer{Value: "Y"})
	r.must(t, "ics/5.3-16", Answer{Value: "Y"})
	r.must(t, "unit/5.3-16-1/a", Answer{Value: "INCONCLUSIVE", Reason: "the label is worn", Files: []File{front, {Name: "notes.txt", Data: []byte("see photograph")}}})
	r.must(t, "unit/5.6-5-1/a", Answer{Value: "FAIL", Reason: "a port is open", Files: []File{front, {Name: "back.heic", Data: []byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00")},
		{Name: "port.JPG", Data: []byte("no picture")}, {Name: "bomb.png", Data: bombOf(50000, 50000)}}})
	if err := r.Cover(t.Context(), "5.5-1-1", "certificate 12", []File{{Name: "certificate.png", Data: pngOf(t, quarters(20, 20), nil)}}); err != nil {
		t.Fatal(err)
	}
	r.must(t, "ics/5.5-1", Answer{Value: "Y"})
	r.Dossier.Close()
	r = reopen(t, dir, "V2.1.1")
	doc := r.mustPlan(t).Report(r.Dossier, day)
	if doc.Photos != nil {
		t.Error("photographs are there before anybody asked for them")
	}
	if err := doc.ShowPhotos(t.Context(), r.Dossier, PhotoLimits{}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range doc.Photos {
		line := p.Name + " " + p.Format + " " + strings.SplitN(p.NotShown, ";", 2)[0]
		if p.JPEG != nil {
			line += "shown"
		}
		for _, u := range p.Uses {
			line += ", " + u.Of + u.Unit + " " + u.Caption
			if u.By != tester || u.At.IsZero() {
				t.Errorf("%s: nobody gave it: %+v", p.Name, u)
			}
		}
		got = append(got, line)
	}
	want := []string{
		"device/front.jpg JPEG shown, 5.3-16-1a the label is worn, 5.6-5-1a a port is open",
		"documents/certificate.png PNG shown, 5.5-1-1 certificate 12",
		"device/back.heic HEIC HEIC is not read here, 5.6-5-1a a port is open",
		"device/port.JPG unknown it is named like a picture, and is none that can be read, 5.6-5-1a a port is open",
		"device/bomb.png PNG 50000 by 50000 pixels are more than are decoded here, 5.6-5-1a a port is open",
	}
	if !slices.Equal(got, want) {
		t.Errorf("photographs:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	// Bounds of what a report shows: the first ones are shown, the others named.
	for name, limits := range map[string]PhotoLimits{"count": {Count: 1}, "size": {ShownBytes: int64(len(doc.Photos[0].JPEG))}} {
		if err := doc.ShowPhotos(t.Context(), r.Dossier, limits); err != nil {
			t.Fatal(err)
		}
		if doc.Photos[0].JPEG == nil || doc.Photos[1].JPEG != nil || !strings.Contains(doc.Photos[1].NotShown, "no more pictures") {
			t.Errorf("%s: the bound does not bite as it should", name)
		}
	}
	if err := doc.ShowPhotos(t.Context(), r.Dossier, PhotoLimits{FileBytes: 100}); err != nil {
		t.Fatal(err)
	}
	if doc.Photos[0].JPEG != nil || !strings.Contains(doc.Photos[0].NotShown, "larger than") {
		t.Errorf("a file larger than the bound is read: %q", doc.Photos[0].NotShown)
	}
}

func FuzzPhoto(f *testing.F) {
	src := quarters(24, 12)
	for _, data := range [][]byte{jpegOf(f, src, exifOf(binary.LittleEndian, 6)), jpegOf(f, src, exifOf(binary.BigEndian, 3)), pngOf(f, src, exifOf(binary.BigEndian, 8)), bombOf(9000, 9000), webpOf(f), []byte("GIF89a")} {
		f.Add(data)
	}
	limits := PhotoLimits{Memory: 1 << 20, Side: 16}.orDefaults()
	f.Fuzz(func(t *testing.T, data []byte) {
		p := ReportPhoto{Format: pictureFormat(data)}
		if p.Format == "" {
			return
		}
		err := p.show(data, limits)
		if (err == nil) != (p.JPEG != nil) {
			t.Fatalf("%v, and %d bytes to show", err, len(p.JPEG))
		}
		if err == nil {
			if m, err := jpeg.DecodeConfig(bytes.NewReader(p.JPEG)); err != nil || m.Width > 16 || m.Height > 16 || m.Width != p.ShownWidth || m.Height != p.ShownHeight {
				t.Fatalf("%v: %d by %d", err, m.Width, m.Height)
			}
		}
	})
}
