package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/check/all"
	"github.com/assay-psti/assay/check/image"
	"github.com/assay-psti/assay/check/passwords"
	"github.com/assay-psti/assay/dossier"
	"github.com/assay-psti/assay/law"
	"github.com/assay-psti/assay/password"
	"github.com/assay-psti/assay/report"
	"github.com/assay-psti/assay/runner"
	"github.com/assay-psti/assay/vocab"
)

type testCommand struct {
	Dir    string   `arg:"" help:"The dossier's folder."`
	AsAt   date     `help:"Judge by the law of this day, for supply on this day (default: today)." placeholder:"DATE"`
	Law    []string `help:"The regimes to judge by (default: as in product.yaml, else uk-psti)." placeholder:"ID"`
	JSON   bool     `name:"json" help:"Machine form on standard output, and nothing else there."`
	Limbs  bool     `help:"Show every limb, not only those that decide."`
	Jobs   int      `help:"Checks that run at the same time." default:"2"`
	Fetch  bool     `help:"First fetch the public pages that product.yaml names, and keep them as evidence. Without it, no network is used."`
	Render bool     `help:"With --fetch: also show the product's page in Chromium, keep pictures, and measure where the support period stands."`

	AuthorisedBy string `name:"authorised-by" help:"Who allowed speaking to addresses that are not public; it is recorded." placeholder:"NAME"`
}

// Run checks, judges and writes the report.
func (c *testCommand) Run(ctx context.Context, env *environment) error {
	if c.Fetch {
		if err := fetchPages(ctx, env, c.Dir, c.AuthorisedBy, c.Render); err != nil {
			return err
		}
	}
	d, err := openDossier(ctx, env, c.Dir, dossier.Open)
	if err != nil {
		return err
	}
	defer d.Close()
	if _, err := fold(d); err != nil { // before an hour of checks, not after
		return err
	}
	outcomes, audits, images, err := runChecks(ctx, env, d, c.Jobs)
	if err != nil {
		return err
	}
	failed, unread := shortfall(outcomes)
	doc, err := assess(d, c.AsAt.orToday(env), laws(c.Law, d), unread...)
	if err != nil {
		return err
	}
	doc.Product.Dossier = filepath.ToSlash(filepath.Clean(c.Dir))
	doc.Checks, doc.Passwords, doc.Firmware, doc.Pictures = outcomes, audits, images, pictures(d)
	if err := writeReports(d, doc); err != nil {
		return err
	}
	env.verdict(doc.Verdict)
	if len(failed) > 0 {
		env.status = exitError
	}
	for _, f := range failed {
		fmt.Fprintf(env.errOut, "assay: check %s could not do its work: %s\n", f.Check, strings.Join(strings.Fields(f.Reason), " "))
	}
	if c.JSON {
		return env.json(doc)
	}
	if err := report.Text(env.out, doc, vocab.Standard(), report.TextOptions{Width: env.width, Colour: env.outTerm, Verbose: c.Limbs}); err != nil {
		return err
	}
	fmt.Fprintf(env.out, "Report: %s\n", filepath.Join(c.Dir, "report.html"))
	return nil
}

// runChecks runs every check that the evidence allows and keeps what it observed.
func runChecks(ctx context.Context, env *environment, d *dossier.Dossier, jobs int) ([]report.Outcome, []*password.Report, []*report.Firmware, error) {
	p := progress{environment: env}
	defer p.clear()
	result, err := runner.Run(ctx, runner.Input{Checks: all.Checks(), Evidence: d.Evidence, Parts: d.Parts(), Product: productOf(&d.Product), Earlier: d.Observed},
		runner.Options{Jobs: jobs, Now: env.now, Log: slog.Default(), Emit: p.message})
	if err != nil {
		return nil, nil, nil, err
	}
	for _, made := range [][]assay.Observation{result.Observations, result.Withdrawals} {
		if _, err := d.Append(made); err != nil {
			return nil, nil, nil, err
		}
	}
	outcomes := make([]report.Outcome, len(result.Outcomes))
	for i, o := range result.Outcomes {
		outcomes[i] = report.Outcome{Check: o.Check, Title: o.Title, Outcome: string(o.State), Reason: o.Reason, Remarks: o.Remarks, Whole: o.Whole, Observations: o.Observations}
	}
	var audits []*password.Report
	if reports, ok := result.Results[passwords.Check.Name].(passwords.Reports); ok {
		for _, name := range slices.Sorted(maps.Keys(reports)) {
			audits = append(audits, reports[name])
		}
	}
	var images []*report.Firmware
	if scan, ok := result.Results[image.Check.Name].(*image.Scan); ok {
		for _, item := range scan.Items {
			f := report.NewFirmware(item, result.Observations, env.now(), false)
			f.Observations = nil // they stand in the document
			images = append(images, f)
		}
	}
	return outcomes, audits, images, nil
}

// shortfall is the checks that failed, and the terms of all checks for which there
// was evidence that they could not read, or not whole.
func shortfall(outcomes []report.Outcome) (failed []report.Outcome, unread []assay.TermID) {
	for _, o := range outcomes {
		// A check that was skipped had nothing to read, unless one that it requires could not read it.
		if o.Outcome == string(runner.Skipped) && !strings.HasSuffix(o.Reason, ", which "+string(runner.Failed)) || o.Whole {
			continue
		}
		if o.Outcome == string(runner.Failed) {
			failed = append(failed, o)
		}
		for _, c := range all.Checks() {
			if c.Name == o.Check {
				unread = append(unread, c.Observes...)
			}
		}
	}
	return failed, unread
}

// assess judges what stands in the dossier. Of the unread terms there is evidence
// that could not be read.
func assess(d *dossier.Dossier, asAt assay.Date, laws []string, unread ...assay.TermID) (*report.Document, error) {
	facts, said, err := foldBench(d)
	if err != nil {
		return nil, err
	}
	facts.Withhold(unread)
	a, err := law.Standard().Judge(facts, asAt, laws...)
	if err != nil {
		return nil, err
	}
	standing := append(vocab.Standing(d.Observations()), said...)
	p := d.Product
	return &report.Document{
		Product:    report.Product{Name: p.Name, Make: p.Make, Models: p.Models, Description: p.Description},
		Assessment: *a, Observations: standing, Disclaimer: report.Disclaimer, Checks: []report.Outcome{},
		Notes: over(facts, asAt),
	}, nil
}

// maxNotes bounds how many consignments are noted one by one.
const maxNotes = 10

// over notes which supply was over before the day for which it is judged: on that
// day labels, periods and statements may have been others.
func over(facts *vocab.Facts, asAt assay.Date) []string {
	v := facts.Vocabulary()
	var subjects []assay.Subject
	for _, p := range facts.Parts(v.Term("supply.date").On) {
		subjects = append(subjects, p.Subject)
	}
	if len(subjects) == 0 {
		subjects = append(subjects, assay.Product)
	}
	var notes []string
	for _, s := range subjects {
		continuing, last := facts.Fact(s, v.Term("supply.continuing")), facts.Fact(s, v.Term("supply.date"))
		if continuing.Known() && !continuing.Value.Bool() && last.Known() && last.Value.Date().Before(asAt) {
			what := "Supply"
			if s != assay.Product {
				what = "Supply of " + string(s)
			}
			if len(notes) == maxNotes {
				return append(notes, "More consignments were over before the day for which they are judged.")
			}
			notes = append(notes, fmt.Sprintf("%s was over on %s, but what is judged is supply on %s. For that day, judge with --as-at %s.",
				what, last.Value.Date().Words(), asAt.Words(), last.Value.Date()))
		}
	}
	return notes
}

// writeReports puts assessment.json and report.html into the dossier.
func writeReports(d *dossier.Dossier, doc *report.Document) error {
	var page bytes.Buffer
	if err := report.HTML(&page, doc, vocab.Standard()); err != nil {
		return err
	}
	data, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err
	}
	if err := d.Write("assessment.json", append(data, '\n')); err != nil {
		return err
	}
	return d.Write("report.html", page.Bytes())
}

// progress shows on one line what goes on, while a person watches.
type progress struct {
	*environment
	shown bool
}

func (p *progress) message(m runner.Message) {
	if m.Kind != runner.InProgress || !p.errTerm {
		return
	}
	line := m.Check + " " + m.What
	if m.Total > 0 {
		line += fmt.Sprintf(" %d%%", 100*m.Done/m.Total)
	}
	p.line(line)
}

// line shows what goes on, while a person watches.
func (p *progress) line(line string) {
	if !p.errTerm {
		return
	}
	if r := []rune(line); len(r) > 76 {
		line = string(r[:76])
	}
	fmt.Fprintf(p.errOut, "\r\x1b[K%s", line)
	p.shown = true
}

func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.errOut, "\r\x1b[K")
	}
}
