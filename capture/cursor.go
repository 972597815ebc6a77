package capture

// cursor reads big-endian fields of a message and never beyond its end: what is
// not there reads as zero, and bad says so.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) take(n int) []byte {
	if n < 0 || n > len(c.b) {
		c.bad, c.b = true, nil
		return nil
	}
	v := c.b[:n]
	c.b = c.b[n:]
	return v
}

func (c *cursor) u8() int {
	if v := c.take(1); v != nil {
		return int(v[0])
	}
	return 0
}

func (c *cursor) u16() int {
	if v := c.take(2); v != nil {
		return int(v[0])<<8 | int(v[1])
	}
	return 0
}

func (c *cursor) u24() int { return c.u8()<<16 | c.u16() }

func (c *cursor) u32() uint32 { return uint32(c.u16())<<16 | uint32(c.u16()) }

// sub is a cursor over the next n bytes.
func (c *cursor) sub(n int) cursor { return cursor{b: c.take(n), bad: c.bad} }

// text is a field of which the length stands before it in two bytes.
func (c *cursor) text() string { return string(c.take(c.u16())) }

// varint is a whole number of the form that MQTT uses: seven bits a byte, at most four bytes.
func (c *cursor) varint() int {
	v := 0
	for i := range 4 {
		b := c.u8()
		v |= b & 0x7f << (7 * i)
		if b&0x80 == 0 {
			return v
		}
	}
	c.bad = true
	return 0
}

// quicInt is a whole number of the form that QUIC uses: two bits say how many bytes.
func (c *cursor) quicInt() int {
	first := c.u8()
	v := uint64(first & 0x3f)
	for range 1<<(first>>6) - 1 {
		v = v<<8 | uint64(c.u8())
	}
	if v > 1<<30 {
		c.bad = true
		return 0
	}
	return int(v)
}
