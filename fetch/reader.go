package fetch

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"time"
)

// Limits bound the reading of one WARC file. A zero field means the default.
type Limits struct {
	Records int   // default 20,000
	Block   int64 // bytes of one record's block; default 64 MiB
	Bytes   int64 // of all records, once unpacked; default 512 MiB
}

func (l Limits) orDefaults() Limits {
	if l.Records == 0 {
		l.Records = 20_000
	}
	if l.Block == 0 {
		l.Block = 64 << 20
	}
	if l.Bytes == 0 {
		l.Bytes = 512 << 20
	}
	return l
}

// Archive is a WARC file that has been read.
type Archive struct {
	Info      Info
	Exchanges []Exchange // in the order of the file
	Faults    []string   // what could not be read, one line each; what stands above still holds

	index map[string][]int // of exchanges, by address in one form
}

// ErrNotWARC says that the bytes are no WARC file.
var ErrNotWARC = errors.New("this is not a WARC file")

const (
	maxHeader = 256 << 10
	maxFaults = 20
)

// Read reads a WARC file, compressed or not. A file that breaks off, or a record
// that does not have its digest, is a fault of the archive; an error means that
// there is nothing to read.
func Read(r io.Reader, limits Limits) (*Archive, error) {
	limits = limits.orDefaults()
	in := bufio.NewReaderSize(r, 64<<10)
	if magic, _ := in.Peek(2); len(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, ErrNotWARC
		}
		in = bufio.NewReaderSize(z, 64<<10)
	}
	a := &Archive{}
	s := scanner{in: in, left: limits.Bytes, archive: a, requests: map[string]http.Header{}}
	for n := 1; ; n++ {
		if n > limits.Records {
			a.fault("more than %d records: the rest is not read", limits.Records)
			break
		}
		err := s.next(n, limits.Block)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			if n == 1 {
				return nil, ErrNotWARC
			}
			a.fault("record %d: %v: the rest of the file is not read", n, err)
			break
		}
	}
	s.join()
	return a, nil
}

func (a *Archive) fault(format string, args ...any) {
	if len(a.Faults) < maxFaults {
		a.Faults = append(a.Faults, clip(fmt.Sprintf(format, args...)))
	}
}

// scanner reads records one after another.
type scanner struct {
	in       *bufio.Reader
	left     int64 // bytes that may still be unpacked
	archive  *Archive
	requests map[string]http.Header // by the ID of the request, and of the answer that it names
	ids      [][2]string            // of each exchange: its own ID, and that of its request
}

// next reads one record. Its error ends the reading.
func (s *scanner) next(n int, maxBlock int64) error {
	head, err := s.header()
	if err != nil {
		return err
	}
	size, err := strconv.ParseInt(head.Get("Content-Length"), 10, 64)
	if err != nil || size < 0 {
		return errors.New("it has no length")
	}
	if size > maxBlock {
		return fmt.Errorf("it claims %d bytes, more than the %d that are read", size, maxBlock)
	}
	if size > s.left {
		return errors.New("the file unpacks to more than is read")
	}
	var block bytes.Buffer // grows with what is there, not with what the header claims
	got, err := io.Copy(&block, io.LimitReader(s.in, size))
	s.left -= got
	if err != nil || got < size {
		return errors.New("the file breaks off within it")
	}
	if fault := digestFault(head.Get("WARC-Block-Digest"), block.Bytes()); fault != "" {
		s.archive.fault("record %d: %s: it is left out", n, fault)
		return nil
	}
	s.keep(n, head, block.Bytes())
	if s.left < 0 {
		return errors.New("the file unpacks to more than is read")
	}
	return nil
}

// header reads the version line and the named fields of a record.
func (s *scanner) header() (textproto.MIMEHeader, error) {
	for blank := 0; ; blank++ {
		b, err := s.in.Peek(1)
		if err != nil {
			if !errors.Is(err, io.EOF) {
				err = errors.New("the file breaks off or is damaged")
			}
			return nil, err
		}
		if b[0] != '\r' && b[0] != '\n' {
			break
		}
		if blank > 64 {
			return nil, errors.New("there are only empty lines")
		}
		_, _ = s.in.Discard(1) // it was just seen
	}
	limited := &io.LimitedReader{R: s.in, N: maxHeader}
	// textproto would read ahead beyond the header, so the header is cut out by line first.
	var text bytes.Buffer
	for first := true; ; first = false {
		line, err := s.in.ReadSlice('\n')
		limited.N -= int64(len(line))
		if err != nil || limited.N <= 0 {
			return nil, errors.New("its header does not end")
		}
		if first {
			if !bytes.HasPrefix(line, []byte("WARC/1.")) {
				return nil, errors.New("it does not begin as a record does")
			}
			continue
		}
		text.Write(line)
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			break
		}
	}
	s.left -= maxHeader - limited.N
	head, err := textproto.NewReader(bufio.NewReader(&text)).ReadMIMEHeader()
	if err != nil {
		return nil, errors.New("its header cannot be read")
	}
	return head, nil
}

func (s *scanner) keep(n int, head textproto.MIMEHeader, block []byte) {
	at, timeErr := time.Parse(time.RFC3339, head.Get("WARC-Date"))
	target := strings.Trim(head.Get("WARC-Target-URI"), "<>")
	x := Exchange{URL: target, At: at.UTC(), Address: head.Get("WARC-IP-Address"), Cut: head.Get("WARC-Truncated"), Record: n}
	a := s.archive
	kind := head.Get("WARC-Type")
	if timeErr != nil && kind != "request" {
		a.fault("record %d: it has no date: it is left out", n)
		return
	}
	switch kind {
	case "warcinfo":
		f := fields(block)
		a.Info = Info{At: x.At, Software: f.Get("software"), AuthorisedBy: f.Get("authorised-by")}
		return
	case "request":
		req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(block)))
		if err != nil {
			a.fault("record %d: the request cannot be read", n)
			return
		}
		s.requests[head.Get("WARC-Record-ID")] = req.Header
		if to := head.Get("WARC-Concurrent-To"); to != "" {
			s.requests[to] = req.Header
		}
		return
	case "metadata":
		if x.Failure = fields(block).Get("fetch-failure"); x.Failure == "" {
			return
		}
	case "response", "revisit":
		if t, _, _ := mime.ParseMediaType(head.Get("Content-Type")); t != "application/http" {
			return // of another protocol, such as DNS
		}
		if err := x.answer(block); err != nil {
			a.fault("record %d: %v", n, err)
			return
		}
		s.left -= int64(len(x.Body)) // it may have been compressed within the block
		if kind == "revisit" {
			x.Refers, _ = time.Parse(time.RFC3339, head.Get("WARC-Refers-To-Date"))
			x.Status, x.Body = http.StatusNotModified, nil
		}
	default:
		return
	}
	a.Exchanges = append(a.Exchanges, x)
	s.ids = append(s.ids, [2]string{head.Get("WARC-Record-ID"), head.Get("WARC-Concurrent-To")})
}

// join gives each exchange its request, and lists the exchanges by address.
func (s *scanner) join() {
	s.archive.index = map[string][]int{}
	for i := range s.archive.Exchanges {
		x := &s.archive.Exchanges[i]
		if at := key(x.URL); at != "" {
			s.archive.index[at] = append(s.archive.index[at], i)
		}
		for _, id := range s.ids[i] {
			if h, ok := s.requests[id]; ok && id != "" {
				x.Request = h
			}
		}
	}
}

func fields(block []byte) textproto.MIMEHeader {
	h, _ := textproto.NewReader(bufio.NewReader(io.MultiReader(bytes.NewReader(block[:min(len(block), maxHeader)]), strings.NewReader("\r\n\r\n")))).ReadMIMEHeader()
	return h
}

// answer reads the stored answer: its head, and its body without the codings of transfer and content.
func (x *Exchange) answer(block []byte) error {
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(block)), &http.Request{Method: http.MethodGet})
	if err != nil {
		return errors.New("the answer cannot be read")
	}
	defer resp.Body.Close()
	x.Proto, x.Status, x.Header = resp.Proto, resp.StatusCode, resp.Header
	body, err := io.ReadAll(resp.Body) // no longer than the block
	if err != nil && x.Cut == "" {
		x.Cut = "disconnect"
	}
	x.Body = body
	unpacked, err := decode(resp.Header.Get("Content-Encoding"), body)
	if err != nil {
		return err
	}
	x.Body = unpacked
	return nil
}

// maxUnpacked bounds a body that was compressed on its way.
const maxUnpacked = 64 << 20

func decode(coding string, body []byte) ([]byte, error) {
	var r io.Reader
	var err error
	switch strings.ToLower(strings.TrimSpace(coding)) {
	case "", "identity":
		return body, nil
	case "gzip", "x-gzip":
		r, err = gzip.NewReader(bytes.NewReader(body))
	case "deflate":
		r, err = zlib.NewReader(bytes.NewReader(body))
	default:
		return nil, fmt.Errorf("the answer is coded as %q, which is not read", clip(coding))
	}
	if err != nil {
		return nil, errors.New("the answer cannot be unpacked")
	}
	out, err := io.ReadAll(io.LimitReader(r, maxUnpacked+1))
	if err != nil || len(out) > maxUnpacked {
		return nil, errors.New("the answer cannot be unpacked, or is larger than is read")
	}
	return out, nil
}

// digestFault compares a block with its digest, where it is of a kind that is known.
func digestFault(label string, block []byte) string {
	name, want, _ := strings.Cut(label, ":")
	var sum []byte
	switch strings.ToLower(name) {
	case "sha256", "sha-256":
		s := sha256.Sum256(block)
		sum = s[:]
	case "sha1", "sha-1":
		s := sha1.Sum(block)
		sum = s[:]
	default:
		return ""
	}
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum)
	if strings.EqualFold(strings.TrimRight(want, "="), text) || strings.EqualFold(want, hex.EncodeToString(sum)) {
		return ""
	}
	return "its bytes are not those of its digest"
}
