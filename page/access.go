package page

import "strings"

// access judges what stands between a reader and the text, and whether there is text at all.
func (r *reader) access() {
	d := r.d
	words := d.flagsD.words
	lower := strings.ToLower(d.Title + "\n" + d.Text[:cutAt(d.Text, 6000)])
	r.languageReading()
	if strings.TrimSpace(d.Text) == "" {
		if _, ok := d.Has(NeedsScript); !ok {
			why := "there is no text"
			if d.Kind == PDF || len(d.Images) > 0 {
				why = "there is no text, only pictures: a scan has to be read by a person"
			}
			d.condition(NoText, Span{}, why)
		}
		return
	}
	if words < 15 {
		d.condition(ShortText, Span{}, "the text is hardly more than a heading")
	}
	if d.Kind == HTML {
		r.notFound(lower, words)
		r.consent(lower, words)
		r.hiddenText()
	}
	r.walls(lower, words)
	if c, ok := d.Has(NotFoundPage); ok {
		for i := range r.out {
			if r.out[i].Verdict == Present && r.out[i].Limb != "" {
				r.out[i].Verdict, r.out[i].Why = Unclear, join(r.out[i].Why, c.Why)
			}
		}
	}
}

func (r *reader) languageReading() {
	d := r.d
	if d.English == Unclear || strings.TrimSpace(d.Text) == "" {
		return
	}
	v, why := "en", ""
	if d.English == Absent {
		v, why = "not en", "the text is not in English"
	}
	for i := range d.sents {
		if d.sents[i].words >= 5 || i == len(d.sents)-1 {
			r.add(Reading{Term: TermLanguage, Value: v, Verdict: d.English, Why: why}, d.sents[i].Span, -1)
			return
		}
	}
}

// notFound tells a page that says "not found" while its status may have said otherwise.
func (r *reader) notFound(lower string, words int) {
	d := r.d
	title := strings.ToLower(d.Title)
	for _, s := range d.secs[:min(len(d.secs), 3)] {
		title += "\n" + strings.ToLower(d.Quote(s.heading))
	}
	head := false
	for _, p := range []string{"404", "not found", "page missing", "doesn't exist", "does not exist", "no longer available", "can't be found", "cannot be found", "page unavailable"} {
		head = head || strings.Contains(title, p)
	}
	body := strings.Contains(lower, "page") && (strings.Contains(lower, "not found") || strings.Contains(lower, "could not be found") || strings.Contains(lower, "can't find") || strings.Contains(lower, "cannot find") ||
		strings.Contains(lower, "couldn't find") || strings.Contains(lower, "no longer exists") || strings.Contains(lower, "does not exist") || strings.Contains(lower, "has been moved") || strings.Contains(lower, "doesn't exist") || strings.Contains(lower, "can’t find") || strings.Contains(lower, "couldn’t find"))
	if head && words < 400 || body && words < 80 {
		d.condition(NotFoundPage, Span{}, "the page says of itself that it was not found")
	}
}

// consent tells a page that shows little but a request for consent to cookies.
func (r *reader) consent(lower string, words int) {
	cookie, all := 0, 0
	for _, s := range r.d.sents {
		all += s.words
		if s.mask&cCookie != 0 {
			cookie += s.words
		}
	}
	if words < 250 && cookie*2 > all && strings.Contains(lower, "cookie") && (strings.Contains(lower, "accept") || strings.Contains(lower, "agree") || strings.Contains(lower, "consent")) {
		r.d.condition(ConsentWall, Span{}, "the page is little but a request for consent")
		r.barrier("consent", func(s sentence) bool { return s.mask&cCookie != 0 })
	}
}

func (r *reader) barrier(what string, is func(sentence) bool) {
	for _, s := range r.d.sents {
		if is(s) {
			r.add(Reading{Term: TermBarrier, Value: what, Verdict: Present, Why: "this stands between the reader and the text"}, s.Span, -1)
			return
		}
	}
}

// hiddenText notes how much of a page is not shown when it opens.
func (r *reader) hiddenText() {
	n, first := 0, -1
	for i, b := range r.d.Blocks {
		if b.Hidden&(NotShown|Folded) != 0 {
			n++
			if first < 0 {
				first = i
			}
		}
	}
	if n > 0 {
		r.d.condition(HiddenText, r.d.Blocks[first].Span, "parts of the page are not shown when it opens")
	}
}

// walls tells pages that ask for a login, for money or for who the reader is before the text can be read. A form that
// takes reports and asks for a name is no such wall; nor is a link to log in beside a text that can be read.
func (r *reader) walls(lower string, words int) {
	d := r.d
	password := false
	identity := 0
	textarea := false
	for _, f := range d.Fields {
		name := strings.ToLower(f.Name)
		password = password || f.Type == "password"
		textarea = textarea || f.Type == "textarea"
		if f.Type == "email" || strings.Contains(name, "email") || strings.Contains(name, "e-mail") || strings.Contains(name, "your name") || strings.Contains(name, "company") {
			identity++
		}
	}
	asks := func(verbs, objects []string) bool {
		for _, v := range verbs {
			for from := 0; ; {
				i := strings.Index(lower[from:], v)
				if i < 0 {
					break
				}
				i += from
				rest := lower[i:min(len(lower), i+140)]
				for _, o := range objects {
					if strings.Contains(rest, o) {
						return true
					}
				}
				from = i + len(v)
			}
		}
		return false
	}
	views := []string{"to view", "to read", "to see", "to access", "to continue", "to download", "to get access", "for access", "to proceed", "before you can", "to unlock", "to open this"}
	said := asks([]string{"log in", "login", "sign in", "log on"}, views) || asks([]string{"members only", "registered users only", "you must be logged in", "you need to be logged in", "access denied", "authorisation required", "authorization required"}, []string{""})
	said = said && !strings.Contains(lower, "no login") && !strings.Contains(lower, "without logging in")
	if words < 120 && password || said && words < 400 {
		d.condition(LoginWall, Span{}, "the page asks for a login before its text can be read")
		r.barrier("login", func(s sentence) bool { return s.mask&cLogin != 0 })
	}
	if asks([]string{"subscribe", "become a member", "buy a subscription", "pay ", "purchase access", "premium"}, []string{"to read", "to continue reading", "to view", "to access this", "to unlock", "full article", "full text"}) && words < 800 {
		d.condition(PaymentWall, Span{}, "the page asks for payment before its text can be read")
		r.barrier("payment", func(s sentence) bool { return s.mask&cPay != 0 })
	}
	if !textarea && words < 300 && (identity > 0 && asks([]string{"enter your", "fill in", "complete the form", "provide your", "submit your", "tell us your"}, views) || asks([]string{"request a copy", "available on request", "on request from", "upon request"}, []string{""})) {
		d.condition(IdentityWall, Span{}, "the page asks who the reader is, or for a request, before its text can be read")
		r.barrier("identity", func(s sentence) bool { return s.mask&(cMail|cReport) != 0 })
	}
}
