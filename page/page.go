// Package page reads what a manufacturer publishes (web pages, PDF and Word files, plain text, Markdown, security.txt)
// into one text with places, and finds in it what the law asks to be published: where to report a security issue, when
// a report is acknowledged, when status updates follow, until when security updates are given and for which models, the
// content of a statement of compliance, what is said of default passwords, and what stands between a reader and the text.
//
// Every reading quotes the text exactly: for each one, Document.Text[From:To] == Quote. What is not found is "absent
// from what was read", never "not published". What is announced without the one thing that matters (an address, a time,
// an end date) is "unclear", and the reading says why.
//
// The package fetches nothing, runs no scripts and draws nothing: a page that only shows its text after a script or a
// click is read as the bytes have it, and the document says so. It gives no verdict on the law.
package page

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"path"
	"strings"
	"time"
)

// Kind is the format a document was read as.
type Kind string

// The formats that Read knows.
const (
	HTML        Kind = "html"
	PDF         Kind = "pdf"
	DOCX        Kind = "docx"
	Markdown    Kind = "markdown"
	Plain       Kind = "text"
	SecurityTxt Kind = "security.txt"
)

// ErrUnsupported says that the bytes are of no format that Read knows.
var ErrUnsupported = errors.New("unsupported document format")

// Limits bound the reading of one document. The zero value means the defaults below.
type Limits struct {
	MaxBytes int           // bytes of the document that are read; more is cut and said (default 64 MiB)
	MaxDepth int           // open elements that are told apart (default 256); deeper ones take the properties of their parent
	MaxTable int           // cells kept over all tables (default 200 000)
	MaxLinks int           // links, form fields and images kept, each (default 50 000)
	MaxPages int           // pages of a PDF (default 500)
	MaxUnzip int           // bytes unpacked from a DOCX (default 32 MiB)
	MaxTime  time.Duration // time for the PDF reader (default 20 s)
	MaxItems int           // readings kept for one document (default 5 000)
}

func (l Limits) withDefaults() Limits {
	set := func(p *int, v int) {
		if *p <= 0 {
			*p = v
		}
	}
	set(&l.MaxBytes, 64<<20)
	set(&l.MaxDepth, 256)
	set(&l.MaxTable, 200_000)
	set(&l.MaxLinks, 50_000)
	set(&l.MaxPages, 500)
	set(&l.MaxUnzip, 32<<20)
	set(&l.MaxItems, 5_000)
	if l.MaxTime <= 0 {
		l.MaxTime = 20 * time.Second
	}
	return l
}

// Read reads one document. The name (a URL or a file name) resolves links and, with contentType (a MIME type, may be
// empty), helps to tell the format; the bytes decide. An error means that nothing could be read; whatever makes a
// document poor evidence without preventing its reading is in Document.Conditions.
func Read(ctx context.Context, name, contentType string, data []byte, limits Limits) (*Document, error) {
	limits = limits.withDefaults()
	d := &Document{Source: name}
	if len(data) > limits.MaxBytes {
		d.condition(Truncated, Span{}, fmt.Sprintf("only the first %d of %d bytes were read", limits.MaxBytes, len(data)))
		data = data[:limits.MaxBytes]
	}
	d.Kind = kindOf(name, contentType, data)
	var err error
	switch d.Kind {
	case PDF:
		err = readPDF(ctx, d, data, limits)
	case DOCX:
		err = readDOCX(ctx, d, data, limits)
	case HTML:
		err = readHTML(ctx, d, decode(d, data, contentType), limits)
	case Markdown, Plain, SecurityTxt:
		err = readPlain(ctx, d, decode(d, data, contentType), limits)
	default:
		err = ErrUnsupported
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if err := interpret(ctx, d, limits); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return d, nil
}

// ReadFrom reads one document from r, at most limits.MaxBytes of it. See Read.
func ReadFrom(ctx context.Context, name, contentType string, r io.Reader, limits Limits) (*Document, error) {
	l := limits.withDefaults()
	data, err := io.ReadAll(io.LimitReader(r, int64(l.MaxBytes)+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return Read(ctx, name, contentType, data, limits)
}

// kindOf tells the format. Magic numbers decide first, then the declared type, then the name, then the look of the text.
func kindOf(name, contentType string, data []byte) Kind {
	head := data[:min(len(data), 2048)]
	if i := bytes.Index(head[:min(len(head), 1024)], []byte("%PDF-")); i >= 0 && !looksLikeHTML(head[:i]) {
		return PDF
	}
	if bytes.HasPrefix(head, []byte("PK\x03\x04")) || bytes.HasPrefix(head, []byte("PK\x05\x06")) {
		return DOCX
	}
	base := strings.ToLower(name)
	if i := strings.IndexAny(base, "?#"); i >= 0 {
		base = base[:i]
	}
	ext := path.Ext(base)
	media, _, _ := mime.ParseMediaType(contentType)
	if media == "" && contentType != "" {
		media = strings.ToLower(strings.TrimSpace(strings.Split(contentType, ";")[0]))
	}
	switch media {
	case "text/html", "application/xhtml+xml":
		return HTML
	case "text/markdown", "text/x-markdown":
		return Markdown
	}
	if (path.Base(base) == "security.txt" || looksLikeSecurityTxt(head)) && !looksLikeHTML(head) {
		return SecurityTxt
	}
	switch ext {
	case ".html", ".htm", ".xhtml":
		return HTML
	case ".md", ".markdown":
		return Markdown
	}
	if looksLikeHTML(head) && media != "text/plain" {
		return HTML
	}
	if bytes.IndexByte(head, 0) >= 0 && !hasUnicodeMark(head) {
		return ""
	}
	return Plain
}

func hasUnicodeMark(b []byte) bool {
	return bytes.HasPrefix(b, []byte("\xfe\xff")) || bytes.HasPrefix(b, []byte("\xff\xfe"))
}

// looksLikeHTML reports whether the text begins as a page does: with a doctype, a comment or one of the first tags.
func looksLikeHTML(head []byte) bool {
	t := strings.ToLower(strings.TrimLeft(string(head), " \t\r\n\ufeff"))
	for strings.HasPrefix(t, "<!--") {
		i := strings.Index(t, "-->")
		if i < 0 {
			return strings.Contains(t, "<html")
		}
		t = strings.TrimLeft(t[i+3:], " \t\r\n")
	}
	for _, p := range []string{"<!doctype html", "<html", "<head", "<body", "<meta", "<title", "<div", "<p>", "<h1", "<table", "<?xml"} {
		if strings.HasPrefix(t, p) {
			return p != "<?xml" || strings.Contains(t, "<html")
		}
	}
	return strings.Contains(t, "<html") || strings.Contains(t, "<body")
}
