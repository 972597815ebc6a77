package page

import "context"

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
		if s.mask&(cAck|cRespond|cStatus|cTriage|cFix|cNews|cUnit|cEvery) == 0 || r.block(i).Hidden&Navigation != 0 {
			continue
		}
		if s.mask&(cAck|cRespond|cStatus|cTriage|cFix|cNews) == 0 && d.secs[s.sec].own&(cAck|cRespond|cStatus|cTriage) == 0 && !r.answersAbove(i) {
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
	if h := hypothetical(ts); h.last > 0 {
		acts, times = r.onlyIf(i, ts, h, acts, times)
	}
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

// tokenRange is the tokens [first, last) of a sentence.
type tokenRange struct{ first, last int }

// hypothetical returns the clause of a sentence that says what to do if something does not happen: "if you have not
// heard from us within five days, ...".
func hypothetical(ts []token) tokenRange {
	for k, t := range ts {
		if !t.is("if", "unless", "should") || t.is("should") && k > 0 {
			continue
		}
		end, not := len(ts), t.is("unless")
		for j := k + 1; j < len(ts); j++ {
			if ts[j].w == "," && not || ts[j].is("then", "please") {
				end = j
				break
			}
			not = not || ts[j].c&cNot != 0
		}
		if not {
			return tokenRange{k, end}
		}
	}
	return tokenRange{}
}

// onlyIf takes the acts and times out of a hypothetical clause. A time in it is no promise, but it hints at one.
func (r *reader) onlyIf(i int, ts []token, h tokenRange, acts []actAt, times []Time) ([]actAt, []Time) {
	var restActs []actAt
	var restTimes []Time
	var inside act
	for _, a := range acts {
		if a.tok < h.first || a.tok >= h.last {
			restActs = append(restActs, a)
		} else if inside == noAct {
			inside = a.act
		}
	}
	timed := false
	for _, t := range times {
		if t.first < h.first || t.first >= h.last {
			restTimes = append(restTimes, t)
		} else if t.Valid() {
			timed = true
		}
	}
	if timed && (inside == actAck || inside == actRespond) {
		r.add(Reading{Limb: AckTime, Term: TermAck, Value: "", Verdict: Unclear, Why: "a time is named only for the case that no answer came"}, Span{ts[0].From, ts[len(ts)-1].To}, r.d.sents[i].block)
	}
	return restActs, restTimes
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
	if a == actFeedback {
		a = actStatus
		if t.Valid() && !t.Every && !at.many {
			a = actAck
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
			case (ts[b].w == ";" || ts[b].w == ".") && ts[b+1].is("this", "that", "it", "which"):
				cost += 8
			case ts[b].w == ";" || ts[b].w == ".":
				cost += 30
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
	if after(ts, "talk", "talks", "paper", "papers", "cv", "applications", "application", "abstracts", "resume") {
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
