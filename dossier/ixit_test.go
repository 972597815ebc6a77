package dossier

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/evidence"
)

func TestIXITReadsBack(t *testing.T) {
	text := rapid.OneOf(rapid.SampledFrom([]string{"yes", "no", "1.10", "null", "- a", "# b", "a: b", "\"", "a\nb", "=1", "é\t字", "{x}", "~"}), rapid.StringOfN(rapid.RuneFrom([]rune("ab: -#\"'\n{}[],&*!|>%@`é")), 1, 20, -1))
	rapid.Check(t, func(r *rapid.T) {
		x := &IXIT{TestSpecification: "V1.1.1", Edition: "V2.1.1"}
		if rapid.Bool().Draw(r, "signed") {
			x.Signed = &IXITSignature{By: "Jo Maker, head", At: time.Date(2026, 11, 2, 3, 4, 5, 0, time.UTC), Digest: "sha256:ab"}
		}
		for n := range rapid.IntRange(0, 3).Draw(r, "tables") {
			table := IXITTable{Number: n + 1, Name: "T"}
			for i := range rapid.IntRange(0, 2).Draw(r, "entries") {
				e := IXITEntry{ID: "e" + string(rune('0'+i))}
				if rapid.Bool().Draw(r, "about") {
					e.About = "interface/https"
				}
				for k := range rapid.IntRange(0, 2).Draw(r, "fields") {
					f := IXITField{Name: "F" + string(rune('0'+k))}
					if rapid.Bool().Draw(r, "declares") {
						f.Declared = text.Draw(r, "declared")
					}
					if rapid.Bool().Draw(r, "finds") {
						f.Found = text.Draw(r, "found")
					}
					e.Fields = append(e.Fields, f)
				}
				table.Entries = append(table.Entries, e)
			}
			if len(table.Entries) == 0 && rapid.Bool().Draw(r, "empty") {
				table.Empty = text.Draw(r, "why")
			}
			x.Tables = append(x.Tables, table)
		}
		got, err := readIXIT(x.yaml())
		if err != nil {
			r.Fatalf("%v in\n%s", err, x.yaml())
		}
		if diff := cmp.Diff(got, x); diff != "" {
			r.Fatalf("(-got +want):\n%s\nin\n%s", diff, x.yaml())
		}
	})
}

func TestIXITSignatureIsOfWhatIsDeclared(t *testing.T) {
	x := &IXIT{TestSpecification: "V1.1.1", Edition: "V2.1.1", Tables: []IXITTable{{Number: 1, Entries: []IXITEntry{{ID: "a", Fields: []IXITField{{Name: "D", Declared: "x"}}}}}, {Number: 2, Empty: "none"}}}
	x.Signed = &IXITSignature{By: "Jo", At: time.Unix(0, 0), Digest: x.DeclaredDigest()}
	if x.Draft() {
		t.Fatal("what was signed is a draft")
	}
	for _, row := range []struct {
		name   string
		change func()
		draft  bool
	}{
		{"found", func() { x.Tables[0].Entries[0].Fields[0].Found = "y" }, false},
		{"found-entry", func() {
			x.Tables[0].Entries = append(x.Tables[0].Entries, IXITEntry{ID: "b", Fields: []IXITField{{Name: "D", Found: "z"}}})
		}, false},
		{"declared", func() { x.Tables[0].Entries[0].Fields[0].Declared = "other" }, true},
		{"back", func() { x.Tables[0].Entries[0].Fields[0].Declared = "x" }, false},
		{"id", func() { x.Tables[0].Entries[0].ID = "c" }, true},
		{"id-back", func() { x.Tables[0].Entries[0].ID = "a" }, false},
		{"empty", func() { x.Tables[1].Empty = "" }, true},
		{"empty-back", func() { x.Tables[1].Empty = "none" }, false},
		{"version", func() { x.Edition = "V3.1.3" }, true},
	} {
		row.change()
		if got := x.Draft(); got != row.draft {
			t.Errorf("after %s: draft %t, want %t", row.name, got, row.draft)
		}
	}
	x.Edition = "V2.1.1"
	if x.DeclaredDigest(1) == x.DeclaredDigest(2) {
		t.Error("two tables have one digest")
	}
}

func TestIXITIsStrict(t *testing.T) {
	head := "test_specification: V1.1.1\nedition: V2.1.1\n"
	for _, row := range []struct{ name, text, says string }{
		{"no-version", "edition: V2.1.1\n", "which version"},
		{"unknown-key", head + "extra: a\n", "unknown key"},
		{"twice", head + "tables:\n  - table: 1\n  - table: 1\n", "stands twice"},
		{"entry-twice", head + "tables:\n  - table: 1\n    entries:\n      - id: a\n      - id: a\n", "no id of its own"},
		{"no-id", head + "tables:\n  - table: 1\n    entries:\n      - about: interface/x\n", "no id of its own"},
		{"field-twice", head + "tables:\n  - table: 1\n    entries:\n      - id: a\n        fields:\n          - field: F\n          - field: F\n", "stands twice"},
		{"bad-about", head + "tables:\n  - table: 1\n    entries:\n      - id: a\n        about: Interface x\n", "no part of a product"},
		{"empty-and-full", head + "tables:\n  - table: 1\n    empty: none\n    entries:\n      - id: a\n        fields:\n          - field: F\n            declared: x\n", "declared empty and has entries"},
		{"signed-by-nobody", head + "signed:\n  at: 2026-11-02\n", "who signed"},
		{"number", head + "tables:\n  - table: 1\n    entries:\n      - id: a\n        fields:\n          - field: F\n            declared: 1.10\n", "put it in quotes"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := readIXIT([]byte(row.text))
			if !errors.Is(err, assay.ErrInvalid) || !strings.Contains(err.Error(), row.says) || !strings.HasPrefix(err.Error(), "ixit.yaml") {
				t.Errorf("error %v, want one that says %q", err, row.says)
			}
		})
	}
}

func FuzzReadIXIT(f *testing.F) {
	f.Add([]byte("test_specification: V1.1.1\nedition: V2.1.1\ntables:\n  - table: 1\n    entries:\n      - id: a\n        fields:\n          - field: F\n            declared: x\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		x, err := readIXIT(data)
		if err != nil {
			return
		}
		again, err := readIXIT(x.yaml())
		if err != nil || again.DeclaredDigest() != x.DeclaredDigest() {
			t.Fatalf("what was read does not read back: %v\n%s", err, x.yaml())
		}
	})
}

func TestKeep(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "product.yaml"), []byte("name: Lamp\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	keep := func(name, text string) assay.Reference {
		t.Helper()
		ref, err := d.Keep(t.Context(), evidence.Device, name, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if !d.Holds(ref.Digest) {
			t.Errorf("%s is not held", name)
		}
		return ref
	}
	first := keep("../../etc/a b.txt", "one")
	if got, want := first.Name, "device/a-b.txt"; got != want {
		t.Errorf("kept as %s, want %s", got, want)
	}
	if again := keep("a b.txt", "one"); again != first {
		t.Errorf("the same again is kept as %v, want %v", again, first)
	}
	other := keep("a b.txt", "two")
	if other.Name == first.Name {
		t.Errorf("other bytes are kept as %s, too", other.Name)
	}
	hidden := keep(".hidden", "three")
	if _, err := d.Keep(t.Context(), "secrets", "x", nil); !errors.Is(err, assay.ErrInvalid) {
		t.Errorf("a kind that is none: %v", err)
	}
	d.Close()
	if d, err = Load(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, ref := range []assay.Reference{first, other, hidden} {
		if item, ok := d.Evidence.Find(ref.Name); !ok || item.Digest != ref.Digest || !d.Holds(ref.Digest) {
			t.Errorf("%v is listed as %v", ref, item)
		}
	}
	if d.Holds("sha256:00") {
		t.Error("what is not there is held")
	}
	if _, err := d.Keep(t.Context(), evidence.Device, "x", nil); !errors.Is(err, assay.ErrConflict) {
		t.Errorf("a dossier open for reading: %v", err)
	}
}
