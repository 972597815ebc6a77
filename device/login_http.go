package device

import (
	"bytes"
	"context"
	"crypto/md5"  //nolint:gosec // RFC 7616 digest access authentication
	"crypto/sha1" //nolint:gosec // WS-UsernameToken
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// challenge is one WWW-Authenticate challenge.
type challenge struct {
	scheme string // lower case
	params map[string]string
}

var (
	challengeParam = regexp.MustCompile(`([A-Za-z0-9_-]{1,30})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))`)
	challengeStart = regexp.MustCompile(`(?i)(?:^|,)\s*(basic|digest)\b`)
)

// challenges reads the header values of a 401 (RFC 9110 11.6.1); digest before
// basic, since what is stronger is what a client takes.
func challenges(values []string) []challenge {
	var out []challenge
	for _, v := range values[:min(len(values), 8)] {
		if len(v) > 4096 {
			continue
		}
		marks := challengeStart.FindAllStringSubmatchIndex(v, 8)
		for i, m := range marks {
			end := len(v)
			if i+1 < len(marks) {
				end = marks[i+1][0]
			}
			c := challenge{scheme: strings.ToLower(v[m[2]:m[3]]), params: map[string]string{}}
			for _, p := range challengeParam.FindAllStringSubmatch(v[m[3]:end], 20) {
				c.params[strings.ToLower(p[1])] = strings.ReplaceAll(p[2]+p[3], `\"`, `"`)
			}
			if c.scheme == "digest" {
				out = append([]challenge{c}, out...)
			} else {
				out = append(out, c)
			}
		}
	}
	return out
}

// authorization answers a challenge; secrets are what of it must not be shown.
func (c *challenge) authorization(method, uri string, cred *credential, nonce string) (header string, secrets []string, ok bool) {
	if c.scheme == "basic" {
		token := base64.StdEncoding.EncodeToString([]byte(cred.user + ":" + cred.password))
		return "Basic " + token, []string{token}, true
	}
	newHash := map[string]func() hash.Hash{"": md5.New, "md5": md5.New, "sha-256": sha256.New}[strings.ToLower(c.params["algorithm"])]
	if newHash == nil || c.params["nonce"] == "" {
		return "", nil, false
	}
	sum := func(parts ...string) string {
		h := newHash()
		h.Write([]byte(strings.Join(parts, ":")))
		return hex.EncodeToString(h.Sum(nil))
	}
	ha1, ha2 := sum(cred.user, c.params["realm"], cred.password), sum(method, uri)
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\r", "", "\n", "").Replace
	b := fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="%s"`, quote(cred.user), quote(c.params["realm"]), quote(c.params["nonce"]), uri)
	answer := sum(ha1, c.params["nonce"], ha2)
	if strings.Contains(strings.ToLower(c.params["qop"]), "auth") {
		answer = sum(ha1, c.params["nonce"], "00000001", nonce, "auth", ha2)
		b += fmt.Sprintf(`, qop=auth, nc=00000001, cnonce="%s"`, nonce)
	}
	if c.params["opaque"] != "" {
		b += fmt.Sprintf(`, opaque="%s"`, quote(c.params["opaque"]))
	}
	if c.params["algorithm"] != "" {
		b += ", algorithm=" + quote(c.params["algorithm"])
	}
	return b + fmt.Sprintf(`, response="%s"`, answer), []string{answer}, true
}

// webDoors are the ways into a web server, from what its first page gave.
func (s *Session) webDoors(v *Service) []*door {
	page := v.seen.page
	if page == nil {
		return nil
	}
	base := Way{Network: "tcp", Port: v.Port, Protocol: v.Protocol, Where: v.seen.path, Encrypted: v.seen.tls, Open: Unknown}
	var doors []*door
	switch found := challenges(page.header.Values("WWW-Authenticate")); {
	case page.status == http.StatusUnauthorized && len(found) > 0:
		v.Asks = Yes
		base.Open, base.OpenWhy, base.Method = No, "it asks for a log-in", found[0].scheme
		doors = append(doors, &door{way: base, try: s.challengeLogin(v, v.seen.path)})
	case page.status == http.StatusUnauthorized, page.status == http.StatusForbidden:
		v.Asks = Yes
		base.Open, base.OpenWhy, base.Method = Unknown, status(page.status)+", in a way that is not tried", "unknown"
		doors = append(doors, &door{way: base})
	case loginForm(page.body) != nil:
		v.Asks = Yes
		base.Method, base.Open, base.OpenWhy = "form", Unknown, "the first page asks for a log-in; whether others do was not looked at"
		doors = append(doors, s.formDoor(v, base, loginForm(page.body)))
	case page.status == http.StatusOK:
		base.Method = "none"
		base.Open, base.OpenWhy = openPage(page)
		if base.Open == Yes {
			v.Asks = No
		}
		doors = append(doors, &door{way: base})
	}
	if v.seen.onvif != nil {
		doors = append(doors, s.onvifDoor(v))
	}
	return doors
}

var (
	asksWords = regexp.MustCompile(`(?i)\b(log ?-?in|sign ?-?in|password|passwd|anmelden|kennwort|mot de passe)\b`)
	tags      = regexp.MustCompile(`(?s)<script.*?</script>|<style.*?</style>|<[^>]*>`)
)

// openPage judges a page that came without a log-in. One that a script builds, or
// that speaks of logging in, may ask yet.
func openPage(r *response) (Answer, string) {
	text := bytes.Join(bytes.Fields(tags.ReplaceAll(r.body, []byte(" "))), []byte(" "))
	scripted := bytes.Contains(bytes.ToLower(r.body), []byte("<script"))
	switch {
	case asksWords.Match(r.body):
		return Unknown, "a page came without a log-in, and speaks of one"
	case scripted && len(text) < 400:
		return Unknown, "the page is built by a script, which was not run"
	case len(text) == 0:
		return Unknown, "an empty page came without a log-in"
	}
	what := "a page came without a log-in"
	if t := r.title(); t != "" {
		what += ": " + t
	}
	return Yes, what
}

// challengeLogin logs in by basic or digest authentication.
func (s *Session) challengeLogin(v *Service, path string) func(context.Context, string, *credential) (Outcome, string) {
	return func(ctx context.Context, probe string, cred *credential) (Outcome, string) {
		q := request{probe: probe, port: v.Port, tls: v.seen.tls, path: path, secrets: cred.secrets()}
		found := challenges(v.seen.page.header.Values("WWW-Authenticate"))
		if len(found) > 0 && found[0].scheme == "digest" { // a nonce may serve once only
			r, err := s.do(ctx, q)
			if err != nil {
				return Unclear, why(err)
			}
			found = challenges(r.header.Values("WWW-Authenticate"))
		}
		if len(found) == 0 {
			return Unclear, "it no longer asks for a log-in"
		}
		header, secrets, ok := found[0].authorization(http.MethodGet, path, cred, s.random())
		if !ok {
			return Unclear, "it asks for a kind of digest that is not known"
		}
		q.headers, q.secrets = map[string]string{"Authorization": header}, append(q.secrets, secrets...)
		r, err := s.do(ctx, q)
		if err != nil {
			return Unclear, why(err)
		}
		return judgeStatus(r)
	}
}

// judgeStatus reads the status after a log-in.
func judgeStatus(r *response) (Outcome, string) {
	switch {
	case r.status == http.StatusTooManyRequests, r.status == http.StatusLocked, r.header.Get("Retry-After") != "" && r.status >= 400,
		(r.status == http.StatusForbidden || r.status == http.StatusUnauthorized) && speaksOfLock(r.body):
		return Locked, status(r.status)
	case r.status == http.StatusUnauthorized:
		return Refused, status(r.status)
	case r.status >= 200 && r.status < 400, r.status == http.StatusNotFound: // let in, whatever stands there
		return Accepted, status(r.status)
	default:
		return Unclear, status(r.status)
	}
}

// form is a log-in form.
type form struct {
	method, action string
	fields         [][2]string // hidden and the like, as they stand
	user, password string      // names of the fields
	scripted       bool        // a script takes part
}

var (
	formTag  = regexp.MustCompile(`(?is)<form\b([^>]*)>(.*?)(?:</form>|$)`)
	inputTag = regexp.MustCompile(`(?is)<input\b([^>]*)>`)
	attr     = regexp.MustCompile(`(?is)([a-z-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))`)
)

func attributes(text string) map[string]string {
	out := map[string]string{}
	for _, m := range attr.FindAllStringSubmatch(text, 40) {
		if k := strings.ToLower(m[1]); out[k] == "" {
			out[k] = html.UnescapeString(m[2] + m[3] + m[4])
		}
	}
	return out
}

// loginForm finds the first form that takes a password.
func loginForm(body []byte) *form {
	for _, m := range formTag.FindAllSubmatch(body, 20) {
		a := attributes(string(m[1]))
		f := &form{method: strings.ToUpper(a["method"]), action: a["action"], scripted: a["onsubmit"] != ""}
		passwords, last := 0, ""
		for _, in := range inputTag.FindAllSubmatch(m[2], 60) {
			i := attributes(string(in[1]))
			switch kind := strings.ToLower(i["type"]); {
			case kind == "password":
				if passwords++; passwords == 1 {
					f.password, f.user = i["name"], last
				}
			case kind == "text", kind == "email", kind == "":
				last = i["name"]
			case (kind == "hidden" || kind == "submit") && i["name"] != "":
				f.fields = append(f.fields, [2]string{i["name"], i["value"]})
			}
		}
		if passwords == 1 { // two: a form to choose a password
			return f
		}
	}
	return nil
}

var mustWords = regexp.MustCompile(`(?i)\b(must|required|first|initial|default|expired|please (change|choose|set)|now|before you)\b`)

// asksNew reports a page that wants a new password now: with words that say so, and a
// form that takes it twice.
func asksNew(body []byte) bool {
	if !mustWords.Match(tags.ReplaceAll(body, []byte(" "))) {
		return false
	}
	for _, m := range formTag.FindAllSubmatch(body, 20) {
		n := 0
		for _, in := range inputTag.FindAllSubmatch(m[2], 60) {
			if strings.EqualFold(attributes(string(in[1]))["type"], "password") {
				n++
			}
		}
		if n > 1 {
			return true
		}
	}
	return false
}

// formDoor tries a log-in form as a browser sends it.
func (s *Session) formDoor(v *Service, way Way, f *form) *door {
	d := &door{way: way, vague: true, alone: f.user == ""}
	if f.password == "" || f.method != http.MethodPost {
		d.way.Stopped = "the form is not one that a browser would send by itself, so no log-in was tried"
		return d
	}
	if f.scripted {
		d.way.OpenWhy += "; a script takes part in the form, so what is refused may be what the script did not do"
	}
	d.try = func(ctx context.Context, probe string, cred *credential) (Outcome, string) {
		return s.formLogin(ctx, v, probe, cred)
	}
	return d
}

func (s *Session) formLogin(ctx context.Context, v *Service, probe string, cred *credential) (Outcome, string) {
	q := request{probe: probe, port: v.Port, tls: v.seen.tls, path: v.seen.path, secrets: cred.secrets()}
	page, err := s.do(ctx, q)
	if err != nil {
		return Unclear, why(err)
	}
	if page.status >= 400 {
		if o, reason := judgeStatus(page); o == Locked {
			return o, reason
		}
		return Unclear, "the page of the form: " + status(page.status)
	}
	f := loginForm(page.body)
	if f == nil {
		if speaksOfLock(page.body) {
			return Locked, "the page of the form speaks of a lock-out"
		}
		return Unclear, "the page no longer shows the form"
	}
	values := url.Values{}
	for _, x := range f.fields {
		values.Add(x[0], x[1])
	}
	if f.user != "" {
		values.Set(f.user, cred.user)
	}
	values.Set(f.password, cred.password)
	path := v.seen.path
	if f.action != "" {
		var ok bool
		if path, ok = s.sameService(q, f.action); !ok {
			return Unclear, "the form is sent to another service"
		}
	}
	q.method, q.path, q.body = http.MethodPost, path, values.Encode()
	q.headers = map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	if jar := cookieHeader(page.cookies); jar != "" {
		q.headers["Cookie"] = jar
	}
	r, _, err := s.follow(ctx, q)
	if err != nil {
		return Unclear, why(err)
	}
	return judgeForm(r)
}

var wrongWords = regexp.MustCompile(`(?i)\b(invalid|incorrect|wrong|failed|failure|denied|not match|unauthori[sz]ed|error)\b`)

// judgeForm reads the page after a log-in by form.
func judgeForm(r *response) (Outcome, string) {
	switch {
	case r.status == http.StatusTooManyRequests, r.status == http.StatusLocked, speaksOfLock(r.body) && (loginForm(r.body) != nil || r.status >= 400):
		return Locked, status(r.status)
	case r.status == http.StatusUnauthorized, r.status == http.StatusForbidden:
		return Refused, status(r.status)
	case loginForm(r.body) != nil:
		return Refused, "the form came back"
	case r.status >= 400:
		return Unclear, status(r.status)
	case asksNew(r.body):
		return Renew, "the page asks for a new password"
	case wrongWords.Match(tags.ReplaceAll(r.body, []byte(" "))):
		return Refused, "the page speaks of a failure"
	case r.status >= 300:
		return Unclear, "it leads to another service: " + printable([]byte(r.header.Get("Location")), 80)
	default:
		return Accepted, strings.TrimSpace(status(r.status) + " " + r.title())
	}
}

// onvifDoor is the ONVIF service of a web server.
func (s *Session) onvifDoor(v *Service) *door {
	d := &door{way: Way{Network: "tcp", Port: v.Port, Protocol: "onvif", Where: onvifPath, Encrypted: v.seen.tls, Method: "wsse", Open: Unknown}}
	d.try = func(ctx context.Context, probe string, cred *credential) (Outcome, string) {
		o, reason, _ := s.onvifLogin(ctx, v, probe, cred)
		return o, reason
	}
	return d
}

// onvifOpen asks for the device information without a log-in.
func (s *Session) onvifOpen(ctx context.Context, v *Service, d *door) {
	o, reason, info := s.onvifLogin(ctx, v, "onvif without log-in", nil)
	switch o {
	case Accepted:
		d.way.Open, d.way.OpenWhy, d.way.Method = Yes, "it gives its device information without a log-in: "+strings.Join(nonEmpty(info["Manufacturer"], info["Model"], info["FirmwareVersion"]), ", "), "none"
		v.Details = append(v.Details, "ONVIF: "+strings.Join(nonEmpty(info["Manufacturer"], info["Model"], info["FirmwareVersion"]), ", "))
	case Refused:
		d.way.Open, d.way.OpenWhy = No, "it asks for a log-in"
	default:
		d.way.OpenWhy = reason
	}
}

// onvifLogin asks for the device information with WS-UsernameToken (OASIS, profile
// 1.0): the password goes as a digest over a nonce and the device's own time.
func (s *Session) onvifLogin(ctx context.Context, v *Service, probe string, cred *credential) (Outcome, string, map[string]string) {
	security := ""
	var secrets []string
	if cred != nil {
		nonce := []byte(s.random())
		created := s.onvifClock(v).Format("2006-01-02T15:04:05.000Z")
		sum := sha1.Sum([]byte(string(nonce) + created + cred.password))
		answer := base64.StdEncoding.EncodeToString(sum[:])
		secrets = append(cred.secrets(), answer)
		const token = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
		security = `<Security s:mustUnderstand="1" xmlns="` + token + `wssecurity-secext-1.0.xsd"><UsernameToken><Username>` + html.EscapeString(cred.user) +
			`</Username><Password Type="` + token + `username-token-profile-1.0#PasswordDigest">` + answer + `</Password><Nonce EncodingType="` + token + `soap-message-security-1.0#Base64Binary">` +
			base64.StdEncoding.EncodeToString(nonce) + `</Nonce><Created xmlns="` + token + `wssecurity-utility-1.0.xsd">` + created + `</Created></UsernameToken></Security>`
	}
	r, err := s.do(ctx, request{probe: probe, port: v.Port, tls: v.seen.tls, method: http.MethodPost, path: onvifPath, headers: map[string]string{"Content-Type": soapType}, body: soap(security, onvifInfo), secrets: secrets})
	if err != nil {
		return Unclear, why(err), nil
	}
	if r.status == http.StatusUnauthorized {
		o, reason := judgeStatus(r)
		return o, reason, nil
	}
	info, fault, err := parseONVIF(r.body)
	low := strings.ToLower(fault)
	switch {
	case err != nil:
		return Unclear, status(r.status), nil
	case speaksOfLock([]byte(fault)) || r.status == http.StatusTooManyRequests:
		return Locked, printable([]byte(fault), 120), nil
	case strings.Contains(low, "notauthorized") || strings.Contains(low, "failedauthentication") || strings.Contains(low, "not authorized"):
		return Refused, "fault: not authorized", nil
	case r.status == http.StatusOK && (info["Manufacturer"] != "" || info["Model"] != "" || info["FirmwareVersion"] != ""):
		return Accepted, "it gave its device information", info
	default:
		return Unclear, strings.TrimSpace(status(r.status) + " " + printable([]byte(fault), 100)), nil
	}
}

// onvifClock is the device's own time, as it gave it, or ours.
func (s *Session) onvifClock(v *Service) time.Time {
	at, err := parseONVIFTime(v.seen.onvif.body)
	if err != nil {
		return s.o.Clock.Now().UTC()
	}
	return at.Add(s.o.Clock.Now().Sub(v.seen.onvifAt))
}

func parseONVIFTime(b []byte) (time.Time, error) {
	info, _, err := parseONVIF(b)
	if err != nil {
		return time.Time{}, err
	}
	text := fmt.Sprintf("%s-%s-%s %s:%s:%s", info["Date/Year"], info["Date/Month"], info["Date/Day"], info["Time/Hour"], info["Time/Minute"], info["Time/Second"])
	return time.Parse("2006-1-2 15:4:5", text)
}
