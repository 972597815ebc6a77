package firmware

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
)

// U-Boot's stored environment (doc/usage/environment.rst): a CRC-32, with two copies also a byte of flags, then
// name=value lines that end in zeros, up to the size of the block. Only the checksum tells where it starts and ends.

var envSizes = []int64{0x1000, 0x2000, 0x4000, 0x8000, 0x10000, 0x20000, 0x40000, 0x800, 0x400}

// envStart walks back from a variable to where the block may start: to the first byte that no text would hold.
func envStart(r io.ReaderAt, hit, from int64) []int64 {
	const most = 64 << 10
	lo := max(from, hit-most)
	p := make([]byte, hit-lo)
	if n, _ := r.ReadAt(p, lo); n < len(p) {
		return nil
	}
	i := len(p)
	for i > 0 && (p[i-1] >= 0x20 && p[i-1] < 0x7f || p[i-1] == '\n' || p[i-1] == '\t' || p[i-1] == 0 && i < len(p) && p[i] != 0 || p[i-1] == 0 && i == len(p)) {
		i--
	}
	// Bytes of the checksum may look like text, and a zero flag like an end.
	var out []int64
	for start := int64(i) - 5; start <= int64(i)+1; start++ {
		if start >= 0 && start+4 < int64(len(p))+1 {
			out = append(out, lo+start)
		}
	}
	return out
}

func parseEnv(b *builder, s section) (*piece, error) {
	for _, size := range envSizes {
		if size > s.size {
			continue
		}
		p, err := s.bytes(0, size)
		if err != nil {
			return nil, err
		}
		for _, head := range []int{4, 5} {
			sum := crc32.ChecksumIEEE(p[head:])
			if sum != le.Uint32(p) && sum != be.Uint32(p) {
				continue
			}
			vars := p[head:]
			if i := bytes.Index(vars, []byte{0, 0}); i >= 0 {
				vars = vars[:i]
			}
			var words []string
			n := 0
			for v := range bytes.SplitSeq(vars, []byte{0}) {
				n++
				name, _, _ := bytes.Cut(v, []byte("="))
				switch string(name) {
				case "bootcmd", "bootargs", "bootdelay", "serverip", "ethaddr":
					words = append(words, printable(v))
				}
			}
			return &piece{kind: "uboot-env", size: size, detail: fmt.Sprintf("U-Boot environment, checksum right, %d variables: %s", n, strings.Join(words, "; "))}, nil
		}
	}
	return nil, fmt.Errorf("no checksum holds")
}
