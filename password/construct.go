package password

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
)

// constructionChance is the chance, corrected for all that was tried, below which a construction is believed.
const constructionChance = 1e-12

// Bounds of the search for constructions.
const (
	learnRows   = 6   // most rows in a group from which a table of symbols is learnt
	learnGroups = 3   // groups tried, so that a foreign row does not hide a construction
	anchorRows  = 8   // rows tried one by one with known alphabets
	confirmRows = 300 // rows on which a candidate is confirmed
)

// producer computes bytes from a row: a digest of a message, or the draws of a seeded generator.
type producer struct {
	words   string
	of      func(dst []byte, r *Row) []byte
	streams []stream
	usual   bool
	// alone tells that the bytes come from the identifier in a column and nothing else, as the words say.
	alone  bool
	column int
	// keeping makes a form of the function above that keeps what it needs from row to row, for one goroutine; nil if
	// there is nothing to keep.
	keeping func() func(dst []byte, r *Row) []byte
	// md5Of makes, for one goroutine, the function that gives the text whose MD5 the bytes are, empty where a row lacks
	// the identifier; nil if the bytes are no MD5.
	md5Of func() func(dst []byte, r *Row) []byte
}

// maker is the producer's function for one goroutine.
func (p *producer) maker() func(dst []byte, r *Row) []byte {
	if p.keeping != nil {
		return p.keeping()
	}
	return p.of
}

// goal is what a construction should give: some characters of the passwords of a view.
type goal struct {
	v         *view
	positions []int
	alphabets []string
	sizes     []int // moduli tried when the alphabet's order is learnt
}

// goals chooses the characters that a construction may give: all that vary, and those that no copy explains.
func (f *finder) goals() []*goal {
	var out []*goal
	extra := alphabetsAmong(f.o.Constants)
	groups := map[string][]*Row{}
	for _, r := range f.rows {
		if len(r.Password) <= maxPassword {
			groups[shape(r.Password)] = append(groups[shape(r.Password)], r)
		}
	}
	keys := sortedKeys(groups)
	slices.SortStableFunc(keys, func(a, b string) int { return len(groups[b]) - len(groups[a]) })
	for _, k := range keys[:min(len(keys), maxShapes)] {
		g := groups[k]
		if len(g) < 2 && len(f.rows) > 50 {
			continue
		}
		v := newView("", g, f.idents)
		if f.explained(v) {
			continue
		}
		from, to := 0, v.length-1
		if len(v.varying) > 0 {
			from, to = v.varying[0], v.varying[len(v.varying)-1]
		}
		add := func(ps []int) {
			if len(ps) < 4 {
				return
			}
			for _, o := range out {
				if o.v == v && slices.Equal(o.positions, ps) {
					return
				}
			}
			var set symbols
			for _, p := range ps {
				for i := range len(v.symbols[p]) {
					set.add(v.symbols[p][i])
				}
			}
			seen := set.sorted()
			holds := func(a string) bool {
				hits, step := 0, max(1, len(g)/200)
				n := 0
				for i := 0; i < len(g); i += step {
					if n++; within(charactersAt(g[i].Password, ps), a) {
						hits++
					}
				}
				return n >= 8 && 4*hits >= n
			}
			out = append(out, &goal{v, ps, knownAlphabets(seen, len(g)*len(ps), holds, extra), moduli(seen, len(g)*len(ps))})
		}
		var span, free []int
		for p := from; p <= to; p++ {
			if alnum(v.symbols[p][0]) || len(v.symbols[p]) > 1 {
				span = append(span, p)
			}
		}
		for _, r := range f.recipes {
			if r.Test == "copy" && r.Of == int64(len(v.rows)) {
				free = v.without(r.Positions)
			}
		}
		add(span)
		add(free)
	}
	return out
}

// halves gives the first and the last characters of the largest goals, where nothing was found for the whole.
func (f *finder) halves(goals []*goal) []*goal {
	var out []*goal
	for _, g := range goals[:min(len(goals), 2)] {
		n := len(g.positions)
		found := slices.ContainsFunc(f.recipes, func(r *Recipe) bool { return r.Test == "construction" })
		if n < 9 || len(g.v.rows) < 4 || found {
			continue
		}
		out = append(out,
			&goal{g.v, g.positions[:(n+1)/2], g.alphabets, g.sizes},
			&goal{g.v, g.positions[n/2:], g.alphabets, g.sizes})
	}
	return out
}

// moduli gives the sizes of alphabets from which the seen symbols may come: as many as were seen, the natural class (of
// which some symbols may have been replaced), and others that so many characters do not rule out.
func moduli(seen string, characters int) []int {
	out := []int{len(seen)}
	add := func(n int, sure bool) {
		if n >= len(seen) && n <= 64 && !slices.Contains(out, n) && (sure || unseenChance(len(seen), n, characters) > 1e-9) {
			out = append(out, n)
		}
	}
	if orders := class(seen); orders != nil {
		add(len(orders[0]), true)
	}
	for _, n := range []int{10, 26, 30, 31, 32, 33, 34, 36, 56, 57, 58, 62, 64} {
		add(n, false)
	}
	return slices.DeleteFunc(out, func(n int) bool { return n < 2 || n > 64 })
}

// alphabetsAmong finds constants that list symbols without repeating any.
func alphabetsAmong(constants [][]byte) []string {
	var out []string
	for _, c := range constants {
		if len(c) < 10 || len(c) > 64 || len(out) >= 8 {
			continue
		}
		var set symbols
		ok := true
		for _, b := range c {
			ok = ok && !set.has(b) && b > ' ' && b < 127
			set.add(b)
		}
		if ok {
			out = append(out, string(c))
		}
	}
	return out
}

// constructions searches for unkeyed digests, for digests and keyed hashes with candidate salts, and for seeded generators.
func (f *finder) constructions(ctx context.Context) error {
	if len(f.rows) == 1 && f.total > 1 {
		return ctx.Err() // one password for many units follows from nothing that differs between them
	}
	goals := f.goals()
	if len(goals) == 0 || len(f.idents) == 0 {
		return ctx.Err()
	}
	all, usual := f.messages()
	ps := append(producersOf(all), f.seeded()...)
	for _, g := range goals {
		if f.explained(g.v) { // by the goal before
			continue
		}
		if err := f.searchGoal(ctx, g, ps); err != nil {
			return err
		}
	}
	// A digest may fill only a part of the password, beside random or constant characters.
	usualOnly := slices.DeleteFunc(slices.Clone(ps), func(p producer) bool { return !p.usual })
	for _, g := range f.halves(goals) {
		if err := f.searchGoal(ctx, g, usualOnly); err != nil {
			return err
		}
	}
	if err := f.salted(ctx, goals, usual); err != nil {
		return err
	}
	return f.clockSeeds(ctx, goals)
}

// producersOf gives the digests of messages.
func producersOf(all []message) []producer {
	var ps []producer
	for _, m := range all {
		for k, d := range digests {
			streams := digestStreams
			if k >= 4 {
				streams = digestStreams[:usualStreams]
			}
			if !m.rare || k < 4 || d.name == "the hexadecimal text of MD5" {
				p := producer{words: d.name + " of the " + m.words, of: digestOf(d, m), streams: streams, usual: !m.rare && k < 3, alone: m.alone, column: m.column}
				p.keeping = func() func([]byte, *Row) []byte { return digestKeeping(d, m) }
				if k == 0 {
					p.md5Of = func() func([]byte, *Row) []byte { return m.of }
				}
				ps = append(ps, p)
			}
		}
	}
	return ps
}

func digestOf(d digest, m message) func(dst []byte, r *Row) []byte {
	return func(dst []byte, r *Row) []byte {
		var buf [128]byte
		msg := m.of(buf[:0], r)
		if len(msg) == 0 {
			return dst
		}
		return d.of(dst, msg)
	}
}

// digestKeeping is digestOf for one goroutine: it keeps its buffer.
func digestKeeping(d digest, m message) func(dst []byte, r *Row) []byte {
	var msg []byte
	return func(dst []byte, r *Row) []byte {
		if msg = m.of(msg[:0], r); len(msg) == 0 {
			return dst
		}
		return d.of(dst, msg)
	}
}

// searchGoal tries every producer on one goal, spread over the workers.
func (f *finder) searchGoal(ctx context.Context, g *goal, ps []producer) error {
	type hit struct {
		p int
		e encoding
	}
	before := f.tried
	tried := search(ctx, f.o.workers(), len(ps), 64, func() func(from, to int) ([]hit, int64) {
		m := newMatcher(g)
		return func(from, to int) (hits []hit, tried int64) {
			before := m.tried
			for i := from; i < to; i++ {
				for _, e := range m.match(&ps[i]) {
					hits = append(hits, hit{i, e})
				}
			}
			return hits, m.tried - before
		}
	}, func(h hit, tried int64) bool {
		f.tried = before + tried
		return f.confirm(g, &ps[h.p], h.e)
	})
	f.tried = before + tried
	return ctx.Err()
}

// confirm checks a candidate on many rows, learns its table of symbols from them, and keeps it if chance cannot explain it.
func (f *finder) confirm(g *goal, p *producer, e encoding) bool {
	rows := g.v.rows
	step := max(1, len(rows)/confirmRows)
	var counts [256][256]uint16
	var nums [][]byte
	var pws []string
	var buf, out []byte
	for i := 0; i < len(rows); i += step {
		out = p.of(out[:0], rows[i])
		n, b, ok := e.numbers(buf, out, len(g.positions))
		if buf = b; !ok {
			continue
		}
		nums, pws = append(nums, n), append(pws, rows[i].Password)
		for k, x := range n {
			counts[x][rows[i].Password[g.positions[k]]]++
		}
	}
	if e.order == "" {
		for x := range counts {
			most := uint16(0)
			for c, k := range counts[x] {
				if k > most {
					most, e.symbol[x] = k, byte(c)
				}
			}
		}
		for _, a := range g.alphabets {
			same := len(a) >= e.n
			for x := range min(e.n, len(a)) {
				same = same && (e.symbol[x] == 0 || e.symbol[x] == a[x])
			}
			if same {
				e.order = a
				break
			}
		}
	}
	if e.order != "" {
		for x := range len(e.order) {
			e.symbol[x] = e.order[x]
		}
	}
	// The table of a random batch fits the rows it was learnt from, so each of its entries is paid for with one agreement.
	hits, checks := 0, 0
	var used [256]bool
	for i, n := range nums {
		ok := true
		for k, x := range n {
			ok = ok && e.symbol[x] == pws[i][g.positions[k]]
		}
		if ok {
			hits++
			for _, x := range n {
				checks++
				used[x] = true
			}
		}
	}
	if e.order == "" {
		for _, u := range used {
			if u {
				checks--
			}
		}
	}
	q := math.Pow(2, -g.v.bitsOf(g.positions)/float64(max(1, len(g.positions))))
	if len(g.v.rows) == 1 {
		q = 1 / float64(max(10, e.n))
	}
	logChance := math.Log(float64(f.tried+1)*1e3) + float64(checks)*math.Log(math.Max(q, 0.01))
	if hits < len(nums) {
		// Foreign rows: which rows agree is one more choice.
		logChance += float64(hits) * math.Log(math.E*float64(len(nums))/math.Max(1, float64(hits)))
	}
	if hits == 0 || logChance > math.Log(constructionChance) {
		return false
	}
	positions := g.positions
	length := g.v.length
	constant := []byte(g.v.pw[0])
	for q := range constant {
		if len(g.v.symbols[q]) > 1 {
			constant[q] = '?'
		}
	}
	whole := len(g.v.without(positions)) == 0
	c := &construction{p: p, e: e, positions: positions, length: length}
	if whole && strings.Trim(string(constant), "?") != "" {
		c.constant = string(constant)
	}
	f.add(&Recipe{
		made:  c,
		Words: fmt.Sprintf("%s are %s, %s", f.where(positions), p.words, e.words()),
		Limb:  "derived", Test: "construction", Chance: math.Exp(logChance), Positions: positions, RemainingBits: g.v.bitsOf(g.v.without(positions)),
		apply: func(r *Row) (string, bool) {
			got := []byte(blank(length))
			if whole {
				copy(got, constant)
			}
			n, _, ok := e.numbers(nil, p.of(nil, r), len(positions))
			if !ok {
				return string(got), false
			}
			for k, x := range n {
				if got[positions[k]] = e.symbol[x]; e.symbol[x] == 0 {
					got[positions[k]] = '*'
				}
			}
			return string(got), agree(string(got), r.Password, false)
		},
	}, g.v, positions)
	return true
}
