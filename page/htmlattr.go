package page

import (
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// attrs are the attributes that matter.
type attrs struct {
	href, src, alt, title, typ, name, label, placeholder, cfmail, content, lang string
	hide, open, required                                                        bool
	colspan, rowspan                                                            int
}

func (r *htmlReader) attributes(z *html.Tokenizer, more bool, tag atom.Atom, f *frame) attrs {
	a := attrs{colspan: 1, rowspan: 1}
	for more {
		var k, v []byte
		k, v, more = z.TagAttr()
		switch string(k) {
		case "href":
			a.href = string(v)
		case "src", "data-src":
			if a.src == "" && len(v) < 4096 {
				a.src = string(v)
			}
		case "alt":
			a.alt = string(v)
		case "title":
			a.title = string(v)
		case "type":
			a.typ = strings.ToLower(string(v))
			if a.typ == "hidden" && tag == atom.Input {
				a.hide = true
			}
		case "name":
			a.name = string(v)
		case "aria-label":
			a.label = string(v)
		case "placeholder":
			a.placeholder = string(v)
		case "data-cfemail":
			a.cfmail = string(v)
		case "content":
			a.content = string(v)
		case "lang":
			a.lang = string(v)
		case "hidden":
			a.hide = !strings.EqualFold(string(v), "until-found")
			if !a.hide {
				f.hidden |= Folded
			}
		case "open":
			a.open = true
		case "required":
			a.required = true
		case "aria-hidden":
			if strings.EqualFold(string(v), "true") {
				f.hidden |= AriaHidden
			}
		case "role":
			if string(v) == "navigation" || string(v) == "contentinfo" {
				f.hidden |= Navigation
			}
		case "style":
			s := strings.ToLower(strings.ReplaceAll(string(v), " ", ""))
			if strings.Contains(s, "display:none") || strings.Contains(s, "visibility:hidden") {
				a.hide = true
			}
		case "colspan":
			a.colspan = spanOf(v, 64)
		case "rowspan":
			a.rowspan = spanOf(v, 2000)
		}
	}
	return a
}

func spanOf(v []byte, most int) int {
	n, err := strconv.Atoi(strings.TrimSpace(string(v)))
	if err != nil || n < 1 {
		return 1
	}
	return min(n, most)
}

// mailOf returns the address of a mail link, also of one that a proxy has rewritten.
func mailOf(target string) string {
	if i := strings.Index(target, "/cdn-cgi/l/email-protection#"); i >= 0 {
		return cloudflareMail(target[i+len("/cdn-cgi/l/email-protection#"):])
	}
	if len(target) < 7 || !strings.EqualFold(target[:7], "mailto:") {
		return ""
	}
	addr, _, _ := strings.Cut(target[7:], "?")
	if u, err := url.PathUnescape(addr); err == nil {
		addr = u
	}
	if s := findMail(addr, 0); s.To > s.From {
		return addr[s.From:s.To]
	}
	return ""
}

// cloudflareMail decodes an address that Cloudflare hides in pages: hexadecimal, the first byte is the key of an XOR.
func cloudflareMail(h string) string {
	if len(h) < 10 || len(h) > 512 || len(h)%2 != 0 {
		return ""
	}
	b := make([]byte, 0, len(h)/2)
	for i := 0; i < len(h); i += 2 {
		v, err := strconv.ParseUint(h[i:i+2], 16, 8)
		if err != nil {
			return ""
		}
		b = append(b, byte(v))
	}
	for i := 1; i < len(b); i++ {
		b[i] ^= b[0]
	}
	s := string(b[1:])
	if m := findMail(s, 0); m.From == 0 && m.To == len(s) {
		return s
	}
	return ""
}
