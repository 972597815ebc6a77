package page

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// concept is a set of meanings a word may have. Rules speak of concepts and of the clause they stand in, never of a
// phrase, so that a text may be worded anew and still be read.
type concept uint64

const (
	cAck       concept = 1 << iota // acknowledge, confirm, receipt
	cRespond                       // respond, reply, get back
	cStatus                        // status, progress, keep informed
	cTriage                        // triage, verify, assess
	cFix                           // fix, remediate, resolve
	cDisclose                      // publish, disclose, advisory
	cVuln                          // vulnerability, exploit, PSIRT
	cSecurity                      // security, cyber
	cIssue                         // issue, problem, finding
	cReport                        // report, submit, contact, write to
	cChannel                       // form, portal, tracker, phone
	cSupport                       // support, maintenance
	cUpdate                        // update, patch, upgrade
	cSoftware                      // software, firmware, app
	cUntil                         // until, ends, expires
	cSince                         // from, since, starting
	cPeriod                        // period, lifetime, duration
	cPassword                      // password, passcode, credentials
	cDefault                       // default, factory, preset
	cUnique                        // unique, individual, random
	cComply                        // comply, meet, conform
	cLaw                           // PSTI, regulation, act, schedule
	cStatement                     // statement, declaration
	cPrivacy                       // privacy, personal data
	cMust                          // must, shall, should, have to
	cMaker                         // manufacturers, brands: makers in general
	cPress                         // said, announced, according
	cWe                            // we, our, us
	cYou                           // you, your
	cNot                           // no, not, never
	cMail                          // e-mail, mail, address
	cTrade                         // order, delivery, warranty, refund
	cVague                         // promptly, regularly
	cOpenEnd                       // lifetime, indefinitely
	cLogin                         // log in, sign in, account
	cPay                           // pay, subscribe, purchase
	cCookie                        // cookie, consent
	cSign                          // signed, signature, on behalf of
	cMakerOne                      // manufacturer, producer
	cProduct                       // product, device, model
	cEnglish                       // a function word of English
	cOther                         // a function word of another language
	cTeam                          // team, PSIRT
	cPlatform                      // a bug bounty platform or an issue tracker by name
	cUnit                          // day, week, month
	cEvery                         // every, per, weekly
	cOffer                         // offer, price, sale, promotion
	cStop                          // end of life, discontinued, no longer
	cBreach                        // breach, lawsuit, fraud: not a weakness of a product
	cNews                          // writes to you, news, has arrived: words that may say an act
	cFeature                       // battery, charging, alarm: what a product does
)

// lexicon lists the words of each concept. A word that ends in * stands for every word that begins so.
var lexicon = buildLexicon(map[concept]string{
	cAck:      "acknowledg* confirm confirms confirmed confirming confirmation receipt",
	cRespond:  "respond responds responded responding response responses reply replies replied replying answer answers answered touch hear hearing react reacts reaction feedback back know revert reverts contacted contact",
	cStatus:   "status progress informed informs inform informing notify notifies notified notifying notification notifications feedback posted updated update updates apprised progresses developments hear reports loop abreast milestone milestones stage stages",
	cTriage:   "triag* verif* validat* assess* evaluat* analys* analyz* investigat* reproduc* classif* prioriti* examin* check checked checks review reviewed reviews",
	cFix:      "fix fixes fixed fixing remed* resolv* resolution resolutions solve solves solved solving solution repair* mitigat* patch patches patched correct corrected correction corrective closed closure rectif*",
	cDisclose: "publish* publication publications disclos* advisory advisories public publicly embargo* bulletin bulletins cve",
	cVuln:     "weakness weaknesses vulnerab* exploit* psirt psti cvd vdp bounty researcher researchers hacker* hackerone bugcrowd intigriti yeswehack cve cves pentest* csirt cert sirt",
	cSecurity: "security secure cyber cybersecurity cyber-security infosec hacking insecure",
	cIssue: "issue issues problem problems concern concerns incident incidents finding findings defect defects loophole loopholes hole holes weakness weaknesses flaw flaws threat threats risk risks bug bugs " +
		"vulnerab* gap gaps exploit exploits shortcoming* discovery discoveries",
	cReport: "report reports reported reporting submit submits submitted submitting submission submissions disclose raise raised raising file filed filing send sends sent sending contact contacting contacted write writing mail e-mail email " +
		"notify tell telling inform reach reached reaching call phone lodge lodged alert flag flagged message ring dial emailing",
	cChannel: "form forms portal portals tracker ticket tickets desk helpdesk hotline mailbox inbox center centre platform link button github gitlab jira call phone telephone tel page programme program chat webform web-form whatsapp line address" +
		" questionnaire channel post",
	cSupport:  "support supported supports supporting supportperiod maintain maintained maintains maintenance dsp eosl lts guaranteed",
	cUpdate:   "update updates updated updating upgrade upgrades patch patches patching fixes ota bugfix bugfixes hotfix hotfixes",
	cSoftware: "software firmware app os operating system android ios application apps windows",
	cUntil:    "until till through thru by end ends ended ending expires expire expiry expiration expiring eol eos eosl eolm cease ceases ceased stop stops stopped stopping finish finishes finished terminate* up upto deadline last runs to before minimum untill earliest valid conclude* final lapse* latest date",
	cSince:    "from since starting start starts begin begins beginning launch launched released release introduced commencing commences after first purchase sale shipped",
	cPeriod:   "period periods lifetime lifecycle life-cycle duration term dsp window timeframe time length years year months",
	cPassword: "password passwords passcode passcodes passphrase passphrases credential credentials pincode pin-code passwd",
	cDefault: "default defaults factory preset pre-set preconfigured pre-configured preinstalled pre-installed initial initially default_password shipped out-of-box out-of-the-box hardcoded hard-coded predefined pre-defined hard universal common " +
		"supplied",
	cUnique:    "unique uniquely individual individually random randomly randomised randomized per-device device-specific own different distinct",
	cComply:    "comply complies complied complying compliant compliance conform* meet meets met satisf* fulfil* fulfill* accordance adhere* line",
	cLaw:       "psti regulation regulations act law legislation schedule schedules regime requirements uksi statutory etsi 303645 legal directive rules ukpsti",
	cStatement: "statement statements declaration declarations declare declares declared certificate soc statement-of-compliance",
	cPrivacy:   "privacy gdpr cookie cookies controller erasure dpo ico dsar",
	cMust:      "must shall should required requires require requiring obliged obligation obligations need needs have has ought oblige obligatory mandatory duty duties responsible",
	cMaker:     "manufacturers makers brands companies firms retailers importers distributors businesses vendors producers organisations organizations sellers economic operators suppliers operator",
	cPress:     "said says according reportedly spokesperson journalist editor analyst analysts survey told",
	cWe:        "we our us ours we'll we're we've i my",
	cYou:       "you your you'll you've yours reporter reporters finder finders submitter submitters researcher researchers sender discoverer",
	cNot:       "no not never without cannot can't don't doesn't won't isn't aren't none neither nor nobody nothing lacks lacking lack refuse unable haven't didn't wasn't",
	cMail:      "e-mail email emails e-mails mail mails mailbox address addresses inbox mailto",
	cTrade:     "order orders delivery deliveries deliver delivered warranty warranties refund refunds return returns basket checkout shipping dispatch* invoice guarantee voucher stock replacement replaced",
	cVague: "promptly prompt regularly regular periodically periodic timely soon asap shortly immediately swiftly swift quickly quick reasonable frequently frequent occasionally continuously continuous ongoing possible necessary appropriate delay " +
		"expeditiously rapidly fast earliest routinely constantly course throughout",
	cOpenEnd:  "lifetime indefinitely forever unlimited perpetual lifelong possible discontinu* expected useful lifespan life whole entire foreseeable perpetuity",
	cLogin:    "login logon log-in signin sign-in log sign register registration account accounts registered logged signed",
	cPay:      "subscribe subscription subscribers paywall pay payment premium paid",
	cCookie:   "cookie cookies consent accept agree",
	cSign:     "signed signature sign signatory behalf undersigned signs name position title function capacity",
	cMakerOne: "manufacturer manufacturer's producer importer distributor ltd limited gmbh inc llc plc representative corporation co. company registered",
	cProduct: "product products device devices model models range series hub hubs camera cameras router routers appliance appliances unit units item items sku hardware watch monitor lock doorbell speaker tv television robot mower " +
		"thermostat bulb lamp charger sensor gateway type batch",
	cEnglish:  "the of and to in is for that with as on are this be by at from or an it was which will can have not if all has their its but they any been may when other these our your you we",
	cOther:    "der die das und ist nicht von mit für den dem ein eine zu auf wir sie bei oder werden wird sind auch nach über le la les des et est du une pour dans que qui nous vous sur par avec pas au aux el los las una para por con del se su como más il di che per non con gli della delle sono alla dei nel het een van en op voor niet met zijn door aan bij worden og av på som till med är och att det för inte w na nie jest się do oraz przez dla jsou pro od ve bir bu ile için olarak e o da do em não com uma os dos sicherheit",
	cTeam:     "team teams psirt csirt cert sirt department staff officer engineers",
	cPlatform: "hackerone bugcrowd intigriti yeswehack openbugbounty zerocopter github gitlab jira bounty keybase",
	cUnit:     "second seconds minute minutes min mins hour hours hr hrs h day days week weeks wk wks fortnight month months quarter quarters year years yr yrs weekday weekdays",
	cEvery:    "every each per weekly monthly daily biweekly bi-weekly fortnightly quarterly bimonthly bi-monthly annually yearly once twice intervals interval semiweekly hourly",
	cOffer:    "offer offers price prices promotion sale sales discount deal deals save buy prize competition event webinar free trial vacancy",
	cStop:     "eol end-of-life end-of-support discontinued discontinuation unsupported obsolete legacy retired retire longer withdrawn sunset",
	cBreach:   "breach breaches lawsuit fraud phishing scam spam abuse copyright infringement harassment accident injury fire recall complaint complaints",
	cNews:     "write writes arrived received got reached news notes have",
	cFeature:  "battery charging charge alarm timer retries retry refresh interval backup recording playback",
})

type wordList struct {
	whole map[string]concept
	stems map[string][]stem // by their first four bytes
}

type stem struct {
	s string
	c concept
}

func buildLexicon(m map[concept]string) wordList {
	l := wordList{whole: map[string]concept{}, stems: map[string][]stem{}}
	for c, words := range m {
		for _, w := range strings.Fields(words) {
			if s, ok := strings.CutSuffix(w, "*"); ok {
				l.stems[s[:4]] = append(l.stems[s[:4]], stem{s, c})
			} else {
				l.whole[w] |= c
			}
		}
	}
	return l
}

// of returns the concepts of a word in lower case.
func (l *wordList) of(w []byte) concept {
	c := l.whole[string(w)]
	if len(w) > 4 {
		for _, s := range l.stems[string(w[:4])] {
			if len(w) >= len(s.s) && string(w[:len(s.s)]) == s.s {
				c |= s.c
			}
		}
	}
	return c
}

// tokenKind tells words from the other pieces of a text.
type tokenKind uint8

const (
	tWord tokenKind = iota
	tNumber
	tMail
	tURL
	tPunct
)

// token is a word, number, address or mark of a sentence, with its place in the document.
type token struct {
	Span
	kind tokenKind
	c    concept
	w    string // lower case
	n    int    // of a number
}

func (t token) is(ws ...string) bool {
	for _, w := range ws {
		if t.w == w {
			return true
		}
	}
	return false
}

// tokens splits text[s.From:s.To]. Marks of Markdown are passed over.
func tokens(text string, s Span) []token {
	out := make([]token, 0, (s.To-s.From)/5+4)
	buf := make([]byte, 0, 32)
	for i := s.From; i < s.To; {
		c := text[i]
		switch {
		case c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '*' || c == '`' || c == '#' || c == '"' || c == '_' && (i == s.From || !wordByte(text[i-1])):
			i++
		case c >= 0x80 && !letterAt(text, i):
			r, n := utf8.DecodeRuneInString(text[i:])
			if !unicode.IsSpace(r) {
				out = append(out, token{Span: Span{i, min(i+n, s.To)}, kind: tPunct, w: text[i:min(i+n, s.To)]})
			}
			i += n
		case wordByte(c):
			if j := urlEnd(text, i, s.To); j > i {
				out = append(out, token{Span: Span{i, j}, kind: tURL, w: strings.ToLower(text[i:j])})
				i = j
				continue
			}
			j := wordEnd(text, i, s.To)
			buf = buf[:0]
			num, digits := 0, true
			for k := i; k < j; k++ {
				b := text[k]
				if b >= 'A' && b <= 'Z' {
					b |= 0x20
				}
				if digits = digits && digit(b) && k-i < 9; digits {
					num = num*10 + int(b-'0')
				}
				buf = append(buf, b)
			}
			t := token{Span: Span{i, j}, w: string(buf), c: lexicon.of(buf)}
			if digits {
				t.kind, t.n = tNumber, num
			} else if n := numberWord(t.w); n > 0 {
				t.kind, t.n = tNumber, n
			}
			// A compound such as follow-up, 5-day or 24-hour counts as its parts where the whole says nothing.
			if strings.ContainsAny(t.w, "-_") && t.c&^(cEnglish|cOther) == 0 && len(t.w) < 40 {
				for _, part := range strings.FieldsFunc(t.w, func(r rune) bool { return r == '-' || r == '_' }) {
					t.c |= lexicon.of([]byte(part))
				}
			}
			out = append(out, t)
			i = j
		default:
			out = append(out, token{Span: Span{i, i + 1}, kind: tPunct, w: text[i : i+1]})
			i++
		}
	}
	for k := range out {
		if out[k].c&cSecurity != 0 && (k > 0 && notProductSecurity([]byte(out[k-1].w)) || k+1 < len(out) && securityGoods([]byte(out[k+1].w))) {
			out[k].c &^= cSecurity
		}
	}
	return out
}

func wordEnd(text string, i, to int) int {
	j := i + 1
	for j < to {
		c := text[j]
		if c < 0x80 && wordByte(c) || c >= 0x80 && letterAt(text, j) {
			for j++; j < to && !utf8.RuneStart(text[j]); j++ {
			}
			continue
		}
		if strings.HasPrefix(text[j:], "’") && j+3 < to && wordByte(text[j+3]) { // don’t
			j += 3
			continue
		}
		if (c == '-' || c == '\'' || c == '_') && j+1 < to && wordByte(text[j+1]) {
			j++
			continue
		}
		break
	}
	return j
}

// letterAt reports whether a letter or figure beyond ASCII stands at i.
func letterAt(text string, i int) bool {
	r, _ := utf8.DecodeRuneInString(text[i:])
	return unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r)
}

// urlEnd returns where the web address at i ends, or i if there is none.
func urlEnd(text string, i, to int) int {
	rest := text[i:to]
	if len(rest) > 8 && (rest[0]|0x20 == 'h') && (hasFold(rest, "https://") || hasFold(rest, "http://")) || len(rest) > 5 && hasFold(rest, "www.") {
		j := i
		for j < to && text[j] > ' ' && strings.IndexByte("<>\"'`|)]}*", text[j]) < 0 {
			j++
		}
		for j > i && strings.IndexByte(".,;:!?", text[j-1]) >= 0 {
			j--
		}
		return j
	}
	return i
}

func hasFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

func numberWord(w string) int {
	switch w {
	case "one":
		return 1
	case "two":
		return 2
	case "three":
		return 3
	case "four":
		return 4
	case "five":
		return 5
	case "six":
		return 6
	case "seven":
		return 7
	case "eight":
		return 8
	case "nine":
		return 9
	case "ten":
		return 10
	case "eleven":
		return 11
	case "twelve":
		return 12
	case "fourteen":
		return 14
	case "fifteen":
		return 15
	case "twenty":
		return 20
	case "twenty-one":
		return 21
	case "twenty-four":
		return 24
	case "thirty":
		return 30
	case "thirty-six":
		return 36
	case "forty-five":
		return 45
	case "forty-eight":
		return 48
	case "sixty":
		return 60
	case "seventy-two":
		return 72
	case "ninety":
		return 90
	}
	return 0
}
