package web

import (
	"fmt"
	"html/template"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

// supportState is where a support period stands on a day.
type supportState string

const (
	supportRuns    supportState = "runs"
	supportEnds    supportState = "ends" // within a year
	supportOver    supportState = "over"
	supportUnknown supportState = "unknown"
	// of an entry that was taken back: nobody says so now
	supportWithdrawn supportState = "withdrawn"
)

// support is a support period as pages show it.
type support struct {
	State supportState
	End   assay.Date
	Words string // "4 years and 4 months left"
	Bar   template.HTML
}

// supportOf says how a support period that ends on a day stands today. from is when
// the bar begins: the day of the first publication, or of supply.
func supportOf(from, end, today assay.Date) support {
	s := support{End: end}
	switch {
	case end.Zero():
		s.State, s.Words = supportUnknown, "No end date is published"
		return s
	case end.Before(today):
		s.State, s.Words = supportOver, "Ended "+span(end, today)+" ago"
	case end == today:
		s.State, s.Words = supportEnds, "Ends today"
	default:
		s.State, s.Words = supportRuns, span(today, end)+" left"
		if end.Before(today.AddYears(1)) {
			s.State = supportEnds
		}
	}
	s.Bar = bar(from, end, today, s.Words)
	return s
}

// bar draws the period as a line of time with years marked and today on it. It
// says in words what it shows, for who does not see it; sizes are in units of the
// drawing, so that it grows with the page.
func bar(from, end, today assay.Date, says string) template.HTML {
	if from.Zero() || !from.Before(end) {
		from = end.AddYears(-5)
	}
	if today.Before(from) {
		from = today
	}
	last := end
	if today.After(last) {
		last = today
	}
	const width, top, height = 600, 8, 12
	length := float64(max(last.Days()-from.Days(), 1))
	at := func(d assay.Date) float64 { return float64(d.Days()-from.Days()) / length * width }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="time" viewBox="-4 0 %d 46" role="img" aria-label="Support from %s to %s. %s."><rect class="whole" x="0" y="%d" width="%.1f" height="%d" rx="6"/>`,
		width+8, from.Words(), end.Words(), template.HTMLEscapeString(says), top, at(end), height)
	if today.Before(end) {
		fmt.Fprintf(&b, `<rect class="left" x="%.1f" y="%d" width="%.1f" height="%d" rx="6"/>`, at(today), top, at(end)-at(today), height)
	}
	first, final := from.Time().Year(), last.Time().Year()
	step := (final-first)/8 + 1
	for y := first + 1; y <= final; y += step {
		d, err := assay.NewDate(y, 1, 1)
		if err != nil {
			break
		}
		if x := at(d); x > 14 && x < width-14 {
			fmt.Fprintf(&b, `<path class="tick" d="M%.1f %dv%d"/><text x="%.1f" y="40">%d</text>`, x, top+height+2, 5, x, y)
		}
	}
	fmt.Fprintf(&b, `<path class="now" d="M%.1f %dv%d"/></svg>`, at(today), top-5, height+10)
	return template.HTML(b.String()) //nolint:gosec // numbers, our own words, and says, which is escaped
}

// row is an entry in a list.
type row struct {
	register.Entry
	Support support
}

func (s *Server) rows(entries []register.Entry) []row {
	rows := make([]row, len(entries))
	for i, e := range entries {
		rows[i] = row{e, supportOf(assay.Date{}, e.SupportEnd, s.today())}
	}
	return rows
}
