package page

import (
	"context"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"
)

// sentence is one sentence of a block, with the concepts of its words.
type sentence struct {
	Span
	block int
	sec   int
	mask  concept
	words int
}

// section is what stands under one heading. Its chain holds the concepts of the headings above it and of the title.
type section struct {
	heading Span // empty before the first heading
	level   int
	own     concept // of its heading
	chain   concept // of its heading, those above it and the title
	body    concept // of all its sentences
	first   int     // sentences [first, last)
	last    int
}

type docFlags struct {
	english, other, words int
	letters, foreign      int // characters: all letters, letters that are not Latin
	we, maker, press      int
	report                bool // some sentence or heading speaks of reporting security issues
	thirdParty            bool
	titleMask             concept
}

// split cuts all blocks into sentences and sections, and notes the concepts of each.
func (d *Document) split(ctx context.Context) error {
	d.flagsD.titleMask = d.headingMask(d.Title)
	sort.SliceStable(d.Links, func(i, j int) bool { return d.Links[i].From < d.Links[j].From })
	type open struct {
		level int
		mask  concept
	}
	var chain []open
	d.secs = append(d.secs, section{chain: d.flagsD.titleMask})
	for i, b := range d.Blocks {
		if i&0xfff == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if b.Kind == Front || b.Kind == Code {
			continue
		}
		start := len(d.sents)
		if b.Kind == Heading {
			d.secs[len(d.secs)-1].last = start
			m := d.headingMask(d.Quote(b.Span))
			for len(chain) > 0 && chain[len(chain)-1].level >= b.Level {
				chain = chain[:len(chain)-1]
			}
			chain = append(chain, open{b.Level, m})
			s := section{heading: b.Span, level: b.Level, own: m, chain: d.flagsD.titleMask, first: start}
			for _, c := range chain {
				s.chain |= c.mask
			}
			d.secs = append(d.secs, s)
		}
		d.sentences(i, b)
		sec := &d.secs[len(d.secs)-1]
		for j := start; j < len(d.sents); j++ {
			s := &d.sents[j]
			s.sec = len(d.secs) - 1
			s.mask, s.words = d.scan(s.Span)
			sec.body |= s.mask
		}
	}
	d.secs[len(d.secs)-1].last = len(d.sents)
	return nil
}

// headingMask is maskOf for a title or heading, where "responsible disclosure" by itself speaks of weaknesses.
func (d *Document) headingMask(text string) concept {
	if len(text) > 1000 {
		text = text[:cutAt(text, 1000)]
	}
	ts := tokens(text, Span{0, len(text)})
	var m concept
	for _, t := range ts {
		m |= t.c
	}
	if after(ts, "disclosure") && after(ts, "responsible", "coordinated", "security", "policy", "programme", "program", "ethical", "procedure") {
		m |= cVuln
	}
	return m
}

func (d *Document) maskOf(text string) concept {
	var m concept
	for _, t := range tokens(text, Span{0, len(text)}) {
		m |= t.c
	}
	return m
}

// sentences cuts one block.
func (d *Document) sentences(block int, b Block) {
	t := d.Text
	from := b.From
	cut := func(to int) {
		if s := trim(t, Span{from, to}); s.To > s.From {
			if b.Kind == Row {
				s = Span{from, to}
			}
			d.sents = append(d.sents, sentence{Span: s, block: block})
		}
		from = to
	}
	for i := b.From; i < b.To && b.Kind != Row; i++ {
		switch t[i] {
		case '.', '!', '?':
			j := i + 1
			for j < b.To && strings.IndexByte(".!?\"')]*_", t[j]) >= 0 {
				j++
			}
			if j >= b.To || t[j] != ' ' && t[j] != '\n' && t[j] != '\t' && t[j] != '\r' {
				continue
			}
			if t[i] == '.' && (nextLower(t[j:b.To]) || abbreviation(t[from:i])) {
				continue
			}
			cut(j)
			i = j - 1
		case '\n':
			if b.lines && !nextLower(t[i:b.To]) {
				cut(i)
			}
		case 0xE3: // 。
			if strings.HasPrefix(t[i:], "。") {
				cut(i + 3)
			}
		}
		if i-from > 4000 { // no sentence is longer; such text is data
			for i < b.To && !utf8.RuneStart(t[i]) {
				i++
			}
			cut(i)
		}
	}
	cut(b.To)
}

func nextLower(t string) bool {
	t = strings.TrimLeft(t, " \n\t\r")
	if t == "" {
		return false
	}
	r, _ := utf8.DecodeRuneInString(t)
	return unicode.IsLower(r)
}

// abbreviation reports whether the text ends in a word that is written with a full stop inside a sentence.
func abbreviation(t string) bool {
	i := strings.LastIndexAny(t, " \n\t(")
	if w := t[i+1:]; len(w) == 1 && upper(w[0]) && w != "I" {
		return true
	}
	switch w := strings.ToLower(t[i+1:]); w {
	case "e.g", "i.e", "eg", "ie", "no", "approx", "dr", "mr", "mrs", "ms", "st", "vs", "min", "max", "incl", "art", "sec", "para", "reg", "tel", "ver", "v", "cf", "dept", "est", "fig",
		"jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec":
		return true
	}
	return false
}

// scan returns the concepts and the number of words in a place, and counts the words of languages.
func (d *Document) scan(s Span) (concept, int) {
	t := d.Text
	f := &d.flagsD
	var m, last concept
	words := 0
	var buf, prev [24]byte
	prevLen := 0
	for i := s.From; i < s.To; {
		c := t[i]
		if !wordByte(c) {
			i++
			continue
		}
		n := 0
		j := i
		for ; j < s.To; j++ {
			b := t[j]
			if b >= 'A' && b <= 'Z' {
				b |= 0x20
			} else if !(b >= 'a' && b <= 'z' || b >= '0' && b <= '9') {
				if b >= 0x80 {
					if t[j] == 0xE2 && j+1 < s.To && t[j+1] == 0x80 {
						break
					}
				} else if !(b == '-' || b == '\'' || b == '_') || j+1 >= s.To || !wordByte(t[j+1]) {
					break
				}
			}
			if n < len(buf) {
				buf[n] = b
				n++
			}
		}
		if j < s.To && (t[j] == '@' || t[j] == ':' && strings.HasPrefix(t[j:s.To], "://")) { // an address says nothing by its words
			for j < s.To && t[j] > ' ' && t[j] != ')' && t[j] != '>' {
				j++
			}
			i, last = j, 0
			continue
		}
		words++
		if j == i { // a mark such as a dash
			i += 3
			words--
			continue
		}
		w := buf[:n]
		wc := lexicon.of(w)
		if wc&^(cEnglish|cOther) == 0 && n < len(buf) {
			for k := 0; k < n; k++ {
				if w[k] == '-' || w[k] == '_' {
					wc |= lexicon.of(w[:k]) | lexicon.of(w[k+1:])
				}
			}
		}
		if wc&cSecurity != 0 && notProductSecurity(prev[:prevLen]) {
			wc &^= cSecurity
		}
		if last&cSecurity != 0 && securityGoods(w) {
			m &^= cSecurity
		}
		if wc&cEnglish != 0 {
			f.english++
		}
		if wc&cOther != 0 {
			f.other++
		}
		if wc&cWe != 0 {
			f.we++
		}
		if wc&cMaker != 0 {
			f.maker++
		}
		if wc&cPress != 0 {
			f.press++
		}
		f.words++
		m |= wc
		last = wc
		prevLen = copy(prev[:], w)
		i = j
	}
	return m, words
}

// notProductSecurity reports whether the word before "security" gives it another sense.
func notProductSecurity(w []byte) bool {
	switch string(w) {
	case "home", "social", "national", "job", "food", "financial", "energy", "homeland", "store", "airport":
		return true
	}
	return false
}

// securityGoods reports whether the word after "security" makes it the name of a kind of goods.
func securityGoods(w []byte) bool {
	switch string(w) {
	case "camera", "cameras", "system", "systems", "alarm", "alarms", "light", "lights", "lighting", "lock", "locks", "guard", "guards", "kit", "kits", "deposit", "door", "number", "solutions", "cam", "cams", "screen", "tag", "tags", "equipment":
		return true
	}
	return false
}

// language judges whether the text is in English: by its function words against those of other languages, and by its
// script. The declared language is not trusted, only used where the text is too short to tell.
func (d *Document) language() {
	f := &d.flagsD
	for i, r := range d.Text {
		if i > 200_000 {
			break
		}
		if unicode.IsLetter(r) {
			f.letters++
			if r > 0x24F {
				f.foreign++
			}
		}
	}
	declared := strings.ToLower(d.Lang)
	en := declared == "en" || strings.HasPrefix(declared, "en-") || strings.HasPrefix(declared, "en_")
	switch {
	case f.letters > 20 && f.foreign*3 > f.letters:
		d.English = Absent
	case f.words < 12 && f.other <= f.english:
		d.English = Unclear
		if en || f.english > 0 && f.other == 0 {
			d.English = Present
		}
	case f.english*100 >= f.words*8 && f.english > f.other*2:
		d.English = Present
	case f.other > f.english:
		d.English = Absent
	case en:
		d.English = Present
	default:
		d.English = Unclear
	}
	if d.English == Absent {
		why := "the text is not in English"
		if en {
			why += ", although the page declares that it is"
		}
		d.condition(NotEnglish, Span{}, why)
	}
}
