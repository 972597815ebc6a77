package main

import (
	"fmt"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/law"
	"github.com/assay-psti/assay/vocab"
)

type lawCommand struct {
	List  lawListCommand  `cmd:"" help:"List the regimes held as data."`
	Show  lawShowCommand  `cmd:"" help:"Show a regime as it stood on a date: scope, requirements, duties, each with its citation."`
	Diff  lawDiffCommand  `cmd:"" help:"Show what changed between two dates."`
	Terms lawTermsCommand `cmd:"" help:"Show the vocabulary: every term, its question and its source."`
}

type lawListCommand struct {
	JSON bool `name:"json" help:"Machine form."`
}

func (c *lawListCommand) Run(env *environment) error {
	type row struct {
		ID           string        `json:"id"`
		Title        string        `json:"title"`
		Jurisdiction string        `json:"jurisdiction"`
		Versions     []law.Version `json:"versions"`
	}
	var rows []row
	for _, r := range law.Standard().Regimes() {
		rows = append(rows, row{r.Name(), r.Title, r.Jurisdiction, r.Versions})
	}
	if c.JSON {
		return env.json(map[string]any{"regimes": rows})
	}
	for _, r := range rows {
		fmt.Fprintf(env.out, "%s  %s (%s)\n", r.ID, r.Title, r.Jurisdiction)
		for _, v := range r.Versions {
			fmt.Fprintf(env.out, "    %s  in force %s  %s (%s)\n", v.ID, v.From, v.Title, v.Cite)
		}
	}
	return nil
}

type lawShowCommand struct {
	ID   string `arg:"" optional:"" default:"uk-psti" help:"The regime."`
	AsAt date   `help:"As the law stood on this day (default: today)." placeholder:"DATE"`
	Limb string `help:"Only what has this ID, and what stands below it."`
	JSON bool   `name:"json" help:"Machine form."`
}

func (c *lawShowCommand) Run(env *environment) error {
	r, err := law.Standard().Regime(c.ID)
	if err != nil {
		return err
	}
	at := c.AsAt.orToday(env)
	items := r.At(at)
	if c.Limb != "" {
		if items = below(items, c.Limb); len(items) == 0 {
			return &assay.Problem{Kind: assay.ErrNotFound, What: fmt.Sprintf("%s has no %q on %s", r.Name(), c.Limb, at), Do: "see assay law show " + c.ID}
		}
	}
	if c.JSON {
		return env.json(map[string]any{"id": r.Name(), "title": r.Title, "jurisdiction": r.Jurisdiction, "as_at": at, "version": r.VersionAt(at), "items": items})
	}
	p := &lawPrinter{environment: env}
	if c.Limb == "" {
		p.para(0, r.Title+" ("+r.Jurisdiction+"), as at "+at.Words())
		if v := r.VersionAt(at); v != nil {
			p.para(0, fmt.Sprintf("Version %s: %s (%s)", v.ID, v.Title, v.Cite))
		} else {
			p.para(0, "Not in force on that date: it commenced on "+r.Versions[0].From.Words()+".")
		}
		p.para(0, r.Summary)
	}
	kind := ""
	for _, it := range items {
		heading := group(it.Kind)
		if heading != kind && it.Depth == 0 {
			kind = heading
			fmt.Fprintf(env.out, "\n%s\n", strings.ToUpper(kind))
		}
		p.item(it)
	}
	fmt.Fprintln(env.out, "\nConfidence: R the text was read; I inferred; S from commentary; M from memory. All but R are interpretation. Not legal advice.")
	return nil
}

func group(kind string) string {
	switch {
	case kind == "limb" || kind == "requirement":
		return "requirements"
	case strings.HasPrefix(kind, "duty"):
		return kind
	}
	return kind
}

func below(items []law.Item, id string) []law.Item {
	for i, it := range items {
		if it.ID != id {
			continue
		}
		end := i + 1
		for end < len(items) && items[end].Depth > it.Depth {
			end++
		}
		return items[i:end]
	}
	return nil
}

type lawPrinter struct{ *environment }

func (p *lawPrinter) item(it law.Item) {
	in := 2 + 2*it.Depth
	head := it.ID + "  " + it.Title + " (" + string(it.Cite)
	if it.Confidence != "" {
		head += "; " + string(it.Confidence)
	}
	p.para(in, head+")"+inForceWords(it))
	p.para(in+4, it.Text)
	if it.Reading != "" {
		p.para(in+4, "read so: "+it.Reading)
	}
}

func inForceWords(it law.Item) string {
	s := ""
	if !it.From.Zero() {
		s += ", from " + it.From.String()
	}
	if !it.Until.Zero() {
		s += ", until " + it.Until.String()
	}
	return s
}

// para writes a paragraph, wrapped and indented.
func (p *lawPrinter) para(indent int, text string) {
	width := p.width
	if width == 0 {
		width = 110
	}
	pad := strings.Repeat(" ", indent)
	col := 0
	for i, w := range strings.Fields(text) {
		if i == 0 {
			fmt.Fprint(p.out, pad+w)
			col = indent + len(w)
			continue
		}
		if col+1+len(w) > width {
			fmt.Fprint(p.out, "\n"+pad+w)
			col = indent + len(w)
			continue
		}
		fmt.Fprint(p.out, " "+w)
		col += 1 + len(w)
	}
	if col > 0 {
		fmt.Fprintln(p.out)
	}
}

type lawDiffCommand struct {
	ID   string `arg:"" optional:"" default:"uk-psti" help:"The regime."`
	From date   `required:"" help:"The earlier day." placeholder:"DATE"`
	To   date   `required:"" help:"The later day." placeholder:"DATE"`
	JSON bool   `name:"json" help:"Machine form."`
}

func (c *lawDiffCommand) Run(env *environment) error {
	r, err := law.Standard().Regime(c.ID)
	if err != nil {
		return err
	}
	if c.To.Before(c.From.Date) {
		return &assay.Problem{Kind: assay.ErrInvalid, What: fmt.Sprintf("%s is before %s", c.To, c.From), Do: "give the earlier day with --from"}
	}
	d := r.Diff(c.From.Date, c.To.Date)
	if c.JSON {
		return env.json(d)
	}
	p := &lawPrinter{environment: env}
	p.para(0, fmt.Sprintf("%s between %s and %s", r.Title, d.From.Words(), d.To.Words()))
	for _, v := range d.Versions {
		fmt.Fprintln(env.out)
		p.para(0, fmt.Sprintf("From %s: %s (%s)", v.From.Words(), v.Title, v.Cite))
		p.para(2, v.Changed)
	}
	for _, part := range []struct {
		sign, title string
		items       []law.Item
	}{{"+", "Came into the law", d.Added}, {"-", "Went out of the law", d.Removed}} {
		if len(part.items) == 0 {
			continue
		}
		fmt.Fprintf(env.out, "\n%s:\n", part.title)
		for _, it := range part.items {
			it.Depth = 0
			it.ID = part.sign + " " + it.Kind + " " + it.ID
			p.item(it)
		}
	}
	if len(d.Versions)+len(d.Added)+len(d.Removed) == 0 {
		fmt.Fprintln(env.out, "Nothing changed.")
	}
	return nil
}

type lawTermsCommand struct {
	Contains string `arg:"" optional:"" help:"Only terms whose name holds this."`
	JSON     bool   `name:"json" help:"Machine form."`
}

func (c *lawTermsCommand) Run(env *environment) error {
	type row struct {
		ID       assay.TermID `json:"id"`
		On       string       `json:"on"`
		Type     assay.Type   `json:"type"`
		Unit     string       `json:"unit,omitempty"`
		Values   []string     `json:"values,omitempty"`
		Fold     vocab.Fold   `json:"fold"`
		Title    string       `json:"title"`
		Question string       `json:"question,omitempty"`
		Help     string       `json:"help,omitempty"`
		Source   assay.Cite   `json:"source"`
	}
	rows := []row{}
	for _, t := range vocab.Standard().Terms() {
		if strings.Contains(string(t.ID), c.Contains) {
			rows = append(rows, row{t.ID, t.On, t.Type, t.Unit, t.Values, t.Fold, t.Title, t.Question, t.Help, t.Source})
		}
	}
	if c.JSON {
		return env.json(map[string]any{"terms": rows})
	}
	p := &lawPrinter{environment: env}
	for _, t := range rows {
		kind := t.Type.String()
		if len(t.Values) > 0 {
			kind += ": " + strings.Join(t.Values, ", ")
		}
		p.para(0, fmt.Sprintf("%s  (of a %s; %s)", t.ID, t.On, kind))
		p.para(4, t.Title+". "+t.Question)
		p.para(4, string(t.Source))
	}
	return nil
}
