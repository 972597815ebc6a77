package laboratory

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/bench"
	"github.com/assay-psti/assay/dossier"
	"github.com/assay-psti/assay/evidence"
)

// Start is with what a test begins.
type Start struct {
	By      string // who begins it: name and organisation
	Edition string // of EN 303 645; "" is as the dossier says, else bench.DefaultEdition

	// Of a test without a dossier:
	Name, Make, Category string
	Models               []string
	Entry                string // the id of a product in the register, of which it was begun
	Version              int
}

// maxLine bounds one line of what a test begins with, in bytes.
const maxLine = 200

// Begin begins a test with a new dossier.
func (r *Room) Begin(ctx context.Context, org string, s Start) (*Test, error) {
	for _, x := range []struct{ field, text string }{{"name", s.Name}, {"make", s.Make}, {"category", s.Category}, {"models", strings.Join(s.Models, "")}} {
		if len(x.text) > maxLine || strings.ContainsFunc(x.text, func(c rune) bool { return c < ' ' || c == 0x7f }) {
			return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: x.field, What: "is longer than a line", Do: "write it in one line"}
		}
	}
	if strings.TrimSpace(s.Name) == "" {
		return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: "name", What: "is not there", Do: "say what the product is called"}
	}
	return r.begin(ctx, org, s, 1<<20, func(dir string) error {
		return dossier.Init(dir, dossier.Start{Name: s.Name, Make: s.Make, Models: s.Models, Category: s.Category, Stated: assay.DateOf(r.Now())})
	})
}

// TakeIn begins a test with a dossier that comes as a zip archive.
func (r *Room) TakeIn(ctx context.Context, org string, s Start, archive io.Reader) (*Test, error) {
	if !orgForm.MatchString(org) {
		return nil, notFound()
	}
	if err := r.afford(org, Use{Open: 1, Tests: 1}, Use{}); err != nil {
		return nil, err // before it is all sent
	}
	packed, size, err := r.spool(archive, r.Limits.Packed)
	if err != nil {
		return nil, err
	}
	defer packed.discard()
	claimed, err := r.claimedSize(packed.File, size)
	if err != nil {
		return nil, err
	}
	return r.begin(ctx, org, s, min(claimed, r.Limits.Unpacked), func(dir string) error {
		return r.unpack(ctx, packed.File, size, dir)
	})
}

// begin makes the folder of a test aside, and moves it to its place when it is whole.
func (r *Room) begin(ctx context.Context, org string, s Start, bytes int64, fill func(dir string) error) (_ *Test, err error) {
	if !orgForm.MatchString(org) {
		return nil, notFound()
	}
	release, err := r.reserve(org, Use{1, 1, bytes})
	if err != nil {
		return nil, err
	}
	defer release()
	id := "t" + strings.ToLower(rand.Text())[:16]
	place, err := at(org, id)
	if err != nil {
		return nil, err
	}
	aside := path.Join(org, ".begin-"+id)
	if err := r.root.MkdirAll(aside, 0o700); err != nil {
		return nil, fmt.Errorf("begin a test: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.root.RemoveAll(aside))
		}
	}()
	if err := fill(r.path(aside)); err != nil {
		return nil, err
	}
	d, err := dossier.Open(ctx, r.path(aside))
	if err != nil {
		return nil, unreadable(err)
	}
	now := r.Now().UTC().Truncate(time.Second)
	t := &Test{ID: id, Edition: s.Edition, State: Running, Entry: s.Entry, Version: s.Version, Begun: now, BegunBy: s.By}
	err = r.first(d, t, s.By)
	if err = errors.Join(err, d.Close()); err != nil {
		return nil, err
	}
	if err := r.write(aside, t); err != nil {
		return nil, fmt.Errorf("begin a test: %w", err)
	}
	if err := r.root.Rename(aside, place); err != nil {
		return nil, fmt.Errorf("begin a test: %w", err)
	}
	return t, nil
}

// first looks whether a dossier can be tested, and sees to it that the edition stands
// in it, so that whoever takes it elsewhere goes on with the same one.
func (r *Room) first(d *dossier.Dossier, t *Test, by string) (err error) {
	if t.Edition == "" {
		if t.Edition, err = bench.EditionOf(d); err != nil {
			return unreadable(err)
		}
	}
	test, err := r.edition(t.Edition)
	if err != nil {
		return err
	}
	x, err := d.IXIT()
	if err != nil {
		return unreadable(err)
	}
	if x == nil {
		if err := d.WriteIXIT(test.NewIXIT()); err != nil {
			return err
		}
	} else if x.Edition != t.Edition {
		return &assay.Problem{Kind: assay.ErrInvalid, Where: "ixit.yaml", What: fmt.Sprintf("is for edition %s, not for %s", x.Edition, t.Edition), Do: "choose the edition as the dossier says"}
	}
	v := &Visit{Test: t, Recorder: &bench.Recorder{Test: test, Dossier: d, By: by, Now: r.Now}, room: r}
	return unreadable(v.sum(by))
}

// unreadable makes an error of what somebody sent of one that a dossier has.
func unreadable(err error) error {
	if err == nil || errors.Is(err, assay.ErrInvalid) || errors.Is(err, assay.ErrRefused) {
		return err
	}
	return &assay.Problem{Kind: assay.ErrInvalid, Where: "the dossier", What: "cannot be read: " + err.Error(), Do: "run assay test on it where it was made"}
}

// Visit is a test with its dossier open.
type Visit struct {
	Test     *Test
	Recorder *bench.Recorder

	room  *Room
	place string
}

// Plan is the plan as the dossier stands.
func (v *Visit) Plan() (*bench.Plan, error) { return v.Recorder.Plan() }

// sum brings what is known of the test up to date.
func (v *Visit) sum(by string) error {
	p, err := v.Plan()
	if err != nil {
		return err
	}
	t, product := v.Test, &v.Recorder.Dossier.Product
	t.Name, t.Make, t.Models = product.Name, product.Make, product.Models
	t.Done, t.Steps = p.Progress()
	t.Verdict = p.Overall
	t.Changed, t.ChangedBy = v.room.Now().UTC().Truncate(time.Second), by
	return nil
}

// Item finds evidence of the test by its digest.
func (v *Visit) Item(digest assay.Digest) (evidence.Item, bool) {
	for _, i := range v.Recorder.Dossier.Evidence.Items() {
		if i.Digest == digest && !i.Folder {
			return i, true
		}
	}
	return evidence.Item{}, false
}

// Look reads a test. Nothing is written to it.
func (r *Room) Look(ctx context.Context, org, id string, f func(*Visit) error) error {
	t, err := r.Test(org, id)
	if err != nil {
		return err
	}
	place, _ := at(org, id)
	d, err := dossier.Load(ctx, r.path(place))
	if errors.Is(err, assay.ErrNotFound) {
		return notFound() // deleted meanwhile
	}
	if err != nil {
		return fmt.Errorf("test %s: %w", id, err)
	}
	defer d.Close()
	return r.visit(t, d, place, "", f)
}

func (r *Room) visit(t *Test, d *dossier.Dossier, place, by string, f func(*Visit) error) error {
	test, err := r.edition(t.Edition)
	if err != nil {
		return err
	}
	return f(&Visit{Test: t, Recorder: &bench.Recorder{Test: test, Dossier: d, By: by, Now: r.Now}, room: r, place: place})
}

// Work has somebody write to a test, one at a time; bytes is how much it may grow.
// What f kept stays kept, whether it ends in an error or not.
func (r *Room) Work(ctx context.Context, org, id, by string, bytes int64, f func(*Visit) error) error {
	return r.change(ctx, org, id, func(t *Test, d *dossier.Dossier, place string) error {
		if t.State != Running {
			return &assay.Problem{Kind: assay.ErrConflict, What: "the test is " + string(t.State) + ", and takes no answers", Do: "go on with it first"}
		}
		release, err := r.reserve(org, Use{Bytes: bytes})
		if err != nil {
			return err
		}
		defer release()
		return r.visit(t, d, place, by, func(v *Visit) error {
			if err := f(v); err != nil {
				return err
			}
			if err := v.sum(by); err != nil {
				return err
			}
			return r.write(place, t)
		})
	})
}

// change holds a test against others who change it.
func (r *Room) change(ctx context.Context, org, id string, f func(*Test, *dossier.Dossier, string) error) error {
	place, err := at(org, id)
	if err != nil {
		return err
	}
	if _, err := r.Test(org, id); err != nil {
		return err
	}
	d, err := r.open(ctx, place, r.Wait)
	if err != nil {
		return err
	}
	defer d.Close()
	t, err := r.Test(org, id) // as it is now that nobody else writes
	if err != nil {
		return err
	}
	return f(t, d, place)
}

// SetState pauses a test, goes on with it, or archives it.
func (r *Room) SetState(ctx context.Context, org, id, by string, s State) error {
	if s != Running && s != Paused && s != Archived {
		return fmt.Errorf("state %.20q: %w", s, assay.ErrInvalid)
	}
	return r.change(ctx, org, id, func(t *Test, _ *dossier.Dossier, place string) error {
		if t.State == Archived && s != Archived {
			release, err := r.reserve(org, Use{Open: 1})
			if err != nil {
				return err
			}
			defer release()
		}
		t.State, t.Changed, t.ChangedBy = s, r.Now().UTC().Truncate(time.Second), by
		return r.write(place, t)
	})
}

// Delete removes a test with all that was recorded.
func (r *Room) Delete(ctx context.Context, org, id string) error {
	return r.change(ctx, org, id, func(_ *Test, _ *dossier.Dossier, place string) error {
		gone := path.Join(org, ".gone-"+id)
		if err := r.root.Rename(place, gone); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return notFound()
			}
			return fmt.Errorf("delete test %s: %w", id, err)
		}
		return r.root.RemoveAll(gone)
	})
}
