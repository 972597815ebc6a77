package page

// act is something that a maker says will happen to a report.
type act uint8

const (
	noAct act = iota
	actAck
	actRespond // an answer: an acknowledgement where it comes once, a status update where it comes again and again
	actStatus
	actFeedback // an acknowledgement where it comes once at a time that is said, otherwise a status update
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
			if p.is("of") && t.is("receipt") && b > 0 && ts[b-1].is("notice", "note", "proof", "message", "notification", "advice") {
				break
			}
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
	if prev(1).is("you") && t.is("triage", "acknowledge", "confirm", "inform", "notify", "verify", "fix", "resolve", "respond", "reply", "investigate", "assess") {
		return noAct // somebody else's task
	}
	switch {
	case t.is("received", "arrived", "got", "reached") || t.is("have") && next(1).is("your", "the") && next(2).is("message", "report", "mail", "email", "submission"):
		// "word that your report has arrived", but not "once your report has arrived"
		if x := ts[max(0, k-9):k]; after(x, "that") && after(x, "word", "know", "say", "saying", "tell", "telling", "confirming", "message", "mail", "note", "line", "inform", "notice") && !after(x, "once", "after", "when", "if", "upon") {
			return actAck
		}
		return noAct
	case t.is("writes", "write") && next(1).is("to") && next(2).is("you", "the"):
		return actRespond
	case t.is("news", "notes") && (reporterNear(ts, k) || prev(1).is("progress")):
		return actStatus
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
			for n := 1; n <= 9 && !stops(next(n)); n++ {
				if next(n).c&(cComply|cLaw) != 0 || next(n).is("opinion") {
					return noAct
				}
			}
			for n := 1; n <= 6 && !stops(next(n)); n++ {
				if next(n).is("vulnerability", "vulnerabilities", "issue", "problem", "existence", "validity", "whether", "finding", "findings", "weakness", "flaw", "bug") {
					return actTriage
				}
				if next(n).is("receipt", "report", "message", "email", "e-mail", "submission", "arrived", "that", "your") && !next(n+1).is("issue", "vulnerability", "problem") {
					break
				}
			}
			for n := 1; n <= 5 && !stops(prev(n)); n++ {
				if prev(n).is("vulnerability", "issue", "finding", "weakness", "problem") && !prev(n).is("report") {
					return actTriage
				}
			}
		}
		if t.is("receipt") && prev(1).is("of") && prev(2).is("notice", "note", "proof", "message", "notification", "advice") {
			return actAck
		}
		if t.is("receipt") && (prev(1).is("of", "acknowledge", "confirm", "acknowledging", "confirming") || prev(2).c&cAck != 0) {
			return noAct // said by the word before
		}
		return actAck
	case t.is("back"):
		if next(1).is("to") && next(2).is("you", "the") || prev(1).is("get", "come", "write", "getting", "called", "phoned", "written") || prev(1).is("you", "the", "reporter", "them") && (prev(2).is("call", "phone", "ring", "write", "get", "message") || prev(3).is("call", "phone", "ring", "write")) {
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
	case t.is("contact", "touch") && prev(1).is("in") && prev(2).is("stay", "keep", "remain", "keeps", "stays"):
		return actStatus
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
			return actFeedback
		}
		if t.is("touch", "contacted") && !(prev(1).is("in") || t.is("contacted")) || t.is("touch") && next(1).is("with") && !next(2).is("you") {
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
		case prev(1).is("further", "an", "every", "one", "a") || prev(1).w == "" || prev(1).kind == tPunct:
			if t.is("updates") || t.is("update") && (prev(1).is("further", "an", "every", "one", "a") || next(1).is(":", "every", "each", "at", "within", "once", "|")) {
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

// stops reports whether a token ends a statement within a sentence.
func stops(t token) bool { return t.kind == tPunct && (t.w == ";" || t.w == "." || t.w == "|") }
