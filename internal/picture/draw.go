package picture

import (
	"image"
	"image/draw"
)

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
