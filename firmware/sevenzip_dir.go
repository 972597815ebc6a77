package firmware

// sevenCursor reads a directory; reading on past its end sets bad and gives zeros.
type sevenCursor struct {
	p    []byte
	most int64 // files or folders that may be made; the directory may claim more than it needs bytes for
	bad  bool
}

// count reads how many of something follow.
func (c *sevenCursor) count() int {
	n := c.number()
	if n > min(c.most, int64(len(c.p))+1) {
		c.bad = true
		return 0
	}
	return int(n)
}

func (c *sevenCursor) take(n int64) []byte {
	if n < 0 || n > int64(len(c.p)) {
		c.bad, c.p = true, nil
		return nil
	}
	out := c.p[:n]
	c.p = c.p[n:]
	return out
}

func (c *sevenCursor) byte() byte {
	if p := c.take(1); p != nil {
		return p[0]
	}
	return 0
}

// number reads a number whose first byte tells by its leading ones how many follow.
func (c *sevenCursor) number() int64 {
	first := c.byte()
	v := uint64(0)
	mask := byte(0x80)
	for i := range 8 {
		if first&mask == 0 {
			v |= uint64(first&(mask-1)) << (8 * i)
			break
		}
		v |= uint64(c.byte()) << (8 * i)
		mask >>= 1
	}
	if v > 1<<48 {
		c.bad = true
		return 0
	}
	return int64(v)
}

func (c *sevenCursor) bits(n int) []bool {
	p := c.take(int64(n+7) / 8)
	if p == nil {
		return nil
	}
	out := make([]bool, n)
	for i := range out {
		out[i] = p[i/8]&(0x80>>(i%8)) != 0
	}
	return out
}

// defined reads which of n values are there.
func (c *sevenCursor) defined(n int) []bool {
	if c.byte() == 0 {
		return c.bits(n)
	}
	if n > len(c.p) { // each has at least four bytes
		c.bad = true
		return nil
	}
	out := make([]bool, n)
	for i := range out {
		out[i] = true
	}
	return out
}

// each reads values of some width for those of n that have one.
func (c *sevenCursor) each(n, width int, use func(i int, x []byte)) {
	on := c.defined(n)
	if c.byte() != 0 {
		c.bad = true
	}
	for i := range on {
		if on[i] {
			if x := c.take(int64(width)); x != nil {
				use(i, x)
			}
		}
	}
}

// streams reads where the packed streams lie and how they are packed.
func (z *sevenZip) streams(c *sevenCursor) (folders []sevenFolder, err error) {
	var packed []int64
	pos := int64(0)
	for !c.bad {
		switch c.byte() {
		case 0:
			return folders, nil
		case 6:
			pos = c.number()
			if packed, err = c.packed(); err != nil {
				return nil, err
			}
		case 7:
			if folders, err = c.folders(z.s, pos, packed); err != nil {
				return nil, err
			}
		case 8:
			if err := c.parts(folders); err != nil {
				return nil, err
			}
		default:
			return nil, errSeven
		}
	}
	return nil, errSeven
}

func (c *sevenCursor) packed() (sizes []int64, err error) {
	n := c.count()
	for !c.bad {
		switch c.byte() {
		case 0:
			return sizes, nil
		case 9:
			for range n {
				sizes = append(sizes, c.number())
			}
		case 10:
			for _, on := range c.defined(n) {
				if on {
					c.take(4)
				}
			}
		default:
			return nil, errSeven
		}
	}
	return nil, errSeven
}

func (c *sevenCursor) folders(s section, pos int64, packed []int64) ([]sevenFolder, error) {
	if c.byte() != 0x0b {
		return nil, errSeven
	}
	n := c.count()
	if c.byte() != 0 || c.bad {
		return nil, errSeven
	}
	folders := make([]sevenFolder, n)
	for i := range folders {
		f := &folders[i]
		streams := f.read(c)
		if c.bad || streams < 1 || streams > int64(len(packed)) {
			return nil, errSeven
		}
		f.raw = s.sub(pos, packed[0])
		for range streams {
			pos += packed[0]
			packed = packed[1:]
		}
	}
	if c.byte() != 0x0c {
		return nil, errSeven
	}
	for i := range folders {
		f := &folders[i]
		for k := range f.sizes {
			f.sizes[k] = c.number()
		}
		f.order()
		f.files = []sevenPart{{size: f.size}}
	}
	for !c.bad {
		switch c.byte() {
		case 0:
			return folders, nil
		case 10:
			for i, on := range c.defined(len(folders)) {
				if on {
					if x := c.take(4); x != nil {
						folders[i].sum, folders[i].summed = le.Uint32(x), true
						folders[i].files[0].sum, folders[i].files[0].summed = le.Uint32(x), true
					}
				}
			}
		default:
			return nil, errSeven
		}
	}
	return nil, errSeven
}

// read reads the coders of a folder and returns the number of packed streams that they take.
func (f *sevenFolder) read(c *sevenCursor) int64 {
	coders := c.number()
	if coders < 1 || coders > 16 {
		c.bad = true
		return 0
	}
	ins, outs := int64(0), int64(0)
	for range coders {
		flag := c.byte()
		x := sevenCoder{}
		for _, b := range c.take(int64(flag & 15)) {
			x.id = x.id<<8 | uint64(b)
		}
		in, out := int64(1), int64(1)
		if flag&0x10 != 0 {
			in, out = c.number(), c.number()
		}
		if in < 1 || in > 16 || out < 1 || out > 16 {
			c.bad = true
			return 0
		}
		if in != 1 || out != 1 {
			f.bad = fail(Unsupported, "it is packed with a filter of several streams (BCJ2); unpack it with 7z and give the folder")
		}
		ins, outs = ins+in, outs+out
		if flag&0x20 != 0 {
			x.props = c.take(c.number())
		}
		f.coders = append(f.coders, x)
	}
	f.sizes = make([]int64, outs)
	from := map[int64]int64{} // by the coder that takes it, the coder that gives it
	for range outs - 1 {
		in, out := c.number(), c.number()
		from[in] = out
	}
	if ins-(outs-1) > 1 {
		for range ins - (outs - 1) {
			c.number()
		}
	}
	taken := map[int64]bool{}
	for _, out := range from {
		taken[out] = true
	}
	for i := range outs { // the one whose output nobody takes is the last
		if !taken[i] {
			f.last = i
		}
	}
	if f.bad == nil {
		f.chain(from)
	}
	return ins - (outs - 1)
}

// chain keeps the order of the coders, from the packed stream to the contents, in their sizes for the time being.
func (f *sevenFolder) chain(from map[int64]int64) {
	var order []int64
	for at := f.last; at >= 0 && at < int64(len(f.coders)) && len(order) <= len(f.coders); {
		order = append(order, at)
		next, ok := from[at]
		if !ok {
			break
		}
		at = next
	}
	if len(order) != len(f.coders) {
		f.bad = errSeven
		return
	}
	for rank, at := range order {
		f.coders[at].size = int64(len(order) - 1 - rank)
	}
}

// order puts the coders in the order of unpacking and gives each the size of its output.
func (f *sevenFolder) order() {
	if f.bad != nil {
		f.size = f.sizes[f.last]
		return
	}
	sorted := make([]sevenCoder, len(f.coders))
	for i, x := range f.coders {
		rank := x.size
		x.size = f.sizes[i]
		sorted[rank] = x
	}
	f.coders = sorted
	f.size = sorted[len(sorted)-1].size
}

// parts reads how the contents of each folder are cut into files.
func (c *sevenCursor) parts(folders []sevenFolder) error {
	typ := c.byte()
	if typ == 0x0d {
		for i := range folders {
			n := c.count()
			if c.most -= int64(n); c.bad {
				return errSeven
			}
			if n != 1 {
				folders[i].files = make([]sevenPart, n)
			}
		}
		typ = c.byte()
	}
	for i := range folders {
		f := &folders[i]
		left := f.size
		for k := range f.files {
			if k == len(f.files)-1 {
				f.files[k].size = left
				break
			}
			if typ == 9 {
				f.files[k].size = c.number()
			}
			if left -= f.files[k].size; left < 0 {
				return errSeven
			}
		}
	}
	if typ == 9 {
		typ = c.byte()
	}
	if typ == 10 {
		var want []*sevenPart
		for i := range folders {
			for k := range folders[i].files {
				if x := &folders[i].files[k]; !x.summed {
					want = append(want, x)
				}
			}
		}
		for i, on := range c.defined(len(want)) {
			if on {
				if x := c.take(4); x != nil {
					want[i].sum, want[i].summed = le.Uint32(x), true
				}
			}
		}
		typ = c.byte()
	}
	if typ != 0 || c.bad {
		return errSeven
	}
	return nil
}
