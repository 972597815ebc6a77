package rootfs

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// A script is one shell text, parsed. The parser is a library's; what the text does is read in walk.go.
type script struct {
	name   string // without links; for a command line of another file, that file
	src    []byte
	interp string // what the first line names, "sh" when it names nothing
	arg    string // the first argument of the first line: /etc/rc.common
	stmts  []*syntax.Stmt
	broken string // why a part of it could not be parsed
	fixed  *Place // where the text stands when it is a command line of another file
}

// shell reports whether the script is one that a shell reads.
func (s *script) shell() bool { return shellName(s.interp) }

func (s *script) place(p syntax.Pos) Place {
	if s.fixed != nil {
		return *s.fixed
	}
	return Place{s.name, int(p.Line()), int64(p.Offset())}
}

// text returns what stands between the ends of a node, on one line.
func (s *script) text(n syntax.Node) string {
	from, to := int(n.Pos().Offset()), int(n.End().Offset())
	if from < 0 || to > len(s.src) || from > to {
		return ""
	}
	return strings.TrimRight(strings.Join(strings.Fields(string(s.src[from:min(to, from+400)])), " "), "; &")
}

// notText reports whether data is no text.
func notText(data []byte) bool { return bytes.IndexByte(data[:min(len(data), 1024)], 0) >= 0 }

// script returns the shell text in the regular file real, or nil when it is a binary program.
func (b *booter) script(real string) (*script, error) {
	if s, ok := b.scripts[real]; ok {
		return s, b.failed[real]
	}
	src, err := b.tree.readRegular(real, maxScriptBytes)
	if notText(src) || len(src) == 0 && err == nil {
		b.scripts[real] = nil
		return nil, nil
	}
	if err != nil {
		b.scripts[real], b.failed[real] = nil, err
		return nil, err
	}
	s := &script{name: real, src: src, interp: "sh"}
	if rest, ok := bytes.CutPrefix(src, []byte("#!")); ok {
		first, _, _ := bytes.Cut(rest, []byte("\n"))
		if f := strings.Fields(string(first)); len(f) > 0 {
			if path.Base(f[0]) == "env" && len(f) > 1 {
				f = f[1:]
			}
			if path.Base(f[0]) == "busybox" && len(f) > 1 {
				f = f[1:]
			}
			s.interp = path.Base(f[0])
			if len(f) > 1 {
				s.arg = f[1]
			}
		}
	}
	if s.shell() {
		s.parse()
	}
	b.scripts[real] = s
	return s, nil
}

// inline makes a script of a command line that stands at a place of some file.
func inline(text string, at Place) *script {
	s := &script{name: at.File, src: []byte(text), interp: "sh", fixed: &at}
	s.parse()
	return s
}

// parse reads the statements. After a part that is no shell it goes on with the next line, and keeps what it says.
func (s *script) parse() {
	for _, opener := range []string{"(", "`", "$["} {
		if bytes.Count(s.src, []byte(opener)) > maxOpeners {
			s.broken = "it has more of " + opener + " than a boot script has"
			return
		}
	}
	src := bytes.ReplaceAll(s.src, []byte("\r\n"), []byte(" \n")) // same length, so places stay true
	best, broken := parseAs(src, syntax.LangBash)
	if broken != "" {
		if other, why := parseAs(src, syntax.LangPOSIX); why == "" {
			best, broken = other, ""
		}
	}
	s.stmts, s.broken = best, broken
}

func parseAs(src []byte, lang syntax.LangVariant) (all []*syntax.Stmt, broken string) {
	src = slices.Clone(src)
	for range 32 {
		p := syntax.NewParser(syntax.Variant(lang))
		var got []*syntax.Stmt
		end := 0
		err := p.Stmts(bytes.NewReader(src), func(st *syntax.Stmt) bool {
			got = append(got, st)
			end = int(st.End().Offset())
			return true
		})
		all = append(all, got...)
		if err == nil {
			return all, broken
		}
		if broken == "" {
			broken = printable(err.Error(), 160)
		}
		// Blank everything up to the end of the line where the broken statement begins, and read on from there.
		for end < len(src) && (src[end] == ' ' || src[end] == '\t' || src[end] == '\n' || src[end] == ';' || src[end] == '&') {
			end++
		}
		if i := bytes.IndexByte(src[min(end, len(src)):], '\n'); i >= 0 {
			end += i + 1
		} else {
			return all, broken
		}
		blank(src[:min(end, len(src))])
	}
	return all, fmt.Sprintf("%s, and more after it", broken)
}

func blank(b []byte) {
	for i, c := range b {
		if c != '\n' {
			b[i] = ' '
		}
	}
}
