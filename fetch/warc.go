package fetch

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sort"
	"strings"
	"time"
)

// Exchange is one request with its answer, or the record that there was none.
type Exchange struct {
	URL     string
	At      time.Time // of the request, UTC, whole seconds
	Address string    // of the host that answered
	Request http.Header
	Proto   string // of the answer: "HTTP/1.1"
	Status  int
	Header  http.Header
	Body    []byte
	Cut     string    // why the body is not whole: length, time, disconnect; else ""
	Refers  time.Time // of an answer that nothing has changed: when what is kept was fetched
	Failure string    // why there is no answer; else ""

	Record int // its place among the records of its file, from 1; set by the reader
}

// Info is what a WARC file says of how it came about.
type Info struct {
	At           time.Time
	Software     string
	AuthorisedBy string // who allowed speaking to addresses that are not public; "" where nobody did
}

// Writer writes a WARC file (ISO 28500:2017), each record compressed by itself.
type Writer struct {
	w    io.Writer
	info string // record ID of the warcinfo record
}

const warcTime = "2006-01-02T15:04:05Z"

const revisitUnchanged = "http://netpreserve.org/warc/1.1/revisit/server-not-modified"

// NewWriter begins a file by saying how it comes about.
func NewWriter(w io.Writer, info Info) (*Writer, error) {
	out := &Writer{w: w}
	var b bytes.Buffer
	for _, f := range [][2]string{{"software", info.Software}, {"format", "WARC File Format 1.1"}, {"robots", "honoured"}, {"http-header-user-agent", userAgent}, {"authorised-by", info.AuthorisedBy}} {
		if f[1] != "" {
			fmt.Fprintf(&b, "%s: %s\r\n", f[0], oneLine(f[1]))
		}
	}
	fields := [][2]string{{"WARC-Type", "warcinfo"}, {"WARC-Date", info.At.UTC().Format(warcTime)}, {"Content-Type", "application/warc-fields"}}
	out.info = recordID("warcinfo", info.At, "", b.Bytes())
	return out, out.record(out.info, fields, b.Bytes(), nil)
}

// Exchange writes the request, then the answer. An answer that nothing has
// changed is a revisit record, which points at the page that is kept.
func (w *Writer) Exchange(x *Exchange) error {
	if w == nil { // nothing is to be kept
		return nil
	}
	u, err := url.Parse(x.URL)
	if err != nil {
		return err
	}
	var asked bytes.Buffer
	fmt.Fprintf(&asked, "GET %s HTTP/1.1\r\nHost: %s\r\n", u.RequestURI(), u.Host)
	writeHeader(&asked, x.Request)
	var head bytes.Buffer
	fmt.Fprintf(&head, "%s %03d %s\r\n", orDefault(x.Proto, "HTTP/1.1"), x.Status, http.StatusText(x.Status))
	writeHeader(&head, x.Header)

	common := [][2]string{{"WARC-Date", x.At.UTC().Format(warcTime)}, {"WARC-Target-URI", x.URL}, {"WARC-IP-Address", x.Address}, {"WARC-Warcinfo-ID", w.info}}
	answer := append(head.Bytes(), x.Body...)
	kind := "response"
	var more [][2]string
	if x.Status == http.StatusNotModified && !x.Refers.IsZero() {
		kind = "revisit"
		more = append(more, [2]string{"WARC-Profile", revisitUnchanged}, [2]string{"WARC-Refers-To-Target-URI", x.URL}, [2]string{"WARC-Refers-To-Date", x.Refers.UTC().Format(warcTime)})
	}
	if x.Cut != "" {
		more = append(more, [2]string{"WARC-Truncated", x.Cut})
	}
	requestID, answerID := recordID("request", x.At, x.URL, asked.Bytes()), recordID(kind, x.At, x.URL, answer)
	request := append([][2]string{{"WARC-Type", "request"}, {"Content-Type", "application/http; msgtype=request"}, {"WARC-Concurrent-To", answerID}}, common...)
	if err := w.record(requestID, request, asked.Bytes(), nil); err != nil {
		return err
	}
	fields := append([][2]string{{"WARC-Type", kind}, {"Content-Type", "application/http; msgtype=response"}, {"WARC-Concurrent-To", requestID}}, common...)
	return w.record(answerID, append(fields, more...), answer, x.Body)
}

// Failure writes that a page could not be had, and why.
func (w *Writer) Failure(target string, at time.Time, why string) error {
	if w == nil {
		return nil
	}
	block := []byte("fetch-failure: " + oneLine(why) + "\r\n")
	fields := [][2]string{{"WARC-Type", "metadata"}, {"WARC-Date", at.UTC().Format(warcTime)}, {"WARC-Target-URI", oneLine(target)}, {"WARC-Warcinfo-ID", w.info}, {"Content-Type", "application/warc-fields"}}
	return w.record(recordID("metadata", at, target, block), fields, block, nil)
}

func (w *Writer) record(id string, fields [][2]string, block, payload []byte) error {
	z := gzip.NewWriter(w.w)
	var head strings.Builder
	head.WriteString("WARC/1.1\r\nWARC-Record-ID: " + id + "\r\n")
	for _, f := range fields {
		if f[1] != "" {
			fmt.Fprintf(&head, "%s: %s\r\n", f[0], oneLine(f[1]))
		}
	}
	fmt.Fprintf(&head, "WARC-Block-Digest: %s\r\n", blockDigest(block))
	if payload != nil {
		fmt.Fprintf(&head, "WARC-Payload-Digest: %s\r\n", blockDigest(payload))
	}
	fmt.Fprintf(&head, "Content-Length: %d\r\n\r\n", len(block))
	for _, part := range [][]byte{[]byte(head.String()), block, []byte("\r\n\r\n")} {
		if _, err := z.Write(part); err != nil {
			return err
		}
	}
	return z.Close()
}

func blockDigest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:])
}

// recordID names a record by what it holds: a UUID of version 8 (RFC 9562, 5.8).
func recordID(kind string, at time.Time, target string, block []byte) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n%s\n", kind, at.UTC().Format(time.RFC3339Nano), target)
	h.Write(block)
	id := h.Sum(nil)[:16]
	id[6], id[8] = id[6]&0x0f|0x80, id[8]&0x3f|0x80
	return fmt.Sprintf("<urn:uuid:%x-%x-%x-%x-%x>", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

// writeHeader writes a header in order of name, so that the same exchange is the same bytes.
func writeHeader(b *bytes.Buffer, h http.Header) {
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		for _, v := range h[name] {
			fmt.Fprintf(b, "%s: %s\r\n", name, oneLine(v))
		}
	}
	b.WriteString("\r\n")
}

func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\r' || r == '\n' || r == 0 {
			return ' '
		}
		return r
	}, s)
}

func orDefault(s, d string) string {
	if s == "" {
		return d
	}
	return s
}
