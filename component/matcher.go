package component

// A matcher finds all anchors of the signatures in one pass (Aho and Corasick's automaton, as a table of transitions over
// the bytes that occur in anchors).
type matcher struct {
	class   [256]uint8
	classes int
	begins  [256]bool // bytes with which an anchor begins
	next    []uint16  // state*classes + class
	out     []int32   // by state: first of its list in outs, -1 for none
	outs    []output
}

type output struct {
	sig    *signature
	length int
	more   int32 // the next of the list, -1 at its end
}

func newMatcher(sigs []signature) *matcher {
	m := &matcher{classes: 1}
	for i := range sigs {
		for _, b := range []byte(sigs[i].anchor) {
			if m.class[b] == 0 {
				m.class[b] = uint8(m.classes)
				m.classes++
			}
		}
	}
	row := func() []uint16 { return make([]uint16, m.classes) }
	m.next = row()
	m.out = []int32{-1}
	for i := range sigs {
		s := 0
		if sigs[i].anchor == "" {
			continue
		}
		m.begins[sigs[i].anchor[0]] = true
		for _, b := range []byte(sigs[i].anchor) {
			at := s*m.classes + int(m.class[b])
			if m.next[at] == 0 {
				m.next[at] = uint16(len(m.out))
				m.next = append(m.next, row()...)
				m.out = append(m.out, -1)
			}
			s = int(m.next[at])
		}
		m.outs = append(m.outs, output{&sigs[i], len(sigs[i].anchor), m.out[s]})
		m.out[s] = int32(len(m.outs) - 1)
	}
	m.fail()
	return m
}

// fail turns the tree of anchors into an automaton.
func (m *matcher) fail() {
	fail := make([]int, len(m.out))
	var queue []int
	for c := 0; c < m.classes; c++ {
		if s := int(m.next[c]); s != 0 {
			queue = append(queue, s)
		}
	}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		if m.out[s] < 0 {
			m.out[s] = m.out[fail[s]]
		} else {
			last := m.out[s]
			for m.outs[last].more >= 0 {
				last = m.outs[last].more
			}
			m.outs[last].more = m.out[fail[s]]
		}
		for c := 0; c < m.classes; c++ {
			at := s*m.classes + c
			to := int(m.next[fail[s]*m.classes+c])
			if t := int(m.next[at]); t != 0 {
				fail[t] = to
				queue = append(queue, t)
			} else {
				m.next[at] = uint16(to)
			}
		}
	}
}

// each calls found with every signature whose anchor occurs, and where it begins.
func (m *matcher) each(data []byte, found func(sig *signature, start int)) {
	s := 0
	for i := 0; i < len(data); i++ {
		if s == 0 { // most bytes begin no anchor
			for i < len(data) && !m.begins[data[i]] {
				i++
			}
			if i == len(data) {
				return
			}
		}
		s = int(m.next[s*m.classes+int(m.class[data[i]])])
		for o := m.out[s]; o >= 0; o = m.outs[o].more {
			found(m.outs[o].sig, i+1-m.outs[o].length)
		}
	}
}
