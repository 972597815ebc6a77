package capture

// dtlsReader reads the handshake of DTLS, datagram by datagram.
type dtlsReader struct {
	s     *TLS
	parts [2]map[int][]byte // messages that are not whole yet, by number
	ended [2]bool
	count int
}

// looksDTLS reports whether a datagram is records of DTLS to its end.
func looksDTLS(b []byte) bool {
	for first := true; len(b) > 0; first = false {
		if len(b) < 13 {
			return false
		}
		version, n := int(b[1])<<8|int(b[2]), int(b[11])<<8|int(b[12])
		if b[0] < 20 || b[0] > 26 || version != 0xfeff && version != 0xfefd && version != 0x0100 || n == 0 || 13+n > len(b) {
			return !first
		}
		b = b[13+n:]
	}
	return true
}

func (r *dtlsReader) datagram(t *tracker, f *flow, from side, b []byte) {
	f.label = "dtls"
	if f.guard == "" {
		f.guard = Unknown
	}
	if !looksDTLS(b) { // STUN and media share its ports
		return
	}
	if r.count++; r.count > 64 {
		t.stop(f)
		return
	}
	for len(b) >= 13 {
		n := int(b[11])<<8 | int(b[12])
		if 13+n > len(b) {
			return
		}
		kind, epoch, body := b[0], int(b[3])<<8|int(b[4]), b[13:13+n]
		version := uint16(b[1])<<8 | uint16(b[2])
		b = b[13+n:]
		switch {
		case epoch > 0:
			f.guard = Encrypted
			r.ended[from] = true
			if r.ended[0] && r.ended[1] {
				if r.s != nil && r.s.Version != "" {
					r.s.Complete = true
				}
				t.stop(f)
				return
			}
		case kind == 21 && len(body) == 2:
			tr := tlsReader{s: r.session(t, f)}
			tr.alert(t, f, from, version, body)
		case kind == 22:
			r.handshake(t, f, from, body)
		}
	}
}

func (r *dtlsReader) session(t *tracker, f *flow) *TLS {
	if r.s == nil {
		r.s = &TLS{At: t.mark(), Count: 1}
		if x := f.need(); t.note(f, r.s.size()) {
			x.TLS = append(x.TLS, r.s)
		}
	}
	return r.s
}

func (r *dtlsReader) handshake(t *tracker, f *flow, from side, b []byte) {
	for len(b) >= 12 {
		c := cursor{b: b}
		kind, total, number, at, n := c.u8(), c.u24(), c.u16(), c.u24(), c.u24()
		body := c.take(n)
		b = c.b
		if c.bad || total > 16<<10 || at+n > total {
			return
		}
		if at != 0 || n != total { // in pieces: they come in order nearly always, and are dropped where not
			if r.parts[from] == nil {
				r.parts[from] = map[int][]byte{}
			}
			if len(r.parts[from]) > 8 || len(r.parts[from][number]) != at || !t.keep(f, len(body)) {
				continue
			}
			r.parts[from][number] = append(r.parts[from][number], body...)
			if len(r.parts[from][number]) < total {
				continue
			}
			body = r.parts[from][number]
			delete(r.parts[from], number)
		}
		r.message(t, f, from, kind, body)
	}
}

func (r *dtlsReader) message(t *tracker, f *flow, from side, kind int, b []byte) {
	switch kind {
	case 1:
		if h, ok := readHello(b, true); ok {
			f.guard, f.client = Encrypted, from
			s := r.session(t, f)
			h.fill(s, 'd')
			if s.SNI != "" {
				t.hosts.name(f.end(from.other()).Addr(), s.SNI, "sni")
			}
		}
	case 2:
		f.guard = Encrypted
		s := r.session(t, f)
		if s.Version == "" {
			readServerHello(b, s)
		}
	case 11:
		if s := r.session(t, f); from != f.client && len(s.Chain) == 0 {
			readCertificates(b, s)
		}
	case 13:
		r.session(t, f).Mutual = true
	}
}
