package device

import (
	"context"
	"crypto/md5"  //nolint:gosec // RFC 7616 digest access authentication
	"crypto/sha1" //nolint:gosec // WS-UsernameToken
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"html"
	"net/http"
	"regexp"
	"slices"
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
// basic, since what is stronger is what a client takes. Of several digests the first
// that is known comes first (RFC 7616 3.7).
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
			out = append(out, c)
		}
	}
	rank := func(c challenge) int {
		switch _, known := c.digest(); {
		case c.scheme == "digest" && known:
			return 0
		case c.scheme == "basic":
			return 1
		}
		return 2
	}
	slices.SortStableFunc(out, func(a, b challenge) int { return rank(a) - rank(b) })
	return out
}

// digests are the hash functions of digest authentication (RFC 7616 6.1).
var digests = map[string]func() hash.Hash{"": md5.New, "md5": md5.New, "sha-256": sha256.New, "sha-512-256": sha512.New512_256}

// digest is the hash function that a challenge asks for, where it is one that is
// known, and with a quality of protection that is.
func (c *challenge) digest() (func() hash.Hash, bool) {
	h := digests[strings.TrimSuffix(strings.ToLower(c.params["algorithm"]), "-sess")]
	_, protects := c.qop()
	return h, h != nil && protects && c.params["nonce"] != ""
}

// qop reports whether the answer takes a count and a nonce of the client, and whether
// there is a quality of protection that is known.
func (c *challenge) qop() (auth, known bool) {
	offered := c.params["qop"]
	if offered == "" {
		return false, true
	}
	for o := range strings.SplitSeq(offered, ",") {
		if strings.EqualFold(strings.TrimSpace(o), "auth") {
			return true, true
		}
	}
	return false, false
}

// authorization answers a challenge; secrets are what of it must not be shown.
func (c *challenge) authorization(method, uri string, cred *credential, nonce string) (header string, secrets []string, ok bool) {
	if c.scheme == "basic" {
		token := base64.StdEncoding.EncodeToString([]byte(cred.user + ":" + cred.password))
		return "Basic " + token, []string{token}, true
	}
	newHash, known := c.digest()
	if !known {
		return "", nil, false
	}
	sum := func(parts ...string) string {
		h := newHash()
		h.Write([]byte(strings.Join(parts, ":")))
		return hex.EncodeToString(h.Sum(nil))
	}
	ha1, ha2 := sum(cred.user, c.params["realm"], cred.password), sum(method, uri)
	if strings.HasSuffix(strings.ToLower(c.params["algorithm"]), "-sess") {
		ha1 = sum(ha1, c.params["nonce"], nonce)
	}
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\r", "", "\n", "").Replace
	b := fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="%s"`, quote(cred.user), quote(c.params["realm"]), quote(c.params["nonce"]), uri)
	answer := sum(ha1, c.params["nonce"], ha2)
	if auth, _ := c.qop(); auth {
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

// webDoors are the ways into a web server: what its first page gives, and the log-ins
// that stand there or on pages that it leads to.
func (s *Session) webDoors(ctx context.Context, v *Service) []*door {
	page := v.seen.page
	if page == nil {
		return nil
	}
	found := s.walk(ctx, v)
	base := Way{Network: "tcp", Port: v.Port, Protocol: v.Protocol, Where: v.seen.path, Encrypted: v.seen.tls, Open: Unknown}
	var doors []*door
	switch {
	case len(found) > 0 && found[0].shown: // the first page asks, or is but a frame of one that does
		v.Asks = Yes
	case page.status == http.StatusUnauthorized, page.status == http.StatusForbidden:
		v.Asks = Yes
		base.Open, base.OpenWhy, base.Method = Unknown, status(page.status)+", in a way that is not tried", "unknown"
		doors = append(doors, &door{way: base})
	case page.status == http.StatusOK:
		base.Method = "none"
		base.Open, base.OpenWhy = openPage(page)
		if base.Open == Yes {
			v.Asks = No
		}
		doors = append(doors, &door{way: base})
	}
	for _, p := range found {
		doors = append(doors, s.pageDoor(v, p))
	}
	if v.seen.onvif != nil {
		doors = append(doors, s.onvifDoor(v))
	}
	return doors
}

// pageDoor is the log-in of one page.
func (s *Session) pageDoor(v *Service, p webPage) *door {
	way := Way{Network: "tcp", Port: v.Port, Protocol: v.Protocol, Where: p.path, Encrypted: v.seen.tls, Open: Unknown}
	of := "the page"
	if p.path == v.seen.path {
		of = "the first page"
	}
	switch {
	case p.form != nil:
		way.Method, way.OpenWhy = "form", of+" asks for a log-in; whether others do was not looked at"
		return s.formDoor(v, way, p.form, p.shown)
	case p.script != "":
		way.Method, way.OpenWhy = "script", of+" has a log-in that a script makes: "+p.script
		way.Stopped = "no log-in was tried there: try the defaults by hand, in a browser"
		return &door{way: way}
	}
	way.Method = challenges(p.r.header.Values("WWW-Authenticate"))[0].scheme
	if way.OpenWhy = of + " asks for a log-in"; p.path == v.seen.path {
		way.Open, way.OpenWhy = No, "it asks for a log-in"
	}
	return s.challengeDoor(v, way, p.r)
}

var (
	asksWords = regexp.MustCompile(`(?i)\b(log ?-?in|sign ?-?in|password|passwd|anmelden|kennwort|mot de passe)\b`)
	tags      = regexp.MustCompile(`(?s)<script.*?</script>|<style.*?</style>|<[^>]*>`)
)

// openPage judges a page that came without a log-in. One that a script builds, or
// that speaks of logging in, may ask yet.
func openPage(r *response) (Answer, string) {
	text, scripted := plainText(r.body), scripts.Match(r.body)
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

// challengeDoor tries basic or digest authentication at a page that asked for it.
func (s *Session) challengeDoor(v *Service, way Way, page *response) *door {
	d := &door{way: way}
	var last *response
	forbids, begun := false, false
	d.try = func(ctx context.Context, probe string, cred *credential) (Outcome, string) {
		r, err := s.challengeLogin(ctx, v, way.Where, page, probe, cred)
		if err != nil {
			return Unclear, why(err)
		}
		o, reason := judgeStatus(r)
		if r.status == http.StatusForbidden && o == Unclear { // without a log-in it was 401
			forbids = forbids || !begun // so it refuses a random password
			if forbids {
				o = Refused
			}
		}
		last, begun = r, true
		return o, reason
	}
	d.doubt = func() string {
		switch text := plainText(last.body); {
		case last.status < 200 || last.status > 299:
			return status(last.status)
		case len(text) == 0:
			return "an empty page"
		case loginForm(last.body) != nil || asksWords.Match(text) || wrongWords.Match(noFailure.ReplaceAll(text, nil)):
			return "a page that speaks of a log-in or a failure"
		}
		return ""
	}
	return d
}

var errDigest = errors.New("it asks for a kind of digest that is not known")

// challengeLogin logs in by basic or digest authentication.
func (s *Session) challengeLogin(ctx context.Context, v *Service, path string, page *response, probe string, cred *credential) (*response, error) {
	q := request{probe: probe, port: v.Port, tls: v.seen.tls, path: path, secrets: cred.secrets()}
	found := challenges(page.header.Values("WWW-Authenticate"))
	if found[0].scheme == "digest" { // a nonce may serve once only
		r, err := s.do(ctx, q)
		if err != nil {
			return nil, err
		}
		if found = challenges(r.header.Values("WWW-Authenticate")); len(found) == 0 {
			if o, _ := judgeStatus(r); o == Locked {
				return r, nil
			}
			return nil, errors.New("it no longer asks for a log-in: " + status(r.status))
		}
	}
	header, secrets, ok := found[0].authorization(http.MethodGet, path, cred, s.random())
	if !ok {
		return nil, errDigest
	}
	q.headers, q.secrets = map[string]string{"Authorization": header}, append(q.secrets, secrets...)
	return s.do(ctx, q)
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
