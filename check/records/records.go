package records

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"io"
	"reflect"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/device"
	"github.com/assay-psti/assay/evidence"
)

//go:embed doc.go
var source string

// Check reads the records of sessions at the bench.
var Check = &check.Check{
	Name:   "records",
	Doc:    check.Doc(source),
	Needs:  []evidence.Kind{evidence.Device},
	Result: reflect.TypeFor[*Records](),
	Run:    run,
}

// Records are those of a dossier, in order of name.
type Records struct {
	All    []Record
	unread []string // what could not be read, and why
}

// Record is one session, and the evidence it stands in.
type Record struct {
	*device.Record
	Evidence evidence.Item
}

// At cites a place in the record.
func (r *Record) At(place string) assay.Reference {
	return r.Evidence.Reference(check.Printable(place))
}

// Partial tells a pass what of the records could not be read, or was not looked at
// when they were made: then what was not found may be there all the same.
func (r *Records) Partial(pass *check.Pass) {
	for _, u := range r.unread {
		pass.Partial(u)
	}
	for i := range r.All {
		for _, c := range r.All[i].Cut {
			pass.Partial(r.All[i].Evidence.Name + ": " + c)
		}
	}
}

// maxPeek is how much of a file is looked at for the mark of a record.
const maxPeek = 4096

func run(ctx context.Context, pass *check.Pass) (any, error) {
	out := &Records{}
	for _, item := range pass.Items(evidence.Device) {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if item.Folder {
			continue
		}
		r, is, err := read(pass, item)
		switch {
		case err != nil:
			why := fmt.Sprintf("%s cannot be read: %v", item.Name, err)
			pass.Partial(why)
			out.unread = append(out.unread, why)
		case is:
			out.All = append(out.All, Record{r, item})
		}
	}
	return out, nil
}

func read(pass *check.Pass, item evidence.Item) (*device.Record, bool, error) {
	f, err := pass.Open(item)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, maxPeek))
	if err != nil || !bytes.Contains(head, []byte(device.Format)) {
		return nil, false, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, false, err
	}
	r, err := device.ReadRecord(f)
	return r, true, err
}
