package dossier_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/dossier"
	"github.com/assay-psti/assay/evidence"
)

func TestKeepFrom(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "product.yaml"), []byte("name: Lamp\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := dossier.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	keep := func(name, text string) (assay.Reference, error) {
		return d.KeepFrom(t.Context(), evidence.Captures, name, func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return err
		})
	}
	for _, c := range []struct{ name, text, want string }{
		{"../a b.pcap", "one", "captures/a-b.pcap"},
		{"a b.pcap", "one", "captures/a-b.pcap"}, // the same again
		{"a-b.pcap", "two", "captures/3fc4ccfe7458-a-b.pcap"},
		{"a-b.pcap", "two", "captures/3fc4ccfe7458-a-b.pcap"},
		{"...", "", "captures/evidence"},
	} {
		ref, err := keep(c.name, c.text)
		if err != nil || ref.Name != c.want {
			t.Errorf("%s: %s, %v, want %s", c.name, ref.Name, err, c.want)
		}
		if data, err := os.ReadFile(filepath.Join(dir, "evidence", c.want)); err != nil || string(data) != c.text {
			t.Errorf("%s holds %q, %v", c.want, data, err)
		}
		if !d.Holds(ref.Digest) {
			t.Errorf("%s is not held", c.want)
		}
	}
	broken := errors.New("no capture")
	if _, err := d.KeepFrom(t.Context(), evidence.Captures, "x.pcap", func(w io.Writer) error {
		_, _ = io.WriteString(w, "half")
		return broken
	}); !errors.Is(err, broken) {
		t.Errorf("a writer that fails: %v", err)
	}
	if _, err := d.KeepFrom(t.Context(), "secrets", "x", func(io.Writer) error { return nil }); !errors.Is(err, assay.ErrInvalid) {
		t.Errorf("an unknown kind: %v", err)
	}
	d.Close()
	d, err = dossier.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { d.Close() }()
	if got := len(d.Evidence.Items()); got != 3 {
		t.Errorf("%d items, want 3", got)
	}
	if ref, err := keep("other.pcap", "one"); err != nil || ref.Name != "captures/a-b.pcap" { // listed, under its old name
		t.Errorf("%s, %v", ref.Name, err)
	}
	left, err := os.ReadDir(filepath.Join(dir, "evidence", "captures"))
	if err != nil || len(left) != 3 {
		t.Errorf("%d files are left, want 3: %v", len(left), err)
	}
}
