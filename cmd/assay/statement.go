package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/dossier"
	"github.com/assay-psti/assay/sign"
	"github.com/assay-psti/assay/statement"
)

type statementCommand struct {
	Dir string `arg:"" optional:"" help:"The dossier's folder."`

	Key    string `help:"The private key that signs: Ed25519 or ECDSA P-256, PKCS#8 in PEM, open to nobody else." placeholder:"FILE"`
	NewKey string `help:"Make a key, in FILE and FILE.pub, and sign with it where a folder is named." placeholder:"FILE"`
	Kind   string `help:"Of a new key: ed25519 or ecdsa-p256." enum:"ed25519,ecdsa-p256" default:"ed25519"`

	Batch       string `help:"The batch (default: the only one)."`
	Signatory   string `help:"Who signs: the name."`
	Function    string `help:"The signatory's function, such as: head of compliance."`
	Place       string `help:"Where it is issued."`
	Date        date   `help:"The day of issue, whose law applies (default: today)." placeholder:"DATE"`
	PreparedBy  string `help:"Who prepared it on behalf of the manufacturer (default: the manufacturer itself)." placeholder:"NAME"`
	FirstSupply date   `help:"When the manufacturer first supplies the batch (default: as product.yaml says)." placeholder:"DATE"`
	SupportFrom date   `help:"The first day of the support period, where the manufacturer states one." placeholder:"DATE"`

	Opinion []string `help:"Who takes responsibility for which inconclusive limb, and why: LIMB=\"REASON by NAME\", as often as wanted." placeholder:"LIMB=REASON" sep:"none"`
	Rely    []string `help:"The way to comply to rely on, such as para1-standard (default: the first that is met)." placeholder:"ID"`

	Timestamp string `help:"Ask this RFC 3161 authority for a time-stamp. A digest is sent there, nothing else." placeholder:"URL"`
	Record    bool   `help:"Add what the statement shows to declared.yaml, in the signatory's name."`
	PDF       bool   `name:"pdf" help:"Print a PDF, where Chromium is found." default:"true" negatable:""`
	JSON      bool   `name:"json" help:"Machine form on standard output, and nothing else there."`
	Jobs      int    `help:"Checks that run at the same time." default:"2"`
}

// Run runs the checks, judges as at the day of issue, and builds and signs the
// statement, or says what stands in the way.
func (c *statementCommand) Run(ctx context.Context, env *environment) error {
	key, err := c.key(env)
	if err != nil || c.Dir == "" {
		return err
	}
	today := assay.DateOf(env.now())
	if c.Date.After(today) {
		return fmt.Errorf("date of issue %s: %w: it is yet to come", c.Date, assay.ErrInvalid)
	}
	request := statement.Request{Dir: c.Dir, Batch: c.Batch, Issued: c.Date.orToday(env), PreparedBy: c.PreparedBy,
		FirstSupply: c.FirstSupply.Date, SupportFrom: c.SupportFrom.Date, Rely: c.Rely}
	for _, text := range c.Opinion {
		o, err := statement.ParseOpinion(text)
		if err != nil {
			return err
		}
		request.Opinions = append(request.Opinions, o)
	}
	d, err := openDossier(ctx, env, c.Dir, dossier.Open)
	if err != nil {
		return err
	}
	defer d.Close()
	if _, err := fold(d); err != nil {
		return err
	}
	if err := c.particulars(env, &request); err != nil {
		return err
	}
	// What came into the dossier since the last test must have been looked at.
	outcomes, _, _, err := runChecks(ctx, env, d, c.Jobs)
	if err != nil {
		return err
	}
	failed, unread := shortfall(outcomes)
	if len(failed) > 0 {
		o := failed[0]
		return &assay.Problem{Kind: assay.ErrRefused, What: "check " + o.Check + " could not do its work: " + o.Reason, Do: "a statement cannot rest on evidence that nobody could look at; mend or replace it"}
	}
	facts, err := fold(d)
	if err != nil {
		return err
	}
	facts.Withhold(unread)
	content, judged, err := statement.Build(d, facts, request)
	var refusal *statement.Refusal
	if errors.As(err, &refusal) {
		return c.refused(env, refusal)
	}
	if err != nil {
		return err
	}
	options := statement.Options{Key: key, Timestamp: c.Timestamp, Now: env.now()}
	if c.PDF {
		options.Print = statement.PDF
	}
	issued, err := statement.Issue(ctx, c.Dir, d, content, judged, options)
	if err != nil {
		return err
	}
	answers := statement.Answers(&d.Product, content, env.now().UTC())
	if c.Record {
		if err := d.Answer(answers...); err != nil {
			return err
		}
	}
	return c.say(env, d, content, issued, answers)
}

// key is the key that signs; a new one is made first where that is asked.
func (c *statementCommand) key(env *environment) (*sign.Key, error) {
	switch {
	case c.NewKey != "" && c.Key != "":
		return nil, fmt.Errorf("statement: %w: give --key or --new-key, not both", assay.ErrInvalid)
	case c.NewKey != "":
		key, err := sign.Generate(sign.Algorithm(c.Kind))
		if err != nil {
			return nil, err
		}
		if err := sign.WriteKeyFiles(c.NewKey, key); err != nil {
			return nil, err
		}
		if !c.JSON {
			fmt.Fprintf(env.out, "New key: %s (keep it secret, and a copy of it safe)\nPublic key: %s.pub (give it to whoever checks), %s\n", c.NewKey, c.NewKey, key.Public().ID())
		}
		return key, nil
	case c.Dir == "":
		return nil, fmt.Errorf("statement: %w: name the dossier's folder", assay.ErrInvalid)
	case c.Key == "":
		return nil, &assay.Problem{Kind: assay.ErrInvalid, What: "there is no key to sign with", Do: "name one with --key FILE, or make one with --new-key FILE"}
	}
	return sign.ReadKeyFile(c.Key)
}

// particulars asks for what no flag says.
func (c *statementCommand) particulars(env *environment, r *statement.Request) error {
	for _, p := range []struct {
		flag, question string
		given          string
		to             *string
	}{
		{"--signatory", "Who signs? The name:", c.Signatory, &r.Signatory.Name},
		{"--function", "What is the signatory's function?", c.Function, &r.Signatory.Function},
		{"--place", "Where is the statement issued? The town:", c.Place, &r.Place},
	} {
		for *p.to = p.given; *p.to == ""; {
			fmt.Fprintln(env.errOut, p.question)
			text, err := env.line()
			if err != nil {
				return &assay.Problem{Kind: assay.ErrInvalid, What: "the statement lacks an answer", Do: "give " + p.flag}
			}
			*p.to = text
		}
	}
	return nil
}

// refused names everything that stands in the way.
func (c *statementCommand) refused(env *environment, r *statement.Refusal) error {
	env.verdict(r.Verdict())
	if c.JSON {
		return env.json(struct {
			Issued  bool              `json:"issued"`
			Verdict assay.Verdict     `json:"verdict"`
			Points  []statement.Point `json:"points"`
		}{false, r.Verdict(), r.Points})
	}
	fmt.Fprintln(env.errOut, "assay: no statement can be made; this stands in the way:")
	waivable := false
	for _, p := range r.Points {
		fmt.Fprintln(env.errOut, "  "+p.String())
		waivable = waivable || !p.Fixed
	}
	if waivable {
		fmt.Fprintf(env.errOut, "Answer what is wanted with: assay ask %s\nOr say who takes responsibility for an inconclusive limb: --opinion 'LIMB=REASON by NAME'\n", c.Dir)
	}
	return nil
}

// say tells what was issued and what is left to do.
func (c *statementCommand) say(env *environment, d *dossier.Dossier, content *statement.Content, issued *statement.Issued, answers []dossier.Answer) error {
	if c.JSON {
		return env.json(struct {
			Issued   bool               `json:"issued"`
			Files    *statement.Issued  `json:"files"`
			Content  *statement.Content `json:"content"`
			Recorded bool               `json:"recorded"`
		}{true, issued, content, c.Record})
	}
	at := func(name string) string { return filepath.Join(c.Dir, name) }
	fmt.Fprintf(env.out, "Statement of compliance of %s, batch %s: %s\n", content.Product.Name, content.Product.Batch, at(issued.HTML))
	switch {
	case issued.PDF != "":
		fmt.Fprintf(env.out, "To print: %s\n", at(issued.PDF))
	case c.PDF:
		fmt.Fprintln(env.out, "No PDF: there is no Chromium in PATH; the HTML page prints as well")
	}
	fmt.Fprintf(env.out, "Signed: %s, with the key %s\nRests on: %s\n", at(issued.Envelope), issued.Key, at(issued.Assessment))
	if !content.Support.End.Zero() {
		fmt.Fprintf(env.out, "Support period stated: until %s; it was taken from %s\n", content.Support.End.Words(), content.Support.Source)
	}
	fmt.Fprintf(env.out, "Keep a copy at least until: %s\n", content.RetainUntil.Words())
	for _, r := range content.Responsibility {
		fmt.Fprintf(env.out, "%s was left open; responsible: %s\n", r.Limb, r.By)
	}
	subject := ""
	if s := statement.Subject(&d.Product, content.Product.Batch); s != assay.Product {
		subject = string(s) + ":"
	}
	if c.Record {
		fmt.Fprintf(env.out, "Recorded in declared.yaml: %d answers by %s\n", len(answers), content.Signatory.Name)
	} else {
		fmt.Fprintln(env.out, "What it shows is not recorded in the dossier; give --record for that")
	}
	fmt.Fprintf(env.out, "Left to say, once it is so: assay ask %s --set %sstatement.accompanies=yes --set %sstatement.keep_until=%s\n", c.Dir, subject, subject, content.RetainUntil)
	return nil
}
