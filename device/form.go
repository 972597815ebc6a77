package device

import (
	"bytes"
	"context"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// form is a form that takes one password.
type form struct {
	method, action string
	fields         [][2]string // hidden and the like, as they stand, and the button that logs in
	user, password string      // names of the fields
	scripted       bool        // a script may take part
	says           bool        // it says that it is a log-in, or the page's title does
	not            string      // why no log-in is tried with it; empty: it may be
}

var (
	comments  = regexp.MustCompile(`(?s)<!--.*?-->`)
	scripts   = regexp.MustCompile(`(?is)<script\b([^>]*)>(.*?)(?:</script>|$)`)
	formTag   = regexp.MustCompile(`(?is)<form\b([^>]*)>(.*?)(?:</form>|$)`)
	inputTag  = regexp.MustCompile(`(?is)<input\b([^>]*)>`)
	fieldTag  = regexp.MustCompile(`(?is)<(input|button)\b([^>]*)>|<(select)\b([^>]*)>(.*?)</select>`)
	optionTag = regexp.MustCompile(`(?is)<option\b([^>]*)>([^<]*)`)
	attr      = regexp.MustCompile(`(?is)([a-z-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))`)
	bare      = regexp.MustCompile(`(?i)\b(checked|selected)\b`)
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

// plainText is what of a page a person reads.
func plainText(body []byte) []byte {
	return bytes.Join(bytes.Fields(tags.ReplaceAll(comments.ReplaceAll(body, nil), []byte(" "))), []byte(" "))
}

// loginForm finds the form by which a page takes a log-in: of those with one password
// the first that may be tried, else the first.
func loginForm(body []byte) *form {
	page := comments.ReplaceAll(body, nil)
	written := false
	for _, m := range scripts.FindAllSubmatch(body, 40) {
		src := attributes(string(m[1]))["src"] != ""
		written = written || src || takesPart.Match(m[2])
	}
	shown := scripts.ReplaceAll(page, nil)
	f := firstForm(shown, written)
	if f == nil && len(shown) < len(page) { // one that a script writes as it stands
		f = firstForm(page, true)
	}
	return f
}

// takesPart are words of scripts that may send a form, or change what it sends.
var takesPart = regexp.MustCompile(`(?i)submit|onclick|preventDefault|addEventListener|ajax|fetch\s*\(|XMLHttpRequest|md5|sha1|sha-?256|encrypt|hash|btoa|base64|\.value\s*=`)

func firstForm(page []byte, scripted bool) *form {
	var first *form
	for _, m := range formTag.FindAllSubmatch(page, 20) {
		f := readForm(string(m[1]), m[2])
		if f == nil {
			continue
		}
		f.scripted = f.scripted || scripted
		title := pageTitle(page)
		f.says = f.says || strictWords.MatchString(title)
		if f.not == "" && setsText.MatchString(title) {
			f.not = setsPassword
		}
		if f.not == "" {
			return f
		}
		if first == nil {
			first = f
		}
	}
	return first
}

// readForm reads a form; nil where it does not take one password. Two are a form to
// choose one.
func readForm(tag string, inner []byte) *form {
	a := attributes(tag)
	f := &form{method: strings.ToUpper(a["method"]), action: a["action"], scripted: a["onsubmit"] != "" || strings.HasPrefix(strings.ToLower(a["action"]), "javascript:")}
	passwords, extra, submits, fresh := 0, "", 0, false
	var texts, buttons [][2]string
	for _, m := range fieldTag.FindAllSubmatch(inner, 80) {
		if len(m[3]) > 0 { // a choice stands as it is
			if name := attributes(string(m[4]))["name"]; name != "" {
				f.fields = append(f.fields, [2]string{name, chosen(m[5])})
			}
			continue
		}
		i := attributes(string(m[2]))
		kind := strings.ToLower(i["type"])
		if strings.EqualFold(string(m[1]), "button") && kind == "" {
			kind = "submit"
		}
		switch kind {
		case "password":
			if passwords++; passwords == 1 {
				f.password = i["name"]
				if len(texts) > 0 {
					f.user, texts = texts[len(texts)-1][0], texts[:len(texts)-1]
				}
			}
			fresh = fresh || strings.EqualFold(i["autocomplete"], "new-password")
		case "text", "email", "tel", "number", "":
			texts = append(texts, [2]string{i["name"], i["value"]})
			if passwords > 0 || asksMore.MatchString(i["name"]+" "+i["id"]) {
				extra = i["name"]
			}
		case "hidden":
			f.fields = append(f.fields, [2]string{i["name"], i["value"]})
		case "checkbox", "radio":
			if bare.Match(m[2]) {
				value := i["value"]
				if value == "" {
					value = "on"
				}
				f.fields = append(f.fields, [2]string{i["name"], value})
			}
		case "submit", "image":
			submits++
			f.scripted = f.scripted || i["onclick"] != ""
			if kind == "submit" {
				buttons = append(buttons, [2]string{i["name"], i["value"]})
			}
		}
	}
	if passwords != 1 {
		return nil
	}
	f.fields = append(f.fields, texts...)
	f.press(buttons)
	f.fields = slices.DeleteFunc(f.fields, func(x [2]string) bool { return x[0] == "" })
	f.scripted = f.scripted || submits == 0 && f.user != "" // HTML 4.10.21.2: several fields and no button send nothing by themselves
	f.judge(tag, inner, extra, fresh)
	return f
}

// chosen is the value of a choice that a browser would send.
func chosen(options []byte) string {
	value, first := "", true
	for _, m := range optionTag.FindAllSubmatch(options, 100) {
		if picked := bare.Match(m[1]); picked || first {
			a := attributes(string(m[1]))
			if value = a["value"]; value == "" && !bytes.Contains(bytes.ToLower(m[1]), []byte("value")) {
				value = html.UnescapeString(strings.TrimSpace(string(m[2])))
			}
			if picked {
				return value
			}
		}
		first = false
	}
	return value
}

// press adds the one button that logs in: a browser sends no other, and another may
// do what nobody asked for.
func (f *form) press(buttons [][2]string) {
	pick := slices.IndexFunc(buttons, func(b [2]string) bool {
		text := b[0] + " " + b[1]
		return logInWords.MatchString(text) && !harmWords.MatchString(text)
	})
	if pick < 0 {
		pick = slices.IndexFunc(buttons, func(b [2]string) bool { return !harmWords.MatchString(b[0] + " " + b[1]) })
	}
	switch {
	case pick >= 0:
		f.fields = append(f.fields, buttons[pick])
	case len(buttons) > 0:
		f.not = "its only buttons speak of something else than a log-in"
	}
}

const setsPassword = "the form may set a password rather than ask for one, so no log-in was tried"

// judge says why no log-in is tried with a form, where one must not be.
func (f *form) judge(tag string, inner []byte, extra string, fresh bool) {
	words := tag + " " + f.action + " " + f.password + " " + f.user
	said := plainText(inner)
	f.says = strictWords.MatchString(words) || strictWords.Match(said) || strictWords.MatchString(buttonText(inner))
	switch {
	case f.not != "":
	case f.password == "" || f.method != http.MethodPost:
		f.not = "the form is not one that a browser would send by itself, so no log-in was tried"
	case harmWords.MatchString(f.action):
		f.not = "the form leads to something else than a log-in, so none was tried"
	case fresh || setsWords.MatchString(words) || setsText.Match(said):
		f.not = setsPassword
	case extra != "":
		f.not = "the form asks for more than a user and a password (" + printable([]byte(extra), 40) + "), so no log-in was tried"
	}
}

// buttonText is what stands on the buttons of a form.
func buttonText(inner []byte) string {
	var out []string
	for _, m := range inputTag.FindAllSubmatch(inner, 60) {
		if a := attributes(string(m[1])); strings.EqualFold(a["type"], "submit") || strings.EqualFold(a["type"], "button") {
			out = append(out, a["value"])
		}
	}
	return strings.Join(out, " ")
}

// same reports that two forms ask for the same log-in.
func (f *form) same(g *form) bool { return f.user == g.user && f.password == g.password }

// asksNew reports a page that wants a new password now: with words that say so, and a
// form that takes it twice.
func asksNew(body []byte) bool {
	if !mustWords.Match(plainText(body)) {
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

// formDoor tries a log-in form as a browser sends it. One that does not say that it is
// a log-in is tried where it is the first that a person sees, and asks for a user: what
// stands elsewhere may be the settings of something.
func (s *Session) formDoor(v *Service, way Way, f *form, shown bool) *door {
	d := &door{way: way, vague: true, alone: f.user == "", scripted: f.scripted}
	if f.not != "" {
		d.way.Stopped = f.not
		return d
	}
	if f.scripted {
		d.way.OpenWhy += "; a script may take part in the form"
	}
	if path := unquoted(way.Where); !f.says && !strictWords.MatchString(path) && (f.user == "" || !shown) || setsText.MatchString(path) {
		d.way.Stopped = "the form does not say that it is a log-in, so none was tried"
		return d
	}
	path := way.Where
	d.try = func(ctx context.Context, probe string, cred *credential) (Outcome, string) {
		return s.formLogin(ctx, v, path, probe, cred)
	}
	return d
}

func (s *Session) formLogin(ctx context.Context, v *Service, at, probe string, cred *credential) (Outcome, string) {
	q := request{probe: probe, port: v.Port, tls: v.seen.tls, path: at, secrets: cred.secrets()}
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
	if f == nil || f.not != "" {
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
	path := at
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
	r, last, err := s.follow(ctx, q)
	if err != nil {
		return Unclear, why(err)
	}
	if to := refresh(r.body); to != "" && r.status == http.StatusOK && loginForm(r.body) == nil { // where a browser would go on by itself
		if next, ok := s.sameService(request{port: q.port, tls: q.tls, path: last}, to); ok && !harmWords.MatchString(next) {
			g := request{probe: probe, port: q.port, tls: q.tls, path: next, secrets: q.secrets, headers: map[string]string{}}
			if jar := cookieHeader(slices.Concat(page.cookies, r.cookies)); jar != "" {
				g.headers["Cookie"] = jar
			}
			if after, _, err := s.follow(ctx, g); err == nil {
				if o, reason := judgeForm(after, f); o == Refused || o == Locked {
					return o, reason
				}
			}
		}
	}
	o, reason := judgeForm(r, f)
	if o.in() && cred.password == "" { // a form that asks to be filled in may do so only of users that it knows
		g := request{probe: probe, port: q.port, tls: q.tls, path: at, headers: map[string]string{}}
		if jar := cookieHeader(slices.Concat(page.cookies, r.cookies)); jar != "" {
			g.headers["Cookie"] = jar
		}
		if after, err := s.do(ctx, g); err != nil {
			return Unclear, why(err)
		} else if back := loginForm(after.body); back != nil && back.same(f) {
			return Unclear, "another page came, and the page of the form goes on to ask for a log-in: it may be a complaint that the password is empty"
		}
	}
	return o, reason
}

// shortPage is up to how many characters a page is taken for nothing but a message.
const shortPage = 600

// judgeForm reads the page after a log-in by form.
func judgeForm(r *response, sent *form) (Outcome, string) {
	back, text := loginForm(r.body), plainText(r.body)
	switch {
	case r.status == http.StatusTooManyRequests, r.status == http.StatusLocked, speaksOfLock(text) && (back != nil || r.status >= 400), len(text) < shortPage && lockPhrases.Match(text):
		return Locked, status(r.status)
	case r.status == http.StatusUnauthorized, r.status == http.StatusForbidden:
		return Refused, status(r.status)
	case back != nil && (back.same(sent) || back.user != "" && back.not == ""):
		return Refused, "the form came back"
	case r.status >= 400:
		return Unclear, status(r.status)
	case asksNew(r.body):
		return Renew, "the page asks for a new password"
	case len(text) < shortPage && (wrongWords.Match(noFailure.ReplaceAll(text, nil)) || goesBack.Match(r.body)):
		return Refused, "the page speaks of a failure"
	case r.status >= 300:
		to := printable([]byte(r.header.Get("Location")), 80)
		if logInWords.MatchString(to) || wrongWords.MatchString(to) {
			return Unclear, "it leads to another service: " + to
		}
		return Accepted, "it leads on to another service: " + to
	default:
		return Accepted, strings.TrimSpace(status(r.status) + " " + r.title())
	}
}
