package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/bench"
	"github.com/assay-psti/assay/dossier"
	"github.com/assay-psti/assay/evidence"
	"github.com/assay-psti/assay/law"
)

type benchCommand struct {
	Run    benchRun    `cmd:"" default:"withargs" help:"Go through the test step by step; stop and go on at any point."`
	Plan   benchPlan   `cmd:"" help:"Show the plan: groups, cases, units, and what each waits for."`
	Ics    benchICS    `cmd:"" name:"ics" help:"Export or import the answer form (ICS)."`
	Ixit   benchIXIT   `cmd:"" name:"ixit" help:"Export, import, prefill or sign the extra information for testing (IXIT)."`
	Cover  benchCover  `cmd:"" help:"Record that evidence from elsewhere covers a case (TS 103 701 clause 4.7)."`
	Report benchReport `cmd:"" help:"Write the test report: HTML, PDF, plain text, JSON and XLSX, with the photographs."`
	Assess benchAssess `cmd:"" help:"Sign the verdict as an assessment of a product in a register."`
}

// benchOf is what every bench command is told.
type benchOf struct {
	Dir     string `arg:"" help:"The dossier's folder."`
	Edition string `help:"The edition of EN 303 645 to test (default: as in product.yaml or ixit.yaml, else V2.1.1)." placeholder:"EDITION"`
}

// test is the test of the edition wanted.
func (c *benchOf) test(d *dossier.Dossier) (*bench.Test, error) {
	edition := c.Edition
	if edition == "" {
		var err error
		if edition, err = bench.EditionOf(d); err != nil {
			return nil, err
		}
	}
	return bench.For(law.Standard(), edition)
}

// recorder opens a dossier in order to keep answers.
func (c *benchOf) recorder(ctx context.Context, env *environment, by string) (*bench.Recorder, error) {
	d, err := dossier.Open(ctx, c.Dir)
	if err != nil {
		return nil, err
	}
	t, err := c.test(d)
	if err == nil {
		_, err = fold(d) // say what is wrong with a dossier before a day of testing
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if by == "" {
		by = env.user
	}
	return &bench.Recorder{Test: t, Dossier: d, By: by, Now: env.now}, nil
}

// load reads a dossier and makes its plan.
func (c *benchOf) load(ctx context.Context) (*dossier.Dossier, *bench.Plan, error) {
	d, err := dossier.Load(ctx, c.Dir)
	if err != nil {
		return nil, nil, err
	}
	p, err := c.planOf(d)
	if err != nil {
		return nil, nil, errors.Join(err, d.Close())
	}
	return d, p, nil
}

func (c *benchOf) planOf(d *dossier.Dossier) (*bench.Plan, error) {
	t, err := c.test(d)
	if err != nil {
		return nil, err
	}
	if _, err := fold(d); err != nil {
		return nil, err
	}
	in, err := bench.InputOf(d)
	if err != nil {
		return nil, err
	}
	return t.Plan(in)
}

type benchPlan struct {
	benchOf
	All  bool `help:"Show the groups that the form does not claim, too."`
	JSON bool `name:"json" help:"Machine form on standard output, and nothing else there."`
}

// Run shows the plan.
func (c *benchPlan) Run(ctx context.Context, env *environment) error {
	d, p, err := c.load(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	env.verdict(p.Overall)
	if c.JSON {
		return env.json(p.Report(d, env.now()))
	}
	fmt.Fprintf(env.out, "TS 103 701 %s, EN 303 645 %s: %s\n", p.TestSpecification, p.Edition, p.Overall)
	for _, b := range p.Because() {
		fmt.Fprintf(env.out, "  %s\n", b)
	}
	env.problems(p.Problems)
	for _, g := range p.Groups {
		if !g.Tested {
			if c.All {
				fmt.Fprintf(env.out, "\n%s %s (%s): %s\n", g.ID, g.Name, g.Status, cmp.Or(map[bool]string{true: "not claimed, answer " + g.Answer}[g.Answer != ""], "not answered in the ICS"))
				env.why(g)
			}
			continue
		}
		fmt.Fprintf(env.out, "\n%s %s (%s): %s\n", g.ID, g.Name, g.Status, g.Verdict)
		env.why(g)
		for _, x := range g.Cases {
			fmt.Fprintf(env.out, "  case %s, %s: %s\n", x.ID, x.Kind, x.Verdict)
			for _, t := range x.Tables {
				fmt.Fprintf(env.out, "    compares with %s: %s\n", t.Title(), t.State)
				if len(t.Undeclared) > 0 {
					fmt.Fprintf(env.out, "      found and not declared: %s\n", atMost(t.Undeclared, maxShown))
				}
			}
			for _, u := range x.Units {
				fmt.Fprintf(env.out, "    %s  %s\n       fulfilled when: %s%s\n", u.Letter, u.Do, u.Holds, map[bool]string{true: " (our interpretation)"}[u.Interpretation])
				if len(u.Needs) > 0 {
					fmt.Fprintf(env.out, "       needs: %s\n", strings.Join(u.Needs, "; "))
				}
				if u.Record != nil {
					fmt.Fprintf(env.out, "       %s by %s: %s%s\n", u.Record.Verdict, u.Record.By, u.Record.Reason, map[bool]string{true: " (does not count: " + u.Stale + ")"}[u.Stale != ""])
				}
			}
		}
	}
	return nil
}

// why tells by what facts a group failed.
func (env *environment) why(g *bench.Group) {
	if g.Why != "" {
		fmt.Fprintln(env.out, wrap("  ", strings.ToUpper(g.Why[:1])+g.Why[1:]+".", 100))
	}
}

// problems tells what is wrong with a form, and in one line each what is wanted for
// it.
func (env *environment) problems(all []bench.Problem) {
	wanted := map[law.ICSProblemKind][]string{}
	for _, x := range all {
		if !x.Invalid {
			wanted[x.Kind] = append(wanted[x.Kind], x.Provision)
			continue
		}
		line := fmt.Sprintf("ICS %s INVALID: %s. %s", x.Provision, x.Kind, x.Text)
		if x.Shown != "" {
			line += " " + x.Shown
		}
		if x.Correction != "" {
			line += " To mend it: " + x.Correction + "."
		}
		fmt.Fprintln(env.out, line)
	}
	for _, kind := range slices.Sorted(maps.Keys(wanted)) {
		rows := slices.Compact(wanted[kind])
		fmt.Fprintf(env.out, "ICS %s (%d): %s\n", kind, len(rows), atMost(rows, 12))
	}
}

type benchCover struct {
	Dir      string   `arg:"" help:"The dossier's folder."`
	Case     string   `arg:"" help:"The test case, such as 5.1-3-1."`
	What     string   `help:"What covers it: the document, who issued it, until when it is valid." placeholder:"TEXT"`
	File     []string `help:"The certificate or report, as often as wanted." placeholder:"FILE" sep:"none"`
	By       string   `help:"Who accepts it: name and function. (Or set ASSAY_BY.)"`
	Withdraw bool     `help:"Take it back; --what says why."`
	Edition  string   `help:"The edition of EN 303 645." placeholder:"EDITION"`
}

// Run records or takes back that evidence from elsewhere covers a case.
func (c *benchCover) Run(ctx context.Context, env *environment) error {
	of := benchOf{c.Dir, c.Edition}
	r, err := of.recorder(ctx, env, c.By)
	if err != nil {
		return err
	}
	defer r.Dossier.Close()
	if c.Withdraw {
		if err := r.Uncover(c.Case, c.What); err != nil {
			return err
		}
		fmt.Fprintf(env.out, "Case %s is no longer covered by evidence from elsewhere.\n", c.Case)
		return nil
	}
	files, err := readFiles(c.File)
	if err != nil {
		return err
	}
	for i := range files {
		files[i].Kind = evidence.Documents
	}
	if err := r.Cover(ctx, c.Case, c.What, files); err != nil {
		return err
	}
	fmt.Fprintf(env.out, "Case %s is covered by evidence from elsewhere.\n", c.Case)
	return nil
}

// maxAttached bounds a file that goes with an answer, in bytes.
const maxAttached = 256 << 20

// documentEndings are those of files that people read; others are records of the
// device.
var documentEndings = []string{".pdf", ".doc", ".docx", ".odt", ".md", ".xlsx", ".ods"}

// readFiles reads files that go with an answer.
func readFiles(names []string) ([]bench.File, error) {
	var files []bench.File
	for _, name := range names {
		data, err := readBounded(name, maxAttached)
		if err != nil {
			return nil, err
		}
		f := bench.File{Name: filepath.Base(name), Data: data}
		if slices.Contains(documentEndings, strings.ToLower(filepath.Ext(name))) {
			f.Kind = evidence.Documents
		}
		files = append(files, f)
	}
	return files, nil
}

// readBounded reads a plain file whole; no larger than most.
func readBounded(name string, most int64) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		return nil, &assay.Problem{Kind: assay.ErrNotFound, Where: name, What: "is not a file that can be read", Do: "check the path"}
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if int64(len(data)) > most {
		return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: name, What: fmt.Sprintf("is larger than %d MiB", most>>20), Do: "put it into the dossier's evidence folder by hand"}
	}
	return data, nil
}
