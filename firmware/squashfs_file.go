package firmware

import (
	"fmt"
	"io"
	"sync"
)

// file reads a file's block list and checks that all of its data lies in the image.
func (q *squash) file(c *squashCursor, n *node, f squashFile) error {
	bs := int64(q.blockSize)
	if f.size < 0 || f.start < 0 || f.start > q.end {
		return fail(Corrupt, "a file of %d bytes at 0x%x; get a fresh copy of the image", f.size, f.start)
	}
	blocks := f.size / bs
	if f.frag == squashNoFrag {
		blocks = (f.size + bs - 1) / bs
	} else if int64(f.frag) >= int64(len(q.frags)) || int64(f.fragOff) >= bs {
		return fail(Corrupt, "a file refers to fragment %d of %d; get a fresh copy of the image", f.frag, len(q.frags))
	}
	if q.blocks += blocks; q.blocks > squashBlocks {
		return fail(Limit, "its files have more than %d blocks; unpack it by hand to see it", int64(squashBlocks))
	}
	pos := f.start
	for range blocks {
		h, err := c.read(4)
		if err != nil {
			return err
		}
		size := q.order.Uint32(h)
		f.blocks = append(f.blocks, size)
		if pos += int64(size &^ (1 << 24)); pos > q.end {
			return fail(Corrupt, "a file's data lies outside of the file system; get a fresh copy of the image")
		}
	}
	n.size = f.size
	if blocks > 0 {
		n.attr.Offset = f.start
	}
	n.open = func() (io.Reader, error) { return &squashReader{squashFile: f, pos: f.start}, nil }
	return nil
}

type squashFile struct {
	q       *squash
	start   int64
	size    int64
	frag    uint32
	fragOff uint32
	blocks  []uint32
}

type squashReader struct {
	squashFile
	pos  int64 // of the next block in the image
	i    int   // next block
	done int64 // bytes given
	buf  []byte
}

func (r *squashReader) Read(p []byte) (int, error) {
	if len(r.buf) == 0 {
		if r.done >= r.size {
			return 0, io.EOF
		}
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.buf)
	r.buf = r.buf[n:]
	r.done += int64(n)
	return n, nil
}

func (r *squashReader) fill() error {
	q := r.q
	want := min(r.size-r.done, int64(q.blockSize))
	if r.i == len(r.blocks) {
		data, err := q.fragment(r.frag)
		if err != nil {
			return err
		}
		if int64(r.fragOff)+want > int64(len(data)) {
			return fail(Corrupt, "a fragment is shorter than the file in it; get a fresh copy of the image")
		}
		r.buf = data[r.fragOff : int64(r.fragOff)+want]
		return nil
	}
	size := r.blocks[r.i]
	r.i++
	if size == 0 { // a hole
		r.buf = make([]byte, want)
		return nil
	}
	data, err := q.data(r.pos, size)
	if err != nil {
		return err
	}
	if int64(len(data)) < want {
		return fail(Corrupt, "a block at 0x%x unpacks to %d bytes, not %d; get a fresh copy of the image", r.pos, len(data), want)
	}
	r.pos += int64(size &^ (1 << 24))
	r.buf = data[:want]
	return nil
}

// data reads the data block at off whose size word is size.
func (q *squash) data(off int64, size uint32) ([]byte, error) {
	n := int64(size &^ (1 << 24))
	if n > 2*squashMaxBlock {
		return nil, fail(Corrupt, "a block of %d bytes at 0x%x; get a fresh copy of the image", n, off)
	}
	raw, err := q.s.bytes(off, n)
	if err != nil {
		return nil, err
	}
	if size&(1<<24) != 0 {
		return raw, nil
	}
	data, err := q.unzip(raw, int(q.blockSize))
	if err != nil {
		return nil, fmt.Errorf("block at 0x%x: %w", off, err)
	}
	return data, nil
}

// fragment unpacks a block that several files share. Two that want the same one at once unpack it once; others do not wait.
func (q *squash) fragment(i uint32) ([]byte, error) {
	q.mu.Lock()
	unpack, ok := q.cache[i]
	if !ok {
		if len(q.recent) >= squashFrags {
			delete(q.cache, q.recent[0])
			q.recent = q.recent[1:]
		}
		if q.cache == nil {
			q.cache = map[uint32]func() ([]byte, error){}
		}
		unpack = sync.OnceValues(func() ([]byte, error) { return q.data(q.frags[i].start, q.frags[i].size) })
		q.cache[i] = unpack
		q.recent = append(q.recent, i)
	}
	q.mu.Unlock()
	return unpack()
}
