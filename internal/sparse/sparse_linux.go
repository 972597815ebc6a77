package sparse

import (
	"errors"
	"io"
	"syscall"
)

// Of lseek(2).
const (
	seekData = 3
	seekHole = 4
)

// A reader that is no file refuses to seek in this way, and is all data.
func run(f io.Seeker, off, size int64) (int64, bool) {
	data, err := f.Seek(off, seekData)
	switch {
	case errors.Is(err, syscall.ENXIO): // no data behind the offset
		return size, true
	case err != nil:
		return size, false
	case data > off:
		return min(data, size), true
	}
	end, err := f.Seek(off, seekHole)
	if err != nil || end <= off {
		return size, false
	}
	return min(end, size), false
}
