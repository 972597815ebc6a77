package components

import (
	"cmp"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/check/image"
	"github.com/assay-psti/assay/component"
	"github.com/assay-psti/assay/evidence"
	"github.com/assay-psti/assay/rootfs"
)

//go:embed doc.go
var source string

// Check names the software that firmware is made of.
var Check = &check.Check{
	Name:     "components",
	Doc:      check.Doc(source),
	Observes: []assay.TermID{"component.version", "component.end_of_life"},
	Needs:    []evidence.Kind{evidence.Firmware},
	Requires: []*check.Check{image.Check},
	Run:      run,
}

// maxCited bounds the places that one observation cites.
const maxCited = 5

func run(ctx context.Context, pass *check.Pass) (any, error) {
	scan := check.ResultOf[*image.Scan](pass, image.Check)
	scan.Unread(pass)
	for _, item := range scan.Items {
		for _, t := range item.Trees {
			for i := range t.Inventory.Components {
				c := &t.Inventory.Components[i]
				err := observe(pass, c, func(e component.Evidence) assay.Reference {
					return t.Place(rootfs.Place{File: e.File, Offset: e.Offset})
				})
				if err != nil {
					return nil, err
				}
			}
			for i, u := range t.Inventory.Unread {
				if i == 5 {
					break
				}
				pass.Partial(fmt.Sprintf("%s: %s: %s: %s", item.Evidence.Name, t.Name, u.Path, u.Why))
			}
		}
		for _, p := range item.Programs {
			for i := range p.Components {
				err := observe(pass, &p.Components[i], func(e component.Evidence) assay.Reference { return p.Place(e.Offset - p.Offset) })
				if err != nil {
					return nil, err
				}
			}
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return nil, nil
}

func observe(pass *check.Pass, c *component.Component, place func(component.Evidence) assay.Reference) error {
	subject, err := assay.Part("component", partName(c.Name+"-"+c.Version))
	if err != nil {
		return err
	}
	var at []assay.Reference
	for _, e := range c.Evidence[:min(len(c.Evidence), maxCited)] {
		at = append(at, place(e))
	}
	name := check.Printable(strings.TrimSpace(c.Name + " " + c.Version))
	how := map[string]string{"text": "by a text in it", "name": "by the name of a file"}[c.Source]
	if how == "" {
		how = "by the package database of " + c.Source
	}
	say := func(term assay.TermID, v assay.Value, note string) error {
		return pass.Report(assay.Observation{Subject: subject, Term: term, Value: v, Evidence: at, Note: check.Printable(note)})
	}
	if c.Version == "" {
		return nil
	}
	err = say("component.version", assay.Text(check.Printable(c.Version)), name+", known "+how)
	if e := c.EndOfLife; e != nil {
		note := fmt.Sprintf("%s %s: %s, as of %s", c.Name, e.Cycle, e.Source, e.AsOf.Format("2006-01-02"))
		if e.Projected {
			note += "; announced, not yet reached when the data was taken"
		}
		err = cmp.Or(err, say("component.end_of_life", assay.Day(assay.DateOf(e.Date)), note))
	}
	return err
}

// partName makes the name of a part from a name in the evidence. A name that must
// be changed to fit gets the beginning of its digest, so that two do not meet.
func partName(s string) string {
	fit := strings.TrimLeft(strings.Map(func(r rune) rune {
		if r < 0x80 && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._@+-", r)) {
			return r
		}
		return '_'
	}, s), "._@+-")
	if fit == s && len(s) <= 60 {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return strings.TrimLeft(fit[:min(len(fit), 51)]+"-"+hex.EncodeToString(sum[:4]), "-")
}
