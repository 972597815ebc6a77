package bench

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/internal/picture"
)

func jpegOf(t *testing.T, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewRGBA(image.Rect(0, 0, w, h)), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pngOf(t *testing.T, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewRGBA(image.Rect(0, 0, w, h))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// claiming makes a PNG file say that it is that wide and high.
func claiming(data []byte, side uint32) []byte {
	const kind, size, sum = 12, 16, 29 // where they are in the first chunk
	binary.BigEndian.PutUint32(data[size:], side)
	binary.BigEndian.PutUint32(data[size+4:], side)
	binary.BigEndian.PutUint32(data[sum:], crc32.ChecksumIEEE(data[kind:sum]))
	return data
}

// TestReportShowsPhotos keeps pictures with answers, and looks at what a report makes
// of them.
func TestReportShowsPhotos(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "product.yaml"), []byte("name: Lamp\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := reopen(t, dir, "V2.1.1")
	front := File{Name: "front.jpg", Data: jpegOf(t, 80, 40)}
	r.must(t, "ics/5.6-5", Answer{Value: "Y"})
	r.must(t, "ics/5.3-16", Answer{Value: "Y"})
	r.must(t, "unit/5.3-16-1/a", Answer{Value: "INCONCLUSIVE", Reason: "the label is worn", Files: []File{front, {Name: "notes.txt", Data: []byte("see photograph")}}})
	r.must(t, "unit/5.6-5-1/a", Answer{Value: "FAIL", Reason: "a port is open", Files: []File{front, {Name: "back.heic", Data: []byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00")},
		{Name: "port.JPG", Data: []byte("no picture")}, {Name: "bomb.png", Data: claiming(pngOf(t, 20, 20), 50000)}}})
	if err := r.Cover(t.Context(), "5.5-1-1", "certificate 12", []File{{Name: "certificate.png", Data: pngOf(t, 20, 20)}}); err != nil {
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
	// Whoever draws otherwise is asked for each picture until the report is full, and only then.
	var drawn []assay.Digest
	limits := PhotoLimits{Count: 1, Draw: func(_ context.Context, digest assay.Digest, read func() ([]byte, error)) (picture.Shown, error) {
		drawn = append(drawn, digest)
		data, err := read()
		if err != nil {
			return picture.Shown{}, err
		}
		return picture.Show(data, picture.Limits{Side: 10})
	}}
	if err := doc.ShowPhotos(t.Context(), r.Dossier, limits); err != nil {
		t.Fatal(err)
	}
	if p := doc.Photos[0]; !slices.Equal(drawn, []assay.Digest{p.Digest}) || p.ShownWidth != 10 || p.Width != 80 || len(doc.Photos) != len(want) {
		t.Errorf("drawn: %v, shown %d wide of %d", drawn, p.ShownWidth, p.Width)
	}
	broken := errors.New("the disk is full")
	limits.Draw = func(context.Context, assay.Digest, func() ([]byte, error)) (picture.Shown, error) {
		return picture.Shown{}, broken
	}
	if err := doc.ShowPhotos(t.Context(), r.Dossier, limits); !errors.Is(err, broken) {
		t.Errorf("an error that is not the picture's: %v", err)
	}
	gone, stop := context.WithCancel(t.Context())
	stop()
	if err := doc.ShowPhotos(gone, r.Dossier, PhotoLimits{}); !errors.Is(err, context.Canceled) {
		t.Errorf("who went away: %v", err)
	}
}
