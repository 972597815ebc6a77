// Package laboratory keeps the tests that laboratories run in the browser: under one
// folder a folder for each organisation, in it one for each test, and in that the
// dossier, which is all the state that a test has.
//
// A dossier is what every other part of the program reads, so it is kept as the
// folder that it is, and not as rows of a database: what was answered here goes on
// there, under the same lock. Processes that serve one register share the folder.
//
// It is not for deciding who may do what: whoever calls it has asked package
// register. It holds organisations apart all the same, for every call names one and
// reaches that one's folder alone. What a test asks, and what it comes to, is package
// bench's.
package laboratory

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/bench"
	"github.com/assay-psti/assay/dossier"
	"github.com/assay-psti/assay/law"
)

// Limits bound what is kept. A zero field means the default.
type Limits struct {
	Open  int   // tests of one organisation that are not archived; default 50
	Tests int   // of one organisation in all; default 500
	Bytes int64 // of one organisation; default 4 GiB

	Packed   int64 // of a dossier that is taken in, as it comes; default 200 MiB
	Unpacked int64 // and unpacked; default 512 MiB
	Entries  int   // files and folders in it; default 5,000
}

func (l Limits) whole() Limits {
	l.Open, l.Tests, l.Entries = orDefault(l.Open, 50), orDefault(l.Tests, 500), orDefault(l.Entries, 5000)
	l.Bytes, l.Packed, l.Unpacked = orDefault(l.Bytes, 4<<30), orDefault(l.Packed, 200<<20), orDefault(l.Unpacked, 512<<20)
	return l
}

func orDefault[T int | int64](n, otherwise T) T {
	if n == 0 {
		return otherwise
	}
	return n
}

// State is how far a test is. Only an open one takes answers.
type State string

// The states.
const (
	Running  State = "open"
	Paused   State = "paused"
	Archived State = "archived"
)

// Test is what is known of a test without reading its dossier.
type Test struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Make    string   `json:"make,omitempty"`
	Models  []string `json:"models,omitempty"`
	Edition string   `json:"edition"` // of EN 303 645
	State   State    `json:"state"`
	// Entry and Version name the product in the register from which it was begun; none for "".
	Entry   string `json:"entry,omitempty"`
	Version int    `json:"version,omitempty"`

	Begun     time.Time `json:"begun"`
	BegunBy   string    `json:"begun_by"`
	Changed   time.Time `json:"changed"`
	ChangedBy string    `json:"changed_by"`

	// As of the last change:
	Done    int           `json:"done"`
	Steps   int           `json:"steps"`
	Verdict assay.Verdict `json:"verdict"`
}

// Title is the product's make and name.
func (t *Test) Title() string { return strings.TrimSpace(t.Make + " " + t.Name) }

// Options are what a Room may be told.
type Options struct {
	Limits Limits
	Law    *law.Law         // nil is the standard one
	Now    func() time.Time // nil is time.Now
	Wait   time.Duration    // how long one waits for another who writes to a dossier; 0 is 5 s
}

// Room is the folder of all tests. It is safe for use by many at once, and by several
// processes.
type Room struct {
	Options
	id      string
	root    *os.Root
	dir     string
	drawing chan struct{} // who makes a picture, which takes much memory

	mu       sync.Mutex          // guards the field below
	accounts map[string]*account // by organisation
}

const (
	idFile      = "id"
	testFile    = "test.json"
	dossierDir  = "dossier"
	picturesDir = "pictures"
	maxTestFile = 64 << 10
	leftover    = 24 * time.Hour // after which what was begun and not finished is removed
)

var (
	orgForm  = regexp.MustCompile(`^[a-z0-9]{2,40}$`)
	testForm = regexp.MustCompile(`^t[a-z2-7]{16}$`)
)

// Open opens the folder of all tests, and makes it where there is none.
func Open(dir string, o Options) (*Room, error) {
	o.Limits = o.Limits.whole()
	if o.Law == nil {
		o.Law = law.Standard()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Wait = max(o.Wait, 0)
	if o.Wait == 0 {
		o.Wait = 5 * time.Second
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("folder of tests: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("folder of tests: %w", err)
	}
	r := &Room{Options: o, root: root, dir: dir, drawing: make(chan struct{}, 1), accounts: map[string]*account{}}
	if r.id, err = r.name(); err == nil {
		err = r.sweep()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("folder of tests: %w", err), root.Close())
	}
	return r, nil
}

// Close lets go of the folder.
func (r *Room) Close() error { return r.root.Close() }

// ID names the folder, so that processes can tell whether they have the same one.
func (r *Room) ID() string { return r.id }

// name reads the folder's name, and gives it one where it has none.
func (r *Room) name() (string, error) {
	for range 2 {
		data, err := r.root.ReadFile(idFile)
		if err == nil && len(data) > 0 && len(data) < 100 {
			return strings.TrimSpace(string(data)), nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		beside := "." + idFile + "-" + rand.Text()
		if err := r.root.WriteFile(beside, []byte(rand.Text()+"\n"), 0o600); err != nil {
			return "", err
		}
		if err := r.root.Link(beside, idFile); err != nil && !errors.Is(err, fs.ErrExist) { // another process may be first
			return "", err
		}
		if err := r.root.Remove(beside); err != nil {
			return "", err
		}
	}
	return "", fmt.Errorf("%s: %w: is damaged", idFile, assay.ErrInvalid)
}

// sweep removes what a process that was killed left behind.
func (r *Room) sweep() error {
	return r.each(".", func(name string, info fs.FileInfo) error {
		if strings.HasPrefix(name, ".") && r.Now().Sub(info.ModTime()) > leftover {
			return r.root.RemoveAll(name)
		}
		if !info.IsDir() || !orgForm.MatchString(name) {
			return nil
		}
		return r.each(name, func(below string, info fs.FileInfo) error {
			if strings.HasPrefix(below, ".") && r.Now().Sub(info.ModTime()) > leftover {
				return r.root.RemoveAll(path.Join(name, below))
			}
			return nil
		})
	})
}

// each calls f for the entries of a folder; of one that is not there, for none.
func (r *Room) each(dir string, f func(name string, info fs.FileInfo) error) error {
	entries, err := fs.ReadDir(r.root.FS(), dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed meanwhile
		}
		if err != nil {
			return err
		}
		if err := f(e.Name(), info); err != nil {
			return err
		}
	}
	return nil
}

func notFound() error {
	return &assay.Problem{Kind: assay.ErrNotFound, What: "there is no such test in your laboratory", Do: "see the list of its tests"}
}

// at is the place of a test; no name leads anywhere else.
func at(org, id string) (string, error) {
	if !orgForm.MatchString(org) || !testForm.MatchString(id) {
		return "", notFound()
	}
	return path.Join(org, id), nil
}

// Test is one test of an organisation.
func (r *Room) Test(org, id string) (*Test, error) {
	place, err := at(org, id)
	if err != nil {
		return nil, err
	}
	f, err := r.root.Open(path.Join(place, testFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, notFound()
	}
	if err != nil {
		return nil, fmt.Errorf("test %s: %w", id, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxTestFile))
	if err != nil {
		return nil, fmt.Errorf("test %s: %w", id, err)
	}
	t := &Test{}
	if err := json.Unmarshal(data, t); err != nil || t.ID != id {
		return nil, fmt.Errorf("test %s: %s is damaged: %w", id, testFile, errors.Join(assay.ErrInternal, err))
	}
	return t, nil
}

// Tests are all tests of an organisation, those changed last first.
func (r *Room) Tests(org string) ([]*Test, error) {
	if !orgForm.MatchString(org) {
		return nil, notFound()
	}
	var all []*Test
	err := r.each(org, func(name string, info fs.FileInfo) error {
		if !testForm.MatchString(name) || !info.IsDir() {
			return nil
		}
		t, err := r.Test(org, name)
		if errors.Is(err, assay.ErrNotFound) { // removed meanwhile
			return nil
		}
		all = append(all, t)
		return err
	})
	slices.SortFunc(all, func(a, b *Test) int {
		if d := b.Changed.Compare(a.Changed); d != 0 {
			return d
		}
		return strings.Compare(a.ID, b.ID)
	})
	return all, err
}

// Use is how much of its bounds an organisation uses.
type Use struct {
	Open, Tests int
	Bytes       int64
}

// Use counts what an organisation keeps.
func (r *Room) Use(org string) (Use, error) {
	var u Use
	tests, err := r.Tests(org)
	if err != nil {
		return u, err
	}
	for _, t := range tests {
		u.Tests++
		if t.State != Archived {
			u.Open++
		}
	}
	err = fs.WalkDir(r.root.FS(), org, func(_ string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			u.Bytes += info.Size()
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	return u, err
}

// account is what is promised to tests of one organisation that begin or grow.
type account struct {
	mu       sync.Mutex // held while it is counted, and guards the field below
	promised Use
}

func (r *Room) account(org string) *account {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.accounts[org] == nil {
		r.accounts[org] = &account{}
	}
	return r.accounts[org]
}

// reserve refuses what would make more of an organisation's tests than it may keep. Else
// there is room for it until it is released: for that long it is counted, and may be
// counted twice. Other organisations do not wait for it.
func (r *Room) reserve(org string, more Use) (release func(), err error) {
	a := r.account(org)
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := r.afford(org, more, a.promised); err != nil {
		return nil, err
	}
	add := func(sign int) {
		a.promised = Use{a.promised.Open + sign*more.Open, a.promised.Tests + sign*more.Tests, a.promised.Bytes + int64(sign)*more.Bytes}
	}
	add(1)
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		add(-1)
	}, nil
}

// afford refuses what is too much, with what is promised.
func (r *Room) afford(org string, more, promised Use) error {
	if more == (Use{}) {
		return nil
	}
	u, err := r.Use(org)
	if err != nil {
		return err
	}
	u = Use{u.Open + promised.Open, u.Tests + promised.Tests, u.Bytes + promised.Bytes}
	full := func(what, do string) error {
		return &assay.Problem{Kind: assay.ErrRefused, Where: "your laboratory", What: what, Do: do}
	}
	switch {
	case more.Bytes > 0 && u.Bytes+more.Bytes > r.Limits.Bytes:
		return full(fmt.Sprintf("keeps %d MB of the %d MB that it may", u.Bytes>>20, r.Limits.Bytes>>20), "save dossiers of old tests and delete these")
	case more.Open > 0 && u.Open+more.Open > r.Limits.Open:
		return full(fmt.Sprintf("has %d tests that are not archived, and more are not taken", u.Open), "archive those that are done")
	case more.Tests > 0 && u.Tests+more.Tests > r.Limits.Tests:
		return full(fmt.Sprintf("has %d tests, and more are not taken", u.Tests), "save dossiers of old tests and delete these")
	}
	return nil
}

// write keeps what is known of a test, whole or not at all.
func (r *Room) write(place string, t *Test) error {
	data, err := json.MarshalIndent(t, "", "  ")
	if err != nil {
		return err
	}
	beside := path.Join(place, "."+testFile)
	f, err := r.root.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(data, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return r.root.Rename(beside, path.Join(place, testFile))
}

// edition is the test of an edition.
func (r *Room) edition(name string) (*bench.Test, error) { return bench.For(r.Law, name) }

// Editions are the editions of EN 303 645 that can be tested, oldest first.
func (r *Room) Editions() []string { return bench.Editions(r.Law) }

// path is the place on disk of a dossier.
func (r *Room) path(place string) string { return path.Join(r.dir, place, dossierDir) }

// open opens a dossier in order to write to it, and waits for another who does.
func (r *Room) open(ctx context.Context, place string, wait time.Duration) (*dossier.Dossier, error) {
	ctx, stop := context.WithTimeout(ctx, wait)
	defer stop()
	for {
		d, err := dossier.Open(context.WithoutCancel(ctx), r.path(place))
		if err == nil || !errors.Is(err, assay.ErrConflict) {
			if errors.Is(err, assay.ErrNotFound) {
				err = notFound()
			}
			return d, err
		}
		again := time.NewTimer(50 * time.Millisecond)
		select {
		case <-ctx.Done():
			again.Stop()
			return nil, &assay.Problem{Kind: assay.ErrConflict, What: "somebody else writes to this test at this moment", Do: "send it again in a few seconds"}
		case <-again.C:
		}
	}
}
