package page

import (
	"context"
	"regexp"
	"sort"
	"strings"
)

var (
	phoneNumber = regexp.MustCompile(`(?:\+|\b00)\d[\d ().\-]{6,18}\d|\b0\d{2,4}[ \-]?\d{3,4}[ \-]?\d{3,4}\b|\b1?[ -]?8\d\d[ -]\d{3}[ -]\d{4}\b`)
	placeholder = regexp.MustCompile(`(?i)\[[^\]\n]{0,80}(?:e-?mail|address|mailbox|contact)[^\]\n]{0,80}\]|\[email.protected\]|<(?:e-?mail|address)[^>\n]{0,30}>|\bx{3,}@`)
	obfuscated  = regexp.MustCompile(`(?i)\b([a-z0-9][a-z0-9._+-]{0,40})\s*(?:[\[({<]\s*(?:at|@|ät)\s*[\])}>]|\s+at\s+|\s+AT\s+|@)\s*((?:[a-z0-9-]{1,40}\s*(?:[\[({<]\s*(?:dot|\.|punkt)\s*[\])}>]|\s+dot\s+|\.)\s*){1,4}[a-z]{2,12})\b`)
	atDot       = regexp.MustCompile(`(?i)\s*(?:[\[({<]\s*(?:dot|\.|punkt)\s*[\])}>]|\s+dot\s+|\.)\s*`)
	handle      = regexp.MustCompile(`\b[A-Z][A-Za-z-]{2,20}@[A-Z][A-Za-z]{2,20}\b`)
)

// findMail returns the place of the first mail address in s from i on.
func findMail(s string, i int) Span {
	for ; i < len(s); i++ {
		k := strings.IndexByte(s[i:], '@')
		if k < 0 {
			return Span{}
		}
		i += k
		a, b := i, i+1
		for a > 0 && i-a < 64 && mailByte(s[a-1]) {
			a--
		}
		for b < len(s) && b-i < 254 && (wordByte(s[b]) && s[b] < 0x80 || s[b] == '.' || s[b] == '-') {
			b++
		}
		for b > i && (s[b-1] == '.' || s[b-1] == '-') {
			b--
		}
		for a < i && (s[a] == '.' || s[a] == '-' || s[a] == '\'' || s[a] == '_') {
			a++
		}
		dot := strings.LastIndexByte(s[i:b], '.')
		if a < i && dot > 1 && b-i-dot > 2 && !digit(s[b-1]) {
			return Span{a, b}
		}
	}
	return Span{}
}

func mailByte(c byte) bool {
	return wordByte(c) && c < 0x80 || strings.IndexByte("._+-'", c) >= 0
}

// securityName reports whether the name in an address or link says that it is for security reports.
func securityName(s string) bool {
	s = strings.ToLower(s)
	for _, w := range []string{"secur", "psirt", "vuln", "csirt", "cert@", "bugbounty", "bug-bounty", "psti", "vdp", "infosec", "cyber", "guvenlik", "disclos", "responsible", "soc@", "sirt", "sicherheit"} {
		if strings.Contains(s, w) {
			return true
		}
	}
	return strings.HasPrefix(s, "secure@")
}

// contacts finds the points of contact for reports of security issues.
func (r *reader) contacts(ctx context.Context) error {
	d := r.d
	if d.Kind == SecurityTxt {
		r.securityTxt()
		return nil
	}
	link := 0
	for i := range d.sents {
		if i&0xff == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		s := d.sents[i]
		var links []Link
		for link < len(d.Links) && d.Links[link].To <= s.From {
			link++
		}
		for k := link; k < len(d.Links) && d.Links[k].From < s.To; k++ {
			links = append(links, d.Links[k])
		}
		text := d.Quote(s.Span)
		if s.mask&(cReport|cVuln|cSecurity|cChannel|cMail|cIssue) == 0 && len(links) == 0 && !strings.ContainsAny(text, "@[") && d.secs[s.sec].chain&(cVuln|cSecurity) == 0 {
			continue
		}
		r.contactIn(i, text, links)
	}
	r.formElements()
	return nil
}

func (r *reader) contactIn(i int, text string, links []Link) {
	d := r.d
	s := d.sents[i]
	at := strings.IndexByte(text, '@') >= 0
	brackets := strings.ContainsAny(text, "[({<")
	if !at && !brackets && len(links) == 0 && s.mask&(cReport|cVuln|cChannel|cPlatform|cMail|cTeam) == 0 {
		return
	}
	ctx := r.reporting(i)
	block := s.block
	forbids := r.forbids(i)
	nav := r.block(i).Hidden&Navigation != 0
	add := func(form, value string, sp Span, v Verdict, why string) {
		r.add(Reading{Limb: ContactPoint, Term: TermContact, Form: form, Value: value, Verdict: v, Why: why}, sp, block)
	}
	// Mail addresses in the text, hidden from harvesters or in links.
	mailSeen := map[string]bool{}
	mail := func(addr string, sp Span, why string) {
		addr = strings.TrimRight(addr, ".")
		if mailSeen[strings.ToLower(addr)] || d.secs[s.sec].own&cPrivacy != 0 && !securityName(addr) || forbids {
			return
		}
		local, _, _ := strings.Cut(strings.ToLower(addr), "@")
		strong := securityName(local + "@")
		switch {
		case strong && s.mask&cBreach == 0, strong && ctx > 0, ctx == 2 && !unrelatedMailbox(local, s.mask), ctx == 1 && s.mask&cReport != 0 && s.mask&(cIssue|cVuln) != 0,
			ctx == 1 && r.says(i, "report", "reports", "disclose", "submit") && !unrelatedMailbox(local, s.mask):
			if !strong && (r.guidance(i) || after(r.toks(i), notReports...)) {
				return
			}
			mailSeen[strings.ToLower(addr)] = true
			add("mail", addr, sp, Present, why)
		}
	}
	for from := 0; at; {
		m := findMail(text, from)
		if m.To <= m.From {
			break
		}
		mail(text[m.From:m.To], Span{s.From + m.From, s.From + m.To}, "")
		from = m.To
	}
	for _, l := range links {
		if l.Mail != "" && l.From >= s.From && l.From < s.To {
			sp := l.Span
			if sp.To <= sp.From || sp.To > s.To {
				sp = s.Span
			}
			mail(l.Mail, sp, "the address stands in the link")
		}
	}
	if (brackets || s.mask&(cMail|cReport) != 0 && strings.Contains(text, " dot ")) && (s.mask&(cMail|cReport|cSecurity) != 0 || strings.Contains(text, "at]") || strings.Contains(text, "(at")) {
		for _, m := range obfuscated.FindAllStringSubmatchIndex(text, 20) {
			whole := text[m[0]:m[1]]
			if strings.Contains(whole, "@") && findMail(whole, 0).To > 0 {
				continue
			}
			if !strings.ContainsAny(whole, "[({<") && !(strings.Contains(strings.ToLower(whole), " at ") && strings.Contains(strings.ToLower(whole), " dot ")) {
				continue
			}
			mail(text[m[2]:m[3]]+"@"+strings.ToLower(strings.Trim(atDot.ReplaceAllString(text[m[4]:m[5]], "."), ".")), Span{s.From + m[0], s.From + m[1]}, "the address is written so that machines do not see it")
		}
	}
	if ctx == 0 && s.mask&cVuln != 0 && s.mask&cDisclose != 0 && !forbids && !r.guidance(i) {
		r.announced(i, 1, r.toks(i))
	}
	if ctx == 0 {
		return
	}
	if len(mailSeen) == 0 && !forbids {
		if m := index(placeholder, text, brackets || at); m != nil && (ctx == 2 || s.mask&cReport != 0) {
			add("mail", "", Span{s.From + m[0], s.From + m[1]}, Unclear, "an address is announced, but it is missing from the text that was read")
		}
		if m := index(handle, text, at); m != nil {
			add("mail", text[m[0]:m[1]], Span{s.From + m[0], s.From + m[1]}, Present, "a mailbox by name, not a whole address")
		}
	}
	if forbids || r.guidance(i) || after(r.toks(i), notReports...) {
		return
	}
	r.channelIn(i, ctx, text, links, nav, add)
}

// index is FindStringIndex where a cheaper look at the text has not ruled it out already.
func index(re *regexp.Regexp, text string, may bool) []int {
	if !may {
		return nil
	}
	return re.FindStringIndex(text)
}

// notReports are things that people send in and that are no reports.
var notReports = []string{"talk", "talks", "paper", "papers", "cv", "application", "applications", "abstract", "abstracts", "resume", "apply"}

// unrelatedMailbox reports whether a mailbox is for something else than reports.
func unrelatedMailbox(local string, m concept) bool {
	switch local {
	case "sales", "press", "media", "jobs", "careers", "hr", "marketing", "orders", "returns", "dpo", "gdpr", "privacy", "data.protection", "dataprotection", "news", "editor", "tips", "unsubscribe", "billing", "legal", "dmca":
		return m&cReport == 0 || m&(cPress|cTrade|cPrivacy) != 0
	}
	return m&(cPress|cTrade|cPrivacy) != 0 && m&(cVuln|cIssue|cReport) == 0
}

func (r *reader) says(i int, ws ...string) bool {
	for _, t := range r.toks(i) {
		if t.is(ws...) {
			return true
		}
	}
	return false
}

// forbids reports whether the sentence asks not to use what it names: "do not report through public issues".
func (r *reader) forbids(i int) bool {
	if r.d.sents[i].mask&cNot == 0 {
		return false
	}
	ts := r.toks(i)
	for k, t := range ts {
		if t.c&cNot == 0 {
			continue
		}
		for a := k + 1; a < len(ts) && a < k+4; a++ {
			if ts[a].c&(cReport|cDisclose) != 0 && !ts[a].is("disclose", "published", "publish", "disclosed") || ts[a].is("create", "open", "post", "use", "contact") {
				return true
			}
			if ts[a].w == "," || ts[a].c&cWe != 0 {
				break
			}
		}
	}
	return false
}

// channelIn looks for a channel that is no mail address: a form, a portal, an issue tracker, a platform, a telephone.
func (r *reader) channelIn(i, ctx int, text string, links []Link, nav bool, add func(string, string, Span, Verdict, string)) {
	d := r.d
	s := d.sents[i]
	ts := r.toks(i)
	heading := r.block(i).Kind == Heading
	// What the sentence asks the reader to do with which channel.
	acts := s.mask&cReport != 0 || r.says(i, "use", "complete", "fill", "open", "create", "via", "through", "log", "using", "visit", "go", "describe", "access")
	for k, t := range ts {
		sp := Span{max(s.From, ts[max(0, k-6)].From), min(s.To, ts[min(len(ts)-1, k+6)].To)}
		named := ts[max(0, k-4):k]
		switch {
		case t.is("form", "webform", "web-form", "questionnaire") && !heading && acts && (ctx == 2 || about(s.mask)) && !after(named, "in", "any", "this", "same", "written", "encrypted", "electronic", "some", "what") && !nextIs(ts, k, "of", "part"):
			if !linkOnly(named) {
				add("form", targetOf(links, "form", s.Span), sp, Present, "")
			}
		case t.is("portal", "helpdesk", "center", "centre", "desk", "platform", "hub", "tracker", "page") && !heading && acts && (ctx == 2 || about(s.mask)) && directed(ts, k) &&
			(t.is("portal", "helpdesk", "tracker") || after(named, "service", "response", "security", "support", "help", "ticket", "reporting", "disclosure", "vulnerability", "bounty", "contact", "issue")):
			if t.is("page") && !after(named, "contact", "reporting", "disclosure", "vulnerability") {
				continue
			}
			add("portal", targetOf(links, t.w, s.Span), sp, Present, "")
		case (t.is("ticket", "issue", "issues", "advisory", "advisories", "tab") || t.is("reporting") && after(ts, "private", "privately")) && !heading && trackerHere(ts, k):
			add("tracker", targetOf(links, "github", s.Span), sp, Present, "")
		case t.c&cPlatform != 0 && !t.is("bounty", "github", "gitlab", "jira") && !heading && (acts || directed(ts, k)):
			add("platform", t.w, sp, Present, "")
		case t.is("bounty") && !heading && k+1 < len(ts) && ts[k+1].is("programme", "program", "portal", "platform") && directed(ts, k) && acts && !negated(ts, k):
			add("platform", targetOf(links, "bounty", s.Span), sp, Present, "")
		}
	}
	if m := index(phoneNumber, text, ctx == 2 && s.mask&(cReport|cChannel) != 0 && strings.ContainsAny(text, "0123456789")); m != nil && r.says(i, "call", "phone", "telephone", "tel", "hotline", "ring", "dial", "number", "whatsapp", "line") && (about(s.mask) || s.mask&cReport != 0) && s.mask&cTrade == 0 {
		add("phone", text[m[0]:m[1]], Span{s.From + m[0], s.From + m[1]}, Present, "")
	}
	if after(ts, "refer", "see", "follow", "consult", "read", "described") && after(ts, "policy", "process", "procedure", "procedures", "guidelines", "instructions", "documentation", "document") && !after(ts, "form", "portal", "via", "through", "email", "e-mail") {
		r.announced(i, ctx, ts)
		return // the link leads to a description, not to the place where reports are taken
	}
	// Web addresses, in the text or behind it.
	for _, t := range ts {
		if t.kind == tURL && !strings.HasSuffix(t.w, ".pdf") && acts && (ctx == 2 || about(s.mask)) && reportTarget(t.w) && directedURL(ts, t) {
			add("web", strings.TrimRight(d.Text[t.From:t.To], "."), t.Span, Present, "")
		}
	}
	for _, l := range links {
		if l.Mail != "" || l.Target == "" || strings.HasPrefix(l.Target, "#") || l.To <= l.From || l.To > s.To || l.From < s.From {
			continue
		}
		lm := d.maskOf(d.Quote(l.Span))
		if strings.HasPrefix(strings.ToLower(l.Target), "tel:") {
			if ctx == 2 && (about(s.mask) || s.mask&cReport != 0) {
				add("phone", l.Target[4:], l.Span, Present, "")
			}
			continue
		}
		asks := reportWord(d.Quote(l.Span)) || acts && directedURL(ts, token{Span: l.Span})
		if heading || !asks || strings.HasSuffix(strings.ToLower(strings.SplitN(l.Target, "?", 2)[0]), ".pdf") {
			continue
		}
		if reportTarget(l.Target) && (about(lm) || about(s.mask) || ctx == 2) && (!nav || about(lm)) {
			v, why := Present, "the address stands in the link"
			if nav {
				v, why = Unclear, "a link in the menu or foot of the page leads there"
			}
			add("web", l.Target, l.Span, v, why)
		}
	}
	r.announced(i, ctx, ts)
}

// after reports whether one of the words stands among the tokens.
func after(ts []token, ws ...string) bool {
	for _, t := range ts {
		if t.is(ws...) {
			return true
		}
	}
	return false
}

func nextIs(ts []token, k int, ws ...string) bool { return k+1 < len(ts) && ts[k+1].is(ws...) }

func linkOnly(ts []token) bool { return after(ts, "no") }

// directed reports whether the reader is sent to the k-th token: "use", "via", "through", "in our", "submit ... in".
func directed(ts []token, k int) bool {
	for b := k - 1; b >= 0 && b >= k-9; b-- {
		t := ts[b]
		if t.is("use", "via", "through", "using", "at", "on", "in", "into", "to", "visit", "open", "by", "our", "with", "submit", "report", "file", "complete", "access", "go") {
			return true
		}
		if t.is(".", ";") {
			return false
		}
	}
	return false
}

func directedURL(ts []token, u token) bool {
	for k, t := range ts {
		if t.From < u.From {
			continue
		}
		for b := k - 1; b >= 0 && b >= k-14; b-- {
			if ts[b].is("see", "read", "refer", "join", "subscribe", "download", "key", "guidelines") && b >= k-12 {
				return false
			}
			if ts[b].is("at", "through", "via", "to", "form", "portal", "on", "using", "visit", "here", "report", "submit", "use", ":", "contact", "in", "by", "go", "file", "raise", "open", "reporting", "complete") {
				return true
			}
		}
		return k == 0 || reportWord(u.w)
	}
	return false
}

func reportWord(s string) bool {
	if len(s) > 400 {
		return false
	}
	ts := tokens(s, Span{0, len(s)})
	for k, t := range ts {
		if t.is("report", "reports", "reporting", "submit", "submission", "disclose", "raise", "form") || t.is("disclosure") && nextIs(ts, k, "form") || t.is("contact", "tell") && nextIs(ts, k, "us", "form") || t.is("let") && nextIs(ts, k, "us") {
			return true
		}
		if t.kind == tURL && (strings.Contains(t.w, "report") || strings.Contains(t.w, "submit")) {
			return true
		}
	}
	return false
}

// reportTarget reports whether an address looks like a place where reports are taken.
func reportTarget(u string) bool {
	u = strings.ToLower(u)
	for _, w := range []string{"legislation.gov", "iso.org", "wikipedia", "pgp", ".asc", "/privacy", "cookie", "docs.github.com", "scorecard", "badge", "securing-", "/blog", "/news", "stackoverflow", "etsi.org", "releases", "owasp.org", "first.org/cvss", "nvd.nist"} {
		if strings.Contains(u, w) {
			return false
		}
	}
	for _, w := range []string{"report", "vuln", "secur", "psirt", "disclos", "contact", "/form", "form.", "forms", "-form", "support", "ticket", "hackerone", "bugcrowd", "intigriti", "yeswehack", "issue", "psti", "bounty", "help", "advisor", "incident"} {
		if strings.Contains(u, w) {
			return true
		}
	}
	return false
}

// targetOf returns where the first fitting link of the sentence leads, or "".
func targetOf(links []Link, word string, s Span) string {
	for _, l := range links {
		if l.From >= s.From && l.From < s.To && l.Mail == "" && l.Target != "" && !strings.HasPrefix(l.Target, "#") {
			return l.Target
		}
	}
	return ""
}

// trackerHere reports whether the k-th token is an issue or ticket that the reader is asked to open.
func trackerHere(ts []token, k int) bool {
	tracker, verb := false, false
	for j := max(0, k-10); j < min(len(ts), k+8); j++ {
		t := ts[j]
		if t.kind == tURL && !strings.Contains(t.w, "/issues") {
			continue
		}
		if t.is("github", "gitlab", "jira", "tracker", "repository", "bugzilla") || t.is("security") && j+1 < len(ts) && ts[j+1].is("tab", "advisory") || t.is("service", "support", "help") && j+1 < len(ts) && ts[j+1].is("desk") || strings.HasPrefix(t.w, "github's") || strings.HasPrefix(t.w, "github’s") || ts[k].is("ticket") && t.is("portal", "helpdesk") {
			tracker = true
		}
		if t.is("github's", "github") && after(ts, "private", "privately") && after(ts, "reporting", "report") {
			tracker = true
		}
		if t.is("open", "create", "raise", "file", "submit", "go", "report", "reporting", "use", "using", "via", "click", "log", "lodge") {
			verb = true
		}
	}
	return tracker && verb
}

func negated(ts []token, k int) bool {
	for b := k - 1; b >= 0 && b >= k-8; b-- {
		if ts[b].c&cNot != 0 {
			return true
		}
	}
	return false
}

// announced finds sentences that announce a way to report without naming it.
func (r *reader) announced(i, ctx int, ts []token) {
	d := r.d
	s := d.sents[i]
	if r.block(i).Hidden&Navigation != 0 {
		return
	}
	heading := r.block(i).Kind == Heading
	add := func(why string) {
		r.add(Reading{Limb: ContactPoint, Term: TermContact, Form: "announced", Value: "", Verdict: Unclear, Why: why}, s.Span, s.block)
	}
	for k, t := range ts {
		switch {
		case t.is("psirt", "csirt", "sirt") || t.is("response") && nextIs(ts, k, "team", "centre", "center") && about(s.mask|d.secs[s.sec].chain):
			add("a security team is named, but not how to reach it")
			return
		case heading:
		case t.is("has", "have", "operate", "operates", "maintain", "maintains", "run", "runs", "offer", "offers", "provide", "provides", "established", "adopted", "publish", "publishes", "implemented") && ctx > 0:
			for a := k + 1; a < len(ts) && a < k+7; a++ {
				if ts[a].is("disclosure", "vdp", "cvd", "bounty") && !negated(ts, k) && s.mask&cVuln != 0 && !ts[k].is("publish") {
					add("a policy is named, but no channel")
					return
				}
			}
		case t.is("submit", "report", "send", "file", "raise", "disclose", "contact", "tell", "notify", "reporting", "inform") && ctx > 0 && (k == 0 || addressed(ts, k)):
			if t.is("tell", "notify", "inform") && k+1 < len(ts) && !ts[k+1].is("us", "our", "the") {
				continue
			}
			if (about(s.mask|d.secs[s.sec].chain) || t.is("submit", "report", "send") && r.says(i, "report", "reports")) && !past(ts, k) {
				add("reports are invited, but the way is not named")
				return
			}
		case t.is("link", "button", "here") && s.mask&cReport != 0 && about(s.mask):
			add("a link is named, but not where it leads")
			return
		case t.is("guidelines", "guide", "instructions", "procedure", "policy", "process") && after(ts[:k], "refer", "see", "follow", "consult", "read") && s.mask&cReport != 0 && about(s.mask):
			add("how to report is said elsewhere")
			return
		}
	}
}

// addressed reports whether the verb at k is said to the reader: "please report", "you can submit", "a report you submit".
func addressed(ts []token, k int) bool {
	for b := k - 1; b >= 0 && b >= k-5; b-- {
		if ts[b].is("please", "you", "can", "may", "should", "to", "encouraged", "kindly", "customers", "researchers", "users", "anyone", "who", "and", "or", ":", "-") {
			return !ts[b].is("to") || b == 0 || ts[b-1].c&(cWe) == 0 && !ts[b-1].is("used", "order", "able", "response", "related", "relating", "steps", "process")
		}
		if ts[b].c&(cWe|cNot) != 0 {
			return false
		}
	}
	return false
}

func past(ts []token, k int) bool {
	for b := k - 1; b >= 0 && b >= k-6; b-- {
		if ts[b].is("once", "after", "when", "if", "how", "have", "has") {
			return !ts[b].is("if", "how", "when") || ts[b].is("how") && b == 0
		}
	}
	return false
}

// formElements finds a form on the page itself, under a heading on reporting.
func (r *reader) formElements() {
	d := r.d
	for k, f := range d.Fields {
		embedded := f.Type == "iframe" && reportTarget(f.Name)
		if f.Type != "textarea" && !embedded || k > 0 && d.Fields[k-1].Form == f.Form && d.Fields[k-1].Type == "textarea" {
			continue
		}
		// The last sentence before the field says where it stands.
		i := sort.Search(len(d.sents), func(i int) bool { return d.sents[i].From >= f.At }) - 1
		if i < 0 || r.reporting(i) < 2 || d.secs[d.sents[i].sec].own&(cPrivacy|cTrade) != 0 {
			continue
		}
		sec := d.secs[d.sents[i].sec]
		if !about(sec.chain) && sec.chain&cVuln == 0 && !about(sec.body) {
			continue
		}
		sp := d.sents[i].Span
		if sec.heading.To > sec.heading.From {
			sp = sec.heading
		}
		r.add(Reading{Limb: ContactPoint, Term: TermContact, Form: "form", Value: map[bool]string{true: f.Name}[embedded], Verdict: Present, Why: "a form stands on the page, below these words"}, sp, d.sents[i].block)
	}
}
