package password

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Bounds of the search for seeds that no identifier gives.
const (
	smallSeeds  = 1 << 16 // seeds of 16 bits are always tried
	maxWindow   = 1 << 28 // seconds of clock, about eight years
	seedTable   = 1 << 21 // seeds whose passwords are kept to check every row
	seedAnchors = 3
	batchRows   = 1 << 20 // rows of one sequence of draws that are computed
)

// seedChance is the chance below which a seed is believed: the seeds tried, over the space of the passwords, to the power
// of the rows that agree.
const seedChance = 1e-12

// seedWindow is a range of seeds.
type seedWindow struct {
	words    string
	from, to uint64
}

// clockSeeds looks for generators seeded with a small number or with the clock, one seed for each unit or one for the batch.
func (f *finder) clockSeeds(ctx context.Context, goals []*goal) error {
	for _, g := range goals[:min(len(goals), 2)] {
		if len(g.v.rows) < 2 || len(g.positions) < 4 || f.explained(g.v) {
			continue
		}
		for _, w := range f.windowsOfSeeds(g) {
			for gi := range generators[:7] {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				if f.seedOfBatch(ctx, g, &generators[gi], w) || f.seedOfUnit(ctx, g, &generators[gi], w) {
					return ctx.Err()
				}
			}
		}
	}
	return ctx.Err()
}

// windowsOfSeeds gives the ranges to try: small numbers, the clock range of the options, and the days that a column names.
func (f *finder) windowsOfSeeds(g *goal) []seedWindow {
	out := []seedWindow{{"a number below 65536", 0, smallSeeds}}
	if o := f.o; !o.SeedFrom.IsZero() && o.SeedTo.After(o.SeedFrom) {
		from, to := o.SeedFrom.Unix(), o.SeedTo.Unix()
		if from > 0 && to-from <= maxWindow && to < math.MaxUint32 {
			out = append(out, seedWindow{fmt.Sprintf("the clock between %s and %s", o.SeedFrom.UTC().Format(time.DateOnly), o.SeedTo.UTC().Format(time.DateOnly)), uint64(from), uint64(to)})
		}
	}
	for _, d := range f.idents {
		if d.role != RoleDate {
			continue
		}
		first, last := uint64(math.MaxUint64), uint64(0)
		for _, r := range g.v.rows {
			if t, ok := clockOf(r.Values[d.column]); ok {
				first, last = min(first, t), max(last, t)
			}
		}
		if first <= last && first > 86400 && last-first <= 7*86400 {
			out = append(out, seedWindow{"the clock on the days that the " + d.words + " names", first - 86400, last + 2*86400})
		}
	}
	return out
}

// clockOf reads a date or time as seconds since 1970.
func clockOf(s string) (uint64, bool) {
	s = strings.TrimSpace(s)
	if x, err := strconv.ParseUint(s, 10, 64); err == nil {
		switch {
		case x > 1e9 && x < 1<<32:
			return x, true
		case x > 1e12 && x < 1<<42:
			return x / 1000, true
		}
	}
	for _, layout := range []string{time.RFC3339, time.DateTime, time.DateOnly, "2006/01/02", "20060102", "02.01.2006", "2006-01-02T15:04:05", "2006-01-02 15:04"} {
		if t, err := time.Parse(layout, s); err == nil && t.Unix() > 0 {
			return uint64(t.Unix()), true
		}
	}
	return 0, false
}

// seedHit says how one generator's draws become the passwords of a goal.
type seedHit struct {
	seed uint64
	e    encoding
}

// searchSeeds finds the seeds in a window whose first draws give the characters of a row.
func searchSeeds(ctx context.Context, workers int, g *goal, gen *generator, w seedWindow, pw string, limit int) []seedHit {
	var targets []encoding
	var numbers [][]byte
	chars := make([]byte, len(g.positions))
	for i, p := range g.positions {
		chars[i] = pw[p]
	}
	for _, a := range g.alphabets {
		nums := numbersIn(chars, a)
		if nums == nil {
			continue
		}
		for i := range drawStreams {
			targets = append(targets, encoding{stream: &drawStreams[i], n: len(a), step: 1, order: a})
			numbers = append(numbers, nums)
		}
	}
	if len(targets) == 0 {
		return nil
	}
	// Most seeds are settled by whether the first number could begin any target of that alphabet size.
	type start struct {
		n      uint32
		begins [256]bool
	}
	var starts []*start
	for i := range targets {
		k := slices.IndexFunc(starts, func(s *start) bool { return int(s.n) == targets[i].n })
		if k < 0 {
			k = len(starts)
			starts = append(starts, &start{n: uint32(targets[i].n)})
		}
		starts[k].begins[numbers[i][0]] = true
	}
	var mu sync.Mutex // guards hits
	var hits []seedHit
	var wg sync.WaitGroup
	size := (w.to - w.from + uint64(workers) - 1) / uint64(workers)
	for k := range workers {
		from := w.from + uint64(k)*size
		to := min(from+size, w.to)
		wg.Go(func() {
			var first [1]uint32
			draw := make([]uint32, len(g.positions))
			var raw, st []byte
			for seed := from; seed < to; seed++ {
				if seed&0xfffff == 0 && ctx.Err() != nil {
					return
				}
				gen.of(seed, first[:])
				possible := uint(0) // streams by bit
				for _, s := range starts {
					for k := range drawStreams {
						if s.begins[firstNumber(k, first[0], s.n)] {
							possible |= 1 << k
						}
					}
				}
				if possible == 0 {
					continue
				}
				for i := range targets {
					k := i % len(drawStreams)
					if possible>>k&1 == 0 || firstNumber(k, first[0], uint32(targets[i].n)) != numbers[i][0] {
						continue
					}
					gen.of(seed, draw)
					raw = raw[:0]
					for _, x := range draw {
						raw = be32(raw, x)
					}
					st = targets[i].stream.of(st[:0], raw, targets[i].n)
					if string(st) == string(numbers[i]) {
						mu.Lock()
						hits = append(hits, seedHit{seed, targets[i]})
						mu.Unlock()
					}
				}
			}
		})
	}
	wg.Wait()
	// One seed is one worker's, which tries the targets in order.
	slices.SortStableFunc(hits, func(a, b seedHit) int { return cmp.Compare(a.seed, b.seed) })
	return hits[:min(len(hits), limit)]
}

// firstNumber is what a stream of drawStreams makes of one draw, without a call through a function value.
func firstNumber(stream int, x, n uint32) byte {
	switch stream {
	case 0:
		return byte(x % n)
	case 1:
		return byte(x >> 16 % n)
	case 2:
		return byte(x >> 16 & 0x7fff % n)
	case 3:
		return byte(uint64(x) * uint64(n) >> 32)
	case 4:
		return byte(uint64(x&0x7fffffff) * uint64(n) >> 31)
	}
	return byte((x >> 16 & 0x7fff) * n >> 15)
}

// perRow is the chance that one row has a seed in the window, for one way to use it.
func (g *goal) perRow(w seedWindow, ways int) float64 {
	return float64(w.to-w.from) * float64(ways) * math.Pow(2, -g.v.bitsOf(g.positions))
}

// seedOfUnit looks for one seed for each unit.
func (f *finder) seedOfUnit(ctx context.Context, g *goal, gen *generator, w seedWindow) bool {
	rows := g.v.rows
	ways := len(drawStreams) * max(1, len(g.alphabets))
	each := g.perRow(w, ways)
	n := min(seedAnchors, len(rows))
	f.tried += int64(w.to - w.from)
	// What few rows cannot decide is not searched: on short passwords every row finds a seed by chance.
	if math.Pow(each, float64(n))*1e3 > seedChance {
		return false
	}
	var common []seedHit
	lo, hi := w.to, w.from
	for i := range n {
		hits := searchSeeds(ctx, f.o.workers(), g, gen, w, rows[i*len(rows)/n].Password, 64)
		if len(hits) == 0 {
			return false
		}
		if i == 0 {
			common = hits
		} else {
			common = slices.DeleteFunc(common, func(a seedHit) bool {
				return !slices.ContainsFunc(hits, func(b seedHit) bool { return a.e.stream == b.e.stream && a.e.order == b.e.order })
			})
		}
		for _, h := range hits {
			lo, hi = min(lo, h.seed), max(hi, h.seed)
		}
	}
	if len(common) == 0 {
		return false
	}
	e := common[0].e
	// Every row is checked against the seeds around those found.
	spread := hi - lo + 1
	from, to := w.from, w.to
	if to-from > seedTable {
		from, to = max(w.from, lo-min(lo, spread)), min(w.to, hi+spread)
		to = min(to, from+seedTable)
	}
	f.add(f.seedRecipe(g, fmt.Sprintf("%s are draws of %s seeded for each unit with %s, %s", f.where(g.positions), gen.name, w.words, e.words()),
		math.Pow(each, float64(n))*1e3, tableOf(g, gen, e, from, to)), g.v, nil)
	return true
}

// seedOfBatch looks for one seed for all units, whose draws run on from unit to unit.
func (f *finder) seedOfBatch(ctx context.Context, g *goal, gen *generator, w seedWindow) bool {
	rows := g.v.rows
	length := len(g.positions)
	ways := len(drawStreams) * max(1, len(g.alphabets))
	if g.perRow(w, ways) > 1e-3 || len(rows) < 3 {
		return false
	}
	done := map[string]bool{}
	for _, o := range f.sequences(g.v) {
		first := rows[o.idx[0]]
		if o.words == "in the order of the file" && len(f.head) > 0 {
			first = f.head[0]
			if len(first.Password) != g.v.length {
				continue
			}
		}
		if done[first.Password] {
			continue
		}
		done[first.Password] = true
		for _, h := range searchSeeds(ctx, f.o.workers(), g, gen, w, first.Password, 8) {
			n := int(min(f.total+f.total/16+64, batchRows))
			draw := make([]uint32, n*length)
			gen.of(h.seed, draw)
			known := map[string]bool{}
			var raw, st []byte
			for i := 0; i+length <= len(draw); i += length {
				raw = raw[:0]
				for _, x := range draw[i : i+length] {
					raw = be32(raw, x)
				}
				st = h.e.stream.of(st[:0], raw, h.e.n)
				for k, x := range st {
					st[k] = h.e.order[x]
				}
				known[string(st)] = true
			}
			hits := 0
			for _, r := range rows {
				if known[charactersAt(r.Password, g.positions)] {
					hits++
				}
			}
			chance := g.perRow(w, ways) * binomTail(len(rows), hits, math.Min(0.5, float64(n)*math.Pow(2, -g.v.bitsOf(g.positions))))
			if hits >= 3 && chance < seedChance {
				f.add(f.seedRecipe(g, fmt.Sprintf("%s are draws of %s, seeded once with %d, one unit after another %s, %s", f.where(g.positions), gen.name, h.seed, o.words, h.e.words()), chance, known), g.v, nil)
				return true
			}
		}
	}
	return false
}

// tableOf computes the passwords of all seeds of a range.
func tableOf(g *goal, gen *generator, e encoding, from, to uint64) map[string]bool {
	known := make(map[string]bool, to-from)
	draw := make([]uint32, len(g.positions))
	var raw, st []byte
	for seed := from; seed < to; seed++ {
		gen.of(seed, draw)
		raw = raw[:0]
		for _, x := range draw {
			raw = be32(raw, x)
		}
		st = e.stream.of(st[:0], raw, e.n)
		for k, x := range st {
			st[k] = e.order[x]
		}
		known[string(st)] = true
	}
	return known
}

func (f *finder) seedRecipe(g *goal, words string, chance float64, known map[string]bool) *Recipe {
	length, positions := g.v.length, g.positions
	return &Recipe{
		Words: words, Limb: "derived", Test: "seed", Chance: chance, Positions: positions, RemainingBits: g.v.bitsOf(g.v.without(positions)),
		apply: func(r *Row) (string, bool) {
			return blank(length), len(r.Password) == length && known[charactersAt(r.Password, positions)]
		},
	}
}

// charactersAt picks characters of a password.
func charactersAt(pw string, positions []int) string {
	b := make([]byte, len(positions))
	for i, p := range positions {
		b[i] = pw[p]
	}
	return string(b)
}
