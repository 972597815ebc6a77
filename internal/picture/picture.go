// Package picture makes of a photograph that somebody gave what may be shown of it: a
// JPEG made anew, upright, no larger than wanted, and with nothing of the file in it but
// what it shows, so that neither the place where it was taken nor what a file hides goes
// on to whoever looks.
//
// It reads JPEG, PNG, WebP and GIF (the first picture of it), within bounds of memory
// that are looked at before anything is decoded. Others it names by how they begin. It
// is not for keeping pictures, nor for how many are shown: that is of whoever shows them.
package picture

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/webp"
)

// Limits bound what one picture costs; a zero field means the default.
type Limits struct {
	Memory int64 // to decode it, in bytes; 0 means 256 MiB
	Side   int   // of what is shown, in pixels of the longer one; 0 means 1280
}

// Shown is what is shown of a picture. Where it cannot be shown, it has what is known.
type Shown struct {
	Format        string // of the file, as Format names it
	Width, Height int    // of the file, in pixels, as it lies in it

	JPEG                    []byte // what is shown
	ShownWidth, ShownHeight int
}

// Fault is why a picture is not shown, in words for who gave it. All errors of Show and
// Readable are of this type.
type Fault string

// Error is the reason.
func (f Fault) Error() string { return string(f) }

func fault(format string, args ...any) Fault { return Fault(fmt.Sprintf(format, args...)) }

// HeadBytes is how much of the beginning of a file Format wants.
const HeadBytes = 32

// decoders are of the formats that are read.
var decoders = map[string]struct {
	config func(io.Reader) (image.Config, error)
	whole  func(io.Reader) (image.Image, error)
}{
	"JPEG": {jpeg.DecodeConfig, jpeg.Decode},
	"PNG":  {png.DecodeConfig, png.Decode},
	"WebP": {webp.DecodeConfig, webp.Decode},
	"GIF":  {gif.DecodeConfig, gif.Decode},
}

// Readable says why no picture of a format is shown; nil where they are.
func Readable(format string) error {
	if format == "" {
		return Fault("it is no picture that can be read")
	}
	if _, ok := decoders[format]; !ok {
		return fault("%s is not read here; give the picture as JPEG, PNG or WebP as well", format)
	}
	return nil
}

// maxScans bounds the passes of a progressive JPEG, each of which costs as much as
// the picture is large however few bytes it has.
const maxScans = 100

// maxSide bounds what one line of a picture takes, in pixels.
const maxSide = 1 << 16

// Show makes of a file what is shown of it.
func Show(data []byte, limits Limits) (s Shown, err error) {
	if limits.Memory <= 0 {
		limits.Memory = 256 << 20
	}
	if limits.Side <= 0 {
		limits.Side = 1280
	}
	s.Format = Format(data)
	if err := Readable(s.Format); err != nil {
		return s, err
	}
	defer func() { // a decoder's mistake spoils one picture, and nothing else
		if v := recover(); v != nil {
			s.JPEG, err = nil, fault("it cannot be decoded: %v", v)
		}
	}()
	decode := decoders[s.Format]
	c, err := decode.config(bytes.NewReader(data))
	if err != nil {
		return s, fault("it cannot be decoded: %v", err)
	}
	s.Width, s.Height = c.Width, c.Height
	if c.Width < 1 || c.Height < 1 {
		return s, Fault("it has no pixels")
	}
	pixels := int64(c.Width) * int64(c.Height)
	if c.Width > maxSide || c.Height > maxSide || pixels*bytesAPixel(s.Format, c.ColorModel, data) > limits.Memory {
		return s, fault("%d by %d pixels are more than are decoded here; give a smaller picture as well", c.Width, c.Height)
	}
	if s.Format == "JPEG" && bytes.Count(data, []byte("\xff\xda")) > maxScans {
		return s, Fault("it is made of more passes than a camera makes")
	}
	decoded, err := decode.whole(bytes.NewReader(data))
	if err != nil {
		return s, fault("it cannot be decoded: %v", err)
	}
	if b := decoded.Bounds(); b.Empty() { // the first picture of a GIF may be smaller than the whole
		return s, Fault("it has no pixels")
	}
	upright := turn(shrink(decoded, limits.Side), orientation(s.Format, data))
	var out bytes.Buffer
	if err := jpeg.Encode(&out, upright, &jpeg.Options{Quality: 82}); err != nil {
		return s, fault("it cannot be shown: %v", err)
	}
	s.JPEG, s.ShownWidth, s.ShownHeight = out.Bytes(), upright.Rect.Dx(), upright.Rect.Dy()
	return s, nil
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
	switch m { // of an interlaced PNG, one pass has half of the pixels beside the whole
	case color.RGBA64Model, color.NRGBA64Model:
		return 12
	case color.Gray16Model:
		return 3
	case color.RGBAModel, color.NRGBAModel:
		return 6
	}
	return 2 // grey or of a palette
}

// Format names the format of a picture by how it begins; "" is none. It wants HeadBytes
// of it, where the file has them.
func Format(b []byte) string {
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
