package laboratory

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/bench"
	"github.com/assay-psti/assay/dossier"
)

const (
	lab   = "olab"
	rival = "orival"
	kim   = "Kim Lee, Test House"
)

func room(t testing.TB, l Limits) *Room {
	t.Helper()
	r, err := Open(filepath.Join(t.TempDir(), "tests"), Options{Limits: l, Wait: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func (r *Room) mustBegin(t testing.TB, name string) *Test {
	t.Helper()
	test, err := r.Begin(t.Context(), lab, Start{Name: name, Make: "Example", Models: []string{"L-100"}, By: kim})
	if err != nil {
		t.Fatal(err)
	}
	return test
}

func (r *Room) answer(t testing.TB, id, step string, a bench.Answer) error {
	t.Helper()
	size := int64(0)
	for _, f := range a.Files {
		size += int64(len(f.Data))
	}
	return r.Work(t.Context(), lab, id, kim, size, func(v *Visit) error { return v.Recorder.Record(t.Context(), step, a) })
}

func TestLife(t *testing.T) {
	r := room(t, Limits{})
	test := r.mustBegin(t, "Lamp")
	if test.Title() != "Example Lamp" || test.State != Running || test.Edition != bench.DefaultEdition || test.Done != 0 || test.Steps < 50 || test.Verdict != assay.Inconclusive {
		t.Errorf("it begins as %+v", test)
	}
	if err := r.answer(t, test.ID, "identity/bench.supplier", bench.Answer{Value: "Example Ltd"}); err != nil {
		t.Fatal(err)
	}
	// Another process with the same folder sees the same, and goes on.
	other, err := Open(r.dir, Options{Wait: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if other.ID() != r.ID() {
		t.Errorf("the folder is called %s and %s", r.ID(), other.ID())
	}
	got, err := other.Test(lab, test.ID)
	if err != nil || got.Done != 1 || got.ChangedBy != kim {
		t.Fatalf("%+v, %v", got, err)
	}
	for _, s := range []State{Paused, Archived} {
		if err := other.SetState(t.Context(), lab, test.ID, kim, s); err != nil {
			t.Fatal(err)
		}
		if err := r.answer(t, test.ID, "identity/bench.began", bench.Answer{Value: "2026-11-02"}); !errors.Is(err, assay.ErrConflict) {
			t.Errorf("an answer to a test that is %s: %v", s, err)
		}
	}
	if err := r.SetState(t.Context(), lab, test.ID, kim, Running); err != nil {
		t.Fatal(err)
	}
	if err := r.SetState(t.Context(), lab, test.ID, kim, "lost"); !errors.Is(err, assay.ErrInvalid) {
		t.Errorf("a state that there is none of: %v", err)
	}
	// What a terminal would say of it is the same: the edition stands in the dossier.
	d, err := dossier.Load(t.Context(), r.path(lab+"/"+test.ID))
	if err != nil {
		t.Fatal(err)
	}
	if e, err := bench.EditionOf(d); err != nil || e != test.Edition {
		t.Errorf("the dossier says %s, %v", e, err)
	}
	d.Close()
	if err := r.Delete(t.Context(), lab, test.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Test(lab, test.ID); !errors.Is(err, assay.ErrNotFound) {
		t.Errorf("after it was deleted: %v", err)
	}
	left, err := os.ReadDir(filepath.Join(r.dir, lab))
	if err != nil || len(left) != 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}

// Every call that names another organisation, or what is no name, finds nothing.
func TestOrganisationsApart(t *testing.T) {
	r := room(t, Limits{})
	test := r.mustBegin(t, "Lamp")
	if err := os.WriteFile(filepath.Join(r.dir, "secret"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, who := range [][2]string{{rival, test.ID}, {"../" + lab, test.ID}, {lab, "../" + lab + "/" + test.ID}, {lab, ".."}, {lab, ""}, {"", test.ID}, {"..", "secret"}, {lab, strings.ToUpper(test.ID)}, {lab, test.ID + "/dossier"}} {
		calls := map[string]func() error{
			"test":   func() error { _, err := r.Test(who[0], who[1]); return err },
			"look":   func() error { return r.Look(t.Context(), who[0], who[1], func(*Visit) error { return nil }) },
			"work":   func() error { return r.Work(t.Context(), who[0], who[1], kim, 0, func(*Visit) error { return nil }) },
			"state":  func() error { return r.SetState(t.Context(), who[0], who[1], kim, Archived) },
			"delete": func() error { return r.Delete(t.Context(), who[0], who[1]) },
			"pack": func() error {
				return r.Pack(t.Context(), who[0], who[1], "x", func(io.ReadSeeker) error { return nil })
			},
			"picture": func() error {
				_, err := r.Picture(t.Context(), who[0], who[1], "sha256:"+assay.Digest(strings.Repeat("0", 64)), Small)
				return err
			},
		}
		for name, call := range calls {
			if err := call(); !errors.Is(err, assay.ErrNotFound) {
				t.Errorf("%s of %q: %v, want that it is not found", name, who, err)
			}
		}
	}
	if tests, err := r.Tests(rival); err != nil || len(tests) != 0 {
		t.Errorf("the rival has %d tests, %v", len(tests), err)
	}
	if tests, err := r.Tests(lab); err != nil || len(tests) != 1 || tests[0].State != Running {
		t.Errorf("the laboratory has %v, %v", tests, err)
	}
}

func TestLimits(t *testing.T) {
	r := room(t, Limits{Open: 2, Tests: 3, Bytes: 1<<20 + 200<<10})
	full := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, assay.ErrRefused) {
			t.Errorf("%s: %v, want it refused", what, err)
		}
	}
	first := r.mustBegin(t, "One")
	r.mustBegin(t, "Two")
	_, err := r.Begin(t.Context(), lab, Start{Name: "Three", By: kim})
	full("a third open test", err)
	if _, err := r.Begin(t.Context(), rival, Start{Name: "Theirs", By: "x"}); err != nil {
		t.Errorf("another organisation: %v", err)
	}
	if err := r.SetState(t.Context(), lab, first.ID, kim, Archived); err != nil {
		t.Fatal(err)
	}
	r.mustBegin(t, "Three")
	full("a third open test, by bringing one back", r.SetState(t.Context(), lab, first.ID, kim, Running))
	third, err := r.Tests(lab)
	if err != nil {
		t.Fatal(err)
	}
	id := ""
	for _, x := range third {
		switch x.Name {
		case "Two":
			if err := r.SetState(t.Context(), lab, x.ID, kim, Archived); err != nil {
				t.Fatal(err)
			}
		case "Three":
			id = x.ID
		}
	}
	_, err = r.Begin(t.Context(), lab, Start{Name: "Four", By: kim})
	full("a fourth test", err)
	if err := r.answer(t, id, "ics/5.3-16", bench.Answer{Value: "Y"}); err != nil {
		t.Fatal(err)
	}
	big := bench.Answer{Value: "FAIL", Reason: "seen", Files: []bench.File{{Name: "a.bin", Data: make([]byte, 2<<20)}}}
	full("a file beyond the bound", r.answer(t, id, "unit/5.3-16-2/a", big))
	if u, err := r.Use(lab); err != nil || u.Bytes > 1<<20 || u.Tests != 3 || u.Open != 1 {
		t.Errorf("in use: %+v, %v", u, err)
	}
}

// One writes at a time: nobody's answer is lost, and who waits too long is told so.
// While one organisation's dossier is unpacked, others begin tests, and its own bounds
// count what is not there yet.
func TestBeginBeside(t *testing.T) {
	r := room(t, Limits{Tests: 2})
	fill := func(dir string) error { return dossier.Init(dir, dossier.Start{Name: "Lamp"}) }
	_, err := r.begin(t.Context(), lab, Start{By: kim}, 1<<20, func(dir string) error {
		if _, err := r.begin(t.Context(), rival, Start{By: kim}, 1<<20, fill); err != nil {
			t.Errorf("another organisation: %v", err)
		}
		r.mustBegin(t, "Kettle")
		if _, err := r.Begin(t.Context(), lab, Start{Name: "Third", By: kim}); !errors.Is(err, assay.ErrRefused) {
			t.Errorf("a third test of two: got %v, want a refusal", err)
		}
		return fill(dir)
	})
	if err != nil {
		t.Fatal(err)
	}
	if tests, err := r.Tests(lab); err != nil || len(tests) != 2 {
		t.Errorf("%d tests, %v", len(tests), err)
	}
	if got := r.account(lab).promised; got != (Use{}) {
		t.Errorf("still promised: %+v", got)
	}
	if _, err := r.begin(t.Context(), rival, Start{By: kim}, 1<<20, func(string) error { return assay.ErrInvalid }); err == nil || r.account(rival).promised != (Use{}) {
		t.Errorf("one that failed: %v, still promised: %+v", err, r.account(rival).promised)
	}
}

func TestOneWriter(t *testing.T) {
	r := room(t, Limits{})
	r.Wait = time.Minute
	test := r.mustBegin(t, "Lamp")
	var wait sync.WaitGroup
	steps := []string{"bench.supplier", "bench.supplier_address", "bench.laboratory", "bench.laboratory_address", "bench.hardware_version", "bench.software_version"}
	for _, s := range steps {
		wait.Go(func() {
			if err := r.answer(t, test.ID, "identity/"+s, bench.Answer{Value: s}); err != nil {
				t.Errorf("%s: %v", s, err)
			}
		})
	}
	wait.Wait()
	if got, err := r.Test(lab, test.ID); err != nil || got.Done != len(steps) {
		t.Errorf("%d answers are kept, want %d, %v", got.Done, len(steps), err)
	}
	r.Wait = time.Millisecond
	err := r.Work(t.Context(), lab, test.ID, kim, 0, func(*Visit) error {
		return r.answer(t, test.ID, "identity/bench.began", bench.Answer{Value: "2026-11-02"})
	})
	if !errors.Is(err, assay.ErrConflict) || !strings.Contains(err.Error(), "somebody else writes") {
		t.Errorf("while another writes: %v", err)
	}
}

// pack makes an archive; the names are taken as they are.
func pack(t testing.TB, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i+1 < len(files); i += 2 {
		f, err := z.CreateHeader(&zip.FileHeader{Name: files[i], Method: zip.Deflate})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(files[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const product = "name: Lamp\n"

func linkZip(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	h := &zip.FileHeader{Name: "evidence"}
	h.SetMode(fs.ModeSymlink | 0o777)
	f, err := z.CreateHeader(h)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = f.Write([]byte("/etc"))
	if f, err = z.Create("product.yaml"); err != nil {
		t.Fatal(err)
	}
	_, _ = f.Write([]byte(product))
	z.Close()
	return b.Bytes()
}

func TestTakeIn(t *testing.T) {
	r := room(t, Limits{Packed: 1 << 20, Unpacked: 2 << 20, Entries: 20})
	many := []string{"product.yaml", product}
	for i := range 20 {
		many = append(many, fmt.Sprintf("evidence/documents/%d.txt", i), "x")
	}
	for name, c := range map[string]struct {
		data []byte
		says string
	}{
		"nonsense": {[]byte("PK nonsense"), "no zip file"}, "empty": {nil, "no zip file"}, "no_product": {pack(t, "readme", "x"), "holds no product.yaml"},
		"deep_product": {pack(t, "a/b/product.yaml", product), "holds no product.yaml"}, "way_out": {pack(t, "product.yaml", product, "../evil", "x"), `name "../evil"`},
		"way_out_below": {pack(t, "product.yaml", product, "evidence/../../evil", "x"), "holds a file with the name"}, "absolute": {pack(t, "product.yaml", product, "/etc/passwd", "x"), "holds a file with the name"},
		"backslash": {pack(t, "product.yaml", product, `evidence\x`, "x"), "holds a file with the name"}, "control": {pack(t, "product.yaml", product, "evidence/\x07", "x"), "holds a file with the name"},
		"long": {pack(t, "product.yaml", product, strings.Repeat("a", 300), "x"), "plain and shorter"}, "deep": {pack(t, "product.yaml", product, strings.Repeat("a/", 30)+"x", "x"), "plain and shorter"},
		"twice": {pack(t, "product.yaml", product, "a", "x", "a", "y"), "twice"}, "file_and_folder": {pack(t, "product.yaml", product, "a", "x", "a/b", "y"), "as a file and as a folder"},
		"link": {linkZip(t), "no plain file"}, "bomb": {pack(t, "product.yaml", product, "evidence/documents/zero", strings.Repeat("\x00", 3<<20)), "unpacks to more"}, "many": {pack(t, many...), "more than 20 files"},
		"large": {bytes.Repeat([]byte("x"), 1<<20+1), "larger than 1 MB"}, "bad_product": {pack(t, "product.yaml", "nam: x\n"), ""}, "bad_answers": {pack(t, "product.yaml", product, "declared.yaml", "{"), ""},
		"other_edition": {pack(t, "product.yaml", product, "ixit.yaml", "test_specification: V1.1.1\nedition: V9.9.9\ntables: []\n"), ""},
	} {
		_, err := r.TakeIn(t.Context(), lab, Start{By: kim}, bytes.NewReader(c.data))
		if !errors.Is(err, assay.ErrInvalid) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want it invalid: %q", name, err, c.says)
		}
	}
	left, err := os.ReadDir(filepath.Join(r.dir, lab))
	if err != nil || len(left) != 0 {
		t.Errorf("%v is left of what was refused, %v", left, err)
	}
	all, err := os.ReadDir(r.dir)
	if err != nil || len(all) != 2 {
		t.Errorf("%v is left, %v", all, err)
	}
	if _, err := r.TakeIn(t.Context(), "..", Start{By: kim}, bytes.NewReader(pack(t, "product.yaml", product))); !errors.Is(err, assay.ErrNotFound) {
		t.Errorf("for no organisation: %v", err)
	}

	// There and back: what is packed is what was taken in, and what came since.
	files := []string{"kit/product.yaml", "name: Lamp\nmake: Example\n", "kit/evidence/documents/manual.txt", "manual", "kit/.lock", "", "kit/.git/HEAD", "x", "__MACOSX/kit/._x", "x", "kit/notes.md", "notes"}
	test, err := r.TakeIn(t.Context(), lab, Start{By: kim, Edition: "V3.1.3"}, bytes.NewReader(pack(t, files...)))
	if err != nil {
		t.Fatal(err)
	}
	if test.Title() != "Example Lamp" || test.Edition != "V3.1.3" {
		t.Errorf("%+v", test)
	}
	if err := r.answer(t, test.ID, "identity/bench.supplier", bench.Answer{Value: "Example Ltd"}); err != nil {
		t.Fatal(err)
	}
	back := r.unpacked(t, test.ID)
	if back["lamp/notes.md"] != "notes" || back["lamp/evidence/documents/manual.txt"] != "manual" || !strings.Contains(back["lamp/declared.yaml"], "Example Ltd") || len(back) != 5 {
		t.Errorf("packed: %v", back)
	}
	again, err := r.TakeIn(t.Context(), lab, Start{By: kim}, bytes.NewReader(r.packed(t, test.ID)))
	if err != nil {
		t.Fatal(err)
	}
	if again.Edition != "V3.1.3" || again.Done != 1 {
		t.Errorf("taken in again: %+v", again)
	}
	if d := cmp.Diff(r.unpacked(t, again.ID), back); d != "" {
		t.Errorf("there and back: %s", d)
	}
}

func (r *Room) packed(t testing.TB, id string) []byte {
	t.Helper()
	var out []byte
	err := r.Pack(t.Context(), lab, id, "lamp", func(in io.ReadSeeker) (err error) {
		out, err = io.ReadAll(in)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (r *Room) unpacked(t testing.TB, id string) map[string]string {
	t.Helper()
	data := r.packed(t, id)
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, e := range z.File {
		f, err := e.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name] = string(data)
	}
	return all
}

// What a killed process left is removed a day later, and not before.
func TestLeftovers(t *testing.T) {
	r := room(t, Limits{})
	r.mustBegin(t, "Lamp")
	for _, name := range []string{".part-x", lab + "/.gone-x", lab + "/.begin-x"} {
		if err := os.WriteFile(filepath.Join(r.dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	count := func(later time.Duration) (n int) {
		again, err := Open(r.dir, Options{Now: func() time.Time { return time.Now().Add(later) }})
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		err = filepath.WalkDir(r.dir, func(name string, e fs.DirEntry, err error) error {
			if strings.HasSuffix(e.Name(), "-x") {
				n++
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if got := count(time.Hour); got != 3 {
		t.Errorf("%d are there after an hour, want 3", got)
	}
	if got := count(25 * time.Hour); got != 0 {
		t.Errorf("%d are there after a day, want none", got)
	}
	if tests, err := r.Tests(lab); err != nil || len(tests) != 1 {
		t.Errorf("%d tests, %v", len(tests), err)
	}
}
