package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
	"github.com/assay-psti/assay/statement"
)

// file is something that is sent as it is.
type file struct {
	Type     string
	Name     string // under which it is saved
	Data     []byte
	Changed  time.Time // zero: not known
	Download bool      // to be saved, not shown
	Policy   string    // none: the page's own
	Embed    bool      // other sites may show it
	Secret   bool      // no cache keeps it
}

// send answers with a file, or with "not changed".
func (s *Server) send(w http.ResponseWriter, r *http.Request, f file) error {
	h := w.Header()
	h.Set("Content-Type", f.Type)
	sum := sha256.Sum256(f.Data)
	h.Set("ETag", `"`+hex.EncodeToString(sum[:12])+`"`)
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "public, max-age=300")
	}
	if s.viewer(r).SignedIn() { // may see what others do not
		h.Set("Cache-Control", "private, no-cache")
	}
	if f.Secret {
		h.Set("Cache-Control", "no-store")
	}
	if f.Download {
		h.Set("Content-Disposition", `attachment; filename="`+f.Name+`"`) // names are of our own letters
	}
	if f.Policy != "" {
		h.Set("Content-Security-Policy", f.Policy)
	}
	if f.Embed {
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	}
	http.ServeContent(w, r, "", f.Changed, bytes.NewReader(f.Data))
	return nil
}

func (s *Server) text(w http.ResponseWriter, r *http.Request, text string) error {
	return s.send(w, r, file{Type: "text/plain; charset=utf-8", Data: []byte(text)})
}

func cutLast(name, suffix string) (string, bool) { return strings.CutSuffix(name, suffix) }

// versionFile sends a version's statement in the form that its name asks for, or the
// record that the log names.
func (s *Server) versionFile(w http.ResponseWriter, r *http.Request) error {
	p, err := s.versionPage(r)
	if err != nil {
		return err
	}
	full := p.Full
	version, name := &full.Version, r.PathValue("file")
	save := full.Entry.Slug + "-" + strconv.Itoa(version.Number) + "-" + name
	switch name {
	case "record.json", "statement.json":
		data := p.Statement
		if name == "record.json" {
			data = p.Record
		}
		return s.send(w, r, file{Type: "application/json", Name: save, Data: data, Changed: version.Published, Download: true})
	}
	if version.Content == nil {
		return s.nothing(w, r)
	}
	switch name {
	case "statement.txt":
		return s.send(w, r, file{Type: "text/plain; charset=utf-8", Data: []byte(statementText(version)), Changed: version.Published})
	case "statement.html", "statement-large-print.html":
		page, policy, err := statementPage(version, name != "statement.html")
		if err != nil {
			return err
		}
		return s.send(w, r, file{Type: "text/html; charset=utf-8", Data: page, Changed: version.Published, Policy: policy})
	case "statement.pdf", "statement-large-print.pdf":
		page, _, err := statementPage(version, name != "statement.pdf")
		if err != nil {
			return err
		}
		pdf, err := s.print.pdf(r.Context(), page)
		switch {
		case errors.Is(err, assay.ErrNotFound):
			return &assay.Problem{Kind: assay.ErrUnsupported, What: "This register makes no PDF files: it has no browser to print with", Do: "Open the statement as a page and print it: it is made to print well."}
		case err != nil:
			return err
		}
		return s.send(w, r, file{Type: "application/pdf", Name: save, Data: pdf, Changed: version.Published})
	}
	return s.nothing(w, r)
}

// largePrint are the rules for readers who see little: 18 points and more, no slanted
// or narrow letters, no text in columns.
const largePrint = `html { font-size: 150% } body { font: 1.125rem/1.6 Verdana, Arial, sans-serif } h1, h2 { font-family: inherit } td, th, caption, .small, .kicker, footer { font-size: 1.125rem }
th, td { display: block; border: 0; padding: .2rem 0 } tr { display: block; border-bottom: 2px solid; padding: .4rem 0 } thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) } i, em, address { font-style: normal } @media print { html { font-size: 150% } body { font-size: 18pt } }`

// statementPage is a statement as a page of its own, and the policy under which its
// style is taken.
func statementPage(v *register.Version, large bool) (page []byte, policy string, err error) {
	var b bytes.Buffer
	if err := statement.HTML(&b, v.Content, v.SignedBy, "statement.json"); err != nil {
		return nil, "", err
	}
	page = b.Bytes()
	if large {
		page = bytes.Replace(page, []byte("</style>"), []byte("\n"+largePrint+"</style>"), 1)
	}
	policy, err = stylePolicy(page)
	return page, policy, err
}

// stylePolicy is the policy under which the one style of a page is taken, and nothing
// else is.
func stylePolicy(page []byte) (string, error) {
	_, rest, _ := bytes.Cut(page, []byte("<style>"))
	style, _, ok := bytes.Cut(rest, []byte("</style>"))
	if !ok {
		return "", errors.New("document has no style")
	}
	sum := sha256.Sum256(style)
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'", nil
}

// printer makes PDF files of pages: few at a time, and keeps what it made.
type printer struct {
	print func(context.Context, []byte) ([]byte, error)
	slots chan struct{} // who prints or waits to

	mu    sync.Mutex // guards the fields below, and that one prints at a time
	kept  map[[32]byte][]byte
	order [][32]byte
	size  int
}

const (
	maxKeptPDF  = 32 << 20
	maxPrinting = 4
)

func newPrinter() *printer {
	return &printer{print: statement.PDF, slots: make(chan struct{}, maxPrinting), kept: map[[32]byte][]byte{}}
}

// pdf prints a page, or has printed it before. Where many wait already it is errBusy.
func (p *printer) pdf(ctx context.Context, page []byte) ([]byte, error) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	default:
		return nil, fmt.Errorf("print: %w", errBusy)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	key := sha256.Sum256(page)
	if data, ok := p.kept[key]; ok {
		return data, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	data, err := p.print(ctx, page)
	if err != nil {
		return nil, err
	}
	p.kept[key] = data
	p.order = append(p.order, key)
	for p.size += len(data); p.size > maxKeptPDF && len(p.order) > 1; p.order = p.order[1:] {
		p.size -= len(p.kept[p.order[0]])
		delete(p.kept, p.order[0])
	}
	return data, nil
}
