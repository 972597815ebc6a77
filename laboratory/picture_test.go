package laboratory

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/bench"
)

// corner is a photograph with one red quarter, to be seen at the left of the top, as a
// camera stores it that was held otherwise (EXIF 2.3, tag 274, says which side of what
// is seen the first row and the first column are).
func corner(t testing.TB, w, h, turn int) []byte {
	t.Helper()
	right := turn == 2 || turn == 3 || turn == 7 || turn == 8 // where the quarter is stored
	below := turn == 3 || turn == 4 || turn == 6 || turn == 7
	if turn >= 5 {
		w, h = h, w
	}
	stored := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.RGBA{0, 0, 255, 255}
			if (x >= w/2) == right && (y >= h/2) == below {
				c = color.RGBA{255, 0, 0, 255}
			}
			stored.SetRGBA(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, stored, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	if turn == 0 {
		return b.Bytes()
	}
	return exif(b.Bytes(), turn)
}

// exif puts an orientation into a JPEG, and beside it something that is nobody's business.
func exif(data []byte, turn int) []byte {
	tiff := []byte("MM\x00*\x00\x00\x00\x08\x00\x02")
	tiff = append(tiff, 0x01, 0x0f, 0, 2, 0, 0, 0, 4, 'G', 'P', 'S', 0) // who made the camera
	tiff = append(tiff, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, byte(turn), 0, 0)
	part := append([]byte("Exif\x00\x00"), tiff...)
	head := binary.BigEndian.AppendUint16([]byte{0xff, 0xd8, 0xff, 0xe1}, uint16(len(part)+2))
	return append(append(head, part...), data[2:]...)
}

func TestPicture(t *testing.T) {
	for turn := range 9 {
		data := corner(t, 800, 600, turn)
		got, err := draw(data, Small)
		if err != nil {
			t.Fatalf("orientation %d: %v", turn, err)
		}
		m, kind, err := image.Decode(bytes.NewReader(got))
		if err != nil || kind != "jpeg" {
			t.Fatal(err)
		}
		if b := m.Bounds(); b.Dx() != 320 || b.Dy() != 240 {
			t.Errorf("orientation %d: it is %v, want 320 by 240", turn, b)
			continue
		}
		for _, p := range []struct {
			x, y int
			red  bool
		}{{40, 40, true}, {280, 40, false}, {40, 200, false}, {280, 200, false}} {
			r, _, b, _ := m.At(p.x, p.y).RGBA()
			if (r > b) != p.red {
				t.Errorf("orientation %d: %d,%d is red %t, want %t", turn, p.x, p.y, r > b, p.red)
			}
		}
		if bytes.Contains(got, []byte("GPS")) || bytes.Contains(got, []byte("Exif")) {
			t.Errorf("orientation %d: what is beside the picture is kept", turn)
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewNRGBA(image.Rect(0, 0, 30, 3000))); err != nil { // nothing but what shines through
		t.Fatal(err)
	}
	got, err := draw(b.Bytes(), Large)
	if err != nil {
		t.Fatal(err)
	}
	if m, _, err := image.Decode(bytes.NewReader(got)); err != nil || m.Bounds().Dy() != Large || m.Bounds().Dx() != 14 || m.At(5, 5).(color.YCbCr).Y < 250 {
		t.Errorf("a picture that is clear: %v, %v", m.Bounds(), err)
	}
	huge := bytes.Clone(b.Bytes())
	binary.BigEndian.PutUint32(huge[16:], 60000) // says to be wider than it is
	binary.BigEndian.PutUint32(huge[20:], 60000)
	for name, bad := range map[string][]byte{"none": nil, "text": []byte("hello"), "svg": []byte("<svg/>"), "cut": b.Bytes()[:60], "huge": huge, "gif": []byte("GIF89a")} {
		if _, err := draw(bad, Small); !errors.Is(err, assay.ErrInvalid) {
			t.Errorf("%s: %v, want that it is no photograph", name, err)
		}
	}
}

// A photograph is shown by its digest, as long as it is evidence of this test.
func TestPictureOfTest(t *testing.T) {
	r := room(t, Limits{})
	test := r.mustBegin(t, "Lamp")
	if err := r.answer(t, test.ID, "ics/5.3-16", bench.Answer{Value: "Y"}); err != nil {
		t.Fatal(err)
	}
	if err := r.answer(t, test.ID, "unit/5.3-16-2/a", bench.Answer{Value: "FAIL", Reason: "no label", Files: []bench.File{{Name: "a.jpg", Data: corner(t, 400, 300, 6)}}}); err != nil {
		t.Fatal(err)
	}
	var digest assay.Digest
	if err := r.Look(t.Context(), lab, test.ID, func(v *Visit) error {
		for _, i := range v.Recorder.Dossier.Evidence.Items() {
			digest = i.Digest
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	first, err := r.Picture(t.Context(), lab, test.ID, digest, Small)
	if err != nil {
		t.Fatal(err)
	}
	second, err := r.Picture(t.Context(), lab, test.ID, digest, Small)
	if err != nil || !bytes.Equal(first, second) {
		t.Errorf("a second time: %v", err)
	}
	for _, bad := range []struct {
		digest assay.Digest
		size   int
	}{{digest, 5}, {"sha256:" + assay.Digest(strings.Repeat("a", 64)), Small}, {"sha256:../x", Small}} {
		if _, err := r.Picture(t.Context(), lab, test.ID, bad.digest, bad.size); !errors.Is(err, assay.ErrNotFound) {
			t.Errorf("%v: %v", bad, err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	r.drawing <- struct{}{}
	if _, err := r.Picture(ctx, lab, test.ID, digest, Large); !errors.Is(err, context.Canceled) {
		t.Errorf("who went away waits: %v", err)
	}
	<-r.drawing
	names := map[string]bool{}
	if err := r.Files(t.Context(), func(name string, content io.Reader) error {
		names[strings.TrimPrefix(name, lab+"/"+test.ID+"/")] = true
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{"id": true, "test.json": true, "dossier/product.yaml": true, "dossier/declared.yaml": true, "dossier/observed.jsonl": true, "dossier/ixit.yaml": true, "dossier/evidence/device/a.jpg": true}
	if d := cmp.Diff(names, want); d != "" {
		t.Errorf("a backup has: %s", d)
	}
}

// Each pass over a progressive picture takes time by its pixels, and hardly a byte.
func TestPasses(t *testing.T) {
	plain := corner(t, 8, 6, 0)
	for _, c := range []struct {
		passes int
		want   error
	}{{maxPasses - 1, nil}, {maxPasses, assay.ErrInvalid}} { // and the one that it has
		said := bytes.Repeat([]byte("\xff\xda"), c.passes)
		comment := append([]byte{0xff, 0xfe, byte((len(said) + 2) >> 8), byte(len(said) + 2)}, said...)
		if _, err := draw(slices.Concat(plain[:2], comment, plain[2:]), Small); !errors.Is(err, c.want) {
			t.Errorf("%d passes: got %v, want %v", c.passes+1, err, c.want)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	for _, seed := range [][]byte{pack(f, "product.yaml", product), pack(f, "kit/product.yaml", product, "kit/evidence/x", "y"), pack(f, "product.yaml", product, "../evil", "x"), linkZip(f), []byte("PK\x03\x04")} {
		f.Add(seed)
	}
	dir := f.TempDir()
	r, err := Open(filepath.Join(dir, "tests"), Options{Limits: Limits{Unpacked: 1 << 16, Entries: 50}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		at := filepath.Join(t.TempDir(), "in")
		err := r.unpack(t.Context(), bytes.NewReader(data), int64(len(data)), at)
		if err != nil && !errors.Is(err, assay.ErrInvalid) {
			t.Errorf("a fault that is not the archive's: %v", err)
		}
		total := int64(0)
		_ = filepath.WalkDir(filepath.Dir(at), func(name string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if rel, _ := filepath.Rel(at, name); name != filepath.Dir(at) && strings.HasPrefix(rel, "..") {
				t.Errorf("%s is outside of the folder", name)
			}
			if !e.IsDir() && !e.Type().IsRegular() {
				t.Errorf("%s is no plain file", name)
			}
			if info, err := e.Info(); err == nil && e.Type().IsRegular() {
				total += info.Size()
			}
			return nil
		})
		if total > 1<<16+1 {
			t.Errorf("%d bytes came out", total)
		}
	})
}

func FuzzPicture(f *testing.F) {
	f.Add(corner(f, 8, 6, 6))
	f.Add(corner(f, 8, 6, 0))
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewNRGBA(image.Rect(0, 0, 5, 5))); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		if c, _, err := image.DecodeConfig(bytes.NewReader(data)); err == nil && c.Width > 4000/max(1, c.Height) {
			return // slow to fuzz
		}
		out, err := draw(data, Small)
		if err != nil {
			if !errors.Is(err, assay.ErrInvalid) {
				t.Errorf("a fault that is not the picture's: %v", err)
			}
			return
		}
		if m, _, err := image.Decode(bytes.NewReader(out)); err != nil || m.Bounds().Dx() > Small || m.Bounds().Dy() > Small {
			t.Errorf("what was made is no picture: %v", err)
		}
	})
}
