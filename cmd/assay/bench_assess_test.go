package main

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/internal/sample"
	"github.com/assay-psti/assay/register"
	"github.com/assay-psti/assay/sign"
)

// TestAssessmentIsTaken: what assay bench assess signs, a register takes from the laboratory
// whose key it is, and from no other.
func TestAssessmentIsTaken(t *testing.T) {
	var said bytes.Buffer
	env := &environment{out: &said, errOut: io.Discard, now: time.Now}
	c := &serveCommand{database: database{Data: filepath.Join(t.TempDir(), "data")}, PublicURL: "http://localhost:8080"}
	h, err := c.open(t.Context(), env, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	if err := sample.Fill(t.Context(), h.db, h.log, 3); err != nil {
		t.Fatal(err)
	}
	if _, err := h.register.Integrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	found, err := h.register.Search(t.Context(), register.Public, register.Query{})
	if err != nil || len(found.Entries) == 0 {
		t.Fatalf("no products: %v", err)
	}
	entry := found.Entries[0]
	secret, err := h.register.SetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a, err := h.register.TakeUpLink(t.Context(), register.Public, secret, register.Person{Name: "Kim Lee", Email: "kim@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	op, err := h.register.SignIn(t.Context(), a.ID, "", "")
	if err != nil {
		t.Fatal(err)
	}
	lab := func(name string, key *sign.Key) register.Viewer {
		o, err := h.register.CreateOrganisation(t.Context(), op, register.Organisation{Name: name, Kind: register.Laboratory})
		if err != nil {
			t.Fatal(err)
		}
		v, err := h.register.SignIn(t.Context(), a.ID, o.ID, "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.register.AddKey(t.Context(), v, "bench", key.Public().PEM()); err != nil {
			t.Fatal(err)
		}
		return v
	}
	keys := []*sign.Key{}
	for range 2 {
		k, err := sign.Generate(sign.Ed25519)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, k)
	}
	dir := t.TempDir()
	if err := sign.WriteKeyFiles(filepath.Join(dir, "laboratory.key"), keys[0]); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "product.yaml"), []byte("name: Lamp\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	assess := &benchAssess{benchOf: benchOf{Dir: dir}, Product: string(entry.ID), Version: entry.Version, Key: filepath.Join(dir, "laboratory.key"), Laboratory: "Test House"}
	if err := assess.Run(t.Context(), env); err != nil {
		t.Fatal(err)
	}
	signed, err := os.ReadFile(filepath.Join(dir, assessmentFile))
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := lab("Test House", keys[0]), lab("Rival House", keys[1])
	if _, err := h.register.AttachAssessment(t.Context(), theirs, entry.ID, signed); err == nil {
		t.Error("it is taken from a laboratory that did not sign it")
	}
	got, err := h.register.AttachAssessment(t.Context(), ours, entry.ID, signed)
	if err != nil {
		t.Fatal(err)
	}
	report, err := os.ReadFile(filepath.Join(dir, "bench-report.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Says.Regimes) != 1 || got.Says.Regimes[0].Verdict != assay.Inconclusive || got.Says.Regimes[0].Version != "V2.1.1" || got.Says.Report != register.DigestOf(report) {
		t.Errorf("it says %+v", got.Says)
	}
}
