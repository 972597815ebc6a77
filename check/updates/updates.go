package updates

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/check/image"
	"github.com/assay-psti/assay/evidence"
	"github.com/assay-psti/assay/rootfs"
)

//go:embed doc.go
var source string

// Check finds how firmware updates itself.
var Check = &check.Check{
	Name: "updates",
	Doc:  check.Doc(source),
	Observes: []assay.TermID{
		"en.update_mechanism", "en.network_updates", "update.client", "update.protocol", "update.signature_checked", "update.server_checked",
	},
	Needs:    []evidence.Kind{evidence.Firmware},
	Requires: []*check.Check{image.Check},
	Run:      run,
}

func run(ctx context.Context, pass *check.Pass) (any, error) {
	scan := check.ResultOf[*image.Scan](pass, image.Check)
	scan.Unread(pass)
	n := 0
	var first error
	for _, item := range scan.Items {
		for _, t := range item.Trees {
			for i := range t.Contents.Updates {
				if ctx.Err() != nil {
					return nil, ctx.Err()
				}
				n++
				first = cmp.Or(first, observe(pass, t, &t.Contents.Updates[i], n))
			}
		}
	}
	return nil, first
}

func observe(pass *check.Pass, t *image.Tree, u *rootfs.Update, n int) error {
	subject, err := assay.Part("update", fmt.Sprintf("way-%d", n))
	if err != nil {
		return err
	}
	at := []assay.Reference{t.Place(u.Place)}
	say := func(s assay.Subject, term assay.TermID, v assay.Value, note string) {
		err = cmp.Or(err, pass.Report(assay.Observation{Subject: s, Term: term, Value: v, Evidence: at, Note: check.Printable(note)}))
	}
	what := u.Client + " in " + u.Place.File
	if u.Address != "" {
		what += ", from " + u.Address
	}
	say(assay.Product, "en.update_mechanism", assay.Bool(true), what)
	say(subject, "update.client", assay.Text(check.Printable(u.Client)), what)
	if u.Over != "" {
		say(assay.Product, "en.network_updates", assay.Bool(true), what)
		say(subject, "update.protocol", assay.Text(check.Printable(u.Over)), what)
	}
	switch u.Verified {
	case rootfs.Yes:
		say(subject, "update.signature_checked", assay.Bool(true), u.VerifiedBy)
	case rootfs.No:
		say(subject, "update.signature_checked", assay.Bool(false), u.VerifiedBy)
	default:
		pass.Remark(fmt.Sprintf("%s: %s: whether a signature is checked is not said beside it", t.Item.Evidence.Name, at[0].Place))
	}
	if u.Peer == rootfs.No {
		say(subject, "update.server_checked", assay.Bool(false), "the check of the server's certificate is switched off")
	}
	return err
}
