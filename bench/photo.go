package bench

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	_ "image/gif" // photographs and drawings come as these
	"image/jpeg"
	_ "image/png"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	_ "golang.org/x/image/webp"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/dossier"
	"github.com/assay-psti/assay/evidence"
)

// ReportPhoto is a photograph that goes with an answer. What a report shows is made
// anew from it: upright, smaller, and without what the camera wrote into the file,
// such as where it was taken. The file itself stays in the dossier, named by its digest.
type ReportPhoto struct {
	Name     string       `json:"name"`
	Digest   assay.Digest `json:"digest"` // of the file as it was given
	Format   string       `json:"format"`
	Width    int          `json:"width,omitempty"` // of the file, in pixels, as it lies in it
	Height   int          `json:"height,omitempty"`
	Uses     []PhotoUse   `json:"uses"`
	NotShown string       `json:"not_shown,omitempty"` // why a report cannot show it

	JPEG        []byte `json:"-"` // what is shown
	ShownWidth  int    `json:"-"`
	ShownHeight int    `json:"-"`
}

// PhotoUse is an answer that a photograph goes with.
type PhotoUse struct {
	Of      string    `json:"of"`             // the case
	Unit    string    `json:"unit,omitempty"` // its letter; "" where the case is covered from elsewhere
	Caption string    `json:"caption"`        // what was seen, in the words of who answered
	By      string    `json:"by"`
	At      time.Time `json:"at"`
}

// PhotoLimits bound what photographs cost and how large they make a report; a zero
// field means the default.
type PhotoLimits struct {
	FileBytes  int64 // of one file; 0 means 64 MiB
	Memory     int64 // to decode one picture, in bytes; 0 means 256 MiB
	Side       int   // of a picture as it is shown, in pixels; 0 means 1280
	Count      int   // of pictures shown; 0 means 120
	ShownBytes int64 // of all pictures shown; 0 means 20 MiB
}

func (l PhotoLimits) orDefaults() PhotoLimits {
	or := func(v *int64, n int64) {
		if *v <= 0 {
			*v = n
		}
	}
	or(&l.FileBytes, 64<<20)
	or(&l.Memory, 256<<20)
	or(&l.ShownBytes, 20<<20)
	if l.Side <= 0 {
		l.Side = 1280
	}
	if l.Count <= 0 {
		l.Count = 120
	}
	return l
}

// ShowPhotos makes ready what the report shows of the photographs that go with its
// answers, in the order of the answers. One that cannot be shown is named, with the
// reason. The error is that of ctx, or of evidence that cannot be opened.
func (r *Report) ShowPhotos(ctx context.Context, d *dossier.Dossier, limits PhotoLimits) error {
	limits = limits.orDefaults()
	items := map[assay.Digest]evidence.Item{}
	for _, i := range d.Evidence.Items() {
		if _, there := items[i.Digest]; !there && !i.Folder {
			items[i.Digest] = i
		}
	}
	r.Photos = []ReportPhoto{}
	for _, use := range r.given() {
		if at := slices.IndexFunc(r.Photos, func(p ReportPhoto) bool { return p.Digest == use.digest }); at >= 0 {
			r.Photos[at].Uses = append(r.Photos[at].Uses, use.PhotoUse)
			continue
		}
		item, there := items[use.digest]
		if !there { // of which the record says that it does not count
			continue
		}
		p, err := look(ctx, d, item, limits)
		if err != nil {
			return err
		}
		if p == nil {
			continue
		}
		p.Uses = []PhotoUse{use.PhotoUse}
		r.Photos = append(r.Photos, *p)
	}
	count, size := 0, int64(0)
	for i := range r.Photos {
		p := &r.Photos[i]
		if p.JPEG == nil {
			continue
		}
		if count++; count > limits.Count || size+int64(len(p.JPEG)) > limits.ShownBytes {
			p.JPEG, p.NotShown = nil, "the report shows no more pictures than this; the file is in the dossier"
			continue
		}
		size += int64(len(p.JPEG))
	}
	return nil
}

// given is a file that goes with an answer.
type given struct {
	PhotoUse
	digest assay.Digest
}

func (r *Report) given() []given {
	var all []given
	take := func(rec *ReportRecord, caseID, unit string) {
		if rec == nil {
			return
		}
		for _, e := range rec.Evidence {
			if e.Place != ixitPlace {
				all = append(all, given{PhotoUse{caseID, unit, rec.Reason, rec.By, rec.At}, e.Digest})
			}
		}
	}
	for _, g := range r.Groups {
		for _, c := range g.Cases {
			take(c.Covered, c.ID, "")
			for _, u := range c.Units {
				take(u.Record, c.ID, u.Unit)
			}
		}
	}
	return all
}

// look reads one file; nil when it is no picture, by its content and by its name.
func look(ctx context.Context, d *dossier.Dossier, item evidence.Item, limits PhotoLimits) (*ReportPhoto, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f, err := d.Evidence.Open(item)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, 32)
	n, err := io.ReadFull(f, head)
	if err != nil && n == 0 && item.Size > 0 {
		return nil, fmt.Errorf("read %s: %w", item.Name, err)
	}
	p := &ReportPhoto{Name: item.Name, Digest: item.Digest, Format: pictureFormat(head[:n])}
	if p.Format == "" {
		if !slices.Contains(pictureEndings, strings.ToLower(path.Ext(item.Name))) {
			return nil, nil
		}
		p.Format, p.NotShown = "unknown", "it is named like a picture, and is none that can be read"
		return p, nil
	}
	if item.Size > limits.FileBytes {
		p.NotShown = fmt.Sprintf("the file is larger than %d MiB", limits.FileBytes>>20)
		return p, nil
	}
	data, err := io.ReadAll(io.LimitReader(io.MultiReader(bytes.NewReader(head[:n]), f), limits.FileBytes))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", item.Name, err)
	}
	if err := p.show(data, limits); err != nil {
		p.JPEG, p.NotShown = nil, err.Error()
	}
	return p, nil
}

// pictureEndings are those of files that people take for pictures.
var pictureEndings = []string{".jpg", ".jpeg", ".png", ".webp", ".gif", ".heic", ".heif", ".avif", ".tif", ".tiff", ".bmp", ".dng"}

// pictureFormat names the format of a picture by how it begins; "" is none.
func pictureFormat(b []byte) string {
	has := func(at int, s string) bool { return len(b) >= at+len(s) && string(b[at:at+len(s)]) == s }
	switch {
	case has(0, "\xff\xd8\xff"):
		return "JPEG"
	case has(0, "\x89PNG\r\n\x1a\n"):
		return "PNG"
	case has(0, "RIFF") && has(8, "WEBP"):
		return "WebP"
	case has(0, "GIF8"):
		return "GIF"
	case has(4, "ftyp"):
		for _, brand := range []string{"heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"} {
			if has(8, brand) {
				return "HEIC"
			}
		}
		if has(8, "avif") || has(8, "avis") {
			return "AVIF"
		}
	case has(0, "II*\x00"), has(0, "MM\x00*"):
		return "TIFF"
	case has(0, "BM") && len(b) >= 26 && has(6, "\x00\x00\x00\x00"):
		return "BMP"
	}
	return ""
}

// maxScans bounds the passes of a progressive JPEG, each of which costs as much as
// the picture is large however few bytes it has.
const maxScans = 100

// maxSide bounds what one line of a picture takes, in pixels.
const maxSide = 1 << 16

// show makes of a picture what is shown of it.
func (p *ReportPhoto) show(data []byte, limits PhotoLimits) (err error) {
	switch p.Format {
	case "JPEG", "PNG", "WebP", "GIF":
	default:
		return fmt.Errorf("%s is not read here; give the picture as JPEG, PNG or WebP as well", p.Format)
	}
	defer func() { // a decoder's mistake spoils one picture, not the report
		if v := recover(); v != nil {
			err = fmt.Errorf("it cannot be decoded: %v", v)
		}
	}()
	c, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("it cannot be decoded: %w", err)
	}
	p.Width, p.Height = c.Width, c.Height
	if c.Width < 1 || c.Height < 1 {
		return fmt.Errorf("it has no pixels")
	}
	pixels := int64(c.Width) * int64(c.Height)
	if c.Width > maxSide || c.Height > maxSide || pixels*bytesAPixel(p.Format, c.ColorModel, data) > limits.Memory {
		return fmt.Errorf("%d by %d pixels are more than are decoded here; give a smaller picture as well", c.Width, c.Height)
	}
	if p.Format == "JPEG" && bytes.Count(data, []byte("\xff\xda")) > maxScans {
		return fmt.Errorf("it is made of more passes than a camera makes")
	}
	decoded, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("it cannot be decoded: %w", err)
	}
	small := shrink(decoded, limits.Side)
	upright := turn(small, orientation(p.Format, data))
	var out bytes.Buffer
	if err := jpeg.Encode(&out, upright, &jpeg.Options{Quality: 82}); err != nil {
		return fmt.Errorf("it cannot be shown: %w", err)
	}
	p.JPEG, p.ShownWidth, p.ShownHeight = out.Bytes(), upright.Rect.Dx(), upright.Rect.Dy()
	return nil
}

// bytesAPixel is what decoding takes for each pixel at most.
func bytesAPixel(format string, m color.Model, data []byte) int64 {
	switch {
	case format == "WebP":
		return 8 // lossless: pixels, and what they are made from
	case format == "JPEG":
		parts, size := int64(3), int64(1)
		if m == color.CMYKModel {
			parts, size = 4, 2
		}
		if progressive(data) {
			size += 4 // every coefficient is kept to the end
		}
		return parts * size
	}
	switch m {
	case color.RGBA64Model, color.NRGBA64Model:
		return 9
	case color.Gray16Model:
		return 3
	case color.RGBAModel, color.NRGBAModel:
		return 5
	}
	return 2 // grey or of a palette
}

// shrink makes a picture with no side longer than that, on white where it is
// transparent. One that is small enough keeps its size. Each pixel is the mean of
// those that it stands for, taken from a few lines at a time.
func shrink(src image.Image, side int) *image.RGBA {
	b := src.Bounds()
	w, h := b.Dx(), b.Dy()
	if long := max(w, h); long > side {
		w, h = max(1, w*side/long), max(1, h*side/long)
	}
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	lines := image.NewRGBA(image.Rect(0, 0, b.Dx(), (b.Dy()+h-1)/h))
	for y := range h {
		from, to := y*b.Dy()/h, (y+1)*b.Dy()/h
		strip := image.Rect(0, 0, b.Dx(), to-from)
		draw.Draw(lines, strip, image.White, image.Point{}, draw.Src)
		draw.Draw(lines, strip, src, image.Pt(b.Min.X, b.Min.Y+from), draw.Over)
		for x := range w {
			left, right := x*b.Dx()/w, (x+1)*b.Dx()/w
			var sum [3]int
			for line := range to - from {
				row := lines.Pix[line*lines.Stride+left*4 : line*lines.Stride+right*4]
				for ; len(row) >= 4; row = row[4:] {
					sum[0], sum[1], sum[2] = sum[0]+int(row[0]), sum[1]+int(row[1]), sum[2]+int(row[2])
				}
			}
			n := (to - from) * (right - left)
			pix := dst.Pix[y*dst.Stride+x*4:][:4]
			pix[0], pix[1], pix[2], pix[3] = byte((sum[0]+n/2)/n), byte((sum[1]+n/2)/n), byte((sum[2]+n/2)/n), 255
		}
	}
	return dst
}

// turn makes a picture upright whose camera was held in one of the eight ways of
// Exif (CIPA DC-008, tag 274).
func turn(src *image.RGBA, way int) *image.RGBA {
	if way < 2 || way > 8 {
		return src
	}
	w, h := src.Rect.Dx(), src.Rect.Dy()
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	if way >= 5 {
		dst = image.NewRGBA(image.Rect(0, 0, h, w))
	}
	for y := range h {
		for x := range w {
			tx, ty := x, y
			switch way {
			case 2:
				tx = w - 1 - x
			case 3:
				tx, ty = w-1-x, h-1-y
			case 4:
				ty = h - 1 - y
			case 5:
				tx, ty = y, x
			case 6:
				tx, ty = h-1-y, x
			case 7:
				tx, ty = h-1-y, w-1-x
			case 8:
				tx, ty = y, w-1-x
			}
			copy(dst.Pix[dst.PixOffset(tx, ty):][:4], src.Pix[src.PixOffset(x, y):][:4])
		}
	}
	return dst
}
