package records

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/device"
	"github.com/assay-psti/assay/evidence"
	"github.com/assay-psti/assay/peer"
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
	All    []Record // of sessions in which the unit was looked at
	Calls  []Call   // of sessions in which it called
	unread []string // what could not be read or was left out, and why
}

// Call is one session in which the unit called servers that were played for it, and
// the evidence it stands in.
type Call struct {
	*peer.Record
	Evidence evidence.Item
}

// PartialCalls tells a pass what of the records of calls could not be read, or was not
// heard when they were made.
func (r *Records) PartialCalls(pass *check.Pass) {
	for _, u := range r.unread {
		pass.Partial(u)
	}
	for i := range r.Calls {
		for _, c := range r.Calls[i].Cut {
			pass.Partial(check.Printable(r.Calls[i].Evidence.Name + ": " + c))
		}
	}
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

// Way cites a way in of the record.
func (r *Record) Way(w *device.Way) assay.Reference {
	place := fmt.Sprintf("way in %s/%d %s %s", w.Network, w.Port, w.Protocol, w.Method)
	if w.Where != "" && w.Where != "/" {
		place += " " + w.Where
	}
	return r.At(place)
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
		left, err := out.read(pass, item)
		why := ""
		switch {
		case err != nil:
			why = fmt.Sprintf("%s cannot be read: %v", item.Name, err)
		case left != "":
			why = fmt.Sprintf("%s is left out: %s", item.Name, left)
		default:
			continue
		}
		pass.Partial(why)
		out.unread = append(out.unread, why)
	}
	out.again(pass)
	return out, nil
}

// identity is of what a record says that it is.
type identity struct{ Make, Model, MAC, Unit string }

// foreign says why a record is not of a unit of this product; "" where nothing
// speaks against it.
func foreign(r identity, p check.Product) string {
	if r.Model != "" && len(p.Models) > 0 && !slices.ContainsFunc(p.Models, func(m string) bool { return plain(m) == plain(r.Model) }) {
		return fmt.Sprintf("it says that it is of the model %s, which product.yaml does not name", r.Model)
	}
	if a, b := plain(r.Make), plain(p.Make); a != "" && b != "" && !strings.Contains(a, b) && !strings.Contains(b, a) {
		return fmt.Sprintf("it says that it is of the make %s, and product.yaml says %s", r.Make, p.Make)
	}
	if r.MAC == "" || len(p.Units) == 0 {
		return ""
	}
	all := true // units have a hardware address by which one could be known
	for _, u := range p.Units {
		switch {
		case strings.EqualFold(u.MAC, r.MAC):
			return ""
		case u.MAC == "":
			all = false
		case u.ID == r.Unit:
			return fmt.Sprintf("it says that it is of unit %s, and its hardware address is %s, not %s", r.Unit, r.MAC, u.MAC)
		}
	}
	if all {
		return fmt.Sprintf("its hardware address %s is of no unit that product.yaml lists", r.MAC)
	}
	return ""
}

// plain is a name without what people write differently.
func plain(name string) string {
	return strings.Map(func(c rune) rune {
		if c == ' ' || c == '-' || c == '_' || c == '.' {
			return -1
		}
		return unicode.ToLower(c)
	}, name)
}

// again remarks that a unit was looked at more than once in the same state: what an
// older record shows counts beside what a newer one shows.
func (r *Records) again(pass *check.Pass) {
	for i := range r.All {
		for j := range r.All {
			a, b := &r.All[i], &r.All[j]
			if i != j && a.State == b.State && a.Started.Before(b.Started) && device.SameUnit(a.Record, b.Record) != "" {
				pass.Remark(fmt.Sprintf("%s is older than %s, of the same unit in the same state; what either found counts: where the unit was mended between them, take the older one out", a.Evidence.Name, b.Evidence.Name))
				break
			}
		}
	}
	r.againCalls(pass)
}

// againCalls remarks the same of sessions in which the unit called, where the older
// shows something against it.
func (r *Records) againCalls(pass *check.Pass) {
	for i := range r.Calls {
		if !faulty(r.Calls[i].Record) {
			continue
		}
		for j := range r.Calls {
			a, b := &r.Calls[i], &r.Calls[j]
			if i != j && a.Started.Before(b.Started) && sameCaller(a.Record, b.Record) {
				pass.Remark(fmt.Sprintf("%s is older than %s, of calls of the same unit; what either shows counts: where the unit was mended between them, take the older one out", a.Evidence.Name, b.Evidence.Name))
				break
			}
		}
	}
}

// faulty reports that a session shows something against the unit.
func faulty(r *peer.Record) bool {
	return slices.ContainsFunc(r.Findings(), func(f peer.Finding) bool {
		return f.Untrusted == peer.Yes || f.Wrong == peer.Yes || len(f.Outdated) > 0
	}) || slices.ContainsFunc(r.Connections, func(x peer.Connection) bool {
		return x.Outcome == peer.Clear && x.Heard != nil && x.Heard.Secret != ""
	})
}

// sameCaller reports whether two sessions were of one unit, as far as they say.
func sameCaller(a, b *peer.Record) bool {
	if a.MAC != "" && b.MAC != "" {
		return strings.EqualFold(a.MAC, b.MAC)
	}
	if a.Unit != "" || b.Unit != "" {
		return a.Unit == b.Unit
	}
	return slices.ContainsFunc(a.Device, func(d string) bool { return slices.Contains(b.Device, d) })
}

// read takes a file in, if it is a record; left says why it was left out.
func (r *Records) read(pass *check.Pass, item evidence.Item) (left string, err error) {
	f, err := pass.Open(item)
	if err != nil {
		return "", err
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, maxPeek))
	if err != nil {
		return "", err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	switch formatOf(head) {
	case device.Format:
		d, err := device.ReadRecord(f)
		if err != nil {
			return "", err
		}
		if left = foreign(identity{d.Make, d.Model, d.MAC, d.Unit}, pass.Product()); left == "" {
			r.All = append(r.All, Record{d, item})
		}
	case peer.Format:
		c, err := peer.ReadRecord(f)
		if err != nil {
			return "", err
		}
		if left = foreign(identity{c.Make, c.Model, c.MAC, c.Unit}, pass.Product()); left == "" {
			r.Calls = append(r.Calls, Call{c, item})
		}
	}
	return left, nil
}

// formatOf is the format of a record that begins so: that which stands first, since
// what a person wrote into a record may name another; "" is none.
func formatOf(head []byte) string {
	first, at := "", len(head)
	for _, f := range []string{device.Format, peer.Format} {
		if i := bytes.Index(head, []byte(f)); i >= 0 && i < at {
			first, at = f, i
		}
	}
	return first
}
