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
	File          string `arg:"" help:"The signed statement: its .json, or the .pdf or .html beside it."`
	Key           string `help:"The public key that must have signed." placeholder:"FILE"`
	Dossier       string `help:"Hold the dossier that it was made from against it." placeholder:"DIR"`
	TimestampRoot string `help:"Certificates, in PEM, of the time-stamp authorities that you trust." placeholder:"FILE"`
	JSON          bool   `name:"json" help:"Machine form on standard output, and nothing else there."`
}

// Run says of everything that a signed statement claims whether it holds.
func (c *verifyCommand) Run(ctx context.Context, env *environment) error {
	o := statement.VerifyOptions{Dossier: c.Dossier}
	if c.Key != "" {
		key, err := sign.ReadPublicKeyFile(c.Key)
		if err != nil {
			return err
		}
		o.Key = &key
	}
	if c.TimestampRoot != "" {
		data, err := os.ReadFile(c.TimestampRoot)
		if err != nil {
			return err
		}
		o.Roots = x509.NewCertPool()
		if !o.Roots.AppendCertsFromPEM(data) {
			return &assay.Problem{Kind: assay.ErrInvalid, Where: c.TimestampRoot, What: "holds no certificate that can be read", Do: "give certificates in PEM"}
		}
	}
	v, err := statement.Verify(ctx, c.File, o)
	if err != nil {
		return err
	}
	env.status = exitPass
	if !v.Holds {
		env.status = exitFail
	}
	if c.JSON {
		return env.json(v)
	}
	for _, f := range v.Findings {
		fmt.Fprintf(env.out, "%-14s %s: %s\n", f.State, f.What, f.Note)
	}
	switch {
	case !v.Holds:
		fmt.Fprintf(env.out, "The statement does not hold: %s\n", v.File)
	case v.KeyKnown:
		fmt.Fprintf(env.out, "The statement holds: %s\n", v.File)
	default:
		fmt.Fprintf(env.out, "The statement holds and is unchanged: %s. Who signed it was not looked at.\n", v.File)
	}
	return nil
}
