package laboratory

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/evidence"
)

// Bounds of photographs that are shown.
const (
	maxPixels   = 26_000_000 // a larger one is kept and not shown: it would take too much memory
	maxPictured = 40 << 20   // bytes of its file
	// Of a progressive JPEG each pass goes over all pixels, however few bytes it has. A
	// camera makes some ten.
	maxPasses = 100
)

// Sizes in which photographs are shown, in pixels of the longer side.
const (
	Small = 320
	Large = 1400
)

var digestForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// errNoPicture is what there is instead of a picture.
var errNoPicture = &assay.Problem{Kind: assay.ErrInvalid, What: "the file is no photograph that can be shown here", Do: "save it, and look at it with a program of your own"}

// Picture is a photograph among the evidence of a test, made anew: turned as it was
// taken, no larger than size, and with nothing of the file in it but what it shows. The
// error is of kind assay.ErrInvalid where the file is no photograph.
func (r *Room) Picture(ctx context.Context, org, id string, digest assay.Digest, size int) ([]byte, error) {
	place, err := at(org, id)
	if err != nil {
		return nil, err
	}
	if _, err := r.Test(org, id); err != nil {
		return nil, err
	}
	if !digestForm.MatchString(string(digest)) || size != Small && size != Large {
		return nil, notFound()
	}
	kept := path.Join(place, picturesDir, fmt.Sprintf("%s-%d.jpg", string(digest)[len("sha256:"):], size))
	if data, err := r.root.ReadFile(kept); err == nil {
		return data, nil
	}
	select {
	case r.drawing <- struct{}{}:
		defer func() { <-r.drawing }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	var made []byte
	err = r.Look(ctx, org, id, func(v *Visit) error {
		item, ok := v.Item(digest)
		if !ok {
			return notFound()
		}
		if item.Size > maxPictured || item.Kind != evidence.Device && item.Kind != evidence.Documents {
			return errNoPicture
		}
		f, err := v.Recorder.Dossier.Evidence.Open(item)
		if err != nil {
			return err
		}
		defer f.Close()
		data, err := io.ReadAll(io.LimitReader(f, maxPictured))
		if err != nil {
			return err
		}
		made, err = draw(data, size)
		return err
	})
	if err != nil {
		return nil, err
	}
	return made, r.keepPicture(path.Join(place, picturesDir), kept, made)
}

// keepPicture keeps what was made. A folder that went meanwhile is not made again.
func (r *Room) keepPicture(dir, name string, data []byte) error {
	if err := r.root.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return ifThere(err)
	}
	beside := name + ".part"
	f, err := r.root.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return ifThere(err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return ifThere(r.root.Rename(beside, name))
}

func ifThere(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Pictured reports whether a file begins as a photograph does that can be shown.
func Pictured(head []byte) bool {
	return bytes.HasPrefix(head, []byte("\xff\xd8\xff")) || bytes.HasPrefix(head, []byte("\x89PNG\r\n\x1a\n"))
}

// draw makes a JPEG of a photograph.
func draw(data []byte, size int) (out []byte, err error) {
	defer func() {
		if v := recover(); v != nil { // no file may take the server down, whatever a decoder makes of it
			out, err = nil, errNoPicture
		}
	}()
	if !Pictured(data) {
		return nil, errNoPicture
	}
	config, decode, turn := png.DecodeConfig, png.Decode, 1
	if data[0] == 0xff {
		config, decode, turn = jpeg.DecodeConfig, jpeg.Decode, orientation(data)
	}
	c, err := config(bytes.NewReader(data))
	if err != nil || c.Width <= 0 || c.Height <= 0 || c.Width > maxPixels/c.Height {
		return nil, errNoPicture
	}
	if data[0] == 0xff && bytes.Count(data, []byte("\xff\xda")) > maxPasses {
		return nil, errNoPicture
	}
	whole, err := decode(bytes.NewReader(data))
	if err != nil {
		return nil, errNoPicture
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, scaled(whole, size, turn), &jpeg.Options{Quality: 82}); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// scaled is an image no larger than size, turned as its orientation (EXIF 2.3, tag 274)
// says, on white. Each pixel is the mean of those that fall into it, of at most
// sixteen.
func scaled(in image.Image, size, turn int) *image.RGBA {
	bounds := in.Bounds()
	w, h := bounds.Dx(), bounds.Dy()
	ow, oh := w, h
	if longer := max(w, h); longer > size {
		ow, oh = max(1, w*size/longer), max(1, h*size/longer)
	}
	out := image.NewRGBA(image.Rect(0, 0, ow, oh))
	if turn >= 5 {
		out = image.NewRGBA(image.Rect(0, 0, oh, ow))
	}
	for y := range oh {
		y0, y1 := y*h/oh, max((y+1)*h/oh, y*h/oh+1)
		for x := range ow {
			x0, x1 := x*w/ow, max((x+1)*w/ow, x*w/ow+1)
			var r, g, b, n uint32
			for yy := y0; yy < y1; yy += max(1, (y1-y0)/4) {
				for xx := x0; xx < x1; xx += max(1, (x1-x0)/4) {
					cr, cg, cb, ca := in.At(bounds.Min.X+xx, bounds.Min.Y+yy).RGBA()
					white := 0xffff - ca
					r, g, b, n = r+(cr+white)>>8, g+(cg+white)>>8, b+(cb+white)>>8, n+1
				}
			}
			tx, ty := turned(x, y, ow, oh, turn)
			out.SetRGBA(tx, ty, color.RGBA{byte(r / n), byte(g / n), byte(b / n), 0xff}) //nolint:gosec // each is at most 255
		}
	}
	return out
}

// turned is where a pixel of a stored image of w by h belongs on the screen.
func turned(x, y, w, h, turn int) (int, int) {
	switch turn {
	case 2:
		return w - 1 - x, y
	case 3:
		return w - 1 - x, h - 1 - y
	case 4:
		return x, h - 1 - y
	case 5:
		return y, x
	case 6:
		return h - 1 - y, x
	case 7:
		return h - 1 - y, w - 1 - x
	case 8:
		return y, w - 1 - x
	}
	return x, y
}

// orientation reads how a JPEG is to be turned, 1 to 8, from its EXIF data (JEITA
// CP-3451C, 4.6.4); 1 where it does not say.
func orientation(data []byte) int {
	at := 2
	for range 64 {
		if at+4 > len(data) || data[at] != 0xff {
			return 1
		}
		kind, length := data[at+1], int(binary.BigEndian.Uint16(data[at+2:]))
		if kind == 0xda || length < 2 || at+2+length > len(data) {
			return 1
		}
		if part := data[at+4 : at+2+length]; kind == 0xe1 && bytes.HasPrefix(part, []byte("Exif\x00\x00")) {
			return tiffOrientation(part[6:])
		}
		at += 2 + length
	}
	return 1
}

func tiffOrientation(t []byte) int {
	if len(t) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.LittleEndian
	if t[0] == 'M' {
		order = binary.BigEndian
	}
	first := int(order.Uint32(t[4:]))
	if first < 8 || first > len(t)-2 {
		return 1
	}
	entries := int(order.Uint16(t[first:]))
	for i := range min(entries, 200) {
		e := first + 2 + 12*i
		if e+12 > len(t) {
			return 1
		}
		if order.Uint16(t[e:]) == 274 {
			if v := int(order.Uint16(t[e+8:])); v >= 1 && v <= 8 {
				return v
			}
			return 1
		}
	}
	return 1
}
