package sparse

import (
	"errors"
	"os"
	"syscall"
)

// Of lseek(2).
const (
	seekData = 3
	seekHole = 4
)

func run(f *os.File, off, size int64) (int64, bool) {
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
