package firmware

import (
	"bytes"
	"compress/bzip2"
	"crypto/sha256"
	"fmt"
	"io"
	"sort"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"
	"github.com/therootcompany/xz"
)

// Android's and ChromeOS's updates (payload.bin), as update_engine's update_metadata.proto describes them. A full update
// holds every block of each partition; one that holds differences to an older image cannot be read without that image.

// protoFields calls use for every field of a message; false means that it contradicts itself.
func protoFields(p []byte, use func(field int, v uint64, data []byte)) bool {
	varint := func() (v uint64, ok bool) {
		for shift := 0; shift < 64 && len(p) > 0; shift += 7 {
			c := p[0]
			p = p[1:]
			v |= uint64(c&0x7f) << shift
			if c < 0x80 {
				return v, true
			}
		}
		return 0, false
	}
	for len(p) > 0 {
		key, ok := varint()
		if !ok || key>>3 == 0 || key>>3 > 1<<20 {
			return false
		}
		var v uint64
		var data []byte
		switch key & 7 {
		case 0:
			if v, ok = varint(); !ok {
				return false
			}
		case 2:
			n, ok := varint()
			if !ok || n > uint64(len(p)) {
				return false
			}
			data, p = p[:n], p[n:]
		case 1, 5:
			n := 8
			if key&7 == 5 {
				n = 4
			}
			if n > len(p) {
				return false
			}
			p = p[n:]
		default:
			return false
		}
		use(int(key>>3), v, data)
	}
	return true
}

// payloadOp makes a run of blocks of a partition.
type payloadOp struct {
	typ       uint64
	off, size int64 // of its data in the payload
	start     int64 // in the partition
	length    int64
	sum       []byte
}

type payloadPart struct {
	s    section
	name string
	size int64
	ops  []payloadOp // by start

	mu    sync.Mutex // guards the runs that are unpacked
	cache map[int][]byte
}

const (
	payloadReplace     = 0
	payloadReplaceBz   = 1
	payloadZero        = 6
	payloadDiscard     = 7
	payloadReplaceXz   = 8
	payloadReplaceZstd = 14

	payloadMaxOp = 64 << 20
)

func parsePayload(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, 24)
	if err != nil {
		return nil, err
	}
	version, size := be.Uint64(h[4:]), be.Uint64(h[12:])
	if version != 2 || size == 0 || size > 64<<20 {
		return nil, fmt.Errorf("version %d, manifest of %d bytes", version, size)
	}
	data := 24 + int64(size) + int64(be.Uint32(h[20:]))
	p := &piece{kind: "android-payload", size: data}
	manifest, err := s.bytes(24, int64(size))
	if err != nil {
		p.note("android-payload", 0, data, err)
		p.size, p.detail = s.size, "Android update, cut"
		return p, nil
	}
	block, signature := int64(4096), int64(0)
	var parts []*payloadPart
	delta, ok := false, true
	sound := protoFields(manifest, func(field int, v uint64, d []byte) {
		switch field {
		case 3:
			block = int64(v)
		case 4, 5: // where the signature of the payload lies, and its size
			signature += int64(min(v, 1<<46))
		case 13:
			if len(parts) < 256 {
				x := &payloadPart{s: s, cache: map[int][]byte{}}
				ok = ok && x.read(d, block, data, &delta)
				parts = append(parts, x)
			}
		}
	})
	if !sound || !ok || block < 512 || block > 1<<20 {
		return nil, fmt.Errorf("no manifest")
	}
	p.size = data + signature
	var words []string
	inner := []piece{{size: min(data, s.size), kind: KindHeader}}
	for _, x := range parts {
		words = append(words, x.name)
		lo, hi := int64(1)<<62, int64(0)
		for _, op := range x.ops {
			if op.size > 0 {
				lo, hi = min(lo, op.off), max(hi, op.off+op.size)
			}
		}
		if hi > lo {
			inner = append(inner, piece{off: lo, size: hi - lo, kind: "blocks", name: x.name})
			p.size = max(p.size, hi)
		}
	}
	sort.SliceStable(inner, func(i, j int) bool { return inner[i].off < inner[j].off })
	p.inner = inner[:1]
	for _, q := range inner[1:] { // partitions whose blocks are mixed stand as one run
		if last := &p.inner[len(p.inner)-1]; q.off < last.off+last.size {
			last.size, last.name = max(last.size, q.off+q.size-last.off), last.name+", "+q.name
			continue
		}
		p.inner = append(p.inner, q)
	}
	p = p.cut(s)
	p.detail = "Android update: " + strings.Join(words, ", ")
	if delta {
		p.detail += ", differences to an older image"
		p.note("android-payload", data, p.size-data, fail(Unsupported, "it holds differences to an older image; get the full update"))
		return p, nil
	}
	for _, x := range parts {
		if most := max(4<<30, b.lim.Ratio*p.size); x.size > most {
			p.note("partition "+x.name, data, 0, fail(Limit, "it stands for %d bytes; raise Limits.Ratio if it is meant to", x.size))
		} else if x.size > 0 {
			p.views = append(p.views, view{"partition " + x.name, section{x, x.size}})
		}
	}
	return p, nil
}

// read reads what the manifest says of one partition.
func (x *payloadPart) read(d []byte, block, data int64, delta *bool) bool {
	ok := true
	sound := protoFields(d, func(field int, v uint64, d []byte) {
		switch field {
		case 1:
			x.name = printable(d)
		case 7:
			ok = ok && protoFields(d, func(field int, v uint64, _ []byte) {
				if field == 1 {
					x.size = int64(min(v, 1<<46))
				}
			})
		case 8:
			ok = ok && x.op(d, block, data, delta)
		}
	})
	sort.SliceStable(x.ops, func(i, j int) bool { return x.ops[i].start < x.ops[j].start })
	return sound && ok && x.name != ""
}

func (x *payloadPart) op(d []byte, block, data int64, delta *bool) bool {
	var op payloadOp
	ok, extents := true, 0
	sound := protoFields(d, func(field int, v uint64, d []byte) {
		switch field {
		case 1:
			op.typ = v
		case 2:
			op.off = data + int64(min(v, 1<<46))
		case 3:
			op.size = int64(min(v, 1<<40))
		case 6:
			extents++
			ok = ok && protoFields(d, func(field int, v uint64, _ []byte) {
				switch field {
				case 1:
					op.start = int64(min(v, 1<<34)) * block
				case 2:
					op.length = int64(min(v, 1<<34)) * block
				}
			})
		case 8:
			op.sum = d
		}
	})
	switch op.typ {
	case payloadReplace, payloadReplaceBz, payloadReplaceXz, payloadReplaceZstd, payloadZero, payloadDiscard:
		*delta = *delta || extents > 1 // full updates write runs in one piece
	default:
		*delta = true
	}
	x.ops = append(x.ops, op)
	return sound && ok
}

// ReadAt reads the partition as it will be after the update.
func (x *payloadPart) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for n < len(p) && off < x.size {
		i := sort.Search(len(x.ops), func(i int) bool { return x.ops[i].start+x.ops[i].length > off })
		q := p[n:min(int64(len(p)), int64(n)+x.size-off)]
		switch {
		case i == len(x.ops):
			clear(q)
		case x.ops[i].start > off: // nothing is written there
			q = q[:min(int64(len(q)), x.ops[i].start-off)]
			clear(q)
		default:
			op := x.ops[i]
			q = q[:min(int64(len(q)), op.start+op.length-off)]
			if op.typ == payloadZero || op.typ == payloadDiscard {
				clear(q)
				break
			}
			data, err := x.run(i)
			if err != nil {
				return n, err
			}
			clear(q[copy(q, data[min(off-op.start, int64(len(data))):]):])
		}
		n += len(q)
		off += int64(len(q))
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

const payloadCached = 4 // runs kept unpacked

func (x *payloadPart) run(i int) ([]byte, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if data, ok := x.cache[i]; ok {
		return data, nil
	}
	op := x.ops[i]
	if op.length > payloadMaxOp || op.size > payloadMaxOp {
		return nil, fail(Limit, "a run of %d bytes; unpack the update first", op.length)
	}
	raw, err := x.s.bytes(op.off, op.size)
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(raw); len(op.sum) == 32 && string(op.sum) != string(sum[:]) {
		return nil, fail(Corrupt, "the hash of the data at 0x%x is wrong; get a fresh copy of the update", op.off)
	}
	data := raw
	switch r := io.Reader(nil); op.typ {
	case payloadReplaceBz:
		r = bzip2.NewReader(bytes.NewReader(raw))
		data, err = io.ReadAll(io.LimitReader(r, op.length))
	case payloadReplaceXz:
		if r, err = xz.NewReader(bytes.NewReader(raw), 64<<20); err == nil {
			data, err = io.ReadAll(io.LimitReader(r, op.length))
		}
	case payloadReplaceZstd:
		var d *zstd.Decoder
		if d, err = zstd.NewReader(bytes.NewReader(raw), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(64<<20)); err == nil {
			data, err = io.ReadAll(io.LimitReader(d, op.length))
			d.Close()
		}
	}
	if err != nil {
		return nil, fail(Corrupt, "the data at 0x%x: %v; get a fresh copy of the update", op.off, err)
	}
	if len(x.cache) >= payloadCached {
		clear(x.cache)
	}
	x.cache[i] = data
	return data, nil
}
