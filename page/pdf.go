package page

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/klippa-app/go-pdfium"
	pdferrors "github.com/klippa-app/go-pdfium/errors"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
)

// Bounds of the PDF engine. It runs in a WebAssembly sandbox without files, so that a hostile document can at worst use
// up its memory or its time.
const (
	pdfMemory = 256 << 20
	pdfChars  = 4_000_000 // characters of one document
	wasmPage  = 64 << 10
)

// pdfEngine compiles the engine on first use, which takes about a second, and shares it from then on. Every document
// gets an instance of its own, which is thrown away after it.
var pdfEngine = sync.OnceValues(func() (pdfium.Pool, error) {
	return webassembly.Init(webassembly.Config{
		MaxTotal: 2,
		FSConfig: wazero.NewFSConfig(), // no files
		Stdout:   io.Discard,
		Stderr:   io.Discard,
		RuntimeConfig: wazero.NewRuntimeConfig().WithMemoryLimitPages(pdfMemory / wasmPage).
			WithCloseOnContextDone(true),
	})
})

// readPDF reads the text of a PDF, page by page, in the order of its content. Words on one line that stand far apart
// are set apart like the cells of a table row.
func readPDF(ctx context.Context, d *Document, data []byte, limits Limits) (err error) {
	pool, err := pdfEngine()
	if err != nil {
		return fmt.Errorf("start the PDF engine: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, limits.MaxTime)
	defer cancel()
	defer func() { // the engine's client panics where its sandbox was closed under it
		if p := recover(); p != nil {
			err = fmt.Errorf("the PDF engine gave up: %v", p)
		}
		if err != nil && ctx.Err() != nil {
			err = fmt.Errorf("the PDF was not read within %v: %w", limits.MaxTime, ctx.Err())
		}
	}()
	engine, err := pool.GetInstanceWithContext(ctx)
	if err != nil {
		return fmt.Errorf("start the PDF engine: %w", err)
	}
	defer engine.Close()
	if err := bind(ctx, engine); err != nil {
		return err
	}
	doc, err := engine.OpenDocument(&requests.OpenDocument{File: &data})
	switch {
	case errors.Is(err, pdferrors.ErrPassword):
		d.condition(Protected, Span{}, "the PDF needs a password to be read")
		return nil
	case err != nil:
		return fmt.Errorf("%w: not a readable PDF: %w", ErrUnsupported, err)
	}
	count, err := engine.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: doc.Document})
	if err != nil {
		return fmt.Errorf("count pages: %w", err)
	}
	if title, err := engine.FPDF_GetMetaText(&requests.FPDF_GetMetaText{Document: doc.Document, Tag: "Title"}); err == nil {
		d.Title = strings.TrimSpace(strings.ToValidUTF8(title.Value, ""))
	}
	p := pdfReader{ctx: ctx, engine: engine, doc: doc.Document}
	for n := 0; n < count.PageCount; n++ {
		if n >= limits.MaxPages {
			d.condition(Truncated, Span{}, fmt.Sprintf("only the first %d of %d pages were read", limits.MaxPages, count.PageCount))
			break
		}
		if p.out.Len() > 0 {
			p.out.WriteByte('\n')
		}
		d.Pages = append(d.Pages, p.out.Len())
		if err := p.page(n); err != nil {
			if ctx.Err() != nil {
				return err
			}
			d.condition(Truncated, Span{}, fmt.Sprintf("page %d is damaged and was left out", n+1))
		}
	}
	title := d.Title
	if err := readPlain(ctx, d, []byte(p.out.String()), limits); err != nil {
		return err
	}
	d.Title, d.Encoding = first(title, d.Title), "utf-8"
	return nil
}

// bind makes the calls into the sandbox end with ctx. The client keeps a context of its own for that in an exported
// field of its implementation, and offers no other way to set it.
func bind(ctx context.Context, engine pdfium.Pdfium) error {
	impl, ok := engine.(interface{ GetImplementation() any })
	if !ok {
		return errors.New("the PDF engine cannot be bounded in time")
	}
	v := reflect.ValueOf(impl.GetImplementation())
	if v.Kind() != reflect.Pointer {
		return errors.New("the PDF engine cannot be bounded in time")
	}
	f := v.Elem().FieldByName("Context")
	if !f.IsValid() || !f.CanSet() || f.Type() != reflect.TypeFor[context.Context]() {
		return errors.New("the PDF engine cannot be bounded in time")
	}
	f.Set(reflect.ValueOf(&ctx).Elem())
	return nil
}

type pdfReader struct {
	ctx    context.Context
	engine pdfium.Pdfium
	doc    references.FPDF_DOCUMENT
	out    strings.Builder
	chars  int
}

// page appends the text of one page.
func (p *pdfReader) page(n int) error {
	page, err := p.engine.FPDF_LoadPage(&requests.FPDF_LoadPage{Document: p.doc, Index: n})
	if err != nil {
		return err
	}
	defer func() { _, _ = p.engine.FPDF_ClosePage(&requests.FPDF_ClosePage{Page: page.Page}) }()
	text, err := p.engine.FPDFText_LoadPage(&requests.FPDFText_LoadPage{Page: requests.Page{ByReference: &page.Page}})
	if err != nil {
		return err
	}
	defer func() { _, _ = p.engine.FPDFText_ClosePage(&requests.FPDFText_ClosePage{TextPage: text.TextPage}) }()
	count, err := p.engine.FPDFText_CountChars(&requests.FPDFText_CountChars{TextPage: text.TextPage})
	if err != nil {
		return err
	}
	last := -1       // the last character with a place
	space := false   // white space since then
	newline := false // a line break since then
	for i := 0; i < count.Count; i++ {
		if i&0xff == 0 && p.ctx.Err() != nil {
			return p.ctx.Err()
		}
		if p.chars++; p.chars > pdfChars {
			return errors.New("too many characters")
		}
		c, err := p.engine.FPDFText_GetUnicode(&requests.FPDFText_GetUnicode{TextPage: text.TextPage, Index: i})
		if err != nil {
			return err
		}
		switch r := rune(c.Unicode); {
		case r == '\n' || r == '\r':
			newline = true
		case r == ' ' || r == '\t' || r == 0xa0:
			space = true
		case r < ' ' || r == 0xfffe || r == 0xad || r == 0x200b:
			if r == 2 || r == 0xfffe { // a hyphen at the end of a line
				p.out.WriteByte('-')
				newline = false
			}
		default:
			if last >= 0 && (space || newline) {
				p.out.WriteString(p.gap(text.TextPage, last, i, newline))
			}
			if !utf8.ValidRune(r) {
				r = utf8.RuneError
			}
			p.out.WriteRune(r)
			last, space, newline = i, false, false
		}
	}
	return nil
}

// gap returns what stands between two characters of a line: a space, or a border where they stand far apart.
func (p *pdfReader) gap(page references.FPDF_TEXTPAGE, a, b int, newline bool) string {
	box := func(i int) (l, r, t, b float64, ok bool) {
		x, err := p.engine.FPDFText_GetCharBox(&requests.FPDFText_GetCharBox{TextPage: page, Index: i})
		if err != nil {
			return 0, 0, 0, 0, false
		}
		return x.Left, x.Right, x.Top, x.Bottom, true
	}
	_, right, top, bottom, ok := box(a)
	left, _, top2, bottom2, ok2 := box(b)
	if !ok || !ok2 {
		if newline {
			return "\n"
		}
		return " "
	}
	height := max(top-bottom, top2-bottom2, 4)
	sameLine := bottom2 < top && bottom < top2
	switch {
	case sameLine && left-right > 2.2*height:
		return " | "
	case newline && !(sameLine && left >= right):
		return "\n"
	}
	return " "
}
