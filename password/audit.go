package password

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Rows from which a limb can pass: with fewer its tests lack the power to see.
const (
	uniqueRows      = 10
	incrementalRows = 10
	publicRows      = 10
)

// Audit judges a batch. It reads it once, and a second time when there is something to confirm on every row. The error
// says what is wrong with the batch or the machine; what is wrong with the passwords is in the report.
func Audit(ctx context.Context, b *Batch, o Options) (*Report, error) {
	return auditForeseeing(ctx, b, o, foresee(ctx, b, &o))
}

// auditForeseeing is Audit with a guess of what it will find. The guess saves a reading if it is right, and changes nothing.
func auditForeseeing(ctx context.Context, b *Batch, o Options, guess *construction) (*Report, error) {
	s, err := take(ctx, b, &o, guess)
	if err != nil {
		return nil, err
	}
	if s.rows == 0 {
		return nil, fmt.Errorf("%w: %s has a header but no rows", ErrInput, b.Name)
	}
	f := &finder{o: &o, columns: b.Columns, total: s.rows, idents: primary(b.Columns), rows: distinct(s.sample), head: distinct(s.head)}
	f.views = views(f.rows, f.idents)
	if err := f.searchBeside(ctx, func(ctx context.Context) error { return s.settle(ctx, b, &o) }); err != nil {
		return nil, err
	}
	c, err := verify(ctx, b, &o, s, f.recipes)
	if err != nil {
		return nil, err
	}
	for i, r := range f.recipes {
		r.Rows, r.Of = c.agreed[i], s.rows
	}
	slices.SortStableFunc(f.recipes, func(a, b *Recipe) int {
		return cmp.Or(cmp.Compare(b.Rows, a.Rows), cmp.Compare(a.RemainingBits, b.RemainingBits))
	})
	rep := &Report{Rows: s.rows, Batch: b.Name, Columns: b.Columns, Sampled: len(s.sample), FalseAlarm: falseAlarm, Declared: o.Declared}
	in := f.inside()
	rep.Guesses = thresholds(&o, b)
	rep.Guesses.Bits, rep.Guesses.Basis = math.Round(in.bits*10)/10, in.basis
	rep.Formats = f.formats()
	rep.Positions = f.picture()
	f.judgeUnique(rep, s, c)
	f.judgeIncremental(rep)
	f.judgePublic(rep, s)
	f.judgeDerived(rep, c)
	f.judgeGuessable(rep, s, in)
	rep.Tried = f.tried
	rep.Power = f.power(s.rows)
	rep.Verdict = rep.Limbs.Overall()
	return rep, nil
}

// searchBeside runs all tests on the sample, and something else at the same time, since the first tests leave processors
// idle. The search ends early if that fails.
func (f *finder) searchBeside(ctx context.Context, other func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		err := other(ctx)
		if err != nil {
			cancel()
		}
		done <- err
	}()
	err := f.search(ctx)
	if otherErr := <-done; otherErr != nil {
		return otherErr
	}
	return err
}

// search runs all tests on the sample.
func (f *finder) search(ctx context.Context) error {
	if len(f.rows) == 0 {
		return nil
	}
	f.statistics()
	f.texts()
	return f.constructions(ctx)
}

// statistics runs the tests that look at rows only.
func (f *finder) statistics() {
	for _, v := range f.views {
		f.counters(v)
		f.copies(v)
		f.affine(v)
		if v.name == "" {
			f.dependence(v)
			f.rankCorrelation(v)
			f.linear(v)
		}
	}
	if f.total > int64(len(f.rows)) && len(f.head) > 1 {
		// A sample of a large batch has gaps; the first rows as they stand have none.
		for _, v := range views(f.head, f.idents) {
			if v.name == "" {
				f.counters(v)
				f.affine(v)
			}
		}
	}
	f.substrings()
	f.overlaps()
}

// distinct keeps the first row of each password.
func distinct(rows []*Row) []*Row {
	seen := make(map[string]bool, len(rows))
	var out []*Row
	for _, r := range rows {
		if !seen[r.Password] {
			seen[r.Password] = true
			out = append(out, r)
		}
	}
	return out
}

// text shows a password, masked unless asked for.
func (f *finder) text(pw string) string {
	if f.o.Show {
		return pw
	}
	return mask(pw)
}

const maxExamples = 10

// judgeUnique states duplicates, each confirmed character by character.
func (f *finder) judgeUnique(rep *Report, s *survey, c *check) {
	l := &rep.Limbs.Unique
	var rows int64
	groups := 0
	for _, t := range c.same {
		for pw, numbers := range t.text {
			if len(numbers) >= 2 {
				groups++
				l.Examples = append(l.Examples, Example{Rows: numbers, Text: f.text(pw), Note: "the same password"})
			}
		}
		rows += t.rows
	}
	if groups > 0 {
		what := fmt.Sprintf("%d rows share their password with another", rows)
		if s.same.hashes > int64(len(s.same.list)) {
			rows = s.same.rows
			what = fmt.Sprintf("about %d rows share their password with another (the first %d confirmed exactly)", rows, len(s.same.list))
		}
		n := float64(s.rows)
		space := ""
		if groups >= 3 && float64(rows) < n/2 {
			space = fmt.Sprintf("; so many repeats fit a generator of about %.3g passwords", n*(n-1)/(2*float64(max(int64(groups), s.same.hashes))))
		}
		l.worsen(Fail, what+space)
		l.Rows = rows
	}
	slices.SortFunc(l.Examples, byFirstRow)
	l.Examples = l.Examples[:min(len(l.Examples), maxExamples)]
	if s.emptyRows > 0 {
		l.worsen(Fail, fmt.Sprintf("%d rows have no password", s.emptyRows))
		l.Rows += s.emptyRows
		l.Examples = append(l.Examples, Example{Rows: s.empty, Text: "", Note: "empty password"})
	}
	alike := 0
	var near []Example
	for _, t := range c.alike {
		if len(t.text) < 2 {
			continue
		}
		alike++
		var numbers []int64
		for _, first := range t.text {
			numbers = append(numbers, first[0])
		}
		near = append(near, Example{Rows: lowest(numbers, twinRows), Text: f.text(firstKey(t.text)), Note: "the same but for case or look-alikes"})
	}
	if alike > 0 {
		slices.SortFunc(near, byFirstRow)
		l.Examples = append(l.Examples, near[:min(len(near), 3)]...)
		l.Remarks = append(l.Remarks, fmt.Sprintf("%d groups of passwords differ only by case or look-alike symbols (no failure: they are different passwords)", alike))
	}
	if l.Verdict == "" {
		if s.rows < uniqueRows {
			l.worsen(Inconclusive, fmt.Sprintf("no two of %d rows share a password; that few units cannot show a small pool", s.rows))
			l.Wanted = append(l.Wanted, fmt.Sprintf("the passwords of at least %d units, better of the whole batch", uniqueRows))
		} else {
			l.worsen(Pass, fmt.Sprintf("no two of %d rows share a password", s.rows))
		}
	}
}

func firstKey(m map[string][]int64) string { return sortedKeys(m)[0] }

// judgeIncremental states counters.
func (f *finder) judgeIncremental(rep *Report) {
	l := &rep.Limbs.Incremental
	f.recipesInto(l, "incremental", 0)
	if l.Verdict != "" {
		return
	}
	switch n := len(f.rows); {
	case n < incrementalRows && rep.Limbs.Unique.Verdict != Fail:
		l.worsen(Inconclusive, fmt.Sprintf("no counter seen in %s; so few cannot rule one out", plural(n, "different password")))
		l.Wanted = append(l.Wanted, fmt.Sprintf("the passwords of at least %d units, best made one after the other", incrementalRows))
	case n < 2:
		l.worsen(Inconclusive, "all units have the same password: nothing to compare")
	default:
		l.worsen(Pass, fmt.Sprintf("no counter, common stem or sequence in %s, in any order of rows or identifiers tried", plural(n, "different password")))
	}
}

// recipesInto moves the recipes of a limb into it, with an example each. A recipe that leaves at least enough bits to
// guess does not fail the limb by itself.
func (f *finder) recipesInto(l *Limb, limb string, enough float64) {
	for _, r := range f.recipes {
		if r.Limb != limb {
			continue
		}
		l.Recipes = append(l.Recipes, r)
		note := fmt.Sprintf("%s: %d of %d rows", r.Words, r.Rows, r.Of)
		if enough > 0 && r.Test == "copy" && r.RemainingBits >= enough {
			l.worsen(Inconclusive, note+fmt.Sprintf("; about %.0f bits are left beside it", r.RemainingBits))
			continue
		}
		l.worsen(Fail, note)
		l.Rows = max(l.Rows, r.Rows)
		if e, ok := f.example(r); ok && len(l.Examples) < maxExamples {
			l.Examples = append(l.Examples, e)
		}
	}
}

// example shows the first rows of the sample that agree with a recipe.
func (f *finder) example(r *Recipe) (Example, bool) {
	e := Example{Note: r.Test}
	for _, row := range append(f.rows[:len(f.rows):len(f.rows)], f.head...) {
		if _, ok := r.apply(row); ok && !slices.Contains(e.Rows, row.Number) {
			if e.Rows = append(e.Rows, row.Number); len(e.Rows) == 1 {
				e.Text = f.text(row.Password)
			} else if len(e.Rows) == 5 {
				break
			}
		}
	}
	return e, len(e.Rows) > 0
}

// judgePublic states published and public texts.
func (f *finder) judgePublic(rep *Report, s *survey) {
	l := &rep.Limbs.Public
	if s.listed > 0 {
		// A password drawn at random may stand on a list by accident: as often as the list is dense in its space.
		chance := 1.0
		if s.listed >= 1 {
			chance = poissonTail(int(s.listed), f.listedByChance(s.rows))
		}
		if chance < testAlpha {
			l.worsen(Fail, fmt.Sprintf("%d rows have a password that is published as a default", s.listed))
			l.Rows = s.listed
		} else {
			l.Remarks = append(l.Remarks, fmt.Sprintf("%d rows have a password that is also published as a default, as many as chance gives in so small a space", s.listed))
		}
		for _, pw := range sortedKeys(s.published) {
			if len(l.Examples) < maxExamples {
				l.Examples = append(l.Examples, Example{Rows: s.published[pw], Text: f.text(pw), Note: "published default"})
			}
		}
	}
	f.recipesInto(l, "public", 0)
	for _, r := range f.recipes {
		if r.Limb == "derived" && strings.Contains(r.Words, "SSID") && r.RemainingBits < rep.Guesses.PassFromBits {
			l.worsen(Fail, fmt.Sprintf("the SSID is broadcast, and %s: %d of %d rows", r.Words, r.Rows, r.Of))
			l.Rows = max(l.Rows, r.Rows)
			break
		}
	}
	if l.Verdict != "" {
		return
	}
	source := f.o.PublishedSource
	if source == "" {
		source = "the list given"
	}
	switch {
	case len(f.o.Published) == 0:
		l.worsen(Inconclusive, "no list of published defaults was given")
		l.Wanted = append(l.Wanted, "a list of published default passwords")
	case s.rows < publicRows && len(f.rows) < publicRows:
		l.worsen(Inconclusive, fmt.Sprintf("none of %d rows is published (%s) or holds a public text; more units are wanted", s.rows, source))
		l.Wanted = append(l.Wanted, fmt.Sprintf("the passwords of at least %d units", publicRows))
	default:
		l.worsen(Pass, fmt.Sprintf("none of %d rows is published (%s, %d entries), and no brand, model or SSID makes up a password", s.rows, source, len(f.o.Published)))
	}
}

// listedByChance is how many rows a random generator of these shapes would draw from the published list.
func (f *finder) listedByChance(rows int64) float64 {
	if len(f.views) == 0 || len(f.rows) == 0 {
		return 0
	}
	expect := 0.0
	for _, v := range f.views {
		if v.name != "" {
			continue
		}
		fit := map[string]bool{}
		for _, s := range f.o.Published {
			if len(s) != v.length {
				continue
			}
			ok := true
			for i := range len(s) {
				if c := lower(s[i]); len(v.symbols[i]) == 1 && lower(v.symbols[i][0]) != c || len(v.symbols[i]) > 1 && !within(string(c), strings.ToLower(className(v.all))) {
					ok = false
					break
				}
			}
			if ok {
				fit[strings.ToLower(s)] = true
			}
		}
		share := float64(len(v.rows)) / float64(len(f.rows))
		expect += float64(rows) * share * float64(len(fit)) / math.Pow(2, v.bits())
	}
	return expect
}

// judgeDerived states derivations. Without one only a declared mechanism lets the limb pass.
func (f *finder) judgeDerived(rep *Report, c *check) {
	l := &rep.Limbs.Derived
	f.recipesInto(l, "derived", rep.Guesses.PassFromBits)
	l.Remarks = append(l.Remarks, f.remarks...)
	d := f.o.Declared
	if d != nil && d.Mechanism == MechanismUnkeyed {
		l.worsen(Fail, "the declared mechanism computes passwords without a secret key: "+d.Construction)
	}
	if d != nil && len(c.wrong) > 0 {
		l.worsen(Fail, fmt.Sprintf("the declared construction does not give the passwords of %d of the rows that were computed anew", len(c.wrong)))
		l.Examples = append(l.Examples, Example{Rows: c.wrong[:min(len(c.wrong), listedRows)], Note: "computed anew and different"})
	}
	if l.Verdict == Fail {
		return
	}
	silent := fmt.Sprintf("no derivation shown by these tests at %d rows (%d constructions tried)", rep.Rows, f.tried)
	switch missing := missingOf(d, c, rep.Rows); {
	case d == nil:
		l.worsen(Inconclusive, silent+"; silence does not prove the generator")
		l.Wanted = append(l.Wanted, "the declared mechanism: construction, key custody, and for a keyed one rows of the laboratory's choice computed anew")
	case missing != "":
		l.worsen(Inconclusive, silent+"; the declaration is incomplete")
		l.Wanted = append(l.Wanted, missing)
	case l.Verdict == "":
		l.worsen(Pass, fmt.Sprintf("%s; declared: %s", silent, d.Construction))
		l.Remarks = append(l.Remarks, "rests on the manufacturer's declaration")
	}
}

// missingOf says what a declaration lacks.
func missingOf(d *Declared, c *check, rows int64) string {
	switch {
	case d == nil:
		return "the declared mechanism"
	case strings.TrimSpace(d.Construction) == "":
		return "a description of the construction or of the random source"
	case d.Mechanism == MechanismRandom:
		return ""
	case d.Mechanism != MechanismKeyed:
		return "the mechanism: random or keyed"
	case strings.TrimSpace(d.KeyCustody) == "":
		return "who holds the key and that no product carries it"
	}
	if need := int(min(int64(MinRecomputed), rows)); c.recomputed < need {
		return fmt.Sprintf("%d rows of the laboratory's choice computed anew by the manufacturer (%d agree so far)", need, c.recomputed)
	}
	return ""
}

// judgeGuessable compares the guesses needed with the thresholds.
func (f *finder) judgeGuessable(rep *Report, s *survey, in structure) {
	l := &rep.Limbs.Guessable
	g := rep.Guesses
	l.Remarks = append(l.Remarks, in.notes...)
	if s.emptyRows > 0 {
		l.worsen(Fail, fmt.Sprintf("%d rows have no password", s.emptyRows))
		l.Examples = append(l.Examples, Example{Rows: s.empty, Text: "", Note: "empty password"})
		l.Rows = s.emptyRows
	}
	if len(f.rows) == 0 {
		return
	}
	figure := fmt.Sprintf("at most 2^%.1f guesses: %s", g.Bits, in.basis)
	if in.words != "" {
		figure += "; " + in.words
	}
	if rows, note := f.weakFew(s, g.FailBelowBits); rows > 0 {
		l.worsen(Fail, note)
		l.Rows = max(l.Rows, rows)
	}
	n := len(f.rows)
	if in.words != "" && g.Attack == AttackUnknown {
		g.FailBelowBits = structureFail
		rep.Guesses.FailBelowBits = structureFail
	}
	switch {
	case s.same.hashes > 0 && n < 2:
		l.worsen(Fail, "all units have the same password: one guess opens them all")
		l.Rows = s.rows
	case g.Bits < g.FailBelowBits && (in.words == "" || n >= 2):
		l.worsen(Fail, figure+"; "+g.ThresholdSource)
		l.Rows = s.rows
		if len(l.Examples) == 0 {
			l.Examples = append(l.Examples, Example{Rows: []int64{f.rows[0].Number}, Text: f.text(f.rows[0].Password)})
		}
	case n < entropyRows:
		l.worsen(Inconclusive, fmt.Sprintf("%s; the entropy of %d rows says nothing", figure, n))
		l.Wanted = append(l.Wanted, fmt.Sprintf("the passwords of at least %d units", entropyRows))
	case g.Bits < g.PassFromBits:
		l.worsen(Inconclusive, figure+"; "+g.ThresholdSource)
		l.Wanted = append(l.Wanted, "whether passwords can be guessed offline (a Wi-Fi key can), and what limits the rate of attempts if not")
	default:
		l.worsen(Pass, figure+"; "+g.ThresholdSource)
	}
}

// picture describes the positions of the most frequent shape.
func (f *finder) picture() []Position {
	if len(f.views) == 0 {
		return nil
	}
	v := f.views[0]
	derived := map[int]float64{}
	for _, r := range f.recipes {
		ps := r.Positions
		if len(ps) == 0 && r.Limb == "derived" {
			ps = v.varying
		}
		if r.Limb == "public" || r.Of == 0 {
			continue
		}
		for _, p := range ps {
			derived[p] = math.Max(derived[p], float64(r.Rows)/float64(r.Of))
		}
	}
	return v.positions(derived)
}
