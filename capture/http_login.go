package capture

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
)

// Log-ins and what stands for them, in messages of HTTP and what is written alike.

// authorization reads a log-in of the protocol itself.
func (r *httpReader) authorization(t *tracker, f *flow, m *message, x *exchange) {
	for _, name := range []string{"authorization", "proxy-authorization"} {
		scheme, value, _ := strings.Cut(m.get(name), " ")
		if scheme == "" {
			continue
		}
		x.authorized = true
		how := strings.ToUpper(r.proto) + " " + printable(scheme)
		switch strings.ToLower(scheme) {
		case "basic":
			plain, err := base64.StdEncoding.DecodeString(strings.TrimSpace(value))
			if err != nil {
				plain, err = base64.RawStdEncoding.DecodeString(strings.TrimSpace(value))
			}
			if user, password, ok := strings.Cut(string(plain), ":"); err == nil && ok {
				x.creds = append(x.creds, t.credential(f, Credential{Kind: "password", How: how, User: user, Secret: Secret(password)}))
			}
		case "digest":
			user := quoted(value, "username")
			t.detail(f, f.client, "log-in", "Digest by user "+user+": the password is not in clear, and can be guessed at leisure")
		case "bearer", "token":
			x.creds = append(x.creds, t.credential(f, Credential{Kind: "token", How: how, Secret: Secret(strings.TrimSpace(value))}))
		default:
			t.detail(f, f.client, "log-in", scheme)
		}
	}
}

// quoted is a parameter of a header: name="value".
func quoted(s, name string) string {
	_, rest, ok := strings.Cut(s, name+`="`)
	if !ok {
		return ""
	}
	v, _, _ := strings.Cut(rest, `"`)
	return printable(v)
}

var sessionWords = []string{"sess", "token", "auth", "jwt", "sysauth", "login", "passw"}

// tokens reads what stands for a log-in that was made before.
func (r *httpReader) tokens(t *tracker, f *flow, header, value string, x *exchange) {
	if header != "cookie" {
		x.authorized = true
		t.credential(f, Credential{Kind: "token", How: "HTTP " + header, Secret: Secret(value)})
		return
	}
	for i, pair := range strings.Split(value, ";") {
		name, v, _ := strings.Cut(strings.TrimSpace(pair), "=")
		low := strings.ToLower(name)
		if i < 32 && len(v) >= 6 && !strings.HasSuffix(low, "-time") && !strings.HasSuffix(low, "expires") && (low == "sid" || slices.ContainsFunc(sessionWords, func(w string) bool { return strings.Contains(low, w) })) {
			x.authorized = true
			t.credential(f, Credential{Kind: "cookie", How: "HTTP cookie " + printable(name), Secret: Secret(v)})
		}
	}
}

// form looks for a log-in in the body of a request.
func (r *httpReader) form(t *tracker, f *flow, m *message, b []byte) {
	kind := strings.ToLower(m.get("content-type"))
	trimmed := bytes.TrimSpace(b)
	switch {
	case strings.Contains(kind, "json") || len(trimmed) > 1 && trimmed[0] == '{':
		r.fields(t, f, jsonPairs(trimmed), "JSON body", m.from)
	case strings.Contains(kind, "form-urlencoded") || kind == "" && bytes.ContainsRune(b, '='):
		r.fields(t, f, string(b), "form", m.from)
	}
	if strings.Contains(m.get("soapaction"), "PortMapping") {
		for _, tag := range []string{"NewExternalPort", "NewInternalPort", "NewInternalClient", "NewProtocol"} {
			if _, rest, ok := strings.Cut(string(b), "<"+tag); ok {
				_, rest, _ = strings.Cut(rest, ">")
				v, _, _ := strings.Cut(rest, "<")
				t.detail(f, f.client, tag, v)
			}
		}
	}
}

// fields looks for a password, and whose it is, among fields written a=b&c=d.
func (r *httpReader) fields(t *tracker, f *flow, text, where string, x *exchange) {
	if text == "" || len(text) > maxHeader {
		return
	}
	var user, password, token string
	found := ""
	for i, pair := range strings.Split(text, "&") {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || i > 100 {
			continue
		}
		v, err := url.QueryUnescape(value)
		if err != nil {
			v = value
		}
		switch low := strings.ToLower(name); {
		case strings.Trim(v, "*") == "": // not there, or hidden
		case where == "message" && !strings.Contains(low, "passw"): // "pass" and "token" mean other things among sensors
		case passwordField(low):
			password, found = v, name
		case slices.Contains([]string{"user", "username", "usr", "uname", "login", "loginuse", "email", "account", "userid", "name", "admin_name", "user_name", "login_username", "loginname"}, low):
			user = v
		case slices.Contains([]string{"token", "access_token", "auth_token", "api_key", "apikey", "jwt", "session_token", "refresh_token"}, low):
			token = v
		}
	}
	if found != "" && password != "" {
		x.authorized = true
		t.credential(f, Credential{Kind: "password", How: strings.ToUpper(r.proto) + " " + where + " field " + printable(found), User: user, Secret: Secret(password)})
	}
	if token != "" {
		x.authorized = true
		t.credential(f, Credential{Kind: "token", How: strings.ToUpper(r.proto) + " " + where, User: user, Secret: Secret(token)})
	}
}

func passwordField(low string) bool {
	switch low {
	case "pwd", "pass", "passwd", "psw", "pswd", "loginpas", "loginpass", "passphrase", "psk", "key_passphrase", "wpakey", "wifi_password":
		return true
	}
	return strings.Contains(low, "password") && !strings.Contains(low, "forgot") && !strings.Contains(low, "reset")
}

// jsonPairs writes the texts of a JSON object as a=b&c=d, whole or cut.
func jsonPairs(b []byte) string {
	var out []string
	s := string(b)
	for len(out) < 100 {
		_, rest, ok := strings.Cut(s, `"`)
		if !ok {
			break
		}
		name, rest, ok := strings.Cut(rest, `"`)
		if !ok {
			break
		}
		after := strings.TrimLeft(rest, " \t\r\n")
		s = rest
		if value, ok := strings.CutPrefix(after, ":"); ok {
			if value, ok = strings.CutPrefix(strings.TrimLeft(value, " \t\r\n"), `"`); ok {
				var v string
				if v, rest, ok = strings.Cut(value, `"`); ok {
					out = append(out, name+"="+url.QueryEscape(v))
					s = rest
				}
			}
		}
	}
	return strings.Join(out, "&")
}
