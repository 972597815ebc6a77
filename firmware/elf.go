package firmware

import (
	"debug/elf"
	"fmt"
)

// parseELF finds the end of an ELF file by its tables.
func parseELF(b *builder, s section) (*piece, error) {
	h, err := s.bytes(0, 64)
	if err != nil {
		return nil, err
	}
	f, err := elf.NewFile(s.reader(0))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	end := int64(64)
	for _, p := range f.Progs {
		if p.Filesz < 1<<40 && p.Off < 1<<40 {
			end = max(end, int64(p.Off+p.Filesz))
		}
	}
	for _, x := range f.Sections {
		if x.Type != elf.SHT_NOBITS && x.FileSize < 1<<40 && x.Offset < 1<<40 {
			end = max(end, int64(x.Offset+x.FileSize))
		}
	}
	at, width, count := int64(f.ByteOrder.Uint32(h[32:])), int64(f.ByteOrder.Uint16(h[46:])), int64(f.ByteOrder.Uint16(h[48:]))
	if f.Class == elf.ELFCLASS64 {
		at, width, count = int64(f.ByteOrder.Uint64(h[40:])), int64(f.ByteOrder.Uint16(h[58:])), int64(f.ByteOrder.Uint16(h[60:]))
	}
	if at > 0 && at < 1<<40 {
		end = max(end, at+width*count)
	}
	p := &piece{kind: "elf", size: end, detail: fmt.Sprintf("ELF, %s, %s, %s", f.Class, f.Machine, f.Type)}
	return p.cut(s), nil
}
