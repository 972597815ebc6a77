//go:build linux

package evidence_test

import (
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/evidence"
)

// A pipe is never opened: reading it would wait for ever.
func TestPipes(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"firmware/tree/a": "1"})
	before := open(t, dir).Items()[0].Digest
	if err := syscall.Mkfifo(filepath.Join(dir, "firmware/tree/pipe"), 0o600); err != nil {
		t.Skipf("no pipes here: %v", err)
	}
	if after := open(t, dir).Items()[0].Digest; after == before {
		t.Error("a pipe in the tree does not change its digest")
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "firmware/pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := evidence.Open(t.Context(), dir, evidence.Limits{})
	if !errors.Is(err, assay.ErrInvalid) || !strings.Contains(err.Error(), "evidence/firmware/pipe: is neither a file nor a folder") {
		t.Errorf("got %v", err)
	}
}
