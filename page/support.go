package page

import (
	"context"
	"sort"
	"strings"
)

// SupportEntry is one stated support period.
type SupportEntry struct {
	Scope   string // the words that say which products: the cells of the row, or the sentence and its heading
	Models  []string
	All     bool // it speaks of all products, or names none
	Start   *Date
	End     *Date
	Length  *Time
	Wording WordingID
	Verdict Verdict
	Span         // where it stands
	EndAt   Span // where its end date stands
	block   int
	around  string // title and sentences before it, for a sentence that names no product
}

// periodFacts is what one sentence says of a support period.
type periodFacts struct {
	wording    WordingID
	start, end *Date
	length     *Time
}

// subject is what a date or length in a sentence may belong to.
type subject uint8

const (
	noSubject subject = iota
	ofSupport
	ofOther // a warranty, an offer, a law, a policy, a launch, spare parts
)

func (r *reader) support(ctx context.Context) error {
	d := r.d
	r.supportTables()
	for i := range d.sents {
		if i&0xff == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		s := d.sents[i]
		b := r.block(i)
		topic := r.supportTopic(i)
		if s.mask&(cSupport|cUpdate|cPeriod|cUntil|cStop|cOpenEnd) == 0 && !topic || b.Hidden&Navigation != 0 {
			continue
		}
		if b.Kind == Row && r.inReadTable(s.From) || r.guidance(i) {
			continue
		}
		if s.mask&(cSupport|cUpdate) == 0 && !topic {
			continue
		}
		ts := r.toks(i)
		f := supportFacts(ts, d.Text, topic, topic && d.secs[s.sec].own&cUntil != 0)
		if f.wording == "" {
			r.supportElsewhere(i, ts)
			continue
		}
		if b.Kind == Heading && f.end == nil && s.words < 10 {
			continue
		}
		scope := d.Quote(s.Span)
		if sec := d.secs[s.sec]; sec.heading.To > sec.heading.From && b.Kind != Heading {
			scope = d.Quote(sec.heading) + "\n" + scope
		}
		r.entry(f, s.Span, scope, s.block, false)
	}
	return nil
}

// entry keeps one stated period and its readings.
func (r *reader) entry(f periodFacts, sp Span, scope string, block int, table bool) {
	d := r.d
	w := WordingOf(f.wording)
	e := SupportEntry{Scope: scope, Start: f.start, End: f.end, Length: f.length, Wording: f.wording, Verdict: w.Verdict, Span: sp, block: block}
	e.Models = modelsIn(scope)
	e.All = len(e.Models) == 0 && !table || allProducts(scope)
	if e.All && !table {
		e.around = d.Title
		for j, i := 0, r.sentenceAt(sp.From)-1; j < 3 && i >= 0; j, i = j+1, i-1 {
			e.around += "\n" + r.text(i)
		}
	}
	if f.end != nil {
		e.EndAt = f.end.Span
	}
	if len(d.Support) < r.limits.MaxItems {
		d.Support = append(d.Support, e)
	}
	if f.end != nil {
		why := w.Why
		if fault := f.end.Fault(); fault != "" {
			why = fault
		}
		value := f.end.String()
		if f.end.TwoDigit || f.end.Invalid || f.end.Ambiguous {
			value = ""
		}
		r.add(Reading{Limb: SupportPeriod, Term: TermSupportEnd, Value: value, Verdict: w.Verdict, Why: why}, sp, block)
	}
	if f.start != nil && f.start.Exact() {
		r.add(Reading{Term: TermSupportStart, Value: f.start.String(), Verdict: Present}, sp, block)
	}
	if f.length != nil {
		r.add(Reading{Limb: SupportPeriod, Term: TermSupportLength, Value: f.length.String(), Verdict: Unclear, Why: w.Why}, sp, block)
	}
	r.add(Reading{Limb: SupportPeriod, Term: TermSupportWording, Value: string(f.wording), Verdict: w.Verdict, Why: w.Why}, sp, block)
}

// supportTopic reports whether the heading above sentence i is about support periods or security updates.
func (r *reader) supportTopic(i int) bool {
	sec := r.d.secs[r.d.sents[i].sec]
	return periodTopic(sec.own) || i > 0 && r.d.sents[i-1].sec == r.d.sents[i].sec && (strings.HasSuffix(r.text(i-1), ":") || r.label(i) != nil) && periodTopic(r.d.sents[i-1].mask)
}

func periodTopic(m concept) bool {
	return m&cSupport != 0 && m&(cPeriod|cUntil|cSecurity|cUpdate|cSoftware|cProduct|cStop) != 0 && m&cTrade == 0 || m&cUpdate != 0 && m&(cSecurity|cSoftware|cPeriod) != 0
}

// supportFacts reads the period that a sentence states. With topic the sentence stands under a heading on support, so
// that it need not say again what it speaks of; with topicUntil that heading speaks of an end.
func supportFacts(ts []token, text string, topic, topicUntil bool) periodFacts {
	var f periodFacts
	if len(ts) == 0 {
		return f
	}
	subj := subjects(ts, topic)
	if !subj.any && strays(ts) {
		subj.dflt = noSubject
	}
	base := ts[0].From
	dates := FindDates(text[base:ts[len(ts)-1].To])
	for i := range dates {
		dates[i].From += base
		dates[i].To += base
	}
	for i, dt := range dates {
		k := tokenAt(ts, dt.From)
		switch dateRole(ts, k, dates, i, topicUntil) {
		case 'e':
			if subj.at(ts, k) == ofSupport && (f.end == nil || !f.end.Exact()) {
				f.end = &dates[i]
			}
		case 's':
			if subj.at(ts, k) == ofSupport {
				f.start = &dates[i]
			}
		}
	}
	if f.end != nil {
		switch {
		case f.end.Invalid, f.end.Ambiguous, f.end.TwoDigit:
			f.wording = WordingDoubt
		case !f.end.Exact():
			f.wording = WordingYear
		case f.start != nil:
			f.wording = WordingPeriod
		case pastTense(ts, tokenAt(ts, f.end.From)):
			f.wording = WordingPast
		default:
			f.wording = WordingEndDate
		}
	}
	if f.end != nil && f.end.Exact() && f.wording != WordingPast {
		if l := lengthIn(ts, subj); l != nil {
			f.wording = WordingPeriod
		}
		return f
	}
	if f.end != nil {
		return f
	}
	if l := lengthIn(ts, subj); l != nil {
		f.length = l
		f.wording = lengthWording(ts, l)
		return f
	}
	f.wording = openWording(ts, subj)
	return f
}

// strays reports whether a sentence below a heading on support, which itself does not speak of support, is about
// something that people may do or that somebody said.
func strays(ts []token) bool {
	for k, t := range ts {
		month := k > 0 && ts[k-1].kind == tNumber || k+1 < len(ts) && ts[k+1].kind == tNumber
		if t.c&(cPress|cTrade|cOffer|cPassword|cPrivacy) != 0 || t.is("may") && !month || t.is("can", "owners", "customers", "trade", "register", "apply", "visit", "contact", "stores") {
			return true
		}
	}
	return false
}

func tokenAt(ts []token, from int) int {
	for k, t := range ts {
		if t.To > from {
			return k
		}
	}
	return len(ts) - 1
}

// subjectsAt holds, token by token, what the sentence speaks of there.
type subjectsAt struct {
	kind []subject
	any  bool
	dflt subject
}

// subjects marks the tokens that name security updates and those that name something else with a term of its own.
func subjects(ts []token, topic bool) subjectsAt {
	s := subjectsAt{kind: make([]subject, len(ts))}
	if topic {
		s.dflt = ofSupport
	}
	for k, t := range ts {
		if t.kind != tWord {
			continue
		}
		prev, next := token{}, token{}
		if k > 0 {
			prev = ts[k-1]
		}
		if k+1 < len(ts) {
			next = ts[k+1]
		}
		switch {
		case t.is("warranty", "warranties", "parts", "spare", "offer", "promotion", "discount", "voucher", "sale", "subscription", "trial", "licence", "license", "replacement", "repair", "repairs", "return", "refund", "competition", "stock", "law", "legislation", "act", "regulations", "survey", "consultation", "registration", "delivery", "certificate", "retention", "credit", "price", "recycling", "beta", "pilot", "preview", "newsletter", "exhibition", "campaign"):
			s.kind[k] = ofOther
		case t.is("guarantee", "guaranteed", "guarantees") && !(next.c&(cUpdate|cSecurity|cSupport) != 0 || prev.c&(cUpdate|cSecurity) != 0 || near(ts, k, 5, cUpdate|cSecurity)):
			s.kind[k] = ofOther
		case t.is("supported") && next.is("devices", "products", "models", "versions", "device", "product", "model", "hardware", "browsers", "apps", "platforms"):
			// an adjective: "on all supported devices"
		case t.is("support") && next.is("for") && after(ts[k+1:min(len(ts), k+6)], "windows", "android", "ios", "internet", "explorer", "browser", "browsers", "tls", "macos", "chrome", "flash", "2g", "3g", "wep", "http", "alexa"):
			s.kind[k] = ofOther
		case t.is("updates", "update", "support", "patches") && (belongsToOther(s, ts, k) || after(ts[max(0, k-5):k], "register", "subscribe", "sign", "apply", "book", "newsletter")):
			s.kind[k] = ofOther
		case t.is("support", "supported", "supports") && (prev.is("customer", "technical", "phone", "telephone", "chat", "email", "our", "sales", "contact", "live", "call") || next.is("team", "centre", "center", "desk", "line", "hours", "page", "ticket", "agent", "agents")) && !(next.is("period", "until", "ends") || prev.is("our") && near(ts, k, 4, cPeriod|cUntil)):
			s.kind[k] = ofOther
		case t.is("updates", "update", "updating", "updated") && (prev.is("status", "progress", "you", "last", "page", "policy", "regular") && !prev.is("regular") || next.is("you")):
			if t.is("updated") || prev.is("status", "progress", "you") {
				s.kind[k] = ofOther
			}
		case t.is("updated", "revised", "reviewed", "effective", "version", "published", "issued", "launched", "introduced", "manufactured", "bought", "sold"):
			if prev.is("last", "page", "policy", "was", "be", "been", "document", "next") || k == 0 || next.is(":", "on", "by") && !t.is("launched", "sold", "introduced", "bought", "manufactured") {
				s.kind[k] = ofOther
			}
		case !topic && t.is("updates", "update") && actOf(ts, k) == actStatus && (reporterNear(ts, k) || prev.is("status", "progress", "an")):
			s.kind[k] = ofOther
		case t.is("updates", "update", "patches", "fixes", "upgrades", "patch", "ota") || t.is("support", "supported", "supports", "maintained", "maintenance", "dsp", "eosl", "eos", "eol", "unsupported", "end-of-support", "end-of-life"):
			s.kind[k] = ofSupport
			s.any = true
		case t.is("supporting") || t.is("maintain") && near(ts, k, 4, cProduct|cSoftware):
			s.kind[k] = ofSupport
			s.any = true
		}
	}
	return s
}

// belongsToOther reports whether the word at k only belongs to something else that was named before: "the certificate
// for updates".
func belongsToOther(s subjectsAt, ts []token, k int) bool {
	for b := k - 1; b >= 0 && b >= k-4; b-- {
		if ts[b].is("for", "of", "to") {
			for c := b - 1; c >= 0 && c >= b-3; c-- {
				if s.kind[c] == ofOther {
					return true
				}
			}
			return false
		}
		if boundaryToken(ts[b]) || ts[b].is("and") {
			return false
		}
	}
	return false
}

func near(ts []token, k, n int, c concept) bool {
	for j := max(0, k-n); j <= min(len(ts)-1, k+n); j++ {
		if j != k && ts[j].c&c != 0 {
			return true
		}
	}
	return false
}

// at returns what the words around token k speak of: the nearest subject before it in its clause, else after it.
func (s subjectsAt) at(ts []token, k int) subject {
	for b := min(k, len(ts)-1); b >= 0; b-- {
		if s.kind[b] != noSubject {
			// A subject behind a clause boundary gives way to one that follows closely.
			if s.kind[b] == ofOther {
				for a := k + 1; a < len(ts) && a < k+12; a++ {
					if s.kind[a] == ofSupport && boundaryBetween(ts, b, k) {
						return ofSupport
					}
				}
			}
			return s.kind[b]
		}
		if ts[b].w == ";" {
			break
		}
	}
	for a := k; a < len(ts) && ts[a].w != ";"; a++ {
		if s.kind[a] != noSubject {
			return s.kind[a]
		}
	}
	return s.dflt
}

func boundaryBetween(ts []token, a, b int) bool {
	for k := a + 1; k < b; k++ {
		if boundaryToken(ts[k]) || ts[k].is("and", "but", "while") {
			return true
		}
	}
	return false
}

// dateRole tells whether a date ends ('e') or begins ('s') a period, or neither (0), by the words around it.
func dateRole(ts []token, k int, dates []Date, n int, topic bool) byte {
	// The second date of a range ends it: "from D to D", "D - D", "between D and D".
	if n > 0 {
		between := 0
		word := ""
		for b := k - 1; b >= 0 && ts[b].From >= dates[n-1].To; b-- {
			between++
			word = ts[b].w
		}
		if between <= 4 && between >= 0 {
			for b := k - 1; b >= 0 && ts[b].From >= dates[n-1].To; b-- {
				if ts[b].is("to", "until", "till", "through", "–", "-", "—", "and", "thru", "up") && !(ts[b].is("and") && !rangeOpened(ts, b)) {
					return 'e'
				}
			}
			_ = word
		}
	}
	if n+1 < len(dates) {
		a := tokenAt(ts, dates[n].To-1) + 1
		for m := 0; m < 3 && a+m < len(ts) && ts[a+m].To <= dates[n+1].From; m++ {
			if ts[a+m].is("to", "–", "-", "—", "until", "till", "through") || ts[a+m].is("and") && rangeOpened(ts, k) {
				return 's'
			}
		}
	}
	for b, steps := k-1, 0; b >= 0 && steps < 10; b, steps = b-1, steps+1 {
		t := ts[b]
		switch {
		case t.is("until", "till", "through", "thru", "untill", "upto", "expires", "expire", "expiring", "expiry", "ends", "ending", "ended", "ceases", "cease", "ceased", "finishes", "terminates", "lapses", "stops", "stop", "stopping", "eol", "eosl", "eos", "deadline", "end-of-support", "end-of-life"):
			return 'e'
		case t.is("discontinued", "withdrawn") && after(ts[max(0, b-5):b], "support", "updates", "patches", "fixes"):
			return 'e'
		case t.is("discontinued", "withdrawn"):
			return 0
		case t.is("end", "final", "last", "expiration", "latest") && steps < 8 && !after(ts[b:k], "updated", "revised", "reviewed", "modified", "sold", "sale", "order", "shipped"):
			// The last or latest update is a release; the last day of updates is an end.
			if t.is("end") || t.is("final", "expiration") && near(ts, b, 3, cUpdate|cSupport) || after(ts[b:k], "date", "day") {
				return 'e'
			}
		case t.is("to") && steps < 3 && !near(ts, b, 2, cReport):
			return 'e'
		case t.is("by", "before") && steps < 3 && (after(ts[:b], "stop", "end", "cease", "discontinued", "stopping")):
			return 'e'
		case t.is("after", "from", "since") && steps < 4 && after(ts[k:min(len(ts), k+12)], "no", "not", "longer", "cease", "ceases", "stop", "stops", "end", "ends"):
			return 'e'
		case t.is("from", "since", "starting", "starts", "start", "begins", "beginning", "commencing", "launched", "released", "release", "introduced", "launch", "after", "purchased", "bought") && steps < 6:
			return 's'
		case t.is("updated", "revised", "published", "effective", "issued", "dated", "version", "reviewed", "manufactured", "modified"):
			return 0
		case t.w == ";" || t.w == ".":
			return labelRole(ts, k, topic)
		}
	}
	if a := tokenAt(ts, dates[n].To-1) + 1; a+2 < len(ts) && ts[a].is("is", "marks", "will") && after(ts[a:min(len(ts), a+6)], "last", "final", "end") {
		return 'e'
	}
	return labelRole(ts, k, topic)
}

func rangeOpened(ts []token, b int) bool {
	for j := b; j >= 0 && j > b-12; j-- {
		if ts[j].is("between", "from") {
			return true
		}
	}
	return false
}

// labelRole reads "Support period: 31 December 2029", where a label and not a word gives the date its role.
func labelRole(ts []token, k int, topic bool) byte {
	for b := k - 1; b >= 0 && b >= k-4; b-- {
		if ts[b].is(":", "|", "–", "-", "=") {
			for c := b - 1; c >= 0 && c >= b-8; c-- {
				if ts[c].is("launch", "release", "released", "start", "sale", "updated", "issue", "publication", "date", "latest", "last", "current", "new", "update", "version") && !after(ts[max(0, c-4):b], "end", "expiry", "until", "eol", "expiration") {
					return 0
				}
				if ts[c].is("period", "support", "supported", "dsp", "until", "end", "lifecycle") {
					return 'e'
				}
			}
			if topic {
				return 'e'
			}
		}
	}
	return 0
}

func pastTense(ts []token, k int) bool {
	for b := k; b >= 0 && b >= k-8; b-- {
		if ts[b].is("ended", "ceased", "expired", "stopped", "was", "were") {
			return true
		}
	}
	return false
}

// lengthIn returns a length of time of three months or more that belongs to the support.
func lengthIn(ts []token, subj subjectsAt) *Time {
	for _, t := range findTimes(ts) {
		if t.Vague || t.Every || t.Unit != Years && t.Unit != Months || t.Unit == Months && t.Count < 6 {
			continue
		}
		if subj.at(ts, t.first) != ofSupport || t.last+1 < len(ts) && ts[t.last+1].is("ago", "old", "warranty", "guarantee", "earlier") {
			continue
		}
		if t.first > 1 && ts[t.first-1].is("last", "past", "previous") {
			continue
		}
		t := t
		return &t
	}
	return nil
}

func lengthWording(ts []token, l *Time) WordingID {
	for k := l.last + 1; k < len(ts) && k < l.last+14; k++ {
		switch {
		case ts[k].is("purchase", "purchased", "bought", "buy", "delivery", "receipt", "activation", "installation", "sale") && !after(ts[l.last:k], "last", "first", "end", "final"):
			return WordingPurchase
		case ts[k].is("launch", "launched", "release", "released", "availability", "introduction", "introduced", "manufacture", "production", "first", "last", "market", "end-of-life", "discontinuation", "discontinued"):
			return WordingLaunch
		}
	}
	if l.Least {
		return WordingMinimum
	}
	return WordingLength
}

// openWording tells open-ended promises: lifetime, as long as, until something happens, no longer.
func openWording(ts []token, subj subjectsAt) WordingID {
	for k, t := range ts {
		if t.kind == tPunct || subj.at(ts, k) != ofSupport || !subj.any && subj.dflt != ofSupport {
			continue
		}
		next := func(n int) token {
			if k+n < len(ts) {
				return ts[k+n]
			}
			return token{}
		}
		switch {
		case t.is("lifetime", "lifespan", "lifelong", "indefinitely", "forever", "perpetuity", "perpetual") && !after(ts[max(0, k-4):k], "defined", "battery") && subj.any:
			return WordingLifetime
		case t.is("life") && k > 0 && (ts[k-1].is("useful", "entire", "whole", "working", "full", "service", "the") && near(ts, k, 4, cProduct)) && !next(1).is("cycle"):
			return WordingLifetime
		case t.is("long") && next(1).is("as") && k > 0 && ts[k-1].is("as", "so") && (subj.any):
			return WordingAsLongAs
		case t.is("while", "whilst") && near(ts, k, 8, cProduct) && after(ts[k:], "sale", "sold", "available", "production", "market") && subj.any:
			return WordingAsLongAs
		case t.is("foreseeable") && next(1).is("future") && subj.any:
			return WordingAsLongAs
		case t.is("until", "till") && subj.any && next(1).w != "" && !next(1).is("when") && !after(ts[k:min(len(ts), k+10)], "resolved", "fixed", "resolution", "closed", "solved", "patch", "published", "date", "shown", "listed", "below", "following", "month", "installed"):
			return WordingUntilEvent
		case t.is("unsupported", "discontinued") && subj.any, t.is("longer", "more") && k > 0 && ts[k-1].is("no") && subj.any && near(ts, k, 6, cUpdate|cSupport):
			return WordingStopped
		case t.is("ended", "ceased", "stopped") && subj.any && near(ts, k, 5, cSupport|cUpdate):
			return WordingStopped
		}
	}
	return ""
}

// supportElsewhere finds sentences that say that the period stands somewhere else.
func (r *reader) supportElsewhere(i int, ts []token) {
	s := r.d.sents[i]
	if r.block(i).Kind == Heading || s.mask&(cSupport|cUpdate) == 0 && !r.supportTopic(i) {
		return
	}
	subj := subjects(ts, r.supportTopic(i))
	named, points, supportAt := false, false, false
	for k, t := range ts {
		if t.is("period", "periods", "lifecycle", "dates", "duration", "timeline", "schedule") || t.is("date") && near(ts, k, 3, cUntil|cSupport) || t.is("policy") && near(ts, k, 2, cSupport|cUpdate) || t.is("until") {
			if subj.at(ts, k) == ofSupport {
				named = true
			}
		}
		if t.kind == tURL || t.is("link", "listed", "list", "lists", "see", "refer", "appendix", "annex", "click", "here", "found", "check", "find", "visit", "overleaf", "shown", "table", "details", "available", "contact", "ask", "printed", "marked") {
			points = true
		}
		supportAt = supportAt || subj.kind[k] == ofSupport
	}
	points = points || r.linkIn(s.Span)
	if named && points && (supportAt || subj.dflt == ofSupport) && s.mask&(cTrade|cFeature) == 0 {
		r.add(Reading{Limb: SupportPeriod, Term: TermSupportWording, Value: string(WordingElsewhere), Verdict: Unclear, Why: WordingOf(WordingElsewhere).Why}, s.Span, s.block)
	}
}

// linkIn reports whether a link begins in the span. Links stand in the order of the text.
func (r *reader) linkIn(s Span) bool {
	ls := r.d.Links
	i := sort.Search(len(ls), func(i int) bool { return ls[i].From >= s.From })
	return i < len(ls) && ls[i].From < s.To
}
