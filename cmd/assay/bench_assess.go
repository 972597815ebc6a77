package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/bench"
	"github.com/assay-psti/assay/register"
	"github.com/assay-psti/assay/report"
	"github.com/assay-psti/assay/sign"
	"github.com/assay-psti/assay/statement"
)

// assessmentFile is the signed assessment in a dossier.
const assessmentFile = "bench-assessment.json"

type benchAssess struct {
	benchOf
	Product    string `help:"The id of the product's entry in the register, as its page shows it." required:"" placeholder:"ID"`
	Version    int    `help:"The version of the entry that was tested." required:"" placeholder:"N"`
	Key        string `help:"The laboratory's private key: Ed25519 or ECDSA P-256, PKCS#8 in PEM, open to nobody else." required:"" placeholder:"FILE"`
	Laboratory string `help:"The laboratory's name (default: as the identification of the test says)." placeholder:"NAME"`
	Note       string `help:"A note for all to read." placeholder:"TEXT"`
}

// Run signs what the test came to, for a register to show. What did not come to a verdict
// is signed as that: INCONCLUSIVE.
func (c *benchAssess) Run(ctx context.Context, env *environment) error {
	key, err := sign.ReadKeyFile(c.Key)
	if err != nil {
		return err
	}
	r, err := c.recorder(ctx, env, "")
	if err != nil {
		return err
	}
	defer r.Dossier.Close()
	p, err := r.Plan()
	if err != nil {
		return err
	}
	claim := register.AssessmentClaim{Product: c.Product, Version: c.Version, Laboratory: strings.TrimSpace(c.Laboratory), AsAt: assay.DateOf(env.now()), Note: c.Note,
		Regimes: []register.RegimeVerdict{{Regime: "en303645", Version: p.Edition, Verdict: p.Overall}}}
	for _, i := range p.Identity {
		switch {
		case i.Value.Type() == assay.NoType:
		case i.Term == "bench.laboratory" && claim.Laboratory == "":
			claim.Laboratory = i.Value.Text()
		case i.Term == "bench.serials":
			claim.Units = strings.Join(i.Value.Set(), ", ")
		}
	}
	if claim.Laboratory == "" {
		return &assay.Problem{Kind: assay.ErrInvalid, What: "it is not known which laboratory tested", Do: "say --laboratory NAME, or answer it in the identification"}
	}
	if c.Version < 1 {
		return &assay.Problem{Kind: assay.ErrInvalid, Where: "--version", What: "is no version of an entry", Do: "give the number that its page shows, from 1 on"}
	}
	doc := p.Report(r.Dossier, env.now())
	if err := doc.ShowPhotos(ctx, r.Dossier, bench.PhotoLimits{}); err != nil {
		return err
	}
	w, err := writeBenchReport(ctx, r, c.Dir, doc, true)
	if err != nil {
		return err
	}
	claim.Report = register.DigestOf(w.data)
	e, err := sign.SealStatement([]sign.Resource{sign.NewResource("bench-report.json", register.DigestOf(w.data)), sign.NewResource("bench-report.html", register.DigestOf(w.page))}, register.AssessmentType, claim, key)
	if err != nil {
		return err
	}
	signed, err := e.Encode()
	if err != nil {
		return err
	}
	if err := r.Dossier.Write(assessmentFile, signed); err != nil {
		return err
	}
	env.verdict(p.Overall)
	fmt.Fprintf(env.out, "Signed: %s under EN 303 645 %s, for version %d of %s, with the key %s\nAttach it in the register: %s\n", p.Overall, p.Edition, c.Version, c.Product, key.Public().ID(), filepath.Join(c.Dir, assessmentFile))
	return nil
}

// benchWritten is a test report as it was written.
type benchWritten struct {
	data, page []byte // the machine's and the people's
	notPrinted string // why there is no PDF; "" where there is one
}

// writeBenchReport writes a test report into its dossier in all its forms.
func writeBenchReport(ctx context.Context, r *bench.Recorder, dir string, doc *bench.Report, print bool) (benchWritten, error) {
	w := benchWritten{notPrinted: "no .pdf: --no-pdf"}
	data, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return w, err
	}
	w.data = append(data, '\n')
	var html, book, text bytes.Buffer
	if err := errors.Join(report.BenchHTML(&html, doc), report.BenchText(&text, doc), doc.WriteXLSX(&book)); err != nil {
		return w, err
	}
	w.page = html.Bytes()
	type file struct {
		name string
		data []byte
	}
	files := []file{{"bench-report.json", w.data}, {"bench-report.html", w.page}, {"bench-report.xlsx", book.Bytes()}, {"bench-report.txt", text.Bytes()}}
	if print {
		pdf, err := statement.PDF(ctx, w.page)
		switch {
		case err == nil:
			files, w.notPrinted = append(files, file{"bench-report.pdf", pdf}), ""
		case ctx.Err() != nil:
			return w, ctx.Err()
		default: // the page says all that it would; an old print beside it would not
			w.notPrinted = fmt.Sprintf("no .pdf: %v", err)
		}
	}
	if w.notPrinted != "" {
		if err := removePrint(filepath.Join(dir, "bench-report.pdf")); err != nil {
			return w, err
		}
	}
	for _, f := range files {
		if err := r.Dossier.Write(f.name, f.data); err != nil {
			return w, err
		}
	}
	return w, nil
}

// removePrint removes what was printed of an earlier report.
func removePrint(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the print of an earlier report: %w", err)
	}
	return nil
}
