package firmware

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Intel HEX (the Hexadecimal Object File Format Specification of 1988), Motorola S-records and UF2: text or blocks that
// say for each run of bytes where in memory it goes. Each run in one piece becomes a space.

type memory struct {
	runs []memoryRun
	size int64
	max  int64
}

type memoryRun struct {
	at   uint32
	data []byte
}

func (m *memory) put(at uint32, data []byte) error {
	if m.size += int64(len(data)); m.size > m.max {
		return fail(Limit, "it unpacks to more than %d bytes; raise Limits.Memory", m.max)
	}
	if n := len(m.runs); n > 0 && uint64(m.runs[n-1].at)+uint64(len(m.runs[n-1].data)) == uint64(at) {
		m.runs[n-1].data = append(m.runs[n-1].data, data...)
		return nil
	}
	if len(m.runs) > 10_000 {
		return fail(Limit, "it has more than 10000 runs; convert it by hand")
	}
	m.runs = append(m.runs, memoryRun{at, bytes.Clone(data)})
	return nil
}

func (m *memory) piece(kind Kind, size int64, detail string, err error) *piece {
	p := &piece{kind: kind, size: size}
	slices.SortStableFunc(m.runs, func(a, b memoryRun) int { return cmp.Compare(a.at, b.at) })
	total := 0
	for _, r := range m.runs {
		total += len(r.data)
		p.views = append(p.views, view{fmt.Sprintf("memory from 0x%x", r.at), section{bytes.NewReader(r.data), int64(len(r.data))}})
	}
	p.detail = fmt.Sprintf("%s, %d bytes in %d runs", detail, total, len(m.runs))
	if err != nil {
		p.note(string(kind), size, 0, err)
	}
	return p
}

// hexLines hands every line to take until it says stop or a line is no record. It returns the bytes that were records.
func hexLines(b *builder, s section, mark byte, take func(line string) (stop bool, err error)) (used int64, err error) {
	r := bufio.NewReaderSize(s.reader(0), 64<<10)
	for n := 0; ; n++ {
		if n&0xfff == 0 && b.stopped() != nil {
			return used, b.stopped()
		}
		line, err := r.ReadSlice('\n')
		if len(line) == 0 || line[0] != mark {
			if n == 0 {
				return 0, fmt.Errorf("no record")
			}
			return used, fail(Truncated, "it has no end record; get a whole copy of the image")
		}
		text := strings.TrimRight(string(line), "\r\n")
		if err != nil && err != io.EOF {
			return used, fail(Corrupt, "line %d is no record; get a fresh copy of the image", n+1)
		}
		stop, terr := take(text)
		if terr != nil {
			return used, fmt.Errorf("line %d: %w", n+1, terr)
		}
		used += int64(len(line))
		if stop {
			return used, nil
		}
	}
}

func parseIntelHex(b *builder, s section) (*piece, error) {
	m := &memory{max: b.lim.Memory - b.held}
	base := uint32(0)
	used, err := hexLines(b, s, ':', func(line string) (bool, error) {
		p, err := hex.DecodeString(line[1:])
		sum := byte(0)
		for _, c := range p {
			sum += c
		}
		if err != nil || len(p) < 5 || len(p) != 5+int(p[0]) || sum != 0 {
			return false, fail(Corrupt, "a record is damaged; get a fresh copy of the image")
		}
		data := p[4 : len(p)-1]
		switch p[3] {
		case 0:
			return false, m.put(base+uint32(be.Uint16(p[1:])), data)
		case 1:
			return true, nil
		case 2, 4:
			if len(data) != 2 {
				return false, fail(Corrupt, "a record is damaged; get a fresh copy of the image")
			}
			base = uint32(be.Uint16(data)) << map[byte]uint{2: 4, 4: 16}[p[3]]
		}
		return false, nil
	})
	if used == 0 {
		return nil, err
	}
	return m.piece("intel-hex", used, "Intel HEX", err), nil
}

func parseSRecord(b *builder, s section) (*piece, error) {
	m := &memory{max: b.lim.Memory - b.held}
	records, counted := 0, false
	used, err := hexLines(b, s, 'S', func(line string) (bool, error) {
		bad := fail(Corrupt, "a record is damaged; get a fresh copy of the image")
		if len(line) < 4 || line[1] < '0' || line[1] > '9' {
			return false, bad
		}
		p, err := hex.DecodeString(line[2:])
		if err != nil || len(p) < 3 || int(p[0]) != len(p)-1 {
			return false, bad
		}
		sum := byte(0)
		for _, c := range p {
			sum += c
		}
		wide := map[byte]int{'1': 2, '2': 3, '3': 4}[line[1]]
		if sum != 0xff || len(p) < 2+wide {
			return false, bad
		}
		if wide > 0 {
			at := uint32(0)
			for _, c := range p[1 : 1+wide] {
				at = at<<8 | uint32(c)
			}
			records++
			return false, m.put(at, p[1+wide:len(p)-1])
		}
		if line[1] == '5' && len(p) == 4 { // how many records came before; some writers end with it
			counted = int(be.Uint16(p[1:])) == records&0xffff
		}
		return line[1] >= '7', nil
	})
	if used == 0 {
		return nil, err
	}
	if counted && err != nil && asProblem(err).reason == Truncated {
		err = nil
	}
	return m.piece("s-record", used, "Motorola S-records", err), nil
}

// parseUF2 reads Microsoft's USB flashing format: blocks of 512 bytes.
func parseUF2(b *builder, s section) (*piece, error) {
	m := &memory{max: b.lim.Memory - b.held}
	off, total, seen := int64(0), uint32(0), uint32(0)
	family := ""
	var err error
	for {
		if off&0xfffff == 0 && b.stopped() != nil {
			return nil, b.stopped()
		}
		p, rerr := s.bytes(off, 512)
		if rerr != nil || string(p[:4]) != "UF2\n" || le.Uint32(p[4:]) != 0x9e5d5157 || le.Uint32(p[508:]) != 0x0ab16f30 {
			break
		}
		size := le.Uint32(p[16:])
		if size > 476 {
			err = fail(Corrupt, "a block of %d bytes at 0x%x; get a fresh copy of the image", size, off)
			break
		}
		total = max(total, le.Uint32(p[24:]))
		seen++
		off += 512
		flags := le.Uint32(p[8:])
		if flags&0x2000 != 0 {
			family = fmt.Sprintf(", family 0x%08x", le.Uint32(p[28:]))
		}
		if flags&1 == 0 { // meant for the main flash
			if err = m.put(le.Uint32(p[12:]), p[32:32+size]); err != nil {
				break
			}
		}
	}
	if off == 0 {
		return nil, fmt.Errorf("no block")
	}
	if err == nil && seen < total {
		err = fail(Truncated, "%d of %d blocks are there; get a whole copy of the image", seen, total)
	}
	return m.piece("uf2", off, "UF2"+family, err), nil
}
