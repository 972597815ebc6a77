package page

import (
	"context"
	"regexp"
	"strings"
)

var (
	frontLine  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_ -]{0,40}:(\s|$)`)
	listMark   = regexp.MustCompile(`^\s*(?:[-*+•·‣◦▪–]|\(?\d{1,3}[.)]|\(?[a-z][.)])\s+`)
	tableLine  = regexp.MustCompile(`^\s*\|?\s*:?-{2,}:?\s*(\|\s*:?-{2,}:?\s*)+\|?\s*$`)
	mdLink     = regexp.MustCompile(`(!?)\[([^\[\]]{0,500})\]\(\s*<?([^()\s<>]*(?:\([^()\s<>]*\)[^()\s<>]*)*)>?(?:\s+"[^"]*")?\s*\)`)
	htmlInText = regexp.MustCompile(`(?s)<!--.*?-->`)
)

// readPlain reads text and Markdown. Text is the source itself, so that every place is a place in the source.
func readPlain(ctx context.Context, d *Document, src []byte, limits Limits) error {
	d.Text = string(src)
	t := d.Text
	pos := frontMatter(d)
	hidden := htmlInText.FindAllStringIndex(t, -1)
	var lines []Span
	for from := pos; from < len(t); {
		to := strings.IndexByte(t[from:], '\n')
		if to < 0 {
			to = len(t)
		} else {
			to += from
		}
		lines = append(lines, Span{from, to})
		from = to + 1
	}
	p := plainReader{d: d, lines: lines, limits: limits, markdown: d.Kind == Markdown}
	for p.at < len(p.lines) {
		if p.at&0xfff == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		p.block()
	}
	for _, h := range hidden {
		for i := range d.Blocks {
			if b := &d.Blocks[i]; b.From >= h[0] && b.To <= h[1] {
				b.Hidden |= NotShown
			}
		}
	}
	if d.Kind == Markdown {
		markdownLinks(d, limits)
	}
	for _, b := range d.Blocks {
		if b.Kind == Heading {
			d.Title = strings.Trim(d.Quote(b.Span), "# \t=")
			break
		}
	}
	return nil
}

// frontMatter passes over facts about the file that stand before its text: YAML between two lines of dashes, or
// "key: value" lines that end with a line of dashes. It returns where the text begins.
func frontMatter(d *Document) int {
	t := strings.TrimPrefix(d.Text, "\ufeff")
	skipped := len(d.Text) - len(t)
	pos := skipped
	rest := t
	opened := false
	if body, ok := strings.CutPrefix(strings.ReplaceAll(t[:min(len(t), 8)], "\r", ""), "---\n"); ok && !strings.HasPrefix(body, "\n") {
		// YAML: whatever stands up to the closing line, if there is one.
		for at := strings.IndexByte(t, '\n') + 1; at > 0 && at < len(t) && at < 1<<20; {
			line, _, more := strings.Cut(t[at:], "\n")
			next := at + len(line) + 1
			if l := strings.TrimRight(line, " \r\t"); l == "---" || l == "..." {
				end := min(skipped+next, len(d.Text))
				d.Blocks = append(d.Blocks, Block{Span: trim(d.Text, Span{skipped, end}), Kind: Front})
				return end
			}
			if !more {
				break
			}
			at = next
		}
		return skipped
	}
	for n := 0; n < 60; n++ {
		line, after, ok := strings.Cut(rest, "\n")
		line = strings.TrimRight(line, " \r\t")
		if line == "---" {
			if n == 0 {
				opened = true
			} else {
				end := len(d.Text) - len(after)
				d.Blocks = append(d.Blocks, Block{Span: trim(d.Text, Span{pos, end}), Kind: Front})
				return end
			}
		} else if !frontLine.MatchString(line) && !(opened && n > 0 && (line == "" || strings.HasPrefix(line, " ") || strings.HasPrefix(line, "-") || strings.HasPrefix(line, "#"))) {
			return skipped
		}
		if !ok {
			return skipped
		}
		rest = after
	}
	return skipped
}

type plainReader struct {
	d        *Document
	lines    []Span
	limits   Limits
	at       int
	markdown bool
	cells    int
}

func (p *plainReader) line(i int) string {
	if i >= len(p.lines) {
		return ""
	}
	return strings.TrimRight(p.d.Quote(p.lines[i]), "\r \t")
}

func (p *plainReader) add(from, to int, k BlockKind, level int) {
	s := trim(p.d.Text, Span{from, to})
	if s.To > s.From {
		p.d.Blocks = append(p.d.Blocks, Block{Span: s, Kind: k, Level: level, lines: !p.markdown && k != Row})
	}
}

// block reads one block from the line at p.at on.
func (p *plainReader) block() {
	l := p.line(p.at)
	s := p.lines[p.at]
	trimmed := strings.TrimSpace(l)
	switch {
	case trimmed == "":
		p.at++
	case p.markdown && (strings.HasPrefix(trimmed, "```") || strings.HasPrefix(trimmed, "~~~")):
		fence := trimmed[:3]
		j := p.at + 1
		for j < len(p.lines) && !strings.HasPrefix(strings.TrimSpace(p.line(j)), fence) {
			j++
		}
		p.add(s.To, p.lines[min(j, len(p.lines)-1)].To, Code, 0)
		p.at = j + 1
	case p.markdown && trimmed[0] == '#':
		level := len(trimmed) - len(strings.TrimLeft(trimmed, "#"))
		p.add(s.From, s.To, Heading, min(level, 6))
		p.at++
	case p.markdown && p.at+1 < len(p.lines) && setext(p.line(p.at+1)) && !strings.Contains(l, "|"):
		p.add(s.From, s.To, Heading, 2)
		p.at += 2
	case p.tableHere():
		p.table()
	default:
		p.paragraph()
	}
}

func setext(l string) bool {
	l = strings.TrimSpace(l)
	return len(l) >= 3 && (strings.Trim(l, "=") == "" || strings.Trim(l, "-") == "")
}

// paragraph joins the lines that belong together: in Markdown up to a blank line or another kind of block, in plain
// text as long as the lines look like one sentence broken by the width of the page.
func (p *plainReader) paragraph() {
	i := p.at
	j := i + 1
	for j < len(p.lines) && p.continues(j) {
		j++
	}
	kind, level := Paragraph, 0
	l := p.line(i)
	if listMark.MatchString(l) {
		kind = Item
	}
	if !p.markdown && j == i+1 && plainHeading(l, p.line(j), i == 0 || p.line(i-1) == "" || len(p.d.Blocks) == 0 || p.d.Blocks[len(p.d.Blocks)-1].Kind == Front, len(p.d.Blocks) == 0 || len(p.d.Blocks) == 1 && p.d.Blocks[0].Kind == Front) {
		kind, level = Heading, 2
		if len(p.d.Blocks) == 0 || p.d.Blocks[len(p.d.Blocks)-1].Kind == Front && len(p.d.Blocks) == 1 {
			level = 1
		}
	}
	p.add(p.lines[i].From, p.lines[j-1].To, kind, level)
	p.at = j
}

func (p *plainReader) continues(j int) bool {
	l := p.line(j)
	t := strings.TrimSpace(l)
	if t == "" || listMark.MatchString(l) {
		return false
	}
	prev := strings.TrimSpace(p.line(j - 1))
	if p.markdown {
		return t[0] != '#' && !strings.HasPrefix(t, "```") && !strings.HasPrefix(t, "|") && t[0] != '>' &&
			!(j+1 < len(p.lines) && tableLine.MatchString(p.line(j+1)))
	}
	if strings.Count(t, "|") > 1 || strings.Contains(prev, " | ") {
		return false
	}
	c := prev[len(prev)-1]
	if lower(t[0]) {
		return len(prev) >= 45 && c != '.' && c != ':' && c != '!' && c != '?'
	}
	if c == '.' || c == '!' || c == '?' || c == ':' || c == ';' || c == '|' {
		return false
	}
	return len(prev) >= 60 && !(j+1 < len(p.lines) && setext(p.line(j+1)))
}

func lower(c byte) bool { return c >= 'a' && c <= 'z' || c == '(' || c == '`' }

// plainHeading reports whether a line of plain text stands as a heading: short, alone, and no sentence.
func plainHeading(l, next string, alone, first bool) bool {
	l = strings.TrimSpace(l)
	if l == "" || len(l) > 140 || strings.Contains(l, " | ") || strings.Contains(l, "@") || strings.Contains(l, ": ") && !first {
		return false
	}
	switch l[len(l)-1] {
	case '.', ',', ';', '!', ':':
		return false
	}
	if next != "" && setext(next) {
		return true
	}
	words := strings.Fields(l)
	next = strings.TrimSpace(next)
	sentence := len(next) > 40 && strings.IndexByte(".!?:", next[len(next)-1]) >= 0
	return len(words) <= 16 && (alone && (first || len(FindDates(l)) == 0) || len(words) <= 8 && sentence && !strings.ContainsAny(l, ".:,0123456789"))
}

func (p *plainReader) tableHere() bool {
	l := p.line(p.at)
	if p.markdown {
		return strings.Contains(l, "|") && tableLine.MatchString(p.line(p.at+1))
	}
	if strings.Contains(l, "\t") {
		return len(splitCells(l, '\t')) > 1 && strings.Contains(p.line(p.at+1), "\t")
	}
	return strings.Contains(l, " | ") || strings.HasPrefix(strings.TrimSpace(l), "|") && strings.Count(l, "|") > 2
}

func splitCells(l string, by byte) []Span {
	var out []Span
	from := 0
	for i := 0; i <= len(l); i++ {
		if i == len(l) || l[i] == by && (i == 0 || l[i-1] != '\\') {
			out = append(out, Span{from, i})
			from = i + 1
		}
	}
	if by == '|' {
		if len(out) > 1 && strings.TrimSpace(l[out[0].From:out[0].To]) == "" {
			out = out[1:]
		}
		if n := len(out); n > 1 && strings.TrimSpace(l[out[n-1].From:out[n-1].To]) == "" {
			out = out[:n-1]
		}
	}
	return out
}

func (p *plainReader) table() {
	t := Table{Span: Span{p.lines[p.at].From, p.lines[p.at].To}}
	by := byte('|')
	if !strings.Contains(p.line(p.at), "|") {
		by = '\t'
	}
	for ; p.at < len(p.lines); p.at++ {
		l := p.line(p.at)
		if strings.TrimSpace(l) == "" || strings.IndexByte(l, by) < 0 {
			break
		}
		s := p.lines[p.at]
		t.To = s.To
		if tableLine.MatchString(l) {
			continue
		}
		var row []Cell
		for _, c := range splitCells(l, by) {
			if p.cells++; p.cells > p.limits.MaxTable {
				p.d.condition(Truncated, Span{}, "the tables have too many cells: the rest was read as text only")
				break
			}
			row = append(row, Cell{Span: trim(p.d.Text, Span{s.From + c.From, s.From + c.To}), Header: p.markdown && len(t.Rows) == 0})
		}
		t.Rows = append(t.Rows, row)
		p.add(s.From, s.To, Row, 0)
	}
	if len(t.Rows) > 0 {
		p.d.Tables = append(p.d.Tables, t)
	}
}

func markdownLinks(d *Document, limits Limits) {
	for _, m := range mdLink.FindAllStringSubmatchIndex(d.Text, limits.MaxLinks) {
		target := d.Text[m[6]:m[7]]
		if m[3] > m[2] {
			d.Images = append(d.Images, Image{At: m[0], Source: target, Alt: d.Text[m[4]:m[5]]})
			continue
		}
		d.Links = append(d.Links, Link{Span: Span{m[4], m[5]}, Target: target, Mail: mailOf(target)})
	}
}
