package page

import (
	"context"
	"errors"
	"io"
	"net/url"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// maxToken bounds one token of HTML (an attribute list, a comment or a run of text).
const maxToken = 16 << 20

// maxColumns bounds a row of a table.
const maxColumns = 1000

// frame is one open element, with what its content inherits.
type frame struct {
	tag    atom.Atom
	kind   BlockKind
	level  int
	hidden Hiding
	pre    bool
	skip   bool // its text is not for reading
	form   int
	link   int // index+1 of the link it is part of
}

type htmlReader struct {
	d      *Document
	limits Limits
	base   *url.URL
	out    []byte
	delta  int // source place less text place of the last piece
	src    int // source place of the token being read

	stack []frame
	over  int // open elements beyond the limit

	space bool   // white space is due before the next text
	sep   string // what is due between the last text and the next
	from  int    // where the block being read begins, -1 if it has no text yet

	tables    []*tableReader
	cells     int
	forms     int
	links     []int // links that have no text yet
	title     []byte
	inTitle   bool
	ldjson    bool
	scripts   int
	scriptLen int
}

type tableReader struct {
	table  Table
	at     int // depth of the stack at the table element
	row    []Cell
	inRow  bool
	inCell bool
	cell   Cell
	span   int // columns of the open cell
	down   int // rows of the open cell
	carry  []carried
	inner  []Block // blocks of the open row
	rowAt  int
	layout bool // the row holds more than values: its blocks stand by themselves
	rowHid Hiding
}

type carried struct {
	cell Cell
	left int
}

// readHTML turns a page into text with places. It reads tokens and keeps no tree, so that the depth of a page costs
// nothing; what the browser adds by style sheet or script it does not see.
func readHTML(ctx context.Context, d *Document, src []byte, limits Limits) error {
	r := &htmlReader{d: d, limits: limits, from: -1, delta: -1 << 62}
	r.base, _ = url.Parse(d.Source)
	z := html.NewTokenizer(&sliceReader{b: src})
	z.SetMaxBuf(maxToken)
	for n := 0; ; n++ {
		if n&0xfff == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		tt := z.Next()
		raw := z.Raw()
		switch tt {
		case html.ErrorToken:
			if err := z.Err(); errors.Is(err, html.ErrBufferExceeded) {
				d.condition(Truncated, Span{}, "a single piece of markup is larger than 16 MiB: the page was read up to there")
			} else if err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			r.finish(src)
			return nil
		case html.TextToken:
			r.text(raw)
		case html.StartTagToken, html.SelfClosingTagToken:
			r.start(z, tt == html.SelfClosingTagToken)
		case html.EndTagToken:
			name, _ := z.TagName()
			r.end(atom.Lookup(name))
		}
		r.src += len(raw)
	}
}

// sliceReader hands out a slice in small pieces, so that the tokenizer's buffer stays small.
type sliceReader struct{ b []byte }

func (s *sliceReader) Read(p []byte) (int, error) {
	if len(s.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.b)
	s.b = s.b[n:]
	return n, nil
}

func (r *htmlReader) top() frame {
	if len(r.stack) == 0 {
		return frame{}
	}
	return r.stack[len(r.stack)-1]
}

func (r *htmlReader) start(z *html.Tokenizer, selfClosing bool) {
	name, more := z.TagName()
	tag := atom.Lookup(name)
	f := r.top()
	f.tag = tag
	r.impliedEnd(tag)
	if blockTag(tag) {
		r.endBlock("\n")
		parent := r.top()
		f.kind, f.level, f.hidden, f.skip, f.link = parent.kind, parent.level, parent.hidden, parent.skip, parent.link
	}
	switch tag {
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		f.kind, f.level = Heading, int(name[1]-'0')
	case atom.Legend, atom.Summary, atom.Caption, atom.Dt:
		f.kind, f.level = Heading, 6
		if tag != atom.Legend && tag != atom.Summary {
			f.kind, f.level = Paragraph, 0
		}
		if tag == atom.Summary {
			f.hidden &^= Folded
		}
	case atom.Li, atom.Dd:
		f.kind = Item
	case atom.Pre:
		f.pre = true
	case atom.Nav, atom.Footer:
		f.hidden |= Navigation
	case atom.Script, atom.Style, atom.Template, atom.Svg, atom.Math, atom.Object, atom.Select, atom.Datalist, atom.Textarea, atom.Head:
		f.skip = tag != atom.Head
	case atom.Noscript:
		f.skip = true
	case atom.Body:
		f.skip = false
	}
	at := r.attributes(z, more, tag, &f)
	r.element(tag, &f, at)
	if tag == atom.Dialog && !at.open || at.hide {
		f.hidden |= NotShown
	}
	if tag == atom.Details && !at.open {
		f.hidden |= Folded
	}
	if voidTag(tag) || selfClosing && (tag == 0 || f.skip && tag != atom.Script && tag != atom.Style && tag != atom.Textarea) {
		return
	}
	if len(r.stack) >= r.limits.MaxDepth {
		r.over++
		return
	}
	r.stack = append(r.stack, f)
	if tag == atom.Table {
		r.beginTable()
	}
}

// element does what single elements ask for beyond inheritance.
func (r *htmlReader) element(tag atom.Atom, f *frame, a attrs) {
	d := r.d
	if a.cfmail != "" {
		if mail := cloudflareMail(a.cfmail); mail != "" {
			f.link = r.addLink("mailto:" + mail)
		}
	}
	switch tag {
	case atom.Html:
		d.Lang = a.lang
	case atom.Title:
		r.inTitle = r.title == nil && !f.skip
		f.skip = true
	case atom.Base:
		if u, err := url.Parse(a.href); err == nil && r.base != nil && len(d.Links) == 0 {
			r.base = r.base.ResolveReference(u)
		}
	case atom.Script:
		r.ldjson = a.typ == "application/ld+json"
		r.scripts++
	case atom.A, atom.Area:
		if a.href != "" && a.cfmail == "" {
			f.link = r.addLink(a.href)
		}
	case atom.Br:
		r.space = false
		if r.from >= 0 && r.sep == "" {
			r.sep = "\n"
		}
	case atom.Hr:
		r.endBlock("\n")
	case atom.Img:
		if len(d.Images) < r.limits.MaxLinks && (a.alt != "" || a.src != "") {
			d.Images = append(d.Images, Image{At: len(r.out), Source: r.resolve(a.src), Alt: first(a.alt, a.title)})
		}
	case atom.Form:
		r.forms++
		f.form = r.forms
	case atom.Input, atom.Textarea, atom.Select, atom.Iframe, atom.Button:
		typ := first(a.typ, map[atom.Atom]string{atom.Input: "text", atom.Textarea: "textarea", atom.Select: "select",
			atom.Iframe: "iframe", atom.Button: "submit"}[tag])
		if typ != "hidden" && len(d.Fields) < r.limits.MaxLinks && !(tag == atom.Iframe && a.src == "") {
			name := first(a.label, a.placeholder, a.name, a.title)
			if tag == atom.Iframe {
				name = r.resolve(a.src)
			}
			d.Fields = append(d.Fields, Field{At: len(r.out), Type: typ, Name: name, Form: f.form, Required: a.required})
		}
	case atom.Tr, atom.Td, atom.Th:
		r.tablePart(tag, a, f)
	}
}

func first(s ...string) string {
	for _, v := range s {
		if strings.TrimSpace(v) != "" {
			return v
		}
	}
	return ""
}

func (r *htmlReader) addLink(target string) int {
	d := r.d
	if len(d.Links) >= r.limits.MaxLinks || len(target) > 8192 {
		return 0
	}
	l := Link{Target: r.resolve(target)}
	l.Mail = mailOf(target)
	d.Links = append(d.Links, l)
	d.Links[len(d.Links)-1].From = -1
	r.links = append(r.links, len(d.Links)-1)
	return len(d.Links)
}

func (r *htmlReader) resolve(ref string) string {
	ref = strings.TrimSpace(ref)
	if r.base == nil || !r.base.IsAbs() || ref == "" {
		return ref
	}
	u, err := url.Parse(ref)
	if err != nil {
		return ref
	}
	return r.base.ResolveReference(u).String()
}

func (r *htmlReader) end(tag atom.Atom) {
	if tag == atom.Br || tag == atom.P && !r.has(atom.P) {
		r.endBlock("\n")
		return
	}
	if r.over > 0 {
		if blockTag(tag) {
			r.endBlock("\n")
		}
		r.over--
		return
	}
	for i := len(r.stack) - 1; i >= 0 && i >= len(r.stack)-64; i-- {
		if r.stack[i].tag == tag {
			r.pop(i)
			return
		}
		if t := r.stack[i].tag; t == atom.Table || (t == atom.Td || t == atom.Th) && tag != atom.Table && tag != atom.Tr && tag != atom.Tbody && tag != atom.Thead {
			return // an end tag does not reach out of a cell
		}
	}
}

func (r *htmlReader) has(tag atom.Atom) bool {
	for i := len(r.stack) - 1; i >= 0 && i >= len(r.stack)-16; i-- {
		if r.stack[i].tag == tag {
			return true
		}
	}
	return false
}

// pop closes the open elements from the i-th on.
func (r *htmlReader) pop(i int) {
	for len(r.stack) > i {
		f := r.top()
		if blockTag(f.tag) {
			r.endBlock("\n")
		}
		r.stack = r.stack[:len(r.stack)-1]
		switch f.tag {
		case atom.A, atom.Span:
			if f.link > 0 && r.top().link != f.link {
				r.closeLink(f.link - 1)
			}
		case atom.Td, atom.Th:
			r.endCell()
		case atom.Tr:
			r.endRow()
		case atom.Table:
			r.endTable()
		case atom.Title:
			r.inTitle = false
		}
	}
}

func (r *htmlReader) closeLink(i int) {
	l := &r.d.Links[i]
	if l.From < 0 {
		l.From, l.To = len(r.out), len(r.out)
		r.links = r.links[:0]
		return
	}
	l.To = len(r.out)
}

// impliedEnd closes what the start of tag closes without an end tag.
func (r *htmlReader) impliedEnd(tag atom.Atom) {
	var closes, stops func(atom.Atom) bool
	is := func(as ...atom.Atom) func(atom.Atom) bool {
		return func(t atom.Atom) bool {
			for _, a := range as {
				if t == a {
					return true
				}
			}
			return false
		}
	}
	switch tag {
	case atom.Li:
		closes, stops = is(atom.Li), is(atom.Ul, atom.Ol, atom.Table)
	case atom.Dt, atom.Dd:
		closes, stops = is(atom.Dt, atom.Dd), is(atom.Dl, atom.Table)
	case atom.Td, atom.Th:
		closes, stops = is(atom.Td, atom.Th), is(atom.Tr, atom.Table)
	case atom.Tr:
		closes, stops = is(atom.Tr), is(atom.Table)
	case atom.Tbody, atom.Thead, atom.Tfoot:
		closes, stops = is(atom.Tbody, atom.Thead, atom.Tfoot), is(atom.Table)
	case atom.Body:
		closes, stops = is(atom.Head), is(atom.Body)
	case atom.A:
		closes, stops = is(atom.A), is(atom.Td, atom.Table)
	default:
		if !blockTag(tag) {
			return
		}
		closes, stops = is(atom.P), is(atom.Td, atom.Th, atom.Table, atom.Li, atom.Div, atom.Button)
	}
	for i := len(r.stack) - 1; i >= 0 && i >= len(r.stack)-64; i-- {
		t := r.stack[i].tag
		if closes(t) {
			r.pop(i)
			return
		}
		if stops(t) {
			return
		}
	}
}

func (r *htmlReader) finish(src []byte) {
	r.pop(0)
	r.endBlock("")
	for len(r.tables) > 0 {
		r.endTable()
	}
	d := r.d
	for i := range d.Links {
		if d.Links[i].From < 0 {
			d.Links[i].From, d.Links[i].To = len(r.out), len(r.out)
		}
	}
	d.Text = string(r.out)
	d.Title = strings.Join(strings.Fields(html.UnescapeString(string(r.title))), " ")
	if len(strings.TrimSpace(d.Text)) < 200 && r.scripts > 2 && len(src) > 2000 {
		d.condition(NeedsScript, Span{}, "hardly any text stands in the page itself: it seems to be filled in by scripts")
	}
}

func voidTag(t atom.Atom) bool {
	switch t {
	case atom.Area, atom.Base, atom.Br, atom.Col, atom.Embed, atom.Hr, atom.Img, atom.Input, atom.Link, atom.Meta,
		atom.Param, atom.Source, atom.Track, atom.Wbr:
		return true
	}
	return false
}

func blockTag(t atom.Atom) bool {
	switch t {
	case atom.Address, atom.Article, atom.Aside, atom.Blockquote, atom.Body, atom.Caption, atom.Center, atom.Dd, atom.Details,
		atom.Dialog, atom.Div, atom.Dl, atom.Dt, atom.Fieldset, atom.Figcaption, atom.Figure, atom.Footer, atom.Form, atom.H1,
		atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Header, atom.Html, atom.Legend, atom.Li, atom.Main, atom.Nav, atom.Ol,
		atom.P, atom.Pre, atom.Section, atom.Summary, atom.Table, atom.Tbody, atom.Td, atom.Tfoot, atom.Th, atom.Thead, atom.Tr, atom.Ul:
		return true
	}
	return false
}
