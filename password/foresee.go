package password

import (
	"bytes"
	"context"
	"io"
	"slices"
	"unsafe"
)

// Bounds of what is guessed beforehand.
const (
	foreseeBytes = 1 << 17 // of the head of a batch; of a shorter one nothing is guessed, another reading costs little
	foreseeRows  = 50      // different passwords, at least
	foreseeEach  = 1 << 12 // rows after which a guess that does not hold is given up
)

// foresee guesses from the first rows of a long batch which construction gives its passwords: a common digest of one
// identifier. The first reading then counts the rows that agree, and where the search finds the same construction, no
// second reading need. A guess decides nothing: what the search does not find by itself is not used. It is nil where
// there is none; what is wrong with the batch is left to the reading.
func foresee(ctx context.Context, b *Batch, o *Options) *construction {
	rows := b.firstRows()
	f := &finder{o: o, columns: b.Columns, total: int64(len(rows)), idents: primary(b.Columns), rows: distinct(rows)}
	if len(f.rows) < foreseeRows {
		return nil
	}
	goals := f.goals()
	if len(goals) == 0 {
		return nil
	}
	m := newMatcher(goals[0])
	all, _ := f.messages()
	for _, p := range producersOf(all) {
		if ctx.Err() != nil || len(m.groups) == 0 {
			return nil
		}
		if !p.usual || !p.alone {
			continue
		}
		if e, ok := m.learn(&p, 0); ok && f.confirm(goals[0], &p, e) {
			return f.recipes[0].made
		}
	}
	return nil
}

// firstRows gives the rows at the head of a batch, none if the batch is short or they cannot be read.
func (b *Batch) firstRows() []*Row {
	src, done, err := b.plain()
	if err != nil {
		return nil
	}
	head := make([]byte, foreseeBytes)
	_, err = io.ReadFull(src, head)
	if done() != nil || err != nil {
		return nil
	}
	cut, _ := lastRowEnd(head, b.json)
	first := int64(1)
	if !b.json {
		first = 0
	}
	var rows []*Row
	_, err = b.parser().rows(block{head, cut, first}, func(number int64, fields [][]byte) error {
		if len(rows) < headRows && len(bytes.TrimSpace(fields[b.password])) > 0 {
			rows = append(rows, b.copyRow(number, fields))
		}
		return nil
	})
	if err != nil {
		return nil
	}
	return rows
}

// foreseen counts for one worker the rows that agree with a guess.
type foreseen struct {
	check    rowCheck
	password int
	column   int
	row      Row
	seen     int64
	lost     bool // too few agreed
}

// foreseen makes the counter of one worker, nil if nothing was guessed.
func (b *Batch) foreseen(guess *construction) *foreseen {
	if guess == nil {
		return nil
	}
	return &foreseen{check: guess.check(), password: b.password, column: guess.p.column, row: Row{Values: make([]string, len(b.Columns))}}
}

// take looks at a row, of which it keeps nothing: the texts point into the block.
func (c *foreseen) take(number int64, fields [][]byte) {
	if c.lost {
		return
	}
	text := func(f []byte) string { return unsafe.String(unsafe.SliceData(f), len(f)) }
	c.row.Number, c.row.Password, c.row.Values[c.column] = number, text(fields[c.password]), trimmed(text(fields[c.column]))
	c.check.row(&c.row)
	if c.seen++; c.seen%foreseeEach == 0 {
		c.lost = 2*c.check.agreed() < c.seen
	}
}

// same tells whether two constructions made by different searches over one batch give the same passwords for the same
// reason. It knows only digests of one identifier.
func (c *construction) same(d *construction) bool {
	return c != nil && d != nil && c.p.alone && d.p.alone && c.p.column == d.p.column && c.p.words == d.p.words &&
		c.e == d.e && slices.Equal(c.positions, d.positions) && c.length == d.length && c.constant == d.constant
}
