package device

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"encoding/csv"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// The walk through a web server, from its first page to where it takes log-ins: by
// what a browser follows by itself, by links whose address or words speak of a log-in,
// and by addresses at which devices are known to have one. It sends GET alone, to this
// port of this device, each page once.

// Bounds of the walk through one web server.
const (
	maxPages    = 14 // that links lead to
	maxClicks   = 3  // from the first page
	maxLinks    = 300
	maxWebDoors = 4
	walkTime    = 40 * time.Second
	maxScripts  = 3 // that are looked into for a log-in
	maxScript   = 512 << 10
)

// webPage is a page on which a log-in was found.
type webPage struct {
	path   string
	r      *response
	form   *form  // that takes it; nil: the response's challenge, or a script
	script string // what speaks for a log-in that a script makes
	shown  bool   // a browser shows it without a click, so that the first page asks
}

// key tells log-ins apart.
func (p *webPage) key() string {
	switch {
	case p.form != nil:
		return "form " + p.form.action + " " + p.form.user + " " + p.form.password
	case p.script != "":
		return "script"
	}
	c := challenges(p.r.header.Values("WWW-Authenticate"))[0]
	return c.scheme + " " + c.params["realm"]
}

// step is a page that is to be asked for.
type step struct {
	path   string
	clicks int
	shown  bool
}

// walker is one walk.
type walker struct {
	s     *Session
	v     *Service
	asked map[string]bool // paths
	kept  map[string]bool // log-ins by key
	next  []step
	left  int // pages
	found []webPage
	built *webPage // a page that a script builds
	more  bool     // there was more than was asked for
	wire  wire
}

// walk gives the log-ins of a web server, the first page's first.
func (s *Session) walk(ctx context.Context, v *Service) []webPage {
	ctx, stop := context.WithTimeout(ctx, walkTime)
	defer stop()
	w := &walker{s: s, v: v, asked: map[string]bool{v.seen.path: true}, kept: map[string]bool{}, left: maxPages}
	defer w.wire.close()
	w.look(step{v.seen.path, 0, true}, v.seen.path, v.seen.page)
	for _, p := range v.seen.leads {
		w.add(step{p, 1, true})
	}
	w.steps(ctx)
	if len(w.found) == 0 {
		w.usual(ctx)
	}
	if len(w.found) == 0 && w.built != nil {
		w.inScripts(ctx)
	}
	if ctx.Err() != nil {
		s.shortfall("tcp/%d: not all pages that could have a log-in were looked at", v.Port)
	}
	if w.more {
		v.Details = append(v.Details, "more links speak of a log-in than were followed")
	}
	if len(w.found) > maxWebDoors {
		v.Details = append(v.Details, "more log-ins were found than are tried")
		w.found = w.found[:maxWebDoors]
	}
	return w.found
}

// add takes a page in, where it was not yet.
func (w *walker) add(st step) {
	if address := unquoted(st.path); w.asked[st.path] || st.clicks > maxClicks || harmWords.MatchString(address) || deeds.MatchString(address) {
		return
	}
	if len(w.asked) >= maxPages+maxLinks {
		w.more = true
		return
	}
	w.asked[st.path] = true
	w.next = append(w.next, st)
}

// steps asks for pages until there are no more, or enough were seen.
func (w *walker) steps(ctx context.Context) {
	for len(w.next) > 0 && ctx.Err() == nil {
		if w.left <= 0 {
			w.more = true
			return
		}
		// What a browser shows by itself comes first, then what lies near.
		slices.SortStableFunc(w.next, func(a, b step) int {
			return cmp.Or(boolInt(b.shown)-boolInt(a.shown), a.clicks-b.clicks)
		})
		st := w.next[0]
		w.next = w.next[1:]
		w.left--
		r, at, err := w.get(ctx, st.path)
		if err == nil && (at == st.path || !w.asked[at]) {
			w.asked[at] = true
			w.look(st, at, r)
		}
	}
}

func (w *walker) get(ctx context.Context, path string) (*response, string, error) {
	return w.s.follow(ctx, request{probe: "http walk", port: w.v.Port, tls: w.v.seen.tls, path: path, on: &w.wire})
}

// look keeps a page that has a log-in, and takes in what the page leads to.
func (w *walker) look(st step, at string, r *response) {
	p := webPage{path: at, r: r, shown: st.shown}
	switch {
	case r.status == http.StatusUnauthorized && len(challenges(r.header.Values("WWW-Authenticate"))) > 0:
		w.keep(p)
		return
	case r.status != http.StatusOK && r.status != http.StatusForbidden && r.status != http.StatusUnauthorized:
		return
	}
	if p.form = loginForm(r.body); p.form != nil {
		w.keep(p)
	} else if why := scriptLogin(r.body); why != "" {
		p.script = why
		w.keep(p)
	} else if st.shown && w.built == nil && scripts.Match(r.body) && len(plainText(r.body)) < shortPage {
		w.built = &p
	}
	for _, l := range links(r.body) {
		next, ok := w.s.sameService(request{port: w.v.Port, tls: w.v.seen.tls, path: at}, l.to)
		switch {
		case !ok || harmWords.MatchString(l.words):
		case l.shown:
			w.add(step{next, st.clicks, st.shown})
		case speaksOfLogin(next, l.words):
			w.add(step{next, st.clicks + 1, false})
		}
	}
}

func (w *walker) keep(p webPage) {
	if k := p.key(); !w.kept[k] {
		w.kept[k] = true
		w.found = append(w.found, p)
	}
}

// usual asks for addresses at which devices are known to take log-ins. Where the
// server gives a page for any address at all, nothing follows from its giving one.
func (w *walker) usual(ctx context.Context) {
	if w.v.seen.page.status >= 500 {
		return
	}
	r, at, err := w.get(ctx, "/"+w.s.random()+".html")
	if err != nil {
		return
	}
	if w.look(step{at, maxClicks, false}, at, r); len(w.found) > 0 || r.status < 400 {
		return
	}
	for _, p := range webPaths() {
		if ctx.Err() != nil || len(w.found) > 0 {
			return
		}
		if w.asked[p.path] {
			continue
		}
		w.asked[p.path] = true
		if r, at, err := w.get(ctx, p.path); err == nil {
			w.look(step{p.path, maxClicks, false}, at, r)
		}
	}
}

// inScripts looks for a log-in in the scripts that build a page.
func (w *walker) inScripts(ctx context.Context) {
	n := 0
	for _, m := range scripts.FindAllSubmatch(w.built.r.body, 40) {
		why := scriptWords(m[2])
		if src := attributes(string(m[1]))["src"]; src != "" && n < maxScripts {
			path, ok := w.s.sameService(request{port: w.v.Port, tls: w.v.seen.tls, path: w.built.path}, src)
			if !ok || harmWords.MatchString(strings.TrimSuffix(unquoted(path), ".js")) {
				continue
			}
			n++
			r, err := w.s.do(ctx, request{probe: "http script", port: w.v.Port, tls: w.v.seen.tls, path: path, most: maxScript})
			if err != nil || r.status != http.StatusOK {
				continue
			}
			why = scriptWords(r.body)
		}
		if why != "" {
			w.built.script = why
			w.keep(*w.built)
			return
		}
	}
}

// link is where a page leads.
type link struct {
	to, words string
	shown     bool // a browser goes or looks there by itself
}

var (
	frameTag  = regexp.MustCompile(`(?is)<i?frame\b([^>]*)>`)
	anchorTag = regexp.MustCompile(`(?is)<(?:a|area)\b([^>]*)>((?:[^<]|<[^a/]|</[^a])*)`)
	goesTo    = regexp.MustCompile(`(?i)\b(?:location(?:\.href)?\s*=|location\.(?:replace|assign)\s*\()\s*["']([^"']{1,200})["']`)
)

// links are those of a page, bounded; what its scripts go to by themselves among them.
func links(body []byte) []link {
	var out []link
	page := comments.ReplaceAll(body, nil)
	if to := refresh(body); to != "" {
		out = append(out, link{to, "", true})
	}
	for _, m := range frameTag.FindAllSubmatch(page, 20) {
		out = append(out, link{attributes(string(m[1]))["src"], "", true})
	}
	for _, m := range scripts.FindAllSubmatch(body, 20) {
		for _, g := range goesTo.FindAllSubmatch(m[2], 10) { // perhaps only after a click
			out = append(out, link{string(g[1]), "", false})
		}
	}
	for _, m := range anchorTag.FindAllSubmatch(scripts.ReplaceAll(page, nil), maxLinks) {
		a := attributes(string(m[1]))
		words := html.UnescapeString(string(plainText(m[2][:min(len(m[2]), 400)]))) + " " + a["title"] + " " + a["alt"]
		out = append(out, link{a["href"], words, false})
	}
	return slices.DeleteFunc(out, func(l link) bool { return l.to == "" || strings.HasPrefix(l.to, "#") })
}

// speaksOfLogin reports whether a link is worth following: its address or its words
// speak of a log-in, and it asks the device for a page rather than for a deed.
func speaksOfLogin(path, words string) bool {
	address, query, asks := strings.Cut(unquoted(path), "?")
	if asks && !logInWords.MatchString(query) {
		return false
	}
	return logInWords.MatchString(address+" "+query+" "+words) || leadWords.MatchString(address+" "+words)
}

// unquoted is an address as it reads without escapes.
func unquoted(path string) string {
	if plain, err := url.PathUnescape(path); err == nil {
		return plain
	}
	return path
}

// scriptLogin says what speaks for a log-in that a script makes, in a page that has no
// form for it: a field for a password that no form sends.
func scriptLogin(body []byte) string {
	page := formTag.ReplaceAll(scripts.ReplaceAll(comments.ReplaceAll(body, nil), nil), nil)
	n := 0
	for _, m := range inputTag.FindAllSubmatch(page, 60) {
		if strings.EqualFold(attributes(string(m[1]))["type"], "password") {
			n++
		}
	}
	if n == 1 {
		return "a field for a password stands in no form"
	}
	return ""
}

var passwordField = regexp.MustCompile(`(?i)\btype["']?\s*[:=,]\s*\\?["']password\\?["']|["'` + "`" + `/](?:login|logon|signin|sign-in|authenticate)(?:\.(?:cgi|php|asp|json|html?))?[/?"'` + "`" + `]`)

// scriptWords is what in a script speaks of a log-in.
func scriptWords(text []byte) string {
	if m := passwordField.Find(text); m != nil {
		return "a script of the page says " + printable(bytes.TrimSpace(m), 40)
	}
	return ""
}

// leads hands pages that one web server of the device sends browsers on to, at another
// of its ports, to the server that stands there.
func (s *Session) leads(services []Service) {
	for i := range services {
		v := &services[i]
		if v.seen == nil || v.seen.page == nil {
			continue
		}
		to := []string{v.seen.page.header.Get("Location")}
		for _, l := range links(v.seen.page.body) {
			if l.shown || logInWords.MatchString(l.to+" "+l.words) {
				to = append(to, l.to)
			}
		}
		for j := range services {
			w := &services[j]
			if i == j || w.seen == nil || w.seen.page == nil {
				continue
			}
			for _, t := range to {
				path, ok := s.sameService(request{port: w.Port, tls: w.seen.tls, path: "/"}, t)
				if absolute := strings.Contains(t, "//"); absolute && ok && len(w.seen.leads) < maxPages && !slices.Contains(w.seen.leads, path) {
					w.seen.leads = append(w.seen.leads, path)
				}
			}
		}
	}
}

// webPath is an address at which devices take log-ins.
type webPath struct{ path, source, date string }

//go:embed webpaths.csv
var webPathsCSV string

// webPaths are the rows of the list that comes with the program.
var webPaths = sync.OnceValue(func() []webPath {
	in := csv.NewReader(strings.NewReader(webPathsCSV))
	in.Comment = '#'
	in.FieldsPerRecord = 3
	rows, err := in.ReadAll()
	if err != nil || len(rows) < 2 {
		panic("device: the embedded webpaths.csv is faulty")
	}
	var out []webPath
	for _, row := range rows[1:] {
		out = append(out, webPath{row[0], row[1], row[2]})
	}
	return out
})
