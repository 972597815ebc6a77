package laboratory

import (
	"bytes"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assay-psti/assay"
)

func FuzzUnpack(f *testing.F) {
	for _, seed := range [][]byte{pack(f, "product.yaml", product), pack(f, "kit/product.yaml", product, "kit/evidence/x", "y"), pack(f, "product.yaml", product, "../evil", "x"), linkZip(f), []byte("PK\x03\x04")} {
		f.Add(seed)
	}
	dir := f.TempDir()
	r, err := Open(filepath.Join(dir, "tests"), Options{Limits: Limits{Unpacked: 1 << 16, Entries: 50}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		at := filepath.Join(t.TempDir(), "in")
		err := r.unpack(t.Context(), bytes.NewReader(data), int64(len(data)), at)
		if err != nil && !errors.Is(err, assay.ErrInvalid) {
			t.Errorf("a fault that is not the archive's: %v", err)
		}
		total := int64(0)
		_ = filepath.WalkDir(filepath.Dir(at), func(name string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if rel, _ := filepath.Rel(at, name); name != filepath.Dir(at) && strings.HasPrefix(rel, "..") {
				t.Errorf("%s is outside of the folder", name)
			}
			if !e.IsDir() && !e.Type().IsRegular() {
				t.Errorf("%s is no plain file", name)
			}
			if info, err := e.Info(); err == nil && e.Type().IsRegular() {
				total += info.Size()
			}
			return nil
		})
		if total > 1<<16+1 {
			t.Errorf("%d bytes came out", total)
		}
	})
}
