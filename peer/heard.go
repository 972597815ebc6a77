package peer

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Kinds of what a device sends.
const (
	kindHTTP  = "HTTP request"
	kindHTTP2 = "HTTP/2 connection"
	kindMQTT  = "MQTT CONNECT"
	kindText  = "text"
	kindBytes = "bytes"
)

var requestLine = regexp.MustCompile(`^([A-Z]{3,10}) (\S+) (HTTP/1\.[01])$`)

// hear says what the first bytes of a device are, and which log-in they hold, and
// nothing of what they say.
func hear(b []byte) Heard {
	h := Heard{Kind: kindBytes, Bytes: len(b)}
	switch {
	case bytes.HasPrefix(b, []byte("PRI * HTTP/2.0\r\n")):
		h.Kind = kindHTTP2
	case len(b) > 0 && b[0] == 0x10:
		if secret, ok := hearMQTT(b); ok {
			h.Kind, h.Secret = kindMQTT, secret
		}
	default:
		head, rest, _ := bytes.Cut(b, []byte("\n"))
		if m := requestLine.FindSubmatch(bytes.TrimSuffix(head, []byte("\r"))); m != nil {
			h.Kind, h.Line = kindHTTP, fmt.Sprintf("%s %s", m[1], plainPath(string(m[2])))
			h.Secret = hearHeaders(rest)
		} else if utf8.Valid(b) && strings.IndexFunc(string(b), func(r rune) bool { return r < 0x20 && r != '\n' && r != '\r' && r != '\t' }) < 0 {
			h.Kind = kindText
		}
	}
	return h
}

var plainSegment = regexp.MustCompile(`^[A-Za-z][A-Za-z._-]{0,23}$|^v[0-9]{1,3}$`)

// plainPath is a path in which only words are left: what may be an identifier or a
// token is a star, and so is a query.
func plainPath(target string) string {
	path, query, asked := strings.Cut(target, "?")
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if p != "" && !plainSegment.MatchString(p) {
			parts[i] = "*"
		}
	}
	out := strings.Join(parts[:min(len(parts), 8)], "/")
	if asked && query != "" {
		out += "?*"
	}
	return printable(out, 120)
}

var keyHeader = regexp.MustCompile(`^(x-)?(api-?key|auth|auth-token|access-token|token|device-token|amz-security-token)$`)

// hearHeaders names the header by which an HTTP request logs in. Digest proves a
// password without sending it; a cookie may be none.
func hearHeaders(b []byte) string {
	for line := range bytes.Lines(b) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			return ""
		}
		name, value, ok := strings.Cut(string(line), ":")
		value = strings.TrimSpace(value)
		name = strings.ToLower(strings.TrimSpace(name))
		switch {
		case !ok || value == "":
		case name == "authorization" || name == "proxy-authorization":
			scheme, secret, _ := strings.Cut(value, " ")
			switch strings.ToLower(scheme) {
			case "basic", "bearer":
				if strings.TrimSpace(secret) != "" {
					return "Authorization: " + strings.ToUpper(scheme[:1]) + strings.ToLower(scheme[1:])
				}
			}
		case keyHeader.MatchString(name):
			return name
		}
	}
	return ""
}

// hearMQTT reads the first message of MQTT 3 and 5 as far as it tells whether a
// password comes with it (MQTT 3.1.1, 3.1; MQTT 5.0, 3.1).
func hearMQTT(b []byte) (secret string, ok bool) {
	length, at := 0, 1
	for shift := 0; ; shift += 7 {
		if at >= len(b) || shift > 21 {
			return "", false
		}
		c := b[at]
		at++
		length |= int(c&0x7f) << shift
		if c&0x80 == 0 {
			break
		}
	}
	m := b[at:]
	m = m[:min(len(m), length)]
	take := func() ([]byte, bool) {
		if len(m) < 2 {
			return nil, false
		}
		n := int(m[0])<<8 | int(m[1])
		if len(m) < 2+n {
			return nil, false
		}
		v := m[2 : 2+n]
		m = m[2+n:]
		return v, true
	}
	name, whole := take()
	if !whole || string(name) != "MQTT" && string(name) != "MQIsdp" || len(m) < 4 {
		return "", false
	}
	version, flags := m[0], m[1]
	m = m[4:]
	properties := func() bool { // of version 5: one length, of at most 4 bytes
		if version != 5 {
			return true
		}
		n := 0
		for shift := 0; shift <= 21; shift += 7 {
			if len(m) == 0 {
				return false
			}
			c := m[0]
			m = m[1:]
			n |= int(c&0x7f) << shift
			if c&0x80 == 0 {
				if n > len(m) {
					return false
				}
				m = m[n:]
				return true
			}
		}
		return false
	}
	if flags&0x40 == 0 || !properties() {
		return "", true
	}
	if _, whole = take(); !whole { // its own identifier
		return "", true
	}
	if flags&0x04 != 0 { // a last will
		if !properties() {
			return "", true
		}
		if _, whole = take(); !whole {
			return "", true
		}
		if _, whole = take(); !whole {
			return "", true
		}
	}
	if flags&0x80 != 0 {
		if _, whole = take(); !whole {
			return "", true
		}
	}
	if word, whole := take(); whole && len(word) > 0 {
		return "MQTT password", true
	}
	return "", true
}

// printable makes a line of a text: what a screen or a file could take amiss is
// written as a number, and what is long is cut.
func printable(s string, most int) string {
	cut := len(s) > most
	if cut {
		s = s[:most]
	}
	var out strings.Builder
	for _, r := range s {
		switch {
		case r < 0x20, r == 0x7f, r == utf8.RuneError, r >= 0x80 && r < 0xa0, r >= 0x200b && r <= 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0xfeff:
			fmt.Fprintf(&out, "\\u%04x", r)
		default:
			out.WriteRune(r)
		}
	}
	if cut {
		out.WriteString("...")
	}
	return out.String()
}
