package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/sign"
	"github.com/assay-psti/assay/statement"
)

type verifyCommand struct {
	File          string `arg:"" optional:"" help:"The signed statement: its .json, or the .pdf or .html beside it."`
	Key           string `help:"The public key that must have signed." placeholder:"FILE"`
	Dossier       string `help:"Hold the dossier that it was made from against it." placeholder:"DIR"`
	TimestampRoot string `help:"Certificates, in PEM, of the time-stamp authorities that you trust." placeholder:"FILE"`
	JSON          bool   `name:"json" help:"Machine form on standard output, and nothing else there."`

	verifyLog `embed:"" group:"Transparency log"`
}

// verifyOutcome is the machine form.
type verifyOutcome struct {
	*statement.Verification
	Log *logVerdict `json:"log,omitempty"`
}

// Run says of everything that a signed statement claims whether it holds.
func (c *verifyCommand) Run(ctx context.Context, env *environment) error {
	v, err := c.statement(ctx)
	if err != nil {
		return err
	}
	out := verifyOutcome{Verification: v}
	if c.asked() {
		file := v.File
		if c.Leaf {
			file = c.File
		}
		if out.Log, err = c.check(ctx, file); err != nil {
			return err
		}
		for _, f := range out.Log.findings {
			v.Findings = append(v.Findings, f)
			v.Holds = v.Holds && f.State != statement.Broken
		}
	}
	env.status = exitPass
	if !v.Holds {
		env.status = exitFail
	}
	if c.JSON {
		return env.json(out)
	}
	for _, f := range v.Findings {
		fmt.Fprintf(env.out, "%-14s %s: %s\n", f.State, f.What, f.Note)
	}
	if out.Log != nil && out.Log.Fork != nil {
		fmt.Fprintf(env.out, "Both checkpoints are signed by the log's key; keep them:\n\n%s\n%s\n", out.Log.Fork.Kept, out.Log.Fork.Shown)
	}
	switch name := v.File; {
	case c.File == "" || c.Leaf:
		if name = c.Log; c.Leaf {
			name = c.File
		}
		fmt.Fprintf(env.out, "%s: %s\n", map[bool]string{true: "It holds", false: "It does not hold"}[v.Holds], name)
	case !v.Holds:
		fmt.Fprintf(env.out, "The statement does not hold: %s\n", name)
	case v.KeyKnown:
		fmt.Fprintf(env.out, "The statement holds: %s\n", name)
	default:
		fmt.Fprintf(env.out, "The statement holds and is unchanged: %s. Who signed it was not looked at.\n", name)
	}
	return nil
}

// statement checks the signed statement, where there is one to check.
func (c *verifyCommand) statement(ctx context.Context) (*statement.Verification, error) {
	if c.File == "" || c.Leaf {
		if !c.asked() || c.Key != "" || c.Dossier != "" || c.TimestampRoot != "" {
			return nil, &assay.Problem{Kind: assay.ErrInvalid, What: "there is no statement to check", Do: "name its file; a log alone is checked with --log"}
		}
		return &statement.Verification{Holds: true, Findings: []statement.Finding{}}, nil
	}
	o := statement.VerifyOptions{Dossier: c.Dossier}
	if c.Key != "" {
		key, err := sign.ReadPublicKeyFile(c.Key)
		if err != nil {
			return nil, err
		}
		o.Key = &key
	}
	if c.TimestampRoot != "" {
		data, err := os.ReadFile(c.TimestampRoot)
		if err != nil {
			return nil, err
		}
		o.Roots = x509.NewCertPool()
		if !o.Roots.AppendCertsFromPEM(data) {
			return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: c.TimestampRoot, What: "holds no certificate that can be read", Do: "give certificates in PEM"}
		}
	}
	return statement.Verify(ctx, c.File, o)
}
