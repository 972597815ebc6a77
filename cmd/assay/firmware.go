package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/check/accounts"
	"github.com/assay-psti/assay/check/components"
	"github.com/assay-psti/assay/check/credentials"
	"github.com/assay-psti/assay/check/image"
	"github.com/assay-psti/assay/check/secrets"
	"github.com/assay-psti/assay/check/updates"
	"github.com/assay-psti/assay/component"
	"github.com/assay-psti/assay/law"
	"github.com/assay-psti/assay/report"
	"github.com/assay-psti/assay/runner"
	"github.com/assay-psti/assay/vocab"
)

type firmwareCommand struct {
	Files    []string `arg:"" optional:"" help:"An image, archive or unpacked folder; with two, what the second changed." placeholder:"FILE"`
	AsAt     date     `help:"Judge by the law of this day (default: today)." placeholder:"DATE"`
	Vulns    string   `help:"A folder of OSV or CVE records to match the components against." placeholder:"DIR"`
	Vex      string   `help:"An OpenVEX document that says which of the matches matter." placeholder:"FILE"`
	WriteVex string   `help:"Where to write the matches as OpenVEX." placeholder:"FILE"`
	SBOM     string   `name:"sbom" help:"Write the bill of materials to standard output, and nothing else: cyclonedx or spdx." enum:"cyclonedx,spdx," default:""`
	SBOMIn   string   `name:"sbom-in" help:"Match the components of this CycloneDX file instead of an image's." placeholder:"FILE"`
	All      bool     `help:"Show everything, however long."`
	Show     bool     `help:"Show credentials in the clear."`
	JSON     bool     `name:"json" help:"Machine form."`
}

// Run takes one image apart, compares two, or matches a bill of materials anew.
func (c *firmwareCommand) Run(ctx context.Context, env *environment) error {
	m, err := c.matcher(ctx)
	if err != nil {
		return err
	}
	switch {
	case c.SBOMIn != "" && len(c.Files) == 0:
		return c.rematch(env, m)
	case c.SBOMIn != "" || len(c.Files) == 0 || len(c.Files) > 2:
		return &assay.Problem{Kind: assay.ErrInvalid, What: "wants one image, two to compare, or --sbom-in", Do: "see assay firmware --help"}
	case len(c.Files) == 2:
		return c.compare(ctx, env, m)
	}
	f, inv, err := c.take(ctx, env, c.Files[0], m)
	if err != nil {
		return err
	}
	if err := c.writeVEX(env, f.Vulnerabilities); err != nil {
		return err
	}
	setStatus(env, f.Verdict)
	switch {
	case c.SBOM != "":
		return c.writeSBOM(env, inv, f.File)
	case c.JSON:
		return env.json(f)
	}
	return report.FirmwareText(env.out, f, c.textOptions(env))
}

func (c *firmwareCommand) textOptions(env *environment) report.FirmwareOptions {
	return report.FirmwareOptions{TextOptions: report.TextOptions{Width: env.width, Colour: env.outTerm}, All: c.All}
}

func setStatus(env *environment, verdict string) {
	switch verdict {
	case assay.Fail.String():
		env.status = exitFail
	case assay.Inconclusive.String():
		env.status = exitInconclusive
	default:
		env.status = exitPass
	}
}

// firmwareChecks are the checks that read firmware.
func firmwareChecks() []*check.Check {
	return []*check.Check{accounts.Check, components.Check, credentials.Check, image.Check, secrets.Check, updates.Check}
}

// take runs the checks of firmware on one file or folder and says what came of it.
func (c *firmwareCommand) take(ctx context.Context, env *environment, name string, m *matcher) (*report.Firmware, component.Inventory, error) {
	var none component.Inventory
	single, err := openSingle(ctx, name)
	if err != nil {
		return nil, none, err
	}
	p := progress{environment: env}
	result, err := runner.Run(ctx, runner.Input{Checks: firmwareChecks(), Evidence: single}, runner.Options{Now: env.now, Emit: p.message})
	p.clear()
	if err != nil {
		return nil, none, err
	}
	scan, _ := result.Results[image.Check.Name].(*image.Scan)
	if scan == nil || len(scan.Items) == 0 {
		return nil, none, &assay.Problem{Kind: assay.ErrInvalid, Where: name, What: "cannot be read as firmware", Err: unreadable(scan, result.Outcomes), Do: "give an image, an archive or a folder"}
	}
	item := scan.Items[0]
	f := report.NewFirmware(item, result.Observations, env.now(), c.Show)
	for _, o := range result.Outcomes {
		f.Remarks = append(f.Remarks, remarks(item, o)...)
		if o.State == runner.Failed && o.Check != accounts.Check.Name {
			return nil, none, fmt.Errorf("check %s could not do its work: %s", o.Check, o.Reason)
		}
		if o.State == runner.Failed {
			f.Remarks = append(f.Remarks, o.Reason)
		}
	}
	inv := inventory(item)
	m.match(f, inv)
	return f, inv, judgeFirmware(f, item, result.Observations, c.AsAt.orToday(env))
}

// remarks are those of a check's remarks that stand in no list of the report.
func remarks(item *image.Item, o runner.CheckOutcome) []string {
	var out []string
	for _, r := range o.Remarks {
		r, _ = strings.CutPrefix(r, item.Evidence.Name)
		r = strings.TrimLeft(r, ": ")
		listed := o.Check == image.Check.Name || strings.HasPrefix(r, "a part could not be read") ||
			o.Check == credentials.Check.Name && !strings.Contains(r, "is not said to be fixed") ||
			o.Check == secrets.Check.Name && !strings.Contains(r, "left out")
		if !listed && !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	return out
}

func unreadable(scan *image.Scan, outcomes []runner.CheckOutcome) error {
	if scan != nil && len(scan.Failed) > 0 {
		return scan.Failed[0].Err
	}
	for _, o := range outcomes {
		if o.Check == image.Check.Name {
			return errors.New(o.Reason)
		}
	}
	return errors.New("nothing was read")
}

// inventory is what an item is made of, trees and all.
func inventory(item *image.Item) component.Inventory {
	var inv component.Inventory
	for _, t := range item.Trees {
		if inv.Distribution == "" {
			inv.Distribution, inv.DistributionVersion = t.Inventory.Distribution, t.Inventory.DistributionVersion
		}
		inv.Components = append(inv.Components, t.Inventory.Components...)
		inv.Unread = append(inv.Unread, t.Inventory.Unread...)
		inv.Files += t.Inventory.Files
		inv.Bytes += t.Inventory.Bytes
	}
	for _, p := range item.Programs {
		inv.Components = append(inv.Components, p.Components...)
	}
	return inv
}

// judgeFirmware says what the observations mean for Schedule 1 paragraph 1.
func judgeFirmware(f *report.Firmware, item *image.Item, observations []assay.Observation, asAt assay.Date) error {
	facts, err := vocab.Standard().FoldAll(nil, observations)
	if err != nil {
		return err
	}
	a, err := law.Standard().Judge(facts, asAt, "uk-psti")
	if err != nil {
		return err
	}
	direct := find(a, "passwords", "para1-direct")
	passwords := map[assay.Subject]bool{}
	for _, o := range observations {
		if o.Subject.Kind() == "password" {
			passwords[o.Subject] = true
		}
	}
	looked := len(item.Trees) > 0 || len(item.Programs) > 0
	unclear := 0
	for _, c := range f.Credentials {
		if c.For == string(credentials.Unclear) {
			unclear++
		}
	}
	switch {
	case direct != nil && direct.Verdict == assay.Fail:
		f.Verdict = assay.Fail.String()
		f.Meaning = "SI 2023/1007 Sch.1 para 1 is not met: a password in the image is neither unique per product nor set by the user, or can be known or guessed. Only a condition of Sch.2 could carry it, and that is for assay test."
		f.Because = because(direct, observations)
	case !looked:
		f.Verdict = assay.Inconclusive.String()
		f.Meaning = "Nothing in it could be read, so nothing follows for SI 2023/1007 Sch.1 para 1."
	case len(f.Unread) > 0:
		f.Verdict = assay.Inconclusive.String()
		f.Meaning = "Not all of it could be read: what was read shows nothing that is against SI 2023/1007 Sch.1 para 1, and what was not read may."
	case len(passwords) > 0 || unclear > 0:
		f.Verdict = assay.Inconclusive.String()
		f.Meaning = fmt.Sprintf("It holds passwords or what may be some (%d), of which the image alone does not settle whether they meet SI 2023/1007 Sch.1 para 1.", len(passwords)+unclear)
	default:
		f.Verdict = report.NoFinding
		f.Meaning = "What was read shows nothing that is against SI 2023/1007 Sch.1 para 1. That is no pass: nothing follows for what was not looked at."
	}
	f.Unseen = unseen(f, item)
	return nil
}

// unseen is what taking an image apart does not look at.
func unseen(f *report.Firmware, item *image.Item) []string {
	var all []string
	switch {
	case len(f.Roots) == 0 && len(item.Trees) > 0:
		all = append(all, "accounts and start-up: no root file system is in it")
	case len(item.Trees) == 0:
		all = append(all, "accounts and start-up: no files are in it")
	}
	return append(all, "what programs do, other partitions of the device, its apps and services")
}

// find is a limb of a requirement of the first regime.
func find(a *law.Assessment, requirement, limb string) *law.Result {
	for _, r := range a.Regimes {
		for _, q := range r.Requirements {
			if q.ID != requirement {
				continue
			}
			for _, l := range q.Limbs {
				if l.ID == limb {
					return l
				}
			}
		}
	}
	return nil
}

// because is what the observations that failed a limb say, each password once.
func because(r *law.Result, observations []assay.Observation) []string {
	said := map[assay.Subject]bool{}
	failing := map[assay.ObservationID]bool{}
	var visit func(r *law.Result)
	visit = func(r *law.Result) {
		if r.Verdict != assay.Fail {
			return
		}
		if len(r.Limbs) == 0 {
			for _, id := range r.Because {
				failing[id] = true
			}
		}
		for _, l := range r.Limbs {
			visit(l)
		}
	}
	visit(r)
	var out []string
	for _, term := range []assay.TermID{"password.blank_accepted", "password.unique_per_product", "password.published_default", "password.guessable"} {
		for _, o := range observations {
			if o.Term == term && failing[o.ID] && !said[o.Subject] && len(out) < 10 {
				said[o.Subject] = true
				out = append(out, fmt.Sprintf("%s: %s (%s)", o.Subject, o.Note, o.Evidence[0].Place))
			}
		}
	}
	return out
}

func (c *firmwareCommand) writeSBOM(env *environment, inv component.Inventory, name string) error {
	of := component.Subject{Name: name, Tool: "assay"}
	if c.SBOM == "spdx" {
		return component.WriteSPDX(env.out, inv, of)
	}
	return component.WriteCycloneDX(env.out, inv, of)
}

func (c *firmwareCommand) writeVEX(env *environment, matches []component.Match) error {
	if c.WriteVex == "" {
		return nil
	}
	var b bytes.Buffer
	if err := component.WriteVEX(&b, matches, env.user, env.now()); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(c.WriteVex), ".vex-*")
	if err != nil {
		return err
	}
	_, err = f.Write(b.Bytes())
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), c.WriteVex)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
