package firmware

import (
	"bytes"
	"io"
	"slices"
)

// A format is one kind of thing that may start anywhere, or only at the start of a range.
type format struct {
	kind     Kind
	at       int64    // where the magic stands, from the start of the thing
	magic    []string // any of these
	anchored bool     // only at the start of a range: the magic is too short or too common to look for anywhere
	stream   bool     // a compressed stream or an archive, common as a file of a device's own
	align    int64    // only at multiples of this in the space; 0 means 1
	parse    func(b *builder, s section) (*piece, error)

	// starts gives the places where the thing may start that has its magic at hit; without it that is at before it.
	starts func(r io.ReaderAt, hit, from int64) []int64
}

func (f *format) matches(r io.ReaderAt, from, to int64) bool {
	var p [maxMagic]byte
	if from+f.at >= to {
		return false
	}
	n, _ := r.ReadAt(p[:min(maxMagic, to-from-f.at)], from+f.at)
	return slices.ContainsFunc(f.magic, func(m string) bool { return bytes.HasPrefix(p[:n], []byte(m)) })
}

// magicIndex finds magics by one pair of their bytes.
type magicIndex struct {
	first  [1 << 16]uint8 // by pair, the group of magics; 0 for none
	groups [][]magicRef
}

type magicRef struct {
	magic  []byte
	pair   int // where in it the pair stands
	format int
}

const maxMagic = 20

// index builds the one pass over all formats that may stand anywhere. The rarest-looking pair of each magic is taken:
// flash is full of zeros and ones.
func index(fs []format) *magicIndex {
	x := &magicIndex{groups: make([][]magicRef, 1)}
	for i, f := range fs {
		if f.anchored {
			continue
		}
		for _, m := range f.magic {
			best, most := 0, -1
			for j := 0; j+1 < len(m); j++ {
				score := 0
				for _, c := range m[j : j+2] {
					if c != 0 && c != 0xff && c != 1 {
						score += 2
					}
				}
				if m[j] != m[j+1] {
					score++
				}
				if score > most {
					best, most = j, score
				}
			}
			c := uint16(m[best])<<8 | uint16(m[best+1])
			if x.first[c] == 0 {
				x.first[c] = uint8(len(x.groups))
				x.groups = append(x.groups, nil)
			}
			x.groups[x.first[c]] = append(x.groups[x.first[c]], magicRef{[]byte(m), best, i})
		}
	}
	return x
}
