package component

import (
	"net/url"
	"strings"
)

// cpe writes a name of the Common Platform Enumeration 2.3: thirteen fields, all of them.
func cpe(part, vendor, product, version, update string) string {
	if update == "" {
		update = "*"
	} else {
		update = cpeEscape(update)
	}
	return "cpe:2.3:" + part + ":" + cpeEscape(vendor) + ":" + cpeEscape(product) + ":" + cpeEscape(version) + ":" + update + ":*:*:*:*:*:*"
}

func cpeEscape(s string) string {
	if s == "" {
		return "*"
	}
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' || r == '.' || r == '-':
			b.WriteRune(r)
		case r > ' ' && r < 0x7f:
			b.WriteByte('\\')
			b.WriteRune(r)
		default:
			b.WriteByte('_')
		}
	}
	return b.String()
}

// cpeFields returns vendor and product of a name in either form: cpe:2.3:a:v:p:... or cpe:/a:v:p.
func cpeFields(s string) (part, vendor, product string) {
	s = strings.TrimSpace(s)
	if rest, ok := strings.CutPrefix(s, "cpe:2.3:"); ok {
		s = rest
	} else if rest, ok := strings.CutPrefix(s, "cpe:/"); ok {
		s = rest
	} else {
		return "", "", ""
	}
	var fields []string
	cur := strings.Builder{}
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			cur.WriteByte(s[i])
		case s[i] == ':':
			fields = append(fields, cur.String())
			cur.Reset()
		default:
			cur.WriteByte(s[i])
		}
	}
	fields = append(fields, cur.String())
	if len(fields) < 3 {
		return "", "", ""
	}
	return fields[0], fields[1], fields[2]
}

// purl writes a package URL. Qualifiers are given as key, value, in the order of their keys; empty values are left out.
func purl(kind, namespace, name, version string, qualifiers ...string) string {
	if kind == "" {
		kind = "generic"
	}
	esc := func(s string) string { return strings.ReplaceAll(url.PathEscape(s), ":", "%3A") }
	out := "pkg:" + kind + "/"
	if namespace != "" {
		out += esc(namespace) + "/"
	}
	out += strings.ReplaceAll(esc(name), "+", "%2B")
	if version != "" {
		out += "@" + strings.ReplaceAll(esc(version), "+", "%2B")
	}
	sep := "?"
	for i := 0; i+1 < len(qualifiers); i += 2 {
		if qualifiers[i+1] != "" {
			out += sep + qualifiers[i] + "=" + strings.ReplaceAll(esc(qualifiers[i+1]), "+", "%2B")
			sep = "&"
		}
	}
	return out
}
