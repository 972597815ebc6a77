package firmware

import (
	"bytes"
	"fmt"
	"io"
	"math"
)

// stats are what the bytes of a run say without a header.
type stats struct {
	n        int64
	entropy  float64 // bits per byte
	chi2     float64 // against the uniform distribution, 255 degrees of freedom
	text     bool    // printable ASCII, tabs and line ends only
	repeated bool    // one byte only
}

// measure reads up to size bytes of r. Runs beyond 64 MiB are measured on their first 64 MiB.
func measure(r io.Reader, size int64) stats {
	var count [256]int64
	buf := make([]byte, min(max(size, 1), 64<<10))
	left := min(size, 64<<20)
	for left > 0 {
		n, err := r.Read(buf[:min(left, int64(len(buf)))])
		for _, c := range buf[:n] {
			count[c]++
		}
		left -= int64(n)
		if err != nil {
			break
		}
	}
	return summarise(&count)
}

func summarise(count *[256]int64) stats {
	var s stats
	for _, c := range count {
		s.n += c
	}
	if s.n == 0 {
		return s
	}
	want := float64(s.n) / 256
	s.text = true
	for v, c := range count {
		d := float64(c) - want
		s.chi2 += d * d / want
		if c == 0 {
			continue
		}
		if c == s.n {
			s.repeated = true
		}
		p := float64(c) / float64(s.n)
		s.entropy -= p * math.Log2(p)
		if v < 0x20 && v != '\n' && v != '\r' && v != '\t' || v >= 0x7f {
			s.text = false
		}
	}
	s.entropy = max(s.entropy, 0)
	return s
}

// opaque reports near-greatest entropy. Small samples of random bytes have less than 8 bits, so the bound follows the
// size: the expected shortfall of n uniform bytes is 255/(2 n ln 2) bits, and three times that plus a little is allowed.
func (s stats) opaque() bool {
	return s.n >= 512 && s.entropy > 7.9-3*255/(2*float64(s.n)*math.Ln2)
}

// random reports that the bytes pass for uniformly random (chi-square within the 0.01 to 99.99 % range of 255 degrees
// of freedom), as encrypted data does and compressed data mostly does not.
func (s stats) random() bool { return s.opaque() && s.chi2 > 178 && s.chi2 < 346 }

const (
	gapBlock = 4096
	minPad   = 64       // a shorter run of one byte stays with its neighbours
	innerPad = 16 << 10 // and so does one between two runs of data that is shorter than this
)

// gap maps bytes that no parser took: padding, and runs between it. What stays unknown in one gap is one Unread entry.
func (b *builder) gap(sp int, from, to int64, parent, depth int) {
	type run struct {
		off, end int64
		pad      int   // the byte repeated, or -1
		holes    int64 // bytes of it that the input does not keep
	}
	var runs []run
	add := func(off, end int64, pad int) {
		if n := len(runs); off < end && n > 0 && runs[n-1].pad == pad {
			runs[n-1].end = end
		} else if off < end {
			runs = append(runs, run{off, end, pad, 0})
		}
	}
	r := b.im.Spaces[sp].r
	buf := make([]byte, gapBlock)
	for off := from; off < to; {
		if end := min(b.hole(sp, off), to); end-off >= 2*gapBlock {
			add(off, end, 0)
			runs[len(runs)-1].holes += end - off
			off = end
			continue
		}
		p := buf[:min(gapBlock-off%gapBlock, to-off)]
		if n, _ := r.ReadAt(p, off); n < len(p) {
			add(off, to, -1)
			break
		}
		head, tail := repeatHead(p), repeatTail(p)
		end := off + int64(len(p))
		switch n := len(runs); {
		case head == len(p):
			add(off, end, int(p[0]))
		case head < minPad && (n == 0 || runs[n-1].pad != int(p[0])):
			head = 0
			fallthrough
		default:
			if tail < minPad {
				tail = 0
			}
			add(off, off+int64(head), int(p[0]))
			add(off+int64(head), end-int64(tail), -1)
			add(end-int64(tail), end, int(p[len(p)-1]))
		}
		off = end
	}
	kept := runs[:0]
	for i := 0; i < len(runs); i++ { // a short run of zeros in code is no padding
		x, n := runs[i], len(kept)
		if x.pad >= 0 && x.end-x.off < innerPad && n > 0 && kept[n-1].pad < 0 && i+1 < len(runs) && runs[i+1].pad < 0 {
			i++
			kept[n-1].end = runs[i].end
			continue
		}
		kept = append(kept, x)
	}
	runs = kept
	var first, last int64 = -1, 0
	for i, x := range runs {
		if len(b.im.Map) >= b.lim.Ranges && i < len(runs)-1 { // the rest in one
			x.end, x.pad = to, -1
		}
		rg := Range{Space: sp, Offset: x.off, Size: x.end - x.off, Kind: KindPadding, Parent: parent, Depth: depth, Leaf: true}
		if x.pad >= 0 {
			rg.Detail = fmt.Sprintf("0x%02x repeated", x.pad)
			if x.holes > 0 {
				rg.Name, rg.Detail = "hole", fmt.Sprintf("0x00 repeated; %d bytes of it are a hole that the file keeps no bytes for", x.holes)
			}
			b.addRange(rg)
		} else {
			for _, part := range b.split(sp, x.off, x.end) {
				rg.Offset, rg.Size, rg.Detail, rg.Name = part[0], part[1]-part[0], "", ""
				if b.unknown(&rg) {
					if first < 0 {
						first = rg.Offset
					}
					last = rg.Offset + rg.Size
				}
				b.addRange(rg)
			}
		}
		if x.end == to {
			break
		}
	}
	if last-first >= 16 { // less is a trailer or filling
		b.unread(sp, first, last-first, "data", fail(Unknown, "nothing recognised; only its strings can be read; ask the maker what it is"))
	}
}

// split parts a long run where plain and opaque bytes meet, by blocks of which at least four in a row must agree.
func (b *builder) split(sp int, off, end int64) [][2]int64 {
	const block, least = 16 << 10, 4
	if end-off < 2*least*block {
		return [][2]int64{{off, end}}
	}
	r := b.im.Spaces[sp].r
	out := [][2]int64{{off, end}}
	was, run, first := false, 0, true
	for at := off; at+block <= end && len(out) < 1000 && b.ctx.Err() == nil; at += block {
		now := measure(io.NewSectionReader(r, at, block), block).opaque()
		if first {
			was, first = now, false
		}
		if now == was {
			run = 0
			continue
		}
		if run++; run == least {
			cut := at - (least-1)*block
			out[len(out)-1][1] = cut
			out = append(out, [2]int64{cut, end})
			was, run = now, 0
		}
	}
	return out
}

// unknown says what a run without padding looks like. It reports whether it is data that nothing recognised; what looks
// encrypted it records as unread itself.
func (b *builder) unknown(rg *Range) bool {
	s := measure(io.NewSectionReader(b.im.Spaces[rg.Space].r, rg.Offset, rg.Size), rg.Size)
	switch {
	case s.text:
		rg.Kind = KindText
	case !s.opaque() && b.banner(rg): // a word alone does not make opaque bytes readable
	case !s.opaque() && b.cortexM(rg):
	case s.random():
		rg.Kind, rg.Detail = KindOpaque, "passes for random: encrypted, or a signature or key"
		b.unread(rg.Space, rg.Offset, rg.Size, "opaque data", fail(Encrypted, "no structure and passes for random, so most likely encrypted; ask the maker for the plain image"))
	case s.opaque():
		rg.Kind, rg.Detail = KindOpaque, "compressed in an unknown way, or obfuscated"
		b.unread(rg.Space, rg.Offset, rg.Size, "opaque data", fail(Encrypted, "near the greatest entropy without a known header: compressed in an unknown way, or obfuscated; ask the maker for the plain image"))
	default:
		rg.Kind = KindData
		return true
	}
	return false
}

func repeatHead(p []byte) int {
	n := 1
	for n < len(p) && p[n] == p[0] {
		n++
	}
	return n
}

func repeatTail(p []byte) int {
	n := 1
	for n < len(p) && p[len(p)-1-n] == p[len(p)-1] {
		n++
	}
	return n
}

// banners are words that say what code without a header is, and whether a number must follow; the first counts most.
var banners = []struct {
	mark    string
	kind    Kind
	version bool
}{
	{"Linux version ", "linux", true}, {"U-Boot ", "u-boot", true}, {"FreeRTOS V", "freertos", true}, {"Zephyr OS", "zephyr", false},
	{"VxWorks ", "vxworks", false}, {"ThreadX ", "threadx", false}, {"eCos ", "ecos", false}, {"RT-Thread ", "rt-thread", false}, {"NuttX", "nuttx", false},
}

// banner names code by the line that its start prints. Such code has been read as far as it can be: as strings.
func (b *builder) banner(rg *Range) bool {
	const window, overlap = 1 << 20, 256
	if rg.Size < 256 {
		return false
	}
	buf := make([]byte, min(rg.Size, window+overlap))
	best := len(banners)
	for off := int64(0); off < rg.Size && best > 0 && b.ctx.Err() == nil; off += window {
		n, _ := b.im.Spaces[rg.Space].r.ReadAt(buf[:min(int64(len(buf)), rg.Size-off)], rg.Offset+off)
		for i, w := range banners[:best] {
			if line := bannerLine(buf[:n], w.mark, w.version); line != "" {
				rg.Kind, rg.Name = w.kind, line
				best = i
				break
			}
		}
	}
	return best < len(banners)
}

// cortexM names the program of an Arm Cortex-M by its vector table (Armv7-M Architecture Reference Manual, B1.5): a stack
// in RAM, handlers in one program, and words that the architecture keeps for itself. As with other code, its strings are
// all that can be read of it.
func (b *builder) cortexM(rg *Range) bool {
	var t [64]byte
	if n, _ := b.im.Spaces[rg.Space].r.ReadAt(t[:], rg.Offset); n < len(t) || rg.Size < 1024 || rg.Size > 64<<20 {
		return false
	}
	word := func(i int) uint32 { return le.Uint32(t[4*i:]) }
	stack, reset := word(0), word(1)
	if stack < 0x10000000 || stack >= 0x40000000 || stack&3 != 0 || reset >= 0x20000000 || reset < 0x40 {
		return false
	}
	lo, hi := reset, reset
	for _, i := range []int{1, 2, 3, 11, 14, 15} { // reset, NMI, hard fault, calls to the system and its clock
		v := word(i)
		if v == 0 && i > 3 {
			continue
		}
		if v&1 == 0 {
			return false
		}
		lo, hi = min(lo, v), max(hi, v)
	}
	for _, i := range []int{8, 9, 10} {
		if word(i) != 0 {
			return false
		}
	}
	if int64(hi-lo) > rg.Size {
		return false
	}
	rg.Kind, rg.Detail = "cortex-m", fmt.Sprintf("program of an Arm Cortex-M: stack at 0x%08x, starts at 0x%08x", stack, reset&^1)
	return true
}

func bannerLine(data []byte, mark string, version bool) string {
	for {
		i := bytes.Index(data, []byte(mark))
		if i < 0 {
			return ""
		}
		line := data[i:min(i+160, len(data))]
		data = data[i+len(mark):]
		if end := bytes.IndexFunc(line, func(r rune) bool { return r < 0x20 || r >= 0x7f }); end >= 0 {
			line = line[:end]
		}
		if len(line) > len(mark) && (!version || digit(line[len(mark)])) {
			return string(line)
		}
	}
}

func digit(c byte) bool { return c >= '0' && c <= '9' }
