package capture

// snmp reads SNMP: the community of versions 1 and 2c is all that lets one in.
type snmp struct{ last *Credential }

// ber reads one element of BER.
func (c *cursor) ber() (tag int, body []byte) {
	tag = c.u8()
	n := c.u8()
	if n&0x80 != 0 {
		count := n & 0x7f
		if count == 0 || count > 3 {
			c.bad = true
			return 0, nil
		}
		n = 0
		for range count {
			n = n<<8 | c.u8()
		}
	}
	return tag, c.take(n)
}

func (r *snmp) datagram(t *tracker, f *flow, from side, b []byte) {
	c := cursor{b: b}
	tag, whole := c.ber()
	if tag != 0x30 || c.bad {
		return
	}
	m := cursor{b: whole}
	tag, version := m.ber()
	if tag != 2 || len(version) != 1 || version[0] > 3 {
		return
	}
	f.label, f.guard = "snmp", Clear
	name := map[byte]string{0: "SNMP 1", 1: "SNMP 2c", 2: "SNMP 2u", 3: "SNMP 3"}[version[0]]
	t.detail(f, from, "version", name)
	if version[0] == 3 {
		r.version3(t, f, from, m)
		return
	}
	_, community := m.ber()
	if m.bad || len(m.b) == 0 {
		return
	}
	pdu := m.b[0]
	switch {
	case pdu == 0xa2 || pdu == 0xa8: // an answer: the community was the right one
		f.dir(from.other())
		if r.last == nil {
			r.last = t.credential(f, Credential{Kind: "community", How: name, Secret: Secret(community)})
		}
		t.answer(r.last, Accepted, "it answered")
	case pdu >= 0xa0 && pdu <= 0xa8:
		if r.last == nil || r.last.Secret != Secret(community) {
			r.last = t.credential(f, Credential{Kind: "community", How: name, Secret: Secret(community)})
		}
		if pdu == 0xa3 {
			t.detail(f, from, "request", "sets a value")
		}
	}
}

func (r *snmp) version3(t *tracker, f *flow, from side, m cursor) {
	_, global := m.ber()
	_, security := m.ber()
	g := cursor{b: global}
	g.ber()
	g.ber()
	_, flags := g.ber()
	if m.bad || g.bad || len(flags) != 1 {
		return
	}
	s := cursor{b: security}
	_, params := s.ber()
	u := cursor{b: params}
	u.ber()
	u.ber()
	u.ber()
	_, user := u.ber()
	how := map[byte]string{0: "neither authenticated nor encrypted", 1: "authenticated, not encrypted", 3: "authenticated and encrypted"}[flags[0]&3]
	if flags[0]&2 != 0 {
		f.guard = Encrypted
	}
	t.detail(f, from, "security", how)
	if len(user) > 0 && !u.bad {
		t.detail(f, from, "user", string(user))
	}
}
