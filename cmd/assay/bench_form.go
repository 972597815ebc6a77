package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/bench"
)

type benchICS struct {
	Export icsExport `cmd:"" help:"Write the form to a file, .csv or .xlsx."`
	Import icsImport `cmd:"" help:"Read the form from a file, .csv or .xlsx, and keep what it answers."`
}

type benchIXIT struct {
	Export  ixitExport  `cmd:"" help:"Write the tables to a workbook (.xlsx), or to a folder of CSV files."`
	Import  ixitImport  `cmd:"" help:"Read tables from a workbook, a CSV file or a folder of them: what the supplier declares."`
	Prefill ixitPrefill `cmd:"" help:"Write what tools observed into the column of what was found."`
	Sign    ixitSign    `cmd:"" help:"Record that the supplier stands by what is declared."`
}

type icsExport struct {
	benchOf
	File string `arg:"" help:"The file to write."`
}

// Run writes the form.
func (c *icsExport) Run(ctx context.Context, env *environment) error {
	d, p, err := c.load(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	var b bytes.Buffer
	sheet := p.ICSSheet()
	switch ending(c.File) {
	case ".csv":
		err = sheet.WriteCSV(&b)
	case ".xlsx":
		err = bench.WriteXLSX(&b, bench.FormNotes(), sheet)
	default:
		err = noForm(c.File)
	}
	if err != nil {
		return err
	}
	if err := writeForm(c.File, b.Bytes()); err != nil {
		return err
	}
	fmt.Fprintf(env.out, "Wrote %d rows of the ICS for EN 303 645 %s to %s.\n", len(p.Rows), p.Edition, c.File)
	return nil
}

func ending(name string) string { return strings.ToLower(filepath.Ext(name)) }

func noForm(name string) error {
	return &assay.Problem{Kind: assay.ErrUnsupported, Where: name, What: "is neither .csv nor .xlsx", Do: "name the file with one of these endings"}
}

// writeForm writes beside and renames. A form that somebody may have filled in is not
// written over.
func writeForm(name string, data []byte) error {
	if _, err := os.Lstat(name); err == nil {
		return &assay.Problem{Kind: assay.ErrConflict, Where: name, What: "is there already", Do: "name another file, or remove it"}
	}
	beside := name + ".part"
	if err := os.WriteFile(beside, data, 0o644); err != nil { //nolint:gosec // a form is made to be handed on
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := os.Rename(beside, name); err != nil {
		return fmt.Errorf("write %s: %w", name, errors.Join(err, os.Remove(beside)))
	}
	return nil
}

// maxForm bounds a form as it comes, in bytes.
const maxForm = 16 << 20

// readSheets reads the sheets of a file, or of the CSV files of a folder.
func readSheets(name string) ([]*bench.Sheet, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, &assay.Problem{Kind: assay.ErrNotFound, Where: name, What: "cannot be read", Do: "check the path"}
	}
	if info.IsDir() {
		entries, err := os.ReadDir(name)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return ending(e.Name()) != ".csv" || e.IsDir() })
		if len(entries) == 0 || len(entries) > 64 {
			return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: name, What: fmt.Sprintf("holds %d CSV files", len(entries)), Do: "give a folder with one for each table"}
		}
		var all []*bench.Sheet
		for _, e := range entries {
			sheets, err := readSheets(filepath.Join(name, e.Name()))
			if err != nil {
				return nil, err
			}
			all = append(all, sheets...)
		}
		return all, nil
	}
	data, err := readBounded(name, maxForm)
	if err != nil {
		return nil, err
	}
	return bench.ReadSheets(name, data)
}

type icsImport struct {
	benchOf
	File string `arg:"" help:"The file to read."`
	By   string `help:"Who answers: name and function at the supplier. (Or set ASSAY_BY.)"`
}

// Run keeps what the form answers, all or nothing.
func (c *icsImport) Run(ctx context.Context, env *environment) error {
	sheets, err := readSheets(c.File)
	if err != nil {
		return err
	}
	r, err := c.recorder(ctx, env, c.By)
	if err != nil {
		return err
	}
	defer r.Dossier.Close()
	rows, kept, err := r.TakeICS(sheets)
	if err != nil {
		return err
	}
	p, err := r.Plan()
	if err != nil {
		return err
	}
	fmt.Fprintf(env.out, "Read %d rows, kept %d answers. ICS: %s.\n", rows, kept, p.Valid)
	env.problems(p.Problems)
	return nil
}

type ixitExport struct {
	benchOf
	To string `arg:"" help:"The workbook to write (.xlsx), or the folder for CSV files."`
}

// Run writes all tables of the version.
func (c *ixitExport) Run(ctx context.Context, env *environment) error {
	d, p, err := c.load(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	t, err := c.test(d)
	if err != nil {
		return err
	}
	sheets := t.IXITSheets(p.IXIT)
	if ending(c.To) == ".xlsx" {
		var b bytes.Buffer
		if err := bench.WriteXLSX(&b, bench.FormNotes(), sheets...); err != nil {
			return err
		}
		err = writeForm(c.To, b.Bytes())
	} else if err = os.Mkdir(c.To, 0o755); err == nil { //nolint:gosec // a form is made to be handed on
		for _, s := range sheets {
			var b bytes.Buffer
			if err = s.WriteCSV(&b); err == nil {
				err = writeForm(filepath.Join(c.To, "ixit-"+strings.ReplaceAll(s.Name, " ", "-")+".csv"), b.Bytes())
			}
			if err != nil {
				break
			}
		}
	} else if errors.Is(err, fs.ErrExist) {
		err = &assay.Problem{Kind: assay.ErrConflict, Where: c.To, What: "is there already", Do: "name another folder, or a file that ends in .xlsx"}
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(env.out, "Wrote %d IXIT tables of TS 103 701 %s to %s.\n", len(sheets), t.TestSpecification, c.To)
	return nil
}

type ixitImport struct {
	benchOf
	From string `arg:"" help:"The workbook, the CSV file, or the folder of CSV files."`
}

// Run takes from the tables what the supplier declares.
func (c *ixitImport) Run(ctx context.Context, env *environment) error {
	sheets, err := readSheets(c.From)
	if err != nil {
		return err
	}
	r, err := c.recorder(ctx, env, "")
	if err != nil {
		return err
	}
	defer r.Dossier.Close()
	x, tables, entries, err := r.TakeIXIT(sheets)
	if err != nil {
		return err
	}
	state := "signed"
	if x.Draft() {
		state = "a draft until the supplier signs it: assay bench ixit sign " + c.Dir
	}
	fmt.Fprintf(env.out, "Read %d tables with %d declared entries. It is %s.\n", tables, entries, state)
	return nil
}

type ixitPrefill struct {
	benchOf
}

// Run writes what tools observed into the IXIT.
func (c *ixitPrefill) Run(ctx context.Context, env *environment) error {
	r, err := c.recorder(ctx, env, "")
	if err != nil {
		return err
	}
	defer r.Dossier.Close()
	found, err := r.PrefillIXIT()
	if err != nil {
		return err
	}
	fmt.Fprintf(env.out, "Wrote %d fields of what was found into ixit.yaml. What is declared is as it was.\n", found)
	return nil
}

type ixitSign struct {
	benchOf
	By string `help:"Who signs: name and function at the supplier." required:""`
}

// Run records that the supplier stands by what is declared.
func (c *ixitSign) Run(ctx context.Context, env *environment) error {
	r, err := c.recorder(ctx, env, c.By)
	if err != nil {
		return err
	}
	defer r.Dossier.Close()
	signed, err := r.SignIXIT(c.By)
	if err != nil {
		return err
	}
	fmt.Fprintf(env.out, "Signed by %s: %s.\n", c.By, signed.Digest)
	return nil
}

type benchReport struct {
	benchOf
	PDF  bool `name:"pdf" help:"Print a PDF, where Chromium is found." default:"true" negatable:""`
	JSON bool `name:"json" help:"Machine form on standard output, and nothing else there."`
}

// Run writes the test report into the dossier.
func (c *benchReport) Run(ctx context.Context, env *environment) error {
	r, err := c.recorder(ctx, env, "")
	if err != nil {
		return err
	}
	defer r.Dossier.Close()
	p, err := r.Plan()
	if err != nil {
		return err
	}
	doc := p.Report(r.Dossier, env.now())
	if err := doc.ShowPhotos(ctx, r.Dossier, bench.PhotoLimits{}); err != nil {
		return err
	}
	w, err := writeBenchReport(ctx, r, c.Dir, doc, c.PDF)
	if err != nil {
		return err
	}
	env.verdict(p.Overall)
	if c.JSON {
		return env.json(doc)
	}
	fmt.Fprintf(env.out, "%s: TS 103 701 %s, EN 303 645 %s\n", p.Overall, p.TestSpecification, p.Edition)
	for _, b := range doc.Because {
		fmt.Fprintf(env.out, "  %s\n", b)
	}
	for i, p := range doc.Photos {
		fmt.Fprintf(env.out, "Photograph %d: %s, %s%s\n", i+1, p.Name, p.Digest, map[bool]string{true: "; not shown: " + p.NotShown}[p.NotShown != ""])
	}
	if w.notPrinted == "" {
		fmt.Fprintf(env.out, "Report: %s, with .json, .xlsx, .txt and .pdf beside it\n", filepath.Join(c.Dir, "bench-report.html"))
		return nil
	}
	fmt.Fprintf(env.out, "Report: %s, with .json, .xlsx and .txt beside it (%s)\n", filepath.Join(c.Dir, "bench-report.html"), w.notPrinted)
	return nil
}
