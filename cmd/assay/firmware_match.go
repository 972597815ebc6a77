package main

import (
	"context"
	"fmt"
	"os"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/component"
	"github.com/assay-psti/assay/report"
)

// matcher holds the vulnerability records and what is said of them.
type matcher struct {
	db  *component.Database // nil where none were given
	vex *component.VEX
}

func (c *firmwareCommand) matcher(ctx context.Context) (*matcher, error) {
	m := &matcher{}
	if c.Vulns == "" {
		if c.Vex != "" || c.WriteVex != "" || c.SBOMIn != "" {
			return nil, &assay.Problem{Kind: assay.ErrInvalid, What: "there are no vulnerability records to speak of", Do: "give --vulns DIR"}
		}
		return m, nil
	}
	root, err := os.OpenRoot(c.Vulns)
	if err != nil {
		return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: c.Vulns, What: "is no folder of records", Err: err, Do: "give a folder of OSV or CVE files"}
	}
	defer root.Close()
	if m.db, err = component.LoadDatabase(ctx, root.FS()); err != nil {
		return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: c.Vulns, What: "cannot be read", Err: err}
	}
	if m.db.Records == 0 {
		return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: c.Vulns, What: "holds no vulnerability record, so that no match would mean nothing", Do: "give a folder of OSV or CVE files"}
	}
	if c.Vex == "" {
		return m, nil
	}
	f, err := os.Open(c.Vex)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if m.vex, err = component.ReadVEX(f); err != nil {
		return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: c.Vex, What: "is no OpenVEX document", Err: err}
	}
	return m, nil
}

// match compares an inventory with the records.
func (m *matcher) match(f *report.Firmware, inv component.Inventory) {
	if m.db == nil {
		return
	}
	f.Matched, f.Records = true, m.db.Records
	f.Vulnerabilities = m.db.Match(inv)
	if m.vex != nil {
		m.vex.Apply(f.Vulnerabilities)
	}
	for i, u := range m.db.Unread {
		if i == 5 {
			f.Remarks = append(f.Remarks, fmt.Sprintf("%d more records could not be read", len(m.db.Unread)-i))
			break
		}
		f.Remarks = append(f.Remarks, fmt.Sprintf("record %s could not be read: %s", u.Path, u.Why))
	}
}

// rematch matches a bill of materials that was kept, without looking at the product again.
func (c *firmwareCommand) rematch(env *environment, m *matcher) error {
	f, err := os.Open(c.SBOMIn)
	if err != nil {
		return err
	}
	defer f.Close()
	inv, err := component.ReadCycloneDX(f)
	if err != nil {
		return &assay.Problem{Kind: assay.ErrInvalid, Where: c.SBOMIn, What: "is no CycloneDX file", Err: err}
	}
	r := &report.Firmware{File: c.SBOMIn, Verdict: report.NoFinding, Disclaimer: report.Disclaimer, Components: inv.Components,
		Meaning: "A bill of materials is matched against records; no image was looked at, and nothing follows for SI 2023/1007 Sch.1."}
	m.match(r, inv)
	if err := c.writeVEX(env, r.Vulnerabilities); err != nil {
		return err
	}
	if c.JSON {
		return env.json(r)
	}
	return report.FirmwareText(env.out, r, c.textOptions(env))
}

// compare says what the second image changed.
func (c *firmwareCommand) compare(ctx context.Context, env *environment, m *matcher) error {
	was, _, err := c.take(ctx, env, c.Files[0], m)
	if err != nil {
		return err
	}
	is, _, err := c.take(ctx, env, c.Files[1], m)
	if err != nil {
		return err
	}
	d := report.CompareFirmware(was, is)
	setStatus(env, is.Verdict)
	if c.JSON {
		return env.json(d)
	}
	return report.FirmwareChangesText(env.out, d, c.textOptions(env))
}
