package rootfs

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"strings"

	"github.com/assay-psti/assay/internal/reading"
)

// ReadProgram looks for keys, certificates, tokens and addresses with a password in bytes that have no files: the program
// of a microcontroller, a partition of settings, a boot loader. Places are offsets from the start, without a file name.
func ReadProgram(ctx context.Context, in io.Reader) (Contents, error) {
	r := NewProgramReader()
	stats, err := reading.Stream(ctx, "", in, r)
	if err != nil {
		return Contents{}, err
	}
	return r.Contents(stats), nil
}

// A ProgramReader is ReadProgram beside others that look at the same bytes. Besides armoured keys it takes those that
// stand in the program as plain structures (DER).
type ProgramReader struct{ found *ContentReader }

var _ reading.Reader = (*ProgramReader)(nil)

// NewProgramReader makes a reader for one program.
func NewProgramReader() *ProgramReader { return &ProgramReader{NewContentReader()} }

// Miss notes what was not read.
func (r *ProgramReader) Miss(name, why string) { r.found.Miss(name, why) }

// File looks at the one program that there is.
func (r *ProgramReader) File(string) func(*reading.Window) {
	return func(w *reading.Window) {
		c := chunk{data: w.Data, base: w.Base, whole: w.Whole(), last: w.Last}
		r.found.secrets(c, false)
		r.found.derKeys(c)
		if !c.whole {
			return
		}
		if plain := nulSettings(c.data); plain != nil {
			(&settingsReader{r: r.found, data: plain, flat: true}).pairs("nvram")
		}
	}
}

// Contents is what was found, once all was read.
func (r *ProgramReader) Contents(of reading.Stats) Contents {
	r.found.libraryTests()
	return r.found.Contents(of)
}

// maxDER bounds how many structures of one window are tried; a program holds few, a table of bytes that look like one many.
const maxDER = 4096

// derKeys finds keys and certificates that stand in a program as plain structures.
func (r *ContentReader) derKeys(c chunk) {
	tried := 0
	for at := 0; at < c.last && tried < maxDER; at++ {
		i := bytes.IndexByte(c.data[at:c.last], 0x30)
		if i < 0 {
			return
		}
		at += i
		head, size, ok := derLength(c.data[at:])
		if !ok || size < 40 || size > maxKey || at+head+size > len(c.data) {
			continue
		}
		body := c.data[at+head:]
		key := len(body) > 4 && body[0] == 2 && body[1] == 1 && (body[2] == 0 && (body[3] == 0x02 || body[3] == 0x30) || body[2] == 1 && body[3] == 0x04)
		if !key && (head < 3 || body[0] != 0x30 || body[1] != 0x82 && body[1] != 0x81) {
			continue
		}
		tried++
		der := c.data[at : at+head+size]
		if !key {
			before := len(r.out.Certificates)
			if r.certificate(c, at, der, false); len(r.out.Certificates) > before {
				at += len(der) - 1
			}
			continue
		}
		s := Secret{Kind: PrivateKey, Place: c.at(at, false), Binary: true}
		if s.der(der) {
			s.Why = r.known(c, at)
			r.addSecret(s)
			at += len(der) - 1
		}
	}
}

// derLength reads the head of a sequence: its own length and that of its body.
func derLength(b []byte) (head, size int, ok bool) {
	switch {
	case len(b) < 4:
		return 0, 0, false
	case b[1] < 0x80:
		return 2, int(b[1]), true
	case b[1] == 0x81:
		return 3, int(b[2]), b[2] >= 0x80
	case b[1] == 0x82:
		n := int(binary.BigEndian.Uint16(b[2:]))
		return 4, n, n >= 0x100
	}
	return 0, 0, false
}

// testNames stand in the certificates that cryptographic libraries carry to test themselves.
var testNames = []string{"O=PolarSSL", "PolarSSL Test", "Mbed TLS Test", "O=wolfSSL", "wolfssl.com", "O=yaSSL", "O=Sawtooth", "bearssl.org", "matrixssl.org", "MatrixSSL Sample"}

// libraryTests takes out the keys whose certificate says that a library tests itself with them.
func (r *ContentReader) libraryTests() {
	const why = "a test key of a cryptographic library"
	test := map[string]bool{}
	kept := r.out.Certificates[:0]
	for _, c := range r.out.Certificates {
		is := false
		for _, name := range testNames {
			is = is || strings.Contains(c.Subject, name)
		}
		if is {
			test[c.PublicKey] = true
			r.out.Passed[why]++
			continue
		}
		kept = append(kept, c)
	}
	r.out.Certificates = kept
	all := r.out.Secrets
	r.out.Secrets = nil
	for _, s := range all {
		if s.PublicKey != "" && test[s.PublicKey] {
			s.Why = why
		}
		r.addSecret(s)
	}
}
