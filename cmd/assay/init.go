package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/dossier"
	"github.com/assay-psti/assay/law"
)

type initCommand struct {
	Dir         string   `arg:"" help:"The folder to make."`
	Name        string   `help:"How people call the product."`
	Make        string   `help:"The brand it is sold under."`
	Model       []string `help:"Its model designations."`
	Category    string   `help:"What it is, in plain words: camera, kettle."`
	Territory   []string `help:"Where it is supplied: GB, NI." enum:"GB,NI"`
	By          string   `help:"Who answers: name and function. (Or set ASSAY_BY.)"`
	NoQuestions bool     `help:"Ask nothing: assay ask can do that later."`
}

// Run makes the dossier and asks what decides whether the law reaches the product.
func (c *initCommand) Run(ctx context.Context, env *environment) error {
	start := dossier.Start{Name: c.Name, Make: c.Make, Models: c.Model, Category: c.Category, Territories: c.Territory, Stated: assay.DateOf(env.now())}
	if !c.NoQuestions {
		if err := c.particulars(env, &start); err != nil {
			return err
		}
	}
	if start.Name == "" {
		return &assay.Problem{Kind: assay.ErrInvalid, What: "the product has no name", Do: "give it with --name"}
	}
	if err := dossier.Init(c.Dir, start); err != nil {
		return err
	}
	fmt.Fprintf(env.out, "Started the dossier %s.\n", c.Dir)
	if !c.NoQuestions {
		if err := c.scope(ctx, env); err != nil {
			return err
		}
	}
	fmt.Fprintf(env.out, "Put firmware, pages and documents into %s/evidence, complete %s/product.yaml, then:\n  assay ask %s     answer what can still change a verdict\n  assay test %s    check, judge and write the report\n",
		c.Dir, c.Dir, c.Dir, c.Dir)
	return nil
}

// particulars asks for what no flag gave.
func (c *initCommand) particulars(env *environment, start *dossier.Start) error {
	var models string
	for _, q := range []struct {
		to       *string
		question string
		needless bool
	}{
		{&start.Name, "What is the product called?", start.Name != ""},
		{&start.Make, "Under which brand is it sold?", start.Make != "" || c.Name != ""},
		{&models, "Which model designations does it have? (with commas)", len(start.Models) > 0 || c.Name != ""},
	} {
		if q.needless {
			continue
		}
		fmt.Fprintln(env.errOut, q.question)
		line, err := env.line()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		*q.to = line
	}
	for _, m := range strings.Split(models, ",") {
		if m = strings.TrimSpace(m); m != "" {
			start.Models = append(start.Models, m)
		}
	}
	return nil
}

// scope asks only what scope needs, and says what it came to.
func (c *initCommand) scope(ctx context.Context, env *environment) error {
	d, err := dossier.Open(ctx, c.Dir)
	if err != nil {
		return err
	}
	defer d.Close()
	q := &questioner{environment: env, by: c.By, dossier: d, asAt: assay.DateOf(env.now()), laws: []string{defaultLaw}}
	if _, err := q.run(func(a law.Ask) bool { return a.Scope }); err != nil {
		return err
	}
	doc, err := assess(d, q.asAt, q.laws)
	if err != nil {
		return err
	}
	if s := doc.Regimes[0].Scope; s != nil {
		switch s.Verdict {
		case assay.Pass:
			fmt.Fprintln(env.out, "The UK's product security law reaches this product.")
		case assay.NotApplicable:
			fmt.Fprintf(env.out, "The UK's product security law does not reach this product: %s.\n", s.Title)
		default:
			fmt.Fprintln(env.out, "Whether the UK's product security law reaches this product is not decided yet.")
		}
	}
	return nil
}
