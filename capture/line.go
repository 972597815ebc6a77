package capture

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// maxLine bounds a line of the protocols that speak in lines.
const maxLine = 8 << 10

// lineReader reads FTP, SMTP, POP3 and IMAP.
type lineReader struct {
	kind  string
	user  string
	last  *Credential
	sent  bool   // a password was sent since the user was named
	login string // step of a log-in in several lines: "user", "pass"
	tls   bool   // encryption was asked for
	mail  bool   // the text of a message is on its way
}

// lineProtocol finds which protocol of lines a flow speaks; nil where none, or it is not clear yet.
func lineProtocol(f *flow, port uint16) reader {
	c, s := f.pend[f.client], f.pend[f.client.other()]
	first := func(b []byte) string {
		line, _, _ := bytes.Cut(b[:min(len(b), 256)], []byte("\n"))
		return strings.ToUpper(strings.TrimSpace(string(line)))
	}
	cl, sl := first(c), first(s)
	starts := func(s string, words ...string) bool {
		for _, w := range words {
			if strings.HasPrefix(s, w) {
				return true
			}
		}
		return false
	}
	kind := ""
	switch {
	case starts(sl, "220 ", "220-"):
		switch {
		case starts(cl, "EHLO ", "HELO "), strings.Contains(sl, "SMTP"), strings.Contains(sl, "ESMTP"):
			kind = "smtp"
		case starts(cl, "USER ", "AUTH ", "SYST", "FEAT", "PASS"), strings.Contains(sl, "FTP"), port == 21:
			kind = "ftp"
		case port == 25 || port == 587 || port == 2525:
			kind = "smtp"
		}
	case starts(sl, "+OK") && (port == 110 || starts(cl, "USER ", "CAPA", "APOP ", "AUTH", "STLS")):
		kind = "pop3"
	case starts(sl, "* OK") && (port == 143 || strings.Contains(sl, "IMAP")):
		kind = "imap"
	case port == 21 && starts(cl, "USER ", "PASS ", "RETR ", "LIST", "TYPE ", "PASV", "PORT ", "CWD ", "EPSV", "STOR ", "SYST"):
		kind = "ftp"
	}
	if kind == "" {
		return nil
	}
	f.label, f.guard = kind, Clear
	return &lineReader{kind: kind}
}

func (r *lineReader) gap(*tracker, *flow, side) {}

func (r *lineReader) read(t *tracker, f *flow, from side, b []byte) int {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		if len(b) > maxLine {
			return len(b) // no line of these protocols is so long: what is said is not for us
		}
		return 0
	}
	line := strings.TrimRight(string(b[:min(i, maxLine)]), "\r")
	if from == f.client {
		r.command(t, f, line)
	} else {
		r.reply(t, f, from, line)
	}
	return i + 1
}

func (r *lineReader) command(t *tracker, f *flow, line string) {
	word, rest, _ := strings.Cut(line, " ")
	if r.kind == "imap" { // each command has a tag before it
		word, rest, _ = strings.Cut(rest, " ")
	}
	word = strings.ToUpper(word)
	how := strings.ToUpper(r.kind) + " "
	switch {
	case r.mail:
		r.mail = line != "."
	case r.login != "":
		r.step(t, f, line)
	case word == "USER":
		r.user, r.sent = strings.Clone(rest[:min(len(rest), maxSecret)]), false // not the whole line
	case word == "PASS":
		r.sent = true
		r.last = t.credential(f, Credential{Kind: "password", How: how + "PASS", User: r.user, Secret: Secret(rest), Public: anonymous(r.kind, r.user)})
	case word == "LOGIN" && r.kind == "imap":
		user, password, _ := strings.Cut(rest, " ")
		r.last = t.credential(f, Credential{Kind: "password", How: how + "LOGIN", User: strings.Trim(user, `"`), Secret: Secret(strings.Trim(strings.TrimSpace(password), `"`))})
	case word == "AUTH" || word == "AUTHENTICATE":
		r.auth(t, f, rest)
	case word == "STARTTLS" || word == "STLS":
		r.tls = true
	case word == "DATA" && r.kind == "smtp":
		r.mail = true
	case word == "RETR" && r.kind == "ftp":
		if why := firmwareLike(rest, "", "", nil); why != "" || firmwareName(rest) {
			t.object(f, Object{What: "firmware-like", How: "ftp", Why: "its name is that of an update; its content was not looked at", Where: f.server().Addr().String() + " " + rest})
		}
	case r.kind == "ftp" && word == "PORT":
		if a, ok := portArgument(rest); ok {
			t.expect(a, "ftp-data")
		}
	case r.kind == "ftp" && word == "EPRT":
		if p := strings.Split(rest, "|"); len(p) >= 4 {
			ip, err := netip.ParseAddr(p[2])
			if n, e := strconv.ParseUint(p[3], 10, 16); err == nil && e == nil {
				t.expect(netip.AddrPortFrom(ip.Unmap(), uint16(n)), "ftp-data")
			}
		}
	}
}

// anonymous reports a log-in that is meant for everybody.
func anonymous(kind, user string) bool {
	u := strings.ToLower(user)
	return kind == "ftp" && (u == "anonymous" || u == "ftp")
}

// auth reads a log-in by SASL, or FTP's wish for encryption.
func (r *lineReader) auth(t *tracker, f *flow, rest string) {
	word, first, _ := strings.Cut(rest, " ")
	switch strings.ToUpper(word) {
	case "TLS", "SSL", "TLS-C":
		r.tls = true
	case "PLAIN":
		if r.login = "plain"; first != "" && first != "=" {
			r.step(t, f, first)
		}
	case "LOGIN":
		if r.login = "user"; first != "" && first != "=" {
			r.step(t, f, first)
		}
	default:
		t.detail(f, f.client, "log-in", strings.ToUpper(word))
	}
}

// step reads a line of a log-in in several lines.
func (r *lineReader) step(t *tracker, f *flow, line string) {
	plain, err := base64.StdEncoding.DecodeString(strings.TrimSpace(line))
	step := r.login
	r.login = ""
	if err != nil {
		return
	}
	switch step {
	case "plain":
		if p := bytes.Split(plain, []byte{0}); len(p) == 3 {
			r.last = t.credential(f, Credential{Kind: "password", How: strings.ToUpper(r.kind) + " AUTH PLAIN", User: string(p[1]), Secret: Secret(p[2])})
		}
	case "user":
		r.user, r.login = string(plain[:min(len(plain), maxSecret)]), "pass"
	case "pass":
		r.last = t.credential(f, Credential{Kind: "password", How: strings.ToUpper(r.kind) + " AUTH LOGIN", User: r.user, Secret: Secret(plain)})
	}
}

func (r *lineReader) reply(t *tracker, f *flow, from side, line string) {
	if f.packets[from] < 6 && (r.kind != "imap" || strings.HasPrefix(line, "* OK")) && len(f.need().Details) == 0 {
		t.detail(f, from, "software", strings.TrimLeft(line, "+-* 0123456789"))
	}
	good, bad := false, false
	switch r.kind {
	case "ftp":
		good, bad = strings.HasPrefix(line, "230"), strings.HasPrefix(line, "530") || strings.HasPrefix(line, "430")
		if good && r.user != "" && !r.sent {
			t.opened(f, fmt.Sprintf("FTP as user %s, without a password", printable(r.user)))
		}
		r.data(t, f, from, line)
		if r.tls && strings.HasPrefix(line, "234") {
			r.upgrade(f)
			return
		}
	case "smtp":
		good, bad = strings.HasPrefix(line, "235"), strings.HasPrefix(line, "535") || strings.HasPrefix(line, "534")
		if r.tls && strings.HasPrefix(line, "220") && f.packets[f.client] > 1 {
			r.upgrade(f)
			return
		}
	case "pop3":
		good, bad = strings.HasPrefix(line, "+OK"), strings.HasPrefix(line, "-ERR")
		if r.tls && good {
			r.upgrade(f)
			return
		}
	case "imap":
		_, rest, _ := strings.Cut(line, " ")
		good, bad = strings.HasPrefix(rest, "OK") && !strings.HasPrefix(line, "*"), strings.HasPrefix(rest, "NO")
		if r.tls && good {
			r.upgrade(f)
			return
		}
	}
	if r.last != nil && (good || bad) {
		if good {
			t.answer(r.last, Accepted, line)
			if r.last.Public {
				t.opened(f, "FTP as user "+printable(r.last.User)+", with any password")
			}
		} else {
			t.answer(r.last, Refused, line)
		}
		r.last = nil
	}
	r.tls = r.tls && !bad
}

// upgrade hands the flow to TLS, which begins where the lines end.
func (r *lineReader) upgrade(f *flow) {
	clearPart := r.kind
	f.reader = newTLS(f)
	f.label = clearPart + "+tls"
}

// data notes the port on which FTP will send a file.
func (r *lineReader) data(t *tracker, f *flow, from side, line string) {
	open, end := strings.IndexByte(line, '('), strings.LastIndexByte(line, ')')
	if open < 0 || end < open {
		return
	}
	inner := line[open+1 : end]
	switch {
	case strings.HasPrefix(line, "227"):
		if a, ok := portArgument(inner); ok {
			t.expect(a, "ftp-data")
			t.expect(netip.AddrPortFrom(f.end(from).Addr(), a.Port()), "ftp-data")
		}
	case strings.HasPrefix(line, "229"):
		if n, err := strconv.ParseUint(strings.Trim(inner, "|"), 10, 16); err == nil {
			t.expect(netip.AddrPortFrom(f.end(from).Addr(), uint16(n)), "ftp-data")
		}
	}
}

// portArgument reads FTP's h1,h2,h3,h4,p1,p2.
func portArgument(s string) (netip.AddrPort, bool) {
	p := strings.Split(strings.TrimSpace(s), ",")
	if len(p) != 6 {
		return netip.AddrPort{}, false
	}
	var n [6]uint8
	for i := range p {
		v, err := strconv.ParseUint(strings.TrimSpace(p[i]), 10, 8)
		if err != nil {
			return netip.AddrPort{}, false
		}
		n[i] = uint8(v)
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(n[:4])), uint16(n[4])<<8|uint16(n[5])), true
}
