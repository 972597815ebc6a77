package laboratory

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/bench"
)

// shots are one photograph of 400 by 300 pixels in formats that are shown, and what is
// not shown with what is said of it.
func shots(t *testing.T) (shown map[string][]byte, not map[string]string) {
	t.Helper()
	m := image.NewPaletted(image.Rect(0, 0, 400, 300), color.Palette{color.White, color.Black})
	shown = map[string][]byte{}
	for name, encode := range map[string]func(io.Writer) error{
		"a.jpg": func(w io.Writer) error { return jpeg.Encode(w, m, nil) },
		"a.png": func(w io.Writer) error { return png.Encode(w, m) },
		"a.gif": func(w io.Writer) error { return gif.Encode(w, m, nil) },
	} {
		var b bytes.Buffer
		if err := encode(&b); err != nil {
			t.Fatal(err)
		}
		shown[name] = b.Bytes()
	}
	webp, err := base64.StdEncoding.DecodeString("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==") // one pixel
	if err != nil {
		t.Fatal(err)
	}
	shown["a.webp"] = webp
	return shown, map[string]string{"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00": "HEIC is not read here; give the picture as JPEG", "<svg/>": "no picture that can be read", "\xff\xd8\xff\xe0": "cannot be decoded"}
}

// photographed is a test with files that go with an answer, and their digests by name.
func photographed(t *testing.T, r *Room, files ...bench.File) (*Test, map[string]assay.Digest) {
	t.Helper()
	test := r.mustBegin(t, "Lamp")
	if err := r.answer(t, test.ID, "ics/5.3-16", bench.Answer{Value: "Y"}); err != nil {
		t.Fatal(err)
	}
	if err := r.answer(t, test.ID, "unit/5.3-16-2/a", bench.Answer{Value: "FAIL", Reason: "no label", Files: files}); err != nil {
		t.Fatal(err)
	}
	digests := map[string]assay.Digest{}
	if err := r.Look(t.Context(), lab, test.ID, func(v *Visit) error {
		for _, i := range v.Recorder.Dossier.Evidence.Items() {
			digests[i.Base()] = i.Digest
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return test, digests
}

func TestPicture(t *testing.T) {
	r := room(t, Limits{})
	shown, not := shots(t)
	var files []bench.File
	for name, data := range shown {
		files = append(files, bench.File{Name: name, Data: data})
	}
	bad := map[string]string{}
	for data, want := range not {
		name := string(rune('p'+len(bad))) + ".dat"
		bad[name] = want
		files = append(files, bench.File{Name: name, Data: []byte(data)})
	}
	test, digests := photographed(t, r, files...)
	for name := range shown {
		data, err := r.Picture(t.Context(), lab, test.ID, digests[name], Small)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		c, kind, err := image.DecodeConfig(bytes.NewReader(data))
		if want := (image.Point{Small, 240}); name != "a.webp" && (image.Point{c.Width, c.Height}) != want || err != nil || kind != "jpeg" {
			t.Errorf("%s: %v, %s of %d by %d", name, err, kind, c.Width, c.Height)
		}
	}
	for name, want := range bad {
		if _, err := r.Picture(t.Context(), lab, test.ID, digests[name], Small); !errors.Is(err, assay.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

// A photograph is shown by its digest, as long as it is evidence of this test.
func TestPictureOfTest(t *testing.T) {
	r := room(t, Limits{})
	shown, _ := shots(t)
	test, digests := photographed(t, r, bench.File{Name: "a.jpg", Data: shown["a.jpg"]})
	digest := digests["a.jpg"]
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
	if third, err := r.Picture(t.Context(), lab, test.ID, digest, Small); err != nil || !bytes.Equal(first, third) {
		t.Errorf("what was kept waits for what is drawn: %v", err)
	}
	<-r.drawing
	kept, err := fs.Glob(r.root.FS(), lab+"/"+test.ID+"/"+picturesDir+"/*")
	if err != nil || len(kept) != 1 {
		t.Fatalf("kept: %v, %v", kept, err)
	}
	if err := r.root.WriteFile(kept[0], []byte("{\"JPEG\":"), 0o600); err != nil {
		t.Fatal(err)
	}
	if again, err := r.Picture(t.Context(), lab, test.ID, digest, Small); err != nil || !bytes.Equal(first, again) {
		t.Errorf("what was kept and is damaged is not made again: %v", err)
	}
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

// A report shows photographs as pages do: one is drawn at a time, and kept.
func TestReportShowsPhotos(t *testing.T) {
	r := room(t, Limits{})
	shown, _ := shots(t)
	test, digests := photographed(t, r, bench.File{Name: "a.jpg", Data: shown["a.jpg"]}, bench.File{Name: "b.heic", Data: []byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00")})
	report := func(ctx context.Context) (*bench.Report, error) {
		var doc *bench.Report
		err := r.Look(t.Context(), lab, test.ID, func(v *Visit) error {
			p, err := v.Plan()
			if err != nil {
				return err
			}
			doc = p.Report(v.Recorder.Dossier, test.Begun)
			return v.ShowPhotos(ctx, doc)
		})
		return doc, err
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := report(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("who went away: %v", err)
	}
	first, err := report(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r.drawing <- struct{}{} // from here on nothing is drawn
	second, err := report(t.Context())
	<-r.drawing
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(second.Photos, first.Photos); d != "" {
		t.Errorf("a second time it shows other photographs: %s", d)
	}
	if len(first.Photos) != 2 || first.Photos[0].JPEG == nil || first.Photos[0].Width != 400 || first.Photos[0].Format != "JPEG" || !strings.Contains(first.Photos[1].NotShown, "HEIC is not read here") {
		t.Fatalf("it shows %+v", first.Photos)
	}
	large, err := r.Picture(t.Context(), lab, test.ID, digests["a.jpg"], Large)
	if err != nil || !bytes.Equal(large, first.Photos[0].JPEG) {
		t.Errorf("a page shows another picture than the report: %v", err)
	}
}
