package dossier

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/assay-psti/assay"
)

func seen(term assay.TermID, v assay.Value) assay.Observation {
	o := assay.Observation{Subject: assay.Product, Term: term, Value: v, Source: assay.Observed, By: "check/x", At: time.Unix(1e9, 0).UTC(),
		Evidence: []assay.Reference{{Digest: "sha256:00", Name: "firmware/a", Place: "line 1"}}, Note: "<why> & so"}
	o.Identify()
	return o
}

func withdrawal(id assay.ObservationID, at int64) assay.Observation {
	o := assay.Observation{Withdraws: id, By: "check/x", At: time.Unix(at, 0).UTC()}
	o.Identify()
	return o
}

func TestAppend(t *testing.T) {
	dir := folder(t, map[string]string{productFile: "name: x\n"})
	a, b, c := seen("a.a", assay.Bool(true)), seen("a.b", assay.Day(assay.MustDate("2026-01-02"))), seen("a.c", assay.Set("y", "x"))
	d := open(t, dir)
	steps := []struct {
		add  []assay.Observation
		want int
	}{
		{[]assay.Observation{a, b, a}, 2},
		{[]assay.Observation{a, b}, 0},
		{[]assay.Observation{withdrawal(c.ID, 1)}, 0}, // does not stand
		{[]assay.Observation{c, withdrawal(a.ID, 1)}, 2},
		{[]assay.Observation{withdrawal(a.ID, 2)}, 0},
		{[]assay.Observation{a}, 1}, // said anew
	}
	for i, s := range steps {
		if n, err := d.Append(s.add); n != s.want || err != nil {
			t.Fatalf("step %d: got %d, %v, want %d", i, n, err, s.want)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Load(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if diff := cmp.Diff(d.Observed, again.Observed); diff != "" || len(again.Observed) != 5 {
		t.Errorf("got %d observations: %s", len(again.Observed), diff)
	}
	if _, err := again.Append([]assay.Observation{seen("a.d", assay.Int(1))}); !errors.Is(err, assay.ErrConflict) {
		t.Errorf("append to a dossier opened for reading: got %v", err)
	}
}

func TestAppendRefuses(t *testing.T) {
	d := open(t, folder(t, map[string]string{productFile: "name: x\n"}))
	declared := seen("a.a", assay.Bool(true))
	declared.Source, declared.Evidence = assay.Declared, nil // what a person declares has a file of its own
	declared.Identify()
	broken := seen("a.a", assay.Text("a\xff"))
	stale := seen("a.a", assay.Bool(true))
	stale.Note = "edited"
	for name, o := range map[string]assay.Observation{"declared": declared, "not-utf8": broken, "edited": stale, "no-value": seen("a.a", assay.Value{})} {
		if n, err := d.Append([]assay.Observation{o}); err == nil || n != 0 {
			t.Errorf("%s: got %d, %v, want an error", name, n, err)
		}
	}
	if _, err := os.Stat(filepath.Join(d.root.Name(), observedFile)); err == nil {
		t.Error("something was written")
	}
}

// Wherever power fails while a file is written, what was whole before stays, and
// the next run goes on.
func TestTornLine(t *testing.T) {
	dir := folder(t, map[string]string{productFile: "name: x\n"})
	d := open(t, dir)
	a, b, c := seen("a.a", assay.Bool(true)), seen("a.b", assay.Int(3)), seen("a.c", assay.Text("z"))
	if _, err := d.Append([]assay.Observation{a, b}); err != nil {
		t.Fatal(err)
	}
	d.Close()
	name := filepath.Join(dir, observedFile)
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	first := strings.IndexByte(string(whole), '\n') + 1
	tails := map[string][]byte{"nuls": append(whole[:first:first], make([]byte, 40)...)}
	for cut := range whole {
		if d := min(cut, abs(cut-first), len(whole)-cut); d > 2 && cut%61 != 0 {
			continue // each cut costs two syncs
		}
		tails[fmt.Sprintf("cut-%d", cut)] = whole[:cut]
	}
	for label, text := range tails {
		if err := os.WriteFile(name, text, 0o644); err != nil {
			t.Fatal(err)
		}
		d, err := Open(t.Context(), dir)
		if err != nil {
			t.Fatalf("%s: %v", label, err)
		}
		want := strings.Count(string(text), "\n")
		open := len(text) == first-1 || len(text) == len(whole)-1
		if open {
			want++
		}
		torn := len(text) > 0 && text[len(text)-1] != '\n' && !open
		if len(d.Observed) != want || (len(d.Notices) == 1) != torn {
			t.Fatalf("%s: got %d observations, notices %q, want %d, torn %t", label, len(d.Observed), d.Notices, want, torn)
		}
		if _, err := d.Append([]assay.Observation{c}); err != nil {
			t.Fatalf("%s: %v", label, err)
		}
		d.Close()
		again, err := Load(t.Context(), dir)
		if err != nil || len(again.Observed) != want+1 || len(again.Notices) != 0 {
			t.Fatalf("%s: after appending: %v, %+v", label, err, again)
		}
		again.Close()
	}
}

func abs(n int) int { return max(n, -n) }

func TestEditedObservationIsRefused(t *testing.T) {
	dir := folder(t, map[string]string{productFile: "name: x\n"})
	d := open(t, dir)
	if _, err := d.Append([]assay.Observation{seen("a.a", assay.Bool(false)), seen("a.b", assay.Bool(false))}); err != nil {
		t.Fatal(err)
	}
	d.Close()
	name := filepath.Join(dir, observedFile)
	data, _ := os.ReadFile(name)
	i := strings.LastIndex(string(data), `"value":false`)
	edited := string(data[:i]) + `"value":true` + string(data[i+len(`"value":false`):])
	if err := os.WriteFile(name, []byte(edited), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(t.Context(), dir); !errors.Is(err, assay.ErrInvalid) || !strings.Contains(err.Error(), "observed.jsonl:2: ") {
		t.Errorf("got %v, want line 2 refused", err)
	}
}

func TestAnswerKeepsWhatWasWritten(t *testing.T) {
	add := Answer{Term: "product.tangible", Value: assay.Bool(true), By: "B. Other", At: time.Date(2026, 5, 1, 2, 3, 4, 0, time.UTC), Note: "no: \"quoted\"\n# not a comment"}
	for name, text := range map[string]string{
		"none":        "",
		"comment":     "# only\n",
		"null":        "# a\nanswers:\n# b\n",
		"empty":       "answers: [] # c\n",
		"two":         twoAnswers,
		"no-feed":     strings.TrimSuffix("answers:\n- {term: a.b, value: [x, z], by: P, at: 2026-01-01}\n", "\n"),
		"no-indent":   "answers:\n- term: a.b\n  value: 2026-01-01\n  by: P\n  at: 2026-01-01\n",
		"tail":        twoAnswers + "# the end\n",
		"marker":      "---\n" + twoAnswers,
		"wide-indent": "answers:\n      - term: a.b\n        value: 3\n        by: P\n        at: 2026-01-01\n",
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, folder(t, map[string]string{productFile: "name: x\n", declaredFile: text}))
			before := len(d.Declared)
			for range 2 {
				add.At = add.At.Add(time.Hour)
				if err := d.Answer(add); err != nil {
					t.Fatal(err)
				}
			}
			data, _ := os.ReadFile(filepath.Join(d.root.Name(), declaredFile))
			kept := strings.TrimSpace(strings.Replace(text, "[]", "", 1))
			if !strings.HasPrefix(strings.ReplaceAll(string(data), "answers:  #", "answers: #"), strings.ReplaceAll(kept, "answers:  #", "answers: #")) {
				t.Errorf("what stood there is gone:\n%s", data)
			}
			if len(d.Declared) != before+1 { // said twice, counts once, at its later time
				t.Fatalf("got %d, want %d", len(d.Declared), before+1)
			}
			o := d.Declared[before]
			if o.Term != add.Term || o.Note != add.Note || !o.At.Equal(add.At) || !o.Value.Bool() || o.By != add.By {
				t.Errorf("got %+v", o)
			}
		})
	}
}

func TestAnswerRefuses(t *testing.T) {
	good := Answer{Term: "a.b", Value: assay.Bool(true), By: "P", At: time.Unix(1e9, 0)}
	for name, change := range map[string]func(*Answer){
		"term":    func(a *Answer) { a.Term = "x" },
		"subject": func(a *Answer) { a.Subject = "password" },
		"value":   func(a *Answer) { a.Value = assay.Value{} },
		"by":      func(a *Answer) { a.By = " " },
		"at":      func(a *Answer) { a.At = time.Time{} },
		"control": func(a *Answer) { a.Note = "\x1b[2J" },
		"utf8":    func(a *Answer) { a.By = "\xff" },
	} {
		d := open(t, folder(t, map[string]string{productFile: "name: x\n", declaredFile: twoAnswers}))
		a := good
		change(&a)
		if err := d.Answer(good, a); !errors.Is(err, assay.ErrInvalid) {
			t.Errorf("%s: got %v", name, err)
		}
		if data, _ := os.ReadFile(filepath.Join(d.root.Name(), declaredFile)); string(data) != twoAnswers {
			t.Errorf("%s: the file was changed", name)
		}
	}
}

// Whatever text a person types comes back as typed.
func TestAnswerRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.RuneFrom(nil, rangePrintable)).Filter(func(s string) bool { return notText([]byte(s)) < 0 })
		at := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "at"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC()
		a := Answer{Subject: assay.Product, Term: "a.b", By: "x" + text.Draw(t, "by"), Note: text.Draw(t, "note"), At: at}
		switch rapid.IntRange(0, 4).Draw(t, "type") {
		case 0:
			a.Value = assay.Bool(rapid.Bool().Draw(t, "bool"))
		case 1:
			a.Value = assay.Int(rapid.Int64Range(-1e17, 1e17).Draw(t, "int"))
		case 2:
			a.Value = assay.Text(text.Draw(t, "text"))
		case 3:
			a.Value = assay.Set(rapid.SliceOf(text).Draw(t, "set")...)
		case 4:
			a.Value = assay.Day(assay.DateOf(at))
		}
		out, err := addAnswers([]byte(twoAnswers), []Answer{a})
		if err != nil {
			t.Fatalf("%v\n%+v", err, a)
		}
		back, err := readDeclared(out)
		if err != nil || len(back.answers) != 3 || !sameAnswers([]Answer{a}, back.answers[2:]) {
			t.Fatalf("%v\n%s", err, out)
		}
	})
}

func TestWrite(t *testing.T) {
	dir := folder(t, map[string]string{productFile: "name: x\n", "report.html": "old", ".report.html.new": "left behind"})
	d := open(t, dir)
	if err := d.Write("report.html", []byte("new")); err != nil {
		t.Fatal(err)
	}
	if data, _ := os.ReadFile(filepath.Join(dir, "report.html")); string(data) != "new" {
		t.Errorf("got %q", data)
	}
	if _, err := os.Lstat(filepath.Join(dir, ".report.html.new")); err == nil {
		t.Error("the file beside is left")
	}
	for _, name := range []string{"", ".", "..", "../x", "/tmp/x", "a/b", productFile, "Declared.yaml", observedFile, "evidence", ".lock", "a\nb"} {
		if err := d.Write(name, nil); !errors.Is(err, assay.ErrRefused) {
			t.Errorf("%q: got %v, want refused", name, err)
		}
	}
	outside := folder(t, map[string]string{"x": "kept"})
	if err := os.Symlink(filepath.Join(outside, "x"), filepath.Join(dir, "statement.json")); err != nil {
		t.Skip("no symbolic links here")
	}
	if err := d.Write("statement.json", []byte("new")); !errors.Is(err, assay.ErrRefused) {
		t.Errorf("through a link: got %v, want refused", err)
	}
	if err := os.Symlink(filepath.Join(outside, "x"), filepath.Join(dir, ".a.json.new")); err != nil {
		t.Fatal(err)
	}
	if err := d.Write("a.json", []byte("new")); err != nil {
		t.Error(err)
	}
	if data, _ := os.ReadFile(filepath.Join(outside, "x")); string(data) != "kept" {
		t.Errorf("written outside: %q", data)
	}
}

func TestTwoWriters(t *testing.T) {
	dir := folder(t, map[string]string{productFile: "name: x\n"})
	d := open(t, dir)
	if _, err := Open(t.Context(), dir); !errors.Is(err, assay.ErrConflict) || !strings.Contains(err.Error(), "another assay is writing") {
		t.Errorf("got %v, want conflict", err)
	}
	if r, err := Load(t.Context(), dir); err != nil {
		t.Errorf("reading: %v", err)
	} else {
		r.Close()
	}
	d.Close()
	open(t, dir)
}

func TestInit(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "kettle")
	start := Start{Name: "Kettle: \"K2\"", Make: "yes", Models: []string{"1.10", "K2"}, Category: "kettle", Territories: []string{"GB"}, Stated: assay.MustDate("2026-04-29"),
		Answers: []Answer{{Term: "product.tangible", Value: assay.Bool(true), By: "P", At: time.Unix(1e9, 0)}}}
	if err := Init(dir, start); err != nil {
		t.Fatal(err)
	}
	d := open(t, dir)
	p := d.Product
	if p.Name != start.Name || p.Make != "yes" || p.Models[0] != "1.10" || p.Category != "kettle" || p.Territories[0] != "GB" || p.Stated != start.Stated {
		t.Errorf("got %+v", p)
	}
	if len(d.Declared) != 3 || len(d.Evidence.Items()) != 0 {
		t.Errorf("got %+v and %d items", d.Declared, len(d.Evidence.Items()))
	}
	if err := Init(dir, start); !errors.Is(err, assay.ErrConflict) {
		t.Errorf("again: got %v, want conflict", err)
	}
	if err := Init(filepath.Join(t.TempDir(), "x"), Start{}); !errors.Is(err, assay.ErrInvalid) {
		t.Errorf("no name: got %v", err)
	}
	if err := Init(t.TempDir(), Start{Name: "x"}); err != nil {
		t.Errorf("name alone: %v", err)
	}
}

// Every example in the template is right: taken out of its comment it reads.
func TestTemplateExamples(t *testing.T) {
	dir := t.TempDir()
	if err := Init(dir, Start{Name: "x"}); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, productFile))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, line := range strings.Split(string(data), "\n") {
		bare := strings.TrimPrefix(line, "# ")
		if line != bare && (strings.HasPrefix(bare, " ") || exampleKey(bare)) {
			line = bare
		}
		out = append(out, line)
	}
	p, _, err := readProduct([]byte(strings.Join(out, "\n")))
	if err != nil {
		t.Fatalf("%v\n%s", err, strings.Join(out, "\n"))
	}
	if len(p.Parts()) != 7 || len(p.Supply) != 1 || len(p.Units) != 1 || len(p.Versions) != 1 || p.Pages.Statement == "" || p.Stated.Zero() || len(p.Territories) != 2 {
		t.Errorf("got %+v", p)
	}
}

func exampleKey(line string) bool {
	key, _, ok := strings.Cut(line, ":")
	return ok && !strings.Contains(key, " ")
}
