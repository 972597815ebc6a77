package page

import "context"

// act is something that a maker says will happen to a report.
type act uint8

const (
	noAct act = iota
	actAck
	actRespond // an answer: an acknowledgement where it comes once, a status update where it comes again and again
	actStatus
	actTriage
	actFix
	actDisclose // publication: neither of the two times the law asks for
	actAsk      // what the reporter may do
	actOther    // updates of software, deliveries, retries
)

// actAt is an act and the token that says it.
type actAt struct {
	act
	tok    int
	anchor bool // the act only fixes a moment: "of receipt", "once it is fixed", "until it is resolved"
	once   bool // "first", "initial"
	many   bool // "updates", "until": more than one
}

// promises finds the times of acknowledgement and of status updates.
func (r *reader) promises(ctx context.Context) error {
	d := r.d
	r.promiseTables()
	contact := false
	for _, x := range r.out {
		contact = contact || x.Limb == ContactPoint
	}
	for i := range d.sents {
		if i&0xff == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		s := d.sents[i]
		if s.mask&(cAck|cRespond|cStatus|cTriage|cFix|cUnit|cEvery) == 0 || r.block(i).Hidden&Navigation != 0 {
			continue
		}
		if s.mask&(cAck|cRespond|cStatus|cTriage|cFix) == 0 && d.secs[s.sec].own&(cAck|cRespond|cStatus|cTriage) == 0 && !r.answersAbove(i) {
			continue
		}
		about := r.reporting(i)
		if about == 0 || about == 1 && !((contact || s.mask&cReport != 0 && r.says(i, "report", "reports", "reported")) && s.mask&(cWe|cReport|cYou|cUnit) != 0) || r.guidance(i) {
			continue
		}
		r.promise(i, about)
	}
	return nil
}

// answersAbove reports whether the sentence before leads into this one.
func (r *reader) answersAbove(i int) bool {
	if i == 0 {
		return false
	}
	p := r.d.Text[r.d.sents[i-1].To-1]
	return r.d.sents[i-1].mask&(cAck|cRespond|cStatus|cTriage) != 0 && (p == '?' || r.d.sents[i-1].words <= 6 || p == ':' || r.block(i-1).Kind == Heading)
}

func (r *reader) promise(i, about int) {
	s := r.d.sents[i]
	ts := r.toks(i)
	if privacyMatter(ts, s.mask) || r.cutOffBreach(ts, s.mask) {
		return
	}
	acts := findActs(ts)
	times := findTimes(ts)
	heading := r.block(i).Kind == Heading
	used := make([]bool, len(acts))
	for n, t := range times {
		if t.Limit {
			r.markAsk(acts, used, t)
			continue
		}
		k := attach(ts, acts, times, n)
		if k < 0 {
			if a := r.actAbove(i, ts); a != noAct && len(liveActs(acts)) == 0 {
				r.promised(i, a, t, Span{ts[0].From, ts[len(ts)-1].To}, actAt{act: a, many: a == actStatus})
			} else if t.Every && t.Valid() && s.mask&cYou != 0 && s.mask&cWe != 0 && s.mask&(cUpdate|cSoftware|cTrade|cPassword) == 0 && about == 2 && sameClause(ts, t) {
				r.promised(i, actStatus, t, Span{ts[0].From, ts[len(ts)-1].To}, actAt{act: actStatus})
			}
			continue
		}
		used[k] = true
		r.promised(i, acts[k].act, t, clauseAround(ts, acts[k].tok, t), acts[k])
	}
	for k, a := range acts {
		if used[k] || a.anchor || heading && a.act != actStatus || heading {
			continue
		}
		r.promised(i, a.act, Time{Vague: true}, clauseAround(ts, a.tok, Time{first: a.tok, last: a.tok}), a)
	}
}

// sameClause reports whether "you" stands close to the time.
func sameClause(ts []token, t Time) bool {
	for k := max(0, t.first-8); k < min(len(ts), t.last+9); k++ {
		if ts[k].is("you", "reporter", "reporters") && !boundaryBetween(ts, min(k, t.first), max(k, t.last)) {
			return true
		}
	}
	return false
}

func liveActs(acts []actAt) []actAt {
	var out []actAt
	for _, a := range acts {
		if !a.anchor {
			out = append(out, a)
		}
	}
	return out
}

func (r *reader) markAsk(acts []actAt, used []bool, t Time) {
	for k, a := range acts {
		if a.tok < t.first && t.first-a.tok < 14 && (a.act == actStatus || a.act == actAsk) {
			// "you may ask about the status ... no more often than": the nearest act is the asking itself
			used[k] = t.first-a.tok < 12 && nearestBefore(acts, t.first) == k
		}
	}
}

func nearestBefore(acts []actAt, tok int) int {
	best := -1
	for k, a := range acts {
		if a.tok < tok && (best < 0 || a.tok > acts[best].tok) {
			best = k
		}
	}
	return best
}

// promised turns an act and its time into a reading.
func (r *reader) promised(i int, a act, t Time, sp Span, at actAt) {
	block := r.d.sents[i].block
	add := func(l Limb, term string, v Verdict, why string) {
		r.add(Reading{Limb: l, Term: term, Value: t.String(), Verdict: v, Why: why}, sp, block)
	}
	if a == actRespond {
		a = actAck
		if t.Every || at.many {
			a = actStatus
		}
	}
	hedge := ""
	if t.Hedged {
		hedge = "said with a reserve"
	}
	switch a {
	case actAck:
		switch {
		case t.Valid() && !t.Every && t.Unit != Years:
			add(AckTime, TermAck, Present, hedge)
		case t.Doubt:
			add(AckTime, TermAck, Unclear, "the time can be read in two ways")
		default:
			add(AckTime, TermAck, Unclear, "an acknowledgement is promised without a time")
		}
	case actStatus:
		switch {
		case t.Valid() && t.Every && t.Unit != Years, t.Valid() && at.many && !at.once && t.Unit != Years:
			add(StatusUpdates, TermStatus, Present, hedge)
		case t.Doubt:
			add(StatusUpdates, TermStatus, Unclear, "the interval can be read in two ways")
		case t.Valid():
			add(StatusUpdates, TermStatus, Unclear, "one message is promised, not updates until the issue is resolved")
		default:
			add(StatusUpdates, TermStatus, Unclear, "updates are promised without an interval or a last day")
		}
	case actTriage:
		if t.Valid() {
			add(StatusUpdates, TermTriage, Unclear, "a time until the report is assessed is no time for status updates")
			r.add(Reading{Limb: AckTime, Term: TermTriage, Value: t.String(), Verdict: Unclear, Why: "a time until the report is assessed is no time until its receipt is acknowledged"}, sp, block)
		}
	case actFix:
		if t.Valid() && !t.Every {
			add(StatusUpdates, TermFix, Unclear, "a time until the fix is no time for status updates")
		}
	}
}

// clauseAround returns the words that say an act and its time.
func clauseAround(ts []token, tok int, t Time) Span {
	a, b := min(tok, t.first), max(tok, t.last)
	for a > 0 && !boundaryToken(ts[a-1]) {
		a--
	}
	for b+1 < len(ts) && !boundaryToken(ts[b+1]) {
		b++
	}
	return Span{ts[a].From, ts[b].To}
}

func boundaryToken(t token) bool {
	return t.kind == tPunct && (t.w == ";" || t.w == ":" || t.w == "|" || t.w == ",")
}

// findActs returns what the sentence says will happen, in order.
func findActs(ts []token) []actAt {
	var out []actAt
	for k, t := range ts {
		if t.kind != tWord {
			continue
		}
		a := actOf(ts, k)
		if a == noAct {
			continue
		}
		x := actAt{act: a, tok: k}
		for b := k - 1; b >= 0 && b >= k-4; b-- {
			p := ts[b]
			if p.is("of", "after", "following", "upon", "once", "when", "until", "till", "before", "since", "from", "if", "while", "as", "unless") && !(p.is("as", "from", "if", "of") && b < k-2) && !(p.is("as") && b+1 < len(ts) && ts[b+1].is("soon")) && !(p.is("from") && ts[k].is("us")) && !(p.is("after", "from", "following") && ts[b+1].is("that", "this", "then", "there", "which")) {
				x.anchor = true
				break
			}
			if p.is("first", "initial", "preliminary") {
				x.once = true
			}
			if boundaryToken(p) || p.is("will", "we", "and", "receive", "get", "send", "provide", "an", "give") {
				break
			}
		}
		x.many = x.many || t.is("updates", "reports", "messages", "notifications") || k+1 < len(ts) && ts[k+1].is("updates", "reports")
		for b := max(0, k-2); b < min(len(ts), k+14) && !x.many; b++ {
			if b > k && (ts[b].is("and", "then") || ts[b].w == ";") {
				break
			}
			x.many = b > k && ts[b].is("until", "till", "throughout", "resolution") || ts[b].is("further", "subsequent")
		}
		if x.act == actAck && t.is("first", "initial") {
			x.once = true
		}
		out = append(out, x)
	}
	return out
}

// actOf tells which act the k-th token says.
func actOf(ts []token, k int) act {
	t := ts[k]
	prev := func(n int) token {
		if k-n >= 0 {
			return ts[k-n]
		}
		return token{}
	}
	next := func(n int) token {
		if k+n < len(ts) {
			return ts[k+n]
		}
		return token{}
	}
	softwareBefore := prev(1).c&(cSoftware|cSecurity) != 0 && !prev(1).is("status") || prev(1).is("ota", "automatic", "feature", "product", "policy", "windows", "latest", "free", "critical", "regular") && !prev(2).is("you") && prev(1).c&cVague == 0
	asks := askClause(ts, k)
	switch {
	case t.is("status") && next(1).is("update", "updates", "report", "reports", "notification", "notifications", "information"):
		return noAct // said by the next word
	case t.c&cAck != 0:
		if t.is("acknowledgements", "acknowledgments") && (next(1).w == "" || prev(1).is("public", "security")) {
			return noAct
		}
		if t.is("confirmed") && (prev(1).c&cEnglish == 0 || prev(1).is("a", "the", "any", "for", "of", "all")) && next(1).c&cIssue != 0 {
			return noAct // a confirmed vulnerability
		}
		if asks {
			return actAsk
		}
		if len(t.w) > 6 && t.w[:7] == "confirm" {
			for n := 1; n <= 9; n++ {
				if next(n).c&(cComply|cLaw) != 0 || next(n).is("opinion") {
					return noAct
				}
			}
			for n := 1; n <= 6; n++ {
				if next(n).is("vulnerability", "vulnerabilities", "issue", "problem", "existence", "validity", "whether", "finding", "findings", "weakness", "flaw", "bug") {
					return actTriage
				}
				if next(n).is("receipt", "report", "message", "email", "e-mail", "submission", "arrived", "that", "your") && !next(n+1).is("issue", "vulnerability", "problem") {
					break
				}
			}
			for n := 1; n <= 5; n++ {
				if prev(n).is("vulnerability", "issue", "finding", "weakness", "problem") && !prev(n).is("report") {
					return actTriage
				}
			}
		}
		if t.is("receipt") && (prev(1).is("of", "acknowledge", "confirm", "acknowledging", "confirming") || prev(2).c&cAck != 0) {
			return noAct // said by the word before
		}
		return actAck
	case t.is("back"):
		if next(1).is("to") && next(2).is("you", "the") || prev(1).is("get", "come", "write", "getting") || prev(1).is("you", "the", "reporter", "them") && (prev(2).is("call", "phone", "ring", "write", "get", "message") || prev(3).is("call", "phone", "ring", "write")) {
			return actRespond
		}
		return noAct
	case t.is("know"):
		if !(prev(1).is("you", "reporter", "them") && prev(2).is("let", "letting", "the")) {
			return noAct
		}
		for n := 1; n < 14; n++ {
			if next(n).is("received", "receipt", "got", "arrived", "reached") {
				return actAck
			}
			if next(n).is("progress", "going", "stands", "status") {
				return noAct // said by that word
			}
		}
		return noAct
	case t.is("contact") && !(prev(1).is("in") || next(1).is("you") || next(1).is("the") && next(2).is("reporter", "researcher")):
		return noAct
	case t.is("contact") && (prev(1).is("in") || next(1).is("you") || next(1).is("the") && next(2).is("reporter", "researcher")):
		if asks {
			return actAsk
		}
		return actRespond
	case t.c&cRespond != 0:
		if next(1).is("team", "centre", "center", "process", "plan", "programme", "program", "procedure", "policy", "group", "unit", "workflow", "steps") || prev(1).is("incident", "in", "emergency") && t.is("response") {
			return noAct
		}
		if asks {
			return actAsk
		}
		if t.is("feedback") {
			if prev(1).is("initial", "first") || prev(2).is("initial", "first") {
				return actAck
			}
			if prev(1).is("your", "customer", "user") {
				return noAct
			}
			return actStatus
		}
		if t.is("touch", "contacted") && !(prev(1).is("in") || t.is("contacted")) {
			return noAct
		}
		if t.is("hear", "hearing") && !(next(1).is("from", "back")) {
			return noAct
		}
		if t.is("answer", "answers", "answered") && prev(1).is("questions") {
			return noAct
		}
		if t.is("reverts", "revert", "reaction", "react", "reacts") && next(1).is("to") && !next(2).is("you", "reports", "your") {
			return noAct
		}
		return actRespond
	case t.c&cStatus != 0 && after(ts, "subscribe", "join", "newsletter", "mailing", "feed", "rss", "subscribers"):
		return noAct // news for all, not for the one who reported
	case t.is("updates", "update", "updated", "updating"):
		switch {
		case prev(1).is("status", "progress", "regular", "periodic", "further", "investigation", "case", "weekly", "monthly", "daily", "biweekly", "fortnightly", "ongoing", "timely", "quarterly", "subsequent", "remediation", "written") && !softwareNear(ts, k):
		case next(1).is("you", "them") || next(1).is("the") && next(2).is("reporter", "researcher", "finder", "submitter"):
		case (prev(1).is("you", "reporter", "reporters", "them", "researcher", "researchers", "informed") || prev(1).is("be", "is", "are", "keep", "kept") && reporterNear(ts[:k], k-1) || prev(2).is("you", "reporter", "keep", "kept", "keeping") || t.is("updated") && prev(1).is("and")) && !softwareNear(ts, k):
		case softwareBefore || softwareNear(ts, k):
			return actOther
		case sentToReporter(ts, k):
		case t.is("updated"):
			return noAct
		case next(1).is("on", "about", "regarding") && !softwareNear(ts, k):
		case prev(1).is("further", "an", "every", "one", "a") || prev(1).w == "" || boundaryToken(prev(1)):
			if t.is("update", "updates") {
				break
			}
			return noAct
		default:
			return actOther
		}
		if asks {
			return actAsk
		}
		return actStatus
	case t.is("progress", "progresses", "informed", "informs", "posted", "apprised", "loop", "abreast", "milestones", "stages", "developments", "status", "notifications") ||
		t.is("inform", "notify", "tell", "notified", "notification") && (next(1).is("you", "reporters", "researchers", "them") || next(1).is("the") && next(2).is("reporter", "researcher", "finder", "submitter") || prev(1).is("be", "are", "is") && reporterNear(ts, k)):
		if t.is("progress") && (next(1).is("report", "reports") || prev(1).is("in")) {
			if next(1).is("report", "reports") {
				break
			}
			return noAct
		}
		if t.is("posted") && !(prev(1).is("you", "reporter", "them") || prev(1).is("kept", "keep")) {
			return noAct
		}
		if t.is("status") && (next(1).is("bar", "led", "page", "light", "indicator", "code")) {
			return noAct
		}
		if t.is("stages", "milestones", "loop", "developments") && !reporterNear(ts, k) {
			return noAct
		}
		if asks {
			return actAsk
		}
		return actStatus
	case t.is("report", "reports") && prev(1).is("progress", "status", "interim", "weekly", "monthly"):
		return actStatus
	case t.c&cTriage != 0 || t.is("documentation", "outcome", "result", "results", "decision", "determination", "conclusion"):
		if asks {
			return actAsk
		}
		return actTriage
	case t.c&cFix != 0 && !t.is("patches", "solution", "correct", "closed", "solving") || t.is("closed", "solution") && prev(1).is("be", "is", "a", "the", "are", "been"):
		if asks {
			return actAsk
		}
		return actFix
	case t.c&cDisclose != 0 || t.is("publication", "publish", "disclose", "disclosure", "disclosed", "published"):
		return actDisclose
	case t.is("sla") || t.is("retries", "retry", "refresh", "delivered", "dispatched", "delivery", "ship"):
		return actOther
	}
	return noAct
}

// softwareNear reports whether the updates at k are of software and not of a report.
func softwareNear(ts []token, k int) bool {
	for b := k - 1; b >= 0 && b >= k-4; b-- {
		if boundaryToken(ts[b]) || ts[b].is("and", "status", "progress", "you", "with", "issue", "vulnerability") {
			break
		}
		if ts[b].c&(cSoftware|cSecurity) != 0 || ts[b].is("release", "released", "releases", "install", "push", "automatic", "ota", "download") {
			return true
		}
	}
	for a := k + 1; a < len(ts) && a <= k+4; a++ {
		if ts[a].is("released", "installed", "rolled", "downloaded", "pushed", "automatically") || ts[a].is("for") && a+2 < len(ts) && (ts[a+1].c|ts[a+2].c)&cProduct != 0 || ts[a].is("to") && a+2 < len(ts) && (ts[a+1].c|ts[a+2].c)&(cSoftware|cProduct) != 0 {
			return true
		}
		if boundaryToken(ts[a]) {
			break
		}
	}
	return false
}

// sentToReporter reports whether the updates at k go to the one who reported.
func sentToReporter(ts []token, k int) bool {
	for b := k - 1; b >= 0 && b >= k-7; b-- {
		if ts[b].is("send", "give", "provide", "share", "receive", "get", "expect", "sends", "gives", "provides", "sent", "receives", "issue", "communicate", "offer", "post") {
			return true
		}
		if boundaryToken(ts[b]) {
			return false
		}
	}
	for a := k + 1; a < len(ts) && a <= k+6; a++ {
		if ts[a].is("follow", "follows", "sent", "provided", "given", "you", "reporter", "shared", "issued", "communicated") {
			return true
		}
	}
	return false
}

func reporterNear(ts []token, k int) bool {
	for j := max(0, k-7); j < min(len(ts), k+7); j++ {
		if ts[j].is("you", "reporter", "reporters", "researcher", "researchers", "finder", "submitter", "discoverer", "sender", "your") {
			return true
		}
	}
	return false
}

// askClause reports whether the words before k ask something of the reporter instead of promising: "give us", "please
// allow", "you may ask".
func askClause(ts []token, k int) bool {
	for b := k - 1; b >= 0 && b >= k-9; b-- {
		t := ts[b]
		if boundaryToken(t) && !t.is(",") || t.is("will", "we'll") || t.is("we") && !(b > 0 && ts[b-1].is("that", "until", "while")) {
			return t.is("we") && b+1 < len(ts) && ts[b+1].is("ask", "request", "require", "expect", "appreciate", "encourage")
		}
		if t.is("give") && b+1 < len(ts) && ts[b+1].is("us", "reasonable") || t.is("ask", "refrain") && b+1 < len(ts) && ts[b+1].is("us", "that", "about", "you", "for", "from") || t.is("please", "inquire", "enquire") && !after(ts[b:k], "expect", "note", "allow") || t.is("may", "can") && b > 0 && ts[b-1].is("you") && after(ts[b:k], "ask", "request", "check", "enquire", "contact") {
			return true
		}
		if t.is("allow", "permit", "wait", "waiting") {
			return true
		}
	}
	return false
}

// attach returns the act that the n-th time belongs to, or -1.
func attach(ts []token, acts []actAt, times []Time, n int) int {
	t := times[n]
	best, bestCost := -1, 26
	for k, a := range acts {
		if a.anchor {
			continue
		}
		cost := 0
		from, to := a.tok, t.first
		if a.tok > t.last {
			from, to = t.last, a.tok
			cost += 3
			if t.first > 3 && !clauseStart(ts, t.first) {
				cost += 4
			}
			for b := t.last + 1; b < a.tok && b <= t.last+3; b++ { // "within 5 days of receipt"
				if ts[b].is("of", "after", "following", "from", "upon", "since") && a.tok-b <= 4 {
					cost += 12
				}
			}
		}
		cost += to - from
		for b := from + 1; b < to; b++ {
			switch {
			case ts[b].w == ";" || ts[b].w == ".":
				cost += 20
			case ts[b].w == ",", ts[b].is("and", "then", "but", "while"):
				cost += 4
			case ts[b].w == "|" || ts[b].w == ":":
				cost++
			}
		}
		for m, o := range times {
			if m != n && o.first > from && o.last < to && !o.Vague {
				cost += 14
				if t.Every && !o.Every {
					cost -= 8
				}
			}
		}
		if t.Every && (a.act == actFix || a.act == actAck || a.act == actTriage || a.act == actDisclose) {
			cost += 15
		}
		if !t.Every && !t.Vague && a.act == actStatus && !a.many {
			cost += 3
		}
		if a.act == actOther && t.Every {
			cost -= 2
		}
		if cost < bestCost {
			best, bestCost = k, cost
		}
	}
	return best
}

// clauseStart reports whether a clause begins a few tokens before k: "Within 3 days you get ...".
func clauseStart(ts []token, k int) bool {
	for b := k - 1; b >= 0 && b >= k-4; b-- {
		if boundaryToken(ts[b]) || b == 0 || ts[b].is("and", "-", "–") {
			return true
		}
	}
	return k == 0
}

// actAbove returns the act that the heading, or a question or label just before, names.
func (r *reader) actAbove(i int, ts []token) act {
	d := r.d
	s := d.sents[i]
	if i > 0 && d.sents[i-1].sec == s.sec || i > 0 && d.sents[i-1].sec == s.sec && r.block(i-1).Kind == Heading {
		last := d.Text[d.sents[i-1].To-1]
		label := d.sents[i-1].words <= 6 && last != '.' && last != '!' && d.sents[i-1].block != s.block
		if (last == '?' || last == ':' || r.block(i-1).Kind == Heading) && d.sents[i-1].words <= 16 || label {
			if acts := findActs(r.toks(i - 1)); len(acts) == 1 || len(acts) > 1 && acts[0].act == acts[len(acts)-1].act {
				return acts[0].act
			}
		}
	}
	h := r.head(s.sec)
	if len(h) == 0 || len(h) > 14 || len(ts) > 40 {
		return noAct
	}
	if acts := findActs(h); len(acts) == 1 {
		return acts[0].act
	}
	return noAct
}

// privacyMatter reports whether an answer or notice is about personal data or a purchase, not about a weakness.
func privacyMatter(ts []token, m concept) bool {
	if m&cPrivacy != 0 && m&cVuln == 0 {
		return true
	}
	if m&(cVuln|cIssue) != 0 {
		return false
	}
	for k, t := range ts {
		if t.is("personal") && k+1 < len(ts) && ts[k+1].is("data", "information") && m&(cReport|cSecurity) == 0 || t.is("refund", "refunds", "invoice", "courier") {
			return true
		}
	}
	return false
}

func (r *reader) cutOffBreach(ts []token, m concept) bool {
	return m&cBreach != 0 && m&cVuln == 0 && after(ts, "authority", "authorities", "supervisory", "ico", "regulator")
}

// promiseTables reads tables whose columns are acts: a heading row with acknowledgement, updates, fix and a row of times.
func (r *reader) promiseTables() {
	d := r.d
	for _, t := range d.Tables {
		if len(t.Rows) < 2 || len(t.Rows) > 30 || t.Hidden&NotShown != 0 {
			continue
		}
		head := t.Rows[0]
		i := r.sentenceAt(head[0].From)
		if i < 0 || r.reporting(i) == 0 {
			continue
		}
		for c, h := range head {
			ts := tokens(d.Text, h.Span)
			acts := findActs(ts)
			for len(acts) > 1 && acts[0].act == actOther {
				acts = acts[1:]
			}
			if len(acts) == 0 || len(ts) > 10 || len(findTimes(ts)) > 0 {
				continue
			}
			for _, row := range t.Rows[1:] {
				if c >= len(row) {
					continue
				}
				cell := tokens(d.Text, row[c].Span)
				for _, tm := range findTimes(cell) {
					if !tm.Vague && len(findActs(cell)) == 0 {
						r.promised(i, acts[0].act, tm, row[c].Span, actAt{act: acts[0].act, many: acts[0].many})
					}
				}
			}
		}
	}
}

// sentenceAt returns the sentence that holds the byte at, or the first after it; -1 if there is none.
func (r *reader) sentenceAt(at int) int {
	lo, hi := 0, len(r.d.sents)
	for lo < hi {
		m := (lo + hi) / 2
		if r.d.sents[m].To <= at {
			lo = m + 1
		} else {
			hi = m
		}
	}
	if lo == len(r.d.sents) {
		return -1
	}
	return lo
}
