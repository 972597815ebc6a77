package page

import (
	"context"
	"regexp"
	"strings"
)

var (
	country     = regexp.MustCompile(`(?i)\b(?:UK|United Kingdom|England|Scotland|Wales|Ireland|Germany|France|Italy|Spain|Netherlands|Belgium|Sweden|Norway|Denmark|Finland|Poland|Austria|Switzerland|Czech Republic|Portugal|Turkey|Türkiye|China|P\.?R\.? China|Hong Kong|Taiwan|Japan|Korea|Singapore|India|Vietnam|USA|United States|Canada|Australia)\b`)
	postcode    = regexp.MustCompile(`\b(?:\d{3} \d{2}|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|\d{5}(?:-\d{4})?|\d{3}-\d{4}|\d{6})\b`)
	companyName = regexp.MustCompile(`\b[A-Z][\w&.,'’ \-]{1,60}\b(?:Ltd|Limited|GmbH|Inc|LLC|plc|PLC|B\.?V|S\.?A|S\.?p\.?A|S\.?r\.?l|AB|AG|A/S|Oy|Co|Corp|Corporation|Company|KG|Pty|Sp\. z o\.o)\b\.?`)
	standardID  = regexp.MustCompile(`(?i)\b(?:ETSI\s+)?EN\s*303\s*645\b|\bISO(?:/IEC)?\s*29147\b|\bJC-?STAR\b|\bCLS\b`)
	standardVer = regexp.MustCompile(`(?i)\bV?\d\.\d\.\d\b|:\s?20\d\d\b|\(20\d\d-\d\d\)|\bversion\s+\d`)
	soldAs      = regexp.MustCompile(`(?i)statement\s+of\s+(?:psti\s+|uk\s+)?(?:compliance|conformity)|declaration\s+of\s+(?:compliance|conformity)|compliance\s+statement|(?:compliance|conformity)\s+declaration|\bSoC\b`)
)

// pstiWords reports whether words name the UK law on product security, not just any regulation.
func pstiWords(s string) bool {
	l := strings.ToLower(s)
	return strings.Contains(l, "psti") || strings.Contains(l, "product security") || strings.Contains(l, "telecommunications infrastructure") || strings.Contains(l, "connectable product")
}

// statement finds the content of a statement of compliance (Schedule 4, items SOC-01 to SOC-09), or words about one.
func (r *reader) statement(ctx context.Context) error {
	d := r.d
	opinion := -1
	var items []Reading
	have := map[string]bool{}
	item := func(id string, i int, sp Span, why string) {
		if len(items) < 400 && (!have[id] || id == "SOC-02") {
			have[id] = true
			items = append(items, Reading{Term: TermStatementItem, Value: id, Verdict: Present, Why: why, From: sp.From, To: sp.To, Form: string(rune(0))})
			items[len(items)-1].Form = ""
			_ = i
		}
	}
	psti := pstiWords(d.Title)
	for i := range d.sents {
		if i > 4000 {
			break
		}
		if d.sents[i].mask&cLaw != 0 || d.sents[i].mask&cSecurity != 0 {
			psti = psti || pstiWords(r.text(i))
		}
	}
	for i := range d.sents {
		if i&0xff == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		s := d.sents[i]
		if s.mask&(cComply|cStatement|cLaw) == 0 || r.block(i).Hidden&Navigation != 0 && s.mask&cStatement == 0 {
			continue
		}
		if r.opinionSentence(i, psti) {
			if opinion < 0 {
				opinion = i
			}
			item("SOC-05", i, s.Span, "")
		}
		r.mention(i, psti)
	}
	if opinion < 0 && !r.formOfStatement() {
		return nil
	}
	r.statementItems(item)
	strongest := 0
	for _, id := range []string{"SOC-01", "SOC-02", "SOC-04", "SOC-07", "SOC-08", "SOC-09"} {
		if have[id] {
			strongest++
		}
	}
	full := have["SOC-05"] && strongest >= 3 && have["SOC-02"]
	for _, x := range items {
		sp := Span{x.From, x.To}
		if x.Value == "SOC-05" {
			x.Limb = StatementOfCompliance
			x.Verdict = Unclear
			x.Why = "a declaration, but too little of the rest of Schedule 4"
			if full {
				x.Verdict, x.Why = Present, ""
			}
		}
		if strongest >= 2 || x.Limb != "" {
			r.add(x, sp, r.blockAt(sp.From))
		}
	}
	return nil
}

// formOfStatement reports whether the document is titled or headed as a statement of compliance.
func (r *reader) formOfStatement() bool {
	d := r.d
	if soldAs.MatchString(d.Title) && len(d.Title) < 160 && !question(d.Title) {
		return true
	}
	for n, s := range d.secs {
		if n > 200 {
			break
		}
		if s.own&cStatement != 0 && s.own&cComply != 0 && soldAs.MatchString(d.Quote(s.heading)) && !question(d.Quote(s.heading)) {
			return true
		}
	}
	return false
}

// question reports whether a heading asks or explains rather than names what follows.
func question(h string) bool {
	h = strings.ToLower(strings.TrimLeft(h, "# "))
	for _, w := range []string{"what", "how", "why", "who", "when", "do ", "does ", "guide", "understanding"} {
		if strings.HasPrefix(h, w) {
			return true
		}
	}
	return strings.HasSuffix(h, "?")
}

// opinionSentence reports whether a sentence declares that the product or its maker complies, in the words of s.9(3):
// an opinion or declaration, compliance, and what is complied with.
func (r *reader) opinionSentence(i int, psti bool) bool {
	d := r.d
	m := d.sents[i].mask
	if m&cComply == 0 || r.block(i).Kind == Heading || r.guidance(i) {
		return false
	}
	ts := r.toks(i)
	declares, complies, law := false, false, false
	for k, t := range ts {
		switch {
		case t.is("opinion", "declare", "declares", "declared", "confirm", "confirms", "certify", "certifies", "certified", "hereby", "considers", "believes", "satisfied", "attests", "attest", "affirms", "state", "states", "stated", "opines"):
			declares = true
		case t.is("complied", "complies", "comply", "conforms", "conform", "meets", "satisfies", "fulfils", "compliant", "compliance", "met", "conformity", "fulfilled", "fulfills") && !negated(ts, k):
			complies = true
		case t.is("schedule", "psti", "requirements", "regulations", "act", "303645", "645", "29147"):
			law = true
		}
	}
	if !complies || !law {
		return false
	}
	text := r.text(i)
	if !psti && !pstiWords(text) && !(after(ts, "schedule") && r.formOfStatement()) {
		return false
	}
	return declares && (m&(cMakerOne|cWe) != 0 || after(ts, "product", "products", "device", "hereby", "opinion", "undersigned")) && !after(ts, "whether", "if", "retailer", "check")
}

// mention finds a title, link or claim about a statement of compliance or about meeting the law.
func (r *reader) mention(i int, psti bool) {
	d := r.d
	s := d.sents[i]
	ts := r.toks(i)
	text := r.text(i)
	why := ""
	heading := r.block(i).Kind == Heading
	if m := soldAs.FindString(text); m != "" && !(strings.EqualFold(m, "soc") && !pstiWords(text)) {
		other := after(ts, "fcc", "canadian", "canada", "ised", "ce", "weee", "rohs", "reach", "slavery", "environmental", "accessibility", "radio", "emc", "tax", "gdpr", "battery") && !pstiWords(text)
		eu := other || strings.Contains(strings.ToLower(m), "conformity") && !pstiWords(text) && !psti
		lacks := after(ts, "lacks", "lacking", "without", "lack") || after(ts, "no") && !after(ts, "number")
		general := s.mask&(cMust|cMaker) != 0 && !owned(ts) || after(ts, "whether", "should", "must", "require", "requires", "required") && !owned(ts)
		toMaker := ts[0].is("draw", "prepare", "write", "make", "issue", "sign", "obtain", "get", "request", "check", "ensure", "create", "produce")
		if toMaker && s.mask&cWe == 0 {
			general = true
		}
		if !eu && !lacks && !general && !r.guidance(i) && !d.flagsD.thirdParty {
			why = "a statement of compliance is named; its content is not here"
		}
	}
	if why == "" && s.mask&cComply != 0 && !heading && (pstiWords(text) || psti && after(ts, "act", "regulations", "regime", "requirements")) && claimsCompliance(ts) && !r.guidance(i) && !d.flagsD.thirdParty {
		why = "a claim to meet the law, not a statement"
	}
	if why != "" {
		r.add(Reading{Limb: StatementOfCompliance, Term: TermStatement, Value: true, Verdict: Unclear, Why: why}, s.Span, s.block)
	}
}

func owned(ts []token) bool {
	return after(ts, "our", "we", "download", "link", "view", "read", "see", "here", "this", "attached", "below", "supplied", "available", "each", "copy")
}

// claimsCompliance reports whether a product or its maker is said to meet the law.
func claimsCompliance(ts []token) bool {
	for k, t := range ts {
		verb := t.is("meet", "meets", "comply", "complies", "complied", "conform", "conforms", "satisfy", "satisfies", "compliant", "fulfil", "fulfils", "fulfills") || t.is("accordance", "compliance") && after(ts, "made", "manufactured", "designed", "are", "is", "full") && after(ts[max(0, k-3):k], "in")
		if !verb || negated(ts, k) {
			continue
		}
		for b := k - 1; b >= 0 && b >= k-12; b-- {
			if ts[b].c&(cProduct|cWe) != 0 || ts[b].is("range", "it", "all", "they", "which", "manufacturer", "company", "brand", "these", "this") {
				if after(ts[b:k], "help", "helps", "to", "policy", "how", "whether", "if") && !after(ts[b:k], "designed", "tested", "certified", "declared") {
					return false
				}
				return !after(ts[b:k], "policy", "page")
			}
		}
	}
	return false
}

// statementItems looks for the items of Schedule 4 around a declaration.
func (r *reader) statementItems(item func(string, int, Span, string)) {
	d := r.d
	for i := range d.sents {
		if i > 3000 {
			break
		}
		s := d.sents[i]
		text := r.text(i)
		ts := r.toks(i)
		sec := d.secs[s.sec]
		headed := r.head(s.sec)
		heading := r.block(i).Kind == Heading
		label := r.label(i)
		labelled := func(ws ...string) bool {
			return after(ts, ws...) || !heading && len(headed) < 16 && after(headed, ws...) || after(label, ws...)
		}
		if heading {
			continue
		}
		if s.mask&cProduct != 0 && labelled("product", "products", "model", "models", "type", "batch", "device", "equipment", "serial", "lot") && len(ts) > 2 && (strings.Contains(text, ":") || strings.Contains(text, "|") || after(headed, "product", "type", "batch", "model") || r.afterLabel(i) || after(ts, "batch", "batches")) {
			why := ""
			if !r.anywhere("batch", "batches", "lot", "serial") {
				why = "no batch is named"
			}
			item("SOC-01", i, s.Span, why)
		} else if sec.own&cProduct != 0 && len(ts) > 0 && len(headed) < 8 && after(headed, "product", "products", "type", "batch", "model", "models") {
			item("SOC-01", i, s.Span, "")
		}
		company := companyName.MatchString(text)
		address := postcode.MatchString(text) || country.MatchString(text) && strings.ContainsAny(text, "0123456789") && strings.Count(text, ",") > 1 || after(ts, "road", "street", "avenue", "lane", "park", "way", "floor", "building", "district", "house", "straße", "strasse", "square", "drive", "rd", "st") && len(ts) > 4
		rep := labelled("representative", "representatives", "authorised", "authorized") && !after(ts, "none", "n/a", "applicable")
		switch {
		case rep && (company || address) && s.mask&cMust == 0:
			item("SOC-03", i, s.Span, "")
		case (company || labelled("manufacturer", "manufacturers", "producer", "address", "registered", "importer")) && (address || company && (labelled("manufacturer", "name", "company") || r.addressFollows(i))):
			if address || r.addressFollows(i) {
				item("SOC-02", i, s.Span, "")
			}
		}
		if after(ts, "behalf") && after(ts, "manufacturer", "prepared", "issued", "made", "drawn", "producer") || after(ts, "prepared") && after(ts, "by") && after(ts, "manufacturer", "statement") || after(ts, "issued", "drawn") && after(ts, "responsibility") && after(ts, "manufacturer") {
			item("SOC-04", i, s.Span, "")
		}
		if m := standardID.FindString(text); m != "" {
			why := "without its version or date"
			if standardVer.MatchString(text) {
				why = ""
			}
			item("SOC-06", i, s.Span, why)
		}
		if labelled("support", "dsp", "supported", "updates", "period") && periodTopic(s.mask|sec.own) {
			f := supportFacts(ts, d.Text, r.supportTopic(i), false)
			switch {
			case f.end != nil && f.end.Exact():
				item("SOC-07", i, s.Span, "")
			case f.wording != "":
				item("SOC-07", i, s.Span, WordingOf(f.wording).Why)
			}
		}
		if labelled("signed", "signature", "signatory", "undersigned", "sign", "signs") && s.mask&cMust == 0 {
			why := ""
			if !r.anywhere("director", "manager", "officer", "head", "ceo", "cto", "engineer", "president", "function", "position", "title", "secretary", "lead", "chief", "vp", "owner", "founder") {
				why = "the function of the signatory was not found"
			}
			item("SOC-08", i, s.Span, why)
		}
		if labelled("place", "issued", "date", "dated", "issue", "signed", "done", "at") {
			if ds := FindDates(text); len(ds) > 0 && !after(ts, "support", "updates", "until", "amended", "version", "v2", "2023") && s.mask&cPeriod&^cUntil == 0 || labelled("issued") && len(FindDates(text)) > 0 {
				why := ""
				if !r.anywhere("place") && !after(ts, "at", "in", ",") {
					why = "the place of issue was not found"
				}
				item("SOC-09", i, s.Span, why)
			}
		}
	}
}

func (r *reader) afterLabel(i int) bool { return r.label(i) != nil }

// label returns the tokens of the few words that stand before sentence i as its label: a term of a list, or a line that
// ends with a colon.
func (r *reader) label(i int) []token {
	if i == 0 || r.d.sents[i-1].block == r.d.sents[i].block && !strings.HasSuffix(r.text(i-1), ":") {
		return nil
	}
	t := r.text(i - 1)
	if r.d.sents[i-1].words > 6 || strings.ContainsAny(t[len(t)-1:], ".!?,;") || r.block(i).Kind == Heading || r.block(i-1).Kind == Row {
		return nil
	}
	return r.toks(i - 1)
}

// addressFollows reports whether a postal address stands in the next lines.
func (r *reader) addressFollows(i int) bool {
	for j := i; j < len(r.d.sents) && j < i+5; j++ {
		if postcode.MatchString(r.text(j)) {
			return true
		}
	}
	return false
}

// anywhere reports whether the document has one of the words.
func (r *reader) anywhere(ws ...string) bool {
	if r.words == nil {
		r.words = map[string]bool{}
		for i := range r.d.sents {
			if i > 3000 {
				break
			}
			for _, t := range r.toks(i) {
				r.words[t.w] = true
			}
		}
	}
	for _, w := range ws {
		if r.words[w] {
			return true
		}
	}
	return false
}
