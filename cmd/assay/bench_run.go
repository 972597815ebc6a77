package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/bench"
	"github.com/assay-psti/assay/law"
)

type benchRun struct {
	benchOf
	By   string   `help:"Who tests: name and function. (Or set ASSAY_BY.)"`
	Unit []string `help:"A unit that is tested, by its name or serial number in product.yaml, as often as there are units; all for all that it lists. Added to those named before." placeholder:"NAME" sep:"none"`
	Only string   `help:"Only steps whose name begins so: identity, ics, unit, or unit/5.1-1." placeholder:"STEP"`
	Redo bool     `help:"Put the steps of --only again that have an answer."`
}

// Run goes through the steps. What is answered is kept at once, so that nothing is
// lost however the run ends.
func (c *benchRun) Run(ctx context.Context, env *environment) error {
	r, err := c.recorder(ctx, env, c.By)
	if err != nil {
		return err
	}
	defer r.Dossier.Close()
	p, err := r.Plan()
	if err != nil {
		return err
	}
	if c.Only != "" && !slices.ContainsFunc(p.Steps(), func(s bench.Step) bool { return strings.HasPrefix(s.ID, c.Only) }) {
		return &assay.Problem{Kind: assay.ErrNotFound, Where: "--only " + c.Only, What: "no step begins so", Do: "see assay bench plan " + c.Dir + "; units are asked once the ICS answers Y to their row"}
	}
	q := &questioner{environment: env, by: r.By}
	if err := q.whoever(); err != nil {
		return endOfInput(err)
	}
	r.By = q.by
	if len(c.Unit) > 0 {
		added, err := r.AddUnits(ctx, c.Unit...)
		if err != nil {
			return err
		}
		if added {
			if p, err = r.Plan(); err != nil {
				return err
			}
			fmt.Fprintf(env.errOut, "Units tested: %s\n", p.Step("identity/bench.serials").Item.Value)
		}
	}
	g := &guide{environment: env, ctx: ctx, recorder: r, only: c.Only, redo: c.Redo, skip: map[string]bool{}}
	if err := g.run(); err != nil {
		return err
	}
	if p, err = r.Plan(); err != nil {
		return err
	}
	done, all := p.Progress()
	fmt.Fprintf(env.out, "Kept %d answers. %d of %d steps are answered. So far: %s.\n", g.kept, done, all, p.Overall)
	fmt.Fprintf(env.out, "Go on with: assay bench %s\nReport with: assay bench report %s\n", c.Dir, c.Dir)
	return nil
}

// guide leads a person through the steps.
type guide struct {
	*environment
	ctx      context.Context // of one command
	recorder *bench.Recorder
	only     string
	redo     bool
	skip     map[string]bool // not to be put again in this run
	been     []string        // steps put, for going back
	kept     int
}

var (
	errBack = errors.New("back")
	errQuit = errors.New("quit")
)

const (
	maxReason = 8000
	helpLine  = "  (b back, s skip, q quit: what is answered is kept)"
)

// next is the step to put; nil at the end.
func (g *guide) next(p *bench.Plan, after string) *bench.Step {
	if g.only == "" {
		return p.Next(after, g.skip)
	}
	for _, s := range p.Steps() {
		if strings.HasPrefix(s.ID, g.only) && !g.skip[s.ID] && (g.redo || !s.Done) {
			return &s
		}
	}
	return nil
}

func (g *guide) run() error {
	at := ""
	for {
		p, err := g.recorder.Plan()
		if err != nil {
			return err
		}
		s := g.next(p, "")
		if back := p.Step(at); back != nil { // an answer may have taken it out of the plan
			s = back
		}
		at = ""
		if s == nil {
			return nil
		}
		answer, err := g.put(p, s)
		switch {
		case errors.Is(err, errBack):
			if len(g.been) == 0 {
				fmt.Fprintln(g.errOut, "  This is the first step of this run.")
				at = s.ID
				continue
			}
			at = g.been[len(g.been)-1]
			g.been = g.been[:len(g.been)-1]
			delete(g.skip, at)
			continue
		case errors.Is(err, errSkip):
			g.skip[s.ID] = true
			g.been = append(g.been, s.ID)
			continue
		case errors.Is(err, errQuit), errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := g.recorder.Record(g.ctx, s.ID, *answer); err != nil {
			if !g.inTerm || !errors.Is(err, assay.ErrInvalid) && !errors.Is(err, assay.ErrNotFound) {
				return err
			}
			fmt.Fprintf(g.errOut, "  %s\n", err)
			at = s.ID
			continue
		}
		g.kept++
		g.skip[s.ID] = true
		g.been = append(g.been, s.ID)
	}
}

// ask puts one prompt. b, s and q alone lead elsewhere.
func (g *guide) ask(prompt string) (string, error) {
	if err := g.ctx.Err(); err != nil {
		return "", err
	}
	fmt.Fprintln(g.errOut, "  "+prompt)
	line, err := g.line()
	if err != nil {
		return "", err
	}
	if len(line) > maxReason {
		return "", &assay.Problem{Kind: assay.ErrInvalid, What: "the answer is too long", Do: "give it as a file"}
	}
	switch line { // a capital is an answer: there are hardware versions B
	case "b", "back":
		return "", errBack
	case "s", "skip", "?":
		return "", errSkip
	case "q", "quit":
		return "", errQuit
	}
	return line, nil
}

func (g *guide) put(p *bench.Plan, s *bench.Step) (*bench.Answer, error) {
	done, all := p.Progress()
	fmt.Fprintf(g.errOut, "\n[%d of %d] %s\n%s\n", done, all, s.Title, wrap("  ", s.Question, 100))
	switch s.Kind {
	case bench.IdentityStep:
		if s.Done {
			fmt.Fprintf(g.errOut, "  Now: %s\n", s.Item.Value)
		}
		if offered := s.Item.Offered(); offered != "" {
			fmt.Fprintln(g.errOut, wrap("  ", "product.yaml lists: "+offered+". A name stands for the serial number, "+bench.AllUnits+" for all of them.", 100))
		}
		fmt.Fprintln(g.errOut, helpLine)
		text, err := g.ask("Answer:")
		if err == nil && text == "" {
			err = errSkip
		}
		return &bench.Answer{Value: text}, err
	case bench.RowStep:
		return g.row(s)
	}
	g.show(s)
	return g.unit(s)
}

func (g *guide) row(s *bench.Step) (*bench.Answer, error) {
	fmt.Fprintf(g.errOut, "  Status %s%s\n", s.Row.Status, map[bool]string{true: "; applies when " + s.Row.When}[s.Row.When != ""])
	fmt.Fprintln(g.errOut, helpLine)
	value, err := g.ask(strings.Join(s.Choices, ", ") + "?")
	if err != nil {
		return nil, err
	}
	if value == "" {
		return nil, errSkip
	}
	prompt := "How is it met? (may be left empty)"
	if !strings.EqualFold(value, "Y") {
		prompt = "Why?"
	}
	detail, err := g.ask(prompt)
	return &bench.Answer{Value: value, Reason: detail}, err
}

// maxShown bounds how many observations are shown at a step.
const maxShown = 12

// show shows what bears on a unit.
func (g *guide) show(s *bench.Step) {
	out := func(format string, args ...any) {
		fmt.Fprintln(g.errOut, wrap("  ", fmt.Sprintf(format, args...), 100))
	}
	out("Fulfilled when: %s", s.Unit.Holds)
	if s.Unit.Interpretation {
		out("(This wording is our interpretation of the provision.)")
	}
	if s.Unit.Profile != "" {
		out("As: %s", s.Unit.Profile)
	}
	if len(s.Unit.Needs) > 0 {
		out("You need: %s", strings.Join(s.Unit.Needs, "; "))
	}
	for _, t := range s.Case.Tables {
		switch {
		case t.Empty != "":
			out("Compare with %s, %s: declared to have nothing to list: %s", t.Title(), t.State, t.Empty)
		case t.State == "missing":
			out("Compare with %s, which is missing", t.Title())
		default:
			out("Compare with %s, %s: %d entries declared", t.Title(), t.State, t.Entries)
		}
		if len(t.Undeclared) > 0 {
			out("Found and not declared in %s: %s", t.Title(), atMost(t.Undeclared, maxShown))
		}
	}
	v := law.Standard().Vocabulary()
	for i, o := range s.Group.Found {
		if i == maxShown {
			out("... and %d more things that tools observed", len(s.Group.Found)-maxShown)
			break
		}
		title := string(o.Term)
		if t := v.Term(o.Term); t != nil {
			title = t.Title
		}
		subject := ""
		if o.Subject != assay.Product {
			subject = o.Subject.Kind() + " " + o.Subject.Name() + ": "
		}
		out("Tools observed: %s%s: %s (%s)", subject, title, strings.ReplaceAll(o.Value.String(), "_", " "), o.By)
	}
	if r := s.Unit.Record; r != nil {
		out("Earlier: %s by %s: %s", r.Verdict, r.By, r.Reason)
		if s.Unit.Stale != "" {
			out("That does not count any more: %s", s.Unit.Stale)
		}
	}
	if s.Blocked != "" {
		out("It cannot be passed yet: %s", s.Blocked)
	}
}

func atMost(words []string, most int) string {
	if len(words) > most {
		return strings.Join(words[:most], ", ") + fmt.Sprintf(" and %d more", len(words)-most)
	}
	return strings.Join(words, ", ")
}

func (g *guide) unit(s *bench.Step) (*bench.Answer, error) {
	fmt.Fprintln(g.errOut, helpLine)
	prompt := "p PASS, f FAIL, i INCONCLUSIVE?"
	if s.Blocked != "" {
		prompt = "f FAIL, i INCONCLUSIVE?"
	}
	word, err := g.ask(prompt)
	if err != nil {
		return nil, err
	}
	if word == "" {
		return nil, errSkip
	}
	a := &bench.Answer{Value: word}
	for _, v := range []string{"PASS", "FAIL", "INCONCLUSIVE"} {
		if strings.EqualFold(word, v) || strings.EqualFold(word, v[:1]) {
			a.Value = v
		}
	}
	if a.Reason, err = g.ask("What did you see? (the reason; no passwords, please)"); err != nil {
		return nil, err
	}
	if s.Unit.Means && a.Value != "FAIL" {
		if a.Means, err = g.ask("By what means? (tool, version, arguments, what was covered, how long)"); err != nil {
			return nil, err
		}
	}
	files, err := g.ask("Files that show it? (paths with commas between; empty for none)")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, name := range strings.Split(files, ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	a.Files, err = readFiles(names)
	return a, err
}

// wrap breaks a text into lines that begin alike.
func wrap(lead, text string, width int) string {
	var b strings.Builder
	column := 0
	for _, w := range strings.Fields(text) {
		switch {
		case column == 0:
			b.WriteString(lead)
			column = len(lead)
		case column+1+len([]rune(w)) > width:
			b.WriteString("\n" + lead)
			column = len(lead)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(w)
		column += len([]rune(w))
	}
	return b.String()
}
