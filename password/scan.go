package password

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/zeebo/xxh3"
)

// Sizes of what the first pass keeps.
const (
	sampleDefault = 5000
	headRows      = 1000 // the first rows as they stand, for tests that follow the order of the file
	listedRows    = 8    // row numbers kept of a finding
)

// survey is what the first pass over a batch learns.
type survey struct {
	rows      int64
	empty     []int64
	emptyRows int64
	folds     *repeats // the hashes of all passwords, folded, until they are settled
	same      repeated // exact duplicates, by hash
	alike     repeated // duplicates after folding, by hash; exact ones are among them
	published map[string][]int64
	listed    int64
	lengths   [65]int64 // the last counts all longer ones
	sample    []*Row    // a sample that does not depend on the order of rows
	head      []*Row
	foreseen  *construction // the guess, if it held in most rows of every worker
	agreed    int64         // rows that agree with it
}

// surveyor is one worker of the first pass.
type surveyor struct {
	survey
	folded []byte
	cut    uint64 // rows with a larger key are not sampled
	pool   []sampled
	guess  *foreseen // nil if there is none
}

type sampled struct {
	key uint64
	row *Row
}

// publishedList answers whether a password is published.
type publishedList struct {
	fold  map[uint64]struct{}
	exact map[string]bool
	sieve [1 << 10]uint64 // bits by hash, so that most rows need no look-up
}

func newPublished(list []string) *publishedList {
	p := &publishedList{fold: map[uint64]struct{}{}, exact: map[string]bool{}}
	for _, s := range list {
		if s == "" {
			continue
		}
		h := xxh3.Hash(fold(nil, []byte(s)))
		p.fold[h] = struct{}{}
		p.sieve[h>>6&1023] |= 1 << (h & 63)
		p.exact[strings.ToLower(s)] = true
	}
	return p
}

func (p *publishedList) has(h uint64, pw []byte) bool {
	if p.sieve[h>>6&1023]>>(h&63)&1 == 0 {
		return false
	}
	if _, ok := p.fold[h]; !ok {
		return false
	}
	return p.exact[strings.ToLower(string(pw))]
}

// take looks at every row once: duplicates, empty and published passwords, and a sample. It keeps the hashes of the
// passwords for settle, which must follow.
func take(ctx context.Context, b *Batch, o *Options, guess *construction) (*survey, error) {
	size := o.SampleRows
	if size <= 0 {
		size = sampleDefault
	}
	folds := o.repeats()
	out, err := takeWith(ctx, b, o, size, folds, guess)
	if err != nil {
		return nil, errors.Join(err, folds.close())
	}
	out.folds = folds
	return out, nil
}

// settle finds the repeated passwords among the hashes that take kept. It reads the batch again only if there are any.
func (s *survey) settle(ctx context.Context, b *Batch, o *Options) error {
	var err error
	folds := s.folds
	s.folds = nil // they are large, and nobody needs them any more
	s.alike, err = folds.find()
	if err = errors.Join(err, folds.close()); err != nil || s.alike.hashes == 0 {
		return err
	}
	same := o.repeats()
	s.same, err = exactRepeats(ctx, b, o, same, &s.alike)
	return errors.Join(err, same.close())
}

// exactRepeats finds the equal passwords among those that are equal after folding. It reads the batch once more, which
// costs less than keeping a second hash of every row.
func exactRepeats(ctx context.Context, b *Batch, o *Options, same *repeats, alike *repeated) (repeated, error) {
	among := newSieve(alike.list)
	all := alike.hashes > int64(len(alike.list))
	folded := make([][]byte, o.workers())
	_, err := b.scan(ctx, o.workers(), o.progress("survey"), func(w int, _ int64, fields [][]byte) error {
		pw := fields[b.password]
		if blankField(pw) {
			return nil
		}
		if !all {
			folded[w] = fold(folded[w][:0], pw)
			if !among.has(xxh3.Hash(folded[w])) {
				return nil
			}
		}
		return same.add(w, xxh3.Hash(pw))
	})
	if err != nil {
		return repeated{}, err
	}
	return same.find()
}

// progress tells of a pass, nil if nobody asked.
func (o *Options) progress(pass string) func(int64) {
	if o.Progress == nil {
		return nil
	}
	return func(n int64) { o.Progress(pass, n) }
}

// blankField tells whether a field holds nothing but white space.
func blankField(f []byte) bool {
	if len(f) > 0 && f[0] > ' ' && f[0] < utf8.RuneSelf {
		return false
	}
	return len(bytes.TrimSpace(f)) == 0
}

func takeWith(ctx context.Context, b *Batch, o *Options, size int, folds *repeats, guess *construction) (*survey, error) {
	list := newPublished(o.Published)
	ws := make([]*surveyor, o.workers())
	for i := range ws {
		ws[i] = &surveyor{cut: ^uint64(0), guess: b.foreseen(guess), survey: survey{published: map[string][]int64{}}}
	}
	n, err := b.scan(ctx, o.workers(), o.progress("survey"), func(w int, number int64, fields [][]byte) error {
		s := ws[w]
		pw := fields[b.password]
		s.lengths[min(len(pw), len(s.lengths)-1)]++
		if blankField(pw) {
			s.emptyRows++
			s.empty = lowest(append(s.empty, number), listedRows)
			return nil
		}
		if s.guess != nil {
			s.guess.take(number, fields)
		}
		h := xxh3.Hash(pw)
		s.folded = fold(s.folded[:0], pw)
		f := xxh3.Hash(s.folded)
		if err := folds.add(w, f); err != nil {
			return err
		}
		if list.has(f, pw) {
			s.listed++
			if _, ok := s.published[string(pw)]; ok || len(s.published) < 64 {
				s.published[string(pw)] = lowest(append(s.published[string(pw)], number), listedRows)
			}
		}
		if key := h*0xD6E8FEB86659FD93 ^ h>>31; key <= s.cut || number <= headRows {
			r := b.copyRow(number, fields)
			if key <= s.cut {
				s.keep(key, r, size)
			}
			if number <= headRows {
				s.head = append(s.head, r)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := &survey{rows: n, published: map[string][]int64{}, foreseen: guess}
	var pool []sampled
	for _, s := range ws {
		out.emptyRows += s.emptyRows
		out.empty = lowest(append(out.empty, s.empty...), listedRows)
		out.listed += s.listed
		for pw, rows := range s.published {
			out.published[pw] = lowest(append(out.published[pw], rows...), listedRows)
		}
		for i, c := range s.lengths {
			out.lengths[i] += c
		}
		pool = append(pool, s.pool...)
		out.head = append(out.head, s.head...)
		if s.guess != nil && s.guess.lost {
			out.foreseen = nil
		} else if s.guess != nil {
			out.agreed += s.guess.check.agreed()
		}
	}
	for _, x := range lowestKeys(pool, size) {
		out.sample = append(out.sample, x.row)
	}
	byNumber := func(a, b *Row) int { return cmp.Compare(a.Number, b.Number) }
	slices.SortFunc(out.sample, byNumber)
	slices.SortFunc(out.head, byNumber)
	return out, nil
}

// keep puts a row into the sample: the rows with the lowest keys stay.
func (s *surveyor) keep(key uint64, r *Row, size int) {
	if s.pool = append(s.pool, sampled{key, r}); len(s.pool) >= 2*size {
		s.pool = lowestKeys(s.pool, size)
		s.cut = s.pool[len(s.pool)-1].key
	}
}

func lowestKeys(pool []sampled, n int) []sampled {
	slices.SortFunc(pool, func(a, b sampled) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.row.Number, b.row.Number))
	})
	return pool[:min(len(pool), n)]
}

// copyRow makes a row that outlives its block.
func (b *Batch) copyRow(number int64, fields [][]byte) *Row {
	r := &Row{Number: number, Password: string(fields[b.password]), Values: make([]string, len(fields))}
	for i, f := range fields {
		if i != b.password && b.Columns[i].Role != RoleIgnore {
			r.Values[i] = trimmed(string(f))
		}
	}
	return r
}

// borrowRow fills a row with texts that point into the block: they are valid until the next row, and nobody keeps them.
func (b *Batch) borrowRow(r *Row, number int64, fields [][]byte) *Row {
	r.Number = number
	for i, f := range fields {
		s := unsafe.String(unsafe.SliceData(f), len(f))
		switch {
		case i == b.password:
			r.Password = s
		case b.Columns[i].Role != RoleIgnore:
			r.Values[i] = trimmed(s)
		}
	}
	return r
}

// check is what the second pass learns.
type check struct {
	same, alike map[uint64]*twins
	agreed      []int64 // per recipe
	recomputed  int     // declared rows that agree
	wrong       []int64
}

// verify runs every recipe on every row and follows up the repeated hashes exactly. It does nothing when there are none,
// or when the first reading has counted already.
func verify(ctx context.Context, b *Batch, o *Options, s *survey, recipes []*Recipe) (*check, error) {
	declared := map[int64]string{}
	if o.Declared != nil {
		declared = o.Declared.Recomputed
	}
	out := &check{same: map[uint64]*twins{}, alike: map[uint64]*twins{}, agreed: make([]int64, len(recipes))}
	var open []int // recipes that are not counted yet
	for i, x := range recipes {
		if x.made.same(s.foreseen) {
			out.agreed[i] = s.agreed
		} else {
			open = append(open, i)
		}
	}
	if len(s.same.list)+len(s.alike.list)+len(open)+len(declared) == 0 {
		return out, nil
	}
	workers := o.workers()
	same, alike := newSieve(s.same.list), newSieve(s.alike.list)
	ws := make([]*check, workers)
	buf := make([][]byte, workers)
	rows := make([]*Row, workers)
	checks := make([][]rowCheck, workers)
	for i := range ws {
		rows[i] = &Row{Values: make([]string, len(b.Columns))}
		for _, k := range open {
			checks[i] = append(checks[i], recipes[k].check())
		}
		ws[i] = &check{same: map[uint64]*twins{}, alike: map[uint64]*twins{}}
	}
	_, err := b.scan(ctx, workers, o.progress("verify"), func(w int, number int64, fields [][]byte) error {
		c := ws[w]
		pw := fields[b.password]
		if want, ok := declared[number]; ok {
			if want == string(pw) {
				c.recomputed++
			} else {
				c.wrong = append(c.wrong, number)
			}
		}
		if blankField(pw) {
			return nil
		}
		if same.any {
			note(c.same, same, xxh3.Hash(pw), pw, number)
		}
		if alike.any {
			buf[w] = fold(buf[w][:0], pw)
			note(c.alike, alike, xxh3.Hash(buf[w]), pw, number)
		}
		if len(open) == 0 {
			return nil
		}
		r := b.borrowRow(rows[w], number, fields)
		for _, x := range checks[w] {
			x.row(r)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for w, c := range ws {
		merge(out.same, c.same)
		merge(out.alike, c.alike)
		for i, x := range checks[w] {
			out.agreed[open[i]] += x.agreed()
		}
		out.recomputed += c.recomputed
		out.wrong = append(out.wrong, c.wrong...)
	}
	slices.Sort(out.wrong)
	return out, nil
}

// sieve answers quickly whether a hash is wanted.
type sieve struct {
	any    bool
	wanted map[uint64]struct{}
	bits   [1 << 12]uint64
}

func newSieve(list []uint64) *sieve {
	s := &sieve{any: len(list) > 0, wanted: make(map[uint64]struct{}, len(list))}
	for _, h := range list {
		s.wanted[h] = struct{}{}
		s.bits[h>>6&4095] |= 1 << (h & 63)
	}
	return s
}

func (s *sieve) has(h uint64) bool {
	if s.bits[h>>6&4095]>>(h&63)&1 == 0 {
		return false
	}
	_, ok := s.wanted[h]
	return ok
}

func note(m map[uint64]*twins, s *sieve, h uint64, pw []byte, number int64) {
	if !s.has(h) {
		return
	}
	t := m[h]
	if t == nil {
		t = &twins{text: map[string][]int64{}}
		m[h] = t
	}
	t.add(pw, number)
}

func merge(dst, src map[uint64]*twins) {
	for h, t := range src {
		d := dst[h]
		if d == nil {
			dst[h] = t
			continue
		}
		d.rows += t.rows
		for pw, rows := range t.text {
			if _, ok := d.text[pw]; ok || len(d.text) < twinTexts {
				d.text[pw] = lowest(append(d.text[pw], rows...), twinRows)
			}
		}
	}
}
