package rootfs

import (
	"bytes"
	"encoding/xml"
	"regexp"
	"strings"
)

// A settingsReader reads one settings file.
type settingsReader struct {
	r    *ContentReader
	name string
	data []byte
	flat bool // the lines are ours: the file has none
}

func (s *settingsReader) add(c Credential, off int) {
	c.Place = placeIn(s.name, s.data, off)
	s.r.addCredential(c)
}

// userLines reads user:secret, one a line.
func (s *settingsReader) userLines(source string) {
	for _, ln := range lines(s.data) {
		text := strings.TrimSpace(ln.text)
		user, secret, ok := strings.Cut(text, ":")
		if !ok || text[0] == '#' || user == "" || strings.ContainsAny(user, " \t") {
			continue
		}
		if realm, digest, ok := strings.Cut(secret, ":"); ok && len(digest) == 32 {
			secret = digest
			_ = realm
		}
		c := Credential{Source: source, User: printable(user, 64), Secret: printable(secret, 512)}
		c.State, _, c.Why = classify(secret)
		if c.State == Hashed && !strings.ContainsAny(secret[:1], "$_{") && len(secret) != 13 && len(secret) != 32 {
			c.State = Plain
		}
		s.r.addCredential(Credential{Source: c.Source, User: c.User, Secret: c.Secret, State: c.State, Why: c.Why, Place: Place{s.name, ln.n, ln.off + int64(strings.Index(ln.text, ":")) + 1}})
	}
}

// httpd reads the /path:user:secret lines of BusyBox httpd.
func (s *settingsReader) httpd() {
	for _, ln := range lines(s.data) {
		text := strings.TrimSpace(ln.text)
		f := strings.SplitN(text, ":", 3)
		if len(f) != 3 || !strings.HasPrefix(f[0], "/") {
			continue
		}
		c := Credential{Source: "httpd.conf", Key: printable(f[0], 100), User: printable(f[1], 64), Secret: printable(f[2], 512), Place: Place{s.name, ln.n, ln.off}}
		switch c.State, _, c.Why = classify(f[2]); {
		case f[2] == "*":
			c.Why = "the password of the account in passwd is asked for"
		case c.State == Hashed && !strings.HasPrefix(f[2], "$"), c.State == Locked:
			c.State, c.Why = Plain, ""
		case c.State == Plain:
			c.Why = ""
		}
		s.r.addCredential(c)
	}
}

func (s *settingsReader) flags(source string, re *regexp.Regexp, why string) {
	for _, m := range re.FindAllIndex(s.data, 20) {
		s.add(Credential{Source: source, Key: printable(strings.TrimSpace(string(s.data[m[0]:m[1]])), 100), User: "anonymous", State: Empty, Why: why}, m[0])
	}
}

func (s *settingsReader) words(source string, re *regexp.Regexp) {
	for _, m := range re.FindAllSubmatchIndex(s.data, 200) {
		c := Credential{Source: source, Key: string(s.data[m[2]:m[3]])}
		if c.value(string(s.data[m[4]:m[5]])) {
			s.add(c, m[4])
		}
	}
}

func (s *settingsReader) ppp() {
	for _, ln := range lines(s.data) {
		f := strings.Fields(ln.text)
		if len(f) < 3 || strings.HasPrefix(f[0], "#") {
			continue
		}
		c := Credential{Source: "ppp", User: printable(strings.Trim(f[0], `"`), 64), Key: "secret"}
		if c.value(strings.Trim(f[2], `"`)) && c.State != Empty && f[2] != "*" && f[2] != `""` {
			c.Place = Place{s.name, ln.n, ln.off}
			s.r.addCredential(c)
		}
	}
}

var uciOption = regexp.MustCompile(`^\s*(?:option|list)\s+['"]?([A-Za-z0-9_]+)['"]?\s+(?:'([^']*)'|"([^"]*)"|(\S+))`)

// uci reads OpenWrt's settings. The key of a wireless section is a pass phrase.
func (s *settingsReader) uci() {
	user, section := "", ""
	for _, ln := range lines(s.data) {
		if f := strings.Fields(ln.text); len(f) > 1 && f[0] == "config" {
			user, section = "", strings.Trim(f[1], `'"`)
			continue
		}
		m := uciOption.FindStringSubmatchIndex(ln.text)
		if m == nil {
			continue
		}
		key, value, at := ln.text[m[2]:m[3]], "", 0
		for i := 4; i <= 8; i += 2 {
			if m[i] >= 0 {
				value, at = ln.text[m[i]:m[i+1]], m[i]
			}
		}
		if key == "username" || key == "user" {
			user = value
		}
		c := Credential{Source: "uci", Key: key, User: user}
		if key == "key" && section == "wifi-iface" || secretName(key) {
			if strings.HasPrefix(value, "$p$") {
				continue // the password of an account in passwd
			}
			if c.value(value) {
				c.Place = Place{s.name, ln.n, ln.off + int64(at)}
				s.r.addCredential(c)
			}
		}
	}
}

var pair = regexp.MustCompile(`^[ \t]*(?:export[ \t]+|set[ \t]+|local[ \t]+|readonly[ \t]+)?["']?([A-Za-z][A-Za-z0-9_.\-\[\]]{1,63})["']?[ \t]*(?:=|:[ \t]|:=)[ \t]*(.*)$`)

// pairs reads KEY=VALUE and KEY: VALUE lines.
func (s *settingsReader) pairs(source string) {
	users := map[string]string{} // by what stands before the word for the user
	section := ""
	for _, ln := range lines(s.data) {
		text := ln.text
		if t := strings.TrimSpace(text); strings.HasPrefix(t, "#") || strings.HasPrefix(t, ";") || strings.HasPrefix(t, "//") {
			continue
		} else if strings.HasPrefix(t, "[") {
			section, users = t, map[string]string{}
			continue
		}
		if len(text) > 4096 || !mayName(text) {
			continue
		}
		m := pair.FindStringSubmatchIndex(text)
		if m == nil {
			continue
		}
		key, raw := text[m[2]:m[3]], text[m[4]:m[5]]
		if s.flat && !strings.Contains(text[m[3]:m[4]], "=") {
			continue // a sentence with a colon
		}
		value, skip, plain := unquoteSetting(raw, source)
		if !plain {
			continue
		}
		if w := nameWords(key); len(w) > 0 {
			switch last := w[len(w)-1]; last {
			case "user", "username", "login", "account", "name", "usr":
				users[stem(key)] = value
				continue
			}
		}
		if !secretName(key) {
			continue
		}
		c := Credential{Source: source, Key: printable(key, 64)}
		c.User = users[stem(key)]
		if _, named := users[stem(key)]; !named && len(users) == 1 && section != "" {
			for _, u := range users {
				c.User = u
			}
		}
		c.User = printable(c.User, 64)
		if c.value(value) {
			if c.Place = (Place{s.name, ln.n, ln.off + int64(m[4]+skip)}); s.flat {
				c.Place.Line = 0
			}
			s.r.addCredential(c)
		}
	}
}

// stem is what a name for a user and a name for a password have in common: admin_username, admin_password.
func stem(key string) string {
	l := strings.ToLower(key)
	for _, w := range []string{"username", "password", "passwd", "user", "pass", "pwd", "login", "account", "name", "usr"} {
		l = strings.ReplaceAll(l, w, "")
	}
	return strings.Trim(l, "_-.")
}

// unquoteSetting takes the quotes and a comment behind the value away; plain is false when a program computes it.
func unquoteSetting(raw, source string) (value string, skip int, plain bool) {
	raw = strings.TrimRight(raw, " \t;,")
	if len(raw) > 0 && (raw[0] == '"' || raw[0] == '\'') {
		if end := strings.IndexByte(raw[1:], raw[0]); end >= 0 {
			value = strings.TrimLeft(raw[1:1+end], " ")
			return value, 1 + end - len(value), source != "script" || raw[0] == '\'' || !strings.ContainsAny(value, "$`")
		}
	}
	if source == "script" {
		if i := strings.IndexAny(raw, " \t;&|"); i >= 0 {
			raw = raw[:i]
		}
		return raw, 0, raw != "" && !strings.ContainsAny(raw, "$`(){}")
	}
	if i := strings.Index(raw, " #"); i >= 0 {
		raw = strings.TrimRight(raw[:i], " \t")
	}
	return raw, 0, true
}

var quotedPair = regexp.MustCompile(`["']?([A-Za-z_][A-Za-z0-9_.\-]{1,63})["']?[ \t]*[:=][ \t]*(?:"([^"\\\n]{0,128})"|'([^'\\\n]{0,128})')`)

// quoted reads "key": "value" and key = 'value' wherever they stand.
func (s *settingsReader) quoted(source string) {
	user := ""
	for _, ln := range lines(s.data) {
		if mayName(ln.text) && strings.ContainsAny(ln.text, `"'`) {
			user = s.quotedLine(source, ln, user)
		}
	}
}

func (s *settingsReader) quotedLine(source string, ln line, user string) string {
	for _, m := range quotedPair.FindAllStringSubmatchIndex(ln.text, 10_000) {
		key := ln.text[m[2]:m[3]]
		at, end := m[4], m[5]
		if at < 0 {
			at, end = m[6], m[7]
		}
		value := ln.text[at:end]
		if w := nameWords(key); len(w) > 0 && (w[len(w)-1] == "user" || w[len(w)-1] == "username" || w[len(w)-1] == "login") {
			user = value
			continue
		}
		if !secretName(key) {
			continue
		}
		c := Credential{Source: source, Key: key, User: printable(user, 64)}
		if !c.value(value) || c.Placeholder && source == "script" {
			continue
		}
		if source == "script" && (c.State == Empty || strings.ContainsAny(value, " <>#&?$()+") || strings.HasPrefix(value, ".") || strings.EqualFold(value, "password") || exampleWord(value) || len(value) < 3) {
			continue // a label, a selector, a type of input
		}
		c.Place = Place{s.name, ln.n, ln.off + int64(at)}
		s.r.addCredential(c)
	}
	return user
}

// xml reads <AdminPassword>x</AdminPassword>, <user password="x"> and <param name="Password" value="x">.
func (s *settingsReader) xml() {
	d := xml.NewDecoder(bytes.NewReader(s.data))
	d.Strict = false
	d.CharsetReader = nil
	element, user := "", ""
	var at int64
	for n := 0; n < 500_000; n++ {
		start := d.InputOffset()
		tok, err := d.RawToken()
		if err != nil {
			return // the readable part was read; an XML file that breaks off holds no more
		}
		switch t := tok.(type) {
		case xml.StartElement:
			element, at = t.Name.Local, d.InputOffset()
			name, value := "", ""
			has := false
			for _, a := range t.Attr {
				switch l := strings.ToLower(a.Name.Local); {
				case l == "name" || l == "key" || l == "id":
					name = a.Value
				case l == "value" || l == "val" || l == "default":
					value, has = a.Value, true
				case l == "user" || l == "username" || l == "login":
					user = a.Value
				}
				if secretName(a.Name.Local) {
					s.xmlValue(a.Name.Local, user, a.Value, int(start))
				}
			}
			if has && isUserName(name) {
				user = value
			}
			if has && secretName(name) {
				s.xmlValue(name, user, value, int(start))
			}
		case xml.CharData:
			text := strings.TrimSpace(string(t))
			if isUserName(element) && text != "" {
				user = text
			}
			if element != "" && secretName(element) {
				s.xmlValue(element, user, text, int(at))
			}
			element = ""
		case xml.EndElement:
			if element != "" && secretName(element) {
				s.xmlValue(element, user, "", int(at)) // <Password></Password>
			}
			element = ""
		}
	}
}

func isUserName(key string) bool {
	w := nameWords(key)
	if len(w) == 0 {
		return false
	}
	switch w[len(w)-1] {
	case "user", "username", "login", "account":
		return true
	}
	return strings.Contains(strings.ToLower(key), "username")
}

func (s *settingsReader) xmlValue(key, user, value string, off int) {
	c := Credential{Source: "xml", Key: printable(key, 64), User: printable(user, 64)}
	if c.value(value) && !(strings.ContainsAny(value, " ") && len(value) > 24) {
		s.add(c, min(off, len(s.data)))
	}
}
