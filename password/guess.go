package password

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
)

// Thresholds in bits (log2 of guesses), and where they come from. Between failing and passing the audit asks for evidence
// of what limits an attacker.
const (
	// Online: a throttled interface. NIST SP 800-63B (section on random secrets) accepts six random digits behind a limit
	// of attempts; a class of products is attacked many units at a time, so passing asks for a hundred times more.
	onlineFail, onlinePass = 19.93, 26.57 // 10^6, 10^8
	// Passwords made of words, dates or runs are weak below 10^8 guesses (Wheeler, zxcvbn, USENIX Security 2016) unless
	// the interface is known to be throttled.
	structureFail = 26.57
	// Offline: a captured Wi-Fi handshake or password file. One graphics card tries some 10^6 WPA2 keys a second, so 2^36
	// falls within a day; 10^14 guesses is where Florencio, Herley and van Oorschot (LISA 2014) put the offline limit.
	offlineFail, offlinePass = 36, 46.5
)

const (
	onlineSource  = "online guessing: NIST SP 800-63B accepts 10^6 random values behind an attempt limit; 10^8 asked for because a class of products is attacked at once"
	offlineSource = "offline guessing: 2^36 WPA2 keys are one day of one graphics card; 10^14 guesses per Florencio, Herley and van Oorschot, LISA 2014"
	unknownSource = "how guessing is limited is not known: failing below the online line of 10^6 (NIST SP 800-63B), passing from the offline line of 10^14 (Florencio, Herley and van Oorschot, LISA 2014)"
)

// thresholds chooses the lines by how passwords can be guessed.
func thresholds(o *Options, b *Batch) Guesses {
	g := Guesses{Attack: o.Attack}
	if g.Attack == AttackUnknown && (b.WiFi() || slices.ContainsFunc(b.Columns, func(c Column) bool { return c.Role == RoleSSID })) {
		g.Attack = AttackOffline
	}
	switch g.Attack {
	case AttackOnline:
		g.FailBelowBits, g.PassFromBits, g.ThresholdSource = onlineFail, onlinePass, onlineSource
	case AttackOffline:
		g.FailBelowBits, g.PassFromBits, g.ThresholdSource = offlineFail, offlinePass, offlineSource
	default:
		g.Attack, g.FailBelowBits, g.PassFromBits, g.ThresholdSource = AttackUnknown, onlineFail, offlinePass, unknownSource
	}
	return g
}

// entropyRows is how many rows an estimate of entropy needs: with fewer the estimate measures the sample.
const entropyRows = 50

// positions describes each position of a view.
func (v *view) positions(derived map[int]float64) []Position {
	out := make([]Position, v.length)
	for p := range out {
		out[p] = Position{Position: p + 1, Symbols: len(v.symbols[p]), MaximumBits: v.bitsOf([]int{p}), DerivedRows: derived[p]}
		if len(v.pw) >= entropyRows {
			h := v.entropyAt(p)
			out[p].EntropyBits = &h
		}
	}
	return out
}

func (v *view) entropyAt(p int) float64 {
	counts := make([]int, 256)
	for _, pw := range v.pw {
		counts[pw[p]]++
	}
	return math.Min(entropy(counts), v.bitsOf([]int{p}))
}

// structure is what the passwords of a batch look like inside.
type structure struct {
	bits  float64
	basis string
	words string // what was found, empty if nothing
	notes []string
}

// inside estimates the guesses needed for the passwords of the sample.
func (f *finder) inside() structure {
	if len(f.views) == 0 {
		return f.unshaped()
	}
	// The weakest of the frequent shapes decides: its units are guessable whatever the others are.
	var worst structure
	first := true
	for _, v := range f.views {
		if v.name != "" || len(v.pw)*20 < len(f.rows) && len(v.pw) < 10 {
			continue
		}
		s := structure{bits: v.bits(), basis: fmt.Sprintf("%s that vary, drawn from %d symbols at most", plural(len(v.varying), "character"), classSize(v.all, len(v.pw)))}
		if len(v.pw) >= entropyRows {
			f.measured(v, &s)
		} else if ps := v.probable(); len(ps) > len(v.varying) {
			s.bits = v.bitsOf(v.varying) / math.Max(1, float64(len(v.varying))) * float64(len(ps))
			s.basis = fmt.Sprintf("%s, drawn from %d symbols at most", plural(len(ps), "character"), classSize(v.all, len(v.pw)))
		}
		if first || s.bits < worst.bits {
			worst, first = s, false
		}
	}
	if first {
		worst = f.unshaped()
	}
	f.segmented(&worst)
	return worst
}

// probable gives the positions that a generator fills, as far as few rows tell: all letters and digits, unless so many
// agree in all rows that they must be a common stem.
func (v *view) probable() []int {
	var out []int
	fixed := 0
	for p := range v.length {
		if alnum(v.symbols[p][0]) || len(v.symbols[p]) > 1 {
			out = append(out, p)
			if len(v.symbols[p]) == 1 {
				fixed++
			}
		}
	}
	if binomTail(len(out), fixed, math.Pow(10, -float64(len(v.pw)-1))) < testAlpha {
		return v.varying
	}
	return out
}

// weakFew finds the few units whose passwords are shorter or simpler than the others': the estimate for the frequent
// shapes says nothing of them.
func (f *finder) weakFew(s *survey, failBelow float64) (int64, string) {
	var short int64
	length := 0
	for n := 1; n < len(s.lengths) && float64(n)*math.Log2(94) < failBelow; n++ {
		if s.lengths[n] > 0 {
			short += s.lengths[n]
			length = n
		}
	}
	if short > 0 {
		return short, fmt.Sprintf("%d rows have passwords of %s or fewer: at most 2^%.1f guesses whatever their symbols", short, plural(length, "character"), float64(length)*math.Log2(94))
	}
	covered := map[string]bool{}
	for _, v := range f.views {
		if len(v.pw)*20 >= len(f.rows) || len(v.pw) >= 10 {
			covered[shape(v.pw[0])] = true
		}
	}
	var rows int64
	least := failBelow
	for _, r := range f.rows {
		if covered[shape(r.Password)] {
			continue
		}
		var set symbols
		free := alnumText(r.Password)
		for i := range len(free) {
			set.add(free[i])
		}
		if len(free) == 0 || len(free) < len(r.Password)/2 {
			continue
		}
		if bits := float64(len(free)) * math.Log2(math.Max(10, float64(classSize(set.sorted(), 2)))); bits < failBelow {
			rows++
			least = math.Min(least, bits)
		}
	}
	return rows, fmt.Sprintf("%d of the rows looked at have passwords of an unusual shape that need at most 2^%.1f guesses", rows, least)
}

// unshaped bounds passwords that have no shape in common.
func (f *finder) unshaped() structure {
	s := structure{bits: math.Inf(1), basis: "length and classes of the shortest password"}
	for _, r := range f.rows {
		var set symbols
		for i := range len(r.Password) {
			set.add(r.Password[i])
		}
		s.bits = math.Min(s.bits, float64(len(r.Password))*math.Log2(math.Max(10, float64(classSize(set.sorted(), 2)))))
	}
	if math.IsInf(s.bits, 1) {
		s.bits = 0
	}
	return s
}

// measured lowers the estimate by the entropy of each position and by the dependence between neighbours.
func (f *finder) measured(v *view, s *structure) {
	sum, n := 0.0, len(v.pw)
	for _, p := range v.varying {
		sum += v.entropyAt(p)
	}
	lost, worst := 0.0, 0.0
	for i := 1; i < len(v.varying); i++ {
		a, b := v.varying[i-1], v.varying[i]
		ids := make([]byte, n)
		for k, pw := range v.pw {
			ids[k] = pw[a]
		}
		f.tried++
		if z := chiPair(ids, v, b); z > dependZ {
			worst = math.Max(worst, z)
			lost += v.mutual(a, b)
		}
	}
	if sum < s.bits-0.5 {
		s.bits, s.basis = sum, fmt.Sprintf("entropy of each position over %d rows (Miller-Madow)", n)
	}
	if worst > 0 {
		s.bits -= lost
		s.notes = append(s.notes, fmt.Sprintf("neighbouring characters depend on each other (chi-square deviate %.1f), which takes off about %.1f bits", worst, lost))
	}
	for _, p := range v.varying {
		if note := v.bias(p); note != "" {
			s.notes = append(s.notes, note)
			break
		}
	}
}

// mutual estimates the information that two positions share, with the Miller-Madow correction.
func (v *view) mutual(a, b int) float64 {
	joint := map[[2]byte]int{}
	for _, pw := range v.pw {
		joint[[2]byte{pw[a], pw[b]}]++
	}
	counts := make([]int, 0, len(joint))
	for _, c := range joint {
		counts = append(counts, c)
	}
	return math.Max(0, v.entropyAt(a)+v.entropyAt(b)-entropy(counts))
}

// bias notices that the first symbols of the alphabet are drawn more often, as when a byte is reduced modulo its size.
// It is a note and no failure.
func (v *view) bias(int) string {
	orders := class(v.all)
	if len(v.pw) < 300 || orders == nil {
		return ""
	}
	a := v.all
	n := len(a)
	extra := 256 % n
	if extra == 0 || n < 20 {
		return ""
	}
	first, total := 0, 0
	for _, p := range v.varying {
		if len(v.symbols[p])*2 < n {
			continue
		}
		for _, pw := range v.pw {
			total++
			if strings.IndexByte(a, pw[p]) < extra {
				first++
			}
		}
	}
	if total == 0 {
		return ""
	}
	even := float64(extra) / float64(n)
	skew := float64(extra*(256/n+1)) / 256
	z := (float64(first) - even*float64(total)) / math.Sqrt(even*(1-even)*float64(total))
	near := math.Abs(float64(first)/float64(total)-skew) < math.Abs(float64(first)/float64(total)-even)
	if z > 6 && near {
		return fmt.Sprintf("the first %d of %d symbols occur more often, as when bytes are reduced modulo %d: draw again instead (no failure)", extra, n, n)
	}
	return ""
}

// segmented looks for words, numbers, dates and runs. What random passwords of the same symbols would show is measured by
// dealing the characters of each position out anew.
func (f *finder) segmented(s *structure) {
	rows := f.rows[:min(len(f.rows), 400)]
	if len(rows) < 2 {
		return
	}
	r := rand.New(rand.NewPCG(1, uint64(len(rows)))) // fixed, so that the same batch gives the same verdict
	var seen symbols
	for _, row := range rows {
		for i := range len(row.Password) {
			seen.add(row.Password[i])
		}
	}
	alphabet := classSize(seen.sorted(), len(f.rows))
	covered := func(ts []token) (float64, bool) {
		n, letters := 0, 0
		for _, t := range ts {
			if t.kind == tokenWord && len(t.text) >= 4 || t.kind == tokenRun && len(t.text) >= 4 || t.kind == tokenDate && len(t.text) >= 6 {
				letters += len(t.text)
			}
			n += len(t.text)
		}
		return float64(letters) / math.Max(1, float64(n)), letters*2 >= n
	}
	real, cut := make([]float64, len(rows)), make([][]token, len(rows))
	hits := 0
	for i, row := range rows {
		cut[i], real[i] = tokens(row.Password, alphabet)
		if _, ok := covered(cut[i]); ok {
			hits++
		}
	}
	// The null: characters of the same class, drawn anew from all characters of the batch.
	chance, trials := 0, 0
	var pool [3][]byte
	kind := func(c byte) int {
		switch {
		case isDigit(c):
			return 0
		case alnum(c):
			return 1
		}
		return 2
	}
	for _, row := range rows {
		for i := range len(row.Password) {
			k := kind(row.Password[i])
			pool[k] = append(pool[k], row.Password[i])
		}
	}
	for trials < 400 {
		for _, row := range rows {
			b := []byte(row.Password)
			for i, c := range b {
				if p := pool[kind(c)]; kind(c) != 2 {
					b[i] = p[r.IntN(len(p))]
				}
			}
			ts, _ := tokens(string(b), alphabet)
			trials++
			if _, ok := covered(ts); ok {
				chance++
			}
			if trials >= 400 {
				break
			}
		}
	}
	f.tried++
	q := (float64(chance) + 4) / float64(trials)
	if hits < 2 || binomTail(len(rows), hits, q) > testAlpha {
		return
	}
	sort.Float64s(real)
	median := real[len(real)/2]
	if hits*2 < len(rows) {
		// A part of the units: the guesses needed for these.
		median = real[hits/2]
	}
	s.words = fmt.Sprintf("words, dates, runs or repeats make up %d of %d passwords", hits, len(rows))
	if slots := slotBits(cut); slots > 0 && slots < median {
		median = slots
		s.words += "; the words repeat from unit to unit, which shows how few there are"
	}
	if median < s.bits {
		s.bits, s.basis = median, "the pieces that passwords are made of (common words by rank, numbers, dates, runs)"
	}
}

// slotBits estimates the number of passwords that a scheme of slots can give from how often the contents of each slot
// repeat; 0 when passwords have no common scheme or too few repeats to tell.
func slotBits(cut [][]token) float64 {
	scheme := map[string][][]token{}
	for _, ts := range cut {
		scheme[schemeOf(ts)] = append(scheme[schemeOf(ts)], ts)
	}
	best := ""
	for _, k := range sortedKeys(scheme) {
		if len(scheme[k]) > len(scheme[best]) {
			best = k
		}
	}
	group := scheme[best]
	if len(group) < 20 || len(group)*3 < len(cut) {
		return 0
	}
	total := 0.0
	for slot := range group[0] {
		counts := map[string]int{}
		for _, ts := range group {
			counts[strings.ToLower(ts[slot].text)]++
		}
		n, same := float64(len(group)), 0
		for _, c := range counts {
			same += c * (c - 1) / 2
		}
		if same >= 5 {
			total += math.Log2(n * (n - 1) / 2 / float64(same))
		} else {
			total += group[0][slot].bits
		}
	}
	return total
}

func schemeOf(ts []token) string {
	var b strings.Builder
	for _, t := range ts {
		b.WriteByte(byte(t.kind))
		if t.kind != tokenWord {
			fmt.Fprintf(&b, "%d", len(t.text))
		}
	}
	return b.String()
}

// formats lists the shapes of the sample.
func (f *finder) formats() []Format {
	var out []Format
	for _, v := range f.views {
		if v.name != "" {
			continue
		}
		out = append(out, Format{Length: v.length, Classes: alphabetWords(className(v.all)), Rows: len(v.rows), Constant: v.length - len(v.varying)})
	}
	slices.SortStableFunc(out, func(a, b Format) int { return b.Rows - a.Rows })
	return out
}

// className is the natural class of a set, or the set itself when it is larger than any.
func className(set string) string {
	if orders := class(set); orders != nil && len(set) > 0 {
		return orders[0]
	}
	if len(set) > 62 {
		return "printable"
	}
	return set
}
