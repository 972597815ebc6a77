package page

import (
	"context"
	"sort"
	"strings"
)

// Verdict says how a document treats one limb.
type Verdict string

// The verdicts. Absent means not found in what was read, no more.
const (
	Present Verdict = "present"
	Unclear Verdict = "unclear"
	Absent  Verdict = "absent"
)

// Limb is one thing the law asks to be published, or one that helps to judge it.
type Limb string

// The limbs.
const (
	ContactPoint          Limb = "contact_point"
	AckTime               Limb = "ack_time"
	StatusUpdates         Limb = "status_updates"
	SupportPeriod         Limb = "support_period"
	StatementOfCompliance Limb = "statement_of_compliance"
	PasswordClaim         Limb = "password_claim"
)

// Limbs is what a document says of each limb: the best of its readings.
type Limbs struct {
	ContactPoint          Verdict `json:"contact_point"`
	AckTime               Verdict `json:"ack_time"`
	StatusUpdates         Verdict `json:"status_updates"`
	SupportPeriod         Verdict `json:"support_period"`
	StatementOfCompliance Verdict `json:"statement_of_compliance"`
	PasswordClaim         Verdict `json:"password_claim"`
}

// Of returns the verdict of one limb.
func (l Limbs) Of(limb Limb) Verdict {
	switch limb {
	case ContactPoint:
		return l.ContactPoint
	case AckTime:
		return l.AckTime
	case StatusUpdates:
		return l.StatusUpdates
	case SupportPeriod:
		return l.SupportPeriod
	case StatementOfCompliance:
		return l.StatementOfCompliance
	case PasswordClaim:
		return l.PasswordClaim
	}
	return ""
}

// AllLimbs returns the limbs in the order of the law.
func AllLimbs() []Limb {
	return []Limb{ContactPoint, AckTime, StatusUpdates, SupportPeriod, StatementOfCompliance, PasswordClaim}
}

// The terms of readings. Values are strings unless said otherwise.
const (
	TermContact        = "reporting.contact"              // the address, number or channel; Form says which kind
	TermContactBarrier = "reporting.contact_needs_login"  // true
	TermAck            = "reporting.acknowledgement_time" // "5 working days", "" if promised without a time
	TermTriage         = "reporting.assessment_time"
	TermStatus         = "reporting.status_interval" // "every 2 weeks", "30 working days"
	TermFix            = "reporting.fix_target"
	TermSupportEnd     = "support.period_end" // ISO date as far as stated
	TermSupportStart   = "support.period_start"
	TermSupportLength  = "support.period_length"  // "5 years"
	TermSupportWording = "support.period_wording" // a WordingID
	TermStatement      = "statement.mentioned"    // true: a title, link or claim
	TermStatementItem  = "statement.item"         // SOC-01 ... SOC-09
	TermPassword       = "passwords.claim"        // a PasswordClass
	TermLanguage       = "page.language"          // "en" or "not en"
	TermBarrier        = "page.barrier"           // login, payment, identity, consent
)

// Reading is one statement found in a document.
type Reading struct {
	Limb    Limb    `json:"limb,omitempty"`
	Term    string  `json:"term"`
	Form    string  `json:"form,omitempty"` // what kind of value: mail, form, portal, phone, ...
	Value   any     `json:"value"`
	Verdict Verdict `json:"verdict"`
	Quote   string  `json:"quote"`
	From    int     `json:"from"`
	To      int     `json:"to"`
	Why     string  `json:"why,omitempty"`
}

// reader gathers the readings of one document.
type reader struct {
	d      *Document
	limits Limits
	out    []Reading
	cache  map[int][]token // tokens of sentences looked at
	seen   map[readingKey]int
	tables []Span          // tables read as support periods, by their ends
	words  map[string]bool // words of the document, once they are asked for
}

// readingKey tells readings apart; the value is a string or a bool.
type readingKey struct {
	limb     Limb
	term     string
	value    any
	from, to int
}

func interpret(ctx context.Context, d *Document, limits Limits) error {
	if err := d.split(ctx); err != nil {
		return err
	}
	d.language()
	r := &reader{d: d, limits: limits, cache: map[int][]token{}, seen: map[readingKey]int{}}
	r.circumstances()
	for _, step := range []func(context.Context) error{r.contacts, r.promises, r.support, r.statement, r.passwords} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	r.access()
	sort.SliceStable(r.out, func(i, j int) bool {
		a, b := r.out[i], r.out[j]
		if a.From != b.From {
			return a.From < b.From
		}
		return a.Term < b.Term
	})
	d.Readings = r.out
	d.Limbs = limbsOf(r.out)
	return nil
}

func limbsOf(rs []Reading) Limbs {
	best := map[Limb]Verdict{}
	for _, l := range AllLimbs() {
		best[l] = Absent
	}
	for _, x := range rs {
		if x.Limb == "" {
			continue
		}
		if x.Verdict == Present || x.Verdict == Unclear && best[x.Limb] == Absent {
			best[x.Limb] = x.Verdict
		}
	}
	return Limbs{best[ContactPoint], best[AckTime], best[StatusUpdates], best[SupportPeriod], best[StatementOfCompliance], best[PasswordClaim]}
}

// add keeps a reading. Text that is not shown, and words about makers by others, prove nothing: such readings are
// unclear at most.
func (r *reader) add(x Reading, s Span, block int) {
	if len(r.out) >= r.limits.MaxItems {
		r.d.condition(Truncated, Span{}, "more readings than are kept: the document repeats itself")
		return
	}
	s = trim(r.d.Text, s)
	if s.To-s.From > 600 {
		s.To = s.From + cutAt(r.d.Text[s.From:s.To], 600)
	}
	x.From, x.To, x.Quote = s.From, s.To, r.d.Quote(s)
	if x.Verdict == Present {
		switch {
		case block >= 0 && r.d.Blocks[block].Hidden&NotShown != 0:
			x.Verdict, x.Why = Unclear, join(x.Why, "it stands in a part of the page that is not shown when it opens")
		case r.d.flagsD.thirdParty:
			x.Verdict, x.Why = Unclear, join(x.Why, "the document is written about makers, not by one")
		}
	}
	if block >= 0 && r.d.Blocks[block].Hidden&Folded != 0 {
		x.Why = join(x.Why, "it is folded away until a click")
	}
	key := readingKey{x.Limb, x.Term, x.Value, x.From, x.To}
	if i, ok := r.seen[key]; ok {
		if x.Verdict == Present {
			r.out[i] = x
		}
		return
	}
	r.seen[key] = len(r.out)
	r.out = append(r.out, x)
}

func cutAt(s string, n int) int {
	for n > 0 && n < len(s) && s[n]&0xC0 == 0x80 {
		n--
	}
	return min(n, len(s))
}

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}

// toks returns the tokens of the i-th sentence.
func (r *reader) toks(i int) []token {
	if ts, ok := r.cache[i]; ok {
		return ts
	}
	ts := tokens(r.d.Text, r.d.sents[i].Span)
	if len(r.cache) > 4096 {
		clear(r.cache)
	}
	r.cache[i] = ts
	return ts
}

// head returns the tokens of a section's heading.
func (r *reader) head(sec int) []token {
	h := r.d.secs[sec].heading
	if h.To <= h.From {
		return nil
	}
	return tokens(r.d.Text, h)
}

func (r *reader) text(i int) string { return r.d.Quote(r.d.sents[i].Span) }

func (r *reader) block(i int) *Block { return &r.d.Blocks[r.d.sents[i].block] }

// about reports whether a set of concepts speaks of weaknesses of products and their reporting.
func about(m concept) bool {
	return m&cVuln != 0 || m&cSecurity != 0 && m&cIssue != 0
}

// reporting reports how strongly sentence i stands in a text on the reporting of security issues: 2 if its heading,
// its neighbours or itself say so, 1 if a heading only speaks of security, 0 otherwise.
func (r *reader) reporting(i int) int {
	d := r.d
	s := d.sents[i]
	sec := d.secs[s.sec]
	own := s.mask
	if about(own) && own&cReport != 0 {
		return 2
	}
	if own&cPrivacy != 0 && own&cVuln == 0 || sec.own&(cPrivacy|cTrade) != 0 && !about(sec.own) {
		return 0
	}
	if sec.own&cVuln != 0 || sec.own&cSecurity != 0 && sec.own&(cReport|cIssue|cChannel|cRespond|cTeam) != 0 {
		return 2
	}
	near := concept(0)
	for j := max(sec.first, i-4); j < min(sec.last, i+4); j++ {
		near |= d.sents[j].mask
		if m := d.sents[j].mask; about(m) && m&cReport != 0 && m&(cPrivacy|cBreach) == 0 && !r.guidance(j) {
			return 2
		}
	}
	if near&(cPrivacy|cTrade) != 0 && near&cVuln == 0 {
		return 0
	}
	if about(sec.chain) || d.flagsD.report && sec.own == 0 {
		return 2
	}
	if sec.chain&cVuln != 0 || sec.own&(cPrivacy|cTrade|cOffer) == 0 && d.flagsD.report && len(d.sents) < 60 && d.flagsD.titleMask&cPrivacy == 0 {
		return 2
	}
	if sec.chain&cSecurity != 0 {
		return 1
	}
	return 0
}

// guidance reports whether a sentence tells makers in general what to do, or retells the law, rather than promising.
func (r *reader) guidance(i int) bool {
	m := r.d.sents[i].mask
	if m&(cMust|cMaker|cLaw|cNot|cYou|cDisclose) == 0 && m&cMakerOne == 0 {
		return false
	}
	ts := r.toks(i)
	for k, t := range ts {
		if t.c&cMust == 0 || t.is("has", "have", "need", "needs", "ought") && !(k+1 < len(ts) && ts[k+1].is("to")) {
			continue
		}
		for b := k - 1; b >= 0 && b >= k-9; b-- {
			if ts[b].c&cWe != 0 || ts[b].w == ";" {
				break
			}
			if ts[b].c&cMaker != 0 || ts[b].is("manufacturer", "producer", "importer", "distributor", "law", "act", "regulation", "regulations", "regime", "psti", "legislation", "team", "seller", "business", "company") && !(b > 0 && ts[b-1].is("our", "the") && ts[b].is("team", "company")) {
				return true
			}
		}
		if k+1 < len(ts) && t.is("requires", "require", "required") {
			for a := k + 1; a < len(ts) && a < k+6; a++ {
				if ts[a].c&cMaker != 0 {
					return true
				}
			}
		}
	}
	for k, t := range ts {
		if t.is("you") && k+2 < len(ts) && (ts[k+1].is("acknowledge", "publish", "comply", "declare") || ts[k+1].c&cMust != 0 && ts[k+2].is("acknowledge", "publish", "comply", "declare", "provide") || ts[k+1].is("will") && ts[k+2].is("acknowledge", "publish")) {
			return true
		}
		if t.is("banned", "illegal", "prohibited", "outlawed", "unlawful", "forbidden", "bans", "prohibits", "prohibit", "ban") {
			return true
		}
		if t.is("publish", "confirm", "check", "make", "ensure", "state", "decide", "document") && k == 0 && m&cWe == 0 && m&cYou == 0 && r.d.flagsD.we == 0 {
			return true
		}
	}
	return false
}

// circumstances notes what kind of document this is before its parts are read.
func (r *reader) circumstances() {
	d := r.d
	f := &d.flagsD
	deontic := 0
	for i, s := range d.sents {
		if about(s.mask) && s.mask&cReport != 0 {
			f.report = f.report || !r.guidance(i)
		}
		if s.mask&cMust != 0 && s.mask&(cMaker|cLaw|cMakerOne) != 0 && r.guidance(i) {
			deontic++
		}
		if i > 20_000 {
			break
		}
	}
	for _, s := range d.secs {
		if s.own&cVuln != 0 || s.own&cSecurity != 0 && s.own&(cReport|cIssue) != 0 {
			f.report = true
		}
	}
	if m := f.titleMask; m&cVuln != 0 || m&cSecurity != 0 && m&(cReport|cIssue) != 0 {
		f.report = true
	}
	if f.we*250 <= f.words && (deontic >= 2 && deontic*200 >= f.words || f.press >= 2 && f.press*120 >= f.words || f.press >= 1 && f.maker >= 1 && f.words < 600 || f.maker*40 >= f.words && f.maker >= 2 || deontic >= 1 && f.maker >= 1 && f.words < 600) && !r.formOfStatement() {
		f.thirdParty = true
		d.condition(ThirdParty, Span{}, "the text speaks about makers in general and never as one")
	}
	if d.Title == "" {
		for _, s := range d.secs {
			if s.heading.To > s.heading.From {
				d.Title = strings.TrimSpace(d.Quote(s.heading))
				break
			}
		}
	}
}
