// Package separators finds the ends of fields and rows in delimited text, 64 bytes at a time, and tells in the same go
// whether the text holds anything that needs a closer look.
//
// It is for reading very long lists whose rows are plain, which nearly all are. It knows nothing of quotes or encodings:
// where there may be any it says so, and the caller reads the text in another way.
package separators

// Mark returns, for each 64 bytes of text, a word whose bit i is set where byte i is the separator or a line feed; the
// bits beyond the end are not set. It uses masks if it is large enough. It returns false, and the masks then say
// nothing, when the text holds a quote, a zero byte or a byte that is not ASCII, and on machines without the
// instructions.
func Mark(masks []uint64, text []byte, separator byte) ([]uint64, bool) {
	n := (len(text) + 63) / 64
	if !vectors {
		return masks[:0], false
	}
	if cap(masks) < n {
		masks = make([]uint64, n)
	}
	masks = masks[:n]
	whole := len(text) / 64
	if whole > 0 && mark(&masks[0], &text[0], whole, separator) {
		return masks, false
	}
	if whole == n {
		return masks, true
	}
	var last uint64
	for i, c := range text[64*whole:] {
		switch {
		case c == '"' || c == 0 || c >= 0x80:
			return masks, false
		case c == separator || c == '\n':
			last |= 1 << i
		}
	}
	masks[whole] = last
	return masks, true
}
