package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/bench"
)

// BenchText writes a test report as plain text: what BenchHTML says, for readers of
// text alone.
func BenchText(out io.Writer, r *bench.Report) error {
	t := &benchText{}
	t.write(r)
	_, err := io.WriteString(out, t.String())
	return err
}

type benchText struct{ strings.Builder }

// line writes one line, whatever line ends the words hold.
func (t *benchText) line(indent int, format string, args ...any) {
	t.WriteString(strings.Repeat(" ", indent) + strings.Join(strings.Fields(fmt.Sprintf(format, args...)), " ") + "\n")
}

func (t *benchText) head(title string) {
	t.WriteString("\n" + strings.ToUpper(title) + "\n")
}

func (t *benchText) write(r *bench.Report) {
	t.line(0, "%s", r.Title)
	t.line(0, "%s: ETSI TS 103 701 %s, ETSI EN 303 645 %s", r.Verdict, r.TestSpecification, r.Edition)
	for _, b := range r.Because {
		t.line(0, "%s", b)
	}
	t.line(0, "%s", r.Disclaimer)
	t.head("What was tested")
	t.line(0, "Device under test: %s", strings.TrimSpace(r.Product.Make+" "+r.Product.Name))
	if len(r.Product.Models) > 0 {
		t.line(0, "Models: %s", strings.Join(r.Product.Models, ", "))
	}
	for _, i := range r.Identity {
		switch {
		case i.Value.Type() != assay.NoType:
			t.line(0, "%s: %s", i.Title, plainValue(i.Value))
		case i.Wanted:
			t.line(0, "%s: missing", i.Title)
		}
	}
	t.line(0, "Tested by: %s", strings.Join(r.Testers, "; "))
	t.line(0, "Steps answered: %d of %d", r.Done, r.Steps)
	t.line(0, "Deviations: %s", r.Deviations)
	t.head("Limits")
	for _, l := range r.Limits {
		t.line(0, "- %s", l)
	}
	t.head("Answer form (ICS): " + validWords(r.ICSValid))
	for _, p := range r.Problems {
		t.line(0, "- %s: %s. %s %s", p.Provision, p.Kind, p.Text, p.Shown)
	}
	for _, i := range r.ICS {
		answer := i.Support
		if answer == "" {
			answer = "not answered"
		}
		t.line(0, "%s %s (%s): %s", i.Provision, i.Name, i.Status, answer)
		if i.Detail != "" {
			t.line(4, "%s", i.Detail)
		}
	}
	t.ixit(r.IXIT)
	t.head("Verdicts")
	for _, g := range r.Groups {
		if !g.Tested {
			t.line(0, "%s %s (%s): not claimed", g.ID, g.Name, g.Status)
			continue
		}
		t.line(0, "%s %s (%s): %s", g.ID, g.Name, g.Status, verdictIn(g.Verdict))
		if g.Why != "" {
			t.line(2, "%s", g.Why)
		}
		for _, c := range g.Cases {
			t.testCase(&c)
		}
		for _, f := range g.Found {
			t.line(2, "Tools observed: %s: %s (%s)", strings.TrimSpace(subject(f.Subject)+" "+f.Title), plainValue(f.Value), f.By)
		}
	}
	if len(r.Photos) > 0 {
		t.head("Photographs")
	}
	for i, p := range r.Photos {
		size := ""
		if p.Width > 0 {
			size = fmt.Sprintf(", %d by %d pixels", p.Width, p.Height)
		}
		t.line(0, "Photograph %d: %s (%s%s), %s", i+1, p.Name, p.Format, size, p.Digest)
		for _, u := range p.Uses {
			t.line(4, "Case %s: %s (%s, %s)", strings.Join(strings.Fields(u.Of+" "+u.Unit), ", unit "), u.Caption, u.By, moment(u.At))
		}
	}
	t.head("Evidence")
	for _, e := range r.Evidence {
		t.line(0, "%s, %d bytes, %s", e.Name, e.Size, e.Digest)
		if len(e.Used) > 0 {
			t.line(4, "used by %s", strings.Join(e.Used, ", "))
		}
	}
	t.WriteString("\n")
	t.line(0, "Made %s.", moment(r.Made))
}

func (t *benchText) testCase(c *bench.ReportCase) {
	t.line(2, "Case %s, %s: %s", c.ID, c.Kind, c.Verdict)
	if c.Why != "" {
		t.line(4, "%s", c.Why)
	}
	if c.Alone != "" {
		t.line(4, "Given without units, and not counted here: %s", c.Alone)
	}
	if c.Covered != nil {
		t.line(4, "Evidence from elsewhere: %s, accepted by %s", c.Covered.Reason, c.Covered.By)
	}
	for _, u := range c.Units {
		word := ""
		if u.Interpretation {
			word = " (our interpretation)"
		}
		t.line(4, "%s. %s Fulfilled when: %s%s", u.Unit, u.Do, u.Holds, word)
		if u.Record == nil {
			t.line(6, "not answered")
			continue
		}
		t.line(6, "%s by %s, %s: %s", u.Record.Verdict, u.Record.By, moment(u.Record.At), u.Record.Reason)
		if u.Stale != "" {
			t.line(6, "Does not count any more: %s", u.Stale)
		}
		if u.Record.Means != "" {
			t.line(6, "Means: %s", u.Record.Means)
		}
		for _, e := range u.Record.Evidence {
			t.line(6, "Evidence: %s %s %s", e.Name, e.Place, e.Digest)
		}
	}
}

func (t *benchText) ixit(x *bench.ReportIXIT) {
	if x == nil {
		t.head("Information for testing (IXIT)")
		t.line(0, "None.")
		return
	}
	state := "a draft, not signed by the supplier"
	if !x.Draft {
		state = "signed by " + x.SignedBy
	}
	t.head("Information for testing (IXIT)")
	t.line(0, "%s, %s", state, x.Digest)
	for _, table := range x.Tables {
		t.line(0, "%s: %s", table.Title(), table.State)
		if table.Empty != "" {
			t.line(2, "Nothing to list, because: %s", table.Empty)
		}
		for _, e := range table.Rows {
			t.line(2, "%s", e.ID)
			for _, f := range e.Fields {
				switch {
				case f.Declared == "":
					t.line(4, "%s: not declared; found: %s", f.Field, f.Found)
				case f.Found == "":
					t.line(4, "%s: %s", f.Field, f.Declared)
				default:
					t.line(4, "%s: %s; found: %s", f.Field, f.Declared, f.Found)
				}
			}
		}
	}
}
