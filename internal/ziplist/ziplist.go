// Package ziplist opens zip archives of strangers without holding more of their list of
// files in memory than the caller has use for. archive/zip reads the whole list before
// anybody can count it: of an archive that is nothing but list, each of its bytes
// becomes ten of memory.
//
// It says nothing of what the files unpack to: whoever reads them counts that.
package ziplist

import (
	"archive/zip"
	"errors"
	"io"
)

// ErrTooMany is that an archive lists more files than asked for, or says far too much
// about them.
var ErrTooMany = errors.New("the archive lists too many files")

// Bounds of what is read before the list is whole.
const (
	ending   = 128 << 10 // the record at the end, which a comment of 64 KiB may follow, and its 64-bit form
	perEntry = 512       // bytes of the list for each file: 46, its name, and what packers add
)

// Open reads the list of an archive of at most so many files.
func Open(r io.ReaderAt, size int64, files int) (*zip.Reader, error) {
	m := &metered{r: r, left: ending + int64(files)*perEntry}
	z, err := zip.NewReader(m, size)
	if m.spent {
		return nil, ErrTooMany
	}
	if err != nil {
		return nil, err
	}
	if len(z.File) > files {
		return nil, ErrTooMany
	}
	m.listed = true
	return z, nil
}

// metered lets no more be read than what is left, until the list is read.
type metered struct {
	r             io.ReaderAt
	left          int64
	spent, listed bool
}

func (m *metered) ReadAt(p []byte, off int64) (int, error) {
	if m.listed {
		return m.r.ReadAt(p, off)
	}
	if int64(len(p)) > m.left {
		m.spent = true
		return 0, ErrTooMany
	}
	n, err := m.r.ReadAt(p, off)
	m.left -= int64(n)
	return n, err
}
