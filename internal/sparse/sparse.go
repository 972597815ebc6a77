// Package sparse finds the holes of files: runs that a file system keeps no bytes for and that read as zeros.
//
// An image of forty gigabytes may hold two: reading zeros takes as long as reading data. It is for skipping, not for
// deciding: where a system does not tell, there is no hole.
package sparse

import (
	"io"
	"os"
)

// Run says whether a hole or data stands at an offset of a file of the given size, and where that ends. Where r is no
// file (nor an embedded one), or the system does not say, all is data. It moves the file's position: use ReadAt beside it.
func Run(r io.ReaderAt, off, size int64) (end int64, hole bool) {
	f, is := r.(io.Seeker)
	if !is || off < 0 || off >= size {
		return size, false
	}
	return run(f, off, size)
}

// Reader reads a file from its beginning and makes up the zeros of its holes, which it does not read.
type Reader struct {
	f    *os.File
	size int64
	off  int64
	end  int64 // of the run at off
	hole bool  // that run is one
}

// NewReader reads the first size bytes of f.
func NewReader(f *os.File, size int64) *Reader { return &Reader{f: f, size: size} }

// Read gives less than size bytes in all only where the file does.
func (r *Reader) Read(p []byte) (int, error) {
	if r.off >= r.size {
		return 0, io.EOF
	}
	if r.off >= r.end {
		r.end, r.hole = Run(r.f, r.off, r.size)
	}
	p = p[:min(int64(len(p)), r.end-r.off)]
	if r.hole {
		clear(p)
		r.off += int64(len(p))
		return len(p), nil
	}
	n, err := r.f.ReadAt(p, r.off)
	r.off += int64(n)
	return n, err
}
