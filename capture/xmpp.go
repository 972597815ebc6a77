package capture

import (
	"bytes"
	"encoding/base64"
	"strings"
)

// xmppReader reads XMPP tag by tag, for log-ins and the change to encryption (RFC 6120).
type xmppReader struct {
	mechanism string
	last      *Credential
}

func (r *xmppReader) gap(*tracker, *flow, side) {}

func (r *xmppReader) read(t *tracker, f *flow, from side, b []byte) int {
	end := bytes.IndexByte(b, '>')
	if end < 0 {
		if len(b) > maxLine {
			return len(b) // a text of that length is no log-in
		}
		return 0
	}
	text, tag, ok := strings.Cut(string(b[:min(end, maxLine)]), "<")
	if !ok {
		return end + 1
	}
	name, _, _ := strings.Cut(strings.TrimSuffix(tag, "/"), " ")
	if from == f.client {
		switch name {
		case "auth":
			r.mechanism = attribute(tag, "mechanism")
			if r.mechanism != "PLAIN" {
				t.detail(f, from, "log-in", r.mechanism)
			}
		case "/auth":
			plain, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
			if p := bytes.Split(plain, []byte{0}); err == nil && r.mechanism == "PLAIN" && len(p) == 3 {
				r.last = t.credential(f, Credential{Kind: "password", How: "XMPP PLAIN", User: string(p[1]), Secret: Secret(p[2])})
			}
		}
		return end + 1
	}
	switch name {
	case "success":
		t.answer(r.last, Accepted, "success")
	case "failure":
		t.answer(r.last, Refused, "failure")
	case "proceed":
		f.reader = newTLS(f)
		f.label = "xmpp+tls"
	}
	return end + 1
}

// attribute is an attribute of a tag, in quotes of either kind.
func attribute(tag, name string) string {
	_, rest, ok := strings.Cut(tag, " "+name+"=")
	if !ok || len(rest) < 2 {
		return ""
	}
	v, _, _ := strings.Cut(rest[1:], rest[:1])
	return printable(v)
}
