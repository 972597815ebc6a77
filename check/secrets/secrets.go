package secrets

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/check/image"
	"github.com/assay-psti/assay/evidence"
	"github.com/assay-psti/assay/rootfs"
)

//go:embed doc.go
var source string

// Check finds the keys and tokens that every unit shares.
var Check = &check.Check{
	Name:     "secrets",
	Doc:      check.Doc(source),
	Observes: []assay.TermID{"firmware.hardcoded_secret", "firmware.secret_in_clear", "firmware.shared_service_key"},
	Needs:    []evidence.Kind{evidence.Firmware},
	Requires: []*check.Check{image.Check},
	Run:      run,
}

// maxCited bounds the places that one observation cites, maxTold the remarks of one tree.
const (
	maxCited = 20
	maxTold  = 10
)

func run(ctx context.Context, pass *check.Pass) (any, error) {
	scan := check.ResultOf[*image.Scan](pass, image.Check)
	scan.Unread(pass)
	var err error
	for _, item := range scan.Items {
		for _, t := range item.Trees {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			err = cmp.Or(err, observe(pass, place{t.Item.Evidence.Name, t.Name, &t.Contents, t.Place, rootfs.Place.String}))
		}
		for _, p := range item.Programs {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			at := func(x rootfs.Place) assay.Reference { return p.Place(x.Offset) }
			err = cmp.Or(err, observe(pass, place{item.Evidence.Name, p.What, &p.Contents, at, func(x rootfs.Place) string { return fmt.Sprintf("offset %#x", p.Offset+x.Offset) }}))
		}
	}
	return nil, err
}

// place is a tree, or a program without files, and how places in it are named.
type place struct {
	item, name string
	contents   *rootfs.Contents
	at         func(rootfs.Place) assay.Reference
	words      func(rootfs.Place) string
}

// observe states what follows from the secrets of one tree or program.
func observe(pass *check.Pass, t place) error {
	var open, identities []assay.Reference
	kinds := map[string]int{}
	told := 0
	remark := func(format string, args ...any) {
		if told++; told <= maxTold {
			pass.Remark(t.item + ": " + t.name + ": " + fmt.Sprintf(format, args...))
		}
	}
	for i := range t.contents.Secrets {
		s := &t.contents.Secrets[i]
		switch {
		case s.Kind == rootfs.AuthorizedKey:
			remark("%s: a public key that may log in to every unit", check.Printable(t.words(s.Place)))
			continue
		case s.Encrypted:
			remark("%s: a private key that a pass phrase protects", check.Printable(t.words(s.Place)))
			continue
		}
		kinds[Words(s)]++
		open = append(open, t.at(s.Place))
	}
	for i := range t.contents.Certificates {
		c := &t.contents.Certificates[i]
		if c.Key != nil {
			identities = append(identities, t.at(*c.Key), t.at(c.Place))
		}
		if !c.NotAfter.IsZero() && c.NotAfter.Before(pass.Now()) {
			remark("%s: a certificate that ran out on %s", check.Printable(t.words(c.Place)), c.NotAfter.Format("2006-01-02"))
		}
		if weak := Weak(c); weak != "" {
			remark("%s: a certificate with %s", check.Printable(t.words(c.Place)), weak)
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(t.contents.Passed)) {
		remark("left out: %s, %d", reason, t.contents.Passed[reason])
	}
	say := func(term assay.TermID, at []assay.Reference, note string) error {
		return pass.Report(assay.Observation{Subject: assay.Product, Term: term, Value: assay.Bool(true), Evidence: at[:min(len(at), maxCited)], Note: check.Printable(note)})
	}
	var err error
	if len(open) > 0 {
		note := "in the image, which every unit of this version runs: " + counted(kinds)
		err = cmp.Or(say("firmware.hardcoded_secret", open, note), say("firmware.secret_in_clear", open, note+"; nothing protects it from whoever reads the storage"))
	}
	if len(identities) > 0 {
		err = cmp.Or(err, say("firmware.shared_service_key", identities, "a certificate and its private key are in the image, so that every unit of this version proves itself by the same secret"))
	}
	return err
}

// Words says what a secret is.
func Words(s *rootfs.Secret) string {
	what := map[rootfs.SecretKind]string{rootfs.PrivateKey: "private key", rootfs.HostKey: "SSH host key", rootfs.AuthorizedKey: "key that may log in", rootfs.Token: "token"}[s.Kind]
	if s.Algorithm != "" {
		what += " " + s.Algorithm
	} else if s.Kind == rootfs.Token {
		what += " of " + s.Format
	}
	if s.Bits > 0 {
		what += fmt.Sprintf(" %d", s.Bits)
	}
	return check.Printable(what)
}

// Weak says what is weak about a certificate; empty where nothing is known to be.
func Weak(c *rootfs.Certificate) string {
	switch sig := strings.ToUpper(c.Signature); {
	case c.Algorithm == "RSA" && c.Bits > 0 && c.Bits < 2048:
		return fmt.Sprintf("a key of %d bits", c.Bits)
	case strings.Contains(sig, "MD5") || strings.Contains(sig, "MD2"):
		return "a signature by " + c.Signature
	case strings.Contains(sig, "SHA1") && !c.SelfSigned:
		return "a signature by " + c.Signature
	}
	return ""
}

func counted(kinds map[string]int) string {
	var all []string
	for _, k := range slices.Sorted(maps.Keys(kinds)) {
		all = append(all, fmt.Sprintf("%s (%d)", k, kinds[k]))
	}
	if len(all) > 12 {
		all = append(all[:12], "and more")
	}
	return strings.Join(all, ", ")
}
