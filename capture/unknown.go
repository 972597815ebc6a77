package capture

import (
	"fmt"
	"math"
)

// Sample is what can be measured of a payload that is not understood. It is a
// measure, not a finding: compressed and encrypted bytes look alike, and short
// samples say little.
type Sample struct {
	Bytes     int     `json:"bytes"`
	Entropy   float64 `json:"entropy"`   // bits a byte, of the sample
	Printable float64 `json:"printable"` // share of the bytes
	Looks     string  `json:"looks"`
}

// sample counts the bytes of one flow.
type sample struct {
	n      int
	counts [256]uint16
}

// leastSample is how many bytes it takes to say what they look like.
const leastSample = 64

// maxSample bounds how many bytes of a flow are counted.
const maxSample = 8 << 10

func (s *sample) add(b []byte) {
	b = b[:min(len(b), maxSample-s.n)]
	for _, c := range b {
		s.counts[c]++
	}
	s.n += len(b)
}

func measure(b []byte) *Sample {
	var s sample
	s.add(b)
	return s.measure()
}

func (s *sample) measure() *Sample {
	out := &Sample{Bytes: s.n}
	text, spaces := 0, 0
	for c, n := range s.counts {
		if n == 0 {
			continue
		}
		p := float64(n) / float64(s.n)
		out.Entropy -= p * math.Log2(p)
		if c >= ' ' && c < 0x7f || c == '\n' || c == '\r' || c == '\t' {
			text += int(n)
		}
		if c == ' ' || c == '"' || c == '<' || c == ':' {
			spaces += int(n)
		}
	}
	out.Entropy = math.Round(out.Entropy*100) / 100
	if s.n > 0 {
		out.Printable = math.Round(float64(text)/float64(s.n)*1000) / 1000
	}
	// The most that so few bytes can show: random bytes come within about a tenth of it.
	most := math.Log2(float64(min(max(s.n, 1), 256)))
	switch {
	case s.n < leastSample:
		out.Looks = "too little to say"
	case out.Printable >= 0.95 && spaces*20 > s.n:
		out.Looks = "text"
	case out.Printable >= 0.95:
		out.Looks = "printable, such as text or encoded bytes"
	case s.n >= 256 && out.Entropy >= 7.2 && out.Entropy >= most*0.9:
		out.Looks = "encrypted or compressed: which of them cannot be told"
	case out.Printable >= 0.6:
		out.Looks = "binary with readable parts"
	default:
		out.Looks = "binary, neither clearly readable nor clearly encrypted"
	}
	return out
}

// text reports whether what was counted looks like text.
func (s *sample) text() bool { return s.n >= leastSample && s.measure().Looks == "text" }

// join keeps the larger of two samples.
func (o *Sample) join(s *sample) *Sample {
	if o != nil && o.Bytes >= s.n {
		return o
	}
	return s.measure()
}

func (o *Sample) String() string {
	return fmt.Sprintf("%s (%.1f bits a byte, %.0f%% printable, of %d bytes)", o.Looks, o.Entropy, o.Printable*100, o.Bytes)
}

// unknownReader samples what nobody understands.
type unknownReader struct{}

func (r *unknownReader) gap(*tracker, *flow, side) {}

func (r *unknownReader) read(t *tracker, f *flow, from side, b []byte) int {
	t.unknown(f, b)
	if f.samples.n >= maxSample {
		t.stop(f)
	}
	return len(b)
}

// unknown counts bytes of a flow that is not understood.
func (t *tracker) unknown(f *flow, b []byte) {
	if f.samples == nil {
		if f.samples, f.spare = f.spare, nil; f.samples == nil {
			f.samples = &sample{}
		}
	}
	f.samples.add(b)
	f.label, f.guard = "unknown", Unknown
}
