package report

import (
	"fmt"
	"html/template"
	"io"
	"math"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/password"
)

// Passwords writes the audit of one batch for a terminal: limb by limb, with what
// was found, on how many rows, and what this number of rows can and cannot show.
func Passwords(out io.Writer, r *password.Report, opt TextOptions) error {
	if opt.Width <= 0 {
		opt.Width = 100
	}
	t := &text{TextOptions: opt}
	t.judged(0, verdictOf(r.Verdict), "%d rows of %s", r.Rows, r.Batch)
	for _, l := range passwordLimbs(r) {
		t.b.WriteByte('\n')
		t.judged(2, verdictOf(l.Verdict), "%s: %s", l.Name, l.Note)
		for _, recipe := range l.Recipes {
			t.line(6, "recipe: %s: %d of %d rows", recipe.Words, recipe.Rows, recipe.Of)
		}
		for _, e := range l.Examples {
			rows := make([]string, len(e.Rows))
			for i, n := range e.Rows {
				rows[i] = fmt.Sprint(n)
			}
			t.line(6, "row %s: %s %s", strings.Join(rows, ", "), e.Text, e.Note)
		}
		for _, remark := range l.Remarks {
			t.line(6, "beside: %s", remark)
		}
		for _, w := range l.Wanted {
			t.line(6, "wanted: %s", w)
		}
	}
	t.b.WriteByte('\n')
	if r.Guesses.Basis != "" {
		t.line(0, "Guesses needed: at most 2^%.0f (%s). Below 2^%.0f fails, from 2^%.0f passes: %s.", r.Guesses.Bits, r.Guesses.Basis,
			r.Guesses.FailBelowBits, r.Guesses.PassFromBits, r.Guesses.ThresholdSource)
	}
	t.line(0, "%d constructions were tried. The chance that a lawful batch fails any of the statistical tests is below %.1g.", r.Tried, r.FalseAlarm)
	var blind []string
	for _, p := range r.Power {
		if !p.Visible {
			need := "no number of rows shows it"
			if p.Needs > 0 {
				need = fmt.Sprintf("wants %d rows", p.Needs)
			}
			blind = append(blind, p.Family+" ("+need+joinNote(p.Note)+")")
		}
	}
	if len(blind) > 0 {
		t.b.WriteString("\nWhat this batch cannot rule out:\n")
		for _, b := range blind {
			t.line(2, "- %s", b)
		}
	}
	t.b.WriteByte('\n')
	t.line(0, "%s", Disclaimer)
	_, err := io.WriteString(out, t.b.String())
	return err
}

func joinNote(note string) string {
	if note == "" {
		return ""
	}
	return "; " + note
}

type passwordLimb struct {
	Name string
	password.Limb
}

// passwordLimbs are the limbs in the order of the law: SI 2023/1007 Sch.1 para
// 1(2)(a), 1(3)(a)-(d).
func passwordLimbs(r *password.Report) []passwordLimb {
	return []passwordLimb{{"unique", r.Limbs.Unique}, {"incremental", r.Limbs.Incremental}, {"public", r.Limbs.Public},
		{"derived", r.Limbs.Derived}, {"guessable", r.Limbs.Guessable}}
}

func verdictOf(v password.Verdict) assay.Verdict {
	switch v {
	case password.Pass:
		return assay.Pass
	case password.Fail:
		return assay.Fail
	}
	return assay.Inconclusive
}

// Chart of a batch: where the entropy of its passwords lies, position by position.
type Chart struct {
	Batch  string
	Rows   int64
	Bars   []Bar
	Width  int // of the drawing, in its own units
	Height int
	Source string // what the figures rest on
}

// Bar is one character position of the passwords.
type Bar struct {
	Position int
	X, W     int
	Full     int     // height that the alphabet allows
	Seen     int     // height of what looks random
	Own      int     // height of what is left once identifiers are known
	Maximum  float64 // bits
	Apparent float64 // bits that look random, estimated
	Entropy  float64 // bits left to guess once identifiers are known
	Derived  float64 // share of rows in which an identifier gives this position
}

// chart draws the positions of a batch; nil where there are too few rows to say.
func chart(r *password.Report) *Chart {
	const unit, gap, height, most = 28, 6, 120, 64
	c := &Chart{Batch: r.Batch, Rows: r.Rows, Height: height, Source: fmt.Sprintf("estimated from %d rows", r.Sampled)}
	top := 1.0
	for _, p := range r.Positions {
		top = math.Max(top, p.MaximumBits)
	}
	for i, p := range r.Positions {
		if p.EntropyBits == nil || i == most {
			break
		}
		b := Bar{Position: p.Position, X: i * unit, W: unit - gap, Maximum: p.MaximumBits, Derived: p.DerivedRows}
		b.Apparent = math.Min(p.MaximumBits, math.Max(0, *p.EntropyBits))
		b.Entropy = b.Apparent * (1 - p.DerivedRows)
		b.Seen = int(math.Round(b.Apparent / top * height))
		b.Full = int(math.Round(p.MaximumBits / top * height))
		b.Own = int(math.Round(b.Entropy / top * height))
		c.Bars = append(c.Bars, b)
	}
	if len(c.Bars) == 0 {
		return nil
	}
	c.Width = len(c.Bars)*unit - gap
	return c
}

// Y is where a bar of the given height begins.
func (c *Chart) Y(h int) int { return c.Height - h }

// Box is the drawing's view box.
func (c *Chart) Box() template.HTMLAttr {
	return template.HTMLAttr(fmt.Sprintf(`viewBox="-1 -2 %d %d" width="%d" height="%d"`, c.Width+2, c.Height+22, c.Width+2, c.Height+22)) //nolint:gosec // numbers of our own
}

// Total is how many bits are left to guess, summed over the positions.
func (c *Chart) Total() float64 { return c.sum(func(b Bar) float64 { return b.Entropy }) }

// Apparent is how many bits look random, summed over the positions.
func (c *Chart) Apparent() float64 { return c.sum(func(b Bar) float64 { return b.Apparent }) }

func (c *Chart) sum(f func(Bar) float64) float64 {
	sum := 0.0
	for _, b := range c.Bars {
		sum += f(b)
	}
	return sum
}
