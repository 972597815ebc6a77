package device

import "golang.org/x/crypto/cryptobyte"

// SNMP, RFC 1157 and RFC 3416, by hand: one GET of two objects, and the
// question by which SNMPv3 begins.

// snmpGet asks for sysDescr and sysName in SNMPv2c.
func snmpGet(community string, id uint32) []byte {
	var b cryptobyte.Builder
	const sequence = 0x30
	b.AddASN1(sequence, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		b.AddASN1OctetString([]byte(community))
		addGet(b, id)
	})
	return b.BytesOrPanic()
}

// addGet adds a GET of sysDescr and sysName.
func addGet(b *cryptobyte.Builder, id uint32) {
	const sequence, get = 0x30, 0xa0
	b.AddASN1(get, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(int64(id & 0x7fffffff))
		b.AddASN1Int64(0)
		b.AddASN1Int64(0)
		b.AddASN1(sequence, func(b *cryptobyte.Builder) {
			for _, last := range []byte{1, 5} { // 1.3.6.1.2.1.1.1.0 and .5.0
				b.AddASN1(sequence, func(b *cryptobyte.Builder) {
					b.AddASN1(6, func(b *cryptobyte.Builder) { b.AddBytes([]byte{0x2b, 6, 1, 2, 1, 1, last, 0}) })
					b.AddASN1NULL()
				})
			}
		})
	})
}

// parseSNMP reads a response: the texts of the objects that were asked for.
func parseSNMP(b []byte) (texts []string, ok bool) {
	in := cryptobyte.String(b)
	var message, pdu, list, community cryptobyte.String
	var version, id, status, index int64
	if !in.ReadASN1(&message, 0x30) || !message.ReadASN1Integer(&version) || version < 0 || version > 1 || !message.ReadASN1(&community, 4) ||
		!message.ReadASN1(&pdu, 0xa2) || !pdu.ReadASN1Integer(&id) || !pdu.ReadASN1Integer(&status) || !pdu.ReadASN1Integer(&index) || !pdu.ReadASN1(&list, 0x30) {
		return nil, false
	}
	for range 8 {
		var pair, name, text cryptobyte.String
		if list.Empty() || !list.ReadASN1(&pair, 0x30) || !pair.ReadASN1(&name, 6) {
			break
		}
		if pair.ReadASN1(&text, 4) && len(text) > 0 {
			texts = append(texts, printable(text, 200))
		}
	}
	return texts, true
}

// snmpDiscover asks an agent of SNMPv3 for its engine (RFC 3414 4), which it tells
// to anybody: so an agent shows itself that knows none of the communities tried.
func snmpDiscover() []byte {
	const sequence, get = 0x30, 0xa0
	empty := func(b *cryptobyte.Builder) { b.AddASN1OctetString(nil) }
	var b cryptobyte.Builder
	b.AddASN1(sequence, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(3)
		b.AddASN1(sequence, func(b *cryptobyte.Builder) {
			b.AddASN1Int64(0x4153)
			b.AddASN1Int64(65507)
			b.AddASN1OctetString([]byte{4}) // reportable
			b.AddASN1Int64(3)               // user-based security
		})
		b.AddASN1(4, func(b *cryptobyte.Builder) {
			b.AddASN1(sequence, func(b *cryptobyte.Builder) {
				empty(b)
				b.AddASN1Int64(0)
				b.AddASN1Int64(0)
				empty(b)
				empty(b)
				empty(b)
			})
		})
		b.AddASN1(sequence, func(b *cryptobyte.Builder) {
			empty(b)
			empty(b)
			b.AddASN1(get, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(0x4153)
				b.AddASN1Int64(0)
				b.AddASN1Int64(0)
				b.AddASN1(sequence, func(*cryptobyte.Builder) {})
			})
		})
	})
	return b.BytesOrPanic()
}

// isSNMPv3 reports a message of SNMPv3 with our own number in it.
func isSNMPv3(b []byte) bool {
	in := cryptobyte.String(b)
	var message, header cryptobyte.String
	var version, id int64
	return in.ReadASN1(&message, 0x30) && message.ReadASN1Integer(&version) && version == 3 && message.ReadASN1(&header, 0x30) && header.ReadASN1Integer(&id) && id == 0x4153
}
